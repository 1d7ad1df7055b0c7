package hubtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"testing"
	"time"

	"fairlead/internal/client"
	"fairlead/internal/fairlead"
	"fairlead/internal/keystore"
	"fairlead/internal/registry"
)

// authority is somebody who vouches for TLS certificates.
type authority struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

// certify makes a certificate and its key, in PEM, vouched for by an authority or, with nil, by itself.
func certify(t testing.TB, by *authority, change func(c *x509.Certificate)) (self *authority, certPEM, keyPEM []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "made up"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, BasicConstraintsValid: true, IsCA: by == nil,
	}
	if change != nil {
		change(c)
	}
	parent, signer := c, key
	if by != nil {
		parent, signer = by.cert, by.key
	}
	raw, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{key, cert}, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})
}

// TestMutualTLS: a hub that asks for certificates lets nobody speak to it without one that its authority vouches for,
// whatever else they have, nor by an older TLS; and it does not start with a bad file of authorities.
func TestMutualTLS(t *testing.T) {
	t.Parallel()
	ca, caPEM, _ := certify(t, nil, nil)
	stranger, _, _ := certify(t, nil, nil)
	if bad, err := Open(context1(t), Config{Dir: t.TempDir(), Start: DefaultStart(), Listen: freeAddress(t), ClientCA: []byte("no PEM")}); err == nil {
		bad.Close()
		t.Fatal("it starts without an authority")
	}
	w, err := Open(context1(t), Config{Dir: t.TempDir(), Start: DefaultStart(), Listen: freeAddress(t), ClientCA: caPEM})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	w.join(t, registry.Request{Agency: Alder, Name: "Alder Council", Type: fairlead.TypeLA, Jurisdiction: "GB-ENG"})
	if _, err := w.Connect(context1(t), Alder); err == nil {
		t.Error("it is let in without a certificate")
	}
	over := func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }
	servers := func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }
	for name, with := range map[string]struct {
		by     *authority
		change func(c *x509.Certificate)
	}{"of another authority": {stranger, nil}, "of its own": {nil, nil}, "that is over": {ca, over}, "for servers": {ca, servers}} {
		_, cert, key := certify(t, with.by, with.change)
		if err := client.SetTLS(w.home(Alder), keystore.Unsealed, cert, key); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Connect(context1(t), Alder); err == nil {
			t.Errorf("it is let in with a certificate %s", name)
		}
	}
	_, cert, key := certify(t, ca, nil)
	_, _, other := certify(t, ca, nil)
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
	if _, err := w.Connect(context1(t), Alder); err != nil {
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
	admission, err := w.Hub.Approve(context1(t), signed)
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Join(w.home(r.Agency), *admission); err != nil {
		t.Fatal(err)
	}
}
