package client

import (
	"encoding/binary"
	"strconv"
	"strings"
	"testing"

	"fairlead/internal/bus"
	"fairlead/internal/entry"
	"fairlead/internal/envelope"
	"fairlead/internal/tlog"
)

// headOf announces a log to one who knows size entries of it.
func (w *world) headOf(f *tlog.Writer, size int64, s *tlog.Signer) []byte {
	w.t.Helper()
	hashes, err := f.Consistency(size)
	w.check(err)
	cp, err := tlog.SignCheckpoint(s, f.Tree())
	w.check(err)
	return envelope.HeadFrame(tlog.FormatConsistency(size, hashes, cp))
}

// proofs puts other proofs in place of Birch's.
func proofs(make func(w *world, index int64) []byte) func(*world) {
	return func(w *world) {
		w.agency(birch).edit(envelope.TypeProofs, func(frame []byte) []byte {
			_, parts, err := envelope.ParseFrame(frame)
			w.check(err)
			index, err := tlog.ProofIndex(parts[0])
			w.check(err)
			return envelope.ProofsFrame(make(w, index))
		})
	}
}

// TestLiesAboutProofs: what is not proved to be in the one log is not shown.
func TestLiesAboutProofs(t *testing.T) {
	base := agreedWorld(t)
	for name, l := range map[string]lie{
		"none":               {prove: func(w *world) { w.agency(birch).withhold(envelope.TypeProofs) }, state: Recorded},
		"none to the sender": {prove: func(w *world) { w.agency(alder).withhold(envelope.TypeProofs) }, shown: true, state: Queued},
		"of another entry under its own index": {
			hand: delivery(func(w *world, d *envelope.Delivery) {
				d.Index = 0
				w.agency(birch).owed = []int64{0}
			}),
			alarm: alarms(birch, "entry 0 is not in the log: it was sent off the record"), state: Recorded,
		},
		"of another entry": {
			prove: proofs(func(w *world, index int64) []byte { return w.proof(index-1, w.signer) }),
			state: Recorded,
		},
		"by another key": {
			prove: proofs(func(w *world, index int64) []byte {
				s, _ := newLogKey(w.t)
				return w.proof(index, s)
			}),
			alarm: alarms(birch, "entry @ is not in the log: it was sent off the record"), state: Recorded,
		},
		"cut off": {
			prove: proofs(func(w *world, index int64) []byte { return w.proof(index, w.signer)[:60] }),
			alarm: alarms(birch, "a proof from the hub is malformed"), state: Recorded,
		},
		"with another hash": {
			prove: proofs(func(w *world, index int64) []byte {
				hashes, err := w.log.Prove(index)
				w.check(err)
				hashes[0][0] ^= 1
				return tlog.FormatProof(index, hashes, w.checkpoint(w.signer))
			}),
			alarm: alarms(birch, "entry @ is not in the log: it was sent off the record"), state: Recorded,
		},
		"under a checkpoint that was not announced": {
			prove: func(w *world) { w.agency(birch).withhold(envelope.TypeHead) },
			alarm: alarms(birch, "entry @ is proved under a checkpoint of 17 entries that was never announced: the hub shows two logs"), state: Recorded,
		},
		"under a log made for it alone": {
			prove: proofs(func(w *world, index int64) []byte {
				f := w.fork(int(w.log.Size()), "an entry of its own")
				hashes, err := f.Prove(index)
				w.check(err)
				cp, err := tlog.SignCheckpoint(w.signer, f.Tree())
				w.check(err)
				return tlog.FormatProof(index, hashes, cp)
			}),
			alarm: alarms(birch, "entry @ is proved under a checkpoint of 18 entries that was never announced: the hub shows two logs"), state: Recorded,
		},
	} {
		t.Run(name, func(t *testing.T) { l.tell(t, base) })
	}
}

