package client

import (
	"bytes"
	"database/sql"
	"encoding/gob"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/keyring"
	"fairlead/internal/kind"
	"fairlead/internal/policy"
	"fairlead/internal/registry"
	"fairlead/internal/seal"
)

// Draft is a message as a practitioner writes it once. Send makes one share of it for each recipient.
// It is kept only sealed to the agency's own key.
type Draft struct {
	Kind   string          `json:"kind"`
	Status fairlead.Status `json:"status,omitempty"` // default Actual
	Role   fairlead.Role   `json:"role"`
	User   string          `json:"user"`
	To     []string        `json:"to"`              // agencies, HUB, or groups of the register
	Named  string          `json:"named,omitempty"` // the user TLP RED asks for
	Case   string          `json:"case,omitempty"`  // local reference; the pair's own token travels
	Child  string          `json:"child,omitempty"` // local reference; only the hub sees its handle

	// Reason is the true reason of a refusal to disclose, for the hub and its auditors alone.
	Reason fairlead.RefusalReason `json:"reason,omitempty"`

	// Listed says for whom caveats were set, for the hub and its auditors alone.
	Listed []envelope.Listed `json:"listed,omitempty"`

	ReplyTo    fairlead.ShareID      `json:"reply_to,omitzero"`
	Supersedes fairlead.ShareID      `json:"supersedes,omitzero"`
	Hours      int                   `json:"hours,omitempty"` // valid for; default 72
	Purpose    fairlead.Purpose      `json:"purpose,omitempty"`
	Threshold  fairlead.Threshold    `json:"threshold,omitempty"`
	Basis      *envelope.Basis       `json:"basis,omitempty"`
	S16LA      *envelope.S16LA       `json:"s16la,omitempty"`
	Told       fairlead.Told         `json:"told,omitempty"`
	Transfer   fairlead.Mechanism    `json:"transfer,omitempty"`   // default by route
	Assessment *envelope.Transfer    `json:"assessment,omitempty"` // what the mechanism stands on, where it needs an assessment
	Danger     fairlead.DangerResult `json:"danger,omitempty"`     // said wherever a border is crossed
	TLP        fairlead.TLP          `json:"tlp,omitempty"`
	GSC        fairlead.GSC          `json:"gsc,omitempty"`
	Urgency    fairlead.Urgency      `json:"urgency,omitempty"`
	Severity   fairlead.Severity     `json:"severity,omitempty"`
	Certainty  fairlead.Certainty    `json:"certainty,omitempty"`
	Facts      map[string]string     `json:"facts,omitempty"`
	Record     []byte                `json:"record,omitempty"`
	Sections   []DraftSection        `json:"sections,omitempty"`
}

// DraftSection is one section of a draft: what its descriptor says, and the content.
type DraftSection struct {
	Code      fairlead.SectionCode    `json:"code"`
	Only      []fairlead.AgencyID     `json:"only,omitempty"` // recipients of this section; absent: all
	Essential bool                    `json:"essential,omitempty"`
	Art9      fairlead.Art9           `json:"art9,omitempty"`
	Sch1      fairlead.Sch1           `json:"sch1,omitempty"`
	P18       fairlead.P18            `json:"p18,omitempty"`
	Art10     fairlead.Art10          `json:"art10,omitempty"`
	Consent   string                  `json:"consent,omitempty"`
	Override  fairlead.OverrideReason `json:"override,omitempty"` // why a refusal is overridden; OVERRIDE-NOTE says it in words
	Caveats   []fairlead.Caveat       `json:"caveats,omitempty"`
	Clear     []fairlead.Caveat       `json:"clear,omitempty"`
	Court     string                  `json:"court,omitempty"`
	Siena     fairlead.Siena          `json:"siena,omitempty"`
	Grade     string                  `json:"grade,omitempty"`
	Eval      string                  `json:"eval,omitempty"`

	Conditions bool `json:"conditions,omitempty"` // the section itself says on which

	Origin    fairlead.ShareID `json:"origin,omitzero"`    // share received that the section was taken from
	Permitted fairlead.ShareID `json:"permitted,omitzero"` // the originator's permission to pass it on
	Type      string           `json:"type"`               // "json" or a media type
	Content   []byte           `json:"content"`
}

