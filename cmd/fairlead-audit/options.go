package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode"

	"fairlead/internal/config"
	"fairlead/internal/monitor"
)

const usage = `fairlead-audit checks the log of a Fairlead hub with public keys only.

  fairlead-audit mirror -url URL -credential FILE -key FILE DIR
      Copy the log and its details into the folder DIR, or bring the copy up to date. Every file is
      verified as it comes; the log must have grown from what DIR holds. Run again after an interruption.
      With -cosigned FILE, copy the checkpoint with the witnesses' cosignatures into FILE as well.
  fairlead-audit verify [-key FILE] [-policy FILE -cosigned FILE] DIR | RECEIPT | PACK
      Verify the copy: checkpoint, entries, tiles, details. Names every entry that was altered. With a
      policy, also which witnesses cosigned a checkpoint of this log, and whether they are enough.
      A receipt of prove or a file of pack is verified as well; both want -key, and a pack is replayed.
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
  fairlead-audit search [narrowing] DIR
      List shares, notices and unreadable submissions.
  fairlead-audit ask [narrowing] DIR QUESTION
      Answer an audit question, such as AQ02: a table, what it means, and the entries that prove it.
      Without DIR and QUESTION: list all questions, and what those wait for that have no answer yet.
  fairlead-audit prove [-out FILE] DIR SHARE
      Write the receipt of a share, or of entry N: a C2SP tlog-proof that whoever has the log's key can
      verify without the hub and without DIR. It holds the entry, not its detail.
  fairlead-audit pack -out FILE [-agency ID] [-since T] [-until T] DIR
      Write one file to take away: entries with their proofs, checkpoint, key, and a report as HTML and
      CSV. Of everything, or of what is chosen with what its replay needs. Verify it with verify.
  fairlead-audit evidence [-key FILE] DIR FILE
      Hold the file that an agency made with fairlead evidence against the copy in DIR: who signed it,
      whether it knows the same log, and what each of its exhibits shows.
  fairlead-audit watch -url URL -credential FILE -key FILE [-every 30s] [-patience 15m] [-until-size N] DIR
      Follow the log into the copy in DIR: prove that it only grew, verify and replay what is new. Ends
      with ALARM and exit code 1 at the first fault, or when the hub is away for longer than -patience.
  fairlead-audit witness -new NAME -witness-key FILE DIR
      Make the key of a witness, and its state in the folder DIR.
  fairlead-audit witness -witness-key FILE -key FILE -listen HOST:PORT DIR
      Be a witness of a log: cosign its checkpoints for those who ask, as long as it only grows.

Flags, before DIR:
  -url URL          the hub's read-only HTTP server; https, or http on this machine
  -credential FILE  the read credential that the hub's operator gave you; "-" reads it from the input
  -key FILE         the log's verifier key (log.vkey), got from elsewhere than the hub. Without it the key
                    in DIR is believed: then compare the hash that is shown with the one published
  -policy FILE      whose cosignatures are enough (C2SP tlog-policy)
  -cosigned FILE    the checkpoint with its cosignatures
  -witness-key FILE the witness's own private key, mode 0600
  -listen HOST:PORT where the witness answers; put a TLS proxy before it
  -json             print JSON
  -config FILE      take what is not on the command line from FILE; see config/fairlead-audit.yaml
  -plain-http       allow http to another machine: credential and details can be read on the way

Narrowing, for search; ask takes -agency, -since, -until and what a question names:
  -agency ID   sender or recipient     -from ID   -to ID           -case TOKEN   -share ID
  -kind KIND   or "alert." for all     -result delivered | delivered_redacted | held | refused
  -reason E_…  of the share or of one section                      -section CODE, sent or withheld
  -agreement A1 or A1/2                -basis A6-1-e, a gateway or A9-2-h
  -override REASON or any              -consent ID
  -since 2027-01-11  -until 2027-02-01 (exclusive; or 2027-01-11T09:20:00Z)        -limit N (200)
  -fresh       make the index anew first. It lies beside DIR, as DIR.index.db, and is made where it is
               missing; what an answer cites is read again from DIR, so a false index can at most omit

Exit codes: 0 nothing is wrong; 1 something is wrong, and it is named; 2 the command line is wrong.
`

// commands are the subcommands by name.
var commands = map[string]func(context.Context, *options) error{
	"mirror": mirror, "verify": verify, "replay": replay, "show": show, "search": search, "ask": ask,
	"prove": prove, "pack": pack, "watch": watch, "evidence": examine, "witness": serveWitness,
}

