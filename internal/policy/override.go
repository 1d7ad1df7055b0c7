package policy

import (
	"fmt"
	"slices"
	"strings"

	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/kind"
)

// overrideAt says at which thresholds a reason may override a refusal (domain §9, override_reason).
var overrideAt = map[fairlead.OverrideReason][]fairlead.Threshold{
	"SIG-HARM":           {fairlead.TH3, fairlead.TH4},
	"SERIOUS-HARM-OTHER": {fairlead.TH3, fairlead.TH4},
	"PREJUDICE":          {fairlead.TH3, fairlead.TH4},
	"DUTY":               {fairlead.TH1, fairlead.TH2, fairlead.TH3, fairlead.TH4},
	"CAPACITY":           {fairlead.TH2, fairlead.TH3, fairlead.TH4},
	"COERCED":            {fairlead.TH3, fairlead.TH4},
}

// checkOverride lets a refused section go only by a declared override that the cell of the matrix allows.
// It waits for q; with nobody in q it goes at once, and the approval is due within a working day. It never
// adds what the agreement bars: P10 follows. Whoever repairs all that it says has nothing left to repair here.
func (p *decider) checkOverride(s *sectionDecider, allowed bool, only fairlead.OverrideReason, advice string, q quorum) {
	o, h, faults := s.desc.Override, p.Header, 0
	refused := func(advice string) {
		s.against("P09", fairlead.ReasonConsentRefused, advice)
		faults++
	}
	if !allowed {
		refused(advice)
	}
	if reasons := overriding(h.Threshold, only); o == nil {
		refused("it was refused for this recipient or purpose; where an override is right, declare its reason (" + oneOf(reasons) + ") and seal why in an OVERRIDE-NOTE")
	} else {
		if !slices.Contains(reasons, o.Reason) {
			refused("reason " + string(o.Reason) + " does not override at " + string(h.Threshold) + ", but " + oneOf(reasons))
		}
		if !p.noteSent() {
			refused("seal the reasons in an OVERRIDE-NOTE and name its digest")
		}
	}
	switch {
	case faults > 0:
	case !p.trained(p.Header.From.Role, p.f.Training, true):
		s.against("P13", fairlead.ReasonTraining, "who overrides a refusal needs current training: "+strings.Join(needed(h.From.Role, true), ", "))
	default:
		s.overridden = true
		if q.n > 0 {
			s.wants = append(s.wants, want{where: "override", code: string(o.Reason), quorum: q})
		} else if p.missing(want{code: string(o.Reason), quorum: quorum{seconds, 1}}) {
			s.later = true
		}
	}
}

// overriding lists the reasons that override at a threshold, where only is not the only one.
func overriding(th fairlead.Threshold, only fairlead.OverrideReason) []fairlead.OverrideReason {
	return slices.DeleteFunc(slices.Clone(fairlead.OverrideReasons), func(r fairlead.OverrideReason) bool {
		return !slices.Contains(overrideAt[r], th) || only != "" && r != only
	})
}

// noteSent reports whether the share carries the sealed note that its overrides name.
func (p *decider) noteSent() bool {
	for _, d := range p.Descriptors {
		if d.Code != "OVERRIDE-NOTE" {
			continue
		}
		return !slices.ContainsFunc(p.Descriptors, func(o *envelope.Descriptor) bool { return o.Override != nil && o.Override.Note != d.Digest })
	}
	return false
}

// quorum is so many people, each in one of the roles, none of them the author.
type quorum struct {
	roles []fairlead.Role
	n     int
}

var (
	managers = []fairlead.Role{"TEAM_MANAGER"}
	seconds  = kind.Approvers
)

// notSought is what a manager approves where consent was not asked for, below TH2.
const notSought = "NOT-SOUGHT"

// want is an approval that a section waits for; code must stand among its reasons.
type want struct {
	where, code string
	quorum
}

// missing reports whether not enough people have approved w: by name of what they approve, in a role that
// may, with current training, and none of them the author.
func (p *decider) missing(w want) bool {
	var users []string
	for _, a := range p.f.Approvals {
		if a.User != p.Header.From.User && !slices.Contains(users, a.User) && slices.Contains(w.roles, a.Role) &&
			slices.Contains(a.Reasons, w.code) && p.trained(a.Role, a.Training, false) {
			users = append(users, a.User)
		}
	}
	return len(users) < w.n
}

// oneOf lists codes of which each will do.
func oneOf[T ~string](codes []T) string {
	var text strings.Builder
	for i, c := range codes {
		switch {
		case i == 0:
		case i == len(codes)-1:
			text.WriteString(" or ")
		default:
			text.WriteString(", ")
		}
		text.WriteString(string(c))
	}
	return text.String()
}

// hold keeps the share, whole, until enough people approve or its time is over (P14).
func (p *decider) hold(wants []want) {
	p.d.Result = fairlead.Held
	for _, w := range wants {
		who := "a second person, not the author, approves"
		if w.n > 1 {
			who = fmt.Sprintf("%d people, not the author, approve", w.n)
		}
		c := Cause{Reason: fairlead.ReasonSecondPerson, Check: "P14", Where: w.where, Advice: fmt.Sprintf("%s (%s), naming %s: fairlead approve SHARE %s", who, oneOf(w.roles), w.code, w.code)}
		if !slices.Contains(p.d.Holds, c) {
			p.d.Holds = append(p.d.Holds, c)
		}
	}
	for i := range p.d.Sections {
		p.d.Sections[i].Delivered = false
	}
}
