package gateway

import (
	"slices"
	"strings"
	"sync"

	"fairlead/internal/fairlead"
	"fairlead/internal/kind"
	"fairlead/internal/schema"
)

// factOf stands for the value of a fact of the message among the fixed values.
const factOf = "\x00fact:"

// schemaForms are the kinds about a case for which nobody has written a form by hand: the schema gives the
// questions and their order, the members' words the labels.
var schemaForms = sync.OnceValue(func() (list []form) {
	set, err := schema.Load()
	if err != nil { // it was loaded before, or the program would not have started
		return nil
	}
	for _, described := range set.Kinds() {
		k, ok := kind.Lookup(described.Code)
		byHand := slices.ContainsFunc(forms, func(f form) bool { return f.kind == described.Code })
		if ok && k.Built && !byHand && (k.Plane == kind.Case || k.Plane == kind.Alert) {
			list = append(list, formFrom(set, k, described))
		}
	}
	return list
})

// formFrom makes a form of a kind: what is said of the message first, then a stage for each section.
func formFrom(set *schema.Set, k kind.Kind, described schema.Kind) form {
	f := form{kind: k.Code, fixed: map[string]any{}}
	what := stage{name: "what", asks: []question{{name: "ref", at: "draft/case", must: true}}}
	for _, name := range order(anyOf(k.Facts)) {
		what.asks = append(what.asks, question{name: name, at: "facts/" + name, must: k.Facts[name].Required, members: []string{name}})
	}
	if !k.Reply {
		f.purpose = texts(k.Purposes)
		what.asks = append(what.asks, question{name: "threshold", at: "draft/threshold", must: true})
		if len(f.purpose) > 1 {
			what.asks = append(what.asks, question{name: "purpose", at: "draft/purpose", must: true})
		}
	}
	var stages []stage
	for _, code := range fairlead.Sections {
		s, ok := described.Sections[code]
		if !ok || set.File(code, "image/jpeg") == nil || set.File(code, "application/pdf") == nil || code == noteCode {
			continue
		}
		if one := sectionStage(set, &f, k, code); len(one.asks) > 0 {
			if stages = append(stages, one); !s.Essential {
				f.optional = append(f.optional, string(code))
			}
		}
	}
	if len(f.optional) > 0 {
		what.asks = append(what.asks, question{name: "with", at: "draft/with"})
	}
	f.stages = append([]stage{what}, stages...)
	return f
}

// anyOf are facts as order reads members.
func anyOf[T any](members map[string]T) map[string]any {
	all := map[string]any{}
	for name, m := range members {
		all[name] = m
	}
	return all
}

// sectionStage asks what one section of a kind needs.
func sectionStage(set *schema.Set, f *form, k kind.Kind, code fairlead.SectionCode) stage {
	s := stage{name: string(code)}
	for _, p := range set.Places(k.Code, code) {
		last, at := p.Path[len(p.Path)-1], string(code)+"/"+strings.Join(p.Path, "/")
		_, isFact := k.Facts[last]
		switch {
		case isFact && len(p.Path) == 1:
			f.fixed[at] = factOf + last
		case last == "local_ref" || last == "child":
			f.fixed[at] = "child-1"
		case last == "precision":
			f.fixed[at] = "town"
		case last == "type" && slices.Contains(p.Path, "names"):
			f.fixed[at] = "current"
		default:
			q := question{name: dotted(at), at: at, must: p.Needed, ahead: true, members: membersOf(p.Path)}
			if i := slices.Index(p.Path, "0"); i > 0 {
				q.list = string(code) + "/" + strings.Join(p.Path[:i], "/")
			}
			s.asks = append(s.asks, q)
		}
	}
	return s
}

// membersOf are the names on the way to a value, without the places in lists.
func membersOf(path []string) (names []string) {
	for _, name := range path {
		if _, ok := index(name); !ok {
			names = append(names, name)
		}
	}
	return names
}

// chosen leaves the stages of sections that do not go along.
func (f form) chosen(with []string) form {
	f.stages = slices.DeleteFunc(slices.Clone(f.stages), func(s stage) bool {
		return slices.Contains(f.optional, s.name) && !slices.Contains(with, s.name)
	})
	return f
}

// sendSays is what a kind is for, where somebody has put it into words.
func (v *visit) sendSays(kind string) string {
	if key := "send." + kind; v.words.Has(key) {
		return v.words.T(key)
	}
	return ""
}

// stageTitle is the key of the heading of a stage: its own, or the name of its section.
func stageTitle(step string) string {
	if slices.Contains(fairlead.Sections, fairlead.SectionCode(step)) {
		return "section." + step
	}
	return "step." + step
}
