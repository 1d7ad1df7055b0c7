package hubtest

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"fairlead/internal/client"
	"fairlead/internal/fairlead"
	"fairlead/internal/registry"
)

// TestMain is the hub's process of the crash tests, or the custodian's of TestCustody, when the test runs itself again.
func TestMain(m *testing.M) {
	if dir := os.Getenv(envCustody); dir != "" {
		if err := runCustodian(dir, os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if dir := os.Getenv(envDir); dir != "" {
		if err := runHub(dir, os.Getenv(envListen)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// send sends a draft with one recipient, and settles.
func (w *World) send(t testing.TB, from fairlead.AgencyID, d *client.Draft) *client.SentShare {
	t.Helper()
	sent, err := w.Send(within(t), from, d)
	if err != nil {
		t.Fatal(err)
	}
	if len(sent) != 1 {
		t.Fatalf("%d shares", len(sent))
	}
	return sent[0]
}

// train puts every course of people of Alder on record, for a year.
func (w *World) train(t testing.TB, users ...string) {
	t.Helper()
	for _, user := range users {
		d := DraftTraining(Alder, user, w.Clock.Now().AddDate(1, 0, 0))
		if s := w.send(t, Aspen, d); s.Verdict.Result != fairlead.Delivered {
			t.Fatalf("%+v", s.Verdict)
		}
	}
	w.settle(t)
}

func (w *World) settle(t testing.TB) {
	t.Helper()
	if err := w.Settle(within(t)); err != nil {
		t.Fatal(err)
	}
}

func (w *World) sent(t testing.TB, by fairlead.AgencyID, id fairlead.ShareID) *client.SentShare {
	t.Helper()
	s, err := w.Agency(by).Sent(id)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (w *World) lines(t testing.TB) []Line {
	t.Helper()
	lines, err := w.Lines(within(t))
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

// open opens a share at its recipient: the content of each section by its code.
func (w *World) open(t testing.TB, by fairlead.AgencyID, id fairlead.ShareID) map[fairlead.SectionCode]string {
	t.Helper()
	_, contents, err := w.Agency(by).Open(id)
	if err != nil {
		t.Fatalf("%s opens %s: %v", by, id, err)
	}
	out := map[fairlead.SectionCode]string{}
	for _, c := range contents {
		out[c.Code] = string(c.JSON) + string(c.Bytes)
	}
	return out
}

// invitation is one of this hub's, for anybody.
func (w *World) invitation(t testing.TB) registry.Invitation {
	t.Helper()
	inv, err := w.Hub.Invite("")
	if err != nil {
		t.Fatal(err)
	}
	return inv
}
