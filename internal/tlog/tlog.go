// Package tlog is the tamper-evident log on disk: a directory of tiles and entry bundles (C2SP
// tlog-tiles v0.1.0), signed checkpoints (C2SP tlog-checkpoint v1.0.0), inclusion proofs as receipts
// (C2SP tlog-proof@v1), consistency proofs (RFC 6962 §2.1.2, in the body of a C2SP tlog-witness
// add-checkpoint request), cosignatures of witnesses (C2SP tlog-cosignature) and the policy that counts them
// (C2SP tlog-policy), and beside the log a store of erasable details. Hashing is that of RFC 6962 §2.1.
//
// A [Writer] builds a log, a [Reader] reads one that somebody has authenticated, [VerifyDir] trusts
// nothing but a public key. Who can modify a log directory can at most make these refuse it: a reader
// hands out only entries, and a writer only proofs, that lead to the root it was opened with.
//
// No type of this package is safe for use by several goroutines at once. One process writes a
// directory; any number may read it meanwhile.
package tlog

import (
	"errors"
	"fmt"

	xtlog "golang.org/x/mod/sumdb/tlog"
)

// Hash is a SHA-256 value of the tree (RFC 6962 §2.1); its text form is base64.
type Hash = xtlog.Hash

// Tree is a size, in entries, and the root hash of the tree of that size.
type Tree = xtlog.Tree

// LeafHash is the hash of an entry: SHA-256(0x00 ‖ leaf).
func LeafHash(leaf []byte) Hash { return xtlog.RecordHash(leaf) }

const (
	// MaxLeaf is the most bytes an entry may have: its length prefix in a bundle has 16 bits.
	MaxLeaf = 1<<16 - 1
	// MaxSize is the most entries a tree may have here. Far above it x/mod's arithmetic overflows.
	MaxSize = 1 << 48

	// width is the number of hashes of a full tile, of entries of a full bundle and of details of a
	// full segment.
	width = 256
	// maxAhead is how many entries a directory may be ahead of the tree it is opened with and still
	// be the leavings of a crash. Files further ahead are evidence of a rollback, not litter.
	maxAhead = 1 << 12
)

// What can be wrong with a log. Every error about a directory, a checkpoint or a proof wraps one.
var (
	// ErrAltered: a file holds other bytes than those that were logged.
	ErrAltered = errors.New("tlog: altered")
	// ErrMissing: a file or a part of it that the log needs is not there.
	ErrMissing = errors.New("tlog: missing")
	// ErrUnknown: a file stands where none of that name belongs.
	ErrUnknown = errors.New("tlog: unknown file")
	// ErrCheckpoint: a checkpoint is malformed, not signed by the log, or not of this tree.
	ErrCheckpoint = errors.New("tlog: checkpoint")
	// ErrUnsigned is wrapped beside ErrCheckpoint where the log's signature is not there or not right.
	ErrUnsigned = errors.New("not signed")
	// ErrProof: a proof is malformed or does not prove what it should.
	ErrProof = errors.New("tlog: proof")
	// ErrCosignature: a cosignature is malformed, of another checkpoint, or not by the key it names.
	ErrCosignature = errors.New("tlog: cosignature")
	// ErrPolicy: a policy file is malformed, or too weak.
	ErrPolicy = errors.New("tlog: witness policy")
	// ErrQuorum: a checkpoint does not bear the cosignatures that the policy wants.
	ErrQuorum = errors.New("tlog: no quorum")
)

// FileError names a file of a log directory and what is wrong with it.
type FileError struct {
	// Path is relative to the directory, with slashes.
	Path string
	// Entry is the index of the first entry (or detail) concerned, -1 when it is the file as such.
	Entry int64
	// Kind is ErrAltered, ErrMissing, ErrUnknown or ErrCheckpoint.
	Kind error
	// What is the sentence for people.
	What string
}

// Error is the sentence for people.
func (e *FileError) Error() string { return e.What }

// Unwrap gives the kind of damage.
func (e *FileError) Unwrap() error { return e.Kind }

func fileError(kind error, path, format string, args ...any) *FileError {
	return &FileError{Path: path, Entry: -1, Kind: kind, What: fmt.Sprintf(format, args...)}
}

func altered(path string, entry int64, format string, args ...any) *FileError {
	e := fileError(ErrAltered, path, format+": altered", args...)
	e.Entry = entry
	return e
}

func missing(path string) *FileError {
	return fileError(ErrMissing, path, "%s is missing", path)
}
