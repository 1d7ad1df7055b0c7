package main

import (
	"bytes"
	"context"
	"os"
	"strings"
	"testing"
	"time"
)

// TestProgress: a line a second of each work that lasts, and none of what is short.
func TestProgress(t *testing.T) {
	var b strings.Builder
	now := time.Time{}
	tell := lines(&b, func() time.Time { return now })
	for _, step := range []struct {
		after time.Duration
		work  string
		done  int64
	}{
		{0, "verify", 256},
		{900 * time.Millisecond, "verify", 512},
		{100 * time.Millisecond, "verify", 768},
		{500 * time.Millisecond, "verify", 1000},
		{time.Second, "replay", 256},
		{time.Second, "replay", 1000},
	} {
		now = now.Add(step.after)
		tell(step.work, step.done, 1000)
	}
	if want := "verify: 768 of 1000 entries\nreplay: 1000 of 1000 entries\n"; b.String() != want {
		t.Errorf("%q", b.String())
	}
}

// TestProgressOnATerminalAlone: neither a file nor a pipe is told.
func TestProgressOnATerminalAlone(t *testing.T) {
	f, err := os.Create(t.TempDir() + "/log")
	check(t, err)
	defer f.Close()
	terminal, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0) // a character device, as a terminal is
	check(t, err)
	defer terminal.Close()
	ctx := context.Background()
	if progressed(ctx, &bytes.Buffer{}) != ctx || progressed(ctx, f) != ctx || progressed(ctx, terminal) == ctx {
		t.Error("told where nobody reads, or not told")
	}
}
