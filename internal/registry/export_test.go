package registry

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"
	"unsafe"

	"fairlead/internal/fairlead"
	"fairlead/internal/keyring"
)

// Differs says in what two registers differ of what entries of shares change; "" where they do not.
func Differs(a, b *Snapshot) string {
	for what, pair := range map[string][2]any{
		"shares": {a.shares, b.shares}, "held": {a.held, b.held}, "counters": {a.counters, b.counters}, "heard": {a.heard, b.heard},
		"senders": {a.senders, b.senders}, "marked": {a.marked, b.marked}, "approvals": {a.approvals, b.approvals}, "stops": {len(a.stops), len(b.stops)},
		"relied": {a.relied.lists(), b.relied.lists()}, "blanks": {a.blanks, b.blanks}, "emptied": {a.emptied, b.emptied}, "heardBy": {a.heardBy, b.heardBy}, "last": {a.last, b.last}, "size": {a.size, b.size},
	} {
		if !reflect.DeepEqual(pair[0], pair[1]) {
			return fmt.Sprintf("%s: %+v, %+v", what, pair[0], pair[1])
		}
	}
	return ""
}

// lists are the values that are not empty.
func (t trie[V]) lists() (list []V) {
	for l := range t.root.all() {
		if !reflect.ValueOf(l.val).IsZero() {
			list = append(list, l.val)
		}
	}
	return list
}

// Filled is a Snapshot of which every field, and every field of those, says something; what is not to be made up
// (certificates, what waits) is that of a real one.
func Filled(of *Snapshot) *Snapshot {
	s := &Snapshot{}
	(&filler{}).fill(reflect.ValueOf(s).Elem())
	s.ring, s.held = of.ring, of.held
	for id := range of.agencies {
		s.former = map[fairlead.AgencyID][]former{id: {{of.Certificate(id), 7}}}
	}
	a := slices.Collect(maps.Values(s.agencies))[0]
	s.agencies, s.accounts = map[fairlead.AgencyID]*Agency{a.ID: a}, map[fairlead.Account]fairlead.AgencyID{a.Account: a.ID}
	s.agreements = agreements{}.with(s.agreements.list[0])
	first := s.relied.root.leaves[0].val
	last := *first
	first.before, last.share = &last, fairlead.NewShareID()
	return s
}

// filler gives values something to say, each something else.
type filler struct {
	n    int
	path []reflect.Type // of what it is in the middle of: a chain ends where it would begin again
}

func (f *filler) fill(v reflect.Value) {
	f.n++
	switch v.Type() {
	case reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(time.Unix(int64(f.n), 0).UTC()))
		return
	case reflect.TypeFor[fairlead.ShareID]():
		v.Set(reflect.ValueOf(fairlead.NewShareID()))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprint("s", f.n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(f.n))
	case reflect.Uint64, reflect.Uint8:
		v.SetUint(uint64(f.n)%250 + 1)
	case reflect.Array:
		for i := range v.Len() {
			f.fill(v.Index(i))
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		f.fill(v.Index(0))
	case reflect.Map:
		key, val := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		f.fill(key)
		f.fill(val)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, val)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		f.fill(v.Elem())
	case reflect.Struct:
		f.fields(v)
	default:
		panic("a field of kind " + v.Kind().String() + ": say how it is filled, and kept")
	}
}

func (f *filler) fields(v reflect.Value) {
	f.path = append(f.path, v.Type())
	defer func() { f.path = f.path[:len(f.path)-1] }()
	for i := range v.NumField() {
		t := v.Type().Field(i).Type
		again := (t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice) && slices.Contains(f.path, t.Elem())
		if v.Type().Field(i).Name == "kids" || again || t == reflect.TypeFor[*keyring.Ring]() || t == reflect.TypeFor[*keyring.Certificate]() || t == reflect.TypeFor[map[fairlead.ShareID]*heldShare]() {
			continue
		}
		f.fill(reflect.NewAt(t, unsafe.Pointer(v.Field(i).UnsafeAddr())).Elem()) //nolint:gosec // also what is not exported
	}
}

// Field is a field of a Snapshot by name.
func Field(s *Snapshot, name string) any {
	f := reflect.ValueOf(s).Elem().FieldByName(name)
	return reflect.NewAt(f.Type(), unsafe.Pointer(f.UnsafeAddr())).Elem().Interface() //nolint:gosec // not exported
}
