package client

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/gob"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"fairlead/internal/entry"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/keyring"
	"fairlead/internal/policy"
	"fairlead/internal/registry"
	"fairlead/internal/seal"
)

// SentShare is a share of ours and how far it has come.
type SentShare struct {
	ID         fairlead.ShareID  `json:"share"`
	To         fairlead.AgencyID `json:"to"`
	Kind       string            `json:"kind"`
	State      State             `json:"state"`
	Index      int64             `json:"index"` // log entry; -1 before the verdict
	Created    string            `json:"created"`
	Updated    string            `json:"updated"`
	ReplacedBy string            `json:"replaced_by,omitempty"`
	Verdict    *entry.Verdict    `json:"verdict,omitempty"`

	frame, draft, leaf []byte
}

const sentColumns = `SELECT id, recipient, kind, state, coalesce(idx, -1), created, updated, coalesce(replaced_by, ''), coalesce(verdict, x''), frame, coalesce(draft, x''), coalesce(leaf, x'') FROM outbox`

func scanSent(row interface{ Scan(...any) error }) (*SentShare, error) {
	var s SentShare
	var id string
	var verdict []byte
	if err := row.Scan(&id, &s.To, &s.Kind, &s.State, &s.Index, &s.Created, &s.Updated, &s.ReplacedBy, &verdict, &s.frame, &s.draft, &s.leaf); err != nil {
		return nil, err
	}
	var err error
	if s.ID, err = fairlead.ParseShareID(id); err != nil {
		return nil, err
	}
	if len(verdict) > 0 {
		s.Verdict, err = entry.ParseVerdict(verdict)
	}
	return &s, err
}

// Codes lists the section codes that were sent to this recipient.
func (s *SentShare) Codes() []fairlead.SectionCode {
	codes := []fairlead.SectionCode{}
	share, err := envelope.ParseShare(s.frame)
	if err != nil {
		return codes
	}
	for _, p := range share.Parts {
		if d, err := envelope.ParseDescriptor(p.Descriptor); err == nil && d.Code != "" {
			codes = append(codes, d.Code)
		}
	}
	return codes
}

// Sent finds one share of ours.
func (c *Client) Sent(id fairlead.ShareID) (*SentShare, error) {
	s, err := scanSent(c.db.QueryRow(sentColumns+` WHERE id = ?`, id.String()))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, ErrUnknownShare
	}
	return s, err
}

