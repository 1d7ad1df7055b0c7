package envelope

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"

	"fairlead/internal/fairlead"
	"fairlead/internal/strictjson"
)

// Audience is who may read a descriptor.
type Audience string

// A hub-only descriptor carries one thing that a recipient must not see: the subject handle, the true
// reason of a refusal, where a section came from, or for whom a caveat was set.
const (
	ForRecipient Audience = "recipient"
	ForHub       Audience = "hub"
)

// Descriptor speaks of one section and of that section alone. Its salted digest stands in the signed
// header, so a recipient that is handed fewer descriptors can neither tell nor forge another.
type Descriptor struct {
	Salt      string               `json:"salt"` // 16 random bytes, hexadecimal
	Audience  Audience             `json:"audience"`
	Code      fairlead.SectionCode `json:"code,omitempty"`
	Essential bool                 `json:"essential,omitempty"` // without it the whole share is refused
	Art9      fairlead.Art9        `json:"art9,omitempty"`
	Sch1      fairlead.Sch1        `json:"sch1,omitempty"`
	P18       fairlead.P18         `json:"p18,omitempty"`
	Art10     fairlead.Art10       `json:"art10,omitempty"`
	Consent   string               `json:"consent,omitempty"` // id of the consent record relied on
	Override  *Override            `json:"override,omitempty"`
	Caveats   []fairlead.Caveat    `json:"caveats,omitempty"`
	Clear     []fairlead.Caveat    `json:"clear,omitempty"` // caveats that those who may are asked to clear for this recipient
	Court     string               `json:"court,omitempty"` // reference of the court's permission, for COURT-RESTRICTED
	Siena     fairlead.Siena       `json:"siena,omitempty"`
	Grade     string               `json:"grade,omitempty"` // 3x5x2, such as "1AP"
	Eval      string               `json:"eval,omitempty"`  // SIENA evaluation of source and information, such as "B2"

	// Conditions says that the section itself holds the conditions on which it may be used: SIENA H3, and a
	// 3x5x2 grade that ends in C, ask for them. The digest binds them.
	Conditions bool `json:"conditions,omitempty"`

	Size   int             `json:"size,omitempty"`  // size bucket of the padded plaintext, bytes
	Digest fairlead.Digest `json:"digest,omitzero"` // SHA-256 of the section's bytes

	// Subject is the sender's random handle for the child (hub-only): by it the hub finds the agency's
	// consents and refusals, whether the sender cites them or not.
	Subject string `json:"subject,omitempty"`

	// Reason is the true reason of a disclosure.refusal (hub-only); the clear fact may be another.
	Reason fairlead.RefusalReason `json:"reason,omitempty"`

	// Onward says that sections of this share were taken from one that the sender received (hub-only).
	Onward *Onward `json:"onward,omitempty"`

	// Listed says for which States or agencies a caveat was set (hub-only): a recipient must not learn which.
	Listed *Listed `json:"listed,omitempty"`
}

// Listed names the States of origin of NO-ORIGIN-STATE, the agencies that SAFE-ADDRESS lets an address
// reach, or those for whom ART37 found danger.
type Listed struct {
	Caveat   fairlead.Caveat         `json:"caveat"`
	States   []fairlead.Jurisdiction `json:"states,omitempty"`
	Agencies []fairlead.AgencyID     `json:"agencies,omitempty"`
}

// listable are the caveats that are set for some and not for others.
var listable = []fairlead.Caveat{"NO-ORIGIN-STATE", "SAFE-ADDRESS", "ART37"}

const maxListed = 32 // States, and agencies

func (l *Listed) check() error {
	if len(l.States)+len(l.Agencies) == 0 || max(len(l.States), len(l.Agencies)) > maxListed {
		return fmt.Errorf("listed: want 1 to %d States or agencies", maxListed)
	}
	checks := []error{fairlead.CheckCode("listed.caveat", l.Caveat, listable)}
	for _, j := range l.States {
		if checks = append(checks, j.Check()); j.State() != string(j) {
			return errors.New("listed.states: want States, not nations")
		}
	}
	for _, id := range l.Agencies {
		checks = append(checks, id.Check())
	}
	return errors.Join(checks...)
}

// Onward names the share that sections with a code were taken from, and the originator's permission.
type Onward struct {
	Code       fairlead.SectionCode `json:"code"`
	Origin     fairlead.ShareID     `json:"origin,omitzero"`
	Permission fairlead.ShareID     `json:"permission,omitzero"` // the share by which the originator permits it
}

// Override declares that a refused consent is overridden, and why (domain §9).
type Override struct {
	Reason fairlead.OverrideReason `json:"reason"`
	Note   fairlead.Digest         `json:"note"` // of the sealed OVERRIDE-NOTE section
}

var (
	saltForm    = regexp.MustCompile(`^[0-9a-f]{32}$`)
	handleForm  = regexp.MustCompile(`^[0-9a-f]{32}$`)
	consentForm = regexp.MustCompile(`^[A-Za-z0-9-]{1,40}$`)
	evalForm    = regexp.MustCompile(`^[ABCX][1-4]$`)
	gradeForm   = regexp.MustCompile(`^[123][A-E][PC]$`)
)

// ParseDescriptor reads the exact bytes whose digest the header signs.
func ParseDescriptor(b []byte) (*Descriptor, error) {
	if len(b) > MaxDescriptor {
		return nil, fmt.Errorf("%w: descriptor of %d bytes, at most %d", ErrTooLarge, len(b), MaxDescriptor)
	}
	var d Descriptor
	if err := strictjson.Unmarshal(b, &d); err != nil {
		return nil, fmt.Errorf("%w: descriptor: %w", ErrMalformed, err)
	}
	if err := d.checkForm(); err != nil {
		return nil, fmt.Errorf("%w: descriptor: %w", ErrMalformed, err)
	}
	if err := d.checkCodes(); err != nil {
		return nil, fmt.Errorf("%w: descriptor: %w", ErrCode, err)
	}
	return &d, nil
}

