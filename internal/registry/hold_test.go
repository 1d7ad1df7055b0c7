package registry_test

import (
	"crypto/ed25519"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"fairlead/internal/consent"
	"fairlead/internal/entry"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/registry"
	"fairlead/internal/staff"
)

// office is a world in which NOR-CSC has put three people on record, and holds a share for an override.
type office struct {
	*world
	people map[string]ed25519.PrivateKey
	held   *message
}

func newOffice(t testing.TB) *office {
	o := &office{world: newWorld(t, "NOR-CSC", "WDB-CSC"), people: map[string]ed25519.PrivateKey{}}
	o.agree("A1", "NOR-CSC", "WDB-CSC")
	for user, role := range map[string]fairlead.Role{"user-1": "TEAM_MANAGER", "manager-2": "TEAM_MANAGER", "worker-3": "PRACTITIONER"} {
		o.hire("NOR-CSC", user, role, fairlead.Time{})
	}
	o.train("user-1", "manager-2")
	o.consented("NOR-CSC", kid, "c-1", consent.Item{Status: "refused", Sections: []fairlead.SectionCode{"EDU"}})
	o.held = o.override()
	if d := o.commit(o.share(o.held)); d.Result != fairlead.Held {
		t.Fatalf("%s: %+v", d.Result, d)
	}
	return o
}

func (o *office) hire(by fairlead.AgencyID, user string, role fairlead.Role, until fairlead.Time) {
	o.t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	o.must(err)
	o.people[user] = private
	m := o.message(by, fairlead.Hub, "staff.record", asJSON(staff.Member{User: user, Role: role, Key: hex.EncodeToString(public), From: fairlead.At(start), Until: until}))
	m.h.From.Role = "DPO"
	o.send(m)
}

// train puts all courses of people of NOR-CSC on record.
func (o *office) train(users ...string) {
	o.t.Helper()
	o.trainAt("WDB-CSC", "NOR-CSC", users...)
}

func (o *office) trainAt(trainer, at fairlead.AgencyID, users ...string) {
	o.t.Helper()
	for _, user := range users {
		var courses []staff.Course
		for _, code := range []string{"T1", "T2", "T3", "T4", "T-CORE"} {
			courses = append(courses, staff.Course{Code: code, Passed: start.AddDate(0, -1, 0).Format(time.DateOnly), Until: fairlead.At(start.AddDate(1, 0, 0))})
		}
		m := o.message(trainer, at, "training.record", asJSON(staff.Training{User: user, Courses: courses}))
		m.h.From.Role, m.h.Purpose = "TRAINER", "TRAINING"
		o.send(m)
	}
}

// override is a note with a refused section, an override and its sealed reasons. LEGAL is not in the agreement.
func (o *office) override() *message {
	m := o.note("NOR-CSC", "WDB-CSC").child(kid)
	m.h.Threshold, m.h.TLP, m.h.To.User = "TH3", "RED", "duty-lead"
	note := envelope.HeaderDigest([]byte("note"))
	m.parts = append(m.parts,
		envelope.Descriptor{Audience: envelope.ForRecipient, Code: "EDU", Digest: envelope.HeaderDigest([]byte("edu")), Override: &envelope.Override{Reason: "SIG-HARM", Note: note}},
		envelope.Descriptor{Audience: envelope.ForRecipient, Code: "OVERRIDE-NOTE", Digest: note},
		envelope.Descriptor{Audience: envelope.ForRecipient, Code: "LEGAL", Court: "WF-1", Digest: envelope.HeaderDigest([]byte("legal"))},
	)
	return m
}

// approval is signed by a user over the share that waits.
func (o *office) approval(user string) staff.Approval {
	a := staff.Approval{Share: o.held.h.ID, Header: envelope.HeaderDigest(asJSON(o.held.h)), Reasons: []string{"SIG-HARM"}, User: user}
	a.Sign(o.people[user])
	return a
}

