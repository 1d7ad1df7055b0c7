package officer_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"fairlead/internal/agreement"
	"fairlead/internal/fairlead"
	"fairlead/internal/kind"
	"fairlead/internal/officer"
	"fairlead/internal/policy"
)

// The values that random agreements speak of; each axis has one that no permit names.
var (
	ids      = []fairlead.AgencyID{"AA", "BB", "CC", "DD"}
	types    = map[fairlead.AgencyID]fairlead.AgencyType{"AA": "LA_CSC", "BB": "LA_CSC", "CC": "STATUTORY_OVERSEAS", "DD": "NGO_OVERSEAS"}
	purposes = []fairlead.Purpose{"PRT-ASSESS", "PRT-PLAN", "LIAISE", "LEGAL"}
	kinds    = []string{"assessment.share", "referral.new", "liaison.note", "correction"}
	bases    = []fairlead.Art6{"A6-1-c", "A6-1-e", "X-EU-GDPR"}
	sections = []fairlead.SectionCode{"EDU", "RISK", "HEALTH-PHYS", "LOC-NOW", "VOICE"}
	urgency  = []fairlead.Urgency{"", "Immediate", "Expected"}
)

func typeOf(id fairlead.AgencyID) fairlead.AgencyType { return types[id] }

type chance struct{ *rand.Rand }

func some[T any](c chance, list []T) (out []T) {
	for _, v := range list[:len(list)-1] {
		if c.IntN(2) == 0 {
			out = append(out, v)
		}
	}
	if len(out) == 0 {
		out = list[:1]
	}
	return out
}

// scope is a random one; prohibitions may leave lists out.
func (c chance) scope(prohibition bool) *agreement.Scope {
	s := &agreement.Scope{Purposes: some(c, purposes), Kinds: some(c, kinds), Bases: some(c, bases), Sections: some(c, sections), Transfer: "A45"}
	if s.From = some(c, ids); c.IntN(3) == 0 {
		s.From, s.FromTypes = nil, []fairlead.AgencyType{"LA_CSC", "NGO_OVERSEAS"}[:1+c.IntN(2)]
	}
	if s.To = some(c, ids); c.IntN(3) == 0 {
		s.To, s.ToTypes = nil, []fairlead.AgencyType{"STATUTORY_OVERSEAS", "NGO_OVERSEAS"}
	}
	if c.IntN(4) == 0 {
		s.Urgency = []fairlead.Urgency{"Immediate"}
	}
	if prohibition && c.IntN(2) == 0 {
		s.Purposes, s.Kinds = nil, nil
	}
	if prohibition && c.IntN(2) == 0 {
		s.Bases = nil
	}
	return s
}

func (c chance) standing(id string) *agreement.Standing {
	s := &agreement.Standing{Entry: 1, ActiveBy: 2}
	s.ID, s.Version, s.Parties = id, 1, ids[:2+c.IntN(3)]
	s.From, s.Until, s.ReviewBy = fairlead.At(noon.AddDate(0, -1, 0)), fairlead.At(noon.AddDate(0, 1, 0)), "2027-12-01"
	for i := range 1 + c.IntN(4) {
		t := agreement.Term{ID: fmt.Sprint("t", i), Text: "words"}
		if c.IntN(3) == 0 {
			t.Prohibit = c.scope(true)
		} else {
			t.Permit = c.scope(false)
		}
		s.Terms = append(s.Terms, t)
	}
	return s
}

// point is one combination, as text.
func point(from, to, purpose, kind, basis, urgency, section any) string {
	return fmt.Sprintln(from, to, purpose, kind, basis, urgency, section)
}

// points calls f for every combination of the values above.
func points(f func(u agreement.Use, code fairlead.SectionCode, name string)) {
	for _, from := range ids {
		for _, to := range ids {
			if from == to {
				continue
			}
			for _, p := range purposes {
				for _, k := range kinds {
					for _, b := range bases {
						for _, g := range urgency {
							for _, code := range sections {
								u := agreement.Use{From: from, To: to, FromType: types[from], ToType: types[to], Purpose: p, Kind: k, Basis: b, Urgency: g}
								f(u, code, point(from, to, p, k, b, g, code))
							}
						}
					}
				}
			}
		}
	}
}

// expand lists the combinations of boxes.
func expand(t *testing.T, boxes []officer.Box) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	for _, b := range boxes {
		told := b.Urgency
		if told == nil {
			told = urgency
		}
		for _, from := range b.From {
			for _, to := range b.To {
				for _, p := range b.Purposes {
					for _, k := range b.Kinds {
						for _, basis := range b.Bases {
							for _, g := range told {
								for _, code := range b.Sections {
									if from != to && slices.Contains(urgency, g) {
										name := point(from, to, p, k, basis, g, code)
										if all[name] {
											t.Fatalf("twice: %s", name)
										}
										all[name] = true
									}
								}
							}
						}
					}
				}
			}
		}
	}
	return all
}

// missing names what is in a and not in b.
func missing(a, b map[string]bool) string {
	for name := range a {
		if !b[name] {
			return name
		}
	}
	return ""
}

