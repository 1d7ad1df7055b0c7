package monitor_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fairlead/internal/entry"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/monitor"
	"fairlead/internal/policy"
	"fairlead/internal/tlog"
)

// vectorsFile holds exact bytes for those who write another implementation; schemas/FORMATS.md explains it.
const vectorsFile = "../../schemas/vectors/log.json"

// vectors is that file. Text is as it is; bytes are hexadecimal.
type vectors struct {
	About       string         `json:"about"`
	Skey        string         `json:"skey"` // of no real log
	Vkey        string         `json:"vkey"`
	Descriptors []vectorDigest `json:"descriptors"`
	Entries     []vectorEntry  `json:"entries"`
	Size        int64          `json:"size"`
	Root        string         `json:"root"`
	Checkpoint  string         `json:"checkpoint"`
	Receipts    []string       `json:"receipts"`    // of each entry, under the checkpoint
	Consistency string         `json:"consistency"` // from the first two entries
	Refuse      []vectorBad    `json:"refuse"`      // what no implementation may take
}

type vectorDigest struct {
	Text   string `json:"text"`
	Digest string `json:"digest"`
}

type vectorEntry struct {
	What          string   `json:"what"`
	Detail        string   `json:"detail"` // text: JSON as it is hashed
	DetailDigest  string   `json:"detail_digest"`
	SetSalt       string   `json:"set_salt"`
	Set           []string `json:"set"` // digests of the delivered descriptors, sorted
	SetDigest     string   `json:"set_digest"`
	Verdict       string   `json:"verdict,omitempty"` // text; "": no sender
	VerdictDigest string   `json:"verdict_digest"`
	Leaf          string   `json:"leaf"`
	LeafHash      string   `json:"leaf_hash"`
}

type vectorBad struct {
	Why  string `json:"why"`
	What string `json:"what"` // leaf or receipt
	Text string `json:"text"`
}

// The key of the vectors. It is public: nothing may ever be signed with it.
const (
	vectorSkey = "PRIVATE+KEY+vectors.fairlead.example/log+61197f37+AZK6A3WgFbH52+5YxhhSnJEOLO2FGEp5QgdnP/xAWDsO"
	vectorVkey = "vectors.fairlead.example/log+61197f37+AZ5ku5HxoKifcmkpv96n/tN3iWG8a5Oog2mB2GwDe4Xe"
	vectorTime = "2027-01-11T09:20:00Z"
)

// vectorDescriptors are two sections and the child's handle.
var vectorDescriptors = []string{
	`{"salt":"000102030405060708090a0b0c0d0e0f","audience":"recipient","code":"EDU","size":1024,"digest":"5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"}`,
	`{"salt":"101112131415161718191a1b1c1d1e1f","audience":"recipient","code":"HEALTH-SEX","art9":"A9-2-h","size":2048,"digest":"e258d248fda94c63753607f7c4494ee0fcbe92f1a76bfdac795c9d84101eb317"}`,
	`{"salt":"202122232425262728292a2b2c2d2e2f","audience":"hub","subject":"fedcba9876543210fedcba9876543210"}`,
}

