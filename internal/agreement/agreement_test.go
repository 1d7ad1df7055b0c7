package agreement_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"fairlead/internal/agreement"
	"fairlead/internal/fairlead"
)

func instant(text string) fairlead.Time {
	var t fairlead.Time
	if err := t.UnmarshalText([]byte(text)); err != nil {
		panic(err)
	}
	return t
}

// a2 is version 1 of the agreement between Northmere and Romania, shortened to two terms.
func a2() *agreement.Agreement {
	return &agreement.Agreement{
		ID: "A2", Version: 1, Title: "Northmere and Romania, case work and returns", Form: "mou_gov", Parties: []fairlead.AgencyID{"NOR-CSC", "RO-DIR"},
		From: instant("2025-03-31T23:00:00Z"), Until: instant("2027-03-31T22:59:59Z"), ReviewBy: "2026-03-31", DPIA: "DPIA-2025-07",
		Objective: "Children who move between us stay safe.", Summary: "What we share about children who move.", NoticeDays: 30,
		Signatories: []agreement.Signatory{{Agency: "NOR-CSC", Name: "E. Hart", Role: "Director"}, {Agency: "RO-DIR", Name: "A. Popescu", Role: "Director General"}},
		Contacts:    []agreement.Contact{{Agency: "NOR-CSC", DPO: "dpo@northmere.example"}, {Agency: "RO-DIR", DPO: "dpo@directie.example"}},
		Governance: agreement.Governance{
			Rights: "Each answers for what it holds.", Transparency: "Both publish a notice.", Accuracy: "Who finds a mistake corrects it.", Security: "Named staff only.",
			Retention: "As the terms say.", Breach: "Within 24 hours.", Disputes: "The leads meet.", Sanctions: "Suspension.",
		},
		Terms: []agreement.Term{
			{ID: "out", Text: "Northmere may send what is needed to assess a child.", Permit: &agreement.Scope{
				From: []fairlead.AgencyID{"NOR-CSC"}, To: []fairlead.AgencyID{"RO-DIR"}, Purposes: []fairlead.Purpose{"PRT-ASSESS", "LIAISE"},
				Kinds: []string{"assessment.share", "liaison.note"}, Bases: []fairlead.Art6{"A6-1-c", "A6-1-e"}, Sections: []fairlead.SectionCode{"ID-CORE", "EDU", "RISK"}, Transfer: "A45",
			}},
			{ID: "no-risk", Text: "Risk ratings stay at home when we only liaise.", Prohibit: &agreement.Scope{
				From: []fairlead.AgencyID{"NOR-CSC"}, To: []fairlead.AgencyID{"RO-DIR"}, Purposes: []fairlead.Purpose{"LIAISE"}, Sections: []fairlead.SectionCode{"RISK"},
			}},
		},
	}
}

var assess = agreement.Use{From: "NOR-CSC", To: "RO-DIR", Purpose: "PRT-ASSESS", Kind: "assessment.share", Basis: "A6-1-c"}

func TestRoundTrip(t *testing.T) {
	record, err := a2().Marshal()
	if err != nil {
		t.Fatal(err)
	}
	got, err := agreement.Parse(record)
	if err != nil || !reflect.DeepEqual(got, a2()) {
		t.Errorf("comes back as %+v: %v", got, err)
	}
	if got.Ref() != "A2/1" || !got.Party("RO-DIR") || got.Party("RO-CCA") {
		t.Error("reference or parties")
	}
	if agreement.Digest(record) == agreement.Digest(append(record, ' ')) {
		t.Error("other bytes, same digest: parties would not sign the same")
	}
	for _, bad := range []string{``, `null`, `{}`, `[]`, string(record) + `{}`, strings.Replace(string(record), `"id"`, `"ID"`, 1), strings.Replace(string(record), `{"id"`, `{"note":"x","id"`, 1)} {
		if _, err := agreement.Parse([]byte(bad)); !errors.Is(err, agreement.ErrInvalid) {
			t.Errorf("%.40q: %v", bad, err)
		}
	}
}

