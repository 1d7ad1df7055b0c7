package client

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fairlead/internal/fairlead"
	"fairlead/internal/keystore"
	"fairlead/internal/registry"
	"fairlead/internal/tlog"
)

// outsiders is a policy of the first of some witnesses with an address, all of whom must sign; more than one makes
// another policy.
func outsiders(t *testing.T, vkey string, keys ...string) string {
	t.Helper()
	text, names := "log "+vkey+"\n", ""
	for i, key := range keys {
		text += fmt.Sprintf("witness w%d %s https://w%d.example.org\n", i, key, i)
		names += fmt.Sprintf(" w%d", i)
	}
	return text + "group every all" + names + "\nquorum every\n"
}

func witnessKeys(t *testing.T, n int) (keys []string) {
	t.Helper()
	for i := range n {
		skey, err := tlog.GenerateCosigner(fmt.Sprintf("w%d.example.org", i))
		if err != nil {
			t.Fatal(err)
		}
		key, err := tlog.NewCosigner(skey)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key.VKey())
	}
	return keys
}

// TestInvitationPolicy: the policy of the first invitation is the agency's; a later invitation is taken whole, or,
// where it is of another log or has another policy, not at all, and a person is told what differs.
func TestInvitationPolicy(t *testing.T) {
	signer, vkey := newLogKey(t)
	stranger, strange := newLogKey(t)
	w := witnessKeys(t, 4)
	first := outsiders(t, vkey, w[0], w[1], w[2])
	invite := func(s *tlog.Signer, change func(i *registry.Invitation)) registry.Invitation {
		t.Helper()
		i := registry.Invitation{URL: "tls://one.example", LogKey: vkey, Until: fairlead.At(morning.AddDate(0, 0, 14)), Policy: first}
		if change != nil {
			change(&i)
		}
		i, err := i.Sign(s)
		if err != nil {
			t.Fatal(err)
		}
		return i
	}
	dir := filepath.Join(t.TempDir(), "alder")
	read := func(name string) string {
		t.Helper()
		raw, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		return string(raw)
	}
	if err := TakeInvitation(dir, invite(signer, nil), morning); err == nil {
		t.Error("an invitation was taken into a folder that there is not")
	}
	bad := func(i *registry.Invitation) { i.Policy = "quorum none\n" }
	if _, err := Enrol(dir, keystore.Unsealed, invite(signer, bad), particulars()[0], nil, morning); !errors.Is(err, tlog.ErrPolicy) || read(keysDir+"/keystore.json") != "" {
		t.Errorf("a policy that is none: %v", err)
	}
	if _, err := Enrol(dir, keystore.Unsealed, invite(signer, nil), particulars()[0], nil, morning); err != nil {
		t.Fatal(err)
	}
	if read(policyFile) != first {
		t.Fatalf("the folder's policy is %q", read(policyFile))
	}
	if words, err := PolicyWords(dir); err != nil || !strings.HasPrefix(words, "3 of 3 witnesses at least, 3 of them with an address: w0 at https://w0.example.org, ") {
		t.Errorf("%q, %v", words, err)
	}

	other := func(text string) func(i *registry.Invitation) {
		return func(i *registry.Invitation) { i.URL, i.Policy = "tls://two.example", text }
	}
	for name, test := range map[string]struct {
		inv  registry.Invitation
		at   time.Time
		want error
		says string
	}{
		"fewer witnesses":                {invite(signer, other(outsiders(t, vkey, w[0], w[1]))), morning, ErrPolicy, "w2 is no witness any more; 2 of 2 witnesses are enough, 2 with an address; before 3 of 3"},
		"a lower quorum":                 {invite(signer, other(strings.Replace(first, "every all", "every 2", 1))), morning, ErrPolicy, "2 of 3 witnesses are enough, 2 with an address; before 3 of 3, 3 with"},
		"more of them":                   {invite(signer, other(outsiders(t, vkey, w...))), morning, ErrPolicy, "w3, with the key " + w[3] + ", is a new witness"},
		"another witness":                {invite(signer, other(outsiders(t, vkey, w[0], w[1], w[3]))), morning, ErrPolicy, "w2 is no witness any more"},
		"of another log":                 {invite(stranger, func(i *registry.Invitation) { i.LogKey, i.Policy = strange, outsiders(t, strange, w[0]) }), morning, ErrLog, "its log key is " + strange},
		"whose policy is of another log": {invite(signer, other(outsiders(t, strange, w[0]))), morning, tlog.ErrPolicy, "ask the operator for another"},
		"signed by another log":          {invite(stranger, other(first)), morning, registry.ErrInvitation, "the log's key did not sign it"},
		"for another agency":             {invite(signer, func(i *registry.Invitation) { i.Agency = birch }), morning, registry.ErrInvitation, "it is for BIRCH"},
		"that is over":                   {invite(signer, nil), morning.AddDate(0, 0, 14), registry.ErrInvitation, "it ended"},
		"that is older": {invite(signer, func(i *registry.Invitation) {
			i.URL, i.Until = "tls://zero.example", fairlead.At(morning.AddDate(0, 0, 13))
		}), morning, registry.ErrInvitation, "older than the one"},
	} {
		t.Run(name, func(t *testing.T) {
			before := read(invitationFile)
			if err := TakeInvitation(dir, test.inv, test.at); !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("%v, want %v: %s", err, test.want, test.says)
			}
			if read(policyFile) != first || read(invitationFile) != before {
				t.Error("something of it was taken")
			}
			if errors.Is(test.want, ErrPolicy) != (read(offeredFile) == test.inv.Policy) {
				t.Errorf("beside the policy lies %q", read(offeredFile))
			}
			// The command that makes keys takes no more than the other does.
			if _, err := Enrol(dir, keystore.Unsealed, test.inv, particulars()[0], nil, test.at); !errors.Is(err, test.want) || read(policyFile) != first || read(invitationFile) != before {
				t.Errorf("enrolled again: %v", err)
			}
			if err := os.RemoveAll(filepath.Join(dir, offeredFile)); err != nil {
				t.Fatal(err)
			}
		})
	}

	// What asks for the same is taken, and so is one that says nothing of witnesses; the policy stays.
	for _, text := range []string{"# of the members\n" + first, ""} {
		if err := TakeInvitation(dir, invite(signer, other(text)), morning); err != nil || read(policyFile) != first {
			t.Errorf("%q: %v", text, err)
		}
	}
	if !strings.Contains(read(invitationFile), "two.example") {
		t.Error("the hub's new address was not taken")
	}
	// A person has put the other in place: then it is taken.
	fewer := outsiders(t, vkey, w[0], w[1])
	if err := TakeInvitation(dir, invite(signer, other(fewer)), morning); !errors.Is(err, ErrPolicy) {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, offeredFile), filepath.Join(dir, policyFile)); err != nil {
		t.Fatal(err)
	}
	if err := TakeInvitation(dir, invite(signer, other(fewer)), morning); err != nil || read(policyFile) != fewer {
		t.Error(err)
	}
}

// TestInvitationOverOwnPolicy: a policy that a person put there before the keys were made is not replaced either, and
// no key is made until it is clear which holds.
func TestInvitationOverOwnPolicy(t *testing.T) {
	signer, vkey := newLogKey(t)
	w := witnessKeys(t, 2)
	dir := filepath.Join(t.TempDir(), "alder")
	own := outsiders(t, vkey, w[0])
	if err := tlog.WriteFile(dir, policyFile, []byte(own)); err != nil {
		t.Fatal(err)
	}
	inv := invited(t, signer, vkey)
	inv.Policy = outsiders(t, vkey, w[1])
	inv, err := inv.Sign(signer)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Enrol(dir, keystore.Unsealed, inv, particulars()[0], nil, morning); !errors.Is(err, ErrPolicy) {
		t.Errorf("%v, want %v", err, ErrPolicy)
	}
	if raw, err := os.ReadFile(filepath.Join(dir, policyFile)); err != nil || string(raw) != own {
		t.Errorf("the policy is %q, %v", raw, err)
	}
	if _, err := os.Stat(filepath.Join(dir, keysDir)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("keys were made: %v", err)
	}
}
