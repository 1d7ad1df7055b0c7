package hubtest

import (
	"bytes"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fairlead/internal/broker"
	"fairlead/internal/monitor"
	"fairlead/internal/registry"
	"fairlead/internal/tlog"
)

// auditor mirrors the hub's log by its HTTP server.
func (w *World) auditor(t testing.TB, dir string) (monitor.Report, error) {
	t.Helper()
	credential, err := w.Auditor(within(t))
	if err != nil {
		t.Fatal(err)
	}
	return monitor.Mirror(within(t), monitor.MirrorConfig{URL: w.Hub.HTTPURL(), Credential: credential, Dir: dir, VKey: w.Hub.LogKey()})
}

func erasing(entries ...int64) registry.Erasing {
	e := registry.Erasing{Reason: "order", Reference: "F-2027-1"}
	for _, i := range entries {
		e.Details = append(e.Details, registry.Detail{Entry: i})
	}
	return e
}

// gone lists the entries that a replay could not decide again.
func gone(t testing.TB, dir string) (list []int64, all []monitor.Gone) {
	t.Helper()
	r, err := monitor.Replay(within(t), dir, "")
	if err != nil {
		t.Fatalf("%v\n%s", err, r.Words())
	}
	for _, g := range r.Replay.Gone {
		list = append(list, g.Entry)
	}
	return list, r.Replay.Gone
}

