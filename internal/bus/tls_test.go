package bus_test

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"net"
	"strings"
	"testing"
	"time"

	"fairlead/internal/bus"
	"fairlead/internal/natsd"
)

func TestTLS(t *testing.T) {
	w := newWorld(t, natsd.Config{Listen: "127.0.0.1:0"})
	another := newWorld(t, natsd.Config{})
	m := w.enrol("RO")
	cfg := w.overNetwork(m)
	if !strings.HasPrefix(cfg.URL, "tls://127.0.0.1:") {
		t.Errorf("URL %q", cfg.URL)
	}
	a, err := bus.Dial(within(t), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if err := a.Publish(within(t), m.in(t, "RO", "ack"), []byte("x")); err != nil {
		t.Error(err)
	}

	cfg.CertPEM = another.server.CertPEM()
	if _, err := bus.Dial(within(t), cfg); err == nil || !strings.Contains(err.Error(), "x509") {
		t.Errorf("wrong pin: %v", err)
	}
	plain := w.overNetwork(m)
	plain.URL = strings.Replace(plain.URL, "tls:", "nats:", 1)
	if b, err := bus.Dial(within(t), plain); err != nil {
		t.Errorf("the scheme decides: %v", err) // it must not: the pin asks for TLS
	} else {
		b.Close()
	}
}

// A client that does not begin with a TLS 1.3 handshake gets not a word.
func TestNoPlainText(t *testing.T) {
	w := newWorld(t, natsd.Config{Listen: "127.0.0.1:0"})
	address := strings.TrimPrefix(w.server.ClientURL(), "tls://")
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("CONNECT {\"verbose\":false}\r\nPING\r\n")); err != nil {
		t.Fatal(err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(8 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(conn).ReadString('\n'); strings.ContainsAny(line, "{+") || err == nil {
		t.Errorf("plain text was answered %q, %v", line, err)
	}

	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(w.server.CertPEM())
	old := &tls.Config{RootCAs: roots, ServerName: "fairlead-hub", MaxVersion: tls.VersionTLS12}
	if c, err := tls.Dial("tcp", address, old); err == nil {
		c.Close()
		t.Error("TLS 1.2 was accepted")
	}
	old.MaxVersion = 0
	c, err := tls.Dial("tcp", address, old)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
}
