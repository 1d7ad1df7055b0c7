package registry

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"fairlead/internal/agreement"
	"fairlead/internal/consent"
	"fairlead/internal/entry"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/keyring"
	"fairlead/internal/policy"
	"fairlead/internal/staff"
	"fairlead/internal/strictjson"
)

// effect changes s, a private copy, by one entry. Maps are copied before they are written.
func (s *Snapshot) effect(index int64, l entry.Leaf, d *entry.Detail) error {
	switch {
	case d.Register != nil:
		return s.register(index, l, d.Register)
	case d.Notice != nil:
		return s.notice(d.Notice)
	case d.Share != nil:
		return s.share(index, l, d.Share)
	}
	return nil
}

func (s *Snapshot) register(index int64, l entry.Leaf, r *entry.Register) error {
	switch r.Action {
	case "enrol":
		a, err := ParseAgency(r.Record)
		if err != nil {
			return err
		}
		return s.enrol(index, l.At, a)
	case "rules":
		var rules Rules // a fresh one: the old Snapshot keeps its own
		if err := strictjson.Unmarshal(r.Record, &rules); err != nil {
			return err
		}
		s.rules = rules
		return nil
	}
	if r.Action == "suspend" || r.Action == "resume" {
		return s.suspend(r.Action == "suspend", r.Record)
	}
	if known, err := s.ceremony(r); known {
		return err
	}
	return fmt.Errorf("unknown act %q", r.Action)
}

func (s *Snapshot) enrol(index int64, at time.Time, a *Agency) error {
	if s.agencies[a.ID] != nil || s.accounts[a.Account] != "" {
		return fmt.Errorf("agency %s or its account is already enrolled", a.ID)
	}
	cert, err := CheckEnrolment(a, at)
	if err != nil {
		return err
	}
	if err := errors.Join(s.sponsored(a), s.approved(RequestDigest(a.Request), a.Approvals)); err != nil {
		return err
	}
	ring, err := s.ring.With(a.ID, cert)
	if err != nil {
		return err
	}
	a.Entry = index
	s.ring = ring
	s.agencies = maps.Clone(s.agencies)
	s.agencies[a.ID] = a
	s.accounts = maps.Clone(s.accounts)
	s.accounts[a.Account] = a.ID
	return nil
}

// Suspension is the record of an operator's act on an agency, such as after the loss of a key.
type Suspension struct {
	Agency fairlead.AgencyID `json:"agency"`
	Reason string            `json:"reason"` // code: key_loss, request, breach, other
}

// suspend lets an agency neither send nor receive until it is resumed.
func (s *Snapshot) suspend(yes bool, record []byte) error {
	var r Suspension
	if err := strictjson.Unmarshal(record, &r); err != nil {
		return err
	}
	old := s.agencies[r.Agency]
	if old == nil || old.Suspended == yes || old.Removed {
		return fmt.Errorf("agency %s is not enrolled, is removed, or is so already", r.Agency)
	}
	if !slices.Contains(suspensionReasons(), r.Reason) {
		return fmt.Errorf("reason: want key_loss, request, breach or other")
	}
	next := *old
	next.Suspended = yes
	s.agencies = maps.Clone(s.agencies)
	s.agencies[r.Agency] = &next
	return nil
}

// notice notes who was told that an agreement is active.
func (s *Snapshot) notice(n *entry.Notice) error {
	var a Announcement
	if err := strictjson.Unmarshal(n.Record, &a); err != nil {
		return err
	}
	ref := fmt.Sprintf("%s/%d", a.Agreement, a.Version)
	old := s.agreements[ref]
	if old == nil {
		return fmt.Errorf("notice of agreement %s, which is not on record", ref)
	}
	next := *old
	next.told = append(slices.Clone(old.told), a.To)
	s.setAgreement(ref, &next)
	return nil
}

func (s *Snapshot) setAgreement(ref string, st *standing) {
	s.agreements = maps.Clone(s.agreements)
	s.agreements[ref] = st
}

