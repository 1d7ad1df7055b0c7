package monitor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"fairlead/internal/entry"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/registry"
	"fairlead/internal/staff"
	"fairlead/internal/tlog"
)

// errBlank: the detail is zeros. That is right where a later entry orders it erased, and a fault elsewhere.
var errBlank = errors.New("its detail is erased")

// Gone is an entry that cannot be decided again.
type Gone struct {
	Entry int64   `json:"entry"`
	By    []int64 `json:"by"` // entries that ordered the details erased that are wanted
	Of    []int64 `json:"of"` // whose details these are; the entry itself where its own is
}

// String is the sentence for people.
func (g Gone) String() string {
	if len(g.Of) == 1 && g.Of[0] == g.Entry {
		return fmt.Sprintf("entry %d: not replayable, erased by entry %d", g.Entry, g.By[0])
	}
	return fmt.Sprintf("entry %d: not replayable, it stands on what was erased by %s", g.Entry, words(g.By, func(i int64) string { return fmt.Sprintf("entry %d", i) }))
}

// erasures follows, entry by entry, which details are blank and which were ordered erased.
type erasures struct {
	blank  map[int64]entry.Leaf // without an order so far
	intact []ordered            // ordered erased, and still there
	erased int
}

// ordered is one detail of an order.
type ordered struct {
	registry.Detail
	by int64
}

// line looks at one entry; err is of its bound.
func (e *erasures) line(of line, l entry.Leaf, err error) {
	if errors.Is(err, errBlank) {
		e.record(&record{index: of.index, leaf: l, blank: true})
		return
	}
	if err == nil && l.Class == entry.ClassRegister {
		if d, err := entry.ParseDetail(of.detail); err == nil {
			e.record(&record{index: of.index, leaf: l, detail: d})
		}
	}
}

// record looks at one entry.
func (e *erasures) record(r *record) {
	if r.blank {
		if e.blank == nil {
			e.blank = map[int64]entry.Leaf{}
		}
		e.blank[r.index] = r.leaf
		return
	}
	for _, o := range orders(r.index, r.detail) {
		l, ok := e.blank[o.Entry]
		switch {
		case ok && (l.Share == o.Share || l.Class == entry.ClassUnparsed):
			delete(e.blank, o.Entry)
			e.erased++
		case !ok:
			e.intact = append(e.intact, o)
		}
	}
}

// orders lists what an entry orders erased.
func orders(index int64, d *entry.Detail) (list []ordered) {
	if d == nil || d.Register == nil || d.Register.Action != registry.Erase {
		return nil
	}
	e, err := registry.ParseErasing(d.Register.Record)
	if err != nil {
		return nil
	}
	for _, d := range e.Details {
		list = append(list, ordered{d, index})
	}
	return list
}

// unordered is the error where a detail is blank and nobody ordered it.
func (e *erasures) unordered() error {
	for _, i := range slices.Sorted(maps.Keys(e.blank)) {
		return errors.New(unorderedText(i))
	}
	return nil
}

func unorderedText(i int64) string {
	return fmt.Sprintf("entry %d: its detail was altered: it is blank, and no entry of the log orders it erased", i)
}

// faults reports what is blank without an order, and what is there in spite of one; has says which entries were
// looked at.
func (e *erasures) faults(r *Report, has func(int64) bool) {
	r.Erased = e.erased
	for _, i := range slices.Sorted(maps.Keys(e.blank)) {
		r.fault(Fault{Entry: i, Path: segmentPath(i / span), What: unorderedText(i)})
	}
	for _, o := range e.intact {
		if has(o.Entry) {
			r.fault(Fault{Entry: o.Entry, Path: segmentPath(o.Entry / span), What: fmt.Sprintf("entry %d: its detail was ordered erased by entry %d and is still here; run the mirror again", o.Entry, o.by)})
		}
	}
}

