package tlog

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// WriteFile makes a file of a mirrored directory durable: whoever reads it later, even after a power
// cut, finds the old bytes or the new ones whole. The name is relative and slash-separated, as Files
// gives it; a name that leads out of dir is refused.
func WriteFile(dir, name string, data []byte) error {
	if !filepath.IsLocal(filepath.FromSlash(name)) {
		return fileError(ErrUnknown, name, "%q is not a name inside the directory", name)
	}
	b := batch{dir: dir}
	if err := b.put(name, data); err != nil {
		return err
	}
	return b.sync()
}

// batch makes several files durable. Each is written beside its place, synced and renamed; the
// directories they stand in are synced once at the end.
type batch struct {
	dir     string
	touched []string
}

func (b *batch) put(name string, data []byte) error {
	path := filepath.Join(b.dir, filepath.FromSlash(name))
	if err := b.mkdir(filepath.Dir(path)); err != nil {
		return err
	}
	temp, err := writeTemp(filepath.Dir(path), data)
	if err != nil {
		return err
	}
	if err := os.Rename(temp, path); err != nil {
		return errors.Join(err, os.Remove(temp))
	}
	b.touch(filepath.Dir(path))
	return nil
}

// mkdir makes a directory and those above it. A new one is only durable when the one above is synced.
func (b *batch) mkdir(path string) error {
	err := os.Mkdir(path, 0o700)
	if errors.Is(err, fs.ErrNotExist) && path != filepath.Dir(path) {
		if err := b.mkdir(filepath.Dir(path)); err != nil {
			return err
		}
		err = os.Mkdir(path, 0o700)
	}
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	b.touch(filepath.Dir(path))
	return err
}

func (b *batch) touch(path string) {
	if !slices.Contains(b.touched, path) {
		b.touched = append(b.touched, path)
	}
}

func (b *batch) sync() error {
	for _, path := range b.touched {
		if err := SyncDir(path); err != nil {
			return err
		}
	}
	b.touched = nil
	return nil
}

// SyncDir makes durable which files a directory has.
func SyncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// writeTemp writes a synced temporary file and returns its path; on an error it leaves none.
func writeTemp(dir string, data []byte) (path string, err error) {
	f, err := os.CreateTemp(dir, temporary+"*")
	if err != nil {
		return "", err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return f.Name(), nil
}
