package seal

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"

	"fairlead/internal/keyring"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// Packet type IDs of the inner message (RFC 9580 §5).
const (
	tagSignature = 2
	tagOnePass   = 4
	tagLiteral   = 11
)

// literalFront starts the one form of literal data we write: binary, no file name, no date, none of
// which a signature covers (RFC 9580 §5.9).
const literalFront = "b\x00\x00\x00\x00\x00"

// Open decrypts a section to its end, checks the one signature inside, and only then answers its
// content and type. The signer must be from, the very key that signed the outer header; the inner
// line must say what want says (want.Type is not compared if empty); at is when the share was sent,
// as its place in the log vouches for, not now: an archived section must stay readable. Errors wrap
// [keyring.ErrPackets], [ErrNotForUs], [ErrDamaged], [ErrKey], [keyring.ErrSignature] or [ErrInner].
func (k *Key) Open(sealed []byte, from *keyring.VerifyKey, want Inner, at time.Time) (content []byte, typ string, err error) {
	section, err := keyring.ParseSection(sealed)
	if err != nil {
		return nil, "", err
	}
	message, err := k.decrypt(section)
	if err != nil {
		return nil, "", err
	}
	plain, sig, err := takeApart(message, from.Fingerprint())
	if err != nil {
		return nil, "", err
	}
	if err := from.Verify(plain, sig, keyring.ContextSection, at); err != nil {
		return nil, "", fmt.Errorf("seal: inner signature: %w", err)
	}
	in, content, err := decode(plain)
	if err != nil {
		return nil, "", err
	}
	if err := in.match(want); err != nil {
		return nil, "", err
	}
	return content, in.Type, nil
}

// OpenOwn is Open for what the agency sealed to itself, under the key that it had then.
func (k *Key) OpenOwn(sealed []byte, want Inner, at time.Time) ([]byte, error) {
	signer := k.verify
	if section, err := keyring.ParseSection(sealed); err == nil {
		if owner := k.owner(section.Recipient); owner != nil {
			signer = owner.verify
		}
	}
	content, _, err := k.Open(sealed, signer, want, at)
	return content, err
}

// owner is the key, this one or a former one, that has a subkey; nil if none has.
func (k *Key) owner(subkey keyring.Fingerprint) *Key {
	if k.subkeys[subkey] {
		return k
	}
	for _, f := range k.former {
		if f.subkeys[subkey] {
			return f
		}
	}
	return nil
}

// match compares what the sealed part says of itself with what the envelope says of it.
func (in Inner) match(want Inner) error {
	switch {
	case in.Message != want.Message:
		return fmt.Errorf("%w: sealed for another message", ErrInner)
	case in.Section != want.Section:
		return fmt.Errorf("%w: sealed as another section", ErrInner)
	case in.Sender != want.Sender:
		return fmt.Errorf("%w: sealed by another sender", ErrInner)
	case want.Type != "" && in.Type != want.Type:
		return fmt.Errorf("%w: of another type", ErrInner)
	}
	return nil
}

// decrypt reads the whole message: each chunk is authentic by itself, but only the tag after the last
// one shows that nothing is missing.
func (k *Key) decrypt(s keyring.Section) ([]byte, error) {
	owner := k.owner(s.Recipient)
	if owner == nil {
		return nil, fmt.Errorf("%w: it is for %s", ErrNotForUs, s.Recipient)
	}
	session, err := owner.Unwrap(s.PKESK)
	if err != nil {
		return nil, err
	}
	defer clear(session)
	p, err := packet.Read(bytes.NewReader(s.SEIPD))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	r, err := p.(*packet.SymmetricallyEncrypted).Decrypt(packet.CipherAES256, session)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	message := bytes.NewBuffer(make([]byte, 0, len(s.SEIPD)+bytes.MinRead))
	if _, err := message.ReadFrom(r); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if err := r.Close(); err != nil { // the last tag
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return message.Bytes(), nil
}

// takeApart accepts exactly "one-pass-signature literal signature EOF" by one signer, uncompressed.
// It answers the literal data and the signature packet.
func takeApart(message []byte, signer keyring.Fingerprint) (plain, sig []byte, err error) {
	tags := []byte{tagOnePass, tagLiteral, tagSignature}
	bodies := make([][]byte, len(tags))
	r := bytes.NewReader(message)
	packets := packet.NewOpaqueReader(r)
	for i, tag := range tags {
		p, err := packets.Next()
		if err != nil || p.Tag != tag {
			return nil, nil, fmt.Errorf("%w: packet %d, want type %d", ErrInner, i+1, tag)
		}
		bodies[i] = p.Contents
	}
	if _, err := packets.Next(); !errors.Is(err, io.EOF) || r.Len() > 0 {
		return nil, nil, fmt.Errorf("%w: more than one signature", ErrInner)
	}
	if !onePassBy(bodies[0], signer) {
		return nil, nil, fmt.Errorf("%w: announced signer is not the sender", ErrInner)
	}
	plain, ok := bytes.CutPrefix(bodies[1], []byte(literalFront))
	if !ok {
		return nil, nil, fmt.Errorf("%w: literal data with a name, date or text form", ErrInner)
	}
	var out bytes.Buffer
	if err := (&packet.OpaquePacket{Tag: tagSignature, Contents: bodies[2]}).Serialize(&out); err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrInner, err)
	}
	return plain, out.Bytes(), nil
}

// onePassBy reads the end of a version 6 one-pass signature (RFC 9580 §5.4): the signer's
// fingerprint and "no other signature follows".
func onePassBy(body []byte, signer keyring.Fingerprint) bool {
	tail := append(signer[:], 1)
	return len(body) > len(tail) && body[0] == 6 && bytes.HasSuffix(body, tail)
}
