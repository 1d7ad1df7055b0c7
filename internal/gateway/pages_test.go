package gateway_test

import (
	"bufio"
	"context"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"fairlead/internal/fairlead"
	"fairlead/internal/hubtest"
	"fairlead/internal/web"
)

// field finds the value of a hidden field or a link in a page.
func field(t testing.TB, body, pattern string) string {
	t.Helper()
	m := regexp.MustCompile(pattern).FindStringSubmatch(body)
	if m == nil {
		t.Fatalf("no %s in\n%s", pattern, body)
	}
	return m[1]
}

// alert are the answers to every question of an alert about a missing child.
func (s *site) alert(ref string) map[string]url.Values {
	at := s.agencyNow()
	return map[string]url.Values{
		"child": {"ref": {ref}, "given": {"Mara"}, "dob-day": {"14"}, "dob-month": {"3"}, "dob-year": {"2011"}, "dob_confidence": {"claimed"}},
		"missing": {
			"missing_since-day": {at.Format("2")}, "missing_since-month": {at.Format("1")}, "missing_since-year": {at.Format("2006")}, "missing_since-time": {"07:15"},
			"circumstances": {"Left before breakfast."}, "category": {"unknown"}, "police_risk": {"high"}, "trafficking_concern": {"true"},
		},
		"find": {"last_seen": {"Alderham"}, "last_seen_country": {"GB"}, "likely": {"GB-ENG", "RO"}, "if_found": {"Stay with her and ring us."}, "placement": {"8 Sample Street"}},
		"who":  {"to": {"BIRCH", "ASPEN"}},
		"law":  {"basis": {"enquiry"}, "told": {"no"}, "detriment": {"none"}, "danger": {"clear"}},
	}
}

// write begins a draft of a kind and answers its stages as far as check; it returns the draft's address.
func (r *reader) write(kind string, answers map[string]url.Values) string {
	r.t.Helper()
	status, body := r.post("/send", url.Values{"kind": {kind}})
	for range 10 {
		path, _, _ := strings.Cut(body, "\n")
		parts := strings.Split(path, "/")
		if status != http.StatusOK || len(parts) < 4 {
			r.t.Fatalf("%d %s", status, body)
		}
		stage := strings.Split(parts[3], "?")[0]
		if stage == "check" {
			return "/send/" + parts[2]
		}
		form := answers[stage]
		if form == nil {
			r.t.Fatalf("no answers for stage %s", stage)
		}
		status, body = r.post("/send/"+parts[2]+"/"+stage, form)
	}
	r.t.Fatalf("the form never ends: %s", body)
	return ""
}

// send sends a draft and gives the address of its case.
func (r *reader) send(draft string) string {
	r.t.Helper()
	_, body := r.get(draft + "/check")
	version := field(r.t, body, `name="version" value="(\d+)"`)
	status, body := r.post(draft+"/send", url.Values{"version": {version}, "abroad": {"1"}})
	path, _, _ := strings.Cut(body, "\n")
	if status != http.StatusOK || !strings.HasPrefix(path, "/cases/") {
		r.t.Fatalf("send: %d %s", status, body)
	}
	return strings.Split(path, "?")[0]
}

// patience is how long a page may take to say what is waited for; a busy machine needs some of it.
const patience = 90 * time.Second

// until reads a page again at each piece of news until it says something.
func (r *reader) until(path, want string) string {
	r.t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.s.URL+"/news", nil)
	if err != nil {
		r.t.Fatal(err)
	}
	resp, err := r.http.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	news := bufio.NewScanner(resp.Body)
	for news.Scan() { // ": ready" comes at once
		if news.Text() == "" {
			continue
		}
		if _, body := r.get(path); strings.Contains(body, want) {
			return body
		}
	}
	_, body := r.get(path)
	r.t.Fatalf("%s never says %q: %s", path, want, body)
	return ""
}

