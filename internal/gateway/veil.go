package gateway

import (
	"html/template"
	"net/url"
	"slices"
	"strings"

	"fairlead/internal/client"
	"fairlead/internal/fairlead"
	"fairlead/internal/web"
)

// records are the tables of what people did here beside looking: the flag of a restricted child, each view of such a
// child's whereabouts, each confirmation of who somebody is, and each export. They hold codes and references alone.
const records = `
CREATE TABLE IF NOT EXISTS restrictions (
	n INTEGER PRIMARY KEY, at TEXT NOT NULL, user TEXT NOT NULL, role TEXT NOT NULL, thread TEXT NOT NULL, restricted INTEGER NOT NULL, reason TEXT NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS restrictions_thread ON restrictions (thread);
CREATE TABLE IF NOT EXISTS whereabouts (
	n INTEGER PRIMARY KEY, at TEXT NOT NULL, user TEXT NOT NULL, role TEXT NOT NULL, thread TEXT NOT NULL, flag INTEGER NOT NULL,
	share TEXT NOT NULL, session TEXT NOT NULL, reason TEXT NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS whereabouts_thread ON whereabouts (thread);
CREATE TABLE IF NOT EXISTS exports (
	n INTEGER PRIMARY KEY, at TEXT NOT NULL, user TEXT NOT NULL, role TEXT NOT NULL, thread TEXT NOT NULL, what TEXT NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS exports_thread ON exports (thread);
CREATE TABLE IF NOT EXISTS confirmations (token TEXT PRIMARY KEY REFERENCES sessions (token) ON DELETE CASCADE, at TEXT NOT NULL) STRICT;
`

// veil is what hides the whereabouts of a restricted child in what is drawn. A child is a thread here: the agency's
// own reference of the case.
type veil struct {
	thread string // of a restricted child; "" anybody else: nothing is hidden or recorded
	flag   int64  // row of the flag
	reason string // why this person may see the whereabouts, said in this session; "" they are hidden
	met    bool   // some were met while drawing
}

// placeSections are about where somebody is or was, whole.
var placeSections = []fairlead.SectionCode{"LOC-NOW", "LOC-HIST"}

// placeMembers say where somebody is or was inside other sections.
var placeMembers = []string{
	"addresses", "birthplace", "current_place", "destination", "from_school", "itinerary", "last_home", "locations", "place", "placement", "places",
	"proposed_address", "school", "seen_in", "whereabouts",
}

// meets reports whether whereabouts that were met must be hidden.
func (l *veil) meets() bool {
	l.met = l.met || l.thread != ""
	return l.thread != "" && l.reason == ""
}

// link is where the reason is asked, and then back to the page of this visit.
func (v *visit) reasonLink(back string) string {
	return "/cases/" + v.veil.thread + "/whereabouts?" + url.Values{"next": {back}}.Encode()
}

// flagged is the row of the flag of a thread, or 0.
func (g *Gateway) flagged(thread string) (int64, error) {
	var n int64
	var on bool
	err := g.db.QueryRow(`SELECT n, restricted FROM restrictions WHERE thread = ? ORDER BY n DESC LIMIT 1`, thread).Scan(&n, &on)
	if none(err) || err == nil && !on {
		return 0, nil
	}
	return n, err
}

// draws prepares to draw what belongs to a thread.
func (v *visit) draws(thread string) (err error) {
	v.veil = veil{}
	flag, err := v.g.flagged(thread)
	if err != nil || flag == 0 {
		return err
	}
	v.veil.thread, v.veil.flag = thread, flag
	err = v.g.db.QueryRow(`SELECT reason FROM whereabouts WHERE thread = ? AND flag = ? AND session = ? ORDER BY n DESC LIMIT 1`,
		thread, flag, v.session).Scan(&v.veil.reason)
	if none(err) {
		return nil
	}
	return err
}

// drawsShare is draws for what belongs to a share.
func (v *visit) drawsShare(id fairlead.ShareID) error {
	thread, err := v.g.threadOf(id.String())
	if err != nil {
		return err
	}
	return v.draws(thread)
}

// drew records that whereabouts were shown, if they were.
func (v *visit) drew(id fairlead.ShareID) error {
	if !v.veil.met || v.veil.reason == "" {
		return nil
	}
	return v.sawWhereabouts(id.String())
}

func (v *visit) sawWhereabouts(share string) error {
	_, err := v.g.db.Exec(`INSERT INTO whereabouts (at, user, role, thread, flag, share, session, reason) VALUES (?,?,?,?,?,?,?,?)`,
		stamp(v.now()), v.user, string(v.role), v.veil.thread, v.veil.flag, share, v.session, v.veil.reason)
	return err
}

