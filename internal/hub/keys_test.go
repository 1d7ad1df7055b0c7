package hub_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"fairlead/internal/hub"
	"fairlead/internal/keystore"
	"fairlead/internal/store"
)

// TestKeys: a hub starts with its own keys or not at all, and one at a time on its folder.
func TestKeys(t *testing.T) {
	t.Parallel()
	says := func(words string) keystore.Source {
		return func(bool) ([]byte, error) { return []byte(words), nil }
	}
	cfg := hub.Config{Dir: t.TempDir(), Origin: "hub.example/log", Unlock: says("four words of mine"), Now: time.Now}
	start := func(cfg hub.Config) (*hub.Hub, error) { return hub.Start(context.Background(), cfg) }
	h, err := start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := start(cfg); !errors.Is(err, store.ErrInUse) {
		t.Errorf("a second hub on one folder: %v", err)
	}
	h.Close()
	for name, from := range map[string]keystore.Source{"another passphrase": says("four words of others"), "none": keystore.Unsealed, "nobody asked": nil} {
		bad := cfg
		bad.Unlock = from
		if _, err := start(bad); !errors.Is(err, keystore.ErrPassphrase) {
			t.Errorf("%s: %v", name, err)
		}
	}
	away := filepath.Join(t.TempDir(), "keys")
	if err := os.Rename(filepath.Join(cfg.Dir, "keys"), away); err != nil {
		t.Fatal(err)
	}
	if _, err := start(cfg); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without its keystore: %v", err)
	}
	if _, err := os.Stat(filepath.Join(cfg.Dir, "keys")); err == nil {
		t.Error("keys were made over a log")
	}
	if err := os.Rename(away, filepath.Join(cfg.Dir, "keys")); err != nil {
		t.Fatal(err)
	}
	if h, err = start(cfg); err != nil {
		t.Fatalf("put right: %v", err)
	}
	h.Close()
}
