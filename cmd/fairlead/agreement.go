package main

import (
	"context"
	"encoding/json"
	"time"

	"fairlead/internal/agreement"
	"fairlead/internal/client"
	"fairlead/internal/config"
	"fairlead/internal/fairlead"
)

// agreements lists the agreement versions on record that this agency has proved.
func agreements(ctx context.Context, s *session) error {
	if err := s.current(ctx); err != nil {
		return err
	}
	list := s.client.Snapshot().Agreements()
	return s.print(list, func() {
		for _, a := range list {
			s.say("%-8s %-10s %d of %d signed, %s to %s  %s", a.Ref(), a.State(time.Now()), len(a.Signed), len(a.Parties),
				a.From.Format(time.DateOnly), a.Until.Format(time.DateOnly), a.Title)
		}
		if len(list) == 0 {
			s.say("no agreement names this agency yet")
		}
	})
}

// propose sends an agreement file to its other parties.
func propose(ctx context.Context, s *session) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	var a agreement.Agreement
	if err := config.Load(s.args[0], &a); err != nil {
		return err
	}
	if err := a.Check(); err != nil {
		return err
	}
	record, err := a.Marshal()
	if err != nil {
		return err
	}
	d := &client.Draft{Kind: "agreement.proposal", Record: record}
	for _, id := range a.Parties {
		d.To = append(d.To, string(id))
	}
	return s.sign(ctx, d)
}

// signAgreement signs the digest of the very bytes that were proved to this agency.
func signAgreement(ctx context.Context, s *session) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	d, err := s.client.SignatureDraft(s.args[0])
	if err != nil {
		return err
	}
	return s.sign(ctx, d)
}

// changeAgreement suspends, resumes or ends an agreement at once.
func changeAgreement(action agreement.Action) func(context.Context, *session) error {
	return func(ctx context.Context, s *session) error {
		if err := s.ready(ctx); err != nil {
			return err
		}
		d, err := s.client.StatusDraft(s.args[0], action, s.args[1])
		if err != nil {
			return err
		}
		return s.sign(ctx, d)
	}
}

// rules signs the rules of this house and puts them on record.
func rules(ctx context.Context, s *session) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	var h agreement.House
	if err := config.Load(s.args[0], &h); err != nil {
		return err
	}
	if err := h.Check(); err != nil {
		return err
	}
	record, err := json.Marshal(h)
	if err != nil {
		return err
	}
	return s.sign(ctx, &client.Draft{Kind: "agency.rules", To: []string{string(fairlead.Hub)}, Record: record})
}
