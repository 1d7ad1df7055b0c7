package monitor_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fairlead/internal/fairlead"
	"fairlead/internal/monitor"
)

// TestRealHub is the whole of an auditor's work on a log that a real hub made.
func TestRealHub(t *testing.T) {
	l := real(t)
	if l.half.Size == 0 || l.half.Done != monitor.Mirrored {
		t.Errorf("half-way: %+v", l.half)
	}
	r, err := monitor.Replay(t.Context(), l.dir, l.vkey)
	must(t, err)
	t.Log(r.Words())
	if r.Size <= l.half.Size || r.Origin != "hub.fairlead.example/log" || len(r.Key) != 64 {
		t.Errorf("report: %+v", r)
	}
	if len(r.Replay.Splits) > 0 {
		t.Errorf("split views: %v", r.Replay.Splits)
	}
	for _, class := range []string{"share", "register", "notice", "unparsed"} {
		if r.Replay.Classes[class] == 0 {
			t.Errorf("no entry of class %s was replayed", class)
		}
	}
	for _, result := range []fairlead.Result{fairlead.Delivered, fairlead.DeliveredRedacted, fairlead.Refused} {
		if r.Replay.Results[result] == 0 {
			t.Errorf("no decision %s was replayed", result)
		}
	}
	if b, err := json.Marshal(r); err != nil || !strings.Contains(string(b), `"faults":[]`) || !strings.Contains(string(b), `"differences":[]`) {
		t.Errorf("json: %s %v", b, err)
	}
}

// TestForgeIsHonest is the control of all tests that forge: without a lie, the forged log is the log.
func TestForgeIsHonest(t *testing.T) {
	l := real(t)
	pairs := readLog(t, l.dir, l.vkey)
	for i := range pairs {
		pairs[i].raw = nil
	}
	again := forge(t, l.skey, l.vkey, pairs, nil)
	if !maps.Equal(content(t, l.dir), content(t, again)) {
		t.Errorf("%v\n%v", content(t, l.dir), content(t, again))
	}
}

// TestMirrorGrows mirrors a log at many sizes, one upon the other; each time the mirror is, file by
// file, the one that would have been made at once.
func TestMirrorGrows(t *testing.T) {
	l := real(t)
	pairs := longer(readLog(t, l.dir, l.vkey), 1300)
	hub := serve(t, "")
	dir := filepath.Join(t.TempDir(), "mirror")
	for _, n := range []int{0, 1, 2, len(readLog(t, l.dir, l.vkey)), 255, 256, 257, 257, 700, 768, 1290, 1300} {
		hub.dir = forge(t, l.skey, l.vkey, pairs[:n], nil)
		hub.asked = nil
		r, err := monitor.Mirror(t.Context(), hub.config(dir, l.vkey))
		must(t, err)
		if want := content(t, hub.dir); r.Size != int64(n) || !maps.Equal(content(t, dir), want) {
			t.Fatalf("at %d: %v\nwant %v", n, content(t, dir), want)
		}
		if n == 1300 && len(hub.asked) > 8 {
			t.Errorf("for 10 entries more it asked for %q", hub.asked)
		}
	}
	_, err := monitor.Replay(t.Context(), dir, l.vkey)
	must(t, err)
}

// TestMirrorResumes breaks a mirror off after each of its requests; the next run completes it, without
// fetching everything again.
func TestMirrorResumes(t *testing.T) {
	l := real(t)
	pairs := longer(readLog(t, l.dir, l.vkey), 600)
	full := forge(t, l.skey, l.vkey, pairs, nil)
	for _, old := range []int{0, 300} {
		base := filepath.Join(t.TempDir(), "mirror")
		if old > 0 {
			hub := serve(t, forge(t, l.skey, l.vkey, pairs[:old], nil))
			_, err := monitor.Mirror(t.Context(), hub.config(base, l.vkey))
			must(t, err)
		}
		for broken, n := true, 0; broken; n++ {
			dir := filepath.Join(t.TempDir(), "mirror")
			if old > 0 {
				dir = clone(t, base)
			}
			broken = breakOff(t, full, dir, l.vkey, n)
		}
	}
}

