package client

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"fairlead/internal/fairlead"
	"fairlead/internal/keystore"
	"fairlead/internal/registry"
	"fairlead/internal/seal"
	"fairlead/internal/store"
)

var morning = time.Date(2027, 1, 4, 9, 0, 0, 0, time.UTC)

// folder makes an agency's folder that has enrolled and joined.
func folder(t *testing.T) string {
	t.Helper()
	signer, vkey := newLogKey(t)
	dir := filepath.Join(t.TempDir(), "agency", "alder")
	if _, err := Enrol(dir, keystore.Unsealed, invited(t, signer, vkey), particulars()[0], nil, morning); err != nil {
		t.Fatal(err)
	}
	if err := Join(dir, registry.Admission{Agency: alder, Account: "A", User: userOf(dir), UserJWT: "jwt"}); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestEnrolTwice: keys are never made over keys.
func TestEnrolTwice(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "alder")
	signer, vkey := newLogKey(t)
	inv := invited(t, signer, vkey)
	first, err := Enrol(dir, keystore.Unsealed, inv, particulars()[0], nil, morning)
	if err != nil {
		t.Fatal(err)
	}
	keys := secrets(t, dir)
	again, err := Enrol(dir, keystore.Unsealed, inv, particulars()[0], nil, morning.Add(time.Hour))
	if err != nil || !bytes.Equal(again.Request, first.Request) || !bytes.Equal(again.Signature, first.Signature) {
		t.Errorf("another request, %v", err)
	}
	for name, change := range map[string]func(r *registry.Request){
		"id":           func(r *registry.Request) { r.Agency = "ASPEN" },
		"name":         func(r *registry.Request) { r.Name = "Aspen Council" },
		"type":         func(r *registry.Request) { r.Type = fairlead.TypeNGOUK },
		"jurisdiction": func(r *registry.Request) { r.Jurisdiction = "GB-SCT" },
		"emergency":    func(r *registry.Request) { r.Emergency = false },
	} {
		r := particulars()[0]
		change(&r)
		if _, err := Enrol(dir, keystore.Unsealed, inv, r, nil, morning); !errors.Is(err, ErrHome) || !strings.Contains(err.Error(), "ALDER") || !strings.Contains(err.Error(), "another folder") {
			t.Errorf("another %s: %v", name, err)
		}
	}
	if !slices.EqualFunc(keys, secrets(t, dir), bytes.Equal) {
		t.Error("the keys changed")
	}
	r, fingerprint, err := first.Review(morning)
	if err != nil || r.Agency != alder {
		t.Errorf("the request does not prove itself: %v", err)
	}
	key, err := seal.Parse(keys[0])
	if err != nil || key.Fingerprint() != fingerprint || key.Agency() != alder {
		t.Errorf("the key on disk is not the request's: %v", err)
	}
}

// secrets are what an agency's keystore holds.
func secrets(t *testing.T, dir string) (list [][]byte) {
	t.Helper()
	keys, err := keystore.Open(filepath.Join(dir, keysDir), keystore.Unsealed)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{keyFile, userFile} {
		raw, err := keys.Read(name)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, raw)
	}
	return list
}

// TestEnrolCrash: a run that ended before the request was written is begun anew, whole.
func TestEnrolCrash(t *testing.T) {
	dir := folder(t)
	signer, vkey := newLogKey(t)
	if err := os.Remove(filepath.Join(dir, requestFile)); err != nil {
		t.Fatal(err)
	}
	signed, err := Enrol(dir, keystore.Unsealed, invited(t, signer, vkey), particulars()[0], nil, morning)
	if err != nil {
		t.Fatal(err)
	}
	_, fingerprint, err := signed.Review(morning)
	if err != nil {
		t.Fatal(err)
	}
	home, err := OpenHome(dir, keystore.Unsealed)
	if err != nil || home.Key.Fingerprint() != fingerprint || home.Invitation.LogKey != vkey {
		t.Errorf("key and request are of two runs: %v", err)
	}
}

func TestEnrolRefuses(t *testing.T) {
	signer, vkey := newLogKey(t)
	for name, test := range map[string]struct {
		key    string
		change func(r *registry.Request)
	}{
		"a log key that is none":      {"key", func(*registry.Request) {}},
		"an id that is none":          {vkey, func(r *registry.Request) { r.Agency = "alder council" }},
		"the hub's own id":            {vkey, func(r *registry.Request) { r.Agency = fairlead.Hub }},
		"a type that is none":         {vkey, func(r *registry.Request) { r.Type = "CLUB" }},
		"a jurisdiction that is none": {vkey, func(r *registry.Request) { r.Jurisdiction = "GB-KENT" }},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "new")
			r := particulars()[0]
			test.change(&r)
			if _, err := Enrol(dir, keystore.Unsealed, invited(t, signer, test.key), r, nil, morning); !errors.Is(err, ErrHome) {
				t.Errorf("%v, want %v", err, ErrHome)
			}
			if files, err := os.ReadDir(dir); err == nil && len(files) > 0 {
				t.Errorf("it left %v", files)
			}
		})
	}
}

