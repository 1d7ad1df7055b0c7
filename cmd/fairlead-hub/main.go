// Fairlead-hub is the hub: it takes in encrypted shares, decides them on their signed headers, records
// every decision in a tamper-evident log and delivers what is permitted. It holds the log's key and no
// case key.
//
// Usage:
//
//	fairlead-hub run -config FILE             run the hub
//	fairlead-hub nats-config -config FILE -o DIR    set up a nats-server that is a program of its own
//	fairlead-hub passphrase -config FILE      seal the hub's keys under another passphrase
//	fairlead-hub invite [ID] [-o FILE]        write a signed invitation, good for two weeks, for the agency of that id
//	fairlead-hub agency review REQUEST        show a request and the fingerprint to compare
//	fairlead-hub agency approve REQUEST [-keys DIR] [-o FILE]
//	                                          enrol the agency; write its admission. Where operators are on record,
//	                                          the first adds an approval to the file, the second completes it
//	fairlead-hub agency refuse REQUEST REASON       fingerprint, unknown, duplicate, not_entitled, other
//	fairlead-hub agency remove ID REASON            for good: key_loss, request, breach, other
//	fairlead-hub operator key NAME -keys DIR        make your own operator's key; print what goes on record
//	fairlead-hub operator set FILE [-keys DIR]      put the operators on record, or approve a new list
//	fairlead-hub agency list                  list enrolled agencies
//	fairlead-hub agency suspend|resume ID REASON    key_loss, request, breach, other
//	fairlead-hub agency revoke ID             end the connections of its user key, for good
//	fairlead-hub rules set FILE               set groups, country rules and tables of law
//	fairlead-hub erase ENTRIES REASON REFERENCE     erase details, such as 12,40-52; retention, order, request, mistake
//	fairlead-hub auditor add NAME             make an auditor's read credential, shown once
//
// All but run talk to a running hub through its socket: give -dir or -config. -json gives machines
// their form. Exit status: 0 done, 1 refused or failed, 2 wrong usage.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(exit(os.Stderr, run(ctx, os.Args[1:], os.Stdout, os.Stderr)))
}

var errUsage = errors.New("usage: fairlead-hub run | nats-config | passphrase | invite | agency review|approve|refuse|list|suspend|resume|remove|revoke | operator key|set | rules set | erase | auditor add; see: go doc fairlead/cmd/fairlead-hub")

// exit prints an error for a person and gives the exit status.
func exit(stderr io.Writer, err error) int {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errUsage):
		fmt.Fprintln(stderr, err)
		return 2
	}
	fmt.Fprintln(stderr, "fairlead-hub:", err)
	return 1
}

// commands are the subcommands by their words.
var commands = map[string]func(ctx context.Context, args []string, stdout, stderr io.Writer) error{
	"run": runHub, "nats-config": writeServer, "passphrase": passphrase, "invite": invite, "agency review": review, "agency approve": approve, "agency list": list,
	"agency suspend": suspend(true), "agency resume": suspend(false), "agency revoke": revoke, "agency refuse": refuse, "agency remove": remove, "operator key": newOperator, "operator set": setOperators, "rules set": setRules, "erase": erase, "auditor add": addAuditor,
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	for words := 1; words <= 2 && words <= len(args); words++ {
		name := args[0]
		if words == 2 {
			name += " " + args[1]
		}
		if command, ok := commands[name]; ok {
			return command(ctx, args[words:], stdout, stderr)
		}
	}
	return errUsage
}
