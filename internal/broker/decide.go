package broker

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"fairlead/internal/bus"
	"fairlead/internal/entry"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/policy"
	"fairlead/internal/registry"
	"fairlead/internal/subject"
)

// decide makes the batch for what has arrived, and says how many of the arrivals it took. It changes
// nothing but the batch's own Snapshot.
func (b *Broker) decide(ctx context.Context, arrived []*arrival, acts []*act, now time.Time) (*batch, int) {
	batch := &batch{snap: b.snap, retained: b.retained, unread: maps.Clone(b.unread), held: map[fairlead.ShareID]int{}, payloads: map[int64]int{}}
	b.addProofs(batch)
	b.takeCosigned()
	batch.later = slices.Clone(b.later)
	batch.addLater()
	b.flushUnread(batch, now)
	for _, a := range acts {
		a.err = b.decideAct(ctx, batch, a, now)
	}
	if len(acts) == 0 {
		b.retain(ctx, batch, now)
		b.retainPayloads(ctx, batch, now)
	}
	taken := 0
	for _, a := range arrived {
		if batch.full() {
			break
		}
		taken++
		switch {
		case a.share == nil:
			b.refuseUnread(batch, a, now)
		case b.seen(batch, a):
			b.repeat(batch, a)
		default:
			b.decideShare(batch, a, now)
		}
	}
	for !batch.full() && b.stop(batch, now) {
	}
	for _, held := range batch.snap.Releasable(now) {
		if !batch.full() {
			b.release(ctx, batch, held, now)
		}
	}
	for _, n := range batch.snap.Unannounced(now) {
		if !batch.full() {
			b.announce(batch, n, now)
		}
	}
	return batch, taken
}

// seen reports whether the same share is on record: same id, same header, same account.
func (b *Broker) seen(batch *batch, a *arrival) bool {
	digest, account, _, ok := batch.snap.Lookup(a.share.H.ID)
	return ok && digest == a.ent.Digest && account == a.account
}

// decideShare decides one share and writes entry, delivery, verdict and what others need of it.
func (b *Broker) decideShare(batch *batch, a *arrival, now time.Time) {
	a.ent.Decision = batch.snap.Decide(a.ent, now, a.verify)
	if b.crowded(batch, a, now) {
		return
	}
	d := &entry.Detail{Share: a.ent}
	b.compare(a)
	l := entry.Leaf{Class: entry.ClassShare, At: now, Share: a.share.H.ID, Outcome: entry.OutcomeNotDelivered, To: a.share.H.To.Agency}
	if from := batch.snap.ByAccount(a.account); from != nil {
		l.From = from.ID
	}
	to := batch.snap.Agency(l.To)
	switch dec := &a.ent.Decision; {
	case dec.Result == fairlead.Held:
		l.Outcome = entry.OutcomeHeld
		batch.held[a.share.H.ID] = len(batch.messages)
		batch.add(subject.Held, a.share.Marshal())
	case dec.Delivers() && to == nil: // addressed to the hub
		l.Outcome = entry.OutcomeControl
	case dec.Delivers():
		l.Outcome, l.Counter = entry.OutcomeDelivered, batch.snap.Counter(l.To)+1
	}
	if to == nil && l.To != fairlead.Hub {
		l.To = "" // the leaf names only who is enrolled
	}
	before := batch.snap
	e, err := batch.append(l, d)
	if err != nil { // Decide allowed what the fold refuses: a fault of ours, so nothing is committed for it
		b.cfg.Log.Error().Err(err).Str("share", l.Share.String()).Msg("decision does not fold; submission dropped")
		return
	}
	if l.Outcome == entry.OutcomeDelivered {
		b.deliver(batch, e, to, a.share)
	}
	b.sendVerdict(batch, e, a.account)
	b.forward(batch, e)
	if a.share.H.Kind == "recall.notice" {
		b.bury(batch, e.index, a.share.H.ReplyTo)
	}
	if l.Outcome == entry.OutcomeControl && a.share.H.Kind == "ack" {
		b.receipts(batch, l.From, before, a.share)
	}
	if l.Outcome == entry.OutcomeControl && a.share.H.Kind == "log.alarm" {
		b.heed(l.From, e.index)
	}
}

// append folds an entry into the batch and adds its ledger message.
func (b *batch) append(l entry.Leaf, d *entry.Detail) (line, error) {
	raw := d.Marshal()
	if len(raw) > entry.MaxDetail { // committed, it could never be stored: no hub would start again
		return line{}, fmt.Errorf("detail of %d bytes, at most %d", len(raw), entry.MaxDetail)
	}
	d.Commit(&l, raw)
	snap, err := b.snap.Fold(l, d)
	if err != nil {
		return line{}, err
	}
	e := line{index: b.snap.Size(), leaf: l, bytes: l.Marshal(), detail: d, raw: raw}
	b.snap = snap
	b.entries = append(b.entries, e)
	b.add(subject.Entry, envelope.EntryFrame(e.index, e.bytes, raw))
	return e, nil
}

