package witness_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"fairlead/internal/tlog"
	"fairlead/internal/witness"
)

var noon = time.Date(2027, 1, 11, 12, 0, 0, 0, time.UTC)

// world is a witness behind HTTP and a log that can be forked.
type world struct {
	t      testing.TB
	dir    string
	url    string
	w      *witness.Witness
	key    *tlog.Cosigner
	pub    *tlog.CosignatureKey
	signer *tlog.Signer
	v      *tlog.Verifier
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func logKey(t testing.TB, origin string) (*tlog.Signer, *tlog.Verifier) {
	t.Helper()
	skey, vkey, err := tlog.GenerateKey(origin)
	check(t, err)
	s, err := tlog.NewSigner(skey)
	check(t, err)
	v, err := tlog.NewVerifier(vkey)
	check(t, err)
	return s, v
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, dir: filepath.Join(t.TempDir(), "state")}
	skey, err := tlog.GenerateCosigner("w.example.org")
	check(t, err)
	w.key, err = tlog.NewCosigner(skey)
	check(t, err)
	w.pub, err = tlog.NewCosignatureKey(w.key.VKey())
	check(t, err)
	w.signer, w.v = logKey(t, "hub.example.org/log")
	check(t, witness.Create(w.dir))
	w.open()
	return w
}

func (w *world) open() {
	w.t.Helper()
	var err error
	w.w, err = witness.Open(w.dir, w.key, func() time.Time { return noon }, w.v)
	check(w.t, err)
	w.t.Cleanup(func() { w.w.Close() })
	s := httptest.NewServer(w.w)
	w.t.Cleanup(s.Close)
	w.url = s.URL
}

// history is a log with these entries.
func history(t testing.TB, entries ...string) *tlog.Writer {
	t.Helper()
	l, err := tlog.OpenWriter(t.TempDir(), tlog.Tree{})
	check(t, err)
	for _, e := range entries {
		check(t, l.Append([]byte(e)))
	}
	return l
}

// entries are those of an honest log, with what is put after them.
func entries(n int, more ...string) (list []string) {
	for i := range n {
		list = append(list, fmt.Sprint("entry ", i))
	}
	return append(list, more...)
}

func (w *world) checkpoint(l *tlog.Writer) []byte {
	w.t.Helper()
	cp, err := tlog.SignCheckpoint(w.signer, l.Tree())
	check(w.t, err)
	return cp
}

// ask asks for a cosignature of a log, from an old size.
func (w *world) ask(l *tlog.Writer, old int64) error {
	w.t.Helper()
	proof, err := l.Consistency(min(old, l.Size()))
	check(w.t, err)
	return w.askWith(old, proof, w.checkpoint(l))
}

func (w *world) askWith(old int64, proof []tlog.Hash, cp []byte) error {
	w.t.Helper()
	lines, err := witness.Ask(w.t.Context(), http.DefaultClient, w.url, old, proof, cp)
	if err != nil {
		return err
	}
	if _, at, err := w.pub.Line(cp, lines); err != nil || !at.Equal(noon) {
		w.t.Errorf("answers %q: %v", lines, err)
	}
	return nil
}

