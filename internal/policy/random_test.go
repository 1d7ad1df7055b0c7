package policy_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"fairlead/internal/agreement"
	"fairlead/internal/consent"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/kind"
	"fairlead/internal/law"
	"fairlead/internal/policy"
	"fairlead/internal/staff"
)

// chance makes random worlds from a seed: mostly well-formed, so that much is delivered, and wrong in
// one thing or another often enough.
type chance struct{ *rand.Rand }

// world is one share and what the register knows of it.
type world struct {
	r  policy.Request
	f  policy.Facts
	at time.Time
}

func (w *world) decide() policy.Decision { return policy.Decide(w.r, w.f, w.at) }

// children are the handles of those a share may be about.
var children = []string{"11111111111111111111111111111111", "22222222222222222222222222222222"}

// part picks one of the sections.
func (c chance) part(w *world) int {
	n := slices.IndexFunc(w.r.Descriptors, func(d *envelope.Descriptor) bool { return d.Audience == envelope.ForHub })
	return c.IntN(n)
}

var noon = time.Date(2027, 2, 1, 12, 0, 0, 0, time.UTC)

func (c chance) often() bool  { return c.IntN(10) > 0 }
func (c chance) seldom() bool { return c.IntN(10) == 0 }

func one[T any](c chance, list []T) T { return list[c.IntN(len(list))] }

func some[T any](c chance, list []T, n int) (out []T) {
	for range n {
		out = append(out, one(c, list))
	}
	return out
}

func (c chance) agency(id fairlead.AgencyID, entry int64) *policy.Agency {
	return &policy.Agency{
		ID: id, Type: one(c, fairlead.AgencyTypes), Jurisdiction: one(c, []fairlead.Jurisdiction{"GB-ENG", "GB-ENG", "GB-ENG", "GB-SCT", "GB", "RO", "RO", "HU", "MD"}),
		Emergency: c.often(), Suspended: c.IntN(50) == 0, Entry: entry,
	}
}

func (c chance) world() *world {
	w := &world{at: noon, f: policy.Facts{Law: law.Default(), Loaded: true, Training: trained(nil), Sender: c.agency("SENDER", 1), Recipient: c.agency("RECIPIENT", 2)}}
	w.r.Header = c.header(w)
	for range 1 + c.IntN(5) {
		w.r.Descriptors = append(w.r.Descriptors, c.descriptor())
	}
	for range c.IntN(3) {
		w.r.Descriptors = append(w.r.Descriptors, c.listed())
	}
	for _, child := range children[:1+c.IntN(2)] {
		w.r.Descriptors = append(w.r.Descriptors, &envelope.Descriptor{Audience: envelope.ForHub, Subject: child})
	}
	for i := range min(c.IntN(5), 3) {
		w.f.Agreements = append(w.f.Agreements, c.standing(i, w.r))
	}
	if n := len(w.f.Agreements); n > 1 && c.IntN(3) == 0 {
		frame := w.f.Agreements[n-1]
		frame.Framework, w.f.Agreements[0].Under = true, frame.Ref()
	}
	if c.IntN(5) == 0 {
		w.f.Houses = append(w.f.Houses, c.house(one(c, []fairlead.AgencyID{fairlead.Hub, "SENDER", "RECIPIENT"})))
	}
	if c.seldom() {
		w.f.Training = nil
	}
	for i := range max(c.IntN(5)-1, 0) {
		w.f.Consents = append(w.f.Consents, c.consent(i, fairlead.ConsentStatuses))
	}
	if c.IntN(3) == 0 {
		w.f.Answered = &policy.Prior{
			From: one(c, []fairlead.AgencyID{"SENDER", "RECIPIENT"}), To: one(c, []fairlead.AgencyID{"SENDER", "RECIPIENT"}), Kind: one(c, []string{"info.request", "alert.at_risk"}),
			Delivered: c.often(), Sections: some(c, fairlead.Sections, 6), Ack: one(c, []fairlead.AckLevel{"", "accepted_for_action"}), Entry: 90,
		}
	}
	if c.IntN(3) == 0 {
		w.f.Approvals = c.approvals()
	}
	return w
}