// TestLiesAboutHeads: the log only grows, and only one of it is shown.
func TestLiesAboutHeads(t *testing.T) {
	base := agreedWorld(t)
	const forked = "the log was rewritten or forked: a checkpoint does not extend the one of 17 entries"
	head := func(make func(w *world) []byte) func(*world) {
		return func(w *world) {
			b := w.agency(birch)
			b.feed()
			b.out = append(b.out, make(w))
		}
	}
	for name, l := range map[string]lie{
		"the same once more": {prove: head(func(w *world) []byte { return w.headSince(w.log.Tree()) }), shown: true, state: Delivered},
		"an older one that was announced": {
			prove: head(func(w *world) []byte { return w.headOf(w.fork(16), 16, w.signer) }), shown: true, state: Delivered,
		},
		"an older one that was not": {
			prove: head(func(w *world) []byte { return w.headOf(w.fork(15), 15, w.signer) }),
			alarm: alarms(birch, forked), shown: true, state: Delivered,
		},
		"another of the same size": {
			prove: head(func(w *world) []byte { return w.headOf(w.fork(16, "another"), 16, w.signer) }),
			alarm: alarms(birch, forked), shown: true, state: Delivered,
		},
		"a longer one with another past": {
			prove: head(func(w *world) []byte { return w.headOf(w.fork(16, "another", "one more"), 17, w.signer) }),
			alarm: alarms(birch, forked), shown: true, state: Delivered,
		},
		"one by another key": {
			prove: head(func(w *world) []byte {
				s, _ := newLogKey(w.t)
				return w.headOf(w.fork(17, "one more"), 17, s)
			}),
			alarm: alarms(birch, forked), shown: true, state: Delivered,
		},
		"a gap before it": {
			prove: head(func(w *world) []byte { return w.headOf(w.fork(17, "one", "two", "three"), 18, w.signer) }),
			alarm: alarms(birch, forked), shown: true, state: Delivered,
		},
		"of an empty log": {
			prove: head(func(w *world) []byte { return w.headOf(w.fork(0), 0, w.signer) }),
			alarm: alarms(birch, forked), shown: true, state: Delivered,
		},
	} {
		t.Run(name, func(t *testing.T) { l.tell(t, base) })
	}
}

// TestGossip: the sender signs which log it was shown. Where that differs, the reader is told, and reads
// on: no sender may stop what others send.
func TestGossip(t *testing.T) {
	w := newWorld(t)
	w.agree()
	a, b := w.agency(alder), w.agency(birch)
	a.tree.Hash[0] ^= 1 // as if the hub had shown it a fork
	id := a.send(assessment("BIRCH"))
	a.tree.Hash[0] ^= 1
	w.settle()
	if got := b.alarmed(); len(got) != 1 || !strings.Contains(got[0], "entry 16: split view: ALDER was shown another log of 16 entries than this agency") {
		t.Errorf("alarms %q", got)
	}
	if !b.sees(id) {
		t.Error("the share is not shown")
	}
	next := w.agency(alder).send(assessment("BIRCH"))
	w.settle()
	if len(b.alarmed()) != 1 || a.state(next) != Delivered {
		t.Errorf("the next share is %s, alarms %q", a.state(next), b.alarmed())
	}
}

// TestRubbish: whatever bytes come, the program says so and goes on.
func TestRubbish(t *testing.T) {
	leaf := (&entry.Leaf{Class: entry.ClassShare, Outcome: entry.OutcomeDelivered}).Marshal()
	index := []byte{0, 0, 0, 0, 0, 0, 0, 0}
	w := emptyWorld(t)
	a, _ := w.found(particulars()[0])
	sequence := uint64(1)
	for name, test := range map[string]struct {
		frame []byte
		alarm string
	}{
		"nothing":                 {nil, "message # from the hub is not a frame"},
		"not a frame":             {[]byte("hello"), "message # from the hub is not a frame"},
		"cut off":                 {envelope.ProofsFrame([]byte("x"))[:9], "message # from the hub is not a frame"},
		"a share":                 {(&envelope.Share{}).Marshal(), "message # from the hub is of unknown type 1"},
		"an unknown type":         {envelope.Frame(99), "message # from the hub is of unknown type 99"},
		"an entry without a leaf": {envelope.Frame(envelope.TypeEntry, index), "message # from the hub has no index"},
		"a short index":           {envelope.Frame(envelope.TypeEntry, index[1:], leaf, nil), "message # from the hub has no index"},
		"an empty head":           {envelope.HeadFrame(nil), "the log was rewritten or forked"},
		"two heads":               {envelope.Frame(envelope.TypeHead, nil, nil), "a checkpoint from the hub is malformed"},
		"an empty cosigned one":   {envelope.CosignedFrame(nil), "a cosigned checkpoint from the hub: tlog: checkpoint: malformed note"},
		"an empty proof":          {envelope.ProofsFrame(nil), "a proof from the hub is malformed"},
		"an empty receipt":        {envelope.ReceiptFrame(&envelope.Share{}), "a receipt from the hub: envelope: malformed"},
		"half a receipt":          {envelope.Frame(envelope.TypeReceipt, nil), "a receipt from the hub is malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			before := len(a.alarmed())
			for range 2 {
				w.check(a.takeAll([]bus.Message{{Sequence: sequence, Data: test.frame}}))
			}
			want := strings.Replace(test.alarm, "#", strconv.FormatUint(sequence, 10), 1)
			if got := a.alarmed()[before:]; len(got) != 1 || !strings.HasPrefix(got[0], want) {
				t.Errorf("alarms %q, want %q once", got, want)
			}
			sequence++
		})
	}
}

