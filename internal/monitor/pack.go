package monitor

import (
	"archive/zip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"fairlead/internal/fairlead"
	"fairlead/internal/registry"
	"fairlead/internal/tlog"
)

// A pack is a ZIP file that an auditor takes away. It holds either a whole mirror, or chosen entries:
// each with its receipt and its detail, and beside them those that the replay of the chosen needs.
//
//	about.json          what was chosen
//	log.vkey            the log's verifier key; who verifies compares it with the one given
//	checkpoint          the signed checkpoint
//	tile/… details/…    of a whole mirror
//	entries/N.receipt   of a chosen entry: C2SP tlog-proof with the leaf
//	entries/N.detail    what the leaf commits to
//	report.html         for people; made of the entries alone, so that it can be made again and compared
//	report.csv
const (
	aboutFile  = "about.json"
	htmlFile   = "report.html"
	csvFile    = "report.csv"
	entriesDir = "entries/"
)

// About says what a pack holds.
type About struct {
	V      int           `json:"v"`
	All    bool          `json:"all"`              // the whole log
	Agency string        `json:"agency,omitempty"` // chosen: entries from or to it
	Since  fairlead.Time `json:"since,omitzero"`
	Until  fairlead.Time `json:"until,omitzero"`
	Chosen []int64       `json:"chosen,omitempty"` // the entries asked for; others are there for the replay
}

func (p *About) query() Query {
	return Query{Agency: p.Agency, Since: p.Since.Time, Until: p.Until.Time, Limit: 1 << 40}
}

// Pack writes a pack of a mirror that has been verified: of all entries, or of those from or to an
// agency, or within a time. Only Agency, Since and Until of the query count.
func (x *Index) Pack(ctx context.Context, q Query, w io.Writer) (*About, error) {
	p := &About{V: 1, Agency: q.Agency, All: q.Agency == "" && q.Since.IsZero() && q.Until.IsZero()}
	if !q.Since.IsZero() {
		p.Since = fairlead.At(q.Since)
	}
	if !q.Until.IsZero() {
		p.Until = fairlead.At(q.Until)
	}
	z := zip.NewWriter(w)
	err := errors.Join(put(z, keyFile, []byte(x.a.key.line+"\n")), put(z, checkpointFile, x.a.text))
	if err == nil && p.All {
		err = x.packAll(z)
	} else if err == nil {
		err = x.packChosen(ctx, z, p)
	}
	if err != nil {
		return nil, err
	}
	entries := x.a.each
	if !p.All {
		entries = x.some(p)
	}
	made, err := reports(ctx, x.of, p, entries)
	if err != nil {
		return nil, err
	}
	about, err := json.MarshalIndent(p, "", "  ")
	return p, errors.Join(err, put(z, aboutFile, about), put(z, htmlFile, made.html), put(z, csvFile, made.csv), z.Close())
}

// put adds a file with no time in it: the same entries give the same pack.
func put(z *zip.Writer, name string, b []byte) error {
	w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate})
	if err == nil {
		_, err = w.Write(b)
	}
	return err
}

// packAll adds the files of the mirror.
func (x *Index) packAll(z *zip.Writer) error {
	add := func(name string, limit int64) error {
		b, err := tlog.ReadFile(x.a.dir, name, limit)
		if err != nil {
			return fmt.Errorf("%w: %w; verify the mirror", ErrAltered, err)
		}
		return put(z, name, b)
	}
	for name := range tlog.Files(0, x.a.tree.N) {
		if err := add(name, maxBundle); err != nil {
			return err
		}
	}
	for k := range x.a.blocks() {
		if err := add(segmentPath(k), tlog.MaxSegment); err != nil {
			return err
		}
	}
	return nil
}

// need is a step of the closure that a replay of chosen entries needs: what an approval is of; of their
// own shares the other entries; what decisions stand on; the acknowledgements of those; and of the register all that changes
// who may do what.
var need = []string{
	`SELECT a.entry FROM entries a JOIN approvals p ON p.share = a.share JOIN pick ON pick.entry = p.entry`,
	`SELECT a.entry FROM entries a WHERE a.share IN (SELECT b.share FROM entries b JOIN pick USING (entry))`,
	`SELECT DISTINCT stands_on FROM used JOIN pick USING (entry)`,
	`SELECT a.entry FROM entries a WHERE a.kind = 'ack' AND a.recipient <> 'HUB' AND a.reply_to IN (SELECT b.share FROM entries b JOIN pick USING (entry))`,
	`SELECT entry FROM entries WHERE class = 'register' OR kind IN ('agreement.proposal', 'agreement.signature', 'agreement.status', 'staff.record', 'training.record', 'agency.certificate')`,
}

// packChosen adds receipt and detail of the chosen entries and of those they need.
func (x *Index) packChosen(ctx context.Context, z *zip.Writer, p *About) error {
	found, err := x.Search(ctx, p.query())
	if err != nil {
		return err
	}
	if p.Chosen = found.Entries; len(p.Chosen) == 0 {
		return fmt.Errorf("%w would be empty: no entry is chosen by that agency and time", ErrPack)
	}
	all, err := x.closure(ctx, p.Chosen)
	if err != nil {
		return err
	}
	r, err := tlog.OpenReader(x.a.dir, x.a.tree)
	if err != nil {
		return fmt.Errorf("%w: %w; verify the mirror", ErrAltered, err)
	}
	return x.read(ctx, all, func(e *record) error {
		receipt, err := x.a.receipt(r, e.index)
		return errors.Join(err, put(z, entryName(e.index)+".receipt", receipt), put(z, entryName(e.index)+".detail", e.raw))
	})
}

