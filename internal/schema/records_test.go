package schema_test

import (
	"encoding"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"fairlead/internal/agreement"
	"fairlead/internal/consent"
	"fairlead/internal/policy"
	"fairlead/internal/registry"
	"fairlead/internal/staff"
)

// TestRecordsAreTheCode: the records that the code reads have the members that the data says, at every
// level.
func TestRecordsAreTheCode(t *testing.T) {
	for place, code := range map[string]any{
		"agreement.proposal.json#/record/schema":       agreement.Agreement{},
		"agreement.signature.json#/record/schema":      agreement.Signature{},
		"agreement.status.json#/record/schema/oneOf/0": agreement.Status{},
		"agreement.status.json#/record/schema/oneOf/1": registry.Announcement{},
		"consent.record.json#/record/schema":           consent.Record{},
		"consent.withdraw.json#/record/schema/oneOf/0": consent.Withdrawal{},
		"consent.withdraw.json#/record/schema/oneOf/1": registry.Stop{},
		"onward.permission.json#/record/schema":        policy.Grant{},
		"training.record.json#/record/schema":          staff.Training{},
		"approval.json#/record/schema":                 staff.Approval{},
		"log.alarm.json#/record/schema":                policy.Report{},
		"staff.record.json#/record/schema":             staff.Member{},
		"agency.rules.json#/record/schema":             agreement.House{},
		"ack.json#/record/schema":                      registry.DeliveredAck{},
	} {
		ours, theirs := fields(reflect.TypeOf(code)), properties(at(t, "kinds/"+place))
		slices.Sort(ours)
		slices.Sort(theirs)
		if !slices.Equal(ours, theirs) {
			t.Errorf("%s: the code has %v, the data %v", place, ours, theirs)
		}
	}
}

var asText = reflect.TypeFor[encoding.TextMarshaler]()

// fields are the JSON names of a struct, with those of the structs in it; a type within itself is not
// entered again.
func fields(t reflect.Type, within ...reflect.Type) (list []string) {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || t.Implements(asText) || slices.Contains(within, t) {
		return nil
	}
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" {
			continue
		}
		list = append(list, name)
		for _, inner := range fields(f.Type, append(within, t)...) {
			list = append(list, name+"."+inner)
		}
	}
	return list
}

// properties are the names that a schema gives to members, with those of the objects in it.
func properties(s *jsonschema.Schema, within ...*jsonschema.Schema) (list []string) {
	switch {
	case s == nil, slices.Contains(within, s):
		return nil
	case s.Ref != nil:
		return properties(s.Ref, within...)
	case s.Items2020 != nil:
		return properties(s.Items2020, within...)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		list = append(list, name)
		for _, inner := range properties(s.Properties[name], append(within, s)...) {
			list = append(list, name+"."+inner)
		}
	}
	return list
}
