package registry

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"fairlead/internal/consent"
	"fairlead/internal/entry"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/keyring"
	"fairlead/internal/kind"
	"fairlead/internal/policy"
	"fairlead/internal/subject"
)

// Skew is how far ahead of the hub's clock sent_at may lie. What is late is taken until valid_until: a
// share may have waited in its outbox for a hub.
const Skew = 5 * time.Minute

// Examined is a share as the register sees it before policy does.
type Examined struct {
	Header      *envelope.Header
	Descriptors []*envelope.Descriptor
	Causes      []policy.Cause
}

// VerifyFunc checks one signature over a share's header. The broker passes one that remembers what it
// verified in parallel; nil verifies on the spot.
type VerifyFunc func(key *keyring.VerifyKey, header, signature []byte, at time.Time) error

// VerifyShare is the check itself.
func VerifyShare(key *keyring.VerifyKey, header, signature []byte, at time.Time) error {
	return key.Verify(header, signature, keyring.ContextShare, at)
}

// Decide examines a share as the broker had it before it, gathers the facts and lets policy decide.
// The broker and an auditor's replay both call it, so that they cannot differ.
func (s *Snapshot) Decide(sh *entry.Share, at time.Time, verify VerifyFunc) policy.Decision {
	if sh.Releases != nil {
		return s.decideRelease(sh, at)
	}
	e := s.Examine(sh, at, verify)
	r := policy.Request{Header: e.Header, Descriptors: e.Descriptors, Record: sh.Record, Examined: e.Causes}
	if e.Header == nil || len(e.Causes) > 0 {
		return policy.Decide(r, policy.Facts{}, at)
	}
	d := policy.Decide(r, s.Facts(e.Header, e.Descriptors, sh.Record, at), at)
	if d.Result != fairlead.Held {
		return d
	}
	if waiting := s.heldOf(e.Header.From.Agency); len(waiting) >= MaxHeld {
		d = refusedHold(fairlead.ReasonSecondPerson, fmt.Sprintf("%d shares of this agency wait for a second person; have them approved first", len(waiting)))
		d.Used = waiting
	}
	return d
}

// Examine checks what must hold before anything in a share may be believed: account, signer and From
// are one agency, the subject is the header's, the signature holds, the time is near, the id is new,
// and each section is sealed to the recipient's current key. Check P00 means "sender not established".
func (s *Snapshot) Examine(sh *entry.Share, at time.Time, verify VerifyFunc) Examined {
	var e Examined
	if verify == nil {
		verify = VerifyShare
	}
	h, err := sh.Parsed()
	if err != nil {
		reason := fairlead.ReasonSchema
		if errors.Is(err, envelope.ErrCode) {
			reason = fairlead.ReasonCodeUnknown
		}
		return Examined{Causes: []policy.Cause{{Reason: reason, Check: "P00", Where: "header", Advice: err.Error()}}}
	}
	e.Header = h
	against := func(check string, reason fairlead.Reason, where, advice string) {
		e.Causes = append(e.Causes, policy.Cause{Reason: reason, Check: check, Where: where, Advice: advice})
	}
	for _, b := range sh.Descriptors {
		d, err := envelope.ParseDescriptor(b)
		if err != nil {
			against("P00", fairlead.ReasonSchema, "descriptor", err.Error())
			return e
		}
		e.Descriptors = append(e.Descriptors, d)
	}
	if s.sender(sh, h, verify, against) {
		s.fresh(sh, h, at, against)
		s.keys(sh, h, against)
	}
	return e
}

// againstFunc records a cause.
type againstFunc func(check string, reason fairlead.Reason, where, advice string)

// sender establishes who sent the share.
func (s *Snapshot) sender(sh *entry.Share, h *envelope.Header, verify VerifyFunc, against againstFunc) bool {
	a := s.agencies[h.From.Agency]
	if a == nil || a.Account != sh.Account {
		against("P00", fairlead.ReasonSenderUnknown, "from", "the account that published belongs to another agency, or the agency is not enrolled")
		return false
	}
	err := keyring.ErrSignature
	if cert := s.Certificate(a.ID); cert != nil {
		err = verify(cert.Signing(), sh.Header, sh.Signature, h.SentAt.Time)
	}
	switch {
	case errors.Is(err, keyring.ErrTime):
		against("P00", fairlead.ReasonStale, "signature", "it was made more than five minutes from sent_at; send again")
	case err != nil:
		against("P00", fairlead.ReasonSignature, "signature", "it is not the agency's signature over these header bytes")
	}
	return err == nil
}