// TestEveryPage renders every page in every language, for each role there is here; none has a word that
// nobody wrote, and no link leads nowhere.
func TestEveryPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alder, birch := w.serve(hubtest.Alder, ""), w.serve(hubtest.Birch, "")
	w.keepUp(hubtest.Alder, hubtest.Birch)
	sw, d4 := alder.signIn(t, "SW1"), birch.signIn(t, "D4")
	thread := sw.send(sw.write("alert.missing", alder.alert("N-7")))
	sw.until(thread, "Delivered: their program")
	draft := sw.write("alert.missing", alder.alert("N-8"))

	message := field(t, d4.until("/inbox", `href="/messages/`), `href="(/messages/[^"]+)"`)
	d4.post(message+"/open", nil)
	d4.post(message+"/acknowledge", url.Values{"level": {"accepted_for_action"}})
	sent := field(t, sw.until(thread, "Taken on: practitioner"), `href="(/sent/[^"]+)"`)

	restricted := sw.send(sw.write("alert.missing", alder.alert("N-6")))
	sw.post(restricted+"/restrict", url.Values{"next": {"restrict"}, "reason": {"family"}})

	waiting := sw.sentTo(restricted, "Birch Directorate")

	pages := []string{
		"/", "/inbox", "/inbox?state=open&kind=alert.missing", "/sent", "/cases", "/cases?q=n-7", "/send", "/agency", "/approvals", "/consents", "/agreements",
		"/agreements/A1/1", "/people", "/proofs", "/sign-in", "/nowhere", thread, sent,
		restricted, thread + "/restrict", restricted + "/restrict", restricted + "/whereabouts", "/sign-in/again?next=/agency", "/session", restricted + "/export", waiting + "/escalate", waiting + "/permit", waiting + "/recall", "/inbox/export?state=open", "/people/new", "/person/SW1", "/agreements/A1/1/compare?with=A1/1", "/agreements/A1/1/suspend",
		draft + "/child", draft + "/missing", draft + "/find", draft + "/who", draft + "/law", draft + "/check",
	}
	for _, l := range web.Languages {
		for user, site := range map[string]*site{"SW1": alder, "TM1": alder, "SG1": alder, "D4": birch, "": alder} {
			r := site.signIn(t, user)
			r.get("/language?to=" + l.Tag)
			list := pages
			if user == "D4" {
				list = []string{"/", "/inbox", message, "/sent", "/cases", "/send", "/agency"}
			}
			for _, path := range list {
				r.page(path, l.Tag, user)
			}
		}
	}
}

// page reads one page and looks at what every page must have.
func (r *reader) page(path, tag, user string) {
	r.t.Helper()
	status, body := r.get(path)
	want := []int{http.StatusOK}
	switch {
	case path == "/nowhere":
		want = []int{http.StatusNotFound}
	case user == "SG1", strings.HasPrefix(path, "/cases/") && strings.HasSuffix(path, "/restrict"), path == "/people/new", path == "/person/SW1", path == "/agreements/A1/1/suspend": // not for every role
		want = []int{http.StatusOK, http.StatusForbidden}
	}
	if !slices.Contains(want, status) || !strings.Contains(body, `<html lang="`+tag+`"`) || strings.Count(body, "<h1") != 1 {
		r.t.Errorf("%s %s as %q: %d\n%s", path, tag, user, status, body)
	}
	if i := strings.Index(body, "["); i > 0 {
		if m := regexp.MustCompile(`\[[a-z0-9_]+\.[A-Za-z0-9_.+-]+\]`).FindString(body); m != "" {
			r.t.Errorf("%s %s: the word %s was never written", path, tag, m)
		}
	}
}

