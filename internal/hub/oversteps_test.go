package hub_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
	"github.com/rs/zerolog"

	"fairlead/internal/hubtest"
	"fairlead/internal/keystore"
	"fairlead/internal/subject"
)

// TestOversteps: what an agency's credentials are used for and do not allow is counted each time, and
// logged with the agency's name once; the metrics name nobody.
func TestOversteps(t *testing.T) {
	t.Parallel()
	log := &journal{}
	w := hubtest.New(t, hubtest.Config{HTTP: "127.0.0.1:0", Log: zerolog.New(log)})
	cedar := w.Agency(hubtest.Cedar)
	keys, err := keystore.Open(filepath.Join(cedar.Home.Dir, "keys"), keystore.Unsealed)
	if err != nil {
		t.Fatal(err)
	}
	seed, err := keys.Read("user.seed")
	if err != nil {
		t.Fatal(err)
	}
	pair, err := nkeys.FromSeed(seed)
	if err != nil {
		t.Fatal(err)
	}
	nc, err := nats.Connect("", nats.InProcessServer(w.Hub), nats.UserJWT(func() (string, error) { return cedar.Home.Admission.UserJWT, nil }, pair.Sign))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	for range 3 {
		if err := nc.Publish(subject.Head, []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	if err := nc.FlushWithContext(within(t)); err != nil {
		t.Fatal(err)
	}
	_, metrics := get(t, w, "GET", "/metrics", "")
	if !strings.Contains(metrics, "fairlead_oversteps{what=\"publish\"} 3\n") || strings.Contains(metrics, string(hubtest.Cedar)) {
		t.Errorf("not counted, or somebody is named:\n%s", metrics)
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for ctx := within(t); !strings.Contains(log.String(), `"overstep":"publish"`); {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("it is not logged")
		}
	}
	if text := log.String(); strings.Count(text, `"overstep":"publish"`) != 1 || !strings.Contains(text, `"overstep":"publish","agency":"CEDAR"`) {
		t.Errorf("logged as %s", text)
	}
}
