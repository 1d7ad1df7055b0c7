package tlog

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/mod/sumdb/note"
	xtlog "golang.org/x/mod/sumdb/tlog"
)

// testLog is a log under test with its keys and an independent account of its hashes.
type testLog struct {
	*Writer
	t      testing.TB
	dir    string
	vkey   string
	signer *Signer
	v      *Verifier
	ref    reference
}

// reference is x/mod's own way to keep all hashes, against which ours is compared.
type reference []Hash

func (r reference) ReadHashes(indexes []int64) ([]Hash, error) {
	var list []Hash
	for _, i := range indexes {
		list = append(list, r[i])
	}
	return list, nil
}

func (r *reference) add(t testing.TB, n int64, leaf []byte) {
	t.Helper()
	hashes, err := xtlog.StoredHashes(n, leaf, *r)
	must(t, err)
	*r = append(*r, hashes...)
}

func (r reference) root(t testing.TB, n int64) Hash {
	t.Helper()
	h, err := xtlog.TreeHash(n, r)
	must(t, err)
	return h
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func testKeys(t testing.TB, origin string) (*Signer, *Verifier) {
	t.Helper()
	signer, v, _ := allKeys(t, origin)
	return signer, v
}

func allKeys(t testing.TB, origin string) (*Signer, *Verifier, string) {
	t.Helper()
	skey, vkey, err := GenerateKey(origin)
	must(t, err)
	signer, err := NewSigner(skey)
	must(t, err)
	v, err := NewVerifier(vkey)
	must(t, err)
	return signer, v, vkey
}

func newLog(t testing.TB) *testLog {
	t.Helper()
	l := &testLog{t: t, dir: filepath.Join(t.TempDir(), "log")}
	l.signer, l.v, l.vkey = allKeys(t, "hub.example.org/log")
	l.reopen(Tree{})
	return l
}

// newLogOf is a finished log of n entries.
func newLogOf(t testing.TB, n int64) *testLog {
	t.Helper()
	l := newLog(t)
	l.grow(n)
	l.publish()
	return l
}

func (l *testLog) reopen(tree Tree) {
	l.t.Helper()
	w, err := OpenWriter(l.dir, tree)
	must(l.t, err)
	l.Writer = w
}

func leafOf(i int64) []byte { return fmt.Appendf(nil, "entry %d", i) }

// grow appends entries up to size n.
func (l *testLog) grow(n int64) {
	l.t.Helper()
	for i := l.Size(); i < n; i++ {
		must(l.t, l.Append(leafOf(i)))
		l.ref.add(l.t, i, leafOf(i))
	}
}

func (l *testLog) sign() []byte {
	l.t.Helper()
	cp, err := SignCheckpoint(l.signer, l.Tree())
	must(l.t, err)
	return cp
}

func (l *testLog) publish() {
	l.t.Helper()
	must(l.t, l.Flush())
	must(l.t, l.PutCheckpoint(l.sign()))
}

func (l *testLog) verify() (Tree, error) { return VerifyDir(l.t.Context(), l.dir, l.v) }

// signText signs a text that SignCheckpoint would not write.
func signText(t testing.TB, s *Signer, text string) []byte {
	t.Helper()
	b, err := note.Sign(&note.Note{Text: text}, s.key)
	must(t, err)
	return b
}

// listing is every file under dir, sorted.
func listing(t testing.TB, dir string) []string {
	t.Helper()
	var names []string
	must(t, walk(dir, ".", func(name string, _ fs.DirEntry) error {
		names = append(names, name)
		return nil
	}))
	slices.Sort(names)
	return names
}

// edit changes the bytes of a file in place.
func edit(t testing.TB, dir, name string, change func([]byte) []byte) {
	t.Helper()
	path := filepath.Join(dir, filepath.FromSlash(name))
	b, err := os.ReadFile(path)
	must(t, err)
	must(t, os.WriteFile(path, change(b), 0o600))
}

func flip(at int) func([]byte) []byte {
	return func(b []byte) []byte {
		b[at] ^= 1
		return b
	}
}

func cut(bytes int) func([]byte) []byte {
	return func(b []byte) []byte { return b[:len(b)-bytes] }
}

func place(t testing.TB, dir, name, content string) {
	t.Helper()
	path := filepath.Join(dir, filepath.FromSlash(name))
	must(t, os.MkdirAll(filepath.Dir(path), 0o700))
	must(t, os.WriteFile(path, []byte(content), 0o600))
}

func remove(t testing.TB, dir, name string) {
	t.Helper()
	must(t, os.Remove(filepath.Join(dir, filepath.FromSlash(name))))
}

func copyDir(t testing.TB, from string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy")
	must(t, os.CopyFS(to, os.DirFS(from)))
	return to
}
