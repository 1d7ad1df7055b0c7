// Package staff is the minimum that approvals need of an agency's people (domain notes §4): a register
// of pseudonyms with a role and a signing key each, and the approval that such a key signs. Who a
// pseudonym is, only the agency knows.
package staff

import (
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"fairlead/internal/fairlead"
	"fairlead/internal/strictjson"
)

// ErrInvalid is wrapped by every refusal of a record.
var ErrInvalid = errors.New("staff: invalid record")

// Member is the record of staff.record: an agency vouches for a key of one of its people. A later
// record of the same user takes its place; one that ends now is a leaver.
type Member struct {
	User  string        `json:"user"` // pseudonym
	Role  fairlead.Role `json:"role"`
	Key   string        `json:"key"` // Ed25519 public key, hexadecimal
	From  fairlead.Time `json:"from"`
	Until fairlead.Time `json:"until,omitzero"`
}

// Approval is the record of an approval: a member of staff signs for a held share of the own agency.
type Approval struct {
	Share     fairlead.ShareID `json:"share"`
	Header    fairlead.Digest  `json:"header"`  // of the held share's header: the very bytes that were read
	Reasons   []string         `json:"reasons"` // codes of what is approved, such as SERIOUS-HARM-OTHER
	User      string           `json:"user"`
	Signature string           `json:"signature"` // Ed25519 over Message, hexadecimal
}

var (
	userForm   = regexp.MustCompile(`^[A-Za-z0-9-]{1,40}$`)
	reasonForm = regexp.MustCompile(`^[A-Z0-9-]{1,40}$`)
)

// ParseMember reads the exact bytes of a staff.record.
func ParseMember(record []byte) (*Member, error) {
	var m Member
	if err := strictjson.Unmarshal(record, &m); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	switch _, err := m.key(); {
	case !userForm.MatchString(m.User):
		return nil, fmt.Errorf("%w: user: want a pseudonym", ErrInvalid)
	case err != nil:
		return nil, err
	case m.From.IsZero():
		return nil, fmt.Errorf("%w: from: missing", ErrInvalid)
	}
	if err := fairlead.CheckCode("role", m.Role, fairlead.Roles); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return &m, nil
}

func (m *Member) key() (ed25519.PublicKey, error) {
	raw, err := hex.DecodeString(m.Key)
	if err != nil || len(raw) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("%w: key: want an Ed25519 public key in hexadecimal", ErrInvalid)
	}
	return raw, nil
}

// Active reports whether m may sign at an instant.
func (m *Member) Active(at time.Time) bool {
	return !at.Before(m.From.Time) && (m.Until.IsZero() || at.Before(m.Until.Time))
}

// ParseApproval reads the exact bytes of an approval.
func ParseApproval(record []byte) (*Approval, error) {
	var a Approval
	if err := strictjson.Unmarshal(record, &a); err != nil {
		return nil, fmt.Errorf("%w: approval: %w", ErrInvalid, err)
	}
	bad := slices.ContainsFunc(a.Reasons, func(r string) bool { return !reasonForm.MatchString(r) })
	if a.Share.IsZero() || a.Header.IsZero() || len(a.Reasons) == 0 || len(a.Reasons) > 8 || bad || !userForm.MatchString(a.User) {
		return nil, fmt.Errorf("%w: approval: want share, header, 1 to 8 reason codes and a pseudonym", ErrInvalid)
	}
	return &a, nil
}

// Message is what the member's key signs.
func (a *Approval) Message() []byte {
	return []byte(strings.Join([]string{"fairlead approval 1", a.Share.String(), a.Header.String(), strings.Join(a.Reasons, ","), a.User}, "\n"))
}

// Sign signs the approval with a member's private key.
func (a *Approval) Sign(key ed25519.PrivateKey) {
	a.Signature = hex.EncodeToString(ed25519.Sign(key, a.Message()))
}

// Verify checks the approval against the register's record of its user.
func (a *Approval) Verify(m *Member, at time.Time) error {
	key, err := m.key()
	if err != nil {
		return err
	}
	sig, err := hex.DecodeString(a.Signature)
	if err != nil || !ed25519.Verify(key, a.Message(), sig) {
		return fmt.Errorf("%w: approval: not signed by the key on record of %s", ErrInvalid, a.User)
	}
	if !m.Active(at) {
		return fmt.Errorf("%w: approval: %s is not active now", ErrInvalid, a.User)
	}
	return nil
}

// Approved is an approval that the register has checked and keeps with the held share.
type Approved struct {
	User     string
	Role     fairlead.Role
	Training []string // codes of the courses that are current for the approver
	Entry    int64
}
