package gateway

import (
	"html/template"
	"strconv"
	"time"

	"fairlead/internal/kind"
	"fairlead/internal/web"
)

// keyRow is the key of an agency, as the log has it.
type keyRow struct{ Agency, Words, Digits, Until string }

type proofsPage struct {
	web.Page
	Rows    []row
	Alarms  []string
	Checks  []string
	Keys    []keyRow
	Rotates bool
}

// proofs says in words what this program checks, and against what.
func (v *visit) proofs() error {
	w := v.words
	p := proofsPage{Page: v.page("proofs.title"), Rotates: v.rotates()}
	p.Back = "/agency"
	tree := v.g.cfg.Client.Tree()
	text := func(key, value string) {
		p.Rows = append(p.Rows, row{Key: w.T(key), Text: template.HTML(template.HTMLEscapeString(value))})
	}
	text("proofs.size", strconv.FormatInt(tree.N, 10))
	p.Rows = append(p.Rows, row{Key: w.T("proofs.root"), Text: template.HTML(`<span class="app-mono">` + template.HTMLEscapeString(tree.Hash.String()) + `</span>`)})
	hub := w.T("proofs.hub.here")
	if v.g.away() != nil {
		hub = w.T("hub.away")
	}
	text("proofs.hub", hub)
	seen, err := v.witnessed()
	if err != nil {
		return err
	}
	text("proofs.witnessed", seen)
	for _, n := range []string{"1", "2", "3", "4", "5", "6"} {
		p.Checks = append(p.Checks, w.T("proofs.check."+n))
	}
	p.Keys = v.keyRows()
	alarms, err := v.g.cfg.Client.Alarms()
	if err != nil {
		return err
	}
	for _, a := range alarms {
		p.Alarms = append(p.Alarms, v.words.Date(a.At.Time)+", "+v.words.Clock(a.At.Time)+": "+a.What)
	}
	return v.render("proofs", p)
}

// witnessed says how far others have seen the same log.
func (v *visit) witnessed() (string, error) {
	s, err := v.g.cfg.Client.Witnessed(v.now())
	switch {
	case err != nil:
		return "", err
	case !s.Policy:
		return v.words.T("proofs.witnessed.none"), nil
	case s.Late:
		return v.words.T("proofs.witnessed.late", "n", s.Size, "since", v.words.Date(s.Since)+", "+v.words.Clock(s.Since)), nil
	}
	return v.words.T("proofs.witnessed.to", "n", s.Size), nil
}

// keyRows are the keys that the log has on record, this agency's first. People read them out to each other.
func (v *visit) keyRows() (list []keyRow) {
	snap := v.g.cfg.Client.Snapshot()
	for _, a := range snap.Agencies() {
		c := snap.Certificate(a.ID)
		if c == nil {
			continue
		}
		r := keyRow{a.Name, c.Fingerprint().Words(), c.Fingerprint().String(), ""}
		if !c.NotAfter().IsZero() {
			r.Until = v.words.Date(c.NotAfter())
		}
		if a.ID == v.g.agency {
			list = append([]keyRow{r}, list...)
			continue
		}
		list = append(list, r)
	}
	return list
}

// rotates reports whether the role announces keys of the agency.
func (v *visit) rotates() bool {
	k, _ := kind.Lookup("agency.certificate")
	return k.MayAct(v.role)
}

// rotateKey makes a new encryption key for the agency and announces it; old messages stay readable.
func (v *visit) rotateKey() error {
	if !v.rotates() {
		return errForbidden
	}
	if ok, err := v.stepUp("/proofs"); !ok {
		return err
	}
	v.g.drafting.Lock() // one new key at a time
	defer v.g.drafting.Unlock()
	if _, err := v.g.cfg.Home.RotateKey(v.g.cfg.Client, v.role, v.user); err != nil {
		return err
	}
	return v.redirect("/proofs?done=rotated")
}

// takeEvidence hands over the file for an auditor: what the program found, with the bytes that show it. These are as
// they came from the hub, sealed.
func (v *visit) takeEvidence() error {
	if ok, err := v.stepUp("/proofs"); !ok {
		return err
	}
	file, err := v.g.cfg.Client.Evidence()
	if err != nil {
		return err
	}
	if err := v.exported("", "evidence"); err != nil {
		return err
	}
	v.attach("evidence-"+v.now().Format(time.DateOnly), ".json", "application/json")
	_, err = v.w.Write(file)
	return err
}
