package tlog

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"filippo.io/torchwood"
)

func TestProofs(t *testing.T) {
	l := newLog(t)
	random := rand.New(rand.NewPCG(1, 2))
	var trees []Tree
	for _, n := range boundaries {
		l.grow(n)
		if n%2 == 1 {
			l.publish() // else the proofs come from tiles that are not on disk yet
		}
		if n > 600 {
			l.reopenAfterPublish()
		}
		cp := l.sign()
		for range 40 {
			checkReceipt(t, l, random.Int64N(n), cp)
		}
		checkReceipt(t, l, n-1, cp)
		trees = append(trees, l.Tree())
		for _, old := range append(trees, Tree{}) {
			checkConsistency(t, l, old, cp)
		}
	}
}

// reopenAfterPublish empties the memory, so that proofs come from disk.
func (l *testLog) reopenAfterPublish() {
	l.t.Helper()
	l.publish()
	l.reopen(l.Tree())
}

func checkReceipt(t *testing.T, l *testLog, i int64, cp []byte) {
	t.Helper()
	proof, err := l.Prove(i)
	must(t, err)
	receipt := FormatProof(i, proof, cp)
	if got, tree, err := OpenProof(receipt, leafOf(i), l.v); err != nil || got != i || tree != l.Tree() {
		t.Fatalf("entry %d of %d: index %d, tree %v, error %v", i, l.Size(), got, tree, err)
	}
	if _, _, err := OpenProof(receipt, leafOf(i+1), l.v); !errors.Is(err, ErrProof) {
		t.Fatalf("proved another entry: %v", err)
	}
	wrong := FormatProof(i+1, proof, cp)
	if _, _, err := OpenProof(wrong, leafOf(i), l.v); !errors.Is(err, ErrProof) {
		t.Fatalf("proved another index: %v", err)
	}
}

func checkConsistency(t *testing.T, l *testLog, old Tree, cp []byte) {
	t.Helper()
	proof, err := l.Consistency(old.N)
	must(t, err)
	msg := FormatConsistency(old.N, proof, cp)
	if tree, err := OpenConsistency(msg, old, l.v); err != nil || tree != l.Tree() {
		t.Fatalf("from %d to %d: %v %v", old.N, l.Size(), tree, err)
	}
	fork := Tree{N: old.N, Hash: LeafHash([]byte("fork"))}
	if _, err := OpenConsistency(msg, fork, l.v); old.N > 0 && !errors.Is(err, ErrProof) {
		t.Fatalf("from a fork at %d to %d: %v", old.N, l.Size(), err)
	}
	if _, err := OpenConsistency(msg, Tree{N: old.N + 1, Hash: old.Hash}, l.v); !errors.Is(err, ErrProof) {
		t.Fatalf("from another size: %v", err)
	}
	for i := range proof {
		bad := append([]Hash(nil), proof...)
		bad[i][0] ^= 1
		if err := VerifyConsistency(old, l.Tree(), bad); !errors.Is(err, ErrProof) {
			t.Fatalf("hash %d changed: %v", i, err)
		}
	}
	if err := VerifyConsistency(old, l.Tree(), append(proof, Hash{})); !errors.Is(err, ErrProof) {
		t.Fatalf("one hash more: %v", err)
	}
}

