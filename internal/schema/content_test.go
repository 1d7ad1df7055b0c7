package schema_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fairlead/internal/fairlead"
	"fairlead/internal/schema"
)

func set(t testing.TB) *schema.Set {
	t.Helper()
	s, err := schema.Load()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestRefuses: every refusal says line, place and what to do, and nothing of what was written. The words
// "secret" and "geheim" stand for it, in values and in names of members.
func TestRefuses(t *testing.T) {
	s := set(t)
	for name, test := range map[string]struct {
		kind    string
		code    fairlead.SectionCode
		content string
		says    []string
	}{
		"no content":        {"alert.missing", "RISK", "", []string{"section RISK of alert.missing", "not strict JSON"}},
		"no object":         {"referral.new", "RISK", `"secret"`, []string{"line 1, the whole: want an object"}},
		"nothing in it":     {"referral.new", "EDU", "{}", []string{"line 1, the whole: add language", "add one of: child and text; answers; fields"}},
		"kind asks more":    {"alert.missing", "RISK", `{"language":"en","rating":"high","narrative":"secret"}`, []string{"add circumstances, category, police_risk, trafficking_concern"}},
		"part of a way":     {"referral.new", "EXPL-IND", "{\"language\": \"en\",\n\"indicators\": [{\"code\": \"I01\", \"strength\": \"Y\"}]}", []string{"line 1, the whole: add one of: judgement; answers; fields"}},
		"code of no list":   {"referral.new", "EXPL-IND", "{\"language\":\"en\",\n\"judgement\":\"secret\",\n\"indicators\":[\n{\"code\":\"secret\",\"strength\":\"Y\"}]}", []string{"line 4, /indicators/0/code: want one of I01, I02"}},
		"name not known":    {"referral.new", "RISK", "{\"language\":\"en\",\"rating\":\"low\",\"narrative\":\"secret\",\n\n\"secret_mara\":1,\n\"geheim\":2}", []string{"line 3, the whole: a member here has a name that is not known", "line 4, the whole: a member here"}},
		"name not known in": {"referral.new", "ID-CORE", "{\"language\":\"en\",\"minimum_identity\":[{\"local_ref\":\"c\",\"given\":\"secret\",\n\"geheim\":1}]}", []string{"line 2, /minimum_identity/0: a member here"}},
		"member twice":      {"referral.new", "RISK", "{\"language\":\"en\",\n\"geheim\":\"secret\",\n\"geheim\":\"secret\"}", []string{"line 3: a member stands twice"}},
		"twice deep in":     {"referral.new", "RISK", "{\"x\":{\n\"a\":[{\"b\":1,\n\"b\":2}]}}", []string{"line 3: a member stands twice"}},
		"upper case":        {"referral.new", "RISK", `{"Geheim":1}`, []string{"member names of a-z"}},
		"comma missing":     {"referral.new", "RISK", "{\"language\":\"en\"\n\"rating\":\"secret\"}", []string{"line 2: it is not JSON from here on"}},
		"two documents":     {"referral.new", "RISK", `{} {}`, []string{"want one document"}},
		"not UTF-8":         {"referral.new", "RISK", "{\"language\":\"\xff\"}", []string{"UTF-8"}},
		"huge number":       {"alert.missing", "RISK", `{"days_in_placement":1e99999}`, []string{"numbers of common size"}},
		"deep":              {"referral.new", "RISK", `{"x":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + "}", []string{"12 levels"}},
		"type":              {"alert.missing", "RISK", "{\"language\":\"en\",\"category\":\"taken\",\"police_risk\":\"low\",\"circumstances\":\"secret\",\n\"trafficking_concern\":\"geheim\"}", []string{"line 2, /trafficking_concern: want true or false"}},
		"form in words":     {"referral.new", "EDU", `{"language":"geheim!","child":"c","text":"secret"}`, []string{"/language: want: A BCP 47 tag, such as en, ro or rom."}},
		"date":              {"referral.new", "EDU", `{"language":"en","child":"c","text":"secret","since":"31.12.geheim"}`, []string{"/since: want: RFC 3339 full-date."}},
		"blank text":        {"referral.new", "EDU", `{"language":"en","child":"c","text":"  "}`, []string{"/text: want: Text"}},
		"long text":         {"referral.new", "EDU", `{"language":"en","child":"c","text":"` + strings.Repeat("secret", 2501) + `"}`, []string{"/text: want at most 15000 characters"}},
		"empty list":        {"referral.new", "EDU", `{"language":"en","child":"c","text":"secret","support":[]}`, []string{"/support: want at least 1; leave it out"}},
		"count too big":     {"alert.missing", "RISK", `{"language":"en","circumstances":"secret","episode_no":-7}`, []string{"/episode_no: want at least 1"}},
		"answer left empty": {"info.response", "EDU", `{"language":"en","answers":[{"no":1,"status":"answered"}]}`, []string{"/answers/0: add text, as_of"}},
		"does not belong":   {"assessment.share", "ASSESS", `{"language":"en","options":[{"option":"stay","benefits":"secret","harms":"secret","child_view":"secret"}],"assessment_id":"a","version":1,"type":"full","lead":{"name":"secret"},"domains":[{"code":"A","state_iso":"GB","finding":"secret","confidence":"low"}]}`, []string{"/options: this member does not belong here; remove it"}},
		"no way fits":       {"referral.new", "LOC-NOW", `{"language":"en","current_place":{"country":"GB","precision":"country"},"phone":true}`, []string{"/phone: it has none of the forms"}},
		"too much":          {"referral.new", "RISK", `{"note":"` + strings.Repeat("s", 512<<10) + `"}`, []string{"want at most 524288"}},
		"too many faults":   {"referral.new", "RISK", `{"protective":[` + strings.Repeat("1,\n", 150_000) + `1]}`, []string{"and more"}},
		"many faults":       {"referral.new", "RISK", `{"protective":[` + strings.Repeat("1,", 30) + `1]}`, []string{"line 1, /protective/", "\n  and more"}},
		"no such kind":      {"secret", "RISK", `{}`, []string{"no such kind"}},
		"no such section":   {"referral.new", "SECRET", `{}`, []string{"no such section"}},
	} {
		err := s.Section(test.kind, test.code, []byte(test.content))
		if !errors.Is(err, schema.ErrContent) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, says := range test.says {
			if !strings.Contains(err.Error(), says) {
				t.Errorf("%s: want %q in: %v", name, says, err)
			}
		}
		if text := err.Error(); strings.Contains(strings.ToLower(text), "geheim") || strings.Contains(text, "secret") || len(text) > 4000 {
			t.Errorf("%s: tells content: %.300s", name, text)
		}
	}
}

func TestAccepts(t *testing.T) {
	s := set(t)
	for name, content := range map[string]string{
		"own members":  `{"language":"en","child":"c","text":"t","x":{"anything":[{"goes":null}]}}`,
		"a correction": `{"language":"en","fields":[{"field":"school","new":"n"}]}`,
	} {
		if err := s.Section("liaison.note", "EDU", []byte(content)); err != nil { // not usual for the kind: the section's own schema
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFile(t *testing.T) {
	s := set(t)
	for _, test := range []struct {
		code  fairlead.SectionCode
		media string
		says  string
	}{
		{"BIO-PHOTO", "image/png", ""},
		{"ATTACH", "application/pdf", ""},
		{"BIO-PHOTO", "application/pdf", "takes files of type image/jpeg, image/png"},
		{"RISK", "image/png", "is JSON, not a file"},
		{"NONE", "image/png", "is JSON, not a file"},
		{"ATTACH", "text/html", "takes files of type"},
	} {
		err := s.File(test.code, test.media)
		if (err == nil) != (test.says == "") || err != nil && (!errors.Is(err, schema.ErrContent) || !strings.Contains(err.Error(), test.says)) {
			t.Errorf("%s %s: %v", test.code, test.media, err)
		}
	}
}

// TestKindsIsACopy: a caller cannot change the set.
func TestKindsIsACopy(t *testing.T) {
	s := set(t)
	s.Kinds()[0].Code = "changed"
	if s.Kinds()[0].Code == "changed" || len(s.Kinds()) != 47 {
		t.Error("Kinds hands out the set itself, or not all of it")
	}
}

// FuzzSection: never a panic, every refusal is one of ours and short, and content that holds is strict.
func FuzzSection(f *testing.F) {
	files, err := filepath.Glob("../scenario/*/contents/*.json")
	if err != nil || len(files) == 0 {
		f.Fatal("no seeds")
	}
	for i, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint8(i), b)
	}
	f.Add(uint8(0), []byte(`{"language":"en","x":{"x":1e999,"/":[[[]]]},"fields":[{"field":"a","new":"b"}]}`))
	s := set(f)
	kinds := s.Kinds()
	f.Fuzz(func(t *testing.T, n uint8, content []byte) {
		kind := kinds[int(n)%len(kinds)].Code
		for _, code := range fairlead.Sections {
			err := s.Section(kind, code, content)
			if err != nil && (!errors.Is(err, schema.ErrContent) || len(err.Error()) > 4000) {
				t.Fatalf("%s %s: %.200v", kind, code, err)
			}
		}
	})
}

func BenchmarkSection(b *testing.B) {
	s := set(b)
	content, err := os.ReadFile("../scenario/story/contents/S46-assess.json")
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(content)))
	for b.Loop() {
		if err := s.Section("assessment.share", "ASSESS", content); err != nil {
			b.Fatal(err)
		}
	}
}
