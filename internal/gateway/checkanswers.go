package gateway

import (
	"errors"
	"html/template"
	"slices"
	"strings"
	"time"

	"fairlead/internal/client"
	"fairlead/internal/fairlead"
	"fairlead/internal/policy"
	"fairlead/internal/web"
)

// outcome is what will happen, or has happened, with the share of one recipient.
type outcome struct {
	Who, What, Look string // Look: good, part or bad
	Colour          string
	Ground          string
	Sees            []string
	Withheld        []withheldLine
	Reasons         []string
	Due             []dueLine
	Abroad          string
	Past            bool // it has been decided
}

type withheldLine struct{ Name, Why string }

type dueLine struct {
	What string
	When template.HTML
}

// checkPage is the last page before a message goes.
type checkPage struct {
	web.Page
	ID, Caption string
	Version     int
	Stages      []checkedStage
	Outcomes    []outcome
	Ready       bool // nothing is missing, and somebody gets it
	Nobody      bool // every share would be refused
	Away        bool
	Unsure      bool
	Who         bool // the recipients may be changed
	Override    bool // a refusal keeps a section
}

type checkedStage struct {
	Name, Title string
	Rows        []row
}

// checkAnswers shows what was written and what will become of it.
func (v *visit) checkAnswers(d *written, f form) error {
	p := checkPage{Page: v.page("check.title"), ID: d.ID, Caption: v.words.Code("kind", f.kind), Version: d.Version, Unsure: d.Sent == "sending", Away: v.g.away() != nil, Who: slices.Contains(f.names(d), stageWho)}
	p.Back = "/send/" + d.ID + "/" + f.before(d, stageCheck)
	missing := v.checkAll(d, f)
	if err := v.drawsDraft(d); err != nil {
		return err
	}
	p.Stages = v.checkedStages(d, f)
	if len(missing) == 0 {
		out, err := v.build(d, f)
		if err != nil {
			return err
		}
		previews, err := v.previews(d, out)
		if err != nil {
			return err
		}
		for _, pr := range previews {
			p.Outcomes = append(p.Outcomes, v.outcome(pr.To, pr.Decision))
		}
		p.Override = !d.overrides() && len(refusedCodes(previews)) > 0
		p.Nobody = !slices.ContainsFunc(previews, func(pr client.Preview) bool { return pr.Decision.Result != fairlead.Refused })
		p.Ready = !p.Nobody
	}
	p.Errors = append(p.Errors, missing...)
	if err := v.drewDraft(d); err != nil {
		return err
	}
	return v.render("check", p)
}

// checkAll looks at every stage again and says what is missing, with a link to where it is asked.
func (v *visit) checkAll(d *written, f form) []web.Fault {
	before := v.faults
	v.faults = nil
	defer func() { v.faults = before }()
	lead := func(stage string) { // to the page where it is put right
		for i, fault := range v.faults {
			if fault.Href == "" {
				v.faults[i].Href = "/send/" + d.ID + "/" + stage + "?return=1#" + fault.Field
			}
		}
	}
	for _, s := range f.stages {
		for _, q := range s.asks {
			v.check(d, f, q)
		}
		lead(s.name)
	}
	if _, err := v.g.cfg.Client.Recipients(&client.Draft{To: d.Values["to"]}); err != nil {
		if !slices.Contains(f.names(d), stageWho) { // what it follows was asked back meanwhile
			v.refuse("", "fault.follows_nothing")
			return v.faults
		}
		v.refuse("to", "fault.who")
		lead(stageWho)
		return v.faults
	}
	if err := v.checkLaw(d, f); err != nil {
		v.refuse("", "fail.text")
	}
	lead(stageLaw)
	if len(v.faults) > 0 {
		return v.faults
	}
	if out, err := v.build(d, f); err != nil || v.contentFaults(out) != nil {
		v.refuse("", "fault.content")
		v.g.cfg.Log.Warn().Err(errors.Join(err, v.contentFaults(out))).Str("kind", f.kind).Msg("a form wrote what its schema refuses")
	}
	return v.faults
}

// checkedStages are the answers, each with a way to change it.
func (v *visit) checkedStages(d *written, f form) (list []checkedStage) {
	w := v.words
	for _, s := range f.stages {
		stage := checkedStage{Name: s.name, Title: w.T(stageTitle(s.name))}
		for _, q := range s.asks {
			stage.Rows = append(stage.Rows, row{
				Key: v.labelOf(q), Text: v.answerWords(d, f, q), Name: v.labelOf(q), Href: "/send/" + d.ID + "/" + s.name + "?return=1#" + q.name,
			})
		}
		list = append(list, stage)
	}
	if f.record != nil {
		return list
	}
	law := checkedStage{Name: stageLaw, Title: w.T("step.law")}
	fields, err := v.lawFields(d, f) // what is asked depends on who gets it
	if err != nil {                  // nobody yet
		return list
	}
	for _, fd := range fields {
		for _, o := range fd.Options {
			if o.Checked {
				law.Rows = append(law.Rows, row{Key: fd.Label, Text: plain(o.Label), Name: fd.Label, Href: "/send/" + d.ID + "/law?return=1#" + fd.Name})
			}
		}
	}
	if out, err := v.build(d, f); err == nil {
		law.Rows = append(law.Rows, row{Key: w.T("message.handling"), Text: template.HTML(template.HTMLEscapeString(w.Code("tlp", out.TLP) + " · " + w.Code("gsc", out.GSC)))})
	}
	return append(list, law)
}

