package main

import (
	"context"

	"fairlead/internal/consent"
	"fairlead/internal/fairlead"
)

// showConsent shows a consent of this agency, what was recorded of the child since, and which shares relied on it.
func showConsent(ctx context.Context, s *session) error {
	if err := s.current(ctx); err != nil {
		return err
	}
	r, since, shares, err := s.client.Consent(s.args[0])
	if err != nil {
		return err
	}
	return s.print(map[string]any{"consent": r, "since": since, "relied": shares}, func() {
		s.say("%s by %s at %s, entry %d", r.ID, r.Giver, r.At.Format("2006-01-02T15:04:05Z"), r.Entry)
		s.items(r.Items)
		for _, h := range since {
			s.say("then entry %d: %s", h.Entry, h.ID)
			s.items(h.Items)
		}
		for _, l := range shares {
			s.say("relied on by %s to %s at %s: %v", l.Share, l.To, l.At, l.Sections)
		}
		if len(shares) == 0 {
			s.say("no share of this agency relied on it")
		}
	})
}

func (s *session) items(list []consent.Item) {
	for _, i := range list {
		s.say("    %-10s %v %v %v %v %v", i.Status, i.Sections, i.Purposes, i.Recipients, i.Types, i.Jurisdictions)
	}
}

// withdrawConsent takes a consent back: all of it, or what -sections and -recipients list.
func withdrawConsent(ctx context.Context, s *session) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	w := consent.Withdrawal{Consent: s.args[0], Of: fairlead.AgencyID(s.of), HowTold: s.args[1]}
	for _, code := range list(s.sections) {
		w.Sections = append(w.Sections, fairlead.SectionCode(code))
	}
	for _, id := range list(s.recipients) {
		w.Recipients = append(w.Recipients, fairlead.AgencyID(id))
	}
	d, err := s.client.WithdrawalDraft(w)
	if err != nil {
		return err
	}
	return s.sign(ctx, d)
}