// vectorDetails are one of each class, and a redacted delivery.
func vectorDetails(t testing.TB) (names []string, leaves []entry.Leaf, details []*entry.Detail) {
	t.Helper()
	var digests []fairlead.Digest
	for i := range 16 {
		digests = append(digests, sha256.Sum256(fmt.Appendf(nil, "filler %d", i)))
	}
	var descriptors [][]byte
	for i, d := range vectorDescriptors {
		descriptors = append(descriptors, []byte(d))
		digests[i] = envelope.DescriptorDigest([]byte(d))
	}
	slices.SortFunc(digests, func(a, b fairlead.Digest) int { return bytes.Compare(a[:], b[:]) })
	id, err := fairlead.ParseShareID("01944f3e-8c00-7abc-8def-0123456789ab")
	must(t, err)
	var sent fairlead.Time
	must(t, sent.UnmarshalText([]byte(vectorTime)))
	header, err := json.Marshal(envelope.Header{
		V: envelope.Version, ID: id, Kind: "assessment.share", Status: "Actual", From: envelope.From{Agency: "NOR-CSC", Role: "PRACTITIONER", User: "SW1"},
		To: envelope.To{Agency: "RO-DIR"}, Case: "0123456789abcdef0123456789abcdef", SentAt: sent, ValidUntil: fairlead.At(sent.Add(72 * time.Hour)), Purpose: "PRT-ASSESS", Threshold: "TH3",
		Basis: &envelope.Basis{Art6: "A6-1-c", Gateways: []fairlead.Gateway{"CA1989-47"}}, TLP: "AMBER", GSC: "OFFICIAL-SENSITIVE", Sections: digests,
	})
	must(t, err)
	share := &entry.Share{
		Account: "ACCOUNT", Subject: "fl.in.RO.ACCOUNT.assessment_share", Digest: envelope.HeaderDigest(header), Header: header, Signature: []byte("no real signature"),
		Descriptors: descriptors, Keys: []string{strings.Repeat("ab", 32), strings.Repeat("ab", 32), ""},
		Decision: policy.Decision{Engine: 1, Result: fairlead.DeliveredRedacted, Ground: fairlead.GroundAgreement, Agreement: "A2/1", Sections: []policy.Section{
			{Part: 0, Code: "EDU", Delivered: true, Clause: "A2/1#t2"},
			{Part: 1, Code: "HEALTH-SEX", Causes: []policy.Cause{{Reason: fairlead.ReasonConsentRefused, Check: "P09", Where: "section HEALTH-SEX", Advice: "it was refused"}}},
		}, Used: []int64{0}},
	}
	at := sent.Add(1234 * time.Millisecond)
	of := func(c entry.Class, o entry.Outcome, from, to fairlead.AgencyID, counter uint64) entry.Leaf {
		return entry.Leaf{Class: c, Outcome: o, At: at, Share: id, From: from, To: to, Counter: counter}
	}
	names = []string{"an act of the operator", "a share, one section withheld", "a notice of the hub", "submissions that could not be read"}
	leaves = []entry.Leaf{
		of(entry.ClassRegister, entry.OutcomeControl, "HUB", "HUB", 0), of(entry.ClassShare, entry.OutcomeDelivered, "NOR-CSC", "RO-DIR", 7),
		of(entry.ClassNotice, entry.OutcomeDelivered, "HUB", "NOR-CSC", 1), of(entry.ClassUnparsed, entry.OutcomeNotDelivered, "NOR-CSC", "", 0),
	}
	details = []*entry.Detail{
		{Register: &entry.Register{Action: "suspend", Record: json.RawMessage(`{"agency":"RO-DIR","reason":"key_loss"}`)}},
		{Share: share},
		{Notice: &entry.Notice{Header: []byte(`{"v":1}`), Record: []byte(`{"agreement":"A2","version":1}`)}},
		{Unparsed: &entry.Unparsed{Account: "ACCOUNT", Minute: sent, Count: 2, Digest: sha256.Sum256([]byte("rubbish")), Cause: policy.Cause{Reason: fairlead.ReasonSchema, Check: "P00"}}},
	}
	for i, d := range details {
		d.Salt = bytes.Repeat([]byte{byte(0xa0 + i)}, 16)
	}
	return names, leaves, details
}

