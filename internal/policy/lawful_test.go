package policy_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"fairlead/internal/agreement"
	"fairlead/internal/consent"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/law"
	"fairlead/internal/policy"
)

// lawful is a random world in which an agreement permits everything: what is refused is refused by law,
// handling or consent.
func (c chance) lawful() *world {
	at := "2027-03-15"
	if c.IntN(5) == 0 {
		at = one(c, []string{"2027-03-15", "2027-03-15", "2027-03-15", "2026-09-29", "2026-02-04", "2032-01-01"})
	}
	w := &world{f: policy.Facts{Law: law.Default(), Loaded: true, Training: trained(nil)}}
	w.at, _ = time.Parse(time.RFC3339, at+"T12:00:00Z")
	w.f.Sender, w.f.Recipient = c.party("SENDER"), c.party("RECIPIENT")
	w.r.Header = c.lawfulHeader(w)
	for range 1 + c.IntN(3) {
		w.r.Descriptors = append(w.r.Descriptors, c.lawfulSection(w))
	}
	w.r.Descriptors = append(w.r.Descriptors, &envelope.Descriptor{Audience: envelope.ForHub, Subject: children[0]})
	if c.IntN(4) == 0 {
		w.r.Descriptors = append(w.r.Descriptors, &envelope.Descriptor{Audience: envelope.ForHub, Subject: children[1]})
	}
	for range c.IntN(3) {
		w.r.Descriptors = append(w.r.Descriptors, c.listed())
	}
	for i, child := range children {
		r := consent.Held{Record: consent.Record{ID: fmt.Sprint("c-", i), Subject: child, At: fairlead.At(w.at.AddDate(0, -1, 0)), Giver: one(c, []fairlead.Giver{"CHILD_16", "PARENT_PR"})}}
		r.Items = []consent.Item{{Status: one(c, []fairlead.ConsentStatus{"given", "given", "refused", "requested"}), Sections: some(c, fairlead.Sections, 5)}}
		for _, d := range w.r.Descriptors {
			if d.Code != "" && c.IntN(3) == 0 {
				r.Items[0].Sections = append(r.Items[0].Sections, d.Code)
			}
		}
		w.f.Consents = append(w.f.Consents, r)
	}
	if c.IntN(2) == 0 {
		w.f.Approvals = c.approvals()
	}
	if c.IntN(20) == 0 {
		w.f.Training = []string{"T-CORE"}
	}
	w.f.Agreements = []*agreement.Standing{c.allowing(w)}
	return w
}

func (c chance) party(id fairlead.AgencyID) *policy.Agency {
	home := []fairlead.AgencyType{"LA_CSC", "LA_CSC", "POLICE", "HEALTH", "EDUCATION", "NGO_UK", "ADVICE_SERVICE", "GUARDIAN_SERVICE", "CONSULATE"}
	a := &policy.Agency{ID: id, Type: one(c, home), Jurisdiction: one(c, []fairlead.Jurisdiction{"GB-ENG", "GB-ENG", "GB-ENG", "GB-ENG", "GB-SCT", "GB"})}
	if c.IntN(4) == 0 {
		a.Type = one(c, []fairlead.AgencyType{"STATUTORY_OVERSEAS", "POLICE_OVERSEAS", "NGO_OVERSEAS", "CONSULATE", "ISS_MEMBER"})
		a.Jurisdiction = one(c, []fairlead.Jurisdiction{"RO", "RO", "HU", "MD"})
	}
	return a
}

func (c chance) lawfulHeader(w *world) *envelope.Header {
	h := &envelope.Header{
		V: 1, ID: fairlead.NewShareID(), Kind: "liaison.note", Status: "Actual", Purpose: "LIAISE", From: envelope.From{Agency: "SENDER", Role: "PRACTITIONER", User: "author"},
		To: envelope.To{Agency: "RECIPIENT", User: "named"}, SentAt: fairlead.At(w.at), ValidUntil: fairlead.At(w.at.Add(time.Hour)), GSC: "OFFICIAL",
		Threshold: one(c, []fairlead.Threshold{"TH0", "TH1", "TH2", "TH2", "TH3", "TH3", "TH3", "TH3", "TH4", "TH4"}), TLP: one(c, []fairlead.TLP{"RED", "RED", "RED", "RED", "AMBER+STRICT", "AMBER"}), Told: "yes",
		Urgency: one(c, []fairlead.Urgency{"Immediate", "Expected"}), S16LA: &envelope.S16LA{Considered: true},
	}
	if c.IntN(80) == 0 {
		h.Told = ""
	}
	if c.IntN(6) == 0 {
		h.Kind, h.Purpose = "referral.new", "SUPPORT"
		if w.f.Sender.Type == "CONSULATE" {
			h.Kind, h.Purpose = "liaison.note", "LIAISE"
		}
	}
	if c.IntN(25) == 0 {
		h.S16LA = one(c, []*envelope.S16LA{nil, {}, {Considered: true, Applies: true}, {Considered: true, Applies: true, Detriment: "none"}, {Considered: true, Applies: true, Detriment: "yes"}})
	}
	h.Basis = c.basis(w.f.Sender)
	if c.IntN(15) == 0 {
		h.Basis = &envelope.Basis{Art6: one(c, fairlead.Art6s), Gateways: []fairlead.Gateway{one(c, []fairlead.Gateway{"CA2004-16LA", "CA1989-17", "CA1989-47", "MSA2015-52", "HTES2015", "HAGUE96-37", "CA2004-16LC"})}}
		h.Basis.Cite, h.Basis.LIA = one(c, []string{"", "a law"}), one(c, []string{"", "LIA-1"})
		h.Basis.ChangedFrom = one(c, []fairlead.Art6{"", "", "A6-1-a", "A6-1-c"})
	}
	if from, to := w.f.Sender.Jurisdiction, w.f.Recipient.Jurisdiction; from.State() != to.State() {
		h.Danger = &envelope.Danger{Result: one(c, []fairlead.DangerResult{"clear", "clear", "clear", "clear", "clear", "clear", "clear", "unknown"}), Role: "PRACTITIONER", At: fairlead.At(w.at)}
		h.Transfer = &envelope.Transfer{Mechanism: c.mechanism(from, to)}
		if c.seldom() || to == "MD" {
			h.Transfer.Mechanism = one(c, []fairlead.Mechanism{"A46-IDTA", "A46-IDTA", "A46-2-a", "A49-1-d", "A49-1-f", "P3-73", "A46-ADDENDUM"})
			h.Transfer.Ref, h.Transfer.Assessed = one(c, []string{"", "DPT-1"}), w.at.AddDate(0, 0, -one(c, []int{-1, 0, 30, 729, 730, 731, 900})).Format(time.DateOnly)
		}
	}
	return h
}

