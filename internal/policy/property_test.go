package policy_test

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"fairlead/internal/agreement"
	"fairlead/internal/consent"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/policy"
)

// worlds is how many random shares each property is held against.
const worlds = 4000

// each runs a property over random worlds, and fails where too few of them deliver anything: then the
// property would say little.
func each(t *testing.T, property func(c chance, w *world, d policy.Decision) string) {
	t.Helper()
	delivers := 0
	for seed := range uint64(worlds) {
		c := chance{rand.New(rand.NewPCG(seed, 1))}
		w := c.world()
		d := w.decide()
		if d.Delivers() {
			delivers++
		}
		if wrong := property(c, w, d); wrong != "" {
			t.Fatalf("seed %d: %s\nheader %+v\ndecided %+v", seed, wrong, *w.r.Header, d)
		}
	}
	if delivers < worlds/10 {
		t.Fatalf("only %d of %d random shares are delivered", delivers, worlds)
	}
}

// sameGround reports whether two decisions on w stand on the same: then less may never deliver more. A
// reply may use an agreement that its decision does not name, so there only one may be on record.
func sameGround(w *world, a, b policy.Decision) bool {
	named := a.Ground == fairlead.GroundAgreement || a.Ground == fairlead.GroundEmergency
	return a.Ground == b.Ground && a.Agreement == b.Agreement && (named || len(w.f.Agreements) < 2)
}

func TestEveryDecisionIsSound(t *testing.T) {
	each(t, func(_ chance, w *world, d policy.Decision) string {
		sound(t, w.r, d)
		if t.Failed() {
			return "not sound"
		}
		return ""
	})
}

// TestSameAgain: the decision is a function of its inputs, also after a way through the log.
func TestSameAgain(t *testing.T) {
	each(t, func(_ chance, w *world, d policy.Decision) string {
		if !reflect.DeepEqual(d, w.decide()) || !reflect.DeepEqual(d, w.with(func(*world) {}).decide()) {
			return "decided again it is another"
		}
		var back policy.Decision
		if raw, err := json.Marshal(d); err != nil || json.Unmarshal(raw, &back) != nil || !reflect.DeepEqual(back, d) {
			return "it does not come back from the log"
		}
		return ""
	})
}

// TestOrderOfAgreements: which of them the register lists first does not matter.
func TestOrderOfAgreements(t *testing.T) {
	each(t, func(c chance, w *world, d policy.Decision) string {
		got := w.with(func(w *world) {
			c.Shuffle(len(w.f.Agreements), func(i, j int) { w.f.Agreements[i], w.f.Agreements[j] = w.f.Agreements[j], w.f.Agreements[i] })
			slices.Reverse(w.f.Houses)
		}).decide()
		if got.Result != d.Result || got.Ground != d.Ground || got.Agreement != d.Agreement || !reflect.DeepEqual(got.Sections, d.Sections) || !slices.Equal(got.Reasons(), d.Reasons()) || !slices.Equal(got.Due, d.Due) {
			return "in another order it is another"
		}
		return ""
	})
}

// TestFewerPermits: without one of its permits an agreement never delivers more. (Without the permit
// the share may come to stand on another agreement or on the emergency path: that the decision names.)
func TestFewerPermits(t *testing.T) {
	each(t, func(_ chance, w *world, d policy.Decision) string {
		for i, s := range w.f.Agreements {
			for j, term := range s.Terms {
				if term.Permit == nil {
					continue
				}
				got := w.with(func(w *world) { w.f.Agreements[i].Terms = slices.Delete(w.f.Agreements[i].Terms, j, j+1) }).decide()
				if adds(d, got) && (sameGround(w, d, got) || len(w.f.Agreements) == 1 && got.Ground != fairlead.GroundEmergency && w.r.Header.Threshold != fairlead.TH4) {
					return "without " + s.Ref() + "#" + term.ID + " it delivers more"
				}
			}
		}
		return ""
	})
}

