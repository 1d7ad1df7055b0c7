package keyring

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"fairlead/internal/fairlead"

	"github.com/ProtonMail/go-crypto/openpgp/ed25519"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// UserIDSuffix follows the agency's id in the one user ID of its certificate.
const UserIDSuffix = "@fairlead.example"

// Certificate is an agency's certificate of the native profile, as it stood at the time it was read.
// It never changes and may be shared.
type Certificate struct {
	raw        []byte
	agency     fairlead.AgencyID
	signing    *VerifyKey
	encryption *packet.PublicKey
	keys       []Fingerprint
	notAfter   time.Time
	at         time.Time
}

// ReadCertificate reads a binary certificate and checks every part and every self-signature of it at
// the given time. Every refusal wraps [ErrCertificate] and one of [ErrTooLarge], [ErrPacket],
// [ErrVersion], [ErrAlgorithm], [ErrUsage], [ErrUserID], [ErrForged], [ErrTime], [ErrExpired],
// [ErrRevoked].
func ReadCertificate(b []byte, at time.Time) (*Certificate, error) {
	r := reader{at: at}
	c, err := r.read(bytes.Clone(b))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCertificate, err)
	}
	return c, nil
}

// Bytes is a copy of what was read.
func (c *Certificate) Bytes() []byte { return bytes.Clone(c.raw) }

// ReadAt is the instant at which it was judged.
func (c *Certificate) ReadAt() time.Time { return c.at }

// Agency is the agency the user ID names.
func (c *Certificate) Agency() fairlead.AgencyID { return c.agency }

// Fingerprint is that of the primary key, the agency's root.
func (c *Certificate) Fingerprint() Fingerprint { return c.signing.fingerprint }

// Signing is the key that verifies the agency's signatures.
func (c *Certificate) Signing() *VerifyKey { return c.signing }

// Encryption names the current encryption subkey: the newest one in force.
func (c *Certificate) Encryption() Fingerprint { return Fingerprint(c.encryption.Fingerprint) }

// Keys names every key in the certificate, the primary first, then the subkeys in force or not.
func (c *Certificate) Keys() []Fingerprint { return slices.Clone(c.keys) }

// NotAfter is when the primary key or the current encryption subkey ends, whichever is first; zero if
// neither does.
func (c *Certificate) NotAfter() time.Time { return c.notAfter }

// WrapKey encrypts an AES-256 session key to the current encryption subkey and returns the PKESK
// packet (RFC 9980 §4.2.1). It wraps [ErrExpired] when the certificate has ended by then.
func (c *Certificate) WrapKey(session [32]byte, at time.Time) ([]byte, error) {
	if over(c.notAfter, at) {
		return nil, fmt.Errorf("%w: %w on %s", ErrCertificate, ErrExpired, c.notAfter.UTC().Format(time.DateOnly))
	}
	var out bytes.Buffer
	// Always an explicit Config: a nil one means AES-128 in places.
	cfg := &packet.Config{DefaultCipher: packet.CipherAES256}
	err := packet.SerializeEncryptedKeyAEAD(&out, c.encryption, packet.CipherAES256, true, session[:], cfg)
	ClearVectors()
	if err != nil {
		return nil, fmt.Errorf("%w: session key: %w", ErrCertificate, err)
	}
	return out.Bytes(), nil
}

// ClearVectors is called after each ML-KEM operation. The AVX2 code of circl 1.6 returns without
// VZEROUPPER, and while the upper halves of the vector registers are dirty every SHA-256 runs a
// hundred times slower (measured: 3.3 ms in place of 33 µs for 64 KiB). Looking for an octet in 256
// or more goes through code that cleans them.
func ClearVectors() {
	var b [512]byte
	bytes.IndexByte(b[:], 1)
}

// reader gathers a certificate packet by packet. Signatures speak of the key or user ID before them.
type reader struct {
	at      time.Time
	primary *packet.PublicKey
	props   *packet.Signature // the newest direct-key signature: flags, features, lifetime
	userID  string
	named   bool // the user ID has a self-signature
	subkeys []subkey
	last    byte // type of the last packet that was no signature
}

type subkey struct {
	key     *packet.PublicKey
	binding *packet.Signature // the newest
	revoked bool
}

func (r *reader) read(b []byte) (*Certificate, error) {
	if len(b) > MaxCertificate {
		return nil, fmt.Errorf("%w: %d octets, want at most %d", ErrTooLarge, len(b), MaxCertificate)
	}
	for n, rest := 1, b; n == 1 || len(rest) > 0; n++ {
		tag, raw, body, tail, err := definite(rest)
		if err == nil {
			err = r.add(tag, raw, body)
		}
		if err != nil {
			return nil, fmt.Errorf("packet %d: %w", n, err)
		}
		rest = tail
	}
	return r.finish(b)
}

