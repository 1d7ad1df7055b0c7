package policy_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/policy"
)

// This file decides P04, P05, P07 to P09, P13 and P14 a second time, from the domain notes alone: slowly, with
// words and loops, one section at a time, and with nothing shared with the decider. Both must agree. Agreements are
// read again in second_terms_test.go; P01 to P03, P11 and what a kind does to others stand in the cases alone.

// secondBases: code, since, where, who, needs.
const secondBases = `
A6-1-a    -          anywhere anybody  -
A6-1-c    -          GB       anybody  duty
A6-1-d    -          GB       anybody  danger
A6-1-e    -          GB       official gateway
A6-1-ea   2026-02-05 GB       private  interest
A6-1-f    -          GB       private  lia
P3-LE     -          GB       police   -
X-EU-GDPR -          EEA      anybody  cite
X-NATIONAL -         OTHER    anybody  cite`

// secondGateways: code, since, where, who, nature.
const secondGateways = `
CA2004-16LA 2026-09-30 GB-ENG bound DUTY
CA1989-17 - GB-ENG,GB-WLS LA_CSC POWER
CA1989-47 - GB-ENG public DUTY
MSA2015-52 - GB-ENG,GB-WLS public DUTY
HTES2015 - GB-SCT anybody POWER
HAGUE96-37 - anywhere anybody NEVER
CA2004-16LC - GB-ENG anybody NEVER
COURT-ORDER - anywhere anybody DUTY`

const (
	secondPrivate = " GUARDIAN_SERVICE ADVICE_SERVICE NGO_UK NGO_OVERSEAS ISS_MEMBER LIBRARY "
	secondRed     = " LOC-NOW ASYLUM EXPL-ACCOUNT EXPLOITER CHILD-CRIM HEALTH-MH HEALTH-SEX OVERRIDE-NOTE "
	secondAmber   = " GUARD-REP ETHNO EDU "
	secondSpecial = " BIO-PHOTO EXPL-ACCOUNT HEALTH-PHYS HEALTH-MH HEALTH-SEX ETHNO "
	secondCrime   = " EXPLOITER INTEL CHILD-CRIM "
	secondHome    = "LOC-NOW:SAFE-ADDRESS ASYLUM:NO-ORIGIN-STATE CHILD-CRIM:NO-ORIGIN-STATE HEALTH-SEX:CHILD-CONTROLLED OVERRIDE-NOTE:NO-ORIGIN-STATE"
	secondClears  = "SAFE-ADDRESS:SAFEGUARDING_LEAD*2 NO-ORIGIN-STATE:SAFEGUARDING_LEAD*1+DPO*1 NO-CONSULATE:SAFEGUARDING_LEAD*1+DPO*1 LEGAL-PRIVILEGE:DPO*1 ART37:SAFEGUARDING_LEAD*2 CHILD-CONTROLLED:SAFEGUARDING_LEAD*2"
	secondNever   = "ID-NUM:NGO_OVERSEAS,CONSULATE BIO-PHOTO:LIBRARY,NGO_OVERSEAS LOC-NOW:CONSULATE IMMIG:CONSULATE ASYLUM:CONSULATE EXPL-ACCOUNT:NGO_OVERSEAS,CONSULATE " +
		"EXPLOITER:NGO_OVERSEAS,NGO_UK HEALTH-SEX:CONSULATE PLAN-RETURN:CONSULATE"
	secondConsulate = "LOC-NOW:SAFE-ADDRESS IMMIG:NO-CONSULATE ASYLUM:NO-ORIGIN-STATE HEALTH-SEX:CHILD-CONTROLLED PLAN-RETURN:NO-CONSULATE"
	secondTraining  = "PRACTITIONER:T-CORE TEAM_MANAGER:T-CORE,T4 SAFEGUARDING_LEAD:T1,T2,T3,T4 DPO:T4 CALDICOTT_GUARDIAN:T4 GUARDIAN:T1,T2,T3,T4 ADVISER:T1,T2,T3,T4"
	secondReasons   = "SIG-HARM:TH3,TH4 SERIOUS-HARM-OTHER:TH3,TH4 PREJUDICE:TH3,TH4 DUTY:TH1,TH2,TH3,TH4 CAPACITY:TH2,TH3,TH4 COERCED:TH3,TH4"
)

