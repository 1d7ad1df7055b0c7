package policy

import (
	"slices"

	"fairlead/internal/fairlead"
)

// untold are the reasons that would disclose what they protect: the asker reads R-NO-BASIS (domain §9).
var untold = []fairlead.RefusalReason{"R-ART37", "R-ASYLUM"}

const noBasis fairlead.RefusalReason = "R-NO-BASIS"

// deciding are the roles that answer for a refusal that gives no reason, or weighs a detriment: whoever sends
// one, so that the role tells nothing either.
var deciding = []fairlead.Role{"TEAM_MANAGER", "SAFEGUARDING_LEAD", "DPO"}

// checkRefusal is P01 for disclosure.refusal: the true reason is said once, to the hub alone; the clear one is
// the same, or R-NO-BASIS. Every refusal thus has the same parts, whatever its reason.
func (p *decider) checkRefusal() {
	var reasons []fairlead.RefusalReason
	for _, d := range p.Descriptors {
		if d.Reason != "" {
			reasons = append(reasons, d.Reason)
		}
	}
	against := func(where, advice string) { p.against("P01", fairlead.ReasonSchema, where, advice) }
	if p.Header.Kind != "disclosure.refusal" {
		if len(reasons) > 0 {
			against("reason", "only a disclosure.refusal has a reason for the hub")
		}
		return
	}
	public := fairlead.RefusalReason(p.Header.Facts["reason"])
	switch {
	case len(reasons) != 1:
		against("reason", "say the true reason once, in reason; only the hub and its auditors see it")
		return
	case slices.Contains(untold, reasons[0]) && public != noBasis:
		against("facts.reason", "this reason would disclose what it protects: tell R-NO-BASIS")
	case public != reasons[0] && public != noBasis:
		against("facts.reason", "tell the true reason, or R-NO-BASIS")
	}
	if (public == noBasis || public == "R-DETRIMENT") && !slices.Contains(deciding, p.Header.From.Role) {
		p.against("P02", fairlead.ReasonSenderRole, "role "+string(p.Header.From.Role), "a manager, safeguarding lead or data protection officer answers for such a refusal")
	}
	p.checkDetriment(public)
}

// checkDetriment is Children Act 2004 s16LA(3): a sender in England that refuses for the detriment says that it
// weighed it; and who gives another reason does not say it beside.
func (p *decider) checkDetriment(public fairlead.RefusalReason) {
	s := p.Header.S16LA
	weighed := s != nil && s.Considered && s.Detriment == "yes"
	england := p.f.Sender != nil && p.f.Sender.Jurisdiction == "GB-ENG"
	if public == "R-DETRIMENT" && england && !weighed || public != "R-DETRIMENT" && s != nil && s.Detriment == "yes" {
		p.against("P01", fairlead.ReasonSchema, "s16la.detriment", "yes goes with R-DETRIMENT, and with no other reason")
	}
}
