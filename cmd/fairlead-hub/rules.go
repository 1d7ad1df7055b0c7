package main

import (
	"fairlead/internal/fairlead"
	"fairlead/internal/registry"
)

// register turns the file into the register's rules.
func (r *Rules) register() registry.Rules {
	out := registry.Rules{Exercises: r.Exercises}
	for _, g := range r.Groups {
		group := registry.Group{Name: g.Name}
		for _, m := range g.Members {
			group.Members = append(group.Members, fairlead.AgencyID(m))
		}
		out.Groups = append(out.Groups, group)
	}
	for _, c := range r.Countries {
		out.Countries = append(out.Countries, registry.Country{State: c.State, CAOnly: c.CAOnly})
	}
	return out
}
