package client

import (
	"slices"
	"testing"
	"time"

	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/keyring"
	"fairlead/internal/keystore"
	"fairlead/internal/policy"
)

// rotated is a world in which Alder has sealed to Birch's key, and Birch has a new one by the time the
// hub decides. Alder has been handed nothing of it yet.
func rotated(t *testing.T) (w *world, id fairlead.ShareID) {
	t.Helper()
	w = newWorld(t)
	w.agree()
	a, b := w.agency(alder), w.agency(birch)
	id = a.send(assessment("BIRCH"))
	w.now = w.now.Add(time.Minute)
	_, err := b.home.RotateKey(b.Client, "DPO", "u1")
	w.check(err)
	w.collectFrom(b)
	return w, id
}

// recipients lists the subkeys that a share is sealed to.
func (a *agency) recipients(id fairlead.ShareID) (list []keyring.Fingerprint) {
	a.w.t.Helper()
	for _, p := range a.share(id).Parts {
		if sec, err := keyring.ParseSection(p.Section); err == nil {
			list = append(list, sec.Recipient)
		}
	}
	return list
}

// TestReseal: a share refused only because the recipient's key is older than its new one is sealed again
// by itself, once, under another id.
func TestReseal(t *testing.T) {
	for name, between := range map[string]func(a *agency){
		"at once":           func(*agency) {},
		"after a crash":     func(a *agency) { a.reopen() },
		"handed over twice": func(a *agency) { a.w.check(a.takeAll(a.messages)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, id := rotated(t)
			a, b := w.agency(alder), w.agency(birch)
			w.collectFrom(a)
			w.prove()
			a.feed()
			if s, err := a.Sent(id); err != nil || s.State != RefusedBy || s.Verdict.Causes[0].Reason != fairlead.ReasonKeyStale {
				t.Fatalf("%+v, %v, want refused for a stale key", s, err)
			}
			between(a)
			w.check(a.acknowledge())
			between(a)
			w.check(a.acknowledge())
			old, err := a.Sent(id)
			w.check(err)
			if old.State != Resealed || old.ReplacedBy == "" || len(old.draft) > 0 {
				t.Fatalf("state %s, replaced by %q, %d bytes of draft", old.State, old.ReplacedBy, len(old.draft))
			}
			next, err := fairlead.ParseShareID(old.ReplacedBy)
			w.check(err)
			want := slices.Repeat([]keyring.Fingerprint{a.Snapshot().Certificate(birch).Encryption()}, 3)
			if got := a.recipients(next); !slices.Equal(got, want) || slices.Equal(a.recipients(id), want) {
				t.Errorf("sealed to %v, want %v", got, want)
			}
			w.settle()
			if _, list, err := b.Open(next); err != nil || len(list) != 2 || string(list[1].Bytes) != worry {
				t.Errorf("%d sections, %v", len(list), err)
			}
			if a.state(next) != Delivered || a.state(id) != Resealed || b.sees(id) {
				t.Errorf("new share %s, old share %s", a.state(next), a.state(id))
			}
			if inbox, err := b.Inbox(); err != nil || len(inbox) != 3 { // proposal, notice, share
				t.Errorf("%d messages, %v: it was sent more than once", len(inbox), err)
			}
			w.calm()
		})
	}
}

