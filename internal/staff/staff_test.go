package staff

import (
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"fairlead/internal/fairlead"
)

var at = time.Date(2027, 1, 18, 16, 0, 0, 0, time.UTC)

func member(t *testing.T) (*Member, ed25519.PrivateKey) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &Member{User: "TM1", Role: "TEAM_MANAGER", Key: hex.EncodeToString(public), From: fairlead.At(at)}, private
}

// TestVerify: an approval holds for the very share, header, reasons and user that were signed, while the
// member is active, and for nothing else.
func TestVerify(t *testing.T) {
	m, key := member(t)
	_, other := member(t)
	good := Approval{Share: fairlead.NewShareID(), Header: fairlead.Digest{1}, Reasons: []string{"SIG-HARM"}, User: "TM1"}
	good.Sign(key)
	if err := good.Verify(m, at); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Approval, *Member){
		"another share":      func(a *Approval, _ *Member) { a.Share = fairlead.NewShareID() },
		"another header":     func(a *Approval, _ *Member) { a.Header = fairlead.Digest{2} },
		"other reasons":      func(a *Approval, _ *Member) { a.Reasons = []string{"DUTY"} },
		"another user":       func(a *Approval, _ *Member) { a.User = "TM2" },
		"another key":        func(a *Approval, _ *Member) { a.Sign(other) },
		"no signature":       func(a *Approval, _ *Member) { a.Signature = "" },
		"not yet a member":   func(_ *Approval, m *Member) { m.From = fairlead.At(at.Add(time.Second)) },
		"no longer a member": func(_ *Approval, m *Member) { m.Until = fairlead.At(at) },
		"a key that is none": func(_ *Approval, m *Member) { m.Key = "00" },
	} {
		a, changed := good, *m
		change(&a, &changed)
		if err := a.Verify(&changed, at); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestParse(t *testing.T) {
	m, key := member(t)
	raw, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ParseMember(raw); err != nil || *got != *m {
		t.Errorf("%+v %v", got, err)
	}
	a := Approval{Share: fairlead.NewShareID(), Header: fairlead.Digest{1}, Reasons: []string{"SIG-HARM"}, User: "TM1"}
	a.Sign(key)
	if raw, err = json.Marshal(a); err != nil {
		t.Fatal(err)
	}
	if got, err := ParseApproval(raw); err != nil || got.Verify(m, at) != nil {
		t.Errorf("%+v %v", got, err)
	}
	text := string(raw)
	for _, bad := range []string{
		"", "{}", text + " {}", strings.Replace(text, "SIG-HARM", "because she asked me to", 1), strings.Replace(text, `"TM1"`, `"Jane Doe"`, 1),
		strings.Replace(text, `"user"`, `"User"`, 1), strings.Replace(text, `["SIG-HARM"]`, `[]`, 1),
	} {
		if _, err := ParseApproval([]byte(bad)); !errors.Is(err, ErrInvalid) {
			t.Errorf("approval %q: %v", bad, err)
		}
	}
	for _, bad := range []Member{
		{},
		{User: "TM1", Role: "TEAM_MANAGER", Key: m.Key},
		{User: "Jane Doe", Role: m.Role, Key: m.Key, From: m.From},
		{User: "TM1", Role: "KING", Key: m.Key, From: m.From},
		{User: "TM1", Role: m.Role, Key: "ab", From: m.From},
	} {
		raw, err := json.Marshal(bad)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParseMember(raw); !errors.Is(err, ErrInvalid) {
			t.Errorf("member %+v: %v", bad, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"user":"TM1","role":"TEAM_MANAGER","key":"00","from":"2027-01-18T16:00:00Z"}`))
	f.Fuzz(func(_ *testing.T, b []byte) {
		if a, err := ParseApproval(b); err == nil {
			_ = a.Verify(&Member{}, at)
		}
		_, _ = ParseMember(b)
	})
}
