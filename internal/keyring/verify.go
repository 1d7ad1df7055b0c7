package keyring

import (
	"crypto/ed25519"
	"fmt"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// VerifyKey is a snapshot of an agency's signing key. It never changes, so any number of goroutines
// may share it; the library's own Entity caches verdicts in place and may not be shared.
type VerifyKey struct {
	fingerprint         Fingerprint
	point               ed25519.PublicKey
	notBefore, notAfter time.Time // notAfter is zero for a key without end
}

// Fingerprint names the key.
func (k *VerifyKey) Fingerprint() Fingerprint { return k.fingerprint }

// Verify checks that sig is one detached binary signature by k over msg, made for ctx within
// [MaxSkew] of at, while k was in force. For a fresh message at is now; for an archived one it is the
// time its place in the log vouches for, since the signer chooses the time in the signature. Every
// refusal wraps [ErrSignature] and one of [ErrTooLarge], [ErrPacket], [ErrVersion], [ErrAlgorithm],
// [ErrUsage], [ErrKey], [ErrTime], [ErrContext], [ErrForged].
func (k *VerifyKey) Verify(msg, sig []byte, ctx Context, at time.Time) error {
	d, err := readDetached(sig)
	if err == nil {
		err = k.admit(&d, ctx, at)
	}
	if err == nil {
		err = k.check(&d, msg)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSignature, err)
	}
	return nil
}

// admit judges what the signature says of itself, which is cheap, before the curve operation.
func (k *VerifyKey) admit(d *detached, ctx Context, at time.Time) error {
	if string(d.issuer) != string(k.fingerprint[:]) {
		return fmt.Errorf("%w: made by another key", ErrKey)
	}
	if at.Before(k.notBefore.Add(-MaxSkew)) || over(k.notAfter, at) {
		return fmt.Errorf("%w: not in force at %s", ErrKey, at.UTC().Format(time.RFC3339))
	}
	if at.Sub(d.created).Abs() > MaxSkew {
		return fmt.Errorf("%w: made at %s, judged at %s", ErrTime,
			d.created.UTC().Format(time.RFC3339), at.UTC().Format(time.RFC3339))
	}
	return checkContext(d.notations, ctx)
}

// checkContext demands the context and refuses any other critical notation. The library alone would
// accept a signature that has none.
func checkContext(notations []*packet.Notation, ctx Context) error {
	found := false
	for _, n := range notations {
		switch {
		case n.Name == Notation && (found || !n.IsCritical || Context(n.Value) != ctx):
			return fmt.Errorf("%w: not made for %s", ErrContext, ctx)
		case n.Name == Notation:
			found = true
		case n.IsCritical:
			return fmt.Errorf("%w: another critical notation", ErrContext)
		}
	}
	if !found {
		return fmt.Errorf("%w: made for no context, want %s", ErrContext, ctx)
	}
	return nil
}

// check hashes the message (RFC 9580 §5.2.4) and does the one curve operation.
func (k *VerifyKey) check(d *detached, msg []byte) error {
	d.hash.Write(msg)
	d.hash.Write(d.suffix)
	digest := d.hash.Sum(nil)
	if [2]byte(digest) != d.tag || !ed25519.Verify(k.point, digest, d.curve) {
		return ErrForged
	}
	return nil
}

// issuedBy reports whether s names the version 6 key as its issuer.
func issuedBy(s *packet.Signature, f Fingerprint) bool {
	return s.IssuerKeyVersion == version6 && string(s.IssuerFingerprint) == string(f[:])
}

// over reports whether a validity that ends at end is past at the given time; a zero end is none.
func over(end, at time.Time) bool { return !end.IsZero() && !at.Before(end) }
