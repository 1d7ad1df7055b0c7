package hubtest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"fairlead/internal/bus"
	"fairlead/internal/client"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/keystore"
	"fairlead/internal/natsd"
)

// fiveSections is a share of five sections of 3 KiB each, as case messages are.
func fiveSections(b *testing.B, from, to fairlead.AgencyID) *client.Draft {
	b.Helper()
	var sections []client.DraftSection
	for range 5 {
		raw := make([]byte, 1500)
		if _, err := rand.Read(raw); err != nil {
			b.Fatal(err)
		}
		sections = append(sections, Section("ASSESS", `{"text":"`+hex.EncodeToString(raw)+`"}`))
	}
	d := DraftAssessment(to, sections...)
	if from == Birch {
		d.Basis = &envelope.Basis{Art6: fairlead.Art6EU, Cite: "GDPR 6(1)(e)"}
	}
	return d
}

// BenchmarkHub measures the hub alone: shares that are sealed beforehand, from the intake to a stored
// proof, with fsync. Beside it, in the same run, the same stored bytes as raw atomic batches.
func BenchmarkHub(b *testing.B) {
	w := New(b, Config{})
	ctx := b.Context()
	const each, n = 500, 1500
	queues := map[*Agency][]client.Queue{}
	for from, to := range map[fairlead.AgencyID]fairlead.AgencyID{Alder: Aspen, Aspen: Birch, Birch: Alder} {
		a, d := w.Agency(from), fiveSections(b, from, to)
		for range each {
			if _, err := a.Send(d); err != nil {
				b.Fatal(err)
			}
		}
		queue, err := a.Publishable()
		if err != nil || len(queue) != each {
			b.Fatal(len(queue), err)
		}
		queues[a] = queue
	}
	first := w.lastSeq(b)
	before := w.Hub.Broker().Status().Entries
	b.ResetTimer()
	burnt := burn(b)
	start := time.Now()
	var wg sync.WaitGroup
	for a, queue := range queues {
		for part := range slices.Chunk(queue, (each+7)/8) {
			wg.Go(func() {
				for _, p := range part {
					publish(ctx, b, a, p)
				}
			})
		}
	}
	wg.Wait()
	for s := w.Hub.Broker().Status(); s.Entries < before+n || s.Owed > 0; s = w.Hub.Broker().Status() {
		time.Sleep(time.Millisecond)
	}
	hub := time.Since(start)
	hubBurnt := burn(b) - burnt
	burnt = burn(b)
	raw, size := w.raw(b, first)
	rawBurnt := burn(b) - burnt
	b.StopTimer()
	if err := w.Settle(ctx); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(n/hub.Seconds(), "shares/s")
	b.ReportMetric(raw.Seconds()/hub.Seconds(), "of-raw")
	b.ReportMetric(rawBurnt.Seconds()/hubBurnt.Seconds(), "of-raw-cpu")
	b.ReportMetric(float64(size)/n, "stored-B/share")
	b.ReportMetric(0, "ns/op")
}

// burn is the CPU time that this process has used so far, on all cores: others may be at work on the machine.
func burn(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// publish tries again while the intake holds as many of the sender's shares as it may.
func publish(ctx context.Context, b *testing.B, a *Agency, q client.Queue) {
	for {
		err := a.Conn.Publish(ctx, q.Subject, q.Frame)
		if err == nil {
			return
		}
		if !errors.Is(err, bus.ErrFull) {
			b.Error(err)
			return
		}
		time.Sleep(20 * time.Millisecond) // a program waits longer; what it asks in vain costs the hub, too
	}
}

func (w *World) lastSeq(b *testing.B) (last uint64) {
	b.Helper()
	h := openBus(b, w.Hub.NATS())
	last, err := h.LastSeq(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	return last
}

func openBus(b testing.TB, s *natsd.Server) *bus.Hub {
	b.Helper()
	who, err := s.HubUser()
	if err != nil {
		b.Fatal(err)
	}
	h, err := bus.OpenHub(within(b), bus.HubConfig{Server: s, Seed: who.Seed, UserJWT: who.JWT})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(h.Close)
	return h
}

// raw writes what the hub has stored since first once more, to a server of its own, in the same way:
// atomic batches of as many messages as the hub's, one fsync each.
func (w *World) raw(b *testing.B, first uint64) (time.Duration, int) {
	b.Helper()
	var stored []bus.OutMsg
	size := 0
	err := openBus(b, w.Hub.NATS()).ReadLedger(b.Context(), first+1, "", func(_ uint64, on string, data []byte) error {
		stored = append(stored, bus.OutMsg{Subject: on, Data: slices.Clone(data)})
		size += len(data)
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	keys, err := keystore.Make(b.TempDir(), keystore.Unsealed)
	if err != nil {
		b.Fatal(err)
	}
	s, err := natsd.Start(natsd.Config{Dir: b.TempDir(), Keys: keys})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(s.Shutdown)
	h := openBus(b, s)
	var last uint64
	start := time.Now()
	for batch := range slices.Chunk(stored, 450) {
		if last, err = h.Commit(b.Context(), last, batch); err != nil {
			b.Fatal(err)
		}
	}
	return time.Since(start), size
}

// BenchmarkVerdict measures publish → verdict with proof, stored at the sender, at 200 shares a second.
func BenchmarkVerdict(b *testing.B) {
	w := New(b, Config{})
	alder := w.Agency(Alder)
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	d := DraftAssessment(Aspen, Section("ASSESS", `{"text":"x"}`))
	var mu sync.Mutex
	sent := map[fairlead.ShareID]time.Time{}
	var took []time.Duration
	const n = 600
	done := make(chan struct{})
	go func() {
		defer close(done)
		for len(took) < n && ctx.Err() == nil {
			if _, err := alder.Sync(ctx, 50*time.Millisecond); err != nil {
				return
			}
			now := time.Now()
			mu.Lock()
			for id, at := range sent {
				if s, err := alder.Sent(id); err == nil && s.State != client.Queued {
					took = append(took, now.Sub(at))
					delete(sent, id)
				}
			}
			mu.Unlock()
		}
	}()
	b.ResetTimer()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for range n {
		<-tick.C
		mu.Lock()
		ids, err := alder.Send(d)
		if err != nil {
			b.Fatal(err)
		}
		sent[ids[0]] = time.Now()
		mu.Unlock()
	}
	<-done
	b.StopTimer()
	if err := w.Settle(ctx); err != nil {
		b.Fatal(err)
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Milliseconds()), "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Milliseconds()), "p99-ms")
	b.ReportMetric(0, "ns/op")
}
