package fairlead_test

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	. "fairlead/internal/fairlead"
)

// TestCodeLists holds the typed lists against the data file, code by code and in both directions. No list
// of either side is left out.
func TestCodeLists(t *testing.T) {
	raw, err := os.ReadFile("../../schemas/codelists.json")
	if err != nil {
		t.Fatal(err)
	}
	var data map[string]struct {
		Columns []string
		Rows    [][]string
	}
	if err := json.Unmarshal(raw, &data); err != nil {
		t.Fatal(err)
	}
	ours := lists()
	if len(data) != len(ours) {
		t.Errorf("%d lists are typed, the data file has %d", len(ours), len(data))
	}
	for name, list := range data {
		code := max(0, slices.Index(list.Columns, "code")) // the last column before it, if any, names the part
		var theirs []string
		for _, row := range list.Rows {
			theirs = append(theirs, strings.Join(row[:code+1], " "))
		}
		if !slices.Equal(ours[name], theirs) {
			t.Errorf("%s: code has %v, the data file %v", name, ours[name], theirs)
		}
	}
}

func TestForms(t *testing.T) {
	for _, bad := range []string{"", "a", "lower-case", "X Y", "A"} {
		if AgencyID(bad).Check() == nil {
			t.Errorf("agency id %q accepted", bad)
		}
	}
	for _, bad := range []string{"RO-OT", "GB-LND", "gb", "ROU", ""} {
		if Jurisdiction(bad).Check() == nil {
			t.Errorf("jurisdiction %q accepted", bad)
		}
	}
	id := NewShareID()
	if back, err := ParseShareID(id.String()); err != nil || back != id {
		t.Errorf("share id does not come back: %v", err)
	}
	for _, bad := range []string{"", "6BA7B810-9DAD-11D1-80B4-00C04FD430C8", "00000000-0000-0000-0000-000000000000", "{" + id.String() + "}"} {
		if _, err := ParseShareID(bad); err == nil {
			t.Errorf("share id %q accepted", bad)
		}
	}
	if GB := Jurisdiction("GB-SCT"); GB.State() != "GB" || GB.EEA() || !Jurisdiction("RO").EEA() {
		t.Error("states are wrong")
	}
}
