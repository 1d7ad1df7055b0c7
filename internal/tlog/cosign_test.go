package tlog

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
)

var noon = time.Date(2027, 1, 11, 12, 0, 0, 0, time.UTC)

func newCosigner(t testing.TB, name string) (*Cosigner, *CosignatureKey) {
	t.Helper()
	skey, err := GenerateCosigner(name)
	must(t, err)
	c, err := NewCosigner(skey)
	must(t, err)
	k, err := NewCosignatureKey(c.VKey())
	must(t, err)
	return c, k
}

// cosigned is a checkpoint with the lines of some witnesses.
func cosigned(t testing.TB, cp []byte, by ...*Cosigner) []byte {
	t.Helper()
	for _, c := range by {
		cp = AddCosignatures(cp, c.line(t, cp))
	}
	return cp
}

// line is a witness's line for a checkpoint.
func (c *Cosigner) line(t testing.TB, cp []byte) []byte {
	t.Helper()
	text, err := noteText(cp)
	must(t, err)
	origin, tree, err := parseCheckpoint(text)
	must(t, err)
	signed, err := c.Cosign(origin, tree, noon)
	must(t, err)
	return Lines(signed)
}

// TestCosignatureElsewhere: implementations of others accept our cosigned checkpoint, and no altered one.
func TestCosignatureElsewhere(t *testing.T) {
	l := newLogOf(t, 5)
	a, _ := newCosigner(t, "w1.example.org")
	b, _ := newCosigner(t, "w2.example.org/w")
	good := cosigned(t, l.sign(), a, b)
	path := filepath.Join(t.TempDir(), "checkpoint")
	for name, c := range map[string]struct {
		checkpoint []byte
		ok         bool
	}{
		"good":              {good, true},
		"another time":      {replaceLine(t, good, a.Name(), 4+7, 1), false},
		"another signature": {replaceLine(t, good, b.Name(), 20, 1), false},
		"another size":      {bytes.Replace(good, []byte("\n5\n"), []byte("\n6\n"), 1), false},
	} {
		var keys []note.Verifier
		for _, w := range []*Cosigner{a, b} {
			k, err := torchwood.NewCosignatureVerifier(w.VKey())
			must(t, err)
			keys = append(keys, k)
		}
		n, err := note.Open(c.checkpoint, note.VerifierList(keys...))
		if ok := err == nil && len(n.Sigs) == 2; ok != c.ok {
			t.Errorf("%s: x/mod and torchwood: %v", name, err)
		}
		if os.Getenv("FAIRLEAD_NO_SKIP") == "" && exec.CommandContext(t.Context(), "python3", "-c", "import cryptography").Run() != nil {
			t.Log("python3-cryptography is not here: not checked by the outside verifier")
			continue
		}
		must(t, os.WriteFile(path, c.checkpoint, 0o600))
		out, err := exec.CommandContext(t.Context(), "python3", "testdata/verify.py", path, l.vkey, a.VKey(), b.VKey()).CombinedOutput()
		want := fmt.Sprintf("OK %s %d\nOK %s %d\n", a.Name(), noon.Unix(), b.Name(), noon.Unix())
		if (err == nil && string(out) == want) != c.ok {
			t.Errorf("%s: Python: %v\n%s", name, err, out)
		}
	}
}

// replaceLine flips a bit of the signature of a name.
func replaceLine(t testing.TB, cp []byte, name string, at int, bit byte) []byte {
	t.Helper()
	lines := strings.SplitAfter(string(cp), "\n")
	for i, line := range lines {
		words := strings.Fields(line)
		if len(words) == 3 && words[1] == name {
			raw, err := base64.StdEncoding.DecodeString(words[2])
			must(t, err)
			raw[at] ^= bit
			lines[i] = "— " + name + " " + base64.StdEncoding.EncodeToString(raw) + "\n"
		}
	}
	return []byte(strings.Join(lines, ""))
}

