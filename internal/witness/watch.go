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
	size    int64 // largest checkpoint noted
	waiting []waiting
}

// waiting is the first checkpoint of a second that no quorum has cosigned yet.
type waiting struct {
	size int64
	at   time.Time
}

// Checkpoint notes that the log signed a checkpoint of this size.
func (w *Watch) Checkpoint(size int64, at time.Time) {
	if size <= w.size {
		return
	}
	w.size = size
	if n := len(w.waiting); n == 0 || n < maxWaiting && at.Sub(w.waiting[n-1].at) >= time.Second {
		w.waiting = append(w.waiting, waiting{size, at})
	}
}

// Cosigned notes that a quorum cosigned a checkpoint of this size: all before it are seen too. What came after it
// within the same second waits since then.
func (w *Watch) Cosigned(size int64) {
	var last waiting
	w.waiting = slices.DeleteFunc(w.waiting, func(x waiting) bool {
		if x.size <= size {
			last = x
		}
		return x.size <= size
	})
	if size < w.size && !last.at.IsZero() && len(w.waiting) == 0 {
		w.waiting = append(w.waiting, waiting{size + 1, last.at})
	}
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
