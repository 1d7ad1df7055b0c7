package hubtest

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"fairlead/internal/client"
	"fairlead/internal/entry"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
)

// TestRoad takes shares down the road, one after the other in one world, and looks at both ends.
func TestRoad(t *testing.T) {
	t.Parallel()
	w := New(t, Config{})
	for _, test := range []struct {
		name string
		run  func(*testing.T, *World)
	}{
		{"permitted", permitted},
		{"redacted", redacted},
		{"refused", refused},
		{"emergency", emergency},
		{"reply", reply},
		{"consent refused", consentRefused},
		{"whereabouts", whereabouts},
		{"broadcast", broadcast},
		{"nobody", nobody},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, w) })
	}
}

func permitted(t *testing.T, w *World) {
	s := w.send(t, Alder, DraftAssessment(Birch, Section("EDU", `{"school":"one"}`), Section("RISK", `{"risk":"low"}`)))
	if s.State != client.Delivered || s.Verdict.Result != fairlead.Delivered || s.Verdict.Ground != fairlead.GroundAgreement || s.Verdict.Agreement != "A1/1" {
		t.Errorf("%s: %+v", s.State, s.Verdict)
	}
	want := map[fairlead.SectionCode]string{"EDU": `{"school":"one"}`, "RISK": `{"risk":"low"}`}
	if got := w.open(t, Birch, s.ID); !maps.Equal(got, want) {
		t.Errorf("opened %v", got)
	}
	// A person there says how far it got; each word is a share of its own.
	for _, step := range []struct {
		level fairlead.AckLevel
		state client.State
	}{{fairlead.AckOpened, client.Opened}, {fairlead.AckAccepted, client.Accepted}} {
		id, err := w.Agency(Birch).Acknowledge(s.ID, step.level, "PRACTITIONER", "is1")
		if err != nil {
			t.Fatal(err)
		}
		w.settle(t)
		if got := w.sent(t, Alder, s.ID).State; got != step.state {
			t.Errorf("after %s: %s", step.level, got)
		}
		if ack := w.sent(t, Birch, id); ack.Verdict == nil || ack.Verdict.Ground != fairlead.GroundReply {
			t.Errorf("%s: %+v", step.level, ack.Verdict)
		}
	}
}

// The recipient of a redacted share cannot tell that anything was withheld.
func redacted(t *testing.T, w *World) {
	s := w.send(t, Alder, DraftAssessment(Birch, Section("EDU", `{"school":"two"}`),
		client.DraftSection{Code: "HEALTH-PHYS", Art9: "A9-2-h", Type: "json", Content: []byte(`{"h":1}`)}))
	if s.State != client.Delivered || s.Verdict.Result != fairlead.DeliveredRedacted || len(s.Verdict.Sections) != 2 || s.Verdict.Sections[1].Delivered {
		t.Fatalf("%s: %+v", s.State, s.Verdict)
	}
	if got := w.open(t, Birch, s.ID); len(got) != 1 || got["EDU"] != `{"school":"two"}` {
		t.Errorf("opened %v", got)
	}
	frame := w.frame(t, Alder, s.ID)
	share, err := envelope.ParseShare(frame)
	if err != nil {
		t.Fatal(err)
	}
	all := w.stored(t, Birch)
	for _, trace := range []string{"HEALTH-PHYS", string(share.Parts[1].Descriptor), string(share.Parts[1].Section[:64])} {
		if strings.Contains(all, trace) {
			t.Errorf("a trace of what was withheld is in the recipient's folder: %.20q", trace)
		}
	}
	if !strings.Contains(all, string(share.Parts[0].Descriptor)) {
		t.Error("what was delivered is not found either: the search is wrong")
	}
	// Header, leaf and set digest are those of any other share: one size fits all.
	m, err := w.Agency(Birch).Message(s.ID)
	if err != nil || len(m.Header.Sections) != 16 {
		t.Errorf("%d digests, %v", len(m.Header.Sections), err)
	}
	if leaf := w.lines(t)[s.Index].Leaf; leaf.Outcome != entry.OutcomeDelivered {
		t.Errorf("outcome %d", leaf.Outcome)
	}
}