// TestDiffIsExact: what a diff opens and closes is what the evaluation itself, asked of every
// combination there is, says: no more and no less.
func TestDiffIsExact(t *testing.T) {
	opened := 0
	for seed := range uint64(150) {
		c := chance{rand.New(rand.NewPCG(seed, 7))}
		a, b := c.standing("A1"), c.standing("A1")
		b.Version = 2
		opens, closes := map[string]bool{}, map[string]bool{}
		points(func(u agreement.Use, code fairlead.SectionCode, name string) {
			was, now := a.Covers(&u, nil, noon), b.Covers(&u, nil, noon)
			had, has := was.Section(code, &u) != nil, now.Section(code, &u) != nil
			if has && !had {
				opens[name] = true
			}
			if had && !has {
				closes[name] = true
			}
		})
		d := officer.DiffOf(&a.Agreement, &b.Agreement, typeOf)
		gotOpens, gotCloses := expand(t, d.Opens), expand(t, d.Closes)
		for what, m := range map[string]string{
			"opens, and is not told": missing(opens, gotOpens), "is told as open and is not": missing(gotOpens, opens),
			"closes, and is not told": missing(closes, gotCloses), "is told as closed and is not": missing(gotCloses, closes),
		} {
			if m != "" {
				t.Fatalf("seed %d: %s %s", seed, m, what)
			}
		}
		for _, box := range slices.Concat(d.Opens, d.Closes, d.Changes) {
			if len(box.From) == 1 && slices.Equal(box.From, box.To) {
				t.Fatalf("seed %d: from %s to itself", seed, box.From)
			}
		}
		opened += len(opens) + len(closes)
	}
	if opened < 10_000 {
		t.Fatalf("only %d combinations change", opened)
	}
}

// TestMatrixIsExact: what the matrix lists is what the evaluation says, under agreements and frameworks,
// less what a section's default, a house or a prohibition beside keeps.
func TestMatrixIsExact(t *testing.T) {
	listed := 0
	for seed := range uint64(150) {
		c := chance{rand.New(rand.NewPCG(seed, 8))}
		b := officer.Book{At: noon}
		places := map[fairlead.AgencyID]fairlead.Jurisdiction{"AA": "GB-ENG", "BB": "GB-ENG", "CC": "RO", "DD": "RO"}
		for _, id := range ids {
			b.Agencies = append(b.Agencies, &policy.Agency{ID: id, Type: types[id], Jurisdiction: places[id]})
		}
		one, two, frame := c.standing("A1"), c.standing("A2"), c.standing("F1")
		if frame.Framework = true; c.IntN(2) == 0 {
			one.Under = "F1/1"
		}
		b.Agreements = []*agreement.Standing{one, two, frame}
		if c.IntN(2) == 0 {
			b.Houses = []*agreement.House{{Version: 1, Owner: "AA", Terms: []agreement.Term{{ID: "h", Text: "words", Prohibit: c.scope(true)}}}}
		}
		for i := range two.Terms {
			two.Terms[i].Beside = two.Terms[i].Prohibit != nil && c.IntN(2) == 0
		}
		want := map[string]bool{}
		points(func(u agreement.Use, code fairlead.SectionCode, name string) {
			if allows(&b, &u, code) {
				want[name] = true
			}
		})
		var boxes []officer.Box
		for i, x := range ids {
			for _, y := range ids[i+1:] {
				for _, way := range b.MatrixOf(x, y).Ways {
					boxes = append(boxes, way.Open...)
				}
			}
		}
		got := expandClauses(t, boxes)
		if m := missing(want, got); m != "" {
			t.Fatalf("seed %d: not listed: %s", seed, m)
		}
		if m := missing(got, want); m != "" {
			t.Fatalf("seed %d: listed, and not permitted: %s", seed, m)
		}
		listed += len(want)
	}
	if listed < 3000 {
		t.Fatalf("only %d combinations are permitted", listed)
	}
}

// allows asks the rules themselves, one combination at a time.
func allows(b *officer.Book, u *agreement.Use, code fairlead.SectionCode) bool {
	k, _ := kind.Lookup(u.Kind)
	if !k.Built || !k.MaySend(u.FromType) || !slices.Contains(k.Purposes, u.Purpose) || policy.SectionDefault(code, b.Agency(u.From), b.Agency(u.To)) != "" {
		return false
	}
	var bars []agreement.Bar
	for _, h := range b.Houses {
		bars = h.Bars(u, bars)
	}
	for _, s := range b.Agreements {
		bars = s.Beside(u, bars, noon)
	}
	if agreement.BarOf(bars, code) != nil {
		return false
	}
	return slices.ContainsFunc(b.Agreements, func(s *agreement.Standing) bool {
		cover := s.Covers(u, frameworkOf(b, s), noon)
		return cover.Section(code, u) != nil
	})
}

func frameworkOf(b *officer.Book, s *agreement.Standing) *agreement.Standing {
	if s.Under == "" {
		return nil
	}
	return b.Agreement(s.Under)
}

func expandClauses(t *testing.T, boxes []officer.Box) map[string]bool {
	t.Helper()
	for _, b := range boxes {
		if len(b.Clauses) == 0 || !strings.Contains(b.Clauses[0], "#") {
			t.Fatalf("a box without its clause: %+v", b)
		}
	}
	return expand(t, boxes)
}
