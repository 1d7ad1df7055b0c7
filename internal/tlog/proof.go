package tlog

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"filippo.io/torchwood"
	xtlog "golang.org/x/mod/sumdb/tlog"
)

const (
	// maxProof is the most hashes of a proof (C2SP tlog-witness, add-checkpoint).
	maxProof = 63
	// MaxProof is the most bytes of a receipt or a consistency message.
	MaxProof = MaxCheckpoint + 128 + maxProof*45
)

// FormatProof writes a receipt, a C2SP tlog-proof@v1 without the extra line: the entry at index is
// in the tree of the signed checkpoint.
func FormatProof(index int64, proof []Hash, checkpoint []byte) []byte {
	return torchwood.FormatProof(index, proof, checkpoint)
}

// OpenProof checks a receipt: the log signed the checkpoint, and leaf is the entry at index of that
// tree. It accepts the form that FormatProof writes and no other. Errors wrap ErrProof or ErrCheckpoint.
func OpenProof(proof, leaf []byte, v *Verifier) (index int64, tree Tree, err error) {
	index, hashes, cp, err := parseProof(proof, proofHeader+"index ")
	if err == nil && !bytes.Equal(proof, FormatProof(index, hashes, cp)) {
		err = errForm
	}
	if err != nil {
		return 0, Tree{}, err
	}
	if tree, err = OpenCheckpoint(cp, v); err != nil {
		return 0, Tree{}, err
	}
	if xtlog.CheckRecord(hashes, tree.N, tree.Hash, index, LeafHash(leaf)) != nil {
		return 0, Tree{}, fmt.Errorf("%w does not show this entry at index %d of the tree of %d", ErrProof, index, tree.N)
	}
	return index, tree, nil
}

// FormatReceipt writes a receipt that needs nothing beside the log's key: a C2SP tlog-proof@v1 whose extra
// line is the entry.
func FormatReceipt(leaf []byte, index int64, proof []Hash, checkpoint []byte) []byte {
	return torchwood.FormatProofWithExtraData(index, leaf, proof, checkpoint)
}

// OpenReceipt checks a receipt of FormatReceipt and returns the entry in it, its index, and the tree that
// the log signed. Errors are those of OpenProof.
func OpenReceipt(receipt []byte, v *Verifier) (leaf []byte, index int64, tree Tree, err error) {
	if len(receipt) > MaxReceipt {
		return nil, 0, Tree{}, fmt.Errorf("%w of %d bytes, more than %d", ErrProof, len(receipt), MaxReceipt)
	}
	rest, ok := strings.CutPrefix(string(receipt), proofHeader+"extra ")
	extra, rest, more := strings.Cut(rest, "\n")
	leaf, bad := base64.StdEncoding.Strict().DecodeString(extra)
	if !ok || !more || bad != nil || strings.ContainsAny(extra, "\r\n") || len(leaf) > MaxLeaf {
		return nil, 0, Tree{}, errForm
	}
	if index, tree, err = OpenProof([]byte(proofHeader+rest), leaf, v); err != nil {
		return nil, 0, Tree{}, err
	}
	return leaf, index, tree, nil
}

const (
	// proofHeader is the first line of a receipt.
	proofHeader = "c2sp.org/tlog-proof@v1\n"
	// MaxReceipt is the most bytes of a receipt with its entry.
	MaxReceipt = MaxProof + 8 + MaxLeaf/3*4 + 4
)

// VerifyConsistency checks that the newer tree begins with all entries of the older (RFC 6962
// §2.1.2). Anything is consistent with the empty tree, by the empty proof. Errors wrap ErrProof.
func VerifyConsistency(older, newer Tree, proof []Hash) error {
	if older.N < 0 || newer.N < older.N || newer.N > MaxSize {
		return fmt.Errorf("%w from size %d to %d: a log only grows", ErrProof, older.N, newer.N)
	}
	ok := len(proof) == 0
	if older.N > 0 {
		ok = xtlog.CheckTree(proof, newer.N, newer.Hash, older.N, older.Hash) == nil
	}
	if !ok {
		return fmt.Errorf("%w does not lead from the tree of %d entries to that of %d: "+
			"the log shows two histories, or the proof is not for these", ErrProof, older.N, newer.N)
	}
	return nil
}

