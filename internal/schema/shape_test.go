package schema_test

import (
	"slices"
	"testing"

	"fairlead/internal/fairlead"
	"fairlead/internal/schema"
)

// TestShape: what stands at a place is what the schemas say, through references, lists and what a kind
// asks beside.
func TestShape(t *testing.T) {
	set, err := schema.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		kind     string
		code     fairlead.SectionCode
		path     []string
		form     string
		list     string
		value    string
		required bool
	}{
		{"alert.missing", "RISK", []string{"category"}, "code", "", "ran_away", true},
		{"alert.at_risk", "RISK", []string{"category"}, "code", "", "ran_away", false},
		{"alert.missing", "ID-CORE", []string{"person"}, "object", "", "", true},
		{"alert.missing", "ID-CORE", []string{"person", "names", "0", "given"}, "phrase", "", "", false},
		{"alert.missing", "ID-CORE", []string{"person", "dob"}, "date", "", "", false},
		{"alert.missing", "ID-CORE", []string{"separation_status"}, "code", "separation_status", "separated", false},
		{"alert.missing", "ID-CORE", []string{"if_found_instruction"}, "text", "", "", true},
		{"alert.missing", "RISK", []string{"trafficking_concern"}, "bool", "", "", true},
		{"alert.missing", "RISK", []string{"episode_no"}, "count", "", "", false},
		{"alert.missing", "LOC-HIST", []string{"likely_jurisdictions"}, "list", "", "", true},
		{"alert.missing", "LOC-HIST", []string{"likely_jurisdictions", "0"}, "jurisdiction", "", "", false},
		{"alert.missing", "LOC-HIST", []string{"last_seen_place", "country"}, "country", "", "", true},
		{"alert.arrival", "JOURNEY", []string{"encounter", "at"}, "instant", "", "", true},
		{"referral.new", "SC-HIST", []string{"reason"}, "code", "", "protection_concern", true},
		{"alert.at_risk", "RISK", []string{"call_back"}, "phone", "", "", false},
	} {
		got, ok := set.Shape(test.kind, test.code, test.path...)
		if !ok || got.Form != test.form || got.List != test.list || got.Required != test.required || test.value != "" && !slices.Contains(got.Values, test.value) {
			t.Errorf("%s %s %v: %+v %v, want %+v", test.kind, test.code, test.path, got, ok, test)
		}
	}
	for _, path := range [][]string{{"none"}, {"person", "names", "given"}, {"person", "dob", "0"}} {
		if got, ok := set.Shape("alert.missing", "ID-CORE", path...); ok {
			t.Errorf("%v is a place: %+v", path, got)
		}
	}
	if _, ok := set.Shape("no.kind", "ID-CORE", "person"); ok {
		t.Error("an unknown kind has shapes")
	}
	if got, _ := set.Shape("alert.missing", "RISK", "circumstances"); got.Max != 15000 {
		t.Errorf("a text may have %d characters", got.Max)
	}
	names, values := set.Members()
	if !slices.Contains(names, "if_found_instruction") || slices.Contains(names, "x") || !slices.Contains(values, "ran_away") || slices.Contains(values, "separated") {
		t.Error("members and values are not those of the sections")
	}
}
