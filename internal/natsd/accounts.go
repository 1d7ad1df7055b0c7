package natsd

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"

	"fairlead/internal/fairlead"
	"fairlead/internal/subject"
)

// Limits of one agency.
const (
	agencyConns = 16
	agencySubs  = 64
)

// Credentials let a client in: the seed signs the server's challenge, the JWT says what it may do.
type Credentials struct {
	Seed []byte
	JWT  string
}

// HubUser makes a user of the HUB account for one connection. The account can do anything with streams,
// so the credentials stay in memory, and those for a server in this program are refused on the network.
func (s *Server) HubUser() (Credentials, error) {
	from := jwt.ConnectionTypeInProcess
	if s.system != nil {
		from = jwt.ConnectionTypeStandard
	}
	return mintUser("broker", s.HubAccount(), s.keys.pairs[hubSigning], from)
}

// mintUser makes a user of one of the hub's own accounts.
func mintUser(name string, of fairlead.Account, signer nkeys.KeyPair, from string) (Credentials, error) {
	pair, err := nkeys.CreateUser()
	if err != nil {
		return Credentials{}, err
	}
	public, err := pair.PublicKey()
	if err != nil {
		return Credentials{}, err
	}
	seed, err := pair.Seed()
	if err != nil {
		return Credentials{}, err
	}
	claims := jwt.NewUserClaims(public)
	claims.Name = name
	claims.IssuerAccount = string(of)
	claims.AllowedConnectionTypes.Add(from)
	token, err := claims.Encode(signer)
	return Credentials{Seed: seed, JWT: token}, err
}

// NewAccount makes the keys of an agency's account and nothing else, so that a log entry can name
// it before Activate lets it in. An account that is never activated is harmless.
func (s *Server) NewAccount() (fairlead.Account, error) {
	identity, err := nkeys.CreateAccount()
	if err != nil {
		return "", err
	}
	signing, err := nkeys.CreateAccount()
	if err != nil {
		return "", err
	}
	public, err := identity.PublicKey()
	if err != nil {
		return "", err
	}
	account := fairlead.Account(public)
	if err := writeSeeds(s.cfg.Keys, seedsOf(account), identity, signing); err != nil {
		return "", fmt.Errorf("keep keys of account %s: %w", account, err)
	}
	return account, nil
}

// Activate lets an agency's account in, now and after restarts, and checks that the server has
// taken all its imports. It may be repeated, and is at each start: an account that is loaded only when somebody
// connects may be loaded while others are, and then lack an import. Users that were let in before a Remove stay out.
func (s *Server) Activate(a fairlead.Account) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	claims, err := s.agencyClaims(a)
	if err != nil {
		return err
	}
	if err := s.push(claims); err != nil {
		return fmt.Errorf("activate account %s: %w", a, err)
	}
	return s.checkImports(a)
}

// Remove closes an agency's connections and lets none of its users in again. Its keys are kept.
func (s *Server) Remove(a fairlead.Account) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	claims, err := s.agencyClaims(a)
	if err != nil {
		return err
	}
	claims.Imports = nil
	claims.Limits.Conn, claims.Limits.Subs = 0, 0
	claims.RevokeAt(jwt.All, time.Now())
	if err := s.push(claims); err != nil {
		return fmt.Errorf("remove account %s: %w", a, err)
	}
	return nil
}

// Revoke closes the connections of one user of an agency and does not let it in again with any JWT made
// so far; its other users stay. JWTs count whole seconds: one made in this very second is revoked too.
func (s *Server) Revoke(a fairlead.Account, user string) error {
	if !nkeys.IsValidPublicUserKey(user) {
		return fmt.Errorf("user key of account %s: want the public half of a NATS user key (U…)", a)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	claims, err := s.agencyClaims(a)
	if err != nil {
		return err
	}
	if claims.Revocations[user] != 0 {
		return nil // it gets no JWT after that
	}
	claims.RevokeAt(user, time.Now())
	if err := s.push(claims); err != nil {
		return fmt.Errorf("revoke a user of account %s: %w", a, err)
	}
	return nil
}

// UserJWT lets the holder of a user key of an agency in, until the given time or, if that is zero,
// until Remove. Only the public key travels to the hub.
func (s *Server) UserJWT(a fairlead.Account, user string, until time.Time) (string, error) {
	if !nkeys.IsValidPublicUserKey(user) {
		return "", fmt.Errorf("user key of account %s: want the public half of a NATS user key (U…)", a)
	}
	signing, err := s.signingOf(a)
	if err != nil {
		return "", err
	}
	switch was, err := s.revocations(a); {
	case err != nil:
		return "", fmt.Errorf("who is revoked in account %s: %w", a, err)
	case was[user] != 0: // it never gets a JWT again
		return "", fmt.Errorf("%w: user %s of account %s", ErrRevoked, user, a)
	}
	claims := jwt.NewUserClaims(user)
	claims.SetScoped(true)
	claims.IssuerAccount = string(a)
	if !until.IsZero() {
		claims.Expires = until.Unix()
	}
	return claims.Encode(signing)
}

// errTorn says that an account's JWT is there and cannot be read.
var errTorn = errors.New("natsd: its JWT is damaged")

// revocations are the users of an account that were revoked; none before it is activated.
func (s *Server) revocations(a fairlead.Account) (jwt.RevocationList, error) {
	token, err := s.resolver.LoadAcc(string(a))
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	claims, err := jwt.DecodeAccountClaims(token)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errTorn, err)
	}
	return claims.Revocations, nil
}

