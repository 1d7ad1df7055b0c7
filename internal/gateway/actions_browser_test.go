package gateway_test

import (
	"bytes"
	"encoding/base64"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"fairlead/internal/client"
	"fairlead/internal/hubtest"
)

// TestRefusedInBrowser: where nobody would get a message there is no button that sends; with another
// recipient the same draft goes, once, however often the button is pressed.
func TestRefusedInBrowser(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alder := w.serve(hubtest.Alder, "en")
	w.keepUp(hubtest.Alder)
	answers := alder.alert("N-7")
	answers["who"] = url.Values{"to": {"CEDAR"}}
	draft := alder.signIn(t, "SW1").write("alert.missing", answers)
	b := alder.tab(t)
	b.signIn("SW1")
	b.open(draft + "/check")
	b.says("Nobody would receive this message", "You have no agreement with them")
	if b.text("main form[action$='/send']") != "" {
		t.Error("there is a button that sends to nobody")
	}
	b.look("refused")
	b.press("a[href$='/who']")
	b.choose("to=ASPEN")
	b.press("main button.govuk-button")
	b.heading("Why you may share this")
	b.press("main button.govuk-button")
	b.heading("Check your answers")
	b.press("main form[action$='/send'] button") // Cedar is in the same country, and so is Aspen
	b.heading("Case N-7")
	b.until("Delivered: their program")
	if list, _, err := alder.agency.Posted(client.Filter{Kind: "alert."}); err != nil || len(list) != 1 {
		t.Errorf("%v, %v", list, err)
	}
}

// TestPressedTwice: presses of the button before the answer is there, and one after, send once.
func TestPressedTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alder := w.serve(hubtest.Alder, "en")
	answers := alder.alert("N-7")
	answers["who"] = url.Values{"to": {"ASPEN"}}
	draft := alder.signIn(t, "SW1").write("alert.missing", answers)
	b := alder.tab(t)
	b.signIn("SW1")
	b.open(draft + "/check")
	js[bool](b, `(async () => {
		const form = document.querySelector("main form[action$='/send']"), send = () => fetch(form.action, {method: "POST", body: new URLSearchParams(new FormData(form))});
		await Promise.all([send(), send(), send()]);
		return true;
	})()`)
	b.press("main form[action$='/send'] button")
	b.heading("Case N-7")
	b.until("Recorded by the hub")
	if list, _, err := alder.agency.Posted(client.Filter{Kind: "alert."}); err != nil || len(list) != 1 {
		t.Errorf("%v, %v", list, err)
	}
}

// TestSessionInBrowser: a session that has ended while somebody typed keeps what was typed, and the sign-in
// leads back to it.
func TestSessionInBrowser(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alder := w.serve(hubtest.Alder, "en")
	b := alder.tab(t)
	b.signIn("SW1")
	b.open("/send")
	b.press("form:has(input[value='alert.missing']) button")
	b.fill("ref", "N-7", "given", "Typed before the end", "family", "Exemplu")
	b.choose("dob_confidence=claimed")
	w.Clock.Set(w.Clock.Now().Add(31 * 60e9))
	b.press("main button.govuk-button")
	b.heading("Sign in")
	b.says("What you wrote is saved")
	if strings.Contains(b.text("body"), "Typed before") {
		t.Error("the sign-in page shows content")
	}
	b.look("session-ended")
	b.press("form:has(input[value='SW1']) button")
	b.heading("The child")
	if v := js[string](b, `document.querySelector("[name=given]").value`); v != "Typed before the end" {
		t.Errorf("what was typed is lost: %q", v)
	}
}

// TestPhotographInBrowser: a photograph goes up by the form and comes down, at the other side, as the same file.
func TestPhotographInBrowser(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alder, birch := w.serve(hubtest.Alder, "en"), w.serve(hubtest.Birch, "ro")
	w.keepUp(hubtest.Alder, hubtest.Birch)
	photo := picture(t)
	path := filepath.Join(t.TempDir(), "mara.jpg")
	if err := os.WriteFile(path, photo, 0o600); err != nil {
		t.Fatal(err)
	}
	sw := alder.signIn(t, "SW1")
	draft := sw.write("alert.missing", alder.alert("N-7"))
	b := alder.tab(t)
	b.signIn("SW1")
	b.open(draft + "/find?return=1")
	b.do(chromedp.SetUploadFiles(chromedp.CSS("[name=photo]"), []string{path}))
	b.look("photo")
	b.press("main button.govuk-button")
	b.heading("Check your answers")
	b.says("Why was consent to the photograph not asked: an answer is needed")
	b.open(draft + "/law?return=1")
	b.choose("p18=CANNOT_REASONABLY_OBTAIN")
	b.press("main button.govuk-button")
	b.says("A photograph is attached")
	b.press("main form[action$='/send'] button")
	b.press("main form button.govuk-button")
	b.heading("Case N-7")

	d4, ro := birch.signIn(t, "D4"), birch.tab(t)
	message := field(t, d4.until("/inbox", `href="/messages/`), `href="(/messages/[^"]+)"`)
	ro.signIn("D4")
	ro.open(message)
	ro.press("main form[action$='/open'] button")
	ro.look("ro-photo")
	got := js[string](ro, `(async () => {
		const answer = await fetch(document.querySelector("a[href*='/files/']").href), bytes = new Uint8Array(await answer.arrayBuffer());
		return answer.headers.get("Content-Disposition") + " " + btoa(String.fromCharCode(...bytes));
	})()`)
	how, raw, _ := strings.Cut(got, " ")
	name, raw, _ := strings.Cut(raw, " ")
	if back, err := base64.StdEncoding.DecodeString(raw); err != nil || !bytes.Equal(back, photo) || how != "attachment;" || !strings.HasSuffix(name, `.jpg"`) {
		t.Errorf("came down as %q %q, %d bytes: %v", how, name, len(back), err)
	}
}

