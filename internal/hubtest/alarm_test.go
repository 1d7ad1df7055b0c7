package hubtest

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"fairlead/internal/entry"
	"fairlead/internal/envelope"
	"fairlead/internal/keyring"
	"fairlead/internal/keystore"
	"fairlead/internal/monitor"
	"fairlead/internal/policy"
	"fairlead/internal/tlog"
)

// otherLog is a head of a log with one entry, signed with the hub's own key: what only who holds that key can make.
func (w *World) otherLog(t testing.TB) []byte {
	t.Helper()
	keys, err := keystore.Open(filepath.Join(w.Dir, "hub", "keys"), keystore.Unsealed)
	if err != nil {
		t.Fatal(err)
	}
	defer keys.Close()
	skey, err := keys.Read("log.key")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := tlog.NewSigner(string(skey))
	if err != nil {
		t.Fatal(err)
	}
	other, err := tlog.OpenWriter(t.TempDir(), tlog.Tree{})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(other.Append([]byte("another first entry")), other.Flush()); err != nil {
		t.Fatal(err)
	}
	checkpoint, err := tlog.SignCheckpoint(signer, other.Tree())
	if err != nil {
		t.Fatal(err)
	}
	return envelope.HeadFrame(tlog.FormatConsistency(0, nil, checkpoint))
}

// TestAlarmsAreReported: what an agency's program finds is an entry of an honest hub's log, which an auditor's replay
// names; and its file shows the auditor what the log cannot.
func TestAlarmsAreReported(t *testing.T) {
	t.Parallel()
	w := New(t, Config{})
	add := func(code policy.AlarmCode, what string, bytes []byte) {
		w.inOutbox(t, Birch, func(db *sql.DB) error {
			_, err := db.Exec(`INSERT INTO alarms (at, code, idx, what, evidence) VALUES ('2027-01-04T09:00:00Z', ?, 0, ?, ?)`, string(code), what, bytes)
			return err
		})
	}
	head := w.otherLog(t)
	add(policy.AlarmRewritten, "the log was rewritten", head)
	add(policy.AlarmAct, "the operator did something", []byte("an entry"))
	if err := w.Settle(within(t)); err != nil {
		t.Fatal(err)
	}
	if n := w.Hub.Broker().Status().Alarms; n != 1 {
		t.Errorf("the hub counts %d", n)
	}
	dir := t.TempDir()
	if err := w.mirror(dir); err != nil {
		t.Fatal(err)
	}
	r, err := monitor.Replay(context.Background(), dir, "")
	if err != nil || len(r.Replay.Alarms) != 1 {
		t.Fatalf("%v, alarms on record %v", err, r.Replay.Alarms)
	}
	if got := r.Replay.Alarms[0]; got.By != Birch || got.Code != policy.AlarmRewritten || !strings.Contains(r.Words(), "alarm of BIRCH: it was shown another log") {
		t.Errorf("%v, in words:\n%s", got, r.Words())
	}
	file, err := w.Agency(Birch).Evidence()
	if err != nil {
		t.Fatal(err)
	}
	x, err := monitor.Examine(context.Background(), dir, "", file)
	if err != nil || !x.SameLog || len(x.Exhibits) != 2 || !x.Exhibits[0].Proof || x.Exhibits[1].Proof {
		t.Fatalf("%+v, %v", x, err)
	}
	if words := x.Words(); !strings.Contains(words, "PROOF: the log's key signed a log of 1 entries") || !strings.Contains(words, "the agency's word") {
		t.Errorf("in words:\n%s", words)
	}
	if _, err := monitor.Examine(context.Background(), dir, "", []byte("{}")); !errors.Is(err, entry.ErrEvidence) {
		t.Errorf("no evidence: %v", err)
	}
	signed, _, err := entry.ParseEvidence(file)
	if err != nil {
		t.Fatal(err)
	}
	if signed.Signature, err = w.Agency(Alder).Home.Key.Sign(signed.Evidence, keyring.ContextEvidence, w.Clock.Now()); err != nil {
		t.Fatal(err)
	}
	if file, err = json.Marshal(signed); err != nil {
		t.Fatal(err)
	}
	if _, err := monitor.Examine(context.Background(), dir, "", file); !errors.Is(err, entry.ErrEvidence) {
		t.Errorf("signed by another agency: %v", err)
	}
	w.inOutbox(t, Birch, func(db *sql.DB) error { // the log explains none of them to the check of this world
		_, err := db.Exec(`DELETE FROM alarms`)
		return err
	})
}