// hidesSection reports whether a section is hidden whole. A document may say anything, so it counts as one that does;
// a photograph of the child does not, until a copy of it leaves these pages: a photograph may give a place away.
func (v *visit) hidesSection(c client.Content) bool {
	placed := slices.Contains(placeSections, c.Code) || c.JSON == nil && (v.leaves || !strings.HasPrefix(string(c.Code), "BIO-"))
	return placed && v.veil.meets()
}

// hidesMember reports whether a member of a section is hidden by its name.
func (v *visit) hidesMember(name string) bool {
	return slices.Contains(placeMembers, name) && v.veil.meets()
}

// hidesPlace reports whether a value is hidden because it is a place, whatever its name.
func (v *visit) hidesPlace(doc map[string]any) bool {
	_, place := doc["precision"]
	return place && v.veil.meets()
}

// placed reports whether the answer to a question says where somebody is or was.
func (q question) placed() bool {
	parts := strings.Split(q.at, "/")
	return slices.Contains(placeSections, fairlead.SectionCode(parts[0])) ||
		slices.ContainsFunc(parts[1:], func(p string) bool { return slices.Contains(placeMembers, p) })
}

// drawsDraft is draws for a draft: the thread of what it answers, else of its reference.
func (v *visit) drawsDraft(d *written) error {
	if !d.ReplyTo.IsZero() {
		return v.drawsShare(d.ReplyTo)
	}
	var thread string
	err := v.g.db.QueryRow(`SELECT thread FROM thread_keys WHERE key = ?`, "ref:"+d.Values.Get("ref")).Scan(&thread)
	if none(err) {
		err = nil
	}
	if err != nil {
		return err
	}
	return v.draws(thread)
}

// veilStep turns away from a stage that shows whereabouts which were typed before, to where the reason is asked.
func (v *visit) veilStep(d *written, f form, step string) (away bool, err error) {
	if err := v.drawsDraft(d); err != nil {
		return false, err
	}
	for _, q := range f.stage(step).asks {
		typed := slices.ContainsFunc(q.inputs(), func(name string) bool { return d.Values.Get(name) != "" })
		if q.placed() && typed && v.veil.meets() {
			return true, v.redirect(v.reasonLink(v.r.URL.RequestURI()))
		}
	}
	return false, v.drewDraft(d)
}

// drewDraft is drew for a draft.
func (v *visit) drewDraft(d *written) error {
	id, err := fairlead.ParseShareID(d.ID)
	if err != nil {
		return err
	}
	return v.drew(id)
}

// veilReasons are why somebody may have to see where a restricted child is; restrictReasons why a child is
// restricted, and liftReasons why no longer.
var (
	veilReasons     = []string{"danger", "contact", "plan", "court", "check"}
	restrictReasons = []string{"exploiters", "family", "insider", "court", "asked"}
	liftReasons     = []string{"passed", "mistake", "ended"}
)

// reasonPage asks for one of a few reasons, signed with who asks.
type reasonPage struct {
	web.Page
	Action, Lead, Next, Button string
	Reason                     web.Field
}

func (v *visit) reasonField(list []string, code string) web.Field {
	f := web.Field{Words: v.words, Form: "choice", Name: "reason", Label: v.words.T(code + ".label"), Error: v.faultOf("reason")}
	for _, r := range list {
		f.Options = append(f.Options, web.Option{Value: r, Label: v.words.Code(code, r)})
	}
	return f
}

// thread finds the thread that the path names.
func (v *visit) thread() (string, error) {
	list, err := v.g.links(v.r.PathValue("id"))
	if err == nil && len(list) == 0 {
		err = errNotFound
	}
	return v.r.PathValue("id"), err
}

// askWhereabouts asks why somebody must see where a restricted child is.
func (v *visit) askWhereabouts() error {
	thread, err := v.thread()
	if err != nil {
		return err
	}
	p := reasonPage{Page: v.page("veil.title"), Action: "/cases/" + thread + "/whereabouts", Lead: v.words.T("veil.text"), Button: v.words.T("veil.button")}
	p.Next = local(v.r.FormValue("next"))
	p.Back, p.Reason = "/cases/"+thread, v.reasonField(veilReasons, "veil")
	return v.render("reason", p)
}

// showWhereabouts records the reason, and lets this session see from now on.
func (v *visit) showWhereabouts() error {
	thread, err := v.thread()
	if err != nil {
		return err
	}
	if err := v.draws(thread); err != nil {
		return err
	}
	if v.veil.thread == "" {
		return v.redirect("/cases/" + thread)
	}
	if v.veil.reason = v.r.FormValue("reason"); !slices.Contains(veilReasons, v.veil.reason) {
		v.refuse("reason", "veil.choose")
		return v.askWhereabouts()
	}
	if err := v.sawWhereabouts(""); err != nil {
		return err
	}
	return v.redirect(local(v.r.FormValue("next")))
}

