package officer

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"fairlead/internal/agreement"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/policy"
)

// Case is a decision and what it was about.
type Case struct {
	Name        string // how the reader calls it: a share id, an entry, a file
	Header      *envelope.Header
	Descriptors []*envelope.Descriptor // as the decision counts them; may be nil
	Decision    policy.Decision
}

// Account is a decision in plain words.
type Account struct {
	Share    string           `json:"share"`
	What     string           `json:"what"`
	Result   fairlead.Result  `json:"result"`
	Outcome  string           `json:"outcome"`
	Stands   string           `json:"stands_on"`
	Law      []string         `json:"law,omitempty"` // declared for the whole message
	Reasons  []Point          `json:"reasons,omitempty"`
	Sections []SectionAccount `json:"sections,omitempty"`
	Owes     []string         `json:"recipient_owes,omitempty"`
	Due      []policy.Due     `json:"due,omitempty"`
}

// SectionAccount is what became of one section.
type SectionAccount struct {
	Code      fairlead.SectionCode `json:"code"`
	Delivered bool                 `json:"delivered"`
	Clause    string               `json:"clause,omitempty"`
	Words     string               `json:"words,omitempty"` // the signed words of the clause
	Law       []string             `json:"law,omitempty"`   // declared for it
	Reasons   []Point              `json:"reasons,omitempty"`
}

// Point is one reason: which check, which law or rule it keeps, and what to change.
type Point struct {
	Check  string          `json:"check"`
	Asks   string          `json:"asks"` // what the check asks
	Law    string          `json:"law,omitempty"`
	Reason fairlead.Reason `json:"reason"`
	Where  string          `json:"where,omitempty"`
	Change string          `json:"change,omitempty"`
	Words  string          `json:"words,omitempty"` // of the clause it names
	Secret bool            `json:"auditors_only,omitempty"`
}

// checks are the steps P00 to P15 (domain §8): what each asks, and the law or rule behind it.
var checks = map[string][2]string{
	"P00": {"who sent this, and is it what they signed?", "RFC 9580 signatures; the register"},
	"P01": {"is it whole and well formed?", "the kind's schema"},
	"P02": {"may this agency and this role send it?", "the table of kinds"},
	"P03": {"is the recipient there, and may it be reached so?", "Hague Convention 1996 Art 34(2) declarations"},
	"P04": {"is there a lawful basis of the sender's own law?", "UK GDPR Art 6; DPA 2018 Part 3; GDPR Art 6"},
	"P05": {"is there a condition for sensitive data?", "UK GDPR Art 9 and 10; DPA 2018 Sch 1"},
	"P06": {"does an agreement in force carry it?", "ICO data sharing code"},
	"P07": {"may it cross this border?", "UK GDPR Art 44 to 49; GDPR Chapter V"},
	"P08": {"could it endanger somebody, or does a caveat bar it?", "Hague Convention 1996 Art 37"},
	"P09": {"what have those concerned said?", "UK GDPR Art 7; common law of confidence"},
	"P10": {"may this section go, to this recipient?", "the agreement's terms; the default of the section"},
	"P11": {"may it be passed on?", "the originator's handling codes"},
	"P12": {"is the return safe?", "Hague Convention 1996 Art 33; the return gate"},
	"P13": {"is the training current?", "the hub's training rules"},
	"P14": {"has a second person agreed?", "the hub's rule of two"},
	"P15": {"what does the recipient owe?", "the agreement's terms"},
}

