package gateway

import (
	"html/template"
	"slices"
	"strconv"
	"strings"
	"time"

	"fairlead/internal/agreement"
	"fairlead/internal/client"
	"fairlead/internal/fairlead"
	"fairlead/internal/kind"
	"fairlead/internal/officer"
	"fairlead/internal/web"
)

type termView struct {
	ID, Text string
	Rows     []row
	Asks     []string // conditions and obligations
	Permits  bool
}

// stateTag is a state in a word, with its colour.
type stateTag struct{ Tag, Colour string }

// statusChoice is something that may be done with an agreement now.
type statusChoice struct{ Href, Text string }

type agreementPage struct {
	web.Page
	Path       string
	Caption    string
	Tongue     string // of the signed words, BCP 47; "" it is not known
	Signed     string // says which it is
	Standing   stateTag
	Rows       []row
	Terms      []termView
	Governance []row
	Others     web.Field // versions to compare with
	May, Sign  bool
	SignText   string
	Actions    []statusChoice
	Changes    []changeRow
}

// standingAgreement finds the version that the path names, among those that were proved here.
func (v *visit) standingAgreement(ref string) (*agreement.Standing, error) {
	for _, s := range v.g.cfg.Client.Snapshot().Agreements() {
		if s.Ref() == ref {
			return &s, nil
		}
	}
	return nil, errNotFound
}

func (v *visit) namedAgreement() (*agreement.Standing, error) {
	return v.standingAgreement(v.r.PathValue("id") + "/" + v.r.PathValue("version"))
}

// agreement shows the signed words, and beside them what the hub enforces.
func (v *visit) agreement() error {
	s, err := v.namedAgreement()
	if err != nil {
		return err
	}
	w := v.words
	p := agreementPage{Page: v.page("agreement.title", "title", s.Title), Path: pathOf(s), Caption: w.T("agreement.version", "id", s.ID, "version", s.Version)}
	p.Back = "/agreements"
	p.Standing.Tag, p.Standing.Colour = v.standing(s)
	p.Tongue = tongueOf(&s.Agreement)
	p.Signed = w.T("agreement.tongue.unknown")
	if p.Tongue != "" {
		p.Signed = w.T("agreement.tongue", "language", w.Tongue(p.Tongue))
	}
	p.Rows, p.Governance = v.agreementRows(s), v.governanceRows(&s.Governance, p.Tongue)
	for i := range s.Terms {
		t := &s.Terms[i]
		p.Terms = append(p.Terms, termView{
			ID: t.ID, Text: t.Text, Permits: t.Permit != nil, Rows: v.scopeRows(t.Scope()), Asks: slices.Concat(v.whenWords(t.When), v.obligeWords(t.Oblige)),
		})
	}
	p.Others = v.otherVersions(s)
	v.agreementActs(&p, s)
	if p.Changes, err = v.signedAgreements(); err != nil {
		return err
	}
	return v.render("agreement", p)
}

func pathOf(s *agreement.Standing) string {
	return "/agreements/" + s.ID + "/" + strconv.Itoa(s.Version)
}

func (v *visit) agreementRows(s *agreement.Standing) (rows []row) {
	w := v.words
	text := func(key, value string) {
		if value != "" {
			rows = append(rows, row{Key: w.T(key), Text: template.HTML(template.HTMLEscapeString(value))})
		}
	}
	unsigned := slices.DeleteFunc(slices.Clone(s.Parties), func(id fairlead.AgencyID) bool { return slices.Contains(s.Signed, id) })
	text("agreement.parties", strings.Join(words(s.Parties, v.g.agencyName), ", "))
	text("agreement.signed", strings.Join(words(s.Signed, v.g.agencyName), ", "))
	text("agreement.unsigned", strings.Join(words(unsigned, v.g.agencyName), ", "))
	text("agreement.suspendedby", strings.Join(words(s.Suspended, v.g.agencyName), ", "))
	text("agreement.superseded", s.SupersededBy)
	if s.Terminated && !s.EndsAt.IsZero() {
		text("agreement.endsat", w.Date(s.EndsAt.Time))
	}
	text("agreement.from", w.Date(s.From.Time))
	text("agreement.until", w.Date(s.Until.Time))
	if by, err := time.Parse(time.DateOnly, s.ReviewBy); err == nil {
		text("agreement.review", w.Date(by))
	}
	text("agreement.notice", w.N("agreement.notice.days", s.NoticeDays))
	text("agreement.dpia", s.DPIA)
	for _, part := range []struct{ key, text string }{{"agreement.objective", s.Objective}, {"agreement.summary", s.Summary}} {
		rows = append(rows, row{Key: w.T(part.key), Text: signedText(part.text, tongueOf(&s.Agreement))})
	}
	return append(rows, row{Key: w.T("agreement.digest"), Text: template.HTML(`<span class="app-mono">` + s.Digest.String() + `</span>`)})
}

