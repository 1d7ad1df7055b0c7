package store_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"fairlead/internal/store"
)

// TestLock: a second program is refused and told which one works there; when that one is killed the
// folder is free.
func TestLock(t *testing.T) {
	if dir := os.Getenv("FAIRLEAD_TEST_LOCK"); dir != "" {
		holdUntilKilled(dir)
	}
	dir := t.TempDir()
	other := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestLock$")
	other.Env = append(os.Environ(), "FAIRLEAD_TEST_LOCK="+dir)
	out, err := other.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "held\n" {
		t.Fatalf("%q, %v", line, err)
	}
	_, err = store.Lock(dir)
	if !errors.Is(err, store.ErrInUse) || !strings.Contains(err.Error(), fmt.Sprintf("process %d", other.Process.Pid)) {
		t.Errorf("while it runs: %v", err)
	}
	if err := other.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = other.Wait() // killed
	lock, err := store.Lock(dir)
	if err != nil {
		t.Fatalf("after it was killed: %v", err)
	}
	if _, err := store.Lock(dir); !errors.Is(err, store.ErrInUse) {
		t.Errorf("twice in one program: %v", err)
	}
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
	if lock, err = store.Lock(dir); err != nil {
		t.Fatalf("after it was closed: %v", err)
	}
	lock.Close()
}

// TestLockCopied: a copy of the file that a process being started still holds does not hold the folder.
func TestLockCopied(t *testing.T) {
	dir := t.TempDir()
	lock, err := store.Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	open, err := filepath.Glob("/proc/self/fd/*")
	if err != nil || len(open) == 0 {
		t.Skip("there is no /proc here")
	}
	copies := 0
	for _, name := range open {
		if to, err := os.Readlink(name); err != nil || to != filepath.Join(dir, "lock") || copies > 0 {
			continue
		}
		fd, err := strconv.Atoi(filepath.Base(name))
		if err != nil {
			t.Fatal(err)
		}
		dup, err := syscall.Dup(fd)
		if err != nil {
			t.Fatal(err)
		}
		defer syscall.Close(dup) //nolint:errcheck // only a copy
		copies++
	}
	if err := lock.Close(); err != nil || copies != 1 {
		t.Fatalf("%d copies, %v", copies, err)
	}
	if lock, err = store.Lock(dir); err != nil {
		t.Fatal(err)
	}
	lock.Close()
}

// holdUntilKilled is the other program.
func holdUntilKilled(dir string) {
	if _, err := store.Lock(dir); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("held")
	_, _ = io.Copy(io.Discard, os.Stdin) // which stays open
}
