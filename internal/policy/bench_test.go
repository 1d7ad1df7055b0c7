package policy_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"fairlead/internal/agreement"
	"fairlead/internal/consent"
	"fairlead/internal/entry"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/keyring"
	"fairlead/internal/policy"
	"fairlead/internal/registry"
	"fairlead/internal/seal"
)

// The size of a country: what the field could need, and more.
const (
	benchAgencies   = 200
	benchAgreements = 5_000
	benchConsents   = 100_000
	benchSections   = 10
)

// country is a register of that size, and shares to decide.
type country struct {
	first  *seal.Key
	snap   *registry.Snapshot
	shares []question
	next   int64
}

type question struct {
	h  *envelope.Header
	ds []*envelope.Descriptor
}

func agencyName(i int) fairlead.AgencyID { return fairlead.AgencyID(fmt.Sprintf("AG-%03d", i)) }

// learn puts a control share on record, as an agency's own view does: signatures were checked before.
func (c *country) learn(from fairlead.AgencyID, kind string, record any) error {
	raw, err := json.Marshal(record)
	if err != nil {
		return err
	}
	sections, err := envelope.Fill(nil)
	if err != nil {
		return err
	}
	h := envelope.Header{
		V: 1, ID: fairlead.NewShareID(), Kind: kind, Status: "Actual", From: envelope.From{Agency: from, Role: "DPO", User: "u"}, To: envelope.To{Agency: fairlead.Hub},
		SentAt: fairlead.At(noon), ValidUntil: fairlead.At(noon.Add(time.Hour)), Record: envelope.RecordDigest(raw), Sections: sections,
	}
	header, err := json.Marshal(h)
	if err != nil {
		return err
	}
	s := &entry.Share{Header: header, Digest: envelope.HeaderDigest(header), Record: raw, Decision: policy.Decision{Result: fairlead.Delivered}}
	next, err := c.snap.Learn(c.next, entry.Leaf{Class: entry.ClassShare, Outcome: entry.OutcomeControl, At: noon, Share: h.ID, From: from, To: fairlead.Hub}, &entry.Detail{Share: s})
	if err == nil {
		c.snap, c.next = next, c.next+1
	}
	return err
}

func (c *country) enrol(i int) error {
	id := agencyName(i)
	key, err := seal.Generate(id, noon.Add(-time.Hour))
	if err != nil {
		return err
	}
	typ, place := fairlead.TypeLA, fairlead.Jurisdiction("GB-ENG")
	if i%4 == 3 {
		typ, place = fairlead.TypeStatutoryOverseas, "RO"
	}
	r := registry.Request{Agency: id, Name: string(id), Type: typ, Jurisdiction: place, Emergency: true, User: "U", Certificate: key.Certificate(), At: fairlead.At(noon)}
	raw, err := json.Marshal(r)
	if err != nil {
		return err
	}
	sig, err := key.Sign(raw, keyring.ContextEnrolment, noon)
	if err != nil {
		return err
	}
	a := registry.SignedRequest{Request: raw, Signature: sig}.Agency(r)
	a.Account = fairlead.Account(fmt.Sprintf("A%055d", i))
	if c.first == nil {
		c.first = key
	} else { // the first agency vouches for all others
		if a.Sponsorship, err = json.Marshal(registry.Sponsor(agencyName(0), r, a.Request, noon)); err != nil {
			return err
		}
		if a.SponsorSignature, err = c.first.Sign(a.Sponsorship, keyring.ContextEnrolment, noon); err != nil {
			return err
		}
	}
	record, err := json.Marshal(a)
	if err != nil {
		return err
	}
	next, err := c.snap.Learn(c.next, entry.Leaf{Class: entry.ClassRegister, Outcome: entry.OutcomeControl, At: noon}, &entry.Detail{Register: &entry.Register{Action: "enrol", Record: record}})
	if err == nil {
		c.snap, c.next = next, c.next+1
	}
	return err
}

