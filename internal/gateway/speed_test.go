package gateway_test

import (
	"bufio"
	"io"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"fairlead/internal/fairlead"
	"fairlead/internal/hubtest"
	"fairlead/internal/store"
)

// fillInbox puts 10,000 messages beside those that an agency has.
func fillInbox(b testing.TB, dir string) {
	b.Helper()
	db, err := store.Open(filepath.Join(dir, "store.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	tx, err := db.Begin()
	if err != nil {
		b.Fatal(err)
	}
	for i := range 10000 {
		if _, err := tx.Exec(`INSERT INTO inbox VALUES (?, ?, ?, 'ALDER', 'alert.missing', '', '2027-01-11T09:00:00Z', x'00', x'00', x'00', 'opened_by_human', 0)`,
			fairlead.NewShareID().String(), 1000+i, 1000+i); err != nil { // a list reads no frames
			b.Fatal(err)
		}
	}
	if err := tx.Commit(); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkInbox is the server's time for the first page of an inbox with 10,000 messages.
func BenchmarkInbox(b *testing.B) {
	w := newWorld(b)
	alder, birch := w.serve(hubtest.Alder, "en"), w.serve(hubtest.Birch, "en")
	sw := alder.signIn(b, "SW1")
	sw.send(sw.write("alert.missing", alder.alert("N-7")))
	if err := w.Settle(b.Context()); err != nil {
		b.Fatal(err)
	}
	fillInbox(b, birch.agency.Home.Dir)
	r := birch.signIn(b, "D4")
	for b.Loop() {
		if status, _ := r.get("/inbox"); status != http.StatusOK {
			b.Fatal(status)
		}
	}
	// The world is not to be checked: its agency's store was filled by hand.
	w.Close()
}

// BenchmarkMessage is the server's time to prove, decrypt and draw one message: at most 30 ms.
func BenchmarkMessage(b *testing.B) {
	w := newWorld(b)
	alder, birch := w.serve(hubtest.Alder, "en"), w.serve(hubtest.Birch, "en")
	sw := alder.signIn(b, "SW1")
	sw.send(sw.write("alert.missing", alder.alert("N-7")))
	r := birch.signIn(b, "D4")
	message := field(b, r.until("/inbox", `href="/messages/`), `href="(/messages/[^"]+)"`)
	r.post(message+"/open", nil)
	for b.Loop() {
		if status, _ := r.get(message); status != http.StatusOK {
			b.Fatal(status)
		}
	}
}

// BenchmarkNotice is the time from the press of the button at one agency to the notice in a page of another: writing
// to the outbox, the hub's decision and its proof included. After the proof at most 1 s may pass.
func BenchmarkNotice(b *testing.B) {
	w := newWorld(b)
	alder, birch := w.serve(hubtest.Alder, "en"), w.serve(hubtest.Birch, "en")
	sw, d4 := alder.signIn(b, "SW1"), birch.signIn(b, "D4")
	resp, err := d4.http.Get(birch.URL + "/news")
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	news := bufio.NewScanner(resp.Body)
	for b.Loop() {
		b.StopTimer()
		draft := sw.write("alert.missing", alder.alert("N-7"))
		b.StartTimer()
		sw.send(draft)
		for news.Scan() && !strings.HasPrefix(news.Text(), "data:") {
			continue
		}
	}
}

// TestFirstPage: what a browser fetches for the first page weighs at most 40 KB, with nothing cached.
func TestFirstPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alder := w.serve(hubtest.Alder, "ro")
	if !alder.Built() {
		skip(t, "the stylesheet and script are not built")
	}
	for path, user := range map[string]string{"/sign-in": "", "/": "TM1"} {
		r := alder.signIn(t, user)
		_, page := r.get(path)
		weight := len(page)
		for _, link := range regexp.MustCompile(`(?:href|src)="(/assets/[^"]+)"`).FindAllStringSubmatch(page, -1) {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, alder.URL+link[1], nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Accept-Encoding", "br")
			resp, err := r.http.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			n, err := io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			if err != nil || n == 0 {
				t.Fatalf("%s: %d bytes, %v", link[1], n, err)
			}
			weight += int(n)
		}
		t.Logf("%s: %d bytes", path, weight)
		if weight > 40_000 {
			t.Errorf("%s weighs %d bytes", path, weight)
		}
	}
}
