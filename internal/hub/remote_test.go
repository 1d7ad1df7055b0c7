package hub_test

import (
	"crypto/x509"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"fairlead/internal/client"
	"fairlead/internal/fairlead"
	"fairlead/internal/hub"
	"fairlead/internal/hubtest"
	"fairlead/internal/keystore"
	"fairlead/internal/registry"
)

// remote is a nats-server that is a program of its own, set up for a hub; start starts it, again as well.
type remote struct {
	cfg         hub.Config
	dir, server string
	address     string
}

func newRemote(t *testing.T, clientCA []byte) *remote {
	t.Helper()
	r := &remote{dir: t.TempDir(), address: hubtest.FreeAddress(t)}
	r.server = filepath.Join(r.dir, "server")
	r.cfg = hub.Config{Dir: filepath.Join(r.dir, "hub"), NATS: "tls://" + r.address, ClientCA: clientCA, Unlock: keystore.Unsealed}
	if err := hub.WriteServer(r.cfg, r.server, r.address); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("go", "build", "-o", filepath.Join(r.server, "nats-server"), "github.com/nats-io/nats-server/v2").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return r
}

func (r *remote) start(t *testing.T) (stop func()) {
	t.Helper()
	cmd := exec.Command("./nats-server", "-c", "nats.conf")
	cmd.Dir, cmd.Env = r.server, append(os.Environ(), "FAIRLEAD_STORE_KEY=key-of-the-store")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	awaitAddress(t, r.address)
	return func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed
	}
}

// TestRemote: a hub whose NATS server is a program of its own carries a share from end to end, and goes
// on when both start anew.
func TestRemote(t *testing.T) {
	t.Parallel()
	r := newRemote(t, nil)
	stop := r.start(t)
	t.Cleanup(func() { stop() }) // after the world is checked
	w := hubtest.New(t, hubtest.Config{Dir: r.dir, NATS: r.cfg.NATS})
	sent := func(section string) {
		t.Helper()
		list, err := w.Send(within(t), hubtest.Alder, hubtest.DraftAssessment(hubtest.Birch, hubtest.Section("EDU", section)))
		if err != nil || len(list) != 1 || list[0].State != client.Delivered {
			t.Fatalf("%+v, %v", list, err)
		}
	}
	sent(`{"school":"before"}`)
	w.Close()
	stop()
	stop = r.start(t)
	if err := w.Reopen(within(t)); err != nil {
		t.Fatal(err)
	}
	sent(`{"school":"after"}`)
}

// TestRemoteMutualTLS: a server of its own that asks for certificates takes the hub's and those of the authority, and
// nobody else's.
func TestRemoteMutualTLS(t *testing.T) {
	t.Parallel()
	ca, caPEM, _ := hubtest.Certify(t, nil, nil)
	stranger, _, _ := hubtest.Certify(t, nil, nil)
	r := newRemote(t, caPEM)
	t.Cleanup(r.start(t))
	w, err := hubtest.Open(within(t), hubtest.Config{Dir: r.dir, Start: hubtest.DefaultStart(), NATS: r.cfg.NATS, ClientCA: caPEM})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	if _, err := w.Enrol(within(t), registry.Request{Agency: hubtest.Alder, Name: "Alder Council", Type: fairlead.TypeLA, Jurisdiction: "GB-ENG"}); err == nil {
		t.Error("it is let in without a certificate")
	}
	over := func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }
	for name, with := range map[string]struct {
		by     *hubtest.Authority
		change func(c *x509.Certificate)
		ok     bool
	}{"a stranger's": {stranger, nil, false}, "its own": {nil, nil, false}, "an ended": {ca, over, false}, "the authority's": {ca, nil, true}} {
		_, cert, key := hubtest.Certify(t, with.by, with.change)
		if err := client.SetTLS(filepath.Join(r.dir, "agencies", string(hubtest.Alder)), keystore.Unsealed, cert, key); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Connect(within(t), hubtest.Alder); (err == nil) != with.ok {
			t.Errorf("%s certificate: %v", name, err)
		}
	}
}

// awaitAddress returns when somebody listens.
func awaitAddress(t *testing.T, address string) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for ctx := within(t); ; {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal(err)
		}
	}
}
