package gateway_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"fairlead/internal/client"
	"fairlead/internal/consent"
	"fairlead/internal/fairlead"
	"fairlead/internal/hubtest"
)

// refuse puts on record that a young person refuses sections, and that everybody here is trained.
func (w *world) refuse(child string, codes ...fairlead.SectionCode) {
	w.t.Helper()
	handle, err := w.Agency(hubtest.Alder).SubjectHandle(child)
	if err != nil {
		w.t.Fatal(err)
	}
	record, err := json.Marshal(consent.Record{
		ID: "C-1", Subject: handle, Giver: "CHILD_16", At: fairlead.At(w.Clock.Now()), Items: []consent.Item{{Status: fairlead.ConsentRefused, Sections: codes}},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.sure(hubtest.Alder, hubtest.DraftConsent(child, record))
	for _, user := range []string{"SW1", "TM1"} {
		w.sure(hubtest.Aspen, hubtest.DraftTraining(hubtest.Alder, user, w.Clock.Now().AddDate(1, 0, 0)))
	}
}

// sure sends what must be delivered.
func (w *world) sure(from fairlead.AgencyID, d *client.Draft) {
	w.t.Helper()
	if sent, err := w.Send(w.t.Context(), from, d); err != nil || sent[0].Verdict.Result != fairlead.Delivered {
		w.t.Fatal(sent, err)
	}
}

// overriding are the answers of who overrides a refusal of the page on school.
func overriding() url.Values {
	return url.Values{
		"override": {"EDU"}, "override_reason": {"SIG-HARM"}, "who_is_at_risk": {"she"}, "harm_expected": {"she is taken away"}, "why_not_followed": {"she is afraid of him"},
		"alternatives": {"asked her twice"}, "minimum": {"the school page alone"}, "was_told": {"not yet, he reads her telephone"}, "review_on-day": {"1"}, "review_on-month": {"3"}, "review_on-year": {"2027"},
	}
}

// TestOverride: what a refusal keeps is offered for an override with the reasons that count here; the note
// is needed whole; the refusal is followed again as soon as nothing is ticked.
func TestOverride(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alder := w.serve(hubtest.Alder, "en")
	w.refuse("N-7", "EDU")
	w.keepUp(hubtest.Alder)
	sw, tm := alder.signIn(t, "SW1"), alder.signIn(t, "TM1")
	draft := sw.write("assessment.share", assessment("ASPEN"))
	_, body := sw.get(draft + "/check")
	if !strings.Contains(body, "School: A refusal of consent is on record.") || !strings.Contains(body, draft+"/override") {
		t.Errorf("the check does not name the refusal, or offers no override: %s", body)
	}
	sw.everywhere("SW1", draft+"/override")
	_, body = sw.get(draft + "/override")
	if !strings.Contains(body, `value="SIG-HARM"`) || strings.Contains(body, `value="RISK"`) {
		t.Errorf("%s", body)
	}
	half := overriding()
	half.Del("minimum")
	if status, body := sw.post(draft+"/override", half); status != http.StatusUnprocessableEntity || !strings.Contains(body, `href="#minimum"`) || !strings.Contains(body, "asked her twice") {
		t.Errorf("half a note is taken, or lost: %d", status)
	}
	sw.post(draft+"/override", overriding())
	sw.everywhere("SW1", draft+"/override", draft+"/check")
	if _, body = sw.get(draft + "/check"); !strings.Contains(body, "Waits for a second person") || !strings.Contains(body, "the school page alone") {
		t.Errorf("the check does not say that it waits: %s", body)
	}
	sw.post(draft+"/override", url.Values{"who_is_at_risk": {"she"}})
	if _, body = sw.get(draft + "/check"); strings.Contains(body, "Waits for a second person") || strings.Contains(body, "the school page alone") {
		t.Errorf("nothing is ticked, and the refusal is still overridden: %s", body)
	}
	sw.post(draft+"/override", overriding())
	w.Clock.Set(w.Clock.Now().Add(16 * time.Minute)) // signed in too long ago to override
	_, body = sw.get(draft + "/check")
	form := url.Values{"version": {field(t, body, `name="version" value="(\d+)"`)}, "abroad": {"1"}}
	if _, body = sw.post(draft+"/send", form); !strings.HasPrefix(body, "/sign-in/again?") {
		t.Errorf("overridden without a fresh proof of who it is: %s", body)
	}
	for _, r := range []*reader{sw, tm} {
		r.post("/sign-in/again/demo", url.Values{"next": {"/"}})
	}
	thread := sw.send(draft) // it has not gone yet
	page := strings.Replace(field(t, sw.until(thread, "a second person must approve"), `href="(/sent/[^"]+)"`), "/sent/", "/approvals/", 1)
	sw.everywhere("SW1", "/approvals", page)
	if status, _ := sw.post(page, url.Values{"reason": {"SIG-HARM"}}); status != http.StatusForbidden {
		t.Errorf("the author approves: %d", status)
	}
	tm.everywhere("TM1", "/approvals", page)
	if _, body := tm.get(page); !strings.Contains(body, "the school page alone") || !strings.Contains(body, "Asks good questions.") {
		t.Errorf("the second person does not see what they sign: %s", body)
	}
	tm.post(page, url.Values{"reason": {"SIG-HARM"}})
	sw.until(thread, "Delivered: their program")
}

// TestOverrideInBrowser: the whole path with two people, each with a browser of their own.
func TestOverrideInBrowser(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alder := w.serve(hubtest.Alder, "en")
	w.refuse("N-7", "EDU")
	w.keepUp(hubtest.Alder)
	author, second := alder.tab(t), alder.tab(t)
	author.signIn("SW1")
	second.signIn("TM1")
	draft := alder.signIn(t, "SW1").write("assessment.share", assessment("ASPEN"))
	author.open(draft + "/check")
	author.press("a[href$='/override']")
	author.heading("Why the refusal is not followed")
	author.choose("override=EDU", "override_reason=SIG-HARM")
	for name, values := range overriding() {
		if !strings.HasPrefix(name, "override") {
			author.fill(name, values[0])
		}
	}
	author.look("override")
	author.press("main button.govuk-button")
	author.heading("Check your answers")
	author.look("override-check")
	author.press("main form[action$='/send'] button")
	author.until("a second person must approve")
	author.look("override-held")
	author.open("/approvals")
	author.press("main table a")
	author.says("You wrote this message yourself")
	if author.text("main form") != "" {
		t.Error("the author is offered to approve")
	}
	author.look("override-own")
	second.open("/")
	second.says("Approve as second person")
	second.press(".app-due__what a[href^='/approvals/']")
	second.says("the school page alone")
	second.choose("reason=SIG-HARM")
	second.look("override-approve")
	second.press("main form[action^='/approvals/'] button")
	second.says("Your approval is signed")
	second.until("Delivered: their program")
	second.look("override-delivered")
}
