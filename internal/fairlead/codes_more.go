package fairlead

// The other vocabularies of schemas/codelists.json: what stands inside sections and records, and names of
// rules. The order is that of the data file, against which a test holds every list.
type (
	// KindCode names a kind of message (domain §6). The rules of each stand in package kind; a few kinds of our own are there only.
	KindCode string
	// Decided is the word of the notes for a decision (domain §8). The log says it in two: Result and Ground.
	Decided string
	// RefusalReason is why a body that was asked does not share (domain §9; Children Act 2004 s16LA, Hague 1996). R-ART37 and R-ASYLUM never reach the one who asked.
	RefusalReason string
	// Deadline names a clock (domain §10.3).
	Deadline string
	// GateRule is a rule of the return-safety gate (domain §10.2).
	GateRule string
	// PlanElement is a mandatory part of a long-term safety plan (domain §10.2, R04).
	PlanElement string
	// AssessmentDomain is a domain of the cross-border assessment: the assessment triangle and our overlay (domain §11).
	AssessmentDomain string
	// Retention names a rule for how long a record is kept (domain §10).
	Retention string
	// SARExemption is a ground to withhold from a subject access request (DPA 2018 Sch 2 and 3).
	SARExemption string
	// TrainingTopic is a subject of training (domain §13).
	TrainingTopic string
	// Audience is a sector that leaflets and advice speak to (domain §15).
	Audience string
	// AdviceTopic is what advice is asked about (domain §14).
	AdviceTopic string
	// CasePhase is a phase of a case (ICMPD transnational referral mechanism; domain §5).
	CasePhase string
	// Strategy is one of the four Ps of the 2014 modern slavery strategy (domain §16).
	Strategy string
	// Cooperation is a category of request under Hague 1996 (domain §5).
	Cooperation string
	// AlertType is the CAP 1.2 msgType.
	AlertType string
	// Exploitation is a form of exploitation (NRM form, HTCDS 2.0; domain §5).
	Exploitation string
	// ControlMethod is a means of control over a person (HTCDS 2.0).
	ControlMethod string
	// RecruitmentMethod is how a person was recruited (HTCDS 2.0).
	RecruitmentMethod string
	// PartInProcess is what a person did in the process (HTCDS 2.0).
	PartInProcess string
	// TraffickingStatus is how sure it is that a person is a victim (HTCDS 2.0).
	TraffickingStatus string
	// TraffickingEvent is a step of the process (HTCDS 2.0).
	TraffickingEvent string
	// LastContact is how long ago the last contact with an exploiter was (NRM form).
	LastContact string
	// Separation is with whom a child travels or lives (HTCDS 2.0, CPIMS+).
	Separation string
	// CareArrangement is who cares for a child (CPIMS+).
	CareArrangement string
	// Indicator is a sign of trafficking (Home Office list of 2026 and older; domain §5). Signs are never counted into a verdict.
	Indicator string
	// IndicatorStrength is whether a sign was seen, suspected, absent or not asked (domain §5).
	IndicatorStrength string
	// EvalSource is the reliability of a source, Europol Regulation Art 29 (domain §5).
	EvalSource string
	// EvalInformation is the accuracy of information, Europol Regulation Art 29 (domain §5).
	EvalInformation string
	// GradeSource is the first part of a UK 3x5x2 grade: the source (domain §5).
	GradeSource string
	// GradeInformation is the second part of a UK 3x5x2 grade: the information (domain §5).
	GradeInformation string
	// GradeHandling is the third part of a UK 3x5x2 grade: whether conditions are set (domain §5).
	GradeHandling string
)

