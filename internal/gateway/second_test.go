package gateway_test

import (
	"bytes"
	"encoding/json"
	"image"
	"image/jpeg"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"fairlead/internal/client"
	"fairlead/internal/consent"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/hubtest"
)

// upload sends a stage of a form with a file.
func (r *reader) upload(path string, form url.Values, name string, content []byte) (int, string) {
	r.t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for k, values := range form {
		for _, v := range values {
			if err := w.WriteField(k, v); err != nil {
				r.t.Fatal(err)
			}
		}
	}
	part, err := w.CreateFormFile(name, "photo.jpg")
	if err != nil {
		r.t.Fatal(err)
	}
	part.Write(content)
	w.Close()
	return r.read(r.http.Post(r.s.URL+path, w.FormDataContentType(), &b))
}

// picture is a small photograph.
func picture(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewRGBA(image.Rect(0, 0, 64, 64)), nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestPhotograph: a photograph goes up, is known by its bytes and not by its name, and comes down at the
// other side as a file to keep, never as a page to run.
func TestPhotograph(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alder, birch := w.serve(hubtest.Alder, "en"), w.serve(hubtest.Birch, "en")
	w.keepUp(hubtest.Alder, hubtest.Birch)
	r := alder.signIn(t, "SW1")
	answers := alder.alert("N-7")
	answers["law"].Set("p18", "CANNOT_REASONABLY_OBTAIN")
	draft := r.write("alert.missing", answers)
	status, body := r.upload(draft+"/find", answers["find"], "photo", []byte("<html><script>alert(1)</script>"))
	if status != http.StatusUnprocessableEntity || !strings.Contains(body, "must be a JPEG or PNG") {
		t.Errorf("a page is taken for a photograph: %d", status)
	}
	photo := picture(t)
	if status, body = r.upload(draft+"/find", answers["find"], "photo", append(photo, make([]byte, 4<<20)...)); status != http.StatusUnprocessableEntity || !strings.Contains(body, "up to 3 MB") {
		t.Errorf("a photograph of 4 MB: %d", status)
	}
	if status, body = r.upload(draft+"/find", answers["find"], "photo", make([]byte, 6<<20)); status == http.StatusOK {
		t.Errorf("6 MB are taken: %s", body[:80])
	}
	r.upload(draft+"/find", answers["find"], "photo", photo)
	r.post(draft+"/law", answers["law"])
	r.send(draft)
	d4 := birch.signIn(t, "D4")
	message := field(t, d4.until("/inbox", `href="/messages/`), `href="(/messages/[^"]+)"`)
	_, body = d4.post(message+"/open", nil)
	file := field(t, body, `href="(/messages/[^"]+/files/\d+)"`)
	resp, err := d4.http.Get(birch.URL + file)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var got bytes.Buffer
	if _, err := got.ReadFrom(resp.Body); err != nil || !bytes.Equal(got.Bytes(), photo) {
		t.Errorf("the photograph came down changed: %v", err)
	}
	if h := resp.Header; h.Get("Content-Type") != "application/octet-stream" || !strings.Contains(h.Get("Content-Disposition"), "attachment") {
		t.Errorf("%v", h)
	}
}

// TestSecondPerson: what overrides a refusal waits; its author cannot approve it, nor can a practitioner;
// a team manager reads it, accepts a reason, signs, and the hub lets it go.
func TestSecondPerson(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.Agency(hubtest.Alder)
	alder := w.serve(hubtest.Alder, "en")
	handle, err := a.SubjectHandle("N-7")
	if err != nil {
		t.Fatal(err)
	}
	record, err := json.Marshal(consent.Record{
		ID: "C-1", Subject: handle, Giver: "CHILD_16", At: fairlead.At(w.Clock.Now()), Items: []consent.Item{{Status: fairlead.ConsentRefused, Sections: []fairlead.SectionCode{"EDU"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	d := hubtest.DraftConsent("N-7", record)
	if sent, err := w.Send(t.Context(), hubtest.Alder, d); err != nil || sent[0].Verdict.Result != fairlead.Delivered {
		t.Fatal(sent, err)
	}
	for _, user := range []string{"SW1", "TM1"} {
		d := hubtest.DraftTraining(hubtest.Alder, user, w.Clock.Now().AddDate(1, 0, 0))
		if sent, err := w.Send(t.Context(), hubtest.Aspen, d); err != nil || sent[0].Verdict.Result != fairlead.Delivered {
			t.Fatal(sent, err)
		}
	}
	edu := hubtest.Section("EDU", `{"language": "en", "child": "child-1", "text": "She stays away from school."}`)
	edu.Override = "SIG-HARM"
	note := hubtest.Section("OVERRIDE-NOTE", `{"language": "en", "who_is_at_risk": "she", "harm_expected": "grave", "why_consent_not_followed": "danger",
		"alternatives_considered": "none", "minimum_chosen": "school only", "was_told": "later", "review_on": "2027-02-11"}`)
	draft := hubtest.DraftAssessment(hubtest.Aspen, edu, note)
	draft.User, draft.Child, draft.Told = "SW1", "N-7", "no"
	draft.Basis = &envelope.Basis{Art6: fairlead.Art6Legal, Gateways: []fairlead.Gateway{"COURT-ORDER"}}
	held := hold(t, w, draft)
	page := "/approvals/" + held.ID.String()
	sw, tm := alder.signIn(t, "SW1"), alder.signIn(t, "TM1")
	if _, body := sw.get(page); !strings.Contains(body, "You wrote this message yourself") {
		t.Error("the author is not told that another must approve")
	}
	if status, _ := sw.post(page, url.Values{"reason": {"SIG-HARM"}}); status != http.StatusForbidden {
		t.Errorf("the author approves: %d", status)
	}
	if status, body := tm.post(page, url.Values{"reason": {"SIG-HARM"}}); status != http.StatusUnprocessableEntity {
		t.Errorf("approved unread: %d %s", status, body)
	}
	draft.User = "TM1"
	own := "/approvals/" + hold(t, w, draft).ID.String()
	if _, body := tm.get(own); !strings.Contains(body, "You wrote this message yourself") {
		t.Error("a team manager who wrote it is asked to approve it")
	}
	if status, _ := tm.post(own, url.Values{"reason": {"SIG-HARM"}}); status != http.StatusForbidden {
		t.Errorf("a team manager approves their own: %d", status)
	}
	if _, body := tm.get(page); !strings.Contains(body, "She stays away from school.") || !strings.Contains(body, "Significant harm to the child") {
		t.Errorf("the second person does not see what they sign: %s", body)
	}
	if _, body := tm.get("/"); !strings.Contains(body, "Approve as second person") {
		t.Error("the first page does not say that something waits")
	}
	if status, body := tm.post(page, nil); status != http.StatusUnprocessableEntity || !strings.Contains(body, "Choose at least one reason") {
		t.Errorf("approved without a reason: %d", status)
	}
	w.Clock.Set(w.Clock.Now().Add(16 * time.Minute)) // signed in too long ago to sign
	_, body := tm.post(page, url.Values{"reason": {"SIG-HARM"}})
	if !strings.HasPrefix(body, "/sign-in/again?") || !strings.Contains(body, "Tom Merrow, what you are about to do") {
		t.Fatalf("signed without a fresh proof of who it is: %s", body)
	}
	if err := w.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s, err := a.Sent(held.ID); err != nil || s.State != client.HeldBy {
		t.Errorf("it was signed before the answer was asked for: %+v, %v", s, err)
	}
	if _, body = tm.post("/sign-in/again/demo", url.Values{"next": {page + "?reason=SIG-HARM"}}); !strings.Contains(body, `value="SIG-HARM" checked`) {
		t.Errorf("what was chosen is lost on the way: %s", body)
	}
	if status, body := tm.post(page, url.Values{"reason": {"SIG-HARM"}}); status != http.StatusOK || !strings.HasPrefix(body, "/sent/") {
		t.Fatalf("%d %s", status, body)
	}
	if err := w.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s, err := a.Sent(held.ID); err != nil || s.State == client.HeldBy {
		t.Errorf("still held: %+v, %v", s, err)
	}
}

// hold sends what must wait for a second person.
func hold(t *testing.T, w *world, d *client.Draft) *client.SentShare {
	t.Helper()
	sent, err := w.Send(t.Context(), hubtest.Alder, d)
	if err != nil {
		t.Fatal(err)
	}
	if sent[0].State != client.HeldBy {
		t.Fatalf("%s is not held: %+v", d.Kind, sent[0].Verdict)
	}
	return sent[0]
}
