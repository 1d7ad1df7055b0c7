package gateway

import (
	"slices"
	"strings"
)

// alertUpdate is news on an alert, from its sender or from who has opened it.
var alertUpdate = form{
	kind: "alert.update",
	stages: []stage{{"news", []question{
		{name: "ref", at: "draft/case", must: true},
		{name: "changed", at: "RISK/narrative", must: true},
		{name: "rating", at: "RISK/rating", must: true},
		{name: "action_asked", at: "RISK/action_asked"},
		{name: "seen_place", at: "JOURNEY/seen/place/locality", group: "seen"},
		{name: "seen_country", at: "JOURNEY/seen/place/country", group: "seen"},
		{name: "seen_at", at: "JOURNEY/seen/at", group: "seen"},
		{name: "seen_how", at: "JOURNEY/how_known", group: "seen"},
		{name: "urgency", at: "draft/urgency", must: true},
		{name: "certainty", at: "draft/certainty", must: true},
	}}},
	fixed: map[string]any{"JOURNEY/type": "sighting", "JOURNEY/seen/place/precision": "town"},
}

// alertCancel ends an alert: its sender's, or of who took it on.
var alertCancel = form{
	kind: "alert.cancel",
	stages: []stage{{"end", []question{
		{name: "ref", at: "draft/case", must: true},
		{name: "outcome", at: "facts/outcome", must: true},
		{name: "found_place", at: "LOC-HIST/found_place/locality", group: "found"},
		{name: "found_country", at: "LOC-HIST/found_place/country", group: "found"},
		{name: "found_at", at: "LOC-HIST/found_at", group: "found"},
		{name: "interview_due", at: "LOC-HIST/return_interview_due", group: "found", ahead: true},
	}}},
	fixed: map[string]any{"LOC-HIST/found_place/precision": "town"},
}

// inSection stands for the section that is put right, which its writer chooses.
const inSection = "SECTION"

// correction puts one value right, for everybody who was given the wrong one (UK GDPR Art 16, 19).
var correction = form{
	kind: "correction",
	stages: []stage{{"wrong", []question{
		{name: "ref", at: "draft/case", must: true},
		{name: "section", at: "draft/section", must: true},
		{name: "target", at: inSection + "/target", must: true},
		{name: "wrong_field", at: inSection + "/fields/0/field", must: true},
		{name: "wrong_value", at: inSection + "/fields/0/old"},
		{name: "right_value", at: inSection + "/fields/0/new", must: true},
		{name: "how_wrong", at: inSection + "/how_it_happened", must: true},
	}}},
}

// in is the form with its answers in the chosen section; before one is chosen, in the first that may be.
func (f form) in(section string, of []string) form {
	if !slices.Contains(of, section) {
		section = slices.Concat(of, []string{"ID-CORE"})[0]
	}
	stages := slices.Clone(f.stages)
	for i, s := range stages {
		stages[i].asks = slices.Clone(s.asks)
		for j, q := range stages[i].asks {
			stages[i].asks[j].at = strings.Replace(q.at, inSection+"/", section+"/", 1)
		}
	}
	f.stages = stages
	return f
}

// needs reports whether a question wants an answer: it always does, or another of its group has one.
func (d *written) needs(f form, q question) bool {
	if q.must || q.group == "" {
		return q.must
	}
	for _, s := range f.stages {
		for _, other := range s.asks {
			if other.group != q.group {
				continue
			}
			for _, name := range other.inputs() {
				if d.Values.Get(name) != "" {
					return true
				}
			}
		}
	}
	return false
}
