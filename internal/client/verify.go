package client

import (
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"fairlead/internal/entry"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/keyring"
	"fairlead/internal/policy"
	"fairlead/internal/registry"
	"fairlead/internal/tlog"
)

func indexOf(b []byte) int64 { return int64(binary.BigEndian.Uint64(b) & 0x7fffffffffffffff) }

// admit verifies one parked frame against its proof and stores it where it belongs.
func (t *taking) admit(index int64, kind envelope.Type, frame, proof []byte) error {
	_, parts, err := envelope.ParseFrame(frame)
	if err != nil {
		return err
	}
	leafBytes := parts[1]
	got, tree, err := tlog.OpenProof(proof, leafBytes, t.cfg.Verifier)
	if err != nil || got != index {
		return t.alarm(policy.AlarmUnlogged, index, frame, "entry %d is not in the log: it was sent off the record (%v)", index, err)
	}
	if !t.provedHead(tree) {
		return t.alarm(policy.AlarmRewritten, index, proof, "entry %d is proved under a checkpoint of %d entries that was never announced: the hub shows two logs", index, tree.N)
	}
	leaf, err := entry.ParseLeaf(leafBytes)
	if err == nil && leaf.Counter > math.MaxInt64 { // the store holds no such number
		err = fmt.Errorf("it is delivery %d, more than there can be", leaf.Counter)
	}
	if err != nil {
		return t.faulty(index, frame, err)
	}
	switch kind {
	case envelope.TypeEntry:
		return t.admitEntry(index, leaf, leafBytes, parts[2], frame, proof)
	case envelope.TypeDelivery:
		return t.admitDelivery(index, leaf, frame, proof)
	case envelope.TypeTomb:
		return t.admitTomb(index, leaf, frame)
	default:
		return t.admitVerdict(index, leaf, frame, proof)
	}
}

// admitEntry folds an entry of the register, or shows a notice of the hub.
func (t *taking) admitEntry(index int64, leaf entry.Leaf, leafBytes, detail, frame, proof []byte) error {
	if leaf.Detail != entry.DetailDigest(detail) {
		return t.alarm(policy.AlarmFalse, index, frame, "entry %d: the hub sent another detail than the one it logged", index)
	}
	var known bool
	if err := t.tx.QueryRow(`SELECT EXISTS (SELECT 1 FROM register WHERE idx = ?)`, index).Scan(&known); err != nil || known {
		return err // it came again
	}
	d, err := entry.ParseDetail(detail)
	if err != nil {
		return t.faulty(index, frame, err)
	}
	if err := t.ownKey(d, leaf); err != nil {
		return t.faulty(index, frame, err)
	}
	if err := t.authored(index, d, leaf); err != nil {
		return t.faulty(index, frame, err)
	}
	next, err := t.snap.Learn(index, leaf, d)
	if err != nil {
		return t.alarm(policy.AlarmFalse, index, frame, "entry %d cannot be true: %v", index, err)
	}
	if err := t.watchOwn(index, d, frame); err != nil {
		return err
	}
	t.snap = next
	if _, err := t.tx.Exec(`INSERT OR IGNORE INTO register VALUES (?, ?, ?)`, index, leafBytes, detail); err != nil {
		return err
	}
	if d.Notice == nil {
		return nil
	}
	s := envelope.Share{Header: d.Notice.Header, Record: d.Notice.Record}
	b, err := s.Bind()
	if err != nil || leaf.To != t.cfg.Agency || b.H.ID != leaf.Share || b.H.From.Agency != fairlead.Hub {
		return t.alarm(policy.AlarmFalse, index, frame, "entry %d: a notice of the hub that is not for this agency (%v)", index, err)
	}
	delivery := envelope.Delivery{Index: index, Leaf: leafBytes, Salt: d.SetSalt(), Share: s}
	if err := t.storeInbox(index, leaf, b.H, delivery.Marshal(), proof); err != nil {
		return err
	}
	return t.noteStops(b.H, b.Record)
}

// authored checks that a share in the register is its sender's own: the hub speaks for no agency.
func (t *taking) authored(index int64, d *entry.Detail, leaf entry.Leaf) error {
	if d.Share == nil {
		return nil
	}
	s := envelope.Share{Header: d.Share.Header, Signature: d.Share.Signature, Record: d.Share.Record}
	b, err := s.Bind()
	if err != nil {
		return err
	}
	return t.signed(index, b, leaf)
}

