package schema

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"fairlead/internal/fairlead"
	"fairlead/internal/strictjson"
)

// maxContent bounds the JSON of one section, in bytes; maxFaults how many faults are told at once, and
// maxSorted among how many the first ones are looked for.
const (
	maxContent = 512 << 10
	maxFaults  = 8
	maxSorted  = 64
)

// Section checks the JSON content of a section in a message of a kind: strict JSON without a member
// twice, of the section's schema and what the kind asks of it. The error wraps ErrContent and tells
// every fault with its line, JSON pointer (RFC 6901) and what to do. Content never stands in it: of
// members that no schema knows, not even the name.
func (s *Set) Section(kind string, code fairlead.SectionCode, content []byte) error {
	schema, err := s.schema(kind, code)
	if err != nil {
		return err
	}
	var faults []string
	if len(content) > maxContent {
		faults = []string{fmt.Sprintf("%d bytes; want at most %d", len(content), maxContent)}
	} else {
		faults = s.check(schema, content)
	}
	if len(faults) == 0 {
		return nil
	}
	if len(faults) > maxFaults {
		faults = append(faults[:maxFaults], "and more")
	}
	return fmt.Errorf("%w: section %s of %s:\n  %s", ErrContent, code, kind, strings.Join(faults, "\n  "))
}

// check lists the faults of content in the order of its lines.
func (s *Set) check(schema *jsonschema.Schema, content []byte) []string {
	var doc any
	if err := strictjson.Unmarshal(content, &doc); err != nil {
		return []string{index(content).unreadable(err)}
	}
	err := schema.Validate(doc)
	if err == nil {
		return nil
	}
	var invalid *jsonschema.ValidationError
	if !errors.As(err, &invalid) {
		return []string{"cannot be checked; write to the makers of this program"}
	}
	found := s.leaves(invalid)
	found = found[:min(len(found), maxSorted)]
	lines := index(content)
	for i, f := range found {
		found[i].line, found[i].at = lines.of(f.at), f.at[:len(f.at)-f.unknown]
	}
	slices.SortFunc(found, func(a, b fault) int { return cmp.Or(a.line-b.line, strings.Compare(a.String(), b.String())) })
	var list []string
	for _, f := range found {
		list = append(list, f.String())
	}
	return slices.Compact(list)
}

// fault is one thing that is wrong with the value at a place.
type fault struct {
	at      []string // path of members and numbers
	unknown int      // how many at its end are not of the schema, and are not told
	line    int
	want    string
}

// String is "line 7, /persons/0/dob: …".
func (f fault) String() string { return fmt.Sprintf("line %d, %s: %s", f.line, pointer(f.at), f.want) }

func pointer(at []string) string {
	if len(at) == 0 {
		return "the whole"
	}
	return "/" + strings.Join(at, "/") // names of a schema have no '~' and no '/'
}

// leaves are the faults at the ends of a tree of causes. Alternatives are told as one fault.
func (s *Set) leaves(e *jsonschema.ValidationError) (list []fault) {
	at := e.InstanceLocation
	switch k := e.ErrorKind.(type) {
	case *kind.AnyOf, *kind.OneOf:
		return []fault{{at: at, want: alternatives(e)}}
	case *kind.AdditionalProperties:
		for _, name := range k.Properties {
			list = append(list, fault{at: append(slices.Clone(at), name), unknown: 1, want: "a member here has a name that is not known; correct it, or put it under x of the section"})
		}
		return list
	case *kind.Pattern, *kind.Format:
		if says := s.says[e.SchemaURL]; says != "" {
			return []fault{{at: at, want: "want: " + says}}
		}
	}
	if len(e.Causes) == 0 {
		return []fault{{at: at, want: want(e.ErrorKind)}}
	}
	for _, c := range e.Causes {
		list = append(list, s.leaves(c)...)
	}
	return list
}

// alternatives tells the ways in which the value could be right, where each only asks for members.
func alternatives(e *jsonschema.ValidationError) string {
	var ways []string
	for _, c := range e.Causes {
		missing, ok := c.ErrorKind.(*kind.Required)
		if !ok {
			return "it has none of the forms that stand in schemas/README.md; compare it with the example"
		}
		ways = append(ways, strings.Join(missing.Missing, " and "))
	}
	return "add one of: " + strings.Join(ways, "; ")
}

