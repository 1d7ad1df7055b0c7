package natsd_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"

	"fairlead/internal/bus"
	"fairlead/internal/fairlead"
	"fairlead/internal/natsd"
	"fairlead/internal/subject"
)

// entrance reports whether an agency gets in and can submit.
func entrance(t testing.TB, cfg bus.AgencyConfig) error {
	t.Helper()
	a, err := bus.Dial(within(t), cfg)
	if err != nil {
		return err
	}
	defer a.Close()
	on, err := subject.In(subject.ToHub, cfg.Account, "ack")
	if err != nil {
		t.Fatal(err)
	}
	return a.Publish(within(t), on, []byte("x"))
}

func TestUnknownAccounts(t *testing.T) {
	s := start(t, natsd.Config{Dir: t.TempDir()})
	_, user, err := bus.NewUser()
	if err != nil {
		t.Fatal(err)
	}
	stranger := fairlead.Account("AAT3LFZ63UYT2LHSSUGB4GWMXGG6ZSN5GGBKQYWXNGDOFUF4VM56ZR23")
	for _, a := range []fairlead.Account{"", "x", "../hub", stranger} {
		if err := s.Activate(a); !errors.Is(err, natsd.ErrAccount) {
			t.Errorf("Activate(%q): %v", a, err)
		}
		if err := s.Remove(a); !errors.Is(err, natsd.ErrAccount) {
			t.Errorf("Remove(%q): %v", a, err)
		}
		if _, err := s.UserJWT(a, user, time.Time{}); !errors.Is(err, natsd.ErrAccount) {
			t.Errorf("UserJWT(%q): %v", a, err)
		}
	}
}

func TestAccountFromKeysToRemoval(t *testing.T) {
	s := start(t, natsd.Config{Dir: t.TempDir(), Listen: "127.0.0.1:0"})
	openHub(t, s)
	account, err := s.NewAccount()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.UserJWT(account, string(account), time.Time{}); err == nil {
		t.Error("an account key passes for a user key")
	}
	user := newUser(t, s, account)
	if err := entrance(t, user); err == nil {
		t.Fatal("gets in before the account is activated")
	}
	for range 2 {
		if err := s.Activate(account); err != nil {
			t.Fatal(err)
		}
	}
	if err := entrance(t, user); err != nil {
		t.Fatal(err)
	}
	if err := s.Remove(account); err != nil {
		t.Fatal(err)
	}
	if err := entrance(t, user); err == nil {
		t.Error("gets in after removal")
	}
	if err := s.Activate(account); err != nil {
		t.Fatal(err)
	}
	if err := entrance(t, user); err == nil {
		t.Error("a user from before the removal gets in")
	}
	// JWTs count whole seconds: a user made in the second of the removal stays out too.
	for ctx := within(t); entrance(t, newUser(t, s, account)) != nil; {
		if ctx.Err() != nil {
			t.Fatal("no new user gets in")
		}
	}
}

// TestTornAccount: where the file that holds who was revoked is torn, as by a power cut, nobody is let in again by
// what was made before.
func TestTornAccount(t *testing.T) {
	dir := t.TempDir()
	s := start(t, natsd.Config{Dir: dir})
	openHub(t, s)
	thief := enrol(t, s)
	claims, err := jwt.DecodeUserClaims(thief.UserJWT)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Revoke(thief.Account, claims.Subject); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(dir, "jwt", string(thief.Account)+".jwt"), 100); err != nil {
		t.Fatal(err)
	}
	if _, err := s.UserJWT(thief.Account, claims.Subject, time.Time{}); err == nil {
		t.Error("a JWT for who may have been revoked")
	}
	if err := s.Activate(thief.Account); err != nil {
		t.Fatal(err)
	}
	if err := entrance(t, thief); err == nil {
		t.Error("who was revoked gets in")
	}
	for ctx := within(t); entrance(t, newUser(t, s, thief.Account)) != nil; {
		if ctx.Err() != nil {
			t.Fatal("no new user gets in")
		}
	}
}

func TestUserExpires(t *testing.T) {
	s := start(t, natsd.Config{Dir: t.TempDir(), Listen: "127.0.0.1:0"})
	openHub(t, s)
	cfg := enrol(t, s)
	pair, err := nkeys.FromSeed(cfg.Seed)
	if err != nil {
		t.Fatal(err)
	}
	public, err := pair.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		until time.Time
		in    bool
	}{{time.Now().Add(time.Hour), true}, {time.Now().Add(-time.Hour), false}} {
		if cfg.UserJWT, err = s.UserJWT(cfg.Account, public, c.until); err != nil {
			t.Fatal(err)
		}
		if err := entrance(t, cfg); (err == nil) != c.in {
			t.Errorf("until %v: %v", c.until, err)
		}
	}
}

// Even the keys of an agency's account, which the hub keeps, give no user more than the template.
func TestForgedUsers(t *testing.T) {
	dir := t.TempDir()
	s := start(t, natsd.Config{Dir: dir, Listen: "127.0.0.1:0"})
	openHub(t, s)
	cfg := enrol(t, s)
	text, err := keys(t, dir).Read("agency-" + string(cfg.Account) + ".seeds")
	if err != nil {
		t.Fatal(err)
	}
	seeds := bytes.Fields(text)
	if len(seeds) != 2 {
		t.Fatalf("%d seeds", len(seeds))
	}
	pair, err := nkeys.FromSeed(cfg.Seed)
	if err != nil {
		t.Fatal(err)
	}
	user, err := pair.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	scoped := func(c *jwt.UserClaims) { c.SetScoped(true) }
	own := func(c *jwt.UserClaims) { c.Pub.Allow.Add(">"); c.Sub.Allow.Add(">") }
	for name, c := range map[string]struct {
		seed  []byte
		shape func(*jwt.UserClaims)
		in    bool
	}{
		"signing key, template":        {seeds[1], scoped, true},
		"signing key, own permissions": {seeds[1], own, false},
		"identity key, template":       {seeds[0], scoped, false},
		"identity key, own":            {seeds[0], own, false},
	} {
		signer, err := nkeys.FromSeed(c.seed)
		if err != nil {
			t.Fatal(err)
		}
		claims := jwt.NewUserClaims(user)
		claims.IssuerAccount = string(cfg.Account)
		c.shape(claims)
		if cfg.UserJWT, err = claims.Encode(signer); err != nil {
			t.Fatal(err)
		}
		if err := entrance(t, cfg); (err == nil) != c.in {
			t.Errorf("%s: %v", name, err)
		}
	}
}
