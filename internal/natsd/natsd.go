// Package natsd runs the NATS server inside the hub program: operator mode (decentralised JWT),
// JetStream with fsync on every write and encryption at rest, one account per agency that can do
// nothing but use services of the HUB account (DESIGN §5). It owns nats-server, jwt and the server's
// nkeys; the client side, streams and consumers included, is package bus.
//
// All that must survive is below one directory:
//
//	tls.crt, operator.jwt   public
//	jwt/                    account JWTs (full resolver)
//	store/                  JetStream, and key.check, which tells whether the store key is right
//
// and in the keystore, sealed: seeds of operator, SYS and HUB, the seeds of the agencies' accounts, which
// the hub makes, the key of the TLS certificate, the key of the store.
//
// Who can open the keystore can act as the hub on this server; who can modify store/ can lose or reorder
// messages, which the log's own proofs show. Neither can read a case.
package natsd

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/rs/zerolog"

	"fairlead/internal/fairlead"
	"fairlead/internal/keystore"
	"fairlead/internal/subject"
)

var (
	// ErrStoreKey says that the key of the store is missing or not the one the data was written with.
	ErrStoreKey = errors.New("natsd: wrong store key")
	// ErrStream says that a stream on disk is not served. Nothing may be created over it.
	ErrStream = errors.New("natsd: stream on disk cannot be read")
	// ErrKeys says that keys are missing while data that depends on them is there.
	ErrKeys = errors.New("natsd: keys missing")
	// ErrAccount says that an account is not one of this hub's.
	ErrAccount = errors.New("natsd: unknown account")
	// ErrRevoked says that a user was revoked and gets no JWT again.
	ErrRevoked = errors.New("natsd: user is revoked")
	// ErrServer says that the server did not start.
	ErrServer = errors.New("natsd: server did not start")
)

const (
	maxPayload   = 6 << 20 // bytes: subject.MaxMessage and room for headers
	maxMemory    = 2 << 30 // bytes of streams in memory, whatever the machine or GOMEMLIMIT has; bus bounds each
	maxConns     = 10_000
	maxConsumers = 100_000
	pingInterval = 20 * time.Second // how soon a dead agency's pull requests go
	readyWithin  = 10 * time.Second
	// Of the resolver, which asks other servers; there are none yet.
	syncInterval = time.Minute
	askWithin    = 50 * time.Millisecond
)

// Config says where the server keeps its state and whether it listens.
type Config struct {
	// Dir holds all state; made if missing.
	Dir string
	// Listen is "host:port" for TLS 1.3 connections of agencies; port 0 picks a free one. Empty
	// means in-process connections only.
	Listen string
	// ClientCA is who vouches for the certificates that agencies must show on top of all else (mutual TLS), in PEM;
	// nil: none is asked for. A server of its own is told by WriteServer.
	ClientCA []byte
	// URL is "tls://host:port" of a server that is a program of its own; for Join only.
	URL string
	// Keys seals every secret; made at the first start where they are missing.
	Keys *keystore.Store
	// NoCipher leaves the store unencrypted, for tests that search it. It cannot be changed later.
	NoCipher bool
	// MaxStore bounds the store in bytes. 0 means three quarters of the free disk space at start.
	MaxStore int64
	// Overstep is told of what the server refused to an agency's credentials. It is called while the server
	// holds locks: it must be quick and not call the server. May be nil.
	Overstep func(fairlead.Account, Overstep)
	// Log gets the server's messages. The zero value is silent.
	Log zerolog.Logger
}

// Server is a running NATS server. Its methods may be called from several goroutines.
type Server struct {
	cfg      Config
	keys     *keys
	operator *jwt.OperatorClaims
	nats     *server.Server // nil if the server is a program of its own
	system   System         // nil if it is not
	resolver resolver
	log      *logger

	mu sync.Mutex // serialises changes of accounts
}

// Start makes what is missing at the first start, checks everything else, and starts the server.
// It refuses (ErrKeys, ErrStoreKey, ErrStream) whatever could make data unreadable, and then has
// changed nothing.
func Start(cfg Config) (*Server, error) {
	s := &Server{cfg: cfg, log: &logger{log: cfg.Log, overstep: cfg.Overstep}}
	// 1. Keys first: without them, data on disk belongs to nobody we know.
	if err := s.openOwn(); err != nil {
		return nil, err
	}
	// 2. The store key is checked against key.check, because the server itself starts with any key
	// and then takes the streams for absent.
	storeKey, err := openStoreKey(cfg.Keys, s.path("store"), cfg.NoCipher)
	if err != nil {
		return nil, err
	}
	// 3. Operator, SYS and HUB, before the server looks for them.
	accounts, err := s.openTrust()
	if err != nil {
		return nil, err
	}
	opts, err := s.options(accounts, storeKey)
	if err != nil {
		return nil, err
	}
	// 4. The server recovers its streams.
	if err := s.start(opts); err != nil {
		return nil, err
	}
	// 5. Only if every stream on disk is served may anybody create the missing ones.
	if err := s.checkStreams(); err != nil {
		s.Shutdown()
		return nil, err
	}
	return s, nil
}

// Shutdown stops the server and waits until all is on disk: about 10 ms for each agency. One that is a
// program of its own is left running.
func (s *Server) Shutdown() {
	if s.system != nil {
		s.system.Close()
		return
	}
	s.nats.Shutdown()
	s.nats.WaitForShutdown()
}