func (v *visit) governanceRows(g *agreement.Governance, tongue string) (rows []row) {
	for _, part := range []struct{ key, text string }{
		{"rights", g.Rights},
		{"transparency", g.Transparency},
		{"accuracy", g.Accuracy},
		{"security", g.Security},
		{"retention", g.Retention},
		{"breach", g.Breach},
		{"disputes", g.Disputes},
		{"sanctions", g.Sanctions},
	} {
		rows = append(rows, row{Key: v.words.T("governance." + part.key), Text: signedText(part.text, tongue)})
	}
	return rows
}

// otherVersions offers what an agreement may be compared with: its other versions first, then any other.
func (v *visit) otherVersions(s *agreement.Standing) web.Field {
	f := web.Field{Words: v.words, Form: "list", Name: "with", Label: v.words.T("agreement.compare.other"), Any: v.words.T("choose")}
	for _, own := range []bool{true, false} {
		for _, o := range v.g.cfg.Client.Snapshot().Agreements() {
			if o.Ref() != s.Ref() && (o.ID == s.ID) == own {
				f.Options = append(f.Options, web.Option{Value: o.Ref(), Label: o.Ref() + " " + o.Title})
			}
		}
	}
	return f
}

// agreementActs says what this person may do with an agreement now.
func (v *visit) agreementActs(p *agreementPage, s *agreement.Standing) {
	p.Sign = v.maySign(s)
	p.SignText = v.words.T("agreement.sign.text", "agency", v.g.agencyName(v.g.agency))
	p.May = v.settles() || v.signs()
	for _, a := range []agreement.Action{agreement.Suspend, agreement.Resume, agreement.Terminate} {
		if v.maySet(s, a) {
			p.Actions = append(p.Actions, statusChoice{pathOf(s) + "/" + string(a), v.words.T(string(a) + ".title")})
		}
	}
}

// signs and settles report whether the role signs agreements, and suspends, resumes or ends them.
func (v *visit) signs() bool {
	k, _ := kind.Lookup("agreement.signature")
	return k.MayAct(v.role)
}

func (v *visit) settles() bool {
	k, _ := kind.Lookup("agreement.status")
	return k.MayAct(v.role)
}

func (v *visit) maySign(s *agreement.Standing) bool {
	return v.signs() && s.Party(v.g.agency) && !slices.Contains(s.Signed, v.g.agency) && !v.past(s)
}

// past reports whether a version is over, or can never be in force any more.
func (v *visit) past(s *agreement.Standing) bool {
	return s.Expired(v.now()) || s.Ended > 0 || !v.now().Before(s.Until.Add(time.Second))
}

// maySet asks the rules themselves whether a party may do that to a version now.
func (v *visit) maySet(s *agreement.Standing, a agreement.Action) bool {
	_, err := s.Apply(v.g.agency, a, v.now(), s.Entry+1)
	return err == nil && v.settles() && s.Party(v.g.agency) && s.ActiveBy >= 0
}

// signAgreement signs the digest of the very bytes that were proved here.
func (v *visit) signAgreement() error {
	s, err := v.namedAgreement()
	if err != nil {
		return err
	}
	if !v.maySign(s) {
		return errForbidden
	}
	if ok, err := v.stepUp(pathOf(s)); !ok {
		return err
	}
	d, err := v.g.cfg.Client.SignatureDraft(s.Ref())
	if err != nil {
		return err
	}
	if err := v.sendSigned(d); err != nil {
		return err
	}
	return v.redirect(pathOf(s) + "?done=signed")
}

var statusReasons = []string{"danger", "breach", "review", "other"}

// action reads what is to be done with the agreement that the path names.
func (v *visit) action() (*agreement.Standing, agreement.Action, error) {
	s, err := v.namedAgreement()
	a := agreement.Action(v.r.PathValue("action"))
	if err == nil && !slices.Contains([]agreement.Action{agreement.Suspend, agreement.Resume, agreement.Terminate}, a) {
		err = errNotFound
	}
	if err == nil && !v.maySet(s, a) {
		err = errForbidden
	}
	return s, a, err
}

func (v *visit) askStatus() error {
	s, a, err := v.action()
	if err != nil {
		return err
	}
	if ok, err := v.stepUpFirst(); !ok {
		return err
	}
	return v.drawStatus(s, a)
}

func (v *visit) drawStatus(s *agreement.Standing, a agreement.Action) error {
	key := string(a)
	p := reasonPage{Page: v.page(key + ".title"), Action: pathOf(s) + "/" + key, Lead: v.words.T(key + ".text"), Button: v.words.T(key + ".button")}
	p.Back, p.Reason = pathOf(s), v.reasonField(statusReasons, "status")
	return v.render("reason", p)
}

// setStatus signs that this agency suspends, resumes or ends an agreement.
func (v *visit) setStatus() error {
	s, a, err := v.action()
	if err != nil {
		return err
	}
	if ok, err := v.stepUp(pathOf(s) + "/" + string(a)); !ok {
		return err
	}
	reason := v.r.FormValue("reason")
	if !slices.Contains(statusReasons, reason) {
		v.refuse("reason", "veil.choose")
		return v.drawStatus(s, a)
	}
	d, err := v.g.cfg.Client.StatusDraft(s.Ref(), a, reason)
	if err != nil {
		return err
	}
	if err := v.sendSigned(d); err != nil {
		return err
	}
	return v.redirect(pathOf(s) + "?done=signed")
}

