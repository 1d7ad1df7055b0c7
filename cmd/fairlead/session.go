package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"fairlead/internal/bus"
	"fairlead/internal/client"
	"fairlead/internal/config"
	"fairlead/internal/fairlead"
	"fairlead/internal/keystore"
	"fairlead/internal/schema"
)

// Config is the optional file of the program; config/fairlead.yaml is a commented sample.
type Config struct {
	// Dir is the agency's folder: keys, store, what the hub's operator sent. Back it up; keep it to yourself.
	Dir string `yaml:"dir"`
	// Role and User are who signs what people sign, unless -role and -user say otherwise. User is a pseudonym.
	Role fairlead.Role `yaml:"role"`
	User string        `yaml:"user"`
	// PassphraseFile holds the passphrase of the keys, for its owner alone to read. Without it: the environment
	// (FAIRLEAD_PASSPHRASE_FILE, FAIRLEAD_PASSPHRASE), the systemd credential fairlead-passphrase, or the terminal.
	PassphraseFile string `yaml:"passphrase_file"`
	// Wait is how long a command waits for the hub, such as "10s".
	Wait time.Duration `yaml:"wait"`
}

// session is one run of a command.
type session struct {
	Config
	json, dryRun   bool
	exercise       bool // of inbox
	unsealed       bool // of enrol and passphrase
	again          bool // of sync and enrol
	sheets         int  // of enrol
	args           []string
	stdout, stderr io.Writer

	agency, name, kind, jurisdiction string // of enrol
	duty                             bool
	danger                           bool   // of recall ask
	harm                             string // of recall answer
	of, sections, recipients         string // of consent withdraw

	home   *client.Home
	conn   *bus.Agency
	client *client.Client
}

// newSession reads flags, before or after the arguments, and the configuration.
func newSession(name string, args []string, want int, stdout, stderr io.Writer) (*session, error) {
	s := &session{stdout: stdout, stderr: stderr}
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.SetOutput(stderr)
	path := flags.String("config", "", "configuration file")
	dir := flags.String("dir", os.Getenv("FAIRLEAD_DIR"), "the agency's folder (or FAIRLEAD_DIR)")
	role := flags.String("role", "", "role of who signs, such as PRACTITIONER")
	user := flags.String("user", "", "pseudonym of who signs")
	wait := flags.Duration("wait", 0, "how long to wait for the hub (default 10s)")
	flags.BoolVar(&s.json, "json", false, "answer in JSON")
	flags.BoolVar(&s.unsealed, "unsealed", false, "enrol, passphrase: leave the keys without a passphrase; whoever reads the folder has them")
	flags.BoolVar(&s.again, "again", false, "sync: take everything from the beginning, after the folder was restored from a backup; enrol: new keys for an agency that has lost its folder, authorised by the sheets of its root on the standard input")
	flags.IntVar(&s.sheets, "sheets", 1, "enrol: on how many sheets the root is printed; all are needed")
	flags.BoolVar(&s.dryRun, "dry-run", false, "send: only show what each recipient would see")
	flags.StringVar(&s.agency, "agency", "", "enrol: id of the agency, such as NOR-CSC")
	flags.StringVar(&s.name, "name", "", "enrol: its name")
	flags.StringVar(&s.kind, "type", "", "enrol: its type, such as LA_CSC")
	flags.StringVar(&s.jurisdiction, "jurisdiction", "", "enrol: ISO code, such as GB-ENG")
	flags.BoolVar(&s.duty, "duty", false, "enrol: it has a duty inbox open day and night")
	flags.BoolVar(&s.danger, "danger", false, "recall ask: somebody is in danger by it")
	flags.StringVar(&s.of, "of", "", "consent withdraw: agency that recorded it, if another")
	flags.StringVar(&s.sections, "sections", "", "consent withdraw, permit: only these sections, with commas")
	flags.StringVar(&s.recipients, "recipients", "", "consent withdraw, permit: only for these agencies, with commas")
	flags.BoolVar(&s.exercise, "exercise", false, "inbox: exercises and tests, which are never in the live one")
	flags.StringVar(&s.harm, "harm", "", "recall answer: file with the page on the harm, JSON")
	for len(args) > 0 {
		if flags.Parse(args) != nil {
			return nil, errUsage
		}
		if args = flags.Args(); len(args) > 0 {
			s.args, args = append(s.args, args[0]), args[1:]
		}
	}
	if len(s.args) != want {
		return nil, errUsage
	}
	if *path != "" {
		if err := config.Load(*path, &s.Config); err != nil {
			return nil, err
		}
	}
	return s, s.settings(*dir, *role, *user, *wait)
}

