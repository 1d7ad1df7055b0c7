package hubtest

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fairlead/internal/fairlead"
)

// stored is everything in an agency's folder as one string: the files, and each value in its store by
// itself, since a file of SQLite holds a long one in pieces.
func (w *World) stored(t testing.TB, id fairlead.AgencyID) string {
	t.Helper()
	var all strings.Builder
	err := w.inStore(id, func(db *sql.DB) error { return dump(db, &all) })
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range files(t, w.home(id)) {
		all.Write(b)
	}
	return all.String()
}

// files are all files below a folder, by their path.
func files(t testing.TB, dir string) map[string][]byte {
	t.Helper()
	found := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		found[path], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// dump writes every value of every table.
func dump(db *sql.DB, all *strings.Builder) error {
	var tables []string
	rows, err := db.Query(`SELECT name FROM sqlite_master WHERE type = 'table'`)
	if err != nil {
		return err
	}
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return err
		}
		tables = append(tables, name)
	}
	if err := rows.Close(); err != nil {
		return err
	}
	for _, name := range tables {
		rows, err := db.Query(`SELECT * FROM ` + name)
		if err != nil {
			return err
		}
		if err := dumpRows(rows, all); err != nil {
			return err
		}
	}
	return nil
}

func dumpRows(rows *sql.Rows, all *strings.Builder) error {
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	values, into := make([]any, len(columns)), make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		for _, v := range values {
			if b, ok := v.([]byte); ok {
				all.Write(b)
			} else {
				fmt.Fprint(all, v)
			}
			all.WriteByte('\n')
		}
	}
	return rows.Err()
}
