package registry

import (
	"crypto/sha256"

	"fairlead/internal/dump"
)

// trie is a persistent map from 16-byte keys: with returns a new map and leaves the old one as it was,
// sharing all but one path. So a Snapshot of a hundred thousand shares costs a path to change, and a
// decision that is not committed costs nothing to forget. Keys branch by nibbles from their end,
// where a UUIDv7 is random.
type trie[V any] struct{ root *node[V] }

type node[V any] struct {
	kids *[16]*node[V] // nil: a leaf
	key  [16]byte
	val  V
}

func nibble(key [16]byte, depth int) byte {
	b := key[15-depth/2]
	if depth%2 == 0 {
		return b & 15
	}
	return b >> 4
}

func (t trie[V]) get(key [16]byte) (v V, ok bool) {
	n := t.root
	for depth := 0; n != nil; depth++ {
		if n.kids == nil {
			if n.key == key {
				return n.val, true
			}
			return v, false
		}
		n = n.kids[nibble(key, depth)]
	}
	return v, false
}

func (t trie[V]) with(key [16]byte, v V) trie[V] {
	return trie[V]{put(t.root, &node[V]{key: key, val: v}, 0, true)}
}

// put puts a leaf into a copy of the path to it, or into the path itself while nobody else has it.
func put[V any](n, leaf *node[V], depth int, shared bool) *node[V] {
	switch {
	case n == nil || n.kids == nil && n.key == leaf.key:
		return leaf
	case n.kids == nil: // split: both leaves go one deeper
		branch := &node[V]{kids: new([16]*node[V])}
		branch.kids[nibble(n.key, depth)] = n
		n = branch
	case shared:
		kids := *n.kids
		n = &node[V]{kids: &kids}
	}
	i := nibble(leaf.key, depth)
	n.kids[i] = put(n.kids[i], leaf, depth+1, shared)
	return n
}

// without is the map less one key.
func (t trie[V]) without(key [16]byte) trie[V] { return trie[V]{t.root.without(key, 0)} }

func (n *node[V]) without(key [16]byte, depth int) *node[V] {
	switch {
	case n == nil || n.kids == nil && n.key == key:
		return nil
	case n.kids == nil:
		return n
	}
	i := nibble(key, depth)
	kid := n.kids[i].without(key, depth+1)
	if kid == n.kids[i] {
		return n
	}
	kids, last, count := *n.kids, kid, 0
	kids[i] = kid
	for _, k := range kids {
		if k != nil {
			last, count = k, count+1
		}
	}
	if count == 0 || count == 1 && last.kids == nil { // a leaf stands as high as it can
		return last
	}
	return &node[V]{kids: &kids}
}

// each calls f for each leaf, in an order that the keys alone give.
func (n *node[V]) each(f func(*node[V])) {
	switch {
	case n == nil:
	case n.kids == nil:
		f(n)
	default:
		for _, kid := range n.kids {
			kid.each(f)
		}
	}
}

// where is the map less the values that do not pass.
func (t trie[V]) where(passes func(V) bool) (left trie[V]) {
	t.root.each(func(n *node[V]) {
		if passes(n.val) {
			left.root = put(left.root, n, 0, false)
		}
	})
	return left
}

// code writes a map, or reads one in the place of t.
func (t *trie[V]) code(c *dump.Coder, each func(*V)) {
	count := 0
	t.root.each(func(*node[V]) { count++ })
	dump.Int(c, &count)
	if !c.Reads() {
		t.root.each(func(n *node[V]) {
			v := n.val
			c.Fixed(n.key[:])
			each(&v)
		})
		return
	}
	for ; count > 0 && c.Err() == nil; count-- {
		leaf := &node[V]{}
		c.Fixed(leaf.key[:])
		each(&leaf.val)
		t.root = put(t.root, leaf, 0, false)
	}
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
