package policy_test

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"testing"

	"fairlead/internal/consent"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/policy"
	"fairlead/internal/staff"
)

// notes is the consent matrix once more, as the domain notes §9 print it (TH0 to TH4), written down here apart
// from the code. It holds the code's table to the notes.
const notes = `
consent any any given             yes yes yes yes yes
consent any any not given         no no no no no
consent any any refused           no no no no no
statute any personal given        no yes yes yes yes
statute any personal not given    no manager yes yes yes
statute any any refused           no duty managed seconded later
vital any any any                 no no no no yes
any abroad any refused            no no no court doubled
any any child's child refused     no no no doubled seconded
`

func TestMatrixIsTheNotes(t *testing.T) {
	rows, cells := policy.Matrix()
	text := "\n"
	for i, r := range rows {
		text += fmt.Sprintf("%-33s %s %s %s %s %s\n", r[0]+" "+r[1]+" "+r[2]+" "+r[3], cells[i][0], cells[i][1], cells[i][2], cells[i][3], cells[i][4])
	}
	if text != notes {
		t.Errorf("the code has %s", text)
	}
}

// pack is everything a section may be given against a refusal: each is taken away to see whether it counts.
type pack struct {
	override, note, s16la, court bool
	managers, others             int // team managers, and safeguarding leads, who approve by the right name
}

// full lets go whatever anything lets go.
var full = pack{override: true, note: true, s16la: true, court: true, managers: 1, others: 1}

// needs says what each cell asks for.
var needs = map[string]func(p pack) bool{
	"yes":      func(pack) bool { return true },
	"no":       func(pack) bool { return false },
	"manager":  func(p pack) bool { return p.managers > 0 },
	"duty":     func(p pack) bool { return p.override && p.note && p.s16la && p.managers > 0 },
	"managed":  func(p pack) bool { return p.override && p.note && p.managers > 0 },
	"seconded": func(p pack) bool { return p.override && p.note && p.managers+p.others > 0 },
	"doubled":  func(p pack) bool { return p.override && p.note && p.managers+p.others > 1 },
	"court":    func(p pack) bool { return p.override && p.note && p.court && p.managers+p.others > 0 },
	"later":    func(p pack) bool { return p.override && p.note },
}

// matrixCell is one question to the matrix.
type matrixCell struct {
	basis, to, section, said string
	threshold                fairlead.Threshold
}

// words are what the cell's share matches in the rows of the matrix.
func (c matrixCell) expects(p pack) bool {
	rows, cells := policy.Matrix()
	at := slices.Index(fairlead.Thresholds, c.threshold)
	for i, r := range rows {
		basis := r[0] == "any" || r[0] == c.basis
		to := r[1] == "any" || r[1] == c.to
		section := r[2] == "any" || r[2] == "personal" || r[2] == c.section
		said := r[3] == "any" || r[3] == c.said || r[3] == "refused" && c.said == "child refused"
		if basis && to && section && said && !needs[cells[i][at]](p) {
			return false
		}
	}
	// The note travels as a page of its own, of which nothing was asked: it needs what the matrix says of that.
	noted := p.override && p.note
	return !noted || c.basis != "consent" && (c.basis != "statute" || c.threshold != fairlead.TH1 || p.managers > 0)
}

