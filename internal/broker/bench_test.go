package broker_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"strconv"
	"syscall"
	"testing"
	"time"

	"fairlead/internal/broker"
	"fairlead/internal/bus"
	"fairlead/internal/hubtest"
)

// startSize is how many shares the hub has on record that BenchmarkStart starts: FAIRLEAD_BENCH_SHARES, or 20,000.
func startSize() int {
	if n, err := strconv.Atoi(os.Getenv("FAIRLEAD_BENCH_SHARES")); err == nil && n > 0 {
		return n
	}
	return 20_000
}

// BenchmarkStart opens a broker on a log of many shares without sections, each with its delivery, its verdict and
// the proofs of both in LEDGER, as a hub that was stopped in quiet left them: once without a kept state, which folds
// the whole log (from its own folder up to 100,000 shares, and anew from LEDGER), and then with it. It also says how much memory a broker holds that has so many shares on record.
func BenchmarkStart(b *testing.B) {
	m := newMaker(b, hubtest.New(b, hubtest.Config{}))
	m.shares(m.parties[0], m.parties[1], startSize())
	m.cfg.Dir = b.TempDir()
	var anew, keep, whole, with cost
	var first *broker.Broker
	anew.of(func() { first = opened(b, m.cfg) }) // makes the folder
	keep.of(func() { m.must(first.Close()) })
	first = nil
	state := filepath.Join(m.cfg.Dir, broker.StateFile)
	info, err := os.Stat(state)
	if err != nil {
		b.Fatal(err)
	}
	kept := must(os.ReadFile(state))
	var size int64
	var wholeHeap, withHeap float64
	start := func(c *cost, wantKept bool) float64 {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		var last *broker.Broker
		c.of(func() { last = opened(b, m.cfg) })
		runtime.GC()
		runtime.ReadMemStats(&after)
		if size = last.Status().Entries; (last.Status().Resumed == size) != wantKept {
			b.Fatalf("resumed %d of %d", last.Status().Resumed, size)
		}
		m.must(last.Close())
		return (float64(after.HeapAlloc) - float64(before.HeapAlloc)) / float64(size)
	}
	for b.Loop() {
		if startSize() <= 100_000 {
			m.must(os.Remove(state))
			wholeHeap = start(&whole, false)
			m.must(os.WriteFile(state, kept, 0o600))
		}
		withHeap = start(&with, true)
	}
	n := float64(b.N) * float64(size)
	b.ReportMetric(float64(anew.cores.Microseconds())/float64(size), "core-µs/entry-anew")
	b.ReportMetric(keep.clock.Seconds(), "s-keeping")
	b.ReportMetric(float64(keep.cores.Microseconds())/float64(size), "core-µs/entry-keeping")
	b.ReportMetric(float64(whole.cores.Microseconds())/n, "core-µs/entry-whole")
	b.ReportMetric(float64(with.cores.Microseconds())/n, "core-µs/entry-kept")
	b.ReportMetric(whole.clock.Seconds()/float64(b.N), "s-whole")
	b.ReportMetric(with.clock.Seconds()/float64(b.N), "s-kept")
	b.ReportMetric(float64(whole.cores)/float64(with.cores), "x-less")
	b.ReportMetric(wholeHeap, "B/entry-whole")
	b.ReportMetric(withHeap, "B/entry-kept")
	b.ReportMetric(float64(info.Size())/float64(size), "B/entry-on-disk")
	b.ReportMetric(0, "ns/op")
}

func opened(b *testing.B, cfg broker.Config) *broker.Broker {
	b.Helper()
	opened, err := broker.Open(b.Context(), cfg)
	if err != nil {
		b.Fatal(err)
	}
	return opened
}

// cost is time by the clock and of all cores together: on a busy machine only the second compares.
type cost struct{ clock, cores time.Duration }

func (c *cost) of(f func()) {
	began, before := time.Now(), cores()
	f()
	c.clock, c.cores = c.clock+time.Since(began), c.cores+cores()-before
}