// Explain tells a decision: for each section which check, which clause with its signed words, which law,
// and what to change.
func (b *Book) Explain(c Case) Account {
	d := c.Decision
	a := Account{Share: c.Name, Result: d.Result, Outcome: outcomes[d.Result], Stands: b.stands(&d), Due: d.Due, Owes: d.Oblige.Words()}
	if h := c.Header; h != nil {
		a.What = fmt.Sprintf("%s from %s to %s", h.Kind, h.From.Agency, h.To.Agency)
		if h.Purpose != "" {
			a.What += " for " + string(h.Purpose)
		}
		a.Law = lawOf(h)
	}
	for _, cause := range slices.Concat(d.Causes, d.Holds) {
		a.Reasons = append(a.Reasons, b.point(cause))
	}
	for _, s := range d.Sections {
		sec := SectionAccount{Code: s.Code, Delivered: s.Delivered, Clause: s.Clause, Words: b.Words(s.Clause)}
		if s.Part < len(c.Descriptors) {
			sec.Law = lawOfSection(c.Descriptors[s.Part])
		}
		for _, cause := range s.Causes {
			sec.Reasons = append(sec.Reasons, b.point(cause))
		}
		a.Sections = append(a.Sections, sec)
	}
	return a
}

func (b *Book) point(c policy.Cause) Point {
	words := b.Words(clauseIn(c.Where + " " + c.Advice))
	return Point{Check: c.Check, Asks: checks[c.Check][0], Law: checks[c.Check][1], Reason: c.Reason, Where: c.Where, Change: c.Advice, Words: words, Secret: c.Private}
}

var clauseForm = regexp.MustCompile(`(house:)?[A-Za-z0-9-]+(/[0-9]+)?#[A-Za-z0-9-]+`)

// clauseIn finds the clause that a text names; "" for none.
func clauseIn(text string) string { return clauseForm.FindString(text) }

var outcomes = map[fairlead.Result]string{
	fairlead.Delivered: "all of it", fairlead.DeliveredRedacted: "without some sections; the recipient sees no trace of them",
	fairlead.Held: "until others approve; then it is decided again", fairlead.Refused: "nothing was put before the recipient",
}

// stands says what a decision stands on.
func (b *Book) stands(d *policy.Decision) string {
	switch d.Ground {
	case fairlead.GroundAgreement, fairlead.GroundOverride:
		words := map[fairlead.Ground]string{fairlead.GroundAgreement: "agreement ", fairlead.GroundOverride: "an override under agreement "}[d.Ground]
		if d.Agreement == "" {
			return "an override of a refused consent"
		}
		if s := b.Agreement(d.Agreement); s != nil {
			return words + d.Agreement + ", " + s.Title
		}
		return words + d.Agreement
	case fairlead.GroundEmergency:
		return "the emergency path: danger now, TH4, a statutory recipient with a duty inbox"
	case fairlead.GroundReply:
		return "the question that it answers"
	case fairlead.GroundControl:
		return "the list of parties of the register"
	}
	return "nothing"
}

// basis names the Art 6 codes (domain §2.3).
var basis = map[fairlead.Art6]string{
	fairlead.Art6Consent: "UK GDPR Art 6(1)(a), consent", fairlead.Art6Legal: "UK GDPR Art 6(1)(c), legal obligation", fairlead.Art6Vital: "UK GDPR Art 6(1)(d), vital interests",
	fairlead.Art6Task: "UK GDPR Art 6(1)(e), public task", fairlead.Art6Recognised: "UK GDPR Art 6(1)(ea), recognised legitimate interest",
	fairlead.Art6Legitimate: "UK GDPR Art 6(1)(f), legitimate interests", fairlead.Art6LawEnforce: "DPA 2018 Part 3, law enforcement",
	fairlead.Art6EU: "GDPR", fairlead.Art6National: "national law",
}

func lawOf(h *envelope.Header) (list []string) {
	if h.Basis == nil {
		return nil
	}
	text := basis[h.Basis.Art6]
	for _, more := range append([]string{h.Basis.Cite, string(h.Basis.Annex1)}, asText(h.Basis.Gateways)...) {
		if more != "" {
			text += ", " + more
		}
	}
	list = append(list, text)
	if h.S16LA != nil && h.S16LA.Applies {
		list = append(list, "Children Act 2004 s16LA, duty to share")
	}
	if h.Transfer != nil {
		list = append(list, "transfer "+string(h.Transfer.Mechanism))
	}
	return list
}

