package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"fairlead/internal/keyring"
	"fairlead/internal/registry"
)

// ErrFingerprint says that the fingerprint that was heard is not the request's: somebody has put another
// key in its place, or it was misheard.
var ErrFingerprint = errors.New("client: the fingerprint is another one")

// Sponsor countersigns the request of an agency that is to be enrolled. heard is its fingerprint, in words
// or digits, as its own people read it out; a request with another key is not signed.
func (h *Home) Sponsor(s registry.SignedRequest, heard string, at time.Time) (registry.SignedRequest, error) {
	r, fingerprint, err := s.Review(at)
	if err != nil {
		return s, err
	}
	got, err := keyring.ParseSpoken(heard)
	if err != nil {
		return s, err
	}
	if got != fingerprint {
		return s, fmt.Errorf("%w: the request of %s has %s; do not sign it, and tell %s and the hub's operator", ErrFingerprint, r.Agency, fingerprint, r.Agency)
	}
	if s.Sponsorship, err = json.Marshal(registry.Sponsor(h.Admission.Agency, r, s.Request, at)); err != nil {
		return s, err
	}
	s.SponsorSignature, err = h.Key.Sign(s.Sponsorship, keyring.ContextEnrolment, at)
	return s, err
}
