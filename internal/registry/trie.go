package registry

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"iter"
	"math/bits"
	"slices"

	"fairlead/internal/dump"
)

// trie is a persistent map from 16-byte keys: with returns a new map and leaves the old one as it was,
// sharing all but one path. So a Snapshot of a hundred thousand shares costs a path to change, and a
// decision that is not committed costs nothing to forget. Keys branch by nibbles from their end,
// where a UUIDv7 is random. Its form follows from what is in it, not from how that came there.
type trie[V any] struct{ root *node[V] }

// node is a branch of more than bucket leaves, or a bucket of at most as many: a pointer for each leaf would take more
// than most leaves do.
type node[V any] struct {
	kids   *[16]*node[V] // nil: a bucket
	leaves []leaf[V]     // in order
}

const bucket = 16

type leaf[V any] struct {
	key [16]byte
	val V
}

func nibble(key [16]byte, depth int) byte {
	b := key[15-depth/2]
	if depth%2 == 0 {
		return b & 15
	}
	return b >> 4
}

// order compares leaves as branches do.
func order[V any](a, b leaf[V]) int {
	for i := len(a.key) - 1; i >= 0; i-- {
		if a.key[i] != b.key[i] {
			return cmp.Compare(bits.RotateLeft8(a.key[i], 4), bits.RotateLeft8(b.key[i], 4))
		}
	}
	return 0
}

func (t trie[V]) get(key [16]byte) (v V, ok bool) {
	n := t.root
	for depth := 0; n != nil && n.kids != nil; depth++ {
		n = n.kids[nibble(key, depth)]
	}
	if n != nil {
		for i := range n.leaves {
			if n.leaves[i].key == key {
				return n.leaves[i].val, true
			}
		}
	}
	return v, false
}

func (t trie[V]) with(key [16]byte, v V) trie[V] { return trie[V]{t.root.with(leaf[V]{key, v}, 0)} }

// with is n, at some depth, with a leaf more, or another one in the place of one.
func (n *node[V]) with(l leaf[V], depth int) *node[V] {
	switch {
	case n == nil:
		return &node[V]{leaves: []leaf[V]{l}}
	case n.kids != nil:
		kids, i := *n.kids, nibble(l.key, depth)
		kids[i] = kids[i].with(l, depth+1)
		return &node[V]{kids: &kids}
	}
	i, found := slices.BinarySearchFunc(n.leaves, l, order)
	if found {
		leaves := slices.Clone(n.leaves)
		leaves[i] = l
		return &node[V]{leaves: leaves}
	}
	leaves := make([]leaf[V], len(n.leaves)+1)
	copy(leaves, n.leaves[:i])
	copy(leaves[i+1:], n.leaves[i:])
	leaves[i] = l
	return grown(leaves, depth)
}

// grown is what holds leaves, which are in order and the node's own.
func grown[V any](leaves []leaf[V], depth int) *node[V] {
	switch {
	case len(leaves) == 0:
		return nil
	case len(leaves) <= bucket:
		return &node[V]{leaves: leaves}
	}
	n := &node[V]{kids: new([16]*node[V])}
	for len(leaves) > 0 {
		i := nibble(leaves[0].key, depth)
		end := slices.IndexFunc(leaves, func(l leaf[V]) bool { return nibble(l.key, depth) != i })
		if end < 0 {
			end = len(leaves)
		}
		own := leaves[:end]
		if end <= bucket {
			own = slices.Clone(own) // a bucket that is replaced leaves nothing behind
		}
		n.kids[i], leaves = grown(own, depth+1), leaves[end:]
	}
	return n
}

// without is the map less one key.
func (t trie[V]) without(key [16]byte) trie[V] { return trie[V]{t.root.without(key, 0)} }

func (n *node[V]) without(key [16]byte, depth int) *node[V] {
	switch {
	case n == nil:
		return nil
	case n.kids == nil:
		i := slices.IndexFunc(n.leaves, func(l leaf[V]) bool { return l.key == key })
		if i < 0 {
			return n
		}
		return grown(slices.Concat(n.leaves[:i], n.leaves[i+1:]), depth)
	}
	i := nibble(key, depth)
	kid := n.kids[i].without(key, depth+1)
	if kid == n.kids[i] {
		return n
	}
	kids := *n.kids
	kids[i] = kid
	left := &node[V]{kids: &kids}
	if left.few() {
		return grown(slices.Collect(left.all()), depth)
	}
	return left
}

// few reports whether what a branch holds fits into a bucket.
func (n *node[V]) few() bool {
	count := 0
	for _, kid := range n.kids {
		switch {
		case kid == nil:
		case kid.kids != nil:
			return false
		default:
			count += len(kid.leaves)
		}
	}
	return count <= bucket
}

// all gives the leaves in order, which the keys alone give.
func (n *node[V]) all() iter.Seq[leaf[V]] {
	return func(yield func(leaf[V]) bool) { n.each(yield) }
}

func (n *node[V]) each(yield func(leaf[V]) bool) bool {
	switch {
	case n == nil:
	case n.kids == nil:
		for _, l := range n.leaves {
			if !yield(l) {
				return false
			}
		}
	default:
		for _, kid := range n.kids {
			if !kid.each(yield) {
				return false
			}
		}
	}
	return true
}

// where is the map less the values that do not pass.
func (t trie[V]) where(passes func(V) bool) trie[V] {
	var left []leaf[V]
	for l := range t.root.all() {
		if passes(l.val) {
			left = append(left, l)
		}
	}
	return trie[V]{grown(slices.Clip(left), 0)}
}

// code writes a map, or reads one in the place of t.
func (t *trie[V]) code(c *dump.Coder, each func(*V)) {
	one := func(l *leaf[V]) {
		c.Fixed(l.key[:])
		each(&l.val)
	}
	if !c.Reads() {
		count := 0
		for range t.root.all() {
			count++
		}
		dump.Int(c, &count)
		for l := range t.root.all() {
			one(&l)
		}
		return
	}
	var leaves []leaf[V]
	if dump.List(c, &leaves, one); !slices.IsSortedFunc(leaves, order) {
		c.Fail(fmt.Errorf("%w: keys out of order", dump.ErrMalformed))
		return
	}
	t.root = grown(slices.Clip(leaves), 0)
}

// keyOf makes a key of words, for maps that are not keyed by a share.
func keyOf(words ...string) (key [16]byte) {
	b := make([]byte, 0, 128) // on the stack: a decision asks for a dozen keys
	for _, w := range words {
		b = append(append(b, w...), 0)
	}
	sum := sha256.Sum256(b)
	copy(key[:], sum[:])
	return key
}
