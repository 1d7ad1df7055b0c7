package hubtest

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"fairlead/internal/client"
	"fairlead/internal/fairlead"
	"fairlead/internal/hub"
	"fairlead/internal/keystore"
)

// The hub's process finds its folder and address in these; in the folder, the file armed names the
// step after which it kills itself, once.
const (
	envDir    = "FAIRLEAD_TEST_HUB"
	envListen = "FAIRLEAD_TEST_LISTEN"
	armed     = "armed"
	clock     = "clock" // the hub's time where it is not DefaultStart
)

// runHub is the hub's process: it says when it is ready and ends with its standard input.
func runHub(dir, listen string) error {
	h, err := hub.Start(context.Background(), hub.Config{
		Unlock: keystore.Unsealed,
		Dir:    dir, Listen: listen, Origin: "hub.fairlead.example/log", Now: func() time.Time { return timeIn(dir) }, Step: func(step int) { trap(dir, step) },
	})
	if err != nil {
		return err
	}
	defer h.Close()
	fmt.Println("ready")
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

func timeIn(dir string) time.Time {
	text, err := os.ReadFile(filepath.Join(dir, clock))
	if err != nil {
		return DefaultStart()
	}
	at, err := time.Parse(time.RFC3339, string(text))
	if err != nil {
		panic(err)
	}
	return at
}

// trap kills the process as a power cut would: nothing is flushed, nothing is closed.
func trap(dir string, step int) {
	at, err := os.ReadFile(filepath.Join(dir, armed))
	if err != nil || string(at) != strconv.Itoa(step) {
		return
	}
	_ = os.Remove(filepath.Join(dir, armed))
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}

// process is a hub in a process of its own.
type process struct {
	stdin io.Closer
	ended chan error
}

func startProcess(t testing.TB, dir, listen string) *process {
	t.Helper()
	cmd := exec.CommandContext(within(t), os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), envDir+"="+dir, envListen+"="+listen)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stdin.Close() })
	if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil || line != "ready\n" {
		t.Fatalf("the hub's process: %q %v", line, err)
	}
	p := &process{stdin, make(chan error, 1)}
	go func() { p.ended <- cmd.Wait() }()
	return p
}

// stop ends the process in order.
func (p *process) stop(t testing.TB) {
	t.Helper()
	p.stdin.Close()
	if err := <-p.ended; err != nil {
		t.Errorf("the hub's process: %v", err)
	}
}

// TestCrash kills the hub's process after each step of a round, starts it again and looks that every
// share was decided once and arrived once. The agencies' programs live through it.
func TestCrash(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes and waits for reconnections")
	}
	for step := 4; step <= 7; step++ {
		t.Run(fmt.Sprint(step), func(t *testing.T) {
			t.Parallel()
			crash(t, step)
		})
	}
}

func crash(t *testing.T, step int) {
	w := New(t, Config{Listen: FreeAddress(t)})
	w.Hub.Close()
	w.Hub = nil
	dir := filepath.Join(w.Dir, "hub")
	if err := os.WriteFile(filepath.Join(dir, armed), []byte(strconv.Itoa(step)), 0o600); err != nil {
		t.Fatal(err)
	}

	// 1 Shares and alerts are queued and published to the hub that will die.
	p := startProcess(t, dir, w.cfg.Listen)
	sent := map[fairlead.ShareID]fairlead.AgencyID{}
	for from, drafts := range map[fairlead.AgencyID][]*client.Draft{
		Alder: {
			DraftAssessment(Birch, Section("EDU", `{"n":1}`)), DraftAssessment(Birch, Section("EDU", `{"n":2}`)),
			DraftAssessment(Cedar, Section("EDU", `{"n":3}`)), DraftAlert(Section("RISK", `{"n":4}`)),
		},
		Aspen: {DraftAssessment(Alder, Section("EDU", `{"n":5}`)), DraftAlert(Section("RISK", `{"n":6}`))},
	} {
		for _, d := range drafts {
			ids, err := w.Agency(from).Send(d)
			if err != nil {
				t.Fatal(err)
			}
			for _, id := range ids {
				sent[id] = from
			}
		}
	}
	var died error
	w.hold(t, func() bool {
		select {
		case died = <-p.ended:
			return true
		default:
			return false
		}
	})
	if died == nil || !strings.Contains(died.Error(), "signal: killed") {
		t.Fatalf("the hub did not die: %v", died)
	}

	// 2 It comes back; nobody does anything but wait.
	p = startProcess(t, dir, w.cfg.Listen)
	w.hold(t, func() bool { return w.arrived(t, sent) })
	p.stop(t)

	// 3 In this process again, so that New's check can look at all of it.
	if err := w.Reopen(within(t)); err != nil {
		t.Fatal(err)
	}
	w.settle(t)
	w.onceEach(t, sent)
}

