package monitor

import (
	"context"
	"errors"
	"runtime"

	"fairlead/internal/entry"
	"fairlead/internal/tlog"
)

// record is one entry whose leaf leads to the root and whose detail is the one the leaf commits to.
type record struct {
	index   int64
	leaf    entry.Leaf
	raw     []byte        // bytes of the detail
	detail  *entry.Detail // nil where they cannot be read: why says so
	why     error
	blank   bool               // the detail is erased
	rows    map[string][][]any // for the index; nil: not derived yet
	checked *checked           // for a replay; nil: the signature is not checked yet
}

// each calls f for records in the order of the log.
type each func(ctx context.Context, f func(*record) error) error

// open authenticates the detail of an entry and reads it.
func (e line) open() (*record, error) {
	l, err := e.bound()
	if errors.Is(err, errBlank) {
		return &record{index: e.index, leaf: l, raw: e.detail, blank: true, why: err}, nil
	}
	if err != nil {
		return nil, err
	}
	r := &record{index: e.index, leaf: l, raw: e.detail}
	r.detail, r.why = entry.ParseDetail(e.detail)
	return r, nil
}

// each calls f for every entry, in order. It stops at the first that does not verify, and where f fails.
func (a *archive) each(ctx context.Context, f func(*record) error) error {
	return a.from(ctx, 0, nil, f)
}

// from is each for the entries from an index on. Reading details takes longer than anything else, so the
// next blocks are read while f is at work; prepare, if there is one, is called then too, for several records
// at the same time.
func (a *archive) from(ctx context.Context, index int64, prepare func(*record), f func(*record) error) error {
	ctx, cancel := context.WithCancel(ctx)
	blocks := make(chan chan opened, runtime.GOMAXPROCS(0))
	defer func() { // the reader has ended when this returns: the folder may be removed
		cancel()
		for b := range blocks {
			<-b
		}
	}()
	go func() {
		defer close(blocks)
		a.ahead(ctx, index, prepare, blocks)
	}()
	var e erasures
	for b := range blocks {
		o := <-b
		for _, r := range o.records {
			e.record(r)
			if err := f(r); err != nil {
				return err
			}
		}
		if o.err != nil {
			return o.err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return e.unordered()
}

// opened are the records of a block, up to the one that err is of.
type opened struct {
	records []*record
	err     error
}

// ahead reads block after block, and opens each in a goroutine of its own.
func (a *archive) ahead(ctx context.Context, index int64, prepare func(*record), blocks chan<- chan opened) {
	r, err := tlog.OpenReader(a.dir, a.tree)
	for k := index / span; k < a.blocks() || err != nil; k++ {
		var lines []line
		if err == nil {
			err = a.block(ctx, r, k, func(e line) error {
				if e.index >= index {
					lines = append(lines, e)
				}
				return nil
			})
		}
		b := make(chan opened, 1)
		select {
		case blocks <- b:
		case <-ctx.Done():
			return
		}
		if err != nil {
			o := openAll(lines, prepare)
			if o.err == nil {
				o.err = err
			}
			b <- o
			return
		}
		go func() { b <- openAll(lines, prepare) }()
	}
}

func openAll(lines []line, prepare func(*record)) (o opened) {
	for _, e := range lines {
		r, err := e.open()
		if err != nil {
			o.err = err
			return o
		}
		if prepare != nil {
			prepare(r)
		}
		o.records = append(o.records, r)
	}
	return o
}