// second holds what is asked.
type second struct {
	h      *envelope.Header
	ds     []*envelope.Descriptor
	f      policy.Facts
	day    string
	at     time.Time
	s, r   *policy.Agency
	abroad bool
}

// word finds "key:value" in a list of words.
func word(list, key string) string {
	for _, w := range strings.Fields(list) {
		if k, v, ok := strings.Cut(w, ":"); ok && k == key {
			return v
		}
	}
	return ""
}

func in(list, w string) bool { return strings.Contains(" "+list+" ", " "+w+" ") }

func (q *second) table(text, code string) []string {
	for line := range strings.Lines(text) {
		if w := strings.Fields(line); len(w) > 0 && w[0] == code && (w[1] == "-" || w[1] <= q.day) {
			return w
		}
	}
	return nil
}

func (q *second) where(places string, claims bool) bool {
	j := string(q.s.Jurisdiction)
	for _, p := range strings.Split(places, ",") {
		switch {
		case p == "anywhere", p == j, p == "GB" && strings.HasPrefix(j, "GB"), p == "EEA" && (j == "RO" || j == "HU"), p == "OTHER" && j == "MD":
			return true
		case claims && j == "GB" && strings.HasPrefix(p, "GB"):
			return true
		}
	}
	return false
}

func (q *second) who(w string) bool {
	t := string(q.s.Type)
	private := in(secondPrivate, t)
	switch w {
	case "anybody":
		return true
	case "public":
		return !private
	case "private":
		return private
	case "official":
		return !private || t == "GUARDIAN_SERVICE"
	case "police":
		return t == "POLICE" || t == "POLICE_OVERSEAS"
	case "bound":
		return in("LA_CSC POLICE HEALTH EDUCATION", t)
	}
	return w == t
}

// whole is what is wrong with the share as a whole.
func (q *second) whole() (reasons []string) {
	b := q.h.Basis
	add := func(r string) { reasons = append(reasons, r) }
	row := q.table(secondBases, string(b.Art6))
	switch {
	case row == nil || !q.where(row[2], false) || !q.who(row[3]):
		add("E_BASIS_INVALID")
	case row[4] == "duty" || row[4] == "gateway":
		duty := false
		for _, g := range b.Gateways {
			gw := q.table(secondGateways, string(g))
			if gw == nil || gw[4] == "NEVER" || !q.where(gw[2], true) || !q.who(gw[3]) {
				add("E_GATEWAY_MISSING")
			}
			duty = duty || gw != nil && gw[4] == "DUTY" || row[4] == "gateway"
		}
		if !duty {
			add("E_GATEWAY_MISSING")
		}
	case row[4] == "danger" && (q.h.Threshold != "TH4" || q.h.Urgency != "Immediate"):
		add("E_BASIS_INVALID")
	case row[4] == "interest" && (b.Annex1 == "" || q.day < "2026-02-05"):
		add("E_BASIS_INVALID")
	case row[4] == "lia" && b.LIA == "", row[4] == "cite" && b.Cite == "":
		add("E_BASIS_INVALID")
	}
	if b.ChangedFrom != "" && (b.ChangedFrom != "A6-1-a" || b.Art6 == "A6-1-a") {
		add("E_BASIS_INVALID")
	}
	s := q.h.S16LA
	bound := q.day >= "2026-09-30" && q.s.Jurisdiction == "GB-ENG" && q.who("bound")
	claimed := s != nil && s.Applies || slices.Contains(b.Gateways, "CA2004-16LA")
	if bound && (s == nil || !s.Considered) {
		add("E_SCHEMA")
	} else if claimed && (s == nil || !s.Considered || !s.Applies || s.Detriment != "none") {
		add("E_BASIS_INVALID")
	}
	for _, d := range q.ds {
		if d.Code != "" && d.Code != "PRO-CONTACT" && q.h.Told == "" {
			add("E_SCHEMA")
		}
	}
	if q.abroad {
		reasons = append(reasons, q.border()...)
	}
	return reasons
}

