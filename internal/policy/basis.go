package policy

import (
	"slices"

	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/law"
)

// checkBasis is P04: the declared basis is in force, is for this sender, and shows what it needs.
func (p *decider) checkBasis() {
	b, s := p.Header.Basis, p.f.Sender
	if b == nil || s == nil || p.control() {
		return
	}
	invalid := func(advice string) {
		p.against("P04", fairlead.ReasonBasisInvalid, "basis "+string(b.Art6), advice)
	}
	row, ok := p.law.Basis(b.Art6)
	switch {
	case !ok:
		invalid("it is not in force on this day")
	case !row.For(s.Type, s.Jurisdiction) && row.Type(s.Type):
		invalid("the basis must be of the sender's own law: X-EU-GDPR in the EEA, X-NATIONAL elsewhere abroad")
	case !row.Type(s.Type):
		invalid("a body of type " + string(s.Type) + " may not use it; a public authority declares public task or legal obligation")
	default:
		for _, n := range row.Needs {
			p.checkBasisNeed(n, invalid)
		}
	}
	if c := b.ChangedFrom; c != "" {
		if c != fairlead.Art6Consent || b.Art6 == fairlead.Art6Consent {
			invalid("a basis is changed away from consent, after a refusal, and in no other way")
		}
		p.d.Notes = append(p.d.Notes, Note{Check: "P04", Text: "for the data protection officer's sample: the basis was changed from " + string(c)})
	}
	p.checkS16LA()
}

// checkBasisNeed asks for one thing that the basis needs. Consent is asked for by P09.
func (p *decider) checkBasisNeed(n law.Need, invalid func(string)) {
	b := p.Header.Basis
	switch n {
	case law.NeedConsent:
	case law.NeedGateway, law.NeedDuty:
		p.checkGateways(n == law.NeedDuty)
	case law.NeedImmediate:
		if p.Header.Threshold != fairlead.TH4 || p.Header.Urgency != fairlead.UrgencyImmediate {
			invalid("vital interests hold only for a life in danger now: TH4 and Immediate")
		}
	case law.NeedAnnex1:
		if !p.law.Annex1(b.Annex1) {
			invalid("name a condition of Annex 1 that is in force, RLI-6 for safeguarding")
		}
	case law.NeedLIA:
		if b.LIA == "" {
			invalid("give the reference of the legitimate interests assessment; prefer A6-1-ea with RLI-6")
		}
	case law.NeedCite:
		if b.Cite == "" {
			invalid("cite the article or law")
		}
	default:
		invalid("the hub's tables ask for " + string(n) + ", which no rule reads here")
	}
}

// checkGateways requires a power or duty that holds where the sender is, for bodies of its type, and on
// this day; for a legal obligation one of them must be a duty.
func (p *decider) checkGateways(duty bool) {
	missing := func(where, advice string) { p.against("P04", fairlead.ReasonGatewayMissing, where, advice) }
	found := false
	for _, g := range p.Header.Basis.Gateways {
		row, ok := p.law.Gateway(g)
		switch {
		case !ok || row.Nature == law.Pending:
			missing("gateway "+string(g), "it is not in force on this day")
		case row.Nature == law.Prohibition:
			missing("gateway "+string(g), "it forbids; it permits nothing")
		case !row.For(p.f.Sender.Type, p.f.Sender.Jurisdiction):
			missing("gateway "+string(g), "it does not hold in "+string(p.f.Sender.Jurisdiction)+" for a body of type "+string(p.f.Sender.Type))
		}
		found = found || row.Nature == law.Duty || !duty
	}
	switch {
	case len(p.Header.Basis.Gateways) == 0:
		missing("basis.gateways", "name the power or duty that you act under")
	case !found:
		missing("basis.gateways", "a legal obligation is a duty; for a power declare A6-1-e")
	}
}

// sharingDuty is Children Act 2004 s16LA, in England.
const sharingDuty fairlead.Gateway = "CA2004-16LA"

// checkS16LA asks those whom the duty to share binds whether they considered it. It does not apply where
// disclosure is thought more detrimental to the child (s16LA(3)).
func (p *decider) checkS16LA() {
	against := func(reason fairlead.Reason, advice string) { p.against("P04", reason, "s16la", advice) }
	row, ok := p.law.Gateway(sharingDuty)
	s := p.Header.S16LA
	claimed := s != nil && s.Applies || slices.Contains(p.Header.Basis.Gateways, sharingDuty)
	switch {
	case ok && row.Binds(p.f.Sender.Type, p.f.Sender.Jurisdiction) && (s == nil || !s.Considered):
		against(fairlead.ReasonSchema, "the duty to share binds this body: say whether it was considered")
	case claimed && (s == nil || !s.Considered || !s.Applies || s.Detriment != "none"):
		against(fairlead.ReasonBasisInvalid, "the duty applies only where it was considered and disclosure is not more detrimental to the child: considered, applies, detriment none")
	}
}

