package registry_test

import (
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"fairlead/internal/fairlead"
	"fairlead/internal/keyring"
	"fairlead/internal/registry"
	"fairlead/internal/seal"
	"fairlead/internal/tlog"
)

// rooted is a world whose agencies have a root each.
type rooted struct {
	*world
	roots map[fairlead.AgencyID][]byte
}

func newRooted(t testing.TB, agencies ...fairlead.AgencyID) *rooted {
	r := &rooted{newWorld(t), map[fairlead.AgencyID][]byte{}}
	for i, id := range agencies {
		r.roots[id] = slices.Repeat([]byte{byte(i + 1)}, 32)
		r.keys[id] = r.key(id)
		r.must(r.register("enrol", r.asks(id, r.keys[id], func(q *registry.Request, _ *[]byte) { q.Again, q.User = false, "U"+string(id) })))
	}
	return r
}

// asks is a request for new keys; change alters it, or the root that signs, before the signatures.
func (r *rooted) asks(id fairlead.AgencyID, key *seal.Key, change func(q *registry.Request, root *[]byte)) *registry.Agency {
	r.t.Helper()
	typ, j := place(id)
	root := r.roots[id]
	q := registry.Request{
		Agency: id, Name: "Agency " + string(id), Type: typ, Jurisdiction: j, Emergency: true, User: "U" + key.Fingerprint().String()[:8], Certificate: key.Certificate(),
		Root: registry.RootKey(root), Again: true, At: fairlead.At(r.at),
	}
	if change != nil {
		change(&q, &root)
	}
	raw := asJSON(q)
	sig, err := key.Sign(raw, keyring.ContextEnrolment, q.At.Time)
	r.must(err)
	a := registry.SignedRequest{Request: raw, Signature: sig, RootSignature: registry.SignRoot(root, raw, q.Again)}.Agency(q)
	a.Account = account(id)
	r.vouchFor(a, q)
	return a
}

// vouchFor lets another agency than the one that asks countersign.
func (r *rooted) vouchFor(a *registry.Agency, q registry.Request) {
	for _, by := range r.snap.Agencies() {
		if by.ID != a.ID {
			r.countersign(a, q, by.ID)
			return
		}
	}
}

func (r *rooted) countersign(a *registry.Agency, q registry.Request, by fairlead.AgencyID) {
	var err error
	a.Sponsorship = asJSON(registry.Sponsor(by, q, a.Request, r.at))
	a.SponsorSignature, err = r.keys[by].Sign(a.Sponsorship, keyring.ContextEnrolment, r.at)
	r.must(err)
}

// TestReenrol: new keys come under the old name by the root on record, with the same vouching as the first, and
// change nothing else; what the old ones signed before is still theirs, and after that nothing is.
func TestReenrol(t *testing.T) {
	w := newRooted(t, "NOR-CSC", "RO-DIR")
	w.agree("A1", "NOR-CSC", "RO-DIR")
	before := w.send(w.note("NOR-CSC", "RO-DIR"))
	index, old := w.snap.Size(), w.keys["NOR-CSC"]
	w.must(w.register("suspend", registry.Suspension{Agency: "NOR-CSC", Reason: "key_loss"}))
	fresh := w.key("NOR-CSC")
	a := w.asks("NOR-CSC", fresh, nil)
	w.must(w.register(registry.Reenrol, a))
	now := w.snap.Agency("NOR-CSC")
	if now.Account != account("NOR-CSC") || !now.Suspended || now.Entry != index+1 || !slices.Equal(now.FormerUsers, []string{"UNOR-CSC"}) {
		t.Errorf("%+v", now)
	}
	if got := w.snap.Certificate("NOR-CSC").Fingerprint(); got != fresh.Fingerprint() {
		t.Errorf("on record is %s", got)
	}
	if got := w.snap.CertificateAt("NOR-CSC", index).Fingerprint(); got != old.Fingerprint() {
		t.Errorf("before the new keys: %s", got)
	}
	if got := w.snap.CertificateAt("NOR-CSC", index+1).Fingerprint(); got != fresh.Fingerprint() {
		t.Errorf("from the new keys on: %s", got)
	}
	if !w.snap.Formerly("NOR-CSC", before.Header, before.Signature, w.at) {
		t.Error("the old signature is nobody's")
	}
	w.must(w.register("resume", registry.Suspension{Agency: "NOR-CSC", Reason: "key_loss"}))
	w.at = w.at.Add(time.Minute)
	if got := first(w.commit(w.share(w.note("NOR-CSC", "RO-DIR")))); got != "P00 E_SIGNATURE" {
		t.Errorf("signed with the old key: %s", got)
	}
	stale := w.note("RO-DIR", "NOR-CSC")
	stale.keys = []string{w.certificate(old).Encryption().String()}
	if got := w.snap.Decide(w.share(stale), w.at, nil); got.Causes[0].Reason != fairlead.ReasonKeyStale {
		t.Errorf("sealed to the old key: %+v", got.Causes)
	}
	w.keys["NOR-CSC"] = fresh
	w.send(w.note("NOR-CSC", "RO-DIR"))
	if err := w.register(registry.Reenrol, a); !errors.Is(err, keyring.ErrTaken) && !strings.Contains(err.Error(), "one that it had before") {
		t.Errorf("the same request again: %v", err)
	}
	w.must(w.register(registry.Reenrol, w.asks("NOR-CSC", w.key("NOR-CSC"), nil)))
}

