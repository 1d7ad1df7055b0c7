package client

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/staff"
)

// TestApproval: the approval that one of the agency's people signs holds against the record by which the
// agency vouches for that person, over the very bytes that were sent.
func TestApproval(t *testing.T) {
	w := newWorld(t)
	a := w.agency(alder)
	d := assessment("BIRCH")
	id := a.send(d)
	vouch, err := a.home.StaffDraft(a.Client, "anna-2", "TEAM_MANAGER")
	w.check(err)
	again, err := a.home.StaffDraft(a.Client, "anna-2", "TEAM_MANAGER")
	w.check(err)
	if !reflect.DeepEqual(vouch, again) || vouch.Kind != "staff.record" {
		t.Errorf("the second time another key: %s and %s", vouch.Record, again.Record)
	}
	member, err := staff.ParseMember(vouch.Record)
	w.check(err)
	draft, err := a.home.ApprovalDraft(a.Client, id, "anna-2", "TEAM_MANAGER", []string{"SIG-HARM"})
	w.check(err)
	approval, err := staff.ParseApproval(draft.Record)
	w.check(err)
	if err := approval.Verify(member, w.now); err != nil || approval.Share != id || approval.Header != envelope.HeaderDigest(a.share(id).Header) {
		t.Errorf("%+v: %v", approval, err)
	}
	other, err := a.home.StaffDraft(a.Client, "ben-3", "TEAM_MANAGER")
	w.check(err)
	var ben staff.Member
	w.check(json.Unmarshal(other.Record, &ben))
	if approval.Verify(&ben, w.now) == nil {
		t.Error("one person's approval holds for another")
	}
	own, err := a.OwnContent(id)
	if err != nil || !reflect.DeepEqual(own, d) {
		t.Errorf("what is to be approved reads %+v: %v", own, err)
	}
}

func TestApprovalRefuses(t *testing.T) {
	w := newWorld(t)
	a := w.agency(alder)
	id := a.send(assessment("BIRCH"))
	if _, err := a.home.ApprovalDraft(a.Client, fairlead.NewShareID(), "anna-2", "DPO", []string{"X"}); !errors.Is(err, ErrUnknownShare) {
		t.Errorf("a share that is none: %v", err)
	}
	if _, err := a.OwnContent(fairlead.NewShareID()); !errors.Is(err, ErrUnknownShare) {
		t.Errorf("the content of a share that is none: %v", err)
	}
	if _, err := a.home.ApprovalDraft(a.Client, id, "anna-2", "DPO", []string{"X"}); !errors.Is(err, ErrHome) || !strings.Contains(err.Error(), "run: fairlead staff add anna-2") {
		t.Errorf("a person without a key: %v", err)
	}
	for _, user := range []string{"", "Anna Doe", "../key", "a/b", strings.Repeat("a", 41)} {
		if _, err := a.home.StaffDraft(a.Client, user, "DPO"); !errors.Is(err, ErrHome) {
			t.Errorf("user %q: %v", user, err)
		}
	}
	for _, text := range []string{"", "00", strings.Repeat("z", 64)} {
		w.check(a.home.keys.Write("staff-anna-2.key", []byte(text)))
		if _, err := a.home.StaffDraft(a.Client, "anna-2", "DPO"); !errors.Is(err, ErrHome) {
			t.Errorf("key %q: %v", text, err)
		}
	}
}
