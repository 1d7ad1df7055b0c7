package entry_test

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"

	"fairlead/internal/entry"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/policy"
)

// TestVerdict: the sender is told everything that it may know, and can open the set.
func TestVerdict(t *testing.T) {
	p := newPair(t)
	s, b := p.compose(content{"EDU", []byte(`{}`)}, content{"HEALTH-SEX", []byte(`{}`)})
	l, d := p.decide(s, b)
	raw := d.Verdict()
	if !bytes.Equal(raw, d.Verdict()) {
		t.Error("the same detail gives another verdict")
	}
	v, err := entry.ParseVerdict(raw)
	if err != nil {
		t.Fatal(err)
	}
	want := &d.Share.Decision
	if v.ID != b.H.ID || v.Header != envelope.HeaderDigest(s.Header) || v.Result != want.Result || v.Ground != want.Ground || v.Agreement != "A2/1" || !reflect.DeepEqual(v.Sections, want.Sections) {
		t.Errorf("%+v", v)
	}
	salt, err := v.SetSaltBytes()
	if err != nil || envelope.SetDigest(salt, [][]byte{s.Parts[0].Descriptor}) != l.Delivered {
		t.Errorf("the sender cannot open what was delivered: %v", err)
	}
	if strings.Contains(v.Salt, v.SetSalt) {
		t.Error("one salt for two purposes")
	}
}

// TestPrivateCauses: a reason that could reveal a protected address or a withdrawn consent is for
// auditors: it stands in the detail and never in the verdict, in whatever place.
func TestPrivateCauses(t *testing.T) {
	open := policy.Cause{Reason: fairlead.ReasonSectionNotAllowed, Check: "P10", Advice: "told"}
	secret := policy.Cause{Reason: fairlead.ReasonConsentRefused, Check: "P09", Advice: "withdrawn yesterday", Private: true}
	for name, d := range map[string]policy.Decision{
		"share":   {Result: fairlead.Refused, Ground: fairlead.GroundNone, Causes: []policy.Cause{secret, open, secret}},
		"section": {Result: fairlead.DeliveredRedacted, Ground: fairlead.GroundAgreement, Sections: []policy.Section{{Code: "EDU", Causes: []policy.Cause{open, secret}}}},
		"hold":    {Result: fairlead.Held, Ground: fairlead.GroundOverride, Holds: []policy.Cause{secret, open}},
	} {
		detail := &entry.Detail{Share: &entry.Share{Digest: fairlead.Digest{1}, Decision: d}}
		if raw := detail.Marshal(); !bytes.Contains(raw, []byte("withdrawn yesterday")) {
			t.Errorf("%s: the detail keeps no private cause", name)
		}
		raw := detail.Verdict()
		if bytes.Contains(raw, []byte("withdrawn yesterday")) || bytes.Contains(raw, []byte("E_CONSENT_REFUSED")) || bytes.Contains(raw, []byte("private")) {
			t.Errorf("%s: the sender can read %s", name, raw)
		}
		if !bytes.Contains(raw, []byte(`"advice":"told"`)) {
			t.Errorf("%s: the open cause is missing in %s", name, raw)
		}
		if len(detail.Share.Decision.Causes) != len(d.Causes) || len(d.Sections) > 0 && len(detail.Share.Decision.Sections[0].Causes) != 2 {
			t.Errorf("%s: making the verdict changed the decision", name)
		}
	}
	unread := &entry.Detail{Unparsed: &entry.Unparsed{Digest: fairlead.Digest{1}, Cause: secret}}
	unread.Marshal()
	if bytes.Contains(unread.Verdict(), []byte("withdrawn yesterday")) {
		t.Error("unparsed: the sender can read it")
	}
}

// TestVerdictOfTheUnreadable: who sent what could not be read is told of it, too.
func TestVerdictOfTheUnreadable(t *testing.T) {
	d := details(t)["unparsed"]
	d.Marshal()
	v, err := entry.ParseVerdict(d.Verdict())
	if err != nil || v.Result != fairlead.Refused || v.Ground != fairlead.GroundNone || v.Header != d.Unparsed.Digest || len(v.Causes) != 1 || v.Causes[0].Advice != "cut off" {
		t.Errorf("%+v %v", v, err)
	}
}

func TestParseVerdictRefuses(t *testing.T) {
	d := details(t)["share"]
	good := string(d.Verdict())
	v, err := entry.ParseVerdict([]byte(good))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"nothing":         ``,
		"null":            `null`,
		"empty":           `{}`,
		"short salt":      strings.Replace(good, v.Salt, v.Salt[2:], 1),
		"short set salt":  strings.Replace(good, v.SetSalt, v.SetSalt[2:], 1),
		"set salt no hex": strings.Replace(good, v.SetSalt, strings.Repeat("z", 32), 1),
		"no header":       strings.Replace(good, v.Header.String(), strings.Repeat("0", 64), 1),
		"no result":       strings.Replace(good, `"result":"delivered_redacted"`, `"result":""`, 1),
		"unknown member":  strings.Replace(good, `"salt"`, `"w":1,"salt"`, 1),
		"something after": good + "{}",
		"an id malformed": strings.Replace(good, v.ID.String(), strings.ToUpper(v.ID.String()), 1),
	} {
		if v, err := entry.ParseVerdict([]byte(text)); !errors.Is(err, entry.ErrMalformed) {
			t.Errorf("%s: %+v %v", name, v, err)
		}
	}
}

// FuzzParseVerdict: what is accepted can open a set.
func FuzzParseVerdict(f *testing.F) {
	for _, name := range []string{"share", "unparsed"} {
		d := details(f)[name]
		d.Marshal()
		f.Add(d.Verdict())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := entry.ParseVerdict(b)
		if err != nil {
			if !errors.Is(err, entry.ErrMalformed) {
				t.Fatal(err)
			}
			return
		}
		if _, err := v.SetSaltBytes(); err != nil || v.Header.IsZero() || v.Result == "" {
			t.Fatalf("%q: %v", b, err)
		}
	})
}
