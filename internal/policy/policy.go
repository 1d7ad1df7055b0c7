package policy

import (
	"slices"
	"strings"
	"sync"
	"time"

	"fairlead/internal/agreement"
	"fairlead/internal/consent"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/kind"
	"fairlead/internal/law"
	"fairlead/internal/staff"
)

// Engine numbers the meaning of Decide. A log entry names it; a change of meaning takes a new number
// and keeps the old code, so that past decisions replay.
const Engine = 1

// Request is what is asked: one share, as far as it is in the clear.
type Request struct {
	Header      *envelope.Header
	Descriptors []*envelope.Descriptor
	Record      []byte
	Examined    []Cause // faults found before the decision: signature, replay, time, packets
}

// Facts is what the register knows of a request, nothing else. A fact that is missing never permits.
type Facts struct {
	Law    *law.Tables // what holds by law or guidance; nil: nothing is decided
	Loaded bool        // agreements and consents could be read; if not, the emergency path alone stays open

	Sender, Recipient *Agency                // nil: not enrolled. The hub itself is fairlead.Hub
	Agreements        []*agreement.Standing  // of which both are parties, frameworks among them
	Houses            []*agreement.House     // rules of the hub, of the sender and of the recipient
	Training          []string               // training codes of the sender's user, current at the instant
	Consents          []consent.Held         // the sender's records of the share's subject, oldest first
	Answered          *Prior                 // the share that reply_to names, nil: not on record
	Superseded        *Prior                 // the share that supersedes names, nil: not on record
	Onward            []Origin               // where sections were taken from, as declared
	Marked            []fairlead.SectionCode // sections that others gave the sender under their control
	Exercise          bool                   // sender and recipient take part in exercises
	CAOnly            bool                   // the recipient's State takes Art 34 requests from Central Authorities only
	Approvals         []staff.Approved       // by the sender's people of this very share, checked by the register
	Record            Cause                  // what the register says against the record; zero: nothing
}

// Agency is what decisions need to know of an enrolled agency.
type Agency struct {
	ID           fairlead.AgencyID     `json:"id"`
	Type         fairlead.AgencyType   `json:"type"`
	Jurisdiction fairlead.Jurisdiction `json:"jurisdiction"`
	Emergency    bool                  `json:"emergency_registered"` // has a duty inbox open day and night
	Suspended    bool                  `json:"suspended,omitempty"`
	Entry        int64                 `json:"-"` // log entry of its enrolment
}

// Prior is a share on record that another one answers, corrects or takes from.
type Prior struct {
	From, To  fairlead.AgencyID
	Kind      string
	Status    fairlead.Status
	Purpose   fairlead.Purpose
	Delivered bool
	Sections  []fairlead.SectionCode // delivered ones
	Strict    []fairlead.SectionCode // those of them that go no further without their originator's permission
	Ack       fairlead.AckLevel      // furthest human acknowledgement by To
	Recalled  bool                   // its sender has asked for it back
	Entry     int64
}

// Cause is one reason, the check that found it, where, and what to do about it.
type Cause struct {
	Reason  fairlead.Reason `json:"reason"`
	Check   string          `json:"check"`
	Where   string          `json:"where,omitempty"`
	Advice  string          `json:"advice,omitempty"`
	Private bool            `json:"private,omitempty"` // for auditors, not for the sender
}

// Section is the decision on one section.
type Section struct {
	Part      int                  `json:"part"` // place among the descriptors
	Code      fairlead.SectionCode `json:"code"`
	Delivered bool                 `json:"delivered"`
	Clause    string               `json:"clause,omitempty"` // agreement term or rule that permits it
	Causes    []Cause              `json:"causes,omitempty"`
}

// Due is a deadline that the decision starts: an instant, or a date that lasts to its end in the
// calendar named.
type Due struct {
	Code     string `json:"code"`
	At       string `json:"at"`
	Calendar string `json:"calendar,omitempty"`
}