// FormatConsistency writes a consistency proof from size known together with the checkpoint it leads
// to, as the body of a C2SP tlog-witness add-checkpoint request.
func FormatConsistency(known int64, proof []Hash, checkpoint []byte) []byte {
	b := fmt.Appendf(nil, "old %d\n", known)
	for _, h := range proof {
		b = fmt.Appendf(b, "%s\n", h)
	}
	return append(append(b, '\n'), checkpoint...)
}

// OpenConsistency checks a message of FormatConsistency: the log signed its checkpoint, and the tree
// there grew from the known one. It returns the new tree, which may be the known one. Errors wrap
// ErrProof or ErrCheckpoint.
func OpenConsistency(msg []byte, known Tree, v *Verifier) (Tree, error) {
	old, hashes, cp, err := parseProof(msg, "old ")
	if err == nil && !bytes.Equal(msg, FormatConsistency(old, hashes, cp)) {
		err = errForm
	}
	if err != nil {
		return Tree{}, err
	}
	if old != known.N {
		return Tree{}, fmt.Errorf("%w starts at size %d, but the known tree has %d entries", ErrProof, old, known.N)
	}
	tree, err := OpenCheckpoint(cp, v)
	if err != nil {
		return Tree{}, err
	}
	if err := VerifyConsistency(known, tree, hashes); err != nil {
		return Tree{}, err
	}
	return tree, nil
}

// Request is the body of a C2SP tlog-witness add-checkpoint request, taken apart and not yet checked.
type Request struct {
	Old        int64  // the size that the asker believes the witness to be at
	Origin     string // first line of the checkpoint: which log
	Checkpoint []byte
	proof      []Hash
}

// ParseRequest reads a request in the form of the specification and no other. Errors wrap ErrProof.
func ParseRequest(b []byte) (Request, error) {
	old, hashes, cp, err := parseProof(b, "old ")
	if err == nil && !bytes.Equal(b, FormatConsistency(old, hashes, cp)) {
		err = errForm
	}
	origin, _, ok := strings.Cut(string(cp), "\n")
	if err == nil && !ok {
		err = errForm
	}
	return Request{Old: old, Origin: origin, Checkpoint: cp, proof: hashes}, err
}

// Verify checks the request's proof between two trees, as VerifyConsistency.
func (r Request) Verify(older, newer Tree) error { return VerifyConsistency(older, newer, r.proof) }

var errForm = fmt.Errorf("%w is malformed", ErrProof)

// parseProof reads prefix, a number, hashes one a line, an empty line and a checkpoint.
func parseProof(b []byte, prefix string) (number int64, hashes []Hash, checkpoint []byte, err error) {
	if len(b) > MaxProof {
		return 0, nil, nil, fmt.Errorf("%w of %d bytes, more than %d", ErrProof, len(b), MaxProof)
	}
	head, checkpoint, _ := bytes.Cut(b, []byte("\n\n"))
	rest, ok := strings.CutPrefix(string(head), prefix)
	lines := strings.Split(rest, "\n")
	if !ok || len(lines) > 1+maxProof {
		return 0, nil, nil, errForm
	}
	if number, err = strconv.ParseInt(lines[0], 10, 64); err != nil || number < 0 {
		return 0, nil, nil, errForm
	}
	for _, line := range lines[1:] {
		h, err := xtlog.ParseHash(line)
		if err != nil {
			return 0, nil, nil, errForm
		}
		hashes = append(hashes, h)
	}
	return number, hashes, checkpoint, nil
}
