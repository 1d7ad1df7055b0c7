package monitor

import (
	"cmp"
	"fmt"
	"slices"

	"fairlead/internal/entry"
	"fairlead/internal/fairlead"
	"fairlead/internal/policy"
	"fairlead/internal/tlog"
)

// Split is a checkpoint that a sender signed into a header, as the last it had proved, and that is no state this
// log ever was in. It is nothing that the log decided, so the log may follow all the same: the hub showed that
// agency another log, or the agency says what is not so.
type Split struct {
	Entry int64             `json:"entry"` // the first share that says so
	By    fairlead.AgencyID `json:"by"`
	Size  int64             `json:"size"`
	Root  fairlead.Digest   `json:"root"`
}

// String is the sentence for people.
func (s Split) String() string {
	return fmt.Sprintf("entry %d: split view: %s signed that it was shown a log of %d entries with root %s, and this log was never that: "+
		"it was forked or rewritten, or %s says what is not so", s.Entry, s.By, s.Size, rootText(tlog.Hash(s.Root)), s.By)
}

// seen notes the checkpoint in the header of an established sender, once.
func (p *replayer) seen(sh *entry.Share) {
	h, err := sh.Parsed()
	unproved := slices.ContainsFunc(sh.Decision.Causes, func(c policy.Cause) bool { return c.Check == "P00" })
	if err != nil || unproved || h.Seen.Size == 0 || p.chosen != nil {
		return
	}
	if _, known := p.gossip[h.Seen]; !known {
		p.gossip[h.Seen] = Split{Entry: p.index, By: h.From.Agency, Size: h.Seen.Size, Root: h.Seen.Root}
	}
}

// splits keeps of what senders saw what was no state of the log. (None can be a later one: no header holds the hash
// of a tree that it is in.)
func (p *replayer) splits(a *archive) error {
	r, err := tlog.OpenReader(a.dir, a.tree)
	if err != nil {
		return err
	}
	for seen, s := range p.gossip {
		had, err := a.was(r, tlog.Tree{N: seen.Size, Hash: tlog.Hash(seen.Root)})
		if err != nil {
			return err
		}
		if !had {
			p.tally.Splits = append(p.tally.Splits, s)
		}
	}
	slices.SortFunc(p.tally.Splits, func(a, b Split) int { return cmp.Compare(a.Entry, b.Entry) })
	if n := len(p.tally.Splits); n > maxListed {
		p.tally.Splits, p.tally.MoreSplits = p.tally.Splits[:maxListed], n-maxListed
	}
	return nil
}

// was reports whether the log was once in a state; r reads it.
func (a *archive) was(r *tlog.Reader, old tlog.Tree) (bool, error) {
	if old.N < 0 || old.N > a.tree.N {
		return false, nil
	}
	proof, err := r.Consistency(old.N)
	return err == nil && tlog.VerifyConsistency(old, a.tree, proof) == nil, err
}
