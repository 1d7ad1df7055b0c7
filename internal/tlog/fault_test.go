package tlog

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// faultDir is, in the environment, the folder in which this program grows a log instead of testing.
const faultDir = "FAIRLEAD_TLOG_FAULTS"

// The one thread that grows the log is the one that strace watches.
func init() {
	if os.Getenv(faultDir) != "" {
		runtime.LockOSThread()
	}
}

func TestMain(m *testing.M) {
	dir := os.Getenv(faultDir)
	if dir == "" {
		os.Exit(m.Run())
	}
	if err := growOnce(dir, os.Getenv(faultDir+"_KEY")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// Sizes between which the log of the fault test grows: a full tile, a full bundle and a new level come about.
const faultFrom, faultTo = 250, 260

// growOnce is one turn of a broker: details, tiles, a checkpoint committed elsewhere (it is printed), the file.
func growOnce(dir, skey string) error {
	signer, err := NewSigner(skey)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(dir, "log", checkpointFile))
	if err != nil {
		return err
	}
	tree, err := statedTree(text)
	if err != nil {
		return err
	}
	details, err := OpenDetails(filepath.Join(dir, "details"), tree.N)
	if err != nil {
		return err
	}
	w, err := OpenWriter(filepath.Join(dir, "log"), tree)
	if err != nil {
		return err
	}
	for i := tree.N; i < faultTo; i++ {
		if err := details.Append(leafOf(i)); err != nil {
			return err
		}
		if err := w.Append(leafOf(i)); err != nil {
			return err
		}
	}
	if err := details.Sync(); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if text, err = SignCheckpoint(signer, w.Tree()); err != nil {
		return err
	}
	if _, err := os.Stdout.Write(text); err != nil {
		return err
	}
	return w.PutCheckpoint(text)
}

// faults are the system calls at which the writer is hurt, and how.
var (
	faultCalls = []string{"openat", "write", "pwrite64", "fsync", "renameat", "mkdirat", "unlinkat", "ftruncate"}
	faultKinds = []string{"signal=KILL", "error=EIO", "error=ENOSPC"}
)

// TestFaults kills the writer, or refuses it the disk, at every system call that opens, writes, syncs, renames, makes
// or removes a file, by strace, in a process of its own. Whatever is left goes on from the committed tree, with other
// entries than the lost ones, and verifies; what could not be made durable is not reported as done.
func TestFaults(t *testing.T) {
	if testing.Short() {
		t.Skip("starts some hundred processes")
	}
	l := newLog(t)
	skey, vkey, err := GenerateKey("hub.example.org/log")
	must(t, err)
	l.signer, err = NewSigner(skey)
	must(t, err)
	l.v, err = NewVerifier(vkey)
	must(t, err)
	base := filepath.Join(t.TempDir(), "base")
	l.dir = filepath.Join(base, "log")
	l.reopen(Tree{})
	details, err := OpenDetails(filepath.Join(base, "details"), 0)
	must(t, err)
	for i := range int64(faultFrom) {
		must(t, details.Append(leafOf(i)))
	}
	must(t, details.Close())
	l.grow(faultFrom)
	l.publish()
	before := l.Tree()
	l.grow(faultTo)
	for _, call := range faultCalls {
		t.Run(call, func(t *testing.T) {
			t.Parallel()
			f := &faults{testLog: l, t: t, base: base, skey: skey, before: before, after: l.Tree()}
			times := f.count(call)
			if times == 0 && call != "ftruncate" {
				t.Error("the writer does not use it any more")
			}
			if call == "fsync" && times <= f.count("renameat") {
				t.Errorf("%d times: each file is to be synced, and the folders after them", times)
			}
			for n := 1; n <= times; n++ {
				for _, kind := range faultKinds {
					f.run(call, n, kind)
				}
			}
		})
	}
}

type faults struct {
	*testLog
	t             *testing.T
	base, skey    string
	before, after Tree
}

// strace runs one turn on a copy of the base, and says what it printed, how it ended, and what was traced.
func (f *faults) strace(args ...string) (dir, printed, trace string, err error) {
	f.t.Helper()
	dir = copyDir(f.t, f.base)
	out := filepath.Join(f.t.TempDir(), "trace")
	cmd := exec.CommandContext(f.t.Context(), "strace", append(append([]string{"-o", out}, args...), os.Args[0])...)
	cmd.Env = append(os.Environ(), faultDir+"="+dir, faultDir+"_KEY="+f.skey)
	b, err := cmd.Output()
	text, readErr := os.ReadFile(out)
	if readErr != nil {
		if os.Getenv("FAIRLEAD_NO_SKIP") != "" {
			f.t.Fatal("NOT TESTED under faults: strace does not run here:", err)
		}
		f.t.Skip("NOT TESTED under faults: install strace, and allow ptrace")
	}
	return dir, string(b), string(text), err
}

// count is how often the writer makes a system call.
func (f *faults) count(call string) int {
	f.t.Helper()
	_, _, trace, err := f.strace("-e", "trace="+call)
	if err != nil {
		f.t.Fatalf("without a fault: %v", err)
	}
	return strings.Count(trace, call+"(")
}

// run hurts the writer once and judges what is left.
func (f *faults) run(call string, n int, kind string) {
	dir, printed, trace, err := f.strace("-e", "trace="+call, "-e", fmt.Sprintf("inject=%s:%s:when=%d", call, kind, n))
	name := fmt.Sprintf("%s %d %s", call, n, kind)
	tree := f.before
	if strings.HasSuffix(printed, "\n") && strings.Count(printed, "\n") == 5 {
		tree = f.after // committed
	}
	hit := strings.Contains(trace, "(INJECTED)") || strings.Contains(trace, "killed by SIGKILL")
	if hit && err == nil && (call == "fsync" || call == "renameat" || call == "write" || call == "pwrite64") {
		f.t.Errorf("%s: reported as done", name)
	}
	log, details := filepath.Join(dir, "log"), filepath.Join(dir, "details")
	if err == nil {
		if got, err := VerifyDir(f.t.Context(), log, f.v); err != nil || got != f.after {
			f.t.Errorf("%s: ended well with %v, %v", name, got, err)
		}
	}
	d, err := OpenDetails(details, tree.N)
	if err != nil {
		f.t.Errorf("%s: details: %v", name, err)
		return
	}
	for i := range tree.N {
		if b, err := d.Get(i); err != nil || string(b) != string(leafOf(i)) {
			f.t.Errorf("%s: detail %d: %q, %v", name, i, b, err)
		}
	}
	must(f.t, d.Close())
	if err := VerifyDetails(details, tree.N); err != nil {
		f.t.Errorf("%s: %v", name, err)
	}
	goOnDifferently(f.t, f.testLog, log, tree)
}
