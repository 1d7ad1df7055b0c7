package broker_test

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fairlead/internal/broker"
	"fairlead/internal/bus"
	"fairlead/internal/fairlead"
	"fairlead/internal/hubtest"
	"fairlead/internal/tlog"
)

// disk is a hub's folder between two runs.
type disk struct {
	testing.TB
	hub  string
	then string // a copy of it as it was earlier
}

// at gives a path below the hub's folder; a stream goes by its name alone.
func (d disk) at(root, name string) string {
	if name != "LEDGER" && name != "HEAD" {
		return filepath.Join(root, name)
	}
	found, err := filepath.Glob(filepath.Join(root, "nats/store/jetstream/*/streams", name))
	if err != nil || len(found) != 1 {
		d.Fatalf("stream %s: %v %v", name, found, err)
	}
	return found[0]
}

func (d disk) remove(names ...string) {
	for _, name := range names {
		if err := os.RemoveAll(d.at(d.hub, name)); err != nil {
			d.Fatal(err)
		}
	}
}

// rollBack puts back what was there earlier.
func (d disk) rollBack(names ...string) {
	for _, name := range names {
		from, to := d.at(d.then, name), d.at(d.hub, name)
		d.remove(name)
		info, err := os.Stat(from)
		if err == nil && info.IsDir() {
			err = os.CopyFS(to, os.DirFS(from))
		} else if err == nil {
			var b []byte
			if b, err = os.ReadFile(from); err == nil {
				err = os.WriteFile(to, b, 0o600)
			}
		}
		if err != nil {
			d.Fatal(err)
		}
	}
}

// flip changes one byte in the middle of a file.
func (d disk) flip(name string) {
	b, err := os.ReadFile(d.at(d.hub, name))
	if err != nil {
		d.Fatal(err)
	}
	b[len(b)/2] ^= 1
	if err := os.WriteFile(d.at(d.hub, name), b, 0o600); err != nil {
		d.Fatal(err)
	}
}

// blank overwrites the last detail with zeros, as an order to erase it would.
func (d disk) blank(name string) {
	b, err := os.ReadFile(d.at(d.hub, name))
	if err != nil {
		d.Fatal(err)
	}
	for rest := b; len(rest) > 0; {
		n := 4 + binary.BigEndian.Uint32(rest)
		if len(rest) == int(n) {
			clear(rest[4:])
		}
		rest = rest[n:]
	}
	if err := os.WriteFile(d.at(d.hub, name), b, 0o600); err != nil {
		d.Fatal(err)
	}
}

// only is the one file that a pattern names.
func (d disk) only(pattern string) string {
	found, err := filepath.Glob(filepath.Join(d.hub, pattern))
	if err != nil || len(found) != 1 {
		d.Fatalf("%s: %v %v", pattern, found, err)
	}
	name, err := filepath.Rel(d.hub, found[0])
	if err != nil {
		d.Fatal(err)
	}
	return name
}

