package tlog

import (
	"bytes"
	"errors"
	"testing"
)

func FuzzCosignatureLine(f *testing.F) {
	l := newLogOf(f, 3)
	c, key := newCosigner(f, "w.example.org")
	cp := l.sign()
	line := c.line(f, cp)
	f.Add(line)
	f.Add(append([]byte("— a AAAAAAA=\n"), line...))
	f.Add([]byte("x\n\n— w.example.org AAAAAAA=\n"))
	f.Fuzz(func(t *testing.T, lines []byte) {
		got, at, err := key.Line(cp, lines)
		if err == nil && (!bytes.Equal(got, line) || !at.Equal(noon)) {
			t.Fatalf("took %q at %v", got, at)
		}
		if err != nil && !errors.Is(err, ErrCosignature) {
			t.Fatal("error of no kind:", err)
		}
	})
}

// FuzzPolicy: whatever a policy that is taken says, a checkpoint that the log alone signed, or that agencies alone
// cosigned, does not satisfy it.
func FuzzPolicy(f *testing.F) {
	p := newPanel(f)
	f.Add(goodPolicy)
	f.Add("log {log}\nwitness o1 {o1} https://x\nquorum o1\n")
	f.Add("log {log}\nwitness o1 {o1} u\nwitness a1 {a1}\ngroup g all o1 a1\ngroup h any g\nquorum h\n")
	f.Add("group g 1 g\nquorum none")
	bare, agencies := p.sign(), cosigned(f, p.sign(), p.in...)
	f.Fuzz(func(t *testing.T, text string) {
		policy, err := ParsePolicy(p.text(text), p.v)
		if err != nil {
			if !errors.Is(err, ErrPolicy) {
				t.Fatal("error of no kind:", err)
			}
			return
		}
		outside := false
		for _, w := range policy.Witnesses() {
			outside = outside || w.URL != "" && w.Key.Name() != "w0.example.org" && w.Key.Name() != "w1.example.org"
		}
		for _, cp := range [][]byte{bare, agencies} {
			if _, signed, err := policy.Check(cp, p.v); err == nil && !outside {
				t.Fatalf("witnessed by %v", signed)
			}
		}
		if _, signed, err := policy.Check(agencies, p.v); err == nil && 2*len(signed) <= len(policy.Witnesses()) {
			t.Fatalf("witnessed by %v of %d", signed, len(policy.Witnesses()))
		}
	})
}

func FuzzRequest(f *testing.F) {
	l := newLogOf(f, 300)
	proof, err := l.Consistency(100)
	must(f, err)
	f.Add(FormatConsistency(100, proof, l.sign()))
	f.Add(FormatConsistency(0, nil, l.sign()))
	f.Add([]byte("old 0100\n\nhub\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ParseRequest(b)
		if err != nil {
			if !errors.Is(err, ErrProof) {
				t.Fatal("error of no kind:", err)
			}
			return
		}
		if !bytes.Equal(FormatConsistency(r.Old, r.proof, r.Checkpoint), b) || !bytes.HasPrefix(r.Checkpoint, []byte(r.Origin+"\n")) {
			t.Fatalf("read %+v from %q", r, b)
		}
	})
}
