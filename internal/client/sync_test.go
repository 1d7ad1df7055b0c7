package client_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"fairlead/internal/client"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/hubtest"
	"fairlead/internal/store"
)

func note(to string) *client.Draft {
	return &client.Draft{
		Kind: "assessment.share", Role: "PRACTITIONER", User: "sw1", To: []string{to}, Child: "kit", Purpose: "PRT-ASSESS", Threshold: "TH3",
		Basis: &envelope.Basis{Art6: "A6-1-c", Gateways: []fairlead.Gateway{"CA1989-47"}}, TLP: "AMBER+STRICT", GSC: "OFFICIAL-SENSITIVE", Danger: "clear", S16LA: &envelope.S16LA{Considered: true}, Told: "yes",
		Sections: []client.DraftSection{{Code: "ASSESS", Type: "json", Content: []byte(`{"a":1}`)}},
	}
}

func must[T any](t *testing.T) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// TestStoreFails: while an agency's store does not take what arrives, nothing is acknowledged; when it
// does again, nothing is missing. The connection hands over each message but once.
func TestStoreFails(t *testing.T) {
	t.Parallel()
	w := hubtest.New(t, hubtest.Config{})
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	alder, birch := w.Agency(hubtest.Alder), w.Agency(hubtest.Birch)
	db := must[*sql.DB](t)(store.Open(filepath.Join(birch.Home.Dir, "store.db")))
	defer db.Close()
	must[sql.Result](t)(db.Exec(`CREATE TRIGGER full BEFORE INSERT ON parked BEGIN SELECT RAISE(ABORT, 'disk full'); END`))
	ids := must[[]fairlead.ShareID](t)(alder.Send(note("BIRCH")))
	must[[]*client.SentShare](t)(alder.Wait(ctx, ids...))
	failed := 0
	for failed < 3 {
		if _, err := birch.Sync(ctx, 100*time.Millisecond); err != nil {
			failed++
		}
	}
	more := must[[]fairlead.ShareID](t)(alder.Send(note("BIRCH")))
	must[[]*client.SentShare](t)(alder.Wait(ctx, more...))
	must[sql.Result](t)(db.Exec(`DROP TRIGGER full`))
	if err := w.Settle(ctx); err != nil {
		t.Fatal(err)
	}
	for _, id := range append(ids, more...) {
		if _, _, err := birch.Open(id); err != nil {
			t.Errorf("%s: %v", id, err)
		}
	}
}

// TestManyHands: one agency's program is used from many goroutines, its key is changed meanwhile, and
// all that was sent arrives once and in order.
func TestManyHands(t *testing.T) {
	t.Parallel()
	w := hubtest.New(t, hubtest.Config{})
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	alder, birch := w.Agency(hubtest.Alder), w.Agency(hubtest.Birch)
	w.Clock.Set(w.Clock.Now().Add(time.Minute))
	var mu sync.Mutex
	var ids []fairlead.ShareID
	var hands sync.WaitGroup
	for range 4 {
		hands.Go(func() {
			for range 5 {
				sent, err := alder.Send(note("BIRCH"))
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				ids = append(ids, sent...)
				mu.Unlock()
				if _, err := alder.Wait(ctx, sent...); err != nil {
					t.Error(err)
				}
			}
		})
		hands.Go(func() {
			for range 10 {
				if _, err := birch.Sync(ctx, 10*time.Millisecond); err != nil {
					t.Error(err)
				}
				if _, err := birch.Inbox(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	hands.Go(func() {
		if _, err := birch.Home.RotateKey(birch.Client, "DPO", "u1"); err != nil {
			t.Error(err)
		}
	})
	hands.Wait()
	if err := w.Settle(ctx); err != nil {
		t.Fatal(err)
	}
	arrived := map[fairlead.ShareID]bool{}
	for _, id := range ids {
		s := must[*client.SentShare](t)(alder.Sent(id))
		if s.State == client.Resealed { // Birch's key changed while it was under way
			id = must[fairlead.ShareID](t)(fairlead.ParseShareID(s.ReplacedBy))
			s = must[*client.SentShare](t)(alder.Sent(id))
		}
		if _, list, err := birch.Open(id); err != nil || len(list) != 1 || s.State != client.Delivered {
			t.Errorf("%s is %s, %d sections, %v", id, s.State, len(list), err)
		}
		arrived[id] = true
	}
	if len(arrived) != 20 {
		t.Errorf("%d shares arrived, want 20", len(arrived))
	}
}
