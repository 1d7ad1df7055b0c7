package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"fairlead/internal/monitor"
)

// watch follows the hub's log and ends with an alarm at the first fault.
func watch(ctx context.Context, o *options) error {
	cfg, err := o.mirrorConfig()
	if err != nil {
		return err
	}
	err = monitor.Watch(ctx, monitor.WatchConfig{
		MirrorConfig: cfg, Every: o.every, Patience: o.patience, Until: o.until, Now: time.Now, Told: o.watched,
	})
	if fork, ok := errors.AsType[*monitor.Fork](err); ok {
		err = errors.Join(err, o.evidence(fork))
	}
	if err != nil {
		return fmt.Errorf("ALARM: %w", err)
	}
	return nil
}

// watched prints one look: a line, or a line of JSON.
func (o *options) watched(w monitor.Watched) {
	text := w.Words()
	if o.json {
		b, err := json.Marshal(w)
		if err != nil { // strings and numbers always marshal
			panic(err)
		}
		text = string(b) + "\n"
	}
	io.WriteString(o.stdout, text) //nolint:errcheck // a reader that went away does not stop the watch
}
