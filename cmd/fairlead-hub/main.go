// Fairlead-hub is the hub: it takes in encrypted shares, decides them on their signed headers, records
// every decision in a tamper-evident log and delivers what is permitted. It holds the log's key and no
// case key.
//
// Usage:
//
//	fairlead-hub run -config FILE             run the hub
//	fairlead-hub invite [-o FILE]             write an invitation for a new agency
//	fairlead-hub agency review REQUEST        show a request and the fingerprint to compare
//	fairlead-hub agency approve REQUEST [-o FILE]   enrol the agency; write its admission
//	fairlead-hub agency list                  list enrolled agencies
//	fairlead-hub agency suspend|resume ID REASON    key_loss, request, breach, other
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

var errUsage = errors.New("usage: fairlead-hub run | invite | agency review|approve|list|suspend|resume | rules set | erase | auditor add; see: go doc fairlead/cmd/fairlead-hub")

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
	"run": runHub, "invite": invite, "agency review": review, "agency approve": approve, "agency list": list,
	"agency suspend": suspend(true), "agency resume": suspend(false), "rules set": setRules, "erase": erase, "auditor add": addAuditor,
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
