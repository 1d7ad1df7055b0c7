package monitor_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fairlead/internal/monitor"
	"fairlead/internal/tlog"
)

func otherKey(t testing.TB) string {
	t.Helper()
	skey, _, err := tlog.GenerateKey("hub.fairlead.example/log")
	must(t, err)
	return skey
}

func otherVKey(t testing.TB) string {
	t.Helper()
	_, vkey := keyPair(t)
	return vkey
}

func keyPair(t testing.TB) (skey, vkey string) {
	t.Helper()
	skey, vkey, err := tlog.GenerateKey("hub.fairlead.example/log")
	must(t, err)
	return skey, vkey
}

func change(t testing.TB, dir, name string, f func([]byte) []byte) {
	t.Helper()
	path := filepath.Join(dir, filepath.FromSlash(name))
	b, err := os.ReadFile(path)
	must(t, err)
	must(t, os.WriteFile(path, f(b), 0o600))
}

func flip(t testing.TB, dir, name string, at int) {
	t.Helper()
	change(t, dir, name, func(b []byte) []byte { b[at] ^= 4; return b })
}

func truncate(t testing.TB, dir, name string, n int) {
	t.Helper()
	change(t, dir, name, func(b []byte) []byte { return b[:len(b)-n] })
}

func add(t testing.TB, dir, name string) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700))
	must(t, os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600))
}

// detailAt is where the bytes of a detail begin in its segment.
func detailAt(t testing.TB, dir, name string, n int) int {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	must(t, err)
	at := 0
	for ; n > 0; n-- {
		at += 4 + int(binary.BigEndian.Uint32(b[at:]))
	}
	return at + 4
}

// swap exchanges two details of a segment.
func swap(t testing.TB, dir, name string, i, j int) {
	t.Helper()
	change(t, dir, name, func(b []byte) []byte {
		details, err := tlog.ParseSegment(b)
		must(t, err)
		details[i], details[j] = details[j], details[i]
		var out []byte
		for _, d := range details {
			out = append(binary.BigEndian.AppendUint32(out, uint32(len(d))), d...)
		}
		return out
	})
}

