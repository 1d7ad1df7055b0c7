package registry

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"fairlead/internal/entry"
	"fairlead/internal/fairlead"
	"fairlead/internal/kind"
	"fairlead/internal/strictjson"
)

// EmptyPayloads is the action of an act of the hub that has payloads deleted from its message store (DESIGN §7). Leaf
// and detail stay.
const EmptyPayloads = "erase_payloads"

// RetentionPayload is the class of payloads that go because their time is over (domain §2.3).
const RetentionPayload = "RT-HUB-PAYLOAD"

// PayloadDays is the period of RetentionPayload where the operator sets none. Less than a week would leave an agency
// nothing to fetch again after a loss; more than ten years nobody needs.
const (
	PayloadDays    = 90
	minPayloadDays = 7
	maxPayloadDays = HeaderDays
)

// ErrPayloadGone says that a payload is deleted, or was ordered so: there is nothing more to order.
var ErrPayloadGone = errors.New("it is deleted, or ordered so")

// Payload names what the hub holds of a share beside the log: what it delivered, and the copy that waited before.
type Payload struct {
	Entry int64            `json:"entry"` // the last word on the share
	Share fairlead.ShareID `json:"share"`
}

// Emptying is the record of such an act: payloads of one recipient, who is told.
type Emptying struct {
	Class    string            `json:"class,omitempty"` // RetentionPayload: their time is over
	Days     int               `json:"days,omitempty"`  // the period of that
	With     int64             `json:"with,omitempty"`  // entry that ordered their details erased, where they go with them
	To       fairlead.AgencyID `json:"to,omitempty"`    // none: they waited for a second person and were refused
	Payloads []Payload         `json:"payloads"`        // 1 to MaxErase, each once
}

// ParseEmptying reads the record.
func ParseEmptying(record []byte) (*Emptying, error) {
	var e Emptying
	if err := strictjson.Unmarshal(record, &e); err != nil {
		return nil, err
	}
	retained := e.Class == RetentionPayload && e.Days > 0 && e.With == 0
	with := e.Class == "" && e.Days == 0 && e.With > 0 && e.To != ""
	switch {
	case !retained && !with:
		return nil, fmt.Errorf("want class %s with its days, or the entry that the payloads go with", RetentionPayload)
	case len(e.Payloads) == 0 || len(e.Payloads) > MaxErase:
		return nil, fmt.Errorf("%d payloads: one act deletes 1 to %d", len(e.Payloads), MaxErase)
	}
	seen := map[int64]bool{}
	for _, p := range e.Payloads {
		if p.Entry < 0 || seen[p.Entry] {
			return nil, fmt.Errorf("entry %d is named twice or is none", p.Entry)
		}
		seen[p.Entry] = true
	}
	return &e, nil
}

// Names reports whether the payload of an entry is among them.
func (e *Emptying) Names(p Payload) bool {
	for _, q := range e.Payloads {
		if p == q {
			return true
		}
	}
	return false
}

// PayloadDays is the period of RetentionPayload now.
func (s *Snapshot) PayloadDays() int { return cmp.Or(s.rules.PayloadDays, PayloadDays) }

// PayloadsOutlived is the instant at or before which the last required acknowledgement must have been made (see Acks)
// for a payload to be deleted by retention at an instant.
func (s *Snapshot) PayloadsOutlived(at time.Time) time.Time {
	return at.AddDate(0, 0, -s.PayloadDays())
}

// payloadDaysFault is what is wrong with a period that the operator sets.
func (r *Rules) payloadDaysFault() error {
	if d := r.PayloadDays; d != 0 && (d < minPayloadDays || d > maxPayloadDays) {
		return fmt.Errorf("payload_days: want %d to %d days, or none for %d", minPayloadDays, maxPayloadDays, PayloadDays)
	}
	return nil
}

// Emptied reports whether an entry that has been folded orders the payload of another deleted, because its time is
// over or with its detail.
func (s *Snapshot) Emptied(index int64) bool {
	word, _ := s.emptied.get(entryKey(index >> 6))
	return word>>(index&63)&1 == 1
}

