package scenario

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"fairlead/internal/agreement"
	"fairlead/internal/config"
)

// ErrStory is wrapped by every fault of a story folder; the text names file and step.
var ErrStory = errors.New("scenario: story refused")

// Load reads a story folder.
func Load(fsys fs.FS) (*Story, error) {
	var s Story
	if err := load(fsys, "story.yaml", &s); err != nil {
		return nil, err
	}
	s.Agreements = map[string]*agreement.Agreement{}
	if err := each(fsys, "agreements", func(name string) error {
		var a agreement.Agreement
		if err := load(fsys, name, &a); err != nil {
			return err
		}
		if err := a.Check(); err != nil {
			return fmt.Errorf("%w: %s: %w", ErrStory, name, err)
		}
		s.Agreements[a.Ref()] = &a
		return nil
	}); err != nil {
		return nil, err
	}
	if err := each(fsys, "steps", func(name string) error {
		var f File
		err := load(fsys, name, &f)
		s.Steps = append(s.Steps, f.Steps...)
		return err
	}); err != nil {
		return nil, err
	}
	slices.SortStableFunc(s.Steps, func(a, b Step) int {
		return cmp.Or(a.At.Compare(b.At.Time), cmp.Compare(a.ID, b.ID))
	})
	return &s, s.check(fsys)
}

func load(fsys fs.FS, name string, v any) error {
	b, err := fs.ReadFile(fsys, name)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrStory, err)
	}
	if err := config.Parse(name, b, v); err != nil {
		return fmt.Errorf("%w: %w", ErrStory, err)
	}
	return nil
}

// each calls f for the YAML files of a folder, by name.
func each(fsys fs.FS, dir string, f func(name string) error) error {
	names, err := fs.Glob(fsys, path.Join(dir, "*.yaml"))
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := f(name); err != nil {
			return err
		}
	}
	return nil
}

// check finds references that lead nowhere before anything is played.
func (s *Story) check(fsys fs.FS) error {
	known := map[string]bool{"HUB": true}
	for _, a := range s.Agencies {
		known[string(a.ID)] = true
	}
	ids := map[string]bool{}
	fault := func(step, format string, args ...any) error {
		return fmt.Errorf("%w: step %s: "+format, append([]any{ErrStory, step}, args...)...)
	}
	for _, ref := range s.Active {
		if s.Agreements[ref] == nil {
			return fault("active", "agreement %s is not in agreements/", ref)
		}
	}
	for _, st := range s.Steps {
		if st.ID == "" || ids[st.ID] || st.At.IsZero() {
			return fault(st.ID, "want an id of its own and an instant")
		}
		ids[st.ID] = true
		for _, ref := range []string{st.Propose, st.Sign} {
			if ref != "" && s.Agreements[ref] == nil {
				return fault(st.ID, "agreement %s is not in agreements/", ref)
			}
		}
		for _, m := range st.Messages {
			if !known[string(m.From)] {
				return fault(st.ID, "%s is not an agency of the story", m.From)
			}
			if m.Answers != "" && !ids[m.Answers] {
				return fault(st.ID, "answers step %s, which does not come before", m.Answers)
			}
			for _, sec := range m.Sections {
				if _, err := fs.Stat(fsys, path.Join("contents", sec.File)); err != nil {
					return fault(st.ID, "section %s: %w", sec.Code, err)
				}
			}
		}
	}
	return nil
}