// TestInForce: to the second, both ends included, no grace (domain notes §10.1). The instants are those
// of the two versions of A2.
func TestInForce(t *testing.T) {
	one := agreement.Standing{Agreement: *a2(), ActiveBy: 7}
	two := one
	two.Version, two.From, two.Until = 2, instant("2027-04-07T12:00:00Z"), instant("2029-03-31T22:59:59Z")
	for at, want := range map[string]struct{ one, expired, two bool }{
		"2025-03-31T22:59:59Z":           {false, false, false},
		"2025-03-31T23:00:00Z":           {true, false, false},
		"2027-03-31T22:59:59Z":           {true, false, false},
		"2027-03-31T22:59:59.999999999Z": {true, false, false}, // still that second
		"2027-03-31T23:00:00Z":           {false, true, false},
		"2027-04-07T11:59:59Z":           {false, true, false},
		"2027-04-07T12:00:00Z":           {false, true, true},
		"2029-03-31T22:59:59Z":           {false, true, true},
		"2029-03-31T23:00:00Z":           {false, true, false},
		"2027-04-01T01:59:59+03:00":      {true, false, false}, // the same second in Bucharest
		"2027-04-01T02:00:00+03:00":      {false, true, false},
	} {
		when, err := time.Parse(time.RFC3339Nano, at)
		if err != nil {
			t.Fatal(err)
		}
		if one.Active(when) != want.one || one.Expired(when) != want.expired || two.Active(when) != want.two {
			t.Errorf("%s: version 1 active %v, expired %v, version 2 active %v", at, one.Active(when), one.Expired(when), two.Active(when))
		}
	}
	unsigned := agreement.Standing{Agreement: *a2(), ActiveBy: -1}
	if at := one.From.Time; unsigned.Active(at) || unsigned.Expired(one.Until.AddDate(1, 0, 0)) {
		t.Error("an agreement that not all have signed is neither active nor expired")
	}
}

