package client

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fairlead/internal/agreement"
	"fairlead/internal/entry"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/keyring"
	"fairlead/internal/keystore"
	"fairlead/internal/policy"
	"fairlead/internal/registry"
	"fairlead/internal/seal"
	"fairlead/internal/staff"
)

// impostor is a second set of keys in the name of an agency, as somebody at the hub would make it.
func (w *world) impostor(id fairlead.AgencyID) (*registry.Agency, *seal.Key) {
	w.t.Helper()
	dir := filepath.Join(w.t.TempDir(), "impostor")
	for _, r := range particulars() {
		if r.Agency == id {
			record := w.requestBy(dir, r, NewRoot())
			w.check(Join(dir, registry.Admission{Agency: id, Account: record.Account, User: userOf(dir), UserJWT: "jwt"}))
			home, err := OpenHome(dir, keystore.Unsealed)
			w.check(err)
			return record, home.Key
		}
	}
	w.t.Fatalf("no agency %s", id)
	return nil, nil
}

// quoted says what alarm an agency has, if it has exactly one.
func (a *agency) quoted(want string) {
	a.w.t.Helper()
	if got := a.alarmed(); len(got) != 1 || !strings.Contains(got[0], want) {
		a.w.t.Errorf("%s alarms %q, want %q", a.id, got, want)
	}
}

// TestKeySwappedUnlogged: the hub logs Birch's enrolment and hands Alder another, with another key.
func TestKeySwappedUnlogged(t *testing.T) {
	for name, test := range map[string]struct {
		honestLeaf bool
		alarm      string
	}{
		"with a leaf of its own": {false, "entry 1 is not in the log: it was sent off the record"},
		"under the leaf that is": {true, "entry 1: the hub sent another detail than the one it logged"},
	} {
		t.Run(name, func(t *testing.T) {
			w := emptyWorld(t)
			a := w.enrol(particulars()[0])
			w.settle()
			w.enrol(particulars()[1])
			record, _ := w.impostor(birch)
			a.edit(envelope.TypeEntry, func(frame []byte) []byte {
				index, leaf, _, err := envelope.ParseEntryFrame(frame)
				w.check(err)
				l, d := w.registerEntry("enrol", record)
				raw := d.Marshal()
				if d.Commit(&l, raw); !test.honestLeaf {
					leaf = l.Marshal()
				}
				return envelope.EntryFrame(index, leaf, raw)
			})
			w.settle()
			a.quoted(test.alarm)
			w.sealsToNobody(a)
		})
	}
}

// sealsToNobody: nothing is sealed to a certificate that was not proved, and nothing is queued.
func (w *world) sealsToNobody(a *agency) {
	w.t.Helper()
	if c := a.Snapshot().Certificate(birch); c != nil {
		w.t.Errorf("Alder believes in certificate %s", c.Fingerprint())
	}
	if _, err := a.Send(assessment("BIRCH")); !errors.Is(err, ErrRecipient) || !strings.Contains(err.Error(), "BIRCH") {
		w.t.Errorf("Send: %v, want %v", err, ErrRecipient)
	}
	if n, err := a.Queued(); err != nil || n > 0 {
		w.t.Errorf("%d shares queued, %v", n, err)
	}
}

// TestUnproved: an enrolment without its proof is not believed, be it true.
func TestUnproved(t *testing.T) {
	w := emptyWorld(t)
	a := w.enrol(particulars()[0])
	w.settle()
	w.enrol(particulars()[1])
	a.feed()
	w.sealsToNobody(a)
	if _, err := a.Send(assessment("CEDAR", "BIRCH")); !errors.Is(err, ErrRecipient) {
		t.Errorf("Send to two: %v", err)
	}
	w.prove()
	a.feed()
	if a.Snapshot().Certificate(birch).Fingerprint() != w.agency(birch).home.Key.Fingerprint() {
		t.Error("the proved certificate is not Birch's")
	}
	if _, err := a.Send(assessment("BIRCH", "CEDAR")); !errors.Is(err, ErrRecipient) || len(a.queue()) > 0 {
		t.Errorf("Send to one that is proved and one that is not: %v; %d queued", err, len(a.queue()))
	}
	if _, err := a.Send(assessment("BIRCH")); err != nil {
		t.Error(err)
	}
	w.calm()
}

