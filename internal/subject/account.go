package subject

import (
	"strings"

	"fairlead/internal/fairlead"
)

// APIPrefix is the local name of the JetStream API inside an agency's account. It cannot be $JS.API:
// every account has a system import of that name, which answers first and says "not enabled".
const APIPrefix = "fl.js"

// Renewals are the subjects on which agencies ask for their next credentials, one for each account.
const Renewals = "fl.renew.*"

// Renew is the one of an account.
func Renew(a fairlead.Account) string { return "fl.renew." + string(a) }

// ParseRenew reads the account from a subject of Renewals.
func ParseRenew(text string) (fairlead.Account, error) {
	account, ok := strings.CutPrefix(text, "fl.renew.")
	if !ok {
		return "", ErrUnknown
	}
	return fairlead.Account(account), CheckAccount(fairlead.Account(account))
}

const jsAPI = "$JS.API"

// queued is what a submission is called inside INTAKE and ALERTS. Only the sender's account is
// kept, so that the limit per subject is a limit per sender: jurisdiction and kind are the sender's
// own words, and with them it could open as many subjects as it likes.
const queued = "fl.q."

// Capture and Store are the subject transform of INTAKE and ALERTS (NATS subject mapping syntax).
const (
	CaptureIntake = "fl.in.*.*.*"
	CaptureAlerts = "fl.alert.*.*.*"
	StoreQueued   = queued + "{{wildcard(2)}}"
)

// CaptureLedger lists the subjects of the stream LEDGER.
func CaptureLedger() []string { return []string{Entry, Held, "fl.out.*.*", "fl.reg.*"} }

// CaptureCosign is where agencies cosign checkpoints: a message that only informs, and that nothing stores.
const CaptureCosign = cosign + "*"

const cosign = "fl.cosign."

// Cosign is the subject of the cosignatures of one agency.
func Cosign(a fairlead.Account) string { return cosign + string(a) }

// ParseCosign reads the cosigning account from a subject; the server has checked that it is the sender's.
func ParseCosign(text string) (fairlead.Account, error) {
	account, ok := strings.CutPrefix(text, cosign)
	if !ok {
		return "", ErrUnknown
	}
	return fairlead.Account(account), CheckAccount(fairlead.Account(account))
}

// Queued is the subject under which INTAKE and ALERTS keep submissions of one account.
func Queued(from fairlead.Account) string { return queued + string(from) }

// ParseQueued reads the sender's account from the subject of a queued submission.
func ParseQueued(text string) (fairlead.Account, error) {
	account, ok := strings.CutPrefix(text, queued)
	if !ok {
		return "", ErrUnknown
	}
	return fairlead.Account(account), CheckAccount(fairlead.Account(account))
}

// Export is a service that the HUB account offers to agencies' accounts.
type Export struct {
	Name    string
	Subject string
	// Position is the token, counted from 1, that must be the importing account's own key; the
	// server refuses an import that names another's (account_token_position of a NATS export).
	Position uint
	// Stream says that one request has many answers.
	Stream bool
}

// Exports lists all that HUB offers. The acknowledgement has exactly nine tokens and no wildcard at
// the stream: a wider pattern would let one agency pull from another's inbox.
func Exports() []Export {
	return []Export{
		{Name: "submit", Subject: CaptureIntake, Position: 4},
		{Name: "submit-alert", Subject: CaptureAlerts, Position: 4},
		{Name: "cosign", Subject: CaptureCosign, Position: 3},
		{Name: "pull", Subject: jsAPI + ".CONSUMER.MSG.NEXT." + StreamLedger + ".*", Position: 7, Stream: true},
		{Name: "rewind", Subject: jsAPI + ".CONSUMER.RESET." + StreamLedger + ".*", Position: 6},
		{Name: "renew", Subject: Renewals, Position: 3},
		{Name: "ack", Subject: "$JS.ACK." + StreamLedger + ".*.*.*.*.*.*", Position: 4},
	}
}

// Import is a service of HUB as one agency's account sees it.
type Import struct {
	Name   string
	Remote string // the subject in HUB
	Local  string // the subject in the agency's account
}

// Imports lists the services that an agency's account gets: each export, narrowed to its own key.
func Imports(a fairlead.Account) []Import {
	var list []Import
	for _, e := range Exports() {
		tokens := strings.Split(e.Subject, ".")
		tokens[e.Position-1] = string(a)
		remote := strings.Join(tokens, ".")
		local := remote
		if tail, ok := strings.CutPrefix(remote, jsAPI); ok {
			local = APIPrefix + tail
		}
		list = append(list, Import{Name: e.Name, Remote: remote, Local: local})
	}
	return list
}

// AllowPublish lists the subjects a user of an agency may publish on: its imports and no more.
func AllowPublish(a fairlead.Account) []string {
	var list []string
	for _, i := range Imports(a) {
		list = append(list, i.Local)
	}
	return list
}

// AllowSubscribe is what a user of an agency may hear: answers to its own requests. The template is
// filled by the server with the user's public key.
const AllowSubscribe = "_INBOX_{{subject()}}.>"

// ReplyPrefix is the inbox prefix that a user's client must use, to match AllowSubscribe.
func ReplyPrefix(user string) string { return "_INBOX_" + user }