// ownKey alarms on an entry that names this agency and that it did not make: a key slipped in.
func (t *taking) ownKey(d *entry.Detail, leaf entry.Leaf) error {
	var cert *keyring.Certificate
	var root string
	switch {
	case d.Register != nil && (d.Register.Action == "enrol" || d.Register.Action == registry.Reenrol):
		a, err := registry.ParseAgency(d.Register.Record)
		if err != nil || a.ID != t.cfg.Agency {
			return err
		}
		root = a.Root
		if cert, err = keyring.ReadCertificate(a.Certificate, leaf.At); err != nil {
			return err
		}
	case d.Share != nil:
		h, err := envelope.ParseHeader(d.Share.Header)
		if err != nil || h.From.Agency != t.cfg.Agency || h.Kind != "agency.certificate" {
			return err
		}
		if cert, err = keyring.ReadCertificate(d.Share.Record, leaf.At); err != nil {
			return err
		}
	default:
		return nil
	}
	if cert.Fingerprint() != t.cfg.Key.Fingerprint() && !t.replaced(cert, root) {
		return fmt.Errorf("the register names a key of this agency that it never made")
	}
	return nil
}

// replaced reports whether a key of this agency is one that its own keys, which come later in the log, replace: its
// root has signed for it. After its own keys there is none that it did not make.
func (t *taking) replaced(cert *keyring.Certificate, root string) bool {
	now := t.snap.Certificate(t.cfg.Agency)
	switch {
	case now != nil && now.Fingerprint() == t.cfg.Key.Fingerprint():
		return false
	case root != "":
		return root == t.cfg.Root // by the root's signature, which the fold checks
	}
	return now != nil && now.Fingerprint() == cert.Fingerprint()
}

// admitDelivery shows a share: proof, counter, delivered set, binding and signature must all hold.
func (t *taking) admitDelivery(index int64, leaf entry.Leaf, frame, proof []byte) error {
	d, err := envelope.ParseDelivery(frame)
	if err != nil {
		return t.faulty(index, frame, err)
	}
	if leaf.To != t.cfg.Agency || leaf.Outcome != entry.OutcomeDelivered {
		return t.alarm(policy.AlarmFalse, index, frame, "entry %d: the log does not say that it was delivered to this agency", index)
	}
	if envelope.SetDigest(d.Salt, d.Share.Descriptors()) != leaf.Delivered {
		return t.alarm(policy.AlarmFalse, index, frame, "entry %d: the hub handed over another set of sections than the one it logged", index)
	}
	b, err := d.Share.Bind()
	if err != nil {
		return t.faulty(index, frame, err)
	}
	if err := t.signed(index, b, leaf); err != nil {
		return t.faulty(index, frame, err)
	}
	if slices.ContainsFunc(b.Descriptors, func(d *envelope.Descriptor) bool { return d.Audience == envelope.ForHub }) {
		return t.alarm(policy.AlarmFalse, index, frame, "entry %d: the hub handed over what its sender said to the hub alone", index)
	}
	if err := t.gossip(b.H); err != nil { // shown all the same: no sender may stop what others send
		if err := t.faulty(index, frame, err); err != nil {
			return err
		}
	}
	if err := t.storeInbox(index, leaf, b.H, frame, proof); err != nil {
		return err
	}
	if err := t.noteRecall(index, b.H, leaf); err != nil {
		return err
	}
	return t.noteAck(b, leaf)
}

// signed checks that the header is the sender's own, and of the share the entry speaks of.
func (t *taking) signed(index int64, b *envelope.Bound, leaf entry.Leaf) error {
	if b.H.ID != leaf.Share || b.H.From.Agency != leaf.From || b.H.To.Agency != leaf.To {
		return fmt.Errorf("the header is of another share than the entry")
	}
	cert := t.snap.CertificateAt(b.H.From.Agency, index)
	if cert == nil {
		return fmt.Errorf("%s sent it, and its certificate was never proved to this agency", b.H.From.Agency)
	}
	if leaf.At.Before(b.H.SentAt.Add(-registry.Skew)) || !leaf.At.Before(b.H.ValidUntil.Time) {
		return fmt.Errorf("it was decided outside the time that its sender gave it")
	}
	// Judged at the time it was sent, which the header signs: a held share is delivered later.
	return cert.Signing().Verify(b.Header, b.Signature, keyring.ContextShare, b.H.SentAt.Time)
}

