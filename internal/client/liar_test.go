package client

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"testing"

	"fairlead/internal/entry"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/keyring"
	"fairlead/internal/policy"
)

// lie is one thing that no honest hub does, on the road of a share from Alder to Birch.
type lie struct {
	log   func(w *world)                      // before the share is decided
	hand  func(w *world, id fairlead.ShareID) // before it is proved
	prove func(w *world)                      // before it is handed over
	ack   func(w *world, id fairlead.ShareID) // before the receipt is handed over

	alarm map[fairlead.AgencyID]string // who alarms, and how; nobody else may. "@" is the share's entry, "@+1" the next
	shown bool                         // Birch sees the share
	state State                        // what Alder believes in the end
}

// tell plays the road with the lie in it, in a copy of a world.
func (l lie) tell(t *testing.T, base *world) {
	t.Parallel()
	w := base.copy(t)
	index := w.log.Size()
	id := w.agency(alder).send(assessment("BIRCH"))
	if l.log != nil {
		l.log(w)
	}
	w.collect()
	w.bend, w.judge = nil, nil
	if l.hand != nil {
		l.hand(w, id)
	}
	w.prove()
	if l.prove != nil {
		l.prove(w)
	}
	for _, a := range w.agencies {
		a.feed()
		w.check(a.acknowledge())
	}
	w.collect()
	if l.ack != nil {
		l.ack(w, id)
	}
	w.settle()
	l.judge(w, id, index)
}

func (l lie) judge(w *world, id fairlead.ShareID, index int64) {
	words := strings.NewReplacer("@+1", strconv.FormatInt(index+1, 10), "@", strconv.FormatInt(index, 10))
	for _, a := range w.agencies {
		got, want := a.alarmed(), words.Replace(l.alarm[a.id])
		if want == "" && len(got) > 0 || want != "" && (len(got) == 0 || !strings.Contains(got[0], want)) {
			w.t.Errorf("%s alarms %q, want %q", a.id, got, want)
		}
	}
	if got := w.agency(birch).sees(id); got != l.shown {
		w.t.Errorf("Birch sees the share: %v", got)
	}
	if _, _, err := w.agency(birch).Open(id); !l.shown && !errors.Is(err, ErrUnknownShare) || l.shown && err != nil {
		w.t.Errorf("Birch opens it: %v", err)
	}
	if got := w.agency(alder).state(id); got != l.state {
		w.t.Errorf("Alder believes %s, want %s", got, l.state)
	}
}

// edit changes the frames of one type that the hub has for an agency.
func (a *agency) edit(kind envelope.Type, change func(frame []byte) []byte) {
	a.w.t.Helper()
	n := 0
	for i, frame := range a.out {
		if got, _, err := envelope.ParseFrame(frame); err == nil && got == kind {
			a.out[i] = change(frame)
			n++
		}
	}
	if n == 0 {
		a.w.t.Fatalf("no frame of type %d for %s", kind, a.id)
	}
}

// delivery changes what the hub hands to Birch.
func delivery(change func(w *world, d *envelope.Delivery)) func(*world, fairlead.ShareID) {
	return func(w *world, _ fairlead.ShareID) {
		w.agency(birch).edit(envelope.TypeDelivery, func(frame []byte) []byte {
			d, err := envelope.ParseDelivery(frame)
			w.check(err)
			change(w, d)
			return d.Marshal()
		})
	}
}

// leaf changes what is logged of the share.
func leaf(change func(l *entry.Leaf)) func(*world) {
	return func(w *world) { w.bend = change }
}

// alarms says that one agency alarms.
func alarms(id fairlead.AgencyID, words string) map[fairlead.AgencyID]string {
	return map[fairlead.AgencyID]string{id: words}
}

// share is a share of the agency as it was sent.
func (a *agency) share(id fairlead.ShareID) *envelope.Share {
	a.w.t.Helper()
	sent, err := a.Sent(id)
	a.w.check(err)
	s, err := envelope.ParseShare(sent.frame)
	a.w.check(err)
	return s
}

// sign is the agency's signature over a header that it did not make.
func (a *agency) sign(header []byte) []byte {
	a.w.t.Helper()
	sig, err := a.key().Sign(header, keyring.ContextShare, a.w.now)
	a.w.check(err)
	return sig
}

