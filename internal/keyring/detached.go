package keyring

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"fmt"
	"hash"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// detached is what a detached signature says, and what its curve operation needs.
type detached struct {
	created   time.Time
	issuer    []byte // fingerprint of a version 6 key; nil: it names none
	notations []*packet.Notation
	hash      hash.Hash // the salt is in it
	suffix    []byte    // hashed after the message
	tag       [2]byte   // the first octets of the digest
	curve     []byte
}

// readDetached reads exactly one signature packet: of two signatures the library takes any valid one.
func readDetached(sig []byte) (d detached, err error) {
	if len(sig) > MaxSignature {
		return d, fmt.Errorf("%w: %d octets", ErrTooLarge, len(sig))
	}
	tag, raw, body, rest, err := definite(sig)
	if err != nil {
		return d, err
	}
	if tag != tagSignature || len(rest) > 0 {
		return d, fmt.Errorf("%w: want exactly one signature", ErrPacket)
	}
	if err := checkSignature(body); err != nil {
		return d, err
	}
	if d, ok := plainDetached(body); ok {
		return d, nil
	}
	return libraryDetached(raw, body)
}

// libraryDetached has the library read a signature.
func libraryDetached(raw, body []byte) (d detached, err error) {
	s, err := parseSignature(raw, body)
	if err != nil {
		return d, err
	}
	if s.SigType != packet.SigTypeBinary {
		return d, fmt.Errorf("%w: signature of type %#02x, want binary", ErrUsage, byte(s.SigType))
	}
	d = detached{created: s.CreationTime, notations: s.Notations, suffix: s.HashSuffix, tag: s.HashTag, curve: s.EdSig}
	if s.IssuerKeyVersion == version6 {
		d.issuer = s.IssuerFingerprint
	}
	if d.hash, err = s.PrepareVerify(); err != nil {
		return d, fmt.Errorf("%w: %w", ErrAlgorithm, err)
	}
	return d, nil
}

// plainDetached reads the form that our own programs write (RFC 9580 §5.2.3): a time, an issuer, notations. It takes
// a tenth of the library's time; false: there is more in it, or something is wrong, which the library is to say.
// checkSignature has judged the fixed octets.
func plainDetached(body []byte) (d detached, ok bool) {
	area := body[8 : 8+binary.BigEndian.Uint32(body[4:])]
	rest := body[8+len(area)+4:]
	salt := 32
	if d.hash = sha512.New(); body[3] == hashSHA256 {
		d.hash, salt = sha256.New(), 16
	}
	if body[1] != byte(packet.SigTypeBinary) || len(rest) != 3+salt+64 || int(rest[2]) != salt {
		return d, false
	}
	d.tag, d.curve = [2]byte(rest), rest[3+salt:]
	d.hash.Write(rest[3 : 3+salt])
	d.suffix = append(append(make([]byte, 0, 256), body[:8+len(area)]...), version6, 0xff)
	d.suffix = binary.BigEndian.AppendUint32(d.suffix, uint32(8+len(area)))
	for len(area) > 0 {
		size := int(area[0]) // of the type and what follows; longer ones are not ours
		if size == 0 || size >= 192 || size >= len(area) || !d.add(area[1], area[2:1+size]) {
			return d, false
		}
		area = area[1+size:]
	}
	return d, !d.created.IsZero()
}

// Types of subpackets (RFC 9580 §5.2.3.7), and the bit that makes one critical.
const (
	subCreated  = 2
	subNotation = 20
	subIssuer   = 33
	critical    = 0x80
)

// add takes one hashed subpacket; false: not one of ours, or a second one.
func (d *detached) add(kind byte, data []byte) bool {
	switch kind &^ critical {
	case subCreated:
		if len(data) != 4 || !d.created.IsZero() {
			return false
		}
		d.created = time.Unix(int64(binary.BigEndian.Uint32(data)), 0)
		return true
	case subIssuer:
		if len(data) != 33 || data[0] != version6 || d.issuer != nil {
			return false
		}
		d.issuer = data[1:]
		return true
	case subNotation:
		if len(data) < 8 {
			return false
		}
		name := 8 + int(binary.BigEndian.Uint16(data[4:]))
		if len(data) != name+int(binary.BigEndian.Uint16(data[6:])) {
			return false
		}
		n := packet.Notation{Name: string(data[8:name]), Value: data[name:], IsCritical: kind&critical != 0, IsHumanReadable: data[0]&0x80 != 0}
		d.notations = append(d.notations, &n)
		return true
	}
	return false
}
