package entry

import (
	"crypto/sha256"
	"errors"
	"fmt"

	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/policy"
	"fairlead/internal/strictjson"
)

// ErrEvidence says that a file is no evidence of an agency, or holds other bytes than it says.
var ErrEvidence = errors.New("entry: evidence refused")

// Evidence is what an agency hands to an auditor when its program has found what an honest hub does not do.
type Evidence struct {
	Agency fairlead.AgencyID `json:"agency"`
	At     fairlead.Time     `json:"at"`
	Log    string            `json:"log"`  // origin
	Seen   envelope.Seen     `json:"seen"` // the last checkpoint that was proved to the agency
	Alarms []Exhibit         `json:"alarms"`
}

// Exhibit is one alarm with the bytes that show it, as they came from the hub.
type Exhibit struct {
	policy.Alarm
	What  string `json:"what"`
	Bytes []byte `json:"bytes,omitempty"`
}

// SignedEvidence is the file: the exact bytes of an Evidence, and the agency's signature over them.
type SignedEvidence struct {
	Evidence  []byte `json:"evidence"`
	Signature []byte `json:"signature"` // OpenPGP, detached, keyring.ContextEvidence
}

// ParseEvidence reads a file and what is in it. The signature is for the caller to check.
func ParseEvidence(file []byte) (*SignedEvidence, *Evidence, error) {
	var s SignedEvidence
	var e Evidence
	if err := strictjson.Unmarshal(file, &s); err != nil {
		return nil, nil, fmt.Errorf("%w: it is not what fairlead evidence wrote: %w", ErrEvidence, err)
	}
	if err := strictjson.Unmarshal(s.Evidence, &e); err != nil {
		return nil, nil, fmt.Errorf("%w: it is not what fairlead evidence wrote: %w", ErrEvidence, err)
	}
	if err := e.Agency.Check(); err != nil || e.At.IsZero() {
		return nil, nil, fmt.Errorf("%w: want agency, at, log, seen and alarms", ErrEvidence)
	}
	for i, a := range e.Alarms {
		if sha256.Sum256(a.Bytes) != a.Evidence {
			return nil, nil, fmt.Errorf("%w: alarms %d: the bytes are not those that it names", ErrEvidence, i)
		}
	}
	return &s, &e, nil
}