// TestCosignatureLine: a line counts for one key, one checkpoint and as it was made.
func TestCosignatureLine(t *testing.T) {
	l := newLogOf(t, 5)
	a, key := newCosigner(t, "w1.example.org")
	other, _ := newCosigner(t, "w1.example.org") // the same name, another key
	cp := l.sign()
	line, stranger := a.line(t, cp), other.line(t, cp)
	l.grow(6)
	next := l.sign()
	for name, c := range map[string]struct {
		cp, lines []byte
		ok        bool
	}{
		"good":                    {cp, line, true},
		"among others":            {cp, append(bytes.Clone(stranger), line...), true},
		"of another key":          {cp, stranger, false},
		"of another checkpoint":   {next, line, false},
		"none":                    {cp, nil, false},
		"without its newline":     {cp, line[:len(line)-1], false},
		"altered":                 {cp, replaceLine(t, line, a.Name(), 70, 4), false},
		"cut off":                 {cp, []byte(strings.Fields(string(line))[0] + "\n"), false},
		"behind a text of theirs": {cp, append([]byte("one\n\n"), line...), false},
		"too many bytes":          {cp, append(bytes.Repeat([]byte("— x AAAAAAA=\n"), 6000), line...), false},
		"no checkpoint":           {[]byte("x"), line, false},
	} {
		got, at, err := key.Line(c.cp, c.lines)
		if c.ok != (err == nil) || c.ok && (!bytes.Equal(got, line) || !at.Equal(noon)) {
			t.Errorf("%s: %q at %v, %v", name, got, at, err)
		}
		if err != nil && !errors.Is(err, ErrCosignature) && !errors.Is(err, ErrCheckpoint) {
			t.Errorf("%s: error of no kind: %v", name, err)
		}
	}
	if _, err := a.Cosign(l.v.Origin(), Tree{N: -1}, noon); !errors.Is(err, ErrCheckpoint) {
		t.Error("cosigns what is no checkpoint:", err)
	}
	signed, err := a.Cosign(l.v.Origin(), l.Tree(), noon)
	must(t, err)
	if origin, tree, err := key.Open(signed); err != nil || origin != l.v.Origin() || tree != l.Tree() {
		t.Errorf("%s %v: %v", origin, tree, err)
	}
	for _, bad := range [][]byte{nil, cp, bytes.Replace(signed, []byte("\n6\n"), []byte("\n7\n"), 1), replaceLine(t, signed, a.Name(), 30, 1)} {
		if origin, tree, err := key.Open(bad); err == nil {
			t.Errorf("%q states %s %v", bad, origin, tree)
		}
	}
	if twice := AddCosignatures(AddCosignatures(cp, line), line); !bytes.Equal(twice, append(bytes.Clone(cp), line...)) {
		t.Errorf("added twice:\n%s", twice)
	}
}

func TestCosignerKeys(t *testing.T) {
	for range 40 { // some keys have a plus sign in their base64
		skey, err := GenerateCosigner("w.example.org")
		must(t, err)
		c, err := NewCosigner(skey)
		must(t, err)
		if k, err := NewCosignatureKey(c.VKey()); err != nil || k.Name() != c.Name() || k.Public() == "" {
			t.Fatal(err)
		}
	}
	if _, err := GenerateCosigner("two words"); err == nil {
		t.Error("a name with a space")
	}
	skey, logKey, err := GenerateKey("w.example.org")
	must(t, err)
	for _, bad := range []string{"", "PRIVATE+KEY", skey[:len(skey)-4], logKey} {
		if _, err := NewCosigner(bad); err == nil {
			t.Errorf("%d bytes pass for a private key", len(bad))
		} else if len(bad) > 40 && strings.Contains(err.Error(), bad[len(bad)-20:]) {
			t.Error("the error repeats the key")
		}
	}
	if _, err := NewCosignatureKey(logKey); !errors.Is(err, ErrCosignature) {
		t.Error("a log's key passes for a witness's:", err)
	}
	// Two names, one key: told by Public.
	_, pair, err := ed25519.GenerateKey(nil)
	must(t, err)
	var public []string
	for _, name := range []string{"a", "b"} {
		s, err := torchwood.NewCosignatureSigner(name, pair)
		must(t, err)
		k, err := NewCosignatureKey(s.Verifier().String())
		must(t, err)
		public = append(public, k.Public())
	}
	if public[0] != public[1] {
		t.Errorf("one key, told apart: %q", public)
	}
}
