package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"fairlead/internal/agreement"
	"fairlead/internal/consent"
	"fairlead/internal/fairlead"
	"fairlead/internal/kind"
	"fairlead/internal/staff"
)

// checkKind is P01 as far as the header shows it: kind, facts, status, classification, completeness.
func (p *decider) checkKind() {
	h := p.Header
	k, ok := kind.Lookup(h.Kind)
	if !ok {
		p.against("P01", fairlead.ReasonCodeUnknown, "kind "+h.Kind, "use a kind of schemas/codelists.json")
		return
	}
	p.kind = k
	if !k.Built {
		p.against("P01", fairlead.ReasonNotBuilt, "kind "+h.Kind, "its rules are not built yet; use another channel")
	}
	if err := k.CheckFacts(h.Facts); err != nil {
		p.against("P01", fairlead.ReasonSchema, err.Error(), "add, remove or correct the fact")
	}
	p.checkStatus()
	if h.GSC == fairlead.GSCAbove {
		p.against("P01", fairlead.ReasonClassification, "gsc ABOVE", "the hub is not accredited above OFFICIAL-SENSITIVE")
	}
	p.checkComplete()
}

// checkComplete asks for the fields that decisions on a child's information need (domain §7, cards 1).
func (p *decider) checkComplete() {
	h := p.Header
	missing := func(ok bool, field string) {
		if !ok {
			p.against("P01", fairlead.ReasonSchema, field, "the field is missing")
		}
	}
	if p.control() {
		missing(len(p.Record) > 0 || !p.kind.Record, "record")
		return
	}
	missing(len(p.Record) == 0, "no record (only control kinds to the hub carry one)")
	if p.covered() {
		return
	}
	missing(h.Purpose != "", "purpose")
	missing(h.Threshold != "", "threshold")
	missing(h.Basis != nil, "basis")
	missing(h.TLP != "", "tlp")
	missing(h.GSC != "", "gsc")
	if h.TLP == fairlead.TLPRed {
		missing(h.To.User != "", "to.user (TLP RED names a person)")
	}
	if p.kind.Plane == kind.Alert {
		missing(h.Urgency != "" && h.Severity != "" && h.Certainty != "", "urgency, severity, certainty")
	}
}

// control reports whether the share is of a control kind that stands on the party list or on its record.
func (p *decider) control() bool {
	switch p.Header.Kind {
	case "ack":
		return p.Header.To.Agency == fairlead.Hub
	case "recall.confirmation":
		return false
	}
	return p.kind.Plane == kind.Control || p.kind.Plane == kind.Staff
}

// checkSender is P02: the sender is active, its type may send the kind, its user's role too.
func (p *decider) checkSender() {
	switch s := p.f.Sender; {
	case s == nil:
		p.against("P02", fairlead.ReasonSenderUnknown, "from", "enrol with the hub first")
	case s.Suspended:
		p.against("P02", fairlead.ReasonSenderRole, "from", "the agency is suspended; ask the hub's operator")
	case p.kind.Code != "" && !p.kind.MaySend(s.Type):
		p.against("P02", fairlead.ReasonSenderRole, "type "+string(s.Type), "this type of agency may not send "+p.kind.Code)
	case p.kind.Code != "" && !p.kind.MayAct(p.Header.From.Role):
		p.against("P02", fairlead.ReasonSenderRole, "role "+string(p.Header.From.Role), "this role may not send "+p.kind.Code)
	}
	if o := p.original(); o != nil && o.Purpose != "" {
		if p.Header.Purpose != "" && p.Header.Purpose != o.Purpose {
			p.against("P02", fairlead.ReasonSchema, "purpose "+string(p.Header.Purpose), p.kind.Code+" is sent for the purpose of the message it follows: "+string(o.Purpose))
		}
		return
	}
	if p.kind.Purposes != nil && p.Header.Purpose != "" && !slices.Contains(p.kind.Purposes, p.Header.Purpose) {
		p.against("P02", fairlead.ReasonSchema, "purpose "+string(p.Header.Purpose), p.kind.Code+" is not sent for this purpose")
	}
}

// checkRecipient is P03: one recipient, enrolled and active. Kinds of the register go to the hub.
func (p *decider) checkRecipient() {
	switch r := p.f.Recipient; {
	case r == nil:
		p.against("P03", fairlead.ReasonRecipientUnknown, "to", "the register has no such agency connected to the hub")
	case r.Suspended && p.Header.Kind != "recall.notice": // what it holds may be asked back all the same
		p.against("P03", fairlead.ReasonRecipientSuspended, "to", "the recipient is suspended; use its alternative contact")
	case (r.ID == fairlead.Hub) != p.toHub():
		p.against("P03", fairlead.ReasonSchema, "to", p.Header.Kind+" has another kind of recipient")
	case r.ID == p.Header.From.Agency:
		p.against("P03", fairlead.ReasonSchema, "to", "sender and recipient are the same agency")
	}
}

