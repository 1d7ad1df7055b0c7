package broker_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"fairlead/internal/broker"
	"fairlead/internal/bus"
	"fairlead/internal/fairlead"
	"fairlead/internal/hubtest"
	"fairlead/internal/tlog"
)

func within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// send queues n assessments and says which they are.
func send(t testing.TB, w *hubtest.World, from, to fairlead.AgencyID, n int) []fairlead.ShareID {
	t.Helper()
	var list []fairlead.ShareID
	for range n {
		ids, err := w.Agency(from).Send(hubtest.DraftAssessment(to, hubtest.Section("EDU", `{"school":"x"}`)))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, ids...)
	}
	return list
}

// settle settles the world.
func settle(t testing.TB, w *hubtest.World) {
	t.Helper()
	if err := w.Settle(within(t)); err != nil {
		t.Fatal(err)
	}
}

// connect opens a connection of a further broker.
func connect(t testing.TB, w *hubtest.World) *bus.Hub {
	t.Helper()
	who, err := w.Hub.NATS().HubUser()
	if err != nil {
		t.Fatal(err)
	}
	h, err := bus.OpenHub(within(t), bus.HubConfig{Server: w.Hub.NATS(), Seed: who.Seed, UserJWT: who.JWT})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	return h
}

// signer is the log's own key.
func signer(t testing.TB, w *hubtest.World) *tlog.Signer {
	t.Helper()
	key, err := w.LogKey()
	if err != nil {
		t.Fatal(err)
	}
	s, err := tlog.NewSigner(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// open opens a further broker with a folder of its own.
func open(t testing.TB, w *hubtest.World, dir string, now func() time.Time) (*broker.Broker, error) {
	t.Helper()
	b, err := broker.Open(within(t), broker.Config{Hub: connect(t, w), Dir: dir, Signer: signer(t, w), Verifier: w.Hub.Verifier(), Now: now})
	if err == nil {
		t.Cleanup(func() { b.Close() })
	}
	return b, err
}

// tree is the tree that a broker has published in its folder.
func tree(t testing.TB, w *hubtest.World, dir string) tlog.Tree {
	t.Helper()
	_, tree, err := tlog.ReadCheckpoint(filepath.Join(dir, broker.LogDir), w.Hub.Verifier())
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// run lets a broker decide until the test ends or stop is called, which waits for its end.
func run(t testing.TB, b *broker.Broker) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	ended := false
	stop = func() {
		cancel()
		if ended {
			return
		}
		ended = true
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("the broker stopped: %v", err)
		}
	}
	t.Cleanup(stop)
	return stop
}
