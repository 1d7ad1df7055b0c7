package client

import (
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"fairlead/internal/bus"
	"fairlead/internal/entry"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/policy"
	"fairlead/internal/registry"
)

// advance counts one delivery. A number that is ahead of the next waits: the missing one may have been
// deleted by order, and its tombstone then follows. Until it does nothing more is acknowledged as stored.
func (t *taking) advance(index int64, counter uint64, leaf []byte) error {
	p, err := readPosition(t.tx)
	if err != nil {
		return err
	}
	if counter <= p.Counter {
		return t.gapAlarm(leaf, index, counter, p.Counter)
	}
	if _, err := t.tx.Exec(`INSERT OR IGNORE INTO ahead VALUES (?, ?, ?)`, counter, index, leaf); err != nil {
		return err
	}
	return t.countOn(p)
}

func (t *taking) gapAlarm(leaf []byte, index int64, counter, before uint64) error {
	return t.alarm(policy.AlarmGap, index, leaf, "entry %d: delivery %d arrived after delivery %d: something was withheld, hidden or delivered twice", index, counter, before)
}

// countOn moves the position over every number that has come.
func (t *taking) countOn(p position) error {
	for {
		var leaf []byte
		err := t.tx.QueryRow(`SELECT leaf FROM ahead WHERE counter = ?`, p.Counter+1).Scan(&leaf)
		if errors.Is(err, sql.ErrNoRows) {
			return writePosition(t.tx, p)
		}
		if err != nil {
			return err
		}
		h := sha256.New()
		h.Write(p.Rolling[:])
		h.Write(leaf)
		p.Counter, p.Rolling = p.Counter+1, fairlead.Digest(h.Sum(nil))
		if _, err := t.tx.Exec(`DELETE FROM ahead WHERE counter = ?`, p.Counter); err != nil {
			return err
		}
	}
}

// takeTombs parks each of the tombstones that stand together, as if it had come alone.
func (t *taking) takeTombs(m bus.Message) error {
	tombs, err := envelope.ParseTombs(m.Data)
	if err != nil {
		return t.alarm(policy.AlarmMalformed, 0, m.Data, "message %d from the hub: %v", m.Sequence, err)
	}
	for _, stone := range tombs.Stones() {
		if _, err := t.tx.Exec(`INSERT OR IGNORE INTO parked VALUES (?, ?, ?, ?)`, stone.Index, int(envelope.TypeTomb), stone.Marshal(), onWire(time.Now())); err != nil {
			return err
		}
	}
	return nil
}

// tooEarly reports whether a frame is a tombstone whose order is here and waits for its proof: who takes everything again
// meets the proof of the delivery first.
func (t *taking) tooEarly(kind envelope.Type, frame []byte) (wait bool, err error) {
	if kind != envelope.TypeTomb {
		return false, nil
	}
	tomb, err := envelope.ParseTombstone(frame)
	if err != nil {
		return false, nil //nolint:nilerr // admitTomb says so
	}
	err = t.tx.QueryRow(`SELECT EXISTS (SELECT 1 FROM parked WHERE idx = ? AND type IN (?, ?))`, tomb.Order, int(envelope.TypeEntry), int(envelope.TypeDelivery)).Scan(&wait)
	return wait, err
}

// admitTomb takes a tombstone in the place of a delivery: the delivery is in the log, and what ordered it
// deleted has come here with a proof of its own, from who may order it.
func (t *taking) admitTomb(index int64, leaf entry.Leaf, frame []byte) error {
	tomb, err := envelope.ParseTombstone(frame)
	if err != nil {
		return t.faulty(index, frame, err)
	}
	if leaf.To != t.cfg.Agency || leaf.Outcome != entry.OutcomeDelivered {
		return t.alarm(policy.AlarmFalse, index, frame, "entry %d: a tombstone for what was not delivered to this agency", index)
	}
	if err := t.ordered(tomb, leaf); err != nil {
		return t.alarm(policy.AlarmGap, index, frame, "entry %d: delivery %d was deleted: %v", index, leaf.Counter, err)
	}
	var known bool
	if err := t.tx.QueryRow(`SELECT EXISTS (SELECT 1 FROM inbox WHERE idx = ?) OR EXISTS (SELECT 1 FROM erased WHERE idx = ?)`, index, index).Scan(&known); err != nil || known {
		return err // it is stored here all the same, and its order was noted with it; or the tombstone comes again
	}
	if _, err := t.tx.Exec(`INSERT OR IGNORE INTO erased VALUES (?, ?, ?, ?, ?)`,
		leaf.Counter, index, leaf.Share.String(), string(leaf.From), tomb.Order); err != nil {
		return err
	}
	return t.advance(index, leaf.Counter, leaf.Marshal())
}

