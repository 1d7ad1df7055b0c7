package hub

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"fairlead/internal/broker"
	"fairlead/internal/fairlead"
	"fairlead/internal/tlog"
	"fairlead/internal/witness"
)

// Errors of a hub and its witnesses. Each says what to do.
var (
	// ErrRolledBack stops a start: a witness has cosigned more than this hub holds.
	ErrRolledBack = errors.New("hub: a witness has cosigned a larger log than this hub holds")
	// ErrForked stops a start: a witness has cosigned another log of the same name and key.
	ErrForked = errors.New("hub: a witness has cosigned another log than this hub holds")
)

// cosignedFile is where the last checkpoint with a quorum lies, in the hub's folder beside the log.
const cosignedFile = "checkpoint.cosigned"

const (
	turn        = 200 * time.Millisecond // between two looks at the log
	askWithin   = 10 * time.Second       // for one answer of a witness
	askAgain    = 2 * time.Second        // after a witness did not answer
	keptHeads   = 256                    // checkpoints that gather cosignatures at a time
	keptPerTurn = 16                     // cosignatures of one agency between two turns; the latest count
)

// witnesses gathers cosignatures: it asks those with an address, and hears the agencies. Nothing waits for it.
type witnesses struct {
	*Hub
	policy *tlog.Policy
	signer *tlog.Signer
	http   *http.Client

	mu        sync.Mutex                    // guards the rest
	boxes     map[fairlead.Account][][]byte // cosignatures of agencies, not yet looked at
	heads     map[int64]*cosigned           // by size
	watch     witness.Watch
	late      bool
	splits    int64
	lastSplit map[string]tlog.Tree // the last of each witness
	quorum    tlog.Tree            // largest tree that a quorum has cosigned
	announce  []byte               // its checkpoint, not yet told to the agencies
}

// cosigned is a checkpoint of this log that gathers cosignatures.
type cosigned struct {
	tree   tlog.Tree
	signed []byte          // by the log alone
	text   []byte          // with the cosignatures so far; guarded by witnesses.mu
	by     map[string]bool // whose they are, by public key
}

// newWitnesses takes up what was gathered before.
func (h *Hub) newWitnesses(signer *tlog.Signer) (*witnesses, error) {
	w := &witnesses{Hub: h, signer: signer, http: &http.Client{Timeout: askWithin}, boxes: map[fairlead.Account][][]byte{}, heads: map[int64]*cosigned{}, lastSplit: map[string]tlog.Tree{}}
	if h.cfg.Policy == nil {
		return w, nil
	}
	var err error
	if w.policy, err = tlog.ParsePolicy(h.cfg.Policy, h.verifier); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(h.cfg.Dir, cosignedFile))
	if err != nil {
		return w, nil //nolint:nilerr // none yet: the next quorum writes it
	}
	if tree, _, err := w.policy.Check(text, h.verifier); err == nil { // else of another policy: the next quorum replaces it
		w.quorum, w.announce = tree, text
	}
	return w, nil
}

// handshake asks every witness for its size before anything is signed. The committed checkpoint goes out again, or,
// where there is none, that of the empty log, which begins every log. Who does not answer stops nothing.
func (w *witnesses) handshake(ctx context.Context) error {
	if w.policy == nil {
		return nil
	}
	text, _, err := w.bus.Head(ctx)
	if err == nil && len(text) == 0 {
		text, err = tlog.SignCheckpoint(w.signer, tlog.EmptyTree())
	}
	if err != nil {
		return err
	}
	tree, err := tlog.OpenCheckpoint(text, w.verifier)
	if err != nil {
		return fmt.Errorf("%w: the checkpoint in HEAD: %w", broker.ErrDiverged, err)
	}
	errs := make([]error, len(w.policy.Witnesses()))
	var wg sync.WaitGroup
	for i, one := range w.policy.Witnesses() {
		if one.URL != "" {
			wg.Go(func() { errs[i] = w.meet(ctx, one, tree, text) })
		}
	}
	wg.Wait()
	return errors.Join(errs...)
}

// meet asks one witness where it is.
func (w *witnesses) meet(ctx context.Context, one tlog.Witness, tree tlog.Tree, text []byte) error {
	_, err := witness.Ask(ctx, w.http, one.URL, tree.N, nil, text)
	conflict, ok := errors.AsType[*witness.Conflict](err)
	switch {
	case ok && conflict.Size > tree.N:
		return fmt.Errorf("%w: %s stands at %d entries, HEAD at %d. Nothing was signed. The store is older than the log: restore the newest copy "+
			"of the whole folder; if there is none, see deploy/README.md, 'Back up and restore'", ErrRolledBack, one.Name, conflict.Size, tree.N)
	case ok && conflict.Size == tree.N:
		return fmt.Errorf("%w: %s has another root of %d entries. Nothing was signed. Keep the disk, and see deploy/README.md, 'A split view'",
			ErrForked, one.Name, tree.N)
	case err != nil && !ok:
		w.cfg.Log.Warn().Err(err).Str("witness", one.Name).Msg("witness does not cosign; the hub starts without its word")
	}
	return nil
}