// answerWords is an answer as its reader will see it.
func (v *visit) answerWords(d *written, f form, q question) template.HTML {
	w, shape := v.words, v.sort(f, q)
	if q.placed() && v.veil.meets() {
		return v.hidden()
	}
	var text string
	switch value := d.Values.Get(q.name); shape.Form {
	case "date":
		if t, ok := v.day(d, q.name); ok {
			text = w.Date(t)
		}
	case "instant":
		if t, ok := v.instant(d, q.name); ok {
			return w.When(t)
		}
	case "file":
		if len(d.Photo) > 0 {
			text = w.T("photo.kept", "n", (len(d.Photo)+1023)/1024)
		}
	case "bool":
		text = map[string]string{"true": w.T("yes"), "false": w.T("no")}[value]
	case "country":
		text = w.Country(value)
	case "language":
		text = w.Tongue(value)
	case "agency":
		text = v.g.agencyName(fairlead.AgencyID(value))
	case "places", "codes", "code":
		var words []string
		for _, one := range d.Values[q.name] {
			if one != "" && shape.Form == "places" {
				words = append(words, w.Country(one))
			} else if one != "" {
				words = append(words, v.codeWords(q, shape, one))
			}
		}
		text = strings.Join(words, ", ")
	default:
		text = value
	}
	if text == "" {
		text = w.T("notgiven")
	}
	return template.HTML(`<p class="app-text" dir="auto">` + template.HTMLEscapeString(text) + `</p>`)
}

// outcome says a decision in words: who sees what, what is withheld and why, what is due when.
func (v *visit) outcome(to fairlead.AgencyID, d policy.Decision) outcome {
	w := v.words
	o := outcome{Who: v.g.agencyName(to), What: w.Code("result", d.Result)}
	switch d.Result {
	case fairlead.Delivered:
		o.Look, o.Colour = "good", "green"
	case fairlead.DeliveredRedacted:
		o.Look, o.Colour = "part", "orange"
	case fairlead.Held:
		o.Look, o.Colour = "part", "yellow"
	default:
		o.Look, o.Colour = "bad", "red"
	}
	if d.Ground != fairlead.GroundNone && d.Ground != "" {
		o.Ground = w.Code("ground", d.Ground)
		if d.Agreement != "" {
			o.Ground = w.T("ground.by", "ref", d.Agreement, "title", v.agreementTitle(d.Agreement))
		}
	}
	own, other := v.g.cfg.Client.Snapshot().Agency(v.g.agency), v.g.cfg.Client.Snapshot().Agency(to)
	if to == fairlead.Hub {
		o.Who = w.T("who.hub")
	}
	if own != nil && other != nil && to != fairlead.Hub && own.Jurisdiction.State() != other.Jurisdiction.State() {
		o.Abroad = w.T("abroad", "country", w.Country(other.Jurisdiction.State()))
	}
	for _, c := range slices.Concat(d.Causes, d.Holds) {
		o.Reasons = append(o.Reasons, v.cause(c))
	}
	if d.Result == fairlead.Refused {
		o.Reasons = append(o.Reasons, v.sectionReasons(d)...)
	}
	for _, s := range d.Sections {
		if s.Delivered || d.Result == fairlead.Held && len(s.Causes) == 0 {
			o.Sees = append(o.Sees, w.Code("section", s.Code))
			continue
		}
		if d.Result != fairlead.Refused {
			o.Withheld = append(o.Withheld, withheldLine{w.Code("section", s.Code), v.causes(s.Causes)})
		}
	}
	for _, due := range d.Due {
		o.Due = append(o.Due, dueLine{w.Code("deadline", due.Code), v.due(due)})
	}
	return o
}

// sectionReasons are why nothing is left of a refused share, where its sections say so.
func (v *visit) sectionReasons(d policy.Decision) (list []string) {
	for _, s := range d.Sections {
		if len(s.Causes) > 0 && len(d.Causes) == 0 {
			list = append(list, v.words.Code("section", s.Code)+": "+v.causes(s.Causes))
		}
	}
	return list
}

func (v *visit) agreementTitle(ref string) string {
	for _, s := range v.g.cfg.Client.Snapshot().Agreements() {
		if s.Ref() == ref {
			return s.Title
		}
	}
	return ""
}

// cause is a reason in the reader's words. Where one code has several causes, the policy's own advice
// tells them apart; advice that is not known here falls back to the code.
func (v *visit) cause(c policy.Cause) string {
	for _, n := range nearer {
		if strings.HasPrefix(c.Advice, n.advice) {
			return v.words.T("why." + n.key)
		}
	}
	return v.words.Code("reason", c.Reason)
}

// nearer are the words for what the policy advises, by how its advice begins.
var nearer = []struct{ advice, key string }{
	{"it stays inside the sender's State", "home"},
	{"it never goes to a body of type", "type"},
	{"intelligence goes to", "intel"},
	{"no term of agreement", "noterm"},
	{"the question carried no such section", "reply"},
	{"term ", "term"},
	{"say under which article", "article"},
}

func (v *visit) causes(list []policy.Cause) string {
	var words []string
	for _, c := range list {
		if text := v.cause(c); !slices.Contains(words, text) {
			words = append(words, text)
		}
	}
	return strings.Join(words, " ")
}

// due is a deadline as an instant or a day.
func (v *visit) due(d policy.Due) template.HTML {
	if t, err := time.Parse(time.RFC3339, d.At); err == nil {
		return v.words.When(t)
	}
	if t, err := time.ParseInLocation(time.DateOnly, d.At, v.words.Zone()); err == nil {
		return template.HTML(template.HTMLEscapeString(v.words.T("due.endof", "day", v.words.Date(t))))
	}
	return template.HTML(template.HTMLEscapeString(d.At))
}