func (s DraftSection) goesTo(to fairlead.AgencyID) bool {
	return len(s.Only) == 0 || slices.Contains(s.Only, to)
}

// Recipients expands the groups of To and leaves the agency itself out.
func (c *Client) Recipients(d *Draft) ([]fairlead.AgencyID, error) {
	var list []fairlead.AgencyID
	for _, name := range d.To {
		members := c.Snapshot().Group(name)
		if members == nil {
			members = []fairlead.AgencyID{fairlead.AgencyID(name)}
		}
		for _, id := range members {
			if id != c.cfg.Agency && !slices.Contains(list, id) {
				list = append(list, id)
			}
		}
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%w: the draft names nobody; give at least one agency or group", ErrRecipient)
	}
	return list, nil
}

// header makes the header for one recipient, without the section digests.
func (c *Client) header(d *Draft, to fairlead.AgencyID, at time.Time) (*envelope.Header, error) {
	snap, tree := c.Snapshot(), c.Tree()
	hours := d.Hours
	if hours == 0 {
		hours = 72
	}
	h := &envelope.Header{
		V: envelope.Version, ID: fairlead.NewShareID(), Kind: d.Kind, Status: d.Status,
		From: envelope.From{Agency: c.cfg.Agency, Role: d.Role, User: d.User}, To: envelope.To{Agency: to, User: d.Named},
		ReplyTo: d.ReplyTo, Supersedes: d.Supersedes, SentAt: fairlead.At(at), ValidUntil: fairlead.At(at.Add(time.Duration(hours) * time.Hour)),
		Purpose: d.Purpose, Threshold: d.Threshold, Basis: d.Basis, S16LA: d.S16LA, Told: d.Told, TLP: d.TLP, GSC: d.GSC,
		Urgency: d.Urgency, Severity: d.Severity, Certainty: d.Certainty, Facts: d.Facts, Record: envelope.RecordDigest(d.Record),
		Seen: envelope.Seen{Size: tree.N, Root: fairlead.Digest(tree.Hash)},
	}
	if h.Status == "" {
		h.Status = fairlead.StatusActual
	}
	if d.Case != "" {
		token, err := c.token("case "+string(to), d.Case)
		if err != nil {
			return nil, err
		}
		h.Case = token
	}
	own, other := snap.Agency(c.cfg.Agency), snap.Agency(to)
	if own == nil || other == nil || own.Jurisdiction.State() == other.Jurisdiction.State() {
		return h, nil
	}
	mechanism := d.Transfer
	if mechanism == "" {
		mechanism = Route(own.Jurisdiction, other.Jurisdiction)
	}
	if mechanism != "" {
		h.Transfer = &envelope.Transfer{Mechanism: mechanism}
		if d.Assessment != nil {
			h.Transfer.Ref, h.Transfer.Assessed = d.Assessment.Ref, d.Assessment.Assessed
		}
	}
	if d.Danger != "" {
		h.Danger = &envelope.Danger{Result: d.Danger, Role: d.Role, At: fairlead.At(at)}
	}
	return h, nil
}

// Route is the usual transfer mechanism between two jurisdictions (domain §2.3), or nothing.
func Route(from, to fairlead.Jurisdiction) fairlead.Mechanism {
	switch {
	case from.State() == to.State():
		return fairlead.MechanismNone
	case from.State() == "GB" && to.EEA():
		return fairlead.MechanismAdequacy
	case from.EEA() && to.State() == "GB":
		return fairlead.MechanismIntoUK
	case from.EEA() && to.EEA():
		return fairlead.MechanismEEA
	}
	return ""
}

