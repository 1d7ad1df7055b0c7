package officer

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"fairlead/internal/agreement"
	"fairlead/internal/fairlead"
	"fairlead/internal/policy"
)

// Finding is one thing an officer should look at. An error keeps the agreement from being proposed; a
// warning does not.
type Finding struct {
	File      string `json:"file,omitempty"` // and the line at which its term begins, where it was read from one
	Line      int    `json:"line,omitempty"`
	Agreement string `json:"agreement"`
	Term      string `json:"term,omitempty"`
	Error     bool   `json:"error"`
	What      string `json:"what"`
}

// Findings are what lint says.
type Findings []Finding

// Errors reports whether one of them is an error.
func (f Findings) Errors() bool {
	return slices.ContainsFunc(f, func(one Finding) bool { return one.Error })
}

// In says where in a file the terms begin of which something is said.
func (f Findings) In(file string, lineOf func(term string) int) {
	for i := range f {
		if f[i].Term != "" {
			f[i].File, f[i].Line = file, lineOf(f[i].Term)
		}
	}
}

// Words are the findings for people.
func (f Findings) Words() string {
	t := &text{}
	for _, one := range f {
		label := "warning"
		if one.Error {
			label = "ERROR"
		}
		where := one.Agreement
		if one.Term != "" {
			where += "#" + one.Term
		}
		if one.Line > 0 {
			where = fmt.Sprintf("%s:%d: %s", one.File, one.Line, where)
		}
		t.wrap(fmt.Sprintf("%-8s", label), strings.Repeat(" ", 8), where+": "+one.What)
	}
	if len(f) == 0 {
		t.line("nothing to say")
	}
	return t.String()
}

// Lint reads an agreement as an officer would before it is signed: faults that keep it from being
// proposed, all at once, then what is legal and suspicious.
func (b *Book) Lint(s *agreement.Standing) Findings {
	l := &linter{book: b, a: &s.Agreement}
	if err := s.Check(); err != nil {
		for _, line := range lines(err) {
			l.fault(line)
		}
		return l.found
	}
	l.framework()
	l.contents()
	l.life(s)
	for i := range s.Terms {
		l.term(&s.Terms[i])
	}
	return l.found
}

// lines are the faults of a document, one by one.
func lines(err error) (list []string) {
	if err == nil {
		return nil
	}
	text := strings.TrimPrefix(err.Error(), agreement.ErrInvalid.Error()+": ")
	_, text, _ = strings.Cut(text, ": ") // the document's name
	return strings.Split(text, "\n")
}

type linter struct {
	book  *Book
	a     *agreement.Agreement
	found Findings
}

func (l *linter) fault(what string) {
	f := Finding{Agreement: l.a.Ref(), Error: true, What: what}
	if of, rest, ok := strings.Cut(strings.TrimPrefix(what, "term "), ": "); ok && l.a.Term(of) != nil && strings.HasPrefix(what, "term ") {
		f.Term, f.What = of, rest
	}
	l.found = append(l.found, f)
}

func (l *linter) warn(term, format string, args ...any) {
	l.found = append(l.found, Finding{Agreement: l.a.Ref(), Term: term, What: fmt.Sprintf(format, args...)})
}

// framework checks what the register would refuse.
func (l *linter) framework() {
	a := l.a
	for _, id := range a.Parties {
		party := l.book.Agency(id)
		switch {
		case party == nil && len(l.book.Agencies) > 0:
			l.warn("", "party %s is not in the register that is known here", id)
		case party != nil && a.Form == "mou_gov" && !party.Type.PublicAuthority():
			l.fault("form mou_gov is for public authorities, and " + string(id) + " is none; use dsa")
		}
	}
	if a.Under == "" {
		return
	}
	f := l.book.Agreement(a.Under)
	if f == nil {
		l.warn("", "its framework %s is not known here, so whether it is exceeded cannot be told", a.Under)
		return
	}
	for _, line := range lines(a.Within(&f.Agreement, l.book.TypeOf)) {
		l.fault(line)
	}
}

// special are the sections that hold special-category data (domain §5, column art9/10).
var special = []fairlead.SectionCode{"BIO-PHOTO", "EXPL-ACCOUNT", "HEALTH-PHYS", "HEALTH-MH", "HEALTH-SEX", "ETHNO", "EXPLOITER", "INTEL", "CHILD-CRIM"}

