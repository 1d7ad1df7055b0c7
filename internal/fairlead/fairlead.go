// Package fairlead is the vocabulary of the hub: identifiers, codes and reasons that three or more
// packages share, each with the standard or the section of the domain notes it comes from. It holds
// words only: no rule, no I/O, no clock.
package fairlead

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/google/uuid"
)

// ErrMalformed is wrapped by every error about an identifier or a code that is not of its form.
var ErrMalformed = errors.New("malformed")

// AgencyID names an enrolled agency, such as "NOR-CSC": upper-case letters, digits and hyphens,
// 2 to 32 characters. It is a name in the register, never a name of a person.
type AgencyID string

// Hub is the pseudo agency that stands for the broker and its log in From and To fields.
const Hub AgencyID = "HUB"

var agencyForm = regexp.MustCompile(`^[A-Z0-9][A-Z0-9-]{1,31}$`)

// Check reports whether id is of the form the register accepts.
func (id AgencyID) Check() error {
	if !agencyForm.MatchString(string(id)) {
		return fmt.Errorf("agency %q: want 2 to 32 of A-Z, 0-9 and '-': %w", trim(string(id)), ErrMalformed)
	}
	return nil
}

// Account is the public NATS account key of an agency ("A…", 56 characters). It is opaque: it stands
// in subjects where a name would say too much.
type Account string

// Jurisdiction is an ISO 3166-1 alpha-2 or 3166-2 code, such as "RO" or "GB-ENG". County codes
// never appear: a small office would identify a child.
type Jurisdiction string

var jurisdictionForm = regexp.MustCompile(`^([A-Z]{2}|GB-(ENG|WLS|SCT|NIR))$`)

// Check reports whether j is a State or a nation of the United Kingdom (domain notes §4).
func (j Jurisdiction) Check() error {
	if !jurisdictionForm.MatchString(string(j)) {
		return fmt.Errorf("jurisdiction %q: want ISO 3166-1 alpha-2 or GB-ENG, GB-WLS, GB-SCT, GB-NIR: %w", trim(string(j)), ErrMalformed)
	}
	return nil
}

// State is the country of j: "GB" for "GB-SCT".
func (j Jurisdiction) State() string {
	state, _, _ := strings.Cut(string(j), "-")
	return state
}

// eea lists the members of the European Economic Area (ISO 3166-1), for the transfer table of domain §2.3.
const eea = " AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IS IT LI LT LU LV MT NL NO PL PT RO SE SI SK "

// EEA reports whether j lies in the European Economic Area.
func (j Jurisdiction) EEA() bool { return strings.Contains(eea, " "+j.State()+" ") }

// ShareID names one share (one message to one recipient): a UUID version 7 (RFC 9562 §5.7). Its
// time is never used.
type ShareID [16]byte

// NewShareID makes a fresh id.
func NewShareID() ShareID { return ShareID(uuid.Must(uuid.NewV7())) }

// ParseShareID reads the canonical text form and refuses any other.
func ParseShareID(s string) (ShareID, error) {
	u, err := uuid.Parse(s)
	if err != nil || u.String() != s || u.Version() != 7 {
		return ShareID{}, fmt.Errorf("share id %q: want a lower-case UUID version 7: %w", trim(s), ErrMalformed)
	}
	return ShareID(u), nil
}

// String is the canonical text form.
func (id ShareID) String() string { return uuid.UUID(id).String() }

// IsZero reports whether no id is set; JSON omits such ids.
func (id ShareID) IsZero() bool { return id == ShareID{} }

// MarshalText implements encoding.TextMarshaler.
func (id ShareID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (id *ShareID) UnmarshalText(b []byte) (err error) {
	*id, err = ParseShareID(string(b))
	return err
}

// Digest is a SHA-256 value; its text form is lower-case hexadecimal.
type Digest [32]byte

// String is the hexadecimal form.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// IsZero reports whether no digest is set; JSON omits such digests.
func (d Digest) IsZero() bool { return d == Digest{} }

// MarshalText implements encoding.TextMarshaler.
func (d Digest) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler and accepts the lower-case form only.
func (d *Digest) UnmarshalText(b []byte) error {
	var raw Digest
	if len(b) != 2*len(raw) || bytes.ContainsAny(b, "ABCDEF") {
		return malformedDigest(b)
	}
	if _, err := hex.Decode(raw[:], b); err != nil {
		return malformedDigest(b)
	}
	*d = raw
	return nil
}

func malformedDigest(b []byte) error {
	return fmt.Errorf("digest %q: want 64 lower-case hexadecimal digits: %w", trim(string(b)), ErrMalformed)
}

// Time is an instant on the wire: RFC 3339, UTC, whole seconds, such as "2027-01-11T09:20:00Z".
type Time struct{ time.Time }

// At makes a wire instant; fractions of a second are cut off.
func At(t time.Time) Time { return Time{t.UTC().Truncate(time.Second)} }

// MarshalText implements encoding.TextMarshaler.
func (t Time) MarshalText() ([]byte, error) { return []byte(t.text()), nil }

func (t Time) text() string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// MarshalJSON keeps the embedded time.Time from choosing another form.
func (t Time) MarshalJSON() ([]byte, error) {
	return []byte(`"` + t.text() + `"`), nil
}

// UnmarshalJSON reads the quoted wire form.
func (t *Time) UnmarshalJSON(b []byte) error {
	return t.UnmarshalText([]byte(strings.Trim(string(b), `"`)))
}

// UnmarshalText implements encoding.TextUnmarshaler and accepts the wire form only.
func (t *Time) UnmarshalText(b []byte) error {
	p, err := time.Parse("2006-01-02T15:04:05Z", string(b))
	if err != nil || (Time{p}).text() != string(b) { // Parse takes fractions and one-digit hours too
		return fmt.Errorf("time %q: want RFC 3339 in UTC with whole seconds: %w", trim(string(b)), ErrMalformed)
	}
	*t = Time{p}
	return nil
}

// trim keeps foreign text in errors short: an error never carries a whole field of unknown content.
func trim(s string) string {
	if len(s) > 40 {
		return s[:40] + "…"
	}
	return s
}
