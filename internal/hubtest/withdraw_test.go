package hubtest

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"fairlead/internal/client"
	"fairlead/internal/consent"
	"fairlead/internal/fairlead"
	"fairlead/internal/registry"
)

// record puts a consent of the drafts' child on record, at Alder.
func (w *World) record(t testing.TB, r consent.Record) *client.SentShare {
	t.Helper()
	handle, err := w.Agency(Alder).SubjectHandle("kit")
	if err != nil {
		t.Fatal(err)
	}
	r.Subject, r.At = handle, fairlead.At(w.Clock.Now())
	raw, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return w.send(t, Alder, DraftConsent("kit", raw))
}

// consented puts on record that the child of the drafts agrees to what goes to Romania on school; Cedar may take
// it back for her.
func (w *World) consented(t testing.TB) {
	t.Helper()
	s := w.record(t, consent.Record{ID: "c-1", Giver: "CHILD_16", MayWithdraw: []fairlead.AgencyID{Cedar}, Items: []consent.Item{
		{Status: "given", Sections: []fairlead.SectionCode{"EDU"}, Jurisdictions: []fairlead.Jurisdiction{"RO"}},
	}})
	if s.Verdict.Result != fairlead.Delivered {
		t.Fatalf("%+v", s.Verdict)
	}
}

// withdrawal takes that consent back.
func (w *World) withdrawal(t testing.TB, by fairlead.AgencyID) *client.Draft {
	t.Helper()
	r := consent.Withdrawal{Consent: "c-1", HowTold: "phone"}
	if by != Alder {
		r.Of = Alder
	}
	d, err := w.Agency(by).WithdrawalDraft(r)
	if err != nil {
		t.Fatal(err)
	}
	d.Role, d.User = "GUARDIAN", "g1"
	return d
}

// notices are what the hub told an agency of consents that ended.
func (w *World) notices(t testing.TB, id fairlead.AgencyID) (list []registry.Stop) {
	t.Helper()
	for _, m := range w.inbox(t, id) {
		if m.Header.From.Agency != fairlead.Hub || m.Header.Kind != "consent.withdraw" {
			continue
		}
		s, err := registry.ParseStop(m.Record)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, *s)
	}
	return list
}

// TestWithdrawal: from its entry on nothing relies on a consent that was taken back. Who has what relied on it is
// told to stop; what was not fetched is deleted; the agency whose consent it was learns both.
func TestWithdrawal(t *testing.T) {
	t.Parallel()
	w := New(t, Config{})
	w.consented(t)
	edu := func() *client.Draft {
		return DraftAssessment(Birch, Section("EDU", `{"n":1}`), Section("RISK", `{"n":2}`))
	}
	stored := w.send(t, Alder, edu())
	home := w.send(t, Alder, DraftAssessment(Aspen, Section("EDU", `{"n":1}`)))
	waits := w.alone(t, Alder, edu())
	risk := w.alone(t, Alder, DraftAssessment(Birch, Section("RISK", `{"n":3}`)))
	section := w.sealed(t, Alder, waits)

	// Nobody else may take it back, nor learn whether there is one.
	d := w.withdrawal(t, Aspen)
	if s := w.refusedAlone(t, Aspen, d); !strings.Contains(s.Verdict.Causes[0].Advice, "no such consent that this agency may withdraw") {
		t.Errorf("%+v", s.Verdict.Causes)
	}
	d = w.withdrawal(t, Cedar)
	d.Record = []byte(strings.Replace(string(d.Record), "c-1", "c-99", 1))
	if s := w.refusedAlone(t, Cedar, d); !strings.Contains(s.Verdict.Causes[0].Advice, "no such consent that this agency may withdraw") {
		t.Errorf("%+v", s.Verdict.Causes)
	}

	// Whom the record names may; a moment later the same page is withheld.
	w.alone(t, Cedar, w.withdrawal(t, Cedar))
	after := w.alone(t, Alder, edu())
	w.settle(t)
	if w.holds(t, section) {
		t.Error("what was not fetched is still there")
	}
	if s := w.sent(t, Alder, after); s.Verdict.Result != fairlead.DeliveredRedacted || s.Verdict.Sections[0].Delivered {
		t.Errorf("after the withdrawal: %+v", s.Verdict)
	}
	both := []fairlead.SectionCode{"EDU"}
	want := []registry.Stopped{{Share: stored.ID, Sections: both}, {Share: waits, Sections: both, Deleted: true}}
	if got := w.notices(t, Birch); len(got) != 1 || !sameStops(got[0].Shares, want) || got[0].Consent != "" {
		t.Errorf("Birch was told %+v", got)
	}
	for i := range want {
		want[i].To = Birch
	}
	if got := w.notices(t, Alder); len(got) != 1 || !sameStops(got[0].Shares, want) || got[0].Consent != "c-1" {
		t.Errorf("Alder was told %+v", got)
	}
	if got := w.notices(t, Aspen); got != nil {
		t.Errorf("Aspen, to whom she never agreed, was told %+v", got)
	}
	_, contents, err := w.Agency(Birch).Open(stored.ID)
	if err != nil || !contents[0].Stopped || contents[1].Stopped {
		t.Errorf("%+v %v", contents, err)
	}
	if erased, err := w.Agency(Birch).Erased(); err != nil || len(erased) != 1 || w.lines(t)[erased[0]].Leaf.Share != waits {
		t.Errorf("erased %v %v", erased, err)
	}
	if got := w.open(t, Birch, risk); got["RISK"] != `{"n":3}` {
		t.Errorf("what did not rely on it: %v", got)
	}

	// The agency's own list.
	_, since, relied, err := w.Agency(Alder).Consent("c-1")
	var shares []fairlead.ShareID
	for _, r := range relied {
		shares = append(shares, r.Share)
	}
	if err != nil || len(since) != 1 || since[0].Items[0].Status != fairlead.ConsentWithdrawn || !slices.Equal(shares, []fairlead.ShareID{stored.ID, waits}) || slices.Contains(shares, home.ID) {
		t.Errorf("%v %+v %v", err, since, relied)
	}
}

