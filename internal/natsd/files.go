package natsd

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"github.com/nats-io/nkeys"
)

// writeSecret writes a file of mode 0600 whole or not at all, and waits for the disk.
func writeSecret(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // a no-op after the rename
	if _, err = f.Write(data); err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes a rename in dir outlive a power cut.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// writeSeeds writes one seed a line.
func writeSeeds(path string, pairs ...nkeys.KeyPair) error {
	var text []byte
	for _, pair := range pairs {
		seed, err := pair.Seed()
		if err != nil {
			return err
		}
		text = append(append(text, seed...), '\n')
	}
	return writeSecret(path, text)
}

// readSeeds reads a file of writeSeeds; every seed must be of the kind that prefix names.
func readSeeds(path string, prefix nkeys.PrefixByte) ([]nkeys.KeyPair, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w. Put it back from a backup", ErrKeys, err)
	}
	var pairs []nkeys.KeyPair
	for line := range bytes.Lines(text) {
		seed := bytes.TrimSpace(line)
		kind, _, err := nkeys.DecodeSeed(seed)
		if err != nil || kind != prefix {
			return nil, fmt.Errorf("%w: %s does not hold the seed of %s key", ErrKeys, path, article(prefix))
		}
		pair, err := nkeys.FromSeed(seed)
		if err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrKeys, path, err)
		}
		pairs = append(pairs, pair)
	}
	return pairs, nil
}

func readSeed(path string, prefix nkeys.PrefixByte) (nkeys.KeyPair, error) {
	pairs, err := readSeeds(path, prefix)
	if err != nil {
		return nil, err
	}
	if len(pairs) != 1 {
		return nil, fmt.Errorf("%w: %s holds %d seeds, want 1", ErrKeys, path, len(pairs))
	}
	return pairs[0], nil
}

func article(prefix nkeys.PrefixByte) string {
	if prefix == nkeys.PrefixByteOperator {
		return "an operator"
	}
	return "an account"
}
