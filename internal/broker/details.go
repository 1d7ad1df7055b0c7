package broker

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"fairlead/internal/entry"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/registry"
	"fairlead/internal/subject"
)

// EraseDetails orders the details of entries erased, by an entry of the log: then they are overwritten on disk, and
// what LEDGER holds of them is deleted. Of each detail only the entry is to be named.
func (b *Broker) EraseDetails(ctx context.Context, e registry.Erasing) error {
	return b.act(ctx, registry.Erase, e)
}

// tomb is a message of LEDGER to be deleted with a detail.
type tomb struct {
	sequence uint64
	entry    int64
	leaf     []byte
	delivery bool // its recipient is told
	share    fairlead.ShareID
}

// order completes the record of an order to erase by what the leaves say, and finds the messages that go with it.
func (b *Broker) order(ctx context.Context, batch *batch, record []byte, now time.Time) ([]byte, []tomb, error) {
	var e registry.Erasing
	if err := json.Unmarshal(record, &e); err != nil {
		return nil, nil, err
	}
	if len(e.Details) > registry.MaxErase {
		return nil, nil, fmt.Errorf("%d details: one act erases 1 to %d", len(e.Details), registry.MaxErase)
	}
	var tombs []tomb
	from := uint64(1) // they rise
	for i, d := range e.Details {
		if d.Entry < 0 || d.Entry >= b.snap.Size() {
			return nil, nil, fmt.Errorf("entry %d: the log has no such entry yet", d.Entry)
		}
		leaf, _, err := b.entryAt(d.Entry)
		if err != nil {
			return nil, nil, err
		}
		l, err := entry.ParseLeaf(leaf)
		if err != nil {
			return nil, nil, err
		}
		if e.Retention() && l.At.After(batch.snap.Outlived(now)) {
			return nil, nil, fmt.Errorf("entry %d: its time is not over; give another reason, or wait", d.Entry)
		}
		if e.Details[i], err = batch.snap.Order(l, d.Entry); err != nil {
			return nil, nil, err
		}
		messages, err := b.messagesOf(ctx, d.Entry, l.Share, from)
		if err != nil {
			return nil, nil, err
		}
		for _, m := range messages {
			m.leaf = leaf
			tombs = append(tombs, m)
		}
		from = messages[0].sequence
	}
	record, err := json.Marshal(e)
	return record, tombs, err
}

// messagesOf finds what LEDGER holds of an entry: the entry itself; before it a payload that waited; after it,
// up to the next entry, delivery and verdict. The entry is at a sequence or after it.
func (b *Broker) messagesOf(ctx context.Context, index int64, share fairlead.ShareID, from uint64) ([]tomb, error) {
	at, err := b.sequenceOf(ctx, index, from)
	if err != nil {
		return nil, err
	}
	list := []tomb{{sequence: at, entry: index}}
	if sequence, on, data, err := b.cfg.Hub.Next(ctx, max(at, 2)-1, ""); err != nil {
		return nil, err
	} else if sequence == at-1 && on == subject.Held && holds(data, share) {
		list = append(list, tomb{sequence: sequence, entry: index})
	}
	for next := at + 1; ; {
		sequence, on, data, err := b.cfg.Hub.Next(ctx, next, "")
		if err != nil {
			return nil, err
		}
		if sequence == 0 || on == subject.Entry || on == subject.Held {
			return list, nil
		}
		if t, parts, err := envelope.ParseFrame(data); err == nil && (t == envelope.TypeDelivery || t == envelope.TypeVerdict) && indexOf(parts[0]) == index {
			list = append(list, tomb{sequence: sequence, entry: index, delivery: t == envelope.TypeDelivery})
		}
		next = sequence + 1
	}
}

// holds reports whether a frame is the payload of a share.
func holds(frame []byte, id fairlead.ShareID) bool {
	s, err := envelope.ParseShare(frame)
	if err != nil {
		return false
	}
	h, err := envelope.ParseHeader(s.Header)
	return err == nil && h.ID == id
}

// sequenceOf finds an entry in LEDGER, at a sequence or after it, by steps that grow and then by halving: entries are in
// order there, and what is looked for is often near what was found before.
func (b *Broker) sequenceOf(ctx context.Context, index int64, from uint64) (uint64, error) {
	low, high := from, b.seq // it is at low or after it, and not after high
	for step, grows := uint64(0), true; low <= high; step = max(4, 4*step) {
		middle := low + (high-low)/2
		if grows = grows && step <= (high-low)/2; grows {
			middle = low + step
		}
		sequence, _, data, err := b.cfg.Hub.Next(ctx, middle, subject.Entry)
		if err != nil {
			return 0, err
		}
		if sequence == 0 || sequence > high {
			high, grows = middle-1, false
			continue
		}
		at, _, _, err := envelope.ParseEntryFrame(data)
		switch {
		case err != nil:
			return 0, err
		case at == index:
			return sequence, nil
		case at > index:
			high, grows = middle-1, false
		default:
			low = sequence + 1
		}
	}
	return 0, fmt.Errorf("LEDGER does not hold entry %d: its detail is erased already", index)
}

// bury puts the tombstones of an order into its batch, for the hub's own eyes: who starts again knows by them that
// the messages were not lost, and has the leaves in their place.
func (b *batch) bury(order int64, tombs []tomb) {
	for _, t := range tombs {
		stone := envelope.Tombstone{Index: t.entry, Leaf: t.leaf, Order: order, Sequence: t.sequence}
		b.tombs = append(b.tombs, stone)
		b.add(subject.Held, stone.Marshal())
	}
}

// ordered notes the details that a folded entry orders erased, but for those that are erased already.
func (b *Broker) ordered(before *registry.Snapshot, d *entry.Detail) {
	if d == nil || d.Register == nil || d.Register.Action != registry.Erase {
		return
	}
	e, err := registry.ParseErasing(d.Register.Record)
	if err != nil { // it has been folded
		return
	}
	for _, d := range e.Details {
		if !before.Blank(d.Entry) {
			b.wipes = append(b.wipes, d.Entry)
		}
	}
}

// wipe overwrites the details that were ordered erased, after a state that was made from them. It comes before the checkpoint that covers the order: who
// sees the order finds nothing left of them.
func (b *Broker) wipe() error {
	if len(b.wipes) > 0 {
		if err := b.forget(); err != nil {
			return err
		}
	}
	for len(b.wipes) > 0 {
		if err := b.details.Erase(b.wipes[0]); err != nil {
			return err
		}
		b.wipes = b.wipes[1:]
	}
	return nil
}

// entomb reads what was ordered deleted from a sequence on, to know what is missing and why.
func (b *Broker) entomb(ctx context.Context, from uint64) error {
	return b.cfg.Hub.ReadLedger(ctx, from, subject.Held, func(_ uint64, _ string, data []byte) error {
		if t, err := envelope.ParseTombstone(data); err == nil {
			b.lost[t.Sequence] = t
		}
		if _, gone, err := envelope.ParseGoneFrame(data); err == nil {
			for _, sequence := range gone {
				b.foretold.set(sequence)
			}
		}
		return nil
	})
}

// absent takes a message that LEDGER lacks: where an order to erase explains it, the leaf of its entry is in the
// tombstone.
func (b *Broker) absent(seq uint64) error {
	if !b.buriedAt.has(seq) {
		b.missing[seq] = true
	}
	t := b.lost[seq]
	if t == nil {
		return nil
	}
	b.inLedger = max(b.inLedger, t.Index+1)
	if t.Index < b.snap.Size() {
		return nil
	}
	return b.take(t.Index, t.Leaf, []byte{0}) // of a detail that was never here
}
