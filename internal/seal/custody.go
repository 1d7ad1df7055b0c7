package seal

import (
	"bytes"
	"crypto"
	"errors"
	"fmt"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"fairlead/internal/keyring"
)

// Custody is who holds an agency's private OpenPGP keys: this program, which read them from the agency's keystore
// ([Parse]), or a program or device outside it ([Entrust]), out of which they never come. It does these two things
// and no others, several at a time. Making and rotating keys goes on where they are kept; the agency's NATS user
// key, its witness key, its root and the keys of its staff are other keys with other keepers.
//
// Both take and give whole packets, not digests: what signs only documents can make no binding signature, so nobody
// who can ask it can put a subkey of their own into the agency's certificate.
type Custody interface {
	// Sign makes a detached binary signature of version 6 over msg by the primary key, with ctx as its one notation
	// and the time at, as [keyring.VerifyKey.Verify] takes it.
	Sign(msg []byte, ctx keyring.Context, at time.Time) (signature []byte, err error)
	// Unwrap recovers the session key of a PKESK packet, which names one of the subkeys. The error wraps ErrDamaged if
	// the packet does not open; another one says that the key could not be used.
	Unwrap(pkesk []byte) (session []byte, err error)
}

// Entrust is an agency's key whose private part somebody else has: its certificate, and who signs and unwraps.
func Entrust(certificate []byte, c Custody) (*Key, error) {
	e, err := readEntity(certificate)
	if err != nil {
		return nil, err
	}
	return publicKey(e, c)
}

// Unwrap recovers the session key of a PKESK packet for this very key, not for those the agency had before: so a Key
// is a [Custody] itself.
func (k *Key) Unwrap(pkesk []byte) ([]byte, error) {
	session, err := k.custody.Unwrap(pkesk)
	if err != nil && !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrNotForUs) {
		err = fmt.Errorf("%w: unwrap: %w", ErrKey, err)
	}
	return session, err
}

// held are private keys in this program's memory.
type held struct {
	primary *packet.PrivateKey
	subkeys map[keyring.Fingerprint]*packet.PrivateKey
}

// Sign implements Custody.
func (k held) Sign(msg []byte, ctx keyring.Context, at time.Time) ([]byte, error) {
	sig := &packet.Signature{
		Version:      k.primary.Version,
		SigType:      packet.SigTypeBinary,
		PubKeyAlgo:   k.primary.PubKeyAlgo,
		Hash:         crypto.SHA512,
		CreationTime: at,
		Notations: []*packet.Notation{
			{Name: keyring.Notation, Value: []byte(ctx), IsCritical: true, IsHumanReadable: true},
		},
	}
	cfg := config(at)
	h, err := sig.PrepareSign(cfg)
	if err != nil {
		return nil, err
	}
	h.Write(msg)
	if err := sig.Sign(h, k.primary, cfg); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = sig.Serialize(&out)
	return out.Bytes(), err
}

// Unwrap implements Custody.
func (k held) Unwrap(pkesk []byte) ([]byte, error) {
	p, err := packet.Read(bytes.NewReader(pkesk))
	if err != nil {
		return nil, fmt.Errorf("%w: session key: %w", ErrDamaged, err)
	}
	wrapped, ok := p.(*packet.EncryptedKey)
	if !ok || len(wrapped.KeyFingerprint) != len(keyring.Fingerprint{}) {
		return nil, fmt.Errorf("%w: session key: no PKESK of version 6", ErrDamaged)
	}
	key := k.subkeys[keyring.Fingerprint(wrapped.KeyFingerprint)]
	if key == nil {
		return nil, fmt.Errorf("%w: it is for %x", ErrNotForUs, wrapped.KeyFingerprint)
	}
	err = wrapped.Decrypt(key, config(time.Time{}))
	keyring.ClearVectors()
	if err != nil {
		return nil, fmt.Errorf("%w: session key: %w", ErrDamaged, err)
	}
	return wrapped.Key, nil
}
