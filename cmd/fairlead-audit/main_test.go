package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"fairlead/internal/client"
	"fairlead/internal/config"
	"fairlead/internal/entry"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/hubtest"
	"fairlead/internal/registry"
	"fairlead/internal/tlog"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"fairlead-audit": main})
}

// TestScripts plays the scripts of testdata against one real hub with a short log: two enrolments, one
// refused share, one refused signature.
func TestScripts(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	w, credential := world(ctx, t)
	panel := cosign(ctx, t, w)
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("URL", w.Hub.HTTPURL())
			env.Setenv("LOGKEY", filepath.Join(env.WorkDir, "log.key"))
			key, err := w.LogKey()
			check(t, errors.Join(err, os.WriteFile(env.Getenv("LOGKEY"), []byte(key+"\n"), 0o600)))
			_, other, err := tlog.GenerateKey("hub.fairlead.example/log")
			policy := string(panel.policy)
			file, err2 := w.Agency("ALDER").Evidence()
			err = errors.Join(err, err2, os.WriteFile(filepath.Join(env.WorkDir, "evidence.json"), file, 0o600))
			return errors.Join(err,
				os.WriteFile(filepath.Join(env.WorkDir, "witness.policy"), []byte(policy), 0o600),
				os.WriteFile(filepath.Join(env.WorkDir, "strict.policy"), []byte(strings.Replace(policy, "any out-0 out-1", "all out-0 out-1", 1)), 0o600),
				os.WriteFile(filepath.Join(env.WorkDir, "weak.policy"), []byte(strings.Replace(policy, "all outside agencies", "any outside agencies", 1)), 0o600),
				os.WriteFile(filepath.Join(env.WorkDir, "other.vkey"), []byte(other+"\n"), 0o600),
				os.WriteFile(filepath.Join(env.WorkDir, "credential"), []byte(credential+"\n"), 0o600),
				os.WriteFile(filepath.Join(env.WorkDir, "log.vkey"), []byte(w.Hub.LogKey()+"\n"), 0o600),
			)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits": exits, "flip": flip, "forge": forge, "serve": serve,
		},
	})
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// world is a hub with a short log. Its clock stands still, so that nothing is added while scripts run.
func world(ctx context.Context, t *testing.T) (*hubtest.World, string) {
	t.Helper()
	start := time.Date(2027, 1, 4, 9, 0, 0, 0, time.UTC)
	w, err := hubtest.Open(ctx, hubtest.Config{Dir: t.TempDir(), Start: start, HTTP: "127.0.0.1:0"})
	check(t, err)
	t.Cleanup(w.Close)
	for _, r := range []registry.Request{
		{Agency: "ALDER", Name: "Alder Council", Type: fairlead.TypeLA, Jurisdiction: "GB-ENG", Emergency: true},
		{Agency: "BIRCH", Name: "Birch Police", Type: fairlead.TypePolice, Jurisdiction: "GB-ENG", Emergency: true},
	} {
		_, err := w.Enrol(ctx, r)
		check(t, err)
	}
	check(t, w.Settle(ctx))
	credential, err := w.Auditor(ctx)
	check(t, err)
	for _, kind := range []string{"assessment.share", "liaison.note"} {
		_, err := w.Agency("ALDER").Send(&client.Draft{
			Kind: kind, Role: "PRACTITIONER", User: "u1", To: []string{"BIRCH"}, Child: "kit", Threshold: "TH3", TLP: "AMBER", GSC: "OFFICIAL", Told: "yes", S16LA: &envelope.S16LA{Considered: true},
			Purpose:  map[string]fairlead.Purpose{"assessment.share": "PRT-ASSESS", "liaison.note": "LIAISE"}[kind],
			Basis:    &envelope.Basis{Art6: "A6-1-e", Gateways: []fairlead.Gateway{"CA1989-47"}},
			Sections: []client.DraftSection{{Code: "EDU", Type: "json", Content: []byte(`{}`)}},
		})
		check(t, err)
		check(t, w.Settle(ctx))
	}
	return w, credential
}

// exits runs a program and compares its exit code: exits CODE PROGRAM ARGS…
func exits(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("%s exits %d, want %d", strings.Join(args[1:], " "), got, want)
	}
}

