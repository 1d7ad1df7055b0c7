package policy

import (
	"time"

	"fairlead/internal/fairlead"
	"fairlead/internal/law"
	"fairlead/internal/workday"
)

// clock says when a deadline of the domain notes §10.3 starts; how long it runs is in the tables of law.
type clock struct {
	code  fairlead.Deadline
	runs  func(p *decider) bool
	since func(p *decider) (time.Time, bool) // nil: the decision
	own   func(p *decider, c *law.Clock)     // the kind's own length, where it has one; nil: as the tables say
}

// due attaches the deadlines the decision starts (P15).
func (p *decider) due() {
	for _, c := range clocks {
		if !c.runs(p) {
			continue
		}
		from, ok := p.at, true
		if c.since != nil {
			from, ok = c.since(p)
		}
		row, known := p.law.Clock(c.code)
		if c.own != nil {
			c.own(p, &row)
		}
		if ok && known {
			p.d.Due = append(p.d.Due, p.end(row, from))
		}
	}
}

// end is when a clock that started at an instant runs out.
func (p *decider) end(c law.Clock, from time.Time) Due {
	d := Due{Code: string(c.Code)}
	switch c.Unit {
	case law.Minutes:
		d.At = stamp(from.Add(time.Duration(c.Count) * time.Minute))
	case law.Hours:
		d.At = stamp(from.Add(time.Duration(c.Count) * time.Hour))
	case law.Days:
		d.At = from.UTC().AddDate(0, 0, c.Count).Format(time.DateOnly)
	case law.Months:
		d.At = from.UTC().AddDate(0, c.Count, 0).Format(time.DateOnly)
	case law.WorkingDays:
		whose := p.f.Recipient
		if c.Calendar == "sender" {
			whose = p.f.Sender
		}
		cal := p.calendar(whose.Jurisdiction)
		d.At, d.Calendar = cal.Next(from, c.Count).Format(time.DateOnly), cal.Name()
	}
	return d
}

// calendar is the operator's for j, or the hub's own.
func (p *decider) calendar(j fairlead.Jurisdiction) workday.Calendar {
	if name, days, ok := p.law.Holidays(j); ok {
		return workday.Of(name, days)
	}
	return workday.For(j)
}

func stamp(t time.Time) string { return t.UTC().Truncate(time.Second).Format("2006-01-02T15:04:05Z") }

// is reports kind and, where given, the value of one fact.
func (p *decider) is(kind string, fact ...string) bool {
	return p.Header.Kind == kind && (len(fact) == 0 || p.Header.Facts[fact[0]] == fact[1])
}

var clocks = []clock{
	{code: "DL-ACK-ALERT", runs: func(p *decider) bool {
		return (p.is("alert.missing") || p.is("alert.at_risk") || p.is("alert.arrival")) && p.Header.Urgency == fairlead.UrgencyImmediate
	}},
	{code: "DL-EMERG-REVIEW", runs: func(p *decider) bool {
		vital := p.Header.Basis != nil && p.Header.Basis.Art6 == fairlead.Art6Vital
		return p.d.Ground == fairlead.GroundEmergency || p.under == fairlead.GroundEmergency || vital || p.later
	}},
	{code: "DL-OVERRIDE-REVIEW", runs: func(p *decider) bool { return p.d.Ground == fairlead.GroundOverride }},
	{code: "DL-POLICE-PROT", runs: func(p *decider) bool { return p.Header.Facts["police_protection_from"] != "" }, since: func(p *decider) (time.Time, bool) {
		var from fairlead.Time
		err := from.UnmarshalText([]byte(p.Header.Facts["police_protection_from"]))
		return from.Time, err == nil
	}},
	{code: "DL-LA-DECIDE", runs: (*decider).englishReferral},
	{code: "DL-ASSESS", runs: (*decider).englishReferral},
	{code: "DL-ICPC", runs: func(p *decider) bool {
		return p.is("investigation.coordinate", "type", "strategy_discussion") && p.f.Sender.Jurisdiction == "GB-ENG"
	}},
	{code: "DL-NRM-RG", runs: func(p *decider) bool {
		return p.is("nrm.notice", "event", "referred") && p.f.Recipient.Type == fairlead.TypeCompetentAuthority
	}},
	{code: "DL-NRM-RECOVERY", runs: func(p *decider) bool { return p.is("nrm.notice", "event", "rg_positive") }},
	{code: "DL-ICTG", runs: func(p *decider) bool {
		return p.is("guardian.notice", "event", "referred") && p.f.Recipient.Type == fairlead.TypeGuardian
	}},
	{code: "DL-RFI-URG", runs: func(p *decider) bool { return p.is("info.request", "urgency", "urgent") }},
	{code: "DL-RFI", runs: func(p *decider) bool { return p.is("info.request", "urgency", "routine") }},
	{code: "DL-RO-INQUIRY", runs: func(p *decider) bool {
		return p.is("info.request", "social_inquiry", "true") && p.f.Recipient.Jurisdiction == "RO"
	}},
	{code: "DL-RHI", runs: func(p *decider) bool { return p.is("alert.cancel", "outcome", "found_safe") }},
	{code: "DL-RECALL", runs: func(p *decider) bool { return p.is("recall.notice") }, own: recallDue},
	{code: "DL-BREACH", runs: breach},
	{code: "DL-ACK-CASE", runs: func(p *decider) bool { return p.is("agreement.proposal") }, own: func(_ *decider, c *law.Clock) { c.Count = 5 }},
	{code: "DL-ACK-CASE", runs: func(p *decider) bool { return p.is("escalation") }, own: func(_ *decider, c *law.Clock) { c.Count, c.Unit = 4, law.Hours }},
	{code: "DL-ACK-CASE", runs: func(p *decider) bool { return p.is("consent.withdraw") }, own: func(_ *decider, c *law.Clock) { c.Calendar = "sender" }},
}

func (p *decider) englishReferral() bool {
	return p.is("referral.new") && p.f.Recipient.Type == fairlead.TypeLA && p.f.Recipient.Jurisdiction == "GB-ENG"
}

// ReviewDue is DL-AGR-REVIEW of an agreement that becomes active at an instant, by the tables of that day.
func ReviewDue(t *law.Tables, active time.Time) Due {
	row, _ := t.At(active).Clock("DL-AGR-REVIEW") // checked tables have a row of each clock
	p := decider{law: t.At(active)}
	return p.end(row, active)
}
