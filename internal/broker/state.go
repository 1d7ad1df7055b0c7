package broker

import (
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"fairlead/internal/bus"
	"fairlead/internal/dump"
	"fairlead/internal/entry"
	"fairlead/internal/fairlead"
	"fairlead/internal/policy"
	"fairlead/internal/registry"
	"fairlead/internal/tlog"
)

// StateFile is where a broker keeps what it has folded, below its folder. It is a cache: a start without it folds the
// whole log and comes to the same state, and so does a start with one that does not fit.
const StateFile = "state"

const (
	stateFormat  = 1
	statePurpose = "broker state"
	stateEvery   = 5000 // entries; of a large log a 32nd, so that an entry never costs more for it
)

// errState says why a kept state is not used.
var errState = errors.New("broker: the kept state does not fit")

// bound is what a kept state must fit.
type bound struct {
	Format   int             `json:"format"`
	Engine   int             `json:"engine"`
	Program  fairlead.Digest `json:"program"` // SHA-256 of the program: another release may fold otherwise
	Origin   string          `json:"origin"`
	Size     int64           `json:"size"`
	Root     fairlead.Digest `json:"root"`
	Sequence uint64          `json:"sequence"` // of LEDGER, the last that is in it
	Message  fairlead.Digest `json:"message"`  // that stands there
}

// state is what a broker knows after a round, and would know again after reading log and LEDGER up to there.
type state struct {
	bound
	last     bus.OutMsg // that Message names
	snap     *registry.Snapshot
	told     tlog.Tree
	proofs   []owed
	held     map[fairlead.ShareID]uint64
	payloads map[int64]payload
	buriedAt marks
	erasing  []uint64
}

// marks are sequences of LEDGER, a bit each: in years most of them are of what was deleted.
type marks []uint64

func (m marks) has(i uint64) bool { return i/64 < uint64(len(m)) && m[i/64]>>(i%64)&1 == 1 }

func (m *marks) set(i uint64) {
	if missing := int(i/64) + 1 - len(*m); missing > 0 {
		*m = append(*m, make([]uint64, missing)...)
	}
	(*m)[i/64] |= 1 << (i % 64)
}

// code describes a state but for the register.
func (s *state) code(c *dump.Coder) {
	dump.Int(c, &s.told.N)
	c.Fixed(s.told.Hash[:])
	dump.List(c, &s.proofs, func(o *owed) {
		dump.Word(c, &o.subject)
		dump.Int(c, &o.index)
	})
	dump.Map(c, &s.held, func(a, b fairlead.ShareID) int { return bytes.Compare(a[:], b[:]) }, func(id *fairlead.ShareID, sequence *uint64) {
		c.Fixed(id[:])
		dump.Int(c, sequence)
	})
	dump.Map(c, &s.payloads, cmp.Compare, func(index *int64, p *payload) {
		dump.Int(c, index)
		dump.Int(c, &p.sequence)
		dump.Word(c, &p.to)
		dump.Int(c, &p.counter)
	})
	dump.List(c, (*[]uint64)(&s.buriedAt), func(word *uint64) { dump.Int(c, word) })
	dump.List(c, &s.erasing, func(sequence *uint64) { dump.Int(c, sequence) })
}

// dump writes all of it.
func (s *state) dump(w io.Writer) error {
	c := dump.NewWriter(w)
	c.JSON(&s.bound)
	s.snap.Dump(c)
	s.code(c)
	return c.End()
}

// Known names all that this broker knows, while it does not run: two that know the same name it alike.
func (b *Broker) Known() (d fairlead.Digest, err error) {
	s := b.state()
	if s == nil {
		return d, fmt.Errorf("%w: it is not of one piece", errState)
	}
	h := sha256.New()
	err = s.dump(h)
	return fairlead.Digest(h.Sum(nil)), err
}

// state is a copy of what this broker knows; nil while that is not of one piece, or stands on what cannot be read.
func (b *Broker) state() *state {
	if !b.steady || b.snap.Size() == 0 || b.last.Subject == "" || len(b.snap.Unread()) > 0 || b.program == (fairlead.Digest{}) {
		return nil
	}
	b.forgetHeld()
	s := &state{bound: b.bound(), snap: b.snap, told: b.head.told, proofs: slices.Clone(b.proofs), held: maps.Clone(b.held)}
	s.payloads, s.buriedAt, s.erasing = maps.Clone(b.payloads), slices.Clone(b.buriedAt), slices.Clone(b.erasing)
	return s
}

