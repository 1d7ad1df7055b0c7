package registry_test

import (
	"encoding/json"
	"slices"
	"testing"

	"fairlead/internal/entry"
	"fairlead/internal/fairlead"
	"fairlead/internal/registry"
)

// FuzzEnrolment: whatever a record of an enrolment or of new keys is, nothing is taken but what its own request says,
// which its own key signed. Keys differ from process to process, so what is taken is so by an empty register.
func FuzzEnrolment(f *testing.F) {
	w := newRooted(f, "NOR-CSC", "RO-DIR")
	w.roots["SUF-CSC"] = slices.Repeat([]byte{5}, 32)
	first := w.asks("SUF-CSC", w.key("SUF-CSC"), func(q *registry.Request, _ *[]byte) { q.Again = false })
	first.Vouched = registry.Vouched{}
	again := w.asks("RO-DIR", w.key("RO-DIR"), nil)
	for _, a := range []*registry.Agency{first, again, w.snap.Agency("NOR-CSC")} {
		f.Add(asJSON(a))
		named, removed := *a, *a
		named.Name, removed.Removed = "Another", true
		f.Add(asJSON(named))
		f.Add(asJSON(removed))
	}
	f.Add([]byte(`{"id":"SUF-CSC","request":"e30="}`))
	f.Fuzz(func(t *testing.T, record []byte) {
		for _, base := range []*registry.Snapshot{registry.New(), w.snap} {
			for _, action := range []string{"enrol", registry.Reenrol} {
				d := &entry.Detail{Register: &entry.Register{Action: action, Record: record}}
				next, err := base.Fold(entry.Leaf{Class: entry.ClassRegister, Outcome: entry.OutcomeControl, At: w.at}, d)
				if err != nil {
					continue
				}
				a, err := registry.ParseAgency(record)
				if err != nil {
					t.Fatalf("taken, and cannot be read: %v", err)
				}
				takes(t, next.Agency(a.ID))
			}
		}
	})
}

// takes holds what the register says of an agency against the agency's own request.
func takes(t *testing.T, a *registry.Agency) {
	t.Helper()
	var r registry.Request
	if err := json.Unmarshal(a.Request, &r); err != nil {
		t.Fatal(err)
	}
	if a.Name != r.Name || a.User != r.User || a.Root != r.Root || a.Type != r.Type || a.Jurisdiction != r.Jurisdiction || a.Removed || a.Suspended {
		t.Fatalf("the register says %+v of %s", a, a.Request)
	}
}

// FuzzRequest: a request file is read or refused; what reviews well does so no more with one bit of it changed.
func FuzzRequest(f *testing.F) {
	w := newRooted(f, "NOR-CSC")
	a := w.asks("NOR-CSC", w.key("NOR-CSC"), nil)
	f.Add(a.Request, a.Signature, a.RootSignature, uint(9))
	bare := w.asks("NOR-CSC", w.key("NOR-CSC"), func(q *registry.Request, _ *[]byte) { q.Root, q.Again = "", false })
	f.Add(bare.Request, bare.Signature, []byte{}, uint(30*8)) // a letter of its name
	f.Add([]byte(`{}`), a.Signature, a.RootSignature, uint(0))
	f.Fuzz(func(t *testing.T, request, signature, root []byte, bit uint) {
		s := registry.SignedRequest{Request: request, Signature: signature, RootSignature: root}
		r, _, err := s.Review(w.at)
		if err != nil {
			return
		}
		if r.Agency == fairlead.Hub || r.Agency.Check() != nil {
			t.Fatalf("it reviews well for %q", r.Agency)
		}
		s.Request = slices.Clone(request)
		s.Request[bit/8%uint(len(request))] ^= 1 << (bit % 8)
		if _, _, err := s.Review(w.at); err == nil {
			t.Fatalf("it reviews as well with bit %d changed", bit)
		}
	})
}
