// Package draft is a message as a person writes it into a file: YAML, with the content of its sections
// beside it. The command line and the stories read the same form.
package draft

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"fairlead/internal/client"
	"fairlead/internal/consent"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/policy"
	"fairlead/internal/staff"
)

// Message is a message as a file: the fields of client.Draft, with the content of sections in files of
// their own. Answers and supersedes name shares by id, or in a story by step.
type Message struct {
	Role       fairlead.Role          `yaml:"role"`
	User       string                 `yaml:"user"`
	Kind       string                 `yaml:"kind"`
	Status     fairlead.Status        `yaml:"status,omitempty"`
	To         []string               `yaml:"to"`
	Named      string                 `yaml:"named,omitempty"`
	Case       string                 `yaml:"case,omitempty"`
	Child      string                 `yaml:"child,omitempty"`
	Reason     fairlead.RefusalReason `yaml:"reason,omitempty"` // true reason of a refusal; auditors alone see it
	Listed     []Listed               `yaml:"listed,omitempty"` // for whom caveats were set; auditors alone see it
	Answers    string                 `yaml:"answers,omitempty"`
	Supersedes string                 `yaml:"supersedes,omitempty"`
	Purpose    fairlead.Purpose       `yaml:"purpose,omitempty"`
	Threshold  fairlead.Threshold     `yaml:"threshold,omitempty"`
	Basis      *Basis                 `yaml:"basis,omitempty"`
	S16LA      *envelope.S16LA        `yaml:"s16la,omitempty"`
	Told       fairlead.Told          `yaml:"told,omitempty"`
	Transfer   fairlead.Mechanism     `yaml:"transfer,omitempty"`
	Assessment *Assessment            `yaml:"assessment,omitempty"` // what the transfer mechanism stands on
	Danger     fairlead.DangerResult  `yaml:"danger,omitempty"`
	TLP        fairlead.TLP           `yaml:"tlp,omitempty"`
	GSC        fairlead.GSC           `yaml:"gsc,omitempty"`
	Urgency    fairlead.Urgency       `yaml:"urgency,omitempty"`
	Severity   fairlead.Severity      `yaml:"severity,omitempty"`
	Certainty  fairlead.Certainty     `yaml:"certainty,omitempty"`
	Facts      map[string]string      `yaml:"facts,omitempty"`
	Consent    *Consent               `yaml:"consent,omitempty"`    // record of consent.record
	Withdraw   *Withdraw              `yaml:"withdraw,omitempty"`   // record of consent.withdraw
	Permission *Permission            `yaml:"permission,omitempty"` // record of onward.permission
	Training   *Training              `yaml:"training,omitempty"`   // record of training.record
	Sections   []Section              `yaml:"sections,omitempty"`
}

// Permission is policy.Grant in YAML; share names one, in a story by step.
type Permission struct {
	Share    string                 `yaml:"share"`
	Sections []fairlead.SectionCode `yaml:"sections"`
	To       []fairlead.AgencyID    `yaml:"to"`
	Until    fairlead.Time          `yaml:"until"`
}

// Training is staff.Training in YAML.
type Training struct {
	User    string   `yaml:"user"`
	Courses []Course `yaml:"courses"`
}

// Course is staff.Course in YAML.
type Course struct {
	Code   string        `yaml:"code"`
	Passed string        `yaml:"passed"`
	Until  fairlead.Time `yaml:"until"`
}

// Withdraw is consent.Withdrawal in YAML, of the instant it is sent.
type Withdraw struct {
	Consent    string                 `yaml:"consent"`
	Of         fairlead.AgencyID      `yaml:"of,omitempty"` // agency that recorded it, if another
	Scope      string                 `yaml:"scope"`        // all, listed
	Sections   []fairlead.SectionCode `yaml:"sections,omitempty"`
	Recipients []fairlead.AgencyID    `yaml:"recipients,omitempty"`
	HowTold    string                 `yaml:"how_told"`
}

// Basis is envelope.Basis in YAML.
type Basis struct {
	Art6     fairlead.Art6      `yaml:"art6"`
	Annex1   fairlead.Annex1    `yaml:"annex1,omitempty"`
	Gateways []fairlead.Gateway `yaml:"gateways,omitempty"`
	Cite     string             `yaml:"cite,omitempty"`
	LIA      string             `yaml:"lia,omitempty"`

	ChangedFrom fairlead.Art6 `yaml:"changed_from,omitempty"`
}

