package broker

import (
	"bytes"
	"context"
	"fmt"
	"runtime"

	"fairlead/internal/entry"
	"fairlead/internal/tlog"
)

// folding is an entry taken apart, to be folded.
type folding struct {
	index  int64
	leaf   entry.Leaf
	raw    []byte
	detail *entry.Detail // nil: err says why, or it is erased
	err    error
}

// read takes an entry apart. It is most of the work of a start, and needs nothing of the entries before.
func read(index int64, leaf, raw []byte) (f folding) {
	f.index, f.raw = index, raw
	if f.leaf, f.err = entry.ParseLeaf(leaf); f.err != nil || entry.Erased(raw) {
		return f
	}
	if f.leaf.Detail != entry.DetailDigest(raw) {
		f.err = fmt.Errorf("%w: the detail of entry %d is not the one its leaf names", ErrDiverged, index)
		return f
	}
	f.detail, f.err = entry.ParseDetail(raw)
	return f
}

// fold adds an entry to the Snapshot.
func (b *Broker) fold(f folding) error {
	if f.index != b.snap.Size() {
		return fmt.Errorf("%w: entry %d where %d belongs", ErrDiverged, f.index, b.snap.Size())
	}
	if f.err == nil && f.detail == nil { // the entry that ordered it erased follows, or catchUp refuses
		next, err := b.snap.FoldErased(f.leaf)
		if err == nil {
			b.snap = next
		}
		return err
	}
	err := f.err
	if err == nil {
		next, failed := b.snap.Fold(f.leaf, f.detail)
		if failed == nil {
			b.ordered(b.snap, f.detail)
			b.snap = next
			return nil
		}
		err = failed
	}
	unread, again := b.snap.FoldUnread(f.leaf, f.raw)
	if again != nil {
		return err
	}
	b.cfg.Log.Error().Err(err).Int64("entry", f.index).Msg("an agreement or a consent cannot be read: " +
		"until the log is restored nothing goes but alerts of immediate danger to statutory bodies with a duty inbox")
	b.snap = unread
	return nil
}

// together is how many entries are taken apart by one goroutine at a time.
const together = 256

// refold folds the first n entries of the folder. The next ones are read and taken apart while these are folded.
func (b *Broker) refold(ctx context.Context, reader *tlog.Reader, n int64) error {
	ctx, cancel := context.WithCancel(ctx)
	blocks := make(chan chan []folding, runtime.GOMAXPROCS(0))
	var failed error
	defer func() { // the reader has ended when this returns
		cancel()
		for range blocks { //nolint:revive // what is left is forgotten
		}
	}()
	go func() {
		defer close(blocks)
		failed = b.ahead(ctx, reader, n, blocks)
	}()
	for block := range blocks {
		for _, f := range <-block {
			if err := b.fold(f); err != nil {
				return err
			}
		}
	}
	return failed
}

// ahead reads entries in order and has them taken apart.
func (b *Broker) ahead(ctx context.Context, reader *tlog.Reader, n int64, blocks chan<- chan []folding) error {
	for from := int64(0); from < n; from += together {
		var lines [][2][]byte
		err := reader.Entries(ctx, from, min(from+together, n), func(index int64, leaf []byte) error {
			raw, err := b.details.Get(index)
			lines = append(lines, [2][]byte{bytes.Clone(leaf), raw})
			return err
		})
		if err != nil {
			return err
		}
		block := make(chan []folding, 1)
		select {
		case blocks <- block:
		case <-ctx.Done():
			return ctx.Err()
		}
		go func() {
			list := make([]folding, len(lines))
			for i, l := range lines {
				list[i] = read(from+int64(i), l[0], l[1])
			}
			block <- list
		}()
	}
	return nil
}
