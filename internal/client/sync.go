package client

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"fairlead/internal/bus"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/policy"
	"fairlead/internal/registry"
	"fairlead/internal/tlog"
)

// Sync publishes what is queued, takes what has arrived (waiting up to wait for the first message),
// and acknowledges it. It returns how many messages it took. A crash anywhere repeats safely: what was
// taken and not acknowledged comes again and is known.
func (c *Client) Sync(ctx context.Context, wait time.Duration) (int, error) {
	c.syncing.Lock()
	defer c.syncing.Unlock()
	if c.cfg.Conn == nil {
		return 0, errors.New("client: offline")
	}
	if err := c.answer(ctx); err != nil { // also what a crash left unacknowledged
		return 0, err
	}
	if len(c.untaken) == 0 {
		var err error
		if c.untaken, err = c.cfg.Conn.Receive(ctx, atOnce, wait); err != nil {
			return 0, err
		}
		if len(c.untaken) == 0 {
			return 0, c.watchGaps()
		}
	}
	msgs := c.untaken // kept until they are stored: the connection hands over each but once
	if err := c.takeAll(msgs); err != nil {
		return 0, err
	}
	c.untaken = nil
	if err := c.cfg.Conn.Ack(ctx, msgs[len(msgs)-1].Sequence); err != nil {
		return len(msgs), err
	}
	return len(msgs), c.answer(ctx)
}

// atOnce is how many messages are taken in one transaction.
const atOnce = 256

// answer acknowledges what was taken and publishes what is queued.
func (c *Client) answer(ctx context.Context) error {
	if err := c.acknowledge(); err != nil {
		return err
	}
	if err := c.report(); err != nil {
		return err
	}
	if err := c.cosign(); err != nil {
		return err
	}
	return c.publish(ctx)
}

// publish sends every share that has no verdict yet, and those sent a while ago again. The hub knows a
// copy by its id and answers it with the old verdict.
func (c *Client) publish(ctx context.Context) error {
	rows, err := c.db.Query(`SELECT id, subject, frame FROM outbox WHERE state = 'queued' ORDER BY created, id`)
	if err != nil {
		return err
	}
	type item struct {
		id, subject string
		frame       []byte
	}
	var queue []item
	for rows.Next() {
		var i item
		if err := rows.Scan(&i.id, &i.subject, &i.frame); err != nil {
			rows.Close()
			return err
		}
		queue = append(queue, i)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return err
	}
	for _, i := range queue {
		if !c.due(i.id) {
			continue
		}
		if err := c.cfg.Conn.Publish(ctx, i.subject, i.frame); err != nil {
			c.forget(i.id)
			if errors.Is(err, bus.ErrFull) { // the intake holds as many of ours as it may; verdicts make room
				return nil
			}
			return fmt.Errorf("publish: %w", err)
		}
	}
	return nil
}

// resend is how long a share waits for its verdict before it is published again.
const resend = 5 * time.Second

// due notes that a share is published now, unless that was a moment ago. The timer is the network's, so
// it runs on the machine's clock even where a story sets the other one.
func (c *Client) due(id string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at, ok := c.published[id]; ok && time.Since(at) < resend {
		return false
	}
	c.published[id] = time.Now()
	return true
}

func (c *Client) forget(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.published, id)
}

// takeAll stores a run of messages in one transaction, in the order of the stream.
func (c *Client) takeAll(msgs []bus.Message) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	tx, err := c.db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after Commit it does nothing
	t := &taking{Client: c, tx: tx, snap: c.snap, tree: c.tree}
	for _, m := range msgs {
		if err := t.take(m); err != nil {
			return err
		}
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	c.snap, c.tree = t.snap, t.tree
	c.cosigned = latest(append(c.cosigned, t.cosigned...))
	return nil
}

// taking is the state of one transaction: it becomes the client's when the transaction commits.
type taking struct {
	*Client
	tx   *sql.Tx
	snap *registry.Snapshot
	tree tlog.Tree

	cosigned [][]byte // of the checkpoints taken; they leave when the transaction is on disk
}

// take sorts one message. What an honest hub does not send raises an alarm and changes nothing else.
func (t *taking) take(m bus.Message) error {
	kind, parts, err := envelope.ParseFrame(m.Data)
	if err != nil {
		return t.alarm(policy.AlarmMalformed, 0, m.Data, "message %d from the hub is not a frame: %v", m.Sequence, err)
	}
	switch kind {
	case envelope.TypeHead:
		return t.takeHead(m.Data)
	case envelope.TypeDelivery, envelope.TypeVerdict, envelope.TypeEntry, envelope.TypeTomb:
		if len(parts) < 3 || len(parts[0]) != 8 {
			return t.alarm(policy.AlarmMalformed, 0, m.Data, "message %d from the hub has no index", m.Sequence)
		}
		_, err := t.tx.Exec(`INSERT OR IGNORE INTO parked VALUES (?, ?, ?, ?)`, indexOf(parts[0]), int(kind), m.Data, onWire(time.Now()))
		return err
	case envelope.TypeTombs:
		return t.takeTombs(m)
	case envelope.TypeProofs:
		return t.takeProofs(parts)
	case envelope.TypeReceipt:
		return t.takeReceipt(m.Data)
	case envelope.TypeCosigned:
		return t.takeCosigned(m.Data)
	}
	return t.alarm(policy.AlarmMalformed, 0, m.Data, "message %d from the hub is of unknown type %d", m.Sequence, kind)
}

