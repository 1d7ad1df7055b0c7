package gateway_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"fairlead/internal/hubtest"
)

// planned is a draft of an investigation as far as its plan, and the answers to one action of the plan.
func (r *reader) planned() (plan string) {
	r.t.Helper()
	_, body := r.post("/send", url.Values{"kind": {"investigation.coordinate"}})
	draft := "/send/" + field(r.t, body, `action="/send/([0-9a-f-]+)/what"`)
	what := r.s.filled(body)
	what["with"] = []string{"ID-CORE"}
	_, body = r.post(draft+"/what", what)
	if _, body = r.post(draft+"/ID-CORE", r.s.filled(body)); !strings.Contains(body, draft+"/PLAN-SAFE") {
		r.t.Fatal(body)
	}
	return draft + "/PLAN-SAFE"
}

const actions = "PLAN-SAFE.planned_actions."

func action(n, what string) url.Values {
	at := actions + n + "."
	return url.Values{at + "action": {what}, at + "by": {"police"}, at + "when": {"tomorrow"}, at + "risk_to_child": {"none"}}
}

func together(lists ...url.Values) url.Values {
	all := url.Values{}
	for _, list := range lists {
		for k, v := range list {
			all[k] = v
		}
	}
	return all
}

// TestAddAnother: items are added and removed without a script, nothing that was typed is lost, what is wrong is said
// beside its item, and all of them arrive.
func TestAddAnother(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alder, aspen := w.serve(hubtest.Alder, "en"), w.serve(hubtest.Aspen, "en")
	w.join(aspen, "SW1", "Ash Penn", "PRACTITIONER")
	if err := w.Agree(t.Context(), everything(w.Clock.Now())); err != nil {
		t.Fatal(err)
	}
	w.keepUp(hubtest.Alder, hubtest.Aspen)
	r, other := alder.signIn(t, "SW1"), aspen.signIn(t, "SW1")
	plan := r.planned()
	r.lacks(plan, `name="remove"`)
	add, route := url.Values{"add": {"PLAN-SAFE/planned_actions"}}, url.Values{"PLAN-SAFE.evidence_route": {"police_channel"}}
	status, body := r.post(plan, together(action("0", "see her school"), add)) // the route is still to be chosen
	if status != http.StatusOK || !strings.HasPrefix(body, plan) || !strings.Contains(body, `value="see her school"`) || !strings.Contains(body, "Planned action 2</legend>") || strings.Contains(body, "govuk-error") {
		t.Fatalf("no second action, or the first is lost: %d %s", status, body)
	}
	if _, body = r.post(plan, together(action("0", "see her school"), action("1", "ask the bank"), add)); strings.Count(body, `name="remove"`) != 3 {
		t.Fatalf("no third action: %s", body)
	}
	third := action("2", "speak to the driver")
	third.Del(actions + "2.by")
	all := together(action("0", "see her school"), action("1", "ask the bank"), third, route)
	status, body = r.post(plan, all)
	if status != http.StatusUnprocessableEntity || !strings.Contains(body, `<a href="#`+actions+`2.by">Planned action 3: By: an answer is needed`) || !strings.Contains(body, `id="`+actions+`2.by-error"`) ||
		strings.Contains(body, `id="`+actions+`1.by-error"`) || !strings.Contains(body, `value="speak to the driver"`) {
		t.Errorf("what is wrong is not said beside its item: %d %s", status, body)
	}
	r.everywhere("SW1", plan)
	if _, body = r.post(plan, together(all, url.Values{"remove": {"PLAN-SAFE/planned_actions/1"}})); strings.Contains(body, "ask the bank") || !strings.Contains(body, `name="`+actions+`1.action" type="text" dir="auto" value="speak to the driver"`) || strings.Contains(body, actions+"2") {
		t.Errorf("the second is not removed, or the third lost: %s", body)
	}
	for _, bad := range []string{"PLAN-SAFE/planned_actions/2", "PLAN-SAFE/planned_actions/x", "PLAN-SAFE/evidence_route/0", "", "/"} {
		if _, body = r.post(plan, url.Values{"remove": {bad}, "add": {bad}}); strings.Contains(body, "Planned action 3") || !strings.Contains(body, "Planned action 2") {
			t.Errorf("%q changes the list: %s", bad, body)
		}
	}
	status, body = r.post(plan, together(action("0", "see her school"), action("1", "speak to the driver"), route))
	if status != http.StatusOK {
		t.Fatal(body)
	}
	draft := r.fillIn("investigation.coordinate", body, url.Values{"to": {"ASPEN"}}, url.Values{"basis": {"enquiry"}, "told": {"no"}, "detriment": {"none"}, "p18": {"CANNOT_GIVE"}})
	names := draft + "/ID-CORE"
	_, body = r.get(names)
	child := r.s.filled(body)
	child.Del("version")
	child = together(child, url.Values{"ID-CORE.person.names.0.given": {"Mara"}})
	r.post(names, together(child, url.Values{"add": {"ID-CORE/person/names"}}))
	r.post(names, together(child, url.Values{"ID-CORE.person.names.1.given": {"Lupa"}}))
	r.says(draft+"/check", "Planned action 2: Action", "speak to the driver", plan+"?return=1#"+actions+"1.action")
	r.send(draft)
	message := field(t, other.until("/inbox", "/messages/"), `href="(/messages/[^"]+)"`)
	if _, body = other.post(message+"/open", nil); !strings.Contains(body, "see her school") || !strings.Contains(body, "speak to the driver") || strings.Contains(body, "ask the bank") || !strings.Contains(body, "Mara, Lupa (Alias)") {
		t.Errorf("what arrived is not what was written: %s", body)
	}
}

// TestAddAnotherInBrowser: the same by buttons; Enter in a box goes on with the form, and takes nothing away.
func TestAddAnotherInBrowser(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alder := w.serve(hubtest.Alder, "en")
	plan := alder.signIn(t, "SW1").planned()
	b := alder.tab(t)
	b.signIn("SW1")
	b.open(plan)
	b.fill(actions+"0.action", "see her school")
	b.press("button[name=add]")
	b.says("Planned action 2")
	b.fill(actions+"1.action", "ask the bank")
	b.press("button[name=add]")
	b.look("add-another")
	b.phone()
	b.look("add-another-phone")
	b.do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.RunResponse(ctx, chromedp.SendKeys(chromedp.CSS(`[name="`+actions+`2.action"]`), "speak to the driver"+kb.Enter))
		return err
	}))
	b.says("There is a problem", "Planned action 3: By: an answer is needed")
	b.look("add-another-faults")
	b.press(`button[value="PLAN-SAFE/planned_actions/1"]`)
	if left := js[string](b, `[...document.querySelectorAll("[name$='.action']")].map(e => e.value).join()`); left != "see her school,speak to the driver" {
		t.Errorf("left are %s", left)
	}
}
