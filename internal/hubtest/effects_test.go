package hubtest

import (
	"database/sql"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"fairlead/internal/client"
	"fairlead/internal/fairlead"
	"fairlead/internal/policy"
	"fairlead/internal/registry"
	"fairlead/internal/staff"
)

// TestEffects takes the kinds that change what is in force down the road, in one world.
func TestEffects(t *testing.T) {
	t.Parallel()
	w := New(t, Config{})
	for _, test := range []struct {
		name string
		run  func(*testing.T, *World)
	}{
		{"refusals look alike", refusalsAlike},
		{"onward", onward},
		{"correction", correction},
		{"escalation", escalation},
		{"training", training},
		{"leaver", leaver},
		{"exercise", anExercise},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, w) })
	}
}

// refusalsAlike: who asks cannot tell a refusal whose true reason may not be told from one that has no other: the
// same fields, as many digests, and sections of one size bucket.
func refusalsAlike(t *testing.T, w *World) {
	question := w.send(t, Birch, asking(Alder))
	shape := map[fairlead.RefusalReason]string{}
	for _, reason := range []fairlead.RefusalReason{"R-NO-BASIS", "R-ART37", "R-ASYLUM"} {
		d := DraftAssessment(Birch, Section("EDU", `{"sections_refused":["LOC-NOW"]}`))
		d.Kind, d.Role, d.ReplyTo, d.Reason, d.Facts = "disclosure.refusal", "TEAM_MANAGER", question.ID, reason, map[string]string{"reason": "R-NO-BASIS"}
		s := w.send(t, Alder, d)
		if s.Verdict.Result != fairlead.Delivered || s.Verdict.Ground != fairlead.GroundReply {
			t.Fatalf("%s: %+v", reason, s.Verdict)
		}
		m, err := w.Agency(Birch).Message(s.ID)
		if err != nil {
			t.Fatal(err)
		}
		shape[reason] = visible(t, w, m)
		if strings.Contains(w.stored(t, Birch), string(reason)) != (reason == "R-NO-BASIS") {
			t.Errorf("%s stands in the asker's folder", reason)
		}
		if !w.onRecord(t, s.Index, reason) {
			t.Errorf("%s is not on record for auditors", reason)
		}
	}
	for reason, got := range shape {
		if got != shape["R-NO-BASIS"] {
			t.Errorf("%s looks like\n%s\nand not like\n%s", reason, got, shape["R-NO-BASIS"])
		}
	}
}

// asking is a question from Romania.
func asking(to fairlead.AgencyID) *client.Draft {
	d := DraftRequest(to, Section("EDU", `{"q":1}`))
	answer := DraftAnswer(to, fairlead.ShareID{})
	d.Basis = answer.Basis
	return d
}

// onRecord reports whether an entry's descriptors say the true reason of a refusal.
func (w *World) onRecord(t testing.TB, index int64, reason fairlead.RefusalReason) bool {
	t.Helper()
	return slices.ContainsFunc(w.lines(t)[index].Detail.Share.Descriptors, func(raw []byte) bool {
		return strings.Contains(string(raw), `"reason":"`+string(reason)+`"`)
	})
}

// visible is all that a recipient sees of a message, but ids, digests, salts and times.
func visible(t testing.TB, w *World, m *client.Message) string {
	t.Helper()
	var header map[string]any
	raw, err := json.Marshal(m.Header)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &header); err != nil {
		t.Fatal(err)
	}
	sections := len(header["sections"].([]any))
	for _, own := range []string{"id", "sent_at", "valid_until", "sections", "seen", "danger_check"} {
		delete(header, own)
	}
	header["digests"] = sections
	var frame int
	w.inOutbox(t, Birch, func(db *sql.DB) error {
		return db.QueryRow(`SELECT length(frame) FROM inbox WHERE id = ?`, m.Header.ID.String()).Scan(&frame)
	})
	header["frame"] = frame
	words := []string{}
	for _, name := range slices.Sorted(maps.Keys(header)) {
		b, err := json.Marshal(header[name])
		if err != nil {
			t.Fatal(err)
		}
		words = append(words, name+" "+string(b))
	}
	return strings.Join(words, "\n")
}

// onward: what was given under its originator's control goes further only with a permission on record, to whom it
// names.
func onward(t *testing.T, w *World) {
	origin := w.send(t, Alder, DraftAssessment(Aspen, Section("EDU", `{"n":1}`)))
	pass := func(permitted fairlead.ShareID) *client.SentShare {
		d := DraftAssessment(Birch, Section("EDU", `{"n":1}`))
		d.Sections[0].Origin, d.Sections[0].Permitted = origin.ID, permitted
		preview, err := w.Agency(Aspen).Preview(d)
		if err != nil {
			t.Fatal(err)
		}
		s := w.send(t, Aspen, d)
		if preview[0].Decision.Result != s.Verdict.Result {
			t.Errorf("the dry run said %+v, the hub %+v", preview[0].Decision, s.Verdict)
		}
		return s
	}
	if s := pass(fairlead.ShareID{}); s.State != client.RefusedBy || s.Verdict.Causes[0].Reason != fairlead.ReasonOnward {
		t.Errorf("unasked: %s %+v", s.State, s.Verdict)
	}
	permit := func(to fairlead.AgencyID) fairlead.ShareID {
		d, err := w.Agency(Alder).PermissionDraft(policy.Grant{
			Share: origin.ID, Sections: []fairlead.SectionCode{"EDU"}, To: []fairlead.AgencyID{to}, Until: fairlead.At(w.Clock.Now().Add(time.Hour)),
		})
		if err != nil {
			t.Fatal(err)
		}
		d.Role, d.User = "DPO", "dpo1"
		s := w.send(t, Alder, d)
		if s.State != client.Delivered {
			t.Fatalf("%s %+v", s.State, s.Verdict)
		}
		return s.ID
	}
	if s := pass(permit(Cedar)); s.State != client.RefusedBy {
		t.Errorf("permitted for another: %s %+v", s.State, s.Verdict)
	}
	if s := pass(permit(Birch)); s.State != client.Delivered {
		t.Errorf("permitted: %s %+v", s.State, s.Verdict)
	}
	if traces := w.stored(t, Birch); strings.Contains(traces, origin.ID.String()) {
		t.Error("the recipient learns where the page came from")
	}
}

