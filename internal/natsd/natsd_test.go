package natsd_test

import (
	"bytes"
	"errors"
	"io/fs"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"fairlead/internal/natsd"
)

const secret = "a text that must not be on the disk"

func TestRestartKeepsEverything(t *testing.T) {
	cfg := natsd.Config{Dir: filepath.Join(t.TempDir(), "hub"), Listen: "127.0.0.1:0"}
	agency, cert := fill(t, cfg)
	before := tree(t, cfg.Dir, "keys", "tls.crt", "operator.jwt", "jwt")
	cfg.Listen = "localhost:0"
	s := check(t, cfg, agency)
	if !bytes.Equal(s.CertPEM(), cert) {
		t.Error("another certificate")
	}
	s.Shutdown()
	after := tree(t, cfg.Dir, "keys", "tls.crt", "operator.jwt", "jwt")
	if len(before) != len(after) || len(before) < 12 {
		t.Errorf("%d files before, %d after", len(before), len(after))
	}
	for path, data := range before {
		if after[path] != data {
			t.Errorf("%s has changed", path)
		}
	}
}

func TestFilesAreSecret(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "hub")
	fill(t, natsd.Config{Dir: dir})
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestCipher(t *testing.T) {
	for _, off := range []bool{false, true} {
		dir := t.TempDir()
		fill(t, natsd.Config{Dir: dir, NoCipher: off})
		found := false
		for path, data := range tree(t, dir, "store") {
			if strings.Contains(data, secret) {
				found = true
				if !off {
					t.Errorf("%s has the text", path)
				}
			}
		}
		if off && !found {
			t.Error("without a cipher the text is not found either: the search is no good")
		}
	}
}

// Whatever is wrong with the keys or the store, Start refuses, changes nothing, and works again when
// it is put right.
func TestRefusesAndHarmsNothing(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(t testing.TB, cfg *natsd.Config)
		want  error
	}{
		"wrong store key": {func(t testing.TB, cfg *natsd.Config) {
			seal(t, cfg, "store.key", strings.Repeat("0f", 32))
		}, natsd.ErrStoreKey},
		"store key missing": {func(t testing.TB, cfg *natsd.Config) { remove(t, cfg, "keys/store.key.sealed") }, natsd.ErrStoreKey},
		"store key damaged": {func(t testing.TB, cfg *natsd.Config) { seal(t, cfg, "store.key", "zz") }, natsd.ErrStoreKey},
		"check missing":     {func(t testing.TB, cfg *natsd.Config) { remove(t, cfg, "store/key.check") }, natsd.ErrStoreKey},
		"check and key missing": {func(t testing.TB, cfg *natsd.Config) {
			remove(t, cfg, "store/key.check")
			remove(t, cfg, "keys/store.key.sealed")
		}, natsd.ErrStoreKey},
		"cipher off": {func(_ testing.TB, cfg *natsd.Config) { cfg.NoCipher = true }, natsd.ErrStoreKey},
		"all keys missing": {func(t testing.TB, cfg *natsd.Config) {
			remove(t, cfg, "keys")
			keys(t, cfg.Dir)
		}, natsd.ErrKeys},
		"one key missing":   {func(t testing.TB, cfg *natsd.Config) { remove(t, cfg, "keys/hub.seed.sealed") }, natsd.ErrKeys},
		"one key of a kind": {func(t testing.TB, cfg *natsd.Config) { swap(t, cfg, "hub.seed", "operator.seed") }, natsd.ErrKeys},
		"certificate gone":  {func(t testing.TB, cfg *natsd.Config) { remove(t, cfg, "tls.crt") }, natsd.ErrKeys},
		"certificate's key": {func(t testing.TB, cfg *natsd.Config) { remove(t, cfg, "keys/tls.key.sealed") }, natsd.ErrKeys},
		"keys of another's": {func(t testing.TB, cfg *natsd.Config) { cfg.Keys = keys(t, t.TempDir()) }, natsd.ErrKeys},
		"no keystore":       {func(_ testing.TB, cfg *natsd.Config) { cfg.Keys = nil }, natsd.ErrKeys},
		"HUB is another":    {func(t testing.TB, cfg *natsd.Config) { swap(t, cfg, "hub.seed", "sys.seed") }, natsd.ErrStream},
		"stream unreadable": {func(t testing.TB, cfg *natsd.Config) {
			write(t, cfg, ledgerDir(t, cfg)+"/meta.inf", "{}")
		}, natsd.ErrStream},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			good := natsd.Config{Dir: filepath.Join(dir, "hub")}
			agency, _ := fill(t, good)
			copyTree(t, good.Dir, filepath.Join(dir, "backup"))
			bad := good
			bad.Keys = keys(t, good.Dir)
			c.spoil(t, &bad)
			spoilt := tree(t, dir, "hub")
			s, err := natsd.Start(bad)
			if err == nil {
				s.Shutdown()
			}
			if !errors.Is(err, c.want) {
				t.Fatalf("Start: %v, want %v", err, c.want)
			}
			if c.want != natsd.ErrStream {
				for path, data := range tree(t, dir, "hub") {
					if spoilt[path] != data {
						t.Errorf("%s has changed", path)
					}
				}
			}
			restore(t, filepath.Join(dir, "backup"), good.Dir, "keys", "tls.crt", "operator.jwt", "store/key.check", "jwt")
			if name == "stream unreadable" {
				restore(t, filepath.Join(dir, "backup"), good.Dir, ledgerDir(t, &good)+"/meta.inf")
			}
			check(t, good, agency)
		})
	}
}

// seal puts a secret in the place of another.
func seal(t testing.TB, cfg *natsd.Config, name, secret string) {
	t.Helper()
	if err := keys(t, cfg.Dir).Write(name, []byte(secret)); err != nil {
		t.Fatal(err)
	}
}

// TestFirstStartEnds: a first start that ended before all keys were made is begun again.
func TestFirstStartEnds(t *testing.T) {
	dir := t.TempDir()
	if err := keys(t, dir).Write("tls.key", []byte("of a certificate that was never written")); err != nil {
		t.Fatal(err)
	}
	start(t, natsd.Config{Dir: dir})
}

func TestListenRefusals(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, listen := range []string{"127.0.0.1", "127.0.0.1:x", "127.0.0.1:70000", taken.Addr().String()} {
		if s, err := natsd.Start(natsd.Config{Dir: t.TempDir(), Keys: keys(t, t.TempDir()), Listen: listen}); err == nil {
			s.Shutdown()
			t.Errorf("listens on %s", listen)
		} else if !strings.Contains(err.Error(), listen) && !strings.Contains(err.Error(), "address already in use") {
			t.Errorf("%s: %v", listen, err)
		}
	}
}