// TestFaults: one change, one fault, and the field is named.
func TestFaults(t *testing.T) {
	for name, test := range map[string]struct {
		change func(a *agreement.Agreement)
		says   string
	}{
		"no id":                 {func(a *agreement.Agreement) { a.ID = "" }, "id: "},
		"id with a slash":       {func(a *agreement.Agreement) { a.ID = "A2/1" }, "id: "},
		"version 0":             {func(a *agreement.Agreement) { a.Version = 0 }, "version: "},
		"no title":              {func(a *agreement.Agreement) { a.Title = "" }, "title: "},
		"form unknown":          {func(a *agreement.Agreement) { a.Form = "handshake" }, "form: "},
		"one party":             {func(a *agreement.Agreement) { a.Parties = a.Parties[:1] }, "parties: want 2"},
		"party twice":           {func(a *agreement.Agreement) { a.Parties = append(a.Parties, "RO-DIR") }, "parties: RO-DIR stands twice"},
		"party malformed":       {func(a *agreement.Agreement) { a.Parties = append(a.Parties, "Romania") }, "parties: "},
		"ends before it begins": {func(a *agreement.Agreement) { a.Until = a.From }, "from, until: "},
		"no beginning":          {func(a *agreement.Agreement) { a.From = fairlead.Time{} }, "from, until: "},
		"over 24 months":        {func(a *agreement.Agreement) { a.Until = fairlead.At(a.From.AddDate(2, 0, 2)) }, "until: at most 24 months"},
		"no review":             {func(a *agreement.Agreement) { a.ReviewBy = "soon" }, "review_by: "},
		"no DPIA":               {func(a *agreement.Agreement) { a.DPIA = "" }, "dpia_ref: "},
		"no objective":          {func(a *agreement.Agreement) { a.Objective = "" }, "objective: "},
		"no public summary":     {func(a *agreement.Agreement) { a.Summary = "" }, "public_summary: "},
		"no terms":              {func(a *agreement.Agreement) { a.Terms = nil }, "terms: want 1"},
		"term twice":            {func(a *agreement.Agreement) { a.Terms[1].ID = "out" }, "terms: out stands twice"},
		"term without an id":    {func(a *agreement.Agreement) { a.Terms[1].ID = "%s" }, "terms: number 2 has no id"},
		"term without words":    {func(a *agreement.Agreement) { a.Terms[0].Text = "" }, "term out: want the signed words"},
		"term without a scope":  {func(a *agreement.Agreement) { a.Terms[0].Permit = nil }, "term out: want exactly one of permit and prohibit"},
		"term of both":          {func(a *agreement.Agreement) { a.Terms[0].Prohibit = a.Terms[1].Prohibit }, "term out: want exactly one of permit and prohibit"},
		"permit for any kind":   {func(a *agreement.Agreement) { a.Terms[0].Permit.Kinds = nil }, "term out: a permit names its purposes, kinds and bases"},
		"permit for any end":    {func(a *agreement.Agreement) { a.Terms[0].Permit.Purposes = nil }, "term out: a permit names its purposes, kinds and bases"},
		"permit on any basis":   {func(a *agreement.Agreement) { a.Terms[0].Permit.Bases = nil }, "term out: a permit names its purposes, kinds and bases"},
		"permit by no transfer": {func(a *agreement.Agreement) { a.Terms[0].Permit.Transfer = "" }, "term out: a permit names its transfer mechanism"},
		"from nobody":           {func(a *agreement.Agreement) { a.Terms[1].Prohibit.From = nil }, "term no-risk: from: want at least one party"},
		"to nobody":             {func(a *agreement.Agreement) { a.Terms[0].Permit.To = nil }, "term out: to: want at least one party"},
		"to a third party":      {func(a *agreement.Agreement) { a.Terms[0].Permit.To[0] = "RO-CCA" }, "term out: RO-CCA is not a party"},
		"purpose unknown":       {func(a *agreement.Agreement) { a.Terms[0].Permit.Purposes[0] = "ANY" }, `term out: purpose "ANY"`},
		"kind unknown":          {func(a *agreement.Agreement) { a.Terms[0].Permit.Kinds[0] = "all" }, `term out: kind "all"`},
		"basis unknown":         {func(a *agreement.Agreement) { a.Terms[0].Permit.Bases[0] = "good" }, `term out: basis "good"`},
		"section unknown":       {func(a *agreement.Agreement) { a.Terms[1].Prohibit.Sections[0] = "ALL" }, `term no-risk: section "ALL"`},
		"transfer unknown":      {func(a *agreement.Agreement) { a.Terms[0].Permit.Transfer = "POST" }, `term out: transfer "POST"`},
		"control kind":          {func(a *agreement.Agreement) { a.Terms[0].Permit.Kinds[0] = "ack" }, "term out: kind ack is of the control plane"},
		"nobody signs":          {func(a *agreement.Agreement) { a.Signatories = a.Signatories[:1] }, "signatories: who signs for RO-DIR"},
		"a third signs":         {func(a *agreement.Agreement) { a.Signatories[0].Agency = "RO-CCA" }, "signatories: RO-CCA is not a party"},
		"signs without a name":  {func(a *agreement.Agreement) { a.Signatories[0].Name = "" }, "signatories: NOR-CSC: want a name and an office"},
		"no contact":            {func(a *agreement.Agreement) { a.Contacts = a.Contacts[1:] }, "contacts: how is the data-protection officer of NOR-CSC reached"},
		"empty contact":         {func(a *agreement.Agreement) { a.Contacts[0].DPO = "" }, "contacts: NOR-CSC: want dpo"},
		"no rights":             {func(a *agreement.Agreement) { a.Governance.Rights = "" }, "governance.rights: say who answers"},
		"no transparency":       {func(a *agreement.Agreement) { a.Governance.Transparency = " " }, "governance.transparency: "},
		"no accuracy":           {func(a *agreement.Agreement) { a.Governance.Accuracy = "" }, "governance.accuracy: "},
		"no security":           {func(a *agreement.Agreement) { a.Governance.Security = "" }, "governance.security: "},
		"no retention":          {func(a *agreement.Agreement) { a.Governance.Retention = "" }, "governance.retention: "},
		"no breach":             {func(a *agreement.Agreement) { a.Governance.Breach = "" }, "governance.breach: "},
		"no disputes":           {func(a *agreement.Agreement) { a.Governance.Disputes = "" }, "governance.disputes: "},
		"no sanctions":          {func(a *agreement.Agreement) { a.Governance.Sanctions = "" }, "governance.sanctions: "},
		"review after a year":   {func(a *agreement.Agreement) { a.ReviewBy = "2026-04-02" }, "review_by: at most 12 months"},
		"notice of a year":      {func(a *agreement.Agreement) { a.NoticeDays = 366 }, "notice_days: "},
		"under itself":          {func(a *agreement.Agreement) { a.Under = "F1" }, "under: want a framework"},
		"framework under one":   {func(a *agreement.Agreement) { a.Framework, a.Under = true, "F1/1" }, "a framework stands under none"},
		"supersedes itself":     {func(a *agreement.Agreement) { a.Supersedes = "A2/1" }, "supersedes: want another version"},
		"both sides of from":    {func(a *agreement.Agreement) { a.Terms[0].Permit.FromTypes = []fairlead.AgencyType{"LA_CSC"} }, "term out: from: want at least one party, or one type"},
		"type unknown": {func(a *agreement.Agreement) {
			a.Terms[0].Permit.From, a.Terms[0].Permit.FromTypes = nil, []fairlead.AgencyType{"CLUB"}
		}, `term out: from_types "CLUB"`},
		"urgency unknown":    {func(a *agreement.Agreement) { a.Terms[0].Permit.Urgency = []fairlead.Urgency{"Soon"} }, `term out: urgency "Soon"`},
		"permit beside":      {func(a *agreement.Agreement) { a.Terms[0].Beside = true }, "term out: beside is for a prohibition"},
		"told to nobody":     {func(a *agreement.Agreement) { a.Terms[0].Disclose = "nobody" }, "term out: disclose: want sender or auditor"},
		"obliged to nothing": {func(a *agreement.Agreement) { a.Terms[0].Oblige = &agreement.Oblige{} }, "term out: oblige: it obliges to nothing"},
		"kept for ever":      {func(a *agreement.Agreement) { a.Terms[0].Oblige = &agreement.Oblige{RetainDays: 4000} }, "term out: oblige.retain_days: want 1 to 3660"},
		"onward to all":      {func(a *agreement.Agreement) { a.Terms[0].Oblige = &agreement.Oblige{Onward: "all"} }, "term out: oblige.onward: want none, ask or parties"},
		"a role unknown":     {func(a *agreement.Agreement) { a.Terms[0].Oblige = &agreement.Oblige{Notify: []fairlead.Role{"BOSS"}} }, `term out: oblige.notify "BOSS"`},
		"another use only": {func(a *agreement.Agreement) {
			a.Terms[0].Oblige = &agreement.Oblige{UseOnlyFor: []fairlead.Purpose{"LIAISE"}}
		}, "term out: oblige.use_only_for: the term permits PRT-ASSESS"},
		"prohibition obliges": {func(a *agreement.Agreement) { a.Terms[1].Oblige = &agreement.Oblige{RetainDays: 1} }, "term no-risk: oblige is for a permit"},
		"asks for nothing":    {func(a *agreement.Agreement) { a.Terms[0].When = &agreement.When{} }, "term out: when: it asks for nothing"},
		"threshold unknown": {func(a *agreement.Agreement) {
			a.Terms[0].When = &agreement.When{Thresholds: []fairlead.Threshold{"TH9"}}
		}, `term out: when.thresholds "TH9"`},
		"handling unknown":   {func(a *agreement.Agreement) { a.Terms[0].When = &agreement.When{TLP: "BLUE", GSC: "SECRET"} }, `term out: when.tlp_at_most "BLUE"`},
		"training unknown":   {func(a *agreement.Agreement) { a.Terms[0].When = &agreement.When{Training: []string{"T9"}} }, `term out: when.training: "T9" is no training code`},
		"consent to nothing": {func(a *agreement.Agreement) { a.Terms[0].When = &agreement.When{Consent: &agreement.Consent{}} }, "term out: when.consent: want given, or objection"},
		"giver unknown": {func(a *agreement.Agreement) {
			a.Terms[0].When = &agreement.When{Consent: &agreement.Consent{Given: true, GivenBy: []fairlead.Giver{"AUNT"}}}
		}, `term out: when.consent.given_by "AUNT"`},
		"giver without given": {func(a *agreement.Agreement) {
			a.Terms[0].When = &agreement.When{Consent: &agreement.Consent{Objection: true, GivenBy: []fairlead.Giver{"CHILD_16"}}}
		}, "term out: when.consent: given_by needs given: true"},
		"prohibition on TLP":   {func(a *agreement.Agreement) { a.Terms[1].When = &agreement.When{TLP: "AMBER"} }, "term no-risk: when: a prohibition may ask for thresholds and facts only"},
		"fact unknown":         {condition(agreement.Condition{Fact: "mood", Is: "good"}), `term out: when.facts: "mood" is no code of the header`},
		"fact of other kinds":  {condition(agreement.Condition{Fact: "facts.missing_since", AtLeast: "2027-01-01T00:00:00Z"}), `"facts.missing_since" is no code of the header and no clear fact`},
		"value unknown":        {condition(agreement.Condition{Fact: "severity", Is: "Dire"}), `when.facts: severity has no value "Dire"`},
		"order of a code":      {condition(agreement.Condition{Fact: "severity", AtLeast: "Minor"}), "severity is a code: at_least and at_most are for"},
		"two tests":            {condition(agreement.Condition{Fact: "severity", Is: "Minor", AtMost: "Minor"}), "severity: want exactly one of is, one_of, at_least and at_most"},
		"no test":              {condition(agreement.Condition{Fact: "severity"}), "severity: want exactly one of"},
		"all and any":          {condition(agreement.Condition{All: []agreement.Condition{{Fact: "severity", Is: "Minor"}}, Any: []agreement.Condition{{Fact: "severity", Is: "Minor"}}}), "want exactly one of all, any, not and fact"},
		"an empty part":        {condition(agreement.Condition{Not: &agreement.Condition{}}), "want exactly one of all, any, not and fact"},
		"five levels":          {condition(agreement.Condition{Not: &agreement.Condition{Not: &agreement.Condition{Not: &agreement.Condition{Not: &agreement.Condition{Fact: "severity", Is: "Minor"}}}}}), "at most 32 parts and 4 levels"},
		"33 parts":             {condition(agreement.Condition{Any: slices.Repeat([]agreement.Condition{{Fact: "severity", Is: "Minor"}}, 32)}), "at most 32 parts and 4 levels"},
		"65 entries in a list": {func(a *agreement.Agreement) { a.Terms[0].Permit.Kinds = make([]string, 65) }, "term out: no list may have more than 64"},
	} {
		t.Run(name, func(t *testing.T) {
			a := a2()
			test.change(a)
			err := a.Check()
			if !errors.Is(err, agreement.ErrInvalid) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, want %q", err, test.says)
			}
		})
	}
	if err := a2().Check(); err != nil {
		t.Error(err)
	}
}

