package policy

import (
	"slices"
	"strings"

	"fairlead/internal/fairlead"
)

// emergency is the path without an agreement (ICO: share what is necessary in an emergency): an
// immediate danger, a kind made for it, a basis that fits, and a statutory recipient with a duty inbox.
func (p *decider) emergency() bool {
	h, r := p.Header, p.f.Recipient
	kinds := p.alert() || h.Kind == "referral.new" || h.Kind == "return.unplanned"
	return kinds && h.Urgency == fairlead.UrgencyImmediate && h.Threshold == fairlead.TH4 && h.Basis != nil &&
		p.emergencyBasis() && r != nil && r.Emergency && r.Type.Statutory()
}

func (p *decider) alert() bool { return strings.HasPrefix(p.Header.Kind, "alert.") }

func (p *decider) emergencyBasis() bool {
	b := p.Header.Basis
	return b.Art6 == fairlead.Art6Recognised && b.Annex1 == fairlead.Annex1Safeguard ||
		slices.Contains([]fairlead.Art6{fairlead.Art6Legal, fairlead.Art6Vital, fairlead.Art6Task, fairlead.Art6EU, fairlead.Art6National}, b.Art6)
}

// unaffected are the kinds that read neither agreements nor consents: what was delivered can still be
// acknowledged, and keys and people be put on record.
var unaffected = []string{"ack", "agency.certificate", "staff.record", "log.alarm"}

// checkLoaded is the outage rule (domain §8): where agreements and consents could not be read, nothing
// goes but an alert on the emergency path.
func (p *decider) checkLoaded() {
	if p.f.Loaded {
		return
	}
	p.f.Agreements, p.f.Consents = nil, nil // what is there is not all
	p.out = !slices.Contains(unaffected, p.Header.Kind) && (!p.alert() || !p.emergency())
	if p.out {
		p.against("P06", fairlead.ReasonUnavailable, "agreements, consents", "the hub cannot read them now: only alerts of immediate danger go, to statutory bodies with a duty inbox; send again later")
	}
}