// Note is a remark for auditors and the data protection officer that changes nothing.
type Note struct {
	Check string `json:"check"`
	Text  string `json:"text"`
}

// Decision is the answer, with every reason kept.
type Decision struct {
	Engine    int               `json:"engine"`
	Result    fairlead.Result   `json:"result"`
	Ground    fairlead.Ground   `json:"ground"`
	Agreement string            `json:"agreement,omitempty"` // such as "A2/1"
	Causes    []Cause           `json:"causes,omitempty"`    // against the whole share
	Holds     []Cause           `json:"holds,omitempty"`     // why it waits; a held share has no causes
	Sections  []Section         `json:"sections,omitempty"`
	Due       []Due             `json:"due,omitempty"`
	Oblige    *agreement.Oblige `json:"oblige,omitempty"` // what the permitting terms lay on the recipient
	Notes     []Note            `json:"notes,omitempty"`
	Used      []int64           `json:"used,omitempty"` // log entries the decision stands on, ascending
}

// decider gathers one decision.
type decider struct {
	Request
	f       Facts
	at      time.Time
	kind    kind.Kind
	law     law.Book
	crosses bool // sender and recipient are in different States

	use      agreement.Use       // what agreements are asked
	bars     []agreement.Bar     // prohibitions that hold whatever the share stands on
	standing *agreement.Standing // agreement that carries the share, if any, and its reference
	ref      string
	cover    agreement.Cover
	handles  []string               // of the children it is about
	codes    []fairlead.SectionCode // of the sections that terms of the agreement permit
	shows    wordSet                // what every section of it shows to the consent matrix
	named    *agreement.Term        // the last term named as a clause, and its name
	namedAs  string
	under    fairlead.Ground // what an override stands on, if there is one
	later    bool            // an override went out before its second person
	out      bool            // agreements and consents cannot be read, and the share needs them
	d        Decision
}

// Decide runs every check, keeps every reason, and lets the first failure decide (domain §8).
func Decide(r Request, f Facts, at time.Time) Decision {
	p := deciders.Get().(*decider)
	defer p.rest()
	p.Request, p.f, p.at = r, f, at
	p.d = Decision{Engine: Engine, Ground: fairlead.GroundNone, Result: fairlead.Refused, Causes: slices.Clone(r.Examined)}
	switch {
	case r.Header == nil || len(r.Examined) > 0: // nothing in it may be believed
	case f.Law == nil:
		p.against("P04", fairlead.ReasonUnavailable, "law", "the tables of law could not be read; tell the hub's operator")
	default:
		p.law = f.Law.At(at)
		p.decide()
	}
	p.d.brief()
	return p.d
}

// deciders rest between decisions: each is a kilobyte, and nothing of it is kept.
var deciders = sync.Pool{New: func() any { return new(decider) }}

// rest forgets the decision. Lists that no decision holds keep their room.
func (p *decider) rest() {
	clear(p.bars)
	clear(p.handles)
	*p = decider{bars: p.bars[:0], handles: p.handles[:0], codes: p.codes[:0]}
	deciders.Put(p)
}

func (p *decider) decide() {
	p.crosses = p.crossBorder()
	for _, d := range p.Descriptors {
		if d.Audience == envelope.ForHub && d.Subject != "" {
			p.handles = append(p.handles, d.Subject)
		}
	}
	for _, check := range []func(*decider){
		(*decider).checkKind, (*decider).checkChild, (*decider).checkRefusal, (*decider).checkCorrection, (*decider).checkSender, (*decider).checkRecipient, (*decider).checkChannel,
		(*decider).checkBasis, (*decider).checkTold, (*decider).checkLoaded, (*decider).checkGround, (*decider).checkTransfer, (*decider).checkDanger, (*decider).checkRecord,
		(*decider).checkRecall, (*decider).checkCancel, (*decider).checkEscalation, (*decider).checkTraining,
	} {
		check(p)
		if p.out { // what follows would read what could not be loaded
			break
		}
	}
	if len(p.d.Causes) == 0 {
		p.decideSections()
	}
	if len(p.d.Causes) > 0 {
		p.refuse()
		return
	}
	if p.d.Result != fairlead.Held {
		p.due()
		p.oblige()
	}
	p.used()
}