func (r *reader) add(tag byte, raw, body []byte) error {
	if (tag == tagPublicKey) != (r.primary == nil) {
		return fmt.Errorf("%w: type %d, want one primary key and that first", ErrPacket, tag)
	}
	if tag == tagSignature {
		return r.addSignature(raw, body)
	}
	r.last = tag
	switch tag {
	case tagPublicKey:
		return r.addPrimary(raw, body)
	case tagUserID:
		return r.addUserID(body)
	case tagSubkey:
		return r.addSubkey(raw, body)
	}
	return fmt.Errorf("%w: type %d", ErrPacket, tag)
}

func (r *reader) addPrimary(raw, body []byte) (err error) {
	if r.primary, err = parseKey(raw, body, algoEd25519); err != nil {
		return err
	}
	return r.notFuture(r.primary.CreationTime)
}

func (r *reader) addUserID(body []byte) error {
	if r.userID != "" {
		return fmt.Errorf("%w: a second one", ErrUserID)
	}
	id, ok := strings.CutSuffix(string(body), UserIDSuffix)
	if err := fairlead.AgencyID(id).Check(); err != nil || !ok {
		return fmt.Errorf("%w: want the agency id and %q", ErrUserID, UserIDSuffix)
	}
	r.userID = string(body)
	return nil
}

func (r *reader) addSubkey(raw, body []byte) error {
	key, err := parseKey(raw, body, algoMLKEM)
	if err != nil {
		return err
	}
	r.subkeys = append(r.subkeys, subkey{key: key})
	return r.notFuture(key.CreationTime)
}

// addSignature checks one self-signature. There is no place for anybody else's: sponsors
// countersign the enrolment, not the certificate.
func (r *reader) addSignature(raw, body []byte) error {
	s, err := parseSignature(raw, body)
	if err != nil {
		return err
	}
	if !issuedBy(s, Fingerprint(r.primary.Fingerprint)) {
		return fmt.Errorf("%w: a signature by another key", ErrPacket)
	}
	if slices.ContainsFunc(s.Notations, func(n *packet.Notation) bool { return n.IsCritical }) {
		return fmt.Errorf("%w: critical notation in a self-signature", ErrUsage)
	}
	if err := r.notFuture(s.CreationTime); err != nil {
		return err
	}
	switch r.last {
	case tagPublicKey:
		return r.signPrimary(s)
	case tagUserID:
		return r.signUserID(s)
	default:
		return r.signSubkey(s, &r.subkeys[len(r.subkeys)-1])
	}
}

func (r *reader) signPrimary(s *packet.Signature) error {
	switch s.SigType {
	case packet.SigTypeDirectSignature:
		if r.props == nil || s.CreationTime.After(r.props.CreationTime) {
			r.props = s
		}
		return forged(r.primary.VerifyDirectKeySignature(s))
	case packet.SigTypeKeyRevocation:
		return revocation(r.primary.VerifyRevocationSignature(s), "the primary key")
	}
	return misplaced(s)
}

func (r *reader) signUserID(s *packet.Signature) error {
	switch s.SigType {
	case packet.SigTypeGenericCert, packet.SigTypePersonaCert, packet.SigTypeCasualCert, packet.SigTypePositiveCert:
		r.named = true
		return forged(r.primary.VerifyUserIdSignature(r.userID, r.primary, s))
	case packet.SigTypeCertificationRevocation:
		return revocation(r.primary.VerifyUserIdSignature(r.userID, r.primary, s), "the user id")
	}
	return misplaced(s)
}

func (r *reader) signSubkey(s *packet.Signature, sub *subkey) error {
	switch s.SigType {
	case packet.SigTypeSubkeyBinding:
		if sub.binding == nil || s.CreationTime.After(sub.binding.CreationTime) {
			sub.binding = s
		}
		return forged(r.primary.VerifyKeySignature(sub.key, s))
	case packet.SigTypeSubkeyRevocation:
		sub.revoked = true
		return forged(r.primary.VerifySubkeyRevocationSignature(s, sub.key))
	}
	return misplaced(s)
}

func (r *reader) notFuture(t time.Time) error {
	if t.After(r.at.Add(MaxSkew)) {
		return fmt.Errorf("%w: made at %s, read at %s", ErrTime, t.UTC().Format(time.RFC3339), r.at.UTC().Format(time.RFC3339))
	}
	return nil
}

