package policy

import (
	"slices"

	"fairlead/internal/consent"
	"fairlead/internal/fairlead"
)

// Outcomes of a cell of the consent matrix.
type outcome string

const (
	yes      outcome = "yes"      // it goes
	no       outcome = "no"       // it stays
	manager  outcome = "manager"  // it waits for a team manager
	duty     outcome = "duty"     // an override by the duty of s16LA, and a team manager
	managed  outcome = "managed"  // an override, and a team manager
	seconded outcome = "seconded" // an override, and a second person
	doubled  outcome = "doubled"  // an override, and two more people
	court    outcome = "court"    // as seconded where a court ordered it, else it stays
	later    outcome = "later"    // an override; a second person within one working day
)

// row is one line of the matrix: what is declared, to whom, which section, what was said, and what
// becomes of it at TH0 to TH4.
type row struct {
	basis, to, section, said string
	at                       [5]outcome
}

// matrix is consent × basis × threshold (domain §9). Every row that matches must let the section go. At
// TH0 no child can be identified, so nothing about one goes but with consent as the basis. Contacts of
// professionals need no consent.
var matrix = []row{
	// basis        to        section     said          TH0  TH1      TH2      TH3       TH4
	{"consent", "any", "any", "given", [5]outcome{yes, yes, yes, yes, yes}},
	{"consent", "any", "any", "not given", [5]outcome{no, no, no, no, no}},
	{"consent", "any", "any", "refused", [5]outcome{no, no, no, no, no}},
	{"statute", "any", "personal", "given", [5]outcome{no, yes, yes, yes, yes}},
	{"statute", "any", "personal", "not given", [5]outcome{no, manager, yes, yes, yes}},
	{"statute", "any", "any", "refused", [5]outcome{no, duty, managed, seconded, later}},
	{"vital", "any", "any", "any", [5]outcome{no, no, no, no, yes}},
	{"any", "abroad", "any", "refused", [5]outcome{no, no, no, court, doubled}},
	{"any", "any", "child's", "child refused", [5]outcome{no, no, no, doubled, seconded}},
}

// words are those of the rows, and wordSet a set of them, by place.
var words = []string{"any", "consent", "statute", "vital", "abroad", "elsewhere", "personal", "child's", "given", "not given", "refused", "child refused"}

type wordSet uint16

func setOf(list ...string) (set wordSet) {
	for _, w := range list {
		set |= 1 << slices.Index(words, w)
	}
	return set
}

// asked are the words of each row. A row matches a section that shows them all.
var asked = func() (sets []wordSet) {
	for _, r := range matrix {
		sets = append(sets, setOf(r.basis, r.to, r.section, r.said))
	}
	return sets
}()

// showing is what every section of the share shows to the matrix.
func (p *decider) showing() wordSet {
	to := "elsewhere"
	if t := p.f.Recipient.Type; t == fairlead.TypeNGOOverseas || t == fairlead.TypeConsulate {
		to = "abroad"
	}
	return setOf("any", p.basisClass(), to)
}

// checkConsent is P09: consult always, and let the matrix say.
func (p *decider) checkConsent(s *sectionDecider) {
	if p.covered() { // most carry no sections, and a confirmation tells of what was done: P10 says so
		return
	}
	if id := s.desc.Consent; id != "" && !slices.ContainsFunc(p.f.Consents, func(h consent.Held) bool { return h.ID == id }) {
		s.against("P09", fairlead.ReasonConsentMissing, "no consent of this child is on record by the id that it cites")
	}
	if s.childs() && !p.f.Loaded {
		s.against("P09", fairlead.ReasonUnavailable, "what the child said cannot be read now")
	}
	shows := p.shows | setOf(p.said(s))
	if personal(s.desc) {
		shows |= setOf("personal")
	}
	if s.childs() {
		shows |= setOf("child's")
		if p.childRefused(s) {
			shows |= setOf("child refused")
		}
	}
	matched := false
	for i, set := range asked {
		if shows&set == set {
			matched = true
			p.apply(s, &matrix[i])
		}
	}
	if !matched && personal(s.desc) {
		s.against("P09", fairlead.ReasonConsentMissing, "the matrix of consent does not know this case")
	}
}

// basisClass is the word of the matrix for the declared basis.
func (p *decider) basisClass() string {
	switch {
	case p.byConsent():
		return "consent"
	case p.Header.Basis != nil && p.Header.Basis.Art6 == fairlead.Art6Vital:
		return "vital"
	}
	return "statute"
}

