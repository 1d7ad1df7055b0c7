package envelope

import (
	"encoding/binary"
	"fmt"
)

// Type tells what a frame on the bus carries.
type Type byte

// The frames. Numbers are on the wire: they are never used again for something else.
const (
	TypeShare    Type = 1  // agency to hub: a share
	TypeDelivery Type = 2  // hub to recipient: what it may have of a share, parked until proved
	TypeVerdict  Type = 3  // hub to sender: what became of its share
	TypeEntry    Type = 4  // hub to agency: a log entry of the register, leaf and detail
	TypeHead     Type = 5  // hub to all: a checkpoint and its consistency proof
	TypeProofs   Type = 6  // hub to agency: inclusion proofs of entries sent before
	TypeReceipt  Type = 7  // hub to sender: the recipient's signed delivered-acknowledgement
	TypeCosigned Type = 8  // hub to all: a checkpoint announced before, with the cosignatures of a quorum
	TypeTomb     Type = 9  // hub to recipient: in the place of a delivery that was deleted before it was stored
	TypeTombs    Type = 10 // hub to recipient: in the place of deliveries that were deleted after they were stored
	TypeGone     Type = 11 // hub to itself: what it deleted of LEDGER by one order
)

// MaxFrame bounds a frame on the bus, in bytes: a share of MaxShare and its framing.
const MaxFrame = MaxShare + 64<<10

// Frame is "FLD" ‖ version 1 ‖ type ‖ count (2 bytes, big-endian) ‖ count × (length, 4 bytes ‖ part).
func Frame(t Type, parts ...[]byte) []byte {
	size := 7
	for _, p := range parts {
		size += 4 + len(p)
	}
	b := append(make([]byte, 0, size), 'F', 'L', 'D', 1, byte(t))
	b = binary.BigEndian.AppendUint16(b, uint16(len(parts)))
	for _, p := range parts {
		b = binary.BigEndian.AppendUint32(b, uint32(len(p)))
		b = append(b, p...)
	}
	return b
}

// ParseFrame splits a frame into its parts, which alias b. Trailing bytes are refused.
func ParseFrame(b []byte) (Type, [][]byte, error) {
	if len(b) > MaxFrame {
		return 0, nil, fmt.Errorf("%w: frame of %d bytes, at most %d", ErrTooLarge, len(b), MaxFrame)
	}
	if len(b) < 7 || string(b[:4]) != "FLD\x01" {
		return 0, nil, fmt.Errorf("%w: frame does not begin with FLD and version 1", ErrMalformed)
	}
	t, count := Type(b[4]), int(binary.BigEndian.Uint16(b[5:]))
	parts, rest := make([][]byte, 0, min(count, 512)), b[7:]
	for i := range count {
		if len(rest) < 4 || uint64(binary.BigEndian.Uint32(rest)) > uint64(len(rest)-4) {
			return 0, nil, fmt.Errorf("%w: frame part %d of %d is cut off", ErrMalformed, i+1, count)
		}
		n := int(binary.BigEndian.Uint32(rest))
		parts, rest = append(parts, rest[4:4+n:4+n]), rest[4+n:]
	}
	if len(rest) > 0 {
		return 0, nil, fmt.Errorf("%w: %d bytes after the last frame part", ErrMalformed, len(rest))
	}
	return t, parts, nil
}

// expect parses a frame that must be of type t with between least and most parts.
func expect(t Type, b []byte, least, most int) ([][]byte, error) {
	got, parts, err := ParseFrame(b)
	if err != nil {
		return nil, err
	}
	if got != t {
		return nil, fmt.Errorf("%w: frame of type %d where %d belongs", ErrMalformed, got, t)
	}
	if len(parts) < least || len(parts) > most {
		return nil, fmt.Errorf("%w: frame of type %d has %d parts", ErrMalformed, t, len(parts))
	}
	return parts, nil
}
