package monitor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"fairlead/internal/tlog"
)

// MirrorConfig says what to mirror, and where to.
type MirrorConfig struct {
	URL        string       // of the hub's read-only HTTP server
	Credential string       // the auditor's read credential
	Dir        string       // the mirror; made where it is not
	VKey       string       // verifier key of the log, got from elsewhere than the hub
	HTTP       *http.Client // nil: http.DefaultClient
}

// maxTries is how often a mirror reads the checkpoint again because the log grew under its hands.
const maxTries = 20

// Mirror brings a mirror up to the hub's checkpoint. It first proves that the log only grew since, and
// verifies every file as it comes; it writes the checkpoint last, so what broke off is completed by the
// next run. One run at a time may write a mirror. The report says what it has reached.
//
// Errors: ErrForked (a [*Fork] with both checkpoints) and ErrOlder leave the mirror as it was; ErrHub
// where the hub does not serve its own log; ErrMirror where the folder is none of this log.
func Mirror(ctx context.Context, cfg MirrorConfig) (Report, error) {
	m, err := newMirror(cfg)
	if err != nil {
		return Report{}, err
	}
	defer os.RemoveAll(m.stage)
	text, tree, err := m.head(ctx)
	if err == nil {
		err = m.extends(ctx, text, tree)
	}
	if err == nil {
		err = m.grow(ctx, tree)
	}
	if err == nil {
		err = m.unseen(ctx)
	}
	if err == nil {
		err = m.finish(text, tree)
	}
	return m.report(Mirrored), err
}

// Fork is the proof that a log was forked or rewritten: two checkpoints with its signature that are
// not of one history.
type Fork struct {
	Mirrored, Shown []byte // signed checkpoints
	old, new        tlog.Tree
}

// Error is the sentence for people.
func (f *Fork) Error() string {
	return fmt.Sprintf("%v: the mirror has %d entries with root %s, the hub shows %d with root %s, and neither begins with the other, "+
		"yet the log signed both. Keep both checkpoints, compare with other auditors and witnesses, and tell the members",
		ErrForked, f.old.N, rootText(f.old.Hash), f.new.N, rootText(f.new.Hash))
}

// Unwrap gives ErrForked.
func (f *Fork) Unwrap() error { return ErrForked }

// mirror is one run.
type mirror struct {
	*archive
	remote   *remote
	cfg      MirrorConfig
	erasures erasures // of the entries that are new
	stage    string   // folder for what the hub says before it is proved to fit the mirror
}

func newMirror(cfg MirrorConfig) (*mirror, error) {
	m := &mirror{cfg: cfg}
	var err error
	if m.remote, err = newRemote(cfg); err != nil {
		return nil, err
	}
	if err := prepare(cfg); err != nil {
		return nil, err
	}
	if m.archive, err = openArchive(cfg.Dir, cfg.VKey); err != nil {
		return nil, err
	}
	if err := m.reach(); err != nil && !errors.Is(err, tlog.ErrMissing) {
		return nil, fmt.Errorf("%w: %w; mirror into a new folder and keep this one as evidence", ErrMirror, err)
	}
	m.stage, err = os.MkdirTemp("", "fairlead-mirror-")
	return m, err
}

