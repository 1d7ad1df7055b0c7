package registry

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"fairlead/internal/fairlead"
	"fairlead/internal/keyring"
	"fairlead/internal/strictjson"
	"fairlead/internal/tlog"
)

// SignedRequest is the file an agency sends back: the request and its signature by the new key.
type SignedRequest struct {
	Request       []byte `json:"request"` // Request, exact bytes
	Signature     []byte `json:"signature"`
	RootSignature []byte `json:"root_signature,omitempty"` // by the agency's root; see SignRoot
	Vouched
}

// Admission is what an enrolled agency needs to connect. It is not secret: the user key never left the
// agency.
type Admission struct {
	Agency  fairlead.AgencyID `json:"agency"`
	Account fairlead.Account  `json:"account"`
	User    string            `json:"user"` // public key of the user it lets in
	UserJWT string            `json:"user_jwt"`
	Until   fairlead.Time     `json:"until,omitzero"` // end of the JWT, by the clock of the machines
	Entry   int64             `json:"entry"`          // log entry of the enrolment
}

// UserLasts is how long a user's JWT is good. Revocation does not wait for it: it is what bounds a
// revocation that a server has not heard of, and an office may be closed for two weeks. A program that
// connects renews one that is older than UserRenews.
const (
	UserLasts  = 14 * 24 * time.Hour
	UserRenews = 24 * time.Hour
)

// Review reads a request and shows what the operator compares over another channel: the fingerprint.
func (s SignedRequest) Review(at time.Time) (Request, keyring.Fingerprint, error) {
	var r Request
	if err := strictjson.Unmarshal(s.Request, &r); err != nil {
		return r, keyring.Fingerprint{}, fmt.Errorf("request: %w", err)
	}
	cert, err := CheckEnrolment(s.Agency(r), at)
	if err != nil {
		return r, keyring.Fingerprint{}, err
	}
	return r, cert.Fingerprint(), nil
}

// Agency is the register's record of the request, still without an account.
func (s SignedRequest) Agency(r Request) *Agency {
	a := &Agency{
		Name: r.Name, User: r.User, Certificate: r.Certificate, Witness: r.Witness, Root: r.Root,
		Request: s.Request, Signature: s.Signature, RootSignature: s.RootSignature, Vouched: s.Vouched,
	}
	a.ID, a.Type, a.Jurisdiction, a.Emergency = r.Agency, r.Type, r.Jurisdiction, r.Emergency
	return a
}

// Request is what an agency signs when it asks to be enrolled: keys are made where they stay.
type Request struct {
	Agency       fairlead.AgencyID     `json:"agency"`
	Name         string                `json:"name"`
	Type         fairlead.AgencyType   `json:"type"`
	Jurisdiction fairlead.Jurisdiction `json:"jurisdiction"`
	Emergency    bool                  `json:"emergency_registered"`
	User         string                `json:"user"` // public NATS user key
	Certificate  []byte                `json:"certificate"`
	Witness      string                `json:"witness,omitempty"` // public key of its cosignatures; see WitnessName
	Root         string                `json:"root,omitempty"`    // public key of its root: the key that new keys are authorised by
	Again        bool                  `json:"again,omitempty"`   // new keys for an agency that is enrolled, after a loss or theft
	At           fairlead.Time         `json:"at"`
}

// ParseAgency reads the record of an enrolment.
func ParseAgency(record []byte) (*Agency, error) {
	var a Agency
	if err := strictjson.Unmarshal(record, &a); err != nil {
		return nil, err
	}
	return &a, nil
}

// CheckEnrolment proves an enrolment by itself: the request is signed by the certificate it brings, and
// the register repeats it word for word. It returns the certificate.
func CheckEnrolment(a *Agency, at time.Time) (*keyring.Certificate, error) {
	var r Request
	if err := strictjson.Unmarshal(a.Request, &r); err != nil {
		return nil, fmt.Errorf("enrolment request: %w", err)
	}
	cert, err := keyring.ReadCertificate(r.Certificate, at)
	if err != nil {
		return nil, fmt.Errorf("enrolment request of %s: %w", r.Agency, err)
	}
	if err := cert.Signing().Verify(a.Request, a.Signature, keyring.ContextEnrolment, r.At.Time); err != nil {
		return nil, fmt.Errorf("enrolment request of %s: %w", r.Agency, err)
	}
	if r.Agency == fairlead.Hub {
		return nil, fmt.Errorf("%s is the hub's own name; choose another", r.Agency)
	}
	same := a.ID == r.Agency && a.Name == r.Name && a.Type == r.Type && a.Jurisdiction == r.Jurisdiction && a.Emergency == r.Emergency &&
		a.User == r.User && string(a.Certificate) == string(r.Certificate) && a.Witness == r.Witness && a.Root == r.Root
	if !same {
		return nil, fmt.Errorf("the register does not repeat the request of %s word for word", r.Agency)
	}
	return cert, errors.Join(r.Agency.Check(), r.Jurisdiction.Check(), fairlead.CheckCode("type", r.Type, fairlead.AgencyTypes), checkWitness(a), checkRoot(a, r))
}

// WitnessName is the name under which an agency cosigns checkpoints of a log.
func WitnessName(origin string, id fairlead.AgencyID) string { return origin + "/" + string(id) }

// checkWitness wants the agency's own name in its witness key: no agency cosigns under the name of another.
func checkWitness(a *Agency) error {
	if a.Witness == "" {
		return nil
	}
	key, err := tlog.NewCosignatureKey(a.Witness)
	if err == nil && !strings.HasSuffix(key.Name(), "/"+string(a.ID)) {
		err = fmt.Errorf("witness key of %s: its name ends with /%s", key.Name(), a.ID)
	}
	return err
}

// newWitness refuses a witness key that an agency has or had: one that counts twice could make a majority alone, and
// whoever has a former one may cosign with it.
func (s *Snapshot) newWitness(a *Agency) error {
	if a.Witness == "" {
		return nil
	}
	key, err := tlog.NewCosignatureKey(a.Witness)
	if err != nil {
		return err
	}
	for _, other := range s.agencies {
		for _, held := range append(slices.Clone(other.FormerWitnesses), other.Witness) {
			if k, err := tlog.NewCosignatureKey(held); err == nil && k.Public() == key.Public() {
				return fmt.Errorf("the witness key of %s is that of %s", a.ID, other.ID)
			}
		}
	}
	return nil
}
