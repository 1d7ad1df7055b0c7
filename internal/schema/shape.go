package schema

import (
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"fairlead/internal/fairlead"
)

// Shape is what may stand at one place of a section, for a program that asks people or shows them.
type Shape struct {
	// Form is object, list, bool, count, code, one of plainForms, or text for any other text.
	Form     string
	List     string   // code list of codes.json, where Values are one
	Values   []string // of a code
	Max      int      // characters of a text; 0: no bound
	Required bool     // by the object around it
}

// Shape looks up the place that path names in a section of a kind: members, and numbers for the items
// of a list. It reports false where the schema has no such place.
func (s *Set) Shape(kind string, code fairlead.SectionCode, path ...string) (Shape, bool) {
	at, err := s.schema(kind, code)
	if err != nil {
		return Shape{}, false
	}
	required := false
	for _, name := range path {
		chain := chainOf(at)
		if _, err := strconv.Atoi(name); err == nil {
			at, required = itemOf(chain), false
		} else {
			at, required = memberOf(chain, name)
		}
		if at == nil {
			return Shape{}, false
		}
	}
	shape := shapeOf(chainOf(at))
	shape.Required = required
	return shape, true
}

// chainOf lists a schema and those it refers to.
func chainOf(at *jsonschema.Schema) (chain []*jsonschema.Schema) {
	for ; at != nil && len(chain) < 8; at = at.Ref {
		chain = append(chain, at)
	}
	return chain
}

// memberOf finds a member; a narrower schema may name it too, and then has the word.
func memberOf(chain []*jsonschema.Schema, name string) (found *jsonschema.Schema, required bool) {
	for _, s := range chain {
		if found == nil {
			found = s.Properties[name]
		}
		required = required || slices.Contains(s.Required, name)
	}
	return found, required
}

func itemOf(chain []*jsonschema.Schema) *jsonschema.Schema {
	for _, s := range chain {
		if s.Items2020 != nil {
			return s.Items2020
		}
	}
	return nil
}

// plainForms are the types of defs.json that are shown and asked for in a way of their own.
var plainForms = []string{"text", "phrase", "date", "instant", "phone", "email", "country", "language", "jurisdiction", "agency"}

func shapeOf(chain []*jsonschema.Schema) Shape {
	var shape Shape
	for _, s := range chain {
		_, name, _ := strings.Cut(s.Location, "#/$defs/")
		if shape.Form == "" && slices.Contains(plainForms, name) {
			shape.Form = name
		}
		if s.MaxLength != nil {
			shape.Max = *s.MaxLength
		}
		if s.Enum != nil && shape.Values == nil {
			shape.Form, shape.Values = "code", texts(s.Enum.Values)
			if strings.Contains(s.Location, "/codes.json#") {
				shape.List = name
			}
		}
		if s.Types != nil && shape.Form == "" {
			shape.Form = formOf(s.Types.ToStrings())
		}
	}
	if shape.Form == "" {
		shape.Form = "text"
	}
	return shape
}

func texts(values []any) (list []string) {
	for _, v := range values {
		if text, ok := v.(string); ok {
			list = append(list, text)
		}
	}
	return list
}

func formOf(types []string) string {
	switch {
	case slices.Contains(types, "object"):
		return "object"
	case slices.Contains(types, "array"):
		return "list"
	case slices.Contains(types, "boolean"):
		return "bool"
	case slices.Contains(types, "integer"):
		return "count"
	}
	return "text"
}

// Members lists the names that any section of any kind gives its members, and the values of codes that
// are not of a list of their own, each once and sorted: what a reader needs words for.
func (s *Set) Members() (names, values []string) {
	seen := map[*jsonschema.Schema]bool{}
	var walk func(at *jsonschema.Schema)
	walk = func(at *jsonschema.Schema) {
		if at == nil || seen[at] {
			return
		}
		seen[at] = true
		for name, member := range at.Properties {
			if name != "x" {
				names = append(names, name)
			}
			walk(member)
		}
		if at.Enum != nil && !strings.Contains(at.Location, "/codes.json#") {
			values = append(values, texts(at.Enum.Values)...)
		}
		walk(at.Ref)
		walk(at.Items2020)
		for _, one := range slices.Concat(at.OneOf, at.AnyOf, at.AllOf) {
			walk(one)
		}
	}
	for _, at := range s.sections {
		walk(at)
	}
	slices.Sort(names)
	slices.Sort(values)
	return slices.Compact(names), slices.Compact(values)
}
