package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"fairlead/internal/monitor"
)

// prove writes the receipt of a share.
func prove(ctx context.Context, o *options) error {
	return o.index(ctx, func(x *monitor.Index) error {
		r, err := x.Prove(ctx, o.word)
		if err != nil {
			return err
		}
		if o.json {
			return o.print(r)
		}
		if o.out == "" {
			_, err := io.WriteString(o.stdout, r.Text)
			return err
		}
		return o.write(func(w io.Writer) error {
			_, err := io.WriteString(w, r.Text)
			return err
		})
	})
}

// pack writes a file that an auditor takes away. What does not verify is not packed.
func pack(ctx context.Context, o *options) error {
	vkey, err := o.vkey()
	if err != nil {
		return err
	}
	if o.out == "" {
		return fmt.Errorf("%w: pack wants -out FILE", errUsage)
	}
	if _, err := monitor.Verify(ctx, o.Mirror, vkey); err != nil {
		return err
	}
	return o.index(ctx, func(x *monitor.Index) error {
		var about *monitor.About
		err := o.write(func(w io.Writer) (err error) {
			about, err = x.Pack(ctx, o.query, w)
			return err
		})
		if err != nil {
			return err
		}
		return o.print(about)
	})
}

// write makes a new file; what was begun and failed is removed.
func (o *options) write(f func(io.Writer) error) error {
	file, err := os.OpenFile(o.out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("%w: -out: %w", errUsage, err)
	}
	if err := errors.Join(f(file), file.Close()); err != nil {
		return errors.Join(err, os.Remove(o.out))
	}
	return nil
}

// verifyFile checks a receipt or a pack. Neither says by itself whose log it is of.
func (o *options) verifyFile(ctx context.Context) error {
	vkey, err := o.vkey()
	if err != nil {
		return err
	}
	if vkey == "" {
		return fmt.Errorf("%w: a receipt or a pack is verified with -key FILE, the log's verifier key got from elsewhere", errUsage)
	}
	text, err := o.start()
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(text, []byte("c2sp.org/tlog-proof@v1\n")) {
		report, err := monitor.VerifyPack(ctx, o.Mirror, vkey)
		if report.Done == "" {
			return err
		}
		return errors.Join(err, o.print(&report))
	}
	r, err := monitor.VerifyReceipt(text, vkey)
	if err != nil {
		return err
	}
	return o.print(r)
}

// start is the whole of a receipt, or the beginning of anything longer.
func (o *options) start() ([]byte, error) {
	f, err := os.Open(o.Mirror)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, 1<<20))
}
