package policy_test

import (
	"cmp"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"fairlead/internal/agreement"
	"fairlead/internal/consent"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/kind"
	"fairlead/internal/law"
	"fairlead/internal/policy"
)

// eachLawful runs a property over worlds in which an agreement permits everything, so that what is tried is
// law, handling and consent. At least a third of them must permit something.
func eachLawful(t *testing.T, property func(c chance, w *world, d policy.Decision) string) {
	t.Helper()
	permits, tried := 0, worlds/4
	for seed := range uint64(tried) {
		c := chance{rand.New(rand.NewPCG(seed, 4))}
		w := c.lawful()
		d := w.decide()
		if len(permitted(d)) > 0 {
			permits++
		}
		if wrong := property(c, w, d); wrong != "" {
			t.Fatalf("seed %d: %s\nheader %+v\ndecided %+v", seed, wrong, *w.r.Header, d)
		}
	}
	if permits < tried/3 {
		t.Fatalf("only %d of %d permit", permits, tried)
	}
}

// losses are facts of the header, of the descriptors and of the register that permit: what says more, and what asks for
// more, is not among them.
var losses = map[string]func(w *world){
	"the tables of law":      func(w *world) { w.f.Law = nil },
	"agreements":             func(w *world) { w.f.Agreements = nil },
	"approvals":              func(w *world) { w.f.Approvals = nil },
	"training":               func(w *world) { w.f.Training = nil },
	"the sender":             func(w *world) { w.f.Sender = nil },
	"the recipient":          func(w *world) { w.f.Recipient = nil },
	"the basis":              func(w *world) { w.r.Header.Basis = nil },
	"gateways":               inBasis(func(b *envelope.Basis) { b.Gateways = nil }),
	"the interest":           inBasis(func(b *envelope.Basis) { b.Annex1 = "" }),
	"the citation":           inBasis(func(b *envelope.Basis) { b.Cite = "" }),
	"the assessment":         inBasis(func(b *envelope.Basis) { b.LIA = "" }),
	"that it was considered": func(w *world) { w.r.Header.S16LA = unconsidered(w.r.Header.S16LA) },
	"who was told":           func(w *world) { w.r.Header.Told = "" },
	"the transfer":           func(w *world) { w.r.Header.Transfer = nil },
	"the danger check":       func(w *world) { w.r.Header.Danger = nil },
	"the threshold":          func(w *world) { w.r.Header.Threshold = "" },
	"the label":              func(w *world) { w.r.Header.TLP = "" },
	"the named person":       func(w *world) { w.r.Header.To.User = "" },
	"the classification":     func(w *world) { w.r.Header.GSC = "" },
	"the purpose":            func(w *world) { w.r.Header.Purpose = "" },
	"for whom a caveat is":   func(w *world) { w.each(func(d *envelope.Descriptor) { d.Listed = nil }) },
	"conditions of Art 9":    func(w *world) { w.each(func(d *envelope.Descriptor) { d.Art9 = special(d) }) },
	"reasons of para 18":     func(w *world) { w.each(func(d *envelope.Descriptor) { d.P18 = "" }) },
	"the court's permission": func(w *world) { w.each(func(d *envelope.Descriptor) { d.Court = "" }) },
	"overrides":              func(w *world) { w.each(func(d *envelope.Descriptor) { d.Override = nil }) },
	"clearances asked for":   func(w *world) { w.each(func(d *envelope.Descriptor) { d.Clear = nil }) },
	"SIENA codes":            func(w *world) { w.each(func(d *envelope.Descriptor) { d.Siena = siena(d) }) },
	"grades":                 func(w *world) { w.each(func(d *envelope.Descriptor) { d.Grade = grade(d) }) },
	"whom it is about":       nameless,
	"whether it is meant":    func(w *world) { w.r.Header.Status = "" },
	"who takes part":         func(w *world) { w.f.Exercise = false },
	"the duty inbox":         func(w *world) { w.f.Recipient = asleep(w.f.Recipient) },
}

