package bus_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"fairlead/internal/bus"
	"fairlead/internal/fairlead"
	"fairlead/internal/natsd"
	"fairlead/internal/subject"
)

// take gets exactly n submissions.
func take(t testing.TB, h *bus.Hub, n int) (list []bus.Submission) {
	t.Helper()
	for len(list) < n {
		some, err := h.Submissions(within(t), n-len(list), 5*time.Second)
		if err != nil || len(some) == 0 {
			t.Fatalf("%d of %d submissions, %v", len(list), n, err)
		}
		list = append(list, some...)
	}
	return list
}

func none(t testing.TB, h *bus.Hub) {
	t.Helper()
	if list, err := h.Submissions(within(t), 10, 20*time.Millisecond); len(list) > 0 || err != nil {
		t.Errorf("%d submissions, %v; want none", len(list), err)
	}
}

func submit(t testing.TB, a *bus.Agency, on, text string) {
	t.Helper()
	if err := a.Publish(within(t), on, []byte(text)); err != nil {
		t.Fatal(err)
	}
}

func TestSubmissions(t *testing.T) {
	w := newWorld(t, natsd.Config{})
	m := w.enrol("RO")
	a := w.dial(m)
	none(t, w.hub)
	before := time.Now().Add(-time.Minute)
	submit(t, a, m.in(t, subject.ToHub, "consent.given"), "hello")
	got := take(t, w.hub, 1)[0]
	if got.Account != m.account || got.Alert || string(got.Data) != "hello" || got.Received.Before(before) {
		t.Errorf("submission %+v", got)
	}
	if err := got.Nak(); err != nil {
		t.Fatal(err)
	}
	again := w.openHub(0)
	if got := take(t, again, 1)[0]; string(got.Data) != "hello" {
		t.Errorf("given back, came as %q", got.Data)
	} else if err := got.Ack(); err != nil {
		t.Fatal(err)
	}
	none(t, w.hub)
	none(t, again)
}

func TestSubmissionsWake(t *testing.T) {
	w := newWorld(t, natsd.Config{})
	m := w.enrol("RO")
	a := w.dial(m)
	for range 3 {
		done := make(chan []bus.Submission)
		go func() {
			list, _ := w.hub.Submissions(within(t), 10, 8*time.Second)
			done <- list
		}()
		submit(t, a, m.in(t, "RO", "ack"), "x")
		list := <-done
		if len(list) != 1 {
			t.Fatalf("woken for %d", len(list))
		}
		if err := list[0].Ack(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAlertsFirstButNotAlone(t *testing.T) {
	w := newWorld(t, natsd.Config{})
	m := w.enrol("RO")
	a := w.dial(m)
	alert, err := subject.Alert("RO", m.account, "alert.missing")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		submit(t, a, m.in(t, "RO", "ack"), fmt.Sprint("plain ", i))
	}
	for i := range 20 {
		submit(t, a, alert, fmt.Sprint("alert ", i))
	}
	list := take(t, w.hub, 8)
	var got []string
	for _, s := range list {
		got = append(got, string(s.Data))
		if s.Alert != (string(s.Data[:5]) == "alert") {
			t.Errorf("%q: Alert is %v", s.Data, s.Alert)
		}
	}
	if want := []string{"alert 0", "alert 1", "alert 2", "alert 3", "alert 4", "alert 5", "plain 0", "plain 1"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// One agency that floods the intake, on every subject it can think of, is refused alone.
func TestFloodStopsItsSenderOnly(t *testing.T) { everywhere(t, testFloodStopsItsSenderOnly) }

func testFloodStopsItsSenderOnly(t *testing.T, w *world) {
	const each = 4
	w.hub = w.openHub(2 * each * subject.MaxMessage)
	flooder, other := w.enrol("RO"), w.enrol("RO")
	flood, calm := w.dial(flooder), w.dial(other)
	for n := range 3 * each {
		kind := fmt.Sprintf("flood_%c", 'a'+n)
		on := flooder.in(t, fairlead.Jurisdiction([]string{"RO", "FR", "GB-ENG"}[n%3]), kind)
		err := flood.Publish(within(t), on, make([]byte, 1000))
		if (n < each) != (err == nil) || err != nil && !errors.Is(err, bus.ErrFull) {
			t.Fatalf("message %d of the flood: %v", n, err)
		}
	}
	submit(t, calm, other.in(t, "RO", "ack"), "calm")
	alert, err := subject.Alert("RO", flooder.account, "alert.missing")
	if err != nil {
		t.Fatal(err)
	}
	submit(t, flood, alert, "an alert passes by the flood")
	for _, s := range take(t, w.hub, each+2) {
		if err := s.Ack(); err != nil {
			t.Fatal(err)
		}
	}
	none(t, w.hub) // the acknowledgements are settled before the next pull
	submit(t, flood, flooder.in(t, "RO", "ack"), "room again")
}

func TestTwoBrokersShareTheIntake(t *testing.T) {
	w := newWorld(t, natsd.Config{})
	other := w.openHub(0)
	m := w.enrol("RO")
	a := w.dial(m)
	for i := range 10 {
		submit(t, a, m.in(t, "RO", "ack"), fmt.Sprint(i))
	}
	seen := map[string]bool{}
	for _, s := range append(take(t, w.hub, 5), take(t, other, 5)...) {
		seen[string(s.Data)] = true
	}
	if len(seen) != 10 {
		t.Errorf("two brokers took %d different submissions of 10", len(seen))
	}
}
