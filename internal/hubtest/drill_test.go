package hubtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fairlead/internal/client"
	"fairlead/internal/fairlead"
)

// backup copies a folder with owners, modes and times, as deploy/README.md has it done.
func backup(t *testing.T, from, to string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), "cp", "-a", from, to).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// TestRestoreHub is the drill of deploy/README.md: the hub's machine is lost, its folder is put back from
// the backup that was taken while it was stopped, and every agency goes on where it was.
func TestRestoreHub(t *testing.T) {
	t.Parallel()
	w := New(t, Config{})
	before := w.send(t, Alder, DraftAssessment(Birch, Section("EDU", `{"school":"before"}`)))
	entries := len(w.lines(t))
	w.Close()
	hub, saved := filepath.Join(w.Dir, "hub"), filepath.Join(t.TempDir(), "backup")
	backup(t, hub, saved)
	if err := os.RemoveAll(hub); err != nil {
		t.Fatal(err)
	}
	backup(t, saved, hub)
	if err := w.Reopen(within(t)); err != nil {
		t.Fatal(err)
	}
	after := w.send(t, Alder, DraftAssessment(Aspen, Section("EDU", `{"school":"after"}`)))
	if before.State != client.Delivered || after.State != client.Delivered || len(w.lines(t)) <= entries {
		t.Errorf("%s before, %s after, %d entries, were %d", before.State, after.State, len(w.lines(t)), entries)
	}
}

// TestRestoreOldHub: a hub put back from an older backup is refused by whoever has proved more of its log.
func TestRestoreOldHub(t *testing.T) {
	t.Parallel()
	w := New(t, Config{})
	w.Close()
	hub, saved := filepath.Join(w.Dir, "hub"), filepath.Join(t.TempDir(), "backup")
	backup(t, hub, saved)
	if err := w.Reopen(within(t)); err != nil {
		t.Fatal(err)
	}
	w.send(t, Alder, DraftAssessment(Birch, Section("EDU", `{"school":"forgotten"}`)))
	w.Close()
	if err := os.RemoveAll(hub); err != nil {
		t.Fatal(err)
	}
	backup(t, saved, hub)
	if err := w.Reopen(within(t)); err != nil {
		t.Fatal(err)
	}
	cedar := w.Agency(Cedar)
	if _, err := cedar.Send(DraftAssessment(Birch, Section("EDU", `{}`))); err != nil {
		t.Fatal(err)
	}
	w.until(t, func() bool {
		_, err := cedar.Sync(within(t), 0)
		alarms, bad := cedar.Alarms()
		return err == nil && bad == nil && len(alarms) > 0
	})
	w.Close()
}

// TestRestoreAgency: an agency's folder is put back from an older backup; it asks for everything again,
// and has what it had received since, once.
func TestRestoreAgency(t *testing.T) {
	t.Parallel()
	w := New(t, Config{})
	first := w.send(t, Alder, DraftAssessment(Birch, Section("EDU", `{"school":"before"}`)))
	w.disconnect(Birch)
	home, saved := w.home(Birch), filepath.Join(t.TempDir(), "backup")
	backup(t, home, saved)
	if _, err := w.Connect(within(t), Birch); err != nil {
		t.Fatal(err)
	}
	second := w.send(t, Alder, DraftAssessment(Birch, Section("EDU", `{"school":"since"}`)))
	w.disconnect(Birch)
	if err := os.RemoveAll(home); err != nil {
		t.Fatal(err)
	}
	backup(t, saved, home)
	birch, err := w.Connect(within(t), Birch)
	if err != nil {
		t.Fatal(err)
	}
	if err := birch.Conn.Rewind(within(t), 0); err != nil {
		t.Fatal(err)
	}
	w.settle(t)
	list, err := birch.Inbox()
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []fairlead.ShareID{first.ID, second.ID} {
		n := 0
		for _, m := range list {
			if m.Header.ID == id {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%s is there %d times", id, n)
		}
	}
	if _, _, err := birch.Open(second.ID); err != nil {
		t.Error(err)
	}
	// It no longer knows what it had sent since: its own acknowledgement. It says so, and nothing else.
	alarms, err := birch.Alarms()
	if err != nil || slices.ContainsFunc(alarms, func(a client.Alarm) bool { return !strings.HasSuffix(a.What, "never made") }) {
		t.Errorf("%v, %v", alarms, err)
	}
	w.Close()
}
