package main

import (
	"context"
	"errors"
	"fmt"

	"fairlead/internal/monitor"
)

// errBreach: an answer found what must not be.
var errBreach = errors.New("something is on record that must not be")

// search prints the entries that a query finds.
func search(ctx context.Context, o *options) error {
	return o.answer(ctx, func(x *monitor.Index) (*monitor.Answer, error) { return x.Search(ctx, o.query) })
}

// ask answers an audit question, or lists them all.
func ask(ctx context.Context, o *options) error {
	if o.word == "" {
		return o.print(monitor.AllQuestions())
	}
	return o.answer(ctx, func(x *monitor.Index) (*monitor.Answer, error) { return x.Ask(ctx, o.word, o.query) })
}

// index opens the index of the mirror for f.
func (o *options) index(ctx context.Context, f func(*monitor.Index) error) error {
	vkey, err := o.vkey()
	if err != nil {
		return err
	}
	x, err := monitor.OpenIndex(ctx, o.Mirror, vkey, o.fresh)
	if err != nil {
		return err
	}
	return errors.Join(f(x), x.Close())
}

// answer prints what f finds.
func (o *options) answer(ctx context.Context, f func(*monitor.Index) (*monitor.Answer, error)) error {
	return o.index(ctx, func(x *monitor.Index) error {
		a, err := f(x)
		if errors.Is(err, monitor.ErrQuestion) {
			return fmt.Errorf("%w: %w", errUsage, err)
		}
		if err != nil {
			return err
		}
		if a.Breach {
			err = fmt.Errorf("%s: %w", a.ID, errBreach)
		}
		return errors.Join(o.print(a), err)
	})
}
