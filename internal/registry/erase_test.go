package registry_test

import (
	"strings"
	"testing"
	"time"

	"fairlead/internal/consent"
	"fairlead/internal/entry"
	"fairlead/internal/registry"
)

// order is the record that a broker makes of an order to erase entries.
func (w *world) order(entries ...int64) registry.Erasing {
	e := registry.Erasing{Reason: "order", Reference: "F-1"}
	for _, i := range entries {
		d, err := w.snap.Order(w.entries[i].leaf, i)
		w.must(err)
		e.Details = append(e.Details, d)
	}
	return e
}

// again folds the whole log anew, as a hub that starts or an auditor does, without the details of some entries.
func (w *world) again(without ...int64) *registry.Snapshot {
	w.t.Helper()
	blank := map[int64]bool{}
	for _, i := range without {
		blank[i] = true
	}
	snap := registry.New()
	for i, e := range w.entries {
		var err error
		if blank[int64(i)] {
			snap, err = snap.FoldErased(e.leaf)
		} else {
			snap, err = snap.Fold(e.leaf, e.detail)
		}
		w.must(err)
	}
	return snap
}

// TestErasedAlike: a register that folded a detail and one that never saw it are the same from the order on, also
// where consents, acknowledgements and refusals stood on it; and the id stays used.
func TestErasedAlike(t *testing.T) {
	w := newWorld(t, "NOR-CSC", "RO-DIR")
	w.agree("A1", "NOR-CSC", "RO-DIR")
	w.consented("NOR-CSC", kid, "c1", consent.Item{Status: "given"})
	at := func() int64 { return int64(len(w.entries)) - 1 }
	w.send(w.note("NOR-CSC", "RO-DIR").child(kid))
	note, id := at(), w.entries[at()].leaf.Share
	w.send(w.note("NOR-CSC", "RO-DIR").child(kid))
	bad := w.note("NOR-CSC", "RO-DIR")
	bad.h.Purpose = "PRT-ASSESS"
	if d := w.commit(w.share(bad)); d.Delivers() {
		t.Fatal("the test wants a refusal")
	}
	refused := at()
	if err := w.register(registry.Erase, w.order(note)); err == nil || !strings.Contains(err.Error(), "not stored it yet") {
		t.Errorf("before it is stored: %v", err)
	}
	w.send(w.acknowledge("RO-DIR", 2))
	stored := at()
	opened := w.message("RO-DIR", "NOR-CSC", "ack", nil)
	opened.h.From.Role, opened.h.ReplyTo, opened.h.Facts = "PRACTITIONER", id, map[string]string{"level": "accepted_for_action"}
	w.send(opened)
	ack := at()
	w.send(w.acknowledge("NOR-CSC", 1))
	for _, i := range []int64{stored, ack} {
		if err := w.register(registry.Erase, w.order(i)); err == nil {
			t.Errorf("entry %d may go alone", i)
		}
	}
	agreed := w.entries[2]
	if err := w.register(registry.Erase, w.order(2)); agreed.leaf.Class != entry.ClassShare || err == nil || !strings.Contains(err.Error(), "agreement.") {
		t.Errorf("an agreement: %v", err)
	}
	if again := registry.Differs(w.snap, w.again()); again != "" {
		t.Fatalf("with all details: %s", again)
	}
	gone := []int64{note, refused, ack}
	w.at = w.at.Add(time.Minute)
	w.must(w.register(registry.Erase, w.order(gone...)))
	if d := registry.Differs(w.snap, w.again()); d != "" {
		t.Errorf("with all details: %s", d)
	}
	later := w.again(gone...)
	if d := registry.Differs(w.snap, later); d != "" {
		t.Errorf("without them: %s", d)
	}
	if later.Blanks() != 0 || w.again(note, ack).Blanks() != 0 {
		t.Error("some wait for their order, which has come")
	}
	for _, snap := range []*registry.Snapshot{w.snap, later} {
		if _, account, _, ok := snap.Lookup(id); !ok || account != "" {
			t.Error("the id is free again, or still somebody's")
		}
	}
	// What follows finds nothing there, in both alike.
	answer := w.message("RO-DIR", "NOR-CSC", "ack", nil)
	answer.h.From.Role, answer.h.ReplyTo, answer.h.Facts = "PRACTITIONER", id, map[string]string{"level": "opened_by_human"}
	if d := w.commit(w.share(answer)); d.Delivers() {
		t.Error("an acknowledgement of what is not on record is delivered")
	}
	if err := w.register(registry.Erase, w.order(note)); err == nil || !strings.Contains(err.Error(), "erased already") {
		t.Errorf("twice: %v", err)
	}
	if _, err := registry.New().FoldErased(w.entries[0].leaf); err == nil {
		t.Error("an enrolment may be blank")
	}
}
