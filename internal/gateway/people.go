package gateway

import (
	"errors"
	"html/template"
	"regexp"
	"slices"
	"strings"

	"fairlead/internal/client"
	"fairlead/internal/fairlead"
	"fairlead/internal/kind"
	roll "fairlead/internal/staff"
	"fairlead/internal/web"
)

// personRow is one of the agency's people, as the register and this gateway know them.
type personRow struct {
	Person
	Href     string
	Role     fairlead.Role
	Active   bool
	Since    string
	Passkeys int
	Training []courseView
}

// courseView is a course somebody has passed.
type courseView struct {
	Code, Until string
	Lapsed      bool
}

// changeRow is a change of the register of staff that this agency has signed.
type changeRow struct {
	Who, What, By string
	When          template.HTML
	State         stateTag
}

type peoplePage struct {
	web.Page
	Rows    []personRow
	Changes []changeRow
	May     bool
}

// administers reports whether the role vouches for the agency's people: staff.record is its kind.
func (v *visit) administers() bool {
	k, _ := kind.Lookup("staff.record")
	return k.MayAct(v.role)
}

// people lists who may sign in, with the role that the register gives them, and what is on its way there.
func (v *visit) people() error {
	list, err := v.g.persons()
	if err != nil {
		return err
	}
	p := peoplePage{Page: v.page("people.title"), May: v.administers()}
	p.Back = "/agency"
	for _, one := range list {
		r, err := v.personRow(one)
		if err != nil {
			return err
		}
		p.Rows = append(p.Rows, r)
	}
	if p.Changes, err = v.changes(); err != nil {
		return err
	}
	return v.render("people", p)
}

func (v *visit) personRow(one Person) (personRow, error) {
	r := personRow{Person: one}
	if v.administers() {
		r.Href = "/person/" + one.User
	}
	snap := v.g.cfg.Client.Snapshot()
	if m := snap.Member(v.g.agency, one.User); m != nil {
		r.Role, r.Active, r.Since = m.Role, m.Active(v.now()), v.words.Date(m.From.Time)
	}
	for _, c := range snap.Courses(v.g.agency, one.User) {
		r.Training = append(r.Training, courseView{c.Code, v.words.Date(c.Until.Time), !v.now().Before(c.Until.Time)})
	}
	slices.SortFunc(r.Training, func(a, b courseView) int { return strings.Compare(a.Code, b.Code) })
	err := v.g.db.QueryRow(`SELECT count(*) FROM passkeys WHERE user = ?`, one.User).Scan(&r.Passkeys)
	return r, err
}

// changes lists the last records of staff that this agency signed, and how far each has come.
func (v *visit) changes() (list []changeRow, err error) {
	posted, _, err := v.g.cfg.Client.Posted(client.Filter{Kind: "staff.record", Limit: 10})
	if err != nil {
		return nil, err
	}
	for _, s := range posted {
		d, err := v.g.cfg.Client.OwnContent(s.ID)
		if err != nil {
			continue // a copy that is no longer kept
		}
		m, err := roll.ParseMember(d.Record)
		if err != nil {
			continue
		}
		what := v.words.Code("role", m.Role)
		if !m.Until.IsZero() {
			what = v.words.T("people.left")
		}
		list = append(list, changeRow{
			Who: v.g.nameOf(m.User), What: what, By: v.g.nameOf(d.User), When: v.words.When(s.Created), State: stateTag{v.words.Code("state", s.State), stateColours[s.State]},
		})
	}
	return list, nil
}

// joinPage asks who joins, or shows one of the people.
type joinPage struct {
	web.Page
	Fields   []web.Field
	Row      personRow
	Self     bool
	Address  string // at which a passkey is made, shown once
	Position web.Field
}

// administration lets through who vouches for people and has shown lately who they are.
func (v *visit) administration(back string) (ok bool, err error) {
	if !v.administers() {
		return false, errForbidden
	}
	return v.stepUp(back)
}

func (v *visit) newPerson() error {
	if !v.administers() {
		return errForbidden
	}
	if ok, err := v.stepUpFirst(); !ok {
		return err
	}
	return v.drawJoin()
}

func (v *visit) drawJoin() error {
	p := joinPage{Page: v.page("join.title")}
	p.Back = "/people"
	for _, name := range []string{"name", "user"} {
		p.Fields = append(p.Fields, web.Field{
			Words: v.words, Form: "line", Name: name, Label: v.words.T("join." + name), Hint: v.words.T("join." + name + ".hint"), Value: v.r.PostFormValue(name), Error: v.faultOf(name),
		})
	}
	p.Position = v.position(fairlead.Role(v.r.PostFormValue("role")))
	return v.render("join", p)
}

// position asks for a role. The hub's own operators are no agency's people.
func (v *visit) position(now fairlead.Role) web.Field {
	f := web.Field{Words: v.words, Form: "list", Name: "role", Label: v.words.T("join.role"), Error: v.faultOf("role")}
	for _, r := range fairlead.Roles {
		if r != "BROKER_OPERATOR" {
			f.Options = append(f.Options, web.Option{Value: string(r), Label: v.words.Code("role", r), Checked: r == now})
		}
	}
	return f
}

