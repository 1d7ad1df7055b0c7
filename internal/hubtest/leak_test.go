package hubtest

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/rs/zerolog"

	"fairlead/internal/client"
	"fairlead/internal/fairlead"
)

// The made-up words of one child, which must be found nowhere at the hub.
var markers = []string{"Zebulon Quillfeather", "17 Marrowbone Yard", "zq-local-child", "zq-local-case"}

// journal keeps what the programs log.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(b)
}

// forms are the ways in which a word may stand in a file: as it is, in hexadecimal, and in base64 at
// each of its three places.
func forms(word string) []string {
	list := []string{word, hex.EncodeToString([]byte(word)), strings.ToUpper(hex.EncodeToString([]byte(word)))}
	for shift := range 3 {
		text := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat("x", shift) + word))
		from := (shift*8 + 5) / 6
		list = append(list, text[from:from+(len(word)-3)*8/6])
	}
	return list
}

// traces lists in which of the texts a word is found.
func traces(texts map[string][]byte, word string) (where []string) {
	for name, text := range texts {
		for _, form := range forms(word) {
			if bytes.Contains(text, []byte(form)) {
				where = append(where, fmt.Sprintf("%.60q in %s", form, name))
			}
		}
	}
	return where
}

func TestForms(t *testing.T) {
	for _, before := range []string{"", "a", "ab", "abc", "abcd"} {
		text := []byte(before + "Zebulon Quillfeather and more")
		for _, enc := range []string{string(text), hex.EncodeToString(text), base64.StdEncoding.EncodeToString(text)} {
			if len(traces(map[string][]byte{"x": []byte(enc)}, "Zebulon Quillfeather")) == 0 {
				t.Errorf("not found in %s", enc)
			}
		}
	}
}

// leakyStory sends the words in every way a hub may come to hold them.
func leakyStory(t *testing.T, w *World) *client.SentShare {
	t.Helper()
	words := `{"name":"` + markers[0] + `","address":"` + markers[1] + `"}`
	handle, err := w.Agency(Alder).SubjectHandle(markers[2])
	if err != nil {
		t.Fatal(err)
	}
	record := `{"id":"C1","subject":"` + handle + `","giver":"CHILD_16","at":"2027-01-11T09:00:00Z","items":[{"status":"refused","sections":["RISK"]}]}`
	w.send(t, Alder, DraftConsent(markers[2], []byte(record)))
	d := DraftAssessment(Birch, Section("EDU", words), Section("RISK", words), Section(fairlead.SectionLocNow, words), Section("PLAN-SAFE", words))
	d.Child, d.Case = markers[2], markers[3]
	s := w.send(t, Alder, d) // one section of four arrives
	if s.Verdict.Result != fairlead.DeliveredRedacted {
		t.Fatalf("%+v", s.Verdict)
	}
	d.To = []string{string(Cedar)}
	w.send(t, Alder, d) // refused
	alert := DraftAlert(Section("RISK", words), client.DraftSection{Code: "BIO-PHOTO", Art9: "A9-2-g", Sch1: "SPI-18", P18: "CANNOT_GIVE", Type: "image/png", Content: []byte(words)})
	alert.Case = markers[3]
	if _, err := w.Send(within(t), Aspen, alert); err != nil {
		t.Fatal(err)
	}
	answer := w.send(t, Birch, DraftAnswer(Alder, w.send(t, Alder, DraftRequest(Birch, Section("EDU", words))).ID, Section("EDU", words)))
	if answer.State != client.Delivered {
		t.Fatalf("%+v", answer.Verdict)
	}
	f := w.forge(t, Alder, d, func(f *forged) { f.Parts[0].Section = f.Parts[1].Section })
	w.withdraw(t, Alder, f)
	w.publish(t, Alder, f.subject, f.Marshal())
	w.until(t, func() bool { return w.Hub.Broker().Status().Unread > 0 })
	if got := w.open(t, Birch, s.ID)["EDU"]; got != words {
		t.Fatalf("opened %q", got)
	}
	return s
}

// TestNoLeak searches everything a hub holds, serves and logs, with the store's cipher off and logging
// at its most talkative, for words that only stood in sections.
func TestNoLeak(t *testing.T) {
	t.Parallel()
	log := &journal{}
	w := New(t, Config{HTTP: "127.0.0.1:0", NoCipher: true, Log: zerolog.New(log).Level(zerolog.DebugLevel)})
	s := leakyStory(t, w)
	texts := map[string][]byte{}
	for i, m := range w.ledger(t) {
		texts[fmt.Sprintf("LEDGER %d", i+1)] = append([]byte(m.on+"\n"), m.data...)
	}
	maps.Copy(texts, w.served(t))
	if err := w.Check(within(t)); err != nil {
		t.Error(err)
	}
	w.Close() // now everything is on disk
	maps.Copy(texts, files(t, filepath.Join(w.Dir, "hub")))
	log.mu.Lock()
	texts["the log"] = log.text.Bytes()
	log.mu.Unlock()
	for _, word := range markers {
		if where := traces(texts, word); len(where) > 0 {
			t.Errorf("found %v", where)
		}
	}
	// What is there is found: the search can fail.
	for _, word := range []string{s.ID.String(), string(s.ID[:]), "fl.out.RO.", "Alder Council"} {
		if where := traces(texts, word); len(where) == 0 {
			t.Errorf("%q is not found", word)
		}
	}
	if len(texts) < 30 || len(texts["the log"]) == 0 {
		t.Errorf("only %d texts, %d bytes of log", len(texts), len(texts["the log"]))
	}
}

// served is what the hub serves over HTTP, to an auditor with a credential.
func (w *World) served(t *testing.T) map[string][]byte {
	t.Helper()
	credential, err := w.Auditor(within(t))
	if err != nil {
		t.Fatal(err)
	}
	size := w.Hub.Broker().Status().Entries
	texts := map[string][]byte{}
	for _, path := range []string{
		"/checkpoint", "/metrics", "/healthz", "/details/000", fmt.Sprintf("/tile/0/000.p/%d", size), fmt.Sprintf("/tile/entries/000.p/%d", size),
	} {
		req, err := http.NewRequestWithContext(within(t), http.MethodGet, w.Hub.HTTPURL()+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+credential)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK || len(body) == 0 {
			t.Errorf("%s: %d, %d bytes, %v", path, resp.StatusCode, len(body), err)
		}
		texts[path] = body
	}
	return texts
}

// TestCipher: with the store's cipher, which is on unless a test turns it off, a stolen store does not
// even tell who sent to whom.
func TestCipher(t *testing.T) {
	t.Parallel()
	w := New(t, Config{})
	s := w.send(t, Alder, DraftAssessment(Birch, Section("EDU", `{}`)))
	if err := w.Check(within(t)); err != nil {
		t.Error(err)
	}
	w.Close()
	store := files(t, filepath.Join(w.Dir, "hub/nats/store"))
	for _, word := range []string{s.ID.String(), string(s.ID[:]), "assessment", "Alder Council", "fl.out.RO.", `"kind":"`, `"agency":"`} {
		if where := traces(store, word); len(where) > 0 {
			t.Errorf("found %v", where)
		}
	}
	size := 0
	for _, b := range store {
		size += len(b)
	}
	if size < 50_000 {
		t.Errorf("the store has only %d bytes", size)
	}
}