// ordered checks that the entry which ordered a deletion was delivered here, and that it could: it is the
// sender's own recall of the share, or a notice of the hub that names it, or an act of the hub after this agency
// had stored it.
func (t *taking) ordered(tomb *envelope.Tombstone, leaf entry.Leaf) error {
	order := tomb.Order
	if e, at, err := t.emptying(order); err != nil {
		return err
	} else if e != nil {
		return t.emptied(e, at, tomb, leaf)
	}
	m, err := scanMessage(t.tx.QueryRow(inboxColumns+` WHERE idx = ?`, order))
	if errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("entry %d, which is said to have ordered it, was never delivered here", order)
	}
	if err != nil {
		return err
	}
	switch from := m.Header.From.Agency; {
	case m.Header.Kind == "recall.notice" && from == leaf.From && m.Header.ReplyTo == leaf.Share && m.Header.Facts["action"] != "correct":
		return nil
	case from == fairlead.Hub && stops(m.Record, leaf.Share):
		return nil
	}
	return fmt.Errorf("entry %d is no recall of it by its sender, and no notice of the hub that it was", order)
}

// stops reports whether the record of a notice says that a share was deleted.
func stops(record json.RawMessage, id fairlead.ShareID) bool {
	stop, err := registry.ParseStop(record)
	if err != nil {
		return false
	}
	for _, s := range stop.Shares {
		if s.Share == id && s.Deleted {
			return true
		}
	}
	return false
}

// watchGaps alarms where a number or a proof is missing and the hub has nothing more to say: it is called when all
// that the hub had was taken. A payload is deleted after its tombstone was written, so whoever finds the gap finds
// the tombstone too; its proof may still be on the way.
func (c *Client) watchGaps() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	tx, err := c.db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after Commit it does nothing
	t := &taking{Client: c, tx: tx, snap: c.snap, tree: c.tree}
	if err := errors.Join(t.watchGap(), t.watchUnproved()); err != nil {
		return err
	}
	return tx.Commit()
}

func (t *taking) watchGap() error {
	var counter uint64
	var index int64
	var leaf []byte
	err := t.tx.QueryRow(`SELECT counter, idx, leaf FROM ahead ORDER BY counter LIMIT 1`).Scan(&counter, &index, &leaf)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	p, err := readPosition(t.tx)
	if err != nil {
		return err
	}
	if parked, err := t.parkedTomb(p.Counter, counter); err != nil || parked {
		return err
	}
	return t.gapAlarm(leaf, index, counter, p.Counter)
}

// headsToProve is within how many checkpoints the hub hands out every proof: it sends the proofs with the
// checkpoint, and what does not fit into a batch with the next. They are counted from where the number was missed first,
// which no word of the hub puts off.
const headsToProve = 3

// parkedTomb reports whether a tombstone for a number between two waits for its proof, and may.
func (t *taking) parkedTomb(after, before uint64) (bool, error) {
	frames, err := t.frames(envelope.TypeTomb)
	if err != nil {
		return false, err
	}
	explains := func(frame []byte) bool {
		tomb, err := envelope.ParseTombstone(frame)
		if err != nil {
			return false
		}
		l, err := entry.ParseLeaf(tomb.Leaf)
		return err == nil && l.To == t.cfg.Agency && l.Counter > after && l.Counter < before
	}
	if !slices.ContainsFunc(frames, explains) {
		return false, nil
	}
	if _, err := t.tx.Exec(`INSERT OR IGNORE INTO missed VALUES (?, ?)`, after+1, t.tree.N); err != nil {
		return false, err
	}
	var heads int
	err = t.tx.QueryRow(`SELECT count(*) FROM heads WHERE size > (SELECT since FROM missed WHERE counter = ?)`, after+1).Scan(&heads)
	return heads < headsToProve, err
}

// frames lists what is parked of a type.
func (t *taking) frames(kind envelope.Type) (list [][]byte, err error) {
	rows, err := t.tx.Query(`SELECT frame FROM parked WHERE type = ?`, int(kind))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var frame []byte
		if err := rows.Scan(&frame); err != nil {
			return nil, err
		}
		list = append(list, frame)
	}
	return list, rows.Err()
}

// Erased lists the log entries of what was delivered to this agency and deleted before it was stored in this folder.
func (c *Client) Erased() ([]int64, error) {
	rows, err := c.db.Query(`SELECT idx FROM erased ORDER BY counter`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []int64
	for rows.Next() {
		var index int64
		if err := rows.Scan(&index); err != nil {
			return nil, err
		}
		list = append(list, index)
	}
	return list, rows.Err()
}