func entryName(i int64) string { return fmt.Sprintf("%s%012d", entriesDir, i) }

// closure adds to chosen entries those that their replay needs, up to the last chosen.
func (x *Index) closure(ctx context.Context, chosen []int64) ([]int64, error) {
	all := slices.Clone(chosen)
	for _, query := range need {
		list, err := json.Marshal(all)
		if err != nil {
			return nil, err
		}
		more, err := x.strings(ctx, `WITH pick AS (SELECT value AS entry FROM json_each(?)) `+query, string(list))
		if err != nil {
			return nil, err
		}
		for _, s := range more {
			var i int64
			if err := json.Unmarshal([]byte(s), &i); err != nil {
				return nil, err
			}
			all = append(all, i)
		}
		slices.Sort(all)
		all = slices.Compact(all)
	}
	all = slices.DeleteFunc(all, func(i int64) bool { return i > chosen[len(chosen)-1] || i < 0 })
	return x.withOrders(ctx, all)
}

// withOrders adds the entries that order details erased, which come later: a blank detail is right by them alone.
func (x *Index) withOrders(ctx context.Context, all []int64) ([]int64, error) {
	orders, err := x.strings(ctx, `SELECT entry FROM acts WHERE action = ?`, registry.Erase)
	for _, s := range orders {
		i, bad := strconv.ParseInt(s, 10, 64)
		all, err = append(all, i), errors.Join(err, bad)
	}
	slices.Sort(all)
	return slices.Compact(all), err
}

// read calls f for some entries, in order, each authenticated.
func (x *Index) read(ctx context.Context, entries []int64, f func(*record) error) error {
	r, err := tlog.OpenReader(x.a.dir, x.a.tree)
	for err == nil && len(entries) > 0 {
		k := entries[0] / span
		err = x.a.block(ctx, r, k, func(e line) error {
			if len(entries) == 0 || entries[0] != e.index {
				return nil
			}
			entries = entries[1:]
			r, err := e.open()
			if err != nil {
				return err
			}
			return f(r)
		})
	}
	return err
}

// some reads the entries of a pack of chosen ones again.
func (x *Index) some(p *About) each {
	return func(ctx context.Context, f func(*record) error) error {
		all, err := x.closure(ctx, p.Chosen)
		if err != nil {
			return err
		}
		return x.read(ctx, all, f)
	}
}

// made is what is made of the entries of a pack, and of nothing else.
type made struct {
	html, csv []byte
	found     []int64 // entries by which the pack was chosen
}

// reports makes both reports.
func reports(ctx context.Context, of string, p *About, entries each) (made, error) {
	dir, err := os.MkdirTemp("", "fairlead-report-")
	if err != nil {
		return made{}, err
	}
	defer os.RemoveAll(dir)
	x := &Index{path: filepath.Join(dir, "index.db"), of: of}
	if err := x.build(ctx, "pack", entries); err != nil {
		return made{}, err
	}
	defer x.Close()
	found, err := x.Search(ctx, p.query())
	if err != nil {
		return made{}, err
	}
	page, err := x.report(ctx, p, found)
	return made{page, sheet(found.Columns, found.Rows), found.Entries}, err
}

// report is the page for people: what this is, each question that these entries answer, and all of them.
func (x *Index) report(ctx context.Context, p *About, found *Answer) ([]byte, error) {
	b := newPage("Audit report of a Fairlead log")
	b.element("p", "Log: "+x.of+". Chosen: "+p.words()+".")
	b.element("p", "This page was made of the entries in this pack alone. Check it and them, without the hub: fairlead-audit verify -key log.vkey PACK, with a key got from elsewhere.")
	if !p.All {
		b.element("p", "Answers are of the entries in this pack. What answers a share or ends a deadline after the last of them is not in it.")
	}
	for _, q := range allQuestions {
		if q.sql == "" && asked[q.id] == nil || q.needs != "" || q.id == "AQ26" {
			continue
		}
		a, err := x.Ask(ctx, q.id, p.query())
		if err != nil {
			return nil, err
		}
		b.element("h2", q.id+" "+q.text)
		b.element("p", a.Means)
		b.table(q.id+": "+count(len(a.Rows), "row", "rows"), a.Columns, a.Rows)
		if a.Waits != "" {
			b.element("p", "Not answered: "+a.Waits+".")
		}
	}
	b.element("h2", "All chosen entries")
	b.table(count(len(found.Rows), "entry", "entries"), found.Columns, found.Rows)
	return b.end(), nil
}

// words say what was chosen.
func (p *About) words() string {
	if p.All {
		return "all entries"
	}
	var words []string
	if p.Agency != "" {
		words = append(words, "from or to "+p.Agency)
	}
	if !p.Since.IsZero() {
		words = append(words, "since "+p.Since.Format(time.RFC3339))
	}
	if !p.Until.IsZero() {
		words = append(words, "before "+p.Until.Format(time.RFC3339))
	}
	return strings.Join(words, ", ")
}

// Words says what was packed.
func (p *About) Words() string {
	if p.All {
		return "packed: all entries; next: fairlead-audit verify -key FILE PACK\n"
	}
	return fmt.Sprintf("packed: %s %s; next: fairlead-audit verify -key FILE PACK\n", count(len(p.Chosen), "entry", "entries"), p.words())
}
