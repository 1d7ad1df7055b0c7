package policy_test

import (
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"

	"fairlead/internal/agreement"
	"fairlead/internal/consent"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/policy"
)

// This file reads agreements a second time (P06 and the term of P10): every term of every agreement for every
// section, with no index, cover or shortcut. Of consent it takes the state from package consent. It leaves out
// answers, the emergency path and what a refusal says of the nearest terms; the cases have those.

// reading is one agreement as the second reader sees it.
type reading struct {
	s     *agreement.Standing
	outer *agreement.Standing // its framework, nil: none
}

// truth of a condition: 1 so, 0 not so, -1 nobody knows.
func (w *world) truth(c *agreement.Condition) int {
	h := w.r.Header
	switch {
	case c.Not != nil:
		if v := w.truth(c.Not); v >= 0 {
			return 1 - v
		}
		return -1
	case len(c.Any) > 0:
		best := 0
		for i := range c.Any {
			if v := w.truth(&c.Any[i]); v == 1 || v < 0 && best == 0 {
				best = v
			}
			if best == 1 {
				return 1
			}
		}
		return best
	}
	value := map[string]string{"severity": string(h.Severity), "certainty": string(h.Certainty), "told": string(h.Told), "threshold": string(h.Threshold)}[c.Fact]
	switch {
	case value == "":
		return -1
	case c.AtLeast != "" && value >= c.AtLeast, c.AtLeast == "" && value == c.Is: // TH0 to TH4 stand in the order of letters
		return 1
	}
	return 0
}

// speaks reports whether a permit is for this use, sections and consent aside.
func (w *world) speaks(t *agreement.Term) bool {
	p, h := t.Permit, w.r.Header
	if p == nil || !slices.Contains(p.From, "SENDER") || !slices.Contains(p.To, "RECIPIENT") || !slices.Contains(p.Purposes, h.Purpose) || !slices.Contains(p.Kinds, h.Kind) || !slices.Contains(p.Bases, h.Basis.Art6) {
		return false
	}
	if t.When == nil {
		return true
	}
	for _, need := range t.When.Training {
		if !slices.Contains(w.f.Training, need) {
			return false
		}
	}
	return (t.When.Thresholds == nil || slices.Contains(t.When.Thresholds, h.Threshold)) && (t.When.Facts == nil || w.truth(t.When.Facts) == 1)
}

// bars reports whether a prohibition holds for a section; "" asks for one that bars everything.
func (w *world) bars(t *agreement.Term, code fairlead.SectionCode) bool {
	p, h := t.Prohibit, w.r.Header
	if p == nil || p.Purposes != nil && !slices.Contains(p.Purposes, h.Purpose) || p.Kinds != nil && !slices.Contains(p.Kinds, h.Kind) || p.Bases != nil && !slices.Contains(p.Bases, h.Basis.Art6) {
		return false
	}
	if t.When != nil && (t.When.Thresholds != nil && !slices.Contains(t.When.Thresholds, h.Threshold) || t.When.Facts != nil && w.truth(t.When.Facts) == 0) {
		return false
	}
	return len(p.Sections) == 0 || code != "" && slices.Contains(p.Sections, code)
}

func (r reading) both() []agreement.Term {
	if r.outer == nil {
		return r.s.Terms
	}
	return slices.Concat(r.s.Terms, r.outer.Terms)
}

// lists finds the first permit of terms that speaks and lists the section; asked: and whose consents are met.
func (w *world) lists(terms []agreement.Term, code fairlead.SectionCode, asked bool) string {
	for i := range terms {
		t := &terms[i]
		if w.speaks(t) && (code == "" || slices.Contains(t.Permit.Sections, code)) && (!asked || w.agreed(t, code)) {
			return t.ID
		}
	}
	return ""
}

func (w *world) agreed(t *agreement.Term, code fairlead.SectionCode) bool {
	if t.When == nil || t.When.Consent == nil {
		return true
	}
	var children []string
	for _, d := range w.r.Descriptors {
		if d.Subject != "" {
			children = append(children, d.Subject)
		}
	}
	r := w.f.Recipient
	said := consent.Weakest(w.f.Consents, children, consent.Use{Section: code, Purpose: w.r.Header.Purpose, Recipient: r.ID, Type: r.Type, Jurisdiction: r.Jurisdiction}, w.at)
	return said == consent.Given || said != consent.Refused && !t.When.Consent.Given
}

