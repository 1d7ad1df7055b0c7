package registry_test

import (
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"fairlead/internal/agreement"
	"fairlead/internal/entry"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/policy"
	"fairlead/internal/staff"
)

// verb is a row of testdata/authorisation.txt.
type verb struct {
	kind         string
	types, roles []string
	purpose      fairlead.Purpose // "hub": it goes to the hub, with a record
	facts        map[string]string
}

func readVerbs(t testing.TB) (list []verb) {
	t.Helper()
	raw, err := os.ReadFile("testdata/authorisation.txt")
	if err != nil {
		t.Fatal(err)
	}
	sets := map[string][]string{}
	expand := func(words string) (out []string) {
		for _, w := range strings.Fields(words) {
			out = append(out, slices.Concat(sets[w], []string{w})...)
		}
		return out
	}
	for _, line := range strings.Split(string(raw), "\n") {
		if name, words, ok := strings.Cut(strings.TrimPrefix(line, "set "), "="); ok && strings.HasPrefix(line, "set ") {
			sets[strings.TrimSpace(name)] = strings.Fields(words)
			continue
		}
		cells := strings.Split(line, "|")
		if strings.HasPrefix(line, "#") || len(cells) != 5 {
			continue
		}
		v := verb{kind: strings.TrimSpace(cells[0]), types: expand(cells[1]), roles: expand(cells[2]), purpose: fairlead.Purpose(strings.TrimSpace(cells[3])), facts: map[string]string{}}
		for _, fact := range strings.Fields(cells[4]) {
			name, value, _ := strings.Cut(fact, "=")
			v.facts[name] = value
		}
		list = append(list, v)
	}
	return list
}

func allows(words []string, word string) bool {
	return slices.Contains(words, "*") || slices.Contains(words, word)
}

// marking is how a message is to be handled, and what comes of that whoever sends it.
type marking struct {
	tlp   fairlead.TLP
	gsc   fairlead.GSC
	named bool
	wrong fairlead.Reason
}

var markings = []marking{
	{"AMBER+STRICT", "OFFICIAL-SENSITIVE", false, ""},
	{"RED", "OFFICIAL-SENSITIVE", true, ""},
	{"GREEN", "OFFICIAL", false, ""},
	{"CLEAR", "OFFICIAL", false, fairlead.ReasonCaveat}, // even a colleague's telephone number is not for everybody
	{"RED", "OFFICIAL", false, fairlead.ReasonSchema},
	{"AMBER", "ABOVE", false, fairlead.ReasonClassification},
}

// matrix is a register with an agency of every type in each of three places, two recipients, and an agreement of all.
type matrix struct {
	*world
	senders []fairlead.AgencyID
	places  []fairlead.Jurisdiction
}

func newMatrix(t testing.TB) *matrix {
	m := &matrix{world: newWorld(t), places: []fairlead.Jurisdiction{"GB-ENG", "GB-SCT", "RO"}}
	add := func(id fairlead.AgencyID, typ fairlead.AgencyType, place fairlead.Jurisdiction) {
		m.keys[id] = m.key(id)
		a := m.application(id, m.keys[id])
		r := request(a)
		r.Name, r.Type, r.Jurisdiction, r.Emergency, r.User, r.Certificate, r.At = "Agency "+string(id), typ, place, true, "U"+string(id), a.Certificate, fairlead.At(m.at)
		a = m.signed(r, m.keys[id])
		a.Account = m.account(id)
		m.must(m.world.register("enrol", a))
	}
	add("TO-ENG", fairlead.TypeLA, "GB-ENG")
	add("TO-RO", fairlead.TypeStatutoryOverseas, "RO")
	for p, place := range m.places {
		for i, typ := range fairlead.AgencyTypes {
			id := fairlead.AgencyID(fmt.Sprintf("S%d-%02d", p, i))
			m.senders = append(m.senders, id)
			add(id, typ, place)
		}
	}
	m.agreeAll()
	return m
}

// account is unlike any other: names here differ by digits, which account leaves out.
func (m *matrix) account(id fairlead.AgencyID) fairlead.Account {
	letters := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r - '0' + 'A'
		}
		return max(r, 'A')
	}, string(id))
	return fairlead.Account("AM" + letters + strings.Repeat("A", 54-len(letters)))
}