// want says what to do, without a word of the content.
func want(e jsonschema.ErrorKind) string {
	switch e := e.(type) {
	case *kind.Required:
		return "add " + strings.Join(e.Missing, ", ")
	case *kind.FalseSchema:
		return "this member does not belong here; remove it"
	case *kind.Enum:
		return "want one of " + values(e.Want)
	case *kind.Const:
		return "want " + values([]any{e.Want})
	case *kind.Type:
		return "want " + types(e.Want)
	case *kind.Format:
		return "want a " + e.Want
	case *kind.Pattern:
		return "want the form " + e.Want
	case *kind.MaxLength:
		return fmt.Sprintf("want at most %d characters", e.Want)
	case *kind.MinItems:
		return fmt.Sprintf("want at least %d; leave it out if there is none", e.Want)
	case *kind.MaxItems:
		return fmt.Sprintf("want at most %d", e.Want)
	case *kind.Minimum:
		return "want at least " + e.Want.RatString()
	case *kind.Maximum:
		return "want at most " + e.Want.RatString()
	}
	return "it is not as schemas/README.md says"
}

// plain are the types of JSON in plain words.
var plain = map[string]string{"array": "a list", "boolean": "true or false", "integer": "a whole number", "number": "a number", "object": "an object", "string": "text"}

func types(list []string) string {
	var out []string
	for _, name := range list {
		out = append(out, plain[name])
	}
	return strings.Join(out, " or ")
}

func values(list []any) string {
	var out []string
	for _, v := range list {
		out = append(out, fmt.Sprint(v))
	}
	return strings.Join(out, ", ")
}

// places tells on which line each value of a document begins.
type places struct {
	content []byte
	start   map[string]int64 // byte, by JSON pointer
	twice   int64            // where a member begins that stands twice; 0 for none
}

// index walks a document once. It stops at the first token that is not JSON.
func index(content []byte) places {
	p := places{content: content, start: map[string]int64{}}
	dec := json.NewDecoder(bytes.NewReader(content))
	dec.UseNumber()
	p.value(dec, "", 0)
	return p
}

func (p *places) value(dec *json.Decoder, at string, depth int) bool {
	from := dec.InputOffset()
	tok, err := dec.Token()
	if err != nil || depth > 16 {
		return false
	}
	p.start[at] = from
	delim, ok := tok.(json.Delim)
	for i := 0; ok && dec.More(); i++ {
		next := at + "/" + strconv.Itoa(i)
		if delim == '{' {
			name, err := dec.Token()
			if err != nil {
				return false
			}
			next = fmt.Sprintf("%s/%v", at, name)
			if _, again := p.start[next]; again && p.twice == 0 {
				p.twice = dec.InputOffset()
			}
		}
		if !p.value(dec, next, depth+1) {
			return false
		}
	}
	if ok {
		_, err = dec.Token()
	}
	return err == nil
}

// of is the line of the value at a place; of the nearest one around it, where the value has none.
func (p places) of(at []string) int {
	for n := len(at); n > 0; n-- {
		if from, ok := p.start["/"+strings.Join(at[:n], "/")]; ok {
			return p.line(from)
		}
	}
	return p.line(0)
}

// line counts from 1; blank before a value is skipped.
func (p places) line(from int64) int {
	rest := p.content[min(int(from), len(p.content)):]
	from += int64(len(rest) - len(bytes.TrimLeft(rest, " \t\r\n,:")))
	return 1 + bytes.Count(p.content[:min(int(from), len(p.content))], []byte("\n"))
}

// unreadable says why content is not strict JSON. The text of the error itself may quote content.
func (p places) unreadable(err error) string {
	var syntax *json.SyntaxError
	switch {
	case p.twice > 0:
		return fmt.Sprintf("line %d: a member stands twice; remove one", p.line(p.twice))
	case errors.As(err, &syntax):
		return fmt.Sprintf("line %d: it is not JSON from here on; look for a missing comma, quote or bracket", p.line(syntax.Offset))
	}
	return "it is not strict JSON; want one document in UTF-8, member names of a-z, 0-9 and '_', numbers of common size, at most 12 levels"
}
