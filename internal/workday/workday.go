// Package workday counts working days in the calendar of a jurisdiction (domain notes §10.3). The
// calendars are dated data files; where one does not reach, only weekends are left out and Next says so.
package workday

import (
	"embed"
	"strings"
	"time"

	"fairlead/internal/fairlead"
)

//go:embed calendars/*.txt
var files embed.FS

// Calendar is the public holidays of one jurisdiction, by date. Years without data are not covered.
type Calendar struct {
	name     string
	holidays map[string]bool
	years    map[string]bool
}

// For finds the calendar of j, or of its State; an unknown one has weekends only.
func For(j fairlead.Jurisdiction) Calendar {
	for _, name := range []string{string(j), j.State()} {
		if b, err := files.ReadFile("calendars/" + name + ".txt"); err == nil {
			return parse(name, string(b))
		}
	}
	return Calendar{name: "weekdays only"}
}

// parse reads lines of "2027-01-01 name"; '#' begins a comment.
func parse(name, text string) Calendar {
	c := Calendar{name: name, holidays: map[string]bool{}, years: map[string]bool{}}
	for line := range strings.Lines(text) {
		day, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		if _, err := time.Parse(time.DateOnly, day); err == nil {
			c.holidays[day] = true
			c.years[day[:4]] = true
		}
	}
	return c
}

// Of is a calendar with the holidays of a list of dates, in place of the data here.
func Of(name string, holidays []string) Calendar { return parse(name, strings.Join(holidays, "\n")) }

// Name is the calendar's jurisdiction, or "weekdays only".
func (c Calendar) Name() string { return c.name }

// Covers reports whether the data reach the year of day.
func (c Calendar) Covers(day time.Time) bool { return c.years[day.Format("2006")] }

// Working reports whether day is a working day.
func (c Calendar) Working(day time.Time) bool {
	w := day.Weekday()
	return w != time.Saturday && w != time.Sunday && !c.holidays[day.Format(time.DateOnly)]
}

// Next is the date n working days after the date of from: the day of the event does not count.
func (c Calendar) Next(from time.Time, n int) time.Time {
	day := time.Date(from.Year(), from.Month(), from.Day(), 0, 0, 0, 0, time.UTC)
	for n > 0 {
		day = day.AddDate(0, 0, 1)
		if c.Working(day) {
			n--
		}
	}
	return day
}