// share puts the cell to Decide: everything else is in order.
func (c matrixCell) share(base *testCase, p pack) (policy.Request, policy.Facts) {
	r, f := base.request("NHS")
	h, d := r.Header, r.Descriptors[0]
	h.Threshold, h.Urgency, h.TLP, h.To.User = c.threshold, fairlead.UrgencyImmediate, fairlead.TLPRed, "duty-lead"
	f.Recipient = &policy.Agency{ID: "NHS", Type: fairlead.TypeHealth, Jurisdiction: "GB-ENG", Entry: 2}
	if c.to == "abroad" {
		f.Recipient.Type = fairlead.TypeConsulate // in London, so that no transfer stands in the way
	}
	h.Basis = map[string]*envelope.Basis{
		"consent": {Art6: "A6-1-a"}, "vital": {Art6: "A6-1-d"}, "statute": {Art6: "A6-1-c", Gateways: []fairlead.Gateway{"CA1989-47"}},
	}[c.basis]
	if p.court {
		h.Basis.Gateways = append(h.Basis.Gateways, "COURT-ORDER")
	}
	h.S16LA = &envelope.S16LA{Considered: true}
	if p.s16la {
		h.S16LA = &envelope.S16LA{Considered: true, Applies: true, Detriment: "none"}
	}
	d.Code = "EDU"
	if c.section == "child's" {
		d.Caveats = []fairlead.Caveat{"CHILD-CONTROLLED"}
	}
	note := sha256.Sum256([]byte("note"))
	if p.override {
		d.Override = &envelope.Override{Reason: c.reason(), Note: note}
	}
	r.Descriptors = []*envelope.Descriptor{d, {Audience: envelope.ForHub, Subject: children[0]}}
	if p.override && p.note {
		r.Descriptors = append(r.Descriptors, &envelope.Descriptor{Audience: envelope.ForRecipient, Code: "OVERRIDE-NOTE", Digest: note})
	}
	f.Consents = c.consents()
	for i := range p.managers + p.others {
		role := fairlead.Role("TEAM_MANAGER")
		if i >= p.managers {
			role = "SAFEGUARDING_LEAD"
		}
		f.Approvals = append(f.Approvals, staff.Approved{User: fmt.Sprint("other-", i), Role: role, Reasons: []string{"NOT-SOUGHT", string(c.reason())}, Training: trained(nil)})
	}
	return r, f
}

// reason is one that overrides at the cell's threshold, if any does.
func (c matrixCell) reason() fairlead.OverrideReason {
	if c.threshold == fairlead.TH0 || c.threshold == fairlead.TH1 {
		return "DUTY"
	}
	return "CAPACITY"
}

func (c matrixCell) consents() []consent.Held {
	record := consent.Record{ID: "c-1", Subject: children[0], Giver: "PARENT_PR", At: fairlead.At(noon.AddDate(0, -1, 0)), Items: []consent.Item{{Sections: []fairlead.SectionCode{"EDU"}}}}
	switch c.said {
	case "given":
		record.Items[0].Status = "given"
	case "refused":
		record.Items[0].Status = "refused"
	case "child refused":
		record.Items[0].Status, record.Giver = "refused", "CHILD_16"
	default:
		return nil
	}
	return []consent.Held{{Record: record, Entry: 50}}
}

// TestMatrix walks every cell of the matrix through Decide: with everything it asks for the section goes,
// without any one of it the section stays or waits.
func TestMatrix(t *testing.T) {
	base := cases(t)["basis-power-for-a-task"]
	packs := []pack{full, {}}
	for _, without := range []func(*pack){
		func(p *pack) { p.override = false }, func(p *pack) { p.note = false }, func(p *pack) { p.s16la = false }, func(p *pack) { p.court = false },
		func(p *pack) { p.managers = 0 }, func(p *pack) { p.others = 0 }, func(p *pack) { p.managers, p.others = 0, 0 }, func(p *pack) { p.managers, p.others = 0, 2 },
	} {
		p := full
		without(&p)
		packs = append(packs, p)
	}
	goes, stays := 0, 0
	for _, basis := range []string{"consent", "statute", "vital"} {
		for _, to := range []string{"any other", "abroad"} {
			for _, section := range []string{"ordinary", "child's"} {
				for _, said := range []string{"given", "not given", "refused", "child refused"} {
					for _, th := range fairlead.Thresholds {
						for _, p := range packs {
							c := matrixCell{basis, to, section, said, th}
							r, f := c.share(base, p)
							d := policy.Decide(r, f, base.share.At.Time)
							got := slices.Contains(delivered(d), 0)
							want := c.expects(p) && (basis != "vital" || th == fairlead.TH4)
							if got && want {
								goes++
							} else if !got {
								stays++
							}
							if got != want {
								t.Errorf("%+v with %+v: delivered %v\n%s %+v\n%+v", c, p, got, d.Result, d.Causes, d.Sections)
							}
						}
					}
				}
			}
		}
	}
	t.Logf("%d go, %d stay", goes, stays)
	if goes < 300 || stays < 300 {
		t.Error("too little goes or stays to say much")
	}
}