// TestAlterations alters a copy of a mirror of 600 entries in one way each; Verify names it.
func TestAlterations(t *testing.T) {
	l := real(t)
	pairs := longer(readLog(t, l.dir, l.vkey), 600)
	whole := forge(t, l.skey, l.vkey, pairs, nil)
	replaceBy := func(other string, names ...string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			for _, name := range names {
				b, err := os.ReadFile(filepath.Join(other, name))
				must(t, err)
				must(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700))
				must(t, os.WriteFile(filepath.Join(dir, name), b, 0o600))
			}
		}
	}
	one := append([]pair{}, pairs...)
	one[12].detail, one[12].raw = clonedDetail(t, one[12].raw), nil
	one[12].detail.Salt[3] ^= 1
	rewritten := forge(t, otherKey(t), l.vkey, one, nil)
	older := forge(t, l.skey, l.vkey, pairs[:599], nil)
	backdated := append([]pair{}, pairs...)
	backdated[301].leaf.At = backdated[301].leaf.At.Add(-time.Hour)
	edge := "tile/0/002.p/88"
	tests := map[string]struct {
		alter func(t *testing.T, dir string)
		want  []string // each in some fault
		exact int      // number of faults, where it matters
	}{
		"bit of an entry":          {func(t *testing.T, dir string) { flip(t, dir, "tile/entries/001", 198*44+60) }, []string{"entry 300 does not match its hash"}, 1},
		"bit of the last entry":    {func(t *testing.T, dir string) { flip(t, dir, "tile/entries/002.p/88", 198*87+2) }, []string{"entry 599 does not match its hash"}, 1},
		"bit of a hash":            {func(t *testing.T, dir string) { flip(t, dir, "tile/0/001", 32*10+1) }, []string{"entry 266: ", "tile/0/001"}, 1},
		"bit of the edge":          {func(t *testing.T, dir string) { flip(t, dir, edge, 5) }, []string{"entry 512: ", edge}, 1},
		"bit of level 1":           {func(t *testing.T, dir string) { flip(t, dir, "tile/1/000.p/2", 33) }, []string{"entry 256: ", "tile/1/000.p/2"}, 1},
		"bit of a detail":          {func(t *testing.T, dir string) { flip(t, dir, "details/000", detailAt(t, dir, "details/000", 17)+200) }, []string{"entry 17: its detail was altered"}, 1},
		"bits of two details":      {func(t *testing.T, dir string) { flip(t, dir, "details/000", 99); flip(t, dir, "details/002", 99) }, []string{"entry 0: its detail", "entry 512: its detail"}, 2},
		"bit of a detail's length": {func(t *testing.T, dir string) { flip(t, dir, "details/001", detailAt(t, dir, "details/001", 7)-1) }, []string{"entry 263: "}, 0},
		"bit of the checkpoint":    {func(t *testing.T, dir string) { flip(t, dir, "checkpoint", 30) }, []string{"checkpoint"}, 1},
		"bit of its signature": {func(t *testing.T, dir string) {
			change(t, dir, "checkpoint", func(b []byte) []byte { b[len(b)-9] ^= 2; return b })
		}, []string{"checkpoint"}, 1},
		"entries cut off":    {func(t *testing.T, dir string) { truncate(t, dir, "tile/entries/001", 70) }, []string{"tile/entries/001 ends inside entry 511"}, 1},
		"hashes cut off":     {func(t *testing.T, dir string) { truncate(t, dir, "tile/0/001", 1) }, []string{"tile/0/001 has 8191 bytes"}, 1},
		"details cut off":    {func(t *testing.T, dir string) { truncate(t, dir, "details/002", 5) }, []string{"entry 599: details/002 ends inside detail 599"}, 1},
		"checkpoint cut off": {func(t *testing.T, dir string) { truncate(t, dir, "checkpoint", 50) }, []string{"checkpoint"}, 1},
		"details after the last": {func(t *testing.T, dir string) {
			change(t, dir, "details/002", func(b []byte) []byte { return append(b, 0, 0, 0, 0) })
		}, []string{"details/002 has bytes after"}, 1},
		"two details swapped": {func(t *testing.T, dir string) { swap(t, dir, "details/000", 4, 9) }, []string{"entry 4: its detail", "entry 9: its detail"}, 2},
		"last entry dropped": {func(t *testing.T, dir string) {
			os.RemoveAll(filepath.Join(dir, "tile/0/002.p"))
			os.RemoveAll(filepath.Join(dir, "tile/entries/002.p"))
			replaceBy(older, "tile/0/002.p/87", "tile/entries/002.p/87", "details/002")(t, dir)
		}, []string{"tile/entries/002.p/88 is missing", "entry 599: details/002 holds 87 of 88"}, 0},
		"detail rewritten, another key signs": {func(t *testing.T, dir string) {
			must(t, os.RemoveAll(dir))
			must(t, os.CopyFS(dir, os.DirFS(rewritten)))
		}, []string{"checkpoint is not signed by the key"}, 1},
		"detail and leaf rewritten, old checkpoint": {func(t *testing.T, dir string) {
			replaceBy(rewritten, "details/000", "tile/entries/000", "tile/0/000")(t, dir)
		}, []string{"tile/0/000 and the entries under it, from 0, do not match"}, 0},
		"older checkpoint":         {replaceBy(older, "checkpoint"), []string{"tile/entries/002.p/88 is unknown", "larger than the checkpoint's 599 entries", "run it again"}, 0},
		"extra file":               {func(t *testing.T, dir string) { add(t, dir, "notes.txt") }, []string{"notes.txt is unknown"}, 1},
		"hidden file":              {func(t *testing.T, dir string) { add(t, dir, ".hidden") }, []string{".hidden is unknown"}, 1},
		"extra folder":             {func(t *testing.T, dir string) { add(t, dir, "more/x") }, []string{"more is unknown"}, 1},
		"hidden file among tiles":  {func(t *testing.T, dir string) { add(t, dir, "tile/0/.000") }, []string{"tile/0/.000 is unknown"}, 1},
		"extra file among details": {func(t *testing.T, dir string) { add(t, dir, "details/003") }, []string{"details/003 is unknown"}, 1},
		"stale partial":            {replaceBy(older, "tile/0/002.p/87"), []string{"tile/0/002.p/87 is unknown", "now stale"}, 1},
		"no checkpoint":            {func(t *testing.T, dir string) { must(t, os.Remove(filepath.Join(dir, "checkpoint"))) }, []string{"checkpoint is missing"}, 1},
		"link in place of a file": {func(t *testing.T, dir string) {
			must(t, os.Rename(filepath.Join(dir, "details/001"), filepath.Join(dir, "details/x")))
			must(t, os.Symlink("x", filepath.Join(dir, "details/001")))
		}, []string{"details/001 is unknown", "details/x is unknown"}, 0},
		"a segment gone":   {func(t *testing.T, dir string) { must(t, os.Remove(filepath.Join(dir, "details/001"))) }, []string{"details/001 is missing"}, 1},
		"all details gone": {func(t *testing.T, dir string) { must(t, os.RemoveAll(filepath.Join(dir, "details"))) }, []string{"details/000 is missing", "details/002 is missing"}, 3},
		"backdated, the log signs": {func(t *testing.T, dir string) {
			must(t, os.RemoveAll(dir))
			must(t, os.CopyFS(dir, os.DirFS(forge(t, l.skey, l.vkey, backdated, nil))))
		}, []string{"entry 301: it is of ", "earlier than the entry before it"}, 1},
	}
	if len(tests) < 12 {
		t.Error("too few alterations")
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := clone(t, whole)
			tt.alter(t, dir)
			r, err := monitor.Verify(t.Context(), dir, l.vkey)
			if !errors.Is(err, monitor.ErrAltered) {
				t.Fatalf("not noticed: %v", err)
			}
			text := r.Words()
			t.Log(text)
			for _, want := range tt.want {
				if !strings.Contains(text, want) {
					t.Errorf("no fault says %q", want)
				}
			}
			if tt.exact > 0 && len(r.Faults) != tt.exact {
				t.Errorf("%d faults, want %d: %+v", len(r.Faults), tt.exact, r.Faults)
			}
			if again, err := monitor.Replay(t.Context(), dir, l.vkey); !errors.Is(err, monitor.ErrAltered) || again.Replay != nil {
				t.Errorf("replayed what does not verify: %v", err)
			}
		})
	}
	if r, err := monitor.Verify(t.Context(), whole, ""); err != nil || len(r.Faults) > 0 || r.Size != 600 {
		t.Errorf("unaltered: %+v %v", r, err)
	}
}

