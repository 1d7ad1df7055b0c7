// Package keystore keeps a program's secrets at rest: each in a file of its own, sealed with
// XChaCha20-Poly1305 under the key of the store, which is itself sealed under a passphrase by Argon2id (RFC 9106). One
// run of Argon2id opens the whole store; a change of passphrase rewrites one file.
//
//	keystore.json   parameters, salt, the sealed key of the store
//	NAME.sealed     one secret: nonce and ciphertext, bound to its name
//
// Who can read the folder and not the passphrase has nothing; who can modify it can at most put an
// older secret back under its own name, or make it unreadable.
package keystore

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/chacha20poly1305"

	"fairlead/internal/strictjson"
)

var (
	// ErrPassphrase says that a passphrase is missing, too short, or not the one the store was sealed with.
	ErrPassphrase = errors.New("keystore: passphrase")
	// ErrDamaged says that a file is not what this package wrote: altered, renamed, or of another store.
	ErrDamaged = errors.New("keystore: damaged")
	// ErrOpen says that others than the owner may read a file or folder of secrets.
	ErrOpen = errors.New("keystore: others can read it")
)

const (
	headerFile = "keystore.json"
	suffix     = ".sealed"
	context    = "fairlead keystore v1 "
	keyLen     = chacha20poly1305.KeySize
)

// The second recommended option of RFC 9106 §4, and what is refused when read: less is weak, more would
// let whoever writes the file exhaust the machine.
const (
	kdfArgon  = "argon2id"
	kdfNone   = "none"
	passes    = 3
	memoryKiB = 64 << 10
	threads   = 4
	saltLen   = 16

	maxPasses    = 16
	maxMemoryKiB = 1 << 20
	maxThreads   = 16
)

// header is keystore.json. All but Key is bound to it as associated data.
type header struct {
	KDF       string `json:"kdf"`
	Passes    uint32 `json:"passes,omitempty"`
	MemoryKiB uint32 `json:"memory_kib,omitempty"`
	Threads   uint8  `json:"threads,omitempty"`
	Salt      []byte `json:"salt,omitempty"`
	Key       []byte `json:"key"` // sealed under the passphrase, or in clear if kdf is none
}

// Store is an open keystore. Its methods may be called from several goroutines, but not with or after Close.
type Store struct {
	dir    string
	key    []byte
	sealed bool
}

// Make opens the store in dir, or makes a new one if there is none.
func Make(dir string, from Source) (*Store, error) {
	if _, err := os.Stat(filepath.Join(dir, headerFile)); !errors.Is(err, fs.ErrNotExist) {
		return Open(dir, from)
	}
	if old, _ := filepath.Glob(filepath.Join(dir, "*"+suffix)); len(old) > 0 {
		return nil, fmt.Errorf("%w: %s is missing, but %d sealed secrets are there; put it back from a backup", ErrDamaged, filepath.Join(dir, headerFile), len(old))
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	s := &Store{dir: dir, key: random(keyLen)}
	if err := s.Reseal(from); err != nil {
		return nil, err
	}
	return s, nil
}

// Open opens the store in dir. Its errors wrap fs.ErrNotExist if there is none.
func Open(dir string, from Source) (*Store, error) {
	if err := private(dir, "700"); err != nil {
		return nil, err
	}
	raw, err := readPrivate(filepath.Join(dir, headerFile))
	if err != nil {
		return nil, err
	}
	var h header
	if err := strictjson.Unmarshal(raw, &h); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrDamaged, headerFile, err)
	}
	s := &Store{dir: dir, sealed: h.KDF != kdfNone}
	if err := h.check(); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrDamaged, headerFile, err)
	}
	if !s.sealed {
		s.key = h.Key
		return s, nil
	}
	passphrase, err := ask(from, false)
	if err != nil {
		return nil, err
	}
	if len(passphrase) == 0 {
		return nil, fmt.Errorf("%w: %s is sealed and none was given", ErrPassphrase, dir)
	}
	if s.key, err = open(h.unlock(passphrase), h.bound(), h.Key); err != nil {
		return nil, fmt.Errorf("%w: it is not the one that %s was sealed with, or %s was altered", ErrPassphrase, dir, headerFile)
	}
	return s, nil
}

// check bounds what a file may ask for.
func (h *header) check() error {
	switch {
	case h.KDF == kdfNone && len(h.Key) == keyLen:
		return nil
	case h.KDF != kdfArgon:
		return fmt.Errorf("kdf %q with a key of %d bytes", h.KDF, len(h.Key))
	case h.Passes < passes || h.MemoryKiB < memoryKiB || h.Threads < 1 || len(h.Salt) < saltLen:
		return errors.New("its parameters are weaker than this program writes")
	case h.Passes > maxPasses || h.MemoryKiB > maxMemoryKiB || h.Threads > maxThreads || len(h.Salt) > 2*saltLen:
		return errors.New("its parameters would exhaust this machine")
	}
	return nil
}

