package gateway

import (
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"fairlead/internal/client"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/policy"
	"fairlead/internal/web"
)

// row is a line of a summary list.
type row struct {
	Key  string
	Text template.HTML
	Href string // to change it
	Name string // of what is changed, for a screen reader
}

// sectionView is an opened section, in words.
type sectionView struct {
	Name, About string
	Handling    []string
	Facts       []fact
	File        string // where it is fetched, if it is a file
	FileType    string // media type
	Media       string // in words
	Size        string
	FileNo      int    // in an exported case
	Veil        string // something is hidden: where the reason is asked

	bytes []byte // of a file
}

// replyChoice is a way to answer that these pages offer.
type replyChoice struct{ Kind, Label string }

// receivedPage is a message that was received: sealed first, then open.
type receivedPage struct {
	web.Page
	ID       string
	Caption  string
	Rows     []row
	Opened   bool // in this session
	Sections []sectionView
	Proved   string
	Ack      web.Field
	Replies  []replyChoice
	Views    []viewLine
	Thread   string
	Child    restrictedView
	Unopened string // what opening will tell
	Told     string // what was acknowledged last

	Shut       string // why it is not shown: its sender asks for it back
	Answer     string // where a recall is answered, if the message is one
	Mismatches []viewLine
}

type viewLine struct {
	Who  string
	When template.HTML
}

// message shows what is known of a message without opening it; and what is in it, once its reader has
// opened it in this session.
func (v *visit) message() error {
	id, err := v.share()
	if err != nil {
		return err
	}
	m, err := v.g.cfg.Client.Message(id)
	if err != nil {
		return err
	}
	p := v.receivedPage(m)
	rows, err := v.permissionRows(m)
	if err != nil {
		return err
	}
	p.Rows = append(p.Rows, rows...)
	if p.Opened, err = v.looked(id); err != nil {
		return err
	}
	if m.Recall != nil {
		p.Shut, p.Answer = v.words.T("recalled.shut", "agency", v.g.agencyName(m.Recall.From)), "/recalls/"+p.ID
		if m.Recall.Answer != "" {
			p.Shut += " " + v.words.T("recalled.answered", "state", v.factWord("state", m.Recall.Answer))
			p.Answer = ""
		}
	}
	if p.Opened && p.Shut == "" {
		if p.Sections, err = v.sections(m); err != nil {
			return err
		}
		p.Ack, p.Replies = v.ackField(m), v.replies(m)
		if p.Mismatches, err = v.mismatchLines(m); err != nil {
			return err
		}
	}
	if p.Views, err = v.viewLines(id); err != nil {
		return err
	}
	if p.Thread, err = v.g.threadOf(id.String()); err != nil {
		return err
	}
	if p.Child, err = v.restrictedView(p.Thread); err != nil {
		return err
	}
	return v.render("message", p)
}

func (v *visit) receivedPage(m *client.Message) receivedPage {
	w, h := v.words, m.Header
	p := receivedPage{Page: v.page("kind." + h.Kind), ID: h.ID.String(), Caption: v.withCase(h.ID, w.T("message.from", "agency", v.g.agencyName(h.From.Agency)))}
	p.Back = "/inbox"
	p.Proved = w.T("message.proved", "entry", m.Index, "size", v.g.cfg.Client.Tree().N)
	p.Unopened = w.T("message.willrecord")
	if m.Acked != "" {
		p.Told = w.Code("acked", m.Acked)
	} else if v.acts() {
		p.Unopened = w.T("message.willtell", "agency", v.g.agencyName(h.From.Agency), "role", w.Code("role", v.role))
	}
	text := func(key, value string) {
		if value != "" {
			p.Rows = append(p.Rows, row{Key: w.T(key), Text: template.HTML(template.HTMLEscapeString(value))})
		}
	}
	text("message.sender", v.g.agencyName(h.From.Agency)+", "+w.Code("role", h.From.Role)+" "+h.From.User)
	p.Rows = append(p.Rows, row{Key: w.T("message.received"), Text: w.When(m.Arrived())})
	text("message.state", p.Told)
	for _, d := range v.deadlines(m) {
		p.Rows = append(p.Rows, row{Key: w.Code("deadline", d.Code), Text: v.due(d)})
	}
	v.headerRows(h, text)
	p.Rows = append(p.Rows, v.aboutRows(h)...)
	p.Rows = append(p.Rows, v.stopRows(m)...)
	if h.Kind == "recall.notice" {
		p.Answer = "/recalls/" + h.ReplyTo.String()
	}
	return p
}