// breakOff mirrors with a hub that fails after n requests, then with one that does not. It says
// whether the first run failed.
func breakOff(t *testing.T, full, dir, vkey string, n int) bool {
	t.Helper()
	hub, left := serve(t, full), n
	hub.replace = func(string, []byte) ([]byte, int) {
		if left--; left < 0 {
			return nil, http.StatusServiceUnavailable
		}
		return nil, 0
	}
	_, err := monitor.Mirror(t.Context(), hub.config(dir, vkey))
	if err == nil {
		return false
	}
	if !errors.Is(err, monitor.ErrHub) || !strings.Contains(err.Error(), "HTTP 503") {
		t.Fatalf("after %d requests: %v", n, err)
	}
	// What kill -9 may leave beside.
	must(t, os.WriteFile(filepath.Join(dir, ".tmp-123"), []byte("x"), 0o600))
	must(t, os.MkdirAll(filepath.Join(dir, "details"), 0o700))
	must(t, os.WriteFile(filepath.Join(dir, "details", ".tmp-123"), []byte("x"), 0o600))
	again := serve(t, full)
	_, err = monitor.Mirror(t.Context(), again.config(dir, vkey))
	must(t, err)
	if got, want := content(t, dir), content(t, full); !maps.Equal(got, want) {
		t.Fatalf("after %d requests: %v\nwant %v", n, got, want)
	}
	return true
}

// TestMirrorDistrustsItsOwnLeavings: what a run that broke off has left is used if it is right, and
// fetched again if not.
func TestMirrorDistrustsItsOwnLeavings(t *testing.T) {
	l := real(t)
	full := forge(t, l.skey, l.vkey, longer(readLog(t, l.dir, l.vkey), 1300), nil)
	hub, dir := serve(t, full), filepath.Join(t.TempDir(), "mirror")
	hub.replace = func(name string, _ []byte) ([]byte, int) {
		if name == "tile/entries/004" { // of the second round of blocks
			return nil, http.StatusServiceUnavailable
		}
		return nil, 0
	}
	if _, err := monitor.Mirror(t.Context(), hub.config(dir, l.vkey)); !errors.Is(err, monitor.ErrHub) {
		t.Fatal(err)
	}
	flip(t, dir, "details/001", 99)
	flip(t, dir, "tile/0/002", 99)
	flip(t, dir, "tile/entries/003", 99)
	flip(t, dir, "tile/1/000.p/5", 99)
	truncate(t, dir, "details/002", 1)
	hub.replace, hub.asked = nil, nil
	_, err := monitor.Mirror(t.Context(), hub.config(dir, l.vkey))
	must(t, err)
	if !maps.Equal(content(t, dir), content(t, full)) {
		t.Error("the mirror is not what the hub has")
	}
	for _, name := range []string{"details/000", "details/003", "tile/0/000", "tile/entries/000"} {
		if slices.Contains(hub.asked, name) {
			t.Errorf("%s was right, and yet fetched again", name)
		}
	}
}

// TestMirrorWhileItGrows has a hub that removes partial tiles of the size whose checkpoint it has just
// shown, as ours does when the log grows.
func TestMirrorWhileItGrows(t *testing.T) {
	l := real(t)
	pairs := longer(readLog(t, l.dir, l.vkey), 330)
	var sizes []string
	for n := 300; n <= 330; n += 10 {
		sizes = append(sizes, forge(t, l.skey, l.vkey, pairs[:n], nil))
	}
	hub := serve(t, "")
	hub.replace = func(name string, _ []byte) ([]byte, int) {
		if name == "checkpoint" && len(sizes) > 1 {
			hub.dir, sizes = sizes[1], sizes[1:]
		}
		return nil, 0
	}
	hub.dir = sizes[0]
	dir := filepath.Join(t.TempDir(), "mirror")
	r, err := monitor.Mirror(t.Context(), hub.config(dir, l.vkey))
	must(t, err)
	if r.Size != 330 {
		t.Errorf("mirrored %d entries", r.Size)
	}
	_, err = monitor.Verify(t.Context(), dir, l.vkey)
	must(t, err)
}

