package officer

import (
	"strings"

	"fairlead/internal/agreement"
)

// Sheet is an agreement as a person reads it before signing: every term with its signed words, and what
// programs will make of them.
type Sheet struct {
	Ref       string               `json:"ref"`
	State     agreement.State      `json:"state"`
	Digest    string               `json:"digest,omitempty"` // that every party signs
	Signed    []string             `json:"signed"`
	Agreement *agreement.Agreement `json:"agreement"`
}

// SheetOf is the sheet of an agreement on record.
func (b *Book) SheetOf(s *agreement.Standing) Sheet {
	sheet := Sheet{Ref: s.Ref(), State: s.State(b.At), Signed: asText(s.Signed), Agreement: &s.Agreement}
	if !s.Digest.IsZero() {
		sheet.Digest = s.Digest.String()
	}
	return sheet
}

// Words is the sheet for people.
func (s Sheet) Words() string {
	t, a := &text{}, s.Agreement
	t.line(s.Ref + ", " + a.Title)
	t.item("state", string(s.State))
	t.item("digest", s.Digest)
	t.item("signed by", strings.Join(s.Signed, ", "))
	t.item("in force", a.From.UTC().Format("2006-01-02T15:04:05Z")+" to "+a.Until.UTC().Format("2006-01-02T15:04:05Z")+", review by "+a.ReviewBy)
	t.item("under", a.Under)
	t.item("replaces", a.Supersedes)
	t.item("summary", a.Summary)
	t.item("objective", a.Objective)
	for _, p := range a.Signatories {
		t.item("signs", string(p.Agency)+": "+p.Name+", "+p.Role)
	}
	for _, c := range a.Contacts {
		t.item("contact", strings.TrimSuffix(string(c.Agency)+": "+c.DPO+", "+c.Emergency, ", "))
	}
	g := a.Governance
	for _, part := range [][2]string{
		{"rights", g.Rights},
		{"told", g.Transparency},
		{"accuracy", g.Accuracy},
		{"security", g.Security},
		{"retention", g.Retention},
		{"breach", g.Breach},
		{"disputes", g.Disputes},
		{"sanctions", g.Sanctions},
		{"assessed", strings.Trim(strings.Join([]string{a.DPIA, a.APD, a.LIA}, ", "), ", ")},
	} {
		t.item(part[0], part[1])
	}
	for i := range a.Terms {
		t.WriteString("\n")
		t.term(&a.Terms[i])
	}
	return t.String()
}

// term is one term: its words, and what it does.
func (t *text) term(term *agreement.Term) {
	s, does := term.Scope(), "permits"
	if term.Prohibit != nil {
		does = "prohibits"
	}
	if term.Beside {
		does += ", also beside this agreement"
	}
	all := func(list []string) string {
		if len(list) == 0 {
			return "any"
		}
		return strings.Join(list, ", ")
	}
	t.line(term.ID + " " + does)
	t.item("words", term.Text)
	t.item("from", all(append(asText(s.From), asText(s.FromTypes)...))+" to "+all(append(asText(s.To), asText(s.ToTypes)...)))
	t.item("kinds", all(s.Kinds))
	t.item("purposes", all(asText(s.Purposes)))
	t.item("bases", all(asText(s.Bases)))
	t.item("urgency", strings.Join(asText(s.Urgency), ", "))
	if len(s.Sections) == 0 && term.Permit != nil {
		t.item("sections", "none")
	} else {
		t.item("sections", all(asText(s.Sections)))
	}
	t.item("transfer", string(s.Transfer))
	t.item("if", term.When.String())
	for _, o := range term.Oblige.Words() {
		t.item("recipient", o)
	}
}
