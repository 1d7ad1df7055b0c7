package gateway

import (
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"github.com/go-webauthn/webauthn/webauthn"

	"fairlead/internal/web"
)

// How long somebody counts as the one who signed in (NIST SP 800-63B §5.2): stepUpLife from a sign-in or a
// confirmation on. A page that asks for much typing asks again early, so that there is time to type.
const (
	stepUpLife  = 15 * time.Minute
	stepUpEarly = 5 * time.Minute
)

// confirmed is when this session last showed who it is.
func (v *visit) confirmed() (time.Time, error) {
	var at string
	err := v.g.db.QueryRow(`SELECT max(s.begun, coalesce(c.at, '')) FROM sessions s LEFT JOIN confirmations c ON c.token = s.token WHERE s.token = ?`,
		v.session).Scan(&at)
	return unstamp(at), err
}

// stepUp reports whether whoever is there has shown lately who they are. If not, it sends them to confirm it and then
// to next, an address of this site that may carry what was typed; the caller returns err at once. It is asked before
// an override or another approval is signed, before anything is exported, and before keys, people or agreements change.
func (v *visit) stepUp(next string) (ok bool, err error) { return v.stepUpWithin(stepUpLife, next) }

// stepUpFirst is stepUp for the page with the form: it asks early, so that the form can be sent before it is asked again.
func (v *visit) stepUpFirst() (ok bool, err error) {
	return v.stepUpWithin(stepUpEarly, v.r.URL.RequestURI())
}

func (v *visit) stepUpWithin(life time.Duration, next string) (ok bool, err error) {
	at, err := v.confirmed()
	if err != nil {
		return false, err
	}
	if v.now().Sub(at) < life {
		return true, nil
	}
	return false, v.redirect("/sign-in/again?" + url.Values{"next": {next}}.Encode())
}

// confirmPage asks somebody who is signed in to show once more who they are.
type confirmPage struct {
	web.Page
	Next, Name string
}

func (v *visit) askConfirm() error {
	p := confirmPage{Page: v.page("again.title"), Next: local(v.r.URL.Query().Get("next")), Name: v.g.nameOf(v.user)}
	return v.render("again", p)
}

// confirm keeps that the session has shown who it is.
func (v *visit) confirm() error {
	_, err := v.g.db.Exec(`INSERT INTO confirmations VALUES (?, ?) ON CONFLICT (token) DO UPDATE SET at = excluded.at`, v.session, stamp(v.now()))
	return err
}

// demoConfirm takes somebody at their word. It exists in the demo alone.
func (v *visit) demoConfirm() error {
	if !v.g.cfg.Demo {
		return errNotFound
	}
	if err := v.confirm(); err != nil {
		return err
	}
	return v.redirect(local(v.r.FormValue("next")))
}

// beginConfirm asks for a passkey of who is signed in, and of nobody else.
func (v *visit) beginConfirm() error {
	a, err := v.g.account("user", v.user)
	if none(err) {
		return errForbidden
	}
	if err != nil {
		return err
	}
	options, data, err := v.g.keys.BeginLogin(a)
	if err != nil { // no passkey of theirs is left
		return errForbidden
	}
	return v.startCeremony(v.user, data, options)
}

func (v *visit) finishConfirm() error {
	c, ok := v.endCeremony()
	if !ok || c.user != v.user {
		return errForbidden
	}
	a, err := v.g.account("user", v.user)
	if err != nil {
		return err
	}
	used, err := v.g.keys.FinishLogin(a, *c.data, v.r)
	if err != nil || used.Authenticator.CloneWarning {
		return errForbidden
	}
	if err := either(v.g.keepUse(used), v.confirm()); err != nil {
		return err
	}
	return v.json(map[string]string{"next": local(v.r.URL.Query().Get("next"))})
}

// sessionPage says until when the session holds, without a script.
type sessionPage struct {
	web.Page
	Next, Until string
}

func (v *visit) sessionEnds() error {
	p := sessionPage{Page: v.page("session.title"), Next: local(v.r.URL.Query().Get("next"))}
	p.Until = p.Page.Until
	return v.render("session", p)
}

// until is the time of day at which the session ends if nobody uses it. A page is a use.
func (v *visit) until() string {
	end := v.now().Add(v.g.cfg.Idle)
	var begun string
	if err := v.g.db.QueryRow(`SELECT begun FROM sessions WHERE token = ?`, v.session).Scan(&begun); err == nil {
		if last := unstamp(begun).Add(sessionLife); last.Before(end) {
			end = last
		}
	}
	return v.words.Clock(end)
}

// stay says that somebody is still there: by the script of a page, or by a form that names where to go on.
func (v *visit) stay() error {
	if _, err := v.g.db.Exec(`UPDATE sessions SET seen = ? WHERE token = ?`, stamp(v.now()), v.session); err != nil {
		return err
	}
	if next := v.r.FormValue("next"); next != "" {
		return v.redirect(local(next))
	}
	v.w.WriteHeader(http.StatusNoContent)
	return nil
}

// keepUse keeps the counter of a passkey that was used.
func (g *Gateway) keepUse(used *webauthn.Credential) error {
	raw, err := json.Marshal(used)
	if err != nil {
		return err
	}
	_, err = g.db.Exec(`UPDATE passkeys SET credential = ? WHERE id = ?`, raw, used.ID)
	return err
}
