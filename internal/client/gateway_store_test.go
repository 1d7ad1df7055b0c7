package client_test

import (
	"testing"

	"fairlead/internal/client"
	"fairlead/internal/fairlead"
	"fairlead/internal/hubtest"
)

// TestLists: what was sent and received is listed without a word of its content, newest first, and a
// filter counts what it lets through.
func TestLists(t *testing.T) {
	w := hubtest.New(t, hubtest.Config{})
	a, b := w.Agency(hubtest.Alder), w.Agency(hubtest.Birch)
	section := hubtest.Section("EDU", `{"text":"secret"}`)
	for _, d := range []*client.Draft{hubtest.DraftAssessment(hubtest.Birch, section), hubtest.DraftRequest(hubtest.Birch, section)} {
		if _, err := w.Send(t.Context(), hubtest.Alder, d); err != nil {
			t.Fatal(err)
		}
	}
	got, total, err := b.Received(client.Filter{Content: true, Limit: 1})
	if err != nil || total != 2 || len(got) != 1 || got[0].Kind != "info.request" || got[0].From != hubtest.Alder || got[0].Acked != "" {
		t.Fatalf("%+v %d %v", got, total, err)
	}
	if _, err := b.Acknowledge(got[0].ID, fairlead.AckOpened, "PRACTITIONER", "is1"); err != nil {
		t.Fatal(err)
	}
	if err := w.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		f    client.Filter
		want int
	}{
		{client.Filter{Content: true, State: "open"}, 1},
		{client.Filter{State: "opened_by_human"}, 1},
		{client.Filter{Kind: "assessment."}, 1},
		{client.Filter{Agency: hubtest.Cedar}, 0},
		{client.Filter{Share: got[0].ID}, 1},
		{client.Filter{Content: true, From: "2027-01-12"}, 0},
		{client.Filter{Content: true, Until: "2027-01-11"}, 2},
		{client.Filter{Kind: "' OR 1"}, 0},
	} {
		if _, n, err := b.Received(test.f); err != nil || n != test.want {
			t.Errorf("%+v: %d, %v; want %d", test.f, n, err, test.want)
		}
	}
	posted, total, err := a.Posted(client.Filter{Content: true})
	if err != nil || total != 2 || posted[0].Decided.IsZero() || posted[0].Index < 0 {
		t.Fatalf("%+v %d %v", posted, total, err)
	}
	if _, n, err := a.Posted(client.Filter{State: string(client.Opened)}); err != nil || n != 1 {
		t.Errorf("%d opened, %v", n, err)
	}
	s, err := a.Sent(posted[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	if h, err := s.Header(); err != nil || h.ID != s.ID || h.To.Agency != hubtest.Birch {
		t.Errorf("%+v %v", h, err)
	}
}

// TestOwn: what the agency keeps for itself opens under its own name and id alone.
func TestOwn(t *testing.T) {
	w := hubtest.New(t, hubtest.Config{})
	a, b := w.Agency(hubtest.Alder), w.Agency(hubtest.Birch)
	id, at := fairlead.NewShareID(), w.Clock.Now()
	sealed, err := a.SealOwn(id, "DRAFT", []byte("typed"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := a.OpenOwn(id, "DRAFT", sealed, at); err != nil || string(got) != "typed" {
		t.Errorf("%q %v", got, err)
	}
	if _, err := a.OpenOwn(fairlead.NewShareID(), "DRAFT", sealed, at); err == nil {
		t.Error("it opens under another id")
	}
	if _, err := a.OpenOwn(id, "OTHER", sealed, at); err == nil {
		t.Error("it opens under another name")
	}
	if _, err := b.OpenOwn(id, "DRAFT", sealed, at); err == nil {
		t.Error("another agency opens it")
	}
	if m := a.Snapshot().Member(hubtest.Alder, "nobody"); m != nil {
		t.Errorf("%+v", m)
	}
}