func (o *office) approve(by fairlead.AgencyID, a staff.Approval) string {
	o.t.Helper()
	m := o.message(by, fairlead.Hub, "approval", asJSON(a))
	m.h.From.Role, m.h.From.User = "TEAM_MANAGER", a.User
	d := o.commit(o.share(m))
	if len(d.Causes) > 0 {
		return string(d.Causes[0].Reason) + " " + d.Causes[0].Advice
	}
	return string(d.Result)
}

// release commits the entry that ends the hold.
func (o *office) release(s *entry.Share) {
	o.t.Helper()
	l := entry.Leaf{Class: entry.ClassShare, At: o.at, Share: o.held.h.ID, From: "NOR-CSC", To: "WDB-CSC", Outcome: entry.OutcomeNotDelivered}
	if s.Decision.Delivers() {
		l.Outcome, l.Counter = entry.OutcomeDelivered, o.snap.Counter("WDB-CSC")+1
	}
	o.must(o.fold(l, &entry.Detail{Share: s}))
}

// TestHold: a held share waits, unseen by its recipient, until a second person has signed; the release
// is an entry of its own and ends the hold.
func TestHold(t *testing.T) {
	o := newOffice(t)
	before := o.snap.Counter("WDB-CSC")
	if !o.snap.Waits(o.held.h.ID) || len(o.snap.Releasable(o.at)) != 0 {
		t.Fatal("it does not wait")
	}
	if got := o.approve("NOR-CSC", o.approval("manager-2")); got != "delivered" {
		t.Fatal(got)
	}
	list := o.snap.Releasable(o.at)
	if len(list) != 1 || o.snap.Counter("WDB-CSC") != before {
		t.Fatalf("%d to release", len(list))
	}
	d := list[0].Decision
	if d.Ground != fairlead.GroundOverride || d.Result != fairlead.DeliveredRedacted || !slices.Equal(d.Withheld(), []fairlead.SectionCode{"OVERRIDE-NOTE", "LEGAL"}) {
		t.Errorf("%+v", d)
	}
	for name, change := range map[string]func(s *entry.Share){
		"of another entry": func(s *entry.Share) { i := *s.Releases - 1; s.Releases = &i }, "of other bytes": func(s *entry.Share) { s.Digest[0] ^= 1 },
	} {
		other := *list[0]
		change(&other)
		if d := o.snap.Decide(&other, o.at, nil); d.Delivers() {
			t.Errorf("a release %s: %+v", name, d)
		}
	}
	old := o.snap
	o.release(list[0])
	if o.snap.Waits(o.held.h.ID) || len(o.snap.Releasable(o.at)) != 0 || o.snap.Counter("WDB-CSC") != before+1 {
		t.Error("it still waits")
	}
	if !old.Waits(o.held.h.ID) {
		t.Error("the release changed an old Snapshot")
	}
	if again := o.snap.Decide(list[0], o.at, nil); again.Delivers() {
		t.Errorf("it is released a second time: %+v", again)
	}
	if got := o.approve("NOR-CSC", o.approval("manager-2")); !strings.Contains(got, "no such share waiting") {
		t.Errorf("approved after the release: %s", got)
	}
}

