package natsd

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/nkeys"

	"fairlead/internal/fairlead"
	"fairlead/internal/keystore"
	"fairlead/internal/subject"
)

// Sealed seeds. Identity keys only name; signing keys sign.
const (
	operatorSeed    = "operator.seed"
	operatorSigning = "operator-signing.seed"
	sysSeed         = "sys.seed"
	sysSigning      = "sys-signing.seed"
	hubSeed         = "hub.seed"
	hubSigning      = "hub-signing.seed"

	certFile     = "tls.crt" // public, in Dir
	certKey      = "tls.key" // sealed
	operatorFile = "operator.jwt"
)

// certYears is how long the certificate is valid: it is pinned, so a change reaches every agency.
const certYears = 10

// seedPrefix says which kind of key each sealed seed is.
func seedPrefix() map[string]nkeys.PrefixByte {
	return map[string]nkeys.PrefixByte{
		operatorSeed: nkeys.PrefixByteOperator, operatorSigning: nkeys.PrefixByteOperator,
		sysSeed: nkeys.PrefixByteAccount, sysSigning: nkeys.PrefixByteAccount,
		hubSeed: nkeys.PrefixByteAccount, hubSigning: nkeys.PrefixByteAccount,
	}
}

// keys is the hub's own key material.
type keys struct {
	pairs   map[string]nkeys.KeyPair // by name
	cert    tls.Certificate
	certPEM []byte
}

// openKeys reads the keys. Until there is a store or an operator's JWT it makes those that are missing: a
// crash in the first start leaves some. Later a missing key is refused.
func openKeys(ks *keystore.Store, dir, store string) (*keys, error) {
	if ks == nil {
		return nil, fmt.Errorf("%w: no keystore is configured", ErrKeys)
	}
	if _, err := os.Stat(filepath.Join(dir, operatorFile)); errors.Is(err, fs.ErrNotExist) && len(streamDirs(store)) == 0 {
		if err := makeKeys(ks, dir); err != nil {
			return nil, fmt.Errorf("make keys: %w", err)
		}
	}
	k := &keys{pairs: map[string]nkeys.KeyPair{}}
	for name, prefix := range seedPrefix() {
		pair, err := readSeed(ks, name, prefix)
		if err != nil {
			return nil, err
		}
		k.pairs[name] = pair
	}
	return k, k.readCert(ks, dir)
}

func makeKeys(ks *keystore.Store, dir string) error {
	for name, prefix := range seedPrefix() {
		if _, err := ks.Read(name); !errors.Is(err, fs.ErrNotExist) {
			continue
		}
		pair, err := nkeys.CreatePair(prefix)
		if err != nil {
			return err
		}
		if err := writeSeeds(ks, name, pair); err != nil {
			return err
		}
	}
	if _, err := os.Stat(filepath.Join(dir, certFile)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return makeCert(ks, dir)
}

// account is the public key of one of our own accounts.
func (k *keys) account(name string) fairlead.Account {
	public, err := k.pairs[name].PublicKey()
	if err != nil {
		panic(err) // the pair was made from a seed
	}
	return fairlead.Account(public)
}

func (k *keys) readCert(ks *keystore.Store, dir string) error {
	var err error
	if k.certPEM, err = os.ReadFile(filepath.Join(dir, certFile)); err != nil {
		return fmt.Errorf("%w: TLS certificate: %w", ErrKeys, err)
	}
	private, err := ks.Read(certKey)
	if err != nil {
		return fmt.Errorf("%w: key of the TLS certificate: %w", ErrKeys, err)
	}
	defer clear(private)
	if k.cert, err = tls.X509KeyPair(k.certPEM, private); err != nil {
		return fmt.Errorf("%w: TLS certificate in %s: %w", ErrKeys, dir, err)
	}
	return nil
}

// makeCert writes a self-signed ECDSA P-256 certificate that can sign nothing else (RFC 5280 §4.2.1.9). The hub also
// shows it to a server of its own that asks who connects.
// The certificate is written last.
func makeCert(ks *keystore.Store, dir string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: subject.ServerName},
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(certYears, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true,
		DNSNames:              []string{subject.ServerName, "localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if err := ks.Write(certKey, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})); err != nil {
		return err
	}
	return keystore.WriteFile(filepath.Join(dir, certFile), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}))
}
