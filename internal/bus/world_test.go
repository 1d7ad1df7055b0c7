package bus_test

import (
	"context"
	"path/filepath"
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
	server *natsd.Server
	hub    *bus.Hub
}

// member is an agency as the tests know it.
type member struct {
	account fairlead.Account
	home    fairlead.Jurisdiction
	cfg     bus.AgencyConfig
}

func context10(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
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
	s, err := natsd.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Shutdown)
	w := &world{TB: t, server: s}
	w.hub = w.openHub(0)
	return w
}

func (w *world) openHub(intake int64) *bus.Hub {
	w.Helper()
	who, err := w.server.HubUser()
	if err != nil {
		w.Fatal(err)
	}
	h, err := bus.OpenHub(context10(w), bus.HubConfig{Server: w.server, Seed: who.Seed, UserJWT: who.JWT, IntakeBytes: intake})
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
	if err := w.hub.AddInbox(context10(w), home, account); err != nil {
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
	return member{account, home, bus.AgencyConfig{InProcess: w.server, Seed: seed, UserJWT: token, Account: account}}
}

func (w *world) dial(m member) *bus.Agency {
	w.Helper()
	a, err := bus.Dial(context10(w), m.cfg)
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(a.Close)
	return a
}

// remote is how a member connects over the network.
func (w *world) remote(m member) bus.AgencyConfig {
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