// The closed lists, in the order of the notes. Jurisdictions are those the notes describe; the form
// (Jurisdiction.Check) is what a message is held to.
var (
	Jurisdictions = []Jurisdiction{"GB", "GB-ENG", "GB-WLS", "GB-SCT", "GB-NIR", "RO", "XZ"}
	KindCodes     = []KindCode{
		"alert.missing", "alert.at_risk", "alert.arrival", "alert.update", "alert.cancel", "referral.new", "referral.response", "info.request",
		"info.response", "info.delay", "assessment.share", "investigation.coordinate", "liaison.note", "nrm.notice", "guardian.notice",
		"return.proposal", "return.evidence", "return.opinion", "return.decision", "return.travel", "return.monitoring", "return.unplanned",
		"advice.request", "advice.answer", "consent.record", "consent.withdraw", "agreement.proposal", "agreement.signature", "agreement.status",
		"disclosure.refusal", "ack", "recall.notice", "recall.confirmation", "correction", "escalation", "sar.notice", "directory.update",
		"training.record", "library.item", "stats.release", "audit.event", "audit.query", "audit.finding",
	}
	Decisions      = []Decided{"PERMIT", "PERMIT_REDACTED", "PERMIT_OVERRIDE", "PERMIT_EMERGENCY", "HOLD_APPROVAL", "HOLD_GATE", "DENY"}
	RefusalReasons = []RefusalReason{
		"R-ART37", "R-DETRIMENT", "R-NO-BASIS", "R-AGREEMENT", "R-CONSENT", "R-COURT", "R-ASYLUM", "R-ORCON", "R-SUBJUDICE", "R-NOT-HELD",
		"R-IDENTITY", "R-CHANNEL", "R-LANGUAGE", "R-DISPROPORTIONATE",
	}
	Deadlines = []Deadline{
		"DL-ACK-TECH", "DL-ACK-ALERT", "DL-ACK-CASE", "DL-LA-DECIDE", "DL-STRATEGY", "DL-ICPC", "DL-COREGROUP", "DL-REVIEW1", "DL-REVIEWN",
		"DL-ASSESS", "DL-CPPM-SCT", "DL-POLICE-PROT", "DL-EPO", "DL-NRM-RG", "DL-NRM-RECOVERY", "DL-NRM-SCT90", "DL-NRM-18", "DL-ICTG", "DL-RHI",
		"DL-XB-ALERT", "DL-RFI-URG", "DL-RFI", "DL-DELAY-REASON", "DL-RO-INQUIRY", "DL-GATE-T24", "DL-ARRIVE", "DL-MON", "DL-RECALL", "DL-BREACH",
		"DL-EMERG-REVIEW", "DL-OVERRIDE-REVIEW", "DL-SAR", "DL-ART14", "DL-AGR-REVIEW", "DL-DIR-VERIFY", "DL-ADVICE-URG", "DL-ADVICE",
	}
	GateRules = []GateRule{
		"R01", "R02", "R03", "R04", "R05", "R06", "R07", "R08", "R09", "R10", "R11", "R12", "R13", "R14", "R15", "R16", "R17", "R18", "R19", "R20",
		"R21", "R22", "R23", "R24",
	}
	PlanElements      = []PlanElement{"E01", "E02", "E03", "E04", "E05", "E06", "E07", "E08", "E09", "E10", "E11", "E12", "E13", "E14"}
	AssessmentDomains = []AssessmentDomain{"A", "B", "C", "D1", "D2", "D3", "D4", "D5", "D6", "D7", "D8", "D9", "D10"}
	Retentions        = []Retention{
		"RT-HUB-PAYLOAD", "RT-HUB-HEADER", "RT-AUDIT", "RT-LAC", "RT-CP", "RT-CIN", "RT-MOPI", "RT-ADVICE", "RT-TRAIN", "RT-HAGUE41",
	}
	SARExemptions = []SARExemption{
		"SAR-SW-HARM", "SAR-SW-WISHES", "SAR-SW-COURT", "SAR-CHILD-ABUSE", "SAR-HEALTH-HARM", "SAR-CRIME", "SAR-THIRD", "SAR-LPP",
	}
	TrainingTopics = []TrainingTopic{"T1", "T2", "T3", "T4", "T-CORE"}
	Audiences      = []Audience{"SOCIAL_CARE", "POLICE", "HEALTH", "EDUCATION", "BORDER", "LEGAL", "CARERS", "YOUTH", "PUBLIC", "OVERSEAS"}
	AdviceTopics   = []AdviceTopic{
		"AT-INDICATORS", "AT-NRM", "AT-SAFETY", "AT-MISSING", "AT-OVERSEAS", "AT-RETURN", "AT-AGE", "AT-LAW", "AT-COURT", "AT-TRAIN", "AT-COUNTRY",
	}
	CasePhases    = []CasePhase{"PH0", "PH1", "PH2", "PH3", "PH4", "PH5"}
	Strategies    = []Strategy{"PURSUE", "PREVENT", "PROTECT", "PREPARE"}
	Cooperations  = []Cooperation{"COOP-INFO", "COOP-ABROAD", "COOP-TRANSFER", "COOP-PLACE", "COOP-TRACE", "COOP-PROTECT", "COOP-CONTACT", "COOP-DANGER"}
	AlertTypes    = []AlertType{"Alert", "Update", "Cancel", "Ack", "Error"}
	Exploitations = []Exploitation{
		"LAB-NOPAY", "FIN-WAGES", "FIN-FRAUD", "SEX-PROST", "SEX-CSE", "SEX-HELD", "SEX-ONLINE", "CRM-CANNABIS", "CRM-COUNTY", "CRM-THEFT",
		"CRM-BEG", "CRM-OTHER", "ORG", "DOM", "MAR", "ADOPT", "MIL", "OTH", "UNK",
	}
	ControlMethods = []ControlMethod{
		"PhysicalThreats", "ThreatsLawEnforcement", "ThreatensChildrenFamily", "DebtBondage", "FalsePromises", "PhysicalAbuse", "SexualAbuse",
		"TakesEarnings", "RestrictsFinancialAccess", "RestrictsMedicalCare", "WithholdsNecessities", "PsychologicalAbuse", "PsychoactiveSubstance",
		"ExcessiveWorkingHours", "WithholdsDocuments", "RestrictsMovement", "UsesChildren", "Other",
	}
	RecruitmentMethods = []RecruitmentMethod{
		"AtAPlaceOfBusiness", "AtAnEducationalInstitution", "AtWork", "ThroughOnlineSocialNetworks", "ThroughAnOnlineAdvertisement",
		"ThroughATelevisionAdvert", "ThroughANewspaperAdvert", "ThroughFamilyOrFamilyEvents", "ThroughFriendsOrSocialEvents", "Other",
	}
	PartsInProcess = []PartInProcess{
		"TravellingPartner", "Transporter", "RecruiterOrIntermediary", "BrokerTravelAgent", "Smuggler", "Abuser", "Kidnapper", "Exploiter",
		"Other",
	}
	TraffickingStatuses = []TraffickingStatus{"PossibleVictimOfTrafficking", "ActualVictimOfTrafficking", "NotAVictimOfTrafficking"}
	TraffickingEvents   = []TraffickingEvent{"Recruitment", "Transit", "Exploitation"}
	LastContacts        = []LastContact{
		"within-the-last-week", "within-the-last-month", "within-the-last-3-month", "within-the-last-6-month", "within-the-last-6-12-month",
		"over-a-year-ago", "not-sure",
	}
	Separations      = []Separation{"unaccompanied", "separated", "accompanied-unrelated", "accompanied-parent"}
	CareArrangements = []CareArrangement{
		"parent_s", "step_parent", "customary_caregiver_s", "adult_sibling", "kinship_care_extended_family", "foster_care", "residential_care",
		"kafala", "independent_living", "child_headed_household", "unrelated_adult", "no_care_arrangement", "other",
	}
	Indicators = []Indicator{
		"I01", "I02", "I03", "I04", "I05", "I06", "I07", "I08", "I09", "I10", "I11", "I12", "I13", "I14", "I15", "I16", "I17", "I18", "I19", "I20",
		"I21", "I22", "I23", "I24", "I25", "I26", "I27", "I28", "I29", "I30",
	}
	IndicatorStrengths = []IndicatorStrength{"Y", "S", "N", "U"}
	EvalSources        = []EvalSource{"A", "B", "C", "X"}
	EvalInformations   = []EvalInformation{"1", "2", "3", "4"}
	GradeSources       = []GradeSource{"1", "2", "3"}
	GradeInformations  = []GradeInformation{"A", "B", "C", "D", "E"}
	GradeHandlings     = []GradeHandling{"P", "C"}
	// DenyReasons are the reasons of the notes; ours for the road stand beside them (result.go).
	DenyReasons = []Reason{
		ReasonSchema, ReasonSignature, ReasonReplay, ReasonSenderRole, ReasonRecipientUnknown, ReasonRecipientSuspended,
		ReasonJurisdictionMismatch, ReasonChannelCAOnly, ReasonBasisInvalid, ReasonGatewayMissing, ReasonSpecialBasisMissing,
		ReasonP18ReasonMissing, ReasonAgreementNone, ReasonAgreementExpired, ReasonAgreementSuspended, ReasonAgreementScope, ReasonTransfer,
		ReasonArt37, ReasonCaveat, ReasonConsentMissing, ReasonConsentRefused, ReasonConsentExpired, ReasonConsentScope, ReasonConsentGiverInvalid,
		ReasonSectionNotAllowed, ReasonOnward, ReasonReturnGate, ReasonTraining, ReasonSecondPerson, ReasonClassification,
	}
)
