package registry_test

import (
	"reflect"
	"slices"
	"testing"

	"fairlead/internal/agreement"
	"fairlead/internal/consent"
	"fairlead/internal/entry"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/registry"
)

// busy is a log in which everything happens that changes the register, and much that does not.
func busy(t testing.TB) *world {
	w := newWorld(t, "NOR-CSC", "WDB-CSC", "RO-DIR")
	w.must(w.register("rules", registry.Rules{Groups: []registry.Group{{Name: "G", Members: []fairlead.AgencyID{"NOR-CSC", "WDB-CSC"}}}, Countries: []registry.Country{{State: "RO", CAOnly: true}}}))
	w.agree("A1", "NOR-CSC", "RO-DIR")
	w.notify(w.snap.Unannounced(w.at)[0])
	w.consented("NOR-CSC", kid, "c-1", consent.Item{Status: "given"})
	w.send(w.note("NOR-CSC", "RO-DIR").child(kid))
	w.enrol("RO-CCA")
	w.agree("A2", "WDB-CSC", "RO-DIR", "RO-CCA")
	w.consented("WDB-CSC", kid, "c-1", consent.Item{Status: "refused", Sections: []fairlead.SectionCode{"EDU"}})
	w.commit(w.share(w.note("NOR-CSC", "RO-CCA"))) // refused
	rotated, err := w.keys["RO-DIR"].Rotate(w.at)
	w.must(err)
	w.keys["RO-DIR"] = rotated
	m := w.message("RO-DIR", fairlead.Hub, "agency.certificate", rotated.Certificate())
	m.h.From.Role = "DPO"
	w.send(m)
	w.status("RO-DIR", "A1", agreement.Suspend)
	w.consented("NOR-CSC", kid, "c-2", consent.Item{Status: "withdrawn"})
	w.send(w.note("WDB-CSC", "RO-CCA").child(kid))
	w.must(w.register("suspend", registry.Suspension{Agency: "RO-CCA", Reason: "breach"}))
	return w
}

// folds gives the Snapshot after each entry of w's log, as an auditor would get it from the bytes.
func (w *world) folds() []*registry.Snapshot {
	w.t.Helper()
	list := []*registry.Snapshot{registry.New()}
	for i, e := range w.entries {
		leaf, err := entry.ParseLeaf(e.leaf.Marshal())
		w.must(err)
		detail, err := entry.ParseDetail(e.detail.Marshal())
		w.must(err)
		next, err := list[i].Fold(leaf, detail)
		w.must(err)
		list = append(list, next)
	}
	return list
}

// TestFoldAgain: who folds the same bytes reaches the same state, and decides every share the same way.
func TestFoldAgain(t *testing.T) {
	w := busy(t)
	folds := w.folds()
	last := folds[len(folds)-1]
	if !reflect.DeepEqual(last.Agreements(), w.snap.Agreements()) || !reflect.DeepEqual(last.Agencies(), w.snap.Agencies()) || last.Size() != w.snap.Size() {
		t.Error("another state")
	}
	replayed := 0
	for i, e := range w.entries {
		if e.detail.Share == nil {
			continue
		}
		if got := folds[i].Decide(e.detail.Share, e.leaf.At, nil); !reflect.DeepEqual(got, e.detail.Share.Decision) {
			t.Errorf("entry %d is decided as %+v, then it was %+v", i, got, e.detail.Share.Decision)
		}
		replayed++
	}
	if replayed < 15 {
		t.Errorf("only %d shares", replayed)
	}
}