// headerRows says the signed header in words.
func (v *visit) headerRows(h *envelope.Header, text func(key, value string)) {
	w := v.words
	code := func(key, list, value string) {
		if value != "" {
			text(key, w.Code(list, value))
		}
	}
	code("message.purpose", "purpose", string(h.Purpose))
	code("message.threshold", "threshold", string(h.Threshold))
	if h.Urgency != "" {
		how := []string{w.Code("urgency", h.Urgency)}
		if h.Severity != "" { // of an alert
			how = append(how, w.Code("severity", h.Severity), w.Code("certainty", h.Certainty))
		}
		text("message.urgency", strings.Join(how, " · "))
	}
	if h.Basis != nil {
		text("message.basis", v.basisWords(h.Basis))
	}
	code("message.told", "told", string(h.Told))
	if h.TLP != "" {
		text("message.handling", w.Code("tlp", h.TLP)+" · "+w.Code("gsc", h.GSC))
	}
	if h.To.User != "" {
		name := h.To.User
		if name == dutyLead {
			name = w.T("who.dutylead")
		}
		text("message.named", name)
	}
}

// basisWords is the lawful basis in words, with the powers it names.
func (v *visit) basisWords(b *envelope.Basis) string {
	parts := []string{v.words.Code("art6", b.Art6)}
	if b.Annex1 != "" {
		parts = append(parts, v.words.Code("annex1", b.Annex1))
	}
	for _, g := range b.Gateways {
		parts = append(parts, v.words.Code("gateway", g))
	}
	if b.Cite != "" {
		parts = append(parts, b.Cite)
	}
	return strings.Join(parts, "; ")
}

// deadlines are the clocks that the message started for its reader.
func (v *visit) deadlines(m *client.Message) []policy.Due {
	snap := v.g.cfg.Client.Snapshot()
	from, to := snap.Agency(m.Header.From.Agency), snap.Agency(v.g.agency)
	if from == nil || to == nil {
		return nil
	}
	return policy.Deadlines(snap.Law(), m.Header, &from.Agency, &to.Agency, m.Arrived())
}

// sections opens the message and says each section in words.
func (v *visit) sections(m *client.Message) ([]sectionView, error) {
	if err := v.drawsShare(m.Header.ID); err != nil {
		return nil, err
	}
	_, contents, err := v.g.cfg.Client.Open(m.Header.ID)
	if err != nil {
		return nil, err
	}
	var list []sectionView
	for i, c := range contents {
		s := v.sectionView(m.Header.Kind, c)
		if c.JSON == nil {
			s.File = "/messages/" + m.Header.ID.String() + "/files/" + strconv.Itoa(i)
		}
		list = append(list, s)
	}
	return list, v.drew(m.Header.ID)
}

func (v *visit) sectionView(kind string, c client.Content) sectionView {
	w := v.words
	s := sectionView{Name: w.Code("section", c.Code), About: string(c.Code)}
	if c.Stopped {
		s.Handling = append(s.Handling, w.T("consent.stopped"))
	}
	for _, caveat := range c.Caveats {
		s.Handling = append(s.Handling, w.Code("caveat", caveat))
	}
	if v.hidesSection(c) {
		s.Veil = v.reasonLink(v.r.URL.Path)
		return s
	}
	if c.JSON == nil {
		s.Media = c.Type
		if key := "media." + c.Type; w.Has(key) {
			s.Media = w.T(key)
		}
		s.FileType, s.Size, s.bytes = c.Type, w.T("bytes", "n", (len(c.Bytes)+1023)/1024), c.Bytes
		return s
	}
	before := v.veil.met
	v.veil.met = false
	s.Facts = v.facts(kind, c.Code, c.JSON)
	if v.veil.met && v.veil.reason == "" {
		s.Veil = v.reasonLink(v.r.URL.Path)
	}
	v.veil.met = v.veil.met || before
	return s
}

func (v *visit) viewLines(id fairlead.ShareID) (list []viewLine, err error) {
	views, err := v.g.views(id)
	for _, view := range views {
		list = append(list, viewLine{view.Name + ", " + v.words.Code("role", view.Role), v.words.When(view.At)})
	}
	return list, err
}

// openMessage records the look and tells the sender that a person has opened the message, once.
func (v *visit) openMessage() error {
	id, err := v.share()
	if err != nil {
		return err
	}
	m, err := v.g.cfg.Client.Message(id)
	if err != nil {
		return err
	}
	if m.Recall != nil {
		return v.redirect("/messages/" + id.String())
	}
	if err := v.look(id); err != nil {
		return err
	}
	if m.Acked == "" && m.Header.Kind != "ack" && v.acts() {
		if _, err := v.g.cfg.Client.Acknowledge(id, fairlead.AckOpened, v.role, v.user); err != nil {
			return err
		}
	}
	return v.redirect("/messages/" + id.String())
}

// acts reports whether the role may answer for the agency in a case.
func (v *visit) acts() bool { return slices.Contains(actingRoles, v.role) }

var actingRoles = []fairlead.Role{"PRACTITIONER", "TEAM_MANAGER", "SAFEGUARDING_LEAD", "GUARDIAN", "ADVISER"}

