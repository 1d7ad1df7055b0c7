package monitor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"fairlead/internal/entry"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/policy"
	"fairlead/internal/registry"
	"fairlead/internal/strictjson"
	"fairlead/internal/tlog"
)

// Shown is one entry in full: what is in the clear, which is no content.
type Shown struct {
	Entry     int64             `json:"entry"`
	Size      int64             `json:"size"` // of the tree it was proved in
	Root      string            `json:"root"`
	Title     string            `json:"title"` // in a few words
	Class     string            `json:"class"`
	Outcome   string            `json:"outcome"`
	At        string            `json:"at"`
	Share     string            `json:"share"` // share id, or the id of an entry that is none
	From      fairlead.AgencyID `json:"from"`
	To        fairlead.AgencyID `json:"to"`
	Counter   uint64            `json:"counter"`   // number among what was delivered to To; 0: none
	Delivered fairlead.Digest   `json:"delivered"` // the leaf's commitments
	Verdict   fairlead.Digest   `json:"verdict"`
	Detail    fairlead.Digest   `json:"detail"`

	Account     fairlead.Account  `json:"account,omitempty"` // that submitted
	Subject     string            `json:"subject,omitempty"` // submitted on
	Header      json.RawMessage   `json:"header,omitempty"`
	Descriptors []json.RawMessage `json:"descriptors,omitempty"`
	Keys        []string          `json:"keys,omitempty"` // beside descriptors: the subkey each section is sealed to
	Record      json.RawMessage   `json:"record,omitempty"`
	Action      string            `json:"action,omitempty"` // of an act of the operator
	Unparsed    *entry.Unparsed   `json:"unparsed,omitempty"`
	Decision    *policy.Decision  `json:"decision,omitempty"`
	Used        []Used            `json:"used,omitempty"`      // entries the decision stands on
	Erased      *int64            `json:"erased_by,omitempty"` // entry that ordered the detail erased; there is no more than the leaf then
}

// Used names an entry that a decision stands on.
type Used struct {
	Entry int64  `json:"entry"`
	What  string `json:"what"`
}

// Show reads one entry of a mirror, after proving it and its detail under the checkpoint. vkey is as
// in Verify. Errors wrap ErrMirror or ErrAltered.
func Show(dir, vkey string, index int64) (Shown, error) {
	a, err := openArchive(dir, vkey)
	if err != nil {
		return Shown{}, err
	}
	if err := a.reach(); err != nil {
		return Shown{}, fmt.Errorf("%w: %w", ErrAltered, err)
	}
	if index < 0 || index >= a.tree.N {
		return Shown{}, fmt.Errorf("%w: it has no entry %d: it has %d, numbered from 0", ErrMirror, index, a.tree.N)
	}
	r, err := tlog.OpenReader(dir, a.tree)
	if err != nil {
		return Shown{}, fmt.Errorf("%w: %w; verify the mirror", ErrAltered, err)
	}
	l, d, err := a.read(r, index)
	if errors.Is(err, errBlank) {
		return a.blank(r, index, l)
	}
	if err != nil {
		return Shown{}, fmt.Errorf("%w: %w; verify the mirror", ErrAltered, err)
	}
	s := a.shown(index, l, d)
	for _, i := range used(d) {
		s.Used = append(s.Used, Used{i, a.title(r, i)})
	}
	return s, nil
}

// blank shows an entry whose detail is erased: what its leaf says, and who ordered it.
func (a *archive) blank(r *tlog.Reader, index int64, l entry.Leaf) (Shown, error) {
	by, ok, err := a.orderOf(context.Background(), r, index)
	if err == nil && !ok {
		err = errors.New(unorderedText(index))
	}
	if err != nil {
		return Shown{}, fmt.Errorf("%w: %w; verify the mirror", ErrAltered, err)
	}
	s := a.shown(index, l, &entry.Detail{})
	s.Title, s.Erased = fmt.Sprintf("detail erased by entry %d", by), &by
	return s, nil
}

// read is one entry and its detail, both authenticated.
func (a *archive) read(r *tlog.Reader, index int64) (l entry.Leaf, d *entry.Detail, err error) {
	e := line{index: index}
	if e.leaf, err = r.Entry(index); err != nil {
		return l, nil, err
	}
	details, err := readSegment(a.dir, index/span)
	if err != nil {
		return l, nil, err
	}
	if j := int(index % span); j < len(details) {
		e.detail = details[j]
	}
	if l, err = e.bound(); err != nil {
		return l, nil, err
	}
	d, err = entry.ParseDetail(e.detail)
	return l, d, err
}