func (d *Descriptor) checkForm() error {
	hub := d.Audience == ForHub
	for _, f := range []field{
		{saltForm.MatchString(d.Salt), "salt: want 32 hexadecimal digits"},
		{hub || d.Audience == ForRecipient, "audience: want recipient or hub"},
		{hub == (d.Code == ""), "code: wanted in a recipient's descriptor, and there only"},
		{hub == d.Digest.IsZero(), "digest: wanted in a recipient's descriptor, and there only"},
		{hub || d.hubOnly() == 0, "subject, reason, onward, listed: wanted in a hub-only descriptor, and there only"},
		{!hub || d.hubOnly() == 1, "subject, reason, onward, listed: a hub-only descriptor holds exactly one of them"},
		{d.Onward == nil || !d.Onward.Origin.IsZero(), "onward.origin: missing"},
		{d.Court == "" || refForm.MatchString(d.Court), "court: malformed reference"},
		{len(d.Clear) <= len(fairlead.Caveats), "clear: too many"},
		{d.Subject == "" || handleForm.MatchString(d.Subject), "subject: want 32 hexadecimal digits"},
		{d.Consent == "" || consentForm.MatchString(d.Consent), "consent: malformed reference"},
		{d.Grade == "" || gradeForm.MatchString(d.Grade), "grade: want a 3x5x2 code such as 1AP"},
		{d.Eval == "" || evalForm.MatchString(d.Eval), "eval: want a SIENA evaluation such as B2"},
		{d.Size >= 0 && d.Size <= MaxShare, "size: out of range"},
		{len(d.Caveats) <= len(fairlead.Caveats), "caveats: too many"},
	} {
		if !f.ok {
			return errors.New(f.want)
		}
	}
	return nil
}

// hubOnly counts the fields that only the hub may read.
func (d *Descriptor) hubOnly() (n int) {
	for _, set := range []bool{d.Subject != "", d.Reason != "", d.Onward != nil, d.Listed != nil} {
		if set {
			n++
		}
	}
	return n
}

func (d *Descriptor) checkCodes() error {
	checks := []error{
		optional("code", d.Code, fairlead.Sections),
		optional("art9", d.Art9, fairlead.Art9s),
		optional("sch1", d.Sch1, fairlead.Sch1s),
		optional("p18", d.P18, fairlead.P18s),
		optional("art10", d.Art10, fairlead.Art10s),
		optional("siena", d.Siena, fairlead.Sienas),
		optional("reason", d.Reason, fairlead.RefusalReasons),
	}
	if d.Onward != nil {
		checks = append(checks, fairlead.CheckCode("onward.code", d.Onward.Code, fairlead.Sections))
	}
	if d.Listed != nil {
		checks = append(checks, d.Listed.check())
	}
	for _, c := range d.Caveats {
		checks = append(checks, fairlead.CheckCode("caveats", c, fairlead.Caveats))
	}
	for _, c := range d.Clear {
		checks = append(checks, fairlead.CheckCode("clear", c, fairlead.Caveats))
	}
	if d.Override != nil {
		checks = append(checks, fairlead.CheckCode("override.reason", d.Override.Reason, fairlead.OverrideReasons))
	}
	return errors.Join(checks...)
}

// Marshal gives the bytes that are digested and sent, with a fresh salt.
func (d Descriptor) Marshal() []byte {
	d.Salt = hex.EncodeToString(random(16))
	b, err := json.Marshal(d)
	if err != nil { // a struct of strings, ints and digests always marshals
		panic(err)
	}
	return b
}

// DescriptorDigest is what the header lists for one descriptor.
func DescriptorDigest(b []byte) fairlead.Digest {
	return sha256.Sum256(append([]byte("fairlead descriptor 1\n"), b...))
}

// Fill returns the digests of descriptors and as many random ones as make 16, 32 or 128 in all,
// sorted, so that neither number nor place tells a recipient what was sent to it.
func Fill(descriptors [][]byte) ([]fairlead.Digest, error) {
	size := 16
	for _, next := range []int{32, 128} {
		if len(descriptors) > size {
			size = next
		}
	}
	if len(descriptors) > size {
		return nil, fmt.Errorf("%w: %d descriptors, at most %d", ErrTooLarge, len(descriptors), size)
	}
	digests := make([]fairlead.Digest, size)
	for i := range digests {
		if i < len(descriptors) {
			digests[i] = DescriptorDigest(descriptors[i])
		} else {
			copy(digests[i][:], random(32))
		}
	}
	slices.SortFunc(digests, compareDigests)
	return digests, nil
}

// SetDigest commits to a set of descriptors: SHA-256(salt ‖ sorted digests). The leaf of the log holds
// it; sender and recipient are each given the salt and open it.
func SetDigest(salt [16]byte, descriptors [][]byte) fairlead.Digest {
	digests := make([]fairlead.Digest, len(descriptors))
	for i, d := range descriptors {
		digests[i] = DescriptorDigest(d)
	}
	slices.SortFunc(digests, compareDigests)
	h := sha256.New()
	h.Write([]byte("fairlead delivered set 1\n"))
	h.Write(salt[:])
	for _, d := range digests {
		h.Write(d[:])
	}
	return fairlead.Digest(h.Sum(nil))
}

// random returns n fresh random bytes; crypto/rand does not fail on a supported system.
func random(n int) []byte {
	b := make([]byte, n)
	if _, err := io.ReadFull(rand.Reader, b); err != nil {
		panic(err)
	}
	return b
}
