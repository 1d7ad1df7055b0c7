package monitor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"fairlead/internal/tlog"
)

// Verify checks a mirror that nobody writes meanwhile, trusting nothing but the log's key: the
// checkpoint's signature, that exactly its files are there, the root recomputed from the entries,
// every hash tile, every detail against its entry, and that time never runs backwards. vkey is the
// verifier key the auditor was given; with "" the one in the mirror is believed, and Report.Key must be
// compared. It goes on after a fault and lists them all; the error then wraps ErrAltered. ErrMirror
// means that there was nothing to verify.
func Verify(ctx context.Context, dir, vkey string) (Report, error) {
	a, err := openArchive(dir, vkey)
	if err != nil {
		return Report{}, err
	}
	c := checker{archive: a}
	if err := c.check(ctx); err != nil {
		return c.report, err
	}
	return c.report, c.report.err()
}

// checker gathers the faults of one mirror.
type checker struct {
	*archive
	report   Report
	last     time.Time // of the entry before
	erasures erasures
}

// check runs all checks. Its error is of the file system, or the end of ctx.
func (c *checker) check(ctx context.Context) error {
	if err := c.files(ctx); err != nil || c.text == nil {
		return err // without a checkpoint there is nothing to hold the rest against
	}
	if err := c.entries(ctx); err != nil {
		return err
	}
	c.finish()
	return nil
}

// files checks everything but the entries against their details and one another.
func (c *checker) files(ctx context.Context) error {
	err := c.reach()
	c.report = c.archive.report(Verified)
	if err := c.layout(); err != nil {
		return err
	}
	if err != nil {
		return c.note("", err)
	}
	_, err = tlog.VerifyDir(ctx, c.dir, c.key.Verifier)
	if err := c.note("", err); err != nil {
		return err
	}
	return c.note(detailsDir, tlog.VerifyDetails(filepath.Join(c.dir, detailsDir), c.tree.N))
}

// finish reports what is known after the last entry, and sorts.
func (c *checker) finish() {
	c.erasures.faults(&c.report, func(int64) bool { return true })
	slices.SortStableFunc(c.report.Faults, func(a, b Fault) int { return cmp.Compare(a.Entry, b.Entry) })
}

// layout reports what does not belong into a mirror. What lies below tile and details is for tlog.
func (c *checker) layout() error {
	names, err := os.ReadDir(c.dir)
	if err != nil {
		return err
	}
	for _, d := range names {
		if !belongs(d) {
			c.report.fault(Fault{Entry: -1, Path: d.Name(), What: d.Name() + " is unknown: it is no part of a mirror; move it elsewhere"})
		}
	}
	return nil
}

// belongs reports whether a name is one that the top of a mirror has.
func belongs(d fs.DirEntry) bool {
	switch d.Name() {
	case keyFile, checkpointFile:
		return d.Type().IsRegular()
	case tileDir, detailsDir:
		return d.IsDir()
	}
	return false
}

// note reports what tlog found below a part of the mirror, and returns any other error.
func (c *checker) note(below string, err error) error {
	found := tlog.Damage(err)
	for _, e := range found {
		what := e.What
		if below != "" {
			what = below + "/" + what
		}
		if entry := fmt.Sprintf("entry %d", e.Entry); e.Entry >= 0 && !strings.Contains(what, entry) && !strings.Contains(what, "entries under it") {
			what = entry + ": " + what
		}
		c.report.fault(Fault{Entry: e.Entry, Path: path.Join(below, e.Path), What: what + next(e)})
	}
	if len(found) > 0 {
		return nil
	}
	return err
}

// next is what a person does about a fault where that is not plain.
func next(e *tlog.FileError) string {
	switch {
	case errors.Is(e, tlog.ErrUnknown):
		return "; if a mirror run was interrupted, run it again"
	case errors.Is(e, tlog.ErrMissing):
		return "; restore it from a copy, or mirror into a new folder"
	}
	return ""
}

// entries checks each entry against its detail and the one before. Bundles that do not lead to the
// root are named by VerifyDir already; nothing in them can be held against a detail.
func (c *checker) entries(ctx context.Context) error {
	r, err := tlog.OpenReader(c.dir, c.tree)
	if len(tlog.Damage(err)) > 0 {
		return nil
	}
	tell := progress(ctx, "verify", c.tree.N)
	for k := int64(0); err == nil && k < c.blocks(); k++ {
		err = c.block(ctx, r, k, func(e line) error {
			c.entry(e)
			tell(e.index + 1)
			return nil
		})
		if len(tlog.Damage(err)) > 0 {
			err = nil
		}
	}
	return err
}

func (c *checker) entry(e line) {
	l, err := e.bound()
	c.erasures.line(e, l, err)
	switch {
	case errors.Is(err, errBlank): // without an order it is a fault: see erasures
	case err != nil && e.detail == nil: // VerifyDetails names the segment
	case err != nil:
		c.report.fault(Fault{Entry: e.index, Path: segmentPath(e.index / span), What: err.Error()})
	}
	if !l.At.IsZero() {
		c.inTime(e.index, l.At)
	}
}

// inTime checks that an entry is not earlier than the one before.
func (c *checker) inTime(index int64, at time.Time) {
	if at.Before(c.last) {
		c.report.fault(Fault{Entry: index, Path: bundlePath(index / span), What: fmt.Sprintf("entry %d: it is of %s, earlier than the entry before it, of %s: the log was backdated",
			index, stamp(at), stamp(c.last))})
	}
	c.last = at
}

// stamp is an instant as the log has it, in milliseconds.
func stamp(t time.Time) string { return t.UTC().Format(stampForm) }

const stampForm = "2006-01-02T15:04:05.000Z"
