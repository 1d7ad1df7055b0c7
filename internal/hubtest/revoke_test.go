package hubtest

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"fairlead/internal/client"
	"fairlead/internal/fairlead"
	"fairlead/internal/keystore"
	"fairlead/internal/natsd"
	"fairlead/internal/policy"
	"fairlead/internal/registry"
)

// TestRevoke: a revoked user key is out at once and stays out, whatever JWT it shows; nobody else notices.
func TestRevoke(t *testing.T) {
	t.Parallel()
	w := New(t, Config{Listen: FreeAddress(t)})
	cedar := w.Agency(Cedar)
	before := cedar.Home.Admission
	if err := w.Hub.Revoke("NOBODY"); err == nil {
		t.Error("nobody was revoked")
	}
	if err := w.Hub.Revoke(Cedar); err != nil {
		t.Fatal(err)
	}
	out := func(when string) {
		t.Helper()
		if c, err := cedar.Home.Dial(within(t), nil, w.cfg.Log); err == nil {
			c.Close()
			t.Errorf("%s: a revoked user is let in", when)
		} else if !strings.Contains(err.Error(), "Authorization") && !strings.Contains(err.Error(), "Revoked") {
			t.Errorf("%s: %v", when, err)
		}
	}
	out("at once")
	if _, err := cedar.Conn.Renew(within(t)); err == nil {
		t.Error("its live connection still gets credentials")
	}
	w.disconnect(Cedar)
	if s := w.send(t, Alder, DraftAssessment(Birch, Section("EDU", `{}`))); s.State != client.Delivered {
		t.Errorf("of the others: %s", s.State)
	}
	w.Close()
	if err := w.startHub(within(t)); err != nil {
		t.Fatal(err)
	}
	out("after a restart")
	record := w.Hub.Broker().Agency(Cedar)
	again := registry.SignedRequest{Request: record.Request, Signature: record.Signature, RootSignature: record.RootSignature, Vouched: record.Vouched}
	if _, err := w.Hub.Approve(within(t), again); !errors.Is(err, natsd.ErrRevoked) {
		t.Errorf("admitted again: %v", err)
	}
	if cedar.Home.Admission != before {
		t.Error("the test's credentials changed")
	}
	w.Close()
}

// TestRemovedForGood: an agency that is removed is out at once and after a restart, and is not admitted again.
func TestRemovedForGood(t *testing.T) {
	t.Parallel()
	w := New(t, Config{Listen: FreeAddress(t)})
	cedar := w.Agency(Cedar)
	record := w.Hub.Broker().Agency(Cedar)
	if err := w.Hub.Remove(within(t), registry.Suspension{Agency: Cedar, Reason: "breach"}); err != nil {
		t.Fatal(err)
	}
	w.disconnect(Cedar)
	out := func(when string) {
		t.Helper()
		if c, err := cedar.Home.Dial(within(t), nil, w.cfg.Log); err == nil {
			c.Close()
			t.Errorf("%s: it is let in", when)
		}
		again := registry.SignedRequest{Request: record.Request, Signature: record.Signature, RootSignature: record.RootSignature, Vouched: record.Vouched}
		if _, err := w.Hub.Approve(within(t), again); err == nil || !strings.Contains(err.Error(), "removed") {
			t.Errorf("%s: admitted again, %v", when, err)
		}
	}
	out("at once")
	// As if the hub had died between the entry and the server: the next start finishes it.
	aspen := w.Agency(Aspen)
	if err := w.Hub.Broker().Remove(within(t), registry.Suspension{Agency: Aspen, Reason: "request"}); err != nil {
		t.Fatal(err)
	}
	w.Close()
	if err := w.startHub(within(t)); err != nil {
		t.Fatal(err)
	}
	out("after a restart")
	if c, err := aspen.Home.Dial(within(t), nil, w.cfg.Log); err == nil {
		c.Close()
		t.Error("the other removed agency is let in after a restart")
	}
	w.Close()
}