// condition sets the facts that the first term asks for.
func condition(c agreement.Condition) func(*agreement.Agreement) {
	return func(a *agreement.Agreement) { a.Terms[0].When = &agreement.When{Facts: &c} }
}

// TestAllFaultsAtOnce: who drafts an agreement is told everything in one go.
func TestAllFaultsAtOnce(t *testing.T) {
	a := a2()
	a.Title, a.DPIA, a.ReviewBy, a.Terms[0].Permit.Transfer, a.Terms[1].Text = "", "", "", "", ""
	err := a.Check()
	for _, want := range []string{"title: ", "dpia_ref: ", "review_by: ", "term out: ", "term no-risk: "} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in %v", want, err)
		}
	}
}

// TestFaultsAreBounded: a record that is all faults gives a short text, and soon: it goes into the log.
func TestFaultsAreBounded(t *testing.T) {
	long := strings.Repeat("x", 50_000)
	for name, change := range map[string]func(a *agreement.Agreement){
		"long id":       func(a *agreement.Agreement) { a.ID = long },
		"long party":    func(a *agreement.Agreement) { a.Parties[0] = fairlead.AgencyID(long) },
		"40000 parties": func(a *agreement.Agreement) { a.Parties = make([]fairlead.AgencyID, 40_000) },
		"long term id":  func(a *agreement.Agreement) { a.Terms[0].ID = long },
		"40000 in a list": func(a *agreement.Agreement) {
			a.Terms[0].Permit.From = slices.Repeat([]fairlead.AgencyID{"XX"}, 40_000)
		},
		"long code":   func(a *agreement.Agreement) { a.Terms[0].Permit.Kinds[0] = long },
		"10000 terms": func(a *agreement.Agreement) { a.Terms = make([]agreement.Term, 10_000) },
		"200 bad terms": func(a *agreement.Agreement) {
			for i := range 190 {
				a.Terms = append(a.Terms, agreement.Term{ID: fmt.Sprint("t", i)})
			}
		},
	} {
		a := a2()
		change(a)
		if err := a.Check(); err == nil || len(err.Error()) > 4000 {
			t.Errorf("%s: an error of %d bytes", name, len(fmt.Sprint(err)))
		}
	}
}

