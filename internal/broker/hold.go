package broker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"fairlead/internal/entry"
	"fairlead/internal/envelope"
	"fairlead/internal/subject"
)

// errFound ends a read of LEDGER at the first message.
var errFound = errors.New("found")

// release ends a hold by a new entry that cites it: the share goes out as it is permitted now, or is
// refused for good. A payload that cannot be read leaves the hold as it is.
func (b *Broker) release(ctx context.Context, batch *batch, sh *entry.Share, now time.Time) {
	bound, err := b.payload(ctx, batch, sh)
	if err != nil {
		b.cfg.Log.Error().Err(err).Int64("entry", *sh.Releases).Msg("held payload not readable; it stays held")
		return
	}
	l := entry.Leaf{Class: entry.ClassShare, At: now, Share: bound.H.ID, From: bound.H.From.Agency, To: bound.H.To.Agency, Outcome: entry.OutcomeNotDelivered}
	to := batch.snap.Agency(l.To)
	if sh.Decision.Delivers() && to != nil {
		l.Outcome, l.Counter = entry.OutcomeDelivered, batch.snap.Counter(l.To)+1
	}
	e, err := batch.append(l, &entry.Detail{Share: sh})
	if err != nil {
		b.cfg.Log.Error().Err(err).Msg("release does not fold")
		return
	}
	if l.Outcome == entry.OutcomeDelivered {
		b.deliver(batch, e, to, bound)
	}
	b.sendVerdict(batch, e, sh.Account)
}

// payload reads the share that waits, from LEDGER or from this very batch.
func (b *Broker) payload(ctx context.Context, batch *batch, sh *entry.Share) (*envelope.Bound, error) {
	h, err := envelope.ParseHeader(sh.Header)
	if err != nil {
		return nil, err
	}
	if place, ok := batch.held[h.ID]; ok {
		return bindPayload(batch.messages[place].Data, sh)
	}
	var found *envelope.Bound
	err = b.cfg.Hub.ReadLedger(ctx, b.held[h.ID], subject.Held, func(_ uint64, _ string, data []byte) error {
		if found, err = bindPayload(data, sh); err != nil {
			return err
		}
		return errFound
	})
	if found == nil {
		return nil, fmt.Errorf("payload of share %s: %w", h.ID, err)
	}
	return found, nil
}

func bindPayload(frame []byte, sh *entry.Share) (*envelope.Bound, error) {
	s, err := envelope.ParseShare(frame)
	if err != nil {
		return nil, err
	}
	if envelope.HeaderDigest(s.Header) != sh.Digest {
		return nil, fmt.Errorf("%w: another share stands where the held one was", ErrDiverged)
	}
	return s.Bind()
}

// collectHeld notes, while reading LEDGER, where a payload waits.
func (b *Broker) collectHeld(seq uint64, parts [][]byte) error {
	h, err := envelope.ParseHeader(parts[0])
	if err != nil {
		return err
	}
	b.held[h.ID] = seq
	return nil
}

// keepHeld notes where a committed batch put the payloads that wait. seq is its last message.
func (b *Broker) keepHeld(batch *batch, seq uint64) {
	for id, place := range batch.held {
		b.held[id] = seq - uint64(len(batch.messages)-1-place)
	}
}

// forgetHeld drops what no longer waits.
func (b *Broker) forgetHeld() {
	for id := range b.held {
		if !b.snap.Waits(id) {
			delete(b.held, id)
		}
	}
}
