package officer_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"fairlead/internal/agreement"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/law"
	"fairlead/internal/officer"
	"fairlead/internal/policy"
)

// changed is A2/1 of the story with something else in it.
func changed(t *testing.T, b *officer.Book, change func(s *agreement.Standing)) *agreement.Standing {
	t.Helper()
	raw, err := b.Agreement("A2/1").Marshal()
	if err != nil {
		t.Fatal(err)
	}
	s := &agreement.Standing{Entry: 1, ActiveBy: 2}
	if err := json.Unmarshal(raw, &s.Agreement); err != nil {
		t.Fatal(err)
	}
	s.ReviewBy, s.APD = "2027-02-28", "APD-1"
	s.From = fairlead.At(s.From.AddDate(1, 0, 0))
	s.Until = fairlead.At(s.Until.AddDate(1, 0, 0))
	for i := range s.Contacts {
		s.Contacts[i].Emergency = "+44 1632 960 199"
	}
	change(s)
	return s
}

// TestLint: what an officer is told of one change.
func TestLint(t *testing.T) {
	b := story(t)
	hub := &agreement.House{Version: 1, Owner: fairlead.Hub, Terms: []agreement.Term{{ID: "no-photo", Text: "w", Prohibit: &agreement.Scope{Sections: []fairlead.SectionCode{"BIO-PHOTO"}}}}}
	outward := func(s *agreement.Standing) *agreement.Term { return s.Term("t2-outward") }
	for name, test := range map[string]struct {
		change func(s *agreement.Standing)
		houses []*agreement.House
		says   string // "" for nothing at all
	}{
		"as it is":             {func(*agreement.Standing) {}, nil, ""},
		"no such kind":         {func(s *agreement.Standing) { outward(s).Permit.Kinds[0] = "gossip" }, nil, `ERROR A2/1#t2-outward: kind "gossip" is not in the table`},
		"two faults":           {func(s *agreement.Standing) { s.DPIA, s.Governance.Breach = "", "" }, nil, "ERROR A2/1: governance.breach"},
		"no policy document":   {func(s *agreement.Standing) { s.APD = "" }, nil, "warning A2/1: it permits BIO-PHOTO, HEALTH-PHYS, ETHNO, EXPLOITER, special-category"},
		"no interests weighed": {func(s *agreement.Standing) { outward(s).Permit.Bases = append(outward(s).Permit.Bases, "A6-1-f") }, nil, "name the legitimate interests assessment"},
		"nobody at night":      {func(s *agreement.Standing) { s.Contacts[1].Emergency = "" }, nil, "names no contact day and night (contacts.emergency) of RO-DIR"},
		"review overdue":       {func(s *agreement.Standing) { s.ReviewBy = "2027-01-31" }, nil, "its review was due by 2027-01-31"},
		"about to end":         {func(s *agreement.Standing) { s.Until = fairlead.At(noon.AddDate(0, 0, 30)) }, nil, "it ends in 30 days"},
		"not signed by all":    {func(s *agreement.Standing) { s.ActiveBy, s.Signed = -1, s.Parties[:4] }, nil, "it waits for the signature of ECLU"},
		"a type nobody is of": {func(s *agreement.Standing) {
			p := outward(s).Permit
			p.To, p.ToTypes = nil, []fairlead.AgencyType{"POLICE"}
		}, nil, "warning A2/1#t2-outward: to_types: no party is of type POLICE, so the term never applies"},
		"no section":                {func(s *agreement.Standing) { outward(s).Permit.Sections = nil }, nil, "it lists no section"},
		"killed in part":            {func(s *agreement.Standing) { outward(s).Permit.Sections = append(outward(s).Permit.Sections, "LEGAL") }, nil, "warning A2/1#t2-outward: LEGAL can never go: term A2/1#t7-courts-and-status prohibits it"},
		"contradicted":              {func(s *agreement.Standing) { outward(s).Permit.Sections = []fairlead.SectionCode{"LEGAL"} }, nil, "contradiction: term A2/1#t7-courts-and-status prohibits all that it permits"},
		"killed by the hub":         {func(*agreement.Standing) {}, []*agreement.House{hub}, "BIO-PHOTO can never go: term house:HUB#no-photo prohibits it"},
		"killed by a party":         {func(*agreement.Standing) {}, []*agreement.House{house("RO-DIR", "BIO-PHOTO"), house("NOR-CSC", "EDU")}, ""},
		"killed by the only sender": {func(s *agreement.Standing) { outward(s).Permit.From = []fairlead.AgencyID{"NOR-CSC"} }, []*agreement.House{house("NOR-CSC", "EDU")}, "warning A2/1#t2-outward: EDU can never go: term house:NOR-CSC/1#no prohibits it"},
		"killed beside": {func(s *agreement.Standing) {
			another(t, &b, s, func(t *agreement.Term) { t.Permit, t.Prohibit, t.Beside = nil, t.Permit, true })
		}, nil, "contradiction: term A9/1#t2-outward prohibits all that it permits"},
		"prohibited elsewhere": {func(s *agreement.Standing) {
			another(t, &b, s, func(t *agreement.Term) { t.Permit, t.Prohibit = nil, t.Permit })
		}, nil, ""},
		"conditions void elsewhere": {func(s *agreement.Standing) {
			another(t, &b, s, func(*agreement.Term) {})
			outward(s).When = &agreement.When{Training: []string{"T4"}}
		}, nil, "warning A2/1#t2-outward: its conditions (training T4 current) are void for ID-CORE"},
		"conditions kept elsewhere": {func(s *agreement.Standing) {
			another(t, &b, s, func(t *agreement.Term) { t.When = &agreement.When{Training: []string{"T4"}} })
			outward(s).When = &agreement.When{Training: []string{"T4"}}
		}, nil, ""},
		"killed under a fact": {func(s *agreement.Standing) {
			outward(s).Permit.Sections = append(outward(s).Permit.Sections, "LEGAL")
			s.Term("t7-courts-and-status").When = &agreement.When{Thresholds: []fairlead.Threshold{"TH0"}}
		}, nil, ""},
		"conditions void": {func(s *agreement.Standing) {
			more := *outward(s)
			more.ID, more.When = "t9", &agreement.When{Training: []string{"T4"}}
			s.Terms = append(s.Terms, more)
		}, nil, "warning A2/1#t9: its conditions (training T4 current) are void for ID-CORE"},
		"conditions of both": {func(s *agreement.Standing) {
			outward(s).When = &agreement.When{Thresholds: []fairlead.Threshold{"TH3"}}
			more := *outward(s)
			more.ID, more.When = "t9", &agreement.When{Training: []string{"T4"}}
			s.Terms = append(s.Terms, more)
		}, nil, ""},
		"wrong mechanism":       {func(s *agreement.Standing) { outward(s).Permit.Transfer = "EEA-INTERNAL" }, nil, "warning A2/1#t2-outward: transfer EEA-INTERNAL is not for these, so the term carries nothing between them: NOR-CSC to RO-DIR"},
		"no mechanism":          {func(s *agreement.Standing) { outward(s).Permit.Transfer = "NONE" }, nil, "transfer NONE is not for these"},
		"a charity in a mou":    {func(s *agreement.Standing) { s.Form = "mou_gov" }, nil, "ERROR A2/1: form mou_gov is for public authorities, and BCG is none"},
		"a framework not known": {func(s *agreement.Standing) { s.Under = "F1/1" }, nil, "warning A2/1: its framework F1/1 is not known here"},
		"under what is none":    {func(s *agreement.Standing) { s.Under = "A1/1" }, nil, "ERROR A2/1: under: A1/1 is not a framework"},
		"a party of no register": {func(s *agreement.Standing) {
			s.Parties[4], s.Signatories[4].Agency, s.Contacts[4].Agency = "XX", "XX", "XX"
			rename(s, "ECLU", "XX")
		}, nil, "warning A2/1: party XX is not in the register"},
	} {
		t.Run(name, func(t *testing.T) {
			agreements := b.Agreements
			defer func() { b.Agreements = agreements }()
			b.Houses = test.houses
			found := b.Lint(changed(t, &b, test.change))
			words := strings.Join(strings.Fields(found.Words()), " ")
			if test.says == "" && len(found) > 0 || !strings.Contains(words, test.says) {
				t.Errorf("want %q, got %s", test.says, found.Words())
			}
			if found.Errors() != strings.Contains(words, "ERROR") || (found.Err() != nil) != found.Errors() {
				t.Error("errors and words differ")
			}
		})
	}
}