// list splits what a flag lists with commas.
func list(words string) []string {
	return strings.FieldsFunc(words, func(r rune) bool { return r == ',' || r == ' ' })
}

// settings lets flags win over the file, and the file over defaults.
func (s *session) settings(dir, role, user string, wait time.Duration) error {
	if dir != "" {
		s.Dir = dir
	}
	if role != "" {
		s.Role = fairlead.Role(role)
	}
	if user != "" {
		s.User = user
	}
	if wait != 0 {
		s.Wait = wait
	}
	if s.Wait == 0 {
		s.Wait = 10 * time.Second
	}
	if s.Dir == "" {
		return fmt.Errorf("which agency? give -dir, -config or FAIRLEAD_DIR")
	}
	return nil
}

// open opens the folder and, if the hub can be reached, connects. Without a hub everything that needs
// none still works, and what is sent stays queued.
func (s *session) open(ctx context.Context) (err error) {
	if err := s.openHome(); err != nil {
		return err
	}
	if s.home.Schema, err = schema.Load(); err != nil {
		return err
	}
	return s.connect(ctx)
}

// openHome opens the folder and its keys.
func (s *session) openHome() (err error) {
	if s.home, err = client.OpenHome(s.Dir, keystore.Ask(s.PassphraseFile)); err != nil {
		return err
	}
	if !s.home.Sealed() {
		fmt.Fprintf(s.stderr, "WARNING: the keys in %s are not sealed; whoever reads that folder can act as this agency. Seal them: fairlead passphrase -dir %s\n", s.Dir, s.Dir)
	}
	return nil
}

func (s *session) connect(ctx context.Context) (err error) {
	log := zerolog.New(s.stderr).Level(zerolog.ErrorLevel)
	dial, cancel := context.WithTimeout(ctx, s.Wait)
	defer cancel()
	if s.conn, err = s.home.Dial(dial, nil, log); err != nil {
		fmt.Fprintf(s.stderr, "the hub at %s cannot be reached; what you send stays queued here (%v)\n", s.home.Invitation.URL, err)
	}
	if s.conn != nil {
		if err := s.home.Renew(dial, s.conn, time.Now()); err != nil {
			fmt.Fprintf(s.stderr, "the credentials were not renewed and end %s: %v\n", s.home.Admission.Until.Format(time.DateOnly), err)
		}
	}
	s.client, err = s.home.Open(s.conn, time.Now, log)
	return err
}

// current opens the folder and takes what has arrived.
func (s *session) current(ctx context.Context) error {
	if err := s.open(ctx); err != nil {
		return err
	}
	return s.catchUp(ctx)
}

func (s *session) close() {
	if s.client != nil {
		s.client.Close()
	}
	if s.conn != nil {
		s.conn.Close()
	}
	if s.home != nil {
		s.home.Close()
	}
}

// catchUp takes what has arrived until nothing more comes.
func (s *session) catchUp(ctx context.Context) error {
	if s.conn == nil {
		return nil
	}
	deadline, cancel := context.WithTimeout(ctx, s.Wait)
	defer cancel()
	for quiet := 0; quiet < 2; quiet++ {
		n, err := s.client.Sync(deadline, 150*time.Millisecond)
		if err != nil {
			return err
		}
		if n > 0 {
			quiet = -1
		}
	}
	return nil
}

// print answers in JSON if asked, else by the function for people.
func (s *session) print(v any, people func()) error {
	if !s.json {
		people()
		return nil
	}
	enc := json.NewEncoder(s.stdout)
	enc.SetIndent("", "\t")
	return enc.Encode(v)
}

func (s *session) say(format string, args ...any) { fmt.Fprintf(s.stdout, format+"\n", args...) }

// who requires role and user for what a person signs.
func (s *session) who() error {
	if s.Role == "" || s.User == "" {
		return fmt.Errorf("who signs? give -role and -user (a pseudonym), or set them in the configuration")
	}
	return nil
}
