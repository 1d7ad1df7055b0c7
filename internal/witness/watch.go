package witness

import (
	"slices"
	"time"
)

// Within is how long after a checkpoint a quorum of witnesses may take before it is an alarm.
const Within = time.Minute

// maxWaiting bounds what a Watch keeps: by then it has been late for long.
const maxWaiting = 256

// Watch knows since when a log has grown past what its witnesses have cosigned. The zero value is a log without
// entries. It has no clock: instants are arguments, and do not decrease.
type Watch struct {
	size    int64 // of the largest checkpoint noted
	waiting []waiting
}

// waiting is the checkpoints of one second that no quorum has cosigned yet.
type waiting struct {
	size int64 // of the largest
	at   time.Time
}

// Checkpoint notes that the log signed a checkpoint of this size.
func (w *Watch) Checkpoint(size int64, at time.Time) {
	n := len(w.waiting)
	switch {
	case size <= w.size:
	case n > 0 && (n == maxWaiting || at.Sub(w.waiting[n-1].at) < time.Second):
		w.waiting[n-1].size = size
	default:
		w.waiting = append(w.waiting, waiting{size, at})
	}
	w.size = max(w.size, size)
}

// Cosigned notes that a quorum cosigned a checkpoint of this size: all before it are seen too.
func (w *Watch) Cosigned(size int64) {
	w.waiting = slices.DeleteFunc(w.waiting, func(x waiting) bool { return x.size <= size })
}

// Since is when the first checkpoint was signed that no quorum has cosigned yet; zero: there is none.
func (w *Watch) Since() time.Time {
	if len(w.waiting) == 0 {
		return time.Time{}
	}
	return w.waiting[0].at
}

// Late reports whether a checkpoint has waited for longer than Within.
func (w *Watch) Late(at time.Time) bool {
	return len(w.waiting) > 0 && at.Sub(w.waiting[0].at) > Within
}
