// Package hubtest is a whole world in one process: a real hub, real agencies with their own keys and
// stores, and a clock that a story sets. Tests and the demo use it; no production program does.
package hubtest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"fairlead/internal/bus"
	"fairlead/internal/client"
	"fairlead/internal/fairlead"
	"fairlead/internal/hub"
	"fairlead/internal/keystore"
	"fairlead/internal/registry"
	"fairlead/internal/schema"
)

// Clock is a virtual clock: it stands still until it is set, or runs, and never goes back.
type Clock struct {
	mu  sync.Mutex
	at  time.Time
	run time.Time // since when it runs with the machine's clock; zero: it stands still
}

// Now is the instant the clock stands at.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now()
}

func (c *Clock) now() time.Time {
	if c.run.IsZero() {
		return c.at
	}
	return c.at.Add(time.Since(c.run))
}

// Run lets the clock go on from where it stands, at the pace of the machine's.
func (c *Clock) Run() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at, c.run = c.now(), time.Now()
}

// Set moves the clock on.
func (c *Clock) Set(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at.After(c.now()) {
		c.at = at
		if !c.run.IsZero() {
			c.run = time.Now()
		}
	}
}

// Config says what world to make.
type Config struct {
	Dir      string // DIR/hub and DIR/agencies/<ID>
	Start    time.Time
	Listen   string // see hub.Config
	NATS     string // see hub.Config
	ClientCA []byte // see hub.Config
	HTTP     string
	NoCipher bool
	Schema   *schema.Set // what sections must hold; nil: anything
	Log      zerolog.Logger
	Step     func(step int)
}

// World is a hub and its agencies.
type World struct {
	Dir   string
	Hub   *hub.Hub
	Clock *Clock

	cfg      Config
	policy   []byte // see Witness
	reader   string // see Auditor
	mu       sync.Mutex
	agencies map[fairlead.AgencyID]*Agency
	roots    map[fairlead.AgencyID][]byte // what each agency keeps on paper
}

// Agency is one agency's program in the world.
type Agency struct {
	*client.Client
	ID   fairlead.AgencyID
	Home *client.Home
	Conn *bus.Agency
}

// Open makes or opens a world.
func Open(ctx context.Context, cfg Config) (*World, error) {
	w := &World{Dir: cfg.Dir, Clock: &Clock{at: cfg.Start}, cfg: cfg, agencies: map[fairlead.AgencyID]*Agency{}, roots: map[fairlead.AgencyID][]byte{}}
	return w, w.startHub(ctx)
}

func (w *World) startHub(ctx context.Context) (err error) {
	w.Hub, err = hub.Start(ctx, hub.Config{
		Dir: filepath.Join(w.Dir, "hub"), Listen: w.cfg.Listen, NATS: w.cfg.NATS, ClientCA: w.cfg.ClientCA, HTTP: w.cfg.HTTP, Origin: "hub.fairlead.example/log", NoCipher: w.cfg.NoCipher,
		Policy: w.policy, Unlock: keystore.Unsealed, Now: w.Clock.Now, Log: w.cfg.Log, Step: w.cfg.Step,
	})
	return err
}

// Close stops all programs. It may be repeated.
func (w *World) Close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, a := range w.agencies {
		a.close()
	}
	clear(w.agencies)
	if w.Hub != nil {
		w.Hub.Close()
		w.Hub = nil
	}
}

// Reopen stops all programs, if they run, and starts them again on what they left behind.
func (w *World) Reopen(ctx context.Context) error {
	w.Close()
	if err := w.startHub(ctx); err != nil {
		return err
	}
	return w.ConnectAll(ctx)
}

// Witness gives the hub and every agency a policy of whose cosignatures are enough, and starts them again.
func (w *World) Witness(ctx context.Context, policy []byte) error {
	w.policy = policy
	for _, a := range w.Agencies() {
		if err := os.WriteFile(filepath.Join(a.Home.Dir, "witness.policy"), policy, 0o600); err != nil {
			return err
		}
	}
	return w.Reopen(ctx)
}

// Auditor gives an auditor's credential, made once, with which the hub's log was read once: that it was made and that
// it reads are two entries, and nothing it reads within the hour adds one.
func (w *World) Auditor(ctx context.Context) (string, error) {
	if w.reader != "" {
		return w.reader, nil
	}
	credential, err := w.Hub.AddAuditor(ctx, "a1")
	if err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.Hub.HTTPURL()+"/details/000", http.NoBody)
	if err != nil {
		return "", err
	}
	req.Header.Set("Authorization", "Bearer "+credential)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	w.reader = credential
	return credential, res.Body.Close()
}

// ConnectAll connects every agency that has a folder.
func (w *World) ConnectAll(ctx context.Context) error {
	homes, err := os.ReadDir(filepath.Join(w.Dir, "agencies"))
	if err != nil {
		return err
	}
	for _, h := range homes {
		if _, err := w.Connect(ctx, fairlead.AgencyID(h.Name())); err != nil {
			return fmt.Errorf("%s: %w", h.Name(), err)
		}
	}
	return nil
}

func (a *Agency) close() {
	if a.Client != nil {
		a.Client.Close()
	}
	if a.Conn != nil {
		a.Conn.Close()
	}
}

