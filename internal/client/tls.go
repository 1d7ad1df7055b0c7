package client

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"fairlead/internal/keystore"
)

// tlsFile is what the agency shows to a hub that asks for TLS certificates, sealed: certificates and key, in PEM.
const tlsFile = "tls.pem"

// SetTLS keeps in dir, sealed, the certificate that the agency shows to a hub that asks for one, and its key.
func SetTLS(dir string, from keystore.Source, certPEM, keyPEM []byte) error {
	if _, err := tls.X509KeyPair(certPEM, keyPEM); err != nil {
		return fmt.Errorf("%w: TLS certificate: %w", ErrHome, err)
	}
	keys, err := keystore.Open(filepath.Join(dir, keysDir), from)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrHome, err)
	}
	defer keys.Close()
	both := fmt.Appendf(nil, "%s\n%s", certPEM, keyPEM)
	defer clear(both)
	return keys.Write(tlsFile, both)
}

// ownTLS is the certificate to show; nil if none was set.
func (h *Home) ownTLS() (*tls.Certificate, error) {
	both, err := h.keys.Read(tlsFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer clear(both)
	pair, err := tls.X509KeyPair(both, both)
	if err != nil {
		return nil, fmt.Errorf("%w: TLS certificate: %w", ErrHome, err)
	}
	return &pair, nil
}
