package tlog

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestRootIsThatOfXMod compares the root at every size up to 2,000, around every full tile, and where the second
// level fills.
func TestRootIsThatOfXMod(t *testing.T) {
	l := newLog(t)
	for n := int64(0); n <= 66_100; n++ {
		l.grow(n)
		if edge := (n + 1) % width; n > 2_000 && edge > 2 && n < 65_500 {
			continue
		}
		if got, want := l.Tree(), (Tree{N: n, Hash: l.ref.root(t, n)}); got != want {
			t.Fatalf("size %d: tree %v, want %v", n, got, want)
		}
	}
}

// boundaries are sizes at which the right edge has every kind of shape.
var boundaries = []int64{1, 2, 17, 255, 256, 257, 511, 512, 513, 600, 65_535, 65_536, 65_537, 65_793}

func TestResumeAtEveryKindOfSize(t *testing.T) {
	l := newLog(t)
	for _, n := range boundaries {
		l.grow(n)
		l.publish()
		if got, err := l.verify(); err != nil || got != (Tree{N: n, Hash: l.ref.root(t, n)}) {
			t.Fatalf("size %d: tree %v, error %v", n, got, err)
		}
		if want := append(slices.Collect(Files(0, n)), "checkpoint"); !sameNames(listing(t, l.dir), want) {
			t.Fatalf("size %d: files %v", n, listing(t, l.dir))
		}
		l.reopen(l.Tree())
	}
}

func sameNames(a, b []string) bool {
	slices.Sort(b)
	return slices.Equal(a, b)
}

func TestEmptyLog(t *testing.T) {
	l := newLog(t)
	l.publish()
	if tree, err := l.verify(); err != nil || tree.N != 0 {
		t.Fatal(tree, err)
	}
	l.reopen(l.Tree())
	l.grow(3)
	l.publish()
	if _, err := l.verify(); err != nil {
		t.Fatal(err)
	}
}

// TestCrashBeforeCommit breaks a flush off after each number of files, then goes on from the tree
// before it with other entries, as a broker does that lost the race for the next checkpoint.
func TestCrashBeforeCommit(t *testing.T) {
	for _, size := range []struct{ from, to int64 }{{0, 3}, {0, 300}, {10, 15}, {250, 260}, {255, 256}, {256, 257}, {300, 1030}} {
		l := newLog(t)
		l.grow(size.from)
		if size.from > 0 {
			l.publish()
		}
		before, old := l.Tree(), listing(t, l.dir)
		l.grow(size.to)
		must(t, l.Flush())
		fresh := slices.DeleteFunc(listing(t, l.dir), func(name string) bool { return slices.Contains(old, name) })
		for kept := range len(fresh) + 1 {
			dir := copyDir(t, l.dir)
			for _, name := range fresh[kept:] {
				remove(t, dir, name)
			}
			place(t, dir, "tile/0/.tmp-123", "torn")
			goOnDifferently(t, l, dir, before)
		}
	}
}

func goOnDifferently(t *testing.T, l *testLog, dir string, before Tree) {
	t.Helper()
	w, err := OpenWriter(dir, before)
	must(t, err)
	for range 7 {
		must(t, w.Append([]byte("another entry")))
	}
	must(t, w.Flush())
	cp, err := SignCheckpoint(l.signer, w.Tree())
	must(t, err)
	must(t, w.PutCheckpoint(cp))
	if _, err := VerifyDir(t.Context(), dir, l.v); err != nil {
		t.Fatalf("resumed at %d: %v", before.N, err)
	}
}

// TestCrashAfterCommit opens at a tree whose checkpoint file was not written any more.
func TestCrashAfterCommit(t *testing.T) {
	l := newLogOf(t, 250)
	l.grow(260)
	must(t, l.Flush())
	l.reopen(l.Tree())
	must(t, l.PutCheckpoint(l.sign()))
	if _, err := l.verify(); err != nil {
		t.Fatal(err)
	}
}

// TestResumeInsideWiderTiles opens at a committed size for which this directory never made partial
// tiles of their own.
func TestResumeInsideWiderTiles(t *testing.T) {
	for _, to := range []int64{19, 300, 1000} {
		l := newLog(t)
		l.grow(17)
		at := l.Tree()
		l.grow(to)
		must(t, l.Flush())
		l.reopen(at)
		must(t, l.PutCheckpoint(l.sign()))
		if tree, err := l.verify(); err != nil || tree != at {
			t.Fatalf("from %d: %v %v", to, tree, err)
		}
	}
}

