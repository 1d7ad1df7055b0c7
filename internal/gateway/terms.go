package gateway

import (
	"html/template"
	"strings"
	"unicode"

	"fairlead/internal/agreement"
	"fairlead/internal/fairlead"
	"fairlead/internal/officer"
	"fairlead/internal/web"
)

// The rules of an agreement are codes: they are said in the reader's language. Its words are what people signed: they
// stand as they were signed, and a reader is told in which language that was.

// whenWords are the conditions of a term.
func (v *visit) whenWords(c *agreement.When) (list []string) {
	if c == nil {
		return nil
	}
	w := v.words
	say := func(ok bool, key string, values ...any) {
		if ok {
			list = append(list, w.T("term."+key, values...))
		}
	}
	say(len(c.Thresholds) > 0, "threshold", "list", joined(c.Thresholds, func(t fairlead.Threshold) string { return w.Code("threshold", t) }))
	if c.TLP != "" {
		say(true, "handling", "code", w.Code("tlp", c.TLP))
	}
	if c.GSC != "" {
		say(true, "handling", "code", w.Code("gsc", c.GSC))
	}
	say(len(c.Training) > 0, "training", "list", joined(c.Training, func(code string) string { return code + " (" + w.Code("training", code) + ")" }))
	if c.Consent != nil {
		say(c.Consent.Given && len(c.Consent.GivenBy) > 0, "consent.by", "list", joined(c.Consent.GivenBy, func(g fairlead.Giver) string { return w.Code("giver", g) }))
		say(c.Consent.Given && len(c.Consent.GivenBy) == 0, "consent")
		say(!c.Consent.Given, "objection")
	}
	if c.Facts != nil {
		say(true, "facts", "what", outermost(v.conditionWords(c.Facts)))
	}
	return list
}

// outermost drops the brackets around a whole phrase.
func outermost(phrase string) string {
	if strings.HasPrefix(phrase, "(") {
		return phrase[1 : len(phrase)-1]
	}
	return phrase
}

func joined[T any](list []T, name func(T) string) string {
	return strings.Join(words(list, name), ", ")
}

// conditionWords are a condition over facts, as one phrase.
func (v *visit) conditionWords(c *agreement.Condition) string {
	join := func(list []agreement.Condition, key string) string {
		return strings.Join(words(list, func(one agreement.Condition) string { return v.conditionWords(&one) }), " "+v.words.T("cond."+key)+" ")
	}
	switch {
	case len(c.All) > 0:
		return "(" + join(c.All, "and") + ")"
	case len(c.Any) > 0:
		return "(" + join(c.Any, "or") + ")"
	case c.Not != nil:
		return v.words.T("cond.not", "what", v.conditionWords(c.Not))
	}
	value := func(code string) string { return v.factValue(c.Fact, code) }
	name, list := v.factName(c.Fact), joined(c.OneOf, value)
	switch {
	case list != "":
		return v.words.T("cond.oneof", "fact", name, "list", list)
	case c.AtLeast != "":
		return v.words.T("cond.atleast", "fact", name, "value", value(c.AtLeast))
	case c.AtMost != "":
		return v.words.T("cond.atmost", "fact", name, "value", value(c.AtMost))
	}
	return v.words.T("cond.is", "fact", name, "value", value(c.Is))
}

// factName is the word for a fact that a condition names: a code of the header, or a fact of the kind.
func (v *visit) factName(name string) string {
	if own, ok := strings.CutPrefix(name, "facts."); ok {
		return v.factLabel("", own)
	}
	return v.words.T("term.fact." + name)
}

// factValue is the word for a value of such a fact. Counts and days have none.
func (v *visit) factValue(name, value string) string {
	if own, ok := strings.CutPrefix(name, "facts."); ok {
		return v.factWord(own, value)
	}
	list := name
	if name == "basis" {
		list = "art6"
	}
	return v.words.Code(list, value)
}

// obligeWords are what a term lays on the recipient.
func (v *visit) obligeWords(o *agreement.Oblige) (list []string) {
	if o.IsZero() {
		return nil
	}
	w := v.words
	say := func(n int, key string) {
		if n > 0 {
			list = append(list, w.N("oblige."+key, n))
		}
	}
	say(o.AcknowledgeHours, "acknowledge")
	say(o.RetainDays, "retain")
	say(o.ReviewDays, "review")
	if o.Onward != "" {
		list = append(list, w.Code("oblige.onward", o.Onward))
	}
	if len(o.UseOnlyFor) > 0 {
		list = append(list, w.T("oblige.use", "list", joined(o.UseOnlyFor, func(p fairlead.Purpose) string { return w.Code("purpose", p) })))
	}
	if len(o.Notify) > 0 {
		list = append(list, w.T("oblige.notify", "list", joined(o.Notify, func(r fairlead.Role) string { return w.Code("role", r) })))
	}
	return list
}

// askedWords are what the terms of agreements ask, by the name that a comparison gives each.
func (v *visit) askedWords(list ...*agreement.Agreement) map[string][]string {
	asked := map[string][]string{}
	for _, a := range list {
		for i := range a.Terms {
			t := &a.Terms[i]
			lines := append(v.whenWords(t.When), v.obligeWords(t.Oblige)...)
			switch {
			case t.Permit == nil && t.When == nil:
				continue
			case t.Permit == nil:
				lines = []string{v.words.T("term.unless", "what", strings.Join(lines, "; "))}
			case t.Permit.Transfer != "":
				lines = append([]string{v.words.T("scope.transfer") + ": " + v.words.Code("mechanism", t.Permit.Transfer)}, lines...)
			}
			asked[officer.Asks(t)] = lines
		}
	}
	return asked
}

// commonWords are short words by which a text of each offered language is known; none is a word of both.
var commonWords = map[string][]string{
	"en": strings.Fields(`the of and to is are by for with which not be they it their may other`),
	"ro": strings.Fields(`și de la în pentru cu care să nu este sunt sau din prin ale lor cele pot`),
}

// tongueOf is the language of the signed words, as far as they show it: an agreement does not name its own. "" means
// that they do not.
func tongueOf(a *agreement.Agreement) (tag string) {
	g := a.Governance
	texts := []string{a.Title, a.Objective, a.Summary, g.Rights, g.Transparency, g.Accuracy, g.Security, g.Retention, g.Breach, g.Disputes, g.Sanctions}
	for _, t := range a.Terms {
		texts = append(texts, t.Text)
	}
	count := map[string]int{}
	for _, word := range strings.FieldsFunc(strings.ToLower(strings.Join(texts, " ")), func(r rune) bool { return !unicode.IsLetter(r) }) {
		count[word]++
	}
	most := 0
	for _, l := range web.Languages {
		n := 0
		for _, word := range commonWords[l.Tag] {
			n += count[word]
		}
		if n == most {
			tag = ""
		} else if n > most {
			tag, most = l.Tag, n
		}
	}
	return tag
}

// signedText is what was signed, in its own language.
func signedText(text, tongue string) template.HTML {
	return template.HTML(`<p class="app-text" dir="auto" lang="` + tongue + `">` + template.HTMLEscapeString(text) + `</p>`)
}
