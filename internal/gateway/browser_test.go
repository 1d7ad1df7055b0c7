package gateway_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	cdpbrowser "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// skip leaves out what cannot be tested here, loudly; where nothing may be left out it fails.
func skip(t testing.TB, why string) {
	t.Helper()
	if os.Getenv("FAIRLEAD_NO_SKIP") != "" {
		t.Fatalf("%s, and FAIRLEAD_NO_SKIP is set; run: make tools", why)
	}
	t.Skipf("LEFT OUT: %s; run: make tools", why)
}

// chromium is the browser itself, not a wrapper around it.
func chromium() string {
	for _, name := range []string{os.Getenv("FAIRLEAD_CHROMIUM"), "/usr/lib/chromium/chromium", "chromium", "google-chrome"} {
		if path, err := exec.LookPath(name); name != "" && err == nil {
			return path
		}
	}
	return ""
}

// browser starts one Chromium for all tests of this package. It resolves no name but this machine's.
var browser = sync.OnceValues(func() (context.Context, error) {
	path := chromium()
	if path == "" {
		return nil, errors.New("no Chromium")
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.Flag("headless", "new"), chromedp.Flag("disable-background-networking", true), chromedp.Flag("lang", "en-GB"),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1"), chromedp.WindowSize(1280, 900))
	alloc, _ := chromedp.NewExecAllocator(context.Background(), opts...) //nolint:govet // it lives as long as the process
	ctx, _ := chromedp.NewContext(alloc)                                 //nolint:govet // as above
	return ctx, chromedp.Do(ctx)
})

func TestMain(m *testing.M) {
	code := m.Run()
	if ctx, err := browser(); testing.Short() && err != nil || ctx == nil {
		os.Exit(code)
	} else if err == nil {
		chromedp.Cancel(ctx) //nolint:errcheck // the process ends
	}
	os.Exit(code)
}

// axe is axe-core, from the packages that the stylesheet is built from.
var axe = sync.OnceValue(func() string {
	b, err := os.ReadFile("../web/node_modules/axe-core/axe.min.js")
	if err != nil {
		return ""
	}
	return string(b)
})

// tab is one person's browser: own cookies, own window.
type tab struct {
	t   *testing.T
	ctx context.Context
	s   *site
}

func (s *site) tab(t *testing.T) *tab {
	t.Helper()
	if testing.Short() {
		t.Skip("a browser takes its time; make test runs it")
	}
	if !s.Built() || axe() == "" {
		skip(t, "the stylesheet and script are not built")
	}
	if chromium() == "" {
		skip(t, "there is no Chromium")
	}
	parent, err := browser()
	if err != nil {
		t.Fatalf("start Chromium: %v", err)
	}
	ctx, cancel := chromedp.NewContext(parent, chromedp.WithNewBrowserContext(), chromedp.WithListener(func(ev any) {
		if e, ok := ev.(*runtime.EventExceptionThrown); ok {
			t.Errorf("the page's script failed: %v", e.ExceptionDetails)
		}
	}))
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(ctx, 5*time.Minute)
	t.Cleanup(func() { stop(); cancel() })
	return &tab{t, ctx, s}
}

type act = chromedp.Action[chromedp.Void]

func (b *tab) do(acts ...act) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, acts...); err != nil {
		title, _ := chromedp.Run(b.ctx, chromedp.Title())
		b.t.Fatalf("%v (page %q)", err, title)
	}
}

func (b *tab) open(path string) { b.t.Helper(); b.do(chromedp.Navigate(b.s.URL + path)) }

// press clicks and waits for the next page.
func (b *tab) press(sel string) {
	b.t.Helper()
	b.do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.RunResponse(ctx, chromedp.Click(chromedp.CSS(sel)))
		return err
	}))
}

func (b *tab) click(sel string) { b.t.Helper(); b.do(chromedp.Click(chromedp.CSS(sel))) }

// js evaluates in the page and waits for a promise.
func js[T any](b *tab, src string) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](src, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%v in %s", err, src[:min(len(src), 80)])
	}
	return v
}

// fill types into boxes, by name.
func (b *tab) fill(values ...string) {
	b.t.Helper()
	for i := 0; i+1 < len(values); i += 2 {
		b.do(chromedp.SetValue(chromedp.CSS(fmt.Sprintf("[name=%q]", values[i])), values[i+1]))
	}
}

