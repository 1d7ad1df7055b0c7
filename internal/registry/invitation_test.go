package registry_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"fairlead/internal/fairlead"
	"fairlead/internal/registry"
	"fairlead/internal/tlog"
)

func logKey(t testing.TB) (*tlog.Signer, string) {
	t.Helper()
	skey, vkey, err := tlog.GenerateKey("hub.example/log")
	if err != nil {
		t.Fatal(err)
	}
	s, err := tlog.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	return s, vkey
}

func invitation(t testing.TB, s *tlog.Signer, vkey string) registry.Invitation {
	t.Helper()
	i, err := registry.Invitation{
		URL: "tls://hub.example:4222", CertPEM: "pem", LogKey: vkey, HTTP: "http://hub.example", Agency: "NOR-CSC", Until: fairlead.At(start.Add(registry.InvitationLasts)),
		Operators: []registry.Operator{{Name: "ana", Key: "aa"}}, Policy: "log " + vkey,
	}.Sign(s)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// TestInvitation: one that was altered anywhere, is over, is for another agency, or that another key signed, is
// refused by name; so is a checkpoint, and an invitation is none.
func TestInvitation(t *testing.T) {
	signer, vkey := logKey(t)
	other, otherKey := logKey(t)
	good := invitation(t, signer, vkey)
	read, err := registry.ParseInvitation(asJSON(good))
	if err != nil || read.Check("NOR-CSC", start) != nil {
		t.Fatalf("%v, %v", err, read.Check("NOR-CSC", start))
	}
	checkpoint, err := tlog.SignCheckpoint(signer, tlog.Tree{N: 0, Hash: tlog.Hash{0xe3, 0xb0, 0xc4, 0x42}})
	if err != nil {
		checkpoint, err = tlog.SignCheckpoint(signer, tlog.Tree{N: 1})
	}
	if err != nil {
		t.Fatal(err)
	}
	const altered = "it was altered, or the log's key did not sign it"
	for name, test := range map[string]struct {
		change func(i *registry.Invitation)
		says   string
	}{
		"another address":      {func(i *registry.Invitation) { i.URL = "tls://elsewhere.example:4222" }, altered},
		"another certificate":  {func(i *registry.Invitation) { i.CertPEM = "another" }, altered},
		"another web address":  {func(i *registry.Invitation) { i.HTTP = "" }, altered},
		"another log":          {func(i *registry.Invitation) { i.LogKey = otherKey }, altered},
		"no log":               {func(i *registry.Invitation) { i.LogKey = "" }, "its log key"},
		"another agency":       {func(i *registry.Invitation) { i.Agency = "WDB-CSC" }, altered},
		"everybody":            {func(i *registry.Invitation) { i.Agency = "" }, altered},
		"a longer time":        {func(i *registry.Invitation) { i.Until = fairlead.At(start.AddDate(1, 0, 0)) }, altered},
		"another operator":     {func(i *registry.Invitation) { i.Operators = []registry.Operator{{Name: "eve", Key: "ee"}} }, altered},
		"an operator's key":    {func(i *registry.Invitation) { i.Operators = []registry.Operator{{Name: "ana", Key: "ee"}} }, altered},
		"another policy":       {func(i *registry.Invitation) { i.Policy = "" }, altered},
		"no signature":         {func(i *registry.Invitation) { i.Signature = "" }, altered},
		"signed as checkpoint": {func(i *registry.Invitation) { i.Signature = string(checkpoint) }, altered},
		"by another key":       {func(i *registry.Invitation) { *i, _ = i.Sign(other) }, altered},
	} {
		i := good
		test.change(&i)
		if err := i.Check("NOR-CSC", start); !errors.Is(err, registry.ErrInvitation) || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := good.Check("WDB-CSC", start); !errors.Is(err, registry.ErrInvitation) || !strings.Contains(err.Error(), "it is for NOR-CSC, not for WDB-CSC") {
		t.Errorf("for another: %v", err)
	}
	for at, open := range map[time.Duration]bool{registry.InvitationLasts - time.Second: true, registry.InvitationLasts: false} {
		if err := good.Check("NOR-CSC", start.Add(at)); (err == nil) != open || !open && !strings.Contains(err.Error(), "it ended") {
			t.Errorf("after %s: %v", at, err)
		}
	}
	v, err := tlog.NewVerifier(vkey)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tlog.OpenCheckpoint([]byte(good.Signature), v); !errors.Is(err, tlog.ErrCheckpoint) {
		t.Errorf("as a checkpoint: %v", err)
	}
	if _, err := tlog.SignStatement(signer, "hub.example/log", nil); !errors.Is(err, tlog.ErrStatement) {
		t.Errorf("a statement named as the log: %v", err)
	}
	for _, bad := range []string{"", "{}{}", `{"url":"a","URL":"b"}`, `{"more":1}`} {
		if _, err := registry.ParseInvitation([]byte(bad)); !errors.Is(err, registry.ErrInvitation) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// FuzzInvitation: what is read and checks out is what the log's key signed: not for another agency, nor elsewhere.
func FuzzInvitation(f *testing.F) {
	signer, vkey := logKey(f)
	good := invitation(f, signer, vkey)
	f.Add(asJSON(good))
	f.Add([]byte(strings.Replace(string(asJSON(good)), "NOR-CSC", "WDB-CSC", 1)))
	f.Fuzz(func(t *testing.T, b []byte) {
		i, err := registry.ParseInvitation(b)
		if err != nil {
			return
		}
		if i.Check("NOR-CSC", start) != nil {
			return
		}
		elsewhere, other := i, i
		elsewhere.URL += "0"
		other.Agency += "X"
		if elsewhere.Check("NOR-CSC", start) == nil || other.Check(other.Agency, start) == nil {
			t.Fatalf("it checks out altered as well: %+v", i)
		}
	})
}
