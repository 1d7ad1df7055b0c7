package gateway

import (
	"errors"
	"html/template"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"fairlead/internal/agreement"
	"fairlead/internal/client"
	"fairlead/internal/fairlead"
	"fairlead/internal/web"
	"fairlead/internal/workday"
)

func calendar(j fairlead.Jurisdiction) workday.Calendar { return workday.For(j) }

// agencyLink is one page about the agency.
type agencyLink struct{ Href, Title, Says string }

type agencyPage struct {
	web.Page
	Links []agencyLink
}

func (v *visit) agencyPage() error {
	p := agencyPage{Page: v.page("agency.title")}
	for _, key := range []string{"approvals", "consents", "agreements", "people", "proofs", "session"} {
		if key != "consents" || v.reads() {
			p.Links = append(p.Links, agencyLink{"/" + key, v.words.T(key + ".title"), v.words.T(key + ".says")})
		}
	}
	return v.render("agency", p)
}

type approvalsPage struct {
	web.Page
	Lines    []line
	Approves bool
}

// approvals lists what waits for a second person.
func (v *visit) approvals() error {
	list, _, err := v.g.cfg.Client.Posted(client.Filter{State: string(client.HeldBy)})
	if err != nil {
		return err
	}
	p := approvalsPage{Page: v.page("approvals.title"), Approves: v.approves()}
	p.Back = "/agency"
	for _, s := range list {
		l := v.postedLine(s)
		l.Href = "/approvals/" + s.ID.String()
		p.Lines = append(p.Lines, l)
	}
	return v.render("approvals", p)
}

type approvalPage struct {
	web.Page
	ID, Caption string
	Rows        []row
	Outcome     outcome
	Sections    []sectionView
	Overrides   []string
	Reasons     web.Field
	Own, May    bool
}

// held reads a share that waits, with the agency's own copy of it.
func (v *visit) held() (*client.SentShare, *client.Draft, error) {
	id, err := v.share()
	if err != nil {
		return nil, nil, err
	}
	s, err := v.g.cfg.Client.Sent(id)
	if err != nil {
		return nil, nil, err
	}
	if s.State != client.HeldBy {
		return nil, nil, errNotFound
	}
	d, err := v.g.cfg.Client.OwnContent(id)
	return s, d, err
}

// approval shows a second person what they would sign for: they read it whole first.
func (v *visit) approval() error {
	s, d, err := v.held()
	if err != nil {
		return err
	}
	w := v.words
	p := approvalPage{
		Page: v.page("approval.title", "what", w.Code("kind", s.Kind)), ID: s.ID.String(), Caption: w.T("sent.to", "agency", v.g.agencyName(s.To)),
		Outcome: v.outcome(s.To, verdictDecision(s)), Own: d.User == v.user, May: v.approves(),
	}
	p.Back = "/approvals"
	p.Rows = append(p.Rows, row{Key: w.T("message.sentby"), Text: template.HTML(template.HTMLEscapeString(v.g.nameOf(d.User) + ", " + w.Code("role", d.Role)))})
	p.Reasons = web.Field{Words: w, Form: "choices", Name: "reason", Label: w.T("approval.reason"), Error: v.faultOf("reason")}
	for _, sec := range d.Sections {
		if sec.Override == "" {
			continue
		}
		p.Overrides = append(p.Overrides, w.T("approval.override", "section", w.Code("section", sec.Code), "reason", w.Code("override", sec.Override)))
		if !slices.ContainsFunc(p.Reasons.Options, func(o web.Option) bool { return o.Value == string(sec.Override) }) {
			p.Reasons.Options = append(p.Reasons.Options, web.Option{
				Value: string(sec.Override), Label: w.Code("override", sec.Override), Checked: slices.Contains(v.r.URL.Query()["reason"], string(sec.Override)),
			})
		}
	}
	if p.Sections, err = v.ownSections(s.ID); err != nil {
		return err
	}
	if err := v.look(s.ID); err != nil {
		return err
	}
	return v.render("approval", p)
}