func refused(t *testing.T, w *World) {
	before := len(w.inbox(t, Cedar))
	s := w.send(t, Alder, DraftAssessment(Cedar, Section("EDU", `{}`)))
	if s.State != client.RefusedBy || len(s.Verdict.Causes) != 1 || s.Verdict.Causes[0].Reason != fairlead.ReasonAgreementNone {
		t.Errorf("%s: %+v", s.State, s.Verdict)
	}
	if len(w.inbox(t, Cedar)) != before {
		t.Error("something arrived")
	}
	if l := w.lines(t)[s.Index].Leaf; l.Outcome != entry.OutcomeNotDelivered || l.To != Cedar || l.Counter != 0 {
		t.Errorf("%+v", l)
	}
}

func (w *World) inbox(t testing.TB, id fairlead.AgencyID) []*client.Message {
	t.Helper()
	list, err := w.Agency(id).Inbox()
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// An immediate danger needs no agreement, but a recipient that is there day and night.
func emergency(t *testing.T, w *World) {
	d := DraftAlert(Section("RISK", `{"risk":"high"}`))
	for _, test := range []struct {
		to     fairlead.AgencyID
		ground fairlead.Ground
		state  client.State
	}{{Aspen, fairlead.GroundEmergency, client.Delivered}, {Cedar, fairlead.GroundNone, client.RefusedBy}} {
		d.To = []string{string(test.to)}
		s := w.send(t, Alder, d)
		if s.Verdict.Ground != test.ground || s.State != test.state {
			t.Errorf("to %s: %s, %+v", test.to, s.State, s.Verdict)
		}
	}
}

// An answer goes back on the decision that brought the question, with the sections the question had.
func reply(t *testing.T, w *World) {
	question := w.send(t, Alder, DraftRequest(Birch, Section("EDU", `{"q":1}`)))
	if question.State != client.Delivered {
		t.Fatalf("%+v", question.Verdict)
	}
	answer := w.send(t, Birch, DraftAnswer(Alder, question.ID, Section("EDU", `{"a":1}`), Section("FAMILY", `{"a":2}`)))
	if answer.State != client.Delivered || answer.Verdict.Ground != fairlead.GroundReply || answer.Verdict.Result != fairlead.DeliveredRedacted {
		t.Errorf("%s: %+v", answer.State, answer.Verdict)
	}
	if got := w.open(t, Alder, answer.ID); len(got) != 1 || got["EDU"] != `{"a":1}` {
		t.Errorf("opened %v", got)
	}
	// Nobody answers a question that was put to another.
	if stray := w.send(t, Birch, DraftAnswer(Aspen, question.ID, Section("EDU", `{}`))); stray.State != client.RefusedBy {
		t.Errorf("stray answer: %s, %+v", stray.State, stray.Verdict)
	}
}

// A recorded refusal withholds the section, whether the sender cites it or not.
func consentRefused(t *testing.T, w *World) {
	handle, err := w.Agency(Alder).SubjectHandle("child one")
	if err != nil {
		t.Fatal(err)
	}
	record := `{"id":"C1","subject":"` + handle + `","giver":"CHILD_16","at":"2027-01-11T09:00:00Z","items":[{"status":"refused","sections":["EDU"],"recipients":["BIRCH"]}]}`
	if s := w.send(t, Alder, DraftConsent("child one", []byte(record))); s.Verdict.Result != fairlead.Delivered {
		t.Fatalf("%+v", s.Verdict)
	}
	for _, test := range []struct {
		child string
		to    fairlead.AgencyID
		edu   bool
	}{{"child one", Birch, false}, {"child one", Aspen, true}, {"child two", Birch, true}} {
		d := DraftAssessment(test.to, Section("EDU", `{"s":3}`), Section("RISK", `{"r":3}`))
		d.Child = test.child
		s := w.send(t, Alder, d)
		if s.State != client.Delivered || s.Verdict.Sections[0].Delivered != test.edu || !s.Verdict.Sections[1].Delivered {
			t.Errorf("%s to %s: %+v", test.child, test.to, s.Verdict)
		}
		if !test.edu && s.Verdict.Sections[0].Causes[0].Reason != fairlead.ReasonConsentRefused {
			t.Errorf("%s to %s: %+v", test.child, test.to, s.Verdict.Sections[0])
		}
		// What only the hub may see does not reach the recipient.
		if strings.Contains(w.stored(t, test.to), handle) {
			t.Errorf("the child's handle is in the folder of %s", test.to)
		}
	}
}

// Whereabouts stay inside the sender's State, even where the agreement and an emergency carry the rest.
func whereabouts(t *testing.T, w *World) {
	place := Section(fairlead.SectionLocNow, `{"at":"here"}`)
	for _, test := range []struct {
		draft     *client.Draft
		to        fairlead.AgencyID
		delivered bool
	}{
		{DraftAssessment(Aspen, place, Section("RISK", `{}`)), Aspen, true},
		{DraftAssessment(Birch, place, Section("RISK", `{}`)), Birch, false},
		{DraftAlert(place, Section("RISK", `{}`)), Aspen, true},
		{DraftAlert(place, Section("RISK", `{}`)), Birch, false},
	} {
		test.draft.To, test.draft.TLP, test.draft.Named = []string{string(test.to)}, fairlead.TLPRed, "duty-lead"
		s := w.send(t, Alder, test.draft)
		_, got := w.open(t, test.to, s.ID)[fairlead.SectionLocNow]
		if s.State != client.Delivered || s.Verdict.Sections[0].Delivered != test.delivered || got != test.delivered {
			t.Errorf("%s to %s: delivered %v, %+v", test.draft.Kind, test.to, got, s.Verdict)
		}
	}
}

// One alert to a group is one share for each member, and no member learns of another's.
func broadcast(t *testing.T, w *World) {
	d := DraftAlert(Section("RISK", `{"risk":"now"}`))
	d.Case = "case 7"
	sent, err := w.Send(within(t), Alder, d)
	if err != nil {
		t.Fatal(err)
	}
	var to []fairlead.AgencyID
	cases := map[string]bool{}
	folders := map[fairlead.AgencyID]string{}
	for _, id := range []fairlead.AgencyID{Aspen, Birch, Cedar} {
		folders[id] = w.stored(t, id)
	}
	for _, s := range sent {
		to = append(to, s.To)
		share, err := envelope.ParseShare(w.frame(t, Alder, s.ID))
		if err != nil {
			t.Fatal(err)
		}
		h, err := envelope.ParseHeader(share.Header)
		if err != nil {
			t.Fatal(err)
		}
		cases[h.Case] = true
		traces := map[string]string{"id": s.ID.String(), "case": h.Case, "header": string(share.Header), "section": string(share.Parts[0].Section)}
		for id, all := range folders {
			for what, trace := range traces {
				if found, want := strings.Contains(all, trace), id == s.To && s.State == client.Delivered; found != want {
					t.Errorf("%s of the share to %s is in the folder of %s: %v", what, s.To, id, found)
				}
			}
			if id != s.To && strings.Contains(all, string(s.ID[:])) {
				t.Errorf("entry of the share to %s in the folder of %s", s.To, id)
			}
		}
	}
	if !slices.Equal(to, []fairlead.AgencyID{Aspen, Birch, Cedar}) || len(cases) != 3 {
		t.Errorf("shares to %v, %d case tokens", to, len(cases))
	}
}

// A draft for nobody, or for a stranger with content, does not leave the house.
func nobody(t *testing.T, w *World) {
	for _, to := range [][]string{nil, {string(Alder)}, {"NOBODY"}} {
		d := DraftAssessment("", Section("EDU", `{}`))
		d.To = to
		if _, err := w.Agency(Alder).Send(d); err == nil {
			t.Errorf("to %v: sent", to)
		}
	}
}