// share puts a decided share on record and applies what a control record changes. A share whose
// sender was not established leaves no trace here: nobody can use up another's id.
func (s *Snapshot) share(index int64, l entry.Leaf, sh *entry.Share) error {
	if !established(sh.Decision) {
		return nil
	}
	h, err := sh.Parsed()
	if err != nil {
		return err
	}
	rec := &shareRecord{
		digest: sh.Digest, account: sh.Account, from: h.From.Agency, to: h.To.Agency, kind: h.Kind,
		delivered: sh.Decision.Delivers(), entry: index, counter: l.Counter,
	}
	for _, sec := range sh.Decision.Sections {
		if sec.Delivered {
			rec.sections = append(rec.sections, sec.Code)
		}
	}
	s.shares = s.shares.with(h.ID, rec)
	s.noteHold(index, l, h, sh)
	if !sh.Decision.Delivers() {
		return nil
	}
	return s.control(index, l, h, sh.Record)
}

// control applies a delivered share of a kind that changes the register.
func (s *Snapshot) control(index int64, l entry.Leaf, h *envelope.Header, record []byte) error {
	switch h.Kind {
	case "agreement.proposal":
		return s.propose(index, record)
	case "agreement.signature":
		return s.sign(index, h.From.Agency, record)
	case "agreement.status":
		return s.status(index, h.From.Agency, record)
	case "consent.record":
		return s.consent(index, h.From.Agency, record)
	case "agency.certificate":
		cert, err := keyring.ReadCertificate(record, l.At)
		if err != nil {
			return err
		}
		s.ring, err = s.ring.With(h.From.Agency, cert)
		return err
	case "staff.record":
		m, err := staff.ParseMember(record)
		if err != nil {
			return err
		}
		s.staff = s.staff.with(keyOf(string(h.From.Agency), m.User), m)
	case "approval":
		return s.approve(index, h.From.Agency, record)
	case "ack":
		s.applyAck(h, record)
	}
	return nil
}

// propose puts an agreement version on record; further copies of the same bytes change nothing.
func (s *Snapshot) propose(index int64, record []byte) error {
	a, err := agreement.Parse(record)
	if err != nil {
		return err
	}
	if s.agreements[a.Ref()] == nil {
		s.parties = maps.Clone(s.parties)
		for _, id := range a.Parties {
			refs := append(slices.Clone(s.parties[id]), a.Ref())
			slices.Sort(refs)
			s.parties[id] = refs
		}
		s.setAgreement(a.Ref(), &standing{Standing: agreement.Standing{Agreement: *a, Digest: agreement.Digest(record), Entry: index, ActiveBy: -1}})
	}
	return nil
}

func (s *Snapshot) sign(index int64, by fairlead.AgencyID, record []byte) error {
	sig, err := agreement.ParseSignature(record)
	if err != nil {
		return err
	}
	ref := fmt.Sprintf("%s/%d", sig.ID, sig.Version)
	old := s.agreements[ref]
	if old == nil {
		return fmt.Errorf("signature under %s, which is not on record", ref)
	}
	if slices.Contains(old.Signed, by) {
		return nil
	}
	next := *old
	next.Signed = append(slices.Clone(old.Signed), by)
	slices.Sort(next.Signed)
	if len(next.Signed) == len(next.Parties) {
		next.ActiveBy = index
	}
	s.setAgreement(ref, &next)
	return nil
}

// status suspends, resumes or ends an agreement at once. Suspension tells who hears of it anew.
func (s *Snapshot) status(index int64, by fairlead.AgencyID, record []byte) error {
	st, err := agreement.ParseStatus(record)
	if err != nil {
		return err
	}
	ref := fmt.Sprintf("%s/%d", st.ID, st.Version)
	old := s.agreements[ref]
	if old == nil {
		return fmt.Errorf("status of %s, which is not on record", ref)
	}
	next := *old
	if next.Standing, err = old.Apply(by, st.Action, index); err != nil {
		return err
	}
	s.setAgreement(ref, &next)
	return nil
}