// emptyPayloads applies an order: of each payload a bit is kept.
func (s *Snapshot) emptyPayloads(record []byte) error {
	e, err := ParseEmptying(record)
	if err != nil {
		return err
	}
	for _, p := range e.Payloads {
		key := entryKey(p.Entry >> 6)
		word, _ := s.emptied.get(key)
		s.emptied = s.emptied.with(key, word|1<<(p.Entry&63))
	}
	return nil
}

// emptyingFault is what the register holds against an order to delete payloads. It does not know when an
// acknowledgement was made: who replays holds that against PayloadsOutlived.
func (s *Snapshot) emptyingFault(record []byte) error {
	e, err := ParseEmptying(record)
	if err != nil {
		return err
	}
	if e.Class != "" && e.Days != s.PayloadDays() {
		return fmt.Errorf("a period of %d days, and it is %d", e.Days, s.PayloadDays())
	}
	for _, p := range e.Payloads {
		if err := s.payloadFault(e, p); err != nil {
			return fmt.Errorf("entry %d: %w", p.Entry, err)
		}
	}
	return nil
}

// Keeps says why the payload of a share must stay although its time is over; nil: it may go. ErrPayloadGone: it has.
//
// It stays while its recipient has not signed to have stored it; while a person there has not acknowledged it, where
// its kind wants that; while it waits for a second person; and while it is asked back and its recipient has not
// answered: so does the notice that asks.
func (s *Snapshot) Keeps(to fairlead.AgencyID, p Payload) error {
	return s.payloadFault(&Emptying{Class: RetentionPayload, To: to}, p)
}

func (s *Snapshot) payloadFault(e *Emptying, p Payload) error {
	r, ok := s.shares.get(p.Share)
	known := ok && r.entry == p.Entry
	b, blank := s.blanks.get(entryKey(p.Entry))
	blank = blank && !b.ordered && b.share == p.Share
	switch {
	case s.Emptied(p.Entry):
		return fmt.Errorf("%w, by an entry before", ErrPayloadGone)
	case known && r.delivered && r.counter > s.Heard(r.to):
		return fmt.Errorf("%s has not stored it yet", r.to)
	case blank: // without the detail nobody can say more; its own order comes later
		return nil
	case !known:
		return fmt.Errorf("it is not the last word on share %s", p.Share)
	case r.delivered && (r.to != e.To || r.to == fairlead.Hub), !r.delivered && e.To != "":
		return fmt.Errorf("it is not %s that it was delivered to", cmp.Or(e.To, "nobody"))
	case r.erased > 0:
		return fmt.Errorf("%w, by entry %d", ErrPayloadGone, r.erased)
	case e.With > 0 && !s.Ordered(p.Entry):
		return fmt.Errorf("its detail is not ordered erased")
	case e.With > 0:
		return nil
	case r.gone != 0:
		return fmt.Errorf("%w with its detail, by entry %d", ErrPayloadGone, r.gone)
	}
	return s.needed(p.Share, r)
}

// needed says who still needs the payload of a share.
func (s *Snapshot) needed(id fairlead.ShareID, r *shareRecord) error {
	asked, ok := r, true
	if r.kind == "recall.notice" {
		asked, ok = s.known(r.answers)
	}
	switch {
	case s.held[id] != nil:
		return fmt.Errorf("it waits for a second person")
	case ok && asked.recalled > 0 && asked.erased == 0 && asked.answer == "":
		return fmt.Errorf("it is asked back, and %s has not answered", r.to)
	case r.delivered && r.ack == "" && byPerson(r.kind):
		return fmt.Errorf("nobody at %s has acknowledged it", r.to)
	}
	return nil
}

// byPerson reports whether a person is to acknowledge shares of a kind.
func byPerson(code string) bool {
	k, _ := kind.Lookup(code)
	return k.Person
}

// AckEntry is the entry of the last acknowledgement by which an agency's program signed what it has stored.
func (s *Snapshot) AckEntry(id fairlead.AgencyID) (index int64, ok bool) {
	return s.heardBy.get(keyOf(string(id)))
}