// TestCovers: what the terms permit, and that a prohibition wins.
func TestCovers(t *testing.T) {
	type outcome struct{ terms, sections, barred string }
	liaise := assess
	liaise.Purpose, liaise.Kind = "LIAISE", "liaison.note"
	for name, test := range map[string]struct {
		use    agreement.Use
		change func(a *agreement.Agreement)
		want   outcome
	}{
		"as agreed":                    {assess, nil, outcome{"out", "EDU ID-CORE RISK", ""}},
		"a section prohibited":         {liaise, nil, outcome{"out", "EDU ID-CORE", "RISK"}},
		"the other direction":          {agreement.Use{From: "RO-DIR", To: "NOR-CSC", Purpose: "PRT-ASSESS", Kind: "assessment.share", Basis: "A6-1-c"}, nil, outcome{}},
		"to a third party":             {agreement.Use{From: "NOR-CSC", To: "RO-CCA", Purpose: "PRT-ASSESS", Kind: "assessment.share", Basis: "A6-1-c"}, nil, outcome{}},
		"another purpose":              {agreement.Use{From: "NOR-CSC", To: "RO-DIR", Purpose: "LEGAL", Kind: "assessment.share", Basis: "A6-1-c"}, nil, outcome{}},
		"another kind":                 {agreement.Use{From: "NOR-CSC", To: "RO-DIR", Purpose: "PRT-ASSESS", Kind: "referral.new", Basis: "A6-1-c"}, nil, outcome{}},
		"another basis":                {agreement.Use{From: "NOR-CSC", To: "RO-DIR", Purpose: "PRT-ASSESS", Kind: "assessment.share", Basis: "A6-1-a"}, nil, outcome{}},
		"no purpose":                   {agreement.Use{From: "NOR-CSC", To: "RO-DIR", Kind: "assessment.share", Basis: "A6-1-c"}, nil, outcome{"", "", "RISK"}},
		"no basis":                     {agreement.Use{From: "NOR-CSC", To: "RO-DIR", Purpose: "PRT-ASSESS", Kind: "assessment.share"}, nil, outcome{}},
		"empty purposes permit nobody": {assess, func(a *agreement.Agreement) { a.Terms[0].Permit.Purposes = nil }, outcome{}},
		"empty kinds permit nobody":    {assess, func(a *agreement.Agreement) { a.Terms[0].Permit.Kinds = nil }, outcome{}},
		"empty bases permit nobody":    {assess, func(a *agreement.Agreement) { a.Terms[0].Permit.Bases = nil }, outcome{}},
		"empty from permits nobody":    {assess, func(a *agreement.Agreement) { a.Terms[0].Permit.From = nil }, outcome{}},
		"empty to permits nobody":      {assess, func(a *agreement.Agreement) { a.Terms[0].Permit.To = nil }, outcome{}},
		"no sections: a bare message":  {assess, func(a *agreement.Agreement) { a.Terms[0].Permit.Sections = nil }, outcome{"out", "", ""}},
		"prohibited for any purpose":   {assess, func(a *agreement.Agreement) { a.Terms[1].Prohibit.Purposes = nil }, outcome{"out", "EDU ID-CORE", "RISK"}},
		"prohibited altogether":        {liaise, func(a *agreement.Agreement) { a.Terms[1].Prohibit.Sections = nil }, outcome{"", "", "all"}},
		"prohibited, and not asked":    {assess, func(a *agreement.Agreement) { a.Terms[1].Prohibit.Sections = nil }, outcome{"out", "EDU ID-CORE RISK", ""}},
		"prohibited, never permitted": {liaise, func(a *agreement.Agreement) {
			a.Terms[1].Prohibit.Sections = []fairlead.SectionCode{"LEGAL"}
		}, outcome{"out", "EDU ID-CORE RISK", "LEGAL"}},
	} {
		t.Run(name, func(t *testing.T) {
			a := a2()
			if test.change != nil {
				test.change(a)
			}
			for range 2 {
				if got := outcome(shown(a, test.use)); got != test.want {
					t.Errorf("got %+v, want %+v", got, test.want)
				}
				slices.Reverse(a.Terms)
			}
		})
	}
}

