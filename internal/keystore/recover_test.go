package keystore_test

import (
	"bytes"
	"errors"
	"testing"

	"fairlead/internal/keystore"
)

// TestRecover: the sheets open the store when the passphrase is forgotten, all of them together and no fewer,
// and a wrong one changes nothing.
func TestRecover(t *testing.T) {
	dir := made(t, says("four words of mine"))
	s, err := keystore.Open(dir, says("four words of mine"))
	if err != nil {
		t.Fatal(err)
	}
	one, two, again := s.Sheets(1), s.Sheets(2), s.Sheets(2)
	if len(one) != 1 || len(two) != 2 || bytes.Equal(two[0], again[0]) || bytes.Equal(two[1], again[1]) || bytes.Equal(two[1], one[0]) {
		t.Error("sheets repeat, or are too few")
	}
	wrong := bytes.Clone(one[0])
	wrong[0] ^= 1
	for name, sheets := range map[string][][]byte{
		"none": nil, "half": two[:1], "the other half": two[1:], "of two splittings": {two[0], again[1]}, "a wrong word": {wrong}, "cut short": {one[0][:31]}, "one too many": append(two[:2:2], one[0]),
	} {
		if err := keystore.Recover(dir, "key.pgp", sheets, says("five words of a thief here")); !errors.Is(err, keystore.ErrSheet) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := keystore.Open(dir, says("four words of mine")); err != nil {
		t.Errorf("after the wrong ones: %v", err)
	}
	for _, sheets := range [][][]byte{one, two, {again[1], again[0]}} {
		if err := keystore.Recover(dir, "key.pgp", sheets, says("five words of the next one")); err != nil {
			t.Fatal(err)
		}
		s, err := keystore.Open(dir, says("five words of the next one"))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := s.Read("key.pgp"); err != nil || string(got) != secret {
			t.Errorf("%q, %v", got, err)
		}
	}
}
