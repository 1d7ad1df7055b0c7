package registry_test

import (
	"crypto/ed25519"
	"strings"
	"testing"

	"filippo.io/torchwood"

	"fairlead/internal/fairlead"
	"fairlead/internal/registry"
)

// TestWitnessKeys: an agency cosigns under its own name and by its own key, as it has signed itself.
func TestWitnessKeys(t *testing.T) {
	_, pair, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	vkey := func(name string) string {
		s, err := torchwood.NewCosignatureSigner(name, pair)
		if err != nil {
			t.Fatal(err)
		}
		return s.Verifier().String()
	}
	const origin = "hub.example.org/log"
	w := newWorld(t)
	enrol := func(id fairlead.AgencyID, witness string, bend func(*registry.Agency)) error {
		key := w.key(id)
		typ, j := place(id)
		r := registry.Request{
			Agency: id, Name: "Agency " + string(id), Type: typ, Jurisdiction: j, User: "U" + string(id), Certificate: key.Certificate(), At: fairlead.At(w.at), Witness: witness,
		}
		a := w.signed(r, key)
		if bend != nil {
			bend(a)
		}
		err := w.register("enrol", a)
		if err == nil {
			w.keys[id] = key // it may vouch for the next
		}
		return err
	}
	refused := func(err error, want string) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	refused(enrol("ALDER", "key", nil), "witness public key")
	refused(enrol("ALDER", vkey(registry.WitnessName(origin, "BIRCH")), nil), "its name ends with /ALDER")
	own := vkey(registry.WitnessName(origin, "ALDER"))
	refused(enrol("ALDER", own, func(a *registry.Agency) { a.Witness = "" }), "word for word")
	refused(enrol("ALDER", "", func(a *registry.Agency) { a.Witness = own }), "word for word")
	if err := enrol("ALDER", own, nil); err != nil {
		t.Fatal(err)
	}
	if got := w.snap.Agency("ALDER").Witness; got != own {
		t.Errorf("the register holds %q", got)
	}
	refused(enrol("BIRCH", vkey(registry.WitnessName(origin, "BIRCH")), nil), "the witness key of BIRCH is that of ALDER")
	if err := enrol("BIRCH", "", nil); err != nil {
		t.Error("an agency need not be a witness:", err)
	}
}