// approve signs, with the person's own key, over the very bytes that wait.
func (v *visit) approve() error {
	s, d, err := v.held()
	if err != nil {
		return err
	}
	if !v.approves() || d.User == v.user {
		return errForbidden
	}
	if err := v.r.ParseForm(); err != nil {
		return err
	}
	reasons := v.r.PostForm["reason"]
	seen, err := v.looked(s.ID)
	if err != nil {
		return err
	}
	again := "/approvals/" + s.ID.String() + "?" + url.Values{"reason": reasons}.Encode()
	if ok, err := v.stepUp(again); !ok {
		return err
	}
	if err := v.drawsShare(s.ID); err != nil {
		return err
	}
	if v.veil.thread != "" && v.veil.reason == "" { // nobody signs for what they were not shown
		return v.redirect(v.reasonLink(again))
	}
	if len(reasons) == 0 || !seen {
		v.refuse("reason", "approval.choose")
		return v.approval()
	}
	out, err := v.g.cfg.Home.ApprovalDraft(v.g.cfg.Client, s.ID, v.user, v.role, reasons)
	if errors.Is(err, client.ErrHome) {
		v.refuse("", "approval.nokey")
		return v.approval()
	}
	if err != nil {
		return err
	}
	if _, err := v.g.cfg.Client.Send(out); err != nil {
		return err
	}
	return v.redirect("/sent/" + s.ID.String() + "?done=approved")
}

func words[T any](list []T, name func(T) string) (out []string) {
	for _, x := range list {
		out = append(out, name(x))
	}
	return out
}

type agreementLine struct {
	Href, Ref, Title, Parties, Until string
	Tag, Colour                      string
}

type agreementsPage struct {
	web.Page
	Lines []agreementLine
}

func (v *visit) agreements() error {
	p := agreementsPage{Page: v.page("agreements.title")}
	p.Back = "/agency"
	for _, s := range v.g.cfg.Client.Snapshot().Agreements() {
		l := agreementLine{
			Href: "/agreements/" + s.ID + "/" + strconv.Itoa(s.Version), Ref: s.Ref(), Title: s.Title, Parties: strings.Join(words(s.Parties, v.g.agencyName), ", "),
			Until: v.words.Date(s.Until.Time),
		}
		l.Tag, l.Colour = v.standing(&s)
		p.Lines = append(p.Lines, l)
	}
	return v.render("agreements", p)
}

// standing is the state of an agreement now, and its colour.
func (v *visit) standing(s *agreement.Standing) (string, string) {
	state, colour := "waiting", "blue"
	switch {
	case s.Active(v.now()):
		state, colour = "active", "green"
	case s.Paused(v.now()):
		state, colour = "suspended", "red"
	case v.past(s):
		state, colour = "ended", "grey"
	}
	return v.words.Code("agreement", state), colour
}

func (v *visit) scopeRows(s *agreement.Scope) (rows []row) {
	w := v.words
	add := func(key string, names []string) {
		if len(names) > 0 {
			rows = append(rows, row{Key: w.T(key), Text: template.HTML(template.HTMLEscapeString(strings.Join(names, ", ")))})
		}
	}
	add("scope.from", words(s.From, v.g.agencyName))
	add("scope.from", words(s.FromTypes, func(c fairlead.AgencyType) string { return w.Code("agency_type", c) }))
	add("scope.to", words(s.To, v.g.agencyName))
	add("scope.to", words(s.ToTypes, func(c fairlead.AgencyType) string { return w.Code("agency_type", c) }))
	add("scope.kinds", words(s.Kinds, func(k string) string { return w.Code("kind", k) }))
	add("scope.purposes", words(s.Purposes, func(c fairlead.Purpose) string { return w.Code("purpose", c) }))
	add("scope.sections", words(s.Sections, func(c fairlead.SectionCode) string { return w.Code("section", c) }))
	add("scope.bases", words(s.Bases, func(c fairlead.Art6) string { return w.Code("art6", c) }))
	add("scope.urgency", words(s.Urgency, func(c fairlead.Urgency) string { return w.Code("urgency", c) }))
	if s.Transfer != "" {
		add("scope.transfer", []string{w.Code("mechanism", s.Transfer)})
	}
	return rows
}
