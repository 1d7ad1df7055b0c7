package registry

import (
	"math/rand/v2"
	"reflect"
	"testing"
)

// TestTrie holds the trie against a map under random writes, with keys that collide in many nibbles;
// every old version stays as it was.
func TestTrie(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	key := func() (k [16]byte) {
		k[15], k[14], k[0] = byte(r.IntN(4)), byte(r.IntN(3))<<4, byte(r.IntN(40)) // alike at the end, where branching begins
		return k
	}
	type version struct {
		trie trie[int]
		want map[[16]byte]int
	}
	var versions []version
	now := version{want: map[[16]byte]int{}}
	for i := range 4000 {
		k := key()
		next := version{now.trie.with(k, i), make(map[[16]byte]int, len(now.want)+1)}
		for old, v := range now.want {
			next.want[old] = v
		}
		next.want[k] = i
		if i%3 == 0 {
			gone := key()
			next.trie = next.trie.without(gone)
			delete(next.want, gone)
		}
		now = next
		if i%200 == 0 {
			versions = append(versions, now)
		}
	}
	for n, v := range append(versions, now) {
		for range 500 {
			k := key()
			got, ok := v.trie.get(k)
			if want, in := v.want[k]; got != want || ok != in {
				t.Fatalf("version %d: %x is %d %v, want %d %v", n, k, got, ok, want, in)
			}
		}
		var fresh trie[int]
		for k, i := range v.want {
			fresh = fresh.with(k, i)
		}
		if !reflect.DeepEqual(fresh, v.trie) {
			t.Errorf("version %d: its form tells what was in it before", n)
		}
	}
}

func TestTrieEmpty(t *testing.T) {
	var empty trie[string]
	if v, ok := empty.get([16]byte{}); ok || v != "" {
		t.Error("something is in an empty trie")
	}
	one := empty.with([16]byte{}, "zero")
	if v, ok := one.get([16]byte{}); !ok || v != "zero" {
		t.Error("the key of zeros is lost")
	}
	if _, ok := empty.get([16]byte{}); ok {
		t.Error("writing changed the old version")
	}
	last := [16]byte{0: 1} // differs from zeros in the last nibble that is looked at
	two := one.with(last, "one")
	if a, _ := two.get([16]byte{}); a != "zero" {
		t.Error("a key that differs in its last nibble hides the first")
	}
	if b, ok := two.get(last); !ok || b != "one" {
		t.Error("a key that differs in its last nibble is lost")
	}
}

// TestKeyOf: words do not run together.
func TestKeyOf(t *testing.T) {
	if keyOf("ab", "c") == keyOf("a", "bc") || keyOf("a") == keyOf("a", "") {
		t.Error("keys of different words are the same")
	}
}

// FuzzTrie: pairs of bytes are written in order; the trie knows what a map knows.
func FuzzTrie(f *testing.F) {
	f.Add([]byte("abcdabcdaabb"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var tr trie[int]
		want := map[[16]byte]int{}
		for i := 0; i+1 < len(b); i += 2 {
			k := [16]byte{0: b[i], 15: b[i+1]}
			tr, want[k] = tr.with(k, i), i
		}
		for k, v := range want {
			if got, ok := tr.get(k); !ok || got != v {
				t.Fatalf("%x is %d, want %d", k, got, v)
			}
		}
	})
}