// erased folds an entry whose detail is blank.
func (p *replayer) erased(l entry.Leaf) {
	p.blanks[l.Share] = p.index
	p.gone(Gone{Entry: p.index, Of: []int64{p.index}})
	next, err := p.snap.FoldErased(l)
	if p.chosen != nil {
		next, err = p.snap.LearnErased(p.index, l)
	}
	if err != nil {
		p.differs("detail", "that it is erased", err.Error())
		p.skip()
		return
	}
	p.snap = next
}

func (p *replayer) gone(g Gone) {
	if len(p.tally.Gone) == maxListed {
		p.tally.MoreGone++
		return
	}
	p.tally.Gone = append(p.tally.Gone, g)
}

// forgive takes back the differences of an entry that stands on a detail which is erased by now and was not when it
// was decided: nobody can decide it again.
func (p *replayer) forgive(before Tally, d *entry.Detail) {
	if len(p.tally.Differences)+p.tally.More == len(before.Differences)+before.More {
		return
	}
	of := p.leans(d)
	if len(of) == 0 {
		return
	}
	p.tally.Differences, p.tally.More = before.Differences, before.More
	p.gone(Gone{Entry: p.index, Of: of})
}

// leans lists the blank entries that an entry stands on.
func (p *replayer) leans(d *entry.Detail) (list []int64) {
	for _, i := range used(d) {
		if p.snap.Blank(i) {
			list = append(list, i)
		}
	}
	if d.Share != nil && d.Share.Releases != nil && p.snap.Blank(*d.Share.Releases) {
		list = append(list, *d.Share.Releases)
	}
	for _, id := range mentioned(d) {
		if i, ok := p.blanks[id]; ok && p.snap.Blank(i) {
			list = append(list, i)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// mentioned lists the shares that an entry names.
func mentioned(d *entry.Detail) (list []fairlead.ShareID) {
	if d.Notice != nil {
		if stop, err := registry.ParseStop(d.Notice.Record); err == nil {
			for _, s := range stop.Shares {
				list = append(list, s.Share)
			}
		}
	}
	if d.Share == nil {
		return list
	}
	if h, err := d.Share.Parsed(); err == nil {
		list = append(list, h.ReplyTo, h.Supersedes)
	}
	if a, err := staff.ParseApproval(d.Share.Record); err == nil {
		list = append(list, a.Share)
	}
	for _, raw := range d.Share.Descriptors {
		if ds, err := envelope.ParseDescriptor(raw); err == nil && ds.Onward != nil {
			list = append(list, ds.Onward.Origin)
		}
	}
	return list
}

// retained checks that what an order of retention names had outlived its period by then.
func (p *replayer) retained(l entry.Leaf, r *entry.Register) {
	if r.Action != registry.Erase || p.chosen != nil {
		return
	}
	e, err := registry.ParseErasing(r.Record)
	if err != nil || !e.Retention() { // Fold says what is wrong with it
		return
	}
	before := p.snap.Outlived(l.At)
	for _, d := range e.Details {
		if d.Entry < 0 || d.Entry >= p.index {
			continue // Fold refuses it
		}
		if at := time.UnixMilli(p.times[d.Entry]); at.After(before) {
			p.differs(fmt.Sprintf("retention of entry %d", d.Entry), "its time is over", fmt.Sprintf("it is of %s and stays: only what is not later than %s goes", stamp(at), stamp(before)))
		}
	}
}

// acknowledged notes for which shares an entry is the last acknowledgement that they require.
func (p *replayer) acknowledged(l entry.Leaf, d *entry.Detail) {
	if p.chosen != nil {
		return
	}
	done, err := p.acks.Next(p.snap, p.index, l, func() (*entry.Detail, error) { return d, nil })
	if err != nil {
		return // never: the detail is there
	}
	for _, a := range done {
		if p.acked[a.Entry] == 0 { // a person may give more than one
			p.acked[a.Entry] = a.At.UnixMilli()
		}
	}
}

// emptied checks that the last acknowledgement which a share requires was old enough when an order of retention had its
// payload deleted.
func (p *replayer) emptied(l entry.Leaf, r *entry.Register) {
	if r.Action != registry.EmptyPayloads || p.chosen != nil {
		return
	}
	e, err := registry.ParseEmptying(r.Record)
	if err != nil || e.Class != registry.RetentionPayload { // Fold says what is wrong with it, or looks for the order of the details
		return
	}
	var blank []int64
	before := p.snap.PayloadsOutlived(l.At)
	for _, d := range e.Payloads {
		if d.Entry >= p.index {
			continue // Fold refuses it
		}
		what, over := fmt.Sprintf("retention of the payload of entry %d", d.Entry), "its time is over"
		switch at := time.UnixMilli(p.acked[d.Entry]); {
		case p.snap.Blank(d.Entry):
			blank = append(blank, d.Entry)
		case p.acked[d.Entry] == 0:
			p.differs(what, over, "it stays: it has not got the acknowledgements that it requires")
		case at.After(before):
			p.differs(what, over, fmt.Sprintf("it stays: the last acknowledgement that it requires is of %s, and only where that is not later than %s it goes", stamp(at), stamp(before)))
		}
	}
	if len(blank) > 0 {
		p.gone(Gone{Entry: p.index, Of: blank})
	}
}

// order notes what an entry orders erased.
func (p *replayer) order(d *entry.Detail) {
	for _, o := range orders(p.index, d) {
		p.orders[o.Entry] = o.by
	}
}

// name says of each entry that cannot be decided again which entries are why.
func (p *replayer) name() {
	for i, g := range p.tally.Gone {
		for _, of := range g.Of {
			if by, ok := p.orders[of]; ok && !slices.Contains(g.By, by) {
				g.By = append(g.By, by)
			}
		}
		p.tally.Gone[i] = g
	}
}

// orderOf finds the entry that orders a detail erased; false: none does.
func (a *archive) orderOf(ctx context.Context, r *tlog.Reader, index int64) (by int64, ok bool, err error) {
	err = r.Entries(ctx, index+1, a.tree.N, func(i int64, leaf []byte) error {
		if l, err := entry.ParseLeaf(leaf); ok || err != nil || l.Class != entry.ClassRegister {
			return err
		}
		_, d, err := a.read(r, i)
		for _, o := range orders(i, d) {
			if o.Entry == index {
				by, ok = i, true
			}
		}
		return err
	})
	return by, ok, err
}

// unseen holds the mirror against the orders that came with the new entries: what is blank must have been ordered,
// and what was ordered must be blank at the hub, and is from now on blank here.
func (m *mirror) unseen(ctx context.Context) error {
	for _, i := range slices.Sorted(maps.Keys(m.erasures.blank)) {
		return fmt.Errorf("%w serves details that its log does not commit to: %w; if it erases at this moment, run the mirror again", ErrHub, awayError{errors.New(unorderedText(i))})
	}
	for _, o := range m.erasures.intact {
		if err := m.forget(ctx, o); err != nil {
			return err
		}
	}
	return nil
}

// forget erases a detail here that was mirrored before it was ordered erased.
func (m *mirror) forget(ctx context.Context, o ordered) error {
	b, err := m.remote.get(ctx, segmentPath(o.Entry/span))
	if err != nil {
		return err
	}
	details, _ := tlog.ParseSegment(b)
	if j := int(o.Entry % span); j >= len(details) || !entry.Erased(details[j]) {
		return fmt.Errorf("%w still serves the detail of entry %d, which entry %d ordered erased; tell its operator", ErrHub, o.Entry, o.by)
	}
	old, err := readSegment(m.dir, o.Entry/span)
	if err != nil || int(o.Entry%span) >= len(old) {
		return err
	}
	clear(old[o.Entry%span])
	return tlog.WriteFile(m.dir, segmentPath(o.Entry/span), join(old))
}
