package monitor_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fairlead/internal/fairlead"
	"fairlead/internal/monitor"
	"fairlead/internal/store"
)

// index is the file beside a mirror.
func index(dir string) string { return dir + ".index.db" }

// tamper changes an index as somebody who can write it.
func tamper(t testing.TB, dir, statement string) {
	t.Helper()
	db, err := store.Open(index(dir))
	must(t, err)
	if r, err := db.Exec(statement); err != nil {
		t.Fatal(statement, err)
	} else if n, err := r.RowsAffected(); err != nil || n == 0 {
		t.Fatal(statement, n, err)
	}
	must(t, db.Close())
}

// answers is all that an index says in a few searches and questions.
func answers(t testing.TB, dir, vkey string) string {
	t.Helper()
	x, err := monitor.OpenIndex(t.Context(), dir, vkey, false)
	must(t, err)
	defer x.Close()
	var b strings.Builder
	for _, q := range []monitor.Query{{}, {Agency: "BIRCH"}, {Kind: "assessment.share"}} {
		a, err := x.Search(t.Context(), q)
		must(t, err)
		b.WriteString(a.Words())
	}
	for _, id := range []string{"AQ02", "AQ07", "AQ20", "AQ23", "AQ31", "AQ34"} {
		a, err := x.Ask(t.Context(), id, monitor.Query{})
		must(t, err)
		b.WriteString(a.Words())
	}
	return b.String()
}

