// Package agreement is the sharing agreement between agencies (ICO data sharing code; domain notes
// §10.1): flat terms, each beside the signed words it stands for, and its life from proposal to
// expiry. An agreement is not a lawful basis by itself.
package agreement

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"fairlead/internal/fairlead"
	"fairlead/internal/kind"
	"fairlead/internal/strictjson"
)

// ErrInvalid is wrapped by every refusal of an agreement document.
var ErrInvalid = errors.New("agreement: invalid")

// Agreement is the document all parties sign: its digest is that of the exact bytes sent.
type Agreement struct {
	ID        string              `json:"id" yaml:"id"`           // such as "A2"
	Version   int                 `json:"version" yaml:"version"` // from 1
	Title     string              `json:"title" yaml:"title"`
	Form      string              `json:"form" yaml:"form"` // dsa, mou_gov, treaty_channel, idta, addendum, national_template
	Parties   []fairlead.AgencyID `json:"parties" yaml:"parties"`
	From      fairlead.Time       `json:"from" yaml:"from"`           // first instant in force
	Until     fairlead.Time       `json:"until" yaml:"until"`         // last instant in force; no grace
	ReviewBy  string              `json:"review_by" yaml:"review_by"` // date
	DPIA      string              `json:"dpia_ref" yaml:"dpia_ref"`
	Objective string              `json:"objective" yaml:"objective"` // why sharing is necessary, and its benefit
	Summary   string              `json:"public_summary" yaml:"public_summary"`
	Terms     []Term              `json:"terms" yaml:"terms"`

	Assessments []Assessment `json:"assessments,omitempty" yaml:"assessments,omitempty"` // what its transfers stand on
}

// Assessment is the reference and the date of what a transfer mechanism stands on: a data protection test,
// or an instrument.
type Assessment struct {
	Mechanism fairlead.Mechanism `json:"mechanism" yaml:"mechanism"`
	Ref       string             `json:"ref" yaml:"ref"`
	Date      string             `json:"date,omitempty" yaml:"date,omitempty"`
}

func (a Assessment) check() error {
	_, err := time.Parse(time.DateOnly, a.Date)
	if a.Ref == "" || len(a.Ref) > 60 || a.Date != "" && err != nil {
		return fmt.Errorf("assessments: want a reference of up to 60 characters and a date")
	}
	return fairlead.CheckCode("assessments: mechanism", a.Mechanism, fairlead.Mechanisms)
}

// Term permits or prohibits a scope, and stands beside the words that were signed.
type Term struct {
	ID       string `json:"id" yaml:"id"`
	Text     string `json:"text" yaml:"text"`
	Permit   *Scope `json:"permit,omitempty" yaml:"permit,omitempty"`
	Prohibit *Scope `json:"prohibit,omitempty" yaml:"prohibit,omitempty"`
}

// Scope says who may send what to whom. No list may be empty in a permit; in a prohibition an absent
// list means any, which only narrows.
type Scope struct {
	From     []fairlead.AgencyID    `json:"from" yaml:"from"`
	To       []fairlead.AgencyID    `json:"to" yaml:"to"`
	Purposes []fairlead.Purpose     `json:"purposes,omitempty" yaml:"purposes,omitempty"`
	Kinds    []string               `json:"kinds,omitempty" yaml:"kinds,omitempty"`
	Bases    []fairlead.Art6        `json:"bases,omitempty" yaml:"bases,omitempty"`
	Sections []fairlead.SectionCode `json:"sections,omitempty" yaml:"sections,omitempty"`
	Transfer fairlead.Mechanism     `json:"transfer,omitempty" yaml:"transfer,omitempty"`
}

// Bounds: a document that breaks one is not read further, and no more faults than maxFaults are told,
// since they are written into the log.
const (
	maxParties = 64
	maxTerms   = 200
	maxList    = 64 // entries of one list of a scope
	maxFaults  = 20
)

var (
	idForm = regexp.MustCompile(`^[A-Za-z0-9-]{1,32}$`)
	forms  = []string{"dsa", "mou_gov", "treaty_channel", "idta", "addendum", "national_template"}
)

// Parse reads the exact bytes of a record and checks the document.
func Parse(record []byte) (*Agreement, error) {
	var a Agreement
	if err := strictjson.Unmarshal(record, &a); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if err := a.Check(); err != nil {
		return nil, err
	}
	return &a, nil
}