// Enrol enrols an agency by the same steps that two machines take, and connects it.
func (w *World) Enrol(ctx context.Context, r registry.Request) (*Agency, error) {
	w.roots[r.Agency] = client.NewRoot()
	inv, err := w.Hub.Invite(r.Agency)
	if err != nil {
		return nil, err
	}
	signed, err := client.Enrol(w.home(r.Agency), keystore.Unsealed, inv, r, w.roots[r.Agency], w.Clock.Now())
	if err != nil {
		return nil, err
	}
	return w.admit(ctx, r.Agency, signed)
}

// admit takes a request through sponsor and operator, and connects the agency.
func (w *World) admit(ctx context.Context, id fairlead.AgencyID, signed registry.SignedRequest) (*Agency, error) {
	signed, err := w.sponsor(signed)
	if err != nil {
		return nil, err
	}
	admission, err := w.Hub.Approve(ctx, signed)
	if err != nil {
		return nil, err
	}
	w.disconnect(id)
	if err := client.Join(w.home(id), *admission); err != nil {
		return nil, err
	}
	return w.Connect(ctx, id)
}

// sponsor lets the first other connected agency on record countersign, as it would after a telephone call.
func (w *World) sponsor(s registry.SignedRequest) (registry.SignedRequest, error) {
	r, fingerprint, err := s.Review(w.Clock.Now())
	if err != nil {
		return s, err
	}
	for _, by := range w.Hub.Broker().Agencies() {
		if a := w.Agency(by.ID); a != nil && !by.Suspended && by.ID != r.Agency {
			return a.Home.Sponsor(s, fingerprint.Words(), w.Clock.Now())
		}
	}
	return s, nil
}

func (w *World) home(id fairlead.AgencyID) string {
	return filepath.Join(w.Dir, "agencies", string(id))
}

// LogKey is the log's secret key: tests sign with it what a lying hub would sign.
func (w *World) LogKey() (string, error) {
	keys, err := keystore.Open(filepath.Join(w.Dir, "hub", "keys"), keystore.Unsealed)
	if err != nil {
		return "", err
	}
	defer keys.Close()
	key, err := keys.Read("log.key")
	return string(key), err
}

// Connect opens an enrolled agency's program on its folder.
func (w *World) Connect(ctx context.Context, id fairlead.AgencyID) (*Agency, error) {
	w.disconnect(id)
	h, err := client.OpenHome(w.home(id), keystore.Unsealed)
	if err != nil {
		return nil, err
	}
	h.Schema = w.cfg.Schema
	a := &Agency{ID: id, Home: h}
	var inProcess bus.InProcess
	if w.cfg.Listen == "" && w.cfg.NATS == "" {
		inProcess = w.Hub
	}
	if a.Conn, err = h.Dial(ctx, inProcess, w.cfg.Log); err != nil {
		return nil, err
	}
	if a.Client, err = h.Open(a.Conn, w.Clock.Now, w.cfg.Log); err != nil {
		a.close()
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.agencies[id] = a
	return a, nil
}

// disconnect ends an agency's program, if it runs: there is one on each folder.
func (w *World) disconnect(id fairlead.AgencyID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if old := w.agencies[id]; old != nil {
		old.close()
	}
	delete(w.agencies, id)
}

// Agency is a connected agency, or nil.
func (w *World) Agency(id fairlead.AgencyID) *Agency {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.agencies[id]
}

// Agencies lists the connected agencies.
func (w *World) Agencies() []*Agency {
	w.mu.Lock()
	defer w.mu.Unlock()
	var list []*Agency
	for _, a := range w.agencies {
		list = append(list, a)
	}
	return list
}

// Settle syncs all agencies until no share is queued, everything the hub owes is handed out, notices too, and two
// rounds in a row brought nothing: then every verdict, delivery and receipt has arrived.
func (w *World) Settle(ctx context.Context) error {
	for quiet := 0; quiet < 2 || quiet < 40 && w.unheard(); {
		if err := errors.Join(ctx.Err(), w.Hub.Failed()); err != nil {
			return err
		}
		taken, err := w.syncAll(ctx)
		if err != nil {
			return err
		}
		if taken > 0 || w.Hub.Broker().Status().Owed > 0 || w.Hub.Broker().Due(w.Clock.Now()) || w.queued() {
			quiet = 0
			continue
		}
		quiet++
	}
	return nil
}

// unheard reports whether a sender still waits to hear that a connected recipient has stored its share.
// On a busy machine a quiet moment may come before; where somebody never says so, patience ends.
func (w *World) unheard() bool {
	for _, a := range w.Agencies() {
		recipients, err := a.Unheard()
		if err != nil {
			return true
		}
		for _, id := range recipients {
			if w.Agency(id) != nil {
				return true
			}
		}
	}
	return false
}

// syncAll syncs every agency once, at the same time.
func (w *World) syncAll(ctx context.Context) (int, error) {
	list := w.Agencies()
	taken, errs := make([]int, len(list)), make([]error, len(list))
	var wg sync.WaitGroup
	for i, a := range list {
		wg.Go(func() {
			taken[i], errs[i] = a.Sync(ctx, 30*time.Millisecond)
			if errors.Is(errs[i], bus.ErrFull) {
				errs[i] = nil // the intake takes no more of this agency for now; it goes on with the next sync
			}
			if errs[i] != nil {
				errs[i] = fmt.Errorf("%s: %w", a.ID, errs[i])
			}
		})
	}
	wg.Wait()
	sum := 0
	for _, n := range taken {
		sum += n
	}
	return sum, errors.Join(errs...)
}

func (w *World) queued() bool {
	for _, a := range w.Agencies() {
		if n, err := a.Queued(); err != nil || n > 0 {
			return true
		}
	}
	return false
}
