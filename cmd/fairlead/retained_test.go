package main

import (
	"slices"
	"strings"
	"testing"

	"fairlead/internal/client"
)

// TestRetainedWords: what the hub has deleted is said with its reason, and what cannot be fetched again by its entries.
func TestRetainedWords(t *testing.T) {
	if got := retained(client.Retained{}); got != nil {
		t.Errorf("%q", got)
	}
	many := slices.Repeat([]int64{7}, 30)
	for want, r := range map[string]client.Retained{
		"90 days after they were acknowledged (RT-HUB-PAYLOAD), or with their log entries: 2. What": {Days: 90, Entries: []int64{5, 7}},
		"that the hub has deleted, with their log entries: 1. What":                                 {Entries: []int64{5}},
		"not in this folder either: 2 (log entries 5, 7). They came before it":                      {Days: 90, Entries: []int64{5, 6, 7}, Lost: []int64{5, 7}},
		"not in this folder either: 30 (log entries 7, 7":                                           {Days: 90, Entries: many, Lost: many},
	} {
		got := strings.Join(retained(r), "\n")
		if !strings.Contains(got, want) || len(r.Lost) > 20 && !strings.Contains(got, "7, …)") {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