func (a *archive) shown(index int64, l entry.Leaf, d *entry.Detail) Shown {
	s := Shown{
		Entry: index, Size: a.tree.N, Root: rootText(a.tree.Hash), Title: title(l, d), Class: className(l.Class), Outcome: outcomeName(l.Outcome), At: stamp(l.At),
		Share: l.Share.String(), From: l.From, To: l.To, Counter: l.Counter, Delivered: l.Delivered, Verdict: l.Verdict, Detail: l.Detail,
	}
	switch {
	case d.Share != nil:
		sh := d.Share
		s.Account, s.Subject, s.Keys, s.Decision = sh.Account, sh.Subject, sh.Keys, &sh.Decision
		s.Header, s.Record = raw(sh.Header), raw(sh.Record)
		for _, b := range sh.Descriptors {
			s.Descriptors = append(s.Descriptors, raw(b))
		}
	case d.Notice != nil:
		s.Header, s.Record = raw(d.Notice.Header), raw(d.Notice.Record)
	case d.Register != nil:
		s.Action, s.Record = d.Register.Action, d.Register.Record
	case d.Unparsed != nil:
		s.Account, s.Unparsed = d.Unparsed.Account, d.Unparsed
	}
	return s
}

// raw shows bytes as the JSON they are, or, if they are none, as a string of them.
func raw(b []byte) json.RawMessage {
	if len(b) == 0 || json.Valid(b) {
		return b
	}
	quoted, err := json.Marshal(b) // in base64
	if err != nil {
		panic(err)
	}
	return quoted
}

func used(d *entry.Detail) []int64 {
	if d.Share == nil {
		return nil
	}
	return d.Share.Decision.Used
}

// title is one entry in a few words.
func (a *archive) title(r *tlog.Reader, index int64) string {
	l, d, err := a.read(r, index)
	if err != nil {
		return err.Error()
	}
	return title(l, d)
}

func title(l entry.Leaf, d *entry.Detail) string {
	switch {
	case d.Share != nil:
		if h, err := envelope.ParseHeader(d.Share.Header); err == nil {
			return fmt.Sprintf("%s from %s to %s: %s", h.Kind, h.From.Agency, h.To.Agency, d.Share.Decision.Result)
		}
	case d.Notice != nil:
		var n registry.Announcement
		if strictjson.Unmarshal(d.Notice.Record, &n) == nil {
			return fmt.Sprintf("notice to %s: agreement %s/%d is %s", l.To, n.Agreement, n.Version, n.State)
		}
		if stop, err := registry.ParseStop(d.Notice.Record); err == nil {
			return fmt.Sprintf("notice to %s: the consent that %d shares relied on ended by entry %d", l.To, len(stop.Shares), stop.Cause)
		}
	case d.Register != nil && d.Register.Action == registry.Reenrol:
		if ag, err := registry.ParseAgency(d.Register.Record); err == nil {
			return fmt.Sprintf("new keys of %s, authorised by its root", ag.ID)
		}
	case d.Register != nil && d.Register.Action == "enrol":
		if ag, err := registry.ParseAgency(d.Register.Record); err == nil {
			return fmt.Sprintf("enrolment of %s, %s in %s", ag.ID, ag.Type, ag.Jurisdiction)
		}
	case d.Register != nil && d.Register.Action == registry.Erase:
		if e, err := registry.ParseErasing(d.Register.Record); err == nil {
			return fmt.Sprintf("erasure of %s, by reason of %s %s", count(len(e.Details), "detail", "details"), e.Reason, e.Reference)
		}
	case d.Register != nil && d.Register.Action == registry.EmptyPayloads:
		if e, err := registry.ParseEmptying(d.Register.Record); err == nil {
			return emptied(e)
		}
	case d.Register != nil && (d.Register.Action == registry.Auditor || d.Register.Action == registry.Read):
		if a, err := registry.ParseAuditing(d.Register.Record); err == nil && d.Register.Action == registry.Read {
			return fmt.Sprintf("auditor %s reads entries and details, in the hour from here", a.Auditor)
		} else if err == nil {
			return fmt.Sprintf("auditor %s was given a credential", a.Auditor)
		}
	case d.Register != nil:
		return d.Register.Action + ", an act of the hub's operator"
	}
	return className(l.Class)
}

// emptied says in words what an act of the hub deletes of its message store, and why.
func emptied(e *registry.Emptying) string {
	what := "deletion of " + count(len(e.Payloads), "payload", "payloads")
	switch {
	case e.With > 0:
		return fmt.Sprintf("%s to %s, with their details, which entry %d ordered erased", what, e.To, e.With)
	case e.To == "":
		return fmt.Sprintf("%s that waited for a second person, refused %d days before (%s)", what, e.Days, e.Class)
	}
	return fmt.Sprintf("%s to %s, stored and acknowledged %d days before (%s)", what, e.To, e.Days, e.Class)
}
