package client

import (
	"slices"

	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/policy"
	"fairlead/internal/registry"
)

// known adds to the facts of a dry run what the agency itself knows of the shares that a draft answers, corrects or
// takes from: its own Snapshot has only the register.
func (c *Client) known(f *policy.Facts, h *envelope.Header, ds []*envelope.Descriptor) (err error) {
	if f.Answered, err = c.prior(h.ReplyTo); err != nil {
		return err
	}
	if f.Superseded, err = c.prior(h.Supersedes); err != nil {
		return err
	}
	f.Onward = nil
	for _, d := range ds {
		if d.Onward == nil {
			continue
		}
		o := policy.Origin{Declared: *d.Onward}
		if o.Share, err = c.prior(d.Onward.Origin); err != nil {
			return err
		}
		if m, err := c.Message(d.Onward.Permission); err == nil && m.Header.Kind == "onward.permission" {
			if g, err := policy.ParseGrant(m.bound.Record); err == nil {
				o.Permission = &policy.Permission{Grant: *g, By: m.Header.From.Agency, Holder: c.cfg.Agency, Entry: m.Index}
			}
		}
		f.Onward = append(f.Onward, o)
	}
	f.Marked, err = c.marked()
	return err
}

// marked lists the sections that others gave this agency under their control.
func (c *Client) marked() (codes []fairlead.SectionCode, err error) {
	list, err := c.Inbox()
	for _, m := range list {
		for _, d := range m.bound.Descriptors {
			if registry.Marked(d) && !slices.Contains(codes, d.Code) {
				codes = append(codes, d.Code)
			}
		}
	}
	return codes, err
}

// prior finds what the agency itself knows of a share.
func (c *Client) prior(id fairlead.ShareID) (*policy.Prior, error) {
	if id.IsZero() {
		return nil, nil
	}
	m, err := c.Message(id)
	if err == nil {
		return &policy.Prior{
			From: m.Header.From.Agency, To: c.cfg.Agency, Kind: m.Header.Kind, Status: m.Header.Status, Purpose: m.Header.Purpose, Delivered: true,
			Sections: m.Codes(), Strict: m.Controlled(), Ack: fairlead.AckLevel(m.Acked), Recalled: m.Recall != nil, Entry: m.Index,
		}, nil
	}
	s, err := c.Sent(id)
	if err != nil {
		return nil, nil // not on record here: the policy says what that means
	}
	p := &policy.Prior{From: c.cfg.Agency, To: s.To, Kind: s.Kind, Delivered: s.State != Queued && s.State != RefusedBy && s.State != HeldBy, Recalled: s.State == Recalled}
	if share, err := envelope.ParseShare(s.frame); err == nil {
		if h, err := envelope.ParseHeader(share.Header); err == nil {
			p.Status, p.Purpose = h.Status, h.Purpose
		}
	}
	return p, nil
}

// permits corrects what the register holds against a permission, where it lets somebody pass on of a share of ours
// that they were given: the agency's own Snapshot has not all shares that the hub's has.
func (c *Client) permits(f *policy.Facts, d *Draft, to fairlead.AgencyID) {
	g, err := policy.ParseGrant(d.Record)
	if d.Kind != "onward.permission" || err != nil {
		return
	}
	s, err := c.Sent(g.Share)
	if err != nil || s.To != to || s.Verdict == nil || !slices.Contains([]fairlead.Result{fairlead.Delivered, fairlead.DeliveredRedacted}, s.Verdict.Result) {
		return
	}
	given := func(code fairlead.SectionCode) bool {
		return slices.ContainsFunc(s.Verdict.Sections, func(sec policy.Section) bool { return sec.Delivered && sec.Code == code })
	}
	if f.Record.Advice = "it had no such section"; !slices.ContainsFunc(g.Sections, func(code fairlead.SectionCode) bool { return !given(code) }) {
		f.Record = policy.Cause{}
	}
}
