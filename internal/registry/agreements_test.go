package registry_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"fairlead/internal/agreement"
	"fairlead/internal/fairlead"
	"fairlead/internal/registry"
)

// changed is a pact with something else in it.
func (w *world) changed(record []byte, change func(a *agreement.Agreement)) []byte {
	w.t.Helper()
	var a agreement.Agreement
	w.must(json.Unmarshal(record, &a))
	change(&a)
	return asJSON(a)
}

func (w *world) propose(record []byte, from, to fairlead.AgencyID) string {
	w.t.Helper()
	m := w.message(from, to, "agreement.proposal", record)
	d := w.snap.Decide(w.share(m), w.at, nil)
	return fmt.Sprint(d.Result, d.Causes)
}

func (w *world) signAll(record []byte, id string, version int, parties ...fairlead.AgencyID) {
	w.t.Helper()
	for _, by := range parties {
		w.send(w.message(by, fairlead.Hub, "agreement.signature", asJSON(agreement.Signature{ID: id, Version: version, Digest: agreement.Digest(record)})))
	}
}

// TestProposals: what only the register can hold against a proposal.
func TestProposals(t *testing.T) {
	w := newWorld(t, "NOR-CSC", "RO-DIR", "RO-CCA", "WDB-CSC")
	charity := registry.Request{Agency: "RO-CASA", Name: "Casa", Type: fairlead.TypeNGOOverseas, Jurisdiction: "RO", User: "UC", At: fairlead.At(w.at)}
	key := w.key("RO-CASA")
	charity.Certificate = key.Certificate()
	w.must(w.register("enrol", w.signed(charity, key)))
	frame := w.changed(w.pact("F1", "NOR-CSC", "RO-DIR", "RO-CCA"), func(a *agreement.Agreement) { a.Framework = true })
	w.send(w.message("NOR-CSC", "RO-DIR", "agreement.proposal", frame))
	w.agree("A1", "NOR-CSC", "RO-DIR")
	under := func(change func(a *agreement.Agreement)) []byte {
		return w.changed(w.pact("A2", "NOR-CSC", "RO-DIR"), func(a *agreement.Agreement) {
			a.Under = "F1/1"
			change(a)
		})
	}
	for name, test := range map[string]struct {
		record []byte
		to     fairlead.AgencyID
		says   string
	}{
		"a memorandum of authorities":    {w.changed(w.pact("A2", "NOR-CSC", "RO-DIR"), func(a *agreement.Agreement) { a.Form = "mou_gov" }), "RO-DIR", "delivered"},
		"a memorandum with a charity":    {w.changed(w.pact("A2", "NOR-CSC", "RO-CASA"), func(a *agreement.Agreement) { a.Form = "mou_gov" }), "RO-CASA", "form mou_gov is for public authorities, and RO-CASA is none"},
		"an agreement with a charity":    {w.pact("A2", "NOR-CSC", "RO-CASA"), "RO-CASA", "delivered"},
		"within its framework":           {under(func(*agreement.Agreement) {}), "RO-DIR", "delivered"},
		"wider than its framework":       {under(func(a *agreement.Agreement) { a.Terms[0].Permit.Sections = append(a.Terms[0].Permit.Sections, "LEGAL") }), "RO-DIR", "beyond which are [LEGAL]"},
		"under what is none":             {under(func(a *agreement.Agreement) { a.Under = "A1/1" }), "RO-DIR", "A1/1 is not a framework"},
		"under nothing on record":        {under(func(a *agreement.Agreement) { a.Under = "F9/1" }), "RO-DIR", "the framework F9/1 is not on record"},
		"in the place of nothing":        {w.changed(w.pact("A1", "NOR-CSC", "RO-DIR"), func(a *agreement.Agreement) { a.Version, a.Supersedes = 3, "A1/2" }), "RO-DIR", "supersedes: A1/2 is not on record"},
		"in the place of another's":      {w.changed(w.pact("A3", "WDB-CSC", "RO-DIR"), func(a *agreement.Agreement) { a.Supersedes = "A1/1" }), "RO-DIR", "supersedes: NOR-CSC is a party of A1/1 and not of this one"},
		"in the place of the one before": {w.changed(w.pact("A1", "NOR-CSC", "RO-DIR"), func(a *agreement.Agreement) { a.Version, a.Supersedes = 2, "A1/1" }), "RO-DIR", "delivered"},
	} {
		from := fairlead.AgencyID("NOR-CSC")
		if strings.Contains(name, "another's") {
			from = "WDB-CSC"
		}
		if got := w.propose(test.record, from, test.to); !strings.Contains(got, test.says) {
			t.Errorf("%s: %s, want %q", name, got, test.says)
		}
	}
}

