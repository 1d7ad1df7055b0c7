package hubtest

import (
	"crypto/tls"
	"crypto/x509"
	"testing"
	"time"

	"fairlead/internal/client"
	"fairlead/internal/fairlead"
	"fairlead/internal/keystore"
	"fairlead/internal/registry"
)

// TestMutualTLS: a hub that asks for certificates lets nobody speak to it without one that its authority vouches for,
// whatever else they have, nor by an older TLS; and it does not start with a bad file of authorities.
func TestMutualTLS(t *testing.T) {
	t.Parallel()
	ca, caPEM, _ := Certify(t, nil, nil)
	stranger, _, _ := Certify(t, nil, nil)
	if bad, err := Open(within(t), Config{Dir: t.TempDir(), Start: DefaultStart(), Listen: FreeAddress(t), ClientCA: []byte("no PEM")}); err == nil {
		bad.Close()
		t.Fatal("it starts without an authority")
	}
	w, err := Open(within(t), Config{Dir: t.TempDir(), Start: DefaultStart(), Listen: FreeAddress(t), ClientCA: caPEM})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	w.join(t, registry.Request{Agency: Alder, Name: "Alder Council", Type: fairlead.TypeLA, Jurisdiction: "GB-ENG"})
	if _, err := w.Connect(within(t), Alder); err == nil {
		t.Error("it is let in without a certificate")
	}
	over := func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }
	servers := func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }
	for name, with := range map[string]struct {
		by     *Authority
		change func(c *x509.Certificate)
	}{"of another authority": {stranger, nil}, "of its own": {nil, nil}, "that is over": {ca, over}, "for servers": {ca, servers}} {
		_, cert, key := Certify(t, with.by, with.change)
		if err := client.SetTLS(w.home(Alder), keystore.Unsealed, cert, key); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Connect(within(t), Alder); err == nil {
			t.Errorf("it is let in with a certificate %s", name)
		}
	}
	_, cert, key := Certify(t, ca, nil)
	_, _, other := Certify(t, ca, nil)
	if err := client.SetTLS(w.home(Alder), keystore.Unsealed, cert, other); err == nil {
		t.Error("a key of another certificate is kept")
	}
	if err := client.SetTLS(w.home(Alder), keystore.Unsealed, cert, key); err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	old := &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{pair}, MaxVersion: tls.VersionTLS12}
	if c, err := tls.Dial("tcp", w.cfg.Listen, old); err == nil {
		c.Close()
		t.Error("TLS 1.2 is spoken")
	}
	if _, err := w.Connect(within(t), Alder); err != nil {
		t.Fatal(err)
	}
	w.settle(t)
}

// join enrols the first agency, which does not connect yet.
func (w *World) join(t testing.TB, r registry.Request) {
	t.Helper()
	signed, err := client.Enrol(w.home(r.Agency), keystore.Unsealed, w.invitation(t), r, nil, w.Clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	admission, err := w.Hub.Approve(within(t), signed)
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Join(w.home(r.Agency), *admission); err != nil {
		t.Fatal(err)
	}
}
