// Package strictjson decodes JSON (RFC 8259) that was signed or hashed: what one reader sees must be
// what every reader sees. It refuses unknown members, duplicate members, member names that are not
// lower-case (Go matches names case-insensitively, others do not), bytes that are not UTF-8 (Go replaces
// them, others do not), trailing data and deep nesting.
package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"unicode/utf8"
)

// ErrStrict is wrapped by every refusal of this package.
var ErrStrict = errors.New("not strict JSON")

// maxDepth bounds nesting; our own documents need five levels.
const maxDepth = 12

var nameForm = regexp.MustCompile(`^[a-z0-9_]{1,40}$`)

// Unmarshal decodes b into v, which must be a pointer to a type whose member names are lower-case.
func Unmarshal(b []byte, v any) error {
	if !utf8.Valid(b) {
		return fmt.Errorf("%w: not UTF-8 (RFC 8259 §8.1)", ErrStrict)
	}
	if err := walk(b); err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return fmt.Errorf("%w: %w", ErrStrict, short(err))
	}
	return nil
}

// short keeps a quoted value out of an error: the library prints a wrong number in its whole length.
func short(err error) error {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) && len(wrong.Value) > 40 {
		wrong.Value = wrong.Value[:40] + "…"
	}
	return err
}

// walk reads every token once and checks names, duplicates, depth and the end of input.
func walk(b []byte) error {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	if err := value(dec, 0); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: data after the document at byte %d", ErrStrict, dec.InputOffset())
	}
	return nil
}

func value(dec *json.Decoder, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("%w: nested deeper than %d at byte %d", ErrStrict, maxDepth, dec.InputOffset())
	}
	tok, err := dec.Token()
	if err != nil {
		return fmt.Errorf("%w: at byte %d: %w", ErrStrict, dec.InputOffset(), err)
	}
	delim, ok := tok.(json.Delim)
	if !ok {
		return nil
	}
	seen := map[string]bool{}
	for dec.More() {
		if delim == '{' {
			if err := name(dec, seen); err != nil {
				return err
			}
		}
		if err := value(dec, depth+1); err != nil {
			return err
		}
	}
	if _, err := dec.Token(); err != nil { // the closing bracket
		return fmt.Errorf("%w: at byte %d: %w", ErrStrict, dec.InputOffset(), err)
	}
	return nil
}

func name(dec *json.Decoder, seen map[string]bool) error {
	tok, err := dec.Token()
	if err != nil {
		return fmt.Errorf("%w: at byte %d: %w", ErrStrict, dec.InputOffset(), err)
	}
	key := tok.(string)
	if !nameForm.MatchString(key) {
		return fmt.Errorf("%w: member name before byte %d is not lower-case a-z, 0-9 or '_'", ErrStrict, dec.InputOffset())
	}
	if seen[key] {
		return fmt.Errorf("%w: member %q stands twice (byte %d)", ErrStrict, key, dec.InputOffset())
	}
	seen[key] = true
	return nil
}