// shown is what of a Cover does not depend on the order of terms.
func shown(a *agreement.Agreement, use agreement.Use) (out struct{ terms, sections, barred string }) {
	at := instant("2026-06-01T00:00:00Z").Time
	c := (&agreement.Standing{Agreement: *a, ActiveBy: 1}).Covers(&use, nil, at)
	if c.Bar("") != nil {
		out.barred = "all"
		return out
	}
	var terms, sections, barred []string
	for _, t := range c.Terms() {
		terms = append(terms, t.ID)
	}
	for _, code := range slices.Sorted(slices.Values(fairlead.Sections)) {
		if c.Section(code, &use) != nil {
			sections = append(sections, string(code))
		}
		if c.Bar(code) != nil {
			barred = append(barred, string(code))
		}
	}
	slices.Sort(terms)
	out.terms, out.sections, out.barred = strings.Join(terms, " "), strings.Join(sections, " "), strings.Join(barred, " ")
	return out
}

// TestOrderOfTerms: shuffled terms permit and prohibit the same, and name terms that say so.
func TestOrderOfTerms(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		a := a2()
		for i := range 6 {
			scope := &agreement.Scope{
				From: a.Parties, To: a.Parties, Purposes: []fairlead.Purpose{"PRT-ASSESS"}, Kinds: []string{"assessment.share"}, Bases: []fairlead.Art6{"A6-1-c"},
				Sections: []fairlead.SectionCode{fairlead.Sections[r.IntN(12)], fairlead.Sections[r.IntN(12)]}, Transfer: "A45",
			}
			term := agreement.Term{ID: fmt.Sprint("t", i), Text: "words", Permit: scope}
			if r.IntN(3) == 0 {
				term.Permit, term.Prohibit = nil, scope
			}
			a.Terms = append(a.Terms, term)
		}
		want := shown(a, assess)
		r.Shuffle(len(a.Terms), func(i, j int) { a.Terms[i], a.Terms[j] = a.Terms[j], a.Terms[i] })
		if got := shown(a, assess); got != want {
			t.Fatalf("in another order %+v, before %+v", got, want)
		}
		c := (&agreement.Standing{Agreement: *a, ActiveBy: 1}).Covers(&assess, nil, a.From.Time)
		for _, code := range fairlead.Sections {
			if term := c.Section(code, &assess); term != nil && (term.Permit == nil || !slices.Contains(term.Permit.Sections, code) || c.Bar(code) != nil) {
				t.Fatalf("term %s is said to permit %s", term.ID, code)
			}
		}
	}
}