// makeVectors is the file by this implementation.
func makeVectors(t testing.TB) *vectors {
	t.Helper()
	v := &vectors{Skey: vectorSkey, Vkey: vectorVkey, About: "Exact bytes of the log, explained in FORMATS.md. The key is public and of no real log.", Refuse: []vectorBad{}}
	for _, d := range vectorDescriptors {
		v.Descriptors = append(v.Descriptors, vectorDigest{d, envelope.DescriptorDigest([]byte(d)).String()})
	}
	w, err := tlog.OpenWriter(t.TempDir(), tlog.Tree{})
	must(t, err)
	names, leaves, details := vectorDetails(t)
	for i, d := range details {
		raw := d.Marshal()
		l := leaves[i]
		d.Commit(&l, raw)
		salt, hash := d.SetSalt(), tlog.LeafHash(l.Marshal())
		e := vectorEntry{
			What: names[i], Detail: string(raw), DetailDigest: l.Detail.String(), SetSalt: hex.EncodeToString(salt[:]), Set: []string{}, SetDigest: l.Delivered.String(),
			VerdictDigest: l.Verdict.String(), Leaf: hex.EncodeToString(l.Marshal()), LeafHash: hex.EncodeToString(hash[:]),
		}
		if d.Share != nil {
			e.Set = append(e.Set, v.Descriptors[0].Digest)
		}
		if d.Share != nil || d.Unparsed != nil {
			e.Verdict = string(d.Verdict())
		}
		v.Entries = append(v.Entries, e)
		must(t, w.Append(l.Marshal()))
	}
	v.sign(t, w)
	return v
}

// sign adds what the log signs and proves, and what nobody may take.
func (v *vectors) sign(t testing.TB, w *tlog.Writer) {
	t.Helper()
	signer, err := tlog.NewSigner(v.Skey)
	must(t, err)
	cp, err := tlog.SignCheckpoint(signer, w.Tree())
	must(t, err)
	root := w.Tree().Hash
	v.Size, v.Root, v.Checkpoint = w.Size(), hex.EncodeToString(root[:]), string(cp)
	for i, e := range v.Entries {
		proof, err := w.Prove(int64(i))
		must(t, err)
		leaf, err := hex.DecodeString(e.Leaf)
		must(t, err)
		v.Receipts = append(v.Receipts, string(tlog.FormatReceipt(leaf, int64(i), proof, cp)))
	}
	proof, err := w.Consistency(2)
	must(t, err)
	v.Consistency = string(tlog.FormatConsistency(2, proof, cp))
	leaf, receipt := v.Entries[1].Leaf, v.Receipts[1]
	v.Refuse = append(v.Refuse, []vectorBad{
		{"one byte short", "leaf", leaf[2:]},
		{"version 2", "leaf", "02" + leaf[2:]},
		{"class 5", "leaf", leaf[:2] + "05" + leaf[4:]},
		{"outcome 0", "leaf", leaf[:4] + "00" + leaf[6:]},
		{"reserved byte not 0", "leaf", leaf[:6] + "01" + leaf[8:]},
		{"padding inside the name of an agency", "leaf", leaf[:58] + "00" + leaf[60:]},
		{"another entry", "receipt", strings.Replace(receipt, "extra AQ", "extra AR", 1)},
		{"another index", "receipt", strings.Replace(receipt, "index 1\n", "index 0\n", 1)},
		{"index with a leading zero", "receipt", strings.Replace(receipt, "index 1\n", "index 01\n", 1)},
		{"no entry in it", "receipt", receipt[:strings.Index(receipt, "extra")] + receipt[strings.Index(receipt, "index"):]},
		{"a size that was not signed", "receipt", strings.Replace(receipt, "\n4\n", "\n5\n", 1)},
		{"cut off", "receipt", receipt[:len(receipt)-20]},
	}...)
}

// TestVectors: the file is what this implementation makes (go test ./internal/monitor -run TestVectors -update).
func TestVectors(t *testing.T) {
	want, err := json.MarshalIndent(makeVectors(t), "", "  ")
	must(t, err)
	want = append(want, '\n')
	if *update {
		must(t, os.MkdirAll(filepath.Dir(vectorsFile), 0o755))
		must(t, os.WriteFile(vectorsFile, want, 0o644))
	}
	has, err := os.ReadFile(vectorsFile)
	if err != nil || !bytes.Equal(has, want) {
		t.Errorf("%s is not what is made now: %v", vectorsFile, err)
	}
}

