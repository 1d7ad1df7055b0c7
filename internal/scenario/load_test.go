package scenario

import (
	"bytes"
	"errors"
	"fmt"
	"image/png"
	"io/fs"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"fairlead/internal/agreement"
	"fairlead/internal/kind"
	"fairlead/internal/strictjson"
)

// folders are the two that ship, with the first letter and the number of the ids that must be there.
var folders = map[string]struct {
	letter string
	ids    int
}{"story": {"S", 96}, "refusals": {"N", 30}}

func eachFolder(t *testing.T, f func(t *testing.T, files fs.FS, s *Story)) {
	for dir := range folders {
		t.Run(dir, func(t *testing.T) {
			files := os.DirFS(dir)
			s, err := Load(files)
			if err != nil {
				t.Fatal(err)
			}
			f(t, files, s)
		})
	}
}

// TestSteps holds every step to its form: all ids are there, and a step either does something that is
// built or says what is missing.
func TestSteps(t *testing.T) {
	eachFolder(t, func(t *testing.T, _ fs.FS, s *Story) {
		ids := map[string]bool{}
		for _, st := range s.Steps {
			ids[st.ID] = true
			acts := st.Propose != "" || st.Sign != "" || st.Notices || len(st.Messages) > 0 || st.Approve != nil || st.Status != nil || st.Suspend != "" || st.Resume != ""
			if st.What == "" || acts == (st.NotBuilt != "") {
				t.Errorf("%s: want a line for the reader, and either an act or what is not built", st.ID)
			}
			for _, m := range st.Messages {
				if k, ok := kind.Lookup(m.Kind); !ok || !k.Built {
					t.Errorf("%s: %s is not built", st.ID, m.Kind)
				}
			}
		}
		want := folders[path.Base(t.Name())]
		for n := range want.ids {
			if id := fmt.Sprintf("%s%02d", want.letter, n+1); !ids[id] {
				t.Errorf("%s is missing", id)
			}
		}
	})
}

// TestContents holds the pages: each is used, and each is what its type says.
func TestContents(t *testing.T) {
	eachFolder(t, func(t *testing.T, files fs.FS, s *Story) {
		types := map[string]string{}
		for _, st := range s.Steps {
			for _, m := range st.Messages {
				for _, sec := range m.Sections {
					types[sec.File] = sec.Type
				}
			}
		}
		entries, err := fs.ReadDir(files, "contents")
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			typ, used := types[e.Name()]
			if !used {
				t.Errorf("contents/%s is not used", e.Name())
				continue
			}
			if err := checkContent(files, e.Name(), typ); err != nil {
				t.Errorf("contents/%s: %v", e.Name(), err)
			}
		}
	})
}

func checkContent(files fs.FS, name, typ string) error {
	b, err := fs.ReadFile(files, path.Join("contents", name))
	if err != nil {
		return err
	}
	if typ == "image/png" {
		_, err := png.Decode(bytes.NewReader(b))
		return err
	}
	var page map[string]any
	if err := strictjson.Unmarshal(b, &page); err != nil {
		return err
	}
	if l := page["language"]; typ != "" || l != "en" && l != "ro" {
		return fmt.Errorf("want JSON with a language, have type %q and language %v", typ, l)
	}
	return nil
}

// names may stand inside sections only: the children, their people, places and birthdays. Local references to a
// child or a case never leave the agency.
var names = []string{"mara", "ilie", "bunica", "adult [fka]", "valea", "fictiva", "2011-03-14", "2017-0[29]-0[29]"}

// TestClear holds what travels in the clear free of the names of children and of agencies.
func TestClear(t *testing.T) {
	eachFolder(t, func(t *testing.T, _ fs.FS, s *Story) {
		words := slices.Clone(names)
		for _, a := range s.Agencies {
			words = append(words, regexp.QuoteMeta(string(a.ID)), regexp.QuoteMeta(a.Name))
		}
		forbidden := regexp.MustCompile(`(?i)\b(` + strings.Join(words, "|") + `)\b`)
		for _, st := range s.Steps {
			for _, m := range st.Messages {
				for _, text := range inClear(m) {
					if forbidden.MatchString(text) {
						t.Errorf("%s: %q names a child or an agency in the clear", st.ID, text)
					}
				}
			}
		}
	})
}

