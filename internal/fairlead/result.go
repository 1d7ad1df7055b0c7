package fairlead

// Result is what became of one share (DESIGN §6; the words of the acceptance story).
type Result string

// The four results. Only the first two put anything before the recipient.
const (
	Delivered         Result = "delivered"
	DeliveredRedacted Result = "delivered_redacted"
	Held              Result = "held"
	Refused           Result = "refused"
)

// Ground is what a decision stands on (DESIGN §6).
type Ground string

// The grounds. A refused share has GroundNone.
const (
	GroundAgreement Ground = "agreement"
	GroundEmergency Ground = "emergency"
	GroundOverride  Ground = "override"
	GroundReply     Ground = "reply"
	GroundControl   Ground = "control"
	GroundNone      Ground = "none"
)

// Reason is a code of a refusal, a hold or a withheld section: the deny reasons of the domain notes
// §8, and ours for what travels and what is not built. The set only grows.
type Reason string

// Reasons that come from the domain notes §8, in the order P01 to P14 of the checks.
const (
	ReasonSchema               Reason = "E_SCHEMA"
	ReasonSignature            Reason = "E_SIGNATURE"
	ReasonReplay               Reason = "E_REPLAY"
	ReasonClassification       Reason = "E_CLASSIFICATION"
	ReasonSenderRole           Reason = "E_SENDER_ROLE"
	ReasonRecipientUnknown     Reason = "E_RECIPIENT_UNKNOWN"
	ReasonRecipientSuspended   Reason = "E_RECIPIENT_SUSPENDED"
	ReasonJurisdictionMismatch Reason = "E_JURISDICTION_MISMATCH"
	ReasonChannelCAOnly        Reason = "E_CHANNEL_CA_ONLY"
	ReasonBasisInvalid         Reason = "E_BASIS_INVALID"
	ReasonGatewayMissing       Reason = "E_GATEWAY_MISSING"
	ReasonSpecialBasisMissing  Reason = "E_SPECIAL_BASIS_MISSING"
	ReasonP18ReasonMissing     Reason = "E_P18_REASON_MISSING"
	ReasonAgreementNone        Reason = "E_AGREEMENT_NONE"
	ReasonAgreementExpired     Reason = "E_AGREEMENT_EXPIRED"
	ReasonAgreementSuspended   Reason = "E_AGREEMENT_SUSPENDED"
	ReasonAgreementScope       Reason = "E_AGREEMENT_SCOPE"
	ReasonTransfer             Reason = "E_TRANSFER"
	ReasonArt37                Reason = "E_ART37"
	ReasonCaveat               Reason = "E_CAVEAT"
	ReasonConsentMissing       Reason = "E_CONSENT_MISSING"
	ReasonConsentRefused       Reason = "E_CONSENT_REFUSED"
	ReasonConsentExpired       Reason = "E_CONSENT_EXPIRED"
	ReasonConsentScope         Reason = "E_CONSENT_SCOPE"
	ReasonConsentGiverInvalid  Reason = "E_CONSENT_GIVER_INVALID"
	ReasonSectionNotAllowed    Reason = "E_SECTION_NOT_ALLOWED"
	ReasonOnward               Reason = "E_ONWARD"
	ReasonReturnGate           Reason = "E_RETURN_GATE"
	ReasonTraining             Reason = "E_TRAINING"
	ReasonSecondPerson         Reason = "E_SECOND_PERSON"
)

// Reasons of our own, for the road rather than the law.
const (
	// ReasonTooLarge: a share over 4 MiB or a part over its limit.
	ReasonTooLarge Reason = "E_TOO_LARGE"
	// ReasonPackets: a section is not exactly PKESK SEIPD for the recipient's current key profile.
	ReasonPackets Reason = "E_PACKETS"
	// ReasonKeyStale: a section is encrypted to a superseded subkey; the client seals again by itself.
	ReasonKeyStale Reason = "E_KEY_STALE"
	// ReasonStale: sent_at more than five minutes off, or valid_until passed.
	ReasonStale Reason = "E_STALE"
	// ReasonSenderUnknown: the account, the signer and the From field do not name one active agency.
	ReasonSenderUnknown Reason = "E_SENDER_UNKNOWN"
	// ReasonCodeUnknown: a code outside its list; unknown terms deny and are named.
	ReasonCodeUnknown Reason = "E_CODE_UNKNOWN"
	// ReasonNotBuilt: the rule that this declaration needs is not built yet, so it denies.
	ReasonNotBuilt Reason = "E_NOT_BUILT"
	// ReasonUnavailable: the hub could not read what the decision needs, agreements and consents or the tables of
	// law. Only alerts of immediate danger still go, to statutory bodies with a duty inbox.
	ReasonUnavailable Reason = "E_UNAVAILABLE"
	// ReasonAgreementRecord: an agreement record that contradicts the register or misses a field.
	ReasonAgreementRecord Reason = "E_AGREEMENT_RECORD"
	// ReasonAgreementCondition: a term permits the share under a condition that is not met, or cannot be told.
	ReasonAgreementCondition Reason = "E_AGREEMENT_CONDITION"
	// ReasonProhibited: a prohibition of an agreement or of a house bars the whole share.
	ReasonProhibited Reason = "E_PROHIBITED"
)
