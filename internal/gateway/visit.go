package gateway

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"fairlead/internal/client"
	"fairlead/internal/fairlead"
	"fairlead/internal/kind"
	"fairlead/internal/web"
)

// visit is one request and who makes it.
type visit struct {
	g       *Gateway
	w       http.ResponseWriter
	r       *http.Request
	words   *web.Words
	session string // digest of its token; "" nobody is signed in
	user    string
	role    fairlead.Role
	faults  []web.Fault
	veil    veil // over what is drawn
	leaves  bool // what is drawn leaves these pages
}

// sessionLife ends every session, used or not.
const sessionLife = 10 * time.Hour

// serve finds out who asks, and whether they may.
func (g *Gateway) serve(rt route, w http.ResponseWriter, r *http.Request) {
	v := &visit{g: g, w: w, r: r, words: g.words.Words(web.Choose(r, "lang-"+string(g.agency), g.cfg.Language), g.zone())}
	ended, err := v.identify()
	switch {
	case err != nil:
	case rt.who != anybody && v.session == "":
		err = v.turnAway(ended)
	case rt.who == reader && !v.reads():
		err = errForbidden
	default:
		err = rt.do(v)
	}
	if err != nil {
		v.fail(err)
	}
}

// zone is the agency's own clock.
func (g *Gateway) zone() *time.Location {
	j := fairlead.Jurisdiction("")
	if a := g.cfg.Client.Snapshot().Agency(g.agency); a != nil {
		j = a.Jurisdiction
	}
	name := map[string]string{"GB": "Europe/London", "RO": "Europe/Bucharest", "HU": "Europe/Budapest"}[j.State()]
	if z, err := time.LoadLocation(name); err == nil {
		return z
	}
	return time.UTC
}

func (v *visit) now() time.Time { return v.g.cfg.Now() }

func (v *visit) cookie() string {
	if v.g.cfg.Secure {
		return "__Host-fairlead-" + string(v.g.agency)
	}
	return "fairlead-" + string(v.g.agency)
}

// identify reads the session. A role that the register no longer gives ends it at once. It returns who
// was signed in, where the session was too long idle.
func (v *visit) identify() (ended string, err error) {
	k, err := v.r.Cookie(v.cookie())
	if err != nil {
		return "", nil
	}
	digest := digestOf(k.Value)
	var user, begun, seen string
	err = v.g.db.QueryRow(`SELECT user, begun, seen FROM sessions WHERE token = ?`, digest).Scan(&user, &begun, &seen)
	if none(err) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	now := v.now()
	role, ok := v.g.roleOf(user, now)
	if !ok || now.Sub(unstamp(begun)) > sessionLife {
		_, err := v.g.db.Exec(`DELETE FROM sessions WHERE token = ?`, digest)
		return "", err
	}
	if now.Sub(unstamp(seen)) > v.g.cfg.Idle {
		return user, nil
	}
	v.session, v.user, v.role = digest, user, role
	if v.r.URL.Path == "/news" || now.Sub(unstamp(seen)) < time.Minute { // a page left open is not a person
		return "", nil
	}
	_, err = v.g.db.Exec(`UPDATE sessions SET seen = ? WHERE token = ?`, stamp(now), digest)
	return "", err
}

// roleOf is what the register of staff gives a user now.
func (g *Gateway) roleOf(user string, at time.Time) (fairlead.Role, bool) {
	m := g.cfg.Client.Snapshot().Member(g.agency, user)
	if m == nil || !m.Active(at) {
		return "", false
	}
	return m.Role, true
}

// reads reports whether the role opens messages about children: those who handle cases, and those who
// approve as a second person.
func (v *visit) reads() bool {
	return kind.Kind{}.MayAct(v.role) || slices.Contains(kind.Approvers, v.role)
}

func (v *visit) approves() bool { return slices.Contains(kind.Approvers, v.role) }

// turnAway sends to the sign-in page and back. What was typed in a form is kept in its draft first.
func (v *visit) turnAway(ended string) error {
	back := v.r.URL.RequestURI()
	if v.r.Method == http.MethodPost {
		back = v.keepTyped(ended)
	}
	q := url.Values{"next": {back}}
	if ended != "" {
		q.Set("ended", "1")
	}
	return v.redirect("/sign-in?" + q.Encode())
}

func (v *visit) redirect(to string) error {
	http.Redirect(v.w, v.r, to, http.StatusSeeOther)
	return nil
}

// local keeps a redirect on this site.
func local(path string) string {
	if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || strings.ContainsAny(path, "\\\r\n") {
		return "/"
	}
	return path
}

