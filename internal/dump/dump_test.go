package dump_test

import (
	"bytes"
	"cmp"
	"errors"
	"reflect"
	"testing"
	"time"

	"fairlead/internal/dump"
)

type code string

// all is a value of each kind.
type all struct {
	n     int64
	u     uint64
	yes   bool
	digit [4]byte
	bytes []byte
	text  string
	words []code
	pairs []pair
	at    time.Time
	m     map[string]*all
	json  map[string]int
}

// pair is a value made of words that comes again.
type pair struct{ a, b code }

func (a *all) code(c *dump.Coder) {
	dump.Int(c, &a.n)
	dump.Int(c, &a.u)
	c.Bool(&a.yes)
	c.Fixed(a.digit[:])
	c.Bytes(&a.bytes)
	dump.Text(c, &a.text)
	dump.Words(c, &a.words)
	dump.List(c, &a.pairs, func(p *pair) {
		dump.Once(c, p, func(p *pair) {
			dump.Word(c, &p.a)
			dump.Word(c, &p.b)
		})
	})
	c.Time(&a.at)
	dump.Map(c, &a.m, cmp.Compare, func(k *string, v **all) {
		dump.Word(c, k)
		dump.Maybe(c, v, func(v *all) { v.code(c) })
	})
	c.JSON(&a.json)
}

func sample() *all {
	inner := &all{n: -1, words: []code{"b", "a", "b"}}
	return &all{
		n: 1 << 40, u: 1<<64 - 1, yes: true, digit: [4]byte{1, 2, 3, 4}, bytes: []byte("bytes"), text: "text", words: []code{"a", "b", "a"},
		pairs: []pair{{"a", "c"}, {"c", "a"}, {"a", "c"}},
		at:    time.Date(2027, 1, 4, 9, 0, 0, 5, time.UTC), m: map[string]*all{"x": inner, "none": nil, "a": {}}, json: map[string]int{"k": 1},
	}
}

func write(t testing.TB, a *all) []byte {
	t.Helper()
	var b bytes.Buffer
	c := dump.NewWriter(&b)
	a.code(c)
	if err := c.End(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func read(b []byte) (*all, error) {
	a, c := &all{}, dump.NewReader(bytes.NewReader(b))
	a.code(c)
	return a, c.End()
}

func TestRoundTrip(t *testing.T) {
	b := write(t, sample())
	a, err := read(b)
	if err != nil || !reflect.DeepEqual(a, sample()) {
		t.Errorf("%+v %v\nwas %+v", a, err, sample())
	}
	for range 8 { // whatever order a map gives
		if !bytes.Equal(write(t, sample()), b) {
			t.Fatal("the same value makes other bytes")
		}
	}
	for n := range b {
		if _, err := read(b[:n]); !errors.Is(err, dump.ErrMalformed) {
			t.Errorf("%d of %d bytes: %v", n, len(b), err)
		}
	}
	if _, err := read(append(b, 0)); !errors.Is(err, dump.ErrMalformed) {
		t.Errorf("a byte too many: %v", err)
	}
}

// TestOnce: what comes again is written once, is one in memory, and a number stands for nothing of another type.
func TestOnce(t *testing.T) {
	again := sample()
	again.pairs = append(again.pairs, again.pairs...)
	if more := len(write(t, again)) - len(write(t, sample())); more != len(sample().pairs) {
		t.Errorf("three pairs that are known take %d bytes", more)
	}
	var b bytes.Buffer
	w := dump.NewWriter(&b)
	word := "word"
	dump.Word(w, &word)
	dump.Word(w, &word)
	if err := w.End(); err != nil {
		t.Fatal(err)
	}
	r := dump.NewReader(&b)
	dump.Word(r, &word)
	dump.Once(r, &pair{}, func(*pair) { t.Error("it was written and is read anew") })
	if !errors.Is(r.Err(), dump.ErrMalformed) {
		t.Errorf("a word was read as a pair: %v", r.Err())
	}
}

// FuzzRead: no bytes make a Coder panic, or take much more memory than there are bytes.
func FuzzRead(f *testing.F) {
	f.Add(write(f, sample()))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := read(b)
		if err != nil && !errors.Is(err, dump.ErrMalformed) {
			t.Errorf("%v", err)
		}
		if err == nil {
			write(t, a)
		}
	})
}
