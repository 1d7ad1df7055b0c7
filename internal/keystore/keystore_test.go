package keystore_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fairlead/internal/keystore"
)

const secret = "the private half of a key"

func says(words string) keystore.Source {
	return func(bool) ([]byte, error) { return []byte(words), nil }
}

// made is a store with one secret, closed.
func made(t *testing.T, from keystore.Source) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "keys")
	s, err := keystore.Make(dir, from)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Write("key.pgp", []byte(secret)); err != nil {
		t.Fatal(err)
	}
	return dir
}

func edit(t *testing.T, dir string, change func(h map[string]any)) {
	t.Helper()
	path := filepath.Join(dir, "keystore.json")
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	h := map[string]any{}
	if err := json.Unmarshal(raw, &h); err != nil {
		t.Fatal(err)
	}
	change(h)
	if raw, err = json.Marshal(h); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestSealed(t *testing.T) {
	dir := made(t, says("four words of mine"))
	for _, file := range []string{"keystore.json", "key.pgp.sealed"} {
		raw, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil || bytes.Contains(raw, []byte(secret[:8])) || bytes.Contains(raw, []byte("words")) {
			t.Errorf("%s: %v, or it holds what must be sealed", file, err)
		}
		if info, err := os.Stat(filepath.Join(dir, file)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", file, info.Mode(), err)
		}
	}
	s, err := keystore.Make(dir, says("four words of mine"))
	if err != nil || !s.Sealed() {
		t.Fatalf("sealed %t, %v", s.Sealed(), err)
	}
	if got, err := s.Read("key.pgp"); err != nil || string(got) != secret {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := s.Read("other"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a secret that is not there: %v", err)
	}
	for _, name := range []string{"", "../x", "a/b", ".x"} {
		if err := s.Write(name, nil); err == nil {
			t.Errorf("%q is taken for a name", name)
		}
	}
	a, b := s.Derive("one"), s.Derive("two")
	if len(a) != 32 || bytes.Equal(a, b) || !bytes.Equal(a, s.Derive("one")) {
		t.Error("derived keys are not one for each use")
	}
}

func TestReseal(t *testing.T) {
	dir := made(t, says("four words of mine"))
	s, err := keystore.Open(dir, says("four words of mine"))
	if err != nil {
		t.Fatal(err)
	}
	derived := s.Derive("use")
	if err := s.Reseal(says("five words of somebody else")); err != nil {
		t.Fatal(err)
	}
	if _, err := keystore.Open(dir, says("four words of mine")); !errors.Is(err, keystore.ErrPassphrase) {
		t.Errorf("the old passphrase: %v", err)
	}
	again, err := keystore.Open(dir, says("five words of somebody else"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := again.Read("key.pgp"); err != nil || string(got) != secret || !bytes.Equal(again.Derive("use"), derived) {
		t.Errorf("%q, %v, or another derived key", got, err)
	}
}

// TestUnsealed: the choice of no passphrase is visible, and made by nobody who only forgot one.
func TestUnsealed(t *testing.T) {
	dir := made(t, keystore.Unsealed)
	s, err := keystore.Open(dir, nil)
	if err != nil || s.Sealed() {
		t.Fatalf("sealed %t, %v", s.Sealed(), err)
	}
	if got, err := s.Read("key.pgp"); err != nil || string(got) != secret {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := keystore.Make(filepath.Join(t.TempDir(), "new"), nil); !errors.Is(err, keystore.ErrPassphrase) {
		t.Errorf("a new store without a source: %v", err)
	}
	if _, err := keystore.Open(made(t, says("four words of mine")), keystore.Unsealed); !errors.Is(err, keystore.ErrPassphrase) {
		t.Errorf("a sealed store opened without a passphrase: %v", err)
	}
}

func TestRefused(t *testing.T) {
	number := func(field string, n int) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) { edit(t, dir, func(h map[string]any) { h[field] = n }) }
	}
	mode := func(name string, m os.FileMode) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			if err := os.Chmod(filepath.Join(dir, name), m); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, test := range map[string]struct {
		spoil func(t *testing.T, dir string)
		want  error
		says  string
	}{
		"fewer passes":        {number("passes", 1), keystore.ErrDamaged, "weaker"},
		"less memory":         {number("memory_kib", 1024), keystore.ErrDamaged, "weaker"},
		"no threads":          {number("threads", 0), keystore.ErrDamaged, "weaker"},
		"passes without end":  {number("passes", 1<<30), keystore.ErrDamaged, "exhaust"},
		"memory without end":  {number("memory_kib", 1<<31), keystore.ErrDamaged, "exhaust"},
		"other parameters":    {number("passes", 4), keystore.ErrPassphrase, "altered"},
		"short salt":          {func(t *testing.T, dir string) { edit(t, dir, func(h map[string]any) { h["salt"] = "AAAA" }) }, keystore.ErrDamaged, "weaker"},
		"another kdf":         {func(t *testing.T, dir string) { edit(t, dir, func(h map[string]any) { h["kdf"] = "md5" }) }, keystore.ErrDamaged, "md5"},
		"an unknown field":    {func(t *testing.T, dir string) { edit(t, dir, func(h map[string]any) { h["x"] = 1 }) }, keystore.ErrDamaged, "x"},
		"said to be unsealed": {func(t *testing.T, dir string) { edit(t, dir, func(h map[string]any) { h["kdf"] = "none" }) }, keystore.ErrDamaged, "none"},
		"a key of another": {func(t *testing.T, dir string) {
			edit(t, dir, func(h map[string]any) { h["kdf"], h["key"] = "none", strings.Repeat("AAAA", 10)+"AAA=" })
		}, keystore.ErrDamaged, "altered"},
		"one byte altered": {func(t *testing.T, dir string) {
			path := filepath.Join(dir, "key.pgp.sealed")
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			raw[len(raw)-1] ^= 1
			if err := os.WriteFile(path, raw, 0o600); err != nil {
				t.Fatal(err)
			}
		}, keystore.ErrDamaged, "backup"},
		"cut short": {func(t *testing.T, dir string) {
			if err := os.Truncate(filepath.Join(dir, "key.pgp.sealed"), 5); err != nil {
				t.Fatal(err)
			}
		}, keystore.ErrDamaged, "backup"},
		"another's secret": {func(t *testing.T, dir string) {
			if err := os.Rename(filepath.Join(made(t, keystore.Unsealed), "key.pgp.sealed"), filepath.Join(dir, "key.pgp.sealed")); err != nil {
				t.Fatal(err)
			}
		}, keystore.ErrDamaged, "another keystore"},
		"no header": {func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, "keystore.json")); err != nil {
				t.Fatal(err)
			}
		}, keystore.ErrDamaged, "put it back"},
		"a folder others read": {mode(".", 0o750), keystore.ErrOpen, "run: chmod 700 "},
		"a header others read": {mode("keystore.json", 0o644), keystore.ErrOpen, "run: chmod 600 "},
		"a secret others read": {mode("key.pgp.sealed", 0o640), keystore.ErrOpen, "run: chmod 600 "},
	} {
		t.Run(name, func(t *testing.T) {
			dir := made(t, says("four words of mine"))
			test.spoil(t, dir)
			s, err := keystore.Make(dir, says("four words of mine"))
			if err == nil {
				_, err = s.Read("key.pgp")
			}
			if !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("%v, want %v that says %q", err, test.want, test.says)
			}
		})
	}
}

