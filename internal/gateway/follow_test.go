package gateway_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"fairlead/internal/client"
	"fairlead/internal/fairlead"
	"fairlead/internal/gateway"
	"fairlead/internal/hubtest"
	"fairlead/internal/web"
)

// join puts one more of the agency's people on the register and lets them sign in.
func (w *world) join(s *site, user, name string, role fairlead.Role) {
	w.t.Helper()
	d, err := s.agency.Home.StaffDraft(s.agency.Client, user, role)
	if err != nil {
		w.t.Fatal(err)
	}
	d.Role, d.User = "DPO", "dpo"
	if _, err := w.Send(w.t.Context(), s.agency.ID, d); err != nil {
		w.t.Fatal(err)
	}
	if err := s.AddPerson(gateway.Person{User: user, Name: name}); err != nil {
		w.t.Fatal(err)
	}
}

// everywhere reads pages in every language.
func (r *reader) everywhere(user string, pages ...string) {
	r.t.Helper()
	for _, l := range web.Languages {
		r.get("/language?to=" + l.Tag)
		for _, path := range pages {
			r.page(path, l.Tag, user)
		}
	}
	r.get("/language?to=en")
}

// sentTo finds the page of the share that one agency got of a case.
func (r *reader) sentTo(thread, agency string) string {
	r.t.Helper()
	return field(r.t, r.until(thread, "Delivered: their program"), `href="(/sent/[^"]+)">To `+agency)
}

// TestRecall: only who may ask back is offered it; what can be undone is said first; at the other side the
// content is shut at once and gone with the answer, which its sender then reads.
func TestRecall(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alder, birch := w.serve(hubtest.Alder, "en"), w.serve(hubtest.Birch, "en")
	w.join(alder, "SL1", "Sal Lead", "SAFEGUARDING_LEAD")
	w.keepUp(hubtest.Alder, hubtest.Birch)
	sw, sl, d4 := alder.signIn(t, "SW1"), alder.signIn(t, "SL1"), birch.signIn(t, "D4")
	thread := sw.send(sw.write("alert.missing", alder.alert("N-7")))
	message := field(t, d4.until("/inbox", `href="/messages/`), `href="(/messages/[^"]+)"`)
	d4.post(message+"/open", nil)
	sw.until(thread, "Opened by a person")
	sent := sw.sentTo(thread, "Birch Directorate")

	if _, body := sw.get(sent + "/recall"); !strings.Contains(body, "Your role does not ask for messages back") || strings.Contains(body, "<form method=\"post\" action=\"/sent") {
		t.Errorf("a practitioner is offered it: %s", body)
	}
	if status, _ := sw.post(sent+"/recall", url.Values{"reason": {"wrong_child"}, "action": {"delete"}, "danger": {"false"}}); status != http.StatusForbidden {
		t.Errorf("a practitioner asks back: %d", status)
	}
	sl.everywhere("SL1", sent+"/recall", sent)
	if _, body := sl.get(sent + "/recall"); !strings.Contains(body, "cannot be unread") {
		t.Errorf("what was read is said to come back: %s", body)
	}
	if status, body := sl.post(sent+"/recall", url.Values{"reason": {"because"}, "action": {"delete"}}); status != http.StatusUnprocessableEntity ||
		!strings.Contains(body, `href="#reason"`) || !strings.Contains(body, `href="#danger">Is somebody in danger because of it: an answer is needed<`) {
		t.Errorf("%d %s", status, body)
	}
	for range 2 { // the second press asks no second time
		if _, body := sl.post(sent+"/recall", url.Values{"reason": {"wrong_child"}, "action": {"delete"}, "danger": {"true"}}); !strings.HasPrefix(body, sent+"?done=recalled") {
			t.Fatalf("not asked back: %s", body)
		}
	}
	if list, _, err := alder.agency.Posted(client.Filter{Kind: "recall.notice"}); err != nil || len(list) != 1 {
		t.Errorf("%v, %v", list, err)
	}
	notice := field(t, d4.until("/inbox", `">Recall</a>`), `href="(/messages/[^"]+)">Recall`)
	d4.shut(message, notice)
	sl.until(sent, "They answered: It was already used (practitioner, D4)")
	if _, body := sl.get(sent); !strings.Contains(body, "Asked back") || strings.Contains(body, sent+"/recall") {
		t.Errorf("the page does not say that it was asked back, or offers it again: %s", body)
	}
	w.Clock.Set(w.Clock.Now().Add(31 * 60e9))
	if _, body := sl.post(sent+"/recall", url.Values{"reason": {"wrong_child"}}); !strings.HasPrefix(body, "/sign-in?") || !strings.Contains(body, url.QueryEscape(sent+"/recall")) {
		t.Errorf("the sign-in does not lead back to what was begun: %s", body)
	}
}