func cores() time.Duration {
	var r syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// BenchmarkSize is what a share costs a hub, from the intake to its proof, with a thousand shares on record and with
// many: FAIRLEAD_BENCH_SHARES, or 20,000. Shares are sealed beforehand and taken by nobody.
func BenchmarkSize(b *testing.B) {
	var few, many time.Duration
	for b.Loop() {
		few += perShare(b, 1000)
		many += perShare(b, startSize())
	}
	b.ReportMetric(float64(few.Microseconds())/float64(b.N), "core-µs/share-at-1000")
	b.ReportMetric(float64(many.Microseconds())/float64(b.N), "core-µs/share-at-size")
	b.ReportMetric(float64(many)/float64(few), "x-dearer")
	b.ReportMetric(0, "ns/op")
}

func perShare(b *testing.B, size int) time.Duration {
	b.Helper()
	const n = 1000
	w := hubtest.New(b, hubtest.Config{})
	send(b, w, hubtest.Alder, hubtest.Aspen, n)
	queue := must(w.Agency(hubtest.Alder).Publishable())
	m := newMaker(b, w)
	m.enrol(1)
	m.enrol(2)
	m.shares(m.parties[2], m.parties[3], size) // the others' programs would have to take them
	m.cfg.Dir = filepath.Join(w.Dir, "hub")
	m.must(opened(b, m.cfg).Close()) // it folds what was made, and keeps that
	m.close()
	*m = maker{TB: b}
	m.must(w.Reopen(b.Context()))
	if s := w.Hub.Broker().Status(); s.Resumed < s.Entries {
		b.Fatalf("resumed %d of %d", s.Resumed, s.Entries)
	}
	m.must(w.Hub.Failed())
	runtime.GC()
	before := w.Hub.Broker().Status().Entries
	var c cost
	c.of(func() {
		for _, q := range queue {
			err := w.Agency(hubtest.Alder).Conn.Publish(b.Context(), q.Subject, q.Frame)
			for ; errors.Is(err, bus.ErrFull); err = w.Agency(hubtest.Alder).Conn.Publish(b.Context(), q.Subject, q.Frame) {
				time.Sleep(time.Millisecond)
			}
			m.must(err)
		}
		for s := w.Hub.Broker().Status(); s.Entries < before+n || s.Owed > 0; s = w.Hub.Broker().Status() {
			time.Sleep(time.Millisecond)
		}
	})
	w.Close()
	return c.cores / n
}

// BenchmarkMemory starts a hub with a thousand agencies and many open cases, each with a consent, three shares that
// rely on it, and an acknowledgement: FAIRLEAD_BENCH_CASES, or 2,000. It says what is live in the whole process, NATS
// server included, and what the system has given it, after a start that folds the log: run it once (-benchtime 1x), for
// a server that was stopped in the same process is not all gone.
func BenchmarkMemory(b *testing.B) {
	cases, agencies := 2000, 100
	if n, err := strconv.Atoi(os.Getenv("FAIRLEAD_BENCH_CASES")); err == nil && n > 0 {
		cases, agencies = n, 1000
	}
	w := hubtest.New(b, hubtest.Config{})
	m := newMaker(b, w)
	for n := len(m.parties); n < agencies; n++ {
		m.enrol(n)
		m.commit(true)
	}
	for n := range cases {
		child := fmt.Sprintf("%032x", n+1)
		from, to := m.parties[n%agencies], m.parties[(n*7+1)%agencies]
		m.consent(from, child)
		for range 3 {
			m.share(from, to, child)
		}
		m.stored(to)
		if len(m.batch) > 800 || n == cases-1 {
			m.commit(true)
		}
		if n%20_000 == 0 {
			m.must(m.tree.Flush())
		}
	}
	m.close()
	*m = maker{TB: b}
	for b.Loop() {
		began := time.Now()
		if err := w.Reopen(b.Context()); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(time.Since(began).Seconds(), "s-start")
		runtime.GC()
		debug.FreeOSMemory()
		var mem runtime.MemStats
		runtime.ReadMemStats(&mem)
		b.ReportMetric(float64(mem.HeapAlloc)/1e6, "MB-live")
		b.ReportMetric(float64(mem.HeapInuse)/1e6, "MB-in-use") // with the room between
		b.ReportMetric(float64(mem.StackInuse)/1e6, "MB-stacks")
		b.ReportMetric(resident(b)/1e6, "MB-resident")
		b.ReportMetric(float64(mem.HeapAlloc)/float64(cases), "B/case")
		b.ReportMetric(float64(w.Hub.Broker().Status().Entries), "entries")
		if to := os.Getenv("FAIRLEAD_BENCH_HEAP"); to != "" {
			f := must(os.Create(to))
			m.must(pprof.WriteHeapProfile(f))
			f.Close()
		}
		w.Close()
	}
	b.ReportMetric(0, "ns/op")
}

// resident is what the system has given this process.
func resident(b *testing.B) float64 {
	b.Helper()
	var pages, set float64
	if _, err := fmt.Sscan(string(must(os.ReadFile("/proc/self/statm"))), &pages, &set); err != nil {
		b.Skip(err)
	}
	return set * float64(os.Getpagesize())
}
