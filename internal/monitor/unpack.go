package monitor

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"fairlead/internal/strictjson"
	"fairlead/internal/tlog"
)

// VerifyPack checks a pack offline, with the verifier key that the auditor was given: every entry against
// the checkpoint, every detail against its entry, both reports against the entries; and it decides again
// what the pack lets it decide. A pack of all entries is verified and replayed as a mirror is. Errors wrap
// ErrPack where there is no pack, ErrAltered and ErrReplay as those of Replay.
func VerifyPack(ctx context.Context, file, vkey string) (Report, error) {
	key, err := readKey("the key given", vkey)
	if err != nil {
		return Report{}, err
	}
	z, err := zip.OpenReader(file)
	if err != nil {
		return Report{}, fmt.Errorf("%w: %s: %w", ErrPack, file, err)
	}
	defer z.Close()
	u := &unpacking{key: key, files: map[string]*zip.File{}}
	for _, f := range z.File {
		if u.files[f.Name] != nil {
			return Report{}, fmt.Errorf("%w has %q twice", ErrPack, f.Name)
		}
		u.files[f.Name] = f
	}
	if err := u.open(); err != nil {
		return Report{}, err
	}
	if u.about.All {
		return u.whole(ctx)
	}
	return u.chosen(ctx)
}

// unpacking is the verification of one pack.
type unpacking struct {
	key   logKey
	files map[string]*zip.File // not yet accounted for
	about About
	text  []byte // checkpoint
	tree  tlog.Tree
	html  []byte
	csv   []byte
}

// take reads a file of the pack, of at most limit bytes, and accounts for it.
func (u *unpacking) take(name string, limit int64) ([]byte, error) {
	f := u.files[name]
	if f == nil {
		return nil, fmt.Errorf("%w lacks %s", ErrPack, name)
	}
	delete(u.files, name)
	r, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrPack, name, err)
	}
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = fmt.Errorf("more than %d bytes", limit)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w: altered", ErrPack, name, err)
	}
	return b, nil
}

const maxReport = 1 << 30 // bytes

// open reads what every pack has.
func (u *unpacking) open() error {
	about, err := u.take(aboutFile, 64<<20)
	if err == nil {
		err = strictjson.Unmarshal(about, &u.about)
	}
	if err == nil && u.about.V != 1 {
		err = fmt.Errorf("version %d, want 1", u.about.V)
	}
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrPack, aboutFile, err)
	}
	line, err := u.take(keyFile, 4<<10)
	if err != nil {
		return err
	}
	if string(line) != u.key.line+"\n" {
		return fmt.Errorf("%w is of another log than the key given: compare both with the key the log's operator published", ErrPack)
	}
	if u.text, err = u.take(checkpointFile, tlog.MaxCheckpoint); err != nil {
		return err
	}
	if u.tree, err = tlog.OpenCheckpoint(u.text, u.key.Verifier); err != nil {
		return fmt.Errorf("%w: %w", ErrAltered, err)
	}
	if u.html, err = u.take(htmlFile, maxReport); err != nil {
		return err
	}
	u.csv, err = u.take(csvFile, maxReport)
	return err
}

// whole unpacks a mirror and replays it.
func (u *unpacking) whole(ctx context.Context) (Report, error) {
	dir, err := os.MkdirTemp("", "fairlead-pack-")
	if err != nil {
		return Report{}, err
	}
	defer os.RemoveAll(dir)
	if err := u.extract(dir); err != nil {
		return Report{}, err
	}
	report, err := Replay(ctx, dir, u.key.line)
	if err != nil {
		return report, err
	}
	a, err := openArchive(dir, u.key.line)
	if err == nil {
		err = a.reach()
	}
	if err != nil {
		return report, err
	}
	return u.compare(ctx, report, a.name(), a.each)
}

// extract writes the files of a mirror; Verify refuses what does not belong.
func (u *unpacking) extract(dir string) error {
	for _, name := range u.names() {
		if !filepath.IsLocal(name) || path.Clean(name) != name || !strings.HasPrefix(name, tileDir+"/") && !strings.HasPrefix(name, detailsDir+"/") {
			return fmt.Errorf("%w holds %q, which is no part of it", ErrPack, name)
		}
		limit, _ := limits(name)
		b, err := u.take(name, limit)
		if err != nil {
			return err
		}
		if err := write(dir, name, b); err != nil {
			return err
		}
	}
	if err := write(dir, keyFile, []byte(u.key.line+"\n")); err != nil {
		return err
	}
	return write(dir, checkpointFile, u.text)
}

