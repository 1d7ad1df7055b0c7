package tlog

import (
	"crypto/sha256"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/note"
)

// ErrStatement says that the log's key has not signed a statement.
var ErrStatement = errors.New("tlog: statement")

// statementText names content by its hash. The first line says what it is; a checkpoint has the log's origin there.
func statementText(what string, content []byte) string {
	return fmt.Sprintf("%s\n%x\n", what, sha256.Sum256(content))
}

// SignStatement signs content that is no checkpoint with the log's key, as a signed note (C2SP). What says what it
// is, in one line, and is not the log's origin: so neither can be shown as the other.
func SignStatement(s *Signer, what string, content []byte) ([]byte, error) {
	if what == s.Origin() {
		return nil, fmt.Errorf("%w: %q is the name of the log", ErrStatement, what)
	}
	return note.Sign(&note.Note{Text: statementText(what, content)}, s.key)
}

// OpenStatement checks that the log's key signed this content as what it says it is.
func OpenStatement(signed []byte, what string, content []byte, v *Verifier) error {
	if len(signed) > MaxCheckpoint || what == v.Origin() {
		return fmt.Errorf("%w: too long, or named as the log", ErrStatement)
	}
	n, err := note.Open(signed, v.known)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrStatement, err)
	}
	if n.Text != statementText(what, content) {
		return fmt.Errorf("%w: it is over another text", ErrStatement)
	}
	return nil
}
