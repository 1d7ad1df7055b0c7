package broker_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"fairlead/internal/broker"
	"fairlead/internal/bus"
	"fairlead/internal/entry"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/hubtest"
	"fairlead/internal/keyring"
	"fairlead/internal/natsd"
	"fairlead/internal/registry"
	"fairlead/internal/subject"
	"fairlead/internal/tlog"
)

// startSize is how many shares the hub has on record that BenchmarkStart starts: FAIRLEAD_BENCH_SHARES, or 20,000.
func startSize() int {
	if n, err := strconv.Atoi(os.Getenv("FAIRLEAD_BENCH_SHARES")); err == nil && n > 0 {
		return n
	}
	return 20_000
}

// BenchmarkStart opens a broker on a log of many shares without sections, each with its delivery, its verdict and
// the proofs of both in LEDGER, as a hub that was stopped in quiet left them. It also says how much memory a broker
// holds that has so many shares on record.
func BenchmarkStart(b *testing.B) {
	w := hubtest.New(b, hubtest.Config{})
	dir := b.TempDir()
	size, cfg := fill(b, w, startSize())
	cfg.Dir = dir
	first, err := broker.Open(b.Context(), cfg) // makes the folder
	if err != nil {
		b.Fatal(err)
	}
	first.Close()
	var before, after runtime.MemStats
	var last *broker.Broker
	began, n := time.Now(), int64(0)
	for b.Loop() {
		if last != nil {
			last.Close()
			last = nil
		}
		runtime.GC()
		runtime.ReadMemStats(&before)
		if last, err = broker.Open(b.Context(), cfg); err != nil {
			b.Fatal(err)
		}
		n += size
	}
	took := time.Since(began)
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(took.Microseconds())/float64(n), "µs/entry")
	b.ReportMetric(float64(n)/took.Seconds(), "entries/s")
	b.ReportMetric((float64(after.HeapAlloc)-float64(before.HeapAlloc))/float64(size), "B/entry")
	b.ReportMetric(0, "ns/op")
	last.Close()
}

// fill stops the hub, starts its server alone, and writes shares of Alder to Birch into LEDGER as the hub would have.
func fill(b *testing.B, w *hubtest.World, n int) (int64, broker.Config) {
	b.Helper()
	must := func(err error) {
		if err != nil {
			b.Helper()
			b.Fatal(err)
		}
	}
	lines, err := w.Lines(within(b))
	must(err)
	snap, tree := registry.New(), tlog.Tree{}
	writer, err := tlog.OpenWriter(b.TempDir(), tree)
	must(err)
	for _, l := range lines {
		snap, err = snap.Fold(l.Leaf, l.Detail)
		must(err)
		must(writer.Append(l.Leaf.Marshal()))
	}
	home, cfg := w.Agency(hubtest.Alder).Home, broker.Config{Signer: signer(b, w), Verifier: w.Hub.Verifier(), Now: w.Clock.Now}
	w.Close()
	server, err := natsd.Start(natsd.Config{Dir: filepath.Join(w.Dir, "hub", "nats")})
	must(err)
	b.Cleanup(server.Shutdown)
	who, err := server.HubUser()
	must(err)
	cfg.Hub, err = bus.OpenHub(b.Context(), bus.HubConfig{Server: server, Seed: who.Seed, UserJWT: who.JWT})
	must(err)
	b.Cleanup(cfg.Hub.Close)
	seq, err := cfg.Hub.LastSeq(b.Context())
	must(err)
	out, err := subject.Out("RO", snap.Agency(hubtest.Birch).Account)
	must(err)
	back, err := subject.Out("GB-ENG", home.Admission.Account)
	must(err)
	for done := 0; done < n; {
		var batch []bus.OutMsg
		from := snap.Size()
		for ; done < n && len(batch) < 600; done++ {
			l, d, raw := share(b, snap, home.Admission.Account, func(header []byte, at time.Time) []byte {
				s, err := home.Key.Sign(header, keyring.ContextShare, at)
				must(err)
				return s
			})
			index := snap.Size()
			leaf := l.Marshal()
			delivery := envelope.Delivery{Index: index, Leaf: leaf, Salt: d.SetSalt(), Share: envelope.Share{Header: d.Share.Header, Signature: d.Share.Signature}}
			batch = append(batch, bus.OutMsg{Subject: subject.Entry, Data: envelope.EntryFrame(index, leaf, raw)},
				bus.OutMsg{Subject: out, Data: delivery.Marshal()}, bus.OutMsg{Subject: back, Data: envelope.VerdictFrame(index, leaf, d.Verdict())})
			snap, err = snap.Fold(l, d)
			must(err)
			must(writer.Append(leaf))
		}
		text, err := tlog.SignCheckpoint(cfg.Signer, writer.Tree())
		must(err)
		var proofs [][]byte
		for i := from; i < snap.Size(); i++ {
			proof, err := writer.Prove(i)
			must(err)
			proofs = append(proofs, tlog.FormatProof(i, proof, text))
		}
		for _, on := range []string{out, back} {
			batch = append(batch, bus.OutMsg{Subject: on, Data: envelope.ProofsFrame(proofs...)})
		}
		seq, err = cfg.Hub.Commit(b.Context(), seq, batch)
		must(err)
	}
	return snap.Size(), cfg
}

