package envelope_test

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"fairlead/internal/envelope"
)

// TestFormats: the tables of schemas/FORMATS.md name every member of a header and of a descriptor, those inside
// members too, and no other, so that another sender can be written by them.
func TestFormats(t *testing.T) {
	raw, err := os.ReadFile("../../schemas/FORMATS.md")
	if err != nil {
		t.Fatal(err)
	}
	for heading, of := range map[string]any{"## Header": envelope.Header{}, "## Descriptor and section": envelope.Descriptor{}} {
		_, text, _ := strings.Cut(string(raw), heading+"\n")
		text, _, _ = strings.Cut(text, "\n## ")
		var first []string // what the first column names
		for line := range strings.Lines(text) {
			if cell := strings.Split(line, "|"); len(cell) > 3 {
				first = append(first, names(cell[1])...)
			}
		}
		members, inner := tags(reflect.TypeOf(of))
		slices.Sort(first)
		slices.Sort(members)
		if !slices.Equal(first, members) {
			t.Errorf("%s names %v, want %v", heading, first, members)
		}
		for _, name := range inner {
			if !slices.Contains(names(text), name) {
				t.Errorf("%s does not name %s", heading, name)
			}
		}
	}
}

// names are the words in backticks.
func names(text string) (list []string) {
	for _, m := range regexp.MustCompile("`([a-z0-9_]+)`").FindAllStringSubmatch(text, -1) {
		list = append(list, m[1])
	}
	return list
}

// tags are the names of the members of a struct in JSON, and those of the structs inside it.
func tags(of reflect.Type) (members, inner []string) {
	for i := range of.NumField() {
		f := of.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		members = append(members, name)
		typ := f.Type
		if typ.Kind() == reflect.Pointer {
			typ = typ.Elem()
		}
		if typ.Kind() == reflect.Struct && typ.PkgPath() == of.PkgPath() {
			more, _ := tags(typ)
			inner = append(inner, more...)
		}
	}
	return members, inner
}