// TestModes: private files are their owner's alone, also after a rotation.
func TestModes(t *testing.T) {
	w := newWorld(t)
	b := w.agency(birch)
	w.now = w.now.Add(time.Minute)
	if _, err := b.home.RotateKey(b.Client, "DPO", "u1"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.home.StaffDraft(b.Client, "anna-2", "TEAM_MANAGER"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"keystore.json", "key.pgp.sealed", "user.seed.sealed", "staff-anna-2.key.sealed"} {
		info, err := os.Stat(filepath.Join(b.home.Dir, keysDir, name))
		if err != nil || info.Mode() != 0o600 {
			t.Errorf("%s: %v, %v, want 0600", name, info.Mode(), err)
		}
	}
	for _, dir := range []string{b.home.Dir, filepath.Join(b.home.Dir, keysDir)} {
		if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%s: %v, %v, want 0700", dir, info.Mode(), err)
		}
	}
}

func TestOpenHome(t *testing.T) {
	sealedKey, sealedUser := filepath.Join(keysDir, "key.pgp.sealed"), filepath.Join(keysDir, "user.seed.sealed")
	chmod := func(name string, mode os.FileMode) func(dir string) error {
		return func(dir string) error { return os.Chmod(filepath.Join(dir, name), mode) }
	}
	remove := func(name string) func(dir string) error {
		return func(dir string) error { return os.Remove(filepath.Join(dir, name)) }
	}
	write := func(name, text string) func(dir string) error {
		return func(dir string) error { return os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600) }
	}
	for name, test := range map[string]struct {
		harm func(dir string) error
		says string
	}{
		"keys the group may read":    {chmod(sealedKey, 0o640), "run: chmod 600 "},
		"keys all may read":          {chmod(sealedKey, 0o604), "run: chmod 600 "},
		"a seed the group may write": {chmod(sealedUser, 0o620), "run: chmod 600 "},
		"a folder the group may see": {chmod(keysDir, 0o750), "run: chmod 700 "},
		"no keys":                    {remove(sealedKey), "key.pgp.sealed: no such file"},
		"no seed":                    {remove(sealedUser), "user.seed.sealed: no such file"},
		"no keystore":                {remove(filepath.Join(keysDir, "keystore.json")), "keystore.json: no such file"},
		"not enrolled":               {remove(invitationFile), "run: fairlead enrol"},
		"not admitted":               {remove(admissionFile), "run: fairlead join"},
		"an invitation that is none": {write(invitationFile, "{"), invitationFile},
		"an admission that is none":  {write(admissionFile, "[]"), admissionFile},
		"keys that are none":         {write(sealedKey, "-----BEGIN"), "put it back from a backup"},
		"keys of another format": {func(dir string) error {
			keys, err := keystore.Open(filepath.Join(dir, keysDir), keystore.Unsealed)
			if err != nil {
				return err
			}
			return keys.Write(keyFile, []byte("-----BEGIN"))
		}, keyFile},
	} {
		t.Run(name, func(t *testing.T) {
			dir := folder(t)
			if _, err := OpenHome(dir, keystore.Unsealed); err != nil {
				t.Fatalf("before: %v", err)
			}
			if err := test.harm(dir); err != nil {
				t.Fatal(err)
			}
			if _, err := OpenHome(dir, keystore.Unsealed); !errors.Is(err, ErrHome) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("%v, want %q", err, test.says)
			}
		})
	}
}

