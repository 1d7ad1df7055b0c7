package officer

import (
	"slices"
	"strings"

	"fairlead/internal/agreement"
	"fairlead/internal/fairlead"
	"fairlead/internal/kind"
	"fairlead/internal/policy"
)

// Matrix is who may send what to whom between two agencies, in both directions.
type Matrix struct {
	Between []fairlead.AgencyID `json:"between"`
	At      string              `json:"at"`
	Ways    []Way               `json:"ways"`
}

// Way is one direction: what is open, by clause, and what never goes.
type Way struct {
	From  fairlead.AgencyID `json:"from"`
	To    fairlead.AgencyID `json:"to"`
	Open  []Box             `json:"open"`
	Never []Never           `json:"never,omitempty"`
}

// Never is a section that a rule keeps from going this way although a term would let it.
type Never struct {
	Sections []fairlead.SectionCode `json:"sections"`
	Why      string                 `json:"why"`
	Words    string                 `json:"words,omitempty"`
}

// MatrixOf computes the matrix of two agencies. It looks at every combination of kind, purpose, basis and
// section that a term in force names: what is not listed is not open. Emergencies and replies, which
// stand on no agreement, are not in it; nor are kinds whose rules are not built.
func (b *Book) MatrixOf(x, y fairlead.AgencyID) Matrix {
	m := Matrix{Between: []fairlead.AgencyID{x, y}, At: b.At.UTC().Format("2006-01-02T15:04:05Z")}
	for _, pair := range [][2]fairlead.AgencyID{{x, y}, {y, x}} {
		m.Ways = append(m.Ways, b.way(pair[0], pair[1]))
	}
	return m
}

func (b *Book) way(from, to fairlead.AgencyID) Way {
	w := Way{From: from, To: to, Open: []Box{}}
	sender, recipient := b.Agency(from), b.Agency(to)
	if sender == nil || recipient == nil {
		return w
	}
	var s space
	var active []*agreement.Standing
	for _, a := range b.Agreements {
		if a.Active(b.At) && a.Party(from) && a.Party(to) {
			active = append(active, a)
			s.add(a.Terms)
		}
	}
	for _, h := range b.Houses {
		s.tell(h.Terms)
	}
	for _, a := range b.Agreements { // a suspended one may prohibit beside itself
		s.tell(a.Terms)
	}
	var boxes []Box
	never := map[string][]fairlead.SectionCode{}
	s.each(from, to, b.TypeOf, func(f *flow) {
		k, _ := kind.Lookup(f.Kind)
		if !k.Built || !k.MaySend(sender.Type) || k.Purposes != nil && !slices.Contains(k.Purposes, f.Purpose) {
			return
		}
		by := map[string]Box{}
		for _, code := range s.sections {
			o, permitted := b.opened(active, f, code)
			if !permitted {
				continue
			}
			if why := b.keeps(f, code, sender, recipient); why != "" {
				never[why] = union(never[why], []fairlead.SectionCode{code})
				continue
			}
			box := boxOf(f, nil)
			box.Clauses, box.Asks = o.clauses, o.terms
			if old, ok := by[box.answer()]; ok {
				box = old
			}
			box.Sections = append(box.Sections, code)
			by[box.answer()] = box
		}
		for _, key := range sortedKeys(by) {
			boxes = append(boxes, by[key])
		}
	})
	w.Open = append(w.Open, merged(boxes)...)
	slices.SortStableFunc(w.Open, func(a, b Box) int {
		return strings.Compare(a.together(), b.together())
	})
	for _, why := range sortedKeys(never) {
		w.Never = append(w.Never, Never{Sections: never[why], Why: why, Words: b.Words(clauseIn(why))})
	}
	return w
}

// opened gathers what the agreements in force say of a section on a flow.
func (b *Book) opened(active []*agreement.Standing, f *flow, code fairlead.SectionCode) (all opening, ok bool) {
	for _, a := range active {
		var framework *agreement.Agreement
		if a.Under != "" {
			s := b.Agreement(a.Under)
			if s == nil || !s.Active(b.At) {
				continue
			}
			framework = &s.Agreement
		}
		if o, permitted := open(&a.Agreement, framework, f, code); permitted {
			all.clauses, all.terms, ok = append(all.clauses, o.clauses...), append(all.terms, o.terms...), true
		}
	}
	slices.Sort(all.clauses)
	slices.Sort(all.terms)
	all.terms = slices.DeleteFunc(slices.Compact(all.terms), func(s string) bool { return s == "" })
	return all, ok
}

// keeps says which rule keeps a section from going, whatever an agreement permits; "" for none.
func (b *Book) keeps(f *flow, code fairlead.SectionCode, from, to *policy.Agency) string {
	if why := policy.SectionDefault(code, from, to); why != "" {
		return why
	}
	var bars []agreement.Bar
	for _, h := range b.Houses {
		bars = h.Bars(&f.Use, bars)
	}
	for _, a := range b.Agreements {
		bars = a.Beside(&f.Use, bars, b.At)
	}
	bars = slices.DeleteFunc(bars, func(bar agreement.Bar) bool { return bar.Term.When != nil })
	if bar := agreement.BarOf(bars, code); bar != nil {
		return "term " + bar.Clause() + " prohibits it"
	}
	return ""
}

// Words is the matrix for people: what is open under the same terms stands together, kinds by purpose.
func (m Matrix) Words() string {
	t := &text{}
	for _, w := range m.Ways {
		t.line(string(w.From) + " may send to " + string(w.To))
		t.indent = "  "
		if len(w.Open) == 0 {
			t.line("nothing under an agreement in force at " + m.At)
		}
		head := ""
		for i := range w.Open {
			box := &w.Open[i]
			if same := box.together(); same != head {
				head = same
				t.line(strings.Join(box.Clauses, ", "))
				t.item("sections", strings.Join(asText(box.Sections), ", "))
				t.item("bases", strings.Join(asText(box.Bases), ", "))
				t.item("urgency", box.urgency())
				t.item("asks", strings.Join(box.Asks, ". "))
			}
			t.item("for", strings.Join(asText(box.Purposes), ", ")+": "+strings.Join(box.Kinds, ", "))
		}
		for _, n := range w.Never {
			t.line("but never " + strings.Join(asText(n.Sections), ", ") + ": " + n.Why)
			t.item("words", n.Words)
		}
		t.indent = ""
		t.WriteString("\n")
	}
	t.line("Replies to a question, and emergencies at TH4, stand on no agreement and are not listed. " +
		"The other checks of a share apply too: lawful basis, danger, consent and caveats.")
	return t.String()
}