// TestReenrolKeysOnce: no key of an agency comes back, however many times it has had new ones since: not the OpenPGP
// key, nor the user key, nor the witness key, which are with the thief.
func TestReenrolKeysOnce(t *testing.T) {
	w := newRooted(t, "NOR-CSC", "RO-DIR")
	witness := func() string {
		skey, err := tlog.GenerateCosigner(registry.WitnessName("hub.example/log", "NOR-CSC"))
		w.must(err)
		key, err := tlog.NewCosigner(skey)
		w.must(err)
		return key.VKey()
	}
	keys, users, witnesses := []*seal.Key{w.keys["NOR-CSC"]}, []string{"UNOR-CSC"}, []string{witness()}
	for range 3 {
		key, user, cosigner := w.key("NOR-CSC"), "U"+strconv.Itoa(len(users)), witness()
		w.must(w.register(registry.Reenrol, w.asks("NOR-CSC", key, func(q *registry.Request, _ *[]byte) { q.User, q.Witness = user, cosigner })))
		keys, users, witnesses = append(keys, key), append(users, user), append(witnesses, cosigner)
	}
	if a := w.snap.Agency("NOR-CSC"); !slices.Equal(a.FormerUsers, users[:3]) || !slices.Equal(a.FormerWitnesses, witnesses[1:3]) {
		t.Errorf("on record as former are %q and %q", a.FormerUsers, a.FormerWitnesses)
	}
	for i := range keys {
		if err := w.register(registry.Reenrol, w.asks("NOR-CSC", keys[i], nil)); !errors.Is(err, keyring.ErrTaken) {
			t.Errorf("key %d again: %v", i, err)
		}
		fresh := w.key("NOR-CSC")
		if err := w.register(registry.Reenrol, w.asks("NOR-CSC", fresh, func(q *registry.Request, _ *[]byte) { q.User = users[i] })); err == nil || !strings.Contains(err.Error(), "had before") {
			t.Errorf("user %d again: %v", i, err)
		}
		if i == 0 {
			continue // it enrolled without a witness key
		}
		if err := w.register(registry.Reenrol, w.asks("NOR-CSC", fresh, func(q *registry.Request, _ *[]byte) { q.Witness = witnesses[i] })); err == nil || !strings.Contains(err.Error(), "is that of NOR-CSC") {
			t.Errorf("witness %d again: %v", i, err)
		}
	}
	a := w.asks("NOR-CSC", w.key("NOR-CSC"), nil)
	a.FormerWitnesses = witnesses[:1]
	if err := w.register(registry.Reenrol, a); err == nil || !strings.Contains(err.Error(), "only later entries can") {
		t.Errorf("with former keys of its own choice: %v", err)
	}
}

func (r *rooted) certificate(key *seal.Key) *keyring.Certificate {
	c, err := keyring.ReadCertificate(key.Certificate(), r.at)
	r.must(err)
	return c
}

