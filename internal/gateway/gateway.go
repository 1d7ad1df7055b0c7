// Package gateway is the web face of one agency: its staff read, answer and send through pages on the
// agency's own machine. It holds the agency's keys, by package client, and shows nothing that is not
// proved. What people typed is kept sealed to the agency's own key; who looked is recorded (OWASP ASVS).
package gateway

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/go-webauthn/webauthn/webauthn"
	"github.com/rs/zerolog"

	"fairlead/internal/bus"
	"fairlead/internal/client"
	"fairlead/internal/fairlead"
	"fairlead/internal/schema"
	"fairlead/internal/store"
	"fairlead/internal/web"
)

//go:embed all:templates
var templates embed.FS

//go:embed locales
var locales embed.FS

// Config is what a gateway needs.
type Config struct {
	Home   *client.Home
	Client *client.Client
	Schema *schema.Set
	// Dial connects Client to the hub, which Run does. Nil: it is connected, or stays offline.
	Dial func(context.Context) (*bus.Agency, error)
	// Origin is the address of the site, such as https://gateway.example.org: passkeys belong to it.
	Origin string
	// Hosts are the names that the site answers to; others are refused.
	Hosts []string
	// Secure says that the site is served over TLS.
	Secure bool
	// Language is the house's, a tag of web.Languages; "" takes the browser's.
	Language string
	// Idle ends a session that nobody used for so long.
	Idle time.Duration
	// Demo lets everybody sign in as anybody, and says so on each page.
	Demo bool
	Now  func() time.Time
	Log  zerolog.Logger
}

// Gateway serves the pages of one agency.
type Gateway struct {
	cfg    Config
	agency fairlead.AgencyID
	db     *sql.DB
	pages  web.Pages
	words  *web.Catalogue
	assets *web.Assets
	guard  *web.Guard
	keys   *webauthn.WebAuthn

	drafting sync.Mutex // one draft is saved or sent at a time
	indexing sync.Mutex

	mu        sync.Mutex // guards the rest
	trouble   error      // why the hub cannot be reached; nil: it can
	watchers  map[chan struct{}]bool
	ceremony  map[string]ceremony // passkey ceremonies under way
	connected bool
}

// storeFile is the gateway's store, in the agency's folder.
const storeFile = "gateway.db"

// New opens the gateway's store beside the agency's and gets the pages ready.
func New(cfg Config) (*Gateway, error) {
	g := &Gateway{
		cfg: cfg, agency: cfg.Home.Admission.Agency, assets: web.OpenAssets(), watchers: map[chan struct{}]bool{}, ceremony: map[string]ceremony{},
		guard: &web.Guard{Hosts: cfg.Hosts, Secure: cfg.Secure, Now: time.Now},
	}
	var err error
	if g.pages, err = web.ParsePages(templates); err != nil {
		return nil, err
	}
	if g.words, err = web.NewCatalogue(web.Locales, locales); err != nil {
		return nil, err
	}
	if g.keys, err = newPasskeys(cfg.Origin); err != nil {
		return nil, fmt.Errorf("passkeys: %w", err)
	}
	if g.db, err = store.Open(filepath.Join(cfg.Home.Dir, storeFile), tables, records); err != nil {
		return nil, err
	}
	g.connected = cfg.Dial == nil
	return g, g.index()
}

// Close closes the gateway's store.
func (g *Gateway) Close() error { return g.db.Close() }

// Built reports whether the real stylesheet and script are in this program.
func (g *Gateway) Built() bool { return g.assets.Built() }

// Reports counts what browsers had to block on these pages.
func (g *Gateway) Reports() int64 { return g.guard.Reports() }

// Missing lists the words that a page wanted and nobody wrote.
func (g *Gateway) Missing() []string { return g.words.Missing() }

// need is who may open a page.
type need int

const (
	anybody need = iota
	staff        // signed in
	reader       // signed in, in a role that reads messages about children
)

// route is one page.
type route struct {
	pattern string
	who     need
	do      func(*visit) error
}

