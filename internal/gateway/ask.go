package gateway

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"fairlead/internal/fairlead"
	"fairlead/internal/kind"
	"fairlead/internal/schema"
	"fairlead/internal/web"
)

// sort says what kind of value a question asks for: by the schema of its section, by the kind's facts,
// or by the header.
func (v *visit) sort(f form, q question) schema.Shape {
	if q.as != "" {
		return schema.Shape{Form: q.as, Max: 15000}
	}
	head, rest, _ := strings.Cut(q.at, "/")
	switch head {
	case "facts":
		k, _ := kind.Lookup(f.kind)
		fact := k.Facts[rest]
		return schema.Shape{Form: string(fact.Form), Values: fact.Values}
	case "draft":
		return draftShapes[rest]
	}
	shape, _ := v.g.cfg.Schema.Shape(f.kind, fairlead.SectionCode(head), strings.Split(rest, "/")...)
	if shape.Form == "list" { // a list of codes is a choice of several
		items, _ := v.g.cfg.Schema.Shape(f.kind, fairlead.SectionCode(head), append(strings.Split(rest, "/"), "0")...)
		if items.Form = map[bool]string{true: "codes", false: "items"}[items.Values != nil]; items.Form == "items" {
			items.Max = 15000
		}
		return items
	}
	return shape
}

// draftShapes are the questions of the header.
var draftShapes = map[string]schema.Shape{
	"case":      {Form: "phrase", Max: 60},
	"section":   {Form: "code", List: "section"},
	"sections":  {Form: "codes", List: "section", Values: texts(without(fairlead.Sections, unasked))},
	"agencies":  {Form: "codes"},
	"purposes":  {Form: "codes", List: "purpose", Values: texts(without(fairlead.Purposes, unaskedPurposes))},
	"refused":   {Form: "codes", List: "section"},
	"override":  {Form: "code", List: "override"},
	"with":      {Form: "codes", List: "section"},
	"giver":     {Form: "code", List: "giver"},
	"assessor":  {Form: "phrase", Max: 40},
	"said":      {Form: "instant"},
	"until":     {Form: "code"},
	"withhold":  {Form: "code", List: "withhold", Values: []string{"fear", "want-to-tell-themselves", "other"}},
	"places":    {Form: "places"},
	"urgency":   {Form: "code", List: "urgency", Values: []string{"Immediate", "Expected", "Future"}},
	"certainty": {Form: "code", List: "certainty", Values: []string{"Observed", "Likely", "Possible"}},
	"threshold": {Form: "code", List: "threshold", Values: []string{"TH1", "TH2", "TH3", "TH4"}},
	"purpose":   {Form: "code", List: "purpose"},
}

// field draws a question with what was typed.
func (v *visit) field(d *written, f form, q question) web.Field {
	w := v.words
	fd := web.Field{Words: w, Form: "line", Name: q.name, Label: v.askedAs(q), Inner: q.list != "", Value: d.Values.Get(q.name), Error: either(v.faultOf(q.name), v.faultOf(q.name+"-day"))}
	if key := "q." + q.name + ".hint"; w.Has(key) {
		fd.Hint = w.T(key)
	}
	if !q.must {
		fd.Label = w.T("optional", "label", fd.Label)
	}
	switch shape := v.sort(f, q); shape.Form {
	case "text", "lines", "items", "answer":
		if fd.Form = "text"; shape.Form == "text" && shape.Max > 0 && shape.Max <= 300 {
			fd.Form = "line"
			break
		}
		if shape.Max > 0 && shape.Max < 15000 {
			fd.Max = shape.Max
		}
	case "date":
		fd.Form, fd.Parts = "date", v.dateParts(d, q.name)
	case "instant":
		fd.Form, fd.Parts = "moment", append(v.dateParts(d, q.name), v.part(d, q.name, "time", 5))
	case "phone":
		fd.Form = "short"
	case "file":
		fd.Form = "file"
		if len(d.Photo) > 0 {
			fd.Hint = w.T("photo.kept", "n", (len(d.Photo)+1023)/1024)
		}
	default:
		v.choices(&fd, d, f, q, shape)
	}
	return fd
}

func (v *visit) dateParts(d *written, name string) []web.Part {
	return []web.Part{v.part(d, name, "day", 2), v.part(d, name, "month", 2), v.part(d, name, "year", 4)}
}

