// Package hub is a whole hub in one process: the NATS server, the broker on it, the read-only HTTP
// server and the operator's socket. It holds the log's key and the server's keys and no case key.
package hub

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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
	"fairlead/internal/fairlead"
	"fairlead/internal/keystore"
	"fairlead/internal/natsd"
	"fairlead/internal/registry"
	"fairlead/internal/store"
	"fairlead/internal/tlog"
)

// Config is what a hub needs; cmd/fairlead-hub fills it from its file.
type Config struct {
	Dir      string          // all state of the hub
	Unlock   keystore.Source // passphrase of the keys in DIR/keys
	Listen   string          // "host:port" for agencies, TLS 1.3; "" for in-process agencies only
	NATS     string          // "tls://host:port" of a server that is a program of its own (WriteServer); "" for one in this program
	ClientCA []byte          // see natsd.Config
	HTTP     string          // "host:port" of the read-only HTTP server; "" for none
	Origin   string          // name of the log in its checkpoints, such as "hub.example/log"
	Policy   []byte          // whose cosignatures make the log witnessed (C2SP tlog-policy); nil: nobody is asked
	NoCipher bool            // leave the store unencrypted: for tests that search it
	Now      func() time.Time
	Log      zerolog.Logger
	Step     func(step int) // see broker.Config
}

// Hub is a running hub.
type Hub struct {
	cfg       Config
	lock      io.Closer
	keys      *keystore.Store
	nats      *natsd.Server
	bus       *bus.Hub
	broker    *broker.Broker
	verifier  *tlog.Verifier
	signer    *tlog.Signer
	vkey      string
	auditors  *auditors
	oversteps oversteps
	outside   *witnesses

	web, socket *http.Server
	webAddr     string
	failed      atomic.Pointer[error]

	stop context.CancelFunc
	done sync.WaitGroup
	busy sync.Map // by agency: one act of the operator on it at a time, *sync.Mutex
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
	var err error
	if h.lock, err = store.Lock(h.cfg.Dir); err != nil {
		return err
	}
	if err := h.openKeys(); err != nil {
		return err
	}
	if h.signer, err = h.logKey(); err != nil {
		return fmt.Errorf("log key: %w", err)
	}
	if h.auditors, err = openAuditors(filepath.Join(h.cfg.Dir, "auditors")); err != nil {
		return err
	}
	if err := h.connect(ctx); err != nil {
		return err
	}
	if h.outside, err = h.newWitnesses(h.signer); err != nil {
		return err
	}
	if err := h.outside.handshake(ctx); err != nil {
		return err
	}
	h.broker, err = broker.Open(ctx, broker.Config{
		Hub: h.bus, Dir: h.cfg.Dir, Signer: h.signer, Verifier: h.verifier, Now: h.cfg.Now, Log: h.cfg.Log, Step: h.cfg.Step,
	})
	if err != nil {
		return err
	}
	if err := h.openAll(ctx); err != nil {
		return err
	}
	if err := h.bus.Renewals(h.renewal); err != nil {
		return err
	}
	if err := h.listen(); err != nil {
		return err
	}
	return h.run()
}

// openAll lets every agency on record in, or keeps it out. All may be repeated: a crash may have come between entry
// and server. Several go at a time, since each waits for the server.
func (h *Hub) openAll(ctx context.Context) error {
	work, errs := make(chan *registry.Agency), make([]error, 8)
	var workers sync.WaitGroup
	for i := range errs {
		workers.Go(func() {
			for a := range work {
				open := h.open
				if a.Removed {
					open = h.shut
				}
				errs[i] = errors.Join(errs[i], h.revokeFormer(a), open(ctx, a))
			}
		})
	}
	for _, a := range h.broker.Agencies() {
		work <- a
	}
	close(work)
	workers.Wait()
	return errors.Join(errs...)
}

// connect starts the server, or goes to the one that runs already, and opens the broker's side of it.
func (h *Hub) connect(ctx context.Context) (err error) {
	_, absent := os.Stat(filepath.Join(h.cfg.Dir, broker.LogDir))
	to := bus.HubConfig{Lasting: absent == nil, Log: h.cfg.Log}
	cfg := natsConfig(h.cfg, h.keys)
	cfg.Overstep = h.oversteps.note
	if h.cfg.NATS == "" {
		h.nats, err = natsd.Start(cfg)
		to.Server = h.nats
	} else {
		h.nats, err = natsd.Join(cfg, func(who natsd.Credentials, cert []byte, own *tls.Certificate) (natsd.System, error) {
			to.At = bus.Remote{URL: h.cfg.NATS, CertPEM: cert, Own: own}
			return bus.DialSystem(ctx, to.At, who.Seed, who.JWT, h.cfg.Log)
		})
	}
	if err != nil {
		return err
	}
	who, err := h.nats.HubUser()
	if err != nil {
		return err
	}
	to.Seed, to.UserJWT = who.Seed, who.JWT
	h.bus, err = bus.OpenHub(ctx, to)
	return err
}

