package registry

import (
	"slices"
	"strings"

	"fairlead/internal/entry"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
)

// urgent reports whether a share speaks of a danger now, so that it is never deleted undelivered for want
// of a consent.
func urgent(h *envelope.Header) bool {
	return strings.HasPrefix(h.Kind, "alert.") || h.Urgency == fairlead.UrgencyImmediate
}

// keepSections notes what was delivered, and which of it its recipient may not pass on unasked (domain §8,
// P11): all of a share under TLP RED or AMBER+STRICT, else what is marked SIENA H2 or ORCON.
func (r *shareRecord) keepSections(h *envelope.Header, sh *entry.Share) {
	strict := controlled(h)
	for _, sec := range sh.Decision.Sections {
		if !sec.Delivered {
			continue
		}
		r.sections = append(r.sections, sec.Code)
		if strict || markedAt(sh.Descriptors, sec.Part) {
			r.strict = append(r.strict, sec.Code)
		}
	}
}

// controlled reports whether the originator keeps control of a whole share.
func controlled(h *envelope.Header) bool { return h.TLP == fairlead.TLPRed || h.TLP == "AMBER+STRICT" }

// Controlled lists the sections of a share, as its recipient has it, that go no further without the originator's
// permission.
func Controlled(h *envelope.Header, ds []*envelope.Descriptor) (codes []fairlead.SectionCode) {
	for _, d := range ds {
		if d.Audience == envelope.ForRecipient && (controlled(h) || Marked(d)) {
			codes = append(codes, d.Code)
		}
	}
	return codes
}

// markedAt looks at one descriptor; what cannot be read counts as marked.
func markedAt(descriptors [][]byte, part int) bool {
	if part < 0 || part >= len(descriptors) {
		return true
	}
	d, err := envelope.ParseDescriptor(descriptors[part])
	return err != nil || Marked(d)
}

// Marked reports whether the originator keeps control of a section.
func Marked(d *envelope.Descriptor) bool {
	return d.Siena == "H2" || slices.Contains(d.Caveats, "ORCON")
}

// recall notes that a share is asked back. What its recipient has not said to have stored is to be deleted,
// but where it is only to be corrected.
func (s *Snapshot) recall(index int64, h *envelope.Header) {
	old, ok := s.known(h.ReplyTo)
	if !ok {
		return
	}
	next := *old
	next.recalled = index
	if h.Facts["action"] != "correct" {
		s.erase(index, &next)
	}
	s.shares = s.shares.with(h.ReplyTo, &next)
}

// erase orders the payload of r deleted, by the entry at index, unless its recipient has signed that it
// stored it; r is a copy that the caller keeps.
func (s *Snapshot) erase(index int64, r *shareRecord) bool {
	if r.erased > 0 || r.counter <= s.Heard(r.to) {
		return false
	}
	r.erased = index
	return true
}

// recallAnswered keeps what the recipient says became of a recalled share.
func (s *Snapshot) recallAnswered(h *envelope.Header) {
	notice, ok := s.known(h.ReplyTo)
	if !ok {
		return
	}
	if old, ok := s.known(notice.answers); ok {
		next := *old
		next.answer = h.Facts["state"]
		s.shares = s.shares.with(notice.answers, &next)
	}
}

// Recalled says whether a share was asked back, and what its recipient answered; "" before it did.
func (s *Snapshot) Recalled(id fairlead.ShareID) (answer string, ok bool) {
	r, found := s.shares.get(id)
	if !found || r.recalled == 0 {
		return "", false
	}
	return r.answer, true
}

// Erasure is a payload that is deleted from the ledger before its recipient has stored it.
type Erasure struct {
	Entry int64 // of the delivery
	Order int64 // of what ordered it
	To    fairlead.AgencyID
}

// Erased finds the order to delete the payload of a share, if there is one.
func (s *Snapshot) Erased(id fairlead.ShareID) (e Erasure, ok bool) {
	r, found := s.shares.get(id)
	if !found || r.erased == 0 {
		return e, false
	}
	return Erasure{Entry: r.entry, Order: r.erased, To: r.to}, true
}
