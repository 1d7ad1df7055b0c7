package consent_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"fairlead/internal/consent"
	"fairlead/internal/fairlead"
)

const subject = "0123456789abcdef0123456789abcdef"

var asked = time.Date(2027, 1, 18, 9, 0, 0, 0, time.UTC)

// record is the clear record of S20, shortened: HEALTH-PHYS may go to Romania, HEALTH-SEX may not.
func record() consent.Record {
	return consent.Record{
		ID: "c-1", Subject: subject, Giver: "CHILD_GILLICK", Assessor: "sw-1", At: fairlead.At(asked),
		Items: []consent.Item{
			{Status: "given", Sections: []fairlead.SectionCode{"HEALTH-PHYS"}, Jurisdictions: []fairlead.Jurisdiction{"RO"}, Until: fairlead.At(time.Date(2027, 7, 31, 22, 59, 59, 0, time.UTC))},
			{Status: "refused", Sections: []fairlead.SectionCode{"HEALTH-SEX"}, Jurisdictions: []fairlead.Jurisdiction{"RO"}},
		},
		Withhold: "fear",
	}
}

func TestRoundTrip(t *testing.T) {
	want := record()
	raw, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := consent.Parse(raw)
	if err != nil || !reflect.DeepEqual(*got, want) {
		t.Errorf("comes back as %+v: %v", got, err)
	}
	for _, bad := range []string{``, `null`, `{}`, string(raw) + ` 1`, strings.Replace(string(raw), `"giver"`, `"Giver"`, 1), strings.Replace(string(raw), `{"id"`, `{"name":"Jane","id"`, 1)} {
		if _, err := consent.Parse([]byte(bad)); !errors.Is(err, consent.ErrInvalid) {
			t.Errorf("%.50q: %v", bad, err)
		}
	}
}

// TestGivers is "who can give it" (domain notes §9): the adult who travels with a child and the
// guardian service cannot; a competent child under 16 needs somebody who judged that.
func TestGivers(t *testing.T) {
	cannot := map[fairlead.Giver]string{"ICTG": "ICTG", "ACCOMPANYING_ADULT": "ACCOMPANYING_ADULT"}
	for _, giver := range fairlead.Givers {
		r := record()
		r.Giver = giver
		err := r.Check()
		if says := cannot[giver]; says != "" {
			if !errors.Is(err, consent.ErrGiver) || !strings.Contains(err.Error(), says) {
				t.Errorf("%s: %v", giver, err)
			}
		} else if err != nil {
			t.Errorf("%s: %v", giver, err)
		}
	}
	r := record()
	r.Assessor = ""
	if err := r.Check(); !errors.Is(err, consent.ErrGiver) || !strings.Contains(err.Error(), "assessor") {
		t.Errorf("competent by nobody's judgement: %v", err)
	}
	r = record()
	r.Giver = "NEIGHBOUR"
	if err := r.Check(); !errors.Is(err, consent.ErrInvalid) || errors.Is(err, consent.ErrGiver) {
		t.Errorf("a giver outside the list: %v", err)
	}
}

func TestFaults(t *testing.T) {
	for name, test := range map[string]struct {
		change func(r *consent.Record)
		says   string
	}{
		"no id":                  {func(r *consent.Record) { r.ID = "" }, "id: "},
		"an id that is text":     {func(r *consent.Record) { r.ID = "what she said" }, "id: "},
		"a subject with a name":  {func(r *consent.Record) { r.Subject = "Jane Doe" }, "subject: "},
		"no time":                {func(r *consent.Record) { r.At = fairlead.Time{} }, "at and 1 to 32 items"},
		"no items":               {func(r *consent.Record) { r.Items = nil }, "at and 1 to 32 items"},
		"33 items":               {func(r *consent.Record) { r.Items = make([]consent.Item, 33) }, "at and 1 to 32 items"},
		"a reason in words":      {func(r *consent.Record) { r.Withhold = "her uncle" }, "withhold: "},
		"supersedes malformed":   {func(r *consent.Record) { r.Supersedes = "the old one" }, "supersedes: "},
		"no status":              {func(r *consent.Record) { r.Items[0].Status = "" }, "item 1: status"},
		"status unknown":         {func(r *consent.Record) { r.Items[1].Status = "maybe" }, "item 2: status"},
		"section unknown":        {func(r *consent.Record) { r.Items[0].Sections[0] = "BODY" }, "item 1: sections"},
		"purpose unknown":        {func(r *consent.Record) { r.Items[0].Purposes = []fairlead.Purpose{"ANY"} }, "item 1: purposes"},
		"recipient malformed":    {func(r *consent.Record) { r.Items[0].Recipients = []fairlead.AgencyID{"the doctor"} }, "item 1: agency"},
		"type unknown":           {func(r *consent.Record) { r.Items[0].Types = []fairlead.AgencyType{"DOCTOR"} }, "item 1: types"},
		"jurisdiction malformed": {func(r *consent.Record) { r.Items[0].Jurisdictions[0] = "RO-OT" }, "item 1: jurisdiction"},
		"65 recipients":          {func(r *consent.Record) { r.Items[0].Recipients = make([]fairlead.AgencyID, 65) }, "no list may have more than 64"},
	} {
		t.Run(name, func(t *testing.T) {
			r := record()
			test.change(&r)
			if err := r.Check(); !errors.Is(err, consent.ErrInvalid) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, want %q", err, test.says)
			}
		})
	}
}