// TestIndexIsDisposable: whatever happens to the file, the same is answered; verification never looks at it.
func TestIndexIsDisposable(t *testing.T) {
	l := real(t)
	dir := clone(t, l.dir)
	want := answers(t, dir, l.vkey)
	other := forge(t, l.skey, l.vkey, readLog(t, l.dir, l.vkey)[:20], nil)
	answers(t, other, l.vkey)
	for name, harm := range map[string]func(){
		"unharmed": func() {},
		"removed":  func() { must(t, os.Remove(index(dir))) },
		"emptied":  func() { must(t, os.Truncate(index(dir), 0)) },
		"cut off":  func() { must(t, os.Truncate(index(dir), 5000)) },
		"no index": func() { must(t, os.WriteFile(index(dir), []byte("hello"), 0o600)) },
		"of another version": func() {
			tamper(t, dir, `UPDATE about SET state = '0' || substr(state, 2)`)
			tamper(t, dir, `UPDATE entries SET kind = 'x'`)
		},
		"of another log": func() {
			b, err := os.ReadFile(index(other))
			must(t, err)
			must(t, os.WriteFile(index(dir), b, 0o600))
		},
		"broken off": func() {
			must(t, os.WriteFile(index(dir)+".new", []byte("half"), 0o600))
			must(t, os.Remove(index(dir)))
		},
	} {
		harm()
		if got := answers(t, dir, l.vkey); got != want {
			t.Errorf("%s: %s", name, got)
		}
		if _, err := monitor.Replay(t.Context(), dir, l.vkey); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if names, err := filepath.Glob(dir + ".*"); err != nil || len(names) != 1 {
		t.Errorf("left beside the mirror: %v %v", names, err)
	}
}

// TestIndexFollowsTheMirror: one of an earlier state is made anew.
func TestIndexFollowsTheMirror(t *testing.T) {
	l := real(t)
	pairs := readLog(t, l.dir, l.vkey)
	hub := serve(t, forge(t, l.skey, l.vkey, pairs[:20], nil))
	dir := filepath.Join(t.TempDir(), "m")
	for _, n := range []int{20, len(pairs)} {
		hub.dir = forge(t, l.skey, l.vkey, pairs[:n], nil)
		_, err := monitor.Mirror(t.Context(), hub.config(dir, l.vkey))
		must(t, err)
		a, err := openIndex(t, dir, l.vkey).Search(t.Context(), monitor.Query{})
		if err != nil || !strings.Contains(a.Log, fmt.Sprintf(" %d entries", n)) {
			t.Errorf("%d: %+v %v", n, a, err)
		}
	}
}

// TestIndexCannotInvent: a false row is found when the entry is read again, and the index made anew; what was
// left out is found by a fresh index.
func TestIndexCannotInvent(t *testing.T) {
	l := real(t)
	dir := clone(t, l.dir)
	want := answers(t, dir, l.vkey)
	for _, lie := range []string{
		`UPDATE entries SET result = 'refused' WHERE result = 'delivered'`,
		`UPDATE entries SET recipient = 'CEDAR', sender = 'ALDER' WHERE recipient = 'BIRCH'`,
		`UPDATE entries SET at = '2027-01-01T00:00:00.000Z'`,
		`UPDATE entries SET agreement = '' WHERE agreement <> ''`,
		`INSERT INTO reasons SELECT entry, 'E_TRAINING', '', '', '', 0, -1 FROM entries WHERE kind = 'assessment.share'`,
		`UPDATE sections SET delivered = 1 - delivered`,
		`UPDATE agencies SET state = 'XX', public = 0`,
		`UPDATE agreements SET review_by = '2000-01-01'`,
	} {
		tamper(t, dir, lie)
		if got := answers(t, dir, l.vkey); got != want {
			t.Errorf("%s: %s", lie, got)
		}
	}
	tamper(t, dir, `DELETE FROM entries WHERE kind = 'assessment.share'`)
	if got := answers(t, dir, l.vkey); got == want {
		t.Error("this index should leave something out")
	}
	x, err := monitor.OpenIndex(t.Context(), dir, l.vkey, true)
	must(t, err)
	must(t, x.Close())
	if got := answers(t, dir, l.vkey); got != want {
		t.Errorf("a fresh one: %s", got)
	}
}

// TestIndexOfADamagedMirror: what does not verify is not indexed, and damage after that is found.
func TestIndexOfADamagedMirror(t *testing.T) {
	l := real(t)
	dir := clone(t, l.dir)
	flip(t, dir, "details/000", detailAt(t, dir, "details/000", 17)+200)
	if _, err := monitor.OpenIndex(t.Context(), dir, l.vkey, false); !errors.Is(err, monitor.ErrAltered) || !strings.Contains(err.Error(), "entry 17") {
		t.Errorf("indexed: %v", err)
	}
	dir = clone(t, l.dir)
	x := openIndex(t, dir, l.vkey)
	flip(t, dir, "details/000", detailAt(t, dir, "details/000", 17)+200)
	if a, err := x.Search(t.Context(), monitor.Query{}); !errors.Is(err, monitor.ErrAltered) {
		t.Errorf("found: %+v %v", a, err)
	}
	if _, err := monitor.OpenIndex(t.Context(), dir, otherVKey(t), false); !errors.Is(err, monitor.ErrMirror) {
		t.Errorf("another key: %v", err)
	}
}

// TestSearch: each way to narrow a search finds what it should and nothing else.
func TestSearch(t *testing.T) {
	l := real(t)
	x := openIndex(t, l.dir, l.vkey)
	pairs := readLog(t, l.dir, l.vkey)
	delivered := the(t, pairs, 1, share("assessment.share", fairlead.Delivered))
	redacted := the(t, pairs, 1, share("assessment.share", fairlead.DeliveredRedacted))
	refused := the(t, pairs, 1, share("assessment.share", fairlead.Refused))
	last := the(t, pairs, 2, share("assessment.share", fairlead.Delivered))
	unread := the(t, pairs, 1, func(p pair) bool { return p.detail.Unparsed != nil })
	h, err := pairs[delivered].detail.Share.Parsed()
	must(t, err)
	shares := []int{delivered, refused, redacted, last}
	only := func(q monitor.Query) monitor.Query { q.Kind = "assessment.share"; return q }
	for name, tt := range map[string]struct {
		q    monitor.Query
		want []int
	}{
		"kind":             {monitor.Query{Kind: "assessment.share"}, shares},
		"kinds":            {monitor.Query{Kind: "assessment."}, shares},
		"beginning of one": {monitor.Query{Kind: "assessment"}, nil},
		"agency":           {only(monitor.Query{Agency: "CEDAR"}), []int{refused}},
		"from":             {only(monitor.Query{From: "BIRCH"}), nil},
		"to":               {only(monitor.Query{To: "BIRCH"}), []int{delivered, redacted, last}},
		"case":             {only(monitor.Query{Case: strings.Repeat("0", 32)}), nil},
		"share":            {monitor.Query{Share: h.ID.String()}, []int{delivered}},
		"result":           {monitor.Query{Result: "delivered_redacted"}, []int{redacted}},
		"reason":           {monitor.Query{Reason: "E_AGREEMENT_NONE"}, []int{refused}},
		"reason, section":  {monitor.Query{Reason: "E_SECTION_NOT_ALLOWED"}, []int{redacted}},
		"agreement":        {only(monitor.Query{Agreement: "A1"}), []int{delivered, redacted, last}},
		"its version":      {only(monitor.Query{Agreement: "A1/1"}), []int{delivered, redacted, last}},
		"another version":  {only(monitor.Query{Agreement: "A1/2"}), nil},
		"half a reference": {only(monitor.Query{Agreement: "A"}), nil},
		"section":          {monitor.Query{Section: "HEALTH-PHYS"}, []int{redacted}},
		"basis":            {monitor.Query{Basis: "A6-1-c"}, shares},
		"gateway":          {monitor.Query{Basis: "CA1989-47"}, shares},
		"condition":        {monitor.Query{Basis: "A9-2-h"}, []int{redacted}},
		"consent":          {monitor.Query{Consent: "C-1"}, []int{last}},
		"override":         {monitor.Query{Override: "any"}, nil},
		"until":            {only(monitor.Query{Until: pairs[redacted].leaf.At}), []int{delivered, refused}},
		"since":            {only(monitor.Query{Since: pairs[redacted].leaf.At}), []int{redacted, last}},
		"limit":            {only(monitor.Query{Limit: 1}), []int{delivered}},
		"unreadable":       {monitor.Query{Reason: "E_SCHEMA"}, []int{unread}},
		"a quote":          {monitor.Query{Agency: `x' OR '1'='1`}, nil},
	} {
		a, err := x.Search(t.Context(), tt.q)
		if err != nil || fmt.Sprint(a.Entries) != fmt.Sprint(tt.want) || len(a.Rows) != len(tt.want) {
			t.Errorf("%s: %v, want %v: %v", name, a, tt.want, err)
		}
	}
	a, err := x.Search(t.Context(), monitor.Query{Kind: "assessment.share", Limit: 1})
	if err != nil || !strings.Contains(a.Words(), "4 entries found, the first 1 shown") {
		t.Errorf("%s %v", a.Words(), err)
	}
	a, err = x.Search(t.Context(), monitor.Query{Result: "delivered_redacted"})
	if err != nil || cell(a, 0, "delivered") != "EDU" || cell(a, 0, "withheld") != "HEALTH-PHYS" || cell(a, 0, "ground") != "A1/1" || cell(a, 0, "reasons") != "E_SECTION_NOT_ALLOWED" {
		t.Errorf("%+v %v", a, err)
	}
	if _, err := x.Search(t.Context(), monitor.Query{Since: time.Now()}); err != nil {
		t.Error(err)
	}
}
