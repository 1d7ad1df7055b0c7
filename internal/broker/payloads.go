package broker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"fairlead/internal/entry"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/registry"
	"fairlead/internal/subject"
	"fairlead/internal/tlog"
)

// emptying is how far the retention of payloads has come (RT-HUB-PAYLOAD of domain §2.3; registry.Acks has the rule).
// It is found anew from the log by each start. One turn looks at some entries, looks for some payloads, or makes one order,
// for one recipient: shares need not wait for more.
type emptying struct {
	day    time.Time // of the hub's clock, on which this stands
	looked bool      // at everything that may be due on it
	done   bool      // nothing is left to do on it
	next   int64     // entry to look at
	acks   *registry.Acks
	due    map[fairlead.AgencyID][]*due // their last acknowledgement is old enough
	count  int                          // of those
	later  []*due                       // and of these as well, but somebody needs them: for another day
}

// due is a payload whose time may be over.
type due struct {
	registry.Acked
	found *found // nil: not looked for yet
}

const (
	maxAcks  = 500    // details that one turn reads
	maxFound = 20     // payloads that one turn looks for in LEDGER
	maxDue   = 20_000 // payloads due before orders are made
)

// retainPayloads orders payloads deleted whose time is over.
func (b *Broker) retainPayloads(ctx context.Context, batch *batch, now time.Time) {
	r, day := &b.emptying, now.Truncate(24*time.Hour)
	if b.tree.Size() == 0 || r.done && r.day.Equal(day) || batch.full() {
		return
	}
	if !r.day.Equal(day) {
		r.begin(day)
	}
	var err error
	if !r.looked && r.count < maxDue {
		err = b.lookAhead(ctx, batch.snap, now)
	} else if to, list := r.take(batch.snap, now); len(list) > 0 {
		err = b.orderEmpty(ctx, batch, to, list, now)
	} else {
		r.done = r.looked && r.count == 0
	}
	if err != nil {
		b.cfg.Log.Error().Err(err).Msg("payloads not deleted by retention; trying again tomorrow")
		r.done = true
	}
}

// begin takes another day up.
func (r *emptying) begin(day time.Time) {
	if r.acks == nil {
		r.acks, r.due = registry.NewAcks(), map[fairlead.AgencyID][]*due{}
	}
	r.day, r.looked, r.done = day, false, false
	r.add(r.later)
	r.later = nil
}

func (r *emptying) add(list []*due) {
	for _, d := range list {
		r.due[d.To] = append(r.due[d.To], d)
		r.count++
	}
}

