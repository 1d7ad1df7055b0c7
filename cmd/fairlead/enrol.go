package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"fairlead/internal/client"
	"fairlead/internal/fairlead"
	"fairlead/internal/keyring"
	"fairlead/internal/keystore"
	"fairlead/internal/registry"
)

// enrol makes keys in the agency's folder and the signed request.
func enrol(_ context.Context, s *session) error {
	inv, err := readInvitation(s.args[0])
	if err != nil {
		return err
	}
	if s.agency == "" || s.name == "" || s.kind == "" || s.jurisdiction == "" {
		return errUsage
	}
	r := registry.Request{
		Agency: fairlead.AgencyID(s.agency), Name: s.name, Type: fairlead.AgencyType(s.kind), Jurisdiction: fairlead.Jurisdiction(s.jurisdiction), Emergency: s.duty,
	}
	from := keystore.Ask(s.PassphraseFile)
	if s.unsealed {
		from = keystore.Unsealed
	}
	if r.Again = s.again; s.sheets < 1 || s.sheets > 9 {
		return errUsage
	}
	root := client.NewRoot()
	if s.again {
		if root, err = readRoot(); err != nil {
			return err
		}
	}
	defer clear(root)
	signed, err := client.Enrol(s.Dir, from, inv, r, root, time.Now())
	if err != nil {
		return err
	}
	return s.requested(signed, &inv, filepath.Join(s.Dir, "request.json"), root)
}

func readInvitation(path string) (registry.Invitation, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return registry.Invitation{}, err
	}
	inv, err := registry.ParseInvitation(raw)
	if err != nil {
		return inv, fmt.Errorf("%s: %w", path, err)
	}
	return inv, nil
}

// invitation takes a later invitation of the same hub.
func invitation(_ context.Context, s *session) error {
	inv, err := readInvitation(s.args[0])
	if err != nil {
		return err
	}
	if err := client.TakeInvitation(s.Dir, inv, time.Now()); err != nil {
		return err
	}
	policy, err := client.PolicyWords(s.Dir)
	if err != nil {
		return err
	}
	return s.print(map[string]string{"url": inv.URL, "log_key": inv.LogKey, "policy": policy}, func() {
		s.say("taken into %s: the hub is at %s, and the log is the one you know", s.Dir, inv.URL)
		s.policy(policy)
	})
}

// policy says whose cosignatures are enough here.
func (s *session) policy(words string) {
	if words != "" {
		s.say("the log counts as witnessed by %s; compare %s with another member's, not with the hub's", words, filepath.Join(s.Dir, "witness.policy"))
	}
}

// reenrol makes new keys in the agency's folder and the request that its root authorises.
func reenrol(_ context.Context, s *session) error {
	root, err := readRoot()
	if err != nil {
		return err
	}
	defer clear(root)
	fresh := keystore.Source(keystore.AskNew)
	if s.unsealed {
		fresh = keystore.Unsealed
	}
	signed, err := client.Reenrol(s.Dir, keystore.Ask(s.PassphraseFile), fresh, root, time.Now())
	if err != nil {
		return err
	}
	return s.requested(signed, nil, filepath.Join(s.Dir, "again.json"), nil)
}

// requested says what a person does with a request. The sheets of a new root are shown this once.
func (s *session) requested(signed registry.SignedRequest, inv *registry.Invitation, path string, root []byte) error {
	r, fingerprint, err := signed.Review(time.Now())
	if err != nil {
		return err
	}
	var sheets []string
	if root != nil && !s.again && r.Root == registry.RootKey(root) {
		for _, sheet := range keystore.Split(root, s.sheets) {
			sheets = append(sheets, keyring.Fingerprint(sheet).Words())
			clear(sheet)
		}
	}
	policy, err := client.PolicyWords(s.Dir)
	if err != nil {
		return err
	}
	return s.print(map[string]any{"request": path, "fingerprint": fingerprint.String(), "words": fingerprint.Words(), "root_sheets": sheets, "policy": policy}, func() {
		s.say("keys made in %s; they never leave this machine", s.Dir)
		if inv != nil {
			s.say("log key of the hub, compare it with the operator: %s", inv.LogKey)
			for _, o := range inv.Operators {
				s.say("the hub is run by %s, with the key %s", o.Name, o.Key)
			}
		}
		s.policy(policy)
		s.say("fingerprint of your key, read it to the operator:  %s", fingerprint)
		s.say("the same in words, for your sponsor as well:        %s", fingerprint.Words())
		s.say("now send %s to your sponsor, an agency already enrolled, and from there to the hub's operator", path)
		switch {
		case len(sheets) > 0:
			s.say("\nThe root of %s is shown now and never again. After a loss or theft it alone authorises new keys under this name.\n"+
				"Write it on paper, lock it away from this machine, and keep no copy of this output:", r.Agency)
		case !r.Again:
			s.say("the root was shown when these keys were made; if nobody wrote it down, and nothing was sent yet, begin again in a new folder")
		}
		for i, sheet := range sheets {
			s.say("\nroot sheet %d of %d\n%s", i+1, len(sheets), sheet)
		}
	})
}

