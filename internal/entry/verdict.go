package entry

import (
	"encoding/hex"
	"encoding/json"
	"fmt"

	"fairlead/internal/agreement"
	"fairlead/internal/fairlead"
	"fairlead/internal/policy"
	"fairlead/internal/strictjson"
)

// Verdict is what the sender of a share is told; the leaf commits to its exact bytes, so the hub cannot
// tell a sender one thing and log another.
type Verdict struct {
	Salt      string            `json:"salt"` // hexadecimal
	SetSalt   string            `json:"set_salt"`
	ID        fairlead.ShareID  `json:"id,omitzero"` // none where nothing could be read
	Header    fairlead.Digest   `json:"header"`      // of the header it judges
	Result    fairlead.Result   `json:"result"`
	Ground    fairlead.Ground   `json:"ground"`
	Agreement string            `json:"agreement,omitempty"`
	Causes    []policy.Cause    `json:"causes,omitempty"`
	Holds     []policy.Cause    `json:"holds,omitempty"` // why a held share waits
	Sections  []policy.Section  `json:"sections,omitempty"`
	Due       []policy.Due      `json:"due,omitempty"`
	Oblige    *agreement.Oblige `json:"oblige,omitempty"` // on the recipient
}

// Verdict derives the verdict's bytes from the detail of a share or of an unreadable submission.
// Private causes are left out.
func (d *Detail) Verdict() []byte {
	salt, set := d.derive("verdict"), d.SetSalt()
	v := Verdict{Salt: hex.EncodeToString(salt[:]), SetSalt: hex.EncodeToString(set[:])}
	if u := d.Unparsed; u != nil {
		v.Header, v.Result, v.Ground, v.Causes = u.Digest, fairlead.Refused, fairlead.GroundNone, disclosed([]policy.Cause{u.Cause})
	} else {
		v.judge(d.Share)
	}
	b, err := json.Marshal(v)
	if err != nil { // a struct of strings, numbers and digests always marshals
		panic(err)
	}
	return b
}

func (v *Verdict) judge(s *Share) {
	v.Header, v.Result, v.Ground = s.Digest, s.Decision.Result, s.Decision.Ground
	v.Agreement, v.Causes, v.Due = s.Decision.Agreement, disclosed(s.Decision.Causes), s.Decision.Due
	v.Holds, v.Oblige = disclosed(s.Decision.Holds), s.Decision.Oblige
	if h, err := s.Parsed(); err == nil {
		v.ID = h.ID
	}
	for _, sec := range s.Decision.Sections {
		sec.Causes = disclosed(sec.Causes)
		v.Sections = append(v.Sections, sec)
	}
}

func disclosed(causes []policy.Cause) (out []policy.Cause) {
	for _, c := range causes {
		if !c.Private {
			out = append(out, c)
		}
	}
	return out
}

// ParseVerdict reads a verdict's bytes.
func ParseVerdict(b []byte) (*Verdict, error) {
	var v Verdict
	if err := strictjson.Unmarshal(b, &v); err != nil {
		return nil, fmt.Errorf("%w: verdict: %w", ErrMalformed, err)
	}
	if _, err := v.SetSaltBytes(); err != nil {
		return nil, err
	}
	if len(v.Salt) != len(v.SetSalt) || v.Header.IsZero() || v.Result == "" {
		return nil, fmt.Errorf("%w: verdict: want salts, header and result", ErrMalformed)
	}
	return &v, nil
}

// SetSaltBytes decodes the salt that opens the delivered set.
func (v *Verdict) SetSaltBytes() (salt [16]byte, err error) {
	raw, err := hex.DecodeString(v.SetSalt)
	if err != nil || len(raw) != len(salt) {
		return salt, fmt.Errorf("%w: verdict: set salt", ErrMalformed)
	}
	copy(salt[:], raw)
	return salt, nil
}