// house is one that prohibits a section.
func house(owner fairlead.AgencyID, code fairlead.SectionCode) *agreement.House {
	return &agreement.House{Version: 1, Owner: owner, Terms: []agreement.Term{{ID: "no", Text: "w", Prohibit: &agreement.Scope{Sections: []fairlead.SectionCode{code}}}}}
}

// another puts A9/1 into force beside s: the same, with something else in its outward term.
func another(t *testing.T, b *officer.Book, s *agreement.Standing, change func(*agreement.Term)) {
	t.Helper()
	next := *s
	next.ID, next.Terms = "A9", slices.Clone(s.Terms)
	scope := *next.Term("t2-outward").Permit
	next.Term("t2-outward").Permit = &scope
	change(next.Term("t2-outward"))
	b.Agreements = append(slices.Clone(b.Agreements), &next)
}

// rename puts another agency in the place of one in every term.
func rename(s *agreement.Standing, from, to fairlead.AgencyID) {
	for i := range s.Terms {
		for _, side := range [][]fairlead.AgencyID{s.Terms[i].Scope().From, s.Terms[i].Scope().To} {
			if j := slices.Index(side, from); j >= 0 {
				side[j] = to
			}
		}
	}
}

// TestDiffNotes: what differs beside what may be sent, and the words of both.
func TestDiffNotes(t *testing.T) {
	b := story(t)
	same := officer.DiffOf(&b.Agreement("A2/1").Agreement, &b.Agreement("A2/1").Agreement, b.TypeOf)
	if words := same.Words(); !strings.Contains(words, "What may be sent is the same.") || strings.Contains(words, "Beside") {
		t.Error(words)
	}
	next := changed(t, &b, func(s *agreement.Standing) {
		s.Terms[0].When = &agreement.When{Thresholds: []fairlead.Threshold{"TH3"}}
		s.Terms[0].Text = "other words"
		s.Terms = s.Terms[:len(s.Terms)-1]
		s.NoticeDays, s.Governance.Breach = 60, "12 hours"
	})
	d := officer.DiffOf(&b.Agreement("A2/1").Agreement, &next.Agreement, b.TypeOf)
	words := strings.Join(strings.Fields(d.Words()), " ")
	for _, want := range []string{
		"CHANGES", "was transfer A45 now transfer A45; if threshold TH3", "notice of 60 days, was 30", "the governance texts differ", "term t2-outward has other words",
		"term t7-courts-and-status is gone",
	} {
		if !strings.Contains(words, want) {
			t.Errorf("%q is missing in %s", want, d.Words())
		}
	}
	if len(d.Opens)+len(d.Closes) > 0 || len(d.Changes) != 1 {
		t.Errorf("%d open, %d close, %d change", len(d.Opens), len(d.Closes), len(d.Changes))
	}
}