// ask gets the passphrase.
func ask(from Source, fresh bool) ([]byte, error) {
	if from == nil {
		return nil, fmt.Errorf("%w: none was given", ErrPassphrase)
	}
	return from(fresh)
}

// unlock is the one run of Argon2id. It wipes the passphrase.
func (h *header) unlock(passphrase []byte) cipher.AEAD {
	key := argon2.IDKey(passphrase, h.Salt, h.Passes, h.MemoryKiB, h.Threads, keyLen)
	clear(passphrase)
	defer clear(key)
	return newAEAD(key)
}

func (h *header) bound() string {
	return fmt.Sprintf("%s%s %d %d %d %x", context, h.KDF, h.Passes, h.MemoryKiB, h.Threads, h.Salt)
}

// Reseal seals the store under another passphrase; with [Unsealed], under none. Whoever has an old copy
// of the folder still opens that with the old one.
func (s *Store) Reseal(from Source) error {
	passphrase, err := ask(from, true)
	if err != nil {
		return err
	}
	h := header{KDF: kdfNone, Key: s.key}
	if len(passphrase) > 0 {
		h = header{KDF: kdfArgon, Passes: passes, MemoryKiB: memoryKiB, Threads: threads, Salt: random(saltLen)}
		h.Key = seal(h.unlock(passphrase), h.bound(), s.key)
	}
	raw, err := json.MarshalIndent(h, "", "\t")
	if err != nil {
		return err
	}
	s.sealed = h.KDF != kdfNone
	return WriteFile(filepath.Join(s.dir, headerFile), append(raw, '\n'))
}

// Sealed reports whether a passphrase guards the store. A program says so where one does not.
func (s *Store) Sealed() bool { return s.sealed }

// Close wipes the store's key from memory. Secrets that were read are their reader's to wipe.
func (s *Store) Close() {
	if s != nil {
		clear(s.key)
	}
}

// Derive is a key of 32 bytes for another use of the program, by its name; it changes with no passphrase.
func (s *Store) Derive(use string) []byte {
	key, err := hkdf.Key(sha256.New, s.key, nil, context+"derive "+use, keyLen)
	if err != nil {
		panic(err) // the length is fixed
	}
	return key
}

var nameForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.-]{0,99}$`)

// Write seals a secret in its file, whole or not at all, and waits for the disk.
func (s *Store) Write(name string, secret []byte) error {
	if !nameForm.MatchString(name) {
		return fmt.Errorf("keystore: %q is no name of a secret", name)
	}
	return WriteFile(s.path(name), seal(newAEAD(s.key), context+"secret "+name, secret))
}

// Read opens a secret. Its errors wrap fs.ErrNotExist if there is none.
func (s *Store) Read(name string) ([]byte, error) {
	if !nameForm.MatchString(name) {
		return nil, fmt.Errorf("keystore: %q is no name of a secret", name)
	}
	raw, err := readPrivate(s.path(name))
	if err != nil {
		return nil, err
	}
	secret, err := open(newAEAD(s.key), context+"secret "+name, raw)
	if err != nil {
		return nil, fmt.Errorf("%w: %s was altered, renamed, or is of another keystore; put it back from a backup", ErrDamaged, s.path(name))
	}
	return secret, nil
}

// Names lists the secrets whose names begin with prefix, in order.
func (s *Store) Names(prefix string) (names []string) {
	paths, _ := filepath.Glob(filepath.Join(s.dir, "*"+suffix)) // fails only for a bad pattern
	for _, path := range paths {
		if name := strings.TrimSuffix(filepath.Base(path), suffix); strings.HasPrefix(name, prefix) {
			names = append(names, name)
		}
	}
	return names
}

func (s *Store) path(name string) string { return filepath.Join(s.dir, name+suffix) }

func newAEAD(key []byte) cipher.AEAD {
	aead, err := chacha20poly1305.NewX(key)
	if err != nil {
		panic(err) // the length is fixed
	}
	return aead
}

func seal(aead cipher.AEAD, bound string, secret []byte) []byte {
	nonce := random(aead.NonceSize())
	return aead.Seal(nonce, nonce, secret, []byte(bound))
}

func open(aead cipher.AEAD, bound string, raw []byte) ([]byte, error) {
	if len(raw) < aead.NonceSize() {
		return nil, ErrDamaged
	}
	return aead.Open(nil, raw[:aead.NonceSize()], raw[aead.NonceSize():], []byte(bound))
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) //nolint:errcheck // crypto/rand never fails
	return b
}
