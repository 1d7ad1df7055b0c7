package law

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"fairlead/internal/fairlead"
)

// ErrInvalid is wrapped by every refusal of tables.
var ErrInvalid = errors.New("law: invalid tables")

var (
	sourceForm = regexp.MustCompile(`^(F[0-9]{2}[a-z]?|B-[HML]|D)(,(F[0-9]{2}[a-z]?|B-[HML]|D))*$`)
	needs      = []Need{
		NeedConsent, NeedGateway, NeedDuty, NeedImmediate, NeedAnnex1, NeedLIA, NeedCite, NeedIncapacity, NeedProceedings, NeedP18, NeedPrejudice,
		NeedSecrecy, NeedOfficial, NeedPart3, NeedHome, NeedAdequacy, NeedAssessment, NeedInstrument, NeedReason, NeedPublic,
	}
)

// checker gathers faults of tables.
type checker struct{ faults []error }

func (c *checker) want(ok bool, format string, args ...any) {
	if !ok && len(c.faults) < 20 {
		c.faults = append(c.faults, fmt.Errorf(format, args...))
	}
}

// Check returns the faults of the tables: every code of its list needs a row, no two rows of one code may
// hold on one day, and a word that no rule reads is refused.
func (t *Tables) Check() error {
	var c checker
	checkList(&c, "bases", t.Bases, fairlead.Art6s, func(r Basis) (fairlead.Art6, Row, []Need) { return r.Code, r.Row, r.Needs })
	checkList(&c, "annex1", t.Annex1, fairlead.Annex1s, func(r Annex1) (fairlead.Annex1, Row, []Need) { return r.Code, r.Row, nil })
	checkList(&c, "gateways", t.Gateways, fairlead.Gateways, func(r Gateway) (fairlead.Gateway, Row, []Need) { return r.Code, r.Row, nil })
	checkList(&c, "art9", t.Art9, fairlead.Art9s, func(r Condition) (fairlead.Art9, Row, []Need) { return r.Code, r.Row, r.Needs })
	checkList(&c, "sch1", t.Sch1, fairlead.Sch1s, func(r Sch1) (fairlead.Sch1, Row, []Need) { return r.Code, r.Row, r.Needs })
	checkList(&c, "art10", t.Art10, fairlead.Art10s, func(r Art10) (fairlead.Art10, Row, []Need) { return r.Code, r.Row, r.Needs })
	checkList(&c, "transfers", t.Transfers, fairlead.Mechanisms, func(r Transfer) (fairlead.Mechanism, Row, []Need) { return r.Code, r.Row, r.Needs })
	checkList(&c, "clocks", t.Clocks, fairlead.Deadlines, func(r Clock) (fairlead.Deadline, Row, []Need) { return r.Code, r.Row, nil })
	t.checkWords(&c)
	for i, a := range t.Adequacy {
		c.row(fmt.Sprintf("adequacy %d", i+1), a.Row)
		c.places(fmt.Sprintf("adequacy %d", i+1), append([]string{a.By}, a.To...))
		c.want(len(a.To) > 0, "adequacy %d: to: missing", i+1)
	}
	t.checkCalendars(&c)
	if len(c.faults) > 0 {
		return fmt.Errorf("%w: %w", ErrInvalid, errors.Join(c.faults...))
	}
	return nil
}

func checkList[R any, C ~string](c *checker, list string, rows []R, codes []C, read func(R) (C, Row, []Need)) {
	seen := map[C][]Row{}
	for _, r := range rows {
		code, row, wants := read(r)
		what := list + " " + string(code)
		c.want(slices.Contains(codes, code), "%.60s: not in its code list", what)
		c.row(what, row)
		for _, n := range wants {
			c.want(slices.Contains(needs, n), "%.60s: no rule reads the need %.40q", what, n)
		}
		for _, other := range seen[code] {
			apart := row.Until != "" && row.Until < other.Since || other.Until != "" && other.Until < row.Since
			c.want(apart, "%.60s: two rows hold on one day", what)
		}
		seen[code] = append(seen[code], row)
	}
	for _, code := range codes {
		c.want(len(seen[code]) > 0, "%s: no row of %s", list, code)
	}
}

func (c *checker) row(what string, r Row) {
	for _, day := range []string{r.Since, r.Until} {
		_, err := time.Parse(time.DateOnly, day)
		c.want(day == "" || err == nil, "%.60s: since and until are dates", what)
	}
	c.want(r.Until == "" || r.Since <= r.Until, "%.60s: it ends before it begins", what)
	c.want(sourceForm.MatchString(r.Source), "%.60s: source: want F01 to F88, B-H, B-M, B-L or D", what)
}

// checkWords holds the words of scopes, natures and units to what the rules read.
func (t *Tables) checkWords(c *checker) {
	for _, r := range t.Bases {
		c.scope("bases "+string(r.Code), r.Scope)
	}
	for _, r := range t.Gateways {
		c.scope("gateways "+string(r.Code), r.Scope)
		c.want(slices.Contains([]Nature{Duty, Power, Prohibition, Pending}, r.Nature), "gateways %s: unknown nature", r.Code)
	}
	for _, r := range t.Art9 {
		for _, s := range r.Sch1 {
			c.want(slices.Contains(fairlead.Sch1s, s), "art9 %s: sch1 %.40q is not in its code list", r.Code, s)
		}
	}
	for _, r := range t.Transfers {
		c.places("transfers "+string(r.Code), slices.Concat(r.From, r.To))
		c.want(slices.Contains(r.Needs, NeedAssessment) == (r.Months > 0), "transfers %s: months and the need assessment go together", r.Code)
	}
	for _, r := range t.Clocks {
		c.want(r.Count > 0 && r.Count < 1000, "clocks %s: count: want 1 to 999", r.Code)
		c.want(slices.Contains([]Unit{Minutes, Hours, Days, Months, WorkingDays}, r.Unit), "clocks %s: unknown unit", r.Code)
		c.want((r.Unit == WorkingDays) == (r.Calendar == "sender" || r.Calendar == "recipient"), "clocks %s: working days, and they alone, are of sender or recipient", r.Code)
		c.want(r.Strength != "", "clocks %s: strength: missing", r.Code)
	}
}

func (c *checker) scope(what string, s Scope) {
	for _, who := range s.Who {
		c.want(slices.Contains([]string{"public", "private", "competent"}, who) || slices.Contains(fairlead.AgencyTypes, fairlead.AgencyType(who)), "%.60s: who %.40q", what, who)
	}
	c.places(what, s.Where)
}

func (c *checker) places(what string, list []string) {
	for _, p := range list {
		c.want(p == "EEA" || p == "OTHER" || fairlead.Jurisdiction(p).Check() == nil, "%.60s: place %.40q", what, p)
	}
}

func (t *Tables) checkCalendars(c *checker) {
	for _, cal := range t.Calendars {
		c.want(cal.Name.Check() == nil && len(cal.Holidays) > 0 && len(cal.Holidays) <= 400, "calendars: want a jurisdiction and its holidays")
		for _, day := range cal.Holidays {
			_, err := time.Parse(time.DateOnly, day)
			c.want(err == nil, "calendars %.10s: a holiday is a date", cal.Name)
		}
	}
}
