package client

import (
	"slices"
	"strings"
	"testing"

	"fairlead/internal/entry"
	"fairlead/internal/envelope"
)

// TestTombstones: a number that is missing is taken for deleted only where its own tombstone follows, proved, by
// an order that came before it; every other word of the hub leaves the alarm.
func TestTombstones(t *testing.T) {
	base := agreedWorld(t)
	const gap = ": something was withheld, hidden or delivered twice"
	for name, test := range map[string]struct {
		order string // whose recall is delivered: of the share, of another, a correction, none
		bend  func(t *envelope.Tombstone)
		prove bool
		alarm string
	}{
		"true":                  {order: "own", prove: true},
		"without an order":      {order: "none", prove: true, alarm: "which is said to have ordered it, was never delivered here"},
		"by a recall of others": {order: "other", prove: true, alarm: "is no recall of it by its sender, and no notice of the hub that it was"},
		"by a correction":       {order: "correct", prove: true, alarm: "is no recall of it by its sender, and no notice of the hub that it was"},
		"never proved":          {order: "own", alarm: gap},
		"never proved, by an order that never comes": {order: "own", bend: func(t *envelope.Tombstone) { t.Order = 1 << 62 }, alarm: gap},
		"of another number": {order: "own", prove: true, bend: func(t *envelope.Tombstone) {
			l, _ := entry.ParseLeaf(t.Leaf)
			l.Counter++
			t.Leaf = l.Marshal()
		}, alarm: "is not in the log: it was sent off the record"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := base.copy(t)
			w.lose(test.order, test.bend, test.prove)
			if test.alarm == "" {
				w.calm()
				w.check(w.agency(birch).takeAll(w.agency(birch).messages)) // all of it comes again, as after a restored backup
				w.calm()
				if n, err := w.agency(birch).Erased(); err != nil || len(n) != 1 {
					t.Errorf("erased %v %v", n, err)
				}
			} else {
				got := w.agency(birch).alarmed()
				for _, want := range []string{test.alarm, gap} {
					if !slices.ContainsFunc(got, func(s string) bool { return strings.Contains(s, want) }) {
						t.Errorf("alarms %q, want %q", got, want)
					}
				}
			}
		})
	}
}

// lose logs two shares and what orders the first deleted, and hands Birch all but the first.
func (w *world) lose(order string, bend func(*envelope.Tombstone), prove bool) {
	w.t.Helper()
	a, b := w.agency(alder), w.agency(birch)
	lost := a.send(assessment("BIRCH"))
	gone := w.collectFrom(a)[0]
	other := a.send(assessment("BIRCH"))
	w.collectFrom(a)
	b.drop(gone.index)
	of, action := lost, "delete"
	switch order {
	case "other":
		of = other
	case "correct":
		action = "correct"
	}
	by := w.log.Size()
	if order != "none" {
		d, err := a.RecallDraft(of, "wrong_recipient", action, false)
		w.check(err)
		d.Role, d.User = "DPO", "dpo1"
		a.send(d)
		w.collectFrom(a)
	}
	tomb := envelope.Tombstone{Index: gone.index, Leaf: gone.bytes, Order: by}
	if bend != nil {
		bend(&tomb)
	}
	b.out = append(b.out, tomb.Marshal())
	if prove {
		b.owed = append(b.owed, gone.index)
	}
	for range headsToProve {
		w.settle()
		w.put([]byte("an entry that concerns nobody here"))
		w.now = w.now.Add(1)
	}
	w.settle()
}

// drop takes a delivery out of what the hub has for an agency, with its proof.
func (a *agency) drop(index int64) {
	for i, frame := range a.out {
		if d, err := envelope.ParseDelivery(frame); err == nil && d.Index == index {
			a.out = append(a.out[:i:i], a.out[i+1:]...)
			break
		}
	}
	for i, owed := range a.owed {
		if owed == index {
			a.owed = append(a.owed[:i:i], a.owed[i+1:]...)
			return
		}
	}
	a.w.t.Fatalf("nothing of entry %d waits for %s", index, a.id)
}
