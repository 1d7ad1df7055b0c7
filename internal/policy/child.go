package policy

import (
	"slices"

	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/kind"
)

// checkChild is P01 for what hides a child from the consent rules: a message about a child that carries
// personal sections names the child to the hub, by the sender's own random handle.
func (p *decider) checkChild() {
	personal := slices.ContainsFunc(p.Descriptors, func(d *envelope.Descriptor) bool {
		return d.Audience == envelope.ForRecipient && kind.Personal(d.Code)
	})
	if p.kind.Child && personal && len(p.handles) == 0 {
		p.against("P01", fairlead.ReasonSchema, "subject", "say which child it is about, by the agency's own reference in child; only the hub sees the handle made of it")
	}
}
