package gateway

import (
	"database/sql"
	"fmt"
	"time"

	"fairlead/internal/client"
	"fairlead/internal/fairlead"
)

// index follows the agency's own store: which message belongs to which thread, and when each share of
// ours was seen to have come how far. It holds references and codes, no content. What a person may want
// to see now is told to the pages that wait for it.
func (g *Gateway) index() error {
	g.indexing.Lock()
	defer g.indexing.Unlock()
	tx, err := g.db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after Commit it does nothing
	if err := g.indexSent(tx); err != nil {
		return err
	}
	arrived, err := g.indexReceived(tx)
	if err != nil {
		return err
	}
	moved, err := g.noteMoves(tx)
	if err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	if arrived || moved {
		g.tell()
	}
	return nil
}

// link is a message's place in a thread.
type link struct {
	share, thread string
	out           bool
	kind, peer    string
	at            time.Time
	replyTo, ref  string
}

// indexSent takes shares of ours that are not yet in a thread, oldest first. The case's reference stands
// in the agency's own sealed copy.
func (g *Gateway) indexSent(tx *sql.Tx) error {
	from, err := newest(tx, true)
	if err != nil {
		return err
	}
	list, _, err := g.cfg.Client.Posted(client.Filter{From: from})
	if err != nil {
		return err
	}
	for i := len(list) - 1; i >= 0; i-- {
		p := list[i]
		if known, err := threadIn(tx, p.ID.String()); err != nil || known != "" {
			if err != nil {
				return err
			}
			continue
		}
		if err := g.indexOne(tx, p); err != nil {
			return err
		}
	}
	return nil
}

func (g *Gateway) indexOne(tx *sql.Tx, p client.Posted) error {
	s, err := g.cfg.Client.Sent(p.ID)
	if err != nil {
		return err
	}
	h, err := s.Header()
	if err != nil {
		return err
	}
	l := link{share: p.ID.String(), out: true, kind: p.Kind, peer: string(p.To), at: p.Created}
	if !h.ReplyTo.IsZero() {
		l.replyTo = h.ReplyTo.String()
	}
	if d, err := g.cfg.Client.OwnContent(p.ID); err == nil {
		l.ref = d.Case
	}
	keys := []string{fmt.Sprintf("sent:%s:%s:%s", p.Kind, stamp(p.Created), l.ref)} // the shares of one message
	if h.Case != "" {
		keys = append(keys, "case:"+h.Case)
	}
	if l.ref != "" {
		keys = append(keys, "ref:"+l.ref)
	}
	return place(tx, l, keys)
}

// indexReceived takes what has arrived and is not yet in a thread, and reports whether there was any.
func (g *Gateway) indexReceived(tx *sql.Tx) (news bool, err error) {
	from, err := newest(tx, false)
	if err != nil {
		return false, err
	}
	list, _, err := g.cfg.Client.Received(client.Filter{From: from})
	if err != nil {
		return false, err
	}
	for i := len(list) - 1; i >= 0; i-- {
		r := list[i]
		if known, err := threadIn(tx, r.ID.String()); err != nil || known != "" {
			if err != nil {
				return news, err
			}
			continue
		}
		m, err := g.cfg.Client.Message(r.ID)
		if err != nil {
			return news, err
		}
		l := link{share: r.ID.String(), kind: r.Kind, peer: string(r.From), at: r.At, replyTo: r.ReplyTo}
		var keys []string
		if m.Header.Case != "" {
			keys = []string{"case:" + m.Header.Case}
		}
		if err := place(tx, l, keys); err != nil {
			return news, err
		}
		news = true
	}
	return news, nil
}

// newest is when the last message of one direction was indexed. Messages of that second are looked at again.
func newest(tx *sql.Tx, out bool) (at string, err error) {
	err = tx.QueryRow(`SELECT coalesce(max(at), '') FROM threads WHERE out = ?`, out).Scan(&at)
	return at, err
}

func (g *Gateway) threadOf(share string) (thread string, err error) { return threadIn(g.db, share) }

func threadIn(q interface {
	QueryRow(query string, args ...any) *sql.Row
}, share string,
) (thread string, err error) {
	err = q.QueryRow(`SELECT thread FROM threads WHERE share = ?`, share).Scan(&thread)
	if none(err) {
		return "", nil
	}
	return thread, err
}

// place puts a message into the thread of what it answers, else of the first key that is known, else
// into one of its own; its other keys then name the same thread.
func place(tx *sql.Tx, l link, keys []string) error {
	if err := find(tx, &l.thread, `SELECT thread FROM threads WHERE share = ?`, l.replyTo); err != nil {
		return err
	}
	for _, k := range keys {
		if l.thread == "" {
			if err := find(tx, &l.thread, `SELECT thread FROM thread_keys WHERE key = ?`, k); err != nil {
				return err
			}
		}
	}
	if l.thread == "" {
		l.thread = l.share
	}
	for _, k := range keys {
		if _, err := tx.Exec(`INSERT OR IGNORE INTO thread_keys VALUES (?, ?)`, k, l.thread); err != nil {
			return err
		}
	}
	_, err := tx.Exec(`INSERT INTO threads VALUES (?,?,?,?,?,?,?,?)`, l.share, l.thread, l.out, l.kind, l.peer, stamp(l.at), l.replyTo, l.ref)
	return err
}

func find(tx *sql.Tx, into *string, query, arg string) error {
	if arg == "" {
		return nil
	}
	err := tx.QueryRow(query, arg).Scan(into)
	if none(err) {
		return nil
	}
	return err
}

// noteMoves keeps when each share was seen in each of its states; the outbox keeps only the last. It
// reports whether one about a child moved.
func (g *Gateway) noteMoves(tx *sql.Tx) (news bool, err error) {
	var since string
	if err := tx.QueryRow(`SELECT coalesce(max(at), '') FROM moves`).Scan(&since); err != nil {
		return false, err
	}
	list, _, err := g.cfg.Client.Posted(client.Filter{Since: since})
	if err != nil {
		return false, err
	}
	for _, p := range list {
		done, err := tx.Exec(`INSERT OR IGNORE INTO moves VALUES (?,?,?)`, p.ID.String(), string(p.State), stamp(p.Updated))
		if err != nil {
			return news, err
		}
		n, err := done.RowsAffected()
		if err != nil {
			return news, err
		}
		news = news || n > 0 && p.Kind != "ack" && p.State != client.Queued
	}
	return news, nil
}

// moved is when a share was first seen in a state; zero where this program did not see it.
func (g *Gateway) moved(share fairlead.ShareID, state client.State) time.Time {
	var at string
	if err := g.db.QueryRow(`SELECT at FROM moves WHERE share = ? AND state = ?`, share.String(), string(state)).Scan(&at); err != nil {
		return time.Time{}
	}
	return unstamp(at)
}