// page is the frame of a page of this visit. title is the key of a word.
func (v *visit) page(title string, values ...any) web.Page {
	w := v.words
	sheet := "app.css"
	if w.Dir == "rtl" {
		sheet = "app.rtl.css"
	}
	p := web.Page{
		Words: w, Title: w.T(title, values...), CSS: v.g.assets.URL(sheet), JS: v.g.assets.URL("app.js"), Demo: v.g.cfg.Demo,
		Service: v.g.agencyName(v.g.agency), Errors: v.faults, Reviewed: w.Tag == "en", Langs: v.languages(),
	}
	if key := "notice." + v.r.URL.Query().Get("done"); w.Has(key) {
		p.Notice = w.T(key)
	}
	if v.session == "" {
		return p
	}
	p.User = v.g.nameOf(v.user) + ", " + w.Code("role", v.role)
	p.Nav, p.News, p.Timeout = v.menu(), "/news", int(v.g.cfg.Idle.Seconds())
	p.Until = v.until()
	if v.g.away() != nil {
		p.Problem = w.T("hub.away")
	}
	return p
}

func (v *visit) languages() (list []web.Link) {
	for _, l := range web.Languages {
		q := url.Values{"to": {l.Tag}, "back": {v.r.URL.RequestURI()}}
		if v.r.Method != http.MethodGet {
			q.Set("back", "/")
		}
		list = append(list, web.Link{Href: "/language?" + q.Encode(), Text: l.Name, Lang: l.Tag, Current: l.Tag == v.words.Tag})
	}
	return list
}

// belongs are the pages that stand under another one of the menu.
var belongs = map[string][]string{
	"inbox": {"/messages", "/recalls"}, "agency": {"/approvals", "/consents", "/agreements", "/people", "/person", "/proofs", "/session"},
}

func (v *visit) menu() (list []web.Link) {
	for _, m := range []struct {
		key, href string
		reader    bool
	}{{"home", "/", false}, {"inbox", "/inbox", true}, {"send", "/send", true}, {"sent", "/sent", true}, {"cases", "/cases", true}, {"agency", "/agency", false}} {
		if m.reader && !v.reads() {
			continue
		}
		under := append([]string{m.href}, belongs[m.key]...)
		here := v.r.URL.Path == m.href || m.href != "/" && slices.Contains(under, "/"+strings.Split(v.r.URL.Path, "/")[1])
		list = append(list, web.Link{Href: m.href, Text: v.words.T("nav." + m.key), Current: here})
	}
	return list
}

// language sets the reader's language.
func (v *visit) language() error {
	to := v.r.URL.Query().Get("to")
	http.SetCookie(v.w, &http.Cookie{
		Name: "lang-" + string(v.g.agency), Value: to, Path: "/", MaxAge: 365 * 86400, HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: v.g.cfg.Secure,
	})
	return v.redirect(local(v.r.URL.Query().Get("back")))
}

// render writes a page; a page with faults is 422.
func (v *visit) render(name string, data any) error {
	status := http.StatusOK
	if len(v.faults) > 0 {
		status = http.StatusUnprocessableEntity
	}
	return v.g.pages.Render(v.w, status, name, data)
}

// refuse notes a fault of a form.
func (v *visit) refuse(field, key string, values ...any) {
	text := strings.Replace(v.words.T(key, values...), "?:", ":", 1) // a label that asks
	v.faults = append(v.faults, web.Fault{Field: field, Text: text})
}

// messagePage is a page that only says something.
type messagePage struct {
	web.Page
	Text string
}

// fail shows an error to the person, and writes it down without a word of content.
func (v *visit) fail(err error) {
	status, key := http.StatusInternalServerError, "fail"
	var large *http.MaxBytesError
	switch {
	case errors.Is(err, errNotFound) || errors.Is(err, client.ErrUnknownShare):
		status, key = http.StatusNotFound, "notfound"
	case errors.Is(err, client.ErrRecalled):
		status, key = http.StatusGone, "gone"
	case errors.Is(err, errForbidden):
		status, key = http.StatusForbidden, "forbidden"
	case errors.As(err, &large):
		status, key = http.StatusRequestEntityTooLarge, "toolarge"
	default:
		v.g.cfg.Log.Error().Err(err).Str("path", v.r.URL.Path).Msg("page")
	}
	v.faults = nil
	p := messagePage{v.page(key + ".title"), v.words.T(key + ".text")}
	if err := v.g.pages.Render(v.w, status, "say", p); err != nil {
		http.Error(v.w, fmt.Sprintf("the page could not be made (%d)", status), status)
	}
}

// share reads the share that the path names.
func (v *visit) share() (fairlead.ShareID, error) {
	id, err := fairlead.ParseShareID(v.r.PathValue("id"))
	if err != nil {
		return id, errNotFound
	}
	return id, nil
}

// agencyName is the name of an agency by the register.
func (g *Gateway) agencyName(id fairlead.AgencyID) string {
	if a := g.cfg.Client.Snapshot().Agency(id); a != nil {
		return a.Name
	}
	return string(id)
}
