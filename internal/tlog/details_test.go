package tlog

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func detailOf(i int64) []byte { return bytes.Repeat([]byte{byte(i)}, int(i%300)) }

func newDetails(t testing.TB, n int64) (*Details, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "details")
	d, err := OpenDetails(dir, 0)
	must(t, err)
	appendDetails(t, d, n)
	return d, dir
}

func appendDetails(t testing.TB, d *Details, n int64) {
	t.Helper()
	for i := d.Len(); i < n; i++ {
		must(t, d.Append(detailOf(i)))
	}
	must(t, d.Sync())
}

func TestDetails(t *testing.T) {
	d, dir := newDetails(t, 0)
	for _, n := range []int64{1, 255, 256, 257, 700} {
		appendDetails(t, d, n)
		must(t, VerifyDetails(dir, n))
		must(t, d.Close())
		var err error
		d, err = OpenDetails(dir, n)
		must(t, err)
		for _, i := range []int64{0, n / 2, n - 1} {
			if b, err := d.Get(i); err != nil || !bytes.Equal(b, detailOf(i)) {
				t.Fatalf("detail %d of %d: %d bytes, %v", i, n, len(b), err)
			}
		}
		next := int64(0)
		must(t, d.Scan(0, n, func(i int64, b []byte) error {
			if i != next || !bytes.Equal(b, detailOf(i)) {
				t.Fatalf("detail %d of %d: %d bytes", i, n, len(b))
			}
			next++
			return nil
		}))
		if want := slices.Collect(DetailFiles(0, n)); next != n || !slices.Equal(listing(t, dir), want) {
			t.Fatalf("%d details in %v", next, listing(t, dir))
		}
	}
	for _, i := range []int64{-1, 700} {
		if _, err := d.Get(i); !errors.Is(err, ErrMissing) {
			t.Errorf("detail %d: %v", i, err)
		}
	}
}

// TestScanATornSegment: what is read at once names the entry from which it is torn, as what is read one by one.
func TestScanATornSegment(t *testing.T) {
	d, dir := newDetails(t, 600)
	defer d.Close()
	edit(t, dir, "001", cut(1))
	for _, from := range []int64{256, 257} {
		next := from
		err := d.Scan(from, 600, func(i int64, b []byte) error {
			if i != next || !bytes.Equal(b, detailOf(i)) {
				t.Errorf("detail %d of %d: %d bytes", i, next, len(b))
			}
			next++
			return nil
		})
		if damage := Damage(err); next != 511 || !errors.Is(err, ErrAltered) || len(damage) != 1 || damage[0].Entry != 511 || damage[0].Path != "001" {
			t.Errorf("from %d it went to %d: %v", from, next, err)
		}
	}
}

func TestDetailLimits(t *testing.T) {
	d, dir := newDetails(t, 0)
	if err := d.Append(make([]byte, MaxDetail+1)); err == nil || d.Len() != 0 {
		t.Error("accepted a detail that is too long")
	}
	must(t, d.Append(make([]byte, MaxDetail)))
	must(t, d.Append(nil))
	must(t, d.Close())
	must(t, VerifyDetails(dir, 2))
	if _, err := OpenDetails(dir, -1); err == nil {
		t.Error("opened a negative number")
	}
}

// TestDetailsAfterACrash leaves whole and torn details past those that count.
func TestDetailsAfterACrash(t *testing.T) {
	for _, size := range []struct{ keep, have int64 }{{0, 3}, {10, 12}, {255, 300}, {256, 257}, {256, 600}, {300, 300}, {300, 1000}} {
		for _, torn := range []string{"", "\x00", "\x00\x00\x00\x07abc", "\xff\xff\xff\xff"} {
			d, dir := newDetails(t, size.have)
			must(t, d.Close())
			edit(t, dir, segmentPath((size.have-1)>>8), func(b []byte) []byte { return append(b, torn...) })
			place(t, dir, ".tmp-7", "x")
			d, err := OpenDetails(dir, size.keep)
			must(t, err)
			must(t, VerifyDetails(dir, size.keep))
			appendDetails(t, d, size.keep+300)
			if err := VerifyDetails(dir, size.keep+300); err != nil {
				t.Errorf("%v torn by %q: %v", size, torn, err)
			}
		}
	}
}

func TestOpenDetailsTellsHowMany(t *testing.T) {
	for _, test := range []struct {
		hurt func(dir string)
		have int64
		path string
	}{
		{func(dir string) { edit(t, dir, "002", cut(1)) }, 599, "002"},
		{func(dir string) { remove(t, dir, "002") }, 512, "002"},
		{func(dir string) { remove(t, dir, "001") }, 256, "001"},
		{func(dir string) { must(t, os.RemoveAll(dir)) }, 0, "000"},
		{func(dir string) { edit(t, dir, "002", func(b []byte) []byte { return append([]byte{255}, b...) }) }, 512, "002"},
	} {
		_, dir := newDetails(t, 600)
		test.hurt(dir)
		before := listing(t, dir)
		_, err := OpenDetails(dir, 600)
		found := Damage(err)
		if len(found) != 1 || found[0].Kind != ErrMissing || found[0].Entry != test.have || found[0].Path != test.path ||
			!strings.Contains(err.Error(), fmt.Sprintf("holds %d details in order, not the 600 wanted", test.have)) {
			t.Errorf("want %d of 600: %v", test.have, err)
		}
		if !slices.Equal(before, listing(t, dir)) {
			t.Error("files changed")
		}
	}
}

