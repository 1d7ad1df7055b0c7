package hubtest

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"fairlead/internal/bus"
	"fairlead/internal/client"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
)

// alone sends from one agency and waits for the verdicts, while nobody else's program runs.
func (w *World) alone(t testing.TB, from fairlead.AgencyID, d *client.Draft) fairlead.ShareID {
	t.Helper()
	ids, err := w.Agency(from).Send(d)
	if err != nil || len(ids) != 1 {
		t.Fatalf("%v %v", ids, err)
	}
	w.verdict(t, from, ids[0])
	return ids[0]
}

func (w *World) verdict(t testing.TB, from fairlead.AgencyID, id fairlead.ShareID) {
	t.Helper()
	if list, err := w.Agency(from).Wait(within(t), id); err != nil || list[0].State == client.RefusedBy {
		t.Fatalf("%+v %v", list, err)
	}
}

// recall is Alder's, to have a share deleted.
func (w *World) recall(t testing.TB, id fairlead.ShareID) *client.Draft {
	t.Helper()
	d, err := w.Agency(Alder).RecallDraft(id, "wrong_recipient", "delete", false)
	if err != nil {
		t.Fatal(err)
	}
	d.Role, d.User = "DPO", "dpo1"
	return d
}

// holds reports whether LEDGER has bytes anywhere.
func (w *World) holds(t testing.TB, part []byte) bool {
	t.Helper()
	return slices.ContainsFunc(w.ledger(t), func(m message) bool { return bytes.Contains(m.data, part) })
}

// sealed is the first section of a share as it was sent.
func (w *World) sealed(t testing.TB, from fairlead.AgencyID, id fairlead.ShareID) []byte {
	t.Helper()
	s, err := envelope.ParseShare(w.frame(t, from, id))
	if err != nil {
		t.Fatal(err)
	}
	return s.Parts[0].Section
}

// TestRecallBeforeItIsStored: what its recipient has not fetched is deleted from the hub, and a tombstone stands
// for its number; what came before and after it arrives, without an alarm. Nothing is left to read.
func TestRecallBeforeItIsStored(t *testing.T) {
	t.Parallel()
	w := New(t, Config{})
	before := len(w.inbox(t, Birch))
	first := w.alone(t, Alder, DraftAssessment(Birch, Section("EDU", `{"n":1}`)))
	wrong := w.alone(t, Alder, DraftAssessment(Birch, Section("EDU", `{"n":2}`)))
	last := w.alone(t, Aspen, DraftAssessment(Birch, Section("EDU", `{"n":3}`)))
	section := w.sealed(t, Alder, wrong)
	if !w.holds(t, section) {
		t.Fatal("the hub does not hold what waits: the test looks for the wrong thing")
	}
	recall := w.alone(t, Alder, w.recall(t, wrong))
	w.until(t, func() bool { return !w.holds(t, section) })
	if s := w.sent(t, Alder, wrong); s.State != client.Recalled {
		t.Errorf("it is %s", s.State)
	}
	w.settle(t)
	var got []fairlead.ShareID
	for _, m := range w.inbox(t, Birch)[before:] {
		got = append(got, m.Header.ID)
	}
	if want := []fairlead.ShareID{first, last, recall}; !slices.Equal(got, want) {
		t.Errorf("arrived %v, want %v", got, want)
	}
	if _, _, err := w.Agency(Birch).Open(wrong); !errors.Is(err, client.ErrUnknownShare) {
		t.Errorf("opened: %v", err)
	}
	if erased, err := w.Agency(Birch).Erased(); err != nil || len(erased) != 1 || w.lines(t)[erased[0]].Leaf.Share != wrong {
		t.Errorf("erased %v %v", erased, err)
	}
	if s := w.sent(t, Aspen, last); s.State != client.Delivered {
		t.Error("what came after it was never acknowledged")
	}
	// Both start again on what they left behind.
	if err := w.Reopen(within(t)); err != nil {
		t.Fatal(err)
	}
	w.send(t, Alder, DraftAssessment(Birch, Section("EDU", `{"n":4}`)))
}

