package schema

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the generated files of schemas")

// root is the folder of the data, as files: what is embedded may be older than what is being written.
const root = "../../schemas"

// TestGenerated holds codes.json, facts.json and README.md against the data they are made of. With
// -update it writes them (go generate ./schemas).
func TestGenerated(t *testing.T) {
	data := os.DirFS(root)
	for _, f := range []struct {
		name  string
		build func(fs.FS) (string, error)
	}{{"codes.json", codes}, {"facts.json", facts}, {"README.md", reference}} {
		got, err := f.build(data)
		if err != nil {
			t.Fatalf("%s: %v", f.name, err)
		}
		path := filepath.Join(root, f.name)
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if have, err := os.ReadFile(path); err != nil || string(have) != got {
			t.Errorf("schemas/%s is stale; run: go generate ./schemas (%v)", f.name, err)
		}
	}
}

// object is a JSON object that remembers the order of its members.
type object struct {
	names []string
	value map[string]json.RawMessage
}

func (o *object) UnmarshalJSON(b []byte) error {
	if err := json.Unmarshal(b, &o.value); err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	if _, err := dec.Token(); err != nil {
		return err
	}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return err
		}
		o.names = append(o.names, name.(string))
		if err := dec.Decode(new(json.RawMessage)); err != nil {
			return err
		}
	}
	return nil
}

// list is a code list of codelists.json.
type list struct {
	Columns []string
	Rows    [][]string
}

// parts are the codes of a list; a list with a column before its codes has a part for each value there.
func (l list) parts(name string) (names []string, codes map[string][]string) {
	codes = map[string][]string{}
	at := slices.Index(l.Columns, "code")
	for _, row := range l.Rows {
		part := name
		if at > 0 {
			part += "_" + row[0]
		}
		if codes[part] == nil {
			names = append(names, part)
		}
		codes[part] = append(codes[part], row[at])
	}
	return names, codes
}

// codes makes an enum of every code list.
func codes(data fs.FS) (string, error) {
	var names object
	var lists map[string]list
	if err := read(data, "codelists.json", &names); err != nil {
		return "", err
	}
	if err := read(data, "codelists.json", &lists); err != nil {
		return "", err
	}
	var defs []string
	for _, name := range names.names {
		parts, codes := lists[name].parts(name)
		for _, part := range parts {
			defs = append(defs, fmt.Sprintf("    %q: {\"enum\": %s}", part, quoted(codes[part])))
		}
	}
	return document("codes.json", "Code lists", "Generated from codelists.json.", defs), nil
}

func quoted(list []string) string {
	var out []string
	for _, s := range list {
		out = append(out, fmt.Sprintf("%q", s))
	}
	return "[" + strings.Join(out, ", ") + "]"
}

func document(name, title, says string, defs []string) string {
	return fmt.Sprintf("{\n  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n  \"$id\": %q,\n  \"title\": %q,\n  \"description\": %q,\n  \"$defs\": {\n%s\n  }\n}\n",
		base+name, title, says, strings.Join(defs, ",\n"))
}

// facts makes a schema of the member facts of the header, for each kind.
func facts(data fs.FS) (string, error) {
	kinds, err := kindsOf(data)
	if err != nil {
		return "", err
	}
	var defs []string
	for _, k := range kinds {
		var props, required []string
		for _, name := range slices.Sorted(maps.Keys(k.Facts)) {
			f := k.Facts[name]
			props = append(props, fmt.Sprintf("%q: %s", name, form(f)))
			if f.Required {
				required = append(required, name)
			}
		}
		needs := ""
		if required != nil {
			needs = fmt.Sprintf("\"required\": %s, ", quoted(required))
		}
		defs = append(defs, fmt.Sprintf("    %q: {\"type\": \"object\", %s\"properties\": {%s}, \"additionalProperties\": false}", k.Code, needs, strings.Join(props, ", ")))
	}
	return document("facts.json", "Facts in the clear", "The member facts of the header, for each kind; generated from kinds.", defs), nil
}

// form is the schema of one fact: in the header every value is a string.
func form(f Fact) string {
	switch f.Form {
	case "code":
		return fmt.Sprintf("{\"enum\": %s}", quoted(f.Values))
	case "bool":
		return `{"enum": ["true", "false"]}`
	case "count":
		return `{"type": "string", "pattern": "^(0|[1-9][0-9]{0,2})$"}`
	}
	return fmt.Sprintf("{\"$ref\": \"defs.json#/$defs/%s\"}", f.Form)
}

// kindsOf reads the kinds, those of the notes in their order and then our own.
func kindsOf(data fs.FS) ([]Kind, error) {
	names, err := fs.Glob(data, "kinds/*.json")
	if err != nil {
		return nil, err
	}
	var lists map[string]list
	if err := read(data, "codelists.json", &lists); err != nil {
		return nil, err
	}
	place := map[string]int{}
	for i, row := range lists["kind"].Rows {
		place[row[0]] = i - len(lists["kind"].Rows)
	}
	var kinds []Kind
	for _, name := range names {
		var k Kind
		if err := read(data, name, &k); err != nil {
			return nil, err
		}
		kinds = append(kinds, k)
	}
	slices.SortStableFunc(kinds, func(a, b Kind) int { return place[a.Code] - place[b.Code] })
	return kinds, nil
}
