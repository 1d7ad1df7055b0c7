package entry

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"

	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/policy"
	"fairlead/internal/strictjson"
)

// MaxDetail bounds a detail in bytes; the log's store has the same bound.
const MaxDetail = 512 << 10

// Detail is everything an auditor needs to replay an entry, and nothing of the content. Exactly one of
// its parts is set, by class.
type Detail struct {
	V        int       `json:"v"`
	Salt     []byte    `json:"salt"` // 16 random bytes; what others open is derived from it
	Share    *Share    `json:"share,omitempty"`
	Register *Register `json:"register,omitempty"`
	Notice   *Notice   `json:"notice,omitempty"`
	Unparsed *Unparsed `json:"unparsed,omitempty"`
}

// Share is what the broker had before it when it decided, and what it decided.
type Share struct {
	Account     fairlead.Account `json:"account"` // the NATS account that published
	Subject     string           `json:"subject"` // and on which subject
	Digest      fairlead.Digest  `json:"digest"`  // of the header, also where it could not be read
	Header      []byte           `json:"header"`  // exact signed bytes
	Signature   []byte           `json:"signature"`
	Record      []byte           `json:"record,omitempty"`
	Descriptors [][]byte         `json:"descriptors"`
	Keys        []string         `json:"keys"`               // beside descriptors: subkey fingerprint of the section's PKESK, "" for none, "!" and why for a malformed one
	Releases    *int64           `json:"releases,omitempty"` // entry of the hold that this decision ends
	Decision    policy.Decision  `json:"decision"`

	parsed *envelope.Header
	of     []byte // the header bytes that parsed is of
}

// Parse parses the header ahead, for a Share that is still in one goroutine's hands: a decision looks at
// the header half a dozen times.
func (s *Share) Parse() {
	if h, err := envelope.ParseHeader(s.Header); err == nil {
		s.parsed, s.of = h, bytes.Clone(s.Header)
	}
}

// Parsed is the header, parsed ahead or now. Nobody may change what is returned.
func (s *Share) Parsed() (*envelope.Header, error) {
	if s.parsed != nil && bytes.Equal(s.of, s.Header) {
		return s.parsed, nil
	}
	return envelope.ParseHeader(s.Header)
}

// Register is an act of the operator.
type Register struct {
	Action string          `json:"action"` // enrol, rules
	Record json.RawMessage `json:"record"`
}

// Notice is a message of the hub itself.
type Notice struct {
	Header []byte `json:"header"` // from HUB, unsigned: its proof is its signature
	Record []byte `json:"record"`
}

// Unparsed counts what could not be read from one account within one minute. The first one makes an
// entry at once; Count tells of those that followed in an entry of the next minute.
type Unparsed struct {
	Account fairlead.Account `json:"account"`
	Minute  fairlead.Time    `json:"minute"`
	Count   int              `json:"count"`
	Digest  fairlead.Digest  `json:"digest"` // SHA-256 of the first submission
	Cause   policy.Cause     `json:"cause"`
}

// Marshal gives the bytes that the leaf commits to.
func (d *Detail) Marshal() []byte {
	d.V = 1
	if d.Salt == nil {
		d.Salt = make([]byte, 16)
		rand.Read(d.Salt) //nolint:errcheck // crypto/rand never fails
	}
	b, err := json.Marshal(d)
	if err != nil { // strings, numbers and valid RawMessages always marshal
		panic(err)
	}
	return b
}

// ParseDetail reads the exact bytes.
func ParseDetail(b []byte) (*Detail, error) {
	if len(b) > MaxDetail {
		return nil, fmt.Errorf("%w: detail of %d bytes, at most %d", ErrMalformed, len(b), MaxDetail)
	}
	var d Detail
	if err := strictjson.Unmarshal(b, &d); err != nil {
		return nil, fmt.Errorf("%w: detail: %w", ErrMalformed, err)
	}
	parts := 0
	for _, set := range []bool{d.Share != nil, d.Register != nil, d.Notice != nil, d.Unparsed != nil} {
		if set {
			parts++
		}
	}
	if d.V != 1 || len(d.Salt) != 16 || parts != 1 {
		return nil, fmt.Errorf("%w: detail: want version 1, a salt of 16 bytes and one part", ErrMalformed)
	}
	if d.Share != nil {
		d.Share.Parse()
	}
	return &d, nil
}

// DetailDigest is the leaf's commitment to a detail.
func DetailDigest(b []byte) fairlead.Digest { return sha256.Sum256(b) }

// derive gives a salt for one reader that does not reveal the detail's own.
func (d *Detail) derive(reader string) (salt [16]byte) {
	h := sha256.Sum256(append([]byte("fairlead "+reader+" salt 1\n"), d.Salt...))
	copy(salt[:], h[:])
	return salt
}

// SetSalt opens the leaf's commitment to the delivered set, for sender and recipient.
func (d *Detail) SetSalt() [16]byte { return d.derive("set") }

// Delivered lists the descriptors that the decision puts before the recipient.
func (s *Share) Delivered() [][]byte {
	out := [][]byte{}
	for _, sec := range s.Decision.Sections {
		if sec.Delivered && sec.Part >= 0 && sec.Part < len(s.Descriptors) {
			out = append(out, s.Descriptors[sec.Part])
		}
	}
	return out
}

// Commit computes the leaf's three commitments from the detail and its bytes.
func (d *Detail) Commit(l *Leaf, bytes []byte) {
	l.Detail = DetailDigest(bytes)
	switch {
	case d.Share != nil:
		l.Verdict = sha256.Sum256(d.Verdict())
		delivered := [][]byte{}
		if l.Outcome == OutcomeDelivered {
			delivered = d.Share.Delivered()
		}
		l.Delivered = envelope.SetDigest(d.SetSalt(), delivered)
	case d.Unparsed != nil:
		l.Verdict = sha256.Sum256(d.Verdict())
		fallthrough
	default:
		l.Delivered = envelope.SetDigest(d.SetSalt(), nil)
	}
}