// agreeAll puts an agreement of all on record that permits the purposes and kinds of the table to everybody, so that
// who sends decides alone.
func (m *matrix) agreeAll() {
	all := append([]fairlead.AgencyID{"TO-ENG", "TO-RO"}, m.senders...)
	uk, ro := m.senders[:2*len(fairlead.AgencyTypes)], m.senders[2*len(fairlead.AgencyTypes):]
	var kinds []string
	for _, v := range readVerbs(m.t) {
		if v.purpose != "hub" && v.types[0] != "-" {
			kinds = append(kinds, v.kind)
		}
	}
	var a agreement.Agreement
	if err := json.Unmarshal(m.pact("A1", all...), &a); err != nil {
		m.t.Fatal(err)
	}
	a.Terms = nil
	for i, way := range []struct {
		from     []fairlead.AgencyID
		to       fairlead.AgencyID
		transfer fairlead.Mechanism
		basis    []fairlead.Art6
	}{
		{uk, "TO-ENG", "NONE", []fairlead.Art6{"A6-1-e", "A6-1-ea"}},
		{uk, "TO-RO", "A45", []fairlead.Art6{"A6-1-e", "A6-1-ea"}},
		{ro, "TO-ENG", "IN-EU-ADEQ", []fairlead.Art6{"X-EU-GDPR"}},
		{ro, "TO-RO", "NONE", []fairlead.Art6{"X-EU-GDPR"}},
	} {
		a.Terms = append(a.Terms, agreement.Term{ID: fmt.Sprintf("t%d", i), Text: "words", Permit: &agreement.Scope{
			From: way.from, To: []fairlead.AgencyID{way.to}, Kinds: kinds, Bases: way.basis, Sections: []fairlead.SectionCode{"PRO-CONTACT"}, Transfer: way.transfer,
			Purposes: []fairlead.Purpose{"PRT-IMMEDIATE", "PRT-PLAN", "PRT-ASSESS", "INVESTIGATE", "LIAISE", "IDENTIFY-VICTIM"},
		}})
	}
	record := asJSON(a)
	proposal := m.message("TO-ENG", "TO-RO", "agreement.proposal", record)
	m.send2(proposal)
	for _, by := range all {
		m.send2(m.message(by, fairlead.Hub, "agreement.signature", signature(record, "A1")))
	}
}

// send2 is send with the accounts of this world.
func (m *matrix) send2(msg *message) {
	m.t.Helper()
	if d := m.commit(m.shareOf(msg)); !d.Delivers() {
		m.t.Fatalf("%s: %+v", msg.h.Kind, d.Causes)
	}
}

// shareOf is share with the accounts of this world.
func (m *matrix) shareOf(msg *message) (s *entry.Share) {
	m.t.Helper()
	s = m.share(msg)
	a := m.snap.Agency(msg.h.From.Agency)
	s.Subject = strings.Replace(s.Subject, string(s.Account), string(a.Account), 1)
	s.Account = a.Account
	return s
}

