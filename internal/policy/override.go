package policy

import (
	"slices"

	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/kind"
)

// overrideAt says at which thresholds a reason may override a refusal (domain §9, override_reason).
var overrideAt = map[fairlead.OverrideReason][]fairlead.Threshold{
	"SIG-HARM":           {fairlead.TH3, fairlead.TH4},
	"SERIOUS-HARM-OTHER": {fairlead.TH3, fairlead.TH4},
	"PREJUDICE":          {fairlead.TH3, fairlead.TH4},
	"DUTY":               {fairlead.TH1, fairlead.TH2, fairlead.TH3, fairlead.TH4},
	"CAPACITY":           {fairlead.TH2, fairlead.TH3, fairlead.TH4},
	"COERCED":            {fairlead.TH3, fairlead.TH4},
}

// checkOverride is the row "refused" of the consent matrix under a statutory basis. Without a declared
// override the section stays; with one it goes once a second person has approved, at TH4 at once with
// the approval due within a working day. It never adds what the agreement bars: P10 follows.
func (p *decider) checkOverride(s *sectionDecider) {
	o, h := s.desc.Override, p.Header
	refused := func(advice string) { s.against("P09", fairlead.ReasonConsentRefused, advice) }
	abroad := p.f.Recipient.Type == fairlead.TypeNGOOverseas || p.f.Recipient.Type == fairlead.TypeConsulate
	duty := h.S16LA != nil && h.S16LA.Applies || h.Threshold != fairlead.TH0 && h.Threshold != fairlead.TH1
	switch {
	case o == nil:
		refused("it was refused for this recipient or purpose; where an override is right, declare its reason")
	case !slices.Contains(overrideAt[o.Reason], h.Threshold):
		refused("reason " + string(o.Reason) + " does not override at " + string(h.Threshold))
	case !duty:
		refused("below TH2 only a duty under s16LA overrides a refusal")
	case abroad && h.Threshold != fairlead.TH4:
		refused("a refusal is not overridden for a body of this type below TH4")
	case !p.noteSent():
		refused("seal the reasons in an OVERRIDE-NOTE and name its digest")
	default:
		s.overridden = true
		s.waits = (h.Threshold != fairlead.TH4 || abroad) && !p.approved()
	}
}

// noteSent reports whether the share carries the sealed note that its overrides name.
func (p *decider) noteSent() bool {
	for _, d := range p.Descriptors {
		if d.Code != "OVERRIDE-NOTE" {
			continue
		}
		return !slices.ContainsFunc(p.Descriptors, func(o *envelope.Descriptor) bool { return o.Override != nil && o.Override.Note != d.Digest })
	}
	return false
}

// approved reports whether a second person has signed: in a role that may, and not the author.
func (p *decider) approved() bool {
	for _, a := range p.f.Approvals {
		if a.User != p.Header.From.User && slices.Contains(kind.Approvers, a.Role) {
			return true
		}
	}
	return false
}

// hold keeps the share, whole, until somebody approves or its time is over (P14).
func (p *decider) hold() {
	p.d.Result = fairlead.Held
	p.d.Holds = []Cause{{Reason: fairlead.ReasonSecondPerson, Check: "P14", Where: "override", Advice: "a second person, not the author, approves: fairlead approve SHARE"}}
	for i := range p.d.Sections {
		p.d.Sections[i].Delivered = false
	}
}
