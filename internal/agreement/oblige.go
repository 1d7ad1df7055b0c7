package agreement

import (
	"fmt"
	"slices"
	"strings"

	"fairlead/internal/fairlead"
)

// Oblige is what a term lays on the recipient, in numbers and codes. Zero and absent mean nothing.
type Oblige struct {
	RetainDays       int                `json:"retain_days,omitempty" yaml:"retain_days,omitempty"` // keep no longer
	Onward           Onward             `json:"onward,omitempty" yaml:"onward,omitempty"`
	AcknowledgeHours int                `json:"acknowledge_hours,omitempty" yaml:"acknowledge_hours,omitempty"` // a person acknowledges
	ReviewDays       int                `json:"review_days,omitempty" yaml:"review_days,omitempty"`             // is it still needed?
	Notify           []fairlead.Role    `json:"notify,omitempty" yaml:"notify,omitempty"`                       // whom the recipient tells
	UseOnlyFor       []fairlead.Purpose `json:"use_only_for,omitempty" yaml:"use_only_for,omitempty"`
}

// Onward is whether the recipient may pass it on.
type Onward string

// From the strictest: to nobody, after asking the sender, to the parties of the agreement.
const (
	OnwardNone    Onward = "none"
	OnwardAsk     Onward = "ask"
	OnwardParties Onward = "parties"
)

var onwards = []Onward{OnwardNone, OnwardAsk, OnwardParties}

// Bounds of an obligation: ten years, and a quarter to answer.
const (
	maxDays  = 3660
	maxHours = 2400
)

// Strictest merges obligations: the shorter time, the narrower circle, everybody who is to be told, only
// the purposes that both leave. (Terms that permit one share leave at least its own purpose: Check.)
func (o *Oblige) Strictest(with *Oblige) {
	if with == nil {
		return
	}
	o.RetainDays, o.ReviewDays = shorter(o.RetainDays, with.RetainDays), shorter(o.ReviewDays, with.ReviewDays)
	o.AcknowledgeHours = shorter(o.AcknowledgeHours, with.AcknowledgeHours)
	if o.Onward == "" || with.Onward != "" && slices.Index(onwards, with.Onward) < slices.Index(onwards, o.Onward) {
		o.Onward = with.Onward
	}
	for _, r := range with.Notify {
		if !slices.Contains(o.Notify, r) {
			o.Notify = append(slices.Clip(o.Notify), r)
		}
	}
	slices.Sort(o.Notify)
	o.UseOnlyFor = narrower(o.UseOnlyFor, with.UseOnlyFor)
}

func shorter(a, b int) int {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// narrower intersects two lists of purposes, where an absent one means any.
func narrower(a, b []fairlead.Purpose) []fairlead.Purpose {
	switch {
	case len(b) == 0:
		return a
	case len(a) == 0:
		return sorted(b)
	}
	return slices.DeleteFunc(sorted(a), func(p fairlead.Purpose) bool { return !slices.Contains(b, p) })
}

func sorted[T ~string](list []T) []T { return slices.Sorted(slices.Values(list)) }

// IsZero reports whether it obliges to nothing.
func (o *Oblige) IsZero() bool {
	return o == nil || o.RetainDays == 0 && o.Onward == "" && o.AcknowledgeHours == 0 && o.ReviewDays == 0 && len(o.Notify) == 0 && len(o.UseOnlyFor) == 0
}

// Words are the obligations, one a line.
func (o *Oblige) Words() (lines []string) {
	if o.IsZero() {
		return nil
	}
	say := func(ok bool, format string, args ...any) {
		if ok {
			lines = append(lines, fmt.Sprintf(format, args...))
		}
	}
	say(o.AcknowledgeHours > 0, "a person acknowledges it within %d hours", o.AcknowledgeHours)
	say(o.RetainDays > 0, "delete it after %d days", o.RetainDays)
	say(o.ReviewDays > 0, "after %d days review whether it is still needed", o.ReviewDays)
	say(o.Onward == OnwardNone, "pass it on to nobody")
	say(o.Onward == OnwardAsk, "ask the sender before passing it on")
	say(o.Onward == OnwardParties, "pass it on to parties of the agreement only")
	say(len(o.UseOnlyFor) > 0, "use it for %s only", strings.Join(list(o.UseOnlyFor), ", "))
	say(len(o.Notify) > 0, "tell your %s", strings.Join(list(o.Notify), ", "))
	return lines
}
