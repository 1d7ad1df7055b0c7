package main

import (
	"fmt"
	"path/filepath"

	"fairlead/internal/config"
	"fairlead/internal/fairlead"
	"fairlead/internal/law"
	"fairlead/internal/registry"
)

// register turns the file into the register's rules; the file of the tables of law is named relative to dir.
func (r *Rules) register(dir string) (registry.Rules, error) {
	out := registry.Rules{Prohibitions: r.Prohibitions, Exercises: r.Exercises, HeaderDays: r.HeaderDays, PayloadDays: r.PayloadDays}
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
	if r.Law == "" {
		return out, nil
	}
	if !filepath.IsLocal(r.Law) {
		return out, fmt.Errorf("law: name a file beside the rules, not %.60q", r.Law)
	}
	out.Law = new(law.Tables)
	if err := config.Load(filepath.Join(dir, r.Law), out.Law); err != nil {
		return out, err
	}
	return out, out.Law.Check()
}
