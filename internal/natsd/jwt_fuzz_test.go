package natsd

import (
	"testing"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
)

// FuzzMint: whatever lies where an account's JWT was, the one that is served says what we say and is signed by us.
func FuzzMint(f *testing.F) {
	ours, err := nkeys.CreateOperator()
	if err != nil {
		f.Fatal(err)
	}
	other, err := nkeys.CreateOperator()
	if err != nil {
		f.Fatal(err)
	}
	account, err := nkeys.CreateAccount()
	if err != nil {
		f.Fatal(err)
	}
	public, err := account.PublicKey()
	if err != nil {
		f.Fatal(err)
	}
	issuer, err := ours.PublicKey()
	if err != nil {
		f.Fatal(err)
	}
	wanted := func(conns int64) *jwt.AccountClaims {
		c := jwt.NewAccountClaims(public)
		c.Limits.Conn = conns
		return c
	}
	for _, pair := range []nkeys.KeyPair{ours, other} {
		for _, conns := range []int64{agencyConns, -1} {
			token, err := wanted(conns).Encode(pair)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(token)
		}
	}
	f.Add("")
	f.Add("a.b.c")
	f.Fuzz(func(t *testing.T, old string) {
		token, err := mint(old, wanted(agencyConns), ours)
		if err != nil {
			t.Fatal(err)
		}
		c, err := jwt.DecodeAccountClaims(token)
		if err != nil || c.Subject != public || c.Issuer != issuer || c.Limits.Conn != agencyConns {
			t.Fatalf("served is %+v, %v", c, err)
		}
	})
}
