package kind_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"fairlead/internal/fairlead"
	"fairlead/internal/kind"
)

// described is a file of schemas/kinds, as far as the table speaks of the same.
type described struct {
	Kind     string
	Plane    kind.Plane
	Senders  []fairlead.AgencyType
	Roles    []fairlead.Role
	Purposes []fairlead.Purpose
	Ack      struct{ Due, Urgent string }
	Reply    bool
	Facts    map[string]struct {
		Form     kind.Form
		Values   []string
		Required bool
		Reader   string
	}
	Record *struct{}
}

func describe(t *testing.T) map[string]described {
	t.Helper()
	files, err := filepath.Glob("../../schemas/kinds/*.json")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]described{}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var d described
		if err := json.Unmarshal(b, &d); err != nil || d.Kind+".json" != filepath.Base(name) {
			t.Fatalf("%s: kind %q: %v", name, d.Kind, err)
		}
		all[d.Kind] = d
	}
	return all
}

// TestData holds the table, which rules read, against the data, which people and other programs read.
// Where a kind is not built yet the data may say more, never something else.
func TestData(t *testing.T) {
	data := describe(t)
	for _, k := range kind.All() {
		d, ok := data[k.Code]
		delete(data, k.Code)
		if !ok {
			t.Errorf("%s: no file in schemas/kinds", k.Code)
			continue
		}
		same(t, k, "plane", k.Plane, d.Plane)
		same(t, k, "purposes", k.Purposes, d.Purposes)
		same(t, k, "reply", k.Reply, d.Reply)
		if k.Built || k.Senders != nil {
			same(t, k, "senders", k.Senders, d.Senders)
		}
		if k.Built || k.Roles != nil {
			same(t, k, "roles", k.Roles, d.Roles)
		}
		if k.Built || k.Record {
			same(t, k, "record", k.Record, d.Record != nil)
		}
		sameFacts(t, k, d)
	}
	for code := range data {
		t.Errorf("%s: not in the table", code)
	}
}

func same(t *testing.T, k kind.Kind, what string, table, data any) {
	t.Helper()
	if !reflect.DeepEqual(table, data) {
		t.Errorf("%s: %s: the table has %v, the data %v", k.Code, what, table, data)
	}
}

// sameFacts compares facts. Those of kinds that are not built name the rule that will read them.
func sameFacts(t *testing.T, k kind.Kind, d described) {
	t.Helper()
	for name, f := range k.Facts {
		same(t, k, "facts."+name, f, kind.Fact(d.Facts[name]))
	}
	for name, f := range d.Facts {
		if _, ok := k.Facts[name]; ok {
			continue
		}
		if k.Built || !strings.HasPrefix(f.Reader, "not built: ") {
			t.Errorf("%s: facts.%s is not in the table", k.Code, name)
		}
		if f.Form == kind.Code && slices.ContainsFunc(f.Values, func(v string) bool { return kind.Fact(f).Check(v) != nil }) {
			t.Errorf("%s: facts.%s: %v are not all codes", k.Code, name, f.Values)
		}
	}
}

// clocks are the words of the notes for the acknowledgement that is due, and ours.
var clocks = map[string]struct{ Due, Urgent string }{
	"-": {}, "1 h": {Due: "PT1H"}, "4 h": {Due: "PT4H"}, "24 h arrival confirm": {Due: "PT24H"}, "1 wd": {Due: "1 wd"}, "1 wd to apply": {Due: "1 wd"},
	"2 wd": {Due: "2 wd"}, "3 wd": {Due: "3 wd"}, "5 wd": {Due: "5 wd"}, "10 wd": {Due: "10 wd"}, "1 h (Immediate) / 1 wd": {Due: "1 wd", Urgent: "PT1H"},
	"1 h if Immediate, else 1 wd": {Due: "1 wd", Urgent: "PT1H"}, "1 h urgent / 1 wd": {Due: "1 wd", Urgent: "PT1H"},
}

// TestDataAndNotes holds clocks and purposes of the data against the notes' own list of kinds.
func TestDataAndNotes(t *testing.T) {
	raw, err := os.ReadFile("../../schemas/codelists.json")
	if err != nil {
		t.Fatal(err)
	}
	var notes struct {
		Kind struct{ Rows [][]string }
	}
	if err := json.Unmarshal(raw, &notes); err != nil {
		t.Fatal(err)
	}
	data := describe(t)
	for _, row := range notes.Kind.Rows {
		d := data[row[0]]
		if want, ok := clocks[row[4]]; !ok || want != d.Ack {
			t.Errorf("%s: acknowledged within %+v, the notes say %q", d.Kind, d.Ack, row[4])
		}
		var purposes []fairlead.Purpose
		for _, word := range strings.Split(row[3], " / ") {
			if slices.Contains(fairlead.Purposes, fairlead.Purpose(word)) {
				purposes = append(purposes, fairlead.Purpose(word))
			}
		}
		if purposes != nil && !slices.Equal(purposes, d.Purposes) {
			t.Errorf("%s: for %v, the notes say %v", d.Kind, d.Purposes, purposes)
		}
	}
}
