package monitor_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"fairlead/internal/consent"
	"fairlead/internal/entry"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/monitor"
	"fairlead/internal/policy"
)

func openIndex(t testing.TB, dir, vkey string) *monitor.Index {
	t.Helper()
	x, err := monitor.OpenIndex(t.Context(), dir, vkey, false)
	must(t, err)
	t.Cleanup(func() { x.Close() })
	return x
}

func cell(a *monitor.Answer, row int, column string) string {
	return a.Rows[row][slices.Index(a.Columns, column)]
}

// caseOf is the case token of the first delivered share of a kind.
func caseOf(t testing.TB, l made, kind string) string {
	t.Helper()
	for _, p := range readLog(t, l.dir, l.vkey) {
		if p.detail.Share == nil || !p.detail.Share.Decision.Delivers() {
			continue
		}
		if h, err := envelope.ParseHeader(p.detail.Share.Header); err == nil && h.Kind == kind {
			return h.Case
		}
	}
	t.Fatalf("no %s", kind)
	return ""
}

// TestQuestions asks every answered question of the log of the acceptance story.
func TestQuestions(t *testing.T) {
	l := acceptance(t)
	x := openIndex(t, l.dir, l.vkey)
	tests := map[string]struct {
		q     monitor.Query
		rows  int      // -1: it does not matter
		means string   // part of the sentence
		cells []string // each in some row
	}{
		"AQ01": {monitor.Query{Case: caseOf(t, l, "assessment.share")}, -1, "about this case reached 1 agency in ", []string{"A2/1#t2-outward", "ASSESS", "RO-DIR", "A6-1-c CA1989-47", "A9-2-h"}},
		"AQ02": {monitor.Query{}, 22, "22 shares were delivered without an agreement: 14 as emergencies, 7 as answers to a share, 1 by override; 14 owe an emergency review.", []string{"alert.at_risk", "2027-01-12"}},
		"AQ03": {monitor.Query{}, 2, "1 delivered, 1 held for a second person, 0 refused; 2 rows name a second person", []string{"SERIOUS-HARM-OTHER", "EXPL-ACCOUNT", "TM1", "2027-02-01"}},
		"AQ04": {monitor.Query{}, 3, "3 decisions not to share are on record, by 2 agencies", []string{"R-COURT", "R-NO-BASIS", "RO-CCA"}},
		"AQ05": {monitor.Query{}, 0, "None: every section", nil},
		"AQ06": {monitor.Query{}, 0, "None: no share of a public authority", nil},
		"AQ07": {monitor.Query{}, 39, "39 shares were delivered to another State; 0 declare no mechanism", []string{"IN-EU-ADEQ", "EEA-INTERNAL", "clear", "PRACTITIONER"}},
		"AQ08": {monitor.Query{}, 0, "None", nil},
		"AQ09": {monitor.Query{}, 0, "None", nil},
		"AQ13": {monitor.Query{}, -1, "Of 46 deadlines 13 % were met (6); 0 were met late", []string{"DL-ACK-ALERT", "DL-RFI-URG", "DL-RECALL", "2027-01-11T10:20:00.000Z"}},
		"AQ14": {monitor.Query{}, 17, "17 alerts were delivered; 14 were never acknowledged", []string{"alert.missing", "21", "P7"}},
		"AQ20": {monitor.Query{}, 2, "1 attempt against an agreement that had ended or was suspended; 1 in force are overdue for review", []string{"A3/1", "agreement A2/1", "E_AGREEMENT_EXPIRED"}},
		"AQ22": {monitor.Query{}, 0, "None: nobody approved their own share", nil},
		"AQ23": {monitor.Query{}, 78, "78 shares were delivered that nobody", []string{"alert.missing"}},
		"AQ24": {monitor.Query{}, 5, "5 nations", []string{"GB-ENG", "<5"}},
		"AQ26": {monitor.Query{}, 0, "no gap, nothing altered", nil},
		"AQ31": {monitor.Query{}, 12, "Of 85 shares delivered, the child or family was told in 62 %", []string{"NOR-CSC", "HU-FAM"}},
		"AQ33": {monitor.Query{}, 0, "None: nothing but actual messages", nil},
		"AQ34": {monitor.Query{}, 20, "20 agencies enrolled their first keys, 0 rotations, 0 agencies were suspended for a lost key", []string{"enrol", "RO-DIR"}},
	}
	for _, q := range monitor.AllQuestions() {
		t.Run(q.ID, func(t *testing.T) {
			tt, ok := tests[q.ID]
			a, err := x.Ask(t.Context(), q.ID, tt.q)
			if ok != q.Answered {
				t.Fatalf("answered: %v, tested: %v", q.Answered, ok)
			}
			if !ok {
				if !errors.Is(err, monitor.ErrQuestion) || q.Waits == "" || !strings.Contains(err.Error(), q.Waits) {
					t.Errorf("it waits for %q, and says: %v", q.Waits, err)
				}
				return
			}
			must(t, err)
			words := a.Words()
			if len(a.Rows) != tt.rows && tt.rows >= 0 || a.Breach || len(a.Rows) == 0 && tt.rows != 0 {
				t.Errorf("%d rows, want %d; breach: %v\n%s", len(a.Rows), tt.rows, a.Breach, words)
			}
			for _, want := range append(tt.cells, tt.means, q.Question) {
				if !strings.Contains(words, want) {
					t.Errorf("nothing says %q\n%s", want, words)
				}
			}
			if b, err := json.Marshal(a); err != nil || !strings.Contains(string(b), `"id":"`+q.ID) {
				t.Errorf("as JSON: %s %v", b, err)
			}
		})
	}
	if n := len(monitor.AllQuestions()); n != 34 {
		t.Errorf("%d questions", n)
	}
}