func seedsOf(a fairlead.Account) string { return "agency-" + string(a) + ".seeds" }

// signingOf is the key that signs the users of an agency's account.
func (s *Server) signingOf(a fairlead.Account) (nkeys.KeyPair, error) {
	if err := subject.CheckAccount(a); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAccount, err)
	}
	pairs, err := readSeeds(s.cfg.Keys, seedsOf(a), nkeys.PrefixByteAccount)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrAccount, a, err)
	}
	if public, err := pairs[0].PublicKey(); err != nil || len(pairs) != 2 || public != string(a) {
		return nil, fmt.Errorf("%w: %s holds other keys", ErrAccount, seedsOf(a))
	}
	return pairs[1], nil
}

// agencyClaims describes an account that has nothing of its own: no exports, no JetStream, only
// services of HUB, and one signing key whose users cannot have more than the template.
func (s *Server) agencyClaims(a fairlead.Account) (*jwt.AccountClaims, error) {
	signing, err := s.signingOf(a)
	if err != nil {
		return nil, err
	}
	public, err := signing.PublicKey()
	if err != nil {
		return nil, err
	}
	c := jwt.NewAccountClaims(string(a))
	for _, i := range subject.Imports(a) {
		c.Imports.Add(&jwt.Import{
			Name: i.Name, Type: jwt.Service, Account: string(s.HubAccount()),
			Subject: jwt.Subject(i.Remote), LocalSubject: jwt.RenamingSubject(i.Local),
		})
	}
	c.Limits.Exports, c.Limits.WildcardExports, c.Limits.LeafNodeConn = 0, false, 0
	c.Limits.DisallowBearer = true
	c.Limits.Conn, c.Limits.Subs, c.Limits.Payload = agencyConns, agencyConns*agencySubs, maxPayload
	scope := jwt.NewUserScope()
	scope.Key, scope.Role = public, "agency"
	scope.Template = userTemplate(a)
	c.SigningKeys.AddScopedSigner(scope)
	// Revocations outlive a new activation. Where they are lost, everybody is revoked who was let in so far.
	c.Revocations, err = s.revocations(a)
	if errors.Is(err, errTorn) {
		s.cfg.Log.Error().Err(err).Str("account", string(a)).Msg("nobody knows who was revoked in an account: its agency is let in again by a new admission alone")
		c.RevokeAt(jwt.All, time.Now())
		err = nil
	}
	return c, err
}

func userTemplate(a fairlead.Account) jwt.UserPermissionLimits {
	var t jwt.UserPermissionLimits
	t.Pub.Allow.Add(subject.AllowPublish(a)...)
	t.Sub.Allow.Add(subject.AllowSubscribe)
	t.Limits.NatsLimits = jwt.NatsLimits{Subs: agencySubs, Data: jwt.NoLimit, Payload: maxPayload}
	t.AllowedConnectionTypes.Add(jwt.ConnectionTypeStandard, jwt.ConnectionTypeInProcess)
	return t
}

// checkImports asks the server itself: it says "updated" even when it refuses an import.
func (s *Server) checkImports(a fairlead.Account) error {
	info, err := s.accountInfo(string(a))
	if err != nil {
		return fmt.Errorf("account %s: %w", a, err)
	}
	active := map[string]bool{}
	for _, i := range info.Imports {
		active[string(i.LocalSubject)] = !i.Invalid && i.Account == string(s.HubAccount())
	}
	for _, i := range subject.Imports(a) {
		if !active[i.Local] {
			return fmt.Errorf("account %s: the server did not take its import %s", a, i.Name)
		}
	}
	return nil
}