// TestSupersede: a version takes the place of another once all have signed it and its time has come, and
// the old one never revives.
func TestSupersede(t *testing.T) {
	w := newWorld(t, "NOR-CSC", "RO-DIR")
	w.agree("A1", "NOR-CSC", "RO-DIR")
	next := w.changed(w.pact("A1", "NOR-CSC", "RO-DIR"), func(a *agreement.Agreement) {
		a.Version, a.Supersedes, a.From = 2, "A1/1", fairlead.At(w.at.AddDate(0, 0, 7))
	})
	w.send(w.message("NOR-CSC", "RO-DIR", "agreement.proposal", next))
	w.signAll(next, "A1", 2, "NOR-CSC")
	if old := w.snap.Agreements()[0]; old.SupersededBy != "" {
		t.Error("superseded before all have signed")
	}
	w.signAll(next, "A1", 2, "RO-DIR")
	carries := func(at time.Time) string {
		w.at = at
		return w.snap.Decide(w.share(w.note("NOR-CSC", "RO-DIR")), at, nil).Agreement
	}
	week := start.AddDate(0, 0, 7)
	if got := carries(week.Add(-time.Second)); got != "A1/1" {
		t.Errorf("the second before: %q", got)
	}
	if got := carries(week); got != "A1/2" {
		t.Errorf("from its first instant: %q", got)
	}
	w.send(w.message("RO-DIR", fairlead.Hub, "agreement.status", asJSON(agreement.Status{ID: "A1", Version: 2, Action: agreement.Suspend, Reason: "danger"})))
	if got := carries(week.Add(time.Hour)); got != "" {
		t.Errorf("while the new one is suspended %q carries", got)
	}
	if states := []agreement.State{w.state("A1/1"), w.state("A1/2")}; !slices.Equal(states, []agreement.State{agreement.StateSuperseded, agreement.StateSuspended}) {
		t.Error(states)
	}
}

// TestSupersedeFromNow: a version that is signed after its first instant takes the place of the old one with
// the last signature: what the old one carried till then it carried.
func TestSupersedeFromNow(t *testing.T) {
	w := newWorld(t, "NOR-CSC", "RO-DIR")
	w.agree("A1", "NOR-CSC", "RO-DIR")
	next := w.changed(w.pact("A1", "NOR-CSC", "RO-DIR"), func(a *agreement.Agreement) { a.Version, a.Supersedes = 2, "A1/1" })
	w.send(w.message("NOR-CSC", "RO-DIR", "agreement.proposal", next))
	w.at = start.Add(time.Hour)
	w.signAll(next, "A1", 2, "NOR-CSC", "RO-DIR")
	old := w.snap.Agreements()[0]
	if before, now := old.State(w.at.Add(-time.Second)), old.State(w.at); before != agreement.StateActive || now != agreement.StateSuperseded {
		t.Errorf("%s, and from the signature %s", before, now)
	}
}

func (w *world) state(ref string) agreement.State {
	w.t.Helper()
	for _, s := range w.snap.Agreements() {
		if s.Ref() == ref {
			return s.State(w.at)
		}
	}
	return ""
}