func (v *visit) part(d *written, name, which string, width int) web.Part {
	return web.Part{Name: name + "-" + which, Label: v.words.T("date." + which), Value: d.Values.Get(name + "-" + which), Width: width}
}

// choices are the answers to choose from, in the reader's words.
func (v *visit) choices(fd *web.Field, d *written, f form, q question, shape schema.Shape) {
	w := v.words
	add := func(value, label string) {
		fd.Options = append(fd.Options, web.Option{Value: value, Label: label, Checked: slices.Contains(d.Values[q.name], value)})
	}
	switch shape.Form {
	case "bool":
		fd.Form = "choice"
		add("true", w.T("yes"))
		add("false", w.T("no"))
	case "jurisdiction":
		fd.Form = "list"
		for _, p := range slices.Concat(v.places(), countries) {
			add(p, w.Country(p))
		}
	case "country":
		fd.Form = "list"
		for _, c := range countries {
			add(c, w.Country(c))
		}
	case "language":
		fd.Form = "list"
		for _, l := range tongues {
			add(l, w.Tongue(l))
		}
	case "places":
		fd.Form = "choices"
		for _, p := range v.places() {
			add(p, w.Country(p))
		}
	case "agency":
		fd.Form = "list"
		for _, a := range v.g.cfg.Client.Snapshot().Agencies() {
			if a.Type == fairlead.TypeLA || q.members != nil {
				add(string(a.ID), a.Name)
			}
		}
	case "code", "codes":
		fd.Form = map[string]string{"code": "choice", "codes": "choices"}[shape.Form]
		values := v.values(d, f, q, shape)
		if len(values) > 12 || q.at == "draft/until" {
			fd.Form = map[string]string{"code": "list", "codes": "choices"}[shape.Form]
		}
		for _, value := range values {
			add(value, v.codeWords(q, shape, value))
		}
	}
	if fd.Form == "list" {
		slices.SortStableFunc(fd.Options, func(a, b web.Option) int { return strings.Compare(strings.ToLower(a.Label), strings.ToLower(b.Label)) })
	}
}

// codeWords is the word for a value of a choice.
func (v *visit) codeWords(q question, shape schema.Shape, value string) string {
	switch q.at {
	case "draft/agencies":
		return v.g.agencyName(fairlead.AgencyID(value))
	case "draft/until":
		return v.words.Date(dayOf(value))
	}
	list := codeList(shape.List)
	if list == "" {
		list = "v"
	}
	if name, ok := strings.CutPrefix(q.at, "facts/"); ok {
		return v.factWord(name, value)
	}
	return v.words.Code(list, value)
}