// Marshal gives the bytes of the record.
func (a *Agreement) Marshal() ([]byte, error) { return json.Marshal(a) }

// Digest names the exact bytes that every party signs.
func Digest(record []byte) fairlead.Digest { return sha256.Sum256(record) }

// Ref is "A2/1".
func (a *Agreement) Ref() string { return fmt.Sprintf("%s/%d", a.ID, a.Version) }

// Party reports whether id is a party.
func (a *Agreement) Party(id fairlead.AgencyID) bool { return slices.Contains(a.Parties, id) }

// InForce reports whether at lies within From and Until, both included, to the second.
func (a *Agreement) InForce(at time.Time) bool {
	return !at.Before(a.From.Time) && at.Before(a.Until.Add(time.Second))
}

// Check returns every fault of the document at once, each with the field and what to do.
func (a *Agreement) Check() error {
	var faults []error
	want := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	want(idForm.MatchString(a.ID), "id: want letters, digits and '-'")
	want(a.Version > 0, "version: want 1 or more")
	want(a.Title != "" && len(a.Title) <= 200, "title: want 1 to 200 characters")
	want(slices.Contains(forms, a.Form), "form: want one of %v", forms)
	want(len(a.Parties) >= 2 && len(a.Parties) <= maxParties, "parties: want 2 to %d", maxParties)
	want(!a.From.IsZero() && a.Until.After(a.From.Time), "from, until: want an instant and a later one")
	want(!a.Until.After(a.From.AddDate(2, 0, 1)), "until: at most 24 months after from (ICO: review regularly)")
	_, err := time.Parse(time.DateOnly, a.ReviewBy)
	want(err == nil, "review_by: want a date")
	want(a.DPIA != "", "dpia_ref: name the data protection impact assessment; an agreement is not active without one")
	want(a.Objective != "", "objective: say why sharing is necessary")
	want(a.Summary != "", "public_summary: the register of agreements shows it")
	want(len(a.Assessments) <= len(fairlead.Mechanisms), "assessments: more than %d", len(fairlead.Mechanisms))
	for _, s := range a.Assessments[:min(len(a.Assessments), len(fairlead.Mechanisms))] {
		if err := s.check(); err != nil {
			faults = append(faults, err)
		}
	}
	want(len(a.Terms) > 0 && len(a.Terms) <= maxTerms, "terms: want 1 to %d", maxTerms)
	if len(a.Parties) <= maxParties && len(a.Terms) <= maxTerms {
		faults = append(faults, a.checkParties()...)
		faults = append(faults, a.checkTerms()...)
	}
	if len(faults) > maxFaults {
		faults = append(faults[:maxFaults], fmt.Errorf("and %d more", len(faults)-maxFaults))
	}
	if len(faults) > 0 {
		return fmt.Errorf("%w: %.40s: %w", ErrInvalid, a.Ref(), errors.Join(faults...))
	}
	return nil
}

func (a *Agreement) checkParties() (faults []error) {
	for i, id := range a.Parties {
		if err := id.Check(); err != nil {
			faults = append(faults, fmt.Errorf("parties: %w", err))
		} else if slices.Contains(a.Parties[:i], id) {
			faults = append(faults, fmt.Errorf("parties: %s stands twice", id))
		}
	}
	return faults
}

func (a *Agreement) checkTerms() (faults []error) {
	seen := map[string]bool{}
	for i, t := range a.Terms {
		switch {
		case !idForm.MatchString(t.ID):
			faults = append(faults, fmt.Errorf("terms: number %d has no id of letters, digits and '-'", i+1))
			continue
		case seen[t.ID]:
			faults = append(faults, fmt.Errorf("terms: %s stands twice", t.ID))
		}
		seen[t.ID] = true
		faults = append(faults, t.check(a)...)
	}
	return faults
}

