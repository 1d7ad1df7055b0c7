package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"fairlead/internal/monitor"
)

// verify checks a mirror, a receipt or a pack and prints what is wrong with it; of a mirror, with a policy,
// also who cosigned it.
func verify(ctx context.Context, o *options) error {
	if info, err := os.Stat(o.Mirror); err == nil && info.Mode().IsRegular() {
		return o.verifyFile(ctx)
	}
	if err := o.check(ctx, monitor.Verify); err != nil || o.Policy == "" {
		return err
	}
	if o.Cosigned == "" {
		return fmt.Errorf("%w: -policy wants -cosigned FILE beside it", errUsage)
	}
	return o.checkCosigned()
}

// check runs a check of the mirror and prints its report, where there is one.
func (o *options) check(ctx context.Context, f func(ctx context.Context, dir, vkey string) (monitor.Report, error)) error {
	vkey, err := o.vkey()
	if err != nil {
		return err
	}
	report, err := f(ctx, o.Mirror, vkey)
	if report.Done == "" {
		return err
	}
	return errors.Join(err, o.print(&report))
}
