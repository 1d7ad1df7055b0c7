package keyring

import (
	"fmt"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// Section is a sealed section taken apart in place: both slices point into what was parsed. Only its
// framing is known to be right; who can open it is what it says, and whether it opens nobody here knows.
type Section struct {
	// Recipient is the encryption subkey the session key is wrapped for.
	Recipient Fingerprint
	// Mode is the AEAD mode (RFC 9580 §9.6): 2 OCB or 3 GCM.
	Mode byte
	// Chunk is the size of an AEAD chunk in octets, 4 to 64 KiB.
	Chunk int
	// PKESK and SEIPD are the two whole packets with their headers.
	PKESK, SEIPD []byte
}

// Layout of a version 6 PKESK for ML-KEM-768+X25519 (RFC 9580 §5.1.2, RFC 9980 §4.3.1): version,
// 33, key version, fingerprint, algorithm, ephemeral X25519, ML-KEM ciphertext, 40, wrapped AES-256 key.
const (
	pkeskAlgorithm = 3 + 32
	pkeskWrapped   = pkeskAlgorithm + 1 + 32 + 1088
	pkeskSize      = pkeskWrapped + 1 + 40
)

// Layout of a version 2 SEIPD (RFC 9580 §5.13.2): version, cipher, mode, chunk, salt; then at least
// the tag of one chunk and the last tag.
const (
	seipdFront   = 4 + 32
	seipdMinimum = seipdFront + 2*16
	// partialMinimum is the least first partial length (RFC 9580 §4.2.1.4).
	partialMinimum = 512
)

// ParseSection accepts exactly "PKESK SEIPD EOF" of the native profile: one version 6 PKESK that names
// a version 6 ML-KEM-768+X25519 subkey, then one version 2 SEIPD with AES-256, OCB or GCM, and chunks
// of 4 to 64 KiB. Everything else wraps [ErrPackets] and a cause: [ErrPacket], [ErrVersion] or
// [ErrAlgorithm].
func ParseSection(b []byte) (Section, error) {
	var s Section
	tag, raw, body, rest, err := definite(b)
	if err == nil && tag != tagPKESK {
		err = fmt.Errorf("%w: type %d, want a PKESK", ErrPacket, tag)
	}
	if err == nil {
		s.PKESK = raw
		err = s.readPKESK(body)
	}
	if err != nil {
		return Section{}, fmt.Errorf("%w: first packet: %w", ErrPackets, err)
	}
	if err := s.readSEIPD(rest); err != nil {
		return Section{}, fmt.Errorf("%w: second packet: %w", ErrPackets, err)
	}
	return s, nil
}

func (s *Section) readPKESK(body []byte) error {
	if len(body) == 0 || body[0] != version6 {
		return fmt.Errorf("%w: PKESK, want version 6", ErrVersion)
	}
	if len(body) != pkeskSize || body[1] != 33 || body[pkeskWrapped] != 40 {
		return fmt.Errorf("%w: PKESK not of the one size the profile has", ErrPacket)
	}
	if body[2] != version6 {
		return fmt.Errorf("%w: recipient key of version %d, want 6", ErrVersion, body[2])
	}
	if body[pkeskAlgorithm] != algoMLKEM {
		return fmt.Errorf("%w: recipient key of algorithm %d, want %d", ErrAlgorithm, body[pkeskAlgorithm], algoMLKEM)
	}
	s.Recipient = Fingerprint(body[3:pkeskAlgorithm])
	return nil
}

func (s *Section) readSEIPD(b []byte) error {
	h, err := readHeader(b)
	if err != nil {
		return err
	}
	if h.tag != tagSEIPD {
		return fmt.Errorf("%w: type %d, want a SEIPD", ErrPacket, h.tag)
	}
	if h.length < seipdFront || h.partial && h.length < partialMinimum {
		return fmt.Errorf("%w: SEIPD cut off", ErrPacket)
	}
	if err := s.readFront(b[h.off : h.off+seipdFront]); err != nil {
		return err
	}
	s.SEIPD = b
	return walk(b, h)
}

// readFront judges the fixed octets of a SEIPD body.
func (s *Section) readFront(front []byte) error {
	if front[0] != 2 {
		return fmt.Errorf("%w: SEIPD of version %d, want 2", ErrVersion, front[0])
	}
	cipher, mode, chunk := front[1], front[2], front[3]
	aead := mode == byte(packet.AEADModeOCB) || mode == byte(packet.AEADModeGCM)
	// Chunks are of 2^(octet+6) octets.
	if cipher != byte(packet.CipherAES256) || !aead || chunk < 6 || chunk > 10 {
		return fmt.Errorf("%w: SEIPD with cipher %d, mode %d, chunk octet %d", ErrAlgorithm, cipher, mode, chunk)
	}
	s.Mode, s.Chunk = mode, 1<<(chunk+6)
	return nil
}

// walk follows the partial lengths of the packet at the front of b; it must end where b ends.
func walk(b []byte, h header) error {
	pos, total := h.off+h.length, h.length
	for h.partial {
		off, length, partial, err := readLength(b[pos:])
		if err != nil {
			return err
		}
		pos, total, h.partial = pos+off+length, total+length, partial
	}
	if pos != len(b) {
		return fmt.Errorf("%w: %d octets after the end", ErrPacket, len(b)-pos)
	}
	if total < seipdMinimum {
		return fmt.Errorf("%w: SEIPD cut off", ErrPacket)
	}
	return nil
}
