package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"fairlead/internal/config"
	"fairlead/internal/hub"
	"fairlead/internal/keystore"
)

// Config is the file of `fairlead-hub run`; config/fairlead-hub.yaml is a commented sample.
type Config struct {
	// Dir holds all state of the hub: log, details, NATS store, keys. Back it up; its log is metadata in clear.
	Dir string `yaml:"dir"`
	// Listen is "host:port" where agencies connect over TLS 1.3, to this program or to the server of NATS.
	Listen string `yaml:"listen"`
	// NATS is "tls://host:port" of a nats-server that is a program of its own, set up with fairlead-hub
	// nats-config. Left out, the server is in this program.
	NATS string `yaml:"nats"`
	// ClientCA is a file of certificates in PEM: agencies must also show a TLS certificate that one of them vouches
	// for (mutual TLS); empty: none is asked for. Set it before nats-config, where the server is a program of its own.
	ClientCA string `yaml:"client_ca"`
	// HTTP is "host:port" of the read-only server: checkpoint, tiles, health, metrics. Loopback unless a
	// TLS proxy stands before it.
	HTTP string `yaml:"http"`
	// Origin names the log in its checkpoints for ever, such as "hub.example.org/log". It is used once, when the log is made.
	Origin string `yaml:"origin"`
	// Witnesses is a file that says whose cosignatures make the log witnessed (C2SP tlog-policy); empty: nobody is
	// asked. config/witness.policy is a commented sample.
	Witnesses string `yaml:"witnesses"`
	// PassphraseFile holds the passphrase of DIR/keys, for its owner alone to read. Without it: the environment
	// (FAIRLEAD_PASSPHRASE_FILE, FAIRLEAD_PASSPHRASE), the systemd credential fairlead-passphrase, or the terminal.
	PassphraseFile string `yaml:"passphrase_file"`
	// Unsealed makes a new hub's keys without a passphrase: whoever reads DIR/keys can act as the hub.
	Unsealed bool `yaml:"unsealed"`
	// Log is "json" or "console"; empty picks console on a terminal.
	Log string `yaml:"log"`
}

func (c *Config) check() error {
	switch {
	case c.Dir == "":
		return fmt.Errorf("%w: dir: name the folder of the hub's state", config.ErrConfig)
	case c.Listen == "":
		return fmt.Errorf("%w: listen: name host:port for agencies", config.ErrConfig)
	case c.NATS != "" && !strings.HasPrefix(c.NATS, "tls://"):
		return fmt.Errorf("%w: nats: want tls://host:port; nothing goes in clear", config.ErrConfig)
	case c.Origin == "":
		return fmt.Errorf("%w: origin: name the log, such as hub.example.org/log", config.ErrConfig)
	case c.Unsealed && c.PassphraseFile != "":
		return fmt.Errorf("%w: unsealed: it contradicts passphrase_file; choose one", config.ErrConfig)
	case c.Log != "" && c.Log != "json" && c.Log != "console":
		return fmt.Errorf("%w: log: want json or console", config.ErrConfig)
	}
	return nil
}

// configured reads the configuration that -config names, beside what a command has flags for.
func configured(flags *flag.FlagSet, args []string, stderr io.Writer) (*Config, error) {
	flags.SetOutput(stderr)
	path := flags.String("config", "", "the hub's configuration file")
	if flags.Parse(args) != nil || *path == "" || flags.NArg() > 0 {
		return nil, errUsage
	}
	cfg := new(Config)
	if err := config.Load(*path, cfg); err != nil {
		return nil, err
	}
	return cfg, cfg.check()
}

func runHub(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	cfg, err := configured(flag.NewFlagSet("run", flag.ContinueOnError), args, stderr)
	if err != nil {
		return err
	}
	what, err := cfg.hub(stderr)
	if err != nil {
		return err
	}
	h, err := hub.Start(ctx, what)
	if err != nil {
		return err
	}
	defer h.Close()
	fmt.Fprintf(stdout, "hub ready\n  agencies %s\n  http     %s\n  socket   %s\n", h.URL(), h.HTTPURL(), h.SocketPath())
	<-ctx.Done()
	return nil
}

func (c *Config) hub(stderr io.Writer) (what hub.Config, err error) {
	what = hub.Config{
		Dir: c.Dir, Listen: c.Listen, NATS: c.NATS, HTTP: c.HTTP, Origin: c.Origin, Unlock: c.unlock(), Now: time.Now, Log: logger(c.Log, stderr),
	}
	for _, file := range []struct {
		key, path string
		into      *[]byte
	}{{"witnesses", c.Witnesses, &what.Policy}, {"client_ca", c.ClientCA, &what.ClientCA}} {
		if file.path == "" {
			continue
		}
		if *file.into, err = os.ReadFile(file.path); err != nil {
			return what, fmt.Errorf("%w: %s: %w", config.ErrConfig, file.key, err)
		}
	}
	return what, nil
}

// writeServer writes what a nats-server that is a program of its own needs to serve this hub.
func writeServer(_ context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("nats-config", flag.ContinueOnError)
	out := flags.String("o", "", "folder to write")
	cfg, err := configured(flags, args, stderr)
	switch {
	case err != nil:
		return err
	case *out == "":
		return errUsage
	case cfg.NATS == "":
		return fmt.Errorf("%w: nats: name the address of the server, tls://host:port", config.ErrConfig)
	}
	what, err := cfg.hub(stderr)
	if err != nil {
		return err
	}
	if err := hub.WriteServer(what, *out, cfg.Listen); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "written to %s; move it to the server's machine, whole and unread. Start there, in that folder:\n"+
		"  FAIRLEAD_STORE_KEY=key-$(openssl rand -hex 32) nats-server -c nats.conf\nKeep that key: without it the store is lost.\n", *out)
	return nil
}

// unlock is where the passphrase of the hub's keys comes from.
func (c *Config) unlock() keystore.Source {
	if c.Unsealed {
		return keystore.Unsealed
	}
	return keystore.Ask(c.PassphraseFile)
}

// passphrase seals the hub's keys under another passphrase; the hub may run meanwhile.
func passphrase(_ context.Context, args []string, stdout, stderr io.Writer) error {
	cfg, err := configured(flag.NewFlagSet("passphrase", flag.ContinueOnError), args, stderr)
	if err != nil {
		return err
	}
	keys, err := keystore.Open(filepath.Join(cfg.Dir, "keys"), keystore.Ask(cfg.PassphraseFile))
	if err != nil {
		return err
	}
	defer keys.Close()
	if err := keys.Reseal(keystore.AskNew); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "done; old copies of %s still open with the old passphrase\n", cfg.Dir)
	return nil
}

// logger writes JSON, or lines for a person on a terminal. It never sees content.
func logger(format string, w io.Writer) zerolog.Logger {
	if f, ok := w.(*os.File); ok && format == "" {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			format = "console"
		}
	}
	if format == "console" {
		w = zerolog.ConsoleWriter{Out: w, TimeFormat: time.RFC3339}
	}
	return zerolog.New(w).With().Timestamp().Logger().Level(zerolog.InfoLevel)
}
