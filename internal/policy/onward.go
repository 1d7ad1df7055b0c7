package policy

import (
	"fmt"
	"slices"
	"time"

	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/strictjson"
)

// Grant is the record of onward.permission: the originator of a share lets the agency that holds it pass sections
// on to others, for a time.
type Grant struct {
	Share    fairlead.ShareID       `json:"share"`
	Sections []fairlead.SectionCode `json:"sections"`
	To       []fairlead.AgencyID    `json:"to"`
	Until    fairlead.Time          `json:"until"`
}

// ParseGrant reads the exact bytes of a permission.
func ParseGrant(record []byte) (*Grant, error) {
	var g Grant
	if err := strictjson.Unmarshal(record, &g); err != nil {
		return nil, err
	}
	if g.Share.IsZero() || g.Until.IsZero() || len(g.Sections) == 0 || len(g.Sections) > 64 || len(g.To) == 0 || len(g.To) > 64 {
		return nil, fmt.Errorf("permission: want share, until, and 1 to 64 sections and agencies")
	}
	for _, c := range g.Sections {
		if err := fairlead.CheckCode("sections", c, fairlead.Sections); err != nil {
			return nil, err
		}
	}
	for _, id := range g.To {
		if err := id.Check(); err != nil {
			return nil, err
		}
	}
	return &g, nil
}

// Permission is a grant on record: who gave it and to whom.
type Permission struct {
	Grant
	By, Holder fairlead.AgencyID
	Entry      int64
}

// Origin is what the register knows of where sections were taken from.
type Origin struct {
	Declared   envelope.Onward
	Share      *Prior      // nil: not on record
	Permission *Permission // nil: none is named, or not on record
}

// checkOnward is P11 for one section: what was taken from a share received goes on only if its originator lets
// it, where the originator kept control (TLP RED, AMBER+STRICT, SIENA H2, ORCON).
func (p *decider) checkOnward(s *sectionDecider) {
	against := func(advice string) { s.against("P11", fairlead.ReasonOnward, advice) }
	declared := false
	for _, o := range p.f.Onward {
		if o.Declared.Code != s.Code {
			continue
		}
		declared = true
		if advice := p.onward(o); advice != "" {
			against(advice) // once: a sender may declare as many origins as it likes, and a decision must fit into the log
			return
		}
	}
	marked := s.desc.Siena == "H2" || slices.Contains(s.desc.Caveats, "ORCON")
	if !declared && marked && !p.f.Sender.Type.LawEnforcement() && slices.Contains(p.f.Marked, s.Code) {
		against("your agency was given such a page under its originator's control: say in origin which share it was taken from, or a share of your own if it is yours")
	}
}

// onward says what stands against passing on from one origin, or nothing.
func (p *decider) onward(o Origin) string {
	from, to := p.Header.From.Agency, p.Header.To.Agency
	switch a := o.Share; {
	case a != nil && a.From == from: // its own
		return ""
	case a == nil || !a.Delivered || a.To != from:
		return "the share it is said to be taken from was not delivered to your agency"
	case a.Recalled:
		return "its originator has asked for it back"
	case !a.controls(o.Declared.Code) || to == a.From:
		return ""
	case o.Permission == nil:
		return "its originator keeps control of it: ask for an onward.permission and name it in permitted"
	case !o.Permission.lets(o, from, to, p.at):
		return "the permission named is not its originator's, or not for this page, recipient and day"
	}
	return ""
}

// controls reports whether the originator of a kept control of what a section was taken from. Where the origin had
// no such section, it was taken from one of the others.
func (a *Prior) controls(code fairlead.SectionCode) bool {
	if slices.Contains(a.Sections, code) {
		return slices.Contains(a.Strict, code)
	}
	return len(a.Strict) > 0 || len(a.Sections) == 0
}

// lets reports whether the permission covers the way from holder to recipient at an instant.
func (m *Permission) lets(o Origin, holder, to fairlead.AgencyID, at time.Time) bool {
	code := o.Declared.Code
	page := slices.Contains(m.Sections, code) || !slices.Contains(o.Share.Sections, code) && covers(m.Sections, o.Share.Strict)
	return m.By == o.Share.From && m.Holder == holder && m.Share == o.Declared.Origin && page && slices.Contains(m.To, to) && at.Before(m.Until.Time)
}

// covers reports whether every code of some is in all.
func covers(all, some []fairlead.SectionCode) bool {
	return !slices.ContainsFunc(some, func(c fairlead.SectionCode) bool { return !slices.Contains(all, c) })
}
