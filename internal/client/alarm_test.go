package client

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"fairlead/internal/bus"
	"fairlead/internal/entry"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/keyring"
	"fairlead/internal/policy"
)

// TestProvedTooLate: what is handed over without a proof is not shown, and after the maximum merge delay it is an alarm;
// a late proof still lets it in.
func TestProvedTooLate(t *testing.T) {
	w := agreedWorld(t).copy(t)
	a, b := w.agency(alder), w.agency(birch)
	id := a.send(assessment("BIRCH"))
	w.collect()
	b.feed() // the delivery, and nothing that proves it
	w.prove()
	proofs := b.withhold(envelope.TypeProofs)
	b.feed()
	b.feed()
	w.calm()
	came := func(ago time.Duration) {
		_, err := b.db.Exec(`UPDATE parked SET since = ?`, onWire(time.Now().Add(-ago)))
		w.check(err)
	}
	came(ProvedWithin / 2)
	b.feed()
	w.calm()
	came(ProvedWithin + 2*time.Second)
	for range 2 {
		b.feed()
	}
	if got := b.alarmed(); len(got) != 1 || !strings.Contains(got[0], "was handed over, and 1m0s later no checkpoint proves it") || b.sees(id) {
		t.Errorf("alarms %q, shown %v", got, b.sees(id))
	}
	b.out = append(b.out, proofs...)
	b.feed()
	if len(b.alarmed()) != 1 || !b.sees(id) {
		t.Errorf("after its proof: alarms %q, shown %v", b.alarmed(), b.sees(id))
	}
}

// TestReport: alarms go to the hub, and so on record, each once; a hub that answers with more of them is not sent
// more than one report a minute.
func TestReport(t *testing.T) {
	w := agreedWorld(t).copy(t)
	b := w.agency(birch)
	rubbish := func(text string) {
		w.check(b.takeAll([]bus.Message{{Sequence: uint64(1000 + len(text)), Data: []byte(text)}, {Sequence: uint64(2000 + len(text)), Data: []byte(text)}}))
	}
	reports := func() (list []*policy.Report) {
		w.check(b.report())
		for _, frame := range b.queue() {
			s, err := envelope.ParseShare(frame)
			w.check(err)
			if r, err := policy.ParseReport(s.Record); err == nil {
				list = append(list, r)
			}
		}
		return list
	}
	if got := reports(); len(got) > 0 {
		t.Fatalf("reports %v of nothing", got)
	}
	rubbish("one")
	got := reports()
	if len(got) != 1 || len(got[0].Alarms) != 2 || got[0].Alarms[0].Code != policy.AlarmMalformed || got[0].Alarms[0].Evidence != sha256.Sum256([]byte("one")) {
		t.Fatalf("reports %v", got)
	}
	rubbish("three")
	w.now = w.now.Add(61 * time.Second)
	if got := reports(); len(got) != 1 {
		t.Errorf("a second report while the first has no verdict: %v", got)
	}
	if decided := w.collectFrom(b); len(decided) != 1 || decided[0].detail.Share.Decision.Result != fairlead.Delivered {
		t.Errorf("the report was decided %+v", decided)
	}
	w.settle()
	if got := reports(); len(got) != 1 || len(got[0].Alarms) != 2 || got[0].Alarms[0].Evidence != sha256.Sum256([]byte("three")) {
		t.Errorf("reports %v", got)
	}
	w.settle()
	rubbish("fourth")
	if got := reports(); len(got) > 0 {
		t.Errorf("another report within a minute: %v", got)
	}
	w.now = w.now.Add(61 * time.Second)
	if got := reports(); len(got) != 1 || len(got[0].Alarms) != 2 {
		t.Errorf("reports %v", got)
	}
	w.settle()
	w.now = w.now.Add(61 * time.Second)
	if got := reports(); len(got) > 0 {
		t.Errorf("reported twice: %v", got)
	}
}

// TestNotReported: what the log itself says is not said there again.
func TestNotReported(t *testing.T) {
	for _, code := range []policy.AlarmCode{policy.AlarmAct, policy.AlarmNotOurs} {
		if slices.Contains(policy.Reported, code) {
			t.Errorf("%s is reported", code)
		}
		if _, err := policy.ParseReport([]byte(`{"alarms":[{"alarm":"` + string(code) + `","at":"2027-01-01T00:00:00Z","evidence":"` + strings.Repeat("01", 32) + `"}]}`)); err == nil {
			t.Errorf("a report of %s is taken", code)
		}
	}
}

// TestEvidence: the file holds every alarm with its bytes, signed; whoever changes it is found.
func TestEvidence(t *testing.T) {
	w := agreedWorld(t).copy(t)
	b := w.agency(birch)
	w.check(b.takeAll([]bus.Message{{Sequence: 1000, Data: []byte("rubbish")}}))
	file, err := b.Evidence()
	w.check(err)
	signed, e, err := entry.ParseEvidence(file)
	w.check(err)
	if len(e.Alarms) != 1 || string(e.Alarms[0].Bytes) != "rubbish" || e.Seen.Size != b.Tree().N || e.Agency != birch {
		t.Errorf("%+v", e)
	}
	key := w.snap.Certificate(birch).Signing()
	if err := key.Verify(signed.Evidence, signed.Signature, keyring.ContextEvidence, w.now); err != nil {
		t.Error(err)
	}
	if err := key.Verify(append(signed.Evidence, ' '), signed.Signature, keyring.ContextEvidence, w.now); err == nil {
		t.Error("a changed file still verifies")
	}
	e.Alarms[0].Bytes = []byte("another")
	signed.Evidence, err = json.Marshal(e)
	w.check(err)
	other, err := json.Marshal(signed)
	w.check(err)
	if _, _, err := entry.ParseEvidence(other); !errors.Is(err, entry.ErrEvidence) {
		t.Errorf("other bytes than those that an alarm names: %v", err)
	}
}
