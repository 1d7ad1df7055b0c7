package monitor_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"fairlead/internal/client"
	"fairlead/internal/entry"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/keyring"
	"fairlead/internal/keystore"
	"fairlead/internal/monitor"
	"fairlead/internal/registry"
	"fairlead/internal/tlog"
)

// benchSize is how many shares the log of the benchmarks has: FAIRLEAD_BENCH_SHARES, or 20,000. Nothing in what is
// measured depends on it but the depth of the tree and of the tables, so that the figures for each entry hold for
// a million as well; docs give those that were measured there.
func benchSize() int {
	if n, err := strconv.Atoi(os.Getenv("FAIRLEAD_BENCH_SHARES")); err == nil && n > 0 {
		return n
	}
	return 20_000
}

var large = sync.OnceValue(makeLarge)

// largeLog is a log of many shares without sections, each signed by its sender and decided by the rules; ten make
// a case.
func largeLog(b *testing.B) made {
	b.Helper()
	real(b)
	l := large()
	must(b, l.err)
	return l
}

func makeLarge() (l made) {
	real := once()
	l = made{dir: filepath.Join(scratch, "large"), vkey: real.vkey}
	home, err := client.OpenHome(filepath.Join(scratch, "world", "agencies", "ALDER"), keystore.Unsealed)
	if err != nil {
		return made{err: err}
	}
	g := &generator{home: home, snap: registry.New()}
	if g.w, l.err = tlog.OpenWriter(l.dir, tlog.Tree{}); l.err != nil {
		return l
	}
	if g.d, l.err = tlog.OpenDetails(filepath.Join(l.dir, "details"), 0); l.err != nil {
		return l
	}
	if l.err = g.copy(real); l.err != nil {
		return l
	}
	for i := range benchSize() {
		if l.err = g.share(i); l.err != nil {
			return l
		}
	}
	l.err = g.finish(real, l.dir)
	return l
}

// generator writes a log as a hub does, without the road to it.
type generator struct {
	home *client.Home
	snap *registry.Snapshot
	w    *tlog.Writer
	d    *tlog.Details
	kase [16]byte
}

func (g *generator) copy(real made) error {
	v, err := tlog.NewVerifier(real.vkey)
	if err != nil {
		return err
	}
	_, tree, err := tlog.ReadCheckpoint(real.dir, v)
	if err != nil {
		return err
	}
	r, err := tlog.OpenReader(real.dir, tree)
	if err != nil {
		return err
	}
	details, err := tlog.OpenDetails(filepath.Join(real.dir, "details"), tree.N)
	if err != nil {
		return err
	}
	return r.Entries(context.Background(), 0, tree.N, func(i int64, leaf []byte) error {
		raw, err := details.Get(i)
		if err != nil {
			return err
		}
		l, err := entry.ParseLeaf(leaf)
		if err != nil {
			return err
		}
		d, err := entry.ParseDetail(raw)
		if err != nil {
			return err
		}
		return g.add(l, d, raw)
	})
}

func (g *generator) add(l entry.Leaf, d *entry.Detail, raw []byte) (err error) {
	if g.snap, err = g.snap.Fold(l, d); err != nil {
		return err
	}
	if err := g.w.Append(l.Marshal()); err != nil {
		return err
	}
	if g.w.Size()%100_000 == 0 {
		if err := g.w.Flush(); err != nil {
			return err
		}
	}
	return g.d.Append(raw)
}

// share appends a share of Alder to Birch.
func (g *generator) share(i int) error {
	if i%10 == 0 {
		rand.Read(g.kase[:])
	}
	at := g.snap.Last().Add(30 * time.Millisecond)
	sections, err := envelope.Fill(nil)
	if err != nil {
		return err
	}
	h := envelope.Header{
		V: envelope.Version, ID: fairlead.NewShareID(), Kind: "assessment.share", Status: "Actual", From: envelope.From{Agency: "ALDER", Role: "PRACTITIONER", User: "u1"},
		To: envelope.To{Agency: "BIRCH"}, Case: hex.EncodeToString(g.kase[:]), SentAt: fairlead.At(at), ValidUntil: fairlead.At(at.Add(72 * time.Hour)), Purpose: "PRT-ASSESS", Threshold: "TH3",
		Basis: &envelope.Basis{Art6: "A6-1-c", Gateways: []fairlead.Gateway{"CA1989-47"}}, Transfer: &envelope.Transfer{Mechanism: "A45"},
		Danger: &envelope.Danger{Result: "clear", Role: "PRACTITIONER", At: fairlead.At(at)}, TLP: "AMBER+STRICT", GSC: "OFFICIAL-SENSITIVE", S16LA: &envelope.S16LA{Considered: true}, Sections: sections,
	}
	sh := &entry.Share{Account: g.home.Admission.Account, Descriptors: [][]byte{}, Keys: []string{}}
	sh.Subject = registry.SubmissionSubject("RO", sh.Account, h.Kind)
	if sh.Header, err = json.Marshal(h); err != nil {
		return err
	}
	if sh.Signature, err = g.home.Key.Sign(sh.Header, keyring.ContextShare, at); err != nil {
		return err
	}
	sh.Digest = envelope.HeaderDigest(sh.Header)
	sh.Decision = g.snap.Decide(sh, at, func(*keyring.VerifyKey, []byte, []byte, time.Time) error { return nil })
	if !sh.Decision.Delivers() {
		return fmt.Errorf("share %d: %+v", i, sh.Decision)
	}
	d := &entry.Detail{Share: sh}
	l := entry.Leaf{Class: entry.ClassShare, Outcome: entry.OutcomeDelivered, At: at, Share: h.ID, From: "ALDER", To: "BIRCH", Counter: g.snap.Counter("BIRCH") + 1}
	raw := d.Marshal()
	d.Commit(&l, raw)
	return g.add(l, d, raw)
}

