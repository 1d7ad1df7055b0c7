package registry

import (
	"fairlead/internal/fairlead"
	"fairlead/internal/staff"
)

// Member finds one of an agency's people on the register of staff, or nil.
func (s *Snapshot) Member(agency fairlead.AgencyID, user string) *staff.Member {
	m, _ := s.staff.get(keyOf(string(agency), user))
	return m
}

// Groups lists the groups of the register, in its order.
func (s *Snapshot) Groups() []Group { return s.rules.Groups }