// item makes an item from "status [field=value …]", the way the tables below write it.
func item(text string) (i consent.Item) {
	words := strings.Fields(text)
	i.Status = fairlead.ConsentStatus(words[0])
	for _, w := range words[1:] {
		name, value, _ := strings.Cut(w, "=")
		switch name {
		case "section":
			i.Sections = append(i.Sections, fairlead.SectionCode(value))
		case "purpose":
			i.Purposes = append(i.Purposes, fairlead.Purpose(value))
		case "to":
			i.Recipients = append(i.Recipients, fairlead.AgencyID(value))
		case "type":
			i.Types = append(i.Types, fairlead.AgencyType(value))
		case "in":
			i.Jurisdictions = append(i.Jurisdictions, fairlead.Jurisdiction(value))
		case "until":
			if err := i.Until.UnmarshalText([]byte(value)); err != nil {
				panic(err)
			}
		default:
			panic(w)
		}
	}
	return i
}

// held makes a record for each text, a day apart; items of one record are parted by ';'.
func held(texts ...string) (list []consent.Held) {
	for i, text := range texts {
		r := consent.Record{ID: fmt.Sprint("c-", i), Subject: subject, Giver: "CHILD_16", At: fairlead.At(asked.AddDate(0, 0, i))}
		for one := range strings.SplitSeq(text, ";") {
			r.Items = append(r.Items, item(one))
		}
		list = append(list, consent.Held{Record: r, Agency: "NOR-CSC", Entry: int64(100 + i)})
	}
	return list
}

var toRomania = consent.Use{Section: "HEALTH-PHYS", Purpose: "PRT-ASSESS", Recipient: "RO-DIR", Type: "STATUTORY_OVERSEAS", Jurisdiction: "RO"}

