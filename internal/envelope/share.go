package envelope

import (
	"crypto/sha256"
	"fmt"

	"fairlead/internal/fairlead"
)

// Part is one descriptor and the section it speaks of; a hub-only descriptor has no section.
type Part struct {
	Descriptor []byte
	Section    []byte
}

// Share is one message to one recipient as its sender publishes it.
type Share struct {
	Header    []byte // exact signed bytes
	Signature []byte // OpenPGP signature over Header (RFC 9580 §5.2)
	Record    []byte // clear record of a control kind, or nothing
	Parts     []Part
}

// Marshal frames s.
func (s *Share) Marshal() []byte { return Frame(TypeShare, s.flat()...) }

func (s *Share) flat() [][]byte {
	flat := [][]byte{s.Header, s.Signature, s.Record}
	for _, p := range s.Parts {
		flat = append(flat, p.Descriptor, p.Section)
	}
	return flat
}

// Descriptors lists the descriptors of s.
func (s *Share) Descriptors() [][]byte {
	out := make([][]byte, len(s.Parts))
	for i, p := range s.Parts {
		out[i] = p.Descriptor
	}
	return out
}

// ParseShare splits a frame into a share, within limits. It looks at nothing inside the parts.
func ParseShare(b []byte) (*Share, error) {
	if len(b) > MaxShare {
		return nil, fmt.Errorf("%w: share of %d bytes, at most %d (4 MiB)", ErrTooLarge, len(b), MaxShare)
	}
	flat, err := expect(TypeShare, b, 3, 3+2*128)
	if err != nil {
		return nil, err
	}
	return unflatten(flat)
}

func unflatten(flat [][]byte) (*Share, error) {
	if len(flat) < 3 || len(flat)%2 == 0 {
		return nil, fmt.Errorf("%w: a descriptor without its section", ErrMalformed)
	}
	s := &Share{Header: flat[0], Signature: flat[1], Record: flat[2]}
	if len(s.Header) > MaxHeader || len(s.Signature) > MaxSignature || len(s.Record) > MaxRecord {
		return nil, fmt.Errorf("%w: header %d, signature %d, record %d bytes", ErrTooLarge, len(s.Header), len(s.Signature), len(s.Record))
	}
	size := len(s.Header) + len(s.Signature) + len(s.Record)
	for i := 3; i < len(flat); i += 2 {
		s.Parts = append(s.Parts, Part{Descriptor: flat[i], Section: flat[i+1]})
		size += len(flat[i])
	}
	if size > MaxClear {
		return nil, fmt.Errorf("%w: header, signature, record and descriptors of %d bytes, at most %d", ErrTooLarge, size, MaxClear)
	}
	return s, nil
}

// Bound is a share whose parts are shown to belong together: each descriptor's digest is in the
// header, each section's digest in its descriptor, and the record's in the header.
type Bound struct {
	*Share
	H           *Header
	Descriptors []*Descriptor // beside Parts
}

// Bind parses the parts of s and checks their digests. It does not look at signatures.
func (s *Share) Bind() (*Bound, error) {
	h, err := ParseHeader(s.Header)
	if err != nil {
		return nil, err
	}
	b := &Bound{Share: s, H: h}
	listed := map[fairlead.Digest]bool{}
	for _, d := range h.Sections {
		listed[d] = true
	}
	for i, p := range s.Parts {
		d, err := ParseDescriptor(p.Descriptor)
		if err != nil {
			return nil, fmt.Errorf("part %d: %w", i+1, err)
		}
		if err := bindPart(d, p, listed); err != nil {
			return nil, fmt.Errorf("%w: part %d: %w", ErrMalformed, i+1, err)
		}
		b.Descriptors = append(b.Descriptors, d)
	}
	if got := recordDigest(s.Record); got != h.Record {
		return nil, fmt.Errorf("%w: the record is not the one the header signs", ErrMalformed)
	}
	return b, nil
}

// bindPart checks one part and strikes its digest off the list, so that no descriptor counts twice.
func bindPart(d *Descriptor, p Part, listed map[fairlead.Digest]bool) error {
	digest := DescriptorDigest(p.Descriptor)
	if !listed[digest] {
		return fmt.Errorf("its descriptor is not in the signed header")
	}
	delete(listed, digest)
	if d.Audience == ForHub {
		if len(p.Section) > 0 {
			return fmt.Errorf("a hub-only descriptor carries a section")
		}
		return nil
	}
	if sha256.Sum256(p.Section) != d.Digest {
		return fmt.Errorf("the section is not the one its descriptor names")
	}
	return nil
}

func recordDigest(record []byte) fairlead.Digest {
	if len(record) == 0 {
		return fairlead.Digest{}
	}
	return sha256.Sum256(record)
}

// RecordDigest is what the header signs for a clear record; zero for none.
func RecordDigest(record []byte) fairlead.Digest { return recordDigest(record) }
