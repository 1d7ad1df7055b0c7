package policy_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"fairlead/internal/agreement"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/kind"
	"fairlead/internal/law"
	"fairlead/internal/policy"
)

// words lists what the package's own source names: reasons by the constants of package fairlead, and
// texts in quotes.
func words(t *testing.T) (constants, texts []string) {
	t.Helper()
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SelectorExpr:
				if pkg, ok := n.X.(*ast.Ident); ok && pkg.Name == "fairlead" {
					constants = append(constants, n.Sel.Name)
				}
			case *ast.BasicLit:
				if text, err := strconv.Unquote(n.Value); err == nil {
					texts = append(texts, text)
				}
			}
			return true
		})
	}
	return constants, texts
}

// values reads the reasons of package fairlead: name of the constant → code.
func values(t *testing.T) map[string]fairlead.Reason {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../fairlead/result.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	codes := map[string]fairlead.Reason{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 || !strings.HasPrefix(spec.Names[0].Name, "Reason") {
			return true
		}
		code, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		codes[spec.Names[0].Name] = fairlead.Reason(code)
		return true
	})
	return codes
}

// TestEveryReasonHasACase: whatever this package can answer stands in testdata for a person to read.
func TestEveryReasonHasACase(t *testing.T) {
	seen, due := map[fairlead.Reason]bool{}, map[string]bool{}
	for _, c := range cases(t) {
		for _, want := range c.expect {
			for _, r := range want.Reasons {
				seen[r] = true
			}
			for _, d := range want.Due {
				code, _, _ := strings.Cut(d, " ")
				due[code] = true
			}
		}
	}
	constants, texts := words(t)
	codes := values(t)
	if len(codes) < 30 {
		t.Fatalf("only %d reasons found", len(codes))
	}
	for _, name := range constants {
		if code, ok := codes[name]; ok && !seen[code] {
			t.Errorf("no case expects %s", code)
		}
	}
	for _, text := range texts {
		if strings.HasPrefix(text, "DL-") && text != "DL-AGR-REVIEW" && !due[text] {
			t.Errorf("no case expects the deadline %s", text)
		}
	}
}

// TestNotBuilt: every kind whose rules do not exist yet is refused by name, from whoever may send it.
func TestNotBuilt(t *testing.T) {
	base := cases(t)["s35-refused-section"]
	for _, k := range kind.All() {
		if k.Built {
			continue
		}
		r, f := base.request("RO-DIR")
		r.Header.Kind = k.Code
		d := policy.Decide(r, f, base.share.At.Time)
		if d.Result != fairlead.Refused || !slices.ContainsFunc(d.Causes, func(c policy.Cause) bool {
			return c.Reason == fairlead.ReasonNotBuilt && c.Where == "kind "+k.Code
		}) {
			t.Errorf("%s: %s %+v", k.Code, d.Result, d.Causes)
		}
	}
	for _, status := range fairlead.Statuses {
		r, f := base.request("RO-DIR")
		r.Header.Status = status
		d := policy.Decide(r, f, base.share.At.Time)
		if refused := slices.Contains(d.Reasons(), fairlead.ReasonSchema); refused == (status == fairlead.StatusActual) {
			t.Errorf("status %s: %s", status, d.Result)
		}
	}
}

// TestGateways: for every gateway, type of agency and nation the decision point agrees with the table of law,
// and a legal obligation asks for a duty.
func TestGateways(t *testing.T) {
	c := cases(t)["consent-not-needed-on-a-duty"]
	book := law.Default().At(c.share.At.Time)
	holds := 0
	for _, g := range fairlead.Gateways {
		row, _ := book.Gateway(g)
		for _, kind := range fairlead.AgencyTypes {
			for _, j := range []fairlead.Jurisdiction{"GB", "GB-ENG", "GB-WLS", "GB-SCT", "GB-NIR"} {
				for _, basis := range []fairlead.Art6{fairlead.Art6Legal, fairlead.Art6Task} {
					r, f := c.request("NHS")
					f.Sender = &policy.Agency{ID: f.Sender.ID, Type: kind, Jurisdiction: j}
					r.Header.Basis.Art6, r.Header.Basis.Gateways = basis, []fairlead.Gateway{g}
					got := !slices.Contains(reasons(policy.Decide(r, f, c.share.At.Time)), fairlead.ReasonGatewayMissing)
					wider, _ := book.Basis(basis)
					if !wider.Type(kind) {
						continue // the basis itself is refused
					}
					want := row.For(kind, j) && (row.Nature == law.Duty || row.Nature == law.Power && basis == fairlead.Art6Task)
					if got != want {
						t.Errorf("%s as %s by %s in %s: %v, want %v", g, basis, kind, j, got, want)
					}
					if got {
						holds++
					}
				}
			}
		}
	}
	if holds < 500 {
		t.Errorf("only %d combinations hold", holds)
	}
}

