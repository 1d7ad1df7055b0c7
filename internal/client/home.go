package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"fairlead/internal/bus"
	"fairlead/internal/fairlead"
	"fairlead/internal/keyring"
	"fairlead/internal/keystore"
	"fairlead/internal/registry"
	"fairlead/internal/schema"
	"fairlead/internal/seal"
	"fairlead/internal/store"
	"fairlead/internal/tlog"
)

// Files of an agency's folder, and what its keystore DIR/keys seals. Secrets never leave the machine.
const (
	keysDir        = "keys"
	keyFile        = "key.pgp"         // sealed: OpenPGP keys
	userFile       = "user.seed"       // sealed: NATS user key
	witnessFile    = "witness.key"     // sealed: key of the agency's cosignatures
	policyFile     = "witness.policy"  // whose cosignatures are enough: of the invitation, or put there by a person; or absent
	offeredFile    = "witness.offered" // another, of a later invitation, that a person has to decide on
	requestFile    = "request.json"    // signed, goes to the hub's operator
	invitationFile = "invitation.json" // from the hub's operator
	admissionFile  = "admission.json"  // from the hub's operator
	formerKeys     = "former-"         // sealed: OpenPGP keys that a re-enrolment replaced, to read old messages
	namesFile      = "names.key"       // sealed: key of the names in the store, where it is of an earlier keystore
)

// ErrHome is wrapped by every fault of an agency's folder.
var ErrHome = errors.New("client: agency folder")

// Home is an agency's folder on its own machine.
type Home struct {
	Dir        string
	Invitation registry.Invitation
	Admission  registry.Admission
	Key        *seal.Key
	Schema     *schema.Set // see Config.Schema
	request    registry.Request
	keys       *keystore.Store
	seed       []byte
	witness    *tlog.Cosigner
}

// Enrol makes an agency's keys in dir, sealed under the passphrase of from, and the signed request that
// the operator needs. Run again for the same agency it gives the same request, and takes the invitation as
// [TakeInvitation] does: keys are never made over keys. Root is
// the agency's root, which is kept nowhere here; without one (nil) an agency never gets new keys under its name. With
// r.Again it is the root on record, and the request is one for new keys: after everything here was lost.
func Enrol(dir string, from keystore.Source, inv registry.Invitation, r registry.Request, root []byte, at time.Time) (registry.SignedRequest, error) {
	var signed registry.SignedRequest
	if err := inv.Check(r.Agency, at); err != nil {
		return signed, fmt.Errorf("%w: %w", ErrHome, err)
	}
	log, err := tlog.NewVerifier(inv.LogKey)
	if err != nil {
		return signed, fmt.Errorf("%w: the invitation's log key: %w", ErrHome, err)
	}
	if err := errors.Join(r.Agency.Check(), r.Jurisdiction.Check(), fairlead.CheckCode("type", r.Type, fairlead.AgencyTypes)); err != nil {
		return signed, fmt.Errorf("%w: %w", ErrHome, err)
	}
	if r.Agency == fairlead.Hub {
		return signed, fmt.Errorf("%w: %s is the hub's own name; choose another", ErrHome, r.Agency)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return signed, err
	}
	lock, err := store.Lock(dir)
	if err != nil {
		return signed, err
	}
	defer lock.Close()
	if err := readJSON(dir, requestFile, &signed); err == nil {
		if err := checkSame(signed, r); err != nil {
			return signed, err
		}
		return signed, takeInvitation(dir, inv)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return signed, err
	}
	if err := takePolicy(dir, inv.Policy, log); err != nil {
		return signed, err
	}
	keys, err := keystore.Make(filepath.Join(dir, keysDir), from)
	if err != nil {
		return signed, err
	}
	defer keys.Close()
	if signed, err = makeKeys(keys, log, r, root, at); err != nil {
		return signed, err
	}
	// The request is written last: without it the next run starts over, with it everything is there.
	return signed, errors.Join(writeJSON(dir, invitationFile, inv), writeJSON(dir, requestFile, signed))
}

