package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"fairlead/internal/monitor"
)

// progressed has long work told on a terminal, and nowhere else: a line a second, none for what is short.
func progressed(ctx context.Context, stderr io.Writer) context.Context {
	f, ok := stderr.(*os.File)
	if !ok {
		return ctx
	}
	if info, err := f.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return ctx
	}
	return monitor.WithProgress(ctx, lines(f, time.Now))
}

// lines writes how far each work has come, the first line a second after it began.
func lines(w io.Writer, now func() time.Time) monitor.Progress {
	work, last := "", time.Time{}
	return func(at string, done, total int64) {
		if at != work {
			work, last = at, now()
		}
		if now().Sub(last) < time.Second {
			return
		}
		last = now()
		fmt.Fprintf(w, "%s: %d of %d entries\n", work, done, total)
	}
}
