package gateway

import (
	"encoding/json"
	"html/template"
	"slices"
	"strconv"
	"time"

	"fairlead/internal/client"
	"fairlead/internal/fairlead"
	"fairlead/internal/kind"
	"fairlead/internal/web"
)

// takingBack are the pages by which a message is asked back, and such a request is answered.
var takingBack = []route{
	{"GET /sent/{id}/recall", reader, (*visit).recall},
	{"POST /sent/{id}/recall", reader, (*visit).sendRecall},
	{"GET /recalls/{id}", reader, (*visit).recalled},
	{"POST /recalls/{id}", reader, (*visit).answerRecall},
}

// actPage asks how something is done about a share of ours, and says first what that can do and what not.
type actPage struct {
	web.Page
	Caption, Action string
	Lead            string // above What
	What            []string
	Fields          []web.Field
	May             bool
	NotYou          string // why the role may not
	Button          string
	Warn            bool
}

// actPage has its words under key.
func (v *visit) actPage(s *client.SentShare, key string) actPage {
	w, back := v.words, "/sent/"+s.ID.String()
	p := actPage{
		Page: v.page(key + ".title"), Action: back + "/" + key, Caption: w.Code("kind", s.Kind) + " · " + w.T("sent.to", "agency", v.g.agencyName(s.To)),
		Lead: w.T(key + ".lead"), Button: w.T(key + ".button"), NotYou: w.T("act.notyou"),
	}
	p.Back = back
	return p
}

// recallable reports whether a share of ours may be asked back: it speaks of a case and was delivered.
func recallable(s *client.SentShare) bool {
	k, _ := kind.Lookup(s.Kind)
	return (k.Plane == kind.Alert || k.Plane == kind.Case) && arrived(s)
}

// arrived reports whether the hub let a share of ours go, and it has not been asked back.
func arrived(s *client.SentShare) bool {
	return slices.Contains([]client.State{client.Recorded, client.Delivered, client.Opened, client.Accepted}, s.State)
}

// sentShare is the share of ours that the path names.
func (v *visit) sentShare() (*client.SentShare, error) {
	id, err := v.share()
	if err != nil {
		return nil, err
	}
	return v.g.cfg.Client.Sent(id)
}

func (v *visit) recall() error {
	s, err := v.sentShare()
	if err != nil {
		return err
	}
	if !recallable(s) {
		return v.redirect("/sent/" + s.ID.String())
	}
	w := v.words
	p := v.actPage(s, "recall")
	p.May, p.NotYou, p.Warn = mayAct("recall.notice", v.role), w.T("recall.notyou"), true
	p.What = []string{w.T("recall.what." + string(s.State)), w.T("recall.what.correct"), w.T("recall.what.record")}
	p.Fields = v.factFields("recall.notice", "reason", "action", "danger")
	return v.render("act", p)
}

func mayAct(code string, role fairlead.Role) bool {
	k, ok := kind.Lookup(code)
	return ok && k.MayAct(role)
}

// factFields ask for facts of a kind, each as a choice, with what was chosen.
func (v *visit) factFields(code string, names ...string) (list []web.Field) {
	k, _ := kind.Lookup(code)
	for _, name := range names {
		f := web.Field{Words: v.words, Form: "choice", Name: name, Label: v.words.T(code + "." + name), Error: v.faultOf(name)}
		if key := code + "." + name + ".hint"; v.words.Has(key) {
			f.Hint = v.words.T(key)
		}
		values := k.Facts[name].Values
		if k.Facts[name].Form == kind.Bool {
			values = []string{"true", "false"}
		}
		for _, value := range values {
			f.Options = append(f.Options, web.Option{Value: value, Label: v.factWord(name, value), Checked: v.r.FormValue(name) == value})
		}
		list = append(list, f)
	}
	return list
}

// factWord is the word for the value of a fact, which is a code.
func (v *visit) factWord(name, value string) string {
	for _, key := range []string{"fact." + name + "." + value, "refusal." + value, "v." + value} {
		if v.words.Has(key) {
			return v.words.T(key)
		}
	}
	if yes, err := strconv.ParseBool(value); err == nil {
		return v.words.T(map[bool]string{true: "yes", false: "no"}[yes])
	}
	return value
}