// ask is a message of the kind that would be delivered, were its sender one that may send it.
func (m *matrix) ask(v verb, from, to fairlead.AgencyID, role fairlead.Role, mark marking) *message {
	sender := m.snap.Agency(from)
	if v.purpose == "hub" {
		msg := m.message(from, fairlead.Hub, v.kind, m.record(v.kind, from))
		msg.h.From.Role, msg.h.GSC = role, ""
		if mark.gsc == fairlead.GSCAbove {
			msg.h.GSC = mark.gsc
		}
		return msg
	}
	msg := m.message(from, to, v.kind, nil)
	h := msg.h
	h.From.Role, h.Purpose, h.Threshold, h.TLP, h.GSC = role, v.purpose, "TH3", mark.tlp, mark.gsc
	h.Facts, h.S16LA, h.Told = v.facts, &envelope.S16LA{Considered: true}, "yes"
	h.Urgency, h.Severity, h.Certainty = "Immediate", "Severe", "Likely"
	if !strings.HasPrefix(v.kind, "alert.") {
		h.Urgency, h.Severity, h.Certainty = "", "", ""
	}
	if mark.named {
		h.To.User = "duty-lead"
	}
	switch {
	case sender.Jurisdiction == "RO":
		h.Basis = &envelope.Basis{Art6: "X-EU-GDPR", Cite: "GDPR 6(1)(e)"}
	case sender.Type.PublicAuthority() || sender.Type == fairlead.TypeGuardian:
		h.Basis = &envelope.Basis{Art6: "A6-1-e", Gateways: []fairlead.Gateway{"COE-ECAT-10-16"}}
	default:
		h.Basis = &envelope.Basis{Art6: "A6-1-ea", Annex1: "RLI-6"}
	}
	if abroad := (sender.Jurisdiction == "RO") != (to == "TO-RO"); abroad {
		h.Transfer = &envelope.Transfer{Mechanism: map[bool]fairlead.Mechanism{true: "IN-EU-ADEQ", false: "A45"}[sender.Jurisdiction == "RO"]}
		h.Danger = &envelope.Danger{Result: "clear", Role: "PRACTITIONER", At: fairlead.At(m.at)}
	}
	msg.parts = []envelope.Descriptor{{Audience: envelope.ForRecipient, Code: "PRO-CONTACT", Digest: envelope.HeaderDigest([]byte("section"))}}
	return msg
}

// record is one that the register has nothing against.
func (m *matrix) record(kind string, from fairlead.AgencyID) []byte {
	switch kind {
	case "consent.record":
		return []byte(`{"id":"c-1","subject":"` + kid + `","giver":"PARENT_PR","at":"2027-01-04T09:00:00Z","items":[{"status":"given","sections":["EDU"]}]}`)
	case "staff.record":
		return asJSON(staff.Member{User: "person-1", Role: "PRACTITIONER", Key: strings.Repeat("ab", 32), From: fairlead.At(start)})
	case "agency.certificate":
		return m.keys[from].Certificate()
	case "agency.rules":
		return []byte(`{"version":1,"terms":[]}`)
	case "agreement.status":
		return []byte(`{"id":"A1","version":1,"action":"suspend","reason":"danger"}`)
	case "agreement.signature":
		return asJSON(agreement.Signature{ID: "A1", Version: 1})
	}
	return []byte(`{}`)
}

// judge compares a decision with the table. Records that only one state of the register takes (a signature, an
// approval) are judged on who sends them alone.
func (v verb) judge(d policy.Decision, typ fairlead.AgencyType, role fairlead.Role, mark marking) string {
	has := func(r fairlead.Reason) bool {
		return slices.ContainsFunc(d.Causes, func(c policy.Cause) bool { return c.Reason == r })
	}
	may := allows(v.types, string(typ)) && allows(v.roles, string(role))
	wrong := mark.wrong
	if v.purpose == "hub" && wrong != fairlead.ReasonClassification {
		wrong = ""
	}
	switch {
	case v.types[0] == "-":
		if d.Delivers() || !has(fairlead.ReasonNotBuilt) {
			return "want E_NOT_BUILT"
		}
	case !may && (d.Delivers() || !has(fairlead.ReasonSenderRole)):
		return "want E_SENDER_ROLE"
	case may && has(fairlead.ReasonSenderRole):
		return "want no E_SENDER_ROLE"
	case wrong != "" && (d.Delivers() || may && !has(wrong)):
		return "want " + string(wrong)
	case may && wrong == "" && v.kind != "agreement.signature" && v.kind != "approval" && d.Result != fairlead.Delivered:
		return "want it delivered"
	}
	return ""
}