// shut looks at a message that is asked back, as its recipient, and answers.
func (r *reader) shut(message, notice string) {
	t := r.t
	t.Helper()
	recall := strings.Replace(message, "/messages/", "/recalls/", 1)
	if _, body := r.get(message); strings.Contains(body, "Mara") || !strings.Contains(body, "has asked for this message back") {
		t.Errorf("what is asked back is still shown: %s", body)
	}
	if _, body := r.post(message+"/open", nil); strings.Contains(body, "Mara") {
		t.Error("opening again shows it")
	}
	if status, _ := r.get(message + "/files/0"); status != http.StatusGone {
		t.Errorf("a file of it: %d", status)
	}
	if _, body := r.post(notice+"/open", nil); !strings.Contains(body, "It is about the wrong child") || !strings.Contains(body, recall) {
		t.Errorf("the request does not say why, or where to answer: %s", body)
	}
	if _, body := r.get("/"); !strings.Contains(body, "Answer: Recall") {
		t.Errorf("the first page does not ask for the answer: %s", body)
	}
	r.everywhere("D4", recall, notice, message)
	if status, body := r.post(recall, url.Values{"state": {"already_used"}}); status != http.StatusUnprocessableEntity || !strings.Contains(body, `href="#harm_check"`) {
		t.Errorf("used, and nobody says by whom: %d", status)
	}
	for range 2 {
		answer := url.Values{"state": {"already_used"}, "harm_check": {"The duty worker rang the carer."}, "copies_in": {"paper"}}
		if _, body := r.post(recall, answer); !strings.HasPrefix(body, recall+"?done=answered") {
			t.Fatalf("not answered: %s", body)
		}
	}
	r.everywhere("D4", recall, message)
	if _, body := r.get(message); strings.Contains(body, "Mara") || !strings.Contains(body, "Your agency has answered: It was already used") {
		t.Error("it is shown again after the answer")
	}
}

// TestFollow: an alert gets news from both sides and an end from its sender, each recipient a share that
// follows its own; a mistake is put right for everybody who was told it.
func TestFollow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alder, birch := w.serve(hubtest.Alder, "en"), w.serve(hubtest.Birch, "en")
	w.keepUp(hubtest.Alder, hubtest.Birch)
	sw, d4 := alder.signIn(t, "SW1"), birch.signIn(t, "D4")
	thread := sw.send(sw.write("alert.missing", alder.alert("N-7")))
	message := field(t, d4.until("/inbox", `href="/messages/`), `href="(/messages/[^"]+)"`)
	sent := sw.sentTo(thread, "Birch Directorate")
	sw.until(sw.sentTo(thread, "Aspen Council"), "Delivered: their program")
	_, body := d4.post(message+"/open", nil)
	if !strings.Contains(body, "Send news on this alert") || strings.Contains(body, "End this alert") || !strings.Contains(body, "Missing since") {
		t.Errorf("who only reads an alert may send news and not end it: %s", body)
	}
	sw.until(thread, "Opened by a person")

	news := url.Values{"ref": {"N-7"}, "changed": {"A conductor saw her."}, "rating": {"high"}, "urgency": {"Immediate"}, "certainty": {"Likely"}}
	law := url.Values{"basis": {"enquiry"}, "told": {"no"}, "detriment": {"none"}, "danger": {"clear"}}
	draft := sw.begin(sent+"/follow", "alert.update")
	sw.everywhere("SW1", draft+"/news", draft+"/law", draft+"/check")
	news.Set("seen_place", "Sampleton station")
	if status, body := sw.post(draft+"/news", news); status != http.StatusUnprocessableEntity || !strings.Contains(body, `href="#seen_country"`) || !strings.Contains(body, `href="#seen_at-day"`) {
		t.Errorf("half a sighting is taken: %d", status)
	}
	news.Del("seen_place")
	sw.answer(draft, "news", news, law)
	if _, body := sw.get(draft + "/check"); strings.Contains(body, "/who\"") || !strings.Contains(body, "Aspen Council") || !strings.Contains(body, "Birch Directorate") {
		t.Errorf("news does not go to everybody who was alerted: %s", body)
	}
	sw.send(draft)
	if news := d4.until("/inbox", `">News on an alert</a>`); !strings.Contains(news, "News on an alert") {
		t.Error("no news")
	}

	draft = sw.begin(sent+"/follow", "alert.cancel")
	sw.everywhere("SW1", draft+"/end")
	sw.answer(draft, "end", url.Values{"ref": {"N-7"}, "outcome": {"found_safe"}}, law)
	sw.send(draft)
	end := field(t, d4.until("/inbox", `">An alert is over</a>`), `href="(/messages/[^"]+)">An alert is over`)
	if _, body := d4.post(end+"/open", nil); !strings.Contains(body, "Found, safe") || !strings.Contains(body, message) {
		t.Errorf("the end does not say how, or of what: %s", body)
	}
	list, _, err := alder.agency.Posted(client.Filter{Kind: "alert."})
	if err != nil || len(list) != 6 {
		t.Fatalf("%d shares, %v", len(list), err)
	}
	followed := map[fairlead.ShareID]bool{}
	for _, p := range list {
		s, err := alder.agency.Sent(p.ID)
		if err != nil {
			t.Fatal(err)
		}
		h, err := s.Header()
		if err != nil {
			t.Fatal(err)
		}
		if p.Kind != "alert.missing" {
			asked, err := alder.agency.Sent(h.ReplyTo)
			if err != nil || asked.To != s.To {
				t.Errorf("%s to %s follows a share that another got: %v", p.Kind, s.To, err)
			}
			followed[h.ReplyTo] = true
		}
	}
	if len(followed) != 2 {
		t.Errorf("%d alerts are followed", len(followed))
	}
}