// flip inverts a bit of a file: flip FILE OFFSET
func flip(ts *testscript.TestScript, _ bool, args []string) {
	path := ts.MkAbs(args[0])
	b, err := os.ReadFile(path)
	ts.Check(err)
	at, err := strconv.Atoi(args[1])
	ts.Check(err)
	b[at] ^= 1
	ts.Check(os.WriteFile(path, b, 0o600))
}

// forge makes of a mirror one that the hub's own key signs, in which the last share was refused for
// another reason: forge FROM TO
func forge(ts *testscript.TestScript, _ bool, args []string) {
	from, to := ts.MkAbs(args[0]), ts.MkAbs(args[1])
	vkey, err := os.ReadFile(filepath.Join(from, "log.vkey"))
	ts.Check(err)
	skey, err := os.ReadFile(ts.Getenv("LOGKEY"))
	ts.Check(err)
	verifier, err := tlog.NewVerifier(strings.TrimSpace(string(vkey)))
	ts.Check(err)
	signer, err := tlog.NewSigner(strings.TrimSpace(string(skey)))
	ts.Check(err)
	_, tree, err := tlog.ReadCheckpoint(from, verifier)
	ts.Check(err)
	reader, err := tlog.OpenReader(from, tree)
	ts.Check(err)
	details, err := tlog.OpenDetails(filepath.Join(from, "details"), tree.N)
	ts.Check(err)
	ts.Check(os.MkdirAll(to, 0o700))
	ts.Check(os.WriteFile(filepath.Join(to, "log.vkey"), vkey, 0o600))
	writer, err := tlog.OpenWriter(to, tlog.Tree{})
	ts.Check(err)
	forged, err := tlog.OpenDetails(filepath.Join(to, "details"), 0)
	ts.Check(err)
	ts.Check(reader.Entries(context.Background(), 0, tree.N, func(i int64, leaf []byte) error {
		raw, err := details.Get(i)
		if err == nil && i == tree.N-1 {
			leaf, raw, err = lie(leaf, raw)
		}
		return errors.Join(err, writer.Append(leaf), forged.Append(raw))
	}))
	ts.Check(errors.Join(writer.Flush(), forged.Close(), details.Close()))
	text, err := tlog.SignCheckpoint(signer, writer.Tree())
	ts.Check(err)
	ts.Check(writer.PutCheckpoint(text))
}

func lie(leaf, raw []byte) ([]byte, []byte, error) {
	l, err := entry.ParseLeaf(leaf)
	if err != nil {
		return nil, nil, err
	}
	d, err := entry.ParseDetail(raw)
	if err != nil {
		return nil, nil, err
	}
	if d.Share == nil || len(d.Share.Decision.Causes) == 0 {
		return nil, nil, fmt.Errorf("the last entry is no refused share: %+v", d)
	}
	d.Share.Decision.Causes[0].Reason = fairlead.ReasonTraining
	raw = d.Marshal()
	d.Commit(&l, raw)
	return l.Marshal(), raw, nil
}

// serve serves a mirror as a hub would: serve NAME DIR puts its address into the environment.
func serve(ts *testscript.TestScript, _ bool, args []string) {
	s := httptest.NewServer(http.FileServer(http.Dir(ts.MkAbs(args[1]))))
	ts.Defer(s.Close)
	ts.Setenv(args[0], s.URL)
}

// TestSample loads the commented sample: it names every setting, and only settings.
func TestSample(t *testing.T) {
	var c Config
	check(t, config.Load("../../config/fairlead-audit.yaml", &c))
	if c.URL == "" || c.Credential == "" || c.Key == "" || c.Mirror == "" || c.PlainHTTP || c.Policy == "" || c.Cosigned == "" || c.WitnessKey == "" || c.Listen == "" || c.State == "" {
		t.Errorf("the sample leaves something out, or is not safe: %+v", c)
	}
}

// TestPrintable: what a log holds does not act on the terminal.
func TestPrintable(t *testing.T) {
	var b strings.Builder
	if n, err := (printable{&b}).Write([]byte("a\x1b[2J\u009b\n\tă\u202e")); n != 14 || err != nil {
		t.Error(n, err)
	}
	if b.String() != "a�[2J�\n\tă�" {
		t.Errorf("%q", b.String())
	}
}
