package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"fairlead/internal/bus"
	"fairlead/internal/client"
	"fairlead/internal/config"
	"fairlead/internal/gateway"
	"fairlead/internal/keystore"
	"fairlead/internal/schema"
	"fairlead/internal/web"
)

// Config is the file of the program; config/fairlead-gateway.yaml is a commented sample.
type Config struct {
	// Dir is the agency's folder, as fairlead enrol and fairlead join made it.
	Dir string `yaml:"dir"`
	// PassphraseFile holds the passphrase of the agency's keys, for its owner alone to read. Without it: the
	// environment (FAIRLEAD_PASSPHRASE_FILE, FAIRLEAD_PASSPHRASE), the systemd credential fairlead-passphrase,
	// or the terminal.
	PassphraseFile string `yaml:"passphrase_file"`
	// Listen is the address to serve on. Without TLS only a loopback address is taken.
	Listen string `yaml:"listen"`
	// Origin is the address that people type, such as https://fairlead.agency.example. Passkeys belong to
	// it: another origin later means new passkeys for all.
	Origin string `yaml:"origin"`
	// Hosts are further names that the site answers to; the one of Origin need not be said.
	Hosts []string `yaml:"hosts"`
	// TLSCert and TLSKey are PEM files. Both or neither.
	TLSCert string `yaml:"tls_cert"`
	TLSKey  string `yaml:"tls_key"`
	// Language is the house's: en or ro. Left out, each browser's own is taken.
	Language string `yaml:"language"`
	// Idle ends a session that nobody used for so long, from 5m to 2h; left out, 30m.
	Idle time.Duration `yaml:"idle"`
}

// check refuses what is dangerous or cannot work.
func (c *Config) check() error {
	u, err := url.Parse(c.Origin)
	known := func(l web.Language) bool { return l.Tag == c.Language }
	if c.Idle == 0 {
		c.Idle = 30 * time.Minute
	}
	switch {
	case c.Dir == "":
		return errors.New("dir: name the agency's folder")
	case c.Listen == "":
		return errors.New("listen: give an address such as 127.0.0.1:8443")
	case err != nil || u.Hostname() == "" || u.Path != "" && u.Path != "/":
		return errors.New("origin: give the address that people type, such as https://fairlead.agency.example")
	case (c.TLSCert == "") != (c.TLSKey == ""):
		return errors.New("tls_cert, tls_key: give both or neither")
	case c.TLSCert == "" && !loopback(c.Listen):
		return errors.New("listen: without tls_cert and tls_key only a loopback address, such as 127.0.0.1:8080, is served: plain HTTP would show children's files to the network")
	case (u.Scheme == "https") != (c.TLSCert != "") && !loopback(c.Listen):
		return errors.New("origin: https where TLS is served, and nowhere else")
	case c.Language != "" && !slices.ContainsFunc(web.Languages, known):
		return errors.New("language: en, ro, or nothing")
	case c.Idle < 5*time.Minute || c.Idle > 2*time.Hour:
		return errors.New("idle: from 5m to 2h")
	}
	return nil
}

// loopback reports whether an address can be reached from this machine alone.
func loopback(listen string) bool {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return false
	}
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback()
}

// load reads the configuration that -config names; the words after the flags are returned.
func load(args []string, stderr io.Writer, words int) (*Config, []string, error) {
	flags := flag.NewFlagSet("fairlead-gateway", flag.ContinueOnError)
	flags.SetOutput(stderr)
	path := flags.String("config", "", "configuration file")
	if flags.Parse(args) != nil || *path == "" || flags.NArg() != words {
		return nil, nil, errUsage
	}
	cfg := &Config{}
	if err := config.Load(*path, cfg); err != nil {
		return nil, nil, err
	}
	if err := cfg.check(); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", *path, err)
	}
	return cfg, flags.Args(), nil
}

// open opens the agency's folder and its gateway, not yet connected.
func open(cfg *Config, log zerolog.Logger) (*gateway.Gateway, func(), error) {
	home, err := client.OpenHome(cfg.Dir, keystore.Ask(cfg.PassphraseFile))
	if err != nil {
		return nil, nil, err
	}
	if home.Schema, err = schema.Load(); err != nil {
		return nil, nil, err
	}
	c, err := home.Open(nil, time.Now, log)
	if err != nil {
		return nil, nil, err
	}
	u, _ := url.Parse(cfg.Origin) // checked
	var conn *bus.Agency
	g, err := gateway.New(gateway.Config{
		Home: home, Client: c, Schema: home.Schema, Origin: strings.TrimSuffix(cfg.Origin, "/"), Hosts: append([]string{u.Hostname()}, cfg.Hosts...),
		Secure: u.Scheme == "https", Language: cfg.Language, Idle: cfg.Idle, Now: time.Now, Log: log,
		Dial: func(ctx context.Context) (*bus.Agency, error) {
			var err error
			conn, err = home.Dial(ctx, nil, log)
			return conn, err
		},
	})
	if err != nil {
		return nil, nil, errors.Join(err, c.Close())
	}
	return g, func() {
		g.Close()
		c.Close()
		if conn != nil {
			conn.Close()
		}
	}, nil
}

// runGateway serves the pages until ctx ends, and lets requests under way finish.
func runGateway(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	cfg, _, err := load(args, stderr, 0)
	if err != nil {
		return err
	}
	g, done, err := open(cfg, zerolog.New(stderr).With().Timestamp().Logger())
	if err != nil {
		return err
	}
	defer done()
	if !g.Built() {
		fmt.Fprintln(stderr, "fairlead-gateway: built without its stylesheet and script; a plain sheet is used, and nobody can sign in with a passkey: run make assets and build again")
	}
	ln, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "serving %s on %s\n", cfg.Origin, ln.Addr())
	return serve(ctx, g, ln, cfg.TLSCert, cfg.TLSKey)
}

// serve runs the pages and the agency's mail side by side until ctx ends.
func serve(ctx context.Context, g *gateway.Gateway, ln net.Listener, cert, key string) error {
	srv := gateway.Server(ctx, g.Handler())
	mail := make(chan error, 1)
	go func() { mail <- g.Run(ctx) }()
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		stopped <- srv.Shutdown(last)
	}()
	var err error
	if cert != "" {
		err = srv.ServeTLS(ln, cert, key)
	} else {
		err = srv.Serve(ln)
	}
	if !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return errors.Join(<-stopped, <-mail)
}

// invite prints the address at which a person makes a passkey.
func invite(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	cfg, words, err := load(args, stderr, 2)
	if err != nil {
		return err
	}
	token, err := gateway.Invite(cfg.Dir, gateway.Person{User: words[0], Name: words[1]}, time.Now())
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "%s/invitation/%s\nIt holds for a day and for one passkey, once %s is on the register of staff (the page of people, or fairlead staff add). Hand it to %s yourself.\n",
		strings.TrimSuffix(cfg.Origin, "/"), token, words[0], words[1])
	return ctx.Err()
}
