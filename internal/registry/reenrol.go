package registry

import (
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"fairlead/internal/fairlead"
	"fairlead/internal/keyring"
	"fairlead/internal/strictjson"
)

// Reenrol is the action of an operator's act that gives an enrolled agency new keys under its old name, after a loss
// or a theft. Its record is an Agency whose request the agency's root has signed: never the key that was lost.
const Reenrol = "reenrol"

// ErrRoot says that a request is not authorised by the root it must be authorised by.
var ErrRoot = errors.New("registry: not authorised by the agency's root")

// The root is an Ed25519 key that an agency makes when it enrols, keeps on paper away from its machines, and uses
// for nothing but this: it signs the first request, which shows that the agency has it, and each request for new keys.
const (
	rootEnrols   = "fairlead root enrols v1\n"
	rootReenrols = "fairlead root gives new keys v1\n"
)

// former is a certificate that an agency had until an entry.
type former struct {
	cert  *keyring.Certificate
	until int64
}

// RootKey is the public half of a root, as requests name it; seed has 32 octets.
func RootKey(seed []byte) string {
	return hex.EncodeToString(ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey))
}

// SignRoot signs a request with the agency's root.
func SignRoot(seed, request []byte, again bool) []byte {
	return ed25519.Sign(ed25519.NewKeyFromSeed(seed), rootMessage(request, again))
}

func rootMessage(request []byte, again bool) []byte {
	context, digest := rootEnrols, RequestDigest(request)
	if again {
		context = rootReenrols
	}
	return append([]byte(context), digest[:]...)
}

// checkRoot wants the signature of the root that the request names.
func checkRoot(a *Agency, r Request) error {
	if r.Root == "" && !r.Again && len(a.RootSignature) == 0 {
		return nil // it comes back under no circumstances; see reenrol
	}
	key, err := hex.DecodeString(r.Root)
	if err != nil || len(key) != ed25519.PublicKeySize || !ed25519.Verify(key, rootMessage(a.Request, r.Again), a.RootSignature) {
		return fmt.Errorf("%w: the request of %s is not signed by the root %.16s… that it names", ErrRoot, r.Agency, r.Root)
	}
	return nil
}

// again reports whether the request, which was checked, asks for new keys.
func (a *Agency) again() bool {
	var r Request
	return strictjson.Unmarshal(a.Request, &r) == nil && r.Again
}

// reenrol puts new keys in the place of an agency's. Account, agreements, consents and what is under way stay; people
// on the register of staff are recorded anew; a suspension stays until it is lifted.
func (s *Snapshot) reenrol(index int64, at time.Time, a *Agency) error {
	cert, err := CheckEnrolment(a, at)
	if err != nil {
		return err
	}
	old := s.agencies[a.ID]
	if err := old.mayBecome(a); err != nil {
		return err
	}
	if err := errors.Join(s.newWitness(a), s.sponsored(a), s.approved(RequestDigest(a.Request), a.Approvals)); err != nil {
		return err
	}
	ring, err := s.ring.Replace(a.ID, cert)
	if err != nil {
		return err
	}
	s.former = maps.Clone(s.former)
	if s.former == nil {
		s.former = map[fairlead.AgencyID][]former{}
	}
	s.former[a.ID] = append(slices.Clone(s.former[a.ID]), former{s.Certificate(a.ID), index})
	a.Entry, a.Suspended, a.FormerUsers, a.FormerWitnesses = index, old.Suspended, append(slices.Clone(old.FormerUsers), old.User), slices.Clone(old.FormerWitnesses)
	if old.Witness != "" {
		a.FormerWitnesses = append(a.FormerWitnesses, old.Witness)
	}
	s.ring, s.agencies = ring, maps.Clone(s.agencies)
	s.agencies[a.ID] = a
	return nil
}

// mayBecome says why an agency's record may not be replaced by another with new keys.
func (a *Agency) mayBecome(next *Agency) error {
	switch {
	case a == nil || a.Removed:
		return fmt.Errorf("no agency %s is enrolled, or it was removed", next.ID)
	case !next.again():
		return fmt.Errorf("%w: the request of %s is its first one, not one for new keys", ErrRoot, next.ID)
	case a.Root == "":
		return fmt.Errorf("%w: %s named none when it enrolled; it comes back under another name", ErrRoot, next.ID)
	case next.Root != a.Root:
		return fmt.Errorf("%w: the root of %s on record is another one", ErrRoot, next.ID)
	case next.Type != a.Type || next.Jurisdiction != a.Jurisdiction || next.Name != a.Name || next.Emergency != a.Emergency || next.Account != a.Account:
		return fmt.Errorf("new keys change nothing else: name, type, jurisdiction, duty inbox and account of %s are those on record", next.ID)
	case next.User == a.User || slices.Contains(a.FormerUsers, next.User):
		return fmt.Errorf("the user key of %s is one that it had before", next.ID)
	}
	return nil
}

// Formerly reports whether a certificate that an agency had before signed this.
func (s *Snapshot) Formerly(id fairlead.AgencyID, header, signature []byte, at time.Time) bool {
	return slices.ContainsFunc(s.former[id], func(f former) bool { return VerifyShare(f.cert.Signing(), header, signature, at) == nil })
}

// CertificateAt is the certificate that an agency had when an entry of the log was made, or nil: what it signed
// then is verified with that, also after a re-enrolment.
func (s *Snapshot) CertificateAt(id fairlead.AgencyID, index int64) *keyring.Certificate {
	for _, f := range s.former[id] {
		if index < f.until {
			return f.cert
		}
	}
	return s.Certificate(id)
}
