package main

import (
	"context"

	"fairlead/internal/monitor"
)

// replay decides everything again and prints what does not follow.
func replay(ctx context.Context, o *options) error { return o.check(ctx, monitor.Replay) }
