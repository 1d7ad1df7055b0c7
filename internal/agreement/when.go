package agreement

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"fairlead/internal/fairlead"
	"fairlead/internal/kind"
)

// When are conditions of a term. Those of a permit must certainly hold; a prohibition, which may name
// thresholds and facts only, lapses where they certainly do not.
type When struct {
	Thresholds []fairlead.Threshold `json:"thresholds,omitempty" yaml:"thresholds,omitempty"`
	TLP        fairlead.TLP         `json:"tlp_at_most,omitempty" yaml:"tlp_at_most,omitempty"`
	GSC        fairlead.GSC         `json:"gsc_at_most,omitempty" yaml:"gsc_at_most,omitempty"`
	Training   []string             `json:"training,omitempty" yaml:"training,omitempty"` // codes that must be current for the sender's user
	Consent    *Consent             `json:"consent,omitempty" yaml:"consent,omitempty"`
	Facts      *Condition           `json:"facts,omitempty" yaml:"facts,omitempty"`
}

// Consent is a condition on what those concerned have said of a section. It stands beside the consent
// matrix of the law, and never loosens it.
type Consent struct {
	Given     bool             `json:"given,omitempty" yaml:"given,omitempty"`         // it must be given
	GivenBy   []fairlead.Giver `json:"given_by,omitempty" yaml:"given_by,omitempty"`   // by one of these
	Objection bool             `json:"objection,omitempty" yaml:"objection,omitempty"` // a refusal stops the section
}

// Consented is what the records say of one section.
type Consented struct {
	Given, Refused bool
	Givers         []fairlead.Giver // who gave it, one for each subject
}

// tests runs the conditions that do not depend on a section.
func (w *When) tests(u *Use) (f Failed) {
	f.note(FailedThreshold, len(w.Thresholds) == 0 || slices.Contains(w.Thresholds, u.Threshold))
	f.note(FailedTLP, w.TLP == "" || atMost(tlps, u.TLP, w.TLP))
	f.note(FailedGSC, w.GSC == "" || atMost(fairlead.GSCs, u.GSC, w.GSC))
	for _, code := range w.Training {
		f.note(FailedTraining, slices.Contains(u.Training, code))
	}
	if w.Facts != nil {
		switch w.Facts.holds(u) {
		case no:
			f |= FailedFact
		case unknown:
			f |= FailedUnknown
		}
	}
	return f
}

// tlps is TLP 2.0 from the widest audience to the narrowest.
var tlps = []fairlead.TLP{"CLEAR", "GREEN", "AMBER", "AMBER+STRICT", fairlead.TLPRed}

func atMost[T comparable](order []T, v, bound T) bool {
	i := slices.Index(order, v)
	return i >= 0 && i <= slices.Index(order, bound)
}

func (c *Consent) tests(code fairlead.SectionCode, u *Use) (f Failed) {
	var said Consented
	if u.More != nil {
		said = u.More.Consented(code)
	}
	f.note(FailedObjected, !said.Refused)
	if c.Given {
		f.note(FailedConsent, said.Given || said.Refused)
		f.note(FailedGiver, !said.Given || len(c.GivenBy) == 0 ||
			len(said.Givers) > 0 && !slices.ContainsFunc(said.Givers, func(g fairlead.Giver) bool { return !slices.Contains(c.GivenBy, g) }))
	}
	return f
}

// Condition is a small tree over declared facts: exactly one of all, any, not and fact, and beside fact
// exactly one test. A fact is a code of the header by its name, such as "severity", or a clear fact of
// the kind, such as "facts.event".
type Condition struct {
	All     []Condition `json:"all,omitempty" yaml:"all,omitempty"`
	Any     []Condition `json:"any,omitempty" yaml:"any,omitempty"`
	Not     *Condition  `json:"not,omitempty" yaml:"not,omitempty"`
	Fact    string      `json:"fact,omitempty" yaml:"fact,omitempty"`
	Is      string      `json:"is,omitempty" yaml:"is,omitempty"`
	OneOf   []string    `json:"one_of,omitempty" yaml:"one_of,omitempty"`
	AtLeast string      `json:"at_least,omitempty" yaml:"at_least,omitempty"` // counts, dates, instants and thresholds
	AtMost  string      `json:"at_most,omitempty" yaml:"at_most,omitempty"`
}

// Bounds of a condition: what a person can still read.
const (
	maxNodes = 32
	maxDepth = 4
)

// truth has three values, ordered so that "all" is the least and "any" the greatest of its parts.
type truth int8

const (
	no truth = iota - 1
	unknown
	yes
)

func (c *Condition) holds(u *Use) truth {
	switch {
	case len(c.All) > 0:
		v := yes
		for i := range c.All {
			v = min(v, c.All[i].holds(u))
		}
		return v
	case len(c.Any) > 0:
		v := no
		for i := range c.Any {
			v = max(v, c.Any[i].holds(u))
		}
		return v
	case c.Not != nil:
		return -c.Not.holds(u)
	}
	return c.test(u)
}

