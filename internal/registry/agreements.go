package registry

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"time"

	"fairlead/internal/agreement"
	"fairlead/internal/fairlead"
	"fairlead/internal/officer"
	"fairlead/internal/policy"
)

// standing is an agreement version and who was told that it is active.
type standing struct {
	agreement.Standing
	told []fairlead.AgencyID
}

// agreements are all versions on record, numbered as they were proposed. Which of them name two agencies
// is the AND of two rows of bits, whatever the number of parties. The zero value is empty; what is
// written to is copied first.
type agreements struct {
	list  []*standing
	rows  map[fairlead.AgencyID][]uint64
	index map[string]int // by reference, "A2/1"
}

// get finds a version by reference, or nil.
func (a *agreements) get(ref string) *standing {
	if i, ok := a.index[ref]; ok {
		return a.list[i]
	}
	return nil
}

// with replaces a version, or adds it.
func (a agreements) with(st *standing) agreements {
	i, ok := a.index[st.Ref()]
	a.list = slices.Clone(a.list)
	if ok {
		a.list[i] = st
		return a
	}
	i = len(a.list)
	a.list = append(a.list, st)
	a.index = cloneMap(a.index)
	a.index[st.Ref()] = i
	a.rows = cloneMap(a.rows)
	for _, id := range st.Parties {
		row := make([]uint64, i/64+1)
		copy(row, a.rows[id])
		row[i/64] |= 1 << (i % 64)
		a.rows[id] = row
	}
	return a
}

// cloneMap copies a map that may be nil, with room for one more.
func cloneMap[K comparable, V any](m map[K]V) map[K]V {
	next := make(map[K]V, len(m)+1)
	for k, v := range m {
		next[k] = v
	}
	return next
}

// between lists the versions of which both agencies are parties.
func (a *agreements) between(x, y fairlead.AgencyID) (list []*agreement.Standing) {
	rows, others := a.rows[x], a.rows[y]
	for w := range min(len(rows), len(others)) {
		for b := rows[w] & others[w]; b != 0; b &= b - 1 {
			list = append(list, &a.list[w*64+bits.TrailingZeros64(b)].Standing)
		}
	}
	return list
}

// sorted lists the versions by reference.
func (a *agreements) sorted() []*standing {
	list := slices.Clone(a.list)
	slices.SortFunc(list, func(x, y *standing) int { return strings.Compare(x.Ref(), y.Ref()) })
	return list
}

// Agreements lists every version on record, by reference.
func (s *Snapshot) Agreements() []agreement.Standing {
	var list []agreement.Standing
	for _, st := range s.agreements.sorted() {
		list = append(list, st.Standing)
	}
	return list
}

// Houses lists the rules of houses that are known here: the hub's first, then by agency.
func (s *Snapshot) Houses() []*agreement.House {
	var list []*agreement.House
	if s.house != nil {
		list = append(list, s.house)
	}
	for _, a := range s.Agencies() {
		if h := s.houses[a.ID]; h != nil {
			list = append(list, h)
		}
	}
	return list
}

// Book is what an officer looks at, as far as it is known here.
func (s *Snapshot) Book(at time.Time) officer.Book {
	b := officer.Book{At: at, Houses: s.Houses()}
	for _, a := range s.Agencies() {
		b.Agencies = append(b.Agencies, &a.Agency)
	}
	for _, st := range s.agreements.sorted() {
		b.Agreements = append(b.Agreements, &st.Standing)
	}
	return b
}

// housesOf lists the rules that bind a share: the hub's, the sender's and the recipient's.
func (s *Snapshot) housesOf(from, to fairlead.AgencyID) (list []*agreement.House) {
	for _, h := range []*agreement.House{s.house, s.houses[from], s.houses[to]} {
		if h != nil {
			list = append(list, h)
		}
	}
	return list
}

