package agreement

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"fairlead/internal/fairlead"
	"fairlead/internal/kind"
)

// Bounds: a document that breaks one is not read further, and no more faults than maxFaults are told,
// since they are written into the log.
const (
	maxParties = 64
	maxTerms   = 200
	maxList    = 64 // entries of one list
	maxFaults  = 20
	maxText    = 4000 // characters of one text
)

var (
	idForm  = regexp.MustCompile(`^[A-Za-z0-9-]{1,32}$`)
	refForm = regexp.MustCompile(`^[A-Za-z0-9-]{1,32}/[1-9][0-9]{0,5}$`)
	forms   = []string{"dsa", "mou_gov", "treaty_channel", "idta", "addendum", "national_template"}
)

// Check returns every fault of the document at once, each with the field and what to do.
func (a *Agreement) Check() error {
	var f faults
	f.want(idForm.MatchString(a.ID), "id: want letters, digits and '-'")
	f.want(a.Version > 0 && a.Version < 1_000_000, "version: want 1 or more")
	f.want(a.Title != "" && len(a.Title) <= 200, "title: want 1 to 200 characters")
	f.want(slices.Contains(forms, a.Form), "form: want one of %v", forms)
	f.want(a.Under == "" || refForm.MatchString(a.Under) && !a.Framework, "under: want a framework such as F1/1; a framework stands under none")
	f.want(a.Supersedes == "" || refForm.MatchString(a.Supersedes) && a.Supersedes != a.Ref(), "supersedes: want another version, such as A2/1")
	f.want(len(a.Parties) >= 2 && len(a.Parties) <= maxParties, "parties: want 2 to %d", maxParties)
	a.checkDates(&f)
	f.want(a.DPIA != "" && len(a.DPIA) <= 200, "dpia_ref: name the data protection impact assessment; an agreement is not active without one")
	f.want(len(a.APD) <= 200 && len(a.LIA) <= 200, "apd_ref, lia_ref: want a reference, not a text")
	f.want(a.Objective != "" && len(a.Objective) <= maxText, "objective: say why sharing is necessary")
	f.want(a.Summary != "" && len(a.Summary) <= maxText, "public_summary: the register of agreements shows it")
	a.Governance.check(&f)
	f.want(len(a.Assessments) <= len(fairlead.Mechanisms), "assessments: more than %d", len(fairlead.Mechanisms))
	for _, s := range a.Assessments[:min(len(a.Assessments), len(fairlead.Mechanisms))] {
		if err := s.check(); err != nil {
			f.add(err)
		}
	}
	f.want(len(a.Terms) > 0 && len(a.Terms) <= maxTerms, "terms: want 1 to %d", maxTerms)
	if len(a.Parties) <= maxParties && len(a.Terms) <= maxTerms {
		a.checkParties(&f)
		checkTerms(a.Terms, a, &f)
	}
	return f.err(a.Ref())
}

func (a *Agreement) checkDates(f *faults) {
	f.want(!a.From.IsZero() && a.Until.After(a.From.Time), "from, until: want an instant and a later one")
	f.want(!a.Until.After(a.From.AddDate(2, 0, 1)), "until: at most 24 months after from (ICO: review regularly)")
	review, err := time.Parse(time.DateOnly, a.ReviewBy)
	f.want(err == nil, "review_by: want a date")
	f.want(err != nil || !review.After(a.From.AddDate(1, 0, 1)), "review_by: at most 12 months after from")
	f.want(a.NoticeDays >= 0 && a.NoticeDays <= 365, "notice_days: want 0 to 365")
}

// check wants every text of the ICO code.
func (g *Governance) check(f *faults) {
	for _, part := range []struct{ name, text, what string }{
		{"rights", g.Rights, "say who answers access requests, corrections and complaints"},
		{"transparency", g.Transparency, "say how people are told, and when they are not"},
		{"accuracy", g.Accuracy, "say who corrects what, and how soon"},
		{"security", g.Security, "say what each party must keep to"},
		{"retention", g.Retention, "say how long each keeps what it receives"},
		{"breach", g.Breach, "say who is told of a breach, within how many hours"},
		{"disputes", g.Disputes, "say how the parties settle a dispute"},
		{"sanctions", g.Sanctions, "say what follows when a party breaks it"},
	} {
		f.want(strings.TrimSpace(part.text) != "" && len(part.text) <= maxText, "governance.%s: %s", part.name, part.what)
	}
}

