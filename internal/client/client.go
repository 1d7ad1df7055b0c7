// Package client is an agency's side of the road: it composes and seals shares, keeps them in a durable
// outbox until a proven verdict, parks what arrives until its proof is there, and shows nothing that
// is not proved to be in the log. It never speaks for the hub and never trusts it: see verify.go.
package client

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"fairlead/internal/bus"
	"fairlead/internal/entry"
	"fairlead/internal/fairlead"
	"fairlead/internal/registry"
	"fairlead/internal/schema"
	"fairlead/internal/seal"
	"fairlead/internal/store"
	"fairlead/internal/tlog"
)

// Errors for programs.
var (
	ErrUnknownShare = errors.New("client: no such share in this agency's store")
	ErrRecipient    = errors.New("client: recipient not known from the log")
	ErrRecalled     = errors.New("client: the sender has asked for this message back")
	ErrChild        = errors.New("client: the message does not say which child it is about")
)

// Config is what an agency's program needs.
type Config struct {
	Agency   fairlead.AgencyID
	Account  fairlead.Account
	Root     string // public key of the agency's root, "" if it has none
	Dir      string // for the store; made by the program
	Key      *seal.Key
	Names    []byte // key under which names are looked up in the store
	Verifier *tlog.Verifier
	Witness  *tlog.Cosigner // cosigns checkpoints that were proved here; nil: none
	Policy   *tlog.Policy   // whose cosignatures make a checkpoint witnessed; nil: not known
	Conn     *bus.Agency    // nil: offline; shares stay queued
	Schema   *schema.Set    // what sections must hold; nil: not checked
	Now      func() time.Time
	Log      zerolog.Logger
}

// State is how far a share of ours is known to have come, each step on signed evidence only.
type State string

// The states of an outbox share, in order; Refused and Held end the road or pause it.
const (
	Queued    State = "queued"    // durable here; the hub may not have it
	Recorded  State = "recorded"  // a verdict with proof: it is in the log and on its way
	Delivered State = "delivered" // the recipient's program signed that it has stored it
	Opened    State = "opened"    // a person there signed that it was opened
	Accepted  State = "accepted"  // a person there signed that it is acted on
	RefusedBy State = "refused"   // a verdict with proof: it was not delivered
	HeldBy    State = "held"      // a verdict with proof: it waits
	Resealed  State = "resealed"  // came too late and was sealed and signed again, under another id
	Recalled  State = "recalled"  // this agency has asked for it back, with proof
)

const tables = `
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS heads (size INTEGER PRIMARY KEY, root BLOB NOT NULL, at TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS register (idx INTEGER PRIMARY KEY, leaf BLOB NOT NULL, detail BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS parked (idx INTEGER NOT NULL, type INTEGER NOT NULL, frame BLOB NOT NULL, since TEXT NOT NULL, PRIMARY KEY (idx, type)) STRICT;
CREATE TABLE IF NOT EXISTS outbox (
	id TEXT PRIMARY KEY, recipient TEXT NOT NULL, kind TEXT NOT NULL, subject TEXT NOT NULL, header_digest TEXT NOT NULL, frame BLOB NOT NULL,
	draft BLOB, state TEXT NOT NULL, idx INTEGER, counter INTEGER, leaf BLOB, verdict BLOB, proof BLOB,
	created TEXT NOT NULL, updated TEXT NOT NULL, replaced_by TEXT) STRICT;
CREATE INDEX IF NOT EXISTS outbox_state ON outbox (state);
CREATE TABLE IF NOT EXISTS inbox (
	id TEXT PRIMARY KEY, idx INTEGER NOT NULL, counter INTEGER NOT NULL, sender TEXT NOT NULL, kind TEXT NOT NULL, reply_to TEXT NOT NULL,
	at TEXT NOT NULL, frame BLOB NOT NULL, leaf BLOB NOT NULL, proof BLOB NOT NULL, acked TEXT NOT NULL DEFAULT '',
	exercise INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE TABLE IF NOT EXISTS tokens (scope TEXT NOT NULL, name TEXT NOT NULL, token TEXT NOT NULL, PRIMARY KEY (scope, name)) STRICT;
CREATE TABLE IF NOT EXISTS ahead (counter INTEGER PRIMARY KEY, idx INTEGER NOT NULL, leaf BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS missed (counter INTEGER PRIMARY KEY, since INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS erased (counter INTEGER PRIMARY KEY, idx INTEGER NOT NULL, share TEXT NOT NULL, sender TEXT NOT NULL, ordered INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS recalls (
	share TEXT PRIMARY KEY, notice TEXT NOT NULL, sender TEXT NOT NULL, reason TEXT NOT NULL, action TEXT NOT NULL, danger TEXT NOT NULL,
	at TEXT NOT NULL, answer TEXT NOT NULL DEFAULT '') STRICT;
CREATE TABLE IF NOT EXISTS stops (share TEXT NOT NULL, code TEXT NOT NULL, notice TEXT NOT NULL, PRIMARY KEY (share, code)) STRICT;
CREATE TABLE IF NOT EXISTS alarms (
	n INTEGER PRIMARY KEY, at TEXT NOT NULL, code TEXT NOT NULL, idx INTEGER NOT NULL, what TEXT NOT NULL UNIQUE, evidence BLOB,
	report TEXT NOT NULL DEFAULT '') STRICT;
`

