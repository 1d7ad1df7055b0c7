package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"fairlead/internal/agreement"
	"fairlead/internal/client"
	"fairlead/internal/config"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/officer"
	"fairlead/internal/policy"
)

// book is the register as this agency has proved it.
func (s *session) book() officer.Book { return s.client.Snapshot().Book(time.Now()) }

// told prints what has words for people.
func (s *session) told(v interface{ Words() string }) error {
	return s.print(v, func() { fmt.Fprint(s.stdout, v.Words()) })
}

// document finds an agreement by reference on record, or in a file.
func document(b *officer.Book, name string) (*agreement.Standing, error) {
	if s := b.Agreement(name); s != nil {
		return s, nil
	}
	if _, err := os.Stat(name); err != nil {
		return nil, fmt.Errorf("%s is neither an agreement on record here nor a file; see: fairlead agreement list", name)
	}
	a := &agreement.Standing{ActiveBy: -1}
	return a, config.Load(name, &a.Agreement)
}

// show is an agreement as a person reads it before signing.
func show(ctx context.Context, s *session) error {
	if err := s.current(ctx); err != nil {
		return err
	}
	b := s.book()
	a, err := document(&b, s.args[0])
	if err != nil {
		return err
	}
	return s.told(b.SheetOf(a))
}

// lint reads an agreement as a data-protection officer would, before it is proposed or while it is in force.
func lint(ctx context.Context, s *session) error {
	if err := s.current(ctx); err != nil {
		return err
	}
	b := s.book()
	a, err := document(&b, s.args[0])
	if err != nil {
		return err
	}
	found := b.Lint(a)
	if file := s.args[0]; b.Agreement(file) == nil {
		found.In(file, func(term string) int { return config.LineOf(file, "terms", term) })
	}
	if err := s.told(found); err != nil {
		return err
	}
	return found.Err()
}

// matrix shows who may send what to whom between two agencies.
func matrix(ctx context.Context, s *session) error {
	if err := s.current(ctx); err != nil {
		return err
	}
	b := s.book()
	for _, id := range s.args {
		if b.Agency(fairlead.AgencyID(id)) == nil {
			return fmt.Errorf("%s is not in the register; see: fairlead agencies", id)
		}
	}
	return s.told(b.MatrixOf(fairlead.AgencyID(s.args[0]), fairlead.AgencyID(s.args[1])))
}

// diff shows what another version opens and closes.
func diff(ctx context.Context, s *session) error {
	if err := s.current(ctx); err != nil {
		return err
	}
	b := s.book()
	var docs []*agreement.Standing
	for _, name := range s.args {
		a, err := document(&b, name)
		if err != nil {
			return err
		}
		if err := a.Check(); err != nil {
			return err
		}
		docs = append(docs, a)
	}
	return s.told(officer.DiffOf(&docs[0].Agreement, &docs[1].Agreement, b.TypeOf))
}

// explain tells why a share of this agency was decided as it was, or how a draft would be.
func explain(ctx context.Context, s *session) error {
	if err := s.current(ctx); err != nil {
		return err
	}
	b := s.book()
	id, err := fairlead.ParseShareID(s.args[0])
	if err != nil {
		return s.explainDraft(&b)
	}
	sent, err := s.client.Sent(id)
	if err != nil {
		return err
	}
	if sent.Verdict == nil {
		return fmt.Errorf("%s is %s; the hub has not decided yet", id, sent.State)
	}
	h, ds, err := sent.Asked()
	if err != nil {
		return err
	}
	v := sent.Verdict
	return s.told(b.Explain(officer.Case{Name: id.String(), Header: h, Descriptors: ds, Decision: policy.Decision{
		Result: v.Result, Ground: v.Ground, Agreement: v.Agreement, Causes: v.Causes, Holds: v.Holds, Sections: v.Sections, Due: v.Due, Oblige: v.Oblige,
	}}))
}

// accounts are those of a draft, one a recipient.
type accounts []officer.Account

// Words sets them one after the other.
func (list accounts) Words() (text string) {
	for i, a := range list {
		if i > 0 {
			text += "\n"
		}
		text += a.Words()
	}
	return text
}

func (s *session) explainDraft(b *officer.Book) error {
	if _, err := os.Stat(s.args[0]); err != nil {
		return fmt.Errorf("%s is neither the id of a share nor a draft file", s.args[0])
	}
	d, err := s.draft(s.args[0])
	if err != nil {
		return err
	}
	previews, err := s.client.Preview(d)
	if err != nil {
		return err
	}
	var list accounts
	for _, p := range previews {
		h, ds := declared(d, s.client, p.To)
		list = append(list, b.Explain(officer.Case{Name: s.args[0], Header: h, Descriptors: ds, Decision: p.Decision}))
	}
	return s.told(list)
}

// declared is what a draft declares to one recipient, for the account's words.
func declared(d *client.Draft, c *client.Client, to fairlead.AgencyID) (*envelope.Header, []*envelope.Descriptor) {
	h := &envelope.Header{
		Kind: d.Kind, Purpose: d.Purpose, Basis: d.Basis, S16LA: d.S16LA, From: envelope.From{Agency: c.Agency(), Role: d.Role, User: d.User}, To: envelope.To{Agency: to},
	}
	var ds []*envelope.Descriptor
	for _, sec := range d.Sections {
		if len(sec.Only) == 0 || slices.Contains(sec.Only, to) {
			ds = append(ds, &envelope.Descriptor{Code: sec.Code, Art9: sec.Art9, Sch1: sec.Sch1, P18: sec.P18, Art10: sec.Art10})
		}
	}
	return h, ds
}