// run gathers until ctx ends: one goroutine for each witness with an address, one for the agencies and the clock.
func (w *witnesses) run(ctx context.Context) error {
	if w.policy == nil {
		w.cfg.Log.Warn().Msg("no witness policy: nobody outside says that this log is one; see deploy/README.md, 'Witnesses'")
		return nil
	}
	if err := w.bus.Cosignatures(w.receive); err != nil {
		return err
	}
	for _, one := range w.policy.Witnesses() {
		if one.URL != "" {
			w.done.Go(func() { w.askFor(ctx, one) })
		}
	}
	w.done.Go(func() {
		for pause(ctx, turn) {
			w.turn(w.cfg.Now())
		}
	})
	return nil
}

// pause waits, and reports whether ctx goes on.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

// receive keeps what an agency says until the next turn: the latest of each, so that none crowds out another.
func (w *witnesses) receive(from fairlead.Account, signed []byte) {
	if len(signed) > tlog.MaxCheckpoint {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	box := append(w.boxes[from], bytes.Clone(signed))
	w.boxes[from] = box[max(0, len(box)-keptPerTurn):]
}

// turn looks at the log and at what agencies have said, and raises the alarm when a quorum is late.
func (w *witnesses) turn(now time.Time) {
	w.mu.Lock()
	boxes := w.boxes
	w.boxes = map[fairlead.Account][][]byte{}
	w.mu.Unlock()
	for from, box := range boxes {
		for _, signed := range box {
			w.hear(from, signed)
		}
	}
	_, tree, err := tlog.ReadCheckpoint(filepath.Join(w.cfg.Dir, broker.LogDir), w.verifier)
	w.mu.Lock()
	defer w.mu.Unlock()
	if err == nil {
		w.watch.Checkpoint(tree.N, now)
	}
	w.watch.Cosigned(w.quorum.N)
	if w.announce != nil {
		w.broker.Announce(w.announce)
		w.announce = nil
	}
	if late := w.watch.Late(now); late != w.late {
		w.late = late
		if !late {
			w.cfg.Log.Info().Int64("entries", w.quorum.N).Msg("the log is witnessed again")
			return
		}
		w.cfg.Log.Error().Time("since", w.watch.Since()).Int64("entries", w.quorum.N).
			Msg("ALARM: not witnessed: no quorum of witnesses has cosigned the log for a minute. Shares go on; see deploy/README.md, 'Witnesses'")
	}
}

// hear takes the cosignature of an agency: by the key that the register holds, and of this log. One that is not of
// this log is an alarm, whether the policy counts the agency or not.
func (w *witnesses) hear(from fairlead.Account, signed []byte) {
	a := w.broker.ByAccount(from)
	if a == nil || a.Suspended {
		return
	}
	key, err := tlog.NewCosignatureKey(a.Witness)
	if err != nil {
		return // no witness
	}
	origin, tree, err := key.Open(signed)
	if err != nil || origin != w.verifier.Origin() {
		w.cfg.Log.Warn().Err(err).Msg("what an agency sent is no cosignature by its key")
		return
	}
	head := w.head(tree)
	if head == nil {
		w.split(string(a.ID), tree)
		return
	}
	for _, one := range w.policy.Witnesses() {
		if one.Key.Public() == key.Public() {
			w.add(head, one.Key, tlog.Lines(signed))
		}
	}
}

// split notes that a witness knows a tree that is not of this log; once, however often it says so.
func (w *witnesses) split(who string, tree tlog.Tree) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.lastSplit[who] == tree {
		return
	}
	w.lastSplit[who] = tree
	w.splits++
	w.cfg.Log.Error().Str("witness", who).Int64("size", tree.N).
		Msg("ALARM: split view: a witness cosigned another log under this log's name. See deploy/README.md, 'A split view'")
}

