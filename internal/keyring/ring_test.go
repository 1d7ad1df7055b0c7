package keyring_test

import (
	"crypto"
	"errors"
	"fmt"
	"testing"
	"time"

	"fairlead/internal/fairlead"
	"fairlead/internal/keyring"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
)

func TestRing(t *testing.T) {
	a, b := certificate(t, native(t, "NOR-CSC", born)), certificate(t, native(t, "DON-CSC", born))
	empty := new(keyring.Ring)
	one, err := empty.With("NOR-CSC", a)
	if err != nil {
		t.Fatal(err)
	}
	two, err := one.With("DON-CSC", b)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		ring *keyring.Ring
		want map[fairlead.AgencyID]*keyring.Certificate
	}{
		{"empty", empty, map[fairlead.AgencyID]*keyring.Certificate{"NOR-CSC": nil, "DON-CSC": nil}},
		{"one", one, map[fairlead.AgencyID]*keyring.Certificate{"NOR-CSC": a, "DON-CSC": nil}},
		{"two", two, map[fairlead.AgencyID]*keyring.Certificate{"NOR-CSC": a, "DON-CSC": b}},
	} {
		for id, want := range test.want {
			if got, ok := test.ring.Certificate(id); got != want || ok != (want != nil) {
				t.Errorf("%s: certificate of %s: %v %v", test.name, id, got, ok)
			}
			if want == nil {
				continue
			}
			if got, ok := test.ring.BySigner(want.Fingerprint()); got != want || !ok {
				t.Errorf("%s: signer of %s: %v", test.name, id, got)
			}
			if _, ok := test.ring.BySigner(want.Encryption()); ok {
				t.Errorf("%s: an encryption subkey signs", test.name)
			}
		}
	}
	if _, ok := one.BySigner(b.Fingerprint()); ok {
		t.Error("a ring changed after it was made")
	}
	if again, err := two.With("NOR-CSC", a); err != nil || again.Stale("NOR-CSC", a.Encryption()) {
		t.Errorf("the same certificate again: %v", err)
	}
}

// rotated adds a subkey one minute after the first.
func rotated(t testing.TB, e *openpgp.Entity, minutes int) *keyring.Certificate {
	t.Helper()
	mlkem(t, e, config(born.Add(time.Duration(minutes)*time.Minute)))
	return certificate(t, e)
}

func TestSupersededKey(t *testing.T) {
	e := native(t, "NOR-CSC", born)
	first := certificate(t, e)
	second := rotated(t, e, 1)
	third := rotated(t, e, 2)
	e.Subkeys = e.Subkeys[2:]
	slim := certificate(t, e) // the third without its predecessors
	if r, err := new(keyring.Ring).With("NOR-CSC", first); err != nil {
		t.Fatal(err)
	} else if r, err = r.With("NOR-CSC", slim); err != nil || !r.Stale("NOR-CSC", first.Encryption()) {
		t.Errorf("a dropped subkey is not stale: %v", err)
	}
	r := new(keyring.Ring)
	for _, step := range []struct {
		c     *keyring.Certificate
		stale []*keyring.Certificate
	}{
		{first, nil},
		{second, []*keyring.Certificate{first}},
		{third, []*keyring.Certificate{first, second}},
		{slim, []*keyring.Certificate{first, second}},
	} {
		next, err := r.With("NOR-CSC", step.c)
		if err != nil {
			t.Fatal(err)
		}
		r = next
		for _, c := range []*keyring.Certificate{first, second, third} {
			want := false
			for _, s := range step.stale {
				want = want || s == c
			}
			if r.Stale("NOR-CSC", c.Encryption()) != want {
				t.Errorf("stale %s: want %v", c.Encryption(), want)
			}
			if r.Stale("DON-CSC", c.Encryption()) || r.Stale("NOR-CSC", c.Fingerprint()) {
				t.Error("stale for another agency, or the primary key is stale")
			}
		}
	}
	if _, err := r.With("NOR-CSC", first); !errors.Is(err, keyring.ErrSuperseded) {
		t.Errorf("back to the first: %v", err)
	}
	if r.Stale("NOR-CSC", keyring.Fingerprint{1}) {
		t.Error("a foreign key is stale")
	}
}

// steal makes a certificate whose encryption subkey is the victim's: no signature by the subkey is needed.
func steal(t *testing.T, victim *openpgp.Entity) *keyring.Certificate {
	t.Helper()
	thief := entity(t, "EVIL"+keyring.UserIDSuffix, config(born))
	key := victim.Subkeys[0].PublicKey
	s := &packet.Signature{
		Version: 6, SigType: packet.SigTypeSubkeyBinding, PubKeyAlgo: thief.PrimaryKey.PubKeyAlgo,
		Hash: crypto.SHA512, CreationTime: born, FlagsValid: true, FlagEncryptCommunications: true,
	}
	if err := s.SignKey(key, thief.PrivateKey, config(born)); err != nil {
		t.Fatal(err)
	}
	thief.Subkeys = []openpgp.Subkey{{PublicKey: key, Primary: thief, Bindings: []*packet.VerifiableSignature{packet.NewVerifiableSig(s)}}}
	return certificate(t, thief)
}

func TestStolenSubkey(t *testing.T) {
	victim := native(t, "NOR-CSC", born)
	stolen := steal(t, victim)
	r, err := new(keyring.Ring).With("NOR-CSC", certificate(t, victim))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.With("EVIL", stolen); !errors.Is(err, keyring.ErrTaken) || !errors.Is(err, keyring.ErrRing) {
		t.Errorf("stolen subkey: %v", err)
	}
	// A subkey stays its owner's after rotation, even when the owner's certificate drops it.
	mlkem(t, victim, config(born.Add(time.Minute)))
	victim.Subkeys = victim.Subkeys[1:]
	if r, err = r.With("NOR-CSC", certificate(t, victim)); err != nil {
		t.Fatal(err)
	}
	if _, err := r.With("EVIL", stolen); !errors.Is(err, keyring.ErrTaken) {
		t.Errorf("stolen old subkey: %v", err)
	}
}

func TestRefusedEnrolments(t *testing.T) {
	mine := certificate(t, native(t, "NOR-CSC", born))
	r, err := new(keyring.Ring).With("NOR-CSC", mine)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		id   fairlead.AgencyID
		c    *keyring.Certificate
		want error
	}{
		{"under another name", "DON-CSC", mine, keyring.ErrUserID},
		{"another primary key", "NOR-CSC", certificate(t, native(t, "NOR-CSC", born)), keyring.ErrRoot},
	} {
		t.Run(test.name, func(t *testing.T) {
			if _, err := r.With(test.id, test.c); !errors.Is(err, test.want) || !errors.Is(err, keyring.ErrRing) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

// BenchmarkRingWith measures one rotation in a ring of 1,000 agencies.
func BenchmarkRingWith(b *testing.B) {
	r := new(keyring.Ring)
	var c *keyring.Certificate
	var err error
	for i := range 1000 {
		c = certificate(b, native(b, fairlead.AgencyID(fmt.Sprintf("A%d", i)), born))
		if r, err = r.With(c.Agency(), c); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.With(c.Agency(), c); err != nil {
			b.Fatal(err)
		}
	}
}