// TestNoLie is the control: on the same road an honest hub alarms nobody.
func TestNoLie(t *testing.T) { lie{shown: true, state: Delivered}.tell(t, agreedWorld(t)) }

// TestLiesAboutContent: the hub hands over something else than the sender signed and the log says.
func TestLiesAboutContent(t *testing.T) {
	base := agreedWorld(t)
	for name, l := range map[string]lie{
		"a permitted section dropped": {
			hand:  delivery(func(_ *world, d *envelope.Delivery) { d.Share.Parts = d.Share.Parts[:1] }),
			alarm: alarms(birch, "entry @: the hub handed over another set of sections than the one it logged"), state: Recorded,
		},
		"all sections dropped": {
			hand:  delivery(func(_ *world, d *envelope.Delivery) { d.Share.Parts = nil }),
			alarm: alarms(birch, "entry @: the hub handed over another set of sections than the one it logged"), state: Recorded,
		},
		"a withheld section added": {
			hand: func(w *world, id fairlead.ShareID) {
				delivery(func(w *world, d *envelope.Delivery) {
					d.Share.Parts = append(d.Share.Parts, w.agency(alder).share(id).Parts[2])
				})(w, id)
			},
			alarm: alarms(birch, "entry @: the hub handed over another set of sections than the one it logged"), state: Recorded,
		},
		"a section twice": {
			hand:  delivery(func(_ *world, d *envelope.Delivery) { d.Share.Parts[1] = d.Share.Parts[0] }),
			alarm: alarms(birch, "entry @: the hub handed over another set of sections than the one it logged"), state: Recorded,
		},
		"a section changed": {
			hand:  delivery(func(_ *world, d *envelope.Delivery) { d.Share.Parts[0].Section[100] ^= 1 }),
			alarm: alarms(birch, "entry @: envelope: malformed: part 1: the section is not the one its descriptor names"), state: Recorded,
		},
		"two sections changed places": {
			hand: delivery(func(_ *world, d *envelope.Delivery) {
				d.Share.Parts[0].Section, d.Share.Parts[1].Section = d.Share.Parts[1].Section, d.Share.Parts[0].Section
			}),
			alarm: alarms(birch, "entry @: envelope: malformed: part 1: the section is not the one its descriptor names"), state: Recorded,
		},
		"a record added": {
			hand:  delivery(func(_ *world, d *envelope.Delivery) { d.Share.Record = []byte("{}") }),
			alarm: alarms(birch, "entry @: envelope: malformed: the record is not the one the header signs"), state: Recorded,
		},
		"the header changed after it was signed": {
			hand: delivery(func(_ *world, d *envelope.Delivery) {
				d.Share.Header = bytes.Replace(d.Share.Header, []byte("AMBER+STRICT"), []byte("CLEAR"), 1)
			}),
			alarm: alarms(birch, "entry @: keyring: signature refused: does not verify"), state: Recorded,
		},
		"the header of another sender": {
			hand: delivery(func(_ *world, d *envelope.Delivery) {
				d.Share.Header = bytes.Replace(d.Share.Header, []byte("ALDER"), []byte("CEDAR"), 1)
			}),
			alarm: alarms(birch, "entry @: the header is of another share than the entry"), state: Recorded,
		},
		"signed by another agency": {
			hand:  delivery(func(w *world, d *envelope.Delivery) { d.Share.Signature = w.agency(cedar).sign(d.Share.Header) }),
			alarm: alarms(birch, "entry @: keyring: signature refused: wrong key"), state: Recorded,
		},
		"not signed": {
			hand:  delivery(func(_ *world, d *envelope.Delivery) { d.Share.Signature = nil }),
			alarm: alarms(birch, "entry @: keyring: signature refused"), state: Recorded,
		},
		"the child's handle, on the record": {
			log: func(w *world) {
				w.judge = func(d *policy.Decision) { d.Sections = append(d.Sections, policy.Section{Part: 3, Delivered: true}) }
			},
			alarm: alarms(birch, "entry @: the hub handed over what its sender said to the hub alone"), state: Recorded,
		},
		"another agency's delivery, proof and all": {
			hand: func(w *world, _ fairlead.ShareID) {
				w.agency(alder).send(assessment("CEDAR"))
				w.collect()
				w.agency(cedar).edit(envelope.TypeDelivery, func(frame []byte) []byte {
					w.agency(birch).hand(w.log.Size()-1, frame)
					return frame
				})
			},
			alarm: alarms(birch, "entry @+1: the log does not say that it was delivered to this agency"), shown: true, state: Delivered,
		},
		"delivered twice, both times on the record": {
			hand: delivery(func(w *world, d *envelope.Delivery) {
				l, err := entry.ParseLeaf(d.Leaf)
				w.check(err)
				l.Counter++
				again := *d
				again.Index, again.Leaf = w.put(l.Marshal()), l.Marshal()
				w.agency(birch).hand(again.Index, again.Marshal())
			}),
			alarm: alarms(birch, "entry @+1 delivers again what entry @ delivered"), shown: true, state: Delivered,
		},
	} {
		t.Run(name, func(t *testing.T) { l.tell(t, base) })
	}
}

