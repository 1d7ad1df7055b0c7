package consent_test

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"fairlead/internal/consent"
	"fairlead/internal/fairlead"
)

func given(sections []fairlead.SectionCode, recipients ...fairlead.AgencyID) consent.Item {
	return consent.Item{Status: "given", Sections: sections, Recipients: recipients}
}

// TestWithdrawalEnds: what is withdrawn is what was given and is listed, no more.
func TestWithdrawalEnds(t *testing.T) {
	both, edu := []fairlead.SectionCode{"EDU", "RISK"}, []fairlead.SectionCode{"EDU"}
	r := consent.Record{ID: "c-1", Giver: "CHILD_16", Items: []consent.Item{given(both, "BIRCH", "CEDAR"), given(nil), {Status: "refused", Sections: both}}}
	for name, test := range map[string]struct {
		w          consent.Withdrawal
		sections   [][]fairlead.SectionCode
		recipients [][]fairlead.AgencyID
	}{
		"all":            {consent.Withdrawal{}, [][]fairlead.SectionCode{both, nil}, [][]fairlead.AgencyID{{"BIRCH", "CEDAR"}, nil}},
		"one section":    {consent.Withdrawal{Sections: edu}, [][]fairlead.SectionCode{edu, edu}, [][]fairlead.AgencyID{{"BIRCH", "CEDAR"}, nil}},
		"one recipient":  {consent.Withdrawal{Recipients: []fairlead.AgencyID{"BIRCH"}}, [][]fairlead.SectionCode{both, nil}, [][]fairlead.AgencyID{{"BIRCH"}, {"BIRCH"}}},
		"nothing of it":  {consent.Withdrawal{Sections: []fairlead.SectionCode{"VOICE"}}, [][]fairlead.SectionCode{{"VOICE"}}, [][]fairlead.AgencyID{nil}},
		"nobody of them": {consent.Withdrawal{Recipients: []fairlead.AgencyID{"ASPEN"}}, [][]fairlead.SectionCode{nil}, [][]fairlead.AgencyID{{"ASPEN"}}},
	} {
		ended := test.w.Ends(r)
		if ended.Supersedes != "c-1" || ended.Giver != "CHILD_16" || len(ended.Items) != len(test.sections) {
			t.Errorf("%s: %+v", name, ended)
			continue
		}
		for i, item := range ended.Items {
			if item.Status != "withdrawn" || !slices.Equal(item.Sections, test.sections[i]) || !slices.Equal(item.Recipients, test.recipients[i]) {
				t.Errorf("%s: %+v", name, item)
			}
		}
	}
	refused := consent.Record{ID: "c-2", Items: []consent.Item{{Status: "refused"}}}
	if ended := (&consent.Withdrawal{}).Ends(refused); len(ended.Items) != 0 {
		t.Errorf("a refusal is withdrawn: %+v", ended)
	}
}

// TestWithdrawnState: on record it is a refusal by the same voice, which a parent's later yes does not lift.
func TestWithdrawnState(t *testing.T) {
	at := time.Date(2027, 1, 18, 9, 0, 0, 0, time.UTC)
	use := consent.Use{Section: "EDU", Purpose: "PRT-ASSESS", Recipient: "BIRCH", Type: fairlead.TypeLA, Jurisdiction: "RO"}
	yes := consent.Record{ID: "c-1", Giver: "CHILD_16", At: fairlead.At(at), Items: []consent.Item{given([]fairlead.SectionCode{"EDU"})}}
	w := consent.Withdrawal{At: fairlead.At(at.Add(time.Hour))}
	ended := w.Ends(yes)
	parent := yes
	parent.Giver, parent.At = "PARENT_PR", fairlead.At(at.Add(2*time.Hour))
	list := []consent.Held{{Record: yes}, {Record: ended}, {Record: parent}}
	if s, _ := consent.Evaluate(list, use, at.Add(3*time.Hour)); s != consent.Refused {
		t.Errorf("it is %s", s)
	}
	if !ended.Ended(use) || yes.Ended(use) {
		t.Error("only the withdrawal ends it")
	}
	use.Section = "RISK"
	if ended.Ended(use) {
		t.Error("it ends what was never given")
	}
}

func TestParseWithdrawal(t *testing.T) {
	good := func() consent.Withdrawal {
		return consent.Withdrawal{Consent: "c-1", Of: "ALDER", At: fairlead.At(time.Unix(1e9, 0)), Scope: "listed", Sections: []fairlead.SectionCode{"EDU"}, HowTold: "phone"}
	}
	for name, spoil := range map[string]func(w *consent.Withdrawal){
		"":                 func(*consent.Withdrawal) {},
		"no id":            func(w *consent.Withdrawal) { w.Consent = "" },
		"of nobody":        func(w *consent.Withdrawal) { w.Of = "alder" },
		"no time":          func(w *consent.Withdrawal) { w.At = fairlead.Time{} },
		"another scope":    func(w *consent.Withdrawal) { w.Scope = "some" },
		"listed, no list":  func(w *consent.Withdrawal) { w.Sections = nil },
		"all, with a list": func(w *consent.Withdrawal) { w.Scope = "all" },
		"told in dreams":   func(w *consent.Withdrawal) { w.HowTold = "dream" },
		"unknown section":  func(w *consent.Withdrawal) { w.Sections[0] = "MIND" },
		"wrong recipient":  func(w *consent.Withdrawal) { w.Recipients = []fairlead.AgencyID{"x"} },
	} {
		w := good()
		spoil(&w)
		raw, err := json.Marshal(w)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := consent.ParseWithdrawal(raw); (err == nil) != (name == "") || err != nil && !errors.Is(err, consent.ErrInvalid) {
			t.Errorf("%q: %v", name, err)
		}
	}
	r := consent.Record{ID: "c-1", MayWithdraw: []fairlead.AgencyID{"x"}, Subject: "0123456789abcdef0123456789abcdef", Giver: "CHILD_16", At: fairlead.At(time.Unix(1e9, 0)), Items: []consent.Item{{Status: "given"}}}
	if err := r.Check(); !errors.Is(err, consent.ErrInvalid) {
		t.Errorf("may be withdrawn by nobody: %v", err)
	}
}
