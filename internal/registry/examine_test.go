package registry_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"fairlead/internal/entry"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/keyring"
	"fairlead/internal/policy"
	"fairlead/internal/registry"
)

func headerID(t *testing.T, s *entry.Share) fairlead.ShareID {
	t.Helper()
	h, err := envelope.ParseHeader(s.Header)
	if err != nil {
		t.Fatal(err)
	}
	return h.ID
}

// TestExamine: what must hold before anything in a share is believed. Check P00 means that its sender
// is not established.
func TestExamine(t *testing.T) {
	w := newWorld(t, "NOR-CSC", "WDB-CSC", "RO-DIR")
	w.agree("A1", "NOR-CSC", "RO-DIR")
	old := w.send(w.note("NOR-CSC", "RO-DIR"))
	good := func() *entry.Share { return w.share(w.note("NOR-CSC", "RO-DIR")) }
	header := func(change func(h *envelope.Header)) func() *entry.Share {
		return func() *entry.Share {
			m := w.note("NOR-CSC", "RO-DIR")
			change(m.h)
			return w.share(m)
		}
	}
	changed := func(change func(s *entry.Share)) func() *entry.Share {
		return func() *entry.Share {
			s := good()
			change(s)
			return s
		}
	}
	signedBy := func(who fairlead.AgencyID, ctx keyring.Context, at time.Time) func(s *entry.Share) {
		return func(s *entry.Share) {
			sig, err := w.keys[who].Sign(s.Header, ctx, at)
			w.must(err)
			s.Signature = sig
		}
	}
	for name, test := range map[string]struct {
		make func() *entry.Share
		want string
	}{
		"nothing wrong":                {good, "delivered"},
		"header unreadable":            {changed(func(s *entry.Share) { s.Header = []byte("{}") }), "P00 E_SCHEMA"},
		"a code unknown":               {header(func(h *envelope.Header) { h.Purpose = "CURIOSITY" }), "P00 E_CODE_UNKNOWN"},
		"descriptor unreadable":        {changed(func(s *entry.Share) { s.Descriptors[0] = []byte("{}") }), "P00 E_SCHEMA"},
		"another's account":            {changed(func(s *entry.Share) { s.Account = account("WDB-CSC") }), "P00 E_SENDER_UNKNOWN"},
		"nobody's account":             {changed(func(s *entry.Share) { s.Account = account("HU-FAM") }), "P00 E_SENDER_UNKNOWN"},
		"no account":                   {changed(func(s *entry.Share) { s.Account = "" }), "P00 E_SENDER_UNKNOWN"},
		"from nobody":                  {changed(func(s *entry.Share) { s.Header = []byte(strings.Replace(string(s.Header), "NOR-CSC", "HU-FAM", 1)) }), "P00 E_SENDER_UNKNOWN"},
		"header changed after signing": {changed(func(s *entry.Share) { s.Header = []byte(strings.Replace(string(s.Header), "user-1", "user-2", 1)) }), "P00 E_SIGNATURE"},
		"signed by another agency":     {changed(signedBy("WDB-CSC", keyring.ContextShare, start)), "P00 E_SIGNATURE"},
		"signed as something else":     {changed(signedBy("NOR-CSC", keyring.ContextEnrolment, start)), "P00 E_SIGNATURE"},
		"not signed":                   {changed(func(s *entry.Share) { s.Signature = nil }), "P00 E_SIGNATURE"},
		"signed five minutes ago":      {changed(signedBy("NOR-CSC", keyring.ContextShare, start.Add(-5*time.Minute))), "delivered"},
		"signed longer ago":            {changed(signedBy("NOR-CSC", keyring.ContextShare, start.Add(-5*time.Minute-time.Second))), "P00 E_STALE"},
		"sent in five minutes":         {header(func(h *envelope.Header) { h.SentAt = fairlead.At(start.Add(5 * time.Minute)) }), "delivered"},
		"sent later than that":         {header(func(h *envelope.Header) { h.SentAt = fairlead.At(start.Add(5*time.Minute + time.Second)) }), "P00 E_STALE"},
		"sent five minutes ago":        {header(func(h *envelope.Header) { h.SentAt = fairlead.At(start.Add(-5 * time.Minute)) }), "delivered"},
		"sent earlier":                 {header(func(h *envelope.Header) { h.SentAt = fairlead.At(start.Add(-5*time.Minute - time.Second)) }), "P00 E_STALE"},
		"no longer valid": {header(func(h *envelope.Header) {
			h.SentAt, h.ValidUntil = fairlead.At(start.Add(-time.Minute)), fairlead.At(start)
		}), "P01 E_STALE"},
		"valid for one second":            {header(func(h *envelope.Header) { h.ValidUntil = fairlead.At(start.Add(time.Second)) }), "delivered"},
		"subject of another jurisdiction": {changed(func(s *entry.Share) { s.Subject = strings.Replace(s.Subject, ".RO.", ".HU.", 1) }), "P03 E_JURISDICTION_MISMATCH"},
		"subject of another kind":         {changed(func(s *entry.Share) { s.Subject = strings.Replace(s.Subject, "liaison", "referral", 1) }), "P03 E_JURISDICTION_MISMATCH"},
		"subject of another account":      {changed(func(s *entry.Share) { s.Subject = strings.Replace(s.Subject, "NOR", "WDB", 1) }), "P03 E_JURISDICTION_MISMATCH"},
		"recipient not enrolled":          {header(func(h *envelope.Header) { h.To.Agency = "HU-FAM" }), "P03 E_RECIPIENT_UNKNOWN"},
		"an id used before":               {header(func(h *envelope.Header) { h.ID = headerID(t, old) }), "P00 E_REPLAY"},
		"the very same share":             {func() *entry.Share { return old }, "delivered"}, // the broker answers it with the old verdict
	} {
		t.Run(name, func(t *testing.T) {
			if got := first(w.snap.Decide(test.make(), w.at, nil)); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

// TestNothingElseIsSaid: of a share whose sender is not established nothing else is examined, so that
// nobody learns which ids are used or what the register holds.
func TestNothingElseIsSaid(t *testing.T) {
	w := newWorld(t, "NOR-CSC", "WDB-CSC", "RO-DIR")
	w.agree("A1", "NOR-CSC", "RO-DIR")
	old := w.note("NOR-CSC", "RO-DIR")
	w.send(old)
	for name, change := range map[string]func(s *entry.Share){
		"forged": func(s *entry.Share) { s.Signature = nil }, "another's account": func(s *entry.Share) { s.Account = account("WDB-CSC") },
	} {
		m := w.note("NOR-CSC", "RO-DIR")
		m.h.ID, m.h.GSC, m.h.SentAt, m.keys = old.h.ID, "ABOVE", fairlead.At(start.Add(-time.Hour)), []string{"!"}
		s := w.share(m)
		s.Subject = "fl.in.HU"
		change(s)
		if d := w.snap.Decide(s, w.at, nil); len(d.Causes) != 1 || len(d.Sections) != 0 || len(d.Used) != 0 {
			t.Errorf("%s: %+v", name, d)
		}
	}
}

// TestNoTrace: a share whose sender is not established uses nothing up: the id stays free for the
// agency whose it is, and no counter moves.
func TestNoTrace(t *testing.T) {
	w := newWorld(t, "NOR-CSC", "WDB-CSC", "RO-DIR")
	w.agree("A1", "NOR-CSC", "RO-DIR")
	m := w.note("NOR-CSC", "RO-DIR")
	for name, change := range map[string]func(s *entry.Share){
		"forged":            func(s *entry.Share) { s.Signature[len(s.Signature)-1] ^= 1 },
		"another's account": func(s *entry.Share) { s.Account = account("WDB-CSC") },
		"unreadable part":   func(s *entry.Share) { s.Descriptors[0] = []byte("{") },
	} {
		s := w.share(m)
		change(s)
		counter := w.snap.Counter("RO-DIR")
		if d := w.commit(s); d.Delivers() || d.Causes[0].Check != "P00" {
			t.Fatalf("%s: %+v", name, d)
		}
		if _, _, _, ok := w.snap.Lookup(m.h.ID); ok || w.snap.Counter("RO-DIR") != counter {
			t.Errorf("%s: it left a trace", name)
		}
	}
	s := w.share(m)
	if d := w.commit(s); !d.Delivers() {
		t.Fatalf("the id was used up: %+v", d.Causes)
	}
	if digest, by, _, ok := w.snap.Lookup(m.h.ID); !ok || digest != s.Digest || by != account("NOR-CSC") {
		t.Error("the share itself is not on record")
	}
}

// TestReplay: an established share keeps its id, delivered or refused, against other bytes and against
// other accounts.
func TestReplay(t *testing.T) {
	w := newWorld(t, "NOR-CSC", "WDB-CSC", "RO-DIR")
	w.agree("A1", "NOR-CSC", "RO-DIR")
	delivered, refused := w.note("NOR-CSC", "RO-DIR"), w.note("NOR-CSC", "RO-DIR")
	refused.h.GSC = "ABOVE"
	w.send(delivered)
	if d := w.commit(w.share(refused)); first(d) != "P01 E_CLASSIFICATION" {
		t.Fatal(first(d))
	}
	for name, old := range map[string]*message{"delivered": delivered, "refused": refused} {
		for _, by := range []fairlead.AgencyID{"NOR-CSC", "WDB-CSC"} {
			m := w.note(by, "RO-DIR")
			m.h.ID = old.h.ID
			s := w.share(m)
			if d := w.commit(s); first(d) != "P00 E_REPLAY" {
				t.Errorf("%s, again by %s: %s", name, by, first(d))
			}
			if digest, _, _, _ := w.snap.Lookup(old.h.ID); digest == s.Digest {
				t.Errorf("%s: the replay took the place of the share", name)
			}
		}
	}
}

// TestKeys: every section is sealed to the recipient's current key. After a rotation the old one is
// stale, which the client cures by itself; any other key is a fault.
func TestKeys(t *testing.T) {
	w := newWorld(t, "NOR-CSC", "RO-DIR")
	w.agree("A1", "NOR-CSC", "RO-DIR")
	first0 := w.snap.Certificate("RO-DIR").Encryption().String()
	decide := func(key string) string {
		m := w.note("NOR-CSC", "RO-DIR")
		m.keys = []string{key}
		return first(w.snap.Decide(w.share(m), w.at, nil))
	}
	foreign := w.snap.Certificate("NOR-CSC").Encryption().String()
	for key, want := range map[string]string{first0: "delivered", foreign: "P01 E_PACKETS", strings.Repeat("0", 64): "P01 E_PACKETS", "!cut off": "P01 E_PACKETS", "": "delivered", "nonsense": "P01 E_PACKETS"} {
		if got := decide(key); got != want {
			t.Errorf("before the rotation, %.8s: %s, want %s", key, got, want)
		}
	}
	rotated, err := w.keys["RO-DIR"].Rotate(w.at)
	w.must(err)
	w.keys["RO-DIR"] = rotated
	m := w.message("RO-DIR", fairlead.Hub, "agency.certificate", rotated.Certificate())
	m.h.From.Role = "DPO"
	w.send(m)
	second := w.snap.Certificate("RO-DIR").Encryption().String()
	if second == first0 {
		t.Fatal("the certificate on record is the old one")
	}
	for key, want := range map[string]string{second: "delivered", first0: "P01 E_KEY_STALE", foreign: "P01 E_PACKETS"} {
		if got := decide(key); got != want {
			t.Errorf("after the rotation, %.8s: %s, want %s", key, got, want)
		}
	}
}

// TestVerifyFunc: the broker may verify ahead of time; its answer counts, under the agency's own key.
func TestVerifyFunc(t *testing.T) {
	w := newWorld(t, "NOR-CSC", "RO-DIR")
	w.agree("A1", "NOR-CSC", "RO-DIR")
	s := w.share(w.note("NOR-CSC", "RO-DIR"))
	for _, answer := range []error{nil, keyring.ErrSignature, keyring.ErrTime} {
		calls := 0
		d := w.snap.Decide(s, w.at, func(key *keyring.VerifyKey, header, sig []byte, at time.Time) error {
			calls++
			if key != w.snap.Certificate("NOR-CSC").Signing() || string(header) != string(s.Header) || string(sig) != string(s.Signature) || !at.Equal(w.at) {
				t.Error("asked for something else")
			}
			return answer
		})
		if calls != 1 || d.Delivers() != (answer == nil) {
			t.Errorf("answer %v: %d calls, %s", answer, calls, first(d))
		}
	}
}

// TestSubmissionSubject: alerts have a road of their own, and a malformed kind has none.
func TestSubmissionSubject(t *testing.T) {
	a := account("NOR-CSC")
	for kind, want := range map[string]string{
		"alert.missing": "fl.alert.RO." + string(a) + ".alert_missing", "liaison.note": "fl.in.RO." + string(a) + ".liaison_note", "Alert": "", "": "", "a.b.c": "",
	} {
		if got := registry.SubmissionSubject("RO", a, kind); got != want {
			t.Errorf("%s: %q, want %q", kind, got, want)
		}
	}
	if got := registry.SubmissionSubject("RO-OT", a, "ack"); got != "" {
		t.Errorf("a county in a subject: %q", got)
	}
}

// FuzzDecide: never a panic, and nothing that is not signed is ever delivered.
func FuzzDecide(f *testing.F) {
	w := newWorld(f, "NOR-CSC", "RO-DIR")
	w.agree("A1", "NOR-CSC", "RO-DIR")
	good := w.share(w.note("NOR-CSC", "RO-DIR").child(kid))
	f.Add(good.Header, good.Signature, good.Record, good.Descriptors[0], good.Subject, "")
	f.Add([]byte("{}"), []byte{}, []byte("{}"), []byte("{}"), "fl.in", "!")
	f.Fuzz(func(t *testing.T, header, sig, record, descriptor []byte, subject, key string) {
		s := &entry.Share{
			Account: good.Account, Subject: subject, Digest: envelope.HeaderDigest(header), Header: header, Signature: sig, Record: record,
			Descriptors: [][]byte{descriptor}, Keys: []string{key},
		}
		d := w.snap.Decide(s, w.at, nil)
		if d.Delivers() && (!slices.Equal(header, good.Header) || !slices.Equal(sig, good.Signature)) {
			t.Fatalf("delivered: %q", header)
		}
		var _ policy.Decision = d
	})
}

// TestRefusalFits: whatever stands in a record, a refusal of it fits into the log: else it would be dropped off the record.
func TestRefusalFits(t *testing.T) {
	w := newWorld(t, "NOR-CSC", "WDB-CSC")
	long := strings.Repeat("<", envelope.MaxRecord-200) // six times as long in a detail
	for kind, record := range map[string]string{
		"staff.record": `{"user":"@"}`, "training.record": `{"user":"u1","courses":[{"code":"@"}]}`, "approval": `{"share":"@"}`, "agency.certificate": `@`,
		"agreement.status": `{"id":"@","version":1,"action":"end"}`, "agreement.signature": `{"id":"@","version":1,"digest":"00"}`, "agreement.proposal": `{"id":"@"}`,
		"consent.record": `{"id":"@"}`, "consent.withdraw": `{"consent":"@"}`, "agency.rules": `{"version":1,"terms":[{"id":"@"}]}`, "onward.permission": `{"share":"@"}`,
	} {
		to := fairlead.Hub
		if kind == "training.record" || kind == "agreement.proposal" || kind == "onward.permission" {
			to = "WDB-CSC"
		}
		sh := w.share(w.message("NOR-CSC", to, kind, []byte(strings.Replace(record, "@", long, 1))))
		sh.Decision = w.snap.Decide(sh, w.at, nil)
		if n := len((&entry.Detail{Share: sh}).Marshal()); n > entry.MaxDetail || sh.Decision.Delivers() {
			t.Errorf("%s: %s, a detail of %d bytes", kind, first(sh.Decision), n)
		}
	}
}
