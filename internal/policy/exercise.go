package policy

import (
	"slices"

	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
)

const synthetic fairlead.Caveat = "SYNTHETIC"

// exercise reports whether a status is that of an exercise or a test.
func exercise(s fairlead.Status) bool {
	return s == fairlead.StatusExercise || s == fairlead.StatusTest
}

// checkStatus is P01 for what is not meant: exercises and tests go between agencies that take part, hold nothing
// but made-up pages, change nothing in the register, and do not mix with what is meant.
func (p *decider) checkStatus() {
	h := p.Header
	against := func(where, advice string) { p.against("P01", fairlead.ReasonSchema, where, advice) }
	for _, a := range []*Prior{p.f.Answered, p.f.Superseded} {
		if a != nil && exercise(a.Status) != exercise(h.Status) {
			against("reply_to, supersedes", "an exercise and what is meant do not answer each other")
		}
	}
	switch {
	case h.Status == fairlead.StatusActual:
		return
	case !exercise(h.Status):
		against("status "+string(h.Status), "send what is meant as Actual, and an exercise as Exercise or Test")
		return
	case p.control():
		against("status "+string(h.Status), "a control message is always meant")
	case !p.f.Exercise:
		against("status "+string(h.Status), "sender and recipient do not both take part in exercises; ask the hub's operator")
	}
	if slices.ContainsFunc(p.Descriptors, func(d *envelope.Descriptor) bool {
		return d.Audience == envelope.ForRecipient && !slices.Contains(d.Caveats, synthetic)
	}) {
		against("caveats", "every section of an exercise is made up and says SYNTHETIC")
	}
}