func TestOpenWriterRefuses(t *testing.T) {
	other := newLogOf(t, 300)
	must(t, other.Append([]byte("x")))
	for _, test := range []struct {
		name string
		hurt func(l *testLog) Tree
		kind error
		want string
	}{
		{"altered edge tile", func(l *testLog) Tree {
			edit(t, l.dir, "tile/0/001.p/44", flip(33))
			return l.Tree()
		}, ErrAltered, "hash 1 of tile/0/001.p/44 is not that of what it covers: altered"},
		{"altered upper edge tile", func(l *testLog) Tree {
			edit(t, l.dir, "tile/1/000.p/1", flip(0))
			return l.Tree()
		}, ErrAltered, "hash 0 of tile/1/000.p/1 is not"},
		{"altered bundle", func(l *testLog) Tree {
			edit(t, l.dir, "tile/entries/001.p/44", flip(7))
			return l.Tree()
		}, ErrAltered, "entry 256 does not match its hash in tile/0/001.p/44: altered"},
		{"torn bundle", func(l *testLog) Tree {
			edit(t, l.dir, "tile/entries/001.p/44", cut(1))
			return l.Tree()
		}, ErrAltered, "tile/entries/001.p/44 ends inside entry 299: altered"},
		{"torn tile", func(l *testLog) Tree {
			edit(t, l.dir, "tile/0/001.p/44", cut(1))
			return l.Tree()
		}, ErrAltered, "tile/0/001.p/44 has 1407 bytes instead of 1408"},
		{"missing tile", func(l *testLog) Tree {
			remove(t, l.dir, "tile/0/001.p/44")
			return l.Tree()
		}, ErrMissing, "tile/0/001.p/44 is missing"},
		{"another log", func(l *testLog) Tree {
			remove(t, l.dir, "checkpoint")
			return Tree{N: 300, Hash: LeafHash(nil)}
		}, ErrCheckpoint, "fit together but do not give the root"},
		{"rollback", func(l *testLog) Tree { return Tree{N: 17, Hash: l.ref.root(t, 17)} }, ErrCheckpoint, "roll the log back"},
		{"rollback to nothing", func(*testLog) Tree { return Tree{} }, ErrCheckpoint, "roll the log back"},
		{"fork", func(*testLog) Tree { return Tree{N: 300, Hash: LeafHash(nil)} }, ErrCheckpoint, "roll the log back"},
		{"damaged checkpoint", func(l *testLog) Tree {
			edit(t, l.dir, "checkpoint", cut(150))
			return l.Tree()
		}, ErrCheckpoint, "if it is damaged, remove it"},
		{"negative size", func(*testLog) Tree { return Tree{N: -1} }, ErrCheckpoint, ""},
	} {
		l := newLogOf(t, 300)
		tree := test.hurt(l)
		before := listing(t, l.dir)
		_, err := OpenWriter(l.dir, tree)
		if !errors.Is(err, test.kind) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", test.name, err)
		}
		if !slices.Equal(before, listing(t, l.dir)) {
			t.Errorf("%s: files changed", test.name)
		}
	}
}

func TestNeverPrunesALargerLog(t *testing.T) {
	l := newLogOf(t, 5000)
	remove(t, l.dir, "checkpoint")
	before := listing(t, l.dir)
	if _, err := OpenWriter(l.dir, Tree{}); !errors.Is(err, ErrUnknown) {
		t.Error(err)
	}
	if !slices.Equal(before, listing(t, l.dir)) {
		t.Error("files were removed")
	}
}

func TestWriterLimits(t *testing.T) {
	l := newLog(t)
	if err := l.Append(make([]byte, MaxLeaf+1)); err == nil || l.Size() != 0 {
		t.Error("accepted an entry that is too long")
	}
	must(t, l.Append(make([]byte, MaxLeaf)))
	must(t, l.Append(nil))
	l.publish()
	if _, err := l.verify(); err != nil {
		t.Error(err)
	}
}

func TestPutCheckpointRefuses(t *testing.T) {
	l := newLogOf(t, 5)
	old := l.sign()
	l.grow(6)
	early := l.sign()
	if err := l.PutCheckpoint(early); !errors.Is(err, ErrCheckpoint) {
		t.Error("a checkpoint before its tiles:", err)
	}
	must(t, l.Flush())
	for _, cp := range [][]byte{old, nil, []byte("hub\n6\nAAAA\n\n"), bytes.Repeat([]byte("x"), MaxCheckpoint+1)} {
		if err := l.PutCheckpoint(cp); !errors.Is(err, ErrCheckpoint) {
			t.Errorf("%.30q: %v", cp, err)
		}
	}
	must(t, l.PutCheckpoint(early))
}

// TestFlushAgainAfterAnError makes one file unwritable, then flushes again.
func TestFlushAgainAfterAnError(t *testing.T) {
	l := newLogOf(t, 10)
	l.grow(300)
	place(t, l.dir, "tile/1/000.p/1/in the way", "")
	if err := l.Flush(); err == nil {
		t.Fatal("flushed over a directory")
	}
	remove(t, l.dir, "tile/1/000.p/1/in the way")
	remove(t, l.dir, "tile/1/000.p/1")
	l.grow(310)
	l.publish()
	if _, err := l.verify(); err != nil {
		t.Error(err)
	}
}

