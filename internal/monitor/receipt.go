package monitor

import (
	"context"
	"fmt"
	"strconv"

	"fairlead/internal/entry"
	"fairlead/internal/fairlead"
	"fairlead/internal/tlog"
)

// Receipt is what one self-contained receipt proves: that the log signed a tree with this entry in it.
// The detail, with the decision and its reasons, is committed to and not contained.
type Receipt struct {
	Text      string            `json:"receipt"` // C2SP tlog-proof@v1, the entry in its extra line
	Origin    string            `json:"origin"`
	Size      int64             `json:"size"`
	Root      string            `json:"root"`
	Entry     int64             `json:"entry"`
	At        string            `json:"at"`
	Class     string            `json:"class"`
	Outcome   string            `json:"outcome"`
	Share     string            `json:"share"`
	From      fairlead.AgencyID `json:"from"`
	To        fairlead.AgencyID `json:"to"`
	Counter   uint64            `json:"counter"`
	Delivered fairlead.Digest   `json:"delivered"` // commitments, to be opened by the parties and by auditors
	Verdict   fairlead.Digest   `json:"verdict"`
	Detail    fairlead.Digest   `json:"detail"`
}

// Words says what the receipt proves.
func (r *Receipt) Words() string {
	t := newTable()
	t.row("entry", fmt.Sprintf("%d of %d in %s, root %s", r.Entry, r.Size, r.Origin, r.Root))
	t.row("time", r.At)
	t.row("class", r.Class)
	t.row("id", r.Share)
	t.row("from", nobody(r.From))
	t.row("to", nobody(r.To))
	outcome := r.Outcome
	if r.Counter > 0 {
		outcome += fmt.Sprintf(", number %d of %s", r.Counter, r.To)
	}
	t.row("outcome", outcome)
	t.row("detail", "SHA-256 "+r.Detail.String())
	return t.String() + "proved: the log signed a tree that holds this entry\n"
}

// VerifyReceipt checks a receipt with the log's verifier key alone. Errors wrap ErrAltered, or ErrMirror
// where the key is none.
func VerifyReceipt(text []byte, vkey string) (*Receipt, error) {
	key, err := readKey("the key given", vkey)
	if err != nil {
		return nil, err
	}
	leaf, index, tree, err := tlog.OpenReceipt(text, key.Verifier)
	if err != nil {
		return nil, fmt.Errorf("%w: the receipt does not hold: %w", ErrAltered, err)
	}
	l, err := entry.ParseLeaf(leaf)
	if err != nil {
		return nil, fmt.Errorf("%w: entry %d: %w", ErrAltered, index, err)
	}
	return &Receipt{
		Text: string(text), Origin: key.Origin(), Size: tree.N, Root: rootText(tree.Hash), Entry: index, At: stamp(l.At), Class: className(l.Class),
		Outcome: outcomeName(l.Outcome), Share: l.Share.String(), From: l.From, To: l.To, Counter: l.Counter,
		Delivered: l.Delivered, Verdict: l.Verdict, Detail: l.Detail,
	}, nil
}

// Prove makes the receipt of a share, of the last entry on it, or of the entry with a number. Errors wrap
// ErrMirror where there is none, or ErrAltered.
func (x *Index) Prove(ctx context.Context, what string) (*Receipt, error) {
	index, err := strconv.ParseInt(what, 10, 64)
	if err != nil {
		found, err := x.Search(ctx, Query{Share: what})
		if err != nil {
			return nil, err
		}
		if len(found.Entries) == 0 {
			return nil, fmt.Errorf("%w: no entry is of share %.40q; find it with fairlead-audit search", ErrMirror, what)
		}
		index = found.Entries[len(found.Entries)-1]
	}
	if index < 0 || index >= x.a.tree.N {
		return nil, fmt.Errorf("%w: it has no entry %d: it has %d, numbered from 0", ErrMirror, index, x.a.tree.N)
	}
	r, err := tlog.OpenReader(x.a.dir, x.a.tree)
	if err != nil {
		return nil, fmt.Errorf("%w: %w; verify the mirror", ErrAltered, err)
	}
	text, err := x.a.receipt(r, index)
	if err != nil {
		return nil, fmt.Errorf("%w: %w; verify the mirror", ErrAltered, err)
	}
	return VerifyReceipt(text, x.a.key.line)
}

// receipt is the receipt of one entry.
func (a *archive) receipt(r *tlog.Reader, index int64) ([]byte, error) {
	leaf, err := r.Entry(index)
	if err != nil {
		return nil, err
	}
	proof, err := r.Prove(index)
	if err != nil {
		return nil, err
	}
	return tlog.FormatReceipt(leaf, index, proof, a.text), nil
}
