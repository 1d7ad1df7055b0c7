package draft_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"fairlead/internal/client"
	"fairlead/internal/config"
	"fairlead/internal/consent"
	"fairlead/internal/draft"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
)

var (
	at     = time.Date(2027, 1, 11, 9, 20, 0, 500, time.UTC)
	handle = strings.Repeat("ab", 16)
	asked  = fairlead.NewShareID()
	before = fairlead.NewShareID()
	files  = fstest.MapFS{
		"school.json":      {Data: []byte(`{"school":"St Dunstan"}`)},
		"photo/face.jpeg":  {Data: []byte("\xff\xd8\xff")},
		"contents/text.md": {Data: []byte("# worried")},
		"broken.json":      {Data: []byte(`{"school":`)},
		"empty.json":       {Data: nil},
		"two.json":         {Data: []byte(`{} {}`)},
	}
	errNoShare = errors.New("no such step")
)

// find resolves the names that the tests use.
var find = draft.Resolver{
	Share: func(name string) (fairlead.ShareID, error) {
		switch name {
		case "S09":
			return asked, nil
		case "S08":
			return before, nil
		}
		return fairlead.ShareID{}, errNoShare
	},
	Handle: func(child string) (string, error) {
		if child != "kid-7" {
			return "", errors.New("another child")
		}
		return handle, nil
	},
}

// read makes a draft of YAML, as the command line and the stories do.
func read(text string) (*client.Draft, error) {
	var m draft.Message
	if err := config.Parse("message.yaml", []byte(text), &m); err != nil {
		return nil, err
	}
	return m.Draft(files, at, find)
}

const full = `
role: SAFEGUARDING_LEAD
user: lead-1
kind: alert.missing
status: Exercise
to: [RO-DIR, ALERT-EU]
named: duty-2
case: case-7
child: kid-7
reason: R-ART37
listed:
  - caveat: NO-ORIGIN-STATE
    states: [RO]
    agencies: [RO-CONS]
answers: S09
supersedes: S08
purpose: PRT-IMMEDIATE
threshold: TH4
basis:
  art6: A6-1-c
  annex1: RLI-6
  gateways: [CA1989-47, HAGUE96-36]
  cite: CA 1989 s47(9)
  lia: LIA-3
  changed_from: A6-1-a
s16la:
  considered: true
  applies: true
  detriment: none
told: unsafe
transfer: A46-IDTA
assessment:
  ref: TRA-12
  date: "2026-05-01"
danger: clear
tlp: RED
gsc: OFFICIAL-SENSITIVE
urgency: Immediate
severity: Severe
certainty: Likely
facts:
  missing_since: "2027-01-10T20:00:00Z"
sections:
  - code: EDU
    file: school.json
  - code: BIO-PHOTO
    file: photo/face.jpeg
    type: image/jpeg
    only: [RO-DIR]
    essential: true
    art9: A9-2-g
    sch1: SPI-18
    p18: WOULD_PREJUDICE
    art10: OFFICIAL
    consent: c-1
    override: SIG-HARM
    caveats: [NOT-EVIDENCE, ORCON]
    clear: [ORCON]
    court: ZC27F00001
    origin: S09
    permitted: S08
    siena: H2
    grade: 1AP
    eval: B2
    conditions: true
  - code: RISK
    file: contents/text.md
    type: text/markdown
`

