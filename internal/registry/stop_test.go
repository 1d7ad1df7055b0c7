package registry_test

import (
	"testing"
	"time"

	"fairlead/internal/consent"
	"fairlead/internal/entry"
	"fairlead/internal/fairlead"
)

// tell makes the notices that are owed, and counts them.
func (w *world) tell() (n int) {
	w.t.Helper()
	for owed, ok := w.snap.Owed(); ok; owed, ok = w.snap.Owed() {
		l := entry.Leaf{Class: entry.ClassNotice, Outcome: entry.OutcomeDelivered, At: w.at, From: fairlead.Hub, To: owed.To, Counter: w.snap.Counter(owed.To) + 1}
		w.must(w.fold(l, &entry.Detail{Notice: &entry.Notice{Record: asJSON(owed)}}))
		n++
	}
	return n
}

// TestToldOnce: who was told that a consent has ended is not told again of the same sections, however often it is
// taken back; what went since with another yes is told of once more.
func TestToldOnce(t *testing.T) {
	w := newWorld(t, "NOR-CSC", "WDB-CSC")
	w.agree("A1", "NOR-CSC", "WDB-CSC")
	yes, no := consent.Item{Status: "given"}, func() {
		w.at = w.at.Add(time.Minute)
		m := w.message("NOR-CSC", fairlead.Hub, "consent.withdraw", asJSON(consent.Withdrawal{Consent: "c-1", At: fairlead.At(w.at), Scope: "all", HowTold: "phone"}))
		m.h.From.Role = "PRACTITIONER"
		w.send(m)
	}
	w.consented("NOR-CSC", kid, "c-1", yes)
	for range 2 {
		w.send(w.note("NOR-CSC", "WDB-CSC").child(kid))
	}
	no()
	if n := w.tell(); n != 2 {
		t.Fatalf("%d notices, want one to the recipient and one to the agency whose consent it was", n)
	}
	no()
	if n := w.tell(); n != 0 {
		t.Errorf("taken back again: %d notices of what was told", n)
	}
	w.at = w.at.Add(time.Minute)
	w.consented("NOR-CSC", kid, "c-2", yes)
	w.send(w.note("NOR-CSC", "WDB-CSC").child(kid))
	w.at = w.at.Add(time.Minute)
	r := consent.Record{ID: "c-3", Subject: kid, Giver: "CHILD_16", At: fairlead.At(w.at), Supersedes: "c-2", Items: []consent.Item{{Status: "invalidated"}}}
	m := w.message("NOR-CSC", fairlead.Hub, "consent.record", asJSON(r))
	m.h.From.Role = "PRACTITIONER"
	w.send(m)
	if owed, ok := w.snap.Owed(); !ok || len(owed.Shares) != 1 || w.tell() != 2 {
		t.Errorf("what went since: %+v", owed)
	}
}
