package client

import (
	"crypto/sha256"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nkeys"
	"github.com/rs/zerolog"

	"fairlead/internal/bus"
	"fairlead/internal/entry"
	"fairlead/internal/fairlead"
	"fairlead/internal/keystore"
	"fairlead/internal/policy"
	"fairlead/internal/registry"
	"fairlead/internal/tlog"
)

const (
	alder fairlead.AgencyID = "ALDER" // a council in England
	birch fairlead.AgencyID = "BIRCH" // a directorate in Romania
	cedar fairlead.AgencyID = "CEDAR" // a police force in England
)

// world is a hub that can lie, and its agencies. It keeps a real log, decides by the register as the
// broker does, and hands out frames; a test bends one of them, or logs what no hub may log.
type world struct {
	t        testing.TB
	now      time.Time
	vkey     string
	signer   *tlog.Signer
	log      *tlog.Writer
	snap     *registry.Snapshot
	leaves   [][]byte
	public   []line // entries that every agency is handed
	agencies []*agency

	judge func(d *policy.Decision) // bends a decision before it is logged
	bend  func(l *entry.Leaf)      // bends a leaf before it is logged
}

// agency is one agency's program, and what the hub has for it.
type agency struct {
	*Client
	w       *world
	id      fairlead.AgencyID
	home    *Home
	account fairlead.Account
	wrong   time.Duration // by how much its clock is wrong

	out      [][]byte        // frames not yet handed over
	owed     []int64         // entries of which a proof is due
	told     tlog.Tree       // last checkpoint announced to it
	taken    map[string]bool // its shares that the hub has decided
	messages []bus.Message   // all it was ever handed
}

// line is one entry as it was logged.
type line struct {
	index  int64
	leaf   entry.Leaf
	bytes  []byte
	detail *entry.Detail
	raw    []byte
}

// newWorld has three enrolled agencies, proved to each other.
func newWorld(t testing.TB) *world {
	t.Helper()
	w := emptyWorld(t)
	for _, r := range particulars() {
		w.enrol(r)
	}
	w.settle()
	return w
}

// agreedWorld is one in which all have signed an agreement, at rest: each test has its own copy.
func agreedWorld(t testing.TB) *world {
	t.Helper()
	w := newWorld(t)
	w.agree()
	for _, a := range w.agencies {
		w.check(a.Close())
	}
	return w
}

// copy is a world of its own that goes on from one at rest.
func (w *world) copy(t testing.TB) *world {
	t.Helper()
	c := *w
	c.t, c.leaves, c.agencies = t, slices.Clone(w.leaves), nil
	c.log = c.fork(len(c.leaves))
	for _, old := range w.agencies {
		a, dir := *old, filepath.Join(t.TempDir(), string(old.id))
		c.check(exec.CommandContext(t.Context(), "cp", "-a", old.home.Dir, dir).Run())
		home, err := OpenHome(dir, keystore.Unsealed)
		c.check(err)
		a.w, a.home, a.taken, a.messages = &c, home, maps.Clone(old.taken), slices.Clone(old.messages)
		a.open()
		t.Cleanup(func() { a.Close() })
		c.agencies = append(c.agencies, &a)
	}
	return &c
}

func particulars() []registry.Request {
	return []registry.Request{
		{Agency: alder, Name: "Alder Council", Type: fairlead.TypeLA, Jurisdiction: "GB-ENG", Emergency: true},
		{Agency: birch, Name: "Birch Directorate", Type: fairlead.TypeStatutoryOverseas, Jurisdiction: "RO", Emergency: true},
		{Agency: cedar, Name: "Cedar Police", Type: fairlead.TypePolice, Jurisdiction: "GB-ENG", Emergency: true},
	}
}

func emptyWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, now: time.Date(2027, 1, 4, 9, 0, 0, 0, time.UTC), snap: registry.New()}
	w.signer, w.vkey = newLogKey(t)
	var err error
	w.log, err = tlog.OpenWriter(t.TempDir(), tlog.Tree{})
	w.check(err)
	return w
}

func newLogKey(t testing.TB) (*tlog.Signer, string) {
	t.Helper()
	skey, vkey, err := tlog.GenerateKey("hub.fairlead.example/log")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := tlog.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	return signer, vkey
}

