package envelope_test

import (
	"crypto/sha256"
	"encoding/json"
	"testing"
	"time"

	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
)

var sent = time.Date(2027, 1, 11, 9, 20, 0, 0, time.UTC)

// fullHeader has every member set.
func fullHeader() *envelope.Header {
	return &envelope.Header{
		V: envelope.Version, ID: fairlead.NewShareID(), Kind: "alert.missing", Status: "Actual",
		From: envelope.From{Agency: "NOR-CSC", Role: "PRACTITIONER", User: "sw-1"}, To: envelope.To{Agency: "RO-DIR", User: "duty-2"},
		Case: "0123456789abcdef0123456789abcdef", Thread: fairlead.NewShareID(), ReplyTo: fairlead.NewShareID(), Supersedes: fairlead.NewShareID(),
		SentAt: fairlead.At(sent), ValidUntil: fairlead.At(sent.Add(72 * time.Hour)), Purpose: "PRT-IMMEDIATE", Threshold: "TH4",
		Basis: &envelope.Basis{Art6: "A6-1-c", Annex1: "RLI-6", Gateways: []fairlead.Gateway{"CA1989-47", "HAGUE96-36"}, Cite: "CA 1989 s47(9)"},
		S16LA: &envelope.S16LA{Considered: true, Applies: true, Detriment: "none"}, Told: "unsafe",
		Agreement: &envelope.AgreementRef{ID: "A2", Version: 1}, Transfer: &envelope.Transfer{Mechanism: "A45", Ref: "2026-01"},
		Danger: &envelope.Danger{Result: "clear", Role: "SAFEGUARDING_LEAD", At: fairlead.At(sent)},
		TLP:    "RED", GSC: "OFFICIAL-SENSITIVE", Urgency: "Immediate", Severity: "Severe", Certainty: "Likely",
		Facts: map[string]string{"missing_since": "2027-01-10T20:00:00Z"}, Record: sha256.Sum256([]byte("record")), Sections: filled(nil),
		Seen: envelope.Seen{Size: 7, Root: sha256.Sum256([]byte("root"))},
	}
}

func filled(descriptors [][]byte) []fairlead.Digest {
	list, err := envelope.Fill(descriptors)
	if err != nil {
		panic(err)
	}
	return list
}

// asJSON is v as its sender writes it.
func asJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

// section makes a part of a recipient's descriptor and a section.
func section(code fairlead.SectionCode, bytes string) envelope.Part {
	d := envelope.Descriptor{Audience: envelope.ForRecipient, Code: code, Digest: sha256.Sum256([]byte(bytes))}
	return envelope.Part{Descriptor: d.Marshal(), Section: []byte(bytes)}
}

// handle makes a hub-only part.
func handle() envelope.Part {
	d := envelope.Descriptor{Audience: envelope.ForHub, Subject: "fedcba9876543210fedcba9876543210"}
	return envelope.Part{Descriptor: d.Marshal(), Section: []byte{}}
}

// compose makes a share whose header signs what it carries, as a client does; the signature is none.
func compose(record string, parts ...envelope.Part) *envelope.Share {
	s := &envelope.Share{Signature: []byte("signature"), Record: []byte(record), Parts: parts}
	h := fullHeader()
	h.Record, h.Sections = envelope.RecordDigest(s.Record), filled(s.Descriptors())
	s.Header = asJSON(h)
	return s
}

// has fails the test where err is not of a sentinel or does not say the words.
func has(t *testing.T, err, sentinel error, words string) {
	t.Helper()
	if !wraps(err, sentinel) || !contains(err, words) {
		t.Errorf("got %q, want %q that says %q", err, sentinel, words)
	}
}
