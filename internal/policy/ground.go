package policy

import (
	"slices"
	"strings"
	"time"

	"fairlead/internal/agreement"
	"fairlead/internal/consent"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
)

// checkGround is P06: what the share stands on. A direct reply is covered by the decision it answers;
// otherwise an agreement carries it, and only where none covers anything of it, the emergency path. A prohibition of a
// house, or one that holds beside its agreement, bars whatever the share stands on.
func (p *decider) checkGround() {
	if p.control() || p.f.Sender == nil || p.f.Recipient == nil || p.kind.Code == "" {
		return
	}
	if p.Header.Kind == "alert.update" && !p.mayUpdate() {
		p.against("P06", fairlead.ReasonSenderRole, "reply_to", "an update comes from the originator, or from a recipient that acknowledged the alert")
	}
	p.asks()
	p.findBars()
	p.findAgreement()
	if p.standing != nil && p.emergency() && p.silent() {
		p.standing, p.ref, p.cover = nil, "", agreement.Cover{} // it covers nothing of it, and a danger does not wait for a better one
	}
	switch {
	case p.answers():
		p.d.Ground = fairlead.GroundReply
	case p.covered():
		p.against("P06", fairlead.ReasonSchema, "reply_to", p.kind.Code+" answers a share that was delivered to you, and goes to its sender")
	case p.standing != nil:
		p.d.Ground, p.d.Agreement = fairlead.GroundAgreement, p.ref
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

// asks is what the agreements are asked.
func (p *decider) asks() {
	h := p.Header
	p.use = agreement.Use{
		From: h.From.Agency, To: h.To.Agency, FromType: p.f.Sender.Type, ToType: p.f.Recipient.Type, Purpose: h.Purpose, Kind: h.Kind, Urgency: h.Urgency,
		Threshold: h.Threshold, TLP: h.TLP, GSC: h.GSC, Training: p.f.Training, Facts: h.Facts, More: p,
	}
	if h.Basis != nil {
		p.use.Basis = h.Basis.Art6
	}
}

// Code is a further code of the header that a condition may ask for.
func (p *decider) Code(name string) string {
	h := p.Header
	switch name {
	case "severity":
		return string(h.Severity)
	case "certainty":
		return string(h.Certainty)
	case "told":
		return string(h.Told)
	case "role":
		return string(h.From.Role)
	case "annex1":
		if h.Basis != nil {
			return string(h.Basis.Annex1)
		}
	}
	return ""
}

// Consented is what those concerned have said of a section, for the terms that ask.
func (p *decider) Consented(code fairlead.SectionCode) (c agreement.Consented) {
	r := p.f.Recipient
	use := consent.Use{Section: code, Purpose: p.Header.Purpose, Recipient: r.ID, Type: r.Type, Jurisdiction: r.Jurisdiction}
	c.Given = len(p.handles) > 0
	for _, subject := range p.handles {
		state, by := consent.Evaluate(p.recordsOf(subject), use, p.at)
		c.Refused = c.Refused || state == consent.Refused
		if state != consent.Given {
			c.Given = false
			continue
		}
		for _, held := range by {
			c.Givers = append(c.Givers, held.Giver)
		}
	}
	return c
}

// recordsOf are the records of one child.
func (p *decider) recordsOf(subject string) []consent.Held {
	return slices.DeleteFunc(slices.Clone(p.f.Consents), func(h consent.Held) bool { return h.Subject != subject })
}

// findBars gathers the prohibitions that hold whatever the share stands on. One that bars every section
// refuses the share.
func (p *decider) findBars() {
	if p.kind.Code == "ack" {
		return // nothing of a case is in it, and what was delivered may always be acknowledged
	}
	for i := range p.f.Houses {
		p.bars = p.f.Houses[i].Bars(&p.use, p.bars)
	}
	for _, s := range p.f.Agreements {
		p.bars = s.Beside(&p.use, p.bars, p.at)
	}
	if b := agreement.Whole(p.bars); b != nil {
		p.d.Causes = append(p.d.Causes, prohibited("P06", fairlead.ReasonProhibited, "share", b)...)
	}
}

// prohibited names a prohibition: to the sender, if its term may be told, else to auditors only. The
// sender always learns that there is one, and of what: what it protects may be the recipient's secret.
func prohibited(check string, reason fairlead.Reason, where string, b *agreement.Bar) []Cause {
	if !b.Term.Private() {
		return []Cause{{Reason: reason, Check: check, Where: where, Advice: "term " + b.Clause() + " prohibits it"}}
	}
	return []Cause{
		{Reason: reason, Check: check, Where: where, Advice: "a prohibition bars it; your data-protection officer can ask which"},
		{Reason: reason, Check: check, Where: where, Advice: "term " + b.Clause() + " prohibits it", Private: true},
	}
}

// findAgreement picks the version that permits the share: the one the sender cites, or else the one
// that permits most of its sections, the lowest reference among equals.
func (p *decider) findAgreement() {
	best := -1 // sections that p.cover permits; not counted while there is no other
	for _, s := range p.f.Agreements {
		if !p.cites(s) || !s.Active(p.at) {
			continue
		}
		cover := s.Covers(&p.use, p.framework(s), p.at)
		if !cover.Permits() {
			continue
		}
		if p.standing == nil {
			p.standing, p.ref, p.cover = s, s.Ref(), cover
			continue
		}
		if best < 0 {
			best = p.permitted(&p.cover)
		}
		if n := p.permitted(&cover); n > best || n == best && s.Ref() < p.ref {
			best, p.standing, p.ref, p.cover = n, s, s.Ref(), cover
		}
	}
}

// framework finds the one that bounds s, or nil.
func (p *decider) framework(s *agreement.Standing) *agreement.Standing {
	if s.Under == "" {
		return nil
	}
	for _, f := range p.f.Agreements {
		if f.Framework && f.Ref() == s.Under {
			return f
		}
	}
	return nil
}

// silent reports whether the agreement neither permits nor prohibits any of the sections sent.
func (p *decider) silent() bool {
	sent := false
	for _, d := range p.Descriptors {
		if d.Audience == envelope.ForRecipient {
			if sent = true; p.cover.Speaks(d.Code) || p.cover.Bar(d.Code) != nil {
				return false
			}
		}
	}
	return sent
}

// cites reports whether the sender stands on s, or on no version in particular.
func (p *decider) cites(s *agreement.Standing) bool {
	ref := p.Header.Agreement
	return ref == nil || ref.ID == s.ID && ref.Version == s.Version
}

// permitted counts the share's sections that cover speaks of.
func (p *decider) permitted(cover *agreement.Cover) (n int) {
	for _, d := range p.Descriptors {
		if d.Code != "" && cover.Speaks(d.Code) {
			n++
		}
	}
	return n
}

// Bounds of what a refusal tells: the nearest terms, each with all the tests it fails. A decision on 128
// sections must fit into the log, whatever a term asks for.
const (
	nearOfShare      = 3
	nearOfSection    = 2
	causesOfSection  = 4
	charactersOfMiss = 160
)

// againstAgreements says why no agreement carries the share.
func (p *decider) againstAgreements() {
	var near []agreement.Miss
	var active, ended *agreement.Standing
	for _, s := range p.f.Agreements {
		switch f := p.framework(s); {
		case !p.cites(s) || s.Framework:
		case !s.Active(p.at):
			ended = p.sooner(ended, s)
		case s.Under != "" && (f == nil || !f.Active(p.at)):
			ended = p.sooner(ended, f)
		default:
			if active == nil || s.Ref() < active.Ref() {
				active = s
			}
			near = p.near(s, f, "", near)
		}
	}
	if active == nil {
		p.againstEnded(ended)
		return
	}
	cover := active.Covers(&p.use, p.framework(active), p.at)
	whole := cover.Bar("")
	if whole != nil {
		p.d.Causes = append(p.d.Causes, prohibited("P06", fairlead.ReasonAgreementScope, "agreement "+active.Ref(), whole)...)
	}
	for _, m := range agreement.Nearest(near, nearOfShare) {
		for _, why := range m.Reasons(&p.use, "") {
			p.d.Causes = append(p.d.Causes, miss("P06", "term "+m.Clause(), "agreement "+m.Ref, why, m)...)
		}
	}
	if len(near) == 0 && whole == nil {
		p.against("P06", fairlead.ReasonAgreementScope, "agreement "+active.Ref(), "no term of it permits anything in this direction")
	}
}

// near gathers the terms of s and of its framework that fall short.
func (p *decider) near(s, framework *agreement.Standing, code fairlead.SectionCode, found []agreement.Miss) []agreement.Miss {
	found = s.Near(&p.use, code, found)
	if framework != nil {
		found = framework.Near(&p.use, code, found)
	}
	return found
}

// miss names a term that falls short: to auditors only, if the term says so; then the sender hears where.
func miss(check, where, outer string, why agreement.Why, m agreement.Miss) []Cause {
	if len(why.What) > charactersOfMiss {
		why.What = strings.ToValidUTF8(why.What[:charactersOfMiss], "") + "…"
	}
	c := Cause{Reason: why.Reason, Check: check, Where: where, Advice: why.What}
	if !m.Term.Private() {
		return []Cause{c}
	}
	c.Private = true
	return []Cause{{Reason: why.Reason, Check: check, Where: outer, Advice: "a term of " + m.Ref + " falls short; your data-protection officer can ask which"}, c}
}

// sooner picks, of two agreements that are not in force, the one to tell of: a suspended one first.
func (p *decider) sooner(a, b *agreement.Standing) *agreement.Standing {
	rank := func(s *agreement.Standing) int {
		switch {
		case s == nil:
			return 3
		case s.Paused(p.at):
			return 0
		case s.Expired(p.at):
			return 1
		}
		return 2 // not signed by all, or not begun
	}
	if ra, rb := rank(a), rank(b); ra < rb || ra == rb && (a == nil || b == nil || a.Ref() < b.Ref()) {
		return a
	}
	return b
}

// againstEnded tells of an agreement that was there, or that there is none.
func (p *decider) againstEnded(s *agreement.Standing) {
	switch {
	case s != nil && s.Paused(p.at):
		p.against("P06", fairlead.ReasonAgreementSuspended, "agreement "+s.Ref(), "a party suspended it; speak with "+string(s.Suspended[0]))
	case s != nil && s.Over(p.at):
		p.against("P06", fairlead.ReasonAgreementExpired, "agreement "+s.Ref(), "a party ended it; propose a new version")
	case s != nil && s.Superseded(p.at):
		p.against("P06", fairlead.ReasonAgreementExpired, "agreement "+s.Ref(), "agreement "+s.SupersededBy+" has taken its place")
	case s != nil && s.Expired(p.at):
		p.against("P06", fairlead.ReasonAgreementExpired, "agreement "+s.Ref(), "it ended at "+s.Until.UTC().Format("2006-01-02T15:04:05Z")+"; propose a new version")
	default:
		advice := "you share no agreement with the recipient; propose one, or send through a body that has one"
		if f, r := p.f.Sender, p.f.Recipient; f != nil && r != nil && f.Type.LawEnforcement() && r.Type.LawEnforcement() {
			advice = "you share no agreement with the recipient; use the police channel, or propose one"
		}
		p.against("P06", fairlead.ReasonAgreementNone, "agreement", advice)
	}
}

// clauseOf reports whether a clause is a term of an agreement.
func clauseOf(clause, ref string) bool {
	term, ok := strings.CutPrefix(clause, ref)
	return ok && strings.HasPrefix(term, "#")
}

// oblige attaches what the permitting terms lay on the recipient (P15): the strictest of all. What starts
// a clock is a deadline too.
func (p *decider) oblige() {
	if p.standing == nil {
		return
	}
	for i := range p.d.Sections {
		if s := &p.d.Sections[i]; s.Delivered && clauseOf(s.Clause, p.ref) {
			p.codes = append(p.codes, s.Code)
		}
	}
	if len(p.codes) == 0 && (len(p.d.Sections) > 0 || p.d.Agreement == "") {
		return
	}
	o := p.cover.Obliges(p.codes, &p.use)
	if o == nil {
		return
	}
	p.d.Oblige = o
	if o.AcknowledgeHours > 0 {
		p.d.Due = append(p.d.Due, Due{Code: "DL-TERM-ACK", At: stamp(p.at.Add(time.Duration(o.AcknowledgeHours) * time.Hour))})
	}
	for _, d := range []struct {
		code string
		days int
	}{{"DL-TERM-REVIEW", o.ReviewDays}, {"DL-TERM-DELETE", o.RetainDays}} {
		if d.days > 0 {
			p.d.Due = append(p.d.Due, Due{Code: d.code, At: p.at.UTC().AddDate(0, 0, d.days).Format(time.DateOnly)})
		}
	}
}
