package client

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"fairlead/internal/keystore"
	"fairlead/internal/registry"
	"fairlead/internal/seal"
	"fairlead/internal/store"
	"fairlead/internal/tlog"
)

// Until the operator admits the new keys of Reenrol, they wait beside the old ones.
const (
	againFile = "again.json" // the request for them
	nextKeys  = "keys.next"  // their keystore
	oldKeys   = "keys.old"   // the one they replace, while that goes on
)

// NewRoot makes an agency's root: 32 octets that are written on paper (see [keystore.Split]) and kept away from
// every machine. New keys after a loss or theft are authorised by it alone.
func NewRoot() []byte {
	root := make([]byte, 32)
	rand.Read(root) //nolint:errcheck // crypto/rand never fails
	return root
}

// Reenrol makes new keys for the agency of a folder, in a keystore of their own under the passphrase of fresh: an old
// copy of the folder opens none of them. The root authorises the request, which takes the road of the first one,
// and Join puts the new keys in place. What the old ones open stays open; keys of staff are left behind. Run again
// it gives the same request.
func Reenrol(dir string, from, fresh keystore.Source, root []byte, at time.Time) (signed registry.SignedRequest, err error) {
	lock, err := store.Lock(dir)
	if err != nil {
		return signed, err
	}
	defer lock.Close()
	r, err := readRequest(dir, requestFile)
	if err != nil {
		return signed, fmt.Errorf("%w: %w; without the old folder: fairlead enrol -again", ErrHome, err)
	}
	if r.Root != registry.RootKey(root) {
		return signed, fmt.Errorf("%w: %w: they are not those of the root of %s", ErrHome, keystore.ErrSheet, r.Agency)
	}
	if err := readJSON(dir, againFile, &signed); !errors.Is(err, fs.ErrNotExist) {
		return signed, err
	}
	var inv registry.Invitation
	if err := readJSON(dir, invitationFile, &inv); err != nil {
		return signed, fmt.Errorf("%w: %w", ErrHome, err)
	}
	log, err := tlog.NewVerifier(inv.LogKey)
	if err != nil {
		return signed, fmt.Errorf("%w: the invitation's log key: %w", ErrHome, err)
	}
	next, err := nextKeystore(dir, from, fresh)
	if err != nil {
		return signed, fmt.Errorf("%w: %w", ErrHome, err)
	}
	defer next.Close()
	r.Again = true
	if signed, err = makeKeys(next, log, r, root, at); err != nil {
		return signed, err
	}
	return signed, writeJSON(dir, againFile, signed)
}

// nextKeystore makes the keystore of the new keys, with what of the old one is still needed.
func nextKeystore(dir string, from, fresh keystore.Source) (*keystore.Store, error) {
	old, err := keystore.Open(filepath.Join(dir, keysDir), from)
	if err != nil {
		return nil, err
	}
	defer old.Close()
	path := filepath.Join(dir, nextKeys)
	if err := os.RemoveAll(path); err != nil { // what a crash left: no request names its keys
		return nil, err
	}
	next, err := keystore.Make(path, fresh)
	if err != nil {
		return nil, err
	}
	if err := carry(old, next); err != nil {
		next.Close()
		return nil, err
	}
	return next, nil
}

// carry copies what opens old messages and finds names in the store.
func carry(old, next *keystore.Store) error {
	former := old.Names(formerKeys)
	moves := map[string]string{keyFile: fmt.Sprintf("%s%03d.pgp", formerKeys, len(former)+1)}
	for _, name := range former {
		moves[name] = name
	}
	for from, to := range moves {
		raw, err := old.Read(from)
		if err == nil {
			err = next.Write(to, raw)
		}
		clear(raw)
		if err != nil {
			return err
		}
	}
	names, err := storeNames(old)
	if err != nil {
		return err
	}
	return next.Write(namesFile, names)
}

// storeNames is the key under which names are looked up in the agency's store.
func storeNames(keys *keystore.Store) ([]byte, error) {
	names, err := keys.Read(namesFile)
	if errors.Is(err, fs.ErrNotExist) {
		return keys.Derive("names in the agency's store"), nil
	}
	return names, err
}

// readFormer adds to the agency's key those it had before.
func (h *Home) readFormer() error {
	for _, name := range h.keys.Names(formerKeys) {
		raw, err := h.keys.Read(name)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrHome, err)
		}
		key, err := seal.Parse(raw)
		clear(raw)
		if err != nil {
			return fmt.Errorf("%w: %s: %w", ErrHome, name, err)
		}
		h.Key = h.Key.With(key)
	}
	return nil
}

// takeOver puts the new keys in place. A crash in between repeats safely: each step is skipped once it is done, and
// the request that says there is something to do goes last.
func takeOver(dir string) error {
	lock, err := store.Lock(dir)
	if err != nil {
		return err
	}
	defer lock.Close()
	at := func(name string) string { return filepath.Join(dir, name) }
	if _, err := os.Stat(at(nextKeys)); err == nil {
		if _, err := os.Stat(at(keysDir)); err == nil {
			if err := errors.Join(os.RemoveAll(at(oldKeys)), os.Rename(at(keysDir), at(oldKeys))); err != nil {
				return err
			}
		}
		if err := os.Rename(at(nextKeys), at(keysDir)); err != nil {
			return err
		}
	}
	raw, err := os.ReadFile(at(againFile))
	if err != nil {
		return err
	}
	if err := tlog.WriteFile(dir, requestFile, raw); err != nil {
		return err
	}
	return errors.Join(os.RemoveAll(at(oldKeys)), os.Remove(at(againFile)))
}

// StartsOver reports whether the folder is of a re-enrolment that began with nothing: its program must take everything
// from the beginning of the log.
func (h *Home) StartsOver(c *Client) bool { return h.request.Again && c.Snapshot().Size() == 0 }
