package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestDemo runs the demo once. What the README shows of it must be what it prints, where … stands for
// what differs from run to run.
func TestDemo(t *testing.T) {
	if testing.Short() {
		t.Skip("plays the whole story; make test runs it")
	}
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "out")
	var out bytes.Buffer
	if err := run(t.Context(), []string{"-once", "-dir", dir}, &out, io.Discard); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, sample, _ := strings.Cut(string(readme), "```\nS07 ")
	sample, _, found := strings.Cut("S07 "+sample, "\n```")
	if !found {
		t.Fatal("README.md shows nothing of the demo")
	}
	for line := range strings.Lines(sample) {
		line = strings.TrimRight(line, "\n")
		pattern := "(?m)^" + strings.ReplaceAll(regexp.QuoteMeta(line), "…", ".*")
		if !regexp.MustCompile(pattern).MatchString(out.String()) {
			t.Errorf("README.md shows what the demo does not print: %s", line)
		}
	}
	for _, name := range []string{"hub", "agencies", "audit", "story.json"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Errorf("-dir keeps it all: %v", err)
		}
	}
	if err := run(t.Context(), []string{"-once", "-dir", dir}, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("a second run into the same folder: %v", err)
	}
}
