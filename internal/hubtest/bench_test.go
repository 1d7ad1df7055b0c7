package hubtest

import (
	"crypto/ed25519"
	"testing"
	"time"

	"fairlead/internal/envelope"
	"fairlead/internal/registry"
)

// BenchmarkSend is what an agency's program does for one share of five sections of 3 KiB: seal, sign,
// and keep it in the outbox, with fsync.
func BenchmarkSend(b *testing.B) {
	w := New(b, Config{})
	d := fiveSections(b, Alder, Aspen)
	for b.Loop() {
		if _, err := w.Agency(Alder).Send(d); err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	w.Close() // what is queued stays so
}

// BenchmarkOpen is what the recipient's program does for one: read it from the inbox, decrypt and verify.
func BenchmarkOpen(b *testing.B) {
	w := New(b, Config{})
	s := w.send(b, Alder, fiveSections(b, Alder, Aspen))
	for b.Loop() {
		if _, contents, err := w.Agency(Aspen).Open(s.ID); err != nil || len(contents) != 5 {
			b.Fatal(len(contents), err)
		}
	}
}

// BenchmarkVerify is the hub's check of one share's signature; beside it, in the same run, the bare curve
// operation over as many bytes.
func BenchmarkVerify(b *testing.B) {
	w := New(b, Config{})
	s := w.send(b, Alder, fiveSections(b, Alder, Aspen))
	share, err := envelope.ParseShare(w.frame(b, Alder, s.ID))
	if err != nil {
		b.Fatal(err)
	}
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		b.Fatal(err)
	}
	bare := ed25519.Sign(private, share.Header)
	key, at := w.Agency(Aspen).Snapshot().Certificate(Alder).Signing(), w.Clock.Now()
	var ours, theirs time.Duration
	for b.Loop() {
		start := time.Now()
		if err := registry.VerifyShare(key, share.Header, share.Signature, at); err != nil {
			b.Fatal(err)
		}
		middle := time.Now()
		if !ed25519.Verify(public, share.Header, bare) {
			b.Fatal("not verified")
		}
		ours, theirs = ours+middle.Sub(start), theirs+time.Since(middle)
	}
	b.ReportMetric(float64(ours.Nanoseconds())/float64(b.N), "ns/op")
	b.ReportMetric(ours.Seconds()/theirs.Seconds(), "of-raw")
}
