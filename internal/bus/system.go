package bus

import (
	"context"
	"crypto/tls"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"
)

// Remote is a server that is a program of its own.
type Remote struct {
	// URL is "tls://host:port".
	URL string
	// CertPEM is its certificate; no other is accepted.
	CertPEM []byte
	// Own is the certificate to show to a server that asks for one (mutual TLS); nil: none.
	Own *tls.Certificate
}

// System is a connection to the system account of a Remote.
type System struct{ nc *nats.Conn }

// DialSystem connects to the system account of a server.
func DialSystem(ctx context.Context, at Remote, seed []byte, jwt string, log zerolog.Logger) (*System, error) {
	who, err := newCredentials(seed, jwt)
	if err != nil {
		return nil, err
	}
	secure, err := pin(at.CertPEM, at.Own)
	if err != nil {
		return nil, err
	}
	nc, err := connect(ctx, at.URL, append(options(log, who), nats.Name("system"), secure))
	if err != nil {
		return nil, fmt.Errorf("connect to the server at %s: %w", at.URL, err)
	}
	return &System{nc}, nil
}

// Request sends one request and returns its answer.
func (s *System) Request(ctx context.Context, on string, data []byte) ([]byte, error) {
	m, err := s.nc.RequestWithContext(ctx, on, data)
	if err != nil {
		return nil, absent(err)
	}
	return m.Data, nil
}

// Close ends the connection.
func (s *System) Close() { s.nc.Close() }
