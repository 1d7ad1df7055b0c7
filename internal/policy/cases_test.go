package policy_test

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/policy"
)

func TestCases(t *testing.T) {
	for name, c := range cases(t) {
		t.Run(name, func(t *testing.T) {
			if !slices.Equal(slices.Sorted(slices.Values(c.share.To)), slices.Sorted(maps.Keys(c.expect))) {
				t.Fatalf("sent to %v, expected for %v", c.share.To, slices.Collect(maps.Keys(c.expect)))
			}
			for to, want := range c.expect {
				r, f := c.request(to)
				got := policy.Decide(r, f, c.share.At.Time)
				want.check(t, to, got)
				sound(t, r, got)
				if again := policy.Decide(r, f, c.share.At.Time); !reflect.DeepEqual(got, again) {
					t.Errorf("%s: decided again it is %+v", to, again)
				}
			}
		})
	}
}

func (want outcome) check(t *testing.T, to fairlead.AgencyID, got policy.Decision) {
	t.Helper()
	same := func(what string, got, want any) {
		if g, w := fmt.Sprint(got), fmt.Sprint(want); g != w {
			t.Errorf("%s: %s is %s, want %s", to, what, g, w)
		}
	}
	same("result", got.Result, want.Result)
	same("ground", got.Ground, want.Ground)
	same("agreement", got.Agreement, want.Agreement)
	same("withheld", got.Withheld(), want.Withheld)
	same("reasons", got.Reasons(), slices.Sorted(slices.Values(want.Reasons)))
	if want.First != "" && len(got.Causes) > 0 {
		same("first reason", got.Causes[0].Reason, want.First)
	}
	due := []string{}
	for _, d := range got.Due {
		due = append(due, strings.TrimSpace(d.Code+" "+d.At+" "+d.Calendar))
	}
	same("due", due, want.Due)
	notes := []string{}
	for _, n := range got.Notes {
		notes = append(notes, n.Text)
	}
	same("notes", notes, want.Notes)
	if want.Used != nil {
		same("entries used", got.Used, want.Used)
	}
	if (got.Oblige != nil || want.Oblige != nil) && !reflect.DeepEqual(got.Oblige, want.Oblige) {
		t.Errorf("%s: it obliges to %+v, want %+v", to, got.Oblige, want.Oblige)
	}
	public, private := told(got)
	for _, words := range want.Says {
		if !strings.Contains(public, words) {
			t.Errorf("%s: nothing says %q in %s", to, words, public)
		}
	}
	for _, words := range want.Private {
		if !strings.Contains(private, words) || strings.Contains(public, words) {
			t.Errorf("%s: %q is not for auditors alone: the sender is told %s, auditors %s", to, words, public, private)
		}
	}
	for _, s := range got.Sections {
		if clause, ok := want.Clauses[s.Code]; ok {
			same("clause of "+string(s.Code), s.Clause, clause)
		}
	}
}

// told is what the sender hears of a decision, and what only auditors do.
func told(d policy.Decision) (public, private string) {
	causes := slices.Concat(d.Causes, d.Holds)
	for _, s := range d.Sections {
		causes = append(causes, s.Causes...)
	}
	for _, c := range causes {
		if c.Private {
			private += fmt.Sprintf("%+v\n", c)
		} else {
			public += fmt.Sprintf("%+v\n", c)
		}
	}
	return public, private
}

// sound holds for every decision whatever.
func sound(t testing.TB, r policy.Request, d policy.Decision) {
	t.Helper()
	refused, held := d.Result == fairlead.Refused, d.Result == fairlead.Held
	switch {
	case d.Engine != policy.Engine:
		t.Error("no engine number")
	case refused != (d.Ground == fairlead.GroundNone), refused != (len(d.Causes) > 0), held != (len(d.Holds) > 0), (refused || held) == d.Delivers():
		t.Errorf("result %s, ground %s, %d causes, %d holds", d.Result, d.Ground, len(d.Causes), len(d.Holds))
	case (refused || held) && (len(d.Reasons()) == 0 || len(d.Due) > 0) || refused && d.Agreement != "":
		t.Error("what is not delivered has a reason and starts no clock; a refusal stands on nothing")
	case d.Ground == fairlead.GroundAgreement && d.Agreement == "", d.Ground == fairlead.GroundEmergency && d.Agreement != "":
		t.Errorf("ground %s, agreement %q", d.Ground, d.Agreement)
	case (d.Result == fairlead.DeliveredRedacted) != (len(d.Withheld()) > 0):
		t.Errorf("result %s, withheld %v", d.Result, d.Withheld())
	case !slices.IsSorted(d.Used) || len(slices.Compact(slices.Clone(d.Used))) != len(d.Used):
		t.Errorf("entries used are not ascending: %v", d.Used)
	}
	for _, s := range d.Sections {
		desc := r.Descriptors[s.Part]
		if desc.Audience != envelope.ForRecipient || desc.Code != s.Code {
			t.Errorf("section %s is said to be part %d", s.Code, s.Part)
		}
		if s.Delivered && (!d.Delivers() || s.Clause == "" || len(s.Causes) > 0) || !s.Delivered && d.Delivers() && len(s.Causes) == 0 {
			t.Errorf("section %+v in a share that is %s", s, d.Result)
		}
	}
}
