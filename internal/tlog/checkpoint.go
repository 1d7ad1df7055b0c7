package tlog

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"os"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
)

// MaxCheckpoint is the most bytes a signed checkpoint may have: room for the log's signature and
// some hundred cosignatures of Ed25519 or a dozen of ML-DSA-44.
const MaxCheckpoint = 64 << 10

// checkpointFile is the name of the checkpoint in a log directory.
const checkpointFile = "checkpoint"

// Signer signs checkpoints with a log's private key (Ed25519, C2SP signed-note).
type Signer struct {
	key    note.Signer
	secret []byte // from which keys of other purposes are derived
}

// Verifier checks the signatures of one log, which its origin names.
type Verifier struct {
	vkey  string
	key   note.Verifier
	known note.Verifiers
}

// GenerateKey makes the keys of a new log. The origin names the log for ever, such as
// "hub.example.org/log"; it holds no space and no plus sign. The skey is secret; the vkey is public.
func GenerateKey(origin string) (skey, vkey string, err error) {
	skey, vkey, err = note.GenerateKey(rand.Reader, origin)
	if err != nil {
		return "", "", fmt.Errorf("generate log key: %w", err)
	}
	if _, err := note.NewVerifier(vkey); err != nil {
		return "", "", fmt.Errorf("origin %q: want a name without spaces and '+'", origin)
	}
	return skey, vkey, nil
}

// NewSigner reads a private key as made by GenerateKey. Its errors do not repeat the key.
func NewSigner(skey string) (*Signer, error) {
	key, err := note.NewSigner(skey)
	if err != nil {
		return nil, fmt.Errorf("log private key, want PRIVATE+KEY+origin+id+base64: %w", err)
	}
	secret, err := hkdf.Extract(sha256.New, []byte(skey), nil)
	return &Signer{key, secret}, err
}

// MAC is a keyed hash (HMAC-SHA256) that only who holds the log's private key can make: for files that a program
// keeps for itself. Its key is derived (HKDF, RFC 5869) for one purpose and signs nothing.
func (s *Signer) MAC(purpose string) (hash.Hash, error) {
	key, err := hkdf.Expand(sha256.New, s.secret, "fairlead log MAC v1\n"+purpose, sha256.Size)
	return hmac.New(sha256.New, key), err
}

// Origin is the name of the log.
func (s *Signer) Origin() string { return s.key.Name() }

// NewVerifier reads a public key as made by GenerateKey.
func NewVerifier(vkey string) (*Verifier, error) {
	key, err := note.NewVerifier(vkey)
	if err != nil {
		return nil, fmt.Errorf("log public key, want origin+id+base64: %w", err)
	}
	return &Verifier{vkey: vkey, key: key, known: note.VerifierList(key)}, nil
}

// Origin is the name of the log.
func (v *Verifier) Origin() string { return v.key.Name() }

// SignCheckpoint states that the tree is the log's: a C2SP tlog-checkpoint without extension lines.
func SignCheckpoint(s *Signer, tree Tree) ([]byte, error) {
	if err := checkTree(tree); err != nil {
		return nil, err
	}
	text := torchwood.Checkpoint{Origin: s.Origin(), Tree: tree}.String()
	cp, err := note.Sign(&note.Note{Text: text}, s.key)
	if err != nil {
		return nil, fmt.Errorf("sign checkpoint: %w", err)
	}
	return cp, nil
}

// OpenCheckpoint returns the tree that the checkpoint states, after checking the log's signature.
// Signatures of others, such as witnesses, are neither needed nor checked. Errors wrap ErrCheckpoint.
func OpenCheckpoint(cp []byte, v *Verifier) (Tree, error) {
	if len(cp) > MaxCheckpoint {
		return Tree{}, fmt.Errorf("%w of %d bytes, more than %d", ErrCheckpoint, len(cp), MaxCheckpoint)
	}
	n, err := note.Open(cp, v.known)
	if _, unsigned := errors.AsType[*note.UnverifiedNoteError](err); unsigned {
		return Tree{}, fmt.Errorf("%w is %w by the key of %s", ErrCheckpoint, ErrUnsigned, v.Origin())
	}
	if _, wrong := errors.AsType[*note.InvalidSignatureError](err); wrong {
		return Tree{}, fmt.Errorf("%w: %w: it is %w by it", ErrCheckpoint, err, ErrUnsigned)
	}
	if err != nil {
		return Tree{}, fmt.Errorf("%w: %w", ErrCheckpoint, err)
	}
	origin, tree, err := parseCheckpoint(n.Text)
	if err == nil && origin != v.Origin() {
		err = fmt.Errorf("%w is of another log than %s", ErrCheckpoint, v.Origin())
	}
	if err != nil {
		return Tree{}, err
	}
	return tree, nil
}

// parseCheckpoint reads the text of a checkpoint. It checks no signature.
func parseCheckpoint(text string) (origin string, tree Tree, err error) {
	c, err := torchwood.ParseCheckpoint(text)
	if err != nil {
		return "", Tree{}, fmt.Errorf("%w: want three lines: origin, size, root hash", ErrCheckpoint)
	}
	if c.Extension != "" {
		return "", Tree{}, fmt.Errorf("%w has extension lines, which no log of ours writes", ErrCheckpoint)
	}
	return c.Origin, c.Tree, checkTree(c.Tree)
}

// statedTree is the tree in a signed checkpoint whose signature somebody else checks.
func statedTree(cp []byte) (Tree, error) {
	text, err := noteText(cp)
	if err != nil {
		return Tree{}, err
	}
	_, tree, err := parseCheckpoint(text)
	return tree, err
}

func checkTree(tree Tree) error {
	if tree.N < 0 || tree.N > MaxSize {
		return fmt.Errorf("%w of %d entries, want 0 to %d", ErrCheckpoint, tree.N, int64(MaxSize))
	}
	if tree.N == 0 && tree.Hash != emptyRoot() {
		return fmt.Errorf("%w of no entries whose root is not that of the empty tree", ErrCheckpoint)
	}
	return nil
}

// ReadCheckpoint reads and opens the checkpoint of a log directory. Errors wrap ErrMissing or
// ErrCheckpoint, or are of the file system.
func ReadCheckpoint(dir string, v *Verifier) (cp []byte, tree Tree, err error) {
	cp, err = readFile(dir, checkpointFile, MaxCheckpoint)
	if errors.Is(err, os.ErrNotExist) {
		return nil, Tree{}, missing(checkpointFile)
	}
	if err != nil {
		return nil, Tree{}, err
	}
	if tree, err = OpenCheckpoint(cp, v); err != nil {
		return nil, Tree{}, fileError(ErrCheckpoint, checkpointFile, "%s/%s: %v", dir, checkpointFile, err)
	}
	return cp, tree, nil
}