// ClientURL is the address for agencies ("tls://127.0.0.1:4222"); empty if the server doesn't listen.
func (s *Server) ClientURL() string {
	if s.system != nil {
		return s.cfg.URL
	}
	if s.cfg.Listen == "" {
		return ""
	}
	return s.nats.ClientURL()
}

// CertPEM is the server's certificate, which agencies pin.
func (s *Server) CertPEM() []byte { return s.keys.certPEM }

// HubAccount is the public key of the HUB account.
func (s *Server) HubAccount() fairlead.Account { return s.keys.account(hubSeed) }

// InProcessConn opens a connection that needs no network; bus takes it.
func (s *Server) InProcessConn() (net.Conn, error) {
	if s.system != nil {
		return nil, fmt.Errorf("%w: it is a program of its own at %s", ErrServer, s.cfg.URL)
	}
	return s.nats.InProcessConn()
}

func (s *Server) path(name string) string { return filepath.Join(s.cfg.Dir, name) }

// options sets every option that matters, so that a default that changes does not change us.
func (s *Server) options(accounts server.AccountResolver, storeKey string) (*server.Options, error) {
	o := &server.Options{
		ServerName: subject.ServerName, NoSigs: true, DontListen: true,
		JetStream: true, StoreDir: s.path("store"), JetStreamMaxStore: s.cfg.MaxStore, JetStreamMaxMemory: maxMemory,
		SyncAlways: true, // anything less loses acknowledged messages in a power cut
		MaxPayload: maxPayload, MaxConn: maxConns, AuthTimeout: 2, PingInterval: pingInterval, MaxPingsOut: 2,
		TrustedOperators: []*jwt.OperatorClaims{s.operator}, SystemAccount: string(s.keys.account(sysSeed)), AccountResolver: accounts,
		// The exports cover acknowledgements of the first form only.
		FeatureFlags: map[string]bool{"js_ack_fc_v2": false},
	}
	o.JetStreamLimits.DefaultMaxConsumers = maxConsumers
	if storeKey != "" {
		o.JetStreamKey, o.JetStreamCipher = storeKey, server.ChaCha
	}
	if s.cfg.Listen == "" {
		return o, nil
	}
	return o, s.listen(o)
}

// listen adds the TLS listener. The handshake comes before the first word of the protocol.
func (s *Server) listen(o *server.Options) error {
	host, port, err := net.SplitHostPort(s.cfg.Listen)
	if err != nil {
		return fmt.Errorf("listen address %q: want host:port: %w", s.cfg.Listen, err)
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return fmt.Errorf("listen address %q: port is not a number from 0 to 65535", s.cfg.Listen)
	}
	o.DontListen, o.Host, o.Port = false, host, int(number)
	if number == 0 {
		o.Port = server.RANDOM_PORT
	}
	o.TLS, o.TLSHandshakeFirst, o.TLSTimeout = true, true, 5
	o.TLSConfig = &tls.Config{Certificates: []tls.Certificate{s.keys.cert}, MinVersion: tls.VersionTLS13}
	if s.cfg.ClientCA == nil {
		return nil
	}
	o.TLSVerify, o.TLSConfig.ClientAuth, o.TLSConfig.ClientCAs = true, tls.RequireAndVerifyClientCert, x509.NewCertPool()
	if !o.TLSConfig.ClientCAs.AppendCertsFromPEM(s.cfg.ClientCA) {
		return fmt.Errorf("%w: client_ca: want certificates in PEM", ErrServer)
	}
	return nil
}

// start runs the server until it is ready or has said why not.
func (s *Server) start(o *server.Options) error {
	var err error
	if s.nats, err = server.NewServer(o); err != nil {
		return fmt.Errorf("%w: %w", ErrServer, err)
	}
	s.nats.SetLoggerV2(s.log, s.cfg.Log.Debug().Enabled(), false, false)
	s.nats.Start()
	deadline := time.Now().Add(readyWithin)
	for !s.nats.ReadyForConnections(50 * time.Millisecond) {
		if why := s.log.fatal(); why != "" || time.Now().After(deadline) {
			s.Shutdown()
			return fmt.Errorf("%w: %s", ErrServer, why)
		}
	}
	if _, err := s.nats.LookupAccount(string(s.HubAccount())); err != nil {
		s.Shutdown()
		return fmt.Errorf("%w: HUB account: %w", ErrServer, err)
	}
	return nil
}

// checkStreams compares the streams on disk with those that the server has recovered.
func (s *Server) checkStreams() error {
	served := map[string]bool{}
	hub := string(s.HubAccount())
	detail, err := s.nats.JszAccount(&server.JSzOptions{Account: hub, Streams: true})
	if err != nil {
		return fmt.Errorf("%w: JetStream: %w", ErrServer, err)
	}
	for _, stream := range detail.Streams {
		served[filepath.Join(hub, "streams", stream.Name)] = true
	}
	for _, dir := range streamDirs(s.path("store")) {
		if !served[dir] {
			return fmt.Errorf("%w: %s in %s is there, but the server does not serve it. Restore the store and the keys from one backup; do not delete it", ErrStream, dir, s.path("store"))
		}
	}
	return nil
}

// streamDirs lists the streams below a store, relative to its JetStream directory.
func streamDirs(store string) []string {
	root := filepath.Join(store, server.JetStreamStoreDir)
	dirs, _ := filepath.Glob(filepath.Join(root, "*", "streams", "*")) // fails only for a bad pattern
	var list []string
	for _, dir := range dirs {
		if info, err := os.Stat(dir); err == nil && info.IsDir() {
			rel, _ := filepath.Rel(root, dir)
			list = append(list, rel)
		}
	}
	return list
}