// TestBases: which basis is for which type of sender in which nation (domain notes §2.3), with all that the
// basis needs, and refused without any one of it.
func TestBases(t *testing.T) {
	c := cases(t)["consent-not-needed-on-a-duty"]
	full := envelope.Basis{Annex1: "RLI-6", Gateways: []fairlead.Gateway{"COURT-ORDER"}, Cite: "a law", LIA: "LIA-1"}
	private := []fairlead.AgencyType{"GUARDIAN_SERVICE", "ADVICE_SERVICE", "NGO_UK", "NGO_OVERSEAS", "ISS_MEMBER", "LIBRARY"}
	for _, kind := range fairlead.AgencyTypes {
		for _, j := range []fairlead.Jurisdiction{"GB-ENG", "GB-SCT", "GB", "RO", "MD"} {
			uk, ngo := strings.HasPrefix(string(j), "GB"), slices.Contains(private, kind)
			for basis, want := range map[fairlead.Art6]bool{
				"A6-1-a": true, "A6-1-c": uk, "A6-1-d": uk, "A6-1-e": uk && (!ngo || kind == "GUARDIAN_SERVICE"), "A6-1-ea": uk && ngo, "A6-1-f": uk && ngo,
				"P3-LE": uk && (kind == "POLICE" || kind == "POLICE_OVERSEAS"), "X-EU-GDPR": j == "RO", "X-NATIONAL": j == "MD",
			} {
				try := func(b envelope.Basis, urgency fairlead.Urgency) bool {
					r, f := c.request("NHS")
					f.Sender = &policy.Agency{ID: f.Sender.ID, Type: kind, Jurisdiction: j}
					b.Art6 = basis
					r.Header.Basis, r.Header.Urgency, r.Header.Threshold = &b, urgency, fairlead.TH4
					reasons := reasons(policy.Decide(r, f, c.share.At.Time))
					return !slices.Contains(reasons, fairlead.ReasonBasisInvalid) && !slices.Contains(reasons, fairlead.ReasonGatewayMissing)
				}
				if got := try(full, fairlead.UrgencyImmediate); got != want {
					t.Errorf("%s by %s in %s: %v", basis, kind, j, got)
				}
				needs := basis != "A6-1-a" && basis != "P3-LE"
				if want && needs && try(envelope.Basis{}, "Expected") {
					t.Errorf("%s by %s in %s goes with nothing that it needs", basis, kind, j)
				}
			}
		}
	}
}

