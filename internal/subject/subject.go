// Package subject is the grammar of the NATS subjects of a hub (DESIGN §5): build, parse, and what
// an agency's account may publish, import and hear. It is pure: no I/O, no clock, no NATS.
//
//	fl.in.<recipient jurisdiction | HUB>.<sender account>.<kind>     a submission           → INTAKE
//	fl.alert.<recipient jurisdiction | HUB>.<sender account>.<kind>  the same, alert plane  → ALERTS
//	fl.led.entry                                                     log entries            → LEDGER
//	fl.led.held                                                      payloads that wait     → LEDGER
//	fl.out.<jurisdiction>.<account>                                  what one agency gets   → LEDGER
//	fl.reg.all, fl.reg.<account>                                     registry entries       → LEDGER
//	fl.head                                                          committed checkpoint   → HEAD
//	fl.cosign.<account>                                              an agency's cosignature, to the hub, in no stream
//
// No case, child, county or agency name is ever in a subject; an account key is opaque.
package subject

import (
	"errors"
	"fmt"
	"strings"

	"fairlead/internal/fairlead"
)

// Streams of the HUB account, the only account with JetStream.
const (
	StreamIntake = "INTAKE" // submissions, in memory
	StreamAlerts = "ALERTS" // submissions of the alert plane, in memory
	StreamLedger = "LEDGER" // entries, deliveries, verdicts, proofs, on disk
	StreamHead   = "HEAD"   // the committed checkpoint, on disk
)

// ServerName is the name on the hub's self-signed TLS certificate, wherever it listens: agencies
// pin the certificate, not a host.
const ServerName = "fairlead-hub"

// MaxMessage is the largest message of any stream, in bytes: a share of 4 MiB and its frame.
const MaxMessage = 5 << 20

// ToHub stands for the recipient jurisdiction of control kinds, which the hub itself receives.
const ToHub fairlead.Jurisdiction = "HUB"

// Fixed subjects.
const (
	Entry       = "fl.led.entry" // log entries: leaf and detail
	Held        = "fl.led.held"  // payloads of shares that wait for a second person, for the hub alone
	RegistryAll = "fl.reg.all"   // registry entries for every agency
	Head        = "fl.head"      // the committed checkpoint
)

// Errors of Parse and the builders, wrapped with the part that is wrong.
var (
	ErrLength       = errors.New("subject: longer than 160 bytes or empty")
	ErrUnknown      = errors.New("subject: not one of the hub's subjects")
	ErrTokens       = errors.New("subject: wrong number of tokens")
	ErrJurisdiction = errors.New("subject: not a jurisdiction")
	ErrAccount      = errors.New("subject: not an account key")
	ErrKind         = errors.New("subject: not a kind of message")
)

const (
	maxLength = 160 // of a subject, bytes
	maxKind   = 64  // of a kind, bytes
)

// Class says what a subject is for.
type Class string

// The classes, in the order of the grammar.
const (
	ClassIn       Class = "in"
	ClassAlert    Class = "alert"
	ClassEntry    Class = "entry"
	ClassOut      Class = "out"
	ClassRegistry Class = "registry"
	ClassHead     Class = "head"
)

// Subject is a parsed subject. Parse and String are inverses.
type Subject struct {
	Class Class
	// Jurisdiction of the recipient: of ClassIn and ClassAlert (where it may be ToHub) and ClassOut.
	Jurisdiction fairlead.Jurisdiction
	// Account is the sender's for ClassIn and ClassAlert, the recipient's for ClassOut and
	// ClassRegistry (where empty means every agency).
	Account fairlead.Account
	// Kind is the token of the kind (KindToken), of ClassIn and ClassAlert only.
	Kind string
}

// In is the subject on which account from submits a message of a kind to a jurisdiction or ToHub.
func In(to fairlead.Jurisdiction, from fairlead.Account, kind string) (string, error) {
	return submission(ClassIn, to, from, kind)
}

// Alert is In for kinds of the alert plane.
func Alert(to fairlead.Jurisdiction, from fairlead.Account, kind string) (string, error) {
	return submission(ClassAlert, to, from, kind)
}

func submission(c Class, to fairlead.Jurisdiction, from fairlead.Account, kind string) (string, error) {
	token, err := KindToken(kind)
	if err != nil {
		return "", err
	}
	return Subject{Class: c, Jurisdiction: to, Account: from, Kind: token}.text()
}

// Out is the subject of everything meant for one agency: deliveries, verdicts, proofs.
func Out(j fairlead.Jurisdiction, to fairlead.Account) (string, error) {
	return Subject{Class: ClassOut, Jurisdiction: j, Account: to}.text()
}

// Registry is the subject of registry entries meant for one agency alone.
func Registry(to fairlead.Account) (string, error) {
	return Subject{Class: ClassRegistry, Account: to}.text()
}

