package registry

import (
	"errors"
	"maps"
	"regexp"
	"time"

	"fairlead/internal/entry"
	"fairlead/internal/strictjson"
)

// The acts that concern auditors: one was given a credential; one reads entries and details, in the hour that begins
// with the entry. They change nothing for agencies.
const (
	Auditor = "auditor"
	Read    = "read"
)

// Auditing is the record of both.
type Auditing struct {
	Auditor string `json:"auditor"` // the name that the operator gave
}

// AuditorForm is the form of such a name.
var AuditorForm = regexp.MustCompile(`^[A-Za-z0-9-]{1,32}$`)

// ParseAuditing reads the record.
func ParseAuditing(record []byte) (a Auditing, err error) {
	if err = strictjson.Unmarshal(record, &a); err == nil && !AuditorForm.MatchString(a.Auditor) {
		err = errors.New("auditor: want 1 to 32 letters, digits and '-'")
	}
	return a, err
}

// audited notes when an auditor was last said to read.
func (s *Snapshot) audited(r *entry.Register, at time.Time) error {
	a, err := ParseAuditing(r.Record)
	if err == nil && r.Action == Read {
		s.reads = maps.Clone(s.reads)
		s.reads[a.Auditor] = at
	}
	return err
}

// LastRead is the instant of the last entry that says that an auditor reads; zero: there is none.
func (s *Snapshot) LastRead(auditor string) time.Time { return s.reads[auditor] }
