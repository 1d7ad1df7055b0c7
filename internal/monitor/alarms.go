package monitor

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"fairlead/internal/entry"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/keyring"
	"fairlead/internal/policy"
	"fairlead/internal/tlog"
)

// Alarmed is what an agency's program reported on record. Like a Split it is the agency's word and no fault of the
// log: the agency holds the bytes, and Examine holds them against the log.
type Alarmed struct {
	Entry int64             `json:"entry"` // of the report
	By    fairlead.AgencyID `json:"by"`
	policy.Alarm
}

// String is the sentence for people.
func (a Alarmed) String() string {
	about := ""
	if a.Alarm.Entry > 0 {
		about = fmt.Sprintf(", about entry %d", a.Alarm.Entry)
	}
	return fmt.Sprintf("entry %d: alarm of %s: %s%s; ask it for the file of fairlead evidence, and hold that against this log", a.Entry, a.By, alarmWords[a.Code], about)
}

var alarmWords = map[policy.AlarmCode]string{
	policy.AlarmMalformed: "it was handed bytes that no honest hub sends",
	policy.AlarmRewritten: "it was shown another log",
	policy.AlarmUnlogged:  "it was handed something without a true proof in time",
	policy.AlarmGap:       "a number of its deliveries is missing, or came twice",
	policy.AlarmFalse:     "it was handed something that does not follow from the log",
	policy.AlarmNotOurs:   "something is in its name that its program never made",
	policy.AlarmAct:       "the hub's operator acted on it",
}

// alarms notes what the report of an established sender says.
func (p *replayer) alarms(sh *entry.Share) {
	h, err := sh.Parsed()
	if err != nil || h.Kind != "log.alarm" || !sh.Decision.Delivers() {
		return
	}
	r, err := policy.ParseReport(sh.Record)
	if err != nil {
		return
	}
	for _, a := range r.Alarms {
		if len(p.tally.Alarms) == maxListed {
			p.tally.MoreAlarms++
			continue
		}
		p.tally.Alarms = append(p.tally.Alarms, Alarmed{p.index, h.From.Agency, a})
	}
}

// Examination is what a file of fairlead evidence shows, held against a mirror.
type Examination struct {
	Agency   fairlead.AgencyID `json:"agency"`
	At       string            `json:"at"`
	Size     int64             `json:"size"` // of the log that the agency knows
	SameLog  bool              `json:"same_log"`
	Exhibits []Exhibit         `json:"exhibits"`
}

// Exhibit is one alarm and what its bytes show.
type Exhibit struct {
	policy.Alarm
	What  string `json:"what"`
	Shows string `json:"shows"`
	// Proof: the log's key signed these bytes, and they are of another log than this one. Nobody but the holder of
	// that key can have made them.
	Proof bool `json:"proof"`
}

// Words says it for people.
func (x *Examination) Words() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s signed this on %s; it knows a log of %d entries", x.Agency, x.At, x.Size)
	if x.SameLog {
		fmt.Fprintln(&b, ", which is this one")
	} else {
		fmt.Fprintln(&b, ", which this one never was: the log was forked or rewritten, or the agency says what is not so")
	}
	if len(x.Exhibits) == 0 {
		fmt.Fprintln(&b, "it has found nothing")
	}
	for _, e := range x.Exhibits {
		fmt.Fprintf(&b, "%s: %s\n  %s\n", stamp(e.At.Time), e.What, e.Shows)
	}
	return b.String()
}