func (a *Agreement) checkParties(f *faults) {
	for i, id := range a.Parties {
		if err := id.Check(); err != nil {
			f.add(fmt.Errorf("parties: %w", err))
			continue
		}
		f.want(!slices.Contains(a.Parties[:i], id), "parties: %s stands twice", id)
		f.want(slices.ContainsFunc(a.Signatories, func(s Signatory) bool { return s.Agency == id }), "signatories: who signs for %s?", id)
		f.want(slices.ContainsFunc(a.Contacts, func(c Contact) bool { return c.Agency == id }), "contacts: how is the data-protection officer of %s reached?", id)
	}
	f.want(len(a.Signatories) <= 2*maxParties && len(a.Contacts) <= 2*maxParties, "signatories, contacts: too many")
	for _, s := range a.Signatories[:min(len(a.Signatories), 2*maxParties)] {
		f.want(a.Party(s.Agency), "signatories: %.32s is not a party", s.Agency)
		f.want(s.Name != "" && s.Role != "" && len(s.Name)+len(s.Role) <= 300, "signatories: %.32s: want a name and an office", s.Agency)
	}
	for _, c := range a.Contacts[:min(len(a.Contacts), 2*maxParties)] {
		f.want(a.Party(c.Agency), "contacts: %.32s is not a party", c.Agency)
		f.want(c.DPO != "" && len(c.DPO)+len(c.Emergency) <= 600, "contacts: %.32s: want dpo, an address or a telephone", c.Agency)
	}
}

// checkTerms checks terms of an agreement, or of a house where a is nil.
func checkTerms(terms []Term, a *Agreement, f *faults) {
	seen := map[string]bool{}
	for i := range terms {
		t := &terms[i]
		if !idForm.MatchString(t.ID) {
			f.add(fmt.Errorf("terms: number %d has no id of letters, digits and '-'", i+1))
			continue
		}
		f.want(!seen[t.ID], "terms: %s stands twice", t.ID)
		seen[t.ID] = true
		var own faults
		t.check(a, &own)
		for _, err := range own {
			f.add(fmt.Errorf("term %s: %w", t.ID, err))
		}
	}
}

func (t *Term) check(a *Agreement, f *faults) {
	f.want(t.Text != "" && len(t.Text) <= maxText, "want the signed words in text")
	s, permit := t.Permit, t.Permit != nil
	if s == nil {
		s = t.Prohibit
	}
	if s == nil || permit && t.Prohibit != nil {
		f.add(fmt.Errorf("want exactly one of permit and prohibit"))
		return
	}
	f.want(!permit || a != nil, "a house may only prohibit")
	f.want(!t.Beside || !permit && a != nil, "beside is for a prohibition of an agreement")
	f.want(t.Disclose == "" || t.Disclose == ToSender || t.Disclose == ToAuditor, "disclose: want sender or auditor")
	if permit {
		f.want(len(s.Purposes) > 0 && len(s.Kinds) > 0 && len(s.Bases) > 0, "a permit names its purposes, kinds and bases; an empty list permits nothing")
		f.want(s.Transfer != "" || a != nil && a.Framework, "a permit names its transfer mechanism; NONE within one State")
	}
	if max(len(s.From), len(s.FromTypes), len(s.To), len(s.ToTypes), len(s.Purposes), len(s.Kinds), len(s.Bases), len(s.Urgency), len(s.Sections)) > maxList {
		f.add(fmt.Errorf("no list may have more than %d entries", maxList))
		return
	}
	s.checkSides(a, f)
	s.checkCodes(f)
	if t.When != nil {
		t.When.check(t, f)
	}
	if t.Oblige != nil {
		f.want(permit, "oblige is for a permit")
		t.Oblige.check(s, f)
	}
}