// descriptors are what the draft says of the sections that go to one recipient, and of the child.
func (c *Client) descriptors(d *Draft, to fairlead.AgencyID) ([]envelope.Descriptor, []DraftSection, error) {
	var list []envelope.Descriptor
	var sections []DraftSection
	for _, s := range d.Sections {
		if !s.goesTo(to) {
			continue
		}
		desc := envelope.Descriptor{
			Audience: envelope.ForRecipient, Code: s.Code, Essential: s.Essential, Art9: s.Art9, Sch1: s.Sch1, P18: s.P18, Art10: s.Art10,
			Consent: s.Consent, Caveats: s.Caveats, Clear: s.Clear, Court: s.Court, Siena: s.Siena, Grade: s.Grade, Eval: s.Eval, Conditions: s.Conditions,
		}
		if s.Override != "" {
			desc.Override = &envelope.Override{Reason: s.Override} // the note's digest follows when it is sealed
		}
		list = append(list, desc)
		sections = append(sections, s)
	}
	list = append(list, hubOnly(d, sections)...)
	if d.Child != "" {
		handle, err := c.SubjectHandle(d.Child)
		if err != nil {
			return nil, nil, err
		}
		list = append(list, envelope.Descriptor{Audience: envelope.ForHub, Subject: handle})
	}
	return list, sections, nil
}

// hubOnly are the descriptors that no recipient gets: why a refusal was given, for whom caveats were set, and
// where sections came from.
func hubOnly(d *Draft, sections []DraftSection) (list []envelope.Descriptor) {
	reason := d.Reason
	if reason == "" && d.Kind == "disclosure.refusal" { // what is told is true
		reason = fairlead.RefusalReason(d.Facts["reason"])
	}
	if reason != "" {
		list = append(list, envelope.Descriptor{Audience: envelope.ForHub, Reason: reason})
	}
	for _, l := range d.Listed {
		list = append(list, envelope.Descriptor{Audience: envelope.ForHub, Listed: &l})
	}
	for _, s := range sections {
		if !s.Origin.IsZero() {
			list = append(list, envelope.Descriptor{Audience: envelope.ForHub, Onward: &envelope.Onward{Code: s.Code, Origin: s.Origin, Permission: s.Permitted}})
		}
	}
	return list
}

// Preview is what one recipient will see, as far as this agency knows.
type Preview struct {
	To       fairlead.AgencyID `json:"to"`
	Decision policy.Decision   `json:"decision"`
}

// Preview decides a draft on the agency's own Snapshot: the same function as the hub's, before
// anything leaves the house.
func (c *Client) Preview(d *Draft) ([]Preview, error) {
	recipients, err := c.Recipients(d)
	if err != nil {
		return nil, err
	}
	at := c.cfg.Now()
	var list []Preview
	for _, to := range recipients {
		h, err := c.header(d, to, at)
		if err != nil {
			return nil, err
		}
		descs, _, err := c.descriptors(d, to)
		if err != nil {
			return nil, err
		}
		ds := make([]*envelope.Descriptor, len(descs))
		for i := range descs {
			ds[i] = &descs[i]
		}
		facts := c.Snapshot().Facts(h, ds, d.Record, at)
		if err := c.known(&facts, h, ds); err != nil {
			return nil, err
		}
		if d.Kind == "consent.withdraw" { // whose consent it is, only the hub may know
			facts.Record = policy.Cause{}
		}
		c.permits(&facts, d, to)
		list = append(list, Preview{To: to, Decision: policy.Decide(policy.Request{Header: h, Descriptors: ds, Record: d.Record}, facts, at)})
	}
	return list, nil
}

