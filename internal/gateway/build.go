package gateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"fairlead/internal/client"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/policy"
	"fairlead/internal/schema"
)

// build turns what was typed into a draft that the client can judge and send.
func (v *visit) build(d *written, f form) (*client.Draft, error) {
	out := &client.Draft{
		Kind: f.kind, Role: v.role, User: v.user, To: d.Values["to"], Case: d.Values.Get("ref"), Child: d.Values.Get("ref"), ReplyTo: d.ReplyTo,
		Purpose: fairlead.Purpose(v.purposeOf(d, f)), Told: fairlead.Told(d.Values.Get("told")), GSC: "OFFICIAL-SENSITIVE",
	}
	if v.crosses(d) {
		out.Danger = fairlead.DangerResult(d.Values.Get("danger"))
	}
	if f.record != nil {
		return v.buildRecord(d, f)
	}
	v.weigh(out, d, f)
	v.ground(out, d)
	docs := map[string]map[string]any{}
	for _, s := range f.stages {
		for _, q := range s.asks {
			v.answer(out, docs, d, f, q)
		}
	}
	err := v.addSections(out, docs, d, f)
	d.override(out)
	label(out)
	return out, err
}

// dutyLead is whom a message is for that only a named person may read: whoever leads the shift there.
const dutyLead = "duty-lead"

// label sets the handling: AMBER+STRICT, and RED where a section asks for it.
func label(out *client.Draft) {
	codes := []fairlead.SectionCode{"ID-CORE"} // no page about a child goes with less
	for _, s := range out.Sections {
		codes = append(codes, s.Code)
	}
	if out.TLP = policy.LeastTLP(codes...); out.TLP == fairlead.TLPRed {
		out.Named = dutyLead
	}
}

func (v *visit) purposeOf(d *written, f form) string {
	switch {
	case d.Purpose != "":
		return d.Purpose
	case len(f.purpose) == 1:
		return f.purpose[0]
	}
	return d.Values.Get("purpose")
}

// weigh sets threshold and the codes of an alert (CAP 1.2).
func (v *visit) weigh(out *client.Draft, d *written, f form) {
	out.Threshold = fairlead.Threshold(either(d.Level, d.Values.Get("threshold"), f.level))
	if !strings.HasPrefix(f.kind, "alert.") {
		return
	}
	out.Urgency, out.Severity, out.Certainty = fairlead.Urgency(either(d.Values.Get("urgency"), d.Urgency)), "Severe", fairlead.Certainty(d.Values.Get("certainty"))
	if f.urgent {
		out.Urgency, out.Certainty = fairlead.UrgencyImmediate, "Observed" // that the child is gone was seen
	}
	if f.kind == "alert.cancel" { // with the urgency of its alert, so that it reaches whoever was alerted
		out.Severity, out.Certainty = "Minor", "Observed"
	}
	out.Threshold = fairlead.TH3
	if out.Urgency == fairlead.UrgencyImmediate {
		out.Threshold = fairlead.TH4
	}
}

// ground sets the lawful basis that was chosen, and what senders in England consider under s16LA.
func (v *visit) ground(out *client.Draft, d *written) {
	for _, b := range v.candidates() {
		if b.name == d.Values.Get("basis") {
			basis := b.basis
			out.Basis = &basis
		}
	}
	own := v.g.cfg.Client.Snapshot().Agency(v.g.agency)
	if own != nil && own.Jurisdiction == "GB-ENG" {
		out.S16LA = &envelope.S16LA{Considered: true, Applies: slices.Contains(s16LABodies, own.Type) && !(form{kind: d.Kind}).aboutNobody(), Detriment: d.Values.Get("detriment")}
	}
}

// s16LABodies are under the duty of Children Act 2004 s16LA as far as their type shows it.
var s16LABodies = []fairlead.AgencyType{fairlead.TypeLA, fairlead.TypePolice, fairlead.TypeHealth, fairlead.TypeEducation}

// answer puts one answer where it belongs.
func (v *visit) answer(out *client.Draft, docs map[string]map[string]any, d *written, f form, q question) {
	shape := v.sort(f, q)
	value, ok := v.valueOf(d, q, shape)
	if !ok {
		return
	}
	head, rest, _ := strings.Cut(q.at, "/")
	switch head {
	case "draft":
	case "facts":
		if out.Facts == nil {
			out.Facts = map[string]string{}
		}
		out.Facts[rest] = fmt.Sprint(value)
	case "answers":
		doc := section(docs, "SC-HIST")
		answers, _ := doc["answers"].([]any)
		doc["answers"] = append(answers, value)
	default:
		set(section(docs, head), strings.Split(rest, "/"), value)
	}
}

func section(docs map[string]map[string]any, code string) map[string]any {
	if docs[code] == nil {
		docs[code] = map[string]any{}
	}
	return docs[code]
}

