package natsd

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"fairlead/internal/keystore"
)

const (
	storeKey    = "store.key" // sealed
	checkFile   = "key.check"
	checkText   = "fairlead store key check v1"
	checkNone   = "none"
	storeKeyLen = 32 // bytes
)

// openStoreKey returns the key of the JetStream store as hexadecimal digits, or "" if the store is
// not encrypted. It makes key and check file for an empty store and otherwise refuses a key that
// the check file does not confirm: with a wrong key the server takes the streams for absent, and
// creating one then destroys what is on disk.
func openStoreKey(ks *keystore.Store, store string, off bool) (string, error) {
	if err := os.MkdirAll(store, 0o700); err != nil {
		return "", err
	}
	check, err := os.ReadFile(filepath.Join(store, checkFile))
	if errors.Is(err, fs.ErrNotExist) {
		if len(streamDirs(store)) > 0 {
			return "", refuse(store, checkFile+" is missing")
		}
		return makeStoreKey(ks, store, off)
	}
	if err != nil {
		return "", err
	}
	encrypted := strings.TrimSpace(string(check)) != checkNone
	switch {
	case off && encrypted:
		return "", refuse(store, "it is encrypted, but no cipher is configured")
	case off:
		return "", nil
	case !encrypted:
		return "", refuse(store, "it is not encrypted, but a cipher is configured")
	}
	key, err := readStoreKey(ks)
	if err != nil {
		return "", refuse(store, err.Error())
	}
	if !hmac.Equal([]byte(strings.TrimSpace(string(check))), []byte(checksum(key))) {
		return "", refuse(store, "the key is not the one the data was written with")
	}
	return key, nil
}

func refuse(store, why string) error {
	return fmt.Errorf("%w: store %s: %s. Put keys and store back from one backup; nothing was changed", ErrStoreKey, store, why)
}

// makeStoreKey writes the key before the check file: a crash between them leaves an unused key,
// which the next start takes.
func makeStoreKey(ks *keystore.Store, store string, off bool) (string, error) {
	key, check := "", checkNone
	if !off {
		var err error
		if key, err = readStoreKey(ks); errors.Is(err, fs.ErrNotExist) {
			key, err = newStoreKey(ks)
		}
		if err != nil {
			return "", fmt.Errorf("store key: %w", err)
		}
		check = checksum(key)
	}
	return key, keystore.WriteFile(filepath.Join(store, checkFile), []byte(check+"\n"))
}

func newStoreKey(ks *keystore.Store) (string, error) {
	raw := make([]byte, storeKeyLen)
	if _, err := rand.Read(raw); err != nil {
		return "", err
	}
	key := hex.EncodeToString(raw)
	return key, ks.Write(storeKey, []byte(key))
}

func readStoreKey(ks *keystore.Store) (string, error) {
	text, err := ks.Read(storeKey)
	if err != nil {
		return "", err
	}
	key := strings.TrimSpace(string(text))
	if raw, err := hex.DecodeString(key); err != nil || len(raw) != storeKeyLen {
		return "", fmt.Errorf("%s does not hold %d hexadecimal digits", storeKey, 2*storeKeyLen)
	}
	return key, nil
}

// checksum proves possession of the key and says nothing about it.
func checksum(key string) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(checkText))
	return hex.EncodeToString(mac.Sum(nil))
}