// finish judges the whole once every packet is known.
func (r *reader) finish(raw []byte) (*Certificate, error) {
	if err := r.checkPrimary(); err != nil {
		return nil, err
	}
	if !r.named {
		return nil, fmt.Errorf("%w: none, or not signed", ErrUserID)
	}
	keys := []Fingerprint{Fingerprint(r.primary.Fingerprint)}
	for _, s := range r.subkeys {
		if err := s.check(keys); err != nil {
			return nil, err
		}
		keys = append(keys, Fingerprint(s.key.Fingerprint))
	}
	current, err := r.current()
	if err != nil {
		return nil, err
	}
	end := keyEnd(r.primary, r.props)
	return &Certificate{
		raw:        raw,
		agency:     fairlead.AgencyID(strings.TrimSuffix(r.userID, UserIDSuffix)),
		signing:    newVerifyKey(r.primary, end),
		encryption: current.key,
		keys:       keys,
		notAfter:   earlier(end, keyEnd(current.key, current.binding)),
		at:         r.at,
	}, nil
}

func (r *reader) checkPrimary() error {
	p := r.props
	if p == nil {
		return fmt.Errorf("%w: no direct-key signature", ErrUsage)
	}
	if !p.FlagCertify || !p.FlagSign || p.FlagEncryptCommunications || p.FlagEncryptStorage || extraFlags(p) {
		return fmt.Errorf("%w: the primary key must certify and sign, and no more", ErrUsage)
	}
	if !p.SEIPDv2 {
		return fmt.Errorf("%w: does not announce SEIPD version 2", ErrUsage)
	}
	if end := keyEnd(r.primary, p); over(end, r.at) {
		return fmt.Errorf("%w: the primary key on %s", ErrExpired, end.UTC().Format(time.DateOnly))
	}
	return nil
}

// check judges a subkey beside the keys before it.
func (s subkey) check(before []Fingerprint) error {
	if slices.Contains(before, Fingerprint(s.key.Fingerprint)) {
		return fmt.Errorf("%w: a subkey stands twice", ErrPacket)
	}
	b := s.binding
	if b == nil {
		return fmt.Errorf("%w: a subkey without a binding signature", ErrUsage)
	}
	encrypts := b.FlagEncryptCommunications || b.FlagEncryptStorage
	if !encrypts || b.FlagCertify || b.FlagSign || extraFlags(b) {
		return fmt.Errorf("%w: a subkey must encrypt, and no more", ErrUsage)
	}
	return nil
}

// current is the newest subkey in force. Two of one second are refused: which is newer would be a
// matter of packet order, which nobody signs.
func (r *reader) current() (best subkey, err error) {
	if len(r.subkeys) == 0 {
		return best, fmt.Errorf("%w: no encryption subkey", ErrUsage)
	}
	err = fmt.Errorf("%w: every encryption subkey", ErrExpired)
	for _, s := range r.subkeys {
		switch {
		case s.revoked:
			if best.key == nil {
				err = fmt.Errorf("%w: the newest encryption subkey", ErrRevoked)
			}
		case over(keyEnd(s.key, s.binding), r.at):
		case best.key == nil || s.key.CreationTime.After(best.key.CreationTime):
			best, err = s, nil
		case s.key.CreationTime.Equal(best.key.CreationTime):
			err = fmt.Errorf("%w: two encryption subkeys of one second", ErrUsage)
		}
	}
	return best, err
}

func newVerifyKey(pub *packet.PublicKey, end time.Time) *VerifyKey {
	return &VerifyKey{
		fingerprint: Fingerprint(pub.Fingerprint),
		point:       bytes.Clone(pub.PublicKey.(*ed25519.PublicKey).Point),
		notBefore:   pub.CreationTime,
		notAfter:    end,
	}
}

func extraFlags(s *packet.Signature) bool {
	return s.FlagAuthenticate || s.FlagSplitKey || s.FlagGroupKey
}

// keyEnd is when a key ends by its self-signature (RFC 9580 §5.2.3.13); zero for never.
func keyEnd(key *packet.PublicKey, s *packet.Signature) time.Time {
	if s.KeyLifetimeSecs == nil || *s.KeyLifetimeSecs == 0 {
		return time.Time{}
	}
	return key.CreationTime.Add(time.Duration(*s.KeyLifetimeSecs) * time.Second)
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

func forged(err error) error {
	if err != nil {
		return fmt.Errorf("%w: self-signature: %w", ErrForged, err)
	}
	return nil
}

// revocation turns a revocation that verifies into the refusal it asks for.
func revocation(err error, what string) error {
	if err != nil {
		return forged(err)
	}
	return fmt.Errorf("%w: %s", ErrRevoked, what)
}

func misplaced(s *packet.Signature) error {
	return fmt.Errorf("%w: signature of type %#02x in this place", ErrPacket, byte(s.SigType))
}
