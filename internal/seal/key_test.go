package seal

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"fairlead/internal/keyring"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
)

func TestGenerate(t *testing.T) {
	k := generate(t, "NOR-CSC")
	c := certificate(t, k, born)
	if c.Agency() != "NOR-CSC" || k.Agency() != "NOR-CSC" || c.Fingerprint() != k.Fingerprint() || len(c.Keys()) != 2 {
		t.Errorf("agency %s, %d keys", c.Agency(), len(c.Keys()))
	}
	if !c.NotAfter().IsZero() {
		t.Errorf("ends %v", c.NotAfter())
	}
	if _, err := Generate("lower", born); !errors.Is(err, ErrKey) {
		t.Errorf("malformed id: %v", err)
	}
}

func TestMarshal(t *testing.T) {
	a := generate(t, "NOR-CSC")
	again, err := Parse(a.Marshal())
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(again.Marshal(), a.Marshal()) || !bytes.Equal(again.Certificate(), a.Certificate()) || again.Agency() != "NOR-CSC" {
		t.Error("another key came back")
	}
	in := inner("NOR-CSC")
	if _, _, err := again.Open(sealed(t, again, a, in, "x"), certificate(t, a, later).Signing(), in, later); err != nil {
		t.Error(err)
	}
}

func TestRefusedKeys(t *testing.T) {
	entity := func(change func(*packet.Config), edit func(*openpgp.Entity)) []byte {
		cfg := config(born)
		if change != nil {
			change(cfg)
		}
		e, err := openpgp.NewEntity("NOR-CSC"+keyring.UserIDSuffix, "", "", cfg)
		if err != nil {
			t.Fatal(err)
		}
		if edit != nil {
			edit(e)
		}
		var b bytes.Buffer
		if err := e.SerializePrivateWithoutSigning(&b, cfg); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	k := generate(t, "NOR-CSC")
	locked := func() []byte {
		e, err := readEntity(k.Marshal())
		if err != nil {
			t.Fatal(err)
		}
		if err := e.EncryptPrivateKeys([]byte("pass"), config(born)); err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := e.SerializePrivateWithoutSigning(&b, config(born)); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	for _, test := range []struct {
		name string
		in   []byte
	}{
		{"empty", nil},
		{"garbage", []byte("garbage")},
		{"cut off", k.Marshal()[:len(k.Marshal())-1]},
		{"certificate only", k.Certificate()},
		{"two keys", append(k.Marshal(), generate(t, "DON-CSC").Marshal()...)},
		{"locked", locked()},
		{"version 4", entity(func(c *packet.Config) { c.V6Keys = false }, nil)},
		{"X25519 subkey", entity(nil, nil)},
		{"no subkey", entity(nil, func(e *openpgp.Entity) { e.Subkeys = nil })},
	} {
		if _, err := Parse(test.in); !errors.Is(err, ErrKey) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

func TestRotate(t *testing.T) {
	a, b := generate(t, "NOR-CSC"), generate(t, "DON-CSC")
	in, from := inner("NOR-CSC"), certificate(t, a, later).Signing()
	before := sealed(t, a, b, in, "before")
	next, err := b.Rotate(later)
	if err != nil {
		t.Fatal(err)
	}
	after := sealed(t, a, next, in, "after")
	for _, test := range []struct {
		name    string
		key     *Key
		section []byte
		want    error
	}{
		{"old section, new key", next, before, nil},
		{"new section, new key", next, after, nil},
		{"new section, old key", b, after, ErrNotForUs},
	} {
		if _, _, err := test.key.Open(test.section, from, in, later); !errors.Is(err, test.want) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
	old, now := certificate(t, b, later), certificate(t, next, later)
	if old.Fingerprint() != now.Fingerprint() || old.Encryption() == now.Encryption() || len(now.Keys()) != 3 {
		t.Error("rotation did not add one subkey under the same primary key")
	}
	ring, err := new(keyring.Ring).With("DON-CSC", old)
	if err != nil {
		t.Fatal(err)
	}
	if ring, err = ring.With("DON-CSC", now); err != nil {
		t.Fatal(err)
	}
	if s, err := keyring.ParseSection(before); err != nil || !ring.Stale("DON-CSC", s.Recipient) {
		t.Errorf("the old section is not for a stale key: %v", err)
	}
	for _, at := range []time.Time{later, born} {
		if _, err := next.Rotate(at); !errors.Is(err, ErrKey) {
			t.Errorf("rotation at %v: %v", at, err)
		}
	}
}