// nameless takes the children's handles out of a share that tells of one: contacts of professionals alone do not.
func nameless(w *world) {
	if slices.ContainsFunc(w.r.Descriptors, func(d *envelope.Descriptor) bool { return d.Audience == envelope.ForRecipient && kind.Personal(d.Code) }) {
		w.r.Descriptors = slices.DeleteFunc(w.r.Descriptors, func(d *envelope.Descriptor) bool { return d.Subject != "" })
	}
}

func inBasis(lose func(*envelope.Basis)) func(*world) {
	return func(w *world) {
		if w.r.Header.Basis != nil {
			lose(w.r.Header.Basis)
		}
	}
}

func asleep(a *policy.Agency) *policy.Agency {
	if a == nil {
		return nil
	}
	next := *a
	next.Emergency = false
	return &next
}

// TestLosingAFact: what the register or the header no longer says never lets more go. (Consents are told
// apart: to lose a refusal is not to lose a fact that permits. TestFewerConsents has the others.)
func TestLosingAFact(t *testing.T) {
	for name, lose := range losses {
		t.Run(name, func(t *testing.T) {
			eachLawful(t, func(_ chance, w *world, d policy.Decision) string {
				if got := w.with(lose).decide(); adds(d, got) {
					return "without " + name + " more goes"
				}
				return ""
			})
		})
	}
}

// asked are the facts of a header that a term may ask for, each with what loses it.
func asked(h *envelope.Header) map[string]func(*envelope.Header) {
	all := map[string]func(*envelope.Header){
		"purpose": func(h *envelope.Header) { h.Purpose = "" }, "threshold": func(h *envelope.Header) { h.Threshold = "" }, "tlp": func(h *envelope.Header) { h.TLP = "" },
		"gsc": func(h *envelope.Header) { h.GSC = "" }, "urgency": func(h *envelope.Header) { h.Urgency = "" }, "severity": func(h *envelope.Header) { h.Severity = "" },
		"certainty": func(h *envelope.Header) { h.Certainty = "" }, "told": func(h *envelope.Header) { h.Told = "" }, "role": func(h *envelope.Header) { h.From.Role = "" },
		"basis": func(h *envelope.Header) { h.Basis = nil },
	}
	if h.Basis != nil {
		all["annex1"] = func(h *envelope.Header) { h.Basis.Annex1 = "" }
	}
	for name := range h.Facts {
		all["facts."+name] = func(h *envelope.Header) { delete(h.Facts, name) }
	}
	return all
}

// condition is a tree over those facts, at random: often what the header says, or the opposite.
func (c chance) condition(h *envelope.Header, depth int) agreement.Condition {
	parts := func() (list []agreement.Condition) {
		for range 1 + c.IntN(3) {
			list = append(list, c.condition(h, depth-1))
		}
		return list
	}
	switch n := c.IntN(6); {
	case depth > 0 && n == 0:
		return agreement.Condition{All: parts()}
	case depth > 0 && n == 1:
		return agreement.Condition{Any: parts()}
	case depth > 0 && n == 2:
		one := c.condition(h, depth-1)
		return agreement.Condition{Not: &one}
	}
	name := one(c, slices.Sorted(maps.Keys(asked(h))))
	values := map[string]string{
		"purpose": string(h.Purpose), "threshold": string(h.Threshold), "tlp": string(h.TLP), "gsc": string(h.GSC), "urgency": string(h.Urgency),
		"severity": string(h.Severity), "certainty": string(h.Certainty), "told": string(h.Told), "role": string(h.From.Role),
		"basis": string(h.Basis.Art6), "annex1": string(h.Basis.Annex1),
	}
	if own, ok := strings.CutPrefix(name, "facts."); ok {
		values[name] = h.Facts[own]
	}
	switch value := cmp.Or(values[name], "RLI-6"); c.IntN(4) {
	case 0:
		return agreement.Condition{Fact: name, Is: "other"}
	case 1:
		return agreement.Condition{Fact: name, OneOf: []string{"other", value}}
	default:
		return agreement.Condition{Fact: name, Is: value}
	}
}

