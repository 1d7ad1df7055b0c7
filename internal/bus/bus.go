// Package bus is the NATS client side of a hub (DESIGN §5): how an agency submits and receives, and
// how a broker takes submissions, commits to the ledger and moves the checkpoint. Nothing else in
// the module uses nats.go.
//
// What an answer means: of Publish, that the intake holds the message in memory and no more (the
// verdict with its proof is the acknowledgement); of Commit and SetHead, that all of it is on disk.
package bus

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"
	"github.com/rs/zerolog"

	"fairlead/internal/subject"
)

var (
	// ErrFenced says that somebody else wrote since the caller last read: reload and decide again.
	ErrFenced = errors.New("bus: fenced, another broker wrote first")
	// ErrUncertain says that it is unknown whether the write took place: reload and see.
	ErrUncertain = errors.New("bus: outcome unknown")
	// ErrBatchSize says that a batch is empty or over MaxBatch or MaxBatchBytes. Nothing was written.
	ErrBatchSize = errors.New("bus: batch too large or empty")
	// ErrGap says that the ledger lacks messages that were written. Stop, and restore from a backup.
	ErrGap = errors.New("bus: messages missing in the ledger")
	// ErrFull says that a stream or the disk has no room. Nothing was written.
	ErrFull = errors.New("bus: no room")
	// ErrStream says that a stream exists with settings that are not ours, or is not there when it must be.
	ErrStream = errors.New("bus: stream with other settings")
	// ErrLimit says that an agency has more connections open than the hub lets it have.
	ErrLimit = errors.New("bus: too many connections of this agency")
	// ErrAbsent says that the hub does not answer at all: not there, or not for this account.
	ErrAbsent = errors.New("bus: the hub does not answer")
	// ErrSubject says that a subject is not one the caller may use.
	ErrSubject = errors.New("bus: wrong subject")
	// ErrSequence says that a message was to be acknowledged that was not received.
	ErrSequence = errors.New("bus: not received yet")
	// ErrPin says that the pinned certificate cannot be read.
	ErrPin = errors.New("bus: bad certificate")
)

// answerWithin is how long one request may take when the caller's context says nothing.
const answerWithin = 10 * time.Second

// NewUser makes the key pair of an agency's user. The seed stays with the agency; the public half
// goes to the hub, which answers with a JWT.
func NewUser() (seed []byte, public string, err error) {
	pair, err := nkeys.CreateUser()
	if err != nil {
		return nil, "", err
	}
	if public, err = pair.PublicKey(); err != nil {
		return nil, "", err
	}
	seed, err = pair.Seed()
	return seed, public, err
}

// credentials are what the server's challenge is answered with.
type credentials struct {
	pair nkeys.KeyPair
	jwt  *atomic.Pointer[string]
}

func newCredentials(seed []byte, jwt string) (credentials, error) {
	pair, err := nkeys.FromSeed(seed)
	if err != nil {
		return credentials{}, fmt.Errorf("user seed: %w", err)
	}
	c := credentials{pair, new(atomic.Pointer[string])}
	c.jwt.Store(&jwt)
	return c, nil
}

func (c credentials) option() nats.Option {
	return nats.UserJWT(func() (string, error) { return *c.jwt.Load(), nil }, c.pair.Sign)
}

// options are common to both sides: come back for ever, and never hold back a message while away,
// for it might then be sent after its sender has given it up.
func options(log zerolog.Logger, c credentials) []nats.Option {
	return []nats.Option{
		c.option(),
		nats.MaxReconnects(-1), nats.ReconnectWait(500 * time.Millisecond), nats.ReconnectJitter(time.Second, time.Second),
		nats.IgnoreAuthErrorAbort(), nats.ReconnectBufSize(-1), nats.IgnoreDiscoveredServers(),
		nats.PingInterval(20 * time.Second), nats.MaxPingsOutstanding(2),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) { log.Warn().Err(err).Msg("disconnected from the hub") }),
		nats.ReconnectHandler(func(*nats.Conn) { log.Info().Msg("connected to the hub again") }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { log.Warn().Err(err).Msg("NATS") }),
	}
}

// connect honours the deadline of ctx for the first connection.
func connect(ctx context.Context, url string, opts []nats.Option) (*nats.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	within := answerWithin
	if deadline, ok := ctx.Deadline(); ok {
		within = min(within, time.Until(deadline))
	}
	return nats.Connect(url, append(opts, nats.Timeout(within))...)
}

// pin trusts one certificate and nothing else (TLS 1.3 only, RFC 8446), and shows an own one where there is one.
func pin(certPEM []byte, own *tls.Certificate) (nats.Option, error) {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(certPEM) {
		return nil, fmt.Errorf("%w: want one PEM certificate, as the hub's invitation has it", ErrPin)
	}
	return func(o *nats.Options) error {
		o.Secure, o.TLSHandshakeFirst = true, true
		o.TLSConfig = &tls.Config{RootCAs: roots, ServerName: subject.ServerName, MinVersion: tls.VersionTLS13}
		if own != nil {
			o.TLSConfig.Certificates = []tls.Certificate{*own}
		}
		return nil
	}, nil
}

// within gives ctx a deadline if it has none.
func within(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, answerWithin)
}

// Codes of the JetStream API (nats-server, errors.json).
const (
	codeResources   jetstream.ErrorCode = 10023 // server has no resources left
	codeMemory      jetstream.ErrorCode = 10028 // memory resources exceeded
	codeStorage     jetstream.ErrorCode = 10047 // storage resources exceeded
	codeLastSeq     jetstream.ErrorCode = 10071 // expected last sequence differs
	codeLastSeqAny  jetstream.ErrorCode = 10164 // the same, without the value
	codeStoreFailed jetstream.ErrorCode = 10077 // a limit of the stream
	codeBatchLarge  jetstream.ErrorCode = 10199 // more messages than a batch may have
)

// verdict turns an answer of the JetStream API into one of our errors. An API error is certain:
// nothing was written. Any other error leaves the outcome open.
func verdict(what string, err error) error {
	var api *jetstream.APIError
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &api):
		return fmt.Errorf("%w: %s: %w", ErrUncertain, what, err)
	}
	switch api.ErrorCode {
	case codeLastSeq, codeLastSeqAny:
		return fmt.Errorf("%w: %s: %w", ErrFenced, what, err)
	case codeBatchLarge:
		return fmt.Errorf("%w: %s: %w", ErrBatchSize, what, err)
	case codeResources, codeMemory, codeStorage, codeStoreFailed:
		return fmt.Errorf("%w: %s: %w", ErrFull, what, err)
	}
	return fmt.Errorf("%s: %w", what, err)
}
