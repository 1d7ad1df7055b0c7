package gateway_test

import (
	"regexp"
	"strings"
	"testing"

	"fairlead/internal/agreement"
	"fairlead/internal/fairlead"
	"fairlead/internal/hubtest"
)

// ruled is an agreement whose terms ask for everything that a term can ask.
func ruled(w *world) *agreement.Agreement {
	a := questions(w.Clock.Now())
	a.Terms[0].When = &agreement.When{
		Thresholds: []fairlead.Threshold{"TH3", "TH4"}, TLP: "AMBER+STRICT", GSC: "OFFICIAL-SENSITIVE", Training: []string{"T2", "T-CORE"},
		Consent: &agreement.Consent{Given: true, GivenBy: []fairlead.Giver{"CHILD_16"}},
		Facts: &agreement.Condition{Any: []agreement.Condition{
			{Fact: "severity", OneOf: []string{"Severe", "Extreme"}},
			{Not: &agreement.Condition{Fact: "role", Is: "PRACTITIONER"}},
			{All: []agreement.Condition{{Fact: "threshold", AtLeast: "TH3"}, {Fact: "threshold", AtMost: "TH4"}, {Fact: "basis", Is: "A6-1-e"}}},
		}},
	}
	a.Terms[0].Oblige = &agreement.Oblige{
		RetainDays: 90, Onward: agreement.OnwardAsk, AcknowledgeHours: 1, ReviewDays: 30, Notify: []fairlead.Role{"DPO"}, UseOnlyFor: []fairlead.Purpose{"PRT-ASSESS"},
	}
	a.Terms[1].When = &agreement.When{Consent: &agreement.Consent{Objection: true}}
	a.Terms = append(a.Terms, agreement.Term{
		ID: "never", Text: "the signed words", Prohibit: &agreement.Scope{From: a.Parties, To: a.Parties, Kinds: []string{"info.request"}, Sections: []fairlead.SectionCode{"RISK"}},
		When: &agreement.When{Thresholds: []fairlead.Threshold{"TH1"}, Facts: &agreement.Condition{Fact: "facts.urgency", Is: "routine"}},
	})
	return a
}

// inRomanian and inEnglish say the same rules.
var (
	inEnglish = []string{
		"Only at the level of need: ", "Handling no stricter than: ", "The sender holds this training: T2 (Working with migrant, asylum-seeking and trafficked children), T-CORE (Sending", "Consent to the page is given by: ",
		"Only if the severity is one of: ", " or not: the role of the sender is “practitioner” or (the level of need is at least ", "and the lawful basis is “Public task”)<", "It is deleted after 90 days",
		"A person acknowledges it within 1 hour<", "The sender is asked before it is passed on", "After 30 days", "The recipient tells: data protection officer", "It is used only for: ", "Nobody concerned objects to the page",
		"The words were signed in English",
	}
	inRomanian = []string{
		"Numai la nivelul de nevoie: ", "Regim de lucru cel mult: ", "Expeditorul are instruirea: T2 (", "Consimțământul pentru pagină a fost dat de: ",
		"Numai dacă gravitatea este unul dintre: ", " sau nu: rolul expeditorului este „practician” sau (nivelul de nevoie este cel puțin ", "Se șterge după 90 de zile",
		"O persoană confirmă primirea în 1 oră<", "Expeditorul este întrebat", "După 30 de zile", "Destinatarul anunță: responsabil cu protecția datelor", "Se folosește numai pentru: ", "Nimeni dintre cei vizați nu se opune paginii",
		"Textul a fost semnat în limba engleză",
	}
	englishRule = regexp.MustCompile(`if threshold|is one of|at most|consent given|nobody objects|delete it after|within \d|unless|review whether|tell your|use it for`)
)

// TestTerms: what the hub enforces is said in the reader's language, on an agreement and in a comparison; what was
// signed stands in its own, and says which that is.
func TestTerms(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alder := w.serve(hubtest.Alder, "en")
	w.propose(hubtest.Birch, ruled(w))
	b := ruled(w)
	b.Version, b.Supersedes = 2, "A9/1"
	b.Terms[0].When, b.Terms[0].Oblige.RetainDays = nil, 1
	b.Terms[0].Text, b.Objective, b.Summary = "textul care a fost semnat de părți și care este", "pentru a întreba ce este necesar", "se pun întrebări despre copii și familii care sunt în alt stat"
	b.Governance.Rights, b.Governance.Breach = "fiecare răspunde pentru ale sale", "se anunță în 24 de ore, și nu mai târziu"
	w.propose(hubtest.Birch, b)
	sig := alder.signIn(t, "SG1")
	sig.says("/agreements/A9/1", inEnglish...)
	sig.says("/agreements/A9/1", `<blockquote class="govuk-inset-text" dir="auto" lang="en">the signed words`, `lang="en">questions are asked`)
	sig.says("/agreements/A9/2", "The words were signed in Romanian", `lang="ro">textul care a fost semnat`, "It is deleted after 1 day<")
	sig.says("/agreements/A9/2/compare?with=A9/1", "It is deleted after 90 days", "It is deleted after 1 day<", "Consent to the page is given by: ", "Transfer abroad: Adequacy", "Term out has other words", "Not sent where this holds, or where it is not known: Only at the level of need: ")
	sig.get("/language?to=ro")
	sig.says("/agreements/A9/1", inRomanian...)
	sig.says("/agreements/A9/2", "Textul a fost semnat în limba română")
	sig.says("/agreements/A9/2/compare?with=A9/1", "Se șterge după 90 de zile", "Se șterge după 1 zi<", "Consimțământul pentru pagină a fost dat de: ", "Nu se trimite dacă acest lucru este adevărat sau nu se știe: ")
	for _, path := range []string{"/agreements/A9/1", "/agreements/A9/2", "/agreements/A9/2/compare?with=A9/1"} {
		if _, body := sig.get(path); englishRule.MatchString(body) {
			t.Errorf("%s says a rule in English: %s", path, englishRule.FindString(body))
		}
		if _, body := sig.get(path); strings.Contains(body, "urgency") {
			t.Errorf("%s shows a code", path)
		}
	}
}