// factsGiven reads facts of a kind from the form and refuses those that are missing or unknown.
func (v *visit) factsGiven(code string, names ...string) map[string]string {
	k, _ := kind.Lookup(code)
	facts := map[string]string{}
	for _, name := range names {
		facts[name] = v.r.FormValue(name)
		if k.Facts[name].Check(facts[name]) != nil {
			v.refuse(name, "fault.empty", "label", v.words.T(code+"."+name))
		}
	}
	return facts
}

// sendRecall asks a share of ours back, once.
func (v *visit) sendRecall() error {
	s, err := v.sentShare()
	if err != nil {
		return err
	}
	if !mayAct("recall.notice", v.role) {
		return errForbidden
	}
	v.g.drafting.Lock()
	defer v.g.drafting.Unlock()
	asked, err := v.g.follower(s.ID, "recall.notice")
	if err != nil {
		return err
	}
	if asked != "" || !recallable(s) { // pressed twice
		return v.redirect("/sent/" + s.ID.String() + "?done=recalled")
	}
	facts := v.factsGiven("recall.notice", "reason", "action", "danger")
	if len(v.faults) > 0 {
		return v.recall()
	}
	d, err := v.g.cfg.Client.RecallDraft(s.ID, facts["reason"], facts["action"], facts["danger"] == "true")
	if err != nil {
		return err
	}
	done, err := v.sendNow(d)
	switch {
	case err != nil:
		return err
	case !done:
		return v.recall()
	}
	return v.redirect("/sent/" + s.ID.String() + "?done=recalled")
}

// sendNow sends a draft of the one who asks. What the policy refuses is said, and nothing is sent.
func (v *visit) sendNow(d *client.Draft) (bool, error) {
	d.Role, d.User = v.role, v.user
	previews, err := v.g.cfg.Client.Preview(d)
	if err != nil {
		return false, err
	}
	for _, p := range previews {
		for _, c := range p.Decision.Causes {
			v.refuse("", "fault.refused", "why", v.cause(c))
		}
	}
	if len(v.faults) > 0 {
		return false, nil
	}
	if _, err := v.g.cfg.Client.Send(d); err != nil {
		return false, err
	}
	return true, v.g.index()
}

// follower finds the last message of a kind, of ours or received, that answers a share; "" there is none.
func (g *Gateway) follower(share fairlead.ShareID, kind string) (id string, err error) {
	err = g.db.QueryRow(`SELECT share FROM threads WHERE reply_to = ? AND kind = ? ORDER BY at DESC LIMIT 1`, share.String(), kind).Scan(&id)
	if none(err) {
		return "", nil
	}
	return id, err
}

// recallEvents are what is known of a recall of ours: what was asked, and what a person there signed.
func (v *visit) recallEvents(s *client.SentShare, note func(string, time.Time)) error {
	notice, err := v.g.follower(s.ID, "recall.notice")
	if err != nil || notice == "" {
		return err
	}
	id, err := fairlead.ParseShareID(notice)
	if err != nil {
		return err
	}
	asked, err := v.g.cfg.Client.Sent(id)
	if err != nil {
		return err
	}
	h, err := asked.Header()
	if err != nil {
		return err
	}
	note(v.words.T("event.recalled", "reason", v.factWord("reason", h.Facts["reason"]), "action", v.factWord("action", h.Facts["action"]), "state", v.words.Code("state", asked.State)), h.SentAt.Time)
	answer, err := v.g.follower(id, "recall.confirmation")
	if err != nil || answer == "" {
		return err
	}
	if id, err = fairlead.ParseShareID(answer); err != nil {
		return err
	}
	m, err := v.g.cfg.Client.Message(id)
	if err != nil {
		return err
	}
	note(v.words.T("event.recall.answer", "state", v.factWord("state", m.Header.Facts["state"]), "role", v.words.Code("role", m.Header.From.Role), "user", m.Header.From.User), m.Header.SentAt.Time)
	return nil
}

// recalledPage is a message that its sender asks back.
type recalledPage struct {
	web.Page
	ID     string
	Rows   []row
	Fields []web.Field
	May    bool
	Known  bool // the message itself is in the inbox
	Answer string
}