// contents looks for what the ICO code asks of some agreements only.
func (l *linter) contents() {
	var s space
	s.add(l.a.Terms)
	if held := slices.DeleteFunc(slices.Clone(s.sections), func(c fairlead.SectionCode) bool { return !slices.Contains(special, c) }); len(held) > 0 && l.a.APD == "" {
		l.warn("", "it permits %s, special-category or criminal data: name the appropriate policy document in apd_ref (DPA 2018 Sch 1 Part 4)", strings.Join(asText(held), ", "))
	}
	if slices.Contains(s.bases, fairlead.Art6Legitimate) && l.a.LIA == "" {
		l.warn("", "it permits basis A6-1-f: name the legitimate interests assessment in lia_ref")
	}
	if !slices.ContainsFunc(s.kinds, func(k string) bool { return strings.HasPrefix(k, "alert.") }) {
		return
	}
	var asleep []string
	for _, c := range l.a.Contacts {
		if c.Emergency == "" {
			asleep = append(asleep, string(c.Agency))
		}
	}
	if len(asleep) > 0 {
		l.warn("", "it permits alerts, and names no contact day and night (contacts.emergency) of %s", strings.Join(asleep, ", "))
	}
}

// life looks at signatures and days.
func (l *linter) life(s *agreement.Standing) {
	at := l.book.At
	switch s.State(at) {
	case agreement.StateProposed:
		if s.Entry > 0 || len(s.Signed) > 0 {
			waits := slices.DeleteFunc(slices.Clone(s.Parties), func(id fairlead.AgencyID) bool { return slices.Contains(s.Signed, id) })
			l.warn("", "it waits for the signature of %s", strings.Join(asText(waits), ", "))
		}
	case agreement.StateReviewDue:
		l.warn("", "its review was due by %s", s.ReviewBy)
	case agreement.StateActive:
		if days := int(s.Until.Sub(at).Hours() / 24); days <= 90 {
			l.warn("", "it ends in %d days, at %s; propose a new version", days, s.Until.UTC().Format(time.RFC3339))
		}
	}
}

func (l *linter) term(t *agreement.Term) {
	s := t.Scope()
	from, to := l.side(s.From, s.FromTypes), l.side(s.To, s.ToTypes)
	for _, side := range []struct {
		name    string
		members []fairlead.AgencyID
		types   []fairlead.AgencyType
	}{{"from_types", from, s.FromTypes}, {"to_types", to, s.ToTypes}} {
		if len(side.types) > 0 && len(side.members) == 0 && len(l.book.Agencies) > 0 {
			l.warn(t.ID, "%s: no party is of type %s, so the term never applies", side.name, strings.Join(asText(side.types), ", "))
		}
	}
	if t.Prohibit != nil {
		return
	}
	if len(t.Permit.Sections) == 0 {
		l.warn(t.ID, "it lists no section: it permits messages without content only")
	}
	l.killed(t)
	l.void(t)
	l.transfers(t, from, to)
}

func (l *linter) side(ids []fairlead.AgencyID, types []fairlead.AgencyType) []fairlead.AgencyID {
	return l.a.Members(ids, types, l.book.TypeOf)
}

// killed finds sections that a prohibition bars for all that the permit covers, and a permit and a
// prohibition that say the opposite of the very same.
func (l *linter) killed(t *agreement.Term) {
	dead := map[string][]fairlead.SectionCode{}
	kill := func(a *agreement.Agreement, terms []agreement.Term, ref string) {
		for i := range terms {
			p := &terms[i]
			if p.Prohibit == nil || p.When != nil || !l.covers(p.Prohibit, t.Permit, a) {
				continue
			}
			for _, code := range t.Permit.Sections {
				if p.Bars(code) {
					dead[ref+"#"+p.ID] = append(dead[ref+"#"+p.ID], code)
				}
			}
		}
	}
	kill(l.a, l.a.Terms, l.a.Ref())
	if f := l.book.Agreement(l.a.Under); f != nil {
		kill(&f.Agreement, f.Terms, f.Ref())
	}
	for _, s := range l.others() {
		kill(&s.Agreement, slices.DeleteFunc(slices.Clone(s.Terms), func(t agreement.Term) bool { return !t.Beside }), s.Ref())
	}
	for _, h := range l.book.Houses {
		if h.Owner == fairlead.Hub || l.only(t, h.Owner) {
			kill(nil, h.Terms, h.Ref())
		}
	}
	for _, clause := range slices.Sorted(maps.Keys(dead)) {
		if len(dead[clause]) == len(t.Permit.Sections) {
			l.warn(t.ID, "contradiction: term %s prohibits all that it permits", clause)
			continue
		}
		l.warn(t.ID, "%s can never go: term %s prohibits it for all that this term covers", strings.Join(asText(dead[clause]), ", "), clause)
	}
}

// others are the further agreements in force, beside which l.a stands. Those that do not share two parties with it
// cover nothing of it.
func (l *linter) others() (list []*agreement.Standing) {
	for _, s := range l.book.Agreements {
		if s.ID != l.a.ID && !s.Framework && (s.Active(l.book.At) || s.Paused(l.book.At)) {
			list = append(list, s)
		}
	}
	return list
}

