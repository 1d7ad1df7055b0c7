package registry

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"time"

	"fairlead/internal/entry"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/kind"
	"fairlead/internal/policy"
	"fairlead/internal/staff"
)

// heldShare is a share that waits for its second person.
type heldShare struct {
	index  int64
	header *envelope.Header
	share  *entry.Share
}

// noteHold keeps a share that is held, and lets go of one whose hold has ended.
func (s *Snapshot) noteHold(index int64, _ entry.Leaf, h *envelope.Header, sh *entry.Share) {
	if sh.Decision.Result != fairlead.Held && sh.Releases == nil {
		return
	}
	if sh.Decision.Result != fairlead.Held {
		s.letGo(h.ID)
		return
	}
	s.held = maps.Clone(s.held)
	s.held[h.ID] = &heldShare{index: index, header: h, share: sh}
}

func (s *Snapshot) letGo(id fairlead.ShareID) {
	s.held = maps.Clone(s.held)
	delete(s.held, id)
}

// approve keeps an approval, which policy and register have checked, with the share it is for.
func (s *Snapshot) approve(index int64, by fairlead.AgencyID, record []byte) error {
	a, err := staff.ParseApproval(record)
	if err != nil {
		return err
	}
	m := s.Member(by, a.User)
	if m == nil {
		return fmt.Errorf("approval by %s, who is not on record", a.User)
	}
	old, _ := s.approvals.get(a.Share)
	s.approvals = s.approvals.with(a.Share, append(slices.Clone(old), staff.Approved{User: a.User, Role: m.Role, Reasons: a.Reasons, Entry: index}))
	return nil
}

// approvalsOf lists the approvals of a share, each with the training of who gave it as it is now.
func (s *Snapshot) approvalsOf(h *envelope.Header, at time.Time) []staff.Approved {
	list, _ := s.approvals.get(h.ID)
	list = slices.Clone(list)
	for i := range list {
		list[i].Training = s.Training(h.From.Agency, list[i].User, at)
	}
	return list
}

// Training lists the courses that are current for one of an agency's people.
func (s *Snapshot) Training(of fairlead.AgencyID, user string, at time.Time) []string {
	courses, _ := s.training.get(keyOf(string(of), user))
	return staff.Current(courses, at)
}

// approvalFault is what the register holds against an approval: nobody approves their own, nor for
// another agency, nor other bytes than were held.
func (s *Snapshot) approvalFault(by fairlead.AgencyID, record []byte, at time.Time) (fairlead.Reason, string) {
	a, err := staff.ParseApproval(record)
	if err != nil {
		return fairlead.ReasonSchema, err.Error()
	}
	held := s.held[a.Share]
	m := s.Member(by, a.User)
	switch {
	case held == nil || held.header.From.Agency != by:
		return fairlead.ReasonSecondPerson, "this agency has no such share waiting"
	case held.share.Digest != a.Header:
		return fairlead.ReasonSecondPerson, "the approval is of other bytes than those that wait"
	case a.User == held.header.From.User:
		return fairlead.ReasonSecondPerson, "nobody approves their own; ask another person"
	case m == nil || !slices.Contains(kind.Approvers, m.Role):
		return fairlead.ReasonSecondPerson, "the agency has no such person on record in a role that approves"
	}
	if err := a.Verify(m, at); err != nil {
		return fairlead.ReasonSecondPerson, err.Error()
	}
	return "", ""
}

// Releasable makes the next decision on every held share whose wait is over: approved, or out of time.
func (s *Snapshot) Releasable(at time.Time) []*entry.Share {
	var list []*entry.Share
	for _, h := range s.held {
		next := *h.share
		next.Releases = &h.index
		next.Decision = s.decideRelease(&next, at)
		if next.Decision.Result != fairlead.Held {
			list = append(list, &next)
		}
	}
	slices.SortFunc(list, func(a, b *entry.Share) int { return int(*a.Releases - *b.Releases) })
	return list
}

