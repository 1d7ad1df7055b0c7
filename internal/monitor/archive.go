package monitor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"fairlead/internal/entry"
	"fairlead/internal/tlog"
)

// archive is a mirror on disk, at the checkpoint it has reached.
type archive struct {
	dir  string
	key  logKey
	tree tlog.Tree
	text []byte // the checkpoint; nil before the first mirror is complete
}

// openArchive opens a mirror. With want, its key must be that one; without, it is believed, and the
// report shows its hash.
func openArchive(dir, want string) (*archive, error) {
	raw, err := tlog.ReadFile(dir, keyFile, 4<<10)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w; make a mirror with fairlead-audit mirror", ErrMirror, dir, err)
	}
	a := &archive{dir: dir}
	if a.key, err = readKey(dir+"/"+keyFile, string(raw)); err != nil {
		return nil, err
	}
	if want == "" {
		return a, nil
	}
	given, err := readKey("the key given", want)
	if err == nil && given.line != a.key.line {
		err = fmt.Errorf("%w: %s/%s is another key than the one given: compare both with the key the log's operator published",
			ErrMirror, dir, keyFile)
	}
	return a, err
}

// reach opens the checkpoint.
func (a *archive) reach() (err error) {
	a.text, a.tree, err = tlog.ReadCheckpoint(a.dir, a.key.Verifier)
	return err
}

func (a *archive) report(done Deed) Report {
	r := Report{Done: done, Origin: a.key.Origin(), Key: a.key.hash(), Size: a.tree.N, Faults: []Fault{}}
	if a.text != nil {
		r.Root = rootText(a.tree.Hash)
	}
	return r
}

// blocks is the number of bundles, and of segments of details.
func (a *archive) blocks() int64 { return (a.tree.N + span - 1) / span }

// line is one entry with its detail, as bytes.
type line struct {
	index  int64
	leaf   []byte
	detail []byte // nil: not there
}

// block calls f for the entries of the k-th bundle, each authenticated by r, with what stands beside
// them in the details, which is not.
func (a *archive) block(ctx context.Context, r *tlog.Reader, k int64, f func(line) error) error {
	details, err := readSegment(a.dir, k)
	if err != nil {
		return err
	}
	return r.Entries(ctx, k*span, min((k+1)*span, a.tree.N), func(i int64, leaf []byte) error {
		e := line{index: i, leaf: leaf}
		if j := int(i % span); j < len(details) {
			e.detail = details[j]
		}
		return f(e)
	})
}

// bound parses the leaf and checks that the detail is the one it commits to.
func (e line) bound() (entry.Leaf, error) {
	l, err := entry.ParseLeaf(e.leaf)
	switch {
	case err != nil:
		return l, fmt.Errorf("entry %d: the log holds what is no entry of this kind of log: %w", e.index, err)
	case e.detail == nil:
		return l, fmt.Errorf("entry %d: its detail is missing", e.index)
	case entry.Erased(e.detail):
		return l, errBlank
	case entry.DetailDigest(e.detail) != l.Detail:
		return l, fmt.Errorf("entry %d: its detail was altered: it is not the one the entry commits to", e.index)
	}
	return l, nil
}

// segmentPath is the k-th segment of details, relative to the mirror.
func segmentPath(k int64) string {
	for name := range tlog.DetailFiles(k*span, k*span+1) {
		return path.Join(detailsDir, name)
	}
	return ""
}

// bundlePath is the k-th full bundle of entries, relative to the mirror.
func bundlePath(k int64) string {
	for name := range tlog.Files(k*span, (k+1)*span) {
		return name
	}
	return ""
}

// readSegment reads as many details of a segment as are whole; none if it is not there.
func readSegment(dir string, k int64) ([][]byte, error) {
	b, err := tlog.ReadFile(dir, segmentPath(k), tlog.MaxSegment)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	details, _ := tlog.ParseSegment(b) // what is torn is for VerifyDetails to say
	return details, nil
}
