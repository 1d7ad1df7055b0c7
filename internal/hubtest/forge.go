package hubtest

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"fairlead/internal/client"
	"fairlead/internal/entry"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/keyring"
	"fairlead/internal/registry"
)

// Forgery is one thing that no honest program does to a share.
type Forgery string

// Forgeries that a story may play.
const (
	ForgeHeader       Forgery = "header"       // one byte of the header is changed after signing
	ForgeJurisdiction Forgery = "jurisdiction" // it is published for a State that is not the recipient's
	ForgeID           Forgery = "id"           // it is signed under the id of an earlier share
)

// errForgery is a forgery that cannot be made.
var errForgery = errors.New("forgery")

// Forge sends a draft for one recipient over the agency's own connection, forged, and returns number and entry
// that the hub made of it. earlier is the share whose id is used again.
func (w *World) Forge(ctx context.Context, from fairlead.AgencyID, d *client.Draft, how Forgery, earlier fairlead.ShareID) (int64, *Line, error) {
	a := w.Agency(from)
	ids, err := a.Send(d)
	if err != nil || len(ids) != 1 {
		return 0, nil, fmt.Errorf("%w: want one recipient, have %d shares: %w", errForgery, len(ids), err)
	}
	queue, err := a.Publishable()
	if err != nil {
		return 0, nil, err
	}
	q, before := queue[len(queue)-1], w.Hub.Broker().Status().Entries
	if err := w.alter(a, &q, how, earlier); err != nil {
		return 0, nil, err
	}
	if how == ForgeID { // the program knows the id already, and would wait in vain for the verdict on another
		err = errors.Join(w.outbox(from, `DELETE FROM outbox WHERE id = ?`, ids[0].String()), a.Conn.Publish(ctx, q.Subject, q.Frame))
	} else {
		digest, shareErr := headerDigest(q.Frame)
		err = errors.Join(shareErr, w.outbox(from, `UPDATE outbox SET frame = ?, header_digest = ?, subject = ? WHERE id = ?`, q.Frame, digest, q.Subject, ids[0].String()))
	}
	for err == nil && w.Hub.Broker().Status().Entries == before {
		_, err = w.syncAll(ctx)
		err = errors.Join(err, ctx.Err())
	}
	if err != nil {
		return 0, nil, err
	}
	l, err := w.entry(ctx, before)
	return before, l, err
}

// alter makes the forgery in a share that waits to be published.
func (w *World) alter(a *Agency, q *client.Queue, how Forgery, earlier fairlead.ShareID) error {
	share, err := envelope.ParseShare(q.Frame)
	if err != nil {
		return err
	}
	b, err := share.Bind()
	if err != nil {
		return err
	}
	switch user := []byte(b.H.From.User); how {
	case ForgeHeader:
		other := bytes.Clone(user)
		other[len(other)-1] ^= 1
		b.Header = bytes.Replace(b.Header, user, other, 1)
	case ForgeJurisdiction:
		q.Subject = registry.SubmissionSubject("HU", a.Home.Admission.Account, b.H.Kind)
	case ForgeID:
		b.H.ID = earlier
		if b.Header, err = json.Marshal(b.H); err != nil {
			return err
		}
		if b.Signature, err = a.Home.Key.Sign(b.Header, keyring.ContextShare, w.Clock.Now()); err != nil {
			return err
		}
	default:
		return fmt.Errorf("%w: %q; want header, jurisdiction or id", errForgery, how)
	}
	q.Frame = b.Marshal()
	return nil
}

func headerDigest(frame []byte) (string, error) {
	share, err := envelope.ParseShare(frame)
	if err != nil {
		return "", err
	}
	return envelope.HeaderDigest(share.Header).String(), nil
}

// outbox changes one row of an agency's outbox.
func (w *World) outbox(of fairlead.AgencyID, statement string, args ...any) error {
	return w.inStore(of, func(db *sql.DB) error {
		_, err := db.Exec(statement, args...)
		return err
	})
}

// entry reads one entry once the hub has written it all out.
func (w *World) entry(ctx context.Context, n int64) (*Line, error) {
	if err := w.Settle(ctx); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "fairlead-entry-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := w.mirror(dir); err != nil {
		return nil, err
	}
	lines, err := w.read(ctx, dir)
	if err != nil {
		return nil, err
	}
	if l := lines[n]; l.Leaf.Class == entry.ClassShare && l.Detail.Share != nil {
		return &l, nil
	}
	return nil, fmt.Errorf("%w: entry %d decides no share", errForgery, n)
}
