package entry_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"fairlead/internal/entry"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/keyring"
)

// TestSideBySide is the promise that a recipient cannot see that something was withheld. The same
// message is composed twice, once with a HEALTH-SEX section that the child refused, and decided. What
// its recipient gets is laid side by side: equal in length, and after the bytes that are random are
// blanked, equal byte by byte. (It holds among shares of up to 16 descriptors, of up to 32, and of up
// to 128: of these three only the recipient learns which.)
func TestSideBySide(t *testing.T) {
	p := newPair(t)
	school, health := content{"EDU", []byte(`{"school":"Hill Road"}`)}, content{"HEALTH-PHYS", []byte(`{"allergies":["nuts"]}`)}
	secret := content{"HEALTH-SEX", bytes.Repeat([]byte("x"), 700_000)}
	plain := p.received(school, health)
	for name, contents := range map[string][]content{
		"withheld last": {school, health, secret}, "withheld first": {secret, school, health}, "withheld between": {school, secret, health},
		"twelve withheld": append([]content{school, health}, slices.Repeat([]content{{"HEALTH-SEX", []byte("x")}}, 12)...),
	} {
		t.Run(name, func(t *testing.T) {
			got := p.received(contents...)
			if len(got.withheld) == 0 || len(plain.withheld) != 0 {
				t.Fatalf("withheld %v and %v: nothing to compare", got.withheld, plain.withheld)
			}
			for part, want := range plain.bytes {
				if len(got.bytes[part]) != len(want) {
					t.Errorf("%s: %d bytes, without the section %d", part, len(got.bytes[part]), len(want))
				}
				if a, b := got.blanked(part), plain.blanked(part); !bytes.Equal(a, b) {
					t.Errorf("%s differs in more than random bytes:\n%q\n%q", part, a, b)
				}
			}
			if a, b := len(got.delivery.Share.Parts), len(plain.delivery.Share.Parts); a != b || len(got.header.Sections) != len(plain.header.Sections) {
				t.Errorf("%d parts and %d digests, without the section %d and %d", a, len(got.header.Sections), b, len(plain.header.Sections))
			}
			got.silent(t, contents)
		})
	}
}

// TestSideBySideCanFail: two messages that do differ in what is delivered are told apart.
func TestSideBySideCanFail(t *testing.T) {
	p := newPair(t)
	one := p.received(content{"EDU", []byte(`{"a":1}`)})
	for name, other := range map[string]reception{
		"another section": p.received(content{"RISK", []byte(`{"a":1}`)}), "a longer one": p.received(content{"EDU", bytes.Repeat([]byte("x"), 5000)}),
		"one more": p.received(content{"EDU", []byte(`{"a":1}`)}, content{"RISK", []byte(`{"a":1}`)}),
	} {
		if bytes.Equal(one.blanked("delivery"), other.blanked("delivery")) {
			t.Errorf("%s: not told apart", name)
		}
	}
	if bytes.Contains(one.blanked("delivery"), []byte(one.header.ID.String())) || !bytes.Contains(one.blanked("delivery"), []byte(`"code":"EDU"`)) {
		t.Error("the wrong bytes are blanked")
	}
}

// reception is all that a recipient gets of one share, and the sender's verdict beside it.
type reception struct {
	bytes    map[string][]byte // header, leaf, delivery
	delivery *envelope.Delivery
	header   *envelope.Header
	withheld []fairlead.SectionCode
	verdict  []byte
}

// received composes and decides a share, and hands over what the broker hands over: the permitted
// parts and nothing else.
func (p *pair) received(contents ...content) reception {
	p.t.Helper()
	s, b := p.compose(contents...)
	leaf, detail := p.decide(s, b)
	if leaf.Outcome != entry.OutcomeDelivered {
		p.t.Fatalf("not delivered: %+v", detail.Share.Decision)
	}
	d := envelope.Delivery{Index: 41, Leaf: leaf.Marshal(), Salt: detail.SetSalt(), Share: envelope.Share{Header: s.Header, Signature: s.Signature}}
	for _, sec := range detail.Share.Decision.Sections {
		if sec.Delivered {
			d.Share.Parts = append(d.Share.Parts, s.Parts[sec.Part])
		}
	}
	frame := d.Marshal()
	back, err := envelope.ParseDelivery(frame)
	if err != nil {
		p.t.Fatal(err)
	}
	bound, err := back.Share.Bind() // as the recipient does
	if err != nil {
		p.t.Fatal(err)
	}
	if envelope.SetDigest(back.Salt, back.Share.Descriptors()) != leaf.Delivered {
		p.t.Fatal("the recipient cannot open the leaf's commitment to what it was given")
	}
	return reception{
		bytes:    map[string][]byte{"header": back.Share.Header, "leaf": back.Leaf, "delivery": frame},
		delivery: back, header: bound.H, withheld: detail.Share.Decision.Withheld(), verdict: detail.Verdict(),
	}
}

// blanked is one of the parts with zeros in place of what is random: the share's id, salts, digests,
// ciphertext and signature. It is found by value, so that nothing else is blanked.
func (r reception) blanked(part string) []byte {
	b := bytes.Clone(r.bytes[part])
	blank := func(random []byte) {
		if len(random) > 0 {
			b = bytes.ReplaceAll(b, random, bytes.Repeat([]byte{'0'}, len(random)))
		}
	}
	d := r.delivery
	for _, p := range d.Share.Parts {
		s, err := keyring.ParseSection(p.Section)
		if err != nil {
			panic(err)
		}
		blank(s.PKESK[bytes.Index(s.PKESK, s.Recipient[:])+len(s.Recipient)+1:]) // behind recipient and algorithm
		blank(s.SEIPD[bytes.Index(s.SEIPD, []byte{2, 9, s.Mode})+4:])            // behind version, cipher, mode and chunk
		desc, err := envelope.ParseDescriptor(p.Descriptor)
		if err != nil {
			panic(err)
		}
		blank([]byte(desc.Salt))
		blank([]byte(desc.Digest.String()))
	}
	leaf, err := entry.ParseLeaf(d.Leaf)
	if err != nil {
		panic(err)
	}
	for _, digest := range []fairlead.Digest{leaf.Delivered, leaf.Verdict, leaf.Detail} {
		blank(digest[:])
	}
	for _, digest := range r.header.Sections {
		blank([]byte(digest.String()))
	}
	blank(d.Salt[:])
	blank(d.Share.Signature)
	blank(r.header.ID[:])
	blank([]byte(r.header.ID.String()))
	return b
}

// silent fails the test where a trace of a withheld section is in the recipient's bytes: its name, its
// size, or a digest of it other than the salted one that stands among the random ones.
func (r reception) silent(t *testing.T, contents []content) {
	t.Helper()
	if !bytes.Contains(r.verdict, []byte("HEALTH-SEX")) {
		t.Error("the sender is not told what was withheld")
	}
	for part, b := range r.bytes {
		clear := r.blanked(part)
		for _, c := range contents {
			if !slices.Contains(r.withheld, c.code) {
				continue
			}
			for _, trace := range []string{string(c.code), strings.TrimPrefix(string(c.code), "HEALTH-"), fmt.Sprint(len(c.text)), "A9-2-g", "refused"} {
				if len(trace) > 2 && bytes.Contains(clear, []byte(trace)) {
					t.Errorf("%s: %q can be read in it", part, trace)
				}
			}
			digest := sha256.Sum256(c.text)
			if bytes.Contains(b, digest[:]) || bytes.Contains(b, []byte(hex.EncodeToString(digest[:]))) {
				t.Errorf("%s: a digest of the content is in it", part)
			}
		}
	}
}