func natsConfig(cfg Config, keys *keystore.Store) natsd.Config {
	return natsd.Config{Dir: filepath.Join(cfg.Dir, "nats"), Keys: keys, URL: cfg.NATS, Listen: cfg.Listen, ClientCA: cfg.ClientCA, NoCipher: cfg.NoCipher, Log: cfg.Log}
}

// WriteServer writes into dir what a nats-server that is a program of its own needs to serve the hub of cfg,
// and makes the hub's keys if there are none. The server listens on "host:port" for agencies and the hub.
func WriteServer(cfg Config, dir, listen string) error {
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return err
	}
	h := &Hub{cfg: cfg}
	if err := h.openKeys(); err != nil {
		return err
	}
	defer h.keys.Close()
	return natsd.WriteServer(natsConfig(cfg, h.keys), dir, listen)
}

// run starts the broker's loop and the gathering of cosignatures. The broker's failure stops decisions and raises the alarm; the server lives on,
// so that nothing in the intake or the ledger is lost.
func (h *Hub) run() error {
	ctx, stop := context.WithCancel(context.Background())
	h.stop = stop
	h.done.Go(func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				h.nameOversteps()
			case <-ctx.Done():
				return
			}
		}
	})
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
	h.keys.Close()
	if h.lock != nil {
		h.lock.Close()
	}
}

// openKeys opens the keystore, and makes one only for a hub that has no log yet.
func (h *Hub) openKeys() (err error) {
	open := keystore.Open
	if _, err := os.Stat(filepath.Join(h.cfg.Dir, publicLogKey)); errors.Is(err, fs.ErrNotExist) {
		open = keystore.Make
	}
	if h.keys, err = open(filepath.Join(h.cfg.Dir, "keys"), h.cfg.Unlock); err != nil {
		return fmt.Errorf("keys of the hub: %w", err)
	}
	if !h.keys.Sealed() {
		h.cfg.Log.Warn().Msg("the hub's keys are not sealed: whoever reads DIR/keys can act as this hub. Seal them: fairlead-hub passphrase")
	}
	return nil
}

const (
	publicLogKey = "log.vkey"
	secretLogKey = "log.key" // sealed
)

// logKey reads or makes the key that signs checkpoints; DIR/log.vkey is its public half, written last.
func (h *Hub) logKey() (*tlog.Signer, error) {
	public := filepath.Join(h.cfg.Dir, publicLogKey)
	vkey, err := os.ReadFile(public)
	if errors.Is(err, fs.ErrNotExist) {
		s, v, err := tlog.GenerateKey(h.cfg.Origin)
		if err != nil {
			return nil, err
		}
		if err := h.keys.Write(secretLogKey, []byte(s)); err != nil {
			return nil, err
		}
		vkey = []byte(v + "\n")
		if err := tlog.WriteFile(h.cfg.Dir, publicLogKey, vkey); err != nil {
			return nil, err
		}
	} else if err != nil {
		return nil, err
	}
	skey, err := h.keys.Read(secretLogKey)
	if err != nil {
		return nil, err
	}
	h.vkey = strings.TrimSpace(string(vkey))
	if h.verifier, err = tlog.NewVerifier(h.vkey); err != nil {
		return nil, err
	}
	return tlog.NewSigner(string(skey))
}

// Invite makes an invitation for an agency, or with "" for whoever has it.
func (h *Hub) Invite(id fairlead.AgencyID) (registry.Invitation, error) {
	if id != "" {
		if err := id.Check(); err != nil {
			return registry.Invitation{}, err
		}
	}
	return registry.Invitation{
		URL: h.URL(), CertPEM: string(h.nats.CertPEM()), LogKey: h.vkey, HTTP: h.HTTPURL(), Agency: id,
		Until: fairlead.At(h.cfg.Now().Add(registry.InvitationLasts)), Operators: h.broker.Operators(), Policy: string(h.cfg.Policy),
	}.Sign(h.signer)
}

// URL is where agencies connect; "" if they cannot but in process.
func (h *Hub) URL() string { return h.nats.ClientURL() }

// LogKey is the verifier key of the log.
func (h *Hub) LogKey() string { return h.vkey }

// alone waits until nobody else acts on an agency; acts on others go on, and share batches of the ledger.
func (h *Hub) alone(id fairlead.AgencyID) (done func()) {
	lock, _ := h.busy.LoadOrStore(id, new(sync.Mutex))
	lock.(*sync.Mutex).Lock()
	return lock.(*sync.Mutex).Unlock
}

