package schema_test

import (
	"io/fs"
	"os"
	"path"
	"testing"

	"fairlead/internal/fairlead"
	"fairlead/internal/scenario"
	"fairlead/internal/schema"
)

// TestStories holds every content that the stories send against the schemas, as its kind of message.
func TestStories(t *testing.T) {
	set, err := schema.Load()
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, name := range []string{"story", "refusals"} {
		files := os.DirFS("../scenario/" + name)
		story, err := scenario.Load(files)
		if err != nil {
			t.Fatal(err)
		}
		for _, step := range story.Steps {
			for _, m := range step.Messages {
				for _, s := range m.Sections {
					seen++
					if s.Type != "" {
						err = set.File(s.Code, s.Type)
					} else {
						err = content(set, files, m.Kind, s.Code, s.File)
					}
					if err != nil {
						t.Errorf("%s %s: %v", path.Join(name, m.Kind, s.File), step.ID, err)
					}
				}
			}
		}
	}
	if seen < 100 {
		t.Errorf("only %d sections were looked at", seen)
	}
}

func content(set *schema.Set, files fs.FS, kind string, code fairlead.SectionCode, file string) error {
	b, err := fs.ReadFile(files, path.Join("contents", file))
	if err != nil {
		return err
	}
	return set.Section(kind, code, b)
}