// TestRecallInBrowser: asked back in England, answered in Romania, in Romanian; and the pages of what may be
// done with a message, on a desk and on a telephone.
func TestRecallInBrowser(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alder, birch := w.serve(hubtest.Alder, "en"), w.serve(hubtest.Birch, "ro")
	w.join(alder, "SL1", "Sal Lead", "SAFEGUARDING_LEAD")
	w.keepUp(hubtest.Alder, hubtest.Birch)
	sw, d4 := alder.signIn(t, "SW1"), birch.signIn(t, "D4")
	thread := sw.send(sw.write("alert.missing", alder.alert("N-7")))
	message := field(t, d4.until("/inbox", `href="/messages/`), `href="(/messages/[^"]+)"`)
	d4.post(message+"/open", nil)
	d4.post(message+"/acknowledge", url.Values{"level": {"accepted_for_action"}})
	sw.until(thread, "Taken on")
	sent := sw.sentTo(thread, "Birch Directorate")
	b, ro := alder.tab(t), birch.tab(t)
	b.signIn("SL1")
	ro.signIn("D4")
	ro.open(message)
	ro.press("main form[action$='/open'] button")
	ro.look("ro-actions")
	ro.open(message + "/mismatch")
	ro.look("ro-mismatch")
	ro.choose("section=RISK")
	ro.press("main button.govuk-button")
	ro.look("ro-mismatch-fault")
	ro.do(chromedp.SetValue(chromedp.CSS("[name=holds]"), "HEALTH-MH"))
	ro.press("main button.govuk-button")
	ro.says("Raportul", "conține")
	ro.look("ro-mismatch-kept")

	b.open(sent)
	b.look("sent-actions")
	b.press("a[href$='/recall']")
	b.look("recall")
	b.press("main button.govuk-button")
	b.look("recall-fault")
	b.choose("reason=wrong_child", "action=delete", "danger=true")
	b.press("main button.govuk-button")
	b.says("Your request is signed")
	ro.open("/")
	ro.until("Retragerea unui mesaj")
	ro.open("/inbox")
	ro.press("main table a")
	ro.press("main form[action$='/open'] button")
	ro.look("ro-recall-notice")
	ro.press("main a.govuk-button[href^='/recalls/']")
	ro.heading("Un mesaj este cerut înapoi")
	ro.phone()
	ro.look("phone-ro-recalled")
	ro.choose("state=deleted")
	ro.press("main form button.govuk-button")
	ro.look("phone-ro-recall-answered")
	ro.open(message)
	ro.look("phone-ro-shut")
	b.until("They answered: Deleted")
	b.look("recalled")
}

// TestFormsInBrowser: the forms that are begun from a message or made from a schema, on a desk and, in
// Romanian, on a telephone.
func TestFormsInBrowser(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alder := w.serve(hubtest.Alder, "en")
	w.keepUp(hubtest.Alder)
	w.refuse("N-7", "EDU")
	sw := alder.signIn(t, "SW1")
	sent := sw.sentTo(sw.send(sw.write("alert.missing", alder.alert("N-7"))), "Aspen Council")
	begun := func(kind string) string {
		if strings.HasPrefix(kind, "alert.") || kind == "correction" {
			return sw.begin(sent+"/follow", kind)
		}
		return sw.begin("/send", kind)
	}
	pages := map[string]string{
		"news": begun("alert.update") + "/news", "end": begun("alert.cancel") + "/end", "correction": begun("correction") + "/wrong", "note": begun("liaison.note") + "/note",
		"consents": "/consents", "consent": "/consents/C-1", "send": "/send",
	}
	assess, record, coordinate := begun("assessment.share"), begun("consent.record"), begun("investigation.coordinate")
	for _, stage := range []string{"assessment", "findings", "voice", "beside"} {
		pages["assess-"+stage] = assess + "/" + stage
	}
	for _, stage := range []string{"asked", "agreed", "refused", "scope"} {
		pages["consent-"+stage] = record + "/" + stage
	}
	pages["schema-what"], pages["schema-section"] = coordinate+"/what", coordinate+"/PLAN-SAFE"
	b := alder.tab(t)
	b.signIn("SW1")
	for name, path := range pages {
		b.open(path)
		b.look(name)
	}
	b.open("/language?to=ro&back=/")
	b.phone()
	for name, path := range pages {
		b.open(path)
		b.look("phone-ro-" + name)
	}
}
