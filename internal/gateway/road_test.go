package gateway_test

import (
	"testing"

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
	b.says("They will not see", "Where the child is or lives now", "Outside your country: Romania", "Not delivered")
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
