package monitor

import (
	"context"
	"fmt"

	"fairlead/internal/entry"
	"fairlead/internal/registry"
)

// At folds a mirror up to an entry: the register as the broker had it when it decided the entry, and the
// entry itself. With index -1 it is the register after the last entry, and no entry. Every entry on the
// way is authenticated; errors wrap ErrMirror or ErrAltered. vkey is as in Verify.
func At(ctx context.Context, dir, vkey string, index int64) (snap *registry.Snapshot, d *entry.Detail, err error) {
	a, err := openArchive(dir, vkey)
	if err != nil {
		return nil, nil, err
	}
	if err := a.reach(); err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrAltered, err)
	}
	if index >= a.tree.N || index < -1 {
		return nil, nil, fmt.Errorf("%w: it has no entry %d: it has %d, numbered from 0", ErrMirror, index, a.tree.N)
	}
	p := newReplayer()
	err = a.each(ctx, func(r *record) error {
		switch {
		case index >= 0 && r.index > index:
		case r.index == index:
			d, err = r.detail, r.why
			return err
		case r.blank:
			p.erased(r.leaf)
		case r.detail == nil:
			p.skip()
		default:
			p.fold(r.leaf, r.detail)
		}
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w; verify the mirror", ErrAltered, err)
	}
	return p.snap, d, nil
}