// reads picks the agreement that carries the share, and the clause of each section that it lets go.
func (w *world) reads() (ref string, clauses map[fairlead.SectionCode]string) {
	most := -1
	for _, s := range w.f.Agreements {
		r := reading{s: s}
		for _, f := range w.f.Agreements {
			if f.Framework && f.Ref() == s.Under {
				r.outer = f
			}
		}
		live := func(a *agreement.Standing) bool { return !w.at.Before(a.From.Time) && !w.at.After(a.Until.Time) }
		if s.Framework || !live(s) || s.Under != "" && (r.outer == nil || !live(r.outer)) || w.lists(s.Terms, "", false) == "" || r.outer != nil && w.lists(r.outer.Terms, "", false) == "" {
			continue
		}
		barred := func(code fairlead.SectionCode) bool {
			return slices.ContainsFunc(r.both(), func(t agreement.Term) bool { return w.bars(&t, code) })
		}
		if barred("") {
			continue
		}
		n, found := 0, map[fairlead.SectionCode]string{}
		for _, d := range w.r.Descriptors {
			if d.Code == "" || barred(d.Code) || w.lists(s.Terms, d.Code, false) == "" || r.outer != nil && w.lists(r.outer.Terms, d.Code, false) == "" {
				continue
			}
			n++
			if term := w.lists(s.Terms, d.Code, true); term != "" && (r.outer == nil || w.lists(r.outer.Terms, d.Code, true) != "") {
				found[d.Code] = s.Ref() + "#" + term
			}
		}
		if n > most || n == most && s.Ref() < ref {
			most, ref, clauses = n, s.Ref(), found
		}
	}
	return ref, clauses
}

// beside reports whether a house, or a prohibition that holds beside its agreement, bars a section.
func (w *world) beside(code fairlead.SectionCode) bool {
	for _, s := range w.f.Agreements {
		for i := range s.Terms {
			if s.Terms[i].Beside && !w.at.After(s.Until.Time) && w.bars(&s.Terms[i], code) {
				return true
			}
		}
	}
	return slices.ContainsFunc(w.f.Houses, func(h *agreement.House) bool { return w.bars(&h.Terms[0], code) })
}

// TestSecondReading compares the two on random agreements; FAIRLEAD_SHARES as for TestSecondOpinion.
func TestSecondReading(t *testing.T) {
	n := 50000
	if many, err := strconv.Atoi(os.Getenv("FAIRLEAD_SHARES")); err == nil {
		n = many
	}
	carried, permits := 0, 0
	for seed := range uint64(n) {
		c := chance{rand.New(rand.NewPCG(seed, 8))}
		w := c.lawful()
		w.negotiated(c)
		d := w.decide()
		ref, clauses := w.reads()
		if d.Ground == fairlead.GroundAgreement || d.Ground == fairlead.GroundOverride {
			carried++
		}
		if len(permitted(d)) > 0 {
			permits++
		}
		if wrong := w.differs(d, ref, clauses); wrong != "" {
			t.Fatalf("seed %d: %s; read %q %v\nheader %+v\ndecided %+v", seed, wrong, ref, clauses, *w.r.Header, d)
		}
	}
	t.Logf("%d of %d are carried, %d permit", carried, n, permits)
	if permits*3 < n {
		t.Errorf("only %d of %d permit", permits, n)
	}
}

// negotiated puts other agreements in the place of the one that allows everything, mostly beside it.
func (w *world) negotiated(c chance) {
	w.r.Header.TLP, w.r.Header.Threshold = "RED", one(c, []fairlead.Threshold{"TH2", "TH3", "TH4"}) // fewer refused by law
	all := w.f.Agreements[0]
	w.f.Agreements = nil
	for i := range 1 + c.IntN(3) {
		s := c.standing(i+1, w.r)
		s.From, s.Until = all.From, fairlead.At(w.at.AddDate(0, 0, c.IntN(8)-1))
		w.f.Agreements = append(w.f.Agreements, s)
	}
	if c.IntN(3) > 0 {
		w.f.Agreements = append(w.f.Agreements, all)
	}
	if k := len(w.f.Agreements); k > 1 && c.IntN(4) == 0 {
		w.f.Agreements[k-1].Framework, w.f.Agreements[0].Under = true, w.f.Agreements[k-1].Ref()
	}
	if c.IntN(5) == 0 {
		w.f.Houses = append(w.f.Houses, c.house(one(c, []fairlead.AgencyID{fairlead.Hub, "SENDER", "RECIPIENT"})))
	}
}

// differs says where a decision is another than what was read.
func (w *world) differs(d policy.Decision, ref string, clauses map[fairlead.SectionCode]string) string {
	none := slices.ContainsFunc(d.Causes, func(c policy.Cause) bool { return c.Check == "P06" })
	switch {
	case w.beside(""):
		if len(permitted(d)) > 0 {
			return "a house bars all of it"
		}
		return ""
	case none != (ref == ""):
		return "whether an agreement carries it"
	case len(permitted(d)) > 0 && d.Agreement != ref:
		return "which agreement carries it"
	}
	for _, s := range d.Sections {
		want := clauses[s.Code]
		if w.beside(s.Code) {
			want = ""
		}
		fixed := policy.SectionDefault(s.Code, w.f.Sender, w.f.Recipient) != "" // P10 asks that too
		if len(s.Causes) >= 4 {                                                 // more are not told
			continue
		}
		short := slices.ContainsFunc(s.Causes, func(c policy.Cause) bool { return c.Check == "P10" })
		switch {
		case w.r.Descriptors[s.Part].Audience != envelope.ForRecipient:
			return "a descriptor of the hub is decided"
		case !fixed && short != (want == ""):
			return "whether a term permits " + string(s.Code)
		case !fixed && s.Clause != want:
			return "which term permits " + string(s.Code) + ": " + s.Clause
		}
	}
	return ""
}