func (t *Term) check(a *Agreement) (faults []error) {
	fault := func(format string, args ...any) {
		faults = append(faults, fmt.Errorf("term "+t.ID+": "+format, args...))
	}
	if t.Text == "" {
		fault("want the signed words in text")
	}
	s, permit := t.Permit, t.Permit != nil
	if s == nil {
		s = t.Prohibit
	}
	if s == nil || permit && t.Prohibit != nil {
		fault("want exactly one of permit and prohibit")
		return faults
	}
	if permit && (len(s.Purposes) == 0 || len(s.Kinds) == 0 || len(s.Bases) == 0) {
		fault("a permit names its purposes, kinds and bases; an empty list permits nothing")
	}
	if permit && s.Transfer == "" {
		fault("a permit names its transfer mechanism; NONE within one State")
	}
	if max(len(s.From), len(s.To), len(s.Purposes), len(s.Kinds), len(s.Bases), len(s.Sections)) > maxList {
		fault("no list may have more than %d entries", maxList)
		return faults
	}
	if len(s.From) == 0 || len(s.To) == 0 {
		fault("from and to: want at least one party each")
	}
	for _, id := range slices.Concat(s.From, s.To) {
		if !a.Party(id) {
			fault("%.32s is not a party", id)
		}
	}
	return append(faults, s.checkCodes(t.ID)...)
}

func (s *Scope) checkCodes(term string) (faults []error) {
	add := func(err error) {
		if err != nil {
			faults = append(faults, fmt.Errorf("term %s: %w", term, err))
		}
	}
	for _, p := range s.Purposes {
		add(fairlead.CheckCode("purpose", p, fairlead.Purposes))
	}
	for _, k := range s.Kinds {
		if _, ok := kind.Lookup(k); !ok {
			add(fmt.Errorf("kind %.40q is not in the table", k))
		}
	}
	for _, b := range s.Bases {
		add(fairlead.CheckCode("basis", b, fairlead.Art6s))
	}
	for _, c := range s.Sections {
		add(fairlead.CheckCode("section", c, fairlead.Sections))
	}
	if s.Transfer != "" {
		add(fairlead.CheckCode("transfer", s.Transfer, fairlead.Mechanisms))
	}
	return faults
}

// Use is one question to an agreement: may from send this to to?
type Use struct {
	From, To fairlead.AgencyID
	Purpose  fairlead.Purpose
	Kind     string
	Basis    fairlead.Art6
}

// Cover is the answer: the terms that permit the message, and per section the term that decides.
type Cover struct {
	Terms     []string                        // permitting terms, in order
	Sections  map[fairlead.SectionCode]string // permitted section → term
	Barred    map[fairlead.SectionCode]string // prohibited section → term; wins over Sections
	Transfers []fairlead.Mechanism            // mechanisms of the permitting terms
}

// Covers evaluates the terms for use. A prohibition without sections bars the whole message: then no
// term permits. The order of terms does not matter.
func (a *Agreement) Covers(use Use) Cover {
	c := Cover{Sections: map[fairlead.SectionCode]string{}, Barred: map[fairlead.SectionCode]string{}}
	for _, t := range a.Terms {
		switch {
		case t.Permit != nil && t.Permit.matches(use, false):
			c.Terms = append(c.Terms, t.ID)
			c.Transfers = append(c.Transfers, t.Permit.Transfer)
			for _, s := range t.Permit.Sections {
				if _, ok := c.Sections[s]; !ok {
					c.Sections[s] = t.ID
				}
			}
		case t.Prohibit != nil && t.Prohibit.matches(use, true):
			if len(t.Prohibit.Sections) == 0 {
				return Cover{Barred: map[fairlead.SectionCode]string{"": t.ID}}
			}
			for _, s := range t.Prohibit.Sections {
				c.Barred[s] = t.ID
			}
		}
	}
	for s := range c.Barred {
		delete(c.Sections, s)
	}
	return c
}

// matches compares a scope with a use; open says whether an absent list means any.
func (s *Scope) matches(use Use, open bool) bool {
	return slices.Contains(s.From, use.From) && slices.Contains(s.To, use.To) &&
		within(s.Purposes, use.Purpose, open) && within(s.Kinds, use.Kind, open) && within(s.Bases, use.Basis, open)
}

func within[T comparable](list []T, v T, open bool) bool {
	return open && len(list) == 0 || slices.Contains(list, v)
}

// Signature is the record of agreement.signature: every party names the same digest.
type Signature struct {
	ID      string          `json:"id"`
	Version int             `json:"version"`
	Digest  fairlead.Digest `json:"digest"`
}

