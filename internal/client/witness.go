package client

import (
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"fairlead/internal/envelope"
	"fairlead/internal/policy"
	"fairlead/internal/tlog"
)

// Every agency is a witness of the log: what it has proved to be one history it cosigns (C2SP tlog-cosignature), and
// hands the cosignature to the hub, which gathers a quorum. It keeps the checkpoint before the signature leaves, and
// signs in the order of the log, so it never goes back.

// keptCosignatures bounds what one Sync hands over: after a long absence only the latest checkpoints matter.
const keptCosignatures = 16

// WitnessedWithin is how long after a checkpoint its quorum may take.
const WitnessedWithin = time.Minute

func latest(list [][]byte) [][]byte { return list[max(0, len(list)-keptCosignatures):] }

// cosignTaken signs the checkpoint that was just taken, which is the largest known now.
func (t *taking) cosignTaken() error {
	if t.cfg.Witness == nil {
		return nil
	}
	signed, err := t.cfg.Witness.Cosign(t.cfg.Verifier.Origin(), t.tree, t.cfg.Now())
	t.cosigned = latest(append(t.cosigned, signed))
	return err
}

// cosign hands the hub what was cosigned. Nothing acknowledges it: as long as the log is not witnessed up to here,
// the last one is handed over again now and then.
func (c *Client) cosign() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cfg.Witness == nil || c.cfg.Conn == nil {
		return nil
	}
	if len(c.cosigned) == 0 && c.tree.N > 0 && time.Since(c.resent) > resend {
		if w, err := readWitnessed(c.db); err != nil || w.Size >= c.tree.N {
			return err
		}
		signed, err := c.cfg.Witness.Cosign(c.cfg.Verifier.Origin(), c.tree, c.cfg.Now())
		if err != nil {
			return err
		}
		c.cosigned = [][]byte{signed}
	}
	for _, signed := range c.cosigned {
		if err := c.cfg.Conn.Cosign(signed); err != nil {
			c.cfg.Log.Warn().Err(err).Msg("cosignature not handed over; that of a later checkpoint will do")
			break
		}
		c.resent = time.Now()
	}
	c.cosigned = nil
	return nil
}

// takeCosigned notes that a quorum has cosigned a checkpoint which was announced here.
func (t *taking) takeCosigned(frame []byte) error {
	checkpoint, err := envelope.ParseCosignedFrame(frame)
	if err != nil {
		return t.alarm(policy.AlarmMalformed, 0, frame, "a cosigned checkpoint from the hub is malformed: %v", err)
	}
	tree, err := tlog.OpenCheckpoint(checkpoint, t.cfg.Verifier)
	if err != nil {
		return t.alarm(policy.AlarmFalse, 0, frame, "a cosigned checkpoint from the hub: %v", err)
	}
	if !t.provedHead(tree) {
		return t.alarm(policy.AlarmRewritten, 0, checkpoint, "a checkpoint of %d entries was cosigned elsewhere and never announced here: the hub shows two logs", tree.N)
	}
	if t.cfg.Policy == nil {
		return nil
	}
	_, by, err := t.cfg.Policy.Check(checkpoint, t.cfg.Verifier)
	if errors.Is(err, tlog.ErrQuorum) {
		return nil // not enough for this agency's policy; it stays unwitnessed here
	}
	if err != nil {
		return t.alarm(policy.AlarmFalse, 0, checkpoint, "a cosigned checkpoint from the hub: %v", err)
	}
	before, err := readWitnessed(t.tx)
	if err != nil || tree.N <= before.Size {
		return err
	}
	raw, err := json.Marshal(Witnessed{Size: tree.N, By: by})
	if err != nil {
		return err
	}
	_, err = t.tx.Exec(`INSERT INTO meta VALUES ('witnessed', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value`, raw)
	return err
}

// Witnessed says how far a quorum outside the hub has seen the same log as this agency.
type Witnessed struct {
	Policy bool               `json:"policy"`         // false: this agency has no witness.policy, and cannot say
	Size   int64              `json:"size"`           // entries of the last checkpoint with a quorum
	By     []tlog.Cosignature `json:"by,omitempty"`   // whose
	Since  time.Time          `json:"since,omitzero"` // of the first checkpoint after it; zero: there is none
	Late   bool               `json:"late,omitempty"` // Since is longer ago than WitnessedWithin: an alarm
}

func readWitnessed(q queryer) (w Witnessed, err error) {
	var raw []byte
	err = q.QueryRow(`SELECT value FROM meta WHERE name = 'witnessed'`).Scan(&raw)
	if errors.Is(err, sql.ErrNoRows) {
		return w, nil
	}
	if err != nil {
		return w, err
	}
	return w, json.Unmarshal(raw, &w)
}

// Witnessed compares what a quorum has cosigned with what was announced here, at an instant.
func (c *Client) Witnessed(at time.Time) (Witnessed, error) {
	w, err := readWitnessed(c.db)
	if err != nil {
		return w, err
	}
	if w.Policy = c.cfg.Policy != nil; !w.Policy {
		return Witnessed{}, nil
	}
	var since sql.NullString
	if err := c.db.QueryRow(`SELECT min(at) FROM heads WHERE size > ?`, w.Size).Scan(&since); err != nil || !since.Valid {
		return w, err
	}
	w.Since, err = time.Parse(time.RFC3339, since.String)
	w.Late = at.Sub(w.Since) > WitnessedWithin
	return w, err
}