// readRoot reads the sheets of the root from the standard input.
func readRoot() ([]byte, error) {
	sheets, err := readSheets()
	if err != nil {
		return nil, err
	}
	return keystore.Combine(sheets)
}

// sponsor countersigns another agency's request, in its file, after its fingerprint was read out.
func sponsor(_ context.Context, s *session) error {
	raw, err := os.ReadFile(s.args[0])
	if err != nil {
		return err
	}
	var signed registry.SignedRequest
	if err := json.Unmarshal(raw, &signed); err != nil {
		return fmt.Errorf("%s is not a request of fairlead enrol: %w", s.args[0], err)
	}
	if err := s.openHome(); err != nil {
		return err
	}
	if signed, err = s.home.Sponsor(signed, s.args[1], time.Now()); err != nil {
		return err
	}
	if raw, err = json.MarshalIndent(signed, "", "\t"); err != nil {
		return err
	}
	if err := os.WriteFile(s.args[0], append(raw, '\n'), 0o644); err != nil {
		return err
	}
	s.say("countersigned as %s, in %s; send it to the hub's operator", s.home.Admission.Agency, s.args[0])
	return nil
}

// join takes the admission, connects and proves its own entry.
func join(ctx context.Context, s *session) error {
	raw, err := os.ReadFile(s.args[0])
	if err != nil {
		return err
	}
	var a registry.Admission
	if err := json.Unmarshal(raw, &a); err != nil {
		return fmt.Errorf("%s is not an admission of a hub: %w", s.args[0], err)
	}
	if err := client.Join(s.Dir, a); err != nil {
		return err
	}
	if err := s.open(ctx); err != nil {
		return err
	}
	if s.conn != nil && s.home.StartsOver(s.client) {
		if err := s.conn.Rewind(ctx, 0); err != nil {
			return err
		}
	}
	if err := s.catchUp(ctx); err != nil {
		return err
	}
	if s.client.Snapshot().Agency(a.Agency) == nil {
		return fmt.Errorf("the log does not show this agency yet; try: fairlead sync")
	}
	return s.print(a, func() { s.say("%s is in the register, proved by log entry %d; you can send", a.Agency, a.Entry) })
}

// passphrase seals the keys under another passphrase.
func passphrase(_ context.Context, s *session) error {
	var fresh keystore.Source = keystore.AskNew
	if s.unsealed {
		fresh = keystore.Unsealed
	}
	if err := client.ChangePassphrase(s.Dir, keystore.Ask(s.PassphraseFile), fresh); err != nil {
		return err
	}
	s.say("done; old copies of %s still open with the old passphrase", s.Dir)
	return nil
}

// setTLS keeps the certificate that the agency shows to a hub that asks for one.
func setTLS(_ context.Context, s *session) error {
	cert, err := os.ReadFile(s.args[0])
	if err != nil {
		return err
	}
	key, err := os.ReadFile(s.args[1])
	if err != nil {
		return err
	}
	defer clear(key)
	if err := client.SetTLS(s.Dir, keystore.Ask(s.PassphraseFile), cert, key); err != nil {
		return err
	}
	s.say("kept, sealed, in %s; delete %s", s.Dir, s.args[1])
	return nil
}

// rotate makes a new encryption subkey and announces it.
func rotate(ctx context.Context, s *session) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	id, err := s.home.RotateKey(s.client, s.Role, s.User)
	if err != nil {
		return err
	}
	return s.await(ctx, id)
}

// agencies lists the register as this agency has proved it.
func agencies(ctx context.Context, s *session) error {
	if err := s.current(ctx); err != nil {
		return err
	}
	list := s.client.Snapshot().Agencies()
	return s.print(list, func() {
		for _, a := range list {
			s.say("%-12s %-20s %-7s %s", a.ID, a.Type, a.Jurisdiction, a.Name)
		}
	})
}