// TestForms: each kind that these pages begin is written with nothing but what they ask for, and the
// schema of the kind takes it; without an answer that they call needed, nothing is sent.
func TestForms(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alder := w.serve(hubtest.Alder, "en")
	r := alder.signIn(t, "SW1")
	child := url.Values{"ref": {"N-9"}, "given": {"Ilie"}, "dob_confidence": {"estimated"}}
	with := func(more url.Values) url.Values {
		all := url.Values{}
		for _, from := range []url.Values{child, more} {
			for k, v := range from {
				all[k] = v
			}
		}
		return all
	}
	at := alder.agencyNow()
	moment := func(name string) url.Values {
		return url.Values{name + "-day": {at.Format("2")}, name + "-month": {at.Format("1")}, name + "-year": {at.Format("2006")}, name + "-time": {"7.30"}}
	}
	law := url.Values{"basis": {"enquiry"}, "told": {"no"}, "detriment": {"none"}, "danger": {"clear"}}
	who := url.Values{"to": {"ASPEN", "BIRCH"}}
	met := url.Values{"met_place": {"port"}, "met_by": {"duty team"}, "la_agency": {"ALDER"}, "urgency": {"Immediate"}, "certainty": {"Observed"}}
	for _, more := range []url.Values{moment("met_at"), moment("la_at")} {
		for k, v := range more {
			met[k] = v
		}
	}
	for kind, answers := range map[string]map[string]url.Values{
		"alert.missing": alder.alert("N-9"),
		"alert.at_risk": {"child": child, "risk": {
			"risk_type": {"about_to_be_moved"}, "narrative": {"A van is ready."}, "do_not": {"Do not ring the adult."}, "action_asked": {"locate"}, "likely": {"RO"},
			"urgency": {"Immediate"}, "certainty": {"Likely"}, "call_back": {"+44 1632 960 001"},
		}, "who": who, "law": law},
		"alert.arrival": {"child": with(url.Values{"age_status": {"child"}, "separation_status": {"unaccompanied"}}), "met": met, "who": who, "law": law},
		"referral.new": {"child": child, "referral": {
			"summary": {"Please take over."}, "ref_reason": {"protection_concern"}, "direction": {"uk_internal"}, "whereabouts_known": {"true"}, "asked_for": {"assessment", "report_back"},
			"rating": {"high"}, "narrative": {"He watches the door."}, "threshold": {"TH3"}, "purpose": {"PRT-ASSESS"},
		}, "who": who, "law": law},
		"info.request": {"child": {"ref": {"N-9"}, "given": {"Ilie"}}, "request": {
			"cooperation_type": {"COOP-INFO"}, "reasons": {"He is in care here."}, "questions": {"Is he known?\r\n\r\nWho raised him?"}, "do_not_contact": {"family"},
			"tip_off_risk": {"possible"}, "reply_language": {"en"}, "answer_by": {"urgent"}, "threshold": {"TH3"}, "purpose": {"PRT-ASSESS"},
		}, "who": who, "law": law},
	} {
		draft := r.write(kind, answers)
		_, body := r.get(draft + "/check")
		if strings.Contains(body, "govuk-error-summary") || !strings.Contains(body, "What will happen") {
			t.Errorf("%s: %s", kind, body)
		}
	}
}

