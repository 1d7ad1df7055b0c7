package natsd_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"fairlead/internal/bus"
	"fairlead/internal/fairlead"
	"fairlead/internal/keystore"
	"fairlead/internal/natsd"
	"fairlead/internal/subject"
)

func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// keys is the keystore beside the server's own files.
func keys(t testing.TB, dir string) *keystore.Store {
	t.Helper()
	ks, err := keystore.Make(filepath.Join(dir, "keys"), keystore.Unsealed)
	if err != nil {
		t.Fatal(err)
	}
	return ks
}

func start(t testing.TB, cfg natsd.Config) *natsd.Server {
	t.Helper()
	cfg.Keys = keys(t, cfg.Dir)
	s, err := natsd.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Shutdown)
	return s
}

func openHub(t testing.TB, s *natsd.Server) *bus.Hub {
	t.Helper()
	who, err := s.HubUser()
	if err != nil {
		t.Fatal(err)
	}
	h, err := bus.OpenHub(within(t), bus.HubConfig{Server: s, Seed: who.Seed, UserJWT: who.JWT})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	return h
}

// enrol makes an agency's account with one user.
func enrol(t testing.TB, s *natsd.Server) bus.AgencyConfig {
	t.Helper()
	account, err := s.NewAccount()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Activate(account); err != nil {
		t.Fatal(err)
	}
	return newUser(t, s, account)
}

// newUser is a user of an account, over the network if the server listens.
func newUser(t testing.TB, s *natsd.Server, account fairlead.Account) bus.AgencyConfig {
	t.Helper()
	seed, public, err := bus.NewUser()
	if err != nil {
		t.Fatal(err)
	}
	token, err := s.UserJWT(account, public, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	cfg := bus.AgencyConfig{InProcess: s, Seed: seed, UserJWT: token, Account: account}
	if s.ClientURL() != "" {
		cfg.InProcess, cfg.URL, cfg.CertPEM = nil, s.ClientURL(), s.CertPEM()
	}
	return cfg
}

// fill runs a server once: an agency, messages in the ledger, a checkpoint.
func fill(t testing.TB, cfg natsd.Config) (agency bus.AgencyConfig, cert []byte) {
	t.Helper()
	s := start(t, cfg)
	h := openHub(t, s)
	agency = enrol(t, s)
	if err := h.AddInbox(within(t), "RO", agency.Account); err != nil {
		t.Fatal(err)
	}
	out, err := subject.Out("RO", agency.Account)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Commit(within(t), 0, []bus.OutMsg{{Subject: out, Data: []byte(secret)}, {Subject: subject.Entry, Data: []byte(secret)}}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.SetHead(within(t), []byte("head"), 0); err != nil {
		t.Fatal(err)
	}
	h.Close()
	s.Shutdown()
	return agency, s.CertPEM()
}

// check runs the server again and compares with what fill left.
func check(t testing.TB, cfg natsd.Config, agency bus.AgencyConfig) *natsd.Server {
	t.Helper()
	s := start(t, cfg)
	h := openHub(t, s)
	if last, err := h.LastSeq(within(t)); last != 2 || err != nil {
		t.Errorf("ledger ends at %d, %v; want 2", last, err)
	}
	if head, rev, err := h.Head(within(t)); string(head) != "head" || rev != 1 || err != nil {
		t.Errorf("head %q, %d, %v", head, rev, err)
	}
	if err := s.Activate(agency.Account); err != nil {
		t.Error(err)
	}
	if err := h.AddInbox(within(t), "RO", agency.Account); err != nil {
		t.Error(err)
	}
	if agency.InProcess = s; cfg.Listen != "" {
		agency.InProcess, agency.URL = nil, s.ClientURL()
	}
	a, err := bus.Dial(within(t), agency)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	list, err := a.Receive(within(t), 10, time.Second)
	if err != nil || len(list) != 1 || string(list[0].Data) != secret {
		t.Errorf("inbox has %d messages, %v; want 1", len(list), err)
	}
	on, err := subject.In(subject.ToHub, agency.Account, "ack")
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Publish(within(t), on, []byte("x")); err != nil {
		t.Error(err)
	}
	return s
}

// tree reads every file that must not change by itself.
func tree(t testing.TB, dir string, parts ...string) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, part := range parts {
		err := filepath.WalkDir(filepath.Join(dir, part), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			data, err := os.ReadFile(path)
			files[path] = string(data)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return files
}

func write(t testing.TB, cfg *natsd.Config, path, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(cfg.Dir, path), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func remove(t testing.TB, cfg *natsd.Config, path string) {
	t.Helper()
	if err := os.RemoveAll(filepath.Join(cfg.Dir, path)); err != nil {
		t.Fatal(err)
	}
}

// swap lets two sealed secrets change places.
func swap(t testing.TB, cfg *natsd.Config, a, b string) {
	t.Helper()
	ks := keys(t, cfg.Dir)
	x, errA := ks.Read(a)
	y, errB := ks.Read(b)
	if err := errors.Join(errA, errB, ks.Write(a, y), ks.Write(b, x)); err != nil {
		t.Fatal(err)
	}
}

// ledgerDir is where the server keeps LEDGER, relative to the directory of the hub.
func ledgerDir(t testing.TB, cfg *natsd.Config) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(cfg.Dir, "store", "jetstream", "*", "streams", subject.StreamLedger))
	if err != nil || len(found) != 1 {
		t.Fatalf("LEDGER on disk: %v, %v", found, err)
	}
	rel, err := filepath.Rel(cfg.Dir, found[0])
	if err != nil {
		t.Fatal(err)
	}
	return rel
}

func copyTree(t testing.TB, from, to string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), "cp", "-a", from, to).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

func restore(t testing.TB, backup, dir string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if err := os.RemoveAll(filepath.Join(dir, part)); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(filepath.Join(backup, part))
		if err != nil {
			t.Fatal(err)
		}
		if info.IsDir() {
			copyTree(t, filepath.Join(backup, part), filepath.Join(dir, part))
			continue
		}
		data, err := os.ReadFile(filepath.Join(backup, part))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, part), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