// approvals are by people of the roles that may, each naming one thing or another.
func (c chance) approvals() (list []staff.Approved) {
	for i := range 1 + c.IntN(4) {
		a := staff.Approved{User: one(c, []string{"author", "b", "c", "d"}), Role: one(c, kind.Approvers), Training: trained(nil), Entry: int64(95 + i)}
		a.Reasons = []string{one(c, []string{"NOT-SOUGHT", "SIG-HARM", "DUTY", "SAFE-ADDRESS", "NO-ORIGIN-STATE"}), one(c, []string{"NOT-SOUGHT", "CALDICOTT", "SERIOUS-HARM-OTHER", "NO-CONSULATE", "ART37", "LEGAL-PRIVILEGE"})}
		if c.seldom() {
			a.Training = nil
		}
		list = append(list, a)
	}
	return list
}

// listed says for whom a caveat was set.
func (c chance) listed() *envelope.Descriptor {
	l := &envelope.Listed{Caveat: one(c, []fairlead.Caveat{"SAFE-ADDRESS", "NO-ORIGIN-STATE", "ART37"})}
	if c.IntN(2) == 0 {
		l.States = some(c, []fairlead.Jurisdiction{"GB", "RO", "HU", "MD"}, 1)
	} else {
		l.Agencies = []fairlead.AgencyID{one(c, []fairlead.AgencyID{"RECIPIENT", "OTHER"})}
	}
	return &envelope.Descriptor{Audience: envelope.ForHub, Listed: l}
}

// following are kinds that want another share, or a record, before them: a random world seldom has the right
// one, and the cases have them all.
var following = []string{"correction", "disclosure.refusal", "alert.update", "alert.cancel", "training.record"}

// header is one that the sender of w might write.
func (c chance) header(w *world) *envelope.Header {
	k := one(c, kind.All())
	for range 20 {
		if k.Built && k.Plane != kind.Control && k.MaySend(w.f.Sender.Type) && (!slices.Contains(following, k.Code) || c.seldom()) {
			break
		}
		k = one(c, kind.All())
	}
	h := &envelope.Header{
		V: 1, ID: fairlead.NewShareID(), Kind: k.Code, Status: "Actual", From: envelope.From{Agency: "SENDER", Role: "PRACTITIONER", User: "author"},
		To: envelope.To{Agency: "RECIPIENT", User: "named"}, SentAt: fairlead.At(w.at), ValidUntil: fairlead.At(w.at.Add(time.Hour)),
		Threshold: one(c, []fairlead.Threshold{"TH1", "TH2", "TH3", "TH3", "TH4", "TH4"}), TLP: one(c, []fairlead.TLP{"RED", "RED", "AMBER+STRICT", "AMBER+STRICT", "GREEN"}), Told: "yes", GSC: "OFFICIAL", Urgency: one(c, []fairlead.Urgency{"Immediate", "Immediate", "Expected"}),
		Severity: "Severe", Certainty: "Likely", Facts: map[string]string{},
	}
	if len(k.Purposes) > 0 {
		h.Purpose = one(c, k.Purposes)
	}
	for name, f := range k.Facts {
		switch {
		case f.Form == kind.Code:
			h.Facts[name] = one(c, f.Values)
		case f.Form == kind.Stamp:
			h.Facts[name] = "2027-01-31T20:00:00Z"
		}
	}
	h.Basis = c.basis(w.f.Sender)
	from, to := w.f.Sender.Jurisdiction, w.f.Recipient.Jurisdiction
	if from.State() != to.State() {
		h.Danger = &envelope.Danger{Result: one(c, []fairlead.DangerResult{"clear", "clear", "clear", "unknown"}), Role: "PRACTITIONER", At: fairlead.At(w.at)}
		h.Transfer = &envelope.Transfer{Mechanism: c.mechanism(from, to)}
	}
	h.S16LA = &envelope.S16LA{Considered: c.IntN(50) > 0}
	if c.IntN(3) == 0 {
		h.S16LA.Applies, h.S16LA.Detriment = true, "none"
	}
	if c.IntN(50) == 0 {
		h.Told = ""
	}
	return h
}

func (c chance) basis(sender *policy.Agency) *envelope.Basis {
	if c.seldom() {
		return &envelope.Basis{Art6: one(c, fairlead.Art6s), Cite: "some law"}
	}
	switch {
	case c.IntN(6) == 0:
		return &envelope.Basis{Art6: fairlead.Art6Consent}
	case sender.Jurisdiction.EEA():
		return &envelope.Basis{Art6: fairlead.Art6EU, Cite: "GDPR 6(1)(e)"}
	case sender.Jurisdiction.State() != "GB":
		return &envelope.Basis{Art6: fairlead.Art6National, Cite: "some law"}
	case sender.Type.PublicAuthority():
		return &envelope.Basis{Art6: fairlead.Art6Legal, Gateways: []fairlead.Gateway{"COURT-ORDER"}}
	}
	return &envelope.Basis{Art6: fairlead.Art6Recognised, Annex1: fairlead.Annex1Safeguard}
}