// TestFaults: what is wrong is said in the summary and beside the field, and nothing that was typed is lost.
func TestFaults(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alder := w.serve(hubtest.Alder, "ro")
	r := alder.signIn(t, "SW1")
	_, body := r.post("/send", url.Values{"kind": {"alert.missing"}})
	draft := "/send/" + field(t, body, `action="/send/([0-9a-f-]+)/child"`)
	status, body := r.post(draft+"/child", url.Values{"family": {`O'<b>Exemplu`}, "dob-day": {"31"}, "dob-month": {"2"}, "dob-year": {"2011"}})
	if status != http.StatusUnprocessableEntity {
		t.Errorf("status %d", status)
	}
	for _, want := range []string{
		`href="#given"`, `id="given-error"`, `href="#dob-day"`, `id="dob-error"`, `value="31"`, "O&#39;&lt;b&gt;Exemplu", "Eroare:", "Există o problemă", `<a href="#ref"`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the page does not hold %s", want)
		}
	}
	if strings.Contains(body, "<b>Exemplu") {
		t.Error("what was typed became markup")
	}
	if _, body = r.get(draft + "/child"); !strings.Contains(body, "O&#39;&lt;b&gt;Exemplu") {
		t.Error("what was typed with a mistake is lost")
	}
	if _, body = r.get(draft + "/check"); !strings.Contains(body, draft+"/child?return=1#given") || strings.Contains(body, `action="`+draft+`/send"`) {
		t.Error("the check does not lead to what is missing, or offers to send")
	}
	if status, body = r.post(draft+"/send", url.Values{"version": {"2"}, "abroad": {"1"}}); strings.HasPrefix(body, "/cases/") {
		t.Errorf("an unfinished draft was sent: %d", status)
	}
	posted, _, err := alder.agency.Posted(clientFilter("alert."))
	if err != nil || len(posted) > 0 {
		t.Errorf("%v in the outbox, %v", posted, err)
	}
}

// TestRefusedAndRepaired: where nobody would get a message nothing is sent, and the page says why; with
// other recipients the same draft goes, once however often the button is pressed.
func TestRefusedAndRepaired(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alder := w.serve(hubtest.Alder, "en")
	w.keepUp(hubtest.Alder)
	r := alder.signIn(t, "SW1")
	answers := alder.alert("N-7")
	answers["who"] = url.Values{"to": {"CEDAR"}}
	answers["law"].Del("danger")
	draft := r.write("alert.missing", answers)
	_, body := r.get(draft + "/check")
	for _, want := range []string{"Cedar Police", "Not sent", "You have no agreement with them", "Nobody would receive this message"} {
		if !strings.Contains(body, want) {
			t.Errorf("the check does not say %q", want)
		}
	}
	if strings.Contains(body, `action="`+draft+`/send"`) {
		t.Error("there is a button that sends to nobody")
	}
	version := func() url.Values {
		_, body := r.get(draft + "/who")
		return url.Values{"version": {field(t, body, `name="version" value="(\d+)"`)}, "abroad": {"1"}}
	}
	if _, body := r.post(draft+"/send", version()); strings.HasPrefix(body, "/cases/") {
		t.Error("sent to nobody")
	}
	r.post(draft+"/law", url.Values{"basis": {"enquiry"}, "told": {"no"}, "detriment": {"none"}, "danger": {"clear"}})
	form := version()
	form["to"] = []string{"CEDAR", "ASPEN"}
	r.post(draft+"/who", form)
	r.lacks(draft+"/check", "Could sending this abroad endanger") // nobody is abroad: it is no longer asked
	r.says("/send", "Alert: a child is missing, <bdi>Case N-7</bdi>")
	sent := version()
	for range 3 {
		if _, body := r.post(draft+"/send", sent); !strings.HasPrefix(body, "/cases/") {
			t.Fatalf("not sent: %s", body)
		}
	}
	list, _, err := alder.agency.Posted(clientFilter("alert."))
	if err != nil || len(list) != 1 || list[0].To != hubtest.Aspen {
		t.Errorf("%v in the outbox, want one to ASPEN; %v", list, err)
	}
}

// TestConflict: two people on one draft: the second is told, keeps what they typed, and overwrites nothing
// that they have not seen.
func TestConflict(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alder := w.serve(hubtest.Alder, "en")
	one, two := alder.signIn(t, "SW1"), alder.signIn(t, "TM1")
	draft := one.write("alert.missing", alder.alert("N-7"))
	_, body := two.get(draft + "/child")
	version := field(t, body, `name="version" value="(\d+)"`)
	form := alder.alert("N-7")["child"]
	form.Set("version", version)
	form.Set("given", "Maria")
	one.post(draft+"/child", form)
	form.Set("given", "Marta")
	status, body := two.post(draft+"/child", form)
	if status != http.StatusUnprocessableEntity || !strings.Contains(body, "Nell Ashdown changed this draft") || !strings.Contains(body, `value="Marta"`) {
		t.Errorf("%d %s", status, body)
	}
	if _, body = two.get(draft + "/check"); !strings.Contains(body, "Maria") {
		t.Error("the first one's words were overwritten")
	}
}