// MaxHeld is how many shares of one agency may wait for a second person: each is kept whole and decided again in every
// round, so that without a bound one agency could stop the hub.
const MaxHeld = 1000

// heldOf lists the entries of the shares of an agency that wait, rising.
func (s *Snapshot) heldOf(id fairlead.AgencyID) (list []int64) {
	for _, h := range s.held {
		if h.header.From.Agency == id {
			list = append(list, h.index)
		}
	}
	slices.Sort(list)
	return list
}

// refusedHold is the decision that a share waits no more, or not at all.
func refusedHold(reason fairlead.Reason, advice string) policy.Decision {
	return policy.Decision{
		Engine: policy.Engine, Result: fairlead.Refused, Ground: fairlead.GroundNone,
		Causes: []policy.Cause{{Reason: reason, Check: "P14", Where: "hold", Advice: advice}},
	}
}

// decideRelease decides a held share again on the fold as it is now. Its signature and time were
// checked when it was held; what has changed since may only narrow it.
func (s *Snapshot) decideRelease(sh *entry.Share, at time.Time) policy.Decision {
	h, err := sh.Parsed()
	if err != nil {
		return refusedHold(fairlead.ReasonSchema, err.Error())
	}
	held := s.held[h.ID]
	if held == nil || held.index != *sh.Releases || !same(held.share, sh) {
		return refusedHold(fairlead.ReasonSecondPerson, "no such share waits")
	}
	if a := s.agencies[h.From.Agency]; a == nil || held.index < a.Entry {
		return refusedHold(fairlead.ReasonSignature, "its sender has replaced the key that signed it; send it again if it is still needed")
	}
	if to := s.agencies[h.To.Agency]; to != nil && held.index < to.Entry {
		return refusedHold(fairlead.ReasonKeyStale, "its recipient has replaced the keys it is sealed to, as after a theft; seal again")
	}
	if !at.Before(h.ValidUntil.Time) {
		return refusedHold(fairlead.ReasonSecondPerson, "nobody approved it in time; send it again if it is still needed")
	}
	var ds []*envelope.Descriptor
	for _, raw := range sh.Descriptors {
		d, err := envelope.ParseDescriptor(raw)
		if err != nil {
			return refusedHold(fairlead.ReasonSchema, err.Error())
		}
		ds = append(ds, d)
	}
	d := policy.Decide(policy.Request{Header: h, Descriptors: ds, Record: sh.Record}, s.Facts(h, ds, sh.Record, at), at)
	narrow(&d, held.share.Decision.Sections)
	return d
}

// same reports whether a release is of the very share that was held, part by part: the header alone does not say
// which of its digests are of parts.
func same(held, sh *entry.Share) bool {
	return held.Digest == sh.Digest && held.Account == sh.Account && held.Subject == sh.Subject &&
		bytes.Equal(held.Header, sh.Header) && bytes.Equal(held.Signature, sh.Signature) && bytes.Equal(held.Record, sh.Record) &&
		slices.EqualFunc(held.Descriptors, sh.Descriptors, bytes.Equal) && slices.Equal(held.Keys, sh.Keys)
}

// narrow withholds what was withheld when the share was held: nobody has approved more than that.
func narrow(d *policy.Decision, before []policy.Section) {
	left := false
	for i := range d.Sections {
		if now := &d.Sections[i]; now.Delivered && i < len(before) && len(before[i].Causes) > 0 {
			now.Delivered, now.Causes = false, before[i].Causes
			d.Result = fairlead.DeliveredRedacted
		}
		left = left || d.Sections[i].Delivered
	}
	if d.Delivers() && !left && len(d.Sections) > 0 {
		d.Result, d.Ground, d.Agreement, d.Causes, d.Due, d.Oblige = fairlead.Refused, fairlead.GroundNone, "", d.Sections[0].Causes, nil, nil
	}
}

// Waits reports whether a share is held.
func (s *Snapshot) Waits(id fairlead.ShareID) bool { return s.held[id] != nil }