// TestAuthorisation decides every verb for every role of every type of agency in three places, to two recipients, under
// each marking, and holds each decision against a table written from the notes. One in sixteen is signed and goes
// through all the register checks; what differs between the two is nobody's role.
func TestAuthorisation(t *testing.T) {
	m := newMatrix(t)
	cases, delivered, bad := 0, 0, 0
	for _, v := range readVerbs(t) {
		tos := []fairlead.AgencyID{"TO-ENG", "TO-RO"}
		if v.purpose == "hub" {
			tos = tos[:1]
		}
		for _, from := range m.senders {
			typ := m.snap.Agency(from).Type
			for r, role := range fairlead.Roles {
				for i, to := range tos {
					for j, mark := range markings {
						msg := m.ask(v, from, to, role, mark)
						d := m.decide(msg, (r*7+i*3+j+cases/5)%16 == 0)
						cases++
						if d.Delivers() {
							delivered++
						}
						if fault := v.judge(d, typ, role, mark); fault != "" && bad < 20 {
							bad++
							t.Errorf("%s by %s %s in %s to %s, %v: %s, %s %+v", v.kind, typ, role, m.snap.Agency(from).Jurisdiction, to, mark, fault, d.Result, d.Causes)
						}
					}
				}
			}
		}
	}
	if cases < 50_000 || delivered < 5_000 {
		t.Errorf("only %d cases, %d delivered", cases, delivered)
	}
}

// decide decides a message, as it would be had it come signed, or signed.
func (m *matrix) decide(msg *message, signed bool) policy.Decision {
	if signed {
		return m.snap.Decide(m.shareOf(msg), m.at, nil)
	}
	msg.h.Record = envelope.RecordDigest(msg.record)
	var ds []*envelope.Descriptor
	for i := range msg.parts {
		ds = append(ds, &msg.parts[i])
	}
	return policy.Decide(policy.Request{Header: msg.h, Descriptors: ds, Record: msg.record}, m.snap.Facts(msg.h, ds, msg.record, m.at), m.at)
}

// TestApprovalAuthorisation: of every role, in time and out of it, for an own share and another's, as its author and
// as a second person, trained and not, exactly four roles approve, and only as a trained second person of the agency
// itself, in time, with the key on record.
func TestApprovalAuthorisation(t *testing.T) {
	for _, trained := range []bool{true, false} {
		base := newOffice(t)
		if trained {
			base.train("second")
			base.trainAt("NOR-CSC", "WDB-CSC", "second")
		}
		approvals(base, trained)
	}
}

// approvals tries every approval there is on the share that base holds.
func approvals(base *office, trained bool) {
	approvers := []fairlead.Role{"TEAM_MANAGER", "SAFEGUARDING_LEAD", "DPO", "CALDICOTT_GUARDIAN"}
	t, cases := base.t, 0
	author := base.held.h.From.User
	for _, role := range fairlead.Roles {
		for _, user := range []string{author, "second"} {
			for _, by := range []fairlead.AgencyID{"NOR-CSC", "WDB-CSC"} {
				for _, when := range []string{"now", "not yet", "no more"} {
					for _, signer := range []string{"own", "another's"} {
						o := *base
						w := *base.world
						o.world, o.people = &w, map[string]ed25519.PrivateKey{}
						public, key, err := ed25519.GenerateKey(nil)
						o.must(err)
						m := staff.Member{User: user, Role: role, Key: hex.EncodeToString(public), From: fairlead.At(start)}
						switch when {
						case "not yet":
							m.From = fairlead.At(o.at.Add(time.Hour))
						case "no more":
							m.Until = fairlead.At(o.at)
						}
						if signer != "own" {
							_, key, _ = ed25519.GenerateKey(nil)
						}
						o.people[user] = key
						msg := o.message(by, fairlead.Hub, "staff.record", asJSON(m))
						msg.h.From.Role = "DPO"
						o.send(msg)
						want := slices.Contains(approvers, role) && user != author && by == "NOR-CSC" && when == "now" && signer == "own" && trained
						got := o.approveAs(by, o.approval(user))
						if cases++; got.Delivers() != want {
							t.Errorf("%s as %s of %s, %s, with %s key, trained %t: %v, want %v %+v", role, user, by, when, signer, trained, got.Result, want, got.Causes)
						}
					}
				}
			}
		}
	}
	if cases != 14*2*2*3*2 {
		t.Errorf("%d cases", cases)
	}
}

// approveAs sends an approval, whose header says what it likes of the role.
func (o *office) approveAs(by fairlead.AgencyID, a staff.Approval) policy.Decision {
	m := o.message(by, fairlead.Hub, "approval", asJSON(a))
	m.h.From.Role, m.h.From.User = "TEAM_MANAGER", a.User
	return o.snap.Decide(o.share(m), o.at, nil)
}