// takeHead follows the log: each checkpoint must be signed and extend the one before.
func (t *taking) takeHead(frame []byte) error {
	consistency, err := envelope.ParseHeadFrame(frame)
	if err != nil {
		return t.alarm(policy.AlarmMalformed, 0, frame, "a checkpoint from the hub is malformed: %v", err)
	}
	tree, err := tlog.OpenConsistency(consistency, t.tree, t.cfg.Verifier)
	if err != nil {
		if t.known(consistency) {
			return nil // a second broker announced it again
		}
		return t.alarm(policy.AlarmRewritten, 0, frame, "the log was rewritten or forked: a checkpoint does not extend the one of %d entries: %v", t.tree.N, err)
	}
	if tree == t.tree {
		return nil // the same again
	}
	t.tree = tree
	if _, err = t.tx.Exec(`INSERT OR IGNORE INTO heads VALUES (?, ?, ?)`, tree.N, tree.Hash[:], t.stamp()); err != nil {
		return err
	}
	return t.cosignTaken()
}

// known reports whether the checkpoint inside a consistency message was proved before.
func (t *taking) known(consistency []byte) bool {
	tree, err := tlog.StatedTree(consistency, t.cfg.Verifier)
	return err == nil && t.provedHead(tree)
}

func (t *taking) provedHead(tree tlog.Tree) bool {
	var root []byte
	err := t.tx.QueryRow(`SELECT root FROM heads WHERE size = ?`, tree.N).Scan(&root)
	return err == nil && bytes.Equal(root, tree.Hash[:])
}

// takeProofs shows what was parked, once its leaf is proved under a checkpoint that extends all others.
func (t *taking) takeProofs(proofs [][]byte) error {
	for _, proof := range proofs {
		index, err := tlog.ProofIndex(proof)
		if err != nil {
			if err := t.alarm(policy.AlarmMalformed, 0, proof, "a proof from the hub is malformed: %v", err); err != nil {
				return err
			}
			continue
		}
		if err := t.show(index, proof); err != nil {
			return err
		}
	}
	return nil
}

// show verifies everything parked under an index and lets it in.
func (t *taking) show(index int64, proof []byte) error {
	rows, err := t.tx.Query(`SELECT type, frame FROM parked WHERE idx = ? ORDER BY type = ?, type DESC`, index, int(envelope.TypeTomb))
	if err != nil {
		return err
	}
	type item struct {
		kind  envelope.Type
		frame []byte
	}
	var items []item
	for rows.Next() {
		var i item
		if err := rows.Scan(&i.kind, &i.frame); err != nil {
			rows.Close()
			return err
		}
		items = append(items, i)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return err
	}
	for _, i := range items {
		if wait, err := t.tooEarly(i.kind, i.frame); err != nil {
			return err
		} else if wait {
			continue // its proof comes again, after that of its order
		}
		if err := t.admit(index, i.kind, i.frame, proof); err != nil {
			return err
		}
		if _, err := t.tx.Exec(`DELETE FROM parked WHERE idx = ? AND type = ?`, index, int(i.kind)); err != nil {
			return err
		}
	}
	return nil
}

// position is how far this agency has come: the counter of the last delivery and the hash over all.
type position struct {
	Counter uint64          `json:"counter"`
	Rolling fairlead.Digest `json:"rolling"`
	Told    uint64          `json:"told"` // counter of the last acknowledgement sent
}

type queryer interface {
	QueryRow(query string, args ...any) *sql.Row
	Exec(query string, args ...any) (sql.Result, error)
}

func readPosition(q queryer) (p position, err error) {
	var raw []byte
	err = q.QueryRow(`SELECT value FROM meta WHERE name = 'position'`).Scan(&raw)
	if errors.Is(err, sql.ErrNoRows) {
		return p, nil
	}
	if err != nil {
		return p, err
	}
	return p, json.Unmarshal(raw, &p)
}

func writePosition(q queryer, p position) error {
	raw, err := json.Marshal(p)
	if err != nil {
		return err
	}
	_, err = q.Exec(`INSERT INTO meta VALUES ('position', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value`, raw)
	return err
}
