// Package keyring holds agencies' OpenPGP certificates and everything that is done with public keys
// alone: reading a certificate of the native profile, verifying a signature, walking the packets of
// a sealed section, and telling whose key is whose (RFC 9580; RFC 9980 for ML-KEM-768+X25519).
//
// It is the half the hub may link. It calls no decryption, so that the linker leaves none in the
// program; the private half is package seal.
//
// The native profile: version 6 keys, one Ed25519 primary that certifies and signs, ML-KEM-768+X25519
// subkeys that encrypt, SHA-256 or SHA-512, AES-256 with an AEAD mode in chunks of 4 to 64 KiB.
// Nothing else is accepted and nothing is skipped: what the reader does not know, it refuses.
package keyring

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"time"
)

// Families of errors. Every refusal of a function wraps exactly one of them, and one of the causes below.
var (
	// ErrCertificate is wrapped by every refusal of [ReadCertificate].
	ErrCertificate = errors.New("keyring: certificate refused")
	// ErrSignature is wrapped by every refusal of [VerifyKey.Verify].
	ErrSignature = errors.New("keyring: signature refused")
	// ErrPackets is wrapped by every refusal of [ParseSection].
	ErrPackets = errors.New("keyring: section refused")
	// ErrRing is wrapped by every refusal of [Ring.With].
	ErrRing = errors.New("keyring: enrolment refused")
)

// Causes, always inside a family.
var (
	// ErrTooLarge: longer than MaxCertificate or MaxSignature.
	ErrTooLarge = errors.New("too large")
	// ErrPacket: a packet that the grammar has no place for, or that is damaged.
	ErrPacket = errors.New("unexpected packet")
	// ErrVersion: a key or signature that is not version 6.
	ErrVersion = errors.New("wrong version")
	// ErrAlgorithm: an algorithm outside the native profile.
	ErrAlgorithm = errors.New("algorithm not allowed")
	// ErrUsage: key flags or features that do not fit the place of the key.
	ErrUsage = errors.New("wrong usage")
	// ErrUserID: not exactly one user ID, or not of the form "<agency>@fairlead.example".
	ErrUserID = errors.New("wrong user id")
	// ErrForged: a signature whose mathematics does not hold.
	ErrForged = errors.New("does not verify")
	// ErrExpired: a key past its end.
	ErrExpired = errors.New("expired")
	// ErrRevoked: a key its owner revoked, for whatever reason.
	ErrRevoked = errors.New("revoked")
	// ErrContext: a signature made for another type of object, or for none.
	ErrContext = errors.New("wrong context")
	// ErrTime: a time more than MaxSkew away from where it should be.
	ErrTime = errors.New("wrong time")
	// ErrKey: a signature by another key, or by a key not in force at that time.
	ErrKey = errors.New("wrong key")
	// ErrTaken: a key or 64-bit key ID that an agency holds already.
	ErrTaken = errors.New("key already registered")
	// ErrRoot: a certificate under another primary key than the enrolled one.
	ErrRoot = errors.New("other primary key")
	// ErrSuperseded: a certificate that would bring back a superseded encryption subkey.
	ErrSuperseded = errors.New("superseded encryption key")
)

// Limits.
const (
	// MaxCertificate is the longest certificate accepted, in octets.
	MaxCertificate = 64 << 10
	// MaxSignature is the longest detached signature accepted, in octets; ours take about 220.
	MaxSignature = 1 << 10
	// MaxSkew is how far the time in a signature may lie from the time it is judged at.
	MaxSkew = 5 * time.Minute
)

// Context says what type of object a signature is made for, so that a signature over one can never be
// shown as a signature over another. It travels as the value of the one critical notation (RFC 9580
// §5.2.3.24) named [Notation].
type Context string

// Notation is the name of the notation that carries the context.
const Notation = "context@fairlead.example"

// The contexts. The set only grows; a retired value keeps its meaning.
const (
	// ContextShare: the detached signature over the header of a share.
	ContextShare Context = "share/v1"
	// ContextSection: the signature inside a sealed section.
	ContextSection Context = "section/v1"
	// ContextEnrolment: a request to enrol or to rotate, and a sponsor's countersignature.
	ContextEnrolment Context = "enrolment/v1"
	// ContextDelivered: a recipient's cumulative acknowledgement of what was delivered.
	ContextDelivered Context = "delivered/v1"
	// ContextEvidence: the file of what an agency found, for an auditor.
	ContextEvidence Context = "evidence/v1"
)

// Fingerprint is the fingerprint of a version 6 key or subkey (RFC 9580 §5.5.4.3).
type Fingerprint [32]byte

// String is the lower-case hexadecimal form, the one people compare.
func (f Fingerprint) String() string { return hex.EncodeToString(f[:]) }

// KeyID is the 64-bit key ID: the first eight octets.
func (f Fingerprint) KeyID() uint64 { return binary.BigEndian.Uint64(f[:8]) }
