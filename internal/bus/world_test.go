package bus_test

import (
	"context"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"fairlead/internal/bus"
	"fairlead/internal/fairlead"
	"fairlead/internal/keystore"
	"fairlead/internal/natsd"
	"fairlead/internal/subject"
)

// world is a server with one broker.
type world struct {
	testing.TB
	server  *natsd.Server
	hub     *bus.Hub
	network bool       // agencies connect over TLS
	remote  bool       // the server is a program of its own
	count   *oversteps // of a server in the same program
	process *process   // of one that is not
}

// oversteps is what the server in the same program has reported.
type oversteps struct {
	mu   sync.Mutex
	seen map[string]int // account and what
}

func (o *oversteps) note(a fairlead.Account, what natsd.Overstep) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.seen[string(a)+" "+string(what)]++
}

// of counts what an account has overstepped.
func (o *oversteps) of(a fairlead.Account, what natsd.Overstep) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.seen[string(a)+" "+string(what)]
}

// member is an agency as the tests know it.
type member struct {
	account fairlead.Account
	home    fairlead.Jurisdiction
	cfg     bus.AgencyConfig
}

func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func newWorld(t testing.TB, cfg natsd.Config) *world {
	t.Helper()
	if cfg.Dir == "" {
		cfg.Dir = t.TempDir()
	}
	var err error
	if cfg.Keys, err = keystore.Make(filepath.Join(cfg.Dir, "keys"), keystore.Unsealed); err != nil {
		t.Fatal(err)
	}
	w := &world{TB: t, count: &oversteps{seen: map[string]int{}}}
	cfg.Overstep = w.count.note
	if w.server, err = natsd.Start(cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.server.Shutdown)
	w.hub = w.openHub(0)
	return w
}

// everywhere runs a test against a server in the same program and against one that is a program of its own.
func everywhere(t *testing.T, test func(t *testing.T, w *world)) {
	t.Run("embedded", func(t *testing.T) {
		w := newWorld(t, natsd.Config{Listen: "127.0.0.1:0"})
		w.network = true
		test(t, w)
	})
	t.Run("external", func(t *testing.T) { test(t, remoteWorld(t)) })
}

func (w *world) openHub(intake int64) *bus.Hub {
	w.Helper()
	who, err := w.server.HubUser()
	if err != nil {
		w.Fatal(err)
	}
	cfg := bus.HubConfig{Server: w.server, Seed: who.Seed, UserJWT: who.JWT, IntakeBytes: intake}
	if w.remote {
		cfg.Server, cfg.At = nil, bus.Remote{URL: w.server.ClientURL(), CertPEM: w.server.CertPEM()}
	}
	h, err := bus.OpenHub(within(w), cfg)
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(h.Close)
	return h
}

// enrol makes an agency with an account, an inbox and one user.
func (w *world) enrol(home fairlead.Jurisdiction) member {
	w.Helper()
	account, err := w.server.NewAccount()
	if err != nil {
		w.Fatal(err)
	}
	if err := w.server.Activate(account); err != nil {
		w.Fatal(err)
	}
	if err := w.hub.AddInbox(within(w), home, account); err != nil {
		w.Fatal(err)
	}
	seed, public, err := bus.NewUser()
	if err != nil {
		w.Fatal(err)
	}
	token, err := w.server.UserJWT(account, public, time.Time{})
	if err != nil {
		w.Fatal(err)
	}
	m := member{account, home, bus.AgencyConfig{InProcess: w.server, Seed: seed, UserJWT: token, Account: account}}
	if w.network {
		m.cfg = w.overNetwork(m)
	}
	return m
}

func (w *world) dial(m member) *bus.Agency {
	w.Helper()
	a, err := bus.Dial(within(w), m.cfg)
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(a.Close)
	return a
}

// overNetwork is how a member connects over the network.
func (w *world) overNetwork(m member) bus.AgencyConfig {
	cfg := m.cfg
	cfg.InProcess, cfg.URL, cfg.CertPEM = nil, w.server.ClientURL(), w.server.CertPEM()
	return cfg
}

func (m member) out(t testing.TB) string {
	s, err := subject.Out(m.home, m.account)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (m member) in(t testing.TB, to fairlead.Jurisdiction, kind string) string {
	s, err := subject.In(to, m.account, kind)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