// share is one entry as the broker makes it.
func share(b *testing.B, snap *registry.Snapshot, account fairlead.Account, sign func([]byte, time.Time) []byte) (entry.Leaf, *entry.Detail, []byte) {
	b.Helper()
	at := snap.Last().Add(30 * time.Millisecond)
	sections, err := envelope.Fill(nil)
	if err != nil {
		b.Fatal(err)
	}
	h := envelope.Header{
		V: envelope.Version, ID: fairlead.NewShareID(), Kind: "assessment.share", Status: "Actual", From: envelope.From{Agency: hubtest.Alder, Role: "PRACTITIONER", User: "u1"},
		To: envelope.To{Agency: hubtest.Birch}, Case: strings.Repeat("0123456789abcdef", 2), SentAt: fairlead.At(at), ValidUntil: fairlead.At(at.Add(72 * time.Hour)), Purpose: "PRT-ASSESS", Threshold: "TH3",
		Basis: &envelope.Basis{Art6: "A6-1-c", Gateways: []fairlead.Gateway{"COURT-ORDER"}}, S16LA: &envelope.S16LA{Considered: true}, Told: "yes", Transfer: &envelope.Transfer{Mechanism: "A45"},
		Danger: &envelope.Danger{Result: "clear", Role: "PRACTITIONER", At: fairlead.At(at)}, TLP: "AMBER+STRICT", GSC: "OFFICIAL-SENSITIVE", Sections: sections,
	}
	sh := &entry.Share{Account: account, Descriptors: [][]byte{}, Keys: []string{}, Subject: registry.SubmissionSubject("RO", account, h.Kind)}
	if sh.Header, err = json.Marshal(h); err != nil {
		b.Fatal(err)
	}
	sh.Signature, sh.Digest = sign(sh.Header, at), envelope.HeaderDigest(sh.Header)
	sh.Decision = snap.Decide(sh, at, func(*keyring.VerifyKey, []byte, []byte, time.Time) error { return nil })
	if !sh.Decision.Delivers() {
		b.Fatalf("%+v", sh.Decision)
	}
	d := &entry.Detail{Share: sh}
	l := entry.Leaf{Class: entry.ClassShare, Outcome: entry.OutcomeDelivered, At: at, Share: h.ID, From: hubtest.Alder, To: hubtest.Birch, Counter: snap.Counter(hubtest.Birch) + 1}
	raw := d.Marshal()
	d.Commit(&l, raw)
	return l, d, raw
}
