package gateway_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"fairlead/internal/gateway"
	"fairlead/internal/hubtest"
)

// TestGuard: what another site or name sends is refused, headers and cookies are strict, sign-ins are
// bounded, and the demo's way in is open in the demo alone.
func TestGuard(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alder := w.serve(hubtest.Alder, "en")
	request := func(method, path string, edit func(*http.Request)) *http.Response {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, alder.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		edit(req)
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp
	}
	if s := request("GET", "/sign-in", func(r *http.Request) { r.Host = "evil.example" }).StatusCode; s != http.StatusMisdirectedRequest {
		t.Errorf("another name is served: %d", s)
	}
	if s := request("POST", "/sign-in/demo?user=SW1", func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }).StatusCode; s != http.StatusForbidden {
		t.Errorf("another site's form is taken: %d", s)
	}
	h := request("GET", "/sign-in", func(*http.Request) {}).Header
	for name, want := range map[string]string{
		"Content-Security-Policy": "require-trusted-types-for 'script'", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin",
	} {
		if !strings.Contains(h.Get(name), want) {
			t.Errorf("%s: %q", name, h.Get(name))
		}
	}
	for _, c := range request("POST", "/sign-in/demo?user=SW1", func(*http.Request) {}).Cookies() {
		if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode {
			t.Errorf("cookie %s: %+v", c.Name, c)
		}
	}
	for range 40 {
		request("POST", "/sign-in/demo?user=SW1", func(*http.Request) {})
	}
	if s := request("POST", "/sign-in/demo?user=SW1", func(*http.Request) {}).StatusCode; s != http.StatusTooManyRequests {
		t.Errorf("sign-ins are tried without end: %d", s)
	}
	real := w.serve(hubtest.Birch, "en", func(c *gateway.Config) { c.Demo = false })
	if status, body := real.signIn(t, "").post("/sign-in/demo", url.Values{"user": {"D4"}}); status != http.StatusNotFound {
		t.Errorf("the demo's way in is open outside the demo: %d %s", status, body)
	}
}
