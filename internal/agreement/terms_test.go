package agreement_test

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"fairlead/internal/agreement"
	"fairlead/internal/fairlead"
)

// TestState is the life of a version, instant by instant.
func TestState(t *testing.T) {
	base := agreement.Standing{Agreement: *a2(), ActiveBy: 7} // review by 2026-03-31
	with := func(change func(*agreement.Standing)) agreement.Standing {
		s := base
		change(&s)
		return s
	}
	for name, test := range map[string]struct {
		s    agreement.Standing
		at   string
		want agreement.State
	}{
		"proposed":                     {with(func(s *agreement.Standing) { s.ActiveBy = -1 }), "2025-06-01T00:00:00Z", agreement.StateProposed},
		"proposed, and its time over":  {with(func(s *agreement.Standing) { s.ActiveBy = -1 }), "2029-06-01T00:00:00Z", agreement.StateProposed},
		"signed":                       {base, "2025-03-31T22:59:59Z", agreement.StateSigned},
		"active":                       {base, "2025-03-31T23:00:00Z", agreement.StateActive},
		"on the day of the review":     {base, "2026-03-31T23:59:59Z", agreement.StateActive},
		"review due":                   {base, "2026-04-01T00:00:00Z", agreement.StateReviewDue},
		"last second":                  {base, "2027-03-31T22:59:59Z", agreement.StateReviewDue},
		"expired":                      {base, "2027-03-31T23:00:00Z", agreement.StateExpired},
		"suspended":                    {with(func(s *agreement.Standing) { s.Suspended = s.Parties[:1] }), "2025-06-01T00:00:00Z", agreement.StateSuspended},
		"suspended and expired":        {with(func(s *agreement.Standing) { s.Suspended = s.Parties[:1] }), "2027-06-01T00:00:00Z", agreement.StateExpired},
		"terminated at once":           {with(func(s *agreement.Standing) { s.Terminated = true }), "2025-06-01T00:00:00Z", agreement.StateTerminated},
		"terminated, in its notice":    {with(func(s *agreement.Standing) { s.Terminated, s.EndsAt = true, instant("2025-06-01T00:00:01Z") }), "2025-06-01T00:00:00Z", agreement.StateActive},
		"terminated, notice over":      {with(func(s *agreement.Standing) { s.Terminated, s.EndsAt = true, instant("2025-06-01T00:00:00Z") }), "2025-06-01T00:00:00Z", agreement.StateTerminated},
		"to be superseded":             {with(func(s *agreement.Standing) { s.SupersededBy, s.SupersededAt = "A2/2", instant("2025-06-01T00:00:01Z") }), "2025-06-01T00:00:00Z", agreement.StateActive},
		"superseded":                   {with(func(s *agreement.Standing) { s.SupersededBy, s.SupersededAt = "A2/2", instant("2025-06-01T00:00:00Z") }), "2025-06-01T00:00:00Z", agreement.StateSuperseded},
		"superseded, and long expired": {with(func(s *agreement.Standing) { s.SupersededBy, s.SupersededAt = "A2/2", instant("2025-06-01T00:00:00Z") }), "2029-06-01T00:00:00Z", agreement.StateSuperseded},
	} {
		at := instant(test.at).Time
		if got := test.s.State(at); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
		carries := test.want == agreement.StateActive || test.want == agreement.StateReviewDue
		if test.s.Active(at) != carries || test.s.Paused(at) != (test.want == agreement.StateSuspended) {
			t.Errorf("%s: active %v, paused %v", name, test.s.Active(at), test.s.Paused(at))
		}
	}
}

// TestNotice: a termination waits for the notice that was agreed, a suspension does not.
func TestNotice(t *testing.T) {
	s := agreement.Standing{Agreement: *a2(), ActiveBy: 7}
	at := instant("2025-06-01T00:00:00Z").Time
	ended, err := s.Apply("RO-DIR", agreement.Terminate, at, 9)
	if err != nil || !ended.Active(at.AddDate(0, 0, 30).Add(-time.Second)) || ended.Active(at.AddDate(0, 0, 30)) {
		t.Errorf("ends at %v: %v", ended.EndsAt, err)
	}
	if _, err := ended.Apply("NOR-CSC", agreement.Terminate, at, 10); err == nil || !strings.Contains(err.Error(), "ends already") {
		t.Errorf("ended twice: %v", err)
	}
	paused, err := ended.Apply("NOR-CSC", agreement.Suspend, at, 10)
	if err != nil || paused.Active(at) {
		t.Errorf("not suspended at once while the notice runs: %v", err)
	}
	if _, err := ended.Apply("NOR-CSC", agreement.Suspend, at.AddDate(0, 0, 30), 11); err == nil {
		t.Error("suspended after its end")
	}
}

