package scenario

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"

	"fairlead/internal/client"
	"fairlead/internal/draft"
	"fairlead/internal/fairlead"
	"fairlead/internal/hubtest"
	"fairlead/internal/policy"
	"fairlead/internal/registry"
)

// StepFact is what became of one step: its shares, or what is not built.
type StepFact struct {
	ID       string      `json:"id"`
	Shares   []ShareFact `json:"shares,omitempty"`
	NotBuilt string      `json:"not_built,omitempty"`
}

// ShareFact is what became of one share, in the words of the acceptance story.
type ShareFact struct {
	Share     string                 `json:"share"`
	From      fairlead.AgencyID      `json:"from"`
	To        fairlead.AgencyID      `json:"to"`
	Kind      string                 `json:"kind"`
	Result    fairlead.Result        `json:"result"`
	Ground    fairlead.Ground        `json:"ground"`
	Agreement string                 `json:"agreement,omitempty"`
	Sent      []fairlead.SectionCode `json:"sent"`
	Withheld  []fairlead.SectionCode `json:"withheld"`
	Reasons   []fairlead.Reason      `json:"reasons"`
	Index     int64                  `json:"index"`
	Due       []policy.Due           `json:"due"`
	Causes    []policy.Cause         `json:"causes,omitempty"` // the same reasons, where and what to do
}

// Player plays a story in a world.
type Player struct {
	Story *Story
	World *hubtest.World
	Files fs.FS
	Told  func(step Step, fact StepFact) // called after each reported step

	shares map[string][]played // what each step sent
	seen   map[fairlead.AgencyID]int
}

// played is a share of an earlier step, for answers to refer to.
type played struct {
	from, to fairlead.AgencyID
	id       fairlead.ShareID
}

// Prepare enrols the agencies, sets the rules and brings the agreements into force that are older than
// the story.
func (p *Player) Prepare(ctx context.Context) error {
	p.shares, p.seen = map[string][]played{}, map[fairlead.AgencyID]int{}
	p.World.Clock.Set(p.Story.Start.Time)
	for _, a := range p.Story.Agencies {
		r := registry.Request{Agency: a.ID, Name: a.Name, Type: a.Type, Jurisdiction: a.Jurisdiction, Emergency: a.Emergency}
		if _, err := p.World.Enrol(ctx, r); err != nil {
			return fmt.Errorf("enrol %s: %w", a.ID, err)
		}
	}
	if err := p.World.Hub.SetRules(ctx, p.Story.rules()); err != nil {
		return fmt.Errorf("rules: %w", err)
	}
	if err := p.World.Settle(ctx); err != nil {
		return err
	}
	for _, ref := range p.Story.Active {
		for _, act := range []func(context.Context, string) ([]ShareFact, error){p.propose, p.sign} {
			facts, err := act(ctx, ref)
			if err != nil {
				return fmt.Errorf("agreement %s: %w", ref, err)
			}
			for _, f := range facts {
				if f.Result != fairlead.Delivered {
					return fmt.Errorf("%w: agreement %s: %s of %s was %s: %v", ErrStory, ref, f.Kind, f.From, f.Result, f.Causes)
				}
			}
		}
	}
	_, err := p.notices(ctx)
	return err
}

// Play plays every step and returns what became of it.
func (p *Player) Play(ctx context.Context) ([]StepFact, error) {
	facts := []StepFact{}
	for _, step := range p.Story.Steps {
		fact, err := p.step(ctx, step)
		if err != nil {
			return facts, fmt.Errorf("step %s: %w", step.ID, err)
		}
		if step.Quiet {
			continue
		}
		facts = append(facts, fact)
		if p.Told != nil {
			p.Told(step, fact)
		}
	}
	return facts, nil
}

func (p *Player) step(ctx context.Context, step Step) (StepFact, error) {
	fact := StepFact{ID: step.ID, NotBuilt: step.NotBuilt}
	if step.NotBuilt != "" {
		return fact, nil
	}
	p.World.Clock.Set(step.At.Time)
	add := func(f []ShareFact, err error) error {
		fact.Shares = append(fact.Shares, f...)
		return err
	}
	if step.Propose != "" {
		if err := add(p.propose(ctx, step.Propose)); err != nil {
			return fact, err
		}
	}
	if step.Sign != "" {
		if err := add(p.sign(ctx, step.Sign)); err != nil {
			return fact, err
		}
	}
	if err := p.acts(ctx, step); err != nil {
		return fact, err
	}
	if step.Status != nil {
		if err := add(p.status(ctx, step)); err != nil {
			return fact, err
		}
	}
	if step.Approve != nil {
		if err := add(p.approve(ctx, step)); err != nil {
			return fact, err
		}
	}
	for _, m := range step.Messages {
		if err := add(p.message(ctx, step, m)); err != nil {
			return fact, err
		}
	}
	if step.Notices {
		if err := add(p.notices(ctx)); err != nil {
			return fact, err
		}
	}
	return fact, nil
}

