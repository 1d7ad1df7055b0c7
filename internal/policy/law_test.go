package policy_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/law"
	"fairlead/internal/policy"
)

// tables is a copy of the defaults that a test may change.
func tables(t *testing.T) *law.Tables {
	t.Helper()
	raw, err := json.Marshal(law.Default())
	if err != nil {
		t.Fatal(err)
	}
	list, err := law.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// TestTables: what the rules take from law is what the tables say, row by row: without the row of a code the
// code is worth nothing, and a longer clock is longer.
func TestTables(t *testing.T) {
	base := cases(t)["basis-power-for-a-task"]
	ended := law.Row{Until: "2027-03-14", Source: "D"}
	for name, c := range map[string]struct {
		change func(*law.Tables)
		make   func(*world)
		reason fairlead.Reason
	}{
		"a basis ends":   {func(l *law.Tables) { endBasis(l, "A6-1-e", ended) }, nil, fairlead.ReasonBasisInvalid},
		"a gateway ends": {func(l *law.Tables) { l.Gateways[slices.IndexFunc(l.Gateways, gatewayIs("CA1989-17"))].Row = ended }, nil, fairlead.ReasonGatewayMissing},
		"a condition of Art 9 ends": {func(l *law.Tables) { l.Art9[4].Row = ended }, func(w *world) {
			w.r.Descriptors[0].Art9, w.r.Descriptors[0].Sch1, w.r.Descriptors[0].P18 = "A9-2-g", "SPI-18", "CANNOT_GIVE"
		}, fairlead.ReasonSpecialBasisMissing},
		"a condition of Sch 1 ends": {func(l *law.Tables) { l.Sch1[0].Row = ended }, func(w *world) {
			w.r.Descriptors[0].Sch1, w.r.Descriptors[0].P18 = "SPI-18", "CANNOT_GIVE"
		}, fairlead.ReasonSpecialBasisMissing},
		"a condition of Art 10 ends": {func(l *law.Tables) { l.Art10[0].Row = ended }, func(w *world) { w.r.Descriptors[0].Art10 = "OFFICIAL" }, fairlead.ReasonSpecialBasisMissing},
		"a need that no rule reads":  {func(l *law.Tables) { l.Bases[3].Needs = []law.Need{law.NeedSecrecy} }, nil, fairlead.ReasonBasisInvalid},
		"another such, of Sch 1":     {func(l *law.Tables) { l.Sch1[4].Needs = []law.Need{law.NeedLIA} }, func(w *world) { w.r.Descriptors[0].Sch1 = "ESP-1" }, fairlead.ReasonSpecialBasisMissing},
	} {
		t.Run(name, func(t *testing.T) {
			w := plain(base)
			if c.make != nil {
				c.make(w)
			}
			if d := w.decide(); d.Result != fairlead.Delivered {
				t.Fatalf("by the defaults: %s %+v", d.Result, d)
			}
			list := tables(t)
			c.change(list)
			w.f.Law = list
			if got := reasons(w.decide()); !slices.Equal(got, []fairlead.Reason{c.reason}) {
				t.Errorf("%v, want %s", got, c.reason)
			}
			w.at = w.at.AddDate(0, 0, -1)
			if d := w.decide(); strings.HasSuffix(name, " ends") && d.Result != fairlead.Delivered {
				t.Errorf("on the row's last day: %s %+v", d.Result, d.Causes)
			}
		})
	}
}

func endBasis(l *law.Tables, code fairlead.Art6, row law.Row) {
	for i := range l.Bases {
		if l.Bases[i].Code == code {
			l.Bases[i].Row = row
		}
	}
}

func gatewayIs(code fairlead.Gateway) func(law.Gateway) bool {
	return func(g law.Gateway) bool { return g.Code == code }
}

// plain is the share of a case, to be changed.
func plain(base *testCase) *world {
	r, f := base.request("NHS")
	w := &world{r: r, f: f, at: base.share.At.Time}
	return w.with(func(*world) {})
}

// TestClocks: a clock runs as long as the tables say, by the calendar that they give.
func TestClocks(t *testing.T) {
	base := cases(t)["due-request-routine"]
	r, f := base.request(base.share.To[0])
	list := tables(t)
	i := slices.IndexFunc(list.Clocks, func(c law.Clock) bool { return c.Code == "DL-RFI" })
	for _, c := range []struct {
		clock law.Clock
		want  policy.Due
	}{
		{law.Clock{Count: 2, Unit: law.WorkingDays, Calendar: "sender"}, policy.Due{Code: "DL-RFI", At: "2027-03-17", Calendar: "GB-ENG"}},
		{law.Clock{Count: 2, Unit: law.WorkingDays, Calendar: "recipient"}, policy.Due{Code: "DL-RFI", At: "2027-03-18", Calendar: "RO"}},
		{law.Clock{Count: 2, Unit: law.Days}, policy.Due{Code: "DL-RFI", At: "2027-03-17"}},
		{law.Clock{Count: 2, Unit: law.Months}, policy.Due{Code: "DL-RFI", At: "2027-05-15"}},
		{law.Clock{Count: 2, Unit: law.Hours}, policy.Due{Code: "DL-RFI", At: "2027-03-15T18:00:00Z"}},
		{law.Clock{Count: 2, Unit: law.Minutes}, policy.Due{Code: "DL-RFI", At: "2027-03-15T16:02:00Z"}},
	} {
		c.clock.Row, c.clock.Code, c.clock.Strength = law.Row{Source: "D"}, "DL-RFI", "design"
		list.Clocks[i] = c.clock
		list.Calendars = []law.Calendar{{Name: "RO", Holidays: []string{"2027-03-16"}}}
		if err := list.Check(); err != nil {
			t.Fatal(err)
		}
		f.Law = list
		if got := policy.Decide(r, f, base.share.At.Time).Due; got[0] != c.want {
			t.Errorf("%+v: %+v, want %+v", c.clock, got, c.want)
		}
	}
	if got := policy.ReviewDue(list, time.Date(2026, 11, 5, 0, 0, 0, 0, time.UTC)); got.At != "2027-11-05" {
		t.Errorf("%+v", got)
	}
}

// TestCourtIsNamed: nothing of the court's papers goes on a caveat left unsaid.
func TestCourtIsNamed(t *testing.T) {
	w := plain(cases(t)["court-permission"])
	w.r.Descriptors[0] = &envelope.Descriptor{Audience: envelope.ForRecipient, Code: "LEGAL"}
	if d := w.decide(); d.Delivers() {
		t.Errorf("%+v", d)
	}
}