// deliver hands the permitted parts to the recipient, and nothing else ever leaves the hub.
func (b *Broker) deliver(batch *batch, e line, to *registry.Agency, s *envelope.Bound) {
	d := envelope.Delivery{
		Index: e.index, Leaf: e.bytes, Salt: e.detail.SetSalt(),
		Share: envelope.Share{Header: s.Header, Signature: s.Signature, Record: s.Record},
	}
	for _, sec := range e.detail.Share.Decision.Sections {
		if sec.Delivered {
			d.Share.Parts = append(d.Share.Parts, s.Parts[sec.Part])
		}
	}
	batch.payloads[e.index] = len(batch.messages)
	b.send(batch, to, e.index, d.Marshal())
}

// send adds a message for one agency and notes that it waits for a proof.
func (b *Broker) send(batch *batch, to *registry.Agency, index int64, frame []byte) {
	out, err := subject.Out(to.Jurisdiction, to.Account)
	if err != nil { // the register holds only well-formed accounts
		return
	}
	batch.add(out, frame)
	batch.owed = append(batch.owed, owed{out, index})
}

func (b *Broker) sendVerdict(batch *batch, e line, account fairlead.Account) {
	if from := batch.snap.ByAccount(account); from != nil {
		b.send(batch, from, e.index, envelope.VerdictFrame(e.index, e.bytes, e.detail.Verdict()))
	}
}

// repeat answers an exact copy with the old verdict and makes no entry.
func (b *Broker) repeat(batch *batch, a *arrival) {
	_, _, index, _ := batch.snap.Lookup(a.share.H.ID)
	from := batch.snap.ByAccount(a.account)
	if from == nil || index >= b.snap.Size() { // decided in this very batch: its verdict is on the way
		return
	}
	leaf, raw, err := b.entryAt(index)
	if err != nil {
		b.cfg.Log.Error().Err(err).Int64("entry", index).Msg("old verdict not readable")
		return
	}
	d, err := entry.ParseDetail(raw)
	if err != nil {
		return
	}
	b.send(batch, from, index, envelope.VerdictFrame(index, leaf, d.Verdict()))
}

// forward passes an entry that changes the register to those whose Snapshot needs it.
func (b *Broker) forward(batch *batch, e line) {
	all, some := batch.snap.Readers(e.index, e.detail)
	frame := envelope.EntryFrame(e.index, e.bytes, e.raw)
	if all {
		batch.add(subject.RegistryAll, frame)
		batch.owed = append(batch.owed, owed{subject.RegistryAll, e.index})
		return
	}
	for _, id := range some {
		a := batch.snap.Agency(id)
		if a == nil {
			continue
		}
		if reg, err := subject.Registry(a.Account); err == nil {
			batch.add(reg, frame)
			batch.owed = append(batch.owed, owed{reg, e.index})
		}
	}
}

// receipts passes a recipient's signed "stored up to here" to the senders of what it covers.
func (b *Broker) receipts(batch *batch, by fairlead.AgencyID, before *registry.Snapshot, s *envelope.Bound) {
	for _, id := range before.Senders(by, before.Heard(by), batch.snap.Heard(by)) {
		a := batch.snap.Agency(id)
		if out, err := subject.Out(a.Jurisdiction, a.Account); err == nil {
			batch.later = append(batch.later, bus.OutMsg{Subject: out, Data: envelope.ReceiptFrame(s.Share)})
		}
	}
	batch.addLater()
}

// maxReceipts is how many receipts one turn adds to a batch; an agency that was away for long may
// acknowledge the shares of a thousand senders at once.
const maxReceipts = 256

// addLater adds as many of the waiting receipts as one turn may.
func (b *batch) addLater() {
	n := min(len(b.later), maxReceipts)
	if b.full() {
		n = 0
	}
	for _, m := range b.later[:n] {
		b.add(m.Subject, m.Data)
	}
	b.later = b.later[n:]
}

// announce tells a party that an agreement is active.
func (b *Broker) announce(batch *batch, n registry.Announcement, now time.Time) {
	n.Due = []policy.Due{policy.ReviewDue(batch.snap.Law(), now)}
	b.notify(batch, n.To, "agreement.status", n, now)
}

// stop makes the next notice that the end of a consent owes, and puts tombstones where it deletes; false: none
// is owed, or it could not be made.
func (b *Broker) stop(batch *batch, now time.Time) bool {
	n, ok := batch.snap.Owed()
	if !ok {
		return false
	}
	order, ok := b.notify(batch, n.To, "consent.withdraw", n, now)
	if !ok {
		return false
	}
	for _, s := range n.Shares {
		b.bury(batch, order, s.Share)
	}
	return true
}

