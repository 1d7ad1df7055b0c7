// Package law is what the rules take from law and guidance, as dated data: which basis is for whom, which
// gateway holds where and since when, what a condition or a transfer needs, how long a clock runs (domain
// notes §2.3, §10.3). A decision of the past replays under the rows of its day. The rows are dated
// defaults, never law: each keeps its source, and an operator can set others.
package law

import (
	_ "embed" // the defaults
	"slices"
	"sync"
	"time"

	"fairlead/internal/fairlead"
	"fairlead/internal/strictjson"
)

// Row is what every row says of itself: its first and its last day (by UTC; "" is open), and where it
// comes from: F01 to F88 for a source that was read, B-H, B-M or B-L for background knowledge, D for a
// choice of design.
type Row struct {
	Since  string `json:"since,omitempty" yaml:"since,omitempty"`
	Until  string `json:"until,omitempty" yaml:"until,omitempty"`
	Source string `json:"source" yaml:"source"`
	Note   string `json:"note,omitempty" yaml:"note,omitempty"`
}

func (r *Row) on(day string) bool { return r.Since <= day && (r.Until == "" || day <= r.Until) }

// Scope is who and where a row is for: who are "public", "private", "competent" or types of agency,
// where "GB", a nation, "EEA", "OTHER" or a State. An absent list means any.
type Scope struct {
	Who   []string `json:"who,omitempty" yaml:"who,omitempty"`
	Where []string `json:"where,omitempty" yaml:"where,omitempty"`
}

// Basis is a row of bases (UK GDPR Art 6, DPA 2018 Part 3, foreign law).
type Basis struct {
	Row   `yaml:",inline"`
	Scope `yaml:",inline"`
	Code  fairlead.Art6 `json:"code" yaml:"code"`
	Needs []Need        `json:"needs,omitempty" yaml:"needs,omitempty"`
}

// Annex1 is a recognised legitimate interest (UK GDPR Annex 1).
type Annex1 struct {
	Row  `yaml:",inline"`
	Code fairlead.Annex1 `json:"code" yaml:"code"`
}

// Gateway is a power or duty to share, or what bars one.
type Gateway struct {
	Row    `yaml:",inline"`
	Scope  `yaml:",inline"`
	Code   fairlead.Gateway `json:"code" yaml:"code"`
	Nature Nature           `json:"nature" yaml:"nature"`
}

// Nature is what a gateway is.
type Nature string

// The natures. A prohibition permits nothing, and neither does what is not in force.
const (
	Duty        Nature = "DUTY"
	Power       Nature = "POWER"
	Prohibition Nature = "PROHIBITION"
	Pending     Nature = "PENDING"
)

// Condition is a row of Art 9 (UK GDPR): what it needs, and which conditions of Sch 1 it stands with.
type Condition struct {
	Row   `yaml:",inline"`
	Code  fairlead.Art9   `json:"code" yaml:"code"`
	Sch1  []fairlead.Sch1 `json:"sch1,omitempty" yaml:"sch1,omitempty"`
	Needs []Need          `json:"needs,omitempty" yaml:"needs,omitempty"`
}

// Sch1 is a condition of DPA 2018 Sch 1.
type Sch1 struct {
	Row   `yaml:",inline"`
	Code  fairlead.Sch1 `json:"code" yaml:"code"`
	Needs []Need        `json:"needs,omitempty" yaml:"needs,omitempty"`
}

// Art10 is a condition for data on offences (UK GDPR Art 10).
type Art10 struct {
	Row   `yaml:",inline"`
	Code  fairlead.Art10 `json:"code" yaml:"code"`
	Needs []Need         `json:"needs,omitempty" yaml:"needs,omitempty"`
}

// Transfer is a mechanism, its route, and what it needs. An assessment is stale after Months.
type Transfer struct {
	Row    `yaml:",inline"`
	Code   fairlead.Mechanism `json:"code" yaml:"code"`
	From   []string           `json:"from,omitempty" yaml:"from,omitempty"`
	To     []string           `json:"to,omitempty" yaml:"to,omitempty"`
	Needs  []Need             `json:"needs,omitempty" yaml:"needs,omitempty"`
	Months int                `json:"months,omitempty" yaml:"months,omitempty"`
}

