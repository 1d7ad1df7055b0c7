package web

import (
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io/fs"
	"maps"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // zones on machines that have none

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
)

// Locales are the words that all faces share: the frame of a page, and every code of the vocabularies.
//
//go:embed locales
var Locales embed.FS

// Language is one that pages are offered in.
type Language struct {
	Tag  string // BCP 47
	Name string // in the language itself
	Dir  string // ltr or rtl
}

// Languages are offered where their words are complete; a test holds them to it.
var Languages = []Language{{"en", "English", "ltr"}, {"ro", "Română", "ltr"}}

// Catalogue holds the words of all languages: one folder for each below locales, whose files are joined.
// A word is text with {names} in it, or an object of its plural forms by CLDR category.
type Catalogue struct {
	words   map[string]map[string]forms
	missing sync.Map // keys that a page asked for and nobody wrote
}

// forms is a word by plural category; plain text is under other.
type forms map[string]string

// UnmarshalJSON reads plain text, or an object of plural forms.
func (f *forms) UnmarshalJSON(b []byte) error {
	var text string
	if json.Unmarshal(b, &text) == nil {
		*f = forms{"other": text}
		return nil
	}
	return json.Unmarshal(b, (*map[string]string)(f))
}

// NewCatalogue joins the words of several sources. A key that stands twice in a language is an error.
func NewCatalogue(sources ...fs.FS) (*Catalogue, error) {
	c := &Catalogue{words: map[string]map[string]forms{}}
	for _, l := range Languages {
		c.words[l.Tag] = map[string]forms{}
		for _, src := range sources {
			if err := c.read(src, l.Tag); err != nil {
				return nil, err
			}
		}
	}
	return c, nil
}

func (c *Catalogue) read(src fs.FS, tag string) error {
	names, err := fs.Glob(src, path.Join("locales", tag, "*.json"))
	if err != nil {
		return err
	}
	for _, name := range names {
		raw, err := fs.ReadFile(src, name)
		if err != nil {
			return err
		}
		file := map[string]forms{}
		if err := json.Unmarshal(raw, &file); err != nil {
			return fmt.Errorf("web: %s: %w", name, err)
		}
		for key, f := range file {
			if key == "_" { // what translators should know of the file
				continue
			}
			if _, twice := c.words[tag][key]; twice {
				return fmt.Errorf("web: %s: %s stands twice", name, key)
			}
			c.words[tag][key] = f
		}
	}
	return nil
}

// Keys lists the keys of a language.
func (c *Catalogue) Keys(tag string) []string { return slices.Sorted(maps.Keys(c.words[tag])) }

// Missing lists the keys, with their language, that pages asked for and nobody wrote.
func (c *Catalogue) Missing() (list []string) {
	c.missing.Range(func(k, _ any) bool { list = append(list, k.(string)); return true })
	slices.Sort(list)
	return list
}

// Words speaks one language to one reader, in the zone of the reader's place.
type Words struct {
	Language
	c    *Catalogue
	zone *time.Location
}

// Words returns the words of a language; an unknown one is English.
func (c *Catalogue) Words(tag string, zone *time.Location) *Words {
	for _, l := range Languages {
		if l.Tag == tag {
			return &Words{l, c, zone}
		}
	}
	return &Words{Languages[0], c, zone}
}

// Choose picks the language of a request: the reader's choice, kept in a cookie, else the house's, else
// the browser's.
func Choose(r *http.Request, cookie, house string) string {
	if k, err := r.Cookie(cookie); err == nil && known(k.Value) {
		return k.Value
	}
	if known(house) {
		return house
	}
	want, _, _ := language.ParseAcceptLanguage(r.Header.Get("Accept-Language"))
	for _, t := range want {
		if base, _ := t.Base(); known(base.String()) {
			return base.String()
		}
	}
	return Languages[0].Tag
}

func known(tag string) bool {
	return slices.ContainsFunc(Languages, func(l Language) bool { return l.Tag == tag })
}

// T is the word for a key, with the values of its {names}: T("k", "name", value, …).
func (w *Words) T(key string, values ...any) string { return fill(w.form(key, "other"), values) }

// N is the word for a key in the plural form of n, which stands for {n}.
func (w *Words) N(key string, n int, values ...any) string {
	return fill(w.form(key, plural(w.Tag, n)), append(values, "n", strconv.Itoa(n)))
}

// Has reports whether there is a word for a key.
func (w *Words) Has(key string) bool { _, ok := w.c.words[w.Tag][key]; return ok }

// Code is the word for a code of a vocabulary: Code("section", "ID-CORE").
func (w *Words) Code(list string, code any) string { return w.T(list + "." + fmt.Sprint(code)) }

func (w *Words) form(key, category string) string {
	f, ok := w.c.words[w.Tag][key]
	if !ok {
		w.c.missing.Store(w.Tag+" "+key, true)
		return "[" + key + "]"
	}
	if text, ok := f[category]; ok {
		return text
	}
	return f["other"]
}

func fill(text string, values []any) string {
	for i := 0; i+1 < len(values); i += 2 {
		text = strings.ReplaceAll(text, fmt.Sprintf("{%v}", values[i]), fmt.Sprint(values[i+1]))
	}
	return text
}

// plural is the CLDR category of a whole number (LDML part 3).
func plural(tag string, n int) string {
	switch {
	case tag == "ro" && n != 1 && (n == 0 || n%100 >= 1 && n%100 <= 19):
		return "few"
	case n == 1:
		return "one"
	}
	return "other"
}

// Date is a day in the reader's zone: 13 January 2027.
func (w *Words) Date(t time.Time) string {
	t = t.In(w.zone)
	return fmt.Sprintf("%d %s %d", t.Day(), w.T("month."+strconv.Itoa(int(t.Month()))), t.Year())
}

// Clock is a time of day with its zone: 20:53 GMT. Partners are elsewhere.
func (w *Words) Clock(t time.Time) string { return t.In(w.zone).Format("15:04 MST") }

// When is an instant for a page, with the instant itself for programs.
func (w *Words) When(t time.Time) template.HTML {
	return template.HTML(fmt.Sprintf(`<time datetime="%s">%s, <span class="app-nowrap">%s</span></time>`,
		t.UTC().Format(time.RFC3339), template.HTMLEscapeString(w.Date(t)), w.Clock(t)))
}

// Zone is where the reader's clock is.
func (w *Words) Zone() *time.Location { return w.zone }

// Country is the name of a State or nation by its ISO 3166 code.
func (w *Words) Country(code string) string {
	if w.Has("jurisdiction." + code) {
		return w.T("jurisdiction." + code)
	}
	region, err := language.ParseRegion(code)
	if err != nil {
		return code
	}
	return display.Regions(language.MustParse(w.Tag)).Name(region)
}

// Tongue is the name of a language by its BCP 47 tag.
func (w *Words) Tongue(tag string) string {
	t, err := language.Parse(tag)
	if err != nil {
		return tag
	}
	return display.Languages(language.MustParse(w.Tag)).Name(t)
}
