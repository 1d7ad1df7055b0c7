package bus

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"fairlead/internal/fairlead"
	"fairlead/internal/subject"
)

// MaxWait is the longest that Receive waits at a time.
const MaxWait = 30 * time.Second

// InProcess is a server in the same program.
type InProcess = nats.InProcessConnProvider

// AgencyConfig is what an agency's program needs to reach its hub. Either URL and CertPEM, or
// InProcess must be set.
type AgencyConfig struct {
	// URL is "tls://host:port", from the hub's invitation.
	URL string
	// CertPEM is the hub's certificate, from the invitation; no other is accepted.
	CertPEM []byte
	// Own is the certificate to show to a hub that asks for one (mutual TLS); nil: none.
	Own *tls.Certificate
	// InProcess is a server in the same program, instead of URL.
	InProcess InProcess
	// Seed is the user's nkey seed (NewUser); it never leaves the agency.
	Seed []byte
	// UserJWT is the hub's permit for that user.
	UserJWT string
	// Account is the agency's NATS account.
	Account fairlead.Account
	// Log gets connection changes. The zero value is silent.
	Log zerolog.Logger
}

// Message is one message of an agency's inbox.
type Message struct {
	Subject  string
	Sequence uint64 // in the ledger; grows from message to message, not by one
	Data     []byte
}

// Agency is one agency's connection. Publish and Ack may be called from several goroutines; one
// program at a time may Receive.
type Agency struct {
	nc      *nats.Conn
	account fairlead.Account
	who     credentials
	next    string // subject that asks for messages
	rewind  string // subject that moves the inbox back

	receiving sync.Mutex // one Receive or Rewind at a time; guards the next two
	inStep    bool       // the server's count and ours agree
	count     uint64     // of the last message in the server's present count

	mu       sync.Mutex  // guards the next three
	returned uint64      // highest sequence that Receive has returned
	acked    uint64      // all up to this sequence are stored at the agency
	open     []delivered // of the server's present count, not yet acknowledged there
}

// delivered is a message that the server waits for an acknowledgement of.
type delivered struct {
	sequence uint64
	reply    string
}

// Dial connects an agency. The connection then comes back by itself for ever; calls fail meanwhile.
func Dial(ctx context.Context, cfg AgencyConfig) (*Agency, error) {
	if err := subject.CheckAccount(cfg.Account); err != nil {
		return nil, err
	}
	who, err := newCredentials(cfg.Seed, cfg.UserJWT)
	if err != nil {
		return nil, err
	}
	public, err := who.pair.PublicKey()
	if err != nil {
		return nil, err
	}
	opts := append(options(cfg.Log, who), nats.Name("agency"), nats.CustomInboxPrefix(subject.ReplyPrefix(public)))
	if cfg.InProcess != nil {
		opts = append(opts, nats.InProcessServer(cfg.InProcess))
	} else {
		secure, err := pin(cfg.CertPEM, cfg.Own)
		if err != nil {
			return nil, err
		}
		opts = append(opts, secure)
	}
	nc, err := connect(ctx, cfg.URL, opts)
	if errors.Is(err, nats.ErrMaxAccountConnectionsExceeded) {
		return nil, fmt.Errorf("%w: stop another program of this agency, and see who else has its credentials: %w", ErrLimit, err)
	}
	if err != nil {
		return nil, fmt.Errorf("connect to the hub at %s: %w", cfg.URL, err)
	}
	consumer := subject.StreamLedger + "." + string(cfg.Account)
	return &Agency{
		nc: nc, account: cfg.Account, who: who,
		next:   subject.APIPrefix + ".CONSUMER.MSG.NEXT." + consumer,
		rewind: subject.APIPrefix + ".CONSUMER.RESET." + consumer,
	}, nil
}

// Close ends the connection. What was not acknowledged comes again after the next Dial.
func (a *Agency) Close() { a.nc.Close() }

// Publish hands a submission to the intake, on a subject of subject.In or subject.Alert with the
// agency's own account. Success says only that the intake holds it. ErrFull says that the intake
// holds as much of this agency as it may: try again later. After any other error the message may
// or may not be there; sending it again is safe, for the hub knows a share by its id.
func (a *Agency) Publish(ctx context.Context, on string, data []byte) error {
	s, err := subject.Parse(on)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSubject, err)
	}
	if s.Class != subject.ClassIn && s.Class != subject.ClassAlert || s.Account != a.account {
		return fmt.Errorf("%w: %s is not for submissions of account %s", ErrSubject, on, a.account)
	}
	if len(data) > subject.MaxMessage {
		return fmt.Errorf("%w: a message of %d bytes, the intake takes %d", ErrFull, len(data), subject.MaxMessage)
	}
	ctx, cancel := within(ctx)
	defer cancel()
	answer, err := a.nc.RequestMsgWithContext(ctx, &nats.Msg{Subject: on, Data: data, Header: nats.Header{publishedOn: {on}}})
	if err != nil {
		return fmt.Errorf("submit: %w", absent(err))
	}
	var ack struct {
		Stream string              `json:"stream"`
		Error  *jetstream.APIError `json:"error"`
	}
	if err := json.Unmarshal(answer.Data, &ack); err != nil || ack.Error == nil && ack.Stream == "" {
		return fmt.Errorf("submit: %w: the answer is no acknowledgement", ErrUncertain)
	}
	if ack.Error != nil {
		return verdict("submit", ack.Error)
	}
	return nil
}

