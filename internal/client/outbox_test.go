package client

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"fairlead/internal/entry"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/policy"
	"fairlead/internal/registry"
	"fairlead/internal/schema"
)

// TestOutbox: what is queued is on disk, byte for byte, and stays queued while there is no hub.
func TestOutbox(t *testing.T) {
	w := newWorld(t)
	a := w.agency(alder)
	ids, err := a.Send(assessment("BIRCH", "CEDAR"))
	w.check(err)
	before := a.queue()
	if len(ids) != 2 || len(before) != 2 {
		t.Fatalf("%d shares, %d queued, want one for each recipient", len(ids), len(before))
	}
	for range 2 {
		a.reopen()
		if after := a.queue(); !maps.EqualFunc(before, after, bytes.Equal) {
			t.Fatal("other bytes are queued after a restart")
		}
		if n, err := a.Sync(t.Context(), time.Millisecond); n != 0 || err == nil || !strings.Contains(err.Error(), "offline") {
			t.Errorf("Sync without a hub: %d, %v", n, err)
		}
		for _, id := range ids {
			if a.state(id) != Queued {
				t.Errorf("state %s, want queued", a.state(id))
			}
		}
	}
	queue, err := a.Publishable()
	w.check(err)
	for i, q := range queue {
		if !bytes.Equal(q.Frame, before[ids[i].String()]) || q.Subject != registry.SubmissionSubject([]fairlead.Jurisdiction{"RO", "GB-ENG"}[i], a.account, "assessment.share") {
			t.Errorf("number %d to be published goes to %s", i, q.Subject)
		}
	}
	list, err := a.Outbox()
	w.check(err)
	for i, s := range list {
		if s.ID != ids[i] || s.Index != -1 || s.Verdict != nil {
			t.Errorf("outbox %d: %+v", i, s)
		}
	}
	if _, err := a.Sent(fairlead.NewShareID()); !errors.Is(err, ErrUnknownShare) {
		t.Errorf("a share that was never sent: %v", err)
	}
}

// TestVerdicts: each result of a decision is a state of its own, and only a hold is followed by another.
func TestVerdicts(t *testing.T) {
	base := agreedWorld(t)
	for result, want := range map[fairlead.Result]State{
		fairlead.Delivered: Recorded, fairlead.DeliveredRedacted: Recorded, fairlead.Held: HeldBy, fairlead.Refused: RefusedBy,
	} {
		t.Run(string(result), func(t *testing.T) {
			t.Parallel()
			w := base.copy(t)
			a := w.agency(alder)
			id := a.send(assessment("BIRCH"))
			w.judge = func(d *policy.Decision) {
				if d.Result = result; !d.Delivers() {
					for i := range d.Sections {
						d.Sections[i].Delivered = false
					}
				}
			}
			w.collectFrom(a)
			w.prove()
			a.feed()
			s, err := a.Sent(id)
			if err != nil || s.State != want || s.Verdict.Result != result || s.Index != 16 {
				t.Errorf("%+v, %v, want %s", s, err, want)
			}
			w.calm()
		})
	}
}

// TestToNobody: a share to an agency that is not enrolled is refused on the record, which names nobody.
func TestToNobody(t *testing.T) {
	w := newWorld(t)
	a := w.agency(alder)
	d := assessment("ASPEN")
	d.Sections = nil
	id := a.send(d)
	e := w.collectFrom(a)[0]
	w.settle()
	if e.leaf.To != "" || a.state(id) != RefusedBy {
		t.Errorf("the log names %q, state %s", e.leaf.To, a.state(id))
	}
	w.calm()
}

