package seal

import (
	"errors"
	"strings"
	"testing"
	"time"

	"fairlead/internal/keyring"
)

// counted is a custody that counts what it is asked, and may be told to answer something else.
type counted struct {
	Custody
	signed, unwrapped int
	sign              func() ([]byte, error)
	unwrap            func() ([]byte, error)
}

func (c *counted) Sign(msg []byte, ctx keyring.Context, at time.Time) ([]byte, error) {
	c.signed++
	if c.sign != nil {
		return c.sign()
	}
	return c.Custody.Sign(msg, ctx, at)
}

func (c *counted) Unwrap(pkesk []byte) ([]byte, error) {
	c.unwrapped++
	if c.unwrap != nil {
		return c.unwrap()
	}
	return c.Custody.Unwrap(pkesk)
}

// TestEntrust: an agency whose key somebody else has signs, seals and opens as any other, each by one question; it
// cannot be copied or rotated here, and a new subkey is known by the new certificate.
func TestEntrust(t *testing.T) {
	a, b := generate(t, "NOR-CSC"), generate(t, "DON-CSC")
	c := &counted{Custody: b}
	k, err := Entrust(b.Certificate(), c)
	if err != nil || k.Agency() != "DON-CSC" || k.Fingerprint() != b.Fingerprint() || string(k.Certificate()) != string(b.Certificate()) {
		t.Fatalf("%v", err)
	}
	in := inner("NOR-CSC")
	if content, _, err := k.Open(sealed(t, a, k, in, "to it"), certificate(t, a, later).Signing(), in, later); err != nil || string(content) != "to it" {
		t.Errorf("opened: %v", err)
	}
	in = inner("DON-CSC")
	if content, _, err := a.Open(sealed(t, k, a, in, "from it"), certificate(t, k, later).Signing(), in, later); err != nil || string(content) != "from it" {
		t.Errorf("sealed: %v", err)
	}
	if own, err := k.OpenOwn(sealed(t, k, k, in, "its own"), in, later); err != nil || string(own) != "its own" {
		t.Errorf("its own: %v", err)
	}
	if c.signed != 2 || c.unwrapped != 2 {
		t.Errorf("asked %d times to sign, %d times to unwrap", c.signed, c.unwrapped)
	}
	if _, err := k.Rotate(later); len(k.Marshal()) > 0 || !errors.Is(err, ErrKey) || !strings.Contains(err.Error(), "where it is kept") {
		t.Errorf("%d octets of a private key, rotated: %v", len(k.Marshal()), err)
	}
	next, err := b.Rotate(later)
	if err != nil {
		t.Fatal(err)
	}
	rotated, err := Entrust(next.Certificate(), next)
	if err != nil {
		t.Fatal(err)
	}
	in = inner("NOR-CSC")
	for _, to := range []*Key{b, next} {
		if _, _, err := rotated.Open(sealed(t, a, to, in, "x"), certificate(t, a, later).Signing(), in, later); err != nil {
			t.Errorf("after a rotation: %v", err)
		}
	}
	for name, cert := range map[string][]byte{"nothing": nil, "cut off": b.Certificate()[:500], "two": append(a.Certificate(), b.Certificate()...)} {
		if _, err := Entrust(cert, c); !errors.Is(err, ErrKey) {
			t.Errorf("%s for a certificate: %v", name, err)
		}
	}
}

// TestCustodyNotBelieved: what a custody answers is checked before anything leaves, and that it does not answer is told
// from a message that does not open.
func TestCustodyNotBelieved(t *testing.T) {
	a, b := generate(t, "NOR-CSC"), generate(t, "DON-CSC")
	from, in := certificate(t, a, later).Signing(), inner("NOR-CSC")
	gone := errors.New("the pipe is closed")
	other, err := a.Sign([]byte("x"), keyring.ContextSection, later)
	if err != nil {
		t.Fatal(err)
	}
	elsewhere, err := b.Sign([]byte("x"), keyring.ContextEnrolment, later)
	if err != nil {
		t.Fatal(err)
	}
	c := &counted{Custody: b}
	k, err := Entrust(b.Certificate(), c)
	if err != nil {
		t.Fatal(err)
	}
	for name, answer := range map[string]func() ([]byte, error){
		"nothing":         func() ([]byte, error) { return nil, nil },
		"a certificate":   func() ([]byte, error) { return b.Certificate(), nil },
		"of another key":  func() ([]byte, error) { return other, nil },
		"in another role": func() ([]byte, error) { return elsewhere, nil },
		"no answer":       func() ([]byte, error) { return nil, gone },
	} {
		c.sign = answer
		if _, err := k.Sign([]byte("x"), keyring.ContextSection, later); !errors.Is(err, ErrKey) || name == "no answer" && !errors.Is(err, gone) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := k.Seal(certificate(t, a, later), inner("DON-CSC"), []byte("x"), later); !errors.Is(err, ErrKey) {
			t.Errorf("%s, sealed: %v", name, err)
		}
	}
	for name, test := range map[string]struct {
		answer func() ([]byte, error)
		want   error
	}{
		"another session key": {func() ([]byte, error) { return make([]byte, 32), nil }, ErrDamaged},
		"a short one":         {func() ([]byte, error) { return make([]byte, 7), nil }, ErrDamaged},
		"it does not open":    {func() ([]byte, error) { return nil, ErrDamaged }, ErrDamaged},
		"no answer":           {func() ([]byte, error) { return nil, gone }, ErrKey},
	} {
		c.unwrap = test.answer
		if _, _, err := k.Open(sealed(t, a, b, in, "x"), from, in, later); !errors.Is(err, test.want) || errors.Is(err, ErrDamaged) == errors.Is(err, ErrKey) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
}

// TestUnwrap: the keys of a keystore open what is wrapped for them and nothing else.
func TestUnwrap(t *testing.T) {
	a, b := generate(t, "NOR-CSC"), generate(t, "DON-CSC")
	section, err := keyring.ParseSection(sealed(t, a, b, inner("NOR-CSC"), "x"))
	if err != nil {
		t.Fatal(err)
	}
	if session, err := b.Unwrap(section.PKESK); err != nil || len(session) != 32 {
		t.Errorf("%d octets, %v", len(session), err)
	}
	damaged := append([]byte(nil), section.PKESK...)
	damaged[len(damaged)-1] ^= 1
	for name, test := range map[string]struct {
		key   *Key
		pkesk []byte
		want  error
	}{
		"for another":  {a, section.PKESK, ErrNotForUs},
		"changed":      {b, damaged, ErrDamaged},
		"cut off":      {b, section.PKESK[:40], ErrDamaged},
		"nothing":      {b, nil, ErrDamaged},
		"another kind": {b, section.SEIPD, ErrDamaged},
	} {
		if session, err := test.key.Unwrap(test.pkesk); !errors.Is(err, test.want) || len(session) > 0 {
			t.Errorf("%s: %d octets, %v, want %v", name, len(session), err, test.want)
		}
	}
}
