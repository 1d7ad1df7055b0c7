package envelope_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"reflect"
	"testing"

	"fairlead/internal/envelope"
)

// TestFrameBytes is the wire format, to the byte.
func TestFrameBytes(t *testing.T) {
	got := envelope.Frame(envelope.TypeVerdict, []byte("ab"), nil, []byte("c"))
	want, err := hex.DecodeString("464c4401" + "03" + "0003" + "00000002" + "6162" + "00000000" + "00000001" + "63")
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("got %x, want %x (%v)", got, want, err)
	}
	for typ, number := range map[envelope.Type]byte{
		envelope.TypeShare: 1, envelope.TypeDelivery: 2, envelope.TypeVerdict: 3, envelope.TypeEntry: 4, envelope.TypeHead: 5, envelope.TypeProofs: 6, envelope.TypeReceipt: 7,
		envelope.TypeCosigned: 8,
	} {
		if envelope.Frame(typ)[4] != number {
			t.Errorf("type %d is %d on the wire", typ, number)
		}
	}
}

func TestParseFrame(t *testing.T) {
	whole := envelope.Frame(envelope.TypeHead, []byte("ab"), nil, []byte("c"))
	typ, parts, err := envelope.ParseFrame(whole)
	if err != nil || typ != envelope.TypeHead || len(parts) != 3 || string(parts[0]) != "ab" || len(parts[1]) != 0 || string(parts[2]) != "c" {
		t.Fatalf("%d %q %v", typ, parts, err)
	}
	if cap(parts[0]) != 2 {
		t.Error("appending to a part would write into the next")
	}
	for n := range whole {
		_, _, err := envelope.ParseFrame(whole[:n])
		has(t, err, envelope.ErrMalformed, "")
	}
	_, _, err = envelope.ParseFrame(append(bytes.Clone(whole), 0))
	has(t, err, envelope.ErrMalformed, "1 bytes after the last")
	for name, b := range map[string][]byte{
		"other magic":   append([]byte("FLE\x01"), whole[4:]...),
		"other version": append([]byte("FLD\x02"), whole[4:]...),
		"length 2³²-1":  append(append([]byte{}, whole[:7]...), 255, 255, 255, 255, 'a'),
		"65535 parts":   append(append([]byte{}, whole[:5]...), 255, 255),
	} {
		if _, _, err := envelope.ParseFrame(b); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// frames is one good frame of each type, and the parser that it belongs to.
func frames() map[string]struct {
	frame []byte
	parse func(b []byte) (any, error)
} {
	share := compose(`{"a":1}`, section("EDU", "school"))
	delivery := &envelope.Delivery{Index: 1 << 40, Leaf: []byte("leaf"), Salt: [16]byte{1, 2, 3}, Share: *share}
	type three struct {
		Index int64
		A, B  string
	}
	return map[string]struct {
		frame []byte
		parse func(b []byte) (any, error)
	}{
		"share":    {share.Marshal(), func(b []byte) (any, error) { return envelope.ParseShare(b) }},
		"delivery": {delivery.Marshal(), func(b []byte) (any, error) { return envelope.ParseDelivery(b) }},
		"verdict": {envelope.VerdictFrame(7, []byte("leaf"), []byte("verdict")), func(b []byte) (any, error) {
			i, leaf, v, err := envelope.ParseVerdictFrame(b)
			return three{i, string(leaf), string(v)}, err
		}},
		"entry": {envelope.EntryFrame(7, []byte("leaf"), []byte("detail")), func(b []byte) (any, error) {
			i, leaf, d, err := envelope.ParseEntryFrame(b)
			return three{i, string(leaf), string(d)}, err
		}},
		"head":     {envelope.HeadFrame([]byte("checkpoint")), func(b []byte) (any, error) { return envelope.ParseHeadFrame(b) }},
		"cosigned": {envelope.CosignedFrame([]byte("checkpoint")), func(b []byte) (any, error) { return envelope.ParseCosignedFrame(b) }},
		"proofs":   {envelope.ProofsFrame([]byte("one"), []byte("two")), func(b []byte) (any, error) { return envelope.ParseProofsFrame(b) }},
		"tomb":     {(&envelope.Tombstone{Index: 7, Leaf: []byte("leaf"), Order: 9, Sequence: 11}).Marshal(), func(b []byte) (any, error) { return envelope.ParseTombstone(b) }},
		"tombs": {(&envelope.Tombs{Order: 9, Ack: *compose(`{"a":1}`), Of: []envelope.Buried{{Index: 7, Leaf: []byte("leaf")}}}).Marshal(), func(b []byte) (any, error) {
			return envelope.ParseTombs(b)
		}},
		"gone": {envelope.GoneFrame(9, []uint64{11, 12}), func(b []byte) (any, error) {
			order, gone, err := envelope.ParseGoneFrame(b)
			return three{order, fmt.Sprint(gone), ""}, err
		}},
		"receipt": {envelope.ReceiptFrame(compose(`{"a":1}`)), func(b []byte) (any, error) { return envelope.ParseReceiptFrame(b) }},
	}
}

// TestFrameTypes: every parser reads its own type and no other.
func TestFrameTypes(t *testing.T) {
	for reader, r := range frames() {
		for name, f := range frames() {
			v, err := r.parse(f.frame)
			if (err == nil) != (reader == name) {
				t.Errorf("the parser of %s on a frame of %s: %v, %v", reader, name, v, err)
			}
			if err != nil {
				has(t, err, envelope.ErrMalformed, "frame of type")
			}
		}
	}
}

func TestFrameRoundTrips(t *testing.T) {
	share := compose(`{"a":1}`, section("EDU", "school"), section("RISK", "danger"))
	want := &envelope.Delivery{Index: 1 << 40, Leaf: []byte("leaf"), Salt: [16]byte{1, 2, 3}, Share: *share}
	if got, err := envelope.ParseDelivery(want.Marshal()); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("delivery comes back as %+v: %v", got, err)
	}
	i, leaf, verdict, err := envelope.ParseVerdictFrame(envelope.VerdictFrame(7, []byte("leaf"), []byte("v")))
	if err != nil || i != 7 || string(leaf) != "leaf" || string(verdict) != "v" {
		t.Errorf("verdict: %d %q %q %v", i, leaf, verdict, err)
	}
	proofs, err := envelope.ParseProofsFrame(envelope.ProofsFrame([]byte("one"), []byte("two")))
	if err != nil || fmt.Sprintf("%s", proofs) != "[one two]" {
		t.Errorf("proofs: %s %v", proofs, err)
	}
	receipt, err := envelope.ParseReceiptFrame(envelope.ReceiptFrame(share))
	if err != nil || !bytes.Equal(receipt.Header, share.Header) || len(receipt.Parts) != 0 {
		t.Errorf("a receipt is header, signature and record alone: %+v %v", receipt, err)
	}
	ack := *compose(`{"a":1}`)
	tombs := &envelope.Tombs{Order: 9, Ack: ack, Of: []envelope.Buried{{Index: 7, Leaf: []byte("leaf")}, {Index: 1 << 40, Leaf: []byte("other")}}}
	if got, err := envelope.ParseTombs(tombs.Marshal()); err != nil || !reflect.DeepEqual(got, tombs) {
		t.Errorf("tombstones come back as %+v: %v", got, err)
	}
	for i, stone := range append(tombs.Stones(), envelope.Tombstone{Index: 7, Leaf: []byte("leaf"), Order: 9, Sequence: 11}) {
		if got, err := envelope.ParseTombstone(stone.Marshal()); err != nil || !reflect.DeepEqual(*got, stone) || (got.Ack != nil) != (i < 2) {
			t.Errorf("a tombstone comes back as %+v: %v", got, err)
		}
	}
	if order, gone, err := envelope.ParseGoneFrame(envelope.GoneFrame(9, []uint64{11, 1 << 40})); err != nil || order != 9 || fmt.Sprint(gone) != "[11 1099511627776]" {
		t.Errorf("%d %v %v", order, gone, err)
	}
}

// TestFrameParts: frames of the right type whose parts are wrong.
func TestFrameParts(t *testing.T) {
	index, salt := make([]byte, 8), make([]byte, 16)
	negative := append([]byte{0x80}, make([]byte, 7)...)
	header, leaf := []byte("h"), []byte("l")
	for name, test := range map[string]struct {
		parse func(b []byte) (any, error)
		frame []byte
	}{
		"share without a record":              {frames()["share"].parse, envelope.Frame(envelope.TypeShare, header, nil)},
		"share with half a part":              {frames()["share"].parse, envelope.Frame(envelope.TypeShare, header, nil, nil, header)},
		"delivery without a share":            {frames()["delivery"].parse, envelope.Frame(envelope.TypeDelivery, index, leaf, salt)},
		"delivery with half a part":           {frames()["delivery"].parse, envelope.Frame(envelope.TypeDelivery, index, leaf, salt, header, nil, nil, header)},
		"delivery with a short salt":          {frames()["delivery"].parse, envelope.Frame(envelope.TypeDelivery, index, leaf, salt[:15], header, nil, nil)},
		"delivery with a short index":         {frames()["delivery"].parse, envelope.Frame(envelope.TypeDelivery, index[:7], leaf, salt, header, nil, nil)},
		"delivery with a negative index":      {frames()["delivery"].parse, envelope.Frame(envelope.TypeDelivery, negative, leaf, salt, header, nil, nil)},
		"verdict without the verdict":         {frames()["verdict"].parse, envelope.Frame(envelope.TypeVerdict, index, leaf)},
		"verdict with more":                   {frames()["verdict"].parse, envelope.Frame(envelope.TypeVerdict, index, leaf, header, nil)},
		"verdict with a negative index":       {frames()["verdict"].parse, envelope.Frame(envelope.TypeVerdict, negative, leaf, header)},
		"entry with an index of nine bytes":   {frames()["entry"].parse, envelope.Frame(envelope.TypeEntry, append(index, 0), leaf, header)},
		"head of two":                         {frames()["head"].parse, envelope.Frame(envelope.TypeHead, header, header)},
		"proofs of none":                      {frames()["proofs"].parse, envelope.Frame(envelope.TypeProofs)},
		"1001 proofs":                         {frames()["proofs"].parse, envelope.ProofsFrame(make([][]byte, 1001)...)},
		"tombstone with half an ack":          {frames()["tomb"].parse, envelope.Frame(envelope.TypeTomb, index, leaf, index, index, header, nil)},
		"tombstone with a section":            {frames()["tomb"].parse, envelope.Frame(envelope.TypeTomb, index, leaf, index, index, header, nil, nil, nil)},
		"tombstones of nothing":               {frames()["tombs"].parse, envelope.Frame(envelope.TypeTombs, index, header, nil, nil)},
		"tombstones with a short one":         {frames()["tombs"].parse, envelope.Frame(envelope.TypeTombs, index, header, nil, nil, index[:7])},
		"tombstones of a negative entry":      {frames()["tombs"].parse, envelope.Frame(envelope.TypeTombs, index, header, nil, nil, negative)},
		"tombstones of a negative order":      {frames()["tombs"].parse, envelope.Frame(envelope.TypeTombs, negative, header, nil, nil, index)},
		"what is gone with half a sequence":   {frames()["gone"].parse, envelope.Frame(envelope.TypeGone, index, index[:7])},
		"what is gone by a negative order":    {frames()["gone"].parse, envelope.Frame(envelope.TypeGone, negative, index)},
		"receipt with a section":              {frames()["receipt"].parse, envelope.Frame(envelope.TypeReceipt, header, nil, nil, header, nil)},
		"receipt with a record over its size": {frames()["receipt"].parse, envelope.Frame(envelope.TypeReceipt, header, nil, make([]byte, envelope.MaxRecord+1))},
	} {
		if v, err := test.parse(test.frame); err == nil {
			t.Errorf("%s: accepted as %v", name, v)
		}
	}
}