// bound is what a state of now is bound to.
func (b *Broker) bound() bound {
	return bound{
		Format: stateFormat, Engine: policy.Engine, Program: b.program, Origin: b.cfg.Signer.Origin(), Size: b.head.tree.N,
		Root: fairlead.Digest(b.head.tree.Hash), Sequence: b.seq, Message: messageDigest(b.last.Subject, b.last.Data),
	}
}

func messageDigest(on string, data []byte) fairlead.Digest {
	return sha256.Sum256(append([]byte(on+"\n"), data...))
}

// programDigest names the program that runs.
var programDigest = sync.OnceValues(func() (d fairlead.Digest, err error) {
	path, err := os.Executable()
	if err != nil {
		return d, err
	}
	f, err := os.Open(path)
	if err != nil {
		return d, err
	}
	defer f.Close()
	h := sha256.New()
	_, err = io.Copy(h, f)
	return fairlead.Digest(h.Sum(nil)), err
})

// remember keeps the state now and then, beside the rounds; and again in a quiet moment, when an order to erase has
// made it go and no more follow.
func (b *Broker) remember(quiet bool) {
	due := b.snap.Size()-b.kept >= max(cmp.Or(b.cfg.Keep, stateEvery), b.snap.Size()/32)
	again := b.dropped && quiet && b.retained.done.Equal(b.now().Truncate(24*time.Hour))
	if !due && !again {
		return
	}
	select {
	case b.keeper <- struct{}{}:
	default: // the last one is still being written
		return
	}
	s := b.state()
	if s == nil {
		<-b.keeper
		return
	}
	b.kept, b.dropped = s.Size, false
	go func() {
		defer func() { <-b.keeper }()
		b.keep(s)
	}()
}

// rest keeps what this broker knows at its end, if there is more of it than was kept.
func (b *Broker) rest() {
	b.keeper <- struct{}{}
	defer func() { <-b.keeper }()
	if s := b.state(); s != nil && (s.Size > b.kept || b.dropped) {
		b.kept, b.dropped = s.Size, false
		b.keep(s)
	}
}

// keep writes a state. Where it cannot, a start folds more.
func (b *Broker) keep(s *state) {
	if err := b.write(s); err != nil {
		b.cfg.Log.Warn().Err(err).Msg("what is folded could not be kept; the next start takes longer")
	}
}

// write writes a state beside its place (step 9 of a broker's work), and puts it there when it is durable (step 10). A
// crash leaves the one before, or this one whole.
func (b *Broker) write(s *state) error {
	mac, err := b.cfg.Signer.MAC(statePurpose)
	if err != nil {
		return err
	}
	temp := b.stateFile() + ".tmp"
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	err = s.dump(io.MultiWriter(f, mac))
	if err == nil {
		_, err = f.Write(mac.Sum(nil))
	}
	if err == nil {
		err = f.Sync()
	}
	b.stepped(9)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(temp, b.stateFile())
	}
	if err != nil {
		return errors.Join(err, os.Remove(temp)) // it may be what fills the disk
	}
	b.stepped(10)
	return tlog.SyncDir(b.cfg.Dir)
}

