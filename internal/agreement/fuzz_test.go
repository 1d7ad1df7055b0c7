package agreement_test

import (
	"errors"
	"strings"
	"testing"

	"fairlead/internal/agreement"
)

// FuzzParse: what is accepted has no fault, and is accepted again when it is written anew.
func FuzzParse(f *testing.F) {
	record, err := a2().Marshal()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(record)
	f.Add([]byte(`{"id":"A","version":1,"terms":[{"id":"t","permit":{"from":["A"]}}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _ = agreement.ParseSignature(b)
		_, _ = agreement.ParseStatus(b)
		a, err := agreement.Parse(b)
		if err != nil {
			if !errors.Is(err, agreement.ErrInvalid) || len(err.Error()) > 8000 {
				t.Fatalf("an error of %d bytes that is %v", len(err.Error()), errors.Is(err, agreement.ErrInvalid))
			}
			return
		}
		again, err := a.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := agreement.Parse(again); err != nil {
			t.Fatalf("%q is accepted, and written anew it is not: %v", b, err)
		}
	})
}

// TestAssessments: what a transfer stands on has a reference and a date, of a mechanism of the list.
func TestAssessments(t *testing.T) {
	good := agreement.Assessment{Mechanism: "A46-IDTA", Ref: "DPT-1", Date: "2027-01-05"}
	for says, change := range map[string]func(*agreement.Assessment){
		"":                       func(*agreement.Assessment) {},
		"want a reference":       func(a *agreement.Assessment) { a.Ref = "" },
		"of up to 60 characters": func(a *agreement.Assessment) { a.Ref = strings.Repeat("x", 61) },
		"and a date":             func(a *agreement.Assessment) { a.Date = "last year" },
		"mechanism":              func(a *agreement.Assessment) { a.Mechanism = "A46-HOPE" },
	} {
		a, one := a2(), good
		change(&one)
		a.Assessments = []agreement.Assessment{one}
		if err := a.Check(); (err == nil) != (says == "") || err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", says, err)
		}
	}
	a := a2()
	a.Assessments = make([]agreement.Assessment, 13)
	if err := a.Check(); err == nil || !strings.Contains(err.Error(), "assessments: more than 12") {
		t.Errorf("13 of them: %v", err)
	}
}
