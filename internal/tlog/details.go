package tlog

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"filippo.io/torchwood"
	xtlog "golang.org/x/mod/sumdb/tlog"
)

const (
	// MaxDetail is the most bytes of a detail.
	MaxDetail = 512 << 10
	// MaxSegment is the most bytes of a segment.
	MaxSegment = width * (4 + MaxDetail)

	// maxSeen bounds the segment indexes kept in memory, of 2 KiB each.
	maxSeen = 1000
)

// Details is the store beside the log for what belongs to entry i but is not hashed into the tree:
// segment files of 256 details, numbered as tiles are (000, 001, … x001/000), each detail after its
// length as a big-endian uint32. Nothing here is authenticated; the entry commits to its detail. So
// who can modify the directory can at most make a detail not match its entry.
type Details struct {
	dir  string
	n    int64
	tail segment
	seen map[int64]segment // full segments read lately
	dirs batch             // directories to sync
	file *os.File
}

// segment knows where the details of a segment start, and where the last one ends.
type segment struct {
	k      int64
	starts []int64
}

func (s *segment) end() int64 { return s.starts[len(s.starts)-1] }

// OpenDetails opens a directory that should hold n details; with 0 it need not be there. It cuts off
// what a crash left behind them, whole or torn. With fewer than n it changes nothing and returns an
// error that wraps ErrMissing and says how many there are. It does not read the full segments:
// that is for VerifyDetails.
func OpenDetails(dir string, n int64) (*Details, error) {
	d := &Details{dir: dir, n: n, seen: map[int64]segment{}, dirs: batch{dir: dir}}
	if n < 0 || n > MaxSize {
		return nil, fmt.Errorf("open details: %w: %d wanted", ErrMissing, n)
	}
	err := d.resume()
	if err == nil {
		err = d.cut()
	}
	if err != nil {
		return nil, fmt.Errorf("open details: %w", err)
	}
	return d, nil
}

// resume checks that n details are there.
func (d *Details) resume() error {
	for k := range d.n >> 8 {
		if _, err := os.Lstat(d.path(k)); err != nil {
			return d.fewer(k<<8, segmentPath(k))
		}
	}
	tail, err := d.index(d.n >> 8)
	if err != nil {
		return err
	}
	if have := int64(len(tail.starts) - 1); have < d.n%width {
		return d.fewer(d.n&^0xff+have, segmentPath(tail.k))
	}
	tail.starts = tail.starts[:d.n%width+1]
	d.tail = tail
	return nil
}

func (d *Details) fewer(have int64, path string) error {
	e := fileError(ErrMissing, path, "%s holds %d details in order, not the %d wanted: details are missing from %s", d.dir, have, d.n, path)
	e.Entry = have
	return e
}

// cut removes the details past n.
func (d *Details) cut() error {
	var surplus []string
	err := walk(d.dir, ".", func(name string, _ fs.DirEntry) error {
		k, ok := parseSegmentPath(name)
		switch {
		case ok && k<<8 > d.n+maxAhead:
			return fileError(ErrUnknown, name, "%s holds more than %d details, far more than the %d wanted: "+
				"if that is right, move the directory away", d.dir, k<<8, d.n)
		case ok && (k > d.tail.k || k == d.tail.k && d.n%width == 0), isTemporary(name):
			surplus = append(surplus, name)
		}
		return nil
	})
	if err == nil {
		err = removeAll(d.dir, surplus)
	}
	if err != nil || d.n%width == 0 {
		return err
	}
	return truncate(d.path(d.tail.k), d.tail.end())
}

// truncate cuts a file durably, and does not touch one of that size.
func truncate(path string, size int64) error {
	info, err := os.Stat(path)
	if err != nil || info.Size() == size {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Truncate(size), f.Sync(), f.Close())
}

// Len is the number of details.
func (d *Details) Len() int64 { return d.n }

// Append adds a detail of at most MaxDetail bytes. It is durable after Sync.
func (d *Details) Append(b []byte) error {
	if len(b) > MaxDetail {
		return fmt.Errorf("append detail %d: %d bytes, more than %d", d.n, len(b), MaxDetail)
	}
	if err := d.openTail(); err != nil {
		return fmt.Errorf("append detail %d: %w", d.n, err)
	}
	blob := append(binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(b)), uint32(len(b))), b...)
	if _, err := d.file.WriteAt(blob, d.tail.end()); err != nil {
		return fmt.Errorf("append detail %d: %w", d.n, errors.Join(err, d.file.Truncate(d.tail.end())))
	}
	d.tail.starts = append(d.tail.starts, d.tail.end()+int64(len(blob)))
	d.n++
	return nil
}

