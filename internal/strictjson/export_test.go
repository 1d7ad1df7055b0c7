package strictjson

import "reflect"

// Library reads by the standard library alone.
var Library = library

// Read reports whether this package's own reader knows a document; v points to a zero value.
func Read(b []byte, v any) bool { return read(b, reflect.ValueOf(v)) }
