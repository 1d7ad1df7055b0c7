package consent

import (
	"fmt"
	"slices"

	"fairlead/internal/fairlead"
	"fairlead/internal/strictjson"
)

// Withdrawal is the record of consent.withdraw: a consent that was given is taken back, all of it or what is
// listed. Where another agency recorded it, Of names that one, and the record must name the sender.
type Withdrawal struct {
	Consent    string                 `json:"consent"`      // id of the record
	Of         fairlead.AgencyID      `json:"of,omitempty"` // agency that recorded it; absent: the sender
	At         fairlead.Time          `json:"at"`           // when it was said
	Scope      string                 `json:"scope"`        // all, listed
	Sections   []fairlead.SectionCode `json:"sections,omitempty"`
	Recipients []fairlead.AgencyID    `json:"recipients,omitempty"`
	HowTold    string                 `json:"how_told"`
}

var howTold = []string{"in_person", "phone", "writing", "through_guardian", "portal"}

// ParseWithdrawal reads the exact bytes of a withdrawal.
func ParseWithdrawal(record []byte) (*Withdrawal, error) {
	var w Withdrawal
	if err := strictjson.Unmarshal(record, &w); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	listed := len(w.Sections)+len(w.Recipients) > 0
	switch {
	case !idForm.MatchString(w.Consent):
		return nil, fmt.Errorf("%w: consent: want the id of the record", ErrInvalid)
	case w.Of != "" && w.Of.Check() != nil:
		return nil, fmt.Errorf("%w: of: want the agency that recorded it", ErrInvalid)
	case w.At.IsZero():
		return nil, fmt.Errorf("%w: at: missing", ErrInvalid)
	case w.Scope != "all" && w.Scope != "listed" || (w.Scope == "listed") != listed:
		return nil, fmt.Errorf("%w: scope: want all, or listed with sections or recipients", ErrInvalid)
	case !slices.Contains(howTold, w.HowTold):
		return nil, fmt.Errorf("%w: how_told: want one of %v", ErrInvalid, howTold)
	}
	part := Item{Status: fairlead.ConsentWithdrawn, Sections: w.Sections, Recipients: w.Recipients}
	if err := part.check(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return &w, nil
}

// Ends is what the withdrawal leaves on record after r: every part of it that was given and is in scope is
// withdrawn, by the voice that gave it. No items: it ends nothing.
func (w *Withdrawal) Ends(r Record) Record {
	out := Record{Subject: r.Subject, Giver: r.Giver, Assessor: r.Assessor, At: w.At, Supersedes: r.ID}
	for _, i := range r.Items {
		sections, some := narrow(i.Sections, w.Sections)
		recipients, any := narrow(i.Recipients, w.Recipients)
		if !i.yes() || !some || !any {
			continue
		}
		i.Status, i.Sections, i.Recipients, i.Until = fairlead.ConsentWithdrawn, sections, recipients, fairlead.Time{}
		out.Items = append(out.Items, i)
	}
	return out
}

// narrow is what two lists of a scope have in common, where an absent one means any; false: nothing.
func narrow[T comparable](of, by []T) ([]T, bool) {
	switch {
	case len(by) == 0:
		return of, true
	case len(of) == 0:
		return by, true
	}
	both := slices.DeleteFunc(slices.Clone(of), func(v T) bool { return !slices.Contains(by, v) })
	return both, len(both) > 0
}

func (i *Item) yes() bool {
	return i.Status == fairlead.ConsentGiven || i.Status == fairlead.ConsentRenewed
}

// ends are the statuses after which what was sent with a consent should not be used any more.
var ends = []fairlead.ConsentStatus{fairlead.ConsentWithdrawn, "invalidated", "revoked"}

// Ended reports whether the record ends a consent to use, withdrawn or never valid.
func (r *Record) Ended(use Use) bool {
	return slices.ContainsFunc(r.Items, func(i Item) bool {
		return slices.Contains(ends, i.Status) && anyOf(i.Sections, use.Section) && i.covers(use)
	})
}
