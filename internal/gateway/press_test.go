package gateway_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"fairlead/internal/client"
	"fairlead/internal/fairlead"
	"fairlead/internal/hubtest"
)

// question sends a question about a child to Birch, which may be asked.
func (r *reader) question(w *world) (thread string) {
	r.t.Helper()
	if err := w.Agree(r.t.Context(), questions(w.Clock.Now())); err != nil {
		r.t.Fatal(err)
	}
	return r.send(r.write("info.request", map[string]url.Values{
		"child": {"ref": {"N-9"}, "given": {"Ilie"}},
		"request": {
			"cooperation_type": {"COOP-INFO"}, "reasons": {"He is in care here."}, "questions": {"Is he known?"}, "do_not_contact": {"family"},
			"tip_off_risk": {"none"}, "reply_language": {"en"}, "answer_by": {"urgent"}, "threshold": {"TH3"}, "purpose": {"PRT-ASSESS"},
		},
		"who": {"to": {"BIRCH"}}, "law": {"basis": {"court"}, "told": {"yes"}, "detriment": {"none"}, "danger": {"clear"}},
	}))
}

// wait moves the clock; who signed in before is signed out.
func (w *world) wait(d time.Duration) { w.Clock.Set(w.Clock.Now().Add(d)) }

// TestEscalate: a question that nobody answers is late on the first page and in its case, and is taken up level by
// level, each once; the other side reads who waits for what; with the answer there is nothing left to take up.
func TestEscalate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alder, birch := w.serve(hubtest.Alder, "en"), w.serve(hubtest.Birch, "ro")
	w.keepUp(hubtest.Alder, hubtest.Birch)
	sw := alder.signIn(t, "SW1")
	thread := sw.question(w)
	sent := sw.sentTo(thread, "Birch Directorate")
	up := sent + "/escalate"
	sw.says(up, "Nothing is late yet", `value="1" checked`)
	sw.lacks("/", "Their answer is late")
	w.wait(20 * 24 * time.Hour)
	sw = alder.signIn(t, "SW1")
	sw.says("/", "Their answer is late: Request for information", sent)
	sw.says(thread, "Overdue: their answer was due by", up)
	sw.says(sent, "Overdue: their answer was due by", up)
	sw.everywhere("SW1", up, thread, sent)

	if status, body := sw.post(up, url.Values{"level": {"4"}}); status != http.StatusUnprocessableEntity || !strings.Contains(body, `href="#level"`) {
		t.Errorf("taken to nobody: %d", status)
	}
	for range 2 {
		if _, body := sw.post(up, url.Values{"level": {"1"}}); !strings.HasPrefix(body, sent+"?done=escalated") {
			t.Fatalf("not taken up: %s", body)
		}
	}
	if list, _, err := alder.agency.Posted(client.Filter{Kind: "escalation"}); err != nil || len(list) != 1 {
		t.Errorf("%v, %v", list, err)
	}
	sw.until(thread, "You took it up to level 1: team manager. State of that message: Delivered")
	sw.says(up, `value="2" checked`)

	d4 := birch.signIn(t, "D4")
	inbox := d4.until("/inbox", "Escaladare</a>")
	word := field(t, inbox, `href="(/messages/[^"]+)">Escaladare`)
	message := field(t, inbox, `href="(/messages/[^"]+)">Cerere de informații`)
	if _, body := d4.post(word+"/open", nil); !strings.Contains(body, "1: șeful de echipă") || !strings.Contains(body, message) {
		t.Errorf("it does not say for whom it is, or what waits: %s", body)
	}
	d4.everywhere("D4", word)

	d4.post(message+"/open", nil)
	_, body := d4.post(message+"/reply", url.Values{"kind": {"info.response"}})
	answer := "/send/" + field(t, body, `action="/send/([0-9a-f-]+)/answers"`)
	d4.post(answer+"/answers", url.Values{"ref": {"dosar-9"}, "answer_a": {"Da."}})
	d4.post(answer+"/law", url.Values{"basis": {"eu_task"}, "told": {"no"}, "danger": {"clear"}})
	d4.send(answer)
	sw.until("/inbox", `Answer to a request</a>`)
	sw.lacks(sent, up, "Overdue")
	sw.lacks("/", "Their answer is late")
	if _, body := sw.post(up, url.Values{"level": {"2"}}); strings.HasPrefix(body, up) {
		t.Errorf("what was answered is taken up: %s", body)
	}
	if list, _, err := alder.agency.Posted(client.Filter{Kind: "escalation"}); err != nil || len(list) != 1 {
		t.Errorf("%v, %v", list, err)
	}
}