// TestRenamed: a secret is bound to its name.
func TestRenamed(t *testing.T) {
	dir := made(t, keystore.Unsealed)
	if err := os.Rename(filepath.Join(dir, "key.pgp.sealed"), filepath.Join(dir, "user.seed.sealed")); err != nil {
		t.Fatal(err)
	}
	s, err := keystore.Open(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := s.Read("user.seed"); !errors.Is(err, keystore.ErrDamaged) {
		t.Errorf("%q, %v", got, err)
	}
}

// TestWiped: what a closed store held is no longer in its memory.
func TestWiped(t *testing.T) {
	dir := made(t, keystore.Unsealed)
	var typed []byte
	from := func(bool) ([]byte, error) {
		typed = []byte("four words of mine")
		return typed, nil
	}
	s, err := keystore.Open(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Reseal(from); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(typed, make([]byte, len(typed))) {
		t.Error("the passphrase is still there")
	}
	s.Close()
	if _, err := s.Read("key.pgp"); err == nil {
		t.Error("the key is still there")
	}
}

func TestAsk(t *testing.T) {
	file := func(text string, mode os.FileMode) string {
		path := filepath.Join(t.TempDir(), "fairlead-passphrase")
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for name, test := range map[string]struct {
		file      string
		env       map[string]string
		fresh     bool
		want, err string
	}{
		"a named file":           {file("from the file\n", 0o600), map[string]string{keystore.EnvText: "from the environment"}, true, "from the file", ""},
		"a file of the variable": {"", map[string]string{keystore.EnvFile: file("from the file", 0o400)}, true, "from the file", ""},
		"the environment":        {"", map[string]string{keystore.EnvText: "from the environment"}, true, "from the environment", ""},
		"a credential":           {"", map[string]string{"CREDENTIALS_DIRECTORY": filepath.Dir(file("from systemd\n", 0o400))}, true, "from systemd", ""},
		"a file others read":     {file("from the file", 0o644), nil, false, "", "run: chmod 600 "},
		"an empty file":          {file("\n", 0o600), nil, false, "", "empty"},
		"no such file":           {"/nowhere/at/all", nil, false, "", "no such file"},
		"short, new":             {"", map[string]string{keystore.EnvText: "short"}, true, "", "shorter than 12"},
		"short, old":             {"", map[string]string{keystore.EnvText: "short"}, false, "short", ""},
		"long":                   {"", map[string]string{keystore.EnvText: strings.Repeat("x", 2000)}, true, "", "longer"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, name := range []string{keystore.EnvFile, keystore.EnvText, "CREDENTIALS_DIRECTORY"} {
				t.Setenv(name, test.env[name])
			}
			got, err := keystore.Ask(test.file)(test.fresh)
			if string(got) != test.want || (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
	t.Setenv(keystore.EnvNewText, "the one that follows")
	if got, err := keystore.AskNew(true); string(got) != "the one that follows" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

// FuzzHeader: no header makes Open panic, exhaust the machine, or open what it must not.
func FuzzHeader(f *testing.F) {
	f.Add([]byte(`{"kdf":"argon2id","passes":3,"memory_kib":65536,"threads":4,"salt":"AAAAAAAAAAAAAAAAAAAAAA==","key":"AAAA"}`))
	f.Add([]byte(`{"kdf":"none","key":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}`))
	refuse := func(bool) ([]byte, error) { return nil, errors.New("not asked for") }
	f.Fuzz(func(t *testing.T, raw []byte) {
		dir := filepath.Join(t.TempDir(), "keys")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "keystore.json"), raw, 0o600); err != nil {
			t.Fatal(err)
		}
		if s, err := keystore.Open(dir, refuse); err == nil && s.Sealed() {
			t.Error("it opened without a passphrase")
		}
	})
}
