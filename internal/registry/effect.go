package registry

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"fairlead/internal/agreement"
	"fairlead/internal/consent"
	"fairlead/internal/entry"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/keyring"
	"fairlead/internal/policy"
	"fairlead/internal/staff"
	"fairlead/internal/strictjson"
)

// effect changes s, a private copy, by one entry. Maps are copied before they are written.
func (s *Snapshot) effect(index int64, l entry.Leaf, d *entry.Detail) error {
	switch {
	case d.Register != nil:
		return s.register(index, l, d.Register)
	case d.Notice != nil:
		return s.notice(index, d.Notice)
	case d.Share != nil:
		return s.share(index, l, d.Share)
	}
	return nil
}

func (s *Snapshot) register(index int64, l entry.Leaf, r *entry.Register) error {
	switch r.Action {
	case "enrol", Reenrol:
		a, err := ParseAgency(r.Record)
		if err != nil {
			return err
		}
		if a.Suspended || a.Removed || len(a.FormerUsers)+len(a.FormerWitnesses) > 0 {
			return fmt.Errorf("the record of %s says what only later entries can", a.ID)
		}
		if r.Action == Reenrol {
			return s.reenrol(index, l.At, a)
		}
		return s.enrol(index, l.At, a)
	case "rules":
		var rules Rules // a fresh one: the old Snapshot keeps its own
		if err := strictjson.Unmarshal(r.Record, &rules); err != nil {
			return err
		}
		if rules.Law != nil {
			if err := rules.Law.Check(); err != nil {
				return err
			}
		}
		if rules.HeaderDays < 0 || rules.HeaderDays > maxHeaderDays {
			return fmt.Errorf("header_days: want a number of days, at most %d, or none for %d", maxHeaderDays, HeaderDays)
		}
		if err := rules.payloadDaysFault(); err != nil {
			return err
		}
		return s.setRules(index, rules)
	}
	if r.Action == Auditor || r.Action == Read {
		return s.audited(r, l.At)
	}
	if r.Action == Erase {
		return s.eraseDetails(index, r.Record)
	}
	if r.Action == EmptyPayloads {
		return s.emptyPayloads(r.Record)
	}
	if r.Action == "suspend" || r.Action == "resume" {
		return s.suspend(r.Action == "suspend", r.Record)
	}
	if known, err := s.ceremony(r); known {
		return err
	}
	return fmt.Errorf("unknown act %q", r.Action)
}

func (s *Snapshot) enrol(index int64, at time.Time, a *Agency) error {
	if s.agencies[a.ID] != nil || s.accounts[a.Account] != "" {
		return fmt.Errorf("agency %s or its account is already enrolled", a.ID)
	}
	cert, err := CheckEnrolment(a, at)
	if err != nil {
		return err
	}
	if a.again() {
		return fmt.Errorf("the request of %s is one for new keys; no agency of that name is enrolled", a.ID)
	}
	if err := errors.Join(s.newWitness(a), s.sponsored(a), s.approved(RequestDigest(a.Request), a.Approvals)); err != nil {
		return err
	}
	ring, err := s.ring.With(a.ID, cert)
	if err != nil {
		return err
	}
	a.Entry = index
	s.ring = ring
	s.agencies = maps.Clone(s.agencies)
	s.agencies[a.ID] = a
	s.accounts = maps.Clone(s.accounts)
	s.accounts[a.Account] = a.ID
	return nil
}

// Suspension is the record of an operator's act on an agency, such as after the loss of a key.
type Suspension struct {
	Agency fairlead.AgencyID `json:"agency"`
	Reason string            `json:"reason"` // code: key_loss, request, breach, other
}

// suspend lets an agency neither send nor receive until it is resumed.
func (s *Snapshot) suspend(yes bool, record []byte) error {
	var r Suspension
	if err := strictjson.Unmarshal(record, &r); err != nil {
		return err
	}
	old := s.agencies[r.Agency]
	if old == nil || old.Suspended == yes || old.Removed {
		return fmt.Errorf("agency %s is not enrolled, is removed, or is so already", r.Agency)
	}
	if !slices.Contains(suspensionReasons(), r.Reason) {
		return fmt.Errorf("reason: want key_loss, request, breach or other")
	}
	next := *old
	next.Suspended = yes
	s.agencies = maps.Clone(s.agencies)
	s.agencies[r.Agency] = &next
	return nil
}

