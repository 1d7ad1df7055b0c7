package monitor

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// ErrQuestion is of a question that is not asked so, or that waits for entries no log has yet.
var ErrQuestion = errors.New("monitor: question")

// Answer is a table, what it means, and the entries that prove it.
type Answer struct {
	ID       string     `json:"id,omitempty"` // AQ01 …; "" for a search
	Question string     `json:"question"`
	Means    string     `json:"means"` // one plain sentence
	Waits    string     `json:"waits,omitempty"`
	Breach   bool       `json:"breach"` // something is there that must not be
	Columns  []string   `json:"columns"`
	Rows     [][]string `json:"rows"`
	Entries  []int64    `json:"entries"` // that prove it, ascending
	Log      string     `json:"log"`     // origin, size and root of the log it was asked of
}

// Words is the answer in lines of text.
func (a *Answer) Words() string {
	var b strings.Builder
	if a.ID != "" {
		fmt.Fprintf(&b, "%s  %s\n\n", a.ID, a.Question)
	}
	if len(a.Rows) > 0 {
		w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, strings.Join(a.Columns, "\t"))
		for _, r := range a.Rows {
			fmt.Fprintln(w, strings.Join(r, "\t"))
		}
		w.Flush()
		b.WriteByte('\n')
	}
	fmt.Fprintln(&b, a.Means)
	if len(a.Entries) > 0 {
		fmt.Fprintf(&b, "proved by %s: fairlead-audit show DIR N, fairlead-audit prove DIR SHARE\n", list(a.Entries))
	}
	if a.Waits != "" {
		fmt.Fprintf(&b, "not answered: %s\n", a.Waits)
	}
	fmt.Fprintf(&b, "asked of %s\n", a.Log)
	return b.String()
}

// list names entries, the first dozen of many.
func list(entries []int64) string {
	words := fmt.Sprintf("entry %d", entries[0])
	if len(entries) == 1 {
		return words
	}
	words = fmt.Sprintf("%d entries:", len(entries))
	for _, i := range entries[:min(12, len(entries))] {
		words += fmt.Sprintf(" %d", i)
	}
	if len(entries) > 12 {
		words += " …"
	}
	return words
}

// scope is what every search and every question can be narrowed by; the SQL begins with it. Its times
// are those of entries.
const scope = `WITH e AS (SELECT * FROM entries WHERE (:agency = '' OR sender = :agency OR recipient = :agency)
	AND (:since = '' OR at >= :since) AND (:until = '' OR at < :until)),
	d AS (SELECT * FROM e WHERE result IN ('delivered', 'delivered_redacted')),
	c AS (SELECT * FROM d WHERE class = 'share' AND ground <> 'control' AND kind <> 'ack') `

// table runs a query and reads its result. Columns called entry, or something with that word behind it,
// hold entries that prove the row.
func (x *Index) table(ctx context.Context, query string, q Query) (*Answer, error) {
	r, err := x.db.QueryContext(ctx, scope+query, q.args(x.last)...)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	a := &Answer{Rows: [][]string{}, Entries: []int64{}, Log: x.of}
	if a.Columns, err = r.Columns(); err != nil {
		return nil, err
	}
	for r.Next() {
		cells, at := make([]sql.NullString, len(a.Columns)), make([]any, len(a.Columns))
		for i := range cells {
			at[i] = &cells[i]
		}
		if err := r.Scan(at...); err != nil {
			return nil, err
		}
		row := make([]string, len(cells))
		for i, c := range cells {
			row[i] = c.String
		}
		a.Rows = append(a.Rows, row)
	}
	return a, errors.Join(r.Err(), a.cite())
}

// cite gathers the entries that rows name. Of more than a few in one cell the table shows how many.
func (a *Answer) cite() error {
	for i, column := range a.Columns {
		if column != "entry" && !strings.HasSuffix(column, " entry") && column != "entries" {
			continue
		}
		for _, row := range a.Rows {
			for _, word := range strings.FieldsFunc(row[i], func(r rune) bool { return r == ',' || r == ' ' }) {
				n, err := strconv.ParseInt(word, 10, 64)
				if err != nil {
					return fmt.Errorf("column %s: %w", column, err)
				}
				a.Entries = append(a.Entries, n)
			}
			if n := strings.Count(row[i], ","); n >= 4 {
				row[i] = strings.Join(strings.SplitN(row[i], ",", 4)[:3], ",") + fmt.Sprintf(" … (%d)", n+1)
			}
		}
	}
	slices.Sort(a.Entries)
	a.Entries = slices.Compact(a.Entries)
	return nil
}

// column is the place of a column.
func (a *Answer) column(name string) int { return slices.Index(a.Columns, name) }

// distinct counts the values of a column, without the empty one.
func (a *Answer) distinct(name string) int {
	values, i := map[string]bool{}, a.column(name)
	for _, r := range a.Rows {
		values[r[i]] = true
	}
	delete(values, "")
	return len(values)
}

// having counts the rows with a value in a column.
func (a *Answer) having(name, value string) int { return a.both(name, value, name, value) }

// both counts the rows with values in two columns.
func (a *Answer) both(name, value, other, second string) (n int) {
	i, j := a.column(name), a.column(other)
	for _, r := range a.Rows {
		if r[i] == value && r[j] == second {
			n++
		}
	}
	return n
}

// sum adds up a column of counts.
func (a *Answer) sum(name string) (sum int) {
	i := a.column(name)
	for _, r := range a.Rows {
		n, _ := strconv.Atoi(r[i]) // a count that is kept back counts as nothing
		sum += n
	}
	return sum
}

// proved answers by f and compares every entry that the answer cites with the mirror, and those that
// say who is who. An index that differs is made anew, once.
func (x *Index) proved(ctx context.Context, f func() (*Answer, error)) (*Answer, error) {
	for try := 0; ; try++ {
		a, err := f()
		if err == nil {
			err = x.recheckAnswer(ctx, a)
		}
		if err == nil || errors.Is(err, ErrQuestion) || errors.Is(err, ErrAltered) || ctx.Err() != nil || try > 0 || x.a == nil {
			return a, err
		}
		if err := errors.Join(x.db.Close(), x.rebuild(ctx)); err != nil {
			return nil, err
		}
	}
}

func (x *Index) recheckAnswer(ctx context.Context, a *Answer) error {
	r, err := x.db.QueryContext(ctx, `SELECT entry FROM agencies`)
	if err != nil {
		return err
	}
	entries := slices.Clone(a.Entries)
	for r.Next() {
		var i int64
		if err := r.Scan(&i); err != nil {
			return errors.Join(err, r.Close())
		}
		entries = append(entries, i)
	}
	if err := errors.Join(r.Err(), r.Close()); err != nil {
		return err
	}
	slices.Sort(entries)
	return x.recheck(ctx, slices.Compact(entries))
}