// toHub reports whether the kind is addressed to the hub itself.
func (p *decider) toHub() bool {
	switch p.Header.Kind {
	case "consent.record", "consent.withdraw", "agreement.signature", "agreement.status", "agency.certificate", "agency.rules", "staff.record", "approval", "log.alarm":
		return true
	case "ack":
		return p.Header.Facts["level"] == string(fairlead.AckDelivered)
	}
	return false
}

// checkChannel is the country rule of P03: some States take requests under Hague 1996 Art 34 from
// Central Authorities only (Art 34(2) declarations). A request that names no article may be one.
func (p *decider) checkChannel() {
	if !p.f.CAOnly || p.Header.Kind != "info.request" || p.f.Sender == nil || p.f.Sender.Type == fairlead.TypeCentralAuthority || !p.crosses {
		return
	}
	switch article := p.Header.Facts["hague_article"]; {
	case article == "":
		p.against("P03", fairlead.ReasonChannelCAOnly, "facts.hague_article", "say under which article of the Hague Convention you ask, or none: one under article 34 goes through your Central Authority")
	case article == "34" || p.Header.Basis != nil && slices.Contains(p.Header.Basis.Gateways, "HAGUE96-34"):
		p.against("P03", fairlead.ReasonChannelCAOnly, "hague_article 34", "send it through your Central Authority")
	}
}

// crossBorder reports whether sender and recipient are in different States.
func (p *decider) crossBorder() bool {
	return p.f.Sender != nil && p.f.Recipient != nil && p.f.Recipient.ID != fairlead.Hub &&
		p.f.Sender.Jurisdiction.State() != p.f.Recipient.Jurisdiction.State()
}

// checkRecord is the control plane's own check: the record is well formed and the register agrees.
func (p *decider) checkRecord() {
	if !p.control() || !p.kind.Record {
		return
	}
	var err error
	reason := fairlead.ReasonSchema
	switch p.Header.Kind {
	case "agreement.proposal":
		reason = fairlead.ReasonAgreementRecord
		err = p.checkProposal()
	case "agreement.signature":
		reason = fairlead.ReasonAgreementRecord
		_, err = agreement.ParseSignature(p.Record)
	case "agreement.status":
		reason = fairlead.ReasonAgreementRecord
		_, err = agreement.ParseStatus(p.Record)
	case "agency.rules":
		_, err = agreement.ParseHouse(p.Record)
	case "consent.withdraw":
		_, err = consent.ParseWithdrawal(p.Record)
	case "onward.permission":
		_, err = ParseGrant(p.Record)
	case "training.record":
		_, err = staff.ParseTraining(p.Record)
	case "log.alarm":
		_, err = ParseReport(p.Record)
	case "staff.record":
		_, err = staff.ParseMember(p.Record)
	case "approval":
		_, err = staff.ParseApproval(p.Record)
	case "consent.record":
		var r *consent.Record
		if r, err = consent.Parse(p.Record); errors.Is(err, consent.ErrGiver) {
			reason = fairlead.ReasonConsentGiverInvalid
		} else if err == nil && r.At.After(p.Header.SentAt.Add(judged)) {
			err = errors.New("at: it is dated after it was sent; record a consent when it was given")
		} else if err == nil && p.f.Sender != nil {
			if err = r.CheckNation(p.f.Sender.Jurisdiction); err != nil {
				reason = fairlead.ReasonConsentGiverInvalid
			}
		}
	}
	check := "P01"
	if reason == fairlead.ReasonConsentGiverInvalid {
		check = "P09"
	}
	if err != nil {
		p.against(check, reason, "record", err.Error())
	} else if p.f.Record.Reason != "" {
		p.d.Causes = append(p.d.Causes, p.f.Record)
	}
	if len(p.d.Causes) == 0 {
		p.d.Ground = fairlead.GroundControl
	}
}

// checkProposal requires that the proposal goes from a party to a party.
func (p *decider) checkProposal() error {
	a, err := agreement.Parse(p.Record)
	if err != nil {
		return err
	}
	for _, id := range []fairlead.AgencyID{p.Header.From.Agency, p.Header.To.Agency} {
		if !a.Party(id) {
			return fmt.Errorf("%s is not a party of %s", id, a.Ref())
		}
	}
	return nil
}

// answers reports whether the share is a direct reply: it goes to the party that asked, and the question
// reached the sender. It is then covered by the decision on the question.
func (p *decider) answers() bool {
	a := p.f.Answered
	return p.kind.Reply && a != nil && a.Delivered && a.To == p.Header.From.Agency && a.From == p.Header.To.Agency && p.answerable(a.Kind)
}

// answerable reports whether this kind may answer that one. Nothing but a confirmation or an ack is covered by
// a recall, and nothing by an agreement's record.
func (p *decider) answerable(code string) bool {
	if p.kind.Plane == kind.Control {
		return !strings.HasPrefix(code, "agreement.")
	}
	k, _ := kind.Lookup(code)
	return k.Plane != kind.Control && k.Plane != kind.Staff
}