// Unannounced lists the agreements in force at an instant with the parties not yet told so.
func (s *Snapshot) Unannounced(at time.Time) []Announcement {
	var list []Announcement
	for _, st := range s.agreements.list {
		if len(st.told) == len(st.Parties) || !st.Active(at) {
			continue
		}
		for _, id := range st.Parties {
			if !slices.Contains(st.told, id) {
				list = append(list, Announcement{To: id, Agreement: st.ID, Version: st.Version, State: "active"})
			}
		}
	}
	slices.SortStableFunc(list, func(a, b Announcement) int {
		return strings.Compare(agreement.Ref(a.Agreement, a.Version), agreement.Ref(b.Agreement, b.Version))
	})
	return list
}

// proposalFault is what the register holds against a proposal, beside what the document itself shows.
func (s *Snapshot) proposalFault(record []byte) string {
	a, err := agreement.Parse(record)
	if err != nil {
		return err.Error()
	}
	for _, id := range a.Parties {
		party := s.agencies[id]
		if party == nil {
			return "party " + string(id) + " is not enrolled"
		}
		if a.Form == "mou_gov" && !party.Type.PublicAuthority() {
			return "form mou_gov is for public authorities, and " + string(id) + " is none; use dsa"
		}
	}
	if old := s.agreements.get(a.Ref()); old != nil && old.Digest != agreement.Digest(record) {
		return a.Ref() + " is on record with other words; raise the version"
	}
	if a.Under != "" {
		if fault := s.frameworkFault(a); fault != "" {
			return fault
		}
	}
	return s.supersedesFault(a)
}

// frameworkFault says how an agreement is wider than its framework.
func (s *Snapshot) frameworkFault(a *agreement.Agreement) string {
	framework := s.agreements.get(a.Under)
	if framework == nil {
		return "the framework " + a.Under + " is not on record; propose it first"
	}
	if err := a.Within(&framework.Agreement, s.TypeOf); err != nil {
		return err.Error()
	}
	return ""
}

// supersedesFault: nobody takes away an agreement that others are parties of.
func (s *Snapshot) supersedesFault(a *agreement.Agreement) string {
	if a.Supersedes == "" {
		return ""
	}
	old := s.agreements.get(a.Supersedes)
	if old == nil {
		return "supersedes: " + a.Supersedes + " is not on record"
	}
	for _, id := range old.Parties {
		if !a.Party(id) {
			return "supersedes: " + string(id) + " is a party of " + a.Supersedes + " and not of this one"
		}
	}
	return ""
}

// TypeOf is the type of an agency, "" for one that is not enrolled.
func (s *Snapshot) TypeOf(id fairlead.AgencyID) fairlead.AgencyType {
	if a := s.agencies[id]; a != nil {
		return a.Type
	}
	return ""
}

func (s *Snapshot) signatureFault(by fairlead.AgencyID, record []byte) string {
	sig, err := agreement.ParseSignature(record)
	if err != nil {
		return err.Error()
	}
	switch st := s.agreements.get(agreement.Ref(sig.ID, sig.Version)); {
	case st == nil:
		return "no such version was proposed"
	case st.Digest != sig.Digest:
		return "the digest is not that of the proposal; every party signs the same bytes"
	case !st.Party(by):
		return string(by) + " is not a party"
	}
	return ""
}

func (s *Snapshot) statusFault(by fairlead.AgencyID, record []byte, at time.Time) string {
	st, err := agreement.ParseStatus(record)
	if err != nil {
		return err.Error()
	}
	old := s.agreements.get(agreement.Ref(st.ID, st.Version))
	if old == nil {
		return "no such version is on record"
	}
	if _, err := old.Apply(by, st.Action, at, 0); err != nil {
		return err.Error()
	}
	return ""
}

// houseFault: the rules of a house only go forward.
func (s *Snapshot) houseFault(of fairlead.AgencyID, record []byte) string {
	h, err := agreement.ParseHouse(record)
	if err != nil {
		return err.Error()
	}
	if old := s.houses[of]; old != nil && h.Version <= old.Version {
		return fmt.Sprintf("version %d of the rules is on record; raise the version", old.Version)
	}
	return ""
}