// wants says, by command, what stands behind the folder.
var wants = map[string]string{"show": "the number of an entry", "ask": "a question", "prove": "the id of a share", "evidence": "the file of an agency"}

// Config is the configuration file. The command line wins over it.
type Config struct {
	URL        string `yaml:"url"`        // of the hub's read-only HTTP server
	Credential string `yaml:"credential"` // file with the read credential
	Key        string `yaml:"key"`        // file with the log's verifier key
	Mirror     string `yaml:"mirror"`     // folder of the mirror
	PlainHTTP  bool   `yaml:"plain_http"` // allow http to another machine

	Policy     string `yaml:"policy"`      // file with the witness policy
	Cosigned   string `yaml:"cosigned"`    // file with the cosigned checkpoint
	WitnessKey string `yaml:"witness_key"` // of witness: file with its private key
	Listen     string `yaml:"listen"`      // of witness: where it answers
	State      string `yaml:"state"`       // of witness: folder of its state
}

// options are what one run was asked for.
type options struct {
	Config
	query monitor.Query
	fresh bool
	out   string // file to write

	every, patience time.Duration // of watch
	until           int64

	file   string
	json   bool
	word   string   // what stands behind the folder
	create string   // of witness: name of a new one
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
	flags.StringVar(&o.Policy, "policy", "", "")
	flags.StringVar(&o.Cosigned, "cosigned", "", "")
	flags.StringVar(&o.WitnessKey, "witness-key", "", "")
	flags.StringVar(&o.Listen, "listen", "", "")
	flags.StringVar(&o.create, "new", "", "")
	flags.StringVar(&o.out, "out", "", "")
	flags.DurationVar(&o.every, "every", 30*time.Second, "")
	flags.DurationVar(&o.patience, "patience", 15*time.Minute, "")
	flags.Int64Var(&o.until, "until-size", 0, "")
	o.narrowing(flags)
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
	o.Policy, o.Cosigned = cmp.Or(o.Policy, c.Policy), cmp.Or(o.Cosigned, c.Cosigned)
	o.WitnessKey, o.Listen, o.State = cmp.Or(o.WitnessKey, c.WitnessKey), cmp.Or(o.Listen, c.Listen), c.State
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

// arguments takes the folder, where it is not configured, and the word behind it.
func (o *options) arguments(command string, args []string) error {
	for _, a := range args {
		if strings.HasPrefix(a, "-") {
			return fmt.Errorf("%w: flags stand before the folder: move %s to the front", errUsage, a)
		}
	}
	if command == "witness" {
		return o.stateFolder(args)
	}
	want, words := 1, ""
	if what := wants[command]; what != "" {
		want, words = 2, " and "+what
	}
	if command == "ask" && len(args) == 0 {
		return nil // all questions
	}
	if len(args) == want {
		o.Mirror, args = args[0], args[1:]
	}
	if o.Mirror == "" || len(args) != want-1 {
		return fmt.Errorf("%w: %s wants the folder of the mirror%s; see: fairlead-audit help", errUsage, command, words)
	}
	if want == 2 {
		o.word = args[0]
	}
	return nil
}

// stateFolder takes the folder of a witness, where it is not configured.
func (o *options) stateFolder(args []string) error {
	if len(args) == 1 {
		o.State, args = args[0], nil
	}
	if o.State == "" || len(args) > 0 {
		return fmt.Errorf("%w: witness wants the folder of its state; see: fairlead-audit help", errUsage)
	}
	return nil
}

// narrowing are the flags of search and ask.
func (o *options) narrowing(flags *flag.FlagSet) {
	q := &o.query
	for name, value := range map[string]*string{
		"agency": &q.Agency, "from": &q.From, "to": &q.To, "case": &q.Case, "share": &q.Share, "kind": &q.Kind, "result": &q.Result, "reason": &q.Reason,
		"agreement": &q.Agreement, "section": &q.Section, "basis": &q.Basis, "override": &q.Override, "consent": &q.Consent,
	} {
		flags.StringVar(value, name, "", "")
	}
	flags.Func("since", "", func(s string) error { return instant(&q.Since, s) })
	flags.Func("until", "", func(s string) error { return instant(&q.Until, s) })
	flags.IntVar(&q.Limit, "limit", 0, "")
	flags.BoolVar(&o.fresh, "fresh", false, "")
}

// instant reads a date, which begins at midnight UTC, or an instant.
func instant(to *time.Time, s string) (err error) {
	for _, form := range []string{time.DateOnly, time.RFC3339} {
		if *to, err = time.Parse(form, s); err == nil {
			return nil
		}
	}
	return errors.New("want 2027-01-11 or 2027-01-11T09:20:00Z")
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
