package envelope_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
)

func TestShareRoundTrip(t *testing.T) {
	for name, s := range map[string]*envelope.Share{
		"nothing but a header": compose(""),
		"a record":             compose(`{"level":1}`),
		"sections":             compose("", section("EDU", "school"), handle(), section("RISK", "danger")),
	} {
		got, err := envelope.ParseShare(s.Marshal())
		if err != nil || !reflect.DeepEqual(got.Marshal(), s.Marshal()) {
			t.Errorf("%s: comes back as %+v: %v", name, got, err)
			continue
		}
		b, err := got.Bind()
		if err != nil || len(b.Descriptors) != len(s.Parts) || b.H.To.Agency != "RO-DIR" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestLimits: each bound is refused by name, one byte or one part over it; at the bound all is well.
func TestLimits(t *testing.T) {
	many := func(n int) (parts []envelope.Part) {
		for range n {
			parts = append(parts, section("EDU", "school"))
		}
		return parts
	}
	long := func(n int) string { return strings.Repeat(" ", n) }
	padded := func(s *envelope.Share, n int) *envelope.Share { // a header of n bytes, still strict JSON
		s.Header = append(s.Header, long(n-len(s.Header))...)
		return s
	}
	framing := len(compose("", section("EDU", "")).Marshal())
	for name, test := range map[string]struct {
		good, bad *envelope.Share
		says      string
	}{
		"share of 4 MiB": {
			compose("", section("EDU", long(envelope.MaxShare-framing))),
			compose("", section("EDU", long(envelope.MaxShare-framing+1))), "share of 4194305 bytes, at most 4194304 (4 MiB)",
		},
		"header":    {padded(compose(""), envelope.MaxHeader), padded(compose(""), envelope.MaxHeader+1), "header 32769"},
		"record":    {compose(long(envelope.MaxRecord)), compose(long(envelope.MaxRecord + 1)), "record 98305"},
		"signature": {signed(envelope.MaxSignature), signed(envelope.MaxSignature + 1), "signature 8193"},
		"clear part": {
			compose(long(80<<10), many(80)...), compose(long(95<<10), many(126)...),
			"header, signature, record and descriptors of",
		},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := envelope.ParseShare(test.good.Marshal()); err != nil {
				t.Errorf("at the bound: %v", err)
			}
			_, err := envelope.ParseShare(test.bad.Marshal())
			has(t, err, envelope.ErrTooLarge, test.says)
		})
	}
	if b, err := bind(compose("", many(128)...)); err != nil || len(b.Parts) != 128 {
		t.Errorf("128 descriptors: %v", err)
	}
	s := compose("", many(128)...)
	s.Parts = append(s.Parts, section("EDU", "school"))
	_, err := envelope.ParseShare(s.Marshal())
	has(t, err, envelope.ErrMalformed, fmt.Sprintf("has %d parts", 3+2*129))
}

func signed(n int) *envelope.Share {
	s := compose("")
	s.Signature = make([]byte, n)
	return s
}

// TestPartLimits: header and descriptor are bounded where they are parsed, too.
func TestPartLimits(t *testing.T) {
	_, err := envelope.ParseHeader(append(asJSON(fullHeader()), make([]byte, envelope.MaxHeader)...))
	has(t, err, envelope.ErrTooLarge, "header of")
	pad := func(n int) []byte {
		b := asJSON(fullDescriptor())
		return append(b, bytes.Repeat([]byte(" "), n-len(b))...)
	}
	if _, err := envelope.ParseDescriptor(pad(envelope.MaxDescriptor)); err != nil {
		t.Error(err)
	}
	_, err = envelope.ParseDescriptor(pad(envelope.MaxDescriptor + 1))
	has(t, err, envelope.ErrTooLarge, "descriptor of 4097 bytes, at most 4096")
	_, _, err = envelope.ParseFrame(make([]byte, envelope.MaxFrame+1))
	has(t, err, envelope.ErrTooLarge, "frame of")
}

// bind sends s over the wire first.
func bind(s *envelope.Share) (*envelope.Bound, error) {
	got, err := envelope.ParseShare(s.Marshal())
	if err != nil {
		return nil, err
	}
	return got.Bind()
}

