package tlog

import (
	"errors"
	"testing"
)

func TestPeek(t *testing.T) {
	l := newLogOf(t, 300)
	proof, err := l.Prove(17)
	must(t, err)
	receipt, msg := FormatProof(17, proof, l.sign()), FormatConsistency(100, nil, l.sign())
	if i, err := ProofIndex(receipt); err != nil || i != 17 {
		t.Error(i, err)
	}
	if tree, err := StatedTree(msg, l.v); err != nil || tree != l.Tree() {
		t.Error(tree, err)
	}
	if _, err := ProofIndex(msg); !errors.Is(err, ErrProof) {
		t.Error(err)
	}
	if tree, err := StatedTree(receipt, l.v); err != nil || tree != l.Tree() {
		t.Error(tree, err)
	}
	if _, err := StatedTree([]byte("x"), l.v); !errors.Is(err, ErrProof) {
		t.Error(err)
	}
	_, other := testKeys(t, l.v.Origin())
	if tree, err := StatedTree(msg, other); !errors.Is(err, ErrCheckpoint) || tree != (Tree{}) {
		t.Error(tree, err)
	}
}