// TestRecallAfterItIsStored: the content is shut until a person answers, and goes with the answer. The answer
// reaches who asked.
func TestRecallAfterItIsStored(t *testing.T) {
	t.Parallel()
	w := New(t, Config{})
	for state, left := range map[string]bool{"already_used": false, "deleted": false, "quarantined": true, "refused_legal_hold": true} {
		s := w.send(t, Alder, DraftAssessment(Birch, Section("EDU", `{"n":1}`)))
		section := w.sealed(t, Alder, s.ID)
		w.send(t, Alder, w.recall(t, s.ID))
		birch := w.Agency(Birch)
		if _, _, err := birch.Open(s.ID); !errors.Is(err, client.ErrRecalled) || !strings.Contains(err.Error(), "wrong_recipient") {
			t.Errorf("%s: opened before the answer: %v", state, err)
		}
		id, err := birch.AnswerRecall(s.ID, state, &client.Draft{Role: "PRACTITIONER", User: "is1", Sections: []client.DraftSection{Section("RISK", `{"h":1}`)}})
		if err != nil {
			t.Fatal(err)
		}
		w.settle(t)
		if c := w.sent(t, Birch, id); c.Verdict.Ground != fairlead.GroundReply || c.State != client.Delivered {
			t.Errorf("%s: %s %+v", state, c.State, c.Verdict)
		}
		answers := w.inbox(t, Alder)
		if m := answers[len(answers)-1]; m.Header.Kind != "recall.confirmation" || m.Header.Facts["state"] != state {
			t.Errorf("%s: Alder heard %+v", state, m.Header)
		}
		if _, _, err := birch.Open(s.ID); !errors.Is(err, client.ErrRecalled) {
			t.Errorf("%s: opened after the answer: %v", state, err)
		}
		if got := strings.Contains(w.stored(t, Birch), string(section[:64])); got != left {
			t.Errorf("%s: the sealed section is still in the store: %v", state, got)
		}
		if m, err := birch.Message(s.ID); err != nil || m.Recall == nil || m.Recall.Answer != state {
			t.Errorf("%s: %+v %v", state, m, err)
		}
		if _, err := birch.AnswerRecall(s.ID, state, &client.Draft{Role: "PRACTITIONER", User: "is1"}); !errors.Is(err, client.ErrRecalled) {
			t.Errorf("%s: answered twice: %v", state, err)
		}
	}
}

// TestDeletedOffTheRecord: a hub that deletes what waits, and logs no order for it, is found out by the number
// that is missing.
func TestDeletedOffTheRecord(t *testing.T) {
	t.Parallel()
	w := New(t, Config{})
	id := w.alone(t, Alder, DraftAssessment(Birch, Section("EDU", `{"n":1}`)))
	w.alone(t, Alder, DraftAssessment(Birch, Section("EDU", `{"n":2}`)))
	section, erased := w.sealed(t, Alder, id), false
	for i, m := range w.ledger(t) {
		if kind, _, err := envelope.ParseFrame(m.data); err == nil && kind == envelope.TypeDelivery && bytes.Contains(m.data, section) {
			if err := openBus(t, w.Hub.NATS()).Erase(within(t), uint64(i+1)); err != nil {
				t.Fatal(err)
			}
			erased = true
		}
	}
	w.settle(t)
	alarms, err := w.Agency(Birch).Alarms()
	if err != nil || !erased || len(alarms) != 1 || !strings.Contains(alarms[0].What, "something was withheld, hidden or delivered twice") {
		t.Errorf("%v %v %v", erased, alarms, err)
	}
	// Nor does a broker start again on a ledger that lacks what nobody ordered deleted.
	w.Close()
	if err := w.startHub(within(t)); !errors.Is(err, bus.ErrGap) {
		t.Errorf("started: %v", err)
	}
}