// Outbox lists the shares of ours, oldest first; acknowledgements that programs send are left out.
func (c *Client) Outbox() ([]*SentShare, error) {
	rows, err := c.db.Query(sentColumns + ` WHERE NOT (kind = 'ack' AND recipient = 'HUB') ORDER BY created, id`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	list := []*SentShare{}
	for rows.Next() {
		s, err := scanSent(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, rows.Err()
}

// Queued counts the shares of ours, those of the program included, that have no verdict yet.
func (c *Client) Queued() (n int, err error) {
	err = c.db.QueryRow(`SELECT count(*) FROM outbox WHERE state = 'queued'`).Scan(&n)
	return n, err
}

// sealedToCurrent reports whether the share was sealed to the subkey that cert names now.
func (s *SentShare) sealedToCurrent(cert *keyring.Certificate) bool {
	share, err := envelope.ParseShare(s.frame)
	if err != nil || cert == nil {
		return true
	}
	for _, p := range share.Parts {
		if sec, err := keyring.ParseSection(p.Section); err == nil && sec.Recipient != cert.Encryption() {
			return false
		}
	}
	return true
}

func (c *Client) openDraft(s *SentShare) (*Draft, error) {
	share, err := envelope.ParseShare(s.frame)
	if err != nil {
		return nil, err
	}
	h, err := envelope.ParseHeader(share.Header)
	if err != nil {
		return nil, err
	}
	raw, err := c.key().OpenOwn(s.draft, seal.Inner{Message: s.ID, Section: "DRAFT", Sender: c.cfg.Agency}, h.SentAt.Time)
	if err != nil {
		return nil, err
	}
	var d Draft
	return &d, gob.NewDecoder(bytes.NewReader(raw)).Decode(&d)
}

// Message is a share that was delivered to us, proved and verified, still sealed.
type Message struct {
	Index  int64            `json:"index"`
	Header *envelope.Header `json:"header"`
	At     string           `json:"at"`
	Acked  string           `json:"acked,omitempty"` // furthest level we have acknowledged
	Record json.RawMessage  `json:"record,omitempty"`
	Recall *Recall          `json:"recall,omitempty"` // what its sender asks, where it asks for it back

	// Stopped are sections that should not be used any more: the consent they relied on has ended.
	Stopped []fairlead.SectionCode `json:"stopped,omitempty"`

	bound *envelope.Bound
}

// Codes lists the section codes of the message.
func (m *Message) Codes() []fairlead.SectionCode {
	var codes []fairlead.SectionCode
	for _, d := range m.bound.Descriptors {
		codes = append(codes, d.Code)
	}
	return codes
}

// Controlled lists the sections that go no further without the permission of whoever sent the message.
func (m *Message) Controlled() []fairlead.SectionCode {
	return registry.Controlled(m.Header, m.bound.Descriptors)
}

const inboxColumns = `SELECT idx, at, acked, frame FROM inbox`

func scanMessage(row interface{ Scan(...any) error }) (*Message, error) {
	var m Message
	var frame []byte
	if err := row.Scan(&m.Index, &m.At, &m.Acked, &frame); err != nil {
		return nil, err
	}
	d, err := envelope.ParseDelivery(frame)
	if err != nil {
		return nil, err
	}
	if m.bound, err = d.Share.Bind(); err != nil {
		return nil, err
	}
	m.Header = m.bound.H
	if json.Valid(m.bound.Record) {
		m.Record = m.bound.Record
	}
	return &m, nil
}

// Message finds one share in the inbox. What is parked without proof is not there.
func (c *Client) Message(id fairlead.ShareID) (*Message, error) {
	m, err := scanMessage(c.db.QueryRow(inboxColumns+` WHERE id = ?`, id.String()))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, ErrUnknownShare
	}
	if err != nil {
		return nil, err
	}
	return m, c.addLater(m)
}

// addLater adds to a message what came after it: its recall, and notices to stop using it.
func (c *Client) addLater(m *Message) (err error) {
	if m.Recall, err = c.Recalled(m.Header.ID); err != nil {
		return err
	}
	m.Stopped, err = c.stopped(m.Header.ID)
	return err
}

// Inbox lists what was delivered and proved, oldest first. Exercises are in an inbox of their own.
func (c *Client) Inbox() ([]*Message, error) { return c.inbox(false) }

// Exercises lists the exercises and tests that were delivered and proved, oldest first.
func (c *Client) Exercises() ([]*Message, error) { return c.inbox(true) }

func (c *Client) inbox(exercise bool) ([]*Message, error) {
	rows, err := c.db.Query(inboxColumns+` WHERE exercise = ? ORDER BY counter`, exercise)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	list := []*Message{}
	for rows.Next() {
		m, err := scanMessage(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, m)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, err
	}
	for _, m := range list {
		if err := c.addLater(m); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// Content is an opened section.
type Content struct {
	Code    fairlead.SectionCode `json:"code"`
	Type    string               `json:"type"`
	Caveats []fairlead.Caveat    `json:"caveats,omitempty"`
	Stopped bool                 `json:"stopped,omitempty"` // please stop using it: the consent it relied on has ended
	JSON    json.RawMessage      `json:"json,omitempty"`    // content of type json
	Bytes   []byte               `json:"bytes,omitempty"`
}

// Open decrypts the sections of a message. The sender inside must be the sender outside, and each
// section must be where its descriptor says; otherwise nothing is shown.
func (c *Client) Open(id fairlead.ShareID) (*Message, []Content, error) {
	m, err := c.Message(id)
	if err != nil {
		return nil, nil, err
	}
	if err := c.shut(id); err != nil {
		return nil, nil, err
	}
	var list []Content
	for i, d := range m.bound.Descriptors {
		content := Content{Code: d.Code, Caveats: d.Caveats, Stopped: slices.Contains(m.Stopped, d.Code)}
		from := c.Snapshot().CertificateAt(m.Header.From.Agency, m.Index)
		if from == nil {
			return nil, nil, ErrRecipient
		}
		want := seal.Inner{Message: m.Header.ID, Section: string(d.Code), Sender: m.Header.From.Agency}
		raw, typ, err := c.key().Open(m.bound.Parts[i].Section, from.Signing(), want, m.Header.SentAt.Time)
		if err != nil {
			return nil, nil, fmt.Errorf("section %s: %w", d.Code, err)
		}
		content.Type = typ
		if typ == "json" && json.Valid(raw) {
			content.JSON = raw
		} else {
			content.Bytes = raw
		}
		list = append(list, content)
	}
	return m, list, nil
}

// Acknowledge sends a person's acknowledgement of a message: a share of its own, to its sender.
func (c *Client) Acknowledge(id fairlead.ShareID, level fairlead.AckLevel, role fairlead.Role, user string) (fairlead.ShareID, error) {
	if err := fairlead.CheckCode("level", level, fairlead.AckLevels); err != nil {
		return fairlead.ShareID{}, err
	}
	m, err := c.Message(id)
	if err != nil {
		return fairlead.ShareID{}, err
	}
	ids, err := c.Send(&Draft{
		Kind: "ack", Role: role, User: user, To: []string{string(m.Header.From.Agency)}, ReplyTo: id, Facts: map[string]string{"level": string(level)},
	})
	if err != nil {
		return fairlead.ShareID{}, err
	}
	_, err = c.db.Exec(`UPDATE inbox SET acked = ? WHERE id = ?`, string(level), id.String())
	return ids[0], err
}

// acknowledge tells the hub, signed, how far this program has stored what was delivered; the hub passes
// it to the senders. It also renews what was refused for lateness alone.
func (c *Client) acknowledge() error {
	if err := c.renew(); err != nil {
		return err
	}
	p, err := readPosition(c.db)
	if err != nil || p.Counter == p.Told {
		return err
	}
	record, err := json.Marshal(registry.DeliveredAck{Counter: p.Counter, Rolling: p.Rolling})
	if err != nil {
		return err
	}
	if _, err := c.Send(&Draft{
		Kind: "ack", Role: "PRACTITIONER", User: "program", To: []string{string(fairlead.Hub)},
		Facts: map[string]string{"level": string(fairlead.AckDelivered)}, Record: record,
	}); err != nil {
		return err
	}
	p.Told = p.Counter
	return writePosition(c.db, p)
}

// Wait syncs until every share has a verdict, or ctx ends.
func (c *Client) Wait(ctx context.Context, ids ...fairlead.ShareID) ([]*SentShare, error) {
	for {
		var list []*SentShare
		open := false
		for _, id := range ids {
			s, err := c.Sent(id)
			if err != nil {
				return nil, err
			}
			open = open || s.State == Queued
			list = append(list, s)
		}
		if !open {
			return list, nil
		}
		if _, err := c.Sync(ctx, waitSlice); err != nil {
			return list, err
		}
		if err := ctx.Err(); err != nil {
			return list, err
		}
	}
}

const waitSlice = 2e8 // 200 ms

// causes names reasons for a person.
func causes(list []policy.Cause) string {
	var words []string
	for _, c := range list {
		words = append(words, strings.TrimSpace(string(c.Reason)+" "+c.Where+": "+c.Advice))
	}
	return strings.Join(words, "; ")
}

// Unheard lists the recipients of shares that were delivered to them and that they have not yet said
// to have stored.
func (c *Client) Unheard() ([]fairlead.AgencyID, error) {
	rows, err := c.db.Query(`SELECT DISTINCT recipient FROM outbox WHERE state = 'recorded' AND counter > 0`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []fairlead.AgencyID
	for rows.Next() {
		var id fairlead.AgencyID
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		list = append(list, id)
	}
	return list, rows.Err()
}

// Queue is a share as it is published.
type Queue struct {
	Subject string
	Frame   []byte
}

// Publishable lists the shares that have no verdict yet, oldest first.
func (c *Client) Publishable() ([]Queue, error) {
	rows, err := c.db.Query(`SELECT subject, frame FROM outbox WHERE state = 'queued' ORDER BY created, id`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []Queue
	for rows.Next() {
		var q Queue
		if err := rows.Scan(&q.Subject, &q.Frame); err != nil {
			return nil, err
		}
		list = append(list, q)
	}
	return list, rows.Err()
}