// makeKeys makes all keys of an agency in a keystore, and the request that they and the root sign.
func makeKeys(keys *keystore.Store, log *tlog.Verifier, r registry.Request, root []byte, at time.Time) (signed registry.SignedRequest, err error) {
	key, err := seal.Generate(r.Agency, at)
	if err != nil {
		return signed, err
	}
	seed, user, err := bus.NewUser()
	if err != nil {
		return signed, err
	}
	witness, err := tlog.GenerateCosigner(registry.WitnessName(log.Origin(), r.Agency))
	if err != nil {
		return signed, err
	}
	cosigner, err := tlog.NewCosigner(witness)
	if err != nil {
		return signed, err
	}
	r.User, r.Certificate, r.Witness, r.At = user, key.Certificate(), cosigner.VKey(), fairlead.At(at)
	if root != nil {
		r.Root = registry.RootKey(root)
	}
	if signed.Request, err = json.Marshal(r); err != nil {
		return signed, err
	}
	if root != nil {
		signed.RootSignature = registry.SignRoot(root, signed.Request, r.Again)
	}
	if signed.Signature, err = key.Sign(signed.Request, keyring.ContextEnrolment, at); err != nil {
		return signed, err
	}
	return signed, errors.Join(keys.Write(keyFile, key.Marshal()), keys.Write(userFile, seed), keys.Write(witnessFile, []byte(witness+"\n")))
}

func checkSame(s registry.SignedRequest, r registry.Request) error {
	var old registry.Request
	if err := json.Unmarshal(s.Request, &old); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrHome, requestFile, err)
	}
	if old.Again != r.Again || old.Agency != r.Agency || old.Name != r.Name || old.Type != r.Type || old.Jurisdiction != r.Jurisdiction || old.Emergency != r.Emergency {
		return fmt.Errorf("%w: it already holds a request of %s with other particulars; use another folder", ErrHome, old.Agency)
	}
	return nil
}

// Join stores the operator's admission. Where it is for the new keys of Reenrol, those take the place of the old.
func Join(dir string, a registry.Admission) error {
	if next, err := readRequest(dir, againFile); err == nil && next.User == a.User {
		if err := takeOver(dir); err != nil {
			return err
		}
	}
	return admitted(dir, a)
}

// admitted stores an admission that is for this folder's keys.
func admitted(dir string, a registry.Admission) error {
	r, err := readRequest(dir, requestFile)
	if err != nil {
		return fmt.Errorf("%w: enrol first: %w", ErrHome, err)
	}
	if r.Agency != a.Agency || a.UserJWT == "" || a.Account == "" {
		return fmt.Errorf("%w: the admission is of %q, this folder of %s", ErrHome, a.Agency, r.Agency)
	}
	if r.User != a.User {
		return fmt.Errorf("%w: the admission is for other keys of %s than those here", ErrHome, a.Agency)
	}
	return writeJSON(dir, admissionFile, a)
}

func readRequest(dir, name string) (r registry.Request, err error) {
	var s registry.SignedRequest
	if err := readJSON(dir, name, &s); err != nil {
		return r, err
	}
	if err := json.Unmarshal(s.Request, &r); err != nil {
		return r, fmt.Errorf("%s: %w", name, err)
	}
	return r, nil
}

// OpenHome reads an agency's folder and opens its keys with the passphrase of from.
func OpenHome(dir string, from keystore.Source) (_ *Home, err error) {
	h := &Home{Dir: dir}
	if err := readJSON(dir, invitationFile, &h.Invitation); err != nil {
		return nil, fmt.Errorf("%w: %w; run: fairlead enrol", ErrHome, err)
	}
	if err := readJSON(dir, admissionFile, &h.Admission); err != nil {
		return nil, fmt.Errorf("%w: %w; hand request.json to the hub's operator, then run: fairlead join", ErrHome, err)
	}
	if h.request, err = readRequest(dir, requestFile); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrHome, err)
	}
	if h.keys, err = keystore.Open(filepath.Join(dir, keysDir), from); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrHome, err)
	}
	if err := h.readKeys(); err != nil {
		h.Close()
		return nil, err
	}
	return h, nil
}

func (h *Home) readKeys() error {
	raw, err := h.keys.Read(keyFile)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrHome, err)
	}
	defer clear(raw)
	if h.Key, err = seal.Parse(raw); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrHome, keyFile, err)
	}
	if err := h.readFormer(); err != nil {
		return err
	}
	if h.seed, err = h.keys.Read(userFile); err != nil {
		return fmt.Errorf("%w: %w", ErrHome, err)
	}
	if raw, err = h.keys.Read(witnessFile); err != nil {
		return fmt.Errorf("%w: %w", ErrHome, err)
	}
	if h.witness, err = tlog.NewCosigner(strings.TrimSpace(string(raw))); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrHome, witnessFile, err)
	}
	return nil
}

// Sealed reports whether a passphrase guards the keys.
func (h *Home) Sealed() bool { return h.keys.Sealed() }

// Close wipes from memory what opens the keys. The OpenPGP library keeps its own copies until the
// program ends.
func (h *Home) Close() {
	h.keys.Close()
	clear(h.seed)
}

