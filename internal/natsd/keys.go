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
	"fairlead/internal/subject"
)

// Files with seeds. Identity keys only name; signing keys sign.
const (
	operatorSeed    = "operator.seed"
	operatorSigning = "operator-signing.seed"
	sysSeed         = "sys.seed"
	sysSigning      = "sys-signing.seed"
	hubSeed         = "hub.seed"
	hubSigning      = "hub-signing.seed"

	certFile    = "tls.crt"
	certKeyFile = "tls.key"
)

// certYears is how long the certificate is valid: it is pinned, so a change reaches every agency.
const certYears = 10

// seedPrefix says which kind of key each seed file holds.
func seedPrefix() map[string]nkeys.PrefixByte {
	return map[string]nkeys.PrefixByte{
		operatorSeed: nkeys.PrefixByteOperator, operatorSigning: nkeys.PrefixByteOperator,
		sysSeed: nkeys.PrefixByteAccount, sysSigning: nkeys.PrefixByteAccount,
		hubSeed: nkeys.PrefixByteAccount, hubSigning: nkeys.PrefixByteAccount,
	}
}

// keys is the hub's own key material.
type keys struct {
	pairs   map[string]nkeys.KeyPair // by seed file
	cert    tls.Certificate
	certPEM []byte
}

// openKeys reads the directory of keys, or makes it whole if neither it nor a store exists.
func openKeys(dir, store string) (*keys, error) {
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		if len(streamDirs(store)) > 0 {
			return nil, fmt.Errorf("%w: %s is not there, but %s has data. Put the keys back from a backup", ErrKeys, dir, store)
		}
		if err := makeKeys(dir); err != nil {
			return nil, fmt.Errorf("make keys: %w", err)
		}
	}
	k := &keys{pairs: map[string]nkeys.KeyPair{}}
	for name, prefix := range seedPrefix() {
		pair, err := readSeed(filepath.Join(dir, name), prefix)
		if err != nil {
			return nil, err
		}
		k.pairs[name] = pair
	}
	return k, k.readCert(dir)
}

// makeKeys writes a complete set beside dir and renames it, so that a crash leaves all or nothing.
func makeKeys(dir string) error {
	fresh := dir + ".new"
	if err := os.RemoveAll(fresh); err != nil {
		return err
	}
	if err := os.MkdirAll(fresh, 0o700); err != nil {
		return err
	}
	for name, prefix := range seedPrefix() {
		pair, err := nkeys.CreatePair(prefix)
		if err != nil {
			return err
		}
		if err := writeSeeds(filepath.Join(fresh, name), pair); err != nil {
			return err
		}
	}
	if err := makeCert(fresh); err != nil {
		return err
	}
	return os.Rename(fresh, dir)
}

// account is the public key in an account's seed file.
func (k *keys) account(name string) fairlead.Account {
	public, err := k.pairs[name].PublicKey()
	if err != nil {
		panic(err) // the pair was made from a seed
	}
	return fairlead.Account(public)
}

func (k *keys) readCert(dir string) error {
	var err error
	if k.certPEM, err = os.ReadFile(filepath.Join(dir, certFile)); err != nil {
		return fmt.Errorf("%w: TLS certificate: %w", ErrKeys, err)
	}
	if k.cert, err = tls.LoadX509KeyPair(filepath.Join(dir, certFile), filepath.Join(dir, certKeyFile)); err != nil {
		return fmt.Errorf("%w: TLS certificate in %s: %w", ErrKeys, dir, err)
	}
	return nil
}

// makeCert writes a self-signed ECDSA P-256 certificate that can sign nothing else (RFC 5280 §4.2.1.9).
func makeCert(dir string) error {
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
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
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
	if err := writeSecret(filepath.Join(dir, certKeyFile), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})); err != nil {
		return err
	}
	return writeSecret(filepath.Join(dir, certFile), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}))
}
