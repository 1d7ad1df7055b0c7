package keyring_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"

	"fairlead/internal/keyring"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
)

// pkesk wraps a session key as the library does, hidden or not, version 6 or 3.
func pkesk(t testing.TB, e *openpgp.Entity, v6, hidden bool) []byte {
	t.Helper()
	var b bytes.Buffer
	key := e.Subkeys[0].PublicKey
	err := packet.SerializeEncryptedKeyAEADwithHiddenOption(&b, key, packet.CipherAES256, v6, make([]byte, 32), hidden, config(later))
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// seipd encrypts n octets in pieces, so that the library writes partial lengths.
func seipd(t testing.TB, n int, cipher packet.CipherFunction, mode packet.AEADMode, chunk uint64) []byte {
	t.Helper()
	var b bytes.Buffer
	cfg := config(later)
	cfg.AEADConfig.ChunkSize = chunk
	suite := packet.CipherSuite{Cipher: cipher, Mode: mode}
	w, err := packet.SerializeSymmetricallyEncrypted(&b, cipher, mode != 0, suite, make([]byte, cipher.KeySize()), cfg)
	if err != nil {
		t.Fatal(err)
	}
	for piece := range slices.Chunk(make([]byte, n), 1000) {
		if _, err := w.Write(piece); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

func TestParseSection(t *testing.T) {
	e := native(t, "NOR-CSC", born)
	p := pkesk(t, e, true, false)
	longLength := join([]byte{p[0], 255, 0, 0, 0x04, 0xAD}, p[3:])
	for _, test := range []struct {
		name        string
		pkesk, data []byte
		mode        byte
		chunk       int
	}{
		{"GCM", p, seipd(t, 100, packet.CipherAES256, packet.AEADModeGCM, 1<<14), 3, 1 << 14},
		{"OCB", p, seipd(t, 100, packet.CipherAES256, packet.AEADModeOCB, 1<<12), 2, 1 << 12},
		{"partial lengths", p, seipd(t, 200_000, packet.CipherAES256, packet.AEADModeGCM, 1<<16), 3, 1 << 16},
		{"empty", p, seipd(t, 0, packet.CipherAES256, packet.AEADModeGCM, 1<<14), 3, 1 << 14},
		{"five-octet length", longLength, seipd(t, 100, packet.CipherAES256, packet.AEADModeGCM, 1<<14), 3, 1 << 14},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, err := keyring.ParseSection(join(test.pkesk, test.data))
			if err != nil {
				t.Fatal(err)
			}
			if s.Recipient != keyring.Fingerprint(e.Subkeys[0].PublicKey.Fingerprint) || s.Mode != test.mode || s.Chunk != test.chunk {
				t.Errorf("recipient %s, mode %d, chunk %d", s.Recipient, s.Mode, s.Chunk)
			}
			if !bytes.Equal(s.PKESK, test.pkesk) || !bytes.Equal(s.SEIPD, test.data) {
				t.Error("the packets are not those that came in")
			}
		})
	}
}

func TestRefusedSections(t *testing.T) {
	e := native(t, "NOR-CSC", born)
	classic, err := openpgp.NewEntity("A", "", "", config(born))
	if err != nil {
		t.Fatal(err)
	}
	p, d := pkesk(t, e, true, false), seipd(t, 100, packet.CipherAES256, packet.AEADModeGCM, 1<<14)
	long := seipd(t, 200_000, packet.CipherAES256, packet.AEADModeGCM, 1<<14)
	marker, padding, unknown := []byte("\xCA\x03PGP"), []byte("\xD5\x02ab"), []byte("\xFC\x01a")
	skesk := append([]byte{0xC3, 4}, 4, 9, 0, 8)
	set := func(b []byte, i int, v byte) []byte { b = bytes.Clone(b); b[i] = v; return b }
	cipher := func(c packet.CipherFunction, m packet.AEADMode, chunk uint64) []byte {
		return join(p, seipd(t, 100, c, m, chunk))
	}
	for _, test := range []struct {
		name string
		in   []byte
		want error
	}{
		{"empty", nil, keyring.ErrPacket},
		{"no PKESK", d, keyring.ErrPacket},
		{"no SEIPD", p, keyring.ErrPacket},
		{"marker first", join(marker, p, d), keyring.ErrPacket},
		{"marker between", join(p, marker, d), keyring.ErrPacket},
		{"marker last", join(p, d, marker), keyring.ErrPacket},
		{"padding first", join(padding, p, d), keyring.ErrPacket},
		{"padding last", join(p, d, padding), keyring.ErrPacket},
		{"unknown packet between", join(p, unknown, d), keyring.ErrPacket},
		{"unknown packet last", join(p, d, unknown), keyring.ErrPacket},
		{"SKESK first", join(skesk, p, d), keyring.ErrPacket},
		{"SKESK between", join(p, skesk, d), keyring.ErrPacket},
		{"SKESK alone", join(skesk, d), keyring.ErrPacket},
		{"two PKESK", join(p, p, d), keyring.ErrPacket},
		{"two SEIPD", join(p, d, d), keyring.ErrPacket},
		{"old-format PKESK", join([]byte{0x85, 0x04, 0xAD}, p[3:], d), keyring.ErrPacket},
		{"old-format SED", join(p, []byte{0xA4, 1, 0}), keyring.ErrPacket},
		{"tag 9", join(p, set(d, 0, 0xC9)), keyring.ErrPacket},
		{"tag 20", join(p, set(d, 0, 0xD4)), keyring.ErrPacket},
		{"trailing octet", join(p, d, []byte{0}), keyring.ErrPacket},
		{"trailing octet after partial lengths", join(p, long, []byte{0}), keyring.ErrPacket},
		{"partial length PKESK", join([]byte{0xC1, 0xEA}, p[3:1027], []byte{173}, p[1027:], d), keyring.ErrPacket},
		{"first partial length too short", join(p, []byte{0xD2, 0xE6}, d[2:66], []byte{byte(len(d) - 66)}, d[66:]), keyring.ErrPacket},
		{"absurd length", join(p, []byte{0xD2, 255, 255, 255, 255, 255}, d), keyring.ErrPacket},
		{"octets inside the PKESK", join([]byte{0xC1, 0xC3, 0xEE}, p[3:], []byte{0}, d), keyring.ErrPacket},
		{"SEIPD without tags", join(p, []byte{0xD2, 67}, d[2:69]), keyring.ErrPacket},
		{"anonymous recipient", join(pkesk(t, e, true, true), d), keyring.ErrPacket},

		{"PKESK version 3", join(pkesk(t, e, false, false), d), keyring.ErrVersion},
		{"recipient key of version 4", join(set(p, 5, 4), d), keyring.ErrVersion},
		{"SEIPD version 1", join(p, seipd(t, 100, packet.CipherAES256, 0, 0)), keyring.ErrVersion},

		{"X25519", join(pkesk(t, classic, true, false), d), keyring.ErrPacket},
		{"X25519 by its octet", join(set(p, 3+35, 25), d), keyring.ErrAlgorithm},
		{"AES-128", cipher(packet.CipherAES128, packet.AEADModeGCM, 1<<14), keyring.ErrAlgorithm},
		{"EAX", cipher(packet.CipherAES256, packet.AEADModeEAX, 1<<14), keyring.ErrAlgorithm},
		{"chunk of 2 KiB", cipher(packet.CipherAES256, packet.AEADModeGCM, 1<<11), keyring.ErrAlgorithm},
		{"chunk of 128 KiB", cipher(packet.CipherAES256, packet.AEADModeGCM, 1<<17), keyring.ErrAlgorithm},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, err := keyring.ParseSection(test.in)
			if !errors.Is(err, test.want) || !errors.Is(err, keyring.ErrPackets) {
				t.Errorf("got %v, want %v", err, test.want)
			}
			if s.PKESK != nil || s.SEIPD != nil {
				t.Error("a refused section has parts")
			}
		})
	}
	for _, whole := range [][]byte{join(p, d), join(p, seipd(t, 3000, packet.CipherAES256, packet.AEADModeGCM, 1<<12))} {
		for n := range whole {
			if _, err := keyring.ParseSection(whole[:n]); !errors.Is(err, keyring.ErrPackets) {
				t.Fatalf("cut to %d of %d octets: %v", n, len(whole), err)
			}
		}
	}
}

