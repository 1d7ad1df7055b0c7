// Package witness is a witness of logs and the way to ask one (C2SP tlog-witness). A witness keeps of each log the
// largest checkpoint it has cosigned, signs only what is proved to have grown from it, and so makes it impossible to
// show two histories of one log to those who ask for its cosignature. It sees sizes, roots and signatures, and
// nothing of what is logged.
package witness

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"fairlead/internal/store"
	"fairlead/internal/tlog"
)

// What a witness answers where it does not sign; each has its HTTP status in the specification.
var (
	ErrRequest   = errors.New("witness: malformed request")                          // 400
	ErrForbidden = errors.New("witness: not signed by the log")                      // 403
	ErrUnknown   = errors.New("witness: unknown log")                                // 404
	ErrProof     = errors.New("witness: the checkpoint did not grow from the known") // 422
)

// Conflict says that the request starts at another size than the witness is at, or that the witness has seen
// another root of the same size (HTTP status 409).
type Conflict struct{ Size int64 }

// Error is the sentence for people.
func (c *Conflict) Error() string {
	return fmt.Sprintf("witness: has cosigned a tree of %d entries; start there", c.Size)
}

// ErrState says that the state of a witness is not there: it may have signed more than it could know now.
var ErrState = errors.New("witness: no state")

// stateFile is the name of the state in the folder of a witness.
const stateFile = "witness.db"

const tables = `CREATE TABLE IF NOT EXISTS logs (origin TEXT PRIMARY KEY, checkpoint BLOB NOT NULL) STRICT`

// Witness cosigns checkpoints. Its methods may be called from several goroutines, and two processes may share one
// folder: a checkpoint is compared with the last and kept in one transaction. Who can modify its folder can make it
// sign a fork; who can only read it learns sizes and roots.
type Witness struct {
	db   *sql.DB
	key  *tlog.Cosigner
	logs map[string]*tlog.Verifier // by origin
	now  func() time.Time
}

// Create makes the state of a new witness in a folder, and refuses one that has a state.
func Create(dir string) error {
	path := filepath.Join(dir, stateFile)
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("%s is there already: it belongs to the key that was used with it", path)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	db, err := store.Open(path, tables)
	if err != nil {
		return err
	}
	return db.Close()
}

// Open opens a witness on the state in its folder. It refuses to begin without one (ErrState), and with a state that
// one of the logs did not sign.
func Open(dir string, key *tlog.Cosigner, now func() time.Time, logs ...*tlog.Verifier) (*Witness, error) {
	path := filepath.Join(dir, stateFile)
	if _, err := os.Lstat(path); err != nil {
		return nil, fmt.Errorf("%w: %w. A witness that forgets what it signed could sign a fork: restore the file, or make a new witness with a new key", ErrState, err)
	}
	db, err := store.Open(path, tables)
	if err != nil {
		return nil, err
	}
	w := &Witness{db: db, key: key, logs: map[string]*tlog.Verifier{}, now: now}
	for _, v := range logs {
		w.logs[v.Origin()] = v
		if _, err := known(db, v); err != nil {
			db.Close()
			return nil, fmt.Errorf("%s: the state of log %s: %w", path, v.Origin(), err)
		}
	}
	return w, nil
}

// Close closes the state.
func (w *Witness) Close() error { return w.db.Close() }

// known is the last tree cosigned of a log, authenticated by the log's own signature.
func known(q interface {
	QueryRow(query string, args ...any) *sql.Row
}, v *tlog.Verifier,
) (tlog.Tree, error) {
	var checkpoint []byte
	err := q.QueryRow(`SELECT checkpoint FROM logs WHERE origin = ?`, v.Origin()).Scan(&checkpoint)
	if errors.Is(err, sql.ErrNoRows) {
		return tlog.Tree{}, nil
	}
	if err != nil {
		return tlog.Tree{}, err
	}
	return tlog.OpenCheckpoint(checkpoint, v)
}

// AddCheckpoint answers an add-checkpoint request with the cosignature line, in the order of checks of the
// specification. The new tree is on disk before it is signed: a crash in between leaves a witness that knows more
// than it has said, and answers the next request from there.
func (w *Witness) AddCheckpoint(body []byte) ([]byte, error) {
	r, err := tlog.ParseRequest(body)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRequest, err)
	}
	v := w.logs[r.Origin]
	if v == nil {
		return nil, ErrUnknown
	}
	tree, err := tlog.OpenCheckpoint(r.Checkpoint, v)
	switch {
	case errors.Is(err, tlog.ErrUnsigned):
		return nil, fmt.Errorf("%w: %w", ErrForbidden, err)
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrRequest, err)
	case r.Old > tree.N:
		return nil, fmt.Errorf("%w: the old size %d is above the checkpoint's %d", ErrRequest, r.Old, tree.N)
	}
	if err := w.keep(r, v, tree); err != nil {
		return nil, err
	}
	signed, err := w.key.Cosign(r.Origin, tree, w.now())
	return tlog.Lines(signed), err
}

// keep compares a checkpoint with the last and replaces it, durably and in one transaction.
func (w *Witness) keep(r tlog.Request, v *tlog.Verifier, tree tlog.Tree) error {
	tx, err := w.db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after Commit it does nothing
	last, err := known(tx, v)
	switch {
	case err != nil:
		return err
	case r.Old != last.N, tree.N == last.N && last.N > 0 && tree.Hash != last.Hash:
		return &Conflict{last.N}
	case r.Verify(last, tree) != nil:
		return fmt.Errorf("%w: %d to %d entries", ErrProof, last.N, tree.N)
	}
	if _, err := tx.Exec(`INSERT OR REPLACE INTO logs VALUES (?, ?)`, v.Origin(), r.Checkpoint); err != nil {
		return err
	}
	return tx.Commit()
}
