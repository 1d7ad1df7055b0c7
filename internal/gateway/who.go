package gateway

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"fairlead/internal/fairlead"
	"fairlead/internal/registry"
	"fairlead/internal/web"
)

func itoa(n int) string { return strconv.Itoa(n) }

// recipientGroup is a place or a group of the register, with the agencies there.
type recipientGroup struct {
	Title, Hint string
	Options     []web.Option
	First       bool // the place where the child may be
}

// recipients lists who may be written to: groups first, then by place, the places where the child may be
// before others; within a place by what they are for.
func (v *visit) recipients(d *written) (list []recipientGroup) {
	list = v.groups(d)
	byPlace := map[fairlead.Jurisdiction][]*registry.Agency{}
	for _, a := range v.g.cfg.Client.Snapshot().Agencies() {
		if a.ID != v.g.agency && !a.Suspended && a.Type != fairlead.TypeAuditor {
			byPlace[a.Jurisdiction] = append(byPlace[a.Jurisdiction], a)
		}
	}
	var places []recipientGroup
	for place, agencies := range byPlace {
		places = append(places, v.placeGroup(d, place, agencies))
	}
	slices.SortFunc(places, func(a, b recipientGroup) int {
		if a.First != b.First {
			return map[bool]int{true: -1, false: 1}[a.First]
		}
		return strings.Compare(a.Title, b.Title)
	})
	return append(list, places...)
}

// groups are the groups of the register, with their members by name.
func (v *visit) groups(d *written) []recipientGroup {
	all := recipientGroup{Title: v.words.T("who.groups")}
	for _, g := range v.g.cfg.Client.Snapshot().Groups() {
		var names []string
		for _, id := range g.Members {
			if id != v.g.agency {
				names = append(names, v.g.agencyName(id))
			}
		}
		label := v.words.T("who.group", "name", g.Name)
		if key := "group." + g.Name; v.words.Has(key) {
			label = v.words.T(key)
		}
		all.Options = append(all.Options, web.Option{Value: g.Name, Label: label, Hint: strings.Join(names, ", "), Checked: slices.Contains(d.Values["to"], g.Name)})
	}
	if len(all.Options) == 0 {
		return nil
	}
	return []recipientGroup{all}
}

// placeGroup are the agencies of one place, by what they are for.
func (v *visit) placeGroup(d *written, place fairlead.Jurisdiction, agencies []*registry.Agency) recipientGroup {
	g := recipientGroup{Title: v.words.Country(string(place)), First: slices.Contains(d.Values["likely"], string(place))}
	if g.First {
		g.Hint = v.words.T("who.likely")
	}
	slices.SortFunc(agencies, func(a, b *registry.Agency) int {
		return cmp.Or(slices.Index(fairlead.AgencyTypes, a.Type)-slices.Index(fairlead.AgencyTypes, b.Type), strings.Compare(a.Name, b.Name))
	})
	for _, a := range agencies {
		hint := v.words.Code("agency_type", a.Type)
		if a.Emergency {
			hint += ". " + v.words.T("who.duty")
		}
		g.Options = append(g.Options, web.Option{Value: string(a.ID), Label: a.Name, Hint: hint, Checked: slices.Contains(d.Values["to"], string(a.ID))})
	}
	return g
}
