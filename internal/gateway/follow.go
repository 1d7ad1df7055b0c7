package gateway

import (
	"html/template"
	"maps"
	"slices"
	"strings"

	"fairlead/internal/client"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/kind"
	"fairlead/internal/web"
)

// following are the pages by which a message of ours gets news, an end or a correction, and by which a
// message received is said to hold what its header does not say.
var following = []route{
	{"POST /sent/{id}/follow", reader, (*visit).follow},
	{"GET /messages/{id}/mismatch", reader, (*visit).mismatch},
	{"POST /messages/{id}/mismatch", reader, (*visit).reportMismatch},
}

// follows are the kinds by which a share of ours may be followed.
func (v *visit) follows(s *client.SentShare) (list []string) {
	k, _ := kind.Lookup(s.Kind)
	if !v.acts() || !arrived(s) {
		return nil
	}
	if isAlert(s.Kind) {
		list = append(list, "alert.update", "alert.cancel")
	}
	if k.Plane == kind.Alert || k.Plane == kind.Case && s.Kind != "liaison.note" {
		if len(v.correctable(s.Codes())) > 0 {
			list = append(list, "correction")
		}
	}
	return list
}

// isAlert reports whether the kind begins an alert: it then gets news and an end.
func isAlert(code string) bool {
	f, ok := formOf(code)
	return ok && f.begins() && strings.HasPrefix(code, "alert.")
}

// correctable are the sections, of those that were sent, in which a correction puts something right.
func (v *visit) correctable(codes []fairlead.SectionCode) (list []string) {
	for _, k := range v.g.cfg.Schema.Kinds() {
		if k.Code != "correction" {
			continue
		}
		for _, code := range fairlead.Sections {
			if _, ok := k.Sections[code]; ok && slices.Contains(codes, code) {
				list = append(list, string(code))
			}
		}
	}
	return list
}

// follow begins a draft that follows a message of ours, for everybody to whom that message went.
func (v *visit) follow() error {
	s, err := v.sentShare()
	if err != nil {
		return err
	}
	code := v.r.FormValue("kind")
	if !slices.Contains(v.follows(s), code) {
		return errForbidden
	}
	h, err := s.Header()
	if err != nil {
		return err
	}
	d := v.blank(code)
	d.Purpose, d.Level, d.Urgency, d.Carried = string(h.Purpose), string(h.Threshold), string(h.Urgency), v.correctable(s.Codes())
	if own, err := v.g.cfg.Client.OwnContent(s.ID); err == nil {
		d.Values.Set("ref", own.Case)
	}
	if d.Follows, err = v.sameMessage(s.ID); err != nil {
		return err
	}
	d.Values["to"] = slices.Sorted(maps.Keys(d.Follows))
	f, _ := formOf(code)
	return v.keepNew(d, f)
}

// sameMessage finds the shares of one message of ours that were delivered, by recipient.
func (v *visit) sameMessage(id fairlead.ShareID) (map[string]fairlead.ShareID, error) {
	thread, err := v.g.threadOf(id.String())
	if err != nil {
		return nil, err
	}
	list, err := v.g.links(thread)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(list, func(l link) bool { return l.share == id.String() })
	if i < 0 {
		return nil, errNotFound
	}
	own := list[i]
	all := map[string]fairlead.ShareID{}
	for _, l := range list {
		if !l.out || l.kind != own.kind || !l.at.Equal(own.at) {
			continue
		}
		other, err := fairlead.ParseShareID(l.share)
		if err != nil {
			return nil, err
		}
		s, err := v.g.cfg.Client.Sent(other)
		if err != nil {
			return nil, err
		}
		if arrived(s) {
			all[string(s.To)] = other
		}
	}
	return all, nil
}

// whoFollows finds again to whom a draft that follows a message goes: who was not reached yet when it was
// begun may have been since.
func (v *visit) whoFollows(d *written) error {
	for _, id := range d.Follows {
		all, err := v.sameMessage(id)
		if err != nil {
			return err
		}
		d.Follows, d.Values["to"] = all, slices.Sorted(maps.Keys(all))
		break
	}
	return nil
}

