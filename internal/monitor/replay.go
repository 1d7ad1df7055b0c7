package monitor

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"fairlead/internal/entry"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/keyring"
	"fairlead/internal/registry"
)

// Replay verifies a mirror and then decides everything in it again: entry i on the fold of the entries
// before it, by the same function that the broker calls. It compares whole decisions and everything
// else in an entry that follows from the log, and goes on after a difference with what is recorded, so
// far as that still folds. The error wraps ErrAltered where nothing could be replayed because the
// mirror does not verify, ErrReplay where entries do not follow.
func Replay(ctx context.Context, dir, vkey string) (Report, error) {
	a, err := openArchive(dir, vkey)
	if err != nil {
		return Report{}, err
	}
	c, p := checker{archive: a}, newReplayer()
	err = c.files(ctx)
	if err == nil && len(c.report.Faults) == 0 {
		err = c.replay(ctx, p)
	}
	if err != nil || len(c.report.Faults) > 0 {
		if report, found := Verify(ctx, dir, vkey); found != nil { // it goes on where we stopped, and lists them all
			return report, found
		}
		return c.report, err
	}
	if err := p.splits(a); err != nil {
		return c.report, err
	}
	p.told(p.snap.Last())
	p.name()
	slices.SortStableFunc(p.tally.Differences, func(a, b Difference) int { return cmp.Compare(a.Entry, b.Entry) })
	c.report.Done, c.report.Replay = Replayed, p.tally
	return c.report, c.report.err()
}

// replay checks each entry and replays it in the same turn: the details of a large log are read once.
func (c *checker) replay(ctx context.Context, p *replayer) error {
	tell := progress(ctx, "replay", c.tree.N)
	err := c.from(ctx, 0, p.ahead, func(r *record) error {
		c.erasures.record(r)
		c.inTime(r.index, r.leaf.At)
		p.entry(r)
		p.shown.Store(p.snap)
		tell(r.index + 1)
		return nil
	})
	c.finish()
	return err
}

// replayer is the register as it follows from the log so far.
type replayer struct {
	snap    *registry.Snapshot
	tally   *Tally
	sampled time.Time                         // when announcements were looked at last
	owed    map[string]time.Time              // entries that the hub had not made by then, and since when
	index   int64                             // of the entry at hand
	orders  map[int64]int64                   // entries that ordered details erased, by entry erased
	blanks  map[fairlead.ShareID]int64        // entries whose detail is erased, by share
	chosen  map[int64]bool                    // of a pack, which has gaps: what to decide again; nil: everything
	checked *checked                          // of the entry at hand
	gossip  map[envelope.Seen]Split           // what senders saw, and who said so first
	times   []int64                           // of the entries so far, in milliseconds since 1970
	acks    *registry.Acks                    // when shares got the last acknowledgement that they require
	acked   []int64                           // that instant, of the share of each entry so far, likewise; 0: not yet
	shown   atomic.Pointer[registry.Snapshot] // for who works ahead
}

// checked is the check of a share's signature that was made ahead of the fold, by the key of that time.
type checked struct {
	key *keyring.VerifyKey
	err error
}

// ahead checks the signature of a share on another core, while entries before it are replayed.
func (p *replayer) ahead(r *record) {
	snap := p.shown.Load()
	if snap == nil || r.detail == nil || r.detail.Share == nil || r.detail.Share.Releases != nil {
		return
	}
	sh := r.detail.Share
	h, err := sh.Parsed()
	if err != nil {
		return
	}
	if cert := snap.Certificate(h.From.Agency); cert != nil {
		r.checked = &checked{cert.Signing(), registry.VerifyShare(cert.Signing(), sh.Header, sh.Signature, h.SentAt.Time)}
	}
}

// verify answers from what was done ahead, if the key in force is still that one.
func (p *replayer) verify(key *keyring.VerifyKey, header, signature []byte, at time.Time) error {
	if p.checked != nil && p.checked.key == key {
		return p.checked.err
	}
	return registry.VerifyShare(key, header, signature, at)
}

func newReplayer() *replayer {
	return &replayer{snap: registry.New(), owed: map[string]time.Time{}, orders: map[int64]int64{}, blanks: map[fairlead.ShareID]int64{}, acks: registry.NewAcks(), gossip: map[envelope.Seen]Split{}, tally: &Tally{
		Classes: map[string]int64{}, Results: map[fairlead.Result]int64{}, Grounds: map[fairlead.Ground]int64{}, Differences: []Difference{},
	}}
}

// entry replays one entry.
func (p *replayer) entry(r *record) {
	l, d := r.leaf, r.detail
	p.index, p.checked = r.index, r.checked
	p.times, p.acked = append(p.times, l.At.UnixMilli()), append(p.acked, 0)
	p.tally.Classes[className(l.Class)]++
	if p.chosen == nil && p.snap.Size() > 0 && l.At.After(p.snap.Last()) {
		p.told(p.snap.Last())
	}
	if r.blank {
		p.erased(l)
		return
	}
	if d == nil {
		p.differs("detail", r.why.Error(), "a detail of version 1")
		p.skip()
		return
	}
	if p.wanted(d) {
		before := *p.tally
		if want, ok := p.follows(l, d); ok {
			d.Commit(&want, r.raw)
			p.compareLeaves(l, want)
		}
		p.forgive(before, d)
	}
	p.fold(l, d)
	p.order(d)
	p.acknowledged(l, d)
}

