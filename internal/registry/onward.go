package registry

import (
	"slices"

	"fairlead/internal/entry"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/policy"
)

// mark notes which sections an agency was given under their originator's control (SIENA H2, ORCON), and tells
// whether there were any.
func (s *Snapshot) mark(h *envelope.Header, sh *entry.Share) (any bool) {
	for _, sec := range sh.Decision.Sections {
		if sec.Delivered && markedAt(sh.Descriptors, sec.Part) {
			key := keyOf(string(h.To.Agency), "marked")
			if codes, _ := s.marked.get(key); !slices.Contains(codes, sec.Code) {
				s.marked = s.marked.with(key, append(slices.Clip(codes), sec.Code))
			}
			any = true
		}
	}
	return any
}

// permit keeps a permission with the share that gave it.
func (s *Snapshot) permit(index int64, h *envelope.Header, record []byte) error {
	g, err := policy.ParseGrant(record)
	if err != nil {
		return err
	}
	s.permits = s.permits.with(h.ID, &policy.Permission{Grant: *g, By: h.From.Agency, Holder: h.To.Agency, Entry: index})
	return nil
}

// permissionFault is what the register holds against a permission: it is the originator's, for what its holder
// was given.
func (s *Snapshot) permissionFault(h *envelope.Header, record []byte) string {
	g, err := policy.ParseGrant(record)
	if err != nil {
		return err.Error()
	}
	r, ok := s.known(g.Share)
	switch {
	case !ok || !r.delivered || r.from != h.From.Agency || r.to != h.To.Agency:
		return "your agency sent this recipient no such share"
	case slices.ContainsFunc(g.Sections, func(c fairlead.SectionCode) bool { return !slices.Contains(r.sections, c) }):
		return "it had no such section"
	}
	return ""
}

// onward gathers what the register knows of the origins that a share declares, and of what its sender was given
// under others' control.
func (s *Snapshot) onward(f *policy.Facts, h *envelope.Header, ds []*envelope.Descriptor) {
	for _, d := range ds {
		if d.Onward != nil {
			o := policy.Origin{Declared: *d.Onward}
			if r, ok := s.known(d.Onward.Origin); ok {
				o.Share = r.prior()
			}
			if !d.Onward.Permission.IsZero() {
				o.Permission, _ = s.permits.get(d.Onward.Permission)
			}
			f.Onward = append(f.Onward, o)
		}
	}
	f.Marked, _ = s.marked.get(keyOf(string(h.From.Agency), "marked"))
}
