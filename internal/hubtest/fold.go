package hubtest

import (
	"context"
	"fmt"
	"os"

	"fairlead/internal/broker"
	"fairlead/internal/bus"
	"fairlead/internal/fairlead"
	"fairlead/internal/tlog"
)

// folds starts two more brokers in a folder of their own: the first folds the whole log, the second begins with the
// state that the first has kept. They must know the same, unless the hub, which goes on, said something meanwhile.
func (w *World) folds(ctx context.Context) error {
	for {
		whole, kept, err := w.foldTwice(ctx)
		if err != nil || whole == kept {
			return err
		}
		now, _, err := w.foldTwice(ctx)
		if err != nil {
			return err
		}
		if now == whole {
			return fmt.Errorf("a broker that begins with the kept state knows something else than one that folded the log")
		}
	}
}

func (w *World) foldTwice(ctx context.Context) (whole, kept fairlead.Digest, err error) {
	dir, err := os.MkdirTemp("", "fairlead-fold-")
	if err != nil {
		return whole, kept, err
	}
	defer os.RemoveAll(dir)
	whole, at, err := w.fold(ctx, dir)
	if err != nil {
		return whole, kept, err
	}
	if at.Resumed != 0 {
		return whole, kept, fmt.Errorf("a broker without a folder began with the state of %d entries", at.Resumed)
	}
	kept, at, err = w.fold(ctx, dir)
	if err == nil && (at.Resumed == 0 || at.Resumed != at.Entries) {
		err = fmt.Errorf("a broker began with the state of %d entries, of %d", at.Resumed, at.Entries)
	}
	return whole, kept, err
}

// fold opens a broker, closes it, and says what it knew.
func (w *World) fold(ctx context.Context, dir string) (d fairlead.Digest, at broker.Status, err error) {
	who, err := w.Hub.NATS().HubUser()
	if err != nil {
		return d, at, err
	}
	to := bus.HubConfig{Server: w.Hub.NATS(), Seed: who.Seed, UserJWT: who.JWT}
	if w.cfg.NATS != "" {
		to.Server, to.At = nil, bus.Remote{URL: w.cfg.NATS, CertPEM: w.Hub.NATS().CertPEM()}
	}
	h, err := bus.OpenHub(ctx, to)
	if err != nil {
		return d, at, err
	}
	defer h.Close()
	key, err := w.LogKey()
	if err != nil {
		return d, at, err
	}
	signer, err := tlog.NewSigner(key)
	if err != nil {
		return d, at, err
	}
	b, err := broker.Open(ctx, broker.Config{Hub: h, Dir: dir, Signer: signer, Verifier: w.Hub.Verifier(), Now: w.Clock.Now, Log: w.cfg.Log})
	if err != nil {
		return d, at, err
	}
	defer b.Close()
	d, err = b.Known()
	return d, b.Status(), err
}
