package keystore

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/term"
)

// Source gives the passphrase; the store wipes it. When a new store is made or resealed, fresh is true:
// then a person types it twice and it must be long enough. Nothing without an error is [Unsealed].
type Source func(fresh bool) ([]byte, error)

// Unsealed is the explicit choice of no passphrase: whoever reads the folder has the secrets. It is for
// tests, the demo, and machines whose disk is guarded otherwise; programs that open such a store say so.
func Unsealed(bool) ([]byte, error) { return nil, nil }

// Where programs look for a passphrase; a flag would show it to everybody on the machine.
const (
	EnvFile    = "FAIRLEAD_PASSPHRASE_FILE"
	EnvText    = "FAIRLEAD_PASSPHRASE"
	Credential = "fairlead-passphrase" // of systemd, in $CREDENTIALS_DIRECTORY
	EnvNewFile = "FAIRLEAD_NEW_PASSPHRASE_FILE"
	EnvNewText = "FAIRLEAD_NEW_PASSPHRASE"
)

const (
	minPassphrase = 12
	maxPassphrase = 1 << 10
)

// Ask takes the passphrase from the named file if there is one, from the environment, from a systemd
// credential, or from the terminal: the first of these that is set.
func Ask(file string) Source {
	return func(fresh bool) ([]byte, error) {
		if dir := os.Getenv("CREDENTIALS_DIRECTORY"); file == "" && os.Getenv(EnvFile) == "" && os.Getenv(EnvText) == "" && dir != "" {
			path := filepath.Join(dir, Credential)
			if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
				return fromFile(path, fresh)
			}
		}
		return find(file, EnvFile, EnvText, "passphrase of the keys", fresh)
	}
}

// AskNew takes the passphrase that replaces another, from its own variables or the terminal.
func AskNew(fresh bool) ([]byte, error) {
	return find("", EnvNewFile, EnvNewText, "new passphrase of the keys", fresh)
}

func find(file, envFile, envText, prompt string, fresh bool) ([]byte, error) {
	if file == "" {
		file = os.Getenv(envFile)
	}
	if file != "" {
		return fromFile(file, fresh)
	}
	if text := os.Getenv(envText); text != "" {
		return checked([]byte(text), fresh)
	}
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("%w: there is no terminal to ask at; set %s or %s, or give a systemd credential %s", ErrPassphrase, envFile, envText, Credential)
	}
	defer tty.Close()
	return fromTerminal(tty, prompt, fresh)
}

func fromFile(path string, fresh bool) ([]byte, error) {
	raw, err := readPrivate(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPassphrase, err)
	}
	return checked(bytes.TrimRight(raw, "\r\n"), fresh)
}

func fromTerminal(tty *os.File, prompt string, fresh bool) ([]byte, error) {
	first, err := readLine(tty, prompt)
	if err != nil || !fresh {
		return first, err
	}
	again, err := readLine(tty, "the same again")
	if err != nil {
		return nil, err
	}
	defer clear(again)
	if !bytes.Equal(first, again) {
		clear(first)
		return nil, fmt.Errorf("%w: the two differ", ErrPassphrase)
	}
	return checked(first, fresh)
}

func readLine(tty *os.File, prompt string) ([]byte, error) {
	fmt.Fprintf(tty, "%s: ", prompt)
	defer fmt.Fprintln(tty)
	return term.ReadPassword(int(tty.Fd()))
}

func checked(p []byte, fresh bool) ([]byte, error) {
	switch {
	case len(p) == 0 || len(p) > maxPassphrase:
		return nil, fmt.Errorf("%w: it is empty or longer than %d bytes", ErrPassphrase, maxPassphrase)
	case fresh && len(p) < minPassphrase:
		return nil, fmt.Errorf("%w: it is shorter than %d characters; take several words", ErrPassphrase, minPassphrase)
	}
	return p, nil
}
