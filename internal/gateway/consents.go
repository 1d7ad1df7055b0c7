package gateway

import (
	"encoding/json"
	"errors"
	"html/template"
	"slices"
	"strings"
	"time"

	"fairlead/internal/client"
	"fairlead/internal/consent"
	"fairlead/internal/fairlead"
	"fairlead/internal/registry"
	"fairlead/internal/web"
)

// consenting are the pages about what children and others agreed to or refused.
var consenting = []route{
	{"GET /consents", reader, (*visit).consents},
	{"GET /consents/{id}", reader, (*visit).consent},
	{"POST /consents/{id}/withdraw", reader, (*visit).withdraw},
}

// consentRecord is one act of asking. It goes to the hub as codes; the words stay in the agency's file.
var consentRecord = form{
	kind: "consent.record",
	stages: []stage{
		{"asked", []question{
			{name: "ref", at: "draft/case", must: true},
			{name: "giver", at: "draft/giver", must: true},
			{name: "assessor", at: "draft/assessor"},
			{name: "said_at", at: "draft/said", must: true},
		}},
		{"agreed", []question{{name: "agreed", at: "draft/sections"}}},
		{"refused", []question{
			{name: "refused", at: "draft/sections"},
			{name: "withhold", at: "draft/withhold"},
		}},
		{"scope", []question{
			{name: "for_whom", at: "draft/agencies"},
			{name: "for_places", at: "draft/places"},
			{name: "for_purposes", at: "draft/purposes"},
			{name: "until", at: "draft/until"},
			{name: "may_withdraw", at: "draft/agencies"},
		}},
	},
	record: (*visit).consentRecord,
}

// unasked are the sections and purposes about which nobody is asked: they are about professionals, or need
// no consent.
var (
	unasked         = []fairlead.SectionCode{"OVERRIDE-NOTE", "PRO-CONTACT", "INTEL", "EXPLOITER", "ATTACH"}
	unaskedPurposes = []fairlead.Purpose{"TRAINING", "STATISTICS", "AUDIT", "ADVICE", "LIAISE"}
)

// without is a list of codes but for some.
func without[T comparable](all, some []T) []T {
	return slices.DeleteFunc(slices.Clone(all), func(x T) bool { return slices.Contains(some, x) })
}

// givers are who can consent where this agency is (domain §9).
func (v *visit) givers() (list []string) {
	own := v.g.cfg.Client.Snapshot().Agency(v.g.agency)
	for _, g := range fairlead.Givers {
		r := consent.Record{Giver: g}
		if g != "ICTG" && g != "ACCOMPANYING_ADULT" && own != nil && r.CheckNation(own.Jurisdiction) == nil {
			list = append(list, string(g))
		}
	}
	return list
}

// monthEnds are the days a consent may end on: the last of a month, so that none gives a birthday away.
func (v *visit) monthEnds() (list []string) {
	now := v.now().UTC()
	for i := range 12 {
		list = append(list, time.Date(now.Year(), now.Month()+time.Month(i+1), 0, 0, 0, 0, 0, time.UTC).Format(time.DateOnly))
	}
	return list
}

// dayOf reads a day of the calendar; noon keeps it the same day in every zone of Europe.
func dayOf(value string) time.Time {
	day, _ := time.Parse(time.DateOnly, value) // chosen from a list
	return day.Add(12 * time.Hour)
}

// buildRecord is the draft of a control message with a record.
func (v *visit) buildRecord(d *written, f form) (*client.Draft, error) {
	record, err := f.record(v, d)
	return &client.Draft{Kind: f.kind, Role: v.role, User: v.user, To: []string{string(fairlead.Hub)}, Case: d.Values.Get("ref"), Child: d.Values.Get("ref"), Record: record}, err
}

