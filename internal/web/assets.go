package web

import (
	"embed"
	"encoding/json"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
)

// dist is made by "npm ci && npm run build" and ignored by git; .gitkeep lets it be embedded empty.
//
//go:embed all:dist
var dist embed.FS

// plain is our own small stylesheet, for programs built without dist.
//
//go:embed plain
var plain embed.FS

// Assets are the stylesheet, script and icons of the pages.
type Assets struct {
	files fs.FS
	names map[string]string // "app.css" to the name with the hash of its content
}

// OpenAssets returns what is in this program: the built files, or the plain stylesheet alone.
func OpenAssets() *Assets {
	built, err := fs.Sub(dist, "dist")
	a := &Assets{files: built}
	if raw, readErr := fs.ReadFile(built, "manifest.json"); err == nil && readErr == nil && json.Unmarshal(raw, &a.names) == nil {
		return a
	}
	return plainAssets()
}

func plainAssets() *Assets {
	ours, _ := fs.Sub(plain, "plain") // the folder is embedded
	return &Assets{files: ours, names: map[string]string{"app.css": "plain.css", "app.rtl.css": "plain.css"}}
}

// Built reports whether the files made from npm are in this program.
func (a *Assets) Built() bool { return a.names["app.js"] != "" }

// URL is the address of a file, or "" where this program has none.
func (a *Assets) URL(name string) string {
	if a.names[name] == "" {
		return ""
	}
	return "/assets/" + a.names[name]
}

// ServeHTTP serves /assets/…, compressed where the browser takes it. What has a hash in its name is kept
// for ever.
func (a *Assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(path.Clean(r.URL.Path), "/assets/")
	files := a.files
	if name == "favicon.svg" {
		files, _ = fs.Sub(plain, "plain")
	}
	body, encoding, err := read(files, name, r.Header.Get("Accept-Encoding"))
	if err != nil || name == "manifest.json" || strings.HasPrefix(path.Base(name), ".") {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Vary", "Accept-Encoding")
	if encoding != "" {
		h.Set("Content-Encoding", encoding)
	}
	h.Set("Content-Type", mime.TypeByExtension(path.Ext(name)))
	h.Set("Cache-Control", "public, max-age=3600")
	if strings.Contains(name, "-") {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	w.Write(body) //nolint:errcheck // the reader has gone
}

func read(files fs.FS, name, accepts string) (body []byte, encoding string, err error) {
	for _, e := range []struct{ token, ext string }{{"br", ".br"}, {"gzip", ".gz"}} {
		if !strings.Contains(accepts, e.token) {
			continue
		}
		if body, err = fs.ReadFile(files, name+e.ext); err == nil {
			return body, e.token, nil
		}
	}
	body, err = fs.ReadFile(files, name)
	return body, "", err
}
