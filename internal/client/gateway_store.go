package client

import (
	"database/sql"
	"fmt"
	"strings"
	"time"

	"fairlead/internal/bus"
	"fairlead/internal/entry"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/keyring"
	"fairlead/internal/seal"
)

// Connect gives the program a connection that it was opened without. It is given once.
func (c *Client) Connect(conn *bus.Agency) {
	c.syncing.Lock()
	defer c.syncing.Unlock()
	c.cfg.Conn = conn
}

// SealOwn seals what the agency keeps for itself to its own certificate; id and name say what it is.
func (c *Client) SealOwn(id fairlead.ShareID, name string, data []byte) ([]byte, error) {
	at := c.cfg.Now()
	own, err := keyring.ReadCertificate(c.key().Certificate(), at)
	if err != nil {
		return nil, err
	}
	return c.key().Seal(own, seal.Inner{Message: id, Section: name, Sender: c.cfg.Agency, Type: "own"}, data, at)
}

// OpenOwn opens what SealOwn sealed under the same id and name, at an instant within five minutes of at.
func (c *Client) OpenOwn(id fairlead.ShareID, name string, sealed []byte, at time.Time) ([]byte, error) {
	return c.key().OpenOwn(sealed, seal.Inner{Message: id, Section: name, Sender: c.cfg.Agency}, at)
}

// Filter narrows a list. The zero value is everything.
type Filter struct {
	Share   fairlead.ShareID  // that one alone
	Kind    string            // a kind, or its beginning: "alert."
	Agency  fairlead.AgencyID // the other side
	State   string            // inbox: "open", nobody has opened it; outbox: a State
	From    string            // date (RFC 3339), first day
	Until   string            // date, last day
	Since   string            // outbox: instant (RFC 3339) from which on something became of it
	Content bool              // leave out what carries no message: acknowledgements and control kinds
	Limit   int               // 0: all
	Offset  int
}

// bare are the kinds that Filter.Content leaves out.
const bare = `('ack', 'approval', 'staff.record', 'agency.certificate', 'agreement.proposal', 'agreement.signature', 'agreement.status', 'consent.record')`

func (f Filter) where(agency, at, state string) (string, []any) {
	clauses, args := []string{"1"}, []any{}
	add := func(on bool, clause string, arg ...any) {
		if on {
			clauses, args = append(clauses, clause), append(args, arg...)
		}
	}
	add(!f.Share.IsZero(), `id = ?`, f.Share.String())
	add(f.Kind != "", `substr(kind, 1, length(?)) = ?`, f.Kind, f.Kind)
	add(f.Agency != "", agency+` = ?`, string(f.Agency))
	add(f.State != "", state+` = ?`, f.State)
	add(f.From != "", at+` >= ?`, f.From)
	add(f.Until != "", `substr(`+at+`, 1, 10) <= ?`, f.Until)
	add(f.Since != "", `updated >= ?`, f.Since)
	add(f.Content, `kind NOT IN `+bare)
	return strings.Join(clauses, " AND "), args
}

// Received is a line of the inbox, without what is sealed.
type Received struct {
	ID      fairlead.ShareID
	Index   int64
	From    fairlead.AgencyID
	Kind    string
	ReplyTo string
	At      time.Time
	Acked   string
}

// Received lists the inbox, newest first, and counts what the filter lets through.
func (c *Client) Received(f Filter) (list []Received, total int, err error) {
	where, args := f.where("sender", "at", `CASE acked WHEN '' THEN 'open' ELSE acked END`)
	if err := c.db.QueryRow(`SELECT count(*) FROM inbox WHERE `+where, args...).Scan(&total); err != nil {
		return nil, 0, err
	}
	rows, err := c.db.Query(`SELECT id, idx, sender, kind, reply_to, at, acked FROM inbox WHERE `+where+` ORDER BY counter DESC `+f.page(), args...)
	if err != nil {
		return nil, 0, err
	}
	defer rows.Close()
	for rows.Next() {
		var r Received
		var id, at string
		if err := rows.Scan(&id, &r.Index, &r.From, &r.Kind, &r.ReplyTo, &at, &r.Acked); err != nil {
			return nil, 0, err
		}
		if err := parse(&r.ID, id, &r.At, at); err != nil {
			return nil, 0, err
		}
		list = append(list, r)
	}
	return list, total, rows.Err()
}

func (f Filter) page() string {
	if f.Limit == 0 {
		return ""
	}
	return fmt.Sprintf("LIMIT %d OFFSET %d", f.Limit, f.Offset)
}

func parse(id *fairlead.ShareID, text string, at *time.Time, stamp string) (err error) {
	if *id, err = fairlead.ParseShareID(text); err != nil {
		return err
	}
	*at, err = time.Parse(time.RFC3339, stamp)
	return err
}

// Posted is a line of the outbox.
type Posted struct {
	ID      fairlead.ShareID
	To      fairlead.AgencyID
	Kind    string
	State   State
	Index   int64 // log entry; -1 before the verdict
	Created time.Time
	Updated time.Time
	Decided time.Time // when the log says it was decided; zero before the verdict
}

// Posted lists the outbox, newest first, and counts what the filter lets through. What programs send
// by themselves is left out.
func (c *Client) Posted(f Filter) (list []Posted, total int, err error) {
	where, args := f.where("recipient", "created", "state")
	where += ` AND NOT (kind = 'ack' AND recipient = 'HUB')`
	if err := c.db.QueryRow(`SELECT count(*) FROM outbox WHERE `+where, args...).Scan(&total); err != nil {
		return nil, 0, err
	}
	rows, err := c.db.Query(`SELECT id, recipient, kind, state, coalesce(idx, -1), created, updated, coalesce(leaf, x'') FROM outbox WHERE `+where+
		` ORDER BY created DESC, id DESC `+f.page(), args...)
	if err != nil {
		return nil, 0, err
	}
	defer rows.Close()
	for rows.Next() {
		p, err := scanPosted(rows)
		if err != nil {
			return nil, 0, err
		}
		list = append(list, p)
	}
	return list, total, rows.Err()
}

func scanPosted(rows *sql.Rows) (p Posted, err error) {
	var id, created, updated string
	var leaf []byte
	if err := rows.Scan(&id, &p.To, &p.Kind, &p.State, &p.Index, &created, &updated, &leaf); err != nil {
		return p, err
	}
	if err := parse(&p.ID, id, &p.Created, created); err != nil {
		return p, err
	}
	if p.Updated, err = time.Parse(time.RFC3339, updated); err != nil || len(leaf) == 0 {
		return p, err
	}
	l, err := entry.ParseLeaf(leaf)
	p.Decided = l.At
	return p, err
}

// Header is the signed header of a share of ours.
func (s *SentShare) Header() (*envelope.Header, error) {
	share, err := envelope.ParseShare(s.frame)
	if err != nil {
		return nil, err
	}
	return envelope.ParseHeader(share.Header)
}

// Arrived is the instant of the log entry that delivered the message.
func (m *Message) Arrived() time.Time {
	at, err := time.Parse(time.RFC3339, m.At)
	if err != nil {
		return time.Time{}
	}
	return at
}
