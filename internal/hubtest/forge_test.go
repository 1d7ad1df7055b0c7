package hubtest

import (
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"testing"
	"time"

	"fairlead/internal/bus"
	"fairlead/internal/client"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/keyring"
)

// forged is a share in its sender's outbox, to be made into what no honest program sends. The agency's
// own program then publishes it over its real connection and takes the verdict as for any other.
type forged struct {
	*envelope.Bound
	id      fairlead.ShareID // in the outbox
	subject string
	signAt  time.Time
	raw     bool // header and signature are as they shall be
}

// forge puts a draft for one recipient into the outbox and changes the share before it is published.
func (w *World) forge(t testing.TB, from fairlead.AgencyID, d *client.Draft, change func(*forged)) *forged {
	t.Helper()
	ids, err := w.Agency(from).Send(d)
	if err != nil || len(ids) != 1 {
		t.Fatalf("%v, %v", ids, err)
	}
	f := &forged{id: ids[0], signAt: w.Clock.Now()}
	share, err := envelope.ParseShare(w.frame(t, from, f.id))
	if err != nil {
		t.Fatal(err)
	}
	if f.Bound, err = share.Bind(); err != nil {
		t.Fatal(err)
	}
	w.inOutbox(t, from, func(db *sql.DB) error {
		return db.QueryRow(`SELECT subject FROM outbox WHERE id = ?`, f.id.String()).Scan(&f.subject)
	})
	change(f)
	if !f.raw {
		f.sign(t, w.Agency(from))
	}
	w.inOutbox(t, from, func(db *sql.DB) error {
		_, err := db.Exec(`UPDATE outbox SET frame = ?, header_digest = ?, subject = ?, recipient = ? WHERE id = ?`,
			f.Marshal(), envelope.HeaderDigest(f.Header).String(), f.subject, string(f.H.To.Agency), f.id.String())
		return err
	})
	return f
}

// sign makes header bytes and signature anew.
func (f *forged) sign(t testing.TB, a *Agency) {
	t.Helper()
	var err error
	if f.Header, err = json.Marshal(f.H); err != nil {
		t.Fatal(err)
	}
	if f.Signature, err = a.Home.Key.Sign(f.Header, keyring.ContextShare, f.signAt); err != nil {
		t.Fatal(err)
	}
}

// section puts other bytes into the place of the first section, and says so in descriptor and header.
func (f *forged) section(t testing.TB, section []byte) {
	t.Helper()
	d := *f.Descriptors[0]
	d.Digest = sha256.Sum256(section)
	f.Parts[0] = envelope.Part{Descriptor: d.Marshal(), Section: section}
	var err error
	if f.H.Sections, err = envelope.Fill(f.Share.Descriptors()); err != nil {
		t.Fatal(err)
	}
}

// withdraw takes a share out of the outbox again, for a test that publishes it by itself.
func (w *World) withdraw(t testing.TB, from fairlead.AgencyID, f *forged) {
	t.Helper()
	w.inOutbox(t, from, func(db *sql.DB) error {
		_, err := db.Exec(`DELETE FROM outbox WHERE id = ?`, f.id.String())
		return err
	})
}

func (w *World) inOutbox(t testing.TB, of fairlead.AgencyID, do func(*sql.DB) error) {
	t.Helper()
	if err := w.inStore(of, do); err != nil {
		t.Fatal(err)
	}
}

// frame is a share as its sender's outbox has it.
func (w *World) frame(t testing.TB, by fairlead.AgencyID, id fairlead.ShareID) (frame []byte) {
	t.Helper()
	w.inOutbox(t, by, func(db *sql.DB) error {
		return db.QueryRow(`SELECT frame FROM outbox WHERE id = ?`, id.String()).Scan(&frame)
	})
	return frame
}

// publish hands bytes to the intake over an agency's own connection.
func (w *World) publish(t testing.TB, from fairlead.AgencyID, on string, data []byte) {
	t.Helper()
	if err := w.Agency(from).Conn.Publish(within(t), on, data); err != nil {
		t.Fatal(err)
	}
}

// message is one message of LEDGER.
type message struct {
	on   string
	data []byte
}

// ledger is all of LEDGER, read by a connection of its own.
func (w *World) ledger(t testing.TB) (list []message) {
	t.Helper()
	who, err := w.Hub.NATS().HubUser()
	if err != nil {
		t.Fatal(err)
	}
	h, err := bus.OpenHub(within(t), bus.HubConfig{Server: w.Hub.NATS(), Seed: who.Seed, UserJWT: who.JWT})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	err = h.ReadLedger(within(t), 1, "", func(_ uint64, on string, data []byte) error {
		list = append(list, message{on, data})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}
