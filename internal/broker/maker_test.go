package broker_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fairlead/internal/broker"
	"fairlead/internal/bus"
	"fairlead/internal/consent"
	"fairlead/internal/entry"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/hubtest"
	"fairlead/internal/keyring"
	"fairlead/internal/keystore"
	"fairlead/internal/natsd"
	"fairlead/internal/policy"
	"fairlead/internal/registry"
	"fairlead/internal/seal"
	"fairlead/internal/subject"
	"fairlead/internal/tlog"
)

// party is one agency of a made log.
type party struct {
	id        fairlead.AgencyID
	account   fairlead.Account
	place     fairlead.Jurisdiction
	delivered uint64
}

func (p *party) out() string { return must(subject.Out(p.place, p.account)) }

// maker writes LEDGER as a hub would have, much faster: nothing is decided, and one signature stands on every share.
type maker struct {
	testing.TB
	server  *natsd.Server
	cfg     broker.Config
	sponsor *seal.Key
	parties []*party // the sponsor first
	seq     uint64
	tree    *tlog.Writer
	at      time.Time
	sign    []byte
	fill    []fairlead.Digest

	batch []bus.OutMsg
	owed  map[string][]int64
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// newMaker stops a world's hub, starts its server alone, and goes on from its log.
func newMaker(t testing.TB, w *hubtest.World) *maker {
	t.Helper()
	m := &maker{TB: t, cfg: broker.Config{Signer: signer(t, w), Verifier: w.Hub.Verifier(), Now: w.Clock.Now}, owed: map[string][]int64{}}
	m.tree = must(tlog.OpenWriter(t.TempDir(), tlog.Tree{}))
	for _, l := range must(w.Lines(within(t))) {
		m.must(m.tree.Append(l.Leaf.Marshal()))
		m.at = l.Leaf.At
	}
	m.sponsor = w.Agency(hubtest.Alder).Home.Key
	b := w.Hub.Broker()
	for _, id := range []fairlead.AgencyID{hubtest.Alder, hubtest.Birch} {
		a := b.Agency(id)
		m.parties = append(m.parties, &party{id: id, account: a.Account, place: a.Jurisdiction})
	}
	for _, l := range must(w.Lines(within(t))) {
		for _, p := range m.parties {
			if l.Leaf.To == p.id && l.Leaf.Counter > 0 {
				p.delivered = l.Leaf.Counter
			}
		}
	}
	w.Close()
	keys := must(keystore.Open(filepath.Join(w.Dir, "hub", "keys"), keystore.Unsealed))
	m.server = must(natsd.Start(natsd.Config{Dir: filepath.Join(w.Dir, "hub", "nats"), Keys: keys}))
	who := must(m.server.HubUser())
	m.cfg.Hub = must(bus.OpenHub(t.Context(), bus.HubConfig{Server: m.server, Seed: who.Seed, UserJWT: who.JWT}))
	t.Cleanup(m.close)
	m.seq = must(m.cfg.Hub.LastSeq(t.Context()))
	m.sign = must(m.sponsor.Sign([]byte("header"), keyring.ContextShare, m.at))
	return m
}

// close stops the server.
func (m *maker) close() {
	if m.server != nil {
		m.cfg.Hub.Close()
		m.server.Shutdown()
	}
}

func (m *maker) must(err error) {
	m.Helper()
	if err != nil {
		m.Fatal(err)
	}
}

// append adds an entry to the batch.
func (m *maker) append(l entry.Leaf, d *entry.Detail) (index int64, leaf []byte) {
	m.at = m.at.Add(time.Millisecond)
	l.At, index = m.at, m.tree.Size()
	raw := d.Marshal()
	d.Commit(&l, raw)
	leaf = l.Marshal()
	m.must(m.tree.Append(leaf))
	m.batch = append(m.batch, bus.OutMsg{Subject: subject.Entry, Data: envelope.EntryFrame(index, leaf, raw)})
	return index, leaf
}

// send adds a message to the batch that waits for its proof.
func (m *maker) send(on string, index int64, frame []byte) {
	m.batch = append(m.batch, bus.OutMsg{Subject: on, Data: frame})
	m.owed[on] = append(m.owed[on], index)
}

// enrol adds an agency, which the sponsor vouches for.
func (m *maker) enrol(n int) {
	id := fairlead.AgencyID(fmt.Sprintf("MADE-%d", n))
	key := must(seal.Generate(id, m.at.Add(-time.Hour)))
	r := registry.Request{Agency: id, Name: "Made " + string(id), Type: fairlead.TypeLA, Jurisdiction: "GB-ENG", User: "U" + string(id), Certificate: key.Certificate(), At: fairlead.At(m.at)}
	raw := must(json.Marshal(r))
	a := registry.SignedRequest{Request: raw, Signature: must(key.Sign(raw, keyring.ContextEnrolment, m.at))}.Agency(r)
	a.Account = must(m.server.NewAccount())
	a.Sponsorship = must(json.Marshal(registry.Sponsor(m.parties[0].id, r, raw, m.at)))
	a.SponsorSignature = must(m.sponsor.Sign(a.Sponsorship, keyring.ContextEnrolment, m.at))
	m.append(entry.Leaf{Class: entry.ClassRegister, Outcome: entry.OutcomeControl, Share: fairlead.NewShareID(), From: fairlead.Hub, To: fairlead.Hub},
		&entry.Detail{Register: &entry.Register{Action: "enrol", Record: must(json.Marshal(a))}})
	m.parties = append(m.parties, &party{id: id, account: a.Account, place: r.Jurisdiction})
}

// header is one as programs make it.
func (m *maker) header(kind string, from *party, to fairlead.AgencyID, record []byte) envelope.Header {
	if m.fill == nil {
		m.fill = must(envelope.Fill(nil))
	}
	return envelope.Header{
		V: envelope.Version, ID: fairlead.NewShareID(), Kind: kind, Status: "Actual", From: envelope.From{Agency: from.id, Role: "PRACTITIONER", User: "u1"}, To: envelope.To{Agency: to},
		SentAt: fairlead.At(m.at), ValidUntil: fairlead.At(m.at.Add(72 * time.Hour)), Record: envelope.RecordDigest(record), Sections: m.fill,
	}
}

// share adds a delivered share with its delivery and verdict. With a child, named by the sender's handle, the share has
// a section that a consent may cover.
func (m *maker) share(from, to *party, child string) {
	h := m.header("assessment.share", from, to.id, nil)
	h.Case, h.Purpose, h.Threshold = strings.Repeat("0123456789abcdef", 2), "PRT-ASSESS", "TH3"
	h.Basis, h.S16LA, h.Told = &envelope.Basis{Art6: "A6-1-c", Gateways: []fairlead.Gateway{"COURT-ORDER"}}, &envelope.S16LA{Considered: true}, "yes"
	h.Transfer, h.TLP, h.GSC = &envelope.Transfer{Mechanism: "A45"}, "AMBER+STRICT", "OFFICIAL-SENSITIVE"
	sh := m.signed(from, &h, nil, policy.Decision{Result: fairlead.Delivered, Ground: fairlead.GroundAgreement, Agreement: "A1/1"})
	if child != "" {
		edu := envelope.Descriptor{Audience: envelope.ForRecipient, Code: "EDU", Digest: sh.Digest}
		who := envelope.Descriptor{Audience: envelope.ForHub, Subject: child}
		sh.Descriptors, sh.Keys = [][]byte{edu.Marshal(), who.Marshal()}, []string{"", ""}
		sh.Decision.Sections = []policy.Section{{Code: "EDU", Delivered: true, Clause: "out"}}
	}
	d := &entry.Detail{Share: sh}
	to.delivered++
	index, leaf := m.append(entry.Leaf{Class: entry.ClassShare, Outcome: entry.OutcomeDelivered, Share: h.ID, From: from.id, To: to.id, Counter: to.delivered}, d)
	delivery := envelope.Delivery{Index: index, Leaf: leaf, Salt: d.SetSalt(), Share: envelope.Share{Header: sh.Header, Signature: sh.Signature}}
	m.send(to.out(), index, delivery.Marshal())
	m.send(from.out(), index, envelope.VerdictFrame(index, leaf, d.Verdict()))
}

// control adds a share to the hub, which changes the register, and its verdict.
func (m *maker) control(kind string, from *party, record any) {
	raw := must(json.Marshal(record))
	h := m.header(kind, from, fairlead.Hub, raw)
	if kind == "ack" {
		h.Facts = map[string]string{"level": string(fairlead.AckDelivered)}
	}
	d := &entry.Detail{Share: m.signed(from, &h, raw, policy.Decision{Result: fairlead.Delivered, Ground: fairlead.GroundControl})}
	index, leaf := m.append(entry.Leaf{Class: entry.ClassShare, Outcome: entry.OutcomeControl, Share: h.ID, From: from.id, To: fairlead.Hub}, d)
	m.send(from.out(), index, envelope.VerdictFrame(index, leaf, d.Verdict()))
}

// consent adds a child's yes to everything.
func (m *maker) consent(by *party, child string) {
	m.control("consent.record", by, consent.Record{ID: "c-" + child[:8], Subject: child, Giver: "CHILD_16", At: fairlead.At(m.at), Items: []consent.Item{{Status: "given"}}})
}

// stored adds what an agency's program says when it has stored everything.
func (m *maker) stored(by *party) {
	m.control("ack", by, registry.DeliveredAck{Counter: by.delivered, Rolling: fairlead.Digest{1}})
}

func (m *maker) signed(from *party, h *envelope.Header, record []byte, d policy.Decision) *entry.Share {
	d.Engine = policy.Engine
	sh := &entry.Share{Account: from.account, Header: must(json.Marshal(h)), Signature: m.sign, Record: record, Descriptors: [][]byte{}, Keys: []string{}, Decision: d}
	sh.Digest, sh.Subject = envelope.HeaderDigest(sh.Header), registry.SubmissionSubject(from.place, from.account, h.Kind)
	return sh
}

// commit writes the batch, with the proofs of what it owes or without.
func (m *maker) commit(proofs bool) {
	if proofs {
		text := must(tlog.SignCheckpoint(m.cfg.Signer, m.tree.Tree()))
		for on, list := range m.owed {
			var all [][]byte
			for _, i := range list {
				all = append(all, tlog.FormatProof(i, must(m.tree.Prove(i)), text))
			}
			m.batch = append(m.batch, bus.OutMsg{Subject: on, Data: envelope.ProofsFrame(all...)})
		}
		clear(m.owed)
	}
	if len(m.batch) > 0 {
		m.seq = must(m.cfg.Hub.Commit(m.Context(), m.seq, m.batch))
	}
	m.batch = nil
}

// shares adds n shares from one party to another, which stores each batch.
func (m *maker) shares(from, to *party, n int) {
	for done := range n {
		m.share(from, to, "")
		if len(m.batch) > 800 || done == n-1 {
			m.stored(to)
			m.commit(true)
		}
		if done%100_000 == 99_999 {
			m.must(m.tree.Flush()) // else it is all in memory
		}
	}
}
