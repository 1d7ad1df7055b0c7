// Package officer holds the tools of a data-protection officer: what is wrong with an agreement, who may
// send what to whom, what another version opens and closes, and why a share was decided as it was. All
// of it is computed from the documents by the rules that decide; nothing is sampled, and nothing here
// decides a share.
package officer

import (
	"slices"
	"strings"
	"time"

	"fairlead/internal/agreement"
	"fairlead/internal/fairlead"
	"fairlead/internal/policy"
)

// Book is what an officer looks at: the register, as far as it is known here, at an instant.
type Book struct {
	At         time.Time
	Agencies   []*policy.Agency
	Agreements []*agreement.Standing
	Houses     []*agreement.House
}

// Agency finds an agency, or nil.
func (b *Book) Agency(id fairlead.AgencyID) *policy.Agency {
	for _, a := range b.Agencies {
		if a.ID == id {
			return a
		}
	}
	return nil
}

// TypeOf is the type of an agency, "" for one that is not known.
func (b *Book) TypeOf(id fairlead.AgencyID) fairlead.AgencyType {
	if a := b.Agency(id); a != nil {
		return a.Type
	}
	return ""
}

// Agreement finds a version by reference, or nil.
func (b *Book) Agreement(ref string) *agreement.Standing {
	for _, s := range b.Agreements {
		if s.Ref() == ref {
			return s
		}
	}
	return nil
}

// Words are the signed words of a clause such as "A2/1#t2" or "house:HUB#t1"; "" where it is not known.
func (b *Book) Words(clause string) string {
	ref, id, _ := strings.Cut(clause, "#")
	if s := b.Agreement(ref); s != nil {
		if t := s.Term(id); t != nil {
			return t.Text
		}
	}
	for _, h := range b.Houses {
		if h.Ref() != ref {
			continue
		}
		for i := range h.Terms {
			if h.Terms[i].ID == id {
				return h.Terms[i].Text
			}
		}
	}
	return ""
}

// flow is one way of sending: a point of the space that terms speak of, sections aside.
type flow struct {
	agreement.Use
	urgent bool // urgency is told apart here
}

// space lists the values along each axis that any permit of the documents names. What no permit names is
// open nowhere, so nothing is left out.
type space struct {
	purposes []fairlead.Purpose
	kinds    []string
	bases    []fairlead.Art6
	urgency  []fairlead.Urgency
	sections []fairlead.SectionCode
}

func (s *space) add(terms []agreement.Term) {
	s.tell(terms)
	for i := range terms {
		if p := terms[i].Permit; p != nil {
			s.purposes, s.kinds = union(s.purposes, p.Purposes), union(s.kinds, p.Kinds)
			s.bases, s.sections = union(s.bases, p.Bases), union(s.sections, p.Sections)
		}
	}
}

// tell has urgency told apart, where a term does.
func (s *space) tell(terms []agreement.Term) {
	if slices.ContainsFunc(terms, func(t agreement.Term) bool { return len(t.Scope().Urgency) > 0 }) {
		s.urgency = append(slices.Clone(fairlead.Urgencies), "")
	}
}

func union[T ~string](a, b []T) []T {
	for _, v := range b {
		if !slices.Contains(a, v) {
			a = append(a, v)
		}
	}
	return a
}

// each calls f for every flow between two agencies.
func (s *space) each(from, to fairlead.AgencyID, typeOf func(fairlead.AgencyID) fairlead.AgencyType, f func(*flow)) {
	urgency := s.urgency
	if urgency == nil {
		urgency = []fairlead.Urgency{""}
	}
	w := &flow{urgent: s.urgency != nil}
	w.From, w.To, w.FromType, w.ToType = from, to, typeOf(from), typeOf(to)
	for _, w.Purpose = range s.purposes {
		for _, w.Kind = range s.kinds {
			for _, w.Basis = range s.bases {
				for _, w.Urgency = range urgency {
					f(w)
				}
			}
		}
	}
}

// opening is how one section is open on a flow: the clauses, and what they ask and oblige to.
type opening struct {
	clauses []string // that permit it
	terms   []string // conditions, obligations and mechanisms, as text that compares
}

// open evaluates a document for one section of a flow. ok is false where it is closed: nothing permits
// it, the framework does not, or a prohibition without conditions bars it.
func open(a, framework *agreement.Agreement, w *flow, code fairlead.SectionCode) (o opening, ok bool) {
	if a.Framework || !a.Party(w.From) || !a.Party(w.To) {
		return o, false
	}
	inner := o.add(a, w, code)
	outer := true
	if a.Under != "" {
		outer = framework != nil && framework.Party(w.From) && framework.Party(w.To) && o.add(framework, w, code)
	}
	if !inner || !outer || !o.free(a.Terms, w, code) || framework != nil && !o.free(framework.Terms, w, code) {
		return opening{}, false
	}
	slices.Sort(o.terms)
	o.terms = slices.Compact(o.terms)
	return o, true
}

// add notes the permits of a document, and reports whether there is one.
func (o *opening) add(a *agreement.Agreement, w *flow, code fairlead.SectionCode) (found bool) {
	for i := range a.Terms {
		t := &a.Terms[i]
		if t.Permit == nil || !slices.Contains(t.Permit.Sections, code) || !t.Speaks(&w.Use) {
			continue
		}
		found = true
		o.clauses = append(o.clauses, a.Ref()+"#"+t.ID)
		o.terms = append(o.terms, Asks(t))
	}
	return found
}

// Asks is what a permit asks and obliges to, in words, or on which condition a prohibition bars. A Box names terms so.
func Asks(t *agreement.Term) string {
	if t.Permit == nil {
		return "unless " + t.When.String()
	}
	parts := []string{}
	if t.Permit.Transfer != "" {
		parts = append(parts, "transfer "+string(t.Permit.Transfer))
	}
	if w := t.When.String(); w != "" {
		parts = append(parts, "if "+w)
	}
	return strings.Join(append(parts, t.Oblige.Words()...), "; ")
}

// free notes prohibitions under a condition, and reports whether none is without.
func (o *opening) free(terms []agreement.Term, w *flow, code fairlead.SectionCode) bool {
	for i := range terms {
		t := &terms[i]
		if t.Prohibit == nil || !t.Bars(code) || !t.Speaks(&w.Use) {
			continue
		}
		if t.When == nil {
			return false
		}
		o.terms = append(o.terms, Asks(t))
	}
	return true
}
