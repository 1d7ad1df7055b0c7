package registry_test

import (
	"encoding/json"
	"strings"
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

var start = time.Date(2027, 1, 4, 9, 0, 0, 0, time.UTC)

// world is a log and its fold, with agencies that have real keys. It commits entries as a broker does.
type world struct {
	t       testing.TB
	snap    *registry.Snapshot
	at      time.Time
	keys    map[fairlead.AgencyID]*seal.Key
	entries []line
}

type line struct {
	leaf   entry.Leaf
	detail *entry.Detail
}

func newWorld(t testing.TB, agencies ...fairlead.AgencyID) *world {
	t.Helper()
	w := &world{t: t, snap: registry.New(), at: start, keys: map[fairlead.AgencyID]*seal.Key{}}
	t.Cleanup(func() { w.alike() })
	for _, id := range agencies {
		w.enrol(id)
	}
	return w
}

// place of an agency follows from its name: "RO-…" is a directorate in Romania, all others are councils.
func place(id fairlead.AgencyID) (fairlead.AgencyType, fairlead.Jurisdiction) {
	if strings.HasPrefix(string(id), "RO-") {
		return fairlead.TypeStatutoryOverseas, "RO"
	}
	return fairlead.TypeLA, "GB-ENG"
}

// account is a well-formed one that follows from the name.
func account(id fairlead.AgencyID) fairlead.Account {
	letters := strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r
		}
		return 'X'
	}, string(id))
	return fairlead.Account("A" + letters + strings.Repeat("A", 55-len(letters)))
}

// application is the register's record of an agency with a new key, signed by it.
func (w *world) application(id fairlead.AgencyID, key *seal.Key) *registry.Agency {
	w.t.Helper()
	typ, j := place(id)
	r := registry.Request{Agency: id, Name: "Agency " + string(id), Type: typ, Jurisdiction: j, Emergency: true, User: "U" + string(id), Certificate: key.Certificate(), At: fairlead.At(w.at)}
	return w.signed(r, key)
}

func (w *world) signed(r registry.Request, key *seal.Key) *registry.Agency {
	w.t.Helper()
	raw := asJSON(r)
	sig, err := key.Sign(raw, keyring.ContextEnrolment, r.At.Time)
	if err != nil {
		w.t.Fatal(err)
	}
	a := registry.SignedRequest{Request: raw, Signature: sig}.Agency(r)
	a.Account = account(a.ID)
	w.vouch(a, r)
	return a
}

// vouch countersigns an application in the name of the first agency on record, if there is one.
func (w *world) vouch(a *registry.Agency, r registry.Request) {
	w.t.Helper()
	for _, by := range w.snap.Agencies() {
		if w.keys[by.ID] == nil || by.Suspended {
			continue
		}
		var err error
		a.Sponsorship = asJSON(registry.Sponsor(by.ID, r, a.Request, w.at))
		a.SponsorSignature, err = w.keys[by.ID].Sign(a.Sponsorship, keyring.ContextEnrolment, w.at)
		w.must(err)
		return
	}
}

func (w *world) key(id fairlead.AgencyID) *seal.Key {
	w.t.Helper()
	key, err := seal.Generate(id, w.at.Add(-time.Hour))
	if err != nil {
		w.t.Fatal(err)
	}
	return key
}

func (w *world) enrol(id fairlead.AgencyID) {
	w.t.Helper()
	w.keys[id] = w.key(id)
	w.must(w.register("enrol", w.application(id, w.keys[id])))
}

// register folds an act of the operator.
func (w *world) register(action string, record any) error {
	d := &entry.Detail{Register: &entry.Register{Action: action, Record: asJSON(record)}}
	return w.fold(entry.Leaf{Class: entry.ClassRegister, Outcome: entry.OutcomeControl, At: w.at}, d)
}

