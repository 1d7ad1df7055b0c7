package envelope_test

import (
	"crypto/sha256"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
)

func fullDescriptor() envelope.Descriptor {
	return envelope.Descriptor{
		Salt: "0123456789abcdef0123456789abcdef", Audience: envelope.ForRecipient, Code: "EXPLOITER", Essential: true, Art9: "A9-2-g", Sch1: "SPI-18",
		P18: "WOULD_PREJUDICE", Art10: "OFFICIAL", Consent: "c-1", Override: &envelope.Override{Reason: "SIG-HARM", Note: sha256.Sum256([]byte("note"))},
		Caveats: []fairlead.Caveat{"NOT-EVIDENCE", "ORCON"}, Siena: "H2", Grade: "1AP", Size: 4096, Digest: sha256.Sum256([]byte("section")),
	}
}

func hubDescriptor() envelope.Descriptor {
	return envelope.Descriptor{Salt: "0123456789abcdef0123456789abcdef", Audience: envelope.ForHub, Subject: "fedcba9876543210fedcba9876543210"}
}

func TestDescriptorRoundTrip(t *testing.T) {
	for name, d := range map[string]envelope.Descriptor{"recipient": fullDescriptor(), "hub": hubDescriptor()} {
		got, err := envelope.ParseDescriptor(asJSON(d))
		if err != nil || !reflect.DeepEqual(*got, d) {
			t.Errorf("%s: comes back as %+v: %v", name, got, err)
		}
		one, two := d.Marshal(), d.Marshal()
		if slices.Equal(one, two) || envelope.DescriptorDigest(one) == envelope.DescriptorDigest(two) {
			t.Errorf("%s: two copies can be told to say the same: the salt is not fresh", name)
		}
		if len(one) != len(two) {
			t.Errorf("%s: length varies", name)
		}
		if _, err := envelope.ParseDescriptor(one); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDescriptorForm(t *testing.T) {
	recipient, hub := fullDescriptor, hubDescriptor
	for name, test := range map[string]struct {
		from   func() envelope.Descriptor
		change func(d *envelope.Descriptor)
		says   string
	}{
		"no salt":                     {recipient, func(d *envelope.Descriptor) { d.Salt = "" }, "salt: "},
		"salt in capitals":            {recipient, func(d *envelope.Descriptor) { d.Salt = strings.ToUpper(d.Salt) }, "salt: "},
		"no audience":                 {recipient, func(d *envelope.Descriptor) { d.Audience = "" }, "audience: "},
		"audience of all":             {recipient, func(d *envelope.Descriptor) { d.Audience = "all" }, "audience: "},
		"no code":                     {recipient, func(d *envelope.Descriptor) { d.Code = "" }, "code: "},
		"no digest":                   {recipient, func(d *envelope.Descriptor) { d.Digest = fairlead.Digest{} }, "digest: "},
		"the child's handle shown":    {recipient, func(d *envelope.Descriptor) { d.Subject = hub().Subject }, "there only"},
		"the true reason shown":       {recipient, func(d *envelope.Descriptor) { d.Reason = "R-ASYLUM" }, "there only"},
		"the origin shown":            {recipient, func(d *envelope.Descriptor) { d.Onward = &envelope.Onward{Code: "EDU", Origin: fairlead.NewShareID()} }, "there only"},
		"a court in words":            {recipient, func(d *envelope.Descriptor) { d.Court = "the judge\nsaid so" }, "court: "},
		"more to clear than there is": {recipient, func(d *envelope.Descriptor) { d.Clear = make([]fairlead.Caveat, 14) }, "clear: "},
		"handle and reason":           {hub, func(d *envelope.Descriptor) { d.Reason = "R-ASYLUM" }, "exactly one"},
		"onward from nowhere":         {hub, func(d *envelope.Descriptor) { d.Subject, d.Onward = "", &envelope.Onward{Code: "EDU"} }, "onward.origin: "},
		"States shown":                {recipient, func(d *envelope.Descriptor) { d.Listed = listed("NO-ORIGIN-STATE", "RO") }, "there only"},
		"handle and list":             {hub, func(d *envelope.Descriptor) { d.Listed = listed("NO-ORIGIN-STATE", "RO") }, "exactly one"},
		"evaluation of 3x5x2":         {recipient, func(d *envelope.Descriptor) { d.Eval = "1A" }, "eval: "},
		"code for the hub":            {hub, func(d *envelope.Descriptor) { d.Code = "EDU" }, "code: "},
		"digest for the hub":          {hub, func(d *envelope.Descriptor) { d.Digest = recipient().Digest }, "digest: "},
		"hub-only without a handle":   {hub, func(d *envelope.Descriptor) { d.Subject = "" }, "exactly one"},
		"a handle with a meaning":     {hub, func(d *envelope.Descriptor) { d.Subject = "Jane Doe, 2014-05-01" }, "subject: "},
		"a consent that is text":      {recipient, func(d *envelope.Descriptor) { d.Consent = "she said yes" }, "consent: "},
		"grade of 5x5x5":              {recipient, func(d *envelope.Descriptor) { d.Grade = "E41" }, "grade: "},
		"negative size":               {recipient, func(d *envelope.Descriptor) { d.Size = -1 }, "size: "},
		"size over that of a share":   {recipient, func(d *envelope.Descriptor) { d.Size = envelope.MaxShare + 1 }, "size: "},
		"more caveats than there are": {recipient, func(d *envelope.Descriptor) { d.Caveats = make([]fairlead.Caveat, 14) }, "caveats: "},
	} {
		t.Run(name, func(t *testing.T) {
			d := test.from()
			test.change(&d)
			_, err := envelope.ParseDescriptor(asJSON(d))
			has(t, err, envelope.ErrMalformed, test.says)
		})
	}
	for name, text := range map[string]string{
		"nothing": ``, "null": `null`, "unknown member": `{"salty":1}`, "twice": `{"salt":"","salt":""}`, "after": string(asJSON(fullDescriptor())) + " 1",
	} {
		_, err := envelope.ParseDescriptor([]byte(text))
		has(t, err, envelope.ErrMalformed, "descriptor")
		if t.Failed() {
			t.Fatal(name)
		}
	}
}

func listed(c fairlead.Caveat, states ...fairlead.Jurisdiction) *envelope.Listed {
	return &envelope.Listed{Caveat: c, States: states}
}

// ofList is a hub-only descriptor that says for whom a caveat was set.
func ofList(c fairlead.Caveat, states ...fairlead.Jurisdiction) envelope.Descriptor {
	return envelope.Descriptor{Salt: fullDescriptor().Salt, Audience: envelope.ForHub, Listed: listed(c, states...)}
}

// TestListed: what the hub alone may read comes back as it was written.
func TestListed(t *testing.T) {
	want := ofList("NO-ORIGIN-STATE", "RO", "HU")
	want.Listed.Agencies = []fairlead.AgencyID{"RO-CONS"}
	got, err := envelope.ParseDescriptor(asJSON(want))
	if err != nil || !reflect.DeepEqual(*got, want) {
		t.Errorf("comes back as %+v: %v", got, err)
	}
}

func TestDescriptorCodes(t *testing.T) {
	for field, change := range map[string]func(d *envelope.Descriptor){
		"code":          func(d *envelope.Descriptor) { d.Code = "GOSSIP" },
		"art9":          func(d *envelope.Descriptor) { d.Art9 = "A9-2-z" },
		"sch1":          func(d *envelope.Descriptor) { d.Sch1 = "SPI-99" },
		"p18":           func(d *envelope.Descriptor) { d.P18 = "TOO_BUSY" },
		"art10":         func(d *envelope.Descriptor) { d.Art10 = "PRIVATE" },
		"siena":         func(d *envelope.Descriptor) { d.Siena = "H4" },
		"caveats":       func(d *envelope.Descriptor) { d.Caveats[1] = "SECRET" },
		"listed.caveat": func(d *envelope.Descriptor) { *d = ofList("NO-FAMILY", "RO") },
		"jurisdiction":  func(d *envelope.Descriptor) { *d = ofList("NO-ORIGIN-STATE", "Romania") },
		"listed.states": func(d *envelope.Descriptor) { *d = ofList("NO-ORIGIN-STATE", "GB-ENG") },
		"listed":        func(d *envelope.Descriptor) { *d = ofList("NO-ORIGIN-STATE") },
		"agency": func(d *envelope.Descriptor) {
			*d = ofList("SAFE-ADDRESS")
			d.Listed.Agencies = []fairlead.AgencyID{"her aunt"}
		},
		"clear":           func(d *envelope.Descriptor) { d.Clear = []fairlead.Caveat{"SECRET"} },
		"override.reason": func(d *envelope.Descriptor) { d.Override.Reason = "BECAUSE" },
	} {
		t.Run(field, func(t *testing.T) {
			d := fullDescriptor()
			change(&d)
			_, err := envelope.ParseDescriptor(asJSON(d))
			has(t, err, envelope.ErrCode, field)
			if errors.Is(err, envelope.ErrMalformed) {
				t.Error("it is told as malformed too")
			}
		})
	}
}

// TestFill: the number of digests says as little as can be: 16, 32 or 128, sorted, each new each time.
func TestFill(t *testing.T) {
	for n, want := range map[int]int{0: 16, 1: 16, 16: 16, 17: 32, 32: 32, 33: 128, 128: 128} {
		descriptors := make([][]byte, n)
		for i := range descriptors {
			descriptors[i] = fullDescriptor().Marshal()
		}
		one, two := filled(descriptors), filled(descriptors)
		if len(one) != want || len(two) != want || !sorted(one) || !sorted(two) {
			t.Errorf("%d descriptors: %d digests, want %d in ascending order", n, len(one), want)
		}
		for _, d := range descriptors {
			if !slices.Contains(one, envelope.DescriptorDigest(d)) {
				t.Errorf("%d descriptors: the digest of one is missing", n)
			}
		}
		if same := len(both(one, two)); same != n {
			t.Errorf("%d descriptors: %d digests stand in both lists, so the others are not random", n, same)
		}
	}
	if _, err := envelope.Fill(make([][]byte, 129)); !errors.Is(err, envelope.ErrTooLarge) {
		t.Errorf("129 descriptors: %v", err)
	}
}

func sorted(list []fairlead.Digest) bool {
	return slices.IsSortedFunc(list, func(a, b fairlead.Digest) int { return slices.Compare(a[:], b[:]) })
}

func both(a, b []fairlead.Digest) (list []fairlead.Digest) {
	for _, d := range a {
		if slices.Contains(b, d) {
			list = append(list, d)
		}
	}
	return list
}

// TestSetDigest: the commitment is to a set under a salt: order does not matter, all else does.
func TestSetDigest(t *testing.T) {
	a, b, c := fullDescriptor().Marshal(), fullDescriptor().Marshal(), hubDescriptor()
	one, two := [16]byte{1}, [16]byte{2}
	whole := envelope.SetDigest(one, [][]byte{a, b})
	if whole != envelope.SetDigest(one, [][]byte{b, a}) {
		t.Error("order matters")
	}
	for name, other := range map[string]fairlead.Digest{
		"other salt":  envelope.SetDigest(two, [][]byte{a, b}),
		"one fewer":   envelope.SetDigest(one, [][]byte{a}),
		"one more":    envelope.SetDigest(one, [][]byte{a, b, c.Marshal()}),
		"one twice":   envelope.SetDigest(one, [][]byte{a, a}),
		"none":        envelope.SetDigest(one, nil),
		"none, other": envelope.SetDigest(two, nil),
	} {
		if other == whole {
			t.Errorf("%s: same commitment", name)
		}
	}
}
