package client

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"fairlead/internal/entry"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/policy"
)

// Recall is what the sender of a message asks, and what was answered here.
type Recall struct {
	Notice fairlead.ShareID  `json:"notice"`
	From   fairlead.AgencyID `json:"from"`
	Reason string            `json:"reason"`
	Action string            `json:"action"`
	Danger bool              `json:"danger"`
	At     string            `json:"at"`
	Answer string            `json:"answer,omitempty"` // state of the confirmation; "" before a person gave it
}

// RecallDraft is the draft by which this agency asks for a share back, of which its recipient may still have
// to be told. It is urgent: what is asked back at all is asked back now.
func (c *Client) RecallDraft(id fairlead.ShareID, reason, action string, danger bool) (*Draft, error) {
	s, err := c.Sent(id)
	if err != nil {
		return nil, err
	}
	return &Draft{
		Kind: "recall.notice", To: []string{string(s.To)}, ReplyTo: id, Urgency: fairlead.UrgencyImmediate,
		Facts: map[string]string{"reason": reason, "action": action, "danger": strconv.FormatBool(danger)},
	}, nil
}

// EscalationDraft is the draft by which a party of a share takes it one level up at the other party.
func (c *Client) EscalationDraft(id fairlead.ShareID, level string) (*Draft, error) {
	d := &Draft{Kind: "escalation", ReplyTo: id, Facts: map[string]string{"level": level}}
	if m, err := c.Message(id); err == nil {
		d.To = []string{string(m.Header.From.Agency)}
		return d, nil
	}
	s, err := c.Sent(id)
	if err != nil {
		return nil, err
	}
	d.To = []string{string(s.To)}
	return d, nil
}

// PermissionDraft is the draft by which this agency lets the recipient of a share pass sections of it on.
func (c *Client) PermissionDraft(g policy.Grant) (*Draft, error) {
	s, err := c.Sent(g.Share)
	if err != nil {
		return nil, err
	}
	return recordDraft("onward.permission", s.To, g)
}

// recordDraft is the draft of a control message with a clear record.
func recordDraft(kind string, to fairlead.AgencyID, record any) (*Draft, error) {
	raw, err := json.Marshal(record)
	return &Draft{Kind: kind, To: []string{string(to)}, Record: raw}, err
}

// noteOwnRecall marks a share of ours as recalled, when the log says that the recall was delivered.
func (t *taking) noteOwnRecall(v *entry.Verdict, frame []byte) error {
	if stateOf(v.Result) != Recorded {
		return nil
	}
	s, err := envelope.ParseShare(frame)
	if err != nil {
		return err
	}
	h, err := envelope.ParseHeader(s.Header)
	if err != nil || h.Kind != "recall.notice" {
		return err
	}
	_, err = t.tx.Exec(`UPDATE outbox SET state = ?, updated = ? WHERE id = ? AND recipient = ?`, string(Recalled), t.stamp(), h.ReplyTo.String(), string(h.To.Agency))
	return err
}

// noteRecall marks what the sender of a message asks back; its content is hidden until a person answers.
func (t *taking) noteRecall(index int64, h *envelope.Header, leaf entry.Leaf) error {
	if h.Kind != "recall.notice" {
		return nil
	}
	var sender string
	err := t.tx.QueryRow(`SELECT sender FROM inbox WHERE id = ?`, h.ReplyTo.String()).Scan(&sender)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if err == nil && sender != string(h.From.Agency) {
		return t.alarm(policy.AlarmFalse, index, leaf.Marshal(), "share %s recalls what %s did not send: the hub let it through", h.ID, h.From.Agency)
	}
	_, err = t.tx.Exec(`INSERT OR IGNORE INTO recalls (share, notice, sender, reason, action, danger, at) VALUES (?,?,?,?,?,?,?)`,
		h.ReplyTo.String(), h.ID.String(), string(h.From.Agency), h.Facts["reason"], h.Facts["action"], h.Facts["danger"], leaf.At.Format(time.RFC3339))
	return err
}

