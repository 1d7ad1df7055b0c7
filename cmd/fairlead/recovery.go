package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"

	"fairlead/internal/client"
	"fairlead/internal/keyring"
	"fairlead/internal/keystore"
)

// printSheets prints what opens the keys when the passphrase is forgotten, in the words of fingerprints: one
// sheet, or two of which both are needed.
func printSheets(n int) func(context.Context, *session) error {
	return func(_ context.Context, s *session) error {
		sheets, err := client.RecoverySheets(s.Dir, keystore.Ask(s.PassphraseFile), n)
		if err != nil {
			return err
		}
		if n == 1 {
			s.say("Recovery sheet of %s, the only one: whoever has it and the folder has the keys. Write it on paper and lock it away.", s.Dir)
		} else {
			s.say("Recovery sheets of %s: all %d are needed, and one alone says nothing. Give them to different people.", s.Dir, n)
		}
		for i, sheet := range sheets {
			s.say("\nsheet %d of %d\n%s", i+1, n, keyring.Fingerprint(sheet).Words())
			clear(sheet)
		}
		return nil
	}
}

// recoverKeys reads sheets from the standard input, one a line, and seals the keys under a new passphrase.
func recoverKeys(_ context.Context, s *session) error {
	sheets, err := readSheets()
	if err != nil {
		return err
	}
	if err := client.Recover(s.Dir, sheets, keystore.AskNew); err != nil {
		return err
	}
	s.say("the keys in %s are sealed under the new passphrase; the sheets open them as before", s.Dir)
	return nil
}

// readSheets reads sheets in words from the standard input, one a line.
func readSheets() (sheets [][]byte, err error) {
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		if strings.TrimSpace(lines.Text()) == "" {
			continue
		}
		sheet, err := keyring.ParseSpoken(lines.Text())
		if err != nil {
			return nil, fmt.Errorf("sheet %d: %w", len(sheets)+1, err)
		}
		sheets = append(sheets, sheet[:])
	}
	return sheets, nil
}
