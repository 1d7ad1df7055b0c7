package monitor

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"fairlead/internal/entry"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/policy"
	"fairlead/internal/registry"
)

// patience is how long, in the log's own time, a notice may be owed: the broker makes it in the batch
// in which it falls due, or in the next if that is full.
const patience = time.Minute

// share decides a share again and compares; it returns the leaf that follows from what is recorded.
func (p *replayer) share(l entry.Leaf, sh *entry.Share) (entry.Leaf, bool) {
	p.tally.Results[sh.Decision.Result]++
	p.tally.Grounds[sh.Decision.Ground]++
	h, err := sh.Parsed()
	if err != nil {
		p.differs("header", err.Error(), "a header that can be read; others are no shares")
		return entry.Leaf{}, false
	}
	p.bind(h, sh)
	if digest, account, first, ok := p.snap.Lookup(h.ID); ok && digest == sh.Digest && account == sh.Account && sh.Releases == nil {
		p.differs("share", "another decision on share "+h.ID.String(), fmt.Sprintf("entry %d decided it; a copy makes no entry", first))
	}
	p.compareDecisions(sh.Decision, p.snap.Decide(sh, l.At, p.verify))
	return p.shareLeaf(l, sh, h), true
}

// shareLeaf is the leaf of a share with the decision recorded for it, before its commitments.
func (p *replayer) shareLeaf(l entry.Leaf, sh *entry.Share, h *envelope.Header) entry.Leaf {
	want := entry.Leaf{Class: entry.ClassShare, Outcome: entry.OutcomeNotDelivered, At: l.At, Share: h.ID, To: h.To.Agency}
	if from := p.snap.ByAccount(sh.Account); from != nil {
		want.From = from.ID
	}
	enrolled := p.snap.Agency(want.To) != nil
	switch {
	case sh.Decision.Result == fairlead.Held:
		want.Outcome = entry.OutcomeHeld
	case sh.Decision.Delivers() && enrolled:
		want.Outcome, want.Counter = entry.OutcomeDelivered, p.snap.Counter(want.To)+1
	case sh.Decision.Delivers():
		want.Outcome = entry.OutcomeControl
	}
	if !enrolled && want.To != fairlead.Hub {
		want.To = "" // a leaf names only who is enrolled
	}
	p.uncounted(l, &want)
	return want
}

// uncounted takes a number as it is where a pack has gaps.
func (p *replayer) uncounted(l entry.Leaf, want *entry.Leaf) {
	if p.chosen != nil && want.Counter > 0 && l.Counter > 0 {
		want.Counter = l.Counter
	}
}

// bind checks what Decide believes: that descriptors, record and digest are those the header signs.
func (p *replayer) bind(h *envelope.Header, sh *entry.Share) {
	if digest := envelope.HeaderDigest(sh.Header); digest != sh.Digest {
		p.differs("digest of the header", sh.Digest.String(), digest.String())
	}
	if envelope.RecordDigest(sh.Record) != h.Record {
		p.differs("record", "one that the signed header does not name", "the one it names")
	}
	if len(sh.Keys) != len(sh.Descriptors) {
		p.differs("section keys", fmt.Sprint(len(sh.Keys)), fmt.Sprintf("one for each of %d descriptors", len(sh.Descriptors)))
		return
	}
	signed := slices.Clone(h.Sections)
	for i, raw := range sh.Descriptors {
		digest, before := envelope.DescriptorDigest(raw), len(signed)
		if signed = slices.DeleteFunc(signed, func(d fairlead.Digest) bool { return d == digest }); len(signed) == before {
			p.differs(fmt.Sprintf("descriptor %d", i+1), "one that the signed header does not list, or lists once", "only what it lists")
		}
		d, err := envelope.ParseDescriptor(raw)
		if err == nil && (d.Audience == envelope.ForHub) != (sh.Keys[i] == "") {
			p.differs(fmt.Sprintf("key of section %d", i+1), fmt.Sprintf("%q", sh.Keys[i]), "a key for each section, and none for a hub-only descriptor")
		}
	}
}