func TestFlushWritesOnlyWhatChanged(t *testing.T) {
	l := newLogOf(t, 300)
	stamp := func() map[string]os.FileInfo {
		infos := map[string]os.FileInfo{}
		for _, name := range listing(t, l.dir) {
			info, err := os.Stat(filepath.Join(l.dir, name))
			must(t, err)
			infos[name] = info
		}
		return infos
	}
	before := stamp()
	must(t, l.Flush())
	l.grow(301)
	must(t, l.Flush())
	for name, info := range stamp() {
		was, ok := before[name]
		if ok && !os.SameFile(was, info) {
			t.Errorf("%s was written again", name)
		}
		if fresh := strings.HasSuffix(name, "001.p/45"); ok == fresh {
			t.Errorf("%s: there before %v", name, ok)
		}
	}
}

func TestReader(t *testing.T) {
	l := newLogOf(t, 600)
	_, tree, err := ReadCheckpoint(l.dir, l.v)
	must(t, err)
	r, err := OpenReader(l.dir, tree)
	must(t, err)
	l.grow(1000) // the reader's partial tiles disappear
	l.publish()
	for _, span := range [][2]int64{{0, 600}, {0, 0}, {255, 257}, {599, 600}, {17, 18}, {600, 600}} {
		next := span[0]
		must(t, r.Entries(t.Context(), span[0], span[1], func(i int64, leaf []byte) error {
			if i != next || string(leaf) != string(leafOf(i)) {
				t.Fatalf("entry %d is %q", i, leaf)
			}
			next++
			return nil
		}))
		if next != span[1] {
			t.Errorf("%v ended at %d", span, next)
		}
	}
	if _, err := r.Entry(600); !errors.Is(err, ErrMissing) {
		t.Error(err)
	}
	stop := errors.New("stop")
	if err := r.Entries(t.Context(), 0, 9, func(int64, []byte) error { return stop }); !errors.Is(err, stop) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.Entries(ctx, 0, 9, nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestReaderHandsOutOnlyWhatWasLogged(t *testing.T) {
	for _, name := range []string{"tile/entries/000", "tile/entries/001", "tile/entries/002.p/88"} {
		l := newLogOf(t, 600)
		r, err := OpenReader(l.dir, l.Tree())
		must(t, err)
		edit(t, l.dir, name, flip(5))
		err = r.Entries(t.Context(), 0, 600, func(int64, []byte) error { return nil })
		if damage := Damage(err); len(damage) != 1 || damage[0].Path != name || !errors.Is(err, ErrAltered) {
			t.Errorf("%s: %v", name, err)
		}
	}
	l := newLogOf(t, 600)
	edit(t, l.dir, "tile/0/001", flip(5))
	r, err := OpenReader(l.dir, l.Tree())
	must(t, err)
	if _, err := r.Entry(300); err != nil {
		t.Error("needs the hash tile of a bundle that leads to the root:", err)
	}
	if _, err := r.Prove(300); !errors.Is(err, ErrAltered) {
		t.Error("proof from an altered tile:", err)
	}
}

func TestFiles(t *testing.T) {
	if got := slices.Collect(Files(257, 258)); !slices.Equal(got, []string{"tile/entries/001.p/2", "tile/0/001.p/2"}) {
		t.Error("from 257 to 258:", got)
	}
	if got := slices.Collect(Files(258, 258)); len(got) != 0 {
		t.Error("from 258 to 258:", got)
	}
	all := slices.Collect(Files(0, 70_000)) // the example in tlog-tiles
	for _, name := range []string{"tile/0/272", "tile/0/273.p/112", "tile/1/000", "tile/1/001.p/17", "tile/2/000.p/1", "tile/entries/273.p/112"} {
		if !slices.Contains(all, name) {
			t.Errorf("%s is not part of 70,000 entries", name)
		}
	}
	if len(all) != 2*274+3 {
		t.Errorf("%d files", len(all))
	}
}

// TestMirror follows a log by file names alone.
func TestMirror(t *testing.T) {
	l, mirror := newLog(t), filepath.Join(t.TempDir(), "mirror")
	had := int64(0)
	for _, n := range []int64{3, 255, 256, 258, 700, 701} {
		l.grow(n)
		l.publish()
		for name := range Files(had, n) {
			b, err := os.ReadFile(filepath.Join(l.dir, name))
			must(t, err)
			must(t, WriteFile(mirror, name, b))
		}
		must(t, WriteFile(mirror, "checkpoint", l.sign()))
		must(t, Prune(mirror, n))
		if _, err := VerifyDir(t.Context(), mirror, l.v); err != nil {
			t.Fatalf("mirror at %d: %v", n, err)
		}
		had = n
	}
	for _, name := range []string{"../x", "/x", "tile/../../x", ""} {
		if err := WriteFile(mirror, name, nil); !errors.Is(err, ErrUnknown) {
			t.Errorf("wrote %q: %v", name, err)
		}
	}
}