// causesInWords is how many causes against sections are told in words. A person reads fewer, and a decision
// must fit into the log whatever a share asks for.
const causesInWords = 300

// maxAdvice bounds the words of one cause in bytes: they may repeat what stands in a record.
const maxAdvice = 4 << 10

// brief leaves of the causes beyond those the reason and the check, and of long words the beginning.
func (d *Decision) brief() {
	for i := range d.Causes {
		if c := &d.Causes[i]; len(c.Advice) > maxAdvice {
			c.Advice = strings.ToValidUTF8(c.Advice[:maxAdvice], "") + "…"
		}
	}
	told := 0
	for i := range d.Sections {
		for j := range d.Sections[i].Causes {
			if told++; told > causesInWords {
				c := &d.Sections[i].Causes[j]
				c.Where, c.Advice = "", ""
			}
		}
	}
}

// refuse leaves the reasons and takes everything else back.
func (p *decider) refuse() {
	p.d.Result, p.d.Ground, p.d.Agreement, p.d.Holds, p.d.Notes = fairlead.Refused, fairlead.GroundNone, "", nil, nil
	for i := range p.d.Sections {
		p.d.Sections[i].Delivered = false
	}
	p.used()
}

// against records a cause against the whole share.
func (p *decider) against(check string, reason fairlead.Reason, where, advice string) {
	p.d.Causes = append(p.d.Causes, Cause{Reason: reason, Check: check, Where: where, Advice: advice})
}

// used lists the entries the decision read, so that an auditor finds them without searching.
func (p *decider) used() {
	used := make([]int64, 0, 16)
	for _, a := range []*Agency{p.f.Sender, p.f.Recipient} {
		if a != nil && a.ID != fairlead.Hub {
			used = append(used, a.Entry)
		}
	}
	for _, s := range []*agreement.Standing{p.standing, p.cover.Framework} {
		if s == nil {
			continue
		}
		used = append(used, s.Entry, s.ActiveBy)
		if s.Ended > 0 {
			used = append(used, s.Ended)
		}
	}
	for _, b := range p.bars {
		used = append(used, b.Entry)
	}
	for _, a := range p.f.Approvals {
		used = append(used, a.Entry)
	}
	for _, c := range p.f.Consents {
		used = append(used, c.Entry)
	}
	for _, a := range []*Prior{p.f.Answered, p.f.Superseded} {
		if a != nil {
			used = append(used, a.Entry)
		}
	}
	for _, o := range p.f.Onward {
		if o.Share != nil {
			used = append(used, o.Share.Entry)
		}
		if o.Permission != nil {
			used = append(used, o.Permission.Entry)
		}
	}
	if slices.Sort(used); len(used) > 0 {
		p.d.Used = slices.Compact(used)
	}
}

// Reasons lists the distinct reasons of a decision, share and sections together, in alphabetical order.
func (d *Decision) Reasons() []fairlead.Reason {
	reasons := []fairlead.Reason{}
	for _, c := range slices.Concat(d.Causes, d.Holds) {
		reasons = append(reasons, c.Reason)
	}
	for _, s := range d.Sections {
		for _, c := range s.Causes {
			reasons = append(reasons, c.Reason)
		}
	}
	slices.Sort(reasons)
	return slices.Compact(reasons)
}

// Delivers reports whether anything is put before the recipient.
func (d *Decision) Delivers() bool {
	return d.Result == fairlead.Delivered || d.Result == fairlead.DeliveredRedacted
}

// Withheld lists the section codes not delivered, in the order sent.
func (d *Decision) Withheld() []fairlead.SectionCode {
	codes := []fairlead.SectionCode{}
	for _, s := range d.Sections {
		if !s.Delivered && d.Delivers() {
			codes = append(codes, s.Code)
		}
	}
	return codes
}
