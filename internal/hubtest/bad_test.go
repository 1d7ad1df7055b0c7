package hubtest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"fairlead/internal/bus"
	"fairlead/internal/client"
	"fairlead/internal/entry"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/policy"
	"fairlead/internal/registry"
	"fairlead/internal/seal"
	"fairlead/internal/tlog"
)

// pkesk is a version 6 PKESK packet (RFC 9580 §5.1.2) with the recipient's part of another one changed.
func pkesk(section, recipient []byte) []byte {
	body := section[3:] // two octets of length follow the tag
	rest := body[2+33:]
	out := append(append([]byte{6, byte(len(recipient))}, recipient...), rest[:1+32+1088+1+40]...)
	n := len(out) - 192
	return append([]byte{section[0], byte(n>>8) + 192, byte(n)}, out...)
}

// pkeskLen is the length of the packet at the front of a sealed section.
func pkeskLen(section []byte) int {
	return 3 + (int(section[1]-192)<<8 + int(section[2]) + 192)
}

// TestRefused sends one faulty share after the other and reads the verdict as its sender does: proved,
// with reason, check and place. The hub goes on; New checks the whole world at the end.
func TestRefused(t *testing.T) {
	t.Parallel()
	w := New(t, Config{})
	alder := w.Agency(Alder)
	record := func(kind string, role fairlead.Role, record []byte) *client.Draft {
		return &client.Draft{Kind: kind, Role: role, User: "dpo", To: []string{string(fairlead.Hub)}, Record: record}
	}
	tests := []struct {
		name   string
		draft  *client.Draft // nil: an assessment to Birch
		change func(*forged)
		reason fairlead.Reason
		where  string
	}{
		{"signed too long ago", nil, func(f *forged) { f.signAt = f.signAt.Add(-6 * time.Minute) }, fairlead.ReasonStale, "P00 signature"},
		{"sent in the future", nil, func(f *forged) { f.signAt = f.signAt.Add(6 * time.Minute); f.H.SentAt = fairlead.At(f.signAt) }, fairlead.ReasonStale, "P01 sent_at, valid_until"},
		{"past its end", nil, func(f *forged) {
			f.H.SentAt, f.H.ValidUntil = fairlead.At(f.signAt.Add(-4*time.Minute)), fairlead.At(f.signAt.Add(-time.Minute))
		}, fairlead.ReasonStale, "P01 sent_at, valid_until"},
		{"from another agency", nil, func(f *forged) { f.H.From.Agency = Aspen }, fairlead.ReasonSenderUnknown, "P00 from"},
		{"from nobody", nil, func(f *forged) { f.H.From.Agency = "NOBODY" }, fairlead.ReasonSenderUnknown, "P00 from"},
		{"one digit of the header", nil, func(f *forged) { f.raw, f.Header = true, bytes.Replace(f.Header, []byte(`"sw1"`), []byte(`"sw2"`), 1) }, fairlead.ReasonSignature, "P00 signature"},
		{"no signature", nil, func(f *forged) { f.raw, f.Signature = true, nil }, fairlead.ReasonSignature, "P00 signature"},
		{"signature cut off", nil, func(f *forged) { f.raw, f.Signature = true, f.Signature[:len(f.Signature)-1] }, fairlead.ReasonSignature, "P00 signature"},
		{"two signatures", nil, func(f *forged) { f.raw, f.Signature = true, append(f.Signature, f.Signature...) }, fairlead.ReasonSignature, "P00 signature"},
		{"subject of another jurisdiction", nil, func(f *forged) {
			f.subject = registry.SubmissionSubject("GB-SCT", alder.Home.Admission.Account, f.H.Kind)
		}, fairlead.ReasonJurisdictionMismatch, "P03 subject"},
		{"subject of another kind", nil, func(f *forged) {
			f.subject = registry.SubmissionSubject("RO", alder.Home.Admission.Account, "info.request")
		}, fairlead.ReasonJurisdictionMismatch, "P03 subject"},
		{"subject of the alert plane", nil, func(f *forged) { f.subject = strings.Replace(f.subject, "fl.in.", "fl.alert.", 1) }, fairlead.ReasonJurisdictionMismatch, "P03 subject"},
		{"unknown kind", nil, func(f *forged) {
			f.H.Kind = "no.such"
			f.subject = registry.SubmissionSubject("RO", alder.Home.Admission.Account, f.H.Kind)
		}, fairlead.ReasonCodeUnknown, "P01 kind no.such"},
		{"unknown recipient", nil, func(f *forged) { f.H.To.Agency = "NOBODY" }, fairlead.ReasonRecipientUnknown, "P03 to"},
		{"to itself", nil, func(f *forged) {
			f.H.To.Agency = Alder
			f.subject = registry.SubmissionSubject("GB-ENG", alder.Home.Admission.Account, f.H.Kind)
		}, fairlead.ReasonPackets, "P01 part 1"},
		{"packet after the section", nil, func(f *forged) { f.section(t, append(f.Parts[0].Section, 0xCA, 3, 'P', 'G', 'P')) }, fairlead.ReasonPackets, "P01 part 1"},
		{"packet before the section", nil, func(f *forged) { f.section(t, append([]byte{0xCA, 3, 'P', 'G', 'P'}, f.Parts[0].Section...)) }, fairlead.ReasonPackets, "P01 part 1"},
		{"two recipients", nil, func(f *forged) {
			s := f.Parts[0].Section
			f.section(t, slices.Concat(s[:pkeskLen(s)], s))
		}, fairlead.ReasonPackets, "P01 part 1"},
		{"no recipient", nil, func(f *forged) {
			s := f.Parts[0].Section
			f.section(t, s[pkeskLen(s):])
		}, fairlead.ReasonPackets, "P01 part 1"},
		{"anonymous recipient", nil, func(f *forged) {
			s := f.Parts[0].Section
			f.section(t, append(pkesk(s, nil), s[pkeskLen(s):]...))
		}, fairlead.ReasonPackets, "P01 part 1"},
		{"recipient of zeros", nil, func(f *forged) {
			s := f.Parts[0].Section
			f.section(t, append(pkesk(s, append([]byte{6}, make([]byte, 32)...)), s[pkeskLen(s):]...))
		}, fairlead.ReasonPackets, "P01 part 1"},
		{"section cut off", nil, func(f *forged) { f.section(t, f.Parts[0].Section[:600]) }, fairlead.ReasonPackets, "P01 part 1"},
		{"not sealed", nil, func(f *forged) { f.section(t, []byte(`{"school":"plain"}`)) }, fairlead.ReasonPackets, "P01 part 1"},
		{"sealed to a third agency", nil, func(f *forged) {
			in := seal.Inner{Message: f.H.ID, Section: "EDU", Sender: Alder, Type: "json"}
			s, err := alder.Home.Key.Seal(alder.Snapshot().Certificate(Cedar), in, []byte(`{}`), f.signAt)
			if err != nil {
				t.Fatal(err)
			}
			f.section(t, s)
		}, fairlead.ReasonPackets, "P01 part 1"},
		{"no record", record("agreement.signature", "AGREEMENT_SIGNATORY", nil), func(*forged) {}, fairlead.ReasonSchema, "P01 record"},
		{"record of another form", record("agreement.signature", "AGREEMENT_SIGNATORY", []byte(`{"id":"A1"}`)), func(*forged) {}, fairlead.ReasonAgreementRecord, "P01 record"},
		{"certificate that is none", record("agency.certificate", "DPO", []byte("rubbish")), func(*forged) {}, fairlead.ReasonSchema, "P01 record"},
		{"certificate of another agency", record("agency.certificate", "DPO", alder.Snapshot().Agency(Birch).Certificate), func(*forged) {}, fairlead.ReasonSchema, "P01 record"},
	}
	var faulty []*forged
	for _, test := range tests {
		d := test.draft
		if d == nil {
			d = DraftAssessment(Birch, Section("EDU", `{"school":"x"}`))
		}
		faulty = append(faulty, w.forge(t, Alder, d, test.change))
	}
	w.settle(t)
	for i, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := w.sent(t, Alder, faulty[i].id)
			if s.State != client.RefusedBy || s.Verdict == nil || len(s.Verdict.Causes) == 0 || s.Verdict.Causes[0].Reason != test.reason {
				t.Fatalf("%s: %+v", s.State, s.Verdict)
			}
			for _, c := range s.Verdict.Causes {
				if c.Check+" "+c.Where != test.where || c.Advice == "" {
					t.Errorf("%+v, want %s at %s", c, test.reason, test.where)
				}
			}
		})
	}
	if s := w.send(t, Alder, DraftAssessment(Birch, Section("EDU", `{}`))); s.State != client.Delivered {
		t.Errorf("after all that: %s", s.State)
	}
}

