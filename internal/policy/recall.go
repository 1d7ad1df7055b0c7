package policy

import (
	"slices"

	"fairlead/internal/fairlead"
	"fairlead/internal/kind"
	"fairlead/internal/law"
)

// covered reports whether the share stands on the decision it answers or on the party list, so that
// purpose, basis, transfer and danger were decided with that.
func (p *decider) covered() bool {
	return p.control() || p.Header.Kind == "ack" || p.Header.Kind == "recall.confirmation"
}

// checkRecall lets a share be asked back by its sender, from its recipient, once; and lets only that
// notice be answered with a confirmation. The decision on the share covers both.
func (p *decider) checkRecall() {
	a := p.f.Answered
	against := func(advice string) { p.against("P06", fairlead.ReasonSchema, "reply_to", advice) }
	switch p.Header.Kind {
	case "recall.notice":
		k := kind.Kind{}
		if a != nil {
			k, _ = kind.Lookup(a.Kind)
		}
		switch {
		case a == nil || !a.Delivered || a.From != p.Header.From.Agency || a.To != p.Header.To.Agency:
			against("a recall names a share that your agency sent to this recipient and that was delivered")
		case k.Plane == kind.Control || k.Plane == kind.Staff:
			against("a message of kind " + a.Kind + " is not recalled")
		case a.Recalled:
			against("it is recalled already; write to the recipient, or escalate")
		}
		p.d.Ground = fairlead.GroundControl
	case "recall.confirmation":
		if a != nil && a.Kind != "recall.notice" {
			against("a confirmation answers a recall.notice")
		}
	}
}

// breaches are the reasons of a recall that say that personal data went where it should not (UK GDPR
// Art 33).
var breaches = []string{"wrong_recipient", "wrong_child", "excess_sections", "key_compromise"}

// recallDue is DL-RECALL: as the tables say where somebody is in danger or it is urgent, else one working day.
func recallDue(p *decider, c *law.Clock) {
	if p.Header.Urgency != fairlead.UrgencyImmediate && p.Header.Facts["danger"] != "true" {
		c.Count, c.Unit, c.Calendar = 1, law.WorkingDays, "recipient"
	}
}

func breach(p *decider) bool {
	return p.is("recall.notice") && slices.Contains(breaches, p.Header.Facts["reason"])
}