// split makes a draft of each recipient where each follows a share of its own: nobody learns the id of
// what another got.
func (d *written) split(out *client.Draft) []*client.Draft {
	if len(d.Follows) == 0 {
		return []*client.Draft{out}
	}
	var list []*client.Draft
	for _, to := range out.To {
		one := *out
		one.To = []string{to}
		if d.Kind == "correction" {
			one.Supersedes = d.Follows[to]
		} else {
			one.ReplyTo = d.Follows[to]
		}
		list = append(list, &one)
	}
	return list
}

// previews are what each recipient of a draft would see.
func (v *visit) previews(d *written, out *client.Draft) (list []client.Preview, err error) {
	for _, one := range d.split(out) {
		some, err := v.g.cfg.Client.Preview(one)
		if err != nil {
			return nil, err
		}
		list = append(list, some...)
	}
	return list, nil
}

// sendAll queues a draft for all its recipients.
func (v *visit) sendAll(d *written, out *client.Draft) (ids []fairlead.ShareID, err error) {
	for _, one := range d.split(out) {
		some, err := v.g.cfg.Client.Send(one)
		if err != nil {
			return ids, err
		}
		ids = append(ids, some...)
	}
	return ids, nil
}

// followChoices are the ways to follow a share of ours, as buttons.
func (v *visit) followChoices(s *client.SentShare) (list []replyChoice) {
	for _, code := range v.follows(s) {
		list = append(list, replyChoice{code, v.words.T("reply." + code)})
	}
	return list
}

// aboutRows say which message another one answers or puts right, and what its header says in codes.
func (v *visit) aboutRows(h *envelope.Header) (rows []row) {
	k, _ := kind.Lookup(h.Kind)
	for _, name := range slices.Sorted(maps.Keys(k.Facts)) {
		if value, ok := h.Facts[name]; ok {
			rows = append(rows, row{Key: v.factLabel(h.Kind, name), Text: v.factText(k.Facts[name].Form, name, value)})
		}
	}
	for _, x := range []struct {
		key string
		id  fairlead.ShareID
	}{{"message.follows", h.ReplyTo}, {"message.corrects", h.Supersedes}} {
		if link := v.linkTo(x.id); link != "" {
			rows = append(rows, row{Key: v.words.T(x.key), Text: link})
		}
	}
	return rows
}

// factLabel is the name of a fact of a kind: its own, the one of its question, or that of the member.
func (v *visit) factLabel(code, name string) string {
	for _, key := range []string{code + "." + name, "fact." + name, "m." + name} {
		if v.words.Has(key) {
			return v.words.T(key)
		}
	}
	return name
}

func (v *visit) factText(form kind.Form, name, value string) template.HTML {
	if form == kind.Stamp {
		return v.words.When(unstamp(value))
	}
	return plain(v.factWord(name, value))
}

// linkTo leads to a message of this agency, received or sent; nothing where there is none.
func (v *visit) linkTo(id fairlead.ShareID) template.HTML {
	if id.IsZero() {
		return ""
	}
	path, code := "", ""
	if m, err := v.g.cfg.Client.Message(id); err == nil {
		path, code = "/messages/", m.Header.Kind
	} else if s, err := v.g.cfg.Client.Sent(id); err == nil {
		path, code = "/sent/", s.Kind
	}
	if path == "" {
		return ""
	}
	return template.HTML(`<a class="govuk-link" href="` + path + id.String() + `">` + template.HTMLEscapeString(v.words.Code("kind", code)) + `</a>`)
}

// blank is a draft of a kind in which nothing is answered yet.
func (v *visit) blank(code string) *written {
	d := &written{ID: fairlead.NewShareID().String(), User: v.user, Kind: code, Version: 1, Changed: v.now(), Values: map[string][]string{}}
	if f, ok := formOf(code); ok && f.record != nil {
		d.Values.Set("to", string(fairlead.Hub))
	}
	return d
}

// keepNew saves a draft that was just begun and leads to its first stage.
func (v *visit) keepNew(d *written, f form) error {
	if err := v.g.saveDraft(d); err != nil {
		return err
	}
	return v.redirect("/send/" + d.ID + "/" + f.of(d).stages[0].name)
}

// mismatchTables keep reports of sections that hold something else than their code says: codes alone.
const mismatchTables = `
CREATE TABLE IF NOT EXISTS mismatches (
	share TEXT NOT NULL, section TEXT NOT NULL, holds TEXT NOT NULL, user TEXT NOT NULL, at TEXT NOT NULL, PRIMARY KEY (share, section, holds)) STRICT;
`

