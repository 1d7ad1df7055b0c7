package registry

import (
	"slices"

	"fairlead/internal/fairlead"
	"fairlead/internal/staff"
)

// vouchedFor is one of an agency's people, and the entry by which the agency vouched for the key.
type vouchedFor struct {
	*staff.Member
	entry int64
}

// Member finds one of an agency's people on the register of staff, or nil. Who was recorded under keys that the
// agency has replaced since is nobody until recorded anew: whoever took those keys had that person's as well.
func (s *Snapshot) Member(agency fairlead.AgencyID, user string) *staff.Member {
	m, ok := s.staff.get(keyOf(string(agency), user))
	if a := s.agencies[agency]; !ok || a == nil || m.entry < a.Entry {
		return nil
	}
	return m.Member
}

// Courses lists what one of an agency's people has passed, by the last word of a trainer, current or not.
func (s *Snapshot) Courses(agency fairlead.AgencyID, user string) []staff.Course {
	courses, _ := s.training.get(keyOf(string(agency), user))
	return slices.Clone(courses)
}

// Groups lists the groups of the register, in its order.
func (s *Snapshot) Groups() []Group { return s.rules.Groups }