// choose ticks answers: name=value.
func (b *tab) choose(answers ...string) {
	b.t.Helper()
	for _, a := range answers {
		name, value, _ := strings.Cut(a, "=")
		b.click(fmt.Sprintf("input[name=%q][value=%q]", name, value))
	}
}

func (b *tab) text(sel string) string {
	b.t.Helper()
	return js[string](b, fmt.Sprintf("[...document.querySelectorAll(%q)].map(e=>e.innerText).join('\\n')", sel))
}

func (b *tab) heading(want string) {
	b.t.Helper()
	if h := b.text("h1"); !strings.Contains(h, want) {
		b.t.Fatalf("heading %q, want %q; %s", h, want, b.text("main"))
	}
}

func (b *tab) says(want ...string) {
	b.t.Helper()
	main := b.text("main")
	for _, w := range want {
		if !strings.Contains(main, w) {
			b.t.Errorf("the page does not say %q:\n%s", w, main)
		}
	}
}

// until loads the page again until it says something.
func (b *tab) until(want string) {
	b.t.Helper()
	for !strings.Contains(b.text("main"), want) {
		if b.ctx.Err() != nil {
			b.t.Fatalf("the page never says %q:\n%s", want, b.text("main"))
		}
		b.do(chromedp.Reload())
	}
}

func (b *tab) signIn(user string) {
	b.t.Helper()
	b.open("/sign-in")
	b.press(fmt.Sprintf("form:has(input[value=%q]) button", user))
}

// look keeps a picture, where shots are asked for, and runs axe-core with the rules of WCAG 2.2 AA and
// best practice on the page as it is.
func (b *tab) look(name string) {
	b.t.Helper()
	if dir := os.Getenv("FAIRLEAD_SHOTS"); dir != "" {
		png, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644)
		}
		if err != nil {
			b.t.Error(err)
		}
	}
	js[int](b, axe()+";0")
	out := js[string](b, `axe.run(document,{runOnly:["wcag2a","wcag2aa","wcag21a","wcag21aa","wcag22aa","best-practice"]})
		.then(r=>JSON.stringify(r.violations.map(v=>({id:v.id,help:v.help,n:v.nodes.map(n=>n.html.slice(0,200))}))))`)
	var faults []struct {
		ID, Help string
		N        []string
	}
	if err := json.Unmarshal([]byte(out), &faults); err != nil {
		b.t.Fatal(err)
	}
	for _, f := range faults {
		b.t.Errorf("%s: %s: %s\n   %s", name, f.ID, f.Help, strings.Join(f.N, "\n   "))
	}
	if wide := js[bool](b, "document.documentElement.scrollWidth > document.documentElement.clientWidth + 1"); wide {
		b.t.Errorf("%s: the page is wider than the window", name)
	}
}

// phone makes the window as wide as a telephone.
func (b *tab) phone() {
	b.t.Helper()
	b.do(chromedp.EmulateViewport(360, 740))
}

// openFile opens a file of this machine.
func (b *tab) openFile(path string) { b.t.Helper(); b.do(chromedp.Navigate("file://" + path)) }

// onPaper shows the page as it is printed.
func (b *tab) onPaper() {
	b.t.Helper()
	b.do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"})
		return err
	}))
}

// download presses a link that saves a file, and gives what was saved.
func (b *tab) download(sel string) []byte {
	b.t.Helper()
	dir, told := b.t.TempDir(), true
	progress := chromedp.Events(b.ctx, cdpbrowser.DownloadProgress)
	b.do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, cdpbrowser.SetDownloadBehavior, cdpbrowser.SetDownloadBehaviorParams{
			Behavior: cdpbrowser.SetDownloadBehaviorBehaviorAllowAndName, DownloadPath: dir, EventsEnabled: &told, BrowserContextID: chromedp.FromContext(ctx).BrowserContextID,
		})
		return err
	}), chromedp.Click(chromedp.CSS(sel)))
	for e, err := range progress {
		if err != nil {
			b.t.Fatal(err)
		}
		if e.State != cdpbrowser.DownloadProgressStateCompleted {
			continue
		}
		raw, err := os.ReadFile(filepath.Join(dir, e.GUID))
		if err != nil {
			b.t.Fatal(err)
		}
		return raw
	}
	b.t.Fatalf("%s saves nothing", sel)
	return nil
}
