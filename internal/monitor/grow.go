package monitor

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"fairlead/internal/tlog"
)

// ahead is how many blocks are fetched at the same time, before they are verified in order.
const ahead = 4

// block is what a mirror fetches for 256 entries: hash tile, bundle, and segment of details.
type block struct {
	k       int64
	to      int64    // first entry after it
	tiles   []string // of level 0, and the bundle
	segment []byte   // as the hub serves it, not verified; nil: not fetched
}

// grow fetches and verifies what a tree has and the mirror lacks. The tree extends the mirrored one.
func (m *mirror) grow(ctx context.Context, tree tlog.Tree) error {
	if tree.N == m.tree.N {
		return nil
	}
	upper, blocks := m.plan(tree)
	for _, name := range upper {
		if err := m.bring(ctx, name); err != nil {
			return err
		}
	}
	var r *tlog.Reader
	tell := progress(ctx, "mirror", tree.N)
	for len(blocks) > 0 {
		next := blocks[:min(ahead, len(blocks))]
		blocks = blocks[len(next):]
		if err := m.prefetch(ctx, next); err != nil {
			return err
		}
		if r == nil {
			if err := m.settle(ctx, m.dir, func() (err error) { r, err = tlog.OpenReader(m.dir, tree); return err }); err != nil {
				return err
			}
		}
		for _, b := range next {
			if err := m.verify(ctx, r, b); err != nil {
				return err
			}
			tell(b.to)
		}
	}
	return nil
}

// plan lists the new tiles above level 0, and the blocks that are new or longer.
func (m *mirror) plan(tree tlog.Tree) (upper []string, blocks []*block) {
	for k := m.tree.N / span; k*span < tree.N; k++ {
		blocks = append(blocks, &block{k: k, to: min((k+1)*span, tree.N)})
	}
	seen := map[string]int{}
	for name := range tlog.Files(m.tree.N, tree.N) {
		level, _, _ := strings.Cut(strings.TrimPrefix(name, tileDir+"/"), "/")
		if level != "0" && level != "entries" {
			upper = append(upper, name)
			continue
		}
		b := blocks[seen[level]] // both levels list the same blocks, in order
		b.tiles = append(b.tiles, name)
		seen[level]++
	}
	return upper, blocks
}

// bring puts a tile into the mirror that is not there: the staged one, or the hub's.
func (m *mirror) bring(ctx context.Context, name string) error {
	if exists(m.dir, name) {
		return nil
	}
	if b, err := os.ReadFile(filepath.Join(m.stage, filepath.FromSlash(name))); err == nil {
		return tlog.WriteFile(m.dir, name, b)
	}
	return m.fetch(ctx, m.dir, name)
}

// prefetch brings the tiles of several blocks at once, and holds their details back until they are
// verified: those of the last run may stand in the same file.
func (m *mirror) prefetch(ctx context.Context, blocks []*block) error {
	errs := make([]error, len(blocks))
	var wg sync.WaitGroup
	for i, b := range blocks {
		wg.Go(func() {
			for _, name := range b.tiles {
				if errs[i] = m.bring(ctx, name); errs[i] != nil {
					return
				}
			}
			if !m.complete(b) {
				b.segment, errs[i] = m.remote.get(ctx, segmentPath(b.k))
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// complete reports whether the mirror has as many details of a block as it needs, left by a run that
// broke off. Whether they are right is for verify.
func (m *mirror) complete(b *block) bool {
	details, err := readSegment(m.dir, b.k)
	return err == nil && int64(len(details)) >= b.to-b.k*span
}

// verify checks a block against the root: the hash tile, the bundle under it, and each detail against
// its entry. Only then the details are written.
func (m *mirror) verify(ctx context.Context, r *tlog.Reader, b *block) error {
	var leaves [][]byte
	err := m.settle(ctx, m.dir, func() error {
		leaves = leaves[:0]
		if _, err := r.Prove(b.k * span); err != nil { // reads the hash tiles above the block
			return err
		}
		return r.Entries(ctx, b.k*span, b.to, func(_ int64, leaf []byte) error {
			leaves = append(leaves, leaf)
			return nil
		})
	})
	if err != nil {
		return err
	}
	return m.details(ctx, b, leaves)
}

// details verifies the details of a block and writes as many as the tree has. What an earlier run left
// is used if it is right, or else fetched.
func (m *mirror) details(ctx context.Context, b *block, leaves [][]byte) error {
	if b.segment == nil {
		if old, err := readSegment(m.dir, b.k); err == nil && matches(b.k, leaves, old) == nil {
			m.note(b.k, leaves, old)
			return nil
		}
		var err error
		if b.segment, err = m.remote.get(ctx, segmentPath(b.k)); err != nil {
			return err
		}
	}
	details, _ := tlog.ParseSegment(b.segment) // the hub may be writing the next one: see matches
	if err := matches(b.k, leaves, details); err != nil {
		return fmt.Errorf("%w serves details that its log does not commit to: %w; tell its operator", ErrHub, err)
	}
	m.note(b.k, leaves, details)
	whole := join(details[:len(leaves)])
	b.segment = nil
	if old, err := tlog.ReadFile(m.dir, segmentPath(b.k), tlog.MaxSegment); err == nil && bytes.Equal(old, whole) {
		return nil
	}
	return tlog.WriteFile(m.dir, segmentPath(b.k), whole)
}

// matches checks that each leaf of a block has its detail.
func matches(k int64, leaves, details [][]byte) error {
	for i, leaf := range leaves {
		e := line{index: k*span + int64(i), leaf: leaf}
		if i < len(details) {
			e.detail = details[i]
		}
		if _, err := e.bound(); err != nil && !errors.Is(err, errBlank) {
			return err
		}
	}
	return nil
}

// note looks for what is erased in a block, and for who ordered it.
func (m *mirror) note(k int64, leaves, details [][]byte) {
	for i, leaf := range leaves {
		e := line{index: k*span + int64(i), leaf: leaf, detail: details[i]}
		l, err := e.bound()
		m.erasures.line(e, l, err)
	}
}

// join is a segment of details: each after its length (tlog.Details).
func join(details [][]byte) []byte {
	var b []byte
	for _, d := range details {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(d))), d...)
	}
	return b
}
