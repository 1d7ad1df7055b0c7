package keyring_test

import (
	"bytes"
	"crypto"
	"errors"
	"slices"
	"testing"
	"time"

	"fairlead/internal/keyring"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
)

const userID = "NOR-CSC" + keyring.UserIDSuffix

func TestReadCertificate(t *testing.T) {
	e := native(t, "NOR-CSC", born)
	b := public(t, e)
	c, err := keyring.ReadCertificate(b, later)
	if err != nil {
		t.Fatal(err)
	}
	if c.Agency() != "NOR-CSC" || !c.NotAfter().IsZero() || !bytes.Equal(c.Bytes(), b) {
		t.Errorf("agency %s, ends %v", c.Agency(), c.NotAfter())
	}
	primary, sub := keyring.Fingerprint(e.PrimaryKey.Fingerprint), keyring.Fingerprint(e.Subkeys[0].PublicKey.Fingerprint)
	if c.Fingerprint() != primary || c.Signing().Fingerprint() != primary || c.Encryption() != sub {
		t.Errorf("primary %s, encryption %s", c.Fingerprint(), c.Encryption())
	}
	if !slices.Equal(c.Keys(), []keyring.Fingerprint{primary, sub}) {
		t.Errorf("keys %v", c.Keys())
	}
	if primary.KeyID() != e.PrimaryKey.KeyId {
		t.Errorf("key ID %016x, want %016x", primary.KeyID(), e.PrimaryKey.KeyId)
	}
	b[len(b)-1] ^= 1
	c.Bytes()[0] = 0
	c.Keys()[0] = sub
	if bytes.Equal(c.Bytes(), b) || c.Bytes()[0] == 0 || c.Keys()[0] != primary {
		t.Error("the certificate shares memory with its reader")
	}
}

func TestCertificateEnds(t *testing.T) {
	cfg := config(born)
	cfg.KeyLifetimeSecs = 7200
	e := entity(t, userID, cfg)
	cfg.KeyLifetimeSecs = 5400
	mlkem(t, e, cfg)
	c := certificate(t, e)
	if want := born.Add(90 * time.Minute); !c.NotAfter().Equal(want) {
		t.Errorf("ends %v, want %v", c.NotAfter(), want)
	}
	if _, err := c.WrapKey([32]byte{}, born.Add(90*time.Minute-1)); err != nil {
		t.Error(err)
	}
	if _, err := c.WrapKey([32]byte{}, born.Add(90*time.Minute)); !errors.Is(err, keyring.ErrExpired) {
		t.Errorf("wrap after the end: %v", err)
	}
	msg := []byte("m")
	for _, d := range []time.Duration{2*time.Hour - time.Second, 2 * time.Hour} {
		at := born.Add(d)
		err := c.Signing().Verify(msg, sign(t, e, msg, at, nil), keyring.ContextShare, at)
		if valid := d < 2*time.Hour; valid != (err == nil) || !valid && !errors.Is(err, keyring.ErrKey) {
			t.Errorf("signature after %v: %v", d, err)
		}
	}
}

// refusal is a certificate and the cause it must be refused for, by name.
type refusal struct {
	name string
	make func(*testing.T) []byte
	want error
}

