package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"fairlead/internal/hubtest"
	"fairlead/internal/tlog"
	"fairlead/internal/witness"
)

// panel is the witnesses of a world: one outside that answers, one that does not, and the agencies.
type panel struct{ policy []byte }

// cosign gives a world its witnesses, and waits until they have cosigned the whole log.
func cosign(ctx context.Context, t *testing.T, w *hubtest.World) panel {
	t.Helper()
	var keys []*tlog.Cosigner
	for _, name := range []string{"w1.example.org", "w2.example.org"} {
		skey, err := tlog.GenerateCosigner(name)
		check(t, err)
		key, err := tlog.NewCosigner(skey)
		check(t, err)
		keys = append(keys, key)
	}
	dir := filepath.Join(t.TempDir(), "witness")
	check(t, witness.Create(dir))
	one, err := witness.Open(dir, keys[0], w.Clock.Now, w.Hub.Verifier())
	check(t, err)
	s := httptest.NewServer(one)
	t.Cleanup(func() {
		s.Close()
		one.Close()
	})
	policy := fmt.Sprintf("log %s\nwitness out-0 %s %s\nwitness out-1 %s http://127.0.0.1:1\n", w.Hub.LogKey(), keys[0].VKey(), s.URL, keys[1].VKey())
	for _, a := range w.Hub.Broker().Agencies() {
		policy += fmt.Sprintf("witness %s %s\n", a.ID, a.Witness)
	}
	p := panel{[]byte(policy + "group outside any out-0 out-1\ngroup agencies all ALDER BIRCH\ngroup both all outside agencies\nquorum both\n")}
	check(t, w.Witness(ctx, p.policy))
	for w.Hub.Witnessed().Size < w.Hub.Broker().Status().Entries {
		check(t, errors.Join(w.Settle(ctx), w.Hub.Failed()))
	}
	return p
}

// process is a witness in a process of its own.
type process struct {
	*exec.Cmd
	url string
}

func startWitness(t *testing.T, dir, key, log string) *process {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "fairlead-audit", "witness", "-witness-key", key, "-key", log, "-listen", "127.0.0.1:0", dir)
	stdout, err := cmd.StdoutPipe()
	check(t, err)
	check(t, cmd.Start())
	line, err := bufio.NewReader(stdout).ReadString('\n')
	check(t, err)
	_, url, ok := strings.Cut(strings.TrimSpace(line), " ready on ")
	if !ok {
		t.Fatalf("says %q", line)
	}
	return &process{cmd, url}
}

// TestWitnessKilled kills a witness again and again while it is asked, as a power cut would. What it has signed it
// never forgets: it stands at or above it, and signs no other history.
func TestWitnessKilled(t *testing.T) {
	dir := t.TempDir()
	state, key, logKey := filepath.Join(dir, "state"), filepath.Join(dir, "key"), filepath.Join(dir, "log.vkey")
	if out, err := exec.CommandContext(t.Context(), "fairlead-audit", "witness", "-new", "w.example.org", "-witness-key", key, state).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	skey, vkey, err := tlog.GenerateKey("hub.example.org/log")
	check(t, err)
	check(t, tlog.WriteFile(dir, "log.vkey", []byte(vkey+"\n")))
	signer, err := tlog.NewSigner(skey)
	check(t, err)
	log, err := tlog.OpenWriter(filepath.Join(dir, "log"), tlog.Tree{})
	check(t, err)
	forked, err := tlog.OpenWriter(filepath.Join(dir, "forked"), tlog.Tree{})
	check(t, err)
	check(t, forked.Append([]byte("another")))
	at, signed := int64(0), int64(0)
	for round := range 16 {
		p := startWitness(t, state, key, logKey)
		ask := func(old int64, l *tlog.Writer) error {
			cp, err := tlog.SignCheckpoint(signer, l.Tree())
			check(t, err)
			proof, err := l.Consistency(old)
			check(t, err)
			_, err = witness.Ask(t.Context(), http.DefaultClient, p.url, old, proof, cp)
			return err
		}
		if round > 0 { // where it stands now
			err := ask(0, log)
			conflict, ok := errors.AsType[*witness.Conflict](err)
			switch {
			case ok && conflict.Size >= signed && conflict.Size <= log.Size():
				at = conflict.Size
			case err == nil && signed == 0: // it was killed before it kept anything
				at, signed = log.Size(), log.Size()
			default:
				t.Fatalf("round %d: answers %v, had signed %d", round, err, signed)
			}
			for forked.Size() <= log.Size() {
				check(t, forked.Append([]byte("more")))
			}
			if err := ask(at, forked); !errors.Is(err, witness.ErrProof) {
				t.Fatalf("round %d: a fork is answered %v", round, err)
			}
		}
		for last := rand.IntN(6); ; last-- {
			check(t, log.Append(fmt.Append(nil, "entry ", log.Size())))
			if last == 0 {
				go p.Process.Kill() // while it is asked: before, between or after its steps
			}
			if ask(at, log) != nil {
				break
			}
			at, signed = log.Size(), log.Size()
		}
		_ = p.Wait() // killed
	}
	if signed == 0 {
		t.Error("it never signed")
	}
}
