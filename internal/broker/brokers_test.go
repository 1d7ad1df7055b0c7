package broker_test

import (
	"io"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"fairlead/internal/broker"
	"fairlead/internal/client"
	"fairlead/internal/fairlead"
	"fairlead/internal/hubtest"
	"fairlead/internal/registry"
)

// Two brokers share the work: the fence lets one of them win each time, and the other decides again on
// what the first has written. New's check counts entries, deliveries and verdicts at the end.
func TestTwoBrokers(t *testing.T) {
	t.Parallel()
	w := hubtest.New(t, hubtest.Config{})
	dir := t.TempDir()
	second, err := open(t, w, dir, w.Clock.Now)
	if err != nil {
		t.Fatal(err)
	}
	stop := run(t, second)
	n := 50
	if testing.Short() {
		n = 10
	}
	sent := map[fairlead.AgencyID][]fairlead.ShareID{}
	for _, from := range []fairlead.AgencyID{hubtest.Alder, hubtest.Aspen} {
		sent[from] = append(send(t, w, from, hubtest.Birch, n), send(t, w, from, hubtest.Cedar, n)...) // Cedar's are refused
	}
	// The operator acts on the first broker while both decide.
	enrolled := make(chan error, 1)
	go func() {
		_, err := w.Enrol(within(t), registry.Request{Agency: "DAMSON", Name: "Damson Council", Type: fairlead.TypeLA, Jurisdiction: "GB-WLS"})
		enrolled <- err
	}()
	settle(t, w)
	if err := <-enrolled; err != nil {
		t.Fatalf("enrol while two brokers run: %v", err)
	}
	for ctx := within(t); !delivered(t, w, sent) && ctx.Err() == nil; {
		settle(t, w) // a proof may be under way from the second broker
	}
	if !delivered(t, w, sent) {
		t.Error("not everything came to its end")
	}
	one, two := w.Hub.Broker().Status(), second.Status()
	share := func(s broker.Status) int64 { return s.Decisions[fairlead.Delivered] + s.Decisions[fairlead.Refused] }
	t.Logf("the hub's own broker decided %d, the second %d", share(one), share(two))
	if share(two) == 0 || share(one) == 0 {
		t.Error("one of them did nothing")
	}
	stop()
	settle(t, w)
	second.Close()
	if _, err = open(t, w, dir, w.Clock.Now); err != nil { // it is behind, and catches up
		t.Fatal(err)
	}
	if a, b := tree(t, w, filepath.Join(w.Dir, "hub")), tree(t, w, dir); a != b {
		t.Errorf("trees of %d and %d entries, roots %v and %v", a.N, b.N, a.Hash, b.Hash)
	}
}

// TestFencedAct: what an operator does is not lost when another broker writes first, time and again.
func TestFencedAct(t *testing.T) {
	t.Parallel()
	w := hubtest.New(t, hubtest.Config{})
	var fences atomic.Int32
	second, err := open(t, w, t.TempDir(), func() time.Time {
		if fences.Add(-1) >= 0 { // the second broker has read LEDGER and is about to decide
			if err := w.Hub.SetRules(within(t), registry.Rules{}); err != nil {
				t.Error(err)
			}
		}
		return w.Clock.Now()
	})
	if err != nil {
		t.Fatal(err)
	}
	fences.Store(5)
	done := make(chan error, 1)
	go func() {
		done <- second.SetRules(within(t), registry.Rules{Groups: []registry.Group{{Name: "G", Members: []fairlead.AgencyID{hubtest.Birch}}}})
	}()
	run(t, second)
	if err := <-done; err != nil || fences.Load() >= 0 {
		t.Errorf("%v, %d fences left", err, fences.Load())
	}
	settle(t, w)
	if len(w.Agency(hubtest.Alder).Snapshot().Group("G")) != 1 {
		t.Error("the rules are not in force")
	}
}

// TestServerAway: a broker whose server is away asks for submissions again no more often than it looks at its log: what
// it says each time must not fill the disk, nor what it does take a core.
func TestServerAway(t *testing.T) {
	t.Parallel()
	w := hubtest.New(t, hubtest.Config{})
	var looks, said atomic.Int64
	tenth, conn := make(chan struct{}), connect(t, w)
	b, err := broker.Open(within(t), broker.Config{
		Hub: conn, Dir: t.TempDir(), Signer: signer(t, w), Verifier: w.Hub.Verifier(),
		Now: func() time.Time {
			if looks.Add(1) == 10 {
				close(tenth)
			}
			return w.Clock.Now()
		},
		Log: zerolog.New(io.Discard).Hook(zerolog.HookFunc(func(*zerolog.Event, zerolog.Level, string) { said.Add(1) })),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	looks.Store(0)
	conn.Close()
	stop := run(t, b)
	<-tenth
	stop()
	if n := said.Load(); n == 0 || n > looks.Load() {
		t.Errorf("it said %d times that the intake is not reachable, and looked %d times", n, looks.Load())
	}
}

// delivered reports whether each share has come to its end.
func delivered(t testing.TB, w *hubtest.World, sent map[fairlead.AgencyID][]fairlead.ShareID) bool {
	t.Helper()
	for from, ids := range sent {
		for _, id := range ids {
			s, err := w.Agency(from).Sent(id)
			if err != nil {
				t.Fatal(err)
			}
			if s.State != client.Delivered && s.State != client.RefusedBy {
				return false
			}
		}
	}
	return true
}