// TestMoreProhibitions: one more prohibition never delivers more on the same ground, and a prohibited
// section is never delivered by that agreement.
func TestMoreProhibitions(t *testing.T) {
	each(t, func(c chance, w *world, d policy.Decision) string {
		for i, s := range w.f.Agreements {
			scope := &agreement.Scope{From: s.Parties[:1], To: s.Parties[1:], Sections: some(c, fairlead.Sections, 15)}
			got := w.with(func(w *world) {
				w.f.Agreements[i].Terms = append(w.f.Agreements[i].Terms, agreement.Term{ID: "stop", Prohibit: scope})
			}).decide()
			if adds(d, got) && sameGround(w, d, got) {
				return "with a prohibition it delivers more"
			}
			for _, sec := range got.Sections {
				if sec.Delivered && got.Agreement == s.Ref() && slices.Contains(scope.Sections, sec.Code) {
					return "a prohibited section is delivered"
				}
			}
		}
		return ""
	})
}

// TestMoreHouses: one more rule of a house never delivers more, on the same ground, and what it bars
// outright is delivered on none.
func TestMoreHouses(t *testing.T) {
	each(t, func(c chance, w *world, d policy.Decision) string {
		h := c.house(one(c, []fairlead.AgencyID{fairlead.Hub, "SENDER", "RECIPIENT"}))
		got := w.with(func(w *world) { w.f.Houses = append(w.f.Houses, h) }).decide()
		if adds(d, got) && sameGround(w, d, got) {
			return "with a rule of a house it delivers more"
		}
		for _, sec := range got.Sections {
			if sec.Delivered && h.Terms[0].When == nil && h.Terms[0].Bars(sec.Code) {
				return "a section that a house bars is delivered"
			}
		}
		return ""
	})
}

// TestLosingAFactOfATerm: whatever a term's condition no longer knows, nothing more is delivered on the same ground.
func TestLosingAFactOfATerm(t *testing.T) {
	losses := map[string]func(*world){
		"training": func(w *world) { w.f.Training = nil }, "severity": func(w *world) { w.r.Header.Severity = "" }, "certainty": func(w *world) { w.r.Header.Certainty = "" },
		"told": func(w *world) { w.r.Header.Told = "" }, "urgency": func(w *world) { w.r.Header.Urgency = "" }, "threshold": func(w *world) { w.r.Header.Threshold = "" },
		"tlp": func(w *world) { w.r.Header.TLP = "" }, "the kind's facts": func(w *world) { w.r.Header.Facts = nil }, "consents given": func(w *world) {
			w.f.Consents = slices.DeleteFunc(w.f.Consents, func(h consent.Held) bool { return h.Items[0].Status == "given" || h.Items[0].Status == "renewed" })
		},
	}
	each(t, func(_ chance, w *world, d policy.Decision) string {
		for name, lose := range losses {
			if got := w.with(lose).decide(); adds(d, got) && sameGround(w, d, got) {
				return "without " + name + " it delivers more"
			}
		}
		return ""
	})
}

// TestObligations: what a decision obliges to is no looser than any term that it names; what is not
// delivered obliges to nothing.
func TestObligations(t *testing.T) {
	obliged := 0
	each(t, func(_ chance, w *world, d policy.Decision) string {
		if !d.Delivers() && d.Oblige != nil {
			return "it obliges, and delivers nothing"
		}
		for _, s := range d.Sections {
			_, term := w.clause(s.Clause)
			if !s.Delivered || term == nil || term.Oblige == nil {
				continue
			}
			obliged++
			if d.Oblige == nil || d.Oblige.RetainDays == 0 || d.Oblige.RetainDays > term.Oblige.RetainDays || term.Oblige.Onward == "none" && d.Oblige.Onward != "none" {
				return "looser than " + s.Clause
			}
		}
		return ""
	})
	if obliged < 100 {
		t.Errorf("only %d sections oblige", obliged)
	}
}

// TestFewerConsents: taking a consent that holds off the record never delivers more.
func TestFewerConsents(t *testing.T) {
	each(t, func(c chance, w *world, _ policy.Decision) string {
		yes := c.consent(9, []fairlead.ConsentStatus{"given", "renewed"})
		yes.At, yes.Giver = fairlead.At(noon.AddDate(0, -1, 0)), "PARENT_PR" // a child's own yes to somebody else narrows a parent's
		with := w.with(func(w *world) { w.f.Consents = slices.Insert(w.f.Consents, c.IntN(len(w.f.Consents)+1), yes) }).decide()
		if later := w.with(func(w *world) { w.f.Consents = append(w.f.Consents, yes) }).decide(); adds(later, w.decide()) || adds(with, w.decide()) {
			return "without a consent it delivers more"
		}
		return ""
	})
}

