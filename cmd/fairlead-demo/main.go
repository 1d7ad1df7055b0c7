// Fairlead-demo is the main job in one command: an embedded hub, made-up agencies, their agreements and
// a story, all on this machine; then the auditor verifies the log, replays every decision, and is
// shown a tampered copy, which it rejects.
//
// Usage:
//
//	fairlead-demo [-once] [-dir DIR] [-story FOLDER]
//
// Without -once it stays up with the addresses printed until Ctrl-C. -dir keeps everything in DIR,
// which must be new or empty: DIR/hub, DIR/agencies/<ID>, DIR/audit and DIR/story.json. -story plays
// another folder; its form is described in internal/scenario. Exit status: 0 done, 1 failed, 2 usage.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"syscall"

	"fairlead/internal/scenario"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	switch {
	case errors.Is(err, errUsage):
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "fairlead-demo:", err)
		os.Exit(1)
	}
}

var errUsage = errors.New("usage: fairlead-demo [-once] [-dir DIR] [-story FOLDER]")

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("fairlead-demo", flag.ContinueOnError)
	flags.SetOutput(stderr)
	once := flags.Bool("once", false, "exit when the story is told")
	dir := flags.String("dir", "", "keep everything here; default: a temporary folder")
	folder := flags.String("story", "", "play this story instead of ours")
	if flags.Parse(args) != nil || flags.NArg() > 0 {
		return errUsage
	}
	files := scenario.Ours()
	if *folder != "" {
		files = os.DirFS(*folder)
	}
	d := &demo{once: *once, files: files, out: stdout}
	if err := d.folder(*dir); err != nil {
		return err
	}
	defer d.cleanUp()
	return d.run(ctx)
}

// folder makes the demo's folder, and refuses one that holds something.
func (d *demo) folder(dir string) (err error) {
	if dir == "" {
		d.dir, err = os.MkdirTemp("", "fairlead-demo-")
		d.temporary = true
		return err
	}
	names, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if len(names) > 0 {
		return fmt.Errorf("%s is not empty; give a new folder, or remove it: the demo never writes over anything", dir)
	}
	d.dir = dir
	return os.MkdirAll(dir, 0o700)
}

func (d *demo) cleanUp() {
	if d.temporary {
		os.RemoveAll(d.dir)
	}
}
