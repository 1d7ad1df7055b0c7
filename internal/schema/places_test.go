package schema_test

import (
	"strings"
	"testing"

	"fairlead/internal/fairlead"
	"fairlead/internal/schema"
)

// TestPlaces: what a form must ask of a section, down to single values, and nothing that is meant for
// another kind.
func TestPlaces(t *testing.T) {
	set, err := schema.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		kind string
		code fairlead.SectionCode
		want string
	}{
		{"info.delay", "SC-HIST", "reason! expected!"},
		{"investigation.coordinate", "PLAN-SAFE", "planned_actions/0/action! planned_actions/0/by! planned_actions/0/when! planned_actions/0/risk_to_child! evidence_route!"},
		{"investigation.coordinate", "RISK", "rating! narrative!"},
		{"guardian.notice", "LOC-NOW", "current_place/country! current_place/precision! current_place/locality"},
		{"assessment.share", "VOICE", "child! when! how! words!"},
		{"info.delay", "NO-SUCH", ""},
		{"no.kind", "RISK", ""},
	} {
		var got []string
		for _, p := range set.Places(test.kind, test.code) {
			path := strings.Join(p.Path, "/")
			if p.Needed {
				path += "!"
			}
			got = append(got, path)
		}
		if all := strings.Join(got, " "); all != test.want && !strings.HasPrefix(all, test.want+" ") || test.want == "" && all != "" {
			t.Errorf("%s %s: %s, want %s", test.kind, test.code, all, test.want)
		}
	}
	for _, p := range set.Places("nrm.notice", "SC-HIST") {
		if p.Path[0] == "questions" || p.Path[0] == "channel" {
			t.Errorf("a notice asks for %v, which is for another kind", p.Path)
		}
	}
}
