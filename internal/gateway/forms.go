package gateway

import "slices"

// question asks for one value. What kind of value, which codes and how long it may be, the schema of the
// kind says; order and words are ours: "q.NAME" in the catalogue, with "q.NAME.hint" where there is one.
type question struct {
	name    string
	at      string   // where the answer goes: SECTION/member/…, facts/NAME, or draft/NAME for the header
	must    bool     // it has to be answered
	as      string   // a form other than the schema's: lines, agency
	label   string   // words from elsewhere: the question of another agency
	group   string   // questions that need an answer as soon as one of them has one
	ahead   bool     // an instant that may be still to come
	members []string // words from the schema: the members on the way to the value
	list    string   // the list in whose items it is asked: SECTION/member/…; "" none
	number  int      // of the item, from 0
}

// stage is one page of a form.
type stage struct {
	name string
	asks []question
}

// form is how a kind is written.
type form struct {
	kind     string
	purpose  []string                               // to choose from; one needs no question
	urgent   bool                                   // TH4 and Immediate from the start
	level    string                                 // threshold, where nobody is asked
	record   func(*visit, *written) ([]byte, error) // of a control kind, which goes to the hub
	optional []string                               // sections that go along only where their writer says so
	stages   []stage
	fixed    map[string]any // what the schema wants and nobody needs to be asked; written where the object around it is
}

// The stages that every form ends with.
const (
	stageWho   = "who"
	stageLaw   = "law"
	stageCheck = "check"
)

// childAsks is who the child is: the least that tells one child from another.
var childAsks = []question{
	{name: "ref", at: "draft/case", must: true},
	{name: "given", at: "ID-CORE/person/names/0/given", must: true},
	{name: "family", at: "ID-CORE/person/names/0/family"},
	{name: "dob", at: "ID-CORE/person/dob"},
	{name: "dob_confidence", at: "ID-CORE/person/dob_confidence", must: true},
	{name: "sex_gender", at: "ID-CORE/person/sex_gender"},
	{name: "nationality", at: "ID-CORE/person/nationalities/0"},
	{name: "tongue", at: "ID-CORE/person/languages/0"},
}

var childFixed = map[string]any{"ID-CORE/person/local_ref": "child-1", "ID-CORE/person/names/0/type": "current"}

func with(more map[string]any) map[string]any {
	all := map[string]any{}
	for k, v := range childFixed {
		all[k] = v
	}
	for k, v := range more {
		all[k] = v
	}
	return all
}

