package gateway

import (
	"encoding/json"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"

	"fairlead/internal/client"
	"fairlead/internal/fairlead"
)

// written is a message that somebody is writing: what was typed, as it was typed. It is kept sealed.
type written struct {
	ID      string
	User    string
	Kind    string
	Version int
	Changed time.Time
	Sent    string // "", "sending", or the thread it was sent into

	Values  url.Values
	Items   map[string]int `json:",omitempty"` // how many of a list, where there is more than one
	Photo   []byte
	Media   string
	ReplyTo fairlead.ShareID            `json:",omitzero"`
	Asked   []asked                     // questions of the request that this answers
	Purpose string                      // of what this answers
	Level   string                      // threshold of what this answers
	Peer    string                      // who asked
	Urgency string                      // of the alert that this follows
	Follows map[string]fairlead.ShareID // share that each recipient got of the message that this follows
	Carried []string                    // sections of that message that may be put right
}

// asked is a question of another agency.
type asked struct {
	No   int    `json:"no"`
	Text string `json:"text"`
}

// sealedName is the name under which drafts are sealed.
const sealedName = "DRAFT"

func (g *Gateway) saveDraft(d *written) error {
	raw, err := json.Marshal(d)
	if err != nil {
		return err
	}
	id, err := fairlead.ParseShareID(d.ID)
	if err != nil {
		return err
	}
	sealed, err := g.cfg.Client.SealOwn(id, sealedName, raw)
	if err != nil {
		return err
	}
	_, err = g.db.Exec(`INSERT INTO drafts (id, user, kind, changed, version, sealed, ref) VALUES (?,?,?,?,?,?,?)
		ON CONFLICT (id) DO UPDATE SET user = excluded.user, changed = excluded.changed, version = excluded.version, sealed = excluded.sealed, ref = excluded.ref`,
		d.ID, d.User, d.Kind, stamp(d.Changed), d.Version, sealed, d.Values.Get("ref"))
	return err
}

// draft opens the draft that the path names.
func (v *visit) draft() (*written, form, error) {
	d, f, err := v.g.openDraft(v.r.PathValue("id"))
	if err != nil {
		return nil, f, err
	}
	return d, f, v.whoFollows(d)
}

func (g *Gateway) openDraft(text string) (*written, form, error) {
	var sealed []byte
	var kind, sent, changed string
	err := g.db.QueryRow(`SELECT kind, sealed, sent, changed FROM drafts WHERE id = ?`, text).Scan(&kind, &sealed, &sent, &changed)
	id, parseErr := fairlead.ParseShareID(text)
	if none(err) || parseErr != nil {
		return nil, form{}, errNotFound
	}
	if err != nil {
		return nil, form{}, err
	}
	d := &written{ID: text, Kind: kind}
	if len(sealed) > 0 { // what was sent is no longer kept here
		raw, err := g.cfg.Client.OpenOwn(id, sealedName, sealed, unstamp(changed))
		if err != nil {
			return nil, form{}, err
		}
		if err := json.Unmarshal(raw, d); err != nil {
			return nil, form{}, err
		}
	}
	d.Sent = sent
	f, ok := d.form()
	if !ok {
		return nil, form{}, errNotFound
	}
	return d, f, nil
}

// form is how the draft is written, by what was answered so far.
func (d *written) form() (form, bool) {
	f, ok := formOf(d.Kind)
	if !ok {
		return f, false
	}
	if f = f.of(d); d.overrides() {
		f = f.overriding()
	}
	return f, true
}

// of adds to the form what only the draft knows: a question for each question that it answers.
func (f form) of(d *written) form {
	switch f.kind {
	case "info.response":
	case "correction":
		return f.in(d.Values.Get("section"), d.Carried)
	default:
		return f.chosen(d.Values["with"]).repeated(d)
	}
	asks := append([]question{}, f.stages[0].asks...)
	for _, a := range d.Asked {
		asks = append(asks, question{name: answerName(a.No), at: "answers/" + answerName(a.No), as: "answer", label: a.Text})
	}
	f.stages = []stage{{f.stages[0].name, asks}}
	return f
}

func answerName(no int) string { return "answer_" + string(rune('a'+no-1)) }

// startDraft begins to write a kind; m is what it answers, if it does.
func (v *visit) startDraft(kind string, m *client.Message) error {
	f, ok := formOf(kind)
	if !ok || f.begins() == (m != nil) {
		return errNotFound
	}
	d := v.blank(kind)
	if m != nil {
		if err := v.answerTo(d, m); err != nil {
			return err
		}
	}
	return v.keepNew(d, f)
}

