package registry

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"fairlead/internal/entry"
	"fairlead/internal/fairlead"
	"fairlead/internal/strictjson"
)

// Erase is the action of an operator's act that orders details erased (DESIGN §7). Leaves stay.
const Erase = "erase"

// MaxErase is how many details one act may order erased: with the tombstones of their messages it must fit into
// one batch. More is more acts.
const MaxErase = 100

// RetentionHeader is the class of what goes because its time is over (domain §2.3).
const RetentionHeader = "RT-HUB-HEADER"

// HeaderDays is the period of RetentionHeader where the operator sets none: ten years.
const HeaderDays = 3653

// maxHeaderDays is the most an operator may set, a thousand years: far beyond it a date before all others is one to come.
const maxHeaderDays = 365_250

// Outlived is the instant at or before which an entry must have been made for its detail to be erased by
// retention at an instant.
func (s *Snapshot) Outlived(at time.Time) time.Time {
	return at.AddDate(0, 0, -cmp.Or(s.rules.HeaderDays, HeaderDays))
}

// Erasable says why a detail must stay, together with others that go; nil: it may go.
func (s *Snapshot) Erasable(d Detail, with []Detail) error {
	return s.detailFault(d, append(slices.Clip(with), d))
}

// Erasing is the record of such an act. It holds no more than leaves do.
type Erasing struct {
	Class     string   `json:"class,omitempty"`     // retention class, where its time was over
	Reason    string   `json:"reason"`              // code: retention, order, request, mistake
	Reference string   `json:"reference,omitempty"` // of the order, such as a court's number: never a name
	Details   []Detail `json:"details"`             // by entry, rising
}

// Detail names a detail that is to be erased.
type Detail struct {
	Entry int64            `json:"entry"`
	Share fairlead.ShareID `json:"share,omitzero"` // of its leaf; none where that is of no share
	Known bool             `json:"known"`          // it is the last word on a share whose sender was established
}

// reasons are why details are erased.
var reasons = []string{"retention", "order", "request", "mistake"}

// reference is short and of one word, so that nobody writes a sentence there.
var reference = regexp.MustCompile(`^[A-Za-z0-9./:_-]{0,64}$`)

// Retention reports whether an act says that the time of what it names is over, as against an order, a request or
// a mistake. It is for the hub and for who replays to hold that against Outlived: a view of the register alone does
// not know when its entries were made.
func (e *Erasing) Retention() bool { return e.Reason == "retention" || e.Class != "" }

// ParseErasing reads the record.
func ParseErasing(record []byte) (*Erasing, error) {
	var e Erasing
	if err := strictjson.Unmarshal(record, &e); err != nil {
		return nil, err
	}
	switch {
	case !slices.Contains(reasons, e.Reason):
		return nil, fmt.Errorf("reason: want %s", strings.Join(reasons, ", "))
	case !reference.MatchString(e.Reference), e.Reason == "order" && e.Reference == "":
		return nil, fmt.Errorf("reference: name the order by its number, at most 64 letters, digits and . / : _ -")
	case e.Class != "" && e.Class != RetentionHeader:
		return nil, fmt.Errorf("class: want %s or none", RetentionHeader)
	case len(e.Details) == 0 || len(e.Details) > MaxErase:
		return nil, fmt.Errorf("%d details: one act erases 1 to %d", len(e.Details), MaxErase)
	}
	for i, d := range e.Details {
		if i > 0 && d.Entry <= e.Details[i-1].Entry {
			return nil, fmt.Errorf("entry %d is named twice or out of order", d.Entry)
		}
	}
	return &e, nil
}

// blank is an entry whose detail is erased: it was folded without, or the entry that ordered it erased has been folded.
type blank struct {
	share   fairlead.ShareID // zero where it is of none
	ordered bool
}

func entryKey(index int64) (key [16]byte) {
	binary.BigEndian.PutUint64(key[8:], uint64(index))
	return key
}