func (s *Snapshot) consent(index int64, by fairlead.AgencyID, record []byte) error {
	r, err := consent.Parse(record)
	if err != nil {
		return err
	}
	key := keyOf(string(by), r.Subject)
	old, _ := s.consents.get(key)
	s.consents = s.consents.with(key, append(slices.Clone(old), consent.Held{Record: *r, Agency: by, Entry: index}))
	return nil
}

// applyAck notes how far a human acknowledgement goes, and how far an agency's program has stored.
func (s *Snapshot) applyAck(h *envelope.Header, record []byte) {
	if h.To.Agency == fairlead.Hub {
		if a, err := ParseDeliveredAck(record); err == nil {
			s.heard = s.heard.with(keyOf(string(h.From.Agency)), a.Counter)
		}
		return
	}
	if old, ok := s.shares.get(h.ReplyTo); ok {
		next := *old
		if level := fairlead.AckLevel(h.Facts["level"]); old.ack != fairlead.AckAccepted || level != fairlead.AckOpened {
			next.ack = level // the furthest: who has accepted has opened
		}
		s.shares = s.shares.with(h.ReplyTo, &next)
	}
}

// established reports whether the decision knew who sent the share: none of its causes is of check P00.
func established(d policy.Decision) bool {
	return !slices.ContainsFunc(d.Causes, func(c policy.Cause) bool { return c.Check == "P00" })
}

// Heard is the last counter that id has acknowledged as stored.
func (s *Snapshot) Heard(id fairlead.AgencyID) uint64 {
	n, _ := s.heard.get(keyOf(string(id)))
	return n
}

// DeliveredAck is the record by which an agency's program says, signed, that it has stored everything
// up to a counter: Rolling is SHA-256 over the leaves so far, each hashed after the last value.
type DeliveredAck struct {
	Counter uint64          `json:"counter"`
	Rolling fairlead.Digest `json:"rolling"`
}

// ParseDeliveredAck reads the record.
func ParseDeliveredAck(record []byte) (DeliveredAck, error) {
	var a DeliveredAck
	if err := strictjson.Unmarshal(record, &a); err != nil {
		return a, err
	}
	if a.Counter == 0 {
		return a, fmt.Errorf("%w: acknowledgement of nothing", ErrFold)
	}
	return a, nil
}

// Readers says who needs an entry for its own Snapshot: everybody, or the agencies named.
func (s *Snapshot) Readers(index int64, d *entry.Detail) (all bool, some []fairlead.AgencyID) {
	if d.Register != nil {
		return true, nil
	}
	if d.Share == nil || !d.Share.Decision.Delivers() {
		return false, nil
	}
	h, err := d.Share.Parsed()
	if err != nil {
		return false, nil
	}
	switch h.Kind {
	case "agency.certificate":
		return true, nil
	case "consent.record", "staff.record":
		return false, []fairlead.AgencyID{h.From.Agency}
	case "agreement.proposal":
		if a, err := agreement.Parse(d.Share.Record); err == nil {
			if st := s.agreements[a.Ref()]; st != nil && st.Entry == index {
				return false, a.Parties
			}
		}
	case "agreement.status":
		if st, err := agreement.ParseStatus(d.Share.Record); err == nil {
			return false, s.partiesOf(st.ID, st.Version)
		}
	case "agreement.signature":
		if sig, err := agreement.ParseSignature(d.Share.Record); err == nil {
			return false, s.partiesOf(sig.ID, sig.Version)
		}
	}
	return false, nil
}

// partiesOf lists the parties of an agreement version on record; nobody for another.
func (s *Snapshot) partiesOf(id string, version int) []fairlead.AgencyID {
	if st := s.agreements[fmt.Sprintf("%s/%d", id, version)]; st != nil {
		return st.Parties
	}
	return nil
}
