package web

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"fairlead/internal/fairlead"
	"fairlead/internal/kind"
	"fairlead/internal/schema"
)

func catalogue(t *testing.T) *Catalogue {
	t.Helper()
	c, err := NewCatalogue(Locales)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestLanguagesComplete: each language has the same words, with the same names in them.
func TestLanguagesComplete(t *testing.T) {
	c := catalogue(t)
	names := regexp.MustCompile(`\{\w+\}`)
	want := c.Keys("en")
	for _, l := range Languages {
		if got := c.Keys(l.Tag); !slices.Equal(got, want) {
			for _, k := range want {
				if !slices.Contains(got, k) {
					t.Errorf("%s has no word for %s", l.Tag, k)
				}
			}
			t.Errorf("%s has %d words, English %d", l.Tag, len(got), len(want))
		}
		for _, k := range want {
			a, b := names.FindAllString(c.words["en"][k]["other"], -1), names.FindAllString(c.words[l.Tag][k]["other"], -1)
			slices.Sort(a)
			slices.Sort(b)
			if !slices.Equal(a, b) {
				t.Errorf("%s %s names %v, English %v", l.Tag, k, b, a)
			}
		}
	}
}

// TestCodesHaveWords: every code that a page may show has a word in every language.
func TestCodesHaveWords(t *testing.T) {
	c := catalogue(t)
	need := map[string][]string{}
	add := func(list string, codes ...string) { need[list] = append(need[list], codes...) }
	for _, k := range kind.All() {
		add("kind", k.Code)
		for name, f := range k.Facts {
			if name == "reason" {
				add("refusal", f.Values...)
			}
		}
	}
	add("section", texts(fairlead.Sections)...)
	add("art6", texts(fairlead.Art6s)...)
	add("annex1", texts(fairlead.Annex1s)...)
	add("gateway", texts(fairlead.Gateways)...)
	add("mechanism", texts(fairlead.Mechanisms)...)
	add("p18", texts(fairlead.P18s)...)
	add("tlp", texts(fairlead.TLPs)...)
	add("gsc", texts(fairlead.GSCs)...)
	add("caveat", texts(fairlead.Caveats)...)
	add("role", texts(fairlead.Roles)...)
	add("agency_type", texts(fairlead.AgencyTypes)...)
	add("purpose", texts(fairlead.Purposes)...)
	add("threshold", texts(fairlead.Thresholds)...)
	add("urgency", texts(fairlead.Urgencies)...)
	add("severity", texts(fairlead.Severities)...)
	add("certainty", texts(fairlead.Certainties)...)
	add("told", texts(fairlead.Tolds)...)
	add("danger", texts(fairlead.DangerResults)...)
	add("giver", texts(fairlead.Givers)...)
	add("consent", texts(fairlead.ConsentStatuses)...)
	add("override", texts(fairlead.OverrideReasons)...)
	add("acked", texts(fairlead.AckLevels)...)
	add("deadline", texts(fairlead.Deadlines)...)
	add("strategy", texts(fairlead.Strategies)...)
	add("exploitation_type", texts(fairlead.Exploitations)...)
	add("method_of_control", texts(fairlead.ControlMethods)...)
	add("indicator", texts(fairlead.Indicators)...)
	add("separation_status", texts(fairlead.Separations)...)
	add("care_arrangement", texts(fairlead.CareArrangements)...)
	add("cooperation_type", texts(fairlead.Cooperations)...)
	add("assessment_domain", texts(fairlead.AssessmentDomains)...)
	add("plan_element", texts(fairlead.PlanElements)...)
	set, err := schema.Load()
	if err != nil {
		t.Fatal(err)
	}
	members, values := set.Members()
	add("v", values...)
	add("m", members...)
	for list, codes := range need {
		for _, code := range codes {
			if !c.Words("en", time.UTC).Has(list+"."+code) || !c.Words("ro", time.UTC).Has(list+"."+code) {
				t.Errorf("no word for %s.%s", list, code)
			}
		}
	}
}

func texts[T ~string](list []T) (out []string) {
	for _, x := range list {
		out = append(out, string(x))
	}
	return out
}

func TestPlurals(t *testing.T) {
	c := &Catalogue{words: map[string]map[string]forms{"en": {}, "ro": {}}}
	for tag, text := range map[string]string{"en": `{"one": "{n} day", "other": "{n} days"}`, "ro": `{"one": "{n} zi", "few": "{n} zile", "other": "{n} de zile"}`} {
		var f forms
		if err := json.Unmarshal([]byte(text), &f); err != nil {
			t.Fatal(err)
		}
		c.words[tag]["d"] = f
	}
	for _, test := range []struct {
		tag  string
		n    int
		want string
	}{
		{"en", 0, "0 days"},
		{"en", 1, "1 day"},
		{"en", 2, "2 days"},
		{"ro", 0, "0 zile"},
		{"ro", 1, "1 zi"},
		{"ro", 19, "19 zile"},
		{"ro", 20, "20 de zile"},
		{"ro", 100, "100 de zile"},
		{"ro", 101, "101 zile"},
		{"ro", 119, "119 zile"},
		{"ro", 120, "120 de zile"},
	} {
		if got := c.Words(test.tag, time.UTC).N("d", test.n); got != test.want {
			t.Errorf("%s %d: %q, want %q", test.tag, test.n, got, test.want)
		}
	}
}

// TestMissingWord: a word that nobody wrote shows as its key and is told.
func TestMissingWord(t *testing.T) {
	c := catalogue(t)
	if got := c.Words("ro", time.UTC).T("no.such"); got != "[no.such]" || !slices.Contains(c.Missing(), "ro no.such") {
		t.Errorf("%q, %v", got, c.Missing())
	}
	twice := fstest.MapFS{"locales/en/a.json": {Data: []byte(`{"k": "1"}`)}, "locales/en/b.json": {Data: []byte(`{"k": "2"}`)}}
	if _, err := NewCatalogue(twice); err == nil {
		t.Error("a word may stand twice")
	}
}

func TestDates(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Bucharest")
	if err != nil {
		t.Fatal(err)
	}
	w := catalogue(t).Words("ro", zone)
	at := time.Date(2027, 7, 1, 21, 30, 0, 0, time.UTC)
	if got := string(w.When(at)); !strings.Contains(got, "2 iulie 2027") || !strings.Contains(got, "00:30 EEST") || !strings.Contains(got, `datetime="2027-07-01T21:30:00Z"`) {
		t.Error(got)
	}
	if got := w.Country("HU") + w.Tongue("hu") + w.Country("GB-SCT"); got != "UngariamaghiarăScoția" {
		t.Error(got)
	}
}

// TestChoose: the reader's choice, the house's, the browser's, English.
func TestChoose(t *testing.T) {
	for _, test := range []struct{ cookie, house, browser, want string }{
		{"ro", "en", "en", "ro"}, {"xx", "ro", "en", "ro"}, {"", "", "ro-RO,en;q=0.5", "ro"}, {"", "", "fr", "en"}, {"", "", "", "en"},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.AddCookie(&http.Cookie{Name: "lang", Value: test.cookie})
		r.Header.Set("Accept-Language", test.browser)
		if got := Choose(r, "lang", test.house); got != test.want {
			t.Errorf("%+v: %s", test, got)
		}
	}
}

// TestAssets: files are found, compressed where that is taken, and nothing beside them; without the
// built ones there is a plain sheet.
func TestAssets(t *testing.T) {
	get := func(a *Assets, path, accepts string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.Header.Set("Accept-Encoding", accepts)
		w := httptest.NewRecorder()
		a.ServeHTTP(w, r)
		return w
	}
	p := plainAssets()
	if p.Built() || p.URL("app.js") != "" || get(p, p.URL("app.css"), "").Code != http.StatusOK {
		t.Error("the plain sheet is not served")
	}
	for _, path := range []string{"/assets/../page.go", "/assets/.gitkeep", "/assets/manifest.json", "/assets/none.css"} {
		if code := get(p, path, "").Code; code != http.StatusNotFound {
			t.Errorf("%s: %d", path, code)
		}
	}
	if got := get(p, "/assets/favicon.svg", ""); got.Code != http.StatusOK || !bytes.Contains(got.Body.Bytes(), []byte("<svg")) {
		t.Error("no icon")
	}
	a := &Assets{files: fstest.MapFS{"app-1.css": {Data: []byte("a")}, "app-1.css.br": {Data: []byte("b")}}, names: map[string]string{"app.css": "app-1.css", "app.js": "x"}}
	got := get(a, a.URL("app.css"), "gzip, br")
	if !a.Built() || got.Header().Get("Content-Encoding") != "br" || !strings.Contains(got.Header().Get("Cache-Control"), "immutable") || got.Body.String() != "b" {
		t.Errorf("%v %s", got.Header(), got.Body)
	}
}

// TestUploadLimit: a form is bounded, one with a file too.
func TestUploadLimit(t *testing.T) {
	g := &Guard{Hosts: []string{"localhost"}, Now: time.Now}
	h := g.Protect(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			http.Error(w, "large", http.StatusRequestEntityTooLarge)
		}
	}))
	for size, want := range map[int]int{10: http.StatusOK, maxForm + 10: http.StatusRequestEntityTooLarge} {
		r := httptest.NewRequest(http.MethodPost, "http://localhost/", strings.NewReader("a="+strings.Repeat("x", size)))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("%d bytes: %d, want %d", size, w.Code, want)
		}
	}
	g.Secure = true
	r := httptest.NewRequest(http.MethodPost, "http://localhost/csp-report", strings.NewReader("{}"))
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	if g.Reports() != 1 || rec.Header().Get("Strict-Transport-Security") == "" {
		t.Errorf("a report is not counted, or TLS is not said to stay: %v", rec.Header())
	}
}
