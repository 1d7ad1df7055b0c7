package broker

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"fairlead/internal/bus"
	"fairlead/internal/entry"
	"fairlead/internal/fairlead"
	"fairlead/internal/registry"
)

// act is something the operator does to the register; it waits in the broker's loop for its turn.
type act struct {
	action string
	record []byte
	err    error
	done   chan error
}

// Enrol puts an agency on record. Its request proves itself; the account was made by the hub.
func (b *Broker) Enrol(ctx context.Context, a *registry.Agency) error { return b.act(ctx, "enrol", a) }

// Reenrol gives an agency on record new keys, which its root has authorised.
func (b *Broker) Reenrol(ctx context.Context, a *registry.Agency) error {
	return b.act(ctx, registry.Reenrol, a)
}

// SetRules replaces groups, country rules and tables of law.
func (b *Broker) SetRules(ctx context.Context, r registry.Rules) error { return b.act(ctx, "rules", r) }

// SetOperators replaces the list of the hub's operators.
func (b *Broker) SetOperators(ctx context.Context, r registry.Operators) error {
	return b.act(ctx, "operators", r)
}

// Refuse puts on record that a request was not approved.
func (b *Broker) Refuse(ctx context.Context, r registry.Refusal) error {
	return b.act(ctx, "refuse", r)
}

// Remove stops an agency for good.
func (b *Broker) Remove(ctx context.Context, s registry.Suspension) error {
	return b.act(ctx, "remove", s)
}

// Audit puts on record that an auditor was given a credential, or reads: registry.Auditor, registry.Read.
func (b *Broker) Audit(ctx context.Context, action string, a registry.Auditing) error {
	return b.act(ctx, action, a)
}

// LastRead is when an auditor was last put on record as reading; zero: never.
func (b *Broker) LastRead(auditor string) time.Time { return b.shown.Load().LastRead(auditor) }

// Operators lists the hub's operators.
func (b *Broker) Operators() []registry.Operator { return b.shown.Load().Operators() }

// Suspend stops an agency from sending and receiving, or lets it again.
func (b *Broker) Suspend(ctx context.Context, yes bool, s registry.Suspension) error {
	action := "resume"
	if yes {
		action = "suspend"
	}
	return b.act(ctx, action, s)
}

func (b *Broker) act(ctx context.Context, action string, record any) error {
	a, err := newAct(action, record)
	if err != nil {
		return err
	}
	select {
	case b.acts <- a:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-a.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func newAct(action string, record any) (*act, error) {
	raw, err := json.Marshal(record)
	return &act{action: action, record: raw, done: make(chan error, 1)}, err
}

func (b *Broker) takeActs() (acts []*act) {
	for {
		select {
		case a := <-b.acts:
			acts = append(acts, a)
		default:
			return acts
		}
	}
}

// decideAct folds an act; one that does not fold is answered with the reason and leaves nothing.
func (b *Broker) decideAct(ctx context.Context, batch *batch, a *act, now time.Time) error {
	record, tombs := a.record, []tomb(nil)
	if a.action == registry.Erase {
		var err error
		if record, tombs, err = b.order(ctx, batch, a.record, now); err != nil {
			return fmt.Errorf("%s: %w", a.action, err)
		}
		if len(batch.messages)+len(tombs)+perEmptying*len(recipients(tombs)) >= bus.MaxBatch {
			return fmt.Errorf("%s: there is too much to do now; try again in a moment", a.action)
		}
	}
	l := entry.Leaf{Class: entry.ClassRegister, Outcome: entry.OutcomeControl, At: now, Share: fairlead.NewShareID(), From: fairlead.Hub, To: fairlead.Hub}
	e, err := batch.append(l, &entry.Detail{Register: &entry.Register{Action: a.action, Record: record}})
	if err != nil {
		return fmt.Errorf("%s: %w", a.action, err)
	}
	b.forward(batch, e)
	batch.bury(e.index, tombs)
	b.emptyWith(batch, e.index, tombs, now)
	return nil
}

// answer tells the callers of Act; an act's own fault comes first.
func answer(acts []*act, err error) {
	for _, a := range acts {
		if a.err != nil {
			a.done <- a.err
		} else {
			a.done <- err
		}
	}
}
