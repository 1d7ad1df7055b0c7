// Package monitor is the auditor's side of the log (the monitor of RFC 9162 §8.2, on C2SP tlog-tiles):
// it mirrors a hub's log with its details, verifies the mirror, and replays every decision on it. It
// holds public keys only and trusts neither the hub nor the disk the mirror lies on: who can modify a
// mirror can at most make it fail, and the report names the entry.
//
// A mirror is a folder of exactly these files, and anything else in it is a fault:
//
//	log.vkey      the log's verifier key (C2SP signed-note), one line, as it was given at the first mirror
//	checkpoint    the signed checkpoint the mirror has reached (C2SP tlog-checkpoint)
//	tile/…        hash tiles and entry bundles of that size (C2SP tlog-tiles)
//	details/…     what each entry's leaf commits to, 256 details a file, numbered as tiles are
package monitor

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"fairlead/internal/fairlead"
	"fairlead/internal/tlog"
)

// Errors for programs. The text of each says which file or entry, and what to do.
var (
	// ErrMirror: the folder is no mirror, or not one of the log whose key was given.
	ErrMirror = errors.New("monitor: not a mirror of this log")
	// ErrHub: the hub could not be reached, refused, or served what is not of its own log.
	ErrHub = errors.New("monitor: the hub")
	// ErrForked: two checkpoints that the log signed are not of one history.
	ErrForked = errors.New("monitor: the log was forked or rewritten")
	// ErrOlder: the hub shows an earlier state of the log than the mirror holds.
	ErrOlder = errors.New("monitor: the hub shows an older log")
	// ErrAltered: the mirror is not what the log signed; Report.Faults says where.
	ErrAltered = errors.New("monitor: the mirror is not what the log signed")
	// ErrReplay: entries do not follow from those before them; Tally.Differences says which.
	ErrReplay = errors.New("monitor: the log does not follow its own rules")
	// ErrPack: a file is no pack, or none of this log.
	ErrPack = errors.New("monitor: the pack")
)

// The files of a mirror beside the tiles.
const (
	keyFile        = "log.vkey"
	checkpointFile = "checkpoint"
	tileDir        = "tile"
	detailsDir     = "details"
)

// span is the number of entries of a bundle and of details of a segment (C2SP tlog-tiles).
const span = 256

// maxListed bounds the faults and the differences that a report lists; the rest is counted.
const maxListed = 1000

// Report is what a mirror has reached, and what a verification or a replay of it found.
type Report struct {
	Done   Deed   `json:"done"`
	Origin string `json:"origin"` // name of the log
	Key    string `json:"key"`    // SHA-256 of the verifier key's line, hexadecimal, to compare with the one published
	Size   int64  `json:"size"`   // entries
	Root   string `json:"root"`   // of the tree, base64 as in the checkpoint; "" where that does not open
	// Faults are what Verify found, in the order of the log; empty: the mirror is what the log signed.
	Faults []Fault `json:"faults"`
	// More counts faults beyond those listed.
	More int `json:"more_faults,omitempty"`
	// Erased counts the entries whose detail is erased, each by an entry of the log.
	Erased int `json:"erased,omitempty"`
	// Replay is nil where nothing was replayed.
	Replay *Tally `json:"replay,omitempty"`
}

// Deed is what was done with a mirror, each with all that the one before does.
type Deed string

// The deeds.
const (
	Mirrored Deed = "mirrored" // every new file was verified as it came
	Verified Deed = "verified"
	Replayed Deed = "replayed"
	Unpacked Deed = "unpacked" // a pack of chosen entries: verified, and replayed so far as it can be
)

// Fault is one thing wrong with a mirror.
type Fault struct {
	Entry int64  `json:"entry"` // first entry concerned; -1: none in particular
	Path  string `json:"path"`  // relative to the mirror
	What  string `json:"what"`  // sentence for people; names the entry
}

// Tally is what a replay counted, and what did not follow.
type Tally struct {
	Classes map[string]int64          `json:"classes"`        // entries by class
	Results map[fairlead.Result]int64 `json:"results"`        // recorded decisions by result
	Grounds map[fairlead.Ground]int64 `json:"grounds"`        // and by ground
	Left    int64                     `json:"left,omitempty"` // chosen entries of a pack that only the whole log lets one decide again
	// Gone are the entries that cannot be decided again, since a detail was erased by an entry of the log.
	Gone []Gone `json:"not_replayable,omitempty"`
	// MoreGone counts those beyond the ones listed.
	MoreGone int `json:"more_not_replayable,omitempty"`
	// Splits are what senders say they were shown and this log never was.
	Splits []Split `json:"splits,omitempty"`
	// Alarms are what agencies' programs reported that an honest hub does not do.
	Alarms []Alarmed `json:"alarms,omitempty"`
	// MoreAlarms counts those beyond the ones listed.
	MoreAlarms int `json:"more_alarms,omitempty"`
	// MoreSplits counts those beyond the ones listed.
	MoreSplits int `json:"more_splits,omitempty"`
	// Differences are the entries that do not follow, in the order of the log.
	Differences []Difference `json:"differences"`
	// More counts differences beyond those listed.
	More int `json:"more_differences,omitempty"`
}

// Difference is one respect in which an entry does not follow from the log before it.
type Difference struct {
	Entry    int64  `json:"entry"`
	What     string `json:"what"`     // such as "decision" or "section EDU"
	Recorded string `json:"recorded"` // what the log says
	Follows  string `json:"follows"`  // what follows from the entries before
}

// String is the sentence for people.
func (d Difference) String() string {
	return fmt.Sprintf("entry %d: %s: the log says %s; by its own rules: %s", d.Entry, d.What, d.Recorded, d.Follows)
}

// err sums up a report: nil if nothing was found.
func (r *Report) err() error {
	if n := len(r.Faults) + r.More; n > 0 {
		return fmt.Errorf("%w: %s%s", ErrAltered, r.Faults[0].What, others(n))
	}
	if r.Replay == nil || len(r.Replay.Differences) == 0 {
		return nil
	}
	n := len(r.Replay.Differences) + r.Replay.More
	return fmt.Errorf("%w: %s%s", ErrReplay, r.Replay.Differences[0], others(n))
}

func others(n int) string {
	if n == 1 {
		return ""
	}
	return fmt.Sprintf(" (and %d more)", n-1)
}

// fault lists a fault, or counts it where the list is full.
func (r *Report) fault(f Fault) {
	if len(r.Faults) == maxListed {
		r.More++
		return
	}
	r.Faults = append(r.Faults, f)
}

// logKey is the public key of a log and the line it came from.
type logKey struct {
	*tlog.Verifier
	line string
}

// readKey reads a verifier key from the line that holds it; where says in errors which it is.
func readKey(where, text string) (logKey, error) {
	k := logKey{line: strings.TrimSuffix(text, "\n")}
	var err error
	if k.Verifier, err = tlog.NewVerifier(k.line); err != nil {
		return k, fmt.Errorf("%w: %s: %w", ErrMirror, where, err)
	}
	return k, nil
}

// hash names a key in a form that people can compare.
func (k logKey) hash() string {
	sum := sha256.Sum256([]byte(k.line))
	return hex.EncodeToString(sum[:])
}

func rootText(h tlog.Hash) string { return base64.StdEncoding.EncodeToString(h[:]) }
