package tlog

import (
	"fmt"

	"filippo.io/torchwood"
	xtlog "golang.org/x/mod/sumdb/tlog"
)

// cacheTiles bounds the full tiles kept in memory: 256 of 16 KiB, which cover 65,000 entries.
const cacheTiles = 256

// store answers for the hashes of one tree: from its right edge, from tiles that are not on disk yet,
// from a cache, and from disk. A tile from disk is used only if it leads to the root.
type store struct {
	dir     string
	edge    edge
	pending map[xtlog.Tile]*subtree
	cache   map[xtlog.Tile]*cached
	clock   int64
}

type cached struct {
	*subtree
	used int64
}

// openStore loads the right edge of an authenticated tree and checks that it gives the root.
func openStore(dir string, tree Tree) (store, error) {
	if tree == (Tree{}) {
		tree.Hash = emptyRoot()
	}
	s := store{dir: dir, pending: map[xtlog.Tile]*subtree{}, cache: map[xtlog.Tile]*cached{}}
	if err := checkTree(tree); err != nil {
		return s, err
	}
	var err error
	if s.edge, err = readEdge(dir, tree.N); err != nil {
		return s, err
	}
	if s.edge.root() != tree.Hash {
		return s, s.blame(tree)
	}
	return s, nil
}

// readEdge reads the right edge of a tree of n entries from its partial tiles.
func readEdge(dir string, n int64) (edge, error) {
	e := edge{n: n}
	for n := n; n > 0; n >>= 8 {
		e.tiles = append(e.tiles, &subtree{})
	}
	for _, t := range partials(n) {
		if t.L == bundleLevel {
			continue
		}
		b, err := readTile(dir, t)
		if err != nil {
			return e, err
		}
		e.tiles[t.L] = subtreeOf(b)
	}
	return e, nil
}

// blame finds the file on account of which the edge does not give the root: the first whose hashes
// are not those of what it covers.
func (s *store) blame(tree Tree) error {
	for _, t := range partials(tree.N) {
		if t.L == bundleLevel {
			continue
		}
		sub, err := s.below(t)
		if err != nil {
			return err
		}
		i := firstDifference(sub, s.edge.tiles[t.L])
		if i == t.W {
			continue
		}
		why := "is not that of what it covers"
		if s.edge.with(t.L, sub).root() != tree.Hash {
			why = "is not that of what it covers, and neither leads to the root of the log"
		}
		name := torchwood.TilePath(t)
		return altered(name, start(t, i), "hash %d of %s %s", i, name, why)
	}
	return fileError(ErrCheckpoint, checkpointFile, "the tiles in %s fit together but do not give the root %v at size %d: "+
		"that checkpoint is of another log, or the log was rewritten", s.dir, tree.Hash, tree.N)
}

// below computes the tile t from its entries, or from the tiles one level down.
func (s *store) below(t xtlog.Tile) (*subtree, error) {
	sub := &subtree{}
	if t.L == 0 {
		leaves, err := readBundle(s.dir, bundleOf(t))
		for _, leaf := range leaves {
			sub.push(LeafHash(leaf))
		}
		return sub, err
	}
	for i := range t.W {
		b, err := readExact(s.dir, child(t, i))
		if err != nil {
			return nil, err
		}
		sub.push(subtreeOf(b).root())
	}
	return sub, nil
}

// Size is the number of entries.
func (s *store) Size() int64 { return s.edge.n }

// Tree is the size and the root.
func (s *store) Tree() Tree { return Tree{N: s.edge.n, Hash: s.edge.root()} }

// Prove is the inclusion proof of the entry at index in the tree as it is now, for FormatProof. Of
// the last 65,000 entries appended or proved it comes from memory. Errors wrap ErrProof when there is no such entry, and
// ErrAltered or ErrMissing when a tile on disk is damaged.
func (s *store) Prove(index int64) ([]Hash, error) {
	if index < 0 || index >= s.edge.n {
		return nil, fmt.Errorf("%w wanted for entry %d of a log of %d entries", ErrProof, index, s.edge.n)
	}
	return xtlog.ProveRecord(s.edge.n, index, xtlog.HashReaderFunc(s.readHashes))
}

// Consistency is the proof that the tree as it is now begins with its first old entries, for
// FormatConsistency. Errors are those of Prove.
func (s *store) Consistency(old int64) ([]Hash, error) {
	if old < 0 || old > s.edge.n {
		return nil, fmt.Errorf("%w wanted from size %d, of a log of %d entries", ErrProof, old, s.edge.n)
	}
	if old == 0 {
		return nil, nil
	}
	return xtlog.ProveTree(s.edge.n, old, xtlog.HashReaderFunc(s.readHashes))
}

// readHashes implements x/mod's HashReader on complete subtrees of the tree.
func (s *store) readHashes(indexes []int64) ([]Hash, error) {
	hashes := make([]Hash, len(indexes))
	for i, index := range indexes {
		h, err := s.node(xtlog.SplitStoredHashIndex(index))
		if err != nil {
			return nil, err
		}
		hashes[i] = h
	}
	return hashes, nil
}

// node is the n-th hash at a height above the leaves; its subtree must be complete.
func (s *store) node(height int, n int64) (Hash, error) {
	level, r := height/8, height%8
	t, err := s.tile(level, n>>(8-r))
	if err != nil {
		return Hash{}, err
	}
	return t.at(r, int(n&(1<<(8-r)-1))), nil
}

// tile finds the n-th tile of a level, wherever it is.
func (s *store) tile(level int, n int64) (*subtree, error) {
	if n == s.edge.n>>(8*(level+1)) {
		return s.edge.tiles[level], nil
	}
	t := xtlog.Tile{H: 8, L: level, N: n, W: width}
	if sub, ok := s.pending[t]; ok {
		return sub, nil
	}
	s.clock++
	if hit, ok := s.cache[t]; ok {
		hit.used = s.clock
		return hit.subtree, nil
	}
	sub, err := s.load(t)
	if err == nil {
		s.keep(t, sub)
	}
	return sub, err
}

// load reads a full tile from disk and checks it against the hash it has in the tile above.
func (s *store) load(t xtlog.Tile) (*subtree, error) {
	b, err := readExact(s.dir, t)
	if err != nil {
		return nil, err
	}
	sub := subtreeOf(b)
	return sub, s.vouch(t, sub)
}

// vouch checks that a full tile leads to the root.
func (s *store) vouch(t xtlog.Tile, sub *subtree) error {
	want, err := s.node(8*(t.L+1), t.N)
	if err == nil && sub.root() != want {
		name := torchwood.TilePath(t)
		err = altered(name, start(t, 0), "%s does not lead to the root of the log", name)
	}
	return err
}

// keep puts a tile into the cache, in the place of the one unused for longest.
func (s *store) keep(t xtlog.Tile, sub *subtree) {
	if len(s.cache) >= cacheTiles {
		var oldest xtlog.Tile
		least := s.clock + 1
		for t, c := range s.cache {
			if c.used < least {
				oldest, least = t, c.used
			}
		}
		delete(s.cache, oldest)
	}
	s.cache[t] = &cached{sub, s.clock}
}
