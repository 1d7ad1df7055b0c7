package gateway

import (
	"slices"

	"fairlead/internal/client"
	"fairlead/internal/fairlead"
	"fairlead/internal/policy"
)

// stageOverride says why a refusal of consent is not followed. It is asked where the check of the answers
// says that one keeps a section, and of nobody else.
const stageOverride = "override"

// noteCode is the section that says in words why a refusal is overridden; its digest stands in the log.
const noteCode fairlead.SectionCode = "OVERRIDE-NOTE"

var overrideAsks = []question{
	{name: "override", at: "draft/refused"},
	{name: "override_reason", at: "draft/override", group: "override"},
	{name: "who_is_at_risk", at: "OVERRIDE-NOTE/who_is_at_risk", group: "override"},
	{name: "harm_expected", at: "OVERRIDE-NOTE/harm_expected", group: "override"},
	{name: "why_not_followed", at: "OVERRIDE-NOTE/why_consent_not_followed", group: "override"},
	{name: "alternatives", at: "OVERRIDE-NOTE/alternatives_considered", group: "override"},
	{name: "minimum", at: "OVERRIDE-NOTE/minimum_chosen", group: "override"},
	{name: "was_told", at: "OVERRIDE-NOTE/was_told", group: "override"},
	{name: "review_on", at: "OVERRIDE-NOTE/review_on", group: "override"},
}

// overriding is the form with the stage on overriding, once.
func (f form) overriding() form {
	if !slices.ContainsFunc(f.stages, func(s stage) bool { return s.name == stageOverride }) {
		f.stages = append(slices.Clone(f.stages), stage{stageOverride, overrideAsks})
	}
	return f
}

// drawOverride asks why a refusal is not followed, where the policy knows a reason that counts.
func (v *visit) drawOverride(d *written, f form, p askPage) error {
	var part askPart
	for _, q := range overrideAsks {
		fd := v.field(d, f, q)
		fd.Label = v.labelOf(q) // nothing ticked is an answer; with something ticked all of it is needed
		part.Fields = append(part.Fields, fd)
	}
	p.Parts = []askPart{part}
	if len(v.overrideReasons(d, f)) == 0 {
		p.Lead = v.words.T("override.none")
	}
	return v.render("ask", p)
}

// overrides reports whether the draft declares an override: then everything of the note is needed.
func (d *written) overrides() bool { return len(d.Values["override"]) > 0 }

// override marks the sections that go against a refusal.
func (d *written) override(out *client.Draft) {
	for i, s := range out.Sections {
		if slices.Contains(d.Values["override"], string(s.Code)) {
			out.Sections[i].Override = fairlead.OverrideReason(d.Values.Get("override_reason"))
		}
	}
}

// refusedCodes are the sections that a refusal on record keeps from somebody.
func refusedCodes(previews []client.Preview) (list []string) {
	for _, p := range previews {
		for _, s := range p.Decision.Sections {
			refused := slices.ContainsFunc(s.Causes, func(c policy.Cause) bool { return c.Reason == fairlead.ReasonConsentRefused })
			if refused && !slices.Contains(list, string(s.Code)) {
				list = append(list, string(s.Code))
			}
		}
	}
	return list
}

// refusedSections are those that may be overridden: kept by a refusal, or overridden already.
func (v *visit) refusedSections(d *written, f form) []string {
	out, err := v.build(d, f)
	if err != nil {
		return nil
	}
	previews, err := v.previews(d, out)
	if err != nil {
		return nil
	}
	list := slices.Concat(refusedCodes(previews), d.Values["override"])
	slices.Sort(list)
	return slices.Compact(list)
}

// overrideReasons are those that would let what was refused go, by the policy's own word on this message.
func (v *visit) overrideReasons(d *written, f form) (list []string) {
	for _, reason := range fairlead.OverrideReasons {
		out, err := v.build(d, f)
		if err != nil {
			return nil
		}
		before, err := v.previews(d, out)
		if err != nil {
			return nil
		}
		refused := append(refusedCodes(before), d.Values["override"]...)
		for i, s := range out.Sections {
			if slices.Contains(refused, string(s.Code)) {
				out.Sections[i].Override = reason
			}
		}
		if !slices.ContainsFunc(out.Sections, func(s client.DraftSection) bool { return s.Code == noteCode }) {
			out.Sections = append(out.Sections, client.DraftSection{Code: noteCode, Type: "json"})
			label(out)
		}
		after, err := v.previews(d, out)
		if err == nil && len(refusedCodes(after)) < max(1, len(refused)) {
			list = append(list, string(reason))
		}
	}
	return list
}