func (u *unpacking) names() []string {
	var names []string
	for name := range u.files {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// write puts a file into a folder that is thrown away.
func write(dir, name string, b []byte) error {
	to := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	return os.WriteFile(to, b, 0o600)
}

// chosen verifies and replays a pack of chosen entries.
func (u *unpacking) chosen(ctx context.Context) (Report, error) {
	report := Report{Done: Unpacked, Origin: u.key.Origin(), Key: u.key.hash(), Size: u.tree.N, Root: rootText(u.tree.Hash), Faults: []Fault{}}
	entries, err := u.entries(&report)
	if err != nil {
		return report, err
	}
	u.gaps(&report, entries)
	var e erasures
	has := map[int64]bool{}
	for _, r := range entries {
		e.record(r)
		has[r.index] = true
	}
	e.faults(&report, func(i int64) bool { return has[i] })
	if report.err() != nil {
		return report, report.err()
	}
	p := newReplayer()
	p.chosen = map[int64]bool{}
	for _, i := range u.about.Chosen {
		p.chosen[i] = true
	}
	report.Replay = p.tally
	for _, e := range entries {
		p.entry(e)
	}
	p.name()
	of := (&archive{key: u.key, tree: u.tree}).name()
	return u.compare(ctx, report, of, func(_ context.Context, f func(*record) error) error {
		for _, e := range entries {
			if err := f(e); err != nil {
				return err
			}
		}
		return nil
	})
}

// entries reads receipts and details; what does not hold is a fault of the report.
func (u *unpacking) entries(report *Report) (list []*record, err error) {
	for _, name := range u.names() {
		number, isReceipt := strings.CutSuffix(strings.TrimPrefix(name, entriesDir), ".receipt")
		if !isReceipt {
			continue
		}
		receipt, err := u.take(name, tlog.MaxReceipt)
		if err != nil {
			return nil, err
		}
		detail, err := u.take(strings.TrimSuffix(name, ".receipt")+".detail", tlog.MaxDetail)
		if err != nil {
			return nil, err
		}
		index, err := strconv.ParseInt(number, 10, 64)
		if err != nil || entryName(index)+".receipt" != name {
			return nil, fmt.Errorf("%w holds %q, which is no part of it", ErrPack, name)
		}
		e, err := u.receipt(index, receipt, detail)
		if err != nil {
			report.fault(Fault{Entry: index, Path: name, What: err.Error()})
			continue
		}
		list = append(list, e)
	}
	for _, name := range u.names() {
		report.fault(Fault{Entry: -1, Path: name, What: fmt.Sprintf("%q is no part of a pack", name)})
	}
	return list, nil
}

// receipt checks one entry against the checkpoint of the pack, and its detail against it.
func (u *unpacking) receipt(index int64, receipt, detail []byte) (*record, error) {
	leaf, at, tree, err := tlog.OpenReceipt(receipt, u.key.Verifier)
	switch {
	case err != nil:
		return nil, fmt.Errorf("entry %d: its receipt does not hold: %w", index, err)
	case at != index || tree != u.tree:
		return nil, fmt.Errorf("entry %d: its receipt is of entry %d in a tree of %d entries", index, at, tree.N)
	}
	return line{index: index, leaf: leaf, detail: detail}.open()
}

// gaps checks that what was chosen is there, and that of an agency's deliveries none is left out: their
// numbers run without a gap.
func (u *unpacking) gaps(report *Report, entries []*record) {
	has, last := map[int64]bool{}, uint64(0)
	for _, e := range entries {
		has[e.index] = true
	}
	for _, i := range u.about.Chosen {
		if !has[i] {
			report.fault(Fault{Entry: i, Path: aboutFile, What: fmt.Sprintf("entry %d: it was chosen and is missing", i)})
		}
	}
	for _, e := range entries {
		if u.about.Agency == "" || string(e.leaf.To) != u.about.Agency || e.leaf.Counter == 0 || !slices.Contains(u.about.Chosen, e.index) {
			continue
		}
		if last > 0 && e.leaf.Counter != last+1 || last == 0 && u.about.Since.IsZero() && e.leaf.Counter != 1 {
			report.fault(Fault{Entry: e.index, Path: entryName(e.index), What: fmt.Sprintf("entry %d: it is delivery %d to %s, and the one before in this pack is %d: entries were left out",
				e.index, e.leaf.Counter, e.leaf.To, last)})
		}
		last = e.leaf.Counter
	}
}

// compare makes the reports again and holds those of the pack against them, and what was chosen against
// what the pack holds.
func (u *unpacking) compare(ctx context.Context, report Report, of string, entries each) (Report, error) {
	made, err := reports(ctx, of, &u.about, entries)
	if err != nil {
		return report, err
	}
	if !u.about.All && !slices.Equal(made.found, u.about.Chosen) {
		report.fault(Fault{Entry: -1, Path: aboutFile, What: aboutFile + " names other entries than those it says were chosen: altered"})
	}
	for name, has := range map[string][2][]byte{htmlFile: {u.html, made.html}, csvFile: {u.csv, made.csv}} {
		if !bytes.Equal(has[0], has[1]) {
			report.fault(Fault{Entry: -1, Path: name, What: name + " says something else than the entries of the pack: altered"})
		}
	}
	return report, report.err()
}