// signedAgreements lists what was signed here lately about agreements, and how far each has come.
func (v *visit) signedAgreements() (list []changeRow, err error) {
	for _, k := range []string{"agreement.signature", "agreement.status"} {
		posted, _, err := v.g.cfg.Client.Posted(client.Filter{Kind: k, Limit: 5})
		if err != nil {
			return nil, err
		}
		for _, s := range posted {
			by := ""
			if d, err := v.g.cfg.Client.OwnContent(s.ID); err == nil {
				by = v.g.nameOf(d.User)
			}
			list = append(list, changeRow{What: v.words.Code("signing", k), By: by, When: v.words.When(s.Created), State: stateTag{v.words.Code("state", s.State), stateColours[s.State]}})
		}
	}
	return list, nil
}

// boxView is one product of what a comparison opens, closes or changes.
type boxView struct {
	Rows     []row
	Was, Now []string
}

type comparePage struct {
	web.Page
	Parts []comparePart
	Notes []string
}

type comparePart struct {
	Title  string
	Colour string
	Boxes  []boxView
}

// compareAgreements shows exactly what this version opens and closes beside another.
func (v *visit) compareAgreements() error {
	s, err := v.namedAgreement()
	if err != nil {
		return err
	}
	other, err := v.standingAgreement(v.r.URL.Query().Get("with"))
	if err != nil {
		return v.redirect(pathOf(s))
	}
	before, after := other, s
	if other.ID == s.ID && other.Version > s.Version {
		before, after = s, other
	}
	book, asked := v.g.cfg.Client.Snapshot().Book(v.now()), v.askedWords(&before.Agreement, &after.Agreement)
	c := officer.DiffOf(&before.Agreement, &after.Agreement, book.TypeOf)
	p := comparePage{Page: v.page("compare.title", "new", c.New, "old", c.Old), Notes: v.differences(&before.Agreement, &after.Agreement)}
	p.Back = pathOf(s)
	for _, part := range []struct {
		key, colour string
		boxes       []officer.Box
	}{{"opens", "green", c.Opens}, {"closes", "red", c.Closes}, {"changes", "yellow", c.Changes}} {
		if len(part.boxes) == 0 {
			continue
		}
		view := comparePart{Title: v.words.T("compare." + part.key), Colour: part.colour}
		for _, b := range part.boxes {
			view.Boxes = append(view.Boxes, v.boxView(&b, asked))
		}
		p.Parts = append(p.Parts, view)
	}
	return v.render("compare", p)
}

func (v *visit) boxView(b *officer.Box, asked map[string][]string) boxView {
	scope := agreement.Scope{From: b.From, To: b.To, Kinds: b.Kinds, Purposes: b.Purposes, Bases: b.Bases, Sections: b.Sections, Urgency: b.Urgency}
	view := boxView{Rows: v.scopeRows(&scope)}
	for _, term := range b.Was {
		view.Was = append(view.Was, asked[term]...)
	}
	for _, term := range b.Asks {
		view.Now = append(view.Now, asked[term]...)
	}
	return view
}

// differences tells what differs beside what may be sent, as officer.Change.Notes does in English.
func (v *visit) differences(a, b *agreement.Agreement) (list []string) {
	say := func(same bool, key string, values ...any) {
		if !same {
			list = append(list, v.words.T("compare."+key, values...))
		}
	}
	for _, id := range a.Parties {
		say(b.Party(id), "party.gone", "who", v.g.agencyName(id))
	}
	for _, id := range b.Parties {
		say(a.Party(id), "party.new", "who", v.g.agencyName(id))
	}
	at := func(t fairlead.Time) string {
		return v.words.Date(t.Time) + ", " + t.In(v.words.Zone()).Format("15:04:05 MST")
	} // in force to the second
	say(a.From.Equal(b.From.Time), "from", "old", at(a.From), "new", at(b.From))
	say(a.Until.Equal(b.Until.Time), "until", "old", at(a.Until), "new", at(b.Until))
	say(a.ReviewBy == b.ReviewBy, "review", "old", a.ReviewBy, "new", b.ReviewBy)
	say(a.NoticeDays == b.NoticeDays, "notice", "old", a.NoticeDays, "new", b.NoticeDays)
	say(a.Under == b.Under, "under", "old", either(a.Under, "–"), "new", either(b.Under, "–"))
	say(a.DPIA == b.DPIA, "dpia", "old", a.DPIA, "new", b.DPIA)
	say(a.Governance == b.Governance, "governance")
	for i := range b.Terms {
		t := &b.Terms[i]
		if old := a.Term(t.ID); old != nil {
			say(old.Text == t.Text, "term.words", "term", t.ID)
		} else {
			say(false, "term.new", "term", t.ID)
		}
	}
	for i := range a.Terms {
		say(b.Term(a.Terms[i].ID) != nil, "term.gone", "term", a.Terms[i].ID)
	}
	return list
}
