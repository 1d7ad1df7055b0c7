package tlog

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"filippo.io/torchwood"
	xtlog "golang.org/x/mod/sumdb/tlog"
)

const (
	// bundleLevel is x/mod's tile level for entry bundles.
	bundleLevel = -1
	// maxLevel is the highest tile level of a tree of MaxSize entries.
	maxLevel = 6
	// maxBundle is the most bytes of an entry bundle.
	maxBundle = width * (2 + MaxLeaf)
)

// Files lists the tiles and entry bundles that a directory of from entries lacks to become one of to
// entries, as relative slash-separated paths; Files(0, n) is all of a tree of n entries. A mirror fetches
// these, then writes the checkpoint, then calls Prune.
func Files(from, to int64) iter.Seq[string] {
	return func(yield func(string) bool) {
		for t := range tiles(from, to) {
			if !yield(torchwood.TilePath(t)) {
				return
			}
		}
	}
}

// tiles lists entry bundles, then hash tiles level by level, without holding them all.
func tiles(from, to int64) iter.Seq[xtlog.Tile] {
	return func(yield func(xtlog.Tile) bool) {
		for level := bundleLevel; level <= 0 || to>>(8*level) > 0; level++ {
			had, has := from>>(8*max(level, 0)), to>>(8*max(level, 0)) // hashes of that level
			for n := had >> 8; n<<8 < has && had < has; n++ {
				t := xtlog.Tile{H: 8, L: level, N: n, W: int(min(width, has-n<<8))}
				if !yield(t) {
					return
				}
			}
		}
	}
}

// partials lists the partial tiles of a tree of n entries and its partial bundle.
func partials(n int64) []xtlog.Tile {
	var list []xtlog.Tile
	if w := int(n % width); w > 0 {
		list = append(list, xtlog.Tile{H: 8, L: bundleLevel, N: n >> 8, W: w})
	}
	for level := 0; n > 0; level, n = level+1, n>>8 {
		if w := int(n % width); w > 0 {
			list = append(list, xtlog.Tile{H: 8, L: level, N: n >> 8, W: w})
		}
	}
	return list
}

// parseTile reads the path of a tile or bundle, in the one form that TilePath gives.
func parseTile(name string) (t xtlog.Tile, ok bool) {
	t, err := torchwood.ParseTilePath(name)
	ok = err == nil && t.L <= maxLevel && t.N <= MaxSize>>(8*(max(t.L, 0)+1)) && torchwood.TilePath(t) == name
	return t, ok
}

// holds is the number of entries a tree needs to have the tile, or an equal one at the end of it.
func holds(t xtlog.Tile) int64 { return start(t, t.W) }

// start is the index of the first entry that the i-th hash of a tile covers.
func start(t xtlog.Tile, i int) int64 { return (t.N<<8 + int64(i)) << (8 * max(t.L, 0)) }

// child is the full tile whose root is the i-th hash of t.
func child(t xtlog.Tile, i int) xtlog.Tile {
	return xtlog.Tile{H: 8, L: t.L - 1, N: t.N<<8 + int64(i), W: width}
}

// bundleOf is the bundle with the entries of a level 0 tile.
func bundleOf(t xtlog.Tile) xtlog.Tile { return xtlog.Tile{H: 8, L: bundleLevel, N: t.N, W: t.W} }

// partOf reports whether a tile is one of those that Files(0, n) lists.
func partOf(t xtlog.Tile, n int64) bool {
	at := n >> (8 * max(t.L, 0)) // hashes at that level
	if t.W == width {
		return t.N < at>>8
	}
	return t.N == at>>8 && int64(t.W) == at%width
}

// ReadFile reads at most limit bytes of a file below dir; name has slashes. A log is read by whole files, so that
// each gets the memory that it needs, once.
func ReadFile(dir, name string, limit int64) ([]byte, error) {
	var b bytes.Buffer
	err := readInto(&b, dir, name, limit)
	return b.Bytes(), err
}

func readInto(b *bytes.Buffer, dir, name string, limit int64) error {
	f, err := os.Open(filepath.Join(dir, filepath.FromSlash(name)))
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	b.Reset()
	b.Grow(int(min(info.Size(), limit)) + bytes.MinRead)
	_, err = b.ReadFrom(io.LimitReader(f, limit))
	return err
}

// readFile reads a whole file of at most limit bytes; a longer one is ErrAltered.
func readFile(dir, name string, limit int64) ([]byte, error) {
	b, err := ReadFile(dir, name, limit+1)
	if err == nil {
		err = within(name, b, limit)
	}
	return b, err
}

func within(name string, b []byte, limit int64) error {
	if int64(len(b)) > limit {
		return altered(name, -1, "%s has more than %d bytes", name, limit)
	}
	return nil
}

