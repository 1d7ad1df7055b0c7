package policy

import (
	"fmt"
	"slices"

	"fairlead/internal/fairlead"
	"fairlead/internal/strictjson"
)

// AlarmCode is what kind of thing an agency's program found.
type AlarmCode string

// What an agency's program may find. The last two are in the log for all to read, and are not reported there again.
const (
	AlarmMalformed AlarmCode = "malformed" // bytes that no honest hub sends
	AlarmRewritten AlarmCode = "rewritten" // two logs, or one that shrank or changed
	AlarmUnlogged  AlarmCode = "unlogged"  // handed over without a true proof in time
	AlarmGap       AlarmCode = "gap"       // a number of a delivery is missing, or came twice
	AlarmFalse     AlarmCode = "false"     // what was handed over does not follow from the log
	AlarmNotOurs   AlarmCode = "not_ours"  // in the agency's name, and its program never made it
	AlarmAct       AlarmCode = "act"       // the operator did something to the agency
)

// Reported are the codes that a report has.
var Reported = []AlarmCode{AlarmMalformed, AlarmRewritten, AlarmUnlogged, AlarmGap, AlarmFalse}

// Alarm is one finding. The agency keeps the bytes that show it (fairlead evidence).
type Alarm struct {
	Code     AlarmCode       `json:"alarm"`
	Entry    int64           `json:"entry,omitempty"` // that it is about; 0: about none
	At       fairlead.Time   `json:"at"`              // on the agency's clock
	Evidence fairlead.Digest `json:"evidence"`        // SHA-256 of the bytes that show it
}

// Report is the record of log.alarm: what an agency's program found that an honest hub does not do. The word of one
// agency; whoever reads it asks that agency for the bytes.
type Report struct {
	Alarms []Alarm `json:"alarms"`
}

// MaxAlarms bounds a report; what is more goes with the next.
const MaxAlarms = 64

// ParseReport reads the exact bytes of a report.
func ParseReport(record []byte) (*Report, error) {
	var r Report
	if err := strictjson.Unmarshal(record, &r); err != nil {
		return nil, err
	}
	if len(r.Alarms) == 0 || len(r.Alarms) > MaxAlarms {
		return nil, fmt.Errorf("alarms: want 1 to %d", MaxAlarms)
	}
	for i, a := range r.Alarms {
		if !slices.Contains(Reported, a.Code) || a.Entry < 0 || a.At.IsZero() || a.Evidence == (fairlead.Digest{}) {
			return nil, fmt.Errorf("alarms %d: want alarm (one of %v), at, evidence, and the entry if it is about one", i, Reported)
		}
	}
	return &r, nil
}
