package agreement

import (
	"fmt"
	"slices"
	"time"

	"fairlead/internal/fairlead"
	"fairlead/internal/strictjson"
)

// Signature is the record of agreement.signature: every party names the same digest.
type Signature struct {
	ID      string          `json:"id"`
	Version int             `json:"version"`
	Digest  fairlead.Digest `json:"digest"`
}

// ParseSignature reads a signature record.
func ParseSignature(record []byte) (Signature, error) {
	var s Signature
	if err := strictjson.Unmarshal(record, &s); err != nil {
		return Signature{}, fmt.Errorf("%w: signature: %w", ErrInvalid, err)
	}
	if !idForm.MatchString(s.ID) || s.Version < 1 || s.Digest.IsZero() {
		return Signature{}, fmt.Errorf("%w: signature: want id, version and digest", ErrInvalid)
	}
	return s, nil
}

// Standing is an agreement version and what has become of it; the register keeps every version.
type Standing struct {
	Agreement
	Digest   fairlead.Digest
	Signed   []fairlead.AgencyID // parties that signed the digest, sorted
	Entry    int64               // log entry of the proposal
	ActiveBy int64               // log entry that made it active by the last signature; -1 before

	Suspended  []fairlead.AgencyID // parties that have suspended it, sorted; it is in force when there are none
	Terminated bool                // by any party, for good
	EndsAt     fairlead.Time       // when the notice of the termination is over; zero: at once
	Ended      int64               // log entry of the last suspension or of the termination; 0 for none

	SupersededBy string        // version that takes its place, once all have signed that; "" for none
	SupersededAt fairlead.Time // and from when
}

// State is what a version is at an instant.
type State string

// The states, in the order of a life.
const (
	StateProposed   State = "proposed"   // not all have signed
	StateSigned     State = "signed"     // its first instant has not come
	StateActive     State = "active"     // it carries shares
	StateReviewDue  State = "review_due" // it carries shares, and the day of its review has passed
	StateSuspended  State = "suspended"
	StateTerminated State = "terminated"
	StateSuperseded State = "superseded"
	StateExpired    State = "expired"
)

// State gives the state at an instant.
func (s *Standing) State(at time.Time) State {
	switch {
	case s.ActiveBy < 0:
		return StateProposed
	case s.Over(at):
		return StateTerminated
	case s.Superseded(at):
		return StateSuperseded
	case !at.Before(s.Until.Add(time.Second)):
		return StateExpired
	case at.Before(s.From.Time):
		return StateSigned
	case len(s.Suspended) > 0:
		return StateSuspended
	case at.UTC().Format(time.DateOnly) > s.ReviewBy:
		return StateReviewDue
	}
	return StateActive
}

// Over reports whether a party ended it and the notice has passed.
func (s *Standing) Over(at time.Time) bool { return s.Terminated && !at.Before(s.EndsAt.Time) }

// Superseded reports whether a later version has taken its place. It stays so, also when that one is
// suspended or ends: an old version never revives.
func (s *Standing) Superseded(at time.Time) bool {
	return s.SupersededBy != "" && !at.Before(s.SupersededAt.Time)
}

// Action is what a party does to an agreement in force, at once and without notice (domain §10.1).
type Action string

// The actions. Only who suspended may resume.
const (
	Suspend   Action = "suspend"
	Resume    Action = "resume"
	Terminate Action = "terminate"
)

// Status is the record of agreement.status from a party.
type Status struct {
	ID      string `json:"id"`
	Version int    `json:"version"`
	Action  Action `json:"action"`
	Reason  string `json:"reason"` // code: danger, breach, review, other
}

var statusReasons = []string{"danger", "breach", "review", "other"}

// ParseStatus reads a status record.
func ParseStatus(record []byte) (Status, error) {
	var s Status
	if err := strictjson.Unmarshal(record, &s); err != nil {
		return Status{}, fmt.Errorf("%w: status: %w", ErrInvalid, err)
	}
	if !idForm.MatchString(s.ID) || s.Version < 1 || !slices.Contains([]Action{Suspend, Resume, Terminate}, s.Action) || !slices.Contains(statusReasons, s.Reason) {
		return Status{}, fmt.Errorf("%w: status: want id, version, action suspend, resume or terminate, and reason danger, breach, review or other", ErrInvalid)
	}
	return s, nil
}

// Apply gives the standing after a party's action, or says why the party may not take it. A suspension
// holds at once; a termination after the notice that was agreed.
func (s Standing) Apply(by fairlead.AgencyID, action Action, at time.Time, entry int64) (Standing, error) {
	suspended := slices.Contains(s.Suspended, by)
	switch {
	case !s.Party(by):
		return s, fmt.Errorf("%w: %s is not a party of %s", ErrInvalid, by, s.Ref())
	case s.Over(at) || s.ActiveBy < 0:
		return s, fmt.Errorf("%w: %s is not in force", ErrInvalid, s.Ref())
	case action == Terminate && s.Terminated:
		return s, fmt.Errorf("%w: %s ends already, at %s", ErrInvalid, s.Ref(), s.EndsAt.UTC().Format(time.RFC3339))
	case action == Resume && !suspended:
		return s, fmt.Errorf("%w: %s has not suspended %s", ErrInvalid, by, s.Ref())
	case action == Suspend && suspended:
		return s, fmt.Errorf("%w: %s has suspended %s already", ErrInvalid, by, s.Ref())
	}
	s.Ended = entry
	switch action {
	case Suspend:
		s.Suspended = append(slices.Clone(s.Suspended), by)
		slices.Sort(s.Suspended)
	case Resume:
		s.Suspended = slices.DeleteFunc(slices.Clone(s.Suspended), func(id fairlead.AgencyID) bool { return id == by })
	case Terminate:
		s.Terminated = true
		if s.NoticeDays > 0 {
			s.EndsAt = fairlead.At(at.AddDate(0, 0, s.NoticeDays))
		}
	}
	return s, nil
}

// Active reports whether every party has signed, nobody has suspended or ended it, no version has taken
// its place, and at is within the term.
func (s *Standing) Active(at time.Time) bool { return len(s.Suspended) == 0 && s.lives(at) }

// Paused reports whether it would be active but for a party that suspended it.
func (s *Standing) Paused(at time.Time) bool { return len(s.Suspended) > 0 && s.lives(at) }

func (s *Standing) lives(at time.Time) bool {
	return s.ActiveBy >= 0 && s.InForce(at) && !s.Over(at) && !s.Superseded(at)
}

// Expired reports whether it was signed by all and its last instant has passed, a party ended it or
// another version took its place.
func (s *Standing) Expired(at time.Time) bool {
	return s.ActiveBy >= 0 && (s.Over(at) || s.Superseded(at) || !at.Before(s.Until.Add(time.Second)))
}
