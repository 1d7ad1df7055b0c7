package client

import (
	"encoding/json"
	"slices"

	"fairlead/internal/entry"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/keyring"
	"fairlead/internal/policy"
	"fairlead/internal/registry"
	"fairlead/internal/tlog"
)

func (w *world) registerEntry(action string, record any) (entry.Leaf, *entry.Detail) {
	w.t.Helper()
	raw, err := json.Marshal(record)
	w.check(err)
	l := entry.Leaf{Class: entry.ClassRegister, Outcome: entry.OutcomeControl, At: w.now, Share: fairlead.NewShareID(), From: fairlead.Hub, To: fairlead.Hub}
	return l, &entry.Detail{Register: &entry.Register{Action: action, Record: raw}}
}

// append logs an entry that the register allows.
func (w *world) append(l entry.Leaf, d *entry.Detail) line {
	w.t.Helper()
	d.Commit(&l, d.Marshal())
	next, err := w.snap.Fold(l, d)
	w.check(err)
	w.snap = next
	return w.record(l, d)
}

// record logs an entry whether the register allows it or not.
func (w *world) record(l entry.Leaf, d *entry.Detail) line {
	w.t.Helper()
	e := line{index: w.log.Size(), detail: d, raw: d.Marshal()}
	d.Commit(&l, e.raw)
	if w.bend != nil {
		w.bend(&l)
	}
	e.leaf, e.bytes = l, l.Marshal()
	w.put(e.bytes)
	return e
}

// put logs a leaf, and tells its index.
func (w *world) put(leaf []byte) int64 {
	w.t.Helper()
	w.leaves = append(w.leaves, leaf)
	w.check(w.log.Append(leaf))
	return w.log.Size() - 1
}

// allow bends a decision so that whatever is asked is delivered.
func (w *world) allow(d *policy.Decision) {
	d.Result, d.Ground, d.Causes = fairlead.Delivered, fairlead.GroundControl, nil
}

// hand puts a frame before an agency; a proof of its entry is due with the next checkpoint.
func (a *agency) hand(index int64, frame []byte) {
	a.out = append(a.out, frame)
	a.owed = append(a.owed, index)
}

func (a *agency) handEntry(e line) { a.hand(e.index, envelope.EntryFrame(e.index, e.bytes, e.raw)) }

// forward hands an entry of the register to those who need it.
func (w *world) forward(e line) {
	all, some := w.snap.Readers(e.index, e.detail)
	if all {
		w.public = append(w.public, e)
	}
	for _, a := range w.agencies {
		if all || slices.Contains(some, a.id) {
			a.handEntry(e)
		}
	}
}

// collect decides every share that waits in an outbox, and reports how many.
func (w *world) collect() (n int) {
	w.t.Helper()
	for _, a := range w.agencies {
		n += len(w.collectFrom(a))
	}
	for _, n := range w.snap.Unannounced(w.now) {
		w.announce(n)
	}
	return n
}

func (w *world) collectFrom(a *agency) (lines []line) {
	w.t.Helper()
	for id, frame := range a.queue() {
		if !a.taken[id] {
			a.taken[id] = true
			lines = append(lines, w.decide(a, frame))
		}
	}
	return lines
}

// queue lists the frames that wait in an agency's outbox.
func (a *agency) queue() map[string][]byte {
	a.w.t.Helper()
	rows, err := a.db.Query(`SELECT id, frame FROM outbox WHERE state = 'queued'`)
	a.w.check(err)
	defer rows.Close()
	list := map[string][]byte{}
	for rows.Next() {
		var id string
		var frame []byte
		a.w.check(rows.Scan(&id, &frame))
		list[id] = frame
	}
	a.w.check(rows.Err())
	return list
}