// ParseSignature reads a signature record.
func ParseSignature(record []byte) (Signature, error) {
	var s Signature
	if err := strictjson.Unmarshal(record, &s); err != nil {
		return Signature{}, fmt.Errorf("%w: signature: %w", ErrInvalid, err)
	}
	if !idForm.MatchString(s.ID) || s.Version < 1 || s.Digest.IsZero() {
		return Signature{}, fmt.Errorf("%w: signature: want id, version and digest", ErrInvalid)
	}
	return s, nil
}

// Standing is an agreement version and what has become of it; the register keeps every version.
type Standing struct {
	Agreement
	Digest   fairlead.Digest
	Signed   []fairlead.AgencyID // parties that signed the digest, sorted
	Entry    int64               // log entry of the proposal
	ActiveBy int64               // log entry that made it active by the last signature; -1 before

	Suspended  []fairlead.AgencyID // parties that have suspended it, sorted; it is in force when there are none
	Terminated bool                // by any party, for good
	Ended      int64               // log entry of the last suspension or of the termination; 0 for none
}

// Action is what a party does to an agreement in force, at once and without notice (domain §10.1).
type Action string

// The actions. Only who suspended may resume.
const (
	Suspend   Action = "suspend"
	Resume    Action = "resume"
	Terminate Action = "terminate"
)

// Status is the record of agreement.status from a party.
type Status struct {
	ID      string `json:"id"`
	Version int    `json:"version"`
	Action  Action `json:"action"`
	Reason  string `json:"reason"` // code: danger, breach, review, other
}

var statusReasons = []string{"danger", "breach", "review", "other"}

// ParseStatus reads a status record.
func ParseStatus(record []byte) (Status, error) {
	var s Status
	if err := strictjson.Unmarshal(record, &s); err != nil {
		return Status{}, fmt.Errorf("%w: status: %w", ErrInvalid, err)
	}
	if !idForm.MatchString(s.ID) || s.Version < 1 || !slices.Contains([]Action{Suspend, Resume, Terminate}, s.Action) || !slices.Contains(statusReasons, s.Reason) {
		return Status{}, fmt.Errorf("%w: status: want id, version, action suspend, resume or terminate, and reason danger, breach, review or other", ErrInvalid)
	}
	return s, nil
}

// Apply gives the standing after a party's action, or says why the party may not take it.
func (s Standing) Apply(by fairlead.AgencyID, action Action, entry int64) (Standing, error) {
	suspended := slices.Contains(s.Suspended, by)
	switch {
	case !s.Party(by):
		return s, fmt.Errorf("%w: %s is not a party of %s", ErrInvalid, by, s.Ref())
	case s.Terminated || s.ActiveBy < 0:
		return s, fmt.Errorf("%w: %s is not in force", ErrInvalid, s.Ref())
	case action == Resume && !suspended:
		return s, fmt.Errorf("%w: %s has not suspended %s", ErrInvalid, by, s.Ref())
	case action == Suspend && suspended:
		return s, fmt.Errorf("%w: %s has suspended %s already", ErrInvalid, by, s.Ref())
	}
	s.Ended = entry
	switch action {
	case Suspend:
		s.Suspended = append(slices.Clone(s.Suspended), by)
		slices.Sort(s.Suspended)
	case Resume:
		s.Suspended = slices.DeleteFunc(slices.Clone(s.Suspended), func(id fairlead.AgencyID) bool { return id == by })
	case Terminate:
		s.Terminated = true
	}
	return s, nil
}

// Active reports whether every party has signed, nobody has suspended or ended it, and at is within the
// term.
func (s *Standing) Active(at time.Time) bool {
	return s.ActiveBy >= 0 && !s.Terminated && len(s.Suspended) == 0 && s.InForce(at)
}

// Paused reports whether it would be active but for a party that suspended it.
func (s *Standing) Paused(at time.Time) bool {
	return s.ActiveBy >= 0 && !s.Terminated && len(s.Suspended) > 0 && s.InForce(at)
}

// Expired reports whether it was signed by all and its last instant has passed, or a party ended it.
func (s *Standing) Expired(at time.Time) bool {
	return s.ActiveBy >= 0 && (s.Terminated || !at.Before(s.Until.Add(time.Second)))
}
