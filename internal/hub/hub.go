// Package hub is a whole hub in one process: the NATS server, the broker on it, the read-only HTTP
// server and the operator's socket. It holds the log's key and the server's keys and no case key.
package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"fairlead/internal/broker"
	"fairlead/internal/bus"
	"fairlead/internal/natsd"
	"fairlead/internal/registry"
	"fairlead/internal/tlog"
)

// Config is what a hub needs; cmd/fairlead-hub fills it from its file.
type Config struct {
	Dir      string // all state of the hub
	Listen   string // "host:port" for agencies, TLS 1.3; "" for in-process agencies only
	HTTP     string // "host:port" of the read-only HTTP server; "" for none
	Origin   string // name of the log in its checkpoints, such as "hub.example/log"
	Policy   []byte // whose cosignatures make the log witnessed (C2SP tlog-policy); nil: nobody is asked
	NoCipher bool   // leave the store unencrypted: for tests that search it
	Now      func() time.Time
	Log      zerolog.Logger
	Step     func(step int) // see broker.Config
}

// Hub is a running hub.
type Hub struct {
	cfg      Config
	nats     *natsd.Server
	bus      *bus.Hub
	broker   *broker.Broker
	verifier *tlog.Verifier
	vkey     string
	auditors *auditors
	outside  *witnesses

	web, socket *http.Server
	webAddr     string
	failed      atomic.Pointer[error]

	stop context.CancelFunc
	done sync.WaitGroup
	one  sync.Mutex // one act of the operator at a time
}

// Start opens or makes a hub and runs it until Close.
func Start(ctx context.Context, cfg Config) (*Hub, error) {
	h := &Hub{cfg: cfg}
	if err := h.start(ctx); err != nil {
		h.Close()
		return nil, err
	}
	return h, nil
}

func (h *Hub) start(ctx context.Context) error {
	if err := os.MkdirAll(h.cfg.Dir, 0o700); err != nil {
		return err
	}
	signer, err := h.logKey()
	if err != nil {
		return fmt.Errorf("log key: %w", err)
	}
	if h.auditors, err = openAuditors(filepath.Join(h.cfg.Dir, "auditors")); err != nil {
		return err
	}
	h.nats, err = natsd.Start(natsd.Config{Dir: filepath.Join(h.cfg.Dir, "nats"), Listen: h.cfg.Listen, NoCipher: h.cfg.NoCipher, Log: h.cfg.Log})
	if err != nil {
		return err
	}
	who, err := h.nats.HubUser()
	if err != nil {
		return err
	}
	if h.bus, err = bus.OpenHub(ctx, bus.HubConfig{Server: h.nats, Seed: who.Seed, UserJWT: who.JWT, Log: h.cfg.Log}); err != nil {
		return err
	}
	if h.outside, err = h.newWitnesses(signer); err != nil {
		return err
	}
	if err := h.outside.handshake(ctx); err != nil {
		return err
	}
	h.broker, err = broker.Open(ctx, broker.Config{
		Hub: h.bus, Dir: h.cfg.Dir, Signer: signer, Verifier: h.verifier, Now: h.cfg.Now, Log: h.cfg.Log, Step: h.cfg.Step,
	})
	if err != nil {
		return err
	}
	for _, a := range h.broker.Agencies() { // both may be repeated; a crash may have come between them
		if err := h.open(ctx, a); err != nil {
			return err
		}
	}
	if err := h.listen(); err != nil {
		return err
	}
	return h.run()
}

// run starts the broker's loop and the gathering of cosignatures. The broker's failure stops decisions and raises the alarm; the server lives on,
// so that nothing in the intake or the ledger is lost.
func (h *Hub) run() error {
	ctx, stop := context.WithCancel(context.Background())
	h.stop = stop
	h.done.Go(func() {
		if err := h.broker.Run(ctx); err != nil {
			h.failed.Store(&err)
			h.cfg.Log.Error().Err(err).Msg("ALARM: the broker has stopped; nothing is decided any more. See deploy/README.md, 'The broker has stopped'")
		}
	})
	return h.outside.run(ctx)
}

// Close stops everything and waits until it is on disk.
func (h *Hub) Close() {
	for _, s := range []*http.Server{h.web, h.socket} {
		if s != nil {
			s.Close()
		}
	}
	if h.stop != nil {
		h.stop()
	}
	h.done.Wait()
	if h.broker != nil {
		h.broker.Close()
	}
	if h.bus != nil {
		h.bus.Close()
	}
	if h.nats != nil {
		h.nats.Shutdown()
	}
}

