// Package broker is the enforcement point (XACML PEP): it takes submissions from the intake, decides
// them in order on the fold of the log, commits entries, deliveries and verdicts in one atomic batch,
// extends the tree and hands out proofs. It holds no key that opens a section. Read Broker.round: it
// is the road of a share from step 4 to step 7 (DESIGN §5), and erases in step 8 what was ordered deleted.
package broker

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"fairlead/internal/bus"
	"fairlead/internal/entry"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/policy"
	"fairlead/internal/registry"
	"fairlead/internal/tlog"
)

// ErrDiverged says that the ledger, the tiles and the committed checkpoint do not agree. Nothing may be
// signed any more; the operator compares with a witness and restores (deploy/README.md).
var ErrDiverged = errors.New("broker: ledger, tiles and committed checkpoint diverge")

// ErrStoreOld says that HEAD or LEDGER holds less than was published or committed before: an older store was put
// in the place of a newer one.
var ErrStoreOld = errors.New("broker: the store is older than its log")

// Config is what a broker needs.
type Config struct {
	Hub      *bus.Hub
	Dir      string // the log's tiles under Dir/log, its details under Dir/details
	Signer   *tlog.Signer
	Verifier *tlog.Verifier
	Now      func() time.Time
	Log      zerolog.Logger
	// Step, if set, is called after each numbered step of a round that has submissions or deletes payloads, and of keeping
	// the state: crash tests stop there.
	Step func(step int)
	// Keep is after how many entries the state is kept again; 0: 5,000. See StateFile.
	Keep int64
}

// How much one round takes: at most 200 shares make 5 messages each, the limit of an atomic batch.
const (
	maxShares = 150
	maxBytes  = 24 << 20
	idle      = 20 * time.Millisecond
)

// Broker decides. Run is its only loop; Enrol, SetRules, Agency, Agencies and Status may be called from
// elsewhere.
type Broker struct {
	cfg      Config
	snap     *registry.Snapshot
	shown    atomic.Pointer[registry.Snapshot] // of the last committed batch, for readers outside the loop
	tree     *tlog.Writer
	details  *tlog.Details
	seq      uint64 // last sequence of LEDGER that is folded
	inLedger int64  // entries that LEDGER holds
	head     headState
	proofs   []owed // proofs of committed entries not yet handed out
	acts     chan *act
	unread   map[fairlead.Account]unread
	held     map[fairlead.ShareID]uint64 // sequence in LEDGER of the payload that waits
	later    []bus.OutMsg                // receipts that did not fit; they only inform, and a crash may lose them
	cosigned chan []byte                 // a cosigned checkpoint to announce; it only informs as well
	payloads map[int64]payload           // where the ledger has what was delivered and not yet stored, by entry
	buriedAt marks                       // sequences in LEDGER that were ordered deleted
	foretold marks                       // those that an order further on explains, while LEDGER is read
	retained retention
	emptying emptying
	erasing  []uint64                       // those of them still to be deleted
	missing  map[uint64]bool                // sequences that LEDGER lacks and no tombstone read so far explains
	lost     map[uint64]*envelope.Tombstone // what an order to erase deleted of LEDGER, by sequence
	wipes    []int64                        // entries whose details are ordered erased and still to be overwritten
	last     bus.OutMsg                     // of LEDGER, at seq
	steady   bool                           // all of this is as it is after a round, and may be kept
	kept     int64                          // size of the state that was kept last, or had to go
	dropped  bool                           // it had to go
	keeper   chan struct{}                  // holds one who keeps or forgets the state
	program  fairlead.Digest                // that this is

	mu     sync.Mutex
	status Status
}

// headState is the committed checkpoint and the last one handed out.
type headState struct {
	revision uint64
	tree     tlog.Tree // committed to HEAD
	told     tlog.Tree // last announced on fl.reg.all
	text     []byte    // committed checkpoint
}

// owed is a proof that somebody waits for.
type owed struct {
	subject string
	index   int64
}

// unread counts submissions of one account within a minute that could not be parsed, or whose sender was
// not established.
type unread struct {
	minute   time.Time
	seen     bool // one that could not be parsed made an entry at once
	unproved int  // of a sender not established; the first maxUnproved made an entry each
	more     int  // beyond those
	cause    policy.Cause
	digest   fairlead.Digest
}

// Status is what operators watch. It names no case and no child.
type Status struct {
	Entries   int64
	Agencies  int
	Decisions map[fairlead.Result]int64 // since start
	Unread    int64                     // since start
	Owed      int                       // proofs not yet handed out
	Splits    int64                     // since start: shares whose sender says it was shown another log
	Alarms    int64                     // since start: what agencies' programs reported that an honest hub does not do
	Resumed   int64                     // entries that the start did not fold: their state was kept
}

