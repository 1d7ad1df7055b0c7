package keyring_test

import (
	"errors"
	"strings"
	"testing"

	"fairlead/internal/keyring"
)

// TestWords: every octet has its own word in either place, and what was read out is what was meant.
func TestWords(t *testing.T) {
	seen := map[string]bool{}
	for b := range 256 {
		var f keyring.Fingerprint
		for i := range f {
			f[i] = byte(b)
		}
		said := f.Words()
		for _, w := range strings.Fields(said)[:2] {
			if seen[strings.ToLower(w)] {
				t.Errorf("%s stands for two octets", w)
			}
			seen[strings.ToLower(w)] = true
		}
		for _, typed := range []string{said, strings.ToUpper(said), f.String(), strings.Join(strings.SplitAfter(f.String(), "0"), " ")} {
			if got, err := keyring.ParseSpoken(typed); err != nil || got != f {
				t.Errorf("%q: %s, %v", typed, got, err)
			}
		}
	}
	var f keyring.Fingerprint
	said := strings.Fields(f.Words())
	for name, typed := range map[string]string{
		"nothing": "", "a digit less": f.String()[2:], "a word less": strings.Join(said[1:], " "), "a word twice": strings.Join(append([]string{said[0]}, said...), " "),
		"two in the wrong order": strings.Join(append([]string{said[1], said[0]}, said[2:]...), " "), "an unknown word": "xyz " + strings.Join(said[1:], " "),
	} {
		if _, err := keyring.ParseSpoken(typed); !errors.Is(err, keyring.ErrSpoken) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzSpoken(f *testing.F) {
	f.Add("aardvark adroitness")
	f.Fuzz(func(t *testing.T, text string) {
		if got, err := keyring.ParseSpoken(text); err == nil {
			if again, err := keyring.ParseSpoken(got.Words()); err != nil || again != got {
				t.Errorf("%s becomes %s, %v", got, again, err)
			}
		}
	})
}
