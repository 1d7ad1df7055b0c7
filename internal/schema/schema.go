// Package schema checks the content of sections against the JSON Schemas (draft 2020-12) of package
// schemas, at the agency, before anything is sealed: the hub cannot read content and so cannot check it.
// Its errors name section, line and member and say what to do; they never repeat what was written.
package schema

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"fairlead/internal/fairlead"
	"fairlead/schemas"
)

var (
	// ErrContent is wrapped by every refusal of content.
	ErrContent = errors.New("schema: content refused")
	// ErrData is wrapped where the data of package schemas is not fit to be used.
	ErrData = errors.New("schema: data unfit")
)

// base is where the schemas say they are; nothing is ever fetched from there.
const base = "https://fairlead.example/schema/v1/"

// Kind is a file of schemas/kinds.
type Kind struct {
	Code     string                           `json:"kind"`
	Title    string                           `json:"title"`
	Text     string                           `json:"text"`
	Sources  []string                         `json:"sources"` // standards whose names it uses
	Plane    string                           `json:"plane"`
	Senders  []fairlead.AgencyType            `json:"senders"`  // nil: any type
	Roles    []fairlead.Role                  `json:"roles"`    // nil: those who handle cases; empty: the hub alone
	Purposes []fairlead.Purpose               `json:"purposes"` // nil: none, or that of the message answered
	Ack      Ack                              `json:"ack"`
	Reply    bool                             `json:"reply"` // covered by the decision it answers
	Facts    map[string]Fact                  `json:"facts"`
	Sections map[fairlead.SectionCode]Section `json:"sections"` // usual for the kind; others may come along
	Record   *Record                          `json:"record"`
}

// Ack is the clock of the human acknowledgement: an ISO 8601 duration, or working days such as "2 wd".
type Ack struct {
	Due    string `json:"due"`    // "" where none is asked for
	Urgent string `json:"urgent"` // where urgency is Immediate, if that is shorter
}

// Fact may stand in the clear: a code, bool, count or date that a rule reads.
type Fact struct {
	Form     string   `json:"form"`
	Values   []string `json:"values"` // of a code
	Required bool     `json:"required"`
	Reader   string   `json:"reader"` // the rule; "not built: …" where it is still to come
	Says     string   `json:"says"`
}

// Section says what a section is for in messages of a kind.
type Section struct {
	Essential bool            `json:"essential"` // what the kind is about: a form asks for it first
	Says      string          `json:"says"`
	Schema    json.RawMessage `json:"schema"` // narrower than the section's own; absent: just that
}

// Record is the clear document of a control kind.
type Record struct {
	What   string          `json:"what"`
	Media  string          `json:"media"`
	Schema json.RawMessage `json:"schema"` // absent where it is not JSON
}

// Set is the data of package schemas, compiled. It never changes and may be used by many at once.
type Set struct {
	kinds    []Kind
	sections map[string]*jsonschema.Schema // by section code, and by "kind code" where a kind asks for more
	media    map[fairlead.SectionCode][]string
	says     map[string]string // what a shared type is, by its place
}

// Load reads and compiles the data once.
func Load() (*Set, error) { return load() }

var load = sync.OnceValues(func() (*Set, error) {
	s, err := compile(schemas.FS)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrData, err)
	}
	return s, nil
})

// Kinds lists every kind by its code.
func (s *Set) Kinds() []Kind { return slices.Clone(s.kinds) }

func compile(data fs.FS) (*Set, error) {
	s := &Set{sections: map[string]*jsonschema.Schema{}, media: map[fairlead.SectionCode][]string{}, says: map[string]string{}}
	c, err := compiler(data)
	if err != nil {
		return nil, err
	}
	if err := s.compileSections(c, data); err != nil {
		return nil, err
	}
	return s, s.compileKinds(c, data)
}

// compileSections compiles what a section is in every kind, and keeps the words for its types.
func (s *Set) compileSections(c *jsonschema.Compiler, data fs.FS) error {
	var defs struct {
		Defs map[string]struct{ Description string } `json:"$defs"`
	}
	if err := read(data, "defs.json", &defs); err != nil {
		return err
	}
	for name, d := range defs.Defs {
		s.says[base+"defs.json#/$defs/"+name] = d.Description
	}
	for _, code := range fairlead.Sections {
		name := "sections/" + string(code) + ".json"
		var err error
		if s.sections[string(code)], err = c.Compile(base + name); err != nil {
			return err
		}
		var doc struct {
			Media []string `json:"x-media"`
		}
		if err := read(data, name, &doc); err != nil {
			return err
		}
		s.media[code] = doc.Media
	}
	return nil
}

// compileKinds compiles what a kind asks of its sections.
func (s *Set) compileKinds(c *jsonschema.Compiler, data fs.FS) error {
	names, err := fs.Glob(data, "kinds/*.json")
	if err != nil {
		return err
	}
	for _, name := range names {
		var k Kind
		if err := read(data, name, &k); err != nil {
			return err
		}
		s.kinds = append(s.kinds, k)
		for code, section := range k.Sections {
			if section.Schema == nil {
				continue
			}
			at := fmt.Sprintf("%s%s#/sections/%s/schema", base, name, code)
			if s.sections[k.Code+" "+string(code)], err = c.Compile(at); err != nil {
				return err
			}
		}
	}
	return nil
}

// compiler knows every document of the data and nothing outside it.
func compiler(data fs.FS) (*jsonschema.Compiler, error) {
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	c.UseLoader(jsonschema.SchemeURLLoader{}) // a reference to anywhere else is an error
	return c, fs.WalkDir(data, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(name) != ".json" {
			return err
		}
		f, err := data.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		doc, err := jsonschema.UnmarshalJSON(f)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return c.AddResource(base+name, doc)
	})
}

// read decodes a file of the data.
func read(data fs.FS, name string, v any) error {
	b, err := fs.ReadFile(data, name)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// schema is what content of a section is held to in a kind.
func (s *Set) schema(kind string, code fairlead.SectionCode) (*jsonschema.Schema, error) {
	if !slices.ContainsFunc(s.kinds, func(k Kind) bool { return k.Code == kind }) {
		return nil, fmt.Errorf("%w: no such kind of message; use one of schemas/README.md", ErrContent)
	}
	if special := s.sections[kind+" "+string(code)]; special != nil {
		return special, nil
	}
	if general := s.sections[string(code)]; general != nil {
		return general, nil
	}
	return nil, fmt.Errorf("%w: no such section; use a code of schemas/README.md", ErrContent)
}

// File reports whether a section may be a file of a media type (RFC 6838) in place of JSON.
func (s *Set) File(code fairlead.SectionCode, media string) error {
	if slices.Contains(s.media[code], media) {
		return nil
	}
	if len(s.media[code]) == 0 {
		return fmt.Errorf("%w: section %s is JSON, not a file; send the file as ATTACH", ErrContent, code)
	}
	return fmt.Errorf("%w: section %s takes files of type %s", ErrContent, code, strings.Join(s.media[code], ", "))
}
