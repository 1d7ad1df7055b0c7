package policy

import (
	"slices"
	"strings"

	"fairlead/internal/fairlead"
)

// gatewayNations says in which jurisdictions a statutory gateway may be claimed (domain §2.3): a nation,
// "GB" for the whole United Kingdom, or "" for any State party to the treaty.
var gatewayNations = map[fairlead.Gateway]string{
	"CA2004-16LA": "GB-ENG", "CA2004-16LC": "GB-ENG", "CA2004-10": "GB-ENG", "CA2004-11": "GB-ENG", "CA2004-16H": "GB-ENG",
	"CA1989-17": "GB-ENG GB-WLS", "CA1989-27": "GB-ENG", "CA1989-47": "GB-ENG", "CA1989-S2P19": "GB-ENG GB-WLS",
	"MSA2015-52": "GB-ENG GB-WLS", "MSA2015-51": "GB-ENG GB-WLS", "MSA2015-48": "GB-ENG GB-WLS", "MSA2015-43": "GB",
	"BCIA2009-55": "GB", "CDA1998-115": "GB-ENG GB-WLS", "COMMON-LAW-POLICING": "GB", "HTES2015": "GB-SCT", "HTENI2015": "GB-NIR",
	"SSWBA2014": "GB-WLS", "HAGUE96-30": "", "HAGUE96-31": "", "HAGUE96-32": "", "HAGUE96-33": "", "HAGUE96-34": "", "HAGUE96-35": "",
	"HAGUE96-36": "", "HAGUE96-37": "", "COURT-ORDER": "", "COE-ECAT-10-16": "",
}

// gatewayHolds reports whether g may be claimed by a sender in j. A body of the whole United Kingdom
// may claim what holds in any of its nations.
func gatewayHolds(g fairlead.Gateway, j fairlead.Jurisdiction) bool {
	nations, ok := gatewayNations[g]
	switch {
	case !ok:
		return false
	case nations == "":
		return true
	case nations == "GB" || j == "GB":
		return j.State() == "GB"
	}
	return slices.Contains(strings.Fields(nations), string(j))
}

// checkBasis is P04: the declared basis is one that this sender may use, and is complete.
func (p *decider) checkBasis() {
	b, s := p.Header.Basis, p.f.Sender
	if b == nil || s == nil || p.control() {
		return
	}
	invalid := func(advice string) {
		p.against("P04", fairlead.ReasonBasisInvalid, "basis "+string(b.Art6), advice)
	}
	uk := s.Jurisdiction.State() == "GB"
	switch b.Art6 {
	case fairlead.Art6Legal, fairlead.Art6Task:
		p.checkGateways()
	case fairlead.Art6Recognised:
		if s.Type.PublicAuthority() {
			invalid("a public authority may not use recognised legitimate interests; declare public task or legal obligation")
		} else if b.Annex1 == "" {
			invalid("name the Annex 1 condition, RLI-6 for safeguarding")
		}
	case fairlead.Art6LawEnforce:
		if !s.Type.LawEnforcement() {
			invalid("Part 3 is for competent authorities")
		}
	case fairlead.Art6EU, fairlead.Art6National:
		if b.Cite == "" || (b.Art6 == fairlead.Art6EU) != s.Jurisdiction.EEA() {
			invalid("a sender in the EEA declares X-EU-GDPR, another one abroad X-NATIONAL; cite the article or law")
		}
	case fairlead.Art6Vital:
		if p.Header.Threshold != fairlead.TH4 || p.Header.Urgency != fairlead.UrgencyImmediate {
			invalid("vital interests hold only for a life in danger now: TH4 and Immediate")
		}
	case fairlead.Art6Legitimate:
		p.against("P04", fairlead.ReasonNotBuilt, "basis A6-1-f", "the assessment it needs is not built yet; prefer A6-1-ea with RLI-6")
	}
	if foreign := b.Art6 == fairlead.Art6EU || b.Art6 == fairlead.Art6National; uk == foreign && b.Art6 != fairlead.Art6Consent {
		invalid("the basis must be of the sender's own law")
	}
}

// checkGateways requires a power or duty that holds where the sender is.
func (p *decider) checkGateways() {
	b, j := p.Header.Basis, p.f.Sender.Jurisdiction
	if len(b.Gateways) == 0 {
		p.against("P04", fairlead.ReasonGatewayMissing, "basis.gateways", "name the power or duty that you act under")
	}
	for _, g := range b.Gateways {
		if !gatewayHolds(g, j) {
			p.against("P04", fairlead.ReasonGatewayMissing, "gateway "+string(g), "it does not hold in "+string(j))
		}
	}
}

// special names the sections that hold special-category data, criminal those with criminal-offence
// data (domain §5, column art9/10). A section that only may hold some declares it when it does.
var (
	special  = []fairlead.SectionCode{"BIO-PHOTO", "EXPL-ACCOUNT", "HEALTH-PHYS", "HEALTH-MH", "HEALTH-SEX", "ETHNO"}
	criminal = []fairlead.SectionCode{"EXPLOITER", "INTEL", "CHILD-CRIM"}
)

// checkSpecial is P05 for one section.
func (p *decider) checkSpecial(s *sectionDecider) {
	d := s.desc
	if slices.Contains(special, d.Code) && d.Art9 == "" {
		s.against("P05", fairlead.ReasonSpecialBasisMissing, "name the Art 9 condition")
	}
	if slices.Contains(criminal, d.Code) && d.Art10 == "" {
		s.against("P05", fairlead.ReasonSpecialBasisMissing, "name the Art 10 condition")
	}
	uk := p.f.Sender.Jurisdiction.State() == "GB"
	if d.Art9 == "A9-2-g" && d.Sch1 == "" && uk {
		s.against("P05", fairlead.ReasonSpecialBasisMissing, "substantial public interest needs a Sch 1 condition, SPI-18 for safeguarding")
	}
	if d.Sch1 == fairlead.Sch1Safeguard && d.P18 == "" {
		s.against("P05", fairlead.ReasonP18ReasonMissing, "say why consent was not asked: CANNOT_GIVE, CANNOT_REASONABLY_OBTAIN or WOULD_PREJUDICE")
	}
}
