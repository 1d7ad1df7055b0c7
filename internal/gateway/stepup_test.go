package gateway_test

import (
	"bufio"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"fairlead/internal/hubtest"
)

// TestLeaver: who leaves the register is out with the next request, hears no news any more and cannot come back.
func TestLeaver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alder := w.serve(hubtest.Alder, "en")
	w.keepUp(hubtest.Alder)
	sw, tm := alder.signIn(t, "SW1"), alder.signIn(t, "TM1")
	resp, err := sw.http.Get(alder.URL + "/news")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	news := bufio.NewScanner(resp.Body)
	for news.Scan() && news.Text() == "" {
		t.Log("before the first word")
	}
	a := alder.agency
	d, err := a.Home.LeaverDraft(a.Client, "SW1", "PRACTITIONER")
	if err != nil {
		t.Fatal(err)
	}
	d.Role, d.User = "DPO", "dpo"
	if _, err := w.Send(t.Context(), hubtest.Alder, d); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/", "/inbox", "/session"} {
		if _, body := sw.get(path); !strings.HasPrefix(body, "/sign-in?") {
			t.Errorf("who has left still sees %s: %s", path, body)
		}
	}
	if status, _ := sw.post("/sign-in/demo", url.Values{"user": {"SW1"}}); status != http.StatusForbidden {
		t.Errorf("who has left signs in: %d", status)
	}
	tm.send(tm.write("alert.missing", alder.alert("N-7")))
	for news.Scan() {
		if strings.HasPrefix(news.Text(), "event: news") {
			t.Fatal("who has left hears of what happens")
		}
	}
	if status, _ := tm.get("/inbox"); status != http.StatusOK {
		t.Errorf("and a colleague is shut out: %d", status)
	}
}

// TestStay: the script of a page and a form without one both keep a session; a page left open does not.
func TestStay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alder := w.serve(hubtest.Alder, "ro")
	r := alder.signIn(t, "SW1")
	late := func() { w.Clock.Set(w.Clock.Now().Add(29 * 60e9)) }
	late()
	if status, _ := r.post("/session/stay", nil); status != http.StatusNoContent {
		t.Errorf("the script's answer: %d", status)
	}
	late()
	if _, body := r.post("/session/stay", url.Values{"next": {"/cases"}}); !strings.HasPrefix(body, "/cases\n") {
		t.Errorf("a form does not go on where it was: %s", body)
	}
	late()
	r.says("/session", "Sesiunea se închide la")
	if _, body := r.post("/session/stay", url.Values{"next": {"//evil.example"}}); !strings.HasPrefix(body, "/\n") {
		t.Errorf("it leads to another site: %s", body)
	}
}
