package tlog

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"filippo.io/torchwood"
	xtlog "golang.org/x/mod/sumdb/tlog"
)

// maxFindings bounds what one verification reports, and the tiles it keeps to judge them.
const maxFindings = 20

// VerifyDir checks a log directory that nobody writes meanwhile, trusting nothing but the key: the
// checkpoint's signature, that exactly the files of its size are there, the root recomputed from the
// entries alone, and every hash tile byte for byte. An error joins up to 20 findings, each a
// [*FileError] that names the file or the entry and wraps ErrAltered, ErrMissing, ErrUnknown or
// ErrCheckpoint.
func VerifyDir(ctx context.Context, dir string, v *Verifier) (Tree, error) {
	_, tree, err := ReadCheckpoint(dir, v)
	if err != nil {
		return Tree{}, err
	}
	c := checker{dir: dir, tree: tree}
	if err := c.list(); err != nil {
		return Tree{}, err
	}
	if len(c.found) == 0 {
		if err := c.recompute(ctx); err != nil {
			return Tree{}, err
		}
		c.judge()
	}
	if err := c.err(); err != nil {
		return Tree{}, err
	}
	return tree, nil
}

// checker collects what is wrong with a directory.
type checker struct {
	dir     string
	tree    Tree
	found   []*FileError
	more    int
	broken  error      // of the file system
	edge    edge       // computed from the entries
	differ  []mismatch // tiles on disk that differ from the computed ones
	disk    edge       // the right edge as it is on disk
	entries bool       // the entries give the signed root
	tiles   bool       // the right edge on disk gives the signed root
}

// mismatch is a tile with the hashes that stand on disk and those computed from the entries.
type mismatch struct {
	tile           xtlog.Tile
	disk, computed *subtree
}

func (c *checker) report(e *FileError) {
	if len(c.found) == maxFindings {
		c.more++
		return
	}
	c.found = append(c.found, e)
}

// err is all that was found, in the order of the log.
func (c *checker) err() error {
	slices.SortStableFunc(c.found, func(a, b *FileError) int { return cmp.Compare(a.Entry, b.Entry) })
	var list []error
	for _, e := range c.found {
		list = append(list, e)
	}
	if c.more > 0 {
		list = append(list, fmt.Errorf("and %d more", c.more))
	}
	return errors.Join(list...)
}

// list reports files that are too many and files that are too few.
func (c *checker) list() error {
	err := walk(c.dir, "tile", func(name string, d fs.DirEntry) error {
		if why := c.unwanted(name, d); why != "" {
			c.report(fileError(ErrUnknown, name, "%s is unknown: %s", name, why))
		}
		return nil
	})
	if err != nil {
		return err
	}
	for t := range tiles(0, c.tree.N) {
		if _, err := os.Lstat(tilePath(c.dir, t)); err != nil {
			c.report(missing(torchwood.TilePath(t)))
		}
		if c.more > 0 {
			break // a signed size may be absurd
		}
	}
	return nil
}

// unwanted says why a file does not belong under tile, or nothing.
func (c *checker) unwanted(name string, d fs.DirEntry) string {
	t, ok := parseTile(name)
	switch {
	case !ok || !d.Type().IsRegular():
		return "no tile or bundle has that name and type"
	case partOf(t, c.tree.N):
		return ""
	case holds(t) > c.tree.N:
		return fmt.Sprintf("it belongs to a tree larger than the checkpoint's %d entries", c.tree.N)
	}
	return fmt.Sprintf("it is a partial tile of an earlier size than the checkpoint's %d entries, now stale", c.tree.N)
}

// recompute builds the tree from the entries and compares each tile as it becomes complete.
func (c *checker) recompute(ctx context.Context) error {
	for n := int64(0); n<<8 < c.tree.N; n++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		t := xtlog.Tile{H: 8, L: bundleLevel, N: n, W: int(min(width, c.tree.N-n<<8))}
		if err := c.bundle(t); err != nil {
			return err
		}
	}
	for _, t := range partials(c.tree.N) {
		if t.L != bundleLevel {
			c.compare(t, c.edge.tiles[t.L])
		}
	}
	return c.broken
}

// bundle adds the entries of a bundle to the tree. For those that a torn bundle lacks it takes the
// hashes on disk, so that the damage is reported once.
func (c *checker) bundle(t xtlog.Tile) error {
	leaves, err := readBundle(c.dir, t)
	if err = c.note(err); err != nil {
		return err
	}
	var hashes *subtree
	if len(leaves) < t.W {
		hashes = c.read(xtlog.Tile{H: 8, L: 0, N: t.N, W: t.W})
	}
	for i := range t.W {
		var h Hash
		if i < len(leaves) {
			h = LeafHash(leaves[i])
		} else if hashes != nil {
			h = hashes.at(0, i)
		}
		c.edge.push(h, c.compare)
	}
	return nil
}

