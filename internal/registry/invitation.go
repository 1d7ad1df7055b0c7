package registry

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"fairlead/internal/fairlead"
	"fairlead/internal/strictjson"
	"fairlead/internal/tlog"
)

// ErrInvitation says that an invitation is not one: altered, out of time, or for somebody else.
var ErrInvitation = errors.New("registry: invitation refused")

// InvitationLasts is how long an agency has to enrol by an invitation.
const InvitationLasts = 14 * 24 * time.Hour

// statement begins what the log's key signs for an invitation; no checkpoint begins so.
const statement = "fairlead invitation v1"

// Invitation is what the operator gives to an agency that is to enrol: where the hub is and how to know it, signed
// with the log's key. Nothing in it is secret. Whoever reads the log's key to the agency over another channel
// vouches by that for all of it.
type Invitation struct {
	URL       string            `json:"url"`      // tls://host:port
	CertPEM   string            `json:"cert_pem"` // the hub's certificate, to pin
	LogKey    string            `json:"log_key"`  // verifier key of the log's checkpoints
	HTTP      string            `json:"http,omitempty"`
	Agency    fairlead.AgencyID `json:"agency,omitempty"`    // whom it invites; "" for whoever has it
	Until     fairlead.Time     `json:"until"`               // when it ends
	Operators []Operator        `json:"operators,omitempty"` // who runs the hub, by the register when it was made
	Policy    string            `json:"policy,omitempty"`    // the hub's witness policy (C2SP tlog-policy), for an agency that has none
	Signature string            `json:"signature"`           // signed note (C2SP) of the log's key over all of the above
}

// ParseInvitation reads the file of an invitation; it checks its form alone.
func ParseInvitation(b []byte) (Invitation, error) {
	var i Invitation
	if err := strictjson.Unmarshal(b, &i); err != nil {
		return i, fmt.Errorf("%w: %w", ErrInvitation, err)
	}
	return i, nil
}

// content is what is signed.
func (i Invitation) content() ([]byte, error) {
	i.Signature = ""
	return json.Marshal(i)
}

// Sign signs the invitation with the log's key.
func (i Invitation) Sign(s *tlog.Signer) (Invitation, error) {
	content, err := i.content()
	if err != nil {
		return i, err
	}
	signed, err := tlog.SignStatement(s, statement, content)
	i.Signature = string(signed)
	return i, err
}

// Check holds the invitation against its signature, the clock, and who would enrol by it.
func (i Invitation) Check(id fairlead.AgencyID, at time.Time) error {
	log, err := tlog.NewVerifier(i.LogKey)
	if err != nil {
		return fmt.Errorf("%w: its log key: %w", ErrInvitation, err)
	}
	content, err := i.content()
	if err == nil {
		err = tlog.OpenStatement([]byte(i.Signature), statement, content, log)
	}
	switch {
	case err != nil:
		return fmt.Errorf("%w: it was altered, or the log's key did not sign it; ask the operator for another: %w", ErrInvitation, err)
	case i.Agency != "" && i.Agency != id:
		return fmt.Errorf("%w: it is for %s, not for %s", ErrInvitation, i.Agency, id)
	case !at.Before(i.Until.Time):
		return fmt.Errorf("%w: it ended %s; ask the operator for another", ErrInvitation, i.Until.UTC().Format(time.DateTime))
	}
	return nil
}
