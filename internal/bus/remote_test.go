package bus_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"

	"fairlead/internal/bus"
	"fairlead/internal/hubtest"
	"fairlead/internal/keystore"
	"fairlead/internal/natsd"
	"fairlead/internal/subject"
)

var scratch string

func TestMain(m *testing.M) {
	var err error
	if scratch, err = os.MkdirTemp("", "fairlead-bus-"); err != nil {
		panic(err)
	}
	code := m.Run()
	os.RemoveAll(scratch)
	os.Exit(code)
}

// natsServer is the server's own program, built from the module that is embedded otherwise.
var natsServer = sync.OnceValues(func() (string, error) {
	path := filepath.Join(scratch, "nats-server")
	out, err := exec.Command("go", "build", "-o", path, "github.com/nats-io/nats-server/v2").CombinedOutput()
	if err != nil {
		err = errors.New(string(out))
	}
	return path, err
})

// pinned trusts the hub's certificate alone.
func pinned(t testing.TB, cert []byte) nats.Option {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(cert) {
		t.Fatal("no certificate")
	}
	return func(o *nats.Options) error {
		o.Secure, o.TLSHandshakeFirst = true, true
		o.TLSConfig = &tls.Config{RootCAs: roots, ServerName: subject.ServerName, MinVersion: tls.VersionTLS13}
		return nil
	}
}

// process is a server as a program of its own, on a folder that WriteServer filled.
type process struct {
	dir, key string
	cmd      *exec.Cmd
}

func (p *process) start(t testing.TB) {
	t.Helper()
	program, err := natsServer()
	if err != nil {
		t.Fatal(err)
	}
	log, err := os.OpenFile(filepath.Join(p.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	p.cmd = exec.Command(program, "-c", "nats.conf")
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = p.dir, log, log
	p.cmd.Env = append(os.Environ(), "FAIRLEAD_STORE_KEY="+p.key)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.stop()
		if t.Failed() {
			t.Log(p.log(t))
		}
	})
}

func (p *process) stop() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait() // killed
}

// log is all that the server has said.
func (p *process) log(t testing.TB) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(p.dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// outside makes a server of its own for a hub's keys.
func outside(t testing.TB) (natsd.Config, *process) {
	t.Helper()
	address, dir := hubtest.FreeAddress(t), t.TempDir()
	keys, err := keystore.Make(filepath.Join(dir, "keys"), keystore.Unsealed)
	if err != nil {
		t.Fatal(err)
	}
	cfg := natsd.Config{Dir: filepath.Join(dir, "nats"), Keys: keys, URL: "tls://" + address}
	p := &process{dir: filepath.Join(dir, "server"), key: "key-of-the-store"}
	if err := natsd.WriteServer(cfg, p.dir, address); err != nil {
		t.Fatal(err)
	}
	p.start(t)
	return cfg, p
}

// join connects a hub's side to a server of its own, as soon as that is up.
func join(t testing.TB, cfg natsd.Config) *natsd.Server {
	t.Helper()
	ctx := within(t)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		s, err := natsd.Join(cfg, func(who natsd.Credentials, cert []byte, _ *tls.Certificate) (natsd.System, error) {
			return bus.DialSystem(ctx, bus.Remote{URL: cfg.URL, CertPEM: cert}, who.Seed, who.JWT, zerolog.Nop())
		})
		if err == nil {
			t.Cleanup(s.Shutdown)
			return s
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal(err)
		}
	}
}

func remoteWorld(t testing.TB) *world {
	t.Helper()
	cfg, p := outside(t)
	w := &world{TB: t, server: join(t, cfg), network: true, remote: true, process: p}
	w.hub = w.openHub(0)
	return w
}

// TestRemoteServer: the hub's side takes up its work at a server of its own after either has started anew;
// what was stored is there, encrypted, and no stream is made over one that cannot be read.
func TestRemoteServer(t *testing.T) {
	cfg, p := outside(t)
	w := &world{TB: t, server: join(t, cfg), network: true, remote: true}
	w.hub = w.openHub(0)
	m := w.enrol("RO")
	const secret = "a text that must not be on the disk"
	if _, err := w.hub.Commit(within(t), 0, []bus.OutMsg{{Subject: m.out(t), Data: []byte(secret)}}); err != nil {
		t.Fatal(err)
	}
	found := 0
	err := filepath.WalkDir(p.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		if found++; strings.Contains(string(raw), secret) {
			t.Errorf("%s holds it", path)
		}
		return err
	})
	if err != nil || found < 6 {
		t.Errorf("%d files, %v", found, err)
	}
	if _, err := w.server.InProcessConn(); !errors.Is(err, natsd.ErrServer) {
		t.Errorf("an in-process connection: %v", err)
	}

	p.stop()
	p.start(t)
	again := &world{TB: t, server: join(t, cfg), network: true, remote: true}
	who, err := again.server.HubUser()
	if err != nil {
		t.Fatal(err)
	}
	at := bus.Remote{URL: cfg.URL, CertPEM: again.server.CertPEM()}
	h, err := bus.OpenHub(within(t), bus.HubConfig{At: at, Seed: who.Seed, UserJWT: who.JWT, Lasting: true})
	if err != nil {
		t.Fatal(err)
	}
	h.Close()
	got, err := again.dial(m).Receive(within(t), 1, 5*time.Second)
	if err != nil || string(got[0].Data) != secret {
		t.Errorf("after a restart: %d, %v", len(got), err)
	}

	p.stop()
	good := p.key
	p.key = "key-of-another-store"
	p.start(t)
	join(t, cfg)
	_, err = bus.OpenHub(within(t), bus.HubConfig{At: at, Seed: who.Seed, UserJWT: who.JWT, Lasting: true})
	if !errors.Is(err, bus.ErrStream) {
		t.Errorf("with another key on the server: %v", err)
	}
	p.stop()
	p.key = good
	p.start(t)
	join(t, cfg)
	h, err = bus.OpenHub(within(t), bus.HubConfig{At: at, Seed: who.Seed, UserJWT: who.JWT, Lasting: true})
	if err != nil {
		t.Fatalf("put right: %v", err)
	}
	h.Close()
}

// TestRemoteStrangers: without the keys of the hub nobody is let in, and nobody passes for its server.
func TestRemoteStrangers(t *testing.T) {
	cfg, _ := outside(t)
	join(t, cfg)
	stranger, _ := outside(t)
	other := join(t, stranger)
	who, err := other.HubUser()
	if err != nil {
		t.Fatal(err)
	}
	cert, err := os.ReadFile(filepath.Join(cfg.Dir, "tls.crt"))
	if err != nil {
		t.Fatal(err)
	}
	if c, err := bus.DialSystem(within(t), bus.Remote{URL: cfg.URL, CertPEM: cert}, who.Seed, who.JWT, zerolog.New(io.Discard)); err == nil {
		c.Close()
		t.Error("another hub's credentials are good here")
	}
	if _, err := bus.DialSystem(within(t), bus.Remote{URL: cfg.URL, CertPEM: other.CertPEM()}, who.Seed, who.JWT, zerolog.Nop()); err == nil || !strings.Contains(err.Error(), "x509") {
		t.Errorf("another server passes for this hub's: %v", err)
	}
}