// gossip compares the checkpoint the sender proved with those proved here. Every checkpoint is announced to every
// agency, in one order, and a sender's was announced before its share: one that is not known here, or with another
// root, is of a split log.
func (t *taking) gossip(h *envelope.Header) error {
	if h.Seen.Size == 0 {
		return nil
	}
	var root []byte
	err := t.tx.QueryRow(`SELECT root FROM heads WHERE size = ?`, h.Seen.Size).Scan(&root)
	if errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("split view: %s was shown a checkpoint of %d entries that was never announced to this agency: the hub shows two logs, "+
			"or that agency says what is not so", h.From.Agency, h.Seen.Size)
	}
	if err != nil {
		return err
	}
	if fairlead.Digest(root) != h.Seen.Root {
		return fmt.Errorf("split view: %s was shown another log of %d entries than this agency: the hub shows two logs, or that agency says what is not so", h.From.Agency, h.Seen.Size)
	}
	return nil
}

// storeInbox puts a share where people see it, and counts it. What came before, by the same entry, is
// not counted again.
func (t *taking) storeInbox(index int64, leaf entry.Leaf, h *envelope.Header, frame, proof []byte) error {
	var before int64
	switch err := t.tx.QueryRow(`SELECT idx FROM inbox WHERE id = ?`, h.ID.String()).Scan(&before); {
	case err == nil && before == index:
		return nil
	case err == nil:
		return t.alarm(policy.AlarmFalse, index, frame, "entry %d delivers again what entry %d delivered", index, before)
	case !errors.Is(err, sql.ErrNoRows):
		return err
	}
	if err := t.advance(index, leaf.Counter, leaf.Marshal()); err != nil {
		return err
	}
	reply := ""
	if !h.ReplyTo.IsZero() {
		reply = h.ReplyTo.String()
	}
	_, err := t.tx.Exec(`INSERT INTO inbox (id, idx, counter, sender, kind, reply_to, at, frame, leaf, proof, exercise) VALUES (?,?,?,?,?,?,?,?,?,?,?)`,
		h.ID.String(), index, leaf.Counter, string(h.From.Agency), h.Kind, reply, leaf.At.Format(time.RFC3339), frame, leaf.Marshal(), proof, h.Status != fairlead.StatusActual)
	return err
}

// noteAck moves a share of ours on when its recipient's person has signed an acknowledgement.
func (t *taking) noteAck(b *envelope.Bound, _ entry.Leaf) error {
	if b.H.Kind != "ack" {
		return nil
	}
	state := map[fairlead.AckLevel]State{fairlead.AckOpened: Opened, fairlead.AckAccepted: Accepted}[fairlead.AckLevel(b.H.Facts["level"])]
	if state == "" {
		return nil
	}
	_, err := t.tx.Exec(`UPDATE outbox SET state = ?, updated = ? WHERE id = ? AND recipient = ? AND state IN ('recorded', 'delivered', 'opened')`,
		string(state), t.stamp(), b.H.ReplyTo.String(), string(b.H.From.Agency))
	return err
}

// admitVerdict settles a share of ours: the leaf commits to the verdict's bytes and to what was delivered.
func (t *taking) admitVerdict(index int64, leaf entry.Leaf, frame, proof []byte) error {
	_, _, raw, err := envelope.ParseVerdictFrame(frame)
	if err != nil {
		return t.faulty(index, frame, err)
	}
	v, err := entry.ParseVerdict(raw)
	if err != nil || fairlead.Digest(sha256.Sum256(raw)) != leaf.Verdict {
		return t.alarm(policy.AlarmFalse, index, frame, "entry %d: the hub tells this agency another verdict than the one it logged (%v)", index, err)
	}
	var to, digest string
	var share []byte
	err = t.tx.QueryRow(`SELECT recipient, header_digest, frame FROM outbox WHERE id = ?`, v.ID.String()).Scan(&to, &digest, &share)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if err != nil {
		if leaf.Class == entry.ClassUnparsed {
			return t.alarm(policy.AlarmNotOurs, index, frame, "the hub could not read a submission of this account: %s", causes(v.Causes))
		}
		return t.alarm(policy.AlarmNotOurs, index, frame, "entry %d judges a share this agency never made", index)
	}
	if digest != v.Header.String() {
		if stateOf(v.Result) != RefusedBy {
			return t.alarm(policy.AlarmFalse, index, frame, "entry %d lets other bytes through under the id of a share of this agency", index)
		}
		return nil // a refusal of other bytes under this id; ours keeps its own verdict
	}
	if err := t.checkLeaf(v, leaf, fairlead.AgencyID(to)); err != nil {
		return t.faulty(index, frame, err)
	}
	if err := checkSet(v, leaf, share); err != nil {
		return t.faulty(index, frame, err)
	}
	if _, err = t.tx.Exec(`UPDATE outbox SET state = ?, idx = ?, counter = ?, leaf = ?, verdict = ?, proof = ?, updated = ? WHERE id = ? AND state IN ('queued', 'held')`,
		string(stateOf(v.Result)), index, leaf.Counter, leaf.Marshal(), raw, proof, t.stamp(), v.ID.String()); err != nil {
		return err
	}
	return t.noteOwnRecall(v, share)
}

