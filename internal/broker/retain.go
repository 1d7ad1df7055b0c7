package broker

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"fairlead/internal/entry"
	"fairlead/internal/registry"
	"fairlead/internal/tlog"
)

// retention is how far the retention of details has come (RT-HUB-HEADER of domain §2.3).
type retention struct {
	done time.Time // day of the hub's clock on which nothing was left to do
	next int64     // entry to look at; those before are erased or must stay
}

// maxLooked is how many entries one turn looks at, so that shares need not wait.
const maxLooked = 20_000

// retain orders details erased whose time is over: one order a turn, until there is nothing left to do on this day.
func (b *Broker) retain(ctx context.Context, batch *batch, now time.Time) {
	day := now.Truncate(24 * time.Hour)
	if b.retained.done.Equal(day) || b.tree.Size() == 0 {
		return
	}
	due, next, all, err := b.due(ctx, batch.snap, now)
	if err == nil && len(due) > 0 {
		var a *act
		if a, err = newAct(registry.Erase, registry.Erasing{Class: registry.RetentionHeader, Reason: "retention", Details: due}); err == nil {
			err = b.decideAct(ctx, batch, a, now)
		}
	}
	if err != nil {
		b.cfg.Log.Error().Err(err).Msg("details not erased by retention; trying again tomorrow")
		batch.retained.done = day
		return
	}
	batch.retained.next = next
	if all {
		batch.retained.done = day
	}
}

// errEnough ends a look at entries.
var errEnough = errors.New("enough")

// due lists the next details whose time is over; all: there are no more. Those that must stay are left out.
func (b *Broker) due(ctx context.Context, snap *registry.Snapshot, now time.Time) (list []registry.Detail, next int64, all bool, err error) {
	before, tree := snap.Outlived(now), b.tree.Tree()
	next = b.retained.next
	reader, err := tlog.OpenReader(filepath.Join(b.cfg.Dir, LogDir), tree)
	if err != nil {
		return nil, next, false, err
	}
	end := min(next+maxLooked, tree.N)
	err = reader.Entries(ctx, next, end, func(index int64, leaf []byte) error {
		l, err := entry.ParseLeaf(leaf)
		switch {
		case err != nil:
			return err
		case l.At.After(before):
			all = true
			return errEnough
		case len(list) == registry.MaxErase:
			return errEnough
		}
		next = index + 1
		if d, err := snap.Order(l, index); err == nil && snap.Erasable(d, list) == nil {
			list = append(list, d)
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return list, next, all || next == tree.N, err
}
