package hubtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fairlead/internal/keystore"

	"filippo.io/torchwood"
	"github.com/rs/zerolog"

	"fairlead/internal/client"
	"fairlead/internal/fairlead"
	"fairlead/internal/hub"
	"fairlead/internal/registry"
	"fairlead/internal/tlog"
	"fairlead/internal/witness"
)

// outside is a real witness behind HTTP, which can be cut off.
type outside struct {
	*httptest.Server
	key *tlog.Cosigner
	off atomic.Bool
}

func (w *World) outside(t testing.TB, name string) *outside {
	t.Helper()
	skey, err := tlog.GenerateCosigner(name)
	must(t, err)
	o := &outside{}
	o.key, err = tlog.NewCosigner(skey)
	must(t, err)
	dir := filepath.Join(t.TempDir(), "witness")
	must(t, witness.Create(dir))
	one, err := witness.Open(dir, o.key, w.Clock.Now, w.Hub.Verifier())
	must(t, err)
	o.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if o.off.Load() {
			rw.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		one.ServeHTTP(rw, r)
	}))
	t.Cleanup(func() {
		o.Close()
		one.Close()
	})
	return o
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// policy wants one of the outside witnesses and as many of the agencies as it takes for more than half of all.
func (w *World) witnesses(outside ...*outside) []byte {
	var b, out, in strings.Builder
	fmt.Fprintf(&b, "log %s\n", w.Hub.LogKey())
	for i, o := range outside {
		fmt.Fprintf(&b, "witness out-%d %s %s\n", i, o.key.VKey(), o.URL)
		fmt.Fprintf(&out, " out-%d", i)
	}
	for _, a := range w.Hub.Broker().Agencies() {
		fmt.Fprintf(&b, "witness %s %s\n", a.ID, a.Witness)
		fmt.Fprintf(&in, " %s", a.ID)
	}
	n := len(w.Hub.Broker().Agencies())
	fmt.Fprintf(&b, "group outside any%s\ngroup agencies %d%s\ngroup both all outside agencies\nquorum both\n", &out, (n+len(outside))/2, &in)
	return []byte(b.String())
}

// await syncs the agencies until something holds.
func (w *World) await(t testing.TB, what string, holds func() bool) {
	t.Helper()
	ctx := within(t)
	for !holds() {
		if _, err := w.syncAll(ctx); errors.Join(err, ctx.Err(), w.Hub.Failed()) != nil {
			t.Fatalf("waited in vain until %s: %v %v", what, err, w.Hub.Failed())
		}
	}
}

// witnessed reports whether hub and agencies all know a quorum for the whole log.
func (w *World) witnessed(t testing.TB) bool {
	n := w.Hub.Broker().Status().Entries
	if w.Hub.Witnessed().Size != n {
		return false
	}
	for _, a := range w.Agencies() {
		s, err := a.Witnessed(w.Clock.Now())
		must(t, err)
		if s.Size != n || !s.Since.IsZero() {
			return false
		}
	}
	return true
}

// lines is what a hub logs.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *lines) has(words string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.b.String(), words)
}