// RecoverySheets are what opens the keys in dir without the passphrase; see [keystore.Store.Sheets].
func RecoverySheets(dir string, from keystore.Source, n int) ([][]byte, error) {
	keys, err := keystore.Open(filepath.Join(dir, keysDir), from)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrHome, err)
	}
	defer keys.Close()
	return keys.Sheets(n), nil
}

// Recover seals the keys in dir under a new passphrase by the sheets.
func Recover(dir string, sheets [][]byte, fresh keystore.Source) error {
	if err := keystore.Recover(filepath.Join(dir, keysDir), keyFile, sheets, fresh); err != nil {
		return fmt.Errorf("%w: %w", ErrHome, err)
	}
	return nil
}

// ChangePassphrase seals the keys in dir under another passphrase.
func ChangePassphrase(dir string, old, fresh keystore.Source) error {
	keys, err := keystore.Open(filepath.Join(dir, keysDir), old)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrHome, err)
	}
	defer keys.Close()
	return keys.Reseal(fresh)
}

// Dial connects to the hub over TLS with the pinned certificate, or in process.
func (h *Home) Dial(ctx context.Context, inProcess bus.InProcess, log zerolog.Logger) (*bus.Agency, error) {
	own, err := h.ownTLS()
	if err != nil {
		return nil, err
	}
	return bus.Dial(ctx, bus.AgencyConfig{
		URL: h.Invitation.URL, CertPEM: []byte(h.Invitation.CertPEM), Own: own, InProcess: inProcess, Seed: h.seed, UserJWT: h.Admission.UserJWT,
		Account: h.Admission.Account, Log: log,
	})
}

// Renew asks the hub for the next admission, if the one in the folder is more than a day old, and keeps
// it. Programs call it after Dial and then daily: an admission that has ended is given anew by the operator.
func (h *Home) Renew(ctx context.Context, conn *bus.Agency, now time.Time) error {
	if h.Admission.Until.Sub(now) > registry.UserLasts-registry.UserRenews {
		return nil
	}
	raw, err := conn.Renew(ctx)
	if err != nil {
		return err
	}
	var next registry.Admission
	if err := json.Unmarshal(raw, &next); err != nil {
		return fmt.Errorf("%w: the hub's answer is no admission: %w", ErrHome, err)
	}
	if next.Account != h.Admission.Account {
		return fmt.Errorf("%w: the hub's answer is of another account", ErrHome)
	}
	if err := admitted(h.Dir, next); err != nil {
		return err
	}
	h.Admission = next
	conn.Use(next.UserJWT)
	return nil
}

// Open opens the agency's program on its folder; conn may be nil.
func (h *Home) Open(conn *bus.Agency, now func() time.Time, log zerolog.Logger) (*Client, error) {
	v, err := tlog.NewVerifier(h.Invitation.LogKey)
	if err != nil {
		return nil, fmt.Errorf("%w: log key: %w", ErrHome, err)
	}
	policy, err := readPolicy(h.Dir, v)
	if err != nil {
		return nil, err
	}
	names, err := storeNames(h.keys)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrHome, err)
	}
	return Open(Config{
		Agency: h.Admission.Agency, Account: h.Admission.Account, Root: h.request.Root, Dir: h.Dir, Key: h.Key, Names: names,
		Schema: h.Schema, Verifier: v, Witness: h.witness, Policy: policy, Conn: conn, Now: now, Log: log,
	})
}

// RotateKey adds a new encryption subkey, keeps the old one for reading, and announces the certificate
// to the hub as a share of its own. The key file is written before the share is queued: a crash leaves
// a key that nobody seals to yet, and the next run announces it.
func (h *Home) RotateKey(c *Client, role fairlead.Role, user string) (fairlead.ShareID, error) {
	key, err := h.Key.Rotate(c.cfg.Now())
	if err != nil {
		return fairlead.ShareID{}, err
	}
	if err := h.keys.Write(keyFile, key.Marshal()); err != nil {
		return fairlead.ShareID{}, err
	}
	h.Key = key
	c.setKey(key)
	ids, err := c.Send(&Draft{Kind: "agency.certificate", Role: role, User: user, To: []string{string(fairlead.Hub)}, Record: key.Certificate()})
	if err != nil {
		return fairlead.ShareID{}, err
	}
	return ids[0], nil
}

func readJSON(dir, name string, v any) error {
	raw, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func writeJSON(dir, name string, v any) error {
	raw, err := json.MarshalIndent(v, "", "\t")
	if err != nil {
		return err
	}
	return tlog.WriteFile(dir, name, append(raw, '\n'))
}
