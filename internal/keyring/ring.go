package keyring

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"time"

	"fairlead/internal/fairlead"
)

// Ring is an immutable index of enrolled agencies' certificates. The zero Ring is empty.
type Ring struct {
	certificates map[fairlead.AgencyID]*Certificate
	keys         map[uint64]holding // by 64-bit key ID; what was once held stays
}

// holding says which agency holds a key, and whether the key was superseded for encryption.
type holding struct {
	agency      fairlead.AgencyID
	fingerprint Fingerprint
	superseded  bool
}

// With returns a ring in which the agency has certificate c, for the first time or in place of one
// under the same primary key: the primary's own signatures vouch for the new subkey. It refuses, each
// time with [ErrRing]: a certificate that names another agency ([ErrUserID]), another primary key
// ([ErrRoot]), a key or 64-bit key ID that is held already ([ErrTaken]: anybody can bind a foreign
// encryption subkey into a certificate, since it needs no signature back), and a superseded
// encryption subkey that would become current again ([ErrSuperseded]).
func (r *Ring) With(id fairlead.AgencyID, c *Certificate) (*Ring, error) {
	if err := r.admit(id, c); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrRing, id, err)
	}
	return r.with(id, c), nil
}

// Replace returns a ring in which c, under another primary key, stands in the place of the agency's certificate, as
// after a theft: who may order that is not the ring's to judge. None of its keys may ever have been held, by the
// agency itself neither ([ErrTaken]), so that a key that was replaced never comes back.
func (r *Ring) Replace(id fairlead.AgencyID, c *Certificate) (*Ring, error) {
	if c.agency != id {
		return nil, fmt.Errorf("%w: %s: %w: the certificate names %s", ErrRing, id, ErrUserID, c.agency)
	}
	for _, f := range c.keys {
		if _, held := r.keys[f.KeyID()]; held {
			return nil, fmt.Errorf("%w: %s: %w: %016x", ErrRing, id, ErrTaken, f.KeyID())
		}
	}
	return r.with(id, c), nil
}

func (r *Ring) with(id fairlead.AgencyID, c *Certificate) *Ring {
	next := &Ring{maps.Clone(r.certificates), maps.Clone(r.keys)}
	if next.keys == nil {
		next.certificates, next.keys = map[fairlead.AgencyID]*Certificate{}, map[uint64]holding{}
	}
	if old := r.certificates[id]; old != nil {
		next.keys[old.Encryption().KeyID()] = holding{id, old.Encryption(), true}
	}
	for i, f := range c.keys {
		next.keys[f.KeyID()] = holding{id, f, i > 0 && f != c.Encryption()}
	}
	next.certificates[id] = c
	return next
}

func (r *Ring) admit(id fairlead.AgencyID, c *Certificate) error {
	if c.agency != id {
		return fmt.Errorf("%w: the certificate names %s", ErrUserID, c.agency)
	}
	if old := r.certificates[id]; old != nil && old.Fingerprint() != c.Fingerprint() {
		return fmt.Errorf("%w: %s, enrolled is %s", ErrRoot, c.Fingerprint(), old.Fingerprint())
	}
	for _, f := range c.keys {
		h, held := r.keys[f.KeyID()]
		if held && (h.agency != id || h.fingerprint != f) {
			return fmt.Errorf("%w: %016x", ErrTaken, f.KeyID())
		}
	}
	if r.Stale(id, c.Encryption()) {
		return fmt.Errorf("%w: %s", ErrSuperseded, c.Encryption())
	}
	return nil
}

// Certificate is the agency's certificate; ok is false if it has none.
func (r *Ring) Certificate(id fairlead.AgencyID) (c *Certificate, ok bool) {
	c, ok = r.certificates[id]
	return c, ok
}

// BySigner is the certificate whose primary key has this fingerprint; ok is false if there is none.
func (r *Ring) BySigner(f Fingerprint) (c *Certificate, ok bool) {
	c = r.certificates[r.keys[f.KeyID()].agency]
	if c == nil || c.Fingerprint() != f {
		return nil, false
	}
	return c, true
}

// Stale reports whether f is an encryption subkey that the agency once used and has superseded: the
// sender need only seal again. A key the agency never had is not stale but foreign.
func (r *Ring) Stale(id fairlead.AgencyID, f Fingerprint) bool {
	h := r.keys[f.KeyID()]
	return h.superseded && h.agency == id && h.fingerprint == f
}

// Kept is what a ring holds of one agency, to make the same ring again.
type Kept struct {
	Agency      fairlead.AgencyID
	Certificate []byte
	At          time.Time // when it was read
	Keys        []KeptKey // that it has and once had, by fingerprint
}

// KeptKey is one of them.
type KeptKey struct {
	Fingerprint Fingerprint
	Superseded  bool
}

// Keep lists what the ring holds, by agency.
func (r *Ring) Keep() []Kept {
	keys := map[fairlead.AgencyID][]KeptKey{}
	for _, h := range r.keys {
		keys[h.agency] = append(keys[h.agency], KeptKey{h.fingerprint, h.superseded})
	}
	var list []Kept
	for _, id := range slices.Sorted(maps.Keys(r.certificates)) {
		c := r.certificates[id]
		slices.SortFunc(keys[id], func(a, b KeptKey) int { return bytes.Compare(a.Fingerprint[:], b.Fingerprint[:]) })
		list = append(list, Kept{id, c.raw, c.at, keys[id]})
	}
	return list
}

// NewRing makes a ring of what another kept. Certificates are read again, each at its own instant.
func NewRing(list []Kept) (*Ring, error) {
	if len(list) == 0 {
		return &Ring{}, nil
	}
	r := &Ring{map[fairlead.AgencyID]*Certificate{}, map[uint64]holding{}}
	for _, k := range list {
		c, err := ReadCertificate(k.Certificate, k.At)
		if err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrRing, k.Agency, err)
		}
		r.certificates[k.Agency] = c
		for _, h := range k.Keys {
			r.keys[h.Fingerprint.KeyID()] = holding{k.Agency, h.Fingerprint, h.Superseded}
		}
	}
	return r, nil
}
