// Package seal is the private half of the agencies' OpenPGP: an agency's key, the signatures it makes,
// the sections it seals and opens (RFC 9580; RFC 9980 for ML-KEM-768+X25519). Only programs on an
// agency's own machine may link it; the public half is package keyring.
//
// A sealed section is "PKESK SEIPD", one recipient, a fresh session key each time. Inside stands one
// signed message, "one-pass-signature literal signature", whose literal data is
//
//	{"nonce":…,"message":…,"section":…,"sender":…,"type":…} LF
//	length of the content, 4 octets, most significant first
//	content
//	zero octets up to the size bucket
//
// The inner line says where the section belongs, so that its ciphertext or its plaintext, moved into
// another section, share or envelope, is refused. There are no intended-recipient subpackets: they
// would tell each recipient of the others, and the signed outer header binds the recipient already.
package seal

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"fairlead/internal/fairlead"
	"fairlead/internal/keyring"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

var (
	// ErrNotForUs: a section for a subkey that this key does not hold.
	ErrNotForUs = errors.New("seal: section is not for this key")
	// ErrDamaged: a section that does not decrypt to its end: cut off, changed, or sealed wrongly.
	ErrDamaged = errors.New("seal: section does not decrypt")
	// ErrInner: what was decrypted is not laid out as it must be, or belongs to another place.
	ErrInner = errors.New("seal: inner part refused")
	// ErrKey: a private key that cannot be read, made or used.
	ErrKey = errors.New("seal: private key refused")
	// ErrContent: content that cannot be sealed: too large, or its inner line is not the sender's.
	ErrContent = errors.New("seal: content refused")
)

// MaxContent is the longest content of one section, in octets: a share holds 4 MiB.
const MaxContent = 4 << 20

// chunkSize is the size of an AEAD chunk in octets: small enough that a short section costs little.
const chunkSize = 1 << 14

// Inner says where a section belongs and what its content is. All of it is signed and encrypted.
type Inner struct {
	// Message is the share the section is part of.
	Message fairlead.ShareID
	// Section is the code of the section, such as "HEALTH".
	Section string
	// Sender is the agency that signs.
	Sender fairlead.AgencyID
	// Type is "json" or the media type of a file (RFC 6838).
	Type string
}

// config is what every call of the library gets: its defaults are weaker than the profile.
func config(at time.Time) *packet.Config {
	return &packet.Config{
		V6Keys:                 true,
		Algorithm:              packet.PubKeyAlgoEd25519,
		DefaultHash:            crypto.SHA512,
		DefaultCipher:          packet.CipherAES256,
		DefaultCompressionAlgo: packet.CompressionNone,
		AEADConfig:             &packet.AEADConfig{DefaultMode: packet.AEADModeGCM, ChunkSize: chunkSize},
		Time:                   func() time.Time { return at },
	}
}

// Sign makes a detached binary signature over msg for ctx. The time in it is at, in whole seconds.
func (k *Key) Sign(msg []byte, ctx keyring.Context, at time.Time) ([]byte, error) {
	sig, err := k.custody.Sign(msg, ctx, at)
	if err == nil && k.private == nil { // from outside this program: not believed
		err = k.verify.Verify(msg, sig, ctx, at)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: sign: %w", ErrKey, err)
	}
	return sig, nil
}

// Seal signs content and encrypts it to the current encryption subkey of one agency. Its output
// satisfies [keyring.ParseSection], and its length depends on [Inner.Size] alone. It wraps
// [ErrContent] if the content is too large or in.Sender is not the key's own agency, and
// [keyring.ErrExpired] if the recipient's certificate has ended by then.
func (k *Key) Seal(to *keyring.Certificate, in Inner, content []byte, at time.Time) ([]byte, error) {
	if in.Sender != k.agency {
		return nil, fmt.Errorf("%w: sender %s, the key is of %s", ErrContent, in.Sender, k.agency)
	}
	plain, err := in.encode(content)
	if err != nil {
		return nil, err
	}
	// Sign before the ML-KEM operation: see keyring.ClearVectors.
	message, err := k.signedMessage(plain, at)
	if err != nil {
		return nil, err
	}
	var session [32]byte
	rand.Read(session[:]) // never fails
	defer clear(session[:])
	sealed, err := to.WrapKey(session, at)
	if err != nil {
		return nil, fmt.Errorf("seal: to %s: %w", to.Agency(), err)
	}
	return encrypt(sealed, message, session[:], config(at))
}

// signedMessage wraps plain as one one-pass signed message (RFC 9580 §10.3).
func (k *Key) signedMessage(plain []byte, at time.Time) ([]byte, error) {
	raw, err := k.Sign(plain, keyring.ContextSection, at)
	if err != nil {
		return nil, err
	}
	p, err := packet.Read(bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("%w: sign: %w", ErrKey, err)
	}
	sig, ok := p.(*packet.Signature)
	if !ok {
		return nil, fmt.Errorf("%w: sign: no signature came back", ErrKey)
	}
	out, signer := bytes.NewBuffer(make([]byte, 0, len(plain)+1024)), k.Fingerprint()
	ops := &packet.OnePassSignature{
		Version:        sig.Version,
		SigType:        sig.SigType,
		Hash:           sig.Hash,
		PubKeyAlgo:     sig.PubKeyAlgo,
		IsLast:         true,
		Salt:           sig.Salt(),
		KeyFingerprint: signer[:],
	}
	if err := ops.Serialize(out); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrContent, err)
	}
	literal := packet.OpaquePacket{Tag: tagLiteral, Contents: append([]byte(literalFront), plain...)}
	if err := literal.Serialize(out); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrContent, err)
	}
	out.Write(raw)
	return out.Bytes(), nil
}

// encrypt appends to a PKESK packet the message as a version 2 SEIPD packet.
func encrypt(pkesk, message, session []byte, cfg *packet.Config) ([]byte, error) {
	out := bytes.NewBuffer(pkesk)
	out.Grow(len(message) + len(message)/chunkSize*16 + 256)
	suite := packet.CipherSuite{Cipher: cfg.Cipher(), Mode: cfg.AEAD().Mode()}
	w, err := packet.SerializeSymmetricallyEncrypted(out, suite.Cipher, true, suite, session, cfg)
	if err == nil {
		_, err = w.Write(message)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrContent, err)
	}
	return out.Bytes(), nil
}
