package monitor_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"fairlead/internal/monitor"
	"fairlead/internal/tlog"
)

// TestHoldNeverEnds: a share that was approved, and that the hub neither delivers nor refuses, is missed.
func TestHoldNeverEnds(t *testing.T) {
	l := acceptance(t)
	pairs := readLog(t, l.dir, l.vkey)
	at := the(t, pairs, 1, func(p pair) bool { return p.detail.Share != nil && p.detail.Share.Releases != nil })
	held := *pairs[at].detail.Share.Releases
	skey, vkey, err := tlog.GenerateKey("hub.fairlead.example/log")
	must(t, err)
	r, err := monitor.Replay(t.Context(), forge(t, skey, vkey, longer(pairs[:at:at], at+150), nil), vkey)
	if !errors.Is(err, monitor.ErrReplay) || !strings.Contains(r.Words(), fmt.Sprintf("the hub ends the hold of entry %d", held)) {
		t.Errorf("%v\n%s", err, r.Words())
	}
}