// notice checks a notice of the hub: it must have been owed to whom it is delivered, and say what was owed.
func (p *replayer) notice(l entry.Leaf, n *entry.Notice) (entry.Leaf, bool) {
	h, err := envelope.ParseHeader(n.Header)
	if err != nil {
		p.differs("header", err.Error(), "a header that can be read")
		return entry.Leaf{}, false
	}
	kind, owed := "agreement.status", p.snap.Unannounced(l.At)
	made := slices.ContainsFunc(owed, func(a registry.Announcement) bool {
		return a.To == h.To.Agency && string(announce(p.snap, a, l.At)) == string(n.Record)
	})
	if stop, ok := p.snap.Owed(); ok && !made && h.Kind == "consent.withdraw" {
		kind, made = h.Kind, stop.To == h.To.Agency && string(recordOf(stop)) == string(n.Record)
	}
	if stop, err := registry.ParseStop(n.Record); err == nil && p.chosen != nil && len(stop.Shares) > 0 {
		kind = "consent.withdraw" // what was owed, only the whole log says
	}
	if p.chosen == nil && !made {
		p.differs("notice", "a notice to "+string(h.To.Agency)+" that was not owed", fmt.Sprintf("%d notices were owed", len(owed)+len(p.snap.Owing())))
	}
	p.compareNotice(h, l, kind, n.Record)
	want := entry.Leaf{
		Class: entry.ClassNotice, Outcome: entry.OutcomeDelivered, At: l.At, Share: h.ID, From: fairlead.Hub, To: h.To.Agency,
		Counter: p.snap.Counter(h.To.Agency) + 1,
	}
	p.uncounted(l, &want)
	return want, true
}

// announce is the record of a notice made at an instant.
func announce(s *registry.Snapshot, a registry.Announcement, at time.Time) []byte {
	a.Due = []policy.Due{policy.ReviewDue(s.Law(), at)}
	return recordOf(a)
}

// recordOf is the record of a notice.
func recordOf(record any) []byte {
	b, err := json.Marshal(record)
	if err != nil { // strings and numbers always marshal
		panic(err)
	}
	return b
}

// compareNotice compares the header of a notice with the one thing it may say.
func (p *replayer) compareNotice(h *envelope.Header, l entry.Leaf, kind string, record []byte) {
	for _, part := range []struct{ what, recorded, follows string }{
		{"sender of the notice", string(h.From.Agency), string(fairlead.Hub)},
		{"kind of the notice", h.Kind, kind},
		{"time of the notice", stamp(h.SentAt.Time), stamp(fairlead.At(l.At).Time)},
		{"record of the notice", h.Record.String(), envelope.RecordDigest(record).String()},
	} {
		if part.recorded != part.follows {
			p.differs(part.what, part.recorded, part.follows)
		}
	}
}

// unparsed checks an entry on submissions that could not be read, so far as it can be checked.
func (p *replayer) unparsed(l entry.Leaf, u *entry.Unparsed) entry.Leaf {
	if u.Count < 1 || u.Minute.After(l.At) {
		p.differs("count", fmt.Sprintf("%d in the minute of %s", u.Count, stamp(u.Minute.Time)), "one or more, in a minute that has begun")
	}
	want := entry.Leaf{Class: entry.ClassUnparsed, Outcome: entry.OutcomeNotDelivered, At: l.At, Share: l.Share}
	if from := p.snap.ByAccount(u.Account); from != nil {
		want.From = from.ID
	}
	return want
}

// told checks, about once a minute of the log's time, that nobody has been waiting longer to be told
// that an agreement is in force or a consent has ended, and no share to be let go that was approved or whose time is
// over. All entries up to the instant are folded.
func (p *replayer) told(at time.Time) {
	if at.Sub(p.sampled) < patience {
		return
	}
	p.sampled = at
	owed := map[string]time.Time{}
	var names []string
	for _, name := range p.snap.Owing() {
		names = append(names, "tells "+name)
	}
	for _, a := range p.snap.Unannounced(at) {
		names = append(names, fmt.Sprintf("tells %s that agreement %s/%d is in force", a.To, a.Agreement, a.Version))
	}
	for _, sh := range p.snap.Releasable(at) {
		names = append(names, fmt.Sprintf("ends the hold of entry %d", *sh.Releases))
	}
	for _, name := range names {
		since, waiting := p.owed[name]
		switch {
		case !waiting:
			since = at
		case !since.IsZero():
			p.differsAt(p.snap.Size()-1, "missing entry", "nothing by "+stamp(at), "the hub "+name+", by "+stamp(since.Add(patience)))
			since = time.Time{} // said once
		}
		owed[name] = since
	}
	p.owed = owed
}