// TestHouses: an agency's rules hold for what it sends and receives, go forward only, and are sent to
// nobody else; the operator's hold for all, and only prohibit.
func TestHouses(t *testing.T) {
	w := newWorld(t, "NOR-CSC", "RO-DIR", "RO-CCA")
	w.agree("A1", "NOR-CSC", "RO-DIR", "RO-CCA")
	house := func(by fairlead.AgencyID, version int, terms ...agreement.Term) *message {
		m := w.message(by, fairlead.Hub, "agency.rules", asJSON(agreement.House{Version: version, Terms: terms}))
		m.h.From.Role = "DPO"
		return m
	}
	bar := agreement.Term{ID: "none", Text: "No contacts.", Prohibit: &agreement.Scope{Sections: []fairlead.SectionCode{"PRO-CONTACT"}}}
	now := func(to fairlead.AgencyID) string {
		return first(w.snap.Decide(w.share(w.note("NOR-CSC", to)), w.at, nil))
	}
	w.send(house("RO-DIR", 2, bar))
	last := w.entries[len(w.entries)-1]
	if all, some := w.snap.Readers(w.snap.Size()-1, last.detail); all || !slices.Equal(some, []fairlead.AgencyID{"RO-DIR"}) {
		t.Errorf("the rules go to %v %v", all, some)
	}
	if now("RO-DIR") != "P10 E_SECTION_NOT_ALLOWED" || now("RO-CCA") != "delivered" {
		t.Errorf("to the house %s, to another %s", now("RO-DIR"), now("RO-CCA"))
	}
	if d := w.snap.Decide(w.share(w.note("NOR-CSC", "RO-DIR")), w.at, nil); !slices.Contains(d.Used, w.snap.Size()-1) {
		t.Errorf("the decision does not stand on the rules: %v", d.Used)
	}
	for version, says := range map[int]string{2: "version 2 of the rules is on record", 1: "raise the version", 0: "version: want 1 or more"} {
		if d := w.snap.Decide(w.share(house("RO-DIR", version, bar)), w.at, nil); d.Delivers() || !strings.Contains(fmt.Sprint(d.Causes), says) {
			t.Errorf("version %d: %+v", version, d.Causes)
		}
	}
	w.send(house("RO-DIR", 3))
	if now("RO-DIR") != "delivered" {
		t.Error("rules without terms do not lift the old ones")
	}
	w.must(w.register("rules", registry.Rules{Prohibitions: []agreement.Term{bar}}))
	if now("RO-CCA") != "P10 E_SECTION_NOT_ALLOWED" || len(w.snap.Houses()) != 2 {
		t.Errorf("the operator's rule: %s, %d houses", now("RO-CCA"), len(w.snap.Houses()))
	}
	permit := agreement.Term{ID: "all", Text: "Everything.", Permit: bar.Prohibit}
	if err := w.register("rules", registry.Rules{Prohibitions: []agreement.Term{permit}}); !errors.Is(err, registry.ErrFold) || !strings.Contains(err.Error(), "may only prohibit") {
		t.Errorf("an operator that permits: %v", err)
	}
	w.must(w.register("rules", registry.Rules{}))
	if now("RO-CCA") != "delivered" {
		t.Error("rules without prohibitions do not lift the old ones")
	}
}

// TestBetween: which agreements name two agencies is what a look at all of them says, also past a word of
// bits, and a Snapshot keeps its own.
func TestBetween(t *testing.T) {
	ids := []fairlead.AgencyID{"NOR-CSC", "WDB-CSC", "RO-DIR", "RO-CCA"}
	w, r := newWorld(t, ids...), rand.New(rand.NewPCG(5, 6))
	var half *registry.Snapshot
	for n := range 140 {
		if n == 70 {
			half = w.snap
		}
		parties := slices.Clone(ids)
		r.Shuffle(len(parties), func(i, j int) { parties[i], parties[j] = parties[j], parties[i] })
		w.send(w.message(parties[0], parties[1], "agreement.proposal", w.pact(fmt.Sprint("A", n), parties[:2+r.IntN(2)]...)))
	}
	for _, snap := range []*registry.Snapshot{half, w.snap} {
		for _, x := range ids {
			for _, y := range ids {
				want := map[string]bool{}
				for _, a := range snap.Agreements() {
					if a.Party(x) && a.Party(y) {
						want[a.Ref()] = true
					}
				}
				facts := snap.Facts(w.note(x, y).h, nil, nil, w.at)
				for _, a := range facts.Agreements {
					if !want[a.Ref()] {
						t.Fatalf("%s is not between %s and %s", a.Ref(), x, y)
					}
					delete(want, a.Ref())
				}
				if len(want) > 0 {
					t.Fatalf("between %s and %s are also %v", x, y, want)
				}
			}
		}
	}
	if len(half.Agreements()) != 70 || len(w.snap.Agreements()) != 140 {
		t.Error("an earlier register has changed")
	}
}
