package policy

import (
	"time"

	"fairlead/internal/fairlead"
	"fairlead/internal/law"
)

// checkTransfer is P07: what crosses a border does so under a mechanism that fits the route and shows
// what it needs and, where an agreement carries the share, under the agreement's own.
func (p *decider) checkTransfer() {
	if p.covered() || p.f.Sender == nil || p.f.Recipient == nil {
		return
	}
	var m fairlead.Mechanism
	if t := p.Header.Transfer; t != nil {
		m = t.Mechanism
	}
	against := func(advice string) { p.against("P07", fairlead.ReasonTransfer, "transfer "+string(m), advice) }
	if !p.crosses {
		if m != "" && m != fairlead.MechanismNone {
			against("within one State there is no restricted transfer: NONE")
		}
		return
	}
	row, ok := p.law.Transfer(m)
	from, to := p.f.Sender.Jurisdiction, p.f.Recipient.Jurisdiction
	switch {
	case m == "":
		against("name the transfer mechanism")
	case !ok:
		against("it is not in force on this day")
	case !row.Route(from, to):
		against("this mechanism is not for " + string(from) + " to " + string(to))
	default:
		for _, n := range row.Needs {
			if advice := p.transferNeed(n, row); advice != "" {
				against(advice)
			}
		}
	}
	if p.d.Ground == fairlead.GroundAgreement && !p.cover.Transfers(m) {
		against("agreement " + p.ref + " names another mechanism")
	}
}

// transferNeed says what is missing, or nothing.
func (p *decider) transferNeed(n law.Need, row law.Transfer) string {
	from, to := p.f.Sender, p.f.Recipient
	ref, assessed := p.assessment(row.Code)
	ok, advice := false, ""
	switch n {
	case law.NeedHome:
		advice = "a border is crossed: name the mechanism of the transfer"
	case law.NeedAdequacy:
		if ok = p.law.Adequate(from.Jurisdiction, to.Jurisdiction); !ok {
			advice = string(to.Jurisdiction) + " is not on the list of adequate places for " + string(from.Jurisdiction)
		}
	case law.NeedAssessment:
		ok = ref != "" && fresh(assessed, row.Months, p.at)
		advice = "it needs the reference and the date of a data protection test that is not stale; make one, and give both"
	case law.NeedInstrument, law.NeedReason, law.NeedProceedings:
		if ok = ref != ""; !ok {
			advice = "give the reference of the " + string(n)
		}
	case law.NeedPublic:
		ok, advice = from.Type.PublicAuthority() && to.Type.PublicAuthority(), "it is for public bodies at both ends"
	case law.NeedImmediate:
		ok, advice = p.Header.Urgency == fairlead.UrgencyImmediate, "it is for vital interests: urgency Immediate"
	case law.NeedPart3:
		ok = from.Type.LawEnforcement() && p.Header.Basis != nil && p.Header.Basis.Art6 == fairlead.Art6LawEnforce
		advice = "it is for law enforcement under the basis P3-LE"
	default:
		advice = "the hub's tables ask for " + string(n) + ", which no rule reads here"
	}
	if ok {
		return ""
	}
	return advice
}

// assessment is what a mechanism stands on: as the header says, or else as the agreement that carries
// the share does.
func (p *decider) assessment(m fairlead.Mechanism) (ref, assessed string) {
	if t := p.Header.Transfer; t.Ref != "" {
		return t.Ref, t.Assessed
	}
	if p.standing != nil {
		for _, a := range p.standing.Assessments {
			if a.Mechanism == m && a.Date > assessed {
				ref, assessed = a.Ref, a.Date
			}
		}
	}
	return ref, assessed
}

// fresh reports whether an assessment of a date is made by at and not older than so many months.
func fresh(date string, months int, at time.Time) bool {
	made, err := time.Parse(time.DateOnly, date)
	return err == nil && !at.Before(made) && at.Before(made.AddDate(0, months, 0))
}
