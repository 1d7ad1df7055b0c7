package gateway

import (
	"errors"
	"io"
	"net/http"
	"slices"

	"fairlead/internal/client"
	"fairlead/internal/kind"
	"fairlead/internal/web"
)

// kindChoice is a kind that this person may begin.
type kindChoice struct{ Kind, Name, Says string }

type choosePage struct {
	web.Page
	Alerts, Others []kindChoice
	Drafts         []draftLine
	CannotSend     bool
}

// chooseKind offers what this agency and role may send.
func (v *visit) chooseKind() error {
	p := choosePage{Page: v.page("send.title")}
	for _, f := range slices.Concat(forms, schemaForms()) {
		k, _ := kind.Lookup(f.kind)
		own := v.g.cfg.Client.Snapshot().Agency(v.g.agency)
		if !f.begins() || own == nil || !k.MaySend(own.Type) || !k.MayAct(v.role) {
			continue
		}
		c := kindChoice{f.kind, v.words.Code("kind", f.kind), v.sendSays(f.kind)}
		if k.Plane == kind.Alert {
			p.Alerts = append(p.Alerts, c)
		} else {
			p.Others = append(p.Others, c)
		}
	}
	p.CannotSend = len(p.Alerts)+len(p.Others) == 0
	var err error
	p.Drafts, err = v.draftLines()
	if err != nil {
		return err
	}
	return v.render("send", p)
}

func (v *visit) newDraft() error {
	k, ok := kind.Lookup(v.r.FormValue("kind"))
	if !ok || !k.MayAct(v.role) {
		return errForbidden
	}
	return v.startDraft(k.Code, nil)
}

// names are all stages of a form, in order.
func (f form) names(d *written) []string {
	var list []string
	for _, s := range f.stages {
		list = append(list, s.name)
	}
	if f.record != nil { // it goes to the hub
		return append(list, stageCheck)
	}
	if d.ReplyTo.IsZero() && len(d.Follows) == 0 {
		list = append(list, stageWho)
	}
	return append(list, stageLaw, stageCheck)
}

func (f form) after(d *written, name string) string {
	list := f.names(d)
	return list[min(slices.Index(list, name)+1, len(list)-1)]
}

func (f form) before(d *written, name string) string {
	list := f.names(d)
	if i := slices.Index(list, name); i > 0 {
		return list[i-1]
	}
	return ""
}

// askPage is one stage of a form.
type askPage struct {
	web.Page
	ID, Step    string
	Caption     string
	Lead        string // a sentence before the questions
	Parts       []askPart
	Items       bool // some may be added or removed
	Groups      []recipientGroup
	Version     int
	ReturnCheck bool
	Multipart   bool
	WhoError    string
}

// askStep asks one stage; check is a page of its own.
func (v *visit) askStep() error {
	d, f, err := v.draft()
	if err != nil {
		return err
	}
	step := v.r.PathValue("step")
	if step == stageOverride {
		f = f.overriding()
	}
	if !slices.Contains(f.names(d), step) {
		return errNotFound
	}
	if d.Sent != "" && d.Sent != "sending" {
		return v.redirect("/cases/" + d.Sent + "?done=queued")
	}
	if step == stageCheck {
		return v.checkAnswers(d, f)
	}
	if away, err := v.veilStep(d, f, step); away || err != nil {
		return err
	}
	return v.drawStep(d, f, step)
}

func (v *visit) drawStep(d *written, f form, step string) error {
	w := v.words
	p := askPage{Page: v.page(stageTitle(step)), ID: d.ID, Step: step, Caption: w.Code("kind", f.kind), Version: d.Version, ReturnCheck: v.r.FormValue("return") != ""}
	if key := "step." + step + ".lead"; w.Has(key) {
		p.Lead = w.T(key)
	}
	p.Back = "/send"
	if step == stageOverride {
		p.Back = "/send/" + d.ID + "/" + stageCheck
		return v.drawOverride(d, f, p)
	}
	if b := f.before(d, step); b != "" {
		p.Back = "/send/" + d.ID + "/" + b
	}
	var err error
	switch step {
	case stageWho:
		p.Groups, p.WhoError = v.recipients(d), v.faultOf("to")
	case stageLaw:
		if _, err := v.g.cfg.Client.Recipients(&client.Draft{To: d.Values["to"]}); err != nil {
			return v.redirect("/send/" + d.ID + "/" + stageWho)
		}
		var fields []web.Field
		fields, err = v.lawFields(d, f)
		p.Parts = []askPart{{Fields: fields}}
	default:
		p.Parts, p.Multipart = v.parts(d, f, f.stage(step))
		p.Items = slices.ContainsFunc(p.Parts, func(part askPart) bool { return part.Anchor != "" })
	}
	if err != nil {
		return err
	}
	return v.render("ask", p)
}