// Assessment is the reference and date of what a transfer mechanism stands on.
type Assessment struct {
	Ref  string `yaml:"ref"`
	Date string `yaml:"date,omitempty"`
}

// Listed is envelope.Listed in YAML.
type Listed struct {
	Caveat   fairlead.Caveat         `yaml:"caveat"`
	States   []fairlead.Jurisdiction `yaml:"states,omitempty"`
	Agencies []fairlead.AgencyID     `yaml:"agencies,omitempty"`
}

// Section is one section of a message; file is named relative to where the message's files are.
type Section struct {
	Code      fairlead.SectionCode    `yaml:"code"`
	File      string                  `yaml:"file"`
	Type      string                  `yaml:"type,omitempty"` // default json
	Only      []fairlead.AgencyID     `yaml:"only,omitempty"`
	Essential bool                    `yaml:"essential,omitempty"`
	Art9      fairlead.Art9           `yaml:"art9,omitempty"`
	Sch1      fairlead.Sch1           `yaml:"sch1,omitempty"`
	P18       fairlead.P18            `yaml:"p18,omitempty"`
	Art10     fairlead.Art10          `yaml:"art10,omitempty"`
	Consent   string                  `yaml:"consent,omitempty"`
	Override  fairlead.OverrideReason `yaml:"override,omitempty"` // why a refusal is overridden; an OVERRIDE-NOTE section says it in words
	Caveats   []fairlead.Caveat       `yaml:"caveats,omitempty"`
	Clear     []fairlead.Caveat       `yaml:"clear,omitempty"`     // caveats to be cleared for these recipients, by those who may
	Court     string                  `yaml:"court,omitempty"`     // reference of the court's permission
	Origin    string                  `yaml:"origin,omitempty"`    // share received that the section was taken from
	Permitted string                  `yaml:"permitted,omitempty"` // share by which the originator permits it
	Siena     fairlead.Siena          `yaml:"siena,omitempty"`
	Grade     string                  `yaml:"grade,omitempty"`
	Eval      string                  `yaml:"eval,omitempty"` // SIENA evaluation

	Conditions bool `yaml:"conditions,omitempty"` // the section itself says on which conditions it may be used
}

// Consent is consent.Record in YAML, of the message's child and the instant it is sent.
type Consent struct {
	ID         string         `yaml:"id"`
	Giver      fairlead.Giver `yaml:"giver"`
	Assessor   string         `yaml:"assessor,omitempty"`
	Withhold   string         `yaml:"withhold,omitempty"`
	Supersedes string         `yaml:"supersedes,omitempty"`
	Items      []Item         `yaml:"items"`

	MayWithdraw []fairlead.AgencyID `yaml:"may_withdraw,omitempty"` // others who may take it back for the child
}

// Item is consent.Item in YAML.
type Item struct {
	Status        fairlead.ConsentStatus  `yaml:"status"`
	Sections      []fairlead.SectionCode  `yaml:"sections,omitempty"`
	Purposes      []fairlead.Purpose      `yaml:"purposes,omitempty"`
	Recipients    []fairlead.AgencyID     `yaml:"recipients,omitempty"`
	Types         []fairlead.AgencyType   `yaml:"types,omitempty"`
	Jurisdictions []fairlead.Jurisdiction `yaml:"jurisdictions,omitempty"`
	Until         fairlead.Time           `yaml:"until,omitempty"`
}

// record turns c into the clear record of a consent.record.
func (c *Consent) record(subject string, at time.Time) consent.Record {
	r := consent.Record{ID: c.ID, Subject: subject, Giver: c.Giver, Assessor: c.Assessor, At: fairlead.At(at), Withhold: c.Withhold, Supersedes: c.Supersedes, MayWithdraw: c.MayWithdraw}
	for _, i := range c.Items {
		r.Items = append(r.Items, consent.Item(i))
	}
	return r
}

// Resolver finds what a draft only names: the share it answers, and the handle of a child.
type Resolver struct {
	Share  func(name string) (fairlead.ShareID, error)
	Handle func(child string) (string, error)
}

