package tlog

// ProofIndex reads which entry a receipt speaks of, and proves nothing. Errors wrap ErrProof.
func ProofIndex(proof []byte) (int64, error) {
	index, _, _, err := parseProof(proof, proofHeader+"index ")
	return index, err
}

// StatedTree opens the checkpoint inside a message of FormatConsistency, or a proof, without checking that the tree
// grew from any other or holds any entry: the log signed it, that is all. Errors wrap ErrProof or ErrCheckpoint.
func StatedTree(msg []byte, v *Verifier) (Tree, error) {
	_, _, cp, err := parseProof(msg, "old ")
	if err != nil {
		if _, _, cp, err = parseProof(msg, proofHeader+"index "); err != nil {
			return Tree{}, err
		}
	}
	return OpenCheckpoint(cp, v)
}
