package strictjson_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"fairlead/internal/strictjson"
)

// every has a field of every type that a document of ours is read into, and of some that are left to the library.
type every struct {
	Text    string             `json:"text"`
	Code    code               `json:"code,omitempty"`
	Yes     bool               `json:"yes"`
	Small   int8               `json:"small"`
	Number  int64              `json:"number"`
	Count   uint16             `json:"count"`
	Bytes   []byte             `json:"bytes"`
	Parts   [][]byte           `json:"parts"`
	List    []string           `json:"list"`
	Inner   *every             `json:"inner"`
	Many    []every            `json:"many"`
	Facts   map[string]string  `json:"facts"`
	Inside  map[code]*every    `json:"inside"`
	Raw     json.RawMessage    `json:"raw"`
	Word    word               `json:"word"`
	Words   []word             `json:"words"`
	At      quoted             `json:"at"`
	Any     any                `json:"any"`
	Float   float64            `json:"float"`
	Literal json.Number        `json:"literal"`
	Flags   [2]bool            `json:"flags"`
	Stamp   *time.Time         `json:"stamp"`
	Floats  map[string]float64 `json:"floats"`
	embedded
}

type (
	code string
	// word reads itself from a text, quoted from a whole value.
	word   struct{ s string }
	quoted struct{ s string }
	// embedded is inside every, and its members stand beside the others.
	embedded struct {
		Deep string `json:"deep"`
	}
)

func (w *word) UnmarshalText(b []byte) error {
	if len(b) != 2 {
		return fmt.Errorf("want two letters")
	}
	w.s = string(b)
	return nil
}

func (q *quoted) UnmarshalJSON(b []byte) error {
	q.s = string(b)
	return nil
}

// plainDocuments are in the form that our own programs write.
var plainDocuments = []string{
	`{}`, ` { } `, `{"text":"a","code":"b","yes":true,"small":-128,"number":9223372036854775807,"count":65535}`,
	`{"bytes":"AAEC","parts":["","AA==",null],"list":[],"many":[{},{"text":"é"}],"inner":{"inner":{"yes":false}}}`,
	`{"facts":{"b":"1","a":"2"},"inside":{"x":{"number":-0}},"deep":"c"}`, `{"raw":{"x":[1,"a",null,true,{"y":0}]},"word":"ab","words":["cd","ef"],"at":"2027"}`,
	"{\n\t\"count\" : 0 ,\r\n\"list\" : [ \"a\" , \"b\" ] }", `{"inner":null,"many":null,"facts":null,"bytes":null}`,
}

// TestReadsPlainDocuments: they are read in one pass, and say what the library reads.
func TestReadsPlainDocuments(t *testing.T) {
	for _, text := range plainDocuments {
		var ours, theirs every
		if !strictjson.Read([]byte(text), &ours) {
			t.Errorf("%s is left to the library", text)
		}
		if err := strictjson.Library([]byte(text), &theirs); err != nil || !reflect.DeepEqual(ours, theirs) {
			t.Errorf("%s is read as %+v, the library reads %+v (%v)", text, ours, theirs, err)
		}
	}
}

// TestReadsItsOwnCopy: what was read does not change with the bytes it came from.
func TestReadsItsOwnCopy(t *testing.T) {
	b := []byte(`{"text":"a","raw":"b","bytes":"AAEC","facts":{"c":"d"}}`)
	var before, after every
	if !strictjson.Read(b, &before) || strictjson.Library(bytes.Clone(b), &after) != nil {
		t.Fatal("not read")
	}
	clear(b)
	if !reflect.DeepEqual(before, after) {
		t.Errorf("%+v", before)
	}
}

// These are structs in which the library's choice of a field is intricate: they are left to it.
type (
	untagged struct{ Text string }
	upper    struct {
		Text string `json:"Text"`
	}
	asText struct {
		Number int `json:"number,string"`
	}
	named struct {
		embedded `json:"named"`
	}
	rivals struct {
		Other string `json:"deep"`
		embedded
	}
	pointed struct{ *every }
)

func TestLeavesToTheLibrary(t *testing.T) {
	for _, test := range []struct {
		text string
		to   any
	}{
		{`{"text":"a"}`, new(untagged)},
		{`{"text":"a"}`, new(upper)},
		{`{"number":"1"}`, new(asText)},
		{`{"named":{"deep":"a"}}`, new(named)},
		{`{"deep":"a"}`, new(named)},
		{`{"deep":"a"}`, new(rivals)},
		{`{"text":"a"}`, new(pointed)},
		{`{"any":1}`, new(every)},
		{`{"float":1}`, new(every)},
		{`{"floats":{"a":1}}`, new(every)},
		{`{"literal":1}`, new(every)},
		{`{"flags":[true]}`, new(every)},
		{`{"number":1.0}`, new(every)},
		{`{"number":01}`, new(every)},
		{`{"small":128}`, new(every)},
		{`{"count":-1}`, new(every)},
		{`{"text":"\n"}`, new(every)},
		{"{\"text\":\"\n\"}", new(every)},
		{`{"text":null}`, new(every)},
		{`{"at":null}`, new(every)},
		{`{"word":"abc"}`, new(every)},
		{`{"bytes":"AAE"}`, new(every)},
		{`{"text":"a","text":"a"}`, new(every)},
		{`{"facts":{"a":"1","a":"1"}}`, new(every)},
		{`{"raw":{"a":1,"a":1}}`, new(every)},
		{`{"raw":{"A":1}}`, new(every)},
		{`{"facts":{"A":"1"}}`, new(every)},
		{`{"list":["a",]}`, new(every)},
		{`{"list":["a" "b"]}`, new(every)},
		{`{"list":[,"a"]}`, new(every)},
		{`{} {}`, new(every)},
		{"{}\x00", new(every)},
		{`{"raw":` + strings.Repeat("[", 12) + strings.Repeat("]", 12) + `}`, new(every)},
		{`{"text":"a"`, new(every)},
		{``, new(every)},
	} {
		if strictjson.Read([]byte(test.text), test.to) {
			t.Errorf("%s is read into %T without the library", test.text, test.to)
		}
	}
}

// TestFailedReadLeavesNothing: what our own reader had read before it gave up is not in what the library reads.
func TestFailedReadLeavesNothing(t *testing.T) {
	var v every
	if err := strictjson.Unmarshal([]byte(`{"facts":{"a":"1"},"list":["a"],"inner":{"yes":true},"float":1.5}`), &v); err != nil || v.Float != 1.5 || len(v.Facts) != 1 {
		t.Errorf("%+v %v", v, err)
	}
	if err := strictjson.Unmarshal([]byte(`{"text":"a","nome":1}`), &v); err == nil {
		t.Error("an unknown member is taken")
	}
}

// FuzzRead: what our own reader takes, the library takes, and both read the same.
func FuzzRead(f *testing.F) {
	for _, text := range plainDocuments {
		f.Add([]byte(text))
	}
	f.Add([]byte(`{"raw":[-1,{"a":"b"}],"floats":{"a":1},"any":[],"stamp":"2027-01-01T00:00:00Z"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var ours, theirs every
		if !strictjson.Read(b, &ours) || strictjson.Unmarshal(b, new(every)) != nil {
			return
		}
		if err := strictjson.Library(b, &theirs); err != nil || !reflect.DeepEqual(ours, theirs) {
			t.Fatalf("%q is read as %+v; the library: %+v %v", b, ours, theirs, err)
		}
	})
}