// TestUnprovedAreCounted: shares whose sender is not established make a few entries in a minute; the rest is
// one count, so that nobody fills the log in this way.
func TestUnprovedAreCounted(t *testing.T) {
	t.Parallel()
	w := New(t, Config{})
	first, unread := len(w.lines(t)), w.Hub.Broker().Status().Unread
	const sent, each = 40, 16
	w.Clock.Set(w.Clock.Now().Truncate(time.Minute).Add(time.Minute))
	for range sent {
		f := w.forge(t, Alder, DraftAssessment(Birch, Section("EDU", `{}`)), func(f *forged) { f.raw, f.Signature = true, nil })
		w.withdraw(t, Alder, f)
		w.publish(t, Alder, registry.SubmissionSubject("RO", w.Agency(Alder).Home.Admission.Account, f.H.Kind), f.Marshal())
	}
	w.send(t, Cedar, DraftAssessment(Birch, Section("EDU", `{}`))) // decided after them
	w.Clock.Set(w.Clock.Now().Add(time.Minute))
	w.until(t, func() bool { return w.Hub.Broker().Status().Unread == unread+sent-each })
	w.settle(t)
	refused, counted := 0, 0
	for _, l := range w.lines(t)[first:] {
		switch {
		case l.Detail.Unparsed != nil:
			counted += l.Detail.Unparsed.Count
			if c := l.Detail.Unparsed.Cause; c.Check != "P00" || c.Reason != fairlead.ReasonSignature || l.Leaf.From != Alder {
				t.Errorf("the count says %+v of %s", c, l.Leaf.From)
			}
		case l.Detail.Share != nil && l.Leaf.From == Alder && l.Leaf.Outcome == entry.OutcomeNotDelivered:
			refused++
		}
	}
	if refused != each || counted != sent-each {
		t.Errorf("%d entries and a count of %d, want %d and %d", refused, counted, each, sent-each)
	}
	// Alder's program alarms on what it never made; New's check has no room for that, so look here.
	if alarms, err := w.Agency(Alder).Alarms(); err != nil || len(alarms) != each {
		t.Errorf("%d alarms, %v", len(alarms), err)
	}
	w.Close()
}

