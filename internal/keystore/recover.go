package keystore

import (
	"errors"
	"fmt"
	"path/filepath"
)

// ErrSheet says that recovery sheets are not of this store, or not all of them.
var ErrSheet = errors.New("keystore: recovery sheets")

// Sheets are what opens the store without its passphrase, for paper that is locked away: one sheet of 32
// octets, or n of which every one is needed and fewer say nothing. Each call splits anew.
func (s *Store) Sheets(n int) [][]byte { return Split(s.key, n) }

// Split makes n sheets of a secret of 32 octets: every one is needed, and fewer say nothing.
func Split(secret []byte, n int) [][]byte {
	last := make([]byte, keyLen)
	copy(last, secret)
	var sheets [][]byte
	for range n - 1 {
		sheet := random(keyLen)
		for i := range last {
			last[i] ^= sheet[i]
		}
		sheets = append(sheets, sheet)
	}
	return append(sheets, last)
}

// Combine is the secret that all its sheets make. It cannot tell whether they do.
func Combine(sheets [][]byte) ([]byte, error) {
	secret := make([]byte, keyLen)
	for _, sheet := range sheets {
		if len(sheet) != keyLen {
			return nil, fmt.Errorf("%w: one has %d octets, want %d", ErrSheet, len(sheet), keyLen)
		}
		for i := range secret {
			secret[i] ^= sheet[i]
		}
	}
	if len(sheets) == 0 {
		return nil, fmt.Errorf("%w: none was given", ErrSheet)
	}
	return secret, nil
}

// Recover seals the store in dir under a new passphrase by its sheets, when the old one is forgotten. The
// sheets must open the named secret: a wrong word cannot make a store that nobody opens.
func Recover(dir, secret string, sheets [][]byte, fresh Source) error {
	if err := private(dir, "700"); err != nil {
		return err
	}
	if _, err := readPrivate(filepath.Join(dir, headerFile)); err != nil {
		return err
	}
	key, err := Combine(sheets)
	if err != nil {
		return err
	}
	s := &Store{dir: dir, key: key}
	defer s.Close()
	if _, err := s.Read(secret); err != nil {
		return fmt.Errorf("%w: they do not open %s: %w", ErrSheet, dir, err)
	}
	return s.Reseal(fresh)
}
