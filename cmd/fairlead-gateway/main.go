// Fairlead-gateway is the web face of one agency, on the agency's own machine: its staff sign in with
// passkeys, read what was delivered, answer it, and send. It holds the agency's keys, as fairlead does,
// and runs in its place: one program at a time takes the agency's mail.
//
// Usage:
//
//	fairlead-gateway run -config FILE                 serve the pages
//	fairlead-gateway invite -config FILE USER NAME    let one of the agency's people make a passkey:
//	                                                  prints an address that holds for a day
//
// USER is a pseudonym on the agency's register of staff (the page of people, or fairlead staff add); NAME, for colleagues,
// stays on this machine. Exit status: 0 done, 1 refused or failed, 2 wrong usage.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"fairlead/internal/store"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(exit(os.Stderr, run(ctx, os.Args[1:], os.Stdout, os.Stderr)))
}

var errUsage = errors.New("usage: fairlead-gateway run -config FILE | invite -config FILE USER NAME; see: go doc fairlead/cmd/fairlead-gateway")

// exit prints an error for a person and gives the exit status.
func exit(stderr io.Writer, err error) int {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errUsage):
		fmt.Fprintln(stderr, err)
		return 2
	}
	fmt.Fprintln(stderr, "fairlead-gateway:", err)
	if errors.Is(err, store.ErrInUse) {
		fmt.Fprintln(stderr, "One program at a time takes an agency's mail. A command of fairlead ends by itself: start the pages again then. Invitations can be made meanwhile.")
	}
	return 1
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) == 0 {
		return errUsage
	}
	switch args[0] {
	case "run":
		return runGateway(ctx, args[1:], stdout, stderr)
	case "invite":
		return invite(ctx, args[1:], stdout, stderr)
	}
	return errUsage
}
