package policy_test

import (
	"slices"
	"strconv"
	"strings"

	"fairlead/internal/consent"
	"fairlead/internal/envelope"
)

// consent is the matrix of the notes, read as a lawyer would.
func (q *second) consent(d *envelope.Descriptor, waits *asks) (reasons []string, overridden bool) {
	th, said, basis := q.h.Threshold, q.state(d), q.h.Basis.Art6
	if d.Consent != "" && !slices.ContainsFunc(q.f.Consents, func(r consent.Held) bool { return r.ID == d.Consent }) {
		reasons = append(reasons, "E_CONSENT_MISSING")
	}
	if basis == "A6-1-a" {
		switch said {
		case "refused":
			reasons = append(reasons, "E_CONSENT_REFUSED")
		case "nothing":
			reasons = append(reasons, "E_CONSENT_MISSING")
		}
	}
	low := th == "TH0" || th == "TH1"
	override := func(allowed bool, only, who string, n int) {
		o := d.Override
		switch {
		case o == nil, !slices.Contains(strings.Split(word(secondReasons, string(o.Reason)), ","), string(th)), !allowed, only != "" && string(o.Reason) != only, !q.noted():
			reasons = append(reasons, "E_CONSENT_REFUSED")
		case !q.trained("PRACTITIONER", q.f.Training, "T1,T2,T3,T4"):
			reasons = append(reasons, "E_TRAINING")
		default:
			overridden = true
			if n > 0 {
				*waits = append(*waits, who+"|"+string(o.Reason)+"|"+strconv.Itoa(n))
			}
		}
	}
	const anybody = "TEAM_MANAGER,SAFEGUARDING_LEAD,DPO,CALDICOTT_GUARDIAN"
	if basis != "A6-1-a" && basis != "A6-1-d" {
		switch {
		case said == "refused" && th == "TH0":
			reasons = append(reasons, "E_CONSENT_REFUSED")
		case said == "refused" && th == "TH1":
			override(q.h.S16LA != nil && q.h.S16LA.Applies, "DUTY", "TEAM_MANAGER", 1)
		case said == "refused" && th == "TH2":
			override(true, "", "TEAM_MANAGER", 1)
		case said == "refused" && th == "TH3":
			override(true, "", anybody, 1)
		case said == "refused":
			override(true, "", "", 0)
		case d.Code == "PRO-CONTACT":
		case th == "TH0":
			reasons = append(reasons, "E_CONSENT_MISSING")
		case said == "nothing" && th == "TH1":
			*waits = append(*waits, "TEAM_MANAGER|NOT-SOUGHT|1")
		}
	}
	if said == "refused" && in("NGO_OVERSEAS CONSULATE", string(q.r.Type)) {
		switch {
		case low || th == "TH2":
			reasons = append(reasons, "E_CONSENT_REFUSED")
		case th == "TH3":
			override(slices.Contains(q.h.Basis.Gateways, "COURT-ORDER"), "", anybody, 1)
		default:
			override(true, "", anybody, 2)
		}
	}
	if (d.Code == "HEALTH-SEX" || slices.Contains(d.Caveats, "CHILD-CONTROLLED")) && q.childRefused(d) {
		switch {
		case low || th == "TH2":
			reasons = append(reasons, "E_CONSENT_REFUSED")
		case th == "TH3":
			override(true, "", anybody, 2)
		default:
			override(true, "", anybody, 1)
		}
	}
	return reasons, overridden
}