func (w *world) check(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// agency finds one by its name.
func (w *world) agency(id fairlead.AgencyID) *agency {
	for _, a := range w.agencies {
		if a.id == id {
			return a
		}
	}
	return nil
}

// request makes an agency's folder and keys, and the record of its enrolment.
func (w *world) request(dir string, r registry.Request) *registry.Agency {
	w.t.Helper()
	return w.requestBy(dir, r, rootOf(r.Agency))
}

func (w *world) requestBy(dir string, r registry.Request, root []byte) *registry.Agency {
	w.t.Helper()
	signed, err := Enrol(dir, keystore.Unsealed, invited(w.t, w.signer, w.vkey), r, root, w.now)
	w.check(err)
	r, fingerprint, err := signed.Review(w.now)
	w.check(err)
	if len(w.snap.Agencies()) > 0 {
		signed, err = w.agencies[0].home.Sponsor(signed, fingerprint.Words(), w.now)
		w.check(err)
	}
	record := signed.Agency(r)
	pair, err := nkeys.CreateAccount()
	w.check(err)
	public, err := pair.PublicKey()
	w.check(err)
	record.Account = fairlead.Account(public)
	return record
}

// found makes an agency and opens its program, which is offline; it is not enrolled yet.
func (w *world) found(r registry.Request) (*agency, *registry.Agency) {
	w.t.Helper()
	a := &agency{w: w, id: r.Agency, taken: map[string]bool{}}
	dir := filepath.Join(w.t.TempDir(), string(r.Agency))
	record := w.request(dir, r)
	a.account = record.Account
	w.check(Join(dir, registry.Admission{Agency: a.id, Account: a.account, User: userOf(dir), UserJWT: "jwt"}))
	var err error
	a.home, err = OpenHome(dir, keystore.Unsealed)
	w.check(err)
	a.open()
	w.t.Cleanup(func() { a.Close() })
	for _, e := range w.public {
		a.handEntry(e)
	}
	w.agencies = append(w.agencies, a)
	return a, record
}

// enrol makes an agency and logs its enrolment.
func (w *world) enrol(r registry.Request) *agency {
	w.t.Helper()
	a, record := w.found(r)
	w.forward(w.append(w.registerEntry("enrol", record)))
	return a
}

func (a *agency) open() {
	a.w.t.Helper()
	var err error
	a.Client, err = a.home.Open(nil, func() time.Time { return a.w.now.Add(a.wrong) }, zerolog.Nop())
	a.w.check(err)
}

// reopen is what a crash does to an agency's program.
func (a *agency) reopen() {
	a.w.t.Helper()
	a.w.check(a.Close())
	a.open()
}

// feed hands an agency all the hub has for it.
func (a *agency) feed() {
	a.w.t.Helper()
	var list []bus.Message
	for _, frame := range a.out {
		list = append(list, bus.Message{Sequence: uint64(len(a.messages) + len(list) + 1), Data: frame})
	}
	a.out = nil
	a.messages = append(a.messages, list...)
	a.w.check(a.takeAll(list))
	a.w.check(a.watchGaps())
}

// round is one turn of the whole world, and reports whether anything was sent.
func (w *world) round() bool {
	w.t.Helper()
	n := w.collect()
	w.prove()
	for _, a := range w.agencies {
		a.feed()
		w.check(a.acknowledge())
	}
	return n > 0
}

// settle goes on until nobody has had anything to say for two rounds.
func (w *world) settle() {
	w.t.Helper()
	for quiet := 0; quiet < 2; quiet++ {
		if w.round() {
			quiet = -1
		}
	}
}

// rootOf is what an agency of these tests has on paper.
func rootOf(id fairlead.AgencyID) []byte {
	root := sha256.Sum256([]byte(id))
	return root[:]
}

// invited is an invitation to a log for anybody, for a year.
func invited(t testing.TB, signer *tlog.Signer, vkey string) registry.Invitation {
	t.Helper()
	inv, err := registry.Invitation{LogKey: vkey, Until: fairlead.At(morning.AddDate(1, 0, 0))}.Sign(signer)
	if err != nil {
		t.Fatal(err)
	}
	return inv
}

// userOf is the user that an admission to a folder is for.
func userOf(dir string) string {
	r, err := readRequest(dir, requestFile)
	if err != nil {
		return ""
	}
	return r.User
}
