package broker

import (
	"bytes"
	"reflect"
	"slices"
	"strings"
	"testing"

	"fairlead/internal/dump"
	"fairlead/internal/fairlead"
	"fairlead/internal/tlog"
)

// TestStateIsWhole: every field of a state comes back, and every field of a Broker is kept in one, or it is said why not.
func TestStateIsWhole(t *testing.T) {
	full := &state{
		told: tlog.Tree{N: 1, Hash: tlog.Hash{2}}, proofs: []owed{{"on", 3}}, held: map[fairlead.ShareID]uint64{fairlead.NewShareID(): 4},
		payloads: map[int64]payload{5: {6, "A", 7}}, buriedAt: marks{8}, erasing: []uint64{9},
	}
	apart := []string{"bound", "last", "snap"} // what it is bound to, and the register, which has a test of its own
	var b bytes.Buffer
	w, got := dump.NewWriter(&b), &state{}
	full.code(w)
	if err := w.End(); err != nil {
		t.Fatal(err)
	}
	r := dump.NewReader(&b)
	got.code(r)
	if err := r.End(); err != nil || !reflect.DeepEqual(got, full) {
		t.Errorf("%+v %v\nwas %+v", got, err, full)
	}
	for i := range reflect.TypeFor[state]().NumField() {
		if f := reflect.TypeFor[state]().Field(i); reflect.ValueOf(full).Elem().Field(i).IsZero() != slices.Contains(apart, f.Name) {
			t.Errorf("%s says nothing: the test looks at nothing", f.Name)
		}
	}
	p := reflect.ValueOf(full.payloads[5])
	for i := range p.NumField() {
		if p.Field(i).IsZero() {
			t.Errorf("a payload's %s says nothing", p.Type().Field(i).Name)
		}
	}

	kept := strings.Fields("snap seq head proofs held payloads buriedAt erasing inLedger last")
	files := strings.Fields("cfg shown tree details program keeper mu kept dropped steady")
	empty := strings.Fields("acts missing lost foretold wipes status")     // after a round, or at a start
	forgotten := strings.Fields("unread later cosigned retained emptying") // also by a start that folds the whole log
	all := slices.Concat(kept, files, empty, forgotten)
	for i := range reflect.TypeFor[Broker]().NumField() {
		if name := reflect.TypeFor[Broker]().Field(i).Name; !slices.Contains(all, name) {
			t.Errorf("Broker.%s: say whether it is kept", name)
		}
	}
}
