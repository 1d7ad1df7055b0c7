// Package envelope is what travels, to the byte: the signed header of a share, the salted descriptors
// of its sections (the idea of RFC 9901, selective disclosure), and the frames of the bus. Parsing is
// strict and bounded; signed bytes are kept and never serialised again.
package envelope

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"

	"fairlead/internal/fairlead"
	"fairlead/internal/strictjson"
)

// Refusals of the parsers.
var (
	ErrMalformed = errors.New("envelope: malformed")
	ErrTooLarge  = errors.New("envelope: too large")
	ErrCode      = errors.New("envelope: unknown code")
)

// Limits, in bytes or counts. MaxShare is the whole share: one photograph fits. MaxClear is all of it
// but the sections: that much the log keeps of a share, beside the decision, in one detail.
const (
	Version       = 1
	MaxShare      = 4 << 20
	MaxHeader     = 32 << 10
	MaxSignature  = 8 << 10
	MaxRecord     = 96 << 10
	MaxDescriptor = 4 << 10
	MaxClear      = 120 << 10
	MaxFacts      = 16
)

// Header is the clear, signed part of one share: all the broker decides on, besides the descriptors.
type Header struct {
	V          int                `json:"v"`
	ID         fairlead.ShareID   `json:"id"`
	Kind       string             `json:"kind"`
	Status     fairlead.Status    `json:"status"`
	From       From               `json:"from"`
	To         To                 `json:"to"`
	Case       string             `json:"case,omitempty"` // random per agency pair, 32 hexadecimal digits
	Thread     fairlead.ShareID   `json:"thread,omitzero"`
	ReplyTo    fairlead.ShareID   `json:"reply_to,omitzero"`
	Supersedes fairlead.ShareID   `json:"supersedes,omitzero"`
	SentAt     fairlead.Time      `json:"sent_at"`
	ValidUntil fairlead.Time      `json:"valid_until"`
	Purpose    fairlead.Purpose   `json:"purpose,omitempty"`
	Threshold  fairlead.Threshold `json:"threshold,omitempty"`
	Basis      *Basis             `json:"basis,omitempty"`
	S16LA      *S16LA             `json:"s16la,omitempty"`
	Told       fairlead.Told      `json:"told,omitempty"`
	Agreement  *AgreementRef      `json:"agreement,omitempty"`
	Transfer   *Transfer          `json:"transfer,omitempty"`
	Danger     *Danger            `json:"danger_check,omitempty"`
	TLP        fairlead.TLP       `json:"tlp,omitempty"`
	GSC        fairlead.GSC       `json:"gsc,omitempty"`
	Urgency    fairlead.Urgency   `json:"urgency,omitempty"`
	Severity   fairlead.Severity  `json:"severity,omitempty"`
	Certainty  fairlead.Certainty `json:"certainty,omitempty"`
	Facts      map[string]string  `json:"facts,omitempty"` // clear facts of the kind: codes, bools, counts, dates
	Record     fairlead.Digest    `json:"record,omitzero"` // SHA-256 of the clear record of a control kind
	Sections   []fairlead.Digest  `json:"sections"`        // salted digests of descriptors, sorted: 16, 32 or 128
	Seen       Seen               `json:"seen"`            // last checkpoint the sender proved
}

// From names the sender: its agency, the role its user acts in, and the user's pseudonym.
type From struct {
	Agency fairlead.AgencyID `json:"agency"`
	Role   fairlead.Role     `json:"role"`
	User   string            `json:"user"`
}

// To names the recipient agency, and the named user that TLP RED asks for.
type To struct {
	Agency fairlead.AgencyID `json:"agency"`
	User   string            `json:"user,omitempty"`
}