// TestEvilLog: what an evil log asks, and what a witness that stands at ten entries says. After all of it, it
// stands where it was, also after a restart.
func TestEvilLog(t *testing.T) {
	w := newWorld(t)
	honest := history(t, entries(10)...)
	check(t, w.ask(history(t, entries(4)...), 0))
	check(t, w.ask(honest, 4))
	longer := history(t, entries(12)...)
	forked := history(t, entries(9, "another", "and", "more")...)
	changed := history(t, entries(2, "changed")...)
	for i := 3; i < 12; i++ {
		check(t, changed.Append([]byte(entries(12)[i])))
	}
	otherSigner, _ := logKey(t, "hub.example.org/log")
	other := func(origin string) []byte {
		s, _ := logKey(t, origin)
		cp, err := tlog.SignCheckpoint(s, longer.Tree())
		check(t, err)
		return cp
	}
	strangers, err := tlog.SignCheckpoint(otherSigner, longer.Tree())
	check(t, err)
	proof, err := longer.Consistency(10)
	check(t, err)
	var at10 *witness.Conflict
	for name, c := range map[string]struct {
		ask  func() error
		want error
	}{
		"fork":                           {func() error { return w.ask(forked, 10) }, witness.ErrProof},
		"changed leaf":                   {func() error { return w.ask(changed, 10) }, witness.ErrProof},
		"rollback":                       {func() error { return w.ask(history(t, entries(4)...), 4) }, at10},
		"rollback that names our size":   {func() error { return w.ask(history(t, entries(4)...), 10) }, witness.ErrRequest},
		"shrunk tree, from nothing":      {func() error { return w.ask(history(t, entries(9)...), 0) }, at10},
		"split view of one size":         {func() error { return w.ask(history(t, entries(9, "another")...), 10) }, at10},
		"from a size that is not ours":   {func() error { return w.ask(longer, 9) }, at10},
		"from nothing":                   {func() error { return w.ask(longer, 0) }, at10},
		"without a proof":                {func() error { return w.askWith(10, nil, w.checkpoint(longer)) }, witness.ErrProof},
		"by another key":                 {func() error { return w.askWith(10, proof, strangers) }, witness.ErrForbidden},
		"of another log":                 {func() error { return w.askWith(10, proof, other("evil.example.org")) }, witness.ErrUnknown},
		"with an altered signature":      {func() error { return w.askWith(10, proof, flip(w.checkpoint(longer), -8)) }, witness.ErrForbidden},
		"of no checkpoint":               {func() error { return w.askWith(10, proof, []byte("hub.example.org/log\nx\n\n— a b\n")) }, witness.ErrRequest},
		"with a proof to equal trees":    {func() error { return w.askWith(10, proof, w.checkpoint(honest)) }, witness.ErrProof},
		"with more hashes than may be":   {func() error { return w.askWith(10, make([]tlog.Hash, 64), w.checkpoint(longer)) }, witness.ErrRequest},
		"the empty tree after all":       {func() error { return w.ask(history(t), 0) }, at10},
		"with a checkpoint of megabytes": {func() error { return w.askWith(10, proof, bytes.Repeat([]byte("x"), 1<<20)) }, witness.ErrRequest},
	} {
		err := c.ask()
		conflict, ok := errors.AsType[*witness.Conflict](err)
		if c.want == error(at10) && (!ok || conflict.Size != 10) || c.want != error(at10) && !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if err := w.ask(honest, 10); err != nil {
			t.Fatalf("after %s it does not stand at 10: %v", name, err)
		}
	}
	check(t, w.w.Close())
	w.open()
	check(t, w.ask(honest, 10))
	check(t, w.ask(longer, 10))
}

func flip(b []byte, at int) []byte {
	b = bytes.Clone(b)
	if b[len(b)+at] == 'A' {
		b[len(b)+at] = 'B'
	} else {
		b[len(b)+at] = 'A'
	}
	return b
}

// TestStatus: the codes and types of the specification, to the byte.
func TestStatus(t *testing.T) {
	w := newWorld(t)
	l := history(t, entries(3)...)
	check(t, w.ask(l, 0))
	good := tlog.FormatConsistency(3, nil, w.checkpoint(l))
	for name, c := range map[string]struct {
		method, path, body string
		status             int
		kind, answer       string
	}{
		"cosigned":        {"POST", "/add-checkpoint", string(good), 200, "text/plain; charset=utf-8", ""},
		"conflict":        {"POST", "/add-checkpoint", strings.Replace(string(good), "old 3", "old 0", 1), 409, "text/x.tlog.size", "3\n"},
		"leading zero":    {"POST", "/add-checkpoint", strings.Replace(string(good), "old 3", "old 03", 1), 400, "", ""},
		"no old":          {"POST", "/add-checkpoint", strings.Replace(string(good), "old", "new", 1), 400, "", ""},
		"unknown log":     {"POST", "/add-checkpoint", strings.Replace(string(good), "hub.example.org/log\n3", "hub.example.org/lag\n3", 1), 404, "", ""},
		"unsigned":        {"POST", "/add-checkpoint", strings.Replace(string(good), "log\n3\n", "log\n4\n", 1), 403, "", ""},
		"old above it":    {"POST", "/add-checkpoint", strings.Replace(string(good), "old 3", "old 9", 1), 400, "", ""},
		"false proof":     {"POST", "/add-checkpoint", strings.Replace(string(good), "old 3\n", "old 3\n"+tlog.Hash{1}.String()+"\n", 1), 422, "", ""},
		"empty":           {"POST", "/add-checkpoint", "", 400, "", ""},
		"another method":  {"GET", "/add-checkpoint", "", 405, "", ""},
		"another address": {"GET", "/", "", 404, "", ""},
	} {
		req, err := http.NewRequestWithContext(t.Context(), c.method, w.url+c.path, strings.NewReader(c.body))
		check(t, err)
		res, err := http.DefaultClient.Do(req)
		check(t, err)
		var body bytes.Buffer
		_, err = body.ReadFrom(res.Body)
		check(t, errors.Join(err, res.Body.Close()))
		if res.StatusCode != c.status || c.kind != "" && res.Header.Get("Content-Type") != c.kind || c.answer != "" && body.String() != c.answer {
			t.Errorf("%s: %d %s %q", name, res.StatusCode, res.Header.Get("Content-Type"), body.String())
		}
		if c.status == 200 && (!strings.HasPrefix(body.String(), "— w.example.org ") || strings.Count(body.String(), "\n") != 1) {
			t.Errorf("%s: %q", name, body.String())
		}
	}
}

