package registry_test

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"fairlead/internal/registry"
)

// TestFormats: schemas/FORMATS.md names every member of a request to enrol, and no other.
func TestFormats(t *testing.T) {
	raw, err := os.ReadFile("../../schemas/FORMATS.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(raw), "The request to enrol is JSON")
	text, _, _ = strings.Cut(text, "\n## ")
	var told, members []string
	for line := range strings.Lines(text) {
		if cell := strings.Split(line, "|"); len(cell) > 3 {
			for _, m := range regexp.MustCompile("`([a-z_]+)`").FindAllStringSubmatch(cell[1], -1) {
				told = append(told, m[1])
			}
		}
	}
	of := reflect.TypeFor[registry.Request]()
	for i := range of.NumField() {
		name, _, _ := strings.Cut(of.Field(i).Tag.Get("json"), ",")
		members = append(members, name)
	}
	slices.Sort(told)
	slices.Sort(members)
	if !slices.Equal(told, members) {
		t.Errorf("the page names %v, want %v", told, members)
	}
}
