package tlog

import (
	"bytes"
	"errors"
	"testing"

	"filippo.io/torchwood"
	xtlog "golang.org/x/mod/sumdb/tlog"
)

func FuzzOpenCheckpoint(f *testing.F) {
	l := newLogOf(f, 3)
	f.Add(l.sign())
	f.Add(bytes.Replace(l.sign(), []byte("\n3\n"), []byte("\n4611686018427387905\n"), 1))
	f.Add([]byte("\n\n— "))
	f.Fuzz(func(t *testing.T, b []byte) {
		tree, err := OpenCheckpoint(b, l.v)
		if err != nil && !errors.Is(err, ErrCheckpoint) {
			t.Fatal("error of no kind:", err)
		}
		if err == nil && tree != l.Tree() {
			t.Fatal("opened what nobody signed")
		}
		_, _ = statedTree(b)
	})
}

func FuzzOpenProof(f *testing.F) {
	l := newLogOf(f, 300)
	for _, i := range []int64{0, 17, 299} {
		proof, err := l.Prove(i)
		must(f, err)
		f.Add(FormatProof(i, proof, l.sign()), leafOf(i))
	}
	f.Add([]byte("c2sp.org/tlog-proof@v1\nindex 9223372036854775807\n\n"), []byte(nil))
	f.Fuzz(func(t *testing.T, b, leaf []byte) {
		i, _, err := OpenProof(b, leaf, l.v)
		if err == nil && !bytes.Equal(leaf, leafOf(i)) {
			t.Fatal("proved what is not in the log")
		}
		if err != nil && !errors.Is(err, ErrProof) && !errors.Is(err, ErrCheckpoint) {
			t.Fatal("error of no kind:", err)
		}
	})
}

func FuzzOpenConsistency(f *testing.F) {
	l := newLogOf(f, 300)
	known := Tree{N: 100, Hash: l.ref.root(f, 100)}
	proof, err := l.Consistency(100)
	must(f, err)
	f.Add(FormatConsistency(100, proof, l.sign()))
	f.Add(FormatConsistency(0, nil, l.sign()))
	f.Add([]byte("old 100\n\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		tree, err := OpenConsistency(b, known, l.v)
		if err == nil && tree != l.Tree() {
			t.Fatal("followed a log that does not exist")
		}
		if err != nil && !errors.Is(err, ErrProof) && !errors.Is(err, ErrCheckpoint) {
			t.Fatal("error of no kind:", err)
		}
	})
}

func FuzzVerifyConsistency(f *testing.F) {
	f.Add(int64(3), int64(7), []byte("hash"))
	f.Add(int64(1)<<62+1, int64(1)<<62+5, []byte(nil))
	f.Fuzz(func(t *testing.T, older, newer int64, raw []byte) {
		var proof []Hash
		for ; len(raw) >= len(Hash{}); raw = raw[len(Hash{}):] {
			proof = append(proof, Hash(raw))
		}
		err := VerifyConsistency(Tree{N: older, Hash: Hash{1}}, Tree{N: newer, Hash: Hash{2}}, proof)
		if err == nil && older != 0 {
			t.Fatal("proved a chain of hashes nobody knows")
		}
	})
}

func FuzzBundle(f *testing.F) {
	f.Add([]byte("\x00\x01a\x00\x00\x00\x02bc"), 3)
	f.Add([]byte("\x00\x01"), 1)
	f.Fuzz(func(t *testing.T, b []byte, w int) {
		w = max(1, w%(width+1))
		leaves, rest, err := splitBundle(b, xtlog.Tile{H: 8, L: bundleLevel, W: w}, w)
		var again []byte
		for _, leaf := range leaves {
			again, _ = torchwood.AppendTileEntry(again, leaf)
		}
		if !bytes.Equal(append(again, rest...), b) || (err == nil) != (len(leaves) == w) {
			t.Fatalf("%d entries of %d, error %v", len(leaves), w, err)
		}
	})
}

func FuzzParseSegment(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x01a\x00\x00\x00\x00"))
	f.Add([]byte("\xff\xff\xff\xff"))
	f.Add(bytes.Repeat([]byte{0}, 4*width+4))
	f.Fuzz(func(t *testing.T, b []byte) {
		details, err := ParseSegment(b)
		size := 0
		for _, d := range details {
			size += 4 + len(d)
		}
		if len(details) > width || (err == nil) != (size == len(b)) {
			t.Fatalf("%d details of %d bytes, error %v", len(details), size, err)
		}
	})
}

func FuzzTilePath(f *testing.F) {
	f.Add("tile/0/x001/000.p/7", int64(300))
	f.Add("tile/data/000", int64(0))
	f.Add("tile/63/x999/x999/x999/x999/x999/x999/999", int64(1)<<48)
	f.Fuzz(func(t *testing.T, name string, n int64) {
		tile, ok := parseTile(name)
		if !ok {
			return
		}
		if torchwood.TilePath(tile) != name || holds(tile) <= 0 {
			t.Fatalf("%q is %v, which needs %d entries", name, tile, holds(tile))
		}
		if n >= 0 && partOf(tile, n) && holds(tile) > n {
			t.Fatalf("%q is part of %d entries but needs %d", name, n, holds(tile))
		}
	})
}
