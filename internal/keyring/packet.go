package keyring

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// Packet type IDs (RFC 9580 §5) that have a place somewhere.
const (
	tagPKESK     = 1
	tagSignature = 2
	tagPublicKey = 6
	tagUserID    = 13
	tagSubkey    = 14
	tagSEIPD     = 18
)

// Identifiers of the native profile (RFC 9580 §9, RFC 9980 §4).
const (
	version6    = 6
	hashSHA256  = 8
	hashSHA512  = 10
	algoEd25519 = byte(packet.PubKeyAlgoEd25519)
	algoMLKEM   = byte(packet.PubKeyAlgoMlkem768X25519)
)

// header is the front of one packet: body octets off to off+length follow, or the first part of them.
type header struct {
	tag         byte
	off, length int
	partial     bool
}

// readHeader reads a new-format header (RFC 9580 §4.2.1). The body, or its first part, is within b.
func readHeader(b []byte) (header, error) {
	if len(b) < 2 {
		return header{}, fmt.Errorf("%w: cut off", ErrPacket)
	}
	if b[0]&0xC0 != 0xC0 {
		return header{}, fmt.Errorf("%w: not a new-format header (octet %#02x)", ErrPacket, b[0])
	}
	off, length, partial, err := readLength(b[1:])
	return header{b[0] & 0x3F, off + 1, length, partial}, err
}

// readLength reads a body length and checks that b holds as many octets after it.
func readLength(b []byte) (off, length int, partial bool, err error) {
	switch {
	case len(b) > 0 && b[0] < 192:
		off, length = 1, int(b[0])
	case len(b) > 1 && b[0] < 224:
		off, length = 2, int(b[0]-192)<<8+int(b[1])+192
	case len(b) > 0 && b[0] >= 224 && b[0] < 255:
		off, length, partial = 1, 1<<(b[0]&0x1F), true
	case len(b) > 4 && b[0] == 255 && binary.BigEndian.Uint32(b[1:]) <= 1<<30:
		off, length = 5, int(binary.BigEndian.Uint32(b[1:]))
	default:
		return 0, 0, false, fmt.Errorf("%w: bad length", ErrPacket)
	}
	if length > len(b)-off {
		return 0, 0, false, fmt.Errorf("%w: body cut off", ErrPacket)
	}
	return off, length, partial, nil
}

// definite reads the packet at the front of b, which must state its whole length, and returns the rest.
func definite(b []byte) (tag byte, raw, body, rest []byte, err error) {
	h, err := readHeader(b)
	if err != nil {
		return 0, nil, nil, nil, err
	}
	if h.partial {
		return 0, nil, nil, nil, fmt.Errorf("%w: type %d with a partial length", ErrPacket, h.tag)
	}
	end := h.off + h.length
	return h.tag, b[:end], b[h.off:end], b[end:], nil
}

// parse hands one whole packet to the library and demands that it uses up every octet. A panic in
// there is a refusal here: one poisonous message must not stop the hub at each redelivery.
func parse(raw []byte) (p packet.Packet, err error) {
	defer func() {
		if recover() != nil {
			p, err = nil, fmt.Errorf("%w: the parser gave up", ErrPacket)
		}
	}()
	r := bytes.NewReader(raw)
	if p, err = packet.Read(r); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPacket, err)
	}
	if r.Len() > 0 {
		return nil, fmt.Errorf("%w: %d octets too many inside", ErrPacket, r.Len())
	}
	return p, nil
}

// parseKey reads a public key or subkey packet. Version and algorithm are judged before the library
// sees it, and the packet must be the one the library would write: the fingerprint covers all of it.
func parseKey(raw, body []byte, algorithm byte) (*packet.PublicKey, error) {
	if len(body) < 6 {
		return nil, fmt.Errorf("%w: key cut off", ErrPacket)
	}
	if body[0] != version6 {
		return nil, fmt.Errorf("%w: key of version %d, want 6", ErrVersion, body[0])
	}
	if body[5] != algorithm {
		return nil, fmt.Errorf("%w: key of algorithm %d, want %d", ErrAlgorithm, body[5], algorithm)
	}
	p, err := parse(raw)
	if err != nil {
		return nil, err
	}
	key := p.(*packet.PublicKey)
	var again bytes.Buffer
	if err := key.Serialize(&again); err != nil || !bytes.Equal(again.Bytes(), raw) {
		return nil, fmt.Errorf("%w: key not in its shortest form", ErrPacket)
	}
	return key, nil
}

// parseSignature reads a version 6 Ed25519 signature packet. It refuses unhashed subpackets, which
// anybody can add, a lifetime, which poisons caches, and what speaks of recipients or other keys.
func parseSignature(raw, body []byte) (*packet.Signature, error) {
	if err := checkSignature(body); err != nil {
		return nil, err
	}
	p, err := parse(raw)
	if err != nil {
		return nil, err
	}
	s := p.(*packet.Signature)
	switch {
	case s.SigLifetimeSecs != nil && *s.SigLifetimeSecs != 0:
		return nil, fmt.Errorf("%w: a signature that expires", ErrUsage)
	case s.EmbeddedSignature != nil || len(s.IntendedRecipients) > 0:
		return nil, fmt.Errorf("%w: a signature about other keys", ErrUsage)
	}
	return s, nil
}

// checkSignature judges the fixed octets: version, type, algorithm, hash, hashed and unhashed areas.
func checkSignature(body []byte) error {
	if len(body) < 12 {
		return fmt.Errorf("%w: signature cut off", ErrPacket)
	}
	if body[0] != version6 {
		return fmt.Errorf("%w: signature of version %d, want 6", ErrVersion, body[0])
	}
	if body[2] != algoEd25519 || body[3] != hashSHA256 && body[3] != hashSHA512 {
		return fmt.Errorf("%w: signature of algorithm %d with hash %d", ErrAlgorithm, body[2], body[3])
	}
	hashed := binary.BigEndian.Uint32(body[4:])
	if uint64(hashed) > uint64(len(body)-12) {
		return fmt.Errorf("%w: hashed subpackets cut off", ErrPacket)
	}
	if binary.BigEndian.Uint32(body[8+hashed:]) != 0 {
		return fmt.Errorf("%w: unhashed subpackets, which nobody signed", ErrPacket)
	}
	return nil
}
