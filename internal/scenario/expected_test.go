package scenario

import (
	"context"
	"encoding/json"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"fairlead/internal/fairlead"
	"fairlead/internal/hubtest"
	"fairlead/internal/policy"
	"fairlead/internal/schema"
)

// expected is testdata/expected.json: what must come out of the acceptance story.
type expected struct {
	Steps []struct {
		ID       string
		From     string
		Sections []fairlead.SectionCode `json:"sections_sent"`
		Per      map[fairlead.AgencyID]outcome
		Due      []policy.Due
		Needs    string
	}
	Negative []struct {
		ID, Deny, Needs string
	}
}

type outcome struct {
	Result    fairlead.Result
	Ground    fairlead.Ground
	Agreement string
	Withheld  []fairlead.SectionCode
	Reasons   []fairlead.Reason
}

func readExpected(t *testing.T) (e expected) {
	t.Helper()
	raw, err := os.ReadFile("testdata/expected.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &e); err != nil {
		t.Fatal(err)
	}
	return e
}

// play plays a story in a world of its own.
func play(t *testing.T, files fs.FS) map[string]StepFact {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	story, err := Load(files)
	if err != nil {
		t.Fatal(err)
	}
	contents, err := schema.Load()
	if err != nil {
		t.Fatal(err)
	}
	w, err := hubtest.Open(ctx, hubtest.Config{Dir: t.TempDir(), Start: story.Start.Time, Schema: contents, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	p := &Player{Story: story, World: w, Files: files}
	if err := p.Prepare(ctx); err != nil {
		t.Fatal(err)
	}
	facts, err := p.Play(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Check(ctx); err != nil {
		t.Error(err)
	}
	by := map[string]StepFact{}
	for _, f := range facts {
		by[f.ID] = f
	}
	return by
}

// needed is what a step needs that must hold now; the others wait for the part of the product that they name.
const needed = "now"

// The counts only grow: raise them with each thing that is built.
const (
	stepsHold    = 54
	refusalsHold = 29
)

// TestStory plays the acceptance story through a real hub and compares every share with what was
// expected.
func TestStory(t *testing.T) {
	facts := play(t, Ours())
	hold, now, notBuilt := 0, 0, []string{}
	for _, want := range readExpected(t).Steps {
		got, ok := facts[want.ID]
		switch {
		case !ok:
			t.Errorf("%s is not in the story", want.ID)
		case got.NotBuilt != "" && want.Needs == needed:
			t.Errorf("%s is wanted now, and it waits for %s", want.ID, got.NotBuilt)
		case got.NotBuilt != "":
			notBuilt = append(notBuilt, want.ID)
		default:
			if faults := compare(want.Per, want.Due, got); len(faults) > 0 {
				t.Errorf("%s: %s", want.ID, strings.Join(faults, "; "))
			} else if hold++; want.Needs == needed {
				now++
			}
		}
	}
	t.Logf("%d of 96 steps hold, all %d that are wanted now among them; not built: %v", hold, now, notBuilt)
	if hold < stepsHold {
		t.Errorf("%d steps hold, there were %d", hold, stepsHold)
	}
}

// compare lists where a step's shares differ from what was expected.
func compare(per map[fairlead.AgencyID]outcome, due []policy.Due, got StepFact) (faults []string) {
	seen := map[fairlead.AgencyID]bool{}
	var dues []policy.Due
	for _, s := range got.Shares {
		seen[s.To] = true
		dues = append(dues, s.Due...)
		want, ok := per[s.To]
		if !ok {
			faults = append(faults, string(s.To)+" was not expected")
			continue
		}
		if s.Result != want.Result || s.Ground != want.Ground || s.Agreement != want.Agreement ||
			!slices.Equal(s.Withheld, want.Withheld) || !slices.Equal(s.Reasons, want.Reasons) {
			faults = append(faults, strings.Join([]string{
				"to " + string(s.To), string(s.Result), string(s.Ground), s.Agreement, text(s.Withheld), text(s.Reasons), "want",
				string(want.Result), string(want.Ground), want.Agreement, text(want.Withheld), text(want.Reasons), text(s.Causes),
			}, " "))
		}
	}
	for id := range per {
		if !seen[id] {
			faults = append(faults, "nothing went to "+string(id))
		}
	}
	for _, d := range due {
		if !slices.ContainsFunc(dues, func(g policy.Due) bool { return g.Code == d.Code && g.At == d.At }) {
			faults = append(faults, "not due: "+d.Code+" "+d.At+" in "+text(dues))
		}
	}
	return faults
}

func text(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// beside are the further cases of the pack's tests: what is refused likewise, and what goes all the same.
var beside = map[string]string{
	"N03-first": "delivered", "N15-last-second": "delivered", "N29-alert": "delivered", "N29-held": "held E_SECOND_PERSON", "N30-held": "held E_SECOND_PERSON",
	"N11-S38": "refused E_GATEWAY_MISSING", "N14-S33": "refused E_AGREEMENT_NONE", "N15-S45": "refused E_AGREEMENT_EXPIRED", "N25-S20": "refused E_CONSENT_GIVER_INVALID",
}

func firstCause(f ShareFact) string {
	if len(f.Causes) == 0 {
		return ""
	}
	return string(f.Causes[0].Reason)
}

// TestRefusals plays the negative pack: each test is refused for its own reason first.
func TestRefusals(t *testing.T) {
	facts := play(t, os.DirFS("refusals"))
	hold, notBuilt := 0, []string{}
	for _, want := range readExpected(t).Negative {
		got, ok := facts[want.ID]
		switch {
		case !ok:
			t.Errorf("%s is not in the pack", want.ID)
		case got.NotBuilt != "" && want.Needs == needed:
			t.Errorf("%s is wanted now, and it waits for %s", want.ID, got.NotBuilt)
		case got.NotBuilt != "":
			notBuilt = append(notBuilt, want.ID)
		case len(got.Shares) == 0:
			t.Errorf("%s sent nothing", want.ID)
		default:
			last := got.Shares[len(got.Shares)-1]
			if last.Result != fairlead.Refused || len(last.Causes) == 0 || string(last.Causes[0].Reason) != want.Deny {
				t.Errorf("%s: %s %s, want refused for %s first", want.ID, last.Result, text(last.Causes), want.Deny)
				continue
			}
			hold++
		}
	}
	for id, want := range beside {
		f := facts[id].Shares
		if len(f) == 0 {
			t.Errorf("%s sent nothing", id)
			continue
		}
		last := f[len(f)-1]
		if got := strings.TrimSpace(string(last.Result) + " " + firstCause(last)); got != want {
			t.Errorf("%s: %s, want %s", id, got, want)
		}
	}
	t.Logf("%d of 30 refusals hold; not built: %v", hold, notBuilt)
	if hold < refusalsHold {
		t.Errorf("%d refusals hold, there were %d", hold, refusalsHold)
	}
}
