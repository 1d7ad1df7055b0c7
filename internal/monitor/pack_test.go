package monitor_test

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fairlead/internal/fairlead"
	"fairlead/internal/monitor"
)

// TestReceipt: a share is proved by its last entry, whoever has the key can tell, and nobody else's key can.
func TestReceipt(t *testing.T) {
	l := real(t)
	x := openIndex(t, l.dir, l.vkey)
	pairs := readLog(t, l.dir, l.vkey)
	at := the(t, pairs, 1, share("assessment.share", fairlead.Delivered))
	r, err := x.Prove(t.Context(), pairs[at].leaf.Share.String())
	must(t, err)
	again, err := monitor.VerifyReceipt([]byte(r.Text), l.vkey)
	if err != nil || *again != *r || r.Entry != int64(at) || r.From != "ALDER" || r.To != "BIRCH" || r.Outcome != "delivered" || r.Detail != pairs[at].leaf.Detail {
		t.Errorf("%+v %v", again, err)
	}
	if len(r.Text) > 1500 || !strings.Contains(r.Words(), "number 3 of BIRCH") {
		t.Errorf("%d bytes\n%s", len(r.Text), r.Words())
	}
	if by, err := x.Prove(t.Context(), "0"); err != nil || by.Entry != 0 || by.Class != "register" {
		t.Errorf("by number: %+v %v", by, err)
	}
	for _, what := range []string{"999", "-1", "nothing", fairlead.NewShareID().String()} {
		if r, err := x.Prove(t.Context(), what); !errors.Is(err, monitor.ErrMirror) {
			t.Errorf("%s: %+v %v", what, r, err)
		}
	}
	if _, err := monitor.VerifyReceipt([]byte(r.Text), otherVKey(t)); !errors.Is(err, monitor.ErrAltered) {
		t.Errorf("another key: %v", err)
	}
	if _, err := monitor.VerifyReceipt([]byte(strings.Replace(r.Text, "index ", "index 1", 1)), l.vkey); !errors.Is(err, monitor.ErrAltered) {
		t.Errorf("another index: %v", err)
	}
}

// packed is a pack as a file.
func packed(t testing.TB, x *monitor.Index, q monitor.Query) string {
	t.Helper()
	var b bytes.Buffer
	_, err := x.Pack(t.Context(), q, &b)
	must(t, err)
	file := filepath.Join(t.TempDir(), "pack.zip")
	must(t, os.WriteFile(file, b.Bytes(), 0o600))
	return file
}

// repack copies a pack with its files changed: change returns nil to drop one, and is asked for more with "".
func repack(t testing.TB, from string, change func(name string, b []byte) []byte, more ...string) string {
	t.Helper()
	z, err := zip.OpenReader(from)
	must(t, err)
	defer z.Close()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	add := func(name string, b []byte) {
		f, err := w.Create(name)
		must(t, err)
		_, err = f.Write(b)
		must(t, err)
	}
	for _, f := range z.File {
		r, err := f.Open()
		must(t, err)
		b, err := io.ReadAll(r)
		must(t, err)
		if b = change(f.Name, b); b != nil {
			add(f.Name, b)
		}
	}
	for _, name := range more {
		add(name, []byte("x"))
	}
	must(t, w.Close())
	file := filepath.Join(t.TempDir(), "pack.zip")
	must(t, os.WriteFile(file, out.Bytes(), 0o600))
	return file
}

// in changes one file of a pack.
func in(file string, change func([]byte) []byte) func(string, []byte) []byte {
	return func(name string, b []byte) []byte {
		if name == file {
			return change(b)
		}
		return b
	}
}

func flipped(at int) func([]byte) []byte {
	return func(b []byte) []byte {
		b[(at+len(b))%len(b)] ^= 1
		return b
	}
}

