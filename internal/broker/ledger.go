package broker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"

	"fairlead/internal/bus"
	"fairlead/internal/envelope"
	"fairlead/internal/subject"
	"fairlead/internal/tlog"
)

// LogDir and DetailsDir are where a hub keeps the log's tiles and the details, below its folder.
const (
	LogDir     = "log"
	DetailsDir = "details"
)

// openLog opens tiles and details where this folder last was. A lost folder, or one that is behind the
// committed checkpoint, is brought up to it from LEDGER: the stream is the sequencer, the tiles are
// the ledger.
func (b *Broker) openLog(ctx context.Context) error {
	logDir, detailsDir := filepath.Join(b.cfg.Dir, LogDir), filepath.Join(b.cfg.Dir, DetailsDir)
	at, err := b.place(logDir)
	if err != nil {
		return err
	}
	if b.tree, err = tlog.OpenWriter(logDir, at); err != nil {
		return err
	}
	if b.details, err = tlog.OpenDetails(detailsDir, at.N); err != nil {
		return err
	}
	reader, err := tlog.OpenReader(logDir, at)
	if err != nil {
		return err
	}
	if err := b.resume(ctx, reader); err != nil {
		return err
	}
	return b.refold(ctx, reader, at.N)
}

// place is the tree to open a folder at: the checkpoint it published last. It was committed before it was published.
func (b *Broker) place(logDir string) (tlog.Tree, error) {
	_, own, err := tlog.ReadCheckpoint(logDir, b.cfg.Verifier)
	if errors.Is(err, tlog.ErrMissing) {
		return tlog.Tree{}, nil
	}
	if err == nil && own.N > b.head.tree.N {
		err = b.behind(logDir, own)
	}
	return own, err
}

// errOtherRoot: what was committed is not of the log in this folder.
var errOtherRoot = fmt.Errorf("%w: another root was committed than this folder has published", ErrDiverged)

// behind says why a committed checkpoint is smaller than the published one: an older store, or another log.
func (b *Broker) behind(logDir string, own tlog.Tree) error {
	r, err := tlog.OpenReader(logDir, own)
	if err != nil {
		return err
	}
	proof, err := r.Consistency(b.head.tree.N)
	if err != nil {
		return err
	}
	if tlog.VerifyConsistency(b.head.tree, own, proof) != nil {
		return fmt.Errorf("%w, at %d entries", errOtherRoot, b.head.tree.N)
	}
	return fmt.Errorf("%w: this folder has published %d entries, HEAD has %d", ErrStoreOld, own.N, b.head.tree.N)
}

// What to do about a start that was refused.
const (
	restoreTheStore = "restore the newest copy of the whole folder; see deploy/README.md, 'Back up and restore'"
	keepTheDisk     = "treat it as an attack: keep the disk, compare with a witness and an auditor; see deploy/README.md, 'The broker has stopped'"
)

// makeAnew is what to do about damage in the broker's own folder.
func (b *Broker) makeAnew() string {
	return fmt.Sprintf("move %s and %s away and start again: both are made anew from LEDGER, to the committed root",
		filepath.Join(b.cfg.Dir, LogDir), filepath.Join(b.cfg.Dir, DetailsDir))
}

// advise says what to do about an error that stopped a start.
func advise(doing string, err error, otherwise string) error {
	if errors.Is(err, errUnreachable) {
		return fmt.Errorf("%s: %w", doing, err)
	}
	switch {
	case errors.Is(err, ErrStoreOld):
		otherwise = restoreTheStore
	case errors.Is(err, errOtherRoot):
		otherwise = keepTheDisk
	}
	return fmt.Errorf("%s: %w. Nothing was signed; %s", doing, err, otherwise)
}

func (b *Broker) readHead(ctx context.Context) error {
	text, revision, err := b.cfg.Hub.Head(ctx)
	if err != nil {
		return fmt.Errorf("%w: read the head: %w", errUnreachable, err)
	}
	b.head.revision, b.head.text = revision, text
	if len(text) == 0 {
		return nil
	}
	b.head.tree, err = tlog.OpenCheckpoint(text, b.cfg.Verifier)
	return err
}