// TestApprovals: who may be the second person, and what an approval must be of.
func TestApprovals(t *testing.T) {
	changed := func(user string, change func(a *staff.Approval), sign bool) func(o *office) (fairlead.AgencyID, staff.Approval) {
		return func(o *office) (fairlead.AgencyID, staff.Approval) {
			a := o.approval(user)
			change(&a)
			if sign {
				a.Sign(o.people[user])
			}
			return "NOR-CSC", a
		}
	}
	for name, test := range map[string]struct {
		make func(o *office) (fairlead.AgencyID, staff.Approval)
		want string
	}{
		"another manager": {changed("manager-2", func(*staff.Approval) {}, false), "delivered"},
		"the author":      {changed("user-1", func(*staff.Approval) {}, false), "nobody approves their own"},
		"a practitioner":  {changed("worker-3", func(*staff.Approval) {}, false), "no such person on record in a role that approves"},
		"nobody on record": {func(o *office) (fairlead.AgencyID, staff.Approval) {
			_, o.people["ghost"], _ = ed25519.GenerateKey(nil)
			return "NOR-CSC", o.approval("ghost")
		}, "no such person on record"},
		"another's signature":    {changed("manager-2", func(a *staff.Approval) { a.User = "worker-3"; a.User = "manager-2"; a.Reasons = []string{"DUTY"} }, false), "not signed by the key on record"},
		"of other bytes":         {changed("manager-2", func(a *staff.Approval) { a.Header[0] ^= 1 }, true), "other bytes than those that wait"},
		"of a share unknown":     {changed("manager-2", func(a *staff.Approval) { a.Share = fairlead.NewShareID() }, true), "no such share waiting"},
		"with a reason in words": {changed("manager-2", func(a *staff.Approval) { a.Reasons = []string{"because her uncle"} }, true), "E_SCHEMA"},
		"for another agency": {func(o *office) (fairlead.AgencyID, staff.Approval) {
			o.hire("WDB-CSC", "manager-9", "TEAM_MANAGER", fairlead.Time{})
			return "WDB-CSC", o.approval("manager-9")
		}, "this agency has no such share waiting"},
		"who has left": {func(o *office) (fairlead.AgencyID, staff.Approval) {
			o.hire("NOR-CSC", "manager-2", "TEAM_MANAGER", fairlead.At(start.Add(-time.Second)))
			return "NOR-CSC", o.approval("manager-2")
		}, "is not active now"},
		"with the key of before": {func(o *office) (fairlead.AgencyID, staff.Approval) {
			a := o.approval("manager-2")
			o.hire("NOR-CSC", "manager-2", "TEAM_MANAGER", fairlead.Time{})
			return "NOR-CSC", a
		}, "not signed by the key on record"},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t)
			by, a := test.make(o)
			got := o.approve(by, a)
			if !strings.Contains(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if released := len(o.snap.Releasable(o.at)) == 1; released != (test.want == "delivered") {
				t.Errorf("to be released: %v", released)
			}
		})
	}
}

// TestHeldIsBounded: so many shares of one agency wait and no more; one that ends makes room, and others go on.
func TestHeldIsBounded(t *testing.T) {
	o := newOffice(t)
	o.agree("A2", "WDB-CSC", "NOR-CSC")
	o.consented("WDB-CSC", kid, "c-9", consent.Item{Status: "refused", Sections: []fairlead.SectionCode{"EDU"}})
	o.trainAt("NOR-CSC", "WDB-CSC", "user-1")
	for range registry.MaxHeld - 1 {
		if d := o.commit(o.share(o.override())); d.Result != fairlead.Held {
			t.Fatalf("%s: %+v", d.Result, d)
		}
	}
	if d := o.commit(o.share(o.override())); first(d) != "P14 "+string(fairlead.ReasonSecondPerson) || len(d.Used) != registry.MaxHeld {
		t.Errorf("one more: %s, on %d entries", first(d), len(d.Used))
	}
	if got := first(o.commit(o.share(o.note("NOR-CSC", "WDB-CSC")))); got != "delivered" {
		t.Errorf("one that need not wait: %s", got)
	}
	other := o.override()
	other.h.From.Agency, other.h.To.Agency = "WDB-CSC", "NOR-CSC"
	if got := o.commit(o.share(other)); got.Result != fairlead.Held {
		t.Errorf("another agency: %s %+v", got.Result, got.Causes)
	}
	if got := o.approve("NOR-CSC", o.approval("manager-2")); got != "delivered" {
		t.Fatal(got)
	}
	o.release(o.snap.Releasable(o.at)[0])
	if got := o.commit(o.share(o.override())); got.Result != fairlead.Held {
		t.Errorf("after a release: %+v", got)
	}
}

