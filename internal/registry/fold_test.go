package registry_test

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"fairlead/internal/agreement"
	"fairlead/internal/consent"
	"fairlead/internal/entry"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/registry"
)

const kid = "0123456789abcdef0123456789abcdef"

// TestEnrol: an enrolled agency is found by id and by account, with the certificate it brought.
func TestEnrol(t *testing.T) {
	w := newWorld(t, "WDB-CSC", "NOR-CSC", "RO-DIR")
	for _, id := range []fairlead.AgencyID{"NOR-CSC", "RO-DIR", "WDB-CSC"} {
		a := w.snap.Agency(id)
		if a == nil || w.snap.ByAccount(account(id)) != a || w.snap.Certificate(id).Fingerprint() != w.keys[id].Fingerprint() {
			t.Errorf("%s: %+v", id, a)
		}
	}
	if list := w.snap.Agencies(); len(list) != 3 || list[0].ID != "NOR-CSC" || list[2].ID != "WDB-CSC" || list[2].Entry != 0 || list[0].Entry != 1 {
		t.Errorf("%+v", list)
	}
	if w.snap.Agency("HU-FAM") != nil || w.snap.ByAccount("A") != nil || w.snap.Certificate("HU-FAM") != nil || w.snap.Size() != 3 || !w.snap.Last().Equal(start) {
		t.Error("what is not there was found")
	}
}

// TestEnrolRefused: an enrolment that is not the agency's own, word for word, does not fold.
func TestEnrolRefused(t *testing.T) {
	w := newWorld(t, "NOR-CSC")
	own := w.keys["NOR-CSC"]
	fresh := w.key("WDB-CSC")
	good := func() *registry.Agency { return w.application("WDB-CSC", fresh) }
	for name, test := range map[string]struct {
		make func() *registry.Agency
		says string
	}{
		"a second time": {func() *registry.Agency { return w.application("NOR-CSC", own) }, "already enrolled"},
		"a new key for an old name": {func() *registry.Agency {
			a := w.application("NOR-CSC", w.key("NOR-CSC"))
			a.Account = account("WDB-CSC")
			return a
		}, "already enrolled"},
		"an account that is taken": {func() *registry.Agency {
			a := good()
			a.Account = account("NOR-CSC")
			return a
		}, "already enrolled"},
		"a stolen certificate, own signature": {func() *registry.Agency {
			a := good()
			r := registry.Request{Agency: a.ID, Name: a.Name, Type: a.Type, Jurisdiction: a.Jurisdiction, Emergency: true, User: a.User, Certificate: own.Certificate(), At: fairlead.At(w.at)}
			return w.signed(r, fresh)
		}, "wrong key"},
		"the key of another agency": {func() *registry.Agency { return w.application("WDB-CSC", own) }, "names NOR-CSC"},
		"the hub's own name":        {func() *registry.Agency { return w.application(fairlead.Hub, w.key(fairlead.Hub)) }, "HUB"},
		"another name on record":    {func() *registry.Agency { a := good(); a.Name = "Else"; return a }, "word for word"},
		"another State on record":   {func() *registry.Agency { a := good(); a.Jurisdiction = "RO"; return a }, "word for word"},
		"another type on record":    {func() *registry.Agency { a := good(); a.Type = fairlead.TypePolice; return a }, "word for word"},
		"another user on record":    {func() *registry.Agency { a := good(); a.User = "UX"; return a }, "word for word"},
		"no duty inbox on record":   {func() *registry.Agency { a := good(); a.Emergency = false; return a }, "word for word"},
		"a request changed later": {func() *registry.Agency {
			a := good()
			a.Request, a.Name = []byte(strings.Replace(string(a.Request), "Agency W", "Agency X", 1)), "Agency XDB-CSC"
			return a
		}, "does not verify"},
		"no signature":           {func() *registry.Agency { a := good(); a.Signature = nil; return a }, "signature"},
		"a request that is none": {func() *registry.Agency { a := good(); a.Request = []byte("{}"); return a }, "certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			before := w.snap
			err := w.register("enrol", test.make())
			if !errors.Is(err, registry.ErrFold) || !strings.Contains(err.Error(), test.says) || w.snap != before {
				t.Errorf("got %v, want %q", err, test.says)
			}
		})
	}
	w.must(w.register("enrol", good()))
}