func (g *generator) finish(real made, dir string) error {
	if err := g.w.Flush(); err != nil {
		return err
	}
	if err := g.d.Close(); err != nil {
		return err
	}
	signer, err := tlog.NewSigner(real.skey)
	if err != nil {
		return err
	}
	cp, err := tlog.SignCheckpoint(signer, g.w.Tree())
	if err != nil {
		return err
	}
	if err := g.w.PutCheckpoint(cp); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "log.vkey"), []byte(real.vkey+"\n"), 0o600)
}

// perEntry reports entries a second and microseconds an entry.
func perEntry(b *testing.B, n int64, took time.Duration) {
	b.ReportMetric(float64(n)/took.Seconds(), "entries/s")
	b.ReportMetric(float64(took.Microseconds())/float64(n), "µs/entry")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkVerifyTree is the tree alone: every entry hashed, every tile compared.
func BenchmarkVerifyTree(b *testing.B) {
	l := largeLog(b)
	v, err := tlog.NewVerifier(l.vkey)
	must(b, err)
	began, n := time.Now(), int64(0)
	for b.Loop() {
		tree, err := tlog.VerifyDir(b.Context(), l.dir, v)
		must(b, err)
		n += tree.N
	}
	perEntry(b, n, time.Since(began))
}

// BenchmarkVerifyAll is fairlead-audit verify: tree and details.
func BenchmarkVerifyAll(b *testing.B) {
	l := largeLog(b)
	began, n := time.Now(), int64(0)
	for b.Loop() {
		r, err := monitor.Verify(b.Context(), l.dir, l.vkey)
		must(b, err)
		n += r.Size
	}
	perEntry(b, n, time.Since(began))
}

// BenchmarkVerifyAndReplay is fairlead-audit replay: the above, every signature and every decision. Its floor is the
// bare Ed25519 of as many signatures, measured in the same run. Both are CPU time of all cores.
func BenchmarkVerifyAndReplay(b *testing.B) {
	l := largeLog(b)
	before := floor(b)
	began, burnt, n := time.Now(), burn(b), int64(0)
	for b.Loop() {
		r, err := monitor.Replay(b.Context(), l.dir, l.vkey)
		must(b, err)
		n += r.Size
	}
	took, burnt := time.Since(began), burn(b)-burnt
	b.ReportMetric(float64(burnt)/float64(n)/float64((before+floor(b))/2), "of-ed25519")
	b.ReportMetric(float64(burnt.Microseconds())/float64(n), "cpu-µs/entry")
	perEntry(b, n, took)
}

// floor is what one bare Ed25519 verification burns.
func floor(b *testing.B) time.Duration {
	b.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	must(b, err)
	digest := make([]byte, 64)
	sig := ed25519.Sign(private, digest)
	const n = 10_000
	began := burn(b)
	for range n {
		if !ed25519.Verify(public, digest, sig) {
			b.Fatal("it does not verify")
		}
	}
	return (burn(b) - began) / n
}

// burn is the CPU time that this process has used so far, on all cores: others may be at work on the machine.
func burn(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	must(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkIndex makes the index anew.
func BenchmarkIndex(b *testing.B) {
	l := largeLog(b)
	began, n := time.Now(), int64(0)
	for b.Loop() {
		x, err := monitor.OpenIndex(b.Context(), l.dir, l.vkey, true)
		must(b, err)
		must(b, x.Close())
		n += int64(benchSize())
	}
	perEntry(b, n, time.Since(began))
	info, err := os.Stat(index(l.dir))
	must(b, err)
	b.ReportMetric(float64(info.Size())/float64(benchSize()), "B/entry")
}

// BenchmarkSearch looks up shares by id and cases by token; each hit is read again from the mirror.
func BenchmarkSearch(b *testing.B) {
	l := largeLog(b)
	x, err := monitor.OpenIndex(b.Context(), l.dir, l.vkey, false)
	must(b, err)
	defer x.Close()
	all, err := x.Search(b.Context(), monitor.Query{Kind: "assessment.share", Limit: 2000})
	must(b, err)
	for _, what := range []string{"share", "case"} {
		b.Run(what, func(b *testing.B) {
			var took []time.Duration
			for i := 0; b.Loop(); i++ {
				q := monitor.Query{Share: cell(all, (i*97)%len(all.Rows), "share")}
				if what == "case" {
					q = monitor.Query{Case: caseAt(b, l, all, (i*97)%len(all.Rows))}
				}
				began := time.Now()
				a, err := x.Search(b.Context(), q)
				took = append(took, time.Since(began))
				if must(b, err); len(a.Rows) == 0 {
					b.Fatal("nothing found")
				}
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
		})
	}
}

// caseAt is the case token of a hit.
func caseAt(b *testing.B, l made, all *monitor.Answer, row int) string {
	b.Helper()
	n, err := strconv.ParseInt(cell(all, row, "entry"), 10, 64)
	must(b, err)
	s, err := monitor.Show(l.dir, l.vkey, n)
	must(b, err)
	h, err := envelope.ParseHeader(s.Header)
	must(b, err)
	return h.Case
}
