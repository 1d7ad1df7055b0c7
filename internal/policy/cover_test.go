package policy_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"fairlead/internal/agreement"
	"fairlead/internal/fairlead"
	"fairlead/internal/kind"
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

// TestGateways holds where each gateway may be claimed (domain notes §2.3): every code of the list is
// known, and outside its nations it is missing.
func TestGateways(t *testing.T) {
	nations := []fairlead.Jurisdiction{"GB", "GB-ENG", "GB-WLS", "GB-SCT", "GB-NIR", "RO"}
	everywhere, kingdom := "GB GB-ENG GB-WLS GB-SCT GB-NIR RO", "GB GB-ENG GB-WLS GB-SCT GB-NIR"
	england, both := "GB GB-ENG", "GB GB-ENG GB-WLS"
	where := map[fairlead.Gateway]string{
		"CA2004-16LA": england, "CA2004-16LC": england, "CA2004-10": england, "CA2004-11": england, "CA2004-16H": england, "CA1989-17": both,
		"CA1989-27": england, "CA1989-47": england, "CA1989-S2P19": both, "MSA2015-52": both, "MSA2015-51": both, "MSA2015-48": both,
		"MSA2015-43": kingdom, "BCIA2009-55": kingdom, "CDA1998-115": both, "COMMON-LAW-POLICING": kingdom, "HTES2015": "GB GB-SCT",
		"HTENI2015": "GB GB-NIR", "SSWBA2014": "GB GB-WLS", "COURT-ORDER": everywhere, "COE-ECAT-10-16": everywhere,
	}
	c := cases(t)["consent-not-needed-on-a-duty"]
	for _, g := range fairlead.Gateways {
		holds := where[g]
		if strings.HasPrefix(string(g), "HAGUE96-") {
			holds = everywhere
		}
		if holds == "" {
			t.Errorf("%s: the test does not say where it holds", g)
		}
		for _, j := range nations {
			r, f := c.request("NHS")
			sender := *f.Sender
			sender.Jurisdiction, f.Sender = j, &sender
			r.Header.Basis.Gateways = []fairlead.Gateway{g}
			d := policy.Decide(r, f, c.share.At.Time)
			if missing := slices.Contains(d.Reasons(), fairlead.ReasonGatewayMissing); missing == slices.Contains(strings.Fields(holds), string(j)) {
				t.Errorf("%s in %s: missing %v", g, j, missing)
			}
		}
	}
}

// TestRoutes: which transfer mechanism is for which route (domain notes §2.3); what needs a dated
// assessment is for none.
func TestRoutes(t *testing.T) {
	at := map[string]fairlead.Jurisdiction{"UK": "GB-ENG", "EEA": "RO", "EEA2": "HU", "other": "MD"}
	good := map[fairlead.Mechanism][]string{"A45": {"UK EEA", "UK EEA2"}, "IN-EU-ADEQ": {"EEA UK", "EEA2 UK"}, "EEA-INTERNAL": {"EEA EEA2", "EEA2 EEA"}, "NONE": {"UK UK"}}
	base := cases(t)["n18-transfer-with-a-test"]
	for _, m := range fairlead.Mechanisms {
		for _, from := range slices.Sorted(maps.Keys(at)) {
			for _, to := range slices.Sorted(maps.Keys(at)) {
				if from == to && from != "UK" {
					continue
				}
				r, f := base.request("RO-DIR")
				sender, recipient := *f.Sender, *f.Recipient
				sender.Jurisdiction, recipient.Jurisdiction = at[from], at[to]
				f.Sender, f.Recipient = &sender, &recipient
				one := *f.Agreements[0]
				one.Terms = slices.Clone(one.Terms)
				scope := *one.Terms[0].Permit
				scope.Transfer, one.Terms[0].Permit = m, &scope
				f.Agreements = []*agreement.Standing{&one}
				r.Header.Transfer.Mechanism = m
				bad := slices.Contains(reasons(policy.Decide(r, f, base.share.At.Time)), fairlead.ReasonTransfer)
				if bad == slices.Contains(good[m], from+" "+to) {
					t.Errorf("%s from %s to %s: refused %v", m, from, to, bad)
				}
			}
		}
	}
}

func reasons(d policy.Decision) []fairlead.Reason { return d.Reasons() }

// TestReviewDue: an agreement is reviewed twelve months after it became active.
func TestReviewDue(t *testing.T) {
	got := policy.ReviewDue(time.Date(2026, 11, 5, 15, 1, 0, 0, time.UTC))
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