func (f form) stage(name string) stage {
	for _, s := range f.stages {
		if s.name == name {
			return s
		}
	}
	return stage{}
}

// saveStep keeps what was typed, whatever is wrong with it, and goes on when nothing is.
func (v *visit) saveStep() error {
	if err := v.parse(); err != nil {
		return err
	}
	v.g.drafting.Lock()
	defer v.g.drafting.Unlock()
	d, f, err := v.draft()
	if err != nil {
		return err
	}
	step := v.r.PathValue("step")
	if step == stageOverride {
		f = f.overriding()
	}
	if !slices.Contains(f.names(d), step) || step == stageCheck {
		return errNotFound
	}
	if d.Sent != "" {
		return v.redirect("/send/" + d.ID + "/" + stageCheck)
	}
	conflict := v.r.PostForm.Get("version") != "" && v.r.PostForm.Get("version") != versionOf(d)
	if conflict {
		v.refuse("", "fault.conflict", "name", v.g.nameOf(d.User))
	}
	if err := v.takeStep(d, f, step); err != nil {
		return err
	}
	if conflict { // shown with what was typed, saved when sent again
		return v.drawStep(d, f, step)
	}
	back := ""
	if v.r.PostForm.Get("return") != "" {
		back = "?return=1"
	}
	anchor := d.change(f.stage(step), v.r.PostForm)
	d.Version, d.Changed, d.User = d.Version+1, v.now(), v.user
	if err := v.g.saveDraft(d); err != nil {
		return err
	}
	if anchor != "" {
		return v.redirect("/send/" + d.ID + "/" + step + back + "#" + anchor)
	}
	if len(v.faults) > 0 && v.r.PostForm.Get("later") == "" {
		return v.drawStep(d, f, step)
	}
	f, _ = d.form() // an answer may ask for more
	switch {
	case v.r.PostForm.Get("later") != "":
		return v.redirect("/sent?done=saved")
	case v.r.PostForm.Get("return") != "" && step != stageWho, step == stageOverride:
		return v.redirect("/send/" + d.ID + "/" + stageCheck)
	}
	return v.redirect("/send/" + d.ID + "/" + f.after(d, step))
}

func versionOf(d *written) string { return itoa(d.Version) }

// parse reads the form, with a file or without.
func (v *visit) parse() error {
	err := v.r.ParseMultipartForm(5 << 20)
	if errors.Is(err, http.ErrNotMultipart) {
		err = v.r.ParseForm()
	}
	return err
}

func (v *visit) takeStep(d *written, f form, step string) error {
	switch step {
	case stageWho:
		d.Values["to"] = v.r.PostForm["to"]
		if _, err := v.g.cfg.Client.Recipients(&client.Draft{To: d.Values["to"]}); err != nil {
			v.refuse("to", "fault.who")
		}
		return nil
	case stageLaw:
		for _, name := range []string{"basis", "told", "detriment", "danger", "p18"} {
			d.Values.Set(name, v.r.PostForm.Get(name))
		}
		return v.checkLaw(d, f)
	}
	s := f.stage(step)
	d.take(s, v.r.PostForm)
	if step == stageOverride && !d.overrides() { // the refusal is followed
		d.take(s, nil)
		return nil
	}
	for _, q := range s.asks {
		if q.as == "file" {
			if err := v.takePhoto(d, q); err != nil {
				return err
			}
			continue
		}
		v.check(d, f, q)
	}
	return nil
}

// maxPhoto leaves room in a share for its other sections, in bytes.
const maxPhoto = 3 << 20

// takePhoto keeps a photograph: JPEG or PNG by its first bytes, not by its name.
func (v *visit) takePhoto(d *written, q question) error {
	if v.r.PostForm.Get("remove-"+q.name) != "" {
		d.Photo, d.Media = nil, ""
	}
	file, head, err := v.r.FormFile(q.name)
	if errors.Is(err, http.ErrMissingFile) || errors.Is(err, http.ErrNotMultipart) {
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close()
	if head.Size > maxPhoto {
		v.refuse(q.name, "fault.photo.size")
		return nil
	}
	raw, err := io.ReadAll(io.LimitReader(file, maxPhoto+1))
	if err != nil {
		return err
	}
	media := http.DetectContentType(raw)
	if media != "image/jpeg" && media != "image/png" {
		v.refuse(q.name, "fault.photo.type")
		return nil
	}
	d.Photo, d.Media = raw, media
	return nil
}
