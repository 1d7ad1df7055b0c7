package hubtest

import (
	"slices"
	"testing"
	"time"

	"fairlead/internal/registry"
)

// TestRetention: when the period that the operator has set is over, and not before, details go by an entry that
// names class and range; what the register stands on stays.
func TestRetention(t *testing.T) {
	t.Parallel()
	w := New(t, Config{})
	s := w.send(t, Alder, DraftAssessment(Birch, Section("EDU", `{"n":1}`)))
	if err := w.Hub.SetRules(within(t), registry.Rules{HeaderDays: 30}); err != nil {
		t.Fatal(err)
	}
	made := w.lines(t)[s.Index].Leaf.At
	erased := func() (list []int64) {
		w.settle(t)
		for i, l := range w.lines(t) {
			if l.Erased {
				list = append(list, int64(i))
			}
		}
		return list
	}
	w.Clock.Set(made.AddDate(0, 0, 30).Add(-time.Minute))
	if list := erased(); len(list) > 0 {
		t.Fatalf("erased %v a minute too early", list)
	}
	w.Clock.Set(made.AddDate(0, 0, 31)) // the worker runs once a day
	w.until(t, func() bool { return slices.Contains(erased(), s.Index) })
	list := erased()
	var orders []registry.Detail
	for _, l := range w.lines(t) {
		if l.Detail.Register == nil || l.Detail.Register.Action != registry.Erase {
			continue
		}
		e, err := registry.ParseErasing(l.Detail.Register.Record)
		if err != nil || e.Class != registry.RetentionHeader || e.Reason != "retention" {
			t.Errorf("%+v %v", e, err)
		}
		orders = append(orders, e.Details...)
	}
	if len(orders) != len(list) {
		t.Errorf("erased %v, ordered %v", list, orders)
	}
	if err := w.Reopen(within(t)); err != nil {
		t.Fatal(err)
	}
	w.send(t, Alder, DraftAssessment(Birch, Section("EDU", `{"n":2}`))) // under the agreement, which stays
}