// TestWhole: every field of the file stands in its place of the draft, and content as it is in its file.
func TestWhole(t *testing.T) {
	got, err := read(full)
	if err != nil {
		t.Fatal(err)
	}
	want := &client.Draft{
		Kind: "alert.missing", Status: "Exercise", Role: "SAFEGUARDING_LEAD", User: "lead-1", To: []string{"RO-DIR", "ALERT-EU"}, Named: "duty-2",
		Case: "case-7", Child: "kid-7", Reason: "R-ART37", Listed: []envelope.Listed{{Caveat: "NO-ORIGIN-STATE", States: []fairlead.Jurisdiction{"RO"}, Agencies: []fairlead.AgencyID{"RO-CONS"}}}, ReplyTo: asked, Supersedes: before, Purpose: "PRT-IMMEDIATE", Threshold: "TH4",
		Basis: &envelope.Basis{Art6: "A6-1-c", Annex1: "RLI-6", Gateways: []fairlead.Gateway{"CA1989-47", "HAGUE96-36"}, Cite: "CA 1989 s47(9)", LIA: "LIA-3", ChangedFrom: "A6-1-a"},
		S16LA: &envelope.S16LA{Considered: true, Applies: true, Detriment: "none"}, Told: "unsafe", Transfer: "A46-IDTA", Assessment: &envelope.Transfer{Ref: "TRA-12", Assessed: "2026-05-01"}, Danger: "clear",
		TLP: "RED", GSC: "OFFICIAL-SENSITIVE", Urgency: "Immediate", Severity: "Severe", Certainty: "Likely",
		Facts: map[string]string{"missing_since": "2027-01-10T20:00:00Z"},
		Sections: []client.DraftSection{
			{Code: "EDU", Type: "json", Content: files["school.json"].Data},
			{
				Code: "BIO-PHOTO", Type: "image/jpeg", Content: files["photo/face.jpeg"].Data, Only: []fairlead.AgencyID{"RO-DIR"}, Essential: true,
				Art9: "A9-2-g", Sch1: "SPI-18", P18: "WOULD_PREJUDICE", Art10: "OFFICIAL", Consent: "c-1", Override: "SIG-HARM",
				Caveats: []fairlead.Caveat{"NOT-EVIDENCE", "ORCON"}, Siena: "H2", Grade: "1AP", Eval: "B2", Conditions: true,
				Clear: []fairlead.Caveat{"ORCON"}, Court: "ZC27F00001", Origin: asked, Permitted: before,
			},
			{Code: "RISK", Type: "text/markdown", Content: files["contents/text.md"].Data},
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// TestNothingForgotten: a field that a draft has and a file cannot say is one that somebody forgot.
func TestNothingForgotten(t *testing.T) {
	d, err := read(full)
	if err != nil {
		t.Fatal(err)
	}
	later := map[string]bool{"Hours": true, "Record": true} // always the default; made of the consent
	for _, v := range []reflect.Value{reflect.ValueOf(*d), reflect.ValueOf(d.Sections[1]), reflect.ValueOf(*d.Basis), reflect.ValueOf(*d.S16LA)} {
		for i := range v.NumField() {
			if name := v.Type().Field(i).Name; v.Field(i).IsZero() && !later[name] {
				t.Errorf("%s.%s cannot be said in a file", v.Type(), name)
			}
		}
	}
}

// TestConsent: the clear record names the child by its handle and never by its local reference.
func TestConsent(t *testing.T) {
	d, err := read(`
kind: consent.record
role: PRACTITIONER
user: sw-1
to: [HUB]
child: kid-7
consent:
  id: c-1
  giver: CHILD_16
  assessor: lead-1
  withhold: R-DETRIMENT
  supersedes: c-0
  items:
    - status: given
      sections: [EDU]
      purposes: [PRT-ASSESS]
      recipients: [RO-DIR]
      types: [POLICE]
      jurisdictions: [RO]
      until: "2027-06-30T00:00:00Z"
    - status: refused
`)
	if err != nil {
		t.Fatal(err)
	}
	var got consent.Record
	if err := json.Unmarshal(d.Record, &got); err != nil {
		t.Fatal(err)
	}
	want := consent.Record{
		ID: "c-1", Subject: handle, Giver: "CHILD_16", Assessor: "lead-1", At: fairlead.At(at), Withhold: "R-DETRIMENT", Supersedes: "c-0",
		Items: []consent.Item{
			{
				Status: "given", Sections: []fairlead.SectionCode{"EDU"}, Purposes: []fairlead.Purpose{"PRT-ASSESS"}, Recipients: []fairlead.AgencyID{"RO-DIR"},
				Types: []fairlead.AgencyType{"POLICE"}, Jurisdictions: []fairlead.Jurisdiction{"RO"}, Until: fairlead.At(time.Date(2027, 6, 30, 0, 0, 0, 0, time.UTC)),
			},
			{Status: "refused"},
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if strings.Contains(string(d.Record), "kid-7") {
		t.Errorf("the record names the child: %s", d.Record)
	}
}

// TestRefused: a mistake is named, with the file and where it is; content is never told.
func TestRefused(t *testing.T) {
	section := func(lines string) string { return "kind: alert.missing\nto: [RO-DIR]\nsections:\n  - " + lines + "\n" }
	for name, test := range map[string]struct {
		text string
		says []string
	}{
		"an unknown key":              {"kind: ack\nurgent: true\n", []string{"message.yaml", "line 2", "unknown key urgent"}},
		"an unknown key of a section": {section("code: EDU\n    file: school.json\n    secret: yes"), []string{"line 6", "unknown key secret"}},
		"an unknown key of the basis": {"basis:\n  art9: A9-2-g\n", []string{"line 2", "unknown key art9"}},
		"an unknown key of s16la":     {"s16la:\n  detrimental: none\n", []string{"line 2", "unknown key detrimental"}},
		"content in the message":      {section("code: EDU\n    content: x"), []string{"unknown key content"}},
		"a key twice":                 {"kind: ack\nkind: ack\n", []string{"message.yaml", "line 2"}},
		"an anchor":                   {"to: &all [RO-DIR]\n", []string{"anchors"}},
		"two messages":                {"kind: ack\n---\nkind: ack\n", []string{"more than one document"}},
		"not JSON":                    {section("code: EDU\n    file: broken.json"), []string{"section EDU", "broken.json is not JSON"}},
		"JSON by name only":           {section("code: EDU\n    file: contents/text.md"), []string{"section EDU", "contents/text.md is not JSON"}},
		"an empty file":               {section("code: EDU\n    file: empty.json"), []string{"section EDU", "empty.json is not JSON"}},
		"more than one value":         {section("code: EDU\n    file: two.json"), []string{"section EDU", "two.json is not JSON"}},
		"a file that is not there":    {section("code: EDU\n    file: nowhere.json"), []string{"section EDU", "nowhere.json"}},
		"a file outside the folder":   {section("code: EDU\n    file: ../school.json"), []string{"section EDU", "../school.json"}},
		"a folder":                    {section("code: EDU\n    file: photo"), []string{"section EDU", "photo"}},
		"no file":                     {section("code: EDU"), []string{"section EDU", "file"}},
		"an answer to nothing":        {"answers: S99\n", []string{"answers", "no such step"}},
		"in the place of nothing":     {"supersedes: S99\n", []string{"supersedes", "no such step"}},
		"a consent without its child": {"consent:\n  id: c-1\n", []string{"consent", "child"}},
		"a consent of another child":  {"child: kid-8\nconsent:\n  id: c-1\n", []string{"another child"}},
		"an instant that is none":     {"child: kid-7\nconsent:\n  items:\n    - until: tomorrow\n", []string{"message.yaml", "tomorrow"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := read(test.text)
			if err == nil {
				t.Fatal("accepted")
			}
			for _, words := range test.says {
				if !strings.Contains(err.Error(), words) {
					t.Errorf("%q does not say %q", err, words)
				}
			}
			if strings.Contains(err.Error(), "worried") || strings.Contains(err.Error(), `{"school"`) {
				t.Errorf("%q tells content", err)
			}
		})
	}
}

// FuzzMessage: no file makes it panic, and what it accepts has the content of its files and no other.
func FuzzMessage(f *testing.F) {
	f.Add([]byte(full))
	f.Add([]byte("kind: ack\nto: [HUB]\n"))
	f.Add([]byte("sections: [{code: EDU, file: school.json}]\n"))
	f.Add([]byte("child: kid-7\nconsent: {items: [{until: \"2027-06-30T00:00:00Z\"}]}\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := read(string(text))
		if err != nil {
			return
		}
		for _, s := range d.Sections {
			if s.Type == "json" && !json.Valid(s.Content) {
				t.Errorf("section %s of type json is not", s.Code)
			}
		}
	})
}