func lawOfSection(d *envelope.Descriptor) (list []string) {
	for _, part := range []struct{ name, code string }{
		{"UK GDPR Art 9", string(d.Art9)}, {"DPA 2018 Sch 1", string(d.Sch1)}, {"without asking, para 18", string(d.P18)}, {"UK GDPR Art 10", string(d.Art10)},
	} {
		if part.code != "" {
			list = append(list, part.name+": "+part.code)
		}
	}
	return list
}

// Words is the account for people.
func (a Account) Words() string {
	t := &text{}
	t.line(a.Share + ": " + a.What)
	t.item("result", string(a.Result)+": "+a.Outcome)
	t.item("stands on", a.Stands)
	for _, l := range a.Law {
		t.item("law", l)
	}
	points(t, a.Reasons)
	said := map[string]bool{}
	for _, s := range a.Sections {
		t.WriteString("\n")
		state := "withheld"
		switch {
		case s.Delivered:
			state = "delivered"
		case a.Result == fairlead.Held && len(s.Reasons) == 0:
			state = "waits"
		case a.Result == fairlead.Refused && len(s.Reasons) == 0:
			state = "permitted, and refused with the rest"
		}
		t.line(string(s.Code) + ", " + state)
		t.item("clause", s.Clause)
		if !said[s.Clause] {
			t.item("words", s.Words)
		}
		said[s.Clause] = true
		for _, l := range s.Law {
			t.item("law", l)
		}
		points(t, s.Reasons)
	}
	if len(a.Owes)+len(a.Due) > 0 {
		t.WriteString("\n")
		t.line("what follows")
	}
	for _, o := range a.Owes {
		t.item("recipient", o)
	}
	for _, d := range a.Due {
		t.item("due", strings.TrimSpace(d.Code+" "+d.At+" "+d.Calendar))
	}
	return t.String()
}

func points(t *text, list []Point) {
	last := ""
	for _, p := range list {
		if p.Check != last {
			t.item(p.Check, p.Asks)
			t.item("", p.Law)
		}
		last, t.indent = p.Check, "    "
		t.item("reason", string(p.Reason)+at(p.Where))
		t.item("words", p.Words)
		t.item("change", p.Change)
		if p.Secret {
			t.item("note", "the hub tells this to auditors only")
		}
		t.indent = ""
	}
}

func at(where string) string {
	if where == "" {
		return ""
	}
	return ", " + where
}

// Duties are what the agreements that may have carried a delivered share lay on its recipient: the
// strictest, since the recipient's register does not say which one the hub chose.
func (b *Book) Duties(h *envelope.Header, sections []fairlead.SectionCode, entry int64) *agreement.Oblige {
	var o agreement.Oblige
	from, to := b.Agency(h.From.Agency), b.Agency(h.To.Agency)
	if from == nil || to == nil {
		return nil
	}
	u := agreement.Use{From: from.ID, To: to.ID, FromType: from.Type, ToType: to.Type, Purpose: h.Purpose, Kind: h.Kind, Urgency: h.Urgency}
	if h.Basis != nil {
		u.Basis = h.Basis.Art6
	}
	for _, s := range b.Agreements {
		cited := h.Agreement == nil || h.Agreement.ID == s.ID && h.Agreement.Version == s.Version
		if s.Framework || !cited || s.ActiveBy < 0 || s.ActiveBy >= entry || !s.InForce(b.At) || !s.Party(u.From) || !s.Party(u.To) {
			continue
		}
		terms := s.Terms
		if f := b.Agreement(s.Under); f != nil {
			terms = slices.Concat(terms, f.Terms)
		}
		for i := range terms {
			t := &terms[i]
			if t.Permit != nil && t.Oblige != nil && t.Speaks(&u) && slices.ContainsFunc(sections, func(c fairlead.SectionCode) bool { return slices.Contains(t.Permit.Sections, c) }) {
				o.Strictest(t.Oblige)
			}
		}
	}
	if o.IsZero() {
		return nil
	}
	return &o
}