// TestConditions: three values. What is missing is neither true nor false, whatever stands around it.
func TestConditions(t *testing.T) {
	severe, minor, asked := leaf("severity", "Severe"), leaf("severity", "Minor"), leaf("told", "yes") // told is missing
	not := func(c agreement.Condition) agreement.Condition { return agreement.Condition{Not: &c} }
	all := func(c ...agreement.Condition) agreement.Condition { return agreement.Condition{All: c} }
	any := func(c ...agreement.Condition) agreement.Condition { return agreement.Condition{Any: c} }
	for name, test := range map[string]struct {
		c                agreement.Condition
		opens, prohibits bool
	}{
		"true":                    {severe, true, true},
		"false":                   {minor, false, false},
		"missing":                 {asked, false, true},
		"not true":                {not(severe), false, false},
		"not false":               {not(minor), true, true},
		"not missing":             {not(asked), false, true},
		"true and missing":        {all(severe, asked), false, true},
		"false and missing":       {all(minor, asked), false, false},
		"true or missing":         {any(severe, asked), true, true},
		"false or missing":        {any(minor, asked), false, true},
		"not (false or missing)":  {not(any(minor, asked)), false, true},
		"one of":                  {agreement.Condition{Fact: "severity", OneOf: []string{"Minor", "Severe"}}, true, true},
		"none of":                 {agreement.Condition{Fact: "severity", OneOf: []string{"Minor", "Unknown"}}, false, false},
		"threshold at least":      {agreement.Condition{Fact: "threshold", AtLeast: "TH3"}, true, true},
		"threshold over":          {agreement.Condition{Fact: "threshold", AtLeast: "TH4"}, false, false},
		"threshold at most":       {agreement.Condition{Fact: "threshold", AtMost: "TH3"}, true, true},
		"threshold under":         {agreement.Condition{Fact: "threshold", AtMost: "TH2"}, false, false},
		"instant at least":        {agreement.Condition{Fact: "facts.missing_since", AtLeast: "2027-02-01T00:00:00Z"}, true, true},
		"instant before":          {agreement.Condition{Fact: "facts.missing_since", AtMost: "2027-01-31T23:59:59Z"}, false, false},
		"fact of another kind":    {agreement.Condition{Fact: "facts.outcome", Is: "found_safe"}, false, true},
		"fact that is malformed":  {agreement.Condition{Fact: "facts.police_protection_from", AtLeast: "2027-01-01T00:00:00Z"}, false, true},
		"header code not checked": {agreement.Condition{Fact: "mood", Is: "good"}, false, true},
	} {
		use := assess
		use.Kind, use.Threshold, use.More = "alert.missing", "TH3", header{"severity": "Severe"}
		use.Facts = map[string]string{"missing_since": "2027-02-01T00:00:00Z", "police_protection_from": "yesterday"}
		a := a2()
		a.Terms[0].Permit.Kinds, a.Terms[0].When = []string{"alert.missing"}, &agreement.When{Facts: &test.c}
		a.Terms[1].Prohibit.Purposes = nil
		at := a.From.Time
		if opens := (&agreement.Standing{Agreement: *a, ActiveBy: 1}).Covers(&use, nil, at).Opens(); opens != test.opens {
			t.Errorf("%s: opens a permit: %v", name, opens)
		}
		a.Terms[1].When = a.Terms[0].When
		if prohibits := (&agreement.Standing{Agreement: *a, ActiveBy: 1}).Covers(&use, nil, at).Prohibits(); prohibits != test.prohibits {
			t.Errorf("%s: prohibits: %v", name, prohibits)
		}
	}
}

type header map[string]string

func (h header) Code(name string) string                                { return h[name] }
func (h header) Consented(fairlead.SectionCode) (c agreement.Consented) { return c }

func leaf(fact, is string) agreement.Condition { return agreement.Condition{Fact: fact, Is: is} }

