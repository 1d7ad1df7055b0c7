package hubtest

import (
	"testing"
	"time"

	"fairlead/internal/client"
	"fairlead/internal/entry"
	"fairlead/internal/fairlead"
)

// override is a share against a recorded refusal, which waits for a second person.
func override(w *World, t *testing.T) *client.SentShare {
	t.Helper()
	against := Section("EDU", `{"n":1}`)
	against.Override = "SIG-HARM"
	d := DraftAssessment(Aspen, against, Section("RISK", `{"n":2}`), Section("OVERRIDE-NOTE", `{"why":"harm"}`))
	d.Child = "child one"
	s := w.send(t, Alder, d)
	if s.State != client.HeldBy || len(s.Verdict.Holds) != 1 || s.Verdict.Holds[0].Reason != fairlead.ReasonSecondPerson {
		t.Fatalf("%s: %+v", s.State, s.Verdict)
	}
	if l := w.lines(t)[s.Index].Leaf; l.Outcome != entry.OutcomeHeld || l.Counter != 0 {
		t.Errorf("%+v", l)
	}
	if _, err := w.Agency(Aspen).Message(s.ID); err == nil {
		t.Error("it is there already")
	}
	return s
}

// TestHold: what a second person must approve waits at the hub, through a restart, goes out once when
// approved, not by its author, and ends when its time is over.
func TestHold(t *testing.T) {
	t.Parallel()
	w := New(t, Config{})
	held, late, approve := w.waiting(t)
	if err := w.Reopen(within(t)); err != nil {
		t.Fatal(err)
	}
	if s := approve("sw1"); s.State != client.RefusedBy || s.Verdict.Causes[0].Reason != fairlead.ReasonSecondPerson {
		t.Errorf("its author approved it: %+v", s.Verdict)
	}
	if s := approve("boss1"); s.Verdict.Result != fairlead.Delivered {
		t.Fatalf("%+v", s.Verdict)
	}
	w.settle(t)
	s := w.sent(t, Alder, held.ID)
	if s.State != client.Delivered || s.Verdict.Ground != fairlead.GroundOverride || s.Index <= held.Index {
		t.Errorf("%s at %d: %+v", s.State, s.Index, s.Verdict)
	}
	if at := w.lines(t)[s.Index].Detail.Share.Releases; at == nil || *at != held.Index {
		t.Errorf("releases %v, want %d", at, held.Index)
	}
	if got := w.open(t, Aspen, held.ID); len(got) != 2 || got["EDU"] != `{"n":1}` {
		t.Errorf("opened %v", got)
	}

	w.Clock.Set(w.Clock.Now().Add(73 * time.Hour))
	w.until(t, func() bool { return w.sent(t, Alder, late.ID).State != client.HeldBy })
	if s := w.sent(t, Alder, late.ID); s.State != client.RefusedBy || s.Verdict.Causes[0].Reason != fairlead.ReasonSecondPerson {
		t.Errorf("%s: %+v", s.State, s.Verdict)
	}
}

// waiting is two shares of Alder that wait for a second person, and how one of its people approves the first.
func (w *World) waiting(t *testing.T) (held, late *client.SentShare, approve func(user string) *client.SentShare) {
	t.Helper()
	handle, err := w.Agency(Alder).SubjectHandle("child one")
	if err != nil {
		t.Fatal(err)
	}
	record := `{"id":"C1","subject":"` + handle + `","giver":"CHILD_16","at":"2027-01-11T09:00:00Z","items":[{"status":"refused","sections":["EDU"]}]}`
	w.send(t, Alder, DraftConsent("child one", []byte(record)))
	for _, user := range []string{"boss1", "sw1"} { // sw1 is the author of all drafts here
		d, err := w.Agency(Alder).Home.StaffDraft(w.Agency(Alder).Client, user, "TEAM_MANAGER")
		if err != nil {
			t.Fatal(err)
		}
		d.Role, d.User = "DPO", "dpo1"
		if s := w.send(t, Alder, d); s.Verdict.Result != fairlead.Delivered {
			t.Fatalf("%+v", s.Verdict)
		}
	}
	w.train(t, "boss1", "sw1")
	held, late = override(w, t), override(w, t)
	return held, late, func(user string) *client.SentShare {
		d, err := w.Agency(Alder).Home.ApprovalDraft(w.Agency(Alder).Client, held.ID, user, "TEAM_MANAGER", []string{"SIG-HARM"})
		if err != nil {
			t.Fatal(err)
		}
		return w.send(t, Alder, d)
	}
}
