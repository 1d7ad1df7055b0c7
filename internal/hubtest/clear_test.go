package hubtest

import (
	"strings"
	"testing"

	"fairlead/internal/client"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
)

// TestClearance: an address abroad waits until two safeguarding leads have signed for it by name, and then
// goes; for whom a caveat was set the recipient never learns, and a State that is listed gets nothing of it.
func TestClearance(t *testing.T) {
	t.Parallel()
	w := New(t, Config{})
	alder := w.Agency(Alder)
	for _, user := range []string{"lead1", "lead2"} {
		d, err := alder.Home.StaffDraft(alder.Client, user, "SAFEGUARDING_LEAD")
		if err != nil {
			t.Fatal(err)
		}
		d.Role, d.User = "DPO", "dpo1"
		w.send(t, Alder, d)
	}
	w.train(t, "lead1", "lead2")
	address, origin := Section(fairlead.SectionLocNow, `{"at":"here"}`), Section("RISK", `{"risk":"high"}`)
	address.Clear, origin.Caveats = []fairlead.Caveat{"SAFE-ADDRESS"}, []fairlead.Caveat{"NO-ORIGIN-STATE"}
	d := DraftAssessment(Birch, address, origin, Section("EDU", `{}`))
	d.TLP, d.Named = fairlead.TLPRed, "duty-lead"
	d.Listed = []envelope.Listed{{Caveat: "NO-ORIGIN-STATE", States: []fairlead.Jurisdiction{"RO"}}}
	held := w.send(t, Alder, d)
	if held.State != client.HeldBy || len(held.Verdict.Holds) != 1 || !strings.Contains(held.Verdict.Holds[0].Advice, "naming SAFE-ADDRESS") {
		t.Fatalf("%s: %+v", held.State, held.Verdict)
	}
	approve := func(user, code string) {
		t.Helper()
		d, err := alder.Home.ApprovalDraft(alder.Client, held.ID, user, "SAFEGUARDING_LEAD", []string{code})
		if err != nil {
			t.Fatal(err)
		}
		if s := w.send(t, Alder, d); s.Verdict.Result != fairlead.Delivered {
			t.Fatalf("%+v", s.Verdict)
		}
	}
	approve("lead1", "SAFE-ADDRESS")
	approve("lead2", "ART37") // of something else
	if s := w.sent(t, Alder, held.ID); s.State != client.HeldBy {
		t.Fatalf("released by one lead: %s", s.State)
	}
	approve("lead2", "SAFE-ADDRESS")
	w.settle(t)
	if s := w.sent(t, Alder, held.ID); s.State != client.Delivered || s.Verdict.Result != fairlead.DeliveredRedacted {
		t.Fatalf("%s: %+v", s.State, s.Verdict)
	}
	if got := w.open(t, Birch, held.ID); len(got) != 2 || got[fairlead.SectionLocNow] != `{"at":"here"}` {
		t.Errorf("opened %v", got)
	}
	if all := w.stored(t, Birch); strings.Contains(all, "NO-ORIGIN-STATE") || strings.Contains(all, `"listed"`) {
		t.Error("the recipient learns for whom a caveat was set")
	}
}
