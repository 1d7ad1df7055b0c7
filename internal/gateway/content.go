package gateway

import (
	"encoding/json"
	"html/template"
	"slices"
	"strconv"
	"strings"
	"time"

	"fairlead/internal/fairlead"
	"fairlead/internal/schema"
)

// fact is a member of a section for a reader: a text, or more facts, or a list of either.
type fact struct {
	Label string
	Text  string
	When  template.HTML
	Facts []fact
	Items []fact // of a list
}

// facts says the content of a section in words: codes by their lists, dates with their zone, members by
// their names. What no schema knows is shown as it was sent.
func (v *visit) facts(kind string, code fairlead.SectionCode, raw json.RawMessage) []fact {
	var doc map[string]any
	if json.Unmarshal(raw, &doc) != nil {
		return []fact{{Text: string(raw)}}
	}
	return v.members(reading{kind, code}, nil, doc)
}

// reading is which section is read.
type reading struct {
	kind string
	code fairlead.SectionCode
}

func (v *visit) members(rd reading, path []string, doc map[string]any) (list []fact) {
	for _, name := range order(doc) {
		if slices.Contains(quiet, name) || len(path) == 0 && name == "language" {
			continue
		}
		if v.hidesMember(name) {
			list = append(list, fact{Label: v.memberName(name), Text: v.words.T("veil.hidden")})
			continue
		}
		f := v.value(rd, append(slices.Clone(path), name), doc[name])
		if no, ok := strings.CutPrefix(f.Text, "child-"); ok && name == "child" {
			f.Text = v.words.T("child.no", "n", no)
		}
		if len(path) == 0 && name == "person" { // the section is about nobody else
			list = append(list, f.Facts...)
			continue
		}
		f.Label = v.memberName(name)
		list = append(list, f)
	}
	return list
}

// memberName is the word for a member; what nobody wrote a word for keeps its own name.
func (v *visit) memberName(name string) string {
	if key := "m." + name; v.words.Has(key) {
		return v.words.T(key)
	}
	return name
}

// quiet are the members that only programs need.
var quiet = []string{"local_ref", "script", "precision"}

// first are the members that a reader wants first, in this order; the others follow by name.
var first = []string{
	"person", "children", "who_is_at_risk", "harm_expected", "why_consent_not_followed", "code", "finding", "field", "old", "new", "words", "names", "given", "family", "dob", "dob_confidence", "sex_gender", "nationalities", "languages", "risk_type", "summary",
	"narrative", "circumstances", "category", "police_risk", "trafficking_concern", "do_not", "action_asked", "reasons", "no", "text", "status",
	"last_seen_place", "country", "admin", "locality", "line", "likely_jurisdictions", "if_found_instruction", "description",
}

func order(doc map[string]any) []string {
	var names []string
	for _, name := range first {
		if _, ok := doc[name]; ok {
			names = append(names, name)
		}
	}
	var rest []string
	for name := range doc {
		if !slices.Contains(names, name) {
			rest = append(rest, name)
		}
	}
	slices.Sort(rest)
	return append(names, rest...)
}

func (v *visit) value(rd reading, path []string, value any) fact {
	shape, _ := v.g.cfg.Schema.Shape(rd.kind, rd.code, path...)
	switch x := value.(type) {
	case map[string]any:
		if v.hidesPlace(x) {
			return fact{Text: v.words.T("veil.hidden")}
		}
		if text := v.short(x); text != "" {
			return fact{Text: text}
		}
		return fact{Facts: v.members(rd, path, x)}
	case []any:
		return v.list(rd, path, x)
	case bool:
		if x {
			return fact{Text: v.words.T("yes")}
		}
		return fact{Text: v.words.T("no")}
	case float64:
		return fact{Text: strconv.FormatFloat(x, 'f', -1, 64)}
	case string:
		return v.text(shape, x)
	}
	return fact{}
}

// short is a name or a place on one line, or nothing.
func (v *visit) short(doc map[string]any) string {
	text := func(name string) string { s, _ := doc[name].(string); return s }
	only := func(names ...string) bool {
		for name := range doc {
			if !slices.Contains(names, name) {
				return false
			}
		}
		return true
	}
	switch {
	case text("type") != "" && only("given", "family", "script", "type"):
		name := strings.TrimSpace(text("given") + " " + text("family"))
		if text("type") == "current" {
			return name
		}
		return name + " (" + v.words.Code("v", text("type")) + ")"
	case text("country") != "" && text("precision") != "" && only("country", "admin", "locality", "line", "precision"):
		var parts []string
		for _, part := range []string{text("line"), text("locality"), text("admin"), v.words.Country(text("country"))} {
			if part != "" {
				parts = append(parts, part)
			}
		}
		return strings.Join(parts, ", ")
	}
	return ""
}

// list joins short items on one line; others stand below each other.
func (v *visit) list(rd reading, path []string, items []any) fact {
	var f fact
	for i, item := range items {
		one := v.value(rd, append(slices.Clone(path), strconv.Itoa(i)), item)
		f.Items = append(f.Items, one)
	}
	if len(f.Items) == 1 {
		return f.Items[0]
	}
	var texts []string
	for _, one := range f.Items {
		if one.Text == "" || len(one.Text) > 60 || strings.HasSuffix(one.Text, ".") {
			return f
		}
		texts = append(texts, one.Text)
	}
	return fact{Text: strings.Join(texts, ", ")}
}

// text says one string by what the schema says it is.
func (v *visit) text(shape schema.Shape, s string) fact {
	w := v.words
	switch shape.Form {
	case "code":
		key := "v." + s
		if shape.List != "" {
			key = codeList(shape.List) + "." + s
		}
		if w.Has(key) {
			return fact{Text: w.T(key)}
		}
	case "country", "jurisdiction":
		return fact{Text: w.Country(s)}
	case "agency":
		return fact{Text: v.g.agencyName(fairlead.AgencyID(s))}
	case "language":
		return fact{Text: w.Tongue(s)}
	case "date":
		if t, err := time.ParseInLocation(time.DateOnly, s, w.Zone()); err == nil {
			return fact{Text: w.Date(t)}
		}
	case "instant":
		if t, err := time.Parse(time.RFC3339, s); err == nil {
			return fact{When: w.When(t)}
		}
	}
	return fact{Text: s}
}

// codeList is the name in the catalogue of a list of codes.json.
func codeList(name string) string {
	if short, ok := shortLists[name]; ok {
		return short
	}
	return name
}

// shortLists are the lists that the catalogue calls by a shorter name.
var shortLists = map[string]string{
	"legal_basis_art6": "art6", "legal_basis_art9": "art9", "annex1_condition": "annex1", "sch1_condition": "sch1", "sch1_p18_reason": "p18",
	"art10_condition": "art10", "statutory_gateway": "gateway", "transfer_mechanism": "mechanism", "consent_giver": "giver", "refusal_reason": "refusal",
}
