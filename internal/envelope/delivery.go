package envelope

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// Delivery is what the hub hands to the recipient: the leaf of the decision, the salt that opens the
// leaf's commitment to the delivered set, and the permitted parts. It is worth nothing until the
// leaf is proved to be in the log.
type Delivery struct {
	Index int64 // of the leaf in the log
	Leaf  []byte
	Salt  [16]byte
	Share Share
}

// Marshal frames d.
func (d *Delivery) Marshal() []byte {
	return Frame(TypeDelivery, append([][]byte{formatIndex(d.Index), d.Leaf, d.Salt[:]}, d.Share.flat()...)...)
}

// ParseDelivery splits a delivery frame.
func ParseDelivery(b []byte) (*Delivery, error) {
	flat, err := expect(TypeDelivery, b, 6, 6+2*128)
	if err != nil {
		return nil, err
	}
	d := &Delivery{Leaf: flat[1]}
	if d.Index, err = parseIndex(flat[0]); err != nil {
		return nil, err
	}
	if len(flat[2]) != len(d.Salt) {
		return nil, fmt.Errorf("%w: salt of %d bytes", ErrMalformed, len(flat[2]))
	}
	copy(d.Salt[:], flat[2])
	share, err := unflatten(flat[3:])
	if err != nil {
		return nil, err
	}
	d.Share = *share
	return d, nil
}

// EntryFrame carries a whole entry of the register to an agency that needs it for its Snapshot.
func EntryFrame(index int64, leaf, detail []byte) []byte {
	return Frame(TypeEntry, formatIndex(index), leaf, detail)
}

// ParseEntryFrame splits an entry frame.
func ParseEntryFrame(b []byte) (index int64, leaf, detail []byte, err error) {
	parts, err := expect(TypeEntry, b, 3, 3)
	if err != nil {
		return 0, nil, nil, err
	}
	index, err = parseIndex(parts[0])
	return index, parts[1], parts[2], err
}

// VerdictFrame carries a verdict and the leaf that commits to it.
func VerdictFrame(index int64, leaf, verdict []byte) []byte {
	return Frame(TypeVerdict, formatIndex(index), leaf, verdict)
}

// ParseVerdictFrame splits a verdict frame.
func ParseVerdictFrame(b []byte) (index int64, leaf, verdict []byte, err error) {
	parts, err := expect(TypeVerdict, b, 3, 3)
	if err != nil {
		return 0, nil, nil, err
	}
	index, err = parseIndex(parts[0])
	return index, parts[1], parts[2], err
}

// StatedLeaf finds the index and the leaf in any frame that carries them, and checks nothing else of it.
func StatedLeaf(b []byte) (index int64, leaf []byte, err error) {
	kind, parts, err := ParseFrame(b)
	if err != nil {
		return 0, nil, err
	}
	if !slices.Contains([]Type{TypeDelivery, TypeVerdict, TypeEntry, TypeTomb}, kind) || len(parts) < 3 {
		return 0, nil, fmt.Errorf("%w: a frame without an entry", ErrMalformed)
	}
	index, err = parseIndex(parts[0])
	return index, parts[1], err
}

// HeadFrame carries a checkpoint with the proof that it extends the one before.
func HeadFrame(consistency []byte) []byte { return Frame(TypeHead, consistency) }

// ParseHeadFrame splits a head frame.
func ParseHeadFrame(b []byte) ([]byte, error) {
	parts, err := expect(TypeHead, b, 1, 1)
	if err != nil {
		return nil, err
	}
	return parts[0], nil
}

// CosignedFrame carries a cosigned checkpoint.
func CosignedFrame(checkpoint []byte) []byte { return Frame(TypeCosigned, checkpoint) }

// ParseCosignedFrame splits a frame of a cosigned checkpoint.
func ParseCosignedFrame(b []byte) ([]byte, error) {
	parts, err := expect(TypeCosigned, b, 1, 1)
	if err != nil {
		return nil, err
	}
	return parts[0], nil
}

// ProofsFrame carries C2SP tlog-proofs, one a part.
func ProofsFrame(proofs ...[]byte) []byte { return Frame(TypeProofs, proofs...) }

// ParseProofsFrame splits a proofs frame.
func ParseProofsFrame(b []byte) ([][]byte, error) { return expect(TypeProofs, b, 1, 1000) }

// ReceiptFrame carries a recipient's delivered-acknowledgement (header, signature, record) to a sender.
func ReceiptFrame(s *Share) []byte { return Frame(TypeReceipt, s.Header, s.Signature, s.Record) }

// ParseReceiptFrame splits a receipt frame.
func ParseReceiptFrame(b []byte) (*Share, error) {
	parts, err := expect(TypeReceipt, b, 3, 3)
	if err != nil {
		return nil, err
	}
	return unflatten(parts)
}

func formatIndex(i int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(i)) }

func parseIndex(b []byte) (int64, error) {
	if len(b) != 8 || b[0] > 0x7f {
		return 0, fmt.Errorf("%w: index of %d bytes", ErrMalformed, len(b))
	}
	return int64(binary.BigEndian.Uint64(b)), nil
}
