package keyring_test

import (
	"bytes"
	stded25519 "crypto/ed25519"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"fairlead/internal/keyring"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

func TestVerify(t *testing.T) {
	e, other := native(t, "NOR-CSC", born), native(t, "DON-CSC", born)
	key := certificate(t, e).Signing()
	msg := []byte(`{"v":1}`)
	good := sign(t, e, msg, later, nil)
	with := func(change func(*packet.Signature)) []byte { return sign(t, e, msg, later, change) }
	notations := func(n ...*packet.Notation) []byte { return with(func(s *packet.Signature) { s.Notations = n }) }
	plain := context(keyring.ContextShare)
	plain.IsCritical = false
	flip := func(i int) []byte {
		b := bytes.Clone(good)
		b[(i+len(b))%len(b)] ^= 1
		return b
	}
	for _, test := range []struct {
		name string
		sig  []byte
		at   time.Time
		want error
	}{
		{"good", good, later, nil},
		{"SHA-256", with(func(s *packet.Signature) { s.Hash = 5 }), later, nil},
		{"another notation that is not critical", notations(context(keyring.ContextShare), &packet.Notation{Name: "a@b.example"}), later, nil},
		{"judged five minutes later", good, later.Add(keyring.MaxSkew), nil},
		{"judged five minutes earlier", good, later.Add(-keyring.MaxSkew), nil},

		{"backdated", sign(t, e, msg, later.Add(-keyring.MaxSkew-time.Second), nil), later, keyring.ErrTime},
		{"from the future", sign(t, e, msg, later.Add(keyring.MaxSkew+time.Second), nil), later, keyring.ErrTime},
		{"replayed after an hour", good, later.Add(time.Hour), keyring.ErrTime},
		{"before the key was made", sign(t, e, msg, born.Add(-time.Hour), nil), born.Add(-time.Hour), keyring.ErrKey},
		{"by another key", sign(t, other, msg, later, nil), later, keyring.ErrKey},

		{"no context", notations(), later, keyring.ErrContext},
		{"wrong context", notations(context(keyring.ContextSection)), later, keyring.ErrContext},
		{"context not critical", notations(plain), later, keyring.ErrContext},
		{"two contexts", notations(context(keyring.ContextShare), context(keyring.ContextShare)), later, keyring.ErrContext},
		{"another critical notation", notations(context(keyring.ContextShare), &packet.Notation{Name: "a@b.example", IsCritical: true}), later, keyring.ErrContext},

		{"text signature", with(func(s *packet.Signature) { s.SigType = packet.SigTypeText }), later, keyring.ErrUsage},
		{"certification of a user id", with(func(s *packet.Signature) { s.SigType = packet.SigTypePositiveCert }), later, keyring.ErrUsage},
		{"signature that expires", with(func(s *packet.Signature) { n := uint32(1 << 20); s.SigLifetimeSecs = &n }), later, keyring.ErrUsage},
		{"intended recipients", with(func(s *packet.Signature) {
			s.IntendedRecipients = []*packet.Recipient{{KeyVersion: 6, Fingerprint: other.PrimaryKey.Fingerprint}}
		}), later, keyring.ErrUsage},
		{"SHA-384", with(func(s *packet.Signature) { s.Hash = 6 }), later, keyring.ErrAlgorithm},
		{"version 4", splice(t, good, 0, func(p *packet.OpaquePacket) { p.Contents[0] = 4 }), later, keyring.ErrVersion},

		{"signature twice", append(bytes.Clone(good), good...), later, keyring.ErrPacket},
		{"two signers", append(sign(t, other, msg, later, nil), good...), later, keyring.ErrPacket},
		{"trailing octet", append(bytes.Clone(good), 0), later, keyring.ErrPacket},
		{"octets inside", splice(t, good, 0, func(p *packet.OpaquePacket) { p.Contents = append(p.Contents, 1) }), later, keyring.ErrPacket},
		{"marker first", append([]byte("\xCA\x03PGP"), good...), later, keyring.ErrPacket},
		{"old-format header", append([]byte{0x88}, good[1:]...), later, keyring.ErrPacket},
		{"empty", nil, later, keyring.ErrPacket},
		{"too large", make([]byte, keyring.MaxSignature+1), later, keyring.ErrTooLarge},

		{"last octet changed", flip(-1), later, keyring.ErrForged},
		{"hash tag changed", flip(-64 - 32 - 1 - 1), later, keyring.ErrForged},
		{"salt changed", flip(-64 - 1), later, keyring.ErrForged},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := key.Verify(msg, test.sig, keyring.ContextShare, test.at)
			if !errors.Is(err, test.want) || test.want != nil && !errors.Is(err, keyring.ErrSignature) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
	if err := key.Verify([]byte(`{"v":2}`), good, keyring.ContextShare, later); !errors.Is(err, keyring.ErrForged) {
		t.Errorf("other message: %v", err)
	}
}

// TestSharedVerifyKey is for the race detector: one key, one certificate, many goroutines.
func TestSharedVerifyKey(t *testing.T) {
	e := native(t, "NOR-CSC", born)
	c, msg := certificate(t, e), []byte("m")
	good, bad := sign(t, e, msg, later, nil), sign(t, e, msg, born, nil)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				if err := c.Signing().Verify(msg, good, keyring.ContextShare, later); err != nil {
					t.Error(err)
				}
				if err := c.Signing().Verify(msg, bad, keyring.ContextShare, later); !errors.Is(err, keyring.ErrTime) {
					t.Error(err)
				}
				if _, err := c.WrapKey([32]byte{1}, later); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

func FuzzVerify(f *testing.F) {
	e, msg := native(f, "NOR-CSC", born), []byte("m")
	key, good := certificate(f, e).Signing(), sign(f, e, []byte("m"), later, nil)
	f.Add(good)
	f.Add(append(bytes.Clone(good), good...))
	f.Fuzz(func(t *testing.T, sig []byte) {
		if err := key.Verify(msg, sig, keyring.ContextShare, later); err == nil && !bytes.HasSuffix(sig, good[3:]) {
			t.Errorf("accepted %x", sig)
		}
	})
}

// FuzzBothReadings: what our own reader takes out of a signature is what the library takes out of it.
func FuzzBothReadings(f *testing.F) {
	e := native(f, "NOR-CSC", born)
	for _, change := range []func(*packet.Signature){
		nil, func(s *packet.Signature) { s.Hash = 5 },
		func(s *packet.Signature) {
			s.Notations = []*packet.Notation{{Name: "a@b.example", Value: []byte{1}}, context(keyring.ContextShare)}
		},
		func(s *packet.Signature) { n := uint32(1); s.SigLifetimeSecs = &n },
	} {
		f.Add(sign(f, e, []byte("m"), later, change))
	}
	f.Fuzz(func(t *testing.T, sig []byte) {
		if plain, library := keyring.BothReadings(sig); plain != "" && plain != library {
			t.Errorf("%x is read as %s; the library reads %s", sig, plain, library)
		}
	})
}

// TestOwnSignaturesArePlain: the signatures that our programs make are read without the library.
func TestOwnSignaturesArePlain(t *testing.T) {
	if plain, library := keyring.BothReadings(sign(t, native(t, "NOR-CSC", born), []byte("m"), later, nil)); plain == "" || plain != library {
		t.Errorf("read as %q; the library reads %q", plain, library)
	}
}

// TestBothReadingsOfDamage: with any bit of a signature turned, and without its time, our own reader takes no more
// and nothing else than the library does.
func TestBothReadingsOfDamage(t *testing.T) {
	good := sign(t, native(t, "NOR-CSC", born), []byte("m"), later, nil)
	damaged := map[string][]byte{"without a time": withoutTime(t, good)}
	for i := range 8 * len(good) {
		b := bytes.Clone(good)
		b[i/8] ^= 1 << (i % 8)
		damaged[fmt.Sprintf("bit %d", i)] = b
	}
	for name, sig := range damaged {
		if plain, library := keyring.BothReadings(sig); plain != "" && plain != library {
			t.Errorf("%s: read as %s; the library reads %q", name, plain, library)
		}
	}
}

// withoutTime takes the subpacket of the creation time out of a signature.
func withoutTime(t testing.TB, sig []byte) []byte {
	t.Helper()
	body := bytes.Clone(sig[2:])
	if sig[1] >= 192 {
		body = bytes.Clone(sig[3:])
	}
	at := bytes.Index(body, []byte{5, 0x80 | 2})
	if at < 0 {
		at = bytes.Index(body, []byte{5, 2})
	}
	if at < 8 {
		t.Fatal("no creation time in the signature")
	}
	body = append(body[:at], body[at+6:]...)
	binary.BigEndian.PutUint32(body[4:], binary.BigEndian.Uint32(body[4:])-6)
	return append(binary.BigEndian.AppendUint32([]byte{sig[0], 255}, uint32(len(body))), body...)
}

// BenchmarkVerify compares a whole verification of a 2 KiB header with the bare curve operation.
func BenchmarkVerify(b *testing.B) {
	e, msg := native(b, "NOR-CSC", born), bytes.Repeat([]byte("x"), 2048)
	key, sig := certificate(b, e).Signing(), sign(b, e, msg, later, nil)
	b.ReportAllocs()
	for b.Loop() {
		if err := key.Verify(msg, sig, keyring.ContextShare, later); err != nil {
			b.Fatal(err)
		}
	}
	whole := b.Elapsed() / time.Duration(b.N)
	pub, priv, err := stded25519.GenerateKey(rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	digest := make([]byte, 64)
	raw := stded25519.Sign(priv, digest)
	start := time.Now()
	for range b.N {
		stded25519.Verify(pub, digest, raw)
	}
	bare := time.Since(start) / time.Duration(b.N)
	b.ReportMetric(float64(whole)/float64(bare), "x-raw-ed25519")
}

func BenchmarkReadCertificate(b *testing.B) {
	raw := public(b, native(b, "NOR-CSC", born))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := keyring.ReadCertificate(raw, later); err != nil {
			b.Fatal(err)
		}
	}
}
