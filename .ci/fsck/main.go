// Command fsck holds a log of ours against a verifier that we did not write: the fsck library of
// transparency-dev/tessera reads the tiles and entries of a mirror, computes tree and tiles anew, and
// compares. Then it must refuse copies in which one bit differs, or this check could not fail. It is a
// module of its own, so that what tessera needs is nothing that we need.
//
//	go run . DIR…      each DIR a mirror of fairlead-audit
package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"
	"golang.org/x/mod/sumdb/note"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "fsck:", err)
		os.Exit(1)
	}
}

func run(dirs []string) error {
	if len(dirs) == 0 {
		return errors.New("give the folder of a mirror")
	}
	for _, dir := range dirs {
		if err := check(dir); err != nil {
			return fmt.Errorf("%s: %w", dir, err)
		}
		n, err := refuses(dir)
		if err != nil {
			return fmt.Errorf("%s: %w", dir, err)
		}
		fmt.Printf("%s: tessera's fsck finds it whole, and refuses %d copies with one bit changed\n", dir, n)
	}
	return nil
}

// patience ends a check: one worker that returns can leave the others waiting for ever.
const patience = time.Minute

// check runs the library, with four workers.
func check(dir string) error {
	key, err := os.ReadFile(filepath.Join(dir, "log.vkey"))
	if err != nil {
		return err
	}
	v, err := note.NewVerifier(strings.TrimSpace(string(key)))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		done <- fsck.New(v.Name(), v, client.FileFetcher{Root: dir}, leafHashes, fsck.Opts{N: 4}).Check(ctx)
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// leafHashes are the hashes of the entries of a bundle (RFC 6962 §2.1).
func leafHashes(bundle []byte) ([][]byte, error) {
	var b api.EntryBundle
	if err := b.UnmarshalText(bundle); err != nil {
		return nil, err
	}
	var hashes [][]byte
	for _, e := range b.Entries {
		hashes = append(hashes, rfc6962.DefaultHasher.HashLeaf(e))
	}
	return hashes, nil
}

// refuses flips one bit of each file of a small log, or of a few of a large one, in a copy.
func refuses(dir string) (n int, err error) {
	var files []string
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(dir, path)
		if err == nil && !d.IsDir() && (rel == "checkpoint" || strings.HasPrefix(rel, "tile")) && len(files) < 8 {
			files = append(files, rel)
		}
		return err
	})
	for _, name := range files {
		if err := refusesOne(dir, name); err != nil {
			return n, err
		}
		n++
	}
	if n < 3 {
		err = errors.Join(err, fmt.Errorf("only %d files", n))
	}
	return n, err
}

func refusesOne(dir, name string) error {
	copied, err := os.MkdirTemp("", "fairlead-fsck-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(copied)
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		return err
	}
	b, err := os.ReadFile(filepath.Join(copied, name))
	if err != nil {
		return err
	}
	b[len(b)/2] ^= 1
	if err := os.WriteFile(filepath.Join(copied, name), b, 0o600); err != nil {
		return err
	}
	if check(copied) == nil {
		return fmt.Errorf("a bit of %s was changed and nobody noticed", name)
	}
	return nil
}