// TestSessions: a session ends when it is idle, keeps what was typed, and ends at once with the role.
func TestSessions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alder := w.serve(hubtest.Alder, "en")
	r := alder.signIn(t, "SW1")
	draft := r.write("alert.missing", alder.alert("N-7"))
	w.Clock.Set(w.Clock.Now().Add(31 * 60e9))
	form := alder.alert("N-7")["child"]
	form.Set("given", "Typed late")
	_, body := r.post(draft+"/child", form)
	if !strings.HasPrefix(body, "/sign-in?") || !strings.Contains(body, "You were signed out") {
		t.Fatalf("an idle session still holds: %s", body)
	}
	if strings.Contains(body, "Typed late") {
		t.Error("the sign-in page shows content")
	}
	if status, _ := r.get("/inbox"); status != http.StatusOK {
		t.Error(status)
	}
	again := alder.signIn(t, "SW1")
	if _, body = again.get(draft + "/child"); !strings.Contains(body, "Typed late") {
		t.Error("what was typed is lost with the session")
	}
	w.Clock.Set(w.Clock.Now().Add(31 * 60e9))
	r.upload(draft+"/find", alder.alert("N-7")["find"], "photo", nil) // with a file: nothing of the stage may be lost
	again = alder.signIn(t, "SW1")
	if _, body = again.get(draft + "/find"); !strings.Contains(body, "Stay with her and ring us.") {
		t.Error("a form with a file wiped its stage when the session had ended")
	}
	other := alder.signIn(t, "TM1")
	a := alder.agency
	d, err := a.Home.StaffDraft(a.Client, "SW1", "AUDITOR")
	if err != nil {
		t.Fatal(err)
	}
	d.Role, d.User = "DPO", "dpo"
	if _, err := w.Send(t.Context(), hubtest.Alder, d); err != nil {
		t.Fatal(err)
	}
	if status, _ := again.get("/inbox"); status != http.StatusForbidden {
		t.Errorf("a role that was taken away still reads: %d", status)
	}
	if status, _ := other.get("/inbox"); status != http.StatusOK {
		t.Errorf("and a colleague is shut out: %d", status)
	}
}

// TestViews: nothing is shown before it is opened, each look is written down with name and role, and the
// sender is told of the first.
func TestViews(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alder, birch := w.serve(hubtest.Alder, "en"), w.serve(hubtest.Birch, "en")
	w.keepUp(hubtest.Alder, hubtest.Birch)
	sw := alder.signIn(t, "SW1")
	sw.send(sw.write("alert.missing", alder.alert("N-7")))
	r := birch.signIn(t, "D4")
	message := field(t, r.until("/inbox", `href="/messages/`), `href="(/messages/[^"]+)"`)
	if _, body := r.get(message); strings.Contains(body, "Mara") || !strings.Contains(body, "Nobody in this agency has opened it") {
		t.Errorf("shown before it was opened, or no word of who looked:\n%s", body)
	}
	if status, _ := r.get(message + "/files/0"); status == http.StatusOK {
		t.Error("a file of a sealed message was handed over")
	}
	if status, _ := r.post(message+"/reply", url.Values{"kind": {"info.response"}}); status == http.StatusOK {
		t.Error("an alert is no question")
	}
	if _, body := r.post(message+"/open", nil); !strings.Contains(body, "Mara") || !strings.Contains(body, "Dana Inventata, practitioner") {
		t.Errorf("not opened, or the look is not recorded:\n%s", body)
	}
	again := birch.signIn(t, "D4")
	if _, body := again.get(message); strings.Contains(body, "Mara") {
		t.Error("another session is shown what it has not opened")
	}
	if err := w.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	acks, _, err := alder.agency.Received(clientFilter("ack"))
	if err != nil || len(acks) != 1 {
		t.Fatal(acks, err)
	}
	m, err := alder.agency.Message(acks[0].ID)
	if err != nil || fairlead.AckLevel(m.Header.Facts["level"]) != fairlead.AckOpened || m.Header.From.User != "D4" {
		t.Errorf("%+v, %v", m, err)
	}
}