func (c chance) lawfulSection(w *world) *envelope.Descriptor {
	d := c.descriptor()
	if c.IntN(3) > 0 { // plain ones, so that enough goes
		d.Code, d.Siena, d.Grade = one(c, []fairlead.SectionCode{"EDU", "RISK", "ASSESS", "PRO-CONTACT", "ID-CORE", "FAMILY", "HEALTH-PHYS", "LOC-NOW", "LEGAL", "VOICE"}), "", ""
	}
	if c.IntN(3) > 0 {
		d.Caveats = nil
	}
	if c.IntN(3) > 0 {
		d.Art9, d.Sch1, d.P18, d.Art10 = "A9-2-g", "SPI-18", "WOULD_PREJUDICE", "SPI-18"
	}
	d.Essential = c.IntN(20) == 0
	if c.IntN(10) == 0 {
		d.Consent = one(c, []string{"c-0", "c-7"})
	}
	if c.IntN(3) == 0 {
		d.Override = &envelope.Override{Reason: one(c, fairlead.OverrideReasons)}
		if len(w.r.Descriptors) == 0 && c.often() {
			w.r.Descriptors = append(w.r.Descriptors, &envelope.Descriptor{Audience: envelope.ForRecipient, Code: "OVERRIDE-NOTE"})
		}
	}
	return d
}

// allowing is an agreement on everything.
func (c chance) allowing(w *world) *agreement.Standing {
	s := &agreement.Standing{Entry: 10, ActiveBy: 20}
	s.ID, s.Version, s.Parties = "A0", 1, []fairlead.AgencyID{"SENDER", "RECIPIENT"}
	s.From, s.Until = fairlead.At(w.at.AddDate(0, -1, 0)), fairlead.At(w.at.AddDate(0, 1, 0))
	m := fairlead.MechanismNone
	if w.r.Header.Transfer != nil {
		m = w.r.Header.Transfer.Mechanism
	}
	if c.IntN(2) == 0 {
		s.Assessments = []agreement.Assessment{{Mechanism: m, Ref: "DPT-0", Date: w.at.AddDate(0, 0, -one(c, []int{30, 900})).Format(time.DateOnly)}}
	}
	s.Terms = []agreement.Term{{ID: "all", Text: "words", Permit: &agreement.Scope{
		From: s.Parties[:1], To: s.Parties[1:], Purposes: []fairlead.Purpose{w.r.Header.Purpose}, Kinds: []string{w.r.Header.Kind}, Bases: fairlead.Art6s, Sections: fairlead.Sections, Transfer: m,
	}}}
	return s
}

// TestSecondOpinion compares the two on many random shares; FAIRLEAD_SHARES=1000000 for a long night.
func TestSecondOpinion(t *testing.T) {
	n := 50000
	if many, err := strconv.Atoi(os.Getenv("FAIRLEAD_SHARES")); err == nil {
		n = many
	}
	counts := map[fairlead.Result]int{}
	for seed := range uint64(n) {
		w := chance{rand.New(rand.NewPCG(seed, 3))}.lawful()
		q := &second{h: w.r.Header, ds: w.r.Descriptors, f: w.f, day: w.at.Format(time.DateOnly), at: w.at, s: w.f.Sender, r: w.f.Recipient}
		from, _, _ := strings.Cut(string(q.s.Jurisdiction), "-")
		to, _, _ := strings.Cut(string(q.r.Jurisdiction), "-")
		q.abroad = from != to
		d := w.decide()
		counts[d.Result]++
		var reasons []string
		for _, r := range d.Reasons() {
			reasons = append(reasons, string(r))
		}
		if got, want := verdict(string(d.Result), string(d.Ground), delivered(d), reasons), q.decide(); got != want {
			t.Fatalf("seed %d: decided %swant    %s\nheader %+v\nbasis %+v s16la %+v\n%+v to %+v\n%+v\n%+v", seed, got, want, *w.r.Header, *w.r.Header.Basis, w.r.Header.S16LA, *w.f.Sender, *w.f.Recipient, d.Causes, d.Sections)
		}
	}
	t.Logf("%v", counts)
	if permits := counts[fairlead.Delivered] + counts[fairlead.DeliveredRedacted]; permits*3 < n {
		t.Errorf("only %d of %d permit", permits, n)
	}
}