func (w *World) get(t testing.TB, path string) string {
	t.Helper()
	res, err := http.Get(w.Hub.HTTPURL() + path)
	must(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	must(t, err)
	return string(body)
}

// TestWitnessed: what is shared is cosigned by witnesses outside and by agencies, every agency hears of it, and what
// the hub publishes is right in the eyes of another implementation.
func TestWitnessed(t *testing.T) {
	t.Parallel()
	w := New(t, Config{HTTP: "127.0.0.1:0"})
	one, two := w.outside(t, "w1.example.org"), w.outside(t, "w2.example.org")
	policy := w.witnesses(one, two)
	must(t, w.Witness(within(t), policy))
	for range 3 {
		w.send(t, Alder, DraftAssessment(Birch, Section("EDU", `{"school":"x"}`)))
	}
	w.await(t, "witnessed", func() bool { return w.witnessed(t) })
	s, err := w.Agency(Cedar).Witnessed(w.Clock.Now().Add(time.Hour))
	if err != nil || !s.Policy || s.Late || len(s.By) < 4 {
		t.Errorf("%+v, %v", s, err)
	}
	text := w.get(t, "/checkpoint.cosigned")
	elsewhere, err := torchwood.ParsePolicy(policy)
	must(t, err)
	cp, _, err := torchwood.VerifyCheckpoint([]byte(text), elsewhere)
	if err != nil || cp.N != w.Hub.Broker().Status().Entries {
		t.Errorf("torchwood: %+v, %v\n%s", cp, err, text)
	}
	if !strings.Contains(w.get(t, "/metrics"), fmt.Sprintf("fairlead_witnessed_entries %d\n", cp.N)) {
		t.Error("the metrics do not say so")
	}
	must(t, w.Reopen(within(t))) // the hub's first question to its witnesses finds them where it is
	w.await(t, "witnessed after a restart", func() bool { return w.witnessed(t) })
}

// TestNotWitnessed: without the witnesses shares go on, alerts too; after a minute hub and agencies say so; with one
// witness back all is well again.
func TestNotWitnessed(t *testing.T) {
	t.Parallel()
	journal := &lines{}
	w := New(t, Config{HTTP: "127.0.0.1:0", Log: zerolog.New(journal)})
	one, two := w.outside(t, "w1.example.org"), w.outside(t, "w2.example.org")
	one.off.Store(true)
	two.off.Store(true)
	must(t, w.Witness(within(t), w.witnesses(one, two)))
	before := w.Clock.Now()
	sent := w.send(t, Alder, DraftAssessment(Birch, Section("EDU", `{"school":"x"}`)))
	if sent.Verdict.Result != fairlead.Delivered {
		t.Fatalf("%+v", sent.Verdict)
	}
	w.await(t, "waiting", func() bool { return w.Hub.Witnessed().Since.Equal(before) }) // the clock stands until the hub has looked
	w.Clock.Set(before.Add(witness.Within))
	if w.Hub.Witnessed().Late || journal.has("not witnessed") {
		t.Error("late after exactly a minute")
	}
	w.Clock.Set(before.Add(witness.Within + time.Second))
	w.await(t, "late", func() bool { return w.Hub.Witnessed().Late })
	if !journal.has("ALARM: not witnessed") || !strings.Contains(w.get(t, "/metrics"), "fairlead_unwitnessed_seconds 61\n") {
		t.Error("log and metrics do not say so")
	}
	s, err := w.Agency(Birch).Witnessed(w.Clock.Now())
	if err != nil || !s.Late || s.Size != 0 || s.Since.After(before) {
		t.Errorf("%+v, %v", s, err)
	}
	two.off.Store(false)
	w.await(t, "witnessed again", func() bool { return w.witnessed(t) && !w.Hub.Witnessed().Late })
	if !journal.has("the log is witnessed again") {
		t.Error("the hub does not say that it is well")
	}
}

// closeKeys gives the keys of a copied folder the modes that they had.
func closeKeys(t testing.TB, dir string) {
	t.Helper()
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasPrefix(path, filepath.Join(dir, "keys")) {
			return err
		}
		return os.Chmod(path, map[bool]fs.FileMode{true: 0o700, false: 0o600}[d.IsDir()])
	}))
}

