package monitor_test

import (
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"fairlead/internal/fairlead"
	"fairlead/internal/monitor"
)

// watching is a watch of a site; each look that found something is handed to looked, which may change the site.
func watching(t *testing.T, hub *site, vkey string, looked func(n int, w monitor.Watched)) monitor.WatchConfig {
	t.Helper()
	n := 0
	return monitor.WatchConfig{
		MirrorConfig: hub.config(filepath.Join(t.TempDir(), "m"), vkey), Every: time.Millisecond, Now: time.Now,
		Told: func(w monitor.Watched) { n++; looked(n, w) },
	}
}

// bounded ends a watch that nobody ends.
func bounded(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// show has a site serve another folder from now on.
func (s *site) show(dir string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dir = dir
}

// TestWatch follows a log as it grows, and ends when it is told to.
func TestWatch(t *testing.T) {
	l := real(t)
	pairs := readLog(t, l.dir, l.vkey)
	hub := serve(t, forge(t, l.skey, l.vkey, pairs[:10], nil))
	sizes := []int{10, 11, 20, len(pairs)}
	var words strings.Builder
	cfg := watching(t, hub, l.vkey, func(n int, w monitor.Watched) {
		if w.Size != int64(sizes[n-1]) || n > 1 && w.New != int64(sizes[n-1]-sizes[n-2]) {
			t.Errorf("look %d: %+v", n, w)
		}
		words.WriteString(w.Words())
		if n < len(sizes) {
			hub.show(forge(t, l.skey, l.vkey, pairs[:sizes[n]], nil))
		}
	})
	cfg.Until = int64(len(pairs))
	must(t, monitor.Watch(bounded(t), cfg))
	if !strings.Contains(words.String(), "11 entries, 1 new, verified and replayed") || !strings.Contains(words.String(), "delivered_redacted 1") {
		t.Error(words.String())
	}
	if _, err := monitor.Replay(t.Context(), cfg.Dir, l.vkey); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(bounded(t))
	cfg.Until, cfg.Told = 0, func(monitor.Watched) { cancel() }
	must(t, monitor.Watch(ctx, cfg))
}

// TestWatchAlarms: the first fault after a sound look ends the watch, by name.
func TestWatchAlarms(t *testing.T) {
	l := real(t)
	pairs := readLog(t, l.dir, l.vkey)
	half := len(pairs) / 2
	lied := append([]pair{}, pairs...)
	at := the(t, pairs, 1, share("assessment.share", fairlead.DeliveredRedacted))
	lied[at].detail, lied[at].raw = clonedDetail(t, lied[at].raw), nil
	lied[at].detail.Share.Decision.Sections[1].Delivered = true
	other := append([]pair{}, pairs...)
	other[3].detail, other[3].raw = clonedDetail(t, other[3].raw), nil
	other[3].detail.Salt[0] ^= 1
	for name, tt := range map[string]struct {
		next func(hub *site)
		want error
		says string
	}{
		"decides against the rules": {func(h *site) { h.show(forge(t, l.skey, l.vkey, lied, nil)) }, monitor.ErrReplay, "section 2, HEALTH-PHYS"},
		"rewrites the past":         {func(h *site) { h.show(forge(t, l.skey, l.vkey, other, nil)) }, monitor.ErrForked, "Keep both checkpoints"},
		"goes back":                 {func(h *site) { h.show(forge(t, l.skey, l.vkey, pairs[:half-2], nil)) }, monitor.ErrOlder, "restored from a copy"},
		"is signed by another":      {func(h *site) { h.show(forge(t, otherKey(t), l.vkey, pairs, nil)) }, monitor.ErrHub, "not this log's"},
		"alters a detail": {func(h *site) {
			dir := forge(t, l.skey, l.vkey, pairs, nil)
			flip(t, dir, "details/000", detailAt(t, dir, "details/000", half+1)+100)
			h.show(dir)
		}, monitor.ErrHub, "details that its log does not commit to"},
	} {
		t.Run(name, func(t *testing.T) {
			hub := serve(t, forge(t, l.skey, l.vkey, pairs[:half], nil))
			looks := 0
			err := monitor.Watch(bounded(t), watching(t, hub, l.vkey, func(n int, _ monitor.Watched) { looks = n; tt.next(hub) }))
			if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.says) || looks != 1 {
				t.Errorf("after %d looks: %v", looks, err)
			}
		})
	}
}

// TestWatchOfASilentHub: a hub that is away is told of, and is a fault when patience ends.
func TestWatchOfASilentHub(t *testing.T) {
	l := real(t)
	hub := serve(t, l.dir)
	var mu sync.Mutex
	now, away := time.Now(), 0
	cfg := watching(t, hub, l.vkey, func(_ int, w monitor.Watched) {
		mu.Lock()
		defer mu.Unlock()
		if w.Away != "" {
			away++
			now = now.Add(6 * time.Minute)
		}
		hub.mu.Lock()
		defer hub.mu.Unlock()
		hub.replace = func(string, []byte) ([]byte, int) { return nil, http.StatusServiceUnavailable }
	})
	cfg.Now = func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return now
	}
	if err := monitor.Watch(bounded(t), cfg); !errors.Is(err, monitor.ErrAway) || away != 4 {
		t.Errorf("told %d times: %v", away, err)
	}
	hub.Close()
	cfg.Told = func(w monitor.Watched) { now = now.Add(time.Hour) }
	if err := monitor.Watch(bounded(t), cfg); !errors.Is(err, monitor.ErrAway) {
		t.Errorf("not there at all: %v", err)
	}
}

// TestWatchBegins: what the mirror holds already is verified and replayed first.
func TestWatchBegins(t *testing.T) {
	l := real(t)
	hub := serve(t, l.dir)
	cfg := watching(t, hub, l.vkey, func(int, monitor.Watched) { t.Error("it went on") })
	_, err := monitor.Mirror(t.Context(), cfg.MirrorConfig)
	must(t, err)
	flip(t, cfg.Dir, "details/000", 99)
	if err := monitor.Watch(bounded(t), cfg); !errors.Is(err, monitor.ErrAltered) {
		t.Error(err)
	}
}