// lookAhead looks at the next entries that are old enough to be the last acknowledgement of what is due.
func (b *Broker) lookAhead(ctx context.Context, snap *registry.Snapshot, now time.Time) error {
	r, before, tree, read := &b.emptying, snap.PayloadsOutlived(now), b.tree.Tree(), 0
	reader, err := tlog.OpenReader(filepath.Join(b.cfg.Dir, LogDir), tree)
	if err != nil {
		return err
	}
	err = reader.Entries(ctx, r.next, min(r.next+maxLooked, tree.N), func(index int64, leaf []byte) error {
		l, err := entry.ParseLeaf(leaf)
		if err != nil {
			return err
		}
		if r.looked = l.At.After(before); r.looked || read == maxAcks {
			return errEnough
		}
		done, err := r.acks.Next(snap, index, l, func() (*entry.Detail, error) {
			read++
			raw, err := b.details.Get(index)
			if err != nil {
				return nil, err
			}
			return entry.ParseDetail(raw)
		})
		if err != nil {
			return err
		}
		for _, a := range done {
			r.add([]*due{{Acked: a}})
		}
		r.next = index + 1
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	r.looked = r.looked || r.next == tree.N
	return err
}

// take is what the next order is on: payloads of one recipient. What somebody still needs waits for another day; what
// is chosen stays due until it is seen to be gone.
func (r *emptying) take(snap *registry.Snapshot, now time.Time) (to fairlead.AgencyID, list []*due) {
	before := snap.PayloadsOutlived(now)
	for _, to = range slices.Sorted(maps.Keys(r.due)) {
		var left []*due
		seen := map[int64]bool{}
		for i, a := range r.due[to] {
			if len(list) == registry.MaxErase {
				left = append(left, r.due[to][i:]...)
				break
			}
			fault := snap.Keeps(to, a.Payload)
			switch {
			case errors.Is(fault, registry.ErrPayloadGone) || seen[a.Entry]:
				continue
			case fault != nil || a.At.After(before):
				r.later = append(r.later, a)
				continue
			}
			seen[a.Entry] = true
			list, left = append(list, a), append(left, a)
		}
		r.count += len(left) - len(r.due[to])
		if r.due[to] = left; len(left) == 0 {
			delete(r.due, to)
		}
		if len(list) > 0 {
			break
		}
	}
	slices.SortFunc(list, func(a, b *due) int { return int(a.Entry - b.Entry) })
	return to, list
}

// skip puts off what LEDGER should hold and does not: who finds that out is told, once a day.
func (r *emptying) skip(d *due) {
	r.due[d.To] = slices.DeleteFunc(r.due[d.To], func(other *due) bool { return other == d })
	r.count--
	r.later = append(r.later, d)
}

// find looks for payloads in LEDGER, for some in one turn; all: there are no more to look for.
func (b *Broker) find(ctx context.Context, list []*due) (all bool, err error) {
	looked, from := 0, uint64(1) // they rise
	for _, d := range list {
		if d.found == nil {
			if looked++; looked > maxFound {
				return false, nil
			}
			f, err := b.bodies(ctx, d.Acked, from)
			if err != nil && ctx.Err() != nil {
				return false, err
			}
			if err != nil || len(f.list) == 0 {
				b.cfg.Log.Error().Err(err).Int64("entry", d.Entry).Msg("payload to be deleted not found; looking again tomorrow")
				b.emptying.skip(d)
				continue
			}
			d.found = &f
		}
		from = max(from, d.found.at)
	}
	return looked == 0, nil
}

// orderEmpty puts an order into the batch by which payloads of one recipient are deleted, their time being over.
func (b *Broker) orderEmpty(ctx context.Context, batch *batch, to fairlead.AgencyID, list []*due, now time.Time) error {
	if all, err := b.find(ctx, list); err != nil || !all {
		return err
	}
	e := registry.Emptying{Class: registry.RetentionPayload, Days: batch.snap.PayloadDays(), To: to}
	var gone []uint64
	var of []envelope.Buried
	for _, d := range list {
		e.Payloads = append(e.Payloads, d.Payload)
		gone, of = append(gone, d.found.list...), append(of, envelope.Buried{Index: d.Entry, Leaf: d.found.leaf})
	}
	order, err := b.empty(batch, e, of, now)
	if err == nil {
		batch.add(subject.Held, envelope.GoneFrame(order, gone))
		batch.gone = append(batch.gone, gone...)
	}
	return err
}

// found is what LEDGER holds of a payload.
type found struct {
	list []uint64 // sequences of what was delivered, and of the copy that waited
	leaf []byte   // of the delivery
	at   uint64   // of the delivery: later entries stand after it
}

// bodies finds what LEDGER holds of a payload, whose entry is at a sequence or after it.
func (b *Broker) bodies(ctx context.Context, a registry.Acked, from uint64) (f found, err error) {
	if a.To != "" {
		f, err = b.delivered(ctx, a.Entry, from)
	}
	if err != nil || a.Waited < 0 {
		return f, err
	}
	waited, err := b.sequenceOf(ctx, a.Waited, 1)
	if err != nil {
		return f, err
	}
	sequence, on, data, err := b.cfg.Hub.Next(ctx, max(waited, 2)-1, "")
	if err == nil && sequence == waited-1 && on == subject.Held && holds(data, a.Share) {
		f.list = append(f.list, sequence)
	}
	return f, err
}

// delivered finds the delivery of an entry: it stands before the next entry.
func (b *Broker) delivered(ctx context.Context, index int64, from uint64) (f found, err error) {
	next, err := b.sequenceOf(ctx, index, from)
	if err != nil {
		return f, err
	}
	for next++; ; next++ {
		sequence, on, data, err := b.cfg.Hub.Next(ctx, next, "")
		if err != nil || sequence == 0 || on == subject.Entry {
			return f, err
		}
		if d, err := envelope.ParseDelivery(data); err == nil && d.Index == index {
			f.list, f.leaf, f.at = append(f.list, sequence), d.Leaf, sequence
			return f, nil
		}
		next = sequence
	}
}

// perEmptying is how many messages an order makes: the entry, the same for its recipient, the tombstones, and what the
// hub keeps for itself.
const perEmptying = 4

// empty puts an order to delete payloads into the batch, and the tombstones into their recipient's inbox. of are the
// leaves in the order of the log.
func (b *Broker) empty(batch *batch, e registry.Emptying, of []envelope.Buried, now time.Time) (int64, error) {
	record, err := json.Marshal(e)
	if err != nil {
		return 0, err
	}
	to := batch.snap.Agency(e.To)
	tombs := envelope.Tombs{Of: of}
	if e.To != "" {
		if tombs.Ack, err = b.ackOf(e.To); err != nil {
			return 0, err
		}
	}
	l := entry.Leaf{Class: entry.ClassRegister, Outcome: entry.OutcomeControl, At: now, Share: fairlead.NewShareID(), From: fairlead.Hub, To: fairlead.Hub}
	order, err := batch.append(l, &entry.Detail{Register: &entry.Register{Action: registry.EmptyPayloads, Record: record}})
	if err != nil || to == nil {
		return order.index, err
	}
	// The order goes before the tombstones on their own subject, and so do the proofs.
	b.send(batch, to, order.index, envelope.EntryFrame(order.index, order.bytes, order.raw))
	tombs.Order = order.index
	out, err := subject.Out(to.Jurisdiction, to.Account)
	if err != nil {
		return order.index, nil //nolint:nilerr // as in send
	}
	batch.add(out, tombs.Marshal())
	for _, t := range of {
		batch.owed = append(batch.owed, owed{out, t.Index})
	}
	return order.index, nil
}

// ackOf is the last acknowledgement of an agency's program, which it signed: it shows the agency itself that it had
// stored what is deleted.
func (b *Broker) ackOf(id fairlead.AgencyID) (s envelope.Share, err error) {
	index, ok := b.snap.AckEntry(id)
	if !ok {
		return s, fmt.Errorf("%s has acknowledged nothing", id)
	}
	_, raw, err := b.entryAt(index)
	if err != nil {
		return s, err
	}
	d, err := entry.ParseDetail(raw)
	if err != nil {
		return s, err
	}
	return envelope.Share{Header: d.Share.Header, Signature: d.Share.Signature, Record: d.Share.Record}, nil
}

// recipients gathers the deliveries among what is deleted with details, by who got them.
func recipients(tombs []tomb) map[fairlead.AgencyID][]tomb {
	list := map[fairlead.AgencyID][]tomb{}
	for _, t := range tombs {
		if l, err := entry.ParseLeaf(t.leaf); err == nil && t.delivery {
			t.share = l.Share
			list[l.To] = append(list[l.To], t)
		}
	}
	return list
}

// emptyWith tells each recipient of what is deleted with the details that an entry orders erased: else its number would
// be missing to who takes all of its inbox again.
func (b *Broker) emptyWith(batch *batch, order int64, tombs []tomb, now time.Time) {
	all := recipients(tombs)
	for _, to := range slices.Sorted(maps.Keys(all)) {
		e := registry.Emptying{With: order, To: to}
		var of []envelope.Buried
		for _, t := range all[to] {
			e.Payloads = append(e.Payloads, registry.Payload{Entry: t.entry, Share: t.share})
			of = append(of, envelope.Buried{Index: t.entry, Leaf: t.leaf})
		}
		if _, err := b.empty(batch, e, of, now); err != nil {
			b.cfg.Log.Error().Err(err).Str("agency", string(to)).Msg("the recipient of what is deleted is not told")
		}
	}
}

// collectGone notes, while reading LEDGER, what one order deleted of it.
func (b *Broker) collectGone(frame []byte) error {
	_, gone, err := envelope.ParseGoneFrame(frame)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDiverged, err)
	}
	for _, sequence := range gone {
		b.keepGone(sequence)
	}
	return nil
}

// collectTombs notes which proofs the tombstones of one order wait for.
func (b *Broker) collectTombs(on string, frame []byte) error {
	t, err := envelope.ParseTombs(frame)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDiverged, err)
	}
	for _, of := range t.Of {
		b.proofs = append(b.proofs, owed{on, of.Index})
	}
	return nil
}
