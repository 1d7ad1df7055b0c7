package client

import (
	"reflect"
	"testing"

	"fairlead/internal/fairlead"
	"fairlead/internal/policy"
)

// TestPreview: what a sender is told beforehand is what the hub then decides, to the last reason.
func TestPreview(t *testing.T) {
	base := agreedWorld(t)
	for name, test := range map[string]struct {
		from   fairlead.AgencyID
		draft  func(w *world) *Draft
		result fairlead.Result
	}{
		"redacted": {alder, func(*world) *Draft { return assessment("BIRCH") }, fairlead.DeliveredRedacted},
		"whole": {alder, func(*world) *Draft {
			d := assessment("CEDAR")
			d.Sections = d.Sections[:2]
			return d
		}, fairlead.Delivered},
		"for a purpose the agreement does not have": {alder, func(*world) *Draft {
			d := assessment("BIRCH")
			d.Purpose = "LEGAL"
			return d
		}, fairlead.Refused},
		"without an answer to the danger": {alder, func(*world) *Draft {
			d := assessment("BIRCH")
			d.Danger = ""
			return d
		}, fairlead.Refused},
		"an essential section barred": {alder, func(*world) *Draft {
			d := assessment("BIRCH")
			d.Sections[2].Essential = true
			return d
		}, fairlead.Refused},
		"after the agreement has ended": {alder, func(w *world) *Draft {
			w.now = w.now.AddDate(1, 0, 1)
			return assessment("BIRCH")
		}, fairlead.Refused},
		"in the wrong direction": {birch, func(*world) *Draft { return assessment("ALDER") }, fairlead.Refused},
		"an alert without an agreement": {birch, func(*world) *Draft {
			d := assessment("ALDER")
			d.Kind, d.Purpose, d.Threshold, d.Urgency = "alert.at_risk", "PRT-IMMEDIATE", "TH4", "Immediate"
			d.Severity, d.Certainty, d.Basis.Cite = "Severe", "Likely", "GDPR 6(1)(e)"
			d.Basis.Art6, d.Basis.Gateways, d.Sections = "X-EU-GDPR", nil, d.Sections[:1]
			return d
		}, fairlead.Delivered},
		"an answer to a message": {birch, func(w *world) *Draft {
			id := w.agency(alder).send(assessment("BIRCH"))
			w.settle()
			return &Draft{Kind: "ack", Role: "PRACTITIONER", User: "x1", To: []string{"ALDER"}, ReplyTo: id, Facts: map[string]string{"level": "opened_by_human"}}
		}, fairlead.Delivered},
		"an answer to nothing": {birch, func(*world) *Draft {
			return &Draft{Kind: "ack", Role: "PRACTITIONER", User: "x1", To: []string{"ALDER"}, ReplyTo: fairlead.NewShareID(), Facts: map[string]string{"level": "opened_by_human"}}
		}, fairlead.Refused},
		"a record nobody can read": {alder, func(*world) *Draft {
			return &Draft{Kind: "agreement.signature", Role: "AGREEMENT_SIGNATORY", User: "sig", To: []string{"HUB"}, Record: []byte("{}")}
		}, fairlead.Refused},
		"a permission to pass on":             {alder, func(w *world) *Draft { return w.permitting(alder, "EDU") }, fairlead.Delivered},
		"a permission for what was not given": {alder, func(w *world) *Draft { return w.permitting(alder, "EDU", "INTEL") }, fairlead.Refused},
		"a permission by who only got it":     {birch, func(w *world) *Draft { return w.permitting(alder, "EDU") }, fairlead.Refused},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := base.copy(t)
			a, d := w.agency(test.from), test.draft(w)
			list, err := a.Preview(d)
			w.check(err)
			a.send(d)
			decided := w.collectFrom(a)[0].detail.Share.Decision
			if len(list) != 1 || list[0].To != fairlead.AgencyID(d.To[0]) || !same(list[0].Decision, decided) {
				t.Errorf("previewed %+v\ndecided %+v", list, decided)
			}
			if decided.Result != test.result {
				t.Errorf("%s, want %s: %+v", decided.Result, test.result, decided.Causes)
			}
		})
	}
}

// permitting is a draft that lets sections of a share of an agency to Cedar go further.
func (w *world) permitting(from fairlead.AgencyID, codes ...fairlead.SectionCode) *Draft {
	id := w.agency(from).send(assessment("CEDAR"))
	w.settle()
	d, err := recordDraft("onward.permission", cedar, policy.Grant{Share: id, Sections: codes, To: []fairlead.AgencyID{birch}, Until: fairlead.At(w.now.AddDate(0, 1, 0))})
	w.check(err)
	d.Role, d.User = "DPO", "dpo"
	return d
}

// same compares all but the list of entries used, of which the sender does not know those of others.
func same(a, b policy.Decision) bool {
	a.Used, b.Used = nil, nil
	return reflect.DeepEqual(a, b)
}

// TestPreviewOfMany: each recipient has a preview of its own, and nothing is queued or said to anybody.
func TestPreviewOfMany(t *testing.T) {
	w := newWorld(t)
	w.agree()
	a := w.agency(alder)
	list, err := a.Preview(assessment("CEDAR", "BIRCH"))
	w.check(err)
	if len(list) != 2 || list[0].To != cedar || list[1].To != birch || !list[0].Decision.Delivers() || !list[1].Decision.Delivers() {
		t.Errorf("%+v", list)
	}
	if n := len(a.queue()); n > 0 {
		t.Errorf("%d shares are queued", n)
	}
}