// notice notes what a notice of the hub says: that a consent has ended, or that an agreement is active.
func (s *Snapshot) notice(index int64, n *entry.Notice) error {
	if stop, err := ParseStop(n.Record); err == nil && len(stop.Shares) > 0 {
		return s.stopped(index, stop)
	}
	var a Announcement
	if err := strictjson.Unmarshal(n.Record, &a); err != nil {
		return err
	}
	return s.told(a)
}

// share puts a decided share on record and applies what a control record changes. A share whose
// sender was not established leaves no trace here: nobody can use up another's id.
func (s *Snapshot) share(index int64, l entry.Leaf, sh *entry.Share) error {
	if !established(sh.Decision) {
		return nil
	}
	h, err := sh.Parsed()
	if err != nil {
		return err
	}
	rec := &shareRecord{digest: sh.Digest, parties: parties{sh.Account, h.From.Agency, h.To.Agency}, entry: index, counter: l.Counter}
	rec.terms = terms{kind: h.Kind, status: h.Status, purpose: h.Purpose, urgent: urgent(h), delivered: sh.Decision.Delivers()}
	rec.answers = h.ReplyTo
	rec.keepSections(h, sh)
	rec.relies = s.rely(l.At, h, sh)
	rec.marks = s.mark(h, sh)
	s.shares = s.shares.with(h.ID, rec)
	s.noteHold(index, l, h, sh)
	if !sh.Decision.Delivers() {
		return nil
	}
	return s.control(index, l, h, sh.Record)
}

// control applies a delivered share of a kind that changes the register.
func (s *Snapshot) control(index int64, l entry.Leaf, h *envelope.Header, record []byte) error {
	switch h.Kind {
	case "agreement.proposal":
		return s.propose(index, record)
	case "agreement.signature":
		return s.sign(index, l.At, h.From.Agency, record)
	case "agreement.status":
		return s.status(index, l.At, h.From.Agency, record)
	case "consent.record":
		return s.consent(index, h.From.Agency, record)
	case "agency.rules":
		return s.setHouse(index, h.From.Agency, record)
	case "consent.withdraw":
		return s.withdraw(index, h.From.Agency, record)
	case "agency.certificate":
		cert, err := keyring.ReadCertificate(record, l.At)
		if err != nil {
			return err
		}
		s.ring, err = s.ring.With(h.From.Agency, cert)
		return err
	case "staff.record":
		m, err := staff.ParseMember(record)
		if err != nil {
			return err
		}
		s.staff = s.staff.with(keyOf(string(h.From.Agency), m.User), vouchedFor{m, index})
	case "training.record":
		t, err := staff.ParseTraining(record)
		if err != nil {
			return err
		}
		key := keyOf(string(h.To.Agency), t.User)
		old, _ := s.training.get(key)
		s.training = s.training.with(key, staff.Add(old, t))
	case "approval":
		return s.approve(index, h.From.Agency, record)
	case "ack":
		s.applyAck(index, h, record)
	case "recall.notice":
		s.recall(index, h)
	case "onward.permission":
		return s.permit(index, h, record)
	case "recall.confirmation":
		s.recallAnswered(h)
	}
	return nil
}

func (s *Snapshot) consent(index int64, by fairlead.AgencyID, record []byte) error {
	r, err := consent.Parse(record)
	if err != nil {
		return err
	}
	r.Items = slices.Clone(r.Items) // reading it made room for more
	key := keyOf(string(by), r.Subject)
	old, _ := s.consents.get(key)
	s.consents = s.consents.with(key, append(slices.Clone(old), consent.Held{Record: *r, Agency: word(by), Entry: index}))
	s.consentOf = s.consentOf.with(keyOf(string(by), "consent", r.ID), r.Subject)
	if r.Supersedes != "" {
		s.owe(index, by, *r)
	}
	return nil
}

