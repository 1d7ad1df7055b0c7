package registry

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"reflect"
	"testing"

	"fairlead/internal/dump"
	"fairlead/internal/fairlead"
)

// TestPacked: a record of a share is the same when it is packed and taken out again, and the pack of the same is the
// same in memory.
func TestPacked(t *testing.T) {
	full := &shareRecord{}
	(&filler{}).fill(reflect.ValueOf(full).Elem())
	for _, r := range []*shareRecord{full, {}, {rare: rare{gone: -1}}, {rare: rare{relies: [][16]byte{{1}}}}, {sections: []fairlead.SectionCode{"EDU", "HEALTH"}}} {
		p := r.pack()
		if got := p.unpack(); !reflect.DeepEqual(got, r) {
			t.Errorf("%+v\nwas %+v", got, r)
		}
		if q := p.unpack().pack(); q.parties != p.parties || q.words != p.words {
			t.Errorf("%+v takes its words twice", r)
		}
	}
}

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
		for range i / 1000 { // it grows, and in the end it shrinks
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
		even := trie[int]{}
		for k, i := range v.want {
			if i%2 == 0 {
				even = even.with(k, i)
			}
		}
		if !reflect.DeepEqual(v.trie.where(func(i int) bool { return i%2 == 0 }), even) || !reflect.DeepEqual(reread(t, v.trie), v.trie) {
			t.Errorf("version %d: a part of it, or what is read of it, has another form", n)
		}
	}
}

// reread is a trie that was written and read.
func reread(t testing.TB, tr trie[int]) (read trie[int]) {
	t.Helper()
	var b bytes.Buffer
	w := dump.NewWriter(&b)
	tr.code(w, func(v *int) { dump.Int(w, v) })
	r := dump.NewReader(&b)
	err := w.End()
	if read.code(r, func(v *int) { dump.Int(r, v) }); err != nil || r.End() != nil {
		t.Fatal(err, r.End())
	}
	return read
}

// TestTrieOutOfOrder: what no trie has written is not read.
func TestTrieOutOfOrder(t *testing.T) {
	b := []byte{2}
	for _, last := range []byte{0x01, 0x10} { // branches look at the low nibble first
		b = append(append(b, make([]byte, 15)...), last, 0)
	}
	c, read := dump.NewReader(bytes.NewReader(b)), trie[int]{}
	read.code(c, func(v *int) { dump.Int(c, v) })
	if !errors.Is(c.End(), dump.ErrMalformed) {
		t.Error("keys out of order were read")
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