// propose puts an agreement version on record; further copies of the same bytes change nothing.
func (s *Snapshot) propose(index int64, record []byte) error {
	a, err := agreement.Parse(record)
	if err != nil {
		return err
	}
	if s.agreements.get(a.Ref()) == nil {
		s.agreements = s.agreements.with(&standing{Standing: agreement.Standing{Agreement: *a, Digest: agreement.Digest(record), Entry: index, ActiveBy: -1}})
	}
	return nil
}

// sign notes a signature. The last one brings the version into force, and puts it in the place of the one
// it supersedes: at its own first instant, or now if that has come.
func (s *Snapshot) sign(index int64, at time.Time, by fairlead.AgencyID, record []byte) error {
	sig, err := agreement.ParseSignature(record)
	if err != nil {
		return err
	}
	old := s.agreements.get(agreement.Ref(sig.ID, sig.Version))
	if old == nil {
		return fmt.Errorf("signature under %s, which is not on record", agreement.Ref(sig.ID, sig.Version))
	}
	if slices.Contains(old.Signed, by) {
		return nil
	}
	next := *old
	next.Signed = append(slices.Clone(old.Signed), by)
	slices.Sort(next.Signed)
	if len(next.Signed) == len(next.Parties) {
		next.ActiveBy = index
		s.supersede(&next, at)
	}
	s.agreements = s.agreements.with(&next)
	return nil
}

func (s *Snapshot) supersede(by *standing, at time.Time) {
	old := s.agreements.get(by.Supersedes)
	if old == nil || old.SupersededBy != "" {
		return
	}
	next := *old
	next.SupersededBy, next.SupersededAt = by.Ref(), by.From
	if at.After(by.From.Time) {
		next.SupersededAt = fairlead.At(at)
	}
	s.agreements = s.agreements.with(&next)
}

// status suspends, resumes or ends an agreement. Suspension tells who hears of it anew.
func (s *Snapshot) status(index int64, at time.Time, by fairlead.AgencyID, record []byte) error {
	st, err := agreement.ParseStatus(record)
	if err != nil {
		return err
	}
	old := s.agreements.get(agreement.Ref(st.ID, st.Version))
	if old == nil {
		return fmt.Errorf("status of %s, which is not on record", agreement.Ref(st.ID, st.Version))
	}
	next := *old
	if next.Standing, err = old.Apply(by, st.Action, at, index); err != nil {
		return err
	}
	s.agreements = s.agreements.with(&next)
	return nil
}

// told notes who was told that an agreement is active.
func (s *Snapshot) told(a Announcement) error {
	ref := agreement.Ref(a.Agreement, a.Version)
	old := s.agreements.get(ref)
	if old == nil {
		return fmt.Errorf("notice of agreement %s, which is not on record", ref)
	}
	next := *old
	next.told = append(slices.Clone(old.told), a.To)
	s.agreements = s.agreements.with(&next)
	return nil
}

// partiesOf lists the parties of an agreement version on record; nobody for another.
func (s *Snapshot) partiesOf(id string, version int) []fairlead.AgencyID {
	if st := s.agreements.get(agreement.Ref(id, version)); st != nil {
		return st.Parties
	}
	return nil
}

// setHouse puts an agency's rules in the place of those before.
func (s *Snapshot) setHouse(index int64, of fairlead.AgencyID, record []byte) error {
	h, err := agreement.ParseHouse(record)
	if err != nil {
		return err
	}
	h.Owner, h.Entry = of, index
	s.houses = cloneMap(s.houses)
	s.houses[of] = h
	return nil
}

// setRules takes over the operator's rules. They can only prohibit.
func (s *Snapshot) setRules(index int64, rules Rules) error {
	s.rules, s.house = rules, nil
	if len(rules.Prohibitions) > 0 {
		s.house = &agreement.House{Version: 1, Terms: rules.Prohibitions, Owner: fairlead.Hub, Entry: index}
		return s.house.Check()
	}
	return nil
}

// Announcement is the record of an agreement.status notice.
type Announcement struct {
	To        fairlead.AgencyID `json:"to"`
	Agreement string            `json:"agreement"`
	Version   int               `json:"version"`
	State     string            `json:"state"`
	Due       []policy.Due      `json:"due,omitempty"`
}
