package broker

import (
	"fairlead/internal/bus"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/subject"
	"fairlead/internal/tlog"
)

// Announce tells every agency that witnesses have cosigned a checkpoint, with the next batch. It does not wait: of
// several the last is told. It may be called from anywhere.
func (b *Broker) Announce(cosigned []byte) {
	select {
	case <-b.cosigned:
	default:
	}
	select {
	case b.cosigned <- cosigned:
	default:
	}
}

// takeCosigned puts it among what waits for a batch, where it stays until one is committed.
func (b *Broker) takeCosigned() {
	select {
	case text := <-b.cosigned:
		b.later = append(b.later, bus.OutMsg{Subject: subject.RegistryAll, Data: envelope.CosignedFrame(text)})
	default:
	}
}

// compare holds the checkpoint that a sender says it has proved against our own log. Where they differ, somebody
// signed another log with our key, or the sender says what is not so; the share is decided all the same.
func (b *Broker) compare(a *arrival) {
	seen := a.share.H.Seen
	if a.key == nil || a.verified != nil || seen.Size == 0 {
		return
	}
	proof, err := b.tree.Consistency(seen.Size)
	if err == nil {
		err = tlog.VerifyConsistency(tlog.Tree{N: seen.Size, Hash: tlog.Hash(seen.Root)}, b.tree.Tree(), proof)
	}
	if err == nil {
		return
	}
	b.cfg.Log.Error().Err(err).Str("share", a.share.H.ID.String()).Int64("size", seen.Size).
		Msg("ALARM: split view: a sender signs that it was shown another log than this one. See deploy/README.md, 'A split view'")
	b.mu.Lock()
	defer b.mu.Unlock()
	b.status.Splits++
}

// heed tells the operator that an agency's program has reported what an honest hub does not do. The report is on
// record; who else than this broker did it, is for the operator to find.
func (b *Broker) heed(from fairlead.AgencyID, index int64) {
	b.cfg.Log.Error().Str("agency", string(from)).Int64("entry", index).
		Msg("ALARM: an agency's program reports what an honest hub does not do. See deploy/README.md, 'An incident'")
	b.mu.Lock()
	defer b.mu.Unlock()
	b.status.Alarms++
}