// TestUnreadable sends what cannot be read at all. The first of a minute makes an entry that says why,
// with a verdict that shows as an alarm: somebody is using this agency's name. The rest is counted.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	w := New(t, Config{})
	on := registry.SubmissionSubject("RO", w.Agency(Alder).Home.Admission.Account, "assessment.share")
	good := func(change func(*forged)) []byte {
		f := w.forge(t, Alder, DraftAssessment(Birch, Section("EDU", `{"school":"x"}`)), change)
		w.withdraw(t, Alder, f)
		return f.Marshal()
	}
	header := func(old, new string) []byte {
		return good(func(f *forged) { f.raw, f.Header = true, bytes.Replace(f.Header, []byte(old), []byte(new), 1) })
	}
	tests := []struct {
		name   string
		data   []byte
		reason fairlead.Reason
		advice string
	}{
		{"nothing", nil, fairlead.ReasonSchema, "does not begin with FLD"},
		{"rubbish", []byte("rubbish"), fairlead.ReasonSchema, "does not begin with FLD"},
		{"another type of frame", envelope.ProofsFrame([]byte("x")), fairlead.ReasonSchema, "frame of type 6"},
		{"cut off", good(func(*forged) {})[:500], fairlead.ReasonSchema, "cut off"},
		{"a byte too many", append(good(func(*forged) {}), 0), fairlead.ReasonSchema, "1 bytes after"},
		{"over 4 MiB", envelope.Frame(envelope.TypeShare, make([]byte, envelope.MaxShare)), fairlead.ReasonTooLarge, "4 MiB"},
		{"long header", good(func(f *forged) { f.raw, f.Header = true, make([]byte, envelope.MaxHeader+1) }), fairlead.ReasonTooLarge, "header"},
		{"not JSON", good(func(f *forged) { f.raw, f.Header = true, []byte("{") }), fairlead.ReasonSchema, "header"},
		{"not UTF-8", header("sw1", "sw\xff"), fairlead.ReasonSchema, "UTF-8"},
		{"unknown member", header(`"tlp"`, `"tlq"`), fairlead.ReasonSchema, "tlq"},
		{"member twice", header(`"tlp"`, `"gsc"`), fairlead.ReasonSchema, "twice"},
		{"member in capitals", header(`"tlp"`, `"TLP"`), fairlead.ReasonSchema, "lower-case"},
		{"unknown purpose", header("PRT-ASSESS", "PRT-<&\u2028>"), fairlead.ReasonCodeUnknown, "purpose"},
		{"long purpose", header("PRT-ASSESS", strings.Repeat("é", 4000)), fairlead.ReasonCodeUnknown, "purpose"},
		{"no recipient", header(`"agency":"BIRCH"`, `"agency":""`), fairlead.ReasonSchema, "exactly one recipient"},
		{"descriptor missing", good(func(f *forged) { f.Parts[0].Descriptor = nil }), fairlead.ReasonSchema, "part 1: "},
		{"descriptor of another share", good(func(f *forged) { f.Parts[0].Descriptor = f.Descriptors[0].Marshal() }), fairlead.ReasonSchema, "part 1: its descriptor is not in the signed header"},
		{"part twice", good(func(f *forged) { f.Parts = append(f.Parts, f.Parts[0]) }), fairlead.ReasonSchema, "part 3: its descriptor is not in the signed header"},
		{"section of another share", good(func(f *forged) { f.Parts[0].Section = []byte("other") }), fairlead.ReasonSchema, "part 1: the section is not the one"},
		{"unsigned record", good(func(f *forged) { f.Record = []byte("{}") }), fairlead.ReasonSchema, "the record is not the one the header signs"},
	}
	first := len(w.lines(t))
	for i, test := range tests {
		w.Clock.Set(w.Clock.Now().Add(time.Minute))
		w.publish(t, Alder, on, test.data)
		w.until(t, func() bool { return w.Hub.Broker().Status().Unread > int64(i) })
	}
	w.settle(t)
	lines := w.lines(t)[first:]
	alarms, err := w.Agency(Alder).Alarms()
	if err != nil || len(lines) != len(tests) {
		t.Fatalf("%v; %d entries for %d submissions", err, len(lines), len(tests))
	}
	for i, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			u := lines[i].Detail.Unparsed
			if u == nil || u.Count != 1 || lines[i].Leaf.From != Alder {
				t.Fatalf("%+v, %+v", lines[i].Leaf, u)
			}
			if u.Cause.Reason != test.reason || !strings.Contains(u.Cause.Advice, test.advice) || len(u.Cause.Advice) > 500 {
				t.Errorf("%+v, want %s, %q", u.Cause, test.reason, test.advice)
			}
			if !slices.ContainsFunc(alarms, func(a client.Alarm) bool { return strings.HasSuffix(a.What, u.Cause.Advice) }) {
				t.Errorf("no alarm tells %q", u.Cause.Advice)
			}
		})
	}
	t.Run("many", func(t *testing.T) { many(t, w, on) })
	if s := w.send(t, Alder, DraftAssessment(Birch, Section("EDU", `{}`))); s.State != client.Delivered {
		t.Errorf("after all that: %s", s.State)
	}
}

