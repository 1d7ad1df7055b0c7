package envelope_test

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
)

func wraps(err, sentinel error) bool { return errors.Is(err, sentinel) }

func contains(err error, words string) bool {
	return err != nil && strings.Contains(err.Error(), words)
}

func TestHeaderRoundTrip(t *testing.T) {
	least := &envelope.Header{
		V: 1, ID: fairlead.NewShareID(), Kind: "ack", Status: "Actual", From: envelope.From{Agency: "NOR-CSC", Role: "PRACTITIONER", User: "sw-1"},
		To: envelope.To{Agency: fairlead.Hub}, SentAt: fullHeader().SentAt, ValidUntil: fullHeader().ValidUntil, Sections: filled(nil),
	}
	for name, h := range map[string]*envelope.Header{"every member": fullHeader(), "no more than it must": least} {
		got, err := envelope.ParseHeader(asJSON(h))
		if err != nil || !reflect.DeepEqual(got, h) {
			t.Errorf("%s: comes back as %+v: %v", name, got, err)
		}
	}
	for _, member := range []string{"reply_to", "basis", "purpose", "facts", "record", "transfer", "danger_check"} {
		if bytes.Contains(asJSON(least), []byte(member)) {
			t.Errorf("an absent %s stands in the header", member)
		}
	}
}

// TestHeaderForm: each change alone makes the header malformed, and the error names the member.
func TestHeaderForm(t *testing.T) {
	tooMany := map[string]string{}
	for _, c := range "abcdefghijklmnopq" {
		tooMany[string(c)] = "1"
	}
	for name, test := range map[string]struct {
		change func(h *envelope.Header)
		says   string
	}{
		"other version":            {func(h *envelope.Header) { h.V = 2 }, "v: "},
		"no id":                    {func(h *envelope.Header) { h.ID = fairlead.ShareID{} }, "share id"},
		"kind in capitals":         {func(h *envelope.Header) { h.Kind = "Alert.Missing" }, "kind: "},
		"kind of three words":      {func(h *envelope.Header) { h.Kind = "a.b.c" }, "kind: "},
		"no sender":                {func(h *envelope.Header) { h.From.Agency = "" }, "from: "},
		"sender in small letters":  {func(h *envelope.Header) { h.From.Agency = "nor-csc" }, "from: "},
		"a name for a pseudonym":   {func(h *envelope.Header) { h.From.User = "Jane Doe" }, "from.user: "},
		"no pseudonym":             {func(h *envelope.Header) { h.From.User = "" }, "from.user: "},
		"two recipients":           {func(h *envelope.Header) { h.To.Agency = "RO-DIR RO-CCA" }, "to: "},
		"named user is no code":    {func(h *envelope.Header) { h.To.User = "a@b" }, "to.user: "},
		"case with a meaning":      {func(h *envelope.Header) { h.Case = "NHS 123 456 7890" }, "case: "},
		"no time":                  {func(h *envelope.Header) { h.SentAt = fairlead.Time{} }, "sent_at: "},
		"over before it was sent":  {func(h *envelope.Header) { h.ValidUntil = h.SentAt }, "valid_until: "},
		"17 facts":                 {func(h *envelope.Header) { h.Facts = tooMany }, "facts: "},
		"fact that is text":        {func(h *envelope.Header) { h.Facts = map[string]string{"place": "the old mill"} }, "facts.place: "},
		"fact that is long":        {func(h *envelope.Header) { h.Facts = map[string]string{"place": strings.Repeat("x", 41)} }, "facts.place: "},
		"fact that is empty":       {func(h *envelope.Header) { h.Facts = map[string]string{"place": ""} }, "facts.place: "},
		"15 digests":               {func(h *envelope.Header) { h.Sections = h.Sections[1:] }, "sections: "},
		"no digests":               {func(h *envelope.Header) { h.Sections = nil }, "sections: "},
		"digests out of order":     {func(h *envelope.Header) { slices.Reverse(h.Sections) }, "ascending"},
		"negative tree":            {func(h *envelope.Header) { h.Seen.Size = -1 }, "seen.size: "},
		"30 gateways":              {func(h *envelope.Header) { h.Basis.Gateways = make([]fairlead.Gateway, 30) }, "basis.gateways: "},
		"a sentence for a law":     {func(h *envelope.Header) { h.Basis.Cite = "because her uncle; see file" }, "basis.cite: "},
		"a long citation":          {func(h *envelope.Header) { h.Basis.Cite = strings.Repeat("x", 61) }, "basis.cite: "},
		"a sentence for detriment": {func(h *envelope.Header) { h.S16LA.Detriment = "her uncle reads the post" }, "s16la.detriment: "},
		"agreement without id":     {func(h *envelope.Header) { h.Agreement.ID = "" }, "agreement.id: "},
		"a sentence for a ref":     {func(h *envelope.Header) { h.Transfer.Ref = "ask Jane!" }, "transfer.ref: "},
	} {
		t.Run(name, func(t *testing.T) {
			h := fullHeader()
			test.change(h)
			_, err := envelope.ParseHeader(asJSON(h))
			has(t, err, envelope.ErrMalformed, test.says)
		})
	}
}

