package workday

import (
	"slices"
	"strings"
	"testing"
	"time"

	"fairlead/internal/fairlead"
)

// easter is the date of Easter Sunday, Western or, where julian, Orthodox by the Gregorian calendar (the
// rules of Meeus; good from 1900 to 2099).
func easter(year int, julian bool) time.Time {
	day := func(month, day int) time.Time { return time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC) }
	if julian {
		a, b, c := year%4, year%7, year%19
		d := (19*c + 15) % 30
		e := (2*a + 4*b - d + 34) % 7
		return day((d+e+114)/31, (d+e+114)%31+1).AddDate(0, 0, 13)
	}
	a, b, c := year%19, year/100, year%100
	h := (19*a + b - b/4 - (b-(b+8)/25+1)/3 + 15) % 30
	l := (32 + 2*(b%4) + 2*(c/4) - h - c%4) % 7
	m := (a + 11*h + 22*l) / 451
	return day((h+l-7*m+114)/31, (h+l-7*m+114)%31+1)
}

// monday is the first, or with last the last, Monday of a month.
func monday(year int, month time.Month, last bool) time.Time {
	d := time.Date(year, month, 1, 0, 0, 0, 0, time.UTC)
	for ; d.Weekday() != time.Monday; d = d.AddDate(0, 0, 1) {
	}
	for last && d.AddDate(0, 0, 7).Month() == month {
		d = d.AddDate(0, 0, 7)
	}
	return d
}

// substituted moves fixed holidays that fall on a weekend, or on another holiday, to the next day that does not.
func substituted(year int, fixed ...string) (days []string) {
	for _, f := range fixed {
		d, err := time.Parse(time.DateOnly, time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC).Format("2006")+"-"+f)
		if err != nil {
			panic(err)
		}
		for d.Weekday() == time.Saturday || d.Weekday() == time.Sunday || slices.Contains(days, d.Format(time.DateOnly)) {
			d = d.AddDate(0, 0, 1)
		}
		days = append(days, d.Format(time.DateOnly))
	}
	return days
}

// TestCalendars computes the public holidays of 2026 to 2028 from their rules, and holds the data to them.
func TestCalendars(t *testing.T) {
	for year := 2026; year <= 2028; year++ {
		west, east := easter(year, false), easter(year, true)
		uk := []time.Time{west.AddDate(0, 0, -2), monday(year, time.May, false), monday(year, time.May, true)}
		england := append(slices.Clone(uk), west.AddDate(0, 0, 1), monday(year, time.August, true))
		scotland := append(slices.Clone(uk), monday(year, time.August, false))
		romania := []time.Time{east.AddDate(0, 0, -2), east, east.AddDate(0, 0, 1), east.AddDate(0, 0, 49), east.AddDate(0, 0, 50)}
		hungary := []time.Time{west.AddDate(0, 0, -2), west.AddDate(0, 0, 1), west.AddDate(0, 0, 50)}
		fixed := func(days ...string) (list []string) {
			for _, d := range days {
				list = append(list, time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC).Format("2006-")+d)
			}
			return list
		}
		for j, want := range map[fairlead.Jurisdiction]struct {
			moving []time.Time
			fixed  []string
		}{
			"GB":     {england, substituted(year, "01-01", "12-25", "12-26")},
			"GB-ENG": {england, substituted(year, "01-01", "12-25", "12-26")},
			"GB-WLS": {england, substituted(year, "01-01", "12-25", "12-26")},
			"GB-NIR": {england, substituted(year, "01-01", "03-17", "07-12", "12-25", "12-26")},
			"GB-SCT": {scotland, substituted(year, "01-01", "01-02", "11-30", "12-25", "12-26")},
			"RO":     {romania, fixed("01-01", "01-02", "01-06", "01-07", "01-24", "05-01", "06-01", "08-15", "11-30", "12-01", "12-25", "12-26")},
			"HU":     {hungary, fixed("01-01", "03-15", "05-01", "08-20", "10-23", "11-01", "12-25", "12-26")},
		} {
			days := slices.Clone(want.fixed)
			for _, d := range want.moving {
				days = append(days, d.Format(time.DateOnly))
			}
			slices.Sort(days)
			days = slices.Compact(days)
			var data []string
			for day := range For(j).holidays {
				if strings.HasPrefix(day, days[0][:4]) {
					data = append(data, day)
				}
			}
			slices.Sort(data)
			if !slices.Equal(data, days) {
				t.Errorf("%s %d: the data have %v, the rules give %v", j, year, data, days)
			}
		}
	}
}

// TestOf: a list of dates is a calendar.
func TestOf(t *testing.T) {
	c := Of("RO", []string{"2027-01-18", "2027-01-19"})
	if got := c.Next(time.Date(2027, 1, 15, 9, 0, 0, 0, time.UTC), 1).Format(time.DateOnly); got != "2027-01-20" || c.Name() != "RO" || !c.Covers(time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("%s in %s", got, c.Name())
	}
}