func TestParseSectionAllocatesNothing(t *testing.T) {
	b := join(pkesk(t, native(t, "NOR-CSC", born), true, false), seipd(t, 100_000, packet.CipherAES256, packet.AEADModeGCM, 1<<14))
	if n := testing.AllocsPerRun(100, func() { keyring.ParseSection(b) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzParseSection: what is accepted, the library must read as the same two packets and no more.
func FuzzParseSection(f *testing.F) {
	p := pkesk(f, native(f, "NOR-CSC", born), true, false)
	f.Add(join(p, seipd(f, 100, packet.CipherAES256, packet.AEADModeGCM, 1<<14)))
	f.Add(join(p, seipd(f, 3000, packet.CipherAES256, packet.AEADModeOCB, 1<<12)))
	f.Add(join(p, p, []byte("\xCA\x03PGP")))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := keyring.ParseSection(b)
		if err != nil {
			return
		}
		if !bytes.Equal(join(s.PKESK, s.SEIPD), b) {
			t.Fatal("the two packets are not the whole")
		}
		r := packet.NewOpaqueReader(bytes.NewReader(b))
		first, err1 := r.Next()
		second, err2 := r.Next()
		_, err3 := r.Next()
		if err1 != nil || err2 != nil || !errors.Is(err3, io.EOF) || first.Tag != 1 || second.Tag != 18 {
			t.Fatalf("the library reads other packets: %v %v %v", err1, err2, err3)
		}
		k, err1 := packet.Read(bytes.NewReader(s.PKESK))
		d, err2 := packet.Read(bytes.NewReader(s.SEIPD))
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		key, data := k.(*packet.EncryptedKey), d.(*packet.SymmetricallyEncrypted)
		if key.Version != 6 || key.KeyVersion != 6 || key.Algo != 35 || !bytes.Equal(key.KeyFingerprint, s.Recipient[:]) {
			t.Errorf("the library reads another recipient: %+v", key)
		}
		if data.Version != 2 || data.Cipher != 9 || byte(data.Mode) != s.Mode || 1<<(data.ChunkSizeByte+6) != s.Chunk {
			t.Errorf("the library reads another SEIPD: %+v", data)
		}
	})
}

func BenchmarkParseSection(b *testing.B) {
	in := join(pkesk(b, native(b, "NOR-CSC", born), true, false), seipd(b, 3000, packet.CipherAES256, packet.AEADModeGCM, 1<<14))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := keyring.ParseSection(in); err != nil {
			b.Fatal(err)
		}
	}
}
