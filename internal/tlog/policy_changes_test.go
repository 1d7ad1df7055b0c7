package tlog

import (
	"slices"
	"strings"
	"testing"
)

// TestPolicyChanges: whatever asks for something else is said in words, and a file that only looks different is not.
func TestPolicyChanges(t *testing.T) {
	p := newPanel(t)
	parse := func(text string) *Policy {
		t.Helper()
		policy, err := ParsePolicy(p.text(text), p.v)
		must(t, err)
		return policy
	}
	own := parse(goodPolicy)
	if got, want := own.Words(), "3 of 5 witnesses at least, 1 of them with an address: o1 at https://w0.example.org, o2 at https://w1.example.org, a1, a2, a3"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	stranger, _ := newCosigner(t, "stranger.example.org")
	p.names["{new}"] = stranger.VKey()
	for name, c := range map[string]struct {
		edits []string // old, new
		want  []string
	}{
		"the same":             {nil, nil},
		"the same, other form": {[]string{"# more", "#\n\n# more", "group agencies 2 a1", "group  agencies\t2   a1", "example.org/\n", "example.org\n"}, nil},
		"a witness less": {
			[]string{"witness a3 {a3}\n", "", "2 a1 a2 a3", "2 a1 a2"},
			[]string{"a3 is no witness any more", "3 of 4 witnesses are enough, 1 with an address; before 3 of 5, 1 with", `it asks for "group outside any o1 o2; group agencies 2 a1 a2; `},
		},
		"a lower threshold": {
			[]string{"any o1 o2", "all o1 o2", "agencies 2", "agencies 1"},
			[]string{"3 of 5 witnesses are enough, 2 with an address; before 3 of 5, 1", "it asks for"},
		},
		"a higher threshold": {[]string{"agencies 2", "agencies 3"}, []string{"4 of 5 witnesses are enough", "it asks for"}},
		"another key":        {[]string{"witness a2 {a2}", "witness a2 {new}"}, []string{"a2 is no witness any more", "a2, with the key " + stranger.VKey() + ", is a new witness"}},
		"one more": {
			[]string{"witness a3 {a3}\n", "witness a3 {a3}\nwitness a4 {new}\n", "2 a1 a2 a3", "3 a1 a2 a3 a4"},
			[]string{"a4, with the key", "4 of 6 witnesses are enough", "it asks for"},
		},
		"another address": {[]string{"https://w1", "https://w9"}, []string{`o2 signs as w1.example.org at "https://w9.example.org"; before o2 as w1.example.org at "https://w1.example.org"`}},
		"another name":    {[]string{"witness a3", "witness b3", "a2 a3", "a2 b3"}, []string{"b3 signs as w4.example.org", "it asks for"}},
		"another grouping": {
			[]string{"group outside any o1 o2\ngroup agencies 2 a1 a2 a3", "group outside any o1 o2\ngroup agencies 2 a1 a3 a2"},
			[]string{"it asks for"},
		},
	} {
		text := goodPolicy
		for pair := range slices.Chunk(c.edits, 2) {
			if !strings.Contains(text, pair[0]) {
				t.Fatalf("%s: no %q", name, pair[0])
			}
			text = strings.Replace(text, pair[0], pair[1], 1)
		}
		got := parse(text).Changes(own)
		if !slices.EqualFunc(got, c.want, strings.HasPrefix) {
			t.Errorf("%s:\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(c.want, "\n"))
		}
	}
}