func refuse(t *testing.T, cases []refusal) {
	t.Helper()
	for _, test := range cases {
		t.Run(test.name, func(t *testing.T) {
			_, err := keyring.ReadCertificate(test.make(t), later)
			if !errors.Is(err, test.want) || !errors.Is(err, keyring.ErrCertificate) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

// withConfig makes the primary key under a changed config.
func withConfig(change func(*packet.Config)) func(*testing.T) []byte {
	return func(t *testing.T) []byte {
		cfg := config(born)
		change(cfg)
		e := entity(t, userID, cfg)
		mlkem(t, e, config(born))
		return public(t, e)
	}
}

// edited changes a good key before it is written.
func edited(change func(t *testing.T, e *openpgp.Entity)) func(*testing.T) []byte {
	return func(t *testing.T) []byte {
		e := native(t, "NOR-CSC", born)
		change(t, e)
		return public(t, e)
	}
}

func appended(more string) func(*testing.T) []byte {
	return func(t *testing.T) []byte { return append(public(t, native(t, "NOR-CSC", born)), more...) }
}

// spliced changes the n-th packet of a good certificate: primary, direct-key signature, user id, its
// signature, subkey, its binding.
func spliced(n int, change func(*packet.OpaquePacket)) func(*testing.T) []byte {
	return func(t *testing.T) []byte { return splice(t, public(t, native(t, "NOR-CSC", born)), n, change) }
}

func TestCertificatePackets(t *testing.T) {
	refuse(t, []refusal{
		{"empty", func(*testing.T) []byte { return nil }, keyring.ErrPacket},
		{"oversized", func(*testing.T) []byte { return make([]byte, keyring.MaxCertificate+1) }, keyring.ErrTooLarge},
		{"armoured", func(*testing.T) []byte { return []byte("-----BEGIN PGP PUBLIC KEY BLOCK-----") }, keyring.ErrPacket},
		{"trailing octet", appended("\x00"), keyring.ErrPacket},
		{"marker packet", appended("\xCA\x03PGP"), keyring.ErrPacket},
		{"padding packet", appended("\xD5\x02ab"), keyring.ErrPacket},
		{"user attribute", appended("\xD1\x03\x02\x01a"), keyring.ErrPacket},
		{"unknown packet", appended("\xFC\x01a"), keyring.ErrPacket},
		{"partial length", appended("\xCD\xE0a\x00"), keyring.ErrPacket},
		{"two certificates", func(t *testing.T) []byte {
			return append(public(t, native(t, "NOR-CSC", born)), public(t, native(t, "NOR-CSC", born))...)
		}, keyring.ErrPacket},
		{"private key", func(t *testing.T) []byte {
			var b bytes.Buffer
			if err := native(t, "NOR-CSC", born).SerializePrivateWithoutSigning(&b, nil); err != nil {
				t.Fatal(err)
			}
			return b.Bytes()
		}, keyring.ErrPacket},
		{"subkey twice", edited(func(_ *testing.T, e *openpgp.Entity) { e.Subkeys = append(e.Subkeys, e.Subkeys[0]) }), keyring.ErrPacket},
		{"unhashed subpacket", spliced(1, func(p *packet.OpaquePacket) {
			hashed := int(p.Contents[6])<<8 + int(p.Contents[7])
			p.Contents = slices.Insert(p.Contents, 8+hashed+4, 2, 100, 0)
			p.Contents[8+hashed+3] = 3
		}), keyring.ErrPacket},
		{"octets inside a signature packet", spliced(1, func(p *packet.OpaquePacket) { p.Contents = append(p.Contents, 1, 2, 3) }), keyring.ErrPacket},
		{"key material of a false length", spliced(0, func(p *packet.OpaquePacket) { p.Contents[9]++ }), keyring.ErrPacket},
	})
}

func TestCertificateAlgorithms(t *testing.T) {
	refuse(t, []refusal{
		{"version 4", withConfig(func(c *packet.Config) { c.V6Keys = false }), keyring.ErrVersion},
		{"RSA", withConfig(func(c *packet.Config) { c.Algorithm, c.RSABits = packet.PubKeyAlgoRSA, 2048 }), keyring.ErrAlgorithm},
		{"Ed448", withConfig(func(c *packet.Config) { c.Algorithm = packet.PubKeyAlgoEd448 }), keyring.ErrAlgorithm},
		{"SHA-384", withConfig(func(c *packet.Config) { c.DefaultHash = crypto.SHA384 }), keyring.ErrAlgorithm},
		{"X25519 only", func(t *testing.T) []byte {
			e, err := openpgp.NewEntity(userID, "", "", config(born))
			if err != nil {
				t.Fatal(err)
			}
			return public(t, e)
		}, keyring.ErrAlgorithm},
		{"X25519 beside ML-KEM", edited(func(t *testing.T, e *openpgp.Entity) {
			if err := e.AddEncryptionSubkey(config(born)); err != nil {
				t.Fatal(err)
			}
		}), keyring.ErrAlgorithm},
		{"signing subkey", edited(func(t *testing.T, e *openpgp.Entity) {
			if err := e.AddSigningSubkey(config(born)); err != nil {
				t.Fatal(err)
			}
		}), keyring.ErrAlgorithm},
	})
}

// binding adds a second binding signature with other flags to the subkey.
func binding(change func(*packet.Signature)) func(*testing.T) []byte {
	return edited(func(t *testing.T, e *openpgp.Entity) {
		s := &packet.Signature{
			Version: 6, SigType: packet.SigTypeSubkeyBinding, PubKeyAlgo: e.PrimaryKey.PubKeyAlgo,
			Hash: crypto.SHA512, CreationTime: born.Add(time.Second), FlagsValid: true,
		}
		change(s)
		if err := s.SignKey(e.Subkeys[0].PublicKey, e.PrivateKey, config(born)); err != nil {
			t.Fatal(err)
		}
		e.Subkeys[0].Bindings = append(e.Subkeys[0].Bindings, packet.NewVerifiableSig(s))
	})
}

func TestCertificateUsage(t *testing.T) {
	refuse(t, []refusal{
		{"no AEAD", withConfig(func(c *packet.Config) { c.AEADConfig = nil }), keyring.ErrUsage},
		{"self-signature that expires", withConfig(func(c *packet.Config) { c.SigLifetimeSecs = 1 << 20 }), keyring.ErrUsage},
		{"critical notation", withConfig(func(c *packet.Config) {
			c.SignatureNotations = []*packet.Notation{context(keyring.ContextShare)}
		}), keyring.ErrUsage},
		{"no direct-key signature", edited(func(_ *testing.T, e *openpgp.Entity) { e.DirectSignatures = nil }), keyring.ErrUsage},
		{"primary that also encrypts", edited(func(t *testing.T, e *openpgp.Entity) {
			s := e.DirectSignatures[0].Packet
			s.FlagEncryptStorage = true
			if err := s.SignDirectKeyBinding(e.PrimaryKey, e.PrivateKey, config(born)); err != nil {
				t.Fatal(err)
			}
		}), keyring.ErrUsage},
		{"no subkey", edited(func(_ *testing.T, e *openpgp.Entity) { e.Subkeys = nil }), keyring.ErrUsage},
		{"unbound subkey", edited(func(_ *testing.T, e *openpgp.Entity) { e.Subkeys[0].Bindings = nil }), keyring.ErrUsage},
		{"subkey that authenticates", binding(func(s *packet.Signature) { s.FlagEncryptStorage, s.FlagAuthenticate = true, true }), keyring.ErrUsage},
		{"subkey that does not encrypt", binding(func(*packet.Signature) {}), keyring.ErrUsage},
		{"two subkeys of one second", edited(func(t *testing.T, e *openpgp.Entity) { mlkem(t, e, config(born)) }), keyring.ErrUsage},
	})
}

func TestCertificateUserID(t *testing.T) {
	named := func(id string) func(*testing.T) []byte {
		return func(t *testing.T) []byte {
			e := entity(t, id, config(born))
			mlkem(t, e, config(born))
			return public(t, e)
		}
	}
	refuse(t, []refusal{
		{"none", func(t *testing.T) []byte {
			e, err := openpgp.NewEntityWithoutId(config(born))
			if err != nil {
				t.Fatal(err)
			}
			e.Subkeys = nil
			mlkem(t, e, config(born))
			return public(t, e)
		}, keyring.ErrUserID},
		{"extra", edited(func(t *testing.T, e *openpgp.Entity) {
			if err := e.AddUserId("DON-CSC"+keyring.UserIDSuffix, "", "", config(born)); err != nil {
				t.Fatal(err)
			}
		}), keyring.ErrUserID},
		{"unsigned", edited(func(_ *testing.T, e *openpgp.Entity) { e.Identities[userID].SelfCertifications = nil }), keyring.ErrUserID},
		{"without suffix", named("NOR-CSC"), keyring.ErrUserID},
		{"of a person", named("Alice"), keyring.ErrUserID},
		{"in lower case", named("nor-csc" + keyring.UserIDSuffix), keyring.ErrUserID},
		{"certified by another", edited(func(t *testing.T, e *openpgp.Entity) {
			if err := e.SignIdentity(userID, native(t, "DON-CSC", born), config(later)); err != nil {
				t.Fatal(err)
			}
		}), keyring.ErrPacket},
	})
}

func revoked(reason packet.ReasonForRevocation) func(*testing.T) []byte {
	return edited(func(t *testing.T, e *openpgp.Entity) {
		if err := e.Revoke(reason, "", config(born)); err != nil {
			t.Fatal(err)
		}
	})
}

func revokedSubkey(t *testing.T) []byte {
	e := native(t, "NOR-CSC", born)
	if err := e.Subkeys[0].Revoke(packet.KeySuperseded, "", config(born)); err != nil {
		t.Fatal(err)
	}
	return public(t, e)
}

func TestCertificateTime(t *testing.T) {
	future := later.Add(keyring.MaxSkew + time.Second)
	refuse(t, []refusal{
		{"from the future", func(t *testing.T) []byte { return public(t, native(t, "NOR-CSC", future)) }, keyring.ErrTime},
		{"primary key alone from the future", func(t *testing.T) []byte {
			return public(t, native(t, "NOR-CSC", future))[:2+42]
		}, keyring.ErrTime},
		{"subkey from the future, bound before", func(t *testing.T) []byte {
			e := entity(t, userID, config(born))
			mlkem(t, e, config(future))
			s := e.Subkeys[0].Bindings[0].Packet
			s.CreationTime = born
			if err := s.SignKey(e.Subkeys[0].PublicKey, e.PrivateKey, config(born)); err != nil {
				t.Fatal(err)
			}
			return public(t, e)
		}, keyring.ErrTime},
		{"expired", withConfig(func(c *packet.Config) { c.KeyLifetimeSecs = 3600 }), keyring.ErrExpired},
		{"expired subkey", func(t *testing.T) []byte {
			cfg := config(born)
			e := entity(t, userID, cfg)
			cfg.KeyLifetimeSecs = 3600
			mlkem(t, e, cfg)
			return public(t, e)
		}, keyring.ErrExpired},
		{"compromised", revoked(packet.KeyCompromised), keyring.ErrRevoked},
		{"retired", revoked(packet.KeyRetired), keyring.ErrRevoked},
		{"revoked subkey", revokedSubkey, keyring.ErrRevoked},
	})
}

func TestCertificateForged(t *testing.T) {
	flip := func(p *packet.OpaquePacket) { p.Contents[len(p.Contents)-1] ^= 1 }
	refuse(t, []refusal{
		{"direct-key signature", spliced(1, flip), keyring.ErrForged},
		{"user id signature", spliced(3, flip), keyring.ErrForged},
		{"binding", spliced(5, flip), keyring.ErrForged},
		{"subkey revocation", func(t *testing.T) []byte { return splice(t, revokedSubkey(t), 5, flip) }, keyring.ErrForged},
		{"revocation", func(t *testing.T) []byte {
			return splice(t, revoked(packet.KeyRetired)(t), 1, flip)
		}, keyring.ErrForged},
		{"binding of another key", edited(func(t *testing.T, e *openpgp.Entity) {
			e.Subkeys[0].Bindings = native(t, "DON-CSC", born).Subkeys[0].Bindings
		}), keyring.ErrPacket},
	})
}

// TestTruncatedCertificate: with one subkey no part can be missing, not even at a packet's end.
func TestTruncatedCertificate(t *testing.T) {
	b := public(t, native(t, "NOR-CSC", born))
	for n := range b {
		if _, err := keyring.ReadCertificate(b[:n], later); err == nil {
			t.Fatalf("accepted when cut to %d of %d octets", n, len(b))
		}
	}
}

func FuzzReadCertificate(f *testing.F) {
	e := native(f, "NOR-CSC", born)
	f.Add(public(f, e))
	mlkem(f, e, config(born.Add(time.Second)))
	if err := e.Subkeys[0].Revoke(packet.KeySuperseded, "", config(born)); err != nil {
		f.Fatal(err)
	}
	f.Add(public(f, e))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := keyring.ReadCertificate(b, later)
		if err != nil {
			return
		}
		if len(c.Keys()) < 2 || c.Agency().Check() != nil || c.Encryption() == c.Fingerprint() {
			t.Errorf("accepted %x", b)
		}
		if _, err := c.WrapKey([32]byte{}, later); err != nil {
			t.Error(err)
		}
	})
}
