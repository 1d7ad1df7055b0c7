package policy_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"fairlead/internal/envelope"
	"fairlead/internal/policy"
)

// readers names, for every field of a header, a descriptor and the facts, a function whose behaviour depends
// on it, as "package.function". A field that no rule reads is a silent term: whoever sets it believes in it.
var readers = map[string]string{
	"Header.V": "envelope.checkForm", "Header.ID": "registry.fresh", "Header.Kind": "policy.checkKind", "Header.Status": "policy.checkStatus",
	"Header.From": "policy.checkSender", "Header.To": "policy.checkComplete",
	"Header.ReplyTo": "registry.Facts", "Header.SentAt": "registry.fresh", "Header.ValidUntil": "registry.fresh",
	"Header.Purpose": "policy.checkSender", "Header.Threshold": "policy.apply", "Header.Basis": "policy.checkBasis", "Header.S16LA": "policy.checkS16LA",
	"Header.Told": "policy.checkTold", "Header.Agreement": "policy.cites", "Header.Transfer": "policy.checkTransfer", "Header.Danger": "policy.checkDanger",
	"Header.TLP": "policy.checkHandling", "Header.GSC": "policy.checkKind", "Header.Urgency": "policy.emergency", "Header.Severity": "policy.checkComplete",
	"Header.Certainty": "policy.checkComplete", "Header.Facts": "policy.checkKind", "Header.Record": "envelope.Bind", "Header.Sections": "envelope.Bind",
	"Header.Seen": "client.gossip",

	"From.Agency": "policy.asks", "From.Role": "policy.checkSender", "From.User": "policy.missing", "To.Agency": "policy.asks", "To.User": "policy.checkComplete",
	"Basis.Art6": "policy.checkBasis", "Basis.Annex1": "policy.checkBasisNeed", "Basis.Gateways": "policy.checkGateways", "Basis.Cite": "policy.checkBasisNeed",
	"Basis.LIA": "policy.checkBasisNeed", "Basis.ChangedFrom": "policy.checkBasis", "S16LA.Considered": "policy.checkS16LA", "S16LA.Applies": "policy.checkS16LA",
	"S16LA.Detriment": "policy.checkS16LA", "AgreementRef.ID": "policy.cites", "AgreementRef.Version": "policy.cites", "Transfer.Mechanism": "policy.checkTransfer",
	"Transfer.Ref": "policy.assessment", "Transfer.Assessed": "policy.assessment", "Danger.Result": "policy.checkDanger", "Danger.Role": "policy.checkDanger",
	"Danger.At": "policy.checkDanger", "Seen.Size": "client.gossip", "Seen.Root": "client.gossip",

	"Descriptor.Salt": "envelope.checkForm", "Descriptor.Audience": "policy.decideSections", "Descriptor.Code": "policy.decideSections",
	"Descriptor.Essential": "policy.decideSections", "Descriptor.Art9": "policy.checkSpecial", "Descriptor.Sch1": "policy.checkSpecial",
	"Descriptor.P18": "policy.checkNeeds", "Descriptor.Art10": "policy.checkSpecial", "Descriptor.Consent": "policy.checkConsent",
	"Descriptor.Override": "policy.checkOverride", "Descriptor.Caveats": "policy.caveats", "Descriptor.Clear": "policy.clears", "Descriptor.Court": "policy.checkNeeds",
	"Descriptor.Siena": "policy.checkHandling", "Descriptor.Grade": "policy.checkHandling", "Descriptor.Eval": "policy.checkHandling",
	"Descriptor.Conditions": "policy.checkHandling", "Descriptor.Size": "envelope.checkForm", "Descriptor.Digest": "policy.noteSent",
	"Descriptor.Subject": "policy.decide", "Descriptor.Reason": "policy.checkRefusal", "Descriptor.Onward": "policy.checkOnward",
	"Onward.Code": "policy.checkOnward", "Onward.Origin": "policy.lets", "Onward.Permission": "registry.onward", "Descriptor.Listed": "policy.lists",
	"Override.Reason": "policy.checkOverride", "Override.Note": "policy.noteSent", "Listed.Caveat": "policy.lists", "Listed.States": "policy.lists",
	"Listed.Agencies": "policy.lists",

	"Facts.Law": "policy.Decide", "Facts.Loaded": "policy.checkLoaded", "Facts.Sender": "policy.checkSender", "Facts.Recipient": "policy.checkRecipient",
	"Facts.Agreements": "policy.findAgreement", "Facts.Houses": "policy.findBars", "Facts.Superseded": "policy.checkCorrection",
	"Facts.Onward": "policy.checkOnward", "Facts.Marked": "policy.checkOnward", "Facts.Exercise": "policy.checkStatus", "Facts.Consents": "policy.state", "Facts.Answered": "policy.answers", "Facts.CAOnly": "policy.checkChannel",
	"Facts.Approvals": "policy.missing", "Facts.Training": "policy.checkTraining", "Facts.Record": "policy.checkRecord",
}

// silent are the fields that no rule of a decision reads yet, and why they may stand.
var silent = map[string]string{
	"Header.Case":       "the pair's own token: the recipient's program files by it",
	"Header.Thread":     "files together what belongs together; the recipient's program reads it",
	"Header.Supersedes": "tells the recipient's program which message this one replaces",
}

// TestEveryFieldIsRead holds readers and silent against the types and the source.
func TestEveryFieldIsRead(t *testing.T) {
	source := map[string]map[string][]string{}
	for _, pkg := range []string{"policy", "registry", "envelope", "client"} {
		source[pkg] = selectors(t, "../"+pkg)
	}
	fields := map[string]bool{}
	for _, v := range []any{
		envelope.Header{},
		envelope.From{},
		envelope.To{},
		envelope.Basis{},
		envelope.S16LA{},
		envelope.AgreementRef{},
		envelope.Transfer{},
		envelope.Danger{},
		envelope.Seen{},
		envelope.Descriptor{},
		envelope.Override{},
		envelope.Listed{},
		envelope.Onward{},
		policy.Facts{},
	} {
		typ := reflect.TypeOf(v)
		for i := range typ.NumField() {
			name := typ.Name() + "." + typ.Field(i).Name
			fields[name] = true
			if silent[name] != "" {
				continue
			}
			pkg, function, _ := strings.Cut(readers[name], ".")
			if !slices.Contains(source[pkg][function], typ.Field(i).Name) {
				t.Errorf("%s: its reader %q does not read it", name, readers[name])
			}
		}
	}
	for name := range readers {
		if !fields[name] {
			t.Errorf("%s is no field", name)
		}
	}
}

// selectors are the fields that each function of a package selects, by the function's name.
func selectors(t *testing.T, dir string) map[string][]string {
	t.Helper()
	names, err := filepath.Glob(dir + "/*.go")
	if err != nil || len(names) == 0 {
		t.Fatal(dir, err)
	}
	found := map[string][]string{}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			ast.Inspect(f, func(n ast.Node) bool {
				if sel, ok := n.(*ast.SelectorExpr); ok {
					found[f.Name.Name] = append(found[f.Name.Name], sel.Sel.Name)
				}
				return true
			})
		}
	}
	return found
}