// TestLiesAboutTheLeaf: the log says something else than sender and recipient are told. Both hold the
// same leaf, so both can name it.
func TestLiesAboutTheLeaf(t *testing.T) {
	base := agreedWorld(t)
	for name, l := range map[string]lie{
		"not delivered": {
			log: leaf(func(l *entry.Leaf) { l.Outcome, l.Counter = entry.OutcomeNotDelivered, 0 }),
			alarm: map[fairlead.AgencyID]string{
				alder: "entry @: the verdict says delivered_redacted, the log another outcome",
				birch: "entry @: the log does not say that it was delivered to this agency",
			}, state: Queued,
		},
		"held": {
			log: leaf(func(l *entry.Leaf) { l.Outcome, l.Counter = entry.OutcomeHeld, 0 }),
			alarm: map[fairlead.AgencyID]string{
				alder: "entry @: the verdict says delivered_redacted, the log another outcome",
				birch: "entry @: the log does not say that it was delivered to this agency",
			}, state: Queued,
		},
		"for the hub": {
			log: leaf(func(l *entry.Leaf) { l.Outcome, l.Counter = entry.OutcomeControl, 0 }),
			alarm: map[fairlead.AgencyID]string{
				alder: "entry @: the verdict says delivered_redacted, the log another outcome",
				birch: "entry @: the log does not say that it was delivered to this agency",
			}, state: Queued,
		},
		"to another agency": {
			log: leaf(func(l *entry.Leaf) { l.To = cedar }),
			alarm: map[fairlead.AgencyID]string{
				alder: "entry @: the verdict is on this agency's share, the log speaks of another one",
				birch: "entry @: the log does not say that it was delivered to this agency",
			}, state: Queued,
		},
		"to nobody": {
			log: leaf(func(l *entry.Leaf) { l.To = "" }),
			alarm: map[fairlead.AgencyID]string{
				alder: "entry @: the verdict is on this agency's share, the log speaks of another one",
				birch: "entry @: the log does not say that it was delivered to this agency",
			}, state: Queued,
		},
		"from another agency": {
			log: leaf(func(l *entry.Leaf) { l.From = cedar }),
			alarm: map[fairlead.AgencyID]string{
				alder: "entry @: the verdict is on this agency's share, the log speaks of another one",
				birch: "entry @: the header is of another share than the entry",
			}, state: Queued,
		},
		"of another share": {
			log: leaf(func(l *entry.Leaf) { l.Share = fairlead.NewShareID() }),
			alarm: map[fairlead.AgencyID]string{
				alder: "entry @: the verdict is on this agency's share, the log speaks of another one",
				birch: "entry @: the header is of another share than the entry",
			}, state: Queued,
		},
		"with another set of sections": {
			log: leaf(func(l *entry.Leaf) { l.Delivered[0] ^= 1 }),
			alarm: map[fairlead.AgencyID]string{
				alder: "entry @: the log commits to another set of sections than the verdict says",
				birch: "entry @: the hub handed over another set of sections than the one it logged",
			}, state: Queued,
		},
		"with another verdict": {
			log:   leaf(func(l *entry.Leaf) { l.Verdict[0] ^= 1 }),
			alarm: alarms(alder, "entry @: the hub tells this agency another verdict than the one it logged"), shown: true, state: Queued,
		},
		"a counter skipped": {
			log:   leaf(func(l *entry.Leaf) { l.Counter++ }),
			alarm: alarms(birch, "entry @: delivery 4 arrived after delivery 2: something was withheld"), shown: true, state: Recorded,
		},
		"a counter far ahead": {
			log:   leaf(func(l *entry.Leaf) { l.Counter = 1 << 40 }),
			alarm: alarms(birch, "entry @: delivery 1099511627776 arrived after delivery 2: something was withheld"), shown: true, state: Recorded,
		},
		"a counter beyond all": {
			log: leaf(func(l *entry.Leaf) { l.Counter = 1 << 63 }),
			alarm: map[fairlead.AgencyID]string{
				alder: "entry @: it is delivery 9223372036854775808, more than there can be",
				birch: "entry @: it is delivery 9223372036854775808, more than there can be",
			}, state: Queued,
		},
		"a counter repeated": {
			log:   leaf(func(l *entry.Leaf) { l.Counter-- }),
			alarm: alarms(birch, "entry @: delivery 2 arrived after delivery 2: something was withheld, hidden or delivered twice"), shown: true, state: Recorded,
		},
		"long after it was sent": {
			log:   leaf(func(l *entry.Leaf) { l.At = l.At.AddDate(0, 0, 4) }),
			alarm: alarms(birch, "entry @: it was decided outside the time that its sender gave it"), state: Recorded,
		},
		"before it was sent": {
			log:   leaf(func(l *entry.Leaf) { l.At = l.At.AddDate(0, 0, -1) }),
			alarm: alarms(birch, "entry @: it was decided outside the time that its sender gave it"), state: Recorded,
		},
	} {
		t.Run(name, func(t *testing.T) { l.tell(t, base) })
	}
}