// wanted reports whether to decide an entry again. In a pack that is what was chosen, but for what
// stands on how much was delivered to an agency: it takes the whole log.
func (p *replayer) wanted(d *entry.Detail) bool {
	if p.chosen == nil || !p.chosen[p.index] {
		return p.chosen == nil
	}
	if d.Share != nil {
		h, err := d.Share.Parsed()
		if err == nil && h.Kind == "ack" && h.To.Agency == fairlead.Hub {
			p.tally.Left++
			return false
		}
	}
	return true
}

// follows is the leaf that an entry of this detail has; ok is false where that cannot be said.
func (p *replayer) follows(l entry.Leaf, d *entry.Detail) (want entry.Leaf, ok bool) {
	switch {
	case d.Share != nil:
		p.seen(d.Share)
		p.alarms(d.Share)
		return p.share(l, d.Share)
	case d.Notice != nil:
		return p.notice(l, d.Notice)
	case d.Unparsed != nil:
		return p.unparsed(l, d.Unparsed), true
	}
	p.retained(l, d.Register)
	p.emptied(l, d.Register)
	// What else there is to an act, it proves itself in Fold.
	return entry.Leaf{
		Class: entry.ClassRegister, Outcome: entry.OutcomeControl, At: l.At, Share: l.Share, From: fairlead.Hub, To: fairlead.Hub,
	}, true
}

// fold goes on with what is recorded; where that does not fold, with the counter that follows; and
// where that does not either, without the entry.
func (p *replayer) fold(l entry.Leaf, d *entry.Detail) {
	fold := p.snap.Fold
	if p.chosen != nil {
		fold = func(l entry.Leaf, d *entry.Detail) (*registry.Snapshot, error) { return p.snap.Learn(p.index, l, d) }
	}
	next, err := fold(l, d)
	if err == nil {
		p.snap = next
		return
	}
	if p.chosen != nil {
		p.differs("effect on the register", "a change of it", "none: "+err.Error())
		return
	}
	l.Counter = 0
	if l.Outcome == entry.OutcomeDelivered {
		l.Counter = p.snap.Counter(l.To) + 1
	}
	if next, again := p.snap.Fold(l, d); again == nil { // compareLeaves has named the counter
		p.snap = next
		return
	}
	why := strings.TrimPrefix(err.Error(), fmt.Sprintf("%v: entry %d: ", registry.ErrFold, p.index))
	p.differs("effect on the register", "a change of it", "none: "+why)
	p.skip()
}

// skip counts an entry that has no effect.
func (p *replayer) skip() {
	blank := entry.Leaf{Class: entry.ClassUnparsed, Outcome: entry.OutcomeNotDelivered, At: p.snap.Last()}
	next, err := p.snap.Fold(blank, &entry.Detail{Unparsed: &entry.Unparsed{}})
	if err != nil {
		panic(fmt.Sprintf("monitor: an entry without effect does not fold: %v", err))
	}
	p.snap = next
}

func (p *replayer) differs(what, recorded, follows string) {
	p.differsAt(p.index, what, recorded, follows)
}

func (p *replayer) differsAt(index int64, what, recorded, follows string) {
	if len(p.tally.Differences) == maxListed {
		p.tally.More++
		return
	}
	p.tally.Differences = append(p.tally.Differences, Difference{Entry: index, What: what, Recorded: recorded, Follows: follows})
}

// compareLeaves names each part of a leaf that does not follow.
func (p *replayer) compareLeaves(l, want entry.Leaf) {
	if l == want {
		return
	}
	for _, part := range []struct {
		what              string
		recorded, follows any
	}{
		{"class", className(l.Class), className(want.Class)},
		{"outcome", outcomeName(l.Outcome), outcomeName(want.Outcome)},
		{"share id", l.Share, want.Share},
		{"sender", nobody(l.From), nobody(want.From)},
		{"recipient", nobody(l.To), nobody(want.To)},
		{"counter of " + nobody(want.To), l.Counter, want.Counter},
		{"commitment to the delivered sections", l.Delivered, want.Delivered},
		{"commitment to the verdict", l.Verdict, want.Verdict},
	} {
		if part.recorded != part.follows {
			p.differs(part.what, fmt.Sprint(part.recorded), fmt.Sprint(part.follows))
		}
	}
}

// className is a class in words.
func className(c entry.Class) string {
	switch c {
	case entry.ClassShare:
		return "share"
	case entry.ClassRegister:
		return "register"
	case entry.ClassNotice:
		return "notice"
	case entry.ClassUnparsed:
		return "unparsed"
	}
	return fmt.Sprintf("class %d", c)
}

// outcomeName is an outcome in words.
func outcomeName(o entry.Outcome) string {
	switch o {
	case entry.OutcomeDelivered:
		return "delivered"
	case entry.OutcomeNotDelivered:
		return "not delivered"
	case entry.OutcomeHeld:
		return "held"
	case entry.OutcomeControl:
		return "control"
	}
	return fmt.Sprintf("outcome %d", o)
}

func nobody(id fairlead.AgencyID) string {
	if id == "" {
		return "nobody on record"
	}
	return string(id)
}
