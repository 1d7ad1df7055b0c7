package staff

import (
	"fmt"
	"slices"
	"time"

	"fairlead/internal/fairlead"
	"fairlead/internal/strictjson"
)

// Training is the record of training.record: which courses one of an agency's people has passed, by the word of a
// trainer (domain notes §13).
type Training struct {
	User    string   `json:"user"` // pseudonym, at the agency that the record is sent to
	Courses []Course `json:"courses"`
}

// Course is a topic passed on a day and current until an instant.
type Course struct {
	Code   string        `json:"code"`   // T1 to T4, T-CORE
	Passed string        `json:"passed"` // date
	Until  fairlead.Time `json:"until"`
}

// Topics are the courses there are.
var Topics = []string{"T1", "T2", "T3", "T4", "T-CORE"}

// ParseTraining reads the exact bytes of a training.record.
func ParseTraining(record []byte) (*Training, error) {
	var t Training
	if err := strictjson.Unmarshal(record, &t); err != nil {
		return nil, fmt.Errorf("%w: training: %w", ErrInvalid, err)
	}
	if !userForm.MatchString(t.User) || len(t.Courses) == 0 || len(t.Courses) > len(Topics) {
		return nil, fmt.Errorf("%w: training: want a pseudonym and 1 to %d courses", ErrInvalid, len(Topics))
	}
	for _, c := range t.Courses {
		passed, err := time.Parse(time.DateOnly, c.Passed)
		if err != nil || !slices.Contains(Topics, c.Code) || !passed.Before(c.Until.Time) {
			return nil, fmt.Errorf("%w: training: course %q: want one of %v, the day it was passed and until when that holds", ErrInvalid, c.Code, Topics)
		}
	}
	return &t, nil
}

// Add takes over what a later record says: course by course it replaces what was there.
func Add(courses []Course, t *Training) []Course {
	next := slices.DeleteFunc(slices.Clone(courses), func(c Course) bool {
		return slices.ContainsFunc(t.Courses, func(n Course) bool { return n.Code == c.Code })
	})
	return append(next, t.Courses...)
}

// Current lists the codes of the courses that hold at an instant, in order.
func Current(courses []Course, at time.Time) (codes []string) {
	for _, c := range courses {
		if passed, err := time.Parse(time.DateOnly, c.Passed); err == nil && !at.Before(passed) && at.Before(c.Until.Time) {
			codes = append(codes, c.Code)
		}
	}
	slices.Sort(codes)
	return codes
}
