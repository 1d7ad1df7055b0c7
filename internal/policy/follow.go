package policy

import (
	"strings"

	"fairlead/internal/fairlead"
	"fairlead/internal/kind"
)

// original is the share whose purpose a reply, correction or refusal is sent for; nil where none is on record.
func (p *decider) original() *Prior {
	if !p.kind.Original {
		return nil
	}
	if p.Header.Kind == "correction" {
		return p.f.Superseded
	}
	return p.f.Answered
}

// checkCorrection: a correction is the originator's, and names the share that was wrong. It goes to whoever was
// given the wrong value, by this share or by another's hand.
func (p *decider) checkCorrection() {
	if s := p.f.Superseded; p.Header.Kind == "correction" && (s == nil || !s.Delivered || s.From != p.Header.From.Agency) {
		p.against("P01", fairlead.ReasonSchema, "supersedes", "a correction names, in supersedes, a share that your agency sent and that was delivered")
	}
}

// checkCancel: an alert is closed by its originator, or by the agency that took the lead: the recipient that
// accepted it.
func (p *decider) checkCancel() {
	if p.Header.Kind != "alert.cancel" {
		return
	}
	a, own := p.f.Answered, p.Header.From.Agency
	if a == nil || !a.Delivered || !strings.HasPrefix(a.Kind, "alert.") || a.From != own && (a.To != own || a.Ack != fairlead.AckAccepted) {
		p.against("P06", fairlead.ReasonSenderRole, "reply_to", "an alert is closed by its originator, or by a recipient that accepted it for action")
	}
}

// checkEscalation: a party of a share takes it one level up at the other party (facts.level).
func (p *decider) checkEscalation() {
	if p.Header.Kind != "escalation" {
		return
	}
	a, from, to := p.f.Answered, p.Header.From.Agency, p.Header.To.Agency
	k := kind.Kind{}
	if a != nil {
		k, _ = kind.Lookup(a.Kind)
	}
	switch {
	case a == nil || !a.Delivered || (a.From != from || a.To != to) && (a.From != to || a.To != from):
		p.against("P06", fairlead.ReasonSchema, "reply_to", "an escalation names a share between your agency and this one that was delivered")
	case k.Plane == kind.Control && a.Kind != "recall.notice":
		p.against("P06", fairlead.ReasonSchema, "reply_to", "a message of kind "+a.Kind+" is not escalated")
	}
	p.d.Ground = fairlead.GroundControl
}