// recalled shows what the sender asks, and takes the answer of a person.
func (v *visit) recalled() error {
	id, err := v.share()
	if err != nil {
		return err
	}
	r, err := v.g.cfg.Client.Recalled(id)
	if err != nil || r == nil {
		return either(err, errNotFound)
	}
	w := v.words
	p := recalledPage{Page: v.page("recalled.title"), ID: id.String(), Rows: v.recallRows(r), May: mayAct("recall.confirmation", v.role)}
	p.Back = "/inbox"
	if r.Answer != "" {
		p.Answer = w.T("recalled.answered", "state", v.factWord("state", r.Answer))
	}
	if m, err := v.g.cfg.Client.Message(id); err == nil {
		p.Known, p.Rows = true, append([]row{{Key: w.T("recalled.message"), Text: plain(w.Code("kind", m.Header.Kind))}}, p.Rows...)
	}
	p.Fields = v.factFields("recall.confirmation", "state")
	copies := web.Field{Words: w, Form: "choices", Name: "copies_in", Label: w.T("recalled.copies"), Hint: w.T("recalled.copies.hint"), Error: v.faultOf("copies_in")}
	shape, _ := v.g.cfg.Schema.Shape("recall.confirmation", "RISK", "copies_in", "0")
	for _, value := range shape.Values {
		copies.Options = append(copies.Options, web.Option{Value: value, Label: w.Code("v", value), Checked: slices.Contains(v.r.Form["copies_in"], value)})
	}
	harm := web.Field{Words: w, Form: "text", Name: "harm_check", Label: w.T("recalled.harm"), Hint: w.T("recalled.harm.hint"), Value: v.r.FormValue("harm_check"), Error: v.faultOf("harm_check")}
	p.Fields = append(p.Fields, copies, harm)
	return v.render("recalled", p)
}

func (v *visit) recallRows(r *client.Recall) []row {
	w := v.words
	return []row{
		{Key: w.T("recalled.by"), Text: plain(v.g.agencyName(r.From))},
		{Key: w.T("recall.notice.reason"), Text: plain(v.factWord("reason", r.Reason))},
		{Key: w.T("recall.notice.action"), Text: plain(v.factWord("action", r.Action))},
		{Key: w.T("recall.notice.danger"), Text: plain(v.factWord("danger", strconv.FormatBool(r.Danger)))},
		{Key: w.T("list.when"), Text: w.When(unstamp(r.At))},
	}
}

// plain is a text as markup.
func plain(text string) template.HTML { return template.HTML(template.HTMLEscapeString(text)) }

// harmed are the answers after which the sender must know who may have done what with the message.
var harmed = []string{"already_used", "onward_shared"}

// answerRecall signs what became of the message, and does here what it says: the same transaction deletes it.
func (v *visit) answerRecall() error {
	id, err := v.share()
	if err != nil {
		return err
	}
	if !mayAct("recall.confirmation", v.role) {
		return errForbidden
	}
	if err := v.r.ParseForm(); err != nil {
		return err
	}
	v.g.drafting.Lock()
	defer v.g.drafting.Unlock()
	r, err := v.g.cfg.Client.Recalled(id)
	if err != nil || r == nil {
		return either(err, errNotFound)
	}
	if r.Answer != "" { // pressed twice
		return v.redirect("/recalls/" + id.String() + "?done=answered")
	}
	state := v.factsGiven("recall.confirmation", "state")["state"]
	harm, copies := v.r.FormValue("harm_check"), v.r.Form["copies_in"]
	if slices.Contains(harmed, state) || harm != "" || len(copies) > 0 {
		if harm == "" {
			v.refuse("harm_check", "fault.empty", "label", v.words.T("recalled.harm"))
		}
		if len(copies) == 0 {
			v.refuse("copies_in", "fault.empty", "label", v.words.T("recalled.copies"))
		}
	}
	if len(v.faults) > 0 {
		return v.recalled()
	}
	d := &client.Draft{Role: v.role, User: v.user}
	if harm != "" {
		content, err := json.Marshal(map[string]any{"language": v.words.Tag, "copies_in": copies, "harm_check": harm})
		if err != nil {
			return err
		}
		d.Sections = []client.DraftSection{{Code: "RISK", Type: "json", Content: content}}
		d.GSC = "OFFICIAL-SENSITIVE"
		label(d)
	}
	if _, err := v.g.cfg.Client.AnswerRecall(id, state, d); err != nil {
		return err
	}
	if err := v.g.index(); err != nil {
		return err
	}
	return v.redirect("/recalls/" + id.String() + "?done=answered")
}