// TestEvaluate: what the records of one child say of HEALTH-PHYS to RO-DIR for PRT-ASSESS on 1 February.
func TestEvaluate(t *testing.T) {
	for name, test := range map[string]struct {
		records []string
		want    consent.State
		by      int // which record decided
	}{
		"nothing":                            {nil, consent.None, -1},
		"of another section":                 {[]string{"given section=EDU"}, consent.None, -1},
		"a refusal of another section":       {[]string{"refused section=EDU"}, consent.None, -1},
		"given for anything":                 {[]string{"given"}, consent.Given, 0},
		"renewed":                            {[]string{"renewed section=HEALTH-PHYS"}, consent.Given, 0},
		"given in every scope":               {[]string{"given section=HEALTH-PHYS purpose=PRT-ASSESS to=RO-DIR type=STATUTORY_OVERSEAS in=RO"}, consent.Given, 0},
		"given to another agency":            {[]string{"given to=RO-CCA"}, consent.OutOfScope, 0},
		"given for another purpose":          {[]string{"given purpose=LEGAL"}, consent.OutOfScope, 0},
		"given to another type":              {[]string{"given type=HEALTH"}, consent.OutOfScope, 0},
		"given to another State":             {[]string{"given in=HU"}, consent.OutOfScope, 0},
		"refused":                            {[]string{"refused"}, consent.Refused, 0},
		"withdrawn":                          {[]string{"given", "withdrawn section=HEALTH-PHYS"}, consent.Refused, 1},
		"refused to another agency":          {[]string{"refused to=RO-CCA"}, consent.None, -1},
		"given, refused to another":          {[]string{"given", "refused to=RO-CCA"}, consent.Given, 0},
		"refused, then given":                {[]string{"refused", "given"}, consent.Given, 1},
		"refused, then given elsewhere":      {[]string{"refused", "given to=RO-CCA"}, consent.Refused, 0},
		"refused, then given for a while":    {[]string{"refused", "given until=2027-01-31T00:00:00Z"}, consent.Expired, 1},
		"refused, then asked again":          {[]string{"refused", "requested"}, consent.Refused, 0},
		"refused, then put off":              {[]string{"refused", "deferred"}, consent.Refused, 0},
		"refused, then said not to be asked": {[]string{"refused", "not_required"}, consent.Refused, 0},
		"refused, and that was invalid":      {[]string{"refused", "invalidated"}, consent.Refused, 0},
		"given, then invalidated":            {[]string{"given", "invalidated"}, consent.Invalid, 1},
		"given, then invalidated elsewhere":  {[]string{"given", "invalidated to=RO-CCA"}, consent.Given, 0},
		"given, then revoked":                {[]string{"given", "revoked"}, consent.Invalid, 1},
		"given, then said to be expired":     {[]string{"given", "expired"}, consent.Invalid, 1},
		"asked and unknown":                  {[]string{"unknown"}, consent.Invalid, 0},
		"unsafe to ask":                      {[]string{"not_sought_unsafe"}, consent.Invalid, 0},
		"given, then narrowed":               {[]string{"given", "given to=RO-CCA"}, consent.Given, 0},
		"elsewhere, then given":              {[]string{"given to=RO-CCA", "given"}, consent.Given, 1},
		"both in one record":                 {[]string{"given;refused"}, consent.Refused, 0},
		"both in one record, turned":         {[]string{"refused;given"}, consent.Refused, 0},
		"all but one agency":                 {[]string{"given in=RO;refused to=RO-DIR"}, consent.Refused, 0},
		"given long and short":               {[]string{"given until=2027-01-31T00:00:00Z;given until=2027-12-31T00:00:00Z"}, consent.Given, 0},
		"given and invalid in one":           {[]string{"given;invalidated"}, consent.Invalid, 0},
	} {
		t.Run(name, func(t *testing.T) {
			at := time.Date(2027, 2, 1, 12, 0, 0, 0, time.UTC)
			got, by := consent.Evaluate(held(test.records...), toRomania, at)
			if got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
			if test.by >= 0 && (len(by) != 1 || by[0].Entry != int64(100+test.by)) || test.by < 0 && by != nil {
				t.Errorf("decided by %+v, want record %d", by, test.by)
			}
		})
	}
}

// TestScopeOfPlaces: a State covers its nations, a nation covers itself alone.
func TestScopeOfPlaces(t *testing.T) {
	for _, test := range []struct {
		in   string
		to   fairlead.Jurisdiction
		want consent.State
	}{
		{"given in=GB", "GB", consent.Given},
		{"given in=GB", "GB-ENG", consent.Given},
		{"given in=GB", "GB-SCT", consent.Given},
		{"given in=GB-ENG", "GB-ENG", consent.Given},
		{"given in=GB-ENG", "GB-SCT", consent.OutOfScope},
		{"given in=GB-ENG", "GB", consent.OutOfScope},
		{"given in=GB", "RO", consent.OutOfScope},
		{"given in=GB in=RO", "RO", consent.Given},
		{"given", "HU", consent.Given},
		{"refused in=GB", "GB-WLS", consent.Refused},
		{"refused in=GB-WLS", "GB-ENG", consent.None},
	} {
		use := toRomania
		use.Jurisdiction = test.to
		if got, _ := consent.Evaluate(held(test.in), use, asked); got != test.want {
			t.Errorf("%s, to a body in %s: %s, want %s", test.in, test.to, got, test.want)
		}
	}
}