// TestHoldEnds: a hold ends by an entry in any case: when its time is over it is refused.
func TestHoldEnds(t *testing.T) {
	o := newOffice(t)
	o.at = o.held.h.ValidUntil.Add(-time.Second)
	if len(o.snap.Releasable(o.at)) != 0 {
		t.Error("it ends before its time")
	}
	o.at = o.held.h.ValidUntil.Time
	list := o.snap.Releasable(o.at)
	if len(list) != 1 || list[0].Decision.Delivers() || !strings.Contains(fmt.Sprint(list[0].Decision.Causes), "nobody approved it in time") {
		t.Fatalf("%+v", list)
	}
	o.release(list[0])
	if o.snap.Waits(o.held.h.ID) || len(o.snap.Releasable(o.at)) != 0 {
		t.Error("it still waits")
	}
}

// widen puts an agreement on record that permits what was withheld when the share was held.
func (o *office) widen() {
	o.t.Helper()
	record := []byte(strings.Replace(string(o.pact("A0", "NOR-CSC", "WDB-CSC")), `"EDU"`, `"EDU","LEGAL","OVERRIDE-NOTE"`, 1))
	o.send(o.message("NOR-CSC", "WDB-CSC", "agreement.proposal", record))
	for _, by := range []fairlead.AgencyID{"NOR-CSC", "WDB-CSC"} {
		o.send(o.message(by, fairlead.Hub, "agreement.signature", signature(record, "A0")))
	}
}

// TestReleaseOfThatShare: a release is of the very share that was held, with all its parts in their places: else a hub
// could leave out what a consent is found by, or put a withheld section where one stood that was approved.
func TestReleaseOfThatShare(t *testing.T) {
	o := newOffice(t)
	if got := o.approve("NOR-CSC", o.approval("manager-2")); got != "delivered" {
		t.Fatal(got)
	}
	o.widen()
	list := o.snap.Releasable(o.at)
	if len(list) != 1 || !list[0].Decision.Delivers() {
		t.Fatalf("%+v", list)
	}
	for name, change := range map[string]func(s *entry.Share){
		"sections in another order": func(s *entry.Share) { slices.Reverse(s.Descriptors) },
		"a part less":               func(s *entry.Share) { s.Descriptors = s.Descriptors[:len(s.Descriptors)-1] },
		"another record":            func(s *entry.Share) { s.Record = []byte("{}") },
		"another account":           func(s *entry.Share) { s.Account = account("WDB-CSC") },
		"other keys":                func(s *entry.Share) { s.Keys = append(slices.Clone(s.Keys), "") },
	} {
		other := *list[0]
		other.Descriptors = slices.Clone(other.Descriptors)
		change(&other)
		if d := o.snap.Decide(&other, o.at, nil); d.Delivers() {
			t.Errorf("%s: %s, without %v", name, d.Result, d.Withheld())
		}
	}
}

// TestReleaseNarrows: it is decided again on what is in force at the release. What has become
// forbidden is refused; what has become permitted stays withheld, for nobody approved that.
func TestReleaseNarrows(t *testing.T) {
	for name, test := range map[string]struct {
		change func(o *office)
		want   string
	}{
		"nothing changed":     {func(*office) {}, "delivered_redacted [OVERRIDE-NOTE LEGAL]"},
		"agreement suspended": {func(o *office) { o.status("WDB-CSC", "A1", "suspend") }, "refused []"},
		"another section less": {func(o *office) {
			o.consented("NOR-CSC", kid, "c-2", consent.Item{Status: "refused", Sections: []fairlead.SectionCode{"PRO-CONTACT"}})
		}, "delivered_redacted [PRO-CONTACT OVERRIDE-NOTE LEGAL]"},
		"the child says yes": {func(o *office) { o.consented("NOR-CSC", kid, "c-2", consent.Item{Status: "given"}) }, "delivered_redacted [OVERRIDE-NOTE LEGAL]"},
		"a wider agreement":  {(*office).widen, "delivered_redacted [OVERRIDE-NOTE LEGAL]"},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t)
			if got := o.approve("NOR-CSC", o.approval("manager-2")); got != "delivered" {
				t.Fatal(got)
			}
			test.change(o)
			list := o.snap.Releasable(o.at)
			if len(list) != 1 {
				t.Fatalf("%d to release", len(list))
			}
			d := list[0].Decision
			if got := fmt.Sprint(d.Result, " ", d.Withheld()); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
			o.release(list[0])
		})
	}
}
