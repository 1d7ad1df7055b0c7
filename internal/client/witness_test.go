package client

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fairlead/internal/bus"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/tlog"
	"fairlead/internal/witness"
)

// cosigners are witnesses of a world: one outside, and two of its agencies.
func (w *world) cosigners() (policy []byte, keys []*tlog.Cosigner) {
	w.t.Helper()
	skey, err := tlog.GenerateCosigner("w.example.org")
	w.check(err)
	one, err := tlog.NewCosigner(skey)
	w.check(err)
	keys = []*tlog.Cosigner{one, w.agency(alder).cfg.Witness, w.agency(birch).cfg.Witness}
	policy = fmt.Appendf(nil, "log %s\nwitness one %s https://w.example.org\nwitness ALDER %s\nwitness BIRCH %s\ngroup agencies any ALDER BIRCH\ngroup both all one agencies\nquorum both\n",
		w.vkey, keys[0].VKey(), keys[1].VKey(), keys[2].VKey())
	return policy, keys
}

// cosigned is a checkpoint of a log with the cosignatures of some.
func (w *world) cosigned(l *tlog.Writer, s *tlog.Signer, by ...*tlog.Cosigner) []byte {
	w.t.Helper()
	cp, err := tlog.SignCheckpoint(s, l.Tree())
	w.check(err)
	for _, k := range by {
		signed, err := k.Cosign(s.Origin(), l.Tree(), w.now)
		w.check(err)
		cp = tlog.AddCosignatures(cp, tlog.Lines(signed))
	}
	return cp
}

// TestWitnessed: an agency believes its policy, not the hub, on whether others have seen the same log.
func TestWitnessed(t *testing.T) {
	w := newWorld(t)
	w.agree()
	a := w.agency(alder)
	if s, err := a.Witnessed(w.now); err != nil || s.Policy || !s.Since.IsZero() {
		t.Errorf("without a policy: %+v, %v", s, err)
	}
	policy, keys := w.cosigners()
	w.check(tlog.WriteFile(a.home.Dir, policyFile, policy))
	a.reopen()
	since, err := time.Parse(time.RFC3339, w.now.Format(time.RFC3339))
	w.check(err)
	state := func(want Witnessed, at time.Time) {
		t.Helper()
		s, err := a.Witnessed(at)
		if err != nil || s.Policy != true || s.Size != want.Size || len(s.By) != len(want.By) || !s.Since.Equal(want.Since) || s.Late != want.Late {
			t.Errorf("%+v, want %+v, %v", s, want, err)
		}
	}
	state(Witnessed{Since: since}, since.Add(WitnessedWithin))
	state(Witnessed{Since: since, Late: true}, since.Add(WitnessedWithin+time.Second))

	n := w.log.Size()
	a.take(t, envelope.CosignedFrame(w.cosigned(w.log, w.signer, keys[1], keys[2])), "")
	state(Witnessed{Since: since}, since) // agencies alone are not enough
	a.take(t, envelope.CosignedFrame(w.cosigned(w.log, w.signer, keys[0], keys[2])), "")
	state(Witnessed{Size: n, By: make([]tlog.Cosignature, 2)}, since.Add(time.Hour))
	a.reopen()
	state(Witnessed{Size: n, By: make([]tlog.Cosignature, 2)}, since.Add(time.Hour))

	// What comes after it waits anew; an older one takes nothing back.
	old := w.cosigned(w.log, w.signer, keys...)
	w.now = w.now.Add(time.Hour)
	a.send(assessment("BIRCH"))
	w.settle()
	a.take(t, envelope.CosignedFrame(old), "")
	state(Witnessed{Size: n, By: make([]tlog.Cosignature, 2), Since: since.Add(time.Hour)}, w.now)

	stranger, _ := newLogKey(t)
	fork := w.fork(int(w.log.Size())-1, "another")
	for name, c := range map[string]struct {
		frame []byte
		alarm string
	}{
		"of a fork":          {envelope.CosignedFrame(w.cosigned(fork, w.signer, keys...)), "was cosigned elsewhere and never announced here: the hub shows two logs"},
		"of a larger log":    {envelope.CosignedFrame(w.cosigned(w.fork(int(w.log.Size()), "more"), w.signer, keys...)), "never announced here"},
		"of another log":     {envelope.CosignedFrame(w.cosigned(w.log, stranger, keys...)), "is not signed by the key of"},
		"with a false line":  {envelope.CosignedFrame(append(w.checkpoint(w.signer), tlog.Lines(w.cosigned(fork, w.signer, keys[0]))[len(tlog.Lines(w.cosigned(fork, w.signer))):]...)), "invalid signature for key w.example.org"},
		"in parts":           {envelope.Frame(envelope.TypeCosigned, nil, nil), "a cosigned checkpoint from the hub is malformed"},
		"of nobody's policy": {envelope.CosignedFrame(w.cosigned(w.log, w.signer)), ""},
	} {
		t.Run(name, func(t *testing.T) { a.take(t, c.frame, c.alarm) })
	}
	state(Witnessed{Size: n, By: make([]tlog.Cosignature, 2), Since: since.Add(time.Hour)}, w.now)
	a.take(t, envelope.CosignedFrame(w.cosigned(w.log, w.signer, keys...)), "")
	state(Witnessed{Size: w.log.Size(), By: make([]tlog.Cosignature, 3)}, w.now)

	w.check(tlog.WriteFile(a.home.Dir, policyFile, []byte("quorum none\n")))
	w.check(a.Close())
	if _, err := a.home.Open(nil, time.Now, a.cfg.Log); err == nil || !strings.Contains(err.Error(), filepath.Join(a.home.Dir, policyFile)) {
		t.Errorf("a policy that is none: %v", err)
	}
	w.check(tlog.WriteFile(a.home.Dir, policyFile, policy))
	a.open()
}

