package broker

import (
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

// check holds the detail of an entry against its leaf: what is folded already is not taken apart again.
func check(index int64, leaf, raw []byte) (f folding) {
	f.index, f.raw = index, raw
	if f.leaf, f.err = entry.ParseLeaf(leaf); f.err == nil && !entry.Erased(raw) && f.leaf.Detail != entry.DetailDigest(raw) {
		f.err = fmt.Errorf("%w: the detail of entry %d is not the one its leaf names", ErrDiverged, index)
	}
	return f
}

// read takes an entry apart. It is most of the work of a start, and needs nothing of the entries before.
func read(index int64, leaf, raw []byte) folding {
	f := check(index, leaf, raw)
	if f.err == nil && !entry.Erased(raw) {
		f.detail, f.err = entry.ParseDetail(raw)
	}
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

// refold folds what the folder holds beyond the register, up to n entries.
func (b *Broker) refold(ctx context.Context, reader *tlog.Reader, n int64) error {
	return b.walk(ctx, reader, b.snap.Size(), n, read, b.fold)
}

// walk takes entries apart and hands them on in order. The next ones are read and taken apart while these are used.
func (b *Broker) walk(ctx context.Context, reader *tlog.Reader, from, to int64, take func(int64, []byte, []byte) folding, use func(folding) error) error {
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
		for ; from < to && failed == nil; from += together {
			failed = b.ahead(ctx, reader, from, min(from+together, to), take, blocks)
		}
	}()
	for block := range blocks {
		for _, f := range <-block {
			if err := use(f); err != nil {
				return err
			}
		}
	}
	return failed
}

// ahead reads some entries and has them taken apart.
func (b *Broker) ahead(ctx context.Context, reader *tlog.Reader, from, to int64, take func(int64, []byte, []byte) folding, blocks chan<- chan []folding) error {
	var leaves, details [][]byte
	err := reader.Entries(ctx, from, to, func(_ int64, leaf []byte) error {
		leaves = append(leaves, leaf)
		return nil
	})
	if err == nil {
		err = b.details.Scan(from, to, func(_ int64, raw []byte) error {
			details = append(details, raw)
			return nil
		})
	}
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
		list := make([]folding, len(leaves))
		for i := range leaves {
			list[i] = take(from+int64(i), leaves[i], details[i])
		}
		block <- list
	}()
	return nil
}
