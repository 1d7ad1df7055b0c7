// Package consent is the record of what a child or another person agreed to or refused (domain notes
// §9; statuses after DPV 2.2). The clear record holds codes only; words stay at the agency.
package consent

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"fairlead/internal/fairlead"
	"fairlead/internal/strictjson"
)

// ErrInvalid is wrapped by every refusal of a record; ErrGiver by those for want of a valid giver.
var (
	ErrInvalid = errors.New("consent: invalid record")
	ErrGiver   = errors.New("consent: this giver cannot consent")
)

// Record is one act of asking: who answered, and what was said of each part of the information.
type Record struct {
	ID         string         `json:"id"`
	Subject    string         `json:"subject"` // the agency's random handle for the child
	Giver      fairlead.Giver `json:"giver"`
	Assessor   string         `json:"assessor,omitempty"` // pseudonym of who judged competence; CHILD_GILLICK needs one
	At         fairlead.Time  `json:"at"`
	Items      []Item         `json:"items"`
	Withhold   string         `json:"withhold,omitempty"` // why information is withheld: fear, want-to-tell-themselves, other
	Supersedes string         `json:"supersedes,omitempty"`

	// MayWithdraw are other agencies that may take it back for the child, by its id: such as a guardian's.
	MayWithdraw []fairlead.AgencyID `json:"may_withdraw,omitempty"`
}

// Item is a status and its scope. An absent list in the scope means any.
type Item struct {
	Status        fairlead.ConsentStatus  `json:"status"`
	Sections      []fairlead.SectionCode  `json:"sections,omitempty"`
	Purposes      []fairlead.Purpose      `json:"purposes,omitempty"`
	Recipients    []fairlead.AgencyID     `json:"recipients,omitempty"`
	Types         []fairlead.AgencyType   `json:"types,omitempty"`
	Jurisdictions []fairlead.Jurisdiction `json:"jurisdictions,omitempty"` // a State covers its nations
	Until         fairlead.Time           `json:"until,omitzero"`          // default six months after At
}

const (
	maxItems = 32
	maxList  = 64 // entries of one list of an item
)

var (
	idForm     = regexp.MustCompile(`^[A-Za-z0-9-]{1,40}$`)
	handleForm = regexp.MustCompile(`^[0-9a-f]{32}$`)
	withholds  = []string{"", "fear", "want-to-tell-themselves", "other"}
)

// Parse reads the exact bytes of a record. A giver who can never consent is ErrGiver, so that the
// refusal can be named.
func Parse(record []byte) (*Record, error) {
	var r Record
	if err := strictjson.Unmarshal(record, &r); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if err := r.Check(); err != nil {
		return nil, err
	}
	return &r, nil
}

// Check returns the first fault of the record.
func (r *Record) Check() error {
	switch {
	case !idForm.MatchString(r.ID):
		return fmt.Errorf("%w: id: want letters, digits and '-'", ErrInvalid)
	case !handleForm.MatchString(r.Subject):
		return fmt.Errorf("%w: subject: want the agency's handle of 32 hexadecimal digits", ErrInvalid)
	case r.At.IsZero() || len(r.Items) == 0 || len(r.Items) > maxItems:
		return fmt.Errorf("%w: at and 1 to %d items are wanted", ErrInvalid, maxItems)
	case !slices.Contains(withholds, r.Withhold):
		return fmt.Errorf("%w: withhold: want fear, want-to-tell-themselves or other", ErrInvalid)
	case r.Supersedes != "" && !idForm.MatchString(r.Supersedes):
		return fmt.Errorf("%w: supersedes: malformed", ErrInvalid)
	}
	if err := r.checkGiver(); err != nil {
		return err
	}
	if len(r.MayWithdraw) > maxList {
		return fmt.Errorf("%w: may_withdraw: at most %d", ErrInvalid, maxList)
	}
	for _, id := range r.MayWithdraw {
		if err := id.Check(); err != nil {
			return fmt.Errorf("%w: may_withdraw: %w", ErrInvalid, err)
		}
	}
	for i, item := range r.Items {
		if err := item.check(); err != nil {
			return fmt.Errorf("%w: item %d: %w", ErrInvalid, i+1, err)
		}
	}
	return nil
}

