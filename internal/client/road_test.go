package client

import (
	"errors"
	"slices"
	"testing"

	"fairlead/internal/bus"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
)

// TestRoad walks one share down its whole road. Each piece of evidence is held back once: without it
// the state stays where it was, and nobody alarms.
func TestRoad(t *testing.T) {
	w := newWorld(t)
	w.agree()
	a, b := w.agency(alder), w.agency(birch)
	id := a.send(assessment("BIRCH"))
	at := func(want State, when string) {
		t.Helper()
		if got := a.state(id); got != want {
			t.Fatalf("%s: state %s, want %s", when, got, want)
		}
	}
	at(Queued, "sent")

	w.collect()
	a.feed()
	b.feed()
	at(Queued, "a verdict without its proof")
	if b.sees(id) {
		t.Fatal("a delivery without its proof is shown")
	}
	if _, _, err := b.Open(id); !errors.Is(err, ErrUnknownShare) {
		t.Fatalf("a delivery without its proof opens: %v", err)
	}

	w.prove()
	b.feed()
	at(Queued, "proved to the recipient only")
	a.feed()
	at(Recorded, "the verdict is proved")
	if !b.sees(id) {
		t.Fatal("a proved delivery is not shown")
	}

	w.check(b.acknowledge())
	w.collect()
	receipts := a.withhold(envelope.TypeReceipt)
	w.prove()
	a.feed()
	at(Recorded, "no receipt yet")
	if list, err := a.Unheard(); err != nil || !slices.Equal(list, []fairlead.AgencyID{birch}) {
		t.Errorf("not heard of: %v, %v", list, err)
	}
	a.out = receipts
	a.feed()
	at(Delivered, "the recipient's program signed")
	if list, err := a.Unheard(); err != nil || len(list) > 0 {
		t.Errorf("not heard of: %v, %v", list, err)
	}

	for _, step := range []struct {
		level fairlead.AckLevel
		want  State
	}{{fairlead.AckOpened, Opened}, {fairlead.AckAccepted, Accepted}} {
		before := a.state(id)
		_, err := b.Acknowledge(id, step.level, "PRACTITIONER", "x1")
		w.check(err)
		w.collect()
		a.feed()
		at(before, "an acknowledgement without its proof")
		w.prove()
		a.feed()
		b.feed()
		at(step.want, "a person signed "+string(step.level))
	}
	w.settle()
	_, err := b.Acknowledge(id, fairlead.AckOpened, "PRACTITIONER", "x2")
	w.check(err)
	w.settle()
	at(Accepted, "opened once more, after it was accepted")
	a.out = receipts
	a.feed()
	at(Accepted, "the receipt once more, after it was accepted")
	w.calm()
}

// withhold keeps back what the hub has for an agency of one type.
func (a *agency) withhold(kind envelope.Type) (kept [][]byte) {
	a.out = slices.DeleteFunc(a.out, func(frame []byte) bool {
		got, _, err := envelope.ParseFrame(frame)
		a.w.check(err)
		if got == kind {
			kept = append(kept, frame)
		}
		return got == kind
	})
	return kept
}

// TestOpen: the recipient reads exactly what the agreement permits, and cannot tell that there was more.
func TestOpen(t *testing.T) {
	w := newWorld(t)
	w.agree()
	b := w.agency(birch)
	id := w.agency(alder).send(assessment("BIRCH"))
	w.settle()
	m, list, err := b.Open(id)
	w.check(err)
	if len(list) != 2 || string(list[0].JSON) != `{"school":"`+school+`"}` || string(list[1].Bytes) != worry || list[1].Type != "text/plain" {
		t.Errorf("opened %+v", list)
	}
	if got := m.Codes(); !slices.Equal(got, []fairlead.SectionCode{"EDU", "ASSESS"}) || len(m.Header.Sections) != 16 {
		t.Errorf("the recipient sees codes %v among %d digests", got, len(m.Header.Sections))
	}
	if m.Header.Case == "case-7" || len(m.Header.Case) != 32 {
		t.Errorf("case %q: the local reference travels, or no token does", m.Header.Case)
	}
	s, err := w.agency(alder).Sent(id)
	w.check(err)
	if got := s.Codes(); !slices.Equal(got, []fairlead.SectionCode{"EDU", "ASSESS", "HEALTH-PHYS"}) {
		t.Errorf("the sender's own record has codes %v", got)
	}
	if list, err := b.Outbox(); err != nil || slices.ContainsFunc(list, func(s *SentShare) bool { return s.Kind == "ack" }) {
		t.Errorf("what the program acknowledges by itself is listed with what people send: %v, %v", list, err)
	}
	for _, other := range []*agency{w.agency(alder), w.agency(cedar)} {
		if other.sees(id) {
			t.Errorf("%s sees a share for %s", other.id, birch)
		}
	}
	w.calm()
}

