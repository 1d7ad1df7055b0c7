package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fairlead/internal/config"
)

type settings struct {
	Name  string   `yaml:"name"`
	Port  int      `yaml:"port"`
	Log   log      `yaml:"log"`
	Paths []string `yaml:"paths"`
}

type log struct {
	Level string `yaml:"level"`
}

func TestLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hub.yaml")
	text := "# a comment\nname: hub\nport: 4222\nlog:\n  level: info\npaths: [a, b]\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s := settings{Name: "a default", Log: log{Level: "debug"}}
	if err := config.Load(path, &s); err != nil || s.Name != "hub" || s.Port != 4222 || s.Log.Level != "info" || len(s.Paths) != 2 {
		t.Errorf("%+v %v", s, err)
	}
	if err := config.Load(path+".no", &s); !errors.Is(err, config.ErrConfig) || !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), ".no") {
		t.Errorf("a file that is not there: %v", err)
	}
}

// TestLineOf: a member of a list is found by its id, and what is not there is at no line.
func TestLineOf(t *testing.T) {
	path := filepath.Join(t.TempDir(), "agreement.yaml")
	if err := os.WriteFile(path, []byte("id: t2\nparties: [A, B]\nterms:\n- id: t1\n  text: id t2\n- {text: words, id: t2}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]int{"t1": 4, "t2": 6, "t3": 0, "": 0} {
		if got := config.LineOf(path, "terms", id); got != want {
			t.Errorf("%q is at line %d, want %d", id, got, want)
		}
	}
	if config.LineOf(path, "parties", "A") != 0 || config.LineOf(path, "nothing", "t1") != 0 || config.LineOf(path+".no", "terms", "t1") != 0 {
		t.Error("a line of what is not there")
	}
}

// TestAccepts: what a file may leave out keeps its default.
func TestAccepts(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":            "",
		"only a comment":     "# nothing\n",
		"a start of file":    "---\nport: 4222\n",
		"one member":         "port: 4222",
		"flow style":         `{"port": 4222, "log": {"level": "info"}}`,
		"quotes, not tags":   `name: "!hub & co *"`,
		"a block of text":    "name: |\n  two\n  lines\n",
		"the end of a file":  "port: 1\n...\n",
		"a mebibyte of text": "name: " + strings.Repeat("x", 1<<20-6),
	} {
		s := settings{Name: "default"}
		if err := config.Parse("hub.yaml", []byte(text), &s); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !strings.Contains(text, "name") && s.Name != "default" {
			t.Errorf("%s: the default is gone", name)
		}
	}
}

// TestRefuses: every refusal names the file, and where it can the line.
func TestRefuses(t *testing.T) {
	for name, test := range map[string]struct{ text, says string }{
		"unknown key":           {"name: a\nprot: 1\n", "line 2: unknown key prot; remove or correct it"},
		"unknown key inside":    {"log:\n  levle: info\n", "line 2: unknown key levle"},
		"other case":            {"Name: a\n", "unknown key Name"},
		"key twice":             {"port: 1\nport: 2\n", `"port" already defined`},
		"anchor":                {"name: a\nlog: &l\n  level: info\n", "line 2: anchors"},
		"alias":                 {"name: &n a\npaths: [*n]\n", "anchors, aliases"},
		"merge key":             {"log:\n  <<: {level: info}\n", "line 2: anchors, aliases and merge keys"},
		"tag":                   {"port: !!int \"4222\"\n", "line 1: tags"},
		"own tag":               {"name: !secret a\n", "line 1: tags"},
		"binary":                {"name: !!binary aGk=\n", "line 1: tags"},
		"tag on a mapping":      {"log: !!map\n  level: info\n", "line 1: tags"},
		"two documents":         {"port: 1\n---\nport: 2\n", "more than one document"},
		"an empty second":       {"port: 1\n---\n", "more than one document"},
		"a broken second":       {"port: 1\n---\n{", "more than one document"},
		"text for a number":     {"port: many\n", "line 1: cannot unmarshal"},
		"number too large":      {"port: 99999999999999999999\n", "line 1: cannot unmarshal"},
		"list for a mapping":    {"- a\n", "line 1: cannot unmarshal"},
		"tabs":                  {"log:\n\tlevel: info\n", "line 2"},
		"not YAML":              {"name: [a\n", "line"},
		"not UTF-8":             {"name: \xff\xfe\n", "UTF-8"},
		"over a mebibyte":       {"name: " + strings.Repeat("x", 1<<20), "1048582 bytes, at most 1048576"},
		"nested deeper than 16": {strings.Repeat("{a: ", 17) + strings.Repeat("}", 17), "nested deeper than 16"},
		"nested like a bomb":    {strings.Repeat("[", 100_000), ""},
	} {
		t.Run(name, func(t *testing.T) {
			err := config.Parse("hub.yaml", []byte(test.text), new(settings))
			if !errors.Is(err, config.ErrConfig) || !strings.Contains(err.Error(), test.says) || !strings.Contains(err.Error(), "hub.yaml") {
				t.Errorf("got %v, want ErrConfig that names hub.yaml and says %q", err, test.says)
			}
		})
	}
}

// FuzzParse: never a panic, and every refusal is one of ours.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"name: a\nlog: {level: b}\n", "a: &x [*x]", "<<: 1", "---\n---\n", "? [a]\n: b\n", "name: !!int 1"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := config.Parse("f", b, new(settings)); err != nil && !errors.Is(err, config.ErrConfig) {
			t.Fatal(err)
		}
	})
}
