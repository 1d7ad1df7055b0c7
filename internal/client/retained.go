package client

import (
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"fairlead/internal/entry"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/registry"
)

// emptying finds an act of the hub that deletes payloads, among what was proved here, and its time; nil: it is none.
func (t *taking) emptying(order int64) (*registry.Emptying, time.Time, error) {
	var leaf, detail []byte
	err := t.tx.QueryRow(`SELECT leaf, detail FROM register WHERE idx = ?`, order).Scan(&leaf, &detail)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, time.Time{}, nil
	}
	if err != nil {
		return nil, time.Time{}, err
	}
	return readEmptying(leaf, detail)
}

func readEmptying(leaf, detail []byte) (*registry.Emptying, time.Time, error) {
	l, err := entry.ParseLeaf(leaf)
	if err != nil {
		return nil, l.At, err
	}
	d, err := entry.ParseDetail(detail)
	if err != nil || d.Register == nil || d.Register.Action != registry.EmptyPayloads {
		return nil, l.At, err
	}
	e, err := registry.ParseEmptying(d.Register.Record)
	return e, l.At, err
}

// emptied checks an act of the hub, at an instant, that deletes what was delivered here: it names the delivery, it is
// not too early, and this agency signed itself that it had stored it.
func (t *taking) emptied(e *registry.Emptying, at time.Time, tomb *envelope.Tombstone, leaf entry.Leaf) error {
	switch {
	case e.To != t.cfg.Agency || !e.Names(registry.Payload{Entry: tomb.Index, Share: leaf.Share}):
		return fmt.Errorf("entry %d, which is said to have ordered it, does not name it", tomb.Order)
	case leaf.At.After(at.AddDate(0, 0, -e.Days)):
		return fmt.Errorf("entry %d ordered it before its %d days were over", tomb.Order, e.Days)
	case tomb.Ack == nil:
		return fmt.Errorf("no acknowledgement of this agency shows that it was stored here")
	}
	return t.ownAck(tomb.Ack, leaf.Counter)
}

// ownAck checks that this agency signed that it had stored what was delivered to it up to a number. Who has lost the
// folder that knew it has kept the key, or signed by one that it had before.
func (t *taking) ownAck(s *envelope.Share, counter uint64) error {
	b, err := s.Bind()
	if err != nil {
		return err
	}
	if ack, err := registry.ParseDeliveredAck(b.Record); err != nil || b.H.Kind != "ack" || b.H.From.Agency != t.cfg.Agency || b.H.To.Agency != fairlead.Hub || ack.Counter < counter {
		return fmt.Errorf("the acknowledgement that is to show that it was stored here is of something else")
	}
	cert := t.snap.Certificate(t.cfg.Agency)
	if cert != nil && registry.VerifyShare(cert.Signing(), b.Header, b.Signature, b.H.SentAt.Time) == nil ||
		t.snap.Formerly(t.cfg.Agency, b.Header, b.Signature, b.H.SentAt.Time) {
		return nil
	}
	return fmt.Errorf("this agency never signed the acknowledgement that is to show that it was stored here")
}

// Retained is what the hub deleted of its own after this agency had stored it.
type Retained struct {
	Days    int     `json:"days"`    // the period; 0 where all of it went with its log entries' details
	Orders  []int64 `json:"orders"`  // log entries that ordered it
	Entries []int64 `json:"entries"` // log entries of the deliveries
	Lost    []int64 `json:"lost"`    // those of them that this folder does not hold either: they came before it
}

// Retained tells what is at the hub no more: the copies here are the last ones.
func (c *Client) Retained() (Retained, error) {
	all := Retained{Orders: []int64{}, Entries: []int64{}, Lost: []int64{}}
	rows, err := c.db.Query(`SELECT idx, leaf, detail FROM register ORDER BY idx`)
	if err != nil {
		return all, err
	}
	defer rows.Close()
	for rows.Next() {
		var index int64
		var leaf, detail []byte
		if err := rows.Scan(&index, &leaf, &detail); err != nil {
			return all, err
		}
		e, _, err := readEmptying(leaf, detail)
		if err != nil {
			return all, err
		}
		if e == nil || e.To != c.cfg.Agency {
			continue
		}
		all.Days, all.Orders = max(all.Days, e.Days), append(all.Orders, index)
		for _, p := range e.Payloads {
			all.Entries = append(all.Entries, p.Entry)
		}
	}
	if err := rows.Err(); err != nil {
		return all, err
	}
	erased, err := c.Erased()
	all.Lost = append(all.Lost, slices.DeleteFunc(erased, func(i int64) bool { return !slices.Contains(all.Entries, i) })...)
	return all, err
}
