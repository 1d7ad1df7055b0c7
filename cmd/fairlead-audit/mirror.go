package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"fairlead/internal/monitor"
)

// mirror copies a log, or brings a copy up to date.
func mirror(ctx context.Context, o *options) error {
	cfg, err := o.mirrorConfig()
	if err != nil {
		return err
	}
	report, err := monitor.Mirror(ctx, cfg)
	if fork, ok := errors.AsType[*monitor.Fork](err); ok {
		return errors.Join(err, o.evidence(fork))
	}
	if err != nil {
		return err
	}
	if o.Cosigned != "" {
		if err := o.fetchCosigned(ctx); err != nil {
			return err
		}
	}
	return o.print(&report)
}

func (o *options) mirrorConfig() (cfg monitor.MirrorConfig, err error) {
	for _, f := range []struct{ name, value string }{{"-url", o.URL}, {"-credential", o.Credential}, {"-key", o.Key}} {
		if f.value == "" {
			return cfg, fmt.Errorf("%w: it wants %s, or its line in the file that -config names", errUsage, f.name)
		}
	}
	if err := o.checkURL(); err != nil {
		return cfg, err
	}
	cfg = monitor.MirrorConfig{URL: o.URL, Dir: o.Mirror, HTTP: &http.Client{
		Timeout:   5 * time.Minute, // a segment of details has up to 64 MiB
		Transport: &http.Transport{MaxIdleConnsPerHost: 8, ForceAttemptHTTP2: true, Proxy: http.ProxyFromEnvironment},
	}}
	if cfg.VKey, err = o.vkey(); err != nil {
		return cfg, err
	}
	cfg.Credential, err = o.readCredential()
	return cfg, err
}

// checkURL refuses to send the credential in clear to another machine.
func (o *options) checkURL() error {
	u, err := url.Parse(o.URL)
	if err != nil {
		return fmt.Errorf("%w: -url: %w", errUsage, err)
	}
	ip := net.ParseIP(u.Hostname())
	here := u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
	if u.Scheme == "http" && !here && !o.PlainHTTP {
		return fmt.Errorf("%w: -url is http to another machine: anybody on the way reads the credential and the details; use https, "+
			"or -plain-http inside a network you trust", errUsage)
	}
	return nil
}

func (o *options) readCredential() (string, error) {
	read := func() ([]byte, error) { return os.ReadFile(o.Credential) }
	if o.Credential == "-" {
		read = func() ([]byte, error) { return io.ReadAll(io.LimitReader(o.stdin, 4<<10)) }
	}
	b, err := read()
	if err != nil {
		return "", fmt.Errorf("%w: -credential: %w", errUsage, err)
	}
	credential := strings.TrimSpace(string(b))
	if credential == "" || strings.ContainsAny(credential, " \n\t") {
		return "", fmt.Errorf("%w: -credential: want one word in the file, as the hub's operator gave it", errUsage)
	}
	return credential, nil
}

// evidence prints the two checkpoints that show a fork.
func (o *options) evidence(f *monitor.Fork) error {
	return o.print(&evidence{Mirrored: string(f.Mirrored), Shown: string(f.Shown)})
}

// evidence is what to keep of a fork.
type evidence struct {
	Mirrored string `json:"mirrored"`
	Shown    string `json:"shown"`
}

// Words shows both checkpoints.
func (e *evidence) Words() string {
	return "checkpoint of the mirror:\n\n" + e.Mirrored + "\ncheckpoint that the hub shows:\n\n" + e.Shown
}