// TestHeaderCodes: a code outside its list is told apart from a malformed header, and named.
func TestHeaderCodes(t *testing.T) {
	for field, change := range map[string]func(h *envelope.Header){
		"status":              func(h *envelope.Header) { h.Status = "Real" },
		"from.role":           func(h *envelope.Header) { h.From.Role = "BOSS" },
		"purpose":             func(h *envelope.Header) { h.Purpose = "CURIOSITY" },
		"threshold":           func(h *envelope.Header) { h.Threshold = "TH5" },
		"told":                func(h *envelope.Header) { h.Told = "maybe" },
		"tlp":                 func(h *envelope.Header) { h.TLP = "WHITE" },
		"gsc":                 func(h *envelope.Header) { h.GSC = "SECRET" },
		"urgency":             func(h *envelope.Header) { h.Urgency = "immediate" },
		"severity":            func(h *envelope.Header) { h.Severity = "Bad" },
		"certainty":           func(h *envelope.Header) { h.Certainty = "Sure" },
		"basis.art6":          func(h *envelope.Header) { h.Basis.Art6 = "A6-1-z" },
		"basis.annex1":        func(h *envelope.Header) { h.Basis.Annex1 = "RLI-4" },
		"basis.gateways":      func(h *envelope.Header) { h.Basis.Gateways[1] = "CA1989-99" },
		"transfer.mechanism":  func(h *envelope.Header) { h.Transfer.Mechanism = "A46" },
		"danger_check.result": func(h *envelope.Header) { h.Danger.Result = "safe" },
		"danger_check.role":   func(h *envelope.Header) { h.Danger.Role = "" },
	} {
		t.Run(field, func(t *testing.T) {
			h := fullHeader()
			change(h)
			_, err := envelope.ParseHeader(asJSON(h))
			has(t, err, envelope.ErrCode, field+" ")
			if errors.Is(err, envelope.ErrMalformed) {
				t.Error("it is told as malformed too")
			}
		})
	}
	h := fullHeader()
	h.Purpose, h.GSC = "CURIOSITY", "SECRET"
	_, err := envelope.ParseHeader(asJSON(h))
	has(t, err, envelope.ErrCode, `"CURIOSITY"`)
	has(t, err, envelope.ErrCode, `"SECRET"`)
}

// TestHeaderText: what is wrong with the text itself.
func TestHeaderText(t *testing.T) {
	whole := string(asJSON(fullHeader()))
	swap := func(old, new string) string {
		if !strings.Contains(whole, old) {
			t.Fatalf("no %s in the header", old)
		}
		return strings.Replace(whole, old, new, 1)
	}
	for name, text := range map[string]string{
		"nothing":                 ``,
		"null":                    `null`,
		"a list":                  `[]`,
		"unknown member":          swap(`{"v":1,`, `{"v":1,"vv":1,`),
		"member twice":            swap(`{"v":1,`, `{"v":1,"v":1,`),
		"upper case":              swap(`"kind":`, `"Kind":`),
		"something after":         whole + "{}",
		"two recipients":          swap(`"to":{"agency":"RO-DIR","user":"duty-2"}`, `"to":[{"agency":"RO-DIR"},{"agency":"RO-CCA"}]`),
		"fraction of a second":    swap(`"sent_at":"2027-01-11T09:20:00Z"`, `"sent_at":"2027-01-11T09:20:00.5Z"`),
		"one digit for the hour":  swap(`"sent_at":"2027-01-11T09:20:00Z"`, `"sent_at":"2027-01-11T9:20:00Z"`),
		"local time":              swap(`"sent_at":"2027-01-11T09:20:00Z"`, `"sent_at":"2027-01-11T09:20:00+02:00"`),
		"digest in capitals":      strings.Replace(whole, fullHeader().Record.String(), strings.ToUpper(fullHeader().Record.String()), 1),
		"a digest of 31 bytes":    strings.Replace(whole, fullHeader().Record.String(), fullHeader().Record.String()[2:], 1),
		"version as text":         swap(`{"v":1,`, `{"v":"1",`),
		"a fact that is a number": swap(`"2027-01-10T20:00:00Z"`, `3`),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := envelope.ParseHeader([]byte(text))
			has(t, err, envelope.ErrMalformed, "header")
		})
	}
}

// TestHeaderFaultIsTheSame: the text of a refusal is written into the log, and a replay must write it again.
func TestHeaderFaultIsTheSame(t *testing.T) {
	h := fullHeader()
	h.Facts = map[string]string{"a": "no good", "b": "no good", "c": "no good", "d": "no good"}
	_, first := envelope.ParseHeader(asJSON(h))
	for range 50 {
		if _, err := envelope.ParseHeader(asJSON(h)); err.Error() != first.Error() {
			t.Fatalf("once %q, then %q", first, err)
		}
	}
	has(t, first, envelope.ErrMalformed, "facts.a")
}