// places are the jurisdictions that agencies of the register are in.
func (v *visit) places() (list []string) {
	for _, a := range v.g.cfg.Client.Snapshot().Agencies() {
		if a.Jurisdiction != "GB" {
			list = append(list, string(a.Jurisdiction))
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// check finds what is wrong with an answer and says so beside it.
func (v *visit) check(d *written, f form, q question) {
	shape := v.sort(f, q)
	switch shape.Form {
	case "date":
		if _, ok := v.day(d, q.name); !ok {
			v.wanted(d, f, q, "-day", "fault.date")
		}
		return
	case "instant":
		v.checkInstant(d, f, q)
		return
	case "file", "answer":
		return
	}
	value := d.Values.Get(q.name)
	switch {
	case value == "" && d.needs(f, q):
		v.refuse(q.name, "fault.empty", "label", v.labelOf(q))
	case value == "":
	case shape.Max > 0 && len([]rune(value)) > shape.Max:
		v.refuse(q.name, "fault.long", "n", shape.Max, "label", v.labelOf(q))
	case shape.Form == "phrase" && strings.Contains(value, "\n"):
		v.refuse(q.name, "fault.lines", "label", v.labelOf(q))
	case shape.Form == "count" && !number(value):
		v.refuse(q.name, "fault.number", "label", v.labelOf(q))
	case shape.Form == "phone" && !phone(value):
		v.refuse(q.name, "fault.phone")
	case shape.Form == "lines" && len(lines(value)) > 20:
		v.refuse(q.name, "fault.questions")
	}
}

func (v *visit) checkInstant(d *written, f form, q question) {
	if _, ok := v.instant(d, q.name); ok {
		if at, _ := v.instant(d, q.name); !q.ahead && at.After(v.now().Add(5*time.Minute)) {
			v.refuse(q.name+"-day", "fault.future", "label", v.labelOf(q))
		}
		return
	}
	v.wanted(d, f, q, "-day", "fault.moment")
}

// wanted is a fault of a date, where one was begun or is needed.
func (v *visit) wanted(d *written, f form, q question, box, key string) {
	for _, name := range q.inputs() {
		if d.Values.Get(name) != "" {
			v.refuse(q.name+box, key, "label", v.labelOf(q))
			return
		}
	}
	if d.needs(f, q) {
		v.refuse(q.name+box, key, "label", v.labelOf(q))
	}
}

func (v *visit) labelOf(q question) string {
	if q.label != "" {
		return q.label
	}
	if q.members != nil {
		return v.memberWords(q)
	}
	return v.words.T("q." + q.name)
}

// askedAs is the label on the page that asks: below the title of its item, where it is asked of one.
func (v *visit) askedAs(q question) string {
	if q.list == "" {
		return v.labelOf(q)
	}
	return v.lastMembers(q.members[strings.Count(q.list, "/"):])
}

// memberWords are the words for a value that the schema asks for, wherever they stand.
func (v *visit) memberWords(q question) string {
	if len(q.members) == 1 && strings.HasPrefix(q.at, "facts/") {
		return v.factLabel("", q.name)
	}
	if q.list != "" {
		return v.itemTitle(q) + ": " + v.askedAs(q)
	}
	return v.lastMembers(q.members)
}

// lastMembers are the words for the members on the way to a value: the last two tell which it is.
func (v *visit) lastMembers(names []string) string {
	names = names[max(0, len(names)-2):]
	return strings.Join(words(names, func(name string) string { return v.words.T("m." + name) }), ": ")
}

func number(s string) bool {
	_, err := strconv.Atoi(s)
	return err == nil
}

// day reads a date of three boxes.
func (v *visit) day(d *written, name string) (time.Time, bool) {
	t, err := time.ParseInLocation("2 1 2006", strings.Join([]string{d.Values.Get(name + "-day"), d.Values.Get(name + "-month"), d.Values.Get(name + "-year")}, " "), v.words.Zone())
	return t, err == nil
}

// instant reads a date and a time of day in the reader's zone.
func (v *visit) instant(d *written, name string) (time.Time, bool) {
	day, ok := v.day(d, name)
	if !ok {
		return day, false
	}
	text := fmt.Sprintf("%s %s", day.Format(time.DateOnly), strings.ReplaceAll(d.Values.Get(name+"-time"), ".", ":"))
	t, err := time.ParseInLocation("2006-01-02 15:04", text, v.words.Zone())
	return t, err == nil
}

// phone is the form of E.164 with spaces that the schema asks for.
func phone(s string) bool {
	digits := 0
	for i, r := range s {
		switch {
		case r == '+' && i == 0, r == ' ' && i > 1:
		case r >= '0' && r <= '9' && (i > 1 || r != '0'):
			digits++
		default:
			return false
		}
	}
	return strings.HasPrefix(s, "+") && digits >= 7 && len(s) <= 25 && !strings.HasSuffix(s, " ")
}

// lines are the lines of a text that say something.
func lines(text string) (list []string) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			list = append(list, line)
		}
	}
	return list
}

// countries are those of Europe and those that children most often come from; tongues their languages.
var (
	countries = strings.Fields(`AF AL AM AT AZ BA BD BE BG BY CH CN CY CZ DE DK DZ EE EG ER ES ET FI FR GB GE GH GM GR HR HU IE IN IQ IR IT KE LB LK LT LU LV LY
		MA MD ME MK MT NG NL NO PH PK PL PT RO RS RU SD SE SI SK SN SO SY TH TN TR UA UG US VN XK ZW`)
	tongues = strings.Fields(`ar bg bn cs cy da de el en es fa ff fi fr gd hi hr hu it ku lt lv mk nl om pa pl prs ps pt ro rom ru sk so sq sr sv ta ti tr uk ur vi wo yo zh`)
)