// TestReview: what the operator compares before it admits an agency is the key of the request itself.
func TestReview(t *testing.T) {
	w := newWorld(t)
	key := w.key("NOR-CSC")
	a := w.application("NOR-CSC", key)
	r, fingerprint, err := registry.SignedRequest{Request: a.Request, Signature: a.Signature}.Review(w.at)
	if err != nil || r.Agency != "NOR-CSC" || fingerprint != key.Fingerprint() {
		t.Errorf("%s %s %v", r.Agency, fingerprint, err)
	}
	for name, s := range map[string]registry.SignedRequest{"empty": {}, "not signed": {Request: a.Request}, "null": {Request: []byte("null"), Signature: a.Signature}} {
		if _, _, err := s.Review(w.at); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// TestFoldRefuses: index, time and counters of the whole log follow, or the entry does not fold.
func TestFoldRefuses(t *testing.T) {
	w := newWorld(t, "NOR-CSC", "RO-DIR")
	w.agree("A1", "NOR-CSC", "RO-DIR") // one delivery to RO-DIR
	quiet := func() *entry.Detail {
		return &entry.Detail{Unparsed: &entry.Unparsed{Account: "A", Minute: fairlead.At(w.at), Count: 1}}
	}
	for name, test := range map[string]struct {
		leaf   entry.Leaf
		detail *entry.Detail
		says   string
	}{
		"an earlier time":     {entry.Leaf{At: w.at.Add(-time.Millisecond), Outcome: entry.OutcomeNotDelivered}, quiet(), "earlier than the one before"},
		"a counter again":     {entry.Leaf{At: w.at, Outcome: entry.OutcomeDelivered, To: "RO-DIR", Counter: 1}, quiet(), "has counter 1 for RO-DIR, want 2"},
		"a counter too far":   {entry.Leaf{At: w.at, Outcome: entry.OutcomeDelivered, To: "RO-DIR", Counter: 3}, quiet(), "has counter 3 for RO-DIR, want 2"},
		"no counter":          {entry.Leaf{At: w.at, Outcome: entry.OutcomeDelivered, To: "RO-DIR"}, quiet(), "has counter 0 for RO-DIR, want 2"},
		"a counter for none":  {entry.Leaf{At: w.at, Outcome: entry.OutcomeNotDelivered, To: "RO-DIR", Counter: 2}, quiet(), "delivers nothing"},
		"a counter of a hold": {entry.Leaf{At: w.at, Outcome: entry.OutcomeHeld, To: "RO-DIR", Counter: 2}, quiet(), "delivers nothing"},
		"an act unknown":      {entry.Leaf{At: w.at, Outcome: entry.OutcomeControl}, &entry.Detail{Register: &entry.Register{Action: "close", Record: []byte("{}")}}, `unknown act "close"`},
		"rules with a typo":   {entry.Leaf{At: w.at, Outcome: entry.OutcomeControl}, &entry.Detail{Register: &entry.Register{Action: "rules", Record: []byte(`{"group":[]}`)}}, "group"},
		"a notice of nothing": {entry.Leaf{At: w.at, Outcome: entry.OutcomeControl}, &entry.Detail{Notice: &entry.Notice{Record: []byte(`{"to":"NOR-CSC","agreement":"A9","version":1,"state":"active"}`)}}, "A9/1, which is not on record"},
	} {
		t.Run(name, func(t *testing.T) {
			before := w.snap
			if err := w.fold(test.leaf, test.detail); !errors.Is(err, registry.ErrFold) || !strings.Contains(err.Error(), test.says) || w.snap != before {
				t.Errorf("got %v, want %q", err, test.says)
			}
		})
	}
	w.must(w.fold(entry.Leaf{At: w.at, Outcome: entry.OutcomeDelivered, To: "RO-DIR", Counter: 2}, quiet())) // and so does the next
}

// TestSnapshotsDoNotChange: an old Snapshot answers as before, whatever is folded after it.
func TestSnapshotsDoNotChange(t *testing.T) {
	w := newWorld(t, "NOR-CSC", "RO-DIR")
	w.agree("A1", "NOR-CSC", "RO-DIR")
	sent := w.send(w.note("NOR-CSC", "RO-DIR").child(kid))
	old := w.snap
	m := w.note("NOR-CSC", "RO-DIR").child(kid)
	s := w.share(m)
	view := func() string {
		f := old.Facts(m.h, nil, nil, w.at)
		d := old.Decide(s, w.at, nil)
		return fmt.Sprintf("%d %d %d %+v %+v %v %s", old.Size(), old.Counter("RO-DIR"), old.Heard("RO-DIR"), old.Agreements(), f.Recipient, d.Result, old.Certificate("RO-DIR").Encryption())
	}
	before := view()
	w.consented("NOR-CSC", kid, "c-1", consent.Item{Status: "refused"})
	w.send(w.note("NOR-CSC", "RO-DIR"))
	w.enrol("HU-FAM")
	w.must(w.register("rules", registry.Rules{Groups: []registry.Group{{Name: "G", Members: []fairlead.AgencyID{"RO-DIR"}}}, Countries: []registry.Country{{State: "RO", CAOnly: true}}}))
	w.must(w.register("suspend", registry.Suspension{Agency: "RO-DIR", Reason: "key_loss"}))
	w.status("NOR-CSC", "A1", agreement.Suspend)
	if after := view(); after != before || old.Group("G") != nil || old.Agency("HU-FAM") != nil {
		t.Errorf("before %s\nafter  %s", before, after)
	}
	if _, _, _, ok := old.Lookup(m.h.ID); ok {
		t.Error("a later share is on record")
	}
	if digest, by, index, ok := old.Lookup(headerID(t, sent)); !ok || digest != sent.Digest || by != account("NOR-CSC") || index != old.Size()-1 {
		t.Errorf("%s %s %d %v", digest, by, index, ok)
	}
}

// TestAgreement: it is in force with the last signature, at that entry and not before, and every
// party is told once.
func TestAgreement(t *testing.T) {
	w := newWorld(t, "NOR-CSC", "RO-DIR", "RO-CCA")
	record := w.pact("A1", "NOR-CSC", "RO-DIR", "RO-CCA")
	w.send(w.message("NOR-CSC", "RO-DIR", "agreement.proposal", record))
	proposed := w.snap.Size() - 1
	w.send(w.message("NOR-CSC", "RO-CCA", "agreement.proposal", record)) // a copy changes nothing
	for i, by := range []fairlead.AgencyID{"RO-DIR", "NOR-CSC", "NOR-CSC", "RO-CCA"} {
		st := w.snap.Agreements()[0]
		if st.Entry != proposed || st.Active(w.at) || len(w.snap.Unannounced(w.at)) != 0 || first(w.snap.Decide(w.share(w.note("NOR-CSC", "RO-DIR")), w.at, nil)) != "P06 E_AGREEMENT_NONE" {
			t.Fatalf("after %d signatures: %+v", i, st)
		}
		w.send(w.message(by, fairlead.Hub, "agreement.signature", signature(record, "A1")))
	}
	st := w.snap.Agreements()[0]
	if !st.Active(w.at) || st.ActiveBy != w.snap.Size()-1 || !reflect.DeepEqual(st.Signed, []fairlead.AgencyID{"NOR-CSC", "RO-CCA", "RO-DIR"}) || st.Digest != agreement.Digest(record) {
		t.Fatalf("%+v", st)
	}
	if d := w.commit(w.share(w.note("NOR-CSC", "RO-DIR"))); d.Agreement != "A1/1" || !slices.Contains(d.Used, st.ActiveBy) {
		t.Errorf("%+v", d)
	}
	told := map[fairlead.AgencyID]int{}
	for n := w.snap.Unannounced(w.at); len(n) > 0; n = w.snap.Unannounced(w.at) {
		told[n[0].To]++
		w.notify(n[0])
	}
	if len(told) != 3 || told["NOR-CSC"] != 1 || told["RO-DIR"] != 1 || told["RO-CCA"] != 1 {
		t.Errorf("told %v", told)
	}
	if list := w.snap.Unannounced(w.at.AddDate(5, 0, 0)); len(list) != 0 {
		t.Errorf("an agreement that has ended is announced: %v", list)
	}
}

// notify folds the hub's notice that an agreement is active.
func (w *world) notify(n registry.Announcement) {
	w.t.Helper()
	d := &entry.Detail{Notice: &entry.Notice{Header: []byte("{}"), Record: asJSON(n)}}
	w.must(w.fold(entry.Leaf{Class: entry.ClassNotice, Outcome: entry.OutcomeDelivered, At: w.at, From: fairlead.Hub, To: n.To, Counter: w.snap.Counter(n.To) + 1}, d))
}

// status sends a party's word on an agreement.
func (w *world) status(by fairlead.AgencyID, id string, action agreement.Action) {
	w.t.Helper()
	w.send(w.message(by, fairlead.Hub, "agreement.status", asJSON(agreement.Status{ID: id, Version: 1, Action: action, Reason: "danger"})))
}

// TestRecordsAgainstTheRegister: a well-formed record that the register contradicts is refused by name.
func TestRecordsAgainstTheRegister(t *testing.T) {
	w := newWorld(t, "NOR-CSC", "RO-DIR", "WDB-CSC")
	record := w.agree("A1", "NOR-CSC", "RO-DIR")
	w.consented("NOR-CSC", kid, "c-1", consent.Item{Status: "given"})
	other := []byte(strings.Replace(string(record), "A test.", "Other words.", 1))
	status := func(a agreement.Action) []byte {
		return asJSON(agreement.Status{ID: "A1", Version: 1, Action: a, Reason: "danger"})
	}
	again := consent.Record{ID: "c-1", Subject: kid, Giver: "CHILD_16", At: fairlead.At(w.at), Items: []consent.Item{{Status: "refused"}}}
	for name, test := range map[string]struct {
		from, to fairlead.AgencyID
		kind     string
		role     fairlead.Role
		record   []byte
		want     string
		says     string
	}{
		"other words, same version":   {"NOR-CSC", "RO-DIR", "agreement.proposal", "DPO", other, "P01 E_AGREEMENT_RECORD", "raise the version"},
		"a party that is not there":   {"NOR-CSC", "RO-DIR", "agreement.proposal", "DPO", w.pact("A2", "NOR-CSC", "RO-DIR", "HU-FAM"), "P01 E_AGREEMENT_RECORD", "HU-FAM is not enrolled"},
		"a signature of other words":  {"NOR-CSC", fairlead.Hub, "agreement.signature", "AGREEMENT_SIGNATORY", signature(other, "A1"), "P01 E_AGREEMENT_RECORD", "same bytes"},
		"a signature of nothing":      {"NOR-CSC", fairlead.Hub, "agreement.signature", "AGREEMENT_SIGNATORY", signature(record, "A9"), "P01 E_AGREEMENT_RECORD", "no such version"},
		"a signature by a third":      {"WDB-CSC", fairlead.Hub, "agreement.signature", "AGREEMENT_SIGNATORY", signature(record, "A1"), "P01 E_AGREEMENT_RECORD", "not a party"},
		"a suspension by a third":     {"WDB-CSC", fairlead.Hub, "agreement.status", "DPO", status(agreement.Suspend), "P01 E_AGREEMENT_RECORD", "not a party"},
		"resumed before suspended":    {"NOR-CSC", fairlead.Hub, "agreement.status", "DPO", status(agreement.Resume), "P01 E_AGREEMENT_RECORD", "has not suspended"},
		"a consent id again":          {"NOR-CSC", fairlead.Hub, "consent.record", "PRACTITIONER", asJSON(again), "P01 E_SCHEMA", "never changed"},
		"a certificate that is none":  {"NOR-CSC", fairlead.Hub, "agency.certificate", "DPO", []byte("certificate"), "P01 E_SCHEMA", "certificate"},
		"a certificate of another":    {"NOR-CSC", fairlead.Hub, "agency.certificate", "DPO", w.keys["RO-DIR"].Certificate(), "P01 E_SCHEMA", "names RO-DIR"},
		"a certificate under new key": {"NOR-CSC", fairlead.Hub, "agency.certificate", "DPO", w.key("NOR-CSC").Certificate(), "P01 E_SCHEMA", "other primary key"},
	} {
		t.Run(name, func(t *testing.T) {
			m := w.message(test.from, test.to, test.kind, test.record)
			m.h.From.Role = test.role
			d := w.snap.Decide(w.share(m), w.at, nil)
			if first(d) != test.want || !strings.Contains(fmt.Sprint(d.Causes), test.says) {
				t.Errorf("got %+v, want %s that says %q", d.Causes, test.want, test.says)
			}
		})
	}
}

// TestSuspension: a party stops an agreement and the operator an agency; both can be lifted.
func TestSuspension(t *testing.T) {
	w := newWorld(t, "NOR-CSC", "RO-DIR")
	w.agree("A1", "NOR-CSC", "RO-DIR")
	now := func() string { return first(w.snap.Decide(w.share(w.note("NOR-CSC", "RO-DIR")), w.at, nil)) }
	for _, step := range []struct {
		do   func()
		want string
	}{
		{func() {}, "delivered"},
		{func() { w.status("RO-DIR", "A1", agreement.Suspend) }, "P06 E_AGREEMENT_SUSPENDED"},
		{func() { w.status("RO-DIR", "A1", agreement.Resume) }, "delivered"},
		{func() { w.must(w.register("suspend", registry.Suspension{Agency: "RO-DIR", Reason: "key_loss"})) }, "P03 E_RECIPIENT_SUSPENDED"},
		{func() { w.must(w.register("resume", registry.Suspension{Agency: "RO-DIR", Reason: "request"})) }, "delivered"},
		{func() { w.must(w.register("suspend", registry.Suspension{Agency: "NOR-CSC", Reason: "key_loss"})) }, "P02 E_SENDER_ROLE"},
		{func() { w.must(w.register("resume", registry.Suspension{Agency: "NOR-CSC", Reason: "request"})) }, "delivered"},
		{func() { w.status("NOR-CSC", "A1", agreement.Terminate) }, "P06 E_AGREEMENT_EXPIRED"},
	} {
		step.do()
		if got := now(); got != step.want {
			t.Fatalf("got %s, want %s", got, step.want)
		}
	}
	for name, r := range map[string]registry.Suspension{"of nobody": {Agency: "HU-FAM", Reason: "key_loss"}, "in words": {Agency: "RO-DIR", Reason: "they lost it"}} {
		if err := w.register("suspend", r); !errors.Is(err, registry.ErrFold) {
			t.Errorf("suspension %s: %v", name, err)
		}
	}
	if err := w.register("resume", registry.Suspension{Agency: "RO-DIR", Reason: "other"}); !errors.Is(err, registry.ErrFold) {
		t.Errorf("resumed twice: %v", err)
	}
}

// TestConsents: an agency's records of one child, oldest first, and of nobody else's.
func TestConsents(t *testing.T) {
	w := newWorld(t, "NOR-CSC", "WDB-CSC")
	other := strings.Repeat("f", 32)
	w.consented("NOR-CSC", kid, "c-1", consent.Item{Status: "refused"})
	w.consented("WDB-CSC", kid, "c-1", consent.Item{Status: "given"})
	w.consented("NOR-CSC", other, "c-9", consent.Item{Status: "given"})
	w.consented("NOR-CSC", kid, "c-2", consent.Item{Status: "given"})
	facts := func(handles ...string) (list []string) {
		m := w.note("NOR-CSC", "WDB-CSC")
		var ds []*envelope.Descriptor
		for _, h := range handles {
			ds = append(ds, &envelope.Descriptor{Audience: envelope.ForHub, Subject: h})
		}
		for _, c := range w.snap.Facts(m.h, ds, nil, w.at).Consents {
			list = append(list, fmt.Sprintf("%s %s %.4s %d", c.Agency, c.ID, c.Subject, c.Entry))
		}
		return list
	}
	for name, test := range map[string]struct{ got, want []string }{
		"one child":    {facts(kid), []string{"NOR-CSC c-1 0123 2", "NOR-CSC c-2 0123 5"}},
		"another":      {facts(other), []string{"NOR-CSC c-9 ffff 4"}},
		"both":         {facts(other, kid), []string{"NOR-CSC c-9 ffff 4", "NOR-CSC c-1 0123 2", "NOR-CSC c-2 0123 5"}},
		"no child":     {facts(), nil},
		"never heard":  {facts(strings.Repeat("0", 32)), nil},
		"not a handle": {facts("Jane"), nil},
	} {
		if !slices.Equal(test.got, test.want) {
			t.Errorf("%s: %q, want %q", name, test.got, test.want)
		}
	}
}

// TestRules: the last rules of the operator hold.
func TestRules(t *testing.T) {
	w := newWorld(t, "NOR-CSC", "RO-DIR")
	group := func(members ...fairlead.AgencyID) registry.Rules {
		return registry.Rules{Groups: []registry.Group{{Name: "GB-ALERT", Members: members}}, Countries: []registry.Country{{State: "RO", CAOnly: len(members) > 1}}}
	}
	m := w.note("NOR-CSC", "RO-DIR")
	for _, members := range [][]fairlead.AgencyID{{"NOR-CSC"}, {"NOR-CSC", "RO-DIR"}, {"RO-DIR"}} {
		w.must(w.register("rules", group(members...)))
		if got := w.snap.Group("GB-ALERT"); !slices.Equal(got, members) || w.snap.Group("NONE") != nil {
			t.Errorf("%v", got)
		}
		if f := w.snap.Facts(m.h, nil, nil, w.at); f.CAOnly != (len(members) > 1) {
			t.Errorf("Central Authorities only: %v", f.CAOnly)
		}
	}
	for _, days := range []int{-1, math.MaxInt} { // who writes so many means never; the calendar says tomorrow
		if err := w.register("rules", registry.Rules{HeaderDays: days}); err == nil {
			t.Errorf("details go after %d days: what was made until %s", days, w.snap.Outlived(w.at))
		}
	}
}