func (c chance) mechanism(from, to fairlead.Jurisdiction) fairlead.Mechanism {
	switch {
	case c.seldom():
		return one(c, fairlead.Mechanisms)
	case from.State() == "GB":
		return fairlead.MechanismAdequacy
	case to.State() == "GB":
		return fairlead.MechanismIntoUK
	}
	return fairlead.MechanismEEA
}

func (c chance) descriptor() *envelope.Descriptor {
	d := &envelope.Descriptor{Audience: envelope.ForRecipient, Code: one(c, fairlead.Sections), Essential: c.seldom()}
	if c.often() {
		d.Art9, d.Sch1, d.P18, d.Art10 = "A9-2-g", "SPI-18", "WOULD_PREJUDICE", "SPI-18"
	}
	if c.seldom() {
		d.Art9, d.Sch1, d.P18, d.Art10 = one(c, fairlead.Art9s), one(c, fairlead.Sch1s), one(c, fairlead.P18s), one(c, fairlead.Art10s)
	}
	if c.IntN(4) == 0 {
		d.Caveats = some(c, fairlead.Caveats, 1)
	}
	if c.IntN(3) == 0 {
		d.Clear = some(c, fairlead.Caveats, 3)
	}
	if d.Court = ""; c.IntN(2) == 0 {
		d.Court = "CO-1"
	}
	if d.Code == "INTEL" || d.Code == "EXPLOITER" {
		d.Siena, d.Conditions = one(c, fairlead.Sienas), c.IntN(2) == 0
	}
	if d.Code == "INTEL" {
		d.Grade = one(c, []string{"", "1AP", "1AC"})
	}
	if c.seldom() {
		d.Override = &envelope.Override{Reason: one(c, fairlead.OverrideReasons)}
	}
	return d
}

// standing is an agreement that may permit r.
func (c chance) standing(i int, r policy.Request) *agreement.Standing {
	s := &agreement.Standing{Entry: int64(10 + i), ActiveBy: int64(20 + i)}
	s.ID, s.Version, s.Parties = fmt.Sprint("A", i), 1, []fairlead.AgencyID{"SENDER", "RECIPIENT"}
	s.From, s.Until = fairlead.At(noon.AddDate(-1, 0, 0)), fairlead.At(noon.AddDate(0, 0, c.IntN(8)-1))
	for n := range 1 + c.IntN(4) {
		t := agreement.Term{ID: fmt.Sprint("t", n), Text: "words"}
		scope := &agreement.Scope{
			From: s.Parties[:1], To: s.Parties[1:], Purposes: []fairlead.Purpose{r.Header.Purpose}, Kinds: []string{r.Header.Kind}, Bases: fairlead.Art6s,
			Sections: some(c, fairlead.Sections, c.IntN(8)), Transfer: one(c, []fairlead.Mechanism{"NONE", "A45", "IN-EU-ADEQ", "EEA-INTERNAL"}),
		}
		for _, d := range r.Descriptors {
			if c.IntN(3) > 0 {
				scope.Sections = append(scope.Sections, d.Code)
			}
		}
		if r.Header.Transfer != nil && c.often() {
			scope.Transfer = r.Header.Transfer.Mechanism
		}
		if t.Permit = scope; c.IntN(6) == 0 {
			t.Permit, t.Prohibit, t.Beside = nil, scope, c.seldom()
		}
		c.conditions(&t)
		s.Terms = append(s.Terms, t)
	}
	return s
}

// conditions are what a term may ask for and oblige to, often met.
func (c chance) conditions(t *agreement.Term) {
	if c.IntN(3) > 0 {
		return
	}
	w := &agreement.When{}
	switch c.IntN(6) {
	case 0:
		w.Thresholds = []fairlead.Threshold{"TH3", "TH4"}
	case 1:
		w.Facts = &agreement.Condition{Fact: "severity", Is: "Severe"}
	case 2:
		w.Facts = &agreement.Condition{Not: &agreement.Condition{Fact: "certainty", Is: one(c, []string{"Unlikely", "Likely"})}}
	case 3:
		w.Facts = &agreement.Condition{Any: []agreement.Condition{{Fact: "told", Is: "yes"}, {Fact: "threshold", AtLeast: "TH3"}}}
	case 4:
		w.Training = []string{"T1"}
	case 5:
		w.Consent = &agreement.Consent{Objection: true, Given: c.seldom()}
	}
	if t.Prohibit != nil {
		w.Training, w.Consent = nil, nil
	}
	if t.When = w; w.String() == "" {
		t.When = nil
	}
	if t.Permit != nil {
		t.Oblige = &agreement.Oblige{RetainDays: 30 * (1 + c.IntN(3)), Onward: one(c, []agreement.Onward{"none", "ask", "parties"})}
	}
}