// note reports an error that names a file, and returns any other.
func (c *checker) note(err error) error {
	e, ok := errors.AsType[*FileError](err)
	if ok {
		c.report(e)
		return nil
	}
	return err
}

// read is a tile as it is on disk, or nil when it has not the right length.
func (c *checker) read(t xtlog.Tile) *subtree {
	b, err := readExact(c.dir, t)
	if err != nil {
		return nil
	}
	return subtreeOf(b)
}

// compare compares a computed tile with that on disk.
func (c *checker) compare(t xtlog.Tile, computed *subtree) {
	b, err := readExact(c.dir, t)
	switch {
	case err != nil:
		c.broken = errors.Join(c.broken, c.note(err))
	case bytes.Equal(b, computed.bytes()):
	case len(c.differ) < maxFindings:
		c.differ = append(c.differ, mismatch{t, subtreeOf(b), computed})
	default:
		c.more++
	}
}

// judge tells for each differing tile whether it or what it covers was altered. What leads to the
// signed root is right.
func (c *checker) judge() {
	root := c.edge.root()
	c.entries = root == c.tree.Hash
	if len(c.differ) > 0 {
		disk, err := readEdge(c.dir, c.tree.N)
		c.disk, c.tiles = disk, err == nil && disk.root() == c.tree.Hash
	}
	for _, m := range c.differ {
		c.blame(m)
	}
	if len(c.found) == 0 && (!c.entries || len(c.differ) > 0) {
		c.report(fileError(ErrCheckpoint, checkpointFile, "entries and tiles fit together and give root %v at size %d, but the "+
			"checkpoint signs %v: it is of another log, or the log was rewritten", root, c.tree.N, c.tree.Hash))
	}
}

// blame reports each altered entry or tile behind a mismatch. Under an altered entry all tiles up to
// the root differ; only where a tile differs and the tile below does not agree with it is the damage.
func (c *checker) blame(m mismatch) {
	right := c.leads(m.tile, m.disk)
	first, count := -1, 0
	for i := range m.tile.W {
		if m.disk.at(0, i) == m.computed.at(0, i) || c.deeper(m, i) {
			continue
		}
		if first < 0 {
			first = i
		}
		count++
	}
	if first >= 0 {
		c.report(c.describe(m.tile, first, count, right))
	}
}

// deeper reports whether the tile below agrees with the i-th hash of a tile on disk, so that what
// differs lies below.
func (c *checker) deeper(m mismatch, i int) bool {
	if m.tile.L == 0 {
		return false
	}
	sub := c.read(child(m.tile, i))
	return sub != nil && sub.root() == m.disk.at(0, i)
}

// leads reports whether a tile on disk leads to the signed root over tiles on disk.
func (c *checker) leads(t xtlog.Tile, disk *subtree) bool {
	if c.entries || !c.tiles {
		return false // a second way to the same root would break SHA-256
	}
	if t.W < width {
		return true
	}
	up := xtlog.Tile{H: 8, L: t.L + 1, N: t.N >> 8, W: width}
	up.W = int(min(width, c.tree.N>>(8*up.L)-up.N<<8))
	parent := c.read(up)
	return parent != nil && parent.at(0, int(t.N&0xff)) == disk.root() && c.leads(up, parent)
}

func (c *checker) describe(t xtlog.Tile, i, count int, right bool) *FileError {
	name, entry := torchwood.TilePath(t), start(t, i)
	more := ""
	if count > 1 {
		more = fmt.Sprintf(" (and %d more there)", count-1)
	}
	switch {
	case right && t.L == 0:
		return altered(torchwood.TilePath(bundleOf(t)), entry, "entry %d%s does not match its hash in %s", entry, more, name)
	case right:
		below := torchwood.TilePath(child(t, i))
		return altered(below, entry, "%s and the entries under it, from %d, do not match hash %d%s of %s", below, entry, i, more, name)
	case c.entries:
		return altered(name, entry, "hash %d%s of %s is not that of the entries, which give the signed root", i, more, name)
	}
	return altered(name, entry, "hash %d%s of %s is not that of the entries from %d, and neither leads to the signed root", i, more, name, entry)
}

// Damage lists the findings in an error of VerifyDir or VerifyDetails.
func Damage(err error) []*FileError {
	switch e := err.(type) {
	case *FileError:
		return []*FileError{e}
	case interface{ Unwrap() error }:
		return Damage(e.Unwrap())
	case interface{ Unwrap() []error }:
		var list []*FileError
		for _, err := range e.Unwrap() {
			list = append(list, Damage(err)...)
		}
		return list
	}
	return nil
}