func sameStops(got, want []registry.Stopped) bool {
	return slices.EqualFunc(got, want, func(a, b registry.Stopped) bool {
		return a.Share == b.Share && a.To == b.To && slices.Equal(a.Sections, b.Sections) && a.Deleted == b.Deleted
	})
}

// TestInvalidation: a record that supersedes another as never valid does the same as a withdrawal; one of a danger
// now that nobody has fetched is delivered all the same, and its use stopped.
func TestInvalidation(t *testing.T) {
	t.Parallel()
	w := New(t, Config{})
	items := func(status fairlead.ConsentStatus) []consent.Item {
		return []consent.Item{{Status: status, Sections: []fairlead.SectionCode{"EDU", "RISK"}}}
	}
	w.record(t, consent.Record{ID: "c-7", Giver: "PARENT_PR", Items: items("given")})
	w.send(t, Alder, DraftAssessment(Birch, Section("EDU", `{"n":1}`)))
	urgent := DraftAssessment(Birch, Section("EDU", `{"n":2}`))
	urgent.Urgency = fairlead.UrgencyImmediate
	alert := w.alone(t, Alder, urgent)
	handle, err := w.Agency(Alder).SubjectHandle("kit")
	if err != nil {
		t.Fatal(err)
	}
	w.Clock.Set(w.Clock.Now().Add(time.Hour))
	raw, err := json.Marshal(consent.Record{ID: "c-8", Subject: handle, Giver: "PARENT_PR", At: fairlead.At(w.Clock.Now()), Supersedes: "c-7", Items: items("invalidated")})
	if err != nil {
		t.Fatal(err)
	}
	w.alone(t, Alder, DraftConsent("kit", raw))
	w.settle(t)
	if got := w.open(t, Birch, alert); got["EDU"] != `{"n":2}` {
		t.Errorf("what is urgent was not delivered: %v", got)
	}
	told := w.notices(t, Birch)
	if len(told) != 1 || len(told[0].Shares) != 2 || told[0].Shares[1].Deleted {
		t.Errorf("Birch was told %+v", told)
	}
	byConsent := DraftAssessment(Birch, Section("EDU", `{}`))
	byConsent.Basis.Art6, byConsent.Basis.Gateways = fairlead.Art6Consent, nil
	if s := w.send(t, Alder, byConsent); s.State != client.RefusedBy {
		t.Errorf("a share on that consent: %s %+v", s.State, s.Verdict)
	}
}

// refusedAlone sends what must be refused, while nobody else's program runs.
func (w *World) refusedAlone(t testing.TB, from fairlead.AgencyID, d *client.Draft) *client.SentShare {
	t.Helper()
	ids, err := w.Agency(from).Send(d)
	if err != nil {
		t.Fatal(err)
	}
	list, err := w.Agency(from).Wait(within(t), ids...)
	if err != nil || list[0].State != client.RefusedBy {
		t.Fatalf("%v %+v", err, list)
	}
	return list[0]
}

// TestRenewedThenWithdrawn: who takes back a consent that was renewed takes back the first one too.
func TestRenewedThenWithdrawn(t *testing.T) {
	t.Parallel()
	w := New(t, Config{})
	w.consented(t)
	first := w.send(t, Alder, DraftAssessment(Birch, Section("EDU", `{"n":1}`)))
	w.Clock.Set(w.Clock.Now().Add(time.Hour))
	w.record(t, consent.Record{ID: "c-2", Giver: "CHILD_16", Supersedes: "c-1", Items: []consent.Item{
		{Status: "renewed", Sections: []fairlead.SectionCode{"EDU"}, Jurisdictions: []fairlead.Jurisdiction{"RO"}},
	}})
	if got := w.notices(t, Birch); got != nil {
		t.Errorf("told of a renewal: %+v", got)
	}
	d := w.withdrawal(t, Alder)
	d.Record = []byte(strings.Replace(string(d.Record), "c-1", "c-2", 1))
	w.send(t, Alder, d)
	if got := w.notices(t, Birch); len(got) != 1 || got[0].Shares[0].Share != first.ID {
		t.Errorf("Birch was told %+v", got)
	}
}
