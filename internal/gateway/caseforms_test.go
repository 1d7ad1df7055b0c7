package gateway_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"fairlead/internal/fairlead"
	"fairlead/internal/hubtest"
)

// assessment are the answers of an assessment for who.
func assessment(who ...string) map[string]url.Values {
	return map[string]url.Values{
		"assessment": {"ref": {"N-7"}, "assess_type": {"initial"}, "lead": {"Nell Ashdown"}, "threshold": {"TH3"}},
		"findings":   {"finding_a": {"She learns fast."}, "sure_a": {"high"}, "finding_c": {"A crowded flat."}, "sure_c": {"low"}},
		"voice":      {"voice_words": {"Vreau acasă.\nNu acum."}, "voice_when": {"yesterday"}, "voice_how": {"by the river"}},
		"beside":     {"rating": {"medium"}, "narrative": {"Word of the address."}, "school": {"Asks good questions."}, "health": {"Asthma."}},
		"who":        {"to": who},
		"law":        {"basis": {"court"}, "told": {"yes"}, "detriment": {"none"}, "danger": {"clear"}},
	}
}

// moment are the answers to a question for an instant, now.
func (s *site) moment(name string) url.Values {
	at := s.agencyNow()
	return url.Values{name + "-day": {at.Format("2")}, name + "-month": {at.Format("1")}, name + "-year": {at.Format("2006")}, name + "-time": {at.Format("15:04")}}
}

// TestAssessment: an assessment goes page by page; a page that the agreement does not carry stays, by name.
func TestAssessment(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alder := w.serve(hubtest.Alder, "en")
	w.keepUp(hubtest.Alder)
	r := alder.signIn(t, "SW1")
	draft := r.write("assessment.share", assessment("ASPEN"))
	r.everywhere("SW1", draft+"/assessment", draft+"/findings", draft+"/voice", draft+"/beside", draft+"/check")
	_, body := r.get(draft + "/check")
	for _, want := range []string{"Physical health: No term of your agreement", "They will see:", "School", "Vreau acasă."} {
		if !strings.Contains(body, want) {
			t.Errorf("the check does not say %q: %s", want, body)
		}
	}
	form := assessment("ASPEN")["findings"]
	form.Set("finding_b", "The father calls.")
	if status, body := r.post(draft+"/findings", form); status != http.StatusUnprocessableEntity || !strings.Contains(body, `href="#sure_b"`) {
		t.Errorf("a finding without how sure it is: %d", status)
	}
	form.Set("sure_b", "medium")
	r.post(draft+"/findings", form)
	thread := r.send(draft)
	sent := r.sentTo(thread, "Aspen Council")
	if _, body := r.get(sent); !strings.Contains(body, "Capacity of parents or carers") || !strings.Contains(body, "They did not get:") {
		t.Errorf("%s", body)
	}
}