// forget deletes the kept state before details go that it was made from.
func (b *Broker) forget() error {
	b.keeper <- struct{}{} // none is being written
	defer func() { <-b.keeper }()
	b.kept, b.dropped = b.snap.Size(), true
	for _, name := range []string{b.stateFile(), b.stateFile() + ".tmp"} {
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return tlog.SyncDir(b.cfg.Dir)
}

func (b *Broker) stateFile() string { return filepath.Join(b.cfg.Dir, StateFile) }

// resume begins with the kept state, if there is one and it fits: it was made by this program and this hub, for this
// log and this LEDGER, and every leaf and detail that it stands for is still there and whole. Otherwise the whole log
// is folded, so that a start with it and one without never differ.
func (b *Broker) resume(ctx context.Context, reader *tlog.Reader) error {
	s, err := b.readState(ctx, reader)
	if err == nil {
		err = b.takeOver(ctx, s)
	}
	if err == nil {
		err = b.walk(ctx, reader, 0, s.Size, check, func(f folding) error {
			if f.err == nil && entry.Erased(f.raw) != s.snap.Ordered(f.index) {
				return fmt.Errorf("%w: the detail of entry %d is blank and was not ordered erased, or was and is there", errState, f.index)
			}
			return f.err
		})
	}
	if err == nil {
		b.status.Resumed = s.Size
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	b.begin()
	if !errors.Is(err, fs.ErrNotExist) {
		b.cfg.Log.Warn().Err(err).Msg("what was kept of the fold is not used: the whole log is folded, which takes longer")
	}
	return nil
}

// begin is to know nothing yet.
func (b *Broker) begin() {
	b.snap, b.seq, b.inLedger, b.kept, b.dropped, b.head.told, b.last = registry.New(), 0, 0, 0, false, tlog.Tree{}, bus.OutMsg{}
	b.proofs, b.erasing, b.held, b.payloads = nil, nil, map[fairlead.ShareID]uint64{}, map[int64]payload{}
	b.buriedAt, b.missing, b.foretold = nil, map[uint64]bool{}, nil
}

// takeOver makes a state this broker's own, and notes what LEDGER lacks before its end.
func (b *Broker) takeOver(ctx context.Context, s *state) error {
	b.begin()
	missing, err := b.cfg.Hub.Missing(ctx)
	if err != nil {
		return err
	}
	b.snap, b.seq, b.inLedger, b.kept, b.head.told = s.snap, s.Sequence, s.Size, s.Size, s.told
	b.proofs, b.erasing, b.last = s.proofs, s.erasing, s.last
	maps.Copy(b.held, s.held)
	maps.Copy(b.payloads, s.payloads)
	b.buriedAt = s.buriedAt
	for _, sequence := range missing {
		if sequence <= s.Sequence && !b.buriedAt.has(sequence) {
			b.missing[sequence] = true
		}
	}
	return nil
}

// readState reads the kept state and holds it against log and LEDGER.
func (b *Broker) readState(ctx context.Context, reader *tlog.Reader) (*state, error) {
	f, err := os.Open(b.stateFile())
	if err != nil {
		return nil, err
	}
	defer f.Close()
	mac, err := b.cfg.Signer.MAC(statePurpose)
	if err != nil {
		return nil, err
	}
	body, err := authentic(f, mac)
	if err != nil {
		return nil, err
	}
	c, s := dump.NewReader(body), &state{}
	c.JSON(&s.bound)
	if c.Err() == nil {
		c.Fail(b.fits(ctx, s, reader))
	}
	if c.Err() != nil {
		return nil, c.Err()
	}
	s.snap = registry.Restore(c, func(index int64) (*entry.Detail, error) {
		raw, err := b.details.Get(index)
		if err != nil {
			return nil, err
		}
		return entry.ParseDetail(raw)
	})
	s.code(c)
	if err := c.End(); err != nil {
		return nil, err
	}
	if s.snap.Size() != s.Size {
		return nil, fmt.Errorf("%w: it says %d entries and holds %d", errState, s.Size, s.snap.Size())
	}
	return s, nil
}

// authentic gives what stands in a file before its MAC, which must be ours.
func authentic(f *os.File, mac hash.Hash) (io.Reader, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	n := info.Size() - int64(mac.Size())
	sum := make([]byte, mac.Size())
	if _, err := io.Copy(mac, io.NewSectionReader(f, 0, max(n, 0))); err != nil {
		return nil, err
	}
	if n < 0 {
		return nil, fmt.Errorf("%w: it is torn", errState)
	}
	if _, err := f.ReadAt(sum, n); err != nil {
		return nil, err
	}
	if !hmac.Equal(sum, mac.Sum(nil)) {
		return nil, fmt.Errorf("%w: it is torn, altered, or of another hub", errState)
	}
	return io.NewSectionReader(f, 0, n), nil
}

// fits holds what a state is bound to against program, log and LEDGER.
func (b *Broker) fits(ctx context.Context, s *state, reader *tlog.Reader) error {
	want := b.bound()
	want.Size, want.Root, want.Sequence, want.Message = s.Size, s.Root, s.Sequence, s.Message
	if s.bound != want {
		return fmt.Errorf("%w: another program made it, or for another log", errState)
	}
	if s.Size < 1 || s.Size > reader.Size() {
		return fmt.Errorf("%w: it is of %d entries, and the folder holds %d", errState, s.Size, reader.Size())
	}
	proof, err := reader.Consistency(s.Size)
	if err == nil {
		err = tlog.VerifyConsistency(tlog.Tree{N: s.Size, Hash: tlog.Hash(s.Root)}, reader.Tree(), proof)
	}
	if err != nil {
		return fmt.Errorf("%w: another root at %d entries: %w", errState, s.Size, err)
	}
	sequence, on, data, err := b.cfg.Hub.Next(ctx, s.Sequence, "")
	if err != nil {
		return err
	}
	if sequence != s.Sequence || messageDigest(on, data) != s.Message {
		return fmt.Errorf("%w: message %d of LEDGER is another, or gone", errState, s.Sequence)
	}
	s.last = bus.OutMsg{Subject: on, Data: data}
	return nil
}
