package policy_test

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"fairlead/internal/agreement"
	"fairlead/internal/config"
	"fairlead/internal/consent"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/law"
	"fairlead/internal/policy"
	"fairlead/internal/staff"
)

// A case is one file of testdata: prose, then sections that testdata/README.md explains.
type testCase struct {
	agencies   map[fairlead.AgencyID]*policy.Agency
	caOnly     map[string]bool
	agreements []*agreement.Standing
	houses     []*agreement.House
	consents   []consent.Record
	record     []byte
	share      caseShare
	expect     map[fairlead.AgencyID]outcome
}

type caseShare struct {
	At        fairlead.Time          `yaml:"at"`
	From      fairlead.AgencyID      `yaml:"from"`
	Role      fairlead.Role          `yaml:"role"`
	Kind      string                 `yaml:"kind"`
	To        []fairlead.AgencyID    `yaml:"to"`
	Named     string                 `yaml:"named"`
	Status    fairlead.Status        `yaml:"status"`
	Purpose   fairlead.Purpose       `yaml:"purpose"`
	Threshold fairlead.Threshold     `yaml:"threshold"`
	Basis     *caseBasis             `yaml:"basis"`
	Agreement string                 `yaml:"agreement"`
	Transfer  fairlead.Mechanism     `yaml:"transfer"`
	Assessed  *caseAssessed          `yaml:"assessed"` // what the header says of the transfer's assessment
	Danger    fairlead.DangerResult  `yaml:"danger"`
	TLP       fairlead.TLP           `yaml:"tlp"`
	GSC       fairlead.GSC           `yaml:"gsc"`
	Urgency   fairlead.Urgency       `yaml:"urgency"`
	Severity  fairlead.Severity      `yaml:"severity"`
	Certainty fairlead.Certainty     `yaml:"certainty"`
	Facts     map[string]string      `yaml:"facts"`
	Answers   *caseAnswer            `yaml:"answers"`
	Told      fairlead.Told          `yaml:"told"`  // default yes; "missing" leaves it out
	S16LA     *envelope.S16LA        `yaml:"s16la"` // default: considered, and applies where the gateway is claimed; detriment "missing" leaves it out
	Judge     fairlead.Role          `yaml:"judge"` // who answered danger; default SAFEGUARDING_LEAD
	JudgedAt  fairlead.Time          `yaml:"judged_at"`
	Listed    []caseListed           `yaml:"listed"`
	Training  []string               `yaml:"training"` // of the author; default all
	Outage    bool                   `yaml:"outage"`   // the register could not read agreements and consents
	Lawless   bool                   `yaml:"lawless"`  // nor the tables of law
	Children  []string               `yaml:"children"` // handles of those it is about, if not just those of the consents
	Approvals []caseApproval         `yaml:"approvals"`
	Register  string                 `yaml:"register"` // what the register holds against the record
	Examined  []fairlead.Reason      `yaml:"examined"` // faults found before the decision
	Sections  []caseSection          `yaml:"sections"`
	Exercise  bool                   `yaml:"exercise"` // sender and recipient take part in exercises
	Corrects  *caseAnswer            `yaml:"supersedes"`
	Onward    []caseOnward           `yaml:"onward"`
	Marked    []fairlead.SectionCode `yaml:"marked"` // sections that others gave the sender under their control
	Reason    fairlead.RefusalReason `yaml:"reason"` // for the hub alone
	Detriment string                 `yaml:"s16la_detriment"`
}

type caseBasis struct {
	Art6     fairlead.Art6      `yaml:"art6"`
	Annex1   fairlead.Annex1    `yaml:"annex1"`
	Gateways []fairlead.Gateway `yaml:"gateways"`
	Cite     string             `yaml:"cite"`
	LIA      string             `yaml:"lia"`
	Changed  fairlead.Art6      `yaml:"changed_from"`
}

type caseAssessed struct {
	Ref  string `yaml:"ref"`
	Date string `yaml:"date"`
}

type caseListed struct {
	Caveat   fairlead.Caveat         `yaml:"caveat"`
	States   []fairlead.Jurisdiction `yaml:"states"`
	Agencies []fairlead.AgencyID     `yaml:"agencies"`
}