func stateOf(r fairlead.Result) State {
	switch r {
	case fairlead.Delivered, fairlead.DeliveredRedacted:
		return Recorded
	case fairlead.Held:
		return HeldBy
	}
	return RefusedBy
}

// checkLeaf compares a verdict with what the log says of it: the same share, from here, to the same
// recipient, and with the same outcome.
func (t *taking) checkLeaf(v *entry.Verdict, leaf entry.Leaf, to fairlead.AgencyID) error {
	state := stateOf(v.Result)
	want := map[State]entry.Outcome{Recorded: entry.OutcomeDelivered, HeldBy: entry.OutcomeHeld, RefusedBy: entry.OutcomeNotDelivered}[state]
	if state == Recorded && to == fairlead.Hub {
		want = entry.OutcomeControl
	}
	if leaf.Outcome != want {
		return fmt.Errorf("the verdict says %s, the log another outcome", v.Result)
	}
	unknown := leaf.To == "" && state != Recorded // the log names only who is enrolled
	if leaf.Share != v.ID || leaf.From != t.cfg.Agency || leaf.To != to && !unknown {
		return fmt.Errorf("the verdict is on this agency's share, the log speaks of another one")
	}
	return nil
}

// checkSet opens the leaf's commitment with the sender's own descriptors: what the verdict says was
// delivered is what was delivered.
func checkSet(v *entry.Verdict, leaf entry.Leaf, frame []byte) error {
	s, err := envelope.ParseShare(frame)
	if err != nil {
		return err
	}
	salt, err := v.SetSaltBytes()
	if err != nil {
		return err
	}
	var set [][]byte
	for _, sec := range v.Sections {
		if sec.Delivered {
			if sec.Part < 0 || sec.Part >= len(s.Parts) {
				return fmt.Errorf("the verdict names a section that was not sent")
			}
			set = append(set, s.Parts[sec.Part].Descriptor)
		}
	}
	if envelope.SetDigest(salt, set) != leaf.Delivered {
		return fmt.Errorf("the log commits to another set of sections than the verdict says")
	}
	return nil
}

// takeReceipt moves shares on when the recipient's program has signed that it stored them.
func (t *taking) takeReceipt(frame []byte) error {
	s, err := envelope.ParseReceiptFrame(frame)
	if err != nil {
		return t.alarm(policy.AlarmMalformed, 0, frame, "a receipt from the hub is malformed: %v", err)
	}
	b, err := s.Bind()
	if err != nil {
		return t.alarm(policy.AlarmFalse, 0, frame, "a receipt from the hub: %v", err)
	}
	if t.snap.Formerly(b.H.From.Agency, s.Header, s.Signature, b.H.SentAt.Time) {
		return nil // it comes again, from before new keys; whoever has the old ones can say nothing with them
	}
	cert := t.snap.Certificate(b.H.From.Agency)
	if cert == nil || cert.Signing().Verify(s.Header, s.Signature, keyring.ContextShare, b.H.SentAt.Time) != nil {
		return t.alarm(policy.AlarmFalse, 0, frame, "a receipt that %s did not sign", b.H.From.Agency)
	}
	ack, err := registry.ParseDeliveredAck(s.Record)
	if err != nil {
		return t.alarm(policy.AlarmFalse, 0, frame, "a receipt of %s: %v", b.H.From.Agency, err)
	}
	_, err = t.tx.Exec(`UPDATE outbox SET state = 'delivered', updated = ? WHERE recipient = ? AND state = 'recorded' AND counter BETWEEN 1 AND ?`,
		t.stamp(), string(b.H.From.Agency), ack.Counter)
	return err
}