// TestTime: a consent ends at its own instant, or six months after it was given; a refusal does not end.
func TestTime(t *testing.T) {
	for _, test := range []struct {
		text, at string
		want     consent.State
	}{
		{"given until=2027-03-01T10:00:00Z", "2027-03-01T09:59:59Z", consent.Given},
		{"given until=2027-03-01T10:00:00Z", "2027-03-01T10:00:00Z", consent.Expired},
		{"given", "2027-07-18T08:59:59Z", consent.Given},
		{"given", "2027-07-18T09:00:00Z", consent.Expired},
		{"given until=2028-03-01T10:00:00Z", "2027-07-18T09:00:00Z", consent.Given},
		{"renewed", "2027-07-18T09:00:00Z", consent.Expired},
		{"refused", "2030-01-01T00:00:00Z", consent.Refused},
		{"refused until=2027-03-01T10:00:00Z", "2027-03-02T00:00:00Z", consent.Refused},
		{"withdrawn", "2030-01-01T00:00:00Z", consent.Refused},
		{"invalidated", "2030-01-01T00:00:00Z", consent.Invalid},
	} {
		at, err := time.Parse(time.RFC3339, test.at)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := consent.Evaluate(held(test.text), toRomania, at); got != test.want {
			t.Errorf("%s, at %s: %s, want %s", test.text, test.at, got, test.want)
		}
	}
}

// TestProperties, of random records: the order of items does not matter; a record that says nothing
// of a use changes nothing; a later refusal in scope always refuses, a later consent in scope gives.
func TestProperties(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	text := func() string {
		return pick("given", "renewed", "refused", "withdrawn", "invalidated", "requested", "unknown") +
			pick("", " section=HEALTH-PHYS", " section=EDU") + pick("", " to=RO-DIR", " to=RO-CCA") + pick("", " in=RO", " in=GB") + pick("", " until=2027-01-20T00:00:00Z")
	}
	at := time.Date(2027, 2, 1, 0, 0, 0, 0, time.UTC)
	for range 3000 {
		var texts []string
		for range r.IntN(4) {
			texts = append(texts, text()+";"+text()+";"+text())
		}
		records := held(texts...)
		want, _ := consent.Evaluate(records, toRomania, at)
		for i := range records {
			slices.Reverse(records[i].Items)
		}
		if got, _ := consent.Evaluate(records, toRomania, at); got != want {
			t.Fatalf("%q: %s, with items turned %s", texts, want, got)
		}
		for more, state := range map[string]consent.State{"refused in=RO": consent.Refused, "withdrawn": consent.Refused, "given": consent.Given, "given section=EDU": want, "refused to=RO-CCA": want} {
			if got, _ := consent.Evaluate(held(append(slices.Clone(texts), more)...), toRomania, at); got != state {
				t.Fatalf("%q, then %s: %s, want %s", texts, more, got, state)
			}
		}
	}
}

// TestWeakest: of several children the one that permits least counts, and one that was not asked is None.
func TestWeakest(t *testing.T) {
	for _, test := range []struct {
		of   string // what the child of each letter said
		want consent.State
	}{
		{"", consent.None},
		{"a:given", consent.Given},
		{"a:given b:given", consent.Given},
		{"a:given b:refused", consent.Refused},
		{"a:refused b:given", consent.Refused},
		{"a:given b:", consent.None},
		{"a: b:given", consent.None},
		{"a:invalidated b:given", consent.Invalid},
		{"a:invalidated b:refused", consent.Refused},
	} {
		var records []consent.Held
		var subjects []string
		for one := range strings.FieldsSeq(test.of) {
			child, status, _ := strings.Cut(one, ":")
			subjects = append(subjects, child)
			if status != "" {
				h := held(status)[0]
				h.Subject = child
				records = append(records, h)
			}
		}
		for range 2 {
			if got := consent.Weakest(records, subjects, toRomania, asked); got != test.want {
				t.Errorf("%s: %s, want %s", test.of, got, test.want)
			}
			slices.Reverse(records)
			slices.Reverse(subjects)
		}
		if got := consent.Weakest(append(records, held("refused")...), subjects, toRomania, asked); got != test.want {
			t.Errorf("%s: the record of a child that the share is not about counts", test.of)
		}
	}
}