// TestReenrolRefused: by another root, by the old key, by itself, with keys that were held before, or with more than
// new keys, nothing changes.
func TestReenrolRefused(t *testing.T) {
	w := newRooted(t, "NOR-CSC", "RO-DIR", "SUF-CSC")
	w.must(w.register("remove", registry.Suspension{Agency: "SUF-CSC", Reason: "request"}))
	bare := newWorld(t, "NOR-CSC", "RO-DIR")
	first := w.snap.Agency("NOR-CSC")
	ask := func(change func(*registry.Request, *[]byte)) *registry.Agency {
		return w.asks("NOR-CSC", w.key("NOR-CSC"), change)
	}
	with := func(change func(a *registry.Agency)) *registry.Agency { a := ask(nil); change(a); return a }
	other := slices.Repeat([]byte{9}, 32)
	held := func(key *seal.Key) *registry.Agency { return w.asks("NOR-CSC", key, nil) }
	rotated, err := w.keys["NOR-CSC"].Rotate(w.at.Add(time.Second))
	w.must(err)
	self := ask(nil)
	w.countersign(self, registry.Request{Agency: "NOR-CSC"}, "NOR-CSC")
	for name, test := range map[string]struct {
		a    *registry.Agency
		says string
	}{
		"another root": {ask(func(q *registry.Request, r *[]byte) { *r, q.Root = other, registry.RootKey(other) }), "root of NOR-CSC on record is another"},
		"the root of another agency": {ask(func(q *registry.Request, r *[]byte) {
			*r, q.Root = w.roots["RO-DIR"], registry.RootKey(w.roots["RO-DIR"])
		}), "on record is another"},
		"the root named, another signed": {ask(func(_ *registry.Request, r *[]byte) { *r = other }), "not signed by the root"},
		"not signed by the root":         {with(func(a *registry.Agency) { a.RootSignature = nil }), "not signed by the root"},
		"signed as a first one":          {with(func(a *registry.Agency) { a.RootSignature = registry.SignRoot(w.roots["NOR-CSC"], a.Request, false) }), "not signed by the root"},
		"no root":                        {ask(func(q *registry.Request, _ *[]byte) { q.Root = "" }), "not signed by the root"},
		"a first request":                {ask(func(q *registry.Request, _ *[]byte) { q.Again = false }), "its first one"},
		"its very first request":         {first, "its first one"},
		"the old key, rotated":           {held(rotated), "already registered"},
		"the key of another agency":      {w.asks("NOR-CSC", w.keys["RO-DIR"], nil), "names RO-DIR"},
		"its old user":                   {ask(func(q *registry.Request, _ *[]byte) { q.User = first.User }), "had before"},
		"another name":                   {ask(func(q *registry.Request, _ *[]byte) { q.Name = "Another" }), "change nothing else"},
		"another type":                   {ask(func(q *registry.Request, _ *[]byte) { q.Type = fairlead.TypePolice }), "change nothing else"},
		"another place":                  {ask(func(q *registry.Request, _ *[]byte) { q.Jurisdiction = "GB-SCT" }), "change nothing else"},
		"no duty inbox any more":         {ask(func(q *registry.Request, _ *[]byte) { q.Emergency = false }), "change nothing else"},
		"another account":                {with(func(a *registry.Agency) { a.Account = account("SUF-CSC") }), "change nothing else"},
		"vouched for by nobody":          {with(func(a *registry.Agency) { a.Vouched = registry.Vouched{} }), "no sponsor"},
		"vouched for by itself":          {self, "the agency itself"},
		"not in trouble, by its record":  {with(func(a *registry.Agency) { a.FormerUsers = []string{"U1"} }), "only later entries can"},
		"a removed agency":               {w.asks("SUF-CSC", w.key("SUF-CSC"), nil), "removed"},
		"nobody":                         {w.nobody(), "no agency WDB-CSC"},
	} {
		snap := w.snap
		if err := w.register(registry.Reenrol, test.a); err == nil || !strings.Contains(err.Error(), test.says) || w.snap != snap {
			t.Errorf("%s: %v, want %q", name, err, test.says)
		}
	}
	if err := w.register("enrol", w.nobody()); err == nil || !strings.Contains(err.Error(), "one for new keys") {
		t.Errorf("enrolled by a request for new keys: %v", err)
	}
	r := &rooted{bare, map[fairlead.AgencyID][]byte{"NOR-CSC": other}}
	if err := r.register(registry.Reenrol, r.asks("NOR-CSC", r.key("NOR-CSC"), nil)); !errors.Is(err, registry.ErrRoot) || !strings.Contains(err.Error(), "named none") {
		t.Errorf("an agency that named no root: %v", err)
	}
}

