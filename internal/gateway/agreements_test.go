package gateway_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

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
	record, err := a.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	sig.says(page, "Signed by</dt><dd class=\"govuk-summary-list__value\">Alder Council, Birch Directorate<", agreement.Digest(record).String())
	outsider := w.serve(hubtest.Cedar, "en")
	w.join(outsider, "SG1", "Sid Otherwise", "AGREEMENT_SIGNATORY")
	for _, path := range []string{page, "/agreements/A1/1"} {
		if status, _ := outsider.signIn(t, "SG1").post(path+"/sign", nil); status != http.StatusForbidden && status != http.StatusNotFound {
			t.Errorf("who is no party signs %s: %d", path, status)
		}
	}

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

	before := alder.posted("agreement.")
	w.Clock.Set(w.Clock.Now().Add(16 * 60e9))
	if _, body := sig.post(page+"/suspend", url.Values{"reason": {"breach"}}); !strings.HasPrefix(body, "/sign-in/again?") {
		t.Errorf("suspended without a fresh proof of who signs: %s", body)
	}
	if _, body := sig.post("/agreements/A9/2/sign", nil); !strings.HasPrefix(body, "/sign-in/again?") {
		t.Errorf("signed without a fresh proof of who signs: %s", body)
	}
	if _, body := sig.post(page+"/suspend", url.Values{"reason": {"breach"}}); !strings.HasPrefix(body, "/sign-in/again?") {
		t.Errorf("suspended without a fresh proof of who does it: %s", body)
	}
	if after := alder.posted("agreement."); after != before {
		t.Errorf("%d words on agreements left although nobody showed who they are", after-before)
	}
	sig.settled(page)
	sig.get("/language?to=en")
	sig.says(page, "In force")
	sig.says("/agreements/A9/2", "Not yet signed by")
	w.wait(3 * 365 * 24 * time.Hour)
	sig = alder.signIn(t, "SG1")
	sig.lacks("/agreements/A9/2", "Sign for the agency", "Not yet in force")
	if status, _ := sig.post("/agreements/A9/2/sign", nil); status != http.StatusForbidden {
		t.Errorf("what has ended is signed: %d", status)
	}
}

// questions lets Alder and Birch ask each other about a child.
func questions(at time.Time) *agreement.Agreement {
	scope := func(from, to fairlead.AgencyID, basis fairlead.Art6, m fairlead.Mechanism) *agreement.Scope {
		return &agreement.Scope{
			From: []fairlead.AgencyID{from}, To: []fairlead.AgencyID{to}, Purposes: []fairlead.Purpose{"PRT-ASSESS"}, Kinds: []string{"info.request", "referral.new"},
			Bases: []fairlead.Art6{basis}, Sections: []fairlead.SectionCode{"ID-CORE", "SC-HIST", "RISK"}, Transfer: m,
		}
	}
	a := &agreement.Agreement{
		ID: "A9", Version: 1, Title: "Questions between Alder and Birch", Form: "dsa", Parties: []fairlead.AgencyID{hubtest.Alder, hubtest.Birch},
		From: fairlead.At(at), Until: fairlead.At(at.AddDate(1, 0, 0)), ReviewBy: at.AddDate(0, 11, 0).Format(time.DateOnly), DPIA: "DPIA-9",
		Objective: "to ask what is needed", Summary: "questions are asked",
		Terms: []agreement.Term{
			{ID: "out", Text: "the signed words", Permit: scope(hubtest.Alder, hubtest.Birch, fairlead.Art6Legal, fairlead.MechanismAdequacy)},
			{ID: "back", Text: "the signed words", Permit: scope(hubtest.Birch, hubtest.Alder, fairlead.Art6EU, fairlead.MechanismIntoUK)},
		},
		Governance: agreement.Governance{
			Rights: "each its own", Transparency: "notices", Accuracy: "corrections", Security: "keys", Retention: "as long as the file", Breach: "24 hours",
			Disputes: "the leads meet", Sanctions: "suspension",
		},
	}
	for _, id := range a.Parties {
		a.Signatories = append(a.Signatories, agreement.Signatory{Agency: id, Name: "A. Director", Role: "Director"})
		a.Contacts = append(a.Contacts, agreement.Contact{Agency: id, DPO: "dpo@example.org"})
	}
	return a
}
