package bus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"fairlead/internal/fairlead"
	"fairlead/internal/subject"
)

// DefaultIntakeBytes bounds each of INTAKE and ALERTS in memory when HubConfig says nothing.
const DefaultIntakeBytes = 512 << 20

const (
	// wake is below which INTAKE and ALERTS announce each submission, by its headers only.
	wake = "fl.wake"
	// brokers is the consumer of INTAKE and ALERTS that all brokers share.
	brokers = "broker"
	// redeliver is after how long a submission that a broker took and did not settle comes again.
	redeliver = 30 * time.Second
	// headKeeps is how many checkpoints HEAD remembers, for an operator who looks.
	headKeeps = 64
	// inboxOpen is how many messages an agency may have received and not acknowledged.
	inboxOpen = 4096
	// maxInboxes bounds the consumers of LEDGER; the server's own default is 1,000.
	maxInboxes = 100_000
	// noDedup is the shortest window the server takes. Message ids are not used: they would be one
	// name space for all senders, so that one could silence another.
	noDedup = 100 * time.Millisecond
)

// HubConfig is what a broker needs. The credentials come from the server, fresh for each Hub.
type HubConfig struct {
	// Server is one in the same program; nil for At.
	Server nats.InProcessConnProvider
	// At is a server that is a program of its own.
	At      Remote
	Seed    []byte
	UserJWT string
	// Lasting says that the streams on disk were made before: one that is not there is refused, not made.
	Lasting bool
	// IntakeBytes bounds each of INTAKE and ALERTS. One agency can fill at most half of it. 0 means
	// DefaultIntakeBytes.
	IntakeBytes int64
	// Log gets connection changes. The zero value is silent.
	Log zerolog.Logger
}

// Hub is a broker's connection to the HUB account. Several may run on one server; Commit and SetHead
// let one of them win.
type Hub struct {
	nc     *nats.Conn
	js     jetstream.JetStream
	ledger jetstream.Stream
	head   jetstream.Stream
	alerts queue
	intake queue
}

// OpenHub connects a broker and makes the streams that are missing. The server must have checked
// before that it serves every stream on disk (natsd.Start does): creating one that is there but
// unreadable would destroy it.
func OpenHub(ctx context.Context, cfg HubConfig) (*Hub, error) {
	who, err := newCredentials(cfg.Seed, cfg.UserJWT)
	if err != nil {
		return nil, err
	}
	opts := append(options(cfg.Log, who), nats.Name("broker"))
	if cfg.Server != nil {
		opts = append(opts, nats.InProcessServer(cfg.Server))
	} else {
		secure, err := pin(cfg.At.CertPEM, cfg.At.Own)
		if err != nil {
			return nil, err
		}
		opts = append(opts, secure)
	}
	nc, err := connect(ctx, cfg.At.URL, opts)
	if err != nil {
		return nil, fmt.Errorf("connect to the server: %w", err)
	}
	h := &Hub{
		nc:     nc,
		alerts: queue{stream: subject.StreamAlerts, alert: true, bell: make(chan struct{}, 1)},
		intake: queue{stream: subject.StreamIntake, bell: make(chan struct{}, 1)},
	}
	if err := h.open(ctx, cfg); err != nil {
		nc.Close()
		return nil, err
	}
	return h, nil
}

// Close ends the connection. Submissions not settled come to another broker after half a minute.
func (h *Hub) Close() { h.nc.Close() }

func (h *Hub) open(ctx context.Context, cfg HubConfig) error {
	var err error
	if h.js, err = jetstream.New(h.nc); err != nil {
		return err
	}
	// Listen before looking, so that no submission falls between.
	for _, q := range []queue{h.alerts, h.intake} {
		if _, err := h.nc.Subscribe(wake+"."+q.stream+".>", func(*nats.Msg) { q.ring() }); err != nil {
			return err
		}
	}
	size := cfg.IntakeBytes
	if size == 0 {
		size = DefaultIntakeBytes
	}
	for _, c := range []jetstream.StreamConfig{
		intakeConfig(subject.StreamIntake, subject.CaptureIntake, size),
		intakeConfig(subject.StreamAlerts, subject.CaptureAlerts, size),
	} {
		if err := h.ensureIntake(ctx, c); err != nil {
			return err
		}
	}
	if h.ledger, err = h.ensureStream(ctx, ledgerConfig(), cfg.Lasting); err != nil {
		return err
	}
	h.head, err = h.ensureStream(ctx, headConfig(), cfg.Lasting)
	return err
}

