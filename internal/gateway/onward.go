package gateway

import (
	"slices"
	"strings"
	"time"

	"fairlead/internal/client"
	"fairlead/internal/fairlead"
	"fairlead/internal/policy"
	"fairlead/internal/registry"
	"fairlead/internal/web"
)

// permitting are the pages by which an originator lets pages go further that it kept under its control (TLP RED and
// AMBER+STRICT, SIENA H2, ORCON; policy P11).
var permitting = []route{
	{"GET /sent/{id}/permit", reader, (*visit).permit},
	{"POST /sent/{id}/permit", reader, (*visit).sendPermission},
}

// askOnward stands among the answers to a message for asking its originator; there is no kind for it, and a word
// between colleagues serves.
const askOnward = "onward.permission"

// controlled are the sections of a share of ours that were delivered and that its recipient passes on to nobody
// without our permission.
func controlled(s *client.SentShare) (codes []fairlead.SectionCode) {
	h, ds, err := s.Asked()
	if err != nil || s.Verdict == nil || !recallable(s) {
		return nil
	}
	all := registry.Controlled(h, ds)
	for _, sec := range s.Verdict.Sections {
		if sec.Delivered && slices.Contains(all, sec.Code) {
			codes = append(codes, sec.Code)
		}
	}
	return codes
}

// permitDays are for how long a permission may be given.
var permitDays = []int{7, 30, 90}

// permit asks what may go further, to whom and until when.
func (v *visit) permit() error {
	s, err := v.sentShare()
	if err != nil {
		return err
	}
	codes := controlled(s)
	if len(codes) == 0 {
		return v.redirect("/sent/" + s.ID.String())
	}
	p, w := v.actPage(s, "permit"), v.words
	if p.May = mayAct("onward.permission", v.role); p.May && v.r.Method == "GET" {
		if ok, err := v.stepUpFirst(); !ok {
			return err
		}
	}
	who := v.g.agencyName(s.To)
	p.NotYou = w.T("permit.notyou")
	p.What = []string{w.T("permit.what", "agency", who), w.T("permit.last", "agency", who), w.T("permit.record")}
	field := func(form, name string) web.Field {
		return web.Field{Words: w, Form: form, Name: name, Label: w.T("permit." + name), Error: v.faultOf(name)}
	}
	add := func(f *web.Field, value, label string) {
		f.Options = append(f.Options, web.Option{Value: value, Label: label, Checked: slices.Contains(v.r.Form[f.Name], value)})
	}
	sections, agencies, until := field("choices", "sections"), field("choices", "agencies"), field("choice", "until")
	for _, code := range codes {
		add(&sections, string(code), w.Code("section", code))
	}
	for _, id := range v.further(s) {
		add(&agencies, string(id), v.g.agencyName(id))
	}
	for _, n := range permitDays {
		add(&until, itoa(n), w.N("permit.days", n, "day", w.Date(v.now().AddDate(0, 0, n))))
	}
	p.Fields = []web.Field{sections, agencies, until}
	return v.render("act", p)
}

// further are those to whom the holder of a share of ours may be let pass it on.
func (v *visit) further(s *client.SentShare) (list []fairlead.AgencyID) {
	for _, a := range v.g.cfg.Client.Snapshot().Agencies() {
		if a.ID != v.g.agency && a.ID != s.To && a.Type != fairlead.TypeAuditor {
			list = append(list, a.ID)
		}
	}
	return list
}

// sendPermission signs the permission and sends it to the holder.
func (v *visit) sendPermission() error {
	s, err := v.sentShare()
	if err != nil {
		return err
	}
	if !mayAct("onward.permission", v.role) || len(controlled(s)) == 0 {
		return errForbidden
	}
	path := "/sent/" + s.ID.String()
	if ok, err := v.stepUp(path + "/permit"); !ok {
		return err
	}
	if err := v.r.ParseForm(); err != nil {
		return err
	}
	v.g.drafting.Lock()
	defer v.g.drafting.Unlock()
	g := v.grant(s)
	if len(v.faults) > 0 {
		return v.permit()
	}
	if given, err := v.given(s.ID, g); err != nil || given { // pressed twice
		if err != nil {
			return err
		}
		return v.redirect(path + "?done=permitted")
	}
	d, err := v.g.cfg.Client.PermissionDraft(g)
	if err != nil {
		return err
	}
	d.ReplyTo = s.ID // into the case of what it is about
	sent, err := v.sendNow(d)
	switch {
	case err != nil:
		return err
	case !sent:
		return v.permit()
	}
	return v.redirect(path + "?done=permitted")
}