// nobody asks for new keys and was never enrolled.
func (r *rooted) nobody() *registry.Agency {
	r.roots["WDB-CSC"] = slices.Repeat([]byte{7}, 32)
	return r.asks("WDB-CSC", r.key("WDB-CSC"), nil)
}

// TestReenrolByOperators: where operators are on record two of them approve new keys as well.
func TestReenrolByOperators(t *testing.T) {
	w := newRooted(t, "NOR-CSC", "RO-DIR")
	keys := map[string]ed25519.PrivateKey{}
	var list []registry.Operator
	for _, name := range []string{"ana", "ben"} {
		public, private, err := ed25519.GenerateKey(nil)
		w.must(err)
		keys[name], list = private, append(list, registry.Operator{Name: name, Key: hex.EncodeToString(public)})
	}
	w.must(w.register("operators", registry.Operators{Operators: list}))
	a := w.asks("RO-DIR", w.key("RO-DIR"), nil)
	digest := registry.RequestDigest(a.Request)
	a.Approvals = []registry.Approval{registry.Approve("ana", keys["ana"], digest)}
	if err := w.register(registry.Reenrol, a); !errors.Is(err, registry.ErrVouched) {
		t.Errorf("one operator: %v", err)
	}
	a.Approvals = append(a.Approvals, registry.Approve("ben", keys["ben"], digest))
	w.must(w.register(registry.Reenrol, a))
}

// TestReenrolHeld: what waits for a second person and is sealed to keys that its recipient has replaced goes no more.
func TestReenrolHeld(t *testing.T) {
	o := newOffice(t)
	if got := o.approve("NOR-CSC", o.approval("manager-2")); got != "delivered" {
		t.Fatal(got)
	}
	if list := o.snap.Releasable(o.at); len(list) != 1 || !list[0].Decision.Delivers() {
		t.Fatalf("%+v", list)
	}
	w := &rooted{o.world, map[fairlead.AgencyID][]byte{"WDB-CSC": slices.Repeat([]byte{1}, 32)}}
	t.Cleanup(func() { w.entries, w.snap = nil, registry.New() })        // what follows does not fold anew
	w.snap.Agency("WDB-CSC").Root = registry.RootKey(w.roots["WDB-CSC"]) // as if it had named one when it enrolled
	w.must(w.register(registry.Reenrol, w.asks("WDB-CSC", w.key("WDB-CSC"), nil)))
	list := w.snap.Releasable(w.at)
	if len(list) != 1 || list[0].Decision.Delivers() || list[0].Decision.Causes[0].Reason != fairlead.ReasonKeyStale {
		t.Fatalf("what was held: %+v", list)
	}
}

// TestReenrolPeople: people whose keys the thief has are nobody until they are recorded anew, and what they would
// have released is refused.
func TestReenrolPeople(t *testing.T) {
	o := newOffice(t)
	w := &rooted{o.world, map[fairlead.AgencyID][]byte{"NOR-CSC": slices.Repeat([]byte{1}, 32)}}
	record := *w.snap.Agency("NOR-CSC")
	if record.Root != "" {
		t.Fatal("a root of its own")
	}
	t.Cleanup(func() { w.entries, w.snap = nil, registry.New() })        // what follows does not fold anew
	w.snap.Agency("NOR-CSC").Root = registry.RootKey(w.roots["NOR-CSC"]) // as if it had named one when it enrolled
	fresh := w.key("NOR-CSC")
	w.must(w.register(registry.Reenrol, w.asks("NOR-CSC", fresh, nil)))
	w.keys["NOR-CSC"] = fresh
	if w.snap.Member("NOR-CSC", "manager-2") != nil {
		t.Error("the old key of manager-2 is on record")
	}
	list := w.snap.Releasable(w.at)
	if len(list) != 1 || list[0].Decision.Delivers() || list[0].Decision.Causes[0].Reason != fairlead.ReasonSignature {
		t.Fatalf("what was held: %+v", list)
	}
	w.commit(list[0])
	if w.snap.Waits(o.held.h.ID) {
		t.Error("it still waits")
	}
	o.hire("NOR-CSC", "manager-2", "TEAM_MANAGER", fairlead.Time{})
	if w.snap.Member("NOR-CSC", "manager-2") == nil {
		t.Error("recorded anew, and nobody")
	}
}