// known finds a share whose detail is not erased. One that is takes no further part: it answers nothing and
// nothing is noted with it, so that a register that never saw its detail is the same.
func (s *Snapshot) known(id fairlead.ShareID) (*shareRecord, bool) {
	r, ok := s.shares.get(id)
	return r, ok && r.gone == 0
}

// FoldErased adds the next entry where its detail is erased, by what its leaf gives. The entry that ordered it
// must follow: see Blank.
func (s *Snapshot) FoldErased(l entry.Leaf) (*Snapshot, error) {
	if l.Class != entry.ClassShare && l.Class != entry.ClassUnparsed {
		return nil, fmt.Errorf("%w: entry %d: its detail is erased, and the register stands on it", ErrFold, s.size)
	}
	next, err := s.Fold(l, &entry.Detail{Unparsed: &entry.Unparsed{}}) // its place, its time and its counter
	if err == nil {
		next.lose(s.size, l)
	}
	return next, err
}

// LearnErased is FoldErased for a view that has gaps between indexes.
func (s *Snapshot) LearnErased(index int64, l entry.Leaf) (*Snapshot, error) {
	next, err := s.Learn(index, l, &entry.Detail{Unparsed: &entry.Unparsed{}})
	if err == nil {
		next.lose(index, l)
	}
	return next, err
}

func (s *Snapshot) lose(index int64, l entry.Leaf) {
	b := blank{}
	if l.Class == entry.ClassShare {
		b.share = l.Share
	}
	s.blanks = s.blanks.with(entryKey(index), b)
	s.waiting++
	if l.Class == entry.ClassShare && (l.Outcome == entry.OutcomeDelivered || l.Outcome == entry.OutcomeControl) {
		r := &shareRecord{parties: parties{from: l.From, to: l.To}, terms: terms{delivered: true}, entry: index, counter: l.Counter}
		s.reduce(l.Share, r, -1)
	}
}

// Blank reports whether the detail of an entry was erased when it was folded, and its order is still to come.
func (s *Snapshot) Blank(index int64) bool {
	b, ok := s.blanks.get(entryKey(index))
	return ok && !b.ordered
}

// Ordered reports whether the detail of an entry is to be erased: by an entry that has been folded.
func (s *Snapshot) Ordered(index int64) bool {
	b, _ := s.blanks.get(entryKey(index))
	return b.ordered
}

// Blanks counts entries whose detail is erased and whose order is still to come: at the end of a log there is none.
func (s *Snapshot) Blanks() int { return s.waiting }

// reduce leaves of a share what its leaf gives.
func (s *Snapshot) reduce(id fairlead.ShareID, r *shareRecord, order int64) {
	left := &shareRecord{entry: r.entry, rare: rare{gone: order}}
	if r.delivered {
		left.from, left.to, left.delivered, left.counter = r.from, r.to, true, r.counter
	}
	s.shares = s.shares.with(id, left)
	if h := s.held[id]; h != nil && h.index < r.entry {
		s.letGo(id)
	}
	for _, key := range r.relies {
		list, _ := s.relied.get(key)
		s.relied = s.relied.with(key, list.without(id))
	}
}

// without is the list less one share.
func (l *reliance) without(id fairlead.ShareID) *reliance {
	switch {
	case l == nil:
		return nil
	case l.share == id:
		return l.before.without(id)
	}
	next := *l
	next.before = l.before.without(id)
	return &next
}

// eraseDetails applies an order: what came from the details is reduced to what their leaves give, whether
// they were there to be folded or not.
func (s *Snapshot) eraseDetails(index int64, record []byte) error {
	e, err := ParseErasing(record)
	if err != nil {
		return err
	}
	for _, d := range e.Details {
		b, wasBlank := s.blanks.get(entryKey(d.Entry))
		if wasBlank && !b.ordered {
			s.waiting--
		}
		s.blanks = s.blanks.with(entryKey(d.Entry), blank{share: d.Share, ordered: true})
		r, ok := s.shares.get(d.Share)
		switch {
		case ok && r.entry == d.Entry:
			s.reduce(d.Share, r, index)
		case wasBlank && d.Known: // refused: it was not to be told from one whose sender was not established
			s.reduce(d.Share, &shareRecord{entry: d.Entry}, index)
		}
	}
	return nil
}