// Send makes a share for each recipient, seals and signs it, and puts all of them into the outbox in
// one transaction. Publishing is Sync's: from here on nothing is lost.
func (c *Client) Send(d *Draft) ([]fairlead.ShareID, error) {
	recipients, err := c.Recipients(d)
	if err != nil {
		return nil, err
	}
	if err := d.checkChild(); err != nil {
		return nil, err
	}
	var shares []*made
	for _, to := range recipients {
		m, err := c.make(d, to)
		if err != nil {
			return nil, fmt.Errorf("to %s: %w", to, err)
		}
		shares = append(shares, m)
	}
	if err := c.enqueueWith(shares, c.answers(d)); err != nil {
		return nil, err
	}
	if d.Kind == "recall.confirmation" {
		if err := c.forgetJournal(); err != nil {
			return nil, err
		}
	}
	ids := make([]fairlead.ShareID, len(shares))
	for i, m := range shares {
		ids[i] = m.header.ID
	}
	return ids, nil
}

// checkChild asks for the child where the hub would: without its handle no consent or refusal is found.
func (d *Draft) checkChild() error {
	k, _ := kind.Lookup(d.Kind)
	personal := slices.ContainsFunc(d.Sections, func(s DraftSection) bool { return kind.Personal(s.Code) })
	if k.Child && personal && d.Child == "" {
		return fmt.Errorf("%w: put your own local reference of the child into child, such as a file number; only the hub sees the random handle made of it", ErrChild)
	}
	return nil
}

// made is a share ready for the outbox.
type made struct {
	header  *envelope.Header
	share   *envelope.Share
	subject string
	draft   []byte // the draft for this recipient alone, sealed to the agency's own key
}

// make seals, then signs the header over the digests of what was sealed (sign, encrypt, sign).
func (c *Client) make(d *Draft, to fairlead.AgencyID) (*made, error) {
	at := c.cfg.Now()
	if err := c.checkContents(d); err != nil {
		return nil, err
	}
	h, err := c.header(d, to, at)
	if err != nil {
		return nil, err
	}
	parts, err := c.sealParts(d, h, at)
	if err != nil {
		return nil, err
	}
	s := &envelope.Share{Record: d.Record, Parts: parts}
	if h.Sections, err = envelope.Fill(s.Descriptors()); err != nil {
		return nil, err
	}
	if s.Header, err = json.Marshal(h); err != nil {
		return nil, err
	}
	if s.Signature, err = c.key().Sign(s.Header, keyring.ContextShare, at); err != nil {
		return nil, err
	}
	m := &made{header: h, share: s, subject: c.subject(h)}
	frame := s.Marshal()
	if n := len(frame); n > envelope.MaxShare {
		return nil, fmt.Errorf("%w: the share has %d bytes, at most %d (4 MiB); send less or a smaller photograph", envelope.ErrTooLarge, n, envelope.MaxShare)
	}
	sent, err := envelope.ParseShare(frame)
	if err == nil {
		_, err = sent.Bind()
	}
	if err != nil {
		return nil, err // said here, in the house: the hub could not read it, nor say which share it was
	}
	m.draft, err = c.keepDraft(d, h, at)
	return m, err
}

// checkContents holds each section to the schema of its kind and code, here where its writer can still
// correct it: once sealed nobody else can tell before the recipient opens it.
func (c *Client) checkContents(d *Draft) error {
	if c.cfg.Schema == nil {
		return nil
	}
	var faults []error
	for _, s := range d.Sections {
		if s.Type == "json" {
			faults = append(faults, c.cfg.Schema.Section(d.Kind, s.Code, s.Content))
		} else {
			faults = append(faults, c.cfg.Schema.File(s.Code, s.Type))
		}
	}
	return errors.Join(faults...)
}

// subject is where the share is published. An unknown recipient has no jurisdiction; the hub's own
// subject takes the share there, where it is refused on record.
func (c *Client) subject(h *envelope.Header) string {
	j := fairlead.Jurisdiction(fairlead.Hub)
	if a := c.Snapshot().Agency(h.To.Agency); a != nil {
		j = a.Jurisdiction
	}
	return registry.SubmissionSubject(j, c.cfg.Account, h.Kind)
}