// TestPack: packs of all and of what was chosen verify offline and replay; each is made the same again.
func TestPack(t *testing.T) {
	l := real(t)
	x := openIndex(t, l.dir, l.vkey)
	pairs := readLog(t, l.dir, l.vkey)
	middle := pairs[len(pairs)/2].leaf.At.Truncate(time.Second)
	for name, q := range map[string]monitor.Query{
		"all": {}, "agency": {Agency: "BIRCH"}, "refused alone": {Agency: "CEDAR"}, "first half": {Until: middle}, "second half": {Since: middle},
		"both": {Agency: "ALDER", Since: middle, Until: middle.Add(20 * time.Minute)},
	} {
		t.Run(name, func(t *testing.T) {
			file := packed(t, x, q)
			r, err := monitor.VerifyPack(t.Context(), file, l.vkey)
			if err != nil {
				t.Fatalf("%v\n%s", err, r.Words())
			}
			decided := int64(0)
			for _, n := range r.Replay.Results {
				decided += n
			}
			if decided == 0 || r.Size != int64(len(pairs)) || (name == "all") != (r.Done == monitor.Replayed) {
				t.Errorf("%+v", r)
			}
			one, err := os.ReadFile(file)
			must(t, err)
			two, err := os.ReadFile(packed(t, x, q))
			must(t, err)
			if !bytes.Equal(one, two) {
				t.Error("the same entries give another pack")
			}
		})
	}
	if _, err := x.Pack(t.Context(), monitor.Query{Agency: "NOBODY"}, io.Discard); !errors.Is(err, monitor.ErrPack) {
		t.Errorf("an empty one: %v", err)
	}
}

// TestPackOfTheStory: what a pack lets one replay, it lets one replay for every agency of the story.
func TestPackOfTheStory(t *testing.T) {
	l := acceptance(t)
	x := openIndex(t, l.dir, l.vkey)
	noon := time.Date(2027, 1, 18, 12, 0, 0, 0, time.UTC)
	for _, q := range []monitor.Query{{Agency: "NOR-CSC"}, {Agency: "NOR-POL", Since: noon}, {Agency: "RO-DIR", Until: noon}, {Since: noon}, {}} {
		if r, err := monitor.VerifyPack(t.Context(), packed(t, x, q), l.vkey); err != nil {
			t.Errorf("%+v: %v\n%s", q, err, r.Words())
		}
	}
}

// TestPackAltered: what is changed in a pack is found, and named.
func TestPackAltered(t *testing.T) {
	l := real(t)
	x := openIndex(t, l.dir, l.vkey)
	some, all := packed(t, x, monitor.Query{Agency: "BIRCH"}), packed(t, x, monitor.Query{})
	var names []string
	has := map[string][]byte{}
	repack(t, some, func(name string, b []byte) []byte { names, has[name] = append(names, name), b; return b })
	receipt := names[slices.IndexFunc(names, func(n string) bool { return strings.HasSuffix(n, ".receipt") })]
	detail := strings.TrimSuffix(receipt, ".receipt") + ".detail"
	last := names[len(names)-4] // the last detail, before about and reports
	drop := func([]byte) []byte { return nil }
	keep := func(_ string, b []byte) []byte { return b }
	for name, tt := range map[string]struct {
		file string
		want error
		says string
	}{
		"bit of a receipt": {repack(t, some, in(receipt, flipped(60))), monitor.ErrAltered, "its receipt does not hold"},
		"bit of a detail":  {repack(t, some, in(detail, flipped(60))), monitor.ErrAltered, "its detail was altered"},
		"a detail dropped": {repack(t, some, in(detail, drop)), monitor.ErrPack, "lacks " + detail},
		"an entry dropped": {repack(t, some, in(last, drop)), monitor.ErrPack, "lacks " + last},
		"one entry for another": {repack(t, some, func(name string, b []byte) []byte {
			if strings.HasPrefix(name, strings.TrimSuffix(receipt, ".receipt")) {
				return has[strings.Replace(last, ".detail", filepath.Ext(name), 1)]
			}
			return b
		}), monitor.ErrAltered, "its receipt is of entry"},
		"bit of the checkpoint":   {repack(t, some, in("checkpoint", flipped(30))), monitor.ErrAltered, "checkpoint"},
		"another key":             {repack(t, some, in("log.vkey", func([]byte) []byte { return []byte(otherVKey(t) + "\n") })), monitor.ErrPack, "of another log"},
		"the page says otherwise": {repack(t, some, in("report.html", func(b []byte) []byte { return bytes.Replace(b, []byte("refused"), []byte("agreed!"), 1) })), monitor.ErrAltered, "report.html says something else"},
		"the table too":           {repack(t, some, in("report.csv", flipped(-9))), monitor.ErrAltered, "report.csv says something else"},
		"chosen otherwise":        {repack(t, some, in("about.json", func(b []byte) []byte { return bytes.Replace(b, []byte(`"BIRCH"`), []byte(`"CEDAR"`), 1) })), monitor.ErrAltered, "about.json"},
		"a file more":             {repack(t, some, keep, "notes.txt"), monitor.ErrAltered, `"notes.txt" is no part`},
		"a file twice":            {repack(t, some, keep, "checkpoint"), monitor.ErrPack, "twice"},
		"a file outside":          {repack(t, all, keep, "../../x"), monitor.ErrPack, "no part of it"},
		"bit of a bundle": {repack(t, all, func(n string, b []byte) []byte {
			if strings.HasPrefix(n, "tile/entries/") {
				return flipped(300)(b)
			}
			return b
		}), monitor.ErrAltered, "does not match its hash"},
		"bit of the details": {repack(t, all, in("details/000", flipped(200))), monitor.ErrAltered, "its detail was altered"},
		"details dropped":    {repack(t, all, in("details/000", drop)), monitor.ErrAltered, "details/000 is missing"},
		"no pack":            {filepath.Join(l.dir, "checkpoint"), monitor.ErrPack, "zip"},
	} {
		r, err := monitor.VerifyPack(t.Context(), tt.file, l.vkey)
		if !errors.Is(err, tt.want) || !strings.Contains(err.Error()+r.Words(), tt.says) {
			t.Errorf("%s: %v\n%s", name, err, r.Words())
		}
	}
	if _, err := monitor.VerifyPack(t.Context(), some, otherVKey(t)); !errors.Is(err, monitor.ErrPack) {
		t.Errorf("the key of another log: %v", err)
	}
}