// TestDeepest: the deepest condition that Check lets through comes back from a record.
func TestDeepest(t *testing.T) {
	a := a2()
	deep := agreement.Condition{Fact: "severity", OneOf: []string{"Severe", "Extreme"}}
	for range 3 {
		deep = agreement.Condition{All: []agreement.Condition{deep}}
	}
	a.Terms[0].When = &agreement.When{Facts: &deep}
	record, err := a.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := agreement.Parse(record); err != nil || !reflect.DeepEqual(got, a) {
		t.Errorf("%+v: %v", got, err)
	}
}

// TestUnknownType: a side by type means parties of the type. Of an agency whose type is not known a permit
// is not opened, and a prohibition holds.
func TestUnknownType(t *testing.T) {
	a := a2()
	for i := range a.Terms {
		s := a.Terms[i].Scope()
		s.From, s.FromTypes, s.Purposes = nil, []fairlead.AgencyType{"LA_CSC"}, []fairlead.Purpose{"PRT-ASSESS"}
	}
	for from, want := range map[fairlead.AgencyType][2]bool{"LA_CSC": {true, true}, "POLICE": {false, false}, "": {false, true}} {
		use := assess
		use.FromType = from
		c := (&agreement.Standing{Agreement: *a, ActiveBy: 1}).Covers(&use, nil, a.From.Time)
		if got := [2]bool{c.Opens(), c.Prohibits()}; got != want {
			t.Errorf("type %q: permits and prohibits %v, want %v", from, got, want)
		}
	}
	third := assess
	third.From, third.FromType = "WDB-CSC", "LA_CSC"
	if c := (&agreement.Standing{Agreement: *a, ActiveBy: 1}).Covers(&third, nil, a.From.Time); c.Opens() || c.Prohibits() {
		t.Error("a type means others than the parties of that type")
	}
}

// TestStrictest: merging obligations does not depend on the order, and never loosens one.
func TestStrictest(t *testing.T) {
	c := rand.New(rand.NewPCG(3, 4))
	one := func() *agreement.Oblige {
		o := &agreement.Oblige{RetainDays: c.IntN(3) * 30, ReviewDays: c.IntN(3) * 10, AcknowledgeHours: c.IntN(3) * 24}
		o.Onward = []agreement.Onward{"", agreement.OnwardNone, agreement.OnwardAsk, agreement.OnwardParties}[c.IntN(4)]
		o.Notify = []fairlead.Role{"DPO", "GUARDIAN", "TEAM_MANAGER"}[c.IntN(3):]
		if c.IntN(2) == 0 {
			o.UseOnlyFor = []fairlead.Purpose{"PRT-ASSESS", "PRT-PLAN", "SUPPORT"}[:1+c.IntN(3)]
		}
		return o
	}
	for range 2000 {
		list := []*agreement.Oblige{one(), one(), one()}
		var a, b agreement.Oblige
		for i := range list {
			a.Strictest(list[i])
			b.Strictest(list[len(list)-1-i])
		}
		if !reflect.DeepEqual(a, b) {
			t.Fatalf("%+v, and in another order %+v", a, b)
		}
		for _, o := range list {
			switch {
			case o.RetainDays > 0 && (a.RetainDays == 0 || a.RetainDays > o.RetainDays), o.Onward == agreement.OnwardNone && a.Onward != agreement.OnwardNone:
				t.Fatalf("%+v is looser than %+v", a, o)
			case slices.ContainsFunc(o.Notify, func(r fairlead.Role) bool { return !slices.Contains(a.Notify, r) }):
				t.Fatalf("%+v forgets somebody of %+v", a, o)
			case len(o.UseOnlyFor) > 0 && (len(a.UseOnlyFor) == 0 || len(a.UseOnlyFor) > len(o.UseOnlyFor)):
				t.Fatalf("%+v permits more uses than %+v", a, o)
			}
		}
	}
}