// forms are the kinds that these pages write, in the order in which they are offered.
var forms = []form{
	{
		kind: "alert.missing", purpose: []string{"PRT-IMMEDIATE"}, urgent: true,
		stages: []stage{
			{"child", childAsks},
			{"missing", []question{
				{name: "missing_since", at: "facts/missing_since", must: true},
				{name: "circumstances", at: "RISK/circumstances", must: true},
				{name: "category", at: "RISK/category", must: true},
				{name: "police_risk", at: "RISK/police_risk", must: true},
				{name: "trafficking_concern", at: "RISK/trafficking_concern", must: true},
			}},
			{"find", []question{
				{name: "last_seen", at: "LOC-HIST/last_seen_place/locality", must: true},
				{name: "last_seen_country", at: "LOC-HIST/last_seen_place/country", must: true},
				{name: "likely", at: "LOC-HIST/likely_jurisdictions", must: true, as: "places"},
				{name: "if_found", at: "ID-CORE/if_found_instruction", must: true},
				{name: "looks", at: "ID-CORE/description"},
				{name: "clothing", at: "ID-CORE/clothing"},
				{name: "placement", at: "LOC-NOW/placement/line"},
				{name: "photo", at: "draft/photo", as: "file"},
			}},
		},
		fixed: with(map[string]any{"LOC-HIST/last_seen_place/precision": "town", "LOC-NOW/placement/precision": "exact", "LOC-NOW/placement/country": here}),
	},
	{
		kind: "alert.at_risk", purpose: []string{"PRT-IMMEDIATE"},
		stages: []stage{
			{"child", childAsks},
			{"risk", []question{
				{name: "risk_type", at: "RISK/risk_type", must: true},
				{name: "narrative", at: "RISK/narrative", must: true},
				{name: "do_not", at: "RISK/do_not", must: true},
				{name: "action_asked", at: "RISK/action_asked", must: true},
				{name: "likely", at: "draft/places", must: true, as: "places"},
				{name: "urgency", at: "draft/urgency", must: true},
				{name: "certainty", at: "draft/certainty", must: true},
				{name: "call_back", at: "RISK/call_back"},
			}},
		},
		fixed: childFixed,
	},
	{
		kind: "alert.arrival", purpose: []string{"PRT-IMMEDIATE"},
		stages: []stage{
			{"child", append(slices.Clone(childAsks),
				question{name: "age_status", at: "ID-CORE/age_status", must: true},
				question{name: "separation_status", at: "ID-CORE/separation_status", must: true})},
			{"met", []question{
				{name: "met_at", at: "JOURNEY/encounter/at", must: true},
				{name: "met_place", at: "JOURNEY/encounter/place_type", must: true},
				{name: "met_by", at: "JOURNEY/encounter/by", must: true},
				{name: "la_agency", at: "JOURNEY/la_contacted/agency", must: true, as: "agency"},
				{name: "la_at", at: "JOURNEY/la_contacted/at", must: true},
				{name: "immediate_action", at: "JOURNEY/immediate_action"},
				{name: "needs_now", at: "JOURNEY/needs_now"},
				{name: "urgency", at: "draft/urgency", must: true},
				{name: "certainty", at: "draft/certainty", must: true},
			}},
		},
		fixed: childFixed,
	},
	{
		kind: "referral.new", purpose: []string{"PRT-ASSESS", "PRT-PLAN", "SUPPORT"},
		stages: []stage{
			{"child", childAsks},
			{"referral", []question{
				{name: "summary", at: "SC-HIST/summary", must: true},
				{name: "ref_reason", at: "SC-HIST/reason", must: true},
				{name: "direction", at: "SC-HIST/direction", must: true},
				{name: "whereabouts_known", at: "SC-HIST/whereabouts_known", must: true},
				{name: "asked_for", at: "SC-HIST/asked_for", must: true},
				{name: "by_when", at: "SC-HIST/by_when"},
				{name: "rating", at: "RISK/rating", must: true},
				{name: "narrative", at: "RISK/narrative", must: true},
				{name: "threshold", at: "draft/threshold", must: true},
				{name: "purpose", at: "draft/purpose", must: true},
			}},
		},
		fixed: childFixed,
	},
	{
		kind: "info.request", purpose: []string{"PRT-ASSESS", "RETURN-SAFETY", "LEGAL"},
		stages: []stage{
			{"child", []question{
				{name: "ref", at: "draft/case", must: true},
				{name: "given", at: "ID-CORE/minimum_identity/0/given", must: true},
				{name: "family", at: "ID-CORE/minimum_identity/0/family"},
				{name: "dob", at: "ID-CORE/minimum_identity/0/dob"},
				{name: "nationality", at: "ID-CORE/minimum_identity/0/nationalities/0"},
			}},
			{"request", []question{
				{name: "cooperation_type", at: "SC-HIST/cooperation_type", must: true},
				{name: "reasons", at: "SC-HIST/reasons", must: true},
				{name: "questions", at: "SC-HIST/questions", must: true, as: "lines"},
				{name: "do_not_contact", at: "SC-HIST/do_not_contact", must: true},
				{name: "tip_off_risk", at: "SC-HIST/tip_off_risk", must: true},
				{name: "reply_language", at: "SC-HIST/reply_language", must: true},
				{name: "hague_article", at: "facts/hague_article", members: []string{"hague_article"}},
				{name: "answer_by", at: "facts/urgency", must: true},
				{name: "threshold", at: "draft/threshold", must: true},
				{name: "purpose", at: "draft/purpose", must: true},
			}},
		},
		fixed: map[string]any{"ID-CORE/minimum_identity/0/local_ref": "child-1"},
	},
	{
		kind:   "info.response",
		stages: []stage{{"answers", []question{{name: "ref", at: "draft/case", must: true}}}}, // and one for each question of the request
	},
	{
		kind: "referral.response",
		stages: []stage{{"decision", []question{
			{name: "ref", at: "draft/case", must: true},
			{name: "decision", at: "PRO-CONTACT/decision", must: true},
			{name: "lead", at: "PRO-CONTACT/lead_worker/name"},
			{name: "lead_phone", at: "PRO-CONTACT/lead_worker/phone"},
			{name: "first_action_by", at: "PRO-CONTACT/first_action_by"},
			{name: "decline_reason", at: "PRO-CONTACT/reason"},
		}}},
	},
	{
		kind: "disclosure.refusal",
		stages: []stage{{"refusal", []question{
			{name: "ref", at: "draft/case", must: true},
			{name: "refusal", at: "facts/reason", must: true},
			{name: "sections_refused", at: "SC-HIST/sections_refused", must: true},
			{name: "can_offer", at: "SC-HIST/can_offer", must: true},
			{name: "review_route", at: "SC-HIST/review_route", must: true},
			{name: "review_by", at: "SC-HIST/review_by"},
		}}},
	},
	alertUpdate, alertCancel, correction, assessment, liaison, consentRecord,
}

// here stands for the country of this agency among the fixed values.
const here = "\x00here"

// formOf finds how a kind is written: by hand, else from its schema.
func formOf(kind string) (form, bool) {
	for _, list := range [][]form{forms, schemaForms()} {
		if i := slices.IndexFunc(list, func(f form) bool { return f.kind == kind }); i >= 0 {
			return list[i], true
		}
	}
	return form{}, false
}

// beginnings are the kinds that begin something; the others answer.
func (f form) begins() bool { return len(f.purpose) > 0 || f.record != nil }

// caveats are set on a section by these pages: whereabouts and family are never for the family.
var sectionCaveats = map[string]string{"LOC-NOW": "NO-FAMILY", "FAMILY": "NO-FAMILY"}
