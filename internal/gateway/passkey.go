package gateway

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"fairlead/internal/store"
	"fairlead/internal/web"
)

// ceremony is a passkey ceremony between its two requests (WebAuthn level 3 §7).
type ceremony struct {
	user  string
	data  *webauthn.SessionData
	until time.Time
}

// Bounds of ceremonies and invitations.
const (
	ceremonyLife   = 5 * time.Minute
	maxCeremonies  = 1000
	invitationLife = 24 * time.Hour
)

func newPasskeys(origin string) (*webauthn.WebAuthn, error) {
	u, err := url.Parse(origin)
	if err != nil || u.Hostname() == "" {
		return nil, fmt.Errorf("gateway: origin %q: want an address such as https://gateway.example.org", origin)
	}
	return webauthn.New(&webauthn.Config{
		RPID: u.Hostname(), RPDisplayName: "Fairlead", RPOrigins: []string{origin},
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementRequired, UserVerification: protocol.VerificationRequired,
		},
	})
}

// account is one of the agency's people as the ceremonies know them.
type account struct {
	Person
	handle      []byte
	credentials []webauthn.Credential
}

// WebAuthnID is a random handle that says nothing of the person.
func (a *account) WebAuthnID() []byte { return a.handle }

// WebAuthnName is the pseudonym.
func (a *account) WebAuthnName() string { return a.User }

// WebAuthnDisplayName is the name for people.
func (a *account) WebAuthnDisplayName() string { return a.Name }

// WebAuthnCredentials are the passkeys.
func (a *account) WebAuthnCredentials() []webauthn.Credential { return a.credentials }

func (g *Gateway) account(column string, value any) (*account, error) {
	a := &account{}
	if err := g.db.QueryRow(`SELECT user, name, handle FROM people WHERE `+column+` = ?`, value).Scan(&a.User, &a.Name, &a.handle); err != nil {
		return nil, err
	}
	rows, err := g.db.Query(`SELECT credential FROM passkeys WHERE user = ?`, a.User)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var raw []byte
		var c webauthn.Credential
		if err := rows.Scan(&raw); err != nil {
			return nil, err
		}
		if err := json.Unmarshal(raw, &c); err != nil {
			return nil, err
		}
		a.credentials = append(a.credentials, c)
	}
	return a, rows.Err()
}

// Invite makes a token with which a person makes a passkey, once and within a day. It must reach them
// by a way on which they are known. It opens the gateway's store in dir alone, so the pages may be served
// meanwhile; whether the person is on the register of staff is asked when the token is used.
func Invite(dir string, p Person, now time.Time) (token string, err error) {
	db, err := store.Open(filepath.Join(dir, storeFile), tables)
	if err != nil {
		return "", err
	}
	g := &Gateway{db: db}
	defer g.Close()
	if err := g.AddPerson(p); err != nil {
		return "", err
	}
	return g.invite(p.User, now)
}

func (g *Gateway) invite(user string, now time.Time) (token string, err error) {
	token, digest := secret()
	_, err = g.db.Exec(`INSERT INTO invitations VALUES (?, ?, ?)`, digest, user, stamp(now.Add(invitationLife)))
	return token, err
}

// invited finds who an invitation is for.
func (v *visit) invited() (*account, error) {
	var user, until string
	err := v.g.db.QueryRow(`SELECT user, until FROM invitations WHERE token = ?`, digestOf(v.r.PathValue("token"))).Scan(&user, &until)
	if none(err) || err == nil && v.now().After(unstamp(until)) {
		return nil, errNotFound
	}
	if err != nil {
		return nil, err
	}
	if _, ok := v.g.roleOf(user, v.now()); !ok {
		return nil, errForbidden
	}
	return v.g.account("user", user)
}

type invitationPage struct {
	web.Page
	Token, Name string
}

func (v *visit) invitation() error {
	a, err := v.invited()
	if err != nil {
		return err
	}
	return v.render("invitation", invitationPage{v.page("invitation.title"), v.r.PathValue("token"), a.Name})
}

