package agreement

import (
	"slices"

	"fairlead/internal/fairlead"
)

// Term permits or prohibits a scope, and stands beside the words that were signed.
type Term struct {
	ID       string     `json:"id" yaml:"id"`
	Text     string     `json:"text" yaml:"text"`
	Permit   *Scope     `json:"permit,omitempty" yaml:"permit,omitempty"`
	Prohibit *Scope     `json:"prohibit,omitempty" yaml:"prohibit,omitempty"`
	Beside   bool       `json:"beside,omitempty" yaml:"beside,omitempty"` // a prohibition that holds whatever a share stands on, also while the agreement is suspended
	When     *When      `json:"when,omitempty" yaml:"when,omitempty"`
	Oblige   *Oblige    `json:"oblige,omitempty" yaml:"oblige,omitempty"`
	Disclose Disclosure `json:"disclose,omitempty" yaml:"disclose,omitempty"`
}

// Disclosure says whether a denial may name the term to the sender.
type Disclosure string

// A denial can reveal what protects somebody: a rule of the recipient's house, say. By default a
// prohibition is named to auditors only, and a permit that falls short to the sender.
const (
	ToSender  Disclosure = "sender"
	ToAuditor Disclosure = "auditor"
)

// Private reports whether only auditors may be told which term denied.
func (t *Term) Private() bool {
	if t.Disclose == "" {
		return t.Prohibit != nil
	}
	return t.Disclose == ToAuditor
}

// Scope says who may send what to whom. Each side is a list of agencies or of types of agency, which
// means the parties of that type. No list may be empty in a permit, but for urgency and sections; in a
// prohibition an absent list means any, which only narrows.
type Scope struct {
	From      []fairlead.AgencyID    `json:"from,omitempty" yaml:"from,omitempty"`
	FromTypes []fairlead.AgencyType  `json:"from_types,omitempty" yaml:"from_types,omitempty"`
	To        []fairlead.AgencyID    `json:"to,omitempty" yaml:"to,omitempty"`
	ToTypes   []fairlead.AgencyType  `json:"to_types,omitempty" yaml:"to_types,omitempty"`
	Purposes  []fairlead.Purpose     `json:"purposes,omitempty" yaml:"purposes,omitempty"`
	Kinds     []string               `json:"kinds,omitempty" yaml:"kinds,omitempty"`
	Bases     []fairlead.Art6        `json:"bases,omitempty" yaml:"bases,omitempty"`
	Urgency   []fairlead.Urgency     `json:"urgency,omitempty" yaml:"urgency,omitempty"`
	Sections  []fairlead.SectionCode `json:"sections,omitempty" yaml:"sections,omitempty"`
	Transfer  fairlead.Mechanism     `json:"transfer,omitempty" yaml:"transfer,omitempty"`
}

// Use is one question to an agreement: may this be sent? An empty field is a missing fact.
type Use struct {
	From, To         fairlead.AgencyID
	FromType, ToType fairlead.AgencyType
	Purpose          fairlead.Purpose
	Kind             string
	Basis            fairlead.Art6
	Urgency          fairlead.Urgency
	Threshold        fairlead.Threshold
	TLP              fairlead.TLP
	GSC              fairlead.GSC
	Training         []string          // codes that are current for the sender's user
	Facts            map[string]string // clear facts of the kind
	More             More              // asked only by the terms that need it; nil: all of it is missing
}

// More is what only some terms ask of a share.
type More interface {
	Code(name string) string                  // a further code of the header
	Consented(fairlead.SectionCode) Consented // what the records say of a section
}

// between reports whether the term speaks of this sender and recipient. open is for prohibitions: an
// absent side means any, and an unknown type does not lapse it.
func (s *Scope) between(u *Use, open bool) bool {
	return side(s.From, s.FromTypes, u.From, u.FromType, open) && side(s.To, s.ToTypes, u.To, u.ToType, open)
}

func side(ids []fairlead.AgencyID, types []fairlead.AgencyType, id fairlead.AgencyID, t fairlead.AgencyType, open bool) bool {
	switch {
	case len(ids) > 0:
		return slices.Contains(ids, id)
	case len(types) > 0:
		return slices.Contains(types, t) || open && t == ""
	}
	return open
}

// within reports whether v is in list. open is for prohibitions: an absent list means any, and a missing
// value does not lapse it.
func within[T ~string](list []T, v T, open bool) bool {
	return open && (len(list) == 0 || v == "") || slices.Contains(list, v)
}

// Scope is what the term permits or prohibits.
func (t *Term) Scope() *Scope {
	if t.Permit != nil {
		return t.Permit
	}
	return t.Prohibit
}

// Speaks reports whether the term's scope holds the use, whatever its conditions and sections.
func (t *Term) Speaks(u *Use) bool {
	s, open := t.Scope(), t.Permit == nil
	return s.between(u, open) && within(s.Purposes, u.Purpose, open) && within(s.Kinds, u.Kind, open) && within(s.Bases, u.Basis, open) &&
		(len(s.Urgency) == 0 || within(s.Urgency, u.Urgency, open))
}

// Failed are the tests of a term that a use does not pass, as bits.
type Failed uint16

// The tests, in the order in which they are told.
const (
	FailedPurpose Failed = 1 << iota
	FailedKind
	FailedBasis
	FailedUrgency
	FailedThreshold
	FailedTLP
	FailedGSC
	FailedTraining
	FailedFact     // a condition on facts is not met
	FailedUnknown  // or a fact it asks for is missing
	FailedConsent  // of one section: nobody gave it
	FailedObjected // of one section: it was refused
	FailedGiver    // of one section: given, by somebody whose word does not count here
	FailedSection  // the term does not list the section
)

// passes reports whether a permit lets a use go, sections aside.
func (t *Term) passes(u *Use) bool {
	return t.Permit != nil && t.Speaks(u) && (t.When == nil || t.When.tests(u) == 0)
}

// tests runs every test that does not depend on a section, without a short cut.
func (t *Term) tests(u *Use) (f Failed) {
	s := t.Permit
	f.note(FailedPurpose, within(s.Purposes, u.Purpose, false))
	f.note(FailedKind, within(s.Kinds, u.Kind, false))
	f.note(FailedBasis, within(s.Bases, u.Basis, false))
	f.note(FailedUrgency, len(s.Urgency) == 0 || within(s.Urgency, u.Urgency, false))
	if t.When != nil {
		f |= t.When.tests(u)
	}
	return f
}

func (f *Failed) note(test Failed, ok bool) {
	if !ok {
		*f |= test
	}
}

// section runs the tests of a permit on one section.
func (t *Term) section(code fairlead.SectionCode, u *Use) (f Failed) {
	f.note(FailedSection, slices.Contains(t.Permit.Sections, code))
	if t.When != nil && t.When.Consent != nil {
		f |= t.When.Consent.tests(code, u)
	}
	return f
}

// prohibits reports whether a prohibition speaks of the use: only what is certainly otherwise lapses it.
func (t *Term) prohibits(u *Use) bool {
	if t.Prohibit == nil || !t.Speaks(u) {
		return false
	}
	if t.When == nil {
		return true
	}
	return within(t.When.Thresholds, u.Threshold, true) && (t.When.Facts == nil || t.When.Facts.holds(u) != no)
}

// Bars reports whether a prohibition that speaks of a share bars the section: all of them, if it names none. With no
// section it reports whether it bars them all.
func (t *Term) Bars(code fairlead.SectionCode) bool {
	return len(t.Prohibit.Sections) == 0 || code != "" && slices.Contains(t.Prohibit.Sections, code)
}
