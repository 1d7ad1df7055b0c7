package seal

import (
	"bytes"
	"crypto/rand"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"fairlead/internal/fairlead"
	"fairlead/internal/keyring"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
)

// born is when the keys of these tests are made; later is when shares are sent.
var (
	born  = time.Date(2027, 1, 11, 9, 20, 0, 0, time.UTC)
	later = born.Add(time.Hour)
)

func generate(t testing.TB, id fairlead.AgencyID) *Key {
	t.Helper()
	k, err := Generate(id, born)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func certificate(t testing.TB, k *Key, at time.Time) *keyring.Certificate {
	t.Helper()
	c, err := keyring.ReadCertificate(k.Certificate(), at)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// inner is a health section of the sender's in a fresh message.
func inner(sender fairlead.AgencyID) Inner {
	return Inner{Message: fairlead.NewShareID(), Section: "HEALTH", Sender: sender, Type: "json"}
}

func sealed(t testing.TB, from, to *Key, in Inner, content string) []byte {
	t.Helper()
	b, err := from.Seal(certificate(t, to, later), in, []byte(content), later)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRoundTrip(t *testing.T) {
	a, b := generate(t, "NOR-CSC"), generate(t, "DON-CSC")
	photo := make([]byte, MaxContent)
	rand.Read(photo)
	for _, test := range []struct {
		name, typ string
		content   []byte
	}{
		{"empty", "json", nil},
		{"JSON", "json", []byte(`{"allergies":["nuts"]}`)},
		{"content that looks like padding", "application/octet-stream", []byte("\x00\x00\n\x00")},
		{"4 MiB", "image/jpeg", photo},
	} {
		t.Run(test.name, func(t *testing.T) {
			in := inner("NOR-CSC")
			in.Type = test.typ
			out, err := a.Seal(certificate(t, b, later), in, test.content, later)
			if err != nil {
				t.Fatal(err)
			}
			s, err := keyring.ParseSection(out)
			if err != nil || s.Recipient != certificate(t, b, later).Encryption() || s.Mode != 3 || s.Chunk != chunkSize {
				t.Fatalf("section %s, mode %d, chunk %d: %v", s.Recipient, s.Mode, s.Chunk, err)
			}
			for _, want := range []string{test.typ, ""} {
				in.Type = want
				content, typ, err := b.Open(out, certificate(t, a, later).Signing(), in, later)
				if err != nil || typ != test.typ || !bytes.Equal(content, test.content) {
					t.Errorf("opened %d octets of type %q: %v", len(content), typ, err)
				}
			}
		})
	}
}

func TestRefusedContent(t *testing.T) {
	a := generate(t, "NOR-CSC")
	to := certificate(t, generate(t, "DON-CSC"), later)
	for _, test := range []struct {
		name   string
		change func(*Inner)
		size   int
	}{
		{"another agency's name", func(in *Inner) { in.Sender = "DON-CSC" }, 1},
		{"no section", func(in *Inner) { in.Section = "" }, 1},
		{"no type", func(in *Inner) { in.Type = "" }, 1},
		{"long type", func(in *Inner) { in.Type = strings.Repeat("x", maxLine) }, 1},
		{"too large", func(*Inner) {}, MaxContent + 1},
	} {
		in := inner("NOR-CSC")
		test.change(&in)
		if _, err := a.Seal(to, in, make([]byte, test.size), later); !errors.Is(err, ErrContent) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

// TestForwardedCiphertext: B takes what A sealed, as it is or opened, and sends it as its own.
func TestForwardedCiphertext(t *testing.T) {
	a, b, c := generate(t, "NOR-CSC"), generate(t, "DON-CSC"), generate(t, "GB-SCT-1")
	in := inner("NOR-CSC")
	own := in
	own.Sender = "DON-CSC"
	toC := sealed(t, a, c, in, "x")
	if _, _, err := c.Open(toC, certificate(t, b, later).Signing(), own, later); !errors.Is(err, ErrInner) {
		t.Errorf("A's ciphertext in B's envelope: %v", err)
	}
	// B opens a section made for it and encrypts A's signed message again, to C.
	message := decrypted(t, b, sealed(t, a, b, in, "x"))
	again := reencrypted(t, c, message)
	if _, _, err := c.Open(again, certificate(t, b, later).Signing(), own, later); !errors.Is(err, ErrInner) {
		t.Errorf("A's signed message in B's envelope: %v", err)
	}
	// In a false envelope in A's name it is still bound to its message.
	other := inner("NOR-CSC")
	if _, _, err := c.Open(again, certificate(t, a, later).Signing(), other, later); !errors.Is(err, ErrInner) {
		t.Errorf("A's signed message in another of A's messages: %v", err)
	}
	// B changes the one-pass signature to its own, so that only the signature itself tells.
	one, two := a.Fingerprint(), b.Fingerprint()
	changed := bytes.Replace(message, one[:], two[:], 1)
	if _, _, err := c.Open(reencrypted(t, c, changed), certificate(t, b, later).Signing(), own, later); !errors.Is(err, keyring.ErrKey) {
		t.Errorf("announced as B's, signed by A: %v", err)
	}
}

func decrypted(t testing.TB, k *Key, section []byte) []byte {
	t.Helper()
	s, err := keyring.ParseSection(section)
	if err != nil {
		t.Fatal(err)
	}
	m, err := k.decrypt(s)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// reencrypted encrypts any message to k, with or without reason.
func reencrypted(t testing.TB, k *Key, message []byte) []byte {
	t.Helper()
	p, err := certificate(t, k, later).WrapKey([32]byte{1}, later)
	if err != nil {
		t.Fatal(err)
	}
	session := [32]byte{1}
	out, err := encrypt(p, message, session[:], config(later))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestSwapped(t *testing.T) {
	a, b := generate(t, "NOR-CSC"), generate(t, "DON-CSC")
	in := inner("NOR-CSC")
	section, from := sealed(t, a, b, in, "x"), certificate(t, a, later).Signing()
	for _, test := range []struct {
		name   string
		change func(*Inner)
	}{
		{"section", func(in *Inner) { in.Section = "IDENTITY" }},
		{"message", func(in *Inner) { in.Message = fairlead.NewShareID() }},
		{"sender", func(in *Inner) { in.Sender = "DON-CSC" }},
		{"type", func(in *Inner) { in.Type = "image/png" }},
	} {
		want := in
		test.change(&want)
		if content, _, err := b.Open(section, from, want, later); !errors.Is(err, ErrInner) || content != nil {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

// TestRefusedMessages encrypts to B messages that A never makes.
func TestRefusedMessages(t *testing.T) {
	a, b, m := generate(t, "NOR-CSC"), generate(t, "DON-CSC"), generate(t, "EVIL")
	in := inner("NOR-CSC")
	plain, err := in.encode([]byte("content"))
	if err != nil {
		t.Fatal(err)
	}
	good, err := a.signedMessage(plain, later)
	if err != nil {
		t.Fatal(err)
	}
	parts := split(good)
	ops, literal, sig := parts[0], parts[1], parts[2]
	detached := func(k *Key, over []byte, ctx keyring.Context, at time.Time) []byte {
		s, err := k.Sign(over, ctx, at)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	signed := func(plain string) []byte {
		m, err := a.signedMessage([]byte(plain), later)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	head := string(in.head())
	marker, padding := []byte("\xCA\x03PGP"), []byte("\xD5\x02ab")
	for _, test := range []struct {
		name    string
		message []byte
		want    error
	}{
		{"good", good, nil},
		{"wrong context", join(ops, literal, detached(a, plain, keyring.ContextShare, later)), keyring.ErrContext},
		{"backdated", join(ops, literal, detached(a, plain, keyring.ContextSection, later.Add(-time.Hour))), keyring.ErrTime},
		{"signed by another", join(ops, literal, detached(m, plain, keyring.ContextSection, later)), keyring.ErrKey},
		{"signature over other data", join(ops, literal, detached(a, []byte("y"), keyring.ContextSection, later)), keyring.ErrForged},
		{"not signed", literal, ErrInner},
		{"signature first", join(sig, literal), ErrInner},
		{"no one-pass signature", join(literal, sig), ErrInner},
		{"doubled signature", join(ops, literal, sig, sig), ErrInner},
		{"doubled signature and announcement", join(ops, ops, literal, sig, sig), ErrInner},
		{"two literals", join(ops, literal, literal, sig), ErrInner},
		{"signature cut off", good[:len(good)-1], ErrInner},
		{"marker first", join(marker, good), ErrInner},
		{"marker last", join(good, marker), ErrInner},
		{"padding last", join(good, padding), ErrInner},
		{"octet last", join(good, []byte{0}), ErrInner},
		{"compressed", opaque(8, append([]byte{0}, good...)), ErrInner},
		{"encrypted twice", reencrypted(t, b, good), ErrInner},
		{"empty", nil, ErrInner},
		{"file name", join(ops, opaque(11, join([]byte("b\x01x\x00\x00\x00\x00"), plain)), sig), ErrInner},
		{"text", join(ops, opaque(11, join([]byte("u\x00\x00\x00\x00\x00"), plain)), sig), ErrInner},

		{"no line", signed("content"), ErrInner},
		{"line too long", signed(strings.Repeat(" ", maxLine) + head + "\x00\x00\x00\x00"), ErrInner},
		{"unknown member", signed(`{"x":1,` + head[1:] + "\x00\x00\x00\x00"), ErrInner},
		{"doubled member", signed(`{"section":"HEALTH",` + head[1:] + "\x00\x00\x00\x00"), ErrInner},
		{"no length", signed(head + "\x00\x00\x00"), ErrInner},
		{"content cut off", signed(head + "\x00\x00\x00\x02x"), ErrInner},
		{"absurd length", signed(head + "\xff\xff\xff\xffx"), ErrInner},
		{"padding not zero", signed(head + "\x00\x00\x00\x01x\x00\x01\x00"), ErrInner},
	} {
		t.Run(test.name, func(t *testing.T) {
			content, typ, err := b.Open(reencrypted(t, b, test.message), certificate(t, a, later).Signing(), in, later)
			if !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
			if test.want != nil && (content != nil || typ != "") {
				t.Error("content of a refused section")
			}
		})
	}
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// opaque is a packet of any type.
func opaque(tag uint8, content []byte) []byte {
	var w bytes.Buffer
	(&packet.OpaquePacket{Tag: tag, Contents: content}).Serialize(&w) // a Buffer does not fail
	return w.Bytes()
}

// split cuts a message into its packets.
func split(message []byte) (parts [][]byte) {
	r := packet.NewOpaqueReader(bytes.NewReader(message))
	for {
		p, err := r.Next()
		if err != nil {
			return parts
		}
		parts = append(parts, opaque(p.Tag, p.Contents))
	}
}

func TestDamagedCiphertext(t *testing.T) {
	a, b := generate(t, "NOR-CSC"), generate(t, "DON-CSC")
	in := inner("NOR-CSC")
	section, from := sealed(t, a, b, in, strings.Repeat("x", 3*chunkSize)), certificate(t, a, later).Signing()
	p, err := keyring.ParseSection(section)
	if err != nil {
		t.Fatal(err)
	}
	flip := func(i int) []byte {
		out := bytes.Clone(section)
		out[(i+len(out))%len(out)] ^= 1
		return out
	}
	front := len(p.PKESK) + 6
	other, err := keyring.ParseSection(sealed(t, a, b, in, "y"))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name    string
		section []byte
		want    error
	}{
		{"not a section", []byte("x"), keyring.ErrPackets},
		{"for another key", sealed(t, a, a, in, "x"), ErrNotForUs},
		{"relabelled", flip(10), ErrNotForUs},
		{"X25519 share changed", flip(45), ErrDamaged},
		{"ML-KEM ciphertext changed", flip(100), ErrDamaged},
		{"wrapped key changed", flip(len(p.PKESK) - 1), ErrDamaged},
		{"salt changed", flip(front + 4), ErrDamaged},
		{"first chunk changed", flip(front + 100), ErrDamaged},
		{"last tag changed", flip(-1), ErrDamaged},
		{"another session key", append(bytes.Clone(other.PKESK), p.SEIPD...), ErrDamaged},
		{"last chunk dropped", append(bytes.Clone(p.PKESK), shortened(t, p.SEIPD, chunkSize+16)...), ErrDamaged},
	} {
		t.Run(test.name, func(t *testing.T) {
			content, _, err := b.Open(test.section, from, in, later)
			if !errors.Is(err, test.want) || content != nil {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

// shortened drops the last n octets of the body of a SEIPD packet.
func shortened(t testing.TB, seipd []byte, n int) []byte {
	t.Helper()
	p, err := packet.NewOpaqueReader(bytes.NewReader(seipd)).Next()
	if err != nil {
		t.Fatal(err)
	}
	return opaque(p.Tag, p.Contents[:len(p.Contents)-n])
}

// TestFreshSessionKey: nothing in two seals of the same content to the same agency is equal.
func TestFreshSessionKey(t *testing.T) {
	a, b := generate(t, "NOR-CSC"), generate(t, "DON-CSC")
	in := inner("NOR-CSC")
	one, err1 := keyring.ParseSection(sealed(t, a, b, in, "x"))
	two, err2 := keyring.ParseSection(sealed(t, a, b, in, "x"))
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	first, err1 := b.custody.Unwrap(one.PKESK)
	second, err2 := b.custody.Unwrap(two.PKESK)
	if err1 != nil || err2 != nil || len(first) != 32 || bytes.Equal(first, second) {
		t.Errorf("session keys of %d and %d octets, equal: %v", len(first), len(second), bytes.Equal(first, second))
	}
	const label = 3 + 3 + 32 + 1 // what names the recipient is the same
	if bytes.Equal(one.PKESK[label:label+32], two.PKESK[label:label+32]) || bytes.Equal(one.SEIPD[6:], two.SEIPD[6:]) {
		t.Error("equal ephemeral key or ciphertext")
	}
}

// TestStandardReader: the library's own reader opens a section, finds one good signature, no intended
// recipients and no file name.
func TestStandardReader(t *testing.T) {
	a, b := generate(t, "NOR-CSC"), generate(t, "DON-CSC")
	ring, err := openpgp.ReadKeyRing(bytes.NewReader(append(b.Marshal(), a.Certificate()...)))
	if err != nil {
		t.Fatal(err)
	}
	cfg := config(later)
	cfg.KnownNotations = map[string]bool{keyring.Notation: true}
	md, err := openpgp.ReadMessage(bytes.NewReader(sealed(t, a, b, inner("NOR-CSC"), "content")), ring, nil, cfg)
	if err != nil {
		t.Fatal(err)
	}
	var plain bytes.Buffer
	if _, err := plain.ReadFrom(md.UnverifiedBody); err != nil {
		t.Fatal(err)
	}
	if md.SignatureError != nil || md.Signature == nil || !md.IsVerified {
		t.Fatalf("signature: %v", md.SignatureError)
	}
	if len(md.SignatureCandidates) != 1 || len(md.Signature.IntendedRecipients) != 0 || md.LiteralData.FileName != "" {
		t.Errorf("%d signatures, %d intended recipients", len(md.SignatureCandidates), len(md.Signature.IntendedRecipients))
	}
	if !bytes.Contains(plain.Bytes(), []byte("\n\x00\x00\x00\x07content\x00")) {
		t.Error("the plaintext is not laid out as documented")
	}
}

func TestSign(t *testing.T) {
	a, msg := generate(t, "NOR-CSC"), []byte("header")
	sig, err := a.Sign(msg, keyring.ContextShare, later)
	if err != nil {
		t.Fatal(err)
	}
	key := certificate(t, a, later).Signing()
	if err := key.Verify(msg, sig, keyring.ContextShare, later); err != nil {
		t.Error(err)
	}
	if err := key.Verify(msg, sig, keyring.ContextSection, later); !errors.Is(err, keyring.ErrContext) {
		t.Errorf("wrong context: %v", err)
	}
}

// TestSharedKey is for the race detector: one key and one certificate, many goroutines.
func TestSharedKey(t *testing.T) {
	a, b := generate(t, "NOR-CSC"), generate(t, "DON-CSC")
	to, from, in := certificate(t, b, later), certificate(t, a, later).Signing(), inner("NOR-CSC")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			out, err := a.Seal(to, in, []byte("x"), later)
			if err != nil {
				t.Error(err)
			}
			if _, _, err := b.Open(out, from, in, later); err != nil {
				t.Error(err)
			}
			if _, err := Parse(b.Marshal()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

// FuzzTakeApart feeds the readers of the inner message, which anybody can encrypt.
func FuzzTakeApart(f *testing.F) {
	a, err := Generate("NOR-CSC", born)
	if err != nil {
		f.Fatal(err)
	}
	in := inner("NOR-CSC")
	plain, err := in.encode([]byte("content"))
	if err != nil {
		f.Fatal(err)
	}
	good, err := a.signedMessage(plain, later)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(plain)
	from := certificate(f, a, later).Signing()
	f.Fuzz(func(t *testing.T, b []byte) {
		decode(b)
		got, sig, err := takeApart(b, a.Fingerprint())
		if err != nil || from.Verify(got, sig, keyring.ContextSection, later) != nil {
			return
		}
		if !bytes.Equal(got, plain) {
			t.Errorf("accepted %x", b)
		}
	})
}

func BenchmarkSeal(b *testing.B) {
	from, to := generate(b, "NOR-CSC"), certificate(b, generate(b, "DON-CSC"), later)
	in := inner("NOR-CSC")
	for _, size := range []struct {
		name string
		n    int
	}{{"1KiB", 1 << 10}, {"16KiB", 16 << 10}, {"4MiB", 4 << 20}} {
		content := make([]byte, size.n)
		b.Run(size.name, func(b *testing.B) {
			b.SetBytes(int64(size.n))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := from.Seal(to, in, content, later); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkOpen(b *testing.B) {
	from, to := generate(b, "NOR-CSC"), generate(b, "DON-CSC")
	key, in := certificate(b, from, later).Signing(), inner("NOR-CSC")
	for _, size := range []struct {
		name string
		n    int
	}{{"1KiB", 1 << 10}, {"16KiB", 16 << 10}, {"4MiB", 4 << 20}} {
		section := sealed(b, from, to, in, strings.Repeat("x", size.n))
		b.Run(size.name, func(b *testing.B) {
			b.SetBytes(int64(size.n))
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := to.Open(section, key, in, later); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
