package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"fairlead/internal/fairlead"
	"fairlead/internal/scenario"
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
	explained(t, dir, string(readme))
	for _, name := range []string{"hub", "agencies", "audit", "story.json"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Errorf("-dir keeps it all: %v", err)
		}
	}
	if err := run(t.Context(), []string{"-once", "-dir", dir}, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("a second run into the same folder: %v", err)
	}
}

// TestTally: what is counted is what was played, and what is missing has its name.
func TestTally(t *testing.T) {
	facts := []scenario.StepFact{{ID: "S1"}, {ID: "S2", NotBuilt: "statistics"}, {ID: "S3", NotBuilt: "the return gate"}, {ID: "S4", NotBuilt: "the return gate"}}
	if got, want := tally(facts), "1 of 4 steps played; not built yet: statistics (1), the return gate (2)"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := tally(facts[:1]); got != "1 of 1 steps played" {
		t.Error(got)
	}
}

// explained holds what the README shows of a page that was dropped to what the auditor's program and the
// sender's own print on the folders that the demo left; and every share that did not go as it was sent is
// told with a reason and what to change.
func explained(t *testing.T, dir, readme string) {
	t.Helper()
	_, sample, found := strings.Cut(readme, "fairlead-audit policy explain DIR/audit 237\n")
	if sample, _, _ = strings.Cut(sample, "```"); !found || sample == "" {
		t.Fatal("README.md explains nothing")
	}
	raw, err := os.ReadFile(filepath.Join(dir, "story.json"))
	if err != nil {
		t.Fatal(err)
	}
	var steps []scenario.StepFact
	if err := json.Unmarshal(raw, &steps); err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", bin, "../fairlead", "../fairlead-audit").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	asked := 0
	for _, step := range steps {
		for _, s := range step.Shares {
			if s.Result == fairlead.Delivered {
				continue
			}
			asked++
			byEntry := tell(t, filepath.Join(bin, "fairlead-audit"), "policy", "explain", filepath.Join(dir, "audit"), strconv.FormatInt(s.Index, 10))
			byShare := tell(t, filepath.Join(bin, "fairlead"), "policy", "explain", s.Share, "-dir", filepath.Join(dir, "agencies", string(s.From)))
			for _, text := range []string{byEntry, byShare} {
				if later := s.Result == fairlead.Held && text == byShare; !later && (!strings.Contains(text, "change  ") || !strings.Contains(text, "reason  ")) {
					t.Errorf("%s: no reason, or nothing to change:\n%s", step.ID, text)
				}
				if step.ID == "S35" && !strings.Contains(text, sample) {
					t.Errorf("README.md shows\n%s\nand it is\n%s", sample, text)
				}
			}
		}
	}
	if asked < 9 {
		t.Errorf("only %d shares did not go as they were sent", asked)
	}
}

// tell is what a program prints.
func tell(t *testing.T, program string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), program, args...).Output()
	if err != nil {
		t.Errorf("%s %v: %v", program, args, err)
	}
	return string(out)
}