// TestMoreRefusals: a later refusal never delivers more, and where it covers everything and nothing
// overrides it no section is delivered.
func TestMoreRefusals(t *testing.T) {
	each(t, func(c chance, w *world, d policy.Decision) string {
		no := c.consent(9, []fairlead.ConsentStatus{"refused", "withdrawn"})
		no.Giver = "CHILD_GILLICK" // a parent's no does not lift a competent child's yes
		if got := w.with(func(w *world) { w.f.Consents = append(w.f.Consents, no) }).decide(); adds(d, got) {
			return "with a refusal it delivers more"
		}
		no.Subject, no.Items = children[0], []consent.Item{{Status: "refused"}}
		for _, s := range w.with(func(w *world) { w.f.Consents = append(w.f.Consents, no) }).decide().Sections {
			vital := w.r.Header.Basis.Art6 == fairlead.Art6Vital // at TH4 a life goes before
			if s.Delivered && w.r.Descriptors[s.Part].Override == nil && !vital {
				return "a refused section is delivered"
			}
		}
		return ""
	})
}

// TestMoreCaveats: one more caveat never delivers more.
func TestMoreCaveats(t *testing.T) {
	each(t, func(c chance, w *world, d policy.Decision) string {
		i, caveat := c.part(w), one(c, fairlead.Caveats)
		got := w.with(func(w *world) { w.r.Descriptors[i].Caveats = append(w.r.Descriptors[i].Caveats, caveat) }).decide()
		if adds(d, got) {
			return "with the caveat " + string(caveat) + " it delivers more"
		}
		return ""
	})
}

// TestEssential: calling a section essential never delivers more; all of it or nothing.
func TestEssential(t *testing.T) {
	each(t, func(c chance, w *world, d policy.Decision) string {
		i := c.part(w)
		got := w.with(func(w *world) { w.r.Descriptors[i].Essential = true }).decide()
		if adds(d, got) || got.Delivers() && !slices.Contains(delivered(got), i) {
			return "an essential section is missing, or more is delivered with it"
		}
		return ""
	})
}

// TestClauses: every delivered section names what permits it, and that is so: a term in force that
// lists it for this very use, or the question, or the emergency path.
func TestClauses(t *testing.T) {
	each(t, func(_ chance, w *world, d policy.Decision) string {
		for _, s := range d.Sections {
			if !s.Delivered {
				continue
			}
			switch s.Clause {
			case "emergency":
				if w.r.Header.Threshold != fairlead.TH4 || w.r.Header.Urgency != fairlead.UrgencyImmediate || !w.f.Recipient.Emergency {
					return "the emergency path without an emergency"
				}
			case "reply":
				if a := w.f.Answered; a == nil || !slices.Contains(append(slices.Clone(a.Sections), "PRO-CONTACT"), s.Code) {
					return "a reply to what was not asked"
				}
			default:
				standing, term := w.clause(s.Clause)
				if term == nil || term.Permit == nil || !standing.Active(w.at) || !slices.Contains(term.Permit.Sections, s.Code) || !slices.Contains(term.Permit.Kinds, w.r.Header.Kind) {
					return "clause " + s.Clause + " does not permit " + string(s.Code)
				}
				if !meets(w, term) {
					return "clause " + s.Clause + " asks for what is not so"
				}
				if f := standing.Under; f != "" && !slices.ContainsFunc(w.f.Agreements, func(o *agreement.Standing) bool { return o.Ref() == f && o.Active(w.at) && bounds(w, o, s.Code) }) {
					return "the framework of " + s.Clause + " does not permit " + string(s.Code)
				}
				if d.Agreement != "" && !strings.HasPrefix(s.Clause, d.Agreement+"#") {
					return "clause " + s.Clause + " is not of the agreement that carries the share"
				}
				for _, other := range standing.Terms {
					if other.Prohibit != nil && other.When == nil && slices.Contains(other.Prohibit.Sections, s.Code) {
						return "term " + other.ID + " prohibits what " + s.Clause + " permits"
					}
				}
			}
		}
		return ""
	})
}

