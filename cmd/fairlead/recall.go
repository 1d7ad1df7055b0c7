package main

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"fairlead/internal/client"
	"fairlead/internal/fairlead"
	"fairlead/internal/policy"
)

// askBack recalls a share of this agency: its recipient is asked for it back, and what it has not fetched yet
// is deleted at the hub.
func askBack(ctx context.Context, s *session) error {
	return s.about(ctx, func(id fairlead.ShareID) (*client.Draft, error) {
		return s.client.RecallDraft(id, s.args[1], s.args[2], s.danger)
	})
}

// answerRecall says what became of a message that its sender has asked back, and does here what it says.
// With -harm the page on the harm goes along, a file of JSON.
func answerRecall(ctx context.Context, s *session) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	id, err := fairlead.ParseShareID(s.args[0])
	if err != nil {
		return err
	}
	d := &client.Draft{Role: s.Role, User: s.User}
	if s.harm != "" {
		content, err := os.ReadFile(filepath.Clean(s.harm))
		if err != nil {
			return err
		}
		d.Sections = []client.DraftSection{{Code: "RISK", Type: "json", Content: content}}
	}
	sent, err := s.client.AnswerRecall(id, s.args[1], d)
	if err != nil {
		return err
	}
	return s.await(ctx, sent)
}

// escalate takes a share one level up at the other party.
func escalate(ctx context.Context, s *session) error {
	return s.about(ctx, func(id fairlead.ShareID) (*client.Draft, error) { return s.client.EscalationDraft(id, s.args[1]) })
}

// permit lets the recipient of a share of this agency pass -sections of it on to -recipients, to the end of a day.
func permit(ctx context.Context, s *session) error {
	return s.about(ctx, func(id fairlead.ShareID) (*client.Draft, error) {
		until, err := time.Parse(time.DateOnly, s.args[1])
		if err != nil {
			return nil, err
		}
		g := policy.Grant{Share: id, Until: fairlead.At(until.AddDate(0, 0, 1))}
		for _, code := range list(s.sections) {
			g.Sections = append(g.Sections, fairlead.SectionCode(code))
		}
		for _, to := range list(s.recipients) {
			g.To = append(g.To, fairlead.AgencyID(to))
		}
		return s.client.PermissionDraft(g)
	})
}

// about sends a draft that is about the share named first, signed by -role and -user.
func (s *session) about(ctx context.Context, draft func(fairlead.ShareID) (*client.Draft, error)) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	id, err := fairlead.ParseShareID(s.args[0])
	if err != nil {
		return err
	}
	d, err := draft(id)
	if err != nil {
		return err
	}
	return s.sign(ctx, d)
}

// sign sends a draft, signed by -role and -user.
func (s *session) sign(ctx context.Context, d *client.Draft) error {
	d.Role, d.User = s.Role, s.User
	ids, err := s.client.Send(d)
	if err != nil {
		return err
	}
	return s.await(ctx, ids...)
}