// verdict changes what Alder is told.
func verdict(old, fresh string) func(*world, fairlead.ShareID) {
	return func(w *world, _ fairlead.ShareID) {
		w.agency(alder).edit(envelope.TypeVerdict, func(frame []byte) []byte {
			index, leaf, raw, err := envelope.ParseVerdictFrame(frame)
			w.check(err)
			changed := bytes.Replace(raw, []byte(old), []byte(fresh), 1)
			if bytes.Equal(raw, changed) {
				w.t.Fatalf("no %s in the verdict", old)
			}
			return envelope.VerdictFrame(index, leaf, changed)
		})
	}
}

// TestLiesAboutVerdicts: the hub tells the sender something else than it logged.
func TestLiesAboutVerdicts(t *testing.T) {
	base := agreedWorld(t)
	const another = "entry @: the hub tells this agency another verdict than the one it logged"
	for name, l := range map[string]lie{
		"another result": {hand: verdict("delivered_redacted", "delivered"), alarm: alarms(alder, another), shown: true, state: Queued},
		"another reason": {hand: verdict("E_SECTION_NOT_ALLOWED", "E_CONSENT_REFUSED"), alarm: alarms(alder, another), shown: true, state: Queued},
		"a reason left out": {
			hand:  verdict(`"check":"P10",`, ``),
			alarm: alarms(alder, another), shown: true, state: Queued,
		},
		"of another share": {
			hand:  func(w *world, id fairlead.ShareID) { verdict(id.String(), fairlead.NewShareID().String())(w, id) },
			alarm: alarms(alder, another), shown: true, state: Queued,
		},
		"on other bytes under its id": {
			hand: func(w *world, _ fairlead.ShareID) {
				w.agency(alder).edit(envelope.TypeVerdict, func(frame []byte) []byte {
					_, b, raw, err := envelope.ParseVerdictFrame(frame)
					w.check(err)
					v, err := entry.ParseVerdict(raw)
					w.check(err)
					v.Header[0] ^= 1
					raw, err = json.Marshal(v)
					w.check(err)
					l, err := entry.ParseLeaf(b)
					w.check(err)
					l.Verdict = sha256.Sum256(raw)
					index := w.put(l.Marshal())
					w.agency(alder).owed = []int64{index}
					return envelope.VerdictFrame(index, l.Marshal(), raw)
				})
			},
			alarm: alarms(alder, "entry @+1 lets other bytes through under the id of a share of this agency"), shown: true, state: Queued,
		},
		"no verdict": {hand: func(w *world, _ fairlead.ShareID) { w.agency(alder).withhold(envelope.TypeVerdict) }, shown: true, state: Queued},
		"given to a third": {
			hand: func(w *world, _ fairlead.ShareID) {
				for _, frame := range w.agency(alder).withhold(envelope.TypeVerdict) {
					w.agency(cedar).hand(w.log.Size()-1, frame)
				}
			},
			alarm: alarms(cedar, "entry @ judges a share this agency never made"), shown: true, state: Queued,
		},
	} {
		t.Run(name, func(t *testing.T) { l.tell(t, base) })
	}
}