// Adequacy says that By, "GB" or "EEA", finds the protection in the places To adequate.
type Adequacy struct {
	Row `yaml:",inline"`
	By  string   `json:"by" yaml:"by"`
	To  []string `json:"to" yaml:"to"`
}

// Clock is how long a deadline runs: Count of Unit, in working days by the calendar of "sender" or
// "recipient". Strength is what stands behind it.
type Clock struct {
	Row      `yaml:",inline"`
	Code     fairlead.Deadline `json:"code" yaml:"code"`
	Count    int               `json:"count" yaml:"count"`
	Unit     Unit              `json:"unit" yaml:"unit"`
	Calendar string            `json:"calendar,omitempty" yaml:"calendar,omitempty"`
	Strength string            `json:"strength" yaml:"strength"`
}

// Unit is a unit of time.
type Unit string

// The units of clocks.
const (
	Minutes     Unit = "min"
	Hours       Unit = "h"
	Days        Unit = "d"
	Months      Unit = "m"
	WorkingDays Unit = "wd"
)

// Calendar takes the place of the hub's own working days of a jurisdiction.
type Calendar struct {
	Name     fairlead.Jurisdiction `json:"name" yaml:"name"`
	Holidays []string              `json:"holidays" yaml:"holidays"` // dates
}

// Need is something a share must show. The words are read by package policy, each by one rule.
type Need string

// The needs.
const (
	NeedConsent     Need = "consent"
	NeedGateway     Need = "gateway"
	NeedDuty        Need = "duty"
	NeedImmediate   Need = "immediate"
	NeedAnnex1      Need = "annex1"
	NeedLIA         Need = "lia"
	NeedCite        Need = "cite"
	NeedIncapacity  Need = "incapacity"
	NeedProceedings Need = "proceedings"
	NeedP18         Need = "p18"
	NeedPrejudice   Need = "prejudice"
	NeedSecrecy     Need = "secrecy"
	NeedOfficial    Need = "official"
	NeedPart3       Need = "part3"
	NeedHome        Need = "home"
	NeedAdequacy    Need = "adequacy"
	NeedAssessment  Need = "assessment"
	NeedInstrument  Need = "instrument"
	NeedReason      Need = "reason"
	NeedPublic      Need = "public"
)

// Tables are all the rows.
type Tables struct {
	Bases     []Basis     `json:"bases" yaml:"bases"`
	Annex1    []Annex1    `json:"annex1" yaml:"annex1"`
	Gateways  []Gateway   `json:"gateways" yaml:"gateways"`
	Art9      []Condition `json:"art9" yaml:"art9"`
	Sch1      []Sch1      `json:"sch1" yaml:"sch1"`
	Art10     []Art10     `json:"art10" yaml:"art10"`
	Transfers []Transfer  `json:"transfers" yaml:"transfers"`
	Adequacy  []Adequacy  `json:"adequacy" yaml:"adequacy"`
	Clocks    []Clock     `json:"clocks" yaml:"clocks"`
	Calendars []Calendar  `json:"calendars,omitempty" yaml:"calendars,omitempty"`
}

//go:embed law.json
var embedded []byte

// Default is the tables of engine 1, for a hub whose operator has set no others. Nobody may write to it.
var Default = sync.OnceValue(func() *Tables {
	t, err := Parse(embedded)
	if err != nil { // the file is embedded, and a test reads it
		panic(err)
	}
	return t
})

// Parse reads tables strictly and checks them.
func Parse(b []byte) (*Tables, error) {
	var t Tables
	if err := strictjson.Unmarshal(b, &t); err != nil {
		return nil, err
	}
	return &t, t.Check()
}

// Book is the tables as they stand on one day.
type Book struct {
	t   *Tables
	day string
}

// At opens the tables at an instant.
func (t *Tables) At(at time.Time) Book { return Book{t, at.UTC().Format(time.DateOnly)} }

// Basis finds the row of a basis.
func (b Book) Basis(c fairlead.Art6) (Basis, bool) {
	return find(b.t.Bases, func(r *Basis) bool { return r.Code == c && r.on(b.day) })
}

// Annex1 reports whether an interest is recognised.
func (b Book) Annex1(c fairlead.Annex1) bool {
	return slices.ContainsFunc(b.t.Annex1, func(r Annex1) bool { return r.Code == c && r.on(b.day) })
}