func TestSignature(t *testing.T) {
	digest := agreement.Digest([]byte("words"))
	good := `{"id":"A2","version":1,"digest":"` + digest.String() + `"}`
	if s, err := agreement.ParseSignature([]byte(good)); err != nil || s.ID != "A2" || s.Version != 1 || s.Digest != digest {
		t.Errorf("%+v %v", s, err)
	}
	for _, bad := range []string{
		``, `{}`, `null`, `{"id":"A2","version":0,"digest":"` + digest.String() + `"}`, `{"id":"A 2","version":1,"digest":"` + digest.String() + `"}`,
		`{"id":"A2","version":1}`, `{"id":"A2","version":1,"digest":"` + strings.Repeat("0", 64) + `"}`, good + good,
	} {
		if _, err := agreement.ParseSignature([]byte(bad)); !errors.Is(err, agreement.ErrInvalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestParseStatus(t *testing.T) {
	if s, err := agreement.ParseStatus([]byte(`{"id":"A2","version":1,"action":"suspend","reason":"danger"}`)); err != nil || s != (agreement.Status{ID: "A2", Version: 1, Action: agreement.Suspend, Reason: "danger"}) {
		t.Errorf("%+v %v", s, err)
	}
	for _, bad := range []string{
		``, `{}`, `null`, `{"id":"A 2","version":1,"action":"suspend","reason":"danger"}`, `{"id":"A2","version":0,"action":"suspend","reason":"danger"}`,
		`{"id":"A2","version":1,"action":"pause","reason":"danger"}`, `{"id":"A2","version":1,"action":"suspend","reason":"her uncle is on the board"}`,
		`{"id":"A2","version":1,"action":"suspend"}`,
	} {
		if _, err := agreement.ParseStatus([]byte(bad)); !errors.Is(err, agreement.ErrInvalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// TestApply: any party may suspend or end an agreement at once; it is in force again when all who
// suspended it have resumed it, and never after it was ended.
func TestApply(t *testing.T) {
	type act struct {
		by     fairlead.AgencyID
		action agreement.Action
		ok     bool
	}
	at := instant("2026-06-01T00:00:00Z").Time
	for name, test := range map[string]struct {
		acts                    []act
		active, paused, expired bool
	}{
		"nothing":              {nil, true, false, false},
		"suspended":            {[]act{{"RO-DIR", "suspend", true}}, false, true, false},
		"suspended twice":      {[]act{{"RO-DIR", "suspend", true}, {"RO-DIR", "suspend", false}}, false, true, false},
		"suspended by both":    {[]act{{"RO-DIR", "suspend", true}, {"NOR-CSC", "suspend", true}, {"RO-DIR", "resume", true}}, false, true, false},
		"resumed":              {[]act{{"RO-DIR", "suspend", true}, {"RO-DIR", "resume", true}}, true, false, false},
		"resumed by the other": {[]act{{"RO-DIR", "suspend", true}, {"NOR-CSC", "resume", false}}, false, true, false},
		"resumed out of turn":  {[]act{{"RO-DIR", "resume", false}}, true, false, false},
		"by a third party":     {[]act{{"HU-FAM", "suspend", false}, {"HU-FAM", "terminate", false}}, true, false, false},
		"ended":                {[]act{{"NOR-CSC", "terminate", true}}, false, false, true},
		"ended while paused":   {[]act{{"RO-DIR", "suspend", true}, {"NOR-CSC", "terminate", true}, {"RO-DIR", "resume", false}}, false, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := agreement.Standing{Agreement: *a2(), ActiveBy: 7}
			s.NoticeDays = 0
			for i, a := range test.acts {
				next, err := s.Apply(a.by, a.action, at, int64(100+i))
				if (err == nil) != a.ok || err != nil && !errors.Is(err, agreement.ErrInvalid) {
					t.Fatalf("%+v: %v", a, err)
				}
				if err == nil && next.Ended != int64(100+i) {
					t.Errorf("%+v: noted as entry %d", a, next.Ended)
				}
				s = next
			}
			if s.Active(at) != test.active || s.Paused(at) != test.paused || s.Expired(at) != test.expired {
				t.Errorf("active %v, paused %v, expired %v", s.Active(at), s.Paused(at), s.Expired(at))
			}
			if s.Active(s.Until.Add(time.Second)) || s.Paused(s.Until.Add(time.Second)) {
				t.Error("active or paused after its term")
			}
		})
	}
	unsigned := agreement.Standing{Agreement: *a2(), ActiveBy: -1}
	if _, err := unsigned.Apply("RO-DIR", agreement.Suspend, at, 1); !errors.Is(err, agreement.ErrInvalid) {
		t.Errorf("a proposal was suspended: %v", err)
	}
	one := agreement.Standing{Agreement: *a2(), ActiveBy: 7, Suspended: []fairlead.AgencyID{"NOR-CSC"}}
	if _, err := one.Apply("RO-DIR", agreement.Suspend, at, 1); err != nil || len(one.Suspended) != 1 {
		t.Errorf("the standing before has changed: %v %v", one.Suspended, err)
	}
}
