package fairlead

import (
	"fmt"
	"slices"
)

// The coded vocabularies that the clear header speaks (domain notes §2.3, §4, §5). Each list is closed:
// a code outside it is refused by name. A test holds every list against schemas/codelists.json.
type (
	// AgencyType is what kind of body an agency is (domain §4).
	AgencyType string
	// Role is what a member of staff acts as (domain §4).
	Role string
	// Purpose is why a share is sent (domain §5); recipients may not re-use it for another (Hague 1996 Art 41).
	Purpose string
	// Threshold is the level of need, TH0 to TH4 (domain §5).
	Threshold string
	// SectionCode names a category of content that is encrypted by itself (domain §5).
	SectionCode string
	// Art6 is the lawful basis of the whole message: UK GDPR Art 6, DPA 2018 Part 3 or foreign law (domain §2.3).
	Art6 string
	// Annex1 is a recognised legitimate interest, UK GDPR Annex 1 (domain §2.3).
	Annex1 string
	// Art9 is the condition for special-category data, UK GDPR Art 9 (domain §2.3).
	Art9 string
	// Sch1 is a condition of DPA 2018 Sch 1 (domain §2.3).
	Sch1 string
	// P18 is why consent was not asked, DPA 2018 Sch 1 para 18(2) (domain §2.3).
	P18 string
	// Art10 is the condition for criminal-offence data, UK GDPR Art 10 (domain §2.3).
	Art10 string
	// Gateway is a statutory power or duty to share (domain §2.3).
	Gateway string
	// Mechanism is what carries a restricted transfer (domain §2.3).
	Mechanism string
	// TLP is the Traffic Light Protocol 2.0 label (FIRST).
	TLP string
	// GSC is the UK Government security classification.
	GSC string
	// Status is the CAP 1.2 status: only Actual reaches live inboxes.
	Status string
	// Urgency is the CAP 1.2 urgency of an alert.
	Urgency string
	// Severity is the CAP 1.2 severity.
	Severity string
	// Certainty is the CAP 1.2 certainty.
	Certainty string
	// Caveat is a handling caveat of one section (domain §5).
	Caveat string
	// Giver is who gave or refused consent (domain §9).
	Giver string
	// ConsentStatus is the state of a consent record, after DPV 2.2 (domain §9).
	ConsentStatus string
	// OverrideReason is why a refusal of consent is overridden (domain §9).
	OverrideReason string
	// Siena is a Europol SIENA handling code (domain §5).
	Siena string
	// AckLevel is how far a human acknowledgement goes (domain §9.1).
	AckLevel string
	// DangerResult is the answer to the Hague 1996 Art 37 question (domain §7).
	DangerResult string
	// Told is whether the subject was told of the sharing (domain §7).
	Told string
)

// Codes that a rule reads by name.
const (
	TypeLA                 AgencyType = "LA_CSC"
	TypePolice             AgencyType = "POLICE"
	TypeHealth             AgencyType = "HEALTH"
	TypeEducation          AgencyType = "EDUCATION"
	TypeBorder             AgencyType = "BORDER"
	TypeCompetentAuthority AgencyType = "COMPETENT_AUTHORITY"
	TypeCentralAuthority   AgencyType = "CENTRAL_AUTHORITY"
	TypeGuardian           AgencyType = "GUARDIAN_SERVICE"
	TypeAdvice             AgencyType = "ADVICE_SERVICE"
	TypeNGOUK              AgencyType = "NGO_UK"
	TypeNGOOverseas        AgencyType = "NGO_OVERSEAS"
	TypeStatutoryOverseas  AgencyType = "STATUTORY_OVERSEAS"
	TypePoliceOverseas     AgencyType = "POLICE_OVERSEAS"
	TypeConsulate          AgencyType = "CONSULATE"
	TypeISS                AgencyType = "ISS_MEMBER"
	TypeCourt              AgencyType = "COURT"
	TypeAuditor            AgencyType = "AUDITOR"
	TypeLibrary            AgencyType = "LIBRARY"

	PurposeImmediate Purpose = "PRT-IMMEDIATE"

	TH0 Threshold = "TH0"
	TH1 Threshold = "TH1"
	TH2 Threshold = "TH2"
	TH3 Threshold = "TH3"
	TH4 Threshold = "TH4"

	SectionLocNow     SectionCode = "LOC-NOW"
	SectionAsylum     SectionCode = "ASYLUM"
	SectionAttachment SectionCode = "ATTACH"

	Art6Consent       Art6      = "A6-1-a"
	Art6Legal         Art6      = "A6-1-c"
	Art6Vital         Art6      = "A6-1-d"
	Art6Task          Art6      = "A6-1-e"
	Art6Recognised    Art6      = "A6-1-ea"
	Art6Legitimate    Art6      = "A6-1-f"
	Art6LawEnforce    Art6      = "P3-LE"
	Art6EU            Art6      = "X-EU-GDPR"
	Art6National      Art6      = "X-NATIONAL"
	Annex1Safeguard   Annex1    = "RLI-6"
	Sch1Safeguard     Sch1      = "SPI-18"
	MechanismNone     Mechanism = "NONE"
	MechanismAdequacy Mechanism = "A45"
	MechanismIntoUK   Mechanism = "IN-EU-ADEQ"
	MechanismEEA      Mechanism = "EEA-INTERNAL"

	TLPRed           TLP     = "RED"
	GSCAbove         GSC     = "ABOVE"
	StatusActual     Status  = "Actual"
	StatusExercise   Status  = "Exercise"
	StatusTest       Status  = "Test"
	UrgencyImmediate Urgency = "Immediate"

	DangerClear   DangerResult = "clear"
	DangerFound   DangerResult = "danger"
	DangerUnknown DangerResult = "unknown"

	AckDelivered AckLevel = "delivered"
	AckOpened    AckLevel = "opened_by_human"
	AckAccepted  AckLevel = "accepted_for_action"

	ConsentGiven       ConsentStatus = "given"
	ConsentRenewed     ConsentStatus = "renewed"
	ConsentRefused     ConsentStatus = "refused"
	ConsentWithdrawn   ConsentStatus = "withdrawn"
	ConsentInvalidated ConsentStatus = "invalidated"
)

