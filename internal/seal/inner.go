package seal

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/bits"

	"fairlead/internal/fairlead"
	"fairlead/internal/strictjson"
)

// smallest is the least size of a plaintext in octets: short sections all look the same.
const smallest = 1024

// maxLine bounds the inner line with its line feed, in octets.
const maxLine = 1024

// line is the wire form of [Inner]. The nonce is fresh for each section, so that equal content never
// gives equal signed data.
type line struct {
	Nonce   string            `json:"nonce"`
	Message fairlead.ShareID  `json:"message"`
	Section string            `json:"section"`
	Sender  fairlead.AgencyID `json:"sender"`
	Type    string            `json:"type"`
}

// Bucket is the size that n octets are padded to: Padmé (Nikitin et al., PETS 2019, algorithm 1), so
// at most 12 % more, and the size tells no more than O(log log n) bits; at least 1024.
func Bucket(n int) int {
	if n <= smallest {
		return smallest
	}
	e := bits.Len(uint(n)) - 1
	mask := 1<<(e-bits.Len(uint(e))) - 1
	return (n + mask) &^ mask
}

// Size is the size bucket of a section with n octets of content: the length of its padded plaintext,
// on which alone the length of the sealed section depends. The descriptor states it.
func (in Inner) Size(n int) int { return Bucket(len(in.head()) + 4 + n) }

// head is the inner line with its line feed.
func (in Inner) head() []byte {
	var nonce [16]byte
	rand.Read(nonce[:]) // never fails
	l := line{hex.EncodeToString(nonce[:]), in.Message, in.Section, in.Sender, in.Type}
	b, _ := json.Marshal(l) // five strings: never fails
	return append(b, '\n')
}

// encode lays out the plaintext of a section.
func (in Inner) encode(content []byte) ([]byte, error) {
	head := in.head()
	switch {
	case len(content) > MaxContent:
		return nil, fmt.Errorf("%w: %d octets, want at most %d", ErrContent, len(content), MaxContent)
	case in.Section == "" || in.Type == "" || len(head) > maxLine:
		return nil, fmt.Errorf("%w: no section code or no type, or a line over %d octets", ErrContent, maxLine)
	}
	plain := make([]byte, 0, Bucket(len(head)+4+len(content)))
	plain = append(plain, head...)
	plain = binary.BigEndian.AppendUint32(plain, uint32(len(content)))
	plain = append(plain, content...)
	return plain[:cap(plain)], nil
}

// decode takes a plaintext apart. It answers a slice of plain.
func decode(plain []byte) (in Inner, content []byte, err error) {
	head, _, ok := bytes.Cut(plain[:min(len(plain), maxLine)], []byte("\n"))
	if !ok {
		return in, nil, fmt.Errorf("%w: no inner line", ErrInner)
	}
	var l line
	if err := strictjson.Unmarshal(head, &l); err != nil {
		// The cause may quote the line, which is content.
		return in, nil, fmt.Errorf("%w: inner line is not strict JSON of its five members", ErrInner)
	}
	in = Inner{l.Message, l.Section, l.Sender, l.Type}
	rest := plain[len(head)+1:]
	if len(rest) < 4 {
		return in, nil, fmt.Errorf("%w: no length", ErrInner)
	}
	n := uint64(binary.BigEndian.Uint32(rest))
	rest = rest[4:]
	if n > uint64(len(rest)) {
		return in, nil, fmt.Errorf("%w: content cut off", ErrInner)
	}
	content, padding := rest[:n:n], rest[n:]
	if len(bytes.Trim(padding, "\x00")) > 0 {
		return in, nil, fmt.Errorf("%w: padding is not zero", ErrInner)
	}
	return in, content, nil
}