// TestLiaison: a word to a colleague asks nothing about a child, and goes where an agreement carries it.
func TestLiaison(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alder := w.serve(hubtest.Alder, "en")
	r := alder.signIn(t, "SW1")
	draft := r.write("liaison.note", map[string]url.Values{
		"note": {"topic": {"arrange_call"}, "message": {"Could we speak on Thursday?"}, "contact": {"Nell Ashdown"}, "contact_phone": {"+44 1632 960 011"}},
		"who":  {"to": {"BIRCH"}}, "law": {"basis": {"cooperate"}, "danger": {"clear"}},
	})
	r.everywhere("SW1", draft+"/note", draft+"/law", draft+"/check")
	if _, body := r.get(draft + "/check"); !strings.Contains(body, "Not sent") || strings.Contains(body, "govuk-error-summary") {
		t.Errorf("no agreement carries it, and the page does not say so: %s", body)
	}
	a := questions(w.Clock.Now())
	a.Terms[0].Permit.Kinds, a.Terms[0].Permit.Purposes = []string{"liaison.note"}, []fairlead.Purpose{"LIAISE"}
	a.Terms[0].Permit.Bases = []fairlead.Art6{fairlead.Art6Task}
	a.Terms[0].Permit.Sections = []fairlead.SectionCode{"PRO-CONTACT"}
	if err := w.Agree(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	w.keepUp(hubtest.Alder)
	r.sentTo(r.send(draft), "Birch Directorate")
}

// TestConsents: what was said is recorded by a form, shown by child, keeps what was refused from going, and
// is taken back: what stood on it is listed here, and marked there.
func TestConsents(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alder, birch := w.serve(hubtest.Alder, "en"), w.serve(hubtest.Birch, "en")
	w.keepUp(hubtest.Alder, hubtest.Birch)
	sw, tm := alder.signIn(t, "SW1"), alder.signIn(t, "TM1")
	sw.everywhere("SW1", "/consents")
	asked := alder.moment("said_at")
	asked.Set("ref", "N-7")
	asked.Set("giver", "CHILD_GILLICK")
	draft := sw.write("consent.record", map[string]url.Values{
		"asked": asked, "agreed": {"agreed": {"EDU"}}, "refused": {"refused": {"RISK"}}, "scope": {"until": {w.Clock.Now().AddDate(0, 3, 0).Format("2006-01") + "-30"}},
	})
	sw.everywhere("SW1", draft+"/asked", draft+"/agreed", draft+"/refused", draft+"/scope", draft+"/check")
	if _, body := sw.get(draft + "/check"); !strings.Contains(body, draft+"/asked?return=1#assessor") {
		t.Errorf("a child judged competent by nobody: %s", body)
	}
	asked.Set("assessor", "SW1")
	sw.post(draft+"/asked", asked)
	sw.post(draft+"/refused", url.Values{"refused": {"EDU"}})
	if _, body := sw.get(draft + "/check"); !strings.Contains(body, "ticked as agreed to and as refused") {
		t.Errorf("yes and no to the same: %s", body)
	}
	sw.post(draft+"/refused", url.Values{"refused": {"RISK"}})
	sw.until(sw.send(draft), "Recorded by the hub")
	_, body := sw.get("/consents")
	page := field(t, body, `href="(/consents/[^"]+)"`)
	if !strings.Contains(body, "N-7") || !strings.Contains(body, "Agreed; for School") || !strings.Contains(body, "Refused; for Risk") || !strings.Contains(body, "Stands") {
		t.Errorf("%s", body)
	}
	if status, _ := tm.post("/send", url.Values{"kind": {"consent.record"}}); status != http.StatusForbidden {
		t.Errorf("a team manager records consents: %d", status)
	}

	draft = sw.write("assessment.share", assessment("BIRCH"))
	if _, body := sw.get(draft + "/check"); !strings.Contains(body, "Risk: A refusal of consent is on record") {
		t.Errorf("what was refused goes, or the page does not say why: %s", body)
	}
	sw.sentTo(sw.send(draft), "Birch Directorate")
	d4 := birch.signIn(t, "D4")
	message := field(t, d4.until("/inbox", `">Assessment</a>`), `href="(/messages/[^"]+)">Assessment`)
	sw.everywhere("SW1", page, "/consents")
	if _, body := sw.get(page); !strings.Contains(body, "Birch Directorate</bdi></a>: School") {
		t.Errorf("who relied on it is not said: %s", body)
	}
	if status, body := sw.post(page+"/withdraw", nil); status != http.StatusUnprocessableEntity || !strings.Contains(body, `href="#how_told"`) {
		t.Errorf("%d", status)
	}
	if status, _ := tm.post(page+"/withdraw", url.Values{"how_told": {"phone"}}); status != http.StatusForbidden {
		t.Errorf("a team manager takes it back: %d", status)
	}
	for range 2 {
		if _, body := sw.post(page+"/withdraw", url.Values{"how_told": {"in_person"}}); !strings.HasPrefix(body, page+"?done=withdrawn") {
			t.Fatalf("%s", body)
		}
	}
	body = sw.until(page, "What was said since")
	if strings.Contains(body, "Take it back") {
		t.Error("what was taken back can be taken back again")
	}
	if list, _, err := alder.agency.Posted(clientFilter("consent.withdraw")); err != nil || len(list) != 1 {
		t.Errorf("%v %v", list, err)
	}
	if _, body := sw.get("/consents"); !strings.Contains(body, "Ended") {
		t.Errorf("the list does not say that it has ended: %s", body)
	}
	notice := field(t, d4.until("/inbox", `">Withdrawal of consent</a>`), `href="(/messages/[^"]+)">Withdrawal of consent`)
	if _, body := d4.get(notice); !strings.Contains(body, `href="`+message+`">Assessment</a>: School`) {
		t.Errorf("the notice does not say what should not be used: %s", body)
	}
	if _, body := d4.post(message+"/open", nil); !strings.Contains(body, "Please stop using this") {
		t.Errorf("the recipient is not told: %s", body)
	}
	d4.everywhere("D4", message, notice)
}