// Client is one agency's program. Its methods may be called from several goroutines.
type Client struct {
	cfg  Config
	db   *sql.DB
	lock io.Closer

	syncing sync.Mutex    // one Sync at a time: what arrives is taken in its order
	untaken []bus.Message // received and not stored, because the store failed

	mu   sync.Mutex // guards the rest, and cfg.Key
	snap *registry.Snapshot
	tree tlog.Tree // last proved checkpoint

	cosigned [][]byte  // cosignatures made and not yet handed to the hub
	resent   time.Time // when the last one was handed over again, on the machine's clock

	published map[string]time.Time // when a queued share was last published by this process
}

// Open opens the store, for this program alone, and folds what was proved before.
func Open(cfg Config) (*Client, error) {
	lock, err := store.Lock(cfg.Dir)
	if err != nil {
		return nil, err
	}
	db, err := store.Open(filepath.Join(cfg.Dir, "store.db"), tables)
	if err != nil {
		lock.Close()
		return nil, err
	}
	c := &Client{cfg: cfg, db: db, lock: lock, snap: registry.New(), published: map[string]time.Time{}}
	if err := c.load(); err != nil {
		c.Close()
		return nil, fmt.Errorf("load the store of %s: %w", cfg.Agency, err)
	}
	return c, nil
}

// Close closes the store and lets another program have it. The connection belongs to the program.
func (c *Client) Close() error { return errors.Join(c.db.Close(), c.lock.Close()) }

func (c *Client) load() error {
	rows, err := c.db.Query(`SELECT idx, leaf, detail FROM register ORDER BY idx`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var idx int64
		var leaf, detail []byte
		if err := rows.Scan(&idx, &leaf, &detail); err != nil {
			return err
		}
		if err := c.learn(idx, leaf, detail); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	var root []byte
	err = c.db.QueryRow(`SELECT size, root FROM heads ORDER BY size DESC LIMIT 1`).Scan(&c.tree.N, &root)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	copy(c.tree.Hash[:], root)
	return err
}

// learn folds a proved entry of the register into the Snapshot.
func (c *Client) learn(index int64, leaf, detail []byte) error {
	l, err := entry.ParseLeaf(leaf)
	if err != nil {
		return err
	}
	d, err := entry.ParseDetail(detail)
	if err != nil {
		return err
	}
	if l.Detail != entry.DetailDigest(detail) {
		return fmt.Errorf("%w: detail of entry %d is not the one its leaf names", entry.ErrMalformed, index)
	}
	next, err := c.snap.Learn(index, l, d)
	if err != nil {
		return err
	}
	c.snap = next
	return nil
}

// Snapshot is what this agency has proved of the register.
func (c *Client) Snapshot() *registry.Snapshot {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.snap
}

// Tree is the last checkpoint this agency has proved.
func (c *Client) Tree() tlog.Tree {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.tree
}

// key is the agency's key, which RotateKey replaces while the program runs.
func (c *Client) key() *seal.Key {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cfg.Key
}

func (c *Client) setKey(k *seal.Key) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cfg.Key = k
}

// token finds or makes the random token of a name in a scope: a case token for a pair of agencies, or
// the subject handle of a child. A name is not even in the store, only its keyed hash.
func (c *Client) token(scope, name string) (string, error) {
	mac := hmac.New(sha256.New, c.cfg.Names)
	fmt.Fprintf(mac, "%d %s %s", len(scope), scope, name)
	name = hex.EncodeToString(mac.Sum(nil))
	raw := make([]byte, 16)
	rand.Read(raw) //nolint:errcheck // crypto/rand never fails
	if _, err := c.db.Exec(`INSERT OR IGNORE INTO tokens VALUES (?, ?, ?)`, scope, name, hex.EncodeToString(raw)); err != nil {
		return "", err
	}
	var token string
	err := c.db.QueryRow(`SELECT token FROM tokens WHERE scope = ? AND name = ?`, scope, name).Scan(&token)
	return token, err
}

// SubjectHandle is this agency's random handle for a child, by its own local reference.
func (c *Client) SubjectHandle(child string) (string, error) { return c.token("subject", child) }

func (c *Client) stamp() string { return c.cfg.Now().UTC().Format(time.RFC3339) }