// test compares one fact. A missing fact, and one of another form than the test's, is unknown.
func (c *Condition) test(u *Use) truth {
	value, form := u.fact(c.Fact)
	if value == "" {
		return unknown
	}
	ok := false
	switch {
	case c.Is != "":
		ok = value == c.Is
	case len(c.OneOf) > 0:
		ok = slices.Contains(c.OneOf, value)
	default:
		bound := cmp.Or(c.AtLeast, c.AtMost)
		order, known := compare(form, value, bound)
		if !known {
			return unknown
		}
		ok = order == 0 || (order > 0) == (c.AtLeast != "")
	}
	if ok {
		return yes
	}
	return no
}

// compare orders two values of a form.
func compare(form kind.Form, a, b string) (int, bool) {
	switch form {
	case kind.Count:
		x, errX := strconv.Atoi(a)
		y, errY := strconv.Atoi(b)
		return cmp.Compare(x, y), errX == nil && errY == nil
	case kind.Date, kind.Stamp: // one form each, in UTC: their text sorts as they do
		return cmp.Compare(a, b), len(a) == len(b)
	}
	return cmp.Compare(a, b), form == threshold
}

// threshold is the form of an ordered code: TH0 to TH4.
const threshold kind.Form = "threshold"

// codes are the header's codes that a condition may name, with their lists.
var codes = map[string][]string{
	"purpose": list(fairlead.Purposes), "threshold": list(fairlead.Thresholds), "tlp": list(fairlead.TLPs), "gsc": list(fairlead.GSCs),
	"urgency": list(fairlead.Urgencies), "severity": list(fairlead.Severities), "certainty": list(fairlead.Certainties), "told": list(fairlead.Tolds),
	"basis": list(fairlead.Art6s), "annex1": list(fairlead.Annex1s), "role": list(fairlead.Roles),
}

func list[T ~string](codes []T) (out []string) {
	for _, c := range codes {
		out = append(out, string(c))
	}
	return out
}

// fact finds the value and the form of a fact by name.
func (u *Use) fact(name string) (string, kind.Form) {
	if own, ok := strings.CutPrefix(name, "facts."); ok {
		k, _ := kind.Lookup(u.Kind)
		f, ok := k.Facts[own]
		if !ok || f.Check(u.Facts[own]) != nil {
			return "", ""
		}
		return u.Facts[own], f.Form
	}
	switch name {
	case "threshold":
		return string(u.Threshold), threshold
	case "purpose":
		return string(u.Purpose), kind.Code
	case "tlp":
		return string(u.TLP), kind.Code
	case "gsc":
		return string(u.GSC), kind.Code
	case "urgency":
		return string(u.Urgency), kind.Code
	case "basis":
		return string(u.Basis), kind.Code
	}
	if u.More == nil {
		return "", ""
	}
	return u.More.Code(name), kind.Code
}

// Missing lists the facts that the conditions of a term ask for and the use lacks.
func (t *Term) Missing(u *Use) (names []string) {
	if t.When == nil || t.When.Facts == nil {
		return nil
	}
	t.When.Facts.walk(func(c *Condition) {
		if v, _ := u.fact(c.Fact); v == "" && !slices.Contains(names, c.Fact) {
			names = append(names, c.Fact)
		}
	})
	return names
}

// walk calls f for every test of the tree.
func (c *Condition) walk(f func(*Condition)) {
	for i := range c.All {
		c.All[i].walk(f)
	}
	for i := range c.Any {
		c.Any[i].walk(f)
	}
	if c.Not != nil {
		c.Not.walk(f)
	}
	if c.Fact != "" {
		f(c)
	}
}

// String is the condition in words.
func (c *Condition) String() string {
	join := func(list []Condition, word string) string {
		parts := make([]string, len(list))
		for i := range list {
			parts[i] = list[i].String()
		}
		return "(" + strings.Join(parts, word) + ")"
	}
	switch {
	case len(c.All) > 0:
		return join(c.All, " and ")
	case len(c.Any) > 0:
		return join(c.Any, " or ")
	case c.Not != nil:
		return "not " + c.Not.String()
	case c.Is != "":
		return c.Fact + " is " + c.Is
	case len(c.OneOf) > 0:
		return fmt.Sprintf("%s is one of %s", c.Fact, strings.Join(c.OneOf, ", "))
	case c.AtLeast != "":
		return c.Fact + " is at least " + c.AtLeast
	}
	return c.Fact + " is at most " + c.AtMost
}

// String is what a term asks for, in words; "" for nothing.
func (w *When) String() string {
	if w == nil {
		return ""
	}
	var parts []string
	say := func(ok bool, format string, args ...any) {
		if ok {
			parts = append(parts, fmt.Sprintf(format, args...))
		}
	}
	say(len(w.Thresholds) > 0, "threshold %s", strings.Join(list(w.Thresholds), ", "))
	say(w.TLP != "", "TLP at most %s", w.TLP)
	say(w.GSC != "", "GSC at most %s", w.GSC)
	say(len(w.Training) > 0, "training %s current", strings.Join(w.Training, ", "))
	if c := w.Consent; c != nil {
		say(c.Given && len(c.GivenBy) > 0, "consent given by %s", strings.Join(list(c.GivenBy), ", "))
		say(c.Given && len(c.GivenBy) == 0, "consent given")
		say(!c.Given, "nobody objects")
	}
	if w.Facts != nil {
		say(true, "%s", strings.Trim(w.Facts.String(), "()"))
	}
	return strings.Join(parts, "; ")
}
