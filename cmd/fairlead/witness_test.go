package main

import (
	"strings"
	"testing"
	"time"

	"fairlead/internal/client"
	"fairlead/internal/tlog"
)

// TestWitnessedWords: what a person reads of whether others have seen the same log.
func TestWitnessedWords(t *testing.T) {
	since := time.Date(2027, 1, 11, 9, 0, 0, 0, time.UTC)
	by := []tlog.Cosignature{{Witness: "university"}, {Witness: "ASPEN"}}
	for want, w := range map[string]client.Witnessed{
		"witnessed: not known; take an invitation":                         {},
		"witnessed up to 7 entries by university, ASPEN":                   {Policy: true, Size: 7, By: by},
		"not yet witnessed since 2027-01-11T09:00:00Z (7 entries were)":    {Policy: true, Size: 7, By: by, Since: since},
		"NOT WITNESSED since 2027-01-11T09:00:00Z (7 entries were): what ": {Policy: true, Size: 7, By: by, Since: since, Late: true},
	} {
		if got := witnessed(w); !strings.HasPrefix(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
