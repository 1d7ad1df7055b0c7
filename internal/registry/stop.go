package registry

import (
	"fmt"

	"fairlead/internal/fairlead"
	"fairlead/internal/strictjson"
)

// Stop is the record of a notice of the hub that a consent has ended: to those who were sent sections that
// relied on it, please stop using them; and to the agency whose consent it was, which shares those are.
type Stop struct {
	To      fairlead.AgencyID `json:"to"`
	Cause   int64             `json:"cause"`             // entry that ended the consent
	Consent string            `json:"consent,omitempty"` // its id, for the agency that recorded it
	Shares  []Stopped         `json:"shares"`
}

// Stopped is one share that relied on it.
type Stopped struct {
	Share    fairlead.ShareID       `json:"share"`
	To       fairlead.AgencyID      `json:"to,omitempty"` // its recipient, for the agency that sent it
	Sections []fairlead.SectionCode `json:"sections"`
	Deleted  bool                   `json:"deleted"` // the payload had not been stored yet and is deleted whole
}

// ParseStop reads the record of such a notice.
func ParseStop(record []byte) (*Stop, error) {
	var s Stop
	if err := strictjson.Unmarshal(record, &s); err != nil {
		return nil, err
	}
	if len(s.Shares) == 0 {
		return nil, fmt.Errorf("%w: a notice that stops nothing", ErrFold)
	}
	return &s, nil
}