// TestStartAskedWitnesses: a hub that was rolled back, or forked, does not start, signs nothing, and says why.
func TestStartAskedWitnesses(t *testing.T) {
	t.Parallel()
	w := New(t, Config{})
	one := w.outside(t, "w1.example.org")
	policy := w.witnesses(one)
	home, old := filepath.Join(w.Dir, "hub"), filepath.Join(t.TempDir(), "old")
	w.Close()
	must(t, os.CopyFS(old, os.DirFS(home)))
	must(t, w.startHub(within(t)))
	must(t, w.ConnectAll(within(t)))
	must(t, w.Witness(within(t), policy))
	w.send(t, Alder, DraftAssessment(Birch, Section("EDU", `{"school":"x"}`)))
	w.await(t, "witnessed", func() bool { return w.witnessed(t) })
	n := w.Hub.Broker().Status().Entries
	w.Close()

	restore := func(names ...string) {
		t.Helper()
		must(t, os.RemoveAll(home))
		must(t, os.MkdirAll(home, 0o700))
		defer closeKeys(t, home)
		for _, name := range names {
			info, err := os.Stat(filepath.Join(old, name))
			must(t, err)
			if info.IsDir() {
				must(t, os.CopyFS(filepath.Join(home, name), os.DirFS(filepath.Join(old, name))))
				continue
			}
			b, err := os.ReadFile(filepath.Join(old, name))
			must(t, err)
			must(t, os.WriteFile(filepath.Join(home, name), b, 0o600))
		}
	}
	all := func() (list []string) {
		entries, err := os.ReadDir(old)
		must(t, err)
		for _, e := range entries {
			if e.Type().IsRegular() || e.IsDir() {
				list = append(list, e.Name())
			}
		}
		return list
	}()
	refused := func(want error) {
		t.Helper()
		before, err := os.ReadFile(filepath.Join(home, "log", "checkpoint"))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		if err := w.startHub(context.Background()); !errors.Is(err, want) || !strings.Contains(err.Error(), "deploy/README.md") {
			t.Fatalf("starts: %v, want %v", err, want)
		}
		w.Hub = nil
		after, _ := os.ReadFile(filepath.Join(home, "log", "checkpoint"))
		if !bytes.Equal(before, after) {
			t.Error("signed meanwhile")
		}
	}
	restore(all...)
	refused(hub.ErrRolledBack)
	restore("keys", "log.vkey") // everything lost but the keys
	refused(hub.ErrRolledBack)

	// The old state goes on without its witness, by another way, to the same size.
	restore(all...)
	w.policy = nil
	must(t, w.startHub(within(t)))
	for w.Hub.Broker().Status().Entries < n {
		must(t, w.Hub.SetRules(within(t), rules(w.Hub.Broker().Status().Entries)))
	}
	w.Close()
	w.policy = policy
	refused(hub.ErrForked)

	// One entry on, the witness is behind: it finds the fork while the hub runs, and the hub says so.
	w.policy = nil
	journal := &lines{}
	w.cfg.Log = zerolog.New(journal)
	must(t, w.startHub(within(t)))
	must(t, w.Hub.SetRules(within(t), rules(n)))
	w.Close()
	w.policy = policy
	must(t, w.startHub(within(t)))
	must(t, w.ConnectAll(within(t)))
	w.await(t, "the split is seen", func() bool { return w.Hub.Witnessed().Splits > 0 })
	if !journal.has("ALARM: split view: a witness cosigned another log") || !journal.has("out-0") {
		t.Error("the hub does not say who")
	}
	w.await(t, "the agencies see it too", func() bool {
		return !slices.ContainsFunc(w.Agencies(), func(a *Agency) bool {
			alarms, err := a.Alarms()
			return err != nil || !slices.ContainsFunc(alarms, func(x client.Alarm) bool { return strings.Contains(x.What, "the log was rewritten or forked") })
		})
	})
	w.Close()
}

// TestSplitAtTheHub: an agency that cosigns another log, or signs that it was shown one, is heard; one that speaks
// for another is not.
func TestSplitAtTheHub(t *testing.T) {
	t.Parallel()
	journal := &lines{}
	w := New(t, Config{HTTP: "127.0.0.1:0", Log: zerolog.New(journal)})
	must(t, w.Witness(within(t), w.witnesses(w.outside(t, "w1.example.org"))))
	keyOf := func(id fairlead.AgencyID) *tlog.Cosigner {
		keys, err := keystore.Open(filepath.Join(w.home(id), "keys"), keystore.Unsealed)
		must(t, err)
		defer keys.Close()
		skey, err := keys.Read("witness.key")
		must(t, err)
		c, err := tlog.NewCosigner(strings.TrimSpace(string(skey)))
		must(t, err)
		return c
	}
	tree := w.Agency(Alder).Tree()
	tree.Hash[0] ^= 1
	forked, err := keyOf(Alder).Cosign(w.Hub.Verifier().Origin(), tree, w.Clock.Now())
	must(t, err)
	must(t, w.Agency(Birch).Conn.Cosign(forked)) // Alder's word, from Birch
	must(t, w.Agency(Birch).Conn.Cosign([]byte("rubbish")))
	w.await(t, "both are put aside", func() bool { return journal.has("what an agency sent is no cosignature by its key") })
	if w.Hub.Witnessed().Splits != 0 {
		t.Error("Birch speaks for Alder")
	}
	for range 3 {
		must(t, w.Agency(Alder).Conn.Cosign(forked))
	}
	w.await(t, "the split is seen", func() bool { return w.Hub.Witnessed().Splits == 1 })
	if !journal.has(`"witness":"ALDER"`) {
		t.Error("the hub does not say who")
	}

	w.forge(t, Alder, DraftAssessment(Birch, Section("EDU", `{"school":"x"}`)), func(f *forged) { f.H.Seen.Root[0] ^= 1 })
	w.settle(t)
	if w.Hub.Broker().Status().Splits != 1 || !journal.has("a sender signs that it was shown another log than this one") {
		t.Error("the hub does not see what its sender was shown")
	}
	alarms, err := w.Agency(Birch).Alarms()
	if err != nil || len(alarms) != 1 || !strings.Contains(alarms[0].What, "split view: ALDER was shown another log") {
		t.Errorf("Birch: %+v, %v", alarms, err)
	}
	if !strings.Contains(w.get(t, "/metrics"), "fairlead_split_views 2\n") {
		t.Error("the metrics do not say so")
	}
	w.forge(t, Alder, DraftAssessment(Birch, Section("EDU", `{"school":"x"}`)), func(f *forged) { f.H.Seen.Size += 1000 })
	w.settle(t)
	alarms, err = w.Agency(Birch).Alarms()
	if err != nil || !slices.ContainsFunc(alarms, func(a client.Alarm) bool { return strings.Contains(a.What, "never announced to this agency") }) {
		t.Errorf("Birch: %+v, %v", alarms, err)
	}
	w.Close() // the world is not as it should be
}