// Examine checks the signature of a file of fairlead evidence and holds each of its exhibits against a mirror. Errors
// wrap ErrMirror, ErrAltered, or entry.ErrEvidence where the file is none of the agency that it names.
func Examine(ctx context.Context, dir, vkey string, file []byte) (*Examination, error) {
	signed, e, err := entry.ParseEvidence(file)
	if err != nil {
		return nil, err
	}
	a, err := openArchive(dir, vkey)
	if err != nil {
		return nil, err
	}
	if e.Log != a.key.Origin() {
		return nil, fmt.Errorf("%w: it is about the log %.80q, and the mirror is of %s", entry.ErrEvidence, e.Log, a.key.Origin())
	}
	if err := a.reach(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAltered, err)
	}
	snap, _, err := At(ctx, dir, vkey, -1)
	if err != nil {
		return nil, err
	}
	cert := snap.Certificate(e.Agency)
	if cert == nil || cert.Signing().Verify(signed.Evidence, signed.Signature, keyring.ContextEvidence, e.At.Time) != nil {
		return nil, fmt.Errorf("%w: the key that this log has of %s did not sign it", entry.ErrEvidence, e.Agency)
	}
	r, err := tlog.OpenReader(a.dir, a.tree)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAltered, err)
	}
	x := &Examination{Agency: e.Agency, At: stamp(e.At.Time), Size: e.Seen.Size}
	if x.SameLog, err = a.was(r, tlog.Tree{N: e.Seen.Size, Hash: tlog.Hash(e.Seen.Root)}); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAltered, err)
	}
	for _, one := range e.Alarms {
		shows, proof, err := a.shows(r, one)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrAltered, err)
		}
		x.Exhibits = append(x.Exhibits, Exhibit{one.Alarm, one.What, shows, proof})
	}
	return x, nil
}

// shows says what the bytes of an exhibit are, beside this log.
func (a *archive) shows(r *tlog.Reader, e entry.Exhibit) (what string, proof bool, err error) {
	if tree, ok := a.signedTree(e.Bytes); ok {
		same, err := a.was(r, tree)
		switch {
		case err != nil:
			return "", false, err
		case same:
			return fmt.Sprintf("the log's key signed it, of %d entries of this very log", tree.N), false, nil
		case tree.N > a.tree.N:
			return fmt.Sprintf("the log's key signed it, of %d entries, and this mirror has %d: bring the mirror up to date", tree.N, a.tree.N), false, nil
		}
		return fmt.Sprintf("PROOF: the log's key signed a log of %d entries with root %s, and this log was never that", tree.N, rootText(tree.Hash)), true, nil
	}
	index, leaf, ok := statedLeaf(e)
	if !ok {
		return "bytes that name no entry and that nobody signed: the agency's word", false, nil
	}
	if index >= a.tree.N {
		return fmt.Sprintf("entry %d, and this mirror has %d: bring the mirror up to date", index, a.tree.N), false, nil
	}
	logged, err := r.Entry(index)
	if err != nil {
		return "", false, err
	}
	if bytes.Equal(logged, leaf) {
		return fmt.Sprintf("entry %d is in this log as the agency has it", index), false, nil
	}
	return fmt.Sprintf("entry %d is another one in this log: what the agency has was not logged. A leaf alone is signed by nobody: the agency's word", index), false, nil
}

// signedTree finds a checkpoint of the log's key in what the hub sent.
func (a *archive) signedTree(b []byte) (tlog.Tree, bool) {
	for _, inside := range []func([]byte) ([]byte, error){envelope.ParseHeadFrame, envelope.ParseCosignedFrame, func(b []byte) ([]byte, error) { return b, nil }} {
		msg, err := inside(b)
		if err != nil {
			continue
		}
		for _, open := range []func([]byte, *tlog.Verifier) (tlog.Tree, error){tlog.OpenCheckpoint, tlog.StatedTree} {
			if tree, err := open(msg, a.key.Verifier); err == nil {
				return tree, true
			}
		}
	}
	return tlog.Tree{}, false
}

// statedLeaf finds the entry that a frame of the hub is about, or a bare leaf.
func statedLeaf(e entry.Exhibit) (index int64, leaf []byte, ok bool) {
	if index, leaf, err := envelope.StatedLeaf(e.Bytes); err == nil {
		return index, leaf, true
	}
	if _, err := entry.ParseLeaf(e.Bytes); err == nil && e.Entry > 0 {
		return e.Entry, e.Bytes, true
	}
	return 0, nil, false
}