// pact is an agreement between two agencies or more: four terms, with conditions and obligations.
func pact(r *rand.Rand, n int) *agreement.Agreement {
	a := &agreement.Agreement{
		ID: fmt.Sprint("A", n), Version: 1, Title: "Sharing", Form: "dsa", From: fairlead.At(noon.AddDate(0, -6, 0)), Until: fairlead.At(noon.AddDate(1, 0, 0)), ReviewBy: "2027-07-01",
		DPIA: "DPIA", Objective: "To test.", Summary: "A test.",
		Governance: agreement.Governance{Rights: "x", Transparency: "x", Accuracy: "x", Security: "x", Retention: "x", Breach: "x", Disputes: "x", Sanctions: "x"},
	}
	for len(a.Parties) < 2+r.IntN(3) {
		if id := agencyName(r.IntN(benchAgencies)); !a.Party(id) {
			a.Parties = append(a.Parties, id)
			a.Signatories = append(a.Signatories, agreement.Signatory{Agency: id, Name: "A", Role: "B"})
			a.Contacts = append(a.Contacts, agreement.Contact{Agency: id, DPO: "dpo"})
		}
	}
	scope := func(sections ...fairlead.SectionCode) *agreement.Scope {
		return &agreement.Scope{
			From: a.Parties, To: a.Parties, Purposes: []fairlead.Purpose{"PRT-ASSESS", "PRT-PLAN"}, Kinds: []string{"referral.new", "info.request", "assessment.share"},
			Bases: []fairlead.Art6{"A6-1-a", "A6-1-c", "A6-1-e", "X-EU-GDPR"}, Sections: sections, Transfer: "A45",
		}
	}
	a.Terms = []agreement.Term{
		{ID: "t1", Text: "w", Permit: scope("ID-CORE", "FAMILY", "EDU", "ASSESS", "RISK", "SC-HIST"), Oblige: &agreement.Oblige{RetainDays: 365, Onward: agreement.OnwardAsk}},
		{ID: "t2", Text: "w", Permit: scope("HEALTH-PHYS", "HEALTH-MH"), When: &agreement.When{Thresholds: []fairlead.Threshold{"TH3", "TH4"}}, Oblige: &agreement.Oblige{RetainDays: 90, Onward: agreement.OnwardNone}},
		{ID: "t3", Text: "w", Permit: scope("VOICE"), When: &agreement.When{Facts: &agreement.Condition{Any: []agreement.Condition{{Fact: "severity", Is: "Severe"}, {Fact: "threshold", AtLeast: "TH3"}}}}},
		{ID: "t4", Text: "w", Prohibit: &agreement.Scope{From: a.Parties, To: a.Parties, Sections: []fairlead.SectionCode{"EXPL-IND"}}},
	}
	return a
}

// ask is a share of ten sections between two parties; eight of them go, if nobody objects.
func (c *country) ask(r *rand.Rand, a *agreement.Agreement) question {
	from, to := a.Parties[0], a.Parties[1]
	if c.snap.Agency(from).Jurisdiction == "RO" { // the agreement stands on what is adequate from here to there
		from, to = to, from
	}
	h := &envelope.Header{
		V: 1, ID: fairlead.NewShareID(), Kind: "assessment.share", Status: "Actual", From: envelope.From{Agency: from, Role: "PRACTITIONER", User: "u"}, To: envelope.To{Agency: to, User: "named"},
		SentAt: fairlead.At(noon), ValidUntil: fairlead.At(noon.Add(time.Hour)), Purpose: "PRT-ASSESS", Threshold: "TH3", TLP: "RED", GSC: "OFFICIAL", Told: "yes", S16LA: &envelope.S16LA{Considered: true},
		Basis: &envelope.Basis{Art6: "A6-1-c", Gateways: []fairlead.Gateway{"COURT-ORDER"}}, Severity: "Severe",
	}
	x, y := c.snap.Agency(from), c.snap.Agency(to)
	if x.Jurisdiction == "RO" {
		h.Basis = &envelope.Basis{Art6: "X-EU-GDPR", Cite: "GDPR 6(1)(e)"}
	}
	if x.Jurisdiction != y.Jurisdiction {
		h.Danger, h.Transfer = &envelope.Danger{Result: "clear", Role: "PRACTITIONER", At: h.SentAt}, &envelope.Transfer{Mechanism: "A45"}
	}
	q := question{h: h}
	for _, code := range []fairlead.SectionCode{"ID-CORE", "FAMILY", "EDU", "ASSESS", "RISK", "HEALTH-PHYS", "HEALTH-MH", "VOICE", "EXPL-IND", "JOURNEY"}[:benchSections] {
		q.ds = append(q.ds, &envelope.Descriptor{Audience: envelope.ForRecipient, Code: code, Art9: "A9-2-h", Sch1: "HSC-2", Art10: "OFFICIAL"})
	}
	q.ds = append(q.ds, &envelope.Descriptor{Audience: envelope.ForHub, Subject: child(r.IntN(benchConsents / 2))})
	return q
}

func child(i int) string { return fmt.Sprintf("%032x", i) }

