package gateway_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/csv"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"fairlead/internal/hubtest"
)

// take downloads a file and gives its name and content.
func (r *reader) take(path string, form url.Values) (name, content string) {
	r.t.Helper()
	resp, err := r.http.PostForm(r.s.URL+path, form)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	if !strings.HasPrefix(resp.Header.Get("Content-Disposition"), "attachment;") {
		r.t.Fatalf("%s is no file to keep: %d %v\n%s", path, resp.StatusCode, resp.Header, raw)
	}
	return resp.Header.Get("Content-Disposition"), string(raw)
}

func (r *reader) takeTable(path string, form url.Values) [][]string {
	r.t.Helper()
	_, content := r.take(path, form)
	lines, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(content, "\ufeff"))).ReadAll()
	if err != nil {
		r.t.Fatal(err)
	}
	return lines
}

// TestExports: a case goes out as a table and as one file that loads nothing and runs nothing; each is recorded; where
// a restricted child is stays at home unless a reason was given; what nobody opened stays sealed.
func TestExports(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alder, birch := w.serve(hubtest.Alder, "en"), w.serve(hubtest.Birch, "ro")
	w.keepUp(hubtest.Alder, hubtest.Birch)
	sw := alder.signIn(t, "SW1")
	answers := alder.alert("=N-7/é")
	answers["child"].Set("given", "<script>alert(1)</script>")
	thread := sw.send(sw.write("alert.missing", answers))
	sw.until(thread, "Delivered: their program")
	path := thread + "/export"
	if status, body := sw.post(path, nil); status != http.StatusUnprocessableEntity || !strings.Contains(body, "Choose what you need") {
		t.Errorf("exported without a choice: %d", status)
	}
	lines := sw.takeTable(path, url.Values{"format": {"csv"}})
	if len(lines) < 3 || lines[0][0] != "Time (UTC)" || lines[1][5] != "Queued here" || lines[1][1] != "'=N-7/é" || !strings.HasSuffix(lines[1][0], "Z") {
		t.Errorf("%q", lines)
	}
	name, file := sw.take(path, url.Values{"format": {"html"}})
	if !strings.Contains(name, `"case-N-7.html"`) {
		t.Errorf("the file's name is %s", name)
	}
	style := regexp.MustCompile(`(?s)<style>(.*)</style>`).FindStringSubmatch(file)
	if style == nil {
		t.Fatal(file)
	}
	sum := sha256.Sum256([]byte(style[1]))
	for _, want := range []string{
		"8 Sample Street", "Left before breakfast.", "&lt;script&gt;", "Exported by Nell Ashdown, practitioner", "Aspen Council",
		"default-src &#39;none&#39;; style-src &#39;sha256-" + strings.ReplaceAll(base64.StdEncoding.EncodeToString(sum[:]), "+", "&#43;") + "&#39;",
	} {
		if !strings.Contains(file, want) {
			t.Errorf("the file does not say %s:\n%s", want, file)
		}
	}
	for _, bad := range []string{"<script", "href=", "src=", "<form", "<button"} {
		if strings.Contains(file, bad) {
			t.Errorf("the file holds %s", bad)
		}
	}
	sw.post(thread+"/restrict", url.Values{"next": {"restrict"}, "reason": {"family"}})
	sw.says(path, "is left out")
	if _, file = sw.take(path, url.Values{"format": {"html"}}); strings.Contains(file, "8 Sample Street") || !strings.Contains(file, "is left out") {
		t.Errorf("a restricted child's place leaves the house: %s", file)
	}
	sw.post(thread+"/whereabouts", url.Values{"next": {path}, "reason": {"court"}})
	if _, file = sw.take(path, url.Values{"format": {"html"}}); !strings.Contains(file, "8 Sample Street") || !strings.Contains(file, "A court or the police asks") {
		t.Errorf("it is left out although a reason was given, or the file does not name it: %s", file)
	}
	sw.says(thread, "Nell Ashdown, practitioner: a table of the timeline", "the case in one file, with where the child is")

	d4 := birch.signIn(t, "D4")
	message := field(t, d4.until("/inbox", `href="/messages/`), `href="(/messages/[^"]+)"`)
	_, body := d4.get(message)
	case4 := field(t, body, `href="(/cases/[^"/]+)"`)
	if _, file = d4.take(case4+"/export", url.Values{"format": {"html"}}); strings.Contains(file, "Left before") || !strings.Contains(file, "Nimeni din această instituție nu l-a deschis") {
		t.Errorf("an export opens what nobody opened: %s", file)
	}
	if lines = d4.takeTable("/inbox/export?kind=alert.missing", nil); len(lines) != 2 || lines[1][3] != "ALDER" {
		t.Errorf("%q", lines)
	}
	if lines = d4.takeTable("/inbox/export?kind=referral.new", nil); len(lines) != 1 {
		t.Errorf("the filter is forgotten: %q", lines)
	}
	d4.says("/inbox/export", "Dana Inventata, practician: un tabel al mesajelor primite")
	w.Clock.Set(w.Clock.Now().Add(16 * 60e9))
	if _, body = d4.post("/inbox/export", nil); !strings.HasPrefix(body, "/sign-in/again?") {
		t.Errorf("exported without a fresh proof of who it is: %s", body)
	}
	if _, body = d4.get("/inbox/export"); !strings.HasPrefix(body, "/sign-in/again?") {
		t.Errorf("the page does not ask early: %s", body)
	}
	if _, body = d4.post(case4+"/export", url.Values{"format": {"html"}}); !strings.HasPrefix(body, "/sign-in/again?") {
		t.Errorf("a case is handed over without a fresh proof of who it is: %s", body)
	}
}

// TestOfflineFile: the file opens in a browser with no look of its own missing, nothing blocked and nothing that
// axe-core holds against it; on paper a page shows what it says and none of its buttons.
func TestOfflineFile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alder := w.serve(hubtest.Alder, "en")
	w.keepUp(hubtest.Alder)
	r, b := alder.signIn(t, "SW1"), alder.tab(t)
	thread := r.send(r.write("alert.missing", alder.alert("N-7")))
	_, file := r.take(thread+"/export", url.Values{"format": {"html"}})
	path := filepath.Join(t.TempDir(), "case.html")
	if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	b.openFile(path)
	b.look("case-file")
	if font := js[string](b, `getComputedStyle(document.body).fontFamily`); !strings.Contains(font, "Arial") {
		t.Errorf("its style is blocked: %s", font)
	}
	b.signIn("SW1")
	b.open(thread)
	b.onPaper()
	b.says("Case N-7", "Alert: a child is missing")
	if left := js[string](b, `[...document.querySelectorAll("nav, button, form, .app-no-print")].filter(e => e.getClientRects().length).map(e => e.outerHTML).join("\n")`); left != "" {
		t.Errorf("things are printed that paper cannot do: %s", left)
	}
	if mark := js[bool](b, `document.querySelector(".app-marking").getClientRects().length > 0`); !mark {
		t.Error("the marking is not printed")
	}
}
