package registry_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"fairlead/internal/entry"
	"fairlead/internal/fairlead"
	"fairlead/internal/law"
	"fairlead/internal/registry"
)

// ours is a copy of the default tables that a test may change.
func ours(t *testing.T) *law.Tables {
	t.Helper()
	raw, err := json.Marshal(law.Default())
	if err != nil {
		t.Fatal(err)
	}
	tables, err := law.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return tables
}

// TestLaw: the operator's tables take effect by an entry, from then on and not before; without them the
// defaults hold.
func TestLaw(t *testing.T) {
	w := newWorld(t, "NOR-CSC", "WDB-CSC")
	w.agree("A1", "NOR-CSC", "WDB-CSC")
	before := w.share(w.note("NOR-CSC", "WDB-CSC"))
	old := w.snap
	if w.snap.Law() != law.Default() || old.Decide(before, w.at, nil).Result != fairlead.Delivered {
		t.Fatal("the defaults do not hold")
	}
	tables := ours(t)
	i := slices.IndexFunc(tables.Gateways, func(g law.Gateway) bool { return g.Code == "CA2004-10" })
	tables.Gateways[i].Until = w.at.AddDate(0, 0, -1).Format(time.DateOnly)
	w.must(w.register("rules", registry.Rules{Law: tables}))
	if d := w.snap.Decide(before, w.at, nil); !slices.Contains(d.Reasons(), fairlead.ReasonGatewayMissing) {
		t.Errorf("after the gateway has ended: %s %v", d.Result, d.Causes)
	}
	if old.Decide(before, w.at, nil).Result != fairlead.Delivered {
		t.Error("what was decided before replays otherwise")
	}
	if d := w.snap.Decide(before, w.at.AddDate(0, 0, -1), nil); slices.Contains(d.Reasons(), fairlead.ReasonGatewayMissing) {
		t.Error("on its last day the gateway does not hold")
	}
	w.must(w.register("rules", registry.Rules{}))
	if w.snap.Decide(before, w.at, nil).Result != fairlead.Delivered {
		t.Error("without tables the defaults do not hold again")
	}
	tables.Clocks = nil
	if err := w.register("rules", registry.Rules{Law: tables}); err == nil {
		t.Error("tables without clocks are taken")
	}
}

// TestUnread: an entry of an agreement or a consent whose detail is damaged is folded by its leaf, and the
// register says so; of another entry it is an error.
func TestUnread(t *testing.T) {
	w := newWorld(t, "NOR-CSC", "WDB-CSC")
	w.agree("A1", "NOR-CSC", "WDB-CSC")
	m := w.note("NOR-CSC", "WDB-CSC")
	sh := w.share(m)
	sh.Decision = w.snap.Decide(sh, w.at, nil)
	l := entry.Leaf{Class: entry.ClassShare, At: w.at, Share: m.h.ID, From: "NOR-CSC", To: "WDB-CSC", Outcome: entry.OutcomeDelivered, Counter: w.snap.Counter("WDB-CSC") + 1}
	if _, err := w.snap.FoldUnread(l, (&entry.Detail{Share: sh}).Marshal()); err == nil {
		t.Error("a note is folded unread")
	}
	refusal := w.message("NOR-CSC", fairlead.Hub, "consent.record", []byte(`{"id":"c-1"}`))
	refusal.h.From.Role = "PRACTITIONER"
	sh = w.share(refusal)
	l = entry.Leaf{Class: entry.ClassShare, At: w.at, Share: refusal.h.ID, From: "NOR-CSC", To: fairlead.Hub, Outcome: entry.OutcomeControl}
	raw := (&entry.Detail{Share: sh}).Marshal()
	next, err := w.snap.FoldUnread(l, raw)
	if err != nil || next.Size() != w.snap.Size()+1 || !slices.Equal(next.Unread(), []int64{w.snap.Size()}) || len(w.snap.Unread()) != 0 {
		t.Fatalf("%v, unread %v", err, next.Unread())
	}
	if d := next.Decide(w.share(w.note("NOR-CSC", "WDB-CSC")), w.at, nil); !slices.Contains(d.Reasons(), fairlead.ReasonUnavailable) {
		t.Errorf("%s %v", d.Result, d.Causes)
	}
	for name, change := range map[string]func(){
		"another share":      func() { l.Share = fairlead.NewShareID() },
		"another sender":     func() { l.From = "WDB-CSC" },
		"another recipient":  func() { l.To = "WDB-CSC" },
		"another class":      func() { l.Class = entry.ClassRegister },
		"another signature":  func() { sh.Signature[len(sh.Signature)-1] ^= 1; raw = (&entry.Detail{Share: sh}).Marshal() },
		"nothing to be read": func() { raw = raw[:len(raw)/2] },
	} {
		keep, bytes := l, raw
		change()
		if _, err := w.snap.FoldUnread(l, raw); err == nil {
			t.Errorf("%s is folded unread", name)
		}
		l, raw = keep, bytes
		if name == "another signature" {
			sh.Signature[len(sh.Signature)-1] ^= 1
		}
	}
}
