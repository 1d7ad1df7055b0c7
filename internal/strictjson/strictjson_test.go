package strictjson_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"fairlead/internal/strictjson"
)

// doc is a document of the kind this package is for: lower-case names, nesting, numbers, text.
type doc struct {
	Name  string         `json:"name"`
	Count int            `json:"count"`
	Inner *doc           `json:"inner"`
	List  []doc          `json:"list"`
	Facts map[string]any `json:"facts"`
}

func TestAccepts(t *testing.T) {
	for name, text := range map[string]string{
		"all members":     `{"name":"a","count":1,"inner":{"name":"b"},"list":[{"count":2}],"facts":{"x_1":true}}`,
		"white space":     " {\n\t\"name\" : \"a\" } \r\n",
		"empty object":    `{}`,
		"escaped letters": `{"name":"\u00e9 \"a\\"}`,
		"text like JSON":  `{"name":"{\"name\":[","facts":{"name":"}"}}`,
		"depth 12":        `{"facts":{"a":` + strings.Repeat(`[`, 11) + strings.Repeat(`]`, 11) + `}}`,
	} {
		t.Run(name, func(t *testing.T) {
			var ours, theirs doc
			if err := strictjson.Unmarshal([]byte(text), &ours); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal([]byte(text), &theirs); err != nil || !reflect.DeepEqual(ours, theirs) {
				t.Errorf("read %+v, the library reads %+v (%v)", ours, theirs, err)
			}
		})
	}
}

func TestRefuses(t *testing.T) {
	for name, test := range map[string]struct{ text, says string }{
		"unknown member":               {`{"nome":"a"}`, "nome"},
		"unknown member inside":        {`{"inner":{"list":[{"nome":1}]}}`, "nome"},
		"member twice":                 {`{"name":"a","name":"a"}`, `"name" stands twice`},
		"member twice inside":          {`{"list":[{"count":1,"count":2}]}`, `"count" stands twice`},
		"member twice in a map":        {`{"facts":{"x":1,"x":1}}`, `"x" stands twice`},
		"a name that is escaped":       {`{"n\u0061me":"b"}`, "not lower-case"},
		"more members than are read":   {many(1001), "more than 1000 members"},
		"upper case":                   {`{"Name":"a"}`, "not lower-case"},
		"upper case inside":            {`{"inner":{"NAME":"a"}}`, "not lower-case"},
		"upper case in a map":          {`{"facts":{"X":1}}`, "not lower-case"},
		"the Kelvin sign folds to k":   {`{"facts":{"` + "\u212a" + `":1}}`, "not lower-case"},
		"member without a name":        {`{"":1}`, "not lower-case"},
		"long name":                    {`{"` + strings.Repeat("a", 41) + `":1}`, "not lower-case"},
		"data after":                   {`{"name":"a"} {}`, "after the document"},
		"garbage after":                {`{"name":"a"}x`, "after the document"},
		"NUL after":                    {"{}\x00", "after the document"},
		"depth 13":                     {`{"facts":{"a":` + strings.Repeat(`[`, 12) + strings.Repeat(`]`, 12) + `}}`, "deeper than 12"},
		"depth of a bomb":              {strings.Repeat(`[`, 1<<20), "deeper than 12"},
		"nothing":                      {``, "EOF"},
		"cut off":                      {`{"name":"a"`, "EOF"},
		"no quotes":                    {`{name:"a"}`, "byte"},
		"comma at the end":             {`{"name":"a",}`, "byte"},
		"comment":                      {`{"name":"a"/* b */}`, "byte"},
		"wrong type":                   {`{"count":"1"}`, "string"},
		"fraction where a count goes":  {`{"count":1.0}`, "number"},
		"NaN":                          {`{"count":NaN}`, "byte"},
		"byte order mark":              {"\xef\xbb\xbf{}", "byte"},
		"not UTF-8":                    {"{\"name\":\"\xff\"}", "UTF-8"},
		"half a character":             {"{\"name\":\"\xc3\"}", "UTF-8"},
		"a surrogate written as UTF-8": {"{\"name\":\"\xed\xa0\x80\"}", "UTF-8"},
	} {
		t.Run(name, func(t *testing.T) {
			err := strictjson.Unmarshal([]byte(test.text), new(doc))
			if !errors.Is(err, strictjson.ErrStrict) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, want ErrStrict that says %q", err, test.says)
			}
		})
	}
}

// many is an object of a map with n members.
func many(n int) string {
	var members []string
	for i := range n {
		members = append(members, fmt.Sprintf(`"x%d":1`, i))
	}
	return `{"facts":{` + strings.Join(members, ",") + `}}`
}

// BenchmarkUnmarshal: what strictness costs beside the library's own reading.
func BenchmarkUnmarshal(b *testing.B) {
	text := []byte(`{"name":"a","list":[` + strings.Repeat(`{"name":"`+strings.Repeat("text ", 20)+`","count":7},`, 30) + `{}]}`)
	var library time.Duration
	for b.Loop() {
		if err := strictjson.Unmarshal(text, new(doc)); err != nil {
			b.Fatal(err)
		}
		start := time.Now()
		if err := json.Unmarshal(text, new(doc)); err != nil {
			b.Fatal(err)
		}
		library += time.Since(start)
	}
	b.ReportMetric(float64(b.Elapsed()-library)/float64(library), "of-library")
}

// TestErrorsAreShort: errors go into verdicts and logs, so they must not carry a value with them.
func TestErrorsAreShort(t *testing.T) {
	for name, text := range map[string]string{
		"number":  `{"count":` + strings.Repeat("7", 1000) + `}`,
		"text":    `{"count":"` + strings.Repeat("secret ", 1000) + `"}`,
		"name":    `{"` + strings.Repeat("secret", 1000) + `":1}`,
		"unknown": `{"` + strings.Repeat("s", 40) + `":"` + strings.Repeat("secret ", 1000) + `"}`,
	} {
		err := strictjson.Unmarshal([]byte(text), new(doc))
		if err == nil || len(err.Error()) > 250 || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzUnmarshal: what is accepted is what the library reads, and says the same when it is written and
// read again; so no reader of the standard library can see another document.
func FuzzUnmarshal(f *testing.F) {
	for _, seed := range []string{
		`{"name":"a","count":1,"inner":{},"list":[{}],"facts":{"x":[1,"\ud800",null]}}`, `null`, `{"a":1,"a":2}`, `[`, `{"Name":1}`, "{}\n{}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var ours, theirs, again doc
		if strictjson.Unmarshal(b, &ours) != nil {
			return
		}
		if err := json.Unmarshal(b, &theirs); err != nil || !reflect.DeepEqual(ours, theirs) {
			t.Fatalf("accepted %q, the library reads %+v (%v)", b, theirs, err)
		}
		out, err := json.Marshal(ours)
		if err != nil {
			t.Fatal(err)
		}
		if err := strictjson.Unmarshal(out, &again); err != nil || !reflect.DeepEqual(ours, again) {
			t.Fatalf("%q comes back as %+v (%v)", out, again, err)
		}
	})
}
