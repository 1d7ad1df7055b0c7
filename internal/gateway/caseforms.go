package gateway

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"fairlead/internal/client"
	"fairlead/internal/fairlead"
	"fairlead/internal/schema"
)

// ownID and ownAgency stand for the id of a draft and for this agency among the fixed values.
const (
	ownID     = "\x00id"
	ownAgency = "\x00agency"
)

// assessment is what an agency has found, in the three sides of the assessment triangle, with the pages that
// may go along. Each page is a section of its own: a recipient gets those that it may have.
var assessment = form{
	kind: "assessment.share", purpose: []string{"PRT-ASSESS"},
	stages: []stage{
		{"assessment", []question{
			{name: "ref", at: "draft/case", must: true},
			{name: "assess_type", at: "ASSESS/type", must: true},
			{name: "lead", at: "ASSESS/lead/name", must: true},
			{name: "threshold", at: "draft/threshold", must: true},
		}},
		{"findings", []question{
			{name: "finding_a", at: "ASSESS/domains/0/finding", must: true},
			{name: "sure_a", at: "ASSESS/domains/0/confidence", must: true},
			{name: "finding_b", at: "ASSESS/domains/1/finding", group: "b"},
			{name: "sure_b", at: "ASSESS/domains/1/confidence", group: "b"},
			{name: "finding_c", at: "ASSESS/domains/2/finding", group: "c"},
			{name: "sure_c", at: "ASSESS/domains/2/confidence", group: "c"},
			{name: "analysis", at: "ASSESS/analysis"},
			{name: "conclusion", at: "ASSESS/conclusion"},
		}},
		{"voice", []question{
			{name: "voice_words", at: "VOICE/words", group: "voice"},
			{name: "voice_when", at: "VOICE/when", group: "voice"},
			{name: "voice_how", at: "VOICE/how", group: "voice"},
			{name: "voice_abroad", at: "VOICE/consent_to_live_abroad"},
		}},
		{"beside", []question{
			{name: "rating", at: "RISK/rating", group: "risk"},
			{name: "narrative", at: "RISK/narrative", group: "risk"},
			{name: "school", at: "EDU/text"},
			{name: "health", at: "HEALTH-PHYS/text"},
			{name: "mind", at: "HEALTH-MH/text"},
		}},
	},
	fixed: map[string]any{
		"ASSESS/assessment_id": ownID, "ASSESS/version": 1,
		"ASSESS/domains/0/code": "A", "ASSESS/domains/0/state_iso": here, "ASSESS/domains/0/contributed_by": ownAgency,
		"ASSESS/domains/1/code": "B", "ASSESS/domains/1/state_iso": here, "ASSESS/domains/1/contributed_by": ownAgency,
		"ASSESS/domains/2/code": "C", "ASSESS/domains/2/state_iso": here, "ASSESS/domains/2/contributed_by": ownAgency,
		"VOICE/child": "child-1", "EDU/child": "child-1", "HEALTH-PHYS/child": "child-1", "HEALTH-MH/child": "child-1",
	},
}

// liaison is a word between colleagues. It is about no child, so that nothing about one can go astray.
var liaison = form{
	kind: "liaison.note", purpose: []string{"LIAISE"}, level: string(fairlead.TH1),
	stages: []stage{{"note", []question{
		{name: "topic", at: "PRO-CONTACT/topic", must: true},
		{name: "message", at: "PRO-CONTACT/message", must: true},
		{name: "contact", at: "PRO-CONTACT/contacts/0/name"},
		{name: "contact_phone", at: "PRO-CONTACT/contacts/0/phone"},
		{name: "contact_mail", at: "PRO-CONTACT/contacts/0/email"},
	}}},
	fixed: map[string]any{"PRO-CONTACT/no_personal_data": true},
}

// aboutNobody reports whether the form is about no child: then nobody is to be told, and no harm to weigh.
func (f form) aboutNobody() bool { return f.kind == "liaison.note" }