// many sends rubbish faster than once a minute.
func many(t *testing.T, w *World, on string) {
	w.Clock.Set(w.Clock.Now().Add(time.Minute))
	before := len(w.lines(t))
	for i := range 20 {
		w.publish(t, Alder, on, []byte{byte(i)})
	}
	w.until(t, func() bool { return len(w.lines(t)) > before })
	s := w.send(t, Aspen, DraftAssessment(Alder, Section("EDU", `{}`))) // decided after all of them
	if n := len(w.lines(t)); n != int(s.Index)+2 || n != before+3 {     // the rubbish, the share, its receipt
		t.Errorf("%d entries more", n-before)
	}
	w.Clock.Set(w.Clock.Now().Add(time.Minute))
	before = len(w.lines(t))
	w.until(t, func() bool { return len(w.lines(t)) > before })
	if u := w.lines(t)[before].Detail.Unparsed; u == nil || u.Count != 19 {
		t.Errorf("counted %+v", u)
	}
	// Nobody waits for a proof of that entry; its checkpoint is announced for the agencies to cosign all the same.
	w.until(t, func() bool { return w.Agency(Cedar).Tree().N == w.Hub.Broker().Status().Entries })
}

// until syncs all agencies until something holds that the hub does by itself.
func (w *World) until(t testing.TB, holds func() bool) {
	t.Helper()
	ctx := within(t)
	for !holds() {
		if _, err := w.syncAll(ctx); err != nil || ctx.Err() != nil {
			t.Fatalf("waited in vain: %v", err)
		}
	}
}

// TestNotTaken: what the intake does not take is said to the sender at once.
func TestNotTaken(t *testing.T) {
	t.Parallel()
	w := New(t, Config{})
	alder, other := w.Agency(Alder), w.Agency(Aspen).Home.Admission.Account
	own := registry.SubmissionSubject("RO", alder.Home.Admission.Account, "assessment.share")
	for _, test := range []struct {
		on   string
		size int
		want error
	}{
		{registry.SubmissionSubject("RO", other, "assessment.share"), 10, bus.ErrSubject},
		{"fl.led.entry", 10, bus.ErrSubject},
		{"fl.head", 10, bus.ErrSubject},
		{own, 5<<20 + 1, bus.ErrFull},
	} {
		if err := alder.Conn.Publish(within(t), test.on, make([]byte, test.size)); !errors.Is(err, test.want) {
			t.Errorf("%s, %d bytes: %v", test.on, test.size, err)
		}
	}
}