// TestPassphrase: an agency's keys open with its passphrase alone, and with the new one after a change.
func TestPassphrase(t *testing.T) {
	says := func(words string) keystore.Source {
		return func(bool) ([]byte, error) { return []byte(words), nil }
	}
	signer, vkey := newLogKey(t)
	dir := filepath.Join(t.TempDir(), "alder")
	if _, err := Enrol(dir, says("four words of mine"), invited(t, signer, vkey), particulars()[0], nil, morning); err != nil {
		t.Fatal(err)
	}
	if err := Join(dir, registry.Admission{Agency: alder, Account: "A", User: userOf(dir), UserJWT: "jwt"}); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenHome(dir, says("four words of others")); !errors.Is(err, keystore.ErrPassphrase) {
		t.Errorf("another passphrase: %v", err)
	}
	if err := ChangePassphrase(dir, says("four words of others"), says("five words of the next one")); !errors.Is(err, keystore.ErrPassphrase) {
		t.Errorf("changed with another passphrase: %v", err)
	}
	if err := ChangePassphrase(dir, says("four words of mine"), says("five words of the next one")); err != nil {
		t.Fatal(err)
	}
	home, err := OpenHome(dir, says("five words of the next one"))
	if err != nil || !home.Sealed() {
		t.Fatalf("%v, or not sealed", err)
	}
	seed := home.seed
	home.Close()
	if !bytes.Equal(seed, make([]byte, len(seed))) {
		t.Error("the user's seed is still in memory")
	}
}

// TestOneProgram: while one program works on a folder a second is refused, and told which to stop.
func TestOneProgram(t *testing.T) {
	w := newWorld(t)
	a := w.agency(alder)
	_, err := a.home.Open(nil, func() time.Time { return morning }, zerolog.Nop())
	if !errors.Is(err, store.ErrInUse) || !strings.Contains(err.Error(), fmt.Sprintf("process %d", os.Getpid())) {
		t.Errorf("a second program: %v", err)
	}
	if _, err := Enrol(a.home.Dir, keystore.Unsealed, a.home.Invitation, particulars()[0], nil, morning); !errors.Is(err, store.ErrInUse) {
		t.Errorf("enrolled meanwhile: %v", err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	a.open()
}

// TestRemedy: what OpenHome says to do helps.
func TestRemedy(t *testing.T) {
	dir := folder(t)
	path := filepath.Join(dir, keysDir, "key.pgp.sealed")
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := OpenHome(dir, keystore.Unsealed)
	if err == nil || !strings.HasSuffix(err.Error(), "run: chmod 600 "+path) {
		t.Fatalf("%v", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenHome(dir, keystore.Unsealed); err != nil {
		t.Error(err)
	}
}

func TestJoin(t *testing.T) {
	dir := folder(t)
	good := registry.Admission{Agency: alder, Account: "A", User: userOf(dir), UserJWT: "jwt", Entry: 3}
	for name, change := range map[string]func(a *registry.Admission){
		"another agency's": func(a *registry.Admission) { a.Agency = birch },
		"nobody's":         func(a *registry.Admission) { a.Agency = "" },
		"without a JWT":    func(a *registry.Admission) { a.UserJWT = "" },
		"no account":       func(a *registry.Admission) { a.Account = "" },
		"for other keys":   func(a *registry.Admission) { a.User = "U" },
	} {
		a := good
		change(&a)
		if err := Join(dir, a); !errors.Is(err, ErrHome) || !strings.Contains(err.Error(), "ALDER") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := Join(t.TempDir(), good); !errors.Is(err, ErrHome) || !strings.Contains(err.Error(), "enrol first") {
		t.Errorf("an empty folder: %v", err)
	}
	if err := Join(dir, good); err != nil {
		t.Fatal(err)
	}
	if home, err := OpenHome(dir, keystore.Unsealed); err != nil || home.Admission != good {
		t.Errorf("%+v, %v", home.Admission, err)
	}
}

// TestOpenRefuses: a program does not start on a log key or a store that it cannot read.
func TestOpenRefuses(t *testing.T) {
	home, err := OpenHome(folder(t), keystore.Unsealed)
	if err != nil {
		t.Fatal(err)
	}
	now := func() time.Time { return morning }
	bad := *home
	bad.Invitation.LogKey = "key"
	if _, err := bad.Open(nil, now, zerolog.Nop()); !errors.Is(err, ErrHome) {
		t.Errorf("a log key that is none: %v", err)
	}
	if err := os.WriteFile(filepath.Join(home.Dir, "store.db"), bytes.Repeat([]byte("x"), 4096), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := home.Open(nil, now, zerolog.Nop()); err == nil {
		t.Error("a store that is none is opened")
	}
}

// TestRotateTooSoon: two subkeys of one second are refused, and the keys stay as they were.
func TestRotateTooSoon(t *testing.T) {
	w := newWorld(t)
	b := w.agency(birch)
	before := secrets(t, b.home.Dir)
	if _, err := b.home.RotateKey(b.Client, "DPO", "u1"); !errors.Is(err, seal.ErrKey) {
		t.Errorf("%v, want %v", err, seal.ErrKey)
	}
	if !bytes.Equal(before[0], secrets(t, b.home.Dir)[0]) || len(b.queue()) > 0 {
		t.Error("the key file changed, or a certificate is queued")
	}
}
