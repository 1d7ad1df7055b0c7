package policy_test

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"fairlead/internal/agreement"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/policy"
)

// heavy is a share of 128 sections that fall short of terms which ask for all that a term may ask.
func heavy() *world {
	w := chance{rand.New(rand.NewPCG(1, 9))}.world()
	w.f.Sender, w.f.Recipient = &policy.Agency{ID: "SENDER", Type: "LA_CSC", Jurisdiction: "GB-ENG"}, &policy.Agency{ID: "RECIPIENT", Type: "POLICE", Jurisdiction: "GB-ENG"}
	h := w.r.Header
	h.Kind, h.Purpose, h.Facts, h.Danger, h.Transfer, h.Threshold, h.Severity = "assessment.share", "PRT-ASSESS", nil, nil, nil, "TH2", "Minor"
	h.Basis = &envelope.Basis{Art6: "A6-1-c", Gateways: []fairlead.Gateway{"COURT-ORDER"}}
	s := &agreement.Standing{Entry: 10, ActiveBy: 20}
	s.ID, s.Version, s.Parties = strings.Repeat("A", 32), 999_999, []fairlead.AgencyID{"SENDER", "RECIPIENT"}
	s.From, s.Until = fairlead.At(noon.AddDate(-1, 0, 0)), fairlead.At(noon.AddDate(0, 1, 0))
	leaf := agreement.Condition{Fact: "severity", OneOf: slices.Repeat([]string{"Moderate"}, 64)}
	scope := agreement.Scope{From: s.Parties, To: s.Parties, Purposes: []fairlead.Purpose{h.Purpose}, Kinds: []string{h.Kind}, Bases: fairlead.Art6s, Transfer: "NONE", Sections: fairlead.Sections}
	s.Terms = []agreement.Term{{ID: "plain", Text: "w", Permit: &scope}}
	bare := scope
	bare.Sections, s.Terms[0].Permit = []fairlead.SectionCode{"PRO-CONTACT"}, &bare
	for i := range 5 {
		s.Terms = append(s.Terms, agreement.Term{ID: strings.Repeat("t", 31) + string(rune('0'+i)), Text: "w", Permit: &scope, Disclose: "auditor", When: &agreement.When{
			Thresholds: []fairlead.Threshold{"TH4"}, Training: slices.Repeat([]string{"T-CORE"}, 64), Facts: &agreement.Condition{All: slices.Repeat([]agreement.Condition{leaf}, 31)},
			Consent: &agreement.Consent{Given: true, GivenBy: fairlead.Givers},
		}})
	}
	w.f.Agreements, w.f.Houses, w.f.Answered, w.r.Descriptors = []*agreement.Standing{s}, nil, nil, nil
	for i := range 126 {
		w.r.Descriptors = append(w.r.Descriptors, &envelope.Descriptor{Audience: envelope.ForRecipient, Code: fairlead.Sections[i%10]})
	}
	w.r.Descriptors = append(w.r.Descriptors, &envelope.Descriptor{Audience: envelope.ForRecipient, Code: "PRO-CONTACT"}, &envelope.Descriptor{Audience: envelope.ForHub, Subject: children[0]})
	return w
}

// TestFitsIntoTheLog: the decision on such a share is of a bounded size.
func TestFitsIntoTheLog(t *testing.T) {
	raw, err := json.Marshal(heavy().decide())
	if err != nil || len(raw) < 50_000 || len(raw) > 180_000 {
		t.Errorf("a decision of %d bytes: %v", len(raw), err)
	}
}

// TestBrief: of the causes against sections 300 are told in words, and every other keeps its reason and its
// check, so that none is lost and the same sections are withheld for the same reasons.
func TestBrief(t *testing.T) {
	d := heavy().decide()
	all, told := 0, 0
	for _, s := range d.Sections {
		if !s.Delivered && len(s.Causes) == 0 {
			t.Errorf("part %d is withheld without a cause", s.Part)
		}
		for _, c := range s.Causes {
			if all++; c.Advice != "" {
				told++
			}
			if c.Reason == "" || c.Check == "" || (c.Advice == "") != (c.Where == "") {
				t.Errorf("part %d: %+v", s.Part, c)
			}
			if (c.Advice == "") != (all > 300) {
				t.Fatalf("cause %d of the decision: %+v", all, c)
			}
		}
	}
	if told != 300 || all <= told {
		t.Errorf("%d of %d causes are told in words, want 300 of more", told, all)
	}
}
