package broker

import (
	"fmt"
	"testing"
	"time"

	"fairlead/internal/bus"
	"fairlead/internal/fairlead"
	"fairlead/internal/registry"
)

// TestManyCounts: where more agencies than a batch has room for have sent what could not be read, as after a faulty
// release, their counts go into several: a batch that is too large is never taken, and would be made again for ever.
func TestManyCounts(t *testing.T) {
	const agencies = 2 * bus.MaxBatch
	now, counts := time.Date(2027, 1, 4, 9, 0, 0, 0, time.UTC), map[fairlead.Account]unread{}
	for i := range agencies {
		counts[fairlead.Account(fmt.Sprint("A", i))] = unread{minute: now, seen: true, more: 1}
	}
	b, snap, rounds := &Broker{}, registry.New(), 0
	for ; len(counts) > 0 && rounds <= agencies; rounds++ {
		batch := &batch{snap: snap, unread: counts}
		b.flushUnread(batch, now.Add(time.Minute))
		if len(batch.messages) == 0 || len(batch.messages) >= bus.MaxBatch {
			t.Fatalf("a batch of %d messages", len(batch.messages))
		}
		snap = batch.snap
	}
	if snap.Size() != agencies || rounds < 2 {
		t.Errorf("%d entries in %d batches", snap.Size(), rounds)
	}
}
