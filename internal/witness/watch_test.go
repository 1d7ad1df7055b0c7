package witness_test

import (
	"testing"
	"time"

	"fairlead/internal/witness"
)

// TestWatch: the wait begins with the first checkpoint that no quorum has cosigned, and ends with one that covers it.
func TestWatch(t *testing.T) {
	at := func(seconds float64) time.Time { return noon.Add(time.Duration(seconds * float64(time.Second))) }
	var w witness.Watch
	since := func(want, now float64, late bool) {
		t.Helper()
		if got := w.Since(); want < 0 && !got.IsZero() || want >= 0 && !got.Equal(at(want)) || w.Late(at(now)) != late {
			t.Errorf("since %v, late %v", got.Sub(noon), w.Late(at(now)))
		}
	}
	w.Checkpoint(0, at(0)) // an empty log has nothing to witness
	since(-1, 100, false)
	w.Checkpoint(5, at(0))
	w.Checkpoint(5, at(3)) // the same once more
	since(0, 60, false)
	since(0, 60.001, true)
	w.Checkpoint(7, at(10))
	w.Checkpoint(8, at(10.5)) // within the second of 7
	w.Cosigned(4)             // not far enough
	since(0, 61, true)
	w.Cosigned(5)
	since(10, 70, false)
	since(10, 71, true)
	w.Cosigned(7) // 8 waits on, since the second of 7
	since(10, 71, true)
	w.Cosigned(7)
	since(10, 71, true)
	w.Checkpoint(9, at(60))
	w.Cosigned(7) // 9 hides nothing
	since(10, 71, true)
	w.Cosigned(8)
	since(60, 71, false)
	w.Cosigned(9)
	since(-1, 1000, false)
	w.Checkpoint(9, at(1001)) // seen
	since(-1, 1002, false)
	for i := range 5000 { // a quorum that stays away costs no memory without end
		w.Checkpoint(int64(10+i), at(2000+float64(i)))
	}
	since(2000, 2061, true)
	w.Cosigned(2000)
	if w.Since().IsZero() {
		t.Error("what was not cosigned is forgotten")
	}
	w.Cosigned(5009)
	since(-1, 9000, false)
}
