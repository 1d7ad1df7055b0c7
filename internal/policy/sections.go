package policy

import (
	"slices"

	"fairlead/internal/consent"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
)

// sectionDecider gathers the decision on one section.
type sectionDecider struct {
	Section
	desc       *envelope.Descriptor
	overridden bool // delivered against a refusal, for a declared and permitted reason
	waits      bool // and only once a second person has approved
}

func (s *sectionDecider) against(check string, reason fairlead.Reason, advice string) {
	s.Causes = append(s.Causes, Cause{Reason: reason, Check: check, Where: "section " + string(s.Code), Advice: advice})
}

// decideSections runs the checks tied to one section (P05, P08 to P10). A failure withholds that
// section; where it is essential, or consent was the basis, or nothing is left, it refuses the share.
// An override that still wants its second person (P14) holds the share whole.
func (p *decider) decideSections() {
	sent, left, overridden, waits := 0, 0, false, false
	for i, d := range p.Descriptors {
		if d.Audience != envelope.ForRecipient {
			continue
		}
		s := &sectionDecider{Section: Section{Part: i, Code: d.Code}, desc: d}
		p.checkOnward(s)
		p.checkSpecial(s)
		p.checkCaveats(s)
		p.checkConsent(s)
		p.checkSection(s)
		s.Delivered = len(s.Causes) == 0
		if s.overridden && s.Delivered {
			overridden, waits = true, waits || s.waits
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
	if waits {
		p.hold()
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

func (p *decider) byConsent() bool {
	return p.Header.Basis != nil && p.Header.Basis.Art6 == fairlead.Art6Consent
}

// informs lists the caveats that only inform the reader; the others fail closed until the people who
// may clear them can do so here.
var informs = []fairlead.Caveat{"NOT-EVIDENCE", "CHILD-VOICE", "NO-FAMILY", "UNVERIFIED-AGE"}

// checkCaveats is P08 for one section.
func (p *decider) checkCaveats(s *sectionDecider) {
	for _, c := range s.desc.Caveats {
		if !slices.Contains(informs, c) && !(c == synthetic && exercise(p.Header.Status)) {
			s.against("P08", fairlead.ReasonCaveat, "caveat "+string(c)+" bars it, and clearing it is not built yet")
		}
	}
}

// checkConsent is P09 (domain §9): consult always; require only where consent is the basis; a refusal
// under another basis yields to an override alone.
func (p *decider) checkConsent(s *sectionDecider) {
	state := consent.Weakest(p.f.Consents, p.subjects(), p.consentUse(s), p.at)
	switch {
	case p.byConsent():
		p.requireConsent(s, state)
	case state == consent.Refused:
		p.checkOverride(s)
	case state != consent.Given && (p.Header.Threshold == fairlead.TH0 || p.Header.Threshold == fairlead.TH1):
		s.against("P09", fairlead.ReasonConsentMissing, "below TH2 information about a child wants consent or a manager, who cannot approve here yet")
	}
}

// requireConsent is the first two rows of the matrix: under Art 6(1)(a) a refusal is final.
func (p *decider) requireConsent(s *sectionDecider, state consent.State) {
	switch state {
	case consent.Given:
	case consent.Refused:
		s.against("P09", fairlead.ReasonConsentRefused, "it was refused; where a statutory basis is true, declare that one instead")
	case consent.Expired:
		s.against("P09", fairlead.ReasonConsentExpired, "ask again")
	case consent.OutOfScope:
		s.against("P09", fairlead.ReasonConsentScope, "it was given for another recipient or purpose")
	default:
		s.against("P09", fairlead.ReasonConsentMissing, "record the consent first, or declare the basis that is true")
	}
}

// subjects lists the children that the share is about, by the sender's handles.
func (p *decider) subjects() (list []string) {
	for _, d := range p.Descriptors {
		if d.Subject != "" {
			list = append(list, d.Subject)
		}
	}
	return list
}

func (p *decider) consentUse(s *sectionDecider) consent.Use {
	r := p.f.Recipient
	return consent.Use{Section: s.Code, Purpose: p.Header.Purpose, Recipient: r.ID, Type: r.Type, Jurisdiction: r.Jurisdiction}
}

// neverTo lists, per section, the types of agency that never get it (domain §5, last column). Family
// is no agency; the overseas default is the rule below.
var neverTo = map[fairlead.SectionCode][]fairlead.AgencyType{
	"ID-NUM":               {fairlead.TypeNGOOverseas, fairlead.TypeConsulate},
	"BIO-PHOTO":            {fairlead.TypeLibrary, fairlead.TypeNGOOverseas},
	fairlead.SectionLocNow: {fairlead.TypeConsulate},
	"IMMIG":                {fairlead.TypeConsulate},
	fairlead.SectionAsylum: {fairlead.TypeConsulate},
	"EXPL-ACCOUNT":         {fairlead.TypeNGOOverseas, fairlead.TypeConsulate},
	"EXPLOITER":            {fairlead.TypeNGOOverseas, fairlead.TypeNGOUK},
	"HEALTH-SEX":           {fairlead.TypeConsulate},
	"PLAN-RETURN":          {fairlead.TypeConsulate},
}

// homeOnly are the sections kept inside the sender's State unless cleared: whereabouts and asylum by
// settled rule (DESIGN §6), the others by the default of domain §5.
var homeOnly = []fairlead.SectionCode{fairlead.SectionLocNow, fairlead.SectionAsylum, "CHILD-CRIM", "HEALTH-SEX", "OVERRIDE-NOTE"}

// checkSection is P10: what the section's own default, and then the ground, allow.
func (p *decider) checkSection(s *sectionDecider) {
	r := p.f.Recipient
	barred := func(advice string) { s.against("P10", fairlead.ReasonSectionNotAllowed, advice) }
	switch {
	case p.crossBorder() && slices.Contains(homeOnly, s.Code):
		barred("it stays inside the sender's State unless it is cleared")
	case slices.Contains(neverTo[s.Code], r.Type):
		barred("it never goes to a body of type " + string(r.Type))
	case s.Code == "INTEL" && !r.Type.LawEnforcement():
		barred("intelligence goes to law enforcement only")
	default:
		p.checkClause(s, barred)
	}
}

// checkClause finds the clause that permits the section.
func (p *decider) checkClause(s *sectionDecider, barred func(string)) {
	if p.standing != nil {
		if term, ok := p.cover.Barred[s.Code]; ok {
			barred("term " + p.standing.Ref() + "#" + term + " prohibits it")
			return
		}
		if term, ok := p.cover.Sections[s.Code]; ok {
			s.Clause = p.standing.Ref() + "#" + term
			return
		}
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
		barred("no term of agreement " + p.standing.Ref() + " permits it")
	default:
		barred("a control message carries no sections")
	}
}
