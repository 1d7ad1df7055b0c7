package kind

import (
	"slices"

	//lint:ignore ST1001 a table of codes reads best without a prefix
	. "fairlead/internal/fairlead"
)

// Sets of senders, roles and purposes that several kinds share (domain §6).
var (
	alerting = []AgencyType{TypeLA, TypePolice, TypeBorder, TypeStatutoryOverseas, TypePoliceOverseas, TypeCentralAuthority}
	worried  = slices.Concat(alerting, []AgencyType{TypeAdvice, TypeNGOUK, TypeNGOOverseas, TypeGuardian, TypeHealth, TypeEducation})
	arrivals = []AgencyType{TypeBorder, TypeLA, TypePolice, TypeHealth, TypeEducation, TypeNGOUK}
	statute  = []AgencyType{
		TypeLA, TypePolice, TypeHealth, TypeEducation, TypeBorder, TypeCompetentAuthority, TypeCentralAuthority, TypeCourt,
		TypeStatutoryOverseas, TypePoliceOverseas,
	}
	referrers  = slices.Concat(statute, []AgencyType{TypeGuardian, TypeISS, TypeAdvice, TypeNGOUK, TypeNGOOverseas})
	requesters = slices.Concat(statute, []AgencyType{TypeISS})
	responders = []AgencyType{TypeLA, TypePolice, TypeBorder, TypeAdvice, TypeNGOUK, TypeCompetentAuthority}
	permitting = []Role{"TEAM_MANAGER", "SAFEGUARDING_LEAD", "DPO"}
	signatory  = []Role{"AGREEMENT_SIGNATORY", "DPO"}
	child      = []Purpose{PurposeImmediate, "PRT-ASSESS", "PRT-PLAN", "IDENTIFY-VICTIM", "RETURN-SAFETY", "INVESTIGATE", "LIAISE", "PREVENT", "LEGAL", "SUPPORT"} // what messages about a child are for
	answering  = []Role{"PRACTITIONER", "TEAM_MANAGER", "SAFEGUARDING_LEAD", "GUARDIAN", "ADVISER", "DPO"}
)

// Facts that a rule of policy reads; the name of the rule stands beside each.
var (
	factPoliceProtection = Fact{Form: Stamp, Reader: "policy.due DL-POLICE-PROT"}
	factFound            = Fact{Form: Code, Required: true, Reader: "policy.due DL-RHI", Values: []string{"found_safe", "found_harmed", "found_abroad", "found_dead", "error", "closed_adult", "danger_passed"}}
	factArticle          = Fact{Form: Code, Reader: "policy.checkChannel", Values: []string{"31c", "32", "33", "34", "35", "none"}}
	factUrgency          = Fact{Form: Code, Reader: "policy.due DL-RFI-URG", Values: []string{"emergency", "urgent", "routine"}}
	factInquiry          = Fact{Form: Bool, Reader: "policy.due DL-RO-INQUIRY"}
	factMissingSince     = Fact{Form: Stamp, Required: true, Reader: "policy.checkKind"}
	factNRM              = Fact{Form: Code, Required: true, Reader: "policy.due DL-NRM-RG", Values: []string{"referred", "dtn_adult", "rg_positive", "rg_negative", "cg_positive", "cg_negative", "suspended", "withdrawn", "reconsideration", "turning_18"}}
	factGuardian         = Fact{Form: Code, Required: true, Reader: "policy.due DL-ICTG", Values: []string{"referred", "allocated", "objection", "opinion", "ended"}}
	factMeeting          = Fact{Form: Code, Required: true, Reader: "policy.due DL-ICPC", Values: []string{"strategy_discussion", "joint_visit", "parallel_enquiry", "deconfliction", "evidence_preservation", "safeguarding_window"}}
	factAck              = Fact{Form: Code, Required: true, Reader: "registry.applyAck", Values: []string{"delivered", "opened_by_human", "accepted_for_action", "cannot_read", "wrong_recipient"}}
	factRecallReason     = Fact{Form: Code, Required: true, Reader: "policy.due DL-BREACH", Values: []string{"wrong_recipient", "wrong_child", "inaccurate", "excess_sections", "consent_invalid", "danger_changed", "key_compromise", "legal"}}
	factRecallAction     = Fact{Form: Code, Required: true, Reader: "registry.recall", Values: []string{"delete", "quarantine", "return", "correct"}}
	factRecallDanger     = Fact{Form: Bool, Required: true, Reader: "policy.due DL-RECALL"}
	factRecallState      = Fact{Form: Code, Required: true, Reader: "registry.recallAnswered", Values: []string{"deleted", "quarantined", "already_used", "onward_shared", "not_received", "refused_legal_hold"}}
	factLevel            = Fact{Form: Code, Required: true, Reader: "policy.checkEscalation", Values: []string{"1", "2", "3"}}
	factRefusal          = Fact{Form: Code, Required: true, Reader: "policy.checkRefusal", Values: []string{"R-DETRIMENT", "R-NO-BASIS", "R-AGREEMENT", "R-CONSENT", "R-COURT", "R-ORCON", "R-SUBJUDICE", "R-NOT-HELD", "R-IDENTITY", "R-CHANNEL", "R-LANGUAGE", "R-DISPROPORTIONATE"}}
)

