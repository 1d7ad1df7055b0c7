package entry_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"fairlead/internal/entry"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/policy"
	"fairlead/internal/tlog"
)

// details is one good detail of each class.
func details(t testing.TB) map[string]*entry.Detail {
	t.Helper()
	p := newPair(t)
	_, share := p.decide(p.compose(content{"EDU", []byte(`{}`)}, content{"HEALTH-SEX", []byte(`{}`)}))
	return map[string]*entry.Detail{
		"share":    share,
		"register": {Register: &entry.Register{Action: "rules", Record: json.RawMessage(`{"groups":[{"name":"GB-ALERT","members":["NOR-CSC"]}]}`)}},
		"notice":   {Notice: &entry.Notice{Header: []byte("header"), Record: []byte("record")}},
		"unparsed": {Unparsed: &entry.Unparsed{
			Account: "A", Minute: fairlead.At(now), Count: 1, Digest: envelope.HeaderDigest([]byte("x")), Cause: policy.Cause{Reason: fairlead.ReasonSchema, Check: "P00", Advice: "cut off"},
		}},
	}
}

func TestDetailRoundTrip(t *testing.T) {
	for name, d := range details(t) {
		raw := d.Marshal()
		got, err := entry.ParseDetail(raw)
		if d.Share != nil {
			d.Share.Parse() // as ParseDetail has
		}
		if err != nil || !reflect.DeepEqual(got, d) || !bytes.Equal(got.Marshal(), raw) {
			t.Errorf("%s: comes back as %+v: %v", name, got, err)
		}
		if len(d.Salt) != 16 || d.V != 1 {
			t.Errorf("%s: salt of %d bytes, version %d", name, len(d.Salt), d.V)
		}
	}
	one, two := &entry.Detail{Notice: &entry.Notice{}}, &entry.Detail{Notice: &entry.Notice{}}
	if bytes.Equal(one.Marshal(), two.Marshal()) {
		t.Error("two details that say the same can be told to: the salt is not fresh")
	}
}

func TestParseDetailRefuses(t *testing.T) {
	all := details(t)
	good := string(all["notice"].Marshal())
	both := &entry.Detail{Notice: all["notice"].Notice, Register: all["register"].Register}
	for name, text := range map[string]string{
		"nothing":         ``,
		"null":            `null`,
		"no part":         string((&entry.Detail{}).Marshal()),
		"two parts":       string(both.Marshal()),
		"other version":   strings.Replace(good, `"v":1`, `"v":2`, 1),
		"no salt":         strings.Replace(good, `"salt":`, `"sald":`, 1),
		"short salt":      `{"v":1,"salt":"AAAA","notice":{"header":"","record":""}}`,
		"unknown member":  strings.Replace(good, `"v":1`, `"v":1,"w":1`, 1),
		"member twice":    strings.Replace(good, `"v":1`, `"v":1,"v":1`, 1),
		"something after": good + " 1",
		"over its size":   good + strings.Repeat(" ", entry.MaxDetail),
	} {
		if d, err := entry.ParseDetail([]byte(text)); !errors.Is(err, entry.ErrMalformed) {
			t.Errorf("%s: %+v %v", name, d, err)
		}
	}
}

// TestBiggestDetail: whatever a share may hold in the clear fits into a detail that the log can store;
// else one share of one agency would stop the hub for good.
func TestBiggestDetail(t *testing.T) {
	if entry.MaxDetail > tlog.MaxDetail {
		t.Fatalf("a detail of %d bytes may be made, the log stores %d", entry.MaxDetail, tlog.MaxDetail)
	}
	p := newPair(t)
	s := &envelope.Share{Signature: make([]byte, 250)}
	var list []*envelope.Descriptor
	for range 128 {
		d := envelope.Descriptor{Audience: envelope.ForRecipient, Code: "HEALTH-SEX", Siena: "H2", Digest: envelope.HeaderDigest(nil)}
		if list == nil {
			d = envelope.Descriptor{Audience: envelope.ForHub, Subject: strings.Repeat("0", 32)}
		}
		s.Parts = append(s.Parts, envelope.Part{Descriptor: d.Marshal()})
		list = append(list, &d)
	}
	_, b := p.compose(content{"EDU", nil})
	b.H.Sections, _ = envelope.Fill(s.Descriptors())
	s.Header, _ = json.Marshal(b.H)
	clear := len(s.Header) + len(s.Signature)
	for _, d := range s.Descriptors() {
		clear += len(d)
	}
	s.Record = make([]byte, envelope.MaxClear-clear)
	if _, err := envelope.ParseShare(s.Marshal()); err != nil {
		t.Fatal(err)
	}
	p.facts.Marked = []fairlead.SectionCode{"HEALTH-SEX"} // given under others' control, and from where is not said
	d := &entry.Detail{Share: &entry.Share{
		Account: fairlead.Account(strings.Repeat("A", 56)), Subject: strings.Repeat("s", 160), Header: s.Header, Signature: s.Signature, Record: s.Record, Descriptors: s.Descriptors(),
		Decision: policy.Decide(policy.Request{Header: b.H, Descriptors: list}, p.facts, now),
	}}
	for range s.Parts {
		d.Share.Keys = append(d.Share.Keys, strings.Repeat("f", 64))
	}
	if len(d.Share.Decision.Sections) != 127 || d.Share.Decision.Delivers() || !slices.Contains(d.Share.Decision.Reasons(), fairlead.ReasonOnward) {
		t.Fatal("not the decision that takes most words")
	}
	raw := d.Marshal()
	if _, err := entry.ParseDetail(raw); err != nil {
		t.Error(err)
	}
}

