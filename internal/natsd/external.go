package natsd

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"

	"fairlead/internal/keystore"
	"fairlead/internal/subject"
)

// System is a connection to the system account of a server that runs as a program of its own.
type System interface {
	// Request sends one request and returns its answer.
	Request(ctx context.Context, on string, data []byte) ([]byte, error)
	Close()
}

// Join uses a server that runs elsewhere, by Config.URL, in place of one in this program: the same keys,
// the same claims, the same accounts. dial connects to its system account. The server must have been set
// up with WriteServer.
func Join(cfg Config, dial func(who Credentials, certPEM []byte, own *tls.Certificate) (System, error)) (*Server, error) {
	s := &Server{cfg: cfg, log: &logger{log: cfg.Log}}
	if err := s.openOwn(); err != nil {
		return nil, err
	}
	who, err := mintUser("system", s.keys.account(sysSeed), s.keys.pairs[sysSigning], jwt.ConnectionTypeStandard)
	if err != nil {
		return nil, err
	}
	if s.system, err = dial(who, s.keys.certPEM, &s.keys.cert); err != nil {
		return nil, fmt.Errorf("%w: system account of %s: %w", ErrServer, cfg.URL, err)
	}
	s.resolver = remoteResolver{s.system}
	if err := s.pushOwn(); err != nil {
		s.Shutdown()
		return nil, err
	}
	return s, nil
}

// openOwn opens the hub's own keys and the operator's claims.
func (s *Server) openOwn() (err error) {
	if err := os.MkdirAll(s.cfg.Dir, 0o700); err != nil {
		return err
	}
	if s.keys, err = openKeys(s.cfg.Keys, s.cfg.Dir, s.path("store")); err != nil {
		return err
	}
	s.operator, err = s.operatorClaims()
	return err
}

// askTimeout is how long the other server may take to answer.
const askTimeout = 5 * time.Second

// remoteResolver keeps the accounts' JWTs at the other server.
type remoteResolver struct{ system System }

// LoadAcc returns the JWT of an account; its error wraps os.ErrNotExist if there is none.
func (r remoteResolver) LoadAcc(name string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), askTimeout)
	defer cancel()
	answer, err := r.system.Request(ctx, "$SYS.REQ.ACCOUNT."+name+".CLAIMS.LOOKUP", nil)
	if err != nil {
		return "", fmt.Errorf("look up account %s: %w", name, err)
	}
	if len(answer) == 0 {
		return "", os.ErrNotExist
	}
	return string(answer), nil
}

// SaveAcc gives the server an account's JWT, which it keeps and acts on at once.
func (r remoteResolver) SaveAcc(name, token string) error {
	ctx, cancel := context.WithTimeout(context.Background(), askTimeout)
	defer cancel()
	raw, err := r.system.Request(ctx, "$SYS.REQ.CLAIMS.UPDATE", []byte(token))
	if err != nil {
		return fmt.Errorf("update account %s: %w", name, err)
	}
	var answer server.ServerAPIClaimUpdateResponse
	if err := json.Unmarshal(raw, &answer); err != nil {
		return fmt.Errorf("update account %s: %w", name, err)
	}
	if answer.Error != nil || answer.Data == nil {
		return fmt.Errorf("update account %s: the server says %+v", name, answer.Error)
	}
	return nil
}

// accountInfo asks the server itself what it made of an account.
func (s *Server) accountInfo(name string) (*server.AccountInfo, error) {
	if s.system == nil {
		if _, err := s.nats.LookupAccount(name); err != nil {
			return nil, err
		}
		z, err := s.nats.Accountz(&server.AccountzOptions{Account: name})
		if err != nil {
			return nil, err
		}
		return z.Account, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), askTimeout)
	defer cancel()
	// INFO speaks only of accounts that are in use; CONNZ brings one into use.
	if _, err := s.system.Request(ctx, "$SYS.REQ.ACCOUNT."+name+".CONNZ", nil); err != nil {
		return nil, err
	}
	raw, err := s.system.Request(ctx, "$SYS.REQ.ACCOUNT."+name+".INFO", nil)
	if err != nil {
		return nil, err
	}
	var answer struct {
		Data  *server.AccountInfo `json:"data"`
		Error *server.ApiError    `json:"error"`
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		return nil, err
	}
	if answer.Data == nil {
		return nil, fmt.Errorf("the server says %+v", answer.Error)
	}
	return answer.Data, nil
}

// clientsFile is who vouches for the certificates of whoever connects.
const clientsFile = "clients.pem"

// serverConfig is the file of a server that serves this hub, in the server's own language. Its store is
// encrypted under the key in $FAIRLEAD_STORE_KEY.
const serverConfig = `# Made by fairlead-hub for nats-server %s. Start: FAIRLEAD_STORE_KEY=… nats-server -c nats.conf
server_name: %q
listen: %q
max_payload: %d
max_connections: %d
ping_interval: "%s"
ping_max: 2
operator: %q
system_account: %q
resolver: { type: full, dir: "jwt", allow_delete: false, interval: "15s" }
resolver_preload: {
  %s: %q
  %s: %q
}
jetstream: {
  store_dir: "store"
  max_mem: %d
  sync_interval: always
  cipher: chachapoly
  key: $FAIRLEAD_STORE_KEY
  limits: { default_max_consumers: %d }
}
tls: { cert_file: "tls.crt", key_file: "tls.key", min_version: "1.3", handshake_first: true, timeout: 5%s }
feature_flags: { js_ack_fc_v2: false }
`

// WriteServer writes into dir all that a separate nats-server needs to serve this hub: its configuration,
// and the certificate and key that agencies pin. Who can read the folder can pass for the server, and no more.
func WriteServer(cfg Config, dir, listen string) error {
	s := &Server{cfg: cfg, log: &logger{log: cfg.Log}}
	if err := s.openOwn(); err != nil {
		return err
	}
	operator, err := os.ReadFile(s.path(operatorFile))
	if err != nil {
		return err
	}
	key, err := cfg.Keys.Read(certKey)
	if err != nil {
		return err
	}
	defer clear(key)
	sys, errSys := s.sysClaims().Encode(s.keys.pairs[operatorSigning])
	hub, errHub := s.hubClaims().Encode(s.keys.pairs[operatorSigning])
	if errSys != nil || errHub != nil {
		return fmt.Errorf("own accounts: %w, %w", errSys, errHub)
	}
	sysID, hubID := string(s.keys.account(sysSeed)), string(s.HubAccount())
	verify := ""
	if cfg.ClientCA != nil {
		if !x509.NewCertPool().AppendCertsFromPEM(cfg.ClientCA) {
			return fmt.Errorf("%w: client_ca: want certificates in PEM", ErrServer)
		}
		verify = fmt.Sprintf(", verify: true, ca_file: %q", clientsFile)
	}
	text := fmt.Sprintf(serverConfig, server.VERSION, subject.ServerName, listen, maxPayload, maxConns, pingInterval,
		operator, sysID, sysID, sys, hubID, hub, maxMemory, maxConsumers, verify)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	files := map[string][]byte{"tls.crt": s.keys.certPEM, "tls.key": key, "nats.conf": []byte(text)}
	if cfg.ClientCA != nil { // the hub itself shows the certificate that it made for the server
		files[clientsFile] = slices.Concat(cfg.ClientCA, []byte("\n"), s.keys.certPEM)
	}
	for name, data := range files {
		if err := keystore.WriteFile(filepath.Join(dir, name), data); err != nil {
			return err
		}
	}
	return nil
}
