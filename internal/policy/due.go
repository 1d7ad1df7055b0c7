package policy

import (
	"time"

	"fairlead/internal/fairlead"
	"fairlead/internal/workday"
)

// Clock is a deadline of the domain notes §10.3: its code, when it starts, and how long it runs. The
// lengths are dated defaults (tags D, B-H), not law.
type clock struct {
	code string
	runs func(p *decider) bool
	at   func(p *decider) (due, calendar string)
}

// due attaches the deadlines the decision starts (P15).
func (p *decider) due() {
	for _, c := range clocks {
		if c.runs(p) {
			at, cal := c.at(p)
			p.d.Due = append(p.d.Due, Due{Code: c.code, At: at, Calendar: cal})
		}
	}
}

// after is an instant, elapsed time after the decision.
func after(d time.Duration) func(*decider) (string, string) {
	return func(p *decider) (string, string) { return stamp(p.at.Add(d)), "" }
}

// working is a date, n working days on in the calendar of the agency that whose picks.
func working(n int, whose func(*decider) *Agency) func(*decider) (string, string) {
	return func(p *decider) (string, string) {
		c := workday.For(whose(p).Jurisdiction)
		return c.Next(p.at, n).Format(time.DateOnly), c.Name()
	}
}

func stamp(t time.Time) string { return t.UTC().Truncate(time.Second).Format("2006-01-02T15:04:05Z") }

func sender(p *decider) *Agency    { return p.f.Sender }
func recipient(p *decider) *Agency { return p.f.Recipient }

// is reports kind and, where given, the value of one fact.
func (p *decider) is(kind string, fact ...string) bool {
	return p.Header.Kind == kind && (len(fact) == 0 || p.Header.Facts[fact[0]] == fact[1])
}

var clocks = []clock{
	{"DL-ACK-ALERT", func(p *decider) bool {
		return (p.is("alert.missing") || p.is("alert.at_risk") || p.is("alert.arrival")) && p.Header.Urgency == fairlead.UrgencyImmediate
	}, after(time.Hour)},
	{"DL-EMERG-REVIEW", func(p *decider) bool {
		return p.d.Ground == fairlead.GroundEmergency || p.under == fairlead.GroundEmergency
	}, working(1, sender)},
	{"DL-OVERRIDE-REVIEW", func(p *decider) bool { return p.d.Ground == fairlead.GroundOverride }, working(10, sender)},
	{"DL-POLICE-PROT", func(p *decider) bool { return p.Header.Facts["police_protection_from"] != "" }, func(p *decider) (string, string) {
		var from fairlead.Time
		if err := from.UnmarshalText([]byte(p.Header.Facts["police_protection_from"])); err != nil {
			return "", ""
		}
		return stamp(from.Add(72 * time.Hour)), ""
	}},
	{"DL-LA-DECIDE", func(p *decider) bool {
		return p.is("referral.new") && p.f.Recipient.Type == fairlead.TypeLA && p.f.Recipient.Jurisdiction == "GB-ENG"
	}, working(1, recipient)},
	{"DL-ASSESS", func(p *decider) bool {
		return p.is("referral.new") && p.f.Recipient.Type == fairlead.TypeLA && p.f.Recipient.Jurisdiction == "GB-ENG"
	}, working(45, recipient)},
	{"DL-ICPC", func(p *decider) bool {
		return p.is("investigation.coordinate", "type", "strategy_discussion") && p.f.Sender.Jurisdiction == "GB-ENG"
	}, working(15, sender)},
	{"DL-NRM-RG", func(p *decider) bool {
		return p.is("nrm.notice", "event", "referred") && p.f.Recipient.Type == fairlead.TypeCompetentAuthority
	}, working(5, recipient)},
	{"DL-NRM-RECOVERY", func(p *decider) bool { return p.is("nrm.notice", "event", "rg_positive") }, func(p *decider) (string, string) {
		return p.at.UTC().AddDate(0, 0, 30).Format(time.DateOnly), ""
	}},
	{"DL-ICTG", func(p *decider) bool {
		return p.is("guardian.notice", "event", "referred") && p.f.Recipient.Type == fairlead.TypeGuardian
	}, after(24 * time.Hour)},
	{"DL-RFI-URG", func(p *decider) bool { return p.is("info.request", "urgency", "urgent") }, working(3, recipient)},
	{"DL-RFI", func(p *decider) bool { return p.is("info.request", "urgency", "routine") }, working(10, recipient)},
	{"DL-RO-INQUIRY", func(p *decider) bool {
		return p.is("info.request", "social_inquiry", "true") && p.f.Recipient.Jurisdiction == "RO"
	}, working(20, recipient)},
	{"DL-RHI", func(p *decider) bool { return p.is("alert.cancel", "outcome", "found_safe") }, after(72 * time.Hour)},
	{"DL-RECALL", func(p *decider) bool { return p.is("recall.notice") }, recallDue},
	{"DL-BREACH", breach, after(72 * time.Hour)},
	{"DL-ACK-CASE", func(p *decider) bool { return p.is("agreement.proposal") }, working(5, recipient)},
	{"DL-ACK-CASE", func(p *decider) bool { return p.is("escalation") }, after(4 * time.Hour)},
	{"DL-ACK-CASE", func(p *decider) bool { return p.is("consent.withdraw") }, working(1, sender)},
}

// ReviewDue is DL-AGR-REVIEW of an agreement that becomes active at an instant: twelve months.
func ReviewDue(active time.Time) Due {
	return Due{Code: "DL-AGR-REVIEW", At: active.UTC().AddDate(1, 0, 0).Format(time.DateOnly)}
}
