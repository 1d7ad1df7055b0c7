// Package dump writes Go values as bytes and reads them back by one and the same description: a function that
// calls a Coder for each field, in order. So what is written and what is read cannot differ, and a field that is
// left out is missing from both, which a round trip shows. The form is private to one program: it has no version
// and no names, and numbers are varints (encoding/binary).
package dump

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"
)

// ErrMalformed is wrapped by every refusal to read.
var ErrMalformed = errors.New("dump: not what was written")

// maxBytes bounds one text or slice of bytes.
const maxBytes = 16 << 20

// Coder writes values, or reads them into the variables it is given. After an error it does nothing.
type Coder struct {
	w       *bufio.Writer
	r       *bufio.Reader
	err     error
	numbers map[any]uint64 // of what is written once
	values  []any          // that were, by number
	buf     []byte
}

// NewWriter makes a Coder that writes.
func NewWriter(w io.Writer) *Coder {
	return &Coder{w: bufio.NewWriterSize(w, 1<<16), numbers: map[any]uint64{}}
}

// NewReader makes a Coder that reads.
func NewReader(r io.Reader) *Coder { return &Coder{r: bufio.NewReaderSize(r, 1<<16)} }

// Reads reports whether it reads.
func (c *Coder) Reads() bool { return c.r != nil }

// Err is the first error so far.
func (c *Coder) Err() error { return c.err }

// Fail notes an error, unless there is one.
func (c *Coder) Fail(err error) {
	if c.err == nil {
		c.err = err
	}
}

// End writes what is left, or makes sure that nothing is, and returns the first error.
func (c *Coder) End() error {
	if c.err == nil && c.w != nil {
		c.err = c.w.Flush()
	}
	if c.err == nil && c.r != nil {
		if _, err := c.r.ReadByte(); !errors.Is(err, io.EOF) {
			c.err = fmt.Errorf("%w: more follows", ErrMalformed)
		}
	}
	return c.err
}

func (c *Coder) write(b []byte) {
	if c.err == nil {
		_, c.err = c.w.Write(b)
	}
}

func (c *Coder) read(b []byte) {
	if c.err != nil {
		return
	}
	if _, err := io.ReadFull(c.r, b); err != nil {
		c.err = fmt.Errorf("%w: %w", ErrMalformed, err)
	}
}

// number is a uint64, by its value when it writes.
func (c *Coder) number(n uint64) uint64 {
	if c.w != nil {
		c.buf = binary.AppendUvarint(c.buf[:0], n)
		c.write(c.buf)
		return n
	}
	if c.err != nil {
		return 0
	}
	n, err := binary.ReadUvarint(c.r)
	if err != nil {
		c.err = fmt.Errorf("%w: %w", ErrMalformed, err)
		return 0
	}
	return n
}

// Int is a whole number.
func Int[T ~int | ~int64 | ~uint64](c *Coder, v *T) {
	if n := c.number(uint64(*v)); c.Reads() {
		*v = T(n)
	}
}

// Bool is a truth value.
func (c *Coder) Bool(v *bool) {
	n := uint64(0)
	if *v {
		n = 1
	}
	if n = c.number(n); c.Reads() {
		*v = n == 1
	}
}

// Fixed is an array, as the slice of all of it.
func (c *Coder) Fixed(b []byte) {
	if c.Reads() {
		c.read(b)
		return
	}
	c.write(b)
}

// Bytes are bytes; none and nil are the same.
func (c *Coder) Bytes(b *[]byte) {
	n := c.number(uint64(len(*b)))
	if !c.Reads() {
		c.write(*b)
		return
	}
	if n > maxBytes {
		c.Fail(fmt.Errorf("%w: %d bytes in one piece", ErrMalformed, n))
	}
	*b = nil
	if c.err == nil && n > 0 {
		*b = make([]byte, n)
		c.read(*b)
	}
}

// Text is a text that is unlikely to come again.
func Text[T ~string](c *Coder, v *T) {
	b := []byte(*v)
	if c.Bytes(&b); c.Reads() {
		*v = T(b)
	}
}

// Word is a text that comes again and again, such as a code or the name of an agency.
func Word[T ~string](c *Coder, v *T) {
	word := string(*v)
	if Once(c, &word, func(w *string) { Text(c, w) }); c.Reads() {
		*v = T(word)
	}
}

// Once is a value that comes again and again: it is written once, and what is read shares memory.
func Once[T comparable](c *Coder, v *T, each func(*T)) {
	if !c.Reads() {
		n, known := c.numbers[*v]
		if !known {
			n = uint64(len(c.numbers))
			c.numbers[*v] = n
		}
		if c.number(n); !known {
			each(v)
		}
		return
	}
	n := c.number(0)
	if n == uint64(len(c.values)) {
		c.values = append(c.values, nil) // what it is made of comes after it
		each(v)
		c.values[n] = *v
	}
	if n < uint64(len(c.values)) {
		if known, ok := c.values[n].(T); ok {
			*v = known
			return
		}
	}
	c.Fail(fmt.Errorf("%w: value %d of %d", ErrMalformed, n, len(c.values)))
}

// Words is a list of them.
func Words[T ~string](c *Coder, v *[]T) { List(c, v, func(w *T) { Word(c, w) }) }

// Time is an instant, in UTC when it is read.
func (c *Coder) Time(t *time.Time) {
	seconds, nanos := t.Unix(), int64(t.Nanosecond())
	Int(c, &seconds)
	if Int(c, &nanos); c.Reads() {
		*t = time.Unix(seconds, nanos).UTC()
	}
}

// List is a slice; none and nil are the same.
func List[T any](c *Coder, v *[]T, each func(*T)) {
	n := c.number(uint64(len(*v)))
	if !c.Reads() {
		for i := range *v {
			each(&(*v)[i])
		}
		return
	}
	var list []T
	for ; n > 0 && c.err == nil; n-- { // never made at once: the number may be anything
		list = append(list, *new(T))
		each(&list[len(list)-1])
	}
	*v = list
}

// Map is a map, in the order of compare. One without entries is left as it is when it is read.
func Map[K comparable, V any](c *Coder, m *map[K]V, compare func(a, b K) int, each func(*K, *V)) {
	n := c.number(uint64(len(*m)))
	if !c.Reads() {
		for _, k := range slices.SortedFunc(maps.Keys(*m), compare) {
			v := (*m)[k]
			each(&k, &v)
		}
		return
	}
	if n > 0 {
		*m = map[K]V{}
	}
	for ; n > 0 && c.err == nil; n-- {
		var k K
		var v V
		each(&k, &v)
		(*m)[k] = v
	}
}

// Maybe is a pointer that may be nil.
func Maybe[T any](c *Coder, v **T, each func(*T)) {
	there := *v != nil
	if c.Bool(&there); !there {
		*v = nil
		return
	}
	if c.Reads() {
		*v = new(T)
	}
	each(*v)
}

// JSON is a value in its JSON form, for what has one that loses nothing.
func (c *Coder) JSON(v any) {
	var b []byte
	if !c.Reads() {
		var err error
		if b, err = json.Marshal(v); err != nil {
			c.Fail(err)
		}
	}
	if c.Bytes(&b); !c.Reads() || c.err != nil {
		return
	}
	if err := json.Unmarshal(b, v); err != nil {
		c.Fail(fmt.Errorf("%w: %w", ErrMalformed, err))
	}
}
