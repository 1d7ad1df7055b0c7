package envelope

import (
	"encoding/binary"
	"fmt"
)

// Tombstone stands in the place of a delivery that was deleted. It proves nothing by itself: the leaf is proved to be
// in the log, and the entry that ordered the deletion has come to the recipient by its own delivery. Where the recipient
// had stored it, its own acknowledgement says so.
type Tombstone struct {
	Index    int64  // of the deleted delivery's leaf
	Leaf     []byte // as it stands in the log
	Order    int64  // entry that ordered it: a recall, a notice of the hub, an act of the hub
	Sequence uint64 // of the deleted message in LEDGER, for a broker that reads it; 0 where Ack is set
	Ack      *Share // header, signature and record; nil: it was not stored
}

// Marshal frames t.
func (t *Tombstone) Marshal() []byte {
	parts := [][]byte{formatIndex(t.Index), t.Leaf, formatIndex(t.Order), formatIndex(int64(t.Sequence))}
	if t.Ack != nil {
		parts = append(parts, t.Ack.Header, t.Ack.Signature, t.Ack.Record)
	}
	return Frame(TypeTomb, parts...)
}

// ParseTombstone splits a tombstone frame.
func ParseTombstone(b []byte) (*Tombstone, error) {
	parts, err := expect(TypeTomb, b, 4, 7)
	if err != nil {
		return nil, err
	}
	t := &Tombstone{Leaf: parts[1]}
	if t.Index, err = parseIndex(parts[0]); err != nil {
		return nil, err
	}
	if t.Order, err = parseIndex(parts[2]); err != nil {
		return nil, err
	}
	sequence, err := parseIndex(parts[3])
	if t.Sequence = uint64(sequence); err != nil || len(parts) == 4 {
		return t, err
	}
	t.Ack, err = unflatten(parts[4:])
	return t, err
}

// maxTombs is how many deliveries one frame stands for.
const maxTombs = 1000

// Tombs stands in the place of deliveries that were deleted by one order after their recipient had stored them: one
// frame for as many tombstones.
type Tombs struct {
	Order int64
	Ack   Share    // the recipient's own acknowledgement of all of them: header, signature and record
	Of    []Buried // in order of the log
}

// Buried is one of them.
type Buried struct {
	Index int64
	Leaf  []byte
}

// Marshal frames t.
func (t *Tombs) Marshal() []byte {
	parts := [][]byte{formatIndex(t.Order), t.Ack.Header, t.Ack.Signature, t.Ack.Record}
	for _, b := range t.Of {
		parts = append(parts, append(formatIndex(b.Index), b.Leaf...))
	}
	return Frame(TypeTombs, parts...)
}

// ParseTombs splits such a frame.
func ParseTombs(b []byte) (*Tombs, error) {
	parts, err := expect(TypeTombs, b, 5, 4+maxTombs)
	if err != nil {
		return nil, err
	}
	t := &Tombs{}
	if t.Order, err = parseIndex(parts[0]); err != nil {
		return nil, err
	}
	ack, err := unflatten(parts[1:4])
	if err != nil {
		return nil, err
	}
	t.Ack = *ack
	for _, p := range parts[4:] {
		if len(p) < 8 {
			return nil, fmt.Errorf("%w: tombstone of %d bytes", ErrMalformed, len(p))
		}
		index, err := parseIndex(p[:8])
		if err != nil {
			return nil, err
		}
		t.Of = append(t.Of, Buried{index, p[8:]})
	}
	return t, nil
}

// Stones are the tombstones that t stands for.
func (t *Tombs) Stones() (list []Tombstone) {
	for _, b := range t.Of {
		list = append(list, Tombstone{Index: b.Index, Leaf: b.Leaf, Order: t.Order, Ack: &t.Ack})
	}
	return list
}

// GoneFrame carries the sequences of what one order has the hub delete of LEDGER, for a broker that reads it.
func GoneFrame(order int64, sequences []uint64) []byte {
	var list []byte
	for _, s := range sequences {
		list = binary.BigEndian.AppendUint64(list, s)
	}
	return Frame(TypeGone, formatIndex(order), list)
}

// ParseGoneFrame splits such a frame.
func ParseGoneFrame(b []byte) (order int64, sequences []uint64, err error) {
	parts, err := expect(TypeGone, b, 2, 2)
	if err != nil {
		return 0, nil, err
	}
	if len(parts[1])%8 != 0 {
		return 0, nil, fmt.Errorf("%w: %d bytes of sequences", ErrMalformed, len(parts[1]))
	}
	for list := parts[1]; len(list) > 0; list = list[8:] {
		sequences = append(sequences, binary.BigEndian.Uint64(list))
	}
	order, err = parseIndex(parts[0])
	return order, sequences, err
}