// TestCrashKeeping kills the hub's process while it keeps its state, before and after that is in its place. The next
// start begins with the one before, or with the new one, and knows what a fold of the log gives.
func TestCrashKeeping(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes and waits for reconnections")
	}
	for step := 9; step <= 10; step++ {
		t.Run(fmt.Sprint(step), func(t *testing.T) {
			t.Parallel()
			w := New(t, Config{Listen: FreeAddress(t)})
			before := w.Hub.Broker().Status().Entries
			w.Hub.Close()
			w.Hub = nil
			dir := filepath.Join(w.Dir, "hub")
			p := startProcess(t, dir, w.cfg.Listen)
			ids, err := w.Agency(Alder).Send(DraftAssessment(Birch, Section("EDU", `{"n":1}`)))
			if err != nil {
				t.Fatal(err)
			}
			w.hold(t, func() bool { return w.arrived(t, map[fairlead.ShareID]fairlead.AgencyID{ids[0]: Alder}) })
			if err := os.WriteFile(filepath.Join(dir, armed), []byte(strconv.Itoa(step)), 0o600); err != nil {
				t.Fatal(err)
			}
			p.stdin.Close()
			if died := <-p.ended; died == nil || !strings.Contains(died.Error(), "signal: killed") {
				t.Fatalf("the hub did not die: %v", died)
			}
			if err := w.Reopen(within(t)); err != nil {
				t.Fatal(err)
			}
			if at := w.Hub.Broker().Status(); (at.Resumed == before) != (step == 9) || at.Resumed < before || at.Entries == before {
				t.Errorf("of %d entries, %d before, it resumed %d", at.Entries, before, at.Resumed)
			}
			w.settle(t)
			b := w.Hub.Broker()
			if err := w.Reopen(within(t)); err != nil {
				t.Fatal(err)
			}
			live, err := b.Known()
			if err != nil {
				t.Fatal(err)
			}
			if whole, _, err := w.fold(within(t), t.TempDir()); err != nil || whole != live {
				t.Errorf("the hub knows something else than one that folds its log: %v", err)
			}
		})
	}
}

// arrived reports whether each share has come to its end.
func (w *World) arrived(t testing.TB, sent map[fairlead.ShareID]fairlead.AgencyID) bool {
	for id, from := range sent {
		if state := w.sent(t, from, id).State; state != client.Delivered && state != client.RefusedBy {
			return false
		}
	}
	return !w.queued()
}

// onceEach counts each delivered share in the inbox of its recipient.
func (w *World) onceEach(t testing.TB, sent map[fairlead.ShareID]fairlead.AgencyID) {
	t.Helper()
	refused := 0
	for id, from := range sent {
		s, want := w.sent(t, from, id), 1
		if s.State == client.RefusedBy {
			refused, want = refused+1, 0
		}
		n := 0
		for _, m := range w.inbox(t, s.To) {
			if m.Header.ID == id {
				n++
			}
		}
		if n != want {
			t.Errorf("share %s to %s, %s, arrived %d times", id, s.To, s.State, n)
		}
	}
	if refused != 3 || len(sent) != 10 { // an assessment and two alerts to Cedar, who keeps no duty inbox
		t.Errorf("%d of %d refused", refused, len(sent))
	}
}

// trySync syncs all agencies, and gives up early on a hub that is away.
func (w *World) trySync(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	_, _ = w.syncAll(ctx)
}

// hold keeps all agencies' programs going, whatever becomes of the hub, until something holds.
func (w *World) hold(t testing.TB, holds func() bool) {
	t.Helper()
	ctx := within(t)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		w.trySync(ctx)
		select {
		case <-tick.C:
		case <-ctx.Done():
			var states []string
			for _, a := range w.Agencies() {
				list, _ := a.Outbox()
				for _, s := range list {
					states = append(states, fmt.Sprintf("%s→%s %s %s", a.ID, s.To, s.Kind, s.State))
				}
			}
			slices.Sort(states)
			t.Fatalf("waited in vain; %s", strings.Join(states, ", "))
		}
	}
}
