package policy

import (
	"slices"
	"strings"

	"fairlead/internal/agreement"
	"fairlead/internal/fairlead"
)

// checkGround is P06: what the share stands on. A direct reply is covered by the decision it answers;
// otherwise an agreement carries it, and only where none does, the emergency path.
func (p *decider) checkGround() {
	if p.control() || p.f.Sender == nil || p.f.Recipient == nil || p.kind.Code == "" {
		return
	}
	if p.Header.Kind == "alert.update" && !p.mayUpdate() {
		p.against("P06", fairlead.ReasonSenderRole, "reply_to", "an update comes from the originator, or from a recipient that acknowledged the alert")
	}
	p.findAgreement()
	switch {
	case p.answers():
		p.d.Ground = fairlead.GroundReply
	case p.covered():
		p.against("P06", fairlead.ReasonSchema, "reply_to", p.kind.Code+" answers a share that was delivered to you, and goes to its sender")
	case p.standing != nil:
		p.d.Ground, p.d.Agreement = fairlead.GroundAgreement, p.standing.Ref()
	case p.emergency():
		p.d.Ground = fairlead.GroundEmergency
	default:
		p.againstAgreements()
	}
}

// mayUpdate: alert.update is the originator's, or a recipient's that acknowledged (domain §6). The
// share answered is the alert in the sender's own hands.
func (p *decider) mayUpdate() bool {
	a := p.f.Answered
	if a == nil || !a.Delivered || !strings.HasPrefix(a.Kind, "alert.") {
		return false
	}
	acked := a.Ack == fairlead.AckOpened || a.Ack == fairlead.AckAccepted // not: cannot read it, wrong recipient
	return a.From == p.Header.From.Agency || a.To == p.Header.From.Agency && acked
}

// findAgreement picks the version that permits the share: the one the sender cites, or else the one
// that permits most of its sections, the lowest reference among equals.
func (p *decider) findAgreement() {
	best := -1
	for _, s := range p.f.Agreements {
		if !p.cites(s) || !s.Active(p.at) {
			continue
		}
		cover := s.Covers(p.use())
		if len(cover.Terms) == 0 {
			continue
		}
		n := p.permitted(cover)
		if n > best || n == best && s.Ref() < p.standing.Ref() {
			best, p.standing, p.cover = n, s, cover
		}
	}
}

// cites reports whether the sender stands on s, or on no version in particular.
func (p *decider) cites(s *agreement.Standing) bool {
	ref := p.Header.Agreement
	return ref == nil || ref.ID == s.ID && ref.Version == s.Version
}

func (p *decider) use() agreement.Use {
	u := agreement.Use{From: p.Header.From.Agency, To: p.Header.To.Agency, Purpose: p.Header.Purpose, Kind: p.Header.Kind}
	if p.Header.Basis != nil {
		u.Basis = p.Header.Basis.Art6
	}
	return u
}

// permitted counts the share's sections that cover permits.
func (p *decider) permitted(cover agreement.Cover) (n int) {
	for _, d := range p.Descriptors {
		if _, ok := cover.Sections[d.Code]; ok {
			n++
		}
	}
	return n
}

// againstAgreements says why no agreement carries the share.
func (p *decider) againstAgreements() {
	reason, where, advice := fairlead.ReasonAgreementNone, "agreement", "you share no agreement with the recipient; police may use the police channel"
	for _, s := range p.f.Agreements {
		switch {
		case !p.cites(s):
		case s.Active(p.at):
			p.against("P06", fairlead.ReasonAgreementScope, "agreement "+s.Ref(), "its terms do not permit this kind, purpose and basis in this direction")
			return
		case s.Paused(p.at):
			reason, where, advice = fairlead.ReasonAgreementSuspended, "agreement "+s.Ref(), "a party suspended it; speak with "+string(s.Suspended[0])
		case s.Expired(p.at) && reason != fairlead.ReasonAgreementSuspended:
			reason, where, advice = fairlead.ReasonAgreementExpired, "agreement "+s.Ref(), "it ended at "+s.Until.UTC().Format("2006-01-02T15:04:05Z")+"; propose a new version"
		}
	}
	p.against("P06", reason, where, advice)
}

// emergency is the path without an agreement (ICO: share what is necessary in an emergency): an
// immediate danger, a kind made for it, a basis that fits, and a recipient with a duty inbox.
func (p *decider) emergency() bool {
	h := p.Header
	kinds := strings.HasPrefix(h.Kind, "alert.") || h.Kind == "referral.new"
	return kinds && h.Urgency == fairlead.UrgencyImmediate && h.Threshold == fairlead.TH4 && h.Basis != nil &&
		p.emergencyBasis() && p.f.Recipient.Emergency && p.f.Recipient.Type.Statutory()
}

func (p *decider) emergencyBasis() bool {
	b := p.Header.Basis
	return b.Annex1 == fairlead.Annex1Safeguard ||
		slices.Contains([]fairlead.Art6{fairlead.Art6Legal, fairlead.Art6Vital, fairlead.Art6Task, fairlead.Art6EU, fairlead.Art6National}, b.Art6)
}

// checkTransfer is P07: what crosses a border does so under a mechanism that fits the route and, where
// an agreement carries the share, under the agreement's own.
func (p *decider) checkTransfer() {
	if p.covered() || p.f.Sender == nil || p.f.Recipient == nil {
		return
	}
	var m fairlead.Mechanism
	if t := p.Header.Transfer; t != nil {
		m = t.Mechanism
	}
	if !p.crossBorder() {
		if m != "" && m != fairlead.MechanismNone {
			p.against("P07", fairlead.ReasonTransfer, "transfer "+string(m), "within one State there is no restricted transfer: NONE")
		}
		return
	}
	if advice := p.route(m); advice != "" {
		p.against("P07", fairlead.ReasonTransfer, "transfer "+string(m), advice)
	}
	if p.d.Ground == fairlead.GroundAgreement && !slices.Contains(p.cover.Transfers, m) {
		p.against("P07", fairlead.ReasonTransfer, "transfer "+string(m), "agreement "+p.standing.Ref()+" names another mechanism")
	}
}

// route says what is wrong with mechanism m between two States, or nothing.
func (p *decider) route(m fairlead.Mechanism) string {
	from, to := p.f.Sender.Jurisdiction, p.f.Recipient.Jurisdiction
	ok := false
	switch m {
	case "":
		return "name the transfer mechanism"
	case fairlead.MechanismAdequacy:
		ok = from.State() == "GB" && to.EEA()
	case fairlead.MechanismIntoUK:
		ok = from.EEA() && to.State() == "GB"
	case fairlead.MechanismEEA:
		ok = from.EEA() && to.EEA()
	case "P3-73":
		ok = p.f.Sender.Type.LawEnforcement() && p.Header.Basis != nil && p.Header.Basis.Art6 == fairlead.Art6LawEnforce
	default:
		return "the dated assessment this mechanism needs is not built yet"
	}
	if !ok {
		return "this mechanism is not for " + string(from) + " to " + string(to)
	}
	return ""
}