// forge logs a share that its sender never made, as delivered to the hub, and hands its entry to all.
func (w *world) forge(kind string, from fairlead.AgencyID, record []byte, key *seal.Key) {
	w.t.Helper()
	sections, err := envelope.Fill(nil)
	w.check(err)
	h := envelope.Header{
		V: envelope.Version, ID: fairlead.NewShareID(), Kind: kind, Status: fairlead.StatusActual,
		From: envelope.From{Agency: from, Role: "DPO", User: "u1"}, To: envelope.To{Agency: fairlead.Hub},
		SentAt: fairlead.At(w.now), ValidUntil: fairlead.At(w.now.AddDate(0, 0, 3)), Record: envelope.RecordDigest(record), Sections: sections,
	}
	header, err := json.Marshal(h)
	w.check(err)
	sig, err := key.Sign(header, keyring.ContextShare, w.now)
	w.check(err)
	d := policy.Decision{Engine: policy.Engine, Result: fairlead.Delivered, Ground: fairlead.GroundControl}
	e := w.record(
		entry.Leaf{Class: entry.ClassShare, Outcome: entry.OutcomeControl, At: w.now, Share: h.ID, From: from, To: fairlead.Hub},
		&entry.Detail{Share: &entry.Share{
			Account: w.agency(from).account, Digest: envelope.HeaderDigest(header), Header: header, Signature: sig, Record: record,
			Descriptors: [][]byte{}, Keys: []string{}, Decision: d,
		}},
	)
	for _, a := range w.agencies {
		a.handEntry(e)
	}
}

// TestLiesInTheRegister: what is logged and cannot be true is not believed by anybody.
func TestLiesInTheRegister(t *testing.T) {
	const signature = "keyring: signature refused"
	base := agreedWorld(t)
	for name, test := range map[string]struct {
		tell func(w *world)
		all  string // alarm of all agencies
		own  string // alarm of Birch, where it says more
	}{
		"Birch enrolled again, with another key": {
			tell: func(w *world) {
				record, _ := w.impostor(birch)
				e := w.record(w.registerEntry("enrol", record))
				for _, a := range w.agencies {
					a.handEntry(e)
				}
			},
			all: "entry 16 cannot be true: registry: entry does not follow from the log: entry 16: agency BIRCH or its account is already enrolled",
			own: "entry 16: the register names a key of this agency that it never made",
		},
		"a certificate of Birch under another primary key": {
			tell: func(w *world) {
				_, key := w.impostor(birch)
				w.forge("agency.certificate", birch, key.Certificate(), key)
			},
			all: "entry 16: " + signature, own: "entry 16: the register names a key of this agency that it never made",
		},
		"the same, and Birch's own signature": {
			tell: func(w *world) {
				_, key := w.impostor(birch)
				w.forge("agency.certificate", birch, key.Certificate(), w.agency(birch).home.Key)
			},
			all: "other primary key", own: "entry 16: the register names a key of this agency that it never made",
		},
		"Birch's own certificate, which it did not send": {
			tell: func(w *world) {
				w.forge("agency.certificate", birch, w.agency(birch).home.Key.Certificate(), w.agency(cedar).home.Key)
			},
			all: "entry 16: " + signature, own: "entry 16: " + signature,
		},
		"a signature under an agreement that Birch did not give": {
			tell: func(w *world) {
				record, err := json.Marshal(agreement.Signature{ID: "A1", Version: 1, Digest: w.agency(cedar).Snapshot().Agreements()[0].Digest})
				w.check(err)
				w.forge("agreement.signature", birch, record, w.agency(cedar).home.Key)
			},
			all: "entry 16: " + signature, own: "entry 16: " + signature,
		},
		"an act that nobody knows": {
			tell: func(w *world) {
				e := w.record(w.registerEntry("promote", 1))
				for _, a := range w.agencies {
					a.handEntry(e)
				}
			},
			all: `entry 16 cannot be true: registry: entry does not follow from the log: entry 16: unknown act "promote"`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := base.copy(t)
			test.tell(w)
			w.prove()
			for _, a := range w.agencies {
				a.feed()
				if want := test.own; want != "" && a.id == birch {
					a.quoted(want)
				} else {
					a.quoted(test.all)
				}
				if a.Snapshot().Certificate(birch).Fingerprint() != w.agency(birch).home.Key.Fingerprint() {
					t.Errorf("%s believes in another key", a.id)
				}
				before := a.summary()
				if a.reopen(); a.summary() != before {
					t.Errorf("%s: %+v became %+v", a.id, before, a.summary())
				}
			}
		})
	}
}

// TestFirstKeyIsOurs: an agency alarms on its own enrolment with a key it never made, though it is the first.
func TestFirstKeyIsOurs(t *testing.T) {
	w := emptyWorld(t)
	a, _ := w.found(particulars()[0])
	record, _ := w.impostor(alder)
	w.forward(w.append(w.registerEntry("enrol", record)))
	w.settle()
	a.quoted("entry 0: the register names a key of this agency that it never made")
	if a.Snapshot().Agency(alder) != nil {
		t.Error("it believes in the enrolment")
	}
}

// TestReenrolled: new keys under the root are everybody's from then on; the program that has the old ones alarms, for
// it made none, be it with the root or not.
func TestReenrolled(t *testing.T) {
	w := agreedWorld(t).copy(t)
	r := particulars()[1]
	r.Again = true
	record := w.request(filepath.Join(t.TempDir(), "again"), r)
	record.Account = w.agency(birch).account
	w.forward(w.append(w.registerEntry(registry.Reenrol, record)))
	w.settle()
	w.agency(birch).quoted("the register names a key of this agency that it never made")
	a := w.agency(alder)
	if got := a.Snapshot().Agency(birch); string(got.Certificate) != string(record.Certificate) || len(a.alarmed()) > 0 {
		t.Errorf("Alder has %d alarms and certificate %x…", len(a.alarmed()), got.Certificate[:8])
	}
}