// TestProvedRubbish: what is in the log and still is not what it should be names its entry.
func TestProvedRubbish(t *testing.T) {
	good := (&entry.Leaf{Class: entry.ClassShare, Outcome: entry.OutcomeDelivered, To: alder}).Marshal()
	number := func(i int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(i)) }
	w := emptyWorld(t)
	a, _ := w.found(particulars()[0])
	for name, test := range map[string]struct {
		leaf  []byte
		frame func(i int64, leaf []byte) []byte
		alarm string
	}{
		"a leaf that is none":    {[]byte("x"), func(i int64, b []byte) []byte { return envelope.EntryFrame(i, b, nil) }, "entry #: entry: malformed: leaf"},
		"a detail that is none":  {nil, func(i int64, b []byte) []byte { return envelope.EntryFrame(i, b, []byte("x")) }, "entry #: the hub sent another detail"},
		"a delivery in parts":    {good, func(i int64, b []byte) []byte { return envelope.Frame(envelope.TypeDelivery, number(i), b, nil) }, "entry #: envelope: malformed"},
		"a delivery of nothing":  {good, func(i int64, b []byte) []byte { return (&envelope.Delivery{Index: i, Leaf: b}).Marshal() }, "entry #: the hub handed over another set"},
		"a verdict in parts":     {good, func(i int64, b []byte) []byte { return envelope.Frame(envelope.TypeVerdict, number(i), b, nil, nil) }, "entry #: envelope: malformed"},
		"a verdict that is none": {good, func(i int64, b []byte) []byte { return envelope.VerdictFrame(i, b, []byte("x")) }, "entry #: the hub tells this agency another verdict"},
		"an index with a high bit": {good, func(i int64, b []byte) []byte {
			n := number(i)
			n[0] |= 0x80
			return envelope.Frame(envelope.TypeDelivery, n, b, make([]byte, 16), nil, nil, nil)
		}, "entry #: envelope: malformed: index"},
	} {
		t.Run(name, func(t *testing.T) {
			if test.leaf == nil {
				test.leaf = good
			}
			before, index := len(a.alarmed()), w.put(test.leaf)
			a.hand(index, test.frame(index, test.leaf))
			w.prove()
			a.feed()
			want := strings.Replace(test.alarm, "#", strconv.FormatInt(index, 10), 1)
			if got := a.alarmed()[before:]; len(got) != 1 || !strings.HasPrefix(got[0], want) {
				t.Errorf("alarms %q, want %q", got, want)
			}
			if list, err := a.Inbox(); err != nil || len(list) > 0 {
				t.Errorf("inbox %v, %v", list, err)
			}
		})
	}
}

// FuzzFrame: whatever the hub hands over beside true proofs of other entries, nothing unproved is shown,
// the register stays as it is, and the program goes on.
func FuzzFrame(f *testing.F) {
	w := newWorld(f)
	w.agree()
	id := w.agency(alder).send(assessment("BIRCH"))
	w.settle()
	b := w.agency(birch)
	for _, m := range b.messages[len(b.messages)-12:] {
		f.Add(m.Data)
	}
	f.Add([]byte("FLD\x01\x02\x00\x01"))
	before := b.summary()
	before.alarms = 0
	f.Fuzz(func(t *testing.T, frame []byte) {
		w.t = t
		if err := b.takeAll([]bus.Message{{Sequence: 1, Data: frame}, {Sequence: 2, Data: envelope.ProofsFrame(w.proof(0, w.signer))}}); err != nil {
			t.Fatal(err)
		}
		after := b.summary()
		if after.alarms = 0; after != before || !b.sees(id) {
			t.Errorf("%+v became %+v", before, after)
		}
	})
}