func (q *second) border() (reasons []string) {
	eea := func(j fairlead.Jurisdiction) bool { return j == "RO" || j == "HU" }
	uk := func(j fairlead.Jurisdiction) bool { return strings.HasPrefix(string(j), "GB") }
	from, to, m := q.s.Jurisdiction, q.r.Jurisdiction, q.h.Transfer
	old, ok := q.at.AddDate(0, -24, 0).Format("2006-01-02"), false
	ref, date := m.Ref, m.Assessed
	if ref == "" {
		for _, a := range q.f.Agreements[0].Assessments {
			if a.Mechanism == m.Mechanism {
				ref, date = a.Ref, a.Date
			}
		}
	}
	public := !in(secondPrivate, string(q.s.Type)) && !in(secondPrivate, string(q.r.Type))
	switch m.Mechanism {
	case "A45":
		ok = uk(from) && eea(to)
	case "IN-EU-ADEQ":
		ok = eea(from) && uk(to) && q.day <= "2031-12-27"
	case "EEA-INTERNAL":
		ok = eea(from) && eea(to)
	case "A46-IDTA", "A46-ADDENDUM":
		ok = uk(from) && ref != "" && date > old && date <= q.day
	case "A46-2-a", "A46-3-b":
		ok = (uk(from) || eea(from)) && public && ref != ""
	case "A49-1-d", "A49-1-e":
		ok = (uk(from) || eea(from)) && ref != ""
	case "A49-1-f":
		ok = (uk(from) || eea(from)) && q.h.Urgency == "Immediate"
	case "P3-73":
		ok = uk(from) && q.who("police") && q.h.Basis.Art6 == "P3-LE"
	}
	if !ok {
		reasons = append(reasons, "E_TRANSFER")
	}
	if d := q.h.Danger; d == nil || d.Result == "danger" || d.Result == "unknown" && q.h.Threshold != "TH4" || d.At.After(q.h.SentAt.Add(5*time.Minute)) {
		reasons = append(reasons, "E_ART37")
	}
	return reasons
}

// asks are approvals that a section wants: "who|code|number".
type asks []string

// section is what is wrong with one section, what it waits for, and whether it goes against a refusal.
func (q *second) section(d *envelope.Descriptor) (reasons []string, waits asks, overridden bool) {
	reasons = append(q.conditions(d), q.handling(d, &waits)...)
	more, overridden := q.consent(d, &waits)
	reasons = append(reasons, more...)
	if d.Code == "INTEL" && !in("POLICE POLICE_OVERSEAS", string(q.r.Type)) {
		return append(reasons, "E_SECTION_NOT_ALLOWED"), waits, overridden
	}
	if c := word(secondHome, string(d.Code)); q.abroad && c != "" && !q.clear(d, c, &waits) {
		return append(reasons, "E_SECTION_NOT_ALLOWED"), waits, overridden
	}
	if slices.Contains(strings.Split(word(secondNever, string(d.Code)), ","), string(q.r.Type)) {
		if c := word(secondConsulate, string(d.Code)); q.r.Type != "CONSULATE" || c == "" || !q.clear(d, c, &waits) {
			reasons = append(reasons, "E_SECTION_NOT_ALLOWED")
		}
	}
	return reasons, waits, overridden
}

