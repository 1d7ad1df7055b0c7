package fairlead_test

import (
	"slices"

	. "fairlead/internal/fairlead"
)

// words are the codes of a list as text, each after its part where a list has parts.
func words[T ~string](part string, list []T) (out []string) {
	for _, c := range list {
		out = append(out, part+string(c))
	}
	return out
}

// lists are the typed lists by their name in the data file.
func lists() map[string][]string {
	return map[string][]string{
		"agency_type":            words("", AgencyTypes),
		"role":                   words("", Roles),
		"purpose":                words("", Purposes),
		"threshold":              words("", Thresholds),
		"section":                words("", Sections),
		"legal_basis_art6":       words("", Art6s),
		"annex1_condition":       words("", Annex1s),
		"legal_basis_art9":       words("", Art9s),
		"sch1_condition":         words("", Sch1s),
		"sch1_p18_reason":        words("", P18s),
		"art10_condition":        words("", Art10s),
		"statutory_gateway":      words("", Gateways),
		"transfer_mechanism":     words("", Mechanisms),
		"tlp":                    words("", TLPs),
		"gsc":                    words("", GSCs),
		"cap_status":             words("", Statuses),
		"cap_urgency":            words("", Urgencies),
		"cap_severity":           words("", Severities),
		"cap_certainty":          words("", Certainties),
		"caveat":                 words("", Caveats),
		"consent_giver":          words("", Givers),
		"consent_status":         words("", ConsentStatuses),
		"override_reason":        words("", OverrideReasons),
		"siena_handling":         words("", Sienas),
		"jurisdiction":           words("", Jurisdictions),
		"kind":                   words("", KindCodes),
		"decision":               words("", Decisions),
		"deny_reason":            words("", DenyReasons),
		"refusal_reason":         words("", RefusalReasons),
		"deadline":               words("", Deadlines),
		"gate":                   words("", GateRules),
		"plan_element":           words("", PlanElements),
		"assessment_domain":      words("", AssessmentDomains),
		"retention":              words("", Retentions),
		"sar_exemption":          words("", SARExemptions),
		"training_topic":         words("", TrainingTopics),
		"audience":               words("", Audiences),
		"advice_topic":           words("", AdviceTopics),
		"case_phase":             words("", CasePhases),
		"strategy_4p":            words("", Strategies),
		"cooperation_type":       words("", Cooperations),
		"cap_msg_type":           words("", AlertTypes),
		"exploitation_type":      words("", Exploitations),
		"method_of_control":      words("", ControlMethods),
		"method_of_recruitment":  words("", RecruitmentMethods),
		"person_role_in_process": words("", PartsInProcess),
		"trafficking_status":     words("", TraffickingStatuses),
		"trafficking_event_type": words("", TraffickingEvents),
		"last_contact_band":      words("", LastContacts),
		"separation_status":      words("", Separations),
		"care_arrangement":       words("", CareArrangements),
		"indicator":              words("", Indicators),
		"indicator_strength":     words("", IndicatorStrengths),
		"siena_eval":             slices.Concat(words("", EvalSources), words("", EvalInformations)),
		"uk_3x5x2":               slices.Concat(words("source ", GradeSources), words("information ", GradeInformations), words("handling ", GradeHandlings)),
	}
}