// TestBind: whatever is not what the header signs is refused, and the part is named.
func TestBind(t *testing.T) {
	whole := func() *envelope.Share {
		return compose(`{"a":1}`, section("EDU", "school"), section("RISK", "danger"), handle())
	}
	for name, test := range map[string]struct {
		change   func(s *envelope.Share)
		sentinel error
		says     string
	}{
		"descriptor not in the header": {func(s *envelope.Share) { s.Parts[1] = section("RISK", "danger") }, envelope.ErrMalformed, "part 2: its descriptor is not in the signed header"},
		"descriptor changed":           {func(s *envelope.Share) { s.Parts[0].Descriptor = append(s.Parts[0].Descriptor, ' ') }, envelope.ErrMalformed, "part 1: its descriptor is not in the signed header"},
		"descriptor twice":             {func(s *envelope.Share) { s.Parts[1] = s.Parts[0] }, envelope.ErrMalformed, "part 2: its descriptor is not in the signed header"},
		"descriptor added":             {func(s *envelope.Share) { s.Parts = append(s.Parts, handle()) }, envelope.ErrMalformed, "part 4: its descriptor is not in the signed header"},
		"sections swapped": {func(s *envelope.Share) {
			s.Parts[0].Section, s.Parts[1].Section = s.Parts[1].Section, s.Parts[0].Section
		}, envelope.ErrMalformed, "part 1: the section is not the one"},
		"section changed":       {func(s *envelope.Share) { s.Parts[1].Section[0] ^= 1 }, envelope.ErrMalformed, "part 2: the section is not the one"},
		"section taken out":     {func(s *envelope.Share) { s.Parts[0].Section = nil }, envelope.ErrMalformed, "part 1: the section is not the one"},
		"section for the hub":   {func(s *envelope.Share) { s.Parts[2].Section = []byte("x") }, envelope.ErrMalformed, "part 3: a hub-only descriptor carries a section"},
		"record changed":        {func(s *envelope.Share) { s.Record = []byte(`{"a":2}`) }, envelope.ErrMalformed, "the record is not the one"},
		"record taken out":      {func(s *envelope.Share) { s.Record = nil }, envelope.ErrMalformed, "the record is not the one"},
		"descriptor unreadable": {func(s *envelope.Share) { s.Parts[0].Descriptor = []byte("{") }, envelope.ErrMalformed, "part 1: "},
		"code unknown":          {func(s *envelope.Share) { s.Parts[0] = section("GOSSIP", "x") }, envelope.ErrCode, "part 1: "},
		"header unreadable":     {func(s *envelope.Share) { s.Header = nil }, envelope.ErrMalformed, "header"},
	} {
		t.Run(name, func(t *testing.T) {
			s := whole()
			test.change(s)
			_, err := bind(s)
			has(t, err, test.sentinel, test.says)
		})
	}
	if _, err := bind(whole()); err != nil {
		t.Error(err)
	}
	s := compose("")
	s.Record = []byte("x")
	_, err := bind(s)
	has(t, err, envelope.ErrMalformed, "the record is not the one")
}

// TestFewer: a recipient that is handed fewer descriptors can bind them all the same, and can neither
// tell that some are missing nor put another in.
func TestFewer(t *testing.T) {
	s := compose("", section("EDU", "school"), section("HEALTH-SEX", "not for you"), handle())
	s.Parts = s.Parts[:1]
	b, err := bind(s)
	if err != nil || len(b.Descriptors) != 1 || len(b.H.Sections) != 16 {
		t.Fatalf("%v", err)
	}
	s.Parts = append(s.Parts, section("HEALTH-SEX", "not for you"))
	if _, err := bind(s); !errors.Is(err, envelope.ErrMalformed) {
		t.Error("a descriptor made up later is in the header")
	}
}

func TestDigests(t *testing.T) {
	if !envelope.RecordDigest(nil).IsZero() || envelope.RecordDigest([]byte("x")) != sha256.Sum256([]byte("x")) {
		t.Error("record digest")
	}
	d := section("EDU", "x").Descriptor
	if envelope.DescriptorDigest(d) == sha256.Sum256(d) {
		t.Error("the digest of a descriptor could be that of a section or of a header")
	}
	if h := []byte("h"); envelope.HeaderDigest(h) != sha256.Sum256(h) {
		t.Error("header digest")
	}
	if list := compose("", handle(), handle()).Descriptors(); len(list) != 2 || slices.Equal(list[0], list[1]) {
		t.Error("descriptors")
	}
	var zero fairlead.Digest
	if envelope.SetDigest([16]byte{}, nil) == zero {
		t.Error("an empty set has no commitment")
	}
}