// TestEraseDetails: a share and its acknowledgement are erased by an order. Nothing of their details is left at the hub,
// in its ledger or in an auditor's older mirror; the hub starts again, also without its folder, on the same root;
// and a replay says of exactly those, and of what was decided on them, that it cannot be done again.
func TestEraseDetails(t *testing.T) {
	t.Parallel()
	w := New(t, Config{HTTP: "127.0.0.1:0", NoCipher: true})
	old := t.TempDir()
	s := w.send(t, Alder, DraftAssessment(Birch, Section("EDU", `{"n":1}`)))
	kept := w.send(t, Alder, DraftAssessment(Birch, Section("EDU", `{"n":2}`)))
	recall := w.send(t, Alder, w.recall(t, s.ID))
	section, header := w.sealed(t, Alder, s.ID), string(w.lines(t)[s.Index].Detail.Share.Header)
	if _, err := w.auditor(t, old); err != nil {
		t.Fatal(err)
	}
	if list, _ := gone(t, old); len(list) > 0 || !inFiles(t, old, header) {
		t.Fatal("the test looks for the wrong thing")
	}

	for entry, why := range map[int64]string{0: "of the register", recall.Index: "erase both", 1 << 40: "no such entry"} {
		if err := w.Hub.EraseDetails(within(t), erasing(entry)); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("entry %d: %v, want %q", entry, err, why)
		}
	}
	early := erasing(s.Index)
	early.Reason = "retention"
	if err := w.Hub.EraseDetails(within(t), early); err == nil || !strings.Contains(err.Error(), "its time is not over") {
		t.Errorf("too early: %v", err)
	}
	for i, l := range w.lines(t) {
		if sh := l.Detail.Share; sh != nil && strings.Contains(string(sh.Header), `"kind":"agreement.`) {
			if err := w.Hub.EraseDetails(within(t), erasing(int64(i))); err == nil || !strings.Contains(err.Error(), "agreement.") {
				t.Errorf("an agreement: %v", err)
			}
		}
	}
	if err := w.Hub.EraseDetails(within(t), erasing(s.Index)); err != nil {
		t.Fatal(err)
	}
	order := int64(len(w.lines(t)) - 2) // the last one tells its recipient
	if err := w.Hub.EraseDetails(within(t), erasing(s.Index)); err == nil || !strings.Contains(err.Error(), "erased already") {
		t.Errorf("twice: %v", err)
	}
	w.settle(t)
	w.until(t, func() bool { return !w.holds(t, section) && !w.holds(t, []byte(header)) })

	fresh := t.TempDir()
	for _, dir := range []string{old, fresh} {
		if _, err := w.auditor(t, dir); err != nil {
			t.Fatal(err)
		}
		if inFiles(t, dir, header) {
			t.Errorf("%s still holds the header", dir)
		}
		list, all := gone(t, dir)
		if want := []int64{s.Index, recall.Index}; !slices.Equal(list, want) || !slices.Equal(all[0].By, []int64{order}) || !slices.Equal(all[1].By, []int64{order}) {
			t.Errorf("%+v, want %v by %d", all, want, order)
		}
		if shown, err := monitor.Show(dir, "", s.Index); err != nil || shown.Erased == nil || *shown.Erased != order || shown.Share != s.ID.String() {
			t.Errorf("%+v %v", shown, err)
		}
	}
	if hub := filepath.Join(w.Dir, "hub", broker.DetailsDir); inFiles(t, hub, header) {
		t.Error("the hub still holds the header")
	}

	// It starts again, and once more without log and details: LEDGER has the leaves in the tombstones.
	before := w.lines(t)
	for _, lost := range []bool{false, true} {
		w.Close()
		for _, name := range []string{broker.LogDir, broker.DetailsDir} {
			if lost {
				if err := os.RemoveAll(filepath.Join(w.Dir, "hub", name)); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := w.Reopen(within(t)); err != nil {
			t.Fatal(err)
		}
		w.settle(t)
		if after := w.lines(t); after[s.Index].Leaf != before[s.Index].Leaf || !after[s.Index].Erased || after[kept.Index].Erased {
			t.Errorf("lost %v: %+v", lost, after[s.Index])
		}
	}
	// The second recall of it is of nothing that is on record, and so decided by every fold alike.
	if _, err := w.Agency(Alder).Send(DraftAssessment(Birch, Section("EDU", `{"n":3}`))); err != nil {
		t.Fatal(err)
	}
}

// inFiles reports whether a folder holds a text, as it is or in the JSON of a detail.
func inFiles(t testing.TB, dir, text string) bool {
	t.Helper()
	encoded := b64(text)
	found := false
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		found = found || bytes.Contains(b, []byte(text)) || bytes.Contains(b, []byte(encoded))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestEraseLies: what is erased without an order, what is ordered and not erased, and more than was ordered, are each
// found, by the hub when it starts and by an auditor.
func TestEraseLies(t *testing.T) {
	t.Parallel()
	w := New(t, Config{HTTP: "127.0.0.1:0"})
	s := w.send(t, Alder, DraftAssessment(Birch, Section("EDU", `{"n":1}`)))
	more := w.send(t, Alder, DraftAssessment(Birch, Section("EDU", `{"n":2}`)))
	if _, err := w.Auditor(within(t)); err != nil { // its entries come before the copies
		t.Fatal(err)
	}
	details := filepath.Join(w.Dir, "hub", broker.DetailsDir)
	then := t.TempDir()
	copyFolder(t, then, details)
	spoil := func(i int64) { // behind the broker's back
		d, err := tlog.OpenDetails(details, int64(len(w.lines(t))))
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(d.Erase(i), d.Close()); err != nil {
			t.Fatal(err)
		}
	}
	audit := func(want error, says string) {
		t.Helper()
		dir := t.TempDir()
		r, err := w.auditor(t, dir)
		if !errors.Is(err, monitor.ErrHub) || !strings.Contains(err.Error(), says) {
			t.Errorf("mirror: %+v %v", r, err)
		}
		copied := t.TempDir()
		if err := w.mirror(copied); err != nil {
			t.Fatal(err)
		}
		if _, err := monitor.Verify(within(t), copied, ""); !errors.Is(err, want) {
			t.Errorf("verify: %v", err)
		}
	}
	restore := func(from string) {
		if err := os.RemoveAll(details); err != nil {
			t.Fatal(err)
		}
		copyFolder(t, details, from)
	}

	spoil(s.Index) // erased, and no order
	audit(monitor.ErrAltered, "no entry of the log orders it")
	w.Close()
	if err := w.Reopen(within(t)); err == nil || !errors.Is(err, broker.ErrDiverged) {
		t.Fatalf("it starts: %v", err)
	}
	w.Close()
	restore(then)
	if err := w.Reopen(within(t)); err != nil {
		t.Fatal(err)
	}

	if err := w.Hub.EraseDetails(within(t), erasing(s.Index)); err != nil {
		t.Fatal(err)
	}
	w.settle(t)
	good := t.TempDir()
	copyFolder(t, good, details)
	spoil(more.Index) // more than was ordered
	audit(monitor.ErrAltered, "no entry of the log orders it")
	restore(good)

	bad := t.TempDir()
	copyFolder(t, bad, details)
	withDetail(t, details, then, s.Index) // ordered, and still there
	dir := t.TempDir()
	if _, err := w.auditor(t, dir); !errors.Is(err, monitor.ErrHub) || !strings.Contains(err.Error(), "still serves the detail") {
		t.Errorf("mirror: %v", err)
	}
	copied := t.TempDir()
	if err := w.mirror(copied); err != nil {
		t.Fatal(err)
	}
	if _, err := monitor.Verify(within(t), copied, ""); !errors.Is(err, monitor.ErrAltered) || !strings.Contains(err.Error(), "still here") {
		t.Errorf("verify: %v", err)
	}
	// That is what a crash leaves as well: a hub that starts does what was ordered.
	if err := w.Reopen(within(t)); err != nil {
		t.Fatal(err)
	}
	if !w.lines(t)[s.Index].Erased {
		t.Error("the hub did not repeat what was ordered")
	}
}

func copyFolder(t testing.TB, to, from string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

// withDetail puts the detail of an entry back from a copy; both have their first segment only.
func withDetail(t testing.TB, to, from string, index int64) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(from, "000"))
	if err != nil {
		t.Fatal(err)
	}
	all, err := os.ReadFile(filepath.Join(to, "000"))
	if err != nil {
		t.Fatal(err)
	}
	details, err := tlog.ParseSegment(b)
	if err != nil || index >= int64(len(details)) {
		t.Fatal(err, index)
	}
	start := int(index)*4 + 4
	for _, d := range details[:index] {
		start += len(d)
	}
	copy(all[start:], details[index])
	if err := os.WriteFile(filepath.Join(to, "000"), all, 0o600); err != nil {
		t.Fatal(err)
	}
}

func b64(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
