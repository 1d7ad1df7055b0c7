package store_test

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fairlead/internal/store"
)

const schema = `CREATE TABLE IF NOT EXISTS note (id INTEGER PRIMARY KEY, text TEXT NOT NULL, of INTEGER REFERENCES note (id))`

func open(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := store.Open(path, schema)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// TestOpen: the schema may run again, what was committed is there, and what was not is gone.
func TestOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "agency.db")
	db := open(t, path)
	if _, err := db.Exec(`INSERT INTO note (id, text) VALUES (1, 'kept')`); err != nil {
		t.Fatal(err)
	}
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(`INSERT INTO note (id, text) VALUES (2, 'dropped')`); err != nil {
		t.Fatal(err)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	var n int
	if err := open(t, path).QueryRow(`SELECT count(*) FROM note`).Scan(&n); err != nil || n != 1 {
		t.Errorf("%d notes: %v", n, err)
	}
}

// TestPragmas: what the promises of Open stand on.
func TestPragmas(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "agency.db"))
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "busy_timeout": "10000", "foreign_keys": "1", "secure_delete": "1"} {
		var got string
		if err := db.QueryRow(`PRAGMA ` + pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %s, want %s: %v", pragma, got, want, err)
		}
	}
	if _, err := db.Exec(`INSERT INTO note (id, text, of) VALUES (1, 'x', 99)`); err == nil {
		t.Error("a reference that leads nowhere was taken")
	}
}

// TestNames: a folder's name may hold what means something in a URI.
func TestNames(t *testing.T) {
	for _, name := range []string{"plain.db", "with space.db", "50%41.db", "what?.db", "a#b.db", "a&_pragma=x.db", "jurisdicţie.db"} {
		path := filepath.Join(t.TempDir(), name)
		db := open(t, path)
		if _, err := db.Exec(`INSERT INTO note (id, text) VALUES (1, 'x')`); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if list, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*.db")); err != nil || len(list) != 1 || list[0] != path {
			t.Errorf("%s: the file is %v", name, list)
		}
	}
}

// TestSecondProcess: a second opening of the same file waits its turn and sees what the first wrote.
func TestSecondProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "agency.db")
	one, two := open(t, path), open(t, path)
	tx, err := one.Begin()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(`INSERT INTO note (id, text) VALUES (1, 'first')`); err != nil {
		t.Fatal(err)
	}
	second := make(chan error)
	go func() {
		_, err := two.Exec(`INSERT INTO note (id, text) SELECT max(id) + 1, 'second' FROM note`)
		second <- err
	}()
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := <-second; err != nil {
		t.Fatal(err)
	}
	var n int
	if err := one.QueryRow(`SELECT count(*) FROM note`).Scan(&n); err != nil || n != 2 {
		t.Errorf("%d notes: %v", n, err)
	}
}

// TestImmediate: a transaction takes its turn when it begins, not at its first write: of two that read
// and then write none is sent away in the middle.
func TestImmediate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "agency.db")
	one, two := open(t, path), open(t, path)
	if _, err := two.Exec(`PRAGMA busy_timeout = 0`); err != nil {
		t.Fatal(err)
	}
	tx, err := one.Begin()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := two.Exec(`INSERT INTO note (id, text) VALUES (1, 'x')`); err == nil {
		t.Error("another wrote while a transaction was open")
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if _, err := two.Exec(`INSERT INTO note (id, text) VALUES (1, 'x')`); err != nil {
		t.Error(err)
	}
}

func TestRefuses(t *testing.T) {
	dir := t.TempDir()
	for name, test := range map[string]struct{ path, schema string }{
		"no folder":    {filepath.Join(dir, "no", "agency.db"), schema},
		"a folder":     {dir, schema},
		"wrong schema": {filepath.Join(dir, "agency.db"), `CREATE TABEL note (id)`},
	} {
		if db, err := store.Open(test.path, test.schema); err == nil || db != nil || !strings.Contains(err.Error(), test.path) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestReplace: what is made anew stands in the place of the old, or the old stays; no file is left beside it.
func TestReplace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "made ? again.db")
	fill := func(text string, end error) error {
		return store.Replace(path, func(tx *sql.Tx) error {
			_, err := tx.Exec(schema)
			if err == nil {
				_, err = tx.Exec(`INSERT INTO note (id, text) VALUES (1, ?)`, text)
			}
			return errors.Join(err, end)
		})
	}
	broken := errors.New("broken off")
	if err := errors.Join(fill("old", nil), fill("new", nil)); err != nil {
		t.Fatal(err)
	}
	if err := fill("never", broken); !errors.Is(err, broken) {
		t.Fatal(err)
	}
	db, err := store.OpenReadOnly(path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var text string
	if err := db.QueryRow(`SELECT text FROM note`).Scan(&text); err != nil || text != "new" {
		t.Errorf("%q: %v", text, err)
	}
	if _, err := db.Exec(`UPDATE note SET text = 'x'`); err == nil {
		t.Error("it can be written")
	}
	if names, err := os.ReadDir(filepath.Dir(path)); err != nil || len(names) != 1 {
		t.Errorf("beside it: %v %v", names, err)
	}
}