// house is a rule of one house, that bars something or other.
func (c chance) house(owner fairlead.AgencyID) *agreement.House {
	t := agreement.Term{ID: "h", Text: "words", Prohibit: &agreement.Scope{Sections: some(c, fairlead.Sections, 1+c.IntN(6))}}
	if c.IntN(3) == 0 {
		t.When = &agreement.When{Facts: &agreement.Condition{Fact: one(c, []string{"severity", "told"}), Is: "yes"}}
		if t.When.Facts.Fact == "severity" {
			t.When.Facts.Is = one(c, []string{"Severe", "Minor"})
		}
	}
	return &agreement.House{Version: 1, Owner: owner, Entry: 300, Terms: []agreement.Term{t}}
}

// consent is a record of one of the statuses, for all or for some.
func (c chance) consent(i int, statuses []fairlead.ConsentStatus) consent.Held {
	item := consent.Item{Status: one(c, statuses)}
	if c.IntN(2) == 0 {
		item.Sections = some(c, fairlead.Sections, 10)
	}
	if c.IntN(3) == 0 {
		item.Recipients = []fairlead.AgencyID{one(c, []fairlead.AgencyID{"RECIPIENT", "OTHER"})}
	}
	return consent.Held{Record: consent.Record{ID: fmt.Sprint("c-", i), Subject: children[c.IntN(5)/4], At: fairlead.At(noon.AddDate(0, -c.IntN(8), 0)), Giver: one(c, []fairlead.Giver{"CHILD_GILLICK", "PARENT_PR"}), Items: []consent.Item{item}}, Entry: int64(50 + i)}
}

// delivered lists the parts that a decision puts before the recipient.
func delivered(d policy.Decision) (parts []int) {
	for _, s := range d.Sections {
		if s.Delivered {
			parts = append(parts, s.Part)
		}
	}
	return parts
}

// permitted lists the parts that a decision lets go, now or once others have approved.
func permitted(d policy.Decision) (parts []int) {
	for _, s := range d.Sections {
		if s.Delivered || d.Result == fairlead.Held && len(s.Causes) == 0 {
			parts = append(parts, s.Part)
		}
	}
	return parts
}

// adds reports whether b permits a part that a does not. (A share waits whole: without the part that wants
// an approval the others go at once. That is sooner, not more.)
func adds(a, b policy.Decision) bool {
	return slices.ContainsFunc(permitted(b), func(part int) bool { return !slices.Contains(permitted(a), part) })
}

// with is a copy of w in which change is free to write.
func (w *world) with(change func(*world)) *world {
	next := *w
	header := *w.r.Header
	if next.r.Header = &header; header.Basis != nil {
		basis := *header.Basis
		header.Basis = &basis
	}
	next.r.Descriptors = nil
	for _, d := range w.r.Descriptors {
		one := *d
		one.Caveats, one.Clear = slices.Clone(d.Caveats), slices.Clone(d.Clear)
		next.r.Descriptors = append(next.r.Descriptors, &one)
	}
	header.Facts = maps.Clone(header.Facts)
	next.f.Consents, next.f.Houses, next.f.Training = slices.Clone(w.f.Consents), slices.Clone(w.f.Houses), slices.Clone(w.f.Training)
	next.f.Agreements = nil
	for _, s := range w.f.Agreements {
		one := *s
		one.Terms = slices.Clone(s.Terms)
		next.f.Agreements = append(next.f.Agreements, &one)
	}
	change(&next)
	return &next
}

// clause finds the term that a clause such as "A2/1#send" names.
func (w *world) clause(text string) (*agreement.Standing, *agreement.Term) {
	ref, id, _ := strings.Cut(text, "#")
	for _, s := range w.f.Agreements {
		if s.Ref() != ref {
			continue
		}
		for i := range s.Terms {
			if s.Terms[i].ID == id {
				return s, &s.Terms[i]
			}
		}
	}
	return nil, nil
}
