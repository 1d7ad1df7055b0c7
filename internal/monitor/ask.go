package monitor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"fairlead/internal/consent"
	"fairlead/internal/fairlead"
	"fairlead/internal/tlog"
)

var allQuestions = slices.Concat(questions, moreQuestions)

// Questions lists the audit questions of the domain notes §18.3, and what those that cannot be answered
// yet wait for.
type Questions []Questioned

// Questioned is one of them.
type Questioned struct {
	ID       string `json:"id"`
	Question string `json:"question"`
	Answered bool   `json:"answered"`        // by the entries of today
	Needs    string `json:"needs,omitempty"` // flag without which it is not asked
	Waits    string `json:"waits,omitempty"` // what the rest of it, or all of it, waits for
}

// asked are the questions that SQL alone does not answer.
var asked = map[string]func(*Index, context.Context, Query) (*Answer, error){"AQ05": (*Index).staleConsents, "AQ26": (*Index).chain}

// AllQuestions are the questions in the order of the notes.
func AllQuestions() (all Questions) {
	for _, q := range allQuestions {
		all = append(all, Questioned{q.id, q.text, q.answered(), q.needs, q.waits})
	}
	return all
}

func (q question) answered() bool { return q.sql != "" || asked[q.id] != nil }

// Words lists the questions, those that are answered first.
func (qs Questions) Words() string {
	answered, waiting := newTable(), newTable()
	for _, q := range qs {
		switch {
		case !q.Answered:
			waiting.row(q.ID, q.Question, "waits for: "+q.Waits)
		case q.Needs != "":
			answered.row(q.ID, q.Question+" (-"+q.Needs+")")
		default:
			answered.row(q.ID, q.Question)
		}
	}
	return answered.String() + "\nnot answered yet\n\n" + waiting.String()
}

// Ask answers one audit question. The answer cites the entries that prove it, each read again from the
// mirror. Errors wrap ErrQuestion where the question is unknown, waits, or lacks what it needs.
func (x *Index) Ask(ctx context.Context, id string, q Query) (*Answer, error) {
	i := slices.IndexFunc(allQuestions, func(q question) bool { return q.id == strings.ToUpper(id) })
	if i < 0 {
		return nil, fmt.Errorf("%w %.10q is none of AQ01 to AQ34; fairlead-audit ask lists them", ErrQuestion, id)
	}
	what := allQuestions[i]
	switch {
	case !what.answered():
		return nil, fmt.Errorf("%w %s cannot be answered from the entries of today; it waits for: %s", ErrQuestion, what.id, what.waits)
	case what.needs == "case" && q.Case == "":
		return nil, fmt.Errorf("%w %s wants -case TOKEN", ErrQuestion, what.id)
	}
	return x.proved(ctx, func() (*Answer, error) {
		answer := asked[what.id]
		if answer == nil {
			answer = func(x *Index, ctx context.Context, q Query) (*Answer, error) { return x.table(ctx, what.sql, q) }
		}
		a, err := answer(x, ctx, q)
		if err != nil {
			return nil, err
		}
		a.ID, a.Question, a.Waits, a.Breach = what.id, what.text, what.waits, what.never && len(a.Rows) > 0
		if what.says != nil {
			a.Means = what.says(a)
		}
		return a, nil
	})
}

// staleConsents evaluates the consents that stood on record behind each section delivered on consent,
// by the consent rules alone and not by the decision.
func (x *Index) staleConsents(ctx context.Context, q Query) (*Answer, error) {
	a, err := x.table(ctx, `SELECT e.entry, e.at AS time, e.sender AS "from", e.recipient AS "to", s.code AS section, e.purpose, b.type, b.jurisdiction AS "in",
		(SELECT group_concat(k.entry) FROM used u JOIN consents k ON k.entry = u.stands_on AND k.agency = e.sender WHERE u.entry = e.entry) AS "consent entry", '' AS state
		FROM d e JOIN sections s ON s.entry = e.entry AND s.delivered = 1 LEFT JOIN agencies b ON b.agency = e.recipient WHERE e.art6 = 'A6-1-a' ORDER BY e.entry, s.part`, q)
	if err != nil {
		return nil, err
	}
	bad := [][]string{}
	for _, row := range a.Rows {
		at, err := time.Parse(stampForm, row[1])
		if err != nil {
			return nil, err
		}
		state, err := x.consentState(ctx, row[0], at, consent.Use{
			Section: fairlead.SectionCode(row[4]), Purpose: fairlead.Purpose(row[5]), Recipient: fairlead.AgencyID(row[3]),
			Type: fairlead.AgencyType(row[6]), Jurisdiction: fairlead.Jurisdiction(row[7]),
		})
		if err != nil {
			return nil, err
		}
		if state != consent.Given {
			row[len(row)-1] = string(state)
			bad = append(bad, row)
		}
	}
	a.Rows = bad
	return a, nil
}

