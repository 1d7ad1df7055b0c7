package tlog

import (
	"errors"
	"fmt"
	"io/fs"

	"filippo.io/torchwood"
	xtlog "golang.org/x/mod/sumdb/tlog"
)

// Writer appends to a log directory. Its order is: Append, Flush, sign and commit the checkpoint
// elsewhere, PutCheckpoint. After a crash anywhere between, OpenWriter at the committed tree goes on.
type Writer struct {
	store
	bundle  []byte           // the entries of the partial bundle
	bundles map[int64][]byte // full bundles that are not on disk yet
	// onDisk has the partial tiles and bundles on disk, stale ones too: true when durable, false when
	// a Flush broke off over them.
	onDisk  map[xtlog.Tile]bool
	flushed int64 // size that is durable
}

// OpenWriter opens a log directory to append to a tree that the caller has authenticated; the zero
// tree makes a new log. It checks the tiles and the bundle at the right edge against the root and
// names the file that is damaged. What a crash left behind past that tree it removes, unless the
// directory's own checkpoint is larger: then the caller is about to roll back a published log, and
// gets ErrCheckpoint.
func OpenWriter(dir string, tree Tree) (*Writer, error) {
	w, err := resume(dir, tree)
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	return w, nil
}

func resume(dir string, tree Tree) (*Writer, error) {
	if err := notRolledBack(dir, tree); err != nil {
		return nil, err
	}
	s, err := openStore(dir, tree)
	if err != nil {
		return nil, err
	}
	w := &Writer{store: s, bundles: map[int64][]byte{}, onDisk: map[xtlog.Tile]bool{}}
	if err := w.resumeBundle(); err != nil {
		return nil, err
	}
	for _, t := range partials(tree.N) {
		if _, err := readExact(dir, t); err == nil {
			w.onDisk[t] = true
		}
	}
	if err := w.Flush(); err != nil { // partials that were found inside wider ones only
		return nil, err
	}
	return w, Prune(dir, tree.N)
}

// notRolledBack compares the tree with the checkpoint file, which is written only after a commit.
func notRolledBack(dir string, tree Tree) error {
	cp, err := readFile(dir, checkpointFile, MaxCheckpoint)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	has, err := statedTree(cp)
	if err != nil {
		return fmt.Errorf("%s/%s: %w; if it is damaged, remove it", dir, checkpointFile, err)
	}
	if has.N > tree.N || has.N == tree.N && has.N > 0 && has.Hash != tree.Hash {
		return fileError(ErrCheckpoint, checkpointFile, "the checkpoint in %s is of %d entries, root %v; opening it at %d entries, "+
			"root %v, would roll the log back", dir, has.N, has.Hash, tree.N, tree.Hash)
	}
	return nil
}

// resumeBundle reads the partial bundle and checks it against the level 0 tile.
func (w *Writer) resumeBundle() error {
	n := w.edge.n
	if n%width == 0 {
		return nil
	}
	t := xtlog.Tile{H: 8, L: 0, N: n >> 8, W: int(n % width)}
	sub, err := w.below(t)
	if err == nil {
		err = checkEntries(bundleOf(t), sub, w.edge.tiles[0])
	}
	if err != nil {
		return err
	}
	w.bundle, err = readTile(w.dir, bundleOf(t))
	return err
}

// Append adds an entry of at most MaxLeaf bytes. It is in memory only until Flush; flush at least
// every few thousand entries.
func (w *Writer) Append(leaf []byte) error {
	b, err := torchwood.AppendTileEntry(w.bundle, leaf)
	if err != nil {
		return fmt.Errorf("append entry %d: %d bytes, more than %d", w.edge.n, len(leaf), MaxLeaf)
	}
	w.bundle = b
	w.edge.push(LeafHash(leaf), func(t xtlog.Tile, s *subtree) { w.pending[t] = s })
	if w.edge.n%width == 0 {
		w.bundles[w.edge.n>>8-1] = w.bundle
		w.bundle = nil
	}
	return nil
}

// Flush makes the tiles and bundles of the current size durable. It writes only files that are new at
// this size. After an error nothing is lost and Flush may be called again.
func (w *Writer) Flush() error {
	b := batch{dir: w.dir}
	if err := w.write(&b); err != nil {
		return fmt.Errorf("flush log: %w", err)
	}
	if err := b.sync(); err != nil {
		return fmt.Errorf("flush log: %w", err)
	}
	for t, s := range w.pending {
		w.clock++
		w.keep(t, s)
	}
	for t := range w.onDisk {
		w.onDisk[t] = true
	}
	clear(w.pending)
	clear(w.bundles)
	w.flushed = w.edge.n
	return nil
}

func (w *Writer) write(b *batch) error {
	for n, bundle := range w.bundles {
		if err := b.put(torchwood.TilePath(xtlog.Tile{H: 8, L: bundleLevel, N: n, W: width}), bundle); err != nil {
			return err
		}
	}
	for t, s := range w.pending {
		if err := b.put(torchwood.TilePath(t), s.bytes()); err != nil {
			return err
		}
	}
	for _, t := range partials(w.edge.n) {
		if w.onDisk[t] {
			continue
		}
		data := w.bundle
		if t.L != bundleLevel {
			data = w.edge.tiles[t.L].bytes()
		}
		w.onDisk[t] = false
		if err := b.put(torchwood.TilePath(t), data); err != nil {
			return err
		}
	}
	return nil
}

// PutCheckpoint publishes a signed checkpoint of the tree that was flushed last, and then removes the
// partial tiles and bundles of earlier sizes. The caller vouches for the signature. (tlog-tiles lets a
// log remove a partial tile only once the full one is there. We are stricter on our disk: whoever
// mirrors and finds one gone reads the checkpoint again.)
func (w *Writer) PutCheckpoint(cp []byte) error {
	tree, err := statedTree(cp)
	if err != nil {
		return fmt.Errorf("put checkpoint: %w", err)
	}
	if w.flushed != w.edge.n || tree != w.Tree() {
		return fmt.Errorf("put checkpoint: %w is of %d entries, root %v; the log has %d, root %v, and %d are flushed",
			ErrCheckpoint, tree.N, tree.Hash, w.edge.n, w.Tree().Hash, w.flushed)
	}
	if err := WriteFile(w.dir, checkpointFile, cp); err != nil {
		return fmt.Errorf("put checkpoint: %w", err)
	}
	return w.removeStale()
}

func (w *Writer) removeStale() error {
	for t := range w.onDisk {
		if partOf(t, w.edge.n) {
			continue
		}
		if err := removeAll(w.dir, []string{torchwood.TilePath(t)}); err != nil {
			return fmt.Errorf("remove partial tile of an earlier size: %w", err)
		}
		delete(w.onDisk, t)
	}
	return nil
}