// text is String for parts that come from outside.
func (s Subject) text() (string, error) {
	if err := s.check(); err != nil {
		return "", err
	}
	return s.String(), nil
}

// Inbox lists the subjects that make up one agency's inbox on LEDGER.
func Inbox(j fairlead.Jurisdiction, to fairlead.Account) ([]string, error) {
	out, err := Out(j, to)
	if err != nil {
		return nil, err
	}
	reg, err := Registry(to)
	if err != nil {
		return nil, err
	}
	return []string{out, RegistryAll, reg}, nil
}

// String is the subject as NATS sees it.
func (s Subject) String() string {
	switch s.Class {
	case ClassIn, ClassAlert:
		return fmt.Sprintf("fl.%s.%s.%s.%s", s.Class, s.Jurisdiction, s.Account, s.Kind)
	case ClassOut:
		return fmt.Sprintf("fl.out.%s.%s", s.Jurisdiction, s.Account)
	case ClassRegistry:
		if s.Account == "" {
			return RegistryAll
		}
		return "fl.reg." + string(s.Account)
	case ClassEntry:
		return Entry
	case ClassHead:
		return Head
	}
	return ""
}

// Parse reads a subject strictly. Its errors wrap one of the sentinels of this package.
func Parse(text string) (Subject, error) {
	if text == "" || len(text) > maxLength {
		return Subject{}, ErrLength
	}
	switch text {
	case Entry:
		return Subject{Class: ClassEntry}, nil
	case Head:
		return Subject{Class: ClassHead}, nil
	case RegistryAll:
		return Subject{Class: ClassRegistry}, nil
	}
	s, err := split(strings.Split(text, "."))
	if err != nil {
		return Subject{}, err
	}
	if err := s.check(); err != nil {
		return Subject{}, err
	}
	return s, nil
}

// split fills a Subject from tokens and checks only that each has its place.
func split(t []string) (Subject, error) {
	if len(t) < 2 || t[0] != "fl" {
		return Subject{}, ErrUnknown
	}
	s, want := Subject{}, 0
	switch t[1] {
	case "in", "alert":
		s.Class, want = Class(t[1]), 5
	case "out":
		s.Class, want = ClassOut, 4
	case "reg":
		s.Class, want = ClassRegistry, 3
	default:
		return s, ErrUnknown
	}
	if len(t) != want {
		return s, fmt.Errorf("%w: %d for fl.%s, want %d", ErrTokens, len(t), t[1], want)
	}
	switch s.Class {
	case ClassIn, ClassAlert:
		s.Jurisdiction, s.Account, s.Kind = fairlead.Jurisdiction(t[2]), fairlead.Account(t[3]), t[4]
	case ClassOut:
		s.Jurisdiction, s.Account = fairlead.Jurisdiction(t[2]), fairlead.Account(t[3])
	case ClassRegistry:
		s.Account = fairlead.Account(t[2])
	}
	return s, nil
}

// check reports whether every part that the class has is of its form.
func (s Subject) check() error {
	submits := s.Class == ClassIn || s.Class == ClassAlert
	if s.Class == ClassRegistry {
		return CheckAccount(s.Account)
	}
	if !(submits && s.Jurisdiction == ToHub) {
		if err := s.Jurisdiction.Check(); err != nil {
			return fmt.Errorf("%w: %w", ErrJurisdiction, err)
		}
	}
	if err := CheckAccount(s.Account); err != nil {
		return err
	}
	if submits && !isKindToken(s.Kind) {
		return ErrKind
	}
	return nil
}

// CheckAccount reports whether a is of the form of a public NATS account key: "A" and 55 letters
// and digits of base 32. The checksum inside is for the server to verify.
func CheckAccount(a fairlead.Account) error {
	if len(a) != 56 || a[0] != 'A' {
		return ErrAccount
	}
	for _, c := range []byte(a) {
		if (c < 'A' || c > 'Z') && (c < '2' || c > '7') {
			return ErrAccount
		}
	}
	return nil
}

// KindToken is the token of a kind of message ("referral", "alert.missing"): '.' becomes '_'. Two
// kinds may share a token; it serves for comparison with the signed header, never as the kind.
func KindToken(kind string) (string, error) {
	head, tail, dotted := strings.Cut(kind, ".")
	if !isKindToken(head) || dotted && !isKindToken(tail) || len(kind) > maxKind {
		return "", ErrKind
	}
	return strings.ReplaceAll(kind, ".", "_"), nil
}

func isKindToken(s string) bool {
	if s == "" || len(s) > maxKind {
		return false
	}
	for _, c := range []byte(s) {
		if c != '_' && (c < 'a' || c > 'z') {
			return false
		}
	}
	return true
}