// consentState is what the consents behind an entry said of a use.
func (x *Index) consentState(ctx context.Context, index string, at time.Time, use consent.Use) (consent.State, error) {
	subjects, err := x.strings(ctx, `SELECT DISTINCT subject FROM subjects WHERE entry = CAST(? AS INTEGER) ORDER BY 1`, index)
	if err != nil {
		return "", err
	}
	records, err := x.strings(ctx, `SELECT k.record FROM used u JOIN consents k ON k.entry = u.stands_on JOIN entries e ON e.entry = u.entry AND k.agency = e.sender
		WHERE u.entry = CAST(? AS INTEGER) ORDER BY k.entry`, index)
	if err != nil {
		return "", err
	}
	var held []consent.Held
	for _, raw := range records {
		r, err := consent.Parse([]byte(raw))
		if err != nil {
			return "", err
		}
		held = append(held, consent.Held{Record: *r})
	}
	return consent.Weakest(held, subjects, use, at), nil
}

// strings reads one column.
func (x *Index) strings(ctx context.Context, query string, args ...any) (list []string, err error) {
	r, err := x.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	for r.Next() {
		var s string
		if err := r.Scan(&s); err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, r.Err()
}

// chain verifies the mirror, and holds the checkpoints that senders signed into their headers against
// the tree: each was shown to one agency at one time, and none can be denied.
func (x *Index) chain(ctx context.Context, q Query) (*Answer, error) {
	if x.a == nil {
		return nil, fmt.Errorf("%w AQ26 is asked of a whole mirror", ErrQuestion)
	}
	report, err := Verify(ctx, x.a.dir, x.a.key.line)
	if err != nil && !errors.Is(err, ErrAltered) {
		return nil, err
	}
	a, err := x.table(ctx, `SELECT e.entry, e.sender AS "by", e.seen_size AS size, e.seen_root AS root FROM e WHERE e.seen_size > 0 ORDER BY e.seen_size, e.entry`, q)
	if err != nil {
		return nil, err
	}
	seen := len(a.Rows)
	if a.Rows, err = x.forked(a.Rows); err != nil {
		return nil, err
	}
	for _, f := range report.Faults {
		a.Rows = append(a.Rows, []string{"", "this mirror", fmt.Sprint(f.Entry), f.What})
	}
	a.Entries = []int64{}
	a.Means = fmt.Sprintf("The root was computed from all %d entries: %s. Of %d checkpoints that senders signed into their headers %s.",
		report.Size, faultsWord(len(report.Faults)), seen, forksWord(len(a.Rows)-len(report.Faults)))
	if len(report.Faults) > 0 {
		return a, nil
	}
	step, err := x.longestStep(ctx)
	a.Means += fmt.Sprintf(" The longest time between two entries is %s.", step)
	return a, errors.Join(err, a.cite())
}

func faultsWord(n int) string {
	if n == 0 {
		return "no gap, nothing altered, and time never runs backwards"
	}
	return count(n, "fault", "faults")
}

func forksWord(n int) string {
	if n == 0 {
		return "each is a state of this log"
	}
	return fmt.Sprintf("%d are not states of this log: it was forked or rewritten, or who signed them lies", n)
}

// forked keeps the rows whose size and root are not those of a tree that this log had.
func (x *Index) forked(rows [][]string) ([][]string, error) {
	r, err := tlog.OpenReader(x.a.dir, x.a.tree)
	if err != nil {
		return nil, fmt.Errorf("%w: %w; verify the mirror", ErrAltered, err)
	}
	bad, good := [][]string{}, map[string]bool{}
	for _, row := range rows {
		if good[row[2]+row[3]] {
			continue
		}
		var old tlog.Tree
		var root fairlead.Digest
		if err := json.Unmarshal([]byte(row[2]), &old.N); err != nil || root.UnmarshalText([]byte(row[3])) != nil {
			return nil, fmt.Errorf("%w: entry %s names no checkpoint", errStale, row[0])
		}
		old.Hash = tlog.Hash(root)
		ok, err := x.a.was(r, old)
		if err != nil {
			return nil, fmt.Errorf("%w: %w; verify the mirror", ErrAltered, err)
		}
		if good[row[2]+row[3]] = ok; !ok {
			bad = append(bad, row)
		}
	}
	return bad, nil
}

// longestStep is the longest time between two entries, read from the mirror.
func (x *Index) longestStep(ctx context.Context) (step time.Duration, err error) {
	var last time.Time
	err = x.a.each(ctx, func(r *record) error {
		if !last.IsZero() {
			step = max(step, r.leaf.At.Sub(last))
		}
		last = r.leaf.At
		return nil
	})
	return step.Round(time.Second), err
}
