package client

import (
	"slices"

	"fairlead/internal/agreement"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
)

// Words that may stand in no file and no frame but sealed.
const (
	school  = "Saint-Dunstan-school"
	worry   = "worried-about-her-uncle"
	illness = "has-asthma"
)

// assessment is a share of three sections, of which the agreement permits two.
func assessment(to ...string) *Draft {
	return &Draft{
		Kind: "assessment.share", Role: "PRACTITIONER", User: "sw1", To: to, Purpose: "PRT-ASSESS", Threshold: "TH3",
		Basis: &envelope.Basis{Art6: "A6-1-c", Gateways: []fairlead.Gateway{"CA1989-47"}}, TLP: "AMBER+STRICT", GSC: "OFFICIAL-SENSITIVE",
		S16LA: &envelope.S16LA{Considered: true}, Told: "yes", Danger: "clear", Child: "kid-7", Case: "case-7",
		Sections: []DraftSection{
			{Code: "EDU", Type: "json", Content: []byte(`{"school":"` + school + `"}`)},
			{Code: "ASSESS", Type: "text/plain", Content: []byte(worry)},
			{Code: "HEALTH-PHYS", Art9: "A9-2-h", Type: "json", Content: []byte(`{"health":"` + illness + `"}`)},
		},
	}
}

// agree makes an agreement that all three have signed: assessments go from Alder to the others.
func (w *world) agree() {
	w.t.Helper()
	permit := func(id string, to fairlead.AgencyID, m fairlead.Mechanism) agreement.Term {
		return agreement.Term{ID: id, Text: "Alder shares assessments.", Permit: &agreement.Scope{
			From: []fairlead.AgencyID{alder}, To: []fairlead.AgencyID{to}, Purposes: []fairlead.Purpose{"PRT-ASSESS"}, Kinds: []string{"assessment.share"},
			Bases: []fairlead.Art6{"A6-1-c"}, Sections: []fairlead.SectionCode{"EDU", "ASSESS"}, Transfer: m,
		}}
	}
	a := agreement.Agreement{
		ID: "A1", Version: 1, Title: "Test", Form: "dsa", Parties: []fairlead.AgencyID{alder, birch, cedar},
		From: fairlead.At(w.now), Until: fairlead.At(w.now.AddDate(1, 0, 0)), ReviewBy: "2027-12-01", DPIA: "DPIA-1", Objective: "x", Summary: "y",
		Governance: agreement.Governance{Rights: "x", Transparency: "x", Accuracy: "x", Security: "x", Retention: "x", Breach: "x", Disputes: "x", Sanctions: "x"},
		Terms:      []agreement.Term{permit("t1", birch, fairlead.MechanismAdequacy), permit("t2", cedar, fairlead.MechanismNone)},
	}
	for _, id := range a.Parties {
		a.Signatories, a.Contacts = append(a.Signatories, agreement.Signatory{Agency: id, Name: "A", Role: "B"}), append(a.Contacts, agreement.Contact{Agency: id, DPO: "dpo"})
	}
	record, err := a.Marshal()
	w.check(err)
	w.agency(alder).send(&Draft{Kind: "agreement.proposal", Role: "AGREEMENT_SIGNATORY", User: "sig", To: []string{"BIRCH", "CEDAR"}, Record: record})
	w.settle()
	for _, p := range w.agencies {
		d, err := p.SignatureDraft("A1/1")
		w.check(err)
		d.Role, d.User = "AGREEMENT_SIGNATORY", "sig"
		p.send(d)
	}
	w.settle()
}

// send queues a draft for one recipient or several.
func (a *agency) send(d *Draft) fairlead.ShareID {
	a.w.t.Helper()
	ids, err := a.Send(d)
	a.w.check(err)
	return ids[0]
}

// state is how far a share of the agency is known to have come.
func (a *agency) state(id fairlead.ShareID) State {
	a.w.t.Helper()
	s, err := a.Sent(id)
	a.w.check(err)
	return s.State
}

// alarmed lists the agency's alarms.
func (a *agency) alarmed() []string {
	a.w.t.Helper()
	list, err := a.Alarms()
	a.w.check(err)
	var words []string
	for _, alarm := range list {
		words = append(words, alarm.What)
	}
	return words
}

// calm fails the test if any agency has an alarm.
func (w *world) calm() {
	w.t.Helper()
	for _, a := range w.agencies {
		if list := a.alarmed(); len(list) > 0 {
			w.t.Errorf("%s alarms at an honest hub: %q", a.id, list)
		}
	}
}

// sees reports whether a share is in the agency's inbox.
func (a *agency) sees(id fairlead.ShareID) bool {
	a.w.t.Helper()
	list, err := a.Inbox()
	a.w.check(err)
	listed := slices.ContainsFunc(list, func(m *Message) bool { return m.Header.ID == id })
	if _, err := a.Message(id); (err == nil) != listed {
		a.w.t.Errorf("%s: inbox and message disagree on %s: %v", a.id, id, err)
	}
	return listed
}