// Basis is the message-wide lawful basis (domain §2.3). Art 9, Sch 1 and Art 10 stand in descriptors.
type Basis struct {
	Art6     fairlead.Art6      `json:"art6"`
	Annex1   fairlead.Annex1    `json:"annex1,omitempty"`
	Gateways []fairlead.Gateway `json:"gateways,omitempty"`
	Cite     string             `json:"cite,omitempty"` // article or law, such as "GDPR 6(1)(e)"; never free text about a case
	LIA      string             `json:"lia,omitempty"`  // reference of the legitimate interests assessment that A6-1-f asks for

	// ChangedFrom is the basis first declared, where a refused consent made the sender declare another
	// one: such a share goes to the data protection officer's sample.
	ChangedFrom fairlead.Art6 `json:"changed_from,omitempty"`
}

// S16LA is the Children Act 2004 s16LA consideration of senders in England.
type S16LA struct {
	Considered bool   `json:"considered"`
	Applies    bool   `json:"applies"`
	Detriment  string `json:"detriment,omitempty"` // none, yes, unknown
}

// AgreementRef names the agreement version a sender stands on; absent, the broker finds one.
type AgreementRef struct {
	ID      string `json:"id"`
	Version int    `json:"version"`
}

// Transfer is the mechanism of a restricted transfer, and the assessment or instrument it stands on.
type Transfer struct {
	Mechanism fairlead.Mechanism `json:"mechanism"`
	Ref       string             `json:"ref,omitempty"`
	Assessed  string             `json:"assessed,omitempty"` // date of the assessment
}

// Danger is the answer to the Hague 1996 Art 37 question for the recipient's State.
type Danger struct {
	Result fairlead.DangerResult `json:"result"`
	Role   fairlead.Role         `json:"role"`
	At     fairlead.Time         `json:"at"`
}

// Seen is the last checkpoint the sender proved: gossip against a split view.
type Seen struct {
	Size int64           `json:"size"`
	Root fairlead.Digest `json:"root"`
}

var (
	caseForm = regexp.MustCompile(`^[0-9a-f]{32}$`)
	userForm = regexp.MustCompile(`^[A-Za-z0-9-]{1,40}$`)
	kindForm = regexp.MustCompile(`^[a-z][a-z_]{1,24}(\.[a-z][a-z_]{1,24})?$`)
	refForm  = regexp.MustCompile(`^[A-Za-z0-9() .,/:-]{1,60}$`)
	factForm = regexp.MustCompile(`^[A-Za-z0-9:._+-]{1,40}$`)

	detriments = []string{"", "none", "yes", "unknown"}
)

// ParseHeader reads the exact signed bytes. It checks form and codes; rules are the policy's. Errors
// wrap ErrMalformed, ErrTooLarge or ErrCode and say which field.
func ParseHeader(b []byte) (*Header, error) {
	if len(b) > MaxHeader {
		return nil, fmt.Errorf("%w: header of %d bytes, at most %d", ErrTooLarge, len(b), MaxHeader)
	}
	var h Header
	if err := strictjson.Unmarshal(b, &h); err != nil {
		return nil, fmt.Errorf("%w: header: %w", ErrMalformed, err)
	}
	if err := h.checkForm(); err != nil {
		return nil, fmt.Errorf("%w: header: %w", ErrMalformed, err)
	}
	if err := h.checkCodes(); err != nil {
		return nil, fmt.Errorf("%w: header: %w", ErrCode, err)
	}
	return &h, nil
}

// field pairs a check with the form it wants, so that an error can say which field and what to do.
type field struct {
	ok   bool
	want string
}

