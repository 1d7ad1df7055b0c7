package registry

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"fairlead/internal/entry"
	"fairlead/internal/fairlead"
	"fairlead/internal/keyring"
	"fairlead/internal/strictjson"
)

// ErrVouched says that those who must vouch for a request have not.
var ErrVouched = errors.New("registry: request not vouched for")

// Vouched is what others sign over an agency's request before it is enrolled.
type Vouched struct {
	Sponsorship      []byte     `json:"sponsorship,omitempty"` // Sponsorship, exact bytes
	SponsorSignature []byte     `json:"sponsor_signature,omitempty"`
	Approvals        []Approval `json:"approvals,omitempty"`
}

// Sponsorship is what an enrolled agency says of another whose fingerprint it has compared over another
// channel: so the hub's operator alone cannot bring in a key.
type Sponsorship struct {
	Sponsor fairlead.AgencyID `json:"sponsor"`
	Agency  fairlead.AgencyID `json:"agency"`
	Request fairlead.Digest   `json:"request"` // SHA-256 of the request
	At      fairlead.Time     `json:"at"`
}

// RequestDigest names a request.
func RequestDigest(request []byte) fairlead.Digest { return sha256.Sum256(request) }

// sponsored refuses an enrolment that no other agency already enrolled has countersigned. The first has nobody
// before it.
func (s *Snapshot) sponsored(a *Agency) error {
	others := len(s.agencies)
	if s.agencies[a.ID] != nil {
		others-- // who is re-enrolled does not vouch for itself, with the very key that was lost
	}
	if others == 0 && len(a.Sponsorship) == 0 {
		return nil
	}
	var said Sponsorship
	if err := strictjson.Unmarshal(a.Sponsorship, &said); err != nil {
		return fmt.Errorf("%w: %s has no sponsor; an agency already enrolled runs: fairlead sponsor: %w", ErrVouched, a.ID, err)
	}
	by := s.agencies[said.Sponsor]
	if by == nil || by.Suspended || by.ID == a.ID {
		return fmt.Errorf("%w: the sponsor %q is not enrolled, suspended, or the agency itself", ErrVouched, said.Sponsor)
	}
	if said.Agency != a.ID || said.Request != RequestDigest(a.Request) {
		return fmt.Errorf("%w: %s countersigned another request", ErrVouched, said.Sponsor)
	}
	if err := s.Certificate(said.Sponsor).Signing().Verify(a.Sponsorship, a.SponsorSignature, keyring.ContextEnrolment, said.At.Time); err != nil {
		return fmt.Errorf("%w: countersignature of %s: %w", ErrVouched, said.Sponsor, err)
	}
	return nil
}

// Operator is one of the people who run the hub, by a name of their choice and an Ed25519 key of their own.
type Operator struct {
	Name string `json:"name"`
	Key  string `json:"key"` // hexadecimal
}

// Operators is the record that says who they are. As soon as there is one, two of them sign each
// enrolment, and each change of the list.
type Operators struct {
	Operators []Operator `json:"operators"`
	Approvals []Approval `json:"approvals,omitempty"`
}

// Approval is the signature of one operator over the digest of a request or of a change of the list of operators.
type Approval struct {
	Operator  string `json:"operator"`
	Signature []byte `json:"signature"`
}

// approvalContext keeps these signatures apart from all others.
const approvalContext = "fairlead operator approval v1\n"

// Approve signs as an operator.
func Approve(name string, key ed25519.PrivateKey, what fairlead.Digest) Approval {
	return Approval{Operator: name, Signature: ed25519.Sign(key, append([]byte(approvalContext), what[:]...))}
}

// ListDigest names a change from one list of operators to another: who approved a list once has not approved to come
// back to it from a later one.
func ListDigest(from, to []Operator) fairlead.Digest {
	h := sha256.New()
	for _, list := range [][]Operator{from, to} {
		fmt.Fprintf(h, "%d\n", len(list))
		for _, o := range list {
			fmt.Fprintf(h, "%d %s %d %s\n", len(o.Name), o.Name, len(o.Key), o.Key)
		}
	}
	return fairlead.Digest(h.Sum(nil))
}

// operatorsNeeded is how many of them must approve.
const operatorsNeeded = 2