// The closed lists, in the order of the notes.
var (
	AgencyTypes = []AgencyType{
		TypeLA, TypePolice, TypeHealth, TypeEducation, TypeBorder, TypeCompetentAuthority, TypeCentralAuthority, TypeGuardian, TypeAdvice,
		TypeNGOUK, TypeNGOOverseas, TypeStatutoryOverseas, TypePoliceOverseas, TypeConsulate, TypeISS, TypeCourt, TypeAuditor, TypeLibrary,
	}
	Roles = []Role{
		"PRACTITIONER", "TEAM_MANAGER", "SAFEGUARDING_LEAD", "DPO", "CALDICOTT_GUARDIAN", "AGREEMENT_SIGNATORY", "GUARDIAN", "ADVISER",
		"DIRECTORY_EDITOR", "LIBRARIAN", "TRAINER", "AUDITOR", "STATS_OFFICER", "BROKER_OPERATOR",
	}
	Purposes = []Purpose{
		PurposeImmediate, "PRT-ASSESS", "PRT-PLAN", "IDENTIFY-VICTIM", "RETURN-SAFETY", "INVESTIGATE", "LIAISE", "PREVENT", "LEGAL", "ADVICE",
		"SUPPORT", "TRAINING", "STATISTICS", "AUDIT",
	}
	Thresholds = []Threshold{TH0, TH1, TH2, TH3, TH4}
	Sections   = []SectionCode{
		"ID-CORE", "ID-NUM", "BIO-PHOTO", SectionLocNow, "LOC-HIST", "FAMILY", "GUARD-REP", "JOURNEY", "IMMIG", SectionAsylum, "EXPL-ACCOUNT",
		"EXPL-IND", "EXPLOITER", "INTEL", "CHILD-CRIM", "HEALTH-PHYS", "HEALTH-MH", "HEALTH-SEX", "ETHNO", "EDU", "SC-HIST", "RISK", "ASSESS",
		"VOICE", "PLAN-SAFE", "PLAN-RETURN", "LEGAL", "OVERRIDE-NOTE", "PRO-CONTACT", SectionAttachment,
	}
	Art6s = []Art6{
		Art6Consent, Art6Legal, Art6Vital, Art6Task, Art6Recognised, Art6Legitimate, Art6LawEnforce, Art6EU, Art6National,
	}
	Annex1s  = []Annex1{"RLI-1", "RLI-2", "RLI-3", "RLI-5", Annex1Safeguard}
	Art9s    = []Art9{"A9-2-a", "A9-2-b", "A9-2-c", "A9-2-f", "A9-2-g", "A9-2-h"}
	Sch1s    = []Sch1{Sch1Safeguard, "SPI-6", "SPI-10", "HSC-2", "ESP-1"}
	P18s     = []P18{"CANNOT_GIVE", "CANNOT_REASONABLY_OBTAIN", "WOULD_PREJUDICE"}
	Art10s   = []Art10{"OFFICIAL", "SPI-18", "P3-LE"}
	Gateways = []Gateway{
		"CA2004-16LA", "CA2004-16LC", "CA2004-10", "CA2004-11", "CA2004-16H", "CA1989-17", "CA1989-27", "CA1989-47", "CA1989-S2P19",
		"MSA2015-52", "MSA2015-51", "MSA2015-48", "MSA2015-43", "BCIA2009-55", "CDA1998-115", "COMMON-LAW-POLICING", "HTES2015", "HTENI2015",
		"SSWBA2014", "HAGUE96-30", "HAGUE96-31", "HAGUE96-32", "HAGUE96-33", "HAGUE96-34", "HAGUE96-35", "HAGUE96-36", "HAGUE96-37",
		"COURT-ORDER", "COE-ECAT-10-16",
	}
	Mechanisms = []Mechanism{
		MechanismNone, MechanismAdequacy, "A46-IDTA", "A46-ADDENDUM", "A46-2-a", "A46-3-b", "A49-1-d", "A49-1-e", "A49-1-f", "P3-73",
		MechanismIntoUK, MechanismEEA,
	}
	TLPs        = []TLP{TLPRed, "AMBER+STRICT", "AMBER", "GREEN", "CLEAR"}
	GSCs        = []GSC{"OFFICIAL", "OFFICIAL-SENSITIVE", GSCAbove}
	Statuses    = []Status{StatusActual, "Exercise", "System", "Test", "Draft"}
	Urgencies   = []Urgency{UrgencyImmediate, "Expected", "Future", "Past", "Unknown"}
	Severities  = []Severity{"Extreme", "Severe", "Moderate", "Minor", "Unknown"}
	Certainties = []Certainty{"Observed", "Likely", "Possible", "Unlikely", "Unknown"}
	Caveats     = []Caveat{
		"SAFE-ADDRESS", "NO-ORIGIN-STATE", "NO-CONSULATE", "NO-FAMILY", "COURT-RESTRICTED", "LEGAL-PRIVILEGE", "CHILD-CONTROLLED", "ORCON",
		"NOT-EVIDENCE", "ART37", "CHILD-VOICE", "UNVERIFIED-AGE", "SYNTHETIC",
	}
	Givers = []Giver{
		"CHILD_16", "CHILD_GILLICK", "CHILD_SCT_12", "PARENT_PR", "LA_CARE_ORDER", "GUARDIAN_LEGAL", "COURT", "OVERSEAS_LEGAL_REP", "ICTG",
		"ACCOMPANYING_ADULT", "ADULT_18",
	}
	ConsentStatuses = []ConsentStatus{
		"requested", ConsentGiven, ConsentRenewed, ConsentRefused, ConsentWithdrawn, "expired", ConsentInvalidated, "revoked", "deferred",
		"unknown", "not_sought_unsafe", "not_required",
	}
	OverrideReasons = []OverrideReason{"SIG-HARM", "SERIOUS-HARM-OTHER", "PREJUDICE", "DUTY", "CAPACITY", "COERCED"}
	Sienas          = []Siena{"H0", "H1", "H2", "H3"}
	AckLevels       = []AckLevel{AckDelivered, AckOpened, AckAccepted, "cannot_read", "wrong_recipient"}
	DangerResults   = []DangerResult{DangerClear, DangerFound, DangerUnknown}
	Tolds           = []Told{"yes", "no", "unsafe", "not_practicable"}
)

