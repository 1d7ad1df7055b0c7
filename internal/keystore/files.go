package keystore

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// WriteFile replaces a file that its owner alone may read (mode 0600), whole or not at all, and waits
// for the disk.
func WriteFile(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // a no-op after the rename
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// readPrivate reads a small file that its owner alone may read.
func readPrivate(path string) ([]byte, error) {
	if err := private(path, "600"); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}

// private refuses a file or folder that others may read or write, and says what to do.
func private(path, mode string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("%w: %s; run: chmod %s %s", ErrOpen, path, mode, path)
	}
	return nil
}
