package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"fairlead/internal/config"
	"fairlead/internal/hubtest"
	"fairlead/internal/store"
)

// TestSample loads the commented sample as a person would use it.
func TestSample(t *testing.T) {
	var cfg Config
	if err := config.Load("../../config/fairlead-gateway.yaml", &cfg); err != nil {
		t.Fatal(err)
	}
	if err := cfg.check(); err != nil {
		t.Error(err)
	}
}

// TestConfigRefusals: what is dangerous or cannot work is refused by the name of its key.
func TestConfigRefusals(t *testing.T) {
	good := Config{Dir: "d", Listen: "127.0.0.1:8080", Origin: "http://localhost:8080"}
	if err := good.check(); err != nil {
		t.Fatal(err)
	}
	for want, edit := range map[string]func(*Config){
		"dir:":      func(c *Config) { c.Dir = "" },
		"listen:":   func(c *Config) { c.Listen = "" },
		"loopback":  func(c *Config) { c.Listen = "0.0.0.0:8080" },
		"origin:":   func(c *Config) { c.Origin = "localhost" },
		"tls_cert":  func(c *Config) { c.TLSCert = "a.crt" },
		"language:": func(c *Config) { c.Language = "xx" },
		"idle:":     func(c *Config) { c.Idle = 1 },
	} {
		cfg := good
		edit(&cfg)
		if err := cfg.check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want a fault that names %q", cfg, err, want)
		}
	}
	for _, listen := range []string{":8080", "192.0.2.1:8080", "gateway.example:8080", "[::]:8080"} {
		cfg := good
		cfg.Listen = listen
		if cfg.check() == nil {
			t.Errorf("plain HTTP is served on %s", listen)
		}
	}
}

// TestRun starts the program on an agency's folder, without a hub, makes an invitation and stops.
func TestRun(t *testing.T) {
	w := hubtest.New(t, hubtest.Config{Start: time.Now().Truncate(time.Second)})
	a := w.Agency(hubtest.Alder)
	d, err := a.Home.StaffDraft(a.Client, "SW1", "PRACTITIONER")
	if err != nil {
		t.Fatal(err)
	}
	d.Role, d.User = "DPO", "dpo"
	if _, err := w.Send(t.Context(), hubtest.Alder, d); err != nil {
		t.Fatal(err)
	}
	dir := a.Home.Dir
	w.Close()
	path := filepath.Join(t.TempDir(), "gateway.yaml")
	if err := os.WriteFile(path, []byte("dir: "+dir+"\nlisten: 127.0.0.1:0\norigin: http://localhost:8080\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := run(t.Context(), []string{"invite", "-config", path, "SW1", "Nell Ashdown"}, &out, io.Discard); err != nil || !strings.Contains(out.String(), "http://localhost:8080/invitation/") {
		t.Errorf("%v %s", err, out.String())
	}
	for _, args := range [][]string{nil, {"serve"}, {"run"}, {"invite", "-config", path}} {
		if err := run(t.Context(), args, io.Discard, io.Discard); !errors.Is(err, errUsage) {
			t.Errorf("%v: %v", args, err)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	r, pipe := io.Pipe()
	done := make(chan error, 1)
	go func() { done <- run(ctx, []string{"run", "-config", path}, pipe, io.Discard) }()
	line := make([]byte, 200)
	n, err := r.Read(line)
	if err != nil {
		t.Fatal(err)
	}
	if err := run(ctx, []string{"run", "-config", path}, io.Discard, io.Discard); !errors.Is(err, store.ErrInUse) {
		t.Errorf("two programs take one agency's mail: %v", err)
	}
	address := regexp.MustCompile(`127\.0\.0\.1:\d+`).FindString(string(line[:n]))
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "localhost"
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	stop()
	if err := <-done; err != nil {
		t.Errorf("it does not stop gracefully: %v", err)
	}
}