// TestExplain: a decision in words names each check, each clause with its signed words, each law, what
// to change and what follows.
func TestExplain(t *testing.T) {
	b := story(t)
	st := changed(t, &b, func(s *agreement.Standing) {
		s.Terms[0].Oblige = &agreement.Oblige{RetainDays: 30, Onward: agreement.OnwardAsk}
		s.Term("t6-the-childs-own").Disclose = agreement.ToAuditor
	})
	b.Agreements[1] = st
	h := &envelope.Header{
		V: 1, ID: fairlead.NewShareID(), Kind: "assessment.share", Status: "Actual", From: envelope.From{Agency: "NOR-CSC", Role: "PRACTITIONER", User: "u"}, To: envelope.To{Agency: "RO-DIR", User: "named"},
		SentAt: fairlead.At(noon), ValidUntil: fairlead.At(noon.Add(time.Hour)), Purpose: "PRT-ASSESS", Threshold: "TH3", TLP: "RED", GSC: "OFFICIAL", Told: "yes",
		S16LA: &envelope.S16LA{Considered: true},
		Basis: &envelope.Basis{Art6: "A6-1-c", Gateways: []fairlead.Gateway{"CA1989-47"}}, Transfer: &envelope.Transfer{Mechanism: "A45"}, Danger: &envelope.Danger{Result: "clear", Role: "SAFEGUARDING_LEAD", At: fairlead.At(noon)},
	}
	ds := []*envelope.Descriptor{
		{Audience: envelope.ForRecipient, Code: "EDU"},
		{Audience: envelope.ForRecipient, Code: "HEALTH-PHYS", Art9: "A9-2-h", Sch1: "HSC-2"},
		{Audience: envelope.ForRecipient, Code: "HEALTH-MH", Art9: "A9-2-h", Sch1: "HSC-2"},
		{Audience: envelope.ForRecipient, Code: "INTEL", Art10: "OFFICIAL", Siena: "H2", Grade: "1AP"},
		{Audience: envelope.ForHub, Subject: "11111111111111111111111111111111"},
	}
	d := policy.Decide(policy.Request{Header: h, Descriptors: ds}, policy.Facts{Law: law.Default(), Loaded: true, Sender: b.Agency("NOR-CSC"), Recipient: b.Agency("RO-DIR"), Agreements: []*agreement.Standing{st}}, noon)
	a := b.Explain(officer.Case{Name: "entry 7", Header: h, Descriptors: ds, Decision: d})
	words := strings.Join(strings.Fields(a.Words()), " ")
	for _, want := range []string{
		"entry 7: assessment.share from NOR-CSC to RO-DIR for PRT-ASSESS", "result delivered_redacted: without some sections; the recipient sees no trace of them",
		"stands on agreement A2/1, Northmere and Romania, case work and returns", "law UK GDPR Art 6(1)(c), legal obligation, CA1989-47", "law transfer A45",
		"EDU, delivered clause A2/1#t2-outward words 2. The Northmere Parties may send", "HEALTH-PHYS, delivered", "law UK GDPR Art 9: A9-2-h",
		"HEALTH-MH, withheld", "P10 may this section go, to this recipient?", "reason E_SECTION_NOT_ALLOWED, section HEALTH-MH", "words 6. Sexual health, mental health",
		"change term A2/1#t6-the-childs-own prohibits it", "note the hub tells this to auditors only", "INTEL, withheld", "change intelligence goes to law enforcement only",
		"recipient delete it after 30 days", "recipient ask the sender before passing it on", "due DL-TERM-DELETE 2027-03-03",
	} {
		if !strings.Contains(words, want) {
			t.Errorf("%q is missing in\n%s", want, a.Words())
		}
	}
	for line := range strings.Lines(a.Words()) {
		if n := len([]rune(line)); n > 101 {
			t.Errorf("a line of %d characters: %s", n, line)
		}
	}
	refused := *h
	refused.Basis, refused.Threshold = nil, ""
	d = policy.Decide(policy.Request{Header: &refused, Descriptors: ds}, policy.Facts{Law: law.Default(), Loaded: true, Sender: b.Agency("NOR-CSC"), Recipient: b.Agency("RO-DIR")}, noon)
	words = b.Explain(officer.Case{Name: "x", Header: &refused, Decision: d}).Words()
	for _, want := range []string{"refused: nothing was put before the recipient", "stands on   nothing", "P01", "P06", "E_AGREEMENT_NONE"} {
		if !strings.Contains(words, want) {
			t.Errorf("%q is missing in\n%s", want, words)
		}
	}
}