// openTail opens the segment for the next detail, and finishes the one before.
func (d *Details) openTail() error {
	if k := d.n >> 8; k != d.tail.k {
		if err := d.Close(); err != nil {
			return err
		}
		d.tail = segment{k: k, starts: []int64{0}}
	}
	if d.file != nil {
		return nil
	}
	path := d.path(d.tail.k)
	if err := d.dirs.mkdir(filepath.Dir(path)); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	d.dirs.touch(filepath.Dir(path))
	d.file = f
	return nil
}

// Sync makes all appended details durable.
func (d *Details) Sync() error {
	if d.file == nil {
		return nil
	}
	return errors.Join(d.file.Sync(), d.dirs.sync())
}

// Close makes all appended details durable and closes the file. Append opens it again.
func (d *Details) Close() error {
	if d.file == nil {
		return nil
	}
	err := errors.Join(d.Sync(), d.file.Close())
	d.file = nil
	return err
}

// Get is the detail of entry i. Errors wrap ErrMissing or ErrAltered.
func (d *Details) Get(i int64) (detail []byte, err error) {
	err = d.Scan(i, i+1, func(_ int64, b []byte) error {
		detail = b
		return nil
	})
	return detail, err
}

// Scan calls f for the details from index from up to but not including to, in order. The slices stay
// valid. It stops at the first error, of f or as Get.
func (d *Details) Scan(from, to int64, f func(i int64, detail []byte) error) error {
	if from < 0 || from > to || to > d.n {
		return fmt.Errorf("%w wanted: details %d to %d of %d", ErrMissing, from, to, d.n)
	}
	for from < to {
		end, scan := min(to, (from>>8+1)<<8), d.scan
		if end-from == width {
			scan = d.scanAll
		}
		if err := scan(from, end, f); err != nil {
			return err
		}
		from = end
	}
	return nil
}

// Erase overwrites the detail of entry i with as many zeros, durably; its place stays. It may be repeated.
func (d *Details) Erase(i int64) error {
	if i < 0 || i >= d.n {
		return fmt.Errorf("%w wanted: detail %d of %d", ErrMissing, i, d.n)
	}
	s, err := d.segment(i >> 8)
	if err != nil {
		return fmt.Errorf("erase detail %d: %w", i, err)
	}
	file, err := os.OpenFile(d.path(s.k), os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("erase detail %d: %w", i, err)
	}
	b, err := s.read(file, i)
	if err == nil {
		_, err = file.WriteAt(make([]byte, len(b)), s.starts[i%width]+4)
	}
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("erase detail %d: %w", i, err)
	}
	return nil
}

// scan is Scan inside one segment.
func (d *Details) scan(from, to int64, f func(i int64, detail []byte) error) error {
	s, err := d.segment(from >> 8)
	if err != nil {
		return err
	}
	file, err := os.Open(d.path(s.k))
	if err != nil {
		return err
	}
	defer file.Close()
	for i := from; i < to; i++ {
		b, err := s.read(file, i)
		if err != nil {
			return err
		}
		if err := f(i, b); err != nil {
			return err
		}
	}
	return nil
}

// scanAll is scan of a whole segment, which it reads at once.
func (d *Details) scanAll(from, to int64, f func(i int64, detail []byte) error) error {
	b, err := d.Segment(from >> 8)
	if err != nil {
		return err
	}
	details, _ := ParseSegment(b) // those before the first that is torn
	for i := from; i < to; i++ {
		if i-from >= int64(len(details)) {
			return altered(segmentPath(i>>8), i, "%s ends before detail %d", segmentPath(i>>8), i)
		}
		if err := f(i, details[i-from]); err != nil {
			return err
		}
	}
	return nil
}

// read is the detail of entry i, which is of this segment.
func (s *segment) read(file *os.File, i int64) ([]byte, error) {
	j := int(i % width)
	if j+1 >= len(s.starts) {
		return nil, altered(segmentPath(s.k), i, "%s ends before detail %d", segmentPath(s.k), i)
	}
	b := make([]byte, s.starts[j+1]-s.starts[j]-4)
	if _, err := file.ReadAt(b, s.starts[j]+4); err != nil && len(b) > 0 {
		return nil, fmt.Errorf("read detail %d: %w", i, err)
	}
	return b, nil
}

// segment is the index of a segment, from memory if it is the tail or was used lately.
func (d *Details) segment(k int64) (segment, error) {
	if k == d.tail.k {
		return d.tail, nil
	}
	if s, ok := d.seen[k]; ok {
		return s, nil
	}
	s, err := d.index(k)
	if err != nil {
		return s, err
	}
	if len(d.seen) == maxSeen {
		clear(d.seen)
	}
	d.seen[k] = s
	return s, nil
}