// meets says in other words than the rules whether a term's conditions hold; consent aside.
func meets(w *world, t *agreement.Term) bool {
	if t.When == nil {
		return true
	}
	h := w.r.Header
	if list := t.When.Thresholds; list != nil && !slices.Contains(list, h.Threshold) || t.When.Training != nil && !slices.Contains(w.f.Training, t.When.Training[0]) {
		return false
	}
	switch f := t.When.Facts; {
	case f == nil:
		return true
	case f.Fact == "severity":
		return string(h.Severity) == f.Is
	case f.Not != nil:
		return h.Certainty != "" && string(h.Certainty) != f.Not.Is
	}
	return h.Told == "yes" || h.Threshold == "TH3" || h.Threshold == "TH4"
}

// bounds reports whether a term of a framework lets a section through.
func bounds(w *world, framework *agreement.Standing, code fairlead.SectionCode) bool {
	return slices.ContainsFunc(framework.Terms, func(t agreement.Term) bool {
		return t.Permit != nil && slices.Contains(t.Permit.Sections, code) && meets(w, &t)
	})
}

// TestStaysHome: whereabouts, asylum and the others that stay in the State never cross its border;
// intelligence reaches law enforcement only; special categories never go without their condition.
func TestStaysHome(t *testing.T) {
	home := []fairlead.SectionCode{"LOC-NOW", "ASYLUM", "CHILD-CRIM", "HEALTH-SEX", "OVERRIDE-NOTE"}
	bare := []fairlead.SectionCode{"BIO-PHOTO", "EXPL-ACCOUNT", "HEALTH-PHYS", "HEALTH-MH", "HEALTH-SEX", "ETHNO", "EXPLOITER", "INTEL", "CHILD-CRIM"}
	each(t, func(_ chance, w *world, d policy.Decision) string {
		abroad := w.f.Sender.Jurisdiction.State() != w.f.Recipient.Jurisdiction.State()
		for _, s := range d.Sections {
			desc := w.r.Descriptors[s.Part]
			switch {
			case !s.Delivered:
			case abroad && slices.Contains(home, s.Code):
				return string(s.Code) + " crosses the border"
			case s.Code == "INTEL" && !w.f.Recipient.Type.LawEnforcement():
				return "intelligence goes astray"
			case slices.Contains(bare, s.Code) && desc.Art9 == "" && desc.Art10 == "":
				return string(s.Code) + " goes without a condition"
			}
		}
		return ""
	})
}

// FuzzDecide: never a panic and always sound, whatever stands in header, descriptors and record.
func FuzzDecide(f *testing.F) {
	for _, c := range cases(f) {
		r, _ := c.request(c.share.To[0])
		header, err := json.Marshal(r.Header)
		if err != nil {
			f.Fatal(err)
		}
		descriptor, err := json.Marshal(r.Descriptors[0])
		if err != nil {
			f.Fatal(err)
		}
		f.Add(header, descriptor, c.record, uint64(1))
	}
	f.Fuzz(func(t *testing.T, header, descriptor, record []byte, seed uint64) {
		w := chance{rand.New(rand.NewPCG(seed, 2))}.world()
		h, d := new(envelope.Header), new(envelope.Descriptor)
		_ = json.Unmarshal(header, h) // laxer than the wire: what is half read stays
		_ = json.Unmarshal(descriptor, d)
		w.r.Header, w.r.Descriptors, w.r.Record = h, append(w.r.Descriptors, d), record
		if seed%5 == 0 {
			w.f.Recipient = &policy.Agency{ID: fairlead.Hub}
		}
		if seed%7 == 0 {
			w.f.Sender = nil
		}
		if seed%11 == 0 {
			w.f.Recipient = nil
		}
		got := w.decide()
		sound(t, w.r, got)
		if !reflect.DeepEqual(got, w.decide()) {
			t.Fatal("decided again it is another")
		}
	})
}