// askRestrict asks why a child is to be restricted, or is not to be any longer.
func (v *visit) askRestrict() error {
	thread, err := v.thread()
	if err != nil {
		return err
	}
	flag, err := v.g.flagged(thread)
	if err != nil {
		return err
	}
	if !v.mayFlag(flag == 0) {
		return errForbidden
	}
	code, reasons := "restrict", restrictReasons
	if flag != 0 {
		code, reasons = "lift", liftReasons
	}
	p := reasonPage{Page: v.page(code + ".title"), Action: "/cases/" + thread + "/restrict", Lead: v.words.T(code + ".text"), Button: v.words.T(code + ".button")}
	p.Next, p.Back, p.Reason = code, "/cases/"+thread, v.reasonField(reasons, code)
	return v.render("reason", p)
}

// mayFlag: whoever acts in a case may hide more; to show again takes a role that approves.
func (v *visit) mayFlag(restrict bool) bool { return v.approves() || restrict && v.acts() }

// restrict sets or lifts the flag. The form says which it was shown for: pressed twice, or by two people, it changes
// nothing the second time.
func (v *visit) restrict() error {
	thread, err := v.thread()
	if err != nil {
		return err
	}
	flag, err := v.g.flagged(thread)
	if err != nil {
		return err
	}
	on, reason := v.r.FormValue("next") == "restrict", v.r.FormValue("reason")
	switch {
	case on != (flag == 0):
		return v.redirect("/cases/" + thread)
	case !v.mayFlag(on):
		return errForbidden
	case on && !slices.Contains(restrictReasons, reason), !on && !slices.Contains(liftReasons, reason):
		v.refuse("reason", "veil.choose")
		return v.askRestrict()
	}
	if _, err := v.g.db.Exec(`INSERT INTO restrictions (at, user, role, thread, restricted, reason) VALUES (?,?,?,?,?,?)`,
		stamp(v.now()), v.user, string(v.role), thread, on, reason); err != nil {
		return err
	}
	return v.redirect("/cases/" + thread + "?done=" + map[bool]string{true: "restricted", false: "lifted"}[on])
}

// restrictedView is what a page says of a restricted child: the flag and who set it, and who saw the whereabouts.
type restrictedView struct {
	On     bool
	Change string // where the flag is changed; "" this role may not
	Shown  bool   // in this session
	Reason string // where the reason is asked
	Flags  []viewLine
	Saw    []viewLine
}

// restrictedView reads the history of a thread's flag.
func (v *visit) restrictedView(thread string) (p restrictedView, err error) {
	if err := v.draws(thread); err != nil {
		return p, err
	}
	p.On, p.Shown = v.veil.thread != "", v.veil.reason != ""
	if p.On {
		p.Reason = v.reasonLink(v.r.URL.Path)
	}
	if v.mayFlag(!p.On) {
		p.Change = "/cases/" + thread + "/restrict"
	}
	if p.Flags, err = v.signedLines(`SELECT at, user, role, CASE restricted WHEN 1 THEN 'restrict' ELSE 'lift' END, reason FROM restrictions
		WHERE thread = ? ORDER BY n DESC LIMIT 20`, thread); err != nil {
		return p, err
	}
	p.Saw, err = v.signedLines(`SELECT at, user, role, 'veil', reason FROM whereabouts WHERE thread = ? ORDER BY n DESC LIMIT 50`, thread)
	return p, err
}

// signedLines are rows of who did what when, each with the code of a reason: time, user, role, list, code.
func (v *visit) signedLines(query, thread string) (list []viewLine, err error) {
	rows, err := v.g.db.Query(query, thread)
	if err != nil {
		return nil, err
	}
	type signed struct{ at, user, role, code, reason string }
	var found []signed
	for rows.Next() {
		var s signed
		if err := rows.Scan(&s.at, &s.user, &s.role, &s.code, &s.reason); err != nil {
			rows.Close()
			return nil, err
		}
		found = append(found, s)
	}
	if err := either(rows.Err(), rows.Close()); err != nil {
		return nil, err
	}
	for _, s := range found {
		who := v.g.nameOf(s.user) + ", " + v.words.Code("role", s.role)
		list = append(list, viewLine{v.words.T(s.code+".by", "who", who, "reason", v.words.Code(s.code, s.reason)), v.words.When(unstamp(s.at))})
	}
	return list, nil
}

// restrictedThreads are those whose child is restricted now.
func (g *Gateway) restrictedThreads() (map[string]bool, error) {
	rows, err := g.db.Query(`SELECT thread, restricted FROM restrictions ORDER BY n`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	list := map[string]bool{}
	for rows.Next() {
		var thread string
		var on bool
		if err := rows.Scan(&thread, &on); err != nil {
			return nil, err
		}
		list[thread] = on
	}
	return list, rows.Err()
}

// hidden stands for whereabouts that are not shown.
func (v *visit) hidden() template.HTML {
	return template.HTML(`<p class="app-text">` + template.HTMLEscapeString(v.words.T("veil.hidden")) + `</p>`)
}
