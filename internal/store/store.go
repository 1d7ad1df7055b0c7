// Package store opens the small SQLite files that agencies and auditors keep on their own machines. It
// alone imports the driver.
package store

import (
	"database/sql"
	"fmt"
	"net/url"

	_ "modernc.org/sqlite" // the driver, written in Go
)

// Open opens or makes the database at path and brings it to schema, a list of statements that may run
// again. Every committed transaction is on disk (synchronous=FULL); a second process waits its turn.
func Open(path string, schema ...string) (*sql.DB, error) {
	q := url.Values{}
	for _, pragma := range []string{"journal_mode(WAL)", "synchronous(FULL)", "busy_timeout(10000)", "foreign_keys(1)", "secure_delete(1)"} {
		q.Add("_pragma", pragma)
	}
	q.Set("_txlock", "immediate")
	name := (&url.URL{Path: path}).EscapedPath() // a folder may have '?', '#' or '%' in its name
	db, err := sql.Open("sqlite", "file:"+name+"?"+q.Encode())
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	db.SetMaxOpenConns(1) // one writer; the store is small and transactions are short
	for _, s := range schema {
		if _, err := db.Exec(s); err != nil {
			db.Close()
			return nil, fmt.Errorf("open %s: %w", path, err)
		}
	}
	return db, nil
}