// Open recovers: the committed checkpoint, the tiles under it, the entries after it in LEDGER. It runs
// the same code as a normal day. Own folder, HEAD and LEDGER are compared before anything is signed; where they
// disagree, the error says what to do. (The hub has asked its witnesses before.)
func Open(ctx context.Context, cfg Config) (*Broker, error) {
	b := &Broker{cfg: cfg, acts: make(chan *act, 64), cosigned: make(chan []byte, 1), keeper: make(chan struct{}, 1)}
	b.unread, b.lost = map[fairlead.Account]unread{}, map[uint64]*envelope.Tombstone{}
	b.begin()
	var err error
	if b.program, err = programDigest(); err != nil {
		cfg.Log.Warn().Err(err).Msg("the program cannot be read; what is folded is not kept")
	}
	b.status.Decisions = map[fairlead.Result]int64{}
	if err := b.readHead(ctx); err != nil {
		return nil, advise("read the committed checkpoint", err, keepTheDisk)
	}
	if err := b.openLog(ctx); err != nil {
		return nil, advise("open the log", err, b.makeAnew())
	}
	if err := b.catchUp(ctx); err != nil {
		return nil, advise("catch up with the ledger", err, keepTheDisk)
	}
	return b, nil
}

// Agency finds an enrolled agency, or nil.
func (b *Broker) Agency(id fairlead.AgencyID) *registry.Agency { return b.shown.Load().Agency(id) }

// ByAccount finds the agency that owns a NATS account, or nil.
func (b *Broker) ByAccount(a fairlead.Account) *registry.Agency { return b.shown.Load().ByAccount(a) }

// Agencies lists the enrolled agencies by id.
func (b *Broker) Agencies() []*registry.Agency { return b.shown.Load().Agencies() }

// Due reports whether a notice is owed at an instant: a round writes it although nothing arrives.
func (b *Broker) Due(at time.Time) bool {
	snap := b.shown.Load()
	return len(snap.Unannounced(at)) > 0 || len(snap.Owing()) > 0
}

// Close keeps the state and closes the log's files. Run must have ended.
func (b *Broker) Close() error {
	b.rest()
	return b.details.Close()
}

// Run decides until ctx ends. An error is final: the log must not be extended by this broker. Where the
// server only cannot be reached, it tries again.
func (b *Broker) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	arriving := make(chan *arrival, maxShares)
	var ahead sync.WaitGroup
	ahead.Go(func() { b.readAhead(ctx, arriving) })
	defer ahead.Wait()
	defer cancel()
	for ctx.Err() == nil {
		wait := 50 * time.Millisecond // notices fall due and operators act while nothing arrives
		if len(b.proofs) > 0 || len(b.later) > 0 {
			wait = idle
		}
		arrived := next(ctx, arriving, wait)
		var err error
		if len(arrived) == 0 {
			err = b.follow(ctx)
		}
		if err == nil {
			err = b.round(ctx, arrived)
			b.erase(ctx) // what could not be erased before
		}
		if err == nil {
			b.remember(len(arrived) == 0)
		}
		for errors.Is(err, errUnreachable) && ctx.Err() == nil {
			b.cfg.Log.Error().Err(err).Msg("the server does not take or give what the broker needs; trying again")
			pause(ctx)
			err = b.catchUp(ctx)
		}
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
	}
	return nil
}

// errUnreachable: the server did not answer, or its disk is full. Nothing is decided meanwhile, and
// nothing is lost: submissions come again, and what was committed is found by catching up.
var errUnreachable = errors.New("broker: ledger or head not reachable")

// pause waits a moment before the server is asked again.
func pause(ctx context.Context) {
	select {
	case <-time.After(time.Second):
	case <-ctx.Done():
	}
}

// follow adopts what another broker has written while this one has nothing to decide, so that its
// readers do not see an old log.
func (b *Broker) follow(ctx context.Context) error {
	last, err := b.cfg.Hub.LastSeq(ctx)
	if err != nil || last <= b.seq {
		return nil //nolint:nilerr // asked again in a moment
	}
	return b.catchUp(ctx)
}