// TestRelease: a share that was held is delivered by a later entry, long after it was signed.
func TestRelease(t *testing.T) {
	w := newWorld(t)
	w.agree()
	a, b := w.agency(alder), w.agency(birch)
	d := assessment("BIRCH")
	id := a.send(d)
	w.judge = func(d *policy.Decision) {
		d.Result = fairlead.Held
		for i := range d.Sections {
			d.Sections[i].Delivered = false
		}
	}
	held := w.collectFrom(a)[0]
	w.judge = nil
	w.settle()
	if a.state(id) != HeldBy || b.sees(id) {
		t.Fatalf("state %s, shown %v", a.state(id), b.sees(id))
	}
	w.now = w.now.Add(50 * time.Hour)
	preview, err := a.Preview(d)
	w.check(err)
	sh := *held.detail.Share
	sh.Decision, sh.Releases = preview[0].Decision, &held.index
	e := w.append(
		entry.Leaf{Class: entry.ClassShare, Outcome: entry.OutcomeDelivered, At: w.now, Share: id, From: alder, To: birch, Counter: w.snap.Counter(birch) + 1},
		&entry.Detail{Share: &sh},
	)
	b.hand(e.index, e.delivery(a.share(id)).Marshal())
	a.hand(e.index, envelope.VerdictFrame(e.index, e.bytes, e.detail.Verdict()))
	w.settle()
	if _, list, err := b.Open(id); err != nil || len(list) != 2 {
		t.Errorf("opened %d sections, %v", len(list), err)
	}
	if a.state(id) != Delivered {
		t.Errorf("state %s", a.state(id))
	}
	w.calm()
}

// TestRecipients: groups of the register are expanded, nobody gets a share twice or from itself.
func TestRecipients(t *testing.T) {
	w := newWorld(t)
	w.forward(w.append(w.registerEntry("rules", registry.Rules{Groups: []registry.Group{
		{Name: "ALL", Members: []fairlead.AgencyID{alder, birch, cedar}},
		{Name: "OURS", Members: []fairlead.AgencyID{alder}},
		{Name: "NOBODY", Members: []fairlead.AgencyID{}},
	}})))
	w.settle()
	a := w.agency(alder)
	for name, test := range map[string]struct{ to, want []string }{
		"one":                    {[]string{"BIRCH"}, []string{"BIRCH"}},
		"a group":                {[]string{"ALL"}, []string{"BIRCH", "CEDAR"}},
		"a group and its member": {[]string{"CEDAR", "ALL", "CEDAR"}, []string{"CEDAR", "BIRCH"}},
		"the hub":                {[]string{"HUB"}, []string{"HUB"}},
		"nobody":                 {nil, nil},
		"itself":                 {[]string{"ALDER"}, nil},
		"a group of itself":      {[]string{"OURS"}, nil},
		"an empty group":         {[]string{"NOBODY"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			list, err := a.Recipients(&Draft{To: test.to})
			var got []string
			for _, id := range list {
				got = append(got, string(id))
			}
			if !slices.Equal(got, test.want) || (err == nil) != (len(test.want) > 0) || err != nil && !errors.Is(err, ErrRecipient) {
				t.Errorf("%q, %v, want %q", got, err, test.want)
			}
			d := assessment(test.to...)
			if _, err := a.Send(d); len(test.want) == 0 && !errors.Is(err, ErrRecipient) {
				t.Errorf("Send: %v", err)
			}
			if _, err := a.Preview(d); len(test.want) == 0 && !errors.Is(err, ErrRecipient) {
				t.Errorf("Preview: %v", err)
			}
		})
	}
}

// TestOnly: a section for some recipients goes to them alone.
func TestOnly(t *testing.T) {
	w := newWorld(t)
	w.agree()
	d := assessment("BIRCH", "CEDAR")
	d.Sections[0].Only = []fairlead.AgencyID{birch}
	ids, err := w.agency(alder).Send(d)
	w.check(err)
	w.settle()
	for i, id := range []fairlead.AgencyID{birch, cedar} {
		m, _, err := w.agency(id).Open(ids[i])
		w.check(err)
		want := []fairlead.SectionCode{"EDU", "ASSESS"}[i:]
		if !slices.Equal(m.Codes(), want) {
			t.Errorf("%s gets %v, want %v", id, m.Codes(), want)
		}
		sent, err := w.agency(alder).Sent(ids[i])
		w.check(err)
		own, err := w.agency(alder).openDraft(sent)
		w.check(err)
		if len(own.Sections) != 3-i || !slices.Equal(own.To, []string{string(id)}) {
			t.Errorf("the draft kept for %s goes to %v with %d sections", id, own.To, len(own.Sections))
		}
	}
	w.calm()
}