// TestAgain: the bus may hand over anything again, at once or after a restart of the program. Nothing
// doubles, nobody alarms.
func TestAgain(t *testing.T) {
	for name, again := range map[string]func(a *agency){
		"each message twice": func(a *agency) {
			for _, m := range a.messages {
				a.w.check(a.takeAll([]bus.Message{m}))
				a.w.check(a.takeAll([]bus.Message{m, m}))
			}
		},
		"all of it": func(a *agency) { a.w.check(a.takeAll(a.messages)) },
		"all of it to a program that was started anew": func(a *agency) {
			a.reopen()
			a.w.check(a.takeAll(a.messages))
		},
		"the last ten, backwards": func(a *agency) {
			last := slices.Clone(a.messages[max(0, len(a.messages)-10):])
			slices.Reverse(last)
			a.w.check(a.takeAll(last))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.agree()
			id := w.agency(alder).send(assessment("BIRCH"))
			w.settle()
			_, err := w.agency(birch).Acknowledge(id, fairlead.AckAccepted, "PRACTITIONER", "x1")
			w.check(err)
			w.settle()
			for _, a := range w.agencies {
				before := a.summary()
				again(a)
				if after := a.summary(); after != before {
					t.Errorf("%s: %+v became %+v", a.id, before, after)
				}
			}
			if w.round(); w.round() {
				t.Error("what came again is answered again")
			}
			w.calm()
			if w.agency(alder).state(id) != Accepted {
				t.Errorf("state %s", w.agency(alder).state(id))
			}
		})
	}
}

// summary is all that must not change when messages come again.
type summary struct {
	inbox, outbox, register, heads, alarms int
	position                               position
	size                                   int64
	agreements                             int
}

func (a *agency) summary() (s summary) {
	a.w.t.Helper()
	for table, n := range map[string]*int{
		"inbox": &s.inbox, "outbox": &s.outbox, "register": &s.register, "heads": &s.heads, "alarms": &s.alarms,
	} {
		a.w.check(a.db.QueryRow(`SELECT count(*) FROM ` + table).Scan(n))
	}
	var err error
	s.position, err = readPosition(a.db)
	a.w.check(err)
	s.size, s.agreements = a.Tree().N, len(a.Snapshot().Agreements())
	return s
}

// TestCrash stops the program between taking and acknowledging: the messages come again, and the
// acknowledgement goes out once.
func TestCrash(t *testing.T) {
	w := newWorld(t)
	w.agree()
	a, b := w.agency(alder), w.agency(birch)
	id := a.send(assessment("BIRCH"))
	w.collect()
	w.prove()
	n := len(b.messages)
	b.feed()
	b.reopen()
	if !b.sees(id) {
		t.Fatal("what was taken is lost")
	}
	w.check(b.takeAll(b.messages[n:]))
	w.check(b.acknowledge())
	b.reopen()
	w.check(b.takeAll(b.messages[n:]))
	w.check(b.acknowledge())
	acks := 0
	for _, frame := range b.queue() {
		s, err := envelope.ParseShare(frame)
		w.check(err)
		if h, err := envelope.ParseHeader(s.Header); err == nil && h.Kind == "ack" {
			acks++
		}
	}
	if acks != 1 {
		t.Errorf("%d acknowledgements of one delivery", acks)
	}
	w.settle()
	if a.state(id) != Delivered {
		t.Errorf("state %s, want delivered", a.state(id))
	}
	w.calm()
}

// TestReopen: a program that starts anew knows what it had proved.
func TestReopen(t *testing.T) {
	w := newWorld(t)
	w.agree()
	b := w.agency(birch)
	before, tree := b.summary(), b.Tree()
	b.reopen()
	if after := b.summary(); after != before || b.Tree() != tree {
		t.Errorf("%+v became %+v", before, after)
	}
	for _, id := range []fairlead.AgencyID{alder, birch, cedar} {
		if b.Snapshot().Certificate(id) == nil {
			t.Errorf("the certificate of %s is forgotten", id)
		}
	}
	w.agency(alder).send(assessment("BIRCH"))
	w.settle()
	w.calm()
}
