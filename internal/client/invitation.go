package client

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"fairlead/internal/registry"
	"fairlead/internal/store"
	"fairlead/internal/tlog"
)

var (
	// ErrLog says that an invitation is of another log than the one this folder follows.
	ErrLog = errors.New("client: the invitation is of another log")
	// ErrPolicy says that an invitation brings another policy of witnesses than the one in the folder.
	ErrPolicy = errors.New("client: the invitation has another policy of witnesses")
)

// TakeInvitation takes a later invitation of the hub that the folder in dir is enrolled at: where it is, how to know
// it, and whose cosignatures are enough, if the folder does not know that yet. It is taken whole or not at all: not
// of another log (ErrLog), and not with another policy than the folder's (ErrPolicy).
func TakeInvitation(dir string, inv registry.Invitation, at time.Time) error {
	lock, err := store.Lock(dir)
	if err != nil {
		return err
	}
	defer lock.Close()
	r, err := readRequest(dir, requestFile)
	if err != nil {
		return fmt.Errorf("%w: enrol first: %w", ErrHome, err)
	}
	if err := inv.Check(r.Agency, at); err != nil {
		return fmt.Errorf("%w: %w", ErrHome, err)
	}
	return takeInvitation(dir, inv)
}

// takeInvitation holds a checked invitation against the log's key that the folder has.
func takeInvitation(dir string, inv registry.Invitation) error {
	var old registry.Invitation
	if err := readJSON(dir, invitationFile, &old); err != nil {
		return fmt.Errorf("%w: %w", ErrHome, err)
	}
	if inv.LogKey != old.LogKey {
		return fmt.Errorf("%w: its log key is %s, this folder's %s. Nothing of it was taken. A log's key never changes: ask the operator and "+
			"another member over another channel; for another hub use another folder", ErrLog, inv.LogKey, old.LogKey)
	}
	if inv.Until.Before(old.Until.Time) { // its address and certificate may be given up, or in other hands
		return fmt.Errorf("%w: %w: it is older than the one in this folder; ask the operator for another", ErrHome, registry.ErrInvitation)
	}
	log, err := tlog.NewVerifier(old.LogKey)
	if err != nil {
		return fmt.Errorf("%w: the log's key: %w", ErrHome, err)
	}
	if err := takePolicy(dir, inv.Policy, log); err != nil {
		return err
	}
	return writeJSON(dir, invitationFile, inv)
}

// takePolicy puts an invitation's policy in place where the folder has none. Over one that it has no program puts
// another, stronger as it may look: the hub wrote it, and the log's key signs whatever the hub says.
func takePolicy(dir, text string, log *tlog.Verifier) error {
	if text == "" {
		return nil
	}
	offered, err := tlog.ParsePolicy([]byte(text), log)
	if err != nil {
		return fmt.Errorf("%w: the invitation's policy of witnesses, ask the operator for another: %w", ErrHome, err)
	}
	own, err := readPolicy(dir, log)
	if err != nil {
		return err
	}
	if own == nil {
		return tlog.WriteFile(dir, policyFile, []byte(text))
	}
	changes := offered.Changes(own)
	if len(changes) == 0 {
		return nil
	}
	path, beside := filepath.Join(dir, policyFile), filepath.Join(dir, offeredFile)
	return errors.Join(fmt.Errorf("%w than %s: %s. Nothing of the invitation was taken; its policy is in %s. Ask another member of the network, not "+
		"the hub: if they have it too, put it in place (mv %s %s) and take the invitation again; if not, tell them and your auditor",
		ErrPolicy, path, strings.Join(changes, "; "), beside, beside, path), tlog.WriteFile(dir, offeredFile, []byte(text)))
}

// readPolicy reads whose cosignatures make a checkpoint witnessed for this agency; nil if nobody has said so.
func readPolicy(dir string, v *tlog.Verifier) (*tlog.Policy, error) {
	path := filepath.Join(dir, policyFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	p, err := tlog.ParsePolicy(text, v)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrHome, path, err)
	}
	return p, nil
}

// PolicyWords says whose cosignatures are enough for the agency of the folder in dir; "" where it is not known.
func PolicyWords(dir string) (string, error) {
	var inv registry.Invitation
	if err := readJSON(dir, invitationFile, &inv); err != nil {
		return "", err
	}
	log, err := tlog.NewVerifier(inv.LogKey)
	if err != nil {
		return "", err
	}
	p, err := readPolicy(dir, log)
	if p == nil {
		return "", err
	}
	return p.Words(), nil
}
