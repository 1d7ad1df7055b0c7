package gateway_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"fairlead/internal/hubtest"
)

// lacks fails where a page says what it must not.
func (r *reader) lacks(path string, words ...string) {
	r.t.Helper()
	status, body := r.get(path)
	for _, w := range words {
		if status != http.StatusOK || strings.Contains(body, w) {
			r.t.Errorf("%s (%d) says %q", path, status, w)
		}
	}
}

func (r *reader) says(path string, words ...string) {
	r.t.Helper()
	status, body := r.get(path)
	for _, w := range words {
		if status != http.StatusOK || !strings.Contains(body, w) {
			r.t.Errorf("%s (%d) does not say %q:\n%s", path, status, w, body)
		}
	}
}

// TestRestricted: where a restricted child is, is on no page until a reason was given in that session; who looked
// stands on the case; what was shown under an earlier flag opens nothing under the next.
func TestRestricted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alder, birch := w.serve(hubtest.Alder, "en"), w.serve(hubtest.Birch, "ro")
	w.keepUp(hubtest.Alder, hubtest.Birch)
	sw, tm := alder.signIn(t, "SW1"), alder.signIn(t, "TM1")
	answers := alder.alert("N-7")
	answers["find"].Set("last_seen", "Quay Nine")
	thread := sw.send(sw.write("alert.missing", answers))
	sent := field(t, sw.until(thread, "Delivered: their program"), `href="(/sent/[^"]+)"`)
	draft := sw.write("alert.missing", answers)
	places := []string{"Quay Nine", "8 Sample Street"}
	tm.says(sent, places...)
	tm.says(draft+"/check", places...)

	if status, _ := alder.signIn(t, "SG1").post(thread+"/restrict", url.Values{"next": {"restrict"}, "reason": {"family"}}); status != http.StatusForbidden {
		t.Errorf("restricted by somebody who reads no messages: %d", status)
	}
	if status, body := sw.post(thread+"/restrict", url.Values{"next": {"restrict"}}); status != http.StatusUnprocessableEntity || !strings.Contains(body, "Choose a reason") {
		t.Errorf("restricted without a reason: %d", status)
	}
	sw.post(thread+"/restrict", url.Values{"next": {"restrict"}, "reason": {"exploiters"}})
	everywhere := []string{thread, sent, draft + "/check", "/", "/cases?q=N-7", "/sent", "/inbox", "/send"}
	for _, r := range []*reader{sw, tm} {
		for _, path := range everywhere {
			r.lacks(path, places...)
		}
		if _, body := r.get(draft + "/find"); !strings.HasPrefix(body, thread+"/whereabouts") || strings.Contains(body, places[0]) {
			t.Errorf("the draft shows what it may not: %s", body)
		}
	}
	tm.says(sent, "Left before breakfast.", "is hidden here", "Restricted by Nell Ashdown, practitioner: Somebody who exploited the child", "Nobody has seen it here")
	tm.says("/cases", `<strong class="govuk-tag govuk-tag--red">Restricted</strong>`)

	why := thread + "/whereabouts"
	if status, body := tm.post(why, url.Values{"next": {sent}, "reason": {"curious"}}); status != http.StatusUnprocessableEntity || strings.Contains(body, places[0]) {
		t.Errorf("shown for no reason: %d", status)
	}
	if _, body := tm.post(why, url.Values{"next": {sent}, "reason": {"contact"}}); !strings.Contains(body, places[0]) || !strings.Contains(body, places[1]) {
		t.Errorf("not shown for a reason: %s", body)
	}
	tm.says(draft+"/find", places...)
	tm.says(thread, "Tom Merrow, team manager: I visit or telephone the child")
	sw.says(sent, "Tom Merrow, team manager: I visit or telephone the child")
	sw.lacks(sent, places...)
	alder.signIn(t, "TM1").lacks(sent, places...)

	if status, _ := sw.post(thread+"/restrict", url.Values{"next": {"lift"}, "reason": {"mistake"}}); status != http.StatusForbidden {
		t.Errorf("a practitioner ends the restriction: %d", status)
	}
	tm.post(thread+"/restrict", url.Values{"next": {"lift"}, "reason": {"passed"}})
	sw.says(sent, places...)
	sw.says(thread, "Ended by Tom Merrow, team manager: The danger has passed")
	tm.post(thread+"/restrict", url.Values{"next": {"restrict"}, "reason": {"court"}})
	tm.lacks(sent, places...)

	d4 := birch.signIn(t, "D4")
	message := field(t, d4.until("/inbox", `href="/messages/`), `href="(/messages/[^"]+)"`)
	_, body := d4.post(message+"/open", nil)
	if !strings.Contains(body, places[0]) {
		t.Fatalf("another agency's flag hides it here: %s", body)
	}
	case4 := field(t, body, `href="(/cases/[^"/]+)"`)
	d4.post(case4+"/restrict", url.Values{"next": {"restrict"}, "reason": {"insider"}})
	d4.lacks(message, places...)
	d4.says(message, "este ascuns aici", "Left before breakfast.")
	if _, body = d4.post(case4+"/whereabouts", url.Values{"next": {message}, "reason": {"danger"}}); !strings.Contains(body, places[0]) || !strings.Contains(body, "Copilul este acum în pericol") {
		t.Errorf("not shown for a reason, or not recorded: %s", body)
	}
}

// guarded are the pages around messages, for the look of a team manager.
func (b *tab) guarded(r *reader) map[string]string {
	b.t.Helper()
	thread := r.send(r.write("alert.missing", r.s.alert("N-5")))
	sent := field(b.t, r.until(thread, "Delivered: their program"), `href="(/sent/[^"]+)"`)
	r.post(thread+"/restrict", url.Values{"next": {"restrict"}, "reason": {"family"}})
	r.post(thread+"/whereabouts", url.Values{"next": {"/"}, "reason": {"plan"}})
	r.get(sent)
	return map[string]string{"restricted-case": thread, "restricted-sent": sent, "whereabouts": thread + "/whereabouts", "restrict": thread + "/restrict", "again": "/sign-in/again", "session": "/session", "export": thread + "/export", "export-inbox": "/inbox/export", "escalate": sent + "/escalate", "permit": sent + "/permit", "join": "/people/new", "person": "/person/SW1", "compare": "/agreements/A9/1/compare?with=A1/1", "agreement-signing": "/agreements/A9/1"}
}