// checkTold is the second golden rule: where information about a person travels, the sender says whether
// the person was told.
func (p *decider) checkTold() {
	if p.covered() || p.Header.Told != "" || !slices.ContainsFunc(p.Descriptors, personal) {
		return
	}
	p.against("P01", fairlead.ReasonSchema, "told", "say whether the child or the family was told: yes, no, unsafe or not_practicable")
}

// personal reports whether d is of a section that tells of a child or a family. Contacts of
// professionals do not.
func personal(d *envelope.Descriptor) bool {
	return d.Audience == envelope.ForRecipient && d.Code != "PRO-CONTACT"
}

// checkSpecial is P05 for one section. What a condition needs is asked of senders in the United Kingdom;
// others name theirs, and answer to their own law.
func (p *decider) checkSpecial(s *sectionDecider) {
	d := s.desc
	if s.care.special && d.Art9 == "" {
		s.against("P05", fairlead.ReasonSpecialBasisMissing, "name the Art 9 condition")
	}
	if s.care.criminal && d.Art10 == "" {
		s.against("P05", fairlead.ReasonSpecialBasisMissing, "name the Art 10 condition")
	}
	if p.f.Sender.Jurisdiction.State() != "GB" {
		return
	}
	if d.Art9 != "" {
		row, ok := p.law.Art9(d.Art9)
		p.checkNeeds(s, "Art 9 "+string(d.Art9), ok, row.Needs)
		if len(row.Sch1) > 0 && !slices.Contains(row.Sch1, d.Sch1) {
			s.against("P05", fairlead.ReasonSpecialBasisMissing, string(d.Art9)+" needs a Sch 1 condition: SPI-18 for safeguarding, HSC-2 for health and social care")
		}
	}
	if d.Sch1 != "" {
		row, ok := p.law.Sch1(d.Sch1)
		p.checkNeeds(s, "Sch 1 "+string(d.Sch1), ok, row.Needs)
	}
	if d.Art10 != "" {
		row, ok := p.law.Art10(d.Art10)
		p.checkNeeds(s, "Art 10 "+string(d.Art10), ok, row.Needs)
	}
}

// secrecy are the bodies of health and social care, whose people are bound by it.
var secrecy = []fairlead.AgencyType{fairlead.TypeHealth, fairlead.TypeLA}

// checkNeeds asks a section for what a condition needs.
func (p *decider) checkNeeds(s *sectionDecider, what string, ok bool, needs []law.Need) {
	want := func(ok bool, reason fairlead.Reason, advice string) {
		if !ok {
			s.against("P05", reason, what+": "+advice)
		}
	}
	want(ok, fairlead.ReasonSpecialBasisMissing, "not in force on this day")
	d, basis, sender := s.desc, p.Header.Basis, p.f.Sender
	for _, n := range needs {
		switch n {
		case law.NeedConsent:
			want(d.Consent != "" && p.said(s) == "given", fairlead.ReasonSpecialBasisMissing, "cite the explicit consent, which must be on record and hold")
		case law.NeedIncapacity:
			want(d.P18 == "CANNOT_GIVE", fairlead.ReasonSpecialBasisMissing, "only for who cannot consent: p18 CANNOT_GIVE")
		case law.NeedProceedings:
			want(d.Court != "", fairlead.ReasonSpecialBasisMissing, "give the reference of the proceedings in court")
		case law.NeedP18:
			want(d.P18 != "", fairlead.ReasonP18ReasonMissing, "say why consent was not asked: CANNOT_GIVE, CANNOT_REASONABLY_OBTAIN or WOULD_PREJUDICE")
		case law.NeedPrejudice:
			want(d.P18 == "WOULD_PREJUDICE", fairlead.ReasonP18ReasonMissing, "say that asking would prejudice the purpose: p18 WOULD_PREJUDICE")
		case law.NeedGateway:
			want(len(basis.Gateways) > 0, fairlead.ReasonSpecialBasisMissing, "name the statutory function in gateways")
		case law.NeedSecrecy:
			want(slices.Contains(secrecy, sender.Type), fairlead.ReasonSpecialBasisMissing, "for bodies of health and social care, bound to secrecy")
		case law.NeedOfficial:
			want(sender.Type.PublicAuthority(), fairlead.ReasonSpecialBasisMissing, "only under the control of official authority")
		case law.NeedPart3:
			want(basis.Art6 == fairlead.Art6LawEnforce, fairlead.ReasonSpecialBasisMissing, "only with the basis P3-LE")
		default:
			want(false, fairlead.ReasonSpecialBasisMissing, "the hub's tables ask for "+string(n)+", which no rule reads here")
		}
	}
}