// applyAck notes how far a human acknowledgement goes, and how far an agency's program has stored.
func (s *Snapshot) applyAck(index int64, h *envelope.Header, record []byte) {
	if h.To.Agency == fairlead.Hub {
		if a, err := ParseDeliveredAck(record); err == nil {
			for n := s.Heard(h.From.Agency) + 1; n <= min(a.Counter, s.Counter(h.From.Agency)); n++ { // they get their receipts now
				s.senders = s.senders.without(deliveryKey(h.From.Agency, n))
			}
			s.heard = s.heard.with(keyOf(string(h.From.Agency)), a.Counter)
			s.heardBy = s.heardBy.with(keyOf(string(h.From.Agency)), index)
		}
		return
	}
	if old, ok := s.known(h.ReplyTo); ok {
		next := *old
		if level := fairlead.AckLevel(h.Facts["level"]); old.ack != fairlead.AckAccepted || level != fairlead.AckOpened {
			next.ack = level // the furthest: who has accepted has opened
		}
		s.shares = s.shares.with(h.ReplyTo, &next)
	}
}

// established reports whether the decision knew who sent the share: none of its causes is of check P00.
func established(d policy.Decision) bool {
	return !slices.ContainsFunc(d.Causes, func(c policy.Cause) bool { return c.Check == "P00" })
}

// Heard is the last counter that id has acknowledged as stored.
func (s *Snapshot) Heard(id fairlead.AgencyID) uint64 {
	n, _ := s.heard.get(keyOf(string(id)))
	return n
}

// DeliveredAck is the record by which an agency's program says, signed, that it has stored everything
// up to a counter: Rolling is SHA-256 over the leaves so far, each hashed after the last value.
type DeliveredAck struct {
	Counter uint64          `json:"counter"`
	Rolling fairlead.Digest `json:"rolling"`
}

// ParseDeliveredAck reads the record.
func ParseDeliveredAck(record []byte) (DeliveredAck, error) {
	var a DeliveredAck
	if err := strictjson.Unmarshal(record, &a); err != nil {
		return a, err
	}
	if a.Counter == 0 {
		return a, fmt.Errorf("%w: acknowledgement of nothing", ErrFold)
	}
	return a, nil
}

// Readers says who needs an entry for its own Snapshot: everybody, or the agencies named.
func (s *Snapshot) Readers(index int64, d *entry.Detail) (all bool, some []fairlead.AgencyID) {
	if d.Register != nil {
		return !slices.Contains([]string{Erase, EmptyPayloads, Auditor, Read}, d.Register.Action), nil // auditors' business, and of whom it names
	}
	if d.Share == nil || !d.Share.Decision.Delivers() {
		return false, nil
	}
	h, err := d.Share.Parsed()
	if err != nil {
		return false, nil
	}
	switch h.Kind {
	case "agency.certificate":
		return true, nil
	case "consent.record", "staff.record", "agency.rules":
		return false, []fairlead.AgencyID{h.From.Agency}
	case "training.record":
		return false, []fairlead.AgencyID{h.To.Agency}
	case "consent.withdraw":
		if w, err := consent.ParseWithdrawal(d.Share.Record); err == nil {
			return false, []fairlead.AgencyID{cmp.Or(w.Of, h.From.Agency)}
		}
	case "agreement.proposal":
		if a, err := agreement.Parse(d.Share.Record); err == nil {
			if st := s.agreements.get(a.Ref()); st != nil && st.Entry == index {
				return false, a.Parties
			}
		}
	case "agreement.status":
		if st, err := agreement.ParseStatus(d.Share.Record); err == nil {
			return false, s.partiesOf(st.ID, st.Version)
		}
	case "agreement.signature":
		if sig, err := agreement.ParseSignature(d.Share.Record); err == nil {
			return false, s.partiesOf(sig.ID, sig.Version)
		}
	}
	return false, nil
}
