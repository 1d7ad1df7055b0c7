package registry

import (
	"fmt"
	"slices"
	"strings"

	"fairlead/internal/entry"
	"fairlead/internal/law"
)

// Law is the tables in force: the operator's, or the defaults of engine 1.
func (s *Snapshot) Law() *law.Tables {
	if s.rules.Law != nil {
		return s.rules.Law
	}
	return law.Default()
}

// Unread lists the entries of agreements and consents that this register could not read. While there are
// any, the emergency path alone is open (domain §8, outage rule).
func (s *Snapshot) Unread() []int64 { return slices.Clone(s.unread) }

// FoldUnread adds the next entry without its detail, where what is left of the detail proves that it was of
// an agreement or a consent: the header that its sender signed. Agencies and keys load apart from those:
// of any other entry it is an error, and the register must not go on without it.
func (s *Snapshot) FoldUnread(l entry.Leaf, raw []byte) (*Snapshot, error) {
	d, err := entry.ParseDetail(raw)
	if err != nil || d.Share == nil || l.Class != entry.ClassShare {
		return nil, fmt.Errorf("%w: entry %d cannot be read", ErrFold, s.size)
	}
	h, err := d.Share.Parsed()
	if err != nil {
		return nil, fmt.Errorf("%w: entry %d: its header cannot be read: %w", ErrFold, s.size, err)
	}
	cert := s.Certificate(h.From.Agency)
	agrees := h.ID == l.Share && h.From.Agency == l.From && h.To.Agency == l.To
	kinds := strings.HasPrefix(h.Kind, "agreement.") || strings.HasPrefix(h.Kind, "consent.")
	if cert == nil || !agrees || !kinds || VerifyShare(cert.Signing(), d.Share.Header, d.Share.Signature, h.SentAt.Time) != nil {
		return nil, fmt.Errorf("%w: entry %d cannot be read, and is not of an agreement or a consent", ErrFold, s.size)
	}
	next, err := s.Fold(l, &entry.Detail{Unparsed: &entry.Unparsed{}}) // its place, its time and its counter
	if err != nil {
		return nil, err
	}
	next.unread = append(slices.Clone(s.unread), s.size)
	return next, nil
}