// TestLosingEachFact: permits and prohibitions, of agreements and of houses, may ask for any code of the header and
// any clear fact of the kind. Whichever of them is lost, nothing more goes on the same ground, and what was refused
// stays refused, but where another agreement or the emergency path carries it.
func TestLosingEachFact(t *testing.T) {
	counts := map[string]int{}
	each(t, func(c chance, w *world, _ policy.Decision) string {
		w = w.with(func(w *world) {
			w.f.CAOnly = c.IntN(2) == 0
			ask := func(terms []agreement.Term) {
				for i := range terms {
					if c.IntN(2) == 0 {
						tree := c.condition(w.r.Header, 3)
						terms[i].When = &agreement.When{Facts: &tree}
					}
				}
			}
			for _, s := range w.f.Agreements {
				ask(s.Terms)
			}
			h := *c.house(one(c, []fairlead.AgencyID{fairlead.Hub, "SENDER", "RECIPIENT"}))
			ask(h.Terms)
			w.f.Houses = append(w.f.Houses, &h)
		})
		d := w.decide()
		for name, lose := range asked(w.r.Header) {
			got := w.with(func(w *world) { lose(w.r.Header) }).decide()
			switch {
			case adds(d, got) && sameGround(w, d, got):
				return "without " + name + " more goes"
			case d.Result == fairlead.Refused && len(permitted(got)) > 0 && got.Ground != fairlead.GroundEmergency && len(w.f.Agreements) < 2:
				return "without " + name + " it is not refused any more"
			case len(permitted(d)) > len(permitted(got)):
				counts[name]++
			}
		}
		return ""
	})
	for _, name := range []string{"purpose", "threshold", "tlp", "urgency", "severity", "told", "basis", "annex1", "role", "facts.event", "facts.urgency", "facts.hague_article"} {
		if counts[name] == 0 {
			t.Errorf("%s is never missed: %v", name, counts)
		}
	}
}

// A declaration that asks for more is no fact that permits: only where the section needs one is it lost.
func special(d *envelope.Descriptor) fairlead.Art9 {
	if slices.Contains([]fairlead.SectionCode{"BIO-PHOTO", "EXPL-ACCOUNT", "HEALTH-PHYS", "HEALTH-MH", "HEALTH-SEX", "ETHNO"}, d.Code) {
		return ""
	}
	return d.Art9
}

func unconsidered(s *envelope.S16LA) *envelope.S16LA {
	if s == nil {
		return nil
	}
	next := *s
	next.Considered = false
	return &next
}

func siena(d *envelope.Descriptor) fairlead.Siena {
	if d.Code == "INTEL" || d.Code == "EXPLOITER" {
		return ""
	}
	return d.Siena
}

func grade(d *envelope.Descriptor) string {
	if d.Code == "INTEL" {
		return ""
	}
	return d.Grade
}

func (w *world) each(change func(*envelope.Descriptor)) {
	for _, d := range w.r.Descriptors {
		change(d)
	}
}

// TestLessOnRecord: without one of the approvals nothing more is delivered; without one consent that was
// given nothing more goes; with one more caveat neither.
func TestLessOnRecord(t *testing.T) {
	eachLawful(t, func(c chance, w *world, d policy.Decision) string {
		for i := range w.f.Approvals {
			got := w.with(func(w *world) { w.f.Approvals = slices.Delete(slices.Clone(w.f.Approvals), i, i+1) }).decide()
			if slices.ContainsFunc(delivered(got), func(part int) bool { return !slices.Contains(delivered(d), part) }) {
				return "without an approval more is delivered"
			}
		}
		for i, r := range w.f.Consents {
			if r.Items[0].Status != fairlead.ConsentGiven {
				continue
			}
			if got := w.with(func(w *world) { w.f.Consents = slices.Delete(slices.Clone(w.f.Consents), i, i+1) }).decide(); adds(d, got) {
				return "without a consent more goes"
			}
		}
		i, caveat := c.part(w), one(c, fairlead.Caveats)
		if got := w.with(func(w *world) { w.r.Descriptors[i].Caveats = append(w.r.Descriptors[i].Caveats, caveat) }).decide(); adds(d, got) {
			return "with the caveat " + string(caveat) + " more goes"
		}
		return ""
	})
}