// logKey reads or makes the key that signs checkpoints; DIR/log.vkey is its public half.
func (h *Hub) logKey() (*tlog.Signer, error) {
	secret, public := filepath.Join(h.cfg.Dir, "log.key"), filepath.Join(h.cfg.Dir, "log.vkey")
	skey, err := os.ReadFile(secret)
	if errors.Is(err, fs.ErrNotExist) {
		s, v, err := tlog.GenerateKey(h.cfg.Origin)
		if err != nil {
			return nil, err
		}
		if err := os.WriteFile(public, []byte(v+"\n"), 0o644); err != nil {
			return nil, err
		}
		skey = []byte(s + "\n")
		if err := os.WriteFile(secret, skey, 0o600); err != nil {
			return nil, err
		}
	} else if err != nil {
		return nil, err
	}
	vkey, err := os.ReadFile(public)
	if err != nil {
		return nil, err
	}
	h.vkey = strings.TrimSpace(string(vkey))
	if h.verifier, err = tlog.NewVerifier(h.vkey); err != nil {
		return nil, err
	}
	return tlog.NewSigner(strings.TrimSpace(string(skey)))
}

// Invite makes an invitation.
func (h *Hub) Invite() registry.Invitation {
	return registry.Invitation{URL: h.nats.ClientURL(), CertPEM: string(h.nats.CertPEM()), LogKey: h.vkey, HTTP: h.HTTPURL()}
}

// Approve enrols an agency: the account's keys, then the log entry, then the account is let in. A crash
// in between leaves an account nobody knows, or an entry whose account the next start opens. A second
// approval of the same request gives the admission again.
func (h *Hub) Approve(ctx context.Context, s registry.SignedRequest) (*registry.Admission, error) {
	h.one.Lock()
	defer h.one.Unlock()
	r, _, err := s.Review(h.cfg.Now())
	if err != nil {
		return nil, err
	}
	a := h.broker.Agency(r.Agency)
	if a == nil {
		if a, err = h.enrol(ctx, s.Agency(r)); err != nil {
			return nil, err
		}
	} else if string(a.Request) != string(s.Request) {
		return nil, fmt.Errorf("%s is enrolled already, by another request; see deploy/README.md on lost keys", r.Agency)
	}
	if err := h.open(ctx, a); err != nil {
		return nil, err
	}
	jwt, err := h.nats.UserJWT(a.Account, a.User, time.Time{})
	if err != nil {
		return nil, err
	}
	return &registry.Admission{Agency: a.ID, Account: a.Account, UserJWT: jwt, Entry: a.Entry}, nil
}

func (h *Hub) enrol(ctx context.Context, a *registry.Agency) (*registry.Agency, error) {
	account, err := h.nats.NewAccount()
	if err != nil {
		return nil, err
	}
	a.Account = account
	if err := h.broker.Enrol(ctx, a); err != nil {
		return nil, err
	}
	return h.broker.Agency(a.ID), nil
}

// open lets an enrolled agency in and gives it its inbox.
func (h *Hub) open(ctx context.Context, a *registry.Agency) error {
	if err := h.nats.Activate(a.Account); err != nil {
		return err
	}
	return h.bus.AddInbox(ctx, a.Jurisdiction, a.Account)
}

// SetRules replaces groups, country rules and tables of law by a log entry.
func (h *Hub) SetRules(ctx context.Context, r registry.Rules) error { return h.broker.SetRules(ctx, r) }

// Suspend stops an agency from sending and receiving by a log entry, or lets it again. Its connection
// stays, so that it hears of it.
func (h *Hub) Suspend(ctx context.Context, yes bool, s registry.Suspension) error {
	return h.broker.Suspend(ctx, yes, s)
}

// EraseDetails orders details erased by a log entry; each is to be named by its entry alone.
func (h *Hub) EraseDetails(ctx context.Context, e registry.Erasing) error {
	return h.broker.EraseDetails(ctx, e)
}

// InProcessConn lets an agency in the same program connect without a network.
func (h *Hub) InProcessConn() (net.Conn, error) { return h.nats.InProcessConn() }

// Broker gives tests the broker.
func (h *Hub) Broker() *broker.Broker { return h.broker }

// NATS gives tests the server, for a second broker.
func (h *Hub) NATS() *natsd.Server { return h.nats }

// Verifier opens the log's checkpoints.
func (h *Hub) Verifier() *tlog.Verifier { return h.verifier }

// Failed is why the broker has stopped, or nil.
func (h *Hub) Failed() error {
	if err := h.failed.Load(); err != nil {
		return *err
	}
	return nil
}

// decode reads a JSON body of the operator's socket.
func decode(r *http.Request, v any) error {
	dec := json.NewDecoder(http.MaxBytesReader(nil, r.Body, 1<<20))
	dec.DisallowUnknownFields()
	return dec.Decode(v)
}
