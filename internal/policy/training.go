package policy

import (
	"slices"
	"strings"

	"fairlead/internal/fairlead"
)

// trainingOf is what a role needs (domain §4).
var trainingOf = map[fairlead.Role][]string{
	"PRACTITIONER":       {"T-CORE"},
	"TEAM_MANAGER":       {"T-CORE", "T4"},
	"SAFEGUARDING_LEAD":  {"T1", "T2", "T3", "T4"},
	"DPO":                {"T4"},
	"CALDICOTT_GUARDIAN": {"T4"},
	"GUARDIAN":           {"T1", "T2", "T3", "T4"},
	"ADVISER":            {"T1", "T2", "T3", "T4"},
}

// needed is the training of a role; who authors an override, a return decision or advice needs all four
// topics besides (domain §13).
func needed(role fairlead.Role, author bool) []string {
	list := slices.Clone(trainingOf[role])
	if author {
		list = append(list, "T1", "T2", "T3", "T4")
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// untrained are the kinds that nobody is kept from for want of training.
func (p *decider) untrained() bool {
	return p.alert() || p.Header.Kind == "referral.new" || p.Header.Kind == "ack" || strings.HasPrefix(p.Header.Kind, "recall.")
}

// trained reports whether has covers what role needs. A missing record denies.
func (p *decider) trained(role fairlead.Role, has []string, author bool) bool {
	if p.untrained() {
		return true
	}
	return !slices.ContainsFunc(needed(role, author), func(code string) bool { return !slices.Contains(has, code) })
}

// checkTraining is P13 for kinds that are nothing but a signature or advice. Overrides ask for it too.
func (p *decider) checkTraining() {
	author := p.Header.Kind == "return.decision" || p.Header.Kind == "advice.answer"
	if (author || p.Header.Kind == "approval") && !p.trained(p.Header.From.Role, p.f.Training, author) {
		p.against("P13", fairlead.ReasonTraining, "training", "who signs needs current training: "+strings.Join(needed(p.Header.From.Role, author), ", "))
	}
}
