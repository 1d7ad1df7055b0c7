package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"fairlead/internal/fairlead"
	"fairlead/internal/gateway"
	"fairlead/internal/hubtest"
	"fairlead/internal/schema"
)

// face is an agency whose pages the demo serves, and its made-up people.
type face struct {
	agency   fairlead.AgencyID
	language string
	port     int
	people   []person
}

type person struct {
	gateway.Person
	role fairlead.Role
}

var faces = []face{
	{"NOR-CSC", "en", 8801, []person{
		{gateway.Person{User: "SW1", Name: "Nell Ashdown"}, "PRACTITIONER"},
		{gateway.Person{User: "TM1", Name: "Tom Merrow"}, "TEAM_MANAGER"},
		{gateway.Person{User: "DP1", Name: "Dot Pell"}, "DPO"},
	}},
	{"NOR-POL", "en", 8802, []person{{gateway.Person{User: "PC1", Name: "Pat Corrin"}, "PRACTITIONER"}}},
	{"RO-DIR", "ro", 8803, []person{
		{gateway.Person{User: "D4", Name: "Dana Inventata"}, "PRACTITIONER"}, {gateway.Person{User: "D1", Name: "Dan Nascocit"}, "TEAM_MANAGER"},
	}},
}

// serve lets the clock run on from the end of the story and serves the pages of three agencies; the
// others only store what they get.
func (d *demo) serve(ctx context.Context, contents *schema.Set) error {
	d.world.Clock.Run()
	var wg sync.WaitGroup
	var served []*gateway.Gateway
	ctx, stop := context.WithCancel(ctx)
	defer func() {
		stop()
		wg.Wait()
		for _, g := range served {
			g.Close()
		}
	}()
	faced := map[fairlead.AgencyID]bool{}
	for _, f := range faces {
		if d.world.Agency(f.agency) == nil {
			continue // another story
		}
		ln, err := listen(f.port)
		if err != nil {
			return err
		}
		g, err := d.face(ctx, f, contents, fmt.Sprintf("http://localhost:%d", ln.Addr().(*net.TCPAddr).Port))
		if err != nil {
			return errors.Join(fmt.Errorf("pages of %s: %w", f.agency, err), ln.Close())
		}
		served, faced[f.agency] = append(served, g), true
		d.open(ctx, &wg, g, ln)
	}
	for _, a := range d.world.Agencies() {
		if !faced[a.ID] {
			wg.Go(func() { keepUp(ctx, a) })
		}
	}
	if len(served) > 0 {
		d.say("  Sign in by choosing a person. Write as NOR-CSC, read as RO-DIR; the story's messages are there already.")
	}
	<-ctx.Done()
	return nil
}

// face puts the people of an agency on its register of staff and opens its gateway.
func (d *demo) face(ctx context.Context, f face, contents *schema.Set, origin string) (*gateway.Gateway, error) {
	a := d.world.Agency(f.agency)
	for _, p := range f.people {
		if m := a.Snapshot().Member(f.agency, p.User); m != nil && m.Role == p.role {
			continue
		}
		draft, err := a.Home.StaffDraft(a.Client, p.User, p.role)
		if err != nil {
			return nil, err
		}
		draft.Role, draft.User = "DPO", "dpo"
		if _, err := d.world.Send(ctx, f.agency, draft); err != nil {
			return nil, err
		}
	}
	g, err := gateway.New(gateway.Config{
		Home: a.Home, Client: a.Client, Schema: contents, Origin: origin, Hosts: []string{"localhost", "127.0.0.1"},
		Language: f.language, Idle: 30 * time.Minute, Demo: true, Now: d.world.Clock.Now, Log: zerolog.Nop(),
	})
	if err != nil {
		return nil, err
	}
	d.say("  %-8s  %s", f.agency, origin)
	for _, p := range f.people {
		if err := g.AddPerson(p.Person); err != nil {
			return nil, errors.Join(err, g.Close())
		}
		d.say("            %s, %s (%s)", p.Name, p.User, p.role)
	}
	return g, nil
}

// listen takes a port of this machine, or another one where that is taken.
func listen(port int) (net.Listener, error) {
	ln, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		ln, err = net.Listen("tcp", "127.0.0.1:0")
	}
	return ln, err
}

// open serves the pages and takes the agency's mail until ctx ends.
func (d *demo) open(ctx context.Context, wg *sync.WaitGroup, g *gateway.Gateway, ln net.Listener) {
	srv := gateway.Server(ctx, g.Handler())
	wg.Go(func() { srv.Serve(ln) }) //nolint:errcheck // it ends when the demo does
	wg.Go(func() { g.Run(ctx) })    //nolint:errcheck // it ends when the demo does
	wg.Go(func() { <-ctx.Done(); shut(srv) })
}

func shut(srv *http.Server) {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	if srv.Shutdown(ctx) != nil {
		srv.Close()
	}
}

// keepUp lets an agency without pages store what it gets.
func keepUp(ctx context.Context, a *hubtest.Agency) {
	for ctx.Err() == nil {
		if _, err := a.Sync(ctx, 2*time.Second); err != nil && ctx.Err() == nil {
			select {
			case <-ctx.Done():
			case <-time.After(2 * time.Second):
			}
		}
	}
}