// TestRefusedInTheHouse: what no hub could read is refused before it is queued, and the field is named.
func TestRefusedInTheHouse(t *testing.T) {
	w := newWorld(t)
	a := w.agency(alder)
	for name, test := range map[string]struct {
		change func(d *Draft)
		says   string
	}{
		"a name for a user":           {func(d *Draft) { d.User = "Jane Doe" }, "from.user: "},
		"a name for a recipient":      {func(d *Draft) { d.Named = "Dr. Popescu" }, "to.user: "},
		"no role":                     {func(d *Draft) { d.Role = "" }, "from.role "},
		"a kind that is none":         {func(d *Draft) { d.Kind = "Alert!" }, "kind: "},
		"a purpose that is none":      {func(d *Draft) { d.Purpose = "FUN" }, "purpose "},
		"ends before it begins":       {func(d *Draft) { d.Hours = -1 }, "valid_until: "},
		"text for a law":              {func(d *Draft) { d.Basis.Cite = "because she said so; see file" }, "basis.cite: "},
		"text for a fact":             {func(d *Draft) { d.Facts = map[string]string{"urgency": "as soon as possible"} }, "facts.urgency: "},
		"a section code that is none": {func(d *Draft) { d.Sections[0].Code = "GOSSIP" }, "code "},
		"a grade that is none":        {func(d *Draft) { d.Sections[0].Grade = "E41" }, "grade: "},
		"text for a consent":          {func(d *Draft) { d.Sections[0].Consent = "she agreed" }, "consent: "},
		"a caveat that is none":       {func(d *Draft) { d.Sections[1].Caveats = []fairlead.Caveat{"SECRET"} }, "caveats "},
		"a recipient that is none":    {func(d *Draft) { d.To, d.Sections = []string{"Birch directorate"}, nil }, "to: "},
		"no type of content":          {func(d *Draft) { d.Sections[0].Type = "" }, "section EDU: "},
		"too many sections":           {func(d *Draft) { d.Sections = slices.Repeat(d.Sections, 50) }, "at most 128"},
		"a record that is too long":   {func(d *Draft) { d.Record = make([]byte, envelope.MaxRecord+1) }, fmt.Sprintf("record %d", envelope.MaxRecord+1)},
	} {
		t.Run(name, func(t *testing.T) {
			d := assessment("BIRCH")
			test.change(d)
			_, err := a.Send(d)
			if err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("%v, want %q", err, test.says)
			}
			if err != nil && (strings.Contains(err.Error(), school) || strings.Contains(err.Error(), illness)) {
				t.Errorf("the error tells content: %v", err)
			}
			if n := len(a.queue()); n > 0 {
				t.Errorf("%d shares are queued", n)
			}
		})
	}
}