func (v *visit) chosenRole() fairlead.Role {
	role := fairlead.Role(v.r.FormValue("role"))
	if !slices.Contains(fairlead.Roles, role) || role == "BROKER_OPERATOR" {
		v.refuse("role", "fault.empty", "label", v.words.T("join.role"))
	}
	return role
}

var userForm = regexp.MustCompile(`^[A-Za-z0-9-]{1,40}$`)

// join puts somebody on the register of staff, with a key of their own, and invites them to make a passkey.
func (v *visit) join() error {
	if ok, err := v.administration("/people/new"); !ok {
		return err
	}
	one := Person{User: strings.TrimSpace(v.r.FormValue("user")), Name: strings.TrimSpace(v.r.FormValue("name"))}
	if one.Name == "" || len([]rune(one.Name)) > 80 {
		v.refuse("name", "fault.empty", "label", v.words.T("join.name"))
	}
	role := v.chosenRole()
	if _, active := v.g.roleOf(one.User, v.now()); active {
		v.refuse("user", "join.taken")
	} else if !userForm.MatchString(one.User) {
		v.refuse("user", "join.form")
	}
	if len(v.faults) > 0 {
		return v.drawJoin()
	}
	if err := v.vouch(one.User, role); err != nil {
		return err
	}
	if err := v.g.AddPerson(one); err != nil {
		return err
	}
	return v.invitationFor(one)
}

// vouch signs, as this person, that one of the agency's people has a role from now on.
func (v *visit) vouch(user string, role fairlead.Role) error {
	d, err := v.g.cfg.Home.StaffDraft(v.g.cfg.Client, user, role)
	if err != nil {
		return err
	}
	return v.sendSigned(d)
}

// sendSigned hands a draft to the outbox in this person's name and role.
func (v *visit) sendSigned(d *client.Draft) error {
	d.Role, d.User = v.role, v.user
	_, err := v.g.cfg.Client.Send(d)
	return err
}

// invitationFor shows the address at which somebody makes a passkey. It is in no other page and no log.
func (v *visit) invitationFor(one Person) error {
	token, err := v.g.invite(one.User, v.now())
	if err != nil {
		return err
	}
	p := joinPage{Page: v.page("invited.title", "name", one.Name), Address: v.g.cfg.Origin + "/invitation/" + token}
	p.Back = "/people"
	return v.render("invited", p)
}

// theirs reads the one whom the path names.
func (v *visit) theirs() (Person, error) {
	list, err := v.g.persons()
	i := slices.IndexFunc(list, func(p Person) bool { return p.User == v.r.PathValue("user") })
	if err == nil && i < 0 {
		err = errNotFound
	}
	if err != nil {
		return Person{}, err
	}
	return list[i], nil
}

// person shows one of the agency's people, and what may be changed.
func (v *visit) person() error {
	if !v.administers() {
		return errForbidden
	}
	one, err := v.theirs()
	if err != nil {
		return err
	}
	p := joinPage{Page: v.page("person.title", "name", one.Name), Self: one.User == v.user}
	p.Back = "/people"
	if p.Row, err = v.personRow(one); err != nil {
		return err
	}
	p.Position = v.position(p.Row.Role)
	return v.render("person", p)
}

// changing reads whom a change is about. Nobody changes their own place: another administrator does.
func (v *visit) changing() (one Person, ok bool, err error) {
	if one, err = v.theirs(); err != nil {
		return one, false, err
	}
	if ok, err = v.administration("/person/" + one.User); !ok {
		return one, false, err
	}
	if one.User == v.user {
		return one, false, errForbidden
	}
	return one, true, nil
}

// move gives somebody another role.
func (v *visit) move() error {
	one, ok, err := v.changing()
	if !ok {
		return err
	}
	role := v.chosenRole()
	if len(v.faults) > 0 {
		return v.person()
	}
	if now, active := v.g.roleOf(one.User, v.now()); !active || now == role { // pressed twice
		return v.redirect("/people")
	}
	if err := v.vouch(one.User, role); err != nil {
		return err
	}
	return v.redirect("/people?done=moved")
}

// leave ends what somebody may do: here at once, in the register as soon as the hub has it.
func (v *visit) leave() error {
	one, ok, err := v.changing()
	if !ok {
		return err
	}
	if err := v.g.forget(one.User); err != nil {
		return err
	}
	role, active := v.g.roleOf(one.User, v.now())
	if !active {
		return v.redirect("/people")
	}
	d, err := v.g.cfg.Home.LeaverDraft(v.g.cfg.Client, one.User, role)
	if errors.Is(err, client.ErrHome) {
		v.refuse("", "person.nokey")
		return v.person()
	}
	if err != nil {
		return err
	}
	if err := v.sendSigned(d); err != nil {
		return err
	}
	return v.redirect("/people?done=left")
}

// forget takes from somebody every way in.
func (g *Gateway) forget(user string) error {
	for _, table := range []string{"sessions", "passkeys", "invitations"} {
		if _, err := g.db.Exec(`DELETE FROM `+table+` WHERE user = ?`, user); err != nil {
			return err
		}
	}
	return nil
}

// inviteAgain lets somebody make another passkey; where the old ones are lost, they end first.
func (v *visit) inviteAgain() error {
	one, ok, err := v.changing()
	if !ok {
		return err
	}
	if v.r.FormValue("lost") != "" {
		if err := v.g.forget(one.User); err != nil {
			return err
		}
	}
	return v.invitationFor(one)
}