func (g *Gateway) routes() []route {
	return slices.Concat([]route{
		{"GET /{$}", staff, (*visit).home},
		{"GET /inbox", reader, (*visit).inbox},
		{"GET /messages/{id}", reader, (*visit).message},
		{"POST /messages/{id}/open", reader, (*visit).openMessage},
		{"POST /messages/{id}/acknowledge", reader, (*visit).acknowledge},
		{"POST /messages/{id}/reply", reader, (*visit).reply},
		{"GET /messages/{id}/files/{part}", reader, (*visit).file},
		{"GET /sent", reader, (*visit).sent},
		{"GET /sent/{id}", reader, (*visit).sentMessage},
		{"GET /cases", reader, (*visit).cases},
		{"GET /cases/{id}", reader, (*visit).timeline},
		{"GET /news", staff, (*visit).news},
	}, composing, signing, housekeeping, takingBack, following, consenting, escalating, permitting)
}

// composing are the pages by which a message is written.
var composing = []route{
	{"GET /send", reader, (*visit).chooseKind},
	{"POST /send", reader, (*visit).newDraft},
	{"GET /send/{id}/{step}", reader, (*visit).askStep},
	{"POST /send/{id}/{step}", reader, (*visit).saveStep},
	{"POST /send/{id}/send", reader, (*visit).sendDraft},
	{"POST /send/{id}/delete", reader, (*visit).deleteDraft},
}

// signing are the pages by which people come and go.
var signing = []route{
	{"GET /sign-in", anybody, (*visit).signIn},
	{"POST /sign-in/demo", anybody, (*visit).demoSignIn},
	{"POST /sign-in/passkey/begin", anybody, (*visit).beginSignIn},
	{"POST /sign-in/passkey/finish", anybody, (*visit).finishSignIn},
	{"GET /invitation/{token}", anybody, (*visit).invitation},
	{"POST /sign-in/invitation/{token}/begin", anybody, (*visit).beginPasskey},
	{"POST /sign-in/invitation/{token}/finish", anybody, (*visit).finishPasskey},
	{"POST /sign-out", anybody, (*visit).signOut},
	{"POST /session/stay", staff, (*visit).stay},
	{"GET /language", anybody, (*visit).language},
}

// housekeeping are the pages about the agency itself.
var housekeeping = []route{
	{"GET /agency", staff, (*visit).agencyPage},
	{"GET /approvals", staff, (*visit).approvals},
	{"GET /approvals/{id}", reader, (*visit).approval},
	{"POST /approvals/{id}", reader, (*visit).approve},
	{"GET /agreements", staff, (*visit).agreements},
	{"GET /agreements/{id}/{version}", staff, (*visit).agreement},
	{"GET /people", staff, (*visit).people},
	{"GET /proofs", staff, (*visit).proofs},
}

// Handler serves the site.
func (g *Gateway) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /assets/", g.assets)
	for _, rt := range slices.Concat(g.routes(), guarding) {
		mux.HandleFunc(rt.pattern, func(w http.ResponseWriter, r *http.Request) { g.serve(rt, w, r) })
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		g.serve(route{who: anybody, do: func(*visit) error { return errNotFound }}, w, r)
	})
	return g.guard.Protect(mux)
}

// Run keeps the agency in step with its hub until ctx ends: it connects, sends what is queued and takes
// what has arrived.
func (g *Gateway) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		err := g.step(ctx)
		if ctx.Err() != nil {
			break
		}
		g.mu.Lock()
		g.trouble = err
		g.mu.Unlock()
		if err == nil {
			continue
		}
		g.cfg.Log.Warn().Err(err).Msg("hub")
		select {
		case <-ctx.Done():
		case <-time.After(retry):
		}
	}
	return nil
}

// retry is how long the program waits before it tries a hub again that did not answer; pull is how long
// it waits for a message before it looks whether something is to be sent.
const (
	retry = 3 * time.Second
	pull  = 400 * time.Millisecond
)

// step connects if that is still to be done, and syncs once.
func (g *Gateway) step(ctx context.Context) error {
	if !g.connected {
		dial, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		conn, err := g.cfg.Dial(dial)
		if err != nil {
			return err
		}
		g.cfg.Client.Connect(conn)
		g.connected = true
	}
	n, err := g.cfg.Client.Sync(ctx, pull)
	if err != nil {
		return err
	}
	if n > 0 {
		return g.index()
	}
	return nil
}

// away says why the hub cannot be reached, or nil.
func (g *Gateway) away() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.trouble
}

// tell wakes the pages that wait for news.
func (g *Gateway) tell() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for c := range g.watchers {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

// Faults that a page may end with.
var (
	errNotFound  = errors.New("gateway: no such page")
	errForbidden = errors.New("gateway: not for this role")
)