type caseAnswer struct {
	From      fairlead.AgencyID      `yaml:"from"`
	To        fairlead.AgencyID      `yaml:"to"`
	Kind      string                 `yaml:"kind"`
	Delivered bool                   `yaml:"delivered"`
	Sections  []fairlead.SectionCode `yaml:"sections"`
	Ack       fairlead.AckLevel      `yaml:"ack"`
	Purpose   fairlead.Purpose       `yaml:"purpose"`
	Status    fairlead.Status        `yaml:"status"`
	Strict    []fairlead.SectionCode `yaml:"strict"`
	Recalled  bool                   `yaml:"recalled"`
}

// caseOnward is where a section was taken from, as declared, and the permission on record.
type caseOnward struct {
	Code       fairlead.SectionCode `yaml:"code"`
	Origin     *caseAnswer          `yaml:"origin"`
	Permission *casePermission      `yaml:"permission"`
}

type casePermission struct {
	By       fairlead.AgencyID      `yaml:"by"`
	Holder   fairlead.AgencyID      `yaml:"holder"`
	Of       string                 `yaml:"of"` // of which share, if not of the origin
	Sections []fairlead.SectionCode `yaml:"sections"`
	To       []fairlead.AgencyID    `yaml:"to"`
	Until    fairlead.Time          `yaml:"until"`
}

func (o caseOnward) fact(i int64) policy.Origin {
	id := fairlead.ShareID{1}
	f := policy.Origin{Declared: envelope.Onward{Code: o.Code, Origin: id}, Share: o.Origin.prior(910 + i)}
	if m := o.Permission; m != nil {
		if m.Of != "" {
			id = fairlead.ShareID{2}
		}
		f.Permission = &policy.Permission{Grant: policy.Grant{Share: id, Sections: m.Sections, To: m.To, Until: m.Until}, By: m.By, Holder: m.Holder, Entry: 920 + i}
	}
	return f
}

// prior is the share as the register knows it; an entry of its own stands for it.
func (a *caseAnswer) prior(entry int64) *policy.Prior {
	if a == nil {
		return nil
	}
	return &policy.Prior{
		From: a.From, To: a.To, Kind: a.Kind, Status: cmp.Or(a.Status, fairlead.StatusActual), Purpose: a.Purpose, Delivered: a.Delivered,
		Sections: a.Sections, Strict: a.Strict, Ack: a.Ack, Recalled: a.Recalled, Entry: entry,
	}
}

type caseApproval struct {
	User     string        `yaml:"user"`
	Role     fairlead.Role `yaml:"role"`
	Reasons  []string      `yaml:"reasons"`  // default: of the overrides
	Training []string      `yaml:"training"` // default all
}

type caseSection struct {
	Code      fairlead.SectionCode    `yaml:"code"`
	Essential bool                    `yaml:"essential"`
	Art9      fairlead.Art9           `yaml:"art9"`
	Sch1      fairlead.Sch1           `yaml:"sch1"`
	P18       fairlead.P18            `yaml:"p18"`
	Art10     fairlead.Art10          `yaml:"art10"`
	Override  fairlead.OverrideReason `yaml:"override"`
	Note      string                  `yaml:"note"` // code of the section that the override names, if not OVERRIDE-NOTE
	Caveats   []fairlead.Caveat       `yaml:"caveats"`
	Siena     fairlead.Siena          `yaml:"siena"`
	Grade     string                  `yaml:"grade"`
	Eval      string                  `yaml:"eval"`
	Terms     bool                    `yaml:"conditions"`
	Clear     []fairlead.Caveat       `yaml:"clear"`
	Court     string                  `yaml:"court"`
	Consent   string                  `yaml:"consent"`
}