func (h *Header) checkForm() error {
	if err := h.From.Agency.Check(); err != nil {
		return fmt.Errorf("from: %w", err)
	}
	if err := h.To.Agency.Check(); err != nil {
		return fmt.Errorf("to: %w; a share has exactly one recipient", err)
	}
	for _, f := range []field{
		{h.V == Version, "v: want 1"},
		{!h.ID.IsZero(), "id: missing"},
		{kindForm.MatchString(h.Kind), "kind: want a code such as alert.missing"},
		{userForm.MatchString(h.From.User), "from.user: want a pseudonym of letters, digits and '-'"},
		{h.To.User == "" || userForm.MatchString(h.To.User), "to.user: want a pseudonym"},
		{h.Case == "" || caseForm.MatchString(h.Case), "case: want 32 hexadecimal digits"},
		{!h.SentAt.IsZero(), "sent_at: missing"},
		{h.ValidUntil.After(h.SentAt.Time), "valid_until: want an instant after sent_at"},
		{len(h.Facts) <= MaxFacts, "facts: more than 16"},
		{len(h.Sections) == 16 || len(h.Sections) == 32 || len(h.Sections) == 128, "sections: want 16, 32 or 128 digests"},
		{h.Seen.Size >= 0, "seen.size: negative"},
		{h.Basis == nil || len(h.Basis.Gateways) <= len(fairlead.Gateways), "basis.gateways: too many"},
		{h.S16LA == nil || slices.Contains(detriments, h.S16LA.Detriment), "s16la.detriment: want none, yes or unknown"},
		{h.Basis == nil || h.Basis.Cite == "" || refForm.MatchString(h.Basis.Cite), "basis.cite: want an article or a law"},
		{h.Basis == nil || h.Basis.LIA == "" || refForm.MatchString(h.Basis.LIA), "basis.lia: want a reference"},
		{h.Agreement == nil || refForm.MatchString(h.Agreement.ID), "agreement.id: malformed"},
		{h.Transfer == nil || h.Transfer.Ref == "" || refForm.MatchString(h.Transfer.Ref), "transfer.ref: malformed"},
		{h.Transfer == nil || isDate(h.Transfer.Assessed), "transfer.assessed: want a date"},
	} {
		if !f.ok {
			return errors.New(f.want)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(h.Facts)) { // in order: the log keeps the text
		if !factForm.MatchString(h.Facts[name]) {
			return fmt.Errorf("facts.%s: want a code, a bool, a small count or a date", name)
		}
	}
	if !slices.IsSortedFunc(h.Sections, compareDigests) {
		return errors.New("sections: digests are not in ascending order")
	}
	return nil
}

// isDate reports whether s is a date, or absent.
func isDate(s string) bool {
	_, err := time.Parse(time.DateOnly, s)
	return s == "" || err == nil
}

func (h *Header) checkCodes() error {
	checks := []error{
		fairlead.CheckCode("status", h.Status, fairlead.Statuses),
		fairlead.CheckCode("from.role", h.From.Role, fairlead.Roles),
		optional("purpose", h.Purpose, fairlead.Purposes),
		optional("threshold", h.Threshold, fairlead.Thresholds),
		optional("told", h.Told, fairlead.Tolds),
		optional("tlp", h.TLP, fairlead.TLPs),
		optional("gsc", h.GSC, fairlead.GSCs),
		optional("urgency", h.Urgency, fairlead.Urgencies),
		optional("severity", h.Severity, fairlead.Severities),
		optional("certainty", h.Certainty, fairlead.Certainties),
	}
	if h.Basis != nil {
		checks = append(checks, fairlead.CheckCode("basis.art6", h.Basis.Art6, fairlead.Art6s), optional("basis.annex1", h.Basis.Annex1, fairlead.Annex1s),
			optional("basis.changed_from", h.Basis.ChangedFrom, fairlead.Art6s))
		for _, g := range h.Basis.Gateways {
			checks = append(checks, fairlead.CheckCode("basis.gateways", g, fairlead.Gateways))
		}
	}
	if h.Transfer != nil {
		checks = append(checks, fairlead.CheckCode("transfer.mechanism", h.Transfer.Mechanism, fairlead.Mechanisms))
	}
	if h.Danger != nil {
		checks = append(checks, fairlead.CheckCode("danger_check.result", h.Danger.Result, fairlead.DangerResults),
			fairlead.CheckCode("danger_check.role", h.Danger.Role, fairlead.Roles))
	}
	return errors.Join(checks...)
}

// optional checks a code that may be absent.
func optional[T ~string](what string, code T, list []T) error {
	if code == "" {
		return nil
	}
	return fairlead.CheckCode(what, code, list)
}

// HeaderDigest names the exact signed bytes: same id and same digest is the same share.
func HeaderDigest(b []byte) fairlead.Digest { return sha256.Sum256(b) }

func compareDigests(a, b fairlead.Digest) int { return slices.Compare(a[:], b[:]) }