// valueOf reads an answer as JSON has it; false where there is none.
func (v *visit) valueOf(d *written, q question, shape schema.Shape) (any, bool) {
	text := d.Values.Get(q.name)
	switch shape.Form {
	case "date":
		t, ok := v.day(d, q.name)
		return t.Format(time.DateOnly), ok
	case "instant":
		t, ok := v.instant(d, q.name)
		return stamp(t), ok
	case "answer":
		return v.answerOf(d, q)
	case "bool":
		return text == "true", text != ""
	case "count":
		n, err := strconv.Atoi(text)
		return n, err == nil
	case "codes", "places":
		list := []any{}
		for _, one := range d.Values[q.name] {
			list = append(list, one)
		}
		return list, len(list) > 0
	case "items":
		list := []any{}
		for _, line := range lines(text) {
			list = append(list, line)
		}
		return list, len(list) > 0
	case "lines":
		list := []any{}
		for i, line := range lines(text) {
			list = append(list, map[string]any{"no": i + 1, "text": line, "section": "SC-HIST", "essential": true})
		}
		return list, len(list) > 0
	}
	return text, text != ""
}

// answerOf is the answer to one question of a request: what is known, or that nothing is.
func (v *visit) answerOf(d *written, q question) (any, bool) {
	for _, a := range d.Asked {
		if answerName(a.No) != q.name {
			continue
		}
		if text := d.Values.Get(q.name); text != "" {
			return map[string]any{"no": a.No, "status": "answered", "text": text, "as_of": v.now().In(v.words.Zone()).Format(time.DateOnly)}, true
		}
		return map[string]any{"no": a.No, "status": "not_held"}, true
	}
	return nil, false
}

// set puts a value at a path of members and numbers, making what is around it. Lists of plain values are
// filled in order.
func set(doc map[string]any, path []string, value any) {
	name := path[0]
	if len(path) == 1 {
		doc[name] = value
		return
	}
	if _, err := strconv.Atoi(path[1]); err == nil {
		list, _ := doc[name].([]any)
		if len(path) == 2 {
			doc[name] = append(list, value)
			return
		}
		i, _ := index(path[1])
		for len(list) <= i {
			list = append(list, map[string]any{})
		}
		set(list[i].(map[string]any), path[2:], value)
		doc[name] = list
		return
	}
	inner, _ := doc[name].(map[string]any)
	if inner == nil {
		inner = map[string]any{}
	}
	set(inner, path[1:], value)
	doc[name] = inner
}

// has reports whether there is an object at a path.
func has(doc map[string]any, path []string) bool {
	if len(path) == 0 {
		return true
	}
	switch next := doc[path[0]].(type) {
	case map[string]any:
		return has(next, path[1:])
	case []any:
		if len(path) > 1 {
			i, ok := index(path[1])
			if !ok || i >= len(next) {
				return false
			}
			inner, ok := next[i].(map[string]any)
			return ok && len(inner) > 0 && has(inner, path[2:])
		}
	}
	return false
}

// addSections writes each section that has content, with what the schema wants beside the answers.
func (v *visit) addSections(out *client.Draft, docs map[string]map[string]any, d *written, f form) error {
	for at, value := range f.fixed {
		head, rest, _ := strings.Cut(at, "/")
		path := strings.Split(rest, "/")
		if docs[head] == nil || !has(docs[head], path[:len(path)-1]) {
			continue
		}
		set(docs[head], path, v.fixedValue(d, value))
	}
	for _, code := range fairlead.Sections {
		doc := docs[string(code)]
		if doc == nil {
			continue
		}
		doc["language"] = v.words.Tag
		raw, err := json.Marshal(dense(doc))
		if err != nil {
			return err
		}
		s := client.DraftSection{Code: code, Type: "json", Content: raw, Essential: f.essential(v.g.cfg.Schema, code)}
		if c := sectionCaveats[string(code)]; c != "" {
			s.Caveats = []fairlead.Caveat{fairlead.Caveat(c)}
		}
		v.condition(&s, d)
		out.Sections = append(out.Sections, s)
	}
	if len(d.Photo) > 0 {
		out.Sections = append(out.Sections, v.photo(d))
	}
	return nil
}

// essential follows the kind's schema: without those sections the message says nothing.
func (f form) essential(set *schema.Set, code fairlead.SectionCode) bool {
	for _, k := range set.Kinds() {
		if k.Code == f.kind {
			return k.Sections[code].Essential
		}
	}
	return false
}

// photo is the photograph: biometric data, shared to find a child (UK GDPR Art 9(2)(g), DPA 2018 Sch 1 para 18).
func (v *visit) photo(d *written) client.DraftSection {
	return client.DraftSection{
		Code: "BIO-PHOTO", Type: d.Media, Content: d.Photo, Art9: "A9-2-g", Sch1: fairlead.Sch1Safeguard, P18: fairlead.P18(d.Values.Get("p18")),
	}
}

// contentFaults says which stage holds content that the schema refuses: the last guard behind our own checks.
func (v *visit) contentFaults(out *client.Draft) error {
	var faults []error
	for _, s := range out.Sections {
		if s.Type == "json" {
			faults = append(faults, v.g.cfg.Schema.Section(out.Kind, s.Code, s.Content))
		} else {
			faults = append(faults, v.g.cfg.Schema.File(s.Code, s.Type))
		}
	}
	return errors.Join(faults...)
}