// FuzzParse: what is accepted has a valid giver and is accepted again when it is written anew.
func FuzzParse(f *testing.F) {
	raw, err := json.Marshal(record())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add([]byte(`{"id":"c","subject":"` + subject + `","giver":"ICTG","at":"2027-01-18T09:00:00Z","items":[{"status":"given"}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := consent.Parse(b)
		if err != nil {
			if !errors.Is(err, consent.ErrInvalid) && !errors.Is(err, consent.ErrGiver) {
				t.Fatal(err)
			}
			return
		}
		again, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := consent.Parse(again); err != nil || r.Giver == "ICTG" || r.Giver == "ACCOMPANYING_ADULT" {
			t.Fatalf("%q: %v", b, err)
		}
		consent.Evaluate([]consent.Held{{Record: *r}}, toRomania, asked)
	})
}

// TestUntil: an end of its own lies on the last day of a month.
func TestUntil(t *testing.T) {
	for text, ok := range map[string]bool{
		"2027-07-31T22:59:59Z": true, "2027-07-31T00:00:00Z": true, "2028-02-29T12:00:00Z": true, "2027-02-28T23:59:59Z": true,
		"2027-07-30T23:59:59Z": false, "2027-08-01T00:00:00Z": false, "2028-02-28T12:00:00Z": false, "2027-03-14T00:00:00Z": false,
	} {
		r := record()
		if err := r.Items[0].Until.UnmarshalText([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if err := r.Check(); (err == nil) != ok {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestNations: whose word counts depends on the nation that records it (domain notes §9).
func TestNations(t *testing.T) {
	for _, c := range []struct {
		giver fairlead.Giver
		in    string
	}{
		{"CHILD_16", "GB GB-ENG GB-WLS GB-NIR"},
		{"CHILD_SCT_12", "GB-SCT"},
		{"CHILD_GILLICK", "GB GB-ENG GB-WLS GB-NIR GB-SCT RO"},
		{"PARENT_PR", "GB GB-ENG GB-WLS GB-NIR GB-SCT RO"},
	} {
		for _, j := range []fairlead.Jurisdiction{"GB", "GB-ENG", "GB-WLS", "GB-NIR", "GB-SCT", "RO"} {
			r := record()
			r.Giver = c.giver
			if err := r.CheckNation(j); (err == nil) != slices.Contains(strings.Fields(c.in), string(j)) || err != nil && !errors.Is(err, consent.ErrGiver) {
				t.Errorf("%s in %s: %v", c.giver, j, err)
			}
		}
	}
}

// TestVoices: a child's yes to somebody else, or one that has lapsed, does not silence a later no of a parent.
func TestVoices(t *testing.T) {
	use := consent.Use{Section: "EDU", Purpose: "SUPPORT", Recipient: "RO-DIR", Type: "STATUTORY_OVERSEAS", Jurisdiction: "RO"}
	say := func(giver fairlead.Giver, at time.Time, i consent.Item) consent.Held {
		return consent.Held{Record: consent.Record{Subject: subject, Giver: giver, At: fairlead.At(at), Items: []consent.Item{i}}}
	}
	yes, no := consent.Item{Status: "given"}, consent.Item{Status: "refused"}
	elsewhere := consent.Item{Status: "given", Recipients: []fairlead.AgencyID{"RO-CCA"}}
	for name, c := range map[string]struct {
		records []consent.Held
		want    consent.State
	}{
		"a child's yes elsewhere, a parent's no": {[]consent.Held{say("CHILD_16", asked, elsewhere), say("PARENT_PR", asked, no)}, consent.Refused},
		"a child's old yes, a parent's no":       {[]consent.Held{say("CHILD_16", asked.AddDate(-1, 0, 0), yes), say("PARENT_PR", asked, no)}, consent.Refused},
		"a child's yes, a parent's no":           {[]consent.Held{say("CHILD_16", asked, yes), say("PARENT_PR", asked, no)}, consent.Given},
		"a child's no, a parent's yes":           {[]consent.Held{say("CHILD_16", asked, no), say("PARENT_PR", asked, yes)}, consent.Refused},
		"a child's yes elsewhere, a parent's":    {[]consent.Held{say("CHILD_16", asked, elsewhere), say("PARENT_PR", asked, yes)}, consent.Given},
	} {
		if got, _ := consent.Evaluate(c.records, use, asked.AddDate(0, 0, 1)); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}
