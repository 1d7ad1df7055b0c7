package seal

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"fairlead/internal/fairlead"
	"fairlead/internal/keyring"
)

// The files in testdata were made once. What is archived today must open in thirty years, so they
// are never made again to please a test; the flag is for a new set beside them.
var makeGolden = flag.String("golden", "", "write a new set of golden files into this folder")

// golden is what the files are about: the made-up agency NOR-CSC seals to itself.
var golden = struct {
	in      Inner
	content string
	header  string
}{
	in:      Inner{Section: "HEALTH", Sender: "NOR-CSC", Type: "json"},
	content: `{"allergies":["nuts"]}`,
	header:  "header of a share\n",
}

const goldenMessage = "019b8c3e-5b20-7d5a-9c51-6d1f3c0a7e42"

func goldenInner(t *testing.T) Inner {
	t.Helper()
	in := golden.in
	var err error
	if in.Message, err = fairlead.ParseShareID(goldenMessage); err != nil {
		t.Fatal(err)
	}
	return in
}

func TestGolden(t *testing.T) {
	read := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	k, err := Parse(read("private.pgp"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := keyring.ReadCertificate(read("certificate.pgp"), later)
	if err != nil {
		t.Fatal(err)
	}
	if c.Fingerprint() != k.Fingerprint() || c.Agency() != "NOR-CSC" {
		t.Errorf("certificate %s of %s", c.Fingerprint(), c.Agency())
	}
	if err := c.Signing().Verify([]byte(golden.header), read("signature.pgp"), keyring.ContextShare, later); err != nil {
		t.Error(err)
	}
	content, typ, err := k.Open(read("section.pgp"), c.Signing(), goldenInner(t), later)
	if err != nil || string(content) != golden.content || typ != "json" {
		t.Errorf("opened %d octets of type %q: %v", len(content), typ, err)
	}
}

func TestMakeGolden(t *testing.T) {
	if *makeGolden == "" {
		t.Skip("no -golden folder")
	}
	k := generate(t, "NOR-CSC")
	sig, err := k.Sign([]byte(golden.header), keyring.ContextShare, later)
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{
		"private.pgp":     k.Marshal(),
		"certificate.pgp": k.Certificate(),
		"signature.pgp":   sig,
		"section.pgp":     sealed(t, k, k, goldenInner(t), golden.content),
	} {
		if err := os.WriteFile(filepath.Join(*makeGolden, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
