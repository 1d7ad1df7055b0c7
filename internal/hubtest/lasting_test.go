package hubtest

import (
	"slices"
	"testing"
	"time"

	"fairlead/internal/client"
	"fairlead/internal/entry"
	"fairlead/internal/fairlead"
	"fairlead/internal/registry"
)

// TestRotation: a share sealed to the old key while the recipient's new one is under way is refused,
// sealed again by its sender's program, and arrives once. What came before the rotation still opens.
func TestRotation(t *testing.T) {
	t.Parallel()
	w := New(t, Config{})
	alder, birch := w.Agency(Alder), w.Agency(Birch)
	before := w.send(t, Alder, DraftAssessment(Birch, Section("EDU", `{"n":1}`)))
	old := alder.Snapshot().Certificate(Birch).Encryption()
	arrived := len(w.inbox(t, Birch))

	w.Clock.Set(w.Clock.Now().Add(time.Hour))
	ids, err := alder.Send(DraftAssessment(Birch, Section("EDU", `{"n":2}`))) // sealed, not yet published
	if err != nil {
		t.Fatal(err)
	}
	rotation, err := birch.Home.RotateKey(birch.Client, "DPO", "dpo1")
	if err != nil {
		t.Fatal(err)
	}
	if list, err := birch.Wait(within(t), rotation); err != nil || list[0].State != client.Recorded {
		t.Fatalf("%+v %v", list, err)
	}
	w.settle(t)

	first := w.sent(t, Alder, ids[0])
	if first.State != client.Resealed || first.Verdict.Causes[0].Reason != fairlead.ReasonKeyStale || first.ReplacedBy == "" {
		t.Fatalf("%s, replaced by %q, %+v", first.State, first.ReplacedBy, first.Verdict)
	}
	id, err := fairlead.ParseShareID(first.ReplacedBy)
	if err != nil {
		t.Fatal(err)
	}
	if again := w.sent(t, Alder, id); again.State != client.Delivered || alder.Snapshot().Certificate(Birch).Encryption() == old {
		t.Errorf("%s, %+v", again.State, again.Verdict)
	}
	if inbox := w.inbox(t, Birch); len(inbox) != arrived+1 || inbox[arrived].Header.ID != id {
		t.Errorf("%d messages, were %d", len(inbox), arrived)
	}
	after := w.send(t, Aspen, DraftAssessment(Birch, Section("EDU", `{"n":3}`)))
	for n, id := range []fairlead.ShareID{before.ID, id, after.ID} {
		if got, want := w.open(t, Birch, id)["EDU"], `{"n":`+string(rune('1'+n))+`}`; got != want {
			t.Errorf("opened %q, want %q", got, want)
		}
	}

	// A certificate from before the rotation cannot come back.
	back := w.send(t, Birch, &client.Draft{
		Kind: "agency.certificate", Role: "DPO", User: "dpo1", To: []string{"HUB"}, Record: w.enrolled(t, Birch),
	})
	if back.State != client.RefusedBy {
		t.Errorf("the old certificate is back: %s", back.State)
	}
}

// enrolled is the certificate an agency was enrolled with.
func (w *World) enrolled(t testing.TB, id fairlead.AgencyID) []byte {
	t.Helper()
	a := w.Hub.Broker().Agency(id)
	if a == nil {
		t.Fatal("not enrolled")
	}
	return a.Certificate
}

// TestReopen: everything that matters outlives the programs: keys, register, outbox, inbox, log, and a
// share that was queued when they ended.
func TestReopen(t *testing.T) {
	t.Parallel()
	w := New(t, Config{})
	handle, err := w.Agency(Alder).SubjectHandle("child one")
	if err != nil {
		t.Fatal(err)
	}
	s := w.send(t, Alder, DraftAssessment(Birch, Section("EDU", `{"n":1}`)))
	ids, err := w.Agency(Alder).Send(DraftAssessment(Birch, Section("EDU", `{"n":2}`)))
	if err != nil {
		t.Fatal(err)
	}
	lines, tree := w.lines(t), w.Agency(Birch).Tree()
	if err := w.Reopen(within(t)); err != nil {
		t.Fatal(err)
	}
	if got := w.Agency(Birch).Tree(); got != tree {
		t.Errorf("proved checkpoint of %d entries, was of %d", got.N, tree.N)
	}
	if again, err := w.Agency(Alder).SubjectHandle("child one"); err != nil || again != handle {
		t.Errorf("another handle: %v", err)
	}
	if got := w.sent(t, Alder, s.ID); got.State != client.Delivered || got.Index != s.Index {
		t.Errorf("%s at %d", got.State, got.Index)
	}
	if got := w.open(t, Birch, s.ID)["EDU"]; got != `{"n":1}` {
		t.Errorf("opened %q", got)
	}
	w.settle(t)
	if got := w.sent(t, Alder, ids[0]).State; got != client.Delivered {
		t.Errorf("queued before, now %s", got)
	}
	if _, err := w.Agency(Birch).Acknowledge(s.ID, fairlead.AckAccepted, "PRACTITIONER", "is1"); err != nil {
		t.Fatal(err)
	}
	w.settle(t)
	if got := w.sent(t, Alder, s.ID).State; got != client.Accepted {
		t.Errorf("acknowledged, now %s", got)
	}
	if now := w.lines(t); !slices.EqualFunc(lines, now[:len(lines)], func(a, b Line) bool { return a.Leaf == b.Leaf }) || len(now) < len(lines)+3 {
		t.Error("the log was rewritten")
	}
}

// TestTwice: enrolling again gives the same admission and no entry; another request is refused.
func TestTwice(t *testing.T) {
	t.Parallel()
	w := New(t, Config{})
	before := len(w.lines(t))
	agency := w.Hub.Broker().Agency(Birch)
	signed := registry.SignedRequest{Request: agency.Request, Signature: agency.Signature, RootSignature: agency.RootSignature}
	admission, err := w.Hub.Approve(within(t), signed)
	if err != nil || admission.Account != agency.Account || len(w.lines(t)) != before {
		t.Errorf("%+v %v, %d entries more", admission, err, len(w.lines(t))-before)
	}
	signed.Request = append(slices.Clone(signed.Request), ' ')
	if _, err := w.Hub.Approve(within(t), signed); err == nil {
		t.Error("a request that nobody signed was approved")
	}
	if n := slices.IndexFunc(w.lines(t), func(l Line) bool { return l.Leaf.Class != entry.ClassRegister }); n != 5 {
		t.Errorf("%d acts at the beginning, want 4 enrolments and the rules", n)
	}
}