// head finds or makes the checkpoint of a tree that our own log begins with; nil if it does not. Signing it again
// gives the bytes it was announced with: Ed25519 has no chance in it.
func (w *witnesses) head(tree tlog.Tree) *cosigned {
	w.mu.Lock()
	known := w.heads[tree.N]
	w.mu.Unlock()
	if known != nil && known.tree == tree {
		return known
	}
	reader, err := w.reader()
	if err != nil {
		return nil
	}
	proof, err := reader.Consistency(tree.N)
	if err != nil || tlog.VerifyConsistency(tree, reader.Tree(), proof) != nil {
		return nil
	}
	text, err := tlog.SignCheckpoint(w.signer, tree)
	if err != nil {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.keep(&cosigned{tree, text, text, map[string]bool{}})
}

// keep adds a checkpoint, and drops the oldest of too many.
func (w *witnesses) keep(head *cosigned) *cosigned {
	if known := w.heads[head.tree.N]; known != nil {
		return known
	}
	w.heads[head.tree.N] = head
	oldest := head.tree.N
	for n := range w.heads {
		oldest = min(oldest, n)
	}
	if len(w.heads) > keptHeads {
		delete(w.heads, oldest)
	}
	return head
}

// reader opens the log as it was published last.
func (w *witnesses) reader() (*tlog.Reader, error) {
	dir := filepath.Join(w.cfg.Dir, broker.LogDir)
	_, tree, err := tlog.ReadCheckpoint(dir, w.verifier)
	if err != nil {
		return nil, err
	}
	return tlog.OpenReader(dir, tree)
}

// add puts a cosignature below a checkpoint, once it is checked, and publishes the checkpoint if that makes a quorum.
func (w *witnesses) add(head *cosigned, key *tlog.CosignatureKey, lines []byte) {
	line, _, err := key.Line(head.signed, lines)
	if err != nil {
		w.cfg.Log.Warn().Err(err).Msg("what a witness answered is no cosignature by its key")
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if head.by[key.Public()] {
		return // it said so before
	}
	head.by[key.Public()], head.text = true, tlog.AddCosignatures(head.text, line)
	if _, _, err := w.policy.Check(head.text, w.verifier); err != nil || head.tree.N < w.quorum.N {
		return
	}
	if head.tree.N > w.quorum.N {
		w.announce = head.text
	}
	w.quorum = head.tree
	for n := range w.heads {
		if n < w.quorum.N {
			delete(w.heads, n)
		}
	}
	if err := tlog.WriteFile(w.cfg.Dir, cosignedFile, head.text); err != nil {
		w.cfg.Log.Error().Err(err).Msg("cosigned checkpoint not written")
	}
}

// askFor asks one witness for each new checkpoint, until ctx ends.
func (w *witnesses) askFor(ctx context.Context, one tlog.Witness) {
	at, well := int64(0), true // where the witness is, as far as we know; whether it answered last
	for wait := time.Duration(0); pause(ctx, wait); {
		size, err := w.askOnce(ctx, one, at)
		if ctx.Err() != nil {
			return
		}
		at, wait = size, turn
		if err != nil {
			wait = askAgain
		}
		if errors.Is(err, errSplit) {
			w.split(one.Name, tlog.Tree{N: size})
		}
		if (err == nil) != well {
			well = err == nil
			w.cfg.Log.Warn().Err(err).Str("witness", one.Name).Bool("answers", well).Msg("witness")
		}
	}
}

// errSplit: the witness stands at a tree that is not of this log.
var errSplit = errors.New("hub: the witness has cosigned another log")

// askOnce brings a witness from the size it is at to the log as it was published last, and says where it is then.
func (w *witnesses) askOnce(ctx context.Context, one tlog.Witness, at int64) (int64, error) {
	reader, err := w.reader()
	if err != nil || reader.Size() == at {
		return at, nil //nolint:nilerr // the log moved on under the reader, or is not there yet: the next turn sees
	}
	tree := reader.Tree()
	for range 2 { // the second time from where the witness says it is
		proof, err := reader.Consistency(at)
		if err != nil {
			return at, nil //nolint:nilerr // as above
		}
		head := w.head(tree)
		if head == nil {
			return at, nil
		}
		lines, err := witness.Ask(ctx, w.http, one.URL, at, proof, head.signed)
		conflict, ok := errors.AsType[*witness.Conflict](err)
		if ok && conflict.Size != at && conflict.Size <= tree.N {
			at = conflict.Size
			continue
		}
		if ok || errors.Is(err, witness.ErrProof) {
			return at, fmt.Errorf("%w, up to %d entries: %w", errSplit, at, err)
		}
		if err != nil {
			return at, err
		}
		w.add(head, one.Key, lines)
		return tree.N, nil
	}
	return at, fmt.Errorf("%w: it moves while it is asked", witness.ErrAnswer)
}

// Witnessed is how far a quorum of witnesses has cosigned the log.
type Witnessed struct {
	Size   int64     // entries of the last checkpoint with a quorum
	Since  time.Time // when the first checkpoint without one was signed; zero: there is none
	Late   bool      // that is longer ago than witness.Within, and the alarm was raised
	Splits int64     // since start: cosignatures that are not of this log, and witnesses that know another
}

// Witnessed reports it. It names no agency.
func (h *Hub) Witnessed() Witnessed {
	w := h.outside
	w.mu.Lock()
	defer w.mu.Unlock()
	return Witnessed{Size: w.quorum.N, Since: w.watch.Since(), Late: w.late, Splits: w.splits}
}
