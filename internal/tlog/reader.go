package tlog

import (
	"context"
	"fmt"

	"filippo.io/torchwood"
	xtlog "golang.org/x/mod/sumdb/tlog"
)

// Reader reads the entries of a log directory at one tree. It hands out only what leads to the root
// of that tree, so who can modify the directory can at most make it fail. It stays usable when the
// directory grows meanwhile.
type Reader struct{ store }

// OpenReader opens a log directory at a tree that the caller has authenticated, such as that of
// ReadCheckpoint. It checks the right edge against the root; errors are those of OpenWriter.
func OpenReader(dir string, tree Tree) (*Reader, error) {
	s, err := openStore(dir, tree)
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	return &Reader{s}, nil
}

// Entry is the entry at index. Errors wrap ErrMissing or ErrAltered and name the file.
func (r *Reader) Entry(index int64) (leaf []byte, err error) {
	err = r.Entries(context.Background(), index, index+1, func(_ int64, b []byte) error {
		leaf = b
		return nil
	})
	return leaf, err
}

// Entries calls f for the entries from index from up to but not including to, in order. The slices
// stay valid, and must not be modified. It stops at the first error, of f, of ctx or as Entry.
func (r *Reader) Entries(ctx context.Context, from, to int64, f func(index int64, leaf []byte) error) error {
	if from < 0 || from > to || to > r.Size() {
		return fmt.Errorf("%w wanted: entries %d to %d of a log of %d entries", ErrMissing, from, to, r.Size())
	}
	for from < to {
		if err := ctx.Err(); err != nil {
			return err
		}
		leaves, err := r.bundle(from >> 8)
		if err != nil {
			return err
		}
		for end := min(to, (from>>8+1)<<8); from < end; from++ {
			if err := f(from, leaves[from%width]); err != nil {
				return err
			}
		}
	}
	return nil
}

// bundle reads the n-th bundle and checks that its entries lead to the root.
func (r *Reader) bundle(n int64) ([][]byte, error) {
	t := xtlog.Tile{H: 8, L: bundleLevel, N: n, W: int(min(width, r.Size()-n<<8))}
	leaves, err := readBundle(r.dir, t)
	if err != nil {
		return nil, err
	}
	sub := &subtree{}
	for _, leaf := range leaves {
		sub.push(LeafHash(leaf))
	}
	if t.W == width {
		if want, err := r.node(8, n); err != nil || sub.root() == want {
			return leaves, err
		}
	}
	hashes, err := r.tile(0, n)
	if err != nil {
		return nil, err
	}
	return leaves, checkEntries(t, sub, hashes)
}

// checkEntries compares the hashes of a bundle's entries with those of its level 0 tile, which is
// known to be right.
func checkEntries(t xtlog.Tile, sub, hashes *subtree) error {
	i := firstDifference(sub, hashes)
	if i == t.W {
		return nil
	}
	tile := t
	tile.L = 0
	return altered(torchwood.TilePath(t), start(t, i), "entry %d does not match its hash in %s", start(t, i), torchwood.TilePath(tile))
}
