package registry

import (
	"slices"

	"fairlead/internal/fairlead"
	"fairlead/internal/staff"
)

// Member finds one of an agency's people on the register of staff, or nil.
func (s *Snapshot) Member(agency fairlead.AgencyID, user string) *staff.Member {
	m, _ := s.staff.get(keyOf(string(agency), user))
	return m
}

// Courses lists what one of an agency's people has passed, by the last word of a trainer, current or not.
func (s *Snapshot) Courses(agency fairlead.AgencyID, user string) []staff.Course {
	courses, _ := s.training.get(keyOf(string(agency), user))
	return slices.Clone(courses)
}

// Groups lists the groups of the register, in its order.
func (s *Snapshot) Groups() []Group { return s.rules.Groups }
