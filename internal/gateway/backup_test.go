package gateway_test

import (
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"fairlead/internal/gateway"
	"fairlead/internal/hubtest"
)

// TestRestoreGateway is the drill of deploy/README.md for an agency with pages: its machine is lost, its folder is put
// back from the backup that was taken while it was stopped, and its people go on where they were.
func TestRestoreGateway(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alder := w.serve(hubtest.Alder, "en")
	sw := alder.signIn(t, "SW1")
	thread := sw.send(sw.write("alert.missing", alder.alert("N-7")))
	if err := w.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	sent := field(t, sw.until(thread, "Delivered: their program"), `href="(/sent/[^"]+)"`)
	draft := sw.write("alert.missing", alder.alert("N-8"))
	sw.post(thread+"/restrict", url.Values{"next": {"restrict"}, "reason": {"family"}})
	sw.post(thread+"/whereabouts", url.Values{"next": {sent}, "reason": {"plan"}})
	sw.take(thread+"/export", url.Values{"format": {"csv"}})
	alder.signIn(t, "TM1").says(sent, "Mara")
	dir := alder.agency.Home.Dir
	token, err := gateway.Invite(dir, gateway.Person{User: "SW1", Name: "Nell Ashdown"}, w.Clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	alder.stop()
	w.Close()

	saved := filepath.Join(t.TempDir(), "backup")
	for _, step := range [][]string{{"cp", "-a", dir, saved}, {"rm", "-r", dir}, {"cp", "-a", saved, dir}} {
		if out, err := exec.CommandContext(t.Context(), step[0], step[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", step, err, out)
		}
	}
	if b, err := os.ReadFile(filepath.Join(saved, "gateway.db")); err != nil || strings.Contains(string(b), "Sample Street") || strings.Contains(string(b), "Mara") {
		t.Errorf("the backup of the pages holds content in the clear: %v", err)
	}
	if err := w.Reopen(t.Context()); err != nil {
		t.Fatal(err)
	}
	alder = w.serve(hubtest.Alder, "en")
	sw = alder.signIn(t, "SW1")
	sw.says(draft+"/child", "Mara", `value="N-8"`)
	sw.says("/cases?q=N-7", "N-7", "Restricted")
	sw.says(thread, "Delivered: their program", "Restricted by Nell Ashdown", "I plan for the child", "a table of the timeline")
	sw.lacks(sent, "8 Sample Street")
	sw.says(sent, "Tom Merrow, team manager") // who looked, before
	alder.signIn(t, "").says("/invitation/"+token, "Hello Nell Ashdown")
	again := sw.send(sw.write("alert.missing", alder.alert("N-9")))
	if err := w.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	sw.until(again, "Delivered: their program")
}
