package gateway_test

import (
	"fmt"
	"html/template"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"fairlead/internal/hubtest"
	"fairlead/internal/store"
	"fairlead/internal/tlog"
	"fairlead/internal/witness"
)

// TestProofs: the page holds the key of each agency beside its name, and the state of the log as it was proved here;
// it never says that no fault was found when one was, and the first page then leads to it.
func TestProofs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alder := w.serve(hubtest.Alder, "en")
	sw := alder.signIn(t, "SW1")
	_, body := sw.get("/proofs")
	for _, a := range alder.agency.Client.Snapshot().Agencies() {
		c := alder.agency.Client.Snapshot().Certificate(a.ID)
		row := regexp.MustCompile(`(?s)<bdi>` + a.Name + `</bdi></dt>.*?</dd>`).FindString(body)
		if c != nil && (!strings.Contains(row, c.Fingerprint().Words()) || !strings.Contains(row, c.Fingerprint().String())) {
			t.Errorf("beside %s stands %s", a.Name, row)
		}
	}
	if keys := regexp.MustCompile(`<bdi>([^<]*)</bdi></dt>`).FindStringSubmatch(body); keys == nil || keys[1] != "Alder Council" {
		t.Errorf("the first key is not our own: %v", keys)
	}
	tree := alder.agency.Client.Tree()
	_, body = sw.get("/proofs")
	for now := alder.agency.Client.Tree(); now != tree; now = alder.agency.Client.Tree() { // the log grew meanwhile
		tree = now
		_, body = sw.get("/proofs")
	}
	if want := fmt.Sprintf(`Entries of the log that were proved</dt><dd class="govuk-summary-list__value">%d<`, tree.N); !strings.Contains(body, want) || !strings.Contains(body, template.HTMLEscapeString(tree.Hash.String())) {
		t.Errorf("the page does not hold the tree of %d: %s", tree.N, body)
	}
	sw.says("/proofs", "No fault was found", "this agency has no list of witnesses")
	sw.lacks("/", "this program did not do")

	db, err := store.Open(filepath.Join(alder.agency.Home.Dir, "store.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	alarm := func(query string, values ...any) {
		t.Helper()
		if _, err := db.Exec(query, values...); err != nil {
			t.Fatal(err)
		}
	}
	alarm(`INSERT INTO alarms (at, code, idx, what) VALUES (?, 'false', 7, ?)`, w.Clock.Now().UTC().Format(time.RFC3339), "entry 7 says something else than entry 6 <b>") // as package client does
	sw.says("/proofs", "entry 7 says something else than entry 6 &lt;b&gt;", "Something happened that this program did not do")
	sw.lacks("/proofs", "No fault was found")
	sw.says("/", "something happened that this program did not do", `href="/proofs"`)
	sw.everywhere("SW1", "/proofs", "/")
	alarm(`DELETE FROM alarms`) // this world is sound
}

// TestWitnesses: the page says how far others have seen the same log, and that they have not when they are cut off.
func TestWitnesses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	skey, err := tlog.GenerateCosigner("witness.example/one")
	if err != nil {
		t.Fatal(err)
	}
	key, err := tlog.NewCosigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "witness")
	if err := witness.Create(dir); err != nil {
		t.Fatal(err)
	}
	one, err := witness.Open(dir, key, w.Clock.Now, w.Hub.Verifier())
	if err != nil {
		t.Fatal(err)
	}
	var off atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if off.Load() {
			rw.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		one.ServeHTTP(rw, r)
	}))
	t.Cleanup(func() { server.Close(); one.Close() })
	if err := w.Witness(t.Context(), fmt.Appendf(nil, "log %s\nwitness one %s %s\nquorum one\n", w.Hub.LogKey(), key.VKey(), server.URL)); err != nil {
		t.Fatal(err)
	}
	alder := w.serve(hubtest.Alder, "en")
	w.keepUp(hubtest.Alder)
	sw := alder.signIn(t, "SW1")
	sw.send(sw.write("alert.missing", alder.alert("N-7")))
	sw.until("/proofs", "Enough witnesses outside the hub have signed the same log up to")
	off.Store(true)
	sw.until(sw.send(sw.write("alert.missing", alder.alert("N-8"))), "Delivered: their program")
	w.wait(2 * time.Minute)
	sw.says("/proofs", "Not enough witnesses have signed what came since", "Telephone the hub")
}