// TestOutageNarrows: a register that could not load agreements and consents lets nothing go that it would
// not let go otherwise, and nothing but alerts.
func TestOutageNarrows(t *testing.T) {
	each(t, func(_ chance, w *world, d policy.Decision) string {
		out := w.with(func(w *world) { w.f.Loaded = false })
		got := out.decide()
		alert := len(w.r.Header.Kind) > 6 && w.r.Header.Kind[:6] == "alert."
		switch {
		case len(permitted(got)) > 0 && (!alert || got.Ground != fairlead.GroundEmergency && got.Ground != fairlead.GroundReply && got.Ground != fairlead.GroundOverride):
			return "in an outage something else goes than an alert of immediate danger"
		case slices.ContainsFunc(got.Used, func(entry int64) bool { return entry >= 10 && entry < 60 }): // where those of random worlds lie
			return "in an outage agreements or consents are used"
		}
		without := w.with(func(w *world) { w.f.Agreements, w.f.Consents = nil, nil }).decide()
		if adds(without, got) {
			return "in an outage more goes than with nothing on record"
		}
		_ = d
		return ""
	})
}

// TestArgumentsAlone: the decision depends on its arguments, and leaves them as they were.
func TestArgumentsAlone(t *testing.T) {
	eachLawful(t, func(_ chance, w *world, d policy.Decision) string {
		before := w.with(func(*world) {})
		if again := w.decide(); !reflect.DeepEqual(again, d) {
			return "decided again it is another"
		}
		if !reflect.DeepEqual(before.r.Descriptors, w.r.Descriptors) || !reflect.DeepEqual(before.f.Consents, w.f.Consents) || !reflect.DeepEqual(before.r.Header, w.r.Header) {
			return "its arguments are changed"
		}
		return ""
	})
}

// TestRepair: whoever does exactly what the causes of a section say, and no more, has it go. Each fault is
// made on its own in a share that goes, and each repair takes back that one.
func TestRepair(t *testing.T) {
	base := cases(t)["basis-power-for-a-task"]
	for reason, f := range faults {
		for i, fault := range f {
			w := sound2(base)
			if d := w.decide(); d.Result != fairlead.Delivered {
				t.Fatalf("%s: it does not go: %+v", reason, d)
			}
			broken := w.with(fault.make)
			d := broken.decide()
			if got := d.Reasons(); !slices.Equal(got, []fairlead.Reason{reason}) {
				t.Errorf("%s %d: refused for %v", reason, i, got)
			}
			if d := broken.with(fault.repair).decide(); d.Result != fairlead.Delivered {
				t.Errorf("%s %d: repaired it is %s: %+v", reason, i, d.Result, d)
			}
		}
	}
	// All at once, and repaired one after the other: it goes when the last is repaired, and not before.
	w := sound2(base)
	var order []fault
	for _, reason := range slices.Sorted(func(yield func(fairlead.Reason) bool) {
		for r := range faults {
			if !yield(r) {
				return
			}
		}
	}) {
		order = append(order, faults[reason][0])
	}
	for _, f := range order {
		w = w.with(f.make)
	}
	for i, f := range order {
		if d := w.decide(); d.Result == fairlead.Delivered {
			t.Errorf("after %d of %d repairs it goes", i, len(order))
		}
		w = w.with(f.repair)
	}
	if d := w.decide(); d.Result != fairlead.Delivered {
		t.Errorf("repaired it is %s: %+v", d.Result, d)
	}
}

// sound2 is a share abroad, against a refusal, of three pages, that goes.
func sound2(base *testCase) *world {
	r, f := base.request("NHS")
	f.Recipient = &policy.Agency{ID: "NHS", Type: fairlead.TypeStatutoryOverseas, Jurisdiction: "RO"}
	h := r.Header
	h.Threshold, h.TLP, h.To.User = "TH3", "RED", "named"
	h.Transfer, h.Danger = &envelope.Transfer{Mechanism: "A45"}, &envelope.Danger{Result: "clear", Role: "PRACTITIONER", At: h.SentAt}
	r.Descriptors = []*envelope.Descriptor{
		{Audience: envelope.ForRecipient, Code: "HEALTH-PHYS", Essential: true, Art9: "A9-2-g", Sch1: "SPI-18", P18: "WOULD_PREJUDICE"},
		{Audience: envelope.ForRecipient, Code: "LEGAL", Essential: true, Court: "CO-1"},
		{Audience: envelope.ForHub, Subject: children[0]},
	}
	one := *f.Agreements[0]
	term := one.Terms[0]
	scope := *term.Permit
	scope.Transfer, term.Permit = "A45", &scope
	one.Terms = append(one.Terms[:0:0], term)
	f.Agreements[0] = &one
	f.Consents = []consent.Held{{Record: consent.Record{ID: "c-1", Subject: children[0], Giver: "CHILD_16", At: fairlead.At(base.share.At.AddDate(0, -1, 0)), Items: []consent.Item{{Status: "given"}}}}}
	f.Law = law.Default()
	return &world{r: r, f: f, at: base.share.At.Time}
}