// catchUp adopts what LEDGER holds beyond this broker's fold: after a restart, after another broker
// wrote, after an answer that did not come. It stops at the committed size to compare roots, and
// collects the proofs that nobody has handed out.
func (b *Broker) catchUp(ctx context.Context) error {
	b.steady = false
	if err := b.readHead(ctx); err != nil {
		return err
	}
	var refused error // what is wrong with a message, as against with the way to it
	read := func(seq uint64, on string, data []byte) error {
		if on == "" && !b.buriedAt.has(seq) && !b.foretold.has(seq) && b.lost[seq] == nil {
			if err := b.entomb(ctx, seq); err != nil {
				return err
			}
		}
		b.seq, b.last = seq, bus.OutMsg{Subject: on, Data: data}
		refused = b.readMessage(seq, on, data)
		return refused
	}
	err := b.cfg.Hub.ReadLedger(ctx, b.seq+1, "", read)
	if err == nil && len(b.missing) > 0 { // another broker may have erased while we read: its tombstone is there
		err = b.cfg.Hub.ReadLedger(ctx, b.seq+1, "", read)
	}
	switch {
	case err == nil && len(b.missing) > 0:
		return b.explained()
	case refused != nil, errors.Is(err, bus.ErrGap):
		return err
	case err != nil:
		return fmt.Errorf("%w: read LEDGER: %w", errUnreachable, err)
	}
	if b.inLedger < b.head.tree.N { // also where the tiles have them
		return fmt.Errorf("%w: %w: LEDGER holds %d entries, the committed checkpoint has %d", ErrDiverged, ErrStoreOld, b.inLedger, b.head.tree.N)
	}
	if n := b.snap.Blanks(); n > 0 {
		return fmt.Errorf("%w: %d details are blank and no entry of the log ordered them erased", ErrDiverged, n)
	}
	b.foretold = nil
	b.forgetPayloads()
	b.payloads = maps.Collect(maps.All(b.payloads)) // a map keeps the room that reading all of LEDGER took
	b.erase(ctx)
	b.shown.Store(b.snap)
	err = b.checkpoint(ctx)
	b.count(nil)
	b.steady = err == nil
	return err
}

// readMessage takes one message of LEDGER: what it owes, and the entry if it is one we have not folded.
func (b *Broker) readMessage(seq uint64, on string, data []byte) error {
	if on == "" { // it is missing
		return b.absent(seq)
	}
	if err := b.collectOwed(seq, on, data); err != nil {
		return err
	}
	if on != subject.Entry {
		return nil
	}
	index, leaf, raw, err := envelope.ParseEntryFrame(data)
	b.inLedger = max(b.inLedger, index+1)
	if err != nil || index < b.snap.Size() {
		return err
	}
	return b.take(index, leaf, raw)
}

// take folds and stores one entry of LEDGER.
func (b *Broker) take(index int64, leaf, raw []byte) error {
	if err := b.fold(read(index, leaf, raw)); err != nil {
		return err
	}
	return b.store(line{index: index, bytes: leaf, raw: raw})
}

// store appends an entry to details and tree, and compares roots at the committed size.
func (b *Broker) store(e line) error {
	if err := b.details.Append(e.raw); err != nil {
		return err
	}
	if err := b.tree.Append(e.bytes); err != nil {
		return err
	}
	if b.tree.Size() == b.head.tree.N && b.tree.Tree() != b.head.tree {
		return fmt.Errorf("%w: own root of %d entries differs from the committed one", ErrDiverged, b.head.tree.N)
	}
	return nil
}

// adopt is step 7 for a batch this broker has committed.
func (b *Broker) adopt(ctx context.Context, batch *batch, seq uint64) error {
	for _, e := range batch.entries {
		if err := b.store(e); err != nil {
			return err
		}
		b.ordered(b.snap, e.detail)
	}
	b.snap, b.seq, b.unread, b.retained = batch.snap, seq, batch.unread, batch.retained
	b.last = batch.messages[len(batch.messages)-1]
	b.keepHeld(batch, seq)
	b.forgetHeld()
	b.keepPayloads(batch, seq)
	if batch.acknowledges() {
		b.forgetPayloads()
	}
	if batch.told.N > 0 {
		b.proofs, b.head.told = b.proofs[batch.proofs:], batch.told
	}
	b.proofs = append(b.proofs, batch.owed...)
	b.inLedger, b.later = b.snap.Size(), batch.later
	b.shown.Store(b.snap)
	err := b.checkpoint(ctx)
	b.count(batch.entries)
	return err
}

// checkpoint makes details and tiles durable, signs the tree and commits it to HEAD; then the public
// checkpoint file follows. If another broker was first, its checkpoint is adopted when the roots agree.
func (b *Broker) checkpoint(ctx context.Context) error {
	tree := b.tree.Tree()
	if err := b.wipe(); err != nil {
		return err
	}
	if err := b.details.Sync(); err != nil {
		return err
	}
	if err := b.tree.Flush(); err != nil {
		return err
	}
	if err := b.follows(tree); err != nil {
		return err
	}
	if tree.N == b.head.tree.N { // another broker has signed it, or nothing is new
		return b.publish()
	}
	text, err := tlog.SignCheckpoint(b.cfg.Signer, tree)
	if err != nil {
		return err
	}
	revision, err := b.cfg.Hub.SetHead(ctx, text, b.head.revision)
	if errors.Is(err, bus.ErrFenced) || errors.Is(err, bus.ErrUncertain) {
		return b.adoptHead(ctx, tree)
	}
	if err != nil {
		return fmt.Errorf("%w: commit the checkpoint: %w", errUnreachable, err)
	}
	b.head.revision, b.head.tree, b.head.text = revision, tree, text
	return b.publish()
}

