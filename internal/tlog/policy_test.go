package tlog

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// panel is a log and five witnesses: two with an address, three agencies.
type panel struct {
	*testLog
	out, in []*Cosigner
	names   map[string]string // "{o1}" to a vkey, for the texts of policies
}

func newPanel(t testing.TB) *panel {
	t.Helper()
	p := &panel{testLog: newLogOf(t, 5), names: map[string]string{}}
	p.names["{log}"] = p.vkey
	for i := range 5 {
		c, _ := newCosigner(t, fmt.Sprintf("w%d.example.org", i))
		if i < 2 {
			p.out = append(p.out, c)
			p.names[fmt.Sprintf("{o%d}", i+1)] = c.VKey()
		} else {
			p.in = append(p.in, c)
			p.names[fmt.Sprintf("{a%d}", i-1)] = c.VKey()
		}
	}
	return p
}

const goodPolicy = `# more than half, and one from outside
log {log}
witness o1 {o1} https://w0.example.org/
witness	o2 {o2} https://w1.example.org
witness a1 {a1}
witness a2 {a2}
witness a3 {a3}

  group outside any o1 o2
group agencies 2 a1 a2 a3
group both all outside agencies
quorum both
`

func (p *panel) text(policy string) []byte {
	for name, vkey := range p.names {
		policy = strings.ReplaceAll(policy, name, vkey)
	}
	return []byte(policy)
}

// TestPolicy: only what the quorum asks for is witnessed.
func TestPolicy(t *testing.T) {
	p := newPanel(t)
	policy, err := ParsePolicy(p.text(goodPolicy), p.v)
	must(t, err)
	if w := policy.Witnesses(); len(w) != 5 || w[0].URL != "https://w0.example.org" || w[1].Name != "o2" || w[4].URL != "" {
		t.Errorf("%+v", w)
	}
	stranger, _ := newCosigner(t, "stranger.example.org")
	for name, c := range map[string]struct {
		by   []*Cosigner
		want int
		ok   bool
	}{
		"one outside, two agencies":  {[]*Cosigner{p.out[0], p.in[0], p.in[2]}, 3, true},
		"all":                        {append(p.in[:3:3], p.out...), 5, true},
		"agencies alone":             {p.in, 3, false},
		"one agency short":           {[]*Cosigner{p.out[0], p.out[1], p.in[0]}, 3, false},
		"nobody":                     {nil, 0, false},
		"a stranger does not count":  {[]*Cosigner{p.out[0], p.in[0], stranger}, 2, false},
		"a stranger does no harm":    {[]*Cosigner{stranger, p.out[0], p.in[0], p.in[1]}, 3, true},
		"the same once more is once": {[]*Cosigner{p.out[0], p.in[0], p.in[0]}, 2, false},
	} {
		tree, signed, err := policy.Check(cosigned(t, p.sign(), c.by...), p.v)
		if tree != p.Tree() || len(signed) != c.want || (err == nil) != c.ok || err != nil && !errors.Is(err, ErrQuorum) {
			t.Errorf("%s: %v, %v, %v", name, tree, signed, err)
		}
		for _, s := range signed {
			if !s.At.Equal(noon) {
				t.Errorf("%s: %+v", name, s)
			}
		}
	}
	all := cosigned(t, p.sign(), append(p.in[:3:3], p.out...)...)
	if _, _, err := policy.Check(replaceLine(t, all, p.in[0].Name(), 30, 1), p.v); !errors.Is(err, ErrCheckpoint) {
		t.Error("a false line:", err)
	}
	if _, _, err := policy.Check(replaceLine(t, all, p.v.Origin(), 30, 1), p.v); !errors.Is(err, ErrUnsigned) {
		t.Error("the log did not sign:", err)
	}
}

// TestPolicyRefused: what does not make one history certain, or is not of the form, is refused by name.
func TestPolicyRefused(t *testing.T) {
	p := newPanel(t)
	edit := func(old, new string) string {
		if !strings.Contains(goodPolicy, old) {
			t.Fatal(old)
		}
		return strings.Replace(goodPolicy, old, new, 1)
	}
	_, _, otherLog := allKeys(t, "hub.example.org/log")
	for name, c := range map[string]struct{ policy, want string }{
		"half is no majority":         {edit("agencies 2 a1", "agencies any a1"), "2 of its 5 witnesses satisfy the quorum; want more than half"},
		"agencies alone":              {edit("group both all", "group both any"), "want more than half"},
		"nobody outside":              {strings.ReplaceAll(strings.ReplaceAll(goodPolicy, "https://w0.example.org/", ""), "https://w1.example.org", ""), "an address of its own"},
		"one of three outside is not": {edit("group outside any o1 o2\ngroup agencies 2 a1 a2 a3\ngroup both all outside agencies", "group both 3 o1 o2 a1 a2 a3"), "an address of its own"},
		"none":                        {edit("quorum both", "quorum none"), "want more than half"},
		"no quorum":                   {edit("quorum both", ""), "no quorum"},
		"an unknown quorum":           {edit("quorum both", "quorum all"), "not defined"},
		"two quorums":                 {edit("quorum both", "quorum both\nquorum both"), "multiple quorum"},
		"a word too many":             {edit("quorum both", "quorum both agencies"), "one name after quorum"},
		"no log":                      {edit("log {log}\n", ""), "want one log line"},
		"two logs":                    {edit("log {log}\n", "log {log}\nlog {log}\n"), "want one log line"},
		"another log":                 {edit("log {log}\n", "log "+otherLog+"\n"), "want one log line"},
		"one key, two names":          {edit("witness a2 {a2}", "witness a2 {a1}"), "a2 has the key of a1"},
		"one name twice":              {edit("witness a2 {a2}", "witness a1 {a2}"), "duplicate component name"},
		"in two groups":               {edit("all outside agencies", "all outside agencies o1"), "member of two groups"},
		"the name none":               {strings.Replace(edit("witness a2", "witness none"), "a1 a2", "a1 none", 1), "not the name none"},
		"a group none":                {edit("group both", "group none"), "quorum"},
		"a threshold too high":        {edit("agencies 2", "agencies 4"), "invalid group threshold"},
		"an unknown member":           {edit("a1 a2 a3\n", "a1 a2 a4\n"), "unknown component"},
		"an unknown word":             {edit("group both", "herd both"), "unknown keyword"},
		"a key of a log":              {edit("witness a2 {a2}", "witness a2 {log}"), "invalid witness vkey"},
		"a comment behind":            {edit("witness a2 {a2}", "witness a2 {a2} # ours"), "a line of its own"},
		"a control character":         {edit("witness a2", "witness\ra2"), "control character"},
		"a word behind the address":   {edit("w1.example.org\n", "w1.example.org x\n"), "want: witness name"},
		"too long":                    {goodPolicy + strings.Repeat("#\n", maxPolicy), "bytes, more than"},
		"nothing":                     {"", "no quorum"},
	} {
		if _, err := ParsePolicy(p.text(c.policy), p.v); !errors.Is(err, ErrPolicy) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
