package gateway_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"fairlead/internal/agreement"
	"fairlead/internal/client"
	"fairlead/internal/fairlead"
	"fairlead/internal/hubtest"
)

// propose puts an agreement on record that nobody has signed yet.
func (w *world) propose(by fairlead.AgencyID, a *agreement.Agreement) {
	w.t.Helper()
	record, err := a.Marshal()
	if err != nil {
		w.t.Fatal(err)
	}
	d := &client.Draft{Kind: "agreement.proposal", Role: "AGREEMENT_SIGNATORY", User: "sig", Record: record}
	for _, id := range a.Parties {
		d.To = append(d.To, string(id))
	}
	w.submit(by, d)
}

func (w *world) submit(by fairlead.AgencyID, d *client.Draft) {
	w.t.Helper()
	sent, err := w.Send(w.t.Context(), by, d)
	if err == nil {
		err = w.Settle(w.t.Context())
	}
	if err != nil || sent[0].Verdict.Result != fairlead.Delivered {
		w.t.Fatal(err, sent[0].Verdict)
	}
}

// TestAgreements: a signatory reads an agreement, compares it with its other version, signs, suspends and resumes it;
// nobody without the role does, and nobody without having shown lately who they are.
func TestAgreements(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alder := w.serve(hubtest.Alder, "en")
	a := questions(w.Clock.Now())
	w.propose(hubtest.Birch, a)
	sig, sw := alder.signIn(t, "SG1"), alder.signIn(t, "SW1")
	page := "/agreements/A9/1"
	sig.says(page, "Not yet signed by", "Sign for the agency", "corrections", "Who the child is", "Not yet in force")
	sw.lacks(page, "Sign for the agency", page+"/suspend")
	for _, path := range []string{page + "/sign", page + "/suspend", "/agreements/A1/1/suspend"} {
		if status, _ := sw.post(path, url.Values{"reason": {"breach"}}); status != http.StatusForbidden {
			t.Errorf("a practitioner signs for the agency at %s: %d", path, status)
		}
	}
	if status, _ := sig.post(page+"/suspend", url.Values{"reason": {"breach"}}); status != http.StatusForbidden {
		t.Errorf("what is not in force is suspended: %d", status)
	}
	if _, body := sig.post(page+"/sign", nil); !strings.Contains(body, "It is signed and on its way") {
		t.Errorf("not signed: %s", body)
	}
	d, err := w.Agency(hubtest.Birch).SignatureDraft("A9/1")
	if err != nil {
		t.Fatal(err)
	}
	d.Role, d.User = "AGREEMENT_SIGNATORY", "sig"
	w.submit(hubtest.Birch, d)
	sig.settled(page)
	sig.says(page, "In force", "Suspend this agreement")
	sig.lacks(page, "Sign for the agency", "Not yet signed by")

	if status, _ := sig.post(page+"/suspend", nil); status != http.StatusUnprocessableEntity {
		t.Errorf("suspended without a reason: %d", status)
	}
	sig.post(page+"/suspend", url.Values{"reason": {"breach"}})
	sig.settled(page)
	sig.says(page, "Suspended by", "Resume this agreement")
	sig.lacks(page, "Suspend this agreement")
	sig.post(page+"/resume", url.Values{"reason": {"other"}})
	sig.settled(page)
	sig.says(page, "In force")

	b := questions(w.Clock.Now())
	b.Version, b.Supersedes = 2, "A9/1"
	b.Terms[0].Permit.Sections = []fairlead.SectionCode{"ID-CORE", "SC-HIST", "EDU"}
	b.Governance.Breach = "within a day"
	w.propose(hubtest.Birch, b)
	compared := []string{"A9/2 compared with A9/1", "May be sent, and could not before", "May no longer be sent", "Risk", "What the parties agreed beside the terms differs", "Transfer abroad: Adequacy"}
	sig.says("/agreements/A9/2/compare?with=A9/1", compared...)
	sig.says("/agreements/A9/1/compare?with=A9/2", compared...) // the older is the one before
	sig.says("/agreements/A9/1/compare?with=A9/1", "What may be sent is the same.")
	sig.get("/language?to=ro")
	sig.says("/agreements/A9/2/compare?with=A9/1", "Se poate trimite și înainte nu se putea", "Nu se mai poate trimite", "Diferă ce au convenit părțile")

	w.Clock.Set(w.Clock.Now().Add(16 * 60e9))
	if _, body := sig.post("/agreements/A9/2/sign", nil); !strings.HasPrefix(body, "/sign-in/again?") {
		t.Errorf("signed without a fresh proof of who signs: %s", body)
	}
	if _, body := sig.post(page+"/suspend", url.Values{"reason": {"breach"}}); !strings.HasPrefix(body, "/sign-in/again?") {
		t.Errorf("suspended without a fresh proof of who does it: %s", body)
	}
	sig.settled(page)
	sig.get("/language?to=en")
	sig.says(page, "In force")
	sig.says("/agreements/A9/2", "Not yet signed by")
}