// decide does with one share what the broker does: entry, delivery, verdict, register, receipts.
func (w *world) decide(from *agency, frame []byte) line {
	w.t.Helper()
	s, err := envelope.ParseShare(frame)
	w.check(err)
	b, err := s.Bind()
	w.check(err)
	sh := &entry.Share{
		Account: from.account, Subject: from.subject(b.H), Digest: envelope.HeaderDigest(s.Header), Header: s.Header, Signature: s.Signature,
		Record: s.Record, Descriptors: s.Descriptors(), Keys: make([]string, len(s.Parts)),
	}
	for i, p := range s.Parts {
		if sec, err := keyring.ParseSection(p.Section); err == nil {
			sh.Keys[i] = sec.Recipient.String()
		}
	}
	sh.Decision = w.snap.Decide(sh, w.now, nil)
	if w.judge != nil {
		w.judge(&sh.Decision)
	}
	l := entry.Leaf{Class: entry.ClassShare, Outcome: entry.OutcomeNotDelivered, At: w.now, Share: b.H.ID, From: from.id, To: b.H.To.Agency}
	to := w.agency(l.To)
	switch {
	case sh.Decision.Result == fairlead.Held:
		l.Outcome = entry.OutcomeHeld
	case sh.Decision.Delivers() && to == nil:
		l.Outcome = entry.OutcomeControl
	case sh.Decision.Delivers():
		l.Outcome, l.Counter = entry.OutcomeDelivered, w.snap.Counter(l.To)+1
	}
	if to == nil && l.To != fairlead.Hub {
		l.To = "" // the leaf names only who is enrolled
	}
	before := w.snap
	e := w.append(l, &entry.Detail{Share: sh})
	if sh.Decision.Delivers() && to != nil {
		to.hand(e.index, e.delivery(s).Marshal())
	}
	from.hand(e.index, envelope.VerdictFrame(e.index, e.bytes, e.detail.Verdict()))
	w.forward(e)
	for _, id := range before.Senders(from.id, before.Heard(from.id), w.snap.Heard(from.id)) {
		w.agency(id).out = append(w.agency(id).out, envelope.ReceiptFrame(s))
	}
	return e
}

// delivery is what the recipient may have of a share.
func (e line) delivery(s *envelope.Share) *envelope.Delivery {
	d := &envelope.Delivery{
		Index: e.index, Leaf: e.bytes, Salt: e.detail.SetSalt(),
		Share: envelope.Share{Header: s.Header, Signature: s.Signature, Record: s.Record},
	}
	for _, sec := range e.detail.Share.Decision.Sections {
		if sec.Delivered {
			d.Share.Parts = append(d.Share.Parts, s.Parts[sec.Part])
		}
	}
	return d
}

// announce tells a party that an agreement is active.
func (w *world) announce(n registry.Announcement) line {
	w.t.Helper()
	e := w.append(w.notice(n.To, n))
	w.agency(n.To).handEntry(e)
	return e
}

func (w *world) notice(to fairlead.AgencyID, record any) (entry.Leaf, *entry.Detail) {
	w.t.Helper()
	raw, err := json.Marshal(record)
	w.check(err)
	sections, err := envelope.Fill(nil)
	w.check(err)
	h := envelope.Header{
		V: envelope.Version, ID: fairlead.NewShareID(), Kind: "agreement.status", Status: fairlead.StatusActual,
		From: envelope.From{Agency: fairlead.Hub, Role: "BROKER_OPERATOR", User: "hub"}, To: envelope.To{Agency: to},
		SentAt: fairlead.At(w.now), ValidUntil: fairlead.At(w.now.AddDate(0, 0, 30)), Record: envelope.RecordDigest(raw), Sections: sections,
	}
	header, err := json.Marshal(h)
	w.check(err)
	l := entry.Leaf{Class: entry.ClassNotice, Outcome: entry.OutcomeDelivered, At: w.now, Share: h.ID, From: fairlead.Hub, To: to, Counter: w.snap.Counter(to) + 1}
	return l, &entry.Detail{Notice: &entry.Notice{Header: header, Record: raw}}
}

// fork is a log that has the first n entries of the world's and then others.
func (w *world) fork(n int, others ...string) *tlog.Writer {
	w.t.Helper()
	f, err := tlog.OpenWriter(w.t.TempDir(), tlog.Tree{})
	w.check(err)
	for _, leaf := range w.leaves[:n] {
		w.check(f.Append(leaf))
	}
	for _, leaf := range others {
		w.check(f.Append([]byte(leaf)))
	}
	return f
}

// prove signs a checkpoint and hands it out with every proof that is due.
func (w *world) prove() {
	w.t.Helper()
	for _, a := range w.agencies {
		a.out = append(a.out, w.headSince(a.told))
		a.told = w.log.Tree()
		for _, index := range a.owed {
			a.out = append(a.out, envelope.ProofsFrame(w.proof(index, w.signer)))
		}
		a.owed = nil
	}
}

func (w *world) checkpoint(s *tlog.Signer) []byte {
	w.t.Helper()
	cp, err := tlog.SignCheckpoint(s, w.log.Tree())
	w.check(err)
	return cp
}

// headSince announces the log as it is to one who knows an older tree.
func (w *world) headSince(old tlog.Tree) []byte {
	w.t.Helper()
	hashes, err := w.log.Consistency(old.N)
	w.check(err)
	return envelope.HeadFrame(tlog.FormatConsistency(old.N, hashes, w.checkpoint(w.signer)))
}

func (w *world) proof(index int64, s *tlog.Signer) []byte {
	w.t.Helper()
	hashes, err := w.log.Prove(index)
	w.check(err)
	return tlog.FormatProof(index, hashes, w.checkpoint(s))
}
