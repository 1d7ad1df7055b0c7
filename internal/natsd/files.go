package natsd

import (
	"bytes"
	"fmt"

	"github.com/nats-io/nkeys"

	"fairlead/internal/keystore"
)

// writeSeeds seals seeds under a name, one a line.
func writeSeeds(ks *keystore.Store, name string, pairs ...nkeys.KeyPair) error {
	var text []byte
	for _, pair := range pairs {
		seed, err := pair.Seed()
		if err != nil {
			return err
		}
		text = append(append(text, seed...), '\n')
	}
	defer clear(text)
	return ks.Write(name, text)
}

// readSeeds reads what writeSeeds wrote; every seed must be of the kind that prefix names.
func readSeeds(ks *keystore.Store, name string, prefix nkeys.PrefixByte) ([]nkeys.KeyPair, error) {
	text, err := ks.Read(name)
	if err != nil {
		return nil, fmt.Errorf("%w: %w. Put it back from a backup", ErrKeys, err)
	}
	defer clear(text)
	var pairs []nkeys.KeyPair
	for line := range bytes.Lines(text) {
		seed := bytes.TrimSpace(line)
		kind, _, err := nkeys.DecodeSeed(seed)
		if err != nil || kind != prefix {
			return nil, fmt.Errorf("%w: %s does not hold the seed of %s key", ErrKeys, name, article(prefix))
		}
		pair, err := nkeys.FromSeed(seed)
		if err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrKeys, name, err)
		}
		pairs = append(pairs, pair)
	}
	return pairs, nil
}

func readSeed(ks *keystore.Store, name string, prefix nkeys.PrefixByte) (nkeys.KeyPair, error) {
	pairs, err := readSeeds(ks, name, prefix)
	if err != nil {
		return nil, err
	}
	if len(pairs) != 1 {
		return nil, fmt.Errorf("%w: %s holds %d seeds, want 1", ErrKeys, name, len(pairs))
	}
	return pairs[0], nil
}

func article(prefix nkeys.PrefixByte) string {
	if prefix == nkeys.PrefixByteOperator {
		return "an operator"
	}
	return "an account"
}
