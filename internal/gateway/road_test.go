package gateway_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"

	"fairlead/internal/bus"
	"fairlead/internal/gateway"
	"fairlead/internal/hubtest"
)

// writeAlert answers every question of an alert about a missing child, as far as the page of the law.
func (b *tab) writeAlert(ref string) {
	b.t.Helper()
	b.open("/send")
	b.press("form:has(input[value='alert.missing']) button")
	b.heading("The child")
	b.fill("ref", ref, "given", "Mara", "family", "Exemplu", "dob-day", "14", "dob-month", "3", "dob-year", "2011", "nationality", "RO", "tongue", "ro")
	b.choose("dob_confidence=claimed", "sex_gender=female")
	b.look("send-child")
	b.press("main button.govuk-button")
	b.heading("What happened")
	at := b.s.agencyNow()
	b.fill("missing_since-day", at.Format("2"), "missing_since-month", at.Format("1"), "missing_since-year", at.Format("2006"), "missing_since-time", "08:15",
		"circumstances", "Left her foster home before breakfast; her coat and telephone are gone.")
	b.choose("category=unknown", "police_risk=high", "trafficking_concern=true")
	b.look("send-missing")
	b.press("main button.govuk-button")
	b.heading("Finding the child")
	b.fill("last_seen", "Alderham coach station", "last_seen_country", "GB", "if_found", "Stay with her and ring +44 1632 960 019. Do not hand her to anyone.",
		"placement", "8 Sample Street, Alderham", "looks", "Small for her age, short black hair")
	b.choose("likely=GB-ENG", "likely=RO")
	b.look("send-find")
	b.press("main button.govuk-button")
	b.heading("Who should receive it?")
}

// TestRoad: a practitioner in England sends an alert; a partner in Romania opens it and takes it on, in
// Romanian; the timeline shows each step as its evidence comes.
func TestRoad(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alder, birch := w.serve(hubtest.Alder, "en"), w.serve(hubtest.Birch, "ro")
	w.keepUp(hubtest.Alder, hubtest.Birch)

	b := alder.tab(t)
	b.open("/")
	b.look("sign-in")
	b.signIn("SW1")
	b.heading("What needs you now")
	b.look("home-empty")
	b.open("/send")
	b.look("send")
	b.writeAlert("N-7")
	b.choose("to=BIRCH", "to=ASPEN", "to=CEDAR")
	b.look("send-who")
	b.press("main button.govuk-button")
	b.heading("Why you may share this")
	b.choose("basis=enquiry", "told=not_practicable", "detriment=none", "danger=clear")
	b.look("send-law")
	b.press("main button.govuk-button")
	b.heading("Check your answers")
	b.says("They will not see", "Where the child is or lives now", "Outside your country: Romania", "Not sent", "By its kind it stays inside your country")
	b.look("send-check")
	b.press("main form[action$='/send'] button")
	b.heading("This leaves your country")
	b.look("send-interrupt")
	b.press("main form button.govuk-button")
	b.heading("Case N-7")
	b.look("case-queued")
	b.until("Delivered: their program signed")
	b.look("case-delivered")

	ro := birch.tab(t)
	ro.signIn("D4")
	ro.until("De deschis")
	ro.look("ro-home")
	ro.press(".app-due__what a")
	ro.heading("un copil a dispărut")
	ro.look("ro-sealed")
	ro.press("main form[action$='/open'] button")
	ro.says("Mara Exemplu", "Gradul de risc stabilit de poliție", "Cine a citit")
	ro.look("ro-message")
	ro.choose("level=accepted_for_action")
	ro.press("main form[action$='/acknowledge'] button")
	ro.look("ro-accepted")

	b.until("Taken on: practitioner, D4")
	b.says("Opened by a person: practitioner, D4")
	b.look("case-accepted")
}

// TestLooks: every page that the road does not pass, at the width of a desk and of a telephone, in both
// languages: nothing that axe-core holds against it, nothing wider than the window.
func TestLooks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alder := w.serve(hubtest.Alder, "en")
	w.keepUp(hubtest.Alder)
	r := alder.signIn(t, "SW1")
	b := alder.tab(t)
	b.signIn("TM1")
	draft := r.write("alert.missing", alder.alert("N-7"))
	thread := r.send(r.write("alert.missing", alder.alert("N-6")))
	sent := field(t, r.until(thread, "Delivered: their program"), `href="(/sent/[^"]+)"`)
	guarded := b.guarded(r)
	w.propose(hubtest.Birch, questions(w.Clock.Now()))
	pages := map[string]string{
		"home": "/", "inbox": "/inbox", "sent": "/sent", "sent-message": sent, "cases": "/cases", "agency": "/agency", "approvals": "/approvals",
		"consents": "/consents", "agreements": "/agreements", "agreement": "/agreements/A1/1", "people": "/people", "proofs": "/proofs",
		"notfound": "/nowhere",
	}
	for name, path := range pages {
		b.open(path)
		b.look(name)
	}
	for name, path := range guarded {
		b.open(path)
		b.look(name)
	}
	b.open("/people/new")
	b.fill("user", "SW7", "name", "Wren Fictive", "role", "PRACTITIONER")
	b.press("main form button.govuk-button")
	b.heading("Invitation for Wren Fictive")
	b.look("invited")
	b.open("/language?to=ro&back=/")
	b.phone()
	for name, path := range guarded {
		b.open(path)
		b.look("phone-ro-" + name)
	}
	for name, path := range map[string]string{"home": "/", "case": thread, "sent": "/sent", "who": draft + "/who", "check": draft + "/check", "agreements": "/agreements"} {
		b.open(path)
		b.look("phone-ro-" + name)
	}
}