// TestSponsorCompares: a sponsor signs for the key it was told of over the telephone, and for no other.
func TestSponsorCompares(t *testing.T) {
	t.Parallel()
	w := New(t, Config{})
	r := registry.Request{Agency: "DAMSON", Name: "Damson Council", Type: fairlead.TypeLA, Jurisdiction: "GB-WLS"}
	signed, err := client.Enrol(w.home("DAMSON"), keystore.Unsealed, w.invitation(t), r, nil, w.Clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Hub.Approve(within(t), signed); err == nil || !strings.Contains(err.Error(), "no sponsor") {
		t.Errorf("the operator alone: %v", err)
	}
	_, heard, err := signed.Review(w.Clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	other := w.Agency(Birch).Home.Key.Fingerprint()
	for name, said := range map[string]string{"of another key": other.Words(), "nothing": "", "a word less": strings.Join(strings.Fields(heard.Words())[1:], " ")} {
		if got, err := w.Agency(Alder).Home.Sponsor(signed, said, w.Clock.Now()); err == nil || len(got.SponsorSignature) > 0 {
			t.Errorf("%s: signed, %v", name, err)
		}
	}
	if signed, err = w.Agency(Alder).Home.Sponsor(signed, heard.String(), w.Clock.Now()); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Hub.Approve(within(t), signed); err != nil {
		t.Fatal(err)
	}
	w.settle(t)
	for _, a := range w.Agencies() {
		if a.Snapshot().Agency("DAMSON") == nil {
			t.Errorf("%s has not proved it", a.ID)
		}
	}
}

// TestRenewal: a program that connects replaces credentials that are more than a day old.
func TestRenewal(t *testing.T) {
	t.Parallel()
	w := New(t, Config{})
	a := w.Agency(Alder)
	first, now := a.Home.Admission, time.Now()
	if left := first.Until.Sub(now); left > registry.UserLasts || left < registry.UserLasts-time.Hour {
		t.Errorf("an admission for %v, want %v", left, registry.UserLasts)
	}
	if err := a.Home.Renew(within(t), a.Conn, now.Add(registry.UserRenews-time.Hour)); err != nil || a.Home.Admission != first {
		t.Errorf("renewed within a day: %v", err)
	}
	if err := a.Home.Renew(within(t), a.Conn, now.Add(registry.UserRenews+time.Hour)); err != nil {
		t.Fatal(err)
	}
	if next := a.Home.Admission; next.UserJWT == "" || next.Account != first.Account || next.Until.Before(first.Until.Time) {
		t.Errorf("%+v after %+v", next, first)
	}
	if err := w.Reopen(within(t)); err != nil {
		t.Fatal(err)
	}
	if kept := w.Agency(Alder).Home.Admission; kept != a.Home.Admission {
		t.Errorf("in the folder is %+v, want %+v", kept, a.Home.Admission)
	}
	a.Home.Admission.Account = w.Agency(Birch).Home.Admission.Account
	if err := a.Home.Renew(within(t), w.Agency(Alder).Conn, now.Add(registry.UserLasts)); !errors.Is(err, client.ErrHome) {
		t.Errorf("an admission of another account: %v", err)
	}
}

// TestSuspendedAtDecision: a share that was made and queued before its sender was suspended is judged by
// what is so when it is decided.
func TestSuspendedAtDecision(t *testing.T) {
	t.Parallel()
	w := New(t, Config{})
	ids, err := w.Agency(Alder).Send(DraftAssessment(Birch, Section("EDU", `{}`)))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Hub.Suspend(within(t), true, registry.Suspension{Agency: Alder, Reason: "key_loss"}); err != nil {
		t.Fatal(err)
	}
	w.settle(t)
	s := w.sent(t, Alder, ids[0])
	suspended := func(c policy.Cause) bool {
		return c.Reason == fairlead.ReasonSenderRole && strings.Contains(c.Advice, "suspended")
	}
	if s.State != client.RefusedBy || !slices.ContainsFunc(s.Verdict.Causes, suspended) {
		t.Errorf("%s: %+v", s.State, s.Verdict)
	}
	if list, err := w.Agency(Birch).Inbox(); err != nil || slices.ContainsFunc(list, func(m *client.Message) bool { return m.Header.ID == ids[0] }) {
		t.Errorf("Birch has it: %v", err)
	}
}
