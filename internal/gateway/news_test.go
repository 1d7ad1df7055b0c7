package gateway_test

import (
	"bufio"
	"net/http"
	"strings"
	"testing"

	"fairlead/internal/hubtest"
)

// TestNews: who has a page open is told that something came, and nothing of what; being told is no use of the page.
func TestNews(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alder, birch := w.serve(hubtest.Alder, "en"), w.serve(hubtest.Birch, "ro")
	d4 := birch.signIn(t, "D4")
	if resp, err := birch.signIn(t, "").http.Get(birch.URL + "/news"); err != nil || !strings.HasPrefix(resp.Request.URL.Path, "/sign-in") {
		t.Errorf("news for nobody: %v", err)
	}
	resp, err := d4.http.Get(birch.URL + "/news")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/event-stream" {
		t.Errorf("%d %v", resp.StatusCode, resp.Header)
	}
	lines := bufio.NewScanner(resp.Body)
	sw := alder.signIn(t, "SW1")
	sw.send(sw.write("alert.missing", alder.alert("N-7")))
	var heard []string
	for lines.Scan() {
		if lines.Text() != "" {
			heard = append(heard, lines.Text())
		}
		if strings.HasPrefix(lines.Text(), "data:") {
			break
		}
	}
	if got := strings.Join(heard, "|"); got != ": ready|event: news|data: 1" {
		t.Errorf("the news say %q", got)
	}
	d4.says("/inbox", `href="/messages/`)
	w.Clock.Set(w.Clock.Now().Add(31 * 60e9))
	if _, body := d4.get("/inbox"); !strings.HasPrefix(body, "/sign-in?") {
		t.Error("a page left open keeps the session")
	}
}

// TestNotice: a browser that was asked to gives a notice while the page is hidden, without a word of content.
func TestNotice(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alder, birch := w.serve(hubtest.Alder, "en"), w.serve(hubtest.Birch, "ro")
	b := birch.tab(t)
	b.signIn("D4")
	b.open("/session")
	b.look("session-notices")
	b.says("Înștiințări pe acest dispozitiv")
	js[int](b, `window.made = []; const N = Notification;
		window.Notification = class extends N { // as if its reader had allowed it
			static get permission() { return "granted"; }
			constructor(title, o) { super(title, o); made.push(title + ": " + o.body); }
		};
		Object.defineProperty(document, "hidden", { get: () => true });
		window.heard = new Promise(done => new MutationObserver(() => done(Notification.permission + ", " + made.join()))
			.observe(document.querySelector("[data-live]"), { childList: true })); 0`)
	sw := alder.signIn(t, "SW1")
	sw.send(sw.write("alert.missing", alder.alert("N-7")))
	said := js[string](b, `heard`)
	if said != "granted, Fairlead · Birch Directorate: Există ceva nou. Afișează" {
		t.Errorf("the notice says %q", said)
	}
}
