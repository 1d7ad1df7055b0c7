package entry_test

import (
	"encoding/json"
	"testing"
	"time"

	"fairlead/internal/agreement"
	"fairlead/internal/consent"
	"fairlead/internal/entry"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/keyring"
	"fairlead/internal/law"
	"fairlead/internal/policy"
	"fairlead/internal/seal"
)

var now = time.Date(2027, 1, 26, 14, 0, 0, 0, time.UTC)

// pair is a council and a Romanian directorate with real keys, and the agreement between them.
type pair struct {
	t         testing.TB
	sender    *seal.Key
	recipient *keyring.Certificate
	facts     policy.Facts
}

func newPair(t testing.TB) *pair {
	t.Helper()
	born := now.AddDate(-1, 0, 0)
	sender, err := seal.Generate("NOR-CSC", born)
	if err != nil {
		t.Fatal(err)
	}
	other, err := seal.Generate("RO-DIR", born)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := keyring.ReadCertificate(other.Certificate(), now)
	if err != nil {
		t.Fatal(err)
	}
	a := agreement.Agreement{ID: "A2", Version: 1, Parties: []fairlead.AgencyID{"NOR-CSC", "RO-DIR"}, From: fairlead.At(born), Until: fairlead.At(now.AddDate(0, 1, 0))}
	a.Terms = []agreement.Term{{ID: "send", Text: "words", Permit: &agreement.Scope{
		From: a.Parties[:1], To: a.Parties[1:], Purposes: []fairlead.Purpose{"PRT-ASSESS"}, Kinds: []string{"assessment.share"}, Bases: []fairlead.Art6{"A6-1-c"},
		Sections: []fairlead.SectionCode{"ASSESS", "HEALTH-PHYS", "EDU", "RISK"}, Transfer: "A45",
	}}}
	refused := consent.Held{Record: consent.Record{ID: "c-1", Subject: "fedcba9876543210fedcba9876543210", At: fairlead.At(born), Items: []consent.Item{{Status: "refused", Sections: []fairlead.SectionCode{"HEALTH-SEX"}}}}, Entry: 9}
	return &pair{t: t, sender: sender, recipient: cert, facts: policy.Facts{
		Law: law.Default(), Loaded: true,
		Sender:     &policy.Agency{ID: "NOR-CSC", Type: fairlead.TypeLA, Jurisdiction: "GB-ENG", Entry: 1},
		Recipient:  &policy.Agency{ID: "RO-DIR", Type: fairlead.TypeStatutoryOverseas, Jurisdiction: "RO", Entry: 2},
		Agreements: []*agreement.Standing{{Agreement: a, Entry: 3, ActiveBy: 5}}, Consents: []consent.Held{refused},
	}}
}

// content is a section as a practitioner writes it.
type content struct {
	code fairlead.SectionCode
	text []byte
}

// compose makes a share as an agency's program does: seal, describe, list digests, sign.
func (p *pair) compose(contents ...content) (*envelope.Share, *envelope.Bound) {
	p.t.Helper()
	h := &envelope.Header{
		V: envelope.Version, ID: fairlead.NewShareID(), Kind: "assessment.share", Status: "Actual", From: envelope.From{Agency: "NOR-CSC", Role: "PRACTITIONER", User: "sw-1"},
		To: envelope.To{Agency: "RO-DIR"}, SentAt: fairlead.At(now), ValidUntil: fairlead.At(now.Add(72 * time.Hour)), Purpose: "PRT-ASSESS", Threshold: "TH3",
		Basis: &envelope.Basis{Art6: "A6-1-c", Gateways: []fairlead.Gateway{"CA1989-47"}}, Transfer: &envelope.Transfer{Mechanism: "A45"},
		Danger: &envelope.Danger{Result: "clear", Role: "PRACTITIONER", At: fairlead.At(now)}, TLP: "AMBER+STRICT", GSC: "OFFICIAL-SENSITIVE",
		S16LA: &envelope.S16LA{Considered: true}, Told: "yes",
	}
	s := &envelope.Share{}
	for _, c := range contents {
		in := seal.Inner{Message: h.ID, Section: string(c.code), Sender: "NOR-CSC", Type: "json"}
		sealed, err := p.sender.Seal(p.recipient, in, c.text, now)
		if err != nil {
			p.t.Fatal(err)
		}
		d := envelope.Descriptor{Audience: envelope.ForRecipient, Code: c.code, Art9: "A9-2-h", Sch1: "HSC-2", Size: in.Size(len(c.text)), Digest: envelope.HeaderDigest(sealed)}
		s.Parts = append(s.Parts, envelope.Part{Descriptor: d.Marshal(), Section: sealed})
	}
	child := envelope.Descriptor{Audience: envelope.ForHub, Subject: "fedcba9876543210fedcba9876543210"}
	s.Parts = append(s.Parts, envelope.Part{Descriptor: child.Marshal()})
	var err error
	if h.Sections, err = envelope.Fill(s.Descriptors()); err != nil {
		p.t.Fatal(err)
	}
	if s.Header, err = json.Marshal(h); err != nil {
		p.t.Fatal(err)
	}
	if s.Signature, err = p.sender.Sign(s.Header, keyring.ContextShare, now); err != nil {
		p.t.Fatal(err)
	}
	bound, err := s.Bind()
	if err != nil {
		p.t.Fatal(err)
	}
	return s, bound
}

// decide makes the entry of a share, as the hub does.
func (p *pair) decide(s *envelope.Share, b *envelope.Bound) (entry.Leaf, *entry.Detail) {
	d := &entry.Detail{Share: &entry.Share{
		Account: "A", Subject: "fl.in.RO", Digest: envelope.HeaderDigest(s.Header), Header: s.Header, Signature: s.Signature, Descriptors: s.Descriptors(),
		Keys:     make([]string, len(s.Parts)),
		Decision: policy.Decide(policy.Request{Header: b.H, Descriptors: b.Descriptors}, p.facts, now),
	}}
	l := entry.Leaf{Class: entry.ClassShare, Outcome: entry.OutcomeNotDelivered, At: now, Share: b.H.ID, From: "NOR-CSC", To: "RO-DIR"}
	if d.Share.Decision.Delivers() {
		l.Outcome, l.Counter = entry.OutcomeDelivered, 7
	}
	d.Commit(&l, d.Marshal())
	return l, d
}
