package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rs/zerolog"

	"fairlead/internal/fairlead"
	"fairlead/internal/hubtest"
	"fairlead/internal/monitor"
	"fairlead/internal/scenario"
	"fairlead/internal/schema"
)

// demo is one run.
type demo struct {
	once      bool
	files     fs.FS
	dir       string
	temporary bool
	out       io.Writer

	world *hubtest.World
	story *scenario.Story
}

func (d *demo) say(format string, args ...any) { fmt.Fprintf(d.out, format+"\n", args...) }

// run is the demo from beginning to end.
func (d *demo) run(ctx context.Context) (err error) {
	// 1 The story is read and checked before anything starts.
	if d.story, err = scenario.Load(d.files); err != nil {
		return err
	}
	d.say("%s\nEvery agency, person, place and number in it is made up.\n", d.story.Title)

	contents, err := schema.Load()
	if err != nil {
		return err
	}

	d.say("WARNING: all keys of this demo lie unsealed in %s. Real ones are sealed under a passphrase.\n", d.dir)

	// 2 A hub starts, with the clock of the story.
	d.world, err = hubtest.Open(ctx, hubtest.Config{
		Dir: d.dir, Start: d.story.Start.Time, Listen: "127.0.0.1:0", HTTP: "127.0.0.1:0", Schema: contents, Log: zerolog.Nop(),
	})
	if err != nil {
		return err
	}
	defer d.world.Close()
	d.say("hub        agencies connect to %s, pinned TLS; log at %s/checkpoint", d.world.Hub.URL(), d.world.Hub.HTTPURL())

	// 3 Agencies enrol; agreements that are older than the story are signed by all their parties.
	player := &scenario.Player{Story: d.story, World: d.world, Files: d.files, Told: d.tell}
	if err := player.Prepare(ctx); err != nil {
		return err
	}
	d.say("register   %d agencies enrolled, each proved its entry; in force: %s\n", len(d.story.Agencies), strings.Join(d.story.Active, ", "))

	// 4 The story is played, step by step, through the real road.
	facts, err := player.Play(ctx)
	if err != nil {
		return err
	}
	if err := d.write("story.json", facts); err != nil {
		return err
	}
	d.say("\nstory      %s", tally(facts))

	// 5 The auditor mirrors the log, verifies it, replays it, and is shown a forgery.
	if err := d.audit(ctx); err != nil {
		return err
	}
	if !d.temporary {
		d.say("\nwhy?       go run ./cmd/fairlead-audit policy explain %s ENTRY\n           go run ./cmd/fairlead policy explain SHARE -dir %s   (the ids are in %s)",
			filepath.Join(d.dir, "audit"), filepath.Join(d.dir, "agencies", "ID"), filepath.Join(d.dir, "story.json"))
	}
	if d.once {
		return nil
	}
	d.say("\nIt stays up; Ctrl-C ends it.\n  log       %s/checkpoint\n  health    %s/healthz\n  metrics   %s/metrics\n  files     %s",
		d.world.Hub.HTTPURL(), d.world.Hub.HTTPURL(), d.world.Hub.HTTPURL(), d.dir)

	// 6 The agencies' pages are served over the same hub, where anybody can go on by hand.
	return d.serve(ctx, contents)
}

// tell prints one step as it happens.
func (d *demo) tell(step scenario.Step, fact scenario.StepFact) {
	if fact.NotBuilt != "" {
		d.say("%s  %s  not built yet: %s", step.ID, step.At.Format("2006-01-02 15:04"), fact.NotBuilt)
		return
	}
	d.say("%s  %s  %s", step.ID, step.At.Format("2006-01-02 15:04"), step.What)
	for _, s := range fact.Shares {
		d.say("       %-8s → %-8s %-24s %-18s %s", s.From, s.To, s.Kind, s.Result, d.why(s))
	}
}

// why says the ground, and what was withheld or refused for which reasons.
func (d *demo) why(s scenario.ShareFact) string {
	text := string(s.Ground)
	if s.Agreement != "" {
		text += " " + s.Agreement
	}
	if s.Ground == fairlead.GroundNone {
		text = ""
	}
	if len(s.Withheld) > 0 {
		text += fmt.Sprintf(", without %v", s.Withheld)
	}
	if len(s.Reasons) > 0 {
		text += fmt.Sprintf(" %v", s.Reasons)
	}
	for _, due := range s.Due {
		text += fmt.Sprintf(", %s by %s", due.Code, due.At)
	}
	return fmt.Sprintf("%s, entry %d", strings.TrimSpace(text), s.Index)
}

// tally counts the steps that were played, and names what the others wait for.
func tally(facts []scenario.StepFact) string {
	waits := map[string]int{}
	played := len(facts)
	for _, f := range facts {
		if f.NotBuilt != "" {
			waits[f.NotBuilt]++
			played--
		}
	}
	var missing []string
	for _, what := range slices.Sorted(maps.Keys(waits)) {
		missing = append(missing, fmt.Sprintf("%s (%d)", what, waits[what]))
	}
	text := fmt.Sprintf("%d of %d steps played", played, len(facts))
	if len(missing) > 0 {
		text += "; not built yet: " + strings.Join(missing, ", ")
	}
	return text
}

func (d *demo) write(name string, v any) error {
	raw, err := json.MarshalIndent(v, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(d.dir, name), append(raw, '\n'), 0o644)
}

// audit does what an auditor does, with public keys and a read credential.
func (d *demo) audit(ctx context.Context) error {
	credential, err := d.world.Hub.AddAuditor(ctx, "demo")
	if err != nil {
		return err
	}
	vkey, err := os.ReadFile(filepath.Join(d.dir, "hub", "log.vkey"))
	if err != nil {
		return err
	}
	mirror := filepath.Join(d.dir, "audit")
	if _, err := monitor.Mirror(ctx, monitor.MirrorConfig{URL: d.world.Hub.HTTPURL(), Credential: credential, Dir: mirror, VKey: string(vkey)}); err != nil {
		return err
	}
	report, err := monitor.Verify(ctx, mirror, "")
	if err != nil {
		return err
	}
	d.say("\nauditor    verified %d entries, root %s", report.Size, report.Root)
	if report, err = monitor.Replay(ctx, mirror, ""); err != nil {
		return err
	}
	var results []string
	for _, r := range slices.Sorted(maps.Keys(report.Replay.Results)) {
		results = append(results, fmt.Sprintf("%d %s", report.Replay.Results[r], r))
	}
	d.say("auditor    replayed them: every decision follows from the log before it (%s)", strings.Join(results, ", "))
	return d.forge(ctx, mirror, report.Size/2)
}

// forge alters one detail in a copy of the mirror: the auditor must name the entry.
func (d *demo) forge(ctx context.Context, mirror string, entry int64) error {
	copied, err := os.MkdirTemp("", "fairlead-forged-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(copied)
	if err := os.CopyFS(copied, os.DirFS(mirror)); err != nil {
		return err
	}
	if err := tamper(copied, entry); err != nil {
		return err
	}
	report, err := monitor.Verify(ctx, copied, "")
	if err == nil || len(report.Faults) == 0 {
		return fmt.Errorf("the auditor accepted a forged copy: this must never happen")
	}
	d.say("auditor    shown a copy in which somebody altered a decision: rejected, %s", report.Faults[0].What)
	return nil
}
