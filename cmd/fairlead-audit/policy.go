package main

import (
	"context"
	"fmt"
	"strconv"

	"fairlead/internal/agreement"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/monitor"
	"fairlead/internal/officer"
)

// policies are the tools of a data-protection officer, on the register of a mirror: how many arguments
// each takes after the folder, and what it does.
var policies = map[string]struct {
	args int
	do   func(context.Context, *options) error
}{"lint": {-1, lint}, "matrix": {2, matrix}, "diff": {2, diff}, "explain": {1, explain}}

// book is the register after the last entry of the mirror, at its time.
func (o *options) book(ctx context.Context) (*officer.Book, error) {
	vkey, err := o.vkey()
	if err != nil {
		return nil, err
	}
	snap, _, err := monitor.At(ctx, o.Mirror, vkey, -1)
	if err != nil {
		return nil, err
	}
	b := snap.Book(snap.Last())
	return &b, nil
}

// lint reads one agreement on record, or all of them.
func lint(ctx context.Context, o *options) error {
	b, err := o.book(ctx)
	if err != nil {
		return err
	}
	found := officer.Findings{}
	for _, s := range b.Agreements {
		if len(o.rest) == 0 || o.rest[0] == s.Ref() {
			found = append(found, b.Lint(s)...)
		}
	}
	if len(o.rest) > 0 && b.Agreement(o.rest[0]) == nil {
		return fmt.Errorf("agreement %s is not on record", o.rest[0])
	}
	if err := o.print(found); err != nil {
		return err
	}
	return found.Err()
}

func matrix(ctx context.Context, o *options) error {
	b, err := o.book(ctx)
	if err != nil {
		return err
	}
	for _, id := range o.rest {
		if b.Agency(fairlead.AgencyID(id)) == nil {
			return fmt.Errorf("%s is not in the register", id)
		}
	}
	return o.print(b.MatrixOf(fairlead.AgencyID(o.rest[0]), fairlead.AgencyID(o.rest[1])))
}

func diff(ctx context.Context, o *options) error {
	b, err := o.book(ctx)
	if err != nil {
		return err
	}
	var docs []*agreement.Agreement
	for _, ref := range o.rest {
		s := b.Agreement(ref)
		if s == nil {
			return fmt.Errorf("agreement %s is not on record", ref)
		}
		docs = append(docs, &s.Agreement)
	}
	return o.print(officer.DiffOf(docs[0], docs[1], b.TypeOf))
}

// explain tells why an entry was decided as it was, on the register before it. It shows what the sender
// is not told.
func explain(ctx context.Context, o *options) error {
	n, err := strconv.ParseInt(o.rest[0], 10, 64)
	if err != nil || n < 0 {
		return fmt.Errorf("%w: %q is no number of an entry", errUsage, o.rest[0])
	}
	vkey, err := o.vkey()
	if err != nil {
		return err
	}
	snap, d, err := monitor.At(ctx, o.Mirror, vkey, n)
	if err != nil {
		return err
	}
	if d == nil || d.Share == nil {
		return fmt.Errorf("entry %d decides no share; see: fairlead-audit show", n)
	}
	c := officer.Case{Name: fmt.Sprintf("entry %d", n), Decision: d.Share.Decision}
	if h, err := d.Share.Parsed(); err == nil {
		c.Header = h
	}
	for _, raw := range d.Share.Descriptors {
		desc, err := envelope.ParseDescriptor(raw)
		if err != nil {
			break
		}
		c.Descriptors = append(c.Descriptors, desc)
	}
	b := snap.Book(snap.Last())
	return o.print(b.Explain(c))
}
