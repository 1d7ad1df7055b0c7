package gateway

import (
	"net/http"

	"fairlead/internal/web"
)

// signInPage offers the ways to sign in.
type signInPage struct {
	web.Page
	Next   string
	Ended  bool
	People []Person // demo only
}

func (v *visit) signIn() error {
	if v.session != "" {
		return v.redirect("/")
	}
	q := v.r.URL.Query()
	p := signInPage{Page: v.page("signin.title"), Next: local(q.Get("next")), Ended: q.Get("ended") != ""}
	if v.g.cfg.Demo {
		list, err := v.g.persons()
		if err != nil {
			return err
		}
		for _, person := range list {
			if role, ok := v.g.roleOf(person.User, v.now()); ok {
				person.Name += ", " + v.words.Code("role", role)
				p.People = append(p.People, person)
			}
		}
	}
	return v.render("sign-in", p)
}

// demoSignIn takes anybody at their word. It exists in the demo alone.
func (v *visit) demoSignIn() error {
	if !v.g.cfg.Demo {
		return errNotFound
	}
	user := v.r.FormValue("user")
	if _, ok := v.g.roleOf(user, v.now()); !ok {
		return errForbidden
	}
	if err := v.begin(user); err != nil {
		return err
	}
	return v.redirect(local(v.r.FormValue("next")))
}

// begin starts a session under a new token.
func (v *visit) begin(user string) error {
	if v.session != "" { // the old one ends: nothing may ride on a token from before
		if err := v.end(); err != nil {
			return err
		}
	}
	token, digest := secret()
	now := stamp(v.now())
	if _, err := v.g.db.Exec(`INSERT INTO sessions VALUES (?, ?, ?, ?)`, digest, user, now, now); err != nil {
		return err
	}
	v.setCookie(token, int(sessionLife.Seconds()))
	return nil
}

func (v *visit) setCookie(token string, age int) {
	http.SetCookie(v.w, &http.Cookie{
		Name: v.cookie(), Value: token, Path: "/", MaxAge: age, HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: v.g.cfg.Secure,
	})
}

func (v *visit) end() error {
	_, err := v.g.db.Exec(`DELETE FROM sessions WHERE token = ?`, v.session)
	return err
}

func (v *visit) signOut() error {
	if err := v.end(); err != nil {
		return err
	}
	v.setCookie("", -1)
	return v.redirect("/sign-in")
}
