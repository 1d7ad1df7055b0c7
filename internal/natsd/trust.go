package natsd

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"

	"fairlead/internal/keystore"
	"fairlead/internal/subject"
)

// answersWithin bounds how long the server keeps the way back for answers to one pull request; no
// pull may wait longer.
const answersWithin = time.Minute

// push signs an account's claims and gives them to the resolver, which tells the server. Claims
// that are there already are left alone.
func (s *Server) push(c *jwt.AccountClaims) error {
	old, err := s.resolver.LoadAcc(c.Subject)
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	token, err := mint(old, c, s.keys.pairs[operatorSigning])
	if err != nil || token == old {
		return err
	}
	return s.resolver.SaveAcc(c.Subject, token)
}

// resolver keeps the accounts' JWTs, which the server acts on.
type resolver interface {
	LoadAcc(name string) (token string, err error)
	SaveAcc(name, token string) error
}

// openTrust opens the resolver and keeps or makes the JWTs of SYS and HUB in it.
func (s *Server) openTrust() (*server.DirAccResolver, error) {
	accounts, err := server.NewDirAccResolver(s.path("jwt"), 0, syncInterval, server.RenameDeleted, server.FetchTimeout(askWithin))
	if err != nil {
		return nil, fmt.Errorf("account JWTs in %s: %w", s.path("jwt"), err)
	}
	s.resolver = accounts
	return accounts, s.pushOwn()
}

func (s *Server) pushOwn() error {
	for _, c := range []*jwt.AccountClaims{s.sysClaims(), s.hubClaims()} {
		if err := s.push(c); err != nil {
			return fmt.Errorf("%s JWT: %w", c.Name, err)
		}
	}
	return nil
}

func (s *Server) operatorClaims() (*jwt.OperatorClaims, error) {
	path := s.path(operatorFile)
	old, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	operator, err := s.keys.pairs[operatorSeed].PublicKey()
	if err != nil {
		return nil, err
	}
	signing, err := s.keys.pairs[operatorSigning].PublicKey()
	if err != nil {
		return nil, err
	}
	c := jwt.NewOperatorClaims(operator)
	c.Name = "fairlead"
	c.SigningKeys.Add(signing)
	c.SystemAccount = string(s.keys.account(sysSeed))
	c.StrictSigningKeyUsage = true
	token, err := mint(string(old), c, s.keys.pairs[operatorSeed])
	if err != nil {
		return nil, err
	}
	if token != string(old) {
		if err := keystore.WriteFile(path, []byte(token)); err != nil {
			return nil, err
		}
	}
	return jwt.DecodeOperatorClaims(token)
}

func (s *Server) sysClaims() *jwt.AccountClaims {
	c := jwt.NewAccountClaims(string(s.keys.account(sysSeed)))
	c.Name = "SYS"
	c.SigningKeys.Add(string(s.keys.account(sysSigning)))
	return c
}

// hubClaims describes the account with the streams. It never changes when agencies come and go.
func (s *Server) hubClaims() *jwt.AccountClaims {
	c := jwt.NewAccountClaims(string(s.keys.account(hubSeed)))
	c.Name = "HUB"
	c.SigningKeys.Add(string(s.keys.account(hubSigning)))
	c.Limits.JetStreamLimits = jwt.JetStreamLimits{MemoryStorage: jwt.NoLimit, DiskStorage: jwt.NoLimit, Streams: jwt.NoLimit, Consumer: jwt.NoLimit}
	for _, e := range subject.Exports() {
		x := &jwt.Export{
			Name: e.Name, Type: jwt.Service, Subject: jwt.Subject(e.Subject),
			ResponseType: jwt.ResponseTypeSingleton, AccountTokenPosition: e.Position,
		}
		if e.Stream {
			x.ResponseType, x.ResponseThreshold = jwt.ResponseTypeStream, answersWithin
		}
		c.Exports.Add(x)
	}
	return c
}

// mint signs claims, unless the old token says the same but for the time of signing: then it is kept.
func mint(old string, c jwt.Claims, signer nkeys.KeyPair) (string, error) {
	token, err := c.Encode(signer)
	if err != nil || old == "" {
		return token, err
	}
	was, errOld := jwt.Decode(old)
	is, err := jwt.Decode(token)
	if err != nil {
		return "", err
	}
	if errOld == nil && sameClaims(was, is) {
		return old, nil
	}
	return token, nil
}

func sameClaims(a, b jwt.Claims) bool {
	for _, c := range []*jwt.ClaimsData{a.Claims(), b.Claims()} {
		c.ID, c.IssuedAt = "", 0
	}
	x, errA := json.Marshal(a)
	y, errB := json.Marshal(b)
	return errA == nil && errB == nil && bytes.Equal(x, y)
}