// notify makes a notice of the hub to one agency, and tells its entry. It has no signer: its proof is its
// signature.
func (b *Broker) notify(batch *batch, id fairlead.AgencyID, kind string, record any, now time.Time) (int64, bool) {
	to := batch.snap.Agency(id)
	if to == nil {
		return 0, false
	}
	text, err := json.Marshal(record)
	if err != nil {
		return 0, false
	}
	h, err := b.noticeHeader(id, kind, text, now)
	if err != nil {
		b.cfg.Log.Error().Err(err).Msg("notice not made")
		return 0, false
	}
	l := entry.Leaf{Class: entry.ClassNotice, Outcome: entry.OutcomeDelivered, At: now, Share: h.ID, From: fairlead.Hub, To: id, Counter: batch.snap.Counter(id) + 1}
	raw, err := json.Marshal(h)
	if err != nil {
		return 0, false
	}
	e, err := batch.append(l, &entry.Detail{Notice: &entry.Notice{Header: raw, Record: text}})
	if err != nil {
		b.cfg.Log.Error().Err(err).Msg("notice does not fold")
		return 0, false
	}
	// The whole entry goes out: it folds into the recipient's Snapshot and shows who is told what.
	b.send(batch, to, e.index, envelope.EntryFrame(e.index, e.bytes, e.raw))
	return e.index, true
}

func (b *Broker) noticeHeader(to fairlead.AgencyID, kind string, record []byte, now time.Time) (*envelope.Header, error) {
	sections, err := envelope.Fill(nil)
	if err != nil {
		return nil, err
	}
	return &envelope.Header{
		V: envelope.Version, ID: fairlead.NewShareID(), Kind: kind, Status: fairlead.StatusActual,
		From: envelope.From{Agency: fairlead.Hub, Role: "BROKER_OPERATOR", User: "hub"}, To: envelope.To{Agency: to},
		SentAt: fairlead.At(now), ValidUntil: fairlead.At(now.AddDate(0, 0, 30)), Record: envelope.RecordDigest(record), Sections: sections,
		Seen: envelope.Seen{Size: b.head.tree.N, Root: fairlead.Digest(b.head.tree.Hash)},
	}, nil
}

// refuseUnread records a submission that could not be read: the first of an account in a minute makes
// an entry and a verdict at once, those after it are counted, so that rubbish cannot fill the log.
func (b *Broker) refuseUnread(batch *batch, a *arrival, now time.Time) {
	u := batch.unread[a.account] // of this minute, or zero: flushUnread ran before
	u.minute = now.Truncate(time.Minute)
	if u.seen {
		u.more, u.cause, u.digest = u.more+1, a.cause, a.digest
		batch.unread[a.account] = u
		return
	}
	u.seen = true
	batch.unread[a.account] = u
	if e, ok := b.appendUnread(batch, a.account, u.minute, 1, a.digest, a.cause, now); ok {
		b.sendVerdict(batch, e, a.account)
	}
}

// maxUnproved is how many refusals of a sender not established (P00) one account makes entries of in a
// minute: enough for a program whose clock is wrong, which sends again, and not enough to fill the log.
const maxUnproved = 16

// crowded counts a refusal whose sender was not established, and reports whether it makes no entry of its own.
func (b *Broker) crowded(batch *batch, a *arrival, now time.Time) bool {
	causes := a.ent.Decision.Causes
	i := slices.IndexFunc(causes, func(c policy.Cause) bool { return c.Check == "P00" })
	if i < 0 {
		return false
	}
	u := batch.unread[a.account]
	u.minute = now.Truncate(time.Minute)
	u.unproved++
	if u.unproved > maxUnproved {
		u.more, u.cause, u.digest = u.more+1, causes[i], a.ent.Digest
	}
	batch.unread[a.account] = u
	return u.unproved > maxUnproved
}

// flushUnread closes the counts of minutes that have passed.
func (b *Broker) flushUnread(batch *batch, now time.Time) {
	var passed []fairlead.Account
	for account, u := range batch.unread {
		if !u.minute.Equal(now.Truncate(time.Minute)) {
			passed = append(passed, account)
		}
	}
	slices.Sort(passed)
	for _, account := range passed {
		if batch.full() { // the others come with the next one
			return
		}
		u := batch.unread[account]
		delete(batch.unread, account)
		if u.more > 0 {
			b.appendUnread(batch, account, u.minute, u.more, u.digest, u.cause, now)
		}
	}
}

func (b *Broker) appendUnread(batch *batch, account fairlead.Account, minute time.Time, count int, digest fairlead.Digest, cause policy.Cause, now time.Time) (line, bool) {
	l := entry.Leaf{Class: entry.ClassUnparsed, Outcome: entry.OutcomeNotDelivered, At: now}
	if from := batch.snap.ByAccount(account); from != nil {
		l.From = from.ID
	}
	rand.Read(l.Share[:]) //nolint:errcheck // crypto/rand never fails; an unreadable submission has no id
	e, err := batch.append(l, &entry.Detail{Unparsed: &entry.Unparsed{Account: account, Minute: fairlead.At(minute), Count: count, Digest: digest, Cause: cause}})
	return e, err == nil
}