// checkGiver applies "who can give it" (domain §9): the guardian service records voice, it does not
// consent; an adult who merely travels with a child cannot either.
func (r *Record) checkGiver() error {
	if err := fairlead.CheckCode("giver", r.Giver, fairlead.Givers); err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	switch r.Giver {
	case "ICTG", "ACCOMPANYING_ADULT":
		return fmt.Errorf("%w: %s; ask the child, or who holds parental responsibility", ErrGiver, r.Giver)
	case "CHILD_GILLICK":
		if !idForm.MatchString(r.Assessor) {
			return fmt.Errorf("%w: CHILD_GILLICK needs the assessor's pseudonym", ErrGiver)
		}
	}
	return nil
}

// CheckNation returns ErrGiver where who records the consent is not in a nation whose law knows the giver
// so (domain §9): in Scotland a child of twelve is presumed able, elsewhere a young person of sixteen.
func (r *Record) CheckNation(j fairlead.Jurisdiction) error {
	scotland := j == "GB-SCT"
	switch {
	case r.Giver == "CHILD_SCT_12" && !scotland:
		return fmt.Errorf("%w: CHILD_SCT_12 outside Scotland; judge the child's competence, or ask from sixteen on", ErrGiver)
	case r.Giver == "CHILD_16" && (scotland || j.State() != "GB"):
		return fmt.Errorf("%w: CHILD_16 is for England, Wales and Northern Ireland; in Scotland it is CHILD_SCT_12", ErrGiver)
	}
	return nil
}

func (i *Item) check() error {
	if !i.Until.IsZero() && i.Until.UTC().AddDate(0, 0, 1).Day() != 1 {
		return errors.New("until: want an instant on the last day of a month, so that it gives no birthday away")
	}
	if max(len(i.Sections), len(i.Purposes), len(i.Recipients), len(i.Types), len(i.Jurisdictions)) > maxList {
		return fmt.Errorf("no list may have more than %d entries", maxList)
	}
	checks := []error{fairlead.CheckCode("status", i.Status, fairlead.ConsentStatuses)}
	for _, s := range i.Sections {
		checks = append(checks, fairlead.CheckCode("sections", s, fairlead.Sections))
	}
	for _, p := range i.Purposes {
		checks = append(checks, fairlead.CheckCode("purposes", p, fairlead.Purposes))
	}
	for _, id := range i.Recipients {
		checks = append(checks, id.Check())
	}
	for _, t := range i.Types {
		checks = append(checks, fairlead.CheckCode("types", t, fairlead.AgencyTypes))
	}
	for _, j := range i.Jurisdictions {
		checks = append(checks, j.Check())
	}
	return errors.Join(checks...)
}

// Use is one section of one share to one recipient.
type Use struct {
	Section      fairlead.SectionCode
	Purpose      fairlead.Purpose
	Recipient    fairlead.AgencyID
	Type         fairlead.AgencyType
	Jurisdiction fairlead.Jurisdiction
}

// State is what the records of a subject say of a use.
type State string

// The states that the consent matrix of domain §9 tells apart.
const (
	None       State = "none"         // nothing recorded covers the section
	Given      State = "given"        // given or renewed, in scope and in time
	Refused    State = "refused"      // refused or withdrawn
	Expired    State = "expired"      // given once, time passed
	OutOfScope State = "out_of_scope" // given for this section, but not for this recipient or purpose
	Invalid    State = "invalid"      // invalidated, or asked without an answer
)

// Held is a record as the register keeps it.
type Held struct {
	Record
	Agency fairlead.AgencyID // who recorded it
	Entry  int64             // its log entry
}