func (v *visit) consentRecord(d *written) ([]byte, error) {
	handle, err := v.g.cfg.Client.SubjectHandle(d.Values.Get("ref"))
	if err != nil {
		return nil, err
	}
	at, _ := v.instant(d, "said_at")
	r := consent.Record{
		ID: d.ID, Subject: handle, Giver: fairlead.Giver(d.Values.Get("giver")), Assessor: d.Values.Get("assessor"), At: fairlead.At(at),
		Withhold: d.Values.Get("withhold"), MayWithdraw: typed[fairlead.AgencyID](d.Values["may_withdraw"]),
	}
	for _, part := range []struct {
		name   string
		status fairlead.ConsentStatus
	}{{"agreed", fairlead.ConsentGiven}, {"refused", fairlead.ConsentRefused}} {
		if len(d.Values[part.name]) == 0 {
			continue
		}
		item := consent.Item{
			Status: part.status, Sections: typed[fairlead.SectionCode](d.Values[part.name]), Recipients: typed[fairlead.AgencyID](d.Values["for_whom"]),
			Jurisdictions: typed[fairlead.Jurisdiction](d.Values["for_places"]), Purposes: typed[fairlead.Purpose](d.Values["for_purposes"]),
		}
		if until := d.Values.Get("until"); until != "" && part.status == fairlead.ConsentGiven {
			item.Until = fairlead.At(dayOf(until))
		}
		r.Items = append(r.Items, item)
	}
	return json.Marshal(r)
}

func typed[T ~string](list []string) (out []T) {
	for _, x := range list {
		out = append(out, T(x))
	}
	return out
}

func texts[T ~string](list []T) (out []string) {
	for _, x := range list {
		out = append(out, string(x))
	}
	return out
}

// checkConsent finds what is wrong with the record as a whole.
func (v *visit) checkConsent(d *written) error {
	if d.Values.Get("giver") == "CHILD_GILLICK" && d.Values.Get("assessor") == "" {
		v.refuse("assessor", "fault.empty", "label", v.words.T("q.assessor"))
	}
	both := slices.ContainsFunc(d.Values["agreed"], func(code string) bool { return slices.Contains(d.Values["refused"], code) })
	switch {
	case len(d.Values["agreed"])+len(d.Values["refused"]) == 0:
		v.refuse("agreed", "consent.choose")
	case both:
		v.refuse("refused", "consent.both")
	}
	record, err := v.consentRecord(d)
	if err != nil || len(v.faults) > 0 {
		return err
	}
	if _, err := consent.Parse(record); errors.Is(err, consent.ErrInvalid) {
		v.refuse("", "fault.content")
	}
	return nil
}

type consentLine struct {
	Href, Giver string
	When        template.HTML
	Items       []string
	Tag, Colour string
}

// childConsents are the records of one child, newest first.
type childConsents struct {
	Child string
	Lines []consentLine
}

type consentsPage struct {
	web.Page
	Children []childConsents
	May      bool
}

// consents lists what is on record of each child, from the agency's own copies.
func (v *visit) consents() error {
	list, _, err := v.g.cfg.Client.Posted(client.Filter{Kind: "consent.record"})
	if err != nil {
		return err
	}
	p := consentsPage{Page: v.page("consents.title"), May: mayAct("consent.record", v.role)}
	p.Back = "/agency"
	for _, s := range list {
		d, r, ok := v.ownConsent(s)
		if !ok {
			continue
		}
		line := consentLine{Href: "/consents/" + r.ID, Giver: v.words.Code("giver", r.Giver), When: v.words.When(r.At.Time), Items: v.consentItems(r.Items)}
		line.Tag, line.Colour = v.words.Code("state", s.State), stateColours[s.State]
		if s.State != client.Queued {
			line.Tag, line.Colour = v.standsOf(r)
		}
		i := slices.IndexFunc(p.Children, func(c childConsents) bool { return c.Child == d.Child })
		if i < 0 {
			i, p.Children = len(p.Children), append(p.Children, childConsents{Child: d.Child})
		}
		p.Children[i].Lines = append(p.Children[i].Lines, line)
	}
	return v.render("consents", p)
}

// ownConsent reads the agency's own copy of a record that the hub did not refuse.
func (v *visit) ownConsent(s client.Posted) (*client.Draft, consent.Record, bool) {
	var r consent.Record
	d, err := v.g.cfg.Client.OwnContent(s.ID)
	ok := err == nil && s.State != client.RefusedBy && json.Unmarshal(d.Record, &r) == nil
	return d, r, ok
}

