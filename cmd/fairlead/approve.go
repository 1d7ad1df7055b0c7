package main

import (
	"context"

	"fairlead/internal/fairlead"
)

// addStaff makes a key for one of the agency's people and puts it on record.
func addStaff(ctx context.Context, s *session) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	d, err := s.home.StaffDraft(s.client, s.args[0], fairlead.Role(s.args[1]))
	if err != nil {
		return err
	}
	return s.sign(ctx, d)
}

// removeStaff says that one of the agency's people signs no more.
func removeStaff(ctx context.Context, s *session) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	d, err := s.home.LeaverDraft(s.client, s.args[0], fairlead.Role(s.args[1]))
	if err != nil {
		return err
	}
	return s.sign(ctx, d)
}

// approve signs, as -user in -role, for a share of this agency that is held.
func approve(ctx context.Context, s *session) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	id, err := fairlead.ParseShareID(s.args[0])
	if err != nil {
		return err
	}
	d, err := s.home.ApprovalDraft(s.client, id, s.User, s.Role, []string{s.args[1]})
	if err != nil {
		return err
	}
	ids, err := s.client.Send(d)
	if err != nil {
		return err
	}
	if err := s.await(ctx, ids...); err != nil {
		return err
	}
	if err := s.catchUp(ctx); err != nil { // the release comes with the approval's own verdict
		return err
	}
	return s.await(ctx, id)
}

// own shows what this agency sent, from its own sealed copy: a second person reads before approving.
func own(ctx context.Context, s *session) error {
	if err := s.open(ctx); err != nil {
		return err
	}
	id, err := fairlead.ParseShareID(s.args[0])
	if err != nil {
		return err
	}
	d, err := s.client.OwnContent(id)
	if err != nil {
		return err
	}
	return s.print(d, func() {
		s.say("%s to %v by %s %s, purpose %s, threshold %s", d.Kind, d.To, d.Role, d.User, d.Purpose, d.Threshold)
		for _, sec := range d.Sections {
			s.say("\n%s %s %v", sec.Code, sec.Override, sec.Caveats)
			if sec.Type == "json" {
				s.say("%s", sec.Content)
			} else {
				s.say("[%d bytes of %s]", len(sec.Content), sec.Type)
			}
		}
	})
}

// ready opens the folder, takes what has arrived and knows who signs.
func (s *session) ready(ctx context.Context) error {
	if err := s.who(); err != nil {
		return err
	}
	return s.current(ctx)
}
