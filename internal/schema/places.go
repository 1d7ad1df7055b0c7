package schema

import (
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"fairlead/internal/fairlead"
)

// Place is where one answer may stand in a section, for a form that is made from the schema.
type Place struct {
	Path   []string // members, and "0" for the first item of a list
	Shape  Shape
	Needed bool // the section is not whole without it
}

// Places lists what a form asks of a section of a kind, in the order of the schema: what is required, down to
// single values, the first of the alternatives where there are some, and the members that are said to be for
// this kind. Of a list of objects it asks for one.
func (s *Set) Places(kind string, code fairlead.SectionCode) (list []Place) {
	at, err := s.schema(kind, code)
	if err != nil {
		return nil
	}
	chain := chainOf(at)
	required := requiredOf(chain)
	for _, name := range required {
		if name != "language" {
			list = append(list, placesAt(chain, nil, name, true)...)
		}
	}
	for _, name := range meantFor(chain, kind) {
		if !slices.Contains(required, name) {
			list = append(list, placesAt(chain, nil, name, false)...)
		}
	}
	return list
}

// requiredOf are the members that an object needs, with the first of its alternatives if none is met.
func requiredOf(chain []*jsonschema.Schema) (names []string) {
	for _, at := range chain {
		names = append(names, at.Required...)
	}
	for _, at := range chain {
		met := slices.ContainsFunc(at.AnyOf, func(one *jsonschema.Schema) bool {
			return !slices.ContainsFunc(one.Required, func(name string) bool { return !slices.Contains(names, name) })
		})
		if len(at.AnyOf) > 0 && !met {
			names = append(names, at.AnyOf[0].Required...)
		}
	}
	var once []string
	for _, name := range names {
		if !slices.Contains(once, name) {
			once = append(once, name)
		}
	}
	return once
}

// meantFor are the members whose description names the kind in brackets, by name.
func meantFor(chain []*jsonschema.Schema, kind string) (names []string) {
	for _, at := range chain {
		for name, member := range at.Properties {
			if strings.Contains(member.Description, "("+kind+")") && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return names
}

// placesAt are the single values below one member.
func placesAt(chain []*jsonschema.Schema, path []string, name string, needed bool) (list []Place) {
	member, _ := memberOf(chain, name)
	if member == nil || len(path) > 8 {
		return nil
	}
	path = append(slices.Clone(path), name)
	at := chainOf(member)
	shape := shapeOf(at)
	if shape.Form == "list" {
		items := chainOf(itemOf(at))
		if shapeOf(items).Form != "object" {
			return []Place{{path, shape, needed}}
		}
		path, at, shape = append(path, "0"), items, Shape{Form: "object"}
	}
	if shape.Form != "object" {
		return []Place{{path, shape, needed}}
	}
	for _, inner := range requiredOf(at) {
		list = append(list, placesAt(at, path, inner, needed)...)
	}
	if town, _ := memberOf(at, "locality"); town != nil { // a place without one finds nobody
		list = append(list, placesAt(at, path, "locality", false)...)
	}
	return list
}
