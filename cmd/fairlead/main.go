// Fairlead is an agency's program on the command line. It holds the agency's keys, in the agency's own
// folder, and shows nothing that is not proved to be in the hub's log.
//
// Usage:
//
//	fairlead enrol INVITATION -agency ID -name NAME -type TYPE -jurisdiction CODE [-duty]
//	                              make keys here and a signed request for the hub's operator; print the agency's root
//	                              for paper (-sheets 2: on two sheets, of which both are needed)
//	fairlead reenrol              new keys after a loss or theft, authorised by the root: its sheets from the standard
//	                              input, one a line. Without the old folder: fairlead enrol ... -again
//	fairlead sponsor REQUEST FINGERPRINT   countersign another agency's request, once its own people have read
//	                              its fingerprint out to you, in words or digits
//	fairlead join ADMISSION       take the operator's admission and connect
//	fairlead invitation FILE      take a later invitation of the same hub: where it is, and its policy of witnesses where
//	                              there is none here
//	fairlead sync [-again]        send what is queued, take what has arrived; after a restore, all of it again
//	fairlead send DRAFT.yaml [-dry-run]   show what each recipient will see, and send
//	fairlead inbox [-exercise]    list what was delivered and proved; exercises have an inbox of their own
//	fairlead open SHARE           decrypt and show a message
//	fairlead ack SHARE LEVEL      acknowledge: opened_by_human, accepted_for_action, cannot_read, wrong_recipient
//	fairlead recall ask SHARE REASON ACTION [-danger]   ask for a share back: wrong_recipient, wrong_child, inaccurate,
//	                              excess_sections, consent_invalid, danger_changed, key_compromise, legal;
//	                              to delete, quarantine, return, correct
//	fairlead recall answer SHARE STATE [-harm FILE.json]   deleted, quarantined, already_used, onward_shared,
//	                              not_received, refused_legal_hold
//	fairlead consent DRAFT.yaml   record a consent or a refusal
//	fairlead consent show ID      what a consent says, what followed, and which shares relied on it
//	fairlead consent withdraw ID HOW [-of AGENCY] [-sections A,B] [-recipients X,Y]
//	                              take a consent back; HOW: in_person, phone, writing, through_guardian, portal
//	fairlead agreement list | show FILE|REF | propose FILE | sign REF
//	fairlead agreement suspend|resume|terminate REF REASON   at once: danger, breach, review, other
//	fairlead rules FILE           set the rules of this house: what it neither sends nor receives
//	fairlead policy lint FILE|REF            read an agreement as a data-protection officer would
//	fairlead policy matrix AGENCY AGENCY     who may send what to whom between two agencies
//	fairlead policy diff FILE|REF FILE|REF   what another version opens and closes, exactly
//	fairlead policy explain SHARE|DRAFT.yaml why a share was decided so, or how a draft would be
//	fairlead agencies             list the register as proved
//	fairlead staff add USER ROLE  make a signing key for one of the agency's people and put it on record
//	fairlead staff leave USER ROLE   say that one of them signs no more
//	fairlead escalate SHARE LEVEL    take a share one level up at the other agency: 1, 2, 3
//	fairlead permit SHARE DAY -sections A,B -recipients X,Y   let its recipient pass pages on until then
//	fairlead sent SHARE           show what this agency sent, from its own sealed copy
//	fairlead approve SHARE REASON sign, as a second person, for a share that is held
//	fairlead key rotate           make a new encryption key and announce it
//	fairlead tls CERT KEY         keep, sealed, the TLS certificate that a hub with client_ca asks for (PEM)
//	fairlead passphrase           seal the keys under another passphrase (-unsealed: under none)
//	fairlead recovery print       print a sheet that opens the keys when the passphrase is forgotten
//	fairlead recovery split       two sheets, of which both are needed
//	fairlead recovery use         read the sheets from the standard input, one a line; set a new passphrase
//	fairlead evidence FILE        write the file for an auditor: what the hub did wrong, if anything, with the bytes that show it
//	fairlead status               how far each share has come, who witnessed the log, and what the hub did wrong, if anything
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
	"strings"
	"syscall"

	"fairlead/internal/agreement"
	"fairlead/internal/store"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(exit(os.Stderr, run(ctx, os.Args[1:], os.Stdout, os.Stderr)))
}

var errUsage = errors.New("usage: fairlead enrol | reenrol | sponsor | join | invitation | sync | send | inbox | open | ack | recall ask | recall answer | consent | agreement | rules | policy | agencies | staff add | staff leave | escalate | permit | sent | approve | key rotate | tls | passphrase | recovery print|split|use | evidence | status; see: go doc fairlead/cmd/fairlead")

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
	if errors.Is(err, store.ErrInUse) && strings.Contains(err.Error(), "fairlead-gateway") {
		fmt.Fprintln(stderr, "It serves the pages of this agency, and they do most of it while they run: who joins, moves and leaves, invitations, approvals, "+
			"agreements, keys, messages. For anything else stop it, run this command, and start it again: what others send meanwhile waits at the hub.")
	}
	return 1
}

// command is one subcommand: how many arguments it takes and what it does.
type command struct {
	args int
	do   func(ctx context.Context, s *session) error
}

var commands = map[string]command{
	"enrol": {1, enrol}, "reenrol": {0, reenrol}, "sponsor": {2, sponsor}, "join": {1, join}, "invitation": {1, invitation}, "sync": {0, sync}, "send": {1, send}, "inbox": {0, inbox}, "open": {1, open}, "ack": {2, ack},
	"recall ask": {3, askBack}, "recall answer": {2, answerRecall},
	"consent": {1, send}, "consent show": {1, showConsent}, "consent withdraw": {2, withdrawConsent},
	"agreement list": {0, agreements}, "agreement show": {1, show}, "agreement propose": {1, propose}, "agreement sign": {1, signAgreement},
	"agreement suspend": {2, changeAgreement(agreement.Suspend)}, "agreement resume": {2, changeAgreement(agreement.Resume)},
	"agreement terminate": {2, changeAgreement(agreement.Terminate)},
	"rules":               {1, rules}, "policy lint": {1, lint}, "policy matrix": {2, matrix}, "policy diff": {2, diff}, "policy explain": {1, explain},
	"agencies": {0, agencies}, "key rotate": {0, rotate}, "staff add": {2, addStaff}, "staff leave": {2, removeStaff},
	"escalate": {2, escalate}, "permit": {2, permit}, "approve": {2, approve}, "sent": {1, own}, "evidence": {1, evidence}, "status": {0, status},
	"tls": {2, setTLS}, "passphrase": {0, passphrase}, "recovery print": {0, printSheets(1)}, "recovery split": {0, printSheets(2)}, "recovery use": {0, recoverKeys},
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	for words := min(2, len(args)); words > 0; words-- { // the longer name first: consent show, before consent FILE
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