func (q *second) conditions(d *envelope.Descriptor) (reasons []string) {
	const missing = "E_SPECIAL_BASIS_MISSING"
	if in(secondSpecial, string(d.Code)) && d.Art9 == "" || in(secondCrime, string(d.Code)) && d.Art10 == "" {
		reasons = append(reasons, missing)
	}
	if !strings.HasPrefix(string(q.s.Jurisdiction), "GB") {
		return reasons
	}
	art9 := map[fairlead.Art9]bool{
		"": true, "A9-2-a": d.Consent != "" && q.state(d) == "given", "A9-2-b": d.Sch1 == "ESP-1", "A9-2-c": d.P18 == "CANNOT_GIVE", "A9-2-f": d.Court != "",
		"A9-2-g": d.Sch1 == "SPI-18" || d.Sch1 == "SPI-6" || d.Sch1 == "SPI-10", "A9-2-h": d.Sch1 == "HSC-2",
	}
	care := q.s.Type == "HEALTH" || q.s.Type == "LA_CSC"
	if !art9[d.Art9] || d.Sch1 == "SPI-6" && len(q.h.Basis.Gateways) == 0 || d.Sch1 == "HSC-2" && !care ||
		d.Art10 == "OFFICIAL" && !q.who("public") || d.Art10 == "P3-LE" && q.h.Basis.Art6 != "P3-LE" {
		reasons = append(reasons, missing)
	}
	if (d.Sch1 == "SPI-18" || d.Art10 == "SPI-18") && d.P18 == "" || d.Sch1 == "SPI-10" && d.P18 != "WOULD_PREJUDICE" {
		reasons = append(reasons, "E_P18_REASON_MISSING")
	}
	return reasons
}

func (q *second) handling(d *envelope.Descriptor, waits *asks) (reasons []string) {
	add := func(bad bool, r string) {
		if bad {
			reasons = append(reasons, r)
		}
	}
	strength := map[fairlead.TLP]int{"CLEAR": 0, "GREEN": 1, "AMBER": 2, "AMBER+STRICT": 3, "RED": 4}
	least := 3
	switch code := string(d.Code); {
	case in(secondRed, code):
		least = 4
	case in(secondAmber, code):
		least = 2
	case code == "PRO-CONTACT":
		least = 1
	}
	add(strength[q.h.TLP] < least, "E_CAVEAT")
	add(d.Code != "INTEL" && d.Grade != "", "E_CAVEAT")
	add(d.Code == "INTEL" && (d.Siena == "" || d.Grade == ""), "E_CAVEAT")
	add(d.Code == "EXPLOITER" && d.Siena != "H2" && d.Siena != "H3", "E_CAVEAT")
	add((strings.HasSuffix(d.Grade, "C") || d.Siena == "H3") && !d.Conditions, "E_CAVEAT")
	if strings.HasPrefix(string(d.Code), "HEALTH-") && q.s.Type == "HEALTH" && q.r.Type != "HEALTH" && q.h.Threshold != "TH4" {
		*waits = append(*waits, "CALDICOTT_GUARDIAN|CALDICOTT|1")
	}
	caveats := slices.Clone(d.Caveats)
	for _, other := range q.ds {
		if d.Code == "LOC-NOW" && slices.Contains(other.Caveats, "SAFE-ADDRESS") {
			caveats = append(caveats, "SAFE-ADDRESS")
		}
	}
	if d.Code == "LEGAL" {
		caveats = append(caveats, "COURT-RESTRICTED")
	}
	foreign := q.abroad || !strings.HasPrefix(string(q.r.Jurisdiction), "GB")
	for _, c := range caveats {
		some, this := q.listed(c)
		bars := map[fairlead.Caveat]bool{
			"SAFE-ADDRESS": !this, "NO-ORIGIN-STATE": foreign && (!some || this), "NO-CONSULATE": q.r.Type == "CONSULATE", "COURT-RESTRICTED": d.Court == "",
			"LEGAL-PRIVILEGE": q.h.TLP != "RED", "ART37": !some || this, "SYNTHETIC": true,
		}[c]
		if bars && !q.clear(d, string(c), waits) {
			add(c != "ART37", "E_CAVEAT")
			add(c == "ART37", "E_ART37")
		}
	}
	return reasons
}

func (q *second) listed(c fairlead.Caveat) (some, this bool) {
	for _, d := range q.ds {
		if d.Listed != nil && d.Listed.Caveat == c {
			some = true
			state, _, _ := strings.Cut(string(q.r.Jurisdiction), "-")
			this = this || slices.Contains(d.Listed.Agencies, q.r.ID) || slices.Contains(d.Listed.States, fairlead.Jurisdiction(state))
		}
	}
	return some, this
}

