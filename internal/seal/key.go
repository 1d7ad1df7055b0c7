package seal

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"fairlead/internal/fairlead"
	"fairlead/internal/keyring"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
)

// Key is an agency's key: an Ed25519 primary that signs, and ML-KEM-768+X25519 subkeys, of which the newest is the
// one others encrypt to and all still open. The private part is in somebody's [Custody]. It never changes and may be
// shared.
type Key struct {
	agency      fairlead.AgencyID
	verify      *keyring.VerifyKey // of the primary key
	former      []*Key             // keys the agency had before: they open and sign nothing
	subkeys     map[keyring.Fingerprint]bool
	certificate []byte
	custody     Custody
	private     []byte // as Marshal writes it; nil: in other hands
}

// Generate makes the key of a new agency. It never ends: what ends a key here is an entry in the log.
func Generate(id fairlead.AgencyID, at time.Time) (*Key, error) {
	if err := id.Check(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	e, err := openpgp.NewEntity(string(id)+keyring.UserIDSuffix, "", "", config(at))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	e.Subkeys = nil // the library adds an X25519 subkey, which is not post-quantum
	return withSubkey(e, at)
}

// Rotate makes a key with one more encryption subkey, in force from at, which must be at least one
// second after the newest. The old subkeys stay, to read what was sealed to them. An entrusted key is rotated where
// it is kept.
func (k *Key) Rotate(at time.Time) (*Key, error) {
	if k.private == nil {
		return nil, fmt.Errorf("%w: its private part is not here; rotate it where it is kept", ErrKey)
	}
	e, err := readEntity(k.private)
	if err != nil {
		return nil, err
	}
	if newest := newest(e); at.Unix() <= newest.Unix() {
		return nil, fmt.Errorf("%w: a subkey for %s, the newest is of %s", ErrKey,
			at.UTC().Format(time.RFC3339), newest.UTC().Format(time.RFC3339))
	}
	next, err := withSubkey(e, at)
	if err != nil {
		return nil, err
	}
	return next.With(k.former...), nil
}

// With is the key together with those that the agency had before: it also opens what was sealed to them, and signs
// as before.
func (k *Key) With(former ...*Key) *Key {
	next := *k
	next.former = slices.Concat(k.former, former)
	return &next
}

// Parse reads what Marshal wrote. It refuses a locked key and one whose public part is not of the
// native profile.
func Parse(b []byte) (*Key, error) {
	e, err := readEntity(b)
	if err != nil {
		return nil, err
	}
	return newKey(e)
}

// Marshal is the private key in OpenPGP binary form, not locked: who stores it must encrypt it. It is empty if the key
// was entrusted.
func (k *Key) Marshal() []byte { return bytes.Clone(k.private) }

// Certificate is the public part in OpenPGP binary form, for [keyring.ReadCertificate].
func (k *Key) Certificate() []byte { return bytes.Clone(k.certificate) }

// Agency is the agency whose key it is.
func (k *Key) Agency() fairlead.AgencyID { return k.agency }

// Fingerprint is that of the primary key, the one to compare over the telephone.
func (k *Key) Fingerprint() keyring.Fingerprint { return k.verify.Fingerprint() }

func withSubkey(e *openpgp.Entity, at time.Time) (*Key, error) {
	cfg := config(at)
	cfg.Algorithm = packet.PubKeyAlgoMlkem768X25519
	err := e.AddEncryptionSubkey(cfg)
	keyring.ClearVectors()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	return newKey(e)
}

func readEntity(b []byte) (*openpgp.Entity, error) {
	list, err := openpgp.ReadKeyRing(bytes.NewReader(b))
	keyring.ClearVectors()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	if len(list) != 1 {
		return nil, fmt.Errorf("%w: %d keys, want one", ErrKey, len(list))
	}
	return list[0], nil
}

// newKey takes what it needs out of e, which nobody uses after that: a shared Entity races.
func newKey(e *openpgp.Entity) (*Key, error) {
	if !usable(e.PrivateKey) {
		return nil, fmt.Errorf("%w: no primary private key, or locked", ErrKey)
	}
	c := held{primary: e.PrivateKey, subkeys: map[keyring.Fingerprint]*packet.PrivateKey{}}
	for _, s := range e.Subkeys {
		if !usable(s.PrivateKey) || s.PublicKey.Version != 6 {
			return nil, fmt.Errorf("%w: a subkey without its private part, locked, or not of version 6", ErrKey)
		}
		c.subkeys[keyring.Fingerprint(s.PublicKey.Fingerprint)] = s.PrivateKey
	}
	k, err := publicKey(e, c)
	if err != nil {
		return nil, err
	}
	var private bytes.Buffer
	if err := e.SerializePrivateWithoutSigning(&private, config(time.Time{})); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	k.private = private.Bytes()
	return k, nil
}

// publicKey is a key by its public part, and who has the private one.
func publicKey(e *openpgp.Entity, c Custody) (*Key, error) {
	k := &Key{subkeys: map[keyring.Fingerprint]bool{}, custody: c}
	var public bytes.Buffer
	if err := e.Serialize(&public); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	// Judged at the time its newest part was made: an old key must still read old sections.
	cert, err := keyring.ReadCertificate(public.Bytes(), newest(e))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	for _, s := range e.Subkeys { // of version 6, as the profile wants
		k.subkeys[keyring.Fingerprint(s.PublicKey.Fingerprint)] = true
	}
	k.agency, k.verify, k.certificate = cert.Agency(), cert.Signing(), public.Bytes()
	return k, nil
}

func usable(k *packet.PrivateKey) bool { return k != nil && !k.Encrypted && !k.Dummy() }

// newest is when the newest part of e was made.
func newest(e *openpgp.Entity) time.Time {
	t := e.PrimaryKey.CreationTime
	for _, s := range e.Subkeys {
		if s.PublicKey.CreationTime.After(t) {
			t = s.PublicKey.CreationTime
		}
	}
	return t
}