// rules makes an entry that is not the last.
func rules(n int64) registry.Rules {
	return registry.Rules{Groups: []registry.Group{{Name: GroupAlert, Members: []fairlead.AgencyID{Alder, Birch}}, {Name: fmt.Sprint("G-", n), Members: []fairlead.AgencyID{Alder}}}}
}

// TestPolicyByInvitation: agencies get the policy of witnesses by the hub's signed invitations alone, those on record by
// a later one, and count cosignatures by it. A hub that goes over to a weaker one moves none of them.
func TestPolicyByInvitation(t *testing.T) {
	t.Parallel()
	w := New(t, Config{HTTP: "127.0.0.1:0"})
	one, two := w.outside(t, "w1.example.org"), w.outside(t, "w2.example.org")
	strong := w.witnesses(one, two)
	take := func(id fairlead.AgencyID) error {
		inv, err := w.Hub.Invite(id)
		must(t, err)
		return client.TakeInvitation(w.home(id), inv, w.Clock.Now())
	}
	restart := func(policy []byte) {
		w.Close()
		w.policy = policy
		must(t, w.startHub(within(t)))
	}
	restart(strong)
	for _, a := range w.Hub.Broker().Agencies() {
		must(t, take(a.ID))
	}
	must(t, w.ConnectAll(within(t)))
	_, err := w.Enrol(within(t), registry.Request{Agency: "OAK", Name: "Oak Council", Type: fairlead.TypeLA, Jurisdiction: "GB-ENG"})
	must(t, err)
	w.send(t, Alder, DraftAssessment(Birch, Section("EDU", `{"school":"x"}`)))
	w.await(t, "witnessed by the invitations' policy", func() bool { return w.witnessed(t) })

	weak := fmt.Appendf(nil, "log %s\nwitness out-0 %s %s\nquorum out-0\n", w.Hub.LogKey(), one.key.VKey(), one.URL)
	restart(weak)
	for _, id := range []fairlead.AgencyID{Alder, "OAK"} {
		if err := take(id); !errors.Is(err, client.ErrPolicy) || !strings.Contains(err.Error(), "out-1 is no witness any more") || !strings.Contains(err.Error(), "1 of 1 witnesses are enough") {
			t.Errorf("%s: %v", id, err)
		}
	}
	two.off.Store(true)
	must(t, w.ConnectAll(within(t)))
	w.disconnect(Cedar) // one agency too few for the members' policy, and enough for the hub's
	w.disconnect(Birch)
	w.disconnect("OAK")
	before, err := w.Agency(Alder).Witnessed(w.Clock.Now())
	must(t, err)
	w.send(t, Alder, DraftAssessment(Birch, Section("EDU", `{"school":"x"}`)))
	w.await(t, "the hub is content", func() bool { return w.Hub.Witnessed().Size == w.Hub.Broker().Status().Entries })
	w.await(t, "Alder has all", func() bool { return w.Agency(Alder).Tree().N == w.Hub.Broker().Status().Entries })
	if s, err := w.Agency(Alder).Witnessed(w.Clock.Now()); err != nil || s.Size != before.Size || s.Since.IsZero() {
		t.Errorf("witnessed by a policy that nobody there has: %+v, %v; before %+v", s, err, before)
	}
}