// inClear lists the texts of a message that the header, the descriptors or the record carry as they are.
func inClear(m Message) []string {
	list := []string{m.User, m.Named}
	for name, value := range m.Facts {
		list = append(list, name, value)
	}
	if m.Basis != nil {
		list = append(list, m.Basis.Cite)
	}
	if c := m.Consent; c != nil {
		list = append(list, c.ID, c.Assessor, c.Withhold, c.Supersedes)
	}
	for _, sec := range m.Sections {
		list = append(list, sec.Consent, sec.Grade)
	}
	return list
}

// TestAgreements holds the agreements: each comes into play, and one that stands in both folders is
// the same in both.
func TestAgreements(t *testing.T) {
	digests := map[string]string{}
	eachFolder(t, func(t *testing.T, _ fs.FS, s *Story) {
		used := slices.Clone(s.Active)
		for _, st := range s.Steps {
			used = append(used, st.Propose)
		}
		for _, ref := range slices.Sorted(maps.Keys(s.Agreements)) {
			if !slices.Contains(used, ref) {
				t.Errorf("%s is never proposed", ref)
			}
			record, err := s.Agreements[ref].Marshal()
			if err != nil {
				t.Fatal(err)
			}
			digest := agreement.Digest(record).String()
			if other := digests[ref]; other != "" && other != digest {
				t.Errorf("%s differs between the folders", ref)
			}
			digests[ref] = digest
		}
	})
}

const (
	oneAgency = "title: t\nstart: 2026-10-01T08:00:00Z\nagencies: [{id: AA, name: A, type: LA_CSC, jurisdiction: GB-ENG}]\n"
	oneStep   = "steps:\n  - {id: X1, at: 2026-10-02T08:00:00Z, what: w, messages: [%s]}\n"
)

// TestLoadRefuses breaks a folder in one place each time; the fault is found before anything is played.
func TestLoadRefuses(t *testing.T) {
	step := func(message string) string { return fmt.Sprintf(oneStep, message) }
	for name, c := range map[string]struct {
		story, steps, want string
	}{
		"no fault":           {oneAgency, step("{from: AA, kind: ack}"), ""},
		"no story":           {"", step(""), "story.yaml"},
		"unknown key":        {oneAgency + "colour: red\n", "", "colour"},
		"unknown agreement":  {oneAgency + "active: [A9/1]\n", "", "A9/1"},
		"unknown sender":     {oneAgency, step("{from: BB, kind: ack}"), "BB"},
		"answers the future": {oneAgency, step("{from: AA, kind: ack, answers: X2}"), "X2"},
		"no such page":       {oneAgency, step("{from: AA, kind: ack, sections: [{code: EDU, file: none.json}]}"), "none.json"},
		"no instant":         {oneAgency, "steps: [{id: X1, what: w}]\n", "X1"},
		"id twice":           {oneAgency, step("") + "  - {id: X1, at: 2026-10-03T08:00:00Z, what: w}\n", "X1"},
		"signs what is not":  {oneAgency, "steps: [{id: X1, at: 2026-10-02T08:00:00Z, sign: A9/1}]\n", "A9/1"},
	} {
		t.Run(name, func(t *testing.T) {
			files := fstest.MapFS{"steps/a.yaml": {Data: []byte(c.steps)}}
			if c.story != "" {
				files["story.yaml"] = &fstest.MapFile{Data: []byte(c.story)}
			}
			_, err := Load(files)
			switch {
			case c.want == "" && err != nil:
				t.Fatal(err)
			case c.want != "" && (!errors.Is(err, ErrStory) || !strings.Contains(err.Error(), c.want)):
				t.Fatalf("got %v, want a refusal that names %s", err, c.want)
			}
		})
	}
}
