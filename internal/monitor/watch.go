package monitor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"fairlead/internal/fairlead"
)

// ErrAway means that the hub could not be reached, or answered that it cannot serve now. It is no fault of the log.
var ErrAway = errors.New("monitor: the hub is away")

// WatchConfig says what to follow.
type WatchConfig struct {
	MirrorConfig
	Every    time.Duration // between two looks; 0: 30 seconds
	Patience time.Duration // how long the hub may be away before that is a fault; 0: 15 minutes
	Until    int64         // ends the watch once so many entries are replayed; 0: never
	Told     func(Watched) // called after each look that found something new, and when the hub is away
	Now      func() time.Time
}

// Watched is what one look found.
type Watched struct {
	Size    int64                     `json:"size"`
	Root    string                    `json:"root"`
	New     int64                     `json:"new"` // entries since the last look
	Results map[fairlead.Result]int64 `json:"results"`
	Away    string                    `json:"away,omitempty"` // why the hub could not be reached
}

// Words is one line.
func (w Watched) Words() string {
	if w.Away != "" {
		return "the hub is away: " + w.Away + "\n"
	}
	what := ""
	if len(w.Results) > 0 {
		what = ": " + counts(w.Results)
	}
	return fmt.Sprintf("%d entries, %d new, verified and replayed%s; root %s\n", w.Size, w.New, what, w.Root)
}

// Watch follows the hub's log into a mirror: again and again it proves that the log only grew, verifies
// what is new and decides it again. It first verifies and replays what the mirror has. It returns nil
// when ctx ends or Until is reached, and an error at the first fault: ErrForked, ErrOlder, ErrHub, ErrAway
// after Patience, ErrAltered, or ErrReplay with the difference. The mirror stays as evidence.
func Watch(ctx context.Context, cfg WatchConfig) error {
	w := &watch{WatchConfig: cfg, p: newReplayer()}
	if w.Every <= 0 {
		w.Every = 30 * time.Second
	}
	if w.Patience <= 0 {
		w.Patience = 15 * time.Minute
	}
	w.seen = w.Now()
	tick := time.NewTicker(w.Every)
	defer tick.Stop()
	for {
		err := w.look(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil || w.Until > 0 && w.done >= w.Until {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// watch is one run: the register as it follows from the first done entries.
type watch struct {
	WatchConfig
	p    *replayer
	done int64
	seen time.Time // when the hub answered last
}

// look mirrors, verifies and replays what is new.
func (w *watch) look(ctx context.Context) error {
	report, err := Mirror(ctx, w.MirrorConfig)
	if errors.Is(err, ErrAway) {
		patient := w.Now().Sub(w.seen) < w.Patience
		w.Told(Watched{Size: w.done, Away: err.Error()})
		if patient {
			return nil
		}
	}
	if err != nil {
		return err
	}
	w.seen = w.Now()
	if w.done > 0 && report.Size == w.done {
		return nil
	}
	if w.done == 0 {
		if _, err := Verify(ctx, w.Dir, w.VKey); err != nil {
			return err
		}
	}
	return w.follow(ctx)
}

// follow replays the entries since the last look.
func (w *watch) follow(ctx context.Context) error {
	a, err := openArchive(w.Dir, w.VKey)
	if err == nil {
		err = a.reach()
	}
	if err != nil {
		return err
	}
	clear(w.p.tally.Results)
	from := w.done
	tell := progress(ctx, "replay", a.tree.N)
	err = a.from(ctx, from, nil, func(r *record) error {
		w.p.entry(r)
		w.done = r.index + 1
		tell(w.done)
		if len(w.p.tally.Differences) > 0 {
			return fmt.Errorf("%w: %s", ErrReplay, w.p.tally.Differences[0])
		}
		return nil
	})
	if err != nil {
		return err
	}
	w.Told(Watched{Size: a.tree.N, Root: rootText(a.tree.Hash), New: w.done - from, Results: maps.Clone(w.p.tally.Results)})
	return nil
}
