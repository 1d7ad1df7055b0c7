package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
)

// care is the default handling of a section (domain §5): the least TLP label, whom it never reaches, and
// the caveat by whose clearing it may leave the sender's State or reach a consulate; "" cannot be cleared.
type care struct {
	tlp    fairlead.TLP
	home   bool                  // stays inside the sender's State unless cleared
	never  []fairlead.AgencyType // unless cleared
	clears fairlead.Caveat

	// Special-category data, and data on criminal offences. A section that only may hold some declares it when it does.
	special, criminal bool
}

const (
	strict = fairlead.TLP("AMBER+STRICT")
	amber  = fairlead.TLP("AMBER")
	green  = fairlead.TLP("GREEN")

	safeAddress = fairlead.Caveat("SAFE-ADDRESS")
	originState = fairlead.Caveat("NO-ORIGIN-STATE")
	noConsulate = fairlead.Caveat("NO-CONSULATE")
	childs      = fairlead.Caveat("CHILD-CONTROLLED")
	art37       = fairlead.Caveat("ART37")
)

// cares is the table of domain §5, columns default handling, art9/10 and never to. Family is no agency.
var cares = map[fairlead.SectionCode]*care{
	"ID-CORE":       {tlp: strict},
	"ID-NUM":        {tlp: strict, never: []fairlead.AgencyType{fairlead.TypeNGOOverseas, fairlead.TypeConsulate}},
	"BIO-PHOTO":     {tlp: strict, special: true, never: []fairlead.AgencyType{fairlead.TypeLibrary, fairlead.TypeNGOOverseas}},
	"LOC-NOW":       {tlp: fairlead.TLPRed, home: true, clears: safeAddress, never: []fairlead.AgencyType{fairlead.TypeConsulate}},
	"LOC-HIST":      {tlp: strict},
	"FAMILY":        {tlp: strict},
	"GUARD-REP":     {tlp: amber},
	"JOURNEY":       {tlp: strict},
	"IMMIG":         {tlp: strict, clears: noConsulate, never: []fairlead.AgencyType{fairlead.TypeConsulate}},
	"ASYLUM":        {tlp: fairlead.TLPRed, home: true, clears: originState, never: []fairlead.AgencyType{fairlead.TypeConsulate}},
	"EXPL-ACCOUNT":  {tlp: fairlead.TLPRed, special: true, never: []fairlead.AgencyType{fairlead.TypeNGOOverseas, fairlead.TypeConsulate}},
	"EXPL-IND":      {tlp: strict},
	"EXPLOITER":     {tlp: fairlead.TLPRed, criminal: true, never: []fairlead.AgencyType{fairlead.TypeNGOOverseas, fairlead.TypeNGOUK}},
	"INTEL":         {tlp: strict, criminal: true},
	"CHILD-CRIM":    {tlp: fairlead.TLPRed, criminal: true, home: true, clears: originState},
	"HEALTH-PHYS":   {tlp: strict, special: true},
	"HEALTH-MH":     {tlp: fairlead.TLPRed, special: true},
	"HEALTH-SEX":    {tlp: fairlead.TLPRed, special: true, home: true, clears: childs, never: []fairlead.AgencyType{fairlead.TypeConsulate}},
	"ETHNO":         {tlp: amber, special: true},
	"EDU":           {tlp: amber},
	"SC-HIST":       {tlp: strict},
	"RISK":          {tlp: strict},
	"ASSESS":        {tlp: strict},
	"VOICE":         {tlp: strict},
	"PLAN-SAFE":     {tlp: strict},
	"PLAN-RETURN":   {tlp: strict, clears: noConsulate, never: []fairlead.AgencyType{fairlead.TypeConsulate}},
	"LEGAL":         {tlp: strict},
	"OVERRIDE-NOTE": {tlp: fairlead.TLPRed, home: true, clears: originState},
	"PRO-CONTACT":   {tlp: green},
	"ATTACH":        {tlp: strict}, // as its content, which the hub does not see
}

// careOf finds the default handling of a section. An unknown one has none, and goes under no label.
func careOf(code fairlead.SectionCode) *care {
	if c := cares[code]; c != nil {
		return c
	}
	return &care{}
}

