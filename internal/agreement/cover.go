package agreement

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"time"

	"fairlead/internal/fairlead"
)

// Cover is what an agreement says of one use: the terms that permit it, those of its framework, and the
// prohibitions that speak of it. Sections are asked one by one.
type Cover struct {
	Standing  *Standing
	Framework *Standing // nil: none bounds it
	Terms     []*Term   // permits that the message passes
	Outer     []*Term   // permits of the framework that it passes
	Bars      []Bar     // prohibitions of both
	Transfers []fairlead.Mechanism
}

// Bar is a prohibition that speaks of a share, and where it stands, such as "A2/1" or "house:NOR-CSC/3".
type Bar struct {
	Ref   string
	Term  *Term
	Entry int64 // log entry of the document
}

// Clause names the prohibition.
func (b Bar) Clause() string { return b.Ref + "#" + b.Term.ID }

// Whole finds a prohibition that bars every section, or nil.
func Whole(bars []Bar) *Bar {
	return bar(bars, func(t *Term) bool { return len(t.Prohibit.Sections) == 0 })
}

// BarOf finds a prohibition that bars the section, or nil. Of several it is the first by name, so that the
// order in which agreements are listed does not matter.
func BarOf(bars []Bar, code fairlead.SectionCode) *Bar {
	return bar(bars, func(t *Term) bool { return t.Bars(code) })
}

func bar(bars []Bar, speaks func(*Term) bool) (found *Bar) {
	for i := range bars {
		b := &bars[i]
		if speaks(b.Term) && (found == nil || b.Ref < found.Ref || b.Ref == found.Ref && b.Term.ID < found.Term.ID) {
			found = b
		}
	}
	return found
}

// Covers evaluates an agreement in force, within its framework. Where a framework is named and not in
// force, no term permits.
func (s *Standing) Covers(u *Use, framework *Standing, at time.Time) Cover {
	c := Cover{Standing: s, Framework: framework}
	if s.Framework || s.Under != "" && (framework == nil || !framework.Active(at)) {
		return c
	}
	c.Terms = s.permits(u, c.Terms)
	for _, t := range c.Terms {
		if !slices.Contains(c.Transfers, t.Permit.Transfer) {
			c.Transfers = append(c.Transfers, t.Permit.Transfer)
		}
	}
	c.Bars = s.bars(u, c.Bars, false)
	if framework != nil {
		c.Outer = framework.permits(u, c.Outer)
		c.Bars = framework.bars(u, c.Bars, false)
	}
	return c
}

func (s *Standing) permits(u *Use, found []*Term) []*Term {
	for i := range s.Terms {
		if t := &s.Terms[i]; t.Permit != nil && s.speaks(t.Permit, u, false) && t.tests(u) == 0 {
			if found == nil {
				found = make([]*Term, 0, len(s.Terms)-i)
			}
			found = append(found, t)
		}
	}
	return found
}

// speaks reports whether a term of s is about this sender and recipient, who must both be parties.
func (s *Standing) speaks(scope *Scope, u *Use, open bool) bool {
	return scope.between(u, open) && s.Party(u.From) && s.Party(u.To)
}

// bars adds the prohibitions that speak of the use; beside: only those that hold beside the agreement.
func (s *Standing) bars(u *Use, found []Bar, beside bool) []Bar {
	for i := range s.Terms {
		if t := &s.Terms[i]; t.Prohibit != nil && (t.Beside || !beside) && s.Party(u.From) && s.Party(u.To) && t.prohibits(u) {
			found = append(found, Bar{s.Ref(), t, s.Entry})
		}
	}
	return found
}

// Beside adds the prohibitions of s that hold whatever a share stands on. A suspension keeps them.
func (s *Standing) Beside(u *Use, found []Bar, at time.Time) []Bar {
	if s.Active(at) || s.Paused(at) {
		return s.bars(u, found, true)
	}
	return found
}

// Permits reports whether the message is permitted, sections aside.
func (c *Cover) Permits() bool {
	return len(c.Terms) > 0 && (c.Framework == nil || len(c.Outer) > 0) && Whole(c.Bars) == nil
}

// Section finds the term that permits a section: the first in the agreement's order that the framework
// bounds. It is nil where none does or a prohibition bars it.
func (c *Cover) Section(code fairlead.SectionCode, u *Use) *Term {
	if c.Framework != nil && permitting(c.Outer, code, u) == nil || BarOf(c.Bars, code) != nil {
		return nil
	}
	return permitting(c.Terms, code, u)
}

// Speaks reports whether terms list a section that no prohibition bars, whatever has been said of it: consent
// narrows what goes under an agreement, and does not pick the agreement.
func (c *Cover) Speaks(code fairlead.SectionCode) bool {
	lists := func(t *Term) bool { return slices.Contains(t.Permit.Sections, code) }
	return slices.ContainsFunc(c.Terms, lists) && (c.Framework == nil || slices.ContainsFunc(c.Outer, lists)) && BarOf(c.Bars, code) == nil
}