// standsOf says whether anything that was agreed to in a record still holds.
func (v *visit) standsOf(r consent.Record) (string, string) {
	w := v.words
	switch {
	case !slices.ContainsFunc(r.Items, given):
		return w.T("consent.refusal"), "red"
	case v.ended(r):
		return w.T("consent.ended"), "grey"
	}
	return w.T("consent.stands"), "green"
}

func given(i consent.Item) bool {
	return i.Status == fairlead.ConsentGiven || i.Status == fairlead.ConsentRenewed
}

// ended reports whether all that was agreed to in a record was taken back since, or its time is over.
func (v *visit) ended(r consent.Record) bool {
	_, since, _, err := v.g.cfg.Client.Consent(r.ID)
	if err != nil {
		return false
	}
	for _, i := range r.Items {
		end := either(i.Until.Time, r.At.AddDate(0, 6, 0))
		if !given(i) || !v.now().Before(end) {
			continue
		}
		for _, code := range i.Sections {
			if !slices.ContainsFunc(since, func(h consent.Held) bool { return h.Supersedes == r.ID && h.Ended(consent.Use{Section: code}) }) {
				return false
			}
		}
		if len(i.Sections) == 0 && !slices.ContainsFunc(since, func(h consent.Held) bool { return h.Supersedes == r.ID }) {
			return false
		}
	}
	return true
}

func (v *visit) consentItems(items []consent.Item) (list []string) {
	for _, item := range items {
		list = append(list, v.consentItem(item))
	}
	return list
}

// consentItem is one status with its scope, in words.
func (v *visit) consentItem(i consent.Item) string {
	w := v.words
	parts := []string{w.Code("consent", i.Status)}
	add := func(key string, names []string) {
		if len(names) > 0 {
			parts = append(parts, w.T(key, "list", strings.Join(names, ", ")))
		}
	}
	add("consent.sections", words(i.Sections, func(c fairlead.SectionCode) string { return w.Code("section", c) }))
	add("consent.purposes", words(i.Purposes, func(c fairlead.Purpose) string { return w.Code("purpose", c) }))
	add("consent.recipients", words(i.Recipients, v.g.agencyName))
	add("consent.types", words(i.Types, func(c fairlead.AgencyType) string { return w.Code("agency_type", c) }))
	add("consent.places", words(i.Jurisdictions, func(c fairlead.Jurisdiction) string { return w.Country(string(c)) }))
	return strings.Join(parts, "; ")
}

// stopRows are the messages that a notice of the hub asks not to use any more, with the sections concerned.
func (v *visit) stopRows(m *client.Message) (rows []row) {
	stop, err := registry.ParseStop(m.Record)
	if m.Header.Kind != "consent.withdraw" || err != nil {
		return nil
	}
	for _, s := range stop.Shares {
		sections := strings.Join(words(s.Sections, func(c fairlead.SectionCode) string { return v.words.Code("section", c) }), ", ")
		text := plain(sections)
		if link := v.linkTo(s.Share); link != "" {
			text = link + ": " + text
		}
		rows = append(rows, row{Key: v.words.T("consent.stopped"), Text: text})
	}
	return rows
}

// consentPage is one record: what was said, what was said since, and what was sent because of it.
type consentPage struct {
	web.Page
	ID      string
	Rows    []row
	Items   []string
	Since   []consentLine
	Relied  []reliedLine
	Fields  []web.Field
	May     bool
	Pending bool // it is being taken back
}

type reliedLine struct {
	Href, Who, Sections string
	When                template.HTML
}

