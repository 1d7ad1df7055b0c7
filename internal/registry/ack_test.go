package registry_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"fairlead/internal/entry"
	"fairlead/internal/fairlead"
	"fairlead/internal/registry"
)

// deliver folds n entries that put something before id, from each of the senders in turn.
func (w *world) deliver(id fairlead.AgencyID, n int, senders ...fairlead.AgencyID) {
	w.t.Helper()
	for i := range n {
		l := entry.Leaf{At: w.at, Outcome: entry.OutcomeDelivered, From: senders[i%len(senders)], To: id, Counter: w.snap.Counter(id) + 1}
		w.must(w.fold(l, &entry.Detail{Unparsed: &entry.Unparsed{Account: "A", Minute: fairlead.At(w.at), Count: 1}}))
	}
}

// acknowledge is the program's own acknowledgement, to the hub.
func (w *world) acknowledge(by fairlead.AgencyID, counter uint64) *message {
	m := w.message(by, fairlead.Hub, "ack", asJSON(registry.DeliveredAck{Counter: counter, Rolling: fairlead.Digest{1}}))
	m.h.From.Role, m.h.Facts = "PRACTITIONER", map[string]string{"level": "delivered"}
	return m
}

// TestDeliveredAck: it goes forward, never beyond what was delivered.
func TestDeliveredAck(t *testing.T) {
	w := newWorld(t, "NOR-CSC", "WDB-CSC", "RO-DIR")
	w.deliver("RO-DIR", 300, "NOR-CSC", "WDB-CSC", fairlead.Hub)
	if w.snap.Counter("RO-DIR") != 300 || w.snap.Counter("NOR-CSC") != 0 {
		t.Fatal("counters")
	}
	for _, step := range []struct {
		counter uint64
		want    string
		heard   uint64
	}{
		{301, "acknowledges more than was delivered", 0},
		{1 << 63, "acknowledges more than was delivered", 0},
		{0, "acknowledgement of nothing", 0},
		{10, "", 10},
		{10, "less than an earlier one", 10},
		{9, "less than an earlier one", 10},
		{266, "", 266},
		{300, "", 300},
		{301, "acknowledges more than was delivered", 300},
	} {
		d := w.commit(w.share(w.acknowledge("RO-DIR", step.counter)))
		if d.Delivers() != (step.want == "") || !strings.Contains(fmt.Sprint(d.Causes), step.want) || w.snap.Heard("RO-DIR") != step.heard {
			t.Errorf("%d: %s %v, heard %d", step.counter, d.Result, d.Causes, w.snap.Heard("RO-DIR"))
		}
	}
	if got := w.snap.Senders("RO-DIR", 0, 300); len(got) > 0 {
		t.Errorf("who has had a receipt is still kept: %v", got)
	}
	if w.snap.Heard("NOR-CSC") != 0 || w.snap.Counter("RO-DIR") != 300 {
		t.Error("another agency is heard, or an acknowledgement is counted as a delivery")
	}
}

func TestSenders(t *testing.T) {
	w := newWorld(t, "NOR-CSC", "WDB-CSC", "RO-DIR")
	w.deliver("RO-DIR", 6, "WDB-CSC", "NOR-CSC", fairlead.Hub) // 1 and 4, 2 and 5, 3 and 6
	for _, test := range []struct {
		after, upTo uint64
		want        []fairlead.AgencyID
	}{
		{0, 0, nil},
		{0, 1, []fairlead.AgencyID{"WDB-CSC"}},
		{0, 6, []fairlead.AgencyID{"NOR-CSC", "WDB-CSC"}},
		{1, 2, []fairlead.AgencyID{"NOR-CSC"}},
		{2, 3, nil}, // the hub itself is told nothing
		{5, 6, nil},
		{6, 9, nil},
		{4, 1, nil},
	} {
		if got := w.snap.Senders("RO-DIR", test.after, test.upTo); !slices.Equal(got, test.want) {
			t.Errorf("after %d up to %d: %v, want %v", test.after, test.upTo, got, test.want)
		}
	}
	if got := w.snap.Senders("NOR-CSC", 0, 9); len(got) != 0 {
		t.Errorf("to another: %v", got)
	}
}

// TestHumanAck: a person's acknowledgement stands with the share, and opens the way for an update.
func TestHumanAck(t *testing.T) {
	w := newWorld(t, "NOR-CSC", "RO-DIR")
	w.agree("A1", "NOR-CSC", "RO-DIR")
	s := w.note("NOR-CSC", "RO-DIR")
	w.send(s)
	answer := func(by, to fairlead.AgencyID, level string) *message {
		m := w.message(by, to, "ack", nil)
		m.h.From.Role, m.h.ReplyTo, m.h.Facts = "PRACTITIONER", s.h.ID, map[string]string{"level": level}
		return m
	}
	known := func() string {
		m := w.message("RO-DIR", "NOR-CSC", "info.response", nil)
		m.h.ReplyTo = s.h.ID
		return string(w.snap.Facts(m.h, nil, nil, w.at).Answered.Ack)
	}
	if known() != "" {
		t.Error("acknowledged before it was")
	}
	w.send(answer("RO-DIR", "NOR-CSC", "opened_by_human"))
	if known() != "opened_by_human" {
		t.Error(known())
	}
	w.send(answer("RO-DIR", "NOR-CSC", "accepted_for_action"))
	w.send(answer("RO-DIR", "NOR-CSC", "opened_by_human")) // by a colleague, later
	if known() != "accepted_for_action" {
		t.Error(known())
	}
	if d := w.commit(w.share(answer("NOR-CSC", "RO-DIR", "wrong_recipient"))); d.Delivers() || known() != "accepted_for_action" {
		t.Errorf("the sender acknowledges its own share: %s, %s", first(d), known())
	}
	unknown := answer("RO-DIR", "NOR-CSC", "opened_by_human")
	unknown.h.ReplyTo = fairlead.NewShareID()
	if d := w.commit(w.share(unknown)); d.Delivers() {
		t.Error("an acknowledgement of what is not on record was delivered")
	}
}

func TestParseDeliveredAck(t *testing.T) {
	for _, bad := range []string{``, `null`, `{}`, `{"counter":0,"rolling":"` + strings.Repeat("0", 64) + `"}`, `{"counter":-1}`, `{"counter":1,"leaf":"x"}`, `{"counter":1} ` + `{}`} {
		if a, err := registry.ParseDeliveredAck([]byte(bad)); err == nil {
			t.Errorf("%q: %+v", bad, a)
		}
	}
}
