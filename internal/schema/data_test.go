package schema

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"fairlead/internal/fairlead"
)

// TestBounded reads the schemas as text: whatever may be written is bounded and closed, and every member
// of a section says what it is for.
func TestBounded(t *testing.T) {
	data := os.DirFS(root)
	var defs struct {
		Defs map[string]json.RawMessage `json:"$defs"`
	}
	if err := read(data, "defs.json", &defs); err != nil {
		t.Fatal(err)
	}
	for name, raw := range defs.Defs {
		bounded(t, "defs.json "+name, raw)
	}
	for _, code := range fairlead.Sections {
		var raw json.RawMessage
		if err := read(data, "sections/"+string(code)+".json", &raw); err != nil {
			t.Fatal(err)
		}
		bounded(t, string(code), raw)
		var doc struct {
			ID         string `json:"$id"`
			Title      string
			Properties map[string]struct{ Description string }
		}
		if err := json.Unmarshal(raw, &doc); err != nil || doc.ID != base+"sections/"+string(code)+".json" || doc.Title != string(code) {
			t.Errorf("%s: is called %q at %q (%v)", code, doc.Title, doc.ID, err)
		}
		for name, p := range doc.Properties {
			if p.Description == "" {
				t.Errorf("%s: %s has no description", code, name)
			}
		}
	}
	kinds, err := kindsOf(data)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range kinds {
		if k.Record != nil && k.Record.Schema != nil {
			bounded(t, k.Code+" record", k.Record.Schema)
		}
		if k.Title == "" || k.Text == "" {
			t.Errorf("%s: no title or no text", k.Code)
		}
	}
}

// bounded wants an end to every text and list, and every object closed but x.
func bounded(t *testing.T, at string, raw json.RawMessage) {
	t.Helper()
	var s struct {
		Type          string
		Pattern       string
		Format        string
		MaxLength     int
		MaxItems      int
		MaxProperties int
		Additional    *json.RawMessage `json:"additionalProperties"`
		Properties    map[string]json.RawMessage
		Items         json.RawMessage
		OneOf         []json.RawMessage
	}
	if err := json.Unmarshal(raw, &s); err != nil {
		t.Errorf("%s: %v", at, err)
		return
	}
	ends := strings.HasPrefix(s.Pattern, "^") && !strings.ContainsAny(s.Pattern, "*+")
	own := strings.HasSuffix(at, " x") || strings.HasSuffix(at, ".x")
	switch {
	case s.Type == "string" && s.MaxLength == 0 && !ends && s.Format != "date-time":
		t.Errorf("%s: text without an end", at)
	case s.Type == "array" && s.MaxItems == 0:
		t.Errorf("%s: a list without an end", at)
	case s.Type == "object" && s.Additional == nil && !own, s.Type == "object" && s.MaxProperties == 0 && s.Additional != nil && string(*s.Additional) != "false":
		t.Errorf("%s: an object that is not closed", at)
	}
	for name, p := range s.Properties {
		bounded(t, at+"."+name, p)
	}
	if s.Items != nil {
		bounded(t, at+"[]", s.Items)
	}
	for _, way := range s.OneOf {
		if s.Type != "object" { // alternatives of an object only say what is required
			bounded(t, at, way)
		}
	}
}

// TestHeadings: two headings of README.md with one anchor would send links astray.
func TestHeadings(t *testing.T) {
	page, err := reference(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	var slugs, links []string
	for line := range strings.Lines(page) {
		if strings.HasPrefix(line, "##") {
			slugs = append(slugs, slug(strings.TrimSpace(strings.TrimLeft(line, "#"))))
		}
		for _, part := range strings.Split(line, "](#")[1:] {
			link, _, _ := strings.Cut(part, ")")
			links = append(links, link)
		}
	}
	slices.Sort(slugs)
	if all := len(slugs); len(slices.Compact(slugs)) != all {
		t.Error("two headings of README.md have one anchor")
	}
	for _, link := range links {
		if !slices.Contains(slugs, link) {
			t.Errorf("README.md: no heading for #%s", link)
		}
	}
	if len(links) < 100 {
		t.Errorf("only %d links were looked at", len(links))
	}
}
