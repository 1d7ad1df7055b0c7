package workday

import (
	"testing"
	"time"

	"fairlead/internal/fairlead"
)

// TestNext checks the clocks that the acceptance story fixes (domain notes §20.6, assertion 14).
func TestNext(t *testing.T) {
	for _, c := range []struct {
		j    fairlead.Jurisdiction
		from string
		n    int
		want string
	}{
		{"GB-ENG", "2027-01-14", 15, "2027-02-04"},
		{"GB-ENG", "2027-01-13", 45, "2027-03-17"},
		{"RO", "2027-04-14", 20, "2027-05-14"},
		{"RO", "2027-01-18", 3, "2027-01-21"},
		{"GB-ENG", "2027-03-25", 1, "2027-03-30"},
		{"HU", "2027-03-25", 1, "2027-03-30"},
		{"GB-SCT", "2027-03-25", 1, "2027-03-29"},
		{"XZ", "2027-12-24", 1, "2027-12-27"},
	} {
		from, _ := time.Parse(time.DateOnly, c.from)
		if got := For(c.j).Next(from.Add(23*time.Hour), c.n).Format(time.DateOnly); got != c.want {
			t.Errorf("%s: %d working days after %s is %s, want %s", c.j, c.n, c.from, got, c.want)
		}
	}
	if For("XZ").Covers(time.Now()) || !For("RO").Covers(time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)) {
		t.Error("coverage is wrong")
	}
}