// fault is something wrong with a share, and what repairs it.
type fault struct{ make, repair func(*world) }

// faults are a fault or more for each reason of P01, P04, P05 and P07 to P09, each with what its advice asks.
var faults = map[fairlead.Reason][]fault{
	fairlead.ReasonSchema: {
		{func(w *world) { w.r.Header.Told = "" }, func(w *world) { w.r.Header.Told = "unsafe" }},
		{func(w *world) { w.r.Header.S16LA = nil }, func(w *world) { w.r.Header.S16LA = &envelope.S16LA{Considered: true} }},
	},
	fairlead.ReasonClassification: {{func(w *world) { w.r.Header.GSC = "ABOVE" }, func(w *world) { w.r.Header.GSC = "OFFICIAL" }}},
	fairlead.ReasonGatewayMissing: {{func(w *world) { w.r.Header.Basis.Gateways = nil }, func(w *world) { w.r.Header.Basis.Gateways = []fairlead.Gateway{"CA1989-17"} }}},
	fairlead.ReasonTransfer:       {{func(w *world) { w.r.Header.Transfer = nil }, func(w *world) { w.r.Header.Transfer = &envelope.Transfer{Mechanism: "A45"} }}},
	fairlead.ReasonArt37: {
		{func(w *world) { w.r.Header.Danger = nil }, func(w *world) {
			w.r.Header.Danger = &envelope.Danger{Result: "clear", Role: "PRACTITIONER", At: w.r.Header.SentAt}
		}},
	},
	fairlead.ReasonSpecialBasisMissing: {{func(w *world) { w.r.Descriptors[0].Art9 = "" }, func(w *world) { w.r.Descriptors[0].Art9 = "A9-2-g" }}},
	fairlead.ReasonP18ReasonMissing:    {{func(w *world) { w.r.Descriptors[0].P18 = "" }, func(w *world) { w.r.Descriptors[0].P18 = "CANNOT_GIVE" }}},
	fairlead.ReasonCaveat: {
		{func(w *world) { w.r.Descriptors[1].Court = "" }, func(w *world) { w.r.Descriptors[1].Court = "CO-2" }},
		{func(w *world) { w.r.Header.TLP = "AMBER" }, func(w *world) { w.r.Header.TLP = "AMBER+STRICT" }},
	},
	fairlead.ReasonConsentMissing: {{func(w *world) { w.r.Descriptors[0].Consent = "c-9" }, func(w *world) { w.r.Descriptors[0].Consent = "c-1" }}},
}

// mended are the cases in which what is lost was at fault, or was what prohibits.
var mended = map[string]string{"fact-of-another-kind": "facts.outcome", "emergency-agreement-prohibits": "agreements"}

// TestLosingAFactOfACase: none of the refusals among the cases goes for want of a fact.
func TestLosingAFactOfACase(t *testing.T) {
	tried := 0
	for name, c := range cases(t) {
		for to := range c.expect {
			r, f := c.request(to)
			w := &world{r: r, f: f, at: c.share.At.Time}
			if w.decide().Result != fairlead.Refused {
				continue
			}
			all := maps.Clone(losses)
			for fact, lose := range asked(r.Header) {
				all[fact] = func(w *world) { lose(w.r.Header) }
			}
			for fact, lose := range all {
				tried++
				if got := w.with(lose).decide(); got.Result != fairlead.Refused && mended[name] != fact {
					t.Errorf("%s: without %s it is %s", name, fact, got.Result)
				}
			}
		}
	}
	if tried < 5000 {
		t.Errorf("only %d losses tried", tried)
	}
}
