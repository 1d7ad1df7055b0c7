package seal_test

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"testing"
	"time"

	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/keyring"
	"fairlead/internal/seal"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
)

// outsider is a sender of another make: it knows an OpenPGP library and schemas/FORMATS.md, and nothing of ours.
type outsider struct {
	own, to *openpgp.Entity
	at      time.Time
}

func (o outsider) config(context string) *packet.Config {
	no := false
	return &packet.Config{
		DefaultCipher: packet.CipherAES256, DefaultCompressionAlgo: packet.CompressionNone, CheckIntendedRecipients: &no,
		AEADConfig:         &packet.AEADConfig{DefaultMode: packet.AEADModeOCB, ChunkSize: 1 << 12},
		SignatureNotations: []*packet.Notation{{Name: "context@fairlead.example", Value: []byte(context), IsCritical: true, IsHumanReadable: true}},
		Time:               func() time.Time { return o.at },
	}
}

func random(n int) string {
	b := make([]byte, n)
	rand.Read(b)
	return hex.EncodeToString(b)
}

// section is a page as FORMATS.md lays it out, and its size bucket.
func (o outsider) section(t *testing.T, share, code, content string) (sealed []byte, size int) {
	t.Helper()
	plain := []byte(fmt.Sprintf(`{"nonce":"%s","message":"%s","section":"%s","sender":"ALDER","type":"json"}`+"\n", random(16), share, code))
	plain = append(binary.BigEndian.AppendUint32(plain, uint32(len(content))), content...)
	if size = 1024; len(plain) > size {
		e := bits.Len(uint(len(plain))) - 1
		step := 1 << (e - bits.Len(uint(e)))
		size = (len(plain) + step - 1) / step * step
	}
	plain = append(plain, make([]byte, size-len(plain))...)
	var out bytes.Buffer
	w, err := openpgp.EncryptWithParams(&out, []*openpgp.Entity{o.to}, nil, &openpgp.EncryptParams{Signers: []*openpgp.Entity{o.own}, Config: o.config("section/v1")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(plain); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes(), size
}

// frame is "FLD", version, type 1, and the parts with their lengths.
func frame(parts ...[]byte) []byte {
	b := binary.BigEndian.AppendUint16([]byte("FLD\x01\x01"), uint16(len(parts)))
	for _, p := range parts {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(p))), p...)
	}
	return b
}

// share is a question to BIRCH with one page, and the child's handle for the hub.
func (o outsider) share(t *testing.T, id, content string) []byte {
	t.Helper()
	sealed, size := o.section(t, id, "EDU", content)
	parts := [][]byte{
		[]byte(fmt.Sprintf(`{"salt":"%s","audience":"recipient","code":"EDU","digest":"%x","size":%d}`, random(16), sha256.Sum256(sealed), size)),
		[]byte(fmt.Sprintf(`{"salt":"%s","audience":"hub","subject":"%s"}`, random(16), random(16))),
	}
	var digests []string
	for _, d := range parts {
		digests = append(digests, fmt.Sprintf("%q", fmt.Sprintf("%x", sha256.Sum256(append([]byte("fairlead descriptor 1\n"), d...)))))
	}
	for len(digests) < 16 {
		digests = append(digests, fmt.Sprintf("%q", random(32)))
	}
	slices.Sort(digests)
	header := []byte(fmt.Sprintf(`{"v":1,"id":"%s","kind":"info.request","status":"Actual","from":{"agency":"ALDER","role":"PRACTITIONER","user":"SW1"},"to":{"agency":"BIRCH"},`+
		`"sent_at":"%s","valid_until":"%s","purpose":"PRT-ASSESS","threshold":"TH3","basis":{"art6":"A6-1-c","gateways":["CA1989-47"]},"s16la":{"considered":true},"told":"yes",`+
		`"transfer":{"mechanism":"A45"},"danger_check":{"result":"clear","role":"PRACTITIONER","at":"%s"},"tlp":"AMBER","gsc":"OFFICIAL","facts":{"urgency":"urgent"},`+
		`"sections":[%s],"seen":{"size":7,"root":"%s"}}`,
		id, o.at.Format(time.RFC3339), o.at.Add(time.Hour).Format(time.RFC3339), o.at.Format(time.RFC3339), strings.Join(digests, ","), random(32)))
	var signature bytes.Buffer
	if err := openpgp.DetachSign(&signature, []*openpgp.Entity{o.own}, bytes.NewReader(header), o.config("share/v1")); err != nil {
		t.Fatal(err)
	}
	return frame(header, signature.Bytes(), nil, parts[0], sealed, parts[1], nil)
}

// TestFromThePage: what another team's program writes by schemas/FORMATS.md alone is taken apart, verified and opened
// by ours, short or long.
func TestFromThePage(t *testing.T) {
	at := time.Date(2027, 2, 1, 12, 0, 0, 0, time.UTC)
	keys, entities := map[fairlead.AgencyID]*seal.Key{}, map[fairlead.AgencyID]*openpgp.Entity{}
	for _, id := range []fairlead.AgencyID{"ALDER", "BIRCH"} {
		k, err := seal.Generate(id, at.AddDate(0, 0, -1))
		if err != nil {
			t.Fatal(err)
		}
		list, err := openpgp.ReadKeyRing(bytes.NewReader(k.Marshal()))
		if err != nil {
			t.Fatal(err)
		}
		keys[id], entities[id] = k, list[0]
	}
	alder, err := keyring.ReadCertificate(keys["ALDER"].Certificate(), at)
	if err != nil {
		t.Fatal(err)
	}
	for _, content := range []string{`{"language":"en"}`, strings.Repeat("school ", 4000)} {
		id := fairlead.NewShareID()
		share, err := envelope.ParseShare(outsider{entities["ALDER"], entities["BIRCH"], at}.share(t, id.String(), content))
		if err != nil {
			t.Fatal(err)
		}
		bound, err := share.Bind()
		if err != nil {
			t.Fatal(err)
		}
		if err := alder.Signing().Verify(share.Header, share.Signature, keyring.ContextShare, at); err != nil {
			t.Error(err)
		}
		in := seal.Inner{Message: id, Section: "EDU", Sender: "ALDER", Type: "json"}
		got, typ, err := keys["BIRCH"].Open(share.Parts[0].Section, alder.Signing(), in, at)
		if err != nil || string(got) != content || typ != "json" {
			t.Errorf("%d octets of type %q: %v", len(got), typ, err)
		}
		if want := in.Size(len(content)); bound.Descriptors[0].Size != want {
			t.Errorf("the page's bucket is %d, ours %d", bound.Descriptors[0].Size, want)
		}
	}
}
