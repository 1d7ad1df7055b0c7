package client

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/keyring"
	"fairlead/internal/registry"
)

// retirement is what a hub says that has deleted a delivery to Birch which Birch had stored before it lost its folder.
type retirement struct {
	order   registry.Emptying
	action  string
	counter uint64            // that Birch is said to have acknowledged
	by      fairlead.AgencyID // who is said to have
	key     fairlead.AgencyID // whose key signed it
	silent  bool              // without that acknowledgement
	hide    bool              // the order is not handed over
}

// TestRetained: a number that this folder lacks is taken for deleted after it was stored only where an act of the hub
// names it, in its time, and this agency's own signature shows that it was; every other word leaves the alarm.
func TestRetained(t *testing.T) {
	base := agreedWorld(t)
	const gap = ": something was withheld, hidden or delivered twice"
	const never = "this agency never signed the acknowledgement that is to show that it was stored here"
	for name, test := range map[string]struct {
		bend  func(r *retirement)
		alarm string
	}{
		"true": {},
		"with its detail": {bend: func(r *retirement) {
			r.order.Class, r.order.Days, r.order.With = "", 0, 1
		}},
		"too early":                  {bend: func(r *retirement) { r.order.Days = 92 }, alarm: "ordered it before its 92 days were over"},
		"of another entry":           {bend: func(r *retirement) { r.order.Payloads[0].Entry-- }, alarm: "does not name it"},
		"of another share":           {bend: func(r *retirement) { r.order.Payloads[0].Share[0] ^= 1 }, alarm: "does not name it"},
		"of another agency":          {bend: func(r *retirement) { r.order.To = cedar }, alarm: "does not name it"},
		"by an order that is hidden": {bend: func(r *retirement) { r.hide = true }, alarm: "was never delivered here"},
		"by another act":             {bend: func(r *retirement) { r.action = registry.Erase }, alarm: "was never delivered here"},
		"without an acknowledgement": {bend: func(r *retirement) { r.silent = true }, alarm: "no acknowledgement of this agency shows that it was stored here"},
		"acknowledged up to there":   {bend: func(r *retirement) { r.counter-- }, alarm: "is of something else"},
		"acknowledged by another":    {bend: func(r *retirement) { r.by, r.key = alder, alder }, alarm: "is of something else"},
		"signed by another":          {bend: func(r *retirement) { r.key = alder }, alarm: never},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := base.copy(t)
			index := w.retire(test.bend)
			if test.alarm == "" {
				w.calm()
				if r, err := w.agency(birch).Retained(); err != nil || !slices.Equal(r.Lost, []int64{index}) || !slices.Equal(r.Entries, r.Lost) || len(r.Orders) != 1 {
					t.Errorf("%+v %v", r, err)
				}
				return
			}
			got := w.agency(birch).alarmed()
			for _, want := range []string{test.alarm, gap} {
				if !slices.ContainsFunc(got, func(s string) bool { return strings.Contains(s, want) }) {
					t.Errorf("alarms %q, want %q", got, want)
				}
			}
		})
	}
}

// retire logs two shares and, ninety-one days later, that the first is deleted at the hub; Birch is handed all but that.
func (w *world) retire(bend func(*retirement)) int64 {
	w.t.Helper()
	a, b := w.agency(alder), w.agency(birch)
	a.send(assessment("BIRCH"))
	gone := w.collectFrom(a)[0]
	a.send(assessment("BIRCH"))
	w.collectFrom(a)
	b.drop(gone.index)
	r := retirement{action: registry.EmptyPayloads, counter: gone.leaf.Counter, by: birch, key: birch}
	r.order = registry.Emptying{Class: registry.RetentionPayload, Days: 90, To: birch, Payloads: []registry.Payload{{Entry: gone.index, Share: gone.leaf.Share}}}
	if bend != nil {
		bend(&r)
	}
	ack := w.stored(r)
	w.now = w.now.AddDate(0, 0, 91)
	var record any = r.order
	if r.action == registry.Erase {
		record = registry.Erasing{Reason: "mistake", Details: []registry.Detail{{Entry: gone.index, Share: gone.leaf.Share, Known: true}}}
	}
	by := w.record(w.registerEntry(r.action, record))
	if !r.hide {
		b.handEntry(by)
	}
	tombs := envelope.Tombs{Order: by.index, Ack: ack, Of: []envelope.Buried{{Index: gone.index, Leaf: gone.bytes}}}
	frame := tombs.Marshal()
	if r.silent {
		tomb := tombs.Stones()[0]
		tomb.Ack = nil
		frame = tomb.Marshal()
	}
	b.hand(gone.index, frame)
	for range headsToProve {
		w.settle()
		w.put([]byte("an entry that concerns nobody here"))
		w.now = w.now.Add(1)
	}
	w.settle()
	return gone.index
}

// stored is the acknowledgement that Birch is said to have signed.
func (w *world) stored(r retirement) envelope.Share {
	w.t.Helper()
	record, err := json.Marshal(registry.DeliveredAck{Counter: r.counter})
	w.check(err)
	sections, err := envelope.Fill(nil)
	w.check(err)
	header, err := json.Marshal(envelope.Header{
		V: envelope.Version, ID: fairlead.NewShareID(), Kind: "ack", Status: fairlead.StatusActual, From: envelope.From{Agency: r.by, Role: "PRACTITIONER", User: "program"},
		To: envelope.To{Agency: fairlead.Hub}, SentAt: fairlead.At(w.now), ValidUntil: fairlead.At(w.now.AddDate(0, 0, 3)), Record: envelope.RecordDigest(record),
		Sections: sections, Facts: map[string]string{"level": string(fairlead.AckDelivered)},
	})
	w.check(err)
	signature, err := w.agency(r.key).home.Key.Sign(header, keyring.ContextShare, w.now)
	w.check(err)
	return envelope.Share{Header: header, Signature: signature, Record: record}
}

// TestTombBeforeItsOrder: who takes everything again may meet the proof of the delivery while its tombstone is here and
// the order is not proved yet: it waits.
func TestTombBeforeItsOrder(t *testing.T) {
	w := agreedWorld(t).copy(t)
	a, b := w.agency(alder), w.agency(birch)
	a.send(assessment("BIRCH"))
	gone := w.collectFrom(a)[0]
	b.drop(gone.index)
	ack := w.stored(retirement{counter: gone.leaf.Counter, by: birch, key: birch})
	w.now = w.now.AddDate(0, 0, 91)
	by := w.record(w.registerEntry(registry.EmptyPayloads, registry.Emptying{
		Class: registry.RetentionPayload, Days: 90, To: birch, Payloads: []registry.Payload{{Entry: gone.index, Share: gone.leaf.Share}},
	}))
	tombs := envelope.Tombs{Order: by.index, Ack: ack, Of: []envelope.Buried{{Index: gone.index, Leaf: gone.bytes}}}
	b.out = append(b.out, envelope.EntryFrame(by.index, by.bytes, by.raw), tombs.Marshal())
	b.owed = []int64{gone.index}
	w.settle()
	w.calm()
	if list, err := b.Erased(); err != nil || len(list) > 0 {
		t.Errorf("taken without its order: %v %v", list, err)
	}
	b.owed = []int64{by.index, gone.index}
	w.settle()
	w.calm()
	if list, err := b.Erased(); err != nil || !slices.Equal(list, []int64{gone.index}) {
		t.Errorf("%v %v", list, err)
	}
}