// TestVerifyKey: the key given wins over the one that lies in the folder.
func TestVerifyKey(t *testing.T) {
	l := real(t)
	skey, vkey, err := tlog.GenerateKey("hub.fairlead.example/log")
	must(t, err)
	forged := forge(t, skey, vkey, readLog(t, l.dir, l.vkey), nil)
	r, err := monitor.Verify(t.Context(), forged, "")
	must(t, err) // it is sound in itself: the hash of the key tells
	honest, err := monitor.Verify(t.Context(), l.dir, "")
	must(t, err)
	if r.Key == honest.Key || len(r.Key) != 64 {
		t.Errorf("both keys are shown as %s", r.Key)
	}
	for name, f := range map[string]func() error{
		"verify": func() error { _, err := monitor.Verify(t.Context(), forged, l.vkey); return err },
		"replay": func() error { _, err := monitor.Replay(t.Context(), forged, l.vkey); return err },
		"show":   func() error { _, err := monitor.Show(forged, l.vkey, 0); return err },
	} {
		if err := f(); !errors.Is(err, monitor.ErrMirror) || !strings.Contains(err.Error(), "another key than the one given") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, dir := range []string{t.TempDir(), filepath.Join(t.TempDir(), "none")} {
		if _, err := monitor.Verify(t.Context(), dir, l.vkey); !errors.Is(err, monitor.ErrMirror) || !strings.Contains(err.Error(), "fairlead-audit mirror") {
			t.Errorf("no mirror: %v", err)
		}
	}
}

// TestManyFaults: a report is bounded, and says how much it leaves out.
func TestManyFaults(t *testing.T) {
	l := real(t)
	dir := forge(t, l.skey, l.vkey, longer(readLog(t, l.dir, l.vkey), 1290), nil)
	for k := range 6 {
		name := fmt.Sprintf("details/%03d", k)
		change(t, dir, name, func(b []byte) []byte {
			details, err := tlog.ParseSegment(b)
			must(t, err)
			for _, d := range details {
				d[len(d)-1] ^= 1
			}
			return b
		})
	}
	r, err := monitor.Verify(t.Context(), dir, "")
	if err == nil || len(r.Faults) != 1000 || r.More != 290 || !strings.Contains(r.Words(), "and 290 faults more") {
		t.Errorf("%d faults and %d more: %v", len(r.Faults), r.More, err)
	}
}