// take hands an agency one frame, and looks whether it alarms.
func (a *agency) take(t *testing.T, frame []byte, alarm string) {
	t.Helper()
	before := len(a.alarmed())
	a.w.check(a.takeAll([]bus.Message{{Sequence: 1, Data: frame}}))
	got := a.alarmed()[before:]
	if alarm == "" && len(got) > 0 || alarm != "" && (len(got) != 1 || !strings.Contains(got[0], alarm)) {
		t.Errorf("alarms %q, want %q", got, alarm)
	}
}

// TestCosigns: an agency cosigns each checkpoint it has proved, in order, by the key that the register holds for it;
// what it has not proved it does not cosign.
func TestCosigns(t *testing.T) {
	w := newWorld(t)
	w.agree()
	a := w.agency(alder)
	key, err := tlog.NewCosignatureKey(w.snap.Agency(alder).Witness)
	w.check(err)
	signed := func() (sizes []int64) {
		for _, note := range a.Client.cosigned {
			origin, tree, err := key.Open(note)
			if err != nil || origin != w.signer.Origin() || !a.proved(tree) {
				t.Errorf("%s %v: %v", origin, tree, err)
			}
			sizes = append(sizes, tree.N)
		}
		return sizes
	}
	sizes := signed()
	if len(sizes) < 5 || sizes[len(sizes)-1] != w.log.Size() {
		t.Errorf("cosigned %d", sizes)
	}
	for i := range sizes[1:] {
		if sizes[i] >= sizes[i+1] {
			t.Errorf("goes back: %d", sizes)
		}
	}
	a.Client.cosigned = nil
	a.take(t, w.headOf(w.fork(int(w.log.Size())-1, "another", "more"), w.log.Size(), w.signer), "rewritten or forked")
	a.take(t, w.headOf(w.fork(3), 3, w.signer), "") // known
	if sizes := signed(); len(sizes) > 0 {
		t.Errorf("cosigned %d", sizes)
	}
	for range 2 * keptCosignatures {
		w.put([]byte("entry"))
		w.prove()
		a.feed()
	}
	if sizes := signed(); len(sizes) != keptCosignatures || sizes[len(sizes)-1] != w.log.Size() {
		t.Errorf("kept %d", sizes)
	}
}

func (a *agency) proved(tree tlog.Tree) bool {
	var n int
	err := a.db.QueryRow(`SELECT count(*) FROM heads WHERE size = ? AND root = ?`, tree.N, tree.Hash[:]).Scan(&n)
	return err == nil && n == 1
}

