package client

import (
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"fairlead/internal/entry"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/keyring"
	"fairlead/internal/policy"
)

// ProvedWithin is the hub's maximum merge delay: what it has committed and handed over is proved within it. It takes
// a tenth of a second on a common day.
const ProvedWithin = time.Minute

// Alarm is something that was done to this agency that it did not do, or that an honest hub does not do.
type Alarm = entry.Exhibit

// alarm keeps what was found, once, with the bytes that show it. index is the entry that it is about; 0: none.
func (t *taking) alarm(code policy.AlarmCode, index int64, evidence []byte, format string, args ...any) error {
	what := fmt.Sprintf(format, args...)
	t.cfg.Log.Error().Str("alarm", what).Msg("something was done to this agency that it did not do, or by the hub that an honest hub does not do")
	_, err := t.tx.Exec(`INSERT OR IGNORE INTO alarms (at, code, idx, what, evidence) VALUES (?, ?, ?, ?, ?)`, t.stamp(), string(code), index, what, evidence)
	return err
}

// faulty alarms on an entry, or what came with it, that cannot be true.
func (t *taking) faulty(index int64, evidence []byte, why error) error {
	return t.alarm(policy.AlarmFalse, index, evidence, "entry %d: %v", index, why)
}

// onWire is an instant of the network's timer, which runs on the machine's clock even where a story sets the other one.
func onWire(at time.Time) string { return at.UTC().Format(time.RFC3339) }

// watchUnproved alarms on what was handed over and is not proved in time, when all that the hub had was taken. It is
// not shown, and stays parked: where the hub was only late, the proof lets it in.
func (t *taking) watchUnproved() error {
	rows, err := t.tx.Query(`SELECT idx, frame FROM parked WHERE since < ? ORDER BY idx`, onWire(time.Now().Add(-ProvedWithin)))
	if err != nil {
		return err
	}
	late := map[int64][]byte{}
	for rows.Next() {
		var index int64
		var frame []byte
		if err := rows.Scan(&index, &frame); err != nil {
			rows.Close()
			return err
		}
		late[index] = frame
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return err
	}
	for index, frame := range late {
		if err := t.alarm(policy.AlarmUnlogged, index, frame, "entry %d was handed over, and %v later no checkpoint proves it: it is not shown", index, ProvedWithin); err != nil {
			return err
		}
	}
	return nil
}

// report says to the hub, and so on record, what was found since the last report. It waits until that one has its
// verdict, and for a minute: a hub that answers reports with what is false would be sent reports without end.
func (c *Client) report() error {
	var busy bool
	if err := c.db.QueryRow(`SELECT EXISTS (SELECT 1 FROM outbox WHERE kind = 'log.alarm' AND (state = 'queued' OR created > ?))`,
		c.cfg.Now().Add(-time.Minute).UTC().Format(time.RFC3339)).Scan(&busy); err != nil || busy {
		return err
	}
	list, err := c.exhibits(`WHERE report = '' ORDER BY n`)
	if err != nil {
		return err
	}
	list = slices.DeleteFunc(list, func(a Alarm) bool { return !slices.Contains(policy.Reported, a.Code) })
	if len(list) == 0 {
		return nil
	}
	list = list[:min(len(list), policy.MaxAlarms)]
	var r policy.Report
	for _, a := range list {
		r.Alarms = append(r.Alarms, a.Alarm)
	}
	record, err := json.Marshal(r)
	if err != nil {
		return err
	}
	m, err := c.make(&Draft{Kind: "log.alarm", Role: "PRACTITIONER", User: "program", To: []string{string(fairlead.Hub)}, Record: record}, fairlead.Hub)
	if err != nil {
		return err
	}
	return c.enqueueWith([]*made{m}, func(tx *sql.Tx) error {
		for _, a := range list {
			if _, err := tx.Exec(`UPDATE alarms SET report = ? WHERE what = ?`, m.header.ID.String(), a.What); err != nil {
				return err
			}
		}
		return nil
	})
}

// Alarms lists what was found, oldest first, without the bytes that show it: see Evidence.
func (c *Client) Alarms() ([]Alarm, error) {
	list, err := c.exhibits(`ORDER BY n`)
	for i := range list {
		list[i].Bytes = nil
	}
	return list, err
}

func (c *Client) exhibits(which string) ([]Alarm, error) {
	rows, err := c.db.Query(`SELECT at, code, idx, what, evidence FROM alarms ` + which)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	list := []Alarm{}
	for rows.Next() {
		var a Alarm
		var at string
		if err := rows.Scan(&at, &a.Code, &a.Entry, &a.What, &a.Bytes); err != nil {
			return nil, err
		}
		found, err := time.Parse(time.RFC3339, at)
		if err != nil {
			return nil, err
		}
		a.At, a.Evidence = fairlead.At(found), sha256.Sum256(a.Bytes)
		list = append(list, a)
	}
	return list, rows.Err()
}

// Evidence is the file for an auditor: all alarms with the bytes that show them, and the log as this agency knows it,
// signed with the agency's key.
func (c *Client) Evidence() ([]byte, error) {
	list, err := c.exhibits(`ORDER BY n`)
	if err != nil {
		return nil, err
	}
	now, tree := c.cfg.Now(), c.Tree()
	content, err := json.Marshal(entry.Evidence{
		Agency: c.cfg.Agency, At: fairlead.At(now), Log: c.cfg.Verifier.Origin(), Seen: envelope.Seen{Size: tree.N, Root: fairlead.Digest(tree.Hash)}, Alarms: list,
	})
	if err != nil {
		return nil, err
	}
	signature, err := c.key().Sign(content, keyring.ContextEvidence, now)
	if err != nil {
		return nil, err
	}
	return json.MarshalIndent(entry.SignedEvidence{Evidence: content, Signature: signature}, "", "  ")
}
