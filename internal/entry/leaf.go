// Package entry is one line of the log, to the byte (DESIGN §7): the leaf, which is hashed into the
// tree, permanent and of fixed length, and holds no personal data; and the detail, to which the leaf
// is committed, which auditors read and which can be erased.
package entry

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"fairlead/internal/fairlead"
)

// ErrMalformed is wrapped by every refusal to parse.
var ErrMalformed = errors.New("entry: malformed")

// Class says what an entry records.
type Class byte

// The classes. Numbers are on the wire and never used again for something else.
const (
	ClassShare    Class = 1 // the decision on one share
	ClassRegister Class = 2 // an act of the operator: enrolment, rules
	ClassNotice   Class = 3 // a notice of the hub itself to one agency
	ClassUnparsed Class = 4 // submissions that could not be read, counted per agency and minute
)

// Outcome is all that a leaf says of a decision. Redacted and whole deliveries look alike.
type Outcome byte

// The outcomes.
const (
	OutcomeDelivered    Outcome = 1
	OutcomeNotDelivered Outcome = 2
	OutcomeHeld         Outcome = 3
	OutcomeControl      Outcome = 4
)

// LeafSize is the length of every leaf in bytes.
const LeafSize = 196

// Leaf is version 1: "\x01" ‖ class ‖ outcome ‖ 0 ‖ time (ms since 1970, 8) ‖ share (16) ‖ from (32) ‖
// to (32) ‖ counter (8) ‖ delivered (32) ‖ verdict (32) ‖ detail (32); integers big-endian, agency
// ids padded with zeros.
type Leaf struct {
	Class     Class
	Outcome   Outcome
	At        time.Time // milliseconds; never decreases from entry to entry
	Share     fairlead.ShareID
	From, To  fairlead.AgencyID
	Counter   uint64          // contiguous per recipient, from 1; 0 where nothing is delivered
	Delivered fairlead.Digest // envelope.SetDigest of what the recipient gets
	Verdict   fairlead.Digest // SHA-256 of the verdict its sender gets; zero without a sender
	Detail    fairlead.Digest // SHA-256 of the detail
}

// Marshal gives the LeafSize bytes.
func (l *Leaf) Marshal() []byte {
	b := append(make([]byte, 0, LeafSize), 1, byte(l.Class), byte(l.Outcome), 0)
	b = binary.BigEndian.AppendUint64(b, uint64(l.At.UnixMilli()))
	b = append(b, l.Share[:]...)
	b = append(b, pad(l.From)...)
	b = append(b, pad(l.To)...)
	b = binary.BigEndian.AppendUint64(b, l.Counter)
	b = append(b, l.Delivered[:]...)
	b = append(b, l.Verdict[:]...)
	return append(b, l.Detail[:]...)
}

// ParseLeaf reads a leaf and refuses any other length, version or padding.
func ParseLeaf(b []byte) (Leaf, error) {
	if len(b) != LeafSize || b[0] != 1 || b[3] != 0 {
		return Leaf{}, fmt.Errorf("%w: leaf of %d bytes, want %d beginning with version 1", ErrMalformed, len(b), LeafSize)
	}
	l := Leaf{Class: Class(b[1]), Outcome: Outcome(b[2]), At: time.UnixMilli(int64(binary.BigEndian.Uint64(b[4:]))).UTC()}
	copy(l.Share[:], b[12:])
	var err error
	if l.From, err = unpad(b[28:60]); err != nil {
		return Leaf{}, err
	}
	if l.To, err = unpad(b[60:92]); err != nil {
		return Leaf{}, err
	}
	l.Counter = binary.BigEndian.Uint64(b[92:])
	copy(l.Delivered[:], b[100:])
	copy(l.Verdict[:], b[132:])
	copy(l.Detail[:], b[164:])
	if l.Class < ClassShare || l.Class > ClassUnparsed || l.Outcome < OutcomeDelivered || l.Outcome > OutcomeControl {
		return Leaf{}, fmt.Errorf("%w: leaf of class %d, outcome %d", ErrMalformed, l.Class, l.Outcome)
	}
	return l, nil
}

func pad(id fairlead.AgencyID) []byte {
	b := make([]byte, 32)
	copy(b, id)
	return b
}

func unpad(b []byte) (fairlead.AgencyID, error) {
	name := bytes.TrimRight(b, "\x00")
	id := fairlead.AgencyID(name)
	if len(name) > 0 && id.Check() != nil {
		return "", fmt.Errorf("%w: leaf names no agency", ErrMalformed)
	}
	return id, nil
}
