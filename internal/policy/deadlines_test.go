package policy_test

import (
	"slices"
	"testing"
	"time"

	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/law"
	"fairlead/internal/policy"
)

// TestDeadlines: a recipient sees the clocks that a message starts for it, in its own calendar, and none
// of the ground, which it is not told.
func TestDeadlines(t *testing.T) {
	at := time.Date(2027, 1, 8, 15, 0, 0, 0, time.UTC) // a Friday
	la := &policy.Agency{ID: "NOR-CSC", Type: fairlead.TypeLA, Jurisdiction: "GB-ENG"}
	ro := &policy.Agency{ID: "RO-DIR", Type: fairlead.TypeStatutoryOverseas, Jurisdiction: "RO"}
	for _, test := range []struct {
		h        envelope.Header
		from, to *policy.Agency
		want     []policy.Due
	}{
		{envelope.Header{Kind: "alert.missing", Urgency: fairlead.UrgencyImmediate}, la, ro, []policy.Due{{Code: "DL-ACK-ALERT", At: "2027-01-08T16:00:00Z"}}},
		{envelope.Header{Kind: "alert.missing", Urgency: "Expected"}, la, ro, nil},
		{envelope.Header{Kind: "info.request", Facts: map[string]string{"urgency": "urgent"}}, la, ro, []policy.Due{{Code: "DL-RFI-URG", At: "2027-01-13", Calendar: "RO"}}},
		{envelope.Header{Kind: "liaison.note"}, la, ro, nil},
	} {
		if got := policy.Deadlines(law.Default(), &test.h, test.from, test.to, at); !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", test.h.Kind, got, test.want)
		}
	}
}