// checkSides wants sender and recipient by id or by type; a house may leave both open.
func (s *Scope) checkSides(a *Agreement, f *faults) {
	for _, side := range []struct {
		name  string
		ids   []fairlead.AgencyID
		types []fairlead.AgencyType
	}{{"from", s.From, s.FromTypes}, {"to", s.To, s.ToTypes}} {
		given := min(len(side.ids), 1) + min(len(side.types), 1)
		f.want(given == 1 || given == 0 && a == nil, "%s: want at least one party, or one type in %s_types, and not both", side.name, side.name)
		for _, id := range side.ids {
			if a != nil {
				f.want(a.Party(id), "%.32s is not a party", id)
			} else {
				f.add(id.Check())
			}
		}
		for _, t := range side.types {
			f.add(fairlead.CheckCode(side.name+"_types", t, fairlead.AgencyTypes))
		}
	}
}

func (s *Scope) checkCodes(f *faults) {
	for _, p := range s.Purposes {
		f.add(fairlead.CheckCode("purpose", p, fairlead.Purposes))
	}
	for _, k := range s.Kinds {
		row, ok := kind.Lookup(k)
		f.want(ok, "kind %.40q is not in the table; take one of schemas/README.md", k)
		f.want(row.Plane != kind.Control, "kind %.40s is of the control plane, which no term permits or bars", k)
	}
	for _, b := range s.Bases {
		f.add(fairlead.CheckCode("basis", b, fairlead.Art6s))
	}
	for _, u := range s.Urgency {
		f.add(fairlead.CheckCode("urgency", u, fairlead.Urgencies))
	}
	for _, c := range s.Sections {
		f.add(fairlead.CheckCode("section", c, fairlead.Sections))
	}
	if s.Transfer != "" {
		f.add(fairlead.CheckCode("transfer", s.Transfer, fairlead.Mechanisms))
	}
}

func (w *When) check(t *Term, f *faults) {
	if max(len(w.Thresholds), len(w.Training)) > maxList {
		f.add(fmt.Errorf("when: no list may have more than %d entries", maxList))
		return
	}
	for _, h := range w.Thresholds {
		f.add(fairlead.CheckCode("when.thresholds", h, fairlead.Thresholds))
	}
	if w.TLP != "" {
		f.add(fairlead.CheckCode("when.tlp_at_most", w.TLP, fairlead.TLPs))
	}
	if w.GSC != "" {
		f.add(fairlead.CheckCode("when.gsc_at_most", w.GSC, fairlead.GSCs))
	}
	for _, code := range w.Training {
		f.want(slices.Contains(list(fairlead.TrainingTopics), code), "when.training: %.40q is no training code", code)
	}
	if c := w.Consent; c != nil {
		f.want(c.Given || c.Objection, "when.consent: want given, or objection: true")
		f.want(c.Given || len(c.GivenBy) == 0, "when.consent: given_by needs given: true")
		f.want(len(c.GivenBy) <= maxList, "when.consent.given_by: too many")
		for _, g := range c.GivenBy[:min(len(c.GivenBy), maxList)] {
			f.add(fairlead.CheckCode("when.consent.given_by", g, fairlead.Givers))
		}
	}
	if t.Prohibit != nil {
		f.want(w.TLP == "" && w.GSC == "" && len(w.Training) == 0 && w.Consent == nil, "when: a prohibition may ask for thresholds and facts only")
	}
	if w.Facts != nil {
		nodes := 0
		w.Facts.check(t, 1, &nodes, f)
	}
	f.want(w.String() != "", "when: it asks for nothing; leave it out")
}

// check wants a small tree of exactly one thing a node.
func (c *Condition) check(t *Term, depth int, nodes *int, f *faults) {
	*nodes++
	if depth > maxDepth || *nodes > maxNodes {
		if *nodes <= maxNodes+1 || depth == maxDepth+1 {
			f.add(fmt.Errorf("when.facts: at most %d parts and %d levels", maxNodes, maxDepth))
		}
		*nodes = maxNodes + 1
		return
	}
	given := min(len(c.All), 1) + min(len(c.Any), 1)
	if c.Not != nil {
		given++
	}
	if c.Fact != "" {
		given++
	}
	if given != 1 {
		f.add(fmt.Errorf("when.facts: want exactly one of all, any, not and fact in each part"))
		return
	}
	if c.Fact != "" {
		f.add(c.checkTest(t))
		return
	}
	f.want(c.Is == "" && len(c.OneOf) == 0 && c.AtLeast == "" && c.AtMost == "", "when.facts: a test stands beside its fact")
	for _, kids := range [][]Condition{c.All, c.Any} {
		for i := range kids {
			if *nodes > maxNodes {
				return
			}
			kids[i].check(t, depth+1, nodes, f)
		}
	}
	if c.Not != nil {
		c.Not.check(t, depth+1, nodes, f)
	}
}