// outcome is what a case expects for one recipient. First is the reason that decides; Says are words
// that the advice to the sender must hold.
type outcome struct {
	Result    fairlead.Result                 `yaml:"result"`
	Ground    fairlead.Ground                 `yaml:"ground"`
	Agreement string                          `yaml:"agreement"`
	First     fairlead.Reason                 `yaml:"first"`
	Reasons   []fairlead.Reason               `yaml:"reasons"`
	Withheld  []fairlead.SectionCode          `yaml:"withheld"`
	Clauses   map[fairlead.SectionCode]string `yaml:"clauses"`
	Due       []string                        `yaml:"due"`
	Used      []int64                         `yaml:"used"`
	Says      []string                        `yaml:"says"`
	Private   []string                        `yaml:"private"` // words for auditors only
	Oblige    *agreement.Oblige               `yaml:"oblige"`
	Notes     []string                        `yaml:"notes"`
}

func cases(t testing.TB) map[string]*testCase {
	t.Helper()
	names, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(names) == 0 {
		t.Fatal("no cases", err)
	}
	list := map[string]*testCase{}
	for _, name := range names {
		file, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		c := &testCase{agencies: map[fairlead.AgencyID]*policy.Agency{fairlead.Hub: {ID: fairlead.Hub}}, caOnly: map[string]bool{}}
		for _, section := range file.Files {
			if err := c.read(section.Name, section.Data); err != nil {
				t.Fatalf("%s: %s: %v", name, section.Name, err)
			}
		}
		if len(file.Comment) == 0 {
			t.Errorf("%s: say in words what the case is about", name)
		}
		list[strings.TrimSuffix(filepath.Base(name), ".txt")] = c
	}
	return list
}

func (c *testCase) read(name string, text []byte) error {
	switch name {
	case "agencies":
		return c.readAgencies(string(text))
	case "countries":
		for line := range strings.Lines(string(text)) {
			state, rule, _ := strings.Cut(strings.TrimSpace(line), " ")
			c.caOnly[state] = rule == "art34_ca_only"
		}
		return nil
	case "agreement":
		return c.readAgreement(text)
	case "house":
		h := struct {
			agreement.House `yaml:",inline"`
			Of              fairlead.AgencyID `yaml:"of"`
		}{}
		if err := config.Parse(name, text, &h); err != nil {
			return err
		}
		h.Owner, h.Entry = h.Of, int64(300+len(c.houses))
		c.houses = append(c.houses, &h.House)
		return h.Check()
	case "consent":
		var r consent.Record
		if err := config.Parse(name, text, &r); err != nil {
			return err
		}
		c.consents = append(c.consents, r)
		return r.Check()
	case "record":
		c.record = []byte(strings.TrimSpace(string(text)))
		return nil
	case "share":
		return config.Parse(name, text, &c.share)
	case "expect":
		return config.Parse(name, text, &c.expect)
	}
	return fmt.Errorf("no such section")
}

// readAgencies reads lines of "ID TYPE JURISDICTION [duty] [suspended]".
func (c *testCase) readAgencies(text string) error {
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) < 3 {
			return fmt.Errorf("%q: want ID TYPE JURISDICTION", line)
		}
		a := &policy.Agency{
			ID: fairlead.AgencyID(words[0]), Type: fairlead.AgencyType(words[1]), Jurisdiction: fairlead.Jurisdiction(words[2]),
			Emergency: slices.Contains(words, "duty"), Suspended: slices.Contains(words, "suspended"), Entry: int64(len(c.agencies)),
		}
		if err := fairlead.CheckCode("type", a.Type, fairlead.AgencyTypes); err != nil {
			return err
		}
		c.agencies[a.ID] = a
	}
	return nil
}