// prepare makes a new mirror of an empty folder, and refuses a folder that holds anything else.
func prepare(cfg MirrorConfig) error {
	key, err := readKey("the key given", cfg.VKey)
	if err != nil {
		return err
	}
	names, err := os.ReadDir(cfg.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, d := range names {
		if !belongs(d) && !temporary(d.Name()) {
			return fmt.Errorf("%w: %s holds %s; mirror into an empty folder", ErrMirror, cfg.Dir, d.Name())
		}
	}
	if slices.ContainsFunc(names, func(d fs.DirEntry) bool { return !temporary(d.Name()) }) {
		return nil
	}
	return tlog.WriteFile(cfg.Dir, keyFile, []byte(key.line+"\n"))
}

// temporary is what a run that was killed may leave of tlog.WriteFile.
func temporary(name string) bool { return strings.HasPrefix(name, ".tmp-") }

// head reads the checkpoint and, at once, the partial tiles of its size, before the log grows over them.
func (m *mirror) head(ctx context.Context) ([]byte, tlog.Tree, error) {
	var before []byte
	for range maxTries {
		text, err := m.remote.get(ctx, checkpointFile)
		if err != nil {
			return nil, tlog.Tree{}, err
		}
		tree, err := tlog.OpenCheckpoint(text, m.key.Verifier)
		if err != nil {
			return nil, tree, fmt.Errorf("%w shows a checkpoint that is not this log's: %w; is it the hub whose key you were given?", ErrHub, err)
		}
		if tree == m.tree {
			return text, tree, nil
		}
		err = m.edge(ctx, tree)
		if !errors.Is(err, errGone) || string(text) == string(before) {
			return text, tree, err
		}
		before = text
	}
	return nil, tlog.Tree{}, fmt.Errorf("%w changes its log faster than it can be read; run the mirror again", ErrHub)
}

// edge stages the partial tiles of a tree.
func (m *mirror) edge(ctx context.Context, tree tlog.Tree) error {
	for name := range tlog.Files(0, tree.N) {
		if !strings.Contains(name, ".p/") || exists(m.stage, name) {
			continue
		}
		if err := m.fetch(ctx, m.stage, name); err != nil {
			return err
		}
	}
	return nil
}

func exists(dir, name string) bool {
	_, err := os.Lstat(filepath.Join(dir, filepath.FromSlash(name)))
	return err == nil
}

// fetch copies one file of the hub into a folder.
func (m *mirror) fetch(ctx context.Context, dir, name string) error {
	b, err := m.remote.get(ctx, name)
	if err != nil {
		return err
	}
	return tlog.WriteFile(dir, name, b)
}

// extends proves from the hub's own tiles that the new tree begins with the mirrored one. Nothing of
// the mirror is read for it, so that a damaged mirror is not taken for a fork.
func (m *mirror) extends(ctx context.Context, text []byte, tree tlog.Tree) error {
	switch {
	case m.text == nil || tree == m.tree:
		return nil
	case tree.N == m.tree.N:
		return &Fork{m.text, text, m.tree, tree}
	case tree.N < m.tree.N:
		return m.older(text, tree)
	}
	var proof []tlog.Hash
	err := m.settle(ctx, m.stage, func() error {
		r, err := tlog.OpenReader(m.stage, tree)
		if err == nil {
			proof, err = r.Consistency(m.tree.N)
		}
		return err
	})
	if err != nil {
		return err
	}
	if tlog.VerifyConsistency(m.tree, tree, proof) != nil {
		return &Fork{m.text, text, m.tree, tree}
	}
	return nil
}

// older tells a hub that went back from one that shows another history, by the mirror's own tiles.
func (m *mirror) older(text []byte, tree tlog.Tree) error {
	r, err := tlog.OpenReader(m.dir, m.tree)
	if err != nil {
		return fmt.Errorf("%w: %w; verify the mirror", ErrMirror, err)
	}
	proof, err := r.Consistency(tree.N)
	if err != nil {
		return fmt.Errorf("%w: %w; verify the mirror", ErrMirror, err)
	}
	if tlog.VerifyConsistency(tree, m.tree, proof) != nil {
		return &Fork{m.text, text, m.tree, tree}
	}
	return fmt.Errorf("%w: %d entries, the mirror has %d, on the same history; ask its operator whether it was restored from a copy, "+
		"and keep this mirror: it holds what the hub has lost", ErrOlder, tree.N, m.tree.N)
}

// settle runs read on a folder until no file of the hub is missing there or differs from what leads to
// the root. Each is fetched at most once: what is wrong then is wrong at the hub.
func (m *mirror) settle(ctx context.Context, dir string, read func() error) error {
	fetched := map[string]bool{}
	for {
		err := read()
		e, ok := errors.AsType[*tlog.FileError](err)
		if !ok {
			return err
		}
		if fetched[e.Path] || e.Path == checkpointFile {
			return fmt.Errorf("%w serves what its own checkpoint does not sign: %w; tell its operator", ErrHub, err)
		}
		fetched[e.Path] = true
		if err := m.fetch(ctx, dir, e.Path); err != nil {
			return err
		}
	}
}

// finish makes the new checkpoint the mirror's and removes what it does not cover.
func (m *mirror) finish(text []byte, tree tlog.Tree) error {
	if err := tlog.WriteFile(m.dir, checkpointFile, text); err != nil {
		return err
	}
	m.text, m.tree = text, tree
	if err := tlog.Prune(m.dir, tree.N); err != nil {
		return err
	}
	d, err := tlog.OpenDetails(filepath.Join(m.dir, detailsDir), tree.N) // cuts off what is past the size
	if err != nil {
		return err
	}
	if err := d.Close(); err != nil {
		return err
	}
	return m.sweep()
}

// sweep removes what a run that was killed left at the top of the mirror.
func (m *mirror) sweep() error {
	names, err := os.ReadDir(m.dir)
	if err != nil {
		return err
	}
	for _, d := range names {
		if temporary(d.Name()) {
			if err := os.Remove(filepath.Join(m.dir, d.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}