func correction(t *testing.T, w *World) {
	wrong := w.send(t, Alder, DraftAssessment(Birch, Section("EDU", `{"n":1}`)))
	back := w.send(t, Birch, asking(Alder))
	for id, good := range map[fairlead.ShareID]bool{wrong.ID: true, back.ID: false} {
		d := DraftAssessment(Birch, Section("EDU", `{"n":2}`))
		d.Kind, d.Supersedes = "correction", id
		s := w.send(t, Alder, d)
		// The agreement of this world carries no corrections: what is held against the other one comes first.
		if first := s.Verdict.Causes[0].Reason; (first == fairlead.ReasonAgreementScope) != good {
			t.Errorf("%v: %+v", good, s.Verdict.Causes)
		}
	}
}

func escalation(t *testing.T, w *World) {
	question := w.send(t, Birch, asking(Alder))
	for _, from := range []fairlead.AgencyID{Birch, Alder} {
		d, err := w.Agency(from).EscalationDraft(question.ID, "2")
		if err != nil {
			t.Fatal(err)
		}
		d.Role, d.User = "TEAM_MANAGER", "tm1"
		if s := w.send(t, from, d); s.State != client.Delivered || s.Verdict.Due[0].Code != "DL-ACK-CASE" {
			t.Errorf("%s: %s %+v", from, s.State, s.Verdict)
		}
	}
}

// training: a trainer's word reaches the learner's agency, and holds until its day.
func training(t *testing.T, w *World) {
	until := w.Clock.Now().Add(24 * time.Hour)
	raw, err := json.Marshal(staff.Training{User: "sw1", Courses: []staff.Course{{Code: "T4", Passed: "2026-12-01", Until: fairlead.At(until)}}})
	if err != nil {
		t.Fatal(err)
	}
	s := w.send(t, Aspen, &client.Draft{Kind: "training.record", Role: "TRAINER", User: "tr1", To: []string{"ALDER"}, Purpose: "TRAINING", Record: raw})
	if s.State != client.Delivered || s.Verdict.Ground != fairlead.GroundControl {
		t.Fatalf("%s %+v", s.State, s.Verdict)
	}
	snap := w.Agency(Alder).Snapshot()
	if got := snap.Training(Alder, "sw1", w.Clock.Now()); !slices.Equal(got, []string{"T4"}) || snap.Training(Alder, "sw1", until) != nil || snap.Training(Aspen, "sw1", w.Clock.Now()) != nil {
		t.Errorf("Alder knows of %v", got)
	}
}

// anExercise goes between those who take part, and is never among what is meant.
func anExercise(t *testing.T, w *World) {
	rules := registry.Rules{Groups: []registry.Group{{Name: GroupAlert, Members: []fairlead.AgencyID{Alder, Aspen, Birch, Cedar}}}, Exercises: []fairlead.AgencyID{Alder, Birch}}
	if err := w.Hub.SetRules(within(t), rules); err != nil {
		t.Fatal(err)
	}
	w.settle(t)
	before := len(w.inbox(t, Birch))
	for to, want := range map[fairlead.AgencyID]client.State{Birch: client.Delivered, Aspen: client.RefusedBy} {
		d := DraftAssessment(to, Section("EDU", `{"n":1}`))
		d.Status, d.Sections[0].Caveats = fairlead.StatusExercise, []fairlead.Caveat{"SYNTHETIC"}
		if s := w.send(t, Alder, d); s.State != want {
			t.Errorf("to %s: %s %+v", to, s.State, s.Verdict)
		}
	}
	list, err := w.Agency(Birch).Exercises()
	if err != nil || len(list) != 1 || len(w.inbox(t, Birch)) != before {
		t.Errorf("%d exercises, %v; %d messages, were %d", len(list), err, len(w.inbox(t, Birch)), before)
	}
}

// leaver: who has left signs no more.
func leaver(t *testing.T, w *World) {
	a := w.Agency(Alder)
	for _, record := range []func(*client.Client, string, fairlead.Role) (*client.Draft, error){a.Home.StaffDraft, a.Home.LeaverDraft} {
		d, err := record(a.Client, "tm9", "TEAM_MANAGER")
		if err != nil {
			t.Fatal(err)
		}
		d.Role, d.User = "DPO", "dpo1"
		if s := w.send(t, Alder, d); s.Verdict.Result != fairlead.Delivered {
			t.Fatalf("%+v", s.Verdict)
		}
	}
	m := w.Agency(Alder).Snapshot().Member(Alder, "tm9")
	if m == nil || m.Active(w.Clock.Now()) {
		t.Errorf("%+v is still active", m)
	}
}
