package natsd

import (
	"regexp"
	"strings"

	"fairlead/internal/fairlead"
)

// Overstep is something that an agency's credentials were used for and do not allow. The server refused
// it; nothing of it took effect.
type Overstep string

// What can be overstepped.
const (
	OverPublish       Overstep = "publish"       // on a subject that is not the agency's
	OverReply         Overstep = "reply"         // with an answer to such a subject
	OverSubscribe     Overstep = "subscribe"     // to what is not its own
	OverPayload       Overstep = "payload"       // a message larger than the server takes
	OverConnections   Overstep = "connections"   // more at a time than one agency may have
	OverSubscriptions Overstep = "subscriptions" // more than one connection may have
	OverCredentials   Overstep = "credentials"   // that are forged, expired, revoked or somebody else's
)

// Oversteps lists all kinds, for who counts them.
func Oversteps() []Overstep {
	return []Overstep{OverPublish, OverReply, OverSubscribe, OverPayload, OverConnections, OverSubscriptions, OverCredentials}
}

// overstepWords are the server's own (client.go, errors.go), after what names the client.
var overstepWords = []struct {
	words string
	what  Overstep
}{
	{"Publish Violation - Subject", OverPublish},
	{"Publish Violation - Reply", OverReply},
	{"Subscription Violation", OverSubscribe},
	{"maximum payload exceeded", OverPayload},
	{"maximum account active connections exceeded", OverConnections},
	{"maximum subscriptions exceeded", OverSubscriptions},
	{"authentication error", OverCredentials},
}

// whoseForm finds the account in the server's name for a client: address, number, what the client calls
// itself (quoted, its own word), and account with user (the server's word, once it has let the client in).
var whoseForm = regexp.MustCompile(`^\S* - cid:\d+ - (?:(?:"(?:[^"\\]|\\.)*" - )?"(A[A-Z2-7]{55})/[^"]*" - )?(.*)$`)

// readOverstep finds in a line of the server's log who overstepped what; nobody is named who was not let in.
func readOverstep(line string) (fairlead.Account, Overstep, bool) {
	m := whoseForm.FindStringSubmatch(line)
	if m == nil {
		return "", "", false
	}
	for _, o := range overstepWords {
		if strings.HasPrefix(m[2], o.words) {
			return fairlead.Account(m[1]), o.what, true
		}
	}
	return "", "", false
}
