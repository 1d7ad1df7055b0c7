package law_test

import (
	"encoding/json"
	"flag"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"fairlead/internal/config"
	"fairlead/internal/fairlead"
	"fairlead/internal/law"
)

var update = flag.Bool("update", false, "write law.json anew from config/law.yaml")

// TestSample: the commented sample for operators is the embedded default, row by row.
func TestSample(t *testing.T) {
	var sample law.Tables
	if err := config.Load("../../config/law.yaml", &sample); err != nil {
		t.Fatal(err)
	}
	if err := sample.Check(); err != nil {
		t.Fatal(err)
	}
	if *update {
		b, err := json.MarshalIndent(sample, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile("law.json", append(b, '\n'), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := os.ReadFile("law.json")
	if err != nil {
		t.Fatal(err)
	}
	embedded, err := law.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(embedded, &sample) {
		t.Error("law.json is not config/law.yaml; run: go test ./internal/law -update")
	}
	if !*update && !reflect.DeepEqual(embedded, law.Default()) {
		t.Error("Default is not law.json")
	}
}

// TestEveryCode: each code of the lists that law speaks of has a row, in force by the year of the story,
// but for what says itself that it is not.
func TestEveryCode(t *testing.T) {
	b := law.Default().At(time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC))
	missing := func(list, code string, ok bool) {
		if !ok {
			t.Errorf("%s: no row of %s", list, code)
		}
	}
	for _, c := range fairlead.Art6s {
		_, ok := b.Basis(c)
		missing("bases", string(c), ok)
	}
	for _, c := range fairlead.Annex1s {
		missing("annex1", string(c), b.Annex1(c))
	}
	for _, c := range fairlead.Gateways {
		_, ok := b.Gateway(c)
		missing("gateways", string(c), ok)
	}
	for _, c := range fairlead.Art9s {
		_, ok := b.Art9(c)
		missing("art9", string(c), ok)
	}
	for _, c := range fairlead.Sch1s {
		_, ok := b.Sch1(c)
		missing("sch1", string(c), ok)
	}
	for _, c := range fairlead.Art10s {
		_, ok := b.Art10(c)
		missing("art10", string(c), ok)
	}
	for _, c := range fairlead.Mechanisms {
		_, ok := b.Transfer(c)
		missing("transfers", string(c), ok)
	}
	for _, c := range fairlead.Deadlines {
		_, ok := b.Clock(c)
		missing("clocks", string(c), ok)
	}
}

// TestDays: a row holds from the first instant of its first day to the last of its last.
func TestDays(t *testing.T) {
	at := func(s string) law.Book {
		when, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return law.Default().At(when)
	}
	for when, want := range map[string]bool{
		"2026-09-29T23:59:59Z": false, "2026-09-30T00:00:00Z": true, "2026-09-30T00:30:00+01:00": false, "2040-01-01T00:00:00Z": true,
	} {
		if _, ok := at(when).Gateway("CA2004-16LA"); ok != want {
			t.Errorf("s16LA at %s: %v", when, ok)
		}
	}
	if at("2026-02-04T23:59:59Z").Annex1("RLI-6") || !at("2026-02-05T00:00:00Z").Annex1("RLI-6") {
		t.Error("Annex 1 does not begin on 5 February 2026")
	}
	if !at("2031-12-27T23:59:59Z").Adequate("RO", "GB-ENG") || at("2031-12-28T00:00:00Z").Adequate("RO", "GB-ENG") {
		t.Error("the adequacy decision does not end with 27 December 2031")
	}
	if !at("2027-01-01T00:00:00Z").Adequate("GB-SCT", "RO") || at("2027-01-01T00:00:00Z").Adequate("GB-ENG", "MD") {
		t.Error("adequacy of the United Kingdom is wrong")
	}
}

// TestScope: who and where.
func TestScope(t *testing.T) {
	b := law.Default().At(time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC))
	g, _ := b.Gateway("CA2004-16LA")
	for _, c := range []struct {
		kind       fairlead.AgencyType
		j          fairlead.Jurisdiction
		may, bound bool
	}{
		{"LA_CSC", "GB-ENG", true, true},
		{"LA_CSC", "GB-SCT", false, false},
		{"LA_CSC", "GB", true, false},
		{"NGO_UK", "GB-ENG", false, false},
		{"EDUCATION", "GB-ENG", true, true},
		{"LA_CSC", "RO", false, false},
	} {
		if g.For(c.kind, c.j) != c.may || g.Binds(c.kind, c.j) != c.bound {
			t.Errorf("%s in %s: may claim %v, bound %v", c.kind, c.j, g.For(c.kind, c.j), g.Binds(c.kind, c.j))
		}
	}
	other, _ := b.Basis("X-NATIONAL")
	if other.For("ISS_MEMBER", "RO") || other.For("ISS_MEMBER", "GB") || !other.For("ISS_MEMBER", "MD") {
		t.Error("OTHER is neither the United Kingdom nor the EEA")
	}
	if r, _ := b.Transfer("EEA-INTERNAL"); !r.Route("RO", "HU") || r.Route("RO", "GB") || r.Route("GB", "RO") {
		t.Error("a route is wrong")
	}
}

// TestHolidays: an operator's calendar takes the place of the hub's own, for a State and its nations.
func TestHolidays(t *testing.T) {
	tables := *law.Default()
	tables.Calendars = []law.Calendar{{Name: "RO", Holidays: []string{"2027-01-01"}}, {Name: "GB", Holidays: []string{"2027-01-04"}}}
	b := tables.At(time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC))
	for j, want := range map[fairlead.Jurisdiction]string{"RO": "RO", "GB-SCT": "GB", "HU": ""} {
		if name, days, ok := b.Holidays(j); name != want || ok != (want != "") || ok && len(days) != 1 {
			t.Errorf("%s: %q %v %v", j, name, days, ok)
		}
	}
}