// approved requires two operators, where operators are on record.
func (s *Snapshot) approved(what fairlead.Digest, list []Approval) error {
	if len(s.operators) == 0 {
		return nil
	}
	var who []string
	for _, a := range list {
		i := slices.IndexFunc(s.operators, func(o Operator) bool { return o.Name == a.Operator })
		if i < 0 {
			return fmt.Errorf("%w: %q is no operator on record", ErrVouched, a.Operator)
		}
		key, err := hex.DecodeString(s.operators[i].Key)
		if err != nil || !ed25519.Verify(key, append([]byte(approvalContext), what[:]...), a.Signature) {
			return fmt.Errorf("%w: the approval of %s does not verify", ErrVouched, a.Operator)
		}
		if !slices.Contains(who, a.Operator) {
			who = append(who, a.Operator)
		}
	}
	if len(who) < operatorsNeeded {
		return fmt.Errorf("%w: %d of %d operators have approved", ErrVouched, len(who), operatorsNeeded)
	}
	return nil
}

// Operators lists the operators on record.
func (s *Snapshot) Operators() []Operator { return slices.Clone(s.operators) }

// setOperators replaces the list.
func (s *Snapshot) setOperators(record []byte) error {
	var r Operators
	if err := strictjson.Unmarshal(record, &r); err != nil {
		return err
	}
	names, keys := map[string]bool{}, map[string]bool{}
	for _, o := range r.Operators {
		if raw, err := hex.DecodeString(o.Key); err != nil || hex.EncodeToString(raw) != o.Key || len(raw) != ed25519.PublicKeySize || o.Name == "" || len(o.Name) > 40 {
			return fmt.Errorf("operator %q: want a name and an Ed25519 key of 64 hexadecimal digits, small ones", o.Name)
		}
		names[o.Name], keys[o.Key] = true, true
	}
	if len(r.Operators) < operatorsNeeded || len(names) != len(r.Operators) || len(keys) != len(r.Operators) {
		return fmt.Errorf("want at least %d operators with different names and keys", operatorsNeeded)
	}
	if err := s.approved(ListDigest(s.operators, r.Operators), r.Approvals); err != nil {
		return err
	}
	s.operators = r.Operators
	return nil
}

// Refusal is the record of a request that was not approved.
type Refusal struct {
	Agency  fairlead.AgencyID `json:"agency"` // as the request calls itself
	Request fairlead.Digest   `json:"request"`
	Reason  string            `json:"reason"` // code: fingerprint, unknown, duplicate, not_entitled, other
}

// ceremony applies the acts around enrolment; it reports whether the act is one of them.
func (s *Snapshot) ceremony(r *entry.Register) (known bool, err error) {
	switch r.Action {
	case "operators":
		return true, s.setOperators(r.Record)
	case "refuse":
		var f Refusal
		err := strictjson.Unmarshal(r.Record, &f)
		if err == nil && !slices.Contains([]string{"fingerprint", "unknown", "duplicate", "not_entitled", "other"}, f.Reason) {
			err = errors.New("reason: want fingerprint, unknown, duplicate, not_entitled or other")
		}
		return true, err
	case "remove":
		return true, s.remove(r.Record)
	}
	return false, nil
}

// remove suspends an agency for good. What it sent and received stays on record.
func (s *Snapshot) remove(record []byte) error {
	var r Suspension
	if err := strictjson.Unmarshal(record, &r); err != nil {
		return err
	}
	old := s.agencies[r.Agency]
	if old == nil || old.Removed {
		return fmt.Errorf("agency %s is not enrolled, or removed already", r.Agency)
	}
	if !slices.Contains(suspensionReasons(), r.Reason) {
		return fmt.Errorf("reason: want one of %v", suspensionReasons())
	}
	next := *old
	next.Suspended, next.Removed = true, true
	s.agencies = maps.Clone(s.agencies)
	s.agencies[r.Agency] = &next
	return nil
}

func suspensionReasons() []string { return []string{"key_loss", "request", "breach", "other"} }

// Sponsor makes what a sponsor signs for a request.
func Sponsor(by fairlead.AgencyID, r Request, request []byte, at time.Time) Sponsorship {
	return Sponsorship{Sponsor: by, Agency: r.Agency, Request: RequestDigest(request), At: fairlead.At(at)}
}