// intakeConfig describes a queue of submissions: what is settled is deleted, what does not fit is refused.
// The transform keeps only the sender in the subject, so the limit per subject is one per sender.
func intakeConfig(name, capture string, size int64) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name: name, Subjects: []string{capture}, Storage: jetstream.MemoryStorage,
		SubjectTransform: &jetstream.SubjectTransformConfig{Source: capture, Destination: subject.StoreQueued},
		Retention:        jetstream.WorkQueuePolicy, Discard: jetstream.DiscardNew,
		MaxBytes: size, MaxMsgSize: subject.MaxMessage,
		MaxMsgsPerSubject: max(size/2/subject.MaxMessage, 1), DiscardNewPerSubject: true,
		RePublish:  &jetstream.RePublish{Source: ">", Destination: wake + "." + name + ".>", HeadersOnly: true},
		Duplicates: noDedup,
	}
}

func ledgerConfig() jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name: subject.StreamLedger, Subjects: subject.CaptureLedger(), Storage: jetstream.FileStorage,
		Discard: jetstream.DiscardNew, DenyPurge: true, // a payload may be deleted by order, see Erase
		AllowAtomicPublish: true, AllowDirect: true, MaxConsumers: maxInboxes, Duplicates: noDedup,
	}
}

// headConfig has no direct reads: they may be answered by a replica that lags.
func headConfig() jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name: subject.StreamHead, Subjects: []string{subject.Head}, Storage: jetstream.FileStorage,
		MaxMsgsPerSubject: headKeeps, DenyDelete: true, DenyPurge: true, Duplicates: noDedup,
	}
}

// ensureIntake makes a queue and its consumer, or brings them up to date: nothing in them is to last.
func (h *Hub) ensureIntake(ctx context.Context, c jetstream.StreamConfig) error {
	stream, err := h.js.CreateOrUpdateStream(ctx, c)
	if err != nil {
		return fmt.Errorf("stream %s: %w", c.Name, err)
	}
	_, err = stream.CreateOrUpdateConsumer(ctx, jetstream.ConsumerConfig{
		Durable: brokers, AckPolicy: jetstream.AckExplicitPolicy, AckWait: redeliver, MaxAckPending: 10 * maxSubmissions,
	})
	if err != nil {
		return fmt.Errorf("consumer of %s: %w", c.Name, err)
	}
	return nil
}

// ensureStream makes a stream on disk if it is not there, and never changes one: an update of its
// limits could delete messages.
func (h *Hub) ensureStream(ctx context.Context, c jetstream.StreamConfig, lasting bool) (jetstream.Stream, error) {
	if lasting {
		if _, err := h.js.Stream(ctx, c.Name); err != nil {
			return nil, fmt.Errorf("%w: %s of this hub is not there: its disk or its key is another. Nothing was signed; put server and key back from one backup: %w", ErrStream, c.Name, err)
		}
	}
	stream, err := h.js.CreateStream(ctx, c)
	if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
		return nil, fmt.Errorf("%w: %s was made by another release; its release notes say how to move it", ErrStream, c.Name)
	}
	if err != nil {
		return nil, fmt.Errorf("stream %s: %w", c.Name, err)
	}
	return stream, nil
}

// AddInbox makes the inbox of an agency, or leaves the one it has: everything on subject.Inbox, from
// the beginning of the ledger.
func (h *Hub) AddInbox(ctx context.Context, j fairlead.Jurisdiction, a fairlead.Account) error {
	filter, err := subject.Inbox(j, a)
	if err != nil {
		return err
	}
	_, err = h.ledger.CreateOrUpdateConsumer(ctx, jetstream.ConsumerConfig{
		Durable: string(a), FilterSubjects: filter,
		// One acknowledgement covers all before it, as the agency reads in order. It reads again
		// from the last one by moving the inbox back, so the server's own clock must not.
		AckPolicy: jetstream.AckAllPolicy, AckWait: 24 * time.Hour, MaxAckPending: inboxOpen,
		MaxWaiting: 64, MaxRequestMaxBytes: maxPullBytes, MaxRequestExpires: MaxWait,
	})
	if err != nil {
		return fmt.Errorf("inbox of account %s: %w", a, err)
	}
	return nil
}

// Cosignatures calls f with what agencies say they have cosigned, and with the account that said so, which is
// certain. f must be quick: while it runs, nothing else is read.
func (h *Hub) Cosignatures(f func(from fairlead.Account, signed []byte)) error {
	_, err := h.nc.Subscribe(subject.CaptureCosign, func(m *nats.Msg) {
		if from, err := subject.ParseCosign(m.Subject); err == nil {
			f(from, m.Data)
		}
	})
	return err
}

// RemoveInbox deletes the inbox of an agency, if it has one; the ledger keeps its messages.
func (h *Hub) RemoveInbox(ctx context.Context, a fairlead.Account) error {
	if err := subject.CheckAccount(a); err != nil {
		return err
	}
	err := h.ledger.DeleteConsumer(ctx, string(a))
	if err != nil && !errors.Is(err, jetstream.ErrConsumerNotFound) {
		return fmt.Errorf("inbox of account %s: %w", a, err)
	}
	return nil
}