// index reads where the details of a segment start, up to the first that is torn. A segment that is
// not there has none.
func (d *Details) index(k int64) (segment, error) {
	s := segment{k: k, starts: []int64{0}}
	f, err := os.Open(d.path(k))
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return s, err
	}
	defer f.Close()
	info, err := f.Stat()
	for err == nil && len(s.starts) <= width {
		var head [4]byte
		if _, err := f.ReadAt(head[:], s.end()); err != nil {
			return s, endOfFile(err)
		}
		next := s.end() + 4 + int64(binary.BigEndian.Uint32(head[:]))
		if next > info.Size() || next-s.end() > 4+MaxDetail {
			return s, nil
		}
		s.starts = append(s.starts, next)
	}
	return s, err
}

func endOfFile(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// Segment is the content of the k-th segment so far, at most MaxSegment bytes, for a mirror to store
// under the name that DetailFiles gives.
func (d *Details) Segment(k int64) ([]byte, error) {
	if k < 0 || k<<8 >= d.n {
		return nil, fmt.Errorf("%w: segment %d of %d details", ErrMissing, k, d.n)
	}
	b, err := readFile(d.dir, segmentPath(k), MaxSegment)
	if err == nil && k == d.tail.k {
		b = b[:min(int64(len(b)), d.tail.end())]
	}
	return b, err
}

func (d *Details) path(k int64) string {
	return filepath.Join(d.dir, filepath.FromSlash(segmentPath(k)))
}

// ParseSegment cuts a segment into its details, which are slices of b. It is strict: at most 256
// details of at most MaxDetail bytes, and nothing after the last. Errors wrap ErrAltered.
func ParseSegment(b []byte) ([][]byte, error) {
	var details [][]byte
	for len(b) > 0 {
		if len(details) == width {
			return details, fmt.Errorf("%w: %d bytes after %d details", ErrAltered, len(b), width)
		}
		if len(b) < 4 || binary.BigEndian.Uint32(b) > MaxDetail || len(b)-4 < int(binary.BigEndian.Uint32(b)) {
			return details, fmt.Errorf("%w: segment ends inside detail %d", ErrAltered, len(details))
		}
		size := binary.BigEndian.Uint32(b)
		details = append(details, b[4:4+size:4+size])
		b = b[4+size:]
	}
	return details, nil
}

// DetailFiles lists the segments that a directory of from details lacks to become one of to details,
// as relative slash-separated paths. The first of them may be there already, shorter.
func DetailFiles(from, to int64) iter.Seq[string] {
	return func(yield func(string) bool) {
		for k := from >> 8; k<<8 < to && from < to; k++ {
			if !yield(segmentPath(k)) {
				return
			}
		}
	}
}

// VerifyDetails checks that a directory holds exactly n details in whole segments and nothing else.
// An error joins up to 20 findings as that of VerifyDir does. That each detail is the one its entry
// commits to is for the caller to check.
func VerifyDetails(dir string, n int64) error {
	c := checker{dir: dir, tree: Tree{N: n}}
	err := walk(dir, ".", func(name string, d fs.DirEntry) error {
		if k, ok := parseSegmentPath(name); !ok || k<<8 >= n || !d.Type().IsRegular() {
			c.report(fileError(ErrUnknown, name, "%s is unknown: it is no segment of %d details", name, n))
		}
		return nil
	})
	if err != nil {
		return err
	}
	var b bytes.Buffer // one for all
	for k := int64(0); k<<8 < n && c.more == 0; k++ {
		if err := c.note(verifySegment(&b, dir, k, int(min(width, n-k<<8)))); err != nil {
			return err
		}
	}
	return c.err()
}

func verifySegment(b *bytes.Buffer, dir string, k int64, want int) error {
	name := segmentPath(k)
	err := readInto(b, dir, name, MaxSegment+1)
	if errors.Is(err, fs.ErrNotExist) {
		return missing(name)
	}
	if err == nil {
		err = within(name, b.Bytes(), MaxSegment)
	}
	if err != nil {
		return err
	}
	details, err := ParseSegment(b.Bytes())
	if entry := k<<8 + int64(len(details)); err != nil && len(details) < want {
		return altered(name, entry, "%s ends inside detail %d", name, entry)
	}
	if err != nil || len(details) > want {
		return altered(name, -1, "%s has bytes after the %d details it should hold", name, want)
	}
	if entry := k<<8 + int64(len(details)); len(details) < want {
		e := fileError(ErrMissing, name, "%s holds %d of %d details: those from %d on are missing", name, len(details), want, entry)
		e.Entry = entry
		return e
	}
	return nil
}

// segmentPath is the name of the k-th segment, in the numbering of tlog-tiles.
func segmentPath(k int64) string {
	return strings.TrimPrefix(torchwood.TilePath(xtlog.Tile{H: 8, L: bundleLevel, N: k, W: width}), bundlePrefix)
}

func parseSegmentPath(name string) (k int64, ok bool) {
	t, ok := parseTile(bundlePrefix + name)
	return t.N, ok && t.W == width
}

const bundlePrefix = "tile/entries/"
