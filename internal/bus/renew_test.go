package bus_test

import (
	"errors"
	"testing"
	"time"

	"fairlead/internal/bus"
	"fairlead/internal/fairlead"
)

// TestRenew: an agency gets its own next credentials while it is connected, and goes on with them when
// those it came with have ended.
func TestRenew(t *testing.T) { everywhere(t, renew) }

func renew(t *testing.T, w *world) {
	a, b := w.enrol("RO"), w.enrol("RO")
	err := w.hub.Renewals(func(account fairlead.Account) ([]byte, error) {
		if account != a.account {
			return nil, errors.New("not this one")
		}
		token, err := w.server.UserJWT(account, publicKey(w, a), time.Now().Add(time.Hour))
		return []byte(token), err
	})
	if err != nil {
		t.Fatal(err)
	}
	if next, err := w.dial(b).Renew(within(t)); !errors.Is(err, bus.ErrRenew) {
		t.Errorf("B was given %q, %v", next, err)
	}
	old := a
	if old.cfg.UserJWT, err = w.server.UserJWT(a.account, publicKey(w, a), time.Now().Add(2*time.Second)); err != nil {
		t.Fatal(err)
	}
	conn := w.dial(old)
	next, err := conn.Renew(within(t))
	if err != nil {
		t.Fatal(err)
	}
	conn.Use(string(next))
	for ctx := within(t); stranger(w, old) != nil; { // until the old ones have ended
		if ctx.Err() != nil {
			t.Fatal("they do not end")
		}
	}
	for ctx := within(t); ; { // the connection comes back by itself
		err := conn.Publish(ctx, a.in(t, "RO", "ack"), []byte("after"))
		if err == nil {
			break
		}
		if ctx.Err() != nil {
			t.Fatal(err)
		}
	}
}