// fresh checks the subject, the time and the id.
func (s *Snapshot) fresh(sh *entry.Share, h *envelope.Header, at time.Time, against againstFunc) {
	if want := s.subjectOf(h, sh.Account); want != "" && want != sh.Subject {
		against("P03", fairlead.ReasonJurisdictionMismatch, "subject", "the message was published for another jurisdiction or kind than its header says")
	}
	if h.SentAt.Sub(at) > Skew || !at.Before(h.ValidUntil.Time) {
		against("P01", fairlead.ReasonStale, "sent_at, valid_until", "its time is over, or not yet come; check the clock and send again")
	}
	if r, ok := s.shares.get(h.ID); ok && (r.digest != sh.Digest || r.account != sh.Account) {
		against("P00", fairlead.ReasonReplay, "id", "this id was used for another message; make a new one")
	}
}

// subjectOf is where the share belongs, or "" while the recipient is unknown, which policy refuses.
func (s *Snapshot) subjectOf(h *envelope.Header, account fairlead.Account) string {
	j := fairlead.Jurisdiction(fairlead.Hub)
	if h.To.Agency != fairlead.Hub {
		to := s.agencies[h.To.Agency]
		if to == nil {
			return ""
		}
		j = to.Jurisdiction
	}
	return SubmissionSubject(j, account, h.Kind)
}

// SubmissionSubject is where a share of a kind to jurisdiction j is published; "" for a malformed kind.
func SubmissionSubject(j fairlead.Jurisdiction, account fairlead.Account, code string) string {
	build := subject.In
	if k, ok := kind.Lookup(code); ok && k.Plane == kind.Alert {
		build = subject.Alert
	}
	text, err := build(j, account, code)
	if err != nil {
		return ""
	}
	return text
}

// keys checks that every section names the recipient's current encryption subkey.
func (s *Snapshot) keys(sh *entry.Share, h *envelope.Header, against againstFunc) {
	cert := s.Certificate(h.To.Agency)
	for i, key := range sh.Keys {
		where := fmt.Sprintf("part %d", i+1)
		switch {
		case key == "":
		case strings.HasPrefix(key, "!"):
			against("P01", fairlead.ReasonPackets, where, "a section is exactly PKESK and SEIPD to one key: "+key[1:])
		case cert == nil || cert.Encryption().String() == key:
		case s.stale(h.To.Agency, key):
			against("P01", fairlead.ReasonKeyStale, where, "the recipient has a newer key; seal again")
		default:
			against("P01", fairlead.ReasonPackets, where, "the section is sealed to a key that is not the recipient's")
		}
	}
}

// stale reports whether key, in hexadecimal, is a subkey that the agency has superseded.
func (s *Snapshot) stale(id fairlead.AgencyID, key string) bool {
	var f fairlead.Digest // a version 6 fingerprint has its form
	return f.UnmarshalText([]byte(key)) == nil && s.ring.Stale(id, keyring.Fingerprint(f))
}

