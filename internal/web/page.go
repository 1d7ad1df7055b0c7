// Package web is what every face of the product shares: its look (GOV.UK Design System without GOV.UK's
// brand), the frame of a page, the words of each language, and the guard before it all (OWASP ASVS).
// Pages are html/template with a struct of their own each, and work without JavaScript.
package web

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"
)

//go:embed layout
var layout embed.FS

// Page is the frame of a page; every page's own struct embeds it.
type Page struct {
	*Words
	Title    string
	Service  string // name of the agency, in the header
	CSS, JS  string
	Demo     bool
	User     string // who is signed in, for people; "" nobody
	Nav      []Link
	Langs    []Link
	Back     string
	Errors   []Fault
	Notice   string // what was just done
	News     string // address of the stream of news; "" none
	Timeout  int    // seconds until the session ends; 0 none
	Until    string // time of day at which it ends, for who runs no script
	Problem  string // what the whole house should know: the hub is away, an alarm
	Reviewed bool   // the words were read by a native speaker
}

// Link is a link of a menu.
type Link struct {
	Href, Text, Lang string
	Current          bool
	Count            int // of what waits there; 0 says nothing
}

// Fault is a mistake in a form: said in the summary and beside the field. Href is where it is put right,
// if that is another page.
type Fault struct{ Field, Text, Href string }

// FaultOf is the text beside a field, or "".
func (p *Page) FaultOf(field string) string {
	for _, f := range p.Errors {
		if f.Field == field {
			return f.Text
		}
	}
	return ""
}

// Pages are the templates of a face, each with the frame.
type Pages map[string]*template.Template

// ParsePages reads templates/*.html; a file's name without its end is the name of the page, and files
// that begin with "_" are parts for all.
func ParsePages(files fs.FS) (Pages, error) {
	base, err := template.New("").Option("missingkey=error").ParseFS(layout, "layout/*.html")
	if err != nil {
		return nil, err
	}
	names, err := fs.Glob(files, "templates/*.html")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if strings.HasPrefix(path.Base(name), "_") {
			if base, err = base.ParseFS(files, name); err != nil {
				return nil, err
			}
		}
	}
	pages := Pages{}
	for _, name := range names {
		if strings.HasPrefix(path.Base(name), "_") {
			continue
		}
		t, err := template.Must(base.Clone()).ParseFS(files, name)
		if err != nil {
			return nil, err
		}
		pages[strings.TrimSuffix(path.Base(name), ".html")] = t
	}
	return pages, nil
}

// Render writes a page whole or not at all.
func (p Pages) Render(w http.ResponseWriter, status int, name string, data any) error {
	t, ok := p[name]
	if !ok {
		return fmt.Errorf("web: no page %q", name)
	}
	var b bytes.Buffer
	if err := t.ExecuteTemplate(&b, "page", data); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, err := w.Write(b.Bytes())
	return err
}

// Framed is a part of a page with the words of the page.
type Framed struct {
	W *Words
	O any
}

// Frame hands a part of a page to a template of its own.
func (p Page) Frame(part any) Framed { return Framed{p.Words, part} }
