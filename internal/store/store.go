// Package store opens the small SQLite files that agencies and auditors keep on their own machines. It
// alone imports the driver.
package store

import (
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"

	_ "modernc.org/sqlite" // the driver, written in Go
)

// Open opens or makes the database at path and brings it to schema, a list of statements that may run
// again. Every committed transaction is on disk (synchronous=FULL); a second process waits its turn.
func Open(path string, schema ...string) (*sql.DB, error) {
	db, err := open(path, "journal_mode(WAL)", "synchronous(FULL)", "busy_timeout(10000)", "foreign_keys(1)", "secure_delete(1)")
	if err != nil {
		return nil, err
	}
	for _, s := range schema {
		if _, err := db.Exec(s); err != nil {
			db.Close()
			return nil, fmt.Errorf("open %s: %w", path, err)
		}
	}
	return db, nil
}

// Replace makes the database at path anew and puts it into the place of the old one in one step: fill
// writes it in one transaction. It is for what can be made again: nothing is synced, and a crash leaves
// the old file, or one that does not open.
func Replace(path string, fill func(*sql.Tx) error) error {
	next := path + ".new"
	if err := os.Remove(next); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	db, err := open(next, "journal_mode(OFF)", "synchronous(OFF)")
	if err != nil {
		return err
	}
	err = transact(db, fill)
	if err = errors.Join(err, db.Close()); err != nil {
		return fmt.Errorf("make %s: %w", path, errors.Join(err, os.Remove(next)))
	}
	return os.Rename(next, path)
}

func transact(db *sql.DB, fill func(*sql.Tx) error) error {
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	if err := fill(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

// OpenReadOnly opens a database that Replace made. Nothing beside it is written.
func OpenReadOnly(path string) (*sql.DB, error) { return open(path, "query_only(1)") }

// open opens a file with the pragmas given, on one connection.
func open(path string, pragmas ...string) (*sql.DB, error) {
	q := url.Values{"_pragma": pragmas, "_txlock": {"immediate"}}
	name := (&url.URL{Path: path}).EscapedPath() // a folder may have '?', '#' or '%' in its name
	db, err := sql.Open("sqlite", "file:"+name+"?"+q.Encode())
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	db.SetMaxOpenConns(1) // one writer; the store is small and transactions are short
	return db, nil
}