// erasureFault is what the register holds against an order to erase; it is nil for other acts.
func (s *Snapshot) erasureFault(r *entry.Register) error {
	if r != nil && r.Action == EmptyPayloads {
		return s.emptyingFault(r.Record)
	}
	if r == nil || r.Action != Erase {
		return nil
	}
	e, err := ParseErasing(r.Record)
	if err != nil {
		return err
	}
	if len(s.stops) > 0 {
		return fmt.Errorf("notices of an ended consent are still owed; try again in a moment")
	}
	for _, d := range e.Details {
		if err := s.detailFault(d, e.Details); err != nil {
			return fmt.Errorf("entry %d: %w", d.Entry, err)
		}
	}
	return nil
}

func (s *Snapshot) detailFault(d Detail, all []Detail) error {
	if d.Entry < 0 || d.Entry >= s.size {
		return fmt.Errorf("the log has no such entry before this one")
	}
	r, ok := s.shares.get(d.Share)
	known := ok && r.entry == d.Entry
	if b, blank := s.blanks.get(entryKey(d.Entry)); blank {
		switch {
		case b.ordered:
			return fmt.Errorf("its detail is erased already")
		case b.share != d.Share, known && !d.Known:
			return fmt.Errorf("the order names another share than its leaf")
		}
		return nil
	}
	if known != d.Known {
		return fmt.Errorf("the order does not say whether it is the last word on its share")
	}
	if !known {
		if s.held[d.Share] != nil && s.held[d.Share].index == d.Entry {
			return fmt.Errorf("its share waits for a second person")
		}
		return nil
	}
	return s.keeps(d.Share, r, all)
}

// keeps says why a share must keep its detail.
func (s *Snapshot) keeps(id fairlead.ShareID, r *shareRecord, all []Detail) error {
	erased := func(of fairlead.ShareID) bool {
		other, ok := s.shares.get(of)
		return !ok || other.gone != 0 || slices.ContainsFunc(all, func(d Detail) bool { return d.Share == of && d.Entry == other.entry })
	}
	switch {
	case r.gone != 0:
		return fmt.Errorf("its detail is erased already, by entry %d", r.gone)
	case s.held[id] != nil:
		return fmt.Errorf("its share waits for a second person")
	case r.delivered && registers(r.kind):
		return fmt.Errorf("it is of kind %s, and the register stands on it; end it instead", r.kind)
	case r.kind == "ack" && r.to == fairlead.Hub:
		return fmt.Errorf("it is an acknowledgement of delivery, which names no case")
	case r.delivered && r.to != fairlead.Hub && r.counter > s.Heard(r.to):
		return fmt.Errorf("%s has not stored it yet; let it be recalled, or wait", r.to)
	case r.marks:
		return fmt.Errorf("sections of it are under their originator's control, and the register stands on that")
	case r.delivered && slices.Contains([]string{"ack", "recall.notice", "recall.confirmation"}, r.kind) && !erased(r.answers):
		return fmt.Errorf("it is a %s on a share that is on record; erase both", r.kind)
	}
	return nil
}

// registers reports whether a kind changes the register, so that its entry cannot be told from its leaf.
func registers(kind string) bool {
	for _, prefix := range []string{"agreement.", "consent.", "agency.", "staff.", "training.", "onward.permission", "approval"} {
		if strings.HasPrefix(kind, prefix) {
			return true
		}
	}
	return false
}

// Order completes an order by what the leaf of each entry and the register say, so far as they know it.
func (s *Snapshot) Order(l entry.Leaf, index int64) (Detail, error) {
	if l.Class == entry.ClassRegister || l.Class == entry.ClassNotice {
		return Detail{}, fmt.Errorf("entry %d: it is of the register, which stands on it", index)
	}
	if l.Class == entry.ClassUnparsed {
		return Detail{Entry: index}, nil
	}
	r, ok := s.shares.get(l.Share)
	return Detail{Entry: index, Share: l.Share, Known: ok && r.entry == index}, nil
}
