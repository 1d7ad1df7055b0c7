package policy

import (
	"slices"

	"fairlead/internal/agreement"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
)

// sectionDecider gathers the decision on one section.
type sectionDecider struct {
	Section
	desc       *envelope.Descriptor
	care       *care  // its default handling
	overridden bool   // delivered against a refusal, for a declared and permitted reason
	later      bool   // and before a second person has approved
	wants      []want // approvals that it needs
}

// against records a cause against the section, each once.
func (s *sectionDecider) against(check string, reason fairlead.Reason, advice string) {
	c := Cause{Reason: reason, Check: check, Where: "section " + string(s.Code), Advice: advice}
	if !slices.Contains(s.Causes, c) {
		s.Causes = append(s.Causes, c)
	}
}

// decideSections runs the checks tied to one section (P05, P08 to P10). A failure withholds that
// section; where it is essential, or consent was the basis, or nothing is left, it refuses the share.
// A section that still wants somebody's approval (P14) holds the share whole.
func (p *decider) decideSections() {
	sent, left, overridden := 0, 0, false
	var waits []want
	p.d.Sections = slices.Grow(p.d.Sections, len(p.Descriptors))
	p.shows = p.showing()
	s := new(sectionDecider)
	for i, d := range p.Descriptors {
		if d.Audience != envelope.ForRecipient {
			continue
		}
		*s = sectionDecider{Section: Section{Part: i, Code: d.Code}, desc: d, care: careOf(d.Code)}
		p.checkOnward(s)
		p.checkSpecial(s)
		p.checkHandling(s)
		p.checkConsent(s)
		p.checkSection(s)
		s.Delivered = len(s.Causes) == 0
		if s.Delivered {
			waits = append(waits, slices.DeleteFunc(s.wants, func(w want) bool { return !p.missing(w) })...)
			overridden, p.later = overridden || s.overridden, p.later || s.later
		}
		p.d.Sections = append(p.d.Sections, s.Section)
		sent++
		if s.Delivered {
			left++
		} else if d.Essential || p.byConsent() {
			p.raise(s.Causes)
		}
	}
	if overridden { // not before: the other sections stand on the ground below it
		p.under, p.d.Ground = p.d.Ground, fairlead.GroundOverride
	}
	p.d.Result = fairlead.Delivered
	if left < sent {
		p.d.Result = fairlead.DeliveredRedacted
	}
	if len(waits) > 0 {
		p.hold(waits)
	}
	if sent > 0 && left == 0 && len(p.d.Causes) == 0 {
		for _, s := range p.d.Sections {
			p.raise(s.Causes)
		}
	}
}

// raise lifts causes of a section to the share: one of each reason, since the section keeps them all
// and a decision must fit into the log.
func (p *decider) raise(causes []Cause) {
	for _, c := range causes {
		if !slices.ContainsFunc(p.d.Causes, func(d Cause) bool { return d.Reason == c.Reason }) {
			p.d.Causes = append(p.d.Causes, c)
		}
	}
}

// checkClause finds the clause that permits the section, unless a prohibition bars it.
func (p *decider) checkClause(s *sectionDecider, barred func(string)) {
	b := agreement.BarOf(p.bars, s.Code)
	if b == nil && p.standing != nil {
		if term := p.cover.Section(s.Code, &p.use); term != nil {
			s.Clause = p.clause(term)
			return
		}
		b = p.cover.Bar(s.Code)
	}
	if b != nil {
		s.Causes = append(s.Causes, prohibited("P10", fairlead.ReasonSectionNotAllowed, "section "+string(s.Code), b)...)
		return
	}
	switch p.d.Ground {
	case fairlead.GroundEmergency:
		s.Clause = "emergency"
	case fairlead.GroundReply:
		if p.Header.Kind == "recall.confirmation" && s.Code == "RISK" { // what a wrong reader may have done
			s.Clause = "reply"
			return
		}
		if p.Header.Kind != "ack" && (s.Code == "PRO-CONTACT" || slices.Contains(p.f.Answered.Sections, s.Code)) {
			s.Clause = "reply"
			return
		}
		barred("the question carried no such section and no agreement permits it")
	case fairlead.GroundAgreement:
		p.fallsShort(s, barred)
	default:
		barred("a control message carries no sections")
	}
}

// clause names a term of the agreement that carries the share. Sections of one term share the text.
func (p *decider) clause(t *agreement.Term) string {
	if p.named != t {
		p.named, p.namedAs = t, p.ref+"#"+t.ID
	}
	return p.namedAs
}

// fallsShort says why no term of the agreement permits the section: the nearest of those that list it,
// each with all the tests it fails.
func (p *decider) fallsShort(s *sectionDecider, barred func(string)) {
	near := agreement.Nearest(p.near(p.standing, p.cover.Framework, s.Code, nil), nearOfSection)
	if len(near) == 0 {
		barred("no term of agreement " + p.ref + " permits it; leave it out, or propose a version that does")
		return
	}
	where := "section " + string(s.Code)
	for _, m := range near {
		for _, why := range m.Reasons(&p.use, s.Code) {
			if why.Reason == fairlead.ReasonAgreementScope {
				why.Reason = fairlead.ReasonSectionNotAllowed
			}
			if len(s.Causes) < causesOfSection {
				s.Causes = append(s.Causes, miss("P10", where+", term "+m.Clause(), where, why, m)...)
			}
		}
	}
}
