// Package agreement is the sharing agreement between agencies (ICO data sharing code; domain notes
// §10.1): flat terms, each beside the signed words it stands for, frameworks that bound others, rules of
// a house that only prohibit, and the life of a version from proposal to its end. What it evaluates it
// evaluates three-valued: a missing fact never opens a permit and never lapses a prohibition. An
// agreement is not a lawful basis by itself.
package agreement

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"fairlead/internal/fairlead"
	"fairlead/internal/strictjson"
)

// ErrInvalid is wrapped by every refusal of an agreement document.
var ErrInvalid = errors.New("agreement: invalid")

// Agreement is the document all parties sign: its digest is that of the exact bytes sent. The contents
// are those of the ICO data sharing code.
type Agreement struct {
	ID          string              `json:"id" yaml:"id"`           // such as "A2"
	Version     int                 `json:"version" yaml:"version"` // from 1
	Title       string              `json:"title" yaml:"title"`
	Form        string              `json:"form" yaml:"form"`                                 // dsa, mou_gov, treaty_channel, idta, addendum, national_template
	Framework   bool                `json:"framework,omitempty" yaml:"framework,omitempty"`   // carries nothing itself and bounds those under it
	Under       string              `json:"under,omitempty" yaml:"under,omitempty"`           // the framework that bounds it, such as "F1/1"
	Supersedes  string              `json:"supersedes,omitempty" yaml:"supersedes,omitempty"` // the version it takes the place of
	Parties     []fairlead.AgencyID `json:"parties" yaml:"parties"`
	Signatories []Signatory         `json:"signatories" yaml:"signatories"` // one or more for every party
	Contacts    []Contact           `json:"contacts" yaml:"contacts"`       // one for every party
	From        fairlead.Time       `json:"from" yaml:"from"`               // first instant in force
	Until       fairlead.Time       `json:"until" yaml:"until"`             // last instant in force; no grace
	ReviewBy    string              `json:"review_by" yaml:"review_by"`     // date
	NoticeDays  int                 `json:"notice_days" yaml:"notice_days"` // from termination to its end; a suspension needs none
	DPIA        string              `json:"dpia_ref" yaml:"dpia_ref"`
	APD         string              `json:"apd_ref,omitempty" yaml:"apd_ref,omitempty"` // appropriate policy document, DPA 2018 Sch 1 Part 4
	LIA         string              `json:"lia_ref,omitempty" yaml:"lia_ref,omitempty"` // legitimate interests assessment
	Objective   string              `json:"objective" yaml:"objective"`                 // why sharing is necessary, and its benefit
	Governance  Governance          `json:"governance" yaml:"governance"`
	Summary     string              `json:"public_summary" yaml:"public_summary"`
	Terms       []Term              `json:"terms" yaml:"terms"`

	Assessments []Assessment `json:"assessments,omitempty" yaml:"assessments,omitempty"` // what its transfers stand on
}

// Assessment is the reference and the date of what a transfer mechanism stands on: a data protection test,
// or an instrument.
type Assessment struct {
	Mechanism fairlead.Mechanism `json:"mechanism" yaml:"mechanism"`
	Ref       string             `json:"ref" yaml:"ref"`
	Date      string             `json:"date,omitempty" yaml:"date,omitempty"`
}

func (a Assessment) check() error {
	_, err := time.Parse(time.DateOnly, a.Date)
	if a.Ref == "" || len(a.Ref) > 60 || a.Date != "" && err != nil {
		return fmt.Errorf("assessments: want a reference of up to 60 characters and a date")
	}
	return fairlead.CheckCode("assessments: mechanism", a.Mechanism, fairlead.Mechanisms)
}

// Signatory is who signs for a party, in what office.
type Signatory struct {
	Agency fairlead.AgencyID `json:"agency" yaml:"agency"`
	Name   string            `json:"name" yaml:"name"`
	Role   string            `json:"role" yaml:"role"` // office, such as "Director of Children's Services"
}

// Contact is how to reach a party on data protection, and in an emergency.
type Contact struct {
	Agency    fairlead.AgencyID `json:"agency" yaml:"agency"`
	DPO       string            `json:"dpo" yaml:"dpo"` // address or telephone of the data-protection officer
	Emergency string            `json:"emergency,omitempty" yaml:"emergency,omitempty"`
}

// Governance is what the parties agree beside the terms, each in a few sentences (domain §10.1). No rule
// reads the words; an agreement that lacks one is not signed.
type Governance struct {
	Rights       string `json:"rights" yaml:"rights"`             // who answers access requests, corrections, complaints
	Transparency string `json:"transparency" yaml:"transparency"` // privacy notices, and when people are not told
	Accuracy     string `json:"accuracy" yaml:"accuracy"`
	Security     string `json:"security" yaml:"security"`
	Retention    string `json:"retention" yaml:"retention"`
	Breach       string `json:"breach" yaml:"breach"` // who is told of a breach, and how soon
	Disputes     string `json:"disputes" yaml:"disputes"`
	Sanctions    string `json:"sanctions" yaml:"sanctions"`
}

// Parse reads the exact bytes of a record and checks the document.
func Parse(record []byte) (*Agreement, error) {
	var a Agreement
	if err := strictjson.Unmarshal(record, &a); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if err := a.Check(); err != nil {
		return nil, err
	}
	return &a, nil
}

// Marshal gives the bytes of the record.
func (a *Agreement) Marshal() ([]byte, error) { return json.Marshal(a) }

// Digest names the exact bytes that every party signs.
func Digest(record []byte) fairlead.Digest { return sha256.Sum256(record) }

// Ref is "A2/1".
func (a *Agreement) Ref() string { return Ref(a.ID, a.Version) }

// Ref names a version of an agreement.
func Ref(id string, version int) string { return id + "/" + strconv.Itoa(version) }

// Party reports whether id is a party.
func (a *Agreement) Party(id fairlead.AgencyID) bool { return slices.Contains(a.Parties, id) }

// InForce reports whether at lies within From and Until, both included, to the second.
func (a *Agreement) InForce(at time.Time) bool {
	return !at.Before(a.From.Time) && at.Before(a.Until.Add(time.Second))
}

// Term finds a term by its id.
func (a *Agreement) Term(id string) *Term { return find(a.Terms, id) }

func find(terms []Term, id string) *Term {
	for i := range terms {
		if terms[i].ID == id {
			return &terms[i]
		}
	}
	return nil
}
