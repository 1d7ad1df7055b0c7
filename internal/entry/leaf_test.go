package entry_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"fairlead/internal/entry"
	"fairlead/internal/fairlead"
)

func leaf() entry.Leaf {
	return entry.Leaf{
		Class: entry.ClassShare, Outcome: entry.OutcomeDelivered, At: time.Date(2027, 1, 26, 14, 0, 0, 123_000_000, time.UTC),
		Share: fairlead.ShareID{0: 1, 15: 15}, From: "NOR-CSC", To: "RO-DIR", Counter: 7,
		Delivered: sha256.Sum256([]byte("delivered")), Verdict: sha256.Sum256([]byte("verdict")), Detail: sha256.Sum256([]byte("detail")),
	}
}

// TestLeaf: every class and every outcome has the one length and comes back.
func TestLeaf(t *testing.T) {
	for class := entry.ClassShare; class <= entry.ClassUnparsed; class++ {
		for outcome := entry.OutcomeDelivered; outcome <= entry.OutcomeControl; outcome++ {
			for _, change := range []func(l *entry.Leaf){
				func(*entry.Leaf) {},
				func(l *entry.Leaf) { l.From, l.To, l.Counter = "", "", 0 },
				func(l *entry.Leaf) {
					l.From, l.To, l.Counter = fairlead.Hub, fairlead.AgencyID(strings.Repeat("X", 32)), 1<<64-1
				},
				func(l *entry.Leaf) {
					l.Delivered, l.Verdict, l.Detail = fairlead.Digest{}, fairlead.Digest{}, fairlead.Digest{}
				},
			} {
				want := leaf()
				want.Class, want.Outcome = class, outcome
				change(&want)
				b := want.Marshal()
				got, err := entry.ParseLeaf(b)
				if err != nil || got != want || len(b) != entry.LeafSize {
					t.Errorf("class %d, outcome %d, %d bytes: comes back as %+v: %v", class, outcome, len(b), got, err)
				}
			}
		}
	}
}

// TestLeafBytes is the format, to the byte.
func TestLeafBytes(t *testing.T) {
	l := leaf()
	got := hex.EncodeToString(l.Marshal())
	if len(got) != 2*196 {
		t.Fatalf("%d digits: %s", len(got), got)
	}
	for _, part := range []struct {
		name     string
		from, to int
		want     string
	}{
		{"version, class, outcome, 0", 0, 4, "01010100"},
		{"milliseconds", 4, 12, hex.EncodeToString(bigEndian(l.At.UnixMilli()))},
		{"share", 12, 28, "0100000000000000000000000000000f"},
		{"from", 28, 60, hex.EncodeToString([]byte("NOR-CSC")) + strings.Repeat("00", 25)},
		{"to", 60, 92, hex.EncodeToString([]byte("RO-DIR")) + strings.Repeat("00", 26)},
		{"counter", 92, 100, "0000000000000007"},
		{"delivered", 100, 132, l.Delivered.String()},
		{"verdict", 132, 164, l.Verdict.String()},
		{"detail", 164, 196, l.Detail.String()},
	} {
		if got := got[2*part.from : 2*part.to]; got != part.want {
			t.Errorf("%s: %s, want %s", part.name, got, part.want)
		}
	}
}

func bigEndian(n int64) []byte {
	b := make([]byte, 8)
	for i := range b {
		b[i] = byte(n >> (8 * (7 - i)))
	}
	return b
}

// TestParseLeafRefuses: one byte is wrong, and the leaf is none.
func TestParseLeafRefuses(t *testing.T) {
	l := leaf()
	whole := l.Marshal()
	set := func(at int, v ...byte) []byte {
		b := bytes.Clone(whole)
		copy(b[at:], v)
		return b
	}
	for name, b := range map[string][]byte{
		"nothing":                  nil,
		"one byte short":           whole[:entry.LeafSize-1],
		"one byte long":            append(bytes.Clone(whole), 0),
		"version 0":                set(0, 0),
		"version 2":                set(0, 2),
		"reserved byte set":        set(3, 1),
		"class 0":                  set(1, 0),
		"class 5":                  set(1, 5),
		"outcome 0":                set(2, 0),
		"outcome 5":                set(2, 5),
		"padded with spaces":       set(28+7, ' '),
		"padded with other zeros":  set(28+8, 'X'),
		"sender in small letters":  set(28, 'n'),
		"recipient of one letter":  set(60, append([]byte("R"), make([]byte, 31)...)...),
		"recipient without its R":  set(60, 0),
		"recipient not of letters": set(60, 0xff),
	} {
		if l, err := entry.ParseLeaf(b); !errors.Is(err, entry.ErrMalformed) {
			t.Errorf("%s: %+v %v", name, l, err)
		}
	}
}

// FuzzParseLeaf: what is accepted comes back to the byte.
func FuzzParseLeaf(f *testing.F) {
	l := leaf()
	f.Add(l.Marshal())
	f.Add(make([]byte, entry.LeafSize))
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := entry.ParseLeaf(b)
		if err == nil && !bytes.Equal(l.Marshal(), b) {
			t.Fatalf("%x comes back as %x", b, l.Marshal())
		}
		if err != nil && !errors.Is(err, entry.ErrMalformed) {
			t.Fatal(err)
		}
	})
}
