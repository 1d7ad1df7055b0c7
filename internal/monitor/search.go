package monitor

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"
)

// Query narrows a search or a question. Zero values narrow nothing.
type Query struct {
	Agency    string // sender or recipient
	From, To  string
	Case      string // token of a case, of one pair of agencies
	Share     string // id
	Kind      string // a kind, or the beginning of one with a dot, such as "alert."
	Result    string
	Reason    string // also of one section
	Agreement string // "A1", all its versions, or "A1/1"
	Section   string // code of a section that was sent, delivered or not
	Basis     string // Art 6 code, gateway, or Art 9 code
	Override  string // its reason, or "any"
	Consent   string // id of the record cited, or of one that the decision stands on
	Since     time.Time
	Until     time.Time // exclusive
	Limit     int       // 0: 200
}

const defaultLimit = 200

// args are the named arguments of all queries; last is the time of the log's last entry.
func (q Query) args(last string) []any {
	limit := q.Limit
	if limit <= 0 {
		limit = defaultLimit
	}
	return []any{
		sql.Named("agency", q.Agency), sql.Named("from", q.From), sql.Named("to", q.To), sql.Named("case", q.Case), sql.Named("share", q.Share),
		sql.Named("kind", q.Kind), sql.Named("result", q.Result), sql.Named("reason", q.Reason), sql.Named("agreement", q.Agreement),
		sql.Named("section", q.Section), sql.Named("basis", q.Basis), sql.Named("override", q.Override), sql.Named("consent", q.Consent),
		sql.Named("since", when(q.Since)), sql.Named("until", when(q.Until)), sql.Named("limit", int64(limit)), sql.Named("now", last),
	}
}

func when(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return stamp(t)
}

// conditions of a search, each used where its argument is given, so that SQLite can use its keys.
var conditions = []struct {
	given func(q Query) string
	sql   string
}{
	{func(q Query) string { return q.From }, `e.sender = :from`},
	{func(q Query) string { return q.To }, `e.recipient = :to`},
	{func(q Query) string { return q.Agency }, `(e.sender = :agency OR e.recipient = :agency)`},
	{func(q Query) string { return q.Case }, `e.case_token = :case`},
	{func(q Query) string { return q.Share }, `e.share = :share`},
	{func(q Query) string { return q.Kind }, `(e.kind = :kind OR :kind LIKE '%.' AND substr(e.kind, 1, length(:kind)) = :kind)`},
	{func(q Query) string { return q.Result }, `e.result = :result`},
	{func(q Query) string { return q.Reason }, `e.entry IN (SELECT entry FROM reasons WHERE reason = :reason)`},
	{func(q Query) string { return q.Agreement }, `(e.agreement = :agreement OR substr(e.agreement, 1, length(:agreement) + 1) = :agreement || '/')`},
	{func(q Query) string { return q.Section }, `e.entry IN (SELECT entry FROM sections WHERE code = :section)`},
	{func(q Query) string { return q.Basis }, `(e.art6 = :basis OR instr(' ' || e.gateways || ' ', ' ' || :basis || ' ') > 0
		OR e.entry IN (SELECT entry FROM sections WHERE art9 = :basis))`},
	{func(q Query) string { return q.Override }, `e.entry IN (SELECT entry FROM sections WHERE override = :override OR :override = 'any' AND override <> '')`},
	{func(q Query) string { return q.Consent }, `e.entry IN (SELECT entry FROM sections WHERE consent = :consent
		UNION SELECT u.entry FROM used u JOIN consents k ON k.entry = u.stands_on WHERE k.id = :consent)`},
	{func(q Query) string { return when(q.Since) }, `e.at >= :since`},
	{func(q Query) string { return when(q.Until) }, `e.at < :until`},
}

// hits is what a search shows of each entry.
const hits = `SELECT e.entry, e.at AS time, e.kind, e.sender AS "from", e.recipient AS "to", e.result,
	coalesce(nullif(e.agreement, ''), nullif(e.ground, 'none'), '') AS ground,
	(SELECT group_concat(DISTINCT reason) FROM reasons r WHERE r.entry = e.entry) AS reasons,
	(SELECT group_concat(code, ' ') FROM sections s WHERE s.entry = e.entry AND s.delivered = 1) AS delivered,
	(SELECT group_concat(code, ' ') FROM sections s WHERE s.entry = e.entry AND s.delivered = 0) AS withheld,
	e.share FROM entries e`

// Search finds shares, notices and unreadable submissions, oldest first.
func (x *Index) Search(ctx context.Context, q Query) (*Answer, error) {
	where := []string{`e.class <> 'register'`}
	for _, c := range conditions {
		if c.given(q) != "" {
			where = append(where, c.sql)
		}
	}
	matching := ` WHERE ` + strings.Join(where, " AND ")
	return x.proved(ctx, func() (*Answer, error) {
		a, err := x.table(ctx, hits+matching+` ORDER BY e.entry LIMIT :limit`, q)
		if err != nil {
			return nil, err
		}
		var all int
		if err := x.db.QueryRowContext(ctx, scope+`SELECT count(*) FROM entries e`+matching, q.args(x.last)...).Scan(&all); err != nil {
			return nil, err
		}
		a.Question = "search"
		a.Means = fmt.Sprintf("%s found", count(all, "entry", "entries"))
		if all > len(a.Rows) {
			a.Means += fmt.Sprintf(", the first %d shown; narrow the search, or raise -limit", len(a.Rows))
		}
		return a, nil
	})
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