// CheckCode reports whether code is in list; what names the field for a person.
func CheckCode[T ~string](what string, code T, list []T) error {
	if slices.Contains(list, code) {
		return nil
	}
	return fmt.Errorf("%s %q is not in its code list: %w", what, trim(string(code)), ErrMalformed)
}

// PublicAuthority reports whether t is a public authority of the United Kingdom or abroad (domain §4).
// EDUCATION is mixed; it counts as public, which only ever narrows what it may claim.
func (t AgencyType) PublicAuthority() bool {
	switch t {
	case TypeGuardian, TypeAdvice, TypeNGOUK, TypeNGOOverseas, TypeISS, TypeLibrary:
		return false
	}
	return true
}

// LawEnforcement reports whether t is a competent authority under DPA 2018 Part 3 (domain §4). BORDER
// is only partly so; its Part 3 claims wait for the rule that tells which, and are refused till then.
func (t AgencyType) LawEnforcement() bool { return t == TypePolice || t == TypePoliceOverseas }

// Subject reports whether g is the person the information is about, deciding for themselves (domain §9).
func (g Giver) Subject() bool {
	switch g {
	case "CHILD_16", "CHILD_GILLICK", "CHILD_SCT_12", "ADULT_18":
		return true
	}
	return false
}

// Statutory reports whether t is a statutory body that the emergency path may reach or start from:
// every public authority, and the bodies the notes §4 name as safeguarding services.
func (t AgencyType) Statutory() bool {
	return t.PublicAuthority() || t == TypeGuardian || t == TypeAdvice
}