// TestRoutes: which transfer mechanism is for which route (domain notes §2.3), with all that it needs.
func TestRoutes(t *testing.T) {
	at := map[string]fairlead.Jurisdiction{"UK": "GB-ENG", "EEA": "RO", "EEA2": "HU", "other": "MD"}
	anywhere := []string{"UK EEA", "UK EEA2", "UK other", "EEA UK", "EEA2 UK", "EEA EEA2", "EEA2 EEA", "EEA other", "EEA2 other"}
	uk := anywhere[:3]
	good := map[fairlead.Mechanism][]string{
		"A45": uk[:2], "IN-EU-ADEQ": {"EEA UK", "EEA2 UK"}, "EEA-INTERNAL": {"EEA EEA2", "EEA2 EEA"}, "NONE": {"UK UK"}, "A46-IDTA": uk, "A46-ADDENDUM": uk,
		"A46-2-a": anywhere, "A46-3-b": anywhere, "A49-1-d": anywhere, "A49-1-e": anywhere, "A49-1-f": anywhere,
	}
	base := cases(t)["n18-transfer-with-a-test"]
	for _, m := range fairlead.Mechanisms {
		for _, from := range slices.Sorted(maps.Keys(at)) {
			for _, to := range slices.Sorted(maps.Keys(at)) {
				if from == to && from != "UK" {
					continue
				}
				try := func(ref, date string, urgency fairlead.Urgency) bool {
					r, f := base.request("RO-DIR")
					sender, recipient := *f.Sender, *f.Recipient
					sender.Jurisdiction, recipient.Jurisdiction = at[from], at[to]
					f.Sender, f.Recipient = &sender, &recipient
					one := *f.Agreements[0]
					one.Terms = slices.Clone(one.Terms)
					scope := *one.Terms[0].Permit
					scope.Transfer, one.Terms[0].Permit = m, &scope
					f.Agreements = []*agreement.Standing{&one}
					r.Header.Transfer, r.Header.Urgency = &envelope.Transfer{Mechanism: m, Ref: ref, Assessed: date}, urgency
					return !slices.Contains(reasons(policy.Decide(r, f, base.share.At.Time)), fairlead.ReasonTransfer)
				}
				if got := try("DPT-1", "2026-03-15", fairlead.UrgencyImmediate); got != slices.Contains(good[m], from+" "+to) {
					t.Errorf("%s from %s to %s: %v", m, from, to, got)
				}
				bare := slices.Contains([]fairlead.Mechanism{"A45", "IN-EU-ADEQ", "EEA-INTERNAL", "NONE"}, m)
				if got := try("", "", "Expected"); got != (bare && slices.Contains(good[m], from+" "+to)) {
					t.Errorf("%s from %s to %s, with nothing that it needs: %v", m, from, to, got)
				}
			}
		}
	}
}

func reasons(d policy.Decision) []fairlead.Reason { return d.Reasons() }

// TestReviewDue: an agreement is reviewed twelve months after it became active.
func TestReviewDue(t *testing.T) {
	got := policy.ReviewDue(law.Default(), time.Date(2026, 11, 5, 15, 1, 0, 0, time.UTC))
	if got.Code != "DL-AGR-REVIEW" || got.At != "2027-11-05" {
		t.Errorf("%+v", got)
	}
}

// TestDecideNothing: without a header there is nothing to decide, and nothing is delivered.
func TestDecideNothing(t *testing.T) {
	d := policy.Decide(policy.Request{Examined: []policy.Cause{{Reason: fairlead.ReasonSchema, Check: "P00"}}}, policy.Facts{}, time.Time{})
	if d.Delivers() || d.Ground != fairlead.GroundNone || !slices.Equal(d.Reasons(), []fairlead.Reason{fairlead.ReasonSchema}) {
		t.Errorf("%+v", d)
	}
}

// TestDoc: the table of the package's comment names tests and cases that there are.
func TestDoc(t *testing.T) {
	raw, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	tests, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, name := range tests {
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(source)
	}
	names := regexp.MustCompile(`Test[A-Z][A-Za-z]+`).FindAllString(string(raw), -1)
	for _, name := range names {
		if !strings.Contains(all.String(), "func "+name+"(t *testing.T)") {
			t.Errorf("doc.go names %s, which is no test", name)
		}
	}
	for step := range 15 {
		if !strings.Contains(string(raw), fmt.Sprintf("P%02d", step+1)) {
			t.Errorf("doc.go has no P%02d", step+1)
		}
	}
	for _, prefix := range regexp.MustCompile(`[a-z]+(-[a-z]+)*-…`).FindAllString(string(raw), -1) {
		if found, err := filepath.Glob("testdata/" + strings.TrimSuffix(prefix, "…") + "*.txt"); err != nil || len(found) == 0 {
			t.Errorf("doc.go names cases %s, and there are none", prefix)
		}
	}
	if len(names) < 12 {
		t.Errorf("only %v found", names)
	}
}