// TestVectorsByHand computes the vectors by nothing but SHA-256 and what FORMATS.md says, as another
// implementation would, and opens what is signed.
func TestVectorsByHand(t *testing.T) {
	raw, err := os.ReadFile(vectorsFile)
	must(t, err)
	var v vectors
	must(t, json.Unmarshal(raw, &v))
	sum := func(parts ...string) string {
		h := sha256.Sum256([]byte(strings.Join(parts, "")))
		return string(h[:])
	}
	equal := func(what, got, wantHex string) {
		if hex.EncodeToString([]byte(got)) != wantHex {
			t.Errorf("%s: %x, want %s", what, got, wantHex)
		}
	}
	for _, d := range v.Descriptors {
		equal("descriptor", sum("fairlead descriptor 1\n", d.Text), d.Digest)
	}
	var hashes []string
	for _, e := range v.Entries {
		var d struct{ Salt []byte }
		must(t, json.Unmarshal([]byte(e.Detail), &d))
		leaf, err := hex.DecodeString(e.Leaf)
		must(t, err)
		equal(e.What+": set salt", sum("fairlead set salt 1\n", string(d.Salt))[:16], e.SetSalt)
		set := ""
		for _, digest := range e.Set {
			b, err := hex.DecodeString(digest)
			must(t, err)
			set += string(b)
		}
		salt, err := hex.DecodeString(e.SetSalt)
		must(t, err)
		equal(e.What+": set", sum("fairlead delivered set 1\n", string(salt), set), e.SetDigest)
		verdict := strings.Repeat("\x00", 32)
		if e.Verdict != "" {
			verdict = sum(e.Verdict)
		}
		equal(e.What+": verdict", verdict, e.VerdictDigest)
		equal(e.What+": detail", sum(e.Detail), e.DetailDigest)
		equal(e.What+": commitments", string(leaf[100:]), e.SetDigest+e.VerdictDigest+e.DetailDigest)
		at := time.UnixMilli(int64(binary.BigEndian.Uint64(leaf[4:12]))).UTC().Format("2006-01-02T15:04:05.000Z")
		if len(leaf) != 196 || leaf[0] != 1 || leaf[3] != 0 || at != "2027-01-11T09:20:01.234Z" {
			t.Errorf("%s: leaf %x of %s", e.What, leaf, at)
		}
		equal(e.What+": hash", sum("\x00", string(leaf)), e.LeafHash)
		hashes = append(hashes, sum("\x00", string(leaf)))
	}
	equal("root", sum("\x01", sum("\x01", hashes[0], hashes[1]), sum("\x01", hashes[2], hashes[3])), v.Root)
	v.open(t)
}

// open checks what is signed, and that what may not be taken is not.
func (v *vectors) open(t *testing.T) {
	t.Helper()
	key, err := tlog.NewVerifier(v.Vkey)
	must(t, err)
	tree, err := tlog.OpenCheckpoint([]byte(v.Checkpoint), key)
	if err != nil || tree.N != v.Size || hex.EncodeToString(tree.Hash[:]) != v.Root {
		t.Errorf("%v %v", tree, err)
	}
	for i, r := range v.Receipts {
		if got, err := monitor.VerifyReceipt([]byte(r), v.Vkey); err != nil || got.Entry != int64(i) {
			t.Errorf("receipt %d: %+v %v", i, got, err)
		}
	}
	for _, bad := range v.Refuse {
		if bad.What == "receipt" {
			_, err = monitor.VerifyReceipt([]byte(bad.Text), v.Vkey)
		} else {
			var b []byte
			if b, err = hex.DecodeString(bad.Text); err == nil {
				_, err = entry.ParseLeaf(b)
			}
		}
		if err == nil {
			t.Errorf("taken: %s with %s", bad.What, bad.Why)
		}
	}
	if len(v.Refuse) < 10 {
		t.Errorf("only %d to refuse", len(v.Refuse))
	}
}
