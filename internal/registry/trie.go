package registry

import "crypto/sha256"

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
	return trie[V]{put(t.root, &node[V]{key: key, val: v}, 0)}
}

func put[V any](n, leaf *node[V], depth int) *node[V] {
	switch {
	case n == nil || n.kids == nil && n.key == leaf.key:
		return leaf
	case n.kids == nil: // split: both leaves go one deeper
		branch := &node[V]{kids: new([16]*node[V])}
		branch.kids[nibble(n.key, depth)] = n
		n = branch
	default:
		kids := *n.kids
		n = &node[V]{kids: &kids}
	}
	i := nibble(leaf.key, depth)
	n.kids[i] = put(n.kids[i], leaf, depth+1)
	return n
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