// Gateway finds the row of a gateway.
func (b Book) Gateway(c fairlead.Gateway) (Gateway, bool) {
	return find(b.t.Gateways, func(r *Gateway) bool { return r.Code == c && r.on(b.day) })
}

// Art9 finds the row of a condition of Art 9.
func (b Book) Art9(c fairlead.Art9) (Condition, bool) {
	return find(b.t.Art9, func(r *Condition) bool { return r.Code == c && r.on(b.day) })
}

// Sch1 finds the row of a condition of Sch 1.
func (b Book) Sch1(c fairlead.Sch1) (Sch1, bool) {
	return find(b.t.Sch1, func(r *Sch1) bool { return r.Code == c && r.on(b.day) })
}

// Art10 finds the row of a condition of Art 10.
func (b Book) Art10(c fairlead.Art10) (Art10, bool) {
	return find(b.t.Art10, func(r *Art10) bool { return r.Code == c && r.on(b.day) })
}

// Transfer finds the row of a mechanism.
func (b Book) Transfer(c fairlead.Mechanism) (Transfer, bool) {
	return find(b.t.Transfers, func(r *Transfer) bool { return r.Code == c && r.on(b.day) })
}

// Adequate reports whether from's law finds the protection in to adequate.
func (b Book) Adequate(from, to fairlead.Jurisdiction) bool {
	return slices.ContainsFunc(b.t.Adequacy, func(r Adequacy) bool { return r.on(b.day) && place(r.By, from) && within(r.To, to) })
}

// Clock finds the length of a clock.
func (b Book) Clock(c fairlead.Deadline) (Clock, bool) {
	return find(b.t.Clocks, func(r *Clock) bool { return r.Code == c && r.on(b.day) })
}

// Holidays are those an operator set for a jurisdiction; ok is false where the hub's own calendar holds.
func (b Book) Holidays(j fairlead.Jurisdiction) (name string, days []string, ok bool) {
	for _, want := range []fairlead.Jurisdiction{j, fairlead.Jurisdiction(j.State())} {
		if c, ok := find(b.t.Calendars, func(c *Calendar) bool { return c.Name == want }); ok {
			return string(c.Name), c.Holidays, true
		}
	}
	return "", nil, false
}

func find[R any](rows []R, is func(*R) bool) (row R, ok bool) {
	for i := range rows {
		if is(&rows[i]) {
			return rows[i], true
		}
	}
	return row, false
}

// For reports whether a row is for an agency of type t in j. A body of the whole United Kingdom may
// claim what holds in any of its nations.
func (s Scope) For(t fairlead.AgencyType, j fairlead.Jurisdiction) bool {
	return s.Type(t) && (within(s.Where, j) || j == "GB" && slices.ContainsFunc(s.Where, func(w string) bool { return fairlead.Jurisdiction(w).State() == "GB" }))
}

// Binds reports whether a duty falls on an agency by its type and its own nation.
func (s Scope) Binds(t fairlead.AgencyType, j fairlead.Jurisdiction) bool {
	return s.Type(t) && within(s.Where, j)
}

// Type reports whether a row is for agencies of type t.
func (s Scope) Type(t fairlead.AgencyType) bool {
	return len(s.Who) == 0 || slices.ContainsFunc(s.Who, func(who string) bool {
		switch who {
		case "public":
			return t.PublicAuthority()
		case "private":
			return !t.PublicAuthority()
		case "competent":
			return t.LawEnforcement()
		}
		return who == string(t)
	})
}

// Route reports whether the mechanism is for what goes from one jurisdiction to another.
func (r Transfer) Route(from, to fairlead.Jurisdiction) bool {
	return within(r.From, from) && within(r.To, to)
}

// within reports whether j lies in one of the places; no places are all.
func within(places []string, j fairlead.Jurisdiction) bool {
	return len(places) == 0 || slices.ContainsFunc(places, func(p string) bool { return place(p, j) })
}

func place(p string, j fairlead.Jurisdiction) bool {
	switch p {
	case "EEA":
		return j.EEA()
	case "OTHER":
		return j.State() != "GB" && !j.EEA()
	}
	return p == string(j) || p == j.State()
}
