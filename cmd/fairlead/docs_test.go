package main

import (
	"io"
	"os"
	"regexp"
	"strings"
	"testing"

	"fairlead/internal/agreement"
	"fairlead/internal/config"
	"fairlead/internal/officer"
	"fairlead/internal/policy"
)

// TestSample runs a command on the commented sample: what is wrong then is the folder, not the file.
func TestSample(t *testing.T) {
	_, err := newSession("inbox", []string{"-config", "../../config/fairlead.yaml"}, 0, io.Discard, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
}

// TestSampleAgreement: the commented agreement of config is one that could be proposed, and an officer has
// nothing to say of it.
func TestSampleAgreement(t *testing.T) {
	a := &agreement.Standing{ActiveBy: -1}
	if err := config.Load("../../config/agreement.yaml", &a.Agreement); err != nil {
		t.Fatal(err)
	}
	b := officer.Book{At: a.From.Time, Agencies: []*policy.Agency{{ID: "ALDER", Type: "LA_CSC", Jurisdiction: "GB-ENG"}, {ID: "BIRCH", Type: "STATUTORY_OVERSEAS", Jurisdiction: "RO"}}}
	if found := b.Lint(a); len(found) > 0 {
		t.Error(found.Words())
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
		for _, m := range regexp.MustCompile("`fairlead ([a-z][a-z ]*)").FindAllStringSubmatch(string(text), -1) {
			named++
			words := strings.Fields(m[1])
			two := strings.Join(words[:min(2, len(words))], " ")
			if commands[words[0]].do == nil && commands[two].do == nil {
				t.Errorf("%s names `fairlead %s`, which does not exist", path, m[1])
			}
		}
	}
	if named == 0 {
		t.Error("the documents name no command of this program")
	}
}
