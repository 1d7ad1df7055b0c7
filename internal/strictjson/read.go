package strictjson

import (
	"encoding"
	"encoding/base64"
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// reader reads a document in one pass, in the form that our own programs write it: no escapes, no fractions. It
// holds every rule of this package, and where it does not know it gives up: then the library reads, or says what
// is wrong. So it never accepts what the library would not, and only ever saves time.
type reader struct {
	b     []byte
	i     int
	depth int
}

// plan reads a value of one type into a zero v; false: it does not know.
type plan func(r *reader, v reflect.Value) bool

// plans keeps the plan of each type once it is made.
var plans sync.Map

// read reads a whole document; v points to a zero value.
func read(b []byte, v reflect.Value) bool {
	r := reader{b: b}
	return planOf(v.Type().Elem())(&r, v.Elem()) && r.next() == 0 && r.i == len(b)
}

func planOf(t reflect.Type) plan {
	if p, ok := plans.Load(t); ok {
		return p.(plan)
	}
	p, _ := plans.LoadOrStore(t, makePlan(t))
	return p.(plan)
}

var (
	ofRaw         = reflect.TypeFor[json.RawMessage]()
	ofNumber      = reflect.TypeFor[json.Number]()
	ofUnmarshaler = reflect.TypeFor[json.Unmarshaler]()
	ofText        = reflect.TypeFor[encoding.TextUnmarshaler]()
)

func makePlan(t reflect.Type) plan {
	switch p := reflect.PointerTo(t); {
	case t == ofRaw:
		return readRaw
	case t == ofNumber:
		return giveUp
	case p.Implements(ofUnmarshaler):
		return readUnmarshaler
	case p.Implements(ofText):
		return readText
	}
	switch t.Kind() {
	case reflect.String:
		return readString
	case reflect.Bool:
		return readBool
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return readInt
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return readUint
	case reflect.Pointer:
		return pointerPlan(t)
	case reflect.Slice:
		return slicePlan(t)
	case reflect.Map:
		return mapPlan(t)
	case reflect.Struct:
		return structPlan(t)
	}
	return giveUp
}

func giveUp(*reader, reflect.Value) bool { return false }

// next skips white space and shows the byte there; 0 at the end.
func (r *reader) next() byte {
	for ; r.i < len(r.b); r.i++ {
		switch c := r.b[r.i]; c {
		case ' ', '\t', '\r', '\n':
		default:
			return c
		}
	}
	return 0
}

// take reads one byte after white space, if it is this one.
func (r *reader) take(c byte) bool {
	if r.next() != c {
		return false
	}
	r.i++
	return true
}

// word reads a literal, if it is this one.
func (r *reader) word(w string) bool {
	r.next()
	if !strings.HasPrefix(string(r.b[r.i:min(r.i+len(w), len(r.b))]), w) {
		return false
	}
	r.i += len(w)
	return true
}

// text reads a string without escapes, as it stands.
func (r *reader) text() ([]byte, bool) {
	if !r.take('"') {
		return nil, false
	}
	for from := r.i; r.i < len(r.b); r.i++ {
		switch c := r.b[r.i]; {
		case c == '"':
			r.i++
			return r.b[from : r.i-1], true
		case c == '\\' || c < ' ':
			return nil, false
		}
	}
	return nil, false
}

// number reads a whole number, as it stands.
func (r *reader) number() (string, bool) {
	r.next()
	from := r.i
	if r.i < len(r.b) && r.b[r.i] == '-' {
		r.i++
	}
	digits := r.i
	for r.i < len(r.b) && '0' <= r.b[r.i] && r.b[r.i] <= '9' {
		r.i++
	}
	if r.i == digits || r.b[digits] == '0' && r.i > digits+1 || r.i < len(r.b) && strings.IndexByte(".eE", r.b[r.i]) >= 0 {
		return "", false
	}
	return string(r.b[from:r.i]), true
}

// list calls f for each item between two brackets.
func (r *reader) list(open, end byte, f func() bool) bool {
	if r.depth == maxDepth || !r.take(open) {
		return false
	}
	r.depth++
	for more := !r.take(end); more; more = r.take(',') {
		if !f() {
			return false
		}
		if r.next() == end {
			r.i++
			break
		}
		if r.next() != ',' {
			return false
		}
	}
	r.depth--
	return true
}

// members calls f for each member of an object, with its name and before its value.
func (r *reader) members(f func(name []byte) bool) bool {
	return r.list('{', '}', func() bool {
		name, ok := r.text()
		return ok && plain(name) && r.take(':') && f(name)
	})
}

// value reads a value of any form.
func (r *reader) value() bool {
	switch c := r.next(); c {
	case '{':
		var l level
		return r.members(func(name []byte) bool { return l.add(name, r.i) == nil && r.value() })
	case '[':
		return r.list('[', ']', r.value)
	case '"':
		_, ok := r.text()
		return ok
	case 't', 'f', 'n':
		return r.word("true") || r.word("false") || r.word("null")
	}
	_, ok := r.number()
	return ok
}

// raw reads a value of any form and returns its bytes.
func (r *reader) raw() ([]byte, bool) {
	r.next()
	from := r.i
	ok := r.value()
	return r.b[from:r.i], ok
}

func readRaw(r *reader, v reflect.Value) bool {
	b, ok := r.raw()
	v.SetBytes(slices.Clone(b))
	return ok
}

func readUnmarshaler(r *reader, v reflect.Value) bool {
	b, ok := r.raw()
	return ok && string(b) != "null" && v.Addr().Interface().(json.Unmarshaler).UnmarshalJSON(b) == nil
}

func readText(r *reader, v reflect.Value) bool {
	b, ok := r.text()
	return ok && v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText(b) == nil
}

func readString(r *reader, v reflect.Value) bool {
	b, ok := r.text()
	v.SetString(string(b))
	return ok
}

func readBool(r *reader, v reflect.Value) bool {
	yes := r.word("true")
	v.SetBool(yes)
	return yes || r.word("false")
}

func readInt(r *reader, v reflect.Value) bool {
	text, ok := r.number()
	n, err := strconv.ParseInt(text, 10, v.Type().Bits())
	v.SetInt(n)
	return ok && err == nil
}

func readUint(r *reader, v reflect.Value) bool {
	text, ok := r.number()
	n, err := strconv.ParseUint(text, 10, v.Type().Bits())
	v.SetUint(n)
	return ok && err == nil
}

func readBytes(r *reader, v reflect.Value) bool {
	if r.word("null") {
		return true
	}
	text, ok := r.text()
	b := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	n, err := base64.StdEncoding.Decode(b, text)
	v.SetBytes(b[:n])
	return ok && err == nil
}

func pointerPlan(t reflect.Type) plan {
	to := sync.OnceValue(func() plan { return planOf(t.Elem()) }) // later: a type may point to itself
	return func(r *reader, v reflect.Value) bool {
		if r.word("null") {
			return true
		}
		v.Set(reflect.New(t.Elem()))
		return to()(r, v.Elem())
	}
}

func slicePlan(t reflect.Type) plan {
	if t.Elem().Kind() == reflect.Uint8 {
		return readBytes
	}
	item := sync.OnceValue(func() plan { return planOf(t.Elem()) })
	return func(r *reader, v reflect.Value) bool {
		if r.word("null") {
			return true
		}
		n := 0
		ok := r.list('[', ']', func() bool {
			if n == v.Cap() {
				v.Grow(max(n, 4))
			}
			n++
			v.SetLen(n)
			return item()(r, v.Index(n-1))
		})
		if n == 0 {
			v.Set(reflect.MakeSlice(t, 0, 0))
		}
		return ok
	}
}

func mapPlan(t reflect.Type) plan {
	if t.Key().Kind() != reflect.String || reflect.PointerTo(t.Key()).Implements(ofText) {
		return giveUp
	}
	item := sync.OnceValue(func() plan { return planOf(t.Elem()) })
	return func(r *reader, v reflect.Value) bool {
		if r.word("null") {
			return true
		}
		v.Set(reflect.MakeMap(t))
		return r.members(func(name []byte) bool {
			key, to := reflect.ValueOf(string(name)).Convert(t.Key()), reflect.New(t.Elem()).Elem()
			if v.MapIndex(key).IsValid() || v.Len() == maxMembers || !item()(r, to) {
				return false
			}
			v.SetMapIndex(key, to)
			return true
		})
	}
}

// member is a field that a document names.
type member struct {
	name  string
	index []int
	read  plan
}

func structPlan(t reflect.Type) plan {
	fields, ok := membersOf(t)
	if !ok {
		return giveUp
	}
	return func(r *reader, v reflect.Value) bool {
		var seen uint64
		at := -1 // most documents have their members in the order of the fields
		return r.members(func(name []byte) bool {
			for range fields {
				if at = (at + 1) % len(fields); fields[at].name == string(name) {
					f, bit := &fields[at], uint64(1)<<at
					twice := seen&bit != 0
					seen |= bit
					return !twice && f.read(r, v.FieldByIndex(f.index))
				}
			}
			return false
		})
	}
}

// membersOf lists what a document may name of a struct; false: how the library would choose is too intricate.
func membersOf(t reflect.Type) (list []member, ok bool) {
	names := map[string]bool{}
	for _, f := range reflect.VisibleFields(t) {
		tag, tagged := f.Tag.Lookup("json")
		if f.Anonymous && !tagged && f.Type.Kind() == reflect.Struct { // its fields are in the list
			continue
		}
		if f.Anonymous {
			return nil, false
		}
		if !f.IsExported() || tag == "-" {
			continue
		}
		name, options, _ := strings.Cut(tag, ",")
		if !plain([]byte(name)) || names[name] || strings.Contains(options, "string") {
			return nil, false
		}
		names[name] = true
		list = append(list, member{name, f.Index, planOf(f.Type)})
	}
	return list, len(list) <= 64
}