// TestQuestionsAreNarrowed: agency and time narrow every question.
func TestQuestionsAreNarrowed(t *testing.T) {
	l := acceptance(t)
	x := openIndex(t, l.dir, l.vkey)
	day := time.Date(2027, 1, 12, 0, 0, 0, 0, time.UTC)
	for _, q := range []monitor.Query{{Agency: "PORT"}, {Until: day}, {Since: day, Until: day.AddDate(0, 0, 1)}, {Agency: "NOBODY"}} {
		all, err := x.Ask(t.Context(), "AQ02", monitor.Query{})
		must(t, err)
		some, err := x.Ask(t.Context(), "aq02", q)
		must(t, err)
		want := [][]string{}
		for i, row := range all.Rows {
			at, at2 := cell(all, i, "time"), cell(all, i, "from")+" "+cell(all, i, "to")
			in := (q.Agency == "" || slices.Contains(strings.Fields(at2), q.Agency)) &&
				(q.Since.IsZero() || at >= q.Since.Format("2006-01-02T")) && (q.Until.IsZero() || at < q.Until.Format("2006-01-02T"))
			if in {
				want = append(want, row)
			}
		}
		if fmt.Sprint(some.Rows) != fmt.Sprint(want) || len(want) == len(all.Rows) {
			t.Errorf("%+v: %v, want %v", q, some.Rows, want)
		}
	}
	token := caseOf(t, l, "assessment.share")
	one, err := x.Ask(t.Context(), "AQ01", monitor.Query{Case: token})
	must(t, err)
	found, err := x.Search(t.Context(), monitor.Query{Case: token})
	if err != nil || len(found.Rows) < 7 || len(found.Rows) == len(one.Rows) || !slices.Contains(found.Entries, one.Entries[0]) {
		t.Errorf("by case: %+v %v", found, err)
	}
	for _, id := range []string{"AQ99", "", "AQ01"} {
		if _, err := x.Ask(t.Context(), id, monitor.Query{}); !errors.Is(err, monitor.ErrQuestion) {
			t.Errorf("%q: %v", id, err)
		}
	}
}

// header changes a header of a share as a hub would that forges one.
func header(t testing.TB, p *pair, change func(h *envelope.Header)) {
	t.Helper()
	h, err := envelope.ParseHeader(p.detail.Share.Header)
	must(t, err)
	change(h)
	p.detail.Share.Header, err = json.Marshal(h)
	must(t, err)
	p.detail.Share.Digest = envelope.HeaderDigest(p.detail.Share.Header)
}

// recode gives the first section of a share another code.
func recode(p *pair, code fairlead.SectionCode) {
	sh := p.detail.Share
	sh.Decision.Sections[0].Code = code
	sh.Descriptors[0] = []byte(strings.Replace(string(sh.Descriptors[0]), `"code":"EDU"`, fmt.Sprintf(`"code":%q`, code), 1))
}

// TestBreaches: each question whose answer must be none finds what a hub did against the rules and logged.
func TestBreaches(t *testing.T) {
	l := real(t)
	honest := readLog(t, l.dir, l.vkey)
	at := the(t, honest, 1, share("assessment.share", fairlead.Delivered))
	signed := func(change func(*envelope.Header)) func(t *testing.T, pairs []pair) {
		return func(t *testing.T, pairs []pair) { header(t, &pairs[at], change) }
	}
	tests := map[string]func(t *testing.T, pairs []pair){
		"AQ05": signed(func(h *envelope.Header) { h.Basis.Art6 = fairlead.Art6Consent }),
		"AQ06": signed(func(h *envelope.Header) { h.Basis.Art6 = fairlead.Art6Recognised }),
		"AQ08": signed(func(h *envelope.Header) { h.Danger.Result = fairlead.DangerUnknown }),
		"AQ09": func(_ *testing.T, pairs []pair) { recode(&pairs[at], fairlead.SectionAsylum) },
		"AQ22": func(t *testing.T, pairs []pair) {
			h, err := envelope.ParseHeader(pairs[at].detail.Share.Header)
			must(t, err)
			// the acknowledgement after it becomes an approval by the author
			next := at + 1
			for pairs[next].detail.Share == nil || pairs[next].leaf.From != "ALDER" {
				next++
			}
			header(t, &pairs[next], func(a *envelope.Header) { a.Kind = "approval" })
			pairs[next].detail.Share.Decision.Result = fairlead.Delivered
			pairs[next].detail.Share.Record = fmt.Appendf(nil, `{"share":%q,"header":%q,"reasons":["SIG-HARM"],"user":%q,"signature":""}`, h.ID, fairlead.Digest{1}, h.From.User)
		},
		"AQ26": signed(func(h *envelope.Header) { h.Seen = envelope.Seen{Size: 3, Root: fairlead.Digest{9}} }),
		"AQ33": signed(func(h *envelope.Header) { h.Status = "Exercise" }),
	}
	for id, forgery := range tests {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			pairs := slices.Clone(honest)
			for i := range pairs {
				pairs[i].detail, pairs[i].raw = clonedDetail(t, pairs[i].raw), nil
			}
			forgery(t, pairs)
			x := openIndex(t, forge(t, l.skey, l.vkey, pairs, nil), l.vkey)
			a, err := x.Ask(t.Context(), id, monitor.Query{})
			must(t, err)
			if !a.Breach || len(a.Rows) == 0 || id != "AQ22" && !slices.Contains(a.Entries, int64(at)) {
				t.Errorf("not found: %+v", a)
			}
		})
	}
	x := openIndex(t, l.dir, l.vkey)
	for id := range tests {
		if a, err := x.Ask(t.Context(), id, monitor.Query{}); err != nil || a.Breach {
			t.Errorf("%s of the honest log: %+v %v", id, a, err)
		}
	}
}