// Recalled finds what is asked of a message, or nil.
func (c *Client) Recalled(id fairlead.ShareID) (*Recall, error) {
	var r Recall
	var notice, danger string
	err := c.db.QueryRow(`SELECT notice, sender, reason, action, danger, at, answer FROM recalls WHERE share = ?`, id.String()).
		Scan(&notice, &r.From, &r.Reason, &r.Action, &danger, &r.At, &r.Answer)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	r.Danger = danger == "true"
	r.Notice, err = fairlead.ParseShareID(notice)
	return &r, err
}

// keeps are the answers after which the content stays here, shut: a court or a person decides what follows.
var keeps = []string{"quarantined", "refused_legal_hold"}

// erases reports whether the local content goes with an answer. What was already used or passed on is deleted
// as well, where that was asked.
func (r *Recall) erases(state string) bool {
	return state == "deleted" || !slices.Contains(keeps, state) && (r.Action == "delete" || r.Action == "return")
}

// AnswerRecall sends a person's answer to a recall of message id, and does here, in the same transaction, what
// it says: the content is deleted, or set aside. d is the draft of role, user and the page on the harm, if any.
func (c *Client) AnswerRecall(id fairlead.ShareID, state string, d *Draft) (fairlead.ShareID, error) {
	r, err := c.Recalled(id)
	switch {
	case err != nil:
		return fairlead.ShareID{}, err
	case r == nil:
		return fairlead.ShareID{}, fmt.Errorf("%w: nobody has asked for %s back", ErrUnknownShare, id)
	case r.Answer != "":
		return fairlead.ShareID{}, fmt.Errorf("%w, and it was answered: %s", ErrRecalled, r.Answer)
	}
	d.Kind, d.To, d.ReplyTo, d.Facts = "recall.confirmation", []string{string(r.From)}, r.Notice, map[string]string{"state": state}
	ids, err := c.Send(d)
	if err != nil {
		return fairlead.ShareID{}, err
	}
	return ids[0], nil
}

// answers does here what a confirmation says, in the transaction that queues it.
func (c *Client) answers(d *Draft) func(*sql.Tx) error {
	return func(tx *sql.Tx) error {
		if d.Kind != "recall.confirmation" {
			return nil
		}
		var r Recall
		var share string
		err := tx.QueryRow(`SELECT share, action FROM recalls WHERE notice = ? AND answer = ''`, d.ReplyTo.String()).Scan(&share, &r.Action)
		if errors.Is(err, sql.ErrNoRows) {
			return nil // the hub refuses it
		}
		if err != nil {
			return err
		}
		state := d.Facts["state"]
		if _, err := tx.Exec(`UPDATE recalls SET answer = ? WHERE share = ?`, state, share); err != nil || !r.erases(state) {
			return err
		}
		return emptyMessage(tx, share)
	}
}

// forgetJournal writes the store's journal back and cuts it, so that what was deleted lies nowhere.
func (c *Client) forgetJournal() error {
	_, err := c.db.Exec(`PRAGMA wal_checkpoint(TRUNCATE)`)
	return err
}

// emptyMessage deletes the sections of a message. Header, leaf and proof stay: that it came is on record.
func emptyMessage(tx *sql.Tx, id string) error {
	var frame []byte
	err := tx.QueryRow(`SELECT frame FROM inbox WHERE id = ?`, id).Scan(&frame)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	d, err := envelope.ParseDelivery(frame)
	if err != nil {
		return err
	}
	d.Share.Parts = nil
	_, err = tx.Exec(`UPDATE inbox SET frame = ? WHERE id = ?`, d.Marshal(), id)
	return err
}

// shut says why the content of a message is not shown, or nothing.
func (c *Client) shut(id fairlead.ShareID) error {
	r, err := c.Recalled(id)
	switch {
	case err != nil || r == nil:
		return err
	case r.Answer == "":
		return fmt.Errorf("%w: %s, %s, to %s; answer first: fairlead recall answer %s STATE", ErrRecalled, r.From, r.Reason, r.Action, id)
	case r.erases(r.Answer):
		return fmt.Errorf("%w: its content was deleted here (%s)", ErrRecalled, r.Answer)
	}
	return fmt.Errorf("%w: its content is set aside (%s)", ErrRecalled, r.Answer)
}