// mismatchPage takes a report that a section holds what its code does not say: the hub decides by the
// codes that a sender declares, so readers are its check (domain §9, declared and actual content).
type mismatchPage struct {
	web.Page
	ID, Caption    string
	Section, Holds web.Field
}

// readMessage is a message that was opened in this session, or an error.
func (v *visit) readMessage() (*client.Message, error) {
	id, err := v.share()
	if err != nil {
		return nil, err
	}
	m, err := v.g.cfg.Client.Message(id)
	if err != nil {
		return nil, err
	}
	if seen, err := v.looked(id); err != nil || !seen || m.Recall != nil {
		return nil, either(err, errForbidden)
	}
	return m, nil
}

func (v *visit) mismatch() error {
	m, err := v.readMessage()
	if err != nil {
		return err
	}
	w := v.words
	p := mismatchPage{
		Page: v.page("mismatch.title"), ID: m.Header.ID.String(), Caption: w.Code("kind", m.Header.Kind) + " · " + w.T("message.from", "agency", v.g.agencyName(m.Header.From.Agency)),
		Section: web.Field{Words: w, Form: "choice", Name: "section", Label: w.T("mismatch.section"), Error: v.faultOf("section")},
		Holds:   web.Field{Words: w, Form: "list", Name: "holds", Label: w.T("mismatch.holds"), Hint: w.T("mismatch.holds.hint"), Error: v.faultOf("holds")},
	}
	p.Back = "/messages/" + p.ID
	for _, code := range m.Codes() {
		p.Section.Options = append(p.Section.Options, web.Option{Value: string(code), Label: w.Code("section", code), Checked: v.r.FormValue("section") == string(code)})
	}
	for _, code := range fairlead.Sections {
		p.Holds.Options = append(p.Holds.Options, web.Option{Value: string(code), Label: w.Code("section", code), Checked: v.r.FormValue("holds") == string(code)})
	}
	return v.render("mismatch", p)
}

// reportMismatch keeps the report: it says where, and nothing of what.
func (v *visit) reportMismatch() error {
	m, err := v.readMessage()
	if err != nil {
		return err
	}
	section, holds := fairlead.SectionCode(v.r.FormValue("section")), fairlead.SectionCode(v.r.FormValue("holds"))
	if !slices.Contains(m.Codes(), section) {
		v.refuse("section", "fault.empty", "label", v.words.T("mismatch.section"))
	}
	if !slices.Contains(fairlead.Sections, holds) {
		v.refuse("holds", "fault.empty", "label", v.words.T("mismatch.holds"))
	} else if section == holds {
		v.refuse("holds", "mismatch.same")
	}
	if len(v.faults) > 0 {
		return v.mismatch()
	}
	_, err = v.g.db.Exec(`INSERT OR IGNORE INTO mismatches VALUES (?,?,?,?,?)`, m.Header.ID.String(), string(section), string(holds), v.user, stamp(v.now()))
	if err != nil {
		return err
	}
	return v.redirect("/messages/" + m.Header.ID.String() + "?done=mismatch")
}

// mismatchLines are the reports on a message, with what an auditor needs to look it up in the log.
func (v *visit) mismatchLines(m *client.Message) (list []viewLine, err error) {
	rows, err := v.g.db.Query(`SELECT section, holds, user, at FROM mismatches WHERE share = ? ORDER BY at`, m.Header.ID.String())
	if err != nil {
		return nil, err
	}
	var users []string
	for rows.Next() {
		var section, holds, user, at string
		if err := rows.Scan(&section, &holds, &user, &at); err != nil {
			rows.Close()
			return nil, err
		}
		w := v.words
		list = append(list, viewLine{w.T("mismatch.line", "section", w.Code("section", section), "holds", w.Code("section", holds), "entry", m.Index), w.When(unstamp(at))})
		users = append(users, user)
	}
	if err := either(rows.Err(), rows.Close()); err != nil {
		return nil, err
	}
	for i, user := range users {
		list[i].Who += " " + v.words.T("mismatch.by", "name", v.g.nameOf(user))
	}
	return list, nil
}
