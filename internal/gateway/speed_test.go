package gateway_test

import (
	"net/http"
	"path/filepath"
	"testing"

	"fairlead/internal/fairlead"
	"fairlead/internal/hubtest"
	"fairlead/internal/store"
)

// BenchmarkInbox is the server's time for the first page of an inbox with 10,000 messages.
func BenchmarkInbox(b *testing.B) {
	w := newWorld(b)
	alder, birch := w.serve(hubtest.Alder, "en"), w.serve(hubtest.Birch, "en")
	sw := alder.signIn(b, "SW1")
	sw.send(sw.write("alert.missing", alder.alert("N-7")))
	if err := w.Settle(b.Context()); err != nil {
		b.Fatal(err)
	}
	db, err := store.Open(filepath.Join(birch.agency.Home.Dir, "store.db"))
	if err != nil {
		b.Fatal(err)
	}
	tx, err := db.Begin()
	if err != nil {
		b.Fatal(err)
	}
	for i := range 10000 {
		if _, err := tx.Exec(`INSERT INTO inbox VALUES (?, ?, ?, 'ALDER', 'alert.missing', '', '2027-01-11T09:00:00Z', x'00', x'00', x'00', 'opened_by_human')`,
			fairlead.NewShareID().String(), 1000+i, 1000+i); err != nil { // a list reads no frames
			b.Fatal(err)
		}
	}
	if err := tx.Commit(); err != nil {
		b.Fatal(err)
	}
	db.Close()
	r := birch.signIn(b, "D4")
	for b.Loop() {
		if status, _ := r.get("/inbox"); status != http.StatusOK {
			b.Fatal(status)
		}
	}
	// The world is not to be checked: its agency's store was filled by hand.
	w.Close()
}