// TestQuestionAndAnswer: a question goes abroad; the answer comes back under the numbers of its
// questions; a refusal gives a reason and no more.
func TestQuestionAndAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alder, birch := w.serve(hubtest.Alder, "en"), w.serve(hubtest.Birch, "ro")
	sw, d4 := alder.signIn(t, "SW1"), birch.signIn(t, "D4")
	question := map[string]url.Values{
		"child": {"ref": {"N-9"}, "given": {"Ilie"}},
		"request": {
			"cooperation_type": {"COOP-INFO"}, "reasons": {"He is in care here."}, "questions": {"Is he known?\nWho raised him?"}, "do_not_contact": {"family"},
			"tip_off_risk": {"none"}, "reply_language": {"en"}, "hague_article": {"35"}, "answer_by": {"urgent"}, "threshold": {"TH3"}, "purpose": {"PRT-ASSESS"},
		},
		"who": {"to": {"BIRCH"}}, "law": {"basis": {"court"}, "told": {"yes"}, "detriment": {"none"}, "danger": {"clear"}},
	}
	draft := sw.write("info.request", question)
	if _, body := sw.get(draft + "/check"); !strings.Contains(body, "No term of your agreement permits it") {
		t.Errorf("the agreement carries no identity, and the page does not say so: %s", body)
	}
	if err := w.Agree(t.Context(), questions(w.Clock.Now())); err != nil {
		t.Fatal(err)
	}
	thread := sw.send(draft)
	sw.until(thread, "Delivered: their program")

	inbox := d4.until("/inbox", `href="/messages/`)
	message := field(t, inbox, `href="(/messages/[^"]+)"`)
	if got, err := w.Agency(hubtest.Birch).Inbox(); err != nil || got[len(got)-1].Header.Facts["hague_article"] != "35" {
		t.Errorf("the article of the Convention is not said: %v %v", got, err)
	}
	_, body := d4.post(message+"/open", nil)
	for _, want := range []string{"Who raised him?", "Informații despre nevoia de protecție a unui copil", "Răspunde la întrebări"} {
		if !strings.Contains(body, want) {
			t.Errorf("the question does not say %q: %s", want, body)
		}
	}
	_, body = d4.post(message+"/reply", url.Values{"kind": {"info.response"}})
	if !strings.Contains(body, "Is he known?") || !strings.Contains(body, "Who raised him?") {
		t.Fatalf("the answer does not ask the questions: %s", body)
	}
	answer := "/send/" + field(t, body, `action="/send/([0-9a-f-]+)/answers"`)
	d4.post(answer+"/answers", url.Values{"ref": {"dosar-9"}, "answer_a": {"Cunoscut din 2024."}})
	d4.post(answer+"/law", url.Values{"basis": {"eu_task"}, "told": {"no"}, "danger": {"clear"}})
	d4.send(answer)
	body = sw.until("/inbox", `Answer to a request</a>`)
	reply := field(t, body, `href="(/messages/[^"]+)">Answer to a request</a>`)
	if _, body = sw.post(reply+"/open", nil); !strings.Contains(body, "Cunoscut din 2024.") || !strings.Contains(body, "Not held") {
		t.Errorf("the answer says less than it should: %s", body)
	}
	sw.until(thread, "Answer to a request") // the answer is in the case of its question
}
