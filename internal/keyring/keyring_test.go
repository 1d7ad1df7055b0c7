package keyring_test

import (
	"bytes"
	"crypto"
	"testing"
	"time"

	"fairlead/internal/fairlead"
	"fairlead/internal/keyring"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
)

// born is when the keys of these tests are made; later is when they are used.
var (
	born  = time.Date(2027, 1, 11, 9, 20, 0, 0, time.UTC)
	later = born.Add(time.Hour)
)

func config(at time.Time) *packet.Config {
	return &packet.Config{
		V6Keys:        true,
		Algorithm:     packet.PubKeyAlgoEd25519,
		DefaultHash:   crypto.SHA512,
		DefaultCipher: packet.CipherAES256,
		AEADConfig:    &packet.AEADConfig{DefaultMode: packet.AEADModeGCM, ChunkSize: 1 << 14},
		Time:          func() time.Time { return at },
	}
}

// entity makes a key of the native profile without a subkey, from a config a test may have changed.
func entity(t testing.TB, userID string, cfg *packet.Config) *openpgp.Entity {
	t.Helper()
	e, err := openpgp.NewEntity(userID, "", "", cfg)
	if err != nil {
		t.Fatal(err)
	}
	e.Subkeys = nil
	return e
}

// mlkem adds an encryption subkey of the profile.
func mlkem(t testing.TB, e *openpgp.Entity, cfg *packet.Config) {
	t.Helper()
	c := *cfg
	c.Algorithm = packet.PubKeyAlgoMlkem768X25519
	if err := e.AddEncryptionSubkey(&c); err != nil {
		t.Fatal(err)
	}
}

// native makes a whole key of the native profile.
func native(t testing.TB, id fairlead.AgencyID, at time.Time) *openpgp.Entity {
	t.Helper()
	e := entity(t, string(id)+keyring.UserIDSuffix, config(at))
	mlkem(t, e, config(at))
	return e
}

func public(t testing.TB, e *openpgp.Entity) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := e.Serialize(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func certificate(t testing.TB, e *openpgp.Entity) *keyring.Certificate {
	t.Helper()
	c, err := keyring.ReadCertificate(public(t, e), later)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func context(ctx keyring.Context) *packet.Notation {
	return &packet.Notation{Name: keyring.Notation, Value: []byte(ctx), IsCritical: true, IsHumanReadable: true}
}

// sign makes a detached signature for a share at the given time, after change has had its way with it.
func sign(t testing.TB, e *openpgp.Entity, msg []byte, at time.Time, change func(*packet.Signature)) []byte {
	t.Helper()
	s := &packet.Signature{
		Version:      e.PrimaryKey.Version,
		SigType:      packet.SigTypeBinary,
		PubKeyAlgo:   e.PrimaryKey.PubKeyAlgo,
		Hash:         crypto.SHA512,
		CreationTime: at,
		Notations:    []*packet.Notation{context(keyring.ContextShare)},
	}
	if change != nil {
		change(s)
	}
	h, err := s.PrepareSign(config(at))
	if err != nil {
		t.Fatal(err)
	}
	h.Write(msg)
	if err := s.Sign(h, e.PrivateKey, config(at)); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := s.Serialize(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// splice replaces the n-th packet of b, counted from zero, by what change makes of it.
func splice(t testing.TB, b []byte, n int, change func(*packet.OpaquePacket)) []byte {
	t.Helper()
	var out bytes.Buffer
	r := packet.NewOpaqueReader(bytes.NewReader(b))
	for i := 0; ; i++ {
		p, err := r.Next()
		if err != nil {
			return out.Bytes()
		}
		if i == n {
			change(p)
		}
		if err := p.Serialize(&out); err != nil {
			t.Fatal(err)
		}
	}
}
