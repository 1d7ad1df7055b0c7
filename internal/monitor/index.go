package monitor

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"fairlead/internal/store"
	"fairlead/internal/tlog"
)

// Index is a disposable SQLite database beside a mirror, by which entries are found. It is made from
// entries that were authenticated one by one, and every entry that an answer cites is read again from
// the mirror and compared: who can modify an index can at most leave something out. OpenIndex with fresh
// makes it anew, and Verify and Replay never look at it.
type Index struct {
	db   *sql.DB
	a    *archive // nil: of a pack
	path string
	of   string // the log and its state, for people
	last string // time of the last entry
}

// errStale: an index is not of this version, or not of this state of this log.
var errStale = errors.New("monitor: the index is stale")

// OpenIndex opens the index of a mirror and makes it anew where it is missing, stale, broken or of
// another version, or if fresh is set. vkey is as in Verify. Errors wrap ErrMirror or ErrAltered.
func OpenIndex(ctx context.Context, dir, vkey string, fresh bool) (*Index, error) {
	a, err := openArchive(dir, vkey)
	if err != nil {
		return nil, err
	}
	if err := a.reach(); err != nil {
		return nil, fmt.Errorf("%w: %w; verify the mirror", ErrAltered, err)
	}
	path, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	x := &Index{a: a, path: path + ".index.db", of: a.name()}
	if !fresh && x.open(a.state()) == nil {
		return x, nil
	}
	return x, x.rebuild(ctx)
}

// name is a log at a state, for people.
func (a *archive) name() string {
	return fmt.Sprintf("%s, %d entries, root %s", a.key.Origin(), a.tree.N, rootText(a.tree.Hash))
}

// state names the version of the tables and the tree they are of.
func (a *archive) state() string {
	return fmt.Sprintf("%d %s %d %s", indexVersion, a.key.hash(), a.tree.N, a.tree.Hash)
}

// Close closes the file.
func (x *Index) Close() error { return x.db.Close() }

// open opens the file if it is of a state.
func (x *Index) open(want string) error {
	if _, err := os.Stat(x.path); err != nil {
		return err
	}
	db, err := store.OpenReadOnly(x.path)
	if err != nil {
		return err
	}
	var state string
	err = db.QueryRow(`SELECT state, last FROM about`).Scan(&state, &x.last)
	if err == nil && state != want {
		err = errStale
	}
	if err != nil {
		return errors.Join(err, db.Close())
	}
	x.db = db
	return nil
}

// rebuild makes the index from the mirror.
func (x *Index) rebuild(ctx context.Context) error {
	tell := progress(ctx, "index", x.a.tree.N)
	return x.build(ctx, x.a.state(), func(ctx context.Context, f func(*record) error) error {
		return x.a.from(ctx, 0, (*record).derive, func(r *record) error {
			tell(r.index + 1)
			return f(r)
		})
	})
}

// build makes the index of entries and opens it.
func (x *Index) build(ctx context.Context, state string, entries each) error {
	err := store.Replace(x.path, func(tx *sql.Tx) error {
		b, err := newBuilder(tx)
		if err != nil {
			return err
		}
		if err := entries(ctx, b.add); err != nil {
			return fmt.Errorf("%w: %w; verify the mirror", ErrAltered, err)
		}
		return b.finish(state)
	})
	if err != nil {
		return err
	}
	return x.open(state)
}

// builder writes the rows of entries.
type builder struct {
	tx      *sql.Tx
	inserts map[string]*sql.Stmt
	last    string
}

func newBuilder(tx *sql.Tx) (*builder, error) {
	b := &builder{tx: tx, inserts: map[string]*sql.Stmt{}}
	for _, t := range tables {
		columns := strings.Join(t.columns, ", ")
		create := fmt.Sprintf("CREATE TABLE %s (entry INTEGER NOT NULL, %s)", t.name, columns)
		if t.name == "entries" {
			create = fmt.Sprintf("CREATE TABLE %s (entry INTEGER PRIMARY KEY, %s)", t.name, columns)
		}
		if _, err := tx.Exec(create); err != nil {
			return nil, err
		}
		insert, err := tx.Prepare(fmt.Sprintf("INSERT INTO %s VALUES (?%s)", t.name, strings.Repeat(", ?", len(t.columns))))
		if err != nil {
			return nil, err
		}
		b.inserts[t.name] = insert
	}
	return b, nil
}

// add writes one entry.
func (b *builder) add(r *record) error {
	r.derive()
	b.last = stamp(r.leaf.At)
	for table, list := range r.rows {
		for _, row := range list {
			if _, err := b.inserts[table].Exec(row...); err != nil {
				return err
			}
		}
	}
	return nil
}

// finish adds the keys, and last of all what the index is of.
func (b *builder) finish(state string) error {
	for table, columns := range keys {
		for _, c := range strings.Fields(columns) {
			if _, err := b.tx.Exec(fmt.Sprintf("CREATE INDEX %s_%s ON %s (%s)", table, c, table, c)); err != nil {
				return err
			}
		}
	}
	if _, err := b.tx.Exec(`CREATE TABLE about (state, last)`); err != nil {
		return err
	}
	_, err := b.tx.Exec(`INSERT INTO about VALUES (?, ?)`, state, b.last)
	return err
}

// recheck compares what the index says of entries with the mirror. errStale: it differs.
func (x *Index) recheck(ctx context.Context, entries []int64) error {
	if x.a == nil {
		return nil // made a moment ago, of authenticated entries
	}
	r, err := tlog.OpenReader(x.a.dir, x.a.tree)
	for len(entries) > 0 && err == nil {
		k := entries[0] / span
		n := slices.IndexFunc(entries, func(i int64) bool { return i/span != k })
		if n < 0 {
			n = len(entries)
		}
		err = x.recheckBlock(ctx, r, k, entries[:n])
		entries = entries[n:]
	}
	return err
}

// recheckBlock compares entries of one bundle, in ascending order.
func (x *Index) recheckBlock(ctx context.Context, r *tlog.Reader, k int64, entries []int64) error {
	return x.a.block(ctx, r, k, func(e line) error {
		if _, wanted := slices.BinarySearch(entries, e.index); !wanted {
			return nil
		}
		fresh, err := e.open()
		if err != nil {
			return fmt.Errorf("%w: %w; verify the mirror", ErrAltered, err)
		}
		fresh.derive()
		for _, t := range tables {
			has, err := x.stored(ctx, t.name, e.index)
			if err != nil {
				return err
			}
			if fmt.Sprint(has) != fmt.Sprint(fresh.rows[t.name]) {
				return fmt.Errorf("%w: entry %d in %s", errStale, e.index, t.name)
			}
		}
		return nil
	})
}

// stored are the rows of an entry in a table.
func (x *Index) stored(ctx context.Context, table string, index int64) (list [][]any, err error) {
	r, err := x.db.QueryContext(ctx, fmt.Sprintf("SELECT * FROM %s WHERE entry = ? ORDER BY rowid", table), index)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	columns, err := r.Columns()
	if err != nil {
		return nil, err
	}
	for r.Next() {
		row, at := make([]any, len(columns)), make([]any, len(columns))
		for i := range row {
			at[i] = &row[i]
		}
		if err := r.Scan(at...); err != nil {
			return nil, err
		}
		list = append(list, row)
	}
	return list, r.Err()
}
