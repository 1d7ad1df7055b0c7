package broker_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/rs/zerolog"

	"fairlead/internal/broker"
	"fairlead/internal/fairlead"
	"fairlead/internal/hubtest"
	"fairlead/internal/registry"
)

// known opens a broker on a folder, and says what it knows, of how many entries it did not fold, and what it logged.
func known(t testing.TB, w *hubtest.World, dir string) (d fairlead.Digest, resumed int64, said string) {
	t.Helper()
	var log bytes.Buffer
	b, err := broker.Open(within(t), broker.Config{
		Hub: connect(t, w), Dir: dir, Signer: signer(t, w), Verifier: w.Hub.Verifier(), Now: w.Clock.Now, Log: zerolog.New(&log),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if d, err = b.Known(); err != nil {
		t.Fatal(err)
	}
	return d, b.Status().Resumed, log.String()
}

// TestStateAtEverySize takes the state that a broker keeps after each of its rounds. A start with any of them, and the
// whole log, is as one without.
func TestStateAtEverySize(t *testing.T) {
	t.Parallel()
	w := hubtest.New(t, hubtest.Config{})
	dir, states := t.TempDir(), map[string][]byte{}
	var mu sync.Mutex
	b, err := broker.Open(within(t), broker.Config{
		Hub: connect(t, w), Dir: dir, Signer: signer(t, w), Verifier: w.Hub.Verifier(), Now: w.Clock.Now, Keep: 1,
		Step: func(step int) {
			if step != 10 {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			if state, err := os.ReadFile(filepath.Join(dir, broker.StateFile)); err == nil {
				states[string(state[:bytes.IndexByte(state, '}')])] = state
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	stop := run(t, b)
	for n := range 6 {
		send(t, w, hubtest.Alder, hubtest.Birch, 1+n%3)
		send(t, w, hubtest.Aspen, hubtest.Cedar, 1) // refused
		settle(t, w)
	}
	stop()
	b.Close()
	want, resumed, _ := known(t, w, t.TempDir())
	if resumed != 0 {
		t.Fatal("it is not known what a whole fold gives")
	}
	if len(states) < 5 {
		t.Fatalf("only %d states were kept", len(states))
	}
	sizes := map[int64]bool{}
	for _, state := range states {
		if err := os.WriteFile(filepath.Join(dir, broker.StateFile), state, 0o600); err != nil {
			t.Fatal(err)
		}
		got, resumed, said := known(t, w, dir)
		if resumed == 0 {
			t.Errorf("a state is not used: %s", said)
		}
		if sizes[resumed] = true; got != want {
			t.Errorf("with the state of %d entries a broker knows something else", resumed)
		}
	}
	t.Logf("states of %d sizes", len(sizes))
}

// TestStateRefused: what is torn, altered, or of another hub is not used, and said; the start is as one without.
func TestStateRefused(t *testing.T) {
	t.Parallel()
	w, other := hubtest.New(t, hubtest.Config{}), hubtest.New(t, hubtest.Config{})
	send(t, w, hubtest.Alder, hubtest.Birch, 3)
	settle(t, w)
	dir, elsewhere := t.TempDir(), t.TempDir()
	path := filepath.Join(dir, broker.StateFile)
	want, _, _ := known(t, w, dir) // and leaves a state
	known(t, other, elsewhere)
	state, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := os.ReadFile(filepath.Join(elsewhere, broker.StateFile))
	if err != nil {
		t.Fatal(err)
	}
	bad := map[string][]byte{"empty": {}, "of another hub": foreign, "a byte longer": append(bytes.Clone(state), 0)}
	for i := range 8 {
		at := len(state) * i / 8
		flipped := bytes.Clone(state)
		flipped[at] ^= 1
		bad[fmt.Sprintf("bit flipped at %d", at)], bad[fmt.Sprintf("cut at %d", at)] = flipped, state[:at]
	}
	bad["bit of the mac flipped"] = append(bytes.Clone(state[:len(state)-1]), state[len(state)-1]^1)
	for name, b := range bad {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if got, resumed, said := known(t, w, dir); resumed != 0 || got != want || !strings.Contains(said, "is not used") {
			t.Errorf("%s: state of %d entries used, %q", name, resumed, said)
		}
	}
	if err := os.WriteFile(path, state, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path+".tmp", state[:100], 0o600); err != nil { // of a crash
		t.Fatal(err)
	}
	if got, resumed, said := known(t, w, dir); resumed == 0 || got != want || said != "" {
		t.Errorf("the very state is not used: %q", said)
	}
}

// remade is a kept state with something else in what it is bound to, under this hub's own MAC.
func remade(t testing.TB, w *hubtest.World, state []byte, old, to string) []byte {
	t.Helper()
	mac := must(signer(t, w).MAC("broker state"))
	body := bytes.Clone(state[:len(state)-mac.Size()])
	if len(old) != len(to) || bytes.Count(body, []byte(old)) == 0 {
		t.Fatalf("no %q in it that %q could take the place of", old, to)
	}
	body = bytes.Replace(body, []byte(old), []byte(to), 1)
	mac.Write(body)
	return mac.Sum(body)
}

// TestStateOfAnother: a state of another program, log or LEDGER is not used, though this hub's own key has made it: as
// after an update, after a folder that was put together from two copies, or by whoever has the key.
func TestStateOfAnother(t *testing.T) {
	t.Parallel()
	w := hubtest.New(t, hubtest.Config{})
	send(t, w, hubtest.Alder, hubtest.Birch, 1)
	settle(t, w)
	dir := t.TempDir()
	path := filepath.Join(dir, broker.StateFile)
	known(t, w, dir)
	earlier := must(os.ReadFile(path))
	send(t, w, hubtest.Alder, hubtest.Birch, 2)
	settle(t, w)
	want, _, _ := known(t, w, dir)
	state := must(os.ReadFile(path))
	member := func(state []byte, name string) string {
		t.Helper()
		m := regexp.MustCompile(`"` + name + `":("[^"]*"|[0-9]+)`).Find(state)
		if m == nil {
			t.Fatalf("no %s in it", name)
		}
		return string(m)
	}
	edit := func(name string, change func(old string) string) []byte {
		t.Helper()
		old := member(state, name)
		return remade(t, w, state, old, change(old))
	}
	other := func(old string) string { // another digit, letter or number of the same length
		b := []byte(old)
		at := len(b) - 2
		b[at] = map[bool]byte{true: '2', false: '1'}[b[at] == '1']
		return string(b)
	}
	number := func(to string) func(string) string {
		return func(old string) string { return old[:strings.IndexByte(old, ':')+1] + to }
	}
	size := strings.TrimPrefix(member(state, "size"), `"size":`)
	n := must(strconv.Atoi(size))
	header := bytes.IndexByte(state, '}') + 1
	newer := append(bytes.Clone(earlier[:bytes.IndexByte(earlier, '}')+1]), state[header:]...)
	for name, test := range map[string]struct {
		state []byte
		says  string
	}{
		"of another form":         {edit("format", number("9")), "another program made it"},
		"by another engine":       {edit("engine", number("9")), "another program made it"},
		"of another program":      {edit("program", other), "another program made it"},
		"of another log":          {edit("origin", other), "or for another log"},
		"of a larger log":         {edit("size", number(strconv.Itoa(n+1))), fmt.Sprintf("it is of %d entries, and the folder holds %d", n+1, n)},
		"of less than none":       {edit("size", number("-"+strings.Repeat("1", len(size)-1))), "it is of -1"},
		"of a smaller log":        {edit("size", number(strconv.Itoa(n-1))), "another root at"},
		"of a forked log":         {edit("root", other), "another root at"},
		"of another LEDGER":       {edit("message", other), "of LEDGER is another, or gone"},
		"of a longer LEDGER":      {edit("sequence", number(strings.Repeat("9", len(member(state, "sequence"))-len(`"sequence":`)))), "of LEDGER is another, or gone"},
		"that holds more than so": {remade(t, w, newer, "", ""), "entries and holds"},
	} {
		if err := os.WriteFile(path, test.state, 0o600); err != nil {
			t.Fatal(err)
		}
		if got, resumed, said := known(t, w, dir); resumed != 0 || got != want || !strings.Contains(said, test.says) {
			t.Errorf("%s: a state of %d entries is used; it says %q, want %q", name, resumed, said, test.says)
		}
	}
	if err := os.WriteFile(path, remade(t, w, state, "", ""), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, resumed, said := known(t, w, dir); resumed == 0 || got != want {
		t.Errorf("the test spoils the state before it changes it: %q", said)
	}
}

// TestStateOfTheRunningHub: what the hub's own broker knows when it ends is what a fold of its log gives, and what it
// begins with again.
func TestStateOfTheRunningHub(t *testing.T) {
	t.Parallel()
	w := hubtest.New(t, hubtest.Config{})
	send(t, w, hubtest.Alder, hubtest.Birch, 3)
	settle(t, w)
	b := w.Hub.Broker()
	size := b.Status().Entries
	w.Close()
	live, err := b.Known()
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Reopen(within(t)); err != nil {
		t.Fatal(err)
	}
	if resumed := w.Hub.Broker().Status().Resumed; resumed != size {
		t.Errorf("the hub resumed %d of %d entries", resumed, size)
	}
	if whole, _, _ := known(t, w, t.TempDir()); whole != live {
		t.Error("a broker that ran knows something else than one that folds its log")
	}
}

// TestStateOwing: what a hub owes when it ends (proofs, payloads that nobody has stored, a payload that is to be
// erased) is known to one that begins with its state, as to one that reads all of LEDGER.
func TestStateOwing(t *testing.T) {
	t.Parallel()
	m := newMaker(t, hubtest.New(t, hubtest.Config{}))
	m.shares(m.parties[0], m.parties[1], 20)
	for range 3 {
		m.share(m.parties[0], m.parties[1], "")
	}
	m.commit(false)
	m.cfg.Dir = t.TempDir()
	var got [2]fairlead.Digest
	for i := range got {
		b, err := broker.Open(within(t), m.cfg)
		m.must(err)
		if got[i], err = b.Known(); err != nil || b.Status().Owed != 6 {
			t.Errorf("%d proofs are owed, want 6: %v", b.Status().Owed, err)
		}
		if used := b.Status().Resumed > 0; used != (i == 1) {
			t.Errorf("start %d with a state: %v", i, used)
		}
		b.Close()
	}
	if got[0] != got[1] {
		t.Error("they know different things")
	}
}

// TestStateGoes: when an order to erase is answered, no state on disk tells more of the share than the log does.
func TestStateGoes(t *testing.T) {
	t.Parallel()
	w := hubtest.New(t, hubtest.Config{})
	send(t, w, hubtest.Alder, hubtest.Birch, 1)
	settle(t, w)
	lines := must(w.Lines(within(t)))
	i := slices.IndexFunc(lines, func(l hubtest.Line) bool {
		return l.Detail.Share != nil && bytes.Contains(l.Detail.Share.Header, []byte(`"kind":"assessment.share"`))
	})
	digest := lines[i].Detail.Share.Digest
	if err := w.Reopen(within(t)); err != nil { // which keeps the state
		t.Fatal(err)
	}
	path := filepath.Join(w.Dir, "hub", broker.StateFile)
	if !bytes.Contains(must(os.ReadFile(path)), digest[:]) {
		t.Fatal("the test looks for the wrong thing")
	}
	if err := w.Hub.EraseDetails(within(t), registry.Erasing{Reason: "order", Reference: "F-1", Details: []registry.Detail{{Entry: int64(i)}}}); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(path); err == nil && bytes.Contains(b, digest[:]) {
		t.Error("the state still has it")
	}
}