// TestStaleConsent: AQ05 judges by the consents on record, not by the decision: one in time and in scope is
// fine, one that ended, refuses, or is of another child is not.
func TestStaleConsent(t *testing.T) {
	l := real(t)
	honest := readLog(t, l.dir, l.vkey)
	given := the(t, honest, 1, share("consent.record", fairlead.Delivered))
	sent := the(t, honest, 1, func(p pair) bool {
		return share("assessment.share", fairlead.Delivered)(p) && slices.Contains(p.detail.Share.Decision.Used, int64(given))
	})
	for name, tt := range map[string]struct {
		change func(r *consent.Record)
		breach bool
	}{
		"in time":       {func(*consent.Record) {}, false},
		"ended":         {func(r *consent.Record) { r.Items[0].Until = fairlead.At(honest[sent].leaf.At) }, true},
		"refused":       {func(r *consent.Record) { r.Items[0].Status = fairlead.ConsentRefused }, true},
		"for others":    {func(r *consent.Record) { r.Items[0].Recipients = []fairlead.AgencyID{"CEDAR"} }, true},
		"another child": {func(r *consent.Record) { r.Subject = strings.Repeat("0", 32) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			pairs := slices.Clone(honest)
			for _, i := range []int{given, sent} {
				pairs[i].detail, pairs[i].raw = clonedDetail(t, pairs[i].raw), nil
			}
			r, err := consent.Parse(pairs[given].detail.Share.Record)
			must(t, err)
			r.Items[0].Status = fairlead.ConsentGiven
			tt.change(r)
			pairs[given].detail.Share.Record, err = json.Marshal(r)
			must(t, err)
			header(t, &pairs[sent], func(h *envelope.Header) { h.Basis.Art6 = fairlead.Art6Consent })
			x := openIndex(t, forge(t, l.skey, l.vkey, pairs, nil), l.vkey)
			a, err := x.Ask(t.Context(), "AQ05", monitor.Query{})
			must(t, err)
			if a.Breach != tt.breach {
				t.Errorf("breach: %v\n%s", a.Breach, a.Words())
			}
		})
	}
}

// TestRowsOfStrangeEntries: what cannot be read is in the index with what its leaf says, and nothing panics.
func TestRowsOfStrangeEntries(t *testing.T) {
	l := real(t)
	pairs := readLog(t, l.dir, l.vkey)[:4]
	at := pairs[3].leaf.At
	odd := func(d *entry.Detail, raw string) pair {
		p := pair{leaf: entry.Leaf{Class: entry.ClassShare, Outcome: entry.OutcomeNotDelivered, At: at, Share: fairlead.NewShareID()}, detail: d}
		if raw != "" {
			p.raw = []byte(raw)
		}
		return p
	}
	pairs = append(pairs,
		odd(&entry.Detail{Share: &entry.Share{Header: []byte("{}"), Decision: policy.Decision{Result: "sent", Sections: []policy.Section{{Part: 9}, {Part: -1}}, Due: []policy.Due{{Code: "X", At: "soon"}}}}}, ""),
		odd(&entry.Detail{Register: &entry.Register{Action: "suspend", Record: []byte(`7`)}}, ""),
		odd(&entry.Detail{Notice: &entry.Notice{Header: []byte("x")}}, ""),
		odd(&entry.Detail{Unparsed: &entry.Unparsed{}}, ""),
		odd(&entry.Detail{Unparsed: &entry.Unparsed{}}, "no detail"),
	)
	x := openIndex(t, forge(t, l.skey, l.vkey, pairs, nil), l.vkey)
	a, err := x.Search(t.Context(), monitor.Query{Since: at})
	if err != nil || !slices.Contains(a.Entries, 4) || !slices.Contains(a.Entries, 8) {
		t.Errorf("%+v %v", a, err)
	}
}
