package client

import (
	"errors"

	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
)

// renew makes refused shares new where the refusal says only that they came too late for the key they
// were sealed to, which the recipient has replaced meanwhile, or for the key of this agency that signed them, which
// it has replaced itself. The draft is sealed and signed again under
// an id of its own; the old share points to the new one. Nothing else is ever sent again without a person.
func (c *Client) renew() error {
	rows, err := c.db.Query(`SELECT id FROM outbox WHERE state = 'refused' AND draft IS NOT NULL AND replaced_by IS NULL AND (instr(verdict, ?) > 0 OR instr(verdict, ?) > 0)`,
		string(fairlead.ReasonKeyStale), string(fairlead.ReasonSignature))
	if err != nil {
		return err
	}
	var ids []string
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			rows.Close()
			return err
		}
		ids = append(ids, id)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return err
	}
	for _, id := range ids {
		if err := c.renewOne(id); err != nil {
			return err
		}
	}
	return nil
}

func (c *Client) renewOne(text string) error {
	id, err := fairlead.ParseShareID(text)
	if err != nil {
		return err
	}
	s, err := c.Sent(id)
	if err != nil {
		return err
	}
	if s.Verdict == nil || !c.onlyLate(s) {
		return nil
	}
	d, err := c.openDraft(s)
	if err != nil {
		return err
	}
	m, err := c.make(d, s.To)
	if err != nil {
		return err
	}
	return c.replace([]*made{m}, text)
}

// onlyLate reports whether a stale key is all that is held against the share, and the newer one, of the recipient or
// of this agency, is proved here.
func (c *Client) onlyLate(s *SentShare) bool {
	if len(s.Verdict.Causes) == 0 {
		return false
	}
	for _, cause := range s.Verdict.Causes {
		switch {
		case cause.Reason == fairlead.ReasonKeyStale && !s.sealedToCurrent(c.Snapshot().Certificate(s.To)):
		case cause.Reason == fairlead.ReasonSignature && c.signedFormerly(s):
		default:
			return false
		}
	}
	return true
}

// signedFormerly reports whether a key that this agency has replaced signed a share of its own.
func (c *Client) signedFormerly(s *SentShare) bool {
	share, err := envelope.ParseShare(s.frame)
	if err != nil {
		return false
	}
	h, err := envelope.ParseHeader(share.Header)
	return err == nil && c.Snapshot().Formerly(c.cfg.Agency, share.Header, share.Signature, h.SentAt.Time)
}
