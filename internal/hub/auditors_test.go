package hub_test

import (
	"path/filepath"
	"testing"
	"time"

	"fairlead/internal/hubtest"
	"fairlead/internal/monitor"
)

// TestReadsAreEntries: that an auditor was given a credential, and that one reads entries and details, stands in the
// log before the first of them is handed out; an hour's reading is one entry, and who only asks is none.
func TestReadsAreEntries(t *testing.T) {
	t.Parallel()
	w := hubtest.New(t, hubtest.Config{HTTP: "127.0.0.1:0"})
	size := func() int64 { return w.Hub.Broker().Status().Entries }
	before := size()
	credential, err := w.Hub.AddAuditor(within(t), "office-1")
	if err != nil || size() != before+1 {
		t.Fatalf("%d entries after %d, %v", size(), before, err)
	}
	other, err := w.Hub.AddAuditor(within(t), "office-2")
	if err != nil {
		t.Fatal(err)
	}
	before = size()
	for _, step := range []struct {
		path, credential string
		after            time.Duration
		entries          int64
	}{
		{"/details/000", "", 0, 0},
		{"/details/000", "wrong", 0, 0},
		{"/checkpoint", credential, 0, 0},
		{"/tile/entries/000.p/1", credential, 0, 1}, // not there any more: it was asked for all the same
		{"/details/000", credential, 0, 1},
		{"/details/000", other, 0, 2},
		{"/details/000", credential, time.Hour - time.Second, 2},
		{"/details/000", credential, time.Second, 3},
	} {
		w.Clock.Set(w.Clock.Now().Add(step.after))
		get(t, w, "GET", step.path, step.credential)
		if got := size() - before; got != step.entries {
			t.Errorf("%s %.4s: %d entries, want %d", step.path, step.credential, got, step.entries)
		}
	}
	dir := filepath.Join(t.TempDir(), "mirror")
	cfg := monitor.MirrorConfig{URL: w.Hub.HTTPURL(), Credential: credential, Dir: dir, VKey: w.Hub.LogKey()}
	if _, err := monitor.Mirror(within(t), cfg); err != nil {
		t.Fatal(err)
	}
	said := ""
	for k := before - 2; k < size(); k++ {
		e, err := monitor.Show(dir, cfg.VKey, k)
		if err != nil {
			t.Fatal(err)
		}
		said += e.Title + "\n"
	}
	want := "auditor office-1 was given a credential\nauditor office-2 was given a credential\n"
	for _, name := range []string{"1", "2", "1"} {
		want += "auditor office-" + name + " reads entries and details, in the hour from here\n"
	}
	if said != want {
		t.Errorf("got\n%swant\n%s", said, want)
	}
}
