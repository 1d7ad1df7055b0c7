package registry_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"fairlead/internal/dump"
	"fairlead/internal/entry"
	"fairlead/internal/registry"
	"fairlead/internal/tlog"
)

func dumped(t testing.TB, s *registry.Snapshot) []byte {
	t.Helper()
	var b bytes.Buffer
	c := dump.NewWriter(&b)
	s.Dump(c)
	if err := c.End(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func (w *world) restored(b []byte) (*registry.Snapshot, error) {
	c := dump.NewReader(bytes.NewReader(b))
	s := registry.Restore(c, func(index int64) (*entry.Detail, error) {
		if index >= int64(len(w.entries)) {
			return nil, errors.New("no such entry")
		}
		return entry.ParseDetail(w.entries[index].detail.Marshal())
	})
	return s, c.End()
}

// alike says that a register, one that is restored from its dump, and one that folded the same log anew write the
// same bytes. It is called at the end of every test that has a world.
func (w *world) alike() {
	w.t.Helper()
	want := dumped(w.t, w.snap)
	s, err := w.restored(want)
	w.must(err)
	if !bytes.Equal(dumped(w.t, s), want) {
		w.t.Error("a restored register is not the one that was written")
	}
	if !bytes.Equal(dumped(w.t, w.again()), want) {
		w.t.Error("a register that folded the log anew writes other bytes")
	}
}

// TestDumpIsWhole: every field of the register, and of what it holds, comes back. A field that is new fails here until
// code knows it.
func TestDumpIsWhole(t *testing.T) {
	o := newOffice(t)
	o.commit(o.share(o.override()))
	read := registry.New() // as from disk, where what is empty is not told from what is not there
	for _, e := range o.entries {
		d, err := entry.ParseDetail(e.detail.Marshal())
		o.must(err)
		read, err = read.Fold(e.leaf, d)
		o.must(err)
	}
	full := registry.Filled(read)
	s, err := o.restored(dumped(t, full))
	if err != nil {
		t.Fatal(err)
	}
	a := reflect.ValueOf(full).Elem()
	for i := range a.NumField() {
		name := a.Type().Field(i).Name
		if a.Field(i).IsZero() {
			t.Errorf("%s says nothing: the test looks at nothing", name)
		}
		if x, y := registry.Field(full, name), registry.Field(s, name); name != "ring" && !reflect.DeepEqual(x, y) {
			t.Errorf("%s: %+v\nwas %+v", name, y, x)
		}
	}
}

// TestRestoreAtEverySize dumps the register after each entry of the golden log, and restores it: it is the same, and
// what is folded on top of it comes to the same end.
func TestRestoreAtEverySize(t *testing.T) {
	log := golden(t)
	folds := []*registry.Snapshot{registry.New()}
	for _, e := range log {
		next, err := folds[len(folds)-1].Fold(e.leaf, e.detail)
		if err != nil {
			t.Fatal(err)
		}
		folds = append(folds, next)
	}
	end := dumped(t, folds[len(log)])
	w := &world{t: t, entries: log}
	for n, fold := range folds {
		want := dumped(t, fold)
		s, err := w.restored(want)
		if err != nil || !bytes.Equal(dumped(t, s), want) {
			t.Fatalf("restored after %d entries it is another: %v", n, err)
		}
		if n%10 > 0 && n < len(log)-10 {
			continue
		}
		for _, e := range log[n:] {
			if s, err = s.Fold(e.leaf, e.detail); err != nil {
				t.Fatalf("restored after %d entries: %v", n, err)
			}
		}
		if !bytes.Equal(dumped(t, s), end) {
			t.Errorf("restored after %d entries it comes to another end", n)
		}
	}
}

// golden is the log that every commit replays.
func golden(t *testing.T) (list []line) {
	t.Helper()
	dir := filepath.Join("..", "monitor", "testdata", "golden")
	vkey, err := os.ReadFile(filepath.Join(dir, "log.vkey"))
	if err != nil {
		t.Fatal(err)
	}
	v, err := tlog.NewVerifier(strings.TrimSpace(string(vkey)))
	if err != nil {
		t.Fatal(err)
	}
	_, tree, err := tlog.ReadCheckpoint(dir, v)
	if err != nil {
		t.Fatal(err)
	}
	r, err := tlog.OpenReader(dir, tree)
	if err != nil {
		t.Fatal(err)
	}
	details, err := tlog.OpenDetails(filepath.Join(dir, "details"), tree.N)
	if err != nil {
		t.Fatal(err)
	}
	defer details.Close()
	err = r.Entries(t.Context(), 0, tree.N, func(index int64, leaf []byte) error {
		raw, err := details.Get(index)
		if err != nil {
			return err
		}
		l, err := entry.ParseLeaf(leaf)
		if err != nil {
			return err
		}
		d, err := entry.ParseDetail(raw)
		list = append(list, line{l, d})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// TestRestoreRefuses: what was cut off anywhere, or has a byte more, is no register.
func TestRestoreRefuses(t *testing.T) {
	w := busy(t)
	b := dumped(t, w.snap)
	for n := 0; n < len(b); n += 1 + len(b)/200 {
		if _, err := w.restored(b[:n]); err == nil {
			t.Fatalf("%d of %d bytes were taken for all", n, len(b))
		}
	}
	if _, err := w.restored(append(b, 0)); err == nil {
		t.Error("a byte too many was taken")
	}
}