// TestLearn: an agency that learns no more than what it is sent knows of its own shares what the hub
// knows, at each point of the log: who is enrolled and with which key, its own agreements, and its
// own consents. Of others' it knows nothing.
func TestLearn(t *testing.T) {
	w := busy(t)
	folds := w.folds()
	for _, own := range []fairlead.AgencyID{"NOR-CSC", "WDB-CSC", "RO-DIR", "RO-CCA"} {
		view := registry.New()
		for i, e := range w.entries {
			whole := folds[i+1]
			all, some := whole.Readers(int64(i), e.detail)
			told := e.detail.Notice != nil && e.leaf.To == own
			if all || slices.Contains(some, own) || told {
				next, err := view.Learn(int64(i), e.leaf, e.detail)
				if err != nil {
					t.Fatalf("%s cannot learn entry %d: %v", own, i, err)
				}
				view = next
			}
			if whole.Agency(own) == nil {
				continue
			}
			for _, to := range whole.Agencies() {
				h := w.message(own, to.ID, "liaison.note", nil).h
				ds := []*envelope.Descriptor{{Audience: envelope.ForHub, Subject: kid}}
				got, want := view.Facts(h, ds, nil, w.at), whole.Facts(h, ds, nil, w.at)
				if !reflect.DeepEqual(got, want) {
					t.Fatalf("entry %d, %s to %s: knows %+v, the hub %+v", i, own, to.ID, got, want)
				}
				if view.Certificate(to.ID).Encryption() != whole.Certificate(to.ID).Encryption() {
					t.Errorf("entry %d: %s has another key of %s", i, own, to.ID)
				}
			}
		}
		if !slices.Equal(view.Group("G"), w.snap.Group("G")) {
			t.Errorf("%s does not know the groups", own)
		}
		for _, a := range view.Agreements() {
			if !a.Party(own) {
				t.Errorf("%s knows of %s", own, a.Ref())
			}
		}
	}
	norfolk := w.message("NOR-CSC", "RO-DIR", "liaison.note", nil).h
	ds := []*envelope.Descriptor{{Audience: envelope.ForHub, Subject: kid}}
	for _, held := range w.snap.Facts(norfolk, ds, nil, w.at).Consents {
		if held.Agency != "NOR-CSC" {
			t.Errorf("a consent recorded by %s is consulted for NOR-CSC", held.Agency)
		}
	}
}

// TestReaders: who is sent which entry of the register.
func TestReaders(t *testing.T) {
	w := busy(t)
	folds := w.folds()
	seen := map[string]string{}
	for i, e := range w.entries {
		name := "share"
		switch {
		case e.detail.Register != nil:
			name = e.detail.Register.Action
		case e.detail.Notice != nil:
			name = "notice"
		case e.detail.Share != nil:
			h, err := envelope.ParseHeader(e.detail.Share.Header)
			w.must(err)
			name = h.Kind + " by " + string(h.From.Agency)
		}
		all, some := folds[i+1].Readers(int64(i), e.detail)
		text := ""
		if all {
			text = "all"
		}
		for _, id := range some {
			text += " " + string(id)
		}
		seen[name] += text + ";"
	}
	for name, want := range map[string]string{
		"enrol": "all;all;all;all;", "rules": "all;", "suspend": "all;", "notice": ";", "agency.certificate by RO-DIR": "all;",
		"consent.record by NOR-CSC": " NOR-CSC; NOR-CSC;", "consent.record by WDB-CSC": " WDB-CSC;", "liaison.note by NOR-CSC": ";;", "liaison.note by WDB-CSC": ";",
		"agreement.proposal by NOR-CSC": " NOR-CSC RO-DIR;",
		"agreement.proposal by WDB-CSC": " WDB-CSC RO-DIR RO-CCA;;", // one copy for each party; the first is the one on record
		"agreement.status by RO-DIR":    " NOR-CSC RO-DIR;", "agreement.signature by NOR-CSC": " NOR-CSC RO-DIR;", "agreement.signature by RO-CCA": " WDB-CSC RO-DIR RO-CCA;",
	} {
		if seen[name] != want {
			t.Errorf("%s is sent to %q, want %q", name, seen[name], want)
		}
	}
	empty := registry.New() // where nothing is known there is nobody to send to, and nothing breaks
	for i, e := range w.entries {
		empty.Readers(int64(i), e.detail)
	}
}

// TestLearnRefuses: what does not fit an agency's view is an error, and changes nothing.
func TestLearnRefuses(t *testing.T) {
	w := busy(t)
	signature := slices.IndexFunc(w.entries, func(e line) bool { return e.detail.Share != nil && e.leaf.Outcome == entry.OutcomeControl })
	view := registry.New()
	if next, err := view.Learn(int64(signature), w.entries[signature].leaf, w.entries[signature].detail); err == nil || next != nil || view.Size() != 0 {
		t.Errorf("a signature before its agreement: %v", err)
	}
	one, err := view.Learn(0, w.entries[0].leaf, w.entries[0].detail)
	w.must(err)
	if _, err := one.Learn(0, w.entries[0].leaf, w.entries[0].detail); err == nil {
		t.Error("an enrolment was learnt twice")
	}
}