// readAgreement fills in what a case does not care about, and takes it as signed by all.
func (c *testCase) readAgreement(text []byte) error {
	a := struct {
		agreement.Agreement `yaml:",inline"`
		Unsigned            bool                `yaml:"unsigned"`
		Suspended           []fairlead.AgencyID `yaml:"suspended"`
		Terminated          bool                `yaml:"terminated"`
		EndsAt              fairlead.Time       `yaml:"ends_at"`
		SupersededBy        string              `yaml:"superseded_by"`
		SupersededAt        fairlead.Time       `yaml:"superseded_at"`
	}{Agreement: agreement.Agreement{
		Title: "A case", Form: "dsa", DPIA: "DPIA", Objective: "To test.", Summary: "A test.",
		Governance: agreement.Governance{Rights: "each its own", Transparency: "notices", Accuracy: "corrections", Security: "keys", Retention: "as the terms say", Breach: "24 hours", Disputes: "leads meet", Sanctions: "suspension"},
	}}
	if err := config.Parse("agreement", text, &a); err != nil {
		return err
	}
	for _, id := range a.Parties {
		a.Signatories = append(a.Signatories, agreement.Signatory{Agency: id, Name: "A. Director", Role: "Director"})
		a.Contacts = append(a.Contacts, agreement.Contact{Agency: id, DPO: "dpo@example.org"})
	}
	if a.ReviewBy == "" {
		a.ReviewBy = a.From.AddDate(1, 0, 0).Format(time.DateOnly)
	}
	entry := int64(100 + 10*len(c.agreements))
	s := &agreement.Standing{Agreement: a.Agreement, Entry: entry, ActiveBy: entry + int64(len(a.Parties))}
	s.Suspended, s.Terminated, s.EndsAt, s.SupersededBy, s.SupersededAt = a.Suspended, a.Terminated, a.EndsAt, a.SupersededBy, a.SupersededAt
	if a.Unsigned {
		s.ActiveBy = -1
	}
	c.agreements = append(c.agreements, s)
	return a.Check()
}

// request is the share of the case to one recipient, as the broker puts it to Decide.
func (c *testCase) request(to fairlead.AgencyID) (policy.Request, policy.Facts) {
	s := c.share
	h := &envelope.Header{
		V: envelope.Version, ID: fairlead.NewShareID(), Kind: s.Kind, Status: s.Status, From: envelope.From{Agency: s.From, Role: s.Role, User: "user-1"},
		To: envelope.To{Agency: to, User: s.Named}, SentAt: s.At, ValidUntil: fairlead.At(s.At.Add(72 * time.Hour)), Purpose: s.Purpose, Threshold: s.Threshold,
		TLP: s.TLP, GSC: s.GSC, Urgency: s.Urgency, Severity: s.Severity, Certainty: s.Certainty, Facts: s.Facts, Told: s.Told, Record: envelope.RecordDigest(c.record),
	}
	if s.Status == "" {
		h.Status = fairlead.StatusActual
	}
	if s.Basis != nil {
		h.Basis = &envelope.Basis{Art6: s.Basis.Art6, Annex1: s.Basis.Annex1, Gateways: s.Basis.Gateways, Cite: s.Basis.Cite, LIA: s.Basis.LIA, ChangedFrom: s.Basis.Changed}
	}
	if id, version, ok := strings.Cut(s.Agreement, "/"); ok {
		h.Agreement = &envelope.AgreementRef{ID: id}
		fmt.Sscan(version, &h.Agreement.Version) //nolint:errcheck // a wrong number fails the case
	}
	if h.Told = cmp.Or(s.Told, "yes"); s.Told == "missing" {
		h.Told = ""
	}
	switch {
	case s.S16LA == nil:
		h.S16LA = &envelope.S16LA{Considered: true}
		if s.Basis != nil && slices.Contains(s.Basis.Gateways, "CA2004-16LA") {
			h.S16LA.Applies, h.S16LA.Detriment = true, "none"
		}
	case s.S16LA.Detriment != "missing":
		h.S16LA = s.S16LA
	}
	if s.Detriment != "" {
		h.S16LA = &envelope.S16LA{Considered: true, Detriment: s.Detriment}
	}
	r := policy.Request{Header: h, Record: c.record}
	for _, reason := range s.Examined {
		r.Examined = append(r.Examined, policy.Cause{Reason: reason, Check: "P00"})
	}
	f := c.facts(to)
	if f.Sender != nil && f.Recipient != nil && to != fairlead.Hub && f.Sender.Jurisdiction.State() != f.Recipient.Jurisdiction.State() { // as the client does
		if s.Transfer != "" {
			h.Transfer = &envelope.Transfer{Mechanism: s.Transfer}
			if s.Assessed != nil {
				h.Transfer.Ref, h.Transfer.Assessed = s.Assessed.Ref, s.Assessed.Date
			}
		}
		if s.Danger != "" {
			h.Danger = &envelope.Danger{Result: s.Danger, Role: cmp.Or(s.Judge, "SAFEGUARDING_LEAD"), At: s.At}
			if !s.JudgedAt.IsZero() {
				h.Danger.At = s.JudgedAt
			}
		}
	}
	r.Descriptors = c.descriptors()
	return r, f
}