// message sends one message and gathers the verdicts.
func (p *Player) message(ctx context.Context, step Step, m Message) ([]ShareFact, error) {
	a := p.World.Agency(m.From)
	files, err := fs.Sub(p.Files, "contents")
	if err != nil {
		return nil, err
	}
	d, err := m.Draft(files, step.At.Time, draft.Resolver{
		Share:  func(name string) (fairlead.ShareID, error) { return p.answered(m.From, name), nil },
		Handle: a.SubjectHandle,
	})
	if err != nil {
		return nil, err
	}
	if m.Forge != nil {
		return p.forge(ctx, m, d)
	}
	return p.send(ctx, step.ID, a, d)
}

// forge sends a forged message; what became of it stands in the log.
func (p *Player) forge(ctx context.Context, m Message, d *client.Draft) ([]ShareFact, error) {
	n, l, err := p.World.Forge(ctx, m.From, d, m.Forge.How, p.answered(m.From, m.Forge.Of))
	if err != nil {
		return nil, err
	}
	c := &l.Detail.Share.Decision
	return []ShareFact{{
		Share: l.Leaf.Share.String(), From: l.Leaf.From, To: l.Leaf.To, Kind: d.Kind, Result: c.Result, Ground: c.Ground,
		Sent: []fairlead.SectionCode{}, Withheld: []fairlead.SectionCode{}, Reasons: c.Reasons(), Index: n, Due: []policy.Due{}, Causes: c.Causes,
	}}, nil
}

func (p *Player) send(ctx context.Context, step string, a *hubtest.Agency, d *client.Draft) ([]ShareFact, error) {
	ids, err := a.Send(d)
	if err != nil {
		return nil, fmt.Errorf("%s sends %s: %w", a.ID, d.Kind, err)
	}
	if err := p.World.Settle(ctx); err != nil {
		return nil, err
	}
	var facts []ShareFact
	for _, id := range ids {
		s, err := a.Sent(id)
		if err != nil {
			return nil, err
		}
		if s.Verdict == nil {
			return nil, fmt.Errorf("%s has no verdict on %s", a.ID, id)
		}
		p.shares[step] = append(p.shares[step], played{a.ID, s.To, id})
		facts = append(facts, shareFact(a.ID, s))
	}
	return facts, nil
}

func shareFact(from fairlead.AgencyID, s *client.SentShare) ShareFact {
	v := s.Verdict
	d := policy.Decision{Result: v.Result, Causes: v.Causes, Holds: v.Holds, Sections: v.Sections}
	f := ShareFact{
		Share: s.ID.String(), From: from, To: s.To, Kind: s.Kind, Result: v.Result, Ground: v.Ground, Agreement: v.Agreement,
		Sent: s.Codes(), Withheld: d.Withheld(), Reasons: d.Reasons(), Index: s.Index, Due: v.Due, Causes: slices.Concat(v.Causes, v.Holds),
	}
	if f.Due == nil {
		f.Due = []policy.Due{}
	}
	for _, sec := range v.Sections {
		for _, c := range sec.Causes {
			if !slices.Contains(f.Causes, c) { // an essential section's causes are the share's too
				f.Causes = append(f.Causes, c)
			}
		}
	}
	return f
}

// answered finds the share of an earlier step that the sender received, or else one it sent itself.
func (p *Player) answered(by fairlead.AgencyID, step string) fairlead.ShareID {
	var own fairlead.ShareID
	for _, s := range p.shares[step] {
		if s.to == by {
			return s.id
		}
		if s.from == by {
			own = s.id
		}
	}
	return own
}

// propose sends an agreement from its first party to the others.
func (p *Player) propose(ctx context.Context, ref string) ([]ShareFact, error) {
	a := p.Story.Agreements[ref]
	record, err := a.Marshal()
	if err != nil {
		return nil, err
	}
	to := make([]string, len(a.Parties)-1)
	for i, id := range a.Parties[1:] {
		to[i] = string(id)
	}
	d := &client.Draft{Kind: "agreement.proposal", Role: "AGREEMENT_SIGNATORY", User: "signatory", To: to, Record: record}
	return p.send(ctx, "propose "+ref, p.World.Agency(a.Parties[0]), d)
}