func TestDetailsAreBounded(t *testing.T) {
	_, dir := newDetails(t, 3)
	edit(t, dir, "000", func(b []byte) []byte {
		b = binary.BigEndian.AppendUint32(b, MaxDetail+1)
		return append(b, make([]byte, MaxDetail+1)...)
	})
	if _, err := OpenDetails(dir, 4); !errors.Is(err, ErrMissing) || Damage(err)[0].Entry != 3 {
		t.Error(err)
	}
}

// TestSegmentOfAWrite looks at a segment in whose file a detail stands that does not count yet.
func TestSegmentOfAWrite(t *testing.T) {
	d, dir := newDetails(t, 3)
	want, err := os.ReadFile(filepath.Join(dir, "000"))
	must(t, err)
	edit(t, dir, "000", func(b []byte) []byte { return append(b, 0, 0) })
	if got, err := d.Segment(0); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes instead of %d, %v", len(got), len(want), err)
	}
}

func TestOpenDetailsNeverCutsMany(t *testing.T) {
	_, dir := newDetails(t, maxAhead+600)
	if _, err := OpenDetails(dir, 5); !errors.Is(err, ErrUnknown) {
		t.Error(err)
	}
	must(t, VerifyDetails(dir, maxAhead+600))
}

func TestVerifyDetailsNames(t *testing.T) {
	for _, test := range []struct {
		name  string
		hurt  func(dir string)
		kind  error
		path  string
		entry int64
		want  string
	}{
		{"torn", func(dir string) { edit(t, dir, "002", cut(1)) }, ErrAltered, "002", 599, "002 ends inside detail 599: altered"},
		{
			"cut between details", func(dir string) { edit(t, dir, "002", cut(4+int(599%300))) }, ErrMissing, "002", 599,
			"002 holds 87 of 88 details: those from 599 on are missing",
		},
		{"length altered", func(dir string) { edit(t, dir, "001", flip(0)) }, ErrAltered, "001", 256, "001 ends inside detail 256"},
		{
			"segment too long", func(dir string) { edit(t, dir, "001", func(b []byte) []byte { return append(b, 0) }) }, ErrAltered, "001", -1,
			"001 has bytes after the 256 details",
		},
		{
			"one detail more", func(dir string) { edit(t, dir, "002", func(b []byte) []byte { return append(b, 0, 0, 0, 0) }) }, ErrAltered,
			"002", -1, "002 has bytes after the 88 details",
		},
		{"segment missing", func(dir string) { remove(t, dir, "001") }, ErrMissing, "001", -1, "001 is missing"},
		{"segment more", func(dir string) { place(t, dir, "003", "") }, ErrUnknown, "003", -1, "no segment of 600 details"},
		{"other file", func(dir string) { place(t, dir, "x001/README", "") }, ErrUnknown, "x001/README", -1, "is unknown"},
		{"partial name", func(dir string) { place(t, dir, "000.p/1", "") }, ErrUnknown, "000.p/1", -1, "is unknown"},
	} {
		_, dir := newDetails(t, 600)
		test.hurt(dir)
		err := VerifyDetails(dir, 600)
		found := Damage(err)
		if len(found) != 1 || found[0].Kind != test.kind || found[0].Path != test.path || found[0].Entry != test.entry ||
			!strings.Contains(found[0].What, test.want) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

func TestGetFromADamagedSegment(t *testing.T) {
	d, dir := newDetails(t, 600)
	edit(t, dir, "000", cut(200))
	if _, err := d.Get(255); !errors.Is(err, ErrAltered) || Damage(err)[0].Entry != 255 {
		t.Error(err)
	}
}

// TestMirrorDetails copies segments as they grow.
func TestMirrorDetails(t *testing.T) {
	d, _ := newDetails(t, 0)
	mirror := filepath.Join(t.TempDir(), "mirror")
	had := int64(0)
	for _, n := range []int64{3, 256, 300, 300, 1100} {
		appendDetails(t, d, n)
		k := had >> 8
		for name := range DetailFiles(had, n) {
			b, err := d.Segment(k)
			must(t, err)
			must(t, WriteFile(mirror, name, b))
			k++
		}
		must(t, VerifyDetails(mirror, n))
		had = n
	}
	for _, k := range []int64{-1, 5} {
		if _, err := d.Segment(k); !errors.Is(err, ErrMissing) {
			t.Errorf("segment %d: %v", k, err)
		}
	}
}

func TestSegmentNumbering(t *testing.T) {
	for k, want := range map[int64]string{0: "000", 999: "999", 1000: "x001/000", 1234067: "x001/x234/067"} {
		if got := segmentPath(k); got != want {
			t.Errorf("segment %d is %s, want %s", k, got, want)
		}
		if got, ok := parseSegmentPath(want); !ok || got != k {
			t.Errorf("%s is segment %d", want, got)
		}
	}
}
