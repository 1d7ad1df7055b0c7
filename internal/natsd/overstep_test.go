package natsd

import (
	"strings"
	"testing"

	"fairlead/internal/fairlead"
)

// TestReadOverstep: the account is the server's word, never what a client calls itself or publishes on.
func TestReadOverstep(t *testing.T) {
	a, b := "A"+strings.Repeat("A", 55), "A"+strings.Repeat("B", 55)
	for _, c := range []struct {
		line    string
		account string
		what    Overstep
	}{
		{`127.0.0.1:1 - cid:5 - "v1.55.0:go:agency" - "` + a + `/jwt:U" - Publish Violation - Subject "fl.in.RO.` + b + `.ack"`, a, OverPublish},
		{`127.0.0.1:1 - cid:5 - "` + a + `/jwt:U" - Publish Violation - Reply "x"`, a, OverReply},
		{`127.0.0.1:1 - cid:5 - "` + b + `/jwt:U" - "` + a + `/jwt:U" - Subscription Violation - Subject ">", SID 1`, a, OverSubscribe},
		{`127.0.0.1:1 - cid:5 - "\" - \"` + b + `/jwt:U\" - " - "` + a + `/jwt:U" - maximum payload exceeded: 1 vs 2`, a, OverPayload},
		{`pipe - cid:5 - authentication error`, "", OverCredentials},
		{`127.0.0.1:1 - cid:5 - maximum account active connections exceeded`, "", OverConnections},
		{`127.0.0.1:1 - cid:5 - "go" - "` + a + `/jwt:U" - maximum subscriptions exceeded`, a, OverSubscriptions},
		{`127.0.0.1:1 - cid:5 - "go" - "` + a + `/jwt:U" - TLS handshake error`, "", ""},
		{`JetStream cluster: Publish Violation - Subject "x"`, "", ""},
	} {
		account, what, ok := readOverstep(c.line)
		if account != fairlead.Account(c.account) || what != c.what || ok != (c.what != "") {
			t.Errorf("%s: %q %q %t", c.line, account, what, ok)
		}
	}
}
