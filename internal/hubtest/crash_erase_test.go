package hubtest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"fairlead/internal/client"
	"fairlead/internal/fairlead"
)

// TestCrashWhileErasing kills the hub's process after each step of the round that takes a recall, and of the one
// that takes a withdrawal of consent. When it is back the order is on record, the payload is gone from the
// ledger, and its recipient has a tombstone in its place and no alarm: never one without the others.
func TestCrashWhileErasing(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes and waits for reconnections")
	}
	for name, order := range map[string]func(testing.TB, *World, fairlead.ShareID) *client.Draft{
		"recall":     func(t testing.TB, w *World, id fairlead.ShareID) *client.Draft { return w.recall(t, id) },
		"withdrawal": func(t testing.TB, w *World, _ fairlead.ShareID) *client.Draft { return w.withdrawal(t, Alder) },
	} {
		for step := 4; step <= 8; step++ {
			t.Run(fmt.Sprint(name, step), func(t *testing.T) {
				t.Parallel()
				crashErasing(t, step, order)
			})
		}
	}
}

func crashErasing(t *testing.T, step int, order func(testing.TB, *World, fairlead.ShareID) *client.Draft) {
	w := New(t, Config{Listen: FreeAddress(t)})
	w.consented(t)
	id := w.alone(t, Alder, DraftAssessment(Birch, Section("EDU", `{"n":1}`)))
	w.alone(t, Alder, DraftAssessment(Birch, Section("RISK", `{"n":2}`)))
	section := w.sealed(t, Alder, id)
	ordered, err := w.Agency(Alder).Send(order(t, w, id))
	if err != nil {
		t.Fatal(err)
	}
	w.Hub.Close()
	w.Hub = nil
	dir := filepath.Join(w.Dir, "hub")
	if err := os.WriteFile(filepath.Join(dir, armed), []byte(strconv.Itoa(step)), 0o600); err != nil {
		t.Fatal(err)
	}

	// 1 The order reaches the hub that dies of it, while its recipient's program does not run.
	p := startProcess(t, dir, w.cfg.Listen)
	var died error
	w.only(t, Alder, func() bool {
		select {
		case died = <-p.ended:
			return true
		default:
			return false
		}
	})
	if died == nil || !strings.Contains(died.Error(), "signal: killed") {
		t.Fatalf("the hub did not die: %v", died)
	}

	// 2 It comes back, and its recipient still does not run.
	p = startProcess(t, dir, w.cfg.Listen)
	w.only(t, Alder, func() bool { return w.sent(t, Alder, ordered[0]).State != client.Queued })
	p.stop(t)

	// 3 In this process again, so that New's check can look at all of it.
	if err := w.Reopen(within(t)); err != nil {
		t.Fatal(err)
	}
	w.settle(t)
	if w.holds(t, section) {
		t.Error("the ledger still holds the payload")
	}
	if erased, err := w.Agency(Birch).Erased(); err != nil || len(erased) != 1 || w.lines(t)[erased[0]].Leaf.Share != id {
		t.Errorf("erased %v %v", erased, err)
	}
}

// only keeps one agency's program going, whatever becomes of the hub, until something holds.
func (w *World) only(t testing.TB, id fairlead.AgencyID, holds func() bool) {
	t.Helper()
	ctx := within(t)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		short, cancel := context.WithTimeout(ctx, time.Second)
		_, _ = w.Agency(id).Sync(short, 50*time.Millisecond)
		cancel()
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("waited in vain")
		}
	}
}

// TestCrashWhileRetaining kills the hub's process after each step of the round that orders payloads deleted. When it is
// back there is one order, the payload is gone, and its recipient takes all of its inbox again without an alarm.
func TestCrashWhileRetaining(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	for step := 5; step <= 8; step++ {
		t.Run(fmt.Sprint(step), func(t *testing.T) {
			t.Parallel()
			crashRetaining(t, step)
		})
	}
}

func crashRetaining(t *testing.T, step int) {
	w := New(t, Config{Listen: FreeAddress(t)})
	s := w.send(t, Alder, DraftAssessment(Birch, Section("EDU", `{"n":1}`)))
	w.accept(t, Birch, s.ID, fairlead.AckOpened)
	section := w.sealed(t, Alder, s.ID)
	w.Hub.Close()
	w.Hub = nil
	dir := filepath.Join(w.Dir, "hub")
	p := startProcess(t, dir, w.cfg.Listen)
	if err := os.WriteFile(filepath.Join(dir, armed), []byte(strconv.Itoa(step)), 0o600); err != nil {
		t.Fatal(err)
	}
	later := w.Clock.Now().AddDate(0, 0, 91)
	if err := os.WriteFile(filepath.Join(dir, clock+".new"), []byte(later.Format(time.RFC3339)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, clock+".new"), filepath.Join(dir, clock)); err != nil {
		t.Fatal(err)
	}
	if died := <-p.ended; died == nil || !strings.Contains(died.Error(), "signal: killed") {
		t.Fatalf("the hub did not die: %v", died)
	}
	w.Clock.Set(later)
	if err := w.Reopen(within(t)); err != nil {
		t.Fatal(err)
	}
	w.until(t, func() bool { return !w.holds(t, section) })
	w.settle(t)
	if orders, _ := w.emptyings(t); len(orders) != 1 {
		t.Errorf("%d orders", len(orders))
	}
	w.again(t, Birch)
}
