package hub_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/rs/zerolog"

	"fairlead/internal/broker"
	"fairlead/internal/bus"
	"fairlead/internal/client"
	"fairlead/internal/hubtest"
	"fairlead/internal/tlog"
)

// journal keeps what a hub logs.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(b)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// TestFailed puts a checkpoint of somebody else into HEAD under a running hub. It must stop deciding
// and say so, keep what is sent to it, and not start again.
func TestFailed(t *testing.T) {
	t.Parallel()
	foreign, _, err := tlog.GenerateKey("hub.fairlead.example/log")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		key  string // "": the log's own
		more int64  // entries beside those of the log
		want error
	}{
		{"another key", foreign, 0, tlog.ErrCheckpoint},
		{"another root", "", 0, broker.ErrDiverged},
		{"a smaller tree with another root", "", -1, broker.ErrDiverged},
		{"more entries than there are", "", 1000, broker.ErrDiverged},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			log := &journal{}
			w := hubtest.New(t, hubtest.Config{HTTP: "127.0.0.1:0", Log: zerolog.New(log)})
			alder := w.Agency(hubtest.Alder)
			plant(t, w, test.key, test.more)
			ids, err := alder.Send(hubtest.DraftAssessment(hubtest.Birch, hubtest.Section("EDU", `{}`)))
			if err != nil {
				t.Fatal(err)
			}
			for ctx := within(t); w.Hub.Failed() == nil && ctx.Err() == nil; {
				if _, err := alder.Sync(ctx, 0); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Hub.Failed(); !errors.Is(err, test.want) {
				t.Fatalf("%v, want %v", err, test.want)
			}
			if status, body := get(t, w, "GET", "/healthz", ""); status != 503 || !strings.Contains(body, "stopped") {
				t.Errorf("health %d %s", status, body)
			}
			if !strings.Contains(log.String(), "ALARM") {
				t.Error("no alarm in the log")
			}
			if _, err := alder.Sync(within(t), 0); err != nil {
				t.Errorf("nothing can be handed in any more: %v", err)
			}
			if s, err := alder.Sent(ids[0]); err != nil || s.State != client.Queued {
				t.Errorf("%+v %v", s, err)
			}
			if err := w.Reopen(within(t)); !errors.Is(err, test.want) || !strings.Contains(err.Error(), "Nothing was signed; ") {
				t.Errorf("started again: %v", err)
			}
			w.Close()
		})
	}
}

// plant replaces the committed checkpoint.
func plant(t testing.TB, w *hubtest.World, key string, more int64) {
	t.Helper()
	if key == "" {
		var err error
		if key, err = w.LogKey(); err != nil {
			t.Fatal(err)
		}
	}
	signer, err := tlog.NewSigner(key)
	if err != nil {
		t.Fatal(err)
	}
	who, err := w.Hub.NATS().HubUser()
	if err != nil {
		t.Fatal(err)
	}
	h, err := bus.OpenHub(within(t), bus.HubConfig{Server: w.Hub.NATS(), Seed: who.Seed, UserJWT: who.JWT})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	text, revision, err := h.Head(within(t))
	if err != nil {
		t.Fatal(err)
	}
	tree, err := tlog.OpenCheckpoint(text, w.Hub.Verifier())
	if err != nil {
		t.Fatal(err)
	}
	tree.N, tree.Hash = tree.N+more, sha256.Sum256([]byte("another root"))
	if text, err = tlog.SignCheckpoint(signer, tree); err != nil {
		t.Fatal(err)
	}
	if _, err := h.SetHead(within(t), text, revision); err != nil {
		t.Fatal(err)
	}
}