// begin begins a draft by a button and returns its address.
func (r *reader) begin(path, kind string) string {
	r.t.Helper()
	status, body := r.post(path, url.Values{"kind": {kind}})
	parts := strings.Split(body, "/")
	if status != http.StatusOK || !strings.HasPrefix(body, "/send/") {
		r.t.Fatalf("%s does not begin: %d %s", kind, status, body)
	}
	return "/send/" + parts[2]
}

// answer answers a stage and the one about the law.
func (r *reader) answer(draft, stage string, answers, law url.Values) {
	r.t.Helper()
	if status, body := r.post(draft+"/"+stage, answers); status != http.StatusOK {
		r.t.Fatalf("%s: %d %s", stage, status, body)
	}
	if status, body := r.post(draft+"/law", law); status != http.StatusOK {
		r.t.Fatalf("law: %d %s", status, body)
	}
}

// TestCorrectionAndMismatch: a wrong value is put right in the section that held it; a reader who finds
// that a section holds something else reports where, and nothing of what.
func TestCorrectionAndMismatch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alder, birch := w.serve(hubtest.Alder, "en"), w.serve(hubtest.Birch, "en")
	sw, d4 := alder.signIn(t, "SW1"), birch.signIn(t, "D4")
	a := questions(w.Clock.Now())
	for i := range a.Terms {
		a.Terms[i].Permit.Kinds = append(a.Terms[i].Permit.Kinds, "correction")
	}
	if err := w.Agree(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	w.keepUp(hubtest.Alder, hubtest.Birch)
	thread := sw.send(sw.write("info.request", map[string]url.Values{
		"child": {"ref": {"N-9"}, "given": {"Ilie"}},
		"request": {
			"cooperation_type": {"COOP-INFO"}, "reasons": {"He is in care here."}, "questions": {"Is he known?"}, "do_not_contact": {"family"},
			"tip_off_risk": {"none"}, "reply_language": {"en"}, "answer_by": {"urgent"}, "threshold": {"TH3"}, "purpose": {"PRT-ASSESS"},
		},
		"who": {"to": {"BIRCH"}}, "law": {"basis": {"court"}, "told": {"yes"}, "detriment": {"none"}, "danger": {"clear"}},
	}))
	sent := sw.sentTo(thread, "Birch Directorate")
	message := field(t, d4.until("/inbox", `href="/messages/`), `href="(/messages/[^"]+)"`)
	draft := sw.begin(sent+"/follow", "correction")
	sw.everywhere("SW1", draft+"/wrong")
	sw.answer(draft, "wrong", url.Values{
		"ref": {"N-9"}, "section": {"ID-CORE"}, "target": {"the request of today"}, "wrong_field": {"given name"}, "wrong_value": {"Ilie"}, "right_value": {"Iulian"}, "how_wrong": {"Misheard."},
	}, url.Values{"basis": {"court"}, "told": {"yes"}, "detriment": {"none"}, "danger": {"clear"}})
	sw.send(draft)
	right := field(t, d4.until("/inbox", `">Correction</a>`), `href="(/messages/[^"]+)">Correction`)
	if _, body := d4.post(right+"/open", nil); !strings.Contains(body, "Iulian") || !strings.Contains(body, `<a class="govuk-link" href="`+message) {
		t.Errorf("the correction says too little: %s", body)
	}

	if status, _ := d4.get(message + "/mismatch"); status != http.StatusForbidden {
		t.Errorf("a report on a message that is not opened: %d", status)
	}
	d4.post(message+"/open", nil)
	d4.everywhere("D4", message+"/mismatch")
	if status, body := d4.post(message+"/mismatch", url.Values{"section": {"EDU"}}); status != http.StatusUnprocessableEntity || !strings.Contains(body, `href="#section"`) || !strings.Contains(body, `href="#holds"`) {
		t.Errorf("%d %s", status, body)
	}
	if status, _ := d4.post(message+"/mismatch", url.Values{"section": {"ID-CORE"}, "holds": {"ID-CORE"}}); status != http.StatusUnprocessableEntity {
		t.Errorf("a section that holds what it says: %d", status)
	}
	_, body := d4.post(message+"/mismatch", url.Values{"section": {"SC-HIST"}, "holds": {"HEALTH-MH"}})
	if !strings.Contains(body, "holds “Mental health”") || !strings.Contains(body, "Reported by Dana Inventata") {
		t.Errorf("the report is not shown: %s", body)
	}
	d4.everywhere("D4", message)
	draft = d4.begin(message+"/reply", "liaison.note")
	d4.post(draft+"/note", url.Values{"topic": {"other"}, "message": {"One of your sections has the wrong name."}})
	if _, body := d4.get(draft + "/who"); !regexp.MustCompile(`value="ALDER" checked`).MatchString(body) {
		t.Errorf("the note is not for the sender: %s", body)
	}
}
