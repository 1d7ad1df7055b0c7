package agreement

import (
	"errors"
	"fmt"
	"strconv"

	"fairlead/internal/fairlead"
	"fairlead/internal/strictjson"
)

// House is a set of rules that one house sets for itself: an agency, for whatever it sends or receives,
// or the hub, for everybody. They only prohibit, so that a house can narrow and never widen. A later
// version takes the place of an earlier one; one without terms lifts the rules.
type House struct {
	Version int    `json:"version" yaml:"version"`
	Terms   []Term `json:"terms" yaml:"terms"`

	Owner fairlead.AgencyID `json:"-" yaml:"-"` // an agency or the hub
	Entry int64             `json:"-" yaml:"-"` // log entry of the version in force
}

// ParseHouse reads the record of an agency's rules.
func ParseHouse(record []byte) (*House, error) {
	var h House
	if err := strictjson.Unmarshal(record, &h); err != nil {
		return nil, fmt.Errorf("%w: rules: %w", ErrInvalid, err)
	}
	return &h, h.Check()
}

// Check returns every fault of the rules at once.
func (h *House) Check() error {
	var faults faults
	faults.want(h.Version > 0, "version: want 1 or more")
	faults.want(len(h.Terms) <= maxTerms, "terms: want at most %d", maxTerms)
	if len(h.Terms) <= maxTerms {
		checkTerms(h.Terms, nil, &faults)
	}
	return faults.err("rules of the house")
}

// Ref names the rules.
func (h *House) Ref() string {
	if h.Owner == fairlead.Hub {
		return "house:HUB"
	}
	return "house:" + string(h.Owner) + "/" + strconv.Itoa(h.Version)
}

// Bars adds the prohibitions that speak of the use. An agency's rules hold for what it sends or receives.
func (h *House) Bars(u *Use, found []Bar) []Bar {
	if h.Owner != fairlead.Hub && h.Owner != u.From && h.Owner != u.To {
		return found
	}
	for i := range h.Terms {
		if t := &h.Terms[i]; t.prohibits(u) {
			found = append(found, Bar{h.Ref(), t, h.Entry})
		}
	}
	return found
}

// faults gathers what is wrong with a document. The text goes into the log, so it is bounded.
type faults []error

func (f *faults) want(ok bool, format string, args ...any) {
	if !ok {
		f.add(fmt.Errorf(format, args...))
	}
}

func (f *faults) add(err error) {
	if err != nil {
		*f = append(*f, err)
	}
}

func (f faults) err(what string) error {
	if len(f) == 0 {
		return nil
	}
	if len(f) > maxFaults {
		f = append(f[:maxFaults:maxFaults], fmt.Errorf("and %d more", len(f)-maxFaults))
	}
	return fmt.Errorf("%w: %.40s: %w", ErrInvalid, what, errors.Join(f...))
}