// Draft reads the sections from files and makes the client's draft.
func (m *Message) Draft(files fs.FS, at time.Time, find Resolver) (*client.Draft, error) {
	d := &client.Draft{
		Kind: m.Kind, Status: m.Status, Role: m.Role, User: m.User, To: m.To, Named: m.Named, Case: m.Case, Child: m.Child, Reason: m.Reason,
		Purpose: m.Purpose, Threshold: m.Threshold, S16LA: m.S16LA, Told: m.Told, Transfer: m.Transfer, Danger: m.Danger, TLP: m.TLP, GSC: m.GSC,
		Urgency: m.Urgency, Severity: m.Severity, Certainty: m.Certainty, Facts: m.Facts,
	}
	if m.Basis != nil {
		d.Basis = &envelope.Basis{Art6: m.Basis.Art6, Annex1: m.Basis.Annex1, Gateways: m.Basis.Gateways, Cite: m.Basis.Cite, LIA: m.Basis.LIA, ChangedFrom: m.Basis.ChangedFrom}
	}
	if m.Assessment != nil {
		d.Assessment = &envelope.Transfer{Ref: m.Assessment.Ref, Assessed: m.Assessment.Date}
	}
	for _, l := range m.Listed {
		d.Listed = append(d.Listed, envelope.Listed(l))
	}
	if err := find.set(reference{"answers", m.Answers, &d.ReplyTo}, reference{"supersedes", m.Supersedes, &d.Supersedes}); err != nil {
		return nil, err
	}
	if err := m.addRecord(d, at, find); err != nil {
		return nil, err
	}
	return d, m.addSections(d, files, find)
}

// reference is a share that a file names under a key.
type reference struct {
	key, name string
	id        *fairlead.ShareID
}

// set finds the shares named; one that is not named stays as it is.
func (r Resolver) set(refs ...reference) error {
	for _, ref := range refs {
		if ref.name == "" {
			continue
		}
		id, err := r.Share(ref.name)
		if err != nil {
			return fmt.Errorf("%s: %w", ref.key, err)
		}
		*ref.id = id
	}
	return nil
}

// addRecord makes the clear record of a message that has one.
func (m *Message) addRecord(d *client.Draft, at time.Time, find Resolver) (err error) {
	if t := m.Training; t != nil {
		r := staff.Training{User: t.User}
		for _, c := range t.Courses {
			r.Courses = append(r.Courses, staff.Course(c))
		}
		d.Record, err = json.Marshal(r)
		return err
	}
	if g := m.Permission; g != nil {
		r := policy.Grant{Sections: g.Sections, To: g.To, Until: g.Until}
		if err := find.set(reference{"permission.share", g.Share, &r.Share}); err != nil {
			return err
		}
		d.Record, err = json.Marshal(r)
		return err
	}
	if w := m.Withdraw; w != nil {
		d.Record, err = json.Marshal(consent.Withdrawal{
			Consent: w.Consent, Of: w.Of, At: fairlead.At(at), Scope: w.Scope, Sections: w.Sections, Recipients: w.Recipients, HowTold: w.HowTold,
		})
		return err
	}
	if m.Consent == nil {
		return nil
	}
	if m.Child == "" {
		return errors.New("consent: say whose it is, by the child's local reference in child")
	}
	handle, err := find.Handle(m.Child)
	if err != nil {
		return err
	}
	d.Record, err = json.Marshal(m.Consent.record(handle, at))
	return err
}

func (m *Message) addSections(d *client.Draft, files fs.FS, find Resolver) error {
	for _, s := range m.Sections {
		content, err := fs.ReadFile(files, s.File)
		if err != nil {
			return fmt.Errorf("section %s: %w", s.Code, err)
		}
		if s.Type == "" {
			s.Type = "json"
		}
		if s.Type == "json" && !json.Valid(content) {
			return fmt.Errorf("section %s: %s is not JSON; correct it, or give its media type", s.Code, s.File)
		}
		made := client.DraftSection{
			Code: s.Code, Only: s.Only, Essential: s.Essential, Art9: s.Art9, Sch1: s.Sch1, P18: s.P18, Art10: s.Art10, Consent: s.Consent,
			Override: s.Override, Caveats: s.Caveats, Clear: s.Clear, Court: s.Court, Siena: s.Siena, Grade: s.Grade, Eval: s.Eval, Conditions: s.Conditions, Type: s.Type, Content: content,
		}
		if err := find.set(reference{"origin", s.Origin, &made.Origin}, reference{"permitted", s.Permitted, &made.Permitted}); err != nil {
			return fmt.Errorf("section %s: %w", s.Code, err)
		}
		d.Sections = append(d.Sections, made)
	}
	return nil
}