// TestReceiptIsExact changes a receipt at every byte: no change may go unnoticed. Only the two bits
// of the signature's base64 that encode nothing are nobody's business.
func TestReceiptIsExact(t *testing.T) {
	l := newLogOf(t, 300)
	proof, err := l.Prove(17)
	must(t, err)
	receipt := FormatProof(17, proof, l.sign())
	for i := range len(receipt) - len("?=\n") {
		for _, bit := range []byte{1, 2, 32, 128} {
			bad := bytes.Clone(receipt)
			bad[i] ^= bit
			_, tree, err := OpenProof(bad, leafOf(17), l.v)
			if err == nil || tree != (Tree{}) {
				t.Fatalf("byte %d changed to %q: tree %v, error %v", i, bad[i], tree, err)
			}
		}
	}
	for name, bad := range map[string]string{
		"extra line":       strings.Replace(string(receipt), "index", "extra AAAA\nindex", 1),
		"leading zero":     strings.Replace(string(receipt), "index 17", "index 017", 1),
		"plus sign":        strings.Replace(string(receipt), "index 17", "index +17", 1),
		"negative":         strings.Replace(string(receipt), "index 17", "index -17", 1),
		"64 hashes":        string(FormatProof(17, make([]Hash, 64), l.sign())),
		"empty":            "",
		"checkpoint alone": string(l.sign()),
		"too long":         string(receipt) + strings.Repeat("— x AAAAAAAA\n", MaxProof/10),
	} {
		if _, _, err := OpenProof([]byte(bad), leafOf(17), l.v); !errors.Is(err, ErrProof) || strings.Contains(err.Error(), "show") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestReceiptWithItsEntry: a receipt carries its entry, any change of it is noticed, torchwood reads it, and
// one of a hub's entry in a log of a million stays under 1.5 KB.
func TestReceiptWithItsEntry(t *testing.T) {
	l := newLogOf(t, 300)
	proof, err := l.Prove(17)
	must(t, err)
	receipt := FormatReceipt(leafOf(17), 17, proof, l.sign())
	leaf, index, tree, err := OpenReceipt(receipt, l.v)
	if err != nil || string(leaf) != string(leafOf(17)) || index != 17 || tree != l.Tree() {
		t.Fatalf("%q %d %v %v", leaf, index, tree, err)
	}
	if extra, err := torchwood.ProofExtraData(receipt); err != nil || string(extra) != string(leafOf(17)) {
		t.Errorf("torchwood reads %q: %v", extra, err)
	}
	for i := range len(receipt) - len("?=\n") {
		for _, bit := range []byte{1, 2, 32, 128} {
			bad := bytes.Clone(receipt)
			bad[i] ^= bit
			if leaf, _, tree, err := OpenReceipt(bad, l.v); err == nil || leaf != nil || tree != (Tree{}) {
				t.Fatalf("byte %d changed to %q: %q, tree %v, error %v", i, bad[i], leaf, tree, err)
			}
		}
	}
	for name, bad := range map[string]string{
		"no entry":   string(FormatProof(17, proof, l.sign())),
		"two":        strings.Replace(string(receipt), "extra", "extra AAAA\nextra", 1),
		"loose bits": strings.Replace(string(receipt), "extra ZW50cnkgMTc=", "extra ZW50cnkgMTd=", 1),
		"too long":   string(receipt) + strings.Repeat("x", MaxReceipt),
		"empty":      "",
	} {
		if _, _, _, err := OpenReceipt([]byte(bad), l.v); !errors.Is(err, ErrProof) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if b := FormatReceipt(make([]byte, 196), 999_999, make([]Hash, 20), l.sign()); len(b) > 1500 {
		t.Errorf("%d bytes in a log of a million", len(b))
	}
}

// TestConsistencyIsExact gives messages that are nearly right.
func TestConsistencyIsExact(t *testing.T) {
	l := newLogOf(t, 300)
	known := Tree{N: 100, Hash: l.ref.root(t, 100)}
	proof, err := l.Consistency(100)
	must(t, err)
	msg := string(FormatConsistency(100, proof, l.sign()))
	for name, bad := range map[string]string{
		"leading zero":  strings.Replace(msg, "old 100", "old 0100", 1),
		"other word":    strings.Replace(msg, "old 100", "new 100", 1),
		"64 hashes":     string(FormatConsistency(100, make([]Hash, 64), l.sign())),
		"no checkpoint": msg[:strings.Index(msg, "\n\n")+1],
		"more space":    strings.Replace(msg, "\n\n", "\n\n\n", 1),
	} {
		if _, err := OpenConsistency([]byte(bad), known, l.v); err == nil || strings.Contains(err.Error(), "lead") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := OpenConsistency([]byte(msg), Tree{}, l.v); err == nil || !strings.Contains(err.Error(), "starts at size 100") {
		t.Error(err)
	}
}

// TestReceiptByTorchwood checks that another implementation accepts our receipts.
func TestReceiptByTorchwood(t *testing.T) {
	l := newLogOf(t, 1000)
	policy := torchwood.ThresholdPolicy(2, torchwood.OriginPolicy(l.v.Origin()), torchwood.SingleVerifierPolicy(l.v.key))
	for i := range l.Size() {
		proof, err := l.Prove(i)
		must(t, err)
		must(t, torchwood.VerifyProof(policy, LeafHash(leafOf(i)), FormatProof(i, proof, l.sign())))
	}
}

func TestProveRefuses(t *testing.T) {
	l := newLogOf(t, 5)
	for _, i := range []int64{-1, 5, 6} {
		if _, err := l.Prove(i); !errors.Is(err, ErrProof) {
			t.Errorf("entry %d: %v", i, err)
		}
	}
	for _, old := range []int64{-1, 6} {
		if _, err := l.Consistency(old); !errors.Is(err, ErrProof) {
			t.Errorf("from size %d: %v", old, err)
		}
	}
	for _, pair := range [][2]Tree{{{N: 6}, {N: 5}}, {{N: -1}, {N: 5}}, {{N: 1<<62 + 1}, {N: 1<<62 + 5}}} {
		if err := VerifyConsistency(pair[0], pair[1], []Hash{{}}); !errors.Is(err, ErrProof) {
			t.Errorf("%v: %v", pair, err)
		}
	}
}

// TestProofsWithSmallMemory proves more entries than the cache covers.
func TestProofsWithSmallMemory(t *testing.T) {
	l := newLog(t)
	l.grow(cacheTiles*width + 5000)
	l.reopenAfterPublish()
	cp := l.sign()
	for i := int64(0); i < l.Size(); i += 101 {
		checkReceipt(t, l, i, cp)
	}
	if len(l.cache) > cacheTiles {
		t.Errorf("%d tiles in memory", len(l.cache))
	}
}

func TestOpenCheckpoint(t *testing.T) {
	signer, v := testKeys(t, "hub.example.org/log")
	other, _ := testKeys(t, "hub.example.org/log")
	foreign, _ := testKeys(t, "elsewhere.example.org")
	tree := Tree{N: 7, Hash: LeafHash(nil)}
	sign := func(s *Signer) []byte {
		cp, err := SignCheckpoint(s, tree)
		must(t, err)
		return cp
	}
	good := sign(signer)
	if got, err := OpenCheckpoint(good, v); err != nil || got != tree {
		t.Fatal(got, err)
	}
	if _, err := OpenCheckpoint(append(good, "— witness.example AAAAAAAAAAAA\n"...), v); err != nil {
		t.Error("a cosignature is in the way:", err)
	}
	raw := func(format string, args ...any) []byte { return signText(t, signer, fmt.Sprintf(format, args...)) }
	for name, bad := range map[string][]byte{
		"other key, same origin": sign(other),
		"foreign log":            sign(foreign),
		"origin and key differ":  raw("elsewhere.example.org\n7\n%s\n", tree.Hash),
		"extension line":         raw("hub.example.org/log\n7\n%s\nmore\n", tree.Hash),
		"size with zero":         raw("hub.example.org/log\n07\n%s\n", tree.Hash),
		"negative size":          raw("hub.example.org/log\n-7\n%s\n", tree.Hash),
		"huge size":              raw("hub.example.org/log\n%d\n%s\n", int64(1)<<62+1, tree.Hash),
		"empty tree, false root": raw("hub.example.org/log\n0\n%s\n", tree.Hash),
		"no root":                raw("hub.example.org/log\n7\n"),
		"altered size":           bytes.Replace(good, []byte("\n7\n"), []byte("\n8\n"), 1),
		"no signature":           good[:bytes.Index(good, []byte("\n\n"))+2],
		"too long":               append(bytes.Clone(good), bytes.Repeat([]byte("— w AAAAAAAA\n"), MaxCheckpoint/10)...),
		"nothing":                nil,
	} {
		if tree, err := OpenCheckpoint(bad, v); !errors.Is(err, ErrCheckpoint) || tree != (Tree{}) {
			t.Errorf("%s: %v, %v", name, tree, err)
		}
	}
	if _, err := SignCheckpoint(signer, Tree{N: -1}); !errors.Is(err, ErrCheckpoint) {
		t.Error("signed a negative size")
	}
}

func TestKeys(t *testing.T) {
	for _, origin := range []string{"", "a b", "a+b", "a\nb"} {
		if _, _, err := GenerateKey(origin); err == nil {
			t.Errorf("made a key for origin %q", origin)
		}
	}
	skey, vkey, err := GenerateKey("o")
	must(t, err)
	if _, err := NewSigner(vkey); err == nil {
		t.Error("a public key signs")
	}
	if _, err := NewVerifier(skey); err == nil {
		t.Error("a private key passes as a public one")
	}
	broken := skey[:len(skey)-8]
	if _, err := NewSigner(broken); err == nil || strings.Contains(err.Error(), broken[20:]) {
		t.Errorf("error is missing or tells the key: %v", err)
	}
	signer, err := NewSigner(skey)
	if err != nil || signer.Origin() != "o" || strings.Contains(fmt.Sprintf("%+v %#v", signer, *signer), skey[20:]) {
		t.Error("signer shows its key or has another name")
	}
}