// TestEvilLog: what an evil hub can do to the log and with what it logs, who sees it, and in what words. A witness
// that stood at the honest log refuses every history that is not its own.
func TestEvilLog(t *testing.T) {
	base := agreedWorld(t)
	const forked = "the log was rewritten or forked: a checkpoint does not extend the one of 17 entries"
	toBirch := func(f func(w *world) *tlog.Writer) func(*world) {
		return func(w *world) {
			b := w.agency(birch)
			b.feed()
			l := f(w)
			b.out = append(b.out, w.headOf(l, min(17, l.Size()), w.signer))
			w.askWitness(l)
		}
	}
	for name, l := range map[string]lie{
		"fork": {
			prove: toBirch(func(w *world) *tlog.Writer { return w.fork(16, "another", "one more") }),
			alarm: alarms(birch, forked), shown: true, state: Delivered,
		},
		"rollback": {
			prove: toBirch(func(w *world) *tlog.Writer { return w.fork(15) }),
			alarm: alarms(birch, forked), shown: true, state: Delivered,
		},
		"shrunk tree": {
			prove: toBirch(func(w *world) *tlog.Writer { return w.fork(12, "the last") }),
			alarm: alarms(birch, forked), shown: true, state: Delivered,
		},
		"changed leaf": {
			prove: toBirch(func(w *world) *tlog.Writer {
				f := w.fork(4, "changed")
				for _, leaf := range w.leaves[5:] {
					w.check(f.Append(leaf))
				}
				w.check(f.Append([]byte("one more")))
				return f
			}),
			alarm: alarms(birch, forked), shown: true, state: Delivered,
		},
		"split view to two agencies": {
			prove: func(w *world) { // Birch alone is shown an entry more; Alder's proofs are of the true log
				w.agency(birch).edit(envelope.TypeHead, func([]byte) []byte {
					l := w.fork(17, "for Birch alone")
					w.askWitness(w.log)
					w.askWitness(w.fork(16, "for Birch alone"))
					return w.headOf(l, 16, w.signer)
				})
			},
			alarm: alarms(birch, "entry @ is proved under a checkpoint of 17 entries that was never announced: the hub shows two logs"), state: Recorded,
		},
		"swapped certificate": {
			prove: func(w *world) {
				r := particulars()[0]
				record := w.request(filepath.Join(w.t.TempDir(), "other"), r)
				l, d := w.registerEntry("enrol", record)
				e := w.record(l, d)
				for _, a := range w.agencies {
					a.handEntry(e)
				}
				w.prove()
			},
			alarm: map[fairlead.AgencyID]string{
				alder: "the register names a key of this agency that it never made",
				birch: "cannot be true", cedar: "cannot be true",
			},
			shown: true, state: Delivered,
		},
		"dropped permitted section": {
			hand:  delivery(func(_ *world, d *envelope.Delivery) { d.Share.Parts = d.Share.Parts[:1] }),
			alarm: alarms(birch, "entry @: the hub handed over another set of sections than the one it logged"), state: Recorded,
		},
	} {
		t.Run(name, func(t *testing.T) { l.tell(t, base) })
	}
}

// askWitness asks a witness that stands at the honest log to cosign another, and wants a refusal. The honest one it
// cosigns.
func (w *world) askWitness(l *tlog.Writer) {
	w.t.Helper()
	skey, err := tlog.GenerateCosigner("w.example.org")
	w.check(err)
	key, err := tlog.NewCosigner(skey)
	w.check(err)
	v, err := tlog.NewVerifier(w.vkey)
	w.check(err)
	dir := w.t.TempDir()
	w.check(witness.Create(dir))
	one, err := witness.Open(dir, key, func() time.Time { return w.now }, v)
	w.check(err)
	defer one.Close()
	_, err = one.AddCheckpoint(tlog.FormatConsistency(0, nil, w.checkpoint(w.signer)))
	w.check(err)
	at := w.log.Size()
	proof, err := l.Consistency(min(at, l.Size()))
	w.check(err)
	cp, err := tlog.SignCheckpoint(w.signer, l.Tree())
	w.check(err)
	if _, err := one.AddCheckpoint(tlog.FormatConsistency(at, proof, cp)); (err == nil) != (l == w.log) {
		w.t.Errorf("a log of %d entries: the witness at %d says %v", l.Size(), at, err)
	}
}
