package broker

import (
	"context"
	"fmt"
	"slices"

	"fairlead/internal/bus"
	"fairlead/internal/entry"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
)

// payload is a delivery in LEDGER that its recipient has not yet said to have stored.
type payload struct {
	sequence uint64
	to       fairlead.AgencyID
	counter  uint64
}

// bury puts a tombstone into the batch where the entry at order has the payload of a share deleted. The
// message itself goes when the batch is committed: see erase.
func (b *Broker) bury(batch *batch, order int64, id fairlead.ShareID) {
	e, ok := batch.snap.Erased(id)
	if !ok || e.Order != order {
		return
	}
	to := batch.snap.Agency(e.To)
	sequence, leaf, err := b.buried(batch, e.Entry)
	if err != nil || to == nil {
		b.cfg.Log.Error().Err(err).Int64("entry", e.Entry).Msg("payload to be deleted not found; it stays")
		return
	}
	t := envelope.Tombstone{Index: e.Entry, Leaf: leaf, Order: order, Sequence: sequence}
	batch.tombs = append(batch.tombs, t)
	b.send(batch, to, e.Entry, t.Marshal())
}

// buried finds a delivery in LEDGER, or in this very batch, and its leaf.
func (b *Broker) buried(batch *batch, index int64) (sequence uint64, leaf []byte, err error) {
	if place, ok := batch.payloads[index]; ok {
		return b.seq + uint64(place) + 1, batch.entries[index-batch.entries[0].index].bytes, nil
	}
	p, ok := b.payloads[index]
	if !ok {
		return 0, nil, fmt.Errorf("LEDGER holds no delivery of entry %d", index)
	}
	leaf, _, err = b.entryAt(index)
	return p.sequence, leaf, err
}

// keepPayloads notes where a committed batch put deliveries, and what it ordered erased. seq is its last
// message.
func (b *Broker) keepPayloads(batch *batch, seq uint64) {
	for index, place := range batch.payloads {
		l := batch.entries[index-batch.entries[0].index].leaf
		b.payloads[index] = payload{seq - uint64(len(batch.messages)-1-place), l.To, l.Counter}
	}
	for i := range batch.tombs {
		b.keepTomb(&batch.tombs[i])
	}
	for _, sequence := range batch.gone {
		b.keepGone(sequence)
	}
}

// keepGone notes a message of LEDGER that was ordered deleted.
func (b *Broker) keepGone(sequence uint64) {
	if !b.missing[sequence] && !b.buriedAt.has(sequence) {
		b.erasing = append(b.erasing, sequence)
	}
	b.buriedAt.set(sequence)
	delete(b.missing, sequence)
}

// keepTomb notes a tombstone of LEDGER: what it stands for is erased, or is to be.
func (b *Broker) keepTomb(t *envelope.Tombstone) {
	b.keepGone(t.Sequence)
	delete(b.payloads, t.Index)
}

// collectPayload notes, while reading LEDGER, a delivery or a tombstone.
func (b *Broker) collectPayload(sequence uint64, t envelope.Type, frame []byte) error {
	if t == envelope.TypeTomb {
		tomb, err := envelope.ParseTombstone(frame)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrDiverged, err)
		}
		b.keepTomb(tomb)
		return nil
	}
	d, err := envelope.ParseDelivery(frame)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDiverged, err)
	}
	l, err := entry.ParseLeaf(d.Leaf)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDiverged, err)
	}
	b.payloads[d.Index] = payload{sequence, l.To, l.Counter}
	return nil
}

// forgetPayloads drops what its recipient has stored.
func (b *Broker) forgetPayloads() {
	for index, p := range b.payloads {
		if p.counter <= b.snap.Heard(p.to) {
			delete(b.payloads, index)
		}
	}
}

// acknowledges reports whether an entry may say that a recipient has stored something.
func (b *batch) acknowledges() bool {
	return slices.ContainsFunc(b.entries, func(e line) bool { return e.leaf.Class == entry.ClassShare && e.leaf.Outcome == entry.OutcomeControl })
}

// maxErased is how many messages are deleted at once, so that shares need not wait.
const maxErased = 20

// erase deletes what was ordered deleted. What is left, or cannot be deleted now, is for the next round.
func (b *Broker) erase(ctx context.Context) {
	for range min(len(b.erasing), maxErased) {
		if err := b.cfg.Hub.Erase(ctx, b.erasing[0]); err != nil {
			b.cfg.Log.Error().Err(err).Msg("payload not erased; trying again")
			return
		}
		b.erasing = b.erasing[1:]
	}
}

// explained reports what LEDGER lacks beyond what was ordered erased.
func (b *Broker) explained() error {
	for sequence := range b.missing {
		return fmt.Errorf("%w: message %d, and nobody ordered it deleted", bus.ErrGap, sequence)
	}
	return nil
}