// TestPackLeavesNothingOut: a delivery to the agency that is left out, list and reports made to fit, shows by the
// gap in its numbers.
func TestPackLeavesNothingOut(t *testing.T) {
	l := real(t)
	pairs := readLog(t, l.dir, l.vkey)
	at := the(t, pairs, 2, func(p pair) bool { return p.leaf.To == "BIRCH" && p.leaf.Counter > 0 })
	dir := clone(t, l.dir)
	openIndex(t, dir, l.vkey).Close()
	tamper(t, dir, fmt.Sprintf(`DELETE FROM entries WHERE entry = %d`, at))
	x := openIndex(t, dir, l.vkey)
	r, err := monitor.VerifyPack(t.Context(), packed(t, x, monitor.Query{Agency: "BIRCH"}), l.vkey)
	if !errors.Is(err, monitor.ErrAltered) || !strings.Contains(r.Words(), "entries were left out") {
		t.Errorf("%v\n%s", err, r.Words())
	}
}

// TestPackReplays: a hub that decided against its rules and signed that is found by a pack of chosen entries.
func TestPackReplays(t *testing.T) {
	l := real(t)
	pairs := readLog(t, l.dir, l.vkey)
	at := the(t, pairs, 1, share("assessment.share", fairlead.Refused))
	pairs[at].detail, pairs[at].raw = clonedDetail(t, pairs[at].raw), nil
	pairs[at].detail.Share.Decision.Causes[0].Reason = fairlead.ReasonTraining
	x := openIndex(t, forge(t, l.skey, l.vkey, pairs, nil), l.vkey)
	r, err := monitor.VerifyPack(t.Context(), packed(t, x, monitor.Query{Agency: "CEDAR"}), l.vkey)
	if !errors.Is(err, monitor.ErrReplay) || !said(r, int64(at), "E_TRAINING") {
		t.Errorf("%v\n%s", err, r.Words())
	}
}

// TestReport: the page is well formed, has no script, no address and heads for every table; what the log holds
// cannot become markup, and the table of CSV no formula.
func TestReport(t *testing.T) {
	l := real(t)
	file := packed(t, openIndex(t, l.dir, l.vkey), monitor.Query{})
	var page, table []byte
	repack(t, file, func(name string, b []byte) []byte {
		switch name {
		case "report.html":
			page = b
		case "report.csv":
			table = b
		}
		return b
	})
	d := xml.NewDecoder(bytes.NewReader(page))
	d.Strict, d.AutoClose, d.Entity = false, []string{"meta"}, xml.HTMLEntity
	tags := map[string]int{}
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		must(t, err)
		if e, ok := tok.(xml.StartElement); ok {
			tags[e.Name.Local]++
			for _, a := range e.Attr {
				if name := a.Name.Local; name == "href" || name == "src" || strings.HasPrefix(name, "on") {
					t.Errorf("%s has %s", e.Name.Local, name)
				}
			}
		}
	}
	if tags["script"]+tags["link"]+tags["img"] > 0 || tags["table"] < 4 || tags["caption"] != tags["table"] || tags["thead"] != tags["table"] || tags["h1"] != 1 || tags["main"] != 1 {
		t.Errorf("%v", tags)
	}
	if !bytes.Contains(page, []byte(`<html lang="en">`)) || !bytes.Contains(page, []byte("@media print")) || !bytes.HasPrefix(table, []byte("entry,time,kind,from,to,")) {
		t.Errorf("%.200s %.200s", page, table)
	}
}
