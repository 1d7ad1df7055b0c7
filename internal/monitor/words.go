package monitor

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"fairlead/internal/envelope"
	"fairlead/internal/policy"
	"fairlead/internal/registry"
)

// table sets words beside their labels.
type table struct {
	b strings.Builder
	w *tabwriter.Writer
}

func newTable() *table {
	t := &table{}
	t.w = tabwriter.NewWriter(&t.b, 0, 0, 2, ' ', 0)
	return t
}

// row writes one line; of several values each takes its own.
func (t *table) row(label string, values ...string) {
	for _, v := range values {
		if v != "" {
			fmt.Fprintf(t.w, "%s\t%s\n", label, v)
			label = ""
		}
	}
}

// String is the table so far.
func (t *table) String() string {
	t.w.Flush()
	return t.b.String()
}

// Words is the report in lines of text.
func (r *Report) Words() string {
	t := newTable()
	t.row("log", r.Origin)
	t.row("key", "SHA-256 "+r.Key)
	if r.Root != "" {
		t.row("entries", fmt.Sprint(r.Size))
		t.row("root", r.Root)
	}
	if r.Erased > 0 {
		t.row("erased", count(r.Erased, "detail", "details")+", each by an entry of the log")
	}
	if p := r.Replay; p != nil {
		t.row("classes", counts(p.Classes))
		t.row("decisions", counts(p.Results))
		t.row("grounds", counts(p.Grounds))
		if p.Left > 0 {
			t.row("left out", fmt.Sprintf("%d acknowledgements, which only the whole log lets one decide again", p.Left))
		}
	}
	return t.String() + r.findings()
}

// findings lists what is wrong, or says that nothing is.
func (r *Report) findings() string {
	var b strings.Builder
	for _, f := range r.Faults {
		fmt.Fprintln(&b, f.What)
	}
	if r.More > 0 {
		fmt.Fprintf(&b, "and %d faults more\n", r.More)
	}
	if p := r.Replay; p != nil {
		for _, g := range p.Gone {
			fmt.Fprintln(&b, g)
		}
		if p.MoreGone > 0 {
			fmt.Fprintf(&b, "and %d more that are not replayable\n", p.MoreGone)
		}
		for _, s := range p.Splits {
			fmt.Fprintln(&b, s)
		}
		if p.MoreSplits > 0 {
			fmt.Fprintf(&b, "and %d split views more\n", p.MoreSplits)
		}
		for _, a := range p.Alarms {
			fmt.Fprintln(&b, a)
		}
		if p.MoreAlarms > 0 {
			fmt.Fprintf(&b, "and %d alarms more\n", p.MoreAlarms)
		}
		for _, d := range p.Differences {
			fmt.Fprintln(&b, d)
		}
		if p.More > 0 {
			fmt.Fprintf(&b, "and %d differences more\n", p.More)
		}
	}
	if r.err() == nil {
		fmt.Fprintln(&b, sound[r.Done])
	}
	return b.String()
}

// sound is what it means that nothing was found.
var sound = map[Deed]string{
	Mirrored: "mirrored: every new file is what the log signed; next: fairlead-audit replay",
	Verified: "verified: checkpoint, entries, tiles and details are what the log signed",
	Unpacked: "verified: every entry of the pack is in the log, its reports say what the entries say, and what was chosen follows from them; that nothing else was left out, only the whole log shows",
	Replayed: "verified and replayed: every entry follows from the ones before it",
}

func counts[K ~string](m map[K]int64) string {
	var list []string
	for _, k := range sortedKeys(m) {
		list = append(list, fmt.Sprintf("%s %d", k, m[k]))
	}
	return strings.Join(list, ", ")
}

// Words is the entry in lines of text; the JSON form has all of it.
func (s *Shown) Words() string {
	t := newTable()
	t.row("entry", fmt.Sprintf("%d of %d, proved under root %s", s.Entry, s.Size, s.Root))
	t.row("what", s.Title)
	t.row("class", s.Class)
	t.row("time", s.At)
	t.row("id", s.Share)
	t.row("from", nobody(s.From))
	t.row("to", nobody(s.To))
	outcome := s.Outcome
	if s.Counter > 0 {
		outcome += fmt.Sprintf(", number %d of %s", s.Counter, s.To)
	}
	t.row("outcome", outcome)
	t.row("act", s.Action)
	if u := s.Unparsed; u != nil {
		t.row("unreadable", fmt.Sprintf("submissions of account %s in the minute of %s: %d", u.Account, stamp(u.Minute.Time), u.Count), causes([]policy.Cause{u.Cause}))
	}
	s.emptiedWords(t)
	s.headerWords(t)
	s.descriptorWords(t)
	s.decisionWords(t)
	for i, u := range s.Used {
		label := ""
		if i == 0 {
			label = "stands on"
		}
		t.row(label, fmt.Sprintf("entry %d: %s", u.Entry, u.What))
	}
	return t.String()
}

// emptiedWords lists the payloads that an act of the hub deletes.
func (s *Shown) emptiedWords(t *table) {
	if s.Action != registry.EmptyPayloads {
		return
	}
	e, err := registry.ParseEmptying(s.Record)
	if err != nil {
		return // replay names it
	}
	var list []string
	for _, p := range e.Payloads {
		list = append(list, fmt.Sprintf("of entry %d, share %s", p.Entry, p.Share))
	}
	t.row("payloads", list...)
}

// headerWords says what the sender declared.
func (s *Shown) headerWords(t *table) {
	h, err := envelope.ParseHeader(s.Header)
	if err != nil {
		return // an entry without one, or one that replay names
	}
	t.row("kind", h.Kind)
	t.row("user", fmt.Sprintf("%s as %s", h.From.User, h.From.Role))
	t.row("sent", stamp(h.SentAt.Time)+", valid until "+stamp(h.ValidUntil.Time))
	t.row("purpose", string(h.Purpose))
	t.row("threshold", string(h.Threshold))
	if b := h.Basis; b != nil {
		words := append([]string{string(b.Art6), string(b.Annex1), b.Cite}, asStrings(b.Gateways)...)
		t.row("basis", strings.Join(slices.DeleteFunc(words, func(s string) bool { return s == "" }), ", "))
	}
	if h.Agreement != nil {
		t.row("agreement", fmt.Sprintf("%s/%d", h.Agreement.ID, h.Agreement.Version))
	}
	if !h.ReplyTo.IsZero() {
		t.row("answers", h.ReplyTo.String())
	}
	if len(h.Facts) > 0 {
		t.row("facts", text(h.Facts))
	}
}

func asStrings[S ~string](list []S) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = string(s)
	}
	return out
}

// descriptorWords says what was declared of each section.
func (s *Shown) descriptorWords(t *table) {
	for i, b := range s.Descriptors {
		var d map[string]any
		if json.Unmarshal(b, &d) != nil {
			continue
		}
		delete(d, "salt")
		delete(d, "digest")
		t.row(fmt.Sprintf("descriptor %d", i+1), text(d))
	}
}

// decisionWords says what was decided, and why.
func (s *Shown) decisionWords(t *table) {
	d := s.Decision
	if d == nil {
		return
	}
	t.row("decision", result(*d))
	for _, c := range d.Causes {
		t.row("reason", causes([]policy.Cause{c}))
	}
	for _, sec := range d.Sections {
		t.row(sectionName(sec), section(sec))
	}
	for _, due := range d.Due {
		t.row("due", dues([]policy.Due{due}))
	}
	for _, n := range d.Notes {
		t.row("note", n.Text+" ("+n.Check+")")
	}
}
