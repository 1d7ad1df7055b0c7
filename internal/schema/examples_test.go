package schema_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"fairlead/internal/config"
	"fairlead/internal/draft"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/kind"
	"fairlead/internal/law"
	"fairlead/internal/policy"
	"fairlead/internal/schema"
)

// example is a file of schemas/examples: a draft as the programs read it, who sends it, and the files and
// the record that stand beside a draft.
type example struct {
	From          sender `yaml:"from"`
	draft.Message `yaml:",inline"`
	Record        any            `yaml:"record"`
	Contents      map[string]any `yaml:"contents"`
}

type sender struct {
	Agency       fairlead.AgencyID     `yaml:"agency"`
	Type         fairlead.AgencyType   `yaml:"type"`
	Jurisdiction fairlead.Jurisdiction `yaml:"jurisdiction"`
}

func examples(t *testing.T) (set *schema.Set, list map[string]example) {
	t.Helper()
	set, err := schema.Load()
	if err != nil {
		t.Fatal(err)
	}
	list = map[string]example{}
	for _, k := range set.Kinds() {
		path := filepath.Join("../../schemas/examples", k.Code+".yaml")
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var e example
		if err := config.Parse(path, b, &e); err != nil {
			t.Fatal(err)
		}
		if e.Kind != k.Code {
			t.Errorf("%s is a message of another kind", path)
		}
		list[k.Code] = e
	}
	files, err := filepath.Glob("../../schemas/examples/*")
	if err != nil || len(files) != len(list) {
		t.Errorf("%d files in examples, %d kinds (%v)", len(files), len(list), err)
	}
	return set, list
}

// TestExamplesHold: each example is whole, and the rules would take it if its parties had an agreement.
func TestExamplesHold(t *testing.T) {
	set, list := examples(t)
	for _, k := range set.Kinds() {
		e := list[k.Code]
		var codes []fairlead.SectionCode
		for _, s := range e.Sections {
			codes = append(codes, s.Code)
			if err := set.Section(e.Kind, s.Code, encode(t, e.Contents[s.File])); err != nil {
				t.Errorf("%s: %v", e.Kind, err)
			}
		}
		for code, s := range k.Sections {
			if s.Essential && !slices.Contains(codes, code) {
				t.Errorf("%s: the example lacks the essential section %s", k.Code, code)
			}
		}
		e.fits(t, k)
	}
}

// fits holds the example against what the data says of its kind, and against the rules where they exist.
func (e example) fits(t *testing.T, k schema.Kind) {
	t.Helper()
	known, ok := kind.Lookup(k.Code)
	if !ok || k.Senders != nil && !slices.Contains(k.Senders, e.From.Type) || len(k.Roles) > 0 && !slices.Contains(k.Roles, e.Role) {
		t.Errorf("%s: %s as %s may not send it", k.Code, e.From.Type, e.Role)
	}
	if k.Purposes != nil && !slices.Contains(k.Purposes, e.Purpose) {
		t.Errorf("%s: is not sent for %s", k.Code, e.Purpose)
	}
	for _, c := range e.decide(t).Causes {
		if known.Built && slices.Contains([]string{"P01", "P02", "P04", "P05"}, c.Check) {
			t.Errorf("%s: %+v", k.Code, c)
		}
	}
}

// decide is the policy's word on the example, between parties without an agreement.
func (e example) decide(t *testing.T) policy.Decision {
	t.Helper()
	at := time.Date(2027, 10, 1, 9, 0, 0, 0, time.UTC) // after all that the examples speak of
	var record []byte
	switch {
	case e.Record != nil:
		record = encode(t, e.Record)
	case e.Kind == "agency.certificate":
		record = []byte("a certificate, which the register reads")
	}
	h := envelope.Header{
		V: envelope.Version, ID: fairlead.NewShareID(), Kind: e.Kind, Status: fairlead.StatusActual, From: envelope.From{Agency: e.From.Agency, Role: e.Role, User: e.User},
		To: envelope.To{Agency: fairlead.AgencyID(e.To[0]), User: e.Named}, SentAt: fairlead.At(at), ValidUntil: fairlead.At(at.Add(time.Hour)), Purpose: e.Purpose,
		Threshold: e.Threshold, S16LA: e.S16LA, Told: e.Told, TLP: e.TLP, GSC: e.GSC, Urgency: e.Urgency, Severity: e.Severity, Certainty: e.Certainty, Facts: e.Facts,
		Record: envelope.RecordDigest(record), Sections: make([]fairlead.Digest, 16),
	}
	if e.Basis != nil {
		h.Basis = &envelope.Basis{Art6: e.Basis.Art6, Annex1: e.Basis.Annex1, Gateways: e.Basis.Gateways, Cite: e.Basis.Cite}
	}
	if _, err := envelope.ParseHeader(encode(t, h)); err != nil {
		t.Errorf("%s: %v", e.Kind, err)
	}
	var ds []*envelope.Descriptor
	for _, s := range e.Sections {
		ds = append(ds, &envelope.Descriptor{
			Audience: envelope.ForRecipient, Code: s.Code, Essential: s.Essential, Art9: s.Art9, Sch1: s.Sch1, P18: s.P18, Art10: s.Art10, Caveats: s.Caveats, Siena: s.Siena, Grade: s.Grade,
		})
	}
	if e.Child != "" {
		ds = append(ds, &envelope.Descriptor{Audience: envelope.ForHub, Subject: "0123456789abcdef0123456789abcdef"})
	}
	facts := policy.Facts{Law: law.Default(), Loaded: true, Sender: &policy.Agency{ID: e.From.Agency, Type: e.From.Type, Jurisdiction: e.From.Jurisdiction}, Recipient: &policy.Agency{ID: h.To.Agency, Type: fairlead.TypeLA, Jurisdiction: "GB-ENG"}}
	if e.Reason != "" {
		ds = append(ds, &envelope.Descriptor{Audience: envelope.ForHub, Reason: e.Reason})
	}
	if e.Supersedes != "" {
		facts.Superseded = &policy.Prior{From: e.From.Agency, To: h.To.Agency, Kind: "assessment.share", Delivered: true}
	}
	if e.Kind == "alert.cancel" {
		facts.Answered = &policy.Prior{From: e.From.Agency, To: h.To.Agency, Kind: "alert.missing", Delivered: true}
	} else if e.Answers != "" {
		facts.Answered = &policy.Prior{From: h.To.Agency, To: e.From.Agency, Kind: "alert.missing", Delivered: true, Ack: fairlead.AckAccepted}
	}
	return policy.Decide(policy.Request{Header: &h, Descriptors: ds, Record: record}, facts, at)
}