func permitting(terms []*Term, code fairlead.SectionCode, u *Use) *Term {
	for _, t := range terms {
		if t.section(code, u) == 0 {
			return t
		}
	}
	return nil
}

// Obliges merges the obligations of every term that permits one of the sections; of every term that
// permits the message, where there are none.
func (c *Cover) Obliges(sections []fairlead.SectionCode, u *Use) *Oblige {
	var o Oblige
	for _, t := range slices.Concat(c.Terms, c.Outer) {
		if t.Oblige != nil && (len(sections) == 0 || slices.ContainsFunc(sections, func(code fairlead.SectionCode) bool { return t.section(code, u) == 0 })) {
			o.Strictest(t.Oblige)
		}
	}
	if o.IsZero() {
		return nil
	}
	return &o
}

// Miss is a permit that a use does not pass, and why.
type Miss struct {
	Ref    string
	Term   *Term
	Failed Failed
}

// Clause names the permit.
func (m Miss) Clause() string { return m.Ref + "#" + m.Term.ID }

// Near adds the permits of s that speak of sender and recipient and fail, each with all the tests it
// fails. With a section it looks at those that list it.
func (s *Standing) Near(u *Use, code fairlead.SectionCode, found []Miss) []Miss {
	for i := range s.Terms {
		t := &s.Terms[i]
		if t.Permit == nil || !s.speaks(t.Permit, u, false) {
			continue
		}
		failed := t.tests(u)
		if code != "" {
			failed |= t.section(code, u)
		}
		if failed != 0 && (code == "" || failed&FailedSection == 0) {
			found = append(found, Miss{s.Ref(), t, failed})
		}
	}
	return found
}

// Nearest keeps the n permits that fail the fewest tests, equals by name.
func Nearest(list []Miss, n int) []Miss {
	slices.SortFunc(list, func(a, b Miss) int {
		if d := bits.OnesCount16(uint16(a.Failed)) - bits.OnesCount16(uint16(b.Failed)); d != 0 {
			return d
		}
		return strings.Compare(a.Clause(), b.Clause())
	})
	return list[:min(n, len(list))]
}

// Reasons tells a miss by reason, each with what to change. code is the section, if one is asked for.
func (m Miss) Reasons(u *Use, code fairlead.SectionCode) []Why {
	var list []Why
	add := func(test Failed, reason fairlead.Reason, format string, args ...any) {
		if m.Failed&test == 0 {
			return
		}
		text := fmt.Sprintf(format, args...)
		if n := len(list); n > 0 && list[n-1].Reason == reason {
			list[n-1].What += "; " + text
			return
		}
		list = append(list, Why{reason, text})
	}
	s, w := m.Term.Permit, m.Term.When
	add(FailedPurpose, fairlead.ReasonAgreementScope, "%s is not among its purposes", given(u.Purpose))
	add(FailedKind, fairlead.ReasonAgreementScope, "%s is not among its kinds", given(u.Kind))
	add(FailedBasis, fairlead.ReasonAgreementScope, "basis %s is not among its bases", given(u.Basis))
	add(FailedUrgency, fairlead.ReasonAgreementScope, "it is for urgency %v", s.Urgency)
	if w == nil {
		return list
	}
	add(FailedThreshold, fairlead.ReasonAgreementCondition, "it is for threshold %v", w.Thresholds)
	add(FailedTLP, fairlead.ReasonAgreementCondition, "it is for TLP up to %s", w.TLP)
	add(FailedGSC, fairlead.ReasonAgreementCondition, "it is for classification up to %s", w.GSC)
	add(FailedFact, fairlead.ReasonAgreementCondition, "it asks that %s", w.Facts)
	add(FailedUnknown, fairlead.ReasonAgreementCondition, "it asks for %s, which is missing", strings.Join(m.Term.Missing(u), ", "))
	add(FailedTraining, fairlead.ReasonTraining, "training %v must be current", w.Training)
	add(FailedObjected, fairlead.ReasonConsentRefused, "it stops where somebody objects to %s", code)
	add(FailedConsent, fairlead.ReasonConsentMissing, "it asks for consent to %s", code)
	if m.Failed&FailedGiver != 0 {
		add(FailedGiver, fairlead.ReasonConsentScope, "it asks for the consent of %v", w.Consent.GivenBy)
	}
	return list
}

func given[T ~string](v T) string {
	if v == "" {
		return "what is missing"
	}
	return string(v)
}

// Why is one reason and what to change.
type Why struct {
	Reason fairlead.Reason
	What   string
}
