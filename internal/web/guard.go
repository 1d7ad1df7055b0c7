package web

import (
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// policy allows nothing inline and nothing from elsewhere; with Trusted Types on, no text becomes code
// (CSP level 3, Trusted Types).
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; " +
	"base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'; report-uri /csp-report"

// Limits of one request.
const (
	maxForm   = 256 << 10 // bytes of a form without a file
	maxUpload = 5 << 20   // bytes of a form with one: a share takes 4 MiB
)

// Guard stands before every page: it knows the names of the site, says what browsers may do with its
// pages, refuses what another site sends, and bounds what one address may ask.
type Guard struct {
	Hosts  []string // names and addresses, without port
	Secure bool     // served over TLS
	Now    func() time.Time

	reports atomic.Int64
	mu      sync.Mutex
	window  time.Time
	asked   map[string]int
}

// Requests that one address may make in a minute: of all pages, and of those that try a sign-in.
const (
	perMinute = 1200
	tries     = 30
)

// Reports counts what browsers said they had to block. It is zero on a sound site.
func (g *Guard) Reports() int64 { return g.reports.Load() }

// Protect wraps the site. A host that is not ours is refused (421) so that no other name can be pointed
// at a loopback address (DNS rebinding); so is a form from another site (http.CrossOriginProtection).
func (g *Guard) Protect(next http.Handler) http.Handler {
	next = http.NewCrossOriginProtection().Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.headers(w.Header(), r)
		switch {
		case !g.ours(r.Host):
			http.Error(w, "this site has another name", http.StatusMisdirectedRequest)
		case !g.within(r):
			w.Header().Set("Retry-After", "60")
			http.Error(w, "too many requests; wait a minute", http.StatusTooManyRequests)
		case r.URL.Path == "/csp-report":
			g.report(w, r)
		default:
			limit := int64(maxForm)
			if strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/form-data") {
				limit = maxUpload
			}
			r.Body = http.MaxBytesReader(w, r.Body, limit)
			next.ServeHTTP(w, r)
		}
	})
}

func (g *Guard) headers(h http.Header, r *http.Request) {
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin") // no-referrer would make forms say Origin: null
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=()")
	h.Set("X-Robots-Tag", "noindex, nofollow")
	if !strings.HasPrefix(r.URL.Path, "/assets/") {
		h.Set("Cache-Control", "no-store")
	}
	if g.Secure {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}

func (g *Guard) ours(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return slices.Contains(g.Hosts, strings.ToLower(strings.Trim(host, "[]")))
}

// within counts a request against the limits of its address.
func (g *Guard) within(r *http.Request) bool {
	address, _, _ := net.SplitHostPort(r.RemoteAddr)
	g.mu.Lock()
	defer g.mu.Unlock()
	if now := g.Now(); g.asked == nil || now.Sub(g.window) >= time.Minute {
		g.window, g.asked = now, map[string]int{}
	}
	g.asked[address]++
	if r.Method == http.MethodPost && strings.HasPrefix(r.URL.Path, "/sign-in") {
		g.asked["sign-in "+address]++
	}
	return g.asked[address] <= perMinute && g.asked["sign-in "+address] <= tries
}

func (g *Guard) report(w http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, io.LimitReader(r.Body, 16<<10)) //nolint:errcheck // the report may name content: it is counted, never kept
	g.reports.Add(1)
	w.WriteHeader(http.StatusNoContent)
}
