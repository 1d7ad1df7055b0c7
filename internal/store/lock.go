package store

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// ErrInUse says that another program works on a folder.
var ErrInUse = errors.New("store: in use")

// Lock holds a folder for one program until it is closed or the process ends, however it ends. A second
// one is refused and told which program to stop: two would number, acknowledge and rotate against each other.
func Lock(dir string) (io.Closer, error) {
	path := filepath.Join(dir, "lock")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		holder, _ := io.ReadAll(io.LimitReader(f, 200)) // only for the message
		f.Close()
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		return nil, fmt.Errorf("%w: %s works on %s; wait until it ends or stop it", ErrInUse, strings.TrimSpace(string(holder)), dir)
	}
	who := fmt.Sprintf("%s (process %d)\n", filepath.Base(os.Args[0]), os.Getpid())
	if err := errors.Join(f.Truncate(0), writeAt(f, who)); err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return lock{f}, nil
}

// lock is a held folder.
type lock struct{ *os.File }

// Close frees the folder. It unlocks before it closes: a process that was just being started may still
// hold a copy of the file.
func (l lock) Close() error {
	return errors.Join(syscall.Flock(int(l.Fd()), syscall.LOCK_UN), l.File.Close())
}

func writeAt(f *os.File, text string) error {
	_, err := f.WriteAt([]byte(text), 0)
	return err
}