// checkHandling is P08 for one section: label, grading, caveats.
func (p *decider) checkHandling(s *sectionDecider) {
	against := func(advice string) { s.against("P08", fairlead.ReasonCaveat, advice) }
	if c := s.care; slices.Index(fairlead.TLPs, p.Header.TLP) > slices.Index(fairlead.TLPs, c.tlp) { // strictest first
		against("it needs the label " + string(c.tlp) + " at least; raise the label of the message, or leave the section out")
	}
	d := s.desc
	switch {
	case (d.Grade != "" || d.Eval != "") && s.Code != "INTEL":
		against("a grade is for intelligence alone")
	case s.Code == "INTEL" && (d.Siena == "" || d.Grade == "" && d.Eval == ""):
		against("intelligence needs a SIENA handling code, and a grade: 3x5x2 or SIENA evaluation")
	case s.Code == "EXPLOITER" && d.Siena != "H2" && d.Siena != "H3":
		against("it needs the SIENA handling code H2 or H3")
	}
	if (strings.HasSuffix(d.Grade, "C") || d.Siena == "H3") && !d.Conditions {
		against("handling on conditions needs the conditions, written in the section")
	}
	if p.confidential(s) {
		s.wants = append(s.wants, want{where: "confidential health information", code: "CALDICOTT", quorum: quorum{[]fairlead.Role{"CALDICOTT_GUARDIAN"}, 1}})
	}
	for _, c := range p.caveats(s) {
		p.checkCaveat(s, c)
	}
}

// confidential reports whether a health body discloses health information to another kind of body: its
// Caldicott guardian approves that, but for an immediate danger (domain §2.1).
func (p *decider) confidential(s *sectionDecider) bool {
	return strings.HasPrefix(string(s.Code), "HEALTH-") && p.f.Sender.Type == fairlead.TypeHealth && p.f.Recipient.Type != fairlead.TypeHealth && p.Header.Threshold != fairlead.TH4
}

// caveats are those declared, and the one that papers of a court bear whether declared or not.
func (p *decider) caveats(s *sectionDecider) []fairlead.Caveat {
	list := slices.Clone(s.desc.Caveats)
	if s.Code == "LEGAL" && !slices.Contains(list, "COURT-RESTRICTED") {
		list = append(list, "COURT-RESTRICTED")
	}
	if s.Code == fairlead.SectionLocNow && !slices.Contains(list, safeAddress) && slices.ContainsFunc(p.Descriptors, func(d *envelope.Descriptor) bool {
		return slices.Contains(d.Caveats, safeAddress)
	}) {
		list = append(list, safeAddress) // said of one page it protects the address on another
	}
	return list
}

// caveatRule says whom a caveat bars, and who may clear it: so many people of each list of roles.
type caveatRule struct {
	bars   func(p *decider, d *envelope.Descriptor) bool
	reason fairlead.Reason
	by     []quorum // nil: nobody clears it
	advice string
}

// The people who clear (domain §5). The notes ask for a lawyer and have no such role: the data
// protection officer signs for legal advice.
var (
	lead  = []fairlead.Role{"SAFEGUARDING_LEAD"}
	legal = []fairlead.Role{"DPO"}
)

func informs(*decider, *envelope.Descriptor) bool { return false }

// caveatRules is the table of caveats of domain §5. What only informs the reader bars nobody; onward
// sharing (ORCON) is P11, and what the child decides is P09.
var caveatRules = map[fairlead.Caveat]caveatRule{
	"NO-FAMILY":      {bars: informs},
	"NOT-EVIDENCE":   {bars: informs},
	"CHILD-VOICE":    {bars: informs},
	"UNVERIFIED-AGE": {bars: informs},
	"ORCON":          {bars: informs},
	childs:           {bars: informs, by: []quorum{{lead, 2}}},
	safeAddress: {
		bars:   func(p *decider, _ *envelope.Descriptor) bool { return !p.lists(safeAddress) },
		by:     []quorum{{lead, 2}},
		advice: "it goes to those alone whom the sender lists for it",
	},
	originState: {
		bars: func(p *decider, _ *envelope.Descriptor) bool {
			return p.abroad() && (!p.listed(originState) || p.lists(originState))
		},
		by:     []quorum{{lead, 1}, {legal, 1}},
		advice: "no body of a State of origin gets it, and while the States are not listed no body abroad",
	},
	noConsulate: {
		bars:   func(p *decider, _ *envelope.Descriptor) bool { return p.f.Recipient.Type == fairlead.TypeConsulate },
		by:     []quorum{{lead, 1}, {legal, 1}},
		advice: "no consulate gets it",
	},
	"COURT-RESTRICTED": {
		bars:   func(_ *decider, d *envelope.Descriptor) bool { return d.Court == "" },
		advice: "give the reference of the court's permission",
	},
	"LEGAL-PRIVILEGE": {
		bars: func(p *decider, _ *envelope.Descriptor) bool {
			return p.Header.TLP != fairlead.TLPRed || p.Header.To.User == ""
		},
		by:     []quorum{{legal, 1}},
		advice: "it goes to a named person only: TLP RED",
	},
	art37: {
		bars:   func(p *decider, _ *envelope.Descriptor) bool { return !p.listed(art37) || p.lists(art37) },
		reason: fairlead.ReasonArt37,
		by:     []quorum{{lead, 2}},
		advice: "danger was found for the recipients listed, and while none are listed for all",
	},
	"SYNTHETIC": {
		bars:   func(p *decider, _ *envelope.Descriptor) bool { return p.Header.Status == fairlead.StatusActual },
		advice: "made-up data never reach live inboxes",
	},
}