// clear asks those who may, if the sender does and somebody may.
func (q *second) clear(d *envelope.Descriptor, c string, waits *asks) bool {
	people := word(secondClears, c)
	if people == "" || !slices.Contains(d.Clear, fairlead.Caveat(c)) {
		return false
	}
	for _, p := range strings.Split(people, "+") {
		role, n, _ := strings.Cut(p, "*")
		*waits = append(*waits, role+"|"+c+"|"+n)
	}
	return true
}

// state is what was said of the section of all children: the one that permits least.
func (q *second) state(d *envelope.Descriptor) string {
	worst := "given"
	for _, child := range children {
		if !slices.ContainsFunc(q.ds, func(x *envelope.Descriptor) bool { return x.Subject == child }) {
			continue
		}
		said := "nothing"
		for _, r := range q.f.Consents { // one record a child in these worlds
			if r.Subject != child || !slices.Contains(r.Items[0].Sections, d.Code) {
				continue
			}
			said = string(r.Items[0].Status)
		}
		switch {
		case said == "refused":
			return "refused"
		case said != "given":
			worst = "nothing"
		}
	}
	return worst
}

func (q *second) childRefused(d *envelope.Descriptor) bool {
	for _, r := range q.f.Consents {
		if r.Giver == "CHILD_16" && r.Items[0].Status == "refused" && slices.Contains(r.Items[0].Sections, d.Code) &&
			slices.ContainsFunc(q.ds, func(x *envelope.Descriptor) bool { return x.Subject == r.Subject }) {
			return true
		}
	}
	return false
}

func (q *second) noted() bool {
	note := -1
	for i, d := range q.ds {
		if d.Code == "OVERRIDE-NOTE" && note < 0 {
			note = i
		}
	}
	if note < 0 {
		return false
	}
	for _, d := range q.ds {
		if d.Override != nil && d.Override.Note != q.ds[note].Digest {
			return false
		}
	}
	return true
}

func (q *second) trained(role string, has []string, more string) bool {
	if strings.HasPrefix(q.h.Kind, "alert.") || q.h.Kind == "referral.new" {
		return true
	}
	for _, t := range strings.Split(word(secondTraining, role)+","+more, ",") {
		if t != "" && !slices.Contains(has, t) {
			return false
		}
	}
	return true
}

// open counts who has approved, and says whether somebody is still wanted.
func (q *second) open(waits asks) bool {
	for _, w := range waits {
		part := strings.Split(w, "|")
		users := map[string]bool{}
		for _, a := range q.f.Approvals {
			if a.User != q.h.From.User && slices.Contains(strings.Split(part[0], ","), string(a.Role)) && slices.Contains(a.Reasons, part[1]) && q.trained(string(a.Role), a.Training, "") {
				users[a.User] = true
			}
		}
		if fmt.Sprint(len(users)) < part[2] { // one digit each
			return true
		}
	}
	return false
}

// decide puts it together: "result ground parts reasons".
func (q *second) decide() string {
	if reasons := q.whole(); len(reasons) > 0 {
		return verdict("refused", "none", nil, reasons)
	}
	var parts []int
	var all, share []string
	sent, against, held := 0, false, false
	for i, d := range q.ds {
		if d.Audience != envelope.ForRecipient {
			continue
		}
		sent++
		reasons, waits, overridden := q.section(d)
		all = append(all, reasons...)
		if len(reasons) > 0 {
			if d.Essential || q.h.Basis.Art6 == "A6-1-a" {
				share = append(share, reasons...)
			}
			continue
		}
		parts = append(parts, i)
		against, held = against || overridden, held || q.open(waits)
	}
	ground := "agreement"
	if against {
		ground = "override"
	}
	switch {
	case len(share) > 0 || len(parts) == 0:
		return verdict("refused", "none", nil, all)
	case held:
		return verdict("held", ground, nil, append(all, "E_SECOND_PERSON"))
	case len(parts) < sent:
		return verdict("delivered_redacted", ground, parts, all)
	}
	return verdict("delivered", ground, parts, all)
}

func verdict(result, ground string, parts []int, reasons []string) string {
	slices.Sort(reasons)
	return fmt.Sprintln(result, ground, parts, slices.Compact(reasons))
}
