package hubtest

import (
	"context"
	"fmt"
	"time"

	"fairlead/internal/agreement"
	"fairlead/internal/client"
	"fairlead/internal/fairlead"
	"fairlead/internal/registry"
)

// TB is what New needs of a test; *testing.T and *testing.B have it.
type TB interface {
	Helper()
	Cleanup(func())
	TempDir() string
	Failed() bool
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// patience is how long the steps of a test may take together.
const patience = 2 * time.Minute

// The made-up agencies of a world by New. All but Cedar keep a duty inbox.
const (
	Alder fairlead.AgencyID = "ALDER" // a council in England
	Aspen fairlead.AgencyID = "ASPEN" // a council in Scotland
	Birch fairlead.AgencyID = "BIRCH" // a directorate in Romania
	Cedar fairlead.AgencyID = "CEDAR" // a police force in England
)

// GroupAlert is the group of a world by New that all of its agencies are members of.
const GroupAlert = "ALL-ALERT"

// DefaultStart is where the clock of a world by New stands if Config says nothing.
func DefaultStart() time.Time { return time.Date(2027, 1, 11, 9, 0, 0, 0, time.UTC) }

// New makes a world with four agencies, a group, and the agreement A1 in force between all but Cedar.
// When the test ends, the world is checked, unless the test has failed or closed it, and closed.
func New(t TB, cfg Config) *World {
	t.Helper()
	if cfg.Dir == "" {
		cfg.Dir = t.TempDir()
	}
	if cfg.Start.IsZero() {
		cfg.Start = DefaultStart()
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	w, err := Open(ctx, cfg)
	if err != nil {
		t.Fatalf("open the world: %v", err)
	}
	t.Cleanup(func() { w.end(ctx, t) })
	if err := w.populate(ctx); err != nil {
		t.Fatalf("make the world: %v", err)
	}
	return w
}

// end checks a world and closes it.
func (w *World) end(ctx context.Context, t TB) {
	if w.Hub != nil && !t.Failed() {
		if err := w.Check(ctx); err != nil {
			t.Errorf("the world is not as it should be: %v", err)
		}
	}
	w.Close()
}

func (w *World) populate(ctx context.Context) error {
	for _, r := range []registry.Request{
		{Agency: Alder, Name: "Alder Council", Type: fairlead.TypeLA, Jurisdiction: "GB-ENG", Emergency: true},
		{Agency: Aspen, Name: "Aspen Council", Type: fairlead.TypeLA, Jurisdiction: "GB-SCT", Emergency: true},
		{Agency: Birch, Name: "Birch Directorate", Type: fairlead.TypeStatutoryOverseas, Jurisdiction: "RO", Emergency: true},
		{Agency: Cedar, Name: "Cedar Police", Type: fairlead.TypePolice, Jurisdiction: "GB-ENG"},
	} {
		if _, err := w.Enrol(ctx, r); err != nil {
			return fmt.Errorf("enrol %s: %w", r.Agency, err)
		}
	}
	members := []fairlead.AgencyID{Alder, Aspen, Birch, Cedar}
	if err := w.Hub.SetRules(ctx, registry.Rules{Groups: []registry.Group{{Name: GroupAlert, Members: members}}}); err != nil {
		return err
	}
	if err := w.Settle(ctx); err != nil {
		return err
	}
	return w.Agree(ctx, defaultAgreement(w.Clock.Now()))
}

// defaultAgreement permits assessments with the sections EDU, ASSESS, RISK and LOC-NOW from Alder to
// Aspen and Birch, and questions between all three.
func defaultAgreement(at time.Time) *agreement.Agreement {
	case3 := []fairlead.AgencyID{Alder, Aspen, Birch}
	sections := []fairlead.SectionCode{"EDU", "ASSESS", "RISK", fairlead.SectionLocNow}
	permit := func(id string, s agreement.Scope) agreement.Term {
		s.Purposes, s.Sections = []fairlead.Purpose{"PRT-ASSESS"}, sections
		return agreement.Term{ID: id, Text: "the signed words", Permit: &s}
	}
	uk, ro := []fairlead.Art6{fairlead.Art6Legal}, []fairlead.Art6{fairlead.Art6EU}
	kinds := []string{"assessment.share", "info.request"}
	a := &agreement.Agreement{
		ID: "A1", Version: 1, Title: "Sharing between Alder, Aspen and Birch", Form: "dsa", Parties: case3,
		From: fairlead.At(at), Until: fairlead.At(at.AddDate(1, 0, 0)), ReviewBy: at.AddDate(0, 11, 0).Format(time.DateOnly),
		DPIA: "DPIA-1", Objective: "to keep children safe", Summary: "assessments are shared",
		Governance: agreement.Governance{
			Rights: "each its own", Transparency: "notices", Accuracy: "corrections", Security: "keys", Retention: "as long as the file", Breach: "24 hours",
			Disputes: "the leads meet", Sanctions: "suspension",
		},
		Terms: []agreement.Term{
			permit("home", agreement.Scope{From: case3[:2], To: case3[:2], Kinds: kinds, Bases: uk, Transfer: fairlead.MechanismNone}),
			permit("out", agreement.Scope{From: case3[:2], To: case3[2:], Kinds: kinds, Bases: uk, Transfer: fairlead.MechanismAdequacy}),
			permit("back", agreement.Scope{From: case3[2:], To: case3[:2], Kinds: kinds, Bases: ro, Transfer: fairlead.MechanismIntoUK}),
		},
	}
	for _, id := range case3 {
		a.Signatories = append(a.Signatories, agreement.Signatory{Agency: id, Name: "A. Director", Role: "Director"})
		a.Contacts = append(a.Contacts, agreement.Contact{Agency: id, DPO: "dpo@example.org"})
	}
	return a
}

// Agree brings an agreement into force: its first party proposes it, all sign.
func (w *World) Agree(ctx context.Context, a *agreement.Agreement) error {
	record, err := a.Marshal()
	if err != nil {
		return err
	}
	d := &client.Draft{Kind: "agreement.proposal", Role: "AGREEMENT_SIGNATORY", User: "sig", Record: record}
	for _, id := range a.Parties[1:] {
		d.To = append(d.To, string(id))
	}
	if err := w.deliver(ctx, a.Parties[0], d); err != nil {
		return err
	}
	for _, id := range a.Parties {
		d, err := w.Agency(id).SignatureDraft(a.Ref())
		if err != nil {
			return err
		}
		d.Role, d.User = "AGREEMENT_SIGNATORY", "sig"
		if err := w.deliver(ctx, id, d); err != nil {
			return err
		}
	}
	return nil
}

// deliver sends what must be delivered.
func (w *World) deliver(ctx context.Context, from fairlead.AgencyID, d *client.Draft) error {
	sent, err := w.Send(ctx, from, d)
	if err != nil {
		return err
	}
	for _, s := range sent {
		if s.Verdict.Result != fairlead.Delivered {
			return fmt.Errorf("%s of %s to %s: %s, %v", d.Kind, from, s.To, s.Verdict.Result, s.Verdict.Causes)
		}
	}
	return nil
}

// Send sends a draft and settles the world: each share then has its verdict.
func (w *World) Send(ctx context.Context, from fairlead.AgencyID, d *client.Draft) ([]*client.SentShare, error) {
	a := w.Agency(from)
	ids, err := a.Send(d)
	if err != nil {
		return nil, err
	}
	if err := w.Settle(ctx); err != nil {
		return nil, err
	}
	var sent []*client.SentShare
	for _, id := range ids {
		s, err := a.Sent(id)
		if err != nil {
			return nil, err
		}
		if s.Verdict == nil {
			return nil, fmt.Errorf("%s has no verdict on %s", from, id)
		}
		sent = append(sent, s)
	}
	return sent, nil
}