// Cosign hands the hub a note with this agency's cosignature of a checkpoint. Nothing answers: where it is lost, that
// of a later checkpoint stands for it.
func (a *Agency) Cosign(signed []byte) error { return a.nc.Publish(subject.Cosign(a.account), signed) }

// Receive returns the next messages of the inbox, in the order of the ledger, each once in the life
// of this Agency. It takes up to limit of what is there, or waits for one message (at most MaxWait)
// and returns none if none comes. Whatever goes wrong on the way (a lost connection, a request of
// a program that died), it goes back to the last acknowledgement and so keeps the order. After an
// error, wait a little and call again.
func (a *Agency) Receive(ctx context.Context, limit int, wait time.Duration) ([]Message, error) {
	a.receiving.Lock()
	defer a.receiving.Unlock()
	until := time.Now().Add(min(wait, MaxWait))
	for {
		if err := a.getInStep(ctx); err != nil {
			return nil, err
		}
		batch, err := pull(ctx, a.nc, a.next, limit, 0)
		if left := time.Until(until); err == nil && len(batch) == 0 && left > 0 {
			batch, err = pull(ctx, a.nc, a.next, limit, left)
		}
		if err != nil {
			a.inStep = false // answers may be under way to nowhere
		}
		list := a.accept(batch)
		if len(list) > 0 {
			return list, nil // an error, if it lasts, comes back with the next call
		}
		if err != nil {
			return nil, fmt.Errorf("receive: %w", absent(err))
		}
		if err := a.settle(ctx); err != nil {
			return nil, err
		}
		if !time.Now().Before(until) {
			return nil, ctx.Err()
		}
	}
}

// Ack says that everything up to and including a sequence is stored at the agency. It is cumulative
// and may be repeated. The server keeps it after a short while (100 ms), so that messages
// acknowledged just before a crash may come again; they keep their sequence.
func (a *Agency) Ack(ctx context.Context, upTo uint64) error {
	a.mu.Lock()
	received := upTo <= a.returned
	if received {
		a.acked = max(a.acked, upTo)
	}
	a.mu.Unlock()
	if !received {
		return fmt.Errorf("acknowledge %d: %w", upTo, ErrSequence)
	}
	return a.settle(ctx)
}

// Rewind makes Receive go on with the first message after a sequence, whatever was acknowledged:
// for an agency that was restored from a backup. 0 is the beginning.
func (a *Agency) Rewind(ctx context.Context, after uint64) error {
	a.receiving.Lock()
	defer a.receiving.Unlock()
	if err := a.reset(ctx, after+1); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.returned, a.acked = after, after
	return nil
}

// getInStep moves the inbox back to its last acknowledgement unless the counts agree.
func (a *Agency) getInStep(ctx context.Context) error {
	if a.inStep {
		return nil
	}
	return a.reset(ctx, 0)
}

// reset moves the inbox to a sequence, or with 0 to just after the last acknowledgement. The
// server then counts its messages from one again.
func (a *Agency) reset(ctx context.Context, sequence uint64) error {
	a.inStep = false
	body, err := json.Marshal(struct {
		Seq uint64 `json:"seq,omitempty"`
	}{sequence})
	if err != nil {
		return err
	}
	answer, err := a.ask(ctx, a.rewind, body)
	if err != nil {
		return fmt.Errorf("open inbox: %w", absent(err))
	}
	var ack struct {
		Error *jetstream.APIError `json:"error"`
	}
	if err := json.Unmarshal(answer.Data, &ack); err != nil {
		return fmt.Errorf("open inbox: %w", err)
	}
	if ack.Error != nil {
		return fmt.Errorf("open inbox: %w", ack.Error)
	}
	a.inStep, a.count = true, 0
	a.mu.Lock()
	defer a.mu.Unlock()
	a.open = nil
	return nil
}

// ask asks what may be asked twice, until ctx ends or somebody answers: an answer that is lost is not waited for for ever.
func (a *Agency) ask(ctx context.Context, on string, body []byte) (*nats.Msg, error) {
	ctx, cancel := within(ctx)
	defer cancel()
	for {
		once, done := context.WithTimeout(ctx, answerWithin)
		answer, err := a.nc.RequestWithContext(once, on, body)
		done()
		if !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
			return answer, err
		}
	}
}

// accept takes messages as long as the server's count has no gap, and keeps back those that Receive
// has returned before.
func (a *Agency) accept(batch []*nats.Msg) []Message {
	a.mu.Lock()
	defer a.mu.Unlock()
	var list []Message
	for _, m := range batch {
		meta, err := m.Metadata()
		if err != nil || meta.Sequence.Consumer != a.count+1 {
			a.inStep = false
			break
		}
		a.count++
		sequence := meta.Sequence.Stream
		a.open = append(a.open, delivered{sequence, m.Reply})
		if sequence > a.returned {
			a.returned = sequence
			list = append(list, Message{Subject: m.Subject, Sequence: sequence, Data: m.Data})
		}
	}
	return list
}

// settle tells the server of the highest acknowledged message that it counts as open.
func (a *Agency) settle(ctx context.Context) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	done, _ := slices.BinarySearchFunc(a.open, a.acked+1, func(d delivered, sequence uint64) int {
		return cmp.Compare(d.sequence, sequence)
	})
	if done == 0 {
		return nil
	}
	ctx, cancel := within(ctx)
	defer cancel()
	if _, err := a.nc.RequestWithContext(ctx, a.open[done-1].reply, []byte("+ACK")); err != nil {
		return fmt.Errorf("acknowledge: %w", absent(err))
	}
	a.open = slices.Clone(a.open[done:])
	return nil
}