func (c *testCase) descriptors() (list []*envelope.Descriptor) {
	for _, s := range c.share.Sections {
		d := &envelope.Descriptor{
			Audience: envelope.ForRecipient, Code: s.Code, Essential: s.Essential, Art9: s.Art9, Sch1: s.Sch1, P18: s.P18, Art10: s.Art10, Caveats: s.Caveats, Siena: s.Siena,
			Grade: s.Grade, Eval: s.Eval, Conditions: s.Terms, Clear: s.Clear, Court: s.Court, Consent: s.Consent,
		}
		d.Digest = sha256.Sum256([]byte(s.Code))
		if s.Override != "" {
			d.Override = &envelope.Override{Reason: s.Override, Note: sha256.Sum256([]byte(cmp.Or(s.Note, "OVERRIDE-NOTE")))}
		}
		list = append(list, d)
	}
	for _, l := range c.share.Listed {
		list = append(list, &envelope.Descriptor{Audience: envelope.ForHub, Listed: &envelope.Listed{Caveat: l.Caveat, States: l.States, Agencies: l.Agencies}})
	}
	if c.share.Reason != "" {
		list = append(list, &envelope.Descriptor{Audience: envelope.ForHub, Reason: c.share.Reason})
	}
	for _, child := range c.children() {
		list = append(list, &envelope.Descriptor{Audience: envelope.ForHub, Subject: child})
	}
	return list
}

func (c *testCase) children() []string {
	list := slices.Clone(c.share.Children)
	if c.share.Children == nil {
		for _, r := range c.consents {
			list = append(list, r.Subject)
		}
		list = append(list, strings.Repeat("0", 32))[:max(len(list), 1)]
	}
	return slices.Compact(list)
}

func (c *testCase) facts(to fairlead.AgencyID) policy.Facts {
	f := policy.Facts{Law: law.Default(), Loaded: !c.share.Outage, Training: trained(c.share.Training), Sender: c.agencies[c.share.From], Recipient: c.agencies[to]}
	if c.share.Lawless {
		f.Law = nil
	}
	for _, h := range c.houses {
		if h.Owner == fairlead.Hub || h.Owner == c.share.From || h.Owner == to {
			f.Houses = append(f.Houses, h)
		}
	}
	for _, a := range c.agreements {
		if a.Party(c.share.From) && a.Party(to) {
			f.Agreements = append(f.Agreements, a)
		}
	}
	for i, r := range c.consents {
		f.Consents = append(f.Consents, consent.Held{Record: r, Agency: c.share.From, Entry: int64(500 + i)})
	}
	f.Exercise = c.share.Exercise
	f.Answered, f.Superseded, f.Marked = c.share.Answers.prior(900), c.share.Corrects.prior(901), c.share.Marked
	for i, o := range c.share.Onward {
		f.Onward = append(f.Onward, o.fact(int64(i)))
	}
	for i, a := range c.share.Approvals {
		for _, s := range c.share.Sections {
			if s.Override != "" && c.share.Approvals[i].Reasons == nil {
				a.Reasons = append(a.Reasons, string(s.Override))
			}
		}
		f.Approvals = append(f.Approvals, staff.Approved{User: a.User, Role: a.Role, Reasons: a.Reasons, Training: trained(a.Training), Entry: int64(800 + i)})
	}
	if f.Recipient != nil {
		f.CAOnly = c.caOnly[f.Recipient.Jurisdiction.State()]
	}
	if c.share.Register != "" {
		f.Record = policy.Cause{Reason: fairlead.ReasonAgreementRecord, Check: "P01", Where: "record", Advice: c.share.Register}
	}
	return f
}

// trained is the training on record: all of it where a case says nothing.
func trained(list []string) []string {
	if list == nil {
		return []string{"T1", "T2", "T3", "T4", "T-CORE"}
	}
	return list
}