// TestPermission: whoever holds a page under another's control asks for leave to pass it on; a manager of the
// originator gives it, for these pages, to these agencies, for a time; both sides read what was permitted.
func TestPermission(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alder, birch := w.serve(hubtest.Alder, "en"), w.serve(hubtest.Birch, "ro")
	note := everything(w.Clock.Now())
	note.Parties[1], note.Signatories[1].Agency, note.Contacts[1].Agency = hubtest.Birch, hubtest.Birch, hubtest.Birch
	p := note.Terms[0].Permit
	p.From, p.To, p.Transfer = []fairlead.AgencyID{hubtest.Birch}, []fairlead.AgencyID{hubtest.Alder}, fairlead.MechanismIntoUK
	p.Bases = []fairlead.Art6{fairlead.Art6EU}
	if err := w.Agree(t.Context(), note); err != nil {
		t.Fatal(err)
	}
	w.keepUp(hubtest.Alder, hubtest.Birch)
	sw, d4 := alder.signIn(t, "SW1"), birch.signIn(t, "D4")
	thread := sw.question(w)
	sent := sw.sentTo(thread, "Birch Directorate")
	message := field(t, d4.until("/inbox", `href="/messages/`), `href="(/messages/[^"]+)"`)
	if _, body := d4.post(message+"/open", nil); !strings.Contains(body, "Nimic, până când expeditorul o permite") || !strings.Contains(body, "Cere permisiunea de a transmite pagini") {
		t.Errorf("it does not say that it goes no further, or how to ask: %s", body)
	}
	draft := d4.begin(message+"/reply", "onward.permission")
	d4.everywhere("D4", draft+"/note")
	d4.get("/language?to=ro")
	_, body := d4.get(draft + "/note")
	if !strings.Contains(body, "Vă cerem permisiunea") || !strings.Contains(body, "din jurnal") || !strings.Contains(body, "Istoricul social") || strings.Contains(body, "Ilie") {
		t.Errorf("the question is not begun, or holds a name: %s", body)
	}
	d4.post(draft+"/note", url.Values{"topic": {"other"}, "message": {"May Cedar Police have them?"}})
	d4.post(draft+"/law", url.Values{"basis": {"eu_task"}, "danger": {"clear"}})
	d4.send(draft)
	asked := field(t, sw.until("/inbox", `Liaison note</a>`), `href="(/messages/[^"]+)">Liaison note`)
	if _, body := sw.post(asked+"/open", nil); !strings.Contains(body, "May Cedar Police have them?") || !strings.Contains(body, sent) {
		t.Errorf("the question does not lead to what it is about: %s", body)
	}

	permit := sent + "/permit"
	sw.says(permit, "Your role does not give this permission")
	yes := url.Values{"sections": {"SC-HIST"}, "agencies": {"CEDAR"}, "until": {"30"}}
	if status, _ := sw.post(permit, yes); status != http.StatusForbidden {
		t.Errorf("a practitioner permits it: %d", status)
	}
	tm := alder.signIn(t, "TM1")
	tm.everywhere("TM1", permit, sent)
	for name, bad := range map[string]url.Values{
		"sections": {"sections": {"HEALTH-MH"}, "agencies": {"CEDAR"}, "until": {"30"}}, "agencies": {"sections": {"SC-HIST"}, "agencies": {"BIRCH"}, "until": {"30"}},
		"until": {"sections": {"SC-HIST"}, "agencies": {"CEDAR"}, "until": {"3000"}},
	} {
		if status, body := tm.post(permit, bad); status != http.StatusUnprocessableEntity || !strings.Contains(body, `href="#`+name+`"`) {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
	w.wait(16 * time.Minute)
	if _, body := tm.post(permit, yes); !strings.HasPrefix(body, "/sign-in/again") {
		t.Errorf("permitted without a fresh proof of who it is: %s", body)
	}
	if n := alder.posted("onward.permission"); n != 0 {
		t.Errorf("%d permissions left although nobody showed who they are", n)
	}
	tm.post("/sign-in/again/demo", url.Values{"next": {permit}})
	for range 2 {
		if _, body := tm.post(permit, yes); !strings.HasPrefix(body, sent+"?done=permitted") {
			t.Fatalf("not permitted: %s", body)
		}
	}
	if list, _, err := alder.agency.Posted(client.Filter{Kind: "onward.permission"}); err != nil || len(list) != 1 {
		t.Errorf("%v, %v", list, err)
	}
	tm.until(thread, "You permitted them to pass on: Social work history and questions; to Cedar Police; until")
	given := field(t, d4.until("/inbox", `Permisiune de a transmite mai departe</a>`), `href="(/messages/[^"]+)">Permisiune`)
	d4.everywhere("D4", given)
	d4.get("/language?to=ro")
	d4.post(given+"/open", nil)
	d4.says(given, "Puteți transmite mai departe", "Cedar Police", message)
	d4.says(message, "către Cedar Police")
	d4.lacks(message, "Nimic, până când")
}