// TestMistakes: faults in a browser: the summary takes the focus and leads to the field; what was typed stays.
func TestMistakes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alder := w.serve(hubtest.Alder, "en")
	b := alder.tab(t)
	b.signIn("SW1")
	b.open("/send")
	b.press("form:has(input[value='alert.missing']) button")
	b.fill("family", "Exemplu", "dob-day", "31", "dob-month", "2", "dob-year", "2011")
	b.press("main button.govuk-button")
	b.look("send-faults")
	if !js[bool](b, `document.title.startsWith("Error:") && document.activeElement.classList.contains("govuk-error-summary")`) {
		t.Error("the title does not say Error, or the summary has not the focus")
	}
	if !js[bool](b, `[...document.querySelectorAll(".govuk-error-summary__list a")].every(a => document.getElementById(a.hash.slice(1)))`) {
		t.Error("a link of the summary leads nowhere")
	}
	if v := js[string](b, `document.querySelector("[name=family]").value`); v != "Exemplu" {
		t.Errorf("what was typed is lost: %q", v)
	}
}

// TestWithoutScript: the whole way to the check of the answers in a browser that runs no script.
func TestWithoutScript(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alder := w.serve(hubtest.Alder, "en")
	b := alder.tab(t)
	b.do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return err
	}))
	b.open("/sign-in")
	if js[bool](b, `[...document.querySelectorAll("[hidden]")].some(e => getComputedStyle(e).display != "none")`) {
		t.Error("a button is shown that does nothing without a script")
	}
	b.signIn("SW1")
	if bar := b.text("header"); !strings.Contains(bar, "Signed in until") {
		t.Errorf("who runs no script is not told when the session ends: %s", bar)
	}
	b.press(".app-user-bar a[href^='/session']")
	b.heading("Your session")
	b.press("form[action='/session/stay'] button")
	b.open("/send")
	b.press("form:has(input[value='alert.missing']) button")
	b.do(chromedp.SendKeys(chromedp.CSS("[name=ref]"), "N-7"), chromedp.SendKeys(chromedp.CSS("[name=given]"), "Mara"))
	b.choose("dob_confidence=claimed")
	b.press("main button.govuk-button")
	b.heading("What happened")
	if js[bool](b, `document.body.classList.contains("js-enabled")`) {
		t.Error("scripts run all the same")
	}
}

// TestPasskey: an invitation makes a passkey, once; the passkey signs in where there is no other way.
func TestPasskey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alder := w.serve(hubtest.Alder, "en", func(c *gateway.Config) { c.Demo = false })
	invite := func(user, name string) string {
		token, err := gateway.Invite(w.Agency(hubtest.Alder).Home.Dir, gateway.Person{User: user, Name: name}, w.Clock.Now())
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	token, stranger := invite("SW1", "Nell Ashdown"), invite("NOBODY", "Nobody")
	b := alder.tab(t)
	b.do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		if _, err := chromedp.Call(ctx, webauthn.Enable, webauthn.EnableParams{}); err != nil {
			return err
		}
		_, err := chromedp.Call(ctx, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
			Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal, HasResidentKey: true,
			HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
		}})
		return err
	}))
	b.open("/invitation/" + stranger)
	b.heading("Your role does not allow this")
	b.open("/invitation/" + token)
	b.heading("Make your passkey")
	b.look("invitation")
	b.press("[data-passkey]")
	b.heading("What needs you now")
	b.press("form[action='/sign-out'] button")
	b.heading("Sign in")
	b.look("sign-in-passkey")
	b.press("[data-passkey]")
	b.heading("What needs you now")
	b.open("/sign-in/again?next=/agency")
	b.heading("Show once more")
	b.look("again-passkey")
	b.press("[data-passkey]")
	b.heading("Your agency")
	b.open("/invitation/" + token)
	b.heading("There is no such page")
}

// TestHubAway: without a hub people go on working, and each page says what has left the house and what not.
func TestHubAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.Agency(hubtest.Alder)
	alder := w.serve(hubtest.Alder, "en", func(c *gateway.Config) {
		c.Dial = func(context.Context) (*bus.Agency, error) { return nil, errors.New("the hub is away") }
	})
	if a == nil {
		t.Fatal("no agency")
	}
	r := alder.signIn(t, "SW1")
	body := ""
	for body == "" || !strings.Contains(body, "The hub cannot be reached") { // until the program has tried
		_, body = r.get("/agency")
	}
	r.says("/proofs", "Hub</dt><dd class=\"govuk-summary-list__value\">The hub cannot be reached")
	thread := r.send(r.write("alert.missing", alder.alert("N-7")))
	if _, body = r.get(thread); !strings.Contains(body, "still queued here") || strings.Contains(body, "✓</span> Recorded") {
		t.Errorf("the page says more than is so: %s", body)
	}
	sent := field(t, body, `href="(/sent/[^"]+)"`)
	if _, body = r.get(sent); !strings.Contains(body, "has not left your agency") {
		t.Errorf("the page does not say what has not been sent: %s", body)
	}
}