// adoptHead takes another broker's checkpoint. A larger one is reached by catching up.
func (b *Broker) adoptHead(ctx context.Context, own tlog.Tree) error {
	if err := b.readHead(ctx); err != nil {
		return err
	}
	if b.head.tree.N > own.N {
		return b.catchUp(ctx)
	}
	return b.checkpoint(ctx)
}

// follows refuses to replace or to publish a committed checkpoint that is not of our own tree.
func (b *Broker) follows(own tlog.Tree) error {
	proof, err := b.tree.Consistency(b.head.tree.N)
	if err == nil {
		err = tlog.VerifyConsistency(b.head.tree, own, proof)
	}
	if err != nil {
		return fmt.Errorf("%w: another root of %d entries was committed: %w", ErrDiverged, b.head.tree.N, err)
	}
	return nil
}

// publish writes the checkpoint file that everybody reads.
func (b *Broker) publish() error {
	if len(b.head.text) == 0 {
		return nil
	}
	return b.tree.PutCheckpoint(b.head.text)
}

// entryAt reads a stored entry.
func (b *Broker) entryAt(index int64) (leaf, raw []byte, err error) {
	reader, err := tlog.OpenReader(filepath.Join(b.cfg.Dir, LogDir), b.tree.Tree())
	if err != nil {
		return nil, nil, err
	}
	if leaf, err = reader.Entry(index); err != nil {
		return nil, nil, err
	}
	raw, err = b.details.Get(index)
	return leaf, raw, err
}

// addProofs puts the proofs of the batch before into this one, with the checkpoint they are under. A checkpoint is
// announced also where nobody waits for a proof: the agencies are its witnesses.
func (b *Broker) addProofs(batch *batch) {
	if b.head.tree.N == 0 || len(b.proofs) == 0 && b.head.tree.N == b.head.told.N {
		return
	}
	if b.head.tree.N > b.head.told.N {
		consistency, err := b.tree.Consistency(b.head.told.N)
		if err != nil {
			b.cfg.Log.Error().Err(err).Msg("consistency proof not made")
			return
		}
		batch.add(subject.RegistryAll, envelope.HeadFrame(tlog.FormatConsistency(b.head.told.N, consistency, b.head.text)))
	}
	bySubject := map[string][][]byte{}
	var order []string
	for _, o := range b.proofs {
		if len(order) > 400 { // the rest goes with the next batch
			break
		}
		if o.index >= b.tree.Size() { // nothing this log holds: it cannot be proved and is not owed
			batch.proofs++
			continue
		}
		if o.index >= b.head.tree.N { // its checkpoint is not committed yet
			break
		}
		proof, err := b.tree.Prove(o.index)
		if err != nil {
			b.cfg.Log.Error().Err(err).Int64("entry", o.index).Msg("inclusion proof not made")
			return
		}
		if bySubject[o.subject] == nil {
			order = append(order, o.subject)
		}
		bySubject[o.subject] = append(bySubject[o.subject], tlog.FormatProof(o.index, proof, b.head.text))
		batch.proofs++
	}
	for _, s := range order {
		batch.add(s, envelope.ProofsFrame(bySubject[s]...))
	}
	batch.told = b.head.tree
}

// collectOwed notes, while reading LEDGER, which messages wait for a proof, and strikes them off when a
// later checkpoint and its proofs went out.
func (b *Broker) collectOwed(seq uint64, on string, data []byte) error {
	t, parts, err := envelope.ParseFrame(data)
	if err != nil {
		return fmt.Errorf("%w: LEDGER holds what is not a frame: %w", ErrDiverged, err)
	}
	if on == subject.Held && t == envelope.TypeTomb {
		return b.collectPayload(seq, t, data)
	}
	switch t {
	case envelope.TypeGone:
		return b.collectGone(data)
	case envelope.TypeTombs:
		return b.collectTombs(on, data)
	case envelope.TypeShare:
		return b.collectHeld(seq, parts)
	case envelope.TypeHead:
		return b.collectHead(parts[0])
	case envelope.TypeDelivery, envelope.TypeTomb:
		b.proofs = append(b.proofs, owed{on, indexOf(parts[0])})
		return b.collectPayload(seq, t, data)
	case envelope.TypeVerdict, envelope.TypeEntry:
		if on != subject.Entry && len(parts) > 0 && len(parts[0]) == 8 {
			b.proofs = append(b.proofs, owed{on, indexOf(parts[0])})
		}
	case envelope.TypeProofs:
		b.strikeOff(on, parts)
	}
	return nil
}
