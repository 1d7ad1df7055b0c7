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
	"fairlead/internal/keystore"
	"fairlead/internal/registry"
)

// enrol makes keys in the agency's folder and the signed request.
func enrol(_ context.Context, s *session) error {
	raw, err := os.ReadFile(s.args[0])
	if err != nil {
		return err
	}
	var inv registry.Invitation
	if err := json.Unmarshal(raw, &inv); err != nil {
		return fmt.Errorf("%s is not an invitation of a hub: %w", s.args[0], err)
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
	signed, err := client.Enrol(s.Dir, from, inv, r, time.Now())
	if err != nil {
		return err
	}
	_, fingerprint, err := signed.Review(time.Now())
	if err != nil {
		return err
	}
	path := filepath.Join(s.Dir, "request.json")
	return s.print(map[string]string{"request": path, "fingerprint": fingerprint.String(), "words": fingerprint.Words()}, func() {
		s.say("keys made in %s; they never leave this machine", s.Dir)
		s.say("log key of the hub, compare it with the operator: %s", inv.LogKey)
		s.say("fingerprint of your key, read it to the operator:  %s", fingerprint)
		s.say("the same in words, for your sponsor as well:        %s", fingerprint.Words())
		s.say("now send %s to your sponsor, an agency already enrolled, and from there to the hub's operator", path)
	})
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
	if err := s.current(ctx); err != nil {
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
