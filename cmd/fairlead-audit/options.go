package main

import (
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"

	"fairlead/internal/config"
)

const usage = `fairlead-audit checks the log of a Fairlead hub with public keys only.

  fairlead-audit mirror -url URL -credential FILE -key FILE DIR
      Copy the log and its details into the folder DIR, or bring the copy up to date. Every file is
      verified as it comes; the log must have grown from what DIR holds. Run again after an interruption.
  fairlead-audit verify [-key FILE] DIR
      Verify the copy: checkpoint, entries, tiles, details. Names every entry that was altered.
  fairlead-audit replay [-key FILE] DIR
      Verify, then decide every share again on the entries before it. Names every entry that does not
      follow: another decision, other reasons, a section dropped, a wrong number, a wrong commitment.
  fairlead-audit show [-key FILE] DIR N
      Show entry N in words. With -json, all of it.
  fairlead-audit policy lint [-key FILE] DIR [REF]
      Read an agreement on record, or all of them, as a data-protection officer would.
  fairlead-audit policy matrix [-key FILE] DIR AGENCY AGENCY
      Who may send what to whom between two agencies, in both directions, after the last entry.
  fairlead-audit policy diff [-key FILE] DIR REF REF
      What another version of an agreement opens, closes and changes: every combination is looked at.
  fairlead-audit policy explain [-key FILE] DIR N
      Why entry N was decided so: each check, each clause with its signed words, each law, what to change.
      Shows what the sender is not told.

Flags, before DIR:
  -url URL          the hub's read-only HTTP server; https, or http on this machine
  -credential FILE  the read credential that the hub's operator gave you; "-" reads it from the input
  -key FILE         the log's verifier key (log.vkey), got from elsewhere than the hub. Without it the key
                    in DIR is believed: then compare the hash that is shown with the one published
  -json             print JSON
  -config FILE      take what is not on the command line from FILE; see config/fairlead-audit.yaml
  -plain-http       allow http to another machine: credential and details can be read on the way

Exit codes: 0 nothing is wrong; 1 something is wrong, and it is named; 2 the command line is wrong.
`

// commands are the subcommands by name.
var commands = map[string]func(context.Context, *options) error{
	"mirror": mirror, "verify": verify, "replay": replay, "show": show,
}

// Config is the configuration file. The command line wins over it.
type Config struct {
	URL        string `yaml:"url"`        // of the hub's read-only HTTP server
	Credential string `yaml:"credential"` // file with the read credential
	Key        string `yaml:"key"`        // file with the log's verifier key
	Mirror     string `yaml:"mirror"`     // folder of the mirror
	PlainHTTP  bool   `yaml:"plain_http"` // allow http to another machine
}

// options are what one run was asked for.
type options struct {
	Config
	file   string
	json   bool
	entry  string   // argument of show
	rest   []string // arguments of policy after the folder
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
}

// parse reads flags, arguments and the configuration file.
func parse(args []string, stdin io.Reader, stdout, stderr io.Writer) (*options, error) {
	o := &options{stdin: stdin, stdout: printable{stdout}, stderr: printable{stderr}}
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&o.URL, "url", "", "")
	flags.StringVar(&o.Credential, "credential", "", "")
	flags.StringVar(&o.Key, "key", "", "")
	flags.StringVar(&o.file, "config", "", "")
	flags.BoolVar(&o.json, "json", false, "")
	flags.BoolVar(&o.PlainHTTP, "plain-http", false, "")
	if err := flags.Parse(args[1:]); err != nil {
		return nil, fmt.Errorf("%w: %w; see: fairlead-audit help", errUsage, err)
	}
	if o.file != "" {
		if err := o.load(); err != nil {
			return nil, err
		}
	}
	if strings.HasPrefix(args[0], "policy ") {
		return o, o.policy(args[0], flags.Args())
	}
	return o, o.arguments(args[0], flags.Args())
}

// load fills in from the configuration file what the command line leaves open.
func (o *options) load() error {
	var c Config
	if err := config.Load(o.file, &c); err != nil {
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	o.URL, o.Credential, o.Key = cmp.Or(o.URL, c.URL), cmp.Or(o.Credential, c.Credential), cmp.Or(o.Key, c.Key)
	o.Mirror, o.PlainHTTP = c.Mirror, o.PlainHTTP || c.PlainHTTP
	return nil
}

// policy takes the folder, where it is not configured, and what the tool wants after it.
func (o *options) policy(command string, args []string) error {
	want := policies[strings.TrimPrefix(command, "policy ")].args
	least, most := want, want
	if want < 0 { // one at most
		least, most = 0, 1
	}
	for _, a := range args {
		if strings.HasPrefix(a, "-") {
			return fmt.Errorf("%w: flags stand before the folder: move %s to the front", errUsage, a)
		}
	}
	if len(args) > 0 && (o.Mirror == "" || len(args) > most) {
		o.Mirror, args = args[0], args[1:]
	}
	if o.Mirror == "" || len(args) < least || len(args) > most {
		return fmt.Errorf("%w: %s wants the folder of the mirror and what to look at; see: fairlead-audit help", errUsage, command)
	}
	o.rest = args
	return nil
}

// arguments takes the folder, where it is not configured, and the number of the entry for show.
func (o *options) arguments(command string, args []string) error {
	for _, a := range args {
		if strings.HasPrefix(a, "-") {
			return fmt.Errorf("%w: flags stand before the folder: move %s to the front", errUsage, a)
		}
	}
	want := 1
	if command == "show" {
		want = 2
	}
	if len(args) == want {
		o.Mirror, args = args[0], args[1:]
	}
	if o.Mirror == "" || len(args) != want-1 {
		return fmt.Errorf("%w: %s wants the folder of the mirror%s; see: fairlead-audit help", errUsage, command,
			map[bool]string{true: " and the number of an entry"}[want == 2])
	}
	if want == 2 {
		o.entry = args[0]
	}
	return nil
}

// vkey is the verifier key that was given, or "".
func (o *options) vkey() (string, error) {
	if o.Key == "" {
		return "", nil
	}
	b, err := os.ReadFile(o.Key)
	if err != nil {
		return "", fmt.Errorf("%w: -key: %w", errUsage, err)
	}
	return strings.TrimSpace(string(b)), nil
}

// print writes a value as JSON, or in words.
func (o *options) print(v interface{ Words() string }) error {
	if !o.json {
		_, err := io.WriteString(o.stdout, v.Words())
		return err
	}
	e := json.NewEncoder(o.stdout)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// printable keeps what a log or a folder may contain from acting on the terminal.
type printable struct{ w io.Writer }

// Write writes p with a mark in place of each control character but line feed and tab.
func (p printable) Write(b []byte) (int, error) {
	clean := strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && !unicode.IsGraphic(r) {
			return '�'
		}
		return r
	}, string(b))
	if _, err := io.WriteString(p.w, clean); err != nil {
		return 0, err
	}
	return len(b), nil
}