// TestState: a witness that lost its state, or whose state the log never signed, does not begin.
func TestState(t *testing.T) {
	w := newWorld(t)
	if err := witness.Create(w.dir); err == nil {
		t.Error("makes a state over a state")
	}
	check(t, w.ask(history(t, entries(3)...), 0))
	check(t, w.w.Close())
	_, impostor := logKey(t, "hub.example.org/log")
	if _, err := witness.Open(w.dir, w.key, time.Now, impostor); !errors.Is(err, tlog.ErrUnsigned) {
		t.Error("takes over another log's state:", err)
	}
	check(t, os.RemoveAll(w.dir))
	if _, err := witness.Open(w.dir, w.key, time.Now, w.v); !errors.Is(err, witness.ErrState) {
		t.Error("begins anew:", err)
	}
}

// TestRace: of many who extend one size at once by different histories, one is cosigned; two processes on one folder
// are no way around it.
func TestRace(t *testing.T) {
	w := newWorld(t)
	check(t, w.ask(history(t, entries(4)...), 0))
	second, err := witness.Open(w.dir, w.key, time.Now, w.v)
	check(t, err)
	defer second.Close()
	var wg sync.WaitGroup
	answers := make([]error, 16)
	for i := range answers {
		l := history(t, entries(4, fmt.Sprint("mine ", i))...)
		proof, err := l.Consistency(4)
		check(t, err)
		body := tlog.FormatConsistency(4, proof, w.checkpoint(l))
		wg.Go(func() { _, answers[i] = []*witness.Witness{w.w, second}[i%2].AddCheckpoint(body) })
	}
	wg.Wait()
	cosigned := 0
	for _, err := range answers {
		if err == nil {
			cosigned++
		} else if c, ok := errors.AsType[*witness.Conflict](err); !ok || c.Size != 5 {
			t.Error(err)
		}
	}
	if cosigned != 1 {
		t.Errorf("%d histories were cosigned", cosigned)
	}
}

// TestAskStrangers: what is no witness's answer is no cosignature.
func TestAskStrangers(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"409 without a size": func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(409) },
		"409 as a page": func(rw http.ResponseWriter, _ *http.Request) {
			rw.WriteHeader(409)
			fmt.Fprintln(rw, "7")
		},
		"503": func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(503) },
	} {
		s := httptest.NewServer(answer)
		if _, err := witness.Ask(context.Background(), http.DefaultClient, s.URL, 0, nil, []byte("x\n")); !errors.Is(err, witness.ErrAnswer) {
			t.Errorf("%s: %v", name, err)
		}
		s.Close()
	}
}

// FuzzAddCheckpoint: whatever is asked, the witness stays where it is or takes the one true log.
func FuzzAddCheckpoint(f *testing.F) {
	w := newWorld(f)
	l := history(f, "one")
	cp := w.checkpoint(l)
	check(f, w.ask(l, 0))
	good := tlog.FormatConsistency(0, nil, cp)
	f.Add(good)
	f.Add(tlog.FormatConsistency(1, nil, cp))
	f.Add([]byte("old 1\n\nhub.example.org/log\n1\n"))
	f.Fuzz(func(t *testing.T, body []byte) {
		line, err := w.w.AddCheckpoint(body)
		_, conflict := errors.AsType[*witness.Conflict](err)
		known := conflict || errors.Is(err, witness.ErrRequest) || errors.Is(err, witness.ErrForbidden) || errors.Is(err, witness.ErrUnknown) || errors.Is(err, witness.ErrProof)
		if err != nil && !known {
			t.Fatal("error of no kind:", err)
		}
		if err == nil && (len(line) == 0 || !bytes.HasPrefix(body, tlog.FormatConsistency(1, nil, cp[:bytes.Index(cp, []byte("\n\n"))]))) {
			t.Fatalf("cosigned %q", body)
		}
	})
}
