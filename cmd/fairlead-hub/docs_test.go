package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"fairlead/internal/config"
)

// TestSamples loads the commented samples as a person would use them.
func TestSamples(t *testing.T) {
	var cfg Config
	if err := config.Load("../../config/fairlead-hub.yaml", &cfg); err != nil {
		t.Fatal(err)
	}
	if err := cfg.check(); err != nil {
		t.Error(err)
	}
	var rules Rules
	if err := config.Load("../../config/rules.yaml", &rules); err != nil {
		t.Fatal(err)
	}
	if r := rules.register(); len(r.Groups) == 0 || len(r.Countries) == 0 {
		t.Error("the sample of rules sets nothing")
	}
}

// TestDocs finds every command of this program that the documents name among the commands there are.
func TestDocs(t *testing.T) {
	named := 0
	for _, path := range []string{"../../README.md", "../../deploy/README.md", "../../internal/README.md"} {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile("`fairlead-hub ([a-z][a-z ]*)").FindAllStringSubmatch(string(text), -1) {
			named++
			words := strings.Fields(m[1])
			two := strings.Join(words[:min(2, len(words))], " ")
			if commands[words[0]] == nil && commands[two] == nil {
				t.Errorf("%s names `fairlead-hub %s`, which does not exist", path, m[1])
			}
		}
	}
	if named == 0 {
		t.Error("the documents name no command of this program")
	}
}

func TestConfigRefusals(t *testing.T) {
	for _, c := range []struct {
		cfg  Config
		want string
	}{
		{Config{Listen: "x:1", Origin: "o"}, "dir"},
		{Config{Dir: "d", Origin: "o"}, "listen"},
		{Config{Dir: "d", Listen: "x:1", NATS: "nats://x:1", Origin: "o"}, "nats"},
		{Config{Dir: "d", Listen: "x:1", Origin: "o", Unsealed: true, PassphraseFile: "f"}, "unsealed"},
		{Config{Dir: "d", Listen: "x:1"}, "origin"},
		{Config{Dir: "d", Listen: "x:1", Origin: "o", Log: "loud"}, "log"},
	} {
		if err := c.cfg.check(); err == nil || !strings.Contains(err.Error(), c.want+":") {
			t.Errorf("%+v: %v, want a fault of %s", c.cfg, err, c.want)
		}
	}
}