// Facts gathers what policy asks of the register for one share.
func (s *Snapshot) Facts(h *envelope.Header, ds []*envelope.Descriptor, record []byte, at time.Time) policy.Facts {
	f := policy.Facts{Law: s.Law(), Loaded: len(s.unread) == 0, Sender: s.policyAgency(h.From.Agency), Recipient: s.policyAgency(h.To.Agency)}
	f.Agreements, f.Houses = s.agreements.between(h.From.Agency, h.To.Agency), s.housesOf(h.From.Agency, h.To.Agency)
	for _, d := range ds {
		if d.Subject != "" {
			held, _ := s.consents.get(keyOf(string(h.From.Agency), d.Subject))
			if f.Consents == nil {
				f.Consents = slices.Clip(held) // most shares are about one child
				continue
			}
			f.Consents = append(f.Consents, held...)
		}
	}
	f.Answered, f.Superseded = s.priorOf(h.ReplyTo), s.priorOf(h.Supersedes)
	s.onward(&f, h, ds)
	f.Training = s.Training(h.From.Agency, h.From.User, at)
	f.Approvals = s.approvalsOf(h, at)
	f.Exercise = slices.Contains(s.rules.Exercises, h.From.Agency) && slices.Contains(s.rules.Exercises, h.To.Agency)
	if f.Recipient != nil {
		f.CAOnly = s.rules.caOnly(f.Recipient.Jurisdiction.State())
	}
	if len(record) > 0 {
		f.Record = s.recordFault(h, record, at)
	}
	return f
}

// priorOf is the share that a header names, nil: none, or it is not on record.
func (s *Snapshot) priorOf(id fairlead.ShareID) *policy.Prior {
	if id.IsZero() {
		return nil
	}
	if r, ok := s.known(id); ok {
		return r.prior()
	}
	return nil
}

func (s *Snapshot) policyAgency(id fairlead.AgencyID) *policy.Agency {
	if id == fairlead.Hub {
		return &policy.Agency{ID: fairlead.Hub}
	}
	if a := s.agencies[id]; a != nil {
		return &a.Agency
	}
	return nil
}

func (r Rules) caOnly(state string) bool {
	return slices.ContainsFunc(r.Countries, func(c Country) bool { return c.State == state && c.CAOnly })
}

// recordFault is what the register holds against a well-formed record.
func (s *Snapshot) recordFault(h *envelope.Header, record []byte, at time.Time) policy.Cause {
	var advice string
	reason := fairlead.ReasonAgreementRecord
	switch h.Kind {
	case "agreement.proposal":
		advice = s.proposalFault(record)
	case "agreement.signature":
		advice = s.signatureFault(h.From.Agency, record)
	case "agreement.status":
		advice = s.statusFault(h.From.Agency, record, at)
	case "agency.rules":
		reason, advice = fairlead.ReasonSchema, s.houseFault(h.From.Agency, record)
	case "agency.certificate":
		reason, advice = fairlead.ReasonSchema, s.certificateFault(h.From.Agency, record, at)
	case "consent.record":
		reason, advice = fairlead.ReasonSchema, s.consentFault(h.From.Agency, record)
	case "onward.permission":
		reason, advice = fairlead.ReasonSchema, s.permissionFault(h, record)
	case "consent.withdraw":
		reason, advice = fairlead.ReasonSchema, s.withdrawalFault(h.From.Agency, record)
	case "staff.record", "training.record", "log.alarm":
		return policy.Cause{} // the agency's own word, signed; policy has parsed it
	case "approval":
		reason, advice = s.approvalFault(h.From.Agency, record, at)
	case "ack":
		reason, advice = fairlead.ReasonSchema, s.ackFault(h.From.Agency, record)
	}
	if advice == "" {
		return policy.Cause{}
	}
	return policy.Cause{Reason: reason, Check: "P01", Where: "record", Advice: advice}
}

func (s *Snapshot) certificateFault(of fairlead.AgencyID, record []byte, at time.Time) string {
	cert, err := keyring.ReadCertificate(record, at)
	if err == nil {
		_, err = s.ring.With(of, cert)
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

func (s *Snapshot) consentFault(by fairlead.AgencyID, record []byte) string {
	r, err := consent.Parse(record)
	if err != nil {
		return err.Error()
	}
	if _, used := s.consentOf.get(keyOf(string(by), "consent", r.ID)); used {
		return "a consent with this id is on record; records are never changed, only superseded"
	}
	return ""
}

func (s *Snapshot) ackFault(by fairlead.AgencyID, record []byte) string {
	a, err := ParseDeliveredAck(record)
	switch {
	case err != nil:
		return err.Error()
	case a.Counter > s.Counter(by):
		return "it acknowledges more than was delivered"
	case a.Counter <= s.Heard(by):
		return "it acknowledges less than an earlier one"
	}
	return ""
}
