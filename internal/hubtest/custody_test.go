package hubtest

import (
	"encoding/gob"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"fairlead/internal/bus"
	"fairlead/internal/client"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/keyring"
	"fairlead/internal/keystore"
	"fairlead/internal/registry"
	"fairlead/internal/seal"
	"fairlead/internal/tlog"
)

// envCustody is the folder of the custodian's keystore when the test runs itself again as one.
const envCustody = "FAIRLEAD_TEST_CUSTODY"

// asked and told go over the pipe to the custodian and back.
type asked struct {
	Sign, Unwrap []byte
	Context      keyring.Context
	At           time.Time
}

type told struct {
	Answer  []byte // a signature or a session key; of the first message, the certificate
	Damaged bool
	Err     string
}

// runCustodian makes an agency's key in a keystore of its own and signs and unwraps with it until the pipe closes.
func runCustodian(dir string, in io.Reader, out io.Writer) error {
	at, err := time.Parse(time.RFC3339, os.Getenv(envCustody+"_AT"))
	if err != nil {
		return err
	}
	keys, err := keystore.Make(dir, func(bool) ([]byte, error) { return []byte("words that the custodian alone has"), nil })
	if err != nil {
		return err
	}
	defer keys.Close()
	made, err := seal.Generate(Birch, at)
	if err != nil {
		return err
	}
	if err := keys.Write("key.pgp", made.Marshal()); err != nil {
		return err
	}
	raw, err := keys.Read("key.pgp")
	if err != nil {
		return err
	}
	key, err := seal.Parse(raw)
	if err != nil {
		return err
	}
	enc, dec := gob.NewEncoder(out), gob.NewDecoder(in)
	if err := enc.Encode(told{Answer: key.Certificate()}); err != nil {
		return err
	}
	for {
		var q asked
		if err := dec.Decode(&q); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		var a told
		var err error
		if q.Unwrap != nil {
			a.Answer, err = key.Unwrap(q.Unwrap)
		} else {
			a.Answer, err = key.Sign(q.Sign, q.Context, q.At)
		}
		if err != nil {
			a.Err, a.Damaged = err.Error(), errors.Is(err, seal.ErrDamaged)
		}
		if err := enc.Encode(a); err != nil {
			return err
		}
	}
}

// custodian is the private key of an agency in another process.
type custodian struct {
	mu     sync.Mutex
	enc    *gob.Encoder
	dec    *gob.Decoder
	signed map[keyring.Context]int
	opened int
}

func (c *custodian) ask(q asked) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if q.Unwrap != nil {
		c.opened++
	} else {
		c.signed[q.Context]++
	}
	var a told
	if err := errors.Join(c.enc.Encode(q), c.dec.Decode(&a)); err != nil {
		return nil, err
	}
	switch {
	case a.Damaged:
		return nil, fmt.Errorf("%w: %s", seal.ErrDamaged, a.Err)
	case a.Err != "":
		return nil, errors.New(a.Err)
	}
	return a.Answer, nil
}

func (c *custodian) Sign(msg []byte, ctx keyring.Context, at time.Time) ([]byte, error) {
	return c.ask(asked{Sign: msg, Context: ctx, At: at})
}

func (c *custodian) Unwrap(pkesk []byte) ([]byte, error) { return c.ask(asked{Unwrap: pkesk}) }

// startCustodian runs this test again as a custodian, and answers the key that it made.
func startCustodian(t *testing.T, dir string, at time.Time) (c *custodian, key *seal.Key, stop func()) {
	t.Helper()
	cmd := exec.CommandContext(within(t), os.Args[0])
	cmd.Env = append(os.Environ(), envCustody+"="+dir, envCustody+"_AT="+at.Format(time.RFC3339))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	stop = sync.OnceFunc(func() { must(t, errors.Join(in.Close(), cmd.Wait())) })
	t.Cleanup(stop)
	c = &custodian{enc: gob.NewEncoder(in), dec: gob.NewDecoder(out), signed: map[keyring.Context]int{}}
	var first told
	must(t, c.dec.Decode(&first))
	key, err = seal.Entrust(first.Answer, c)
	must(t, err)
	return c, key, stop
}