// only reports whether all that a permit covers is sent by one agency, or goes to it.
func (l *linter) only(t *agreement.Term, id fairlead.AgencyID) bool {
	alone := func(side []fairlead.AgencyID) bool { return len(side) == 1 && side[0] == id }
	return alone(l.side(t.Permit.From, t.Permit.FromTypes)) || alone(l.side(t.Permit.To, t.Permit.ToTypes))
}

// void finds another permit that lets the same through without the conditions, here or in another agreement in force
// under no further framework.
func (l *linter) void(t *agreement.Term) {
	if t.When == nil {
		return
	}
	l.loosened(t, l.a, "")
	for _, s := range l.others() {
		if s.Active(l.book.At) && (s.Under == "" || s.Under == l.a.Under) {
			l.loosened(t, &s.Agreement, s.Ref()+"#")
		}
	}
}

func (l *linter) loosened(t *agreement.Term, by *agreement.Agreement, ref string) {
	for i := range by.Terms {
		o := &by.Terms[i]
		if o == t || o.Permit == nil || o.When != nil || !l.covers(o.Permit, t.Permit, by) {
			continue
		}
		both := slices.DeleteFunc(slices.Clone(t.Permit.Sections), func(c fairlead.SectionCode) bool { return !slices.Contains(o.Permit.Sections, c) })
		if len(both) > 0 {
			l.warn(t.ID, "its conditions (%s) are void for %s: term %s permits the same without them", t.When, strings.Join(asText(both), ", "), ref+o.ID)
		}
	}
}

// covers reports whether scope o holds all that s does, sections aside. An absent list of o means any; a
// nil document is a house.
func (l *linter) covers(o, s *agreement.Scope, of *agreement.Agreement) bool {
	absent := func(ids []fairlead.AgencyID, types []fairlead.AgencyType) bool { return len(ids)+len(types) == 0 }
	side := func(ids []fairlead.AgencyID, types []fairlead.AgencyType, inner []fairlead.AgencyID) bool {
		if absent(ids, types) {
			return true
		}
		if of == nil {
			of = l.a
		}
		return subset(inner, of.Members(ids, types, l.book.TypeOf))
	}
	return side(o.From, o.FromTypes, l.side(s.From, s.FromTypes)) && side(o.To, o.ToTypes, l.side(s.To, s.ToTypes)) &&
		anyOr(s.Purposes, o.Purposes) && anyOr(s.Kinds, o.Kinds) && anyOr(s.Bases, o.Bases) && (len(o.Urgency) == 0 || len(s.Urgency) > 0 && subset(s.Urgency, o.Urgency))
}

// anyOr reports whether list lies within bound, where an absent bound means any.
func anyOr[T ~string](list, bound []T) bool { return len(bound) == 0 || subset(list, bound) }

func subset[T ~string](list, bound []T) bool {
	return !slices.ContainsFunc(list, func(v T) bool { return !slices.Contains(bound, v) })
}

// transfers finds pairs between which the term's mechanism carries nothing.
func (l *linter) transfers(t *agreement.Term, from, to []fairlead.AgencyID) {
	bad := map[string][]string{}
	for _, x := range from {
		for _, y := range to {
			a, b := l.book.Agency(x), l.book.Agency(y)
			if x == y || a == nil || b == nil {
				continue
			}
			if why := misfit(t.Permit.Transfer, a, b); why != "" {
				bad[why] = append(bad[why], string(x)+" to "+string(y))
			}
		}
	}
	for _, why := range slices.Sorted(maps.Keys(bad)) {
		l.warn(t.ID, "transfer %s %s: %s", t.Permit.Transfer, why, strings.Join(bad[why], ", "))
	}
}

// misfit says why a mechanism carries nothing between two agencies (domain §2.3); "" where it may.
func misfit(m fairlead.Mechanism, a, b *policy.Agency) string {
	from, to := a.Jurisdiction, b.Jurisdiction
	if m == "" || from.State() == to.State() {
		return "" // within one State there is no transfer
	}
	ok := true
	switch m {
	case fairlead.MechanismNone:
		ok = false
	case fairlead.MechanismAdequacy:
		ok = from.State() == "GB" && to.EEA()
	case fairlead.MechanismIntoUK:
		ok = from.EEA() && to.State() == "GB"
	case fairlead.MechanismEEA:
		ok = from.EEA() && to.EEA()
	}
	if ok {
		return ""
	}
	return "is not for these, so the term carries nothing between them"
}

// errLint is what a command says of faults.
var errLint = errors.New("officer: there are errors")

// Err is an error where one of the findings is one.
func (f Findings) Err() error {
	if f.Errors() {
		return errLint
	}
	return nil
}