// sign has every party sign the digest of the bytes it was shown and proved.
func (p *Player) sign(ctx context.Context, ref string) ([]ShareFact, error) {
	var facts []ShareFact
	for _, id := range p.Story.Agreements[ref].Parties {
		d, err := p.World.Agency(id).SignatureDraft(ref)
		if err != nil {
			return nil, err
		}
		d.Role, d.User = "AGREEMENT_SIGNATORY", "signatory"
		f, err := p.send(ctx, "sign "+ref, p.World.Agency(id), d)
		if err != nil {
			return nil, err
		}
		facts = append(facts, f...)
	}
	return facts, nil
}

// notices gathers the hub's own notices that came since the last call.
func (p *Player) notices(ctx context.Context) ([]ShareFact, error) {
	if err := p.World.Settle(ctx); err != nil {
		return nil, err
	}
	var facts []ShareFact
	for _, a := range p.Story.Agencies {
		inbox, err := p.World.Agency(a.ID).Inbox()
		if err != nil {
			return nil, err
		}
		for _, m := range inbox[p.seen[a.ID]:] {
			if m.Header.From.Agency == fairlead.Hub {
				facts = append(facts, noticeFact(a.ID, m))
			}
		}
		p.seen[a.ID] = len(inbox)
	}
	return facts, nil
}

func noticeFact(to fairlead.AgencyID, m *client.Message) ShareFact {
	var n registry.Announcement
	_ = json.Unmarshal(m.Record, &n) // without one there is nothing due
	return ShareFact{
		Share: m.Header.ID.String(), From: fairlead.Hub, To: to, Kind: m.Header.Kind, Result: fairlead.Delivered, Ground: fairlead.GroundControl,
		Sent: []fairlead.SectionCode{}, Withheld: []fairlead.SectionCode{}, Reasons: []fairlead.Reason{}, Index: m.Index, Due: append([]policy.Due{}, n.Due...),
	}
}

// acts does what is not a share of the step: the operator's acts, and people put on record.
func (p *Player) acts(ctx context.Context, step Step) error {
	for _, act := range []struct {
		agency fairlead.AgencyID
		yes    bool
	}{{step.Suspend, true}, {step.Resume, false}} {
		if act.agency == "" {
			continue
		}
		if err := p.World.Hub.Suspend(ctx, act.yes, registry.Suspension{Agency: act.agency, Reason: "key_loss"}); err != nil {
			return err
		}
		if err := p.World.Settle(ctx); err != nil {
			return err
		}
	}
	return p.staff(ctx, step)
}

// status has a party suspend, resume or end an agreement.
func (p *Player) status(ctx context.Context, step Step) ([]ShareFact, error) {
	a := p.World.Agency(step.Status.Agency)
	d, err := a.StatusDraft(step.Status.Agreement, step.Status.Action, "review")
	if err != nil {
		return nil, err
	}
	d.Role, d.User = "AGREEMENT_SIGNATORY", "signatory"
	return p.send(ctx, step.ID, a, d)
}

// staff puts people on record; it is not reported.
func (p *Player) staff(ctx context.Context, step Step) error {
	for _, s := range step.Staff {
		a := p.World.Agency(s.Agency)
		d, err := a.Home.StaffDraft(a.Client, s.User, s.Role)
		if err != nil {
			return err
		}
		d.Role, d.User = "DPO", "dpo"
		facts, err := p.send(ctx, "staff", a, d)
		if err != nil {
			return err
		}
		if facts[0].Result != fairlead.Delivered {
			return fmt.Errorf("%w: %s of %s: %v", ErrStory, s.User, s.Agency, facts[0].Causes)
		}
	}
	return nil
}

// approve signs for each held share of an earlier step and reports what became of it.
func (p *Player) approve(ctx context.Context, step Step) ([]ShareFact, error) {
	var facts []ShareFact
	a := p.World.Agency(step.Approve.Agency)
	for _, s := range p.shares[step.Approve.Of] {
		d, err := a.Home.ApprovalDraft(a.Client, s.id, step.Approve.User, step.Approve.Role, step.Approve.Reasons)
		if err != nil {
			return nil, err
		}
		approval, err := p.send(ctx, "approve "+step.ID, a, d)
		if err != nil {
			return nil, err
		}
		if approval[0].Result == fairlead.Refused {
			facts = append(facts, approval...)
			continue
		}
		released, err := a.Sent(s.id)
		if err != nil {
			return nil, err
		}
		facts = append(facts, shareFact(a.ID, released))
	}
	return facts, nil
}