// TestCommit: the leaf commits to the detail's bytes, to the verdict's and to the set of what is
// delivered; the set is opened by the salt that sender and recipient are given.
func TestCommit(t *testing.T) {
	p := newPair(t)
	s, b := p.compose(content{"EDU", []byte(`{}`)}, content{"HEALTH-SEX", []byte(`{}`)})
	l, d := p.decide(s, b)
	raw := d.Marshal()
	if l.Detail != entry.DetailDigest(raw) || l.Verdict != fairlead.Digest(envelope.HeaderDigest(d.Verdict())) {
		t.Error("detail or verdict is not the one committed to")
	}
	if got := d.Share.Delivered(); len(got) != 1 || !bytes.Equal(got[0], s.Parts[0].Descriptor) {
		t.Errorf("%d descriptors are said to be delivered", len(got))
	}
	if l.Delivered != envelope.SetDigest(d.SetSalt(), [][]byte{s.Parts[0].Descriptor}) {
		t.Error("the set of what is delivered is not the one committed to")
	}
	if l.Delivered == envelope.SetDigest(d.SetSalt(), s.Descriptors()) {
		t.Error("what was withheld is in the set")
	}
	var own [16]byte
	copy(own[:], d.Salt)
	if d.SetSalt() == own || l.Delivered == envelope.SetDigest(own, d.Share.Delivered()) {
		t.Error("the salt for others is the detail's own")
	}
	held := l
	held.Outcome = entry.OutcomeHeld
	d.Commit(&held, raw)
	if held.Delivered != envelope.SetDigest(d.SetSalt(), nil) {
		t.Error("a share that is not delivered commits to a set")
	}
}

// TestCommitClasses: what has a sender has a verdict; only what is delivered has a set.
func TestCommitClasses(t *testing.T) {
	for name, d := range details(t) {
		l := entry.Leaf{Outcome: entry.OutcomeNotDelivered}
		raw := d.Marshal()
		d.Commit(&l, raw)
		if verdict := name == "share" || name == "unparsed"; l.Verdict.IsZero() == verdict {
			t.Errorf("%s: verdict %s", name, l.Verdict)
		}
		if l.Delivered != envelope.SetDigest(d.SetSalt(), nil) || l.Detail != entry.DetailDigest(raw) {
			t.Errorf("%s: other commitments", name)
		}
	}
}

// TestDeliveredOutOfRange: a decision that names parts which are not there delivers none of them.
func TestDeliveredOutOfRange(t *testing.T) {
	s := entry.Share{Descriptors: [][]byte{[]byte("a")}}
	for _, part := range []int{-1, 1, 1 << 40} {
		s.Decision.Sections = append(s.Decision.Sections, policy.Section{Part: part, Delivered: true})
	}
	if got := s.Delivered(); len(got) != 0 {
		t.Errorf("%d parts", len(got))
	}
}

// FuzzParseDetail: what is accepted has a verdict or none, and nothing in it can break who reads it.
func FuzzParseDetail(f *testing.F) {
	for _, d := range details(f) {
		f.Add(d.Marshal())
	}
	f.Add([]byte(`{"v":1,"salt":"AAAAAAAAAAAAAAAAAAAAAA==","share":{"decision":{"sections":[{"part":-1,"delivered":true}]}}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := entry.ParseDetail(b)
		if err != nil {
			if !errors.Is(err, entry.ErrMalformed) {
				t.Fatal(err)
			}
			return
		}
		l := entry.Leaf{Outcome: entry.OutcomeDelivered}
		d.Commit(&l, b)
		if l.Detail != entry.DetailDigest(b) {
			t.Fatal("another detail is committed to")
		}
		if _, err := entry.ParseDetail(d.Marshal()); err != nil && len(d.Marshal()) <= entry.MaxDetail {
			t.Fatalf("%q is accepted, and written anew it is not: %v", b, err)
		}
	})
}