// round is steps 4 to 8 for what has arrived. Submissions beyond one batch wait for the next turn of
// the loop inside.
func (b *Broker) round(ctx context.Context, arrived []*arrival) error {
	acts := b.takeActs()
	for first := true; first || len(arrived) > 0 || len(acts) > 0; first = false {
		now := b.now()

		// 4 What arrived was parsed and verified on all cores, while the round before was committed (see
		// readAhead). A crash here leaves the submissions in the intake or, as that is in memory, in their
		// senders' outboxes: they come again.
		b.step(4, arrived, nil)

		// 5 Decide, one after the other, each on the fold of all entries before it. Nothing is written: a
		// crash here is as one before step 4.
		batch, taken := b.decide(ctx, arrived, acts, now)
		b.step(5, arrived, batch.gone)
		if len(batch.messages) == 0 {
			b.unread, b.retained = batch.unread, batch.retained
			settle(arrived[:taken])
			arrived = arrived[taken:]
			answer(acts, nil)
			acts = nil
			continue
		}

		// 6 Commit entries, deliveries, verdicts and the proofs of the batch before in ONE atomic, fenced
		// batch with one fsync. A crash before it leaves nothing; after it, everything is in LEDGER, and
		// recovery adopts it by the code of step 7. The senders' copies are then known by their ids.
		b.steady = false
		seq, err := b.cfg.Hub.Commit(ctx, b.seq, batch.messages)
		if errors.Is(err, bus.ErrFenced) || errors.Is(err, bus.ErrUncertain) {
			// Another broker wrote first, or no answer came: fold what is there and decide again.
			if err := b.catchUp(ctx); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			answer(acts, err)
			return fmt.Errorf("%w: commit: %w", errUnreachable, err)
		}
		b.step(6, arrived, batch.gone)

		// 7 Extend the tree, sign the checkpoint, commit it to HEAD by compare-and-swap. A crash here
		// leaves entries without a checkpoint; recovery signs one. Proofs go out with the next batch.
		if err := b.adopt(ctx, batch, seq); err != nil {
			return err
		}
		b.steady = true
		b.step(7, arrived, batch.gone)
		settle(arrived[:taken])
		answer(acts, nil)
		acts = nil

		// 8 Erase the payloads that an entry of this batch ordered deleted. A crash before it leaves them,
		// with their tombstones: recovery finds these and erases. Nothing is ever erased on another's word.
		b.erase(ctx)
		b.step(8, arrived, batch.gone)
		arrived = arrived[taken:]
	}
	return nil
}

// step tells a test how far a round with submissions, or with payloads to delete, has come.
func (b *Broker) step(n int, arrived []*arrival, gone []uint64) {
	if len(arrived)+len(gone) > 0 {
		b.stepped(n)
	}
}

func (b *Broker) stepped(n int) {
	if b.cfg.Step != nil {
		b.cfg.Step(n)
	}
}

// now is the hub's clock, never earlier than the last entry.
func (b *Broker) now() time.Time {
	now := b.cfg.Now().UTC().Truncate(time.Millisecond)
	if now.Before(b.snap.Last()) {
		return b.snap.Last()
	}
	return now
}

// settle removes decided submissions from the intake.
func settle(decided []*arrival) {
	for _, a := range decided {
		_ = a.sub.Ack() // a lost word only brings the submission again, known by its id
	}
}

// Status reports counts.
func (b *Broker) Status() Status {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.status
	s.Decisions = map[fairlead.Result]int64{}
	for k, v := range b.status.Decisions {
		s.Decisions[k] = v
	}
	return s
}

// count notes what operators watch, and the decisions of entries that this broker has made.
func (b *Broker) count(entries []line) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.status.Entries, b.status.Agencies, b.status.Owed = b.snap.Size(), len(b.snap.Agencies()), len(b.proofs)
	for _, e := range entries {
		switch {
		case e.detail.Share != nil:
			b.status.Decisions[e.detail.Share.Decision.Result]++
		case e.detail.Unparsed != nil:
			b.status.Unread += int64(e.detail.Unparsed.Count)
		}
	}
}

// line is one entry of a batch.
type line struct {
	index  int64
	leaf   entry.Leaf
	bytes  []byte // of the leaf
	detail *entry.Detail
	raw    []byte // of the detail
}

// batch is what one round commits.
type batch struct {
	snap     *registry.Snapshot // after all entries
	entries  []line
	messages []bus.OutMsg
	size     int // bytes of messages
	owed     []owed
	proofs   int // of b.proofs that this batch hands out
	unread   map[fairlead.Account]unread
	retained retention
	later    []bus.OutMsg             // for the batches after this one
	held     map[fairlead.ShareID]int // place among messages of payloads that wait
	payloads map[int64]int            // and of those delivered, by entry
	tombs    []envelope.Tombstone     // of payloads that it orders deleted
	gone     []uint64                 // sequences of those that its order deletes after they were stored
	told     tlog.Tree                // the tree those proofs are under
}

func (b *batch) add(subject string, data []byte) {
	b.messages = append(b.messages, bus.OutMsg{Subject: subject, Data: data})
	b.size += len(data)
}

// full reports whether another share might not fit. One makes at most 3 messages and those that others
// need: 64 when an agreement with as many parties is signed, and maxReceipts.
func (b *batch) full() bool { return len(b.messages) > bus.MaxBatch-400 || b.size > maxBytes }