type facts = map[string]Fact

// Approvers may be the second person of an override (domain §4, §9).
var Approvers = []Role{"TEAM_MANAGER", "SAFEGUARDING_LEAD", "DPO", "CALDICOTT_GUARDIAN"}

// table is domain §6, with kinds of our own at the end: approval; staff.record, by which an agency vouches
// for a key of its people; onward.permission, by which an originator lets pages go further;
// agency.certificate, by which an agency announces a new encryption subkey; agency.rules, by which it
// prohibits what it neither sends nor receives; and log.alarm, by which its program says what an honest hub
// does not do.
var table = []Kind{
	{Code: "alert.missing", Plane: Alert, Person: true, Child: true, Senders: alerting, Purposes: []Purpose{PurposeImmediate}, Facts: facts{"missing_since": factMissingSince}, Built: true},
	{Code: "alert.at_risk", Plane: Alert, Person: true, Child: true, Senders: worried, Purposes: []Purpose{PurposeImmediate, "PREVENT"}, Built: true},
	{Code: "alert.arrival", Plane: Alert, Person: true, Child: true, Senders: arrivals, Purposes: []Purpose{PurposeImmediate, "PRT-ASSESS"}, Facts: facts{"police_protection_from": factPoliceProtection}, Built: true},
	{Code: "alert.update", Plane: Alert, Person: true, Original: true, Child: true, Senders: worried, Purposes: []Purpose{PurposeImmediate, "PREVENT", "PRT-ASSESS"}, Built: true},
	{Code: "alert.cancel", Plane: Alert, Person: true, Original: true, Child: true, Senders: worried, Purposes: []Purpose{PurposeImmediate, "PREVENT", "PRT-ASSESS"}, Facts: facts{"outcome": factFound}, Built: true},
	{Code: "referral.new", Plane: Case, Person: true, Child: true, Senders: referrers, Purposes: []Purpose{"PRT-ASSESS", "PRT-PLAN", "SUPPORT"}, Built: true},
	{Code: "referral.response", Plane: Case, Original: true, Child: true, Purposes: []Purpose{"PRT-ASSESS", "PRT-PLAN", "SUPPORT"}, Reply: true, Built: true},
	{Code: "info.request", Plane: Case, Person: true, Child: true, Senders: requesters, Purposes: []Purpose{"PRT-ASSESS", "RETURN-SAFETY", "LEGAL"}, Facts: facts{"hague_article": factArticle, "urgency": factUrgency, "social_inquiry": factInquiry}, Built: true},
	{Code: "info.response", Plane: Case, Person: true, Original: true, Child: true, Purposes: []Purpose{"PRT-ASSESS", "RETURN-SAFETY", "LEGAL"}, Reply: true, Built: true},
	{Code: "info.delay", Plane: Case, Original: true, Child: true, Purposes: []Purpose{"PRT-ASSESS", "RETURN-SAFETY", "LEGAL"}, Reply: true, Built: true},
	{Code: "assessment.share", Plane: Case, Person: true, Child: true, Senders: []AgencyType{TypeLA, TypeStatutoryOverseas, TypeHealth, TypeISS, TypeGuardian}, Purposes: []Purpose{"PRT-ASSESS"}, Built: true},
	{Code: "investigation.coordinate", Plane: Case, Person: true, Child: true, Senders: []AgencyType{TypePolice, TypeLA, TypeBorder, TypePoliceOverseas, TypeStatutoryOverseas}, Purposes: []Purpose{"INVESTIGATE"}, Facts: facts{"type": factMeeting}, Built: true},
	{Code: "liaison.note", Plane: Case, Person: true, Child: true, Purposes: []Purpose{"LIAISE"}, Built: true},
	{Code: "nrm.notice", Plane: Case, Person: true, Child: true, Senders: responders, Purposes: []Purpose{"IDENTIFY-VICTIM"}, Facts: facts{"event": factNRM}, Built: true},
	{Code: "guardian.notice", Plane: Case, Person: true, Child: true, Senders: []AgencyType{TypeGuardian, TypeLA, TypeCourt}, Purposes: []Purpose{"PRT-PLAN"}, Facts: facts{"event": factGuardian}, Built: true},
	{Code: "return.proposal", Plane: Return, Person: true, Child: true, Senders: []AgencyType{TypeLA, TypeStatutoryOverseas, TypeBorder, TypeCentralAuthority, TypeCourt}, Purposes: []Purpose{"RETURN-SAFETY"}},
	{Code: "return.evidence", Plane: Return, Person: true, Child: true, Purposes: []Purpose{"RETURN-SAFETY"}},
	{Code: "return.opinion", Plane: Return, Child: true, Purposes: []Purpose{"RETURN-SAFETY"}},
	{Code: "return.decision", Plane: Return, Person: true, Child: true, Purposes: []Purpose{"RETURN-SAFETY"}},
	{Code: "return.travel", Plane: Return, Person: true, Child: true, Senders: []AgencyType{TypeLA, TypeStatutoryOverseas}, Purposes: []Purpose{"RETURN-SAFETY"}},
	{Code: "return.monitoring", Plane: Return, Person: true, Child: true, Purposes: []Purpose{"RETURN-SAFETY"}},
	{Code: "return.unplanned", Plane: Return, Person: true, Child: true, Senders: statute, Purposes: []Purpose{PurposeImmediate}},
	{Code: "advice.request", Plane: Advice, Person: true, Purposes: []Purpose{"ADVICE"}},
	{Code: "advice.answer", Plane: Advice, Purposes: []Purpose{"ADVICE"}, Reply: true},
	{Code: "consent.record", Plane: Control, Roles: []Role{"PRACTITIONER", "GUARDIAN"}, Record: true, Built: true},
	{Code: "consent.withdraw", Plane: Control, Person: true, Roles: []Role{"PRACTITIONER", "GUARDIAN"}, Record: true, Built: true},
	{Code: "agreement.proposal", Plane: Control, Person: true, Roles: signatory, Record: true, Built: true},
	{Code: "agreement.signature", Plane: Control, Roles: []Role{"AGREEMENT_SIGNATORY"}, Record: true, Built: true},
	{Code: "agreement.status", Plane: Control, Roles: signatory, Record: true, Built: true},
	{Code: "disclosure.refusal", Plane: Case, Original: true, Child: true, Purposes: child, Facts: facts{"reason": factRefusal}, Reply: true, Built: true},
	{Code: "ack", Plane: Control, Facts: facts{"level": factAck}, Record: true, Reply: true, Built: true},
	{Code: "recall.notice", Plane: Control, Roles: []Role{"DPO", "SAFEGUARDING_LEAD"}, Facts: facts{"reason": factRecallReason, "action": factRecallAction, "danger": factRecallDanger}, Built: true},
	{Code: "recall.confirmation", Plane: Control, Roles: answering, Facts: facts{"state": factRecallState}, Reply: true, Built: true},
	{Code: "correction", Plane: Case, Person: true, Original: true, Child: true, Purposes: child, Built: true},
	{Code: "escalation", Plane: Control, Person: true, Facts: facts{"level": factLevel}, Built: true},
	{Code: "sar.notice", Plane: Control, Roles: []Role{"DPO"}},
	{Code: "directory.update", Plane: Public, Roles: []Role{"DIRECTORY_EDITOR"}},
	{Code: "training.record", Plane: Staff, Roles: []Role{"TRAINER"}, Purposes: []Purpose{"TRAINING"}, Record: true, Built: true},
	{Code: "library.item", Plane: Public, Roles: []Role{"LIBRARIAN"}},
	{Code: "stats.release", Plane: Public, Roles: []Role{"STATS_OFFICER"}, Purposes: []Purpose{"STATISTICS"}},
	{Code: "audit.event", Plane: Audit, Roles: []Role{}, Purposes: []Purpose{"AUDIT"}},
	{Code: "audit.query", Plane: Audit, Roles: []Role{"AUDITOR"}, Purposes: []Purpose{"AUDIT"}},
	{Code: "audit.finding", Plane: Audit, Person: true, Roles: []Role{"AUDITOR"}, Purposes: []Purpose{"AUDIT"}},
	{Code: "approval", Plane: Control, Roles: Approvers, Record: true, Built: true},
	{Code: "staff.record", Plane: Control, Roles: []Role{"DPO", "SAFEGUARDING_LEAD", "TEAM_MANAGER"}, Record: true, Built: true},
	{Code: "onward.permission", Plane: Control, Roles: permitting, Record: true, Built: true},
	{Code: "agency.certificate", Plane: Control, Roles: []Role{"DPO", "SAFEGUARDING_LEAD"}, Record: true, Built: true},
	{Code: "agency.rules", Plane: Control, Roles: []Role{"DPO", "SAFEGUARDING_LEAD"}, Record: true, Built: true},
	{Code: "log.alarm", Plane: Control, Record: true, Built: true},
}