func (v *visit) consent() error {
	r, since, relied, err := v.g.cfg.Client.Consent(v.r.PathValue("id"))
	if errors.Is(err, client.ErrConsent) {
		return errNotFound
	}
	if err != nil {
		return err
	}
	w := v.words
	p := consentPage{Page: v.page("consent.title"), ID: r.ID, Items: v.consentItems(r.Items)}
	p.Back = "/consents"
	child, pending, err := v.aboutConsent(r.ID)
	if err != nil {
		return err
	}
	p.Pending = pending
	p.May = mayAct("consent.withdraw", v.role) && !pending && slices.ContainsFunc(r.Items, given) && !v.ended(r.Record)
	add := func(key, text string) {
		if text != "" {
			p.Rows = append(p.Rows, row{Key: w.T(key), Text: plain(text)})
		}
	}
	add("consents.child", child)
	add("consents.giver", w.Code("giver", r.Giver))
	add("consent.assessor", r.Assessor)
	p.Rows = append(p.Rows, row{Key: w.T("consent.at"), Text: w.When(r.At.Time)})
	add("consent.maywithdraw", strings.Join(words(r.MayWithdraw, v.g.agencyName), ", "))
	for _, h := range slices.Backward(since) {
		p.Since = append(p.Since, consentLine{Giver: w.Code("giver", h.Giver), When: w.When(h.At.Time), Items: v.consentItems(h.Items)})
	}
	for _, l := range relied {
		line := reliedLine{Href: "/sent/" + l.Share.String(), Who: v.g.agencyName(l.To), When: w.When(unstamp(l.At))}
		line.Sections = strings.Join(words(l.Sections, func(c fairlead.SectionCode) string { return w.Code("section", c) }), ", ")
		p.Relied = append(p.Relied, line)
	}
	p.Fields = v.withdrawFields(r)
	return v.render("consent", p)
}

// aboutConsent finds for whom a record of ours was made, and whether a withdrawal of it is on its way.
func (v *visit) aboutConsent(id string) (child string, pending bool, err error) {
	list, _, err := v.g.cfg.Client.Posted(client.Filter{Kind: "consent."})
	for _, s := range list {
		d, err := v.g.cfg.Client.OwnContent(s.ID)
		if err != nil {
			continue
		}
		var r struct{ ID, Consent string }
		if json.Unmarshal(d.Record, &r) != nil {
			continue
		}
		if r.ID == id {
			child = d.Child
		}
		pending = pending || r.Consent == id && s.State == client.Queued
	}
	return child, pending, err
}

// howTold are the ways in which somebody takes a consent back.
var howTold = []string{"in_person", "phone", "writing", "through_guardian", "portal"}

func (v *visit) withdrawFields(r consent.Held) []web.Field {
	w := v.words
	sections := web.Field{Words: w, Form: "choices", Name: "sections", Label: w.T("consent.withdraw.sections"), Hint: w.T("consent.withdraw.sections.hint"), Error: v.faultOf("sections")}
	for _, i := range r.Items {
		for _, code := range i.Sections {
			if given(i) {
				sections.Options = append(sections.Options, web.Option{Value: string(code), Label: w.Code("section", code), Checked: slices.Contains(v.r.Form["sections"], string(code))})
			}
		}
	}
	how := web.Field{Words: w, Form: "choice", Name: "how_told", Label: w.T("consent.withdraw.how"), Error: v.faultOf("how_told")}
	for _, x := range howTold {
		how.Options = append(how.Options, web.Option{Value: x, Label: w.T("consent.how." + x), Checked: v.r.FormValue("how_told") == x})
	}
	if len(sections.Options) < 2 {
		return []web.Field{how}
	}
	return []web.Field{sections, how}
}

// withdraw takes a consent back, all of it or the sections that were ticked.
func (v *visit) withdraw() error {
	id := v.r.PathValue("id")
	if !mayAct("consent.withdraw", v.role) {
		return errForbidden
	}
	v.g.drafting.Lock()
	defer v.g.drafting.Unlock()
	r, _, _, err := v.g.cfg.Client.Consent(id)
	if errors.Is(err, client.ErrConsent) {
		return errNotFound
	}
	if err != nil {
		return err
	}
	_, pending, err := v.aboutConsent(id)
	if err != nil {
		return err
	}
	if pending || v.ended(r.Record) { // pressed twice
		return v.redirect("/consents/" + id + "?done=withdrawn")
	}
	how := v.r.FormValue("how_told")
	if !slices.Contains(howTold, how) {
		v.refuse("how_told", "fault.empty", "label", v.words.T("consent.withdraw.how"))
		return v.consent()
	}
	d, err := v.g.cfg.Client.WithdrawalDraft(consent.Withdrawal{Consent: id, HowTold: how, Sections: typed[fairlead.SectionCode](v.r.Form["sections"])})
	if err != nil {
		return err
	}
	done, err := v.sendNow(d)
	switch {
	case err != nil:
		return err
	case !done:
		return v.consent()
	}
	return v.redirect("/consents/" + id + "?done=withdrawn")
}
