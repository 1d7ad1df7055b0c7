package main

import (
	"context"
	"fmt"
	"strconv"

	"fairlead/internal/monitor"
)

// show prints one entry.
func show(_ context.Context, o *options) error {
	vkey, err := o.vkey()
	if err != nil {
		return err
	}
	n, err := strconv.ParseInt(o.word, 10, 64)
	if err != nil {
		return fmt.Errorf("%w: %q is no number of an entry", errUsage, o.word)
	}
	entry, err := monitor.Show(o.Mirror, vkey, n)
	if err != nil {
		return err
	}
	return o.print(&entry)
}