// Evaluate finds the state for use at an instant, and the record that decided it. Of the records that
// speak of the use the latest wins; only a later yes lifts a refusal, not a later record that the
// question was asked again, put off or not needed; and what a child who can decide has said yields only
// to the same voice: a parent's later yes does not lift a competent child's no, and a parent's no does not
// lift a child's yes that holds. A record that supersedes another does not undo what it leaves unsaid.
func Evaluate(records []Held, use Use, at time.Time) (State, []Held) {
	state, by := evaluate(records, "", use, at)
	if by < 0 {
		return state, nil
	}
	return state, records[by : by+1]
}

// evaluate looks at the records of one subject, or of all for "", and finds the one that decides.
func evaluate(records []Held, subject string, use Use, at time.Time) (State, int) {
	state, by, own := None, -1, false
	for i := range records {
		r := &records[i]
		if subject != "" && r.Subject != subject {
			continue
		}
		switch s := r.state(use, at); {
		case s == None, s == OutOfScope && state != None, s == Invalid && state == Refused:
		case own && !r.Giver.Subject() && (s != Refused || state == Given):
		default: // who agreed to another recipient has not spoken of this one
			state, by, own = s, i, r.Giver.Subject() && s != OutOfScope
		}
	}
	return state, by
}

// Weakest is the state for a use that concerns several subjects: the one that permits least, and None
// for a subject of whom nothing is recorded. A refusal of one child is not lifted by another's consent.
func Weakest(records []Held, subjects []string, use Use, at time.Time) State {
	if len(subjects) == 0 {
		return None
	}
	weakest := Given
	for _, subject := range subjects {
		if s, _ := evaluate(records, subject, use, at); s != weakest && slices.Index(permits, s) < slices.Index(permits, weakest) {
			weakest = s
		}
	}
	return weakest
}

// permits orders the states from the one that permits least.
var permits = []State{Refused, Invalid, OutOfScope, Expired, None, Given}

// strength orders what the items of one record may say of one use: the strongest word counts,
// whatever the order of the items.
var strength = []State{None, OutOfScope, Expired, Given, Invalid, Refused}

// state is what one record says of use.
func (r *Record) state(use Use, at time.Time) State {
	found := None
	for i := range r.Items {
		if s := r.says(&r.Items[i], use, at); s != found && slices.Index(strength, s) > slices.Index(strength, found) {
			found = s
		}
	}
	return found
}

func (r *Record) says(i *Item, use Use, at time.Time) State {
	yes := i.Status == fairlead.ConsentGiven || i.Status == fairlead.ConsentRenewed
	switch {
	case !anyOf(i.Sections, use.Section), !yes && !i.covers(use):
		return None
	case i.Status == fairlead.ConsentRefused, i.Status == fairlead.ConsentWithdrawn:
		return Refused
	case !yes:
		return Invalid
	case !i.covers(use):
		return OutOfScope
	case !at.Before(r.until(i)):
		return Expired
	}
	return Given
}

// until is the end of an item: its own, or six months after it was given (domain §9 default).
func (r *Record) until(i *Item) time.Time {
	if i.Until.IsZero() {
		return r.At.AddDate(0, 6, 0)
	}
	return i.Until.Time
}

func (i *Item) covers(use Use) bool {
	return anyOf(i.Purposes, use.Purpose) && anyOf(i.Recipients, use.Recipient) && anyOf(i.Types, use.Type) &&
		(len(i.Jurisdictions) == 0 || slices.Contains(i.Jurisdictions, use.Jurisdiction) ||
			slices.Contains(i.Jurisdictions, fairlead.Jurisdiction(use.Jurisdiction.State())))
}

// anyOf reports whether v is in list, where an absent list means any.
func anyOf[T comparable](list []T, v T) bool { return len(list) == 0 || slices.Contains(list, v) }
