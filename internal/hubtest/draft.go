package hubtest

import (
	"encoding/json"
	"time"

	"fairlead/internal/client"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/staff"
)

// DraftAssessment is an assessment that Alder or Aspen may send under the agreement of New.
func DraftAssessment(to fairlead.AgencyID, sections ...client.DraftSection) *client.Draft {
	return &client.Draft{
		Kind: "assessment.share", Role: "PRACTITIONER", User: "sw1", To: []string{string(to)}, Purpose: "PRT-ASSESS", Threshold: fairlead.TH3,
		Basis: &envelope.Basis{Art6: fairlead.Art6Legal, Gateways: []fairlead.Gateway{"COURT-ORDER"}},
		S16LA: &envelope.S16LA{Considered: true}, Told: "yes", Child: "kit",
		TLP: "AMBER+STRICT", GSC: "OFFICIAL-SENSITIVE", Danger: fairlead.DangerClear, Sections: sections,
	}
}

// DraftRequest is a question from Alder or Aspen; sections are what it tells of its own.
func DraftRequest(to fairlead.AgencyID, sections ...client.DraftSection) *client.Draft {
	d := DraftAssessment(to, sections...)
	d.Kind, d.Facts = "info.request", map[string]string{"urgency": "urgent"}
	return d
}

// DraftAnswer is the answer from Romania to a share that was delivered there.
func DraftAnswer(to fairlead.AgencyID, question fairlead.ShareID, sections ...client.DraftSection) *client.Draft {
	d := DraftAssessment(to, sections...)
	d.Kind, d.ReplyTo, d.User = "info.response", question, "is1"
	d.Basis = &envelope.Basis{Art6: fairlead.Art6EU, Cite: "GDPR 6(1)(e)"}
	return d
}

// DraftAlert is an alert of immediate danger, which needs no agreement.
func DraftAlert(sections ...client.DraftSection) *client.Draft {
	d := DraftAssessment("", sections...)
	d.Kind, d.To, d.Purpose, d.Threshold = "alert.at_risk", []string{GroupAlert}, fairlead.PurposeImmediate, fairlead.TH4
	d.Urgency, d.Severity, d.Certainty = fairlead.UrgencyImmediate, "Severe", "Likely"
	return d
}

// DraftConsent records what was said of a child, whose handle the record names.
func DraftConsent(child string, record []byte) *client.Draft {
	return &client.Draft{Kind: "consent.record", Role: "PRACTITIONER", User: "sw1", To: []string{string(fairlead.Hub)}, Child: child, Record: record}
}

// DraftTraining is a trainer's word that one of an agency's people has passed every course until an instant.
func DraftTraining(to fairlead.AgencyID, user string, until time.Time) *client.Draft {
	r := staff.Training{User: user}
	for _, code := range []string{"T1", "T2", "T3", "T4", "T-CORE"} {
		r.Courses = append(r.Courses, staff.Course{Code: code, Passed: "2026-12-01", Until: fairlead.At(until)})
	}
	record, err := json.Marshal(r)
	if err != nil { // strings and times always marshal
		panic(err)
	}
	return &client.Draft{Kind: "training.record", Role: "TRAINER", User: "tr1", To: []string{string(to)}, Purpose: "TRAINING", Record: record}
}

// Section is a section of a draft with JSON content.
func Section(code fairlead.SectionCode, content string) client.DraftSection {
	return client.DraftSection{Code: code, Type: "json", Content: []byte(content)}
}