// TestDuties: the recipient's own register gives the strictest duties of what may have carried a share,
// and exactly those of an agreement that the sender cites.
func TestDuties(t *testing.T) {
	b := story(t)
	b.Agreements = nil
	for i, days := range []int{90, 30} {
		b.Agreements = append(b.Agreements, changedFrom(t, i, days))
	}
	h := &envelope.Header{Kind: "assessment.share", From: envelope.From{Agency: "NOR-CSC"}, To: envelope.To{Agency: "RO-DIR"}, Purpose: "PRT-ASSESS", Basis: &envelope.Basis{Art6: "A6-1-c"}}
	edu := []fairlead.SectionCode{"EDU"}
	days := func() int {
		if o := b.Duties(h, edu, 500); o != nil {
			return o.RetainDays
		}
		return 0
	}
	if got := days(); got != 30 {
		t.Errorf("keeps it %d days, want the strictest", got)
	}
	h.Agreement = &envelope.AgreementRef{ID: "B0", Version: 1}
	if got := days(); got != 90 {
		t.Errorf("keeps it %d days, want those of the agreement cited", got)
	}
	if h.Agreement = nil; b.Duties(h, []fairlead.SectionCode{"LEGAL"}, 500) != nil {
		t.Error("a section of no term obliges")
	}
	b.Agreements[1].ActiveBy = 500
	if got := days(); got != 90 {
		t.Errorf("an agreement that was signed later obliges: %d", got)
	}
	if h.Purpose = "LEGAL"; days() != 0 {
		t.Error("another purpose obliges")
	}
}

func changedFrom(t *testing.T, i, days int) *agreement.Standing {
	t.Helper()
	b := story(t)
	return changed(t, &b, func(s *agreement.Standing) {
		s.ID, s.ActiveBy = fmt.Sprint("B", i), int64(10+i)
		s.Terms[0].Oblige = &agreement.Oblige{RetainDays: days}
	})
}

// TestMatrixWords: the story's two directions, for a person.
func TestMatrixWords(t *testing.T) {
	b := story(t)
	b.Houses = []*agreement.House{{Version: 2, Owner: "RO-DIR", Terms: []agreement.Term{{ID: "no-edu", Text: "We take no school reports.", Prohibit: &agreement.Scope{To: []fairlead.AgencyID{"RO-DIR"}, Sections: []fairlead.SectionCode{"EDU"}}}}}}
	words := strings.Join(strings.Fields(b.MatrixOf("NOR-CSC", "RO-DIR").Words()), " ")
	for _, want := range []string{
		"NOR-CSC may send to RO-DIR", "A2/1#t2-outward sections ID-CORE", "for LIAISE: correction, disclosure.refusal, liaison.note", "but never EDU: term house:RO-DIR/2#no-edu prohibits it words We take no school reports.",
		"RO-DIR may send to NOR-CSC", "asks transfer IN-EU-ADEQ", "stand on no agreement and are not listed", "lawful basis, danger, consent and caveats",
	} {
		if !strings.Contains(words, want) {
			t.Errorf("%q is missing in\n%s", want, b.MatrixOf("NOR-CSC", "RO-DIR").Words())
		}
	}
	if words := b.MatrixOf("NOR-CSC", "HU-FAM").Words(); !strings.Contains(words, "nothing under an agreement in force") {
		t.Error(words)
	}
}
