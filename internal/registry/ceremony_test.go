package registry_test

import (
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"fairlead/internal/fairlead"
	"fairlead/internal/keyring"
	"fairlead/internal/registry"
)

// request reads an application's own request back.
func request(a *registry.Agency) registry.Request {
	return registry.Request{Agency: a.ID}
}

// TestSponsor: after the first, no agency comes in that another one has not vouched for, itself and for
// this very request.
func TestSponsor(t *testing.T) {
	w := newWorld(t, "NOR-CSC", "RO-DIR", "HU-FAM")
	w.must(w.register("suspend", registry.Suspension{Agency: "HU-FAM", Reason: "other"}))
	fresh := w.key("WDB-CSC")
	good := func() *registry.Agency { return w.application("WDB-CSC", fresh) }
	by := func(sponsor, signer fairlead.AgencyID, change func(s *registry.Sponsorship)) *registry.Agency {
		a := good()
		s := registry.Sponsor(sponsor, request(a), a.Request, w.at)
		if change != nil {
			change(&s)
		}
		key := fresh
		if signer != a.ID {
			key = w.keys[signer]
		}
		var err error
		a.Sponsorship = asJSON(s)
		a.SponsorSignature, err = key.Sign(a.Sponsorship, keyring.ContextEnrolment, s.At.Time)
		w.must(err)
		return a
	}
	for name, test := range map[string]struct {
		a    *registry.Agency
		says string
	}{
		"nobody":                   {func() *registry.Agency { a := good(); a.Vouched = registry.Vouched{}; return a }(), "has no sponsor"},
		"a sponsorship of nothing": {func() *registry.Agency { a := good(); a.Sponsorship = []byte("{}"); return a }(), `sponsor ""`},
		"not signed":               {func() *registry.Agency { a := good(); a.SponsorSignature = nil; return a }(), "countersignature of NOR-CSC"},
		"an agency not enrolled":   {by("NOBODY", "NOR-CSC", nil), `"NOBODY" is not enrolled`},
		"a suspended agency":       {by("HU-FAM", "HU-FAM", nil), "suspended"},
		"the new agency itself":    {by("WDB-CSC", "WDB-CSC", nil), "not enrolled"},
		"in another's name":        {by("RO-DIR", "NOR-CSC", nil), "countersignature of RO-DIR"},
		"with the new key":         {by("RO-DIR", "WDB-CSC", nil), "countersignature of RO-DIR"},
		"for another agency":       {by("RO-DIR", "RO-DIR", func(s *registry.Sponsorship) { s.Agency = "SUF-CSC" }), "another request"},
		"for another request":      {by("RO-DIR", "RO-DIR", func(s *registry.Sponsorship) { s.Request[0] ^= 1 }), "another request"},
	} {
		before := w.snap
		if err := w.register("enrol", test.a); !errors.Is(err, registry.ErrVouched) || !strings.Contains(err.Error(), test.says) || w.snap != before {
			t.Errorf("%s: %v, want %q", name, err, test.says)
		}
	}
	w.must(w.register("enrol", by("RO-DIR", "RO-DIR", nil)))
	first := newWorld(t)
	a := first.application("NOR-CSC", first.key("NOR-CSC"))
	a.Vouched = by("RO-DIR", "RO-DIR", nil).Vouched
	if err := first.register("enrol", a); !errors.Is(err, registry.ErrVouched) {
		t.Errorf("the first agency with a sponsor nobody knows: %v", err)
	}
}