// childs reports whether the child decides on the section: declared, or by the section's own default.
func (s *sectionDecider) childs() bool {
	return s.Code == "HEALTH-SEX" || slices.Contains(s.desc.Caveats, childs)
}

// said is the word of the matrix for what the records say of the section's use.
func (p *decider) said(s *sectionDecider) string {
	switch p.state(s) {
	case consent.Given:
		return "given"
	case consent.Refused:
		return "refused"
	}
	return "not given"
}

func (p *decider) state(s *sectionDecider) consent.State {
	return consent.Weakest(p.f.Consents, p.handles, p.consentUse(s), p.at)
}

// childRefused reports whether one of the children has said no to this use, not somebody for them.
func (p *decider) childRefused(s *sectionDecider) bool {
	return slices.ContainsFunc(p.handles, func(subject string) bool {
		own := slices.DeleteFunc(slices.Clone(p.f.Consents), func(h consent.Held) bool { return h.Subject != subject })
		state, by := consent.Evaluate(own, p.consentUse(s), p.at)
		return state == consent.Refused && len(by) > 0 && by[0].Giver.Subject()
	})
}

// apply does what the cell of r says at the share's threshold.
func (p *decider) apply(s *sectionDecider, r *row) {
	i := slices.Index(fairlead.Thresholds, p.Header.Threshold)
	if i < 0 {
		s.against("P09", fairlead.ReasonConsentMissing, "the threshold is missing")
		return
	}
	switch r.at[i] {
	case yes:
	case no:
		p.stays(s, r)
	case manager:
		s.wants = append(s.wants, want{where: "consent not sought", code: notSought, quorum: quorum{managers, 1}})
	case duty:
		p.checkOverride(s, p.Header.S16LA != nil && p.Header.S16LA.Applies, "DUTY", "below TH2 only a duty under s16LA overrides a refusal", quorum{managers, 1})
	case managed:
		p.checkOverride(s, true, "", "", quorum{managers, 1})
	case court:
		ordered := p.Header.Basis != nil && slices.Contains(p.Header.Basis.Gateways, "COURT-ORDER")
		p.checkOverride(s, ordered, "", "a refusal is not overridden for a body of this type below TH4, but by a court", quorum{seconds, 1})
	case seconded:
		p.checkOverride(s, true, "", "", quorum{seconds, 1})
	case doubled:
		p.checkOverride(s, true, "", "", quorum{seconds, 2})
	case later:
		p.checkOverride(s, true, "", "", quorum{})
	}
}

// stays withholds the section and says why.
func (p *decider) stays(s *sectionDecider, r *row) {
	against := func(reason fairlead.Reason, advice string) { s.against("P09", reason, advice) }
	switch state := p.state(s); {
	case r.basis == "vital":
		against(fairlead.ReasonConsentMissing, "vital interests hold at TH4 alone")
	case state == consent.Refused && r.basis == "consent":
		against(fairlead.ReasonConsentRefused, "it was refused; where a statutory basis is true, declare that one, and say changed_from A6-1-a")
	case state == consent.Refused && r.section == "child's":
		against(fairlead.ReasonConsentRefused, "the child decides on it below TH3, and said no")
	case state == consent.Refused && r.to == "abroad":
		against(fairlead.ReasonConsentRefused, "a refusal is not overridden for a body of this type below TH4, but by a court")
	case state == consent.Refused:
		against(fairlead.ReasonConsentRefused, "it was refused, and at TH0 nothing overrides that")
	case r.basis != "consent":
		against(fairlead.ReasonConsentMissing, "at TH0 no child can be identified: nothing about one goes")
	case state == consent.Expired:
		against(fairlead.ReasonConsentExpired, "ask again")
	case state == consent.OutOfScope:
		against(fairlead.ReasonConsentScope, "it was given for another recipient or purpose")
	default:
		against(fairlead.ReasonConsentMissing, "record the consent first, or declare the basis that is true")
	}
}

func (p *decider) consentUse(s *sectionDecider) consent.Use {
	r := p.f.Recipient
	return consent.Use{Section: s.Code, Purpose: p.Header.Purpose, Recipient: r.ID, Type: r.Type, Jurisdiction: r.Jurisdiction}
}

func (p *decider) byConsent() bool {
	return p.Header.Basis != nil && p.Header.Basis.Art6 == fairlead.Art6Consent
}
