package agreement

import (
	"fmt"
	"slices"

	"fairlead/internal/fairlead"
)

// Within returns how a is wider than its framework, all of it at once, or nil. Every permit of a must
// lie within one permit of the framework, list by list: a rule that a person can check with two sheets
// of paper. What it cannot see, conditions and prohibitions, bounds each decision. typeOf tells an
// agency's type, "" for one that is not known.
func (a *Agreement) Within(framework *Agreement, typeOf func(fairlead.AgencyID) fairlead.AgencyType) error {
	var f faults
	f.want(framework.Framework, "under: %s is not a framework", framework.Ref())
	for _, id := range a.Parties {
		f.want(framework.Party(id), "parties: %s is not a party of the framework %s", id, framework.Ref())
	}
	f.want(!a.Until.After(framework.Until.Time), "until: the framework %s ends before, at %s", framework.Ref(), framework.Until.UTC().Format("2006-01-02T15:04:05Z"))
	for i := range a.Terms {
		t := &a.Terms[i]
		if t.Permit == nil {
			continue
		}
		nearest, fewest := "", 0
		for j := range framework.Terms {
			o := &framework.Terms[j]
			if o.Permit == nil {
				continue
			}
			beyond := t.Permit.beyond(o.Permit, a, framework, typeOf)
			if len(beyond) == 0 {
				nearest, fewest = "", -1
				break
			}
			if nearest == "" || len(beyond) < fewest {
				nearest, fewest = fmt.Sprintf("; the nearest is %s#%s, beyond which are %v", framework.Ref(), o.ID, beyond), len(beyond)
			}
		}
		f.want(fewest < 0, "term %s: no permit of the framework %s holds all of it%s", t.ID, framework.Ref(), nearest)
	}
	return f.err(a.Ref())
}

// beyond lists what of s lies outside of o.
func (s *Scope) beyond(o *Scope, a, framework *Agreement, typeOf func(fairlead.AgencyID) fairlead.AgencyType) (out []string) {
	out = outside(out, a.Members(s.From, s.FromTypes, typeOf), framework.Members(o.From, o.FromTypes, typeOf))
	out = outside(out, a.Members(s.To, s.ToTypes, typeOf), framework.Members(o.To, o.ToTypes, typeOf))
	out = outside(out, s.Purposes, o.Purposes)
	out = outside(out, s.Kinds, o.Kinds)
	out = outside(out, s.Bases, o.Bases)
	out = outside(out, s.Sections, o.Sections)
	switch {
	case len(o.Urgency) > 0 && len(s.Urgency) == 0:
		out = append(out, "any urgency")
	case len(o.Urgency) > 0:
		out = outside(out, s.Urgency, o.Urgency)
	}
	if o.Transfer != "" && s.Transfer != o.Transfer {
		out = append(out, string(s.Transfer))
	}
	return out
}

func outside[T ~string](out []string, list, bound []T) []string {
	for _, v := range list {
		if !slices.Contains(bound, v) {
			out = append(out, string(v))
		}
	}
	return out
}

// Members are the parties that one side of a scope means.
func (a *Agreement) Members(ids []fairlead.AgencyID, types []fairlead.AgencyType, typeOf func(fairlead.AgencyID) fairlead.AgencyType) (list []fairlead.AgencyID) {
	for _, id := range a.Parties {
		if slices.Contains(ids, id) || len(types) > 0 && slices.Contains(types, typeOf(id)) {
			list = append(list, id)
		}
	}
	return list
}