// theCountry is made once: it takes seconds.
var theCountry = sync.OnceValues(func() (*country, error) {
	c, r := &country{snap: registry.New()}, rand.New(rand.NewPCG(1, 2))
	for i := range benchAgencies {
		if err := c.enrol(i); err != nil {
			return nil, err
		}
	}
	for n := range benchAgreements {
		a := pact(r, n)
		raw, err := a.Marshal()
		if err != nil {
			return nil, err
		}
		if err := c.learn(a.Parties[0], "agreement.proposal", json.RawMessage(raw)); err != nil {
			return nil, err
		}
		for _, id := range a.Parties {
			if err := c.learn(id, "agreement.signature", agreement.Signature{ID: a.ID, Version: 1, Digest: agreement.Digest(raw)}); err != nil {
				return nil, err
			}
		}
		if n%10 == 0 {
			c.shares = append(c.shares, c.ask(r, a))
		}
	}
	for i := range benchConsents {
		q := c.shares[i%len(c.shares)]
		status := fairlead.ConsentGiven
		if i%7 == 0 {
			status = fairlead.ConsentRefused
		}
		rec := consent.Record{ID: fmt.Sprint("c-", i), Subject: child(i / 2), Giver: "CHILD_16", At: fairlead.At(noon.AddDate(0, -1, 0)), Items: []consent.Item{{Status: status, Sections: []fairlead.SectionCode{"HEALTH-MH"}}}}
		if err := c.learn(q.h.From.Agency, "consent.record", rec); err != nil {
			return nil, err
		}
	}
	for i, q := range c.shares { // a child of whom the sender has records
		q.ds[benchSections].Subject = child((i + len(c.shares)*r.IntN(benchConsents/len(c.shares))) / 2)
	}
	return c, nil
})

func load(b *testing.B) *country {
	b.Helper()
	c, err := theCountry()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	return c
}

// perSecond reports a rate by processor time, garbage collection included: the machine may be shared.
// Run with GOMAXPROCS=1 for a rate per core.
func perSecond(b *testing.B, since time.Duration) {
	b.Helper()
	b.ReportMetric(float64(b.N)/(processor()-since).Seconds(), "shares/cpu-s")
}

func processor() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func (c *country) decide(i int) policy.Decision {
	q := c.shares[i%len(c.shares)]
	return policy.Decide(policy.Request{Header: q.h, Descriptors: q.ds}, c.snap.Facts(q.h, q.ds, nil, noon), noon)
}

// BenchmarkDecide finds the facts of a share in the register and decides it, fully explained.
func BenchmarkDecide(b *testing.B) {
	c := load(b)
	since := processor()
	delivered := 0
	for i := 0; b.Loop(); i++ {
		if d := c.decide(i); d.Delivers() {
			delivered++
		}
	}
	perSecond(b, since)
	if b.ReportMetric(float64(delivered)/float64(b.N), "delivered"); delivered*10 < b.N*9 {
		b.Fatalf("%d of %d are delivered: this is no measure of deciding what goes; the first: %+v", delivered, b.N, c.decide(0))
	}
}

// BenchmarkFacts is the part of it that asks the register.
func BenchmarkFacts(b *testing.B) {
	c := load(b)
	for i := 0; b.Loop(); i++ {
		q := c.shares[i%len(c.shares)]
		c.snap.Facts(q.h, q.ds, nil, noon)
	}
}

// BenchmarkRefuse asks for another purpose, so that no term fits: every nearest term is explained.
func BenchmarkRefuse(b *testing.B) {
	c := load(b)
	since := processor()
	for i := 0; b.Loop(); i++ {
		q := c.shares[i%len(c.shares)]
		h := *q.h
		h.Purpose, h.Kind = "LIAISE", "liaison.note"
		if d := policy.Decide(policy.Request{Header: &h, Descriptors: q.ds}, c.snap.Facts(&h, q.ds, nil, noon), noon); d.Delivers() {
			b.Fatal(d)
		}
	}
	perSecond(b, since)
}

// BenchmarkRecord is BenchmarkDecide with the stored record: JSON, and its SHA-256.
func BenchmarkRecord(b *testing.B) {
	c := load(b)
	since := processor()
	bytes := 0
	for i := 0; b.Loop(); i++ {
		raw, err := json.Marshal(c.decide(i))
		if err != nil {
			b.Fatal(err)
		}
		sha256.Sum256(raw)
		bytes += len(raw)
	}
	perSecond(b, since)
	b.ReportMetric(float64(bytes)/float64(b.N), "bytes")
}

// BenchmarkRebuild folds one more agreement, proposed and signed by its parties, into the register.
func BenchmarkRebuild(b *testing.B) {
	c := *load(b)
	before, a := c.snap, pact(rand.New(rand.NewPCG(3, 4)), benchAgreements)
	raw, err := a.Marshal()
	if err != nil {
		b.Fatal(err)
	}
	since := processor()
	for b.Loop() {
		c.snap = before
		if err := c.learn(a.Parties[0], "agreement.proposal", json.RawMessage(raw)); err != nil {
			b.Fatal(err)
		}
		for _, id := range a.Parties {
			if err := c.learn(id, "agreement.signature", agreement.Signature{ID: a.ID, Version: 1, Digest: agreement.Digest(raw)}); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64((processor()-since).Microseconds())/1000/float64(b.N), "cpu-ms/op")
	if got := c.snap.Agreements(); !strings.HasPrefix(got[len(got)-1].Ref(), "A") || len(got) != benchAgreements+1 {
		b.Fatal(len(got))
	}
}