// fold commits an entry, or says why it does not follow.
func (w *world) fold(l entry.Leaf, d *entry.Detail) error {
	d.Commit(&l, d.Marshal())
	next, err := w.snap.Fold(l, d)
	if err != nil {
		return err
	}
	w.snap, w.entries = next, append(w.entries, line{l, d})
	return nil
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// message is a share as an agency's program would send it; tests change what they need.
type message struct {
	h      *envelope.Header
	record []byte
	parts  []envelope.Descriptor
	keys   []string // beside parts
}

func (w *world) message(from, to fairlead.AgencyID, kind string, record []byte) *message {
	m := &message{record: record, h: &envelope.Header{
		V: envelope.Version, ID: fairlead.NewShareID(), Kind: kind, Status: "Actual", From: envelope.From{Agency: from, Role: "AGREEMENT_SIGNATORY", User: "user-1"},
		To: envelope.To{Agency: to}, SentAt: fairlead.At(w.at), ValidUntil: fairlead.At(w.at.Add(72 * time.Hour)),
	}}
	return m
}

// note is a liaison note, which needs an agreement and carries a contact.
func (w *world) note(from, to fairlead.AgencyID) *message {
	m := w.message(from, to, "liaison.note", nil)
	m.h.From.Role, m.h.Purpose, m.h.Threshold, m.h.TLP, m.h.GSC = "PRACTITIONER", "LIAISE", "TH2", "AMBER", "OFFICIAL"
	m.h.Basis = &envelope.Basis{Art6: "A6-1-e", Gateways: []fairlead.Gateway{"CA2004-10"}}
	m.h.S16LA, m.h.Told = &envelope.S16LA{Considered: true}, "yes"
	if _, j := place(to); j == "RO" {
		m.h.Transfer, m.h.Danger = &envelope.Transfer{Mechanism: "A45"}, &envelope.Danger{Result: "clear", Role: "PRACTITIONER", At: fairlead.At(w.at)}
	}
	m.parts = []envelope.Descriptor{{Audience: envelope.ForRecipient, Code: "PRO-CONTACT", Digest: envelope.HeaderDigest([]byte("section"))}}
	return m
}

// child adds the handle by which the hub finds a child's consents.
func (m *message) child(handle string) *message {
	m.parts = append(m.parts, envelope.Descriptor{Audience: envelope.ForHub, Subject: handle})
	return m
}

// share signs m and gives what the broker would have before it.
func (w *world) share(m *message) *entry.Share {
	w.t.Helper()
	s := &entry.Share{Account: account(m.h.From.Agency), Record: m.record, Keys: make([]string, len(m.parts))}
	copy(s.Keys, m.keys)
	for _, d := range m.parts {
		s.Descriptors = append(s.Descriptors, d.Marshal())
	}
	var err error
	m.h.Record = envelope.RecordDigest(m.record)
	m.h.Sections, err = envelope.Fill(s.Descriptors)
	w.must(err)
	s.Header = asJSON(m.h)
	s.Digest = envelope.HeaderDigest(s.Header)
	s.Signature, err = w.keys[m.h.From.Agency].Sign(s.Header, keyring.ContextShare, w.at)
	w.must(err)
	j := fairlead.Jurisdiction(fairlead.Hub)
	if a := w.snap.Agency(m.h.To.Agency); a != nil {
		j = a.Jurisdiction
	}
	s.Subject = registry.SubmissionSubject(j, s.Account, m.h.Kind)
	return s
}

// commit decides a share and folds its entry.
func (w *world) commit(s *entry.Share) policy.Decision {
	w.t.Helper()
	s.Decision = w.snap.Decide(s, w.at, nil)
	h, err := envelope.ParseHeader(s.Header)
	w.must(err)
	l := entry.Leaf{Class: entry.ClassShare, At: w.at, Share: h.ID, From: h.From.Agency, To: h.To.Agency, Outcome: entry.OutcomeNotDelivered}
	switch {
	case s.Decision.Result == fairlead.Held:
		l.Outcome = entry.OutcomeHeld
	case s.Decision.Delivers() && h.To.Agency == fairlead.Hub:
		l.Outcome = entry.OutcomeControl
	case s.Decision.Delivers():
		l.Outcome, l.Counter = entry.OutcomeDelivered, w.snap.Counter(h.To.Agency)+1
	}
	w.must(w.fold(l, &entry.Detail{Share: s}))
	return s.Decision
}

// send is share and commit; it fails the test where the share is not delivered.
func (w *world) send(m *message) *entry.Share {
	w.t.Helper()
	s := w.share(m)
	if d := w.commit(s); !d.Delivers() {
		w.t.Fatalf("%s: %+v", m.h.Kind, d.Causes)
	}
	return s
}

// pact is an agreement on liaison notes from the first party to the others.
func (w *world) pact(id string, parties ...fairlead.AgencyID) []byte {
	a := agreement.Agreement{
		ID: id, Version: 1, Title: "Test", Form: "dsa", Parties: parties, From: fairlead.At(start), Until: fairlead.At(start.AddDate(1, 0, 0)), ReviewBy: "2027-12-01",
		DPIA: "DPIA-1", Objective: "To test.", Summary: "A test.", Governance: agreement.Governance{Rights: "x", Transparency: "x", Accuracy: "x", Security: "x", Retention: "x", Breach: "x", Disputes: "x", Sanctions: "x"}, Terms: []agreement.Term{{ID: "send", Text: "words", Permit: &agreement.Scope{
			From: parties[:1], To: parties[1:], Purposes: []fairlead.Purpose{"LIAISE"}, Kinds: []string{"liaison.note"}, Bases: []fairlead.Art6{"A6-1-e"},
			Sections: []fairlead.SectionCode{"PRO-CONTACT", "EDU"}, Transfer: "A45",
		}}},
	}
	for _, id := range parties {
		a.Signatories, a.Contacts = append(a.Signatories, agreement.Signatory{Agency: id, Name: "A", Role: "B"}), append(a.Contacts, agreement.Contact{Agency: id, DPO: "dpo"})
	}
	return asJSON(a)
}

func signature(record []byte, id string) []byte {
	return asJSON(agreement.Signature{ID: id, Version: 1, Digest: agreement.Digest(record)})
}

// agree proposes and signs an agreement between parties.
func (w *world) agree(id string, parties ...fairlead.AgencyID) []byte {
	w.t.Helper()
	record := w.pact(id, parties...)
	for _, to := range parties[1:] {
		w.send(w.message(parties[0], to, "agreement.proposal", record))
	}
	for _, by := range parties {
		w.send(w.message(by, fairlead.Hub, "agreement.signature", signature(record, id)))
	}
	return record
}

// consented puts a consent on record.
func (w *world) consented(by fairlead.AgencyID, handle, id string, item consent.Item) {
	w.t.Helper()
	r := consent.Record{ID: id, Subject: handle, Giver: "CHILD_16", At: fairlead.At(w.at), Items: []consent.Item{item}}
	m := w.message(by, fairlead.Hub, "consent.record", asJSON(r))
	m.h.From.Role = "PRACTITIONER"
	w.send(m)
}

func asJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

// first is the first reason of a decision, with its check.
func first(d policy.Decision) string {
	if len(d.Causes) == 0 {
		return string(d.Result)
	}
	return d.Causes[0].Check + " " + string(d.Causes[0].Reason)
}
