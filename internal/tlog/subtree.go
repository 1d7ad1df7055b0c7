package tlog

import (
	"crypto/sha256"
	"math/bits"
	"slices"

	xtlog "golang.org/x/mod/sumdb/tlog"
)

// subtree is a tile with all nodes above its hashes, so that a proof looks nodes up rather than
// hashing 255 times. It takes 16 KiB. Row r holds the nodes r levels above the tile's hashes.
type subtree struct {
	w     int
	nodes [2*width - 1]Hash
}

func row(r int) int { return 2*width - 2*width>>r }

func (t *subtree) at(r, i int) Hash { return t.nodes[row(r)+i] }

// push appends a hash and the nodes it completes.
func (t *subtree) push(h Hash) {
	t.nodes[t.w] = h
	t.w++
	for r, i := 0, t.w-1; i&1 == 1; r, i = r+1, i/2 {
		t.nodes[row(r+1)+i/2] = xtlog.NodeHash(t.at(r, i-1), t.at(r, i))
	}
}

// root is the hash of a full tile.
func (t *subtree) root() Hash { return t.at(8, 0) }

// bytes is the tile as it stands on disk.
func (t *subtree) bytes() []byte {
	b := make([]byte, 0, t.w*len(Hash{}))
	for i := range t.w {
		b = append(b, t.nodes[i][:]...)
	}
	return b
}

// subtreeOf reads a tile from its bytes, whose number is a multiple of 32 up to 8192.
func subtreeOf(b []byte) *subtree {
	t := &subtree{}
	for ; len(b) > 0; b = b[len(Hash{}):] {
		t.push(Hash(b[:len(Hash{})]))
	}
	return t
}

// firstDifference is the index of the first hash that differs, or the number of hashes.
func firstDifference(a, b *subtree) int {
	for i := range a.w {
		if a.nodes[i] != b.nodes[i] {
			return i
		}
	}
	return a.w
}

// edge is the right edge of a tree: at each tile level the tile that is not full yet. That is all one
// needs to append, and to know the root.
type edge struct {
	n     int64
	tiles []*subtree
}

// push appends a leaf hash and calls full, lowest level first, for each tile that it completes.
func (e *edge) push(h Hash, full func(t xtlog.Tile, s *subtree)) {
	e.n++
	for level := 0; ; level++ {
		if level == len(e.tiles) {
			e.tiles = append(e.tiles, &subtree{})
		}
		s := e.tiles[level]
		s.push(h)
		if s.w < width {
			return
		}
		full(xtlog.Tile{H: 8, L: level, N: e.n>>(8*(level+1)) - 1, W: width}, s)
		h, e.tiles[level] = s.root(), &subtree{}
	}
}

// with is the edge with another tile at a level.
func (e *edge) with(level int, s *subtree) *edge {
	other := edge{n: e.n, tiles: slices.Clone(e.tiles)}
	other.tiles[level] = s
	return &other
}

// root is the root hash (RFC 6962 §2.1): the perfect subtrees folded from right to left.
func (e *edge) root() Hash {
	root, empty := emptyRoot(), true
	for _, s := range e.tiles {
		for w := s.w; w > 0; w &= w - 1 {
			r := bits.TrailingZeros(uint(w))
			h := s.at(r, w>>r-1)
			if !empty {
				h = xtlog.NodeHash(h, root)
			}
			root, empty = h, false
		}
	}
	return root
}

func emptyRoot() Hash { return sha256.Sum256(nil) }

// EmptyTree is the tree of a log without entries; every log begins with it.
func EmptyTree() Tree { return Tree{Hash: emptyRoot()} }
