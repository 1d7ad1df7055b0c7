package registry

import (
	"strings"
	"unique"

	"fairlead/internal/dump"
	"fairlead/internal/fairlead"
	"fairlead/internal/policy"
)

// shareRecord is what the fold knows of a share that is on record.
type shareRecord struct {
	digest fairlead.Digest // of its header
	parties
	terms
	sections []fairlead.SectionCode
	strict   []fairlead.SectionCode // those that go no further without the sender's permission
	entry    int64
	counter  uint64
	rare
}

// parties are those of a share.
type parties struct {
	account  fairlead.Account
	from, to fairlead.AgencyID
}

// terms are what is said of a share by a word.
type terms struct {
	kind      string
	status    fairlead.Status
	purpose   fairlead.Purpose
	urgent    bool // an alert, or of immediate danger
	delivered bool
	marks     bool // a section of it is under its originator's control
	ack       fairlead.AckLevel
	answer    string // what its recipient says became of it
}

// rare is what is said of few shares.
type rare struct {
	answers  fairlead.ShareID
	recalled int64      // entry of the recall; 0: none, for no share is the first entry of a log
	erased   int64      // entry that ordered its payload deleted before its recipient had stored it; 0: none
	gone     int64      // entry that ordered its detail erased; 0: none; -1: it is erased, and the order is still to come
	relies   [][16]byte // keys of the lists of relied that it is in
}

func (r *shareRecord) prior() *policy.Prior {
	return &policy.Prior{
		From: r.from, To: r.to, Kind: r.kind, Status: r.status, Purpose: r.purpose, Delivered: r.delivered, Sections: r.sections, Strict: r.strict,
		Ack: r.ack, Recalled: r.recalled > 0, Entry: r.entry,
	}
}

// shares are all that are on record, packed: there are hundreds of thousands, between a few thousand pairs of agencies.
type shares struct{ trie trie[*packed] }

func (s shares) get(id fairlead.ShareID) (*shareRecord, bool) {
	p, ok := s.trie.get(id)
	if !ok {
		return nil, false
	}
	return p.unpack(), true
}

func (s shares) with(id fairlead.ShareID, r *shareRecord) shares {
	return shares{s.trie.with(id, r.pack())}
}

// packed is a shareRecord of which what many repeat stands in memory once. It never changes.
type packed struct {
	digest  fairlead.Digest
	entry   int64
	counter uint64
	parties unique.Handle[parties]
	words   unique.Handle[words]
	rare    *rare // nil: nothing
}

// words are terms and lists of codes, comparable.
type words struct {
	terms
	sections, strict string // with a space after each
}

func (r *shareRecord) pack() *packed {
	p := &packed{digest: r.digest, entry: r.entry, counter: r.counter, parties: unique.Make(r.parties)}
	p.words = unique.Make(words{r.terms, joined(r.sections), joined(r.strict)})
	if r.answers != (fairlead.ShareID{}) || r.recalled != 0 || r.erased != 0 || r.gone != 0 || r.relies != nil {
		p.rare = new(r.rare)
	}
	return p
}

func (p *packed) unpack() *shareRecord {
	w := p.words.Value()
	r := &shareRecord{digest: p.digest, entry: p.entry, counter: p.counter, parties: p.parties.Value(), terms: w.terms}
	r.sections, r.strict = split(w.sections), split(w.strict)
	if p.rare != nil {
		r.rare = *p.rare
	}
	return r
}

func joined(codes []fairlead.SectionCode) (list string) {
	for _, c := range codes {
		list += string(c) + " "
	}
	return list
}

func split(list string) (codes []fairlead.SectionCode) {
	for c := range strings.FieldsSeq(list) {
		codes = append(codes, fairlead.SectionCode(c))
	}
	return codes
}

func (s *shares) code(c *dump.Coder) {
	s.trie.code(c, func(p **packed) { dump.Maybe(c, p, func(p *packed) { p.code(c) }) })
}

func (p *packed) code(c *dump.Coder) {
	c.Fixed(p.digest[:])
	dump.Int(c, &p.entry)
	dump.Int(c, &p.counter)
	once(c, &p.parties, func(v *parties) {
		dump.Word(c, &v.account)
		dump.Word(c, &v.from)
		dump.Word(c, &v.to)
	})
	once(c, &p.words, func(v *words) {
		v.terms.code(c)
		dump.Word(c, &v.sections)
		dump.Word(c, &v.strict)
	})
	dump.Maybe(c, &p.rare, func(r *rare) { r.code(c) })
}

func (t *terms) code(c *dump.Coder) {
	dump.Word(c, &t.kind)
	dump.Word(c, &t.status)
	dump.Word(c, &t.purpose)
	c.Bool(&t.urgent)
	c.Bool(&t.delivered)
	c.Bool(&t.marks)
	dump.Word(c, &t.ack)
	dump.Word(c, &t.answer)
}

func (r *rare) code(c *dump.Coder) {
	c.Fixed(r.answers[:])
	dump.Int(c, &r.recalled)
	dump.Int(c, &r.erased)
	dump.Int(c, &r.gone)
	dump.List(c, &r.relies, func(key *[16]byte) { c.Fixed(key[:]) })
}

// once is a value that many share.
func once[T comparable](c *dump.Coder, h *unique.Handle[T], each func(*T)) {
	dump.Once(c, h, func(h *unique.Handle[T]) {
		var v T
		if !c.Reads() {
			v = h.Value()
		}
		if each(&v); c.Reads() {
			*h = unique.Make(v)
		}
	})
}