// TestOperators: as soon as operators are on record, two different ones sign each enrolment and each
// change of the list; one person twice is one, and an approval is of one change.
func TestOperators(t *testing.T) {
	w := newWorld(t, "NOR-CSC")
	keys := map[string]ed25519.PrivateKey{}
	operator := func(name string) registry.Operator {
		if keys[name] == nil {
			_, key, err := ed25519.GenerateKey(nil)
			w.must(err)
			keys[name] = key
		}
		return registry.Operator{Name: name, Key: hex.EncodeToString(keys[name].Public().(ed25519.PublicKey))}
	}
	list := func(names ...string) (l []registry.Operator) {
		for _, n := range names {
			l = append(l, operator(n))
		}
		return l
	}
	signed := func(what fairlead.Digest, names ...string) (l []registry.Approval) {
		for _, n := range names {
			l = append(l, registry.Approve(n, keys[n], what))
		}
		return l
	}
	twin, loud := list("ana", "ben"), list("ana", "ben")
	twin[1].Key, loud[1].Key = twin[0].Key, strings.ToUpper(twin[0].Key)
	for name, bad := range map[string][]registry.Operator{
		"one": list("ana"), "none": nil, "one name twice": list("ana", "ana"), "one key twice": twin, "one key twice, in capitals": loud, "a key that is none": {operator("ana"), {Name: "ben", Key: "00"}},
		"no name": {operator("ana"), {Key: operator("ben").Key}},
	} {
		if err := w.register("operators", registry.Operators{Operators: bad}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	w.must(w.register("operators", registry.Operators{Operators: list("ana", "ben", "cy")}))

	a := w.application("WDB-CSC", w.key("WDB-CSC"))
	digest := registry.RequestDigest(a.Request)
	swapped := []registry.Approval{{Operator: "ana", Signature: registry.Approve("ben", keys["ben"], digest).Signature}, registry.Approve("cy", keys["cy"], digest)}
	operator("eve")
	for name, approvals := range map[string][]registry.Approval{
		"nobody": nil, "one": signed(digest, "ana"), "one twice": signed(digest, "ana", "ana"), "one who is none": signed(digest, "ana", "eve"),
		"over another request": signed(registry.RequestDigest([]byte("other")), "ana", "ben"), "one under another name": swapped,
	} {
		a.Approvals = approvals
		if err := w.register("enrol", a); !errors.Is(err, registry.ErrVouched) {
			t.Errorf("approved by %s: %v", name, err)
		}
	}
	a.Approvals = signed(digest, "cy", "ana")
	w.must(w.register("enrol", a))

	now, next := list("ana", "ben", "cy"), list("ana", "eve")
	for name, approvals := range map[string][]registry.Approval{"nobody": nil, "one": signed(registry.ListDigest(now, next), "ana"), "the new ones": signed(registry.ListDigest(now, next), "ana", "eve")} {
		if err := w.register("operators", registry.Operators{Operators: next, Approvals: approvals}); !errors.Is(err, registry.ErrVouched) {
			t.Errorf("another list approved by %s: %v", name, err)
		}
	}
	w.must(w.register("operators", registry.Operators{Operators: next, Approvals: signed(registry.ListDigest(now, next), "ben", "cy")}))
	if got := w.snap.Operators(); len(got) != 2 || got[1].Name != "eve" {
		t.Errorf("on record: %v", got)
	}

	// What was approved to leave one list does not lead back to it from another: ben, who knows the approvals, has left.
	third := list("ana", "eve", "dan")
	w.must(w.register("operators", registry.Operators{Operators: third, Approvals: signed(registry.ListDigest(next, third), "ana", "eve")}))
	w.must(w.register("operators", registry.Operators{Operators: list("ana", "eve", "cy"), Approvals: signed(registry.ListDigest(third, list("ana", "eve", "cy")), "ana", "eve")}))
	again := registry.Operators{Operators: third, Approvals: signed(registry.ListDigest(next, third), "ana", "eve")}
	if err := w.register("operators", again); !errors.Is(err, registry.ErrVouched) {
		t.Errorf("a list by what was approved for an earlier change: %v", err)
	}
}

// TestRemoved: a removed agency neither sends nor receives and does not come back; a refusal changes nothing.
func TestRemoved(t *testing.T) {
	w := newWorld(t, "NOR-CSC", "RO-DIR")
	w.agree("A1", "NOR-CSC", "RO-DIR")
	w.send(w.note("NOR-CSC", "RO-DIR"))
	for _, r := range []registry.Suspension{{Agency: "RO-DIR", Reason: "who knows"}, {Agency: "NOBODY", Reason: "request"}} {
		if err := w.register("remove", r); err == nil {
			t.Errorf("%+v was removed", r)
		}
	}
	w.must(w.register("remove", registry.Suspension{Agency: "RO-DIR", Reason: "request"}))
	for _, action := range []string{"remove", "resume", "suspend"} {
		if err := w.register(action, registry.Suspension{Agency: "RO-DIR", Reason: "request"}); err == nil {
			t.Errorf("%s after the removal", action)
		}
	}
	w.at = w.at.Add(time.Minute)
	if got := first(w.commit(w.share(w.note("NOR-CSC", "RO-DIR")))); got != "P03 E_RECIPIENT_SUSPENDED" {
		t.Errorf("to a removed agency: %s", got)
	}
	m := w.message("RO-DIR", fairlead.Hub, "agreement.status", nil)
	if got := w.commit(w.share(m)); got.Delivers() {
		t.Error("a removed agency was heard")
	}
	if err := w.register("enrol", w.application("RO-DIR", w.key("RO-DIR"))); !strings.Contains(err.Error(), "already enrolled") {
		t.Errorf("enrolled under its name again: %v", err)
	}
	for reason, good := range map[string]bool{"fingerprint": true, "because": false} {
		before := len(w.snap.Agencies())
		err := w.register("refuse", registry.Refusal{Agency: "SUF-CSC", Request: registry.RequestDigest([]byte("r")), Reason: reason})
		if (err == nil) != good || len(w.snap.Agencies()) != before {
			t.Errorf("refused for %s: %v", reason, err)
		}
	}
}
