package hubtest

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fairlead/internal/client"
	"fairlead/internal/fairlead"
	"fairlead/internal/keystore"
	"fairlead/internal/registry"
)

// reenrol takes an agency through the ceremony for new keys, in its folder.
func (w *World) reenrol(t testing.TB, id fairlead.AgencyID) *Agency {
	t.Helper()
	w.disconnect(id)
	signed, err := client.Reenrol(w.home(id), keystore.Unsealed, keystore.Unsealed, w.roots[id], w.Clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	a, err := w.admit(within(t), id, signed)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestReenrol is the drill of deploy/README.md: keys are lost, and new ones come under the same name. Whoever has the
// old ones is out at once and after a restart; what was on its way arrives, what was received stays readable.
func TestReenrol(t *testing.T) {
	t.Parallel()
	w := New(t, Config{Listen: FreeAddress(t)})
	first := w.send(t, Alder, DraftRequest(Birch, Section("EDU", `{"school":"before"}`)))
	handle, err := w.Agency(Birch).SubjectHandle("child one")
	if err != nil {
		t.Fatal(err)
	}
	sent := w.send(t, Birch, DraftAnswer(Alder, first.ID, Section("EDU", `{"school":"sent"}`)))
	// Neither has left yet: one is signed with the old key, the other is sealed to it.
	own, err := w.Agency(Birch).Send(DraftAnswer(Alder, first.ID, Section("EDU", `{"school":"answered"}`)))
	if err != nil {
		t.Fatal(err)
	}
	thief := w.Agency(Birch)
	to, err := w.Agency(Alder).Send(DraftAssessment(Birch, Section("EDU", `{"school":"meanwhile"}`)))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := thief.Home.Dial(within(t), nil, w.cfg.Log) // the thief's
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	w.Clock.Set(w.Clock.Now().Add(time.Minute))
	birch := w.reenrol(t, Birch)
	if _, err := conn.Renew(within(t)); err == nil {
		t.Error("the live connection of the old key still gets credentials")
	}
	out := func(when string) {
		t.Helper()
		if c, err := thief.Home.Dial(within(t), nil, w.cfg.Log); err == nil {
			c.Close()
			t.Errorf("%s: the old user key is let in", when)
		}
	}
	out("at once")
	w.settle(t)
	if got := w.open(t, Birch, first.ID)["EDU"]; !strings.Contains(got, "before") {
		t.Errorf("what was received before: %q", got)
	}
	if got := w.open(t, Alder, sent.ID)["EDU"]; !strings.Contains(got, "sent") {
		t.Errorf("what the old key signed, at its recipient: %q", got)
	}
	if d, err := birch.OwnContent(sent.ID); err != nil || !strings.Contains(string(d.Sections[0].Content), "sent") {
		t.Errorf("its own copy of what it sent: %v", err)
	}
	if got, err := birch.SubjectHandle("child one"); err != nil || got != handle {
		t.Errorf("the child has another handle: %s, %v", got, err)
	}
	for by, id := range map[fairlead.AgencyID]fairlead.ShareID{Birch: own[0], Alder: to[0]} {
		s := w.sent(t, by, id)
		if s.State == client.Resealed {
			next, err := fairlead.ParseShareID(s.ReplacedBy)
			if err != nil {
				t.Fatal(err)
			}
			s = w.sent(t, by, next)
		}
		if s.State != client.Delivered {
			t.Errorf("on its way from %s: %s, %+v", by, s.State, s.Verdict)
		}
	}
	if err := w.Check(within(t)); err != nil {
		t.Error(err)
	}
	if err := w.Reopen(within(t)); err != nil {
		t.Fatal(err)
	}
	out("after a restart")
	if s := w.send(t, Alder, DraftAssessment(Birch, Section("EDU", `{"school":"after"}`))); s.State != client.Delivered {
		t.Errorf("afterwards: %s", s.State)
	}
}

// TestReenrolCrash: as if the hub had died between the entry and the server, and the agency's program at each step of
// putting its new keys in place: both finish what was begun.
func TestReenrolCrash(t *testing.T) {
	t.Parallel()
	w := New(t, Config{Listen: FreeAddress(t)})
	thief := w.Agency(Birch)
	w.disconnect(Birch)
	dir := w.home(Birch)
	w.Clock.Set(w.Clock.Now().Add(time.Minute))
	signed, err := client.Reenrol(dir, keystore.Unsealed, keystore.Unsealed, w.roots[Birch], w.Clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	if signed, err = w.sponsor(signed); err != nil {
		t.Fatal(err)
	}
	r, _, err := signed.Review(w.Clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	a := signed.Agency(r)
	a.Account = w.Hub.Broker().Agency(Birch).Account
	if err := w.Hub.Broker().Reenrol(within(t), a); err != nil {
		t.Fatal(err)
	}
	if w.Close(); w.startHub(within(t)) != nil {
		t.Fatal("no hub")
	}
	if c, err := thief.Home.Dial(within(t), nil, w.cfg.Log); err == nil {
		c.Close()
		t.Error("the next start lets the old user key in")
	}
	admission, err := w.Hub.Approve(within(t), signed) // again: the same admission
	if err != nil {
		t.Fatal(err)
	}
	at := func(name string) string { return filepath.Join(dir, name) }
	for name, crash := range map[string]func() error{
		"the old keystore is set aside": func() error { return os.Rename(at("keys"), at("keys.old")) },
		"and the new one is in place": func() error {
			return errors.Join(os.Rename(at("keys"), at("keys.old")), os.Rename(at("keys.next"), at("keys")))
		},
	} {
		saved := filepath.Join(t.TempDir(), "saved")
		backup(t, dir, saved)
		if err := crash(); err != nil {
			t.Fatal(err)
		}
		if err := client.Join(dir, *admission); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		home, err := client.OpenHome(dir, keystore.Unsealed)
		if err != nil || home.Key.Fingerprint() == thief.Home.Key.Fingerprint() {
			t.Errorf("%s: %v, or with the old key", name, err)
		}
		if left, _ := filepath.Glob(at("keys.*")); len(left) > 0 {
			t.Errorf("%s: left behind %v", name, left)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		backup(t, saved, dir)
	}
	if err := client.Join(dir, *admission); err != nil {
		t.Fatal(err)
	}
	if err := w.ConnectAll(within(t)); err != nil {
		t.Fatal(err)
	}
	w.settle(t)
}

// TestReenrolFromNothing: the folder is gone. An empty one with the root's sheets takes everything from the log again,
// and is told of what the lost one sent.
func TestReenrolFromNothing(t *testing.T) {
	t.Parallel()
	w := New(t, Config{})
	first := w.send(t, Alder, DraftRequest(Birch, Section("EDU", `{"school":"before"}`)))
	w.send(t, Birch, DraftAnswer(Alder, first.ID, Section("EDU", `{"school":"answered"}`)))
	w.disconnect(Birch)
	if err := os.RemoveAll(w.home(Birch)); err != nil {
		t.Fatal(err)
	}
	w.Clock.Set(w.Clock.Now().Add(time.Minute))
	r := registry.Request{Agency: Birch, Name: "Birch Directorate", Type: fairlead.TypeStatutoryOverseas, Jurisdiction: "RO", Emergency: true, Again: true}
	signed, err := client.Enrol(w.home(Birch), keystore.Unsealed, w.invitation(t), r, w.roots[Birch], w.Clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	birch, err := w.admit(within(t), Birch, signed)
	if err != nil {
		t.Fatal(err)
	}
	if !birch.Home.StartsOver(birch.Client) {
		t.Fatal("it does not start over")
	}
	if err := birch.Conn.Rewind(within(t), 0); err != nil {
		t.Fatal(err)
	}
	w.settle(t)
	inbox := w.inbox(t, Birch)
	if !slices.ContainsFunc(inbox, func(m *client.Message) bool { return m.Header.ID == first.ID }) {
		t.Error("what was received before is not there")
	}
	if _, _, err := birch.Open(first.ID); err == nil {
		t.Error("what was sealed to a lost key opens")
	}
	second := w.send(t, Alder, DraftAssessment(Birch, Section("EDU", `{"school":"after"}`)))
	if got := w.open(t, Birch, second.ID)["EDU"]; second.State != client.Delivered || !strings.Contains(got, "after") {
		t.Errorf("%s, %q", second.State, got)
	}
	alarms, err := birch.Alarms()
	if err != nil || len(alarms) == 0 || slices.ContainsFunc(alarms, func(a client.Alarm) bool { return !strings.HasSuffix(a.What, "never made") }) {
		t.Errorf("alarms %+v, %v", alarms, err)
	}
	w.Close()
}
