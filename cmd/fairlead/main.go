// Fairlead is an agency's program on the command line. It holds the agency's keys, in the agency's own
// folder, and shows nothing that is not proved to be in the hub's log.
//
// Usage:
//
//	fairlead enrol INVITATION -agency ID -name NAME -type TYPE -jurisdiction CODE [-duty]
//	                              make keys here and a signed request for the hub's operator
//	fairlead sponsor REQUEST FINGERPRINT   countersign another agency's request, once its own people have read
//	                              its fingerprint out to you, in words or digits
//	fairlead join ADMISSION       take the operator's admission and connect
//	fairlead sync [-again]        send what is queued, take what has arrived; after a restore, all of it again
//	fairlead send DRAFT.yaml [-dry-run]   show what each recipient will see, and send
//	fairlead inbox                list what was delivered and proved
//	fairlead open SHARE           decrypt and show a message
//	fairlead ack SHARE LEVEL      acknowledge: opened_by_human, accepted_for_action, cannot_read, wrong_recipient
//	fairlead consent DRAFT.yaml   record a consent or a refusal
//	fairlead agreement list | propose FILE | sign REF
//	fairlead agreement suspend|resume|terminate REF REASON   at once: danger, breach, review, other
//	fairlead agencies             list the register as proved
//	fairlead staff add USER ROLE  make a signing key for one of the agency's people and put it on record
//	fairlead sent SHARE           show what this agency sent, from its own sealed copy
//	fairlead approve SHARE REASON sign, as a second person, for a share that is held
//	fairlead key rotate           make a new encryption key and announce it
//	fairlead passphrase           seal the keys under another passphrase (-unsealed: under none)
//	fairlead recovery print       print a sheet that opens the keys when the passphrase is forgotten
//	fairlead recovery split       two sheets, of which both are needed
//	fairlead recovery use         read the sheets from the standard input, one a line; set a new passphrase
//	fairlead status               how far each share has come, and what the hub did wrong, if anything
//
// Every command takes -dir (or FAIRLEAD_DIR, or -config), -json, and for what people sign -role and
// -user. The passphrase of the keys comes from the terminal, or from where config/fairlead.yaml says, and
// never from a flag. Exit status: 0 done, 1 refused or failed, 2 wrong usage.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"fairlead/internal/agreement"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(exit(os.Stderr, run(ctx, os.Args[1:], os.Stdout, os.Stderr)))
}

var errUsage = errors.New("usage: fairlead enrol | sponsor | join | sync | send | inbox | open | ack | consent | agreement | agencies | staff add | sent | approve | key rotate | passphrase | recovery print|split|use | status; see: go doc fairlead/cmd/fairlead")

// errRefused is the exit of a command whose share the hub refused: the reasons were printed.
var errRefused = errors.New("refused; the reasons are above")

// exit prints an error for a person and gives the exit status.
func exit(stderr io.Writer, err error) int {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errUsage):
		fmt.Fprintln(stderr, err)
		return 2
	}
	fmt.Fprintln(stderr, "fairlead:", err)
	return 1
}

// command is one subcommand: how many arguments it takes and what it does.
type command struct {
	args int
	do   func(ctx context.Context, s *session) error
}

var commands = map[string]command{
	"enrol": {1, enrol}, "sponsor": {2, sponsor}, "join": {1, join}, "sync": {0, sync}, "send": {1, send}, "inbox": {0, inbox}, "open": {1, open}, "ack": {2, ack},
	"consent": {1, send}, "agreement list": {0, agreements}, "agreement propose": {1, propose}, "agreement sign": {1, sign},
	"agreement suspend": {2, changeAgreement(agreement.Suspend)}, "agreement resume": {2, changeAgreement(agreement.Resume)},
	"agreement terminate": {2, changeAgreement(agreement.Terminate)},
	"agencies":            {0, agencies}, "key rotate": {0, rotate}, "staff add": {2, addStaff}, "approve": {2, approve}, "sent": {1, own}, "passphrase": {0, passphrase}, "recovery print": {0, printSheets(1)}, "recovery split": {0, printSheets(2)}, "recovery use": {0, recoverKeys}, "status": {0, status},
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	for words := 1; words <= 2 && words <= len(args); words++ {
		name := args[0]
		if words == 2 {
			name += " " + args[1]
		}
		if c, ok := commands[name]; ok {
			s, err := newSession(name, args[words:], c.args, stdout, stderr)
			if err != nil {
				return err
			}
			defer s.close()
			return c.do(ctx, s)
		}
	}
	return errUsage
}