// TestRequired takes every member away that a schema requires, one at a time, from contents, records and
// facts of the examples: each must be missed. What no example has is named.
func TestRequired(t *testing.T) {
	set, list := examples(t)
	tried := map[string]bool{}
	for _, k := range set.Kinds() {
		e := list[k.Code]
		for _, s := range e.Sections {
			compiled, err := set.Compiled(k.Code, s.Code)
			if err != nil {
				t.Fatal(err)
			}
			remove(t, compiled, e.Contents[s.File], tried, func(doc any) error { return set.Section(k.Code, s.Code, encode(t, doc)) })
		}
		if k.Record != nil && k.Record.Schema != nil {
			record := at(t, "kinds/"+k.Code+".json#/record/schema")
			if err := record.Validate(plain(t, e.Record)); err != nil {
				t.Errorf("%s: record: %v", k.Code, err)
			}
			remove(t, record, e.Record, tried, record.Validate)
		}
		facts := at(t, "facts.json#/$defs/"+k.Code)
		if err := facts.Validate(plain(t, e.Facts)); err != nil {
			t.Errorf("%s: facts: %v", k.Code, err)
		}
		remove(t, facts, e.Facts, tried, facts.Validate)
	}
	if len(tried) < 300 {
		t.Errorf("only %d members were taken away", len(tried))
	}
	for _, code := range fairlead.Sections {
		for _, k := range set.Kinds() {
			compiled, err := set.Compiled(k.Code, code)
			if err != nil {
				t.Fatal(err)
			}
			for _, place := range demands(compiled, map[string]bool{}) {
				if !tried[place] {
					t.Errorf("no example has %s", place)
				}
			}
		}
	}
}

func at(t *testing.T, place string) *jsonschema.Schema {
	t.Helper()
	s, err := schema.At(place)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// remove tries doc without each member that s requires of it.
func remove(t *testing.T, s *jsonschema.Schema, doc any, tried map[string]bool, check func(any) error) {
	t.Helper()
	doc = plain(t, doc)
	for _, m := range required(s, doc) {
		owner := m.owner
		value := owner[m.name]
		delete(owner, m.name)
		if check(doc) == nil {
			t.Errorf("%s is not missed", m.place)
		}
		owner[m.name] = value
		tried[m.place] = true
	}
}

// wanted is a member that a schema requires of an object, and where the schema says so.
type wanted struct {
	owner       map[string]any
	name, place string
}

// required walks a document along its schema. Of alternatives, those are followed that alone hold.
func required(s *jsonschema.Schema, v any) (list []wanted) {
	for _, part := range parts(s, v) {
		list = append(list, required(part, v)...)
	}
	switch v := v.(type) {
	case map[string]any:
		for _, name := range s.Required {
			list = append(list, wanted{v, name, s.Location + " " + name})
		}
		for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
			if inner, ok := v[name]; ok {
				list = append(list, required(s.Properties[name], inner)...)
			}
		}
	case []any:
		for _, inner := range v {
			if s.Items2020 != nil {
				list = append(list, required(s.Items2020, inner)...)
			}
		}
	}
	return list
}

// parts are the schemas that s applies to v itself.
func parts(s *jsonschema.Schema, v any) (list []*jsonschema.Schema) {
	if s.Ref != nil {
		list = append(list, s.Ref)
	}
	list = append(list, s.AllOf...)
	for _, ways := range [][]*jsonschema.Schema{s.AnyOf, s.OneOf} {
		held := slices.DeleteFunc(slices.Clone(ways), func(way *jsonschema.Schema) bool { return way.Validate(v) != nil })
		if len(held) == 1 {
			list = append(list, held[0])
		}
	}
	if s.If != nil {
		branch := s.Else
		if s.If.Validate(v) == nil {
			branch = s.Then
		}
		if branch != nil {
			list = append(list, branch)
		}
	}
	return list
}

// demands lists every required member below s, but for alternatives and conditions.
func demands(s *jsonschema.Schema, seen map[string]bool) (list []string) {
	if s == nil || seen[s.Location] {
		return nil
	}
	seen[s.Location] = true
	for _, name := range s.Required {
		list = append(list, s.Location+" "+name)
	}
	list = append(list, demands(s.Ref, seen)...)
	list = append(list, demands(s.Items2020, seen)...)
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		list = append(list, demands(s.Properties[name], seen)...)
	}
	return list
}

func encode(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// plain is v as readers of JSON see it; nothing is an empty object.
func plain(t *testing.T, v any) (out any) {
	t.Helper()
	if err := json.Unmarshal(encode(t, v), &out); err != nil {
		t.Fatal(err)
	}
	if out == nil {
		return map[string]any{}
	}
	return out
}