// TestContents: with the schemas at hand, content is checked before it is sealed, and never repeated.
func TestContents(t *testing.T) {
	w := newWorld(t)
	a := w.agency(alder)
	var err error
	a.cfg.Schema, err = schema.Load()
	w.check(err)
	for name, test := range map[string]struct {
		section DraftSection
		good    bool
	}{
		"a photograph":              {DraftSection{Code: "BIO-PHOTO", Type: "image/jpeg", Content: []byte("\xff\xd8\xff")}, true},
		"a photograph that is text": {DraftSection{Code: "BIO-PHOTO", Type: "text/plain", Content: []byte(worry)}, false},
		"a file where JSON belongs": {DraftSection{Code: "ASSESS", Type: "text/plain", Content: []byte(worry)}, false},
		"members nobody knows":      {DraftSection{Code: "EDU", Type: "json", Content: []byte(`{"` + worry + `":"` + school + `"}`)}, false},
		"a list":                    {DraftSection{Code: "EDU", Type: "json", Content: []byte(`["` + school + `"]`)}, false},
	} {
		d := assessment("BIRCH")
		d.Sections = []DraftSection{test.section}
		_, err := a.Send(d)
		if test.good != (err == nil) || err != nil && !errors.Is(err, schema.ErrContent) {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && (strings.Contains(err.Error(), school) || strings.Contains(err.Error(), worry)) {
			t.Errorf("%s: the error tells content: %v", name, err)
		}
	}
	if n := len(a.queue()); n != 1 {
		t.Errorf("%d shares are queued, want the good one", n)
	}
}

// TestChild: what is about a child says so to the hub, by a handle; without one nothing leaves the house, and
// the writer learns what to do.
func TestChild(t *testing.T) {
	w := newWorld(t)
	a := w.agency(alder)
	d := assessment("CEDAR")
	d.Child = ""
	if _, err := a.Send(d); !errors.Is(err, ErrChild) || !strings.Contains(err.Error(), "put your own local reference of the child into child") {
		t.Errorf("sent without a child: %v", err)
	}
	d.Sections = []DraftSection{{Code: "PRO-CONTACT", Type: "json", Content: []byte(`{}`)}}
	if _, err := a.Send(d); err != nil {
		t.Errorf("only the contact of a professional: %v", err)
	}
}

// TestSize: a photograph just under the limit goes, draft and all; one over it is refused with its size.
func TestSize(t *testing.T) {
	w := newWorld(t)
	a := w.agency(alder)
	d := &Draft{
		Kind: "alert.missing", Role: "PRACTITIONER", User: "sw1", To: []string{"CEDAR"}, Child: "kid-7",
		Sections: []DraftSection{{Code: "BIO-PHOTO", Type: "image/jpeg", Content: make([]byte, 7<<19)}}, // 3.5 MiB
	}
	id := a.send(d)
	s, err := a.Sent(id)
	w.check(err)
	own, err := a.openDraft(s)
	if err != nil || !reflect.DeepEqual(own.Sections, d.Sections) {
		t.Errorf("the draft of 3.5 MiB does not come back: %v", err)
	}
	for n, says := range map[int]string{
		4<<20 - 100: "the share has 4", 4<<20 + 1: "4194305 octets",
	} {
		d.Sections[0].Content = make([]byte, n)
		if _, err := a.Send(d); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%d bytes: %v, want %q", n, err, says)
		}
	}
	d.Sections[0].Content = make([]byte, 4<<20-100)
	if _, err := a.Send(d); !errors.Is(err, envelope.ErrTooLarge) || !strings.Contains(err.Error(), "at most 4194304 (4 MiB)") {
		t.Errorf("a share over 4 MiB: %v", err)
	}
	if n := len(a.queue()); n != 1 {
		t.Errorf("%d shares are queued", n)
	}
}

// TestAtRest: no file of an agency that sends or receives holds content, a child's or case's reference, or
// a secret of its keys in the clear.
func TestAtRest(t *testing.T) {
	w := newWorld(t)
	w.agree()
	d := assessment("BIRCH")
	for i, words := range []string{school, worry, illness} {
		d.Sections[i].Type, d.Sections[i].Content = "text/plain", bytes.Repeat([]byte(words+" "), 500) // over several pages
	}
	id := w.agency(alder).send(d)
	w.settle()
	_, _, err := w.agency(birch).Open(id)
	w.check(err)
	_, err = w.agency(birch).Acknowledge(id, fairlead.AckAccepted, "PRACTITIONER", "x1")
	w.check(err)
	w.settle()
	for _, a := range w.agencies {
		var files []string
		w.check(filepath.WalkDir(a.home.Dir, func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				files = append(files, path)
			}
			return err
		}))
		private := a.home.Key.Marshal()
		hidden := []string{school, worry, illness, d.Child, d.Case, string(a.home.seed), string(private[len(private)-64:])}
		clear := 0
		for _, name := range files {
			raw, err := os.ReadFile(name)
			w.check(err)
			clear += bytes.Count(raw, []byte("AMBER+STRICT")) // stands in the header: the search finds what is there
			for _, words := range hidden {
				if bytes.Contains(raw, []byte(words)) {
					t.Errorf("%s: %s holds %q", a.id, filepath.Base(name), words)
				}
			}
		}
		if a.id != cedar && clear == 0 {
			t.Errorf("%s: not even the header is found in %d files", a.id, len(files))
		}
		if len(files) < 6 {
			t.Errorf("%s: only %v were searched", a.id, files)
		}
	}
}
