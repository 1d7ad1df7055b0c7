// Package strictjson decodes JSON (RFC 8259) that was signed or hashed: what one reader sees must be
// what every reader sees. It refuses unknown members, duplicate members, member names that are not
// plain lower-case (Go matches names case-insensitively, others do not), bytes that are not UTF-8 (Go replaces
// them, others do not), trailing data and deep nesting.
package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"unicode/utf8"
)

// ErrStrict is wrapped by every refusal of this package.
var ErrStrict = errors.New("not strict JSON")

// Bounds of nesting and of the members of one object; our own documents need five levels and forty members.
const (
	maxDepth   = 12
	maxMembers = 1000
)

// maxName bounds a member name in bytes.
const maxName = 40

// plain reports whether a member name is of a-z, 0-9 and '_'.
func plain(name []byte) bool {
	for _, c := range name {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return len(name) > 0 && len(name) <= maxName
}

// Unmarshal decodes b into v, which must be a pointer to a type whose member names are lower-case.
func Unmarshal(b []byte, v any) error {
	if !utf8.Valid(b) {
		return fmt.Errorf("%w: not UTF-8 (RFC 8259 §8.1)", ErrStrict)
	}
	to := reflect.ValueOf(v)
	if to.Kind() == reflect.Pointer && !to.IsNil() && to.Elem().IsZero() {
		if read(b, to) {
			return nil
		}
		to.Elem().SetZero()
	}
	return library(b, v)
}

// library reads by the standard library, after what that does not look at.
func library(b []byte, v any) error {
	if err := scan(b); err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return fmt.Errorf("%w: at byte %d: %w", ErrStrict, place(err, dec), short(err))
	}
	if end := dec.InputOffset(); len(bytes.TrimLeft(b[end:], " \t\r\n")) > 0 {
		return fmt.Errorf("%w: data after the document at byte %d", ErrStrict, end)
	}
	return nil
}

// place is where the decoder stopped, as near as it says.
func place(err error, dec *json.Decoder) int64 {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return syntax.Offset
	}
	return dec.InputOffset()
}

// short keeps a quoted value out of an error: the library prints a wrong number in its whole length.
func short(err error) error {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) && len(wrong.Value) > 40 {
		wrong.Value = wrong.Value[:40] + "…"
	}
	return err
}

// level is an open object or array: the names of an object so far, and whether one comes next.
type level struct {
	object, name bool
	names        [][]byte
}

// scan finds member names, and checks them, duplicates and depth. It takes the document for well formed:
// what is not, the decoder refuses after it.
func scan(b []byte) error {
	var levels []level
	for i := 0; i < len(b); i++ {
		top := len(levels) - 1
		switch b[i] {
		case '{', '[':
			if len(levels) > maxDepth {
				return fmt.Errorf("%w: nested deeper than %d at byte %d", ErrStrict, maxDepth, i)
			}
			levels = append(levels, level{object: b[i] == '{', name: b[i] == '{'})
		case '}', ']':
			levels = levels[:max(top, 0)]
		case ',':
			if top >= 0 {
				levels[top].name = levels[top].object
			}
		case '"':
			text := quoted(b[i+1:])
			if top >= 0 && levels[top].name {
				if err := levels[top].add(text, i); err != nil {
					return err
				}
			}
			i += len(text) + 1
		}
	}
	return nil
}

// quoted is what stands before the closing quote.
func quoted(b []byte) []byte {
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			return b[:i]
		case '\\':
			i++ // whatever is escaped, a quote too
		}
	}
	return b
}

// add takes the next member name of an object, which stands at byte i.
func (l *level) add(name []byte, i int) error {
	if !plain(name) {
		return fmt.Errorf("%w: member name at byte %d is not lower-case a-z, 0-9 or '_'", ErrStrict, i)
	}
	if slices.ContainsFunc(l.names, func(n []byte) bool { return bytes.Equal(n, name) }) {
		return fmt.Errorf("%w: member %q stands twice (byte %d)", ErrStrict, name, i)
	}
	if len(l.names) == maxMembers {
		return fmt.Errorf("%w: more than %d members in one object (byte %d)", ErrStrict, maxMembers, i)
	}
	l.names, l.name = append(l.names, name), false
	return nil
}