// entrusted enrols an agency whose private key is in a custodian's process, by the steps of every other, and opens its
// program: neither has more of that key than the certificate.
func (w *World) entrusted(t *testing.T, key *seal.Key) *Agency {
	t.Helper()
	seed, user, err := bus.NewUser()
	must(t, err)
	skey, err := tlog.GenerateCosigner(registry.WitnessName(w.Hub.Verifier().Origin(), Birch))
	must(t, err)
	witness, err := tlog.NewCosigner(skey)
	must(t, err)
	request, err := json.Marshal(registry.Request{
		Agency: Birch, Name: "Birch Directorate", Type: fairlead.TypeStatutoryOverseas, Jurisdiction: "RO", Emergency: true,
		User: user, Certificate: key.Certificate(), Witness: witness.VKey(), At: fairlead.At(w.Clock.Now()),
	})
	must(t, err)
	signed := registry.SignedRequest{Request: request}
	signed.Signature, err = key.Sign(signed.Request, keyring.ContextEnrolment, w.Clock.Now())
	must(t, err)
	signed, err = w.sponsor(signed)
	must(t, err)
	admission, err := w.Hub.Approve(within(t), signed)
	must(t, err)
	a := &Agency{ID: Birch}
	a.Conn, err = bus.Dial(within(t), bus.AgencyConfig{InProcess: w.Hub, Seed: seed, UserJWT: admission.UserJWT, Account: admission.Account})
	must(t, err)
	must(t, os.MkdirAll(w.home(Birch), 0o700))
	a.Client, err = client.Open(client.Config{
		Agency: Birch, Account: admission.Account, Dir: w.home(Birch), Key: key, Names: []byte(strings.Repeat("n", 32)), Verifier: w.Hub.Verifier(), Witness: witness, Conn: a.Conn, Now: w.Clock.Now,
	})
	must(t, err)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.agencies[Birch] = a
	return a
}

// TestCustody: an agency whose private key is in another process goes the whole road: enrolled, an agreement signed, a
// share sent and one opened, its own copy read. Its program never has the key; when the custodian is gone nothing is
// signed or opened any more, and nobody takes that for a damaged message.
func TestCustody(t *testing.T) {
	t.Parallel()
	w, err := Open(within(t), Config{Dir: t.TempDir(), Start: DefaultStart()})
	must(t, err)
	t.Cleanup(w.Close)
	for _, id := range []fairlead.AgencyID{Alder, Aspen} {
		_, err := w.Enrol(within(t), registry.Request{Agency: id, Name: string(id), Type: fairlead.TypeLA, Jurisdiction: "GB-ENG", Emergency: true})
		must(t, err)
	}
	vault := filepath.Join(t.TempDir(), "vault")
	c, key, stop := startCustodian(t, vault, w.Clock.Now())
	b := w.entrusted(t, key)
	w.settle(t)
	must(t, w.Agree(within(t), defaultAgreement(w.Clock.Now())))

	in := w.send(t, Alder, DraftAssessment(Birch, Section("EDU", `{"school":"x"}`)))
	if got := w.open(t, Birch, in.ID); got["EDU"] != `{"school":"x"}` {
		t.Errorf("it opens %v", got)
	}
	draft := DraftAssessment(Alder, Section("ASSESS", `{"answer":"y"}`))
	draft.Basis = &envelope.Basis{Art6: fairlead.Art6EU, Cite: "GDPR 6(1)(e)"}
	out := w.send(t, Birch, draft)
	if out.Verdict.Result != fairlead.Delivered {
		t.Fatalf("%+v", out.Verdict)
	}
	if got := w.open(t, Alder, out.ID); got["ASSESS"] != `{"answer":"y"}` {
		t.Errorf("the other opens %v", got)
	}
	if d, err := b.OwnContent(out.ID); err != nil || string(d.Sections[0].Content) != `{"answer":"y"}` {
		t.Errorf("its own copy: %v", err)
	}
	must(t, w.Check(within(t)))
	if c.signed[keyring.ContextEnrolment] != 1 || c.signed[keyring.ContextShare] < 4 || c.signed[keyring.ContextSection] < 2 || c.opened < 2 || len(c.signed) != 3 {
		t.Errorf("the custodian signed %v and unwrapped %d", c.signed, c.opened)
	}
	if len(key.Marshal()) > 0 {
		t.Error("the program has a private key")
	}
	if _, err := key.Rotate(w.Clock.Now().Add(time.Hour)); !errors.Is(err, seal.ErrKey) {
		t.Errorf("it rotates a key that it does not have: %v", err)
	}
	var files []string
	must(t, filepath.WalkDir(vault, func(path string, _ os.DirEntry, err error) error {
		files = append(files, filepath.Base(path))
		return err
	}))
	if !slices.Contains(files, "key.pgp.sealed") {
		t.Errorf("the custodian keeps %v", files)
	}

	stop()
	signed := maps.Clone(c.signed)
	if _, _, err := b.Open(in.ID); !errors.Is(err, seal.ErrKey) || errors.Is(err, seal.ErrDamaged) {
		t.Errorf("opened without its custodian: %v", err)
	}
	if _, err := b.Send(draft); !errors.Is(err, seal.ErrKey) {
		t.Errorf("sent without its custodian: %v", err)
	}
	if maps.Equal(signed, c.signed) {
		t.Error("nobody was asked")
	}
}