// TestMirrorOfLongerDetails: a hub appends details before it signs the checkpoint over their entries.
func TestMirrorOfLongerDetails(t *testing.T) {
	l := real(t)
	pairs := longer(readLog(t, l.dir, l.vkey), 60)
	hub := serve(t, forge(t, l.skey, l.vkey, pairs[:50], nil))
	ahead, err := os.ReadFile(filepath.Join(forge(t, l.skey, l.vkey, pairs, nil), "details", "000"))
	must(t, err)
	hub.replace = func(name string, _ []byte) ([]byte, int) {
		if name == "details/000" {
			return ahead[:len(ahead)-3], http.StatusOK // in the middle of writing the last one
		}
		return nil, 0
	}
	dir := filepath.Join(t.TempDir(), "mirror")
	_, err = monitor.Mirror(t.Context(), hub.config(dir, l.vkey))
	must(t, err)
	if !maps.Equal(content(t, dir), content(t, hub.dir)) {
		t.Error("the mirror holds more than its size")
	}
}

// TestMirrorRefuses is what a hub or a folder may not do; the mirror stays as it was.
func TestMirrorRefuses(t *testing.T) {
	l := real(t)
	pairs := longer(readLog(t, l.dir, l.vkey), 600)
	mirrored := forge(t, l.skey, l.vkey, pairs[:520], nil)
	longLog := forge(t, l.skey, l.vkey, pairs, nil)
	other := append(append([]pair{}, pairs[:7]...), pairs[8:]...) // another history after entry 6
	damage := func(file string, at int) func(string, []byte) ([]byte, int) {
		return func(name string, b []byte) ([]byte, int) {
			if name != file {
				return nil, 0
			}
			b[at] ^= 1
			return b, http.StatusOK
		}
	}
	tests := map[string]struct {
		hub     string
		replace func(string, []byte) ([]byte, int)
		cfg     func(*monitor.MirrorConfig)
		dir     func(dir string)
		want    error
		text    string
	}{
		"fork, longer":       {hub: forge(t, l.skey, l.vkey, other, nil), want: monitor.ErrForked, text: "520 entries"},
		"fork, same size":    {hub: forge(t, l.skey, l.vkey, other[:520], nil), want: monitor.ErrForked, text: "neither begins with the other"},
		"fork, shorter":      {hub: forge(t, l.skey, l.vkey, other[:300], nil), want: monitor.ErrForked, text: "the hub shows 300"},
		"older":              {hub: forge(t, l.skey, l.vkey, pairs[:300], nil), want: monitor.ErrOlder, text: "300 entries, the mirror has 520"},
		"another log's key":  {hub: forge(t, otherKey(t), l.vkey, pairs, nil), want: monitor.ErrHub, text: "not signed by the key"},
		"altered checkpoint": {hub: longLog, replace: damage("checkpoint", 30), want: monitor.ErrHub, text: "checkpoint"},
		"altered edge":       {hub: longLog, replace: damage("tile/0/002.p/88", 40), want: monitor.ErrHub, text: "tile/0/002.p/88"},
		"altered level 1":    {hub: longLog, replace: damage("tile/1/000.p/2", 3), want: monitor.ErrHub, text: "tile/1/000.p/2"},
		"altered bundle":     {hub: longLog, replace: damage("tile/entries/002.p/88", 200), want: monitor.ErrHub, text: "entry 513"},
		"altered detail":     {hub: longLog, replace: damage("details/002", 100), want: monitor.ErrHub, text: "entry 512: its detail was altered"},
		"no such credential": {hub: longLog, cfg: func(c *monitor.MirrorConfig) { c.Credential = "guess" }, want: monitor.ErrHub, text: "ask the hub's operator for an auditor's credential"},
		"no hub":             {hub: longLog, cfg: func(c *monitor.MirrorConfig) { c.URL = "http://127.0.0.1:1" }, want: monitor.ErrHub, text: "could not be reached"},
		"no URL":             {hub: longLog, cfg: func(c *monitor.MirrorConfig) { c.URL = "hub" }, want: monitor.ErrHub, text: "not an http or https URL"},
		"too much":           {hub: longLog, replace: func(name string, _ []byte) ([]byte, int) { return make([]byte, 1<<20), http.StatusOK }, want: monitor.ErrHub, text: "more than 65536 bytes"},
		"gone for good": {hub: longLog, replace: func(name string, _ []byte) ([]byte, int) {
			if strings.Contains(name, ".p/") {
				return nil, http.StatusNotFound
			}
			return nil, 0
		}, want: monitor.ErrHub, text: "it does not have that file"},
		"another key":      {hub: longLog, cfg: func(c *monitor.MirrorConfig) { c.VKey = otherVKey(t) }, want: monitor.ErrMirror, text: "another key than the one given"},
		"no key":           {hub: longLog, cfg: func(c *monitor.MirrorConfig) { c.VKey = "" }, want: monitor.ErrMirror, text: "log public key"},
		"foreign folder":   {hub: longLog, dir: func(dir string) { must(t, os.WriteFile(filepath.Join(dir, "letter.txt"), nil, 0o600)) }, want: monitor.ErrMirror, text: "holds letter.txt; mirror into an empty folder"},
		"damaged mirror":   {hub: longLog, dir: func(dir string) { flip(t, dir, "checkpoint", 30) }, want: monitor.ErrMirror, text: "mirror into a new folder"},
		"folder is a file": {hub: longLog, cfg: func(c *monitor.MirrorConfig) { c.Dir = filepath.Join(c.Dir, "checkpoint") }, want: nil, text: "not a directory"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, hub := clone(t, mirrored), serve(t, tt.hub)
			hub.replace = tt.replace
			if tt.dir != nil {
				tt.dir(dir)
			}
			before := content(t, dir)
			cfg := hub.config(dir, l.vkey)
			if tt.cfg != nil {
				tt.cfg(&cfg)
			}
			_, err := monitor.Mirror(t.Context(), cfg)
			if err == nil || tt.want != nil && !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.text) {
				t.Fatalf("%v, want %v with %q", err, tt.want, tt.text)
			}
			t.Log(err)
			for file, sum := range before {
				if content(t, dir)[file] != sum {
					t.Errorf("%s was overwritten", file)
				}
			}
			if fork, ok := errors.AsType[*monitor.Fork](err); ok != (tt.want == monitor.ErrForked) || ok && (len(fork.Mirrored) == 0 || len(fork.Shown) == 0) {
				t.Errorf("evidence of a fork: %+v", fork)
			}
			if tt.dir != nil || tt.want == monitor.ErrForked {
				return
			}
			if _, err := monitor.Mirror(t.Context(), serve(t, longLog).config(dir, l.vkey)); err != nil {
				t.Errorf("the next run, with an honest hub: %v", err)
			}
		})
	}
}

// TestMirrorStops: an interruption is not a fault of the hub.
func TestMirrorStops(t *testing.T) {
	l := real(t)
	hub := serve(t, l.dir)
	ctx, cancel := context.WithCancel(t.Context())
	hub.replace = func(string, []byte) ([]byte, int) { cancel(); return nil, 0 }
	if _, err := monitor.Mirror(ctx, hub.config(filepath.Join(t.TempDir(), "m"), l.vkey)); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestMirrorTells: progress is told, and the credential goes out with entries and details alone.
func TestMirrorTells(t *testing.T) {
	l := real(t)
	hub := serve(t, forge(t, l.skey, l.vkey, longer(readLog(t, l.dir, l.vkey), 600), nil))
	cfg := hub.config(filepath.Join(t.TempDir(), "m"), l.vkey)
	var told []int64
	ctx := monitor.WithProgress(t.Context(), func(work string, done, total int64) {
		if work != "mirror" {
			t.Error(work)
		}
		told = append(told, done, total)
	})
	_, err := monitor.Mirror(ctx, cfg)
	must(t, err) // the site refuses a credential where none belongs
	if len(told) != 6 || told[0] != 256 || told[4] != 600 || told[5] != 600 {
		t.Errorf("progress: %v", told)
	}
}
