package hub_test

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"fairlead/internal/client"
	"fairlead/internal/hub"
	"fairlead/internal/hubtest"
	"fairlead/internal/keystore"
)

// TestRemote: a hub whose NATS server is a program of its own carries a share from end to end, and goes
// on when both start anew.
func TestRemote(t *testing.T) {
	t.Parallel()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	free.Close()
	dir := t.TempDir()
	server := filepath.Join(dir, "server")
	cfg := hub.Config{Dir: filepath.Join(dir, "hub"), NATS: "tls://" + address, Unlock: keystore.Unsealed}
	if err := hub.WriteServer(cfg, server, address); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("go", "build", "-o", filepath.Join(server, "nats-server"), "github.com/nats-io/nats-server/v2").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	start := func() (stop func()) {
		cmd := exec.Command("./nats-server", "-c", "nats.conf")
		cmd.Dir, cmd.Env = server, append(os.Environ(), "FAIRLEAD_STORE_KEY=key-of-the-store")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		awaitAddress(t, address)
		return func() {
			_ = cmd.Process.Kill()
			_ = cmd.Wait() // killed
		}
	}
	stop := start()
	t.Cleanup(func() { stop() }) // after the world is checked
	w := hubtest.New(t, hubtest.Config{Dir: dir, NATS: cfg.NATS})
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
	stop = start()
	if err := w.Reopen(within(t)); err != nil {
		t.Fatal(err)
	}
	sent(`{"school":"after"}`)
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