// grant reads the form and refuses what was not offered.
func (v *visit) grant(s *client.SentShare) policy.Grant {
	g := policy.Grant{Share: s.ID, Sections: typed[fairlead.SectionCode](v.r.Form["sections"]), To: typed[fairlead.AgencyID](v.r.Form["agencies"])}
	chosen := func(name string, ok bool) {
		if !ok {
			v.refuse(name, "fault.empty", "label", v.words.T("permit."+name))
		}
	}
	chosen("sections", len(g.Sections) > 0 && len(without(g.Sections, controlled(s))) == 0)
	chosen("agencies", len(g.To) > 0 && len(without(g.To, v.further(s))) == 0)
	i := slices.IndexFunc(permitDays, func(n int) bool { return itoa(n) == v.r.FormValue("until") })
	if chosen("until", i >= 0); i >= 0 {
		end := v.now().In(v.words.Zone()).AddDate(0, 0, permitDays[i])
		g.Until = fairlead.At(time.Date(end.Year(), end.Month(), end.Day(), 23, 59, 59, 0, v.words.Zone()))
	}
	return g
}

// given reports whether the same was permitted already.
func (v *visit) given(id fairlead.ShareID, g policy.Grant) (bool, error) {
	list, err := v.permissions(id)
	return slices.ContainsFunc(list, func(p permission) bool {
		return slices.Equal(p.Sections, g.Sections) && slices.Equal(p.To, g.To) && p.Until.Equal(g.Until.Time)
	}), err
}

// permission is a grant of ours, with the share that carried it.
type permission struct {
	policy.Grant
	share *client.SentShare
}

// permissions are those that we gave for a share of ours.
func (v *visit) permissions(id fairlead.ShareID) (list []permission, err error) {
	shares, err := v.sentAbout(id, "onward.permission")
	for _, s := range shares {
		d, err := v.g.cfg.Client.OwnContent(s.ID)
		if err != nil {
			continue // a copy that is no longer kept
		}
		g, err := policy.ParseGrant(d.Record)
		if err != nil {
			return nil, err
		}
		list = append(list, permission{*g, s})
	}
	return list, err
}

// permissionEvents are what we let the holder of a share of ours do with it.
func (v *visit) permissionEvents(id fairlead.ShareID, note func(string, time.Time)) error {
	list, err := v.permissions(id)
	for _, p := range list {
		note(v.words.T("event.permitted", "what", v.grantWords(&p.Grant), "state", v.words.Code("state", p.share.State)), unstamp(p.share.Created))
	}
	return err
}

// grantWords say what may go to whom, and until when.
func (v *visit) grantWords(g *policy.Grant) string {
	sections := words(g.Sections, func(c fairlead.SectionCode) string { return v.words.Code("section", c) })
	return v.words.T("permit.words", "sections", strings.Join(sections, ", "), "agencies", strings.Join(words(g.To, v.g.agencyName), ", "), "day", v.words.Date(g.Until.Time)+", "+v.words.Clock(g.Until.Time))
}

// permissionRows say what a permission that was received lets this agency do; of a message under another's control,
// what was permitted so far.
func (v *visit) permissionRows(m *client.Message) (rows []row, err error) {
	add := func(m *client.Message) {
		if g, err := policy.ParseGrant(m.Record); err == nil {
			rows = append(rows, row{Key: v.words.T("permit.may"), Text: plain(v.grantWords(g))})
		}
	}
	if m.Header.Kind == "onward.permission" {
		add(m)
		return rows, nil
	}
	ids, err := v.g.about(m.Header.ID, "onward.permission", false)
	for _, id := range ids {
		got, err := v.g.cfg.Client.Message(id)
		if err != nil {
			return nil, err
		}
		add(got)
	}
	if len(m.Controlled()) > 0 && len(rows) == 0 {
		rows = append(rows, row{Key: v.words.T("permit.may"), Text: plain(v.words.T("permit.nothing"))})
	}
	return rows, err
}

// askPermission begins a word to the originator of a message, which says what is asked and leaves open to whom it is
// to go.
func (v *visit) askPermission(m *client.Message) error {
	d, w := v.blank(liaison.kind), v.words
	sections := words(m.Controlled(), func(c fairlead.SectionCode) string { return w.Code("section", c) })
	d.ReplyTo, d.Peer = m.Header.ID, string(m.Header.From.Agency)
	d.Values.Set("to", d.Peer)
	d.Values.Set("topic", "other")
	d.Values.Set("message", w.T("permit.ask", "what", w.Code("kind", m.Header.Kind), "entry", m.Index, "day", w.Date(m.Arrived()), "sections", strings.Join(sections, ", ")))
	return v.keepNew(d, liaison)
}