// ackField asks what is to be told to the sender; nothing is left to ask once it was accepted.
func (v *visit) ackField(m *client.Message) web.Field {
	if m.Acked == string(fairlead.AckAccepted) || m.Header.Kind == "ack" || strings.HasPrefix(m.Header.Kind, "recall.") || !v.acts() {
		return web.Field{}
	}
	w := v.words
	f := web.Field{Words: w, Form: "choice", Name: "level", Label: w.T("ack.label"), Error: v.faultOf("level")}
	for _, level := range []string{string(fairlead.AckAccepted), "cannot_read", "wrong_recipient"} {
		f.Options = append(f.Options, web.Option{Value: level, Label: w.T("ack." + level), Hint: w.T("ack." + level + ".hint")})
	}
	return f
}

func (v *visit) faultOf(field string) string {
	for _, f := range v.faults {
		if f.Field == field {
			return f.Text
		}
	}
	return ""
}

// acknowledge tells the sender what a person here makes of the message.
func (v *visit) acknowledge() error {
	id, err := v.share()
	if err != nil {
		return err
	}
	if !v.acts() {
		return errForbidden
	}
	level := fairlead.AckLevel(v.r.FormValue("level"))
	if !slices.Contains(fairlead.AckLevels, level) || level == fairlead.AckDelivered {
		v.refuse("level", "ack.choose")
		return v.message()
	}
	m, err := v.g.cfg.Client.Message(id)
	if err != nil {
		return err
	}
	if m.Acked != string(level) { // pressed twice, told once
		if _, err := v.g.cfg.Client.Acknowledge(id, level, v.role, v.user); err != nil {
			return err
		}
	}
	return v.redirect("/messages/" + id.String() + "?done=acked")
}

// answers are the kinds that these pages answer a kind with.
var answers = map[string][]string{
	"info.request":             {"info.response", "info.delay", "disclosure.refusal"},
	"referral.new":             {"referral.response", "disclosure.refusal"},
	"investigation.coordinate": {"disclosure.refusal"},
	"alert.missing":            {"alert.update", "alert.cancel"},
	"alert.at_risk":            {"alert.update", "alert.cancel"},
	"alert.arrival":            {"alert.update", "alert.cancel"},
}

func (v *visit) replies(m *client.Message) (list []replyChoice) {
	if !v.acts() {
		return nil
	}
	for _, k := range answers[m.Header.Kind] {
		if k == "alert.cancel" && m.Acked != string(fairlead.AckAccepted) { // who leads ends it
			continue
		}
		list = append(list, replyChoice{k, v.words.T("reply." + k)})
	}
	if len(m.Controlled()) > 0 {
		list = append(list, replyChoice{askOnward, v.words.T("reply." + askOnward)})
	}
	return list
}

// reply begins a draft that answers the message.
func (v *visit) reply() error {
	id, err := v.share()
	if err != nil {
		return err
	}
	m, err := v.g.cfg.Client.Message(id)
	if err != nil {
		return err
	}
	k := v.r.FormValue("kind")
	seen, err := v.looked(id)
	if err != nil || !seen || !v.acts() {
		return either(err, errForbidden)
	}
	if k == liaison.kind { // no answer, and about no child
		d := v.blank(k)
		d.Values.Set("to", string(m.Header.From.Agency))
		return v.keepNew(d, liaison)
	}
	if !slices.ContainsFunc(v.replies(m), func(c replyChoice) bool { return c.Kind == k }) {
		return errForbidden
	}
	if k == askOnward {
		return v.askPermission(m)
	}
	return v.startDraft(k, m)
}

// either is the first that says something.
func either[T comparable](list ...T) (first T) {
	for _, x := range list {
		if x != first {
			return x
		}
	}
	return first
}

// file hands over a file of a message that was opened in this session: to be kept, never to be run.
func (v *visit) file() error {
	id, err := v.share()
	if err != nil {
		return err
	}
	seen, err := v.looked(id)
	if err != nil || !seen {
		return either(err, errForbidden)
	}
	_, contents, err := v.g.cfg.Client.Open(id)
	if err != nil {
		return err
	}
	i, err := strconv.Atoi(v.r.PathValue("part"))
	if err != nil || i < 0 || i >= len(contents) || contents[i].JSON != nil {
		return errNotFound
	}
	if err := v.drawsShare(id); err != nil {
		return err
	}
	if v.hidesSection(contents[i]) {
		return v.redirect(v.reasonLink(v.r.URL.Path))
	}
	if err := either(v.drew(id), v.look(id)); err != nil {
		return err
	}
	v.w.Header().Set("Content-Type", "application/octet-stream")
	v.w.Header().Set("Content-Disposition", `attachment; filename="`+string(contents[i].Code)+extensions[contents[i].Type]+`"`)
	v.w.WriteHeader(http.StatusOK)
	_, err = v.w.Write(contents[i].Bytes)
	return err
}

// extensions are the ends of names of the files that a section may be.
var extensions = map[string]string{"image/jpeg": ".jpg", "image/png": ".png", "application/pdf": ".pdf"}