// TestOwnEntries: whatever the register says of an agency that its program did not make is an alarm there, though it is
// true and everybody believes it; what the program made is none, nor what was done to another.
func TestOwnEntries(t *testing.T) {
	base := agreedWorld(t)
	act := func(action string) func(w *world) {
		return func(w *world) {
			w.forward(w.append(w.registerEntry(action, registry.Suspension{Agency: birch, Reason: "breach"})))
		}
	}
	own := func(kind string, record any) func(w *world) {
		return func(w *world) {
			raw, err := json.Marshal(record)
			w.check(err)
			w.forge(kind, birch, raw, w.agency(birch).home.Key)
		}
	}
	person := staff.Member{User: "x1", Role: "DPO", Key: strings.Repeat("ab", 32), From: fairlead.At(base.now)}
	for name, test := range map[string]struct {
		tell  func(w *world)
		alarm string
	}{
		"suspended": {act("suspend"), "entry 16: the hub's operator suspended this agency (breach)"},
		"resumed":   {func(w *world) { act("suspend")(w); act("resume")(w) }, "entry 17: the hub's operator lifted the suspension of this agency"},
		"removed":   {act("remove"), "entry 16: the hub's operator removed this agency"},
		"a person":  {own("staff.record", person), "entry 16 is of kind staff.record, in the name of this agency and signed with its key: one that this program never made"},
		"a key": {func(w *world) {
			key, err := w.agency(birch).home.Key.Rotate(w.now.Add(time.Second))
			w.check(err)
			w.forge("agency.certificate", birch, key.Certificate(), w.agency(birch).home.Key)
		}, "entry 16 is of kind agency.certificate, in the name of this agency"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := base.copy(t)
			test.tell(w)
			w.prove()
			for _, a := range w.agencies {
				a.feed()
				got := a.alarmed()
				if a.id != birch && len(got) > 0 {
					t.Errorf("%s alarms %q", a.id, got)
				}
				if a.id == birch && !slices.ContainsFunc(got, func(what string) bool { return strings.Contains(what, test.alarm) }) {
					t.Errorf("alarms %q, want %q", got, test.alarm)
				}
			}
		})
	}
	w := base.copy(t)
	d, err := w.agency(birch).home.StaffDraft(w.agency(birch).Client, "x2", "DPO")
	w.check(err)
	d.Role, d.User = "DPO", "dpo"
	_, err = w.agency(birch).Send(d)
	w.check(err)
	w.settle()
	w.calm()
}

// TestLiesInNotices: a notice of the hub is for one agency, and says what its header says.
func TestLiesInNotices(t *testing.T) {
	base := agreedWorld(t)
	status := registry.Announcement{To: birch, Agreement: "A1", Version: 1, State: "active"}
	for name, test := range map[string]struct {
		bend  func(l *entry.Leaf, d *entry.Detail)
		alarm string
		shown int
	}{
		"true":                {func(*entry.Leaf, *entry.Detail) {}, "", 1},
		"with another record": {func(_ *entry.Leaf, d *entry.Detail) { d.Notice.Record = append(d.Notice.Record, ' ') }, "entry 16: a notice of the hub that is not for this agency (envelope: malformed: the record", 0},
		"for another agency":  {func(l *entry.Leaf, _ *entry.Detail) { l.To = cedar }, "entry 16: a notice of the hub that is not for this agency", 0},
		"of another share":    {func(l *entry.Leaf, _ *entry.Detail) { l.Share = fairlead.NewShareID() }, "entry 16: a notice of the hub that is not for this agency", 0},
		"in the name of an agency": {func(_ *entry.Leaf, d *entry.Detail) {
			d.Notice.Header = []byte(strings.Replace(string(d.Notice.Header), `"HUB"`, `"CEDAR"`, 1))
		}, "entry 16: a notice of the hub that is not for this agency", 0},
		"out of order": {func(l *entry.Leaf, _ *entry.Detail) { l.Counter++ }, "entry 16: delivery 4 arrived after delivery 2", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := base.copy(t)
			b := w.agency(birch)
			before, err := b.Inbox()
			w.check(err)
			l, d := w.notice(birch, status)
			test.bend(&l, d)
			b.handEntry(w.record(l, d))
			w.prove()
			b.feed()
			if test.alarm == "" {
				w.calm()
			} else {
				b.quoted(test.alarm)
			}
			after, err := b.Inbox()
			if err != nil || len(after) != len(before)+test.shown {
				t.Errorf("inbox of %d became %d: %v", len(before), len(after), err)
			}
		})
	}
}