// TestCheck: each kind of fault is found, and says where.
func TestCheck(t *testing.T) {
	for says, spoil := range map[string]func(*law.Tables){
		"bases: no row of A6-1-d":             func(t *law.Tables) { t.Bases = slices.Delete(t.Bases, 2, 3) },
		"clocks: no row of DL-ACK-TECH":       func(t *law.Tables) { t.Clocks = t.Clocks[1:] },
		"bases A6-1-z: not in its code list":  func(t *law.Tables) { t.Bases[0].Code = "A6-1-z" },
		"two rows hold on one day":            func(t *law.Tables) { t.Gateways = append(t.Gateways, t.Gateways[0]) },
		"no rule reads the need \"goodwill\"": func(t *law.Tables) { t.Bases[0].Needs = []law.Need{"goodwill"} },
		"since and until are dates":           func(t *law.Tables) { t.Annex1[0].Since = "5 February" },
		"it ends before it begins":            func(t *law.Tables) { t.Annex1[0].Until = "2026-02-04" },
		"source: want":                        func(t *law.Tables) { t.Annex1[0].Source = "somebody said so" },
		"who \"friends\"":                     func(t *law.Tables) { t.Bases[0].Who = []string{"friends"} },
		"place \"Europe\"":                    func(t *law.Tables) { t.Adequacy[0].To = []string{"Europe"} },
		"unknown nature":                      func(t *law.Tables) { t.Gateways[0].Nature = "CUSTOM" },
		"sch1 \"SPI-99\"":                     func(t *law.Tables) { t.Art9[0].Sch1 = []fairlead.Sch1{"SPI-99"} },
		"months and the need assessment":      func(t *law.Tables) { t.Transfers[2].Months = 0 },
		"unknown unit":                        func(t *law.Tables) { t.Clocks[0].Unit = "moons" },
		"count: want 1 to 999":                func(t *law.Tables) { t.Clocks[0].Count = 0 },
		"working days, and they alone":        func(t *law.Tables) { t.Clocks[0].Calendar = "sender" },
		"strength: missing":                   func(t *law.Tables) { t.Clocks[0].Strength = "" },
		"to: missing":                         func(t *law.Tables) { t.Adequacy[0].To = nil },
		"a holiday is a date":                 func(t *law.Tables) { t.Calendars = []law.Calendar{{Name: "RO", Holidays: []string{"Easter"}}} },
		"want a jurisdiction":                 func(t *law.Tables) { t.Calendars = []law.Calendar{{Name: "RO"}} },
	} {
		raw, err := os.ReadFile("law.json")
		if err != nil {
			t.Fatal(err)
		}
		tables, err := law.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		spoil(tables)
		if err := tables.Check(); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("want %q, got %v", says, err)
		}
	}
}
