// Package kind is the table of message kinds (domain notes §6 and §9.1): plane, who may send, for what
// purpose, which facts may stand in the clear, and what is built. It is data that rules read.
package kind

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"time"

	"fairlead/internal/fairlead"
)

// Plane groups kinds by the road they take.
type Plane string

// The planes of domain §6. Control kinds are addressed to the hub or to the parties of a record.
const (
	Alert   Plane = "alert"
	Case    Plane = "case"
	Return  Plane = "return"
	Advice  Plane = "advice"
	Control Plane = "control"
	Public  Plane = "public"
	Staff   Plane = "staff"
	Audit   Plane = "audit"
)

// Kind is one row of the table.
type Kind struct {
	Code     string
	Plane    Plane
	Senders  []fairlead.AgencyType // nil: any type
	Roles    []fairlead.Role       // nil: those who handle cases
	Purposes []fairlead.Purpose    // nil: none is asked for, or that of the message answered
	Facts    map[string]Fact       // what may stand in the clear, each with the rule that reads it
	Record   bool                  // carries a clear record for the hub
	Reply    bool                  // covered by the decision it answers when it goes to the party that asked
	Original bool                  // sent for the purpose of the message it answers or corrects, where that is on record
	Child    bool                  // speaks of a child: where personal sections travel, it names the child's handle to the hub
	Person   bool                  // a person of its recipient is to acknowledge it (domain §6, human ack due)
	Built    bool                  // the rules it needs exist; others are refused by name
}

// Form is the shape of a fact's value.
type Form string

// Forms of facts: a fact in the clear is never text.
const (
	Bool  Form = "bool"
	Count Form = "count"
	Date  Form = "date"
	Stamp Form = "instant"
	Code  Form = "code"
)

// Fact says what a clear fact looks like and which rule reads it: without a reader it belongs in a section.
type Fact struct {
	Form     Form
	Values   []string // for Code
	Required bool
	Reader   string
}

var codeForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,40}$`)

// Check reports whether value has the form of f.
func (f Fact) Check(value string) error {
	ok := false
	switch f.Form {
	case Bool:
		ok = value == "true" || value == "false"
	case Count:
		n, err := strconv.Atoi(value)
		ok = err == nil && n >= 0 && n < 1000 && strconv.Itoa(n) == value
	case Date:
		_, err := time.Parse(time.DateOnly, value)
		ok = err == nil
	case Stamp:
		ok = new(fairlead.Time).UnmarshalText([]byte(value)) == nil
	case Code:
		ok = codeForm.MatchString(value) && (f.Values == nil || slices.Contains(f.Values, value))
	}
	if !ok {
		return fmt.Errorf("want a %s %v", f.Form, f.Values)
	}
	return nil
}

// Lookup finds a kind by its code.
func Lookup(code string) (Kind, bool) {
	i, ok := index[code]
	if !ok {
		return Kind{}, false
	}
	return table[i], true
}

// All lists the table in the order of the notes.
func All() []Kind { return slices.Clone(table) }

// CheckFacts refuses facts that the kind does not know, that have another form, or that are missing. The
// first fault by name is told: the text stands in a decision, and a replay must write the same.
func (k Kind) CheckFacts(facts map[string]string) error {
	if len(facts) == 0 && len(k.Facts) == 0 {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(facts)) {
		f, ok := k.Facts[name]
		if !ok {
			return fmt.Errorf("facts.%s: %s has no such fact in the clear; put it into a section", name, k.Code)
		}
		if err := f.Check(facts[name]); err != nil {
			return fmt.Errorf("facts.%s: %w", name, err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(k.Facts)) {
		if _, ok := facts[name]; k.Facts[name].Required && !ok {
			return fmt.Errorf("facts.%s: %s needs it", name, k.Code)
		}
	}
	return nil
}

// MaySend reports whether an agency of type t may send the kind.
func (k Kind) MaySend(t fairlead.AgencyType) bool {
	return k.Senders == nil || slices.Contains(k.Senders, t)
}

// Personal reports whether a section is about people whom the message concerns, and not only about the
// professionals who write it.
func Personal(code fairlead.SectionCode) bool { return code != "PRO-CONTACT" }

// caseRoles may send what concerns a child.
var caseRoles = []fairlead.Role{"PRACTITIONER", "TEAM_MANAGER", "SAFEGUARDING_LEAD", "GUARDIAN", "ADVISER"}

// MayAct reports whether a member of staff in role r may send the kind.
func (k Kind) MayAct(r fairlead.Role) bool {
	if k.Roles == nil {
		return slices.Contains(caseRoles, r)
	}
	return slices.Contains(k.Roles, r)
}

var index = func() map[string]int {
	m := make(map[string]int, len(table))
	for i, k := range table {
		m[k.Code] = i
	}
	return m
}()