func (v *visit) beginPasskey() error {
	a, err := v.invited()
	if err != nil {
		return err
	}
	options, data, err := v.g.keys.BeginRegistration(a)
	if err != nil {
		return err
	}
	return v.startCeremony(a.User, data, options)
}

// finishPasskey keeps the passkey, ends the invitation and signs its owner in.
func (v *visit) finishPasskey() error {
	a, err := v.invited()
	if err != nil {
		return err
	}
	c, ok := v.endCeremony()
	if !ok || c.user != a.User {
		return errForbidden
	}
	made, err := v.g.keys.FinishRegistration(a, *c.data, v.r)
	if err != nil {
		return errForbidden
	}
	raw, err := json.Marshal(made)
	if err != nil {
		return err
	}
	if _, err := v.g.db.Exec(`INSERT INTO passkeys VALUES (?, ?, ?, ?)`, made.ID, a.User, raw, stamp(v.now())); err != nil {
		return err
	}
	if _, err := v.g.db.Exec(`DELETE FROM invitations WHERE token = ?`, digestOf(v.r.PathValue("token"))); err != nil {
		return err
	}
	return v.welcome(a.User)
}

func (v *visit) beginSignIn() error {
	options, data, err := v.g.keys.BeginDiscoverableLogin()
	if err != nil {
		return err
	}
	return v.startCeremony("", data, options)
}

// finishSignIn signs in the owner of a passkey, if the register still knows them. A counter that went
// back is a copy, and is refused.
func (v *visit) finishSignIn() error {
	c, ok := v.endCeremony()
	if !ok {
		return errForbidden
	}
	var who *account
	find := func(_, handle []byte) (webauthn.User, error) {
		a, err := v.g.account("handle", handle)
		who = a
		return a, err
	}
	used, err := v.g.keys.FinishDiscoverableLogin(find, *c.data, v.r)
	if err != nil || who == nil || used.Authenticator.CloneWarning {
		return errForbidden
	}
	if _, ok := v.g.roleOf(who.User, v.now()); !ok {
		return errForbidden
	}
	if err := v.g.keepUse(used); err != nil {
		return err
	}
	return v.welcome(who.User)
}

// welcome begins the session and tells the script where to go.
func (v *visit) welcome(user string) error {
	if err := v.begin(user); err != nil {
		return err
	}
	return v.json(map[string]string{"next": local(v.r.URL.Query().Get("next"))})
}

func (v *visit) json(data any) error {
	v.w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(v.w).Encode(data)
}

// tryCookie names the ceremony of a browser for as long as it lasts.
func (v *visit) tryCookie() string { return v.cookie() + "-try" }

func (v *visit) startCeremony(user string, data *webauthn.SessionData, options any) error {
	token, digest := secret()
	v.g.mu.Lock()
	now := time.Now()
	for k, c := range v.g.ceremony {
		if now.After(c.until) || len(v.g.ceremony) >= maxCeremonies {
			delete(v.g.ceremony, k)
		}
	}
	v.g.ceremony[digest] = ceremony{user, data, now.Add(ceremonyLife)}
	v.g.mu.Unlock()
	http.SetCookie(v.w, &http.Cookie{
		Name: v.tryCookie(), Value: token, Path: "/", MaxAge: int(ceremonyLife.Seconds()), HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: v.g.cfg.Secure,
	})
	return v.json(options)
}

// endCeremony gives the ceremony of this browser once.
func (v *visit) endCeremony() (ceremony, bool) {
	k, err := v.r.Cookie(v.tryCookie())
	if err != nil {
		return ceremony{}, false
	}
	v.g.mu.Lock()
	defer v.g.mu.Unlock()
	c, ok := v.g.ceremony[digestOf(k.Value)]
	delete(v.g.ceremony, digestOf(k.Value))
	return c, ok && time.Now().Before(c.until)
}