// answerTo takes over what an answer shares with its question.
func (v *visit) answerTo(d *written, m *client.Message) error {
	h := m.Header
	d.ReplyTo, d.Peer, d.Purpose, d.Level, d.Urgency = h.ID, string(h.From.Agency), string(h.Purpose), string(h.Threshold), string(h.Urgency)
	var ref string
	thread, err := v.g.threadOf(h.ID.String())
	if err != nil {
		return err
	}
	if err := v.g.db.QueryRow(`SELECT coalesce(max(ref), '') FROM threads WHERE thread = ?`, thread).Scan(&ref); err != nil {
		return err
	}
	d.Values.Set("ref", ref)
	d.Values.Set("to", d.Peer)
	if d.Kind != "info.response" {
		return nil
	}
	_, contents, err := v.g.cfg.Client.Open(h.ID)
	if err != nil {
		return err
	}
	for _, c := range contents {
		var doc struct {
			Questions []asked `json:"questions"`
		}
		if json.Unmarshal(c.JSON, &doc) == nil {
			d.Asked = append(d.Asked, doc.Questions...)
		}
	}
	if len(d.Asked) == 0 {
		d.Asked = []asked{{1, v.words.T("answer.free")}}
	}
	return nil
}

// draftLine is a draft in a list.
type draftLine struct {
	Case                      string // by our own reference
	Href, Title, Who, Version string
	When                      template.HTML
	Unsure                    bool // it may have been sent when the program stopped
}

// draftLines lists what is being written and not sent, newest first.
func (v *visit) draftLines() (list []draftLine, err error) {
	rows, err := v.g.db.Query(`SELECT id, user, kind, changed, sent, ref FROM drafts WHERE sent IN ('', 'sending') ORDER BY changed DESC LIMIT 50`)
	if err != nil {
		return nil, err
	}
	var users []string
	for rows.Next() {
		var id, user, kind, changed, sent, ref string
		if err := rows.Scan(&id, &user, &kind, &changed, &sent, &ref); err != nil {
			rows.Close()
			return nil, err
		}
		if ref != "" {
			ref = v.words.T("case.title", "ref", ref)
		}
		list = append(list, draftLine{
			Case: ref, Href: "/send/" + id + "/" + stageCheck, Title: v.words.Code("kind", kind), When: v.words.When(unstamp(changed)), Unsure: sent == "sending",
		})
		users = append(users, user)
	}
	if err := either(rows.Err(), rows.Close()); err != nil {
		return nil, err
	}
	for i, user := range users {
		list[i].Who = v.g.nameOf(user)
	}
	return list, nil
}

// keepTyped saves what a form held whose sender was signed out meanwhile, into the draft it belongs to,
// and says where to go on. Nothing is shown, and nobody else's draft is touched.
func (v *visit) keepTyped(user string) string {
	rest, ok := strings.CutPrefix(v.r.URL.Path, "/send/")
	id, step, _ := strings.Cut(rest, "/")
	if path := v.r.URL.Path; strings.HasPrefix(path, "/recalls/") || strings.HasSuffix(path, "/recall") || strings.HasSuffix(path, "/mismatch") {
		return path // it was not sent; the page asks again
	}
	if !ok || user == "" || v.parse() != nil {
		return "/"
	}
	v.g.drafting.Lock()
	defer v.g.drafting.Unlock()
	d, f, err := v.g.openDraft(id)
	if err != nil || d.User != user || d.Sent != "" {
		return "/"
	}
	for _, s := range f.stages {
		if s.name == step {
			d.take(s, v.r.PostForm)
		}
	}
	d.Version, d.Changed = d.Version+1, v.now()
	if err := v.g.saveDraft(d); err != nil {
		return "/"
	}
	return v.r.URL.Path
}

// take copies the answers of one stage.
func (d *written) take(s stage, form url.Values) {
	for _, q := range s.asks {
		for _, name := range q.inputs() {
			d.Values.Del(name)
			for _, value := range form[name] {
				d.Values.Add(name, strings.TrimSpace(strings.ReplaceAll(value, "\r\n", "\n")))
			}
		}
	}
}

// inputs are the names of the boxes that a question may have.
func (q question) inputs() []string {
	return []string{q.name, q.name + "-day", q.name + "-month", q.name + "-year", q.name + "-time", q.name + "-status"}
}

// deleteDraft throws a draft away.
func (v *visit) deleteDraft() error {
	if _, err := v.g.db.Exec(`DELETE FROM drafts WHERE id = ? AND sent IN ('', 'sending')`, v.r.PathValue("id")); err != nil {
		return err
	}
	http.Redirect(v.w, v.r, "/sent?done=deleted", http.StatusSeeOther)
	return nil
}
