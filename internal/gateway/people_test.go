package gateway_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"fairlead/internal/gateway"
	"fairlead/internal/hubtest"
)

// TestPeople: somebody who vouches for the agency's people lets one join, move and leave, each signed in their own
// name; nobody else may, and nobody changes their own place.
func TestPeople(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alder := w.serve(hubtest.Alder, "en")
	w.keepUp(hubtest.Alder)
	sw, tm := alder.signIn(t, "SW1"), alder.signIn(t, "TM1")
	form := url.Values{"user": {"SW7"}, "name": {"Wren Fictive"}, "role": {"PRACTITIONER"}}
	for path, f := range map[string]url.Values{"/people/new": form, "/person/TM1/move": {"role": {"DPO"}}, "/person/TM1/leave": nil, "/person/TM1/invite": nil} {
		if status, _ := sw.post(path, f); status != http.StatusForbidden {
			t.Errorf("a practitioner vouches for people at %s: %d", path, status)
		}
	}
	for field, value := range map[string]string{"user": "Wren Fictive", "name": " ", "role": "BROKER_OPERATOR"} {
		bad := url.Values{"user": {"SW7"}, "name": {"Wren Fictive"}, "role": {"PRACTITIONER"}}
		bad.Set(field, value)
		if status, body := tm.post("/people/new", bad); status != http.StatusUnprocessableEntity || !strings.Contains(body, `id="`+field+`-error"`) {
			t.Errorf("%s %q is taken: %d", field, value, status)
		}
	}
	if status, _ := tm.post("/people/new", url.Values{"user": {"SW1"}, "name": {"Another"}, "role": {"DPO"}}); status != http.StatusUnprocessableEntity {
		t.Errorf("a pseudonym is given twice: %d", status)
	}
	_, body := tm.post("/people/new", form)
	address := field(t, body, `id="address">([^<]+)<`)
	if !strings.HasPrefix(address, alder.URL+"/invitation/") {
		t.Errorf("the address is %s", address)
	}
	tm.settled("/people")
	tm.says("/people", "Wren Fictive", "SW7", "Tom Merrow")
	if status, body := alder.signIn(t, "").get(strings.TrimPrefix(address, alder.URL)); status != http.StatusOK || !strings.Contains(body, "Hello Wren Fictive") {
		t.Errorf("the invitation does not hold: %d %s", status, body)
	}
	alder.signIn(t, "SW7").says("/inbox", "Wren Fictive, practitioner")
	d := hubtest.DraftTraining(hubtest.Alder, "SW7", w.Clock.Now().AddDate(0, 0, 1))
	if _, err := w.Send(t.Context(), hubtest.Aspen, d); err != nil {
		t.Fatal(err)
	}
	if err := w.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	tm.says("/person/SW7", "How migration and displacement affect children. Holds until 12 January 2027")

	tm.post("/person/SW7/move", url.Values{"role": {"TRAINER"}})
	tm.settled("/people")
	wren := alder.signIn(t, "SW7")
	if status, _ := wren.get("/inbox"); status != http.StatusForbidden {
		t.Errorf("a mover keeps the old role: %d", status)
	}
	for _, path := range []string{"/person/TM1/move", "/person/TM1/leave"} {
		if status, _ := tm.post(path, url.Values{"role": {"DPO"}}); status != http.StatusForbidden {
			t.Errorf("somebody changes their own place at %s: %d", path, status)
		}
	}
	tm.post("/person/SW7/leave", nil)
	if _, body := wren.get("/"); !strings.HasPrefix(body, "/sign-in?") {
		t.Errorf("a leaver's session goes on until the hub has heard: %s", body)
	}
	tm.settled("/people")
	tm.says("/person/SW7", "Not on the register: cannot sign in")
	w.Clock.Set(w.Clock.Now().Add(16 * 60e9))
	if _, body := tm.post("/person/SW1/leave", nil); !strings.HasPrefix(body, "/sign-in/again?") {
		t.Errorf("somebody is put out without a fresh proof of who does it: %s", body)
	}
}

// settled reads a page until nothing on it is queued.
func (r *reader) settled(path string) {
	r.t.Helper()
	for {
		if _, body := r.get(path); !strings.Contains(body, "Queued") || r.t.Context().Err() != nil {
			return
		}
	}
}

// TestKeys: whoever announces the agency's keys makes a new one, lately proved to be them; the page reads every key out
// in words, and what was sealed to the old one stays readable.
func TestKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alder := w.serve(hubtest.Alder, "en")
	w.keepUp(hubtest.Alder)
	a := alder.agency
	d, err := a.Home.StaffDraft(a.Client, "DP1", "DPO")
	if err != nil {
		t.Fatal(err)
	}
	d.Role, d.User = "DPO", "dpo"
	if _, err := w.Send(t.Context(), hubtest.Alder, d); err != nil {
		t.Fatal(err)
	}
	if err := alder.AddPerson(gateway.Person{User: "DP1", Name: "Dora Pryor"}); err != nil {
		t.Fatal(err)
	}
	sw, dpo := alder.signIn(t, "SW1"), alder.signIn(t, "DP1")
	draft := sw.write("alert.missing", alder.alert("N-7"))
	before := a.Client.Snapshot().Certificate(hubtest.Alder)
	dpo.says("/proofs", before.Fingerprint().Words(), "Birch Directorate", "Make a new key", "this agency has no list of witnesses")
	sw.lacks("/proofs", "Make a new key")
	if status, _ := sw.post("/proofs/rotate", nil); status != http.StatusForbidden {
		t.Errorf("a practitioner makes keys: %d", status)
	}
	w.Clock.Set(w.Clock.Now().Add(16 * 60e9))
	if _, body := dpo.post("/proofs/rotate", nil); !strings.HasPrefix(body, "/sign-in/again?") {
		t.Errorf("a key is made without a fresh proof of who makes it: %s", body)
	}
	dpo.post("/sign-in/again/demo", url.Values{"next": {"/proofs"}})
	if _, body := dpo.post("/proofs/rotate", nil); !strings.Contains(body, "The new key is made") {
		t.Fatalf("no new key: %s", body)
	}
	if err := w.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if after := a.Client.Snapshot().Certificate(hubtest.Alder); after.Encryption() == before.Encryption() {
		t.Error("the register has still the old key")
	}
	sw.says(draft+"/child", "Mara")
}