// checkCaveat bars the section, or lets it wait for those who may clear the caveat, where the sender asks.
func (p *decider) checkCaveat(s *sectionDecider, c fairlead.Caveat) {
	rule, ok := caveatRules[c]
	if ok && !rule.bars(p, s.desc) || ok && p.clears(s, c) {
		return
	}
	reason := rule.reason
	if reason == "" {
		reason = fairlead.ReasonCaveat
	}
	s.against("P08", reason, "caveat "+string(c)+" bars it: "+rule.advice+howToClear(c))
}

// howToClear says by whose signatures a caveat is cleared for a recipient; nothing where nobody may.
func howToClear(c fairlead.Caveat) string {
	var who []string
	for _, q := range caveatRules[c].by {
		who = append(who, fmt.Sprintf("%d %s", q.n, oneOf(q.roles)))
	}
	if who == nil {
		return ""
	}
	return "; to clear it, name " + string(c) + " in the section's clear, and let " + strings.Join(who, " and ") + " approve"
}

// clears reports whether the sender asks for c to be cleared and somebody may; the section then waits
// for them.
func (p *decider) clears(s *sectionDecider, c fairlead.Caveat) bool {
	rule := caveatRules[c]
	if !slices.Contains(s.desc.Clear, c) || rule.by == nil {
		return false
	}
	for _, q := range rule.by {
		s.wants = append(s.wants, want{where: "caveat " + string(c), code: string(c), quorum: q})
	}
	return true
}

// abroad reports whether the recipient is a body of another State than the sender's, or of any but the
// United Kingdom.
func (p *decider) abroad() bool {
	return p.crosses || p.f.Recipient.Jurisdiction.State() != "GB"
}

// listed reports whether the share says for whom or for which States c was set.
func (p *decider) listed(c fairlead.Caveat) bool {
	return slices.ContainsFunc(p.Descriptors, func(d *envelope.Descriptor) bool { return d.Listed != nil && d.Listed.Caveat == c })
}

// lists reports whether the recipient, or its State, is among them.
func (p *decider) lists(c fairlead.Caveat) bool {
	r := p.f.Recipient
	return slices.ContainsFunc(p.Descriptors, func(d *envelope.Descriptor) bool {
		l := d.Listed
		return l != nil && l.Caveat == c && (slices.Contains(l.Agencies, r.ID) || slices.Contains(l.States, fairlead.Jurisdiction(r.Jurisdiction.State())))
	})
}

// judged is how far the clocks of who judges the danger, or asks for consent, and of who sends may be apart.
const judged = 5 * time.Minute

// checkDanger is P08 for the whole share: Hague 1996 Art 37 asks before anything crosses a border.
func (p *decider) checkDanger() {
	if !p.crosses || p.covered() {
		return
	}
	against := func(where, advice string) { p.against("P08", fairlead.ReasonArt37, where, advice) }
	switch d := p.Header.Danger; {
	case d == nil:
		against("danger_check", "say whether sending could endanger the child or the family")
	case d.Result == fairlead.DangerFound:
		against("danger_check danger", "do not send; ask a safeguarding lead")
	case d.Result == fairlead.DangerUnknown && p.Header.Threshold != fairlead.TH4:
		against("danger_check unknown", "find out first; only TH4 may go without")
	case d.At.IsZero() || d.At.After(p.Header.SentAt.Add(judged)):
		against("danger_check.at", "the danger is judged before the message is sent")
	case !p.kind.MayAct(d.Role):
		against("danger_check.role "+string(d.Role), "who judges the danger handles cases")
	}
}

// checkSection is P10: what the section's own default, and then the ground, allow; who repairs what the first
// says must not find the second only then. What stays at home, or is kept from consulates, may be cleared.
func (p *decider) checkSection(s *sectionDecider) {
	r, c := p.f.Recipient, s.care
	barred := func(advice string) { s.against("P10", fairlead.ReasonSectionNotAllowed, advice) }
	clearable := p.crosses && c.home || r.Type == fairlead.TypeConsulate
	why := sectionDefault(c, s.Code, p.crosses, r)
	if why == "" || clearable && p.clears(s, c.clears) {
		p.checkClause(s, barred)
		return
	}
	barred(why)
	p.checkClause(s, barred)
	s.Clause = "" // of what stays at home it permits nothing
}
