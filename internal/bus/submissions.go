package bus

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"fairlead/internal/fairlead"
	"fairlead/internal/subject"
)

// maxSubmissions is the most that Submissions returns; with messages of the largest size the server
// sends fewer.
const maxSubmissions = 1000

// claimed is the subject the sender says it published on; more than a subject may be is none.
func claimed(m *nats.Msg) string {
	on := m.Header.Get(publishedOn)
	if len(on) > maxSubject {
		return ""
	}
	return on
}

// maxSubject is more than any subject of the hub's grammar, in bytes.
const maxSubject = 200

// publishedOn is the header that repeats the subject of a submission. INTAKE and ALERTS keep only the
// account in the subject, or one sender could open subjects without end and pass any limit per
// subject; the rest of the subject is the sender's own word in either place.
const publishedOn = "Fairlead-Subject"

// Submission is what an agency has handed in. The account is certain: the server let it through only
// for that account's own token. Everything in Data is still to be checked.
type Submission struct {
	Account  fairlead.Account
	Subject  string // on which the sender says it published; the queue keeps only the account
	Alert    bool   // came by the alert plane
	Data     []byte
	Received time.Time // by the server's clock

	msg *nats.Msg
}

// Ack removes the submission from the intake, after its decision is committed. Nobody waits for the
// answer: if the word is lost, the submission comes again, and is known by its id.
func (s Submission) Ack() error { return s.msg.Respond([]byte("+ACK")) }

// Nak gives the submission back at once, for this broker or another.
func (s Submission) Nak() error { return s.msg.Respond([]byte("-NAK")) }

// queue is one of the two streams of submissions.
type queue struct {
	stream string
	alert  bool
	bell   chan struct{} // holds one ring
}

// ring notes that there may be a submission; more than one ring is one.
func (q queue) ring() {
	select {
	case q.bell <- struct{}{}:
	default:
	}
}

// visibleWithin is how long a submission that was announced may take to be there for its consumer.
const visibleWithin = 20 * time.Millisecond

// Submissions returns up to limit submissions (at most 1,000), alerts first but never alone while
// others wait, or waits for the first. It returns none when the wait is over. Half a minute after a
// submission was returned and not settled, it is returned again. One call at a time.
func (h *Hub) Submissions(ctx context.Context, limit int, wait time.Duration) ([]Submission, error) {
	limit = min(limit, maxSubmissions)
	over := time.NewTimer(wait)
	defer over.Stop()
	for {
		list, err := h.take(ctx, limit)
		if err != nil || len(list) > 0 {
			return list, err
		}
		select {
		case <-h.alerts.bell:
			list, err = h.takeFrom(ctx, h.alerts, 1, visibleWithin)
		case <-h.intake.bell:
			list, err = h.takeFrom(ctx, h.intake, 1, visibleWithin)
		case <-over.C:
			return nil, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if err != nil || len(list) > 0 {
			return list, err
		}
	}
}

// take empties the queues as far as limit goes. A quarter is kept for the plain queue, so that a
// flood of alerts cannot stop everything else.
func (h *Hub) take(ctx context.Context, limit int) ([]Submission, error) {
	alerts, err := h.takeFrom(ctx, h.alerts, limit-limit/4, 0)
	if err != nil {
		return alerts, err
	}
	plain, err := h.takeFrom(ctx, h.intake, limit-len(alerts), 0)
	return append(alerts, plain...), err
}

// takeFrom takes what is there, or with a wait the first to come.
func (h *Hub) takeFrom(ctx context.Context, q queue, limit int, wait time.Duration) ([]Submission, error) {
	if limit <= 0 {
		return nil, nil // the server would take 0 for 1
	}
	batch, err := pull(ctx, h.nc, "$JS.API.CONSUMER.MSG.NEXT."+q.stream+"."+brokers, limit, wait)
	if err != nil {
		err = fmt.Errorf("submissions of %s: %w", q.stream, err)
	}
	var list []Submission
	for _, m := range batch {
		account, bad := subject.ParseQueued(m.Subject)
		meta, worse := m.Metadata()
		if bad != nil || worse != nil {
			_ = m.Respond([]byte("+TERM")) // the server lets nothing of this form in
			continue
		}
		list = append(list, Submission{Account: account, Subject: claimed(m), Alert: q.alert, Data: m.Data, Received: meta.Timestamp, msg: m})
	}
	return list, err
}
