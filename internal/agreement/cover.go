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
	permits   termSet   // that the message passes
	outer     termSet   // permits of the framework that it passes
	bars      termSet   // prohibitions
	outerBars termSet   // of the framework
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
func Whole(bars []Bar) *Bar { return BarOf(bars, "") }

// BarOf finds a prohibition that bars the section, or nil. Of several it is the first by name, so that the
// order in which agreements are listed does not matter.
func BarOf(bars []Bar, code fairlead.SectionCode) (found *Bar) {
	for i := range bars {
		b := &bars[i]
		if b.Term.Bars(code) && (found == nil || b.Ref < found.Ref || b.Ref == found.Ref && b.Term.ID < found.Term.ID) {
			found = b
		}
	}
	return found
}

// termSet is some of the terms of one agreement, by place.
type termSet [(maxTerms + 63) / 64]uint64

func (t *termSet) add(i int) { t[i/64] |= 1 << (i % 64) }

// next finds the first place from i on, or -1.
func (t *termSet) next(i int) int {
	for w := i / 64; w < len(t); w++ {
		if rest := t[w] >> (i % 64); rest != 0 {
			return i + bits.TrailingZeros64(rest)
		}
		i = (w + 1) * 64
	}
	return -1
}

// Covers evaluates an agreement in force, within its framework. Where a framework is named and not in
// force, no term permits.
func (s *Standing) Covers(u *Use, framework *Standing, at time.Time) Cover {
	c := Cover{Standing: s, Framework: framework}
	if s.Framework || s.Under != "" && (framework == nil || !framework.Active(at)) {
		return c
	}
	s.asked(u, &c.permits, &c.bars)
	if framework != nil {
		framework.asked(u, &c.outer, &c.outerBars)
	}
	return c
}

// asked finds the permits that the use passes, sections aside, and the prohibitions that speak of it.
func (s *Standing) asked(u *Use, permits, bars *termSet) {
	if !s.Party(u.From) || !s.Party(u.To) {
		return
	}
	for i := range s.Terms {
		switch t := &s.Terms[i]; {
		case t.passes(u):
			permits.add(i)
		case t.prohibits(u):
			bars.add(i)
		}
	}
}

// speaks reports whether a term of s is about this sender and recipient, who must both be parties.
func (s *Standing) speaks(scope *Scope, u *Use) bool {
	return scope.between(u, false) && s.Party(u.From) && s.Party(u.To)
}

// Beside adds the prohibitions of s that hold whatever a share stands on. A suspension keeps them.
func (s *Standing) Beside(u *Use, found []Bar, at time.Time) []Bar {
	for i := range s.Terms {
		if t := &s.Terms[i]; t.Beside && s.Party(u.From) && s.Party(u.To) && (s.Active(at) || s.Paused(at)) && t.prohibits(u) {
			found = append(found, Bar{s.Ref(), t, s.Entry})
		}
	}
	return found
}

// Permits reports whether the message is permitted, sections aside.
func (c *Cover) Permits() bool {
	return c.permits.next(0) >= 0 && (c.Framework == nil || c.outer.next(0) >= 0) && !c.barred("")
}

// Transfers reports whether a term that permits the message names the mechanism.
func (c *Cover) Transfers(m fairlead.Mechanism) bool {
	for i := c.permits.next(0); i >= 0; i = c.permits.next(i + 1) {
		if c.Standing.Terms[i].Permit.Transfer == m {
			return true
		}
	}
	return false
}

// Bar finds a prohibition of the agreement or its framework that bars the section, or nil: the first by name. With no
// section it is one that bars them all.
func (c *Cover) Bar(code fairlead.SectionCode) *Bar {
	if !c.barred(code) {
		return nil
	}
	var all []Bar
	for i := c.bars.next(0); i >= 0; i = c.bars.next(i + 1) {
		all = append(all, Bar{c.Standing.Ref(), &c.Standing.Terms[i], c.Standing.Entry})
	}
	for i := c.outerBars.next(0); i >= 0; i = c.outerBars.next(i + 1) {
		all = append(all, Bar{c.Framework.Ref(), &c.Framework.Terms[i], c.Framework.Entry})
	}
	return BarOf(all, code)
}

// barred reports whether a prohibition bars the section.
func (c *Cover) barred(code fairlead.SectionCode) bool {
	return c.Standing.bars(&c.bars, code) || c.Framework != nil && c.Framework.bars(&c.outerBars, code)
}

// bars reports whether one of the prohibitions bars the section.
func (s *Standing) bars(terms *termSet, code fairlead.SectionCode) bool {
	for i := terms.next(0); i >= 0; i = terms.next(i + 1) {
		if s.Terms[i].Bars(code) {
			return true
		}
	}
	return false
}

// Section finds the term that permits a section: the first in the agreement's order that the framework
// bounds. It is nil where none does or a prohibition bars it.
func (c *Cover) Section(code fairlead.SectionCode, u *Use) *Term {
	if c.Framework != nil && c.Framework.permitting(&c.outer, code, u) == nil || c.barred(code) {
		return nil
	}
	return c.Standing.permitting(&c.permits, code, u)
}

// Speaks reports whether terms list a section that no prohibition bars, whatever has been said of it: consent
// narrows what goes under an agreement, and does not pick the agreement.
func (c *Cover) Speaks(code fairlead.SectionCode) bool {
	return c.Standing.lists(&c.permits, code) && (c.Framework == nil || c.Framework.lists(&c.outer, code)) && !c.barred(code)
}

// lists reports whether one of the terms lists the section.
func (s *Standing) lists(terms *termSet, code fairlead.SectionCode) bool {
	for i := terms.next(0); i >= 0; i = terms.next(i + 1) {
		if slices.Contains(s.Terms[i].Permit.Sections, code) {
			return true
		}
	}
	return false
}

// permitting finds the first of the terms that permits the section, or nil.
func (s *Standing) permitting(terms *termSet, code fairlead.SectionCode, u *Use) *Term {
	for i := terms.next(0); i >= 0; i = terms.next(i + 1) {
		if t := &s.Terms[i]; t.section(code, u) == 0 {
			return t
		}
	}
	return nil
}

// Obliges merges the obligations of every term that permits one of the sections; of every term that
// permits the message, where there are none.
func (c *Cover) Obliges(sections []fairlead.SectionCode, u *Use) *Oblige {
	var o Oblige
	c.Standing.obliges(&c.permits, sections, u, &o)
	if c.Framework != nil {
		c.Framework.obliges(&c.outer, sections, u, &o)
	}
	if o.IsZero() {
		return nil
	}
	return &o
}

func (s *Standing) obliges(terms *termSet, sections []fairlead.SectionCode, u *Use, o *Oblige) {
	for i := terms.next(0); i >= 0; i = terms.next(i + 1) {
		t := &s.Terms[i]
		if t.Oblige != nil && (len(sections) == 0 || slices.ContainsFunc(sections, func(code fairlead.SectionCode) bool { return t.section(code, u) == 0 })) {
			o.Strictest(t.Oblige)
		}
	}
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
		if t.Permit == nil || !s.speaks(t.Permit, u) {
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