// TestRecover starts a hub on what a crash, a lost disk or an attacker may leave. What can be made
// anew is, to the same root; anything else is refused, and the error says which file or what differs.
func TestRecover(t *testing.T) {
	t.Parallel()
	then, now, before := history(t)
	const restore, anew = "restore the newest copy", "move "
	for _, test := range []struct {
		name   string
		damage func(disk)
		want   error  // nil: it starts
		says   string // in the error
		advice string // in the error as well
	}{
		{"nothing", func(disk) {}, nil, "", ""},
		{"log and details lost", func(d disk) { d.remove("log", "details") }, nil, "", ""},
		{"log and details of an earlier backup", func(d disk) { d.rollBack("log", "details") }, nil, "", ""},
		{"log lost", func(d disk) { d.remove("log") }, nil, "", ""},
		{"crash before the checkpoint was published", func(d disk) { d.rollBack("log/checkpoint") }, nil, "", ""},
		{"crash before the checkpoint was committed", func(d disk) { d.rollBack("log/checkpoint", "HEAD") }, nil, "", ""},
		{"crash before the tiles", func(d disk) { d.rollBack("log", "details", "HEAD") }, nil, "", ""},
		{"crash after the details", func(d disk) { d.rollBack("log", "HEAD") }, nil, "", ""},
		{"committed checkpoint rolled back", func(d disk) { d.rollBack("HEAD") }, broker.ErrStoreOld, "this folder has published", restore},
		{"committed checkpoint and ledger rolled back", func(d disk) { d.rollBack("HEAD", "LEDGER") }, broker.ErrStoreOld, "this folder has published", restore},
		{"committed checkpoint lost", func(d disk) { d.remove("HEAD") }, bus.ErrStream, "HEAD of this hub is not there", "put server and key back"},
		{"ledger rolled back", func(d disk) { d.rollBack("LEDGER") }, broker.ErrStoreOld, "LEDGER holds", restore},
		{"ledger and log rolled back", func(d disk) { d.rollBack("LEDGER", "log", "details") }, broker.ErrDiverged, "LEDGER holds", restore},
		{"details lost", func(d disk) { d.remove("details") }, tlog.ErrMissing, "000", anew},
		{"tile altered", func(d disk) { d.flip(d.only("log/tile/0/000.p/*")) }, tlog.ErrAltered, "tile/0/000", anew},
		{"entries altered", func(d disk) { d.flip(d.only("log/tile/entries/000.p/*")) }, tlog.ErrAltered, "000", anew},
		{"detail altered", func(d disk) { d.flip("details/000") }, broker.ErrDiverged, "the detail of entry", anew},
		{"detail blank, and nobody ordered it", func(d disk) { d.blank("details/000") }, broker.ErrDiverged, "1 details are blank", "treat it as an attack"},
		{"checkpoint altered", func(d disk) { d.flip("log/checkpoint") }, tlog.ErrCheckpoint, "log/checkpoint", anew},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			copyTo(t, dir, now)
			test.damage(disk{t, filepath.Join(dir, "hub"), filepath.Join(then, "hub")})
			w, err := hubtest.Open(within(t), hubtest.Config{Dir: dir, Start: hubtest.DefaultStart()})
			t.Cleanup(w.Close)
			if test.want != nil {
				if !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.says) || !strings.Contains(err.Error(), "Nothing was signed; "+test.advice) {
					t.Errorf("%v, want %v with %q and %q", err, test.want, test.says, test.advice)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := tree(t, w, filepath.Join(dir, "hub")); got != before {
				t.Errorf("%d entries, root %v; before it were %d, root %v", got.N, got.Hash, before.N, before.Hash)
			}
			if err := w.ConnectAll(within(t)); err != nil {
				t.Fatal(err)
			}
			send(t, w, hubtest.Aspen, hubtest.Birch, 1) // it goes on
			if err := w.Check(within(t)); err != nil {
				t.Error(err)
			}
		})
	}
}

// history is the folder of a world at two points of its life, and the hub's tree at the later.
func history(t *testing.T) (then, now string, before tlog.Tree) {
	t.Helper()
	w := hubtest.New(t, hubtest.Config{})
	w.Close()
	then = t.TempDir()
	copyTo(t, then, w.Dir)
	if err := w.Reopen(within(t)); err != nil {
		t.Fatal(err)
	}
	send(t, w, hubtest.Alder, hubtest.Birch, 3)
	settle(t, w)
	before = tree(t, w, filepath.Join(w.Dir, "hub"))
	w.Close()
	return then, w.Dir, before
}

// copyTo copies a folder with everything in it private, as programs want their keys.
func copyTo(t testing.TB, to, from string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(to, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return os.Chmod(path, 0o700)
		}
		return os.Chmod(path, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestRestartKeepsOwing: proofs that nobody has handed out when the hub ends are handed out by the next.
func TestRestartKeepsOwing(t *testing.T) {
	t.Parallel()
	w := hubtest.New(t, hubtest.Config{})
	ids := send(t, w, hubtest.Alder, hubtest.Birch, 2)
	if _, err := w.Agency(hubtest.Alder).Sync(within(t), 0); err != nil { // published, and nothing awaited
		t.Fatal(err)
	}
	if err := w.Reopen(within(t)); err != nil {
		t.Fatal(err)
	}
	settle(t, w)
	if !delivered(t, w, map[fairlead.AgencyID][]fairlead.ShareID{hubtest.Alder: ids}) {
		t.Error("not delivered")
	}
}