// TestWithin: how an agreement is wider than its framework is told all at once, with the nearest term.
func TestWithin(t *testing.T) {
	types := map[fairlead.AgencyID]fairlead.AgencyType{"NOR-CSC": "LA_CSC", "RO-DIR": "STATUTORY_OVERSEAS"}
	typeOf := func(id fairlead.AgencyID) fairlead.AgencyType { return types[id] }
	for name, test := range map[string]struct {
		change func(a, f *agreement.Agreement)
		says   []string
	}{
		"within":          {func(a, f *agreement.Agreement) {}, nil},
		"no framework":    {func(a, f *agreement.Agreement) { f.Framework = false }, []string{"under: A2/1 is not a framework"}},
		"a third party":   {func(a, f *agreement.Agreement) { a.Parties = append(a.Parties, "RO-CCA") }, []string{"parties: RO-CCA is not a party of the framework"}},
		"longer":          {func(a, f *agreement.Agreement) { f.Until = fairlead.At(f.Until.Add(-time.Second)) }, []string{"until: the framework A2/1 ends before, at 2027-03-31T22:59:58Z"}},
		"another purpose": {func(a, f *agreement.Agreement) { f.Terms[0].Permit.Purposes = f.Terms[0].Permit.Purposes[:1] }, []string{"term out: no permit of the framework A2/1 holds all of it; the nearest is A2/1#out, beyond which are [LIAISE]"}},
		"another section": {func(a, f *agreement.Agreement) {
			a.Terms[0].Permit.Sections = append(a.Terms[0].Permit.Sections, "LEGAL")
		}, []string{"beyond which are [LEGAL]"}},
		"any urgency":       {func(a, f *agreement.Agreement) { f.Terms[0].Permit.Urgency = []fairlead.Urgency{"Immediate"} }, []string{"beyond which are [any urgency]"}},
		"another mechanism": {func(a, f *agreement.Agreement) { f.Terms[0].Permit.Transfer = "A46-IDTA" }, []string{"beyond which are [A45]"}},
		"any mechanism":     {func(a, f *agreement.Agreement) { f.Terms[0].Permit.Transfer = "" }, nil},
		"by type": {func(a, f *agreement.Agreement) {
			f.Terms[0].Permit.From, f.Terms[0].Permit.FromTypes = nil, []fairlead.AgencyType{"LA_CSC"}
		}, nil},
		"of another type": {func(a, f *agreement.Agreement) {
			f.Terms[0].Permit.From, f.Terms[0].Permit.FromTypes = nil, []fairlead.AgencyType{"POLICE"}
		}, []string{"beyond which are [NOR-CSC]"}},
		"prohibitions only": {func(a, f *agreement.Agreement) { f.Terms = f.Terms[1:] }, []string{"term out: no permit of the framework A2/1 holds all of it"}},
		"several, all at once": {func(a, f *agreement.Agreement) {
			f.Framework, f.Terms[0].Permit.Kinds = false, []string{"liaison.note"}
		}, []string{"under: ", "term out: "}},
	} {
		a, f := a2(), a2()
		a.ID, a.Under, f.Framework = "A9", "A2/1", true
		test.change(a, f)
		err := a.Within(f, typeOf)
		if (err == nil) != (test.says == nil) {
			t.Errorf("%s: %v", name, err)
		}
		for _, words := range test.says {
			if err != nil && !strings.Contains(err.Error(), words) {
				t.Errorf("%s: %v, want %q", name, err, words)
			}
		}
	}
}

// TestHouse: a house prohibits, and nothing else.
func TestHouse(t *testing.T) {
	good := `{"version":2,"terms":[{"id":"no-photo","text":"No photographs.","prohibit":{"sections":["BIO-PHOTO"]}}]}`
	h, err := agreement.ParseHouse([]byte(good))
	if err != nil {
		t.Fatal(err)
	}
	h.Owner = "RO-DIR"
	use := assess
	if bars := h.Bars(&use, nil); h.Ref() != "house:RO-DIR/2" || len(bars) != 1 || bars[0].Clause() != "house:RO-DIR/2#no-photo" {
		t.Errorf("%s: %+v", h.Ref(), bars)
	}
	if use.To = "RO-CCA"; h.Bars(&use, nil) != nil {
		t.Error("a house bars what it neither sends nor receives")
	}
	if h.Owner = fairlead.Hub; h.Bars(&use, nil) == nil || h.Ref() != "house:HUB" {
		t.Error("the hub's rules are for everybody")
	}
	for bad, says := range map[string]string{
		`{"version":0,"terms":[]}`: "version: ", `{"version":1,"terms":[{"id":"x","text":"t","permit":{"sections":["EDU"]}}]}`: "a house may only prohibit",
		`{"version":1,"terms":[{"id":"x","text":"t","prohibit":{"kinds":["ack"]}}]}`: "control plane", `{"version":1,"terms":[{"id":"x","text":"t","prohibit":{},"beside":true}]}`: "beside",
		`{"version":1,"owner":"HUB","terms":[]}`: "owner", `{"version":1,"terms":[{"id":"x","text":"t","prohibit":{"to":["nobody"]}}]}`: "agency",
	} {
		if _, err := agreement.ParseHouse([]byte(bad)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", bad, err, says)
		}
	}
}
