package subject

import (
	"errors"
	"strings"
	"testing"

	"fairlead/internal/fairlead"
)

const (
	accountA = fairlead.Account("AAT3LFZ63UYT2LHSSUGB4GWMXGG6ZSN5GGBKQYWXNGDOFUF4VM56ZR23")
	accountB = fairlead.Account("ADQIH7AWCL5XMQKI4NOHJX5SZSFNTJUHJZZOUVWXMRBUMLVDYCKQNIUM")
)

func TestBuildParse(t *testing.T) {
	build := func(text string, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	for _, c := range []struct {
		text string
		want Subject
	}{
		{build(In("GB-ENG", accountA, "case.referral")), Subject{ClassIn, "GB-ENG", accountA, "case_referral"}},
		{build(In(ToHub, accountA, "ack")), Subject{ClassIn, ToHub, accountA, "ack"}},
		{build(Alert("RO", accountB, "alert.missing_child")), Subject{ClassAlert, "RO", accountB, "alert_missing_child"}},
		{build(Out("GB-SCT", accountB)), Subject{ClassOut, "GB-SCT", accountB, ""}},
		{build(Registry(accountA)), Subject{ClassRegistry, "", accountA, ""}},
		{RegistryAll, Subject{Class: ClassRegistry}},
		{Entry, Subject{Class: ClassEntry}},
		{Head, Subject{Class: ClassHead}},
	} {
		got, err := Parse(c.text)
		if err != nil || got != c.want || got.String() != c.text {
			t.Errorf("Parse(%q) = %+v, %v; want %+v", c.text, got, err, c.want)
		}
	}
}

func TestRefusals(t *testing.T) {
	a := string(accountA)
	for _, c := range []struct {
		text string
		want error
	}{
		{"", ErrLength},
		{"fl.in.RO." + a + "." + strings.Repeat("k", 100), ErrLength},
		{"fl.in.RO." + a + "." + strings.Repeat("k", 65), ErrKind},
		{"fl", ErrUnknown},
		{"xx.in.RO." + a + ".ack", ErrUnknown},
		{"fl.led.other", ErrUnknown},
		{"fl.head.x", ErrUnknown},
		{"fl.in.RO." + a, ErrTokens},
		{"fl.in.RO." + a + ".case.referral", ErrTokens},
		{"fl.out.RO." + a + ".x", ErrTokens},
		{"fl.reg", ErrTokens},
		{"fl.in.RO-IF." + a + ".ack", ErrJurisdiction},
		{"fl.in.ro." + a + ".ack", ErrJurisdiction},
		{"fl.in.*." + a + ".ack", ErrJurisdiction},
		{"fl.out.HUB." + a, ErrJurisdiction},
		{"fl.in.RO." + a[1:] + ".ack", ErrAccount},
		{"fl.in.RO.U" + a[1:] + ".ack", ErrAccount},
		{"fl.reg.*", ErrAccount},
		{"fl.in.RO." + a + ".Ack", ErrKind},
		{"fl.in.RO." + a + ".", ErrKind},
		{"fl.in.RO." + a + ".>", ErrKind},
	} {
		if got, err := Parse(c.text); !errors.Is(err, c.want) || got != (Subject{}) {
			t.Errorf("Parse(%q) = %+v, %v; want %v", c.text, got, err, c.want)
		}
	}
}

func TestKindToken(t *testing.T) {
	for kind, want := range map[string]string{"ack": "ack", "case.referral": "case_referral", "a_b.c_d": "a_b_c_d"} {
		if got, err := KindToken(kind); err != nil || got != want {
			t.Errorf("KindToken(%q) = %q, %v; want %q", kind, got, err, want)
		}
	}
	for _, kind := range []string{"", ".", "a.", ".a", "a.b.c", "A", "a b", "a*", "a1", strings.Repeat("a", 65)} {
		if got, err := KindToken(kind); !errors.Is(err, ErrKind) {
			t.Errorf("KindToken(%q) = %q, %v; want ErrKind", kind, got, err)
		}
	}
}

func TestQueued(t *testing.T) {
	if got, err := ParseQueued(Queued(accountA)); err != nil || got != accountA {
		t.Errorf("ParseQueued = %q, %v", got, err)
	}
	for _, text := range []string{"", "fl.q", "fl.q.", "fl.in." + string(accountA), "fl.q." + string(accountA) + ".x"} {
		if _, err := ParseQueued(text); err == nil {
			t.Errorf("ParseQueued(%q) accepted", text)
		}
	}
}

func TestCosign(t *testing.T) {
	if got, err := ParseCosign(Cosign(accountA)); err != nil || got != accountA {
		t.Errorf("ParseCosign = %q, %v", got, err)
	}
	for _, text := range []string{"", "fl.cosign.", "fl.q." + string(accountA), "fl.cosign." + string(accountA) + ".x"} {
		if _, err := ParseCosign(text); err == nil {
			t.Errorf("ParseCosign(%q) accepted", text)
		}
	}
}

// An import must fit its export, and name the own account in the token that the server checks.
func TestImportsFitExports(t *testing.T) {
	exports, imports := Exports(), Imports(accountA)
	if len(exports) != len(imports) {
		t.Fatalf("%d exports, %d imports", len(exports), len(imports))
	}
	for n, e := range exports {
		pattern, remote := strings.Split(e.Subject, "."), strings.Split(imports[n].Remote, ".")
		if len(pattern) != len(remote) || pattern[e.Position-1] != "*" || remote[e.Position-1] != string(accountA) {
			t.Errorf("%s: %q does not fit %q at %d", e.Name, imports[n].Remote, e.Subject, e.Position)
		}
		for k, token := range pattern {
			if token == ">" || token != "*" && token != remote[k] {
				t.Errorf("%s: token %d is %q and %q", e.Name, k+1, token, remote[k])
			}
		}
	}
}

func TestPermissions(t *testing.T) {
	for _, p := range AllowPublish(accountA) {
		if strings.Contains(p, ">") || !strings.Contains(p, string(accountA)) || strings.HasPrefix(p, jsAPI) {
			t.Errorf("an agency may publish on %q", p)
		}
	}
	want := strings.Replace(AllowSubscribe, "{{subject()}}.>", "UXYZ", 1)
	if got := ReplyPrefix("UXYZ"); got != want {
		t.Errorf("ReplyPrefix = %q, want %q", got, want)
	}
}

func TestInbox(t *testing.T) {
	got, err := Inbox("RO", accountA)
	want := []string{"fl.out.RO." + string(accountA), "fl.reg.all", "fl.reg." + string(accountA)}
	if err != nil || strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("Inbox = %q, %v; want %q", got, err, want)
	}
	if _, err := Inbox(ToHub, accountA); !errors.Is(err, ErrJurisdiction) {
		t.Errorf("Inbox of HUB: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{Entry, Head, RegistryAll, "fl.in.RO." + string(accountA) + ".ack", "fl.out.GB-ENG." + string(accountB), "fl.reg." + string(accountA), "fl..", "fl.alert.*.>.x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Parse(text)
		if err != nil {
			return
		}
		if s.String() != text || strings.ContainsAny(text, "*> \t\r\n") {
			t.Errorf("Parse(%q) = %+v, which reads %q", text, s, s)
		}
	})
}
