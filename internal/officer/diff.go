package officer

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"fairlead/internal/agreement"
	"fairlead/internal/fairlead"
)

// Change is what another version of an agreement changes: exactly, since every combination of agencies,
// kinds, purposes, bases, urgency and sections that either version names is looked at.
type Change struct {
	Old     string   `json:"old"`
	New     string   `json:"new"`
	Opens   []Box    `json:"opens"`           // closed before
	Closes  []Box    `json:"closes"`          // open before
	Changes []Box    `json:"changes"`         // open under other conditions or obligations
	Notes   []string `json:"notes,omitempty"` // what else differs: dates, parties, words
}

// DiffOf compares two versions, each by its own terms. typeOf tells an agency's type, "" for one that is
// not known.
func DiffOf(before, after *agreement.Agreement, typeOf func(fairlead.AgencyID) fairlead.AgencyType) Change {
	c := Change{Old: before.Ref(), New: after.Ref(), Opens: []Box{}, Closes: []Box{}, Changes: []Box{}}
	var s space
	s.add(before.Terms)
	s.add(after.Terms)
	one, two := own(before), own(after)
	for _, x := range classes(typeOf, before, after) {
		for _, y := range classes(typeOf, before, after) {
			from, to, ok := pair(x, y)
			if !ok {
				continue
			}
			s.each(from, to, typeOf, func(f *flow) { c.flow(one, two, f, s.sections, x, y) })
		}
	}
	c.Opens, c.Closes, c.Changes = merged(c.Opens), merged(c.Closes), merged(c.Changes)
	c.Notes = notes(before, after)
	return c
}

// own is the document alone: what a framework does to it is the framework's own story.
func own(a *agreement.Agreement) *agreement.Agreement {
	alone := *a
	alone.Under, alone.Framework = "", false
	return &alone
}

// classes groups agencies that no term of the documents tells apart, so that each group is looked at once.
func classes(typeOf func(fairlead.AgencyID) fairlead.AgencyType, docs ...*agreement.Agreement) [][]fairlead.AgencyID {
	by := map[string][]fairlead.AgencyID{}
	var ids []fairlead.AgencyID
	for _, a := range docs {
		ids = union(ids, a.Parties)
	}
	for _, id := range ids {
		var key strings.Builder
		for _, a := range docs {
			fmt.Fprint(&key, a.Party(id))
			for i := range a.Terms {
				s := a.Terms[i].Scope()
				fmt.Fprint(&key, slices.Contains(s.From, id), slices.Contains(s.To, id), slices.Contains(s.FromTypes, typeOf(id)), slices.Contains(s.ToTypes, typeOf(id)), typeOf(id) == "")
			}
		}
		by[key.String()] = append(by[key.String()], id)
	}
	list := slices.Collect(maps.Values(by))
	for _, class := range list {
		slices.Sort(class)
	}
	slices.SortFunc(list, slices.Compare)
	return list
}

// pair picks a sender and another recipient of two classes.
func pair(x, y []fairlead.AgencyID) (from, to fairlead.AgencyID, ok bool) {
	for _, to := range y {
		if to != x[0] {
			return x[0], to, true
		}
	}
	return "", "", false
}

func (c *Change) flow(before, after *agreement.Agreement, f *flow, sections []fairlead.SectionCode, x, y []fairlead.AgencyID) {
	add := func(list *[]Box, code fairlead.SectionCode, was, now opening) {
		box := boxOf(f, []fairlead.SectionCode{code})
		box.From, box.To, box.Asks, box.Was = slices.Clone(x), slices.Clone(y), now.terms, was.terms
		*list = append(*list, box)
	}
	for _, code := range sections {
		was, had := open(before, nil, f, code)
		now, has := open(after, nil, f, code)
		switch {
		case had && !has:
			add(&c.Closes, code, was, now)
		case has && !had:
			add(&c.Opens, code, was, now)
		case had && !slices.Equal(was.terms, now.terms):
			add(&c.Changes, code, was, now)
		}
	}
}

// notes tells what differs beside what may be sent.
func notes(a, b *agreement.Agreement) (list []string) {
	say := func(ok bool, format string, args ...any) {
		if !ok {
			list = append(list, fmt.Sprintf(format, args...))
		}
	}
	stamp := func(t fairlead.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }
	for _, id := range a.Parties {
		say(b.Party(id), "%s is no longer a party", id)
	}
	for _, id := range b.Parties {
		say(a.Party(id), "%s becomes a party", id)
	}
	say(a.From.Equal(b.From.Time), "begins %s, was %s", stamp(b.From), stamp(a.From))
	say(a.Until.Equal(b.Until.Time), "ends %s, was %s", stamp(b.Until), stamp(a.Until))
	say(a.ReviewBy == b.ReviewBy, "review by %s, was %s", b.ReviewBy, a.ReviewBy)
	say(a.NoticeDays == b.NoticeDays, "notice of %d days, was %d", b.NoticeDays, a.NoticeDays)
	say(a.Under == b.Under, "under framework %q, was %q", b.Under, a.Under)
	say(a.DPIA == b.DPIA, "impact assessment %s, was %s", b.DPIA, a.DPIA)
	say(a.Governance == b.Governance, "the governance texts differ")
	for i := range b.Terms {
		t := &b.Terms[i]
		if old := a.Term(t.ID); old != nil {
			say(old.Text == t.Text, "term %s has other words", t.ID)
		} else {
			say(false, "term %s is new", t.ID)
		}
	}
	for i := range a.Terms {
		say(b.Term(a.Terms[i].ID) != nil, "term %s is gone", a.Terms[i].ID)
	}
	return list
}

// Words is the comparison for people.
func (c Change) Words() string {
	t := &text{}
	t.line(fmt.Sprintf("%s compared with %s: every combination that either names was looked at", c.New, c.Old))
	for _, part := range []struct {
		what  string
		boxes []Box
	}{{"OPENS", c.Opens}, {"CLOSES", c.Closes}, {"CHANGES", c.Changes}} {
		for i := range part.boxes {
			b := &part.boxes[i]
			t.WriteString("\n")
			t.line(part.what)
			b.words(t)
			t.item("was", strings.Join(b.Was, ". "))
			t.item("now", strings.Join(b.Asks, ". "))
		}
	}
	if len(c.Opens)+len(c.Closes)+len(c.Changes) == 0 {
		t.line("What may be sent is the same.")
	}
	if len(c.Notes) > 0 {
		t.WriteString("\n")
		t.line("Beside:")
	}
	t.indent = "  "
	for _, n := range c.Notes {
		t.line(n)
	}
	return t.String()
}
