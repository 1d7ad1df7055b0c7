package gateway_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/csv"
	"encoding/hex"
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
	for _, bad := range []string{"<script", "href=", "src=", "<form", "<button"} { // TestExportedFiles: with files there are links, to these alone
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
	taken := func(r *reader) int {
		_, inbox := r.get("/inbox/export")
		_, one := r.get(case4 + "/export")
		return strings.Count(inbox+one, "Dana Inventata, practician: ")
	}
	before := taken(d4)
	w.Clock.Set(w.Clock.Now().Add(16 * 60e9))
	d4.post(case4+"/export", url.Values{"format": {"csv"}})
	if _, body = d4.post("/inbox/export", nil); !strings.HasPrefix(body, "/sign-in/again?") {
		t.Errorf("exported without a fresh proof of who it is: %s", body)
	}
	if _, body = d4.get("/inbox/export"); !strings.HasPrefix(body, "/sign-in/again?") {
		t.Errorf("the page does not ask early: %s", body)
	}
	if _, body = d4.post(case4+"/export", url.Values{"format": {"html"}}); !strings.HasPrefix(body, "/sign-in/again?") {
		t.Errorf("a case is handed over without a fresh proof of who it is: %s", body)
	}
	if after := taken(birch.signIn(t, "D4")); after != before || before == 0 {
		t.Errorf("%d files left, %d before anybody had to show who they are", after, before)
	}
}

// fileLinks are all links of an exported case.
var fileLinks = regexp.MustCompile(`href="([^"]*)"`)

// fileIn is the file that an exported case holds as its nth.
func (r *reader) fileIn(file, n string) []byte {
	r.t.Helper()
	part := regexp.MustCompile(`(?s)<section id="file-` + n + `">.*?</section>`).FindString(file)
	m := regexp.MustCompile(`<a download="([^"]*)" href="data:application/octet-stream;base64,([^"]*)"`).FindStringSubmatch(part)
	if m == nil {
		r.t.Fatalf("no file %s in %s", n, part)
	}
	raw, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(m[2], "&#43;", "+"))
	sum := sha256.Sum256(raw)
	if err != nil || !strings.Contains(part, hex.EncodeToString(sum[:])) || m[1] != "file-"+n+"-BIO-PHOTO.jpg" {
		r.t.Errorf("file %s is not what the page says of it: %v", n, err)
	}
	return raw
}

// pictured sends an alert with a photograph.
func (r *reader) pictured(ref string, photo []byte) (thread string) {
	r.t.Helper()
	answers := r.s.alert(ref)
	answers["law"].Set("p18", "CANNOT_REASONABLY_OBTAIN")
	draft := r.write("alert.missing", answers)
	if status, body := r.upload(draft+"/find", answers["find"], "photo", photo); status != http.StatusOK {
		r.t.Fatal(body)
	}
	return r.send(draft)
}

// TestExportedFiles: the files of messages go out inside the one file, each once, to be saved and never to be run;
// those about a restricted child stay at home until a reason was given, and the record says which it was.
func TestExportedFiles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alder := w.serve(hubtest.Alder, "en")
	w.keepUp(hubtest.Alder)
	sw := alder.signIn(t, "SW1")
	photo := picture(t)
	thread := sw.pictured("N-7", photo) // to two agencies
	path, html := thread+"/export", url.Values{"format": {"html"}}
	_, file := sw.take(path, html)
	if !bytes.Equal(sw.fileIn(file, "1"), photo) || strings.Contains(file, `id="file-2"`) || strings.Count(file, `href="#file-1"`) != 2 {
		t.Errorf("the photograph is not in the file once: %s", file)
	}
	for _, link := range fileLinks.FindAllStringSubmatch(file, -1) {
		if link[1] != "#file-1" && !strings.HasPrefix(link[1], "data:application/octet-stream;base64,") {
			t.Errorf("the file leads to %s", link[1])
		}
	}
	sw.says(thread, "the case in one file, with its photographs and other files")

	sw.post(thread+"/restrict", url.Values{"next": {"restrict"}, "reason": {"family"}})
	sent := sw.sentTo(thread, "Birch")
	sw.says(sent, "JPEG picture") // on these pages who looks for the child sees the face
	if _, file = sw.take(path, html); strings.Contains(file, "base64") || strings.Contains(file, "JPEG") || !strings.Contains(file, "so are photographs and other files") {
		t.Errorf("a photograph of a restricted child leaves the house: %s", file)
	}
	sw.says(thread, "without where the child is and without files", "Nobody has seen it here")
	sw.post(thread+"/whereabouts", url.Values{"next": {path}, "reason": {"court"}})
	if _, file = sw.take(path, html); !bytes.Equal(sw.fileIn(file, "1"), photo) {
		t.Errorf("it is left out although a reason was given: %s", file)
	}
	sw.says(thread, "with where the child is, photographs and other files")
	if _, body := sw.get(thread); strings.Count(body, "Nell Ashdown, practitioner: A court or the police asks") != 3 { // the reason, and each share that was copied
		t.Errorf("the copies are not recorded: %s", body)
	}
}

// TestExportLimit: an export holds so many bytes of files, and names those that it leaves out.
func TestExportLimit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alder := w.serve(hubtest.Alder, "ro")
	w.keepUp(hubtest.Alder)
	sw := alder.signIn(t, "SW1")
	thread := ""
	for i := range 6 { // of 3 MB less a little
		thread = sw.pictured("N-7", append(append(picture(t), byte(i)), make([]byte, 2900<<10)...))
	}
	_, file := sw.take(thread+"/export", url.Values{"format": {"html"}})
	for n, want := range map[string]bool{"1": true, "5": true, "6": false} {
		part := regexp.MustCompile(`(?s)<section id="file-` + n + `">.*?</section>`).FindString(file)
		if part == "" || strings.Contains(part, "data:") != want || strings.Contains(part, "cel mult 16 MB de fișiere. Salvați-l din mesajul lui.") == want {
			t.Errorf("file %s: %s", n, part[:min(len(part), 400)])
		}
	}
	sw.says(thread+"/export", "până la 16 MB împreună")
}

// TestOfflineFile: the file opens in a browser with no look of its own missing, nothing blocked and nothing that
// axe-core holds against it; on paper a page shows what it says and none of its buttons.
func TestOfflineFile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alder := w.serve(hubtest.Alder, "en")
	w.keepUp(hubtest.Alder)
	r, b := alder.signIn(t, "SW1"), alder.tab(t)
	photo := picture(t)
	thread := r.pictured("N-7", photo)
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
	if got := b.download("a[download]"); !bytes.Equal(got, photo) {
		t.Errorf("the photograph in it is saved as %d bytes, want %d", len(got), len(photo))
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