// TestReplay: an exact copy gets the old verdict and makes no entry; other content under the same id,
// or a copy by another agency, is refused on record and does not touch the first.
func TestReplay(t *testing.T) {
	t.Parallel()
	w := New(t, Config{})
	first := w.forge(t, Alder, DraftAssessment(Birch, Section("EDU", `{"n":1}`)), func(*forged) {})
	w.settle(t)
	verdict := w.sent(t, Alder, first.id)
	entries, arrived := len(w.lines(t)), len(w.inbox(t, Birch))

	before := w.verdicts(t, verdict.Index)
	w.publish(t, Alder, first.subject, first.Marshal())
	w.until(t, func() bool { return len(w.verdicts(t, verdict.Index)) > len(before) })
	after := w.verdicts(t, verdict.Index)
	if len(before) != 1 || len(after) != 2 || !bytes.Equal(after[0], after[1]) || len(w.lines(t)) != entries {
		t.Errorf("%d verdicts, then %d; %d entries more", len(before), len(after), len(w.lines(t))-entries)
	}

	second := w.forge(t, Alder, DraftAssessment(Birch, Section("EDU", `{"n":2}`)), func(f *forged) { f.H.ID = first.H.ID })
	w.withdraw(t, Alder, second)
	w.publish(t, Alder, second.subject, second.Marshal())
	thief := strings.Replace(first.subject, string(w.Agency(Alder).Home.Admission.Account), string(w.Agency(Aspen).Home.Admission.Account), 1)
	w.until(t, func() bool { return len(w.lines(t)) > entries })
	w.check(t, entries, first.id, Alder, fairlead.ReasonReplay)

	// Aspen's program alarms: it never made that share. New's check has no room for that, so look here.
	w.publish(t, Aspen, thief, first.Marshal())
	w.until(t, func() bool { return len(w.lines(t)) > entries+1 })
	w.check(t, entries+1, first.id, Aspen, fairlead.ReasonSenderUnknown)
	if now := w.sent(t, Alder, first.id); now.State != verdict.State || now.Index != verdict.Index {
		t.Errorf("%s at %d, was %s at %d", now.State, now.Index, verdict.State, verdict.Index)
	}
	if n := len(w.inbox(t, Birch)); n != arrived {
		t.Errorf("%d in the inbox, were %d", n, arrived)
	}
	if alarms, err := w.Agency(Aspen).Alarms(); err != nil || len(alarms) != 1 || !strings.Contains(alarms[0].What, "never made") {
		t.Errorf("%v %v", alarms, err)
	}
	w.Close()
}

// check looks at the refusal of one entry and that a verdict with a proof went to its sender.
func (w *World) check(t testing.TB, index int, id fairlead.ShareID, from fairlead.AgencyID, reason fairlead.Reason) {
	t.Helper()
	w.settle(t)
	l := w.lines(t)[index]
	if l.Leaf.Share != id || l.Leaf.From != from || l.Leaf.Outcome != entry.OutcomeNotDelivered ||
		!slices.ContainsFunc(l.Detail.Share.Decision.Causes, func(c policy.Cause) bool { return c.Reason == reason }) {
		t.Errorf("entry %d: %+v, %+v", index, l.Leaf, l.Detail.Share.Decision)
	}
	if len(w.verdicts(t, int64(index))) != 1 || !w.proved(t, int64(index)) {
		t.Errorf("no verdict with a proof on entry %d", index)
	}
}

// verdicts are the frames of LEDGER that tell the verdict of an entry.
func (w *World) verdicts(t testing.TB, index int64) (list [][]byte) {
	t.Helper()
	for _, m := range w.ledger(t) {
		kind, parts, err := envelope.ParseFrame(m.data)
		if err != nil {
			t.Fatal(err)
		}
		if kind == envelope.TypeVerdict && int64(binary.BigEndian.Uint64(parts[0])) == index {
			list = append(list, m.data)
		}
	}
	return list
}

// proved reports whether LEDGER hands out a proof of an entry.
func (w *World) proved(t testing.TB, index int64) bool {
	t.Helper()
	for _, m := range w.ledger(t) {
		kind, parts, err := envelope.ParseFrame(m.data)
		if err != nil || kind != envelope.TypeProofs {
			continue
		}
		for _, p := range parts {
			if i, err := tlog.ProofIndex(p); err == nil && i == index {
				return true
			}
		}
	}
	return false
}
