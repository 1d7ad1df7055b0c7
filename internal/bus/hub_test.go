package bus_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"

	"fairlead/internal/bus"
	"fairlead/internal/natsd"
	"fairlead/internal/subject"
)

func entries(n int, text string) []bus.OutMsg {
	list := make([]bus.OutMsg, n)
	for i := range list {
		list[i] = bus.OutMsg{Subject: subject.Entry, Data: fmt.Appendf(nil, "%s %d", text, i)}
	}
	return list
}

// ledger reads everything from a sequence.
func ledger(t testing.TB, h *bus.Hub, from uint64, on string) (list []string) {
	t.Helper()
	err := h.ReadLedger(within(t), from, on, func(sequence uint64, on string, data []byte) error {
		list = append(list, fmt.Sprintf("%d %s %s", sequence, on, data))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestCommitAndRead(t *testing.T) {
	w := newWorld(t, natsd.Config{})
	ctx := within(t)
	if last, err := w.hub.LastSeq(ctx); last != 0 || err != nil {
		t.Fatalf("empty ledger ends at %d, %v", last, err)
	}
	if got := ledger(t, w.hub, 1, ""); len(got) > 0 {
		t.Errorf("empty ledger has %q", got)
	}
	last := uint64(0)
	for _, n := range []int{1, 2, 600, bus.MaxBatch} {
		next, err := w.hub.Commit(ctx, last, entries(n, "entry"))
		if err != nil || next != last+uint64(n) {
			t.Fatalf("Commit of %d = %d, %v", n, next, err)
		}
		last = next
	}
	other := bus.OutMsg{Subject: subject.RegistryAll, Data: []byte("registry")}
	last, err := w.hub.Commit(ctx, last, append([]bus.OutMsg{other}, entries(1, "more")...))
	if err != nil {
		t.Fatal(err)
	}
	got := ledger(t, w.hub, 1, "")
	if len(got) != int(last) || got[0] != "1 fl.led.entry entry 0" || got[3] != "4 fl.led.entry entry 0" || got[last-2] != fmt.Sprintf("%d fl.reg.all registry", last-1) {
		t.Errorf("ledger has %d messages, want %d: %q …", len(got), last, got[:4])
	}
	if got := ledger(t, w.hub, last, ""); len(got) != 1 {
		t.Errorf("from the last one: %q", got)
	}
	if got := ledger(t, w.hub, last+1, ""); len(got) != 0 {
		t.Errorf("from after the last one: %q", got)
	}
	if got := ledger(t, w.hub, 1, subject.Entry); len(got) != int(last)-1 {
		t.Errorf("%d entries, want %d", len(got), last-1)
	}
	if got := ledger(t, w.hub, 0, subject.RegistryAll); len(got) != 1 || got[0] != fmt.Sprintf("%d fl.reg.all registry", last-1) {
		t.Errorf("registry: %q", got)
	}
}

func TestReadEndsWithItsCaller(t *testing.T) {
	w := newWorld(t, natsd.Config{})
	if _, err := w.hub.Commit(within(t), 0, entries(5, "x")); err != nil {
		t.Fatal(err)
	}
	enough, calls := errors.New("enough"), 0
	err := w.hub.ReadLedger(within(t), 1, "", func(uint64, string, []byte) error {
		calls++
		return enough
	})
	if !errors.Is(err, enough) || calls != 1 {
		t.Errorf("%d calls, %v", calls, err)
	}
}

func TestCommitIsAllOrNothing(t *testing.T) {
	w := newWorld(t, natsd.Config{})
	ctx := within(t)
	big := bus.OutMsg{Subject: subject.Entry, Data: make([]byte, 5<<20)}
	for name, c := range map[string]struct {
		batch []bus.OutMsg
		want  error
	}{
		"empty":          {nil, bus.ErrBatchSize},
		"1001 messages":  {entries(bus.MaxBatch+1, "x"), bus.ErrBatchSize},
		"65 MiB":         {[]bus.OutMsg{big, big, big, big, big, big, big, big, big, big, big, big, big}, bus.ErrBatchSize},
		"a stray inside": {append(entries(3, "x"), bus.OutMsg{Subject: subject.Head}, bus.OutMsg{Subject: subject.Entry}), nil},
		"a stray at end": {append(entries(3, "x"), bus.OutMsg{Subject: subject.Head}), nil},
		"nobody's":       {[]bus.OutMsg{{Subject: "fl.none"}}, nil},
		"behind":         {entries(2, "x"), bus.ErrFenced},
	} {
		expected := uint64(0)
		if name == "behind" {
			expected = 7
		}
		_, err := w.hub.Commit(ctx, expected, c.batch)
		if err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if got := ledger(t, w.hub, 1, ""); len(got) > 0 {
			t.Fatalf("%s: left %d messages", name, len(got))
		}
	}
	if _, rev, err := w.hub.Head(ctx); rev != 0 || err != nil {
		t.Errorf("a stray reached HEAD: %d, %v", rev, err)
	}
	twelve := []bus.OutMsg{big, big, big, big, big, big, big, big, big, big, big, big}
	if _, err := w.hub.Commit(ctx, 0, twelve); err != nil {
		t.Errorf("60 MiB: %v", err)
	}
}

func TestTwoBrokers(t *testing.T) {
	w := newWorld(t, natsd.Config{})
	hubs := []*bus.Hub{w.hub, w.openHub(0)}
	const rounds = 20
	for round := range rounds {
		at, err := hubs[0].LastSeq(within(t))
		if err != nil {
			t.Fatal(err)
		}
		outcome := make(chan error)
		for i, h := range hubs {
			go func() {
				_, err := h.Commit(within(t), at, entries(3, fmt.Sprintf("round %d broker %d", round, i)))
				outcome <- err
			}()
		}
		first, second := <-outcome, <-outcome
		if (first == nil) == (second == nil) || !errors.Is(errors.Join(first, second), bus.ErrFenced) {
			t.Fatalf("round %d: %v and %v; want one to win and one to be fenced", round, first, second)
		}
	}
	got := ledger(t, w.hub, 1, "")
	if len(got) != 3*rounds {
		t.Fatalf("%d messages, want %d", len(got), 3*rounds)
	}
	for i := 0; i < len(got); i += 3 {
		var sequence, round, broker, n int
		for k := range 3 {
			r, b := round, broker
			if _, err := fmt.Sscanf(got[i+k], "%d fl.led.entry round %d broker %d %d", &sequence, &round, &broker, &n); err != nil || n != k || k > 0 && (r != round || b != broker) {
				t.Fatalf("batches are mixed: %q", got[i:i+3])
			}
		}
	}
}

func TestHead(t *testing.T) {
	w := newWorld(t, natsd.Config{})
	other, ctx := w.openHub(0), within(t)
	if checkpoint, rev, err := w.hub.Head(ctx); checkpoint != nil || rev != 0 || err != nil {
		t.Fatalf("first Head = %q, %d, %v", checkpoint, rev, err)
	}
	one, err := w.hub.SetHead(ctx, []byte("one"), 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.SetHead(ctx, []byte("rival"), 0); !errors.Is(err, bus.ErrFenced) {
		t.Errorf("second first checkpoint: %v", err)
	}
	rev := one
	for i := range 100 { // more than HEAD remembers
		if rev, err = other.SetHead(ctx, fmt.Appendf(nil, "%d", i), rev); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.hub.SetHead(ctx, []byte("late"), one); !errors.Is(err, bus.ErrFenced) {
		t.Errorf("late checkpoint: %v", err)
	}
	if checkpoint, now, err := w.hub.Head(ctx); string(checkpoint) != "99" || now != rev || err != nil {
		t.Errorf("Head = %q, %d, %v; want 99, %d", checkpoint, now, err, rev)
	}
}

func TestUncertain(t *testing.T) {
	w := newWorld(t, natsd.Config{})
	w.server.Shutdown()
	ctx, cancel := context.WithTimeout(within(t), 100*time.Millisecond)
	defer cancel()
	if _, err := w.hub.Commit(ctx, 0, entries(2, "x")); !errors.Is(err, bus.ErrUncertain) {
		t.Errorf("Commit without a server: %v", err)
	}
	if _, err := w.hub.SetHead(ctx, []byte("x"), 0); !errors.Is(err, bus.ErrUncertain) {
		t.Errorf("SetHead without a server: %v", err)
	}
}

// Whoever can change the settings of the stream can make it forget; a reader must notice.
func TestGap(t *testing.T) {
	w := newWorld(t, natsd.Config{})
	if _, err := w.hub.Commit(within(t), 0, entries(9, "x")); err != nil {
		t.Fatal(err)
	}
	js := operatorOf(w)
	stream, err := js.Stream(within(t), subject.StreamLedger)
	if err != nil {
		t.Fatal(err)
	}
	cfg := stream.CachedInfo().Config
	cfg.MaxMsgs, cfg.Discard = 4, jetstream.DiscardOld
	if _, err := js.UpdateStream(within(t), cfg); err != nil {
		t.Fatal(err)
	}
	for _, from := range []uint64{1, 3, 9} {
		err := w.hub.ReadLedger(within(t), from, "", func(uint64, string, []byte) error { return nil })
		if !errors.Is(err, bus.ErrGap) {
			t.Errorf("from %d: %v", from, err)
		}
	}
	who, err := w.server.HubUser()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bus.OpenHub(within(t), bus.HubConfig{Server: w.server, Seed: who.Seed, UserJWT: who.JWT}); !errors.Is(err, bus.ErrStream) {
		t.Errorf("opened with other settings: %v", err)
	}
}

// operatorOf is a raw connection to the HUB account.
func operatorOf(w *world) jetstream.JetStream {
	w.Helper()
	who, err := w.server.HubUser()
	if err != nil {
		w.Fatal(err)
	}
	pair, err := nkeys.FromSeed(who.Seed)
	if err != nil {
		w.Fatal(err)
	}
	url, reach := "", nats.InProcessServer(w.server)
	if w.remote {
		url, reach = w.server.ClientURL(), pinned(w, w.server.CertPEM())
	}
	nc, err := nats.Connect(url, reach, nats.UserJWT(func() (string, error) { return who.JWT, nil }, pair.Sign))
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		w.Fatal(err)
	}
	return js
}

func BenchmarkCommit(b *testing.B) {
	w := newWorld(b, natsd.Config{})
	batch := make([]bus.OutMsg, 100)
	for i := range batch {
		batch[i] = bus.OutMsg{Subject: subject.Entry, Data: make([]byte, 3<<10)}
	}
	b.SetBytes(int64(len(batch) * 3 << 10))
	last := uint64(0)
	for b.Loop() {
		var err error
		if last, err = w.hub.Commit(within(b), last, batch); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N*len(batch))/b.Elapsed().Seconds(), "msg/s")
}

// BenchmarkIntake is the road of a share up to its decision: sixteen senders of one agency, one broker.
func BenchmarkIntake(b *testing.B) {
	w := newWorld(b, natsd.Config{})
	m := w.enrol("RO")
	a := w.dial(m)
	on, data := m.in(b, "RO", "ack"), make([]byte, 3<<10)
	go func() {
		for {
			list, err := w.hub.Submissions(context.Background(), 200, time.Second)
			if err != nil {
				return // closed
			}
			for _, s := range list {
				_ = s.Ack()
			}
		}
	}()
	b.SetBytes(int64(len(data)))
	b.SetParallelism(8)
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			for {
				err := a.Publish(context.Background(), on, data)
				if err == nil {
					break
				}
				if !errors.Is(err, bus.ErrFull) {
					b.Error(err)
					return
				}
			}
		}
	})
}

// TestErase: one message goes, all others stay where they were; a reader is told which is missing.
func TestErase(t *testing.T) {
	w := newWorld(t, natsd.Config{})
	last, err := w.hub.Commit(within(t), 0, entries(5, "x"))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // what is gone is as good as erased
		if err := w.hub.Erase(within(t), 3); err != nil {
			t.Fatal(err)
		}
	}
	if last, err = w.hub.Commit(within(t), last, entries(2, "y")); err != nil || last != 7 {
		t.Fatalf("%d %v", last, err)
	}
	var missing, there []uint64
	if err := w.hub.ReadLedger(within(t), 1, "", func(sequence uint64, on string, data []byte) error {
		if on == "" && data == nil {
			missing = append(missing, sequence)
		} else {
			there = append(there, sequence)
		}
		return nil
	}); err != nil || !slices.Equal(missing, []uint64{3}) || !slices.Equal(there, []uint64{1, 2, 4, 5, 6, 7}) {
		t.Errorf("missing %v, there %v, %v", missing, there, err)
	}
}
