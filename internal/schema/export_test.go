package schema

import (
	"github.com/santhosh-tekuri/jsonschema/v6"

	"fairlead/internal/fairlead"
	"fairlead/schemas"
)

// Compiled is what content of a section is held to in a kind.
func (s *Set) Compiled(kind string, code fairlead.SectionCode) (*jsonschema.Schema, error) {
	return s.schema(kind, code)
}

// At compiles the schema at a place of the data, such as "facts.json#/$defs/ack".
func At(place string) (*jsonschema.Schema, error) {
	c, err := compiler(schemas.FS)
	if err != nil {
		return nil, err
	}
	return c.Compile(base + place)
}
