package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"fairlead/internal/tlog"
	"fairlead/internal/witness"
)

// serveWitness makes a witness with -new, else runs one until it is told to end.
func serveWitness(ctx context.Context, o *options) error {
	if o.WitnessKey == "" {
		return fmt.Errorf("%w: witness wants -witness-key FILE", errUsage)
	}
	if o.create != "" {
		return o.newWitness()
	}
	w, key, err := o.openWitness()
	if err != nil {
		return err
	}
	defer w.Close()
	ln, err := net.Listen("tcp", o.Listen)
	if err != nil {
		return fmt.Errorf("%w: -listen: %w", errUsage, err)
	}
	fmt.Fprintf(o.stdout, "witness %s ready on http://%s\nits line in a policy: %s\n", key.Name(), ln.Addr(), policyLine(key))
	s := &http.Server{Handler: w, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: 30 * time.Second, MaxHeaderBytes: 16 << 10}
	go func() {
		<-ctx.Done()
		within, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = s.Shutdown(within) // what is not answered by then is asked again
	}()
	if err := s.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// policyLine is how a policy lists a witness; the address is for the reader to fill in.
func policyLine(key *tlog.Cosigner) string {
	return fmt.Sprintf("witness %s %s https://…", key.Name(), key.VKey())
}

// newWitness makes key and state, and nothing over what is there.
func (o *options) newWitness() error {
	skey, err := tlog.GenerateCosigner(o.create)
	if err != nil {
		return fmt.Errorf("%w: -new: %w", errUsage, err)
	}
	key, err := tlog.NewCosigner(skey)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(o.WitnessKey, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%w: %s is there already; a new witness has a new key and a new folder", errUsage, o.WitnessKey)
	}
	if err != nil {
		return err
	}
	_, err = f.WriteString(skey + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := witness.Create(o.State); err != nil {
		return errors.Join(err, os.Remove(o.WitnessKey))
	}
	fmt.Fprintf(o.stdout, "key in %s, state in %s; keep the two together, and never restore the state from an older copy\nits line in a policy: %s\n",
		o.WitnessKey, o.State, policyLine(key))
	return nil
}

// openWitness reads key and state, both of which only their owner may touch.
func (o *options) openWitness() (*witness.Witness, *tlog.Cosigner, error) {
	if o.Key == "" || o.Listen == "" {
		return nil, nil, fmt.Errorf("%w: witness wants -key FILE with the log's verifier key, and -listen HOST:PORT", errUsage)
	}
	if err := errors.Join(private(o.WitnessKey, "600"), private(o.State, "700")); err != nil {
		return nil, nil, err
	}
	raw, err := os.ReadFile(o.WitnessKey)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: -witness-key: %w", errUsage, err)
	}
	key, err := tlog.NewCosigner(strings.TrimSpace(string(raw)))
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %s: %w", errUsage, o.WitnessKey, err)
	}
	log, err := o.log()
	if err != nil {
		return nil, nil, err
	}
	w, err := witness.Open(o.State, key, time.Now, log)
	return w, key, err
}

// private refuses a file or folder that others than its owner may read or write.
func private(path, mode string) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("%w: %w; make a witness with: fairlead-audit witness -new NAME -witness-key FILE DIR", errUsage, err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("%w: %s has mode %04o: others than its owner can read or change it; if nobody did, run: chmod %s %s",
			errUsage, path, info.Mode().Perm(), mode, path)
	}
	return nil
}

// log is the log's verifier, from -key.
func (o *options) log() (*tlog.Verifier, error) {
	vkey, err := o.vkey()
	if err != nil {
		return nil, err
	}
	v, err := tlog.NewVerifier(vkey)
	if err != nil {
		return nil, fmt.Errorf("%w: -key: %w", errUsage, err)
	}
	return v, nil
}
