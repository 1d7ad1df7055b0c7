package registry_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"fairlead/internal/entry"
	"fairlead/internal/fairlead"
	"fairlead/internal/registry"
)

// payload names that of an entry.
func (w *world) payload(at int64) registry.Payload {
	return registry.Payload{Entry: at, Share: w.entries[at].leaf.Share}
}

// emptying is an order of retention.
func (w *world) emptying(to fairlead.AgencyID, at ...int64) registry.Emptying {
	e := registry.Emptying{Class: registry.RetentionPayload, Days: w.snap.PayloadDays(), To: to}
	for _, i := range at {
		e.Payloads = append(e.Payloads, w.payload(i))
	}
	return e
}

// last is the last entry.
func (w *world) last() int64 { return int64(len(w.entries)) - 1 }

// opened is the word of a person on a share.
func (w *world) opened(by, from fairlead.AgencyID, id fairlead.ShareID, level string) *message {
	m := w.message(by, from, "ack", nil)
	m.h.From.Role, m.h.ReplyTo, m.h.Facts = "PRACTITIONER", id, map[string]string{"level": level}
	return m
}

// TestPayloadsStay: what is not stored, not acknowledged by a person, asked back, of another recipient, or gone already
// is refused by name; what is not goes, once, and a register that has lost its detail knows it too.
func TestPayloadsStay(t *testing.T) {
	w := newWorld(t, "NOR-CSC", "RO-DIR")
	w.agree("A1", "NOR-CSC", "RO-DIR")
	before := w.snap.Counter("RO-DIR")
	w.send(w.note("NOR-CSC", "RO-DIR"))
	at := w.last()
	id := w.entries[at].leaf.Share
	refused := func(e registry.Emptying, want string) {
		t.Helper()
		if err := w.register(registry.EmptyPayloads, e); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	refused(w.emptying("RO-DIR", at), "RO-DIR has not stored it yet")
	w.send(w.acknowledge("RO-DIR", before+1))
	stored := w.last()
	if i, ok := w.snap.AckEntry("RO-DIR"); !ok || i != stored {
		t.Errorf("acknowledged by entry %d %v, want %d", i, ok, stored)
	}
	refused(w.emptying("RO-DIR", at), "nobody at RO-DIR has acknowledged it")
	w.send(w.opened("RO-DIR", "NOR-CSC", id, "opened_by_human"))

	refused(w.emptying("NOR-CSC", at), "it is not NOR-CSC that it was delivered to")
	refused(w.emptying("", at), "it is not nobody that it was delivered to")
	refused(w.emptying("RO-DIR", stored), "it is not RO-DIR that it was delivered to")
	other := w.emptying("RO-DIR", at)
	other.Payloads[0].Entry--
	refused(other, "not the last word")
	days := w.emptying("RO-DIR", at)
	days.Days = 30
	refused(days, "a period of 30 days, and it is 90")
	refused(registry.Emptying{With: at, To: "RO-DIR", Payloads: []registry.Payload{w.payload(at)}}, "its detail is not ordered erased")
	refused(registry.Emptying{Class: "RT-HUB-HEADER", Days: 90, To: "RO-DIR", Payloads: days.Payloads}, "want class RT-HUB-PAYLOAD")
	refused(w.emptying("RO-DIR"), "0 payloads")
	refused(w.emptying("RO-DIR", at, at), "named twice")
	refused(w.emptying("RO-DIR", slices.Repeat([]int64{at}, registry.MaxErase+1)...), "101 payloads")

	recall := w.message("NOR-CSC", "RO-DIR", "recall.notice", nil)
	recall.h.From.Role, recall.h.ReplyTo, recall.h.Urgency = "DPO", id, fairlead.UrgencyImmediate
	recall.h.Facts = map[string]string{"reason": "inaccurate", "action": "delete", "danger": "false"}
	w.send(recall)
	notice := w.last()
	w.send(w.acknowledge("RO-DIR", before+2))
	refused(w.emptying("RO-DIR", at), "it is asked back, and RO-DIR has not answered")
	refused(w.emptying("RO-DIR", notice), "it is asked back, and RO-DIR has not answered")
	answer := w.message("RO-DIR", "NOR-CSC", "recall.confirmation", nil)
	answer.h.From.Role, answer.h.ReplyTo, answer.h.Facts = "DPO", w.entries[notice].leaf.Share, map[string]string{"state": "deleted"}
	w.send(answer)

	w.must(w.register(registry.EmptyPayloads, w.emptying("RO-DIR", at, notice)))
	refused(w.emptying("RO-DIR", at), "deleted, or ordered so")
	if err := w.snap.Keeps("RO-DIR", w.payload(at)); !errors.Is(err, registry.ErrPayloadGone) {
		t.Errorf("%v", err)
	}
	if w.snap.Emptied(at+1) || w.snap.Emptied(at+64) || !w.snap.Emptied(at) {
		t.Error("it is not that entry alone")
	}
	w.send(w.acknowledge("NOR-CSC", w.snap.Counter("NOR-CSC")))
	w.must(w.register(registry.Erase, w.order(at, at+2, notice, notice+2)))
	if d := registry.Differs(w.snap, w.again(at, at+2, notice, notice+2)); d != "" {
		t.Errorf("without their details: %s", d)
	}
	w.must(w.register("rules", registry.Rules{PayloadDays: 7}))
	if w.snap.PayloadDays() != 7 || !w.snap.PayloadsOutlived(w.at).Equal(w.at.AddDate(0, 0, -7)) {
		t.Error("the period is not the operator's")
	}
	for _, n := range []int{-1, 1, 6, 3654, 1 << 30} {
		if err := w.register("rules", registry.Rules{PayloadDays: n}); err == nil || !strings.Contains(err.Error(), "payload_days") {
			t.Errorf("%d days: %v", n, err)
		}
	}
}

// TestLastAcknowledgement: the later one of what its program and, where the kind wants it, the first person at the
// recipient signed; of what waited and was refused, the end of that. It does not matter how far the register is ahead.
func TestLastAcknowledgement(t *testing.T) {
	o := newOffice(t)
	want := map[int64]int64{} // of each payload the entry that is its last acknowledgement
	note := func() (at int64, id fairlead.ShareID) {
		o.at = o.at.Add(time.Hour)
		o.send(o.note("NOR-CSC", "WDB-CSC"))
		return o.last(), o.entries[o.last()].leaf.Share
	}
	open := func(id fairlead.ShareID, level string) int64 {
		o.at = o.at.Add(time.Hour)
		o.send(o.opened("WDB-CSC", "NOR-CSC", id, level))
		return o.last()
	}
	first, firstID := note()
	note() // nobody opens it
	third, thirdID := note()
	open(thirdID, "accepted_for_action") // before its program has stored it
	o.at = o.at.Add(time.Hour)
	o.send(o.acknowledge("WDB-CSC", o.snap.Counter("WDB-CSC")))
	want[third] = o.last()
	note() // not stored
	want[first] = open(firstID, "cannot_read")
	open(firstID, "accepted_for_action") // the first counts
	o.at = o.held.h.ValidUntil.Time
	o.release(o.snap.Releasable(o.at)[0])
	ended := o.last()
	want[ended] = ended

	snaps := []*registry.Snapshot{registry.New()}
	for i, e := range o.entries {
		next, err := snaps[i].Fold(e.leaf, e.detail)
		o.must(err)
		snaps = append(snaps, next)
	}
	for name, ahead := range map[string]int{"at its entry": 0, "much later": len(o.entries)} {
		acks, got := registry.NewAcks(), map[int64]int64{}
		for i, e := range o.entries {
			done, err := acks.Next(snaps[min(i+1+ahead, len(o.entries))], int64(i), e.leaf, func() (*entry.Detail, error) { return e.detail, nil })
			o.must(err)
			for _, a := range done {
				if got[a.Entry] == 0 {
					got[a.Entry] = int64(i)
				}
				if !a.At.Equal(e.leaf.At) || a.Share != o.entries[a.Entry].leaf.Share || (a.Waited >= 0) != (a.Entry == ended) || (a.To == "") != (a.Entry == ended) {
					t.Errorf("%+v", a)
				}
			}
		}
		if !maps.Equal(got, want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	o.must(o.register(registry.EmptyPayloads, o.emptying("", ended)))
}