// TestNoReseal: where anything else was wrong, or no newer key is proved, nothing is sent by itself.
func TestNoReseal(t *testing.T) {
	t.Run("another reason beside it", func(t *testing.T) {
		w, id := rotated(t)
		w.judge = func(d *policy.Decision) {
			d.Causes = append(d.Causes, policy.Cause{Reason: fairlead.ReasonAgreementScope, Check: "P06"})
		}
		w.collectFrom(w.agency(alder))
		w.judge = nil
		w.settle()
		w.stays(id)
	})
	t.Run("no reason told", func(t *testing.T) {
		w, id := rotated(t)
		w.judge = func(d *policy.Decision) {
			d.Sections = []policy.Section{{Code: "EDU", Causes: d.Causes}}
			d.Causes = nil
		}
		w.collectFrom(w.agency(alder))
		w.judge = nil
		w.settle()
		w.stays(id)
	})
	t.Run("the key did not change", func(t *testing.T) {
		w := newWorld(t)
		w.agree()
		id := w.agency(alder).send(assessment("BIRCH"))
		w.judge = func(d *policy.Decision) {
			*d = policy.Decision{Result: fairlead.Refused, Ground: fairlead.GroundNone, Causes: []policy.Cause{{Reason: fairlead.ReasonKeyStale, Check: "P01"}}}
		}
		w.collectFrom(w.agency(alder))
		w.judge = nil
		w.settle()
		w.stays(id)
	})
	t.Run("the newer key is not proved yet", func(t *testing.T) {
		w, id := rotated(t)
		a := w.agency(alder)
		certificate := a.withhold(envelope.TypeEntry)
		index := a.owed
		w.settle()
		w.stays(id)
		a.out, a.owed = certificate, index
		w.settle()
		if a.state(id) != Resealed {
			t.Errorf("state %s after it was proved", a.state(id))
		}
	})
}

// TestLate: a share that waited for a hub arrives under its own id while it is valid; one sent by a clock
// that runs ahead is refused, and is not sent again by itself.
func TestLate(t *testing.T) {
	t.Run("no hub for two days", func(t *testing.T) {
		w := newWorld(t)
		w.agree()
		a, b := w.agency(alder), w.agency(birch)
		id := a.send(assessment("BIRCH"))
		w.now = w.now.Add(48 * time.Hour)
		w.settle()
		if _, list, err := b.Open(id); err != nil || len(list) != 2 || a.state(id) != Delivered {
			t.Errorf("%d sections, %v, %s", len(list), err, a.state(id))
		}
		w.calm()
	})
	t.Run("no hub until it is no longer valid", func(t *testing.T) {
		w := newWorld(t)
		w.agree()
		id := w.agency(alder).send(assessment("BIRCH"))
		w.now = w.now.Add(72 * time.Hour)
		w.settle()
		w.stays(id)
	})
	t.Run("a clock that runs ahead", func(t *testing.T) {
		w := newWorld(t)
		w.agree()
		a := w.agency(alder)
		a.wrong = time.Hour
		id := a.send(assessment("BIRCH"))
		w.settle()
		w.stays(id)
		w.now = w.now.Add(time.Hour)
		w.settle()
		w.stays(id)
	})
}

func (w *world) stays(id fairlead.ShareID) {
	w.t.Helper()
	s, err := w.agency(alder).Sent(id)
	if err != nil || s.State != RefusedBy || s.ReplacedBy != "" {
		w.t.Errorf("state %s, replaced by %q, %v", s.State, s.ReplacedBy, err)
	}
	if n := len(w.agency(alder).queue()); n > 0 {
		w.t.Errorf("%d shares are queued", n)
	}
	w.calm()
}

// TestRotate: after two rotations and a restart everything is readable, what was sealed to the first key too.
func TestRotate(t *testing.T) {
	w := newWorld(t)
	w.agree()
	a, b := w.agency(alder), w.agency(birch)
	ids := []fairlead.ShareID{a.send(assessment("BIRCH"))}
	w.settle()
	for range 2 {
		w.now = w.now.Add(time.Minute)
		id, err := b.home.RotateKey(b.Client, "DPO", "u1")
		w.check(err)
		w.settle()
		if b.state(id) != Recorded {
			t.Fatalf("the certificate is %s", b.state(id))
		}
		ids = append(ids, a.send(assessment("BIRCH")))
		w.settle()
	}
	var err error
	b.home, err = OpenHome(b.home.Dir, keystore.Unsealed)
	w.check(err)
	b.reopen()
	seen := map[keyring.Fingerprint]bool{}
	for _, id := range ids {
		if _, list, err := b.Open(id); err != nil || len(list) != 2 {
			t.Errorf("%d sections, %v", len(list), err)
		}
		seen[a.recipients(id)[0]] = true
	}
	if len(seen) != 3 {
		t.Errorf("sealed to %d keys, want a new one each time", len(seen))
	}
	w.calm()
}