// checkTest wants a fact that the term's kinds have, one test, and values of the fact's form.
func (c *Condition) checkTest(t *Term) error {
	fact, ok := declared(c.Fact, t)
	switch {
	case !ok:
		return fmt.Errorf("when.facts: %.40q is no code of the header and no clear fact of the term's kinds (facts.NAME)", c.Fact)
	case min(len(c.Is), 1)+min(len(c.OneOf), 1)+min(len(c.AtLeast), 1)+min(len(c.AtMost), 1) != 1:
		return fmt.Errorf("when.facts: %s: want exactly one of is, one_of, at_least and at_most", c.Fact)
	case len(c.OneOf) > maxList:
		return fmt.Errorf("when.facts: %s: too many values", c.Fact)
	case (c.AtLeast != "" || c.AtMost != "") && (fact.Form == kind.Code || fact.Form == kind.Bool):
		return fmt.Errorf("when.facts: %s is a %s: at_least and at_most are for counts, dates, instants and thresholds", c.Fact, fact.Form)
	}
	for _, v := range slices.Concat([]string{c.Is, c.AtLeast, c.AtMost}, c.OneOf) {
		if v == "" {
			continue
		}
		if fact.Form == threshold {
			fact.Form = kind.Code
		}
		if err := fact.Check(v); err != nil {
			return fmt.Errorf("when.facts: %s has no value %.40q: %w", c.Fact, v, err)
		}
	}
	return nil
}

// declared finds what a fact looks like. A clear fact must look alike in all kinds of the term that have it.
func declared(name string, t *Term) (found kind.Fact, ok bool) {
	if values, ok := codes[name]; ok {
		form := kind.Code
		if name == "threshold" {
			form = threshold
		}
		return kind.Fact{Form: form, Values: values}, true
	}
	own, clear := strings.CutPrefix(name, "facts.")
	if !clear {
		return found, false
	}
	scope := t.Permit
	if scope == nil {
		scope = t.Prohibit
	}
	for _, k := range kind.All() {
		if len(scope.Kinds) > 0 && !slices.Contains(scope.Kinds, k.Code) {
			continue
		}
		if f, has := k.Facts[own]; has {
			if ok && (f.Form != found.Form || !slices.Equal(f.Values, found.Values)) {
				return found, false
			}
			found, ok = f, true
		}
	}
	return found, ok
}

func (o *Oblige) check(s *Scope, f *faults) {
	f.want(!o.IsZero(), "oblige: it obliges to nothing; leave it out")
	for _, n := range []struct {
		name       string
		value, max int
	}{{"retain_days", o.RetainDays, maxDays}, {"review_days", o.ReviewDays, maxDays}, {"acknowledge_hours", o.AcknowledgeHours, maxHours}} {
		f.want(n.value >= 0 && n.value <= n.max, "oblige.%s: want 1 to %d", n.name, n.max)
	}
	f.want(o.Onward == "" || slices.Contains(onwards, o.Onward), "oblige.onward: want none, ask or parties")
	if max(len(o.Notify), len(o.UseOnlyFor)) > maxList {
		f.add(fmt.Errorf("oblige: no list may have more than %d entries", maxList))
		return
	}
	for _, r := range o.Notify {
		f.add(fairlead.CheckCode("oblige.notify", r, fairlead.Roles))
	}
	for _, p := range o.UseOnlyFor {
		f.add(fairlead.CheckCode("oblige.use_only_for", p, fairlead.Purposes))
	}
	for _, p := range s.Purposes {
		f.want(len(o.UseOnlyFor) == 0 || slices.Contains(o.UseOnlyFor, p), "oblige.use_only_for: the term permits %s, so the recipient may use it for that", p)
	}
}
