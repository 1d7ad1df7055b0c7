package broker

import (
	"encoding/binary"
	"slices"

	"fairlead/internal/tlog"
)

func indexOf(b []byte) int64 { return int64(binary.BigEndian.Uint64(b)) }

// collectHead follows the chain of announced checkpoints.
func (b *Broker) collectHead(consistency []byte) error {
	tree, err := tlog.OpenConsistency(consistency, b.head.told, b.cfg.Verifier)
	if err != nil {
		return err
	}
	b.head.told = tree
	return nil
}

// strikeOff removes from what is owed the proofs that a message hands out.
func (b *Broker) strikeOff(on string, proofs [][]byte) {
	for _, p := range proofs {
		index, err := tlog.ProofIndex(p)
		if err != nil {
			continue
		}
		b.proofs = slices.DeleteFunc(b.proofs, func(o owed) bool { return o.subject == on && o.index == index })
	}
}
