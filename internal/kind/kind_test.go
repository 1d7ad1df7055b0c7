package kind_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"fairlead/internal/fairlead"
	"fairlead/internal/kind"
)

// TestTable holds the table against the kinds of schemas/codelists.json, in both directions; approval,
// staff.record, onward.permission, agency.certificate, agency.rules and log.alarm are our own.
func TestTable(t *testing.T) {
	raw, err := os.ReadFile("../../schemas/codelists.json")
	if err != nil {
		t.Fatal(err)
	}
	var data struct {
		Kind struct{ Rows [][]string }
	}
	if err := json.Unmarshal(raw, &data); err != nil {
		t.Fatal(err)
	}
	planes := map[string]kind.Plane{
		"approval": kind.Control, "staff.record": kind.Control, "onward.permission": kind.Control, "agency.certificate": kind.Control, "agency.rules": kind.Control, "log.alarm": kind.Control,
	}
	for _, row := range data.Kind.Rows {
		planes[row[0]] = kind.Plane(row[1])
	}
	for code, plane := range planes {
		if k, ok := kind.Lookup(code); !ok || k.Code != code || k.Plane != plane {
			t.Errorf("%s: in the table %v with plane %q, want plane %q", code, ok, k.Plane, plane)
		}
	}
	seen := map[string]bool{}
	for _, k := range kind.All() {
		if planes[k.Code] == "" || seen[k.Code] {
			t.Errorf("%s: not in the data file, or twice in the table", k.Code)
		}
		seen[k.Code] = true
	}
	if _, ok := kind.Lookup("no.such"); ok {
		t.Error("a kind that is not there was found")
	}
}

// TestVocabulary: what the table says is in the code lists.
func TestVocabulary(t *testing.T) {
	for _, k := range kind.All() {
		for _, s := range k.Senders {
			if err := fairlead.CheckCode("sender", s, fairlead.AgencyTypes); err != nil {
				t.Errorf("%s: %v", k.Code, err)
			}
		}
		for _, r := range k.Roles {
			if err := fairlead.CheckCode("role", r, fairlead.Roles); err != nil {
				t.Errorf("%s: %v", k.Code, err)
			}
		}
		for _, p := range k.Purposes {
			if err := fairlead.CheckCode("purpose", p, fairlead.Purposes); err != nil {
				t.Errorf("%s: %v", k.Code, err)
			}
		}
		if k.Plane == kind.Case && k.Built && len(k.Purposes) == 0 {
			t.Errorf("%s: a case kind is sent for a purpose", k.Code)
		}
		if k.Record && k.Plane != kind.Control && k.Plane != kind.Staff {
			t.Errorf("%s: only control kinds and those on staff carry a clear record", k.Code)
		}
	}
}

// TestOriginal: a correction and a refusal are sent for the purpose of what they follow (domain notes §6, "as
// original"), so each is for whatever a message about a child may be for.
func TestOriginal(t *testing.T) {
	for _, code := range []string{"correction", "disclosure.refusal"} {
		k, _ := kind.Lookup(code)
		for _, original := range kind.All() {
			for _, p := range original.Purposes {
				if original.Child && !slices.Contains(k.Purposes, p) {
					t.Errorf("%s of %s cannot be sent for its purpose %s", code, original.Code, p)
				}
			}
		}
		for _, p := range []fairlead.Purpose{"TRAINING", "STATISTICS", "AUDIT", "ADVICE"} {
			if slices.Contains(k.Purposes, p) {
				t.Errorf("%s is for %s", code, p)
			}
		}
	}
}

// TestAcks: the levels of an ack are those of the vocabulary.
func TestAcks(t *testing.T) {
	k, _ := kind.Lookup("ack")
	for _, level := range fairlead.AckLevels {
		if err := k.Facts["level"].Check(string(level)); err != nil {
			t.Errorf("%s: %v", level, err)
		}
	}
	if len(k.Facts["level"].Values) != len(fairlead.AckLevels) {
		t.Error("the table has other levels than the vocabulary")
	}
}

