package gateway

import (
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"time"

	"fairlead/internal/fairlead"
)

// tables hold no content but sealed drafts. The references of cases stand in clear, for search.
const tables = `
CREATE TABLE IF NOT EXISTS people (user TEXT PRIMARY KEY, name TEXT NOT NULL, handle BLOB NOT NULL UNIQUE) STRICT;
CREATE TABLE IF NOT EXISTS passkeys (id BLOB PRIMARY KEY, user TEXT NOT NULL, credential BLOB NOT NULL, made TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS invitations (token TEXT PRIMARY KEY, user TEXT NOT NULL, until TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS sessions (token TEXT PRIMARY KEY, user TEXT NOT NULL, begun TEXT NOT NULL, seen TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS drafts (
	id TEXT PRIMARY KEY, user TEXT NOT NULL, kind TEXT NOT NULL, changed TEXT NOT NULL, version INTEGER NOT NULL,
	sealed BLOB NOT NULL, sent TEXT NOT NULL DEFAULT '', ref TEXT NOT NULL DEFAULT '') STRICT;
CREATE TABLE IF NOT EXISTS views (n INTEGER PRIMARY KEY, at TEXT NOT NULL, user TEXT NOT NULL, role TEXT NOT NULL, share TEXT NOT NULL, session TEXT NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS views_share ON views (share);
CREATE TABLE IF NOT EXISTS moves (share TEXT NOT NULL, state TEXT NOT NULL, at TEXT NOT NULL, PRIMARY KEY (share, state)) STRICT;
CREATE TABLE IF NOT EXISTS threads (
	share TEXT PRIMARY KEY, thread TEXT NOT NULL, out INTEGER NOT NULL, kind TEXT NOT NULL, peer TEXT NOT NULL, at TEXT NOT NULL,
	reply_to TEXT NOT NULL, ref TEXT NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS threads_thread ON threads (thread);
CREATE INDEX IF NOT EXISTS threads_reply ON threads (reply_to);
CREATE TABLE IF NOT EXISTS thread_keys (key TEXT PRIMARY KEY, thread TEXT NOT NULL) STRICT;
` + mismatchTables

// stamp is an instant as the store writes it.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func unstamp(s string) time.Time {
	t, _ := time.Parse(time.RFC3339, s) // written by stamp
	return t
}

// secret makes a token for a browser to keep, and its digest, which alone is stored.
func secret() (token, digest string) {
	token = rand.Text() + rand.Text()
	return token, digestOf(token)
}

func digestOf(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// Person is one of the agency's people who may sign in here. The register of staff knows the pseudonym
// and the role; the name stays in this store.
type Person struct{ User, Name string }

// AddPerson lets one of the agency's people sign in; what they may do is the register's to say.
func (g *Gateway) AddPerson(p Person) error {
	handle := make([]byte, 32)
	rand.Read(handle) //nolint:errcheck // crypto/rand never fails
	_, err := g.db.Exec(`INSERT INTO people VALUES (?, ?, ?) ON CONFLICT (user) DO UPDATE SET name = excluded.name`, p.User, p.Name, handle)
	return err
}

func (g *Gateway) persons() (list []Person, err error) {
	rows, err := g.db.Query(`SELECT user, name FROM people ORDER BY user`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var p Person
		if err := rows.Scan(&p.User, &p.Name); err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	return list, rows.Err()
}

func (g *Gateway) nameOf(user string) string {
	var name string
	if err := g.db.QueryRow(`SELECT name FROM people WHERE user = ?`, user).Scan(&name); err != nil {
		return user
	}
	return name
}

// View is one time that somebody looked at a message.
type View struct {
	At         time.Time
	User, Name string
	Role       fairlead.Role
}

// look records that somebody looks at a share now.
func (v *visit) look(share fairlead.ShareID) error {
	_, err := v.g.db.Exec(`INSERT INTO views (at, user, role, share, session) VALUES (?,?,?,?,?)`,
		stamp(v.now()), v.user, string(v.role), share.String(), v.session)
	return err
}

// looked reports whether the share was opened in this session.
func (v *visit) looked(share fairlead.ShareID) (bool, error) {
	var n int
	err := v.g.db.QueryRow(`SELECT count(*) FROM views WHERE share = ? AND session = ?`, share.String(), v.session).Scan(&n)
	return n > 0, err
}

// views lists who looked at a share, newest first.
func (g *Gateway) views(share fairlead.ShareID) (list []View, err error) {
	rows, err := g.db.Query(`SELECT at, user, role FROM views WHERE share = ? ORDER BY n DESC LIMIT 50`, share.String())
	if err != nil {
		return nil, err
	}
	for rows.Next() {
		var view View
		var at string
		if err := rows.Scan(&at, &view.User, &view.Role); err != nil {
			rows.Close()
			return nil, err
		}
		view.At = unstamp(at)
		list = append(list, view)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, err
	}
	for i := range list {
		list[i].Name = g.nameOf(list[i].User)
	}
	return list, nil
}

// none reports that a row was not there.
func none(err error) bool { return errors.Is(err, sql.ErrNoRows) }