// Approve enrols an agency: the account's keys, then the log entry, then the account is let in. A crash
// in between leaves an account nobody knows, or an entry whose account the next start opens. A second
// approval of the same request gives the admission again. A request for new keys replaces those on record, and
// ends the connections of the old user.
func (h *Hub) Approve(ctx context.Context, s registry.SignedRequest) (*registry.Admission, error) {
	r, _, err := s.Review(h.cfg.Now())
	if err != nil {
		return nil, err
	}
	defer h.alone(r.Agency)()
	a := h.broker.Agency(r.Agency)
	switch {
	case a != nil && string(a.Request) == string(s.Request):
	case a == nil && !r.Again:
		a, err = h.enrol(ctx, s.Agency(r))
	case a != nil && r.Again:
		a, err = h.reenrol(ctx, a, s.Agency(r))
	case a == nil:
		err = fmt.Errorf("%s asks for new keys and is not enrolled", r.Agency)
	default:
		err = fmt.Errorf("%s is enrolled already, by another request; see deploy/README.md on lost keys", r.Agency)
	}
	if err != nil {
		return nil, err
	}
	if a.Removed {
		return nil, fmt.Errorf("%s was removed", a.ID)
	}
	if err := errors.Join(h.revokeFormer(a), h.open(ctx, a)); err != nil {
		return nil, err
	}
	return h.admission(a)
}

// admission lets an agency's user in for a while. The end is judged by the server, so it is of the
// machine's clock even where a story sets the hub's.
func (h *Hub) admission(a *registry.Agency) (*registry.Admission, error) {
	until := time.Now().Add(registry.UserLasts)
	jwt, err := h.nats.UserJWT(a.Account, a.User, until)
	if err != nil {
		return nil, err
	}
	return &registry.Admission{Agency: a.ID, Account: a.Account, User: a.User, UserJWT: jwt, Until: fairlead.At(until), Entry: a.Entry}, nil
}

// renewal is the answer to an agency that asks for its next admission.
func (h *Hub) renewal(account fairlead.Account) ([]byte, error) {
	for _, a := range h.broker.Agencies() {
		if a.Account == account {
			next, err := h.admission(a)
			if err != nil {
				return nil, err
			}
			return json.Marshal(next)
		}
	}
	return nil, fmt.Errorf("account %s is of no agency", account)
}

// Revoke ends the connections of an agency's user and lets it in no more, by any JWT made so far: for a
// stolen user key. The agency's shares are still judged by its OpenPGP key; see Suspend.
func (h *Hub) Revoke(id fairlead.AgencyID) error {
	defer h.alone(id)()
	a := h.broker.Agency(id)
	if a == nil {
		return fmt.Errorf("%s is not enrolled", id)
	}
	return h.nats.Revoke(a.Account, a.User)
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

// reenrol puts an agency's new keys on record. Its account stays, with what waits there.
func (h *Hub) reenrol(ctx context.Context, old, a *registry.Agency) (*registry.Agency, error) {
	a.Account = old.Account
	if err := h.broker.Reenrol(ctx, a); err != nil {
		return nil, err
	}
	return h.broker.Agency(a.ID), nil
}

// revokeFormer ends the connections of user keys that a re-enrolment has replaced, and lets them in no more.
func (h *Hub) revokeFormer(a *registry.Agency) (err error) {
	for _, user := range a.FormerUsers {
		err = errors.Join(err, h.nats.Revoke(a.Account, user))
	}
	return err
}

// open lets an enrolled agency in and gives it its inbox.
func (h *Hub) open(ctx context.Context, a *registry.Agency) error {
	if err := h.nats.Activate(a.Account); err != nil {
		return err
	}
	return h.bus.AddInbox(ctx, a.Jurisdiction, a.Account)
}

// shut lets a removed agency's users in no more.
func (h *Hub) shut(_ context.Context, a *registry.Agency) error { return h.nats.Remove(a.Account) }

// Refuse puts on record that a request was not approved.
func (h *Hub) Refuse(ctx context.Context, s registry.SignedRequest, reason string) error {
	r, _, err := s.Review(h.cfg.Now())
	if err != nil {
		return err
	}
	return h.broker.Refuse(ctx, registry.Refusal{Agency: r.Agency, Request: registry.RequestDigest(s.Request), Reason: reason})
}

// Remove stops an agency for good: by a log entry, and then at the server, where its connections end.
func (h *Hub) Remove(ctx context.Context, s registry.Suspension) error {
	defer h.alone(s.Agency)()
	if err := h.broker.Remove(ctx, s); err != nil {
		return err
	}
	return h.shut(ctx, h.broker.Agency(s.Agency))
}

// SetOperators puts the hub's operators on record.
func (h *Hub) SetOperators(ctx context.Context, r registry.Operators) error {
	return h.broker.SetOperators(ctx, r)
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