// sealParts seals each section to the certificate that was proved in the log, and to no other. The note
// of an override is sealed first: the descriptors of what it overrides name its digest.
func (c *Client) sealParts(d *Draft, h *envelope.Header, at time.Time) ([]envelope.Part, error) {
	descs, sections, err := c.descriptors(d, h.To.Agency)
	if err != nil {
		return nil, err
	}
	parts := make([]envelope.Part, len(descs))
	var note fairlead.Digest
	for i := range sections {
		desc := &descs[i]
		if parts[i].Section, err = c.sealSection(&sections[i], desc, h, at); err != nil {
			return nil, err
		}
		if desc.Code == "OVERRIDE-NOTE" {
			note = desc.Digest
		}
	}
	for i := range descs {
		if descs[i].Override != nil {
			descs[i].Override.Note = note
		}
		parts[i].Descriptor = descs[i].Marshal()
	}
	return parts, nil
}

func (c *Client) sealSection(s *DraftSection, desc *envelope.Descriptor, h *envelope.Header, at time.Time) ([]byte, error) {
	cert := c.Snapshot().Certificate(h.To.Agency)
	if cert == nil {
		return nil, fmt.Errorf("%w: %s has no certificate proved in the log; sync first", ErrRecipient, h.To.Agency)
	}
	in := seal.Inner{Message: h.ID, Section: string(desc.Code), Sender: c.cfg.Agency, Type: s.Type}
	sealed, err := c.key().Seal(cert, in, s.Content, at)
	if err != nil {
		return nil, fmt.Errorf("section %s: %w", desc.Code, err)
	}
	desc.Size, desc.Digest = in.Size(len(s.Content)), envelope.HeaderDigest(sealed)
	return sealed, nil
}

// keepDraft seals the draft for one recipient to the agency's own key, for sealing again when the
// recipient's key has changed meanwhile.
func (c *Client) keepDraft(d *Draft, h *envelope.Header, at time.Time) ([]byte, error) {
	one := *d
	one.To = []string{string(h.To.Agency)}
	one.Sections = slices.DeleteFunc(slices.Clone(d.Sections), func(s DraftSection) bool { return !s.goesTo(h.To.Agency) })
	var raw bytes.Buffer
	if err := gob.NewEncoder(&raw).Encode(one); err != nil { // JSON would make a photograph a third longer
		return nil, err
	}
	own, err := keyring.ReadCertificate(c.key().Certificate(), at)
	if err != nil {
		return nil, err
	}
	return c.key().Seal(own, seal.Inner{Message: h.ID, Section: "DRAFT", Sender: c.cfg.Agency, Type: "gob"}, raw.Bytes(), at)
}

// replace puts shares into the outbox in the place of one that was sent, and marks that in the same transaction.
func (c *Client) replace(shares []*made, replaces string) error {
	return c.enqueueWith(shares, func(tx *sql.Tx) error {
		_, err := tx.Exec(`UPDATE outbox SET state = 'resealed', replaced_by = ?, draft = NULL, updated = ? WHERE id = ?`,
			shares[0].header.ID.String(), c.stamp(), replaces)
		return err
	})
}

// enqueueWith puts shares into the outbox and does what belongs to them, in one transaction.
func (c *Client) enqueueWith(shares []*made, also func(*sql.Tx) error) error {
	tx, err := c.db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after Commit it does nothing
	for _, m := range shares {
		if _, err := tx.Exec(`INSERT INTO outbox (id, recipient, kind, subject, header_digest, frame, draft, state, created, updated) VALUES (?,?,?,?,?,?,?,'queued',?,?)`,
			m.header.ID.String(), string(m.header.To.Agency), m.header.Kind, m.subject, envelope.HeaderDigest(m.share.Header).String(),
			m.share.Marshal(), m.draft, c.stamp(), c.stamp()); err != nil {
			return err
		}
	}
	if err := also(tx); err != nil {
		return err
	}
	return tx.Commit()
}
