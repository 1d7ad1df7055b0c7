package tlog

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
)

// Cosigner signs what a witness has seen (C2SP tlog-cosignature, cosignature/v1 with Ed25519): at that time, the
// tree of the checkpoint was the largest consistent one of its log that the witness knew.
type Cosigner struct {
	base *torchwood.CosignatureSigner // name, key id and public key
	key  ed25519.PrivateKey
}

// GenerateCosigner makes the key of a witness. The name tells it from others in a signature line, such as
// "witness.example.org"; it holds no space and no plus sign. The skey is secret.
func GenerateCosigner(name string) (skey string, err error) {
	skey, _, err = note.GenerateKey(rand.Reader, name)
	if err == nil {
		_, err = NewCosigner(skey)
	}
	if err != nil {
		return "", fmt.Errorf("witness name %q: want a name without spaces and '+': %w", name, err)
	}
	return skey, nil
}

// NewCosigner reads a private key as made by GenerateCosigner. Its errors do not repeat the key.
func NewCosigner(skey string) (*Cosigner, error) {
	signer, err := note.NewSigner(skey)
	if err != nil {
		return nil, fmt.Errorf("witness private key, want PRIVATE+KEY+name+id+base64: %w", err)
	}
	parts := strings.SplitN(skey, "+", 5) // the base64 at the end may hold more plus signs
	raw, err := base64.StdEncoding.DecodeString(parts[4])
	if err != nil || len(raw) != 1+ed25519.SeedSize {
		return nil, errors.New("witness private key, want PRIVATE+KEY+name+id+base64")
	}
	c := &Cosigner{key: ed25519.NewKeyFromSeed(raw[1:])}
	c.base, err = torchwood.NewCosignatureSigner(signer.Name(), c.key)
	return c, err
}

// Name is the witness's name.
func (c *Cosigner) Name() string { return c.base.Name() }

// VKey is the public key, as policies list it.
func (c *Cosigner) VKey() string { return c.base.Verifier().String() }

// Cosign states that the tree is the largest of the log at that time: a signed note with the text of the log's
// checkpoint and one cosignature line. The caller has authenticated the tree, found it consistent with all before
// it, and put it on disk. Errors wrap ErrCheckpoint.
func (c *Cosigner) Cosign(origin string, tree Tree, at time.Time) ([]byte, error) {
	if err := checkTree(tree); err != nil {
		return nil, err
	}
	signed, err := note.Sign(&note.Note{Text: torchwood.Checkpoint{Origin: origin, Tree: tree}.String()}, timed{c.base, c.key, at})
	if err != nil {
		return nil, fmt.Errorf("cosign: %w", err)
	}
	return signed, nil
}

// Lines are the signature lines of a note; nil if it is none.
func Lines(signed []byte) []byte {
	_, lines, _ := bytes.Cut(signed, []byte("\n\n"))
	return lines
}

// timed signs as of a time that the caller gives; torchwood's own signer asks the machine's clock.
type timed struct {
	*torchwood.CosignatureSigner
	key ed25519.PrivateKey
	at  time.Time
}

// Sign implements note.Signer.
func (s timed) Sign(text []byte) ([]byte, error) {
	signature := ed25519.Sign(s.key, fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", s.at.Unix(), text))
	return append(binary.BigEndian.AppendUint64(nil, uint64(s.at.Unix())), signature...), nil
}

// CosignatureKey checks the cosignatures of one witness.
type CosignatureKey struct {
	v *torchwood.CosignatureVerifier
}

// NewCosignatureKey reads the public key of a witness.
func NewCosignatureKey(vkey string) (*CosignatureKey, error) {
	v, err := torchwood.NewCosignatureVerifier(vkey)
	if err != nil || v.String() != vkey {
		return nil, fmt.Errorf("%w: witness public key, want name+id+base64 of type cosignature/v1 (04)", ErrCosignature)
	}
	return &CosignatureKey{v}, nil
}

// Name is the witness's name.
func (k *CosignatureKey) Name() string { return k.v.Name() }

// Public is the Ed25519 key in base64. Two keys with one Public are one witness, whatever their names: the
// signed bytes do not hold the name.
func (k *CosignatureKey) Public() string {
	text := k.v.String()
	return text[len(k.v.Name())+len("+12345678+"):]
}

// Open checks a note as made by Cosign: what tree of which log the witness states. Errors wrap ErrCosignature or
// ErrCheckpoint.
func (k *CosignatureKey) Open(signed []byte) (origin string, tree Tree, err error) {
	if _, _, err = k.Line(signed, Lines(signed)); err != nil {
		return "", Tree{}, err
	}
	text, err := noteText(signed)
	if err != nil {
		return "", Tree{}, err
	}
	return parseCheckpoint(text)
}

// Line finds the key's cosignature among signature lines, checks it over the checkpoint, and returns that line
// alone with its time. Lines of other keys are ignored. Errors wrap ErrCosignature or ErrCheckpoint.
func (k *CosignatureKey) Line(checkpoint, lines []byte) (line []byte, at time.Time, err error) {
	text, err := noteText(checkpoint)
	if err != nil {
		return nil, at, err
	}
	if len(lines) > MaxCheckpoint {
		return nil, at, fmt.Errorf("%w lines of %d bytes, more than %d", ErrCosignature, len(lines), MaxCheckpoint)
	}
	n, err := note.Open(append([]byte(text+"\n"), lines...), note.VerifierList(k.v))
	if err != nil {
		return nil, at, fmt.Errorf("%w of %s: %w", ErrCosignature, k.Name(), err)
	}
	seconds, err := torchwood.CosignatureTimestamp(n.Sigs[0])
	if err != nil {
		return nil, at, fmt.Errorf("%w of %s: %w", ErrCosignature, k.Name(), err)
	}
	return fmt.Appendf(nil, "— %s %s\n", n.Sigs[0].Name, n.Sigs[0].Base64), time.Unix(seconds, 0).UTC(), nil
}

// AddCosignatures puts lines that were checked by Line below a checkpoint; one that is there already is left out.
func AddCosignatures(checkpoint []byte, lines ...[]byte) []byte {
	out := bytes.Clone(checkpoint)
	for _, line := range lines {
		if !bytes.Contains(out, append([]byte("\n"), line...)) {
			out = append(out, line...)
		}
	}
	return out
}

// noteText is the text of a signed note of at most MaxCheckpoint bytes, with its last newline.
func noteText(signed []byte) (string, error) {
	text, _, ok := strings.Cut(string(signed), "\n\n")
	if !ok || len(signed) > MaxCheckpoint {
		return "", fmt.Errorf("%w: want a signed note of at most %d bytes", ErrCheckpoint, MaxCheckpoint)
	}
	return text + "\n", nil
}
