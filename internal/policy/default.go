package policy

import (
	"slices"

	"fairlead/internal/fairlead"
)

// LeastTLP is the least label that a message with these sections needs (domain §5, default handling).
func LeastTLP(codes ...fairlead.SectionCode) fairlead.TLP {
	least := fairlead.TLPs[len(fairlead.TLPs)-1] // strictest first
	for _, code := range codes {
		if c := careOf(code); slices.Index(fairlead.TLPs, c.tlp) < slices.Index(fairlead.TLPs, least) {
			least = c.tlp
		}
	}
	return least
}

// SectionDefault says why a section does not go from one agency to another by its own default, whatever
// an agreement permits (domain §5, last column); "" where nothing keeps it.
func SectionDefault(code fairlead.SectionCode, from, to *Agency) string {
	return sectionDefault(careOf(code), code, from.Jurisdiction.State() != to.Jurisdiction.State(), to)
}

func sectionDefault(c *care, code fairlead.SectionCode, crosses bool, to *Agency) string {
	switch {
	case crosses && c.home:
		return "it stays inside the sender's State unless it is cleared" + howToClear(c.clears)
	case slices.Contains(c.never, to.Type):
		if to.Type == fairlead.TypeConsulate && c.clears != "" {
			return "it goes to no consulate unless it is cleared" + howToClear(c.clears)
		}
		return "it never goes to a body of type " + string(to.Type)
	case code == "INTEL" && !to.Type.LawEnforcement():
		return "intelligence goes to law enforcement only"
	}
	return ""
}