// TestRefusals: why a disclosure is refused is told in codes of the vocabulary, but never the two that
// would disclose what they protect (domain notes §9): those are sent as R-NO-BASIS.
func TestRefusals(t *testing.T) {
	raw, err := os.ReadFile("../../schemas/codelists.json")
	if err != nil {
		t.Fatal(err)
	}
	var data struct {
		Reasons struct{ Rows [][]string } `json:"refusal_reason"`
	}
	if err := json.Unmarshal(raw, &data); err != nil || len(data.Reasons.Rows) == 0 {
		t.Fatal("no refusal reasons", err)
	}
	k, _ := kind.Lookup("disclosure.refusal")
	for _, row := range data.Reasons.Rows {
		secret := row[0] == "R-ART37" || row[0] == "R-ASYLUM"
		if clear := k.Facts["reason"].Check(row[0]) == nil; clear == secret {
			t.Errorf("%s in the clear: %v", row[0], clear)
		}
	}
}

// source is what the packages that read facts declare and name.
type source struct{ funcs, texts []string }

func read(t *testing.T, pkg string) (s source) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", pkg, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				s.funcs = append(s.funcs, n.Name.Name)
			case *ast.BasicLit:
				if text, err := strconv.Unquote(n.Value); err == nil {
					s.texts = append(s.texts, text)
				}
			}
			return true
		})
	}
	return s
}

// TestReaders: a fact stands in the clear only because a rule reads it. The rule is named, as
// "package.function" and, where one function has many, the code of the clock; both must exist.
func TestReaders(t *testing.T) {
	sources := map[string]source{"policy": read(t, "policy"), "registry": read(t, "registry")}
	for _, k := range kind.All() {
		for name, f := range k.Facts {
			where, code, _ := strings.Cut(f.Reader, " ")
			pkg, function, _ := strings.Cut(where, ".")
			s, ok := sources[pkg]
			switch {
			case !ok || !slices.Contains(s.funcs, function):
				t.Errorf("%s facts.%s: its reader %q does not exist", k.Code, name, f.Reader)
			case code != "" && !slices.Contains(s.texts, code):
				t.Errorf("%s facts.%s: package %s knows no %q", k.Code, name, pkg, code)
			case code == "" && function != "checkKind" && !slices.Contains(s.texts, name):
				t.Errorf("%s facts.%s: package %s never names it", k.Code, name, pkg)
			}
			if f.Form == kind.Code && len(f.Values) == 0 {
				t.Errorf("%s facts.%s: a code without its list could be any text", k.Code, name)
			}
		}
	}
}

func TestCheckFacts(t *testing.T) {
	for name, test := range map[string]struct {
		kind  string
		facts map[string]string
		says  string // "" for accepted
	}{
		"required fact given":    {"alert.missing", map[string]string{"missing_since": "2027-02-03T20:00:00Z"}, ""},
		"required fact missing":  {"alert.missing", nil, "facts.missing_since: alert.missing needs it"},
		"optional fact missing":  {"alert.arrival", nil, ""},
		"no facts, none given":   {"alert.at_risk", nil, ""},
		"fact of another kind":   {"alert.at_risk", map[string]string{"missing_since": "2027-02-03T20:00:00Z"}, "alert.at_risk has no such fact in the clear"},
		"fact of nobody":         {"referral.new", map[string]string{"child": "Jane"}, "referral.new has no such fact in the clear; put it into a section"},
		"code outside its list":  {"alert.cancel", map[string]string{"outcome": "found"}, "facts.outcome: want a code"},
		"date where an instant":  {"alert.missing", map[string]string{"missing_since": "2027-02-03"}, "facts.missing_since: want a instant"},
		"bool in capitals":       {"info.request", map[string]string{"social_inquiry": "True"}, "facts.social_inquiry: want a bool"},
		"three of three":         {"info.request", map[string]string{"social_inquiry": "true", "urgency": "urgent", "hague_article": "34"}, ""},
		"first by name is named": {"info.request", map[string]string{"z": "1", "b": "1", "a": "1"}, "facts.a: "},
	} {
		t.Run(name, func(t *testing.T) {
			k, ok := kind.Lookup(test.kind)
			if !ok {
				t.Fatal("no such kind")
			}
			for range 20 { // the fault told does not depend on the order of a map
				err := k.CheckFacts(test.facts)
				if (err == nil) != (test.says == "") || err != nil && !strings.Contains(err.Error(), test.says) {
					t.Fatalf("got %v, want %q", err, test.says)
				}
			}
		})
	}
}