// fixedValue is a value that stands for something of this agency or draft.
func (v *visit) fixedValue(d *written, value any) any {
	if name, ok := strings.CutPrefix(fmt.Sprint(value), factOf); ok {
		return d.Values.Get(name)
	}
	switch value {
	case here:
		if own := v.g.cfg.Client.Snapshot().Agency(v.g.agency); own != nil {
			return own.Jurisdiction.State()
		}
	case ownID:
		return "a-" + d.ID[len(d.ID)-12:]
	case ownAgency:
		return string(v.g.agency)
	}
	return value
}

// values are the codes to choose from: those of the schema, or those that only the draft or the register knows.
func (v *visit) values(d *written, f form, q question, shape schema.Shape) (list []string) {
	switch q.at {
	case "draft/purpose":
		return f.purpose
	case "draft/section":
		return d.Carried
	case "draft/agencies":
		for _, a := range v.g.cfg.Client.Snapshot().Agencies() {
			if a.ID != v.g.agency && a.Type != fairlead.TypeAuditor {
				list = append(list, string(a.ID))
			}
		}
		return list
	case "draft/with":
		return f.optional
	case "draft/refused":
		return v.refusedSections(d, f)
	case "draft/override":
		return v.overrideReasons(d, f)
	case "draft/giver":
		return v.givers()
	case "draft/until":
		return v.monthEnds()
	}
	return shape.Values
}

// specialSections hold special-category data, crimeSections data on offences: their conditions are named.
var (
	specialSections = []fairlead.SectionCode{"BIO-PHOTO", "EXPL-ACCOUNT", "HEALTH-PHYS", "HEALTH-MH", "HEALTH-SEX", "ETHNO"}
	healthSections  = []fairlead.SectionCode{"HEALTH-PHYS", "HEALTH-MH", "HEALTH-SEX"}
	crimeSections   = []fairlead.SectionCode{"EXPLOITER", "INTEL", "CHILD-CRIM"}
	carers          = []fairlead.AgencyType{fairlead.TypeLA, fairlead.TypeHealth}
)

// condition names why special data goes: health and social care where the sender is bound to secrecy, else
// the safeguarding of children (UK GDPR Art 9(2)(h), (g) and 10; DPA 2018 Sch 1 para 2, 18).
func (v *visit) condition(s *client.DraftSection, d *written) {
	own := v.g.cfg.Client.Snapshot().Agency(v.g.agency)
	p18 := fairlead.P18(d.Values.Get("p18"))
	switch {
	case slices.Contains(healthSections, s.Code) && own != nil && slices.Contains(carers, own.Type):
		s.Art9, s.Sch1 = "A9-2-h", "HSC-2"
	case slices.Contains(specialSections, s.Code):
		s.Art9, s.Sch1, s.P18 = "A9-2-g", fairlead.Sch1Safeguard, p18
	case slices.Contains(crimeSections, s.Code) && own != nil && own.Type.PublicAuthority():
		s.Art10 = "OFFICIAL"
	case slices.Contains(crimeSections, s.Code):
		s.Art10, s.P18 = "SPI-18", p18
	}
}

// asksP18 reports whether the message holds what goes for safeguarding only with a reason why consent was not asked.
func (v *visit) asksP18(d *written, f form) bool {
	out, err := v.build(d, f)
	return err == nil && slices.ContainsFunc(out.Sections, func(s client.DraftSection) bool {
		return s.Sch1 == fairlead.Sch1Safeguard || s.Art10 == "SPI-18"
	})
}

// dense leaves out the items of lists that nothing was answered for.
func dense(value any) any {
	switch x := value.(type) {
	case map[string]any:
		for name, member := range x {
			x[name] = dense(member)
		}
	case []any:
		return slices.DeleteFunc(x, func(item any) bool {
			inner, ok := item.(map[string]any)
			return ok && len(inner) == 0
		})
	}
	return value
}

// index is a place in a list, if the name is a number.
func index(name string) (int, bool) {
	n, err := strconv.Atoi(name)
	return n, err == nil && n >= 0 && n < 64
}