// TestLiesAboutReceipts: Alder believes that its share was stored only when Birch has signed so.
func TestLiesAboutReceipts(t *testing.T) {
	base := agreedWorld(t)
	receipt := func(change func(w *world, s *envelope.Share)) func(*world, fairlead.ShareID) {
		return func(w *world, _ fairlead.ShareID) {
			w.agency(alder).edit(envelope.TypeReceipt, func(frame []byte) []byte {
				s, err := envelope.ParseReceiptFrame(frame)
				w.check(err)
				change(w, s)
				return envelope.ReceiptFrame(s)
			})
		}
	}
	for name, l := range map[string]lie{
		"none":              {ack: func(w *world, _ fairlead.ShareID) { w.agency(alder).withhold(envelope.TypeReceipt) }, shown: true, state: Recorded},
		"not signed":        {ack: receipt(func(_ *world, s *envelope.Share) { s.Signature = nil }), alarm: alarms(alder, "a receipt that BIRCH did not sign"), shown: true, state: Recorded},
		"signed by another": {ack: receipt(func(w *world, s *envelope.Share) { s.Signature = w.agency(cedar).sign(s.Header) }), alarm: alarms(alder, "a receipt that BIRCH did not sign"), shown: true, state: Recorded},
		"by another": {
			ack: receipt(func(w *world, s *envelope.Share) {
				s.Header = bytes.Replace(s.Header, []byte("BIRCH"), []byte("CEDAR"), 1)
				s.Signature = w.agency(cedar).sign(s.Header)
			}),
			shown: true, state: Recorded,
		},
		"for more than was signed": {
			ack: receipt(func(_ *world, s *envelope.Share) {
				s.Record = bytes.Replace(s.Record, []byte(`"counter":3`), []byte(`"counter":4`), 1)
			}),
			alarm: alarms(alder, "a receipt from the hub: envelope: malformed: the record is not the one the header signs"), shown: true, state: Recorded,
		},
		"an older one": {
			ack: func(w *world, _ fairlead.ShareID) {
				a := w.agency(alder)
				a.withhold(envelope.TypeReceipt)
				for _, m := range a.messages {
					a.out = append(a.out, m.Data)
				}
				if len(a.withhold(envelope.TypeReceipt)) == 0 {
					w.t.Fatal("there is no older receipt")
				}
				for _, m := range a.messages {
					a.out = append(a.out, m.Data)
				}
			},
			shown: true, state: Recorded,
		},
	} {
		t.Run(name, func(t *testing.T) { l.tell(t, base) })
	}
}

// TestAckOfAnother: only the recipient's people move a share on, even where the hub lets another's through.
func TestAckOfAnother(t *testing.T) {
	w := newWorld(t)
	w.agree()
	id := w.agency(alder).send(assessment("BIRCH"))
	w.settle()
	w.judge = w.allow
	ack := w.agency(cedar).send(&Draft{
		Kind: "ack", Role: "PRACTITIONER", User: "x1", To: []string{"ALDER"}, ReplyTo: id, Facts: map[string]string{"level": "accepted_for_action"},
	})
	w.settle()
	if !w.agency(alder).sees(ack) || w.agency(alder).state(id) != Delivered {
		t.Errorf("acknowledged by another agency, Alder believes %s", w.agency(alder).state(id))
	}
}