// readExact reads the file of a tile, of that width and no other.
func readExact(dir string, t xtlog.Tile) ([]byte, error) {
	name, limit := torchwood.TilePath(t), int64(maxBundle)
	if t.L != bundleLevel {
		limit = int64(t.W * len(Hash{}))
	}
	b, err := readFile(dir, name, limit)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, missing(name)
	}
	if err == nil && t.L != bundleLevel && int64(len(b)) != limit {
		err = altered(name, -1, "%s has %d bytes instead of %d", name, len(b), limit)
	}
	return b, err
}

// readTile reads a tile, or when it has grown since, its beginning in the full or a wider partial one.
func readTile(dir string, t xtlog.Tile) ([]byte, error) {
	b, err := readExact(dir, t)
	for try := 0; errors.Is(err, ErrMissing) && t.W < width && try < 3; try++ {
		wider, found := widest(dir, t)
		if !found {
			break
		}
		if b, err = readExact(dir, wider); err == nil {
			b, err = narrow(b, wider, t)
		}
	}
	return b, err
}

// widest looks for the file of a tile that holds the most of it.
func widest(dir string, t xtlog.Tile) (wider xtlog.Tile, found bool) {
	full := t
	full.W = width
	if _, err := os.Stat(tilePath(dir, full)); err == nil {
		return full, true
	}
	wider = t
	names, _ := os.ReadDir(filepath.Dir(tilePath(dir, t))) // no directory is no partial tile
	for _, name := range names {
		if w, err := strconv.Atoi(name.Name()); err == nil && w > wider.W && w < width {
			wider.W, found = w, true
		}
	}
	return wider, found
}

func narrow(b []byte, from, to xtlog.Tile) ([]byte, error) {
	if to.L != bundleLevel {
		return b[:to.W*len(Hash{})], nil
	}
	_, rest, err := splitBundle(b, from, to.W)
	return b[:len(b)-len(rest)], err
}

// splitBundle cuts the first w entries off the bytes of a bundle. An error names the entry that is
// torn; the entries before it are returned with it.
func splitBundle(b []byte, t xtlog.Tile, w int) (leaves [][]byte, rest []byte, err error) {
	for rest = b; len(leaves) < w; {
		leaf, tail, err := torchwood.ReadTileEntry(rest)
		if err != nil {
			name, entry := torchwood.TilePath(t), t.N<<8+int64(len(leaves))
			return leaves, rest, altered(name, entry, "%s ends inside entry %d", name, entry)
		}
		leaves, rest = append(leaves, leaf), tail
	}
	return leaves, rest, nil
}

// readBundle reads the entries of a bundle, all of them and nothing else. With an error it returns
// the entries before the damage.
func readBundle(dir string, t xtlog.Tile) ([][]byte, error) {
	b, err := readTile(dir, t)
	if err != nil {
		return nil, err
	}
	leaves, rest, err := splitBundle(b, t, t.W)
	if err == nil && len(rest) > 0 {
		name := torchwood.TilePath(t)
		err = altered(name, -1, "%s has %d bytes after its last entry", name, len(rest))
	}
	return leaves, err
}

func tilePath(dir string, t xtlog.Tile) string {
	return filepath.Join(dir, filepath.FromSlash(torchwood.TilePath(t)))
}

// Prune removes from a log directory what a tree of n entries does not consist of: partial tiles of
// other sizes, files of entries past n, and temporary files of a crash. Files that are no tiles it
// leaves alone. When the directory is more than 4,096 entries ahead of n it removes nothing and
// returns an error that wraps ErrUnknown: that is no litter of a crash, but a larger log.
func Prune(dir string, n int64) error {
	var surplus []string
	err := walk(dir, "tile", func(name string, _ fs.DirEntry) error {
		t, ok := parseTile(name)
		switch {
		case ok && holds(t) > n+maxAhead:
			return fileError(ErrUnknown, name, "%s belongs to a tree of at least %d entries, far more than %d: "+
				"if that smaller tree is right, move the directory away and build it anew", name, holds(t), n)
		case ok && !partOf(t, n), isTemporary(name):
			surplus = append(surplus, name)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return removeAll(dir, surplus)
}

// walk calls f for everything below dir/sub that is not a directory, by its slash-separated path
// relative to dir. A missing sub is empty.
func walk(dir, sub string, f func(name string, d fs.DirEntry) error) error {
	top := filepath.Join(dir, sub)
	if _, err := os.Lstat(top); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		return f(filepath.ToSlash(rel), d)
	})
}

// removeAll removes files, and the directories that become empty by it.
func removeAll(dir string, names []string) error {
	for _, name := range names {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		for up := filepath.Dir(name); up != "."; up = filepath.Dir(up) {
			if os.Remove(filepath.Join(dir, up)) != nil {
				break // not empty
			}
		}
	}
	return nil
}

const temporary = ".tmp-"

func isTemporary(name string) bool {
	return strings.HasPrefix(filepath.Base(name), temporary)
}
