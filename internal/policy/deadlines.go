package policy

import (
	"time"

	"fairlead/internal/envelope"
	"fairlead/internal/law"
)

// Deadlines are the clocks that a delivered share starts whatever it stands on, for the one who received
// it, by the tables of the register: the decision itself, with the clocks of its ground, is told to the
// sender alone.
func Deadlines(t *law.Tables, h *envelope.Header, sender, recipient *Agency, at time.Time) []Due {
	p := &decider{Request: Request{Header: h}, f: Facts{Sender: sender, Recipient: recipient}, law: t.At(at), at: at}
	p.due()
	return p.d.Due
}