// Acks follows, entry by entry, when the last acknowledgement comes that a share with sections requires. That is the
// later one of two: the first by which its recipient's program signed that it has stored it; and, where its kind wants
// a person to acknowledge it (kind.Kind.Person), the first by a person there, of whatever level. A share that waited
// for a second person and was refused requires none, and counts from the entry that refused it.
type Acks struct {
	heard map[fairlead.AgencyID]uint64
	open  map[fairlead.AgencyID][]open // delivered and not yet stored, by rising numbers
	early map[fairlead.ShareID]bool    // a person has acknowledged it before its program did
	waits map[fairlead.ShareID]int64   // entry at which it began to wait for a second person, until its last acknowledgement
}

// Acked is a payload with the last acknowledgement that its share requires.
type Acked struct {
	Payload
	To     fairlead.AgencyID // none: it was refused
	At     time.Time         // of that acknowledgement
	Waited int64             // entry at which it began to wait for a second person; -1: it did not wait
}

// open is what its recipient's program has not yet stored.
type open struct {
	Payload
	counter uint64
	person  bool // one is to acknowledge it
}

// NewAcks begins before the first entry.
func NewAcks() *Acks {
	return &Acks{
		heard: map[fairlead.AgencyID]uint64{}, open: map[fairlead.AgencyID][]open{}, early: map[fairlead.ShareID]bool{}, waits: map[fairlead.ShareID]int64{},
	}
}

// Next takes the next entry, and tells for which payloads it is the last acknowledgement; where a person gives another
// one, the first counts. The register has folded it, or more than it; detail is asked of a program's acknowledgements
// alone.
func (a *Acks) Next(s *Snapshot, index int64, l entry.Leaf, detail func() (*entry.Detail, error)) ([]Acked, error) {
	if l.Class != entry.ClassShare {
		return nil, nil
	}
	if l.Outcome == entry.OutcomeHeld {
		a.waits[l.Share] = index
		return nil, nil
	}
	_, waits := a.waits[l.Share]
	r, ok := s.known(l.Share)
	switch {
	case l.Outcome == entry.OutcomeNotDelivered && waits:
		return []Acked{a.last(Payload{index, l.Share}, "", l.At)}, nil
	case !ok || r.entry != index:
	case l.Outcome == entry.OutcomeControl && r.kind == "ack":
		return a.stored(l, detail)
	case l.Outcome == entry.OutcomeDelivered && r.kind == "ack":
		return a.seen(s, r.answers, l.At), nil
	case l.Outcome == entry.OutcomeDelivered && len(r.sections) > 0:
		a.open[l.To] = append(a.open[l.To], open{Payload{index, l.Share}, l.Counter, byPerson(r.kind)})
	}
	return nil, nil
}

// stored takes the word of a recipient's program on how much it has stored.
func (a *Acks) stored(l entry.Leaf, detail func() (*entry.Detail, error)) (done []Acked, err error) {
	d, err := detail()
	if err != nil || d.Share == nil {
		return nil, err
	}
	ack, err := ParseDeliveredAck(d.Share.Record)
	if err != nil {
		return nil, nil //nolint:nilerr // it says nothing, and the fold takes nothing from it
	}
	a.heard[l.From] = ack.Counter
	list := a.open[l.From]
	for len(list) > 0 && list[0].counter <= ack.Counter {
		next := list[0]
		list = list[1:]
		if !next.person || a.early[next.Share] {
			done = append(done, a.last(next.Payload, l.From, l.At))
		}
		delete(a.early, next.Share)
	}
	if a.open[l.From] = list; len(list) == 0 {
		delete(a.open, l.From)
	}
	return done, nil
}

// last is a payload at its last acknowledgement.
func (a *Acks) last(p Payload, to fairlead.AgencyID, at time.Time) Acked {
	waited, ok := a.waits[p.Share]
	if !ok {
		waited = -1
	}
	delete(a.waits, p.Share)
	return Acked{Payload: p, To: to, At: at, Waited: waited}
}

// seen takes the word of a person at the recipient.
func (a *Acks) seen(s *Snapshot, id fairlead.ShareID, at time.Time) []Acked {
	r, ok := s.known(id)
	switch {
	case !ok || !r.delivered || !byPerson(r.kind) || len(r.sections) == 0:
		return nil
	case r.counter > a.heard[r.to]:
		a.early[id] = true
		return nil
	}
	return []Acked{a.last(Payload{r.entry, id}, r.to, at)}
}
