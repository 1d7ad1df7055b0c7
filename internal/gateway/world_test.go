package gateway_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"fairlead/internal/client"
	"fairlead/internal/fairlead"
	"fairlead/internal/gateway"
	"fairlead/internal/hubtest"
	"fairlead/internal/schema"
)

// world is a hub with agencies, of which some have pages.
type world struct {
	*hubtest.World
	t testing.TB
}

// site is the pages of one agency, served on this machine.
type site struct {
	*gateway.Gateway
	URL    string
	agency *hubtest.Agency
	now    func() time.Time
	stop   func() // ends the pages before the test ends
}

// people who sign in in the tests, by agency.
var people = map[fairlead.AgencyID][]struct {
	gateway.Person
	role fairlead.Role
}{
	hubtest.Alder: {
		{gateway.Person{User: "SW1", Name: "Nell Ashdown"}, "PRACTITIONER"},
		{gateway.Person{User: "TM1", Name: "Tom Merrow"}, "TEAM_MANAGER"},
		{gateway.Person{User: "SG1", Name: "Sig Natory"}, "AGREEMENT_SIGNATORY"},
	},
	hubtest.Birch: {{gateway.Person{User: "D4", Name: "Dana Inventata"}, "PRACTITIONER"}},
}

func newWorld(t testing.TB) *world {
	t.Helper()
	contents, err := schema.Load()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{hubtest.New(t, hubtest.Config{Schema: contents}), t}
	w.Clock.Run()
	return w
}

// serve opens the pages of an agency; edit may change how.
func (w *world) serve(id fairlead.AgencyID, language string, edit ...func(*gateway.Config)) *site {
	w.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	a := w.Agency(id)
	for _, p := range people[id] {
		d, err := a.Home.StaffDraft(a.Client, p.User, p.role)
		if err != nil {
			w.t.Fatal(err)
		}
		d.Role, d.User = "DPO", "dpo"
		if _, err := w.Send(ctx, id, d); err != nil {
			w.t.Fatal(err)
		}
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	origin := fmt.Sprintf("http://localhost:%d", ln.Addr().(*net.TCPAddr).Port)
	contents, err := schema.Load()
	if err != nil {
		w.t.Fatal(err)
	}
	cfg := gateway.Config{
		Home: a.Home, Client: a.Client, Schema: contents, Origin: origin, Hosts: []string{"localhost"}, Language: language, Idle: 30 * time.Minute,
		Demo: true, Now: w.Clock.Now, Log: zerolog.New(testLog{w.t}).Level(zerolog.ErrorLevel),
	}
	for _, e := range edit {
		e(&cfg)
	}
	g, err := gateway.New(cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, p := range people[id] {
		if err := g.AddPerson(p.Person); err != nil {
			w.t.Fatal(err)
		}
	}
	srv := gateway.Server(ctx, g.Handler())
	var wg sync.WaitGroup
	wg.Go(func() { srv.Serve(ln) }) //nolint:errcheck // it ends with the test
	wg.Go(func() { g.Run(ctx) })    //nolint:errcheck // it ends with the test
	end := sync.OnceFunc(func() {
		stop()
		srv.Close()
		wg.Wait()
		g.Close()
		if n := g.Reports(); n > 0 {
			w.t.Errorf("%s: browsers blocked something %d times", id, n)
		}
		if m := g.Missing(); len(m) > 0 {
			w.t.Errorf("%s: words that nobody wrote: %v", id, m)
		}
	})
	w.t.Cleanup(end)
	return &site{g, origin, a, w.Clock.Now, end}
}

// keepUp lets the agencies without pages store what they get.
func (w *world) keepUp(without ...fairlead.AgencyID) {
	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for _, a := range w.Agencies() {
		mine := true
		for _, id := range without {
			mine = mine && a.ID != id
		}
		if mine {
			wg.Go(func() {
				for ctx.Err() == nil {
					a.Sync(ctx, time.Second) //nolint:errcheck // tried again
				}
			})
		}
	}
	w.t.Cleanup(func() { stop(); wg.Wait() })
}

type testLog struct{ t testing.TB }

func (l testLog) Write(b []byte) (int, error) {
	l.t.Logf("%s", strings.TrimSpace(string(b)))
	return len(b), nil
}

// reader is somebody without a browser: a client that keeps cookies.
type reader struct {
	t    testing.TB
	s    *site
	http *http.Client
}

// signIn signs somebody in by the demo's way.
func (s *site) signIn(t testing.TB, user string) *reader {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	r := &reader{t, s, &http.Client{Jar: jar}}
	if user != "" {
		if status, body := r.post("/sign-in/demo", url.Values{"user": {user}, "next": {"/"}}); status != http.StatusOK {
			t.Fatalf("sign in as %s: %d\n%s", user, status, body)
		}
	}
	return r
}

func (r *reader) get(path string) (int, string) {
	r.t.Helper()
	return r.read(r.http.Get(r.s.URL + path))
}

func (r *reader) post(path string, form url.Values) (int, string) {
	r.t.Helper()
	return r.read(r.http.PostForm(r.s.URL+path, form))
}

func (r *reader) read(resp *http.Response, err error) (int, string) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp.StatusCode, resp.Request.URL.RequestURI() + "\n" + string(body)
}

// agencyNow is the world's clock where the agency is.
func (s *site) agencyNow() time.Time {
	zone, err := time.LoadLocation("Europe/London")
	if err != nil {
		return time.Time{}
	}
	return s.now().In(zone)
}

func clientFilter(kind string) client.Filter { return client.Filter{Kind: kind} }

// posted counts what left the house, or waits to, of a kind or of those that begin so.
func (s *site) posted(kind string) int {
	_, n, err := s.agency.Posted(clientFilter(kind))
	if err != nil {
		return -1
	}
	return n
}