func TestForms(t *testing.T) {
	for form, values := range map[kind.Form]struct{ good, bad []string }{
		kind.Bool:  {[]string{"true", "false"}, []string{"", "yes", "TRUE", "1"}},
		kind.Count: {[]string{"0", "7", "999"}, []string{"", "-1", "1000", "+5", "007", "-0", "1.5", "1e2", "many"}},
		kind.Date:  {[]string{"2027-02-28", "2028-02-29"}, []string{"", "2027-02-29", "28.2.2027", "2027-2-3", "2027-02-28T00:00:00Z"}},
		kind.Stamp: {[]string{"2027-02-03T22:40:00Z"}, []string{"", "2027-02-03", "2027-02-03T22:40:00+02:00", "2027-02-03T22:40:00.5Z", "2027-02-03T24:40:00Z"}},
		kind.Code:  {[]string{"a", "found_safe", "31c", "R-NO-BASIS"}, []string{"", "two words", "naïve", strings.Repeat("x", 41), "a\n"}},
		"text":     {nil, []string{"", "a", "true", "1"}},
	} {
		f := kind.Fact{Form: form}
		for _, v := range values.good {
			if err := f.Check(v); err != nil {
				t.Errorf("%s %q: %v", form, v, err)
			}
		}
		for _, v := range values.bad {
			if f.Check(v) == nil {
				t.Errorf("%s %q: accepted", form, v)
			}
		}
	}
	f := kind.Fact{Form: kind.Code, Values: []string{"31c", "32"}}
	if f.Check("32") != nil || f.Check("34") == nil {
		t.Error("the list of values is not kept")
	}
}

func TestMay(t *testing.T) {
	for _, test := range []struct {
		kind string
		by   fairlead.AgencyType
		role fairlead.Role
		send bool
		act  bool
	}{
		{"alert.missing", fairlead.TypeLA, "PRACTITIONER", true, true},
		{"alert.missing", fairlead.TypeNGOUK, "AUDITOR", false, false},
		{"alert.at_risk", fairlead.TypeNGOUK, "ADVISER", true, true},
		{"alert.arrival", fairlead.TypeBorder, "SAFEGUARDING_LEAD", true, true},
		{"liaison.note", fairlead.TypeConsulate, "DPO", true, false}, // nil senders: anybody; nil roles: case workers
		{"agreement.signature", fairlead.TypeHealth, "AGREEMENT_SIGNATORY", true, true},
		{"agreement.signature", fairlead.TypeHealth, "PRACTITIONER", true, false},
		{"consent.record", fairlead.TypeLA, "PRACTITIONER", true, true},
		{"consent.record", fairlead.TypeLA, "TEAM_MANAGER", true, false},
		{"audit.event", fairlead.TypeLA, "BROKER_OPERATOR", true, false}, // empty roles: nobody's person
	} {
		k, ok := kind.Lookup(test.kind)
		if !ok || k.MaySend(test.by) != test.send || k.MayAct(test.role) != test.act {
			t.Errorf("%s by %s as %s: may send %v, may act %v", test.kind, test.by, test.role, k.MaySend(test.by), k.MayAct(test.role))
		}
	}
}

// TestAllIsACopy: a caller cannot change the table.
func TestAllIsACopy(t *testing.T) {
	kind.All()[0].Code = "changed"
	if kind.All()[0].Code == "changed" {
		t.Error("All hands out the table itself")
	}
}
